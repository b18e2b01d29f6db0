//! Values in the type of their attribute.

use serde_json::{Map, Number, Value};

use crate::scim::schema::{Attribute, DataType, Mutability};

/// What a value comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Normal {
    /// A value.
    Value(Value),
    /// The client says that there is none: `null`, `""`, `[]`, `{}`, `{"value": ""}`.
    Unassigned,
    /// Nothing in it is known or writable. Not a wish to unassign.
    Nothing,
}

impl Normal {
    /// The value, if there is one.
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unassigned | Self::Nothing => None,
        }
    }
}

/// The value of an attribute as a whole. `keep_unassigned` keeps `null` for the sub-attributes of a single complex
/// attribute that the client empties, which a `replace` has to take away while the others stay.
pub(super) fn attribute(attribute: &Attribute, value: Value, keep_unassigned: bool) -> Normal {
    if !attribute.multi_valued {
        return single(attribute, value, keep_unassigned);
    }
    let values = match value {
        Value::Array(values) => values,
        Value::Null => return Normal::Unassigned,
        // OneLogin sends one e-mail address as an object.
        one => vec![one],
    };
    let mut known = values.is_empty();
    let mut normal = Vec::with_capacity(values.len());
    for value in values {
        match element(attribute, value) {
            Normal::Value(value) => normal.push(value),
            Normal::Unassigned => known = true,
            Normal::Nothing => {}
        }
    }
    match (normal.is_empty(), known) {
        (false, _) => Normal::Value(Value::Array(normal)),
        (true, true) => Normal::Unassigned,
        (true, false) => Normal::Nothing,
    }
}

/// One value of a multi-valued attribute.
pub(super) fn element(attribute: &Attribute, value: Value) -> Normal {
    let value = if attribute.name == "roles" { role(value) } else { value };
    single(attribute, value, false)
}

/// The one value of a single-valued attribute, or one of several.
pub(super) fn single(attribute: &Attribute, value: Value, keep_unassigned: bool) -> Normal {
    match value {
        Value::Null => Normal::Unassigned,
        Value::String(text) if text.is_empty() => Normal::Unassigned,
        // `["x"]`, `[{"$ref": null, "value": "x"}]`: older clients of Microsoft's send every value as a list.
        // Of several nobody knows which one is meant: left for validation to refuse.
        Value::Array(values) if values.len() > 1 => Normal::Value(Value::Array(values)),
        Value::Array(values) => match values.into_iter().next() {
            Some(first) if !first.is_array() => single(attribute, first, keep_unassigned),
            Some(_) => Normal::Nothing,
            None => Normal::Unassigned,
        },
        value if attribute.data_type == DataType::Complex => complex(attribute, value, keep_unassigned),
        Value::Object(mut members) => {
            let key = members.keys().find(|key| key.eq_ignore_ascii_case("value")).cloned();
            match key.and_then(|key| members.shift_remove(&key)) {
                Some(value) if !value.is_object() => single(attribute, value, keep_unassigned),
                Some(_) => Normal::Nothing,
                None if members.is_empty() => Normal::Unassigned,
                // Left for validation to refuse.
                None => Normal::Value(Value::Object(members)),
            }
        }
        simple => Normal::Value(self::simple(attribute, simple)),
    }
}

fn simple(attribute: &Attribute, value: Value) -> Value {
    match (attribute.data_type, value) {
        (DataType::Boolean, Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text),
        },
        (DataType::Integer | DataType::Decimal, Value::String(text)) => {
            text.trim().parse::<Number>().map_or(Value::String(text), Value::Number)
        }
        // An employee number, a cost centre. What a resource cannot do without is not guessed at: a userName that is a
        // number is a broken mapping, and saying so now is kinder than an account of that name.
        (DataType::String | DataType::Reference, Value::Number(number)) if !attribute.required => {
            Value::String(number.to_string())
        }
        (DataType::String, Value::Bool(value)) if !attribute.required => Value::String(value.to_string()),
        (_, value) => value,
    }
}

fn complex(attribute: &Attribute, value: Value, keep_unassigned: bool) -> Normal {
    let given = match value {
        Value::Object(given) => given,
        // `manager: "id"` (Entra), `name: "Ada Lovelace"`.
        simple => match attribute.sub("value").or_else(|| attribute.sub("formatted")) {
            Some(sub) => Map::from_iter([(sub.name.clone(), simple)]),
            None => return Normal::Value(simple),
        },
    };
    let mut unknown = false;
    let mut members = Map::new();
    for (name, value) in given {
        // OneLogin's template has `manager: {"managerId": …}`.
        let name = if name.eq_ignore_ascii_case("managerId") { "value" } else { name.as_str() };
        let Some(sub) = attribute.sub(name).filter(|sub| sub.mutability != Mutability::ReadOnly) else {
            unknown = true;
            continue;
        };
        match self::attribute(sub, value, false) {
            Normal::Value(value) => _ = members.insert(sub.name.clone(), value),
            // A reference to nobody: Okta's `{"displayName": "Nobody", "value": ""}`.
            Normal::Unassigned if sub.name == "value" => return Normal::Unassigned,
            Normal::Unassigned if keep_unassigned => _ = members.insert(sub.name.clone(), Value::Null),
            Normal::Unassigned => {}
            Normal::Nothing => unknown = true,
        }
    }
    match (members.is_empty(), unknown) {
        (false, _) => Normal::Value(Value::Object(members)),
        (true, true) => Normal::Nothing,
        (true, false) => Normal::Unassigned,
    }
}

/// A role whose `value` holds JSON text, as Entra's `AppRoleAssignments` writes it:
/// `{"value": "{\"id\":\"…\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}`.
fn role(value: Value) -> Value {
    let text = match &value {
        Value::String(text) => Some(text.as_str()),
        Value::Object(members) => {
            let key = members.keys().find(|key| key.eq_ignore_ascii_case("value"));
            key.and_then(|key| members.get(key)).and_then(Value::as_str)
        }
        _ => None,
    };
    let inner = text.filter(|text| text.trim_start().starts_with('{'));
    let Some(Value::Object(inner)) = inner.and_then(|text| serde_json::from_str(text).ok()) else { return value };
    let filled = |keys: &[&str]| {
        let found = keys.iter().filter_map(|key| inner.get(*key));
        found.into_iter().find(|value| value.as_str().is_some_and(|text| !text.is_empty())).cloned()
    };
    let Some(name) = filled(&["value", "displayName", "display", "id"]) else { return value };
    let mut role = match value {
        Value::Object(role) => role,
        _ => Map::new(),
    };
    // However it was spelt: what was read must not be found again.
    role.retain(|key, _| !key.eq_ignore_ascii_case("value"));
    role.insert("value".into(), name);
    for (key, found) in [("display", filled(&["displayName", "display"])), ("type", filled(&["type"]))] {
        if let (Some(found), false) = (found, role.contains_key(key)) {
            role.insert(key.into(), found);
        }
    }
    if let (Some(primary), false) = (inner.get("primary"), role.contains_key("primary")) {
        role.insert("primary".into(), primary.clone());
    }
    // What is JSON text again is read again, so that a body that was normalised once stays as it is. Each level doubles
    // the escapes of the next, which bounds the depth.
    self::role(Value::Object(role))
}
