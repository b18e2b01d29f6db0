//! Bulk requests.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::app::{Answer, TestApp, user};
use super::{Directory, ENTERPRISE, ERROR, USER, found, group_body, patch, refused};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

async fn send(app: &TestApp, fail_on_errors: Option<u32>, operations: Value) -> Answer {
    let mut body = json!({ "schemas": [REQUEST], "Operations": operations });
    if let Some(n) = fail_on_errors {
        body["failOnErrors"] = json!(n);
    }
    app.post("/Bulk", &body).await
}

/// The results of a request that was carried out.
fn results(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["schemas"], json!([RESPONSE]));
    assert_eq!(answer.headers["content-type"], "application/scim+json");
    answer.body["Operations"].as_array().expect("results").clone()
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().expect("the status is a string")).collect()
}

fn create(bulk_id: &str, body: impl Into<Value>) -> Value {
    let body = body.into();
    let endpoint = if body["userName"].is_null() { "/Groups" } else { "/Users" };
    json!({ "method": "POST", "path": endpoint, "bulkId": bulk_id, "data": body })
}

/// The id at the end of a result's location.
fn id_in(result: &Value) -> String {
    result["location"].as_str().and_then(|location| location.rsplit('/').next()).expect("a location").to_owned()
}

fn group_of(name: &str, members: &[&str]) -> Value {
    let mut body = group_body(name);
    body["members"] = members.iter().map(|id| json!({ "value": id })).collect();
    body
}

statements! {
    52, "RFC 7644 3.7, 3.7.3", "A bulk request goes on after errors unless failOnErrors of them are reached, then it stops; it is answered 200 with what was done.",
    async fn fail_on_errors(engine: Engine) {
        let app = TestApp::start(&engine).await;
        app.user("taken").await;
        for (n, (limit, done)) in [(None, 5), (Some(1), 2), (Some(2), 4), (Some(3), 5)].into_iter().enumerate() {
            let name = |place: usize| format!("user{n}-{place}");
            let answer = send(&app, limit, json!([
                create("a", user(&name(0))),
                create("b", user("taken")),
                create("c", user(&name(2))),
                create("d", json!({ "schemas": [USER], "userName": "" })),
                create("e", user(&name(4))),
            ])).await;
            let results = results(&answer);
            let wanted = ["201", "409", "201", "400", "201"];
            assert_eq!(statuses(&results), wanted[..done], "{limit:?}: {}", answer.body);
            for place in [0, 2, 4] {
                let there = found(&app, "/Users", &format!("userName eq \"{}@example.com\"", name(place))).await.len();
                assert_eq!(there, usize::from(place < done), "{limit:?}: what was answered was done, and nothing else");
            }
        }
        for wrong in [json!({ "schemas": [REQUEST] }), json!({ "schemas": [REQUEST], "Operations": {} }), json!({ "schemas": [USER], "Operations": [create("a", user("a"))] }), json!([])] {
            refused(&app.post("/Bulk", &wrong).await, 400, "invalidSyntax", &wrong.to_string());
        }
        refused(&app.get("/Bulk").await, 405, "", "GET");
    }

    53, "RFC 7644 3.7.1, 3.7.2", "bulkId:x stands for the id of what was made under it, in data and in paths; references forward and in a circle are resolved, and one that leads nowhere is a 409.",
    async fn references(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut report = user("report");
        report[ENTERPRISE] = json!({ "manager": { "value": "bulkId:boss" } });
        // The group and the report come before those that they refer to.
        let answer = send(&app, None, json!([
            create("sales", group_of("Sales", &["bulkId:boss", "bulkId:report"])),
            create("report", report),
            create("boss", user("boss")),
            { "method": "PATCH", "path": "/Users/bulkId:boss", "data": patch(json!([{ "op": "add", "path": "title", "value": "Boss" }])) },
            create("late", user("late")),
            { "method": "PATCH", "path": "/Groups/bulkId:sales", "data": patch(json!([{ "op": "add", "path": "members", "value": [{ "value": "bulkId:late" }] }])) },
        ])).await;
        let made = results(&answer);
        assert_eq!(statuses(&made), ["201", "201", "201", "200", "201", "200"], "{}", answer.body);
        let (sales, report, boss, late) = (id_in(&made[0]), id_in(&made[1]), id_in(&made[2]), id_in(&made[4]));
        assert_eq!((id_in(&made[3]), id_in(&made[5])), (boss.clone(), sales.clone()));
        let group = app.get(&format!("/Groups/{sales}")).await.body;
        let mut members: Vec<&str> = group["members"].as_array().expect("members").iter().filter_map(|m| m["value"].as_str()).collect();
        let mut wanted = [report.as_str(), &boss, &late];
        members.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(members, wanted);
        assert_eq!(app.get(&format!("/Users/{report}")).await.body[ENTERPRISE]["manager"]["value"], json!(boss));
        assert_eq!(app.get(&format!("/Users/{boss}")).await.body["title"], "Boss");

        // Two groups that have each other.
        let circle = send(&app, None, json!([create("a", group_of("A", &["bulkId:b"])), create("b", group_of("B", &["bulkId:a"]))])).await;
        let made = results(&circle);
        assert_eq!(statuses(&made), ["201", "201"], "{}", circle.body);
        let (a, b) = (id_in(&made[0]), id_in(&made[1]));
        for (one, other) in [(&a, &b), (&b, &a)] {
            assert_eq!(app.get(&format!("/Groups/{one}")).await.body["members"][0]["value"], json!(other), "{}", circle.body);
        }

        let nowhere = send(&app, None, json!([create("c", group_of("C", &["bulkId:nobody"])), { "method": "DELETE", "path": "/Users/bulkId:nobody" }])).await;
        assert_eq!(statuses(&results(&nowhere)), ["409", "409"], "{}", nowhere.body);
        assert!(found(&app, "/Groups", "displayName eq \"C\"").await.is_empty());
        let failed = send(&app, None, json!([create("x", user("boss")), create("d", group_of("D", &["bulkId:x"]))])).await;
        assert_eq!(statuses(&results(&failed)), ["409", "409"], "what it refers to was not made: {}", failed.body);
        assert!(found(&app, "/Groups", "displayName eq \"D\"").await.is_empty());
        for endpoint in ["/Users", "/Groups"] {
            let all = app.get(endpoint).await.body.to_string();
            assert!(!all.contains("bulkId"), "{all}");
        }
    }

    54, "RFC 7644 3.7.3", "Each result has the method, the status as a string, the bulkId that was sent, the location except for a POST that failed, the version, and the error as its response.",
    async fn result_of_each(engine: Engine) {
        let Directory { app, ada, eve, sales, .. } = Directory::new(&engine).await;
        let gone = app.user("gone").await;
        let answer = send(&app, None, json!([
            create("new", user("new")),
            create("taken", user("ada")),
            { "method": "PUT", "path": format!("/Users/{ada}"), "bulkId": "put", "data": user("ada") },
            { "method": "PATCH", "path": format!("/Groups/{sales}"), "data": patch(json!([{ "op": "add", "path": "externalId", "value": "x" }])) },
            { "method": "DELETE", "path": format!("/Users/{gone}") },
            { "method": "PATCH", "path": format!("/Users/{eve}"), "data": patch(json!([{ "op": "remove", "path": "userName" }])) },
            { "method": "DELETE", "path": "/Users/nobody" },
        ])).await;
        let results = results(&answer);
        assert_eq!(statuses(&results), ["201", "409", "200", "200", "204", "400", "404"], "{}", answer.body);
        let methods: Vec<&str> = results.iter().filter_map(|result| result["method"].as_str()).collect();
        assert_eq!(methods, ["POST", "POST", "PUT", "PATCH", "DELETE", "PATCH", "DELETE"]);
        let bulk_ids: Vec<Option<&str>> = results.iter().map(|result| result["bulkId"].as_str()).collect();
        assert_eq!(bulk_ids, [Some("new"), Some("taken"), Some("put"), None, None, None, None]);
        for (place, result) in results.iter().enumerate() {
            assert_eq!(result.get("location").is_some(), place != 1, "only a failed POST has no location: {result}");
            let failed = matches!(place, 1 | 5 | 6);
            if failed {
                let error = &result["response"];
                assert_eq!((&error["schemas"], &error["status"]), (&json!([ERROR]), &result["status"]), "{result}");
                assert!(error["detail"].is_string(), "{result}");
            }
        }
        assert_eq!(results[1]["response"]["scimType"], "uniqueness");
        assert_eq!(results[5]["response"]["scimType"], "mutability");
        let location = |endpoint: &str, id: &str| json!(format!("{}/{endpoint}/{id}", app.base()));
        assert_eq!((&results[2]["location"], &results[3]["location"]), (&location("Users", &ada), &location("Groups", &sales)));
        assert_eq!((&results[4]["location"], &results[5]["location"]), (&location("Users", &gone), &location("Users", &eve)));
        for (place, path) in [(0, results[0]["location"].as_str().expect("an address").to_owned()), (2, format!("/Users/{ada}")), (3, format!("/Groups/{sales}"))] {
            assert_eq!(results[place]["version"], app.get(&path).await.body["meta"]["version"], "{}", results[place]);
        }
    }

    55, "RFC 7644 3.7.4", "More operations than maxOperations, or a larger body than maxPayloadSize, are refused with 413, the limit is named, and nothing is done.",
    async fn limits(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let bulk = app.get("/ServiceProviderConfig").await.body["bulk"].clone();
        assert_eq!(bulk["supported"], json!(true));
        let (operations, size) = (bulk["maxOperations"].as_u64().expect("a number"), bulk["maxPayloadSize"].as_u64().expect("a number"));
        assert!(operations > 0 && size > 0, "{bulk}");
        let one = json!({ "method": "DELETE", "path": "/Users/x" });
        let mut many = vec![one; usize::try_from(operations).expect("a size")];
        many.push(create("new", user("new")));
        let answer = send(&app, None, json!(many)).await;
        refused(&answer, 413, "", "too many");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.contains(&operations.to_string())), "{}", answer.body);
        let mut large = user("new");
        large["title"] = json!("x".repeat(usize::try_from(size).expect("a size")));
        let answer = send(&app, None, json!([create("new", user("other")), create("large", large)])).await;
        refused(&answer, 413, "", "too large");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.contains(&size.to_string())), "{}", answer.body);
        assert_eq!(app.get("/Users").await.body["totalResults"], 0);
        many.remove(0);
        let at_most = send(&app, None, json!(many)).await;
        assert_eq!(results(&at_most).len() as u64, operations, "as many as are allowed");
    }

    56, "RFC 7644 3.7", "A POST needs a bulkId, a path is relative to the base URL, and version does what If-Match does.",
    note "A path that begins with the base URL is taken as well.",
    async fn parts_of_an_operation(engine: Engine) {
        let Directory { app, ada, bob, .. } = Directory::new(&engine).await;
        let version = app.get(&format!("/Users/{ada}")).await.body["meta"]["version"].clone();
        let title = |title: &str| patch(json!([{ "op": "add", "path": "title", "value": title }]));
        let answer = send(&app, None, json!([
            { "method": "POST", "path": "/Users", "data": user("new") },
            { "method": "GET", "path": "/Users" },
            { "method": "PATCH", "path": "https://elsewhere.example/scim/v2/Users/x", "data": title("T") },
            { "method": "PATCH", "path": "/Users", "data": title("T") },
            { "method": "POST", "path": format!("/Users/{ada}"), "bulkId": "a", "data": user("new") },
            { "method": "PUT", "path": "/Nothing/x", "data": user("new") },
            { "path": format!("/Users/{ada}"), "data": title("T") },
            { "method": "POST", "path": "/Users", "bulkId": "b" },
        ])).await;
        for result in results(&answer) {
            let status = result["status"].as_str().expect("a string");
            assert!(["400", "404", "405"].contains(&status), "{result}");
            assert_eq!(result["response"]["status"], status, "{result}");
        }
        assert_eq!(app.get("/Users").await.body["totalResults"], 3);
        let answer = send(&app, None, json!([
            { "method": "PATCH", "path": format!("/Users/{ada}"), "version": "W/\"none\"", "data": title("T") },
            { "method": "PATCH", "path": format!("/Users/{ada}"), "version": version, "data": title("T") },
            { "method": "PUT", "path": format!("/Users/{ada}"), "version": version, "data": user("ada") },
            { "method": "DELETE", "path": format!("/Users/{bob}"), "version": "W/\"none\"" },
        ])).await;
        assert_eq!(statuses(&results(&answer)), ["412", "200", "412", "412"], "{}", answer.body);
        assert_eq!(app.get(&format!("/Users/{ada}")).await.body["title"], "T");
        assert_eq!(app.send(Method::GET, &format!("/Users/{bob}"), None).await.status, 200);
    }
}
