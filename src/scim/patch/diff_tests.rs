#![expect(clippy::needless_pass_by_value, reason = "tables read better without a reference in each line")]

use serde_json::{Value, json};

use super::super::apply;
use super::*;
use crate::scim::schema::{Registry, Schema};
use crate::scim::{ENTERPRISE_SCHEMA, Strictness, USER_SCHEMA};

/// The operations as a request writes them.
fn written(operations: &[Operation]) -> Value {
    let text = |operation: &Operation| {
        let mut members = Map::new();
        members.insert("op".into(), json!(operation.op.name()));
        members.extend(operation.path.iter().map(|path| ("path".into(), json!(path.to_string()))));
        members.extend(operation.value.iter().map(|value| ("value".into(), value.clone())));
        Value::Object(members)
    };
    operations.iter().map(text).collect()
}

/// A user with these attributes; `schemas` as they follow from them.
fn user_with(attributes: &Value) -> Attributes {
    let mut user = attributes.as_object().expect("an object").clone();
    let urns: Vec<&str> = [USER_SCHEMA, ENTERPRISE_SCHEMA]
        .into_iter()
        .filter(|urn| *urn == USER_SCHEMA || user.contains_key(*urn))
        .collect();
    user.insert("schemas".into(), json!(urns));
    user
}

fn check(kind: &ResourceType, from: &Value, to: &Value, operations: Value) {
    let (from, to) = (user_with(from), user_with(to));
    let found = diff(kind, &from, &to);
    assert_eq!(written(&found), operations);
    for strictness in [Strictness::Lenient, Strictness::Strict] {
        assert_eq!(apply(kind, &from, &found, strictness), Ok(to.clone()), "{operations}");
    }
}

#[test]
fn single_values() {
    let user = Registry::standard().expect("schemas").user;
    let cases = [
        (json!({"userName": "a", "active": true}), json!({"active": true, "userName": "a"}), json!([])),
        (
            json!({"title": "T", "active": true}),
            json!({"active": false, "externalId": "7"}),
            json!([
                {"op": "add", "path": "externalId", "value": "7"},
                {"op": "remove", "path": "title"},
                {"op": "replace", "path": "active", "value": false},
            ]),
        ),
        (
            json!({"name": {"givenName": "Ada", "middleName": "K"}}),
            json!({"name": {"givenName": "Adá", "familyName": "L"}}),
            json!([
                {"op": "add", "path": "name.familyName", "value": "L"},
                {"op": "replace", "path": "name.givenName", "value": "Adá"},
                {"op": "remove", "path": "name.middleName"},
            ]),
        ),
        (
            json!({}),
            json!({"name": {"givenName": "Ada"}}),
            json!([{"op": "add", "path": "name", "value": {"givenName": "Ada"}}]),
        ),
        (json!({"name": {"givenName": "Ada"}}), json!({}), json!([{"op": "remove", "path": "name"}])),
    ];
    for (from, to, operations) in cases {
        check(&user, &from, &to, operations);
    }
}

#[test]
fn extensions_by_their_urn() {
    let user = Registry::standard().expect("schemas").user;
    let with = |members: Value| json!({(ENTERPRISE_SCHEMA): members});
    let (department, manager) = (format!("{ENTERPRISE_SCHEMA}:department"), format!("{ENTERPRISE_SCHEMA}:manager"));
    let cases = [
        (
            json!({}),
            with(json!({"department": "D"})),
            json!([{"op": "add", "path": ENTERPRISE_SCHEMA, "value": {"department": "D"}}]),
        ),
        (with(json!({"department": "D"})), json!({}), json!([{"op": "remove", "path": ENTERPRISE_SCHEMA}])),
        (
            with(json!({"department": "D", "manager": {"value": "1", "$ref": "../Users/1"}})),
            with(json!({"manager": {"value": "2", "$ref": "../Users/1"}})),
            json!([
                {"op": "remove", "path": department},
                // The reference would go with the value that it described.
                {"op": "replace", "path": manager, "value": {"value": "2", "$ref": "../Users/1"}},
            ]),
        ),
        (
            with(json!({"manager": {"value": "1", "$ref": "../Users/1"}})),
            with(json!({"manager": {"value": "2"}})),
            json!([{"op": "replace", "path": manager, "value": {"value": "2", "$ref": null}}]),
        ),
        (
            with(json!({"manager": {"value": "1"}})),
            with(json!({"manager": {"$ref": "../Users/1"}})),
            json!([{"op": "replace", "path": manager, "value": {"value": null, "$ref": "../Users/1"}}]),
        ),
    ];
    for (from, to, operations) in cases {
        check(&user, &from, &to, operations);
    }
}

#[test]
fn lists_by_value() {
    let user = Registry::standard().expect("schemas").user;
    let emails = |emails: Value| json!({"emails": emails});
    let (work, home) = (json!({"value": "a", "type": "work"}), json!({"value": "b", "type": "home"}));
    let cases = [
        (emails(json!([work])), emails(json!([work, home])), json!([{"op": "add", "path": "emails", "value": [home]}])),
        (
            emails(json!([work, home])),
            emails(json!([home])),
            json!([{"op": "remove", "path": "emails[value eq \"a\"]"}]),
        ),
        (
            emails(json!([work, {"value": "A", "type": "home"}])),
            emails(json!([work])),
            json!([{"op": "remove", "path": "emails[value eq \"A\" and type eq \"home\"]"}]),
        ),
        (
            emails(json!([work, {"value": "A"}])),
            emails(json!([work])),
            json!([{"op": "remove", "path": "emails[value eq \"A\" and type eq null]"}]),
        ),
        (
            emails(json!([{"value": "a", "type": "work", "primary": true}, home])),
            emails(json!([work, {"value": "b", "type": "home", "primary": true}])),
            json!([
                {"op": "remove", "path": "emails[value eq \"a\"].primary"},
                {"op": "add", "path": "emails[value eq \"b\"].primary", "value": true},
            ]),
        ),
        (
            emails(json!([work, home])),
            emails(json!([{"value": "A", "type": "work", "display": "Ada"}, home])),
            json!([{
                "op": "replace",
                "path": "emails[value eq \"a\"]",
                "value": {"value": "A", "type": "work", "display": "Ada"},
            }]),
        ),
    ];
    for (from, to, operations) in cases {
        check(&user, &from, &to, operations);
    }
}

#[test]
fn lists_as_a_whole() {
    let user = Registry::standard().expect("schemas").user;
    let (work, home) = (json!({"value": "a", "type": "work"}), json!({"value": "b", "type": "home"}));
    let bare = json!({"value": "a"});
    let address = json!({"locality": "London"});
    let cases = [
        ("in another order", "emails", json!([work, home]), json!([home, work])),
        ("shorter so", "emails", json!([work, home, {"value": "c"}]), json!([home])),
        ("nothing stays", "emails", json!([work]), json!([home])),
        ("add would find the typed one", "emails", json!([work, home]), json!([work, home, bare])),
        ("the new one stands first", "emails", json!([work]), json!([bare, work])),
        ("without values", "addresses", json!([address]), json!([address, {"locality": "Paris"}])),
    ];
    for (case, name, from, to) in cases {
        let operations = json!([{"op": "replace", "path": name, "value": to}]);
        assert_ne!(from, to, "{case}");
        check(&user, &json!({(name): from}), &json!({(name): to}), operations);
    }
    let both = json!([work, bare]);
    check(&user, &json!({}), &json!({"emails": both}), json!([{"op": "add", "path": "emails", "value": both}]));
    check(&user, &json!({"emails": both}), &json!({}), json!([{"op": "remove", "path": "emails"}]));
}

#[test]
fn what_the_client_has_no_say_in() {
    let schema: Schema = serde_json::from_value(json!({
        "id": "urn:example:badges:2.0:User", "name": "Badges", "description": "Badges",
        "attributes": [
            {"name": "printed", "type": "boolean", "multiValued": false, "description": "d", "required": false,
             "mutability": "readOnly", "returned": "default"},
            {"name": "number", "type": "string", "multiValued": false, "description": "d", "required": false,
             "mutability": "immutable", "returned": "default"},
            {"name": "tags", "type": "string", "multiValued": true, "description": "d", "required": false,
             "mutability": "readWrite", "returned": "default"},
        ],
    }))
    .expect("a schema");
    let urn = schema.id.clone();
    let user = Registry::standard().expect("schemas").with_extension(schema, "User", false).expect("sound").user;
    let found = |from: Value, to: Value| {
        let (from, to) = (user_with(&from), user_with(&to));
        written(&diff(&user, &from, &to))
    };
    let meta = found(json!({"id": "1", "meta": {"version": "1"}}), json!({"id": "2", "groups": [{"value": "g"}]}));
    assert_eq!(meta, json!([]));
    // The extension as one would be refused for its read-only part.
    let gone = found(json!({(urn.clone()): {"printed": true, "tags": ["a"]}}), json!({}));
    assert_eq!(gone, json!([{"op": "remove", "path": format!("{urn}:tags")}]));
    let from = json!({(urn.clone()): {"number": "1", "tags": ["a", "b"]}});
    let changed = found(from, json!({(urn.clone()): {"number": "2", "tags": ["B"]}}));
    assert_eq!(
        changed,
        json!([
            {"op": "replace", "path": format!("{urn}:number"), "value": "2"},
            {"op": "replace", "path": format!("{urn}:tags"), "value": ["B"]},
        ])
    );
}
