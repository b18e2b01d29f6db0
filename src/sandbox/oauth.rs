//! The token endpoint and the sessions it opens.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::settings::Settings;
use super::store::Store;
use super::store::field::Field;
use super::wire::{Reply, Request};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How far ahead an assertion's `exp` may lie. Salesforce wants minutes; a day-long assertion is a leak that waits.
const ASSERTION_MAX: TimeDelta = TimeDelta::minutes(5);

/// The open sessions: token → user and last use.
#[derive(Default)]
pub(super) struct Sessions {
    open: HashMap<String, (String, DateTime<Utc>)>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("open", &self.open.len()).finish()
    }
}

impl Sessions {
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

/// A refused login.
struct Refused(&'static str, &'static str);

/// Answers the token endpoint.
pub(super) fn token(
    settings: &Settings,
    store: &Store,
    sessions: &mut Sessions,
    base_url: &str,
    now: DateTime<Utc>,
    request: &Request,
) -> Reply {
    if request.method != "POST" {
        return Reply::json(400, &json!({"error": "invalid_request", "error_description": "must use HTTP POST"}));
    }
    let form = request.form();
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default();
    let login = match field("grant_type") {
        "client_credentials" => {
            let basic = request.authorization.as_deref().and_then(basic_credentials);
            let (id, secret) =
                basic.unwrap_or_else(|| (field("client_id").to_owned(), field("client_secret").to_owned()));
            client_credentials(settings, store, &id, &secret)
        }
        JWT_BEARER => jwt_bearer(settings, store, base_url, now, field("assertion")),
        _ => Err(Refused("unsupported_grant_type", "grant type not supported")),
    };
    match login {
        Ok(user) => {
            let token = session_token(settings, &store.org_id);
            sessions.open.insert(token.clone(), (user.clone(), now));
            // No `expires_in`: Salesforce does not say how long a session lives.
            let body = json!({
                "access_token": token,
                "signature": STANDARD.encode(&user),
                "scope": "api",
                "instance_url": base_url,
                "id": format!("{base_url}/id/{}/{user}", store.org_id),
                "token_type": "Bearer",
                "issued_at": now.timestamp_millis().to_string(),
            });
            Reply::json(200, &body)
        }
        Err(Refused(error, description)) => {
            Reply::json(400, &json!({"error": error, "error_description": description}))
        }
    }
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

fn client_credentials(settings: &Settings, store: &Store, id: &str, secret: &str) -> Result<String, Refused> {
    if id != settings.client_id {
        return Err(Refused("invalid_client_id", "client identifier invalid"));
    }
    if secret != settings.client_secret {
        return Err(Refused("invalid_client", "invalid client credentials"));
    }
    if !settings.client_credentials {
        return Err(Refused("invalid_grant", "no client credentials user enabled"));
    }
    run_as(store, &settings.integration_username)
}

fn jwt_bearer(
    settings: &Settings,
    store: &Store,
    base_url: &str,
    now: DateTime<Utc>,
    assertion: &str,
) -> Result<String, Refused> {
    const INVALID: Refused = Refused("invalid_grant", "invalid assertion");
    let key = settings.jwt_public_key.as_ref().and_then(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).ok());
    let mut validation = Validation::new(Algorithm::RS256);
    // Times and audience are checked below, against the org's clock and with Salesforce's words.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims =
        jsonwebtoken::decode::<Value>(assertion, &key.ok_or(INVALID)?, &validation).map_err(|_| INVALID)?.claims;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if claim("iss") != settings.client_id {
        return Err(Refused("invalid_client_id", "client identifier invalid"));
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let known =
        |audience: &&str| *audience == base_url || settings.jwt_audiences.iter().any(|known| known == *audience);
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
    if store.user_by_username(subject).is_none() {
        return Err(INVALID);
    }
    if !subject.eq_ignore_ascii_case(&settings.integration_username) {
        return Err(Refused("invalid_grant", "user hasn't approved this consumer"));
    }
    run_as(store, subject)
}

/// The id of the user that the app runs as, who must be active.
fn run_as(store: &Store, username: &str) -> Result<String, Refused> {
    match store.user_by_username(username) {
        Some(user) if user.active => Ok(user.id.clone()),
        Some(user) if user.get(Field::Username).is_some() => Err(Refused("invalid_grant", "inactive user")),
        _ => Err(Refused("invalid_grant", "no client credentials user enabled")),
    }
}
