//! Values in a resource document, reached by a resolved path. That the attributes of an extension lie inside an object
//! under its URN is known here and nowhere else.

use serde_json::{Map, Value};

use super::Attributes;
use super::schema::Resolved;

/// Whether a value is "unassigned": `null`, an empty array and an empty object mean the same as no value (RFC 7643 2.5).
pub fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The whole value of the attribute that the path names, whatever sub-attribute it goes on to name.
pub fn attribute<'d>(document: &'d Attributes, at: &Resolved<'_>) -> Option<&'d Value> {
    let level = match at.extension {
        None => document,
        Some(urn) => document.get(urn)?.as_object()?,
    };
    level.get(&at.attribute.name)
}

/// The value that the path reaches. `None` for a sub-attribute of a multi-valued attribute, which has no one value:
/// see [`values`] and [`preferred`].
pub fn get<'d>(document: &'d Attributes, at: &Resolved<'_>) -> Option<&'d Value> {
    let value = attribute(document, at)?;
    match at.sub {
        None => Some(value),
        Some(sub) => value.as_object()?.get(&sub.name),
    }
}

/// Every value that the path reaches: the elements of a multi-valued attribute, or the sub-attribute of each.
pub fn values<'d>(document: &'d Attributes, at: &Resolved<'_>) -> Vec<&'d Value> {
    let elements = match attribute(document, at) {
        None => return Vec::new(),
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    match at.sub {
        None => elements.iter().collect(),
        Some(sub) => elements.iter().filter_map(|element| element.get(&sub.name)).collect(),
    }
}

/// The one value that stands for all the path reaches: that of the primary element of a multi-valued attribute, else of
/// the first (RFC 7644 3.4.2.3 sorts by it).
pub fn preferred<'d>(document: &'d Attributes, at: &Resolved<'_>) -> Option<&'d Value> {
    let element = match attribute(document, at)? {
        Value::Array(elements) => {
            let primary = elements.iter().find(|e| e.get("primary") == Some(&Value::Bool(true)));
            primary.or_else(|| elements.first())?
        }
        single => single,
    };
    match at.sub {
        None => Some(element),
        Some(sub) => element.get(&sub.name),
    }
}

/// Puts a value where the path points, making the extension's object or the complex value that holds it. A
/// sub-attribute of a multi-valued attribute is put into each of its elements. An unassigned value removes instead.
/// The document keeps its `schemas` as they are: [`super::validate`] rebuilds them.
pub fn set(document: &mut Attributes, at: &Resolved<'_>, value: Value) {
    if is_unassigned(&value) {
        remove(document, at);
        return;
    }
    let Some(urn) = at.extension else {
        set_in(document, at, value);
        return;
    };
    let mut level = taken_object(document.get_mut(urn));
    set_in(&mut level, at, value);
    if !level.is_empty() {
        document.insert(urn.to_owned(), Value::Object(level));
    }
}

fn set_in(level: &mut Attributes, at: &Resolved<'_>, value: Value) {
    let name = &at.attribute.name;
    let Some(sub) = at.sub else {
        level.insert(name.clone(), value);
        return;
    };
    if !at.attribute.multi_valued {
        let mut members = taken_object(level.get_mut(name));
        members.insert(sub.name.clone(), value);
        level.insert(name.clone(), Value::Object(members));
    } else if let Some(Value::Array(elements)) = level.get_mut(name) {
        for element in elements.iter_mut().filter_map(Value::as_object_mut) {
            element.insert(sub.name.clone(), value.clone());
        }
    }
}

/// The members of the object that stands at a place, taken out of it; none where no object is.
fn taken_object(place: Option<&mut Value>) -> Map<String, Value> {
    place.and_then(Value::as_object_mut).map(std::mem::take).unwrap_or_default()
}

/// Takes away what the path points at, and whatever is empty without it: a complex value, an element, an extension's
/// object. Says whether there was anything to take away.
pub fn remove(document: &mut Attributes, at: &Resolved<'_>) -> bool {
    match at.extension {
        None => remove_in(document, at),
        Some(urn) => {
            let Some(Value::Object(level)) = document.get_mut(urn) else { return false };
            let removed = remove_in(level, at);
            if level.is_empty() {
                document.shift_remove(urn);
            }
            removed
        }
    }
}

fn remove_in(level: &mut Attributes, at: &Resolved<'_>) -> bool {
    let name = &at.attribute.name;
    let Some(sub) = at.sub else { return level.shift_remove(name).is_some() };
    let Some(value) = level.get_mut(name) else { return false };
    let removed = match value {
        Value::Object(members) => members.shift_remove(&sub.name).is_some(),
        Value::Array(elements) => {
            let mut removed = false;
            for element in elements.iter_mut().filter_map(Value::as_object_mut) {
                removed |= element.shift_remove(&sub.name).is_some();
            }
            elements.retain(|element| !is_unassigned(element));
            removed
        }
        _ => false,
    };
    if is_unassigned(value) {
        level.shift_remove(name);
    }
    removed
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
