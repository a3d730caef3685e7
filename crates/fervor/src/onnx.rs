//! The part of the ONNX format (onnx.proto, IR 8, opset 17) that bundles use; a small builder for graphs, and counts of what a graph
//! holds and costs.

use prost::Message;

use crate::error::{Error, Reason, Remedy, Result};

mod builder;
mod cost;
mod narrow;

#[cfg(feature = "general")]
pub(crate) use builder::value_info;
pub use builder::{GraphBuilder, int, int_list};
pub use cost::{Cost, cost};

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
    /// Reads a model file's bytes; weights that are stored in fewer bits become f32.
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

/// The dense layer which makes the graph's first output.
fn last_dense(model: &ModelProto) -> Option<&NodeProto> {
    let graph = model.graph.as_ref()?;
    let output = &graph.output.first()?.name;
    let node = graph.node.iter().find(|node| node.output.first() == Some(output))?;
    matches!(node.op_type.as_str(), "Gemm" | "MatMul").then_some(node)
}

/// The name of the value that the dense layer which makes the graph's first output reads.
pub fn last_dense_input(model: &ModelProto) -> Option<&str> {
    last_dense(model)?.input.first().map(String::as_str)
}

/// The biases of the dense layer which makes the graph's first output.
pub(crate) fn last_dense_bias(model: &mut ModelProto) -> Option<&mut TensorProto> {
    let graph = model.graph.as_mut()?;
    let output = &graph.output.first()?.name;
    let node = graph.node.iter().find(|node| node.output.first() == Some(output) && node.op_type == "Gemm")?;
    let name = node.input.get(2)?;
    graph.initializer.iter_mut().find(|tensor| tensor.name == *name)
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

#[cfg(test)]
mod tests {
    use super::*;

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
