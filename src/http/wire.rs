//! What goes over the wire: bodies in, answers out.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_core::Stream;
use serde::Serialize;
use serde_json::Value;

use crate::provisioning;
use crate::{db, scim};

use super::json;

/// The media type of every answer (RFC 7644 3.1).
pub(super) const SCIM_JSON: &str = "application/scim+json";

/// Why a request was refused, before it becomes an answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: scim::Error,
    pub(super) retry_after: Option<u32>,
    pub(super) allow: Option<String>,
}

impl From<scim::Error> for Refusal {
    fn from(error: scim::Error) -> Self {
        Self { error, retry_after: None, allow: None }
    }
}

impl From<db::Error> for Refusal {
    /// The cause is logged here, once, and never told: it may name paths or hosts.
    fn from(error: db::Error) -> Self {
        if error.is_transient() {
            tracing::warn!(%error, "the database did not answer");
            let error = scim::Error::new(503, "the service is busy; try again");
            Self { error, retry_after: Some(5), allow: None }
        } else {
            tracing::error!(%error, cause = ?std::error::Error::source(&error), "request failed");
            scim::Error::new(500, "internal error").into()
        }
    }
}

impl From<provisioning::Error> for Refusal {
    fn from(error: provisioning::Error) -> Self {
        match error {
            provisioning::Error::Scim(error) => error.into(),
            provisioning::Error::Database(error) => error.into(),
        }
    }
}

impl Refusal {
    /// The answer (RFC 7644 3.12).
    pub(super) fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"scim-bridge\""));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        response.content_type(SCIM_JSON).body(self.error.to_json().to_string())
    }
}

/// A SCIM answer.
pub(super) fn answer(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    match serde_json::to_string(body) {
        Ok(text) => HttpResponse::build(status).content_type(SCIM_JSON).body(text),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            Refusal::from(scim::Error::new(500, "internal error")).response()
        }
    }
}

fn header<'r>(request: &'r HttpRequest, name: &actix_web::http::header::HeaderName) -> Option<&'r str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The type without parameters, in lower case.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media range of `Accept` has the weight 0: it is what the client does not take (RFC 9110 12.4.2).
fn is_unwanted(range: &str) -> bool {
    let mut parameters = range.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    parameters.any(|(name, weight)| {
        name.trim().eq_ignore_ascii_case("q") && weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
    })
}

/// Refuses what asks for an answer in another format than JSON (RFC 7644 3.8).
pub(super) fn check_accept(request: &HttpRequest) -> Result<(), Refusal> {
    let Some(accept) = header(request, &ACCEPT) else { return Ok(()) };
    let fits = accept.split(',').filter(|kind| !is_unwanted(kind)).map(essence).any(|kind| {
        // `*` for any type is an old habit, of Java's HttpURLConnection among others.
        matches!(kind.as_str(), "" | "*/*" | "*" | "application/*" | "application/json" | "application/scim+json")
    });
    if fits {
        return Ok(());
    }
    Err(scim::Error::new(406, format!("Accept: answers are {SCIM_JSON} or application/json")).into())
}

/// Reads a JSON body of at most `limit` bytes.
pub(super) async fn body(request: &HttpRequest, payload: &mut web::Payload, limit: usize) -> Result<Value, Refusal> {
    if let Some(kind) = header(request, &CONTENT_TYPE)
        && !matches!(essence(kind).as_str(), "application/scim+json" | "application/json" | "")
    {
        let detail = format!("Content-Type {kind}: send {SCIM_JSON} or application/json");
        return Err(scim::Error::new(415, detail).into());
    }
    let too_large = || scim::Error::new(413, format!("the body is larger than {limit} bytes"));
    let announced = header(request, &CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large().into());
    }
    let mut bytes = web::BytesMut::new();
    let mut stream = std::pin::pin!(payload);
    while let Some(chunk) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        let chunk = chunk.map_err(|e| scim::Error::invalid_syntax(format!("the body broke off: {e}")))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large().into());
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.is_empty() {
        return Err(scim::Error::invalid_syntax("the body is empty; send a JSON object").into());
    }
    json::parse(&bytes).map_err(|e| scim::Error::invalid_syntax(format!("the body is not JSON: {e}")).into())
}
