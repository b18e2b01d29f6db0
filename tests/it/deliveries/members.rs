//! Who is in a public group.

use scim_bridge::config::Config;
use serde_json::{Value, json};

use super::{add, all_delivered, calls, remove, seed, set, until, words};
use crate::entitlements::tenant;
use crate::support::app::{OrgState, TestApp};

/// Names of the groups that are members of a group.
pub(super) fn nested(state: &OrgState, group: &str) -> Vec<String> {
    let groups = state.0["Groups"].as_array().expect("groups");
    let id_of = |g: &Value| g["Id"].as_str().expect("an id").to_owned();
    let outer = groups.iter().find(|g| g["Name"] == group).unwrap_or_else(|| panic!("no group {group}"));
    let members: Vec<&str> = outer["Members"].as_array().expect("members").iter().filter_map(Value::as_str).collect();
    let inside = groups.iter().filter(|g| members.contains(&id_of(g).as_str()));
    inside.map(|g| g["Name"].as_str().expect("a name").to_owned()).collect()
}

both_engines! {
    async fn members_without_accounts_come_when_they_have_one(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.licences = vec![("Salesforce".into(), 2)], |_| {}).await;
        let ada = app.user("ada").await;
        all_delivered(&app).await;
        let eve = app.user("eve").await;
        until(&app, &format!("/Users/{eve}"), "held").await;
        let group = app.group("SF West", &[&ada, &eve]).await;
        let path = format!("/Groups/{group}");
        until(&app, &path, "held").await;
        assert!(words(&app, &path).await.contains("the account of one member"), "{}", words(&app, &path).await);
        assert_eq!(app.state().await.members("SF West"), Some(vec!["ada@example.com".to_owned()]));
        app.org().org().set_licence("Salesforce", 9);
        set(&app, &format!("/Users/{eve}"), "title", json!("T")).await;
        until(&app, &path, "delivered").await;
        assert_eq!(all_delivered(&app).await.members("SF West").expect("it").len(), 2);
        assert_eq!(calls(&app, "group_members").await, 2);
    }

    async fn a_push_of_many_is_one_call(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut ids = Vec::new();
        for n in 0..12 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        let group = app.group("SF West", &[]).await;
        all_delivered(&app).await;
        app.org().org().set_faults(scim_bridge::sandbox::Faults { latency_ms: 700, ..Default::default() });
        for id in &ids {
            add(&app, &group, &[id]).await;
        }
        assert_eq!(all_delivered(&app).await.members("SF West").expect("it").len(), 12);
        assert!(calls(&app, "group_members").await <= 5, "{}", app.calls().await);
    }

    /// However many pushes brought them.
    async fn members_that_come_while_a_call_is_under_way_go_two_hundred_a_call(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut ids = Vec::new();
        for n in 0..451 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        let group = app.group("SF West", &[]).await;
        all_delivered(&app).await;
        let before = calls(&app, "group_members").await;
        app.org().org().set_faults(scim_bridge::sandbox::Faults { hang: true, ..Default::default() });
        add(&app, &group, &[&ids[0]]).await;
        // It waits a moment for company.
        while app.delivery(&format!("/Groups/{group}")).await["state"] != "delivering" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        for ten in ids[1..].chunks(10) {
            add(&app, &group, &ten.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        assert_eq!(calls(&app, "group_members").await, before, "the first call is still under way");
        app.org().org().set_faults(scim_bridge::sandbox::Faults::default());
        assert_eq!(all_delivered(&app).await.members("SF West").expect("it").len(), 451);
        assert_eq!(calls(&app, "group_members").await - before, 1 + 3, "450 in three calls");
    }

    async fn nested_groups(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        let inner = app.group("Inner", &[&ada]).await;
        let outer = app.group("Outer", &[&inner, &ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!(nested(&state, "Outer"), ["Inner"]);
        assert_eq!(state.members("Outer"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(app.delete(&format!("/Groups/{inner}")).await.status, 204);
        assert!(nested(&all_delivered(&app).await, "Outer").is_empty());
        let again = app.group("Inner", &[]).await;
        add(&app, &outer, &[&again]).await;
        assert_eq!(nested(&all_delivered(&app).await, "Outer"), ["Inner"]);
    }

    /// One member whom Salesforce refuses (a group that contains this one) holds up no other.
    async fn one_member_that_is_refused_holds_up_nobody_else(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut ids = Vec::new();
        for n in 0..9 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        let inner = app.group("Inner", &[]).await;
        let outer = app.group("Outer", &[&inner]).await;
        all_delivered(&app).await;
        let members: Vec<&str> = ids.iter().map(String::as_str).chain([outer.as_str()]).collect();
        add(&app, &inner, &members).await;
        let path = format!("/Groups/{inner}");
        until(&app, &path, "rejected").await;
        let words = words(&app, &path).await;
        assert!(words.contains("refuses a member (all others are as asked): Outer: "), "who, by name: {words}");
        assert!(words.contains("take one of them out of the other"), "what to do: {words}");
        assert!(words.contains("CIRCULAR_DEPENDENCY"), "Salesforce's own words: {words}");
        let state = app.state().await;
        assert_eq!(state.members("Inner").expect("it").len(), 9);
        assert!(calls(&app, "group_members").await < 14, "{}", app.calls().await);
        remove(&app, &inner, &outer).await;
        all_delivered(&app).await;
    }

    async fn a_group_that_was_deleted_by_hand_is_made_again(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let inner = app.group("Inner", &[&ada]).await;
        app.group("Outer", &[&inner]).await;
        all_delivered(&app).await;
        app.org().org().with_store(|store| {
            let group = store.group_named("Inner").expect("it");
            store.delete_group(&group).expect("deleted");
        });
        add(&app, &inner, &[&eve]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("Inner").expect("it").len(), 2);
        assert_eq!(nested(&state, "Outer"), ["Inner"], "it is in the groups that it was in");
    }

    async fn members_changed_by_hand(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (ada, eve, bob) = (app.user("ada").await, app.user("eve").await, app.user("bob").await);
        let hand = seed(&app, "hand@example.com", true, &[]);
        let group = app.group("SF West", &[&ada]).await;
        let state = all_delivered(&app).await;
        let (eve_id, ada_id) = (super::account(&state, "eve@example.com"), super::account(&state, "ada@example.com"));
        app.org().org().with_store(|store| {
            let group = store.group_named("SF West").expect("it");
            store.add_member(&group, &eve_id).expect("added");
            store.add_member(&group, &hand).expect("added");
            store.remove_member(&group, &ada_id).expect("removed");
        });
        // Eve is in already, Ada is out already: neither makes the call fail for Bob.
        add(&app, &group, &[&eve, &bob]).await;
        remove(&app, &group, &ada).await;
        let state = all_delivered(&app).await;
        let names = ["bob@example.com", "eve@example.com", "hand@example.com"].map(str::to_owned).to_vec();
        assert_eq!(state.members("SF West"), Some(names), "whom we do not manage stays");
        remove(&app, &group, &eve).await;
        let names = ["bob@example.com", "hand@example.com"].map(str::to_owned).to_vec();
        assert_eq!(all_delivered(&app).await.members("SF West"), Some(names));
    }

    async fn more_members_than_one_call_takes(engine: Engine) {
        let no_guard = |config: &mut Config| tenant(config).guard.removals_percent = 100;
        let app = TestApp::start_with(&engine, |_| {}, no_guard).await;
        let mut ids = Vec::new();
        for n in 0..450 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        all_delivered(&app).await;
        let members: Vec<&str> = ids.iter().map(String::as_str).collect();
        let group = app.group("Large", &members).await;
        assert_eq!(all_delivered(&app).await.members("Large").expect("it").len(), 450);
        assert_eq!(calls(&app, "group_members").await, 3);
        assert_eq!(app.put(&format!("/Groups/{group}"), &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Large", "members": [],
        })).await.status, 200);
        assert_eq!(all_delivered(&app).await.members("Large"), Some(Vec::new()));
    }
}
