use crate::world::{World, astronaut};

/// Photographs of one face, six of each of two classes.
fn photographs() -> World {
    let photo = image::open(astronaut()).unwrap().to_rgb8();
    let world = World::new();
    for i in 0..12_u32 {
        let path = world.path(&format!("photos/{}/{i}.png", ["happy", "sad"][i as usize % 2]));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let picture = image::imageops::crop_imm(&photo, 3 * i, 2 * i, 460, 460).to_image();
        picture.save(path).unwrap();
    }
    world
}

// Of photographs the whole scene was taken without a word.
#[test]
fn photographs_are_told_from_crops_and_their_faces_can_be_taken() {
    let world = photographs();
    world
        .fervor("evaluate fervor-nano photos")
        .exits(0)
        .says("12 of 12 pictures looked at are photographs")
        .says("--faces detect");
    world.fervor("audit photos").answers("photographs around a face").answers("fervor crop photos OUT");
    let whole = world.fervor("audit photos --faces whole").stdout();
    assert!(!whole.contains("photographs around a face"), "{whole}");
    let judged = world.fervor("audit photos --faces detect --suspects --format json").json()["not_checked"].to_string();
    assert!(!judged.contains("faces:"), "{judged}");
    let quiet = world.fervor("evaluate fervor-nano photos --faces whole").exits(0);
    assert!(!quiet.stderr().contains("photographs"), "{quiet}");
    let faces = world.fervor("evaluate fervor-nano photos --faces detect --format json").exits(0).says("12 detected").json();
    assert_eq!(faces["n"], 12);

    world.fervor("crop photos faces --model fervor-nano").exits(0).answers("12 pictures");
    let manifest = std::fs::read_to_string(world.path("faces/manifest.json")).unwrap();
    assert!(manifest.contains("\"source\":\"happy/0.png\"") && manifest.contains("source_box"), "{manifest}");
    // The crops are crops, and the model says of them what it says of the faces.
    let crops = world.fervor("evaluate fervor-nano faces/manifest.json --format json").exits(0);
    assert!(!crops.stderr().contains("photographs"), "{crops}");
    let crops = crops.json();
    assert_eq!((&crops["n"], &crops["accuracy"]), (&faces["n"], &faces["accuracy"]));
    world.fervor("crop photos faces").exits(2).says("there already");
    world.fervor("crop photos photos/inside").exits(2).says("inside the data set");
}

#[test]
fn what_a_data_set_holds_beside_its_classes_is_told_by_every_command() {
    let world = (0..4).fold(World::new(), |world, i| {
        world.face(&format!("set/happy/{i}.png"), true, i).face(&format!("set/sad/{i}.png"), false, 50 + i)
    });
    let world = world.file("set/fear/a.heic", b"\0\0\0\x18ftypheic").file("set/disgust/none.txt", b"");
    world
        .fervor("evaluate fervor-nano set")
        .exits(0)
        .says("no picture of class \"fear\"")
        .says("no picture of class \"disgust\"");
    world.fervor("split set --output parts.json --near 0").exits(0).says("no picture of class \"fear\"");
    let world = world.face("parts/test/happy/1.png", true, 1).face("parts/test/sad/1.png", false, 2).face(
        "parts/vaildation/sad/1.png",
        false,
        3,
    );
    for command in ["evaluate fervor-nano parts", "split parts --output p.json", "audit parts", "calibrate fervor-nano parts"] {
        world.fervor(command).exits(2).says("vaildation/ lies beside test/").says("rename vaildation/ to validation/");
    }
}

#[test]
fn a_table_of_paths_is_data_for_every_command() {
    let world = (0..6).fold(World::new(), |world, i| world.face(&format!("{i}.png"), i % 2 == 0, i));
    let rows: String = (0..6).map(|i| format!("{i}.png,{},p{i}\n", ["happy", "sad"][i % 2])).collect();
    let world = world.file("faces.csv", format!("path,label,person\n{rows}").as_bytes());
    world.fervor("evaluate fervor-nano faces.csv").exits(0).answers("6 pictures");
    let listed = format!("path,label,person\n{rows}1.png,happy,p1\n2.png,happy,p2\n");
    let world = world.file("twice.csv", listed.as_bytes());
    let report =
        world.fervor("evaluate fervor-nano twice.csv --format json").exits(0).says("happy by line 8").says("line:9: ").json();
    assert_eq!((&report["n"], &report["excluded"]), (&5.into(), &serde_json::json!({ "more than one label": 1 })));
    world.fervor("split faces.csv --ratios 4:2 --output parts.json --near 0").exits(0);
    assert!(std::fs::read_to_string(world.path("parts.json")).unwrap().contains("\"groups\":{\"person\":\"p0\"}"));
    world.fervor("audit parts.json --near 0").answers("6 pictures");
}

#[test]
fn a_network_from_elsewhere_becomes_a_bundle() {
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../fervor/models/fervor-48-votes/fervor-48-votes.onnx");
    let labels = "labels = [\"neutral\", \"happy\", \"surprise\", \"sad\", \"angry\", \"disgust\", \"fear\", \"contempt\"]";
    let card = format!("name = \"theirs\"\n{labels}\nsize = 48\ncolor = \"gray\"\noutput = \"logits\"\n");
    // As it is without its card: a bundle needs no import.
    let bundle = std::fs::read(network).unwrap();
    let mut bytes = bundle.clone();
    let key = bytes.windows(11).position(|word| word == b"fervor.card").unwrap();
    bytes[key..key + 11].copy_from_slice(b"other..card");
    let world = World::new().file("network.onnx", &bytes).file("bundle.onnx", &bundle);
    let (world, network) = (world.face("a.png", true, 1).file("card.toml", card.as_bytes()), "network.onnx");
    let world = world.file("wrong.toml", card.replace("logits", "softmax").as_bytes()).file("empty.toml", b"name = 3");
    world.fervor(&format!("import {network} --card card.toml --output theirs.onnx")).exits(0).answers("8 classes");
    let label = |model: &str| {
        world.fervor(&format!("predict a.png --model {model} --format json")).exits(0).json()["faces"][0]["label"].clone()
    };
    assert_eq!(label("theirs.onnx"), label("fervor-48-votes"));
    world.fervor("inspect theirs.onnx").exits(0).answers("not stated");
    world.fervor(&format!("import {network} --card wrong.toml --output x.onnx")).exits(2).says("output = \"logits\"");
    world.fervor(&format!("import {network} --card empty.toml --output x.onnx")).exits(2).says("not a card");
    // The second output was dropped without a word. Messages that come twice are one: this adds an output to the graph.
    bytes.extend(b"\x3a\x0c\x62\x0a\x0a\x08features");
    let world = world.file("two.onnx", &bytes);
    let two = world.fervor("import two.onnx --card card.toml --output x.onnx").exits(2).says("leave only the output");
    two.says("two.onnx: expected a network with one output, found 2: logits, features");
    world.fervor("import bundle.onnx --card card.toml --output x.onnx").exits(2).says("bundle.onnx: it is a bundle already");
    world.fervor("import theirs.onnx --card card.toml --output x.onnx").exits(2).says("theirs.onnx: it is a bundle already");
    assert!(!world.path("x.onnx").exists());
}

/// Six faces in a table of paths, a manifest that leads to them, and a model as a file.
fn told_by_files() -> World {
    let world = (0..6).fold(World::new(), |world, i| world.face(&format!("faces/{i}.png"), i % 2 == 0, i));
    let rows: String = (0..6).map(|i| format!("faces/{i}.png,{}\n", ["happy", "sad"][i % 2])).collect();
    let world = world.file("t.csv", format!("path,label\n{rows}").as_bytes());
    world.fervor("split t.csv --ratios 4:2 --output parts.json --near 0").exits(0);
    world
        .file("m.onnx", fervor::builtin::bytes("fervor-nano").unwrap())
        .file("card.toml", b"name = 3")
        .file("run/best.onnx", b"best")
}

// The results of a command took the place of what it had read.
#[test]
fn no_output_takes_the_place_of_what_is_read() {
    let world = told_by_files().file("votes.csv", b"votes");
    #[cfg(unix)]
    std::os::unix::fs::symlink("t.csv", world.path("link.csv")).unwrap();
    let read = ["t.csv", "parts.json", "m.onnx", "card.toml", "votes.csv", "faces/0.png", "run/best.onnx"];
    let bytes = || read.map(|name| std::fs::read(world.path(name)).unwrap());
    let before = bytes();
    let mut commands = vec![
        "split t.csv --near 0 --output t.csv",
        "split t.csv --near 0 --output ./faces/../t.csv",
        "split t.csv --near 0 --output faces/0.png",
        "split parts.json --near 0 --output parts.json",
        "split parts.json --near 0 --output faces/0.png",
        "evaluate m.onnx t.csv --predictions t.csv",
        "evaluate m.onnx t.csv --predictions m.onnx",
        "evaluate run t.csv --predictions run/best.onnx",
        "evaluate m.onnx t.csv --predictions faces/0.png",
        "evaluate m.onnx parts.json --predictions parts.json",
        "evaluate m.onnx t.csv --votes votes.csv --predictions votes.csv",
        "import m.onnx --card card.toml --output m.onnx",
        "import m.onnx --card card.toml --output card.toml",
        "calibrate m.onnx t.csv --output m.onnx",
        "calibrate m.onnx t.csv --output t.csv",
        "calibrate m.onnx t.csv --votes votes.csv --output votes.csv",
        "calibrate m.onnx t.csv --output faces/0.png",
    ];
    if cfg!(unix) {
        commands.push("split t.csv --near 0 --output link.csv");
    }
    for command in commands {
        world.fervor(command).exits(2).says("would overwrite what is read").says("name another file");
        assert_eq!(bytes(), before, "{command}");
    }
    let world = world.file("parts-2.json", &before[1]);
    world.fervor("split parts-2.json --near 0 --folds 2 --output parts.json").exits(2).says("would overwrite what is read");
    assert!(!world.path("parts-1.json").exists());
    // What is only there is written over, as ever.
    let world = world.file("old.csv", b"old");
    world.fervor("evaluate m.onnx t.csv --split all --predictions old.csv").exits(0).says("predictions written");
}

#[test]
fn results_inside_the_data_or_where_nothing_can_be_written_are_refused_before_the_work() {
    let world = told_by_files().face("set/happy/0.png", true, 1).face("set/sad/0.png", false, 2).file("a.txt", b"a");
    // Nothing of this name can be read: what is refused is refused before.
    let model = "no-model";
    for (words, says) in [
        ("set --report set/out", "--report lies inside the data set: set/out"),
        ("set --predictions set/happy/said.csv", "--predictions lies inside the data set: set/happy/said.csv"),
        ("set --report a.txt", "--report needs a folder, this is a file: a.txt"),
        ("set --report a.txt/out", "cannot write a.txt/out"),
        ("set --predictions faces", "--predictions needs a file, this is a folder: faces"),
        ("set --predictions a.txt/said.csv", "cannot write a.txt"),
    ] {
        world.fervor(&format!("evaluate {model} {words}")).exits(2).says(says);
    }
    for (words, says) in [
        ("set --report set/out", "--report lies inside the data set"),
        ("set --report a.txt", "needs a folder"),
        ("--report a.txt/out", "cannot write a.txt/out"),
    ] {
        world.fervor(&format!("compare {model} {model} {words}")).exits(2).says(says);
    }
    world.fervor("audit set --report a.txt/out").exits(2).says("cannot write a.txt/out");
    assert!(!world.path("set/out").exists());
    world.fervor("evaluate m.onnx set --report new/deep").exits(0).says("report written");
    assert_eq!(std::fs::read_dir(world.path("set")).unwrap().count(), 2);
}

#[test]
fn a_quote_that_swallows_rows_stops_every_command() {
    let world = (0..6).fold(World::new(), |world, i| world.face(&format!("{i}.png"), i % 2 == 0, i));
    let rows = "0.png,happy\n1.png,sad\n2.png,happy\n3.png,sad\n\"4.png,happy\n5.png,sad\n";
    let world = world.file("t.csv", format!("path,label\n{rows}").as_bytes());
    for command in ["evaluate fervor-nano t.csv", "audit t.csv", "split t.csv --output parts.json"] {
        let said = world.fervor(command).exits(2).says("t.csv").says("line 6: a quote opens here and is never closed");
        assert!(!said.stderr().contains("5.png"), "{said}");
    }
}
