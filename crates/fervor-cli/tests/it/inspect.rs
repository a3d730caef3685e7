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
