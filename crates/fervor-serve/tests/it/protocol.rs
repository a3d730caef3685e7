use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fervor_serve::Settings;
use serde_json::{Value, json};

use crate::world::{World, astronaut, bundle, faces, png};

fn infer(model: &str, body: &Value) -> Request<Body> {
    let request = Request::post(format!("/v2/models/{model}/infer")).header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

fn chips(data: Value, shape: &[usize], datatype: &str) -> Value {
    json!({ "id": "7", "inputs": [{ "name": "chip", "datatype": datatype, "shape": shape, "data": data }] })
}

#[tokio::test]
async fn the_server_and_its_models_introduce_themselves() {
    let world = World::new();
    assert_eq!(world.get("/v2").await.json(200)["name"], "fervor");
    assert_eq!(world.get("/v2/health/live").await.status, 200);
    assert_eq!(world.get("/v2/health/ready").await.status, 200);
    let models = world.get("/v2/models").await.json(200)["models"].clone();
    assert_eq!(models, json!(["fervor-48", "fervor-48-pictures"]));
    for name in ["fervor-48", "fervor-48-pictures"] {
        let model = world.get(&format!("/v2/models/{name}")).await.json(200);
        assert_eq!(model["name"], name);
        assert!(model["inputs"][0]["shape"][0] == -1 && model["outputs"].as_array().unwrap().len() >= 2, "{model}");
        assert_eq!(world.get(&format!("/v2/models/{name}/ready")).await.status, 200);
    }
    assert_eq!(world.get("/v2/models/other").await.refused(404), "not_found");
}

#[tokio::test]
async fn a_model_is_reached_by_its_version_too_and_no_other_version_is_there() {
    let world = World::new();
    for name in ["fervor-48", "fervor-48-pictures"] {
        let versioned = world.get(&format!("/v2/models/{name}/versions/1")).await.json(200);
        assert_eq!(versioned, world.get(&format!("/v2/models/{name}")).await.json(200));
        assert_eq!(world.get(&format!("/v2/models/{name}/versions/1/ready")).await.status, 200);
        let config = world.get(&format!("/v2/models/{name}/config")).await.json(200);
        assert_eq!(config, world.get(&format!("/v2/models/{name}/versions/1/config")).await.json(200));
        assert_eq!((&config["name"], config["input"].as_array().unwrap().len()), (&json!(name), 1));
        for path in ["", "/ready", "/config"] {
            let said = world.get(&format!("/v2/models/{name}/versions/2{path}")).await;
            assert_eq!(said.refused(404), "not_found", "{path}");
        }
    }
    let config = world.get("/v2/models/fervor-48/config").await.json(200);
    assert_eq!(config["input"], json!([{ "name": "chip", "data_type": "TYPE_UINT8", "dims": [1, 48, 48] }]));
    let body = chips(json!(vec![0; 48 * 48]), &[1, 1, 48, 48], "UINT8");
    let [plain, versioned] = ["fervor-48", "fervor-48/versions/1"].map(|model| infer(model, &body));
    assert_eq!(world.send(plain).await.json(200), world.send(versioned).await.json(200));
    assert_eq!(world.send(infer("fervor-48/versions/7", &body)).await.refused(404), "not_found");
}

#[tokio::test]
async fn whatever_is_wrong_under_v2_is_said_in_the_protocols_form() {
    let world = World::with(fervor::WholePicture, Settings { api_key: Some("correct-horse".into()), ..Settings::default() });
    for path in ["/v2/nothing", "/v2/models/fervor-48/nothing", "/v2/repository/index", "/v2/models/a/versions/1/b/c"] {
        assert_eq!(world.get(path).await.refused(404), "not_found", "{path}");
    }
    assert_eq!(world.get("/v2/models/fervor-48/infer").await.refused(405), "method");
    assert_eq!(world.send(infer("fervor-48", &json!({}))).await.refused(401), "key");
    assert_eq!(world.get("/v2nothing").await.error(404), "not_found");
}

#[tokio::test]
async fn chips_are_answered_with_the_networks_own_logits() {
    let (world, bundle) = (World::new(), bundle());
    let chip = bundle.card().preprocess.golden_chip();
    let expected = bundle.logits(std::slice::from_ref(&chip)).unwrap().remove(0);
    let values: Vec<u8> = [chip.pixels(), chip.pixels()].concat();
    let answer = world.send(infer("fervor-48", &chips(json!(values), &[2, 1, 48, 48], "UINT8"))).await.json(200);
    assert_eq!((&answer["id"], &answer["model_name"]), (&json!("7"), &json!("fervor-48")));
    let logits: Vec<f32> = serde_json::from_value(answer["outputs"][0]["data"].clone()).unwrap();
    assert_eq!(answer["outputs"][0]["shape"], json!([2, 7]));
    assert!(logits.iter().zip(expected.iter().cycle()).all(|(a, b)| (a - b).abs() < 1e-4), "{logits:?} {expected:?}");
    let probabilities: Vec<f32> = serde_json::from_value(answer["outputs"][1]["data"].clone()).unwrap();
    assert!((probabilities[..7].iter().sum::<f32>() - 1.0).abs() < 1e-5);

    // The same as bytes after the JSON, and back.
    let head = json!({
        "inputs": [{ "name": "chip", "datatype": "UINT8", "shape": [2, 1, 48, 48], "parameters": { "binary_data_size": values.len() } }],
        "outputs": [{ "name": "logits", "parameters": { "binary_data": true } }],
    });
    let head = head.to_string();
    let request = Request::post("/v2/models/fervor-48/infer").header("Inference-Header-Content-Length", head.len());
    let said = world.send(request.body(Body::from([head.as_bytes(), &values].concat())).unwrap()).await;
    let length: usize = said.headers["inference-header-content-length"].to_str().unwrap().parse().unwrap();
    let json: Value = serde_json::from_slice(&said.body[..length]).unwrap();
    assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], 2 * 7 * 4);
    let raw: Vec<f32> = said.body[length..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    assert_eq!(raw, logits);
}

#[tokio::test]
async fn pictures_are_answered_with_their_faces() {
    let world = World::with(faces(), Settings::default());
    let blank = fervor::Picture::from_gray(300, 200, &[90; 60_000]).unwrap().encode_png().unwrap();
    let data = json!([BASE64.encode(blank), { "b64": BASE64.encode(astronaut()) }]);
    let body = json!({ "inputs": [{ "name": "picture", "datatype": "BYTES", "shape": [2], "data": data }] });
    let answer = world.send(infer("fervor-48-pictures", &body)).await.json(200);
    let output = |name: &str| answer["outputs"].as_array().unwrap().iter().find(|o| o["name"] == name).unwrap().clone();
    assert_eq!(output("picture_index")["data"], json!([1]));
    assert_eq!(output("label")["data"], json!(["happy"]));
    assert_eq!(output("box")["shape"], json!([1, 4]));
    assert_eq!(output("probabilities")["shape"], json!([1, 7]));
}

/// Each of these took half a gigabyte and more, and an error of a shape repeated all of it.
#[tokio::test]
async fn more_than_a_model_can_take_is_refused_where_it_begins() {
    let world = World::new();
    let many = |value: &str| format!("[{}{value}]", format!("{value},").repeat(20_000));
    let picture = |shape: &str, data: &str| {
        format!(r#"{{"inputs": [{{"name": "picture", "datatype": "BYTES", "shape": {shape}, {data}}}]}}"#)
    };
    let input = r#"{"name":"picture","datatype":"BYTES","shape":[1],"data":[]}"#;
    let name = "x".repeat(100_000);
    let cases = [
        (picture("[1]", &format!(r#""data": {}"#, many("\"\""))), "more than 64 texts"),
        (picture(&many("1"), r#""data": [""]"#), "more than 8 sides of a shape"),
        (format!(r#"{{"inputs": {}}}"#, many(input)), "more than 8 inputs"),
        (format!(r#"{{"inputs": [{input}], "outputs": {}}}"#, many(r#"{"name":"box"}"#)), "more than 8 outputs"),
        (format!(r#"{{"inputs": [{}]}}"#, input.replace("picture", &name)), "a name or id of 100000 bytes"),
        (picture("[65]", r#""data": [""]"#), "must have the shape [1 to 64], it has [65]"),
        (format!(r#"{{"inputs": "{name}"}}"#), "invalid type"),
    ];
    for (body, message) in cases {
        let request = Request::post("/v2/models/fervor-48-pictures/infer").body(Body::from(body)).unwrap();
        let said = world.send(request).await.json(400)["error"].as_str().unwrap().to_owned();
        assert!(said.contains(message) && said.len() < 1100, "{message}: {said}");
    }
    // Texts without a byte, in bytes.
    let raw = vec![0; 4 * 100_000];
    for (count, message) in [(2, "holds 2 values, the data more"), (100_000, "must have the shape [1 to 64]")] {
        let head = picture(&format!("[{count}]"), &format!(r#""parameters": {{"binary_data_size": {}}}"#, raw.len()));
        let request = Request::post("/v2/models/fervor-48-pictures/infer").header("Inference-Header-Content-Length", head.len());
        let said = world.send(request.body(Body::from([head.as_bytes(), &raw].concat())).unwrap()).await;
        let said = said.json(400)["error"].as_str().unwrap().to_owned();
        assert!(said.contains(message), "{message}: {said}");
    }
}

#[tokio::test]
async fn pictures_come_as_bytes_too_and_in_base64_with_broken_lines() {
    let world = World::new();
    let files = [png(48, 1), png(50, 2)];
    let shown = |answer: &Value| answer["outputs"][1]["data"].clone();
    let data: Vec<String> = files.iter().map(|file| BASE64.encode(file).replace("A", "A\r\n")).collect();
    let body = json!({ "inputs": [{ "name": "picture", "datatype": "BYTES", "shape": [2], "data": data }] });
    let in_json = world.send(infer("fervor-48-pictures", &body)).await.json(200);
    assert_eq!(shown(&in_json), json!([0.0, 0.0, 48.0, 48.0, 0.0, 0.0, 50.0, 50.0]));
    let raw = files.map(|file| [&(file.len() as u32).to_le_bytes()[..], &file].concat()).concat();
    let head = json!({ "inputs": [
        { "name": "picture", "datatype": "BYTES", "shape": [2], "parameters": { "binary_data_size": raw.len() } },
    ] });
    let head = head.to_string();
    let request = Request::post("/v2/models/fervor-48-pictures/infer").header("Inference-Header-Content-Length", head.len());
    let said = world.send(request.body(Body::from([head.as_bytes(), &raw].concat())).unwrap()).await;
    assert_eq!(shown(&said.json(200)), shown(&in_json));
}

#[tokio::test]
async fn wrong_tensors_are_refused() {
    let world = World::new();
    let zeros = |n: usize| json!(vec![0; n]);
    let cases = [
        ("a shape of another model", chips(zeros(4), &[1, 1, 2, 2], "UINT8")),
        ("too few values", chips(zeros(10), &[1, 1, 48, 48], "UINT8")),
        ("no chip", chips(zeros(0), &[0, 1, 48, 48], "UINT8")),
        ("a shape without end", chips(zeros(1), &[usize::MAX, usize::MAX, 48, 48], "UINT8")),
        ("three dimensions", chips(zeros(2304), &[1, 48, 48], "UINT8")),
        ("half a level", chips(json!(vec![0.5; 2304]), &[1, 1, 48, 48], "FP32")),
        ("another type", chips(zeros(2304), &[1, 1, 48, 48], "FP64")),
        ("another name", json!({ "inputs": [{ "name": "x", "datatype": "UINT8", "shape": [1], "data": [1] }] })),
        ("no input", json!({ "inputs": [] })),
        ("nothing", json!({})),
        (
            "bytes that are not there",
            json!({ "inputs": [{ "name": "chip", "datatype": "UINT8", "shape": [1, 1, 48, 48], "parameters": { "binary_data_size": 2304 } }] }),
        ),
    ];
    for (what, body) in cases {
        assert_eq!(world.send(infer("fervor-48", &body)).await.refused(400), "input", "{what}");
    }
    let mut unknown = chips(zeros(2304), &[1, 1, 48, 48], "UINT8");
    unknown["outputs"] = json!([{ "name": "soul" }]);
    assert_eq!(world.send(infer("fervor-48", &unknown)).await.refused(400), "input");
    let text = json!({ "inputs": [{ "name": "picture", "datatype": "BYTES", "shape": [1], "data": [BASE64.encode("text")] }] });
    assert_eq!(world.send(infer("fervor-48-pictures", &text)).await.refused(415), "unsupported");
    assert_eq!(world.send(infer("none", &json!({}))).await.refused(404), "not_found");
    let ok = json!({ "inputs": [{ "name": "picture", "datatype": "BYTES", "shape": [1], "data": [BASE64.encode(png(48, 1))] }] });
    assert_eq!(world.send(infer("fervor-48-pictures", &ok)).await.status, 200);
}
