//! What happens to somebody who leaves, and what they have when they are back.

use scim_bridge::config::Leaving;
use serde_json::{Value, json};

use super::*;

const WHOLE: [Leaving; 4] =
    [Leaving::Freeze, Leaving::RemovePermissionSets, Leaving::RemoveGroups, Leaving::Deactivate];

/// A bridge that takes everything from those who leave; `lacks`: a right that the integration user does not have.
async fn ladder(engine: &Engine, lacks: Option<&str>) -> TestApp {
    TestApp::start_with(
        engine,
        |org| {
            if let Some(lacks) = lacks {
                org.rest.integration_permissions.push(lacks.to_owned());
            }
        },
        |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.groups.mirror = vec!["Mirrored *".to_owned()];
            tenant.accounts.on_deactivate = WHOLE.to_vec();
        },
    )
    .await
}

/// Somebody of Sales with a permission set and a group by hand, and a mirrored group. Answers our id and the account's.
async fn ada(app: &TestApp) -> (String, String) {
    let ada = person(app, "ada", "Sales").await;
    app.group("Mirrored Team", &[&ada]).await;
    let id = account(&all_delivered(app).await, "ada@example.com");
    by_hand(app, &id, "Knowledge_Reader");
    app.org().org().with_store(|store| {
        let group = store.group_named("All Regions").expect("it");
        store.add_member(&group, &id).expect("added");
    });
    (ada, id)
}

fn is_frozen(app: &TestApp, id: &str) -> bool {
    app.org().org().with_store(|store| store.user(id).expect("the account").frozen)
}

fn everything() -> Value {
    json!([
        "Standard User",
        "Sales Rep",
        "Knowledge_Reader+Sales_Console",
        "",
        "",
        ["West", "All Regions", "Mirrored Team"]
    ])
}

both_engines! {
    /// Somebody leaves and comes back under another name before anything of it is delivered: the account is found by the
    /// federation id. What the bridge wrote and gave is still its own to take away.
    async fn who_comes_back_under_another_name_keeps_nothing_that_was_given(engine: Engine) {
        let app = super::start(&engine, super::RULES).await;
        let ada = super::person(&app, "ada", "Sales").await;
        let path = format!("/Users/{ada}");
        super::set(&app, &path, "title", json!("Countess")).await;
        super::set(&app, &path, "externalId", json!("A-1")).await;
        super::all_delivered(&app).await;
        app.org().org().set_faults(scim_bridge::sandbox::Faults { outage: true, ..Default::default() });
        assert_eq!(app.delete(&path).await.status, 204);
        let mut body = super::user("king");
        body["externalId"] = json!("A-1");
        assert_eq!(app.post("/Users", &body).await.status, 201);
        app.org().org().set_faults(scim_bridge::sandbox::Faults::default());
        let state = super::all_delivered(&app).await;
        assert_eq!(state.users().len(), 1);
        assert_eq!(super::has(&state, "king"), json!(["Minimum Access - Salesforce", null, "", "", "", []]));
        assert_eq!(state.user("king@example.com").expect("it")["Title"], json!(null));
    }

    /// Step by step, and back again: what was by hand is by hand again, and what rules gave is the rules'.
    async fn who_leaves_loses_everything_and_has_it_again_when_they_are_back(engine: Engine) {
        let app = ladder(&engine, None).await;
        let (ada, id) = ada(&app).await;
        let path = format!("/Users/{ada}");
        set(&app, &path, "active", json!(false)).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], false);
        assert_eq!(has(&state, "ada"), json!(["Standard User", "Sales Rep", "", "", "", ["Mirrored Team"]]));
        assert!(is_frozen(&app, &id));
        set(&app, &path, "active", json!(true)).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], true);
        assert_eq!(has(&state, "ada"), everything());
        assert!(!is_frozen(&app, &id));
        department(&app, &ada, "Research").await;
        let state = all_delivered(&app).await;
        let kept = json!(["Minimum Access - Salesforce", null, "Knowledge_Reader", "", "", ["All Regions", "Mirrored Team"]]);
        assert_eq!(has(&state, "ada"), kept, "what was by hand stays");
    }

    /// The same for somebody who is deleted and comes back under the same name.
    async fn who_was_deleted_and_comes_back_has_what_they_had(engine: Engine) {
        let app = ladder(&engine, None).await;
        let (ada, id) = ada(&app).await;
        assert_eq!(app.delete(&format!("/Users/{ada}")).await.status, 204);
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[2], "");
        assert!(is_frozen(&app, &id));
        person(&app, "ada", "Sales").await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], true);
        assert_eq!(has(&state, "ada")[2], "Knowledge_Reader+Sales_Console");
        assert!(!is_frozen(&app, &id));
    }

    /// An answer that never came is no reason to stay frozen, nor is another name.
    async fn who_is_back_can_log_in_whatever_was_lost(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.groups.mirror = vec!["Mirrored *".to_owned()];
            tenant.accounts.on_deactivate = WHOLE.to_vec();
            config.delivery.retry = vec![std::time::Duration::from_hours(1)];
        })
        .await;
        let (ada, id) = ada(&app).await;
        let path = format!("/Users/{ada}");
        app.org().org().set_faults(scim_bridge::sandbox::Faults { lost_answer_next: 1, ..Default::default() });
        set(&app, &path, "active", json!(false)).await;
        let is_tried = async || is_frozen(&app, &id) && app.delivery(&path).await["state"] != "delivering";
        eventually("she is frozen, and the try is over", is_tried).await;
        set(&app, &path, "active", json!(true)).await;
        until(&app, &path, "delivered").await;
        assert!(!is_frozen(&app, &id));
        assert_eq!(has(&app.state().await, "ada"), everything());
        // Back under another name: the account is found by who they are.
        set(&app, &path, "externalId", json!("e-1815")).await;
        until(&app, &path, "delivered").await;
        assert_eq!(app.delete(&path).await.status, 204);
        all_delivered(&app).await;
        assert!(is_frozen(&app, &id));
        let mut body = user("countess");
        body["externalId"] = json!("e-1815");
        body[ENTERPRISE] = json!({ "department": "Sales" });
        assert_eq!(app.post("/Users", &body).await.status, 201);
        let state = all_delivered(&app).await;
        assert_eq!(account(&state, "countess@example.com"), id);
        assert!(!is_frozen(&app, &id));
        assert_eq!(has(&state, "countess")[2], "Knowledge_Reader+Sales_Console");
    }

    /// What Salesforce does not expect keeps nobody in either.
    async fn an_unexpected_error_does_not_keep_anybody_in(engine: Engine) {
        let app = ladder(&engine, None).await;
        let (ada, id) = ada(&app).await;
        app.org().org().set_faults(scim_bridge::sandbox::Faults { unknown_exceptions: 1, ..Default::default() });
        set(&app, &format!("/Users/{ada}"), "active", json!(false)).await;
        app.settled().await;
        let state = app.state().await;
        assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], false);
        assert_eq!(has(&state, "ada")[2], "", "and everything was taken away all the same");
        assert!(!is_frozen(&app, &id), "which is what failed");
    }

    /// What the integration user may not do keeps nobody in.
    async fn a_step_that_is_refused_does_not_keep_anybody_in(engine: Engine) {
        for right in ["PermissionsFreezeUsers", "PermissionsAssignPermissionSets"] {
            let engine = engine.another();
            let app = ladder(&engine, Some(right)).await;
            let ada = person(&app, "ada", "Sales").await;
            app.settled().await;
            by_hand(&app, &account(&app.state().await, "ada@example.com"), "Knowledge_Reader");
            set(&app, &format!("/Users/{ada}"), "active", json!(false)).await;
            app.settled().await;
            let state = app.state().await;
            assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], false, "{right}");
            let said = words(&app, &format!("/Users/{ada}")).await;
            assert!(said.contains("was not"), "{right}: {said}");
        }
    }
}
