//! Networks from elsewhere: what their ONNX file does not say, said by a person, and the bundle that comes of both.
//!
//! The bundle's contract (raw pixels `[n, channels, side, side]` in, logits out) is kept by nodes before and behind the network. That it is
//! the same network is proven: the file as it came and the bundle answer the same to the same pictures.

use prost::Message;

use super::{Bundle, CARD_SCHEMA, Card};
use crate::error::{Error, Reason, Result};
use crate::hash;
use crate::onnx::{GraphBuilder, GraphProto, ModelProto, int, int_list, value_info};
use crate::preprocess::{Chip, Color, Filter, Framing, Preprocess};
use crate::runtime::{Graph, Output};

mod card;

pub use card::{ChannelOrder, Foreign, ForeignFraming, ForeignOutput, Layout, Number, Numbers};

/// How far the bundle's logits may be from those of the file as it came, relative to `1 + |logit|`.
const TOLERANCE: f32 = 1e-3;
/// Probabilities below this have no logarithm that matters.
const LEAST_PROBABILITY: f32 = 1e-12;

impl Foreign {
    /// The bundle of a network's ONNX file. Its golden logits are what the file as it came gives, on the general engine; a batch of three
    /// different pictures is compared, too. `toml` is this card as it was written, for the record.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): not ONNX, or more of ONNX than a bundle holds; another input or another number of classes than
    /// the card says; a batch that the network does not take; an output that is not what the card says. [`Input`](crate::ErrorKind::Input):
    /// a card whose numbers do not fit.
    pub fn bundle(&self, network: &[u8], toml: &str) -> Result<Bundle> {
        let preprocess = Preprocess {
            size: self.size,
            color: self.color,
            framing: Framing::Margin { margin: self.framing.margin, shift_y: self.framing.shift_y },
            filter: Filter::Bilinear,
            standardize: self.standardize,
        };
        preprocess.check()?;
        let steps = self.steps()?;
        let original = Graph::load_general(network.to_vec())?;
        let chips = probes(&preprocess);
        let expected = self.ask_original(&original, &steps, &chips)?;
        let model = ModelProto::parse(network)?;
        let card = self.card(&preprocess, &expected[0], network, toml)?;
        let bundle = Bundle::pack(self.wrapped(model, &steps, &preprocess)?, &card, [])?;
        let answers = bundle.head_logits(&chips).map_err(|e| {
            e.with_hint("the network must take a batch of pictures: export it with a free first dimension (dynamic axes)")
        })?;
        let near = |(ours, theirs): (&f32, &f32)| (ours - theirs).abs() <= TOLERANCE * (1.0 + theirs.abs());
        if !answers.concat().iter().zip(expected.concat().iter()).all(near) {
            return Err(Error::model("the bundle answers otherwise than the file: it holds more of ONNX than a bundle does")
                .because(Reason::Unsupported)
                .with_hint("simplify the network first, for example with onnxsim"));
        }
        Ok(bundle)
    }

    /// The numbers that the network gives for a picture.
    fn outputs(&self) -> usize {
        self.labels.len() * self.heads.len().max(1)
    }

    /// What each channel's pixels are multiplied with, and what is added.
    fn steps(&self) -> Result<[Vec<f32>; 2]> {
        let channels = self.color.channels();
        let bad = |key: &str| {
            Error::input(format!("{key} must be a number, a fraction as \"1/255\", or {channels} of them, one a channel"))
                .context(&self.name)
        };
        let scale = self.scale.value().filter(|scale| *scale != 0.0).ok_or_else(|| bad("scale"))?;
        let mean = self.mean.values(channels).ok_or_else(|| bad("mean"))?;
        let deviation =
            self.deviation.values(channels).filter(|all| all.iter().all(|d| *d > 0.0)).ok_or_else(|| bad("deviation"))?;
        let factors = deviation.iter().map(|deviation| (scale / deviation) as f32).collect();
        let shifts = mean.iter().zip(&deviation).map(|(mean, deviation)| (-mean / deviation) as f32).collect();
        Ok([factors, shifts])
    }

    /// What the file as it came gives for each chip, as logits. One at a time: some networks take no more.
    fn ask_original(&self, graph: &Graph, [factors, shifts]: &[Vec<f32>; 2], chips: &[Chip]) -> Result<Vec<Vec<f32>>> {
        let (side, channels) = (self.size, self.color.channels());
        let mut all = Vec::with_capacity(chips.len());
        for chip in chips {
            let planes: Vec<Vec<f32>> = (0..channels)
                .map(|channel| {
                    let from = if self.order == ChannelOrder::Bgr { channels - 1 - channel } else { channel };
                    let pixels = &chip.pixels()[from * side * side..(from + 1) * side * side];
                    pixels.iter().map(|&pixel| f32::from(pixel) * factors[channel] + shifts[channel]).collect()
                })
                .collect();
            let (shape, values) = match self.layout {
                Layout::Nchw => ([1, channels, side, side], planes.concat()),
                Layout::Nhwc => {
                    let pixel = |place: usize| planes.iter().map(move |plane| plane[place]);
                    ([1, side, side, channels], (0..side * side).flat_map(pixel).collect())
                }
            };
            let outputs = graph
                .run(shape, &values)
                .map_err(|e| e.with_hint("check size, color and layout in the card against what the network was trained with"))?;
            all.push(self.checked(outputs)?);
        }
        Ok(all)
    }

    /// One number a class, of the kind that the card says, as a logit.
    fn checked(&self, outputs: Vec<Output>) -> Result<Vec<f32>> {
        let Output { values, shape } = outputs.into_iter().next().unwrap_or(Output { values: Vec::new(), shape: Vec::new() });
        if values.len() != self.outputs() {
            let heads = if self.heads.is_empty() { String::new() } else { format!(" and {} heads", self.heads.len()) };
            let says = format!("the card names {} classes{heads}, the network gives {shape:?}", self.labels.len());
            return Err(Error::model(says).because(Reason::Mismatch));
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::model("the network answers with numbers that are not finite").because(Reason::NotFinite));
        }
        let sum: f32 = values.iter().sum();
        let shares = values.iter().all(|value| (0.0..=1.0).contains(value)) && (sum - 1.0).abs() < 1e-3;
        match (self.output, shares) {
            (ForeignOutput::Softmax, true) => Ok(values.into_iter().map(|p| p.max(LEAST_PROBABILITY).ln()).collect()),
            (ForeignOutput::Logits, false) => Ok(values),
            (ForeignOutput::Softmax, false) => {
                Err(Error::model(format!("the card says softmax, but the outputs sum to {sum}: {values:?}"))
                    .because(Reason::Mismatch)
                    .with_hint("write output = \"logits\""))
            }
            (ForeignOutput::Logits, true) => Err(Error::model("the card says logits, but the outputs are shares that sum to 1")
                .because(Reason::Mismatch)
                .with_hint("write output = \"softmax\"")),
        }
    }

    fn card(&self, preprocess: &Preprocess, golden: &[f32], network: &[u8], toml: &str) -> Result<Card> {
        let mut card = serde_json::json!({
            "schema": CARD_SCHEMA,
            "name": self.name,
            "description": self.description,
            "labels": self.labels,
            "preprocess": preprocess,
            "temperature": 1.0,
            "golden": { "logits": golden },
            "data": { "name": self.data, "manifest_sha256": "", "training_pictures": 0, "validation_pictures": 0 },
            "recipe": { "name": "imported", "sha256": hash::sha256(network), "toml": toml, "epoch": 0 },
            "licence": self.licence,
            "metrics": {},
        });
        if !self.heads.is_empty() {
            card["heads"] = serde_json::json!(self.heads);
            card["requires"] = serde_json::json!(["heads"]);
        }
        Card::parse(&card.to_string())
    }

    /// The network between what turns pixels into its input and what turns its output into logits.
    fn wrapped(&self, model: ModelProto, [factors, shifts]: &[Vec<f32>; 2], preprocess: &Preprocess) -> Result<ModelProto> {
        let lost = || Error::model("not an ONNX network with one input and an output").because(Reason::Unsupported);
        let ModelProto { ir_version, opset_import, graph, .. } = model;
        let mut network = graph.ok_or_else(lost)?;
        // Old files list the weights among the inputs, too.
        network.input.retain(|input| !network.initializer.iter().any(|tensor| tensor.name == input.name));
        let input = network.input.first().ok_or_else(lost)?.name.clone();
        let output = network.output.first().ok_or_else(lost)?.name.clone();
        let prefix = "fervor_";
        let before = {
            let mut graph = GraphBuilder::new("before", "fervor_pixels", preprocess.shape());
            let mut x = "fervor_pixels".to_owned();
            if self.order == ChannelOrder::Bgr && self.color == Color::Rgb {
                let places = graph.integers(&[2, 1, 0]);
                x = graph.node("Gather", &[&x, &places], vec![int("axis", 1)]);
            }
            x = graph.scale_channels(&x, factors, shifts);
            if self.layout == Layout::Nhwc {
                x = graph.node("Transpose", &[&x], vec![int_list("perm", &[0, 2, 3, 1])]);
            }
            named(graph.finish(&x, "x", 1), prefix, &[("x", &input), ("fervor_pixels", "fervor_pixels")])
        };
        let behind = {
            let mut graph = GraphBuilder::new("behind", "y", preprocess.shape());
            let mut y = graph.flatten("y");
            if self.output == ForeignOutput::Softmax {
                let least = graph.tensor(&[1], &[LEAST_PROBABILITY]);
                y = graph.node("Max", &[&y, &least], vec![]);
                y = graph.node("Log", &[&y], vec![]);
            }
            named(
                graph.finish(&y, "fervor_logits", self.outputs()),
                "fervor_behind_",
                &[("y", &output), ("fervor_logits", "fervor_logits")],
            )
        };
        let (before, behind) = (before.ok_or_else(lost)?, behind.ok_or_else(lost)?);
        let [channels, height, width] = preprocess.shape();
        let graph = GraphProto {
            node: [before.node, network.node, behind.node].concat(),
            name: network.name,
            initializer: [before.initializer, network.initializer, behind.initializer].concat(),
            input: vec![value_info("fervor_pixels", &[None, Some(channels), Some(height), Some(width)])],
            output: vec![value_info("fervor_logits", &[None, Some(self.outputs())])],
        };
        let model = ModelProto {
            ir_version,
            producer_name: "fervor".to_owned(),
            opset_import,
            graph: Some(graph),
            ..ModelProto::default()
        };
        // Names that clash would make another network of it; so would an opset that lacks what stands around it.
        Graph::load_general(model.encode_to_vec())?;
        Ok(model)
    }
}

/// The graph with a prefix before each name that is not given another one.
fn named(model: ModelProto, prefix: &str, names: &[(&str, &str)]) -> Option<GraphProto> {
    let mut graph = model.graph?;
    let renamed = |name: &mut String| {
        *name = match names.iter().find(|(from, _)| from == name) {
            Some((_, to)) => (*to).to_owned(),
            None => format!("{prefix}{name}"),
        };
    };
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).for_each(renamed);
        node.name = format!("{prefix}{}", node.name);
    }
    graph.initializer.iter_mut().for_each(|tensor| renamed(&mut tensor.name));
    Some(graph)
}

/// The golden chip, it mirrored, and a plain one: three pictures that no network should answer alike.
fn probes(preprocess: &Preprocess) -> Vec<Chip> {
    let golden = preprocess.golden_chip();
    let mirrored = golden.mirrored();
    let plain = golden.clone().edited(|pixels| {
        let length = pixels.len();
        pixels.iter_mut().enumerate().for_each(|(place, pixel)| *pixel = (place * 255 / length) as u8);
    });
    vec![golden, mirrored, plain]
}

#[cfg(test)]
mod tests {
    use super::super::Head;
    use super::*;
    use crate::emotion::LabelSet;
    use crate::preprocess::Standardize;

    /// A network of the form that this card describes: a mean over the picture, then a dense layer.
    fn network(card: &Foreign) -> Vec<u8> {
        let (side, channels, classes) = (card.size, card.color.channels(), card.outputs());
        let shape = match card.layout {
            Layout::Nchw => [channels, side, side],
            Layout::Nhwc => [side, side, channels],
        };
        let mut graph = GraphBuilder::new("theirs", "input_1", shape);
        let x = match card.layout {
            Layout::Nchw => "input_1".to_owned(),
            Layout::Nhwc => graph.node("Transpose", &["input_1"], vec![int_list("perm", &[0, 3, 1, 2])]),
        };
        let weight: Vec<f32> = (0..4 * channels * 9).map(|i| ((i * 37 % 19) as f32 - 9.0) / 20.0).collect();
        let x = graph.conv(&x, &weight, [4, channels, 3, 3], None, 2, 1);
        let x = graph.relu(&x);
        let x = graph.global_average_pool(&x);
        let x = graph.flatten(&x);
        let dense: Vec<f32> = (0..4 * classes).map(|i| ((i * 53 % 23) as f32 - 11.0) / 8.0).collect();
        let mut x = graph.dense(&x, &dense, [classes, 4], &vec![0.1; classes]);
        if card.output == ForeignOutput::Softmax {
            x = graph.node("Softmax", &[&x], vec![int("axis", 1)]);
        }
        graph.finish(&x, "dense_7", classes).encode_to_vec()
    }

    fn card(json: serde_json::Value) -> Foreign {
        serde_json::from_value(json).unwrap()
    }

    const SEVEN: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

    fn forms() -> [Foreign; 3] {
        [
            card(serde_json::json!({ "name": "mini-xception", "labels": SEVEN, "size": 64, "color": "gray", "layout": "nhwc",
                "scale": "1/127.5", "mean": 1.0, "output": "softmax" })),
            card(
                serde_json::json!({ "name": "affect-8", "labels": ["anger", "contempt", "disgust", "fear", "happiness", "neutral",
                "sadness", "surprise"], "size": 224, "color": "rgb", "scale": "1/255", "mean": [0.485, 0.456, 0.406],
                "deviation": [0.229, 0.224, 0.225], "output": "logits", "framing": { "margin": 0.2 } }),
            ),
            card(serde_json::json!({ "name": "plain-48", "labels": SEVEN, "size": 48, "color": "gray", "output": "logits" })),
        ]
    }

    #[test]
    fn three_public_forms_become_bundles_that_answer_as_the_file_does() {
        for card in forms() {
            let network = network(&card);
            let bundle = card.bundle(&network, "its card").unwrap();
            assert_eq!(bundle.card().labels, card.labels);
            assert_eq!((bundle.card().licence.as_str(), bundle.card().recipe.toml.as_str()), ("not stated", "its card"));
            // The bundle loads by itself, and its card can be edited.
            let again = Bundle::load(bundle.bytes().to_vec()).unwrap();
            assert!(again.is_sealed());
            assert_eq!(again.with_card(|card| card.temperature = 2.0).unwrap().card().temperature, 2.0);
        }
    }

    #[test]
    fn two_heads_and_the_light_of_each_face_are_what_the_card_says() {
        let [.., plain] = forms();
        let head = |name: &str, weight: f32, prior_removed: f32| Head {
            name: name.to_owned(),
            weight,
            temperature: 1.5,
            prior: vec![1.0 / 7.0; 7],
            prior_removed,
            biases: Vec::new(),
        };
        let heads = vec![head("labels", 0.25, 0.0), head("votes", 0.75, 0.5)];
        let standardize = Some(Standardize { mean: 120.0, deviation: 50.0 });
        let card = Foreign { heads: heads.clone(), standardize, ..plain.clone() };
        let bundle = card.bundle(&network(&card), "").unwrap();
        assert_eq!((&bundle.card().heads, bundle.card().preprocess.standardize), (&heads, standardize));
        assert_eq!(bundle.card().golden.logits.len(), 14);
        let chip = bundle.card().preprocess.golden_chip();
        let alone = |name: &str| bundle.through_head(name).unwrap().logits(std::slice::from_ref(&chip)).unwrap();
        assert_ne!(alone("labels"), alone("votes"));

        let error = card.bundle(&network(&plain), "").unwrap_err();
        assert!(error.message().contains("7 classes and 2 heads"), "{error}");
        let weightless = Foreign { heads: vec![head("labels", 0.0, 0.0), head("votes", 0.0, 0.0)], ..card.clone() };
        assert!(weightless.bundle(&network(&card), "").is_err());
    }

    #[test]
    fn blue_before_red_is_exchanged() {
        let [_, rgb, _] = forms();
        let bgr = Foreign { order: ChannelOrder::Bgr, ..rgb.clone() };
        let network = network(&rgb);
        let [ours, theirs] = [rgb, bgr].map(|card| card.bundle(&network, "").unwrap().card().golden.logits.clone());
        assert_ne!(ours, theirs);
    }

    #[test]
    fn a_card_that_does_not_fit_the_network_is_refused() {
        let [seven, eight, plain] = forms();
        let file = network(&seven);
        let refused = |card: &Foreign, file: &[u8]| card.bundle(file, "").unwrap_err();
        assert_eq!(refused(&Foreign { output: ForeignOutput::Logits, ..seven.clone() }, &file).reason(), Reason::Mismatch);
        let labels = LabelSet::new(["a", "b"]).unwrap();
        assert_eq!(refused(&Foreign { labels, ..seven.clone() }, &file).reason(), Reason::Mismatch);
        assert!(Foreign { layout: Layout::Nchw, ..seven }.bundle(&file, "").is_err());
        assert!(Foreign { output: ForeignOutput::Softmax, ..plain.clone() }.bundle(&network(&plain), "").is_err());
        let mean = Numbers::Each(vec![Number::Value(1.0); 2]);
        assert!(refused(&Foreign { mean, ..eight.clone() }, &network(&eight)).message().contains("mean must be"));
        assert!(plain.bundle(b"no network", "").is_err());
    }
}
