//! Inserts, updates and deletes of one record, whichever interface they come through.

mod group;
mod user;

use serde_json::{Map, Value};

use super::fault::Fault;
use super::schema::Object;
use super::soql::parse_moment;
use super::state::ACCOUNT;
use super::world::{World, may};
use crate::sandbox::ids::{self, prefix};
use crate::sandbox::org::Visit;

/// A record as a client sends it: fields by API name.
pub(super) type Fields = Map<String, Value>;

/// Makes a record; answers its id.
pub(super) fn insert(visit: &mut Visit<'_>, object: &'static Object, fields: &Fields) -> Result<String, Fault> {
    if !object.createable {
        return Err(unsupported(object, "create"));
    }
    allowed(visit, object)?;
    let visit = &mut *visit;
    match object.name {
        "User" => user::insert(visit, fields),
        "Group" => group::insert(visit, fields),
        "GroupMember" => {
            let [group, member] = references(object, fields, ["GroupId", "UserOrGroupId"])?;
            let group = ids::canonical(&group).unwrap_or_default();
            Ok(visit.inner.store.add_member(&group, &member)?)
        }
        "PermissionSetAssignment" => insert_assignment(visit, object, fields),
        "PermissionSetLicenseAssign" => {
            let [user, licence] = references(object, fields, ["AssigneeId", "PermissionSetLicenseId"])?;
            Ok(visit.inner.store.assign_licence(&user, &licence)?)
        }
        _ => {
            let name = account_name(object, fields)?.ok_or_else(|| Fault::missing(&["Name"]))?;
            let id = visit.inner.rest.id(ACCOUNT);
            visit.inner.rest.accounts.insert(id.clone(), name);
            Ok(id)
        }
    }
}

/// Changes a record; answers whether anything became different.
pub(super) fn update(visit: &mut Visit<'_>, object: &'static Object, id: &str, fields: &Fields) -> Result<bool, Fault> {
    if !object.updateable {
        return Err(unsupported(object, "update"));
    }
    let id = World::of(visit).record(object, id).ok_or_else(Fault::not_found)?.id().to_owned();
    allowed(visit, object)?;
    match object.name {
        "User" => user::update(visit, &id, fields),
        "Group" => group::update(visit, &id, fields),
        "PermissionSetAssignment" => update_assignment(visit, object, &id, fields),
        "UserLogin" => update_login(visit, object, &id, fields),
        _ => {
            let Some(name) = account_name(object, fields)? else { return Ok(false) };
            let before = visit.inner.rest.accounts.insert(id, name.clone());
            Ok(before != Some(name))
        }
    }
}

/// Deletes a record.
pub(super) fn delete(visit: &mut Visit<'_>, object: &'static Object, id: &str) -> Result<(), Fault> {
    if object.name == "User" {
        return Err(Fault::new("INSUFFICIENT_ACCESS_OR_READONLY", "users cannot be deleted").about(&[]));
    }
    if !object.deletable {
        return Err(unsupported(object, "delete"));
    }
    let well_formed = ids::canonical(id).is_some_and(|id| id.starts_with(object.prefix));
    let absent = || if well_formed && object.name != "Group" { Fault::gone() } else { Fault::not_found() };
    let id = World::of(visit).record(object, id).ok_or_else(absent)?.id().to_owned();
    allowed(visit, object)?;
    let store = &mut visit.inner.store;
    match object.name {
        "Group" => {
            store.delete_group(&id)?;
        }
        "GroupMember" => store.delete_group_member(&id)?,
        "PermissionSetAssignment" => {
            store.delete_set_assignment(&id)?;
            visit.inner.rest.expirations.remove(&id);
        }
        "PermissionSetLicenseAssign" => store.delete_licence_assignment(&id)?,
        _ => {
            visit.inner.rest.accounts.remove(&id);
        }
    }
    Ok(())
}

fn unsupported(object: &Object, verb: &str) -> Fault {
    let message = format!("entity type {} does not support {verb}", object.name);
    Fault::new("INVALID_TYPE_FOR_OPERATION", message).about(&[])
}

/// Whether the caller may write such records at all, and whether the open transaction takes them.
fn allowed(visit: &mut Visit<'_>, object: &'static Object) -> Result<(), Fault> {
    let needed: &[&str] = match object.name {
        "User" => &["PermissionsManageUsers", "PermissionsManageInternalUsers"],
        "UserLogin" => &["PermissionsManageUsers", "PermissionsFreezeUsers"],
        "PermissionSetAssignment" | "PermissionSetLicenseAssign" => &["PermissionsAssignPermissionSets"],
        "Group" | "GroupMember" => &["PermissionsManageUsers"],
        _ => &[],
    };
    if !needed.iter().all(|permission| may(visit.settings, &visit.inner.rest, permission)) {
        let message = "insufficient access rights on object id";
        return Err(Fault::new("INSUFFICIENT_ACCESS_OR_READONLY", message).about(&[]).with_status(403));
    }
    visit.inner.rest.note_write(object).map_err(|first| {
        let message = format!(
            "DML operation on setup object is not permitted after you have updated a non-setup object (or vice versa): \
             {}, original object: {}",
            object.name, first.name
        );
        Fault::new("MIXED_DML_OPERATION", message).about(&[])
    })
}

/// A text field's new value; `null` and the empty string clear.
fn text(name: &str, value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        _ => {
            let message = format!("Cannot deserialize instance of string from value {value} for field {name}");
            Err(Fault::new("JSON_PARSER_ERROR", message))
        }
    }
}

/// A boolean field's new value; `null` is false.
fn boolean(value: &Value) -> Result<bool, Fault> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Null => Ok(false),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Fault::not_of_type("boolean", value)),
    }
}

/// The value given for a field, by its name whatever its case.
fn given<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Refuses fields that the object does not have, and those that are not to be written in this way.
fn check_names(object: &Object, fields: &Fields, writable: &[&str]) -> Result<(), Fault> {
    for name in fields.keys() {
        if writable.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            continue;
        }
        return Err(match object.fixed_field(name) {
            Some(known) => Fault::read_only(known),
            None => Fault::no_such_field(object.name, name),
        });
    }
    Ok(())
}

/// The two references that a link is made of.
fn references(object: &Object, fields: &Fields, names: [&'static str; 2]) -> Result<[String; 2], Fault> {
    check_names(object, fields, &names)?;
    let mut found = [String::new(), String::new()];
    for (found, name) in found.iter_mut().zip(names) {
        *found = given(fields, name).map(|value| text(name, value)).transpose()?.unwrap_or_default();
    }
    let missing: Vec<&str> =
        names.into_iter().zip(&found).filter(|(_, value)| value.is_empty()).map(|(name, _)| name).collect();
    if missing.is_empty() { Ok(found) } else { Err(Fault::missing(&missing)) }
}

fn insert_assignment(visit: &mut Visit<'_>, object: &'static Object, fields: &Fields) -> Result<String, Fault> {
    const NAMES: &[&str] = &["AssigneeId", "PermissionSetId", "PermissionSetGroupId", "ExpirationDate"];
    check_names(object, fields, NAMES)?;
    let of = |name: &str| given(fields, name).map(|value| text(name, value)).transpose().map(Option::unwrap_or_default);
    let (user, set, group) = (of("AssigneeId")?, of("PermissionSetId")?, of("PermissionSetGroupId")?);
    let until = given(fields, "ExpirationDate").map(expiration).transpose()?.flatten();
    if user.is_empty() {
        return Err(Fault::missing(&["AssigneeId"]));
    }
    let (target, field, wanted) = match (set.is_empty(), group.is_empty()) {
        (false, true) => (set, "PermissionSetId", prefix::PERMISSION_SET),
        (true, false) => (group, "PermissionSetGroupId", prefix::PERMISSION_SET_GROUP),
        (true, true) => return Err(Fault::missing(&["PermissionSetId"])),
        (false, false) => {
            let message = "Specify either a permission set or a permission set group, but not both";
            let fields = ["PermissionSetId", "PermissionSetGroupId"];
            return Err(Fault::new("FIELD_INTEGRITY_EXCEPTION", message).about(&fields));
        }
    };
    if !target.starts_with(wanted) {
        return Err(Fault::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").about(&[field]));
    }
    let id = visit.inner.store.assign(&user, &target)?;
    if let Some(until) = until {
        visit.inner.rest.expirations.insert(id.clone(), until);
    }
    Ok(id)
}

fn expiration(value: &Value) -> Result<Option<chrono::DateTime<chrono::Utc>>, Fault> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => match parse_moment(text) {
            Some(at) => Ok(Some(at)),
            None => Err(Fault::not_of_type("datetime", value)),
        },
        _ => Err(Fault::not_of_type("datetime", value)),
    }
}

fn update_assignment(visit: &mut Visit<'_>, object: &Object, id: &str, fields: &Fields) -> Result<bool, Fault> {
    check_names(object, fields, &["ExpirationDate"])?;
    let Some(value) = given(fields, "ExpirationDate") else { return Ok(false) };
    let expirations = &mut visit.inner.rest.expirations;
    let (before, until) = (expirations.get(id).copied(), expiration(value)?);
    match until {
        Some(until) => expirations.insert(id.to_owned(), until),
        None => expirations.remove(id),
    };
    Ok(before != until)
}

fn update_login(visit: &mut Visit<'_>, object: &Object, id: &str, fields: &Fields) -> Result<bool, Fault> {
    check_names(object, fields, &["IsFrozen", "IsPasswordLocked"])?;
    if let Some(value) = given(fields, "IsPasswordLocked")
        && boolean(value)?
    {
        let message = "IsPasswordLocked can only be set to false";
        return Err(Fault::new("FIELD_INTEGRITY_EXCEPTION", message).about(&["IsPasswordLocked"]));
    }
    let Some(frozen) = given(fields, "IsFrozen").map(boolean).transpose()? else { return Ok(false) };
    let user = visit.inner.store.user_by_login(id).map(|user| user.id.clone()).ok_or_else(Fault::not_found)?;
    Ok(visit.inner.store.freeze(&user, frozen)?)
}

fn account_name(object: &Object, fields: &Fields) -> Result<Option<String>, Fault> {
    check_names(object, fields, &["Name"])?;
    match given(fields, "Name") {
        None => Ok(None),
        Some(value) => match text("Name", value)? {
            name if name.is_empty() => Err(Fault::missing(&["Name"])),
            name => Ok(Some(name)),
        },
    }
}
