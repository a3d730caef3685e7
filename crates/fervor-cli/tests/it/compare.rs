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

// Options without a meaning were passed over, and answers about other pictures bore the data set's name.
#[test]
fn tables_are_not_compared_by_what_they_were_not_asked() {
    let world = crops().face("other/happy/x.png", true, 1).face("other/sad/y.png", false, 2);
    for model in ["fervor-48", "fervor-nano"] {
        world.fervor(&format!("evaluate {model} set --predictions {model}.csv")).exits(0);
    }
    let words = "compare fervor-48.csv fervor-nano.csv";
    for option in ["--split test", "--map fear=-", "--faces whole"] {
        let (flag, value) = option.split_once(' ').unwrap();
        let refused = format!("{flag} does nothing where both answers are read from tables: {value}");
        world.fervor(&format!("{words} set {option}")).exits(2).says(&refused).says("leave it out");
    }
    world.fervor(&format!("{words} other")).exits(2).says("no picture of the tables is in the data set: other");
    world.fervor(&format!("{words} set")).exits(0);
}

#[test]
fn predictions_as_a_parquet_table_are_refused_with_what_to_do() {
    let world = crops();
    std::fs::write(world.path("said.parquet"), "PAR1").unwrap();
    world.fervor("compare said.parquet fervor-nano set").exits(2).says("said.parquet").says("--predictions FILE.csv");
}

// Rows that came twice counted twice, and of the pictures that only B answered there were fewer than none.
#[test]
fn answers_that_come_twice_and_outputs_that_are_inputs_are_refused() {
    let head = "id,truth,p_happy,p_sad\n";
    let rows: String = (0..6).map(|i| format!("{i}.png,happy,0.{},0.{}\n", 3 + i, 7 - i)).collect();
    let world = World::new().file("a.csv", format!("{head}{rows}{rows}").as_bytes());
    let world =
        world.file("b.csv", format!("{head}{rows}").as_bytes()).file("out/disagreements.csv", format!("{head}{rows}").as_bytes());
    for words in ["a.csv b.csv", "b.csv a.csv"] {
        world.fervor(&format!("compare {words}")).exits(2).says("a.csv").says("line 8: 0.png is in line 2 already");
    }
    world.fervor("compare b.csv out/disagreements.csv --report out").exits(2).says("would overwrite what is read: out/");
    assert_eq!(std::fs::read_dir(world.path("out")).unwrap().count(), 1);
    world.fervor("compare b.csv out/disagreements.csv --report other").exits(0).says("comparison written");
}
