//! The schemas against the code that they describe: each form of each attribute, accepted by both or by neither.

use serde_json::{Value, json};

use super::*;
use crate::scim::Strictness;
use crate::scim::{Attributes, Error, PATCH_MESSAGE, dialect, patch as patching, validate};

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
        json!([{ "value": "x", "primary": true }, { "value": "y", "primary": "true" }]),
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
    let operations = if kind.name == "Group" { patching::split_members(operations)?.0 } else { operations };
    let document = patching::apply(kind, resource, &operations, LENIENT)?;
    validate::check(kind, document, LENIENT).map(drop)
}

fn minimal(kind: &ResourceType) -> Value {
    json!({ (if kind.name == "User" { "userName" } else { "displayName" }): "ada" })
}

/// Where schema and server differ: the value, and what the server says.
fn differ(schema: &jsonschema::Validator, value: &Value, served: &Result<impl Sized, Error>, found: &mut Vec<String>) {
    if schema.is_valid(value) != served.is_ok() {
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
            for value in values() {
                let mut body = minimal(kind);
                body[&name] = value;
                differ(&schema, &body, &create(kind, &body), &mut found);
            }
        }
        for extension in &kind.extensions {
            for attribute in &extension.schema.attributes {
                for value in values() {
                    let mut body = minimal(kind);
                    body[&extension.schema.id] = json!({ (attribute.name.clone()): value });
                    differ(&schema, &body, &create(kind, &body), &mut found);
                }
            }
        }
        for body in [json!({}), json!([]), json!({ "schemas": [kind.schema.id] })] {
            differ(&schema, &body, &create(kind, &body), &mut found);
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
        let mut try_out = |operation: Value| {
            let message = json!({ "schemas": [PATCH_MESSAGE], "Operations": [operation] });
            differ(&schema, &message, &change(kind, &resource, &message), &mut found);
        };
        for path in &paths {
            try_out(json!({ "op": "remove", "path": path }));
            try_out(json!({ "op": "add", "path": path }));
            for value in values() {
                try_out(json!({ "op": "add", "path": path, "value": value }));
                try_out(json!({ "op": "Replace", "path": path, "value": value }));
                try_out(json!({ "op": "add", "value": { (path.clone()): value } }));
            }
        }
        for operation in [json!({}), json!({ "op": "remove" }), json!({ "op": "move", "path": "title" }), json!(7)] {
            try_out(operation);
        }
        for value in values() {
            try_out(json!({ "op": "add", "value": value }));
        }
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}
