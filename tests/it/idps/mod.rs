//! What identity providers put on the wire, shape by shape, over HTTP and on both engines: the answer, what is stored
//! afterwards, and, where it concerns people or groups, that the org gets it. One file for each client; the phases that
//! were recorded whole are in `idp_traces`.

mod authentik;
mod entra;
mod entra_custom;
mod entra_flag;
mod entra_groups;
mod entra_logic_app;
mod entra_on_demand;
mod entra_validator;
mod google;
mod helloid;
mod jumpcloud;
mod keycloak;
mod okta_custom_app;
mod okta_oin_app;
mod okta_spec_test;
mod onelogin;
mod ping;
mod rauthy;
mod sailpoint;
mod strict;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::app::{Answer, OrgState, TestApp, answer};
use super::support::engine::Engine;
use super::support::urn::{ENTERPRISE, ERROR, GROUP, LIST, PATCH_OP, USER};

/// The headers of a client.
struct Style {
    /// Of requests with a body.
    content_type: Option<&'static str>,
    /// Of every request.
    headers: &'static [(&'static str, &'static str)],
}

/// An identity provider that pushes to a bridge.
struct Idp {
    app: TestApp,
    style: &'static Style,
}

impl Idp {
    async fn start(engine: &Engine, style: &'static Style) -> Self {
        Self { app: TestApp::start(engine).await, style }
    }

    /// A request as the client writes it; `Null` is no body.
    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.app.request(method, path);
        for (name, value) in self.style.headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            if let Some(kind) = self.style.content_type {
                request = request.header("Content-Type", kind);
            }
            request = request.body(body.to_string());
        }
        let answer = answer(request).await;
        if answer.status != 204 && path.starts_with('/') {
            assert_eq!(answer.headers["content-type"], "application/scim+json", "{path}");
        }
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &Value::Null).await
    }

    /// Creates a resource; answers its id.
    async fn create(&self, endpoint: &str, body: &Value) -> String {
        let answer = self.send("POST", endpoint, body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.headers["location"].to_str().ok(), answer.body["meta"]["location"].as_str());
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// A PATCH that must succeed with the resource; answers it.
    async fn patch(&self, path: &str, operations: Value) -> Value {
        let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
        let answer = self.send("PATCH", path, &body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        answer.body
    }

    /// The ids that a list holds.
    async fn found(&self, path: &str) -> Vec<String> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        has(&answer.body, &json!({ "schemas": [LIST] }));
        let resources = answer.body["Resources"].as_array().expect("Resources is always there");
        resources.iter().map(|resource| resource["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// Reads a resource, which must be as expected, see [`has`].
    async fn stored(&self, path: &str, expected: &Value) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        has(&answer.body, expected);
        answer.body
    }

    /// The ids of a group's members, sorted.
    async fn members(&self, group: &str) -> Vec<String> {
        let group = self.stored(&format!("/Groups/{group}"), &json!({})).await;
        let members = group["members"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<String> = members.iter().map(|m| m["value"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    }

    /// A user as a body that no client's oddities are in; answers its id.
    async fn somebody(&self, name: &str) -> String {
        self.app.user(name).await
    }

    /// What the org holds once everything was delivered. Nothing may be held or rejected.
    async fn delivered(&self) -> OrgState {
        let status = self.app.settled().await;
        assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "{status}");
        self.app.state().await
    }
}

/// A client that sends no token of itself.
fn without_token() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client")
}

/// Ids in the order in which [`Idp::members`] answers them.
fn sorted(ids: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    ids.sort();
    ids
}

/// Asserts that a document holds at least what is expected: each member of an object, `null` standing for none; of an
/// array each element, and no others.
fn has(document: &Value, expected: &Value) {
    let mut wrong = Vec::new();
    compare(document, expected, "$", &mut wrong);
    assert!(wrong.is_empty(), "{}\nin {document:#}", wrong.join("\n"));
}

fn compare(found: &Value, expected: &Value, at: &str, wrong: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, expected) in expected {
                compare(found.get(name).unwrap_or(&Value::Null), expected, &format!("{at}.{name}"), wrong);
            }
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                compare(found, expected, &format!("{at}[{index}]"), wrong);
            }
        }
        _ if found != expected => wrong.push(format!("{at}: wanted {expected}, got {found}")),
        _ => {}
    }
}

/// Asserts what the org holds of one account.
fn account(org: &OrgState, username: &str, expected: &Value) {
    has(org.user(username).unwrap_or_else(|| panic!("no account {username}")), expected);
}

/// Asserts a refusal.
fn refused(answer: &Answer, status: u16, scim_type: Option<&str>) {
    assert_eq!(answer.status, status, "{}", answer.body);
    has(&answer.body, &json!({ "schemas": [ERROR], "status": status.to_string(), "scimType": scim_type }));
    assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", answer.body);
}

/// Asserts a list without a resource. Clients read one without `Resources` as broken.
fn none(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    has(&answer.body, &json!({ "schemas": [LIST], "totalResults": 0, "itemsPerPage": 0, "Resources": [] }));
}

#[test]
fn a_document_is_compared_in_depth() {
    let document = json!({ "a": 1, "b": [{ "c": "x", "d": 2 }], "e": null });
    has(&document, &json!({ "a": 1, "b": [{ "c": "x" }], "e": null, "f": null }));
    for wrong in
        [json!({ "a": 2 }), json!({ "a": null }), json!({ "b": [] }), json!({ "b": [{ "c": "y" }] }), json!({ "g": 1 })]
    {
        std::panic::catch_unwind(|| has(&document, &wrong)).expect_err(&wrong.to_string());
    }
}
