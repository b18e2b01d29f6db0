//! Operations of PATCH.

use serde_json::{Map, Value, json};

use super::value::{self, Normal};
use crate::scim::error::Error;
use crate::scim::filter::{CompareOperator, Filter};
use crate::scim::patch::{self, Op, Operation};
use crate::scim::path::{self, AttributePath, PatchPath};
use crate::scim::schema::{Attribute, DataType, Mutability, Resolved, ResourceType, Schema};
use crate::scim::{PATCH_MESSAGE, Strictness};

/// Most operations that those of one request may come to. An object without a path counts once for each attribute.
const MAX_NORMALISED: usize = 5_000;

pub(super) fn normalise(kind: &ResourceType, body: Value) -> Result<Vec<Operation>, Error> {
    let operations = patch::parse(kind, message(body)?, Strictness::Lenient)?;
    let mut normal = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        match operation.path {
            Some(PatchPath::Extension(urn)) if urn.eq_ignore_ascii_case(&kind.schema.id) => {
                pathless(kind, index, operation.op, operation.value, &mut normal)?;
            }
            Some(path) => at_path(kind, operation.op, path, operation.value, &mut normal),
            None => pathless(kind, index, operation.op, operation.value, &mut normal)?,
        }
        if normal.len() > MAX_NORMALISED {
            return Err(Error::too_many(format!("Operations: more than {MAX_NORMALISED} changes in one request")));
        }
    }
    Ok(normal)
}

/// The message as RFC 7644 spells it. What is no message at all is left for [`patch::parse`] to refuse.
fn message(body: Value) -> Result<Value, Error> {
    let mut message = patch::object(body, "the body")?;
    rename(&mut message, &["schemas", "Operations"]);
    message.entry("schemas").or_insert_with(|| json!([PATCH_MESSAGE]));
    if let Some(Value::Array(operations)) = message.get_mut("Operations") {
        for operation in operations.iter_mut().filter_map(Value::as_object_mut) {
            rename(operation, &["op", "path", "value"]);
            if operation.get("op").is_none_or(Value::is_null) {
                operation.insert("op".into(), "replace".into());
            }
            let no_path = |path: &Value| path.is_null() || path.as_str().is_some_and(|path| path.trim().is_empty());
            if operation.get("path").is_some_and(no_path) {
                operation.shift_remove("path");
            }
        }
    }
    Ok(Value::Object(message))
}

/// Gives members their proper spelling.
fn rename(members: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if members.contains_key(*name) {
            continue;
        }
        if let Some(key) = members.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
            && let Some(value) = members.shift_remove(&key)
        {
            members.insert((*name).to_owned(), value);
        }
    }
}

/// An operation without a path: its keys are paths (Entra writes `"name.givenName"` and whole URNs there).
fn pathless(
    kind: &ResourceType,
    index: usize,
    op: Op,
    value: Option<Value>,
    normal: &mut Vec<Operation>,
) -> Result<(), Error> {
    if op == Op::Remove {
        // `noTarget`, where operations are applied.
        normal.push(Operation { op, path: None, value });
        return Ok(());
    }
    let value = match value {
        // scim-for-keycloak has sent the object as JSON text.
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(value) => value,
        None => return Err(Error::invalid_syntax(format!("Operations[{index}].value: is missing"))),
    };
    for (key, value) in patch::object(value, &format!("Operations[{index}].value"))? {
        let Ok(path) = PatchPath::parse(kind, &key) else { continue };
        if value.is_object() && matches!(&path, PatchPath::Extension(urn) if urn.eq_ignore_ascii_case(&kind.schema.id))
        {
            pathless(kind, index, op, Some(value), normal)?;
            continue;
        }
        if is_writable(kind, &path) {
            at_path(kind, op, path, Some(value), normal);
        }
    }
    Ok(())
}

/// Whether a client could mean to write this. Okta and `JumpCloud` send back `id`, `meta` and `groups` as they read
/// them.
fn is_writable(kind: &ResourceType, path: &PatchPath) -> bool {
    match path {
        PatchPath::Extension(urn) => kind
            .extension(urn)
            .is_some_and(|schema| schema.attributes.iter().any(|a| a.mutability != Mutability::ReadOnly)),
        PatchPath::Attribute(path) => path::find(kind, path).is_some_and(|target| {
            target.attribute.mutability != Mutability::ReadOnly && target.leaf().mutability != Mutability::ReadOnly
        }),
        PatchPath::Values { attribute, .. } => {
            path::find(kind, attribute).is_some_and(|target| target.attribute.mutability != Mutability::ReadOnly)
        }
    }
}

fn at_path(kind: &ResourceType, op: Op, path: PatchPath, value: Option<Value>, normal: &mut Vec<Operation>) {
    match path {
        PatchPath::Extension(urn) => {
            if let Some(schema) = kind.extension(&urn) {
                extension(kind, schema, op, value, normal);
            }
        }
        PatchPath::Attribute(path) => {
            if path.name.eq_ignore_ascii_case("schemas") && path.sub.is_none() {
                // It follows from the extensions that have values.
                return;
            }
            let Some(target) = path::find(kind, &path) else { return };
            let path = spelled(&target);
            if target.attribute.mutability == Mutability::ReadOnly {
                // Nothing would be left of the value; refused where operations are applied.
                let value = value.filter(|_| op != Op::Remove);
                normal.push(Operation { op, path: Some(PatchPath::Attribute(path)), value });
                return;
            }
            if op == Op::Remove {
                removal(&target, path, value, normal);
                return;
            }
            let value = value.map(|value| match target.sub {
                Some(sub) => value::single(sub, value, false),
                None => value::attribute(target.attribute, value, op == Op::Replace),
            });
            write(op, PatchPath::Attribute(path), value, normal);
        }
        PatchPath::Values { attribute, filter, sub } => {
            let Some(target) = path::find(kind, &AttributePath { sub, ..attribute }) else { return };
            if !is_known(&filter, target.attribute) {
                return;
            }
            let attribute = AttributePath { sub: None, ..spelled(&target) };
            let path = PatchPath::Values { attribute, filter, sub: target.sub.map(|sub| sub.name.clone()) };
            if op == Op::Remove {
                normal.push(Operation { op, path: Some(path), value: None });
                return;
            }
            if target.attribute.mutability == Mutability::ReadOnly {
                normal.push(Operation { op, path: Some(path), value });
                return;
            }
            let value = value.map(|value| match target.sub {
                Some(sub) => value::single(sub, value, false),
                None => value::element(target.attribute, value),
            });
            write(op, path, value, normal);
        }
    }
}

/// Whether a value filter asks of nothing but sub-attributes that there are. What it selects is a guess otherwise.
fn is_known(filter: &Filter, attribute: &Attribute) -> bool {
    match filter {
        Filter::And(left, right) | Filter::Or(left, right) => is_known(left, attribute) && is_known(right, attribute),
        Filter::Not(inner) => is_known(inner, attribute),
        Filter::Present(path) | Filter::Compare { attribute: path, .. } => {
            path::find_relative(attribute, path).is_some()
        }
        // Refused where operations are applied.
        Filter::Values { .. } => true,
    }
}

/// The path in the schema's spelling.
fn spelled(target: &Resolved<'_>) -> AttributePath {
    AttributePath {
        schema: target.extension.map(str::to_owned),
        name: target.attribute.name.clone(),
        sub: target.sub.map(|sub| sub.name.clone()),
    }
}

fn write(op: Op, path: PatchPath, value: Option<Normal>, normal: &mut Vec<Operation>) {
    let path = Some(path);
    match (op, value) {
        // Refused where operations are applied.
        (_, None) => normal.push(Operation { op, path, value: None }),
        (_, Some(Normal::Value(value))) => normal.push(Operation { op, path, value: Some(value) }),
        (Op::Replace, Some(Normal::Unassigned)) => normal.push(Operation { op: Op::Remove, path, value: None }),
        (_, Some(_)) => {}
    }
}

/// A whole extension: its attributes one by one, so that each is read as if it had come alone.
fn extension(kind: &ResourceType, schema: &Schema, op: Op, value: Option<Value>, normal: &mut Vec<Operation>) {
    let path = |name: &str| AttributePath { schema: Some(schema.id.clone()), name: name.to_owned(), sub: None };
    match value {
        Some(Value::Object(members)) if op != Op::Remove && !members.is_empty() => {
            for (name, value) in members {
                let path = PatchPath::parse(kind, &path(&name).to_string());
                if let Some(path) = path.ok().filter(|path| is_writable(kind, path)) {
                    at_path(kind, op, path, Some(value), normal);
                }
            }
        }
        value => {
            let path = Some(PatchPath::Extension(schema.id.clone()));
            let nothing = match &value {
                None => op == Op::Remove,
                Some(Value::String(text)) => text.is_empty(),
                Some(Value::Null) => true,
                Some(Value::Object(members)) => members.is_empty(),
                Some(_) => false,
            };
            match op {
                Op::Remove => normal.push(Operation { op, path, value: None }),
                Op::Replace if nothing => normal.push(Operation { op: Op::Remove, path, value: None }),
                Op::Add if nothing => {}
                Op::Add | Op::Replace => normal.push(Operation { op, path, value }),
            }
        }
    }
}

/// `remove` with a value that says which of several (Entra, authentik, `HelloID`), as filters. Those of members stay
/// as they are: there may be thousands, and [`patch::split_members`] reads them.
fn removal(target: &Resolved<'_>, path: AttributePath, value: Option<Value>, normal: &mut Vec<Operation>) {
    let attribute = target.attribute;
    let value = value.filter(|value| !value.is_null());
    let Some(value) = value.filter(|_| attribute.multi_valued && target.sub.is_none()) else {
        normal.push(Operation { op: Op::Remove, path: Some(PatchPath::Attribute(path)), value: None });
        return;
    };
    if attribute.name == "members" {
        normal.push(Operation { op: Op::Remove, path: Some(PatchPath::Attribute(path)), value: Some(value) });
        return;
    }
    let Some(Value::Array(values)) = value::attribute(attribute, value, false).value() else { return };
    for value in values {
        let terms: Vec<(String, Value)> = match value {
            // `value` and `type` tell a value from others (RFC 7643 2.4); addresses have no `value`.
            Value::Object(members) if members.contains_key("value") => {
                members.into_iter().filter(|(name, _)| matches!(name.as_str(), "value" | "type")).collect()
            }
            Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_object()).collect(),
            simple if attribute.data_type != DataType::Complex => vec![("value".into(), simple)],
            _ => Vec::new(),
        };
        let compare = |(name, value)| Filter::Compare {
            attribute: AttributePath { schema: None, name, sub: None },
            operator: CompareOperator::Eq,
            value,
        };
        let filter = terms.into_iter().map(compare).reduce(|left, right| Filter::And(left.into(), right.into()));
        if let Some(filter) = filter {
            let path = PatchPath::Values { attribute: path.clone(), filter, sub: None };
            normal.push(Operation { op: Op::Remove, path: Some(path), value: None });
        }
    }
}
