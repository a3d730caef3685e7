use crate::world::{World, astronaut};

#[test]
fn a_photograph_is_answered_with_a_face_and_its_expression() {
    let photo = astronaut();
    let ran = World::new().fervor(&format!("predict {} --format json", photo.display())).exits(0);
    let answer = ran.json();
    assert_eq!(answer["schema"], "fervor.prediction/1");
    assert_eq!((&answer["width"], &answer["height"]), (&512.into(), &512.into()));
    assert!(answer["error"].is_null());
    assert_eq!(answer["model"]["sha256"].as_str().unwrap().len(), 64);
    let faces = answer["faces"].as_array().unwrap();
    assert_eq!(faces.len(), 1);
    let face = &faces[0];
    assert_eq!((&face["label"], &face["uncertain"]), (&"happy".into(), &false.into()));
    assert_eq!(face["landmarks"].as_array().unwrap().len(), 5);
    assert!(face["quality"]["flags"].is_array());
    let x = face["box"]["x"].as_f64().unwrap();
    assert!((150.0..210.0).contains(&x), "{face}");
    let sum: f64 = face["probabilities"].as_object().unwrap().values().map(|p| p.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{face}");
}

#[test]
fn standard_output_holds_the_answer_and_nothing_else() {
    let ran = World::new().landscape("hill.png", 300, 200).fervor("predict hill.png --format json").exits(0);
    assert_eq!(ran.json()["faces"], serde_json::json!([]));
    assert_eq!(ran.stderr(), "");
}

#[test]
fn one_bad_file_is_a_row_and_the_others_go_on() {
    let world =
        World::new().landscape("a.png", 300, 200).file("b.jpg", b"not a picture").file("c.png", b"").landscape("d.png", 200, 300);
    let ran = world.fervor("predict a.png b.jpg c.png d.png missing.png --format jsonl").exits(1).says("b.jpg");
    let rows: Vec<serde_json::Value> = ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<bool> = rows.iter().map(|row| !row["error"].is_null()).collect();
    assert_eq!(failed, [false, true, true, false, true], "{ran}");
    assert_eq!((&rows[1]["error"]["kind"], &rows[1]["error"]["reason"]), (&"input".into(), &"not_a_picture".into()));
    assert_eq!(rows[4]["error"]["reason"], "missing");
    world.fervor("predict b.jpg").exits(2).says("b.jpg");
}

#[test]
fn a_small_square_crop_is_taken_whole() {
    let world = World::new().face("crop.png", true, 1);
    for words in ["predict crop.png --format json", "predict crop.png --faces whole --format json"] {
        let answer = world.fervor(words).exits(0).json();
        assert_eq!(answer["faces"][0]["box"], serde_json::json!({"x": 0.0, "y": 0.0, "width": 48.0, "height": 48.0}));
        assert_eq!(answer["faces"][0]["landmarks"], serde_json::json!([]));
    }
}

#[test]
fn a_picture_may_come_by_standard_input() {
    let bytes = std::fs::read(astronaut()).unwrap();
    World::new().fervor_reading("predict -", &bytes).exits(0).answers("looks happy");
    World::new().fervor_reading("predict -", b"").exits(2).says("standard input");
}

#[test]
fn a_folder_becomes_a_table_with_a_row_a_face() {
    let world = World::new().face("in/a.png", true, 1).face("in/deep/b.png", false, 2).landscape("in/c.png", 300, 200);
    let shallow = world.fervor("predict in --format csv").exits(0).stdout();
    assert_eq!(shallow.lines().count(), 1 + 2, "{shallow}");
    world.fervor("predict in --recursive --format csv --output table.csv").exits(0);
    let table = std::fs::read_to_string(world.path("table.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + 3, "{table}");
    assert!(table.starts_with("source,picture_width"), "{table}");
    assert!(!world.path("table.csv.part").exists());
}

#[test]
fn annotated_pictures_keep_their_place_and_size() {
    let photo = astronaut();
    let world = World::new().file("in/deep/nasa.png", &std::fs::read(photo).unwrap());
    let drawn = world.fervor("predict in --recursive --annotate drawn").exits(0);
    assert!(!drawn.stderr().contains("lies inside"), "{drawn}");
    world.fervor("predict in --recursive --annotate in/drawn").exits(0).says("--annotate lies inside in, which is read");
    std::fs::remove_dir_all(world.path("in/drawn")).unwrap();
    let drawn = image::open(world.path("drawn/deep/nasa.png")).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (512, 512));
    assert_ne!(drawn, image::open(world.path("in/deep/nasa.png")).unwrap());
    // A drawing that could not be written took the answer with it.
    let ran = world.fervor("predict in --recursive --annotate in --format jsonl").exits(2).says("overwrite");
    let row = fervor::PicturePrediction::parse(&ran.stdout()).unwrap();
    assert_eq!((row.faces.len(), row.error), (1, None));
}

#[test]
fn wrong_usage_says_what_to_do() {
    let world = World::new().landscape("a.png", 300, 200).file("model.onnx", b"junk");
    world.fervor("predict a.png --model nobody").exits(2).says("nobody").says("built in");
    world.fervor("predict a.png --model model.onnx").exits(2).says("not an ONNX model");
    world.fervor("predict *.gif").exits(2).says("*.gif: no file fits the pattern");
    world.fervor("predict a.png --threads 0").exits(2).says("1 to 1024");
    world.fervor("predict a.png --threads -3").exits(2).says("1 to 1024");
    world.fervor("predict").exits(2);
    world.run(&["predict", "a.png"], b"", &[("FERVOR_MODEL", ""), ("FERVOR_THREADS", "")]).exits(0);
}

#[test]
fn one_bad_argument_is_a_row_and_the_others_are_answered() {
    let world = World::new().landscape("a.png", 300, 200).file("empty/.keep", b"");
    let arguments = ["predict", "a.png", "gone [2].jpg", "empty", "none*.jpg", "a.png", "--format", "jsonl"];
    let ran =
        world.run(&arguments, b"", &[]).exits(1).says("gone [2].jpg: no such file").says("empty: no pictures in the folder");
    let rows: Vec<serde_json::Value> = ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: Vec<Option<&str>> = rows.iter().map(|row| row["error"]["reason"].as_str()).collect();
    assert_eq!(reasons, [None, Some("missing"), Some("empty"), Some("missing"), None], "{ran}");
    // One picture is an object, whether it is there or not.
    let missing = world.fervor("predict missing.jpg --format json").exits(2).json();
    assert_eq!((&missing["source"], &missing["error"]["reason"]), (&"missing.jpg".into(), &"missing".into()));
    assert!(world.fervor("predict empty --format json").exits(2).json().is_array());
}

#[test]
fn patterns_are_those_of_a_shell() {
    let photo = std::fs::read(astronaut()).unwrap();
    let names = ["in/a1.png", "in/a2.png", "in/b1.png", "in/deep/a3.png", "in/.a4.png", "!c.png", "in/x [1].png"];
    let world = names.iter().fold(World::new(), |world, name| world.file(name, &photo));
    for (pattern, fitting) in [
        ("in/a*.png", vec!["in/a1.png", "in/a2.png"]),
        ("in/?1.png", vec!["in/a1.png", "in/b1.png"]),
        ("in/[ac]1.png", vec!["in/a1.png"]),
        ("in/[!a]1.png", vec!["in/b1.png"]),
        ("in/{a2,b1}.png", vec!["in/a2.png", "in/b1.png"]),
        ("in/**/a*.png", vec!["in/a1.png", "in/a2.png", "in/deep/a3.png"]),
        ("i?/*/a3.png", vec!["in/deep/a3.png"]),
        // No word against what follows, as it would be to who matches.
        ("!*.png", vec!["!c.png"]),
        // A name, whatever is in it.
        ("in/x [1].png", vec!["in/x [1].png"]),
    ] {
        let ran = world.run(&["predict", pattern, "--format", "jsonl", "--model", "fervor-nano"], b"", &[]).exits(0);
        let found: Vec<String> = ran.stdout().lines().map(|row| fervor::PicturePrediction::parse(row).unwrap().source).collect();
        assert_eq!(found, fitting, "{pattern}");
    }
    for (pattern, why) in [("in/[a.png", "missing ']'"), ("in/{a,b.png", "missing '}'")] {
        world.run(&["predict", pattern], b"", &[]).exits(2).says("no such file, and not a pattern").says(why);
    }
}

#[test]
fn nothing_in_a_folder_goes_missing_without_a_word() {
    let photo = std::fs::read(astronaut()).unwrap();
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0";
    let world = World::new().file("in/3f2a9c", &photo).file("in/deep/IMG_1.HEIC", heic).file("in/notes.txt", b"words");
    let world = world.file("in/@eaDir/x.png", &photo).file("in/.hidden.png", &photo);
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere.jpg", world.path("in/link.jpg")).unwrap();
    let ran = world.fervor("predict in --recursive --format jsonl").exits(1);
    let ran = ran.says("in: passed over 1 file that is no picture (.txt), 1 hidden, 1 folder of a system (@eaDir)");
    let rows: Vec<serde_json::Value> = ran.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["faces"][0]["label"], "happy", "read by its content: {ran}");
    assert_eq!(rows[1]["error"]["reason"], "unsupported");
    if cfg!(unix) {
        assert_eq!(rows[2]["error"]["reason"], "broken_link");
    }
}

#[test]
fn a_list_names_the_pictures() {
    let world = World::new().landscape("a b.png", 300, 200).landscape("deep/c.png", 300, 200);
    let world = world.file("list.csv", b"label,path\nsad,a b.png\nhappy,deep/c.png\n");
    let sources = |ran: &crate::world::Ran| -> Vec<String> {
        let source = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["source"].as_str().unwrap().to_owned();
        ran.stdout().lines().map(source).collect()
    };
    let by_nul = world.fervor_reading("predict --list - --format jsonl", b"./a b.png\0deep/c.png\0deep\0").exits(0);
    assert_eq!(sources(&by_nul.says("passed over 1 folder")), ["./a b.png", "deep/c.png"]);
    assert_eq!(sources(&world.fervor("predict --list list.csv --format jsonl").exits(0)), ["a b.png", "deep/c.png"]);
    world.fervor("predict --list list.csv --annotate drawn").exits(0);
    assert!(world.path("drawn/deep/c.png").exists());
    world.fervor_reading("predict --list -", b"").exits(2).says("the list names no picture");
    world.fervor_reading("predict - --list -", b"").exits(2).says("standard input");
    world.fervor("predict --list gone.txt").exits(2).says("gone.txt");
    let not_a_list = |bytes: &[u8]| world.fervor_reading("predict --list -", bytes).exits(2);
    not_a_list(b"PAR1\x15\0").says("no list, but a Parquet file").says("fervor batch");
    not_a_list(b"[\n {\"path\": \"a b.png\"}]").says("no list, but a JSON array").says("an object a line");
    not_a_list(&std::fs::read(astronaut()).unwrap()).says("no list, but a picture").says("without --list");
}

#[test]
fn what_is_no_picture_is_named_with_what_to_do() {
    let film = [&b"\0\0\0\x18ftypisom"[..], &[1; 64]].concat();
    let world = World::new().landscape("a.png", 300, 200).file("film.mp4", &film).file("afile", b"");
    // Larger than any picture, and known at once for what it is.
    let mut packed = b"\xFD7zXZ\0".to_vec();
    packed.resize(34 << 20, 7);
    let world = world.file("faces.csv.xz", &packed);
    let ran = world.fervor("predict film.mp4 faces.csv.xz https://example.org/a.jpg camera:0").exits(2);
    ran.says("film.mp4: not a picture, but an MP4 or QuickTime video (fervor video looks at films)")
        .says("faces.csv.xz: not a picture, but an xz archive")
        .says("(pictures behind addresses are for fervor batch, in a build with the feature store: download it)")
        .says("(fervor watch looks through cameras)");
    world.fervor("predict a.png --annotate afile").exits(2).says("a file stands where a folder is needed");
    world.fervor("predict a.png --output gone/a.csv").exits(2).says("its folder is not there");
    world.fervor("predict a.png --threshold -1").exits(2).says("give a score from 0 to 1");
}

#[test]
fn small_and_doubtful_faces_can_be_left_out() {
    let photo = astronaut();
    let faces = |flag: &str| {
        let ran = World::new().fervor(&format!("predict {} --format json {flag}", photo.display())).exits(0);
        ran.json()["faces"].as_array().unwrap().len()
    };
    assert_eq!((faces("--minimum-face 50"), faces("--minimum-face 400"), faces("--threshold 0.999")), (1, 0, 0));
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_done_as_whole_rows() {
    use std::process::{Command, Stdio};
    let world = World::new().file("in/000.png", &std::fs::read(astronaut()).unwrap()).file("out.jsonl", b"old");
    for number in 1..400 {
        std::fs::hard_link(world.path("in/000.png"), world.path(&format!("in/{number:03}.png"))).unwrap();
    }
    let child = Command::new(env!("CARGO_BIN_EXE_fervor"))
        .args(["predict", "in", "--format", "jsonl", "--output", "out.jsonl", "--threads", "1"])
        .current_dir(world.path(""))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It listens once its output is begun.
    let begun = || {
        let mut names = std::fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().ends_with(".part"))
    };
    while !begun() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("of 400 pictures are answered, in out.partial.jsonl"), "{said}");
    let rows = std::fs::read_to_string(world.path("out.partial.jsonl")).unwrap();
    assert!(rows.lines().all(|row| fervor::PicturePrediction::parse(row).is_ok()));
    assert_eq!(std::fs::read_to_string(world.path("out.jsonl")).unwrap(), "old");
}

#[test]
fn a_face_on_its_side_or_its_head_is_answered_as_the_upright_one() {
    let world = World::new();
    let photo = image::open(astronaut()).unwrap();
    let side = photo.width() as f64;
    photo.rotate90().save(world.path("90.png")).unwrap();
    photo.rotate180().save(world.path("180.png")).unwrap();
    photo.rotate270().save(world.path("270.png")).unwrap();
    photo.save(world.path("0.png")).unwrap();
    let rows = world.fervor("predict 0.png 90.png 180.png 270.png --format json").exits(0).json();
    let face = |row: usize| {
        assert_eq!(rows[row]["faces"].as_array().unwrap().len(), 1, "{rows}");
        &rows[row]["faces"][0]
    };
    let place = |row: usize| ["x", "y", "width", "height"].map(|key| face(row)["box"][key].as_f64().unwrap());
    let [x, y, width, height] = place(0);
    assert_eq!(face(0)["quality"]["flags"], serde_json::json!([]));
    let turned = [
        [side - y - height, x, height, width],
        [side - x - width, side - y - height, width, height],
        [y, side - x - width, height, width],
    ];
    for (row, expected) in (1..4).zip(turned) {
        assert_eq!((&face(row)["label"], &face(row)["quality"]["flags"]), (&"happy".into(), &serde_json::json!(["turned"])));
        let apart = place(row).iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 8.0, "{:?}, expected near {expected:?}", place(row));
        assert!((face(row)["confidence"].as_f64().unwrap() - face(0)["confidence"].as_f64().unwrap()).abs() < 0.1, "{rows}");
    }
}

#[test]
fn an_empty_picture_has_no_face() {
    let world = World::new();
    image::GrayImage::new(48, 48).save(world.path("black.png")).unwrap();
    world.fervor("predict black.png").exits(0).answers("no face found");
    world.fervor("predict black.png --faces whole --format csv").exits(0).answers("black.png,48,48,1,0,0,48,48,,");
}

#[test]
fn a_shrunk_picture_without_a_face_calls_for_more_detail() {
    let world = World::new().landscape("wide.png", 1400, 60).landscape("small.png", 300, 200);
    world.fervor("predict wide.png small.png").exits(0).says("a picture was shrunk, and no face was found: --detail");
    let ran = world.fervor("predict wide.png small.png --detail").exits(0);
    assert!(!ran.stderr().contains("--detail"), "{ran}");
}

#[test]
fn no_answer_takes_the_place_of_what_is_read() {
    let world = World::new().landscape("a.png", 90, 60).landscape("in/b.png", 80, 60).landscape("out/b.png", 70, 60);
    let world = world.file("list.txt", b"a.png\n");
    let before = |name: &str| std::fs::read(world.path(name)).unwrap();
    let kept = ["a.png", "out/b.png", "list.txt"].map(before);
    for words in ["predict a.png -o a.png", "predict in/b.png a.png -o ./in/../a.png", "predict --list list.txt -o list.txt"] {
        world.fervor(words).exits(2).says("--output would overwrite what is read");
    }
    world.fervor("predict in/b.png out/b.png --annotate out").exits(1).says("would overwrite a source: out/b.png");
    assert_eq!(["a.png", "out/b.png", "list.txt"].map(before), kept);
}

#[test]
fn a_quotation_mark_that_is_never_closed_swallows_no_row() {
    let world = World::new().landscape("a.png", 90, 60).landscape("b.png", 90, 60);
    let world = world.file("list.csv", b"path,note\na.png,fine\n\"b.png,odd\na.png,swallowed\n");
    world.fervor("predict --list list.csv").exits(2).says("line 3 of the list is not closed");
}
