#![expect(clippy::needless_pass_by_value, reason = "tables read better without a reference in each line")]

mod bodies;
mod patches;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{patch, resource};
use crate::scim::error::{Error, ScimType};
use crate::scim::patch::{MemberChange, MemberValue, Selected, apply, split_members};
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::validate;
use crate::scim::{ENTERPRISE_SCHEMA, GROUP_SCHEMA, PATCH_MESSAGE, Strictness, USER_SCHEMA};

const LENIENT: Strictness = Strictness::Lenient;
const STRICT: Strictness = Strictness::Strict;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::standard().expect("the built-in schemas"));

fn user() -> Arc<ResourceType> {
    REGISTRY.user.clone()
}

fn group() -> Arc<ResourceType> {
    REGISTRY.group.clone()
}

/// What a create makes of a body: the dialect, then the strict core.
fn created(kind: &ResourceType, body: Value) -> Value {
    let normal = resource(kind, body.clone(), LENIENT).unwrap_or_else(|error| panic!("{body}: {error}"));
    let checked = validate::create(kind, normal, Strictness::Lenient);
    Value::Object(checked.unwrap_or_else(|error| panic!("{body}: {error}")))
}

fn patched(kind: &ResourceType, before: &Value, operations: Value, strictness: Strictness) -> Result<Value, Error> {
    let body = json!({"schemas": [PATCH_MESSAGE], "Operations": operations});
    let operations = patch(kind, body, strictness)?;
    let after = apply(kind, before.as_object().expect("an object"), &operations, strictness)?;
    validate::check(kind, before.as_object().expect("an object"), after, strictness).map(Value::Object)
}

fn ada() -> Value {
    json!({
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "userName": "ada", "displayName": "Ada", "title": "Countess",
        "active": true, "name": {"familyName": "Lovelace", "givenName": "Ada"},
        "emails": [{"value": "ada@work", "type": "work", "primary": true}],
        "roles": [{"value": "r1", "primary": true}, {"value": "r2"}],
        (ENTERPRISE_SCHEMA): {"department": "Sales", "manager": {"value": "1"}}
    })
}

/// Attributes put over a resource; null takes away.
fn with(resource: &Value, changes: &Value) -> Value {
    let mut result = resource.clone();
    for (name, value) in changes.as_object().expect("an object") {
        let members = result.as_object_mut().expect("an object");
        if value.is_null() {
            members.shift_remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    result
}

#[test]
fn a_body_must_be_an_object() {
    for body in [json!([]), json!("x"), Value::Null] {
        for strictness in [LENIENT, STRICT] {
            let error = resource(&user(), body.clone(), strictness).expect_err("no object");
            assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
            patch(&user(), body.clone(), strictness).expect_err("no object");
        }
    }
    let error = resource(&user(), json!({(ENTERPRISE_SCHEMA): 7}), LENIENT).expect_err("no object");
    assert!(error.detail.contains("enterprise:2.0:User: must be an object"), "{error}");
}

#[test]
fn too_many_changes_in_one_request() {
    let values: Vec<Value> = (0..6000).map(|n| json!({"value": n.to_string()})).collect();
    let error = patched(&user(), &ada(), json!([{"op": "remove", "path": "roles", "value": values}]), LENIENT);
    assert_eq!(error.expect_err("too many").scim_type, Some(ScimType::TooMany));
    let emails: Vec<Value> = (0..1001).map(|n| json!({"value": n.to_string()})).collect();
    let mut body = serde_json::Map::from_iter([("emails".to_owned(), json!(emails))]);
    body.extend((0..1001).map(|n| (format!("emails[value eq \"{n}\"].display"), json!("x"))));
    let error = resource(&user(), Value::Object(body), LENIENT).expect_err("too many");
    assert!(error.scim_type == Some(ScimType::TooMany) && error.detail.contains("1000 paths"), "{error}");
    // What nobody knows does not count.
    let unknown = (0..1001).map(|n| (format!("x{n}"), json!("x")));
    resource(&user(), unknown.collect(), LENIENT).expect("unknown attributes are dropped");
}

#[test]
fn thousands_of_members_are_one_change() {
    let values: Vec<Value> = (0..6000).map(|n| json!({"value": n.to_string()})).collect();
    for operation in ["Add", "Remove", "Replace"] {
        let body = json!({"Operations": [{"op": operation, "path": "members", "value": values}]});
        let operations = patch(&group(), body, LENIENT).expect("a message");
        let (rest, changes) = split_members(operations, LENIENT).expect("members");
        assert_eq!((rest.len(), changes.len()), (0, 1), "{operation}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "|true|x|\\{\"value\":1\\}|\\{\"value\":\"a\"\\}".prop_map(Value::from),
    ];
    let key = "value|type|primary|manager|roles|emails|name|name\\.givenName|title|department|members|schemas|\
        Operations|op|path|emails\\[type eq \"work\"\\]\\.value|urn:ietf:params:scim:schemas:extension:enterprise:2\\.0:User(:manager)?";
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn normalising_twice_is_the_same_as_once(body in any_json()) {
        if let Ok(once) = resource(&user(), body, LENIENT) {
            prop_assert_eq!(resource(&user(), Value::Object(once.clone()), LENIENT), Ok(once));
        }
    }

    #[test]
    fn any_message_is_read_or_refused(body in any_json(), value in any_json(), path in "title|manager|emails|emails\\[value eq 1\\]|members|name", op in "Add|Remove|replace") {
        let _ = patch(&user(), body, LENIENT);
        for operation in [json!({"op": op, "value": value}), json!({"op": op, "path": path, "value": value})] {
            for kind in [user(), group()] {
                let body = json!({"Operations": [operation]});
                let Ok(operations) = patch(&kind, body, LENIENT) else { continue };
                let _ = apply(&kind, ada().as_object().expect("an object"), &operations, LENIENT);
                let _ = split_members(operations, LENIENT);
            }
        }
    }
}
