//! The schemas against the code that they describe: each form of each attribute, accepted by both or by neither.

use serde_json::{Value, json};

use super::*;
use crate::scim::Strictness;
use crate::scim::{Attributes, DELIVERY_SCHEMA, Error, PATCH_MESSAGE, dialect, patch as patching, validate};

const LENIENT: Strictness = Strictness::Lenient;

/// What clients could send for any attribute.
fn values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(""),
        json!(" "),
        json!("x"),
        json!("True"),
        json!("QQ=="),
        json!("7"),
        json!("a\u{0}b"),
        json!(7),
        json!(1.5),
        json!(true),
        json!({}),
        json!({ "value": null }),
        json!({ "value": "x" }),
        json!({ "value": "" }),
        json!({ "value": 7 }),
        json!({ "value": true }),
        json!({ "value": {} }),
        json!({ "unknown": 1 }),
        json!({ "value": "x", "primary": true, "type": "work" }),
        json!({ "value": "x", "primary": "yes" }),
        json!({ "value": "QQ", "primary": "False" }),
        json!({ "value": null, "primary": "yes" }),
        json!({ "type": "work" }),
        json!({ "familyName": "Lovelace" }),
        json!({ "familyName": ["a", "b"] }),
        json!({ "formatted": "x", "country": 7 }),
    ];
    let lists: Vec<Value> = values.iter().filter(|value| !value.is_null()).map(|value| json!([value])).collect();
    values.extend(lists);
    values.extend([
        json!([]),
        json!(["x", "y"]),
        json!([{ "value": "x", "primary": true }, { "value": "y", "primary": false }]),
        json!([{ "value": "x", "primary": true, "type": "a" }, { "value": "y", "primary": "true", "type": "b" }]),
    ]);
    values
}

fn validator(name: &str) -> jsonschema::Validator {
    let components = components(&Registry::standard().unwrap(), "#/$defs");
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": format!("#/$defs/{name}"), "$defs": components,
    });
    jsonschema::validator_for(&schema).unwrap()
}

fn create(kind: &ResourceType, body: &Value) -> Result<Attributes, Error> {
    validate::create(kind, dialect::resource(kind, body.clone(), LENIENT)?, LENIENT)
}

fn change(kind: &ResourceType, resource: &Attributes, message: &Value) -> Result<(), Error> {
    let operations = dialect::patch(kind, message.clone(), LENIENT)?;
    let operations = if kind.name == "Group" { patching::split_members(operations, LENIENT)?.0 } else { operations };
    let document = patching::apply(kind, resource, &operations, LENIENT)?;
    validate::check(kind, resource, document, LENIENT).map(drop)
}

fn minimal(kind: &ResourceType) -> Value {
    json!({ (if kind.name == "User" { "userName" } else { "displayName" }): "ada" })
}

/// Forms that are taken and not described, since each level more makes the schemas several times as large: an object alone
/// in a list where there is one value, and an object with more than the `value` of a simple one.
fn is_too_deep(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(Value::is_object),
        Value::Object(members) => members.len() > 1 && members.contains_key("value"),
        _ => false,
    }
}

/// Where schema and server differ: the value, and what the server says. Nothing that the schema takes may be refused.
fn differ(
    schema: &jsonschema::Validator,
    value: &Value,
    part: Option<&Value>,
    served: &Result<impl Sized, Error>,
    found: &mut Vec<String>,
) {
    let valid = schema.is_valid(value);
    if valid != served.is_ok() && (valid || !part.is_some_and(is_too_deep)) {
        let said = served.as_ref().err().map_or_else(|| "accepted".to_owned(), |e| format!("refused: {}", e.detail));
        found.push(format!("{value} is {said}"));
    }
}

#[test]
fn bodies_are_described_as_they_are_taken() {
    let registry = Registry::standard().unwrap();
    let mut found = Vec::new();
    for kind in registry.resource_types() {
        let schema = validator(&format!("{}Request", kind.name));
        let core = kind.common.iter().chain(&kind.schema.attributes).map(|a| a.name.clone());
        for name in core.chain(kind.extensions.iter().map(|e| e.schema.id.clone())).chain(["unknown".into()]) {
            let is_list = kind.core_attribute(&name).is_some_and(|a| a.multi_valued);
            for value in values() {
                let mut body = minimal(kind);
                body[&name] = value.clone();
                differ(&schema, &body, Some(&value).filter(|_| !is_list), &create(kind, &body), &mut found);
            }
        }
        for extension in &kind.extensions {
            for attribute in &extension.schema.attributes {
                for value in values() {
                    let mut body = minimal(kind);
                    body[&extension.schema.id] = json!({ (attribute.name.clone()): value });
                    differ(&schema, &body, Some(&value), &create(kind, &body), &mut found);
                }
            }
        }
        for body in [json!({}), json!([]), json!({ "schemas": [kind.schema.id] })] {
            differ(&schema, &body, None, &create(kind, &body), &mut found);
        }
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn operations_are_described_as_they_are_taken() {
    let registry = Registry::standard().unwrap();
    let mut found = Vec::new();
    for kind in registry.resource_types() {
        let schema = validator(&format!("{}Patch", kind.name));
        let resource = create(kind, &minimal(kind)).unwrap();
        let mut paths: Vec<String> =
            kind.common.iter().chain(&kind.schema.attributes).map(|a| a.name.clone()).collect();
        paths.extend(
            ["name.familyName", "unknown", "unknown.part", "emails[type eq \"work\"].value"].map(str::to_owned),
        );
        for extension in kind.extensions.iter().map(|e| &e.schema) {
            paths.push(extension.id.clone());
            paths.extend(extension.attributes.iter().map(|a| format!("{}:{}", extension.id, a.name)));
        }
        let mut try_out = |operation: Value, part: Option<&Value>| {
            let message = json!({ "schemas": [PATCH_MESSAGE], "Operations": [operation] });
            differ(&schema, &message, part, &change(kind, &resource, &message), &mut found);
        };
        // Groups have none: what is not known is ignored.
        paths.retain(|path| kind.name == "User" || !path.contains('['));
        for path in &paths {
            // That names may be paths is told in words.
            let is_name = kind.extension(path).is_some() || !path.contains(['.', '[', ':']);
            let is_list = kind.core_attribute(path).is_some_and(|a| a.multi_valued);
            // What changes nothing is taken, and not described: `add` of no value to what must have one, writes to what is
            // read-only. So are members in forms of their own.
            let is_loose = path == "members"
                || path.contains(DELIVERY_SCHEMA)
                || kind.core_attribute(path).is_some_and(|a| a.required || !is_writable(a));
            try_out(json!({ "op": "remove", "path": path }), None);
            try_out(json!({ "op": "add", "path": path }), None);
            for value in values() {
                let loose = json!({ "value": null, "loose": true });
                // For an extension `[]` is no value to `replace`, and refused by `add`.
                let is_loose = is_loose || kind.extension(path).is_some() && value == json!([]);
                let part = if is_loose { Some(&loose) } else { Some(&value).filter(|_| !is_list) };
                try_out(json!({ "op": "add", "path": path, "value": value }), part);
                try_out(json!({ "op": "Replace", "path": path, "value": value }), part);
                if is_name {
                    try_out(json!({ "op": "add", "value": { (path.clone()): value } }), part);
                }
            }
        }
        for operation in [json!({}), json!({ "op": "remove" }), json!({ "op": "move", "path": "title" }), json!(7)] {
            try_out(operation, None);
        }
        for value in values().iter().filter(|value| !value.is_object()) {
            try_out(json!({ "op": "add", "value": value }), None);
        }
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}
