use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fervor::{Analyzer, Limits, Picture, PicturePrediction, Reason};
use fervor_serve::Settings;
use serde_json::{Value, json};

use crate::world::{World, astronaut, bundle, faces, form, png, raw};

fn photo_world() -> World {
    World::with(faces(), Settings::default())
}

#[tokio::test]
async fn a_photograph_is_answered_with_its_main_face_on_top() {
    let world = photo_world();
    let answer = world.send(form("/predict", &[("image", "photo.png", &astronaut())])).await.json(200);
    assert_eq!(answer["label"], "happy");
    assert!(answer["confidence"].as_f64().unwrap() > 0.8, "{answer}");
    assert!(answer["words"].as_str().unwrap().starts_with("looks happy, "), "{answer}");
    assert_eq!(answer["schema"], "fervor.prediction/1");
    assert_eq!((&answer["source"], &answer["width"], &answer["error"]), (&json!("photo.png"), &json!(512), &Value::Null));
    let other = world.send(form("/predict", &[("file", "photo.png", &astronaut())])).await.json(200);
    assert_eq!(answer, other, "the field may be called image or file");
    let mut raw = world.predict(astronaut()).await.json(200);
    raw["source"] = json!("photo.png");
    assert_eq!(answer, raw, "a form and a raw body have the same answer");
}

#[tokio::test]
async fn the_service_says_what_the_library_says() {
    let picture = Picture::decode(&astronaut(), &Limits::default()).unwrap();
    let said = Analyzer::new(faces(), bundle()).analyze(&picture).unwrap();
    let answer = photo_world().predict(astronaut()).await.json(200);
    let read = PicturePrediction::parse(&answer.to_string()).unwrap();
    assert_eq!((read.faces.len(), read.faces[0].words(), read.error), (1, said[0].words(), None));
    let text = serde_json::to_string(&said).unwrap();
    assert_eq!(answer["faces"], serde_json::from_str::<Value>(&text).unwrap());
}

#[tokio::test]
async fn no_face_is_a_normal_answer() {
    let blank = Picture::from_gray(300, 200, &[90; 60_000]).unwrap().encode_png().unwrap();
    let answer = photo_world().predict(blank).await.json(200);
    assert_eq!((&answer["label"], &answer["confidence"], &answer["faces"]), (&Value::Null, &Value::Null, &json!([])));
    assert_eq!(answer["words"], "no face found");
}

#[tokio::test]
async fn many_files_are_answered_with_a_row_each_and_one_bad_file_is_an_error_row() {
    let world = World::new();
    let (a, b) = (png(48, 1), png(50, 2));
    let parts: [(&str, &str, &[u8]); 4] = [("image", "a", &a), ("file", "b", b"no"), ("images[]", "c", &b), ("image", "d", b"")];
    let answer = world.send(form("/predict", &parts)).await.json(200);
    assert_eq!(answer["failed"], 2);
    let rows = answer["results"].as_array().unwrap();
    let of = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("source"), ["a", "b", "c", "d"].map(Value::from), "in the order they came");
    assert_eq!(of("width"), [json!(48), Value::Null, json!(50), Value::Null]);
    assert_eq!(rows[1]["error"]["kind"], "unsupported");
    assert_eq!(rows[3]["error"]["kind"], "input");
    let read = |row: &Value| PicturePrediction::parse(&row.to_string()).unwrap().error.and_then(|error| error.reason);
    assert_eq!([1, 3].map(|row| read(&rows[row])), [Some(Reason::NotAPicture), Some(Reason::Empty)], "rows are read back");
    assert_eq!(rows[0]["faces"], world.predict(a).await.json(200)["faces"], "a batch changes no answer");
}

#[tokio::test]
async fn a_crowd_of_pictures_finds_its_way_through_a_narrow_queue() {
    let world = World::with(fervor::WholePicture, Settings { queue: 2, ..Settings::default() });
    let pictures: Vec<Vec<u8>> = (0..40).map(|i| png(40 + i, i)).collect();
    let parts: Vec<(&str, &str, &[u8])> = pictures.iter().map(|p| ("image", "p", p.as_slice())).collect();
    let answer = world.send(form("/predict", &parts)).await.json(200);
    let widths: Vec<u64> = answer["results"].as_array().unwrap().iter().map(|row| row["width"].as_u64().unwrap()).collect();
    assert_eq!(widths, (40..80).collect::<Vec<u64>>());
}

#[tokio::test]
async fn other_programs_shapes_are_kept_field_by_field() {
    let world = photo_world();
    let ask = async |shape: &str| world.send(raw(&format!("/predict?compat={shape}"), astronaut())).await.json(200);
    let plain = world.predict(astronaut()).await.json(200)["faces"][0].clone();
    let near = |a: &Value, b: f64| (a.as_f64().unwrap() - b).abs() < 1e-3;
    let happy = plain["probabilities"]["happy"].as_f64().unwrap();
    let (x, width) = (plain["box"]["x"].as_f64().unwrap(), plain["box"]["width"].as_f64().unwrap());

    let face = ask("deepface").await["results"][0].clone();
    assert_eq!(face["dominant_emotion"], "happy");
    assert!(near(&face["emotion"]["happy"], 100.0 * happy), "{face}");
    assert_eq!(face["emotion"].as_object().unwrap().len(), 7);
    assert_eq!((&face["region"]["x"], &face["region"]["w"]), (&json!(x.round() as i64), &json!(width.round() as i64)));
    let eye = |name: &str| face["region"][name][0].as_i64().unwrap();
    assert!(eye("left_eye") > eye("right_eye"), "deepface names eyes as the person does: {face}");
    assert!(face["face_confidence"].as_f64().unwrap() <= 1.0);

    let faces = ask("fer").await;
    assert_eq!(faces[0]["box"][0], json!(x.round() as i64));
    assert!(near(&faces[0]["emotions"]["happy"], happy), "{faces}");

    let face = ask("rekognition").await["FaceDetails"][0].clone();
    assert!(near(&face["BoundingBox"]["Left"], x / 512.0), "{face}");
    assert_eq!(face["Emotions"][0]["Type"], "HAPPY");
    assert!(near(&face["Emotions"][0]["Confidence"], 100.0 * happy), "{face}");
    let sure: Vec<f64> = face["Emotions"].as_array().unwrap().iter().map(|e| e["Confidence"].as_f64().unwrap()).collect();
    assert!(sure.is_sorted_by(|a, b| a >= b) && sure.len() == 7, "{sure:?}");
    let kinds: Vec<&str> = face["Landmarks"].as_array().unwrap().iter().map(|l| l["Type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"]);

    let list = world.send(form("/predict?compat=fer", &[("image", "a", &astronaut()), ("image", "b", b"no")])).await.json(200);
    assert_eq!(list[0], faces);
    assert_eq!(list[1]["error"]["kind"], "unsupported");
}

#[tokio::test]
async fn without_faces_the_other_shapes_are_empty_lists() {
    let blank = Picture::from_gray(300, 200, &[90; 60_000]).unwrap().encode_png().unwrap();
    let world = photo_world();
    for (shape, empty) in [("deepface", json!({"results": []})), ("fer", json!([])), ("rekognition", json!({"FaceDetails": []}))]
    {
        assert_eq!(world.send(raw(&format!("/predict?compat={shape}"), blank.clone())).await.json(200), empty);
    }
}

#[tokio::test]
async fn top_keeps_only_the_most_probable_classes() {
    let world = World::new();
    let all = world.predict(png(48, 1)).await.json(200);
    let top = world.send(raw("/predict?top=2", png(48, 1))).await.json(200);
    let kept = top["faces"][0]["probabilities"].as_object().unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.contains_key(all["label"].as_str().unwrap()));
    assert_eq!(top["confidence"], all["confidence"]);
}

#[tokio::test]
async fn top_changes_neither_the_order_of_keys_nor_the_form_of_numbers() {
    let world = World::new();
    let [all, top] = ["/predict", "/predict?top=7"].map(|path| world.send(raw(path, png(48, 1))));
    assert_eq!(all.await.text(), top.await.text());
    let three = world.send(raw("/predict?top=3", png(48, 1))).await.text();
    let keys = |text: &str| -> Vec<String> {
        let named = text.split("\":").filter_map(|part| part.rsplit('"').next()).map(str::to_owned);
        named.filter(|key| !key.is_empty()).collect()
    };
    let full = keys(&world.predict(png(48, 1)).await.text());
    let kept = keys(&three);
    assert_eq!(kept.len() + 4, full.len(), "{three}");
    let mut rest = full.iter();
    assert!(kept.iter().all(|key| rest.any(|other| other == key)), "{kept:?} in the order of {full:?}");
}

#[tokio::test]
async fn small_and_doubtful_faces_are_left_out_where_that_is_asked_for() {
    let world = photo_world();
    let count = async |query: &str| {
        let said = world.send(raw(&format!("/predict?{query}"), astronaut())).await.json(200);
        said["faces"].as_array().unwrap().len()
    };
    assert_eq!([count("min_face=40").await, count("min_face=400").await], [1, 0]);
    assert_eq!([count("min_score=0.5").await, count("min_score=1").await], [1, 0]);
    for query in ["min_face=-1", "min_face=NaN", "min_score=2", "min_score=x"] {
        assert_eq!(world.send(raw(&format!("/predict?{query}"), png(48, 1))).await.error(400), "input", "{query}");
    }
}

/// Either was answered with the rules of both, and without what was sent.
#[tokio::test]
async fn a_number_out_of_range_is_told_with_its_own_rule() {
    let world = World::new();
    let message = async |query: &str| {
        world.send(raw(&format!("/predict?{query}"), png(48, 1))).await.json(400)["error"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message("min_score=2").await, "min_score is a share from 0 to 1, not 2");
    assert_eq!(message("min_face=-1.5").await, "min_face is a number of pixels from 0 to 1000000, not -1.5");
}

fn data_url(file: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64.encode(file))
}

fn json_request(path: &str, body: &Value) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn deepfaces_clients_are_answered_as_they_expect() {
    let world = photo_world();
    let shape = world.send(raw("/predict?compat=deepface", astronaut())).await.json(200);
    let body = json!({ "img": data_url(&astronaut()), "actions": ["emotion"], "detector_backend": "retinaface", "align": true });
    for path in ["/analyze", "/predict?compat=deepface"] {
        assert_eq!(world.send(json_request(path, &body)).await.json(200), shape, "{path}");
        assert_eq!(world.send(form(path, &[("img", "a.png", &astronaut())])).await.json(200), shape, "{path}");
    }
    let settings: [(&str, &str, &[u8]); 2] = [("actions", "", b"['emotion']"), ("img", "a.png", &astronaut())];
    assert_eq!(world.send(form("/analyze", &settings)).await.json(200), shape);
    assert_eq!(world.send(raw("/analyze", astronaut())).await.json(200), shape);
    let list = json!({ "img": [data_url(&astronaut()), data_url(b"no"), data_url(&astronaut())] });
    let list = world.send(json_request("/analyze", &list)).await.json(200);
    assert_eq!((&list["results"][0], &list["results"][2]), (&shape["results"], &shape["results"]));
    assert_eq!(list["results"][1]["error"]["kind"], "unsupported");
}

/// Forms were answered whatever they asked for, JSON was not.
#[tokio::test]
async fn deepfaces_other_actions_are_refused_in_json_and_in_forms() {
    let world = World::new();
    let picture = png(48, 1);
    let in_form = async |actions: &[&str]| {
        let mut parts: Vec<(&str, &str, &[u8])> = vec![("img", "a.png", &picture)];
        parts.extend(actions.iter().map(|actions| ("actions", "", actions.as_bytes())));
        world.send(form("/analyze", &parts)).await
    };
    for actions in [&["age"][..], &["['age', 'gender']"], &[""], &["age", "gender"]] {
        assert_eq!(in_form(actions).await.refused(422), "input", "{actions:?}");
    }
    for actions in [&[][..], &["emotion"], &["['age', 'emotion']"], &["emotion", "age"], &["age", "emotion"]] {
        assert_eq!(in_form(actions).await.status, 200, "{actions:?}");
    }
    for (actions, status) in [(json!("age"), 422), (json!(["age"]), 422), (json!("age, emotion"), 200), (json!(["emotion"]), 200)]
    {
        let body = json!({ "img": data_url(&picture), "actions": actions });
        assert_eq!(world.send(json_request("/analyze", &body)).await.status, status, "{actions}");
    }
}

#[tokio::test]
async fn deepfaces_paths_and_addresses_are_refused_with_the_reason() {
    let world = World::new();
    let bodies = [
        json!({ "img_path": "/etc/passwd" }),
        json!({ "img": "https://example.org/a.jpg" }),
        json!({ "img": "dataset/img1.jpg" }),
    ];
    for body in bodies {
        let said = world.send(json_request("/analyze", &body)).await.json(422);
        assert!(said["error"].as_str().unwrap().ends_with("is never opened"), "{said}");
    }
    let text = "--e\r\nContent-Disposition: form-data; name=\"img\"\r\n\r\n/etc/passwd\r\n--e--\r\n";
    let request = Request::post("/analyze").header(header::CONTENT_TYPE, "multipart/form-data; boundary=e");
    let said = world.send(request.body(Body::from(text)).unwrap()).await.json(422);
    assert!(said["error"].as_str().unwrap().contains("never opened"), "{said}");
    assert_eq!(world.send(json_request("/analyze", &json!({}))).await.refused(422), "input");
    assert_eq!(world.send(json_request("/analyze", &json!([]))).await.refused(400), "input");
}

#[tokio::test]
async fn an_annotated_picture_comes_back_as_png() {
    let said = photo_world().send(form("/predict?annotate=1", &[("image", "a.png", &astronaut())])).await;
    assert_eq!((said.status.as_u16(), &said.headers[header::CONTENT_TYPE]), (200, &"image/png".parse().unwrap()));
    let drawn = Picture::decode(&said.body, &Limits::default()).unwrap();
    let plain = Picture::decode(&astronaut(), &Limits::default()).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (512, 512));
    assert_ne!(drawn, plain);
    let plain = photo_world().send(raw("/predict?annotate=0", astronaut())).await.json(200);
    assert_eq!(plain["label"], "happy");
}

#[tokio::test]
async fn what_is_not_known_is_refused_and_not_guessed() {
    let world = World::new();
    for query in [
        "compat=amazon",
        "top=0",
        "top=many",
        "annotate=yes",
        "annotate=1&compat=fer",
        "top=2&compat=fer",
        "url=http://127.0.0.1/",
        "Top=1",
    ] {
        let said = world.send(raw(&format!("/predict?{query}"), png(48, 1))).await;
        assert_eq!(said.error(400), "input", "{query}");
    }
    for field in ["img", "path", "url", ""] {
        assert_eq!(world.send(form("/predict", &[(field, "a.png", &png(48, 1))])).await.error(422), "input", "{field}");
    }
    let two = [("image", "a", &png(48, 1)[..]), ("image", "b", &png(48, 2)[..])];
    assert_eq!(world.send(form("/predict?annotate=1", &two)).await.error(422), "input");
}

#[tokio::test]
async fn a_path_or_an_address_is_never_opened() {
    let world = World::new();
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/astronaut.png");
    for text in [photo, "file:///etc/passwd", "http://127.0.0.1:9/a.png", "data:image/png;base64,AAAA"] {
        assert_eq!(world.predict(text.into()).await.error(415), "unsupported", "{text}");
        let json = Request::post("/predict").header(header::CONTENT_TYPE, "application/json");
        let said = world.send(json.body(Body::from(json!({ "img_path": text, "image": text }).to_string())).unwrap()).await;
        assert_eq!(said.error(415), "unsupported", "{text}");
    }
}
