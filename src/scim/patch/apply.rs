//! Operations in order, on a copy: all of them hold, or none.

use serde_json::{Map, Value};

use super::list::{self, Write};
use super::{Op, Operation, at, complex, work};
use crate::scim::document::is_unassigned;
use crate::scim::error::Error;
use crate::scim::path::{self, AttributePath, PatchPath};
use crate::scim::schema::{Attribute, DataType, Mutability, Resolved, ResourceType, Schema};
use crate::scim::{Attributes, Strictness};

/// What the operations make of a resource (RFC 7644 3.5.2). The resource stays as it is; the result is equal to it where
/// nothing changed, so that a version needs no new number. `schemas` names the extensions that then have values.
///
/// # Errors
/// `invalidPath` for a path that names nothing, `noTarget` for `remove` without a path and for a value filter that
/// matches nothing, `mutability` for a read-only or immutable attribute and for the removal of a required one,
/// `invalidValue` for a value that is missing or does not fit, `tooMany` where the operations would look at too many
/// values together. Each names the operation. Types of simple values are left
/// to [`crate::scim::validate::check`].
pub fn apply(
    resource_type: &ResourceType,
    resource: &Attributes,
    operations: &[Operation],
    strictness: Strictness,
) -> Result<Attributes, Error> {
    let mut document = resource.clone();
    let mut looked_at: usize = 0;
    for (index, operation) in operations.iter().enumerate() {
        looked_at = looked_at.saturating_add(work::of(resource_type, &document, operation));
        if looked_at > work::MOST {
            let words = "the operations look at too many values; send fewer in one request";
            return Err(Error::too_many(format!("Operations[{index}]: {words}")));
        }
        one(resource_type, &mut document, operation, strictness).map_err(|error| match &operation.path {
            None => at(&format!("Operations[{index}]"), error),
            Some(path) => at(&format!("Operations[{index}] {} {path}", operation.op.name()), error),
        })?;
    }
    list_schemas(resource_type, &mut document);
    Ok(document)
}

fn one(
    kind: &ResourceType,
    document: &mut Attributes,
    operation: &Operation,
    strictness: Strictness,
) -> Result<(), Error> {
    let Operation { op, path, value } = operation;
    if *op == Op::Remove && path.is_some() && value.as_ref().is_some_and(|value| !is_unassigned(value)) {
        return Err(Error::invalid_value("remove takes no value, a filter in the path says which values"));
    }
    match path {
        None => resource(kind, document, *op, value.as_ref(), strictness),
        Some(PatchPath::Extension(urn)) if urn.eq_ignore_ascii_case(&kind.schema.id) => {
            resource(kind, document, *op, value.as_ref(), strictness)
        }
        Some(PatchPath::Extension(urn)) => match kind.extension(urn) {
            Some(schema) => extension(document, schema, *op, value.as_ref(), strictness),
            None => Err(Error::invalid_path(format!("{} has no such extension", kind.name))),
        },
        Some(PatchPath::Attribute(path)) => {
            let target = resolve(kind, path, strictness)?;
            at_level(document, target.extension, |level| attribute(level, &target, *op, value.as_ref(), strictness))
        }
        Some(PatchPath::Values { attribute, filter, sub }) => {
            let target = resolve(kind, &AttributePath { sub: sub.clone(), ..attribute.clone() }, strictness)?;
            filter.check_values(&target)?;
            let (attribute, sub) = (target.attribute, target.sub);
            let write = Write { attribute, sub, op: *op, value: value.as_ref(), strictness };
            at_level(document, target.extension, |level| list::filtered(level, &write, filter))
        }
    }
}

/// What a path names. An attribute of an extension needs its URN (RFC 7644 3.10), unless the client is read leniently.
fn resolve<'t>(kind: &'t ResourceType, path: &AttributePath, strictness: Strictness) -> Result<Resolved<'t>, Error> {
    let target = if strictness.is_strict() { kind.resolve(path) } else { path::find(kind, path) };
    target.ok_or_else(|| Error::invalid_path(format!("{} has no such attribute", kind.name)))
}

/// Works on the object that holds the attribute: the resource, or the extension's object inside it.
fn at_level(
    document: &mut Attributes,
    extension: Option<&str>,
    work: impl FnOnce(&mut Attributes) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(urn) = extension else { return work(document) };
    let mut level = match document.get_mut(urn).map(Value::take) {
        Some(Value::Object(level)) => level,
        _ => Map::new(),
    };
    work(&mut level)?;
    put(document, urn, Value::Object(level));
    Ok(())
}

/// Puts a value in its place, or takes the place away where the value is none.
pub(super) fn put(level: &mut Attributes, name: &str, value: Value) {
    if is_unassigned(&value) {
        level.shift_remove(name);
    } else {
        level.insert(name.to_owned(), value);
    }
}

/// Without a path the value is a set of attributes (RFC 7644 3.5.2.1, 3.5.2.3).
fn resource(
    kind: &ResourceType,
    document: &mut Attributes,
    op: Op,
    value: Option<&Value>,
    strictness: Strictness,
) -> Result<(), Error> {
    for (name, value) in attributes(op, value)? {
        if name.eq_ignore_ascii_case("schemas") {
            // Follows from the extensions that have values.
            continue;
        }
        if let Some(schema) = kind.extension(name) {
            extension(document, schema, op, Some(value), strictness)?;
            continue;
        }
        let target = AttributePath::parse(kind, name).ok().and_then(|path| resolve(kind, &path, strictness).ok());
        // RFC 7644 3.5.2: the value holds attributes; `name.givenName` is no name of one.
        let target = target.filter(|target| strictness.is_lenient() || target.sub.is_none());
        let target = target.ok_or_else(|| Error::invalid_value(format!("{} has no attribute {name}", kind.name)))?;
        at_level(document, target.extension, |level| attribute(level, &target, op, Some(value), strictness))
            .map_err(|error| at(name, error))?;
    }
    Ok(())
}

fn extension(
    document: &mut Attributes,
    schema: &Schema,
    op: Op,
    value: Option<&Value>,
    strictness: Strictness,
) -> Result<(), Error> {
    if op == Op::Remove || op == Op::Replace && value.is_some_and(is_unassigned) {
        return at_level(document, Some(&schema.id), |level| {
            schema.attributes.iter().try_for_each(|attribute| {
                // A required attribute that has no value does not stand in the way.
                if level.contains_key(&attribute.name) || attribute.mutability == Mutability::ReadOnly {
                    removable(level, attribute)?;
                }
                level.shift_remove(&attribute.name);
                Ok(())
            })
        });
    }
    for (name, value) in attributes(op, value)? {
        if name.eq_ignore_ascii_case("schemas") {
            // Some clients put the extension's URN inside the extension.
            continue;
        }
        let attribute = schema
            .attribute(name)
            .ok_or_else(|| Error::invalid_value(format!("{} has no attribute {name}", schema.id)))?;
        at_level(document, Some(&schema.id), |level| whole(level, attribute, op, Some(value), strictness))
            .map_err(|error| at(name, error))?;
    }
    Ok(())
}

fn attributes(op: Op, value: Option<&Value>) -> Result<&Map<String, Value>, Error> {
    match value {
        _ if op == Op::Remove => Err(Error::no_target("remove needs a path")),
        Some(Value::Object(attributes)) => Ok(attributes),
        Some(other) => Err(Error::invalid_value(format!("value: must be an object, found {}", super::kind(other)))),
        None => Err(missing_value()),
    }
}

/// The value that `add` and `replace` need (RFC 7644 3.5.2.1).
pub(super) fn missing_value() -> Error {
    Error::invalid_value("value: is missing")
}

fn attribute(
    level: &mut Attributes,
    target: &Resolved<'_>,
    op: Op,
    value: Option<&Value>,
    strictness: Strictness,
) -> Result<(), Error> {
    let Some(sub) = target.sub else { return whole(level, target.attribute, op, value, strictness) };
    if target.attribute.multi_valued {
        let write = Write { attribute: target.attribute, sub: Some(sub), op, value, strictness };
        return list::unfiltered(level, &write);
    }
    complex::sub_attribute(level, target.attribute, sub, op, value, strictness)
}

/// An attribute as a whole, in the object that holds it.
fn whole(
    level: &mut Attributes,
    attribute: &Attribute,
    op: Op,
    value: Option<&Value>,
    strictness: Strictness,
) -> Result<(), Error> {
    let Some(value) = assigned(op, value)? else {
        if op == Op::Add {
            return Ok(());
        }
        removable(level, attribute)?;
        level.shift_remove(&attribute.name);
        return Ok(());
    };
    writable(level, attribute, value)?;
    if attribute.multi_valued {
        return list::whole(level, &Write { attribute, sub: None, op, value: Some(value), strictness });
    }
    if attribute.data_type == DataType::Complex {
        return complex::merge(level, attribute, value);
    }
    level.insert(attribute.name.clone(), value.clone());
    Ok(())
}

/// The value to write. `None` where there is none to: for `remove`, and for null, [] and {}, which mean "no value"
/// (RFC 7643 2.5), so that replacing with them removes and adding them adds nothing.
pub(super) fn assigned(op: Op, value: Option<&Value>) -> Result<Option<&Value>, Error> {
    match (op, value) {
        (Op::Remove, _) => Ok(None),
        (Op::Add | Op::Replace, None) => Err(missing_value()),
        (Op::Add | Op::Replace, Some(value)) => Ok(Some(value).filter(|value| !is_unassigned(value))),
    }
}

/// Whether an attribute may be written (RFC 7644 3.5.2: `mutability`).
pub(super) fn writable(level: &Attributes, attribute: &Attribute, value: &Value) -> Result<(), Error> {
    let name = &attribute.name;
    match attribute.mutability {
        Mutability::ReadOnly => Err(Error::mutability(format!("{name} is read-only"))),
        Mutability::Immutable if level.get(name).is_some_and(|old| !is_unassigned(old) && old != value) => {
            Err(Error::mutability(format!("{name} is immutable and has a value")))
        }
        _ => Ok(()),
    }
}

/// Whether an attribute may be taken away (RFC 7644 3.5.2.2).
pub(super) fn removable(level: &Attributes, attribute: &Attribute) -> Result<(), Error> {
    let name = &attribute.name;
    match attribute.mutability {
        Mutability::ReadOnly => Err(Error::mutability(format!("{name} is read-only"))),
        Mutability::Immutable if level.get(name).is_some_and(|old| !is_unassigned(old)) => {
            Err(Error::mutability(format!("{name} is immutable and has a value")))
        }
        _ if attribute.required => Err(Error::mutability(format!("{name} is required"))),
        _ => Ok(()),
    }
}

/// RFC 7643 3: `schemas` names the core schema and each extension that has values.
fn list_schemas(kind: &ResourceType, document: &mut Attributes) {
    let in_use = kind.extensions.iter().map(|extension| &extension.schema.id).filter(|urn| document.contains_key(*urn));
    let urns: Vec<Value> = std::iter::once(&kind.schema.id).chain(in_use).cloned().map(Value::String).collect();
    document.insert("schemas".into(), Value::Array(urns));
}
