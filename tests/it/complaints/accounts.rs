//! Accounts: who gets one, and under which name.

use std::sync::Arc;

use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::{Settings, UsernameRegistry};
use serde_json::json;

use super::{account, all_delivered, calls, creates, seed, set, tenant, until, words};
use crate::support::app::{TestApp, user};

both_engines! {
    /// A generic SCIM client names no profile, and Salesforce answers 409 as if the user were there.
    async fn no_01_a_user_without_a_profile_is_a_409(engine: Engine) {
        let mut app = TestApp::start(&engine).await;
        app.user("ada").await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["Profile"], "Minimum Access - Salesforce");
        app.reconfigure(|config| tenant(config).entitlements.default_profile = None).await;
        let id = app.user("eve").await;
        until(&app, &format!("/Users/{id}"), "held").await;
        assert!(words(&app, &format!("/Users/{id}")).await.contains("no profile for this person"));
        assert_eq!(creates(&app).await, 1, "nothing is sent that cannot succeed");
    }

    /// The username belongs to somebody in an org that nobody here knows.
    async fn no_04_a_username_is_taken_in_another_org(engine: Engine) {
        let registry = Arc::new(UsernameRegistry::default());
        let elsewhere = Settings { my_domain: "elsewhere".into(), integration_username: "integration@elsewhere.example".into(), registry: Arc::clone(&registry), ..Settings::default() };
        let elsewhere = scim_bridge::sandbox::Org::open(elsewhere).expect("an org");
        elsewhere.with_store(|store| {
            let mut stranger = store.blank_user(chrono::DateTime::UNIX_EPOCH);
            let profile = store.profile_named("Standard User").expect("it");
            for (field, value) in [
                (Field::Username, "ada@example.com"), (Field::LastName, "S"), (Field::Email, "s@example.com"),
                (Field::Alias, "s"), (Field::CommunityNickname, "s"), (Field::LanguageLocaleKey, "en_US"),
                (Field::LocaleSidKey, "en_US"), (Field::TimeZoneSidKey, "America/Los_Angeles"),
                (Field::EmailEncodingKey, "UTF-8"), (Field::ProfileId, profile.as_str()),
            ] {
                stranger.set(field, value);
            }
            store.insert_user(stranger).expect("inserted");
        });
        let app = TestApp::start_with(&engine, |org| org.registry = registry, |_| {}).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let path = format!("/Users/{ada}");
        until(&app, &path, "rejected").await;
        let said = words(&app, &path).await;
        assert!(said.contains("unique across all Salesforce orgs") && said.contains("DUPLICATE_USERNAME"), "{said}");
        until(&app, &format!("/Users/{eve}"), "delivered").await;
        set(&app, &path, "userName", json!("ada@acme.example")).await;
        assert!(all_delivered(&app).await.user("ada@acme.example").is_some());
    }

    /// Licences run out in the middle of a cycle, and everything behind stops or is lost.
    async fn no_05_licences_run_out_in_the_middle(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.licences = vec![("Salesforce".into(), 3)], |_| {}).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        all_delivered(&app).await;
        let waiting = [app.user("kim").await, app.user("lee").await];
        for id in &waiting {
            until(&app, &format!("/Users/{id}"), "held").await;
            assert!(words(&app, &format!("/Users/{id}")).await.contains("licence"));
        }
        set(&app, &format!("/Users/{ada}"), "title", json!("T")).await;
        until(&app, &format!("/Users/{ada}"), "delivered").await;
        assert_eq!(app.delete(&format!("/Users/{ada}")).await.status, 204);
        set(&app, &format!("/Users/{eve}"), "active", json!(false)).await;
        for id in &waiting {
            until(&app, &format!("/Users/{id}"), "delivered").await;
        }
        let state = all_delivered(&app).await;
        assert_eq!(state.users().iter().filter(|user| user["IsActive"] == true).count(), 2);
    }

    /// A person who left still has the username and nickname, and the new account is refused.
    async fn no_16_who_comes_back_finds_the_name_taken_by_their_own_old_account(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let old = seed(&app, "ada@example.com", false, &[
            (Field::FederationIdentifier, "ext-ada"), (Field::CommunityNickname, "ada@example.com"),
        ]);
        app.user("ada").await;
        let state = all_delivered(&app).await;
        assert_eq!(account(&state, "ada@example.com"), old);
        assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], true);
        assert_eq!(state.users().len(), 1);
        // Under another name, too: the federation id tells who they are.
        let renamed = seed(&app, "eve.old@example.com", false, &[(Field::FederationIdentifier, "ext-eve")]);
        app.user("eve").await;
        assert_eq!(account(&all_delivered(&app).await, "eve@example.com"), renamed);
    }

    /// Two people with the same nickname, or whose long usernames begin alike.
    async fn no_17_a_nickname_is_taken(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let long = "x".repeat(45);
        for name in [format!("{long}1"), format!("{long}2")] {
            app.user(&name).await;
        }
        let state = all_delivered(&app).await;
        let nicknames: Vec<_> = state.users().iter().map(|user| user["CommunityNickname"].clone()).collect();
        assert_eq!(nicknames.len(), 2);
        assert_ne!(nicknames[0], nicknames[1]);
        assert!(nicknames.iter().all(|name| name.as_str().expect("a name").len() <= 40), "{nicknames:?}");
    }

    /// One broken person stops the whole cycle.
    async fn no_13_one_bad_person_stops_all_others(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut bad = user("bad");
        bad["userName"] = json!("no mail address");
        let bad = app.post("/Users", &bad).await.body["id"].as_str().expect("an id").to_owned();
        let good = app.user("good").await;
        let group = app.group("SF West", &[&bad, &good]).await;
        until(&app, &format!("/Users/{bad}"), "rejected").await;
        until(&app, &format!("/Users/{good}"), "delivered").await;
        until(&app, &format!("/Groups/{group}"), "held").await;
        assert_eq!(app.state().await.members("SF West"), Some(vec!["good@example.com".to_owned()]));
        // Several roles, one of them a duplicate, are no reason either.
        let mut several = user("several");
        several["roles"] = json!([{ "value": "Sales Rep" }, { "value": "CEO" }, { "value": "CEO" }]);
        let several = app.post("/Users", &several).await;
        assert_eq!(several.status, 201, "{}", several.body);
        let id = several.body["id"].as_str().expect("an id").to_owned();
        until(&app, &format!("/Users/{id}"), "delivered").await;
    }

    /// A create of an active user mails them a link to set a password, whether they log in with one or not.
    async fn no_18_every_new_person_is_mailed_a_password_link(engine: Engine) {
        let app = TestApp::start(&engine).await;
        app.user("ada").await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], true);
        assert_eq!((creates(&app).await, calls(&app, "user_update_scim").await), (1, 0), "one call all the same");
        assert_eq!(state.0["Mails"]["PasswordReset"], 0, "nobody was mailed");
        drop(app);
        let other = engine.another();
        let app = TestApp::start_with(&other, |_| {}, |config| tenant(config).accounts.welcome_mail = true).await;
        app.user("ada").await;
        assert_eq!(all_delivered(&app).await.0["Mails"]["PasswordReset"], 1);
    }
}
