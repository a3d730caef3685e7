//! Requests as deepface's REST service takes them: JSON with the picture as text, `{"img": "data:image/jpeg;base64,..."}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Deserialize;

use crate::error::ApiError;
use crate::settings::MOST_PICTURES;

/// What a request asks for.
#[derive(Debug)]
pub struct Asked {
    /// The pictures' files, or why one of them is none.
    pub pictures: Vec<Result<Bytes, ApiError>>,
    /// Whether they came as a list, and are answered as one.
    pub is_list: bool,
}

/// The request's keys. What else deepface knows (`detector_backend`, `align`, ...) has no meaning here and changes nothing.
#[derive(Deserialize)]
struct Body {
    img: Option<Texts>,
    img_path: Option<Texts>,
    actions: Option<Texts>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

const HINT: &str = "send {\"img\": \"data:image/jpeg;base64,...\"}, or a list of such texts";

/// Reads a body; a picture may have so many bytes.
///
/// # Errors
/// No such JSON, no picture in it, too many, or nothing that this service does.
pub fn read(body: &[u8], limit: usize) -> Result<Asked, ApiError> {
    let body: Body =
        serde_json::from_slice(body).map_err(|e| ApiError::malformed(format!("the JSON cannot be read: {e}"), HINT))?;
    if body.actions.is_some_and(|actions| !actions.all().iter().any(|action| action == "emotion")) {
        return Err(ApiError::input("of deepface's actions this service knows `emotion` alone", "ask for emotion"));
    }
    let Some(images) = body.img.or(body.img_path) else {
        return Err(ApiError::input("the request holds no picture", HINT));
    };
    let is_list = matches!(images, Texts::Many(_));
    let texts = images.all();
    match texts.len() {
        0 => Err(ApiError::input("the list holds no picture", HINT)),
        1..=MOST_PICTURES => Ok(Asked { pictures: texts.iter().map(|text| picture(text, limit)).collect(), is_list }),
        _ => Err(ApiError::too_large(
            format!("a request holds at most {MOST_PICTURES} pictures"),
            "send the others in another request",
        )),
    }
}

/// The file that a data address holds.
fn picture(text: &str, limit: usize) -> Result<Bytes, ApiError> {
    let Some(data) = text.strip_prefix("data:") else {
        let what = if text.contains("://") { "an address" } else { "a path" };
        let message = format!("the picture must come with the request; {what} is never opened");
        return Err(ApiError::input(message, HINT));
    };
    let Some((_, base64)) = data.split_once(',').filter(|(kind, _)| kind.ends_with(";base64")) else {
        return Err(ApiError::input("the data address does not say base64", HINT));
    };
    if base64.len() / 4 * 3 > limit + 2 {
        return Err(ApiError::too_large(format!("the picture has more than {limit} bytes"), "make the picture smaller"));
    }
    BASE64.decode(base64).map(Bytes::from).map_err(|e| ApiError::input(format!("the picture is no base64: {e}"), HINT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> String {
        read(body.as_bytes(), 100)
            .map(|asked| asked.pictures.into_iter().collect::<Result<Vec<_>, _>>())
            .and_then(|all| all)
            .unwrap_err()
            .info
            .message
    }

    #[test]
    fn a_picture_is_what_a_data_address_holds() {
        let one =
            read(br#"{"img": "data:image/png;base64,aGk=", "detector_backend": "opencv", "actions": ["age", "emotion"]}"#, 100)
                .unwrap();
        assert_eq!((one.pictures[0].as_ref().unwrap().as_ref(), one.is_list), (&b"hi"[..], false));
        let list = read(br#"{"img": ["data:image/png;base64,aGk=", "data:;base64,aG8="]}"#, 100).unwrap();
        assert_eq!((list.pictures.len(), list.is_list), (2, true));
        let escaped = read(br#"{"img": "data:image\/png;base64,aGk="}"#, 100).unwrap();
        assert!(escaped.pictures[0].is_ok());
    }

    #[test]
    fn paths_and_addresses_are_refused_with_the_reason() {
        assert!(message(r#"{"img_path": "/etc/passwd"}"#).contains("a path is never opened"));
        assert!(message(r#"{"img": "https://example.org/a.jpg"}"#).contains("an address is never opened"));
        assert!(message(r#"{"img": ["dataset/img1.jpg"]}"#).contains("a path is never opened"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert!(message("{").contains("JSON"));
        assert!(message(r#"{"img": 7}"#).contains("JSON"));
        assert!(message("{}").contains("no picture"));
        assert!(message(r#"{"img": []}"#).contains("no picture"));
        assert!(message(r#"{"img": "data:image/png,aGk="}"#).contains("base64"));
        assert!(message(r#"{"img": "data:image/png;base64,a b"}"#).contains("base64"));
        assert!(message(r#"{"img": "data:,", "actions": "age"}"#).contains("emotion"));
        let large = format!(r#"{{"img": "data:image/png;base64,{}"}}"#, "A".repeat(200));
        assert!(message(&large).contains("more than 100 bytes"));
    }
}
