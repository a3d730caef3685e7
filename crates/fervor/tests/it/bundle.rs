//! A bundle that is not what its card says does not load.

use fervor::onnx::{GraphBuilder, ModelProto};
use fervor::runtime::Graph;
use fervor::{Bundle, Card, Chip, ErrorKind, builtin, bundle};
use prost::Message;
use serde_json::{Value, json};

const CARD: &str = "fervor.card";

fn model() -> ModelProto {
    ModelProto::parse(builtin::bytes(builtin::DEFAULT).unwrap()).unwrap()
}

fn with_card(change: fn(&mut Value)) -> Vec<u8> {
    let mut model = model();
    let mut card: Value = serde_json::from_str(model.metadata(CARD).unwrap()).unwrap();
    change(&mut card);
    model.set_metadata(CARD, card.to_string());
    model.encode_to_vec()
}

fn without_card() -> Vec<u8> {
    let mut model = model();
    model.metadata_props.retain(|entry| entry.key != CARD);
    model.encode_to_vec()
}

fn not_a_number() -> Vec<u8> {
    let mut model = model();
    for tensor in model.graph.as_mut().unwrap().initializer.iter_mut().filter(|tensor| tensor.data_type == 1) {
        tensor.raw_data = f32::NAN.to_le_bytes().repeat(tensor.raw_data.len() / 4);
    }
    model.encode_to_vec()
}

#[test]
fn the_built_in_bundles_load_and_know_what_they_were_trained_on() {
    for name in builtin::NAMES {
        let bundle = Bundle::load(builtin::bytes(name).unwrap().to_vec()).unwrap();
        assert_eq!(bundle.card().name, *name);
        assert!(bundle.knows_training_pictures() && bundle.cost().multiply_adds.is_some(), "{name}");
    }
}

#[test]
fn a_bundle_that_is_not_what_it_says_is_refused() {
    struct Case {
        bytes: Vec<u8>,
        says: &'static str,
    }
    let cases = [
        Case { bytes: without_card(), says: "no card" },
        Case { bytes: with_card(|c| c["schema"] = json!("fervor.card/9")), says: "fervor.card/9" },
        Case { bytes: with_card(|c| c["extra"] = json!(1)), says: "extra" },
        Case { bytes: with_card(|c| drop(c.as_object_mut().unwrap().remove("licence"))), says: "licence" },
        Case { bytes: with_card(|c| c["temperature"] = json!(0.0)), says: "temperature" },
        Case { bytes: with_card(|c| c["labels"] = json!(["happy", "happy"])), says: "card" },
        Case { bytes: with_card(|c| c["golden"]["logits"] = json!([0.0])), says: "golden" },
        Case { bytes: with_card(|c| c["golden"]["logits"][0] = json!(99.0)), says: "golden" },
        Case {
            bytes: with_card(|c| {
                c["labels"].as_array_mut().unwrap().pop();
                c["golden"]["logits"].as_array_mut().unwrap().pop();
            }),
            says: "6 classes",
        },
        Case { bytes: with_card(|c| c["class_biases"] = json!([0.0])), says: "1 class biases" },
        Case { bytes: not_a_number(), says: "not finite" },
        Case { bytes: builtin::bytes(builtin::DEFAULT).unwrap()[..1000].to_vec(), says: "not an ONNX model" },
    ];
    for Case { bytes, says } in cases {
        let error = Bundle::load(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model, "{says}: {error}");
        assert!(error.message().contains(says), "{says}: {error}");
    }
}

/// A bundle of the graph, with the built-in one's card but for the golden logits.
fn bundle_of(graph: ModelProto) -> Vec<u8> {
    let mut card = Card::parse(model().metadata(CARD).unwrap()).unwrap();
    let chip = card.preprocess.golden_chip();
    let values: Vec<f32> = chip.pixels().iter().map(|&v| f32::from(v)).collect();
    let network = Graph::load_general(graph.encode_to_vec()).unwrap();
    card.golden.logits = network.run([1, chip.channels(), chip.size(), chip.size()], &values).unwrap().remove(0).values;
    bundle::pack(graph, &card, []).unwrap()
}

#[test]
fn a_bundle_with_weights_of_16_bits_is_smaller_and_answers_the_same_on_both_engines() {
    // Weights of 32 bits that need them, whatever the built-in file holds.
    let mut whole = model();
    let weights = whole.graph.as_mut().unwrap().initializer.iter_mut().filter(|t| t.data_type == 1 && t.dims.len() == 4);
    for bytes in weights.flat_map(|tensor| tensor.raw_data.as_chunks_mut::<4>().0) {
        *bytes = (f32::from_le_bytes(*bytes) * 1.000_3).to_le_bytes();
    }
    let whole = bundle_of(whole);
    let halved = bundle::halved(&whole).unwrap();
    let (before, after) = (Bundle::load(whole.clone()).unwrap(), Bundle::load(halved.clone()).unwrap());
    let parameters = before.cost().parameters as usize;
    assert!(whole.len() - halved.len() > parameters * 19 / 10, "{} to {}", whole.len(), halved.len());
    assert_eq!(before.cost(), after.cost());
    let chips = [before.card().preprocess.golden_chip(), Chip::mirrored(&before.card().preprocess.golden_chip())];
    let [whole, half] = [&before, &after].map(|bundle| bundle.logits(&chips).unwrap().concat());
    assert_ne!(whole, half);
    assert!(whole.iter().zip(&half).all(|(a, b)| (a - b).abs() < 0.02), "{whole:?} {half:?}");
    assert_ne!(before.card().golden, after.card().golden);
    Bundle::check_elsewhere(halved.clone()).unwrap();
    // Once more changes nothing, and the card can still be exchanged.
    assert_eq!(bundle::halved(&halved).unwrap().len(), halved.len());
    let renamed = bundle::with_card(&halved, |card| card.name = "half".to_owned()).unwrap();
    assert_eq!(Bundle::load(renamed).unwrap().card().name, "half");
}

#[test]
fn a_network_that_16_bits_would_change_is_left_alone() {
    // Weights too small for f16, made up for by others that are too large for it and stay.
    let mut g = GraphBuilder::new("extreme", "pixels", [1, 48, 48]);
    let x = g.conv("pixels", &[1e-9; 32 * 9], [32, 1, 3, 3], Some(&[0.0; 32]), 1, 1);
    let x = g.global_average_pool(&x);
    let x = g.flatten(&x);
    let x = g.dense(&x, &[1e6; 7 * 32], [7, 32], &[0.5; 7]);
    let error = bundle::halved(&bundle_of(g.finish(&x, "logits", 7))).unwrap_err();
    assert!(error.message().contains("16 bits are too few"), "{error}");
}
