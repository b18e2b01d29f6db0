//! A call and its answer, freed of the HTTP server.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::store::refusal::Refusal;

/// A call. Without `Debug`, because it carries secrets.
#[derive(Clone, Default)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path, percent-encoded as it came.
    pub path: String,
    /// The query, percent-encoded as it came.
    pub query: String,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `X-HTTP-Method-Override`.
    pub method_override: Option<String>,
    /// `Sforce-Query-Options`.
    pub query_options: Option<String>,
    /// Whether `X-PrettyPrint` was there, whatever it said.
    pub pretty: bool,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The segments of the path, decoded; empty ones are left out.
    pub fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect()
    }

    /// The query parameter `name`, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        form_pairs(&self.query).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        form_pairs(&String::from_utf8_lossy(&self.body))
    }
}

/// The pairs of a query string or a form.
fn form_pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What a call is about: the rows of the counters.
pub(super) type Kind = &'static str;

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`; empty where there is no body.
    pub content_type: &'static str,
    /// Other headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What the call was about.
    pub kind: Kind,
    /// For a write that succeeded: whether anything became different.
    pub changed: Option<bool>,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string().into_bytes())
    }

    /// An answer of any type.
    pub fn of(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, headers: Vec::new(), body, kind: "other", changed: None }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self::of(status, "", Vec::new())
    }

    /// An error in the form of the REST interface: an array.
    pub fn rest_error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!([{"message": message, "errorCode": code}]))
    }

    /// A refused write in the form of the REST interface.
    pub fn rest_refusal(refusal: &Refusal) -> Self {
        let status = if refusal.code == "UNKNOWN_EXCEPTION" { 500 } else { 400 };
        let message = refusal.message.trim_end();
        Self::json(status, &json!([{"message": message, "errorCode": refusal.code, "fields": refusal.fields}]))
    }

    /// An error in Salesforce's own form of a SCIM error: `schemas` is a string that holds JSON, `status` a number, and
    /// there is never a `scimType`.
    pub fn scim_error(status: u16, detail: impl Into<String>) -> Self {
        let body = json!({
            "schemas": "[\"urn:ietf:params:scim:api:messages:2.0:Error\"]",
            "detail": detail.into(),
            "status": status,
        });
        Self::json(status, &body)
    }

    /// What an exception that nobody caught in Salesforce's own code looks like from outside.
    pub fn apex_error(message: &str) -> Self {
        Self::json(500, &json!([{"errorCode": "APEX_ERROR", "message": message}]))
    }

    /// The same answer, as one about `kind`.
    #[must_use]
    pub fn about(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same answer, as one to a write.
    #[must_use]
    pub fn wrote(mut self, changed: bool) -> Self {
        self.changed = Some(changed);
        self
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The body as JSON, `null` where it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The same answer with its JSON indented.
    #[must_use]
    pub fn indented(mut self) -> Self {
        if self.content_type == "application/json"
            && let Ok(body) = serde_json::to_vec_pretty(&self.value())
        {
            self.body = body;
        }
        self
    }
}
