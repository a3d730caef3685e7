use axum::body::Body;
use axum::http::{Request, header};
use fervor::WholePicture;
use fervor_serve::{Settings, VideoSettings};

use crate::world::{World, bundle, form, png, raw};

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let world = World::new();
    let page = world.get("/").await;
    assert_eq!(page.status, 200);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let html = page.text();
    assert!(html.contains("An expression is not an inner state"));
    for path in html.split('"').filter(|part| part.starts_with("page/")) {
        assert_eq!(world.get(&format!("/{path}")).await.status, 200, "{path}");
    }
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("style=") && !html.contains("onclick"));
}

#[tokio::test]
async fn a_browser_asks_whether_a_file_changed() {
    let world = World::new();
    let tag = world.get("/page/main.js").await.headers[header::ETAG].clone();
    let request = Request::get("/page/main.js").header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
    let said = world.send(request).await;
    assert_eq!((said.status.as_u16(), said.body.len()), (304, 0));
    // As a proxy that compresses passes it on, and among others.
    let tag = said.headers[header::ETAG].to_str().unwrap().to_owned();
    for (known, status) in
        [(format!("W/{tag}"), 304), (format!("\"other\", {tag}"), 304), ("*".into(), 304), ("\"other\"".into(), 200)]
    {
        let request = Request::get("/page/main.js").header(header::IF_NONE_MATCH, known).body(Body::empty()).unwrap();
        assert_eq!(world.send(request).await.status, status);
    }
}

#[tokio::test]
async fn every_answer_has_its_id_and_guards_and_is_not_cached() {
    let world = World::new();
    for said in
        [world.predict(png(48, 1)).await, world.predict(vec![]).await, world.get("/nowhere").await, world.get("/metrics").await]
    {
        assert_eq!(said.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(said.headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(said.headers[header::CACHE_CONTROL], "no-store");
        assert!(said.headers.contains_key("x-request-id"));
    }
    let request = Request::get("/healthz").header("x-request-id", "mine-7").body(Body::empty()).unwrap();
    assert_eq!(world.send(request).await.headers["x-request-id"], "mine-7");
}

#[tokio::test]
async fn without_the_key_nothing_that_costs_is_answered() {
    let world = World::with(WholePicture, Settings { api_key: Some("correct-horse".into()), ..Settings::default() });
    let with = |key: &str| {
        let mut request = raw("/predict", png(48, 1));
        request.headers_mut().insert(header::AUTHORIZATION, key.parse().unwrap());
        request
    };
    assert_eq!(world.predict(png(48, 1)).await.error(401), "key");
    assert_eq!(world.send(with("Bearer wrong-horse")).await.error(401), "key");
    assert_eq!(world.send(with("Bearer correct-horse")).await.status, 200);
    assert_eq!(world.send(with("bearer correct-horse")).await.status, 200, "schemes have no case");
    for closed in ["/metrics", "/ws"] {
        assert_eq!(world.get(closed).await.error(401), "key", "{closed}");
    }
    let model = "/v2/models/fervor-48";
    for closed in ["/v2", "/v2/models", model, &format!("{model}/config"), &format!("{model}/versions/1")] {
        assert_eq!(world.get(closed).await.refused(401), "key", "{closed}");
    }
    let probes = ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", &format!("{model}/ready")];
    for open in ["/", "/api", "/openapi.json", "/page/about.json"].into_iter().chain(probes) {
        assert_eq!(world.get(open).await.status, 200, "{open}");
    }
}

/// Where videos are not taken the document had `"/video": null`.
#[tokio::test]
async fn the_document_asks_for_the_key_where_the_service_does() {
    for video in [None, Some(VideoSettings::default())] {
        let settings = Settings { api_key: Some("correct-horse".into()), video, ..Settings::default() };
        let world = World::with(WholePicture, settings);
        let document = world.get("/openapi.json").await.json(200);
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.contains_key("/video"), video.is_some());
        for (path, operations) in paths {
            let address = path.replace("{model}", "fervor-48").replace("{version}", "1");
            for (method, operation) in operations.as_object().unwrap_or_else(|| panic!("{path}: {operations}")) {
                let request =
                    Request::builder().method(method.to_uppercase().as_str()).uri(&address).body(Body::empty()).unwrap();
                let is_closed = world.send(request).await.status == 401;
                assert_eq!(operation.get("security").is_some(), is_closed, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_large_upload_hears_why_it_is_refused() {
    let settings = Settings { api_key: Some("correct-horse".into()), max_upload: 1 << 20, ..Settings::default() };
    let (address, _stop, _server) = World::with(WholePicture, settings).listen().await;
    let send = |path: &'static str, key: &'static str| {
        tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let length = 9 << 20;
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(&[head.as_bytes(), &vec![7; length]].concat()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        })
    };
    for (path, key, status) in [
        ("/predict", "wrong-horse", "401"),
        ("/predict", "correct-horse", "413"),
        ("/predict?top=0", "correct-horse", "400"),
        ("/predict?model=nobody", "correct-horse", "404"),
        ("/nowhere", "correct-horse", "404"),
        ("/healthz", "correct-horse", "405"),
    ] {
        let text = send(path, key).await.unwrap();
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {text}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_read_answers_only_where_allowed() {
    let ask = |world: World, origin: &'static str| async move {
        let mut request = raw("/predict", png(48, 1));
        request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        let said = world.send(request).await;
        said.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
    };
    let allowing =
        |origin: &str| World::with(WholePicture, Settings { allow_origins: vec![origin.into()], ..Settings::default() });
    assert_eq!(ask(World::new(), "https://a.example").await, None);
    assert_eq!(ask(allowing("https://a.example"), "https://a.example").await.as_deref(), Some("https://a.example"));
    assert_eq!(ask(allowing("https://a.example"), "https://b.example").await, None);
    assert_eq!(ask(allowing("*"), "https://b.example").await.as_deref(), Some("*"));
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_programs_are_not() {
    let world = World::new();
    let send = async |path: &str, headers: &[(&'static str, &str)]| {
        let mut request = form(path, &[("image", "a.png", &png(48, 1))]);
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        world.send(request).await
    };
    for path in ["/predict", "/analyze"] {
        assert_eq!(send(path, &[("host", "127.0.0.1:8080")]).await.status, 200);
        assert_eq!(send(path, &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]).await.status, 200);
    }
    let foreign: [&[(&'static str, &str)]; 3] = [
        &[("host", "127.0.0.1:8080"), ("origin", "https://evil.example")],
        &[("host", "127.0.0.1:8080"), ("origin", "null")],
        &[("host", "127.0.0.1:8080"), ("sec-fetch-site", "cross-site")],
    ];
    for headers in foreign {
        assert_eq!(send("/predict", headers).await.error(403), "origin", "{headers:?}");
        assert_eq!(send("/analyze", headers).await.refused(403), "origin", "{headers:?}");
    }
    assert_eq!(world.metric("fervor_pictures_total").await, 4.0, "nothing is computed for another site");
}

#[tokio::test]
async fn a_public_name_that_nobody_gave_leads_nowhere() {
    let get = async |world: &World, path: &str, host: &str| {
        world.send(Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap()).await
    };
    let (plain, named) = (
        World::new(),
        World::with(WholePicture, Settings { host_names: vec!["faces.example.org".into()], ..Settings::default() }),
    );
    for path in ["/", "/predict", "/page/about.json", "/metrics"] {
        assert_eq!(get(&plain, path, "evil.example:8080").await.error(403), "host", "{path}");
    }
    assert_eq!(get(&plain, "/v2/models", "evil.example").await.refused(403), "host");
    for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "fervor"] {
        assert_eq!(get(&plain, "/", host).await.status, 200, "{host}");
    }
    assert_eq!(get(&plain, "/healthz", "evil.example").await.status, 200, "a health check may call it anything");
    assert_eq!(get(&named, "/", "faces.example.org").await.status, 200);
    assert_eq!(get(&named, "/", "evil.example").await.error(403), "host");
}

#[tokio::test]
async fn the_examples_of_the_api_name_this_services_address_and_key() {
    let page = async |settings: Settings, host: &str| {
        let world = World::with(WholePicture, settings);
        world.send(Request::get("/api").header(header::HOST, host).body(Body::empty()).unwrap()).await.text()
    };
    let open = page(Settings::default(), "192.168.1.7:9123").await;
    assert!(open.contains("curl -F image=@photo.jpg http://192.168.1.7:9123/predict"), "{open}");
    assert!(!open.contains("8080") && !open.contains("{{") && !open.contains("KEY'"));
    let digits = format!(r#""sha256": "{}…""#, &bundle().sha256()[..4]);
    assert!(open.contains(&digits), "the example's model is the one that answers");
    let closed = page(Settings { api_key: Some("correct-horse".into()), ..Settings::default() }, "faces.example.org").await;
    assert!(
        closed.contains("curl -H 'Authorization: Bearer KEY' -F image=@photo.jpg http://faces.example.org/predict"),
        "{closed}"
    );
    assert!(closed.contains("curl -H 'Authorization: Bearer KEY' http://faces.example.org/v2/models/fervor-48"), "{closed}");
    assert!(!closed.contains("correct-horse"));
}

#[test]
fn the_page_has_a_sentence_for_every_flag() {
    let script = include_str!("../../page/view.js");
    for flag in ["small", "doubtful", "profile", "blurred", "dark", "flat", "cut_off"] {
        let known: fervor::quality::Flag = serde_json::from_value(flag.into()).unwrap();
        assert!(script.contains(&format!("  {}: \"", known.name())), "{flag}");
    }
}

#[tokio::test]
async fn a_client_over_its_rate_is_told_to_wait_also_where_it_guesses_the_key() {
    let world =
        World::with(WholePicture, Settings { rate: Some(3.0), api_key: Some("correct-horse".into()), ..Settings::default() });
    let (address, _stop, _server) = world.listen().await;
    let statuses = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let ask = |what: &str| {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let head = format!("{what} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        ["POST /predict", "GET /v2/models", "GET /metrics", "GET /v2/models"].map(ask)
    });
    let texts = statuses.await.unwrap();
    assert!(texts[..3].iter().all(|text| text.starts_with("HTTP/1.1 401")), "{texts:?}");
    assert!(texts[3].starts_with("HTTP/1.1 429") && texts[3].contains("retry-after: 1"), "{}", texts[3]);
}

#[tokio::test]
async fn numbers_are_counted_and_no_client_can_make_them_grow() {
    let world = World::new();
    world.predict(png(48, 1)).await;
    world.predict(vec![]).await;
    for i in 0..50 {
        world.get(&format!("/nowhere/{i}")).await;
    }
    let text = world.get("/metrics").await.text();
    assert!(text.contains(r#"fervor_requests_total{route="/predict",method="POST",status="200"} 1"#), "{text}");
    assert!(text.contains(r#"fervor_requests_total{route="none",method="GET",status="404"} 50"#), "{text}");
    assert!(text.contains("fervor_pictures_total 1\n") && text.contains("fervor_pictures_failed_total 1\n"), "{text}");
    assert!(text.contains(r#"fervor_request_seconds_count{route="/predict"} 2"#), "{text}");
    let faces: f64 = text
        .lines()
        .filter(|l| l.starts_with("fervor_faces_total{"))
        .map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(faces, 1.0);
    let names: std::collections::HashSet<&str> =
        text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(names.contains(base) || names.contains(name), "{line}");
    }
}
