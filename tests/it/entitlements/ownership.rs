//! What the bridge gave it takes away again, and nothing else.

use std::time::Duration;

use scim_bridge::config::Exclusive;
use scim_bridge::sandbox::Faults;
use serde_json::json;

use super::*;
use crate::deliveries::seed;

both_engines! {
    /// An account that was there before keeps what administrators gave it, also what a rule gives to others.
    async fn what_was_given_by_hand_stays(engine: Engine) {
        let app = start(&engine, RULES).await;
        let account = seed(&app, "ada@example.com", true, &[]);
        by_hand(&app, &account, "Knowledge_Reader");
        by_hand(&app, &account, "Sales_Console");
        let ada = person(&app, "ada", "Sales").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[2], json!("Knowledge_Reader+Sales_Console"));
        assert_eq!(has(&state, "ada")[5], json!(["West"]));
        department(&app, &ada, "Research").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[2], json!("Knowledge_Reader+Sales_Console"), "both were there before");
        assert_eq!(has(&state, "ada")[5], json!([]), "and the group was not");
        assert_eq!(has(&state, "ada")[0], json!("Standard User"), "the profile was there before, too");
    }

    /// A profile and a role that somebody changed by hand are left as they are when the rule no longer gives them.
    async fn a_role_that_was_changed_by_hand_stays(engine: Engine) {
        let app = start(&engine, RULES).await;
        let ada = person(&app, "ada", "Sales").await;
        let state = all_delivered(&app).await;
        let id = account(&state, "ada@example.com");
        app.org().org().with_store(|store| {
            use scim_bridge::sandbox::store::field::Field;
            let (profile, role) = (store.profile_named("System Administrator").expect("it"), store.role_named("CEO").expect("it"));
            let mut user = store.user(&id).expect("ada").clone();
            user.set(Field::ProfileId, &profile);
            user.set(Field::UserRoleId, &role);
            store.restore_user(user);
        });
        department(&app, &ada, "Research").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada"), json!(["System Administrator", "CEO", "", "", "", []]));
    }

    /// Where a kind is exclusive, nobody keeps what no rule gives.
    async fn exclusive_kinds_lose_what_no_rule_gives(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.entitlements.exclusive = vec![Exclusive::PermissionSets];
            tenant.groups.mirror.clear();
        })
        .await;
        let account = seed(&app, "ada@example.com", true, &[]);
        by_hand(&app, &account, "Knowledge_Reader");
        app.org().org().with_store(|store| {
            let group = store.group_named("All Regions").expect("it");
            store.add_member(&group, &account).expect("added");
        });
        person(&app, "ada", "Sales").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[2], json!("Sales_Console"));
        assert_eq!(has(&state, "ada")[5], json!(["West", "All Regions"]), "groups are not exclusive");
    }

    /// Who is in a group that is mirrored since is its own affair, whatever was known of the person before.
    async fn members_of_a_group_that_became_mirrored_are_its_own(engine: Engine) {
        let mut app = start(&engine, RULES).await;
        let account = seed(&app, "ada@example.com", true, &[]);
        app.org().org().with_store(|store| {
            let group = store.group_named("All Regions").expect("it");
            store.add_member(&group, &account).expect("added");
        });
        let ada = person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        reconfigure(&mut app, |tenant| {
            tenant.groups.mirror = vec!["All Regions".to_owned()];
            tenant.entitlements.default_profile = Some("Standard User".to_owned());
        })
        .await;
        app.group("All Regions", &[&ada]).await;
        all_delivered(&app).await;
        reconfigure(&mut app, |tenant| tenant.entitlements.exclusive = vec![Exclusive::PublicGroups]).await;
        assert_eq!(has(&all_delivered(&app).await, "ada")[5], json!(["West", "All Regions"]));
    }

    /// Rules that are gone take along what they gave.
    async fn rules_that_are_gone_take_along_what_they_gave(engine: Engine) {
        let mut app = start(&engine, RULES).await;
        person(&app, "ada", "Sales").await;
        let state = all_delivered(&app).await;
        by_hand(&app, &account(&state, "ada@example.com"), "Knowledge_Reader");
        reconfigure(&mut app, |tenant| {
            let default_profile = tenant.entitlements.default_profile.clone();
            tenant.entitlements = Entitlements { default_profile, ..Entitlements::default() };
        })
        .await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada"), json!(["Minimum Access - Salesforce", null, "Knowledge_Reader", "", "", []]));
    }

    /// An account of before that has a rule's profile and role already is only looked at, and keeps them when the rule goes.
    async fn what_an_account_had_before_the_rules_is_not_the_bridge_s(engine: Engine) {
        let mut app = start(&engine, "default_profile = \"Minimum Access - Salesforce\"").await;
        let role = app.org().org().with_store(|store| store.role_named("Sales Rep").expect("it"));
        let fields = [(scim_bridge::sandbox::store::field::Field::UserRoleId, role.as_str())];
        seed(&app, "ada@example.com", true, &fields);
        person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        let rules = RULES.replace("permission_sets = [\"Sales_Console\"]\npublic_groups = [\"West\"]", "");
        let written = async |app: &TestApp| calls(app, "user_update_rest").await + calls(app, "user_patch").await;
        let before = written(&app).await;
        reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(&rules)).await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[1], "Sales Rep");
        assert_eq!(written(&app).await, before, "nothing differed: {}", app.calls().await);
        reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(&rules.replace("\"Sales\"", "\"None\""))).await;
        let state = all_delivered(&app).await;
        assert_eq!((&has(&state, "ada")[0], &has(&state, "ada")[1]), (&json!("Standard User"), &json!("Sales Rep")));
    }

    /// Where a kind becomes exclusive everybody is planned anew, though no decision is another.
    async fn a_kind_that_becomes_exclusive_is_everybody_s(engine: Engine) {
        let mut app = start(&engine, RULES).await;
        let account = seed(&app, "ada@example.com", true, &[]);
        by_hand(&app, &account, "Knowledge_Reader");
        person(&app, "ada", "Sales").await;
        assert_eq!(has(&all_delivered(&app).await, "ada")[2], "Knowledge_Reader+Sales_Console");
        reconfigure(&mut app, |tenant| tenant.entitlements.exclusive = vec![Exclusive::PermissionSets]).await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[2], "Sales_Console");
    }

    /// Of somebody who cannot log in nothing is given or taken; when they are back, everything is as it shall be.
    async fn who_cannot_log_in_keeps_what_they_had(engine: Engine) {
        let app = start(&engine, RULES).await;
        let ada = person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        let path = format!("/Users/{ada}");
        set(&app, &path, "active", json!(false)).await;
        department(&app, &ada, "Research").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada"), json!(["Standard User", "Sales Rep", "Sales_Console", "", "", ["West"]]));
        set(&app, &path, "active", json!(true)).await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada"), json!(["Minimum Access - Salesforce", null, "", "", "", []]));
    }

    /// Whatever fails on the way: everybody ends with what the last word gives, and what was by hand is there.
    async fn grants_end_as_asked_whatever_fails(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            // They all change again and again, and mean it.
            tenant.guard.losses_percent = 100;
            tenant.entitlements = entitlements(RULES);
            tenant.groups.mirror.clear();
            config.delivery.retry = vec![Duration::from_millis(20)];
        })
        .await;
        let mut people = Vec::new();
        for n in 0..30 {
            let name = format!("person{n}");
            let account = seed(&app, &format!("{name}@example.com"), true, &[]);
            by_hand(&app, &account, "Knowledge_Reader");
            people.push(person(&app, &name, "Research").await);
        }
        all_delivered(&app).await;
        app.org().org().set_faults(Faults {
            seed: 7, lost_answer: 0.15, lost_request: 0.1, unavailable: 0.05, row_lock: 0.1, ..Faults::default()
        });
        for round in 0..4 {
            for (n, id) in people.iter().enumerate() {
                department(&app, id, if (n + round) % 3 == 0 { "Sales" } else { "Research" }).await;
            }
            tokio::time::sleep(Duration::from_millis(50 * round as u64)).await;
        }
        let state = all_delivered(&app).await;
        for n in 0..people.len() {
            let expected = if (n + 3) % 3 == 0 {
                json!(["Standard User", "Sales Rep", "Knowledge_Reader+Sales_Console", "", "", ["West"]])
            } else {
                json!(["Standard User", null, "Knowledge_Reader", "", "", []])
            };
            assert_eq!(has(&state, &format!("person{n}")), expected, "person{n}");
        }
    }
}
