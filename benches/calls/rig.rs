//! A bridge and a simulated org in one process, and an identity provider that counts its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use scim_bridge::app::{self, App, Surroundings};
use scim_bridge::clock::{Clock, SystemClock, SystemRandomness};
use scim_bridge::config::{Config, DatabaseUrl};
use scim_bridge::{sandbox, telemetry};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A clock that runs so many times as fast as the machine's, so that ten minutes need not be waited for.
struct FastClock {
    start: DateTime<Utc>,
    since: Instant,
    factor: f64,
}

impl Clock for FastClock {
    fn now(&self) -> DateTime<Utc> {
        let gone = self.since.elapsed().mul_f64(self.factor);
        self.start + TimeDelta::microseconds(i64::try_from(gone.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A bridge, its org, and the identity provider.
pub(crate) struct Rig {
    app: App,
    org: sandbox::Running,
    base: String,
    token: String,
    http: reqwest::Client,
    requests: AtomicU64,
}

impl Rig {
    /// Starts both on an empty database. `speed`: how many times as fast as the machine's clock time passes.
    pub(crate) async fn start(database: &str, speed: f64) -> Result<Self> {
        let clock = Arc::new(FastClock { start: SystemClock.now(), since: Instant::now(), factor: speed });
        let orgs_clock = Arc::clone(&clock);
        let mut settings = sandbox::Settings { client_secret: "secret".into(), ..sandbox::Settings::default() };
        settings.clock = Arc::new(move || orgs_clock.now());
        settings.journal_length = 0;
        let client_id = settings.client_id.clone();
        let org = sandbox::start(settings).await?;
        let mut config = Config::sandbox(org.url().parse()?, &client_id, SecretString::from("secret"));
        config.server.listen = "127.0.0.1:0".parse()?;
        config.server.workers = Some(1);
        config.database.url = DatabaseUrl::parse(database).map_err(|words| anyhow::anyhow!("{words}"))?;
        let held = app::hold(&config)?;
        let db = app::open(&config, true).await?;
        let around = Surroundings { clock, randomness: Arc::new(SystemRandomness), metrics: telemetry::metrics()? };
        let app = App::start(&config, db, held, around)?;
        let scopes = vec![Scope::Scim, Scope::Admin];
        let (_, token) = app.access().create(NewToken::new("sandbox", "calls", scopes)).await?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { base: app.base_url(), app, org, token, http, requests: AtomicU64::new(0) })
    }

    /// The org.
    pub(crate) fn org(&self) -> &sandbox::Org {
        self.org.org()
    }

    /// Requests that the identity provider has made.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The numbers of the org's journal.
    pub(crate) fn counters(&self) -> Value {
        self.org().counters()
    }

    /// One request of the identity provider; anything but a success is an error.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/scim+json").body(body.to_string());
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    /// Creates something and answers its id.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> Result<String> {
        let answer = self.send(Method::POST, path, Some(body)).await?;
        answer.get("id").and_then(Value::as_str).map(str::to_owned).context("no id")
    }

    /// A PATCH of these operations.
    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Result<()> {
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        let body = json!({ "schemas": [schema], "Operations": operations });
        self.send(Method::PATCH, path, Some(&body)).await.map(drop)
    }

    /// Waits until everything is delivered. Not counted as requests.
    pub(crate) async fn settled(&self, patience: Duration) -> Result<()> {
        let url = self.base.replace("/scim/v2", "/admin/v1/status");
        let begun = Instant::now();
        loop {
            let answer = self.http.get(&url).bearer_auth(&self.token).send().await?.text().await?;
            let status: Value = serde_json::from_str(&answer)?;
            let status = status.pointer("/tenants/sandbox").context("no status")?;
            let count = |states: &[&str]| -> i64 {
                states.iter().filter_map(|state| status.get(state)).filter_map(Value::as_i64).sum()
            };
            if count(&["pending", "delivering", "retrying"]) == 0 {
                ensure!(count(&["held", "rejected"]) == 0, "not everything was delivered: {status}");
                return Ok(());
            }
            ensure!(begun.elapsed() < patience, "deliveries do not settle: {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops both.
    pub(crate) async fn stop(self) -> Result<()> {
        self.app.stop().await?;
        self.org.stop().await;
        Ok(())
    }
}
