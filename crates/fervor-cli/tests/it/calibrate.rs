use crate::world::World;

fn crops(of_each: u32) -> World {
    (0..of_each).fold(World::new(), |world, i| {
        world.face(&format!("set/happy/{i}.png"), true, i).face(&format!("set/sad/{i}.png"), false, 1000 + i)
    })
}

#[test]
fn a_calibrated_bundle_knows_its_doubt_and_answers_the_same() {
    let world = crops(55);
    let figures = world.fervor("calibrate fervor-48 set --format json --output mine.onnx").exits(0).says("mine.onnx").json();
    assert_eq!(figures["n"], 110);
    let flags = figures["flags"].as_array().unwrap();
    assert!(flags.iter().any(|flag| flag["flag"] == "small"), "{figures}");
    assert!(flags.iter().all(|flag| flag["factor"].as_f64().unwrap() >= 1.0), "{figures}");
    let card = world.fervor("inspect mine.onnx --format json").exits(0).json()["card"].clone();
    assert_eq!(card["conformal"]["coverage"], 0.9);
    assert_eq!(card["temperature"], figures["temperature"]);
    assert_eq!(card["flag_factors"].as_object().unwrap().len(), flags.len());
    world.fervor("inspect mine.onnx").exits(0).answers("sets at 90 %");

    let label = |model: &str| {
        let answer = world.fervor(&format!("predict set/happy/0.png --model {model} --format json")).exits(0).json();
        (answer["faces"][0]["label"].clone(), answer["faces"][0]["plausible"].clone())
    };
    let (own, sets) = label("mine.onnx");
    assert_eq!(own, label("fervor-48").0);
    assert_eq!(sets[0], own, "the likeliest class is the first of its set");
}

#[test]
fn what_the_card_says_of_the_model_can_be_written() {
    let world = crops(55);
    let said = [
        "calibrate",
        "fervor-nano",
        "set",
        "--anyway",
        "--output",
        "mine.onnx",
        "--description",
        "Of crops.",
        "--licence",
        "CC0-1.0",
    ];
    world.run(&said, b"", &[]).exits(0);
    let card = world.fervor("inspect mine.onnx --format json").exits(0).json()["card"].clone();
    assert_eq!((&card["description"], &card["licence"]), (&"Of crops.".into(), &"CC0-1.0".into()));
    world.fervor("calibrate fervor-nano set --licence CC0-1.0").exits(2).says("--output");
}

// A fit on few pictures made the calibration of others worse, and was written without a word.
#[test]
fn what_does_not_help_is_not_written() {
    let world = crops(55);
    let first =
        world.fervor("calibrate fervor-48 set --format json --output mine.onnx").exits(0).says("measuring 110 pictures").json();
    assert!(first["log_loss"][2].as_f64() < first["log_loss"][1].as_f64(), "{first}");
    world.fervor("calibrate mine.onnx set --output again.onnx").exits(1).says("not answered better").says("--anyway");
    assert!(!world.path("again.onnx").exists());
    world.fervor("calibrate mine.onnx set --output again.onnx --anyway").exits(0).answers("log loss");
    assert!(world.path("again.onnx").exists());
}

#[test]
fn a_class_that_is_answered_too_seldom_is_answered_more_often() {
    // Smiles, half of them labelled disgust and half sad.
    let world = (0..110)
        .fold(World::new(), |world, i| world.face(&format!("set/{}/{i}.png", ["disgust", "sad"][i as usize % 2]), true, i));
    let figures = world.fervor("calibrate fervor-48-votes set --class-bias --format json --output mine.onnx").exits(0).json();
    let [before, _, after] = [0, 1, 2].map(|i| figures["class_bias"]["accuracy"][i].as_f64().unwrap());
    assert!(before < 0.3 && after > 0.4, "{figures}");
    let sure = |model: &str| {
        let answer = world.fervor(&format!("predict set/disgust/0.png --model {model} --format json")).exits(0).json();
        ["disgust", "sad"].map(|label| answer["faces"][0]["probabilities"][label].as_f64().unwrap()).iter().sum::<f64>()
    };
    let (before, after) = (sure("fervor-48-votes"), sure("mine.onnx"));
    assert!(before < 0.5 && after > 0.8, "{before} {after}");
    // The card says so, and keeps no score of the network as it was.
    let card = world.fervor("inspect mine.onnx --format json").exits(0).json()["card"].clone();
    assert_eq!(card["class_biases"], figures["class_bias"]["biases"]);
    assert_eq!(card["metrics"]["all.accuracy"], figures["class_bias"]["accuracy"][1]);
    assert!(card["metrics"].get("validation.accuracy").is_none() && card["metrics"].get("validation.loss").is_none(), "{card}");
    world.fervor("inspect mine.onnx").exits(0).answers("class biases in the network: ");
    world
        .fervor("calibrate fervor-48-votes set --class-bias")
        .exits(0)
        .answers("class biases")
        .says("no picture shows")
        .says("surprise");
}

#[test]
fn two_heads_become_one_answer_with_a_bias_for_each_class_that_the_pictures_show() {
    let world = crops(55);
    let words = "calibrate fervor-nano set --blend --eyes 0.4,0.35 --format json --anyway --output mine.onnx";
    let figures = world.fervor(words).exits(0).json();
    let card = world.fervor("inspect mine.onnx --format json").exits(0).json()["card"].clone();
    assert_eq!(card["heads"], figures["blend"]["heads"]);
    let heads = card["heads"].as_array().unwrap();
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!((heads.iter().map(|head| number(&head["weight"])).sum::<f64>() - 1.0).abs() < 1e-5, "{card}");
    let counts = heads.iter().find(|head| number(&head["weight"]) > 0.0).unwrap();
    for (label, bias) in card["labels"].as_array().unwrap().iter().zip(counts["biases"].as_array().unwrap()) {
        assert_eq!(["happy", "sad"].contains(&label.as_str().unwrap()), number(bias) != 0.0, "{label}: {bias}");
    }
    assert_eq!(number(&counts["prior_removed"]), 0.0);
    world.fervor("inspect mine.onnx").exits(0).answers("eyes 0.4 apart at height 0.35").answers("added: angry +0.00");
    world
        .fervor("calibrate fervor-nano set --blend --anyway --output mine.onnx")
        .exits(0)
        .answers("class biases")
        .answers("of the other half");
    world.fervor("calibrate fervor-48-votes set --blend").exits(2).says("two heads or more");
    world.fervor("calibrate fervor-nano set --eyes 2,1").exits(2).says("two shares from 0.05 to 0.95");
    world.fervor("calibrate fervor-nano set --eyes 0.4,0.3 --margin 0.1").exits(2).says("cannot be used with");
}

#[test]
fn a_bundle_can_be_stored_with_half_or_a_quarter_of_the_bits() {
    let world = crops(55);
    let size = |name: &str| std::fs::metadata(world.path(name)).unwrap().len();
    for (option, says) in [("half", "16-bit floats"), ("quarter", "whole numbers of 8 bits")] {
        world.fervor(&format!("calibrate fervor-nano set --{option} --output {option}.onnx --anyway")).exits(0).says(says);
        world.fervor(&format!("calibrate {option}.onnx set --output again.onnx --anyway")).exits(0);
        assert!(size(&format!("{option}.onnx")).abs_diff(size("again.onnx")) < 200, "a new card leaves them so");
        world.fervor(&format!("predict set/happy/0.png --model {option}.onnx")).exits(0);
    }
    assert!(size("quarter.onnx") <= size("half.onnx"));
    world.fervor("calibrate fervor-nano set --half --quarter").exits(2).says("cannot be used with");
}

#[test]
fn a_bundle_can_compute_in_8_bits_and_says_so() {
    let world = crops(56);
    let fitted = world.fervor("calibrate fervor-nano set --eight-bits --output whole.onnx --anyway");
    fitted.exits(0).says("computes in 8 bits");
    world.fervor("inspect whole.onnx").exits(0).answers("8 bits, in steps of ");
    world.fervor("inspect fervor-nano").exits(0).answers("32 bits");
    world.fervor("predict set/happy/0.png --model whole.onnx").exits(0);
}

#[test]
fn calibration_refuses_what_it_cannot_stand_on() {
    let world = crops(20);
    world.fervor("calibrate fervor-48 set").exits(2).says("100 pictures or more, there are 40");
    world.fervor("calibrate nothing set").exits(2).says("nothing").says("built in");
    world.fervor("calibrate fervor-48 set --output /").exits(2).says("this is a folder: /");
    world.fervor("calibrate fervor-48 set --output mine.onnx").exits(2);
    world.fervor("calibrate fervor-48 set --output set/happy/mine.onnx").exits(2).says("--output lies inside the data set");
    assert!(!world.path("mine.onnx").exists());
}

// The file was begun first, and its part lay there when the command was interrupted.
#[cfg(unix)]
#[test]
fn an_interrupted_calibration_leaves_nothing() {
    let world = crops(55);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_fervor"))
        .args(["calibrate", "fervor-48", "set", "--threads", "1", "--output", "mine.onnx"])
        .current_dir(world.path(""))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    child.kill().unwrap();
    child.wait().unwrap();
    let left: Vec<_> = std::fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["set"]);
}
