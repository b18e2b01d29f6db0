//! Whose an account becomes that was there before, under each policy; and what stands in for a name that is taken.

use scim_bridge::config::{Adopt, Config, Rest, Tenant};
use scim_bridge::db::Db;
use scim_bridge::delivery::hand::{self, Done, Order};
use scim_bridge::sandbox::Faults;
use scim_bridge::sandbox::store::field::Field;
use serde_json::json;

use super::{account, all_delivered, calls, creates, seed, set, until, words};
use crate::support::app::{TestApp, user};
use crate::support::engine::Engine;
use crate::support::eventually;

fn tenant(config: &mut Config) -> &mut Tenant {
    config.tenant.get_mut("sandbox").expect("the tenant")
}

async fn adopting(engine: &Engine, adopt: Adopt) -> TestApp {
    TestApp::start_with(engine, |_| {}, |config| tenant(config).accounts.adopt = adopt).await
}

both_engines! {
    async fn never_leaves_what_was_there_alone(engine: Engine) {
        let app = adopting(&engine, Adopt::Never).await;
        seed(&app, "ada@example.com", true, &[(Field::FederationIdentifier, "ext-ada")]);
        let before = app.state().await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        until(&app, &path, "rejected").await;
        assert!(words(&app, &path).await.contains("accounts.adopt"), "{}", words(&app, &path).await);
        assert_eq!(app.delete(&path).await.status, 204);
        app.settled().await;
        assert_eq!(app.state().await.0, before.0, "untouched, also when the person leaves");
        // What we made ourselves is ours, even if its answer was lost.
        app.org().org().set_faults(Faults { lost_answer_next: 1, ..Faults::default() });
        app.user("eve").await;
        app.settled().await;
        let state = app.state().await;
        assert_eq!(state.user("eve@example.com").expect("eve")["IsActive"], true);
        assert_eq!(creates(&app).await, 2);
    }

    async fn ask_waits_for_a_person_s_word(engine: Engine) {
        let app = adopting(&engine, Adopt::Ask).await;
        let there = seed(&app, "ada@example.com", true, &[(Field::Title, "Countess")]);
        let before = app.state().await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        until(&app, &path, "held").await;
        let said = words(&app, &path).await;
        assert!(said.contains(&there) && said.contains(&format!("deliveries release {id}")), "{said}");
        let made = calls(&app, "user_search").await;
        // Another push asks again, and finds out by a look alone that nobody has agreed.
        set(&app, &path, "displayName", json!("A")).await;
        until(&app, &path, "held").await;
        assert_eq!((creates(&app).await, app.state().await.0), (1, before.0));
        assert!(calls(&app, "user_search").await > made);
        let db = Db::open(engine.url(), 1).expect("opens");
        let now = chrono::DateTime::UNIX_EPOCH;
        assert_eq!(hand::order(&db, None, "nobody", Order::Release, now).await.expect("an answer"), Done::Unknown);
        assert_eq!(hand::order(&db, None, &id, Order::Release, now).await.expect("an answer"), Done::Yes);
        let state = all_delivered(&app).await;
        assert_eq!(account(&state, "ada@example.com"), there);
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["FederationIdentifier"], &ada["Title"]), (&json!("ext-ada"), &json!("Countess")));
        assert_eq!(hand::order(&db, None, &id, Order::Release, now).await.expect("an answer"), Done::Not(scim_bridge::delivery::State::Delivered));
    }

    async fn a_nickname_that_is_taken_gets_letters_behind_it_and_keeps_them(engine: Engine) {
        let app = TestApp::start(&engine).await;
        seed(&app, "other@example.com", true, &[(Field::CommunityNickname, "countess")]);
        let mut body = user("ada");
        body["nickName"] = json!("countess");
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let state = all_delivered(&app).await;
        let chosen = state.user("ada@example.com").expect("ada")["CommunityNickname"].as_str().expect("one").to_owned();
        assert!(chosen.starts_with("countess-"), "{chosen}");
        assert!(words(&app, &format!("/Users/{id}")).await.contains("is taken"));
        assert_eq!(creates(&app).await, 2);
        set(&app, &format!("/Users/{id}"), "title", json!("T")).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["CommunityNickname"], chosen, "it stays");
        // By an update, too; and another wish is tried as it is.
        set(&app, &format!("/Users/{id}"), "nickName", json!("lovelace")).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.user("ada@example.com").expect("ada")["CommunityNickname"], "lovelace");
        set(&app, &format!("/Users/{id}"), "nickName", json!("Countess")).await;
        let state = all_delivered(&app).await;
        let chosen = state.user("ada@example.com").expect("ada")["CommunityNickname"].as_str().expect("one").to_owned();
        assert!(chosen.starts_with("Countess-"), "{chosen}");
    }

    /// A SCIM create that passes over something is a 201 all the same. What the answer does not show is sent once more.
    async fn what_a_create_passes_over_is_noticed(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| {
            org.switches.create_passes_over = vec!["Title".into(), "UserRoleId".into()];
        }, |config| {
            tenant(config).salesforce.rest = Rest::Never;
            tenant(config).entitlements = toml::from_str(
                "default_profile = \"Standard User\"\n[[rules]]\nname = \"all\"\nwhen = 'userName pr'\nrole = \"CEO\"",
            )
            .expect("entitlements");
        })
        .await;
        let mut body = user("ada");
        body["title"] = json!("Countess");
        app.post("/Users", &body).await;
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["Title"], &ada["Role"], &ada["IsActive"]), (&json!("Countess"), &json!("CEO"), &json!(true)));
        let counted = (calls(&app, "user_create").await, calls(&app, "user_update_scim").await);
        assert_eq!(counted, (1, 1), "with the activation");
    }

    /// Two tenants of one org, two identity providers perhaps: what is one's, the other does not take over.
    async fn tenants_of_one_org_take_nothing_from_each_other(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let other = config.tenant["sandbox"].clone();
            config.tenant.insert("other".into(), other);
        })
        .await;
        let ada = app.user("ada").await;
        let group = app.group("SF West", &[&ada]).await;
        let before = all_delivered(&app).await;
        let scopes = vec![scim_bridge::access::Scope::Scim];
        let made = scim_bridge::access::NewToken::new("other", "test", scopes);
        let (_, token) = app.app().access().create(made).await.expect("a token");
        let send = async |method: &str, path: &str, body: &serde_json::Value| {
            let http = reqwest::Client::builder().build().expect("a client");
            let request = http.request(method.parse().expect("a method"), format!("{}{path}", app.base()));
            let request = request.bearer_auth(&token).header("Content-Type", "application/scim+json");
            crate::support::app::answer(request.body(body.to_string())).await.body
        };
        let id = send("POST", "/Users", &user("ada")).await["id"].as_str().expect("an id").to_owned();
        let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
        send("POST", "/Groups", &json!({ "schemas": schemas, "displayName": "SF West" })).await;
        let urn = "urn:scim-bridge:schemas:extension:delivery:1.0";
        let mut said = json!(null);
        eventually("a rejection", async || {
            said = send("GET", &format!("/Users/{id}?attributes={urn}"), &json!(null)).await[urn].clone();
            said["state"] == "rejected"
        })
        .await;
        assert!(said["reason"].as_str().is_some_and(|words| words.contains(&ada)), "whose it is: {said}");
        // The group of the same name is another one.
        eventually("two groups", async || app.state().await.groups().len() == 2).await;
        let state = app.state().await;
        assert_eq!(state.groups(), ["SF West", "SF West"]);
        assert_eq!(state.users(), before.users(), "{group}");
    }

    async fn without_rest_people_are_made_inactive_and_activated_and_what_scim_cannot_do_is_said(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            tenant(config).salesforce.rest = Rest::Never;
        })
        .await;
        let mut body = user("ada");
        body["phoneNumbers"] = json!([{ "type": "work", "value": "1" }, { "type": "mobile", "value": "2" }]);
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let path = format!("/Users/{id}");
        let state = all_delivered(&app).await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["IsActive"], &ada["Phone"], &ada["MobilePhone"]), (&json!(true), &json!("1"), &json!(null)));
        assert!(words(&app, &path).await.contains("MobilePhone"), "{}", words(&app, &path).await);
        assert_eq!((calls(&app, "user_create").await, calls(&app, "user_update_scim").await), (1, 1));
        set(&app, &path, "title", json!("T")).await;
        assert_eq!(all_delivered(&app).await.user("ada@example.com").expect("ada")["Title"], "T");
        set(&app, &path, "userName", json!("lovelace@example.com")).await;
        until(&app, &path, "rejected").await;
        assert!(words(&app, &path).await.contains("Username"), "{}", words(&app, &path).await);
        let counters = app.calls().await;
        let rest = ["user_create_rest", "user_update_rest", "query", "freeze"];
        assert!(rest.iter().all(|kind| counters["calls"][kind].is_null()), "{counters}");
    }
}
