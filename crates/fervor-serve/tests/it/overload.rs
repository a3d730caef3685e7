use std::time::{Duration, Instant};

use axum::http::header;
use fervor_serve::Settings;
use futures_util::future::join_all;

use crate::world::{Slow, Superstitious, World, png};

fn quick(queue: usize, threads: usize) -> Settings {
    Settings { queue, threads, ..Settings::default() }
}

#[tokio::test]
async fn a_full_queue_turns_requests_away_and_recovers() {
    let world = World::with(Slow(Duration::from_millis(40)), quick(3, 1));
    let answers = join_all((0..12).map(|i| world.predict(png(20, i)))).await;
    let answered = answers.iter().filter(|said| said.status == 200).count();
    assert_eq!(answered, 3);
    for said in answers.iter().filter(|said| said.status != 200) {
        assert_eq!(said.error(503), "busy");
        assert_eq!(said.headers[header::RETRY_AFTER], "1");
    }
    assert_eq!(world.predict(png(20, 99)).await.status, 200);
    assert_eq!(world.metric("fervor_queue_length").await, 0.0);
}

#[tokio::test]
async fn requests_that_wait_together_are_classified_together() {
    let world = World::with(Slow(Duration::from_millis(1)), quick(64, 1));
    let answers = join_all((0..40).map(|i| world.predict(png(20, i)))).await;
    assert!(answers.iter().all(|said| said.status == 200));
    assert_eq!(world.metric("fervor_batch_pictures_sum").await, 40.0);
    let batches = world.metric("fervor_batch_pictures_count").await;
    assert!(batches < 30.0, "{batches} batches");
    let alone = World::new();
    assert_eq!(answers[7].json(200), alone.predict(png(20, 7)).await.json(200), "batches change no answer");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_503_in_time() {
    let settings = Settings { timeout: Duration::from_millis(60), ..quick(8, 1) };
    let world = World::with(Slow(Duration::from_millis(400)), settings);
    let start = Instant::now();
    assert_eq!(world.predict(png(20, 1)).await.error(503), "timeout");
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_picture_whose_client_is_gone_is_not_worked_on() {
    let settings = Settings { timeout: Duration::from_millis(30), ..quick(8, 1) };
    let world = World::with(Slow(Duration::from_millis(100)), settings);
    let answers = join_all((0..8).map(|i| world.predict(png(20, i)))).await;
    assert!(answers.iter().all(|said| said.status == 503));
    // The first is at work; the other seven are dropped when their turn comes.
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(world.metric("fervor_queue_length").await, 0.0);
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_service_lives_on() {
    let world = World::with(Superstitious, quick(8, 2));
    for round in 0..5 {
        assert_eq!(world.predict(png(13, round)).await.error(500), "internal");
        assert_eq!(world.predict(png(14, round)).await.status, 200);
    }
    assert_eq!(world.metric("fervor_queue_length").await, 0.0);
    let said = world.predict(png(13, 9)).await;
    assert!(!said.text().contains("this one again"), "what went wrong stays inside");
}

#[tokio::test]
async fn the_call_to_stop_lets_requests_at_hand_finish() {
    let world = World::with(Slow(Duration::from_millis(300)), quick(8, 1));
    let (address, stop, server) = world.listen().await;
    let picture = png(20, 1);
    let request =
        [format!("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", picture.len()).into_bytes(), picture]
            .concat();
    let client = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(&request).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    let text = client.await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    server.await.unwrap().unwrap();
    assert_eq!(world.get("/readyz").await.status, 503);
    assert_eq!(world.get("/healthz").await.status, 200);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the socket is closed");
}
