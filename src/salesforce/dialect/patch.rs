//! PATCH in the forms that Salesforce applies, and the choice of the way that a change takes.

use serde_json::{Value, json};

use super::extension::{Urns, is_extended};
use super::field::{self, Patching};
use super::user::user_object;
use crate::salesforce::Record;
use crate::scim::PATCH_MESSAGE;

/// The way that a set of changes takes, in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A SCIM PATCH.
    Scim,
    /// A REST PATCH of the User record.
    Rest,
}

/// The fields that make an address.
const ADDRESS: [&str; 5] = ["Street", "City", "State", "PostalCode", "Country"];

/// Chooses the way: SCIM if its PATCH applies every one of the changes, else REST for all of them, so that it stays
/// one call.
///
/// An address goes over SCIM only when it is whole: what happens there to the parts that a new address does not name
/// is not documented, and REST changes exactly the fields it is given.
pub fn carrier(changes: &Record) -> Carrier {
    let address = ADDRESS.iter().filter(|name| changes.mentions(name)).count();
    let whole = ADDRESS.iter().all(|name| changes.get(name).is_some());
    let applied = changes.iter().all(|(name, value)| match field::find(name).map(|field| field.patching) {
        Some(Patching::SetAndClear(_)) => true,
        Some(Patching::Set) => !value.is_null(),
        Some(Patching::Ignored) | None => false,
    });
    if applied && (address == 0 || whole) { Carrier::Scim } else { Carrier::Rest }
}

/// Parts `changes` into what a SCIM PATCH applies and what it does not, for an org in which REST is forbidden. Of an
/// address that changes in part the rest goes along, from `wish`.
pub fn applied_by_patch(changes: &Record, wish: &Record) -> (Record, Record) {
    let (mut applied, mut beyond) = (Record::new(), Record::new());
    for (name, value) in changes.iter() {
        let fits = match field::find(name).map(|field| field.patching) {
            Some(Patching::SetAndClear(_)) => true,
            Some(Patching::Set) => !value.is_null(),
            Some(Patching::Ignored) => false,
            None => is_extended(name),
        };
        if fits { applied.set(name, value.clone()) } else { beyond.set(name, value.clone()) }
    }
    if ADDRESS.iter().any(|name| applied.mentions(name)) {
        for (name, value) in ADDRESS.iter().filter_map(|name| Some((name, wish.get(name)?))) {
            applied.set(name, value.clone());
        }
    }
    (applied, beyond)
}

/// The body of a SCIM PATCH of a user: one `replace` without a path for every value, one `remove` with a path for every
/// field that is cleared (`replace` with null would be the empty string).
///
/// Enterprise attributes stand beside the core ones: Salesforce's parser matches names at any depth, but for a patch only
/// this form is known to be in use. Of the org's own fields (`urns` names them) each has an operation of its own: of
/// several in one only the last survives.
pub fn patch_user(changes: &Record, urns: &Urns) -> Value {
    let (mut values, enterprise) = user_object(changes);
    values.extend(enterprise);
    let mut operations = Vec::new();
    if !values.is_empty() {
        operations.push(json!({ "op": "replace", "value": values }));
    }
    for (name, value) in changes.iter() {
        if let Some(flattened) = urns.flattened(name) {
            operations.push(if value.is_null() {
                json!({ "op": "remove", "path": flattened })
            } else {
                let mut object = serde_json::Map::new();
                object.insert(flattened, value.clone());
                json!({ "op": "replace", "value": object })
            });
        }
        if value.is_null()
            && let Some(Patching::SetAndClear(path)) = field::find(name).map(|field| field.patching)
        {
            operations.push(json!({ "op": "remove", "path": path }));
        }
    }
    json!({ "schemas": [PATCH_MESSAGE], "Operations": operations })
}

/// The body of a PATCH of a group's members. Salesforce wants an object that holds `members`, for `add` and for
/// `remove`; the array of RFC 7644 is an error there, and `replace` only clears.
pub fn change_members(add: &[String], remove: &[String]) -> Value {
    let operation = |op: &str, ids: &[String]| {
        let members: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
        json!({ "op": op, "path": "members", "value": { "members": members } })
    };
    let operations: Vec<Value> = [("remove", remove), ("add", add)]
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(op, ids)| operation(op, ids))
        .collect();
    json!({ "schemas": [PATCH_MESSAGE], "Operations": operations })
}
