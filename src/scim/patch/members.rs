//! The members of a group are rows, not part of its document: one more costs the same in a group of 10 and of 100,000.
//! So operations on them are taken out of a PATCH before the rest is applied.

use std::collections::HashSet;

use serde_json::Value;

use super::apply::missing_value;
use super::{Op, Operation, at, kind};
use crate::scim::document::is_unassigned;
use crate::scim::error::Error;
use crate::scim::filter::{CompareOperator, Filter};
use crate::scim::path::{AttributePath, PatchPath};
use crate::scim::{Attributes, GROUP_SCHEMA, Strictness};

/// A member as a client names it. `display` and `$ref` follow from it and are not read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberValue {
    /// The member's `id`.
    pub value: String,
    /// `type`: `User` or `Group`, where the client says it.
    pub kind: Option<String>,
}

/// A change of a group's members. Adding one that is there and removing one that is not change nothing, and succeed.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberChange {
    /// These too. Never empty, none twice.
    Add(Vec<MemberValue>),
    /// Without these.
    Remove(Selected),
    /// None.
    RemoveAll,
    /// These and no others. None twice.
    ReplaceAll(Vec<MemberValue>),
    /// Nothing; but where the group has none of these, the request fails with `noTarget`.
    Require(Selected),
}

/// Some of a group's members.
#[derive(Debug, Clone, PartialEq)]
pub enum Selected {
    /// Those of these ids. Never empty, none twice.
    Ids(Vec<String>),
    /// Those that match a filter whose paths are relative to `members`.
    Matching(Filter),
}

/// Parts the operations on a group into those on its document and those on its members, each in order. An operation
/// without a path that has both is split in two. Whether the filter of a `replace` matches anything is for the rows to
/// say, and matters to a strict client alone (RFC 7644 3.5.2.3).
///
/// # Errors
/// `mutability` for a write to a sub-attribute of a member: a member is added or removed, never changed (RFC 7643 4.2).
/// `invalidValue` for a member without `value`.
pub fn split_members(
    operations: Vec<Operation>,
    strictness: Strictness,
) -> Result<(Vec<Operation>, Vec<MemberChange>), Error> {
    let mut rest = Vec::with_capacity(operations.len());
    let mut changes = Vec::new();
    for (index, operation) in operations.into_iter().enumerate() {
        let place = |error| at(&format!("Operations[{index}] members"), error);
        match operation {
            Operation { op, path: Some(PatchPath::Attribute(path)), value } if is_members(&path) => match &path.sub {
                None => changes.extend(unfiltered(op, value).map_err(place)?),
                Some(sub) => ignored(sub).map_err(place)?,
            },
            Operation { op, path: Some(PatchPath::Values { attribute, filter, sub }), value }
                if is_members(&attribute) =>
            {
                match &sub {
                    None => changes.extend(filtered(op, filter, value, strictness).map_err(place)?),
                    Some(sub) => ignored(sub).map_err(place)?,
                }
            }
            Operation { op, path: None, value: Some(Value::Object(mut value)) } if op != Op::Remove => {
                let keys: Vec<String> = value.keys().filter(|key| is_members_key(key)).cloned().collect();
                for key in &keys {
                    changes.extend(unfiltered(op, value.shift_remove(key)).map_err(place)?);
                }
                if keys.is_empty() || !value.is_empty() {
                    rest.push(Operation { op, path: None, value: Some(Value::Object(value)) });
                }
            }
            other => rest.push(other),
        }
    }
    Ok((rest, changes))
}

/// Takes the members out of the body of a POST or PUT. `None` where it has no `members` at all.
///
/// # Errors
/// `invalidValue` for a member without `value`.
pub fn take_members(body: &mut Attributes) -> Result<Option<Vec<MemberValue>>, Error> {
    let Some(key) = body.keys().find(|key| is_members_key(key)).cloned() else { return Ok(None) };
    let value = body.shift_remove(&key).unwrap_or_default();
    member_values(value).map(Some).map_err(|error| at("members", error))
}

/// Whether a path begins with the members of a group.
pub(in crate::scim) fn concerns_members(path: &PatchPath) -> bool {
    match path {
        PatchPath::Extension(_) => false,
        PatchPath::Attribute(path) | PatchPath::Values { attribute: path, .. } => is_members(path),
    }
}

/// Whether the key of a body is that of the members of a group.
pub(in crate::scim) fn is_members_key(key: &str) -> bool {
    let name = match key.split_at_checked(GROUP_SCHEMA.len()) {
        Some((urn, rest)) if urn.eq_ignore_ascii_case(GROUP_SCHEMA) => rest.strip_prefix(':').unwrap_or(key),
        _ => key,
    };
    name.eq_ignore_ascii_case("members")
}

fn is_members(path: &AttributePath) -> bool {
    path.name.eq_ignore_ascii_case("members")
        && path.schema.as_ref().is_none_or(|urn| urn.eq_ignore_ascii_case(GROUP_SCHEMA))
}

fn ignored(sub: &str) -> Result<(), Error> {
    if sub.eq_ignore_ascii_case("display") || sub.eq_ignore_ascii_case("$ref") {
        return Ok(());
    }
    Err(Error::mutability(format!("{sub} of a member is immutable: remove the member and add the other")))
}

fn unfiltered(op: Op, value: Option<Value>) -> Result<Option<MemberChange>, Error> {
    match (op, value) {
        (Op::Remove, None | Some(Value::Null)) => Ok(Some(MemberChange::RemoveAll)),
        // Entra, authentik, HelloID: the array says which. An empty one says none, and must not empty the group.
        (Op::Remove, Some(value)) => Ok(removal(member_values(value)?)),
        (_, None) => Err(missing_value()),
        (Op::Add, Some(value)) => Ok(addition(member_values(value)?)),
        (Op::Replace, Some(value)) => member_values(value).map(MemberChange::ReplaceAll).map(Some),
    }
}

fn addition(members: Vec<MemberValue>) -> Option<MemberChange> {
    (!members.is_empty()).then_some(MemberChange::Add(members))
}

fn removal(members: Vec<MemberValue>) -> Option<MemberChange> {
    let ids: Vec<String> = members.into_iter().map(|member| member.value).collect();
    (!ids.is_empty()).then_some(MemberChange::Remove(Selected::Ids(ids)))
}

fn filtered(op: Op, filter: Filter, value: Option<Value>, strictness: Strictness) -> Result<Vec<MemberChange>, Error> {
    let mut named = Vec::new();
    let by_id = ids(&filter, &mut named).is_some();
    let named = distinct(named.into_iter().map(|value| MemberValue { value, kind: None }));
    let selected = if by_id {
        Selected::Ids(named.iter().map(|member| member.value.clone()).collect())
    } else {
        Selected::Matching(filter)
    };
    if op == Op::Remove {
        return Ok(vec![MemberChange::Remove(selected)]);
    }
    let require = (op == Op::Replace && strictness.is_strict()).then(|| MemberChange::Require(selected.clone()));
    // `add members[value eq "x"]`: the member that the filter names, unless the value names another.
    let given = match value {
        None => return Err(missing_value()),
        Some(value) if is_unassigned(&value) && op == Op::Replace => {
            return Ok(require.into_iter().chain([MemberChange::Remove(selected)]).collect());
        }
        Some(Value::Object(members)) if by_id && !members.keys().any(|key| key.eq_ignore_ascii_case("value")) => {
            named.clone()
        }
        Some(value) => member_values(value)?,
    };
    let same = given.iter().map(|member| &member.value).eq(named.iter().map(|member| &member.value));
    let remove = (op == Op::Replace && !same).then_some(MemberChange::Remove(selected));
    Ok(require.into_iter().chain(remove).chain(addition(given)).collect())
}

/// The ids in a filter of nothing but `value eq "…"` joined by `or`.
fn ids(filter: &Filter, found: &mut Vec<String>) -> Option<()> {
    match filter {
        Filter::Or(left, right) => {
            ids(left, found)?;
            ids(right, found)
        }
        Filter::Compare { attribute, operator: CompareOperator::Eq, value: Value::String(id) }
            if attribute.sub.is_none() && attribute.name.eq_ignore_ascii_case("value") =>
        {
            found.push(id.clone());
            Some(())
        }
        _ => None,
    }
}

fn member_values(value: Value) -> Result<Vec<MemberValue>, Error> {
    let values = match value {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        single => vec![single],
    };
    Ok(distinct(values.into_iter().map(member_value).collect::<Result<Vec<_>, _>>()?))
}

fn member_value(value: Value) -> Result<MemberValue, Error> {
    let members = match value {
        Value::String(value) if !value.is_empty() => return Ok(MemberValue { value, kind: None }),
        Value::Object(members) => members,
        other => return Err(Error::invalid_value(format!("a member must be an object, found {}", kind(&other)))),
    };
    let mut member = MemberValue { value: String::new(), kind: None };
    for (name, value) in members {
        match (name.to_ascii_lowercase().as_str(), value) {
            ("value", Value::String(text)) => member.value = text,
            ("value", Value::Number(number)) => member.value = number.to_string(),
            ("type", Value::String(text)) if !text.is_empty() => member.kind = Some(text),
            _ => {}
        }
    }
    if member.value.is_empty() { Err(Error::invalid_value("value of a member is missing")) } else { Ok(member) }
}

fn distinct(members: impl IntoIterator<Item = MemberValue>) -> Vec<MemberValue> {
    let mut seen = HashSet::new();
    members.into_iter().filter(|member| seen.insert(member.value.clone())).collect()
}
