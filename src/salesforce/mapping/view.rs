//! What a template sees of a person.

use std::collections::BTreeMap;

use minijinja::Value;
use serde_json::Value as Json;

use crate::scim::{Attributes, ENTERPRISE_SCHEMA};

/// Names beside the attributes of a user.
pub(super) const NAMES: [&str; 5] = ["enterprise", "extensions", "user", "tenant", "salesforce"];

/// The variables of a template: the attributes of the core schema by their names, the enterprise extension, every
/// extension by its URN, the user as a whole, the tenant's name and the Salesforce sandbox that the org is.
///
/// Text is seen without the blanks around it, and what is blank, `null` or an empty list is not seen at all: a template
/// that says `or` or `default` must not be defeated by an attribute that an identity provider sends empty.
pub(super) fn of(user: &Attributes, tenant: &str, sandbox: Option<&str>) -> Value {
    let whole = table(user);
    let mut names: BTreeMap<String, Value> =
        whole.iter().filter(|(name, _)| !is_urn(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    let extensions: BTreeMap<String, Value> =
        whole.iter().filter(|(name, _)| is_urn(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(enterprise) = whole.get(ENTERPRISE_SCHEMA) {
        names.insert("enterprise".to_owned(), enterprise.clone());
    }
    let salesforce: BTreeMap<&str, Value> = sandbox.map(|name| ("sandbox", Value::from(name))).into_iter().collect();
    names.insert("extensions".to_owned(), Value::from(extensions));
    names.insert("user".to_owned(), Value::from(whole));
    names.insert("tenant".to_owned(), Value::from(tenant));
    names.insert("salesforce".to_owned(), Value::from(salesforce));
    Value::from(names)
}

fn is_urn(name: &str) -> bool {
    name.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("urn:"))
}

fn table(object: &Attributes) -> BTreeMap<String, Value> {
    object.iter().filter_map(|(name, value)| Some((name.clone(), seen(value)?))).collect()
}

fn seen(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .or_else(|| number.as_f64().map(Value::from))?,
        Json::String(text) => Value::from(Some(text.trim()).filter(|text| !text.is_empty())?),
        Json::Array(entries) => {
            let entries: Vec<Value> = entries.iter().filter_map(seen).collect();
            if entries.is_empty() {
                return None;
            }
            Value::from(entries)
        }
        Json::Object(object) => {
            let object = table(object);
            if object.is_empty() {
                return None;
            }
            Value::from(object)
        }
    })
}
