//! What a graph holds and costs: parameters and multiply-adds.

use std::collections::HashMap;

use super::{ModelProto, NodeProto, declared_shape, ints};

/// What a graph holds and costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cost {
    /// Numbers in the weights of convolutions and dense layers (scales and shapes not counted).
    pub parameters: u64,
    /// Multiply-adds of convolutions and dense layers for one input; `None` where a shape could not be followed.
    pub multiply_adds: Option<u64>,
}

/// Counts parameters and multiply-adds of a graph for one input of its declared shape.
pub fn cost(model: &ModelProto) -> Cost {
    let Some(graph) = &model.graph else {
        return Cost { parameters: 0, multiply_adds: None };
    };
    let weights: HashMap<&str, &[i64]> = graph.initializer.iter().map(|t| (t.name.as_str(), t.dims.as_slice())).collect();
    let size = |name: &str| weights.get(name).map_or(0, |dims| product(dims).unsigned_abs());
    let mut shapes: HashMap<&str, Vec<i64>> = HashMap::new();
    for input in &graph.input {
        if let Some(shape) = declared_shape(input) {
            shapes.insert(&input.name, shape);
        }
    }
    let (mut parameters, mut multiply_adds) = (0, Some(0));
    for node in &graph.node {
        let input = node.input.first().and_then(|name| shapes.get(name.as_str())).cloned();
        let weight = node.input.get(1).and_then(|name| weights.get(name.as_str())).copied();
        let shape = match (node.op_type.as_str(), input, weight) {
            ("Conv", input, Some(weight @ &[out, _, kh, kw])) => {
                parameters = node.input[1..].iter().map(|name| size(name)).fold(parameters, u64::saturating_add);
                let shape = input.and_then(|x| window(node, &x, [kh, kw], out));
                let macs = shape.as_ref().map(|s| product(&[s[2], s[3], product(weight)]).unsigned_abs());
                multiply_adds = multiply_adds.zip(macs).map(|(sum, macs): (u64, u64)| sum.saturating_add(macs));
                shape
            }
            ("Gemm" | "MatMul", _, Some(weight @ &[rows, columns])) => {
                parameters = node.input[1..].iter().map(|name| size(name)).fold(parameters, u64::saturating_add);
                let out = if node.attribute.iter().any(|a| a.name == "transB" && a.i == 1) { rows } else { columns };
                multiply_adds = multiply_adds.map(|sum| sum.saturating_add(product(weight).unsigned_abs()));
                Some(vec![1, out])
            }
            ("MaxPool" | "AveragePool", Some(x), _) => {
                ints(node, "kernel_shape").and_then(|kernel| window(node, &x, kernel.try_into().ok()?, *x.get(1)?))
            }
            ("GlobalAveragePool", Some(x), _) if x.len() == 4 => Some(vec![x[0], x[1], 1, 1]),
            ("Flatten", Some(x), _) if !x.is_empty() => Some(vec![x[0], product(&x[1..])]),
            (
                "Relu" | "Mul" | "Add" | "Sub" | "Div" | "Sigmoid" | "Softmax" | "Identity" | "BatchNormalization" | "Clip",
                x,
                _,
            ) => x,
            _ => None,
        };
        if let (Some(shape), Some(output)) = (shape, node.output.first()) {
            shapes.insert(output, shape);
        }
    }
    Cost { parameters, multiply_adds }
}

/// The product of sides; of sides that no machine can hold, as much as fits.
fn product(sides: &[i64]) -> i64 {
    sides.iter().fold(1, |product: i64, side| product.saturating_mul(*side))
}

/// The output shape of a convolution or a pool; `None` too where a number is so absurd that it cannot be counted with.
fn window(node: &NodeProto, input: &[i64], kernel: [i64; 2], channels: i64) -> Option<Vec<i64>> {
    let &[n, _, height, width] = input else { return None };
    let (strides, pads) = (ints(node, "strides").unwrap_or(vec![1, 1]), ints(node, "pads").unwrap_or(vec![0; 4]));
    let (&[down, across], &[top, left, bottom, right]) = (strides.as_slice(), pads.as_slice()) else { return None };
    let side = |size: i64, pads: [i64; 2], kernel: i64, stride: i64| {
        size.checked_add(pads[0])?.checked_add(pads[1])?.checked_sub(kernel)?.checked_div(stride)?.checked_add(1)
    };
    let (height, width) = (side(height, [top, bottom], kernel[0], down)?, side(width, [left, right], kernel[1], across)?);
    Some(vec![n, channels, height, width])
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::onnx::{DimensionProto, FLOAT, GraphBuilder, TensorShapeProto, TensorTypeProto, TypeProto};

    #[test]
    fn a_graph_counts_its_parameters_and_multiply_adds() {
        let mut g = GraphBuilder::new("tiny", "pixels", [1, 8, 8]);
        let x = g.scale("pixels", 1.0 / 255.0, 0.0);
        let x = g.conv(&x, &[0.1; 36], [4, 1, 3, 3], Some(&[0.0; 4]), 1, 1); // 36 x 64
        let x = g.relu(&x);
        let x = g.max_pool(&x, 2, 2);
        let x = g.flatten(&x);
        let x = g.dense(&x, &[0.1; 128], [2, 64], &[0.0; 2]); // 128
        let model = g.finish(&x, "logits", 2);
        assert_eq!(cost(&model), Cost { parameters: 36 + 4 + 128 + 2, multiply_adds: Some(36 * 64 + 128) });
        let again = ModelProto::parse(&model.encode_to_vec()).unwrap();
        assert_eq!(again, model);
    }

    /// Strides of 0 divided by zero, sides beyond i64 wrapped around or panicked, a pool of a vector read past its end.
    #[test]
    fn absurd_numbers_of_a_strangers_graph_are_counted_without_a_panic() {
        let made = || {
            let mut g = GraphBuilder::new("tiny", "pixels", [1, 8, 8]);
            let x = g.conv("pixels", &[0.1; 36], [4, 1, 3, 3], None, 1, 1);
            let x = g.max_pool(&x, 2, 2);
            let x = g.flatten(&x);
            let x = g.dense(&x, &[0.1; 128], [2, 64], &[0.0; 2]);
            g.finish(&x, "logits", 2)
        };
        for absurd in [0, -1, i64::MAX, i64::MIN] {
            for (node, attribute) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)] {
                let mut model = made();
                model.graph.as_mut().unwrap().node[node].attribute[attribute].ints.fill(absurd);
                cost(&model);
                model.graph.as_mut().unwrap().node[node].attribute[attribute].ints.clear();
                cost(&model);
            }
            let mut model = made();
            model.graph.as_mut().unwrap().initializer.iter_mut().for_each(|tensor| tensor.dims.fill(absurd));
            cost(&model);
            let shape = |model: &mut ModelProto, dims: Vec<i64>| {
                let dim = dims.into_iter().map(|side| DimensionProto { dim_value: Some(side), dim_param: None }).collect();
                let kind =
                    TypeProto { tensor_type: Some(TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) }) };
                model.graph.as_mut().unwrap().input[0].kind = Some(kind);
            };
            for op in ["Conv", "MaxPool", "Flatten", "GlobalAveragePool"] {
                for dims in [vec![], vec![absurd], vec![1, absurd, absurd, absurd]] {
                    let mut model = made();
                    shape(&mut model, dims);
                    model.graph.as_mut().unwrap().node[0].op_type = op.to_owned();
                    cost(&model);
                }
            }
        }
    }
}
