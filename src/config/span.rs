//! Spans of time as people write them: `250ms`, `5s`, `2m`, `1h`, `90d`.

use std::time::Duration;

/// Reads a span of time: a whole number and one of the units `ms`, `s`, `m`, `h`, `d`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("must be a span of time such as \"500ms\", \"30s\", \"5m\", \"1h\" or \"7d\", not {text:?}");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// Writes a span in the largest unit that keeps it a whole number.
pub(super) fn display(span: Duration) -> String {
    let millis = span.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

/// For `#[serde(with = "span")]` on a [`Duration`].
pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text: String = serde::Deserialize::deserialize(from)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// For `#[serde(with = "span")]` on a [`Duration`]; the JSON Schema shows the default in this form.
pub(super) fn serialize<S: serde::Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&display(*span))
}

/// The same for a list of spans.
pub(super) mod list {
    use std::time::Duration;

    use schemars::{Schema, SchemaGenerator, json_schema};

    pub(in super::super) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "string", "format": "span" }, "minItems": 1 })
    }

    pub(in super::super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Duration>, D::Error> {
        let texts: Vec<String> = serde::Deserialize::deserialize(from)?;
        texts.iter().map(|text| super::parse(text).map_err(serde::de::Error::custom)).collect()
    }

    pub(in super::super) fn serialize<S: serde::Serializer>(spans: &[Duration], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(spans.iter().map(|span| super::display(*span)))
    }
}
