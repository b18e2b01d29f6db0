//! What the shadow wants of a user's account.

use serde_json::Value;

use crate::delivery::plan::{AccountWish, ObservedUser, UserWish};
use crate::salesforce::Record;
use crate::salesforce::mapping::{Mapping, MappingFailed};
use crate::scim::{Attributes, ENTERPRISE_SCHEMA};

use super::apply_choices;

/// Whose report somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manager {
    /// Nobody's.
    None,
    /// No resource here has this id: Microsoft's validator sends random ones.
    Unknown(String),
    /// Of a user who has no account yet.
    Waiting(String),
    /// Of this account.
    Account(String),
}

/// Our id of the manager that a user names.
pub fn manager_of(document: &Attributes) -> Option<&str> {
    document.get(ENTERPRISE_SCHEMA)?.get("manager")?.get("value")?.as_str()
}

/// What a user is to be, what of it a person should know, and what it waits for.
#[derive(Debug)]
pub(in crate::delivery) struct Wanted {
    pub(in crate::delivery) wish: UserWish,
    pub(in crate::delivery) notes: Vec<String>,
    pub(in crate::delivery) waits_for: Option<String>,
    /// Why there is no wish for this person, where all that can be done is to take their access away.
    pub(in crate::delivery) unmapped: Option<MappingFailed>,
}

/// What the shadow wants of a user's account. `document`: the user, unless deleted.
pub(in crate::delivery) fn wanted(
    document: Option<&Attributes>,
    manager: &Manager,
    mapping: &Mapping,
) -> Result<Wanted, MappingFailed> {
    let gone = Wanted { wish: UserWish::Gone, notes: Vec::new(), waits_for: None, unmapped: None };
    let Some(document) = document else { return Ok(gone) };
    let mut mapped = match mapping.record(document) {
        Ok(mapped) => mapped,
        // Whoever has left must not keep their access because of a template.
        Err(failed) if document.get("active") == Some(&Value::Bool(false)) => {
            return Ok(Wanted { unmapped: Some(failed), ..gone });
        }
        Err(failed) => return Err(failed),
    };
    let (mut notes, mut waits_for) = (mapped.notes, None);
    match manager {
        Manager::None => mapped.record.set("ManagerId", Value::Null),
        Manager::Account(id) => mapped.record.set("ManagerId", id.as_str()),
        Manager::Waiting(id) => waits_for = Some(format!("waits for the account of the manager, user {id}")),
        Manager::Unknown(id) => notes.push(format!("manager \"{id}\" is no user here and was not sent")),
    }
    let wish = UserWish::Account(AccountWish { record: mapped.record, on_create: mapped.on_create, grants: None });
    Ok(Wanted { wish, notes, waits_for, unmapped: None })
}

/// The fields that a user's account shall have and keep, whoever changes them there: what deliveries send, with what was
/// chosen instead of a value that is taken. `document`: the user, unless deleted.
///
/// # Errors
/// [`MappingFailed`], which is for the delivery to tell.
pub fn wanted_of_account(
    document: Option<&Attributes>,
    manager: &Manager,
    mapping: &Mapping,
    observed: &ObservedUser,
) -> Result<Record, MappingFailed> {
    let mut wanted = wanted(document, manager, mapping)?;
    apply_choices(&mut wanted.wish, &mut observed.clone(), &mut wanted.notes);
    Ok(match wanted.wish {
        UserWish::Account(wish) => wish.record,
        UserWish::Gone => Record::new().with("IsActive", false),
    })
}
