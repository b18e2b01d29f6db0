#![expect(clippy::needless_pass_by_value, reason = "tables read better without a reference in each line")]

mod members;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    MAX_OPERATIONS, MemberChange, MemberValue, Op, Operation, Selected, apply, parse, split_members, take_members,
};
use crate::scim::Strictness;
use crate::scim::error::{Error, ScimType};
use crate::scim::filter::Filter;
use crate::scim::schema::{Mutability, Registry, ResourceType};
use crate::scim::{Attributes, ENTERPRISE_SCHEMA, PATCH_MESSAGE, USER_SCHEMA};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::standard().expect("the built-in schemas"));

fn user() -> Arc<ResourceType> {
    REGISTRY.user.clone()
}

fn group() -> Arc<ResourceType> {
    REGISTRY.group.clone()
}

fn message(operations: Value) -> Value {
    json!({"schemas": [PATCH_MESSAGE], "Operations": operations})
}

fn patched(resource: &Value, operations: Value, strictness: Strictness) -> Result<Value, Error> {
    let operations = parse(&user(), message(operations), Strictness::Strict)?;
    let resource = resource.as_object().expect("an object");
    apply(&user(), resource, &operations, strictness).map(Value::Object)
}

fn ada() -> Value {
    json!({
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "userName": "ada", "title": "Countess",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [
            {"type": "work", "value": "ada@work", "primary": true, "display": "Work"},
            {"type": "home", "value": "ada@home"},
        ],
        (ENTERPRISE_SCHEMA): {"department": "Sales", "manager": {"value": "1", "$ref": "../Users/1"}}
    })
}

/// `ada` with some attributes changed; null takes away.
fn ada_with(changes: Value) -> Value {
    let mut ada = ada();
    let members = ada.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.shift_remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    ada
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn operations_and_what_they_make() {
    let work = ada()["emails"][0].clone();
    let home = ada()["emails"][1].clone();
    let cases = [
        // add (RFC 7644 3.5.2.1)
        (
            "add without path merges",
            json!([{"op": "add", "value": {"nickName": "A", "name": {"middleName": "B"}}}]),
            json!({"nickName": "A", "name": {"givenName": "Ada", "familyName": "Lovelace", "middleName": "B"}}),
        ),
        ("add replaces a single value", json!([{"op": "add", "path": "title", "value": "x"}]), json!({"title": "x"})),
        (
            "names in any case",
            json!([{"op": "add", "path": "NAME.MIDDLEname", "value": "B"}]),
            json!({"name": {"givenName": "Ada", "familyName": "Lovelace", "middleName": "B"}}),
        ),
        (
            "add appends",
            json!([{"op": "add", "path": "emails", "value": [{"type": "other", "value": "o"}]}]),
            json!({"emails": [work, home, {"type": "other", "value": "o"}]}),
        ),
        (
            "add of an equal value changes nothing",
            json!([{"op": "add", "path": "emails", "value": [{"value": "ADA@work", "type": "Work"}, {"value": "ada@home"}]}]),
            json!({}),
        ),
        (
            "add takes up what is new",
            json!([{"op": "add", "path": "emails", "value": {"value": "ada@home", "type": "home", "primary": true}}]),
            json!({"emails": [{"type": "work", "value": "ada@work", "primary": false, "display": "Work"}, {"type": "home", "value": "ada@home", "primary": true}]}),
        ),
        (
            "a new primary clears the old",
            json!([{"op": "add", "path": "emails", "value": [{"value": "n", "primary": true}]}]),
            json!({"emails": [{"type": "work", "value": "ada@work", "primary": false, "display": "Work"}, home, {"value": "n", "primary": true}]}),
        ),
        (
            "primary by filter",
            json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]),
            json!({"emails": [{"type": "work", "value": "ada@work", "primary": false, "display": "Work"}, {"type": "home", "value": "ada@home", "primary": true}]}),
        ),
        ("add of null adds nothing", json!([{"op": "add", "path": "title", "value": null}]), json!({})),
        (
            "add merges into the selected",
            json!([{"op": "add", "path": "emails[type eq \"home\"]", "value": {"display": "Home"}}]),
            json!({"emails": [work, {"type": "home", "value": "ada@home", "display": "Home"}]}),
        ),
        // replace (RFC 7644 3.5.2.3)
        (
            "replace of a complex value keeps what is not mentioned",
            json!([{"op": "replace", "path": "name", "value": {"givenName": "A"}}]),
            json!({"name": {"givenName": "A", "familyName": "Lovelace"}}),
        ),
        (
            "null in a complex value takes away",
            json!([{"op": "replace", "path": "name", "value": {"givenName": null}}]),
            json!({"name": {"familyName": "Lovelace"}}),
        ),
        (
            "replace without value there adds",
            json!([{"op": "replace", "path": "nickName", "value": "A"}]),
            json!({"nickName": "A"}),
        ),
        (
            "replace of all values",
            json!([{"op": "replace", "path": "emails", "value": [{"value": "n"}, {"value": "N"}]}]),
            json!({"emails": [{"value": "n"}]}),
        ),
        ("replace with [] removes", json!([{"op": "replace", "path": "emails", "value": []}]), json!({"emails": null})),
        (
            "replace of the selected",
            json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "n", "type": "other"}}]),
            json!({"emails": [work, {"value": "n", "type": "other"}]}),
        ),
        (
            "a changed value keeps what the client calls it",
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "n"}]),
            json!({"emails": [{"type": "work", "value": "n", "primary": true, "display": "Work"}, home]}),
        ),
        (
            "a copy of the old value is no name for the new one",
            json!([{"op": "replace", "path": "emails", "value": [{"value": "o", "display": "o"}]},
                {"op": "replace", "path": "emails[value eq \"o\"].value", "value": "n"}]),
            json!({"emails": [{"value": "n"}]}),
        ),
        (
            "a reference to another is described anew",
            json!([{"op": "replace", "path": format!("{ENTERPRISE_SCHEMA}:manager.value"), "value": "2"}]),
            json!({(ENTERPRISE_SCHEMA): {"department": "Sales", "manager": {"value": "2"}}}),
        ),
        (
            "replace of a sub-attribute of all values",
            json!([{"op": "replace", "path": "emails.display", "value": "d"}]),
            json!({"emails": [{"type": "work", "value": "ada@work", "primary": true, "display": "d"}, {"type": "home", "value": "ada@home", "display": "d"}]}),
        ),
        // remove (RFC 7644 3.5.2.2)
        ("remove", json!([{"op": "remove", "path": "title"}]), json!({"title": null})),
        (
            "remove of what is not there",
            json!([{"op": "remove", "path": "nickName"}, {"op": "remove", "path": "emails[type eq \"x\"]"}]),
            json!({}),
        ),
        (
            "remove of the selected",
            json!([{"op": "remove", "path": "emails[type eq \"work\"]"}]),
            json!({"emails": [home]}),
        ),
        (
            "the last value removed",
            json!([{"op": "remove", "path": "emails[value sw \"ada\"]"}]),
            json!({"emails": null}),
        ),
        (
            "remove of a sub-attribute",
            json!([{"op": "remove", "path": "emails[type eq \"work\"].display"}, {"op": "remove", "path": "name.givenName"}]),
            json!({"emails": [{"type": "work", "value": "ada@work", "primary": true}, home], "name": {"familyName": "Lovelace"}}),
        ),
        (
            "the last sub-attribute removed",
            json!([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}]),
            json!({"name": null}),
        ),
        // extensions
        (
            "an attribute of an extension",
            json!([{"op": "replace", "path": format!("{ENTERPRISE_SCHEMA}:department"), "value": "x"}]),
            json!({(ENTERPRISE_SCHEMA): {"department": "x", "manager": {"value": "1", "$ref": "../Users/1"}}}),
        ),
        (
            "another manager has another reference",
            json!([{"op": "replace", "path": format!("{ENTERPRISE_SCHEMA}:manager"), "value": {"value": "2", "displayName": "read-only"}}]),
            json!({(ENTERPRISE_SCHEMA): {"department": "Sales", "manager": {"value": "2"}}}),
        ),
        (
            "an extension as a whole, with its own schemas",
            json!([{"op": "add", "path": ENTERPRISE_SCHEMA, "value": {"schemas": [ENTERPRISE_SCHEMA], "costCenter": "7"}}]),
            json!({(ENTERPRISE_SCHEMA): {"department": "Sales", "manager": {"value": "1", "$ref": "../Users/1"}, "costCenter": "7"}}),
        ),
        (
            "an extension removed leaves schemas",
            json!([{"op": "remove", "path": ENTERPRISE_SCHEMA}]),
            json!({(ENTERPRISE_SCHEMA): null, "schemas": [USER_SCHEMA]}),
        ),
        (
            "its last attributes removed, too",
            json!([{"op": "remove", "path": format!("{ENTERPRISE_SCHEMA}:department")}, {"op": "remove", "path": format!("{ENTERPRISE_SCHEMA}:manager")}]),
            json!({(ENTERPRISE_SCHEMA): null, "schemas": [USER_SCHEMA]}),
        ),
        (
            "in order",
            json!([{"op": "add", "path": "title", "value": "1"}, {"op": "remove", "path": "title"}, {"op": "replace", "path": "title", "value": "2"}]),
            json!({"title": "2"}),
        ),
    ];
    for (name, operations, expected) in cases {
        let found = patched(&ada(), operations, Strictness::Strict).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, ada_with(expected), "{name}");
    }
}

#[test]
fn an_extension_that_gets_a_value_is_named_in_schemas() {
    let bare = json!({"schemas": [USER_SCHEMA], "userName": "ada"});
    for value in [
        json!([{"op": "add", "path": format!("{ENTERPRISE_SCHEMA}:department"), "value": "x"}]),
        json!([{"op": "replace", "value": {(ENTERPRISE_SCHEMA): {"department": "x"}}}]),
        json!([{"op": "replace", "value": {(format!("{ENTERPRISE_SCHEMA}:department")): "x"}}]),
    ] {
        let found = patched(&bare, value.clone(), Strictness::Strict).expect("applies");
        assert_eq!(found["schemas"], json!([USER_SCHEMA, ENTERPRISE_SCHEMA]), "{value}");
        assert_eq!(found[ENTERPRISE_SCHEMA], json!({"department": "x"}), "{value}");
    }
}

#[test]
fn what_is_refused() {
    use ScimType::{InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    let cases = [
        (json!([{"op": "remove"}]), NoTarget, "remove needs a path"),
        (json!([{"op": "remove", "path": "userName"}]), Mutability, "userName is required"),
        (json!([{"op": "replace", "path": "userName", "value": null}]), Mutability, "userName is required"),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), Mutability, "id is read-only"),
        (json!([{"op": "replace", "value": {"meta": {"version": "x"}}}]), Mutability, "meta is read-only"),
        (json!([{"op": "add", "path": "meta.version", "value": "x"}]), Mutability, "meta.version is read-only"),
        (json!([{"op": "remove", "path": "groups"}]), Mutability, "groups is read-only"),
        (
            json!([{"op": "add", "path": "groups[value eq \"x\"].display", "value": "x"}]),
            Mutability,
            "groups.display is read-only",
        ),
        (
            json!([{"op": "add", "path": format!("{ENTERPRISE_SCHEMA}:manager.displayName"), "value": "x"}]),
            Mutability,
            "manager.displayName is read-only",
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq \"x\"].value", "value": "y"}]),
            NoTarget,
            "no value of emails matches type eq \"x\"",
        ),
        (json!([{"op": "replace", "path": "phoneNumbers.value", "value": "y"}]), NoTarget, "phoneNumbers has no value"),
        (json!([{"op": "replace", "path": "unheardOf", "value": "y"}]), InvalidPath, "User has no such attribute"),
        (json!([{"op": "replace", "path": "urn:none:x", "value": "y"}]), InvalidPath, "User has no such"),
        (json!([{"op": "replace", "path": "name..x", "value": "y"}]), InvalidPath, "Operations[0].path"),
        (json!([{"op": "replace", "path": "emails[type xx 1]", "value": "y"}]), InvalidFilter, "expected an operator"),
        (
            json!([{"op": "replace", "path": "emails[primary gt true].value", "value": "y"}]),
            InvalidFilter,
            "emails.primary is boolean",
        ),
        (json!([{"op": "add", "path": "title"}]), InvalidValue, "value: is missing"),
        (json!([{"op": "add", "value": "x"}]), InvalidValue, "must be an object, found a string"),
        (json!([{"op": "add", "value": {"unheardOf": 1}}]), InvalidValue, "User has no attribute unheardOf"),
        (json!([{"op": "add", "path": "name", "value": "x"}]), InvalidValue, "name: must be an object, found a string"),
        (json!([{"op": "add", "path": "name", "value": {"x": 1}}]), InvalidValue, "name has no sub-attribute x"),
        (
            json!([{"op": "add", "path": "emails", "value": ["x"]}]),
            InvalidValue,
            "emails: each value must be an object",
        ),
        (json!([{"op": "remove", "path": "emails", "value": [{"value": "x"}]}]), InvalidValue, "remove takes no value"),
        (json!([]), InvalidSyntax, "at least one"),
        (json!({"op": "add"}), InvalidSyntax, "Operations: must be an array, found an object"),
        (json!(["x"]), InvalidSyntax, "Operations[0] must be a JSON object, found a string"),
        (json!([{"op": "copy", "path": "title"}]), InvalidSyntax, "\"copy\" is none of add, remove, replace"),
        (json!([{"path": "title"}]), InvalidSyntax, "Operations[0].op: is missing"),
        (json!([{"op": "add", "path": 1, "value": 1}]), InvalidSyntax, "Operations[0].path: must be a string"),
        (json!([{"op": "add", "path": "title", "value": "x"}, {"op": "remove"}]), NoTarget, "Operations[1]"),
        (
            json!([{"op": "remove", "path": ENTERPRISE_SCHEMA.replace("enterprise", "other")}]),
            InvalidPath,
            "User has no such",
        ),
    ];
    for (operations, kind, words) in cases {
        let error = patched(&ada(), operations.clone(), Strictness::Strict).expect_err(&operations.to_string());
        assert_eq!((error.status, error.scim_type), (400, Some(kind)), "{operations}: {error}");
        assert!(error.detail.contains(words), "{operations}\n  found: {}\n  wanted: {words}", error.detail);
    }
    let parse_error = |body: Value| parse(&user(), body, Strictness::Lenient).expect_err("a bad message");
    assert!(parse_error(json!([])).detail.contains("the body must be a JSON object, found an array"));
    assert!(parse_error(json!({"Operations": [{"op": "remove", "path": "title"}]})).detail.contains("schemas"));
    let many = vec![json!({"op": "remove", "path": "title"}); MAX_OPERATIONS + 1];
    assert_eq!(parse_error(message(json!(many))).scim_type, Some(ScimType::TooMany));
    let values = vec![json!({"value": "x"}); super::MAX_VALUES + 1];
    let error = parse_error(message(json!([{"op": "add", "path": "emails", "value": values}])));
    assert_eq!(error.scim_type, Some(ScimType::TooMany));
}

#[test]
fn immutable_attributes_are_written_once() {
    let mut kind = (*user()).clone();
    let mut schema = (*kind.schema).clone();
    for attribute in schema.attributes.iter_mut().filter(|a| a.name == "title" || a.name == "name") {
        attribute.mutability = Mutability::Immutable;
    }
    kind.schema = schema.into();
    let run = |resource: &Value, operation: Value| {
        let operations = parse(&kind, message(json!([operation])), Strictness::Strict).expect("parses");
        apply(&kind, resource.as_object().expect("an object"), &operations, Strictness::Strict)
    };
    let empty = json!({"userName": "ada"});
    let set = json!({"op": "add", "path": "title", "value": "Countess"});
    assert_eq!(run(&empty, set.clone()).expect("empty")["title"], "Countess");
    assert_eq!(run(&ada(), set).expect("the same value")["title"], "Countess");
    run(&empty, json!({"op": "replace", "path": "name.givenName", "value": "x"})).expect("empty");
    for refused in [
        json!({"op": "add", "path": "title", "value": "x"}),
        json!({"op": "replace", "value": {"title": "x"}}),
        json!({"op": "remove", "path": "title"}),
        json!({"op": "replace", "path": "name.givenName", "value": "x"}),
        json!({"op": "remove", "path": "name.givenName"}),
    ] {
        let error = run(&ada(), refused.clone()).expect_err(&refused.to_string());
        assert_eq!(error.scim_type, Some(ScimType::Mutability), "{refused}");
    }
}

#[test]
fn leniency_makes_values_and_means_the_likely_one() {
    let run =
        |resource: &Value, operations: Value| patched(resource, operations, Strictness::Lenient).expect("applies");
    let bare = json!({"schemas": [USER_SCHEMA], "userName": "ada"});
    // Entra: attributes of an address one by one.
    let found = run(
        &bare,
        json!([
            {"op": "replace", "path": "addresses[type eq \"work\"].formatted", "value": "1 Navy Yard"},
            {"op": "replace", "path": "addresses[type eq \"work\"].country", "value": "US"},
            {"op": "add", "path": "phoneNumbers[type eq \"mobile\" and primary eq \"True\"].value", "value": "1"},
            {"op": "add", "path": "roles[value eq \"a\"]", "value": {"display": "A"}},
        ]),
    );
    assert_eq!(found["addresses"], json!([{"type": "work", "formatted": "1 Navy Yard", "country": "US"}]));
    assert_eq!(found["phoneNumbers"], json!([{"type": "mobile", "primary": true, "value": "1"}]));
    assert_eq!(found["roles"], json!([{"value": "a", "display": "A"}]));
    let error =
        patched(&bare, json!([{"op": "add", "path": "emails[value pr].value", "value": "1"}]), Strictness::Lenient);
    assert_eq!(error.expect_err("nothing to make it from").scim_type, Some(ScimType::NoTarget));
    // HelloID: emails.value
    let path = json!([{"op": "replace", "path": "emails.value", "value": "n"}]);
    assert_eq!(run(&bare, path.clone())["emails"], json!([{"type": "work", "value": "n"}]));
    assert_eq!(run(&ada(), path.clone())["emails"][0]["value"], "n");
    assert_eq!(run(&ada(), path.clone())["emails"][1]["value"], "ada@home");
    let only = ada_with(json!({"emails": [{"type": "home", "value": "h"}]}));
    assert_eq!(run(&only, path.clone())["emails"], json!([{"type": "home", "value": "n"}]));
    let two = ada_with(json!({"emails": [{"type": "home", "value": "h"}, {"type": "other", "value": "o"}]}));
    assert_eq!(run(&two, path)["emails"][2], json!({"type": "work", "value": "n"}));
    // A value without `value` tells nothing.
    let found = run(&ada(), json!([{"op": "remove", "path": "emails[type eq \"home\"].value"}]));
    assert_eq!(found["emails"].as_array().map(Vec::len), Some(1));
    let found = run(&ada(), json!([{"op": "remove", "path": format!("{ENTERPRISE_SCHEMA}:manager.value")}]));
    assert_eq!(found[ENTERPRISE_SCHEMA], json!({"department": "Sales"}));
    // A replaced value keeps what the filter asked of it.
    let found = run(&ada(), json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "n"}}]));
    assert_eq!(found["emails"][1], json!({"value": "n", "type": "home"}));
}

#[test]
fn attributes_do_not_grow_without_end() {
    let values: Vec<Value> = (0..1001).map(|n| json!({"streetAddress": n.to_string()})).collect();
    let error = patched(&ada(), json!([{"op": "add", "path": "addresses", "value": values}]), Strictness::Lenient);
    assert_eq!(error.expect_err("too many").scim_type, Some(ScimType::TooMany));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "work|home|x|".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let key = "value|type|primary|display|givenName|title|emails|userName|department|x";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_operation() -> impl Strategy<Value = Value> {
    let path = prop::sample::select(vec![
        "title",
        "userName",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[primary eq true].primary",
        "emails[not (value pr)].type",
        "active",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "roles[value eq \"x\" or type pr].display",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "addresses",
        "meta.version",
        "nothing",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq \"x\"].$ref",
    ]);
    ("add|remove|replace", prop::option::of(path), prop::option::of(any_value())).prop_map(|(op, path, value)| {
        let mut operation = json!({"op": op});
        if let Some(path) = path {
            operation["path"] = path.into();
        }
        if let Some(value) = value {
            operation["value"] = value;
        }
        operation
    })
}

fn any_resource() -> impl Strategy<Value = Attributes> {
    prop::collection::vec(("title|name|emails|userName|roles|active|addresses", any_value()), 0..5)
        .prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn any_operations_on_any_resource(resource in any_resource(), operations in prop::collection::vec(any_operation(), 1..5), lenient in any::<bool>()) {
        let before = resource.clone();
        let strictness = if lenient { Strictness::Lenient } else { Strictness::Strict };
        if let Ok(operations) = parse(&user(), message(operations.into()), Strictness::Lenient) {
            let applied = apply(&user(), &resource, &operations, strictness);
            prop_assert_eq!(&resource, &before);
            // Whole or not at all: each beginning of a list that holds, holds.
            if applied.is_ok() {
                for end in 1..operations.len() {
                    prop_assert!(apply(&user(), &resource, &operations[..end], strictness).is_ok());
                }
            }
            if let Ok(after) = applied {
                prop_assert!(after.iter().all(|(name, value)| before.get(name) == Some(value) || !crate::scim::document::is_unassigned(value)));
            }
        }
    }

    #[test]
    fn adding_or_replacing_twice_is_the_same_as_once(value in "[a-c]{1,2}", kind in "work|home", primary in any::<bool>()) {
        let operations = json!([{"op": "add", "path": "emails", "value": [{"value": value, "type": kind, "primary": primary}]},
            {"op": "replace", "path": "name", "value": {"givenName": value}}]);
        let once = patched(&ada(), operations.clone(), Strictness::Strict).expect("applies");
        prop_assert_eq!(patched(&once, operations, Strictness::Strict).expect("applies"), once);
    }
}
