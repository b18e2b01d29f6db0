//! Troubles of the org, and forms that only Salesforce has.

use scim_bridge::config::Flow;
use scim_bridge::sandbox::Faults;
use serde_json::json;

use super::{all_delivered, calls, seed, set, until, words};
use crate::salesforce::{JWT_KEY, JWT_PUBLIC_KEY};
use crate::support::app::{FastClock, TestApp};

/// An order to the org.
async fn order(app: &TestApp, what: &str, body: &serde_json::Value) {
    let answer = app.post(&format!("{}/sandbox/{what}", app.org().url()), body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

const SETS_FOR_ALL: &str = r#"
default_profile = "Standard User"
[[rules]]
name = "all"
when = "userName pr"
permission_sets = ["Knowledge_Reader"]
"#;

both_engines! {
    /// Discovery breaks because Salesforce's path is plural.
    async fn no_02_the_configuration_is_under_another_path(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.switches.singular_config = false, |_| {}).await;
        let ada = app.user("ada").await;
        app.group("SF West", &[&ada]).await;
        all_delivered(&app).await;
        let counters = app.calls().await;
        assert_eq!(counters["refused"], json!({}), "no call that this org does not know: {counters}");
    }

    /// Members go in a form that is not the standard's, and a replaced group answers nothing.
    async fn no_03_members_need_a_form_of_their_own(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let group = app.group("SF West", &[&ada, &eve]).await;
        all_delivered(&app).await;
        super::super::deliveries::remove(&app, &group, &ada).await;
        set(&app, &format!("/Groups/{group}"), "displayName", json!("SF East")).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("SF East"), Some(vec!["eve@example.com".to_owned()]));
        let journal = app.org().org().journal();
        assert!(journal.as_array().expect("calls").iter().all(|call| call["method"] != "PUT"), "{journal}");
        assert_eq!(app.calls().await["refused"], json!({}));
    }

    /// The integration's password was reset, its address is no longer allowed, its rights are gone: everything stops and
    /// nobody says why; afterwards changes are missing.
    async fn no_15_the_login_of_the_integration_ends(engine: Engine) {
        let mut app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        all_delivered(&app).await;
        app.org().org().revoke_sessions();
        let before = app.delivery(&format!("/Users/{ada}")).await["attempts"].clone();
        app.reconfigure(|config| {
            super::tenant(config).salesforce.client_secret = Some(secrecy::SecretString::from("rotated"));
        })
        .await;
        let eve = app.user("eve").await;
        let path = format!("/Users/{eve}");
        until(&app, &path, "retrying").await;
        let said = words(&app, &path).await;
        assert!(said.contains("the consumer secret is wrong") && !said.contains("rotated\""), "{said}");
        assert!(calls(&app, "token").await <= 3, "a few wrong logins in a row would lock the user out");
        app.reconfigure(|config| {
            super::tenant(config).salesforce.client_secret = Some(secrecy::SecretString::from("secret"));
        })
        .await;
        let state = all_delivered(&app).await;
        assert!(state.user("eve@example.com").is_some(), "nothing is missing");
        assert_eq!(app.delivery(&format!("/Users/{ada}")).await["attempts"], before);
        // The bridge's address is no longer among those that may log in.
        let refused = json!({ "error": "invalid_grant", "description": "ip restricted" });
        order(&app, "login-error", &refused).await;
        app.org().org().revoke_sessions();
        let kim = format!("/Users/{}", app.user("kim").await);
        until(&app, &kim, "retrying").await;
        let said = words(&app, &kim).await;
        assert!(said.contains("ip restricted") && said.contains("IP"), "{said}");
        order(&app, "login-error", &json!(null)).await;
        app.restart().await;
        let state = all_delivered(&app).await;
        assert!(state.user("kim@example.com").is_some(), "nothing is missing");
    }

    /// The integration user loses rights. What needs them waits, says for what, and goes out by itself when they are back.
    async fn no_15_the_rights_of_the_integration_end(engine: Engine) {
        for (lacking, label) in
            [("PermissionsManageUsers", "Manage Users"), ("PermissionsAssignPermissionSets", "Assign Permission Sets")]
        {
            // A minute passes in a second.
            let clock = FastClock::of(60.0);
            let fresh = engine.another();
            let app = TestApp::start_at(&fresh, clock, |_| {}, |config| {
                super::tenant(config).entitlements = toml::from_str(SETS_FOR_ALL).expect("entitlements");
                config.delivery.lease = std::time::Duration::from_hours(1);
            })
            .await;
            let ada = format!("/Users/{}", app.user("ada").await);
            all_delivered(&app).await;
            order(&app, "rights", &json!({ "lacking": [lacking] })).await;
            let mut lost = Vec::new();
            for n in 0..20 {
                lost.push(format!("/Users/{}", app.user(&format!("lost{n}")).await));
            }
            set(&app, &ada, "title", json!("T")).await;
            until(&app, &lost[0], "held").await;
            let said = words(&app, &lost[0]).await;
            assert!(said.contains(&format!("lacks {label};")) && said.contains("in Setup"), "what to do: {said}");
            assert!(said.contains("INSUFFICIENT_ACCESS"), "Salesforce's own words: {said}");
            let status = app.status().await;
            assert_eq!(status["rejected"], 0, "{status}");
            if label == "Manage Users" {
                let refused = app.calls().await["refused"]["forbidden"].as_u64().unwrap_or_default();
                assert!(refused < 15, "not each of 21 has to find out for itself: {refused}");
            } else {
                until(&app, &ada, "delivered").await;
            }
            order(&app, "rights", &json!({ "lacking": [] })).await;
            for path in lost.iter().chain([&ada]) {
                until(&app, path, "delivered").await;
            }
            let state = all_delivered(&app).await;
            for user in state.users() {
                assert_eq!(user["PermissionSets"], json!(["Knowledge_Reader"]), "nothing is missing: {user}");
            }
            assert_eq!(state.users().len(), 21);
        }
    }

    /// Each way to log in carries deliveries, and goes on when the session ends.
    async fn every_flow_delivers_and_outlives_its_session(engine: Engine) {
        let username = "integration@acme.example";
        let mut app = TestApp::start_with(&engine, |org| {
            org.jwt_public_key = Some(JWT_PUBLIC_KEY.to_owned());
            org.refresh_tokens.insert("5Aep861".to_owned(), username.to_owned());
        }, |_| {})
        .await;
        for (n, flow) in [Flow::RefreshToken, Flow::JwtBearer, Flow::ClientCredentials].into_iter().enumerate() {
            app.reconfigure(|config| {
                let salesforce = &mut super::tenant(config).salesforce;
                salesforce.flow = flow;
                salesforce.client_secret = (flow != Flow::JwtBearer).then(|| "secret".into());
                salesforce.refresh_token = (flow == Flow::RefreshToken).then(|| "5Aep861".into());
                salesforce.username = (flow == Flow::JwtBearer).then(|| username.to_owned());
                salesforce.private_key = (flow == Flow::JwtBearer).then(|| JWT_KEY.into());
            })
            .await;
            let id = app.user(&format!("ada{n}")).await;
            all_delivered(&app).await;
            let logins = calls(&app, "token").await;
            app.org().org().revoke_sessions();
            set(&app, &format!("/Users/{id}"), "title", json!("T")).await;
            let state = all_delivered(&app).await;
            assert_eq!(state.user(&format!("ada{n}@example.com")).expect("an account")["Title"], "T");
            assert_eq!(calls(&app, "token").await - logins, 1, "for all whose session ended");
            assert_eq!(app.delivery(&format!("/Users/{id}")).await["attempts"], 0, "no try was burnt");
        }
    }

    /// Parallel changes of the same users and groups lock each other out.
    async fn no_19_rows_are_locked(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ids = [app.user("ada").await, app.user("eve").await, app.user("kim").await];
        all_delivered(&app).await;
        app.org().org().set_faults(Faults { row_locks: 7, ..Faults::default() });
        for id in &ids {
            set(&app, &format!("/Users/{id}"), "title", json!("T")).await;
        }
        app.group("SF West", &[&ids[0], &ids[1], &ids[2]]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("SF West").expect("it").len(), 3);
        assert!(state.users().iter().all(|user| user["Title"] == "T"));
    }

    /// A profile with delegated authentication makes every change an unknown error, and the connector hammers on.
    async fn no_20_an_unknown_error_that_comes_back_each_time(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            config.delivery.retry = vec![std::time::Duration::from_millis(1)];
        })
        .await;
        let ada = app.user("ada").await;
        all_delivered(&app).await;
        let path = format!("/Users/{ada}");
        app.org().org().set_faults(Faults { unknown_exceptions: 1000, ..Faults::default() });
        set(&app, &path, "title", json!("T")).await;
        until(&app, &path, "retrying").await;
        assert!(words(&app, &path).await.contains("1860233312-48374"), "Salesforce support asks for it");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(calls(&app, "user_update_scim").await <= 2, "{}", app.calls().await);
    }

    /// Connectors that were never tried against anything: the simulated org refuses the forms of the standard that
    /// Salesforce does not take, so that a client which works here has met them.
    async fn no_21_nothing_to_try_a_connector_against(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        app.group("SF West", &[&ada]).await;
        all_delivered(&app).await;
        let id = super::account(&app.state().await, "ada@example.com");
        let url = app.org().url().to_owned();
        let http = reqwest::Client::builder().build().expect("a client");
        let form = [("grant_type", "client_credentials"), ("client_id", "3MVG9sandboxClient"), ("client_secret", "secret")];
        let login = http.post(format!("{url}/services/oauth2/token")).form(&form).send().await.expect("an answer");
        let login: serde_json::Value = login.json().await.expect("JSON");
        let token = login["access_token"].as_str().expect("a token").to_owned();
        let patch = |path: String, operations: serde_json::Value| {
            let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
            let body = json!({ "schemas": [schema], "Operations": operations }).to_string();
            http.patch(format!("{url}/services/scim/v2{path}")).bearer_auth(&token)
                .header("Content-Type", "application/scim+json").body(body).send()
        };
        let wrong = json!([{ "op": "replace", "path": "active", "value": false }]);
        assert!(patch(format!("/Users/{id}"), wrong).await.expect("an answer").status().is_server_error());
        let array = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        let groups = app.state().await;
        let group = groups.0["Groups"].as_array().expect("groups").iter().find(|g| g["Name"] == "SF West").expect("it");
        let answer = patch(format!("/Groups/{}", group["Id"].as_str().expect("an id")), array).await.expect("an answer");
        assert!(!answer.status().is_success(), "{}", answer.status());
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["IsActive"], true);
    }

    /// Groups are hoped for, and an extra program is built for them.
    async fn no_22_groups_do_not_come(engine: Engine) {
        let app = TestApp::start(&engine).await;
        seed(&app, "by.hand@example.com", true, &[]);
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let inner = app.group("SF Inner", &[&ada]).await;
        app.group("SF Outer", &[&inner, &eve]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("SF Inner"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(state.members("SF Outer"), Some(vec!["eve@example.com".to_owned()]));
        assert_eq!(state.groups(), ["SF Inner", "SF Outer"]);
    }

    /// Groups of the identity provider that are none in Salesforce give what their members shall have there.
    async fn no_22_groups_give_entitlements(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = super::tenant(config);
            tenant.groups.mirror.clear();
            tenant.entitlements = toml::from_str(
                "default_profile = \"Standard User\"\n[[rules]]\nname = \"sales\"\ngroup = \"SF Sales\"\n\
                 permission_sets = [\"Sales_Console\"]\npublic_groups = [\"West\"]",
            )
            .expect("entitlements");
        })
        .await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let group = app.group("SF Sales", &[&ada]).await;
        let has = |state: &crate::support::app::OrgState, name: &str| {
            let user = state.user(name).expect("an account");
            json!([user["PermissionSets"], user["Groups"]])
        };
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada@example.com"), json!([["Sales_Console"], ["West"]]));
        assert_eq!(has(&state, "eve@example.com"), json!([[], []]));
        super::super::deliveries::add(&app, &group, &[&eve]).await;
        super::super::deliveries::remove(&app, &group, &ada).await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada@example.com"), json!([[], []]));
        assert_eq!(has(&state, "eve@example.com"), json!([["Sales_Console"], ["West"]]));
        assert!(state.groups().is_empty(), "the group itself is none of the org's");
    }
}
