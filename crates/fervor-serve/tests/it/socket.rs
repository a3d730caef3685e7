use std::net::SocketAddr;
use std::time::Duration;

use fervor::WholePicture;
use fervor_serve::Settings;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::world::{Slow, World, astronaut, faces, png};

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(connect_async(format!("ws://{address}/ws")).await.unwrap().0)
    }

    async fn show(&mut self, picture: Vec<u8>) {
        self.0.send(Message::Binary(picture.into())).await.unwrap();
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    /// How wide the faces are in the frame that is shown at this second of a film.
    async fn widths(&mut self, time: f64, frame: &[u8]) -> Vec<f64> {
        self.say(&format!(r#"{{"time": {time}}}"#)).await;
        self.show(frame.to_vec()).await;
        let answer = self.hear().await;
        answer["faces"].as_array().unwrap().iter().map(|face| face["box"]["width"].as_f64().unwrap()).collect()
    }

    async fn hear(&mut self) -> Value {
        let message = tokio::time::timeout(Duration::from_secs(10), self.0.next()).await.expect("an answer in time");
        serde_json::from_str(message.unwrap().unwrap().to_text().unwrap()).unwrap()
    }
}

#[tokio::test]
async fn frames_are_answered_with_tracks() {
    let world = World::with(faces(), Settings::default());
    let (address, _stop, _server) = world.listen().await;
    let mut client = Client::connect(address).await;
    for frame in 1..=3 {
        client.show(astronaut()).await;
        let answer = client.hear().await;
        assert_eq!((answer["frame"].as_u64(), answer["dropped"].as_u64()), (Some(frame), Some(0)));
        let face = &answer["faces"][0];
        assert_eq!((face["track"].as_u64(), face["label"].as_str()), (Some(1), Some("happy")), "{answer}");
        assert_eq!((answer["width"].as_u64(), face["box"].is_object()), (Some(512), true));
    }
}

#[tokio::test]
async fn probabilities_are_smoothed_unless_asked_otherwise() {
    let world = World::new();
    let (address, _stop, _server) = world.listen().await;
    let (a, b) = (png(48, 1), fervor::Picture::from_gray(48, 48, &[128; 2304]).unwrap().encode_png().unwrap());
    let alone = world.predict(b.clone()).await.json(200)["faces"][0]["probabilities"].clone();
    let second = async |smoothing: &str| {
        let mut client = Client::connect(address).await;
        client.say(smoothing).await;
        client.show(a.clone()).await;
        client.hear().await;
        client.show(b.clone()).await;
        client.hear().await["faces"][0]["probabilities"].clone()
    };
    let far = |a: &Value, b: &Value| {
        a.as_object().unwrap().iter().map(|(k, p)| (p.as_f64().unwrap() - b[k].as_f64().unwrap()).abs()).sum::<f64>()
    };
    let (plain, smooth) = (second(r#"{"smoothing": 0}"#).await, second(r#"{"smoothing": 60}"#).await);
    assert!(far(&plain, &alone) < 1e-4, "{plain} {alone}");
    assert!(far(&smooth, &alone) > 0.05, "{smooth} {alone}");
}

#[tokio::test]
async fn a_films_frames_have_the_films_own_times() {
    let world = World::with(faces(), Settings::default());
    let (address, _stop, _server) = world.listen().await;
    let mut client = Client::connect(address).await;
    for (time, track) in [(0.0, 1), (0.5, 1), (100.0, 1)] {
        client.say(&format!(r#"{{"time": {time}}}"#)).await;
        client.show(astronaut()).await;
        let answer = client.hear().await;
        assert_eq!((answer["time"].as_f64(), answer["faces"][0]["track"].as_u64()), (Some(time), Some(track)), "{answer}");
        assert!((answer["faces"][0]["age"].as_f64().unwrap() - time).abs() < 1e-6, "{answer}");
        assert!(answer["faces"][0]["frame_probabilities"].is_object());
    }
}

/// The message was answered as one that is not known, and the frame after it with the time before: every answer one too late.
#[tokio::test]
async fn a_frame_whose_time_goes_back_is_answered_with_just_that() {
    let world = World::new();
    let (address, _stop, _server) = world.listen().await;
    let mut client = Client::connect(address).await;
    let mut ask = async |times: &[f64]| {
        for time in times {
            client.say(&format!(r#"{{"time": {time}}}"#)).await;
        }
        client.show(png(48, 1)).await;
        let answer = client.hear().await;
        (answer["frame"].clone(), answer["time"].clone(), answer["error"]["message"].clone())
    };
    assert_eq!(ask(&[5.0]).await, (json!(1), json!(5.0), Value::Null));
    assert_eq!(ask(&[1.0]).await, (json!(2), Value::Null, json!("time goes back from 5 to 1")));
    assert_eq!(ask(&[6.0]).await, (json!(3), json!(6.0), Value::Null));
    assert_eq!(ask(&[1.0, 7.0]).await, (json!(4), json!(7.0), Value::Null), "what is said last counts");
    assert_eq!(ask(&[1e8]).await, (json!(5), Value::Null, json!("a time is from 0 to 10000000 seconds, not 100000000")));
    assert_eq!(world.metric("fervor_pictures_total").await, 3.0, "the others are not worked on");
}

#[tokio::test]
async fn between_two_looks_faces_are_looked_for_where_they_were() {
    let world = World::with(faces(), Settings::default());
    let (address, _stop, _server) = world.listen().await;
    let shown = fervor::Picture::decode(&astronaut(), &fervor::Limits::default()).unwrap();
    let smaller = shown.resized(256, 256, fervor::picture::Filter::Bilinear).unwrap().encode_png().unwrap();
    let empty = fervor::Picture::from_rgb(512, 512, vec![90; 512 * 512 * 3]).unwrap().encode_png().unwrap();
    // The first client asks for nothing and gets looks at everything.
    let mut client = Client::connect(address).await;
    assert!(client.widths(0.0, &empty).await.is_empty());
    let whole = client.widths(0.01, &astronaut()).await;
    assert_eq!(whole.len(), 1);
    let mut client = Client::connect(address).await;
    client.say(r#"{"look": 0.2}"#).await;
    assert!(client.widths(0.0, &empty).await.is_empty());
    assert!(client.widths(0.1, &astronaut()).await.is_empty(), "one that is new is seen at the next look");
    assert_eq!(client.widths(0.2, &astronaut()).await, whole);
    let near = client.widths(0.3, &astronaut()).await;
    assert!(near.len() == 1 && (near[0] - whole[0]).abs() < 0.05 * whole[0], "it is found again: {near:?} {whole:?}");
    assert_eq!(client.widths(0.35, &smaller).await.len(), 1, "a frame of another size is looked at whole");
    assert!(client.widths(0.36, &empty).await.is_empty(), "it is gone");
}

#[tokio::test]
async fn old_frames_are_dropped_rather_than_answered_late() {
    let world = World::with(Slow(Duration::from_millis(120)), Settings { threads: 1, ..Settings::default() });
    let (address, _stop, _server) = world.listen().await;
    let mut client = Client::connect(address).await;
    for frame in 0..10 {
        client.show(png(20, frame)).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (first, second) = (client.hear().await, client.hear().await);
    assert_eq!((first["frame"].as_u64(), first["dropped"].as_u64()), (Some(1), Some(8)), "{first}");
    assert_eq!((second["frame"].as_u64(), second["dropped"].as_u64()), (Some(10), Some(8)), "the newest is answered: {second}");
    assert_eq!(world.metric(r#"fervor_frames_total{outcome="dropped"}"#).await, 8.0);
}

#[tokio::test]
async fn a_bad_frame_is_an_answer_and_the_connection_goes_on() {
    let world = World::with(WholePicture, Settings::default());
    let (address, _stop, _server) = world.listen().await;
    let mut client = Client::connect(address).await;
    client.show(b"no picture".to_vec()).await;
    assert_eq!(client.hear().await["error"]["kind"], "unsupported");
    for nonsense in ["hello", r#"{"smoothing": -1}"#, r#"{"look": -1}"#, r#"{"smoothing": 1e99}"#, r#"{"path": "/etc/passwd"}"#] {
        client.say(nonsense).await;
        assert_eq!(client.hear().await["error"]["kind"], "input", "{nonsense}");
    }
    client.show(png(48, 1)).await;
    assert_eq!(client.hear().await["frame"], 2);
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_socket() {
    let world = World::new();
    let (address, _stop, _server) = world.listen().await;
    let connect = async |origin: String| {
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        connect_async(request).await
    };
    let Err(Error::Http(refused)) = connect("https://evil.example".into()).await else { panic!("it was let in") };
    assert_eq!(refused.status(), 403);
    assert!(connect(format!("http://{address}")).await.is_ok());
    let plain = world.get("/ws").await;
    assert_eq!(plain.error(400), "input");
}

#[tokio::test]
async fn the_call_to_stop_closes_sockets() {
    let world = World::new();
    let (address, stop, server) = world.listen().await;
    let mut client = Client::connect(address).await;
    client.show(png(48, 1)).await;
    client.hear().await;
    stop.send(()).unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = client.0.next().await else { panic!("no farewell") };
    assert_eq!(frame.reason.as_str(), "the service stops");
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_close_is_answered_and_a_fault_is_named() {
    let (address, _stop, _server) = World::new().listen().await;
    let parting = async |client: &mut Client| match tokio::time::timeout(Duration::from_secs(10), client.0.next()).await.unwrap()
    {
        Some(Ok(Message::Close(frame))) => frame.map(|frame| u16::from(frame.code)),
        other => panic!("no close, but {other:?}"),
    };
    let mut client = Client::connect(address).await;
    let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    client.0.send(Message::Close(Some(normal))).await.unwrap();
    assert_eq!(parting(&mut client).await, Some(1000));
    let mut client = Client::connect(address).await;
    client.show(vec![0; (2 << 20) + 1]).await;
    assert_eq!(parting(&mut client).await, Some(1009), "larger than a frame may be");
}
