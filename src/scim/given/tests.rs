//! The schemas against the code that they describe: each form of each attribute, accepted by both or by neither.

use serde_json::{Value, json};

use super::*;
use crate::scim::message::{Limits, Query};
use crate::scim::{
    Attributes, BULK_REQUEST_MESSAGE, DELIVERY_SCHEMA, Error, PATCH_MESSAGE, SEARCH_MESSAGE, Strictness,
    bulk as several, dialect, patch as patching, validate,
};

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
            // What changes nothing is taken, and not described: writes to what is read-only, and `add` of no value that is
            // in a list or an object to what must have one.
            let is_required = kind.core_attribute(path).is_some_and(|a| a.required);
            let is_loose = path.contains(DELIVERY_SCHEMA) || kind.core_attribute(path).is_some_and(|a| !is_writable(a));
            try_out(json!({ "op": "remove", "path": path }), None);
            try_out(json!({ "op": "add", "path": path }), None);
            for value in values() {
                let loose = json!({ "value": null, "loose": true });
                // For an extension `[]` is no value to `replace`, and refused by `add`.
                let is_loose = is_loose
                    || kind.extension(path).is_some() && value == json!([])
                    || is_required && (value.is_array() || value.is_object());
                let part = if is_loose { Some(&loose) } else { Some(&value).filter(|_| !is_list) };
                try_out(json!({ "op": "add", "path": path, "value": value }), part);
                try_out(json!({ "op": "Replace", "path": path, "value": value }), part);
                // A value of something that has one says no more than the path.
                try_out(json!({ "op": "remove", "path": path, "value": value }), Some(&loose).filter(|_| is_loose));
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

/// Filters, paths and cursors are read later, and no schema can say which are right: here they are texts.
#[test]
fn searches_are_described_as_they_are_taken() {
    let schema = validator("GivenSearchRequest");
    let limits = Limits { default_count: 100, max_count: 200 };
    let mut found = Vec::new();
    let mut try_out = |body: Value| differ(&schema, &body, None, &Query::from_body(&body, limits), &mut found);
    let names = ["schemas", "attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count"];
    let numbers =
        ["-1", "0", "1", " +1 ", "2", "007", "1.0", "1e3", "123456789012345678901234567890", "-0", "+", "- 1"];
    let mut all = values();
    all.extend(numbers.iter().map(|text| json!(text)));
    all.extend(numbers.iter().filter_map(|text| serde_json::from_str(text).ok()));
    all.extend(["ascending", "DESCENDING ", "up"].map(Value::from));
    for value in &all {
        for name in names.into_iter().chain(["cursor", "unknown"]) {
            // Refused by the parser of filters.
            if name == "filter" && value == "" {
                continue;
            }
            try_out(json!({ "schemas": [SEARCH_MESSAGE], name: value }));
        }
        for cursor in ["", "x"] {
            try_out(json!({ "schemas": ["urn:x", SEARCH_MESSAGE], "cursor": cursor, "startIndex": value }));
            try_out(json!({ "schemas": [SEARCH_MESSAGE], "cursor": cursor, "count": value }));
        }
        try_out(json!({ "schemas": [SEARCH_MESSAGE], "cursor": null, "startIndex": value }));
        try_out(json!({ "schemas": [value] }));
        try_out(value.clone());
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn bulk_requests_are_described_as_they_are_taken() {
    let registry = Registry::standard().unwrap();
    let schema = validator("GivenBulkRequest");
    let mut found = Vec::new();
    let mut try_out = |body: Value| {
        let read = several::Request::parse(&registry, "https://example.com/scim/v2", 1000, body.clone());
        differ(&schema, &body, None, &read, &mut found);
    };
    let one = json!({ "method": "POST", "bulkId": "a", "path": "/Users", "data": minimal(&registry.user) });
    for value in values().into_iter().chain([json!(0), json!(1), json!(-1), json!(3.0), json!(1e30), json!(u64::MAX)]) {
        for name in ["schemas", "failOnErrors", "Operations", "unknown"] {
            let mut body = json!({ "schemas": [BULK_REQUEST_MESSAGE], "Operations": [one] });
            body[name] = value.clone();
            try_out(body);
        }
        try_out(json!({ "schemas": ["urn:x", BULK_REQUEST_MESSAGE], "Operations": [value] }));
        for name in ["method", "bulkId", "path", "version", "data"] {
            let mut operation = one.clone();
            operation[name] = value.clone();
            try_out(json!({ "schemas": [BULK_REQUEST_MESSAGE], "Operations": [operation, one] }));
        }
        try_out(json!({ "schemas": [value], "Operations": [one] }));
        try_out(value);
    }
    try_out(json!({ "schemas": [BULK_REQUEST_MESSAGE], "Operations": vec![1; 1001] }));
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

/// Whatever makes no sense is taken, with an error for a result: that the forms are right shows in that they have none.
#[test]
fn each_form_of_a_bulk_operation_is_one_that_is_carried_out() {
    let registry = Registry::standard().unwrap();
    let components = components(&registry, "#/$defs");
    let mut forms = components["GivenBulkRequest"]["properties"]["Operations"]["items"]["anyOf"].clone();
    let forms = forms.as_array_mut().unwrap();
    assert!(forms.pop().is_some_and(|last| last.as_object().unwrap().keys().eq(["description"])));
    assert_eq!(forms.len(), 8);
    let mut seen = 0;
    for kind in registry.resource_types() {
        let (whole, message) = (minimal(kind), json!({ "Operations": [{ "op": "replace", "value": minimal(kind) }] }));
        for (method, path, data) in [
            ("POST", kind.endpoint.clone(), &whole),
            ("PUT", format!("{}/1", kind.endpoint), &whole),
            ("PATCH", format!("{}/1", kind.endpoint), &message),
            ("DELETE", format!("{}/1", kind.endpoint), &Value::Null),
        ] {
            let mut operation = json!({ "method": method, "path": path, "data": data });
            if method == "POST" {
                operation["bulkId"] = json!("a");
            }
            let fits: Vec<&Value> = forms
                .iter()
                .filter(|form| {
                    let mut schema = json!({ "$defs": components });
                    schema.as_object_mut().unwrap().extend(form.as_object().unwrap().clone());
                    jsonschema::validator_for(&schema).unwrap().is_valid(&operation)
                })
                .collect();
            assert_eq!(fits.len(), 1, "{operation}");
            for name in fits[0]["required"].as_array().unwrap() {
                let mut less = operation.clone();
                less.as_object_mut().unwrap().remove(name.as_str().unwrap());
                for (operation, good) in [(&operation, true), (&less, false)] {
                    let body = json!({ "schemas": [BULK_REQUEST_MESSAGE], "Operations": [operation] });
                    let read = several::Request::parse(&registry, "https://example.com/scim/v2", 1000, body).unwrap();
                    let ready = several::Job::new(read, "https://example.com/scim/v2", || "id".to_owned()).advance();
                    assert_eq!(ready.len() == 1, good, "{operation}");
                }
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2 * (4 + 3 + 3 + 2));
}
