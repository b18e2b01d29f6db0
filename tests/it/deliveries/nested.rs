//! Groups in mirrored groups: kept as groups, or flattened into their people.

use scim_bridge::config::{Config, Nested};
use scim_bridge::sandbox::Faults;
use serde_json::json;

use super::members::nested as inside;
use super::{account, add, all_delivered, calls, remove, set, until, words};
use crate::entitlements::tenant;
use crate::reconcile::{Via, reconcile};
use crate::support::app::{OrgState, TestApp};
use crate::support::engine::Engine;
use crate::support::eventually;

fn groups(config: &mut Config, mirror: &[&str], nested: Nested) {
    let tenant = tenant(config);
    tenant.groups.mirror = mirror.iter().map(ToString::to_string).collect();
    tenant.groups.nested = nested;
    // Many leave at once here, as they are asked to.
    tenant.guard.removals_percent = 100;
}

async fn start(engine: &Engine, mirror: &[&str], nested: Nested) -> TestApp {
    TestApp::start_with(engine, |_| {}, |config| groups(config, mirror, nested)).await
}

/// Names before the `@` of the people in a public group. No group may be in it.
fn people(state: &OrgState, group: &str) -> Vec<String> {
    assert!(inside(state, group).is_empty(), "{:?} in {group}", inside(state, group));
    let members = state.members(group).unwrap_or_else(|| panic!("no group {group}"));
    members.into_iter().map(|name| name.split('@').next().expect("a name").to_owned()).collect()
}

both_engines! {
    /// Through a group that is mirrored itself, and through one that is not; and what changes there changes above.
    async fn people_of_nested_groups_are_members(engine: Engine) {
        let app = start(&engine, &["SF *"], Nested::Flatten).await;
        let (ada, bob, eve) = (app.user("ada").await, app.user("bob").await, app.user("eve").await);
        let deep = app.group("Deep", &[&eve]).await;
        let middle = app.group("SF Middle", &[&bob, &deep]).await;
        let plain = app.group("Plain", &[&middle]).await;
        let outer = app.group("SF Outer", &[&ada, &plain]).await;
        let state = all_delivered(&app).await;
        assert_eq!(state.groups(), ["SF Middle", "SF Outer"]);
        assert_eq!(people(&state, "SF Outer"), ["ada", "bob", "eve"]);
        assert_eq!(people(&state, "SF Middle"), ["bob", "eve"]);
        // The identity provider sees what it wrote.
        let members = app.get(&format!("/Groups/{outer}")).await.body["members"].clone();
        assert_eq!(members.as_array().expect("members").len(), 2, "{members}");
        // Two floors below, and out again.
        let mallory = app.user("mallory").await;
        add(&app, &deep, &[&mallory]).await;
        let state = all_delivered(&app).await;
        assert_eq!(people(&state, "SF Outer"), ["ada", "bob", "eve", "mallory"]);
        assert_eq!(people(&state, "SF Middle"), ["bob", "eve", "mallory"]);
        remove(&app, &deep, &eve).await;
        assert_eq!(people(&all_delivered(&app).await, "SF Outer"), ["ada", "bob", "mallory"]);
        // Somebody who is deleted is in no group, through whichever.
        assert_eq!(app.delete(&format!("/Users/{mallory}")).await.status, 204);
        assert_eq!(people(&all_delivered(&app).await, "SF Outer"), ["ada", "bob"]);
        // A group in the middle goes, and everybody who came through it.
        add(&app, &deep, &[&eve]).await;
        assert_eq!(people(&all_delivered(&app).await, "SF Outer"), ["ada", "bob", "eve"]);
        assert_eq!(app.delete(&format!("/Groups/{plain}")).await.status, 204);
        let state = all_delivered(&app).await;
        assert_eq!((people(&state, "SF Outer"), people(&state, "SF Middle")), (vec!["ada".to_owned()], vec!["bob".to_owned(), "eve".to_owned()]));
        add(&app, &outer, &[&middle]).await;
        assert_eq!(people(&all_delivered(&app).await, "SF Outer"), ["ada", "bob", "eve"]);
        assert_eq!(app.delete(&format!("/Groups/{middle}")).await.status, 204);
        let state = all_delivered(&app).await;
        assert_eq!(state.groups(), ["SF Outer"]);
        assert_eq!(people(&state, "SF Outer"), ["ada"]);
    }

    /// Who is in by two ways stays until both are gone; and groups that contain each other have the same people.
    async fn diamonds_and_circles(engine: Engine) {
        let app = start(&engine, &["Top", "Ring *"], Nested::Flatten).await;
        let (ada, bob) = (app.user("ada").await, app.user("bob").await);
        let bottom = app.group("Bottom", &[&ada]).await;
        let left = app.group("Left", &[&bottom]).await;
        let right = app.group("Right", &[&bottom]).await;
        let top = app.group("Top", &[&left, &right]).await;
        assert_eq!(people(&all_delivered(&app).await, "Top"), ["ada"]);
        let before = calls(&app, "group_members").await;
        remove(&app, &left, &bottom).await;
        add(&app, &top, &[&ada]).await;
        remove(&app, &right, &bottom).await;
        assert_eq!(people(&all_delivered(&app).await, "Top"), ["ada"], "directly by now");
        assert_eq!(calls(&app, "group_members").await, before, "no call without a difference");
        remove(&app, &top, &ada).await;
        assert_eq!(people(&all_delivered(&app).await, "Top"), Vec::<String>::new());

        let one = app.group("Ring one", &[&ada]).await;
        let two = app.group("Ring two", &[&bob, &one]).await;
        add(&app, &one, &[&two]).await;
        let state = all_delivered(&app).await;
        assert_eq!((people(&state, "Ring one"), people(&state, "Ring two")), (vec!["ada".into(), "bob".into()], vec!["ada".to_owned(), "bob".into()]));
        let eve = app.user("eve").await;
        add(&app, &two, &[&eve]).await;
        let state = all_delivered(&app).await;
        assert_eq!(people(&state, "Ring one"), ["ada", "bob", "eve"]);
        remove(&app, &two, &one).await;
        remove(&app, &one, &two).await;
        let state = all_delivered(&app).await;
        assert_eq!((people(&state, "Ring one"), people(&state, "Ring two")), (vec!["ada".to_owned()], vec!["bob".to_owned(), "eve".into()]));
        // They come to rest.
        let seen = app.delivery(&format!("/Groups/{one}")).await["updated"].clone();
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        assert_eq!(app.delivery(&format!("/Groups/{one}")).await["updated"], seen);
    }

    /// Nobody waits for ever, and nothing goes out twice.
    async fn what_concerns_no_member_costs_nothing(engine: Engine) {
        let app = TestApp::start_with(
            &engine,
            |org| org.licences = vec![("Salesforce".into(), 2)],
            |config| groups(config, &["Outer"], Nested::Flatten),
        )
        .await;
        let ada = app.user("ada").await;
        all_delivered(&app).await;
        let eve = app.user("eve").await;
        until(&app, &format!("/Users/{eve}"), "held").await;
        let inner = app.group("Inner", &[&ada, &eve]).await;
        let outer = app.group("Outer", &[&inner]).await;
        let path = format!("/Groups/{outer}");
        until(&app, &path, "held").await;
        assert!(words(&app, &path).await.contains("the account of one member"), "{}", words(&app, &path).await);
        assert_eq!(people(&app.state().await, "Outer"), ["ada"]);
        app.org().org().set_licence("Salesforce", 9);
        set(&app, &format!("/Users/{eve}"), "title", json!("T")).await;
        until(&app, &path, "delivered").await;
        assert_eq!(people(&all_delivered(&app).await, "Outer"), ["ada", "eve"]);
        let before = calls(&app, "group_members").await;
        assert_eq!(before, 2);
        set(&app, &format!("/Groups/{inner}"), "displayName", json!("Inside")).await;
        set(&app, &path, "externalId", json!("x")).await;
        all_delivered(&app).await;
        // What is not mirrored is not above anything that is delivered.
        let around = app.group("Around", &[&outer]).await;
        all_delivered(&app).await;
        let seen = app.delivery(&format!("/Groups/{around}")).await["updated"].clone();
        add(&app, &inner, &[&outer]).await;
        all_delivered(&app).await;
        assert_eq!(app.delivery(&format!("/Groups/{around}")).await["updated"], seen);
        assert_eq!(calls(&app, "group_members").await, before);
    }

    async fn people_of_nested_groups_go_two_hundred_a_call(engine: Engine) {
        let app = start(&engine, &["Outer"], Nested::Flatten).await;
        let mut ids = Vec::new();
        for n in 0..450 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        all_delivered(&app).await;
        let (first, second) = ids.split_at(300);
        let ids = |of: &[String]| of.iter().map(String::clone).collect::<Vec<_>>();
        let (first, second) = (ids(first), ids(second));
        let first = app.group("First", &first.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let second = app.group("Second", &second.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let outer = app.group("Outer", &[&first, &second]).await;
        assert_eq!(people(&all_delivered(&app).await, "Outer").len(), 450);
        assert_eq!(calls(&app, "group_members").await, 3);
        remove(&app, &outer, &first).await;
        assert_eq!(people(&all_delivered(&app).await, "Outer").len(), 150);
        assert_eq!(calls(&app, "group_members").await, 5);
    }

    /// From one setting to the other and back, at starts; and a start that changes nothing calls nobody.
    async fn the_setting_is_carried_out_at_the_next_start(engine: Engine) {
        let mut app = start(&engine, &["*"], Nested::Keep).await;
        let (ada, bob) = (app.user("ada").await, app.user("bob").await);
        let inner = app.group("Inner", &[&ada]).await;
        app.group("Outer", &[&inner, &bob]).await;
        app.group("Alone", &[&bob]).await;
        let state = all_delivered(&app).await;
        assert_eq!(inside(&state, "Outer"), ["Inner"]);
        app.reconfigure(|config| groups(config, &["*"], Nested::Flatten)).await;
        eventually("Outer has no group in it", async || inside(&app.state().await, "Outer").is_empty()).await;
        assert_eq!(people(&all_delivered(&app).await, "Outer"), ["ada", "bob"]);
        let before = calls(&app, "group_members").await;
        app.restart().await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        all_delivered(&app).await;
        assert_eq!(calls(&app, "group_members").await, before);
        app.reconfigure(|config| groups(config, &["*"], Nested::Keep)).await;
        eventually("Inner is in Outer again", async || inside(&app.state().await, "Outer") == ["Inner"]).await;
        let state = all_delivered(&app).await;
        assert_eq!(inside(&state, "Outer"), ["Inner"]);
        assert_eq!(state.members("Outer"), Some(vec!["bob@example.com".to_owned()]));
    }

    /// Answers that are lost leave nobody behind, in or out.
    async fn flattened_groups_end_as_asked_whatever_fails(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            groups(config, &["Outer"], Nested::Flatten);
            config.delivery.retry = vec![std::time::Duration::from_millis(20)];
        })
        .await;
        let mut ids = Vec::new();
        for n in 0..12 {
            ids.push(app.user(&format!("user{n}")).await);
        }
        let inner = app.group("Inner", &[]).await;
        let outer = app.group("Outer", &[&inner]).await;
        all_delivered(&app).await;
        // Somebody who came in unheard, and is out before anybody knows.
        app.org().org().set_faults(Faults { lost_answer: 1.0, ..Faults::default() });
        add(&app, &inner, &[&ids[0]]).await;
        until(&app, &format!("/Groups/{outer}"), "retrying").await;
        remove(&app, &inner, &ids[0]).await;
        app.org().org().set_faults(Faults::default());
        assert_eq!(people(&all_delivered(&app).await, "Outer"), Vec::<String>::new());
        app.org().org().set_faults(Faults { seed: 5, lost_answer: 0.4, unavailable: 0.1, ..Faults::default() });
        for round in 0..6 {
            for (n, id) in ids.iter().enumerate() {
                if (n + round) % 3 == 0 { add(&app, &inner, &[id]).await } else { remove(&app, &inner, id).await }
            }
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        }
        all_delivered(&app).await;
        app.org().org().set_faults(Faults::default());
        let state = all_delivered(&app).await;
        assert_eq!(people(&state, "Outer"), ["user10", "user1", "user4", "user7"]);
    }

    /// Who is in through another group is no stranger to a reconcile; whoever was taken out by hand comes back.
    async fn a_reconcile_sees_the_same_members(engine: Engine) {
        let app = start(&engine, &["Outer"], Nested::Flatten).await;
        let (ada, bob) = (app.user("ada").await, app.user("bob").await);
        let inner = app.group("Inner", &[&ada]).await;
        app.group("Outer", &[&inner, &bob]).await;
        let state = all_delivered(&app).await;
        let (report, found) = reconcile(&app, Via::Soql, false).await;
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(report.counts.memberships, 2);
        let gone = account(&state, "ada@example.com");
        app.org().org().with_store(|store| {
            let group = store.group_named("Outer").expect("it");
            store.remove_member(&group, &gone).expect("removed");
        });
        let (_, found) = reconcile(&app, Via::Soql, true).await;
        assert_eq!(found.len(), 1, "{found:?}");
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        assert_eq!(people(&all_delivered(&app).await, "Outer"), ["ada", "bob"]);
    }

    /// Kept as groups: one that is not mirrored is left out with its people, until it is.
    async fn a_kept_group_that_is_not_mirrored_is_left_out(engine: Engine) {
        let app = start(&engine, &["SF *"], Nested::Keep).await;
        let (ada, bob) = (app.user("ada").await, app.user("bob").await);
        let inner = app.group("Inner", &[&ada]).await;
        app.group("SF Outer", &[&inner, &bob]).await;
        let state = all_delivered(&app).await;
        assert_eq!(people(&state, "SF Outer"), ["bob"]);
        set(&app, &format!("/Groups/{inner}"), "displayName", json!("SF Inner")).await;
        let state = all_delivered(&app).await;
        assert_eq!(inside(&state, "SF Outer"), ["SF Inner"]);
        // No longer mirrored: the public group stays where it is, and is empty.
        set(&app, &format!("/Groups/{inner}"), "displayName", json!("Inner")).await;
        let state = all_delivered(&app).await;
        assert_eq!((inside(&state, "SF Outer"), state.members("SF Inner")), (vec!["SF Inner".to_owned()], Some(Vec::new())));
    }
}
