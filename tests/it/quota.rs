//! An org whose API calls run out: deactivations go through, everything else waits and goes out when calls come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use scim_bridge::clock::{Clock, SystemClock};
use scim_bridge::config::Config;
use serde_json::{Value, json};

use super::support::app::{TestApp, user};
use super::support::engine::Engine;

/// API calls of the org in 24 hours.
const LIMIT: u32 = 1_000;

/// The machine's clock, some seconds ahead.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Ahead {
    fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

async fn start(engine: &Engine) -> (TestApp, Arc<Ahead>) {
    start_with(engine, |_| {}).await
}

async fn start_with(engine: &Engine, configure: impl FnOnce(&mut Config)) -> (TestApp, Arc<Ahead>) {
    let clock = Arc::new(Ahead::default());
    let app = TestApp::start_at(engine, clock.clone(), |org| org.daily_api_limit = LIMIT, configure).await;
    (app, clock)
}

/// What the status says of the org's calls.
async fn calls(app: &TestApp) -> Value {
    let status = app.get(&app.base().replace("/scim/v2", "/admin/v1/status")).await;
    status.body["salesforceCalls"]["sandbox"].clone()
}

/// Another integration of the org makes calls until `used` have been made.
async fn use_up(app: &TestApp, used: u32) {
    let org = app.org().url().trim_end_matches('/').to_owned();
    let http = reqwest::Client::builder().build().expect("a client");
    let settings = app.org().org().settings();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", settings.client_id.as_str()),
        ("client_secret", settings.client_secret.as_str()),
    ];
    let token = http.post(format!("{org}/services/oauth2/token")).form(&form).send().await.expect("an answer");
    let token: Value = serde_json::from_str(&token.text().await.expect("a body")).expect("JSON");
    let token = token["access_token"].as_str().expect("a token");
    loop {
        let call = http.get(format!("{org}/services/data/v66.0/")).bearer_auth(token).send().await.expect("an answer");
        let told = call.headers().get("sforce-limit-info").map(|told| told.to_str().expect("text").to_owned());
        // Refused: all are used up.
        let Some(told) = told else { return };
        let now: u32 = told.trim_start_matches("api-usage=").split('/').next().expect("a number").parse().expect("one");
        if now >= used {
            return;
        }
    }
}

async fn until(app: &TestApp, what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1_500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not {what}: {} {}", app.status().await, calls(app).await);
}

async fn exists(app: &TestApp, name: &str) -> bool {
    app.state().await.user(&format!("{name}@example.com")).is_some()
}

async fn is_active(app: &TestApp, name: &str) -> bool {
    app.state().await.user(&format!("{name}@example.com")).expect("an account")["IsActive"] == true
}

both_engines! {
    /// What the calls were is told at `/metrics`, by tenant and kind.
    async fn calls_are_told_at_metrics(engine: Engine) {
        let app = TestApp::start(&engine).await;
        app.user("ada").await;
        app.settled().await;
        let metrics = app.get(&app.base().replace("/scim/v2", "/metrics")).await.body;
        let metrics = metrics.as_str().expect("text");
        let of = |metric: &str| format!("{metric}{{tenant=\"sandbox\",kind=\"create-user-rest\"}} ");
        for metric in ["scim_bridge_salesforce_calls_total", "scim_bridge_salesforce_call_seconds_count"] {
            let line = metrics.lines().find_map(|line| line.strip_prefix(&of(metric)));
            assert!(line.is_some_and(|count| count.parse::<f64>().is_ok_and(|count| count >= 1.0)), "{metric}: {metrics}");
        }
    }

    async fn near_the_limit_only_deactivations_go_out(engine: Engine) {
        let (app, clock) = start(&engine).await;
        let (ada, bob) = (app.user("ada").await, app.user("bob").await);
        let status = app.settled().await;
        assert_eq!(status["delivered"], 2, "{status}");
        let told = calls(&app).await;
        assert_eq!((&told["held"], &told["limit"]), (&json!(false), &json!(LIMIT)), "{told}");
        use_up(&app, 960).await;
        // Nobody has told the bridge: this delivery does.
        let eve = app.user("eve").await;
        until(&app, "held", async || calls(&app).await["held"] == true).await;
        app.settled().await;
        app.user("fay").await;
        app.patch(&format!("/Users/{eve}"), json!([{ "op": "replace", "path": "title", "value": "Chief" }])).await;
        app.group("SF West", &[&eve]).await;
        app.patch(&format!("/Users/{ada}"), json!([{ "op": "replace", "path": "active", "value": false }])).await;
        assert_eq!(app.delete(&format!("/Users/{bob}")).await.status, 204);
        until(&app, "inactive", async || !is_active(&app, "ada").await && !is_active(&app, "bob").await).await;
        let before = app.calls().await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(app.calls().await, before, "nothing is asked again and again");
        let status = app.status().await;
        assert_eq!((&status["pending"], &status["delivering"], &status["retrying"]), (&json!(3), &json!(0), &json!(0)));
        assert!(!exists(&app, "fay").await);
        assert_eq!(app.state().await.user("eve@example.com").expect("eve")["Title"], Value::Null);
        // A day later the org accepts calls again, and is asked whether it does.
        clock.advance(TimeDelta::hours(25));
        let status = app.settled().await;
        assert_eq!((&status["delivered"], &status["held"], &status["rejected"]), (&json!(5), &json!(0), &json!(0)));
        let state = app.state().await;
        assert!(state.user("fay@example.com").is_some());
        assert_eq!(state.user("eve@example.com").expect("eve")["Title"], "Chief");
        assert_eq!(state.members("SF West"), Some(vec!["eve@example.com".to_owned()]));
        assert_eq!(calls(&app).await["held"], false);
    }

    async fn near_the_limit_no_reconcile_begins(engine: Engine) {
        let (app, clock) = start_with(&engine, |config| {
            let tenant = config.tenant.get_mut("sandbox").expect("the tenant");
            tenant.reconcile.every = Duration::from_secs(1);
        })
        .await;
        let eve = app.user("eve").await;
        app.settled().await;
        let made = async || app.calls().await["total"].as_u64().expect("a number");
        let before = made().await;
        until(&app, "reconciled", async || made().await > before).await;
        use_up(&app, 960).await;
        app.patch(&format!("/Users/{eve}"), json!([{ "op": "replace", "path": "title", "value": "Chief" }])).await;
        until(&app, "held", async || calls(&app).await["held"] == true).await;
        // One that was under way goes on.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = app.calls().await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(app.calls().await, before);
        clock.advance(TimeDelta::hours(25));
        app.settled().await;
        let before = made().await;
        until(&app, "reconciled again", async || made().await > before).await;
    }

    async fn all_calls_used_up_is_no_end(engine: Engine) {
        let (app, clock) = start(&engine).await;
        let ada = app.user("ada").await;
        app.settled().await;
        use_up(&app, LIMIT + 1).await;
        app.user("bob").await;
        until(&app, "held", async || calls(&app).await["held"] == true).await;
        assert_eq!(calls(&app).await["used"], LIMIT, "{}", calls(&app).await);
        app.patch(&format!("/Users/{ada}"), json!([{ "op": "replace", "path": "active", "value": false }])).await;
        clock.advance(TimeDelta::hours(25));
        let status = app.settled().await;
        assert_eq!(status["delivered"], 2, "{status}");
        assert!(exists(&app, "bob").await && !is_active(&app, "ada").await);
    }

    async fn towards_the_limit_deliveries_are_spread(engine: Engine) {
        let (app, clock) = start(&engine).await;
        app.user("ada").await;
        app.settled().await;
        // Half of the way from 80 % to 95 %: one each ten minutes.
        use_up(&app, 870).await;
        app.user("bob").await;
        app.settled().await;
        assert_eq!(calls(&app).await["held"], false);
        for name in ["eve", "fay"] {
            assert_eq!(app.send(Method::POST, "/Users", Some(&user(name))).await.status, 201);
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(app.status().await["pending"], 2);
        for left in [1, 0] {
            clock.advance(TimeDelta::minutes(15));
            until(&app, "one more", async || {
                let status = app.status().await;
                status["pending"] == left && status["delivering"] == 0
            })
            .await;
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            assert_eq!(app.status().await["pending"], left);
        }
    }
}
