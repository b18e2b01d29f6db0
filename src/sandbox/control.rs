//! `/sandbox/…`: what a test asks and orders. No faults, no login, no part of Salesforce.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::admin::{self, GroupChange, UserChange};
use super::faults::Faults;
use super::org::Visit;
use super::seeds::{GroupSeed, UserSeed};
use super::settings::LoginError;
use super::state::{licences, state};
use super::wire::{Reply, Request};

/// What there is, for whoever asks for something else.
const PATHS: &str = "GET state, journal, counters, faults; POST faults, api-usage, login-error, rights, licences, confirm-emails, \
                     revoke-sessions, reset, users, users/{id or username}, groups, groups/{id or name}; DELETE \
                     groups/{id or name}";

/// The body of `POST /sandbox/licences`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LicenceOrder {
    name: String,
    total: u32,
}

/// The body of `POST /sandbox/api-usage`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageOrder {
    used: u32,
}

/// The body of `POST /sandbox/rights`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RightsOrder {
    lacking: Vec<String>,
}

/// Answers a call below `/sandbox`.
pub(super) fn answer(visit: &mut Visit<'_>, request: &Request, segments: &[&str]) -> Reply {
    let done = match (request.method.as_str(), segments) {
        ("GET", ["state"]) => Ok(state(&visit.inner.store)),
        ("GET", ["journal"]) => journal(visit, request),
        ("GET", ["counters"]) => Ok(visit.inner.journal.counters()),
        ("GET", ["faults"]) => Ok(json!(visit.inner.faults())),
        ("POST", ["faults"]) => order(request).and_then(|faults| set_faults(visit, faults)),
        ("POST", ["api-usage"]) => order(request).map(|order: UsageOrder| {
            visit.inner.api_calls = order.used;
            json!({"used": order.used, "limit": visit.settings.daily_api_limit})
        }),
        ("POST", ["login-error"]) => order(request).map(|wrong: Option<LoginError>| {
            visit.inner.login_error = wrong;
            json!(visit.inner.login_error)
        }),
        ("POST", ["rights"]) => order(request).map(|order: RightsOrder| {
            visit.inner.rest.withdrawn = order.lacking;
            json!({"lacking": visit.inner.rest.withdrawn})
        }),
        ("POST", ["confirm-emails"]) => Ok(json!({"confirmed": visit.inner.store.confirm_emails(visit.now)})),
        ("POST", ["revoke-sessions"]) => Ok(json!({"revoked": visit.inner.sessions.revoke_all()})),
        ("POST", ["licences"]) => order(request).map(|order: LicenceOrder| {
            visit.inner.store.set_licence(&order.name, order.total);
            licences(&visit.inner.store)
        }),
        ("POST", ["reset"]) => match visit.inner.reset(visit.settings, visit.now) {
            Ok(()) => Ok(json!({"reset": true})),
            Err(error) => Err(format!("the file that keeps the org cannot be written: {error}")),
        },
        ("POST", ["users"]) => {
            order(request).and_then(|seed: UserSeed| admin::add_user(&mut visit.inner.store, &seed, visit.now))
        }
        ("POST", ["users", id]) => order(request)
            .and_then(|change: UserChange| admin::change_user(&mut visit.inner.store, id, &change, visit.now)),
        ("POST", ["groups"]) => {
            order(request).and_then(|seed: GroupSeed| admin::add_group(&mut visit.inner.store, &seed, visit.now))
        }
        ("POST", ["groups", id]) => order(request)
            .and_then(|change: GroupChange| admin::change_group(&mut visit.inner.store, id, &change, visit.now)),
        ("DELETE", ["groups", id]) => admin::delete_group(&mut visit.inner.store, id),
        (method, _) => {
            let message = format!("no {method} {}; there are {PATHS}", request.path);
            return Reply::json(404, &json!({"error": message}));
        }
    };
    match done {
        Ok(body) => Reply::json(200, &body),
        Err(message) => Reply::json(400, &json!({"error": message})),
    }
}

fn order<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

fn set_faults(visit: &mut Visit<'_>, faults: Faults) -> Result<Value, String> {
    if let Some(complaint) = faults.complaint() {
        return Err(complaint);
    }
    visit.inner.set_faults(faults);
    Ok(json!(visit.inner.faults()))
}

fn journal(visit: &Visit<'_>, request: &Request) -> Result<Value, String> {
    let after = match request.parameter("after") {
        Some(text) => text.parse().map_err(|_| format!("after is the number of a call, and not {text}"))?,
        None => 0,
    };
    Ok(visit.inner.journal.as_json(request.parameter("kind").as_deref(), after))
}
