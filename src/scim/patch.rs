//! PATCH (RFC 7644 3.5.2): the message, and what its operations make of a resource.
//!
//! The way of a request: [`super::dialect::patch`] reads the message and normalises what identity providers send,
//! [`split_members`] takes out what concerns the members of a group, which are rows and no part of the document,
//! [`apply`] does the rest, [`super::validate::check`] looks at the result.

mod apply;
mod complex;
mod diff;
mod list;
mod members;
mod work;

use serde_json::{Map, Value};

pub use apply::apply;
pub use diff::diff;
pub use members::{MemberChange, MemberValue, Selected, split_members, take_members};
pub(super) use members::{concerns_members, is_members_key};

use super::error::Error;
use super::path::PatchPath;
use super::schema::ResourceType;
use super::{PATCH_MESSAGE, Strictness};

/// Most operations in one request.
pub const MAX_OPERATIONS: usize = 1_000;
/// Most values in the arrays of one request, over all operations. Members are the only ones that come in thousands.
pub const MAX_VALUES: usize = 100_000;

/// What an operation does (RFC 7644 3.5.2.1 to 3.5.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are RFC 7644 3.5.2's own")]
pub enum Op {
    Add,
    Remove,
    Replace,
}

/// One operation of a PATCH request.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub op: Op,
    /// What it does it to; `None` is the resource as a whole.
    pub path: Option<PatchPath>,
    /// With what.
    pub value: Option<Value>,
}

impl Op {
    /// As the message spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
        }
    }
}

/// Reads a PATCH message as RFC 7644 3.5.2 spells it; unquoted literals in value filters as `strictness` says.
///
/// # Errors
/// `invalidSyntax` where the message is none, `invalidPath` or `invalidFilter` for a malformed path, `tooMany` over
/// [`MAX_OPERATIONS`] or [`MAX_VALUES`]. Each names the operation: `Operations[2].path: …`.
pub fn parse(resource_type: &ResourceType, body: Value, strictness: Strictness) -> Result<Vec<Operation>, Error> {
    let mut body = object(body, "the body")?;
    let is_patch = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(PATCH_MESSAGE));
    if !body.get("schemas").and_then(Value::as_array).is_some_and(|urns| urns.iter().any(is_patch)) {
        return Err(Error::invalid_syntax(format!("schemas: must name {PATCH_MESSAGE}")));
    }
    let operations = match body.get_mut("Operations").map(Value::take) {
        Some(Value::Array(operations)) if !operations.is_empty() => operations,
        Some(Value::Array(_)) => return Err(Error::invalid_syntax("Operations: must hold at least one operation")),
        Some(other) => {
            return Err(Error::invalid_syntax(format!("Operations: must be an array, found {}", kind(&other))));
        }
        None => return Err(Error::invalid_syntax("Operations: is missing")),
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(Error::too_many(format!("Operations: more than {MAX_OPERATIONS} operations")));
    }
    let operations: Vec<Operation> = operations
        .into_iter()
        .enumerate()
        .map(|(index, operation)| self::operation(resource_type, index, operation, strictness))
        .collect::<Result<_, _>>()?;
    let values: usize = operations.iter().filter_map(|operation| operation.value.as_ref()).map(count).sum();
    if values > MAX_VALUES {
        return Err(Error::too_many(format!("Operations: more than {MAX_VALUES} values in one request")));
    }
    Ok(operations)
}

fn operation(kind_of: &ResourceType, index: usize, body: Value, strictness: Strictness) -> Result<Operation, Error> {
    let mut body = object(body, &format!("Operations[{index}]"))?;
    let op = match body.get("op") {
        // RFC 7643 2.1 lets case count in names no more than here; Entra ID writes "Add".
        Some(Value::String(name)) => match name.to_ascii_lowercase().as_str() {
            "add" => Op::Add,
            "remove" => Op::Remove,
            "replace" => Op::Replace,
            _ => {
                let name: String = name.chars().take(40).collect();
                let words = format!("Operations[{index}].op: {name:?} is none of add, remove, replace");
                return Err(Error::invalid_syntax(words));
            }
        },
        Some(_) => return Err(Error::invalid_syntax(format!("Operations[{index}].op: must be a string"))),
        None => return Err(Error::invalid_syntax(format!("Operations[{index}].op: is missing"))),
    };
    let path = match body.get("path") {
        None => None,
        Some(Value::String(path)) => Some(
            PatchPath::parse_with(kind_of, path, strictness)
                .map_err(|error| at(&format!("Operations[{index}].path"), error))?,
        ),
        Some(_) => return Err(Error::invalid_syntax(format!("Operations[{index}].path: must be a string"))),
    };
    Ok(Operation { op, path, value: body.get_mut("value").map(Value::take) })
}

/// The elements of all arrays inside.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.len() + values.iter().map(count).sum::<usize>(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// An object, or words on what is there instead.
pub(super) fn object(value: Value, what: &str) -> Result<Map<String, Value>, Error> {
    match value {
        Value::Object(members) => Ok(members),
        other => Err(Error::invalid_syntax(format!("{what} must be a JSON object, found {}", kind(&other)))),
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The error, with words before it that tell where.
pub(super) fn at(place: &str, mut error: Error) -> Error {
    error.detail = format!("{place}: {}", error.detail).into();
    error
}

#[cfg(test)]
mod tests;
