//! The simulated org, over real HTTP.

mod admin;
mod config;
mod control;
mod custom;
mod faults;
mod groups;
mod lists;
mod login;
mod mishaps;
mod patches;
mod rest;
mod rest_bulk;
mod rest_composite;
mod rest_query;
mod rest_records;
mod switches;
mod users;

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use scim_bridge::sandbox::{Running, Settings, start};
use serde_json::{Value, json};

pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A running org and a client that is logged in.
pub(crate) struct Org {
    pub(crate) running: Running,
    pub(crate) client: Client,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// The `detail` of a SCIM error in Salesforce's form.
    pub(crate) fn detail(&self) -> &str {
        assert_eq!(self.body["schemas"], r#"["urn:ietf:params:scim:api:messages:2.0:Error"]"#, "{self:?}");
        assert_eq!(self.body["status"], self.status, "{self:?}");
        self.body["detail"].as_str().expect("detail")
    }

    /// The code of an error in the form of REST.
    pub(crate) fn code(&self) -> &str {
        self.body[0]["errorCode"].as_str().unwrap_or_else(|| panic!("no REST error: {self:?}"))
    }
}

pub(crate) fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(10)).build().expect("client")
}

impl Org {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let secret = settings.client_secret.clone();
        let id = settings.client_id.clone();
        let running = start(settings).await.expect("start");
        let mut org = Self { running, client: client(), token: String::new() };
        let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)];
        let (status, body) = org.token_request(&form).await;
        assert_eq!(status, 200, "{body}");
        org.token = body["access_token"].as_str().expect("token").to_owned();
        org
    }

    pub(crate) async fn token_request(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/services/oauth2/token", self.running.url());
        let response = self.client.post(url).form(form).send().await.expect("answer");
        (response.status().as_u16(), response.json().await.expect("json"))
    }

    pub(crate) async fn try_call(&self, method: &str, path: &str, body: Option<String>) -> reqwest::Result<Answer> {
        let method = Method::from_bytes(method.as_bytes()).expect("method");
        let mut request = self.client.request(method, format!("{}{path}", self.running.url())).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        assert_ne!(status, StatusCode::SWITCHING_PROTOCOLS);
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status: status.as_u16(), body, headers })
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = (!body.is_null()).then(|| body.to_string());
        self.try_call(method, path, body).await.expect("answer")
    }

    pub(crate) async fn scim(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(method, &format!("/services/scim/v2{path}"), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.scim("GET", path, Value::Null).await
    }

    /// A user search with a filter that still has to be encoded.
    pub(crate) async fn find(&self, filter: &str) -> Answer {
        let encoded: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        self.get(&format!("/Users?filter={encoded}")).await
    }

    /// A pathless patch with one `replace`.
    pub(crate) async fn patch(&self, id: &str, value: Value) -> Answer {
        self.operations(&format!("/Users/{id}"), json!([{"op": "replace", "value": value}])).await
    }

    pub(crate) async fn operations(&self, path: &str, operations: Value) -> Answer {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.scim("PATCH", path, body).await
    }

    /// The id of a profile, permission set, role or group by its name.
    pub(crate) fn id(&self, collection: &str, name: &str) -> String {
        let state = self.running.org().state();
        let found = state[collection].as_array().expect("collection").iter().find(|entry| entry["Name"] == name);
        found.unwrap_or_else(|| panic!("no {name} among {collection}"))["Id"].as_str().expect("id").to_owned()
    }

    /// A whole user as a POST takes it.
    pub(crate) fn person(&self, name: &str) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("{name}@acme.example"), "externalId": format!("ext-{name}"),
            "name": {"familyName": name, "givenName": "Test"},
            "emails": [{"type": "work", "primary": true, "value": format!("{name}@acme.example")}],
            "active": true,
            "entitlements": [{"value": self.id("Profiles", "Standard User")}],
        })
    }

    /// Creates a user; answers its id.
    pub(crate) async fn add(&self, name: &str) -> String {
        let answer = self.scim("POST", "/Users", self.person(name)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_str().expect("id").to_owned()
    }

    /// The user in the org's own words.
    pub(crate) fn user(&self, id: &str) -> Value {
        let state = self.running.org().state();
        let found = state["Users"].as_array().expect("users").iter().find(|user| user["Id"] == id);
        found.unwrap_or_else(|| panic!("no user {id}")).clone()
    }

    /// The ids of a group's members.
    pub(crate) fn members(&self, group: &str) -> Vec<String> {
        let state = self.running.org().state();
        let found = state["Groups"].as_array().expect("groups").iter().find(|entry| entry["Id"] == group);
        let members = &found.unwrap_or_else(|| panic!("no group {group}"))["Members"];
        members.as_array().expect("members").iter().map(|id| id.as_str().expect("id").to_owned()).collect()
    }
}

/// The 15-character form of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..15).expect("an id")
}

/// `document` with `changes` laid over its top level; `null` takes a member away.
pub(crate) fn with(mut document: Value, changes: Value) -> Value {
    let (Value::Object(target), Value::Object(changes)) = (&mut document, changes) else { panic!("objects") };
    for (name, value) in changes {
        if value.is_null() {
            target.shift_remove(&name);
        } else {
            target.insert(name, value);
        }
    }
    document
}
