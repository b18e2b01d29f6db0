//! A configuration that is put in force while the bridge serves. A real process of the built binary; the org lives in the test.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use scim_bridge::sandbox;
use serde_json::{Value, json};

use super::crash::{Bridge, configuration, token};
use super::support::app::{OrgState, user};
use super::support::eventually;

fn send(bridge: &Bridge, signal: &str) {
    let sent = Command::new("kill").args([signal, &bridge.child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// Asks a process to read its configuration again.
fn hang_up(bridge: &Bridge) {
    send(bridge, "-HUP");
}

/// Adds rules to the file.
fn add_rules(file: &Path, rules: &str) {
    let text = std::fs::read_to_string(file).expect("the file");
    let before = text.split("[[tenant.acme.entitlements.rules]]").next().expect("a beginning").trim_end();
    std::fs::write(file, format!("{before}\n{rules}\n")).expect("written");
}

fn rule(set: &str) -> String {
    let head = "[[tenant.acme.entitlements.rules]]\nname = \"people\"";
    format!("{head}\nwhen = 'title eq \"Analyst\"'\npermission_sets = [\"{set}\"]")
}

fn sets(org: &sandbox::Running, name: &str) -> Value {
    let state = OrgState(org.org().state());
    state.user(&format!("{name}@example.com")).map_or(Value::Null, |user| user["PermissionSets"].clone())
}

/// Waits until somebody has just these permission sets.
async fn until_has(org: &sandbox::Running, name: &str, expected: &[&str]) {
    eventually(&format!("{name} has {expected:?}"), async || sets(org, name) == json!(expected)).await;
}

async fn listening() -> sandbox::Running {
    let settings = sandbox::Settings {
        listen: "127.0.0.1:0".into(),
        client_secret: "secret".into(),
        ..sandbox::Settings::default()
    };
    sandbox::start(settings).await.expect("the org listens")
}

both_engines! {
    /// Rules that are put in force reach those whom they concern, without a restart and without an error to anybody; a file
    /// that is wrong changes nothing.
    async fn rules_are_put_in_force_while_requests_are_served(engine: Engine) {
        let org = listening().await;
        let file = configuration(&engine, &org);
        let bridge = Bridge::start(&file);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let token = token(&file);
        let push = async |name: &str| {
            let mut body = user(name);
            body["title"] = json!("Analyst");
            let request = http.post(format!("{}/Users", bridge.base)).bearer_auth(&token).json(&body);
            assert_eq!(request.send().await.expect("an answer").status(), 201, "{name}");
        };
        push("ada").await;
        until_has(&org, "ada", &[]).await;
        add_rules(&file, &rule("Knowledge_Reader"));
        hang_up(&bridge);
        until_has(&org, "ada", &["Knowledge_Reader"]).await;
        push("bob").await;
        until_has(&org, "bob", &["Knowledge_Reader"]).await;
        // A slip of the pen.
        add_rules(&file, &rule("Sales_Console").replace("title eq", "titel eq"));
        hang_up(&bridge);
        eventually("the file is refused", async || bridge.log().contains("is wrong; the old one stays")).await;
        push("eve").await;
        until_has(&org, "eve", &["Knowledge_Reader"]).await;
        assert_eq!(sets(&org, "ada"), json!(["Knowledge_Reader"]));
        // Put right, under load: nobody who pushes meanwhile is refused.
        add_rules(&file, &rule("Sales_Console"));
        for n in 0..30 {
            if n == 10 {
                hang_up(&bridge);
            }
            push(&format!("person{n}")).await;
        }
        for name in ["ada", "bob", "eve", "person0", "person29"] {
            until_has(&org, name, &["Sales_Console"]).await;
        }
    }

    /// A stop that is asked for while deliveries are finished under the old configuration comes after them.
    async fn a_stop_during_a_reload_is_not_lost(engine: Engine) {
        let org = listening().await;
        let file = configuration(&engine, &org);
        let mut bridge = Bridge::start(&file);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let token = token(&file);
        org.org().set_faults(sandbox::Faults { latency_ms: 1_500, ..sandbox::Faults::default() });
        let request = http.post(format!("{}/Users", bridge.base)).bearer_auth(&token).json(&user("ada"));
        assert_eq!(request.send().await.expect("an answer").status(), 201);
        let url = bridge.base.replace("/scim/v2", "/admin/v1/status");
        eventually("a delivery is under way", async || {
            let answer = http.get(&url).bearer_auth(&token).send().await.expect("an answer");
            answer.json::<Value>().await.expect("JSON")["tenants"]["acme"]["delivering"] == 1
        })
        .await;
        hang_up(&bridge);
        tokio::time::sleep(Duration::from_millis(500)).await;
        send(&bridge, "-TERM");
        assert!(!bridge.log().contains("was read again"), "it is still at it");
        eventually("the process ends", async || bridge.child.try_wait().expect("a process").is_some()).await;
        assert!(bridge.child.wait().expect("a process").success(), "{}", bridge.log());
        eventually("the reload came to its end", async || bridge.log().contains("is in force")).await;
    }
}
