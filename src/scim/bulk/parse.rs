//! The message.

use std::num::IntErrorKind;

use serde_json::{Map, Value, json};

use super::{Entry, Operation, Path, Request, path, reference};
use crate::scim::error::Error;
use crate::scim::message::digits;
use crate::scim::model::BulkMethod;
use crate::scim::patch::{kind, object};
use crate::scim::schema::Registry;
use crate::scim::{BULK_REQUEST_MESSAGE, PATCH_MESSAGE};

/// Characters of a wrong value that an error repeats.
const SHOWN: usize = 60;

impl Request {
    /// Reads a bulk request of at most `max_operations` operations. Names count without regard to case, and so does
    /// the method. `base` is the SCIM base URL: paths may begin with it.
    ///
    /// An operation that makes no sense is no error here: it has an error for a result, as RFC 7644 3.7.3 asks ("the
    /// service provider MUST continue").
    ///
    /// # Errors
    /// `invalidSyntax` where the body is no bulk request or has no operation, `invalidValue` for `failOnErrors`, 413
    /// over `max_operations` (RFC 7644 3.7.4).
    pub fn parse(registry: &Registry, base: &str, max_operations: u64, body: Value) -> Result<Self, Error> {
        let mut body = object(body, "the body")?;
        let names_message =
            |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(BULK_REQUEST_MESSAGE));
        match take(&mut body, "schemas") {
            Some(Value::Array(urns)) if urns.iter().any(names_message) => {}
            _ => return Err(Error::invalid_syntax(format!("schemas: must name {BULK_REQUEST_MESSAGE}"))),
        }
        let fail_on_errors = match take(&mut body, "failOnErrors") {
            None => None,
            Some(value) => Some(errors(&value).ok_or_else(|| {
                Error::invalid_value("failOnErrors: must be an integer of at least 1 (RFC 7644 3.7)")
            })?),
        };
        let operations = match take(&mut body, "Operations") {
            Some(Value::Array(operations)) if !operations.is_empty() => operations,
            Some(Value::Array(_)) => return Err(Error::invalid_syntax("Operations: must hold at least one operation")),
            Some(other) => {
                return Err(Error::invalid_syntax(format!("Operations: must be an array, found {}", kind(&other))));
            }
            None => return Err(Error::invalid_syntax("Operations: is missing")),
        };
        if u64::try_from(operations.len()).unwrap_or(u64::MAX) > max_operations {
            let found = operations.len();
            let words = format!("Operations: {found} are more than maxOperations, which is {max_operations}");
            return Err(Error::new(413, words));
        }
        let entries = operations.into_iter().enumerate().map(|(index, body)| entry(registry, base, index, body));
        Ok(Self { fail_on_errors, entries: entries.collect() })
    }
}

/// A number of errors; more than there can be counts as the largest.
fn errors(value: &Value) -> Option<u64> {
    match digits(value.as_number()?).parse::<u64>() {
        Ok(errors) => Some(errors).filter(|errors| *errors >= 1),
        Err(error) => (*error.kind() == IntErrorKind::PosOverflow).then_some(u64::MAX),
    }
}

/// Takes the member of this name, in any case, out of an object. `null` is none.
fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let value = match members.get_mut(name) {
        Some(value) => Some(value.take()),
        None => members.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.take()),
    };
    value.filter(|value| !value.is_null())
}

fn entry(registry: &Registry, base: &str, index: usize, body: Value) -> Entry {
    let mut members = match object(body, &format!("Operations[{index}]")) {
        Ok(members) => members,
        Err(error) => return Entry { method: None, bulk_id: None, path: None, operation: Err(error) },
    };
    // These two are echoed, whatever else is wrong.
    let (method, bulk_id) = (text(&mut members, index, "method"), text(&mut members, index, "bulkId"));
    let known = method.clone().and_then(|given| self::method(index, given));
    let shown = match (&known, &method) {
        (Ok(method), _) => Some(method.name().to_owned()),
        (Err(_), Ok(given)) => given.clone(),
        (Err(_), Err(_)) => None,
    };
    let path = match known {
        Ok(method) => path(registry, base, index, method, &mut members),
        Err(ref error) => Err(error.clone()),
    };
    let operation = match (&known, &bulk_id, &path) {
        (Ok(method), Ok(bulk_id), Ok(path)) => operation(index, *method, bulk_id.as_deref(), path, members),
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => Err(error.clone()),
    };
    Entry { method: shown, bulk_id: bulk_id.ok().flatten(), path: path.ok(), operation }
}

/// A member that is a string; an empty one is none.
fn text(members: &mut Map<String, Value>, index: usize, name: &str) -> Result<Option<String>, Error> {
    Ok(string(members, index, name)?.filter(|text| !text.is_empty()))
}

/// A member that is a string, empty or not.
fn string(members: &mut Map<String, Value>, index: usize, name: &str) -> Result<Option<String>, Error> {
    match take(members, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            let words = format!("Operations[{index}].{name}: must be a string, found {}", kind(&other));
            Err(Error::invalid_syntax(words))
        }
    }
}

fn method(index: usize, given: Option<String>) -> Result<BulkMethod, Error> {
    let given = given.ok_or_else(|| Error::invalid_syntax(format!("Operations[{index}].method: is missing")))?;
    BulkMethod::ALL.into_iter().find(|method| method.name().eq_ignore_ascii_case(&given)).ok_or_else(|| {
        let given: String = given.chars().take(SHOWN).collect();
        let words = format!("Operations[{index}].method: {given:?} is none of POST, PUT, PATCH, DELETE (RFC 7644 3.7)");
        Error::invalid_syntax(words)
    })
}

fn missing(index: usize, method: BulkMethod, name: &str) -> Error {
    let words = format!("Operations[{index}].{name}: is missing, and {} needs it (RFC 7644 3.7)", method.name());
    Error::invalid_syntax(words)
}

fn path(
    registry: &Registry,
    base: &str,
    index: usize,
    method: BulkMethod,
    members: &mut Map<String, Value>,
) -> Result<Path, Error> {
    let path = text(members, index, "path")?.ok_or_else(|| missing(index, method, "path"))?;
    path::parse(registry, base, method, &path).map_err(|mut error| {
        error.detail = format!("Operations[{index}].path: {}", error.detail).into();
        error
    })
}

fn operation(
    index: usize,
    method: BulkMethod,
    bulk_id: Option<&str>,
    path: &Path,
    mut members: Map<String, Value>,
) -> Result<Operation, Error> {
    if method == BulkMethod::Post && bulk_id.is_none() {
        return Err(missing(index, method, "bulkId"));
    }
    // An empty one is a condition that does not hold, as an empty If-Match is.
    let version = string(&mut members, index, "version")?;
    let mut data = match (method, take(&mut members, "data")) {
        (BulkMethod::Delete, _) => Value::Null,
        // The example of RFC 7644 3.7.3 has the operations alone.
        (BulkMethod::Patch, Some(operations @ Value::Array(_))) => {
            json!({ "schemas": [PATCH_MESSAGE], "Operations": operations })
        }
        (_, Some(data)) => data,
        (_, None) => return Err(missing(index, method, "data")),
    };
    let references = reference::all(&path.resource_type, method, path.id.as_deref(), &mut data);
    Ok(Operation { method, data, version, references })
}
