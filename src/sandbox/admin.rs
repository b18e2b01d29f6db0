//! What an administrator does in the org itself, past every interface: how a test makes an org drift.
//!
//! The rules of the database hold, faults do not strike, and changed addresses need no confirmation. A change is done as
//! a whole or not at all.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::seeds::{GroupSeed, UserSeed};
use super::settings::EmailConfirmation;
use super::state::user_state;
use super::store::field::Field;
use super::store::refusal::Refusal;
use super::store::{Store, User};

/// Names to add to a list and to take off it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    add: Vec<String>,
    remove: Vec<String>,
}

/// The body of `POST /sandbox/users/{id}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UserChange {
    /// Standard and custom fields by API name; `null` clears. `ManagerId` may be a username.
    fields: Map<String, Value>,
    active: Option<bool>,
    frozen: Option<bool>,
    /// By name.
    profile: Option<String>,
    /// By name; the empty one takes the role away.
    role: Option<String>,
    /// Why the platform refuses to deactivate the user; the empty text ends that.
    undeactivatable: Option<String>,
    permission_sets: Change,
    permission_set_groups: Change,
    permission_set_licences: Change,
    groups: Change,
}

/// The body of `POST /sandbox/groups/{id}`. Members are usernames and names of groups.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GroupChange {
    name: Option<String>,
    members: Change,
}

/// Does `act` in one transaction that no fault strikes.
fn as_administrator<T>(store: &mut Store, act: impl FnOnce(&mut Store) -> Result<T, String>) -> Result<T, String> {
    let mishaps = std::mem::take(&mut store.mishaps);
    let confirmation = std::mem::replace(&mut store.email_confirmation, EmailConfirmation::Immediate);
    store.savepoint();
    let done = act(store);
    if done.is_ok() {
        store.commit();
    } else {
        store.rollback();
    }
    store.mishaps = mishaps;
    store.email_confirmation = confirmation;
    done
}

fn told(refusal: &Refusal) -> String {
    format!("{}: {}", refusal.code, refusal.message)
}

/// `POST /sandbox/users`.
pub(super) fn add_user(store: &mut Store, seed: &UserSeed, now: DateTime<Utc>) -> Result<Value, String> {
    as_administrator(store, |store| {
        let id = store.seed_user(seed, now)?;
        shown(store, &id)
    })
}

fn shown(store: &Store, id: &str) -> Result<Value, String> {
    store.user(id).map(|user| user_state(store, user)).ok_or_else(|| "the user is gone".to_owned())
}

/// `POST /sandbox/users/{id}`, by id or username.
pub(super) fn change_user(
    store: &mut Store,
    id: &str,
    change: &UserChange,
    now: DateTime<Utc>,
) -> Result<Value, String> {
    as_administrator(store, |store| {
        let user = store.user(id).or_else(|| store.user_by_username(id));
        let mut user = user.cloned().ok_or_else(|| format!("there is no user {id}"))?;
        let id = user.id.clone();
        write(store, &mut user, change)?;
        store.update_user(user, now).map_err(|refusal| told(&refusal))?;
        if let Some(frozen) = change.frozen {
            store.freeze(&id, frozen).map_err(|refusal| told(&refusal))?;
        }
        assign(store, &id, change)?;
        shown(store, &id)
    })
}

/// Writes what is no assignment into `user`.
fn write(store: &Store, user: &mut User, change: &UserChange) -> Result<(), String> {
    for (name, value) in &change.fields {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => return Err(format!("{name} takes a text, a number or a boolean")),
        };
        match (Field::named(name), store.custom_field(name)) {
            (Some(Field::ManagerId), _) if text.contains('@') => {
                let manager = store.user_by_username(&text).ok_or_else(|| format!("there is no user {text}"))?;
                user.set(Field::ManagerId, &manager.id);
            }
            (Some(field), _) => user.set(field, &text),
            (None, Some(field)) => user.set_custom(&field.api_name, &text),
            (None, None) => return Err(format!("users have no field {name}")),
        }
    }
    if let Some(name) = &change.profile {
        user.set(Field::ProfileId, &store.profile_named(name).ok_or_else(|| format!("there is no profile {name}"))?);
    }
    match change.role.as_deref() {
        None => {}
        Some("") => user.set(Field::UserRoleId, ""),
        Some(name) => {
            let role = store.role_named(name).ok_or_else(|| format!("there is no role {name}"))?;
            user.set(Field::UserRoleId, &role);
        }
    }
    if let Some(reason) = &change.undeactivatable {
        user.undeactivatable = Some(reason.clone()).filter(|reason| !reason.is_empty());
    }
    user.active = change.active.unwrap_or(user.active);
    Ok(())
}

/// Finds something by its name.
type Find = fn(&Store, &str) -> Option<String>;

fn assign(store: &mut Store, id: &str, change: &UserChange) -> Result<(), String> {
    let missing = |what: &str, name: &str| format!("there is no {what} {name}");
    let not_held = |what: &str, name: &str| format!("the user does not hold the {what} {name}");
    let told = |refusal: Refusal| told(&refusal);
    let licences = &change.permission_set_licences;
    for name in &licences.add {
        let licence = store.set_licence_named(name).ok_or_else(|| missing("permission set licence", name))?;
        store.assign_licence(id, &licence).map_err(told)?;
    }
    let kinds: [(&Change, &str, Find); 2] = [
        (&change.permission_sets, "permission set", Store::permission_set_named),
        (&change.permission_set_groups, "permission set group", Store::set_group_named),
    ];
    for (names, what, find) in kinds {
        for name in &names.remove {
            let target = find(store, name).ok_or_else(|| missing(what, name))?;
            let held = store.find_set_assignment(id, &target).ok_or_else(|| not_held(what, name))?;
            store.delete_set_assignment(&held.id).map_err(told)?;
        }
        for name in &names.add {
            let target = find(store, name).ok_or_else(|| missing(what, name))?;
            store.assign(id, &target).map_err(told)?;
        }
    }
    for name in &licences.remove {
        let licence = store.set_licence_named(name).ok_or_else(|| missing("permission set licence", name))?;
        let held = store.user(id).and_then(|user| user.set_licences.get(&licence)).cloned();
        let held = held.ok_or_else(|| not_held("permission set licence", name))?;
        store.delete_licence_assignment(&held).map_err(told)?;
    }
    for name in &change.groups.remove {
        let group = store.group_named(name).ok_or_else(|| missing("group", name))?;
        if !store.remove_member(&group, id).map_err(told)? {
            return Err(format!("the user is no member of the group {name}"));
        }
    }
    for name in &change.groups.add {
        let group = store.group_named(name).ok_or_else(|| missing("group", name))?;
        store.add_member(&group, id).map_err(told)?;
    }
    Ok(())
}

/// The id of the group with the id or the name.
fn group_id(store: &Store, id: &str) -> Result<String, String> {
    let known = store.group(id).map(|group| group.id.clone()).or_else(|| store.group_named(id));
    known.ok_or_else(|| format!("there is no group {id}"))
}

fn shown_group(store: &Store, id: &str) -> Value {
    json!(store.group(id).map(|group| json!({"Id": group.id, "Name": group.name, "Members": group.members.len()})))
}

/// `POST /sandbox/groups`.
pub(super) fn add_group(store: &mut Store, seed: &GroupSeed, now: DateTime<Utc>) -> Result<Value, String> {
    as_administrator(store, |store| {
        let id = store.seed_group(seed, now).map_err(|refusal| told(&refusal))?;
        for name in seed.groups.iter().chain(&seed.users) {
            let member = member_id(store, name)?;
            store.add_member(&id, &member).map_err(|refusal| told(&refusal))?;
        }
        Ok(shown_group(store, &id))
    })
}

/// The id of the user with the username, or of the group with the name.
fn member_id(store: &Store, name: &str) -> Result<String, String> {
    let user = store.user_by_username(name).map(|user| user.id.clone());
    user.or_else(|| store.group_named(name)).ok_or_else(|| format!("there is no user and no group {name}"))
}

/// `POST /sandbox/groups/{id}`, by id or name.
pub(super) fn change_group(
    store: &mut Store,
    id: &str,
    change: &GroupChange,
    now: DateTime<Utc>,
) -> Result<Value, String> {
    as_administrator(store, |store| {
        let id = group_id(store, id)?;
        if let Some(name) = &change.name {
            let developer_name = store.group(&id).and_then(|group| group.developer_name.clone());
            store.rename_group(&id, name, developer_name.as_deref(), now).map_err(|refusal| told(&refusal))?;
        }
        for name in &change.members.remove {
            let member = member_id(store, name)?;
            if !store.remove_member(&id, &member).map_err(|refusal| told(&refusal))? {
                return Err(format!("{name} is no member of the group"));
            }
        }
        for name in &change.members.add {
            let member = member_id(store, name)?;
            store.add_member(&id, &member).map_err(|refusal| told(&refusal))?;
        }
        Ok(shown_group(store, &id))
    })
}

/// `DELETE /sandbox/groups/{id}`, by id or name.
pub(super) fn delete_group(store: &mut Store, id: &str) -> Result<Value, String> {
    as_administrator(store, |store| {
        let id = group_id(store, id)?;
        store.delete_group(&id).map_err(|refusal| told(&refusal))?;
        Ok(json!({"deleted": id}))
    })
}
