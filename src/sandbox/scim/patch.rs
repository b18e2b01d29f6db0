//! `PATCH /Users/{id}`. Only one form works: operations without `path` whose `value` is an object.

use serde_json::{Map, Value, json};

use super::input::{Input, Unreadable, part};
use super::listing::Projection;
use super::users::show;
use super::{EXTENSION, PATCH_OP, SALESFORCE, body};
use crate::sandbox::ids;
use crate::sandbox::org::Visit;
use crate::sandbox::settings::OddPatch;
use crate::sandbox::store::User;
use crate::sandbox::store::field::Field;
use crate::sandbox::store::refusal::Refusal;
use crate::sandbox::wire::{Reply, Request};

/// Known, and passed over by a patch: the answer is a success and nothing has changed.
const NOT_PATCHABLE: &[Field] = &[Field::Username, Field::FederationIdentifier];

/// Why a patch ends.
enum Stop {
    /// Salesforce's own code says no.
    Said(u16, String),
    /// An exception that nobody catches.
    Uncaught(String),
    /// The database says no.
    Refused(Refusal),
}

/// `PATCH /Users/{id}`.
pub(super) fn patch(visit: &mut Visit<'_>, request: &Request, id: &str) -> Reply {
    let failure = visit.settings.switches.patch_failure_status;
    let Some(before) = visit.inner.store.user(id).cloned() else {
        let stop = Stop::Uncaught("System.QueryException: List has no rows for assignment to SObject".to_owned());
        return answer(stop, failure, id);
    };
    match operations(visit, request, &before.id) {
        Ok(()) => match visit.inner.store.user(&before.id) {
            Some(user) => {
                let changed = !user.is_like(&before);
                show(visit, user, 200, &Projection::All).wrote(changed)
            }
            None => Reply::scim_error(404, "No such resource"),
        },
        Err(stop) => {
            visit.inner.store.restore_user(before.clone());
            answer(stop, failure, &before.id)
        }
    }
}

fn answer(stop: Stop, failure: u16, id: &str) -> Reply {
    let message = match stop {
        Stop::Said(status, message) => return Reply::scim_error(status, message),
        Stop::Refused(refusal) if refusal.code == "UNKNOWN_EXCEPTION" => return Reply::rest_refusal(&refusal),
        Stop::Refused(refusal) => format!("System.DmlException: {}", refusal.as_exception("Update", Some(id))),
        Stop::Uncaught(message) => message,
    };
    if failure == 500 { Reply::apex_error(&message) } else { Reply::scim_error(failure, message) }
}

fn said(message: impl Into<String>) -> Stop {
    Stop::Said(400, message.into())
}

fn operations(visit: &mut Visit<'_>, request: &Request, id: &str) -> Result<(), Stop> {
    let body = body(request).map_err(|message| Stop::Uncaught(format!("System.JSONException: {message}")))?;
    let schema = body.get("schemas").and_then(|schemas| schemas.get(0)).and_then(Value::as_str);
    if schema != Some(PATCH_OP) {
        return Err(said("Improper Schema."));
    }
    for operation in body.get("Operations").and_then(Value::as_array).into_iter().flatten() {
        let op = operation.get("op").and_then(Value::as_str).unwrap_or_default();
        let path = operation.get("path").and_then(Value::as_str);
        let value = operation.get("value");
        match op.to_lowercase().as_str() {
            "remove" => remove(visit, id, path.ok_or_else(|| said("MISING PATH"))?)?,
            op @ ("add" | "replace") => match value {
                Some(Value::Object(value)) => set(visit, id, op, value)?,
                // Passed over in silence, unless a switch says otherwise.
                Some(value @ Value::Array(_)) => odd(visit, id, op, path, value, visit.settings.switches.patch_array)?,
                Some(Value::Null) | None => {
                    return Err(Stop::Uncaught(
                        "System.NullPointerException: Attempt to de-reference a null object".to_owned(),
                    ));
                }
                Some(value) => odd(visit, id, op, path, value, visit.settings.switches.patch_scalar)?,
            },
            _ => return Err(said(format!("INPROPER Operation: {op}"))),
        }
    }
    Ok(())
}

/// An operation with a `path` and a value that is no object.
fn odd(
    visit: &mut Visit<'_>,
    id: &str,
    op: &str,
    path: Option<&str>,
    value: &Value,
    switch: OddPatch,
) -> Result<(), Stop> {
    match (switch, path) {
        (OddPatch::Fail, _) => Err(Stop::Uncaught("System.LimitException: Apex CPU time limit exceeded".to_owned())),
        (OddPatch::Refuse, path) => Err(said(format!("Invalid value for path: {}", path.unwrap_or_default()))),
        (OddPatch::Ignore, _) | (OddPatch::Honour, None) => Ok(()),
        (OddPatch::Honour, Some(path)) => {
            let mut object = Map::new();
            match path.split_once('.') {
                Some((parent @ "name", part)) => object.insert(parent.to_owned(), json!({part: value})),
                _ => object.insert(path.rsplit(':').next().unwrap_or(path).to_owned(), value.clone()),
            };
            set(visit, id, op, &object)
        }
    }
}

/// `add` or `replace`, which differ for groups and entitlements only.
fn set(visit: &mut Visit<'_>, id: &str, op: &str, value: &Map<String, Value>) -> Result<(), Stop> {
    let nested = visit.settings.switches.patch_nested_extension;
    let input = Input::of_patch(value, nested).map_err(|unreadable| match unreadable {
        Unreadable::Type(message) => Stop::Uncaught(format!("ParseException: {message}")),
        Unreadable::NestedExtension if nested == OddPatch::Refuse => said("Extensions cannot be nested in a patch"),
        Unreadable::NestedExtension => Stop::Uncaught("System.LimitException: Apex CPU time limit exceeded".to_owned()),
    })?;
    let mut complaint = String::new();
    if input.addresses.as_ref().is_some_and(|list| list.len() > 1) {
        complaint.push_str("INVALID: User can only have one address");
    }
    if input.emails.as_ref().is_some_and(|list| list.len() > 1) {
        complaint.push_str("INVALID: User can only have one email");
    }
    if input.roles.as_ref().is_some_and(|list| list.len() > 1) {
        complaint.push_str("INVALID:user_must_have_only_one_role;");
    }
    if !complaint.is_empty() {
        return Err(said(complaint));
    }
    let mut user = current(visit, id)?;
    if visit.settings.switches.patch_applies_all {
        input.apply_text(&mut user, &[]);
        input.apply_phone(&mut user);
    } else {
        input.apply_text(&mut user, NOT_PATCHABLE);
    }
    input.apply_custom(&visit.inner.store, &mut user);
    input.apply_address(&mut user);
    if let Some(email) = input.emails.as_ref().and_then(|list| list.first()) {
        user.set(Field::Email, part(email, "value"));
    }
    if let Some(role) = input.roles.as_ref().and_then(|list| list.first()) {
        user.set(Field::UserRoleId, part(role, "value"));
    }
    if let Some(active) = input.active {
        user.active = active;
    }
    if let Some(entitlements) = &input.entitlements {
        let all = Input::values(Some(entitlements), "");
        if let Some(wrong) = all.iter().find(|id| !id.starts_with("00e") && !id.starts_with("0PS")) {
            return Err(said(format!("INVALID entitlement id: {wrong}")));
        }
        let profiles = Input::values(Some(entitlements), "00e");
        match profiles.as_slice() {
            [] => {}
            [profile] if op == "replace" => user.set(Field::ProfileId, profile),
            several => return Err(said(format!("INVALID: cannot have multiple profiles: ({})", several.join(", ")))),
        }
        let sets = Input::values(Some(entitlements), "0PS");
        let store = &mut visit.inner.store;
        if op == "replace" && !sets.is_empty() {
            store.unassign_all(id);
        }
        let failed = sets
            .into_iter()
            .filter_map(|set| store.assign(id, set).err())
            .map(|refusal| format!("INVALID:{};", refusal.message))
            .collect::<Vec<_>>()
            .concat();
        if !failed.is_empty() {
            return Err(said(failed));
        }
    }
    let store = &mut visit.inner.store;
    if input.groups.is_some() {
        if op == "replace" {
            leave_groups(visit, id)?;
        }
        let store = &mut visit.inner.store;
        for group in Input::values(input.groups.as_ref(), "") {
            let group = ids::canonical(group).unwrap_or_default();
            store.add_member(&group, id).map_err(Stop::Refused)?;
        }
        visit.inner.store.update_user(user, visit.now).map_err(Stop::Refused)?;
        return Ok(());
    }
    store.update_user(user, visit.now).map_err(Stop::Refused)?;
    Ok(())
}

fn current(visit: &Visit<'_>, id: &str) -> Result<User, Stop> {
    let user = visit.inner.store.user(id).cloned();
    user.ok_or_else(|| Stop::Uncaught("System.QueryException: List has no rows for assignment to SObject".to_owned()))
}

fn leave_groups(visit: &mut Visit<'_>, id: &str) -> Result<(), Stop> {
    for group in current(visit, id)?.groups.into_keys() {
        visit.inner.store.remove_member(&group, id).map_err(Stop::Refused)?;
    }
    Ok(())
}

/// `remove`; an unknown path is passed over.
fn remove(visit: &mut Visit<'_>, id: &str, path: &str) -> Result<(), Stop> {
    let mut user = current(visit, id)?;
    let alias = format!("{SALESFORCE}:alias");
    let cleared: &[Field] = match path {
        "givenName" => &[Field::FirstName],
        "familyName" => &[Field::LastName],
        "title" => &[Field::Title],
        "preferredLanguage" => &[Field::LanguageLocaleKey],
        "emailEncodingKey" => &[Field::EmailEncodingKey],
        "locale" => &[Field::LocaleSidKey],
        "timezone" => &[Field::TimeZoneSidKey],
        "employeeNumber" => &[Field::EmployeeNumber],
        "division" => &[Field::Division],
        "department" => &[Field::Department],
        "nickName" => &[Field::CommunityNickname],
        "manager" => &[Field::ManagerId],
        "delegatedApprover" => &[Field::DelegatedApproverId],
        "roles" => &[Field::UserRoleId],
        "active" => {
            user.active = false;
            &[]
        }
        path if path.starts_with("addresses") => {
            &[Field::Street, Field::City, Field::State, Field::PostalCode, Field::Country]
        }
        "groups" => {
            leave_groups(visit, id)?;
            &[]
        }
        "entitlements" => return Err(said("INVALID: Cannot remove all entitlements. Use replace")),
        "alias" | "password" | "emails" => return Err(said(format!("FIELD CANNOT BE NULL: {path}"))),
        path if path == alias => return Err(said("FIELD CANNOT BE NULL: alias")),
        "costCenter" | "organization" | "name.middleName" | "name.honorificPrefix" | "name.honorificSuffix" => {
            return Err(said(format!("UNSUPPORTED_FIELD: {path}")));
        }
        path => {
            let name = path.strip_prefix(EXTENSION).and_then(|rest| rest.split_once(':')).map(|(_, name)| name);
            if let Some(field) = name.and_then(|name| visit.inner.store.custom_field(name)) {
                let name = field.api_name.clone();
                user.set_custom(&name, "");
            }
            &[]
        }
    };
    for field in cleared {
        user.set(*field, "");
    }
    visit.inner.store.update_user(user, visit.now).map_err(Stop::Refused)?;
    Ok(())
}
