//! A bundle that is not what its card says does not load; one that was changed after it was made does not, either.

use fervor::bundle::Note;
use fervor::onnx::{GraphBuilder, ModelProto};
use fervor::runtime::Graph;
use fervor::{Bundle, Card, Chip, ErrorKind, Reason, Remedy, builtin};
use prost::Message;
use serde_json::{Value, json};

const CARD: &str = "fervor.card";
const SEAL: &str = "fervor.seal";
const TRAINING: &str = "fervor.training_pictures";
/// Bytes of a seal.
const SEAL_LEN: usize = 81;

/// A built-in model with one head, whose card can be changed key by key.
fn file() -> &'static [u8] {
    builtin::bytes("fervor-48-votes").expect("the tests of the workspace have all models")
}

/// The built-in file as programs before seals wrote it.
fn unsealed() -> Vec<u8> {
    file()[..file().len() - SEAL_LEN].to_vec()
}

fn model() -> ModelProto {
    ModelProto::parse(&unsealed()).unwrap()
}

/// An unsealed file whose card was changed.
fn with_card(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    edited(model(), change).encode_to_vec()
}

fn edited(mut model: ModelProto, change: impl FnOnce(&mut Value)) -> ModelProto {
    let mut card: Value = serde_json::from_str(model.metadata(CARD).unwrap()).unwrap();
    change(&mut card);
    model.set_metadata(CARD, card.to_string());
    model
}

fn without_card() -> Vec<u8> {
    let mut model = model();
    model.metadata_props.retain(|entry| entry.key != CARD);
    model.encode_to_vec()
}

fn not_a_number() -> Vec<u8> {
    let mut model = model();
    for tensor in model.graph.as_mut().unwrap().initializer.iter_mut().filter(|tensor| tensor.data_type == 1) {
        tensor.set_floats(&vec![f32::NAN; tensor.raw_data.len() / 4]);
    }
    model.encode_to_vec()
}

#[test]
fn the_built_in_bundles_load_and_know_what_they_were_trained_on() {
    assert_eq!(builtin::names().next(), Some(builtin::DEFAULT));
    for name in builtin::names() {
        let bundle = Bundle::builtin(name).unwrap();
        assert_eq!(bundle.card().name, *name);
        assert!(bundle.knows_training_pictures() && bundle.cost().multiply_adds.is_some(), "{name}");
        assert!(bundle.is_sealed() && bundle.notes().is_empty(), "{name}");
        assert!(std::ptr::eq(bundle.bytes(), builtin::bytes(name).unwrap()), "{name} was copied");
    }
}

#[test]
fn a_bundle_that_is_not_what_it_says_is_refused() {
    struct Case {
        bytes: Vec<u8>,
        says: &'static str,
        reason: Reason,
    }
    let case = |says, reason, bytes| Case { bytes, says, reason };
    let pair = |c: &mut Value| {
        c["labels"].as_array_mut().unwrap().pop();
        c["golden"]["logits"].as_array_mut().unwrap().pop();
    };
    let heads = |c: &mut Value| {
        let prior = vec![0.125; c["labels"].as_array().unwrap().len()];
        c["requires"] = json!(["heads"]);
        c["heads"] = json!([{ "name": "votes", "weight": 1e38, "temperature": 1.0, "prior": prior, "prior_removed": 0.0 }]);
    };
    let cases = [
        case("not finite", Reason::NotFinite, with_card(heads)),
        case("no card", Reason::Missing, without_card()),
        case("fervor.card/9", Reason::Version, with_card(|c| c["schema"] = json!("fervor.card/9"))),
        case("extra", Reason::Invalid, with_card(|c| c["preprocess"]["extra"] = json!(1))),
        case("licence", Reason::Invalid, with_card(|c| drop(c.as_object_mut().unwrap().remove("licence")))),
        case("temperature", Reason::Invalid, with_card(|c| c["temperature"] = json!(0.0))),
        case("card", Reason::Invalid, with_card(|c| c["labels"] = json!(["happy", "happy"]))),
        case("preprocess", Reason::Invalid, with_card(|c| c["preprocess"]["size"] = json!(0))),
        case("golden", Reason::Mismatch, with_card(|c| c["golden"]["logits"] = json!([0.0]))),
        case("golden", Reason::Mismatch, with_card(|c| c["golden"]["logits"][0] = json!(99.0))),
        case("7 logits", Reason::Mismatch, with_card(pair)),
        case("1 class biases", Reason::Mismatch, with_card(|c| c["class_biases"] = json!([0.0]))),
        case("not finite", Reason::NotFinite, not_a_number()),
        case("not an ONNX model", Reason::Damaged, file()[..1000].to_vec()),
    ];
    for Case { bytes, says, reason } in cases {
        let error = Bundle::load(bytes).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Model, reason), "{says}: {error}");
        assert!(error.explained().contains(says), "{says}: {}", error.explained());
    }
}

#[test]
fn a_sealed_bundle_that_was_changed_is_refused() {
    // With its seal, which is the last entry, behind what is changed.
    let sealed = |model: ModelProto| [model.encode_to_vec(), file()[file().len() - SEAL_LEN..].to_vec()].concat();
    let stored = || ModelProto::parse_stored(&unsealed()).unwrap();
    assert_eq!(sealed(stored()), file(), "the built-in file can be written anew");

    let mut weight = file().to_vec();
    let heaviest = stored().graph.unwrap().initializer.into_iter().max_by_key(|tensor| tensor.raw_data.len()).unwrap();
    let start = weight.windows(64).position(|window| window == &heaviest.raw_data[..64]).unwrap();
    weight[start] ^= 1;
    assert!(Bundle::load(weight[..weight.len() - SEAL_LEN].to_vec()).is_ok(), "golden logits alone do not notice the lowest bit");

    let mut training = stored();
    let list = training.metadata(TRAINING).unwrap().to_owned();
    training.set_metadata(TRAINING, format!("{}{}", &list[8..], &list[..8]));

    let mut seal = file().to_vec();
    let last = seal.len() - 1;
    seal[last] = if seal[last] == b'0' { b'1' } else { b'0' };

    let cases = [
        ("two labels exchanged", sealed(edited(stored(), |c| c["labels"].as_array_mut().unwrap().swap(0, 3)))),
        ("another temperature", sealed(edited(stored(), |c| c["temperature"] = json!(0.5)))),
        ("one bit of a weight", weight),
        ("another list of training pictures", sealed(training)),
        ("another seal", seal),
        ("something behind the seal", [file(), &[0x32, 0]].concat()),
    ];
    for (what, bytes) in cases {
        let error = Bundle::load(bytes).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Model, Reason::Changed), "{what}: {error}");
        assert!(error.message().contains("not as it was made"), "{what}: {error}");
        assert_eq!(error.remedy(), Some(&Remedy::CopyAgain), "{what}");
    }
}

#[test]
fn a_file_from_before_seals_loads_with_a_note_and_can_be_sealed() {
    let old = Bundle::load(unsealed()).unwrap();
    assert!(!old.is_sealed());
    assert_eq!(old.notes(), [Note::NotSealed]);
    assert!(Note::NotSealed.to_string().contains("no seal"));
    let new = old.sealed().unwrap();
    assert!(new.is_sealed() && new.notes().is_empty());
    assert_eq!(new.bytes(), file(), "sealing adds to a file and changes nothing in it");
    assert_eq!(new.sealed().unwrap().bytes(), file());
    // Recipes that name the file as it was find it still.
    assert!(new.has_sha256(old.sha256()) && new.has_sha256(new.sha256()) && !old.has_sha256(new.sha256()));
    assert!(ModelProto::parse(file()).unwrap().metadata(SEAL) == Some(old.sha256()));
}

#[test]
fn keys_of_a_newer_version_are_kept_unless_they_are_required() {
    let newer = |requires: Value| {
        with_card(|card| {
            card["pose_range"] = json!({ "yaw": [-30, 30] });
            card["requires"] = requires;
        })
    };
    let bundle = Bundle::load(newer(json!(["views"]))).unwrap().sealed().unwrap();
    assert_eq!(bundle.notes(), [Note::UnknownKeys(vec!["pose_range".to_owned()])]);
    assert!(bundle.notes()[0].to_string().ends_with(": pose_range"));
    let renamed = bundle.with_card(|card| card.name = "mine".to_owned()).unwrap();
    let written = ModelProto::parse(renamed.bytes()).unwrap();
    let card: Value = serde_json::from_str(written.metadata(CARD).unwrap()).unwrap();
    assert_eq!((&card["name"], &card["requires"]), (&json!("mine"), &json!(["views"])));
    assert_eq!(card["pose_range"], json!({ "yaw": [-30, 30] }));

    let error = Bundle::load(newer(json!(["views", "pose_range"]))).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Model, Reason::Version));
    assert!(error.message().ends_with("requires: pose_range"), "{error}");
    assert!(error.hint().unwrap().contains("newer version"));
}

#[test]
fn a_model_is_found_by_name_by_file_and_by_its_runs_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("best.onnx"), builtin::bytes(builtin::DEFAULT).unwrap()).unwrap();
    for name in [builtin::DEFAULT.to_owned(), path("best.onnx"), dir.path().display().to_string()] {
        assert_eq!(Bundle::find(&name).unwrap().card().name, builtin::DEFAULT, "{name}");
    }

    for name in ["nobody".to_owned(), String::new(), path("gone.onnx"), path("best.onnx/inside")] {
        let error = Bundle::find(&name).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Input, Reason::Missing), "{name}: {error}");
        assert!(error.message().ends_with(&format!("{name:?}")), "{error}");
        let builtin = builtin::names().map(str::to_owned).collect();
        assert_eq!(error.remedy(), Some(&Remedy::NameModel { builtin }), "{name}");
    }
    assert_eq!(Bundle::builtin("best.onnx").unwrap_err().reason(), Reason::Missing);

    std::fs::create_dir(path("unfinished")).unwrap();
    let error = Bundle::find(&path("unfinished")).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Model, Reason::Missing), "{error}");
    assert!(error.contexts()[0].ends_with("best.onnx"), "{error}");
}

/// It was "no such model".
#[cfg(unix)]
#[test]
fn a_file_that_is_there_and_cannot_be_read_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("loop.onnx");
    // Who may read everything cannot follow this link, either.
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let error = Bundle::find(path.to_str().unwrap()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Model, Reason::Inaccessible), "{error}");
    assert_eq!(error.message(), "the model file cannot be read");
}

/// A bundle of the graph, with the built-in one's card but for the golden logits.
fn bundle_of(graph: ModelProto) -> Bundle {
    let mut card = Card::parse(model().metadata(CARD).unwrap()).unwrap();
    let chip = card.preprocess.golden_chip();
    let values: Vec<f32> = chip.pixels().iter().map(|&v| f32::from(v)).collect();
    let network = Graph::load_general(graph.encode_to_vec()).unwrap();
    card.golden.logits = network.run([1, chip.channels(), chip.size(), chip.size()], &values).unwrap().remove(0).values;
    Bundle::pack(graph, &card, []).unwrap()
}

/// A bundle whose weights of 32 bits need them, whatever the built-in file holds.
fn bundle_of_wide_weights() -> Bundle {
    let mut whole = model();
    for tensor in whole.graph.as_mut().unwrap().initializer.iter_mut().filter(|t| t.data_type == 1 && t.dims.len() == 4) {
        let values: Vec<f32> = tensor.floats().unwrap().iter().map(|value| value * 1.000_3).collect();
        tensor.set_floats(&values);
    }
    bundle_of(whole)
}

#[test]
fn a_bundle_with_narrow_weights_is_smaller_and_answers_nearly_the_same_on_both_engines() {
    let before = bundle_of_wide_weights();
    let parameters = before.cost().parameters as usize;
    let chips = [before.card().preprocess.golden_chip(), Chip::mirrored(&before.card().preprocess.golden_chip())];
    type Case = (fn(&Bundle) -> fervor::Result<Bundle>, usize, f32);
    let cases: [Case; 2] = [(Bundle::halved, parameters * 19 / 10, 0.02), (Bundle::quartered, parameters * 28 / 10, 0.05)];
    for (narrow, less, near) in cases {
        let after = narrow(&before).unwrap();
        assert!(before.size() - after.size() > less, "{} to {}", before.size(), after.size());
        assert_eq!(before.cost(), after.cost());
        let [whole, rounded] = [&before, &after].map(|bundle| bundle.logits(&chips).unwrap().concat());
        assert_ne!(whole, rounded);
        assert!(whole.iter().zip(&rounded).all(|(a, b)| (a - b).abs() < near), "{whole:?} {rounded:?}");
        assert_ne!(before.card().golden, after.card().golden);
        after.check_elsewhere().unwrap();
        // Once more changes nothing, and the card can still be exchanged.
        assert_eq!(narrow(&after).unwrap().size(), after.size());
        let renamed = after.with_card(|card| card.name = "narrow".to_owned()).unwrap();
        assert_eq!(renamed.card().name, "narrow");
        assert!(renamed.is_sealed());
    }
}

#[test]
fn biases_are_added_to_the_logits_and_said_in_the_card() {
    let error = Bundle::builtin(builtin::DEFAULT).unwrap().with_biases(&[0.0; 7]).unwrap_err();
    assert_eq!(error.remedy(), Some(&Remedy::BlendHeads), "{error}");
    let before = Bundle::load(file()).unwrap();
    let biases: Vec<f32> = (0..before.card().labels.len()).map(|class| class as f32 / 4.0).collect();
    let after = before.with_biases(&biases).unwrap().with_biases(&biases).unwrap();
    let chips = [before.card().preprocess.golden_chip()];
    let [old, new] = [&before, &after].map(|bundle| bundle.logits(&chips).unwrap().concat());
    for (((old, new), bias), said) in old.iter().zip(&new).zip(&biases).zip(&after.card().class_biases) {
        assert!((new - old - 2.0 * bias).abs() < 1e-4, "{old} {new} {bias}");
        assert!((said - 2.0 * bias).abs() < 1e-6 || !before.card().class_biases.is_empty());
    }
    let error = before.with_biases(&[0.0]).unwrap_err();
    assert_eq!(error.reason(), Reason::Unsupported, "{error}");
}

#[test]
fn a_network_that_16_bits_would_change_is_left_alone() {
    // Weights too small for f16, made up for by others that are too large for it and stay.
    let mut g = GraphBuilder::new("extreme", "pixels", [1, 48, 48]);
    let x = g.conv("pixels", &[1e-9; 32 * 9], [32, 1, 3, 3], Some(&[0.0; 32]), 1, 1);
    let x = g.global_average_pool(&x);
    let x = g.flatten(&x);
    let x = g.dense(&x, &[1e6; 8 * 32], [8, 32], &[0.5; 8]);
    let error = bundle_of(g.finish(&x, "logits", 8)).halved().unwrap_err();
    assert!(error.message().contains("16 bits are too few"), "{error}");
}

/// The golden chip shifted round, lighter and darker: many pictures that a network answers differently.
fn drawn_chips(bundle: &Bundle, count: usize) -> Vec<Chip> {
    let chip = bundle.card().preprocess.golden_chip();
    let drawn = (0..count).map(|i| {
        chip.clone().edited(|pixels| {
            let side = pixels.len().isqrt();
            pixels.iter_mut().enumerate().for_each(|(at, pixel)| {
                let wave = ((at / side) as f32 / (2.0 + i as f32)).sin() * ((at % side) as f32 / (3.0 + (i % 5) as f32)).cos();
                *pixel = (128.0 + 90.0 * wave + f32::from(*pixel / 8)) as u8;
            });
        })
    });
    drawn.collect()
}

#[test]
fn a_network_in_8_bits_answers_nearly_the_same_and_proves_it() {
    for name in ["fervor-48-votes", "fervor-nano"] {
        let before = Bundle::builtin(name).unwrap();
        let chips = drawn_chips(&before, 24);
        let after = before.in_eight_bits(&chips).unwrap();
        let steps = after.card().eight_bit.clone().unwrap();
        assert!(steps.greatest.len() > 3 && steps.golden != after.card().golden.logits, "{steps:?}");
        let [whole, real] = [&after, &before].map(|bundle| bundle.head_logits(&chips).unwrap());
        let spread = real.iter().flatten().fold(0.0f32, |most, v| most.max(v.abs()));
        let worst = whole.iter().flatten().zip(real.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst > 0.0 && worst < 0.1 * spread, "{name}: {worst} of {spread}");
        // The file tells it all, whoever reads it; on the general engine it is the network that it was.
        let again = Bundle::load(after.bytes().to_vec()).unwrap();
        assert_eq!(again.head_logits(&chips).unwrap(), whole);
        assert_eq!(again.with_threads(1).head_logits(&chips[..1]).unwrap()[0], whole[0]);
        after.check_elsewhere().unwrap();
        assert_eq!(after.in_eight_bits(&chips).unwrap().card().eight_bit, Some(steps.clone()), "fitted again, the same");
        let plain = after.with_card(|card| card.eight_bit = None).unwrap();
        assert_eq!(plain.head_logits(&chips).unwrap(), real);

        let wrong = after.with_card(|card| card.eight_bit.as_mut().unwrap().golden[0] += 1.0).unwrap_err();
        assert_eq!(wrong.reason(), Reason::Mismatch, "{wrong}");
        let wrong = after.with_card(|card| card.eight_bit.as_mut().unwrap().greatest.values_mut().for_each(|v| *v = 0.0));
        assert!(wrong.unwrap_err().message().contains("must be above 0"));
    }
    let none = Bundle::builtin("fervor-nano").unwrap().in_eight_bits(&[]).unwrap_err();
    assert_eq!((none.kind(), none.reason()), (ErrorKind::Input, Reason::Empty));
}

#[test]
fn a_network_that_computes_in_8_bits_loses_nothing_more_by_weights_of_8_bits() {
    let wide = bundle_of_wide_weights();
    let chips = drawn_chips(&wide, 4);
    let counted = |bundle: &Bundle| bundle.in_eight_bits(&chips).unwrap().head_logits(&chips).unwrap().concat();
    let (narrow, exact) = (wide.quartered().unwrap(), wide.head_logits(&chips).unwrap().concat());
    let off = |found: Vec<f32>| -> f32 { found.iter().zip(&exact).map(|(found, exact)| (found - exact).powi(2)).sum() };
    let [by_counting, by_both] = [off(counted(&wide)), off(counted(&narrow))];
    assert!(by_both < 1.25 * by_counting, "{by_both} instead of {by_counting}");
}

#[test]
fn a_network_without_maps_in_fours_stays_in_32_bits() {
    let mut g = GraphBuilder::new("six", "pixels", [1, 48, 48]);
    let x = g.conv("pixels", &[0.1; 6 * 9], [6, 1, 3, 3], None, 1, 1);
    let x = g.relu(&x);
    let x = g.conv(&x, &[0.1; 8 * 6], [8, 6, 1, 1], None, 1, 0);
    let x = g.global_average_pool(&x);
    let x = g.flatten(&x);
    let x = g.dense(&x, &[0.5; 8 * 8], [8, 8], &[0.0; 8]);
    let bundle = bundle_of(g.finish(&x, "logits", 8));
    let error = bundle.in_eight_bits(&[bundle.card().preprocess.golden_chip()]).unwrap_err();
    assert_eq!(error.reason(), Reason::Unsupported, "{error}");
}
