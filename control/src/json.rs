//! JSON as it comes from outside: strict, a key that appears twice is refused. And merging a patch (RFC 7396).

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads one JSON text. The error is a sentence.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|error| error.to_string())
}

/// Keys of the patch replace those of the target; `null` removes; maps are merged.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    for (key, value) in patch {
        match value {
            Value::Null => drop(map.shift_remove(&key)),
            value => merge(map.entry(key).or_insert(Value::Null), value),
        }
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` appears twice")));
            }
            let Strict(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_is_there_once() {
        assert_eq!(
            parse(br#"{"a": [1, -2, 0.5, "x", null, true], "b": {"a": 1}}"#),
            Ok(json!({"a": [1, -2, 0.5, "x", null, true], "b": {"a": 1}}))
        );
        assert!(parse(br#"{"a": 1, "b": {"c": 1, "c": 2}}"#).unwrap_err().contains("the key `c` appears twice"));
        for text in ["", "{", "{}{}", "{'a': 1}", "nul", "1e999", "\u{feff}{}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(&vec![b'['; 100_000]).is_err());
    }

    #[test]
    fn a_patch_is_merged() {
        let merged = |mut target: Value, patch: Value| {
            merge(&mut target, patch);
            target
        };
        assert_eq!(
            merged(json!({"a": "b", "c": {"d": "e", "f": "g"}}), json!({"a": "z", "c": {"f": null}})),
            json!({"a": "z", "c": {"d": "e"}})
        );
        assert_eq!(merged(json!({"a": [1]}), json!({"a": {"b": {"c": null}}})), json!({"a": {"b": {}}}));
        assert_eq!(merged(json!("x"), json!({"a": 1})), json!({"a": 1}));
        assert_eq!(merged(json!({"a": 1}), json!(["c"])), json!(["c"]));
    }
}
