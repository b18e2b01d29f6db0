//! Records as JSON, with the field names of REST.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::store::custom::{CustomField, CustomKind};
use super::store::field::{Field, Kind};
use super::store::{Store, User};

/// A standard field's value: `null` where it is empty, but for booleans.
pub(super) fn standard(user: &User, field: Field) -> Value {
    match field.kind() {
        Kind::Boolean => json!(user.get(field) == Some("true")),
        _ => json!(user.get(field)),
    }
}

/// A custom field's value: `null` where it is empty, but for checkboxes.
pub(super) fn custom(user: &User, field: &CustomField) -> Value {
    let value = user.custom.get(&field.api_name);
    match field.kind {
        CustomKind::Checkbox => json!(value.is_some_and(|value| value == "true")),
        CustomKind::Number => {
            value.and_then(|value| serde_json::from_str(value).ok()).map_or(Value::Null, Value::Number)
        }
        _ => json!(value),
    }
}

/// A time as REST writes it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

/// Every field of a user, but for `attributes`.
pub(super) fn user(store: &Store, user: &User) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("Id", json!(user.id));
    for field in Field::ALL {
        put(field.name(), standard(user, *field));
    }
    for field in &store.custom_fields {
        put(&field.api_name, custom(user, field));
    }
    put("Name", json!(user.name()));
    put("IsActive", json!(user.active));
    put("UserType", json!(user.user_type));
    put("CreatedDate", json!(time(user.created)));
    put("LastModifiedDate", json!(time(user.modified)));
    put("SystemModstamp", json!(time(user.modified)));
    out
}
