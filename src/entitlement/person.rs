//! A person as rules see them.

use serde_json::{Value, json};

use crate::scim::Attributes;

/// A user with the groups that they are in, as a filter sees them.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// The user's attributes, `groups` among them.
    pub attributes: &'a Attributes,
}

/// Puts the groups that a user is in (id and name) into the user's attributes, where RFC 7643 4.1.2 has them.
pub fn with_groups<'g>(mut user: Attributes, groups: impl IntoIterator<Item = (&'g str, &'g str)>) -> Attributes {
    let groups: Vec<Value> = groups.into_iter().map(|(id, name)| json!({ "value": id, "display": name })).collect();
    if groups.is_empty() {
        user.remove("groups");
    } else {
        user.insert("groups".to_owned(), Value::Array(groups));
    }
    user
}

impl<'a> Person<'a> {
    /// Names of the groups that the person is in.
    pub fn groups(&self) -> impl Iterator<Item = &'a str> {
        let groups = self.attributes.get("groups").and_then(Value::as_array).into_iter().flatten();
        groups.filter_map(|group| group.get("display")?.as_str())
    }
}
