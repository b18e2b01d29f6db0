//! References to what other operations create: `bulkId:` and the name that the POST has (RFC 7644 3.7.2).
//!
//! They are looked for where ids stand, and nowhere within free text, be it that a title begins with `bulkId:`. The schema
//! tells where that is: the `value` beside a `$ref` (members, the manager), also where it stands alone in the place of the
//! whole (`"manager": "bulkId:qwerty"`); an attribute that refers to resources, as `$ref` does, which may hold an address
//! that ends in a reference (`https://example.com/v2/Users/bulkId:qwerty`); the literals that these are compared with in
//! the path of a PATCH operation (`members[value eq "bulkId:qwerty"]`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scim::filter::Filter;
use crate::scim::model::BulkMethod;
use crate::scim::path::{self, AttributePath, PatchPath};
use crate::scim::schema::{Attribute, DataType, ResourceType};

/// Endpoints before the id of an address.
const ENDPOINTS: [&str; 2] = ["Users", "Groups"];

/// What stands for a reference once it is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The resource's id.
    pub(super) id: String,
    /// Its address.
    pub(super) location: String,
}

/// Answers what a bulkId stands for; `None` leaves the reference as it is.
type Lookup<'l> = dyn FnMut(&str) -> Option<Resolved> + 'l;

/// The bulkIds that an operation on this type refers to. `data` is left as it is: it is written to only where a reference
/// is resolved.
pub(super) fn all(kind: &ResourceType, method: BulkMethod, id: Option<&str>, data: &mut Value) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = id.and_then(bulk_id).map(str::to_owned).into_iter().collect();
    substitute(kind, method, data, &mut |bulk_id| {
        found.insert(bulk_id.to_owned());
        None
    });
    found
}

/// The bulkId of a text that is a reference as a whole.
pub(super) fn bulk_id(text: &str) -> Option<&str> {
    let (prefix, bulk_id) = text.split_once(':')?;
    (prefix.eq_ignore_ascii_case("bulkId") && !bulk_id.is_empty()).then_some(bulk_id)
}

/// Puts ids in the place of references.
pub(super) fn substitute(kind: &ResourceType, method: BulkMethod, data: &mut Value, lookup: &mut Lookup<'_>) {
    let operations = match data {
        Value::Object(message) if method == BulkMethod::Patch => {
            message.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("Operations")).map(|(_, value)| value)
        }
        _ => None,
    };
    match operations {
        Some(Value::Array(operations)) => {
            for operation in operations {
                patch(kind, operation, lookup);
            }
        }
        Some(_) => {}
        None => members(kind, data, lookup),
    }
}

/// The same in an operation of a PATCH. One whose path is none is refused when its turn comes.
fn patch(kind: &ResourceType, operation: &mut Value, lookup: &mut Lookup<'_>) {
    let Value::Object(operation) = operation else { return };
    let path = operation.iter().find(|(name, _)| name.eq_ignore_ascii_case("path")).and_then(|(_, path)| path.as_str());
    let mut path = match path.filter(|path| !path.trim().is_empty()).map(|path| PatchPath::parse(kind, path)) {
        None => None,
        Some(Ok(path)) => Some(path),
        Some(Err(_)) => return,
    };
    let changed = match &mut path {
        Some(PatchPath::Values { attribute, filter, .. }) => {
            path::find(kind, attribute).is_some_and(|target| literals(target.attribute, filter, lookup))
        }
        _ => false,
    };
    for (name, value) in operation {
        match &path {
            Some(path) if changed && name.eq_ignore_ascii_case("path") => *value = Value::String(path.to_string()),
            _ if !name.eq_ignore_ascii_case("value") => {}
            Some(path) => at(kind, path, value, lookup),
            None => match value {
                Value::String(text) => in_text(kind, text, lookup),
                value => members(kind, value, lookup),
            },
        }
    }
}

/// The same in an object that is given as JSON text, which the dialect reads (scim-for-keycloak).
fn in_text(kind: &ResourceType, text: &mut String, lookup: &mut Lookup<'_>) {
    let Ok(given @ Value::Object(_)) = serde_json::from_str(text) else { return };
    let mut object = given.clone();
    members(kind, &mut object, lookup);
    if object != given {
        *text = object.to_string();
    }
}

/// The same in a resource, or in the object that an operation without a path has: its keys may be paths.
fn members(kind: &ResourceType, resource: &mut Value, lookup: &mut Lookup<'_>) {
    let Value::Object(members) = resource else { return };
    for (key, value) in members {
        if let Ok(path) = PatchPath::parse(kind, key) {
            at(kind, &path, value, lookup);
        }
    }
}

/// The same in the value of what a path names.
fn at(kind: &ResourceType, path: &PatchPath, value: &mut Value, lookup: &mut Lookup<'_>) {
    let path = match path {
        PatchPath::Extension(urn) => {
            let Value::Object(members) = value else { return };
            for (key, value) in members {
                if let Ok(path) = PatchPath::parse(kind, &format!("{urn}:{key}")) {
                    at(kind, &path, value, lookup);
                }
            }
            return;
        }
        PatchPath::Attribute(path) => path.clone(),
        PatchPath::Values { attribute, sub, .. } => AttributePath { sub: sub.clone(), ..attribute.clone() },
    };
    if let Some(target) = path::find(kind, &path) {
        within(target.attribute, target.sub, value, lookup);
    }
}

/// The same in a value, or a list of values, of an attribute or sub-attribute.
fn within(attribute: &Attribute, sub: Option<&Attribute>, value: &mut Value, lookup: &mut Lookup<'_>) {
    match value {
        Value::String(text) => {
            if let Some(written) = resolve(attribute, sub, text, lookup) {
                *text = written;
            }
        }
        Value::Array(values) => {
            for value in values {
                within(attribute, sub, value, lookup);
            }
        }
        Value::Object(members) if sub.is_none() => {
            for (name, value) in members {
                // As the dialect reads OneLogin's template.
                let name = if name.eq_ignore_ascii_case("managerId") { "value" } else { name.as_str() };
                if let Some(sub) = attribute.sub(name) {
                    within(attribute, Some(sub), value, lookup);
                }
            }
        }
        _ => {}
    }
}

/// The same in the literals of a value filter. Whether there was one to resolve.
fn literals(attribute: &Attribute, filter: &mut Filter, lookup: &mut Lookup<'_>) -> bool {
    match filter {
        Filter::And(left, right) | Filter::Or(left, right) => {
            let changed = literals(attribute, left, lookup);
            literals(attribute, right, lookup) || changed
        }
        Filter::Not(inner) => literals(attribute, inner, lookup),
        Filter::Compare { attribute: path, value: Value::String(text), .. } => {
            let sub = path::find_relative(attribute, path);
            match sub.and_then(|sub| resolve(attribute, Some(sub), text, lookup)) {
                Some(written) => {
                    *text = written;
                    true
                }
                None => false,
            }
        }
        Filter::Compare { .. } | Filter::Present(_) | Filter::Values { .. } => false,
    }
}

/// The text with its reference resolved, where an id or an address stands in this place, and it is a reference or an
/// address that ends in one.
fn resolve(attribute: &Attribute, sub: Option<&Attribute>, text: &str, lookup: &mut Lookup<'_>) -> Option<String> {
    let is_address = refers(sub.unwrap_or(attribute));
    let is_id = attribute.sub("$ref").is_some_and(refers) && sub.is_none_or(|sub| sub.name == "value");
    if !is_address && !is_id {
        return None;
    }
    if let Some(bulk_id) = bulk_id(text) {
        return lookup(bulk_id).map(|resolved| if is_address { resolved.location } else { resolved.id });
    }
    let (before, last) = text.rsplit_once('/')?;
    let endpoint = before.rsplit('/').next().unwrap_or_default();
    if !ENDPOINTS.iter().any(|known| known.eq_ignore_ascii_case(endpoint)) {
        return None;
    }
    lookup(bulk_id(last)?).map(|resolved| format!("{before}/{}", resolved.id))
}

/// Whether the attribute's values are addresses of resources (RFC 7643 7, `referenceTypes`).
fn refers(attribute: &Attribute) -> bool {
    let outside = |name: &String| name == "external" || name == "uri";
    let types = &attribute.reference_types;
    attribute.data_type == DataType::Reference && (types.is_empty() || !types.iter().all(outside))
}
