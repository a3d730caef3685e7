//! Weights as 16-bit floats (IEEE 754 binary16): half the file. In the graph each becomes an f16 constant and a `Cast` to f32,
//! which every engine of ONNX does once, when it loads; here it is undone while the file is read.

use std::collections::{HashMap, HashSet};

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{FLOAT, ModelProto, NodeProto, TensorProto, int};

const FLOAT16: i32 = 10;

/// Smaller tensors stay as they are: a `Cast` takes a hundred bytes itself.
const LEAST: usize = 256;

impl ModelProto {
    /// Stores every weight of two dimensions or more as f16, rounded to the nearest. Biases, factors of norms, small tensors, and
    /// those with a number beyond what f16 holds (65,504) stay f32.
    pub fn halve(&mut self) {
        let Some(graph) = &mut self.graph else { return };
        let mut casts = Vec::new();
        for tensor in &mut graph.initializer {
            let Some(halves) = halves(tensor) else { continue };
            tensor.raw_data = halves.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensor.float_data.clear();
            tensor.data_type = FLOAT16;
            let stored = format!("{}_f16", tensor.name);
            casts.push(NodeProto {
                input: vec![stored.clone()],
                output: vec![std::mem::replace(&mut tensor.name, stored.clone())],
                name: format!("cast_{stored}"),
                op_type: "Cast".to_owned(),
                attribute: vec![int("to", i64::from(FLOAT))],
                domain: String::new(),
            });
        }
        graph.node.splice(0..0, casts);
    }

    /// Undoes [`halve`](Self::halve), but for the rounding: f16 constants that are only cast to f32 become f32. Says whether
    /// there were any.
    pub fn widen(&mut self) -> bool {
        let Some(graph) = &mut self.graph else { return false };
        let is_cast =
            |node: &NodeProto| node.op_type == "Cast" && node.attribute.iter().any(|a| a.name == "to" && a.i == i64::from(FLOAT));
        let mut wide: HashMap<String, String> = HashMap::new();
        let mut read_twice = HashSet::new();
        for node in &graph.node {
            for name in &node.input {
                match (is_cast(node), node.output.as_slice()) {
                    (true, [output]) if !wide.contains_key(name) => drop(wide.insert(name.clone(), output.clone())),
                    _ => drop(read_twice.insert(name.clone())),
                }
            }
        }
        wide.retain(|name, _| !read_twice.contains(name));
        let mut widened = HashSet::new();
        for tensor in graph.initializer.iter_mut().filter(|tensor| tensor.data_type == FLOAT16) {
            let Some(name) = wide.get(&tensor.name) else { continue };
            let (halves, []) = tensor.raw_data.as_chunks::<2>() else { continue };
            let values: Vec<f32> = halves.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect();
            tensor.set_floats(&values);
            tensor.name.clone_from(name);
            widened.insert(name.clone());
        }
        graph.node.retain(|node| !(is_cast(node) && node.output.first().is_some_and(|output| widened.contains(output))));
        !widened.is_empty()
    }
}

/// The tensor's numbers as f16, if it is one that is stored so.
fn halves(tensor: &TensorProto) -> Option<Vec<f16>> {
    // A norm's factors have the dimensions [1, channels, 1, 1].
    if tensor.dims.iter().filter(|side| **side > 1).count() < 2 {
        return None;
    }
    let values = tensor.floats()?;
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(&values);
    (values.len() >= LEAST && halves.iter().all(|value| value.is_finite())).then_some(halves)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::GraphBuilder;
    use super::*;

    /// A convolution and a dense layer; the first weight of the convolution is `first`.
    fn model(first: f32) -> ModelProto {
        let mut g = GraphBuilder::new("tiny", "pixels", [1, 6, 6]);
        let mut weight: Vec<f32> = (0..32 * 9).map(|i| (i * 37 % 101) as f32 / 999.0 - 0.05).collect();
        weight[0] = first;
        let x = g.conv("pixels", &weight, [32, 1, 3, 3], Some(&[0.123_456_7; 32]), 1, 1);
        let x = g.global_average_pool(&x);
        let x = g.flatten(&x);
        let x = g.dense(&x, &[0.25; 64], [2, 32], &[0.0; 2]);
        g.finish(&x, "logits", 2)
    }

    #[test]
    fn a_halved_graph_is_smaller_and_comes_back_with_its_names_and_rounded_weights() {
        let before = model(0.1);
        let mut after = before.clone();
        after.halve();
        assert!(before.encoded_len() - after.encoded_len() > 32 * 9 * 2 - 100, "two bytes a weight, less one node");
        assert!(after.widen() && !after.clone().widen());
        let (before, after) = (before.graph.unwrap(), after.graph.unwrap());
        assert_eq!(before.node, after.node);
        for (before, after) in before.initializer.iter().zip(&after.initializer) {
            assert_eq!((&before.name, &before.dims, before.data_type), (&after.name, &after.dims, after.data_type));
            let (old, new) = (before.floats().unwrap(), after.floats().unwrap());
            assert!(old.iter().zip(&new).all(|(a, b)| (a - b).abs() <= a.abs() / 2048.0));
            assert_eq!(old != new, before.dims == [32, 1, 3, 3], "only the large weight was rounded: {:?}", before.dims);
        }
    }

    #[test]
    fn numbers_that_do_not_fit_stay_as_they_are() {
        for first in [70_000.0, f32::NAN] {
            let mut large = model(first);
            large.halve();
            assert!(!large.widen());
        }
    }
}
