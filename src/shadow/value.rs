//! The values by which identity providers look resources up, one row each.

use std::collections::BTreeSet;

use diesel::prelude::*;
use serde_json::Value;

use crate::db::schema::resource_values;
use crate::db::{Conn, Error};
use crate::scim::ENTERPRISE_SCHEMA;
use crate::scim::fold::fold;

use super::resource::{Kind, Stored};

/// How the values of an indexed path compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Exact,
    Folded,
}

/// Whose reports somebody's are: Entra asks, and a manager's new account wakes their deliveries.
pub(super) const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value";

/// Indexed paths by kind, in lower case. `id` needs no row: it is the primary key.
const INDEXED: [(Kind, &str, Case); 7] = [
    (Kind::User, "username", Case::Folded),
    (Kind::User, "externalid", Case::Exact),
    (Kind::User, "displayname", Case::Folded),
    (Kind::User, "emails.value", Case::Folded),
    (Kind::User, MANAGER, Case::Exact),
    (Kind::Group, "displayname", Case::Folded),
    (Kind::Group, "externalid", Case::Exact),
];

/// The stored form of a look-up by `path` (lower case) for `value`, if that path has an index.
pub(super) fn indexed(kind: Kind, path: &str, value: &str) -> Option<String> {
    let (_, _, case) = INDEXED.iter().find(|(k, p, _)| *k == kind && *p == path)?;
    Some(match case {
        Case::Exact => value.to_owned(),
        Case::Folded => fold(value),
    })
}

/// What a resource can be looked up by: pure.
fn of(resource: &Stored) -> BTreeSet<(&'static str, String)> {
    let mut values = BTreeSet::new();
    let mut put = |path: &'static str, value: Option<&Value>| {
        if let Some(stored) = value.and_then(Value::as_str).and_then(|v| indexed(resource.kind, path, v)) {
            values.insert((path, stored));
        }
    };
    put("username", resource.document.get("userName"));
    put("externalid", resource.document.get("externalId"));
    put("displayname", resource.document.get("displayName"));
    let manager = resource.document.get(ENTERPRISE_SCHEMA).and_then(|extension| extension.get("manager")?.get("value"));
    put(MANAGER, manager);
    for email in resource.document.get("emails").and_then(Value::as_array).into_iter().flatten() {
        put("emails.value", email.get("value"));
    }
    values
}

/// Bytes of the longest value that is looked up, folded. PostgreSQL's index takes no row above 2,704 bytes, of which the
/// tenant, the path and the id need some.
pub const LONGEST: usize = 2048;

/// An attribute whose value is too long to be looked up by, as its schema spells it.
pub fn too_long(resource: &Stored) -> Option<&'static str> {
    let (path, _) = of(resource).into_iter().find(|(_, value)| value.len() > LONGEST)?;
    Some(match path {
        "username" => "userName",
        "externalid" => "externalId",
        "displayname" => "displayName",
        MANAGER => "manager.value",
        other => other,
    })
}

/// Brings the rows of a resource to its document, touching only those that differ.
pub(super) fn write(conn: &mut Conn, resource: &Stored) -> Result<(), Error> {
    let wanted = of(resource);
    let stored: Vec<(String, String)> = resource_values::table
        .filter(resource_values::resource_id.eq(&resource.id))
        .select((resource_values::path, resource_values::value))
        .load(conn)?;
    // Sets, since SQLite's only writer waits here, and a resource may have thousands of rows.
    let wanted: BTreeSet<(&str, &str)> = wanted.iter().map(|(path, value)| (*path, value.as_str())).collect();
    let stored: BTreeSet<(&str, &str)> = stored.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    for (path, value) in stored.difference(&wanted) {
        diesel::delete(resource_values::table.find((&resource.id, path, value))).execute(conn)?;
    }
    for (path, value) in wanted.difference(&stored) {
        diesel::insert_into(resource_values::table)
            .values((
                resource_values::resource_id.eq(&resource.id),
                resource_values::path.eq(path),
                resource_values::value.eq(value),
                resource_values::tenant.eq(&resource.tenant),
                resource_values::kind.eq(resource.kind.as_str()),
            ))
            .execute(conn)?;
    }
    Ok(())
}
