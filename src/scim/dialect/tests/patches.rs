use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
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
            {"op": "replace", "path": "emails[label eq \"x\"].value", "value": "y"}, {"op": "remove", "path": "emails[not (label pr)]"},
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
            true,
        ),
        (json!({"schemas": [PATCH_MESSAGE], "Operations": [{"path": "title", "value": "x"}]}), true, false),
        (
            json!({"schemas": [PATCH_MESSAGE], "Operations": [{"op": "remove", "path": "emails[type eq work]"}]}),
            true,
            false,
        ),
    ] {
        assert_eq!(patch(&user(), body.clone(), LENIENT).is_ok(), lenient, "{body}");
        assert_eq!(patch(&user(), body.clone(), STRICT).is_ok(), strict, "strict: {body}");
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
        (json!([{"op": "replace", "value": {"unheardOf": "x"}}]), ScimType::InvalidValue),
        (json!([{"op": "replace", "value": {"name.givenName": "x"}}]), ScimType::InvalidValue),
        (json!([{"op": "replace", "value": {"department": "x"}}]), ScimType::InvalidValue),
        (json!([{"op": "replace", "value": "{\"title\":\"x\"}"}]), ScimType::InvalidValue),
        (json!([{"op": "replace", "path": "department", "value": "x"}]), ScimType::InvalidPath),
        (
            json!([{"op": "replace", "path": format!("{ENTERPRISE_SCHEMA}:manager"), "value": "2"}]),
            ScimType::InvalidValue,
        ),
        (json!([{"op": "replace", "path": "emails[type eq work].value", "value": "x"}]), ScimType::InvalidFilter),
    ] {
        let error = patched(&user(), &ada(), operations.clone(), STRICT).expect_err(&operations.to_string());
        assert_eq!(error.scim_type, Some(kind), "{operations}: {error}");
    }
}

#[test]
fn add_makes_the_value_of_a_filter_for_a_strict_client_too() {
    let operations = json!([{"op": "Add", "path": "phoneNumbers[type eq \"fax\"].value", "value": "1"}]);
    let found = patched(&user(), &ada(), operations, STRICT).expect("RFC 7644 3.5.2.1 has no error for it");
    assert_eq!(found, with(&ada(), &json!({"phoneNumbers": [{"value": "1", "type": "fax"}]})));
}

#[test]
fn members_of_a_strict_client() {
    use ScimType::{InvalidValue, Mutability};
    let cases = [
        (json!({"op": "remove", "path": "members", "value": [{"value": "a"}]}), Some(InvalidValue)),
        (json!({"op": "remove", "path": "members[value eq \"a\"]", "value": [{"value": "a"}]}), Some(InvalidValue)),
        (json!({"op": "add", "path": "members", "value": ["a"]}), Some(InvalidValue)),
        (json!({"op": "add", "path": "members", "value": [{"value": 7}]}), Some(InvalidValue)),
        (json!({"op": "replace", "value": {"Members": [{"display": "a"}]}}), Some(InvalidValue)),
        (json!({"op": "replace", "path": "members[value eq \"a\"].display", "value": "A"}), Some(Mutability)),
        (json!({"op": "replace", "path": "members.display", "value": "A"}), Some(Mutability)),
        (json!({"op": "remove", "path": "members", "value": []}), None),
        (json!({"op": "remove", "path": "members"}), None),
        (json!({"op": "remove", "path": "members[value eq \"a\"]"}), None),
        (json!({"op": "add", "path": "members", "value": {"Value": "a", "display": "A"}}), None),
        (json!({"op": "replace", "value": {"members": [{"value": "a", "type": "User"}]}}), None),
    ];
    for (operation, kind) in cases {
        let body = json!({"schemas": [PATCH_MESSAGE], "Operations": [operation]});
        let found = patch(&group(), body, STRICT);
        assert_eq!(found.err().map(|error| error.scim_type), kind.map(Some), "{operation}");
    }
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
            vec![Remove(Selected::Ids(vec!["a".into()]))],
        ),
        (
            "Entra: remove by a filter",
            json!([{"op": "remove", "path": "members[value eq \"a\"]"}]),
            0,
            vec![Remove(Selected::Ids(vec!["a".into()]))],
        ),
        ("Entra: rename", json!([{"op": "Replace", "path": "displayName", "value": "x"}]), 1, vec![]),
        ("Okta: name push", json!([{"op": "replace", "value": {"id": "g", "displayName": "X"}}]), 1, vec![]),
        (
            "Okta: remove and add",
            json!([{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "add", "path": "members", "value": [{"value": "b", "display": "b@x"}]}]),
            0,
            vec![Remove(Selected::Ids(vec!["a".into()])), Add(vec![member("b")])],
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
        let operations = patch(&group(), body, LENIENT).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (others, changes) = split_members(operations, LENIENT).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((others.len(), changes), (rest, expected), "{name}");
    }
}
