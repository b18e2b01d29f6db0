//! A whole bridge and a whole simulated org in the test's process, over real HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use scim_bridge::access::{NewToken, Scope};
use scim_bridge::app::{self, App, Surroundings};
use scim_bridge::clock::{Clock, SharedClock, SystemClock, SystemRandomness};
use scim_bridge::config::{Config, DatabaseUrl};
use scim_bridge::{sandbox, telemetry};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::engine::Engine;

/// Tenant of the tests.
pub(crate) const TENANT: &str = "sandbox";
/// How long deliveries may take to settle: longer than two of the longest pauses that a bad run of failures brings about.
const PATIENCE: Duration = Duration::from_mins(3);

/// A clock that runs so many times as fast as the machine's.
pub(crate) struct FastClock {
    start: DateTime<Utc>,
    since: Instant,
    factor: f64,
}

impl FastClock {
    pub(crate) fn of(factor: f64) -> SharedClock {
        Arc::new(Self { start: SystemClock.now(), since: Instant::now(), factor })
    }
}

impl Clock for FastClock {
    fn now(&self) -> DateTime<Utc> {
        let gone = self.since.elapsed().mul_f64(self.factor);
        self.start + TimeDelta::microseconds(i64::try_from(gone.as_micros()).expect("a time that is near"))
    }
}

/// A bridge that runs, and its org.
pub(crate) struct TestApp {
    app: Option<App>,
    org: sandbox::Running,
    config: Config,
    clock: SharedClock,
    base: String,
    token: String,
    client: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// `Null` where there was none.
    pub(crate) body: Value,
}

impl TestApp {
    /// A bridge on a fresh database with an org as `serve --sandbox` has them, but for retries within milliseconds.
    pub(crate) async fn start(engine: &Engine) -> Self {
        Self::start_with(engine, |_| {}, |_| {}).await
    }

    /// The same, with other settings of the org and another configuration.
    pub(crate) async fn start_with(
        engine: &Engine,
        settings: impl FnOnce(&mut sandbox::Settings),
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        Self::start_at(engine, Arc::new(SystemClock), settings, configure).await
    }

    /// The same, in another time.
    pub(crate) async fn start_at(
        engine: &Engine,
        clock: SharedClock,
        settings: impl FnOnce(&mut sandbox::Settings),
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let orgs_clock = Arc::clone(&clock);
        let mut seed = sandbox::Settings { client_secret: "secret".into(), ..sandbox::Settings::default() };
        seed.listen = "127.0.0.1:0".into();
        seed.clock = Arc::new(move || orgs_clock.now());
        settings(&mut seed);
        let client_id = seed.client_id.clone();
        let org = sandbox::start(seed).await.expect("the org listens");
        let secret = SecretString::from("secret");
        let mut config = Config::sandbox(org.url().parse().expect("a URL"), &client_id, secret);
        config.server.listen = "127.0.0.1:0".parse().expect("an address");
        config.server.workers = Some(1);
        config.database.url = DatabaseUrl::parse(engine.url()).expect("a database URL");
        config.delivery.retry = [20, 50, 100, 200].map(Duration::from_millis).to_vec();
        configure(&mut config);
        let (app, base, token) = Self::launch(&config, &clock).await;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        Self { app: Some(app), org, config, clock, base, token, client }
    }

    async fn launch(config: &Config, clock: &SharedClock) -> (App, String, String) {
        // SCIM_BRIDGE_LOG=debug shows what a failing test's bridge did.
        if let Ok(filter) = std::env::var(telemetry::LOG_VARIABLE) {
            telemetry::start_logging(telemetry::LogFormat::Text, Some(&filter)).expect("a log");
        }
        let held = app::hold(config).expect("nobody else has the file");
        let db = app::open(config, true).await.expect("the database opens");
        let around = Surroundings {
            clock: Arc::clone(clock),
            randomness: Arc::new(SystemRandomness),
            metrics: telemetry::metrics().expect("metrics"),
        };
        let app = App::start(config, db, held, around).expect("the bridge starts");
        let scopes = vec![Scope::Scim, Scope::Admin];
        let (_, token) = app.access().create(NewToken::new(TENANT, "test", scopes)).await.expect("a token");
        let base = app.base_url();
        (app, base, token)
    }

    /// Stops the bridge and starts it again on the same database; the org goes on.
    pub(crate) async fn restart(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await.expect("a clean stop");
        }
        let (app, base, token) = Self::launch(&self.config, &self.clock).await;
        (self.app, self.base, self.token) = (Some(app), base, token);
    }

    /// Restarts the bridge with another configuration.
    pub(crate) async fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.restart().await;
    }

    /// Stops the bridge; the org goes on.
    pub(crate) async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await.expect("a clean stop");
        }
    }

    /// SCIM base URL.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A token with every scope.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The bridge.
    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().expect("the bridge runs")
    }

    /// What the bridge runs with.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The org.
    pub(crate) fn org(&self) -> &sandbox::Running {
        &self.org
    }

    /// A request with the token; `path` follows the SCIM base URL, or begins with `http`.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.client.request(method, url).bearer_auth(&self.token)
    }

    /// Sends a request, with a JSON body if there is one.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/scim+json").body(body.to_string());
        }
        answer(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// A PATCH of these operations.
    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        self.send(Method::PATCH, path, Some(&json!({ "schemas": [schema], "Operations": operations }))).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Creates a user and answers its id.
    pub(crate) async fn user(&self, name: &str) -> String {
        let answer = self.post("/Users", &user(name)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// Creates a group with these members and answers its id.
    pub(crate) async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
        let body = json!({ "schemas": schemas, "displayName": name, "members": members });
        let answer = self.post("/Groups", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// The delivery extension of a resource: `/Users/ID` or `/Groups/ID`.
    pub(crate) async fn delivery(&self, path: &str) -> Value {
        let urn = "urn:scim-bridge:schemas:extension:delivery:1.0";
        self.get(&format!("{path}?attributes={urn}")).await.body[urn].clone()
    }

    /// Resources of the tenant by the state of their delivery.
    pub(crate) async fn status(&self) -> Value {
        let url = self.base.replace("/scim/v2", "/admin/v1/status");
        self.get(&url).await.body["tenants"][TENANT].clone()
    }

    /// Waits until nothing is pending, delivering or retrying; answers the status then.
    pub(crate) async fn settled(&self) -> Value {
        let started = Instant::now();
        loop {
            let status = self.status().await;
            if ["pending", "delivering", "retrying"].iter().all(|state| status[state] == 0) {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "deliveries do not settle: {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the org holds.
    pub(crate) async fn state(&self) -> OrgState {
        let url = format!("{}/sandbox/state", self.org.url().trim_end_matches('/'));
        OrgState(self.get(&url).await.body)
    }

    /// Calls that the org answered, by kind.
    pub(crate) async fn calls(&self) -> Value {
        let url = format!("{}/sandbox/counters", self.org.url().trim_end_matches('/'));
        self.get(&url).await.body
    }
}

/// Sends a request and reads the answer.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("a body");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    Answer { status, headers, body }
}

/// A client that does not wait for ever.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_mins(1)).build().expect("a client")
}

/// A user of this name at example.com.
pub(crate) fn user(name: &str) -> Value {
    let mail = format!("{name}@example.com");
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": mail,
        "externalId": format!("ext-{name}"),
        "name": { "givenName": "T", "familyName": name },
        "emails": [{ "value": mail, "type": "work", "primary": true }],
        "active": true,
    })
}

/// What an org holds.
pub(crate) struct OrgState(pub(crate) Value);

impl OrgState {
    /// All users but the integration user.
    pub(crate) fn users(&self) -> Vec<&Value> {
        let users = self.0["Users"].as_array().expect("users");
        users.iter().filter(|user| user["IsIntegrationUser"] != true).collect()
    }

    /// The user of this username.
    pub(crate) fn user(&self, username: &str) -> Option<&Value> {
        self.users().into_iter().find(|user| user["Username"] == username)
    }

    /// Usernames of a group's members, sorted; `None` if there is no such public group.
    pub(crate) fn members(&self, group: &str) -> Option<Vec<String>> {
        let groups = self.0["Groups"].as_array().expect("groups");
        let group = groups.iter().find(|g| g["Name"] == group && g["Type"] == "Regular")?;
        let mut names: Vec<String> = group["Members"]
            .as_array()
            .expect("members")
            .iter()
            .filter_map(|id| self.users().into_iter().find(|u| u["Id"] == *id))
            .map(|user| user["Username"].as_str().expect("a name").to_owned())
            .collect();
        names.sort();
        Some(names)
    }

    /// Names of the public groups that were not there from the start.
    pub(crate) fn groups(&self) -> Vec<&str> {
        let groups = self.0["Groups"].as_array().expect("groups");
        let seeded = ["West", "All Regions", "Support Queue"];
        let mut names: Vec<&str> =
            groups.iter().filter_map(|g| g["Name"].as_str()).filter(|name| !seeded.contains(name)).collect();
        names.sort_unstable();
        names
    }
}
