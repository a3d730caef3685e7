use crate::world::{World, astronaut};

#[test]
fn each_face_gets_a_sheet_that_shows_what_the_answer_rests_on() {
    let world = World::new().landscape("hill.png", 300, 200).file("bad.jpg", b"not a picture");
    let photo = astronaut();
    let ran = world.fervor(&format!("explain {} hill.png bad.jpg --output out", photo.display())).exits(1).says("bad.jpg");
    ran.answers("looks happy").answers("hill.png: no face found");
    let sheet = image::open(world.path("out/astronaut.png-face1.png")).unwrap();
    assert!(sheet.width() > 800 && sheet.height() > 300, "{} x {}", sheet.width(), sheet.height());
    world.fervor("explain bad.jpg").exits(2).says("warning: bad.jpg: not a picture");
    let none = world.run(&["explain", "gone [2].jpg", "hill.png"], b"", &[]).exits(1);
    none.says("gone [2].jpg: no such file").answers("hill.png: no face found");
    world.fervor("explain hill.png --output bad.jpg").exits(2).says("--output needs a folder");
    let again = world.fervor("explain . --recursive --output out").exits(1).says("--output lies inside ., which is read");
    assert!(!again.stdout().contains("-face1.png-face"), "sheets are not explained: {again}");
    let over = world.fervor(&format!("explain {} out/astronaut.png-face1.png --output out", photo.display()));
    over.exits(1).says("would overwrite what is read: out/astronaut.png-face1.png");
}

#[test]
fn the_explanation_of_an_answer_is_scored_against_other_orders() {
    let world = World::new();
    let face = image::open(astronaut()).unwrap().crop_imm(165, 55, 130, 130);
    for (name, picture) in [("set/test/happy/0.png", face.clone()), ("set/test/sad/0.png", face.fliph())] {
        let path = world.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    }
    let scores = world.fervor("explain-score fervor-48 set --limit 2 --format json").exits(0).json();
    assert_eq!((&scores["schema"], &scores["n"]), (&"fervor.explain/1".into(), &2.into()));
    let area = |order: &str, curve: &str| scores["orders"][order][curve].as_f64().unwrap();
    assert!(area("explained", "deletion") < area("random", "deletion"), "{scores}");
    assert!(area("explained", "insertion") > area("random", "insertion"), "{scores}");
    let cut = std::fs::read(world.path("set/test/sad/0.png")).unwrap();
    std::fs::write(world.path("set/test/sad/1.png"), &cut[..cut.len() / 2]).unwrap();
    let scores = world.fervor("explain-score fervor-48 set --limit 3 --format json").exits(0).says("sad/1.png").json();
    assert_eq!(scores["n"], 2, "one picture that cannot be read does not stop the others: {scores}");
    world.fervor("explain-score fervor-48 set --limit 0").exits(2).says("1 to 1000000");
}

// The sheet of another picture of that name was gone without a word.
#[test]
fn a_sheet_that_takes_the_place_of_another_is_told() {
    let photo = std::fs::read(astronaut()).unwrap();
    let world = World::new().file("one/a.png", &photo).file("two/a.png", &photo);
    let first = world.fervor("explain one/a.png --output out").exits(0);
    assert!(!first.stderr().contains("of before"), "{first}");
    world.fervor("explain two/a.png --output out").exits(0).says("a sheet of before replaced").says("out/a.png-face1.png");
}
