//! Licences: what fits which profile, who waits for a seat, and names that become others in the org.

use std::time::Duration;

use scim_bridge::config::Leaving;
use scim_bridge::sandbox::PermissionSetSeed;
use serde_json::json;

use super::*;
use crate::support::app::FastClock;

/// People of `Field` have the other user licence; `Analysts` need a permission set licence.
const LICENSED: &str = r#"
default_profile = "Minimum Access - Salesforce"
[[rules]]
name = "field"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Field"'
profile = "Standard Platform User"
permission_sets = ["Knowledge_Reader"]
[[rules]]
name = "sales"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales"'
profile = "Standard User"
permission_sets = ["Account_Reader"]
[[rules]]
name = "analysts"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Analysts"'
permission_set_licenses = ["Analytics"]
permission_sets = ["Analytics_Viewer", "Sales_Console"]
[[rules]]
name = "readers"
when = 'title eq "Reader"'
permission_sets = ["Account_Reader"]
"#;

fn path(id: &str) -> String {
    format!("/Users/{id}")
}

/// What `/metrics` says of names of a kind that are missing.
async fn missing(app: &TestApp, kind: &str) -> Option<String> {
    let metrics = app.get(&app.base().replace("/scim/v2", "/metrics")).await.body;
    let line = format!("scim_bridge_names_missing{{tenant=\"sandbox\",kind=\"{kind}\"}} ");
    metrics.as_str()?.lines().find_map(|found| Some(found.strip_prefix(&line)?.to_owned()))
}

/// Gives a permission set of the org another name.
fn rename(app: &TestApp, from: &str, to: &str) {
    app.org().org().with_store(|store| {
        let set = store.permission_sets.values_mut().find(|set| set.name == from).expect("the set");
        to.clone_into(&mut set.name);
    });
}

both_engines! {
    /// A permission set of another user licence than the profile's is not sent; the rest is given, and nobody else waits.
    async fn a_set_that_the_profile_does_not_allow_is_not_sent(engine: Engine) {
        let app = start(&engine, LICENSED).await;
        let ada = person(&app, "ada", "Field").await;
        all_delivered(&app).await;
        set(&app, &path(&ada), "title", json!("Reader")).await;
        let eve = person(&app, "eve", "Sales").await;
        until(&app, &path(&ada), "held").await;
        until(&app, &path(&eve), "delivered").await;
        let said = words(&app, &path(&ada)).await;
        for part in [
            "permission set \\\"Account_Reader\\\" (rule \\\"readers\\\") was not given",
            "needs the user licence \\\"Salesforce\\\"",
            "the profile \\\"Standard Platform User\\\" belongs to the user licence \\\"Salesforce Platform\\\"",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let state = app.state().await;
        assert_eq!(has(&state, "ada"), json!(["Standard Platform User", null, "Knowledge_Reader", "", "", []]));
        assert_eq!(has(&state, "eve")[2], json!("Account_Reader"));
        assert_eq!(state.user("ada@example.com").expect("ada")["Title"], "Reader", "the rest was sent");
        set(&app, &path(&ada), "title", json!("Writer")).await;
        all_delivered(&app).await;
    }

    /// A permission set whose licence no rule gives is not sent, until somebody gives the licence by hand.
    async fn a_set_without_its_licence_is_not_sent(engine: Engine) {
        let text = LICENSED.replace("permission_set_licenses = [\"Analytics\"]", "");
        let app = start(&engine, &text).await;
        let ada = person(&app, "ada", "Analysts").await;
        until(&app, &path(&ada), "held").await;
        let said = words(&app, &path(&ada)).await;
        assert!(said.contains("needs the permission set licence \\\"Analytics\\\", which no rule gives"), "{said}");
        let state = app.state().await;
        assert_eq!(has(&state, "ada")[2], json!("Sales_Console"));
        let account = account(&state, "ada@example.com");
        app.org().org().with_store(|store| {
            let licence = store.set_licence_named("Analytics").expect("it");
            store.assign_licence(&account, &licence).expect("assigned");
        });
        set(&app, &path(&ada), "nickName", json!("Countess")).await;
        assert_eq!(has(&all_delivered(&app).await, "ada")[2], json!("Analytics_Viewer+Sales_Console"));
        department(&app, &ada, "Research").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[2], json!(""));
        assert_eq!(has(&state, "ada")[4], json!("Analytics"), "the licence was given by hand");
    }

    /// Who finds no seat of a permission set licence waits, and has it in turn when one is given back.
    async fn a_permission_set_licence_is_waited_for_in_turn(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(LICENSED);
            tenant.accounts.on_deactivate = vec![Leaving::RemovePermissionSets, Leaving::Deactivate];
        })
        .await;
        app.org().org().set_licence("Analytics", 1);
        let ada = person(&app, "ada", "Analysts").await;
        let analyst = |state: &OrgState, name: &str| has(state, name)[4] == "Analytics";
        assert!(analyst(&all_delivered(&app).await, "ada"));
        let bob = person(&app, "bob", "Analysts").await;
        until(&app, &path(&bob), "held").await;
        let eve = person(&app, "eve", "Analysts").await;
        until(&app, &path(&eve), "held").await;
        let said = words(&app, &path(&bob)).await;
        assert!(said.contains("waits for a free permission set licence in Salesforce: \\\"Analytics\\\" (0PL"), "{said}");
        assert!(said.contains("without it: permission set \\\"Analytics_Viewer\\\""), "{said}");
        assert!(!said.contains("INTEGRITY") && !said.contains("was not given"), "the set was not tried: {said}");
        assert_eq!(has(&app.state().await, "bob")[2], json!("Sales_Console"), "the rest was given");
        // Looking again does not cost the place.
        set(&app, &path(&ada), "nickName", json!("Countess")).await;
        department(&app, &ada, "Research").await;
        until(&app, &path(&bob), "delivered").await;
        let state = app.state().await;
        assert_eq!((analyst(&state, "ada"), analyst(&state, "bob"), analyst(&state, "eve")), (false, true, false));
        assert_eq!(app.delivery(&path(&eve)).await["state"], "held");
        set(&app, &path(&bob), "active", json!(false)).await;
        until(&app, &path(&eve), "delivered").await;
        assert!(analyst(&app.state().await, "eve"));
    }

    /// A seat of a user licence goes to whoever waits for that very licence.
    async fn a_seat_goes_to_who_waits_for_its_licence(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| {
            // The integration user has one.
            org.licences = vec![("Salesforce".into(), 2), ("Salesforce Platform".into(), 1), ("Identity".into(), 9)];
        }, |config| tenant(config).entitlements = entitlements(LICENSED))
        .await;
        let ada = person(&app, "ada", "Sales").await;
        person(&app, "fay", "Field").await;
        all_delivered(&app).await;
        let gus = person(&app, "gus", "Field").await;
        until(&app, &path(&gus), "held").await;
        let bob = person(&app, "bob", "Sales").await;
        until(&app, &path(&bob), "held").await;
        let said = words(&app, &path(&gus)).await;
        assert!(said.contains("waits for a free user licence in Salesforce: \\\"Salesforce Platform\\\" (100"), "{said}");
        set(&app, &path(&ada), "active", json!(false)).await;
        until(&app, &path(&bob), "delivered").await;
        assert_eq!(app.delivery(&path(&gus)).await["state"], "held", "he waits longer, for another licence");
    }

    /// More than fit one call, and no seat: what waits for the licence is no rejection, and the rest is given.
    async fn many_changes_and_no_seat_is_no_rejection(engine: Engine) {
        let names: Vec<String> = (0..40).map(|n| format!("Extra_{n}")).collect();
        let sets = names.clone();
        let text = LICENSED.replace("\"Sales_Console\"]", &format!("{}]", names.iter().map(|name| format!("{name:?}"))
            .collect::<Vec<_>>().join(", ")));
        let app = TestApp::start_with(&engine, |org| {
            let extra = |name: &String| PermissionSetSeed { name: name.clone(), label: name.clone(), ..PermissionSetSeed::default() };
            org.permission_sets.extend(sets.iter().map(extra));
        }, |config| tenant(config).entitlements = entitlements(&text))
        .await;
        app.org().org().set_licence("Analytics", 0);
        let ada = person(&app, "ada", "Analysts").await;
        until(&app, &path(&ada), "held").await;
        let sets = |state: &OrgState| has(state, "ada")[2].as_str().expect("names").split('+').count();
        assert_eq!(sets(&app.state().await), 40);
        app.org().org().set_licence("Analytics", 1);
        set(&app, &path(&ada), "nickName", json!("Countess")).await;
        assert_eq!(sets(&all_delivered(&app).await), 41);
        department(&app, &ada, "Research").await;
        assert_eq!(has(&all_delivered(&app).await, "ada"), json!(["Minimum Access - Salesforce", null, "", "", "", []]));
    }

    /// A profile of another user licence that Salesforce refuses keeps nothing else from being sent.
    async fn a_profile_that_is_refused_keeps_nothing_else(engine: Engine) {
        let app = start(&engine, LICENSED).await;
        let ada = person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        department(&app, &ada, "Field").await;
        until(&app, &path(&ada), "rejected").await;
        let said = words(&app, &path(&ada)).await;
        assert!(said.contains("profile \\\"Standard Platform User\\\" was not given"), "{said}");
        let state = app.state().await;
        assert_eq!(has(&state, "ada"), json!(["Standard User", null, "Knowledge_Reader", "", "", []]));
        assert_eq!(state.user("ada@example.com").expect("ada")["Department"], "Field");
    }

    /// Where the org allows it: a permission set of the present licence goes before the profile, and one that was given by
    /// hand keeps the profile as it is.
    async fn sets_go_before_a_profile_of_another_licence(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.switches.profile_across_licences = true, |config| {
            tenant(config).entitlements = entitlements(LICENSED);
        })
        .await;
        let ada = person(&app, "ada", "Sales").await;
        let bob = person(&app, "bob", "Research").await;
        let state = all_delivered(&app).await;
        by_hand(&app, &account(&state, "bob@example.com"), "Account_Reader");
        department(&app, &ada, "Field").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada"), json!(["Standard Platform User", null, "Knowledge_Reader", "", "", []]));
        // What was given by hand is not known before it is read.
        department(&app, &bob, "Field").await;
        app.settled().await;
        assert_eq!(has(&app.state().await, "bob")[0], json!("Minimum Access - Salesforce"));
        set(&app, &path(&bob), "nickName", json!("Bobby")).await;
        until(&app, &path(&bob), "held").await;
        let said = words(&app, &path(&bob)).await;
        assert!(said.contains("was not given: the account has the permission set \\\"Account_Reader\\\""), "{said}");
        assert_eq!(has(&app.state().await, "bob")[2], json!("Account_Reader+Knowledge_Reader"));
    }

    /// A name that goes is noticed though nobody needs it; one that is made anew is given anew, and one that comes back
    /// reaches who was waiting. An idle bridge asks once an hour.
    async fn names_are_looked_at_without_a_need(engine: Engine) {
        let app = TestApp::start_at(&engine, FastClock::of(1800.0), |_| {}, |config| {
            tenant(config).entitlements = entitlements(LICENSED);
            config.delivery.lease = Duration::from_hours(6);
        })
        .await;
        let ada = person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        let until_missing = async |expected: &str| {
            let is_so = async || missing(&app, "permission_set").await.as_deref() == Some(expected);
            eventually(&format!("{expected} missing"), is_so).await;
        };
        until_missing("0").await;
        let updated = app.delivery(&path(&ada)).await["updated"].clone();
        assert!(updated.is_string());
        rename(&app, "Knowledge_Reader", "Elsewhere");
        until_missing("1").await;
        rename(&app, "Elsewhere", "Knowledge_Reader");
        until_missing("0").await;
        assert_eq!(app.delivery(&path(&ada)).await["updated"], updated, "it does not concern her");
        // Another one of the name: what she has is not what the name means any more.
        rename(&app, "Account_Reader", "Old");
        rename(&app, "Sales_Console", "Account_Reader");
        eventually("the new one, without a push", async || has(&app.state().await, "ada")[2] == "Account_Reader").await;
    }

    /// What was made anew while the bridge was away is found at its start, without a push.
    async fn names_that_changed_meanwhile_are_found_at_the_start(engine: Engine) {
        let mut app = start(&engine, LICENSED).await;
        person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        app.stop().await;
        rename(&app, "Account_Reader", "Old");
        rename(&app, "Sales_Console", "Account_Reader");
        app.restart().await;
        eventually("the new one, without a push", async || has(&app.state().await, "ada")[2] == "Account_Reader").await;
    }

    /// An idle bridge asks for what its rules name, once, and not where calls are few.
    async fn an_idle_bridge_asks_once_an_hour_and_not_where_calls_are_few(engine: Engine) {
        let mut app = start(&engine, LICENSED).await;
        // Profiles, permission sets and their licences; and what comes beyond would come within seconds.
        let asked = async |app: &TestApp, count: u64| {
            eventually(&format!("{count} questions"), async || calls(app, "query").await >= count).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            assert_eq!(calls(app, "query").await, count, "{}", app.calls().await);
        };
        asked(&app, 3).await;
        app.reconfigure(|config| {
            let quota = &mut tenant(config).salesforce.quota;
            (quota.slow_at, quota.hold_at) = (0.0, 0.000_000_1);
        })
        .await;
        // The first answer told that calls are few.
        asked(&app, 4).await;
    }
}
