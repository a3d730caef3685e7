//! Each format, word for word, and by the rules of the programs that read it.

use super::*;
use crate::error::ErrorKind;

/// Half a second of happiness, a frame without a face, a broken one, then two faces, the second of them uncertain and blurred.
fn drawn() -> Timeline {
    let mut timeline = empty();
    timeline.set_size(640, 480);
    let mut push = |index: u64, faces: &[Prediction], tracks: &[u64]| {
        timeline.push(index, index as f64 / 8.0, faces, &tracked(faces, tracks)).unwrap();
    };
    for index in 0..4 {
        push(index, &[face(0.75, 0.125)], &[1]);
    }
    push(4, &[], &[]);
    timeline.push_failed(5, 0.625, ErrorInfo::from(&Error::new(ErrorKind::Input, "the frame, \"it\" is damaged"))).unwrap();
    for index in 6..8 {
        let mut second = face(0.375, 0.3125);
        second.quality.flags.push(Flag::Blurred);
        let faces = [face(0.125, 0.75), second];
        timeline.push(index, index as f64 / 8.0, &faces, &tracked(&faces, &[1, 2])).unwrap();
    }
    timeline
}

fn written(timeline: &Timeline, format: Format) -> String {
    let mut out = Vec::new();
    timeline.write(format, &EpisodeOptions::default().with_least(0.2), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn laid_out(timeline: &Timeline, layout: Layout, track: u64) -> String {
    let mut out = Vec::new();
    timeline.write_layout(layout, track, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Cells of a table without quotes.
fn cells(line: &str) -> Vec<&str> {
    line.split(',').collect()
}

#[test]
fn every_frame_has_its_row_a_face_each() {
    let text = written(&drawn(), Format::Frames);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "source,frame,time_s,track,x,y,width,height,score,label,confidence,uncertain,p_happy,p_sad,p_neutral,s_happy,s_sad,\
         s_neutral,flags,error"
    );
    assert_eq!(lines.len(), 1 + 4 + 1 + 1 + 4);
    assert_eq!(lines[2], "clip.mp4,1,0.125,1,10,20.5,100,120,0.9,happy,0.75,false,0.75,0.125,0.125,0.75,0.125,0.125,,");
    assert_eq!(lines[5], "clip.mp4,4,0.5,,,,,,,,,,,,,,,,,");
    assert_eq!(lines[6], "clip.mp4,5,0.625,,,,,,,,,,,,,,,,,\"the frame, \"\"it\"\" is damaged\"");
    assert!(lines[8].starts_with("clip.mp4,6,0.75,2,") && lines[8].ends_with(",blurred,"), "{}", lines[8]);
    assert!(lines.iter().enumerate().all(|(at, line)| at == 6 || cells(line).len() == cells(lines[0]).len()));
}

#[test]
fn json_lines_are_the_same_rows() {
    let text = written(&drawn(), Format::FrameLines);
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 10);
    assert_eq!(
        (rows[1]["frame"].as_u64(), rows[1]["time_s"].as_f64(), rows[1]["label"].as_str()),
        (Some(1), Some(0.125), Some("happy"))
    );
    assert_eq!(rows[1]["smoothed"]["sad"], 0.125);
    assert!(rows[1]["error"].is_null() && rows[4]["track"].is_null() && rows[4]["error"].is_null());
    assert_eq!(rows[5]["error"]["kind"], "input");
    assert_eq!(rows[7]["quality"]["flags"][0], "blurred");
}

#[test]
fn tracks_and_episodes_are_tables() {
    let tracks = written(&drawn(), Format::Tracks);
    let lines: Vec<&str> = tracks.lines().collect();
    assert_eq!(
        lines[0],
        "source,track,first_s,last_s,frames,seen_s,seen,trusted,dominant,uncertain,share_happy,share_sad,share_neutral,\
         mean_happy,mean_sad,mean_neutral,flags"
    );
    assert_eq!(lines[1], "clip.mp4,1,0,1,6,0.75,0.7500,0.7500,happy,0.0000,0.6667,0.3333,0.0000,0.5417,0.3333,0.1250,");
    assert_eq!(lines[2], "clip.mp4,2,0.75,1,2,0.25,1.0000,0.0000,,1.0000,0.0000,0.0000,0.0000,0.3750,0.3125,0.3125,blurred");
    let episodes = written(&drawn(), Format::Episodes);
    let lines: Vec<&str> = episodes.lines().collect();
    assert_eq!(
        lines[1..],
        ["clip.mp4,1,happy,0,0,0.5,0.5,0,0,3,0.75,0.75,1.0000", "clip.mp4,1,sad,0.75,0.75,1,0.25,6,6,7,0.75,0.75,1.0000"]
    );
}

#[test]
fn the_summary_is_json_with_its_schema() {
    let summary: serde_json::Value = serde_json::from_str(&written(&drawn(), Format::Summary)).unwrap();
    assert_eq!(summary["schema"], TIMELINE_SCHEMA);
    assert_eq!([&summary["frames"], &summary["frames_with_faces"], &summary["frames_failed"]], [8, 6, 1]);
    assert_eq!(summary["tracks"][1]["flags"], serde_json::json!([["blurred", 1.0]]));
    assert_eq!(summary["episodes"].as_array().unwrap().len(), 2);
    assert_eq!(summary["uncertain"], serde_json::json!([{ "track": 2, "state": "uncertain", "start_s": 0.75, "end_s": 1.0 }]));
}

#[test]
fn subtitles_are_those_of_the_standards() {
    let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\n<v Face 1>Face 1 looks happy, 75 %\n\n\
                    00:00:00.750 --> 00:00:01.000\n<v Face 1>Face 1 looks sad, 75 %\n";
    assert_eq!(written(&drawn(), Format::WebVtt), expected);
    let expected = "1\n00:00:00,000 --> 00:00:00,500\nFace 1 looks happy, 75 %\n\n2\n00:00:00,750 --> 00:00:01,000\nFace 1 looks sad, 75 %\n\n";
    assert_eq!(written(&drawn(), Format::SubRip), expected);
    assert_eq!(super::super::write::clock(3723.4567, '.'), "01:02:03.457");
}

#[test]
fn a_text_grid_has_no_hole() {
    let text = written(&drawn(), Format::TextGrid);
    let head = "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0 \nxmax = 1 \ntiers? <exists> \nsize = 4 \nitem []: \n    \
                item [1]:\n        class = \"IntervalTier\" \n        name = \"face 1\" \n        xmin = 0 \n        xmax = 1 \n        \
                intervals: size = 3 \n        intervals [1]:\n            xmin = 0 \n            xmax = 0.5 \n            text = \"happy\" \n";
    assert!(text.starts_with(head), "{text}");
    for tier in text.split("    item [").skip(2) {
        let numbers = |key: &str| -> Vec<f64> {
            let values = tier.lines().filter_map(|line| line.trim().strip_prefix(key)?.trim().strip_prefix("= ")?.parse().ok());
            values.collect()
        };
        let (starts, ends) = (numbers("xmin"), numbers("xmax"));
        assert_eq!((starts[0], ends[0]), (0.0, 1.0));
        assert_eq!(starts[1..], [&[0.0], &ends[1..ends.len() - 1]].concat(), "each begins where the last one ended");
        assert_eq!(*ends.last().unwrap(), 1.0);
    }
    assert!(written(&empty(), Format::TextGrid).contains("size = 1 \nitem []"), "Praat wants a tier");
}

#[test]
fn elan_reads_slots_in_order_and_escaped_names() {
    let mut timeline = drawn();
    timeline.source = "films/a & b.mp4".into();
    let text = written(&timeline, Format::Elan);
    assert!(text.contains(r#"RELATIVE_MEDIA_URL="./a%20%26%20b.mp4""#) && text.contains(r#"MIME_TYPE="video/mp4""#), "{text}");
    let times: Vec<u64> =
        text.split("TIME_VALUE=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
    assert_eq!(times, [0, 500, 750, 1000]);
    let first = "<ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a1\" TIME_SLOT_REF1=\"ts1\" TIME_SLOT_REF2=\"ts2\">\n                \
                 <ANNOTATION_VALUE>happy</ANNOTATION_VALUE>";
    assert!(text.contains(first), "{text}");
    assert_eq!(text.matches("<TIER ").count(), 4);
    assert_eq!(text.matches("<ANNOTATION>").count(), 2 + 2 + 1, "episodes, certain twice, uncertain once");
    assert!(text.contains("lastUsedAnnotationId\">5<"));
}

#[test]
fn boris_has_a_start_and_a_stop_for_each_episode() {
    let text = written(&drawn(), Format::Boris);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 18));
    let column = |name: &str| rows[0].iter().position(|column| *column == name).unwrap();
    let told: Vec<[&str; 4]> =
        rows[1..].iter().map(|row| ["Subject", "Behavior", "Behavior type", "Time"].map(|name| row[column(name)])).collect();
    assert_eq!(told[..2], [["face 1", "happy", "START", "0"], ["face 1", "happy", "STOP", "0.5"]]);
    assert_eq!(told[2..], [["face 1", "sad", "START", "0.75"], ["face 1", "sad", "STOP", "1"]]);
    assert_eq!(rows[1][column("FPS")], "8.000");
}

#[test]
fn in_boris_an_episode_of_one_moment_starts_before_it_stops() {
    let mut timeline = empty();
    let faces = [face(0.9, 0.05)];
    timeline.push(0, 0.0, &faces, &tracked(&faces, &[1])).unwrap();
    let mut text = Vec::new();
    timeline.write(Format::Boris, &EpisodeOptions::default().with_least(0.0), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let [start, stop] = ["\tSTART\t", "\tSTOP\t"].map(|kind| text.find(kind).expect("one episode"));
    assert!(start < stop, "{text}");
}

#[test]
fn layouts_have_the_columns_of_others_and_none_that_is_not_measured() {
    let timeline = drawn();
    let head = |layout| laid_out(&timeline, layout, 1).lines().next().unwrap().to_owned();
    assert_eq!(head(Layout::OpenFace), "frame,face_id,timestamp,confidence,success,p_happy,p_sad,p_neutral");
    let py_feat = "frame,FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,happiness,sadness,neutral,input,Identity";
    assert_eq!(head(Layout::PyFeat), py_feat);
    assert_eq!(head(Layout::IMotions), "Timestamp,Joy,Sadness,Neutral");
    assert_eq!(head(Layout::Fer), "box0,happy0,sad0,neutral0,box1,happy1,sad1,neutral1");
    let all = [Layout::OpenFace, Layout::PyFeat, Layout::IMotions, Layout::FaceReader, Layout::Fer];
    for layout in all {
        let text = laid_out(&timeline, layout, 1).to_lowercase();
        for word in ["valence", "arousal", "au01", "gaze", "engagement", "pose"] {
            assert!(!text.contains(word), "{layout:?} has {word}");
        }
    }
}

#[test]
fn layouts_count_and_scale_as_the_others_do() {
    let timeline = drawn();
    let line = |layout, track, number: usize| laid_out(&timeline, layout, track).lines().nth(number).unwrap().to_owned();
    assert_eq!(line(Layout::OpenFace, 0, 2), "2,0,0.125,0.9,1,0.75,0.125,0.125");
    assert_eq!(line(Layout::OpenFace, 0, 5), "5,0,0.5,0,0,,,");
    assert_eq!(line(Layout::PyFeat, 0, 2), "1,10,20.5,100,120,0.9,0.75,0.125,0.125,clip.mp4,Person_0");
    assert_eq!(line(Layout::PyFeat, 0, 5), "4,,,,,,,,,clip.mp4,");
    assert_eq!(line(Layout::IMotions, 1, 2), "125,75,12.5,12.5");
    assert_eq!(line(Layout::IMotions, 2, 2), "125,,,", "the second face is not there yet");
    assert_eq!(line(Layout::Fer, 0, 1), "\"[10, 21, 100, 120]\",0.75,0.125,0.125,,,,");
    let log = laid_out(&timeline, Layout::FaceReader, 1);
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[5], lines[6], lines[7]), ("Filename:\tclip.mp4", "Frame rate:\t8", ""));
    assert_eq!(lines[8..10], ["Video Time\tNeutral\tHappy\tSad", "00:00:00.000\t0.125\t0.75\t0.125"]);
    assert_eq!(lines[13], "00:00:00.500\tFIND_FAILED\tFIND_FAILED\tFIND_FAILED");
    assert_eq!(lines.len(), 9 + 8, "a row a frame");
}
