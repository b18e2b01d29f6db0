//! Permission sets, licences, profiles.

use std::sync::Arc;

use scim_bridge::clock::SystemClock;
use scim_bridge::config::Rest;
use scim_bridge::entitlement::{Grant, Kind};
use scim_bridge::salesforce::{Cause, Change, Client, Flow, Held, Settings};
use scim_bridge::sandbox::{PermissionSetGroupSeed, PermissionSetLicenceSeed, PermissionSetSeed};
use serde_json::{Value, json};

use super::{account, all_delivered, set, tenant, until, words};
use crate::entitlements::by_hand;
use crate::support::app::{OrgState, TestApp};
use crate::support::eventually;

/// A client of the org, as the bridge has one.
fn client(app: &TestApp) -> Client {
    let flow = Flow::ClientCredentials { client_id: "3MVG9sandboxClient".into(), client_secret: "secret".into() };
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    Client::new(Settings::new("acme", app.org().url().parse().expect("a URL"), flow), http, Arc::new(SystemClock))
}

/// The id of something that the org names.
fn named(state: &OrgState, list: &str, key: &str, name: &str) -> String {
    let all = state.0[list].as_array().unwrap_or_else(|| panic!("no {list}"));
    let found = all.iter().find(|entry| entry[key] == name).unwrap_or_else(|| panic!("no {name}: {all:?}"));
    found["Id"].as_str().expect("an id").to_owned()
}

/// Rules that give this to whoever has the title T.
fn ruled(gives: &str) -> scim_bridge::config::Entitlements {
    let text =
        format!("default_profile = \"Standard User\"\n[[rules]]\nname = \"title\"\nwhen = 'title eq \"T\"'\n{gives}");
    toml::from_str(&text).expect("entitlements")
}

/// Makes the platform refuse to deactivate an account, or no longer.
fn undeactivatable(app: &TestApp, id: &str, because: Option<&str>) {
    app.org().org().with_store(|store| {
        let mut user = store.user(id).expect("the account").clone();
        user.undeactivatable = because.map(str::to_owned);
        store.restore_user(user);
    });
}

both_engines! {
    /// A push of a profile overwrites permission sets that were given by hand.
    async fn no_10_permission_sets_given_by_hand_are_overwritten(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        let ada = account(&all_delivered(&app).await, "ada@example.com");
        by_hand(&app, &ada, "Sales_Console");
        let path = format!("/Users/{id}");
        set(&app, &path, "title", json!("T")).await;
        set(&app, &path, "userName", json!("lovelace@example.com")).await;
        all_delivered(&app).await;
        set(&app, &path, "active", json!(false)).await;
        all_delivered(&app).await;
        set(&app, &path, "active", json!(true)).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("lovelace@example.com").expect("ada")["PermissionSets"], json!(["Sales_Console"]));
    }

    /// The same where it is the profile itself that is pushed, by a rule.
    async fn no_10_a_profile_that_is_pushed_overwrites_nothing(engine: Engine) {
        for rest in [Rest::WhenNeeded, Rest::Never] {
            let fresh = engine.another();
            let app = TestApp::start_with(&fresh, |_| {}, |config| {
                tenant(config).salesforce.rest = rest;
                tenant(config).entitlements = ruled("profile = \"System Administrator\"");
            })
            .await;
            let id = app.user("ada").await;
            let ada = account(&all_delivered(&app).await, "ada@example.com");
            by_hand(&app, &ada, "Sales_Console");
            set(&app, &format!("/Users/{id}"), "title", json!("T")).await;
            let state = all_delivered(&app).await;
            let ada = state.user("ada@example.com").expect("ada");
            assert_eq!(ada["Profile"], "System Administrator", "it was pushed");
            assert_eq!(ada["PermissionSets"], json!(["Sales_Console"]), "given by hand");
        }
    }

    /// A permission set of another licence: the delivery names it and the person's licence, and gives what fits.
    async fn no_11_a_delivery_says_which_licence_does_not_fit(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let rules = "permission_sets = [\"Account_Reader\", \"Sales_Console\"]";
            tenant(config).entitlements =
                scim_bridge::config::Entitlements { default_profile: Some("Standard Platform User".into()), ..ruled(rules) };
        })
        .await;
        let id = app.user("ada").await;
        all_delivered(&app).await;
        let path = format!("/Users/{id}");
        set(&app, &path, "title", json!("T")).await;
        let mut said = String::new();
        eventually("what is said of the permission set", async || {
            said = words(&app, &path).await;
            said.contains("Account_Reader")
        })
        .await;
        assert!(said.contains("licence"), "{said}");
        assert!(!said.starts_with("\"delivered\""), "it is not as asked: {said}");
        app.settled().await;
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["PermissionSets"], json!(["Sales_Console"]));
    }

    /// Rules give what SCIM does not know, and take it away again to the last permission set.
    async fn no_12_rules_give_and_take_what_scim_does_not_know(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            tenant(config).entitlements = ruled(
                "permission_sets = [\"Analytics_Viewer\"]\npermission_set_groups = [\"Sales_Team\"]\n\
                 permission_set_licenses = [\"Analytics\"]",
            );
        })
        .await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        let has = |state: &OrgState| {
            let ada = state.user("ada@example.com").expect("ada");
            json!([ada["PermissionSets"], ada["PermissionSetGroups"], ada["PermissionSetLicenses"]])
        };
        assert_eq!(has(&all_delivered(&app).await), json!([[], [], []]));
        set(&app, &path, "title", json!("T")).await;
        assert_eq!(has(&all_delivered(&app).await), json!([["Analytics_Viewer"], ["Sales_Team"], ["Analytics"]]));
        set(&app, &path, "title", json!("U")).await;
        assert_eq!(has(&all_delivered(&app).await), json!([[], [], []]), "the last one, too");
    }

    /// A permission set or profile of another licence, and a message that nobody understands.
    async fn no_11_licences_that_do_not_fit(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            tenant(config).entitlements.default_profile = Some("Standard Platform User".into());
        })
        .await;
        app.user("ada").await;
        let state = all_delivered(&app).await;
        let wrong = Grant::new(Kind::PermissionSet, named(&state, "PermissionSets", "Name", "Account_Reader"));
        let right = Grant::new(Kind::PermissionSet, named(&state, "PermissionSets", "Name", "Sales_Console"));
        let ada = account(&state, "ada@example.com");
        let outcomes = client(&app).change_grants(&ada, &[Change::Give(wrong), Change::Give(right)]).await.expect("a call");
        let refused = outcomes[0].as_ref().expect_err("another licence");
        assert_eq!(refused.cause(), Some(Cause::LicenceMismatch));
        let said = refused.to_string();
        assert!(said.contains("another kind of Salesforce licence") && said.contains("Read Accounts"), "{said}");
        assert!(matches!(&outcomes[1], Ok(Some(_))), "what fits is given all the same");
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["PermissionSets"], json!(["Sales_Console"]));
    }

    /// SCIM knows no permission set groups and no permission set licences, and cannot take the last permission set away.
    async fn no_12_what_scim_does_not_know(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| {
            org.permission_set_licences =
                vec![PermissionSetLicenceSeed { developer_name: "Analytics".into(), label: None, total: 5 }];
            org.permission_sets.push(PermissionSetSeed {
                name: "Dashboards".into(), label: "Dashboards".into(),
                permission_set_licence: Some("Analytics".into()), ..PermissionSetSeed::default()
            });
            org.permission_set_groups = vec![PermissionSetGroupSeed {
                developer_name: "Sales_Team".into(), label: None, permission_sets: vec!["Sales_Console".into()],
            }];
        }, |_| {})
        .await;
        app.user("ada").await;
        let state = all_delivered(&app).await;
        let ada = account(&state, "ada@example.com");
        let by_hand = named(&state, "PermissionSets", "Name", "Knowledge_Reader");
        app.org().org().with_store(|store| store.assign(&ada, &by_hand).map(drop)).expect("assigned by hand");
        let grants = [
            Grant::new(Kind::PermissionSet, named(&state, "PermissionSets", "Name", "Dashboards")),
            Grant::new(Kind::PermissionSetGroup, named(&state, "PermissionSetGroups", "Name", "Sales_Team")),
            Grant::new(Kind::PermissionSetLicence, named(&state, "PermissionSetLicenses", "Name", "Analytics")),
        ];
        let client = client(&app);
        let give: Vec<Change> = grants.iter().cloned().map(Change::Give).collect();
        let made = client.change_grants(&ada, &give).await.expect("a call");
        assert!(made.iter().all(|made| matches!(made, Ok(Some(_)))), "in any order: {made:?}");
        assert_eq!(client.change_grants(&ada, &give).await.expect("a call"), [Ok(None), Ok(None), Ok(None)], "again");
        let held = client.grants(&ada).await.expect("a call").expect("ada").held;
        assert_eq!(held.len(), 4, "{held:?}");
        let shown = |state: &OrgState, what: &str| state.user("ada@example.com").expect("ada")[what].clone();
        let state = app.state().await;
        assert_eq!(shown(&state, "PermissionSetGroups"), json!(["Sales_Team"]));
        assert_eq!(shown(&state, "PermissionSetLicenses"), json!(["Analytics"]));
        // One by one, the last one too; what was given by hand stays.
        let take: Vec<Change> =
            held.into_iter().filter(|held: &Held| grants.contains(&held.grant)).map(Change::Take).collect();
        let taken = client.change_grants(&ada, &take).await.expect("a call");
        assert!(taken.iter().all(Result::is_ok), "{taken:?}");
        let state = app.state().await;
        assert_eq!(shown(&state, "PermissionSets"), json!(["Knowledge_Reader"]));
        assert_eq!((shown(&state, "PermissionSetGroups"), shown(&state, "PermissionSetLicenses")), (json!([]), json!([])));
        assert_eq!(state.0["Users"].as_array().map(Vec::len), Some(2), "{}", Value::Null);
    }

    /// A deactivation that the platform refuses leaves the person in.
    async fn who_cannot_be_deactivated_is_frozen_and_let_in_again_when_wanted(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let account = account(&all_delivered(&app).await, "ada@example.com");
        undeactivatable(&app, &account, Some("default case owner"));
        let path = format!("/Users/{ada}");
        let change = json!([{ "op": "replace", "value": { "active": false, "title": "left" } }]);
        assert_eq!(app.patch(&path, change).await.status, 200);
        until(&app, &path, "held").await;
        let said = words(&app, &path).await;
        assert!(said.contains("frozen") && said.contains("default case owner"), "{said}");
        let state = app.state().await;
        let held = state.user("ada@example.com").expect("ada");
        assert_eq!((&held["IsActive"], &held["IsFrozen"]), (&json!(true), &json!(true)));
        // Frozen by somebody else: not ours to undo.
        app.org().org().with_store(|store| store.freeze(&super::account(&state, "eve@example.com"), true)).expect("frozen");
        set(&app, &format!("/Users/{eve}"), "title", json!("T")).await;
        // Wanted again.
        set(&app, &path, "active", json!(true)).await;
        let state = all_delivered(&app).await;
        let shown = |name: &str| state.user(name).expect("an account")["IsFrozen"].clone();
        assert_eq!((shown("ada@example.com"), shown("eve@example.com")), (json!(false), json!(true)));
        // Mended: the next try deactivates.
        set(&app, &path, "active", json!(false)).await;
        until(&app, &path, "held").await;
        undeactivatable(&app, &account, None);
        let db = scim_bridge::db::Db::open(engine.url(), 1).expect("opens");
        let now = chrono::DateTime::UNIX_EPOCH;
        let order = scim_bridge::delivery::hand::Order::Retry;
        scim_bridge::delivery::hand::order(&db, None, &ada, order, now).await.expect("a try");
        until(&app, &path, "delivered").await;
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["IsActive"], false);
    }
}
