//! Members of a group: deltas on rows, never a list that was read before.

use serde_json::{Value, json};

use crate::db::Conn;
use crate::scim::filter::Filter;
use crate::scim::patch::{MemberChange, MemberValue, Selected};
use crate::scim::path::AttributePath;
use crate::scim::schema::ResourceType;
use crate::scim::{self, Attributes, matcher};
use crate::shadow::member::Reference;
use crate::shadow::{self, Kind, Stored, member};

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

/// Makes these, and no others, the members. Answers who is new and who is one no longer.
pub(super) fn replace(conn: &mut Conn, group: &Stored, ids: &[String]) -> Result<Vec<String>, Error> {
    let ids = known(conn, group, ids)?;
    Ok(member::replace(conn, &group.id, &ids)?)
}

/// Applies the membership part of a PATCH in order. Answers whose membership changed.
pub(super) fn apply(
    conn: &mut Conn,
    group: &Stored,
    steps: &[MemberChange],
    resource_type: &ResourceType,
) -> Result<Vec<String>, Error> {
    let ids = |values: &[MemberValue]| values.iter().map(|m| m.value.clone()).collect::<Vec<_>>();
    let mut changed = Vec::new();
    for step in steps {
        changed.extend(match step {
            MemberChange::Add(values) => {
                let known = known(conn, group, &ids(values))?;
                member::add(conn, &group.id, &known)?
            }
            MemberChange::Remove(Selected::Ids(ids)) => member::remove(conn, &group.id, ids)?,
            MemberChange::Remove(Selected::Matching(filter)) => {
                let gone = matching(conn, group, filter, resource_type)?;
                member::remove(conn, &group.id, &gone)?
            }
            MemberChange::RemoveAll => member::clear(conn, &group.id)?,
            MemberChange::ReplaceAll(values) => replace(conn, group, &ids(values))?,
            MemberChange::Require(selected) => {
                let there = match selected {
                    Selected::Ids(ids) => member::has_any(conn, &group.id, ids)?,
                    Selected::Matching(filter) => !matching(conn, group, filter, resource_type)?.is_empty(),
                };
                if !there {
                    let words = "members: the filter of a replace matches none (RFC 7644 3.5.2.3)";
                    return Err(scim::Error::no_target(words).into());
                }
                Vec::new()
            }
        });
    }
    Ok(changed)
}

/// Ids of the members that match a value filter.
fn matching(
    conn: &mut Conn,
    group: &Stored,
    filter: &Filter,
    resource_type: &ResourceType,
) -> Result<Vec<String>, Error> {
    let path = AttributePath { schema: None, name: "members".into(), sub: None };
    let Some(target) = resource_type.resolve(&path) else { return Ok(Vec::new()) };
    filter.check_values(&target)?;
    let matches = |member: &Reference| {
        let seen = json!({ "value": member.id, "type": member.type_in(Kind::Group) });
        matcher::matches_value(filter, target.attribute, &seen)
    };
    Ok(member::of_group(conn, &group.id)?.into_iter().filter(matches).map(|member| member.id).collect())
}

/// Whether a group has more than `limit` members, without reading more than that.
pub(super) fn is_larger_than(conn: &mut Conn, group: &str, limit: usize) -> Result<bool, Error> {
    Ok(member::count_up_to(conn, group, limit + 1)? > limit)
}
