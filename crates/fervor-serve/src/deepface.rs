//! Requests as deepface's REST service takes them: JSON with the picture as text, `{"img": "data:image/jpeg;base64,..."}`.

use std::fmt;

use base64::engine::general_purpose::STANDARD as BASE64;
use base64::{DecodeError, Engine as _};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

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

/// A text, or a list of them, of which no more are kept than a request may hold.
struct Texts {
    texts: Vec<String>,
    is_list: bool,
    has_more: bool,
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts { texts: vec![text.to_owned()], is_list: false, has_more: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while texts.len() < MOST_PICTURES {
            let Some(text) = seq.next_element()? else { return Ok(Texts { texts, is_list: true, has_more: false }) };
            texts.push(text);
        }
        let mut has_more = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            has_more = true;
        }
        Ok(Texts { texts, is_list: true, has_more })
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
    if body.actions.is_some_and(|actions| !actions.texts.iter().any(|text| asks_for_emotion(text))) {
        return Err(no_such_action());
    }
    let Some(Texts { texts, is_list, has_more }) = body.img.or(body.img_path) else {
        return Err(ApiError::input("the request holds no picture", HINT));
    };
    if has_more {
        return Err(ApiError::too_many_pictures());
    }
    if texts.is_empty() {
        return Err(ApiError::input("the list holds no picture", HINT));
    }
    Ok(Asked { pictures: texts.into_iter().map(|text| picture(&text, limit)).collect(), is_list })
}

/// Whether `emotion` is among deepface's actions, as its clients write them: `emotion`, `age,emotion`, `['emotion']`.
pub fn asks_for_emotion(actions: &str) -> bool {
    let between = |c: char| c.is_whitespace() || "[](),'\"".contains(c);
    actions.split(between).any(|action| action == "emotion")
}

/// 422: of all that deepface says of a face, none that this service says.
pub fn no_such_action() -> ApiError {
    ApiError::input("of deepface's actions this service knows `emotion` alone", "ask for emotion")
}

/// What a text in base64 holds. Lines may be broken, as MIME breaks them.
///
/// # Errors
/// Anything but base64.
pub fn from_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    if !text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return BASE64.decode(text);
    }
    BASE64.decode(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>())
}

/// The rest of a text behind a start that may be in capitals.
fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.split_at_checked(start.len()).filter(|(begin, _)| begin.eq_ignore_ascii_case(start)).map(|(_, rest)| rest)
}

/// The file that a data address holds.
fn picture(text: &str, limit: usize) -> Result<Bytes, ApiError> {
    let Some(data) = after(text, "data:") else {
        let what = if text.contains("://") { "an address" } else { "a path" };
        let message = format!("the picture must come with the request; {what} is never opened");
        return Err(ApiError::input(message, HINT));
    };
    let is_base64 = |kind: &str| kind.rsplit_once(';').is_some_and(|(_, coding)| coding.eq_ignore_ascii_case("base64"));
    let Some((_, base64)) = data.split_once(',').filter(|(kind, _)| is_base64(kind)) else {
        return Err(ApiError::input("the data address does not say base64", HINT));
    };
    let length = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    if length / 4 * 3 > limit + 2 {
        return Err(ApiError::too_large(format!("the picture has more than {limit} bytes"), "make the picture smaller"));
    }
    from_base64(base64).map(Bytes::from).map_err(|e| ApiError::input(format!("the picture is no base64: {e}"), HINT))
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

    /// Python's `base64.encodebytes` and MIME break lines; names of media types have no case.
    #[test]
    fn base64_may_have_broken_lines_and_be_named_in_capitals() {
        for body in
            ["{\"img\": \"data:image/png;base64,aGVs\\r\\nbG8=\\n\"}", "{\"img\": \"DATA:image/png;charset=x;BASE64,aGVsbG8=\"}"]
        {
            let asked = read(body.as_bytes(), 5).unwrap();
            assert_eq!(asked.pictures[0].as_ref().unwrap().as_ref(), b"hello", "{body}");
        }
    }

    /// As a tree of values a list of 80 MiB took 1.4 GB.
    #[test]
    fn a_list_is_kept_no_further_than_a_request_may_go() {
        let body = |value: &str, count: usize| format!(r#"{{"img": [{}{value}]}}"#, format!("{value},").repeat(count - 1));
        assert!(message(&body("1", 1000)).ends_with("at line 1 column 10"), "the first value that is no text ends the reading");
        assert_eq!(read(body("\"\"", 64).as_bytes(), 100).unwrap().pictures.len(), 64);
        assert_eq!(read(body("\"\"", 65).as_bytes(), 100).unwrap_err().status, 413);
        let texts: Texts = serde_json::from_str(&format!("[{}7]", "\"\",".repeat(1000))).unwrap();
        assert_eq!((texts.texts.len(), texts.has_more), (64, true));
    }

    #[test]
    fn emotion_is_found_among_actions_as_clients_write_them() {
        for actions in ["emotion", "['emotion']", "[\"age\", \"emotion\"]", "age,emotion", "(emotion)"] {
            assert!(asks_for_emotion(actions), "{actions}");
        }
        for actions in ["", "age", "['age', 'gender']", "emotions"] {
            assert!(!asks_for_emotion(actions), "{actions}");
        }
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
