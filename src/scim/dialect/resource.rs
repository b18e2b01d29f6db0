//! Bodies of POST and PUT.

use serde_json::{Map, Value};

use super::value;
use crate::scim::document::{self, is_unassigned};
use crate::scim::error::Error;
use crate::scim::patch::{self, MAX_OPERATIONS, Op, Operation};
use crate::scim::path::{self, AttributePath, PatchPath};
use crate::scim::schema::{Attribute, Mutability, ResourceType, Schema};
use crate::scim::{Attributes, Strictness};

pub(super) fn normalise(kind: &ResourceType, body: Attributes) -> Result<Attributes, Error> {
    speaks_of(kind, &body)?;
    let mut document = Map::with_capacity(body.len());
    let mut apart = Vec::new();
    let unfolded = body.into_iter().flat_map(|(name, value)| match value {
        Value::Object(members) if name.eq_ignore_ascii_case(&kind.schema.id) => members.into_iter().collect(),
        value => vec![(name, value)],
    });
    for (name, value) in unfolded {
        if let Some(schema) = kind.extension(&name) {
            let mut members = match document.get_mut(&schema.id).map(Value::take) {
                Some(Value::Object(members)) => members,
                _ => Map::new(),
            };
            members.extend(extension(schema, value)?);
            document.insert(schema.id.clone(), Value::Object(members));
        } else if let Some(attribute) = kind.core_attribute(unqualified(kind, &name)) {
            put(&mut document, attribute, value)?;
        } else {
            apart.push((name, value));
        }
    }
    document.retain(|_, value| !is_unassigned(value));
    // After the rest, since these may point into it, and what stands in its proper place comes first.
    let operations: Vec<Operation> =
        apart.into_iter().filter_map(|(name, value)| elsewhere(kind, &document, &name, value)).collect();
    if operations.len() > MAX_OPERATIONS {
        return Err(Error::too_many(format!("the body has more than {MAX_OPERATIONS} paths for attribute names")));
    }
    patch::apply(kind, &document, &operations, Strictness::Lenient)
}

/// A name without the URN of the core schema before it (RFC 7644 3.10).
fn unqualified<'n>(kind: &ResourceType, name: &'n str) -> &'n str {
    match kind.split_urn(name) {
        Some((schema, rest)) if std::ptr::eq(schema, kind.schema.as_ref()) => rest,
        _ => name,
    }
}

/// Refuses a body whose `schemas` name nothing that is known here: it was meant for another endpoint, and read as what
/// this one takes, it would lose all that it says. One known URN is enough, and so is one of those that stand for the
/// core schemas of older drafts (OneLogin) or for Microsoft's.
fn speaks_of(kind: &ResourceType, body: &Attributes) -> Result<(), Error> {
    let given = body.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let urns = match given {
        Some(Value::Array(urns)) => urns.as_slice(),
        Some(urn @ Value::String(_)) => std::slice::from_ref(urn),
        None | Some(Value::Null) => return Ok(()),
        Some(_) => return Err(Error::invalid_value("schemas: must be an array of strings")),
    };
    let mut known = urns.is_empty();
    for (index, urn) in urns.iter().enumerate() {
        let urn = urn.as_str().ok_or_else(|| Error::invalid_value(format!("schemas[{index}]: must be a string")))?;
        let lower = urn.to_ascii_lowercase();
        known |= urn.is_empty()
            || kind.schema(urn).is_some()
            || ["urn:scim:schemas:", "http://schemas.microsoft.com/"].iter().any(|prefix| lower.starts_with(prefix));
    }
    if known {
        return Ok(());
    }
    Err(Error::invalid_value(format!("schemas: none of them is a schema of {}; send {}", kind.name, kind.schema.id)))
}

/// The same attribute twice, in two spellings, is refused unless both say the same: which of them is meant is a guess.
fn put(level: &mut Attributes, attribute: &Attribute, value: Value) -> Result<(), Error> {
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    let Some(value) = value::attribute(attribute, value, false).value() else { return Ok(()) };
    if level.get(&attribute.name).is_some_and(|other| *other != value) {
        return Err(Error::invalid_value(format!("{} is given twice", attribute.name)));
    }
    level.insert(attribute.name.clone(), value);
    Ok(())
}

/// The attributes of an extension, in its spelling.
fn extension(schema: &Schema, value: Value) -> Result<Attributes, Error> {
    let given = match value {
        Value::Null => Map::new(),
        Value::String(text) if text.is_empty() => Map::new(),
        Value::Object(members) => members,
        _ => return Err(Error::invalid_value(format!("{}: must be an object", schema.id))),
    };
    let mut members = Map::with_capacity(given.len());
    for (name, value) in given {
        if let Some(attribute) = schema.attribute(&name) {
            put(&mut members, attribute, value)?;
        }
    }
    Ok(members)
}

/// A key that is no attribute of the core schema and no extension: a path, an attribute of an extension in the wrong place,
/// or nothing that this server knows.
fn elsewhere(kind: &ResourceType, document: &Attributes, name: &str, value: Value) -> Option<Operation> {
    let path = PatchPath::parse(kind, name).ok()?;
    let (attribute, sub) = match &path {
        PatchPath::Extension(_) => return None,
        PatchPath::Attribute(attribute) => (attribute, attribute.sub.clone()),
        PatchPath::Values { attribute, sub, .. } => (attribute, sub.clone()),
    };
    let target = path::find(kind, &AttributePath { sub, ..attribute.clone() })?;
    if target.attribute.mutability == Mutability::ReadOnly || target.leaf().mutability == Mutability::ReadOnly {
        return None;
    }
    if attribute.schema.is_none() && target.extension.is_some() && document::attribute(document, &target).is_some() {
        // `department` beside the extension that has one already.
        return None;
    }
    let value = match &path {
        PatchPath::Values { sub: None, .. } => value::element(target.attribute, value),
        _ if target.sub.is_some() => value::single(target.leaf(), value, false),
        _ => value::attribute(target.attribute, value, false),
    };
    Some(Operation { op: Op::Add, path: Some(path), value: Some(value.value()?) })
}
