//! One call to Salesforce: sent with the session, answered whole or not at all, repeated once after a new login.

use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::{counter, histogram};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, header};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::auth::Session;
use super::client::Client;
use super::error::{Cause, Error, Result, bounded, retry_after};
use super::governor::Usage;
use super::settings::Settings;
use crate::clock::SharedClock;

/// Everything but the unreserved characters of RFC 3986 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes `text` for a path segment or the value of a query parameter.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A call to make.
pub(super) struct Call {
    /// Kind of call, a label in metrics.
    pub kind: &'static str,
    /// HTTP method; a `GET` counts as reading.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// JSON body.
    pub body: Option<Value>,
}

impl Call {
    /// A call that only reads.
    pub(super) fn get(kind: &'static str, path: String) -> Self {
        Self { kind, method: Method::GET, path, body: None }
    }

    /// A call with a body.
    pub(super) fn send(kind: &'static str, method: Method, path: String, body: Value) -> Self {
        Self { kind, method, path, body: Some(body) }
    }
}

/// An answer, read whole.
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// Where the next page of a bulk query's results begins.
    pub locator: Option<String>,
    /// API calls of the org, where the answer tells.
    pub usage: Option<Usage>,
    /// The time at the org when it answered.
    pub date: Option<DateTime<Utc>>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON; no body is `Null`.
    pub(super) fn json(&self) -> Result<Value> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|_| self.unreadable())
    }

    /// The error for a success that makes no sense.
    pub(super) fn unreadable(&self) -> Error {
        Error::Unreadable { status: self.status, text: bounded(&String::from_utf8_lossy(&self.body)) }
    }

    /// The error that this answer is. `reading`: the call changed nothing.
    pub(super) fn error(&self, reading: bool) -> Error {
        Error::from_answer(self.status, self.retry_after, &self.body, reading)
    }
}

impl Client {
    /// Makes a call; anything but a success is an error.
    pub(super) async fn call(&self, call: Call) -> Result<Answer> {
        let reading = call.method == Method::GET;
        let answer = self.exchange(call).await?;
        if answer.is_success() { Ok(answer) } else { Err(answer.error(reading)) }
    }

    /// Makes a call and gives its answer, whatever its status. Repeats it once with a new session on 401: Salesforce
    /// has done nothing then.
    pub(super) async fn exchange(&self, call: Call) -> Result<Answer> {
        let session = self.session(None).await?;
        let answer = self.send(&call, &session).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        tracing::debug!(tenant = %self.settings().tenant, kind = call.kind, "session expired, logging in again");
        let session = self.session(Some(&session)).await?;
        self.send(&call, &session).await
    }

    async fn send(&self, call: &Call, session: &Session) -> Result<Answer> {
        let settings = self.settings();
        let place = tokio::time::timeout(settings.call_timeout, self.place()).await;
        let _place = place.map_err(|_| Error::Unreachable("too many calls are under way at once".to_owned()))?;
        count(settings, call.kind);
        let scim = call.path.starts_with("/services/scim/");
        let content_type = if scim { "application/scim+json" } else { "application/json" };
        let results = is_bulk_results(&call.path);
        let limit = if results { settings.body_limit.max(RESULTS_LIMIT) } else { settings.body_limit };
        let mut request = self
            .http()
            .request(call.method.clone(), format!("{}{}", session.base, call.path))
            .bearer_auth(session.token.expose_secret())
            .header(header::ACCEPT, if results { "text/csv" } else { content_type })
            .timeout(settings.call_timeout);
        if let Some(body) = &call.body {
            request = request.header(header::CONTENT_TYPE, content_type).body(body.to_string());
        }
        let started = self.clock().now();
        let answer = exchange(request, limit, call.method == Method::GET, self.clock()).await;
        let now = self.clock().now();
        let seconds = (now - started).to_std().unwrap_or_default();
        let labels = [("tenant", settings.tenant.clone()), ("kind", call.kind.to_owned())];
        histogram!("scim_bridge_salesforce_call_seconds", &labels).record(seconds);
        let answer = answer?;
        let quota = !answer.is_success() && answer.error(true).cause() == Some(Cause::Quota);
        if quota {
            self.governor().exhausted(now);
        } else {
            self.governor().observe(answer.usage, now);
        }
        Ok(answer)
    }
}

/// Bytes of a page of a bulk query's results at most: 20,000 records.
const RESULTS_LIMIT: usize = 100 * 1024 * 1024;

/// Whether a call reads the results of a bulk query, which are CSV.
fn is_bulk_results(path: &str) -> bool {
    path.contains("/jobs/query/") && path.contains("/results?")
}

/// Counts a call.
pub(super) fn count(settings: &Settings, kind: &'static str) {
    counter!("scim_bridge_salesforce_calls_total", "tenant" => settings.tenant.clone(), "kind" => kind).increment(1);
}

/// Sends a request and reads its answer, `limit` bytes at most. `reading`: nothing is changed by it, so an answer that
/// is lost is as good as one that was never asked for.
pub(super) async fn exchange(
    request: RequestBuilder,
    limit: usize,
    reading: bool,
    clock: &SharedClock,
) -> Result<Answer> {
    let mut response = request.send().await.map_err(|error| failure(error, reading))?;
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after(value, clock.now()));
    let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let usage = text("sforce-limit-info").and_then(Usage::of_header);
    let date = text("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
    let locator = text("sforce-locator").map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(error, reading))? {
        if body.len() + chunk.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, retry_after, locator, usage, date, body })
}

fn failure(error: reqwest::Error, reading: bool) -> Error {
    let error = error.without_url();
    let reason = reason(&error);
    if error.is_builder() {
        Error::Misconfigured(format!("no call can be made: {reason}"))
    } else if error.is_connect() || reading {
        Error::Unreachable(reason)
    } else {
        Error::Lost(reason)
    }
}

/// The error with what caused it; the outermost alone is only "error sending request".
fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    bounded(&text)
}
