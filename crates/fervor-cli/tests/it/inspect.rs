use fervor::builtin;

use crate::world::World;

#[test]
fn a_built_in_model_shows_its_card() {
    let world = World::new();
    world.fervor("models").exits(0).answers("(default)");
    let listed = world.fervor("models --format json").exits(0).json();
    for model in listed.as_array().unwrap() {
        let name = model["card"]["name"].as_str().unwrap();
        let info = world.fervor(&format!("inspect {name} --format json")).exits(0).json();
        assert_eq!(&info, model);
        assert!(info["parameters"].as_u64().unwrap() > 10_000 && info["multiply_adds"].as_u64().unwrap() > 1_000_000, "{info}");
        world.fervor(&format!("inspect {name}")).exits(0).answers("temperature").answers("licence");
    }
}

#[test]
fn a_model_file_without_a_seal_is_told_once_and_a_changed_one_is_refused() {
    let sealed = builtin::bytes("fervor-nano").unwrap();
    // A seal is the last 81 bytes.
    let (before, mut changed) = (&sealed[..sealed.len() - 81], sealed.to_vec());
    changed[sealed.len() / 2] ^= 1;
    let world = World::new().file("old.onnx", before).file("changed.onnx", &changed).landscape("a.png", 300, 200);
    assert_eq!(world.fervor("inspect old.onnx").exits(0).answers("seal                   none").stderr().lines().count(), 1);
    let said = world.fervor("predict a.png --model old.onnx").says("old.onnx: the model file has no seal").stderr();
    assert_eq!(said.matches("no seal").count(), 1, "{said}");
    assert_eq!(world.fervor("inspect fervor-nano").exits(0).answers("as they were made").stderr(), "");
    world.fervor("inspect changed.onnx").exits(2).says("changed.onnx: the file is not as it was made").says("copy or download");
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        world.fervor(&format!("completions {shell}")).exits(0).answers("predict").answers("threshold");
    }
    world.fervor("completions dos").exits(2).says("bash");
    world.fervor("man").exits(0).answers(".TH fervor 1").answers("predict");
    world.fervor("man --output pages").exits(0).says("pages written");
    let page = std::fs::read_to_string(world.path("pages/fervor-predict.1")).unwrap();
    assert!(page.contains("minimum\\-face") && page.contains("fervor"), "{page}");
}
