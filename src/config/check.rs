//! Compares a tree of values with the JSON Schema. Finds everything at once, and takes out what is wrong, so that the
//! rest can be checked further.

use std::net::SocketAddr;

use serde_json::{Map, Value};
use url::Url;

use super::schema::{choices, entries, join, properties, takes};
use super::secret::DatabaseUrl;
use super::span;

/// Something wrong at a key.
#[derive(Debug)]
pub(super) struct Finding {
    /// Full name of the key.
    pub(super) key: String,
    /// What is wrong, with the key.
    pub(super) message: String,
}

impl Finding {
    pub(super) fn at(key: &str, message: impl std::fmt::Display) -> Self {
        let message = message.to_string();
        // `key: reason` of what has a place of its own inside, `key must be …` of the rest.
        let between = if message.starts_with(':') { "" } else { " " };
        Self { key: key.to_owned(), message: format!("{key}{between}{message}") }
    }
}

/// How like two keys must be (Jaro-Winkler, 0 to 1) for one to be taken for a slip of the other.
const ALIKE: f64 = 0.8;

/// Words for a key that is not known at `table`, whose keys are `known`.
pub(super) fn unknown<'a>(table: &str, key: &str, known: impl Iterator<Item = &'a String>) -> Finding {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let nearest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(name, key), *name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let path = join(table, key);
    let message = match nearest {
        Some((_, name)) => format!("unknown key {path}; did you mean {name}?"),
        None => format!("unknown key {path}; known here: {}", known.join(", ")),
    };
    Finding { key: path, message }
}

/// Checks `table` against `schema`, and takes out of it what is wrong.
pub(super) fn table(table: &mut Map<String, Value>, schema: &Value, path: &str, found: &mut Vec<Finding>) {
    let known = properties(schema);
    table.retain(|key, value| {
        let key_path = join(path, key);
        let inner = match (known, entries(schema)) {
            // Fields of Salesforce, whose names the mapping knows better.
            (known, Some(entry)) if schema.get("propertyNames").is_some() => {
                Some(known.and_then(|known| known.get(key)).unwrap_or(entry))
            }
            (Some(known), _) if !known.contains_key(key) => {
                found.push(unknown(path, key, known.keys()));
                return false;
            }
            (Some(known), _) => known.get(key),
            (None, Some(_)) if !is_name(key) => {
                found.push(Finding::at(&key_path, "is not a name: use a-z, 0-9 and -, at most 63 characters"));
                return false;
            }
            (None, entries) => entries,
        };
        inner.is_none_or(|inner| self::value(value, inner, &key_path, found))
    });
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for key in required.filter(|key| !table.contains_key(*key)) {
        let path = join(path, key);
        // A value that was wrong has been taken out and told already.
        if !found.iter().any(|finding| finding.key == path) {
            found.push(Finding::at(&path, "is missing"));
        }
    }
}

fn is_name(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&key.len()) && key.chars().all(plain) && !key.starts_with('-') && !key.ends_with('-')
}

/// Whether `value` is right. Whatever is wrong *inside* a table has been taken out, and the table stays.
fn value(value: &mut Value, schema: &Value, path: &str, found: &mut Vec<Finding>) -> bool {
    let problem = match value {
        Value::Object(inner) if takes(schema, "object") => {
            table(inner, schema, path, found);
            return true;
        }
        Value::Array(items) if takes(schema, "array") => {
            let before = found.len();
            if let Some(inner) = schema.get("items") {
                for (index, item) in items.iter_mut().enumerate() {
                    self::value(item, inner, &format!("{path}[{index}]"), found);
                }
            }
            if found.len() > before {
                return false;
            }
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            ((items.len() as u64) < least).then(|| format!("needs at least {least} entry"))
        }
        Value::String(text) if takes(schema, "string") => string(text, schema),
        Value::Bool(_) if takes(schema, "boolean") => None,
        Value::Number(number) if takes(schema, "integer") && number.as_f64().is_some_and(|n| n.fract() == 0.0) => {
            outside(number, schema)
        }
        Value::Number(number) if takes(schema, "number") => outside(number, schema),
        _ => Some(format!("must be {}", wanted(schema))),
    };
    if let Some(problem) = problem {
        found.push(Finding::at(path, problem));
        return false;
    }
    true
}

/// What is wrong with a number that is not between its bounds.
fn outside(number: &serde_json::Number, schema: &Value) -> Option<String> {
    let bound = |name| schema.get(name).and_then(Value::as_f64);
    let (least, most) = (bound("minimum").unwrap_or(f64::MIN), bound("maximum").unwrap_or(f64::MAX));
    let inside = number.as_f64().is_some_and(|number| (least..=most).contains(&number));
    (!inside).then(|| format!("must be from {least} to {most}"))
}

fn wanted(schema: &Value) -> &'static str {
    if takes(schema, "object") && takes(schema, "string") {
        return "a text or a table";
    }
    let names = [
        ("object", "a table"),
        ("array", "a list"),
        ("string", "a text"),
        ("boolean", "true or false"),
        ("integer", "a whole number"),
        ("number", "a number"),
    ];
    names.iter().find(|(name, _)| takes(schema, name)).map_or("something else", |(_, words)| words)
}

/// What is wrong with a text, without repeating one that may be secret.
fn string(text: &str, schema: &Value) -> Option<String> {
    if let Some(choices) = choices(schema)
        && !choices.contains(&text)
    {
        let choices = choices.iter().map(|choice| format!("{choice:?}")).collect::<Vec<_>>().join(" or ");
        return Some(format!("must be {choices}, not {text:?}"));
    }
    if schema.get("minLength").and_then(Value::as_u64).is_some_and(|least| (text.len() as u64) < least) {
        return Some("must not be empty".to_owned());
    }
    if text.is_empty() && schema.get("writeOnly").is_some() {
        return Some("is empty".to_owned());
    }
    match schema.get("format").and_then(Value::as_str) {
        Some("socket-address") => text
            .parse::<SocketAddr>()
            .is_err()
            .then(|| format!("must be an address and a port such as 127.0.0.1:8080, not {text:?}")),
        Some("url") => {
            let web = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            // Not repeated: a URL can carry a password.
            (!web).then(|| "must be an https:// or http:// URL".to_owned())
        }
        Some("database-url") => DatabaseUrl::parse(text).err().map(str::to_owned),
        Some("span") => span::parse(text).err(),
        Some("glob") => globset::Glob::new(text).err().map(|why| format!("is not a pattern: {why}")),
        _ => schema.get("pattern").and_then(Value::as_str).and_then(|pattern| against(pattern, text)),
    }
}

/// The one pattern there is, `^v[0-9]{2,3}\.0$`; a regular expression engine for it would be out of proportion.
fn against(pattern: &str, text: &str) -> Option<String> {
    let version = text.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
    let right = version.is_some_and(|n| (2..=3).contains(&n.len()) && n.chars().all(|c| c.is_ascii_digit()));
    (!right).then(|| format!("must look like v66.0 (pattern {pattern}), not {text:?}"))
}
