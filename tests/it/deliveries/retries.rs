//! What goes wrong between the bridge and the org, and ends well all the same.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use scim_bridge::config::Config;
use scim_bridge::sandbox::Faults;
use scim_bridge::sandbox::store::field::Field;
use serde_json::{Value, json};

use super::{account, add, all_delivered, calls, creates, remove, set, until, words};
use crate::support::app::{TestApp, user};

fn fail(app: &TestApp, faults: Faults) {
    app.org().org().set_faults(faults);
}

both_engines! {
    async fn a_busy_org_is_asked_again(engine: Engine) {
        let app = TestApp::start(&engine).await;
        app.user("first").await;
        all_delivered(&app).await;
        fail(&app, Faults { unavailable_next: 4, ..Faults::default() });
        app.user("ada").await;
        let state = all_delivered(&app).await;
        assert!(state.user("ada@example.com").is_some());
        assert_eq!(creates(&app).await, 2);
    }

    async fn row_locks_pass(engine: Engine) {
        let app = TestApp::start(&engine).await;
        fail(&app, Faults { row_locks: 5, ..Faults::default() });
        let ada = app.user("ada").await;
        app.group("SF West", &[&ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("SF West"), Some(vec!["ada@example.com".to_owned()]));
    }

    /// An error that Salesforce does not know itself is tried five times, however many other failures came before.
    async fn unknown_exceptions_are_given_up_and_not_confused_with_other_failures(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        all_delivered(&app).await;
        let path = format!("/Users/{ada}");
        let db = scim_bridge::db::Db::open(engine.url(), 1).expect("opens");
        // Salesforce is left alone for half a minute after such an error: not in a test.
        let at_once = || async {
            until(&app, &path, "retrying").await;
            db.write(|conn| {
                conn.batch_execute("UPDATE deliveries SET due_at = '2026-01-01 00:00:00' WHERE state = 'retrying'")
                    .map_err(scim_bridge::db::Error::from)
            })
            .await
            .expect("it is due");
        };
        fail(&app, Faults { row_locks: 3, ..Faults::default() });
        set(&app, &path, "title", json!("T")).await;
        while app.delivery(&path).await["attempts"] != 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fail(&app, Faults { unknown_exceptions: 4, ..Faults::default() });
        for attempts in 4..=7 {
            while app.delivery(&path).await["attempts"] != attempts {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            at_once().await;
        }
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["Title"], "T");
        fail(&app, Faults { unknown_exceptions: 1000, ..Faults::default() });
        let before = calls(&app, "user_update_scim").await;
        set(&app, &path, "title", json!("U")).await;
        for attempts in 1..=4 {
            while app.delivery(&path).await["attempts"] != attempts {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            at_once().await;
        }
        until(&app, &path, "rejected").await;
        assert_eq!(calls(&app, "user_update_scim").await - before, 5);
        assert!(words(&app, &path).await.contains("ErrorId"), "{}", words(&app, &path).await);
        fail(&app, Faults::default());
        set(&app, &path, "title", json!("V")).await;
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["Title"], "V");
    }

    async fn the_answer_to_a_create_is_lost(engine: Engine) {
        let app = TestApp::start(&engine).await;
        fail(&app, Faults { lost_answer_next: 1, ..Faults::default() });
        let ada = app.user("ada").await;
        let state = all_delivered(&app).await;
        assert_eq!((state.users().len(), creates(&app).await), (1, 1));
        assert_eq!(app.delivery(&format!("/Users/{ada}")).await["salesforceId"], account(&state, "ada@example.com"));
        fail(&app, Faults { lost_answer_next: 1, ..Faults::default() });
        app.group("SF West", &[&ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!((state.groups(), calls(&app, "group_create").await), (vec!["SF West"], 1));
    }

    /// The answer is lost, the look fails, and meanwhile the person is renamed, changed and deleted.
    async fn what_was_lost_is_found_again_whatever_changes_meanwhile(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            config.delivery.retry = vec![Duration::from_millis(400)];
        }).await;
        // The login, and the create whose answer is lost; what follows answers 503.
        let lost = |app: &TestApp| fail(app, Faults { lost_answer_next: 1, ..Faults::default() });
        let no_more = |app: &TestApp| fail(app, Faults { unavailable: 1.0, ..Faults::default() });
        let mut ids = Vec::new();
        for name in ["ada", "eve"] {
            lost(&app);
            let mut body = user(name);
            body["title"] = json!("Boss");
            ids.push(app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned());
            while app.state().await.user(&format!("{name}@example.com")).is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            no_more(&app);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let path = format!("/Users/{}", ids[0]);
        set(&app, &path, "userName", json!("lovelace@example.com")).await;
        assert_eq!(app.patch(&path, json!([{ "op": "remove", "path": "title" }])).await.status, 200);
        assert_eq!(app.delete(&format!("/Users/{}", ids[1])).await.status, 204);
        fail(&app, Faults::default());
        let state = all_delivered(&app).await;
        assert_eq!(state.users().len(), 2);
        let ada = state.user("lovelace@example.com").expect("renamed");
        assert_eq!((&ada["Title"], &ada["IsActive"]), (&Value::Null, &json!(true)), "what was cleared is cleared");
        assert_eq!(state.user("eve@example.com").expect("eve")["IsActive"], false);
    }

    async fn the_answer_to_an_update_is_lost_and_the_change_taken_back(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            config.delivery.retry = vec![Duration::from_millis(300)];
        }).await;
        let ada = app.user("ada").await;
        let path = format!("/Users/{ada}");
        all_delivered(&app).await;
        fail(&app, Faults { lost_answer_next: 1, ..Faults::default() });
        set(&app, &path, "active", json!(false)).await;
        until(&app, &path, "retrying").await;
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["IsActive"], false);
        set(&app, &path, "active", json!(true)).await;
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["IsActive"], true);
    }

    async fn the_answer_to_a_rename_is_lost_and_the_change_taken_back(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            config.delivery.retry = vec![Duration::from_millis(300)];
        }).await;
        let group = app.group("One", &[]).await;
        let path = format!("/Groups/{group}");
        all_delivered(&app).await;
        fail(&app, Faults { lost_answer_next: 1, ..Faults::default() });
        set(&app, &path, "displayName", json!("Two")).await;
        until(&app, &path, "retrying").await;
        assert_eq!(app.state().await.groups(), ["Two"]);
        set(&app, &path, "displayName", json!("One")).await;
        assert_eq!(all_delivered(&app).await.groups(), ["One"]);
    }

    async fn the_answer_to_a_change_of_members_is_lost_and_the_change_taken_back(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            config.delivery.retry = vec![Duration::from_millis(300)];
        }).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let group = app.group("SF West", &[&ada]).await;
        let path = format!("/Groups/{group}");
        all_delivered(&app).await;
        fail(&app, Faults { lost_answer_next: 1, ..Faults::default() });
        add(&app, &group, &[&eve]).await;
        for _ in 0..500 {
            if app.state().await.members("SF West").expect("it").len() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        remove(&app, &group, &eve).await;
        assert_eq!(all_delivered(&app).await.members("SF West"), Some(vec!["ada@example.com".to_owned()]));
        fail(&app, Faults { lost_answer_next: 1, ..Faults::default() });
        remove(&app, &group, &ada).await;
        assert_eq!(all_delivered(&app).await.members("SF West"), Some(Vec::new()));
        // Deleted, and the answer lost.
        fail(&app, Faults { lost_answer_next: 1, ..Faults::default() });
        assert_eq!(app.delete(&path).await.status, 204);
        assert!(all_delivered(&app).await.groups().is_empty());
    }

    async fn lost_requests(engine: Engine) {
        let app = TestApp::start(&engine).await;
        fail(&app, Faults { lost_request_next: 4, ..Faults::default() });
        let ada = app.user("ada").await;
        app.group("SF West", &[&ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("SF West"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(state.users().len(), 1);
    }

    async fn a_session_that_ends_costs_one_login_and_no_attempt(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        all_delivered(&app).await;
        let before = calls(&app, "token").await;
        assert_eq!(app.org().org().revoke_sessions(), 1);
        let path = format!("/Users/{ada}");
        set(&app, &path, "title", json!("T")).await;
        all_delivered(&app).await;
        assert_eq!(calls(&app, "token").await, before + 1);
        assert_eq!(app.delivery(&path).await["attempts"], 0);
    }

    async fn a_wrong_secret_stops_one_tenant_and_no_other(engine: Engine) {
        let wrong = |config: &mut Config| {
            let mut other = config.tenant["sandbox"].clone();
            other.salesforce.client_secret = Some("wrong".to_owned().into());
            config.tenant.insert("other".into(), other);
        };
        let app = TestApp::start_with(&engine, |_| {}, wrong).await;
        let scopes = vec![scim_bridge::access::Scope::Scim];
        let (_, token) = app.app().access().create(scim_bridge::access::NewToken::new("other", "test", scopes)).await.expect("a token");
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
        for n in 0..40 {
            let body = user(&format!("other{n}")).to_string();
            let sent = app.request(reqwest::Method::POST, "/Users").header("Content-Type", "application/json").body(body);
            let mut sent = sent.build().expect("a request");
            let bearer = format!("Bearer {token}").parse().expect("a header");
            sent.headers_mut().insert("Authorization", bearer);
            let answered = client.execute(sent).await.expect("an answer");
            assert_eq!(answered.status(), 201, "acknowledged all the same");
        }
        app.user("ada").await;
        assert!(all_delivered(&app).await.user("ada@example.com").is_some());
        tokio::time::sleep(Duration::from_millis(500)).await;
        let url = app.base().replace("/scim/v2", "/admin/v1/status");
        let status = app.get(&url).await.body["tenants"].clone();
        assert_eq!(status["sandbox"]["delivered"], 1, "{status}");
        // Forty deliveries, eight places: no login is tried for each, and none a second time for minutes.
        let logins = app.calls().await["refused"]["token"].as_u64().expect("refused logins");
        assert!(logins <= 2, "{logins}");
    }

    /// The account behind a link is gone (an org that was refreshed): made or found anew, and in its groups again.
    async fn an_account_that_vanished_is_in_its_groups_again(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        app.group("SF West", &[&ada]).await;
        let state = all_delivered(&app).await;
        let id = account(&state, "ada@example.com");
        app.org().org().with_store(|store| {
            let group = store.group_named("SF West").expect("it");
            store.remove_member(&group, &id).expect("removed");
        });
        let other = format!("UPDATE links SET salesforce_id = '005000000000000AAA' WHERE salesforce_id = '{id}'");
        let db = scim_bridge::db::Db::open(engine.url(), 1).expect("opens");
        let forge = move |conn: &mut scim_bridge::db::Conn| {
            conn.batch_execute(&other).map_err(scim_bridge::db::Error::from)
        };
        db.write(forge).await.expect("forged");
        let path = format!("/Users/{ada}");
        set(&app, &path, "phoneNumbers", json!([{ "type": "work", "value": "7" }])).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["Phone"], "7");
        assert_eq!(state.members("SF West"), Some(vec!["ada@example.com".to_owned()]));
    }

    async fn one_that_never_succeeds_holds_up_no_other(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| config.delivery.concurrency = 1).await;
        let mut body = user("bad");
        body["userName"] = json!("bad");
        body["emails"] = json!([{ "value": "bad" }]);
        for n in 0..5 {
            body["userName"] = json!(format!("bad{n}"));
            assert_eq!(app.post("/Users", &body).await.status, 201);
        }
        app.user("ada").await;
        let status = app.settled().await;
        assert_eq!((&status["rejected"], &status["delivered"]), (&json!(5), &json!(1)));
    }

    async fn a_restart_in_the_middle_goes_on(engine: Engine) {
        let mut app = TestApp::start_with(&engine, |org| org.faults.latency_ms = 20, |_| {}).await;
        let mut ids = Vec::new();
        for n in 0..30 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        let members: Vec<&str> = ids.iter().map(String::as_str).collect();
        app.group("SF West", &members).await;
        for _ in 0..3 {
            app.restart().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let state = all_delivered(&app).await;
        assert_eq!((state.users().len(), creates(&app).await), (30, 30));
        assert_eq!(state.members("SF West").expect("it").len(), 30);
        assert!(state.users().iter().all(|u| u[Field::FederationIdentifier.name()].is_string()));
    }
}
