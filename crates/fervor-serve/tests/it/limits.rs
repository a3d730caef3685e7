use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use fervor::WholePicture;
use fervor_serve::Settings;
use futures_util::{StreamExt, stream};

use crate::world::{World, form, png, raw};

/// A PNG's head that announces so many pixels, and nothing else.
fn bomb(side: u32) -> Vec<u8> {
    let mut file = png(8, 0);
    file[16..20].copy_from_slice(&side.to_be_bytes());
    file[20..24].copy_from_slice(&side.to_be_bytes());
    // The head's checksum, bit by bit (ISO 3309).
    let crc = !file[12..29].iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    file[29..33].copy_from_slice(&crc.to_be_bytes());
    file
}

#[tokio::test]
async fn every_bad_picture_has_its_status() {
    struct Case {
        what: &'static str,
        bytes: Vec<u8>,
        status: u16,
        kind: &'static str,
    }
    let whole = png(200, 1);
    let cases = [
        Case { what: "text", bytes: b"hello".to_vec(), status: 415, kind: "unsupported" },
        Case { what: "zeros", bytes: vec![0; 4096], status: 415, kind: "unsupported" },
        Case { what: "nothing", bytes: vec![], status: 422, kind: "input" },
        Case { what: "half a picture", bytes: whole[..whole.len() / 2].to_vec(), status: 422, kind: "input" },
        Case { what: "too many pixels", bytes: bomb(9_000), status: 413, kind: "too_large" },
        Case { what: "too wide", bytes: bomb(60_000), status: 413, kind: "too_large" },
        Case { what: "too many bytes", bytes: vec![7; 2 << 20], status: 413, kind: "too_large" },
    ];
    let world = World::with(WholePicture, Settings { max_upload: 1 << 20, ..Settings::default() });
    for Case { what, bytes, status, kind } in cases {
        assert_eq!(world.predict(bytes.clone()).await.error(status), kind, "{what}");
        assert_eq!(world.send(form("/predict", &[("image", "x", &bytes)])).await.error(status), kind, "{what}, in a form");
    }
    assert_eq!(world.predict(png(48, 1)).await.status, 200);
}

#[tokio::test]
async fn broken_forms_are_refused() {
    let world = World::new();
    let send = async |kind: &str, body: &str| {
        world.send(Request::post("/predict").header(header::CONTENT_TYPE, kind).body(Body::from(body.to_owned())).unwrap()).await
    };
    let head = "--e\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n";
    let form = "multipart/form-data; boundary=e";
    assert_eq!(send("multipart/form-data", head).await.error(400), "input", "no boundary");
    assert_eq!(send(form, &format!("{head}abc")).await.error(400), "input", "no end");
    assert_eq!(send(form, "nonsense").await.error(400), "input");
    assert_eq!(send(form, "--e--\r\n").await.error(422), "input", "no picture");
    assert_eq!(send("text/html", "<p>").await.error(415), "unsupported");
}

#[tokio::test]
async fn a_request_holds_a_bounded_number_of_pictures_and_bytes() {
    let world = World::with(WholePicture, Settings { max_upload: 4096, ..Settings::default() });
    let picture = png(8, 1);
    let parts: Vec<(&str, &str, &[u8])> = vec![("image", "p", &picture); 65];
    assert_eq!(world.send(form("/predict", &parts)).await.error(413), "too_large");
    let junk = [0; 4000];
    let parts: Vec<(&str, &str, &[u8])> = vec![("image", "p", &junk); 9];
    assert_eq!(world.send(form("/predict", &parts)).await.error(413), "too_large");
    // Without a length, the meter finds out.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[7; 1000]))).take(100_000);
    let request = Request::post("/predict").body(Body::from_stream(endless)).unwrap();
    assert_eq!(world.send(request).await.error(413), "too_large");
}

/// A list of 80 MiB in JSON took 1.4 GB.
#[tokio::test]
async fn a_list_in_json_is_read_no_further_than_a_request_may_go() {
    let world = World::new();
    let send = async |value: &str| {
        let body = format!(r#"{{"img": [{}{value}]}}"#, format!("{value},").repeat(100_000));
        let request = Request::post("/analyze").header(header::CONTENT_TYPE, "application/json");
        world.send(request.body(Body::from(body)).unwrap()).await
    };
    let said = send("1").await.json(400)["error"].as_str().unwrap().to_owned();
    assert!(said.ends_with("at line 1 column 10"), "{said}");
    assert_eq!(send("\"\"").await.refused(413), "too_large");
}

#[tokio::test]
async fn one_picture_is_answered_as_a_list_where_that_is_asked_for() {
    let world = World::new();
    let rows = world.send(form("/predict?list=1", &[("image", "words.jpg", b"words")])).await.json(200);
    assert_eq!((&rows["failed"], &rows["results"][0]["source"]), (&1.into(), &"words.jpg".into()));
    assert_eq!(rows["results"][0]["error"]["reason"], "not_a_picture");
    let rows = world.send(raw("/predict?list=1", png(48, 1))).await.json(200);
    assert_eq!((&rows["failed"], rows["results"].as_array().map(Vec::len)), (&0.into(), Some(1)));
    assert_eq!(world.send(raw("/predict?list=1&annotate=1", png(48, 1))).await.error(400), "input");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let world = World::with(WholePicture, Settings { timeout: Duration::from_millis(80), ..Settings::default() });
    let stuck = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"\x89PNG"))]).chain(stream::pending());
    let said = world.send(Request::post("/predict").body(Body::from_stream(stuck)).unwrap()).await;
    assert_eq!(said.error(408), "slow");
}

#[tokio::test]
async fn an_upload_over_a_slow_line_has_its_time_as_long_as_it_comes_on() {
    let settings = || Settings { timeout: Duration::from_millis(1200), ..Settings::default() };
    let send = async |chunk: usize, pause: u64| {
        let chunks: Vec<Bytes> = png(420, 1).chunks(chunk).map(Bytes::copy_from_slice).collect();
        let coming = stream::iter(chunks).then(move |chunk| async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok::<_, std::io::Error>(chunk)
        });
        World::with(WholePicture, settings()).send(Request::post("/predict").body(Body::from_stream(coming)).unwrap()).await
    };
    // In four parts and two seconds; then in drops, of which too few come in the time.
    assert_eq!(send(48 << 10, 500).await.status, 200);
    assert_eq!(send(50, 20).await.error(408), "slow");
}

#[tokio::test]
async fn other_addresses_and_methods_are_errors_in_json_too() {
    let world = World::new();
    assert_eq!(world.get("/nothing/here").await.error(404), "not_found");
    assert_eq!(world.get("/page/../Cargo.toml").await.error(404), "not_found");
    let said = world.get("/predict").await;
    assert_eq!(said.error(405), "method");
    assert_eq!(said.headers[header::ALLOW], "POST");
    assert_eq!(world.send(raw("/healthz", vec![])).await.error(405), "method");
}
