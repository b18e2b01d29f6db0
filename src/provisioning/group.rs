//! Members of a group: deltas on rows, never a list that was read before.

use serde_json::{Value, json};

use crate::db::Conn;
use crate::scim::patch::{MemberChange, MemberValue};
use crate::scim::schema::ResourceType;
use crate::scim::{Attributes, matcher};
use crate::shadow::{self, Stored, member};

use super::Error;

/// Takes the members out of a group's document: they are rows.
pub(super) fn take_members(document: &mut Attributes) -> Vec<String> {
    let Some(Value::Array(members)) = document.remove("members") else { return Vec::new() };
    members.iter().filter_map(|m| m.get("value").and_then(Value::as_str)).map(str::to_owned).collect()
}

/// Those of `ids` that are resources of the group's tenant. An id that is none is left out and logged: Entra and Okta
/// send members that were never provisioned, and refusing them would refuse the rest of the group for ever. A group is
/// no member of itself.
pub(super) fn known(conn: &mut Conn, group: &Stored, ids: &[String]) -> Result<Vec<String>, Error> {
    let known: Vec<String> = shadow::existing(conn, &group.tenant, ids)?
        .into_iter()
        .map(|(id, _)| id)
        .filter(|id| *id != group.id)
        .collect();
    if known.len() < ids.len() {
        tracing::info!(group = group.id, left_out = ids.len() - known.len(), "members that are no resources here");
    }
    Ok(known)
}

/// Makes these, and no others, the members. Answers whether anything changed.
pub(super) fn replace(conn: &mut Conn, group: &Stored, ids: &[String]) -> Result<bool, Error> {
    let ids = known(conn, group, ids)?;
    Ok(member::replace(conn, &group.id, &ids)?)
}

/// Applies the membership part of a PATCH in order. Answers whether anything changed.
pub(super) fn apply(
    conn: &mut Conn,
    group: &Stored,
    steps: &[MemberChange],
    resource_type: &ResourceType,
) -> Result<bool, Error> {
    let ids = |values: &[MemberValue]| values.iter().map(|m| m.value.clone()).collect::<Vec<_>>();
    let mut changed = false;
    for step in steps {
        changed |= match step {
            MemberChange::Add(values) => {
                let known = known(conn, group, &ids(values))?;
                member::add(conn, &group.id, &known)?
            }
            MemberChange::Remove(ids) => member::remove(conn, &group.id, ids)?,
            MemberChange::RemoveAll => member::clear(conn, &group.id)?,
            MemberChange::ReplaceAll(values) => replace(conn, group, &ids(values))?,
            MemberChange::RemoveWhere(filter) => {
                let Some(attribute) = resource_type.core_attribute("members") else { continue };
                let gone: Vec<String> = member::of_group(conn, &group.id)?
                    .into_iter()
                    .filter(|m| {
                        let seen = json!({ "value": m.id, "type": m.kind.as_str() });
                        matcher::matches_value(filter, attribute, &seen)
                    })
                    .map(|m| m.id)
                    .collect();
                member::remove(conn, &group.id, &gone)?
            }
        };
    }
    Ok(changed)
}

/// Whether a group has more than `limit` members, without reading more than that.
pub(super) fn is_larger_than(conn: &mut Conn, group: &str, limit: usize) -> Result<bool, Error> {
    Ok(member::count_up_to(conn, group, limit + 1)? > limit)
}
