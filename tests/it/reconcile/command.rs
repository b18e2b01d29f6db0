//! `scim-bridge reconcile` as a process of its own, beside a bridge that serves.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use scim_bridge::sandbox::Faults;
use scim_bridge::sandbox::store::field::Field;
use serde_json::{Value, json};

use super::Via;
use super::changes::stranger;
use crate::support::app::{TENANT, TestApp};
use crate::support::engine::Engine;

const BINARY: &str = env!("CARGO_BIN_EXE_scim-bridge");

fn configuration(engine: &Engine, app: &TestApp) -> PathBuf {
    let path = engine.folder().join("scim-bridge.toml");
    let text = format!(
        r#"
[database]
url = "{}"
[tenant.{TENANT}.salesforce]
url = "{}"
flow = "client-credentials"
client_id = "{}"
client_secret = "secret"
rest = "never"
[tenant.{TENANT}.entitlements]
default_profile = "Standard User"
[tenant.{TENANT}.groups]
mirror = ["*"]
"#,
        engine.url(),
        app.org().url(),
        app.org().org().settings().client_id
    );
    std::fs::write(&path, text).expect("a configuration");
    path
}

fn command(config: &PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["reconcile", "--tenant", TENANT, "--config"]).arg(config).args(arguments);
    command
}

/// Runs it to its end, without keeping the org from answering.
async fn run(config: &PathBuf, arguments: &[&str]) -> Output {
    let mut command = command(config, arguments);
    tokio::task::spawn_blocking(move || command.output().expect("the binary runs")).await.expect("no panic")
}

fn json_of(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

both_engines! {
    /// On a terminal there is a bar, and it is gone in the end.
    async fn a_terminal_has_a_bar(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| Via::Scim.configure(config)).await;
        app.user("ada").await;
        app.settled().await;
        app.org().org().set_faults(Faults { latency_ms: 150, ..Faults::default() });
        let config = configuration(&engine, &app);
        // `script` gives its command a terminal, for both of its outputs.
        let line = format!("{BINARY} reconcile --tenant {TENANT} --config {}", config.display());
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
        let output = match tokio::task::spawn_blocking(move || command.output()).await.expect("no panic") {
            Ok(output) => output,
            Err(error) if std::env::var_os("CI").is_none() => return eprintln!("no `script` here: {error}"),
            Err(error) => panic!("script: {error}"),
        };
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{shown}");
        assert!(shown.contains("users and") && shown.contains("groups compared"), "{shown:?}");
        assert!(shown.contains("\u{1b}[2K"), "the line of the bar is cleared: {shown:?}");
        assert!(shown.contains("1 users, 0 groups and 0 memberships compared: 0 differences"), "{shown:?}");
    }

    async fn reports_and_repairs_beside_a_bridge(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| Via::Scim.configure(config)).await;
        let ada = app.user("ada").await;
        app.group("West coast", &[&ada]).await;
        app.settled().await;
        let config = configuration(&engine, &app);
        let clean = run(&config, &["--fail-on-drift"]).await;
        assert_eq!(clean.status.code(), Some(0), "{}", String::from_utf8_lossy(&clean.stderr));
        let text = String::from_utf8(clean.stdout).expect("UTF-8");
        assert!(text.contains("1 users, 1 groups and 1 memberships compared: 0 differences; 0 accounts"), "{text}");
        assert!(clean.stderr.is_empty(), "no progress where there is no terminal: {:?}", clean.stderr);

        app.org().org().with_store(|store| {
            let mut user = store.user_by_username("ada@example.com").expect("ada").clone();
            // Whatever somebody writes into a field must not reach the terminal as an order.
            user.set(Field::LastName, "By\u{1b}[31m hand");
            let id = user.id.clone();
            store.update_user(user, chrono::DateTime::UNIX_EPOCH).expect("changed");
            let group = store.group_named("West coast").expect("the group");
            store.remove_member(&group, &id).expect("removed");
            stranger(store, "stranger@example.com", "s");
        });
        let drifted = run(&config, &["--fail-on-drift"]).await;
        assert_eq!(drifted.status.code(), Some(3));
        let text = String::from_utf8(drifted.stdout).expect("UTF-8");
        for words in ["LastName", "By [31m hand", "West coast", "not there", "stranger@example.com", "--apply repairs it"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");

        let report = run(&config, &["--json"]).await;
        assert_eq!(report.status.code(), Some(0), "drift alone is no failure");
        let report = json_of(&report);
        assert_eq!((&report["tenant"], &report["way"], &report["applied"]), (&json!(TENANT), &json!("scim"), &json!(false)));
        let field = &report["drift"][0];
        let wanted = json!({
            "kind": "field", "type": "User", "id": ada, "name": "ada@example.com", "salesforceId": field["salesforceId"],
            "field": "LastName", "wanted": "ada", "held": "By\u{1b}[31m hand", "delivery": "delivered",
        });
        assert_eq!(*field, wanted);
        let membership = &report["drift"][1];
        assert_eq!((&membership["kind"], &membership["member"]["id"]), (&json!("membership"), &json!(ada)));
        assert_eq!(report["drift"].as_array().map(Vec::len), Some(2));
        assert_eq!(report["unlinked"][0]["username"], "stranger@example.com");
        assert_eq!((&report["kinds"]["membership"], &report["kinds"]["username"]), (&json!(1), &json!(0)));

        let repaired = run(&config, &["--apply"]).await;
        let text = String::from_utf8(repaired.stdout).expect("UTF-8");
        assert!(text.contains("2 deliveries queued"), "{text}");
        // The bridge beside it hears of them within a second.
        let started = Instant::now();
        while app.state().await.user("ada@example.com").expect("ada")["LastName"] != "ada" {
            assert!(started.elapsed() < Duration::from_secs(20), "nobody took them up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.settled().await;
        assert_eq!(run(&config, &["--fail-on-drift"]).await.status.code(), Some(0));

        let unknown = Command::new(BINARY).args(["reconcile", "--tenant", "acne", "--config"]).arg(&config).output();
        let unknown = unknown.expect("the binary runs");
        assert_eq!(unknown.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&unknown.stderr).contains("configured: sandbox"));
    }

    /// SIGKILL in the midst of it: the next one reads on, and finds what one alone would have found.
    async fn killed_it_goes_on(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| Via::Scim.configure(config)).await;
        app.user("ada").await;
        app.settled().await;
        app.org().org().with_store(|store| {
            let mut user = store.user_by_username("ada@example.com").expect("ada").clone();
            user.set(Field::LastName, "By hand");
            store.update_user(user, chrono::DateTime::UNIX_EPOCH).expect("changed");
            for n in 0..1500 {
                stranger(store, &format!("stranger{n}@example.com"), &format!("s{n}"));
            }
        });
        let config = configuration(&engine, &app);
        app.org().org().set_faults(Faults { latency_ms: 100, ..Faults::default() });
        let pages = async || app.calls().await["calls"]["user_search"].as_u64().unwrap_or(0);
        let before = pages().await;
        let mut child = command(&config, &["--apply", "--json"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        while pages().await < before + 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("it ended");
        app.org().org().set_faults(Faults::default());
        let report = json_of(&run(&config, &["--apply", "--json"]).await);
        assert_eq!(report["resumed"], true, "{}", report["counts"]);
        assert_eq!((&report["counts"]["accounts"], &report["counts"]["users"]), (&json!(1502), &json!(1)));
        assert_eq!(report["unlinked"].as_array().map(Vec::len), Some(1500));
        assert_eq!(report["drift"].as_array().map(Vec::len), Some(1));
        // Eight pages, of which the one that was on its way may be read twice.
        assert!((8..=9).contains(&(pages().await - before)), "{} pages", pages().await - before);
        app.settled().await;
        let started = Instant::now();
        while app.state().await.user("ada@example.com").expect("ada")["LastName"] != "ada" {
            assert!(started.elapsed() < Duration::from_secs(20), "nobody took it up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
