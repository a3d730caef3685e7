//! Weights stored in fewer bits. As 16-bit floats (IEEE 754 binary16), half the file: each becomes an f16 constant and a `Cast` to
//! f32. As whole numbers of 8 bits, a quarter of it: each output's become steps of a 127th of their greatest, and a
//! `DequantizeLinear`. Every engine of ONNX does either once, when it loads; here it is undone while the file is read.

use std::collections::{HashMap, HashSet};

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{AttributeProto, FLOAT, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, int, last_dense};

const INT8: i32 = 3;
const FLOAT16: i32 = 10;

/// Smaller tensors stay as they are: a node takes a hundred bytes itself.
const LEAST: usize = 256;

/// Tensors that are smaller than this take little room in 16 bits either, and the first layer, on which all others rest, is one.
const LEAST_WHOLE: usize = 2048;

/// The version of the standard operators since which `DequantizeLinear` takes a step an output.
const STEPS_SINCE: i64 = 13;

/// The steps of whole numbers on either side of zero.
const STEPS: f32 = 127.0;

impl ModelProto {
    /// Stores every weight of two dimensions or more as f16, rounded to the nearest. Biases, factors of norms, small tensors, and
    /// those with a number beyond what f16 holds (65,504) stay f32.
    pub fn halve(&mut self) {
        self.narrow(to_halves);
    }

    /// Stores every weight of two dimensions or more in whole numbers of 8 bits, those of each output (a row of the first dimension)
    /// in steps of a 127th of their greatest. Weights that are few become f16, and so do those of the layer that makes the graph's first
    /// output: what they lose the answer loses. Biases, factors of norms, tiny tensors, and those with a number that is none stay f32.
    /// Graphs of operators from before steps an output are [halved](Self::halve).
    pub fn quarter(&mut self) {
        let standard = |set: &&OperatorSetIdProto| matches!(set.domain.as_str(), "" | "ai.onnx");
        if self.opset_import.iter().find(standard).is_none_or(|set| set.version < STEPS_SINCE) {
            return self.halve();
        }
        let last = last_dense(self).and_then(|node| node.input.get(1)).cloned();
        let is_fine = |tensor: &TensorProto| {
            Some(&tensor.name) == last.as_ref() || wide(tensor).is_none_or(|values| values.len() < LEAST_WHOLE)
        };
        self.narrow(|tensor| if is_fine(tensor) { to_halves(tensor) } else { to_whole(tensor) });
    }

    /// Puts a node between each tensor that `store` stores in fewer bits and what reads it.
    fn narrow(&mut self, store: impl Fn(&mut TensorProto) -> Option<Narrow>) {
        let Some(graph) = &mut self.graph else { return };
        let (mut nodes, mut steps) = (Vec::new(), Vec::new());
        for tensor in &mut graph.initializer {
            let Some(Narrow { bits, operator, attribute, step }) = store(tensor) else { continue };
            tensor.float_data.clear();
            let stored = format!("{}_{bits}", tensor.name);
            let mut input = vec![stored.clone()];
            input.extend(step.iter().map(|step| step.name.clone()));
            nodes.push(NodeProto {
                input,
                output: vec![std::mem::replace(&mut tensor.name, stored.clone())],
                name: format!("{}_{stored}", operator.to_lowercase()),
                op_type: operator.to_owned(),
                attribute: vec![attribute],
                domain: String::new(),
            });
            steps.extend(step);
        }
        graph.initializer.extend(steps);
        graph.node.splice(0..0, nodes);
    }

    /// Undoes [`halve`](Self::halve) and [`quarter`](Self::quarter), but for the rounding: f16 constants that are only cast to f32,
    /// and 8-bit ones that are only multiplied by their steps, become f32. Says whether there were any.
    pub fn widen(&mut self) -> bool {
        let Some(graph) = &mut self.graph else { return false };
        let mut readers: HashMap<&str, usize> = HashMap::new();
        for name in graph.node.iter().flat_map(|node| &node.input) {
            *readers.entry(name).or_default() += 1;
        }
        let constants: HashMap<&str, &TensorProto> = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
        let alone = |name: &String| constants.get(name.as_str()).copied().filter(|_| readers[name.as_str()] == 1);
        let mut wide: HashMap<String, TensorProto> = HashMap::new();
        let mut undone: HashSet<String> = HashSet::new();
        for node in &graph.node {
            let (Some(stored), [output]) = (node.input.first().and_then(alone), node.output.as_slice()) else { continue };
            let values = match (node.op_type.as_str(), node.input.as_slice()) {
                ("Cast", [_]) if is(node, "to", i64::from(FLOAT)) => of_halves(stored),
                ("DequantizeLinear", [_, steps]) if is(node, "axis", 0) => alone(steps).and_then(|steps| of_whole(stored, steps)),
                _ => None,
            };
            let Some(values) = values else { continue };
            let mut tensor = TensorProto { dims: stored.dims.clone(), name: output.clone(), ..TensorProto::default() };
            tensor.set_floats(&values);
            undone.extend(node.input.iter().cloned());
            wide.insert(stored.name.clone(), tensor);
        }
        // Each stands where its narrow one stood; its steps are gone.
        graph.initializer.retain_mut(|tensor| match wide.remove(&tensor.name) {
            Some(wide) => {
                *tensor = wide;
                true
            }
            None => !undone.contains(&tensor.name),
        });
        graph.node.retain(|node| !node.input.first().is_some_and(|name| undone.contains(name)));
        !undone.is_empty()
    }
}

/// How a tensor is stored, and the node that makes it what it was.
struct Narrow {
    bits: &'static str,
    operator: &'static str,
    attribute: AttributeProto,
    /// The node's second input.
    step: Option<TensorProto>,
}

/// Whether an integer attribute is there with this value.
fn is(node: &NodeProto, name: &str, value: i64) -> bool {
    node.attribute.iter().any(|attribute| attribute.name == name && attribute.i == value)
}

/// The numbers of a tensor that is worth storing in fewer bits.
fn wide(tensor: &TensorProto) -> Option<Vec<f32>> {
    // A norm's factors have the dimensions [1, channels, 1, 1].
    if tensor.dims.iter().filter(|side| **side > 1).count() < 2 {
        return None;
    }
    tensor.floats().filter(|values| values.len() >= LEAST)
}

/// Makes the tensor one of f16, if its numbers fit.
fn to_halves(tensor: &mut TensorProto) -> Option<Narrow> {
    let values = wide(tensor)?;
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(&values);
    if !halves.iter().all(|value| value.is_finite()) {
        return None;
    }
    tensor.raw_data = halves.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor.data_type = FLOAT16;
    Some(Narrow { bits: "f16", operator: "Cast", attribute: int("to", i64::from(FLOAT)), step: None })
}

/// The numbers of a tensor of f16.
fn of_halves(tensor: &TensorProto) -> Option<Vec<f32>> {
    let (halves, []) = tensor.raw_data.as_chunks::<2>() else { return None };
    // Some files keep them elsewhere in the message.
    let stated = tensor.dims.iter().try_fold(1_usize, |product, side| product.checked_mul(usize::try_from(*side).ok()?));
    (tensor.data_type == FLOAT16 && stated == Some(halves.len()))
        .then(|| halves.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect())
}

/// Makes the tensor one of 8 bits, if its numbers are such.
fn to_whole(tensor: &mut TensorProto) -> Option<Narrow> {
    let values = wide(tensor)?;
    let outputs = values.chunks_exact(values.len() / usize::try_from(tensor.dims[0]).ok()?);
    let greatest = |output: &[f32]| output.iter().fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
    // Where all are zero any step will do.
    let steps: Vec<f32> = outputs.clone().map(greatest).map(|most| if most > 0.0 { most / STEPS } else { 1.0 }).collect();
    if !steps.iter().all(|step| step.is_normal()) || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let whole =
        outputs.zip(&steps).flat_map(|(output, step)| output.iter().map(move |value| (value / step).round_ties_even() as i8));
    tensor.raw_data = whole.map(i8::cast_unsigned).collect();
    tensor.data_type = INT8;
    let mut step = TensorProto { dims: vec![tensor.dims[0]], name: format!("{}_step", tensor.name), ..TensorProto::default() };
    step.set_floats(&steps);
    Some(Narrow { bits: "i8", operator: "DequantizeLinear", attribute: int("axis", 0), step: Some(step) })
}

/// The numbers of a tensor of 8 bits, each output's times its step.
fn of_whole(tensor: &TensorProto, steps: &TensorProto) -> Option<Vec<f32>> {
    let steps = steps.floats()?;
    let fits = tensor.data_type == INT8 && !steps.is_empty() && tensor.dims.first() == Some(&i64::try_from(steps.len()).ok()?);
    if !fits || !tensor.raw_data.len().is_multiple_of(steps.len()) || tensor.raw_data.is_empty() {
        return None;
    }
    let outputs = tensor.raw_data.chunks_exact(tensor.raw_data.len() / steps.len());
    Some(
        outputs
            .zip(steps)
            .flat_map(|(output, step)| output.iter().map(move |value| f32::from(value.cast_signed()) * step))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::GraphBuilder;
    use super::*;

    /// A convolution and a dense layer; the first weight of the convolution is `first`.
    fn model(first: f32) -> ModelProto {
        let mut g = GraphBuilder::new("tiny", "pixels", [1, 6, 6]);
        let mut weight: Vec<f32> = (0..256 * 9).map(|i| (i * 37 % 101) as f32 / 999.0 - 0.05).collect();
        weight[0] = first;
        let x = g.conv("pixels", &weight, [256, 1, 3, 3], Some(&[0.123_456_7; 256]), 1, 1);
        let x = g.global_average_pool(&x);
        let x = g.flatten(&x);
        let x = g.dense(&x, &[0.25; 256], [1, 256], &[0.0]);
        g.finish(&x, "logits", 1)
    }

    #[test]
    fn a_narrow_graph_is_smaller_and_comes_back_with_its_names_and_rounded_weights() {
        let before = model(0.1);
        // Half of the last digit kept: of a number itself, and of the greatest of its output.
        let (of_itself, of_greatest) = (1.0 / 2048.0, 0.051 / 254.0);
        type Case = (fn(&mut ModelProto), usize, f32, f32);
        let cases: [Case; 2] = [
            (ModelProto::halve, 256 * 9 * 2 - 150, of_itself, 0.0),
            // Less the steps, four bytes an output.
            (ModelProto::quarter, 256 * (9 * 3 - 4) - 200, 0.0, 1.001 * of_greatest),
        ];
        for (narrow, saved, relative, absolute) in cases {
            let mut after = before.clone();
            narrow(&mut after);
            let less = before.encoded_len() - after.encoded_len();
            assert!(less > saved, "{less} bytes");
            assert!(after.widen() && !after.clone().widen());
            let (before, after) = (before.graph.clone().unwrap(), after.graph.unwrap());
            assert_eq!(before.node, after.node);
            assert_eq!(before.initializer.len(), after.initializer.len());
            for (before, after) in before.initializer.iter().zip(&after.initializer) {
                assert_eq!((&before.name, &before.dims, before.data_type), (&after.name, &after.dims, after.data_type));
                let (old, new) = (before.floats().unwrap(), after.floats().unwrap());
                // The first output's greatest number is the first weight, which is twice the others'.
                let near = |(i, (a, b)): (usize, (&f32, &f32))| {
                    (a - b).abs() <= a.abs() * relative + absolute * if i < 9 { 2.0 } else { 1.0 }
                };
                assert!(old.iter().zip(&new).enumerate().all(near));
                assert_eq!(old != new, before.dims == [256, 1, 3, 3], "only the large weight was rounded: {:?}", before.dims);
            }
        }
    }

    #[test]
    fn whole_numbers_that_are_stored_again_stay_the_same() {
        let mut once = model(0.1);
        once.quarter();
        let mut again = once.clone();
        again.widen();
        again.quarter();
        let weights = |model: ModelProto| -> Vec<Vec<u8>> {
            model.graph.unwrap().initializer.into_iter().filter(|t| t.data_type == INT8).map(|t| t.raw_data).collect()
        };
        let [once, again] = [once, again].map(weights);
        assert_eq!((once.len(), once[0].len()), (1, 256 * 9));
        assert_eq!(once, again);
    }

    #[test]
    fn operators_from_before_steps_an_output_get_halves() {
        let [mut old, mut halved] = [model(0.1), model(0.1)];
        old.opset_import[0].version = 12;
        halved.opset_import[0].version = 12;
        old.quarter();
        halved.halve();
        assert_eq!(old, halved);
    }

    #[test]
    fn an_output_without_weights_stays_one() {
        let mut zeros = model(0.1);
        let weight = &mut zeros.graph.as_mut().unwrap().initializer[0];
        let mut values = weight.floats().unwrap();
        values[9..18].fill(0.0);
        weight.set_floats(&values);
        zeros.quarter();
        assert!(zeros.widen());
        assert_eq!(zeros.graph.unwrap().initializer[0].floats().unwrap()[9..18], [0.0; 9]);
    }

    #[test]
    fn numbers_that_do_not_fit_stay_as_they_are() {
        for (narrow, first) in [
            (ModelProto::halve as fn(&mut ModelProto), 70_000.0),
            (ModelProto::halve, f32::NAN),
            (ModelProto::quarter, f32::INFINITY),
            (ModelProto::quarter, f32::NAN),
        ] {
            let mut large = model(first);
            narrow(&mut large);
            assert!(!large.widen(), "{first}");
        }
    }

    #[test]
    fn nodes_that_only_look_like_ours_are_left() {
        let mut ours = model(0.1);
        ours.quarter();
        let node = |model: &mut ModelProto, edit: &dyn Fn(&mut NodeProto)| edit(&mut model.graph.as_mut().unwrap().node[0]);
        let edits: [&dyn Fn(&mut NodeProto); 4] = [
            &|node| node.attribute[0].i = 1,
            &|node| node.input.push("zero".to_owned()),
            &|node| node.input[1] = "absent".to_owned(),
            &|node| node.input[1] = node.input[0].clone(),
        ];
        for edit in edits {
            let mut other = ours.clone();
            node(&mut other, edit);
            let before = other.clone();
            assert!(!other.widen());
            assert_eq!(before, other);
        }
        // Steps for another count of outputs.
        let mut short = ours.clone();
        let steps = short.graph.as_mut().unwrap().initializer.iter_mut().find(|t| t.name.ends_with("_step")).unwrap();
        (steps.dims, steps.raw_data) = (vec![255], vec![0; 255 * 4]);
        assert!(!short.widen());
    }
}
