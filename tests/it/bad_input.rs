//! Requests that are wrong in every way a client can think of: each is refused with a SCIM error (RFC 7644 3.12) that
//! names what was wrong, and none of them changes anything, here or in Salesforce.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use scim_bridge::access::{NewToken, Scope};
use serde_json::{Value, json};

use super::support::app::{Answer, TENANT, TestApp, answer, user};
use super::support::urn::{ERROR, GROUP, PATCH_OP, USER};

/// All that a refused request must leave as it is.
async fn snapshot(app: &TestApp) -> Value {
    let mut users = app.get("/Users").await.body;
    let groups = app.get("/Groups").await.body;
    assert_eq!((&users["totalResults"], &groups["totalResults"]), (&json!(2), &json!(1)));
    users["org"] = app.calls().await;
    json!([users, groups, app.status().await])
}

/// Two users, ada and bob, and a group of ada, all delivered; `{ada}` and `{group}` in a path are their ids.
struct Fixture {
    app: TestApp,
    ada: String,
    group: String,
    before: Value,
}

impl Fixture {
    async fn new(app: TestApp) -> Self {
        let ada = app.user("ada").await;
        app.user("bob").await;
        let group = app.group("Engineering", &[&ada]).await;
        app.settled().await;
        let before = snapshot(&app).await;
        Self { app, ada, group, before }
    }

    fn path(&self, path: &str) -> String {
        path.replace("{ada}", &self.ada).replace("{group}", &self.group)
    }

    async fn unchanged(&self) {
        self.app.settled().await;
        assert_eq!(snapshot(&self.app).await, self.before);
    }

    /// Sends text as a body and checks the refusal.
    async fn refused(&self, (method, path): (Method, &str), body: impl Into<Vec<u8>>, expected: Refused<'_>) {
        let body: Vec<u8> = body.into();
        let shown = format!("{method} {path} {}", String::from_utf8_lossy(&body).chars().take(120).collect::<String>());
        let mut request = self.app.request(method, &self.path(path));
        if !body.is_empty() {
            request = request.header("Content-Type", "application/scim+json").body(body);
        }
        expected.check(&answer(request).await, &shown);
    }
}

/// Status, `scimType` and a part of the detail.
struct Refused<'a>(u16, Option<&'a str>, &'a str);

impl Refused<'_> {
    fn check(&self, answer: &Answer, request: &str) {
        let Self(status, scim_type, detail) = *self;
        let body = &answer.body;
        assert_eq!(answer.status.as_u16(), status, "{request}: {body}");
        assert_eq!(answer.headers["content-type"], "application/scim+json", "{request}");
        assert_eq!(body["schemas"], json!([ERROR]), "{request}");
        assert_eq!(body["status"], json!(status.to_string()), "{request}");
        assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type, "{request}: {body}");
        let said = body["detail"].as_str().unwrap_or_default();
        assert!(said.contains(detail), "{request}: \"{said}\" does not say \"{detail}\"");
        assert!(!said.contains("sb_"), "a token in {said}");
    }
}

const SYNTAX: Option<&str> = Some("invalidSyntax");
const VALUE: Option<&str> = Some("invalidValue");
const FILTER: Option<&str> = Some("invalidFilter");
const PATH: Option<&str> = Some("invalidPath");

/// Texts that are no JSON object, for every verb with a body.
fn no_json() -> Vec<(Vec<u8>, &'static str)> {
    let deep = format!("{{\"userName\": {}1{}}}", "[".repeat(200), "]".repeat(200));
    vec![
        (b"userName=ada".to_vec(), "line 1 column 1"),
        (b"{\"userName\": \"x\"".to_vec(), "line 1"),
        (b"{\"userName\": \"x\"} trailing".to_vec(), "trailing characters"),
        (b"{'userName': 'x'}".to_vec(), "line 1 column 2"),
        (b"{\"userName\": \"x\xff\"}".to_vec(), "column"),
        (b"{\"userName\": \"\\ud800\"}".to_vec(), "column"),
        (deep.into_bytes(), "recursion limit"),
        (b"[]".to_vec(), "must be a JSON object"),
        (b"\"text\"".to_vec(), "must be a JSON object"),
        (b"null".to_vec(), "must be a JSON object"),
        (b"{\"userName\": \"x\", \"title\": \"a\", \"title\": \"b\"}".to_vec(), "title is given twice"),
        (b"{\"name\": {\"givenName\": \"a\", \"givenName\": \"b\"}}".to_vec(), "givenName is given twice"),
    ]
}

/// Bodies of a user that are JSON and yet wrong.
fn wrong_users() -> Vec<(Value, &'static str)> {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let with = |name: &str, value: Value| {
        let mut body = user("eve");
        body[name] = value;
        body
    };
    let mut bodies = vec![
        (json!({ "schemas": [USER], "displayName": "Nobody" }), "userName is required"),
        (with("userName", json!("")), "userName is required"),
        (with("userName", json!(null)), "userName is required"),
        (with("userName", json!(" ")), "userName is required"),
        (with("userName", json!({ "first": "x" })), "userName: must be a string"),
        (with("userName", json!(["one", "two"])), "userName: must be one value"),
        (with("userName", json!("e\u{0}ve")), "userName: must not contain the character U+0000"),
        (with("userName", json!("e".repeat(5000))), "userName: must not be longer"),
        (with("externalId", json!("e".repeat(5000))), "externalId: must not be longer"),
        (with("displayName", json!("e".repeat(5000))), "displayName: must not be longer"),
        (with("active", json!("maybe")), "active: must be a boolean"),
        (with("active", json!(7)), "active: must be a boolean"),
        (with("name", json!({ "givenName": { "x": 1 } })), "name.givenName: must be a string"),
        (with("emails", json!([{ "value": ["a", "b"] }])), "emails[0].value: must be one value"),
        (with("emails", json!([{ "value": "a@b", "primary": "perhaps" }])), "emails[0].primary: must be a boolean"),
        (
            with("emails", json!([{ "value": "a@b", "primary": true }, { "value": "c@d", "primary": true }])),
            "emails: only one value can be primary",
        ),
        (with("x509Certificates", json!([{ "value": "no base64!" }])), "x509Certificates[0].value: must be base64"),
        (with(enterprise, json!("Sales")), enterprise),
        (with(enterprise, json!({ "department": { "a": 1 } })), "department: must be a string"),
        (with("USERNAME", json!("other@example.com")), "userName is given twice"),
        (with("schemas", json!(["urn:example:nothing"])), "schemas"),
        (with("schemas", json!([GROUP])), "schemas"),
        (with("schemas", json!([5])), "schemas[0]: must be a string"),
        (with("schemas", json!({ "a": 1 })), "schemas: must be an array"),
    ];
    // As long as an e-mail address that no database key takes, and not to be compressed away.
    let long = (0u32..4000).fold(String::new(), |mut text, n| {
        let _ = write!(text, "{:x}", n.wrapping_mul(2_654_435_761));
        text
    });
    bodies.push((with("emails", json!([{ "value": long }])), "emails.value: must not be longer"));
    bodies
}

both_engines! {
    async fn a_body_that_is_no_json_object(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let routes = [
            (Method::POST, "/Users"),
            (Method::POST, "/Groups"),
            (Method::PUT, "/Users/{ada}"),
            (Method::PATCH, "/Users/{ada}"),
            (Method::PUT, "/Groups/{group}"),
            (Method::PATCH, "/Groups/{group}"),
        ];
        for (method, path) in routes {
            for (body, detail) in no_json() {
                fixture.refused((method.clone(), path), body, Refused(400, SYNTAX, detail)).await;
            }
            let empty = fixture.app.request(method.clone(), &fixture.path(path)).header("Content-Length", "0");
            Refused(400, SYNTAX, "the body is empty").check(&answer(empty).await, path);
        }
        fixture.unchanged().await;
    }

    async fn a_user_with_wrong_values(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        for (body, detail) in wrong_users() {
            for to in [(Method::POST, "/Users"), (Method::PUT, "/Users/{ada}")] {
                fixture.refused(to, body.to_string(), Refused(400, VALUE, detail)).await;
            }
        }
        fixture.unchanged().await;
    }

    async fn a_group_with_wrong_values(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        for (body, detail) in [
            (json!({ "schemas": [GROUP] }), "displayName is required"),
            (json!({ "schemas": [GROUP], "displayName": "" }), "displayName is required"),
            (json!({ "schemas": [GROUP], "displayName": { "a": 1 } }), "displayName: must be a string"),
            (json!({ "schemas": [GROUP], "displayName": "G".repeat(5000) }), "displayName: must not be longer"),
            (json!({ "schemas": [USER], "displayName": "G" }), "schemas"),
            (json!({ "schemas": [GROUP], "displayName": "G", "members": [{ "type": "User" }] }), "members[0].value"),
            (
                json!({ "schemas": [GROUP], "displayName": "G", "members": [{ "value": "a\u{0}b" }] }),
                "members[0].value: must not contain",
            ),
        ] {
            for to in [(Method::POST, "/Groups"), (Method::PUT, "/Groups/{group}")] {
                fixture.refused(to, body.to_string(), Refused(400, VALUE, detail)).await;
            }
        }
        fixture.unchanged().await;
    }

    async fn a_name_that_is_taken(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let app = &fixture.app;
        let taken = Refused(409, Some("uniqueness"), "userName \"BOB@example.com\" belongs to another user");
        let mut bob = user("eve");
        bob["userName"] = json!("BOB@example.com");
        let ada = format!("/Users/{}", fixture.ada);
        taken.check(&app.post("/Users", &bob).await, "POST");
        taken.check(&app.put(&ada, &bob).await, "PUT");
        let rename = |value: &str| json!([
            { "op": "replace", "path": "title", "value": "Countess" },
            { "op": "replace", "path": "userName", "value": value },
        ]);
        taken.check(&app.patch(&ada, rename("BOB@example.com")).await, "PATCH");
        let group = json!({ "schemas": [GROUP], "displayName": "ENGINEERING" });
        let taken = Refused(409, Some("uniqueness"), "displayName \"ENGINEERING\" belongs to another group");
        taken.check(&app.post("/Groups", &group).await, "POST");
        fixture.unchanged().await;
        // A second group that cannot take the name of the first.
        let other = app.group("Sales", &[]).await;
        app.settled().await;
        let calls = app.calls().await;
        taken.check(&app.put(&format!("/Groups/{other}"), &group).await, "PUT");
        let rename = json!([
            { "op": "add", "path": "members", "value": [{ "value": fixture.ada }] },
            { "op": "replace", "path": "displayName", "value": "ENGINEERING" },
        ]);
        taken.check(&app.patch(&format!("/Groups/{other}"), rename).await, "PATCH");
        let sales = app.get(&format!("/Groups/{other}")).await.body;
        assert_eq!((&sales["displayName"], &sales["meta"]["version"]), (&json!("Sales"), &json!("W/\"1\"")));
        assert!(sales.get("members").is_none(), "a PATCH is all or nothing: {sales}");
        app.settled().await;
        assert_eq!(app.calls().await, calls);
    }

    async fn a_malformed_patch(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let deep = format!("emails[{}value eq \"a\"{}]", "(".repeat(300), ")".repeat(300));
        let title = json!({ "op": "replace", "path": "title", "value": "Countess" });
        for (operation, scim_type, detail) in [
            (json!({ "op": "replace", "path": "emails[", "value": "x" }), FILTER, "Operations[1]"),
            (json!({ "op": "replace", "path": "emails[type eq]", "value": "x" }), FILTER, "Operations[1]"),
            (json!({ "op": "replace", "path": "emails[type xx \"work\"]", "value": "x" }), FILTER, "Operations[1]"),
            (json!({ "op": "replace", "path": deep, "value": "x" }), FILTER, "Operations[1]"),
            (json!({ "op": "replace", "path": "name..givenName", "value": "x" }), PATH, "Operations[1]"),
            (json!({ "op": "replace", "path": "emails]", "value": "x" }), PATH, "Operations[1]"),
            (json!({ "op": "replace", "path": 7, "value": "x" }), SYNTAX, "Operations[1]"),
            (json!({ "op": "move", "path": "title", "value": "x" }), SYNTAX, "Operations[1]"),
            (json!({ "op": 7, "path": "title", "value": "x" }), SYNTAX, "Operations[1]"),
            (json!({ "op": "remove" }), Some("noTarget"), "Operations[1]"),
            (json!("remove"), SYNTAX, "Operations[1]"),
            (json!({ "op": "replace", "value": "x" }), SYNTAX, "Operations[1]"),
            (json!({ "op": "replace", "path": "active", "value": "maybe" }), VALUE, "active: must be a boolean"),
            (json!({ "op": "replace", "path": "active", "value": { "a": 1 } }), VALUE, "active: must be a boolean"),
            (json!({ "op": "replace", "path": "title", "value": "a\u{0}b" }), VALUE, "U+0000"),
            (json!({ "op": "remove", "path": "userName" }), Some("mutability"), "userName"),
        ] {
            let body = json!({ "schemas": [PATCH_OP], "Operations": [title, operation] });
            fixture.refused((Method::PATCH, "/Users/{ada}"), body.to_string(), Refused(400, scim_type, detail)).await;
        }
        for (body, detail) in [
            (json!({ "schemas": [PATCH_OP] }), "Operations"),
            (json!({ "schemas": [PATCH_OP], "Operations": [] }), "Operations"),
            (json!({ "schemas": [PATCH_OP], "Operations": { "op": "x" } }), "Operations"),
            (json!({ "schemas": ["urn:x"], "Operations": [title] }), "schemas"),
        ] {
            let refused = Refused(400, SYNTAX, detail);
            fixture.refused((Method::PATCH, "/Users/{ada}"), body.to_string(), refused).await;
        }
        let many: Vec<Value> = (0..5000).map(|_| title.clone()).collect();
        let body = json!({ "schemas": [PATCH_OP], "Operations": many });
        fixture.refused((Method::PATCH, "/Users/{ada}"), body.to_string(), Refused(400, Some("tooMany"), "perations")).await;
        fixture.unchanged().await;
    }

    async fn a_malformed_query(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let deep = format!("/Users?filter={}userName%20pr{}", "(".repeat(300), ")".repeat(300));
        for (path, scim_type, detail) in [
            ("/Users?filter=", FILTER, "character 1"),
            ("/Users?filter=userName", FILTER, "character"),
            ("/Users?filter=userName%20eq", FILTER, "character 12"),
            ("/Users?filter=userName%20eq%20%22ada", FILTER, "character 13"),
            ("/Users?filter=userName%20xx%20%22ada%22", FILTER, "character 10"),
            ("/Users?filter=userName%20pr%20and", FILTER, "character"),
            ("/Users?filter=(userName%20pr", FILTER, "character"),
            ("/Users?filter=emails%5Btype%20eq%20%22work%22", FILTER, "character"),
            ("/Users?filter=active%20gt%20true", FILTER, "active"),
            ("/Users?filter=meta.created%20gt%20%22yesterday%22", FILTER, "meta.created"),
            ("/Users?filter=meta.location%20pr", FILTER, "meta.location is put together"),
            ("/Users?filter=groups%5B$ref%20sw%20%22x%22%5D", FILTER, "groups.$ref is put together"),
            ("/Groups?filter=members.$ref%20eq%20%22x%22", FILTER, "members.$ref is put together"),
            ("?filter=title%20pr%20or%20members.$ref%20pr", FILTER, "members.$ref is put together"),
            ("/Groups?filter=urn:scim-bridge:schemas:extension:delivery:1.0:state%20pr", FILTER, "state is put together"),
            ("/Users?filter=%FF", FILTER, "character 1"),
            ("/Users?filter=userName%20eq%20%22a%00%22", FILTER, "character 13"),
            (&deep, FILTER, "levels of nesting"),
            ("/Groups?filter=displayName%20eq", FILTER, "character"),
            ("/Users?startIndex=first", VALUE, "startIndex: must be an integer"),
            ("/Users?startIndex=1.5", VALUE, "startIndex: must be an integer"),
            ("/Users?count=all", VALUE, "count: must be an integer"),
            ("/Users?sortOrder=upwards", VALUE, "sortOrder"),
            ("/Users?attributes=emails%5Btype", VALUE, "attributes"),
            ("/Users/{ada}?excludedAttributes=emails%5Btype", VALUE, "excludedAttributes"),
        ] {
            fixture.refused((Method::GET, path), "", Refused(400, scim_type, detail)).await;
        }
        let long = format!("/Users?filter=userName%20eq%20%22{}%22", "a".repeat(20_000));
        let answered = fixture.app.get(&long).await;
        assert!(answered.status.is_client_error(), "{}", answered.status);
        for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"] {
            let path = format!("{path}?filter=name%20eq%20%22User%22");
            fixture.refused((Method::GET, &path), "", Refused(403, None, "filter")).await;
        }
        fixture.unchanged().await;
    }

    /// PostgreSQL has no text with U+0000 in it: such an id or value is nobody's, and no trouble of the database.
    async fn a_nul_in_a_look_up_finds_nothing(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        for attribute in ["userName", "id", "externalId", "emails.value", "groups.value", "title"] {
            let found = fixture.app.get(&format!("/Users?filter={attribute}%20eq%20%22a%5Cu0000b%22")).await;
            assert_eq!((found.status, &found.body["totalResults"]), (StatusCode::OK, &json!(0)), "{attribute}");
        }
        let found = fixture.app.get("/Groups?filter=members.value%20eq%20%22a%5Cu0000b%22").await;
        assert_eq!((found.status, &found.body["totalResults"]), (StatusCode::OK, &json!(0)));
        for path in ["/Users/%00", "/Users/a%00b", "/Groups/%00"] {
            for method in [Method::GET, Method::DELETE] {
                fixture.refused((method, path), "", Refused(404, None, "not found")).await;
            }
            let mut body = user("eve");
            body["displayName"] = json!("Eve");
            body["schemas"] = json!([]);
            fixture.refused((Method::PUT, path), body.to_string(), Refused(404, None, "not found")).await;
        }
        let gone = json!([{ "op": "remove", "path": "members", "value": [{ "value": "a\u{0}b" }] }]);
        assert_eq!(fixture.app.patch(&fixture.path("/Groups/{group}"), gone).await.status, 200);
        let path = "members[value eq \"a\\u0000b\"]";
        let gone = json!([{ "op": "remove", "path": path }]);
        assert_eq!(fixture.app.patch(&fixture.path("/Groups/{group}"), gone).await.status, 200);
        fixture.unchanged().await;
    }

    /// Nor may a value have it; a member of such an id is one that nobody knows.
    async fn a_nul_in_a_body_is_refused_or_nobody_s(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let (group, nobody) = (fixture.path("/Groups/{group}"), json!({ "value": "a\u{0}b" }));
        for operation in [
            json!({ "op": "add", "path": "members", "value": [nobody] }),
            json!({ "op": "add", "path": "members", "value": nobody }),
            json!({ "op": "add", "value": { "members": [nobody, { "value": fixture.ada }] } }),
            json!({ "op": "add", "path": "members[value eq \"a\\u0000b\"]", "value": { "display": "x" } }),
            json!({ "op": "replace", "path": "members[value eq \"a\\u0000b\"]", "value": { "display": "x" } }),
            json!({ "op": "replace", "path": "members[value eq \"a\\u0000b\"]", "value": nobody }),
            json!({ "op": "replace", "path": "members", "value": [{ "value": fixture.ada }, nobody] }),
            json!({ "op": "replace", "value": { "members": [{ "value": fixture.ada, "display": "a\u{0}b" }, nobody] } }),
            json!({ "op": "remove", "path": "members[value eq \"a\\u0000b\" or value eq \"\\u0000\"]" }),
            json!({ "op": "remove", "path": "members[value sw \"a\\u0000b\"]" }),
            json!({ "op": "remove", "path": "members", "value": [nobody] }),
            json!({ "op": "add", "value": { "a\u{0}b": "x" } }),
        ] {
            let answer = fixture.app.patch(&group, json!([operation])).await;
            assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        }
        for (attribute, value) in [
            ("userName", json!("a\u{0}b")),
            ("externalId", json!("a\u{0}b")),
            ("displayName", json!("\u{0}")),
            ("nickName", json!("a\u{0}")),
            ("name", json!({ "givenName": "a\u{0}b" })),
            ("emails", json!([{ "value": "a\u{0}b" }])),
            ("emails", json!([{ "value": "a@b", "type": "a\u{0}b" }])),
            ("profileUrl", json!("https://a\u{0}b")),
            ("x509Certificates", json!([{ "value": "YQ==", "display": "a\u{0}b" }])),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", json!({ "department": "a\u{0}b" })),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", json!({ "manager": { "value": "a\u{0}b" } })),
        ] {
            let mut body = user("eve");
            body[attribute] = value.clone();
            let operation = json!({ "op": "replace", "value": { attribute: value } });
            let message = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
            for (method, path, body) in
                [(Method::POST, "/Users", &body), (Method::PUT, "/Users/{ada}", &body), (Method::PATCH, "/Users/{ada}", &message)]
            {
                fixture.refused((method, path), body.to_string(), Refused(400, VALUE, "U+0000")).await;
            }
        }
        for (path, body, refused) in [
            ("/Users/{ada}", json!({ "op": "replace", "path": "emails[type eq \"a\\u0000b\"].value", "value": "x" }), Refused(400, VALUE, "U+0000")),
            ("/Users/{ada}", json!({ "op": "replace", "path": "title\u{0}", "value": "x" }), Refused(400, PATH, "Operations[0].path")),
            ("/Groups/{group}", json!({ "op": "replace", "path": "displayName", "value": "a\u{0}b" }), Refused(400, VALUE, "U+0000")),
            // An address is put together when it is answered; here no request is at hand.
            ("/Groups/{group}", json!({ "op": "remove", "path": "members[$ref eq \"a\"]" }), Refused(400, FILTER, "members.$ref")),
        ] {
            let message = json!({ "schemas": [PATCH_OP], "Operations": [body] });
            fixture.refused((Method::PATCH, path), message.to_string(), refused).await;
        }
        let bulk = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            { "method": "PATCH", "path": "/Users/a\u{0}b", "data": { "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "title", "value": "x" }] } },
            { "method": "DELETE", "path": "/Groups/\u{0}" },
            { "method": "POST", "path": "/Users", "bulkId": "a\u{0}b", "data": { "schemas": [USER], "userName": "a\u{0}b" } },
        ] });
        let answer = fixture.app.post("/Bulk", &bulk).await;
        let statuses: Vec<&Value> = answer.body["Operations"].as_array().expect("results").iter().map(|result| &result["status"]).collect();
        assert_eq!(statuses, ["404", "404", "400"], "{}", answer.body);
        fixture.unchanged().await;
    }

    async fn a_body_that_is_too_large(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| config.server.body_limit = 4096).await;
        let fixture = Fixture::new(app).await;
        let mut body = user("eve");
        body["title"] = json!("x".repeat(4096));
        let body = body.to_string();
        let refused = Refused(413, None, "larger than 4096 bytes");
        for to in [(Method::POST, "/Users"), (Method::PUT, "/Users/{ada}"), (Method::PATCH, "/Users/{ada}")] {
            fixture.refused(to, body.clone(), Refused(413, None, "larger than 4096 bytes")).await;
        }
        // In chunks: only what arrives tells how large it is.
        let (app, target) = (&fixture.app, fixture.app.base().to_owned());
        let (host, path) = target.trim_start_matches("http://").split_once('/').expect("a path");
        let head = format!(
            "POST /{path}/Users HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/scim+json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
            app.token()
        );
        let (host, chunk) = (host.to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
        let text = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(host).expect("connects");
            stream.write_all(head.as_bytes()).expect("sent");
            stream.write_all(chunk.as_bytes()).expect("sent");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            text
        })
        .await
        .expect("no panic");
        let (head, json) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 413 ") && head.contains("application/scim+json"), "{text}");
        let json: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!((&json["status"], &json["schemas"]), (&json!("413"), &json!([ERROR])));
        // One byte less is not too large.
        let mut fits = json!({ "schemas": [USER], "displayName": "" });
        let room = 4096 - fits.to_string().len();
        fits["displayName"] = json!("x".repeat(room));
        fixture.refused((Method::POST, "/Users"), fits.to_string(), Refused(400, VALUE, "")).await;
        fits["displayName"] = json!("x".repeat(room + 1));
        let over = fixture.app.request(Method::POST, "/Users").header("Content-Type", "application/scim+json");
        refused.check(&answer(over.body(fits.to_string())).await, "one byte more");
        fixture.unchanged().await;
    }

    /// A long URL is answered like any other, up to the length that the HTTP library reads: beyond it there is no request that
    /// could be answered. A search by POST may be as long as a body.
    async fn a_long_url(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let filter = "x".repeat(65_000);
        let too_long = || Refused(400, FILTER, "longer than 8192 bytes");
        fixture.refused((Method::GET, &format!("/Users?filter={filter}")), "", too_long()).await;
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"];
        let search = json!({ "schemas": schemas, "filter": filter.repeat(3) }).to_string();
        fixture.refused((Method::POST, "/Users/.search"), search, too_long()).await;
        let names = vec!["userName"; 30_000];
        let search = json!({ "schemas": schemas, "attributes": names, "filter": "userName eq \"ada@example.com\"" });
        let found = fixture.app.post("/Users/.search", &search).await;
        assert_eq!((found.status.as_u16(), &found.body["totalResults"]), (200, &json!(1)), "{}", found.body);
        let target = fixture.app.base().trim_start_matches("http://").to_owned();
        let (host, path) = target.split_once('/').expect("a path");
        let query = "x".repeat(66_000);
        let head = format!("GET /{path}/Users?filter={query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let host = host.to_owned();
        let text = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(host).expect("connects");
            stream.write_all(head.as_bytes()).expect("sent");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            text
        })
        .await
        .expect("no panic");
        assert!(text.starts_with("HTTP/1.1 400 ") && text.ends_with("\r\n\r\n"), "{text}");
        fixture.unchanged().await;
    }

    async fn another_media_type(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json-patch+json"] {
            for (method, path) in [(Method::POST, "/Users"), (Method::PUT, "/Users/{ada}"), (Method::PATCH, "/Users/{ada}")] {
                let request = fixture.app.request(method, &fixture.path(path)).header("Content-Type", kind);
                let answered = answer(request.body(user("eve").to_string())).await;
                Refused(415, None, kind).check(&answered, kind);
            }
        }
        for accept in ["text/html", "application/xml, text/*", "application/json;q=0"] {
            let request = fixture.app.request(Method::GET, "/Users").header("Accept", accept);
            Refused(406, None, "Accept").check(&answer(request).await, accept);
        }
        fixture.unchanged().await;
    }

    async fn credentials_that_do_not_do(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let access = fixture.app.app().access();
        let (expired, expired_secret) =
            access.create(NewToken { life: Some(TimeDelta::seconds(-1)), ..NewToken::new(TENANT, "expired", vec![Scope::Scim]) }).await.expect("a token");
        let (revoked, revoked_secret) = access.create(NewToken::new(TENANT, "revoked", vec![Scope::Scim])).await.expect("a token");
        assert!(access.revoke(&revoked.id).await.expect("an answer"));
        assert_ne!(expired.id, revoked.id);
        let good = fixture.app.token().to_owned();
        let mut other = good.clone();
        let last = other.pop().expect("a letter");
        other.push(if last == 'A' { 'B' } else { 'A' });
        let wrong = [
            None,
            Some("Bearer".to_owned()),
            Some("Bearer ".to_owned()),
            Some("Bearer nonsense".to_owned()),
            Some(format!("Bearer {other}")),
            Some(format!("Bearer {good}x")),
            Some(format!("Bearer {expired_secret}")),
            Some(format!("Bearer {revoked_secret}")),
            Some(format!("Basic {good}")),
        ];
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let admin = fixture.app.base().replace("/scim/v2", "/admin/v1/status");
        let mut words = Vec::new();
        for credential in wrong {
            for (method, path) in [
                (Method::GET, "/Users"),
                (Method::POST, "/Users"),
                (Method::PUT, "/Users/{ada}"),
                (Method::PATCH, "/Users/{ada}"),
                (Method::DELETE, "/Users/{ada}"),
                (Method::GET, "/ServiceProviderConfig"),
                (Method::GET, &admin),
            ] {
                // Discovery is open to those who do not say who they are (RFC 7644 section 4).
                if credential.is_none() && path == "/ServiceProviderConfig" {
                    continue;
                }
                let url = if path.starts_with("http") { path.to_owned() } else { fixture.app.base().to_owned() + &fixture.path(path) };
                let mut request = client.request(method, url).body(user("eve").to_string());
                if let Some(credential) = &credential {
                    request = request.header("Authorization", credential);
                }
                let answered = answer(request).await;
                Refused(401, None, "bearer token").check(&answered, path);
                let challenge = answered.headers["www-authenticate"].to_str().expect("text");
                assert!(challenge.starts_with("Bearer "), "{challenge}");
                words.push(answered.body["detail"].clone());
            }
        }
        words.dedup();
        assert_eq!(words.len(), 1, "the words do not tell what is wrong: {words:?}");

        // A live token of another scope: 403, and the scope is named.
        let (_, scim) = access.create(NewToken::new(TENANT, "scim", vec![Scope::Scim])).await.expect("a token");
        let (_, steers) = access.create(NewToken::new(TENANT, "admin", vec![Scope::Admin])).await.expect("a token");
        let users = format!("{}/Users", fixture.app.base());
        for (token, method, url, scope) in [
            (&scim, Method::GET, &admin, "admin"),
            (&steers, Method::GET, &users, "scim"),
            (&steers, Method::POST, &users, "scim"),
        ] {
            let request = client.request(method, url).bearer_auth(token).body(user("eve").to_string());
            Refused(403, None, scope).check(&answer(request).await, url);
        }
        assert_eq!(answer(client.get(&users).bearer_auth(&scim)).await.status, 200);
        assert_eq!(answer(client.get(&admin).bearer_auth(&steers)).await.status, 200);
        // Discovery needs no token, and so no scope either.
        for path in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes/User"] {
            let url = format!("{}{path}", fixture.app.base());
            assert_eq!(answer(client.get(&url).bearer_auth(&steers)).await.status, 200, "{path}");
        }
        fixture.unchanged().await;
    }

    async fn nothing_there(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let absent = "01a00000-0000-7000-8000-000000000000";
        for path in [
            "/Nothing".to_owned(),
            format!("/Users/{}/emails", fixture.ada),
            "/Users/.search/x".to_owned(),
            fixture.app.base().replace("/scim/v2", "/"),
            fixture.app.base().replace("/scim/v2", "/scim/v3/Users"),
            fixture.app.base().replace("/scim/v2", "/admin/v1/nothing"),
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                fixture.refused((method, &path), "", Refused(404, None, "there is nothing at")).await;
            }
        }
        // A user's id is no group's, and the other way about.
        let paths = [
            format!("/Users/{absent}"),
            format!("/Groups/{absent}"),
            "/Users/nonsense".into(),
            "/Users/%FF".into(),
            format!("/Users/{}", "a".repeat(1000)),
            "/Users/{group}".into(),
            "/Groups/{ada}".into(),
        ];
        for path in paths {
            let body = if path.starts_with("/U") { user("eve") } else { json!({ "schemas": [GROUP], "displayName": "G" }) };
            let patch = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "externalId", "value": "x" }] });
            fixture.refused((Method::GET, &path), "", Refused(404, None, "not found")).await;
            fixture.refused((Method::PUT, &path), body.to_string(), Refused(404, None, "not found")).await;
            fixture.refused((Method::PATCH, &path), patch.to_string(), Refused(404, None, "not found")).await;
            fixture.refused((Method::DELETE, &path), "", Refused(404, None, "not found")).await;
        }
        fixture.refused((Method::GET, "/Schemas/urn:nothing"), "", Refused(404, None, "urn:nothing")).await;
        fixture.refused((Method::GET, "/ResourceTypes/Nothing"), "", Refused(404, None, "Nothing")).await;
        fixture.unchanged().await;
    }

    async fn a_method_that_is_not_possible(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        for (method, path, allow) in [
            (Method::PUT, "/Users", "GET, HEAD, POST"),
            (Method::PATCH, "/Users", "GET, HEAD, POST"),
            (Method::DELETE, "/Users", "GET, HEAD, POST"),
            (Method::POST, "/Users/{ada}", "GET, HEAD, PUT, PATCH, DELETE"),
            (Method::DELETE, "/Groups", "GET, HEAD, POST"),
            (Method::POST, "/Groups/{group}", "GET, HEAD, PUT, PATCH, DELETE"),
            (Method::POST, "/ServiceProviderConfig", "GET, HEAD"),
            (Method::PUT, "/Schemas", "GET, HEAD"),
            (Method::PATCH, "/ResourceTypes", "GET, HEAD"),
            (Method::DELETE, "/ResourceTypes/User", "GET, HEAD"),
        ] {
            let answered = fixture.app.send(method.clone(), &fixture.path(path), None).await;
            Refused(405, None, method.as_str()).check(&answered, path);
            assert_eq!(answered.headers["allow"], allow, "{method} {path}");
        }
        fixture.unchanged().await;
    }
}
