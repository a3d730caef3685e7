//! What a prediction costs here: numbers of a machine, so only their shape is tested.

use crate::world::World;

/// The milliseconds of each line after the first.
fn milliseconds(text: &str) -> Vec<f64> {
    let number = |line: &str| line.split(" ms").next()?.split_whitespace().next_back()?.parse().ok();
    text.lines().skip(1).map(|line| number(line).unwrap_or_else(|| panic!("no time in {line}"))).collect()
}

#[test]
fn each_part_of_an_answer_has_its_time() {
    let said = World::new().face("a.png", true, 1).fervor("bench --picture a.png --rounds 2").exits(0).stdout();
    let times = milliseconds(&said);
    World::new().fervor("bench --rounds 0").exits(2).says("1 to 1000000");
    assert!(times.len() == 5 && times.iter().all(|&ms| ms >= 0.0) && times[1] > 0.0, "{said}");
}

#[test]
fn pictures_of_a_job_are_looked_at_once_each_and_their_parts_make_the_whole() {
    let world = World::new().face("set/a.png", true, 1).face("set/b.png", false, 2).file("set/c.jpg", b"words");
    let said = world.fervor("bench --pictures set").exits(0).answers("2 pictures once each, 2 faces, 1 unreadable").stdout();
    let times = milliseconds(&said);
    assert!(times.len() == 4 && (times[..3].iter().sum::<f64>() - times[3]).abs() < 0.02, "{said}");
    World::new().file("c.jpg", b"words").fervor("bench --pictures c.jpg").exits(2).says("no picture that can be read");
    world.fervor("bench --pictures set --picture set/a.png").exits(2).says("--picture");
}
