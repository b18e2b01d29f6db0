//! Salesforce's SCIM, pure: records to and from its user JSON, its PATCH forms, its filters.
//!
//! It is near enough to RFC 7644 to look like it and far enough to fail silently: a PATCH value must be an object and
//! never stands under a path, group members come wrapped in an object, a create takes one telephone number, and what a
//! PATCH does not apply it answers with 200.

mod extension;
pub mod field;
mod filter;
mod patch;
#[cfg(test)]
mod tests;
mod user;

use serde_json::Value;

pub use extension::{Urns, is_extended};
pub use filter::{
    ENTITLEMENT_NAME, FilterAttribute, GROUP_NAME, USER_FEDERATION_ID, USER_GROUP, USER_NAME, after, equals,
};
pub use patch::{Carrier, applied_by_patch, carrier, change_members, patch_user};
pub use user::{create_user, parse_user};

/// Something that has an id, a name and a type: an entitlement or a group, as Salesforce lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Salesforce id.
    pub id: String,
    /// `displayName`: of a profile its name, of a permission set its *API* name, of a group its label.
    pub name: String,
    /// `type`: `Profile`, `Permission Set`, `Regular`, `Queue`.
    pub kind: String,
}

/// Reads an entitlement or a group; `None` if it has no id.
pub fn parse_named(value: &Value) -> Option<Named> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = value.get("id").and_then(Value::as_str).filter(|id| !id.is_empty())?.to_owned();
    Some(Named { id, name: text("displayName"), kind: text("type") })
}

/// The `value`s of a multi-valued attribute; plain strings count as values too.
pub fn values(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.get("value").unwrap_or(entry).as_str())
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The resources of a list answer. An empty list has no `Resources` for users, and no body at all for entitlements.
pub fn resources(answer: &Value) -> &[Value] {
    answer.get("Resources").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
