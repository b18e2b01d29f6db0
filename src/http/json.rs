//! JSON text as a value. A name that an object has twice is refused: RFC 8259 section 4 leaves open which of the two
//! counts, and guessing would carry out half of what somebody meant.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// Reads one value and nothing after it. The depth is bounded by `serde_json`, at 128. A byte order mark at the beginning is
/// passed over (RFC 8259 8.1 allows it): libraries of Windows write one.
pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Distinct.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value whose objects have each name once.
struct Distinct;

impl<'de> DeserializeSeed<'de> for Distinct {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(Self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            match members.entry(name) {
                Entry::Vacant(vacant) => _ = vacant.insert(access.next_value_seed(Self)?),
                Entry::Occupied(taken) => {
                    let shown: String = taken.key().chars().take(100).collect();
                    return Err(A::Error::custom(format!("{shown} is given twice")));
                }
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        for text in [
            "null",
            "true",
            "-7",
            "18446744073709551615",
            "1.5e3",
            "\"a\\u00e9\\n\"",
            "[]",
            "{}",
            r#"{"b": [1, {"a": null}], "a": {"b": "x"}}"#,
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            let read = parse(text.as_bytes()).unwrap();
            assert_eq!(read.to_string(), expected.to_string(), "{text}");
        }
        for text in ["", "{", "[1,]", "{\"a\":1}x", "nul", "1 2", "\"\\ud800\""] {
            assert_eq!(
                parse(text.as_bytes()).unwrap_err().to_string(),
                serde_json::from_str::<Value>(text).unwrap_err().to_string()
            );
        }
    }

    #[test]
    fn a_byte_order_mark_before_the_text_is_passed_over() {
        assert_eq!(parse(b"\xef\xbb\xbf {\"a\": 1}").unwrap().to_string(), "{\"a\":1}");
        for text in [&b"\xef\xbb\xbf"[..], b"\xef\xbb", b"\xef\xbb\xbf\xef\xbb\xbf1", b"{}\xef\xbb\xbf", b"\xff\xfe1\0"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn refuses_a_name_that_is_given_twice() {
        let error = parse(br#"{"a": 1, "b": [{"c": 1, "c": 1}]}"#).unwrap_err();
        assert_eq!(error.to_string(), "c is given twice at line 1 column 27");
        assert!(parse(br#"{"a": {"a": 1}, "b": {"a": 1}}"#).is_ok());
    }
}
