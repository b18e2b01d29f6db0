//! What was asked of an account, as deliveries see it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::delivery::Org;
use crate::delivery::plan::ObservedUser;
use crate::salesforce::Record;
use crate::salesforce::mapping::Write;
use crate::scim::fold::fold;
use crate::scim::{Attributes, ENTERPRISE_SCHEMA};

/// Whose report somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manager {
    /// Nobody's.
    None,
    /// Of this account.
    Account(String),
    /// Of somebody who has no account, or is not known here: nothing is sent of it.
    Unknown,
}

/// Our id of the manager that a user names.
pub(super) fn manager(document: &Attributes) -> Option<&str> {
    document.get(ENTERPRISE_SCHEMA)?.get("manager")?.get("value")?.as_str()
}

/// The fields that a live user's account shall have; `None` where the mapping fails, which is for the delivery to tell.
pub(super) fn record(org: &Org, document: &Attributes, manager: &Manager, observed: &ObservedUser) -> Option<Record> {
    let mut record = match org.mapping.record(document) {
        Ok(mapped) => mapped.record,
        // Whoever has left is deactivated all the same.
        Err(_) if document.get("active") == Some(&Value::Bool(false)) => {
            return Some(Record::new().with("IsActive", false));
        }
        Err(_) => return None,
    };
    match manager {
        Manager::None => record.set("ManagerId", Value::Null),
        Manager::Account(id) => record.set("ManagerId", id.as_str()),
        Manager::Unknown => {}
    }
    // What was taken by somebody else stands in the place of what was wanted, for as long as that is wanted.
    for (field, chosen) in &observed.chosen {
        if record.text(field).is_some_and(|wanted| fold(wanted) == fold(&chosen.wanted)) {
            record.set(field, chosen.value.as_str());
        }
    }
    Some(record)
}

/// The fields that deliveries keep as asked, and those by which accounts are told apart: to be read of every account.
pub(super) fn fields(org: &Org) -> Vec<String> {
    let always = org.mapping.fields().filter(|field| field.write == Write::Always).map(|field| field.name);
    let told_apart_by = ["Username", "FederationIdentifier", "IsActive", "ManagerId"];
    let fields: BTreeSet<&str> = always.chain(told_apart_by).collect();
    fields.into_iter().map(str::to_owned).collect()
}
