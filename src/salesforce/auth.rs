//! Login: one session for all calls, renewed once for all who wait.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::{Host, Url};

use super::error::{Cause, Error, LoginRefusal, Result};
use super::governor::Governor;
use super::settings::{Flow, Settings};
use super::transport::{self, Answer};
use crate::clock::SharedClock;

/// Salesforce answers no `expires_in`; a session lives 15 minutes to 24 hours, 2 hours unless the org says otherwise,
/// and longer while it is used. Renewing a little before costs one call, an expired one costs two.
const OLDEST: TimeDelta = TimeDelta::minutes(100);

/// How long a refused login stands for those who come later. Deliveries that were under way when it was refused come one
/// by one: each would try for itself, and a few wrong logins in a row lock the integration user out.
const REFUSED: TimeDelta = TimeDelta::seconds(10);

/// How long a JWT is good for. Salesforce refuses more than about five minutes.
const ASSERTION_LIFE: TimeDelta = TimeDelta::minutes(3);

/// Largest answer of the token endpoint read.
const TOKEN_LIMIT: usize = 64 * 1024;

/// A session of the integration user.
#[derive(Clone)]
pub(super) struct Session {
    /// The access token.
    pub token: SecretString,
    /// Scheme and host that all calls go to, without a slash at the end.
    pub base: String,
    /// Counts logins, so that one who found the session expired does not throw away a newer one.
    generation: u64,
    since: DateTime<Utc>,
}

/// The session in use, and the login that makes it.
#[derive(Default)]
pub(super) struct Auth {
    state: Mutex<State>,
    /// Failed logins so far. Who waited while one failed takes its error instead of trying again: a thousand waiters
    /// would otherwise lock the integration user out.
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    logins: u64,
    last_error: Option<Error>,
    refused: Option<DateTime<Utc>>,
    /// A refresh token that took the place of the configured one (the app rotates them). Lost with the process.
    rotated: Option<SecretString>,
}

impl Auth {
    /// Lets the next one try, however short a time ago a login was refused.
    pub(super) async fn forget_refusal(&self) {
        self.state.lock().await.refused = None;
    }

    /// The session in use; logs in if there is none. `stale` is one that Salesforce did not accept.
    pub(super) async fn session(
        &self,
        settings: &Settings,
        http: &reqwest::Client,
        clock: &SharedClock,
        governor: &Governor,
        stale: Option<&Session>,
    ) -> Result<Session> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut held = self.state.lock().await;
        if let Some(session) = &held.session
            && stale.is_none_or(|stale| stale.generation != session.generation)
            && clock.now() - session.since < OLDEST
        {
            return Ok(session.clone());
        }
        let waited = self.failures.load(Ordering::Acquire) != failures;
        // A clock that was set back must not make it stand for longer.
        let stands = TimeDelta::zero()..REFUSED;
        let refused = held.refused.is_some_and(|refused| stands.contains(&(clock.now() - refused)));
        if (waited || refused)
            && let Some(error) = &held.last_error
        {
            return Err(error.clone());
        }
        held.session = None;
        match log_in(settings, http, clock, governor, held.rotated.as_ref()).await {
            Ok(Granted { token, base, rotated }) => {
                held.logins += 1;
                if let Some(rotated) = rotated {
                    if held.rotated.is_none() {
                        tracing::warn!(
                            tenant = %settings.tenant,
                            "the app rotates refresh tokens: the configured one is used up and will be refused after a \
                             restart; switch rotation off in the app's OAuth settings in Setup, or use another flow"
                        );
                    }
                    held.rotated = Some(rotated);
                }
                let session = Session { token, base, generation: held.logins, since: clock.now() };
                held.session = Some(session.clone());
                (held.last_error, held.refused) = (None, None);
                Ok(session)
            }
            Err(error) => {
                held.last_error = Some(error.clone());
                held.refused = matches!(error, Error::Login(_)).then(|| clock.now());
                self.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    instance_url: Option<String>,
    refresh_token: Option<SecretString>,
}

/// What a login brought.
struct Granted {
    token: SecretString,
    base: String,
    /// A refresh token to use from now on instead of the one that was sent.
    rotated: Option<SecretString>,
}

async fn log_in(
    settings: &Settings,
    http: &reqwest::Client,
    clock: &SharedClock,
    governor: &Governor,
    rotated: Option<&SecretString>,
) -> Result<Granted> {
    let base = safe_base(&settings.url)?;
    let form = form(settings, clock, rotated)?;
    transport::count(settings, "login");
    let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.expose_secret())).collect();
    let request = http
        .post(format!("{base}/services/oauth2/token"))
        .header(reqwest::header::ACCEPT, "application/json")
        .form(&form)
        .timeout(settings.login_timeout);
    let answer = transport::exchange(request, TOKEN_LIMIT, true, clock).await?;
    governor.observe(answer.usage, clock.now());
    let granted = token(&answer, &base)?;
    let sent = |token: &SecretString| {
        form.iter().any(|(key, value)| *key == "refresh_token" && *value == token.expose_secret())
    };
    Ok(Granted { rotated: granted.rotated.filter(|token| !sent(token)), ..granted })
}

fn token(answer: &Answer, base: &str) -> Result<Granted> {
    if answer.is_success() {
        let token: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| {
            Error::Unreachable(
                "the token endpoint answered something else than a token; is the URL that of a Salesforce org?"
                    .to_owned(),
            )
        })?;
        let base = match token.instance_url.as_deref().map(Url::parse) {
            None => base.to_owned(),
            Some(Ok(url)) => safe_base(&url)?,
            Some(Err(_)) => {
                return Err(Error::Misconfigured(
                    "the token endpoint answered an instance_url that is no URL".to_owned(),
                ));
            }
        };
        return Ok(Granted { token: token.access_token, base, rotated: token.refresh_token });
    }
    let refusal = LoginRefusal::from_answer(&answer.body, answer.retry_after);
    if (400..500).contains(&answer.status) && !refusal.code.is_empty() {
        return Err(Error::Login(refusal));
    }
    let mut error = Error::from_answer(answer.status, answer.retry_after, &answer.body, true);
    // Whatever it is, it is trouble of the org and not of the resource whose call needed the session.
    if let Error::Refused(refused) = &mut error
        && !matches!(refused.cause, Cause::Maintenance | Cause::Quota | Cause::Concurrency | Cause::ApiDisabled)
    {
        refused.cause = if answer.status >= 500 { Cause::Busy } else { Cause::Moved };
    }
    Err(error)
}

/// The fields of the token request; all are secrets, so that none slips into a message.
fn form(
    settings: &Settings,
    clock: &SharedClock,
    rotated: Option<&SecretString>,
) -> Result<Vec<(&'static str, SecretString)>> {
    Ok(match &settings.flow {
        Flow::ClientCredentials { client_id, client_secret } => vec![
            ("grant_type", "client_credentials".into()),
            ("client_id", client_id.as_str().into()),
            ("client_secret", client_secret.clone()),
        ],
        Flow::JwtBearer { client_id, username, private_key_pem, audience } => {
            let claims = Claims {
                iss: client_id,
                sub: username,
                aud: audience.as_deref().map_or_else(|| default_audience(&settings.url), str::to_owned),
                exp: (clock.now() + ASSERTION_LIFE).timestamp(),
            };
            vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".into()),
                ("assertion", sign(&claims, private_key_pem)?.into()),
            ]
        }
        Flow::RefreshToken { client_id, client_secret, refresh_token } => {
            let mut form = vec![
                ("grant_type", "refresh_token".into()),
                ("client_id", client_id.as_str().into()),
                ("refresh_token", rotated.unwrap_or(refresh_token).clone()),
            ];
            form.extend(client_secret.iter().map(|secret| ("client_secret", secret.clone())));
            form
        }
    })
}

/// RFC 7523 section 3, as far as Salesforce reads it.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: String,
    exp: i64,
}

fn sign(claims: &Claims<'_>, pem: &SecretString) -> Result<String> {
    // The library's own words are left out: they may quote the key.
    let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map_err(|_| {
        Error::Misconfigured(
            "the private key of the JWT bearer flow cannot be read: it must be an RSA key in PEM, not encrypted"
                .to_owned(),
        )
    })?;
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).map_err(|_| {
        Error::Misconfigured(
            "the JWT cannot be signed with the private key; it must be an RSA key of 2048 bits or more".to_owned(),
        )
    })
}

/// What Salesforce expects as `aud` at a host: its own login hosts for its own domains, else the URL itself. The My Domain
/// URL of any org would do as well, but for a mistake in it, which Salesforce answers with nothing but "audience is
/// invalid".
pub(super) fn default_audience(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let is_test = |domain: &str| {
        // `--` stands between the name of an org and that of its sandbox, also where the host says no more of it.
        let first = domain.split('.').next().unwrap_or_default();
        domain.ends_with(".sandbox") || domain.ends_with(".scratch") || first.contains("--")
    };
    if host == "test.salesforce.com" || host.strip_suffix(".my.salesforce.com").is_some_and(is_test) {
        "https://test.salesforce.com".to_owned()
    } else if host.ends_with(".salesforce.com") {
        "https://login.salesforce.com".to_owned()
    } else {
        url.as_str().trim_end_matches('/').to_owned()
    }
}

/// The URL without a slash at its end, if a token may be sent there: over TLS, or to this machine.
pub(super) fn safe_base(url: &Url) -> Result<String> {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(Error::Misconfigured(format!(
            "{} is not https: no credentials are sent there (plain http only to this machine)",
            url.origin().ascii_serialization()
        )))
    }
}

#[cfg(test)]
mod tests;
