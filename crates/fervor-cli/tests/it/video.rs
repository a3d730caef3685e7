//! Films made of the project's own photograph: animations that no other program is needed for.

use std::fs;

use image::codecs::gif::GifEncoder;
use image::{Delay, DynamicImage, Frame};

use crate::world::{World, astronaut};

/// A tenth of a second each: the face, then something before it, then the face again; the camera moves a little.
pub fn film(face: u32, hidden: u32, again: u32) -> Vec<u8> {
    let photograph = image::open(astronaut()).expect("the photograph").crop(100, 0, 280, 280).to_rgba8();
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    for number in 0..face + hidden + again {
        let shift = number % 2;
        let mut picture = DynamicImage::from(photograph.clone()).crop(shift, shift, 240, 240).to_rgba8();
        if (face..face + hidden).contains(&number) {
            (62..190).for_each(|y| (76..178).for_each(|x| picture.put_pixel(x, y, image::Rgba([150, 140, 130, 255]))));
        }
        let delay = Delay::from_numer_denom_ms(100, 1);
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay)).expect("a frame is encoded");
    }
    drop(encoder);
    bytes
}

fn rows(world: &World, name: &str) -> Vec<String> {
    let text = fs::read_to_string(world.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_film_becomes_a_folder_of_tables_a_chart_and_a_page() {
    let world = World::new().file("clip.gif", &film(8, 4, 4));
    world.fervor("video clip.gif --output out --format all --layout openface,facereader").exits(0).answers("16 frames, 1 face");
    let frames = rows(&world, "out/frames.csv");
    assert_eq!(frames.len(), 17, "{frames:#?}");
    assert!(frames[1].starts_with("clip.gif,0,0,1,") && frames[3].starts_with("clip.gif,2,0.2,1,"), "{}", frames[3]);
    let empty = |row: &String| row.split(',').skip(3).all(str::is_empty);
    assert!(frames[9..13].iter().all(empty) && frames.iter().filter(|row| empty(row)).count() == 4, "{frames:#?}");
    let tracks = rows(&world, "out/tracks.csv");
    assert!(tracks[1].starts_with("clip.gif,1,0,1.6,12,1.2,0.7500,"), "{}", tracks[1]);
    let episodes = rows(&world, "out/episodes.csv");
    assert!(episodes[1].starts_with("clip.gif,1,happy,0,"), "{episodes:#?}");
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(world.path("out/summary.json")).unwrap()).unwrap();
    assert_eq!([&summary["frames"], &summary["frames_with_faces"], &summary["width"]], [16, 12, 240]);
    let page = fs::read_to_string(world.path("out/report.html")).unwrap();
    for part in ["\"video\":\"../clip.gif\"", "data:image/jpeg;base64,", "[\"episodes.eaf\",", "<h1>clip.gif</h1>"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(image::open(world.path("out/timeline.png")).unwrap().width(), 2200);
    for name in ["frames.jsonl", "episodes.vtt", "episodes.srt", "episodes.eaf", "episodes.TextGrid", "episodes.boris.tsv"] {
        assert!(world.path("out").join(name).metadata().unwrap().len() > 0, "{name}");
    }
    assert!(!cfg!(feature = "batch") || fs::read(world.path("out/frames.parquet")).unwrap().starts_with(b"PAR1"));
    assert_eq!(rows(&world, "out/frames.openface.csv").len(), 17);
    assert_eq!(rows(&world, "out/frames.facereader.face1.txt").len(), 9 + 16);
}

#[test]
fn only_a_part_and_only_some_frames_are_looked_at() {
    let world = World::new().file("clip.gif", &film(8, 0, 8));
    world.fervor("video clip.gif --output out --format csv --every 0.2s --start 0.4 --end 0:01.2").exits(0);
    let times: Vec<String> =
        rows(&world, "out/frames.csv")[1..].iter().map(|row| row.split(',').nth(2).unwrap().to_owned()).collect();
    assert_eq!(times, ["0.4", "0.6", "0.8", "1"]);
    assert!(!world.path("out/report.html").exists() && world.path("out/summary.json").exists());
    world.fervor("video clip.gif --output out --every 0.2s --fps 5").exits(2).says("cannot be used with");
    world.fervor("video clip.gif --output out --keep 0.7").exits(2).says("no episode could begin");
}

#[test]
fn one_bad_film_never_stops_the_others_and_what_is_finished_is_passed_over() {
    let world =
        World::new().file("films/a.gif", &film(3, 0, 0)).file("films/b.gif", b"GIF89a and no more").file("films/notes.txt", b"x");
    world.fervor("video films --output out --format csv").exits(1).says("b.gif").says("passed over 1 file").answers("a.gif");
    let list = rows(&world, "out/films.csv");
    assert!(list[1].starts_with("films/a.gif,a.gif,whole,3,") && list[2].starts_with("films/b.gif,b.gif,failed,,"), "{list:#?}");
    assert_eq!(rows(&world, "out/a.gif/frames.csv").len(), 4);
    world.fervor("video films --output out --format csv --resume").exits(1).says("films/a.gif: finished before");
    world.fervor("video films --output out --format csv --resume --smoothing 0").exits(1).answers("a.gif");
    world.fervor("video nothing.mp4 --output out").exits(2).says("nothing.mp4");
}

#[test]
fn a_film_may_lie_beside_its_report() {
    let world = World::new().file("clip.gif", &film(2, 0, 0));
    world.fervor("video clip.gif --output out --format report --copy").exits(0);
    assert_eq!(fs::read(world.path("out/clip.gif")).unwrap(), fs::read(world.path("clip.gif")).unwrap());
    assert!(fs::read_to_string(world.path("out/report.html")).unwrap().contains("\"video\":\"clip.gif\""));
}

#[test]
fn what_was_there_is_neither_lost_nor_mixed_with_what_comes() {
    let clip = film(3, 0, 0);
    let world = World::new().file("a.gif", &clip).file("b.gif", &film(2, 0, 0)).file("afile", b"words");
    world.fervor("video a.gif --output out --format csv --annotate a.gif").exits(2).says("overwrite what is read: a.gif");
    assert_eq!(fs::read(world.path("a.gif")).unwrap(), clip);
    world.fervor("video a.gif --output afile").exits(2).says("a folder is needed, this is a file: afile").says("give --output");
    world.fervor("video a.gif --output out --start 5 --end 2").exits(2).says("--start 5 is not before --end 2");
    world.fervor("video a.gif --output out --start 100").exits(2).says("begins at 100 s or later; the last one begins at 0.2 s");
    world.fervor("video a.gif --output out --end 0").exits(2).says("before 0 s; the first one begins at 0 s");
    assert!(!world.path("out").exists(), "nothing was looked at");

    world.fervor("video a.gif --output out --format csv,srt,tracks --layout fer").exits(0);
    world.fervor("video b.gif --output out").exits(2).says("tells of another film: a.gif");
    assert_eq!(rows(&world, "out/frames.csv").len(), 4, "it stays");
    // A table that somebody worked on since is not theirs to lose, nor is one of their own.
    let refuses = |name: &str| {
        let refused = world.fervor("video a.gif --output out --format csv").exits(2);
        refused.says(&format!("{name} is not as the run before left it")).says("move it away");
    };
    while_it_says(&world, "out/frames.csv", "edited", || refuses("frames.csv"));
    fs::write(world.path("out/episodes.vtt"), "mine").unwrap();
    refuses("episodes.vtt");
    fs::remove_file(world.path("out/episodes.vtt")).unwrap();
    // Other settings, another set of files: none of before is left beside them.
    fs::write(world.path("out/notes.txt"), "mine").unwrap();
    world.fervor("video ./a.gif --output out --format csv --smoothing 0").exits(0);
    let mut left: Vec<String> =
        fs::read_dir(world.path("out")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["frames.csv", "notes.txt", "run.json", "summary.json"]);
}

#[cfg(unix)]
#[test]
fn a_film_that_cannot_be_reached_has_its_row() {
    let world = World::new().file("films/a.gif", &film(2, 0, 0));
    std::os::unix::fs::symlink("nowhere.mp4", world.path("films/gone.mp4")).unwrap();
    world.fervor("video films --output out --format csv").exits(1).says("gone.mp4: it cannot be read");
    let list = rows(&world, "out/films.csv");
    assert!(list[2].starts_with("films/gone.mp4,gone.mp4,failed,"), "{list:#?}");
    // What was finished before is told with its frames.
    world.fervor("video films --output out --format csv --resume").exits(1);
    assert!(rows(&world, "out/films.csv")[1].starts_with("films/a.gif,a.gif,whole,2,"), "{list:#?}");
}

/// Each film came to "File exists (os error 17)".
#[test]
fn an_output_that_is_the_folder_of_the_films_is_refused_before_any_work() {
    let world = World::new().file("films/a.gif", &film(2, 0, 0)).file("films/b.gif", &film(2, 0, 0));
    for words in ["video films --output films", "video films/a.gif films/b.gif --output films"] {
        let refused = world.fervor(words).exits(2).says("--output is the folder of the films: films").says("name another");
        assert!(!refused.stderr().contains("os error"), "{}", refused.stderr());
    }
    world.fervor("video films --output films/a.gif").exits(2).says("a folder is needed, this is a file");
    world.fervor("video films --output out --annotate x.mp4").exits(2).says("names one film, here are 2").says("each by itself");
    assert!(!world.path("films/films.csv").exists() && !world.path("out").exists());
}

/// `run.json` alone was believed.
#[test]
fn a_folder_that_lacks_a_file_is_not_finished() {
    let world = World::new().file("a.gif", &film(2, 0, 0));
    let command = "video a.gif --output out --format csv,report --layout fer --copy --resume";
    world.fervor(command).exits(0);
    world.fervor(command).exits(0).says("finished before");
    for name in ["frames.csv", "frames.fer.csv", "report.html", "a.gif"] {
        fs::remove_file(world.path("out").join(name)).unwrap();
        world.fervor(command).exits(0).answers("2 frames");
        assert!(world.path("out").join(name).is_file(), "{name}");
    }
}

fn names(world: &World, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(world.path(folder)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Does something while a file says something else.
fn while_it_says(world: &World, name: &str, words: &str, work: impl FnOnce()) {
    let before = fs::read(world.path(name)).unwrap();
    fs::write(world.path(name), words).unwrap();
    work();
    fs::write(world.path(name), before).unwrap();
}

/// As a run leaves it that looked at a part only.
fn make_partial(world: &World, folder: &str) {
    let folder = world.path(folder);
    fs::rename(folder.join("run.json"), folder.join("run.partial.json")).unwrap();
}

/// Its tables stayed in a folder that was called whole, with another film's stamp.
#[test]
fn what_a_part_of_a_film_came_to_is_not_mixed_with_another() {
    let world = World::new().file("a.gif", &film(3, 0, 0)).file("b.gif", &film(2, 0, 0));
    world.fervor("video a.gif --output out --format csv,elan,report").exits(0);
    make_partial(&world, "out");
    world.fervor("video b.gif --output out --format csv").exits(2).says("tells of another film: a.gif");
    world.fervor("video a.gif --output out --format csv,elan,report --resume").exits(0).answers("3 frames");
    make_partial(&world, "out");
    // A table of it that somebody worked on is not lost, either.
    while_it_says(&world, "out/episodes.eaf", "edited", || {
        world.fervor("video a.gif --output out --format csv").exits(2).says("episodes.eaf is not as the run before left it");
    });
    world.fervor("video a.gif --output out --format csv").exits(0);
    assert_eq!(names(&world, "out"), ["frames.csv", "run.json", "summary.json"]);
}

/// A film that ends within a frame.
fn cut_off() -> Vec<u8> {
    let mut bytes = film(4, 0, 0);
    bytes.truncate(bytes.len() * 3 / 4);
    bytes
}

#[test]
fn a_part_says_what_it_is_and_takes_the_place_of_nothing_whole() {
    let world = World::new().file("a.gif", &cut_off());
    world.fervor("video a.gif --output out --format csv,srt").exits(1);
    assert_eq!(names(&world, "out"), ["episodes.srt", "frames.csv", "run.partial.json", "summary.json"]);
    world.fervor("video a.gif --output out --format csv --resume").exits(1);
    assert_eq!(names(&world, "out"), ["frames.csv", "run.partial.json", "summary.json"]);
    fs::write(world.path("a.gif"), film(4, 0, 0)).unwrap();
    world.fervor("video a.gif --output out --format csv").exits(0);
    assert_eq!(names(&world, "out"), ["frames.csv", "run.json", "summary.json"]);
    fs::write(world.path("a.gif"), cut_off()).unwrap();
    world.fervor("video a.gif --output out --format csv,srt").exits(1);
    assert_eq!(rows(&world, "out/frames.csv").len(), 5, "what is whole stays");
    assert_eq!(names(&world, "out.partial"), ["episodes.srt", "frames.csv", "run.partial.json", "summary.json"]);
    // And so does another film's part.
    fs::write(world.path("b.gif"), film(4, 0, 0)).unwrap();
    world.fervor("video b.gif --output b --format csv").exits(0);
    fs::rename(world.path("out.partial"), world.path("b.partial")).unwrap();
    fs::write(world.path("b.gif"), cut_off()).unwrap();
    world.fervor("video b.gif --output b --format csv").exits(1);
    assert!(rows(&world, "b.partial/frames.csv")[1].starts_with("a.gif,"));
    assert!(rows(&world, "b.partial-2/frames.csv")[1].starts_with("b.gif,"));
}

/// It lost its stamp and its tables, where its film has the same name.
#[test]
fn a_part_takes_the_place_of_nothing_whole_beside_it_either() {
    let world = World::new().file("a.gif", &film(4, 0, 0)).file("old/a.gif", &film(3, 0, 0));
    world.fervor("video a.gif --output out --format csv").exits(0);
    world.fervor("video old/a.gif --output out.partial --format csv,srt").exits(0);
    fs::write(world.path("a.gif"), cut_off()).unwrap();
    world.fervor("video a.gif --output out --format csv").exits(1).answers("in out.partial-2,");
    assert_eq!(names(&world, "out.partial"), ["episodes.srt", "frames.csv", "run.json", "summary.json"]);
    assert_eq!(names(&world, "out.partial-2"), ["frames.csv", "run.partial.json", "summary.json"]);
}

/// What was younger than its stamp, as in a copy without its times, was called changed.
#[test]
fn a_folder_that_was_copied_is_not_taken_for_changed() {
    let world = World::new().file("a.gif", &film(2, 0, 0));
    world.fervor("video a.gif --output out --format csv").exits(0);
    let table = fs::File::options().append(true).open(world.path("out/frames.csv")).unwrap();
    table.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(60)).unwrap();
    world.fervor("video a.gif --output out --format csv --smoothing 0").exits(0);
    // Stamps of earlier versions say names alone: nothing is known of what is in them.
    let path = world.path("out/run.json");
    let mut stamp: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(stamp["files"][0]["sha256"], fervor::hash::sha256(fs::read(world.path("out/frames.csv")).unwrap()));
    stamp["files"] = serde_json::json!(["frames.csv", "summary.json"]);
    fs::write(&path, stamp.to_string()).unwrap();
    world.fervor("video a.gif --output out --format csv --smoothing 0 --resume").exits(0).says("finished before");
    while_it_says(&world, "out/frames.csv", "edited", || {
        world.fervor("video a.gif --output out --format csv").exits(0);
    });
}

/// It was taken for a file of an earlier run, could not be removed as one, and all that was new was lost for it.
#[test]
fn a_folder_with_a_name_of_ours_stays_and_costs_no_work() {
    let world = World::new().file("a.gif", &film(2, 0, 0));
    world.fervor("video a.gif --output out --format csv,srt").exits(0);
    fs::create_dir_all(world.path("out/report.html/mine")).unwrap();
    let refused = world.fervor("video a.gif --output out --format csv,report").exits(2);
    refused.says("a folder stands where a file will be: out/report.html").says("move it away");
    assert_eq!(names(&world, "out"), ["episodes.srt", "frames.csv", "report.html", "run.json", "summary.json"]);
    world.fervor("video a.gif --output out --format csv").exits(0);
    assert_eq!(names(&world, "out"), ["frames.csv", "report.html", "run.json", "summary.json"]);
    assert_eq!(names(&world, "out/report.html"), ["mine"]);
}

#[test]
fn what_is_new_and_cannot_take_its_place_is_kept() {
    let world = World::new().file("a.gif", &film(3, 0, 0));
    world.fervor("video a.gif --output out --format csv,srt").exits(0);
    fs::create_dir_all(world.path("out/frames.imotions.face1.csv/mine")).unwrap();
    let command = "video a.gif --output out --format csv --layout imotions";
    let failed = world.fervor(command).exits(2).says("cannot write out/frames.imotions.face1.csv");
    failed.says("what is new and not in its place is kept in out/run.new");
    let left = ["episodes.srt", "frames.csv", "frames.imotions.face1.csv", "run.new", "run.partial.json", "summary.json"];
    assert_eq!(names(&world, "out"), left);
    assert_eq!(names(&world, "out/run.new"), ["frames.imotions.face1.csv", "run.json"]);
    world.fervor(command).exits(2).says("is kept in out/run.new-2");
    fs::remove_dir_all(world.path("out/frames.imotions.face1.csv")).unwrap();
    world.fervor(command).exits(0);
    let whole = ["frames.csv", "frames.imotions.face1.csv", "run.json", "run.new", "run.new-2", "summary.json"];
    assert_eq!(names(&world, "out"), whole);
}

/// It was found out after all the work.
#[cfg(unix)]
#[test]
fn a_folder_that_another_process_writes_is_refused_before_any_work() {
    let world = World::new().file("a.gif", b"GIF89a and no more");
    let held = fervor::files::WholeFolder::create(&world.path("out/.fervor-video")).unwrap();
    world.fervor("video a.gif --output out").exits(2).says(&format!("process {} is writing it", std::process::id()));
    drop(held);
    let refused = world.fervor("video a.gif --output out").exits(2);
    assert!(!refused.stderr().contains("is writing it"), "{refused}");
    assert!(!world.path("out").exists(), "nothing was looked at");
}

/// What was there was gone or mixed with what came, and a copy of no bytes had its final name.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_leaves_what_was_there() {
    let world = World::new().file("a.gif", &film(3, 0, 0)).file("out/notes.txt", b"mine");
    world.fervor("video a.gif --output out --format all").exits(0);
    let all = || names(&world, "out").into_iter().map(|name| (fs::read(world.path("out").join(&name)).unwrap(), name));
    let before: Vec<_> = all().collect();
    let on_a_disk_of = |blocks: u32, words: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{}' {words}", env!("CARGO_BIN_EXE_fervor"));
        let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(world.path(".")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = on_a_disk_of(20, "video a.gif --output out --format all --smoothing 0");
    assert!(said.contains("cannot write out/") && !said.contains(".part"), "{said}");
    assert!(all().eq(before), "all is as it was");
    if cfg!(feature = "batch") {
        // A library writes it, which knew the hidden name alone.
        let said = on_a_disk_of(10, "video a.gif --output out --format parquet");
        assert!(said.contains("cannot write out/frames.parquet: ") && !said.contains(".part"), "{said}");
    }
    let said = on_a_disk_of(20, "video a.gif --output new --format csv --copy");
    assert!(said.contains("cannot copy to new/a.gif"), "{said}");
    assert!(!world.path("new").exists());
}

/// Where there is no ffmpeg, there is nothing to annotate with.
fn has_ffmpeg() -> bool {
    fervor_video::ffmpeg::find(&fervor_video::Options::default()).is_ok()
}

/// It was found out at the end of the work, or during it.
#[test]
fn a_drawn_film_that_cannot_be_written_is_refused_before_any_work() {
    if !has_ffmpeg() {
        return;
    }
    let world = World::new().file("a.gif", &film(2, 0, 0)).file("folder.mp4/x", b"x");
    let cases = [
        ("x.txt", "end its name in .mp4"),
        ("nowhere/x.mp4", "there is no folder nowhere"),
        ("folder.mp4", "a folder has this name: folder.mp4"),
    ];
    for (name, said) in cases {
        world.fervor(&format!("video a.gif --output out --format csv --annotate {name}")).exits(2).says("--annotate").says(said);
        assert!(!world.path("out").exists(), "{name}: nothing was looked at");
    }
    world.fervor("video a.gif --output out --format csv --annotate out/x.mp4").exits(0);
    assert_eq!(names(&world, "out"), ["frames.csv", "run.json", "summary.json", "x.mp4"]);
    // Finished is a film with what was asked for.
    world.fervor("video a.gif --output out --format csv --annotate y.mp4 --resume").exits(0).answers("2 frames");
    assert!(world.path("y.mp4").is_file());
}
