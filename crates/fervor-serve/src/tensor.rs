//! Tensors of the Open Inference Protocol: read from JSON or from the bytes after it, written as either.

use bytes::{Buf, Bytes};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::few::{Short, few};
use crate::settings::MOST_PICTURES;

mod flat;

use flat::{Flat, pixel};

/// Inputs or outputs of a request, at most. No model has more.
const MOST_TENSORS: usize = 8;

/// Sides of a shape, at most. Tensors of the models have four.
const MOST_SIDES: usize = 8;

/// An inference request.
pub struct Inference {
    request: Body,
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    id: Option<Short>,
    #[serde(deserialize_with = "inputs")]
    inputs: Vec<InputHead>,
    #[serde(default)]
    outputs: Option<Outputs>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

fn inputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<InputHead>, D::Error> {
    few(deserializer, MOST_TENSORS, "inputs")
}

#[derive(Deserialize)]
struct InputHead {
    name: Short,
    datatype: Short,
    #[serde(deserialize_with = "sides")]
    shape: Vec<usize>,
    #[serde(default)]
    data: Option<Flat>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

fn sides<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    few(deserializer, MOST_SIDES, "sides of a shape")
}

struct Outputs(Vec<OutputHead>);

impl<'de> Deserialize<'de> for Outputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        few(deserializer, MOST_TENSORS, "outputs").map(Self)
    }
}

#[derive(Deserialize)]
struct OutputHead {
    name: Short,
    #[serde(default)]
    parameters: Option<Parameters>,
}

/// Of the parameters that a request, an input or an output may have, those that count here. Others are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    binary_data_size: Option<usize>,
    binary_data: Option<bool>,
    binary_data_output: Option<bool>,
}

/// An input tensor.
pub struct Input {
    pub name: String,
    datatype: String,
    pub shape: Vec<usize>,
    data: Data,
}

enum Data {
    Json(Flat),
    Raw(Bytes),
}

/// An output tensor.
pub struct Output {
    name: &'static str,
    shape: Vec<usize>,
    values: Values,
}

enum Values {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

const HINT: &str = "the Open Inference Protocol, version 2, says how a request looks; GET /v2/models lists the models";

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::malformed(message, HINT)
}

impl Inference {
    /// Reads a request; `json_length` is where its JSON ends, if bytes follow.
    ///
    /// # Errors
    /// Not JSON, not such a request, or bytes that are too few or too many for the tensors.
    pub fn read(bytes: &Bytes, json_length: Option<usize>) -> Result<Self, ApiError> {
        let length = json_length.unwrap_or(bytes.len());
        if length > bytes.len() {
            return Err(malformed(format!("the JSON should have {length} bytes, the request has {}", bytes.len())));
        }
        let mut rest = bytes.slice(length..);
        let mut request: Body =
            serde_json::from_slice(&bytes[..length]).map_err(|e| malformed(format!("not an inference request: {e}")))?;
        let inputs = std::mem::take(&mut request.inputs).into_iter().map(|head| {
            let InputHead { name: Short(name), datatype: Short(datatype), shape, data, parameters } = head;
            let data = match (parameters.and_then(|parameters| parameters.binary_data_size), data) {
                (Some(size), None) if size <= rest.len() => Data::Raw(rest.split_to(size)),
                (Some(_), None) => return Err(malformed(format!("the bytes of the tensor {name:?} are not all there"))),
                (None, Some(flat)) => Data::Json(flat),
                _ => return Err(malformed(format!("the tensor {name:?} needs either data or binary_data_size"))),
            };
            Ok(Input { name, datatype, shape, data })
        });
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        if !rest.is_empty() {
            return Err(malformed(format!("bytes after the last tensor: {}", rest.len())));
        }
        Ok(Self { request, inputs })
    }

    /// The only input, taken out.
    ///
    /// # Errors
    /// Another input, or more than one.
    pub fn input(&mut self, name: &str) -> Result<Input, ApiError> {
        let is_alone = self.inputs.len() == 1;
        let input = self.inputs.pop_if(|input| is_alone && input.name == name);
        input.ok_or_else(|| {
            let names: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
            malformed(format!("the model takes one input, {name:?}, not {names:?}"))
        })
    }

    /// The outputs that the request asks for: all, if it names none.
    ///
    /// # Errors
    /// An output that the model does not have.
    pub fn asked(&self, mut outputs: Vec<Output>) -> Result<Vec<Output>, ApiError> {
        let Some(Outputs(heads)) = &self.request.outputs else { return Ok(outputs) };
        let take = |OutputHead { name: Short(name), .. }: &OutputHead| {
            let index = outputs.iter().position(|output| output.name == name);
            index
                .map(|index| outputs.remove(index))
                .ok_or_else(|| malformed(format!("no such output, or asked for twice: {name:?}")))
        };
        heads.iter().map(take).collect()
    }

    /// The answer's JSON, and the bytes of the tensors that are asked for as bytes.
    pub fn answer(&self, model: &str, version: &str, outputs: &[Output]) -> (Value, Vec<u8>) {
        let all_raw = self.request.parameters.as_ref().and_then(|parameters| parameters.binary_data_output).unwrap_or(false);
        let heads = self.request.outputs.as_ref().map_or(&[][..], |Outputs(heads)| heads);
        let mut bytes = Vec::new();
        let mut rows = Vec::with_capacity(outputs.len());
        for output in outputs {
            let head = heads.iter().find(|head| head.name.0 == output.name);
            let mut row = json!({ "name": output.name, "datatype": output.datatype(), "shape": output.shape });
            if head.and_then(|head| head.parameters.as_ref()?.binary_data).unwrap_or(all_raw) {
                let raw = output.raw();
                row["parameters"] = json!({ "binary_data_size": raw.len() });
                bytes.extend(raw);
            } else {
                row["data"] = output.json();
            }
            rows.push(row);
        }
        let mut answer = json!({ "model_name": model, "model_version": version, "outputs": rows });
        if let Some(Short(id)) = &self.request.id {
            answer["id"] = json!(id);
        }
        (answer, bytes)
    }
}

impl Input {
    /// 400: another shape than the model's.
    pub fn wrong_shape(&self, expected: impl std::fmt::Display) -> ApiError {
        malformed(format!("the tensor {:?} must have the shape {expected}, it has {:?}", self.name, self.shape))
    }

    /// How many values the shape holds.
    fn count(&self) -> Result<usize, ApiError> {
        let product = self.shape.iter().try_fold(1usize, |product, side| product.checked_mul(*side));
        product.ok_or_else(|| self.wrong_shape("of a tensor that fits in memory"))
    }

    /// The values as pixels: UINT8, or FP32 of whole numbers from 0 to 255.
    ///
    /// # Errors
    /// Another data type, another count, a value out of range.
    pub fn pixels(&self) -> Result<Vec<u8>, ApiError> {
        let count = self.count()?;
        let out_of_range = |value: &dyn std::fmt::Display| {
            malformed(format!("the tensor {:?} holds pixels, whole numbers from 0 to 255, not {value}", self.name))
        };
        let pixels: Vec<u8> = match (&self.data, self.datatype.as_str()) {
            (Data::Json(flat), "UINT8" | "FP32") => match (&flat.other, flat.texts.first()) {
                (None, None) => flat.pixels.clone(),
                (Some(other), _) => return Err(out_of_range(other)),
                (None, Some(_)) => return Err(out_of_range(&"a text")),
            },
            (Data::Raw(bytes), "UINT8") => bytes.to_vec(),
            (Data::Raw(bytes), "FP32") => {
                let (values, []) = bytes.as_chunks::<4>() else {
                    return Err(malformed(format!("{} bytes are not values of FP32", bytes.len())));
                };
                let whole = |value: &[u8; 4]| {
                    let value = f32::from_le_bytes(*value);
                    pixel(value.into()).ok_or_else(|| out_of_range(&value))
                };
                values.iter().map(whole).collect::<Result<_, _>>()?
            }
            (_, other) => return Err(malformed(format!("the tensor {:?} takes UINT8 or FP32, not {other}", self.name))),
        };
        if pixels.len() != count {
            return Err(malformed(format!("the shape {:?} holds {count} values, the data {}", self.shape, pixels.len())));
        }
        Ok(pixels)
    }

    /// The values as files: BYTES, in JSON as text that `decode` reads or as `{"b64": text}`. So many as a request may hold.
    ///
    /// # Errors
    /// Another data type, another count, data that cannot be read.
    pub fn files(&self, decode: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<Bytes>, ApiError> {
        let count = self.count()?;
        if !(1..=MOST_PICTURES).contains(&count) {
            return Err(self.wrong_shape(format_args!("[1 to {MOST_PICTURES}]")));
        }
        if self.datatype != "BYTES" {
            return Err(malformed(format!("the tensor {:?} takes BYTES, not {}", self.name, self.datatype)));
        }
        let broken = || malformed(format!("the tensor {:?} cannot be read", self.name));
        let other_count = |there: &dyn std::fmt::Display| {
            malformed(format!("the shape {:?} holds {count} values, the data {there}", self.shape))
        };
        let files: Vec<Bytes> = match &self.data {
            Data::Json(flat) => {
                let in_base64 = || malformed(format!("the tensor {:?} holds files in base64", self.name));
                if flat.other.is_some() || !flat.pixels.is_empty() {
                    return Err(in_base64());
                }
                let file = |text: &String| decode(text).map(Bytes::from).ok_or_else(in_base64);
                flat.texts.iter().map(file).collect::<Result<_, _>>()?
            }
            // Each value after its length, four bytes, the least first.
            Data::Raw(bytes) => {
                let (mut files, mut rest) = (Vec::with_capacity(count), bytes.clone());
                while !rest.is_empty() {
                    if files.len() == count {
                        return Err(other_count(&"more"));
                    }
                    let length = rest.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
                    let length = length.filter(|length| *length <= rest.len() - 4).ok_or_else(broken)?;
                    rest.advance(4);
                    files.push(rest.split_to(length));
                }
                files
            }
        };
        if files.len() != count {
            return Err(other_count(&files.len()));
        }
        Ok(files)
    }
}

impl Output {
    /// A tensor of FP32.
    pub fn floats(name: &'static str, shape: &[usize], values: Vec<f32>) -> Self {
        Self { name, shape: shape.to_vec(), values: Values::Floats(values) }
    }

    /// A tensor of INT64.
    pub fn integers(name: &'static str, shape: &[usize], values: Vec<i64>) -> Self {
        Self { name, shape: shape.to_vec(), values: Values::Integers(values) }
    }

    /// A tensor of BYTES.
    pub fn texts(name: &'static str, shape: &[usize], values: Vec<String>) -> Self {
        Self { name, shape: shape.to_vec(), values: Values::Texts(values) }
    }

    fn datatype(&self) -> &'static str {
        match self.values {
            Values::Floats(_) => "FP32",
            Values::Integers(_) => "INT64",
            Values::Texts(_) => "BYTES",
        }
    }

    fn json(&self) -> Value {
        match &self.values {
            Values::Floats(values) => json!(values),
            Values::Integers(values) => json!(values),
            Values::Texts(values) => json!(values),
        }
    }

    fn raw(&self) -> Vec<u8> {
        match &self.values {
            Values::Floats(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::Integers(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::Texts(values) => {
                let text = |text: &String| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
                values.iter().flat_map(text).collect()
            }
        }
    }
}
