//! Bulk requests (RFC 7644 3.7) over HTTP.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use serde_json::{Value, json};

use super::support::app::{TENANT, TestApp, answer, user};
use super::support::urn::{BULK, ENTERPRISE, ERROR, GROUP, PATCH_OP, USER};

fn bulk(operations: &Value) -> Value {
    json!({ "schemas": [BULK], "Operations": operations })
}

fn post(bulk_id: &str, path: &str, data: &Value) -> Value {
    json!({ "method": "POST", "path": path, "bulkId": bulk_id, "data": data })
}

/// A group of this name, which is its bulkId too.
fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    post(name, "/Groups", &json!({ "schemas": [GROUP], "displayName": name, "members": members }))
}

/// A PATCH of these operations.
fn patch(path: &str, operations: &Value) -> Value {
    json!({ "method": "PATCH", "path": path, "data": { "schemas": [PATCH_OP], "Operations": operations } })
}

/// The results of a request that was carried out.
struct Results(Vec<Value>);

impl Results {
    async fn of(app: &TestApp, body: &Value) -> Self {
        // A thousand operations on a busy machine take longer than others are given.
        let request = app.request(Method::POST, "/Bulk").timeout(Duration::from_mins(2));
        let answer = answer(request.header("Content-Type", "application/scim+json").body(body.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
        let results = answer.body["Operations"].as_array().expect("results").clone();
        for result in &results {
            let status = result["status"].as_str().expect("the status is a string");
            if status.starts_with('2') {
                assert!(result.get("response").is_none() && result["location"].is_string(), "{result}");
                assert_eq!(result["version"].is_string(), result["method"] != "DELETE", "{result}");
            } else {
                assert_eq!(
                    (&result["response"]["schemas"], &result["response"]["status"]),
                    (&json!([ERROR]), &json!(status))
                );
                assert!(result["response"]["detail"].is_string() && result.get("version").is_none(), "{result}");
                assert!(result["method"] != "POST" || result.get("location").is_none(), "{result}");
            }
        }
        Self(results)
    }

    fn statuses(&self) -> Vec<&str> {
        self.0.iter().map(|result| result["status"].as_str().expect("a status")).collect()
    }

    fn id(&self, index: usize) -> &str {
        let location = self.0[index]["location"].as_str().unwrap_or_else(|| panic!("{}", self.0[index]));
        location.rsplit('/').next().expect("an id")
    }

    fn detail(&self, index: usize) -> &str {
        self.0[index]["response"]["detail"].as_str().unwrap_or_else(|| panic!("{}", self.0[index]))
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().build().expect("a client")
}

/// The answer to another token.
async fn send_as(app: &TestApp, token: &str, body: &Value) -> Value {
    let request = client().post(format!("{}/Bulk", app.base())).bearer_auth(token);
    answer(request.header("Content-Type", "application/scim+json").body(body.to_string())).await.body
}

async fn members(app: &TestApp, group: &str) -> BTreeSet<String> {
    let group = app.get(&format!("/Groups/{group}")).await;
    assert_eq!(group.status, 200, "{}", group.body);
    let members = group.body["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|member| member["value"].as_str().expect("an id").to_owned()).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Names of all users and groups.
async fn names(app: &TestApp) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, name) in [("/Users", "userName"), ("/Groups", "displayName")] {
        let list = app.get(path).await.body;
        names.extend(
            list["Resources"]
                .as_array()
                .expect("Resources")
                .iter()
                .map(|r| r[name].as_str().expect("a name").to_owned()),
        );
    }
    names
}

both_engines! {
    /// RFC 7644 3.7.2: a user and a group of that user, and a user and whose manager that is.
    async fn what_is_created_can_be_referred_to(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut bob = user("bob");
        bob[ENTERPRISE] = json!({ "employeeNumber": "11250", "manager": { "value": "bulkId:qwerty" } });
        let results = Results::of(&app, &bulk(&json!([
            post("qwerty", "/Users", &user("alice")),
            group("Tour Guides", &["bulkId:qwerty"]),
            post("ytrewq", "/Users", &bob),
        ]))).await;
        assert_eq!(results.statuses(), ["201", "201", "201"]);
        let (alice, guides, bob) = (results.id(0), results.id(1), results.id(2));
        let base = app.base();
        assert_eq!(results.0[0], json!({
            "method": "POST", "bulkId": "qwerty", "location": format!("{base}/Users/{alice}"),
            "version": "W/\"1\"", "status": "201",
        }));
        let read = app.get(&format!("/Users/{alice}")).await.body;
        assert_eq!((&read["meta"]["location"], &read["meta"]["version"]), (&results.0[0]["location"], &json!("W/\"1\"")));
        assert_eq!(members(&app, guides).await, set(&[alice]));
        assert_eq!(app.get(&format!("/Users/{bob}")).await.body[ENTERPRISE]["manager"]["value"], alice);
        // All of it reaches the org.
        app.settled().await;
        let state = app.state().await;
        assert_eq!(state.members("Tour Guides"), Some(vec!["alice@example.com".to_owned()]));
        let manager = &state.user("bob@example.com").expect("bob")["ManagerId"];
        assert_eq!(*manager, state.user("alice@example.com").expect("alice")["Id"]);
    }

    /// What begins like a reference and stands where no id does is a text as any other.
    async fn free_text_is_no_reference(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut bob = user("bob");
        bob["nickName"] = json!("BULKID: the best");
        bob["title"] = json!("bulkId:alice");
        bob["displayName"] = json!(format!("see {}/Users/bulkId:alice", app.base()));
        bob["profileUrl"] = json!("https://example.com/Users/bulkId:alice");
        bob["externalId"] = json!("bulkId:nobody");
        bob["entitlements"] = json!([{ "value": "bulkId:alice" }]);
        bob[ENTERPRISE] = json!({ "department": "bulkId:nobody", "manager": "bulkId:alice" });
        let mut sales = group("bulkId:alice", &["bulkId:alice", "bulkId:bob"]);
        sales["bulkId"] = json!("sales");
        let results = Results::of(&app, &bulk(&json!([
            post("bob", "/Users", &bob),
            sales,
            post("alice", "/Users", &user("alice")),
            patch("/Groups/bulkId:sales", &json!([
                { "op": "remove", "path": "members[display eq \"bulkId:alice\" or value eq \"bulkId:bob\"]" },
                { "op": "replace", "path": "externalId", "value": "bulkId:nobody" },
            ])),
        ]))).await;
        assert_eq!(results.statuses(), ["201", "201", "201", "200"]);
        let (bob_id, sales, alice) = (results.id(0), results.id(1), results.id(2));
        let read = app.get(&format!("/Users/{bob_id}")).await.body;
        for name in ["nickName", "title", "displayName", "profileUrl", "externalId", "entitlements"] {
            assert_eq!(read[name], bob[name], "{name}");
        }
        assert_eq!(read[ENTERPRISE]["department"], "bulkId:nobody");
        assert_eq!(read[ENTERPRISE]["manager"]["value"], alice);
        let group = app.get(&format!("/Groups/{sales}")).await.body;
        assert_eq!((&group["displayName"], &group["externalId"]), (&json!("bulkId:alice"), &json!("bulkId:nobody")));
        assert_eq!(members(&app, sales).await, set(&[alice]));
        app.settled().await;
    }

    /// RFC 7644 3.7.3, with its PATCH, whose data are operations without a message around them.
    async fn the_rfc_s_example_of_all_methods(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (bob, dave, gone) = (app.user("bob").await, app.user("dave").await, app.user("gone").await);
        let mut data = user("bob");
        data["nickName"] = json!("Bobby");
        let results = Results::of(&app, &json!({ "schemas": [BULK], "failOnErrors": 1, "Operations": [
            post("qwerty", "/Users", &user("alice")),
            { "method": "PUT", "path": format!("/Users/{bob}"), "version": "W/\"1\"", "data": data },
            { "method": "PATCH", "path": format!("/Users/{dave}"), "version": "W/\"1\"", "data": [
                { "op": "remove", "path": "externalId" },
                { "op": "add", "path": "nickName", "value": "Dave" },
            ] },
            { "method": "DELETE", "path": format!("/Users/{gone}"), "version": "W/\"1\"" },
        ] })).await;
        assert_eq!(results.statuses(), ["201", "200", "200", "204"]);
        let location = |id: &str| format!("{}/Users/{id}", app.base());
        for (result, method, id) in [(&results.0[1], "PUT", &bob), (&results.0[2], "PATCH", &dave)] {
            let status = "200";
            assert_eq!(*result, json!({ "method": method, "location": location(id), "version": "W/\"2\"", "status": status }));
        }
        assert_eq!(results.0[3], json!({ "method": "DELETE", "location": location(&gone), "status": "204" }));
        assert_eq!(app.get(&format!("/Users/{bob}")).await.body["nickName"], "Bobby");
        let dave = app.get(&format!("/Users/{dave}")).await.body;
        assert_eq!((&dave["nickName"], &dave["externalId"]), (&json!("Dave"), &Value::Null));
        assert_eq!(app.get(&format!("/Users/{gone}")).await.status, 404);
    }

    /// RFC 7644 3.7.1: groups that are members of each other, and references to what comes later.
    async fn circles_and_forward_references_are_resolved(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let results = Results::of(&app, &bulk(&json!([
            group("A", &["bulkId:B", "bulkId:late"]),
            group("B", &["bulkId:A"]),
            group("One", &["bulkId:Two"]),
            group("Two", &["bulkId:Three", "bulkId:late"]),
            group("Outside", &["bulkId:Three"]),
            group("Three", &["bulkId:One"]),
            group("Self", &["bulkId:Self", "bulkId:late"]),
            post("late", "/Users", &user("late")),
        ]))).await;
        assert_eq!(results.statuses(), ["201"; 8]);
        let id = |index: usize| results.id(index);
        for (of, expected) in [(0, vec![1, 7]), (1, vec![0]), (2, vec![3]), (3, vec![5, 7]), (4, vec![5]), (5, vec![2]), (6, vec![7])] {
            let expected: Vec<&str> = expected.into_iter().map(id).collect();
            assert_eq!(members(&app, id(of)).await, set(&expected), "{of}");
            assert_eq!(results.0[of]["version"], "W/\"1\"", "{of}");
        }
        app.settled().await;
        let state = app.state().await;
        assert_eq!(state.groups(), ["A", "B", "One", "Outside", "Self", "Three", "Two"]);
        assert_eq!(state.members("Self"), Some(vec!["late@example.com".to_owned()]));
    }

    /// A circle is created as a whole or not at all, and two people may be each other's managers.
    async fn a_circle_with_one_that_is_refused_leaves_nothing(engine: Engine) {
        let app = TestApp::start(&engine).await;
        app.group("Taken", &[]).await;
        let managed = |name: &str, by: &str| {
            let mut data = user(name);
            data[ENTERPRISE] = json!({ "manager": { "value": format!("bulkId:{by}") } });
            post(name, "/Users", &data)
        };
        let mut taken = group("taken", &["bulkId:First"]);
        taken["data"]["displayName"] = json!("TAKEN");
        let results = Results::of(&app, &bulk(&json!([
            group("First", &["bulkId:Second"]),
            group("Second", &["bulkId:taken"]),
            taken,
            group("After", &["bulkId:First"]),
            managed("yin", "yang"),
            managed("yang", "yin"),
        ]))).await;
        assert_eq!(results.statuses(), ["409", "409", "409", "409", "201", "201"]);
        assert_eq!(results.0[2]["response"]["scimType"], "uniqueness");
        assert!(results.detail(0).contains("bulkId \"Second\"") && results.detail(1).contains("bulkId \"taken\""));
        assert!(results.detail(3).contains("bulkId \"First\""), "{}", results.detail(3));
        assert_eq!(names(&app).await, set(&["Taken", "yin@example.com", "yang@example.com"]));
        for (one, other) in [(4, 5), (5, 4)] {
            let read = app.get(&format!("/Users/{}", results.id(one))).await.body;
            assert_eq!(read[ENTERPRISE]["manager"]["value"], results.id(other));
        }
        // What was refused left nothing behind that is delivered, and no name that is taken.
        app.settled().await;
        assert_eq!(app.state().await.groups(), ["Taken"]);
        let again = bulk(&json!([group("First", &["bulkId:Second"]), group("Second", &["bulkId:First"])]));
        assert_eq!(Results::of(&app, &again).await.statuses(), ["201", "201"]);
    }

    /// RFC 7644 3.7.1 and 3.7.2: what refers to nothing is a conflict, and not carried out.
    async fn references_that_lead_nowhere_are_conflicts(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let there = app.group("There", &[]).await;
        app.user("taken").await;
        let add = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        let results = Results::of(&app, &bulk(&json!([
            group("Unknown", &["bulkId:nobody"]),
            post("taken", "/Users", &user("taken")),
            group("Failed", &["bulkId:taken"]),
            patch(&format!("/Groups/{there}"), &add("bulkId:taken")),
            patch("/Groups/bulkId:Failed", &json!([{ "op": "replace", "path": "displayName", "value": "x" }])),
            { "method": "DELETE", "path": "/Groups/bulkId:nothing" },
            post("twice", "/Users", &user("one")),
            post("twice", "/Users", &user("two")),
            patch(&format!("/Groups/{there}"), &add("bulkId:twice")),
            post("fine", "/Users", &user("fine")),
        ]))).await;
        assert_eq!(results.statuses(), ["409", "409", "409", "409", "409", "409", "400", "400", "409", "201"]);
        for (index, words) in [
            (0, "bulkId \"nobody\""),
            (2, "bulkId \"taken\""),
            (3, "bulkId \"taken\""),
            (4, "bulkId \"Failed\""),
            (5, "bulkId \"nothing\""),
            (6, "Operations[7] has the same"),
            (7, "Operations[6] has the same"),
            (8, "bulkId \"twice\""),
        ] {
            assert!(results.detail(index).contains(words), "{}", results.detail(index));
        }
        assert_eq!(results.0[1]["response"]["scimType"], "uniqueness");
        assert_eq!(names(&app).await, set(&["There", "taken@example.com", "fine@example.com"]));
        assert_eq!(members(&app, &there).await, set(&[]));
    }

    /// RFC 7644 3.7: errors stop nothing, unless `failOnErrors` of them are reached.
    async fn errors_stop_it_where_the_client_says_so(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let operations = |prefix: &str| json!([
            post("0", "/Users", &user(&format!("{prefix}zero"))),
            { "method": "DELETE", "path": "/Users/nobody" },
            post("2", "/Users", &user(&format!("{prefix}two"))),
            { "method": "PUT", "path": "/Users" },
            post("4", "/Users", &user(&format!("{prefix}four"))),
        ]);
        for (prefix, most, statuses) in [
            ("a", json!(1), vec!["201", "404"]),
            ("b", json!(2), vec!["201", "404", "201", "400"]),
            ("c", json!(3), vec!["201", "404", "201", "400", "201"]),
            ("d", json!(null), vec!["201", "404", "201", "400", "201"]),
            // Some writers of JSON put a point after every number.
            ("e", json!(2.0), vec!["201", "404", "201", "400"]),
        ] {
            let mut body = bulk(&operations(prefix));
            body["failOnErrors"] = most;
            assert_eq!(Results::of(&app, &body).await.statuses(), statuses, "{prefix}");
            let mine = names(&app).await.into_iter().filter(|name| name.starts_with(prefix)).count();
            assert_eq!(mine, statuses.iter().filter(|status| **status == "201").count(), "{prefix}");
        }
    }

    /// Paths and filters of later operations may name what is created.
    async fn later_operations_may_be_on_what_is_created(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut renamed = user("ada");
        renamed["nickName"] = json!("Countess");
        let results = Results::of(&app, &bulk(&json!([
            { "method": "PUT", "path": "/Users/bulkId:ada", "data": renamed },
            post("ada", "users/", &user("ada")),
            post("bob", "Users", &user("bob")),
            group("Sales", &["bulkId:ada", "bulkId:bob", "bulkId:carl"]),
            patch("/Groups/bulkId:Sales", &json!([{ "op": "remove", "path": "members[value eq \"bulkId:carl\"]" }])),
            { "method": "delete", "path": format!("{}/Users/bulkId:bob", app.base()) },
            group("Gone", &[]),
            { "method": "DELETE", "path": "/Groups/bulkId:Gone", "bulkId": "echoed" },
            { "method": "DELETE", "path": "/Groups/bulkId:Gone" },
            post("carl", "/Users", &user("carl")),
        ]))).await;
        assert_eq!(results.statuses(), ["200", "201", "201", "201", "200", "204", "201", "204", "404", "201"]);
        assert_eq!((&results.0[5]["method"], &results.0[7]["bulkId"]), (&json!("DELETE"), &json!("echoed")));
        let (ada, sales) = (results.id(1), results.id(3));
        assert_eq!((results.id(0), results.id(4), results.id(5)), (ada, sales, results.id(2)));
        assert_eq!(app.get(&format!("/Users/{ada}")).await.body["nickName"], "Countess");
        assert_eq!(members(&app, sales).await, set(&[ada]));
        assert_eq!(names(&app).await, set(&["ada@example.com", "carl@example.com", "Sales"]));
        app.settled().await;
        assert_eq!(app.state().await.members("Sales"), Some(vec!["ada@example.com".to_owned()]));
    }

    /// `version` is `If-Match` (RFC 7644 3.7).
    async fn versions_are_conditions(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        let path = format!("/Users/{ada}");
        let name = |name: &str, version: &str| {
            let mut operation = patch(&path, &json!([{ "op": "replace", "path": "nickName", "value": name }]));
            operation["version"] = json!(version);
            operation
        };
        let results = Results::of(&app, &bulk(&json!([
            name("first", "W/\"1\""),
            name("late", "W/\"1\""),
            { "method": "PUT", "path": path, "version": "W/\"1\"", "data": user("ada") },
            { "method": "DELETE", "path": path, "version": "W/\"1\"" },
            name("second", "W/\"2\""),
            name("third", ""),
            { "method": "DELETE", "path": path, "version": "" },
        ]))).await;
        assert_eq!(results.statuses(), ["200", "412", "412", "412", "200", "412", "412"]);
        assert_eq!((&results.0[0]["version"], &results.0[4]["version"]), (&json!("W/\"2\""), &json!("W/\"3\"")));
        assert!(results.detail(1).contains("W/\"2\""), "{}", results.detail(1));
        assert_eq!(results.0[1]["location"], format!("{}{path}", app.base()));
        assert_eq!(app.get(&path).await.body["nickName"], "second");
    }

    async fn other_tenants_resources_are_not_there(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let other = config.tenant[TENANT].clone();
            config.tenant.insert("other".into(), other);
        }).await;
        let (ada, sales) = (app.user("ada").await, app.group("Sales", &[]).await);
        let (_, token) =
            app.app().access().create(NewToken::new("other", "test", vec![Scope::Scim])).await.expect("a token");
        let nobody = json!([{ "op": "replace", "path": "displayName", "value": "x" }]);
        let body = bulk(&json!([
            { "method": "DELETE", "path": format!("/Users/{ada}") },
            { "method": "PUT", "path": format!("/Users/{ada}"), "data": user("mallory") },
            patch(&format!("/Groups/{sales}"), &nobody),
            group("Mine", &[&ada]),
        ]));
        let before = (app.get(&format!("/Users/{ada}")).await.body, app.get(&format!("/Groups/{sales}")).await.body);
        let seen = send_as(&app, &token, &body).await;
        let statuses: Vec<&str> =
            seen["Operations"].as_array().expect("results").iter().filter_map(|r| r["status"].as_str()).collect();
        assert_eq!(statuses, ["404", "404", "404", "201"], "{seen}");
        let after = (app.get(&format!("/Users/{ada}")).await.body, app.get(&format!("/Groups/{sales}")).await.body);
        assert_eq!(before, after);
        let mine = seen["Operations"][3]["location"].as_str().expect("an address");
        let mine = answer(client().get(mine).bearer_auth(&token)).await.body;
        assert!(mine["displayName"] == "Mine" && mine.get("members").is_none(), "{mine}");
    }

    /// A token that takes the RFC at its word does so in a bulk request.
    async fn a_strict_token_is_strict_here_too(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let new = NewToken { strict: true, ..NewToken::new(TENANT, "strict", vec![Scope::Scim]) };
        let (_, strict) = app.app().access().create(new).await.expect("a token");
        for (token, name, status) in [(strict.as_str(), "one", "400"), (app.token(), "two", "201")] {
            let mut data = user(name);
            data["active"] = json!("True");
            let body = bulk(&json!([post("a", "/Users", &data)]));
            let seen = send_as(&app, token, &body).await;
            assert_eq!(seen["Operations"][0]["status"], status, "{seen}");
        }
    }

    /// RFC 7644 3.7.4.
    async fn limits_are_announced_and_kept(engine: Engine) {
        let mut app = TestApp::start_with(&engine, |_| {}, |config| config.server.body_limit = 10_000_000).await;
        let config = app.get("/ServiceProviderConfig").await.body;
        assert_eq!(config["bulk"], json!({ "supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576 }));
        let delete = json!({ "method": "DELETE", "path": "/Users/nobody" });
        let most = Results::of(&app, &bulk(&json!(vec![&delete; 1000]))).await;
        assert_eq!(most.0.len(), 1000);
        let refusal = app.post("/Bulk", &bulk(&json!(vec![&delete; 1001]))).await;
        assert_eq!((refusal.status.as_u16(), &refusal.body["status"]), (413, &json!("413")));
        let detail = refusal.body["detail"].as_str().expect("words");
        assert!(detail.contains("maxOperations, which is 1000"), "{detail}");

        let mut large = user("large");
        large["nickName"] = json!("x".repeat(1_048_576));
        let refusal = app.post("/Bulk", &bulk(&json!([post("a", "/Users", &large)]))).await;
        let detail = refusal.body["detail"].as_str().expect("words");
        assert!(refusal.status == 413 && detail.contains("maxPayloadSize, which is 1048576 bytes"), "{detail}");

        app.reconfigure(|config| config.server.body_limit = 4096).await;
        assert_eq!(app.get("/ServiceProviderConfig").await.body["bulk"]["maxPayloadSize"], 4096);
        let mut body = bulk(&json!([post("a", "/Users", &user("fits"))]));
        body["padding"] = json!("");
        let padding = 4096 - body.to_string().len();
        body["padding"] = json!("x".repeat(padding + 1));
        let refusal = app.post("/Bulk", &body).await;
        let detail = refusal.body["detail"].as_str().expect("words");
        assert!(refusal.status == 413 && detail.contains("maxPayloadSize, which is 4096 bytes"), "{detail}");
        assert_eq!(names(&app).await, set(&[]));
        body["padding"] = json!("x".repeat(padding));
        assert_eq!(Results::of(&app, &body).await.statuses(), ["201"]);
    }

    /// What is no bulk request is refused, and none of it is done.
    async fn a_request_that_is_none_changes_nothing(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let good = json!([post("a", "/Users", &user("ada"))]);
        for (body, kind, words) in [
            (json!([good]), "invalidSyntax", "must be a JSON object"),
            (json!({ "Operations": good }), "invalidSyntax", "schemas"),
            (json!({ "schemas": [PATCH_OP], "Operations": good }), "invalidSyntax", "schemas"),
            (json!({ "schemas": [BULK] }), "invalidSyntax", "Operations"),
            (json!({ "schemas": [BULK], "Operations": [] }), "invalidSyntax", "Operations"),
            (json!({ "schemas": [BULK], "Operations": good, "failOnErrors": 0 }), "invalidValue", "failOnErrors"),
            (json!({ "schemas": [BULK], "Operations": good, "failOnErrors": "x" }), "invalidValue", "failOnErrors"),
        ] {
            let refusal = app.post("/Bulk", &body).await;
            assert_eq!((refusal.status.as_u16(), &refusal.body["scimType"]), (400, &json!(kind)), "{body}");
            assert!(refusal.body["detail"].as_str().expect("words").contains(words), "{}", refusal.body);
        }
        assert_eq!(app.get("/Bulk").await.status, 405);
        assert_eq!(names(&app).await, set(&[]));
        // What is wrong with one operation is that operation's.
        let nested = json!([good[0]]);
        let results = Results::of(&app, &bulk(&json!([
            post("b", "/Bulk", &bulk(&nested)),
            { "method": "PATCH", "path": "/Me", "data": {} },
            post("c", "/Schemas", &json!({})),
            post("d", "/Nothing", &json!({})),
            { "method": "GET", "path": "/Users/1" },
            "nonsense",
            post("e", "/Users", &json!({ "schemas": [USER], "active": true })),
            good[0],
        ]))).await;
        assert_eq!(results.statuses(), ["400", "501", "405", "404", "400", "400", "400", "201"]);
        assert!(results.detail(6).contains("userName"), "{}", results.detail(6));
        assert_eq!(names(&app).await, set(&["ada@example.com"]));
        let metrics = app.get(&app.base().replace("/scim/v2", "/metrics")).await.body;
        let metrics = metrics.as_str().expect("text");
        for (method, status) in [("POST", 201), ("POST", 404), ("PATCH", 501), ("none", 400)] {
            let line = format!("scim_bridge_bulk_operations_total{{method=\"{method}\",status=\"{status}\"}} ");
            assert!(metrics.contains(&line), "{line}: {metrics}");
        }
    }

    /// As many operations as one request takes, all of which refer to others, and a group too large to be answered.
    async fn a_thousand_operations(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let names: Vec<String> = (0..997).map(|n| format!("u{n}")).collect();
        let references: Vec<String> = names.iter().map(|name| format!("bulkId:{name}")).collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let mut operations = vec![
            patch("/Groups/bulkId:All", &json!([{ "op": "add", "path": "externalId", "value": "x" }])),
            group("All", &references),
        ];
        operations.extend(names.iter().map(|name| post(name, "/Users", &json!({ "userName": name }))));
        operations.push(group("Nested", &["bulkId:All"]));
        assert_eq!(operations.len(), 1000);
        let started = Instant::now();
        let results = Results::of(&app, &bulk(&json!(operations))).await;
        println!("{}: 1000 operations in {:?}", engine.url().split(':').next().unwrap_or_default(), started.elapsed());
        assert_eq!(results.0.len(), 1000);
        assert_eq!(results.statuses()[0], "204");
        assert!(results.statuses().iter().skip(1).all(|status| *status == "201"));
        let group = app.get(&format!("/Groups/{}", results.id(1))).await.body;
        assert_eq!(group["members"].as_array().expect("members").len(), 997);
        assert_eq!((&group["externalId"], &group["meta"]["version"]), (&json!("x"), &results.0[0]["version"]));
    }
}
