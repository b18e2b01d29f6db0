//! Who gets what in the org, by rules over what the identity provider says: asserted against the org, on both engines.

mod calls;
mod example;
mod explain;
mod guard;
mod leaving;
mod licences;
mod ownership;
mod rules;
mod turns;

use scim_bridge::config::{Config, Entitlements, Tenant};
use scim_bridge::db::Db;
use scim_bridge::delivery::replan;
use serde_json::{Value, json};

use super::deliveries::{account, add, all_delivered, calls, creates, remove, set, until, words};
use super::support::app::{OrgState, TENANT, TestApp, user};
use super::support::engine::Engine;
use super::support::eventually;
use super::support::urn::ENTERPRISE;

/// The rules of most tests: sales people by department, support people by group, and what comes with them.
pub(super) const RULES: &str = concat!(
    sales!(),
    r#"[[rules]]
name = "support"
when = 'groups[display sw "SF Support"]'
profile = "System Administrator"
role = "Support Agent"
permission_sets = ["Knowledge_Reader"]
permission_set_groups = ["Sales_Team"]
[[rules]]
name = "analysts"
group = "SF Analysts*"
permission_set_licenses = ["Analytics"]
permission_sets = ["Analytics_Viewer"]
"#
);

pub(super) fn tenant(config: &mut Config) -> &mut Tenant {
    config.tenant.get_mut("sandbox").expect("the tenant")
}

/// Entitlements as the file has them under `[tenant.NAME.entitlements]`.
pub(super) fn entitlements(text: &str) -> Entitlements {
    toml::from_str(text).expect("entitlements")
}

/// A bridge with these rules, which mirrors no group.
pub(super) async fn start(engine: &Engine, text: &str) -> TestApp {
    TestApp::start_with(
        engine,
        |_| {},
        |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(text);
            tenant.groups.mirror = vec!["Mirrored *".to_owned()];
        },
    )
    .await
}

/// Starts the bridge with other entitlements, and waits until everybody was looked at under them.
pub(super) async fn reconfigure(app: &mut TestApp, change: impl FnOnce(&mut Tenant)) {
    let db = Db::open(app.config().database.url.expose(), 1).expect("opens");
    let planned = async || db.read(|conn| replan::planned_last(conn, TENANT)).await.expect("a mark");
    let before = planned().await;
    app.reconfigure(|config| change(tenant(config))).await;
    eventually("everybody is planned anew", async || planned().await != before).await;
    db.close().await;
}

/// Pushes a person of a department; answers our id.
pub(super) async fn person(app: &TestApp, name: &str, department: &str) -> String {
    let mut body = user(name);
    body[ENTERPRISE] = json!({ "department": department });
    let answer = app.post("/Users", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

pub(super) async fn department(app: &TestApp, id: &str, department: &str) {
    set(app, &format!("/Users/{id}"), &format!("{ENTERPRISE}:department"), json!(department)).await;
}

/// What somebody has in the org: profile, role, permission sets, permission set groups, permission set licences, groups.
pub(super) fn has(state: &OrgState, name: &str) -> Value {
    let username = format!("{name}@example.com");
    let user = state.user(&username).unwrap_or_else(|| panic!("no account {username}"));
    let groups = state.0["Groups"].as_array().expect("groups");
    let member = |group: &&Value| group["Members"].as_array().is_some_and(|members| members.contains(&user["Id"]));
    let groups: Vec<&Value> = groups.iter().filter(member).map(|group| &group["Name"]).collect();
    let sorted = |key: &str| {
        let mut names: Vec<&str> = user[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        names.sort_unstable();
        names.join("+")
    };
    json!([
        user["Profile"],
        user["Role"],
        sorted("PermissionSets"),
        sorted("PermissionSetGroups"),
        sorted("PermissionSetLicenses"),
        groups,
    ])
}

/// Gives a permission set by hand.
pub(super) fn by_hand(app: &TestApp, account: &str, name: &str) {
    app.org().org().with_store(|store| {
        let set = store.permission_set_named(name).expect("the set");
        store.assign(account, &set).expect("assigned");
    });
}
