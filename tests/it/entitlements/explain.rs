//! Rules that explain themselves, and a configuration that is looked at before it is put in force.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::*;

/// A configuration for the database and org of `app`, with these entitlements.
pub(super) fn configuration(app: &TestApp, engine: &Engine, entitlements: &str) -> PathBuf {
    let path = engine.folder().join("scim-bridge.toml");
    let inside = entitlements.replace("[[rules]]", &format!("[[tenant.{TENANT}.entitlements.rules]]"));
    let text = format!(
        "[database]\nurl = \"{}\"\n[tenant.{TENANT}.salesforce]\nurl = \"{}\"\nflow = \"client-credentials\"\n\
         client_id = \"scim-bridge\"\nclient_secret = \"secret\"\n[tenant.{TENANT}.entitlements]\n{inside}\n",
        engine.url(),
        app.org().url(),
    );
    std::fs::write(&path, text).expect("the file is written");
    path
}

/// Runs `scim-bridge plan`, and answers what it printed.
pub(super) async fn plan(file: &std::path::Path, more: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scim-bridge"));
    command.args(["plan", "--tenant", TENANT, "--config"]).arg(file).args(more);
    let done = tokio::task::spawn_blocking(move || command.output().expect("the binary runs")).await.expect("no panic");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// The grant of a name in what `plan --user --json` says.
fn grant(said: &Value, name: &str) -> Value {
    let all = said["grants"].as_array().expect("grants");
    all.iter().find(|grant| grant["name"] == name).unwrap_or_else(|| panic!("no {name}: {said:#}")).clone()
}

both_engines! {
    /// Each grant with what was decided, by which rule and which attribute or group, and what of it is there.
    async fn a_plan_says_who_has_what_and_why(engine: Engine) {
        let app = start(&engine, RULES).await;
        let ada = person(&app, "ada", "Sales").await;
        app.group("SF Analysts East", &[&ada]).await;
        let state = all_delivered(&app).await;
        let by_hand_id = account(&state, "ada@example.com");
        let file = configuration(&app, &engine, RULES);
        let said: Value = serde_json::from_str(&plan(&file, &["--user", "ada@example.com", "--json"]).await).expect("JSON");
        let console = grant(&said, "Sales_Console");
        let because = format!("rule \"sales\": {ENTERPRISE}:department eq \"Sales\"");
        assert_eq!(console, json!({ "kind": "permission_set", "name": "Sales_Console", "because": [because],
            "isWanted": true, "givenByTheBridge": true, "isHeld": true, "gives": false, "takes": false }));
        let viewer = grant(&said, "Analytics_Viewer");
        assert_eq!(viewer["because"], json!(["rule \"analysts\": group \"SF Analysts East\""]));
        assert_eq!(said["next"], "nothing to send");
        assert_eq!(grant(&said, "Standard User")["isHeld"], true);
        let text = plan(&file, &["--user", "ada@example.com"]).await;
        assert!(text.contains("yes, given by the bridge") && text.contains("rule \"sales\""), "{text}");
        // Under other rules: what would change, and nothing does.
        by_hand(&app, &by_hand_id, "Knowledge_Reader");
        let edited = RULES.replace("[\"Sales_Console\"]", "[\"Knowledge_Reader\"]").replace("Sales Rep", "CEO");
        let file = configuration(&app, &engine, &edited);
        let said: Value = serde_json::from_str(&plan(&file, &["--user", "ada@example.com", "--json"]).await).expect("JSON");
        assert_eq!(grant(&said, "CEO")["gives"], true);
        assert_eq!(grant(&said, "Sales_Console")["isWanted"], false);
        assert_eq!(has(&app.state().await, "ada")[1], "Sales Rep", "nothing was sent");
    }

    /// Who would gain and lose what by an edited configuration; and when it is put in force, just they do.
    async fn an_edited_configuration_is_tried_before_it_is_put_in_force(engine: Engine) {
        let mut app = start(&engine, RULES).await;
        let mut people = Vec::new();
        for (name, department) in [("ada", "Sales"), ("bob", "Sales"), ("eve", "Research"), ("mallory", "Sales")] {
            people.push(person(&app, name, department).await);
        }
        all_delivered(&app).await;
        set(&app, &format!("/Users/{}", people[3]), "active", json!(false)).await;
        all_delivered(&app).await;
        let file = configuration(&app, &engine, RULES);
        assert_eq!(plan(&file, &["--changes"]).await, "nobody gains or loses anything\n");
        let edited = RULES.replace("[\"Sales_Console\"]", "[\"Knowledge_Reader\"]");
        let file = configuration(&app, &engine, &edited);
        let text = plan(&file, &["--changes"]).await;
        assert!(text.contains("2 people gain (+) or lose (−) something:"), "{text}");
        assert!(text.contains("permission set \"Knowledge_Reader\": +2 −0"), "{text}");
        assert!(text.contains("permission set \"Sales_Console\": +0 −2"), "{text}");
        let csv = plan(&file, &["--changes", "--csv"]).await;
        let mut lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.remove(0), "userName,id,change,kind,name");
        assert_eq!(lines.len(), 4, "{csv}");
        let expected = format!("ada@example.com,{},gains,permission set,Knowledge_Reader", people[0]);
        assert!(lines.contains(&expected.as_str()), "{csv}");
        let json = plan(&file, &["--changes", "--json"]).await;
        let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let bob = lines.iter().find(|line| line["userName"] == "bob@example.com").expect("bob");
        assert_eq!(bob["gains"], json!([{ "kind": "permission_set", "name": "Knowledge_Reader" }]), "{bob}");
        // In force: just they are planned anew, and nobody pushed anything.
        let before = has(&app.state().await, "eve");
        let attempts = app.delivery(&format!("/Users/{}", people[2])).await["updated"].clone();
        reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(&edited)).await;
        let state = all_delivered(&app).await;
        for name in ["ada", "bob"] {
            assert_eq!(has(&state, name)[2], "Knowledge_Reader", "{name}");
        }
        assert_eq!(has(&state, "mallory")[2], "Sales_Console", "who cannot log in keeps what they had");
        assert_eq!(has(&state, "eve"), before);
        assert_eq!(app.delivery(&format!("/Users/{}", people[2])).await["updated"], attempts, "eve was not looked at");
    }
}
