use crate::world::World;

fn crops() -> World {
    (0..6).fold(World::new(), |world, i| {
        world.face(&format!("set/test/happy/{i}.png"), true, i).face(&format!("set/test/sad/{i}.png"), false, 100 + i)
    })
}

#[test]
fn a_report_holds_what_is_needed_to_run_it_again() {
    let world = crops();
    let report = world.fervor("evaluate fervor-48 set --format json --report out").exits(0).json();
    assert_eq!(report["schema"], "fervor.report/1");
    assert_eq!(report["n"], 12);
    assert_eq!(report["split"], "test");
    for key in
        ["model", "data", "accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece", "labels", "confusion", "per_class"]
    {
        assert!(!report[key].is_null(), "{key} is missing: {report}");
    }
    assert_eq!(report["accuracy_ci95"].as_array().unwrap().len(), 2);
    assert_eq!(report["leak_free"]["n"], 12);
    for file in ["report.json", "report.md", "index.html", "confusion.png"] {
        assert!(world.path("out").join(file).exists(), "{file}");
    }
}

#[test]
fn a_score_under_the_floor_exits_with_one() {
    let world = crops();
    world.fervor("evaluate fervor-48 set --fail-under 1").exits(1).says("is under 1");
    world.fervor("evaluate fervor-48 set --fail-under 65").exits(2).says("0 to 1");
    world.fervor("evaluate fervor-48 set --fail-under 0").exits(0);
}

#[test]
fn classes_that_the_model_lacks_are_mapped_only_when_said() {
    let world = (0..2).fold(crops(), |world, i| world.face(&format!("set/test/bored/{i}.png"), false, 200 + i));
    world.fervor("evaluate fervor-48 set").exits(2).says("bored").says("--map bored=");
    let report = world.fervor("evaluate fervor-48 set --map bored=neutral --format json").exits(0).json();
    assert_eq!(report["n"], 14);
    let report = world.fervor("evaluate fervor-48 set --map bored=- --format json").exits(0).json();
    assert_eq!(report["n"], 12);
}

#[test]
fn a_wrong_folder_or_split_says_what_was_expected() {
    let world = crops().landscape("loose/a.png", 60, 60);
    world.fervor("evaluate fervor-48 loose").exits(2).says("loose");
    world.fervor("evaluate fervor-48 nowhere").exits(2).says("nowhere");
    world.fervor("evaluate fervor-48 set --split validation").exits(2).says("the data has: test");
    world.fervor("evaluate fervor-48 set --split later").exits(2).says("later");
}

#[test]
fn worse_pictures_are_scored_when_asked_for() {
    let world = crops();
    let report = world.fervor("evaluate fervor-48 set --robustness 4 --format json --report out").exits(0).json();
    let robustness = &report["robustness"];
    assert_eq!(robustness["n"], 4);
    let corruptions = robustness["corruptions"].as_array().unwrap();
    assert_eq!(corruptions.len(), 11);
    assert!(corruptions.iter().all(|c| c["strengths"].as_array().unwrap().len() == 5), "{robustness}");
    assert!(world.path("out/robustness.png").exists());
    world.fervor("evaluate fervor-48 set").exits(0).answers("confusion");
    assert!(world.fervor("evaluate fervor-48 set --format json").exits(0).json()["robustness"].is_null());
}

#[test]
fn groups_are_scored_side_by_side_and_predictions_are_written() {
    let world = crops();
    let words = "evaluate fervor-48 set --slices class,flags,folder --predictions said/all.csv --report out";
    world.fervor(words).exits(0).answers("no gap: fewer than two groups").says("predictions written");
    let table = std::fs::read_to_string(world.path("said/all.csv")).unwrap();
    assert!(table.starts_with("id,truth,prediction,confidence,in_training,flags,p_angry,"), "{table}");
    assert_eq!(table.lines().count(), 13);
    assert_eq!(table, std::fs::read_to_string(world.path("out/predictions.csv")).unwrap());
    assert!(std::fs::read_to_string(world.path("out/index.html")).unwrap().contains("<h2>By folder</h2>"));
    world.fervor("evaluate fervor-48 set --slices mood").exits(2).says("class, flags, folder, split");
    if cfg!(feature = "batch") {
        world.fervor("evaluate fervor-48 set --predictions said/all.parquet").exits(0).says("predictions written");
        let parquet = std::fs::read(world.path("said/all.parquet")).unwrap();
        assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    }
}

#[test]
fn a_model_may_choose_among_some_of_its_classes_only() {
    let world = (0..2).fold(crops(), |world, i| world.face(&format!("set/test/bored/{i}.png"), false, 200 + i));
    let report = world.fervor("evaluate fervor-48 set --classes happy,sad --format json").exits(0).json();
    assert_eq!((report["n"].as_u64(), report["labels"].as_array().unwrap().len()), (Some(12), 2));
    assert_eq!(report["chosen_from"].as_array().unwrap().len(), 7);
    world.fervor("evaluate fervor-48 set --classes happy,bored").exits(2).says("no class \"bored\"");
}
