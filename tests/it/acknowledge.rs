//! `acknowledge = "delivered"`: the answer waits for Salesforce's word, and says what it was. On both engines.

use std::time::{Duration, Instant};

use scim_bridge::config::{Acknowledge, Adopt, Tenant};
use scim_bridge::db::Db;
use scim_bridge::delivery::outbox;
use scim_bridge::sandbox::{Faults, ValidationRule};
use serde_json::{Value, json};

use super::deliveries::{all_delivered, seed, until, words};
use super::entitlements::tenant;
use super::support::app::{TestApp, user};
use super::support::engine::Engine;
use super::support::urn::ENTERPRISE;

const DELIVERY: &str = "urn:scim-bridge:schemas:extension:delivery:1.0";

/// A bridge whose answers wait for as long as `within`, and whose org takes no employee number that begins with 1.
async fn waiting(engine: &Engine, within: Duration, more: impl FnOnce(&mut Tenant)) -> TestApp {
    let rule = ValidationRule {
        field: "EmployeeNumber".into(),
        required: false,
        matches: Some("[02-9]*".into()),
        message: "No ones here".into(),
    };
    TestApp::start_with(
        engine,
        |settings| settings.validation_rules.push(rule),
        |config| {
            let tenant = tenant(config);
            (tenant.acknowledge, tenant.acknowledge_within) = (Acknowledge::Delivered, within);
            more(tenant);
        },
    )
    .await
}

const LONG: Duration = Duration::from_secs(20);

/// Somebody of this employee number.
fn numbered(name: &str, number: &str) -> Value {
    let mut body = user(name);
    body[ENTERPRISE] = json!({ "employeeNumber": number });
    body
}

/// Calls that the org answered, of every kind.
async fn total(app: &TestApp) -> u64 {
    let calls = app.calls().await;
    calls["calls"].as_object().expect("kinds").values().filter_map(Value::as_u64).sum()
}

both_engines! {
    /// A success says that Salesforce has it: nothing is left to be delivered.
    async fn a_success_is_salesforces_own(engine: Engine) {
        let app = waiting(&engine, LONG, |_| {}).await;
        let ada = app.post(&format!("/Users?attributes={DELIVERY}"), &user("ada")).await;
        assert_eq!(ada.status, 201, "{}", ada.body);
        assert_eq!(ada.body[DELIVERY]["state"], "delivered", "{}", ada.body);
        let state = app.state().await;
        assert!(state.user("ada@example.com").is_some(), "the account is there when the answer is");
        let path = format!("/Users/{}", ada.body["id"].as_str().expect("an id"));
        let changed = app.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Countess" }])).await;
        assert_eq!(changed.status, 200);
        assert_eq!(app.state().await.user("ada@example.com").expect("it")["Title"], "Countess");
        let members = json!([{ "value": ada.body["id"] }]);
        let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales",
            "members": members });
        assert_eq!(app.post("/Groups", &group).await.status, 201);
        assert_eq!(app.state().await.members("Sales"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(app.delete(&path).await.status, 204);
        assert_eq!(app.state().await.user("ada@example.com").expect("it")["IsActive"], json!(false));
    }

    /// What Salesforce refuses is answered in its words, and what was to be made is not there.
    async fn a_refusal_is_told_and_leaves_nothing(engine: Engine) {
        let app = waiting(&engine, LONG, |_| {}).await;
        let answer = app.post("/Users", &numbered("ada", "1")).await;
        assert_eq!((answer.status.as_u16(), &answer.body["scimType"]), (400, &json!("invalidValue")), "{}", answer.body);
        let detail = answer.body["detail"].as_str().expect("words");
        assert!(detail.starts_with("Salesforce refuses it: ") && detail.contains("No ones here"), "{detail}");
        let found = app.get("/Users?filter=userName eq \"ada@example.com\"").await;
        assert_eq!(found.body["totalResults"], 0, "nobody takes it for provisioned");
        // The same once more is a new try and no conflict; mended, it goes through.
        assert_eq!(app.post("/Users", &numbered("ada", "1")).await.status, 400);
        assert_eq!(app.post("/Users", &user("ada")).await.status, 201);
        let state = all_delivered(&app).await;
        assert_eq!(state.users().len(), 1);
    }

    /// A name that somebody has in Salesforce is a 409, as one would be that somebody has here.
    async fn a_taken_name_is_a_conflict(engine: Engine) {
        let app = waiting(&engine, LONG, |tenant| tenant.accounts.adopt = Adopt::Never).await;
        seed(&app, "ada@example.com", true, &[]);
        let answer = app.post("/Users", &user("ada")).await;
        assert_eq!((answer.status.as_u16(), &answer.body["scimType"]), (409, &json!("uniqueness")), "{}", answer.body);
    }

    /// A change that is refused stays asked for; the same once more is tried again.
    async fn a_refused_change_is_tried_again_when_it_is_asked_for_again(engine: Engine) {
        let app = waiting(&engine, LONG, |_| {}).await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        let change = |number: &str| json!([{ "op": "replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": number }]);
        let refused = app.patch(&path, change("1")).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert_eq!(app.delivery(&path).await["state"], "rejected");
        let tried = total(&app).await;
        assert_eq!(app.patch(&path, change("1")).await.status, 400, "no success that is none");
        assert!(total(&app).await > tried, "it was tried again");
        assert_eq!(app.patch(&path, change("2")).await.status, 200);
        assert_eq!(app.state().await.user("ada@example.com").expect("it")["EmployeeNumber"], "2");
        // What is as it was asked costs nothing and waits for nobody.
        let tried = total(&app).await;
        assert_eq!(app.patch(&path, change("2")).await.status, 200);
        assert_eq!(total(&app).await, tried);
    }

    /// Somebody who was acknowledged is nobody else's place, whatever Salesforce refuses of them later.
    async fn who_is_known_is_not_taken_for_a_new_try(engine: Engine) {
        let app = waiting(&engine, LONG, |_| {}).await;
        let id = app.user("ada").await;
        let path = format!("/Users/{id}");
        let number = json!([{ "op": "replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "1" }]);
        assert_eq!(app.patch(&path, number).await.status, 400);
        let mut other = user("ada");
        other["externalId"] = json!("somebody else");
        let answer = app.post("/Users", &other).await;
        assert_eq!((answer.status.as_u16(), &answer.body["scimType"]), (409, &json!("uniqueness")), "{}", answer.body);
        assert_eq!(app.get(&path).await.body["externalId"], "ext-ada");
    }

    /// Whoever has an account by now is there, though Salesforce refuses the rest.
    async fn what_came_of_a_refused_post_is_there(engine: Engine) {
        let app = waiting(&engine, LONG, |_| {}).await;
        seed(&app, "ada@example.com", true, &[]);
        let answer = app.post(&format!("/Users?attributes=userName,{DELIVERY}"), &numbered("ada", "1")).await;
        assert_eq!((answer.status.as_u16(), &answer.body[DELIVERY]["state"]), (201, &json!("rejected")), "{}", answer.body);
        assert_eq!(app.get("/Users").await.body["totalResults"], 1);
        assert_eq!(app.post("/Users", &numbered("ada", "2")).await.status, 409, "that was a success");
    }

    /// What a process that was killed left behind, before it could tell of the refusal, is in nobody's way.
    async fn what_was_never_told_is_in_nobody_s_way(engine: Engine) {
        let app = waiting(&engine, Duration::from_millis(200), |_| {}).await;
        app.org().org().set_faults(Faults { outage: true, ..Faults::default() });
        let answer = app.post("/Users", &numbered("ada", "1")).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let id = answer.body["id"].as_str().expect("an id").to_owned();
        let path = format!("/Users/{id}");
        app.org().org().set_faults(Faults::default());
        until(&app, &path, "rejected").await;
        assert_eq!(app.post("/Users", &numbered("ada", "3")).await.status, 409, "somebody knows it");
        let db = Db::open(engine.url(), 1).expect("opens");
        let forgotten = id.clone();
        db.write(move |conn| outbox::unheard(conn, &forgotten, true)).await.expect("as if nothing had been answered");
        let again = app.post("/Users", &numbered("ada", "3")).await;
        assert_eq!((again.status.as_u16(), &again.body["id"]), (201, &json!(id)), "{}", again.body);
        assert_eq!(all_delivered(&app).await.users().len(), 1);
        assert_eq!(app.post("/Users", &numbered("ada", "3")).await.status, 409, "by now somebody knows it");
    }

    /// Without a word in time success is answered, and the delivery goes on.
    async fn no_word_in_time_is_a_success(engine: Engine) {
        let app = waiting(&engine, Duration::from_millis(300), |_| {}).await;
        app.org().org().set_faults(Faults { outage: true, ..Faults::default() });
        let begun = Instant::now();
        let answer = app.post("/Users", &user("ada")).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert!(begun.elapsed() >= Duration::from_millis(300), "it waited");
        app.org().org().set_faults(Faults::default());
        let path = format!("/Users/{}", answer.body["id"].as_str().expect("an id"));
        until(&app, &path, "delivered").await;
    }

    /// What waits for a person is not waited for.
    async fn what_is_held_is_answered_at_once(engine: Engine) {
        let nobody_has_it = |tenant: &mut Tenant| tenant.entitlements.default_profile = Some("Nobody Has It".to_owned());
        let app = waiting(&engine, LONG, nobody_has_it).await;
        let begun = Instant::now();
        let id = app.user("ada").await;
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert!(words(&app, &format!("/Users/{id}")).await.contains("held"));
    }

    /// A bulk request waits for all of its operations together.
    async fn operations_of_a_bulk_request_are_told_one_by_one(engine: Engine) {
        let app = waiting(&engine, LONG, |_| {}).await;
        let operation = |id: &str, data: Value| json!({ "method": "POST", "path": "/Users", "bulkId": id, "data": data });
        let operations = [operation("a", user("ada")), operation("b", numbered("bob", "1")), operation("c", user("cleo"))];
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
        let answer = app.post("/Bulk", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let statuses: Vec<&Value> =
            answer.body["Operations"].as_array().expect("them").iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, ["201", "400", "201"], "{}", answer.body);
        assert!(answer.body["Operations"][1]["location"].is_null(), "what is not there has no address");
        let state = all_delivered(&app).await;
        assert_eq!(state.users().len(), 2);
        assert_eq!(app.get("/Users").await.body["totalResults"], 2);
    }
}
