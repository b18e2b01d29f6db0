//! What reaches the org, asserted against the org: every promise about deliveries, one by one, on both engines.

mod accounts;
mod adoption;
mod groups;
mod members;
mod nested;
mod retries;
mod users;

use scim_bridge::db::Db;
use scim_bridge::delivery::{State, hand};
use scim_bridge::sandbox::store::field::Field;
use serde_json::{Value, json};

use super::support::app::{OrgState, TestApp};
use super::support::urn::ENTERPRISE;

/// An account that was in the org before the bridge, with these fields beside the required ones. Answers its id.
pub(crate) fn seed(app: &TestApp, username: &str, active: bool, fields: &[(Field, &str)]) -> String {
    app.org().org().with_store(|store| {
        let mut user = store.blank_user(chrono::DateTime::UNIX_EPOCH);
        user.active = active;
        let profile = store.profile_named("Standard User").expect("the profile");
        let nickname = format!("seeded {username}");
        for (field, value) in [
            (Field::Username, username),
            (Field::LastName, "Seeded"),
            (Field::Email, username),
            (Field::Alias, "seeded"),
            (Field::CommunityNickname, nickname.as_str()),
            (Field::LanguageLocaleKey, "en_US"),
            (Field::LocaleSidKey, "en_US"),
            (Field::TimeZoneSidKey, "America/Los_Angeles"),
            (Field::EmailEncodingKey, "UTF-8"),
            (Field::ProfileId, profile.as_str()),
        ]
        .into_iter()
        .chain(fields.iter().copied())
        {
            user.set(field, value);
        }
        store.insert_user(user).expect("a user that the rules allow")
    })
}

/// A public group that was in the org before the bridge. Answers its id.
pub(crate) fn seed_group(app: &TestApp, name: &str) -> String {
    use scim_bridge::sandbox::store::GroupKind;
    app.org().org().with_store(|store| {
        store.insert_group(name, None, GroupKind::Regular, chrono::DateTime::UNIX_EPOCH).expect("a group")
    })
}

/// Salesforce's id of the account of a username.
pub(crate) fn account(state: &OrgState, username: &str) -> String {
    let user = state.user(username).unwrap_or_else(|| panic!("no account {username}"));
    user["Id"].as_str().expect("an id").to_owned()
}

/// Calls of a kind that the org was asked.
pub(crate) async fn calls(app: &TestApp, kind: &str) -> u64 {
    app.calls().await["calls"][kind].as_u64().unwrap_or(0)
}

/// Accounts that were asked for, in whichever way.
pub(crate) async fn creates(app: &TestApp) -> u64 {
    calls(app, "user_create").await + calls(app, "user_create_rest").await
}

/// The state and the reason or error of a delivery, in one text.
pub(crate) async fn words(app: &TestApp, path: &str) -> String {
    let delivery = app.delivery(path).await;
    format!("{} {} {}", delivery["state"], delivery["reason"], delivery["lastError"])
}

/// Waits until a delivery stands as it should.
pub(crate) async fn until(app: &TestApp, path: &str, state: &str) -> Value {
    for _ in 0..1500 {
        let delivery = app.delivery(path).await;
        if delivery["state"] == state {
            return delivery;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{path} is not {state}: {}", app.delivery(path).await);
}

/// Everybody is where they were asked to be, and nothing was held or refused.
pub(crate) async fn all_delivered(app: &TestApp) -> OrgState {
    let status = app.settled().await;
    if (&status["held"], &status["rejected"]) != (&json!(0), &json!(0)) {
        let db = Db::open(app.config().database.url.expose(), 1).expect("opens");
        let mut said = Vec::new();
        hand::list(&db, None, &[State::Held, State::Rejected], |listed| said.push(listed)).await.expect("a list");
        panic!("{status}: {said:#?}");
    }
    app.state().await
}

/// Replaces one attribute.
pub(crate) async fn set(app: &TestApp, path: &str, attribute: &str, value: Value) {
    let answer = app.patch(path, json!([{ "op": "replace", "path": attribute, "value": value }])).await;
    assert!(answer.status.is_success(), "{}", answer.body);
}

pub(crate) async fn add(app: &TestApp, group: &str, members: &[&str]) {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    let answer =
        app.patch(&format!("/Groups/{group}"), json!([{ "op": "add", "path": "members", "value": members }])).await;
    assert!(answer.status.is_success(), "{}", answer.body);
}

pub(crate) async fn remove(app: &TestApp, group: &str, member: &str) {
    let path = format!("members[value eq \"{member}\"]");
    let answer = app.patch(&format!("/Groups/{group}"), json!([{ "op": "remove", "path": path }])).await;
    assert!(answer.status.is_success(), "{}", answer.body);
}
