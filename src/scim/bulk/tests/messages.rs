//! The message and the answer.

use super::*;

#[test]
fn a_request_that_is_none_is_refused_as_a_whole() {
    let one = json!([{ "method": "DELETE", "path": "/Users/1" }]);
    for (body, status, words) in [
        (json!([]), 400, "the body must be a JSON object, found an array"),
        (json!({ "Operations": one }), 400, "schemas: must name"),
        (json!({ "schemas": ["urn:x"], "Operations": one }), 400, "schemas: must name"),
        (json!({ "schemas": [BULK_REQUEST_MESSAGE] }), 400, "Operations: is missing"),
        (bulk(&json!([])), 400, "Operations: must hold at least one operation"),
        (bulk(&json!({})), 400, "Operations: must be an array, found an object"),
        (bulk(&json!(vec![json!(1); 21])), 413, "Operations: 21 are more than maxOperations, which is 20"),
    ] {
        let error = parse(body).unwrap_err();
        assert_eq!(error.status, status, "{error}");
        assert!(error.detail.contains(words), "{error}");
    }
    for wrong in [json!(0), json!(-1), json!(1.5), json!("1"), json!(true)] {
        let mut body = bulk(&one);
        body["failOnErrors"] = wrong.clone();
        let error = parse(body).unwrap_err();
        assert!(error.status == 400 && error.detail.starts_with("failOnErrors: "), "{wrong}: {error}");
    }
    for (given, read) in [("3.0", 3), ("18446744073709551615", u64::MAX), ("1e30", u64::MAX)] {
        let mut body = bulk(&one);
        body["failOnErrors"] = serde_json::from_str(given).unwrap();
        assert_eq!(parse(body).unwrap().fail_on_errors, Some(read), "{given}");
    }
    let mut body = bulk(&one);
    body["failOnErrors"] = Value::Null;
    assert_eq!(parse(body).unwrap().fail_on_errors, None);
    assert_eq!(parse(bulk(&json!(vec![one[0].clone(); 20]))).unwrap().entries.len(), 20);
}

#[test]
fn names_and_methods_count_without_regard_to_case() {
    let urn = BULK_REQUEST_MESSAGE.to_uppercase();
    let body = json!({ "SCHEMAS": ["urn:other", urn], "failonerrors": 3, "operations": [
        { "Method": "post", "PATH": "users", "BulkID": "a", "Data": {} },
        { "method": "Patch", "path": "GROUPS/x", "data": {}, "Version": "W/\"7\"" },
    ]});
    let request = parse(body).unwrap();
    assert_eq!(request.fail_on_errors, Some(3));
    let seen: Vec<_> = request
        .entries
        .iter()
        .map(|entry| {
            let (operation, path) = (entry.operation.as_ref().unwrap(), entry.path.as_ref().unwrap());
            (operation.method, path.resource_type.name.as_str(), path.id.as_deref(), operation.version.as_deref())
        })
        .collect();
    assert_eq!(
        seen,
        [(BulkMethod::Post, "User", None, None), (BulkMethod::Patch, "Group", Some("x"), Some("W/\"7\""))]
    );
    assert_eq!(request.entries[0].method.as_deref(), Some("POST"));
}

#[test]
fn an_operation_that_makes_no_sense_has_an_error_of_its_own() {
    let data = json!({});
    for (operation, status, words) in [
        (json!("x"), 400, "Operations[0] must be a JSON object, found a string"),
        (json!({ "path": "/Users/1" }), 400, "Operations[0].method: is missing"),
        (json!({ "method": "GET", "path": "/Users/1" }), 400, "Operations[0].method: \"GET\" is none of"),
        (json!({ "method": 1, "path": "/Users/1" }), 400, "Operations[0].method: must be a string, found a number"),
        (json!({ "method": "DELETE" }), 400, "Operations[0].path: is missing, and DELETE needs it"),
        (json!({ "method": "DELETE", "path": ["/Users/1"] }), 400, "Operations[0].path: must be a string"),
        (json!({ "method": "POST", "path": "/Users", "data": data }), 400, "Operations[0].bulkId: is missing"),
        (json!({ "method": "POST", "path": "/Users", "data": data, "bulkId": "" }), 400, "bulkId: is missing"),
        (json!({ "method": "POST", "path": "/Users", "data": data, "bulkId": 1 }), 400, "bulkId: must be a string"),
        (json!({ "method": "POST", "path": "/Users", "bulkId": "a" }), 400, "Operations[0].data: is missing"),
        (json!({ "method": "PUT", "path": "/Users/1", "data": null }), 400, "Operations[0].data: is missing"),
        (json!({ "method": "PATCH", "path": "/Users/1" }), 400, "data: is missing, and PATCH needs it"),
        (json!({ "method": "DELETE", "path": "/Users/1", "version": 1 }), 400, "version: must be a string"),
    ] {
        let (steps, answer) = run(job(bulk(&json!([operation, { "method": "DELETE", "path": "/Users/1" }]))));
        assert_eq!(steps.len(), 1, "the other is carried out: {answer}");
        let result = &answer["Operations"][0];
        assert_eq!(result["status"], status.to_string(), "{operation}: {answer}");
        let detail = result["response"]["detail"].as_str().unwrap();
        assert!(detail.contains(words) && detail.contains("Operations[0]"), "{operation}: {detail}");
        assert_eq!(result["response"]["status"], status.to_string());
    }
}

#[test]
fn paths_are_those_of_users_and_groups() {
    let id = |text: &str| Some(text.to_owned());
    for (method, text, resource_type, expected) in [
        ("POST", "/Users", "User", None),
        ("POST", "Groups/", "Group", None),
        ("PUT", "/users/a", "User", id("a")),
        ("PUT", "Users/a?attributes=id", "User", id("a")),
        ("DELETE", "/Groups/bulkId:qwerty", "Group", id("bulkId:qwerty")),
        ("DELETE", "/Groups/bulkId%3Aq%20x", "Group", id("bulkId:q x")),
        ("PATCH", "https://example.com/scim/v2/Users/a", "User", id("a")),
        ("PATCH", "HTTPS://Example.com/SCIM/v2/Users/A", "User", id("A")),
        ("PATCH", "/scim/v2/Groups/a", "Group", id("a")),
        ("PATCH", "scim/v2/Groups/a", "Group", id("a")),
    ] {
        let body = bulk(&json!([{ "method": method, "path": text, "data": {}, "bulkId": "x" }]));
        let path = parse(body).unwrap().entries.remove(0).path.unwrap_or_else(|| panic!("{text}"));
        assert_eq!((path.resource_type.name.as_str(), path.id), (resource_type, expected), "{text}");
    }
    for (method, text, status, words) in [
        ("POST", "/", 400, "must name an endpoint"),
        ("POST", "/Bulk", 400, "a bulk request cannot hold another"),
        ("POST", "/scim/v2/bulk", 400, "a bulk request cannot hold another"),
        ("PATCH", "/Me", 501, "/Me is no path of a bulk request"),
        ("POST", "/Schemas", 405, "POST is not possible on /Schemas"),
        ("PUT", "/ResourceTypes/User", 405, "can only be read"),
        ("DELETE", "/ServiceProviderConfig", 405, "can only be read"),
        ("POST", "/.search", 400, "a search is no operation"),
        ("POST", "/Users/.search", 400, "a search is no operation"),
        ("POST", "/Nothing", 404, "there is nothing at /Nothing"),
        ("PUT", "/Nothing/1", 404, "there is nothing at /Nothing/1"),
        ("PUT", "/Users/1/name", 404, "there is nothing at /Users/1/name"),
        ("POST", "/Users/1", 400, "POST creates at /Users"),
        ("DELETE", "/Groups", 400, "DELETE needs a resource, such as /Groups/ID"),
        ("POST", "https://other.example/scim/v2/Users", 400, "is not below https://example.com/scim/v2"),
        ("POST", "https://example.com/scim/v20/Users", 400, "is not below"),
    ] {
        let body = bulk(&json!([{ "method": method, "path": text, "data": {}, "bulkId": "x" }]));
        let error = parse(body).unwrap().entries.remove(0).operation.unwrap_err();
        assert_eq!(error.status, status, "{text}: {error}");
        assert!(error.detail.starts_with("Operations[0].path: ") && error.detail.contains(words), "{text}: {error}");
    }
}

/// RFC 7644 3.7.3.
#[test]
fn results_are_in_the_order_of_the_request_and_as_the_rfc_has_them() {
    let mut job = job(bulk(&json!([
        post("a", "/Groups", &json!({ "members": [{ "value": "bulkId:b" }] })),
        post("b", "/Users", &json!({})),
        { "method": "PUT", "path": "/Users/7", "data": {}, "bulkId": "echo" },
        { "method": "DELETE", "path": "Users/8" },
        { "method": "PATCH", "path": "/Users/bulkId:b", "data": {} },
        post("c", "/Users", &json!({})),
    ])));
    let mut order = Vec::new();
    while let [ready] = job.advance().as_slice() {
        order.push(ready.index);
        let result = match ready.index {
            3 => Ok(Done { status: 204, version: None }),
            2 => Err(Error::new(412, "another version")),
            5 => Err(Error::uniqueness("userName \"x\" belongs to another user")),
            _ => Ok(done(if ready.method == BulkMethod::Post { 201 } else { 200 })),
        };
        job.finish(ready.index, result);
    }
    assert_eq!(order, [1, 0, 2, 3, 4, 5]);
    assert!(job.has_succeeded());
    let error = "urn:ietf:params:scim:api:messages:2.0:Error";
    let version = "W/\"1\"";
    assert_eq!(
        serde_json::to_value(job.response()).unwrap(),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
            "Operations": [
                { "method": "POST", "bulkId": "a", "location": format!("{BASE}/Groups/id-0"), "version": version, "status": "201" },
                { "method": "POST", "bulkId": "b", "location": format!("{BASE}/Users/id-1"), "version": version, "status": "201" },
                {
                    "method": "PUT", "bulkId": "echo", "location": format!("{BASE}/Users/7"), "status": "412",
                    "response": { "schemas": [error], "status": "412", "detail": "another version" },
                },
                { "method": "DELETE", "location": format!("{BASE}/Users/8"), "status": "204" },
                { "method": "PATCH", "location": format!("{BASE}/Users/id-1"), "version": version, "status": "200" },
                {
                    "method": "POST", "bulkId": "c", "status": "409",
                    "response": {
                        "schemas": [error], "status": "409", "scimType": "uniqueness",
                        "detail": "userName \"x\" belongs to another user",
                    },
                },
            ],
        })
    );
}

#[test]
fn after_as_many_errors_as_are_accepted_nothing_more_is_done() {
    let delete = |n: usize| json!({ "method": "DELETE", "path": format!("/Users/{n}") });
    for (most, fails, answered) in
        [(1, vec![0], 1), (1, vec![2, 3], 3), (2, vec![0, 3], 4), (3, vec![0, 1], 5), (9, vec![0, 1, 2, 3, 4], 5)]
    {
        let mut body = bulk(&json!([delete(0), delete(1), delete(2), delete(3), delete(4)]));
        body["failOnErrors"] = json!(most);
        let mut job = job(body);
        while let [ready] = job.advance().as_slice() {
            let fails = fails.contains(&ready.index);
            job.finish(ready.index, if fails { Err(Error::not_found("User", &ready.id)) } else { Ok(done(204)) });
        }
        assert_eq!(job.response().operations.len(), answered, "{most} {fails:?}");
    }
    // Operations that make no sense count too, when it is their turn.
    let mut body = bulk(&json!([delete(0), {}, delete(1)]));
    body["failOnErrors"] = json!(1);
    let (steps, answer) = run(job(body));
    assert_eq!(steps.len(), 1);
    assert_eq!(answer["Operations"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_given_up_has_the_error_as_its_result() {
    let delete = json!({ "method": "DELETE", "path": "/Users/1" });
    let mut job = job(bulk(&json!([delete, delete, delete])));
    let first = job.advance().remove(0);
    assert!(!job.has_succeeded());
    job.finish(first.index, Ok(done(204)));
    job.give_up(&Error::new(503, "busy"));
    assert!(job.has_succeeded() && job.advance().is_empty());
    let statuses: Vec<_> = job.response().operations.into_iter().map(|result| result.status).collect();
    assert_eq!(statuses, ["204", "503", "503"]);
}
