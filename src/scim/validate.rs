//! The strict core: a whole resource against its schemas. What identity providers send in other forms has been
//! normalised before, by the dialect; here a document is right or refused, with the attribute and the reason.

mod country;
mod value;

use serde_json::{Map, Value};

use value::Held;

use super::schema::{Attribute, Mutability, ResourceType};
use super::{Attributes, Error, Strictness};

/// Most values of one attribute, members apart, which are no part of the document: each operation of a PATCH looks at all
/// of them, and those that are looked up by are rows.
pub const MAX_VALUES_OF_ONE: usize = 1_000;

/// Checks the body of a create (RFC 7644 3.3) and brings it into canonical form: names as their schema spells them, in
/// its order, `schemas` first; read-only attributes, unassigned values (RFC 7643 2.5), passwords and repeated
/// (type, value) pairs (2.4) are gone.
///
/// # Errors
/// `invalidValue` that names the attribute: unknown, given twice, of the wrong type, required and missing, or with more
/// than one primary value; `tooMany` for more than [`MAX_VALUES_OF_ONE`].
pub fn create(resource_type: &ResourceType, body: Attributes, strictness: Strictness) -> Result<Attributes, Error> {
    finish(resource_type, canonical(resource_type, body, strictness)?)
}

/// The same for the body of a PUT (RFC 7644 3.5.1) over the resource as it is. An immutable attribute that has a value
/// keeps it, and may be given only with that value; all else is as in the body.
///
/// The sub-attributes of `members` are immutable, yet not compared: a body that has a value with other sub-attributes
/// removes one value and adds another, which is allowed (RFC 7643 4.2).
///
/// # Errors
/// As [`create`], and `mutability` for another value of an immutable attribute.
pub fn replace(
    resource_type: &ResourceType,
    current: &Attributes,
    body: Attributes,
    strictness: Strictness,
) -> Result<Attributes, Error> {
    let mut new = canonical(resource_type, body, strictness)?;
    let core = resource_type.common.iter().chain(&resource_type.schema.attributes);
    keep(core.filter(|a| !is_answered_apart(a)), current, &mut new, "")?;
    for extension in &resource_type.extensions {
        let urn = &extension.schema.id;
        let Some(Value::Object(before)) = current.get(urn) else { continue };
        let mut after = match new.shift_remove(urn) {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        keep(extension.schema.attributes.iter(), before, &mut after, &format!("{urn}:"))?;
        if !after.is_empty() {
            new.insert(urn.clone(), Value::Object(after));
        }
    }
    finish(resource_type, new)
}

/// The same for a resource that PATCH operations have changed: nothing may be missing or doubled now. What an
/// operation may touch is decided where it is applied. A strict client answers for those attributes that are not as
/// they were `before`. What no schema has any more, and the resource had `before`, is left out.
///
/// # Errors
/// As [`create`].
pub fn check(
    resource_type: &ResourceType,
    before: &Attributes,
    patched: Attributes,
    strictness: Strictness,
) -> Result<Attributes, Error> {
    // Not through `canonical`: a resource that lists no extension which an operation has just filled is not the
    // client's fault.
    finish(resource_type, value::resource(resource_type, patched, Held { strictness, before: Some(before) })?)
}

fn canonical(resource_type: &ResourceType, body: Attributes, strictness: Strictness) -> Result<Attributes, Error> {
    schemas_are_known(resource_type, &body, strictness)?;
    let canonical = value::resource(resource_type, body, Held { strictness, before: None })?;
    bounded(&canonical, "")?;
    Ok(canonical)
}

/// Refuses more values of an attribute than PATCH lets it have. Not asked of a resource that was patched: what was stored
/// before there was a limit must not stand in the way of a deactivation.
fn bounded(level: &Attributes, prefix: &str) -> Result<(), Error> {
    for (name, value) in level {
        match value {
            Value::Array(values) if values.len() > MAX_VALUES_OF_ONE && name != "members" => {
                return Err(Error::too_many(format!("{prefix}{name}: more than {MAX_VALUES_OF_ONE} values")));
            }
            Value::Object(members) => {
                let after = if name.contains(':') { ':' } else { '.' };
                bounded(members, &format!("{prefix}{name}{after}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Puts `schemas` first and brings the rest into the order of the schemas; says what required attribute is missing.
fn finish(resource_type: &ResourceType, mut canonical: Attributes) -> Result<Attributes, Error> {
    let mut document = Map::with_capacity(canonical.len() + 1);
    let extensions = resource_type.extensions.iter().filter(|e| canonical.contains_key(&e.schema.id));
    let urns = std::iter::once(&resource_type.schema.id).chain(extensions.map(|e| &e.schema.id));
    document.insert("schemas".into(), urns.cloned().map(Value::String).collect());
    let core = resource_type.common.iter().chain(&resource_type.schema.attributes);
    for attribute in core.filter(|a| !is_answered_apart(a)) {
        match canonical.shift_remove(&attribute.name) {
            Some(value) => _ = document.insert(attribute.name.clone(), value),
            None if value::is_missing(attribute) => return Err(value::required("", attribute)),
            None => {}
        }
    }
    for extension in &resource_type.extensions {
        let schema = &extension.schema;
        let Some(Value::Object(mut members)) = canonical.shift_remove(&schema.id) else {
            if extension.required {
                return Err(Error::invalid_value(format!("{}: is required", schema.id)));
            }
            continue;
        };
        let mut ordered = Map::with_capacity(members.len());
        for attribute in &schema.attributes {
            match members.shift_remove(&attribute.name) {
                Some(value) => _ = ordered.insert(attribute.name.clone(), value),
                None if value::is_missing(attribute) => {
                    return Err(value::required(&schema.id, attribute));
                }
                None => {}
            }
        }
        document.insert(schema.id.clone(), Value::Object(ordered));
    }
    Ok(document)
}

/// Takes immutable values over from the resource as it is.
fn keep<'a>(
    attributes: impl Iterator<Item = &'a Attribute>,
    before: &Attributes,
    after: &mut Attributes,
    prefix: &str,
) -> Result<(), Error> {
    for attribute in attributes {
        let Some(value) = before.get(&attribute.name) else { continue };
        match attribute.mutability {
            Mutability::Immutable if after.get(&attribute.name).is_some_and(|new| new != value) => {
                let name = &attribute.name;
                return Err(Error::mutability(format!("{prefix}{name}: is immutable and has another value already")));
            }
            Mutability::Immutable => _ = after.insert(attribute.name.clone(), value.clone()),
            // Not stored: what a client reads is put in when it is answered.
            Mutability::ReadOnly | Mutability::WriteOnly => {}
            Mutability::ReadWrite => {
                if let (Value::Object(before), Some(Value::Object(after))) = (value, after.get_mut(&attribute.name)) {
                    let prefix = format!("{prefix}{}.", attribute.name);
                    keep(attribute.sub_attributes.iter(), before, after, &prefix)?;
                }
            }
        }
    }
    Ok(())
}

/// `schemas`, `id` and `meta` are the service provider's, and no part of the document.
fn is_answered_apart(attribute: &Attribute) -> bool {
    matches!(attribute.name.as_str(), "schemas" | "id" | "meta")
}

/// RFC 7643 3: `schemas` holds URNs of this resource type only. A body without it is taken for what its endpoint says.
fn schemas_are_known(kind: &ResourceType, body: &Attributes, strictness: Strictness) -> Result<(), Error> {
    let given = body.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let urns = match given {
        Some(Value::Array(urns)) => urns.as_slice(),
        None | Some(Value::Null) => &[],
        Some(_) => return Err(Error::invalid_value("schemas: must be an array")),
    };
    let mut known = Vec::with_capacity(urns.len());
    for (index, urn) in urns.iter().enumerate() {
        let urn = urn.as_str().ok_or_else(|| Error::invalid_value(format!("schemas[{index}]: must be a string")))?;
        let schema = kind.schema(urn).ok_or_else(|| {
            Error::invalid_value(format!("schemas[{index}]: {} is no schema of {}", value::clipped(urn), kind.name))
        })?;
        if strictness.is_strict() && known.contains(&schema.id.as_str()) {
            return Err(Error::invalid_value(format!("schemas[{index}]: {} is given twice", schema.id)));
        }
        known.push(schema.id.as_str());
    }
    if strictness.is_strict() {
        let extensions =
            kind.extensions.iter().filter(|e| body.keys().any(|name| name.eq_ignore_ascii_case(&e.schema.id)));
        for urn in std::iter::once(&kind.schema.id).chain(extensions.map(|e| &e.schema.id)) {
            if !known.contains(&urn.as_str()) {
                return Err(Error::invalid_value(format!("schemas: must name {urn}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "validate_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
