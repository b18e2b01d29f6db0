//! What is a reference, and what becomes of it.

use super::*;
use crate::scim::ENTERPRISE_SCHEMA;

const PATCH_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The data of an operation of this method, after a user of the bulkId `x` was created as `id-0`.
fn resolved(method: &str, path: &str, data: &Value) -> Value {
    let operation = json!({ "method": method, "path": path, "data": data });
    let (mut steps, answer) = run(job(bulk(&json!([post("x", "/Users", &json!({})), operation]))));
    assert_eq!(steps.len(), 2, "{data}: {answer}");
    steps.remove(1).remove(0).data
}

#[test]
fn references_are_found_where_ids_stand() {
    let address = format!("{BASE}/Users/id-0");
    let manager = format!("{ENTERPRISE_SCHEMA}:manager");
    let member = |member: Value| json!({ "members": [member] });
    for (data, expected) in [
        (member(json!({ "value": "bulkId:x" })), member(json!({ "value": "id-0" }))),
        (json!({ "MEMBERS": { "VALUE": "BULKID:x" } }), json!({ "MEMBERS": { "VALUE": "id-0" } })),
        (json!({ "members": ["a", "bulkId:x"] }), json!({ "members": ["a", "id-0"] })),
        (json!({ "members": "bulkId:x" }), json!({ "members": "id-0" })),
        (member(json!({ "$ref": "bulkId:x" })), member(json!({ "$ref": address }))),
        (
            member(json!({ "$ref": "https://h/v2/users/bulkId:x" })),
            member(json!({ "$ref": "https://h/v2/users/id-0" })),
        ),
        (member(json!({ "$ref": "../Users/bulkId:x" })), member(json!({ "$ref": "../Users/id-0" }))),
    ] {
        assert_eq!(resolved("PUT", "/Groups/7", &data), expected, "{data}");
    }
    for (data, expected) in [
        (json!({ ENTERPRISE_SCHEMA: { "manager": "bulkId:x" } }), json!({ ENTERPRISE_SCHEMA: { "manager": "id-0" } })),
        (
            json!({ ENTERPRISE_SCHEMA: { "manager": [{ "value": "bulkId:x", "displayName": "bulkId:x" }] } }),
            json!({ ENTERPRISE_SCHEMA: { "manager": [{ "value": "id-0", "displayName": "bulkId:x" }] } }),
        ),
        // Outside of its extension, as some clients write it.
        (json!({ "manager": { "managerId": "bulkId:x" } }), json!({ "manager": { "managerId": "id-0" } })),
        (json!({ &manager: "bulkId:x" }), json!({ &manager: "id-0" })),
        (json!({ format!("{manager}.$ref"): "bulkId:x" }), json!({ format!("{manager}.$ref"): address })),
    ] {
        assert_eq!(resolved("PUT", "/Users/7", &data), expected, "{data}");
    }
    for text in [
        "see bulkId:x",
        "bulkId:",
        "bulkId",
        " bulkId:x",
        "bulkId :x",
        "xbulkId:x",
        "https://h/photos/bulkId:x",
        "/Users/",
        "",
    ] {
        let data = json!({ "members": [{ "value": text, "$ref": text, "bulkId:x": text }] });
        assert_eq!(resolved("PUT", "/Groups/7", &data), data, "{text}");
    }
}

#[test]
fn free_text_is_left_as_it_is() {
    for text in
        ["bulkId:x", "BULKID: the best", "bulkId:nobody", "see http://h/Users/bulkId:x", "http://h/Users/bulkId:x"]
    {
        let mut user = json!({ "profileUrl": text, "unknown": { "value": text }, "schemas": [text] });
        for name in ["userName", "externalId", "nickName", "title", "displayName", "id"] {
            user[name] = json!(text);
        }
        user["name"] = json!({ "formatted": text });
        for name in ["emails", "entitlements", "roles", "photos"] {
            user[name] = json!([{ "value": text, "display": text, "type": text }, text]);
        }
        user[ENTERPRISE_SCHEMA] = json!({ "department": text, "manager": { "displayName": text } });
        user[&format!("{ENTERPRISE_SCHEMA}:costCenter")] = json!(text);
        assert_eq!(resolved("PUT", "/Users/7", &user), user);
        let group = json!({ "displayName": text, "members": [{ "display": text, "type": text }] });
        assert_eq!(resolved("PUT", "/Groups/7", &group), group);
        // Nor is what a filter compares with it.
        let literal = Value::from(text);
        for operation in [
            json!({ "op": "replace", "path": "title", "value": text }),
            json!({ "op": "replace", "path": "emails.value", "value": text }),
            json!({ "op": "add", "path": "emails", "value": [{ "value": text }] }),
            json!({ "op": "replace", "value": user }),
            json!({ "op": "remove", "path": format!("emails[value eq {literal}]") }),
            json!({ "op": "remove", "path": format!("emails[value eq {literal}") }),
            json!({ "op": text, "path": text, "value": text }),
        ] {
            let message = json!({ "schemas": [text, PATCH_MESSAGE], "Operations": [operation] });
            assert_eq!(resolved("PATCH", "/Users/7", &message), message);
        }
        let path = format!("members[display eq {literal}]");
        let message = json!({ "schemas": [PATCH_MESSAGE], "Operations": [{ "op": "remove", "path": path }] });
        assert_eq!(resolved("PATCH", "/Groups/7", &message), message);
    }
}

#[test]
fn references_are_found_in_the_values_of_a_patch() {
    let manager = format!("{ENTERPRISE_SCHEMA}:manager");
    for (path, operation, expected) in [
        // The object as JSON text.
        (
            "/Groups/7",
            json!({ "value": r#"{"members":[{"value":"bulkId:x"}]}"# }),
            json!({ "value": r#"{"members":[{"value":"id-0"}]}"# }),
        ),
        (
            "/Groups/7",
            json!({ "value": r#"{ "displayName": "bulkId:x" }"# }),
            json!({ "value": r#"{ "displayName": "bulkId:x" }"# }),
        ),
        ("/Users/7", json!({ "path": manager, "value": "bulkId:x" }), json!({ "path": manager, "value": "id-0" })),
        (
            "/Users/7",
            json!({ "path": format!("{manager}.value"), "value": "bulkId:x" }),
            json!({ "path": format!("{manager}.value"), "value": "id-0" }),
        ),
        ("/Users/7", json!({ "value": { &manager: "bulkId:x" } }), json!({ "value": { &manager: "id-0" } })),
        (
            "/Users/7",
            json!({ "path": ENTERPRISE_SCHEMA, "Value": { "manager": { "value": "bulkId:x" } } }),
            json!({ "path": ENTERPRISE_SCHEMA, "Value": { "manager": { "value": "id-0" } } }),
        ),
        (
            "/Groups/7",
            json!({ "PATH": "Members", "value": [{ "value": "bulkId:x" }, { "value": "a" }] }),
            json!({ "PATH": "Members", "value": [{ "value": "id-0" }, { "value": "a" }] }),
        ),
        (
            "/Groups/7",
            json!({ "path": "members[value eq \"a\"].value", "value": "bulkId:x" }),
            json!({ "path": "members[value eq \"a\"].value", "value": "id-0" }),
        ),
        (
            "/Groups/7",
            json!({ "path": "", "value": { "displayName": "bulkId:x", "members": ["bulkId:x"] } }),
            json!({ "path": "", "value": { "displayName": "bulkId:x", "members": ["id-0"] } }),
        ),
    ] {
        let message = |operation: &Value| json!({ "schemas": [PATCH_MESSAGE], "Operations": [operation] });
        assert_eq!(resolved("PATCH", path, &message(&operation)), message(&expected), "{operation}");
    }
}

/// Attributes of an operator's own: those that refer to resources, by their type or by a `$ref` beside their `value`.
#[test]
fn references_are_found_in_extensions() {
    let schema = crate::scim::extension::read(json!({ "id": "urn:acme", "attributes": [
        { "name": "deputy", "type": "reference", "caseExact": true, "referenceTypes": ["User"] },
        { "name": "page", "type": "reference", "caseExact": true, "referenceTypes": ["external"] },
        { "name": "teams", "type": "complex", "multiValued": true, "subAttributes": [
            { "name": "value" }, { "name": "$ref", "type": "reference", "caseExact": true, "referenceTypes": ["Group"] },
        ] },
        { "name": "badges", "type": "complex", "multiValued": true, "subAttributes": [{ "name": "value" }] },
    ] }));
    let registry = Registry::standard().unwrap().with_extension(schema.unwrap(), "User", false).unwrap();
    let of = |text: &str, address: &str| json!({ "urn:acme": { "deputy": address, "page": "bulkId:x", "teams": [text, { "value": text }], "badges": [{ "value": "bulkId:x" }] } });
    let body = bulk(&json!([post("x", "/Users", &json!({})), post("y", "/Users", &of("bulkId:x", "bulkId:x"))]));
    let mut ids = ["id-0", "id-1"].into_iter().map(str::to_owned);
    let job = Job::new(Request::parse(&registry, BASE, 20, body).unwrap(), BASE, || ids.next().unwrap());
    let (mut steps, answer) = run(job);
    assert_eq!(steps.len(), 2, "{answer}");
    assert_eq!(steps.remove(1).remove(0).data, of("id-0", &format!("{BASE}/Users/id-0")));
}

#[test]
fn references_are_found_in_the_paths_of_a_patch() {
    for (path, expected) in [
        ("members[value eq \"bulkId:x\"]", "members[value eq \"id-0\"]"),
        ("members[value eq\"bulkId:x\"].display", "members[value eq \"id-0\"].display"),
        ("members[value eq bulkId:x]", "members[value eq \"id-0\"]"),
        (
            "members[(value eq \"bulkId:x\") or not (value eq \"bulk\\u0049d:x\" and type eq \"User\")]",
            "members[value eq \"id-0\" or not (value eq \"id-0\" and type eq \"User\")]",
        ),
        ("members[$ref eq \"https://h/Users/bulkId:x\"]", "members[$ref eq \"https://h/Users/id-0\"]"),
        ("members[display eq \"say \\\"bulkId:x\\\"\"]", "members[display eq \"say \\\"bulkId:x\\\"\"]"),
        ("members[value eq \"bulkId:x", "members[value eq \"bulkId:x"),
        ("emails[type eq \"wörk\"].värde", "emails[type eq \"wörk\"].värde"),
    ] {
        let message =
            |path: &str| json!({ "schemas": [PATCH_MESSAGE], "operations": [{ "op": "remove", "Path": path }] });
        assert_eq!(resolved("PATCH", "/Groups/7", &message(path)), message(expected), "{path}");
    }
    // RFC 7644 3.7.3 has the operations of a PATCH without the message around them.
    let path = "members[value eq \"bulkId:x\"]";
    let operations = resolved("PATCH", "/Groups/7", &json!([{ "op": "remove", "path": path }]));
    let expected = json!([{ "op": "remove", "path": "members[value eq \"id-0\"]" }]);
    assert_eq!(operations, json!({ "schemas": [PATCH_MESSAGE], "Operations": expected }));
    // Anywhere else a path is a text as any other.
    let text = json!({ "Operations": [{ "path": "members[value eq \"bulkId:x\"]" }] });
    assert_eq!(resolved("PUT", "/Groups/7", &text), text);
}

#[test]
fn later_paths_may_name_what_is_created() {
    let (steps, answer) = run(job(bulk(&json!([
        post("x", "/Groups", &json!({})),
        { "method": "PATCH", "path": "/Groups/bulkId:x", "data": {} },
        { "method": "DELETE", "path": "https://example.com/scim/v2/Groups/BulkId:x" },
    ]))));
    let ids: Vec<_> = steps.iter().flatten().map(|ready| ready.id.as_str()).collect();
    assert_eq!(ids, ["id-0"; 3]);
    assert_eq!(answer["Operations"][2]["location"], format!("{BASE}/Groups/id-0"));
}

#[test]
fn what_refers_to_nothing_is_a_conflict() {
    let member = |id: &str| json!({ "members": [{ "value": format!("bulkId:{id}") }] });
    let (steps, answer) = run(job(bulk(&json!([
        post("a", "/Groups", &member("nobody")),
        post("b", "/Groups", &member("a")),
        { "method": "PUT", "path": "/Groups/bulkId:b", "data": {} },
        { "method": "PATCH", "path": "/Groups/1", "data": member("broken") },
        { "method": "POST", "path": "/Users", "bulkId": "broken" },
        { "method": "DELETE", "path": "/Users/1", "bulkId": "delete" },
        { "method": "PUT", "path": "/Groups/2", "data": member("delete") },
        post("fine", "/Users", &json!({})),
    ]))));
    assert_eq!(steps.iter().flatten().map(|ready| ready.index).collect::<Vec<_>>(), [5, 7]);
    let detail = |index: usize| answer["Operations"][index]["response"]["detail"].as_str().unwrap();
    assert_eq!(detail(0), "Operations[0]: refers to bulkId \"nobody\", and no POST of this request has it");
    assert_eq!(
        detail(1),
        "Operations[1]: refers to bulkId \"a\", and Operations[0], which has it, failed with status 409"
    );
    assert!(detail(2).contains("bulkId \"b\", and Operations[1], which has it, failed"), "{}", detail(2));
    assert!(detail(3).contains("bulkId \"broken\", and Operations[4], which has it, failed with status 400"));
    assert!(detail(6).contains("bulkId \"delete\", and no POST of this request has it"));
    let statuses: Vec<_> =
        answer["Operations"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["409", "409", "409", "409", "400", "200", "409", "201"]);
    assert_eq!(answer["Operations"][2]["location"], format!("{BASE}/Groups/bulkId:b"));
}

#[test]
fn of_two_creations_with_one_bulk_id_none_is_done() {
    let (steps, answer) = run(job(bulk(&json!([
        post("a", "/Users", &json!({})),
        post("a", "/Users", &json!({})),
        post("a", "/Groups", &json!({})),
        post("A", "/Users", &json!({})),
        { "method": "PUT", "path": "/Users/bulkId:a", "data": {}, "bulkId": "a" },
    ]))));
    assert_eq!(steps.iter().flatten().map(|ready| ready.index).collect::<Vec<_>>(), [3]);
    for (index, other) in [(0, 1), (1, 0), (2, 0)] {
        let result = &answer["Operations"][index];
        assert_eq!((&result["status"], &result["bulkId"]), (&json!("400"), &json!("a")));
        let words = format!("Operations[{index}].bulkId: Operations[{other}] has the same");
        assert_eq!(result["response"]["detail"], words);
    }
    assert_eq!(answer["Operations"][4]["status"], "409");
}
