//! `GET /openapi.json`: what there is, for programs that write clients. `page/api.html` is the same for people.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::oip;
use crate::state::App;

/// The document, with this service's model, limits and guards filled in.
pub async fn document(State(app): State<App>) -> Json<Value> {
    let mut document: Value = serde_json::from_str(include_str!("../page/openapi.json")).expect("the file is JSON");
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    document["components"]["schemas"]["Label"]["enum"] = json!(app.labels().names());
    let names: Vec<&str> = app.models().iter().map(|model| model.name.as_str()).collect();
    document["components"]["parameters"]["AnsweringModel"]["schema"]["enum"] = json!(names);
    document["components"]["parameters"]["Model"]["schema"]["enum"] = json!(oip::all(&app));
    if app.settings().video.is_none() {
        document["paths"].as_object_mut().expect("the document has paths").remove("/video");
    }
    if app.key().is_some() {
        document["components"]["securitySchemes"] = json!({ "key": { "type": "http", "scheme": "bearer" } });
        let paths = document["paths"].as_object_mut().expect("the document has paths");
        let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
        for operation in operations.filter(|operation| operation["responses"].get("401").is_some()) {
            operation["security"] = json!([{ "key": [] }]);
        }
    }
    Json(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        fn check(value: &Value, document: &Value) {
            if let Some(Value::String(reference)) = value.get("$ref") {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            match value {
                Value::Object(map) => map.values().for_each(|value| check(value, document)),
                Value::Array(values) => values.iter().for_each(|value| check(value, document)),
                _ => {}
            }
        }
        let document: Value = serde_json::from_str(include_str!("../page/openapi.json")).unwrap();
        check(&document, &document);
    }
}
