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
    world.fervor("split faces.csv --ratios 4:2 --output parts.json --near 0").exits(0);
    assert!(std::fs::read_to_string(world.path("parts.json")).unwrap().contains("\"groups\":{\"person\":\"p0\"}"));
    world.fervor("audit parts.json --near 0").answers("6 pictures");
}

#[test]
fn a_network_from_elsewhere_becomes_a_bundle() {
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../fervor/models/fervor-48-votes/fervor-48-votes.onnx");
    let labels = "labels = [\"neutral\", \"happy\", \"surprise\", \"sad\", \"angry\", \"disgust\", \"fear\", \"contempt\"]";
    let card = format!("name = \"theirs\"\n{labels}\nsize = 48\ncolor = \"gray\"\noutput = \"logits\"\n");
    let world = World::new().face("a.png", true, 1).file("card.toml", card.as_bytes());
    let world = world.file("wrong.toml", card.replace("logits", "softmax").as_bytes()).file("empty.toml", b"name = 3");
    world.fervor(&format!("import {network} --card card.toml --output theirs.onnx")).exits(0).answers("8 classes");
    let label = |model: &str| {
        world.fervor(&format!("predict a.png --model {model} --format json")).exits(0).json()["faces"][0]["label"].clone()
    };
    assert_eq!(label("theirs.onnx"), label("fervor-48-votes"));
    world.fervor("inspect theirs.onnx").exits(0).answers("not stated");
    world.fervor(&format!("import {network} --card wrong.toml --output x.onnx")).exits(2).says("output = \"logits\"");
    world.fervor(&format!("import {network} --card empty.toml --output x.onnx")).exits(2).says("not a card");
    assert!(!world.path("x.onnx").exists());
}
