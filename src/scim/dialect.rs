//! What identity providers send that is not quite SCIM, brought into the form that the strict core takes. Every known
//! deviation of form is normalised here and nowhere else; what follows ([`super::patch`], [`super::validate`]) is the RFC.
//!
//! The rule is: accept and ignore rather than refuse. One refused operation refuses the whole request, and Entra ID
//! repeats it in each cycle while the deactivation that came with it never arrives; Keycloak's plug-ins take a 400 for "does
//! not exist" and create the person again.

mod members;
mod operations;
mod resource;
mod value;

use serde_json::Value;

use super::error::Error;
use super::patch::Operation;
use super::schema::ResourceType;
use super::{Attributes, Strictness};

/// The body of a POST or PUT, for [`super::validate`]. Unless strict:
///
/// - names are found in any case; `name.givenName`, `urn:…:User:department` and `emails[type eq "work"].value` as keys
///   are put where they point; an attribute of an extension at the top level goes into the extension, unless that has it;
///   what stands in an object under the core schema's URN is read as if it stood at the top level;
/// - unknown attributes, extensions and schema URNs are dropped, and so are `id`, `meta` and other read-only attributes;
/// - values come in the type of their attribute: `"True"`, `"7"`, a single object for a list, a string, a list or a
///   `{"value": …}` for a single value; JSON text in the `value` of a role;
/// - `null`, `""`, `[]`, `{}` and a reference with an empty `value` are no value.
///
/// `password` passes through.
///
/// # Errors
/// `invalidSyntax` where the body is no object.
pub fn resource(resource_type: &ResourceType, body: Value, strictness: Strictness) -> Result<Attributes, Error> {
    let body = super::patch::object(body, "the body")?;
    if strictness.is_strict() { Ok(body) } else { resource::normalise(resource_type, body) }
}

/// The body of a PATCH as operations, for [`super::patch::split_members`] and [`super::patch::apply`]. Unless strict, what
/// [`resource`] does to values, and:
///
/// - `replace` where `op` is missing; a missing `schemas`; `operations` in any case;
/// - without a path, each key of the value becomes an operation with that path; read-only attributes (`id`, `meta`,
///   `groups`, `schemas`) among them are dropped;
/// - an operation on an attribute that is not known is dropped;
/// - `replace` with `""`, `null` or what else is no value becomes `remove`; `add` of it nothing;
/// - `remove` of a multi-valued attribute with a value removes these values and leaves the others.
///
/// # Errors
/// As [`super::patch::parse`]; `invalidSyntax` for an operation without a path whose value is no object.
pub fn patch(resource_type: &ResourceType, body: Value, strictness: Strictness) -> Result<Vec<Operation>, Error> {
    if strictness.is_strict() {
        let operations = super::patch::parse(resource_type, body, strictness)?;
        members::check(&operations)?;
        return Ok(operations);
    }
    operations::normalise(resource_type, body)
}

#[cfg(test)]
mod tests;
