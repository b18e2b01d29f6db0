//! A process that is killed at each step of a delivery: while the org is at the first call, at the second, and so on.

use std::time::{Duration, Instant};

use scim_bridge::sandbox::{self, Faults};
use serde_json::{Value, json};

use crate::crash::{Bridge, configuration, settled, token};
use crate::support::app::{OrgState, client, user};

/// Calls of the longest delivery there is here: a login, a profile, an account, a group that is looked for, made, filled,
/// a person who is renamed and one who leaves.
const STEPS: u64 = 12;

const RULES: &str = r#"
[tenant.acme.accounts]
on_deactivate = ["freeze", "remove_permission_sets", "deactivate"]
[[tenant.acme.entitlements.rules]]
name = "analysts"
when = 'title eq "Analyst"'
permission_sets = ["Sales_Console"]
"#;

fn total(org: &sandbox::Running) -> u64 {
    let calls = &org.org().counters()["calls"];
    calls.as_object().into_iter().flat_map(|kinds| kinds.values()).filter_map(Value::as_u64).sum()
}

async fn send(method: reqwest::Method, url: String, token: &str, body: &Value) -> Value {
    let answer = client().request(method, url).bearer_auth(token).json(body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.expect("JSON")
}

both_engines! {
    async fn a_process_may_die_at_any_call(engine: Engine) {
        let settings = sandbox::Settings {
            client_secret: "secret".into(),
            listen: "127.0.0.1:0".into(),
            ..sandbox::Settings::default()
        };
        let org = sandbox::start(settings).await.expect("the org listens");
        let config = configuration(&engine, &org);
        let text = std::fs::read_to_string(&config).expect("the file");
        std::fs::write(&config, format!("{text}\n{RULES}")).expect("written");
        let token = token(&config);
        let mut leaver: Option<String> = None;
        for step in 0..STEPS {
            let mut bridge = Bridge::start(&config);
            settled(&bridge.base, &token).await;
            // Each call takes a while, in which the process can be killed.
            org.org().set_faults(Faults { latency_ms: 60, ..Faults::default() });
            let before = total(&org);
            let base = bridge.base.clone();
            let mut body = user(&format!("user{step}"));
            body["title"] = json!("Analyst");
            let made = send(reqwest::Method::POST, format!("{base}/Users"), &token, &body).await;
            let id = made["id"].as_str().expect("an id").to_owned();
            let group = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "displayName": format!("Group {step}"), "members": [{ "value": id }],
            });
            send(reqwest::Method::POST, format!("{base}/Groups"), &token, &group).await;
            if let Some(before) = leaver.replace(id) {
                let leave = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": [{ "op": "replace", "path": "active", "value": false }],
                });
                send(reqwest::Method::PATCH, format!("{base}/Users/{before}"), &token, &leave).await;
            }
            let begun = Instant::now();
            while total(&org) <= before + step && begun.elapsed() < Duration::from_secs(5) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            bridge.kill();
            org.org().set_faults(Faults::default());
        }
        let bridge = Bridge::start(&config);
        let status = settled(&bridge.base, &token).await;
        assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "{status}");
        let state = OrgState(org.org().state());
        assert_eq!(state.users().len() as u64, STEPS, "nobody is missing and nobody is there twice");
        assert_eq!(state.groups().len() as u64, STEPS);
        for step in 0..STEPS {
            let name = format!("user{step}@example.com");
            let account = state.user(&name).expect("the account");
            let stays = step == STEPS - 1;
            assert_eq!(account["IsActive"], json!(stays), "{name}");
            let sets = if stays { json!(["Sales_Console"]) } else { json!([]) };
            assert_eq!(account["PermissionSets"], sets, "{name}");
            assert_eq!(state.members(&format!("Group {step}")), Some(vec![name]));
        }
    }
}
