//! A bundle of a few hundred bytes, so that mutants meet its structure and not its weights.

use fervor::onnx::{GraphBuilder, ModelProto};
use fervor::runtime::Graph;
use fervor::{Bundle, Card, LabelSet, builtin};
use prost::Message;

/// Side of its chips.
pub const SIDE: usize = 8;

/// How the network is made: our own kernels know the first, the general engine runs the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Convolutions, a shortcut, pools and a dense layer.
    Own,
    /// The same with an operator that our kernels do not know.
    General,
}

fn graph(kind: Kind) -> ModelProto {
    let mut g = GraphBuilder::new("tiny", "pixels", [1, SIDE, SIDE]);
    let x = g.scale("pixels", 1.0 / 255.0, -0.5);
    let weights: Vec<f32> = (0..18).map(|i| (i % 5) as f32 / 10.0 - 0.2).collect();
    let x = g.conv(&x, &weights, [2, 1, 3, 3], Some(&[0.1, -0.1]), 1, 1);
    let x = match kind {
        Kind::Own => g.relu(&x),
        Kind::General => g.node("Softplus", &[&x], vec![]),
    };
    let y = g.conv(&x, &weights[..4], [2, 2, 1, 1], None, 1, 0);
    let x = g.add(&x, &y);
    let x = g.max_pool(&x, 2, 2);
    let x = g.global_average_pool(&x);
    let x = g.flatten(&x);
    let x = g.dense(&x, &[0.5, -0.5, 0.25, 1.0], [2, 2], &[0.0, 0.1]);
    g.finish(&x, "logits", 2)
}

/// The bundle, sealed.
///
/// # Panics
/// If it cannot be made: then something else is broken.
pub fn bundle(kind: Kind) -> Bundle {
    let donor = ModelProto::parse(builtin::bytes("fervor-nano").expect("a built-in model")).expect("an ONNX file");
    let mut card = Card::parse(donor.metadata("fervor.card").expect("a card")).expect("a good card");
    card.name = "tiny".to_owned();
    card.description.clear();
    card.labels = LabelSet::new(["happy", "sad"]).expect("two labels");
    card.preprocess.size = SIDE;
    card.class_biases.clear();
    card.recipe.toml.clear();
    let graph = graph(kind);
    let chip = card.preprocess.golden_chip();
    let values: Vec<f32> = chip.pixels().iter().map(|&value| f32::from(value)).collect();
    let network = Graph::load(graph.encode_to_vec()).expect("a good network");
    card.golden.logits = network.run([1, 1, SIDE, SIDE], &values).expect("an answer").remove(0).values;
    Bundle::pack(graph, &card, []).expect("a bundle")
}

/// The bytes of its file without their seal, which every mutant would break.
pub fn unsealed(kind: Kind) -> Vec<u8> {
    let bundle = bundle(kind);
    assert!(bundle.is_sealed());
    let mut model = ModelProto::parse_stored(bundle.bytes()).expect("an ONNX file");
    model.metadata_props.retain(|entry| entry.key != "fervor.seal");
    model.encode_to_vec()
}
