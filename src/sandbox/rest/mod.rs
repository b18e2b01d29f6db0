//! `/services/data/vN.0`: the part of the REST interface that does what SCIM cannot.
//!
//! `soql` reads and evaluates queries over any records; `schema` names the objects and fields, `world` finds their values
//! in the store, `write` is the one place where records change. `sobjects`, `query`, `composite` and `bulk` are forms
//! of the same.

mod bulk;
mod collections;
mod composite;
mod describe;
mod fault;
mod limits;
mod query;
mod render;
mod schema;
mod settings;
mod sobjects;
mod soql;
mod state;
mod world;
mod write;

use serde_json::{Map, Value};

use self::fault::Fault;
pub(super) use self::limits::{user_info, versions};
pub use self::settings::{BulkPace, RestSettings};
pub(super) use self::state::State;
use super::org::Visit;
use super::wire::{Reply, Request};

/// Whether a segment is an interface version, `v66.0`.
pub(super) fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
    number.is_some_and(|number| {
        !number.is_empty() && number.len() < 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A call below the version.
struct Call<'a> {
    /// The call.
    request: &'a Request,
    /// `/services/data/vN.0`, as the caller spelt it.
    base: &'a str,
}

impl Call<'_> {
    fn is_json(&self) -> bool {
        let kind = self.request.content_type.as_deref();
        kind.is_some_and(|kind| kind.to_lowercase().starts_with("application/json"))
    }

    /// The body as JSON.
    fn json(&self) -> Result<Value, Fault> {
        if !self.is_json() {
            return Err(Fault::new("UNSUPPORTED_MEDIA_TYPE", "The content type is not supported").with_status(415));
        }
        serde_json::from_slice(&self.request.body).map_err(|error| {
            let message = format!("Unexpected character at [line:{}, column:{}]", error.line(), error.column());
            Fault::new("JSON_PARSER_ERROR", message)
        })
    }

    /// The body as an object with fields.
    fn body(&self) -> Result<Map<String, Value>, Fault> {
        let Value::Object(mut object) = self.json()? else {
            let message = "The HTTP entity body is required, but this request has no entity body.";
            return Err(Fault::new("JSON_PARSER_ERROR", message));
        };
        object.shift_remove("attributes");
        Ok(object)
    }
}

/// Answers a call below the version.
pub(super) fn answer(visit: &mut Visit<'_>, request: &Request, version: &str, segments: &[&str]) -> Reply {
    if !world::may(visit.settings, &visit.inner.rest, "PermissionsApiEnabled") {
        let message = "The REST API is not enabled for this Organization.";
        return Reply::rest_error(403, "API_DISABLED_FOR_ORG", message);
    }
    let base = format!("/services/data/{version}");
    let call = Call { request, base: &base };
    dispatch(visit, &call, segments)
}

fn dispatch(visit: &mut Visit<'_>, call: &Call<'_>, segments: &[&str]) -> Reply {
    let allowed = match (segments, call.request.method.as_str()) {
        ([], "GET") => return limits::resources(call).about("discovery"),
        (["limits"], "GET") => return limits::limits(visit).about("limits"),
        (["query" | "queryAll"], "GET") => return query::query(visit, call).about("query"),
        (["query" | "queryAll", locator], "GET") => return query::next_page(visit, call, locator).about("query"),
        (["sobjects", rest @ ..], _) => return sobjects::answer(visit, call, rest),
        (["jobs", rest @ ..], _) => return bulk::answer(visit, call, rest),
        (["composite"], "POST") => {
            return composite::answer(visit, call).unwrap_or_else(|fault| fault.reply()).about("composite");
        }
        (["composite", "sobjects"], _) => {
            return collections::answer(visit, call).unwrap_or_else(|fault| fault.reply()).about("composite");
        }
        (["query" | "queryAll" | "limits", ..] | [], _) => "GET",
        (["composite"], _) => "POST",
        _ => return Fault::not_found().reply(),
    };
    let message = format!("HTTP Method '{}' not allowed. Allowed are {allowed}", call.request.method);
    Reply::rest_error(405, "METHOD_NOT_ALLOWED", &message)
}
