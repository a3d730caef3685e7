//! `POST /video`: a line a frame, and one that says how it ended.

use std::io::Write;

use fervor::WholePicture;
use fervor_serve::{Settings, VideoSettings};
use serde_json::Value;

use crate::world::{World, raw};

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fervor-video/tests/clips/b-frames.mp4");

fn world(video: VideoSettings) -> World {
    World::with(WholePicture, Settings { video: Some(video), ..Settings::default() })
}

async fn lines(world: &World, path: &str, bytes: Vec<u8>) -> Vec<Value> {
    let said = world.send(raw(path, bytes)).await;
    assert_eq!(said.status, 200, "{}", said.text());
    assert_eq!(said.headers["content-type"], "application/x-ndjson");
    said.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_video_is_answered_frame_by_frame_and_the_end_is_said() {
    let world = world(VideoSettings::default());
    let clip = std::fs::read(CLIP).unwrap();
    let all = lines(&world, "/video", clip.clone()).await;
    assert_eq!(all.len(), 26);
    assert_eq!((&all[0]["frame"], &all[0]["shot"], &all[24]["time"]), (&0.into(), &true.into(), &0.96.into()));
    let faces = all[10]["faces"].as_array().unwrap();
    assert_eq!((faces.len(), &faces[0]["track"], &all[10]["width"]), (1, &1.into(), &146.into()));
    assert_eq!((&all[25]["done"], &all[25]["frames"], &all[25]["error"]), (&true.into(), &25.into(), &Value::Null));
    let some = lines(&world, "/video?every=0.2&start=0.4&smoothing=0", clip).await;
    let times: Vec<f64> = some.iter().filter_map(|line| line["time"].as_f64()).collect();
    assert_eq!(times, [0.4, 0.6, 0.8]);
}

#[tokio::test]
async fn what_is_over_a_limit_ends_with_the_reason() {
    let world = world(VideoSettings { frames: 5, ..VideoSettings::default() });
    let all = lines(&world, "/video", std::fs::read(CLIP).unwrap()).await;
    assert_eq!(all.len(), 6);
    assert_eq!((&all[5]["done"], &all[5]["error"]["kind"]), (&false.into(), &"too_large".into()));
}

#[tokio::test]
async fn what_is_no_video_is_refused_before_the_first_line() {
    let limited = world(VideoSettings { bytes: 20_000, ..VideoSettings::default() });
    assert_eq!(limited.send(raw("/video", vec![7; 5000])).await.error(415), "unsupported");
    assert_eq!(limited.send(raw("/video", Vec::new())).await.error(422), "input");
    assert_eq!(limited.send(raw("/video", vec![7; 30_000])).await.error(413), "too_large");
    let clip = std::fs::read(CLIP).unwrap();
    assert_eq!(limited.send(raw("/video", clip[..6000].to_vec())).await.error(422), "input", "cut before its index");
    assert_eq!(limited.send(raw("/video?every=-1", clip.clone())).await.error(400), "input");
    assert_eq!(limited.send(raw("/video?fps=3", clip.clone())).await.error(400), "input");
    // As many as there may be are there already.
    let full = world(VideoSettings { at_once: 0, ..VideoSettings::default() });
    assert_eq!(full.send(raw("/video", clip.clone())).await.error(503), "busy");
    assert_eq!(World::new().send(raw("/video", clip)).await.error(404), "not_found", "off unless it is asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_slow_to_come_keeps_no_other_waiting() {
    let world = world(VideoSettings::default());
    let (address, _stop, _server) = world.listen().await;
    let slow = tokio::task::spawn_blocking(move || {
        let mut slow = std::net::TcpStream::connect(address).unwrap();
        slow.write_all(b"POST /video HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nfirst bytes").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
        slow
    });
    let _slow = slow.await.unwrap();
    assert_eq!(lines(&world, "/video?every=0.2", std::fs::read(CLIP).unwrap()).await.len(), 6);
}
