//! What a request may hold a little of: one value too many ends the reading. A list of a few bytes a value would otherwise take
//! thirty times the memory of the body that it came in.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// A list of at most so many; an error tells `what` there is too much of.
///
/// # Errors
/// One more, or no such list.
pub fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    most: usize,
    what: &'static str,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(Few { most, what, of: PhantomData })
}

struct Few<T> {
    most: usize,
    what: &'static str,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} {}", self.most, self.what)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = seq.next_element()? {
            if all.len() == self.most {
                return Err(de::Error::custom(format_args!("more than {} {}", self.most, self.what)));
            }
            all.push(value);
        }
        Ok(all)
    }
}

/// A text of at most [`Short::LONGEST`] bytes, which an answer may repeat.
#[derive(Debug)]
pub struct Short(pub String);

impl Short {
    /// Bytes of a name, a type or an id.
    pub const LONGEST: usize = 1024;
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ShortVisitor)
    }
}

struct ShortVisitor;

impl Visitor<'_> for ShortVisitor {
    type Value = Short;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of at most {} bytes", Short::LONGEST)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Short, E> {
        if text.len() > Short::LONGEST {
            return Err(E::custom(format_args!("a name or id of {} bytes, more than {}", text.len(), Short::LONGEST)));
        }
        Ok(Short(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_no_further_than_the_first_value_too_many() {
        let read = |json: &str| few::<_, u8>(&mut serde_json::Deserializer::from_str(json), 2, "numbers");
        assert_eq!(read("[1, 2]").unwrap(), [1, 2]);
        let error = read(&format!("[1,2,{}3]", "3,".repeat(1000))).unwrap_err().to_string();
        assert_eq!(error, "more than 2 numbers at line 1 column 7");
    }

    #[test]
    fn a_long_name_is_refused_and_not_repeated() {
        assert_eq!(serde_json::from_str::<Short>(r#""chip""#).unwrap().0, "chip");
        let error = serde_json::from_str::<Short>(&format!("\"{}\"", "x".repeat(2000))).unwrap_err().to_string();
        assert!(error.starts_with("a name or id of 2000 bytes, more than 1024"), "{error}");
    }
}
