//! Users from their first push to their last.

use serde_json::{Value, json};

use super::{ENTERPRISE, account, all_delivered, calls, creates, set, until, words};
use crate::support::app::{TestApp, user};

both_engines! {
    async fn create_update_deactivate_reactivate(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["IsActive"], &ada["Profile"]), (&json!(true), &json!("Minimum Access - Salesforce")));
        set(&app, &path, "title", json!("Countess")).await;
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["Title"], "Countess");
        set(&app, &path, "active", json!(false)).await;
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["IsActive"], false);
        set(&app, &path, "active", json!(true)).await;
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["IsActive"], &ada["Title"]), (&json!(true), &json!("Countess")));
        assert_eq!(creates(&app).await, 1);
        let counters = app.calls().await;
        assert_eq!(counters["unchanged"], json!({}), "no call without a difference: {counters}");
    }

    async fn delete_deactivates_and_a_rehired_person_has_the_same_account(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let west = app.group("SF West", &[&ada, &eve]).await;
        let east = app.group("SF East", &[&ada]).await;
        let before = account(&all_delivered(&app).await, "ada@example.com");
        assert_eq!(app.delete(&format!("/Users/{ada}")).await.status, 204);
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("the account stays")["IsActive"], false);
        assert_eq!(state.members("SF West"), Some(vec!["eve@example.com".to_owned()]));
        assert_eq!(state.members("SF East"), Some(Vec::new()));
        let again = app.user("ada").await;
        assert_ne!(again, ada);
        super::add(&app, &west, &[&again]).await;
        let state = all_delivered(&app).await;
        assert_eq!(account(&state, "ada@example.com"), before);
        assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], true);
        assert_eq!(state.users().len(), 2, "no second account");
        assert_eq!(state.members("SF West").expect("West").len(), 2);
        assert_eq!(state.members("SF East"), Some(Vec::new()), "{east}");
        assert_eq!(creates(&app).await, 2);
    }

    /// Deleted and back at once, with the removal from the groups still to be delivered.
    async fn rehired_before_the_deletion_was_delivered(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.faults.latency_ms = 30, |_| {}).await;
        let ada = app.user("ada").await;
        let west = app.group("SF West", &[&ada]).await;
        app.group("SF East", &[&ada]).await;
        let before = account(&all_delivered(&app).await, "ada@example.com");
        for round in 0..4 {
            let id = app.get("/Users").await.body["Resources"][0]["id"].as_str().expect("an id").to_owned();
            assert_eq!(app.delete(&format!("/Users/{id}")).await.status, 204);
            // The new one comes before, while and after the deletion is under way.
            tokio::time::sleep(std::time::Duration::from_millis(round * 25)).await;
            let again = app.user("ada").await;
            super::add(&app, &west, &[&again]).await;
            let state = all_delivered(&app).await;
            assert_eq!(account(&state, "ada@example.com"), before);
            assert_eq!(state.user("ada@example.com").expect("ada")["IsActive"], true, "round {round}");
            assert_eq!(state.members("SF West"), Some(vec!["ada@example.com".to_owned()]), "round {round}");
            assert_eq!(state.members("SF East"), Some(Vec::new()), "round {round}");
        }
    }

    async fn a_manager_s_account_comes_before_being_somebody_s_manager(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.licences = vec![("Salesforce".into(), 2)], |_| {}).await;
        let boss = app.user("boss").await;
        all_delivered(&app).await;
        // No licence for the next manager yet: the report has an account all the same, and waits for the manager's.
        app.org().org().set_licence("Salesforce", 2);
        let manager = app.user("manager").await;
        until(&app, &format!("/Users/{manager}"), "held").await;
        app.org().org().set_licence("Salesforce", 3);
        let mut body = user("report");
        body[ENTERPRISE] = json!({ "manager": { "value": manager } });
        let report = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let path = format!("/Users/{report}");
        until(&app, &path, "held").await;
        assert!(words(&app, &path).await.contains(&format!("waits for the account of the manager, user {manager}")));
        assert!(app.state().await.user("report@example.com").is_some(), "the account itself does not wait");
        app.org().org().set_licence("Salesforce", 9);
        // The manager's own push looks again; what waited for the account follows by itself.
        set(&app, &format!("/Users/{manager}"), "title", json!("M")).await;
        until(&app, &path, "delivered").await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("report@example.com").expect("report")["Manager"], "manager@example.com");
        // A manager who is deleted stays in Salesforce what he was; another one replaces him.
        set(&app, &path, &format!("{ENTERPRISE}:manager"), json!({ "value": boss })).await;
        assert_eq!(all_delivered(&app).await.user("report@example.com").expect("report")["Manager"], "boss@example.com");
    }

    async fn two_who_are_each_other_s_managers(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        let mut body = user("eve");
        body[ENTERPRISE] = json!({ "manager": { "value": ada } });
        let eve = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        set(&app, &format!("/Users/{ada}"), &format!("{ENTERPRISE}:manager"), json!({ "value": eve })).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["Manager"], "eve@example.com");
        assert_eq!(state.user("eve@example.com").expect("eve")["Manager"], "ada@example.com");
    }

    async fn an_unknown_manager_is_a_note_and_no_obstacle(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut body = user("ada");
        body[ENTERPRISE] = json!({ "manager": { "value": "26118915-6090-4610-87e4-49d8ca9f808d" } });
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["Manager"], Value::Null);
        assert!(words(&app, &format!("/Users/{id}")).await.contains("26118915-6090-4610-87e4-49d8ca9f808d"));
    }

    async fn licences_run_out_and_come_back(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.licences = vec![("Salesforce".into(), 2)], |_| {}).await;
        let ada = app.user("ada").await;
        all_delivered(&app).await;
        let eve = app.user("eve").await;
        let path = format!("/Users/{eve}");
        until(&app, &path, "held").await;
        assert!(words(&app, &path).await.contains("licence"), "{}", words(&app, &path).await);
        // A seat that is given back goes to whoever waits, without another push.
        set(&app, &format!("/Users/{ada}"), "active", json!(false)).await;
        until(&app, &path, "delivered").await;
        assert_eq!(all_delivered(&app).await.user("eve@example.com").expect("eve")["IsActive"], true);
    }

    async fn what_salesforce_refuses_is_rejected_in_its_words_and_mended_by_the_next_push(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let good = app.user("good").await;
        let mut body = user("bad");
        body["userName"] = json!("no mail address");
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let path = format!("/Users/{id}");
        until(&app, &path, "rejected").await;
        assert!(words(&app, &path).await.contains("INVALID_EMAIL_ADDRESS"), "{}", words(&app, &path).await);
        let before = creates(&app).await;
        until(&app, &format!("/Users/{good}"), "delivered").await;
        assert_eq!(creates(&app).await, before);
        set(&app, &path, "userName", json!("bad@example.com")).await;
        assert!(all_delivered(&app).await.user("bad@example.com").is_some());
        // The same for an update.
        let taken = "test@gmail.com";
        set(&app, &path, "userName", json!(taken)).await;
        until(&app, &path, "rejected").await;
        assert!(words(&app, &path).await.contains("DUPLICATE_USERNAME"), "{}", words(&app, &path).await);
        set(&app, &path, "userName", json!("better@example.com")).await;
        assert!(all_delivered(&app).await.user("better@example.com").is_some());
    }

    async fn without_a_profile_people_are_held(engine: Engine) {
        let mut app = TestApp::start_with(&engine, |_| {}, |config| {
            config.tenant.get_mut("sandbox").expect("the tenant").entitlements.default_profile = None;
        })
        .await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        until(&app, &path, "held").await;
        assert!(words(&app, &path).await.contains("default_profile is not set"), "{}", words(&app, &path).await);
        app.reconfigure(|config| {
            config.tenant.get_mut("sandbox").expect("the tenant").entitlements.default_profile = Some("Nobody".into());
        })
        .await;
        for _ in 0..500 {
            if words(&app, &path).await.contains("Nobody") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(words(&app, &path).await.contains("no profile named \\\"Nobody\\\""), "{}", words(&app, &path).await);
        app.reconfigure(|config| {
            let tenant = config.tenant.get_mut("sandbox").expect("the tenant");
            tenant.entitlements.default_profile = Some("Standard User".into());
        })
        .await;
        until(&app, &path, "delivered").await;
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["Profile"], "Standard User");
    }

    async fn a_new_address_waits_for_the_person_and_is_not_sent_again(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        all_delivered(&app).await;
        set(&app, &path, "emails[type eq \"work\"].value", json!("new@example.com")).await;
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["Email"], &ada["PendingEmail"]), (&json!("ada@example.com"), &json!("new@example.com")));
        assert!(words(&app, &path).await.contains("confirmation"), "{}", words(&app, &path).await);
        let before = calls(&app, "user_update_scim").await;
        set(&app, &path, "title", json!("T")).await;
        all_delivered(&app).await;
        assert_eq!(calls(&app, "user_update_scim").await, before + 1);
        assert_eq!(app.calls().await["unchanged"], json!({}));
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["PendingEmail"], "new@example.com");
    }

    async fn several_telephones_are_one_create(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut body = user("ada");
        body["phoneNumbers"] = json!([{ "type": "work", "value": "1" }, { "type": "mobile", "value": "2" }]);
        assert_eq!(app.post("/Users", &body).await.status, 201);
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["Phone"], &ada["MobilePhone"]), (&json!("1"), &json!("2")));
        assert_eq!((creates(&app).await, calls(&app, "user_update_rest").await), (1, 0));
    }

    /// Each waits for the name of the other.
    async fn two_exchange_their_usernames(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let before = all_delivered(&app).await;
        // The service provider is asked to do it in three steps; Salesforce sees only the end.
        app.org().org().set_faults(scim_bridge::sandbox::Faults { latency_ms: 300, ..Default::default() });
        for (id, name) in [(&ada, "x"), (&eve, "ada"), (&ada, "eve")] {
            set(&app, &format!("/Users/{id}"), "userName", json!(format!("{name}@example.com"))).await;
        }
        app.org().org().set_faults(scim_bridge::sandbox::Faults::default());
        let state = all_delivered(&app).await;
        assert_eq!(account(&state, "eve@example.com"), account(&before, "ada@example.com"));
        assert_eq!(account(&state, "ada@example.com"), account(&before, "eve@example.com"));
        assert_eq!(state.users().len(), 2);
    }

    /// A name is given up and taken up in one breath: whoever is delivered first, both end as asked.
    async fn a_username_passes_from_one_to_another(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.faults.latency_ms = 20, |_| {}).await;
        let mut body = user("ada");
        body["externalId"] = json!("first");
        let first = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let third = app.user("third").await;
        all_delivered(&app).await;
        // Three at once: "third" takes "ada", "ada" becomes "lovelace", and a new one comes as "third".
        let lovelace = json!([{ "op": "replace", "value": {
            "userName": "lovelace@example.com", "nickName": "lovelace", "emails": [{ "value": "l@example.com", "type": "work" }]
        } }]);
        assert_eq!(app.patch(&format!("/Users/{first}"), lovelace).await.status, 200);
        let ada = json!([{ "op": "replace", "value": { "userName": "ada@example.com", "externalId": "third" } }]);
        assert_eq!(app.patch(&format!("/Users/{third}"), ada).await.status, 200);
        let mut body = user("third");
        body["externalId"] = json!("fourth");
        assert_eq!(app.post("/Users", &body).await.status, 201);
        let state = all_delivered(&app).await;
        let federation = |name: &str| state.user(name).expect("an account")["FederationIdentifier"].clone();
        assert_eq!(federation("lovelace@example.com"), "first");
        assert_eq!(federation("ada@example.com"), "third");
        assert_eq!(federation("third@example.com"), "fourth");
    }
}
