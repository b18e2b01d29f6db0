//! What is a reference, and what becomes of it.

use super::*;

const PATCH_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The data of an operation of this method, after a user of the bulkId `x` was created as `id-0`.
fn resolved(method: &str, data: &Value) -> Value {
    let operation = json!({ "method": method, "path": "/Groups/7", "data": data });
    let (mut steps, answer) = run(job(bulk(&json!([post("x", "/Users", &json!({})), operation]))));
    assert_eq!(steps.len(), 2, "{answer}");
    steps.remove(1).remove(0).data
}

#[test]
fn references_are_found_where_ids_stand() {
    let address = format!("{BASE}/Users/id-0");
    for (data, expected) in [
        (json!({ "members": [{ "value": "bulkId:x" }] }), json!({ "members": [{ "value": "id-0" }] })),
        (json!({ "manager": "BULKID:x" }), json!({ "manager": "id-0" })),
        (json!({ "members": ["a", "bulkId:x"] }), json!({ "members": ["a", "id-0"] })),
        (json!({ "$ref": "bulkId:x" }), json!({ "$ref": address })),
        (json!({ "$ref": "https://h/v2/users/bulkId:x" }), json!({ "$ref": "https://h/v2/users/id-0" })),
        (json!({ "$ref": "../Users/bulkId:x" }), json!({ "$ref": "../Users/id-0" })),
    ] {
        assert_eq!(resolved("PUT", &data), expected, "{data}");
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
        let data = json!({ "displayName": text, "bulkId:x": text });
        assert_eq!(resolved("PUT", &data), data, "{text}");
    }
}

#[test]
fn references_are_found_in_the_paths_of_a_patch() {
    for (path, expected) in [
        ("members[value eq \"bulkId:x\"]", "members[value eq \"id-0\"]"),
        ("members[value eq\"bulkId:x\"].display", "members[value eq\"id-0\"].display"),
        ("members[value eq bulkId:x]", "members[value eq \"id-0\"]"),
        (
            "members[(value eq \"bulkId:x\") or not (value eq \"bulk\\u0049d:x\" and type eq \"User\")]",
            "members[(value eq \"id-0\") or not (value eq \"id-0\" and type eq \"User\")]",
        ),
        ("members[$ref eq \"https://h/Users/bulkId:x\"]", "members[$ref eq \"https://h/Users/id-0\"]"),
        ("members[display eq \"say \\\"bulkId:x\\\"\"]", "members[display eq \"say \\\"bulkId:x\\\"\"]"),
        ("members[value eq \"bulkId:x", "members[value eq \"bulkId:x"),
        ("emails[type eq \"wörk\"].värde", "emails[type eq \"wörk\"].värde"),
    ] {
        let message =
            |path: &str| json!({ "schemas": [PATCH_MESSAGE], "operations": [{ "op": "remove", "Path": path }] });
        assert_eq!(resolved("PATCH", &message(path)), message(expected), "{path}");
    }
    // RFC 7644 3.7.3 has the operations of a PATCH without the message around them.
    let path = "members[value eq \"bulkId:x\"]";
    let operations = resolved("PATCH", &json!([{ "op": "remove", "path": path }]));
    let expected = json!([{ "op": "remove", "path": "members[value eq \"id-0\"]" }]);
    assert_eq!(operations, json!({ "schemas": [PATCH_MESSAGE], "Operations": expected }));
    // Anywhere else a path is a text as any other.
    let text = json!({ "Operations": [{ "path": "members[value eq \"bulkId:x\"]" }] });
    assert_eq!(resolved("PUT", &text), text);
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
