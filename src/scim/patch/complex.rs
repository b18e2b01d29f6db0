//! Single complex attributes: sub-attributes that are not mentioned stay (RFC 7644 3.5.2.3).

use serde_json::{Map, Value};

use super::apply::{assigned, put, removable, writable};
use super::{Op, kind};
use crate::scim::document::is_unassigned;
use crate::scim::error::Error;
use crate::scim::schema::{Attribute, Mutability};
use crate::scim::{Attributes, Strictness};

/// Sub-attributes that describe what the `value` of a reference refers to. When `value` changes they are about another.
const DESCRIPTIONS: [&str; 3] = ["$ref", "display", "displayName"];

/// Merges the sub-attributes given into those there are. Read-only ones are ignored, as in the body of a PUT
/// (RFC 7644 3.5.1): clients send back what they have read.
pub(super) fn merge(level: &mut Attributes, attribute: &Attribute, value: &Value) -> Result<(), Error> {
    let name = &attribute.name;
    let Value::Object(given) = value else {
        return Err(Error::invalid_value(format!("{name}: must be an object, found {}", kind(value))));
    };
    let mut members = taken(level, name);
    merge_members(&mut members, attribute, given)?;
    put(level, name, Value::Object(members));
    Ok(())
}

/// The same with the object itself.
pub(super) fn merge_members(
    members: &mut Attributes,
    attribute: &Attribute,
    given: &Map<String, Value>,
) -> Result<(), Error> {
    let before = members.get("value").cloned();
    for (name, value) in given {
        let sub = attribute
            .sub(name)
            .ok_or_else(|| Error::invalid_value(format!("{} has no sub-attribute {name}", attribute.name)))?;
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        if !is_unassigned(value) {
            writable(members, sub, value)?;
        } else if members.contains_key(&sub.name) {
            removable(members, sub)?;
        }
        put(members, &sub.name, value.clone());
    }
    if let Some(before) = before.filter(|before| members.get("value") != Some(before)) {
        // Elsewhere `display` is the client's own, and Microsoft's validator writes it before it writes `value`; but a
        // copy of the old value is no name for the new one.
        let reference = attribute.sub("$ref").is_some();
        let mentioned = |name: &str| given.keys().any(|key| key.eq_ignore_ascii_case(name));
        let stale = |name: &str, value: &Value| DESCRIPTIONS.contains(&name) && (reference || *value == before);
        members.retain(|name, value| mentioned(name) || !stale(name, value));
    }
    Ok(())
}

/// One sub-attribute of a single complex attribute.
pub(super) fn sub_attribute(
    level: &mut Attributes,
    attribute: &Attribute,
    sub: &Attribute,
    op: Op,
    value: Option<&Value>,
    strictness: Strictness,
) -> Result<(), Error> {
    let name = &attribute.name;
    if attribute.mutability == Mutability::ReadOnly || sub.mutability == Mutability::ReadOnly {
        return Err(Error::mutability(format!("{name}.{} is read-only", sub.name)));
    }
    let value = assigned(op, value)?;
    if value.is_none() && op == Op::Add {
        return Ok(());
    }
    let before = level.get(name).cloned();
    let mut members = taken(level, name);
    if value.is_none() {
        removable(&members, sub)?;
    }
    let given = Map::from_iter([(sub.name.clone(), value.cloned().unwrap_or_default())]);
    merge_members(&mut members, attribute, &given)?;
    if strictness.is_lenient() && value.is_none() && sub.name == "value" {
        members.clear();
    }
    put(level, name, Value::Object(members));
    if attribute.mutability == Mutability::Immutable && before.is_some() && before.as_ref() != level.get(name) {
        return Err(Error::mutability(format!("{name} is immutable and has a value")));
    }
    Ok(())
}

fn taken(level: &mut Attributes, name: &str) -> Map<String, Value> {
    match level.get_mut(name).map(Value::take) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
