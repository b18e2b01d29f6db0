//! `openapi.yaml` says what the server does: every route and no other, and every answer as it is described.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use scim_bridge::config::{Adopt, Config};
use scim_bridge::http::openapi;
use scim_bridge::http::routes::{ROUTES, Route};
use serde_json::{Value, json};

use super::deliveries::{seed, until};
use super::entitlements::tenant;
use super::support::app::{TENANT, TestApp, user};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ME: &str = "/scim/v2/Me";
const SCIM: &str = "application/scim+json";
const DELIVERY: &str = "urn:scim-bridge:schemas:extension:delivery:1.0";

/// The file in the repository.
fn committed() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    let text = std::fs::read_to_string(path).expect("openapi.yaml");
    serde_saphyr::from_str(&text).expect("YAML")
}

#[test]
fn describes_every_route_and_no_other() {
    let document = committed();
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let routes: BTreeSet<_> = ROUTES.iter().map(|r| (r.method.to_owned(), r.path.to_owned())).collect();
    assert_eq!(described, routes);
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let security = operation.get("security").and_then(Value::as_array);
        let open = security.is_some_and(|ways| ways.is_empty() || ways.contains(&json!({})));
        assert_eq!(open, route.scope.is_none(), "{} {}: whether a token is needed", route.method, route.path);
    }
    let ids: Vec<&Value> =
        ROUTES.iter().map(|r| &document["paths"][r.path][r.method.to_lowercase()]["operationId"]).collect();
    let different: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), ids.len(), "operation ids are unique: {ids:?}");
}

#[test]
fn the_files_in_the_repository_are_those_that_the_code_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = openapi::files().expect("files");
    assert!(files.iter().any(|(name, _)| name == "openapi.yaml") && files.len() > 20);
    for (name, text) in &files {
        let stored = std::fs::read_to_string(root.join(name)).unwrap_or_default();
        assert!(stored == *text, "{name} is stale: run scim-bridge schema");
    }
    // And nothing lies about that the code no longer makes. Both are read by the code itself.
    let made: BTreeSet<_> = files.iter().map(|(name, _)| root.join(name)).collect();
    for folder in ["schema", "schema/models", "schema/scim"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let source = path.ends_with("scim/common-attributes.json");
            assert!(path.is_dir() || source || made.contains(&path), "{} is made by nothing", path.display());
        }
    }
}

/// Asks, and holds every answer against the description.
struct Witness<'a> {
    app: &'a TestApp,
    document: Value,
    client: reqwest::Client,
    /// A token that is a user's, for `/Me`.
    mine: String,
    /// Method, path of the table and status of each answer seen.
    seen: BTreeSet<(String, String, u16)>,
}

impl<'a> Witness<'a> {
    async fn new(app: &'a TestApp) -> Self {
        let client = reqwest::Client::builder().build().expect("a client");
        let url = app.base().replace("/scim/v2", "/openapi.json");
        let document = app.get(&url).await.body;
        Self { app, document, client, mine: String::new(), seen: BTreeSet::new() }
    }

    fn request(&self, method: &str, path: &str, id: &str, query: &str) -> reqwest::RequestBuilder {
        let root = self.app.base().trim_end_matches("/scim/v2");
        let method: Method = method.parse().expect("a method");
        self.client.request(method, format!("{root}{}{query}", path.replace("{id}", id)))
    }

    /// With a token that may do what the route does.
    fn as_user(&self, request: reqwest::RequestBuilder, path: &str) -> reqwest::RequestBuilder {
        request.bearer_auth(if path == ME { &self.mine } else { self.app.token() })
    }

    /// Sends a request and checks status, media type and body of the answer.
    async fn sees(&mut self, (method, path): (&str, &str), request: reqwest::RequestBuilder, expected: u16) -> Value {
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let place = format!("{method} {path} {status}");
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("text").to_owned());
        let text = answer.text().await.expect("a body");
        assert_eq!(status, expected, "{place}: {text}");
        let described = &self.document["paths"][path][method.to_lowercase()]["responses"][status.to_string()];
        assert!(!described.is_null(), "{place} is not described");
        self.seen.insert((method.into(), path.into(), status));
        let Some(content) = described.get("content") else {
            assert!(text.is_empty() && kind.is_none(), "{place} has a body that is not described");
            return Value::Null;
        };
        let kind = kind.expect("a media type");
        let essence = kind.split(';').next().expect("a part").trim();
        let schema = content.get(essence).unwrap_or_else(|| panic!("{place}: {essence} is not described"));
        let body = match essence {
            "application/scim+json" | "application/json" => serde_json::from_str(&text).expect("JSON"),
            "application/yaml" => serde_saphyr::from_str(&text).expect("YAML"),
            _ => Value::String(text),
        };
        let mut schema = schema["schema"].clone();
        schema["components"] = self.document["components"].clone();
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        let validator = jsonschema::validator_for(&schema).unwrap_or_else(|e| panic!("{place}: {e}"));
        let wrong: Vec<String> = validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{place}: {}\n{body}", wrong.join("\n"));
        body
    }

    async fn good(&mut self, route: (&str, &str), id: &str, query: &str, body: Option<&Value>, status: u16) -> Value {
        let mut request = self.as_user(self.request(route.0, route.1, id, query), route.1);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/scim+json").body(body.to_string());
        }
        self.sees(route, request, status).await
    }

    /// A bulk request of operations that succeed, that fail, and that make no sense.
    async fn bulk(&mut self, user: &str) {
        let wilma =
            json!({ "method": "POST", "path": "/Users", "bulkId": "w", "data": super::support::app::user("wilma") });
        let rename = json!({ "externalId": "bulk" });
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "value": rename }],
        });
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "failOnErrors": 9,
            "Operations": [
                wilma,
                wilma,
                { "method": "PATCH", "path": format!("/Users/{user}"), "version": "*", "data": patch },
                { "method": "DELETE", "path": "/Users/nobody" },
                { "method": "PUT", "path": "/Groups/nothing", "data": { "members": [{ "value": "bulkId:w" }] } },
                { "method": "POST", "path": "/Groups", "data": {}, "bulkId": "g" },
                { "method": "GET", "path": "/Me" },
            ],
        });
        let answer = self.good(("POST", "/scim/v2/Bulk"), "", "", Some(&body), 200).await;
        let results = answer["Operations"].as_array().expect("results");
        let statuses: Vec<&str> = results.iter().filter_map(|result| result["status"].as_str()).collect();
        assert_eq!(statuses, ["400", "400", "200", "404", "409", "400", "400"]);
    }

    /// The refusals that a route describes and that a client can bring about.
    async fn refusals(&mut self, route: &Route, id: &str, wrong_scope: &str) {
        let at = (route.method, route.path);
        let described = self.document["paths"][route.path][route.method.to_lowercase()]["responses"].clone();
        let sends = matches!(route.method, "POST" | "PUT" | "PATCH");
        let body = |kind: &str, text: &str, request: reqwest::RequestBuilder| {
            if sends { request.header("Content-Type", kind).body(text.to_owned()) } else { request }
        };
        for status in described.as_object().expect("responses").keys() {
            let status: u16 = status.parse().expect("a status");
            let discovery = route.path.contains("/scim/v2/S") || route.path.contains("/ResourceTypes");
            let query = match status {
                // Of a deletion it is Salesforce's word.
                400 if route.method == "DELETE" => continue,
                400 if !sends => "?attributes=emails%5B&count=all",
                // It asks for no scope, and takes no filter.
                403 if discovery => "?filter=id%20pr",
                _ => "",
            };
            let id = if status == 404 { "nothing" } else { id };
            let (method, path) = at;
            let request = self.request(method, path, id, query);
            let request = match status {
                400 => body(SCIM, "{", self.as_user(request, path)),
                401 if discovery => request.bearer_auth("wrong"),
                401 => body(SCIM, "{}", request),
                412 => {
                    let text = match (method, path.contains("Groups")) {
                        ("PATCH", _) => json!({
                            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                            "Operations": [{ "op": "remove", "path": "externalId" }],
                        }),
                        (_, true) => json!({ "schemas": [GROUP], "displayName": "Sales" }),
                        _ => user("eve"),
                    };
                    body(SCIM, &text.to_string(), self.as_user(request, path)).header("If-Match", "W/\"0\"")
                }
                403 => body(SCIM, "{}", request.bearer_auth(wrong_scope)),
                404 if path.contains("{id}") => {
                    let text = match (method, path.contains("Users")) {
                        ("PATCH", _) => json!({
                            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                            "Operations": [{ "op": "remove", "path": "externalId" }],
                        }),
                        (_, true) => user("nobody"),
                        _ => json!({ "schemas": [GROUP], "displayName": "Nothing" }),
                    };
                    body(SCIM, &text.to_string(), self.as_user(request, path))
                }
                406 => body(SCIM, "{}", self.as_user(request, path).header("Accept", "text/html")),
                413 => body(SCIM, &"x".repeat(5000), self.as_user(request, path)),
                501 => body(SCIM, "{}", request.bearer_auth(self.app.token())),
                415 => body("text/plain", "{}", self.as_user(request, path)),
                _ => continue,
            };
            self.sees(at, request, status).await;
        }
    }
}

/// Others that want the names of a user and a group that are there, by PUT and by PATCH.
async fn conflicts(witness: &mut Witness<'_>, eve: &Value, group: &Value) {
    let (users, one) = ("/scim/v2/Users", "/scim/v2/Users/{id}");
    let mut bob = user("bob");
    let other = witness.good(("POST", users), "", "", Some(&bob), 201).await["id"].as_str().expect("an id").to_owned();
    bob["userName"] = eve["userName"].clone();
    witness.good(("PUT", one), &other, "", Some(&bob), 409).await;
    let rename = |path: &str, name: &Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": path, "value": name }],
        })
    };
    witness.good(("PATCH", one), &other, "", Some(&rename("userName", &eve["userName"])), 409).await;
    let west = witness.app.group("West Sales", &[]).await;
    witness.good(("PUT", "/scim/v2/Groups/{id}"), &west, "", Some(group), 409).await;
    let renamed = rename("displayName", &group["displayName"]);
    witness.good(("PATCH", "/scim/v2/Groups/{id}"), &west, "", Some(&renamed), 409).await;
}

/// What the bridge says about itself.
async fn discovery(witness: &mut Witness<'_>) {
    for path in ["ServiceProviderConfig", "ResourceTypes", "Schemas"] {
        let path = format!("/scim/v2/{path}");
        witness.good(("GET", &path), "", "", None, 200).await;
        witness.good(("GET", &path), "", "?filter=x", None, 403).await;
    }
    for kind in ["User", "Group"] {
        witness.good(("GET", "/scim/v2/ResourceTypes/{id}"), kind, "", None, 200).await;
    }
    for schema in [GROUP, DELIVERY, "urn:ietf:params:scim:schemas:core:2.0:User"] {
        witness.good(("GET", "/scim/v2/Schemas/{id}"), schema, "", None, 200).await;
    }
}

/// Lists in order and by cursor, and searches by body, of each kind and of both.
async fn searches(witness: &mut Witness<'_>, all: &str) {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "cursor": "", "count": 1, "sortBy": "id",
    });
    for path in ["/scim/v2/Users", "/scim/v2/Groups", "/scim/v2"] {
        for query in ["?cursor=&count=1&sortBy=id", "?sortBy=meta.created&sortOrder=descending", all] {
            witness.good(("GET", path), "", query, None, 200).await;
        }
        witness.good(("POST", &format!("{path}/.search")), "", "", Some(&body), 200).await;
    }
}

/// A token that is a user's.
async fn token_of(app: &TestApp, user: &str) -> String {
    let new = NewToken { user: Some(user.to_owned()), ..NewToken::new(TENANT, "mine", vec![Scope::Scim]) };
    app.app().access().create(new).await.expect("a token").1
}

/// Orders on a delivery that waits for a person, which do something, and once more, when they do nothing.
async fn orders(witness: &mut Witness<'_>) {
    seed(witness.app, "asked@example.com", true, &[]);
    let id = witness.app.user("asked").await;
    let path = format!("/Users/{id}");
    until(witness.app, &path, "held").await;
    for (order, state) in [("retry", "held"), ("discard", "rejected"), ("retry", "held"), ("release", "delivered")] {
        let route = format!("/admin/v1/deliveries/{{id}}/{order}");
        witness.good(("POST", &route), &id, "", None, 200).await;
        until(witness.app, &path, state).await;
    }
    for order in ["retry", "discard", "release"] {
        witness.good(("POST", &format!("/admin/v1/deliveries/{{id}}/{order}")), &id, "", None, 409).await;
    }
}

/// Somebody who wants another's name for themselves, and somebody who is no more.
async fn conflicts_of_mine(witness: &mut Witness<'_>) {
    let eve = std::mem::take(&mut witness.mine);
    let id = witness.app.user("carl").await;
    witness.mine = token_of(witness.app, &id).await;
    let rename = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "userName", "value": "eve@example.com" }],
    });
    witness.good(("PUT", ME), "", "", Some(&user("eve")), 409).await;
    witness.good(("PATCH", ME), "", "", Some(&rename), 409).await;
    witness.good(("DELETE", ME), "", "", None, 204).await;
    for (method, body) in [("GET", None), ("PUT", Some(&user("carl"))), ("PATCH", Some(&rename)), ("DELETE", None)] {
        witness.good((method, ME), "", "", body, 404).await;
    }
    witness.mine = eve;
}

/// Of what is described, what was never seen: only what a client cannot bring about.
fn nothing_else_is_described(witness: &Witness<'_>) {
    for route in ROUTES {
        let responses = &witness.document["paths"][route.path][route.method.to_lowercase()]["responses"];
        for status in responses.as_object().expect("responses").keys() {
            let status: u16 = status.parse().expect("a status");
            let key = (route.method.to_owned(), route.path.to_owned(), status);
            assert!(
                // Of a deletion 400 is Salesforce's word, where answers wait for it.
                witness.seen.contains(&key)
                    || matches!(status, 429 | 500 | 503)
                    || (route.method, status) == ("DELETE", 400),
                "{} {} is said to answer {status}, which was not seen",
                route.method,
                route.path
            );
        }
    }
}

both_engines! {
    async fn answers_are_as_described(engine: Engine) {
        let configure = |config: &mut Config| {
            config.server.body_limit = 4096;
            tenant(config).accounts.adopt = Adopt::Ask;
        };
        let app = TestApp::start_with(&engine, |_| {}, configure).await;
        let mut witness = Witness::new(&app).await;
        let mut eve = user("eve");
        eve["name"] = json!({ "givenName": "Eve", "familyName": "Moss", "formatted": "Eve Moss" });
        eve["addresses"] = json!([{ "type": "work", "country": "DE", "locality": "Bonn", "primary": true }]);
        eve["phoneNumbers"] = json!([{ "value": "+49 228 1", "type": "mobile" }]);
        eve["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = json!({ "department": "Sales" });
        let users = "/scim/v2/Users";
        let one = "/scim/v2/Users/{id}";
        let created = witness.good(("POST", users), "", "", Some(&eve), 201).await;
        let id = created["id"].as_str().expect("an id").to_owned();
        witness.good(("POST", users), "", "", Some(&eve), 409).await;
        let members = json!([{ "value": id }]);
        let group = json!({ "schemas": [GROUP], "displayName": "Sales", "members": members });
        let groups = "/scim/v2/Groups";
        let made = witness.good(("POST", groups), "", "", Some(&group), 201).await;
        let group_id = made["id"].as_str().expect("an id").to_owned();
        witness.good(("POST", groups), "", "", Some(&group), 409).await;
        app.settled().await;
        witness.mine = token_of(&app, &id).await;

        let all = format!("?attributes={DELIVERY},userName,displayName,members,groups,meta");
        for query in ["", "?attributes=id", "?excludedAttributes=userName,displayName,meta", "?count=0", &all] {
            witness.good(("GET", users), "", query, None, 200).await;
            witness.good(("GET", groups), "", query, None, 200).await;
            let seen = witness.good(("GET", one), &id, query, None, 200).await;
            assert_eq!(seen["id"], json!(id));
            witness.good(("GET", "/scim/v2/Groups/{id}"), &group_id, query, None, 200).await;
            witness.good(("GET", ME), "", query, None, 200).await;
        }
        searches(&mut witness, &all).await;
        for (path, id) in [(one, &id), ("/scim/v2/Groups/{id}", &group_id), (ME, &id)] {
            let request = witness.as_user(witness.request("GET", path, id, ""), path).header("If-None-Match", "*");
            witness.sees(("GET", path), request, 304).await;
        }
        for (path, id, mut body, patched) in [
            (one, &id, eve.clone(), json!({ "op": "replace", "path": "title", "value": "Countess" })),
            (ME, &id, eve.clone(), json!({ "op": "replace", "path": "title", "value": "Queen" })),
            ("/scim/v2/Groups/{id}", &group_id, group.clone(), json!({ "op": "add", "path": "externalId", "value": "x" })),
        ] {
            body["externalId"] = json!("other");
            for query in ["", "?attributes=externalId"] {
                witness.good(("PUT", path), id, query, Some(&body), 200).await;
                let patch = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [patched] });
                witness.good(("PATCH", path), id, query, Some(&patch), 200).await;
            }
        }
        witness.bulk(&id).await;
        discovery(&mut witness).await;
        witness.good(("GET", "/admin/v1/status"), "", "", None, 200).await;
        witness.good(("GET", "/admin/v1/users/{id}/plan"), &id, "", None, 200).await;
        witness.good(("GET", "/admin/v1/deliveries"), "", "?state=delivered,held&count=1", None, 200).await;
        orders(&mut witness).await;
        for route in ROUTES.iter().filter(|route| route.scope.is_none()) {
            let id = if route.path.contains("Schemas") { GROUP } else { "User" };
            let request = witness.request(route.method, route.path, id, "");
            witness.sees((route.method, route.path), request, 200).await;
        }

        conflicts(&mut witness, &eve, &group).await;
        conflicts_of_mine(&mut witness).await;
        let west = app.group("Large", &[]).await;

        let access = app.app().access();
        let (_, scim) = access.create(NewToken::new(TENANT, "s", vec![Scope::Scim])).await.expect("a token");
        let (_, admin) = access.create(NewToken::new(TENANT, "a", vec![Scope::Admin])).await.expect("a token");
        for route in ROUTES {
            let wrong = if route.scope == Some(Scope::Admin) { &scim } else { &admin };
            let id = if route.path.contains("Groups") { &group_id } else { &id };
            witness.refusals(route, id, wrong).await;
        }

        // A group so large that a PATCH of it is not answered with all of it.
        for n in 0..101 {
            let id = app.user(&format!("member{n}")).await;
            let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
            let expected = if n < 100 { 200 } else { 204 };
            assert_eq!(app.patch(&format!("/Groups/{west}"), add).await.status.as_u16(), expected, "{n}");
        }
        let add = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "add", "path": "members", "value": [{ "value": id }] }],
        });
        witness.good(("PATCH", "/scim/v2/Groups/{id}"), &west, "", Some(&add), 204).await;
        witness.good(("DELETE", one), &id, "", None, 204).await;
        witness.good(("DELETE", "/scim/v2/Groups/{id}"), &group_id, "", None, 204).await;

        nothing_else_is_described(&witness);
    }
}
