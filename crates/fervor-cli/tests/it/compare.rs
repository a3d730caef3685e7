use crate::world::World;

fn crops() -> World {
    (0..6).fold(World::new(), |world, i| {
        world.face(&format!("set/test/happy/{i}.png"), true, i).face(&format!("set/test/sad/{i}.png"), false, 100 + i)
    })
}

#[test]
fn two_models_are_compared_on_the_same_pictures() {
    let world = crops();
    let words = "compare fervor-48 fervor-nano set --slices folder --report out";
    world.fervor(words).exits(0).answers("A  fervor-48").answers("B  fervor-nano").answers("McNemar");
    for file in ["comparison.json", "comparison.md", "classes.png", "disagreements.csv"] {
        assert!(world.path("out").join(file).exists(), "{file}");
    }
    let found = world.fervor("compare fervor-48 fervor-nano set --format json").exits(0).json();
    assert_eq!((found["schema"].as_str(), found["n"].as_u64()), (Some("fervor.comparison/1"), Some(12)));
    world.fervor("compare fervor-48 fervor-nano").exits(2).says("fervor compare A B DATA");
}

#[test]
fn reports_are_compared_by_the_predictions_beside_them() {
    let world = crops();
    for model in ["fervor-48", "fervor-nano"] {
        world.fervor(&format!("evaluate {model} set --report {model}-report")).exits(0);
    }
    let words = "fervor-48-report fervor-nano-report/report.json";
    let said = world.fervor(&format!("compare {words} --format markdown")).exits(0);
    assert!(said.stdout().starts_with("# fervor-48 and fervor-nano on set, test"), "{said}");
    let asked = world.fervor("compare fervor-48 fervor-nano set --format json").exits(0).json();
    let read = world.fervor(&format!("compare {words} --format json")).exits(0).json();
    assert_eq!((&asked["accuracy"], &asked["disagreements"]), (&read["accuracy"], &read["disagreements"]));
    std::fs::remove_file(world.path("fervor-48-report/predictions.csv")).unwrap();
    world.fervor("compare fervor-48-report/report.json fervor-nano-report").exits(2).says("predictions.csv");
}

#[test]
fn predictions_as_a_parquet_table_are_refused_with_what_to_do() {
    let world = crops();
    std::fs::write(world.path("said.parquet"), "PAR1").unwrap();
    world.fervor("compare said.parquet fervor-nano set").exits(2).says("said.parquet").says("--predictions FILE.csv");
}
