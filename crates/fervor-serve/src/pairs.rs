//! [`Pairs`]: a JSON object whose keys keep their order and whose values their text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A JSON object, as it was written.
#[derive(Debug)]
pub struct Pairs(Vec<(String, Box<RawValue>)>);

impl Pairs {
    /// A value that is written as an object.
    pub fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::from_str(to_raw_value(value)?.get())
    }

    /// Puts another value where this key's stands, if it stands there.
    pub fn change(
        &mut self,
        key: &str,
        other: impl FnOnce(&RawValue) -> serde_json::Result<Box<RawValue>>,
    ) -> serde_json::Result<()> {
        if let Some((_, value)) = self.0.iter_mut().find(|(name, _)| name == key) {
            *value = other(value)?;
        }
        Ok(())
    }

    /// Keeps only these keys.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
