//! One value against the characteristics of its attribute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::DateTime;
use serde_json::{Map, Value};

use super::country::is_country;
use crate::scim::document::is_unassigned;
use crate::scim::fold::fold;
use crate::scim::schema::{Attribute, DataType, Mutability, ResourceType};
use crate::scim::{Attributes, Error, Strictness};

/// Where in a document a value stands, written out only when there is something to say about it.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// An attribute; the prefix is empty or the URN of an extension.
    Attribute(&'a str, &'a str),
    /// An element of a multi-valued attribute.
    Element(&'a Place<'a>, usize),
    /// A sub-attribute.
    Sub(&'a Place<'a>, &'a str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute("", name) => f.write_str(name),
            Self::Attribute(urn, name) => write!(f, "{urn}:{name}"),
            Self::Element(of, index) => write!(f, "{of}[{index}]"),
            Self::Sub(of, name) => write!(f, "{of}.{name}"),
        }
    }
}

/// How much is held against a client, attribute by attribute.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) strictness: Strictness,
    /// The resource as it was. What has not changed is not this client's doing: a lenient one may have stored it.
    pub(super) before: Option<&'a Attributes>,
}

impl Held<'_> {
    fn against(self, extension: Option<&str>, name: &str, value: &Value) -> Strictness {
        let before = match extension {
            None => self.before.and_then(|before| before.get(name)),
            Some(urn) => self.before.and_then(|before| before.get(urn)?.get(name)),
        };
        if before == Some(value) { Strictness::Lenient } else { self.strictness }
    }
}

/// A whole resource: names in the spelling of the schema, values checked, what is not stored left out.
pub(super) fn resource(kind: &ResourceType, body: Attributes, held: Held<'_>) -> Result<Attributes, Error> {
    let mut document = Map::with_capacity(body.len());
    for (name, value) in body {
        if let Some(attribute) = kind.core_attribute(&name) {
            let strictness = held.against(None, &name, &value);
            insert(&mut document, attribute, Place::Attribute("", &attribute.name), value, strictness)?;
            continue;
        }
        let Some(schema) = kind.extension(&name) else {
            if held.before.is_some_and(|before| before.contains_key(&name)) {
                // Stored under another configuration. To refuse it would refuse every change of this resource.
                continue;
            }
            return Err(Error::invalid_value(format!("{}: {} has no such attribute", clipped(&name), kind.name)));
        };
        if document.contains_key(&schema.id) {
            return Err(Error::invalid_value(format!("{} is given twice", schema.id)));
        }
        let members = match value {
            Value::Null => continue,
            Value::Object(members) => members,
            other => {
                return Err(Error::invalid_value(format!("{}: must be an object, not {}", schema.id, named(&other))));
            }
        };
        let mut extension = Map::with_capacity(members.len());
        for (name, value) in members {
            // Clients that treat an extension as a message of its own put `schemas` into it.
            if name.eq_ignore_ascii_case("schemas") {
                continue;
            }
            let Some(attribute) = schema.attribute(&name) else {
                if held.before.and_then(|before| before.get(&schema.id)?.get(&name)).is_some() {
                    continue;
                }
                let name = clipped(&name);
                return Err(Error::invalid_value(format!("{}:{name}: there is no such attribute", schema.id)));
            };
            let strictness = held.against(Some(&schema.id), &name, &value);
            insert(&mut extension, attribute, Place::Attribute(&schema.id, &attribute.name), value, strictness)?;
        }
        if !extension.is_empty() {
            document.insert(schema.id.clone(), Value::Object(extension));
        }
    }
    Ok(document)
}

/// Whether a resource without this attribute is incomplete.
pub(super) fn is_missing(attribute: &Attribute) -> bool {
    attribute.required && matches!(attribute.mutability, Mutability::ReadWrite | Mutability::Immutable)
}

/// The refusal of a resource without an attribute that it must have.
pub(super) fn required(extension: &str, attribute: &Attribute) -> Error {
    missing(Place::Attribute(extension, &attribute.name))
}

/// As much of a client's text as an error repeats.
pub(super) fn clipped(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

fn missing(place: Place<'_>) -> Error {
    Error::invalid_value(format!("{place} is required"))
}

fn insert(
    into: &mut Attributes,
    attribute: &Attribute,
    place: Place<'_>,
    value: Value,
    strictness: Strictness,
) -> Result<(), Error> {
    // What a client says of read-only attributes is ignored, right or wrong (RFC 7644 3.3).
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    let Some(value) = assigned(attribute, place, value, strictness)? else { return Ok(()) };
    if attribute.mutability == Mutability::WriteOnly {
        return Ok(());
    }
    match into.entry(attribute.name.as_str()) {
        serde_json::map::Entry::Occupied(_) => Err(Error::invalid_value(format!("{place} is given twice"))),
        serde_json::map::Entry::Vacant(vacant) => {
            vacant.insert(value);
            Ok(())
        }
    }
}

/// The value of an attribute in canonical form; `None` where it comes to nothing.
fn assigned(
    attribute: &Attribute,
    place: Place<'_>,
    value: Value,
    strictness: Strictness,
) -> Result<Option<Value>, Error> {
    if is_unassigned(&value) {
        return Ok(None);
    }
    if !attribute.multi_valued {
        return match value {
            Value::Array(_) => Err(Error::invalid_value(format!("{place}: must be one value, not an array"))),
            single => one(attribute, place, single, strictness),
        };
    }
    let Value::Array(given) = value else {
        return Err(Error::invalid_value(format!("{place}: must be an array, not {}", named(&value))));
    };
    let mut elements = Vec::with_capacity(given.len());
    for (index, element) in given.into_iter().enumerate() {
        if !is_unassigned(&element) {
            elements.extend(one(attribute, Place::Element(&place, index), element, strictness)?);
        }
    }
    let elements = without_repeats(attribute, elements);
    if elements.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(Error::invalid_value(format!("{place}: only one value can be primary")));
    }
    Ok((!elements.is_empty()).then_some(Value::Array(elements)))
}

/// One value of an attribute: that of a single-valued one, or an element.
fn one(attribute: &Attribute, place: Place<'_>, value: Value, strictness: Strictness) -> Result<Option<Value>, Error> {
    let wrong = |wanted: &str, value: &Value| {
        Err(Error::invalid_value(format!("{place}: must be {wanted}, not {}", named(value))))
    };
    let refused = |reason: &str| Err(Error::invalid_value(format!("{place}: {reason}")));
    match (attribute.data_type, value) {
        (DataType::Complex, Value::Object(members)) => complex(attribute, place, members, strictness),
        (DataType::Complex, other) => wrong("an object", &other),
        (DataType::Boolean, value @ Value::Bool(_)) | (DataType::Decimal, value @ Value::Number(_)) => Ok(Some(value)),
        (DataType::Boolean, other) => wrong("a boolean (true or false)", &other),
        (DataType::Decimal, other) => wrong("a number", &other),
        (DataType::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.into())),
        (DataType::Integer, Value::Number(_)) => refused("must be an integer, without a fraction"),
        (DataType::Integer, other) => wrong("an integer", &other),
        (data_type, Value::String(text)) => {
            if is_missing(attribute) && text.trim().is_empty() {
                return Err(missing(place));
            }
            // PostgreSQL cannot hold it in a text column.
            if text.contains('\0') {
                return refused("must not contain the character U+0000");
            }
            match data_type {
                DataType::DateTime if DateTime::parse_from_rfc3339(&text).is_err() => {
                    refused("must be a date and time such as 2026-01-31T12:00:00Z")
                }
                DataType::Binary if !is_base64(&text) => refused("must be base64"),
                DataType::Reference if strictness.is_strict() && !is_reference(attribute, &text) => {
                    refused("must be a well-formed reference")
                }
                _ => Ok(Some(Value::String(text))),
            }
        }
        (DataType::DateTime, other) => wrong("a string with a date and time", &other),
        (DataType::Binary, other) => wrong("a string in base64", &other),
        (DataType::String | DataType::Reference, other) => wrong("a string", &other),
    }
}

fn complex(
    attribute: &Attribute,
    place: Place<'_>,
    members: Attributes,
    strictness: Strictness,
) -> Result<Option<Value>, Error> {
    let mut checked = Map::with_capacity(members.len());
    for (name, value) in members {
        let Some(sub) = attribute.sub(&name) else {
            return Err(Error::invalid_value(format!("{place}.{}: there is no such sub-attribute", clipped(&name))));
        };
        insert(&mut checked, sub, Place::Sub(&place, &sub.name), value, strictness)?;
    }
    if checked.is_empty() {
        return Ok(None);
    }
    let mut ordered = Map::with_capacity(checked.len());
    for sub in &attribute.sub_attributes {
        match checked.shift_remove(&sub.name) {
            Some(value) => _ = ordered.insert(sub.name.clone(), value),
            None if is_missing(sub) => return Err(missing(Place::Sub(&place, &sub.name))),
            None => {}
        }
    }
    if strictness.is_strict()
        && attribute.name == "addresses"
        && ordered.get("country").and_then(Value::as_str).is_some_and(|code| !is_country(code))
    {
        let place = Place::Sub(&place, "country");
        return Err(Error::invalid_value(format!("{place}: must be an ISO 3166-1 alpha-2 code such as DE")));
    }
    Ok(Some(Value::Object(ordered)))
}

fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// Lets a repeated (type, value) pair go into its first appearance, which takes over what it lacks (RFC 7643 2.4).
/// Values without a `value`, such as addresses, do not repeat each other.
fn without_repeats(attribute: &Attribute, elements: Vec<Value>) -> Vec<Value> {
    if elements.len() < 2 {
        return elements;
    }
    let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
    let mut seen: HashMap<(Option<String>, String), usize> = HashMap::with_capacity(elements.len());
    for element in elements {
        let Some(pair) = pair(attribute, &element) else {
            kept.push(element);
            continue;
        };
        match seen.entry(pair) {
            Entry::Vacant(vacant) => {
                vacant.insert(kept.len());
                kept.push(element);
            }
            Entry::Occupied(occupied) => {
                let first = kept.get_mut(*occupied.get()).and_then(Value::as_object_mut);
                if let (Some(first), Value::Object(again)) = (first, element) {
                    take_over(attribute, first, again);
                }
            }
        }
    }
    kept
}

fn take_over(attribute: &Attribute, first: &mut Attributes, mut again: Attributes) {
    let primary = [&*first, &again].iter().any(|element| element.get("primary") == Some(&Value::Bool(true)));
    for sub in &attribute.sub_attributes {
        // Taken out and put back at the end, one after the other, they stand in the order of the schema.
        let (old, new) = (first.shift_remove(&sub.name), again.shift_remove(&sub.name));
        let value = if sub.name == "primary" && primary { Some(Value::Bool(true)) } else { old.or(new) };
        if let Some(value) = value {
            first.insert(sub.name.clone(), value);
        }
    }
}

/// What makes two values of a multi-valued attribute the same: type and value, folded where case does not count.
fn pair(attribute: &Attribute, element: &Value) -> Option<(Option<String>, String)> {
    let Value::Object(members) = element else { return Some((None, comparable(attribute, element))) };
    let part = |name: &str| Some(comparable(attribute.sub(name)?, members.get(name)?));
    Some((part("type"), part("value")?))
}

fn comparable(attribute: &Attribute, value: &Value) -> String {
    match value {
        Value::String(text) if attribute.case_exact => text.clone(),
        Value::String(text) => fold(text),
        other => other.to_string(),
    }
}

/// Both alphabets of RFC 4648, padded or not (RFC 7643 2.3.6).
fn is_base64(text: &str) -> bool {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&alphabet::STANDARD, &alphabet::URL_SAFE]
        .into_iter()
        .any(|alphabet| GeneralPurpose::new(alphabet, CONFIG).decode(text).is_ok())
}

/// References to something outside have a scheme; those to resources may be relative (RFC 7643 2.3.7).
fn is_reference(attribute: &Attribute, text: &str) -> bool {
    if attribute.reference_types.iter().any(|kind| kind == "external") {
        url::Url::parse(text).is_ok()
    } else {
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    }
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
