//! Public groups: which there are, and what they are called.

use std::time::Duration;

use scim_bridge::config::Config;
use scim_bridge::sandbox::Faults;
use serde_json::json;

use super::{all_delivered, calls, seed_group, set, until, words};
use crate::support::app::{TENANT, TestApp};

fn mirror(config: &mut Config, globs: &[&str], create: bool) {
    let groups = &mut config.tenant.get_mut(TENANT).expect("the tenant").groups;
    groups.mirror = globs.iter().map(ToString::to_string).collect();
    groups.create = create;
}

both_engines! {
    async fn only_groups_of_the_configured_names_are_mirrored(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| mirror(config, &["SF *"], true)).await;
        let ada = app.user("ada").await;
        app.group("sf west", &[&ada]).await;
        let east = app.group("East", &[&ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.groups(), ["sf west"]);
        assert_eq!(state.members("sf west"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(app.delivery(&format!("/Groups/{east}")).await["state"], "delivered");
        // Renamed into the globs, and out of them again.
        let path = format!("/Groups/{east}");
        set(&app, &path, "displayName", json!("SF East")).await;
        assert_eq!(all_delivered(&app).await.members("SF East"), Some(vec!["ada@example.com".to_owned()]));
        let by_hand = super::seed(&app, "hand@example.com", true, &[]);
        app.org().org().with_store(|store| {
            let group = store.group_named("SF East").expect("it");
            store.add_member(&group, &by_hand).expect("added");
        });
        set(&app, &path, "displayName", json!("East")).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("SF East"), Some(vec!["hand@example.com".to_owned()]), "ours leave, the group stays");
        set(&app, &path, "displayName", json!("SF East")).await;
        assert_eq!(all_delivered(&app).await.members("SF East").expect("it").len(), 2);
    }

    async fn another_configuration_at_the_next_start_is_carried_out(engine: Engine) {
        let mut app = TestApp::start_with(&engine, |_| {}, |config| mirror(config, &["SF *"], true)).await;
        let ada = app.user("ada").await;
        app.group("SF West", &[&ada]).await;
        app.group("East", &[&ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.groups(), ["SF West"]);
        app.reconfigure(|config| mirror(config, &["East"], true)).await;
        for _ in 0..500 {
            let state = app.state().await;
            if state.members("East").is_some_and(|m| !m.is_empty()) && state.members("SF West") == Some(Vec::new()) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let state = all_delivered(&app).await;
        assert_eq!(state.members("East"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(state.members("SF West"), Some(Vec::new()));
        let before = app.calls().await;
        app.restart().await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        all_delivered(&app).await;
        assert_eq!(app.calls().await["calls"]["group_search"], before["calls"]["group_search"], "nothing else to do");
    }

    async fn a_group_that_may_not_be_made_waits_until_it_is(engine: Engine) {
        let mut app = TestApp::start_with(&engine, |_| {}, |config| mirror(config, &["*"], false)).await;
        let ada = app.user("ada").await;
        let id = app.group("SF West", &[&ada]).await;
        let path = format!("/Groups/{id}");
        until(&app, &path, "held").await;
        assert!(words(&app, &path).await.contains("no public group named \\\"SF West\\\""), "{}", words(&app, &path).await);
        seed_group(&app, "SF West");
        set(&app, &path, "externalId", json!("x")).await;
        assert_eq!(all_delivered(&app).await.members("SF West"), Some(vec!["ada@example.com".to_owned()]));
        let other = app.group("SF East", &[]).await;
        until(&app, &format!("/Groups/{other}"), "held").await;
        seed_group(&app, "SF East");
        app.restart().await;
        until(&app, &format!("/Groups/{other}"), "delivered").await;
    }

    async fn renamed_and_deleted(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        let by_hand = seed_group(&app, "Adopted");
        let own = app.group("Own", &[&ada]).await;
        let adopted = app.group("adopted", &[&ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.groups(), ["Own", "adopted"], "the name is as the IdP writes it");
        set(&app, &format!("/Groups/{own}"), "displayName", json!("Owned")).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.groups(), ["Owned", "adopted"]);
        assert_eq!(state.members("Owned"), Some(vec!["ada@example.com".to_owned()]));
        for id in [&own, &adopted] {
            assert_eq!(app.delete(&format!("/Groups/{id}")).await.status, 204);
        }
        let state = all_delivered(&app).await;
        assert_eq!(state.groups(), ["adopted"], "what was there before us stays");
        assert_eq!(state.members("adopted"), Some(Vec::new()));
        assert!(state.0["Groups"].as_array().expect("groups").iter().any(|g| g["Id"] == by_hand));
    }

    /// Deleted and pushed again under the same name in one breath.
    async fn a_group_of_the_same_name_comes_after_the_deleted_one_is_gone(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.faults.latency_ms = 20, |_| {}).await;
        let ada = app.user("ada").await;
        let mut id = app.group("SF West", &[&ada]).await;
        for round in 0..6 {
            all_delivered(&app).await;
            assert_eq!(app.delete(&format!("/Groups/{id}")).await.status, 204);
            tokio::time::sleep(std::time::Duration::from_millis(round * 15)).await;
            id = app.group("SF West", &[]).await;
            let state = all_delivered(&app).await;
            assert_eq!(state.members("SF West"), Some(Vec::new()), "round {round}");
            super::add(&app, &id, &[&ada]).await;
        }
    }

    /// The same with one that was there before us: it stays, without the members that were asked for before.
    async fn a_group_of_the_same_name_comes_after_the_adopted_one_was_left(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.faults.latency_ms = 20, |_| {}).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        let there = seed_group(&app, "SF West");
        let id = app.group("SF West", &[&ada]).await;
        all_delivered(&app).await;
        assert_eq!(app.delete(&format!("/Groups/{id}")).await.status, 204);
        app.group("SF West", &[&eve]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("SF West"), Some(vec!["eve@example.com".to_owned()]));
        let groups = state.0["Groups"].as_array().expect("groups").iter().filter(|g| g["Name"] == "SF West");
        assert_eq!(groups.map(|g| g["Id"].clone()).collect::<Vec<_>>(), [json!(there)]);
    }

    async fn several_groups_of_the_name_need_a_person(engine: Engine) {
        let app = TestApp::start(&engine).await;
        seed_group(&app, "Twin");
        let second = seed_group(&app, "twin");
        let id = app.group("Twin", &[]).await;
        let path = format!("/Groups/{id}");
        until(&app, &path, "held").await;
        assert!(words(&app, &path).await.contains("2 public groups named"), "{}", words(&app, &path).await);
        app.org().org().with_store(|store| store.delete_group(&second).expect("deleted"));
        set(&app, &path, "externalId", json!("x")).await;
        all_delivered(&app).await;
        assert_eq!(calls(&app, "group_create").await, 0);
        // One that another of ours has is not the other's.
        let other = app.group("Other", &[]).await;
        set(&app, &format!("/Groups/{other}"), "displayName", json!("Twins")).await;
        assert_eq!(all_delivered(&app).await.groups(), ["Twin", "Twins"]);
    }

    async fn a_queue_of_the_name_is_no_public_group(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        app.group("Support Queue", &[&ada]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.members("Support Queue"), Some(vec!["ada@example.com".to_owned()]));
        let queue = state.0["Groups"].as_array().expect("groups").iter().find(|g| g["Type"] == "Queue").expect("it");
        assert_eq!(queue["Members"], json!([]));
    }
}

both_engines! {
    /// A try that is slower than its lease is taken over, by the same process too: what the first one still does must
    /// not be done twice.
    async fn a_try_that_outlives_its_lease_makes_no_second_group(engine: Engine) {
        let lease = Duration::from_secs(1);
        let app = TestApp::start_with(&engine, |_| {}, |config| config.delivery.lease = lease).await;
        app.user("first").await;
        app.settled().await;
        // The search, the refused session, the new one and the search again take longer than the lease.
        app.org().org().set_faults(Faults { latency_ms: 450, ..Faults::default() });
        app.org().org().revoke_sessions();
        app.group("Slow", &[]).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        app.org().org().set_faults(Faults::default());
        app.settled().await;
        assert_eq!(app.state().await.groups(), ["Slow"]);
    }
}
