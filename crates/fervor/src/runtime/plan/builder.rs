//! From a graph to a plan: node by node, with what follows a convolution alone done by the same layer.

use std::collections::HashMap;
use std::sync::Mutex;

use fervor_simd::maps::{Affine, Conv, Dense, Shape, quads};

use super::{Plan, Row, Step};
use crate::onnx::{GraphProto, NodeProto, TensorProto};
use crate::runtime::Greatest;

/// Longest side of a picture, and most channels; a graph with more stays with the general engine.
const LARGEST: usize = 4096;
/// Most numbers in the maps of all values.
const NUMBERS: usize = 1 << 28;

/// A constant of the graph.
struct Constant<'a> {
    dims: Vec<usize>,
    tensor: &'a TensorProto,
}

impl Constant<'_> {
    fn values(&self) -> Option<Vec<f32>> {
        self.tensor.floats()
    }
}

/// What a name of the graph stands for.
#[derive(Clone, Copy)]
enum Value {
    /// The input, or the input times something plus something.
    Input,
    Maps(usize),
    Row(usize),
}

/// Makes the plan node by node. Everything unknown ends it with `None`.
pub(super) struct Builder<'a> {
    graph: &'a GraphProto,
    constants: HashMap<&'a str, Constant<'a>>,
    /// The nodes that read a value.
    readers: HashMap<&'a str, Vec<usize>>,
    values: HashMap<&'a str, Value>,
    done: Vec<bool>,
    affine: Affine,
    input: [usize; 3],
    trunk: Vec<Step>,
    head: Vec<(Dense, [usize; 2])>,
    slots: Vec<Shape>,
    rows: Vec<Row>,
    eight_bit: Option<&'a Greatest>,
    /// What convolutions read that could be whole numbers.
    read: Vec<(String, usize)>,
    /// Slots that exist in whole numbers, too, and where.
    whole: HashMap<usize, usize>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(graph: &'a GraphProto, eight_bit: Option<&'a Greatest>) -> Option<Self> {
        let [input] = graph.input.as_slice() else { return None };
        let shape = &input.kind.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?.dim;
        let [batch, sides @ ..] = shape.as_slice() else { return None };
        let sides: Vec<usize> = sides.iter().map(|side| usize::try_from(side.dim_value?).ok()).collect::<Option<_>>()?;
        let &[channels, height, width] = sides.as_slice() else { return None };
        if batch.dim_value.is_some_and(|n| n > 0) || ![channels, height, width].iter().all(|side| (1..=LARGEST).contains(side)) {
            return None;
        }
        let constants = graph.initializer.iter().map(|tensor| {
            let dims = tensor.dims.iter().map(|side| usize::try_from(*side).ok()).collect::<Option<_>>()?;
            Some((tensor.name.as_str(), Constant { dims, tensor }))
        });
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, node) in graph.node.iter().enumerate() {
            for name in &node.input {
                readers.entry(name).or_default().push(i);
            }
        }
        Some(Self {
            graph,
            constants: constants.collect::<Option<_>>()?,
            readers,
            values: HashMap::from([(input.name.as_str(), Value::Input)]),
            done: vec![false; graph.node.len()],
            affine: Affine { scale: vec![1.0; channels], shift: vec![0.0; channels] },
            input: [channels, height, width],
            trunk: Vec::new(),
            head: Vec::new(),
            slots: Vec::new(),
            rows: Vec::new(),
            eight_bit,
            read: Vec::new(),
            whole: HashMap::new(),
        })
    }

    pub(super) fn build(mut self) -> Option<Plan> {
        // Operators of others may have names of the standard's.
        if !self.graph.node.iter().all(|node| matches!(node.domain.as_str(), "" | "ai.onnx")) {
            return None;
        }
        for i in 0..self.graph.node.len() {
            if !self.done[i] {
                self.node(i)?;
            }
        }
        let [output] = self.graph.output.as_slice() else { return None };
        let Value::Row(output) = *self.values.get(output.name.as_str())? else { return None };
        if !self.rows[output].flat {
            return None;
        }
        Some(Plan {
            input: self.input,
            trunk: self.trunk,
            head: self.head,
            slots: self.slots,
            read: self.read,
            rows: self.rows,
            output,
            idle: Mutex::new(Vec::new()),
        })
    }

    fn node(&mut self, i: usize) -> Option<()> {
        let node = &self.graph.node[i];
        let from = *self.values.get(node.input.first()?.as_str())?;
        let name = single_output(node)?;
        // The affine map of the input is one for the whole graph.
        let alone = self.readers[node.input[0].as_str()].len() == 1;
        if matches!(from, Value::Input) && !alone {
            return None;
        }
        match (node.op_type.as_str(), from) {
            ("Mul" | "Add", Value::Input) => {
                let affine = self.affine_of(node, self.input[0])?;
                self.affine = then(&self.affine, &affine);
                self.values.insert(name, Value::Input);
            }
            ("Conv", from) => self.conv(i, from)?,
            ("MaxPool", Value::Maps(from)) => {
                let (kernel, stride) = pool(node)?;
                let shape = self.slots[from];
                let side = |size: usize| Some(size.checked_sub(kernel)? / stride + 1);
                let [height, width] = [side(shape.height)?, side(shape.width)?];
                let to = self.slot(name, height, width, shape.channels)?;
                self.trunk.push(Step::Pool { kernel, stride, from, to });
            }
            ("GlobalAveragePool", Value::Maps(from)) => {
                let shape = self.slots[from];
                let row = self.row(name, shape.channels, None);
                self.rows[row].flat = false;
                self.trunk.push(Step::Mean { from, row });
            }
            ("Flatten", Value::Maps(from)) if attribute(node, "axis", 1) => {
                let shape = self.slots[from];
                let maps = [shape.height, shape.width, shape.channels];
                // Its only border could come from a convolution beside it.
                if shape.border > 0 {
                    return None;
                }
                let row = self.row(name, maps.iter().product(), Some(maps));
                self.trunk.push(Step::Flatten { from, row });
            }
            ("Flatten", Value::Row(row)) if attribute(node, "axis", 1) && self.rows[row].maps.is_none() => {
                // A mean is one number a channel: already flat. The later name is the one that dense layers know.
                self.rows[row].name = name.to_owned();
                self.rows[row].flat = true;
                self.values.insert(name, Value::Row(row));
            }
            ("Gemm", Value::Row(from)) if self.rows[from].flat => self.dense(i, from)?,
            _ => return None,
        }
        self.done[i] = true;
        Some(())
    }

    /// A convolution and what follows it alone: adding a shortcut, ReLU, an affine map, pooling by two.
    fn conv(&mut self, i: usize, from: Value) -> Option<()> {
        let node = &self.graph.node[i];
        let weight = self.constants.get(node.input.get(1)?.as_str())?;
        let dims: [usize; 4] = weight.dims.clone().try_into().ok()?;
        let weight = weight.values()?;
        let bias = match node.input.get(2).map(String::as_str) {
            Some("") | None => None,
            Some(name) => Some(self.constants.get(name)?.values()?),
        };
        let (stride, padding) = window(node, [dims[2], dims[3]])?;
        if !attribute(node, "group", 1) {
            return None;
        }
        let mut greatest = None;
        let from = match from {
            Value::Input => self.load()?,
            Value::Maps(slot) => {
                greatest = self.readable(&node.input[0], slot);
                slot
            }
            Value::Row(_) => return None,
        };
        let shape = self.slots[from];
        let side =
            |size: usize, kernel: usize| Some(size.checked_add(padding.checked_mul(2)?)?.checked_sub(kernel)? / stride + 1);
        let [height, width] = [side(shape.height, dims[2])?, side(shape.width, dims[3])?];

        let mut name = single_output(node)?;
        let (mut shortcut, mut relu, mut after, mut pooled) = (None, false, None, false);
        while let Some(next) = self.only_reader(name) {
            let reader = &self.graph.node[next];
            match reader.op_type.as_str() {
                "Relu" if !relu && after.is_none() => relu = true,
                "Add" if !relu && shortcut.is_none() && after.is_none() && self.other(reader, name).is_some() => {
                    shortcut = self.other(reader, name);
                }
                "Mul" | "Add" if relu && shortcut.is_none() => {
                    let Some(affine) = self.affine_of(reader, dims[0]) else { break };
                    after = Some(after.map_or(affine.clone(), |before| then(&before, &affine)));
                }
                "MaxPool" if shortcut.is_none() && pool(reader) == Some((2, 2)) && height > 1 && width > 1 => pooled = true,
                _ => break,
            }
            self.done[next] = true;
            name = single_output(reader)?;
            if pooled {
                break;
            }
        }

        let convolved = Shape { height, width, channels: dims[0], border: 0 };
        let (height, width) = if pooled { (height / 2, width / 2) } else { (height, width) };
        let to = self.slot(name, height, width, dims[0])?;
        if let Some(shortcut) = shortcut {
            let held = self.slots[shortcut];
            if (held.height, held.width, held.channels) != (height, width, dims[0]) {
                return None;
            }
            self.trunk.push(Step::Copy { from: shortcut, to });
        }
        let target = if pooled { convolved } else { self.slots[to] };
        let (shapes, bias, onto) = ([shape, target], bias.as_deref(), shortcut.is_some());
        let (conv, from) = match greatest {
            None => (Conv::new((&weight, dims), bias, (stride, padding), shapes, onto, relu)?, from),
            Some(greatest) => {
                let conv = Conv::quads((&weight, dims), bias, (stride, padding), shapes, (onto, relu), greatest)?;
                (conv, self.whole(from, greatest)?)
            }
        };
        self.trunk.push(Step::Conv { conv: Box::new(conv), after, pooled, from, to });
        Some(())
    }

    /// Notes that a convolution reads a map that could be whole numbers; the number of the greatest, if it shall be.
    fn readable(&mut self, name: &str, slot: usize) -> Option<f32> {
        quads::shape(self.slots[slot])?;
        if self.read.iter().all(|(_, known)| *known != slot) {
            self.read.push((name.to_owned(), slot));
        }
        self.eight_bit?.get(name).copied()
    }

    /// The slot of the same maps in whole numbers.
    fn whole(&mut self, from: usize, greatest: f32) -> Option<usize> {
        if let Some(slot) = self.whole.get(&from) {
            return Some(*slot);
        }
        let to = self.slots.len();
        self.push(quads::shape(self.slots[from])?)?;
        self.trunk.push(Step::Quantize { greatest, from, to });
        self.whole.insert(from, to);
        Some(to)
    }

    fn dense(&mut self, i: usize, from: usize) -> Option<()> {
        let node = &self.graph.node[i];
        let weight = self.constants.get(node.input.get(1)?.as_str())?;
        let &[columns, depth] = weight.dims.as_slice() else { return None };
        let weight = weight.values()?;
        let bias =
            self.constants.get(node.input.get(2)?.as_str()).filter(|bias| matches!(bias.dims[..], [_] | [1, _]))?.values()?;
        let plain = node.attribute.iter().all(|a| match a.name.as_str() {
            "transB" => a.i == 1,
            "transA" => a.i == 0,
            "alpha" | "beta" => a.f == 1.0,
            _ => false,
        });
        let fits = depth == self.rows[from].len && bias.len() == columns && columns > 0;
        if !plain || !fits || !node.attribute.iter().any(|a| a.name == "transB") {
            return None;
        }
        let mut name = single_output(node)?;
        let mut relu = false;
        if let Some(next) = self.only_reader(name).filter(|next| self.graph.node[*next].op_type == "Relu") {
            (relu, self.done[next]) = (true, true);
            name = single_output(&self.graph.node[next])?;
        }
        // The weights in the order that the numbers of the row lie in.
        let mut order = vec![0; depth];
        (0..depth).for_each(|at| order[self.rows[from].place(at)] = at);
        let layer = Dense::new(depth, bias, relu, |column, k| weight[column * depth + order[k]]);
        let to = self.row(name, columns, None);
        self.head.push((layer, [from, to]));
        Some(())
    }

    /// The slot of the input after its affine map.
    fn load(&mut self) -> Option<usize> {
        let [channels, height, width] = self.input;
        let border = self.graph.node.iter().filter(|node| node.op_type == "Conv").find_map(padding_of).unwrap_or(0);
        // The first convolution is the only reader of the input.
        if !self.slots.is_empty() {
            return None;
        }
        let shape = Shape { height, width, channels, border };
        self.push(shape)?;
        self.trunk.push(Step::Load { affine: self.affine.clone(), to: 0 });
        Some(0)
    }

    /// A new slot, with the border that the convolutions that read it need.
    fn slot(&mut self, name: &'a str, height: usize, width: usize, channels: usize) -> Option<usize> {
        let readers = self.readers.get(name)?;
        let border = readers.iter().map(|i| &self.graph.node[*i]).filter(|node| node.op_type == "Conv");
        let border = border.map(padding_of).collect::<Option<Vec<_>>>()?.into_iter().max().unwrap_or(0);
        let shape = Shape { height, width, channels, border };
        self.push(shape)?;
        self.values.insert(name, Value::Maps(self.slots.len() - 1));
        Some(self.slots.len() - 1)
    }

    /// A new slot of this shape, if it is not absurd.
    fn push(&mut self, shape: Shape) -> Option<()> {
        let sides = [shape.height, shape.width, shape.channels, shape.border];
        // Few enough in all that memory stays bounded, however many layers a file lists.
        let held: usize = self.slots.iter().map(Shape::len).sum();
        let fits = sides.iter().all(|side| *side <= 4 * LARGEST) && held.checked_add(shape.checked_len()?)? <= NUMBERS;
        fits.then(|| self.slots.push(shape))
    }

    fn row(&mut self, name: &'a str, len: usize, maps: Option<[usize; 3]>) -> usize {
        self.rows.push(Row { name: name.to_owned(), len, flat: true, maps });
        self.values.insert(name, Value::Row(self.rows.len() - 1));
        self.rows.len() - 1
    }

    /// The node that reads a value, if it is the only one and the value is not the graph's output.
    fn only_reader(&self, name: &str) -> Option<usize> {
        match self.readers.get(name).map(Vec::as_slice) {
            Some(&[one]) if self.graph.output.iter().all(|output| output.name != name) => Some(one),
            _ => None,
        }
    }

    /// The maps that a sum adds to the value `name`, if they are there already.
    fn other(&self, node: &NodeProto, name: &str) -> Option<usize> {
        let [a, b] = node.input.as_slice() else { return None };
        match self.values.get(if a == name { b.as_str() } else { a.as_str() }) {
            Some(Value::Maps(slot)) => Some(*slot),
            _ => None,
        }
    }

    /// `Mul` or `Add` with one constant number, or one a channel.
    fn affine_of(&self, node: &NodeProto, channels: usize) -> Option<Affine> {
        let constant = node.input.iter().find_map(|name| self.constants.get(name.as_str()))?;
        let values = constant.values()?;
        let values = match constant.dims.as_slice() {
            [] | [1] => vec![values[0]; channels],
            [1, c, 1, 1] | [c, 1, 1] if *c == channels => values,
            _ => return None,
        };
        Some(if node.op_type == "Mul" {
            Affine { shift: vec![0.0; channels], scale: values }
        } else {
            Affine { scale: vec![1.0; channels], shift: values }
        })
    }
}

/// `after` applied to what `before` gives.
fn then(before: &Affine, after: &Affine) -> Affine {
    let shift = before.shift.iter().zip(&after.scale).zip(&after.shift).map(|((shift, scale), more)| shift * scale + more);
    Affine { scale: before.scale.iter().zip(&after.scale).map(|(a, b)| a * b).collect(), shift: shift.collect() }
}

fn single_output(node: &NodeProto) -> Option<&str> {
    match node.output.as_slice() {
        [name] => Some(name),
        _ => None,
    }
}

/// Whether an integer attribute has this value, or is missing and this is what that means.
fn attribute(node: &NodeProto, name: &str, value: i64) -> bool {
    node.attribute.iter().find(|attribute| attribute.name == name).is_none_or(|attribute| attribute.i == value)
}

/// An attribute of integers that are all the same; `missing` where there is none.
fn even(node: &NodeProto, name: &str, missing: usize) -> Option<usize> {
    match crate::onnx::ints(node, name) {
        None => Some(missing),
        Some(ints) => {
            let first = *ints.first()?;
            ints.iter().all(|value| *value == first).then(|| usize::try_from(first).ok()).flatten()
        }
    }
}

fn padding_of(node: &NodeProto) -> Option<usize> {
    even(node, "pads", 0)
}

/// Stride and padding of a convolution whose attributes are all known.
fn window(node: &NodeProto, kernel: [usize; 2]) -> Option<(usize, usize)> {
    let known = |a: &str| matches!(a, "kernel_shape" | "strides" | "pads" | "group" | "dilations");
    let agrees = crate::onnx::ints(node, "kernel_shape").is_none_or(|ints| ints == kernel.map(|side| side as i64));
    let plain = node.attribute.iter().all(|a| known(&a.name)) && even(node, "dilations", 1) == Some(1) && agrees;
    let stride = even(node, "strides", 1).filter(|stride| *stride > 0)?;
    plain.then_some((stride, padding_of(node)?))
}

/// Kernel and stride of a square pooling without padding.
fn pool(node: &NodeProto) -> Option<(usize, usize)> {
    let known = |a: &str| matches!(a, "kernel_shape" | "strides" | "pads" | "dilations" | "ceil_mode" | "storage_order");
    let plain = node.attribute.iter().all(|a| known(&a.name))
        && padding_of(node) == Some(0)
        && even(node, "dilations", 1) == Some(1)
        && attribute(node, "ceil_mode", 0);
    let kernel = even(node, "kernel_shape", 0).filter(|kernel| *kernel > 0)?;
    let stride = even(node, "strides", 1).filter(|stride| *stride > 0)?;
    plain.then_some((kernel, stride))
}
