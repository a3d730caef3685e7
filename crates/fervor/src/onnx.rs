//! The part of the ONNX format (onnx.proto, IR 8, opset 17) that bundles use, a small builder for graphs,
//! and counts of what a graph holds and costs.

use std::collections::HashMap;

use prost::Message;

use crate::error::{Error, Reason, Remedy, Result};

mod half;

pub(crate) const FLOAT: i32 = 1;
const INT64: i32 = 7;

#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(string, tag = "6")]
    pub doc_string: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntryProto {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
    #[prost(string, tag = "7")]
    pub domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub s: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    #[prost(float, repeated, packed = "false", tag = "7")]
    pub floats: Vec<f32>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub strings: Vec<Vec<u8>>,
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    #[prost(int32, repeated, packed = "false", tag = "5")]
    pub int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
    #[prost(double, repeated, packed = "false", tag = "10")]
    pub double_data: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}

impl ModelProto {
    /// Reads a model file's bytes; weights that are stored as f16 become f32.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): not ONNX, or without a graph.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut model = Self::parse_stored(bytes)?;
        model.widen();
        Ok(model)
    }

    /// Reads a model file's bytes as they are.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_stored(bytes: &[u8]) -> Result<Self> {
        let bad = || Error::model("not an ONNX model").because(Reason::Damaged).with_remedy(Remedy::TrainBundle);
        let model = Self::decode(bytes).map_err(|e| bad().with_source(e))?;
        if model.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) { Err(bad()) } else { Ok(model) }
    }

    /// The value of a metadata entry.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata_props.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// Sets a metadata entry, replacing one of the same key.
    pub fn set_metadata(&mut self, key: &str, value: String) {
        self.metadata_props.retain(|entry| entry.key != key);
        self.metadata_props.push(StringStringEntryProto { key: key.to_owned(), value });
    }
}

impl TensorProto {
    /// The numbers of an f32 tensor, row-major; `None` of another type, or where they do not fill its dimensions.
    pub fn floats(&self) -> Option<Vec<f32>> {
        let count = self.dims.iter().try_fold(1_usize, |count, side| count.checked_mul(usize::try_from(*side).ok()?))?;
        let values = match self.raw_data.as_chunks::<4>() {
            ([], []) => self.float_data.clone(),
            (chunks, []) => chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            _ => return None,
        };
        (self.data_type == FLOAT && values.len() == count).then_some(values)
    }

    /// Makes it an f32 tensor of these numbers; its dimensions stay.
    pub fn set_floats(&mut self, values: &[f32]) {
        self.data_type = FLOAT;
        self.float_data.clear();
        self.raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    }
}

/// The name of the value that the dense layer which makes the graph's first output reads.
pub fn last_dense_input(model: &ModelProto) -> Option<&str> {
    let graph = model.graph.as_ref()?;
    let output = &graph.output.first()?.name;
    let node = graph.node.iter().find(|node| node.output.first() == Some(output))?;
    matches!(node.op_type.as_str(), "Gemm" | "MatMul").then(|| node.input.first().map(String::as_str)).flatten()
}

/// The biases of the dense layer which makes the graph's first output.
pub(crate) fn last_dense_bias(model: &mut ModelProto) -> Option<&mut TensorProto> {
    let graph = model.graph.as_mut()?;
    let output = &graph.output.first()?.name;
    let node = graph.node.iter().find(|node| node.output.first() == Some(output) && node.op_type == "Gemm")?;
    let name = node.input.get(2)?;
    graph.initializer.iter_mut().find(|tensor| tensor.name == *name)
}

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

/// A value's declared shape; a named side, which is the batch, counts for one.
pub(crate) fn declared_shape(value: &ValueInfoProto) -> Option<Vec<i64>> {
    let shape = value.kind.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    Some(shape.dim.iter().map(|dim| dim.dim_value.unwrap_or(1)).collect())
}

/// An attribute of integers.
pub(crate) fn ints(node: &NodeProto, name: &str) -> Option<Vec<i64>> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.ints.clone())
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

/// Builds a graph node by node; each method returns the name of its output value.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    graph: GraphProto,
    count: usize,
}

impl GraphBuilder {
    /// A graph with one f32 input `[n, channels, height, width]`, `n` free.
    pub fn new(name: &str, input: &str, [channels, height, width]: [usize; 3]) -> Self {
        let shape = [None, Some(channels), Some(height), Some(width)];
        let graph = GraphProto { name: name.to_owned(), input: vec![value_info(input, &shape)], ..Default::default() };
        Self { graph, count: 0 }
    }

    /// A node with one output.
    pub fn node(&mut self, op_type: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        self.count += 1;
        let name = format!("{}_{}", op_type.to_lowercase(), self.count);
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op_type.to_owned(),
            attribute: attributes,
            domain: String::new(),
        });
        name
    }

    /// A constant f32 tensor.
    ///
    /// # Panics
    /// If the values do not fill the shape.
    pub fn tensor(&mut self, shape: &[usize], values: &[f32]) -> String {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "values must fill {shape:?}");
        let mut tensor = TensorProto::default();
        tensor.set_floats(values);
        self.initializer(shape, tensor)
    }

    /// A constant i64 vector.
    pub fn integers(&mut self, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(&[values.len()], TensorProto { data_type: INT64, raw_data, ..TensorProto::default() })
    }

    fn initializer(&mut self, shape: &[usize], tensor: TensorProto) -> String {
        self.count += 1;
        let name = format!("constant_{}", self.count);
        let dims = shape.iter().map(|&side| side as i64).collect();
        self.graph.initializer.push(TensorProto { dims, name: name.clone(), ..tensor });
        name
    }

    /// `x * scale + shift`, one value each: brings raw 0..=255 pixels into the network's range.
    pub fn scale(&mut self, x: &str, scale: f32, shift: f32) -> String {
        let factor = self.tensor(&[], &[scale]);
        let scaled = self.node("Mul", &[x, &factor], vec![]);
        if shift == 0.0 {
            return scaled;
        }
        let offset = self.tensor(&[], &[shift]);
        self.node("Add", &[&scaled, &offset], vec![])
    }

    /// `x * scale + shift` a channel of `[n, c, h, w]`.
    pub fn scale_channels(&mut self, x: &str, scale: &[f32], shift: &[f32]) -> String {
        let factor = self.tensor(&[1, scale.len(), 1, 1], scale);
        let scaled = self.node("Mul", &[x, &factor], vec![]);
        let offset = self.tensor(&[1, shift.len(), 1, 1], shift);
        self.node("Add", &[&scaled, &offset], vec![])
    }

    /// Convolution; `weight` is `[out, in / groups, kh, kw]`, padding the same on four sides.
    pub fn conv(
        &mut self,
        x: &str,
        weight: &[f32],
        shape: [usize; 4],
        bias: Option<&[f32]>,
        stride: usize,
        padding: usize,
    ) -> String {
        let mut inputs = vec![x.to_owned(), self.tensor(&shape, weight)];
        if let Some(bias) = bias {
            inputs.push(self.tensor(&[shape[0]], bias));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let (s, p) = (stride as i64, padding as i64);
        let attributes = vec![
            int_list("kernel_shape", &[shape[2] as i64, shape[3] as i64]),
            int_list("strides", &[s, s]),
            int_list("pads", &[p, p, p, p]),
        ];
        self.node("Conv", &inputs, attributes)
    }

    /// Fully connected layer; `weight` is `[out, in]`.
    pub fn dense(&mut self, x: &str, weight: &[f32], shape: [usize; 2], bias: &[f32]) -> String {
        let weight = self.tensor(&shape, weight);
        let bias = self.tensor(&[shape[0]], bias);
        self.node("Gemm", &[x, &weight, &bias], vec![int("transB", 1)])
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: &str) -> String {
        self.node("Relu", &[x], vec![])
    }

    /// Square max pooling without padding.
    pub fn max_pool(&mut self, x: &str, kernel: usize, stride: usize) -> String {
        let (k, s) = (kernel as i64, stride as i64);
        self.node("MaxPool", &[x], vec![int_list("kernel_shape", &[k, k]), int_list("strides", &[s, s])])
    }

    /// Sum of two values of the same shape.
    pub fn add(&mut self, a: &str, b: &str) -> String {
        self.node("Add", &[a, b], vec![])
    }

    /// Mean over height and width: `[n, c, 1, 1]`.
    pub fn global_average_pool(&mut self, x: &str) -> String {
        self.node("GlobalAveragePool", &[x], vec![])
    }

    /// `[n, c, h, w]` to `[n, c * h * w]`.
    pub fn flatten(&mut self, x: &str) -> String {
        self.node("Flatten", &[x], vec![int("axis", 1)])
    }

    /// Names the value `x` as the graph's output `[n, k]` and closes the graph.
    pub fn finish(mut self, x: &str, output: &str, k: usize) -> ModelProto {
        for node in &mut self.graph.node {
            for name in node.output.iter_mut().chain(&mut node.input) {
                if name == x {
                    output.clone_into(name);
                }
            }
        }
        self.graph.output.push(value_info(output, &[None, Some(k)]));
        ModelProto {
            ir_version: 8,
            producer_name: "fervor".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            ..Default::default()
        }
    }
}

pub(crate) fn value_info(name: &str, shape: &[Option<usize>]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|side| match side {
            Some(side) => DimensionProto { dim_value: Some(*side as i64), dim_param: None },
            None => DimensionProto { dim_value: None, dim_param: Some("n".to_owned()) },
        })
        .collect();
    let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), kind: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

/// An integer attribute.
pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: value, kind: 2, ..Default::default() }
}

/// An attribute that is a list of integers.
pub fn int_list(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: values.to_vec(), kind: 7, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_tensor_gives_its_numbers_however_they_are_stored() {
        let raw = TensorProto {
            dims: vec![2],
            data_type: FLOAT,
            raw_data: [1.5_f32, -2.0].map(f32::to_le_bytes).concat(),
            ..Default::default()
        };
        assert_eq!(raw.floats().unwrap(), [1.5, -2.0]);
        let listed = TensorProto { raw_data: vec![], float_data: vec![1.5, -2.0], ..raw.clone() };
        assert_eq!(listed.floats(), raw.floats());
        for wrong in [
            TensorProto { data_type: INT64, ..raw.clone() },
            TensorProto { dims: vec![3], ..raw.clone() },
            TensorProto { dims: vec![-2], ..raw.clone() },
            TensorProto { dims: vec![i64::MAX, i64::MAX], ..raw.clone() },
            TensorProto { raw_data: vec![0; 7], ..raw.clone() },
        ] {
            assert_eq!(wrong.floats(), None, "{wrong:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        for bytes in [&b""[..], b"hello", &[0xFF; 40]] {
            assert!(ModelProto::parse(bytes).is_err());
        }
    }
}
