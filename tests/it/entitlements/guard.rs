//! A mass change is a mistake until a person says otherwise.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::explain::{configuration, plan};
use super::*;

/// People of a group whose members may call a support set their own.
const RULES: &str = r#"
default_profile = "Minimum Access - Salesforce"
[[rules]]
name = "support"
group = "SF Support"
permission_sets = ["Knowledge_Reader"]
[[rules]]
name = "sales"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales"'
permission_sets = ["Sales_Console"]
[[rules]]
name = "administrators"
when = 'title eq "Administrator"'
profile = "System Administrator"
permission_sets = ["Knowledge_Reader"]
"#;

/// A bridge whose guard lets `losses` people lose the same, and more where they are at most `percent` per cent.
async fn guarded(engine: &Engine, losses: u32, percent: u8) -> TestApp {
    TestApp::start_with(
        engine,
        |_| {},
        |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.groups.mirror.clear();
            (tenant.guard.losses, tenant.guard.losses_percent) = (losses, percent);
        },
    )
    .await
}

async fn people(app: &TestApp, count: usize, department: &str) -> Vec<String> {
    let mut people = Vec::new();
    for n in 0..count {
        people.push(person(app, &format!("person{n}"), department).await);
    }
    people
}

/// How many of them have a permission set.
fn having(state: &OrgState, count: usize, set: &str) -> usize {
    let sets = |n| has(state, &format!("person{n}"))[2].as_str().expect("text").to_owned();
    (0..count).filter(|n| sets(*n).contains(set)).count()
}

/// Runs `scim-bridge deliveries release`, and answers what it printed.
async fn release(file: &Path, more: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scim-bridge"));
    command.args(["deliveries", "release", "--config"]).arg(file).args(more);
    let done = tokio::task::spawn_blocking(move || command.output().expect("the binary runs")).await.expect("no panic");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

async fn held(app: &TestApp) -> Value {
    app.settled().await["held"].clone()
}

both_engines! {
    /// One push that takes something from many takes it from nobody.
    async fn a_push_that_takes_from_many_takes_from_nobody(engine: Engine) {
        let mut app = guarded(&engine, 2, 10).await;
        let people = people(&app, 6, "Research").await;
        let members: Vec<&str> = people.iter().map(String::as_str).collect();
        let group = app.group("SF Support", &members).await;
        assert_eq!(having(&all_delivered(&app).await, 6, "Knowledge_Reader"), 6);
        assert_eq!(app.delete(&format!("/Groups/{group}")).await.status, 204);
        assert_eq!(held(&app).await, 6);
        assert_eq!(having(&app.state().await, 6, "Knowledge_Reader"), 6, "nobody lost it");
        let said = words(&app, &format!("/Users/{}", people[0])).await;
        let expected = "permission set \\\"Knowledge_Reader\\\" was not taken away: more than 2 people and 10 % of those who \
                        had it would lose it within 1 d";
        assert!(said.contains(expected) && said.contains(&format!("deliveries release {}", people[0])), "{said}");
        // Neither another change nor a restart is a person's word; the rest of a delivery goes on.
        set(&app, &format!("/Users/{}", people[1]), "title", json!("Chief")).await;
        app.restart().await;
        assert_eq!(held(&app).await, 6);
        let state = app.state().await;
        assert_eq!(having(&state, 6, "Knowledge_Reader"), 6);
        assert_eq!(state.user("person1@example.com").expect("it")["Title"], "Chief");
        let file = configuration(&app, &engine, RULES);
        assert_eq!(release(&file, &[&people[2]]).await, format!("{} goes on\n", people[2]));
        assert_eq!(held(&app).await, 5);
        assert_eq!(having(&app.state().await, 6, "Knowledge_Reader"), 5);
        // A mass change becomes no small one because most of it was agreed to.
        for id in &people[3..] {
            release(&file, &[id]).await;
        }
        app.restart().await;
        assert_eq!(held(&app).await, 2);
        assert_eq!(having(&app.state().await, 6, "Knowledge_Reader"), 2);
        assert_eq!(release(&file, &["--guarded", "--tenant", TENANT]).await, "2 go on\n");
        assert_eq!(having(&all_delivered(&app).await, 6, "Knowledge_Reader"), 0);
    }

    /// What is taken back in time is nobody's loss.
    async fn a_change_of_rules_is_held_until_it_is_taken_back(engine: Engine) {
        let mut app = guarded(&engine, 2, 10).await;
        people(&app, 5, "Sales").await;
        all_delivered(&app).await;
        let edited = RULES.replace("[\"Sales_Console\"]", "[\"Knowledge_Reader\"]");
        reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(&edited)).await;
        assert_eq!(held(&app).await, 5);
        let state = app.state().await;
        assert_eq!((having(&state, 5, "Sales_Console"), having(&state, 5, "Knowledge_Reader")), (5, 5), "given, not taken");
        reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(RULES)).await;
        // The other way round many lose what the mistake gave them.
        assert_eq!(held(&app).await, 5);
        let file = configuration(&app, &engine, RULES);
        release(&file, &["--guarded", "--tenant", TENANT]).await;
        let state = all_delivered(&app).await;
        assert_eq!((having(&state, 5, "Sales_Console"), having(&state, 5, "Knowledge_Reader")), (5, 0));
    }

    /// A plan of changes tells what will be held: those who lost it lately count, and those who wait already count once.
    async fn a_plan_of_changes_foresees_what_is_held(engine: Engine) {
        let mut app = guarded(&engine, 2, 10).await;
        let people = people(&app, 6, "Sales").await;
        all_delivered(&app).await;
        for id in people.iter().take(2) {
            department(&app, id, "Research").await;
        }
        all_delivered(&app).await;
        let limited = |rules: &str, losses: u32| format!("{rules}[tenant.{TENANT}.guard]\nlosses = {losses}\n");
        let but_one = RULES.replace("eq \"Sales\"'", "eq \"Sales\" and userName ne \"person2@example.com\"'");
        for (losses, held) in [(2, true), (3, false)] {
            let file = configuration(&app, &engine, &limited(&but_one, losses));
            let said = plan(&file, &["--changes"]).await;
            assert!(said.contains("permission set \"Sales_Console\": +0 −1"), "{said}");
            assert_eq!(said.contains("1 losses would be held until a person agrees"), held, "the {losses} of before: {said}");
        }
        let edited = RULES.replace("[\"Sales_Console\"]", "[\"Knowledge_Reader\"]");
        reconfigure(&mut app, |tenant| tenant.entitlements = entitlements(&edited)).await;
        assert_eq!(held(&app).await, 4);
        for (losses, held) in [(5, true), (6, false)] {
            let file = configuration(&app, &engine, &limited(&edited, losses));
            let said = plan(&file, &["--changes"]).await;
            assert!(said.contains("permission set \"Sales_Console\": +0 −4"), "{said}");
            assert_eq!(said.contains("4 losses would be held until a person agrees"), held, "two are gone: {said}");
        }
    }

    /// Losses one by one are counted together, within the window; few are nobody's business, nor are they where many have it.
    async fn losses_one_by_one_are_counted(engine: Engine) {
        let app = guarded(&engine, 2, 40).await;
        let people = people(&app, 8, "Sales").await;
        all_delivered(&app).await;
        for id in people.iter().take(5) {
            department(&app, id, "Research").await;
            app.settled().await;
        }
        // Three of eight are less than 40 %, four are not.
        assert_eq!(held(&app).await, 2);
        assert_eq!(having(&app.state().await, 8, "Sales_Console"), 5);
        // Whoever leaves is kept by nobody.
        set(&app, &format!("/Users/{}", people[4]), "active", json!(false)).await;
        assert_eq!(held(&app).await, 1);
        assert_eq!(app.state().await.user("person4@example.com").expect("it")["IsActive"], false);
        // Whoever is back where they were waits for nothing.
        department(&app, &people[3], "Sales").await;
        all_delivered(&app).await;
    }

    /// What is sensitive is given when a person agrees; the rest does not wait for it.
    async fn what_is_sensitive_waits_for_a_person(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.groups.mirror.clear();
            tenant.guard.sensitive.profiles = vec!["system administrator".to_owned()];
            tenant.guard.sensitive.permission_sets = vec!["Sales_Console".to_owned()];
        })
        .await;
        let ada = person(&app, "ada", "Sales").await;
        until(&app, &format!("/Users/{ada}"), "held").await;
        assert_eq!(has(&app.state().await, "ada")[2], "", "an account, and nothing sensitive");
        let said = words(&app, &format!("/Users/{ada}")).await;
        assert!(said.contains("permission set \\\"Sales_Console\\\" is sensitive"), "{said}");
        let file = configuration(&app, &engine, RULES);
        release(&file, &[&ada]).await;
        assert_eq!(has(&all_delivered(&app).await, "ada")[2], "Sales_Console");
        // A profile of somebody who has one: the rest is given.
        set(&app, &format!("/Users/{ada}"), "title", json!("Administrator")).await;
        until(&app, &format!("/Users/{ada}"), "held").await;
        let state = app.state().await;
        assert_eq!(has(&state, "ada")[0], "Minimum Access - Salesforce");
        assert_eq!(has(&state, "ada")[2], "Knowledge_Reader+Sales_Console");
        assert_eq!(state.user("ada@example.com").expect("ada")["Title"], "Administrator");
        release(&file, &["--guarded", "--tenant", TENANT]).await;
        assert_eq!(has(&all_delivered(&app).await, "ada")[0], "System Administrator");
        // Agreed to once: not for the next time.
        set(&app, &format!("/Users/{ada}"), "title", json!("Chief")).await;
        all_delivered(&app).await;
        set(&app, &format!("/Users/{ada}"), "title", json!("Administrator")).await;
        until(&app, &format!("/Users/{ada}"), "held").await;
        // A newcomer has no account before.
        let mut eve = user("eve");
        eve["title"] = json!("Administrator");
        let eve = app.post("/Users", &eve).await.body["id"].as_str().expect("an id").to_owned();
        until(&app, &format!("/Users/{eve}"), "held").await;
        assert!(app.state().await.user("eve@example.com").is_none());
        release(&file, &[&eve]).await;
        until(&app, &format!("/Users/{eve}"), "delivered").await;
        assert_eq!(has(&app.state().await, "eve")[0], "System Administrator");
    }
}
