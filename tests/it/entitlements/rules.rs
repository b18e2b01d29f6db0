//! What rules give.

use serde_json::json;

use super::*;
use crate::support::app::FastClock;

both_engines! {
    /// A newcomer has everything with two calls, and a change of department changes everything that follows from it.
    async fn people_get_what_the_rules_say(engine: Engine) {
        let app = start(&engine, RULES).await;
        let ada = person(&app, "ada", "Sales").await;
        person(&app, "eve", "Research").await;
        let state = all_delivered(&app).await;
        let sales = json!(["Standard User", "Sales Rep", "Sales_Console", "", "", ["West"]]);
        let nothing = json!(["Minimum Access - Salesforce", null, "", "", "", []]);
        assert_eq!(has(&state, "ada"), sales);
        assert_eq!(has(&state, "eve"), nothing);
        let (made, composite) = (creates(&app).await, calls(&app, "composite").await);
        assert_eq!((made, composite), (2, 1), "one call for the account, and one for what it is given: {}", app.calls().await);
        let before = app.calls().await["total"].clone();
        department(&app, &ada, "Sales").await;
        set(&app, &format!("/Users/{ada}"), "nickName", json!("Countess")).await;
        all_delivered(&app).await;
        assert_eq!(app.calls().await["total"].as_u64(), before.as_u64().map(|total| total + 1), "the nickname alone");
        department(&app, &ada, "Research").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada"), nothing, "all of it was given by a rule, and went with it");
        department(&app, &ada, "Sales").await;
        assert_eq!(has(&all_delivered(&app).await, "ada"), sales);
    }

    /// Groups give, whoever is in them; and one membership is one person's.
    async fn groups_give_and_a_membership_is_one_person_s(engine: Engine) {
        let app = start(&engine, RULES).await;
        let mut people = Vec::new();
        for name in ["ada", "bob", "eve"] {
            people.push(person(&app, name, "Research").await);
        }
        let group = app.group("SF Support East", &[&people[0]]).await;
        let other = app.group("Lunch", &[&people[0], &people[1]]).await;
        all_delivered(&app).await;
        let support = json!(["System Administrator", "Support Agent", "Knowledge_Reader", "Sales_Team", "", []]);
        let nothing = json!(["Minimum Access - Salesforce", null, "", "", "", []]);
        let state = app.state().await;
        assert_eq!((has(&state, "ada"), has(&state, "bob")), (support.clone(), nothing.clone()));
        let looked_at = async |id: &str| app.delivery(&format!("/Users/{id}")).await["updated"].clone();
        let before = (looked_at(&people[0]).await, looked_at(&people[2]).await);
        assert!(before.0.is_string());
        add(&app, &group, &[&people[1]]).await;
        let state = all_delivered(&app).await;
        assert_eq!((has(&state, "bob"), has(&state, "eve")), (support.clone(), nothing.clone()));
        assert_eq!((looked_at(&people[0]).await, looked_at(&people[2]).await), before, "nobody else was looked at");
        remove(&app, &group, &people[0]).await;
        assert_eq!(has(&all_delivered(&app).await, "ada"), nothing);
        // The name decides, so a rename gives and takes.
        set(&app, &format!("/Groups/{group}"), "displayName", json!("Support East")).await;
        assert_eq!(has(&all_delivered(&app).await, "bob"), nothing);
        set(&app, &format!("/Groups/{other}"), "displayName", json!("SF Analysts (Lunch)")).await;
        let state = all_delivered(&app).await;
        let analyst = json!(["Minimum Access - Salesforce", null, "Analytics_Viewer", "", "Analytics", []]);
        assert_eq!((has(&state, "ada"), has(&state, "bob")), (analyst.clone(), analyst), "the licence before the set");
        assert_eq!(app.delete(&format!("/Groups/{other}")).await.status, 204);
        let state = all_delivered(&app).await;
        assert_eq!((has(&state, "ada"), has(&state, "bob")), (nothing.clone(), nothing));
    }

    /// A name that the org does not have holds those who need it, and nobody else.
    async fn a_missing_name_holds_those_who_need_it(engine: Engine) {
        let text = RULES.replace("\"Sales_Console\"", "\"Sales_Console\", \"Missing\"");
        let app = TestApp::start_at(&engine, FastClock::of(120.0), |_| {}, |config| {
            tenant(config).entitlements = entitlements(&text.replace("public_groups = [\"West\"]", ""));
            config.delivery.lease = std::time::Duration::from_hours(1);
        })
        .await;
        let ada = person(&app, "ada", "Sales").await;
        let eve = person(&app, "eve", "Research").await;
        until(&app, &format!("/Users/{eve}"), "delivered").await;
        until(&app, &format!("/Users/{ada}"), "held").await;
        let said = words(&app, &format!("/Users/{ada}")).await;
        assert!(said.contains("the org has no permission set \\\"Missing\\\" (rule \\\"sales\\\")"), "{said}");
        assert_eq!(has(&app.state().await, "ada")[2], json!("Sales_Console"), "the rest was given");
        app.org().org().with_store(|store| {
            let set = store.permission_sets.values_mut().find(|set| set.name == "Knowledge_Reader").expect("it");
            set.name = "Missing".into();
        });
        until(&app, &format!("/Users/{ada}"), "delivered").await;
        assert_eq!(has(&app.state().await, "ada")[2], json!("Missing+Sales_Console"));
    }

    /// A mirrored group is no rule's to give, whichever of its names the rule has: the configuration knows the label alone.
    async fn a_mirrored_group_is_given_under_no_name(engine: Engine) {
        let by_id = |app: &TestApp| app.org().org().with_store(|store| store.group_named("All Regions").expect("it"));
        for is_named_by_id in [false, true] {
            let engine = engine.another();
            let mut app = TestApp::start_with(&engine, |_| {}, |config| {
                tenant(config).groups.mirror = vec!["All *".to_owned()];
                tenant(config).entitlements = entitlements(&RULES.replace("\"West\"", "\"All_Regions\""));
            })
            .await;
            if is_named_by_id {
                let rules = RULES.replace("West", &by_id(&app));
                reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(&rules)).await;
            }
            let ada = person(&app, "ada", "Sales").await;
            until(&app, &format!("/Users/{ada}"), "held").await;
            let said = words(&app, &format!("/Users/{ada}")).await;
            assert!(said.contains("is the mirrored group \\\"All Regions\\\" (groups.mirror)"), "{said}");
            let sales = json!(["Standard User", "Sales Rep", "Sales_Console", "", "", []]);
            assert_eq!(has(&app.state().await, "ada"), sales, "the rest was given");
        }
    }

    /// Without a rule and a default a newcomer waits, and is told why.
    async fn nobody_gets_an_account_without_a_profile(engine: Engine) {
        let text = RULES.replace("default_profile = \"Minimum Access - Salesforce\"", "");
        let app = start(&engine, &text).await;
        let eve = person(&app, "eve", "Research").await;
        person(&app, "ada", "Sales").await;
        until(&app, &format!("/Users/{eve}"), "held").await;
        let said = words(&app, &format!("/Users/{eve}")).await;
        let expected = "no rule gives one, and tenant.sandbox.entitlements.default_profile is not set";
        assert!(said.contains(expected), "{said}");
        department(&app, &eve, "Sales").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "eve"), has(&state, "ada"));
    }

    /// What the identity provider asks for by itself is given where that is wanted, in the forms that it is sent in.
    async fn what_the_idp_asks_for_is_honoured_or_ignored(engine: Engine) {
        let mut app = start(&engine, &format!("idp_entitlements = \"honour\"\n{RULES}")).await;
        let entra = json!({ "id": "1", "value": "System Administrator", "displayName": "Platform" }).to_string();
        let state = app.state().await;
        let sets = state.0["PermissionSets"].as_array().expect("sets");
        let by_id = sets.iter().find(|set| set["Name"] == "Knowledge_Reader").expect("it")["Id"].clone();
        let mut body = user("ada");
        body["entitlements"] = json!([{ "value": by_id }, { "value": "no such thing" }]);
        body["roles"] = json!([{ "value": entra, "primary": true }, { "value": "Support Agent" }]);
        body[ENTERPRISE] = json!({ "department": "Sales" });
        let answer = app.post("/Users", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let ada = answer.body["id"].as_str().expect("an id").to_owned();
        let state = all_delivered(&app).await;
        // What is about this very person comes before the rules; the rest is united.
        let expected = json!(["System Administrator", "Support Agent", "Knowledge_Reader+Sales_Console", "", "", ["West"]]);
        assert_eq!(has(&state, "ada"), expected);
        let said = words(&app, &format!("/Users/{ada}")).await;
        assert!(said.contains("asks in entitlements for \\\"no such thing\\\", which the org does not have"), "{said}");
        reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(RULES)).await;
        let expected = json!(["Standard User", "Sales Rep", "Sales_Console", "", "", ["West"]]);
        assert_eq!(has(&all_delivered(&app).await, "ada"), expected, "planned anew without a push");
    }
}
