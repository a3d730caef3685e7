//! A graph, built node by node.

use super::{
    AttributeProto, DimensionProto, FLOAT, GraphProto, INT64, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

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
