//! The card that a person writes of a network from elsewhere.

use serde::{Deserialize, Serialize};

use crate::bundle::Head;
use crate::emotion::LabelSet;
use crate::preprocess::{Color, Standardize};

/// What must be said of a network from elsewhere: its file says none of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foreign {
    /// The model's name.
    pub name: String,
    /// One or two sentences for people.
    #[serde(default = "not_stated")]
    pub description: String,
    /// Licence of the weights.
    #[serde(default = "not_stated")]
    pub licence: String,
    /// What it was trained on.
    #[serde(default = "not_stated")]
    pub data: String,
    /// Classes in the order of the outputs.
    pub labels: LabelSet,
    /// Side of the square input in pixels.
    pub size: usize,
    /// Grey or colour.
    pub color: Color,
    /// The order of the colours.
    #[serde(default)]
    pub order: ChannelOrder,
    /// Where the channels stand.
    #[serde(default)]
    pub layout: Layout,
    /// The network takes `(pixel * scale - mean) / deviation`, of pixels in 0..=255.
    #[serde(default = "one")]
    pub scale: Number,
    /// One number, or one a channel in the network's own order.
    #[serde(default = "zeros")]
    pub mean: Numbers,
    /// One number, or one a channel in the network's own order.
    #[serde(default = "ones")]
    pub deviation: Numbers,
    /// What the network gives.
    pub output: ForeignOutput,
    /// How much around a face it was trained with.
    #[serde(default)]
    pub framing: ForeignFraming,
    /// To which mean and deviation each face's values were brought before anything else.
    #[serde(default)]
    pub standardize: Option<Standardize>,
    /// Of a network with several answers, each with a number a class, one behind the other in its one output: what they are, and how
    /// they become one.
    #[serde(default)]
    pub heads: Vec<Head>,
}

/// The order of the colours of a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as OpenCV reads pictures.
    Bgr,
}

/// Where the channels of the input stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `[n, channels, side, side]`: PyTorch.
    #[default]
    Nchw,
    /// `[n, side, side, channels]`: TensorFlow, Keras.
    Nhwc,
}

/// What a network gives for each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForeignOutput {
    /// What a softmax would be taken of.
    Logits,
    /// Probabilities: the softmax is inside.
    Softmax,
}

/// The square that is taken around a face, as [`Framing::Margin`](crate::preprocess::Framing::Margin).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignFraming {
    /// What is added to the face's longer side, as a share of it.
    #[serde(default)]
    pub margin: f32,
    /// How far the square moves down, as a share of its side.
    #[serde(default)]
    pub shift_y: f32,
}

/// A number, or a fraction such as `"1/255"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// As it is.
    Value(f64),
    /// Two numbers with a stroke between them.
    Fraction(String),
}

impl Number {
    pub(super) fn value(&self) -> Option<f64> {
        let value = match self {
            Self::Value(value) => *value,
            Self::Fraction(text) => {
                let (over, under) = text.split_once('/').unwrap_or((text, "1"));
                over.trim().parse::<f64>().ok()? / under.trim().parse::<f64>().ok()?
            }
        };
        value.is_finite().then_some(value)
    }
}

/// One number for all channels, or one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Numbers {
    /// For all channels.
    One(Number),
    /// One a channel.
    Each(Vec<Number>),
}

impl Numbers {
    pub(super) fn values(&self, channels: usize) -> Option<Vec<f64>> {
        match self {
            Self::One(number) => Some(vec![number.value()?; channels]),
            Self::Each(numbers) if numbers.len() == channels => numbers.iter().map(Number::value).collect(),
            Self::Each(_) => None,
        }
    }
}

fn not_stated() -> String {
    "not stated".to_owned()
}

fn one() -> Number {
    Number::Value(1.0)
}

fn zeros() -> Numbers {
    Numbers::One(Number::Value(0.0))
}

fn ones() -> Numbers {
    Numbers::One(Number::Value(1.0))
}
