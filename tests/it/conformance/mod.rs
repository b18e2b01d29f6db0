//! What RFC 7643, RFC 7644 and RFC 9865 ask of a service provider, statement by statement, over HTTP and on both engines:
//! those that servers get wrong. Each file defines tests with `statements!`, which also registers them; from the
//! register comes `docs/conformance.md`.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use scim_bridge::config::Config;
use serde_json::{Value, json};

use super::support::app::{Answer, TENANT, TestApp, answer, user};
use super::support::engine::Engine;
use super::support::urn::{DELIVERY, ENTERPRISE, ERROR, GROUP, LIST, PATCH_OP, SEARCH, USER};

/// Makes of each function a test on both engines, and of all of them the file's part of the register. Before the function
/// stand the statement's number, the section that makes it, and the statement in a sentence; then, where there is
/// something to say: `note` and a text; `by default` and what is tolerated, `strict` and what the RFC has, which a token
/// made with `strict` is answered.
macro_rules! statements {
    ($(
        $number:literal, $section:literal, $sentence:literal,
        $( note $note:literal, )?
        $( by default $lenient:literal, strict $strict:literal, )?
        async fn $name:ident($engine:ident: Engine) $body:block
    )+) => {
        pub(super) const STATEMENTS: &[super::Statement] = &[$(super::Statement {
            number: $number,
            section: $section,
            sentence: $sentence,
            test: concat!(module_path!(), "::", stringify!($name)),
            note: concat!($($note)?),
            leniency: super::Leniency { default: concat!($($lenient)?), strict: concat!($($strict)?) },
        }),+];

        $( both_engines! { async fn $name($engine: Engine) $body } )+
    };
}

mod attributes;
mod bulk;
mod create_put;
mod discovery;
mod document;
mod extended;
mod filters;
mod lists;
mod patch;
mod projection;
mod tenants;
mod versions_errors;

/// `scimType` as RFC 7644 table 9 and RFC 9865 2.1 have it.
const SCIM_TYPES: [&str; 13] = [
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
    "invalidCursor",
    "expiredCursor",
    "invalidCount",
];

/// A statement and the test that it holds.
struct Statement {
    number: u8,
    section: &'static str,
    sentence: &'static str,
    /// Path of the module that has the test on both engines.
    test: &'static str,
    /// Empty where there is nothing to say.
    note: &'static str,
    leniency: Leniency,
}

/// Where the default tolerates what a strict token is refused. Both are empty where there is no difference.
struct Leniency {
    default: &'static str,
    strict: &'static str,
}

/// A client without a token.
fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client")
}

/// Somebody with a token of their own.
struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    async fn with(app: &TestApp, token: NewToken) -> Self {
        let (_, token) = app.app().access().create(token).await.expect("a token");
        Self { http: http(), base: app.base().to_owned(), token }
    }

    /// With a token of this tenant.
    async fn of(app: &TestApp, tenant: &str) -> Self {
        Self::with(app, NewToken::new(tenant, "client", vec![Scope::Scim])).await
    }

    /// Who is answered as the RFC has it.
    async fn strict(app: &TestApp) -> Self {
        Self::with(app, NewToken { strict: true, ..NewToken::new(TENANT, "strict", vec![Scope::Scim]) }).await
    }

    /// Who is the user of this id.
    async fn speaks_for(app: &TestApp, user: &str) -> Self {
        let user = Some(user.to_owned());
        Self::with(app, NewToken { user, ..NewToken::new(TENANT, "person", vec![Scope::Scim]) }).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.http.request(method, url).bearer_auth(&self.token)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header("Content-Type", "application/scim+json");
        answer(request.body(body.to_string())).await
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send(Method::PATCH, path, &patch(operations)).await
    }
}

/// A PATCH message of these operations.
fn patch(operations: impl Into<Value>) -> Value {
    let operations = operations.into();
    json!({ "schemas": [PATCH_OP], "Operations": operations })
}

/// As a value in a query string.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The userName or displayName of each resource of a list, in its order.
fn names(list: &Value) -> Vec<String> {
    let resources = list["Resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |r: &Value| if r["userName"].is_null() { r["displayName"].clone() } else { r["userName"].clone() };
    resources.iter().map(|r| name(r).as_str().unwrap_or("?").trim_end_matches("@example.com").to_owned()).collect()
}

/// The names of those that a filter finds, sorted.
async fn found(app: &TestApp, endpoint: &str, filter: &str) -> Vec<String> {
    let answer = app.get(&format!("{endpoint}?filter={}", encoded(filter))).await;
    assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
    let mut names = names(&answer.body);
    assert_eq!(answer.body["totalResults"], json!(names.len()), "{filter}: {}", answer.body);
    names.sort();
    names
}

/// Checks that each filter finds these, and that the opposite of its opposite, which no index answers, finds the same.
async fn finds(app: &TestApp, endpoint: &str, cases: &[(&str, &[&str])]) {
    for (filter, wanted) in cases {
        assert_eq!(found(app, endpoint, filter).await, *wanted, "{endpoint} {filter}");
        let scanned = format!("not (not ({filter}))");
        assert_eq!(found(app, endpoint, &scanned).await, *wanted, "{endpoint} {scanned}");
    }
}

/// Checks a refusal (RFC 7644 3.12); no `scim_type` is "".
fn refused(answer: &Answer, status: u16, scim_type: &str, request: &str) {
    let body = &answer.body;
    assert_eq!(answer.status.as_u16(), status, "{request}: {body}");
    assert_eq!(answer.headers["content-type"], "application/scim+json", "{request}");
    assert_eq!(body["schemas"], json!([ERROR]), "{request}");
    assert_eq!(body["status"], json!(status.to_string()), "{request}");
    assert_eq!(body.get("scimType").and_then(Value::as_str).unwrap_or_default(), scim_type, "{request}: {body}");
    assert!(scim_type.is_empty() || SCIM_TYPES.contains(&scim_type), "{scim_type}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{request}: {body}");
    assert!(body.get("Resources").is_none(), "{request}");
}

/// The id of what was created.
fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

/// Creates a user who differs from [`user`] in these attributes; answers the id.
async fn user_with(app: &TestApp, name: &str, attributes: Value) -> String {
    let mut body = user(name);
    body.as_object_mut().expect("an object").extend(attributes.as_object().expect("an object").clone());
    id_of(&app.post("/Users", &body).await)
}

fn group_body(name: &str) -> Value {
    json!({ "schemas": [GROUP], "displayName": name })
}

fn keys(resource: &Value) -> BTreeSet<&str> {
    resource.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// ada: an active countess of Sales. bob: inactive, two addresses, ada his manager. eve: nothing but what everybody has.
/// The group Sales has ada and bob, the group Empty nobody.
struct Directory {
    app: TestApp,
    ada: String,
    bob: String,
    eve: String,
    sales: String,
}

impl Directory {
    async fn new(engine: &Engine) -> Self {
        Self::configured(engine, |_| {}).await
    }

    async fn configured(engine: &Engine, configure: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::start_with(engine, |_| {}, configure).await;
        let attributes = json!({
            "displayName": "Ada Lovelace", "title": "Countess", "profileUrl": "https://example.com/Ada",
            ENTERPRISE: { "department": "Sales", "employeeNumber": "7" },
        });
        let ada = user_with(&app, "ada", attributes).await;
        let attributes = json!({
            "displayName": "Bob", "active": false,
            "emails": [{ "value": "bob@home.example", "type": "home" }, { "value": "b@work.example", "type": "work" }],
            ENTERPRISE: { "department": "Support", "manager": { "value": ada, "$ref": format!("../Users/{ada}") } },
        });
        let bob = user_with(&app, "bob", attributes).await;
        let eve = app.user("eve").await;
        let sales = app.group("Sales", &[&ada, &bob]).await;
        app.group("Empty", &[]).await;
        Self { app, ada, bob, eve, sales }
    }

    /// All resources as they are answered.
    async fn snapshot(&self) -> (Value, Value) {
        (self.app.get("/Users").await.body, self.app.get("/Groups").await.body)
    }
}
