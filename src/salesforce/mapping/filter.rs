//! The filters that templates have beside Jinja's own.
//!
//! What is not there stays what is not there: a filter over an attribute that a person lacks gives nothing again, so that
//! `or` and `default` behind it work.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::builtin::unknown_key;
use super::{locale, text};

/// What a filter has to say to a person, collected while a template is rendered.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<String>);

/// Adds every filter and test.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("cut", |value: &Value, limit: usize| on_text(value, |text| Some(text::cut(text, limit))));
    environment.add_filter("ascii", |value: &Value| on_text(value, |text| Some(text::ascii(text))));
    environment.add_filter("letters", |value: &Value| on_text(value, |text| Some(text::letters(text))));
    environment.add_filter("digits", |value: &Value| on_text(value, |text| Some(text::digits(text))));
    environment
        .add_filter("local_part", |value: &Value| on_text(value, |text| Some(text::local_part(text).to_owned())));
    environment.add_filter("domain", |value: &Value| on_text(value, |text| text::domain(text).map(str::to_owned)));
    environment.add_filter("locale_key", |state: &mut State<'_, '_>, value: &Value| {
        key(state, value, "locale", locale::locale)
    });
    environment.add_filter("language_key", |state: &mut State<'_, '_>, value: &Value| {
        key(state, value, "language", locale::language)
    });
    environment.add_filter("time_zone_key", |state: &mut State<'_, '_>, value: &Value| {
        key(state, value, "time zone", locale::time_zone)
    });
    environment.add_filter("pick", |value: &Value, wanted: Kwargs| pick(value, &wanted));
    environment.add_filter("primary", primary);
    environment.add_test("email", |value: &Value| value.as_str().is_some_and(text::is_email_shaped));
}

/// `change` of the text that `value` is; nothing of nothing.
fn on_text(value: &Value, change: impl FnOnce(&str) -> Option<String>) -> Result<Value, Error> {
    let changed = match value.kind() {
        ValueKind::Undefined | ValueKind::None => None,
        ValueKind::String => value.as_str().and_then(change),
        ValueKind::Number => change(&value.to_string()),
        kind => {
            let words = format!("takes text, not a {kind}; pick takes one entry out of a list");
            return Err(Error::new(ErrorKind::InvalidOperation, words));
        }
    };
    Ok(changed.filter(|text| !text.is_empty()).map_or(Value::UNDEFINED, Value::from))
}

/// The key of one of Salesforce's lists, or nothing and a note.
fn key(
    state: &mut State<'_, '_>,
    value: &Value,
    what: &str,
    derive: fn(&str) -> Option<String>,
) -> Result<Value, Error> {
    let mut unknown = None;
    let found = on_text(value, |text| {
        let key = derive(text);
        if key.is_none() {
            unknown = Some(unknown_key(what, text));
        }
        key
    })?;
    if let Some(words) = unknown {
        state.get_or_insert_extension(Notes::default()).0.push(words);
    }
    Ok(found)
}

/// Of a multi-valued attribute, the entry that has all the given sub-attributes, the primary one first.
fn pick(value: &Value, wanted: &Kwargs) -> Result<Value, Error> {
    let mut conditions: Vec<(String, Value)> = Vec::new();
    for name in wanted.args() {
        conditions.push((name.to_owned(), wanted.peek::<&Value>(name)?.clone()));
    }
    wanted.args().try_for_each(|name| wanted.get::<&Value>(name).map(drop))?;
    let fits = |entry: &Value| conditions.iter().all(|(name, wanted)| has(entry, name, wanted));
    let fitting: Vec<Value> = entries(value)?.into_iter().filter(|entry| fits(entry)).collect();
    let first = fitting.iter().find(|entry| is_primary(entry)).or_else(|| fitting.first());
    Ok(first.and_then(content).unwrap_or(Value::UNDEFINED))
}

/// Of a multi-valued attribute, the entry that is marked as primary.
fn primary(value: &Value) -> Result<Value, Error> {
    Ok(entries(value)?.iter().find(|entry| is_primary(entry)).and_then(content).unwrap_or(Value::UNDEFINED))
}

/// The entries that have something to give.
fn entries(value: &Value) -> Result<Vec<Value>, Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Vec::new()),
        ValueKind::Seq | ValueKind::Iterable => {
            Ok(value.try_iter()?.filter(|entry| content(entry).is_some()).collect())
        }
        // What a filter before it has picked already.
        _ => Ok(vec![value.clone()]),
    }
}

fn sub_attribute(entry: &Value, name: &str) -> Value {
    match entry.kind() {
        ValueKind::Map => entry.get_attr(name).unwrap_or_default(),
        _ => Value::UNDEFINED,
    }
}

/// Types of entries compare without case, as SCIM's do.
fn has(entry: &Value, name: &str, wanted: &Value) -> bool {
    let held = sub_attribute(entry, name);
    match (held.as_str(), wanted.as_str()) {
        (Some(held), Some(wanted)) => held.eq_ignore_ascii_case(wanted),
        _ if wanted.is_none() => held.is_undefined(),
        _ => held == *wanted,
    }
}

fn is_primary(entry: &Value) -> bool {
    sub_attribute(entry, "primary").is_true()
}

/// Sub-attributes that say something about an entry and are not what it stands for.
const ABOUT: [&str; 4] = ["type", "primary", "display", "$ref"];

/// What an entry stands for: its `value`, or all of it where it is made of other parts, as an address is.
fn content(entry: &Value) -> Option<Value> {
    if entry.kind() != ValueKind::Map {
        return Some(entry.clone());
    }
    let value = sub_attribute(entry, "value");
    if !value.is_undefined() {
        return Some(value);
    }
    let has_parts = entry.try_iter().ok()?.any(|name| name.as_str().is_some_and(|name| !ABOUT.contains(&name)));
    has_parts.then(|| entry.clone())
}
