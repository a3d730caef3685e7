//! Clients that hold connections without using them, and the service that lives on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use fervor::WholePicture;
use fervor_serve::Settings;

use crate::world::{Slow, World, png};

fn few(max_connections: usize) -> Settings {
    Settings { max_connections, threads: 1, ..Settings::default() }
}

/// A connection on which something was said and no more.
fn held(address: SocketAddr, said: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
    stream
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

fn ask(address: SocketAddr, path: &str) -> String {
    rest(held(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")))
}

fn predict(address: SocketAddr, picture: &[u8]) -> TcpStream {
    let head = format!("POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", picture.len());
    let mut stream = held(address, &head);
    stream.write_all(picture).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_make_room_for_those_that_do() {
    let (address, _stop, _server) = World::with(WholePicture, few(6)).listen().await;
    let clients = tokio::task::spawn_blocking(move || {
        let mut slow: Vec<TcpStream> = (0..20).map(|_| held(address, "GET /healthz HTTP/1.1\r\nX-Drip: ")).collect();
        assert!(ask(address, "/healthz").starts_with("HTTP/1.1 200"));
        assert!(rest(predict(address, &png(48, 1))).starts_with("HTTP/1.1 200"));
        // The first was closed for those that came; the last may go on.
        assert_eq!(rest(slow.remove(0)), "");
        let mut last = slow.pop().unwrap();
        last.write_all(b"x\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        assert!(rest(last).starts_with("HTTP/1.1 200"));
    });
    clients.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_connection_is_at_work_the_service_still_says_how_it_is() {
    let (address, _stop, _server) = World::with(Slow(Duration::from_millis(900)), few(2)).listen().await;
    let clients = tokio::task::spawn_blocking(move || {
        let work = [1, 2].map(|seed| predict(address, &png(20, seed)));
        std::thread::sleep(Duration::from_millis(200));
        assert!(ask(address, "/healthz").starts_with("HTTP/1.1 200"));
        assert!(rest(predict(address, &png(20, 3))).starts_with("HTTP/1.1 503"));
        for stream in work {
            assert!(rest(stream).starts_with("HTTP/1.1 200"));
        }
        assert!(rest(predict(address, &png(20, 4))).starts_with("HTTP/1.1 200"));
    });
    clients.await.unwrap();
}

/// It kept the service from its end for the time limit of a request and five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_head_keeps_no_service_from_its_end() {
    let (address, stop, server) = World::with(Slow(Duration::from_millis(1500)), few(4)).listen().await;
    let clients = tokio::task::spawn_blocking(move || {
        let (half, work) = (held(address, "POST /predict HTT"), predict(address, &png(20, 1)));
        let begun = Instant::now();
        while !ask(address, "/metrics").contains("\nfervor_queue_length 1") {
            assert!(begun.elapsed() < Duration::from_secs(30), "the request is not at work");
            std::thread::sleep(Duration::from_millis(20));
        }
        let start = Instant::now();
        stop.send(()).unwrap();
        assert_eq!(rest(half), "");
        assert!(rest(work).starts_with("HTTP/1.1 200"), "what is at hand is finished");
        start
    });
    let start = clients.await.unwrap();
    server.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_sent_to_its_end_however_slowly_it_is_read() {
    let (address, _stop, _server) = World::with(WholePicture, few(1)).listen().await;
    let clients = tokio::task::spawn_blocking(move || {
        let picture = png(1600, 1);
        let head = format!(
            "POST /predict?annotate=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            picture.len()
        );
        let mut slow = held(address, &head);
        slow.write_all(&picture).unwrap();
        let mut start = [0; 4096];
        slow.read_exact(&mut start).unwrap();
        let start = String::from_utf8_lossy(&start).into_owned();
        assert!(start.starts_with("HTTP/1.1 200"), "{start}");
        let length: usize = start.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        assert!(length > 2 << 20, "more than lies in the system's buffers: {length}");
        // Nobody takes its place meanwhile.
        assert!(ask(address, "/healthz").starts_with("HTTP/1.1 200"));
        assert!(rest(predict(address, &png(20, 3))).starts_with("HTTP/1.1 503"));
        let mut others = Vec::new();
        slow.read_to_end(&mut others).unwrap();
        let head = start.find("\r\n\r\n").unwrap() + 4;
        assert_eq!(4096 - head + others.len(), length);
        // With its last byte the place is free again.
        assert!(rest(predict(address, &png(20, 4))).starts_with("HTTP/1.1 200"));
    });
    clients.await.unwrap();
}
