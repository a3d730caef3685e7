//! Tensor data in JSON, read value by value: a tree of values would take thirty times the memory of the body that it came in.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::settings::MOST_PICTURES;

/// What a tensor in JSON holds, in row-major order, however its arrays are nested.
#[derive(Debug, Default, PartialEq)]
pub struct Flat {
    /// Whole numbers from 0 to 255.
    pub pixels: Vec<u8>,
    /// Texts, plain or as `{"b64": text}`; no more than a request may hold pictures.
    pub texts: Vec<String>,
    /// The first value that is neither.
    pub other: Option<String>,
}

impl Flat {
    fn number(&mut self, value: f64) {
        match pixel(value) {
            Some(value) => self.pixels.push(value),
            None => self.other(value.to_string()),
        }
    }

    fn text<E: de::Error>(&mut self, text: impl Into<String>) -> Result<(), E> {
        if self.texts.len() == MOST_PICTURES {
            return Err(E::custom(format_args!("more than {MOST_PICTURES} texts")));
        }
        self.texts.push(text.into());
        Ok(())
    }

    fn other(&mut self, value: String) {
        self.other.get_or_insert(value);
    }
}

/// A number as a pixel, if it is one.
pub fn pixel(value: f64) -> Option<u8> {
    ((0.0..=255.0).contains(&value) && value.fract() == 0.0).then_some(value as u8)
}

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = Self::default();
        Behind(&mut flat).deserialize(deserializer)?;
        Ok(flat)
    }
}

/// Puts what it reads behind what is there.
struct Behind<'a>(&'a mut Flat);

impl<'de> DeserializeSeed<'de> for Behind<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Behind<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers or texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Behind(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut text = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "b64" {
                let mut inner = Flat::default();
                map.next_value_seed(Behind(&mut inner))?;
                text = inner.texts.pop();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let Some(text) = text else {
            self.0.other("an object".to_owned());
            return Ok(());
        };
        self.0.text(text)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.0.text(text)
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<(), E> {
        self.0.text(text)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.0.number(value as f64);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.0.number(value as f64);
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.0.number(value);
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.0.other(value.to_string());
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.other("null".to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(json: &str) -> Flat {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn values_come_flat_and_in_order_however_they_are_nested() {
        assert_eq!(flat("[[1, 2.0], [[3]], 255]").pixels, [1, 2, 3, 255]);
        assert_eq!(flat(r#"["a", {"type": "x", "b64": "b"}]"#).texts, ["a", "b"]);
        for (json, other) in [("[1, 256, 0.5]", "256"), ("[0.5]", "0.5"), ("[-1]", "-1"), ("[true]", "true"), ("[null]", "null")]
        {
            assert_eq!(flat(json).other.as_deref(), Some(other), "{json}");
        }
        assert_eq!(flat(r#"[{"b64": 7}, {}]"#).other.as_deref(), Some("an object"));
    }

    /// As a tree of values a body of 80 MiB took more than 2 GiB.
    #[test]
    fn a_number_takes_no_more_memory_than_its_text() {
        let json = format!("[{}0]", "0,".repeat(99_999));
        let pixels = flat(&json).pixels;
        assert_eq!(pixels.len(), 100_000);
        assert!(pixels.capacity() <= json.len());
    }

    /// A body of 80 MiB of empty texts took 1.4 GB.
    #[test]
    fn the_first_text_too_many_ends_the_reading() {
        for text in ["\"\"", "{\"b64\":\"\"}", "[\"\"]"] {
            let list = |count: usize| format!("[{}{text}]", format!("{text},").repeat(count - 1));
            assert_eq!(flat(&list(64)).texts.len(), 64);
            let error = serde_json::from_str::<Flat>(&list(10_000)).unwrap_err();
            assert!(error.to_string().starts_with("more than 64 texts"), "{error}");
            assert!(error.column() < 66 * (text.len() + 1), "{error}");
        }
    }
}
