use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Options, patch, resource};
use crate::scim::error::{Error, ScimType};
use crate::scim::patch::{MemberChange, MemberValue, apply, split_members};
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::validate::{self, Strictness};
use crate::scim::{ENTERPRISE_SCHEMA, GROUP_SCHEMA, PATCH_MESSAGE, USER_SCHEMA};

const LENIENT: Options = Options { strict: false };
const STRICT: Options = Options { strict: true };

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::standard().expect("the built-in schemas"));

fn user() -> Arc<ResourceType> {
    REGISTRY.user.clone()
}

fn group() -> Arc<ResourceType> {
    REGISTRY.group.clone()
}

/// What a create makes of a body: the dialect, then the strict core.
fn created(kind: &ResourceType, body: Value) -> Value {
    let normal = resource(kind, body.clone(), &LENIENT).unwrap_or_else(|error| panic!("{body}: {error}"));
    let checked = validate::create(kind, normal, Strictness::Lenient);
    Value::Object(checked.unwrap_or_else(|error| panic!("{body}: {error}")))
}

fn patched(kind: &ResourceType, before: &Value, operations: Value, options: Options) -> Result<Value, Error> {
    let body = json!({"schemas": [PATCH_MESSAGE], "Operations": operations});
    let operations = patch(kind, body, &options)?;
    let after = apply(kind, before.as_object().expect("an object"), &operations, &options.leniency())?;
    validate::check(kind, after, Strictness::Lenient).map(Value::Object)
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
fn bodies_of_users() {
    let enterprise =
        |members: Value| json!({"schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], (ENTERPRISE_SCHEMA): members});
    let cases = [
        (
            "Entra, older job: nulls and bare enterprise attributes",
            json!({"schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "addresses": null, "title": null, "department": null, "manager": null, "meta": {"resourceType": "User"}}),
            json!({}),
        ),
        (
            "Entra: an extension that nobody knows",
            json!({"schemas": [USER_SCHEMA], "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User": {"tag": "701984"}}),
            json!({}),
        ),
        (
            "Okta: the namespace of an app",
            json!({"schemas": [USER_SCHEMA, "urn:okta:myapp_1:2.0:user:custom"], "urn:okta:myapp_1:2.0:user:custom": {"badge": "B-17"}}),
            json!({}),
        ),
        (
            "Okta: a manager who is nobody",
            json!({(ENTERPRISE_SCHEMA): {"department": "Dept", "manager": {"displayName": "Nobody", "value": ""}}}),
            enterprise(json!({"department": "Dept"})),
        ),
        (
            "Okta: groups and id sent back",
            json!({"id": "7", "groups": [], "emails": [{"primary": true, "value": "a", "type": "work", "display": "a"}]}),
            json!({"emails": [{"value": "a", "display": "a", "type": "work", "primary": true}]}),
        ),
        (
            "Okta: an unmapped phone number",
            json!({"phoneNumbers": [{"value": "", "type": "work"}, {"value": null, "type": "home"}]}),
            json!({}),
        ),
        (
            "validator: strings for booleans",
            json!({"active": "True", "roles": [{"primary": "True", "display": "Dx", "value": "Rx", "type": "Tx"}]}),
            json!({"active": true, "roles": [{"value": "Rx", "display": "Dx", "type": "Tx", "primary": true}]}),
        ),
        (
            "OneLogin: template texts",
            json!({"schemas": ["urn:scim:schemas:core:2.0"], "active": "false", "id": null, "emails": {"value": "a"}}),
            json!({"active": false, "emails": [{"value": "a"}]}),
        ),
        ("OneLogin: managerId", json!({"manager": {"managerId": "9"}}), enterprise(json!({"manager": {"value": "9"}}))),
        ("JumpCloud: null for a list", json!({"emails": null, "addresses": [], "phoneNumbers": []}), json!({})),
        (
            "JumpCloud: an extension named but not there",
            json!({"schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA]}),
            json!({}),
        ),
        (
            "HelloID: a name part that nobody knows",
            json!({"name": {"familyNamePrefix": "van", "FamilyName": "Gogh"}, "emails": [{"primary": "True", "value": "a"}]}),
            json!({"name": {"familyName": "Gogh"}, "emails": [{"value": "a", "primary": true}]}),
        ),
        (
            "Entra: roles as JSON text",
            json!({"roles": [{"value": "{\"id\":\"8\",\"value\":\"Admin\",\"displayName\":\"Administrator\"}"}]}),
            json!({"roles": [{"value": "Admin", "display": "Administrator"}]}),
        ),
        (
            "roles as JSON text without value",
            json!({"roles": ["{\"displayName\":\"Admin\",\"type\":\"T\",\"primary\":\"True\"}", "{no JSON"]}),
            json!({"roles": [{"value": "Admin", "display": "Admin", "type": "T", "primary": true}, {"value": "{no JSON"}]}),
        ),
        (
            "manager as a string",
            json!({(ENTERPRISE_SCHEMA): {"manager": "9"}}),
            enterprise(json!({"manager": {"value": "9"}})),
        ),
        (
            "manager as a list of strings",
            json!({(ENTERPRISE_SCHEMA): {"manager": ["9"]}}),
            enterprise(json!({"manager": {"value": "9"}})),
        ),
        (
            "manager as a list of references",
            json!({(ENTERPRISE_SCHEMA): {"manager": [{"value": "9", "$ref": null}]}}),
            enterprise(json!({"manager": {"value": "9"}})),
        ),
        ("manager as the empty string", json!({(ENTERPRISE_SCHEMA): {"manager": ""}}), json!({})),
        (
            "manager with an empty value",
            json!({(ENTERPRISE_SCHEMA): {"manager": {"value": "", "$ref": "x"}}}),
            json!({}),
        ),
        (
            "a scalar as a list of one value",
            json!({"title": [{"$ref": null, "value": "x"}], "active": [{"value": "False"}]}),
            json!({"title": "x", "active": false}),
        ),
        (
            "empty texts",
            json!({"title": "", "name": {"givenName": ""}, "nickName": [], (ENTERPRISE_SCHEMA): ""}),
            json!({}),
        ),
        (
            "numbers for texts",
            json!({(ENTERPRISE_SCHEMA): {"employeeNumber": 1001}, "title": true}),
            with(&json!({"title": "true"}), &enterprise(json!({"employeeNumber": "1001"}))),
        ),
        ("texts for values of a list", json!({"emails": ["a", ""]}), json!({"emails": [{"value": "a"}]})),
        ("name as a string", json!({"name": "Ada Lovelace"}), json!({"name": {"formatted": "Ada Lovelace"}})),
        (
            "names in any case",
            json!({"TITLE": "x", "NAME": {"GIVENNAME": "A"}, (ENTERPRISE_SCHEMA.to_uppercase()): {"Department": "x"}}),
            with(&json!({"title": "x", "name": {"givenName": "A"}}), &enterprise(json!({"department": "x"}))),
        ),
        (
            "paths for keys",
            json!({"name.givenName": "A", (format!("{ENTERPRISE_SCHEMA}:employeeNumber")): "7", (format!("{USER_SCHEMA}:title")): "x", "emails[type eq \"work\"].value": "a"}),
            with(
                &json!({"name": {"givenName": "A"}, "title": "x", "emails": [{"value": "a", "type": "work"}]}),
                &enterprise(json!({"employeeNumber": "7"})),
            ),
        ),
        (
            "a bare enterprise attribute goes into the extension",
            json!({"department": "x", "costCenter": "1", (ENTERPRISE_SCHEMA): {"department": "Sales"}}),
            enterprise(json!({"costCenter": "1", "department": "Sales"})),
        ),
        (
            "what nobody knows",
            json!({"unheardOf": 1, "a b": {}, "x.y": 1, "name.unheardOf": 2, "urn:none:x": 1, "meta.version": "1", "id": {"x": 1}}),
            json!({}),
        ),
        (
            "the delivery extension is read-only",
            json!({"urn:scim-bridge:schemas:extension:delivery:1.0": {"state": "x"}}),
            json!({}),
        ),
    ];
    for (name, body, expected) in cases {
        let bare = json!({"schemas": [USER_SCHEMA], "userName": "ada"});
        assert_eq!(created(&user(), with_user_name(body)), with(&bare, &expected), "{name}");
    }
}

fn with_user_name(mut body: Value) -> Value {
    body["userName"] = "ada".into();
    body
}

#[test]
fn a_body_must_be_an_object() {
    for body in [json!([]), json!("x"), Value::Null] {
        for options in [LENIENT, STRICT] {
            let error = resource(&user(), body.clone(), &options).expect_err("no object");
            assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
            patch(&user(), body.clone(), &options).expect_err("no object");
        }
    }
    let error = resource(&user(), json!({(ENTERPRISE_SCHEMA): 7}), &LENIENT).expect_err("no object");
    assert!(error.detail.contains("enterprise:2.0:User must be a JSON object, found a number"), "{error}");
}

#[test]
fn what_is_wrong_stays_wrong() {
    for (body, words) in [
        (json!({"active": "maybe"}), "active"),
        (json!({"title": {"x": 1}}), "title"),
        (json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}), "primary"),
    ] {
        let normal = resource(&user(), with_user_name(body.clone()), &LENIENT).expect("the dialect passes it on");
        let error = validate::create(&user(), normal, Strictness::Lenient).expect_err(&body.to_string());
        assert!(error.detail.contains(words), "{error}");
    }
    let normal = resource(&user(), json!({"active": true}), &LENIENT).expect("the dialect passes it on");
    assert!(
        validate::create(&user(), normal, Strictness::Lenient).expect_err("no userName").detail.contains("userName")
    );
}

#[test]
fn strict_leaves_bodies_as_they_are() {
    let body = json!({"schemas": ["urn:x"], "active": "True", "unheardOf": 1});
    assert_eq!(resource(&user(), body.clone(), &STRICT).map(Value::Object), Ok(body));
}

#[test]
fn the_password_passes_through() {
    let body = resource(&user(), json!({"password": "secret"}), &LENIENT).expect("a body");
    assert_eq!(body["password"], "secret");
}

#[test]
fn bodies_of_groups() {
    let marker = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
    let body = json!({"schemas": [GROUP_SCHEMA, marker], "externalId": "e", "displayName": "E", "members": [], "meta": {"resourceType": "Group"}});
    assert_eq!(created(&group(), body), json!({"schemas": [GROUP_SCHEMA], "externalId": "e", "displayName": "E"}));
    let body = json!({"displayName": "E", "members": [{"value": "a", "display": "A", "$ref": null}, "b"]});
    let body = resource(&group(), body, &LENIENT).expect("a body");
    assert_eq!(body["members"], json!([{"value": "a", "display": "A"}, {"value": "b"}]));
}

#[test]
fn patches_of_users() {
    let manager = format!("{ENTERPRISE_SCHEMA}:manager");
    let enterprise = |members: Value| json!({(ENTERPRISE_SCHEMA): members});
    let no_manager = enterprise(json!({"department": "Sales"}));
    let new_manager = enterprise(json!({"department": "Sales", "manager": {"value": "2"}}));
    let cases = [
        // Entra, legacy form
        ("Entra: disable", json!([{"op": "Replace", "path": "active", "value": "False"}]), json!({"active": false})),
        (
            "Entra: several attributes",
            json!([
            {"op": "Replace", "path": "displayName", "value": "Ada King"}, {"op": "Replace", "path": "name.familyName", "value": "King"},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "k"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44"},
            {"op": "Replace", "path": "addresses[type eq \"work\"].locality", "value": "Ockham"},
            {"op": "Add", "path": format!("{ENTERPRISE_SCHEMA}:costCenter"), "value": "4130"}]),
            json!({"displayName": "Ada King", "name": {"familyName": "King", "givenName": "Ada"},
                "emails": [{"value": "k", "type": "work", "primary": true}], "phoneNumbers": [{"value": "+44", "type": "mobile"}],
                "addresses": [{"locality": "Ockham", "type": "work"}],
                (ENTERPRISE_SCHEMA): {"costCenter": "4130", "department": "Sales", "manager": {"value": "1"}}}),
        ),
        ("Entra: manager as a string", json!([{"op": "Add", "path": manager, "value": "2"}]), new_manager.clone()),
        (
            "Entra: manager as a list",
            json!([{"op": "Add", "path": manager, "value": [{"$ref": "http://x/2", "value": "2"}]}]),
            enterprise(json!({"department": "Sales", "manager": {"value": "2", "$ref": "http://x/2"}})),
        ),
        ("Entra: manager taken away", json!([{"op": "Replace", "path": manager, "value": ""}]), no_manager.clone()),
        (
            "Entra: manager taken away by an empty value",
            json!([{"op": "Replace", "path": manager, "value": {"value": ""}}]),
            no_manager.clone(),
        ),
        (
            "Entra: manager removed with its value",
            json!([{"op": "Remove", "path": manager, "value": "1"}]),
            no_manager.clone(),
        ),
        (
            "a manager of nothing but a read-only name",
            json!([{"op": "replace", "path": manager, "value": {"displayName": "Boss"}}]),
            json!({}),
        ),
        (
            "Entra: attributes cleared",
            json!([{"op": "Replace", "path": "title", "value": ""}, {"op": "Replace", "path": "displayName", "value": null}]),
            json!({"title": null, "displayName": null}),
        ),
        (
            "Entra: add of nothing",
            json!([{"op": "Add", "path": "title", "value": ""}, {"op": "Add", "path": "name", "value": {"givenName": ""}}]),
            json!({}),
        ),
        (
            "Entra: roles as JSON text",
            json!([{"op": "Add", "path": "roles", "value": [{"value": "{\"id\":\"8\",\"value\":\"Admin\",\"displayName\":\"A\"}"}]}]),
            json!({"roles": [{"value": "r1", "primary": true}, {"value": "r2"}, {"value": "Admin", "display": "A"}]}),
        ),
        (
            "Entra: role by a quoted boolean",
            json!([{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "User"}]),
            json!({"roles": [{"value": "User", "primary": true}, {"value": "r2"}]}),
        ),
        (
            "Entra: a phone number cleared",
            json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": ""}]),
            json!({"emails": null}),
        ),
        (
            "Entra: a scalar as a list of one value",
            json!([{"op": "Replace", "path": "title", "value": [{"$ref": null, "value": "x"}]}]),
            json!({"title": "x"}),
        ),
        // Entra, with the flag
        (
            "Entra: keys as paths",
            json!([{"op": "replace", "value": {"displayName": "x", "name.givenName": "y", (format!("{ENTERPRISE_SCHEMA}:manager")): "2", "emails[type eq \"work\"].value": "z"}}]),
            with(
                &json!({"displayName": "x", "name": {"familyName": "Lovelace", "givenName": "y"}, "emails": [{"value": "z", "type": "work", "primary": true}]}),
                &new_manager,
            ),
        ),
        (
            "values of a list removed",
            json!([{"op": "remove", "path": "roles", "value": [{"value": "R1"}, {"value": "none"}]}]),
            json!({"roles": [{"value": "r2"}]}),
        ),
        ("a list removed by an empty list", json!([{"op": "remove", "path": "roles", "value": []}]), json!({})),
        ("a list removed", json!([{"op": "Remove", "path": "roles", "value": null}]), json!({"roles": null})),
        (
            "replace with an empty list",
            json!([{"op": "Replace", "path": "roles", "value": []}]),
            json!({"roles": null}),
        ),
        // Okta
        (
            "Okta: without path, with id and groups",
            json!([{"op": "replace", "value": {"id": "7", "groups": [], "meta": {}, "schemas": ["x"], "active": false}}]),
            json!({"active": false}),
        ),
        ("Okta: without op", json!([{"value": {"active": false}}]), json!({"active": false})),
        (
            "Okta: an extension as a whole",
            json!([{"op": "replace", "value": {(ENTERPRISE_SCHEMA): {"manager": {"value": "", "displayName": "x"}, "unheardOf": 1, "schemas": [ENTERPRISE_SCHEMA]}}}]),
            no_manager,
        ),
        // HelloID
        (
            "HelloID: paths without filter",
            json!([{"op": "Replace", "path": "emails.value", "value": "n"}, {"op": "Replace", "path": "emails.primary", "value": "True"}, {"op": "Replace", "path": "name.FamilyName", "value": "F"}, {"op": "Replace", "path": "phoneNumbers.value", "value": "1"}]),
            json!({"emails": [{"value": "n", "type": "work", "primary": true}], "name": {"familyName": "F", "givenName": "Ada"}, "phoneNumbers": [{"value": "1", "type": "work"}]}),
        ),
        // Keycloak
        (
            "Keycloak: a JSON text for the object",
            json!([{"op": "replace", "value": "{\"active\":\"false\"}"}]),
            json!({"active": false}),
        ),
        // OneLogin
        (
            "OneLogin: one email as an object",
            json!([{"op": "replace", "path": "emails", "value": {"value": "n"}}]),
            json!({"emails": [{"value": "n"}]}),
        ),
        // all
        (
            "part of a name emptied",
            json!([{"op": "replace", "path": "name", "value": {"givenName": "", "middleName": null}}]),
            json!({"name": {"familyName": "Lovelace"}}),
        ),
        ("a name emptied", json!([{"op": "replace", "path": "name", "value": {}}]), json!({"name": null})),
        (
            "an extension emptied",
            json!([{"op": "replace", "path": ENTERPRISE_SCHEMA, "value": {}}]),
            json!({(ENTERPRISE_SCHEMA): null, "schemas": [USER_SCHEMA]}),
        ),
        (
            "an extension removed",
            json!([{"op": "remove", "path": ENTERPRISE_SCHEMA}]),
            json!({(ENTERPRISE_SCHEMA): null, "schemas": [USER_SCHEMA]}),
        ),
        (
            "the core schema for a path",
            json!([{"op": "replace", "path": USER_SCHEMA, "value": {"title": "x"}}]),
            json!({"title": "x"}),
        ),
        (
            "an enterprise attribute without URN",
            json!([{"op": "replace", "path": "department", "value": "x"}, {"op": "replace", "value": {"costCenter": "1"}}]),
            enterprise(json!({"department": "x", "manager": {"value": "1"}, "costCenter": "1"})),
        ),
        (
            "what nobody knows",
            json!([{"op": "replace", "path": "unheardOf", "value": 1}, {"op": "add", "path": "urn:none:2.0:User:x", "value": 1},
            {"op": "replace", "value": {"x": 1, "a b": 2, "urn:none:2.0:User": {"y": 1}, "name.x": 1}}, {"op": "add", "path": "emails[type eq \"work\"].x", "value": 1},
            {"op": "remove", "path": "urn:none:2.0"}, {"op": "replace", "path": "schemas", "value": ["urn:x"]}]),
            json!({}),
        ),
        (
            "an empty path",
            json!([{"OP": "Replace", "Path": "", "Value": {"title": "x"}}, {"op": "replace", "path": null, "value": {"displayName": "y"}}]),
            json!({"title": "x", "displayName": "y"}),
        ),
    ];
    for (name, operations, expected) in cases {
        let found = patched(&user(), &ada(), operations, LENIENT).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, with(&ada(), &expected), "{name}");
    }
}

#[test]
fn what_a_patch_may_not() {
    use ScimType::{InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    let cases = [
        (json!([{"op": "Replace", "path": "id", "value": "x"}]), Mutability),
        (json!([{"op": "Replace", "path": "groups", "value": [{"value": "x"}]}]), Mutability),
        (json!([{"op": "Replace", "path": "meta.version", "value": "x"}]), Mutability),
        (json!([{"op": "Replace", "path": "meta", "value": {"version": "x"}}]), Mutability),
        (json!([{"op": "Add", "path": "groups[value eq \"x\"]", "value": {"value": "x"}}]), Mutability),
        (json!([{"op": "Add", "path": "groups[value eq \"x\"].display", "value": ""}]), Mutability),
        (json!([{"op": "Replace", "path": "userName", "value": ""}]), Mutability),
        (json!([{"op": "Remove", "path": "userName"}]), Mutability),
        (json!([{"op": "remove"}]), NoTarget),
        (json!([{"op": "remove", "value": {"title": "x"}}]), NoTarget),
        (json!([{"op": "replace", "path": "title"}]), InvalidValue),
        (json!([{"op": "replace", "path": "active", "value": "maybe"}]), InvalidValue),
        (json!([{"op": "replace", "path": "title..x", "value": "x"}]), InvalidPath),
        (json!([{"op": "replace", "path": "emails[type zz 1].value", "value": "x"}]), InvalidFilter),
        (json!([{"op": "copy", "path": "title"}]), InvalidSyntax),
        (json!([{"op": 7, "path": "title"}]), InvalidSyntax),
        (json!([{"op": "replace", "value": "x"}]), InvalidSyntax),
        (json!([{"op": "replace", "value": [1]}]), InvalidSyntax),
        (json!([{"op": "replace"}]), InvalidSyntax),
        (json!(["x"]), InvalidSyntax),
        (json!([]), InvalidSyntax),
        (json!("x"), InvalidSyntax),
        (Value::Null, InvalidSyntax),
    ];
    for (operations, kind) in cases {
        let error = patched(&user(), &ada(), operations.clone(), LENIENT).expect_err(&operations.to_string());
        assert_eq!((error.status, error.scim_type), (400, Some(kind)), "{operations}: {error}");
    }
}

#[test]
fn messages_with_and_without_schemas() {
    let operations = json!([{"op": "replace", "path": "title", "value": "x"}]);
    for (body, lenient, strict) in [
        (json!({"schemas": [PATCH_MESSAGE], "Operations": operations}), true, true),
        (json!({"Operations": operations}), true, false),
        (json!({"Schemas": [PATCH_MESSAGE], "operations": operations}), true, false),
        (json!({"schemas": ["urn:x"], "Operations": operations}), false, false),
        (json!({"schemas": [PATCH_MESSAGE]}), false, false),
        (
            json!({"schemas": [PATCH_MESSAGE], "Operations": [{"op": "Replace", "path": "title", "value": "x"}]}),
            true,
            false,
        ),
        (
            json!({"schemas": [PATCH_MESSAGE], "Operations": [{"op": "remove", "path": "emails[type eq work]"}]}),
            true,
            false,
        ),
    ] {
        assert_eq!(patch(&user(), body.clone(), &LENIENT).is_ok(), lenient, "{body}");
        assert_eq!(patch(&user(), body.clone(), &STRICT).is_ok(), strict, "strict: {body}");
    }
}

#[test]
fn strict_gives_the_answer_of_the_rfc() {
    for (operations, kind) in [
        (json!([{"op": "replace", "path": "unheardOf", "value": 1}]), ScimType::InvalidPath),
        (json!([{"op": "replace", "path": "phoneNumbers[type eq \"x\"].value", "value": "1"}]), ScimType::NoTarget),
        (json!([{"op": "remove", "path": "roles", "value": [{"value": "r1"}]}]), ScimType::InvalidValue),
        (json!([{"op": "replace", "path": "active", "value": "False"}]), ScimType::InvalidValue),
        (json!([{"op": "replace", "value": {"id": "x"}}]), ScimType::Mutability),
    ] {
        let error = patched(&user(), &ada(), operations.clone(), STRICT).expect_err(&operations.to_string());
        assert_eq!(error.scim_type, Some(kind), "{operations}: {error}");
    }
}

#[test]
fn too_many_changes_in_one_request() {
    let values: Vec<Value> = (0..6000).map(|n| json!({"value": n.to_string()})).collect();
    let error = patched(&user(), &ada(), json!([{"op": "remove", "path": "roles", "value": values}]), LENIENT);
    assert_eq!(error.expect_err("too many").scim_type, Some(ScimType::TooMany));
    let keys = (0..1001).map(|n| (format!("emails[value eq \"{n}\"].display"), json!("x")));
    let error = resource(&user(), Value::Object(keys.collect()), &LENIENT);
    assert_eq!(error.expect_err("too many").scim_type, Some(ScimType::TooMany));
}

#[test]
fn patches_of_groups() {
    use MemberChange::{Add, Remove, RemoveAll, ReplaceAll};
    let member = |value: &str| MemberValue { value: value.into(), kind: None };
    let cases = [
        (
            "Entra: add",
            json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "a"}]}]),
            0,
            vec![Add(vec![member("a")])],
        ),
        (
            "Entra: remove by a list",
            json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "a"}]}]),
            0,
            vec![Remove(vec!["a".into()])],
        ),
        (
            "Entra: remove by a filter",
            json!([{"op": "remove", "path": "members[value eq \"a\"]"}]),
            0,
            vec![Remove(vec!["a".into()])],
        ),
        ("Entra: rename", json!([{"op": "Replace", "path": "displayName", "value": "x"}]), 1, vec![]),
        ("Okta: name push", json!([{"op": "replace", "value": {"id": "g", "displayName": "X"}}]), 1, vec![]),
        (
            "Okta: remove and add",
            json!([{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "add", "path": "members", "value": [{"value": "b", "display": "b@x"}]}]),
            0,
            vec![Remove(vec!["a".into()]), Add(vec![member("b")])],
        ),
        (
            "Okta: push now",
            json!([{"op": "replace", "path": "members", "value": [{"value": "a", "display": "x"}]}]),
            0,
            vec![ReplaceAll(vec![member("a")])],
        ),
        ("Okta: push now, empty", json!([{"op": "replace", "path": "members", "value": []}]), 0, vec![RemoveAll]),
        (
            "Okta: members without path",
            json!([{"op": "replace", "value": {"members": [{"value": "a"}]}}]),
            0,
            vec![ReplaceAll(vec![member("a")])],
        ),
        ("Keycloak: remove all", json!([{"op": "remove", "path": "members"}]), 0, vec![RemoveAll]),
        (
            "authentik: the whole group",
            json!([{"op": "replace", "value": {"schemas": [GROUP_SCHEMA], "id": "g", "externalId": "e", "displayName": "X"}}]),
            2,
            vec![],
        ),
        ("remove by an empty list", json!([{"op": "Remove", "path": "members", "value": []}]), 0, vec![]),
    ];
    for (name, operations, rest, expected) in cases {
        let body = json!({"schemas": [PATCH_MESSAGE], "Operations": operations});
        let operations = patch(&group(), body, &LENIENT).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (others, changes) = split_members(operations).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((others.len(), changes), (rest, expected), "{name}");
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
        if let Ok(once) = resource(&user(), body, &LENIENT) {
            prop_assert_eq!(resource(&user(), Value::Object(once.clone()), &LENIENT), Ok(once));
        }
    }

    #[test]
    fn any_message_is_read_or_refused(body in any_json(), value in any_json(), path in "title|manager|emails|emails\\[value eq 1\\]|members|name", op in "Add|Remove|replace") {
        let _ = patch(&user(), body, &LENIENT);
        for operation in [json!({"op": op, "value": value}), json!({"op": op, "path": path, "value": value})] {
            for kind in [user(), group()] {
                let body = json!({"Operations": [operation]});
                let Ok(operations) = patch(&kind, body, &LENIENT) else { continue };
                let _ = apply(&kind, ada().as_object().expect("an object"), &operations, &LENIENT.leniency());
                let _ = split_members(operations);
            }
        }
    }
}
