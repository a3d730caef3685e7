use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::World;

const RECIPE: &str = r#"
name = "tiny"
licence = "CC0-1.0"
epochs = 2
batch_size = 8

[preprocess]
size = 48
color = "gray"
filter = "bilinear"
framing = { margin = { margin = 0.0 } }

[network]
name = "fervor-48"
widths = [4, 4, 8, 8]
blocks = [1, 1, 1]

[data]
split = "80:10:10"

[optimizer]
name = "adam"
learning_rate = 0.01
"#;

fn world() -> World {
    (0..20).fold(World::new().file("tiny.toml", RECIPE.as_bytes()), |world, i| {
        world.face(&format!("set/happy/{i}.png"), true, i).face(&format!("set/sad/{i}.png"), false, 100 + i)
    })
}

#[test]
fn a_folder_of_faces_becomes_a_bundle_that_predicts_and_evaluates() {
    let world = world();
    let ran = world.fervor("train tiny.toml --data set --threads 1").exits(0).answers("best.onnx");
    let best = ran.stdout().split_whitespace().next().unwrap().to_owned();
    world.fervor(&format!("predict set/happy/1.png --model {best}")).exits(0).answers("1 face");
    let report = world.fervor(&format!("evaluate {best} set --split all --format json")).exits(0).json();
    assert_eq!(report["n"], 40);
    // The pictures it was trained on are known to the bundle.
    assert!(report["leak_free"]["n"].as_u64().unwrap() <= 8, "{report}");
    let run = world.path(best.trim_end_matches("/best.onnx"));
    for file in ["recipe.toml", "manifest.json", "log.csv", "last.onnx", "checkpoint"] {
        assert!(run.join(file).exists(), "{file}");
    }
}

#[test]
fn a_recipe_with_a_wrong_key_or_value_is_refused() {
    let world = world();
    world.fervor("train tiny.toml --data set --set epoch=3").exits(2).says("epoch");
    world.fervor("train tiny.toml --data set --set epochs=0").exits(2).says("epochs");
    world.fervor("train none.toml --data set").exits(2).says("none.toml");
    world.fervor("train tiny.toml --data set --device cuda").exits(2).says("wgpu");
    world.fervor("train tiny.toml").exits(2).says("--data");
}

// The runs became a class of the data, or pictures of one.
#[test]
fn runs_inside_the_data_are_refused_before_any_work() {
    let world = world();
    for how in ["", " --folds 2", " --sweep epochs=1,2", " --find-rate"] {
        let said = world.fervor(&format!("train tiny.toml --data set --out set/runs{how}")).exits(2);
        said.says("--out lies inside the data set: set/runs").says("name a place beside the data");
    }
    world.fervor("train tiny.toml --data .").exits(2).says("--out lies inside the data set: runs");
    assert!(!world.path("set/runs").exists() && !world.path("runs").exists());
}

#[test]
fn a_killed_run_resumes_to_the_same_bundle() {
    let world = world();
    let words = "train tiny.toml --data set --threads 1 --set epochs=12";
    world.fervor(&format!("{words} --out whole")).exits(0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_fervor"))
        .args(format!("{words} --out cut").split(' '))
        .current_dir(world.path("."))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let run = loop {
        let mut runs = std::fs::read_dir(world.path("cut")).into_iter().flatten().flatten().map(|entry| entry.path());
        if let Some(run) = runs.find(|run| run.join("checkpoint/state.json").exists()) {
            break run;
        }
        assert!(child.try_wait().unwrap().is_none(), "the training ended without a checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    };
    child.kill().unwrap(); // SIGKILL: nothing can be tidied up
    child.wait().unwrap();
    let rows = std::fs::read_to_string(run.join("log.csv")).unwrap_or_default().lines().count();
    assert!(rows < 12, "it was killed too late: {rows} lines");
    let name = run.file_name().unwrap().to_str().unwrap();
    world.fervor(&format!("train --resume cut/{name} --threads 1")).exits(0).says("going on after");
    for file in ["last.onnx", "best.onnx"] {
        let [cut, whole] = ["cut", "whole"].map(|out| std::fs::read(world.path(out).join(name).join(file)).unwrap());
        assert!(cut == whole, "{file} of the resumed run differs");
    }
}

#[test]
fn folds_give_a_table_and_are_not_trained_twice() {
    let world = world();
    let words = "train tiny.toml --data set --threads 1 --folds 2 --set epochs=1";
    let first = world.fervor(words).exits(0).answers("| fold | train | validation |").answers("| mean |");
    let second = world.fervor(words).exits(0).says("going on after 1 epochs");
    assert_eq!(first.stdout(), second.stdout());
    world.fervor("train tiny.toml --data set --folds 1").exits(2).says("--folds");
}

// The first line named a seed that was not the one of the second.
#[test]
fn splits_that_are_drawn_name_one_seed() {
    let ran =
        world().fervor("train tiny.toml --data set --threads 1 --set epochs=1 --set data.split=as-given --set seed=7").exits(0);
    assert_eq!(ran.stderr().matches("seed").count(), 1, "{ran}");
    ran.says("the data has no splits of its own").says("seed 7");
}

/// Sends Ctrl-C to a training of these words once it says something.
#[cfg(unix)]
fn interrupted(world: &World, words: &str, says: &str) -> (Option<i32>, String, String) {
    use std::io::{BufRead, BufReader, Read};
    let mut child = Command::new(env!("CARGO_BIN_EXE_fervor"))
        .args(words.split(' '))
        .current_dir(world.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(says) {
        assert!(talk.read_line(&mut said).unwrap() > 0, "it ended before it was interrupted: {said}");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    talk.read_to_string(&mut said).unwrap();
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stdout).unwrap(), said)
}

// A training that was interrupted exited with 1, and a search for a rate suggested a wrong one, with 0.
#[cfg(unix)]
#[test]
fn what_is_interrupted_exits_as_interrupted() {
    let world = world();
    let (code, answer, said) = interrupted(&world, "train tiny.toml --data set --threads 1 --set epochs=10000", "epoch   1");
    assert!(code == Some(130) && answer.is_empty() && said.contains("go on with: fervor train --resume"), "{code:?} {said}");
    let words = "train tiny.toml --data set --threads 1 --out rates --find-rate";
    let (code, answer, said) = interrupted(&world, words, "split 80:10:10");
    assert!(
        code == Some(130) && answer.is_empty() && said.contains("interrupted: no rate is suggested"),
        "{code:?} {answer} {said}"
    );
    assert!(!said.contains("checkpoint") && !world.path("rates").exists(), "{said}");
}

#[test]
fn a_training_starts_from_another_model() {
    let recipe = RECIPE.replace("[network]\nname = \"fervor-48\"\nwidths = [4, 4, 8, 8]\nblocks = [1, 1, 1]\n", "");
    let (head, tail) = recipe.split_once("[preprocess]").unwrap();
    let recipe = format!("{head}[data]{}", tail.split_once("[data]").unwrap().1);
    let world = world().file("mine.toml", recipe.as_bytes());
    let ran =
        world.fervor("train mine.toml --data set --threads 1 --set epochs=1 --from fervor-48").exits(0).answers("best.onnx");
    let best = ran.stdout().split_whitespace().next().unwrap().to_owned();
    let run = best.trim_end_matches("/best.onnx").to_owned();
    world.fervor(&format!("inspect {best}")).exits(0).answers("happy, sad").answers("began from             fervor-48; ");
    world.fervor(&format!("train mine.toml --data set --threads 1 --set epochs=1 --set name=next --from {run}")).exits(0);
    world.fervor("train mine.toml --data set --from nobody").exits(2).says("nobody").says("built in");
    world.fervor("train mine.toml --data set").exits(2).says("missing field");
}

// A model of somebody's own classes claimed to know the seven of FER-2013, and our licence.
#[test]
fn a_model_of_other_data_does_not_claim_what_the_recipe_says_of_its_own() {
    let claims = RECIPE.replace("licence = \"CC0-1.0\"", "licence = \"MIT\"\ndescription = \"Trained on FER-2013.\"");
    let claims = claims.replace("[data]\n", "[data]\ndescribed = \"fer2013\"\n");
    let world = world().file("claims.toml", claims.as_bytes());
    let card = |words: &str| {
        let ran = world
            .fervor(&format!("train claims.toml --data set --threads 1 --set epochs=1 {words}"))
            .exits(0)
            .says("of other data");
        let best = ran.stdout().split_whitespace().next().unwrap().to_owned();
        world.fervor(&format!("inspect {best} --format json")).exits(0).json()["card"].clone()
    };
    let mine = card("");
    assert_eq!((mine["licence"].as_str(), mine["description"].as_str()), (Some("not stated"), Some("not stated")));
    let stated = card("--set licence=CC-BY-4.0 --set name=stated");
    assert_eq!((stated["licence"].as_str(), stated["description"].as_str()), (Some("CC-BY-4.0"), Some("not stated")));
}

#[test]
fn a_sweep_trains_once_for_each_value_and_one_bad_run_does_not_stop_the_others() {
    let world = world();
    let words = "train tiny.toml --data set --threads 1 --set epochs=1 --sweep optimizer.learning_rate=0.01,1e9,0.02";
    let ran = world.fervor(words).exits(1).answers("| changed | validation accuracy |").answers("failed: ");
    assert_eq!(ran.stdout().lines().count(), 5, "{ran}");
    let runs = world.fervor("runs --sort optimizer.learning_rate").exits(0).answers("where the recipes differ");
    assert!(runs.stdout().contains("optimizer.learning_rate=0.01"), "{runs}");
    assert_eq!(world.fervor("runs --format json").exits(0).json()["schema"], "fervor.runs/1");
    world.fervor("runs nowhere").exits(2).says("nowhere");
}

#[test]
fn a_learning_rate_is_suggested_with_its_plot() {
    let world = world();
    world.fervor("train tiny.toml --data set --threads 1 --find-rate").exits(0).answers("--set optimizer.learning_rate=");
    let files: Vec<String> = std::fs::read_dir(world.path("runs"))
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(files.len() == 2 && files.iter().all(|name| name.ends_with("-rate.png") || name.ends_with("-rate.csv")), "{files:?}");
}

#[test]
fn recipes_are_inside_the_program_and_a_key_nearly_right_is_named() {
    let world = world();
    world.fervor("recipes").exits(0).answers("fervor-48  ").answers("finetune");
    world.fervor("recipes fervor-nano").exits(0).answers("name = \"fervor-nano\"");
    world.fervor("recipes fervor-49").exits(2).says("built in: fervor-48");
    let words = "train fervor-nano --data set --set optimizer.lerning_rate=0.1";
    world.fervor(words).exits(2).says("the nearest is optimizer.learning_rate");
    world.fervor("train fervor-49 --data set").exits(2).says("built in: fervor-48");
}

#[test]
fn a_training_ends_with_the_scores_of_its_bundle() {
    let world = world();
    let ran = world.fervor("train tiny.toml --data set --threads 1").exits(0).answers("confusion: truth in rows");
    let run = ran.stdout().split("/best.onnx").next().unwrap().to_owned();
    for file in ["report/index.html", "report/predictions.csv", "first_batch.png", "events.out.tfevents.fervor"] {
        assert!(world.path(&run).join(file).exists(), "{file}");
    }
    let again = world.fervor(&format!("evaluate {run} {run}/manifest.json --split test --format json")).exits(0).json();
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(world.path(&run).join("report/report.json")).unwrap()).unwrap();
    assert_eq!((&report["accuracy"], &report["confusion"]), (&again["accuracy"], &again["confusion"]));
}
