//! Records to and from Salesforce's SCIM user.

use serde_json::{Map, Value, json};

use super::field::{FIELDS, Place, find};
use super::{extension, values};
use crate::salesforce::{Account, Record};
use crate::scim::{ENTERPRISE_SCHEMA, USER_SCHEMA};

/// The body of a create. Fields without a value, and fields that SCIM does not have, are left out
/// (see [`Record::split_for_create`]).
pub fn create_user(record: &Record, profile_id: &str) -> Value {
    let (mut user, enterprise) = user_object(record);
    let mut schemas = vec![USER_SCHEMA];
    if !enterprise.is_empty() {
        schemas.push(ENTERPRISE_SCHEMA);
        user.insert(ENTERPRISE_SCHEMA.to_owned(), Value::Object(enterprise));
    }
    user.insert("schemas".to_owned(), json!(schemas));
    user.insert("entitlements".to_owned(), json!([{ "value": profile_id }]));
    Value::Object(user)
}

/// The core attributes and the enterprise attributes of a record's values.
pub(super) fn user_object(record: &Record) -> (Map<String, Value>, Map<String, Value>) {
    let (mut user, mut enterprise) = (Map::new(), Map::new());
    let mut names = Map::new();
    let mut phones = Vec::new();
    let mut address = Map::new();
    for field in FIELDS {
        let Some(value) = record.get(field.name).cloned() else { continue };
        match field.place {
            Place::Top(name) => {
                user.insert(name.to_owned(), value);
            }
            Place::Name(name) => {
                names.insert(name.to_owned(), value);
            }
            Place::Email => {
                user.insert("emails".to_owned(), json!([{ "type": "work", "primary": true, "value": value }]));
            }
            Place::Address(name) => {
                address.insert(name.to_owned(), value);
            }
            Place::Phone(kind) => phones.push(json!({ "type": kind, "value": value })),
            Place::Role => {
                user.insert("roles".to_owned(), json!([{ "value": value }]));
            }
            Place::Profile => {
                user.insert("entitlements".to_owned(), json!([{ "value": value }]));
            }
            Place::Enterprise(name) => {
                enterprise.insert(name.to_owned(), value);
            }
            Place::Manager => {
                enterprise.insert("manager".to_owned(), json!({ "value": value }));
            }
        }
    }
    if !names.is_empty() {
        user.insert("name".to_owned(), Value::Object(names));
    }
    if !address.is_empty() {
        address.insert("type".to_owned(), json!("work"));
        address.insert("primary".to_owned(), json!(true));
        user.insert("addresses".to_owned(), json!([address]));
    }
    if !phones.is_empty() {
        user.insert("phoneNumbers".to_owned(), Value::Array(phones));
    }
    (user, enterprise)
}

/// Reads a user as Salesforce answers it; `None` if it is none (no id), such as the empty list that it answers for a
/// user of a kind that SCIM does not show. Unknown attributes are passed over.
pub fn parse_user(user: &Value) -> Option<Account> {
    let id = user.get("id").and_then(Value::as_str).filter(|id| !id.is_empty())?.to_owned();
    let enterprise = user.get(ENTERPRISE_SCHEMA);
    let entitlements = values(user.get("entitlements"));
    let mut record = Record::new();
    for field in FIELDS {
        let value = match field.place {
            Place::Top("active") => user.get("active").and_then(boolean).map(Value::Bool),
            Place::Top(name) => text(user.get(name)),
            Place::Name(name) => text(user.get("name").and_then(|names| names.get(name))),
            Place::Email => first(user.get("emails"), "value"),
            Place::Address(name) => first(user.get("addresses"), name),
            Place::Phone(kind) => phone(user.get("phoneNumbers"), kind),
            Place::Role => first(user.get("roles"), "value"),
            Place::Profile => entitlements.iter().find(|id| id.starts_with("00e")).map(|id| json!(id)),
            Place::Enterprise(name) => text(enterprise.and_then(|enterprise| enterprise.get(name))),
            Place::Manager => text(enterprise.and_then(|it| it.get("manager")).map(|it| it.get("value").unwrap_or(it))),
        };
        if let Some(value) = value {
            record.set(field.name, value);
        }
    }
    for (urn, extension) in user.as_object().into_iter().flatten() {
        if urn.starts_with(extension::PREFIX)
            && let Some(extension) = extension.as_object()
        {
            read_extension(extension, &mut record);
        }
    }
    let of = |prefix: &str| entitlements.iter().filter(|id| id.starts_with(prefix)).cloned().collect::<Vec<_>>();
    Some(Account {
        id,
        record,
        profile_id: of("00e").into_iter().next(),
        permission_set_ids: of("0PS"),
        group_ids: values(user.get("groups")),
        user_type: user.get("userType").and_then(Value::as_str).map(str::to_owned),
        notes: Vec::new(),
    })
}

/// `alias`, and the org's custom fields by their API names.
fn read_extension(extension: &Map<String, Value>, record: &mut Record) {
    for (name, value) in extension {
        let scalar = value.is_string() || value.is_boolean() || value.is_number();
        if scalar && name == "alias" {
            record.set("Alias", value.clone());
        } else if scalar && name.ends_with("__c") && find(name).is_none() {
            record.set(name, value.clone());
        }
    }
}

fn text(value: Option<&Value>) -> Option<Value> {
    value.filter(|value| value.as_str().is_some_and(|text| !text.is_empty())).cloned()
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(it) => Some(*it),
        Value::String(it) => it.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// `name` of the only entry of a list; an entry may be a plain string.
fn first(list: Option<&Value>, name: &str) -> Option<Value> {
    let entry = list?.as_array()?.first()?;
    text(if entry.is_string() { Some(entry) } else { entry.get(name) })
}

fn phone(list: Option<&Value>, kind: &str) -> Option<Value> {
    let of_kind = |entry: &&Value| entry.get("type").and_then(Value::as_str) == Some(kind);
    text(list?.as_array()?.iter().find(of_kind)?.get("value"))
}
