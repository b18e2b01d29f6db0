//! The calls that a plan foresees, over HTTP and on the command line; and whether they are the ones that are made.

use scim_bridge::access::{NewToken, Scope};
use scim_bridge::config::Leaving;
use scim_bridge::sandbox::Faults;

use super::*;
use crate::support::app::{TENANT, answer};

fn url(app: &TestApp, id: &str) -> String {
    app.base().replace("/scim/v2", &format!("/admin/v1/users/{id}/plan"))
}

async fn plan(app: &TestApp, id: &str) -> Value {
    let answer = app.get(&url(app, id)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Method and path of each call of a plan that changes something.
fn foreseen(plan: &Value) -> Vec<String> {
    let calls = plan["calls"].as_array().expect("calls").iter().filter(|call| call["reads"] == false);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    calls.map(|call| format!("{} {}", text(&call["method"]), text(&call["path"]))).collect()
}

/// Method and path of each call that the org was asked since the one of a number, but for those that only read.
async fn made(app: &TestApp, after: u64) -> Vec<String> {
    let url = format!("{}/sandbox/journal?after={after}", app.org().url().trim_end_matches('/'));
    let journal = app.get(&url).await.body;
    let calls = journal.as_array().expect("a journal");
    let text = |call: &Value, key: &str| call[key].as_str().expect("text").to_owned();
    let line = |call: &Value| format!("{} {}", text(call, "method"), text(call, "path"));
    calls
        .iter()
        .filter(|call| call["method"] != "GET" && call["status"] != 503)
        .map(line)
        .filter(|line| !line.contains("oauth2"))
        .collect()
}

async fn number(app: &TestApp) -> u64 {
    app.calls().await["total"].as_u64().expect("a number")
}

both_engines! {
    /// Of somebody who is there and is to become another: the plan tells each call with what it gives and takes, and just
    /// these calls are made once it is put in force.
    async fn the_calls_that_are_foreseen_are_those_that_are_made(engine: Engine) {
        let app = start(&engine, RULES).await;
        let ada = person(&app, "ada", "Sales").await;
        let group = app.group("SF Support", &[]).await;
        let state = all_delivered(&app).await;
        let said = plan(&app, &ada).await;
        assert_eq!((&said["calls"], &said["next"]), (&json!([]), &json!("nothing to send")));
        let account = account(&state, "ada@example.com");
        app.org().org().set_faults(Faults { unavailable: 1.0, ..Faults::default() });
        department(&app, &ada, "Research").await;
        set(&app, &format!("/Users/{ada}"), "title", json!("Countess")).await;
        add(&app, &group, &[&ada]).await;
        let said = plan(&app, &ada).await;
        let calls = said["calls"].as_array().expect("calls").clone();
        let last = calls.last().expect("a call");
        let public_group = "public group \"West\"";
        assert_eq!(
            (&last["method"], &last["gives"], &last["takes"], &last["does"]),
            (
                &json!("POST"),
                &json!(["permission set \"Knowledge_Reader\"", "permission set group \"Sales_Team\""]),
                &json!(["permission set \"Sales_Console\"", public_group]),
                &json!("give 2, take away 2"),
            ),
            "{said:#}"
        );
        // What rules name and nobody was given yet is looked up first.
        let asked: Vec<&Value> = calls.iter().filter(|call| call["reads"] == true).map(|call| &call["does"]).collect();
        assert!(asked.contains(&&json!("look up the permission set \"Knowledge_Reader\"")), "{said:#}");
        let update = format!("PATCH /services/scim/v2/Users/{account}");
        let update_rest = update.replace("scim/v2/Users", "data/v66.0/sobjects/User");
        let expected = foreseen(&said);
        assert_eq!(expected.len(), 2, "{said:#}");
        assert!(expected[0] == update || expected[0] == update_rest, "{said:#}");
        let before = number(&app).await;
        app.org().org().set_faults(Faults::default());
        let state = all_delivered(&app).await;
        assert_eq!(made(&app, before).await, expected, "{said:#}");
        assert_eq!(has(&state, "ada")[2], "Knowledge_Reader");
    }

    /// Somebody who has no account yet, and somebody who leaves.
    async fn newcomers_and_leavers(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.groups.mirror.clear();
            tenant.accounts.on_deactivate = vec![Leaving::Freeze, Leaving::RemovePermissionSets, Leaving::Deactivate];
        })
        .await;
        app.org().org().set_faults(Faults { unavailable: 1.0, ..Faults::default() });
        let ada = person(&app, "ada", "Sales").await;
        let said = plan(&app, &ada).await;
        let does: Vec<&str> = said["calls"].as_array().expect("calls").iter().filter_map(|call| call["does"].as_str()).collect();
        let mut expected = vec![
            "look up the profile \"Standard User\"",
            "look up the role \"Sales Rep\"",
            "look up the permission set \"Sales_Console\"",
            "look up the public group \"West\"",
            "create an account over REST",
            "give 2",
        ];
        if does.contains(&"look for the account") {
            // A create was perhaps answered.
            expected.insert(4, "look for the account");
        }
        assert_eq!(does, expected, "{said:#}");
        let field = |name: &str| said["fields"].as_array().expect("fields").iter().find(|f| f["field"] == name).cloned();
        assert_eq!(field("ProfileId").expect("it")["wanted"], "profile \"Standard User\"");
        app.org().org().set_faults(Faults::default());
        all_delivered(&app).await;
        app.org().org().set_faults(Faults { unavailable: 1.0, ..Faults::default() });
        set(&app, &format!("/Users/{ada}"), "active", json!(false)).await;
        let said = plan(&app, &ada).await;
        let calls = said["calls"].as_array().expect("calls").clone();
        let does: Vec<&Value> = calls.iter().map(|call| &call["does"]).collect();
        let expected = [
            "look up the login of the account",
            "freeze the account",
            "read what the person has been given",
            "take away 1",
            "update IsActive",
        ];
        assert_eq!(does, expected, "{said:#}");
        let before = number(&app).await;
        app.org().org().set_faults(Faults::default());
        all_delivered(&app).await;
        let made = made(&app, before).await;
        assert_eq!(made.len(), 4, "{made:?}");
        assert!(made[0].contains("/sobjects/UserLogin/") && made[1..3].iter().all(|call| call.ends_with("/composite")));
    }

    /// A token shows the people of its own tenant, to administrators alone.
    async fn a_plan_is_for_administrators_of_the_same_tenant(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let other = tenant(config).clone();
            config.tenant.insert("other".to_owned(), other);
        })
        .await;
        let ada = app.user("ada").await;
        let group = app.group("SF West", &[]).await;
        all_delivered(&app).await;
        assert_eq!(plan(&app, &ada).await["id"], json!(ada));
        let access = app.app().access();
        let (_, scim) = access.create(NewToken::new(TENANT, "scim", vec![Scope::Scim])).await.expect("a token");
        let (_, theirs) = access.create(NewToken::new("other", "admin", vec![Scope::Admin])).await.expect("a token");
        let client = reqwest::Client::builder().build().expect("a client");
        assert_eq!(answer(client.get(url(&app, &ada))).await.status, 401);
        assert_eq!(answer(client.get(url(&app, &ada)).bearer_auth(&scim)).await.status, 403);
        let refused = answer(client.get(url(&app, &ada)).bearer_auth(&theirs)).await;
        assert_eq!(refused.status, 404, "{}", refused.body);
        assert!(!refused.body.to_string().contains("ada@"), "{}", refused.body);
        for id in ["nobody", group.as_str()] {
            assert_eq!(app.get(&url(&app, id)).await.status, 404, "{id}");
        }
        assert_eq!(app.delete(&format!("/Users/{ada}")).await.status, 204);
        assert_eq!(app.get(&url(&app, &ada)).await.status, 404, "deleted");
        let method = app.send(reqwest::Method::POST, &url(&app, "x"), None).await;
        assert_eq!((method.status.as_u16(), method.headers["allow"].to_str().expect("text")), (405, "GET, HEAD"));
    }

    /// Without a profile nobody is made, and the plan says so instead of a call; and what is protected is not touched.
    async fn what_will_not_be_sent_is_no_call(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            tenant(config).entitlements = entitlements("[[rules]]\nname = \"r\"\ngroup = \"x\"\nrole = \"CEO\"\n");
            tenant(config).protected = vec!["boss@example.com".to_owned()];
        })
        .await;
        let (ada, boss) = (app.user("ada").await, app.user("boss").await);
        until(&app, &format!("/Users/{ada}"), "held").await;
        until(&app, &format!("/Users/{boss}"), "rejected").await;
        let said = plan(&app, &ada).await;
        assert_eq!(said["calls"], json!([]));
        assert!(said["next"].as_str().expect("words").starts_with("no profile for this person"), "{said:#}");
        let said = plan(&app, &boss).await;
        assert_eq!((&said["calls"], &said["error"]), (&json!([]), &json!("the account boss@example.com is protected by the configuration")));
    }
}
