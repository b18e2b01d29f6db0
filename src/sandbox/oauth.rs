//! The token endpoint and the sessions it opens.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::org::Visit;
use super::settings::Settings;
use super::store::Store;
use super::wire::{Reply, Request};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How far ahead an assertion's `exp` may lie. Salesforce wants minutes; a day-long assertion is a leak that waits.
const ASSERTION_MAX: TimeDelta = TimeDelta::minutes(5);

/// The open sessions, and the refresh tokens that open new ones.
#[derive(Default)]
pub(super) struct Sessions {
    /// Token → user and last use.
    open: HashMap<String, (String, DateTime<Utc>)>,
    /// Refresh token → username.
    refresh: BTreeMap<String, String>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl Sessions {
    /// No sessions, and the refresh tokens of `settings`.
    pub(super) fn new(settings: &Settings) -> Self {
        Self { open: HashMap::new(), refresh: settings.refresh_tokens.clone() }
    }

    /// The user whose session `token` is, and notes the use; `None` where there is none or it was idle too long.
    pub(super) fn user(&mut self, token: &str, idle_seconds: u32, now: DateTime<Utc>) -> Option<String> {
        let (user, last_use) = self.open.get_mut(token)?;
        if now - *last_use > TimeDelta::seconds(i64::from(idle_seconds)) {
            self.open.remove(token);
            return None;
        }
        *last_use = now;
        Some(user.clone())
    }

    /// Ends every session; answers how many there were.
    pub(super) fn revoke_all(&mut self) -> usize {
        let count = self.open.len();
        self.open.clear();
        count
    }
}

/// A refused login: `error` and `error_description`.
struct Refused(&'static str, &'static str);

/// The form of a call; the error is the whole answer.
struct Form(Vec<(String, String)>);

impl Form {
    fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The credentials of the app, from the header or the form.
    fn client(&self, request: &Request) -> (String, String) {
        let basic = request.authorization.as_deref().and_then(basic_credentials);
        basic.unwrap_or_else(|| (self.field("client_id").to_owned(), self.field("client_secret").to_owned()))
    }
}

fn refuse(error: &str, description: &str) -> Reply {
    Reply::json(400, &json!({"error": error, "error_description": description}))
}

/// Answers the token endpoint.
pub(super) fn token(visit: &mut Visit<'_>, request: &Request) -> Reply {
    if request.method != "POST" {
        return refuse("invalid_request", "must use HTTP POST");
    }
    if let Some(wrong) = &visit.inner.login_error {
        return refuse(&wrong.error, &wrong.description);
    }
    let form = Form(request.form());
    let login = match form.field("grant_type") {
        "client_credentials" => client_credentials(visit, &form.client(request)),
        JWT_BEARER => jwt_bearer(visit, form.field("assertion"), form.field("scope")),
        "refresh_token" => refresh(visit, &form.client(request), form.field("refresh_token")),
        _ => Err(Refused("unsupported_grant_type", "grant type not supported")),
    };
    match login {
        Ok(user) => {
            let scope = if form.field("grant_type") == "refresh_token" { "api refresh_token" } else { "api" };
            opened(visit, &user, scope)
        }
        Err(Refused(error, description)) => refuse(error, description),
    }
}

/// The answer to a login, which opens a session. No `expires_in`: Salesforce does not say how long a session lives.
fn opened(visit: &mut Visit<'_>, user: &str, scope: &str) -> Reply {
    let org_id = visit.inner.store.org_id.clone();
    let token = session_token(visit.settings, &org_id);
    visit.inner.sessions.open.insert(token.clone(), (user.to_owned(), visit.now));
    let body = json!({
        "access_token": token,
        "signature": STANDARD.encode(user),
        "scope": scope,
        "instance_url": visit.base_url,
        "id": format!("{}/id/{org_id}/{user}", visit.base_url),
        "token_type": "Bearer",
        "issued_at": visit.now.timestamp_millis().to_string(),
    });
    Reply::json(200, &body)
}

/// `/services/oauth2/revoke`: ends a session, or takes a refresh token back.
pub(super) fn revoke(visit: &mut Visit<'_>, request: &Request) -> Reply {
    let token = match request.method.as_str() {
        "GET" => request.parameter("token").unwrap_or_default(),
        _ => Form(request.form()).field("token").to_owned(),
    };
    let sessions = &mut visit.inner.sessions;
    let known = sessions.open.remove(&token).is_some() | sessions.refresh.remove(&token).is_some();
    if known { Reply::empty(200) } else { refuse("unsupported_token_type", "this token type is not supported") }
}

/// `00D…!AQ…`: the org's 15-character id, and something that nobody can guess.
fn session_token(settings: &Settings, org_id: &str) -> String {
    let mut bytes = [0; 32];
    (settings.entropy)(&mut bytes);
    let mut token = format!("{}!AQ", org_id.get(..15).unwrap_or(org_id));
    for byte in bytes {
        let _infallible = write!(token, "{byte:02x}");
    }
    token
}

fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Checks the app.
fn app(settings: &Settings, id: &str) -> Result<(), Refused> {
    if !settings.app_installed {
        return Err(Refused("invalid_client", "External client app is not installed in this org"));
    }
    if id != settings.client_id {
        return Err(Refused("invalid_client_id", "client identifier invalid"));
    }
    Ok(())
}

fn client_credentials(visit: &Visit<'_>, (id, secret): &(String, String)) -> Result<String, Refused> {
    let settings = visit.settings;
    if settings.login_host {
        return Err(Refused("invalid_grant", "request not supported on this domain"));
    }
    app(settings, id)?;
    if *secret != settings.client_secret {
        return Err(Refused("invalid_client", "invalid client credentials"));
    }
    if !settings.client_credentials {
        return Err(Refused("invalid_grant", "no client credentials user enabled"));
    }
    run_as(&visit.inner.store, &settings.integration_username, "no client credentials user enabled")
}

/// What is said of a refresh token that opens nothing, for whatever reason.
const EXPIRED: &str = "expired access/refresh token";

fn refresh(visit: &Visit<'_>, (id, secret): &(String, String), token: &str) -> Result<String, Refused> {
    app(visit.settings, id)?;
    // The secret may be left out, but a wrong one is refused.
    if !secret.is_empty() && *secret != visit.settings.client_secret {
        return Err(Refused("invalid_client", "invalid client credentials"));
    }
    let Some(username) = visit.inner.sessions.refresh.get(token) else {
        return Err(Refused("invalid_grant", EXPIRED));
    };
    run_as(&visit.inner.store, username, EXPIRED)
}

fn jwt_bearer(visit: &Visit<'_>, assertion: &str, scope: &str) -> Result<String, Refused> {
    const INVALID: Refused = Refused("invalid_grant", "invalid assertion");
    let (settings, now) = (visit.settings, visit.now);
    if !scope.is_empty() {
        return Err(Refused("invalid_request", "scope parameter not supported"));
    }
    let key = settings.jwt_public_key.as_ref().and_then(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).ok());
    let mut validation = Validation::new(Algorithm::RS256);
    // Times and audience are checked below, against the org's clock and with Salesforce's words.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims =
        jsonwebtoken::decode::<Value>(assertion, &key.ok_or(INVALID)?, &validation).map_err(|_| INVALID)?.claims;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    app(settings, claim("iss"))?;
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let known =
        |audience: &&str| *audience == visit.base_url || settings.jwt_audiences.iter().any(|known| known == *audience);
    if !audiences.iter().any(known) {
        return Err(Refused("invalid_grant", "audience is invalid"));
    }
    // Some clients send the number as a string, and Salesforce takes it.
    let expires = match claims.get("exp") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_f64(),
        None => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a time beyond i64 saturates and is refused as too far ahead")]
    let expires = expires.and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0));
    match expires {
        Some(expires) if expires > now && expires <= now + ASSERTION_MAX => {}
        _ => return Err(INVALID),
    }
    let subject = claim("sub");
    let store = &visit.inner.store;
    if store.user_by_username(subject).is_none() {
        return Err(INVALID);
    }
    let mut approved = settings.approved_usernames.iter().chain([&settings.integration_username]);
    if !approved.any(|name| name.eq_ignore_ascii_case(subject)) {
        return Err(if settings.admin_approved_only {
            Refused("invalid_app_access", "user is not admin approved to access this app")
        } else {
            Refused("invalid_grant", "user hasn't approved this consumer")
        });
    }
    run_as(store, subject, "invalid assertion")
}

/// The id of the user that logs in, who must be there, active and not frozen.
fn run_as(store: &Store, username: &str, missing: &'static str) -> Result<String, Refused> {
    match store.user_by_username(username) {
        Some(user) if user.frozen => Err(Refused("invalid_grant", "authentication failure")),
        Some(user) if user.active => Ok(user.id.clone()),
        Some(_) => Err(Refused("invalid_grant", "inactive user")),
        None => Err(Refused("invalid_grant", missing)),
    }
}
