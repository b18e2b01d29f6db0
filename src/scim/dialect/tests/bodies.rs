use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
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
            "roles as JSON text of JSON text",
            json!({"roles": [{"value": "{\"id\":\"8\",\"value\":\"{\\\"value\\\":\\\"Admin\\\"}\"}"}]}),
            json!({"roles": [{"value": "Admin"}]}),
        ),
        (
            "roles as JSON text under another spelling of value",
            json!({"roles": [{"Value": "{\"value\":\"{\\\"value\\\":\\\"Admin\\\"}\"}"}]}),
            json!({"roles": [{"value": "Admin"}]}),
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
fn what_is_wrong_stays_wrong() {
    for (body, words) in [
        (json!({"active": "maybe"}), "active"),
        (json!({"title": {"x": 1}}), "title"),
        (json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}), "primary"),
    ] {
        let normal = resource(&user(), with_user_name(body.clone()), LENIENT).expect("the dialect passes it on");
        let error = validate::create(&user(), normal, LENIENT).expect_err(&body.to_string());
        assert!(error.detail.contains(words), "{error}");
    }
    let normal = resource(&user(), json!({"active": true}), LENIENT).expect("the dialect passes it on");
    assert!(validate::create(&user(), normal, LENIENT).expect_err("no userName").detail.contains("userName"));
}

#[test]
fn strict_leaves_bodies_as_they_are() {
    let body = json!({"schemas": ["urn:x"], "active": "True", "unheardOf": 1});
    assert_eq!(resource(&user(), body.clone(), STRICT).map(Value::Object), Ok(body));
}

#[test]
fn the_password_passes_through() {
    let body = resource(&user(), json!({"password": "secret"}), LENIENT).expect("a body");
    assert_eq!(body["password"], "secret");
}

#[test]
fn bodies_of_groups() {
    let marker = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
    let body = json!({"schemas": [GROUP_SCHEMA, marker], "externalId": "e", "displayName": "E", "members": [], "meta": {"resourceType": "Group"}});
    assert_eq!(created(&group(), body), json!({"schemas": [GROUP_SCHEMA], "externalId": "e", "displayName": "E"}));
    let body = json!({"displayName": "E", "members": [{"value": "a", "display": "A", "$ref": null}, "b"]});
    let body = resource(&group(), body, LENIENT).expect("a body");
    assert_eq!(body["members"], json!([{"value": "a"}, {"value": "b"}]));
}

#[test]
fn bodies_that_cannot_be_meant() {
    for (body, detail) in [
        (json!({"schemas": ["urn:x"], "userName": "ada"}), "schemas: none of them is a schema of User"),
        (json!({"schemas": [GROUP_SCHEMA], "userName": "ada"}), "schemas: none of them"),
        (json!({"schemas": "urn:x", "userName": "ada"}), "schemas: none of them"),
        (json!({"schemas": [USER_SCHEMA, 5], "userName": "ada"}), "schemas[1]: must be a string"),
        (json!({"schemas": {}, "userName": "ada"}), "schemas: must be an array"),
        (json!({"userName": "ada", "USERNAME": "bob"}), "userName is given twice"),
    ] {
        let error = resource(&user(), body, LENIENT).expect_err("refused");
        assert!(error.detail.contains(detail), "{error}");
    }
    for schemas in [json!([]), json!(null), json!(USER_SCHEMA), json!(["urn:x", USER_SCHEMA.to_lowercase()])] {
        let body = json!({"schemas": schemas, "userName": "ada", "USERNAME": "ada"});
        assert_eq!(created(&user(), body), json!({"schemas": [USER_SCHEMA], "userName": "ada"}));
    }
    let several = resource(&user(), json!({"userName": ["ada", "bob"]}), LENIENT).expect("left for validation");
    assert!(validate::create(&user(), several, LENIENT).expect_err("two values").detail.contains("userName"));
}
