use axum::body::Body;
use axum::http::{Request, header};
use fervor::{Analyzer, Bundle, WholePicture, builtin};
use fervor_serve::{App, Settings};
use serde_json::{Value, json};

use crate::world::{World, bundle, png, raw};

#[tokio::test]
async fn a_request_chooses_among_models_and_the_first_answers_unasked() {
    let world = World::of_two_models();
    let name =
        async |query: &str| world.send(raw(&format!("/predict{query}"), png(64, 3))).await.json(200)["model"]["name"].clone();
    assert_eq!(name("").await, "fervor-48");
    assert_eq!(name("?model=fervor-48").await, "fervor-48");
    assert_eq!(name("?model=fervor-nano").await, "fervor-nano");
    let faces = async |query: &str| world.send(raw(&format!("/predict{query}"), png(64, 3))).await.json(200)["faces"].clone();
    assert_ne!(faces("").await, faces("?model=fervor-nano").await);
}

#[tokio::test]
async fn requests_for_two_models_at_once_are_each_answered_by_their_own() {
    let world = World::of_two_models();
    let names = ["fervor-48", "fervor-nano"];
    let alone: Vec<Value> = futures_util::future::join_all(names.map(async |name| ask(&world, name).await)).await;
    let many = futures_util::future::join_all((0..24).map(|i| ask(&world, names[i % 2]))).await;
    assert!(many.iter().enumerate().all(|(i, answer)| *answer == alone[i % 2]));
}

async fn ask(world: &World, model: &str) -> Value {
    world.send(raw(&format!("/predict?model={model}"), png(64, 3))).await.json(200)
}

#[tokio::test]
async fn a_model_that_is_not_loaded_is_a_clear_404() {
    let world = World::of_two_models();
    let said = world.send(raw("/predict?model=other", png(48, 1))).await;
    let error = said.json(404)["error"].clone();
    assert_eq!(error["message"], "there is no model \"other\"");
    assert_eq!(error["hint"], "loaded: fervor-48, fervor-nano");
    assert_eq!(world.get("/ws?model=other").await.error(404), "not_found");
    assert_eq!(world.get("/ws?mode=other").await.error(400), "input");
}

#[tokio::test]
async fn every_model_is_listed_and_inferred_with() {
    let world = World::of_two_models();
    let models = world.get("/v2/models").await.json(200)["models"].clone();
    assert_eq!(models, json!(["fervor-48", "fervor-48-pictures", "fervor-nano", "fervor-nano-pictures"]));
    let document = world.get("/openapi.json").await.json(200);
    assert_eq!(document["components"]["parameters"]["AnsweringModel"]["schema"]["enum"], json!(["fervor-48", "fervor-nano"]));
    let about = world.get("/page/about.json").await.json(200);
    assert_eq!((&about["models"][1]["name"], &about["words"]["fear"]), (&json!("fervor-nano"), &json!("fearful")));
    assert!(world.get("/metrics").await.text().contains("model=\"fervor-nano\""));
    let nano = Bundle::builtin("fervor-nano").unwrap();
    let chip = nano.card().preprocess.golden_chip();
    let [channels, size, _] = nano.card().preprocess.shape();
    let body = json!({ "inputs": [
        { "name": "chip", "datatype": "UINT8", "shape": [1, channels, size, size], "data": chip.pixels() },
    ] });
    let request = Request::post("/v2/models/fervor-nano/infer").header(header::CONTENT_TYPE, "application/json");
    let answer = world.send(request.body(Body::from(body.to_string())).unwrap()).await.json(200);
    let logits: Vec<f32> = serde_json::from_value(answer["outputs"][0]["data"].clone()).unwrap();
    let expected = nano.logits(std::slice::from_ref(&chip)).unwrap().remove(0);
    assert!(logits.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4), "{logits:?} {expected:?}");
}

#[test]
fn two_models_of_one_name_are_refused() {
    let analyzer = || Analyzer::new(WholePicture, bundle());
    let error = App::with_models(vec![analyzer(), analyzer()], Settings::default()).err().expect("no client could choose");
    assert!(error.to_string().contains(builtin::DEFAULT), "{error}");
    assert!(App::with_models(vec![], Settings::default()).is_err());
}
