//! `scim-bridge check`, the built binary against simulated orgs.

use std::fmt::Write as _;
use std::process::Command;

use diesel::{Connection as _, RunQueryDsl as _};
use serde_json::Value;

use scim_bridge::sandbox::{CustomFieldSeed, CustomType};

use super::support::app::TestApp;
use super::support::engine::Engine;

/// A tenant of the configuration: its name, its consumer secret, its default profile, and what else is in it.
struct Tenant<'a>(&'a str, &'a str, &'a str, &'a str);

/// Runs it; whether it was content, and its lines by level and by whom they are about.
async fn check(engine: &Engine, app: &TestApp, tenants: &[Tenant<'_>]) -> (bool, Vec<(String, String, String)>) {
    let mut text = format!("[database]\nurl = \"{}\"\n", engine.url());
    for Tenant(name, secret, profile, more) in tenants {
        write!(
            text,
            "[tenant.{name}.salesforce]\nurl = \"{}\"\nflow = \"client-credentials\"\nclient_id = \"3MVG9sandboxClient\"\n\
             client_secret = \"{secret}\"\n[tenant.{name}.entitlements]\ndefault_profile = \"{profile}\"\n{more}\n",
            app.org().url(),
        )
        .expect("a text");
    }
    check_text(engine, text).await
}

/// The same of a whole configuration.
async fn check_text(engine: &Engine, text: String) -> (bool, Vec<(String, String, String)>) {
    let path = engine.folder().join("check.toml");
    std::fs::write(&path, text).expect("a configuration");
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_scim-bridge")).args(["check", "--json", "--config"]).arg(path).output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic").expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said.contains("hush-hush") && !String::from_utf8_lossy(&output.stderr).contains("hush-hush"), "{said}");
    let findings: Vec<Value> = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().expect("a text").to_owned();
    let lines = findings.iter().map(|f| (text(f, "level"), text(f, "about"), text(f, "what"))).collect();
    (output.status.success(), lines)
}

fn errors(lines: &[(String, String, String)]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .filter(|(level, ..)| level == "error")
        .map(|(_, about, what)| (about.as_str(), what.as_str()))
        .collect()
}

/// How many tables a database has.
fn tables(engine: &Engine) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let row: Row = match engine.url().strip_prefix("sqlite:") {
        Some(path) => diesel::sql_query("SELECT count(*) AS n FROM sqlite_master")
            .get_result(&mut diesel::SqliteConnection::establish(path).expect("opens")),
        None => diesel::sql_query("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'public'")
            .get_result(&mut diesel::PgConnection::establish(engine.url()).expect("connects")),
    }
    .expect("a count");
    row.n
}

both_engines! {
    async fn what_is_right_is_said_to_be_right_and_nothing_is_changed(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let before = app.state().await;
        let good = [Tenant("acme", "secret", "Standard User", "[tenant.acme.mapping]\nTitle = \"{{ title }}\"")];
        let (content, lines) = check(&engine, &app, &good).await;
        assert!(content, "{lines:?}");
        assert_eq!(errors(&lines), Vec::<(&str, &str)>::new());
        for words in ["login to", "SCIM answers", "\"Standard User\" is there", "has the rights", "licences are left",
                      "fields of the mapping", "API calls", "schema is this version's"] {
            assert!(lines.iter().any(|(level, _, what)| level == "ok" && what.contains(words)), "{words}: {lines:?}");
        }
        let warned = lines.iter().find(|(level, ..)| level == "warning").expect("the integration user is not protected");
        assert!(warned.2.contains("integration@acme.example"), "{warned:?}");
        assert_eq!(app.state().await.0, before.0);
    }

    async fn what_is_wrong_is_named_and_stops_no_other_tenant(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| {
            org.rest.integration_permissions = ["FreezeUsers", "ManageUsers"].map(|right| format!("Permissions{right}")).to_vec();
        }, |_| {})
        .await;
        let tenants = [
            Tenant("broken", "hush-hush", "Standard User", ""),
            Tenant("other", "secret", "Nobody", "[tenant.other.mapping]\nMissing__c = \"x\""),
        ];
        let (content, lines) = check(&engine, &app, &tenants).await;
        assert!(!content);
        let wrong = errors(&lines);
        let told = |tenant: &str, words: &str| {
            assert!(wrong.iter().any(|(about, what)| *about == tenant && what.contains(words)), "{words}: {wrong:?}");
        };
        told("broken", "the consumer secret is wrong");
        told("other", "no profile named \"Nobody\"");
        told("other", "lacks Manage Users;");
        let warned = |words: &str| lines.iter().any(|(level, _, what)| level == "warning" && what.contains(words));
        assert!(warned("lacks Freeze Users, so freezing who cannot be deactivated fails"), "{lines:?}");
        told("other", "no field Missing__c");
        assert_eq!(wrong.len(), 4, "{wrong:?}");
    }

    /// A field of another type than the template gives, and fields that are too short for theirs.
    async fn fields_that_do_not_fit_the_mapping_are_told(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| {
            let field = |name: &str, kind, length| CustomFieldSeed {
                api_name: name.into(), kind, length: Some(length), ..CustomFieldSeed::default()
            };
            org.custom_fields = vec![
                field("Desk__c", CustomType::Number, 0),
                field("Floor__c", CustomType::Number, 0),
                field("Short__c", CustomType::Text, 5),
                field("Fixed__c", CustomType::Text, 5),
                field("Fits__c", CustomType::Text, 5),
            ];
        }, |_| {})
        .await;
        let mapping = "[tenant.acme.mapping]\nDesk__c = \"{{ title }}\"\nShort__c = \"{{ title | cut(20) }}\"\n\
            Fixed__c = \"staff member\"\nFits__c = \"{{ title | cut(5) }}\"\n\
            [tenant.acme.mapping.Floor__c]\nvalue = \"{{ title }}\"\ntype = \"number\"\n";
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Standard User", mapping)]).await;
        assert!(!content);
        let mut wrong: Vec<&str> = errors(&lines).into_iter().map(|(_, what)| what).collect();
        wrong.sort_unstable();
        assert_eq!(wrong, [
            "Desk__c is of type double in the org, and the mapping gives it text",
            "Fixed__c has 5 characters in the org, and its template gives it 12",
            "Short__c has 5 characters in the org, and its template gives it 20",
        ]);
    }

    async fn a_version_that_the_org_does_not_have_and_calls_that_are_used_up_are_told(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.daily_api_limit = 20, |_| {}).await;
        for _ in 0..4 {
            assert!(app.get(&format!("{}/services/data/", app.org().url())).await.status.is_success());
        }
        // Half of what is not kept for others is used by the check itself.
        let more = "[tenant.acme.salesforce.quota]\nreserve = 16\nslow_at = 0\nhold_at = 0.5";
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Standard User", more)]).await;
        assert!(content, "{lines:?}");
        assert!(lines.iter().any(|(level, _, what)| level == "warning" && what.contains("only deactivations")), "{lines:?}");
        // `url` stays what it is: only the version is another.
        let path = engine.folder().join("check.toml");
        let text = std::fs::read_to_string(&path).expect("the file");
        let text = text.replacen("flow =", "api_version = \"v99.0\"\nflow =", 1);
        let (content, lines) = check_text(&engine, text).await;
        assert!(!content);
        let wrong = errors(&lines);
        assert!(wrong.iter().any(|(_, what)| what.contains("its newest is v66.0")), "{wrong:?}");
    }

    async fn rules_whose_licences_do_not_fit_are_named(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let more = "[[tenant.acme.entitlements.rules]]\nname = \"field\"\nwhen = \"title pr\"\n\
                    profile = \"Standard Platform User\"\npermission_sets = [\"Account_Reader\", \"Sales_Console\"]\n\
                    [[tenant.acme.entitlements.rules]]\nname = \"analysts\"\nwhen = \"title pr\"\n\
                    permission_sets = [\"Analytics_Viewer\"]";
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Standard User", more)]).await;
        assert!(!content);
        let wrong = errors(&lines);
        let expected = "rule \"field\" gives the profile \"Standard Platform User\", which belongs to the user licence \
                        \"Salesforce Platform\", and the permission set \"Account_Reader\", which needs the user licence \
                        \"Salesforce\"; whoever gets both is held";
        assert_eq!(wrong, [("acme", expected)]);
        let warned = |words: &str| lines.iter().any(|(level, _, what)| level == "warning" && what.contains(words));
        assert!(warned("needs the permission set licence \"Analytics\", and no rule gives that"), "{lines:?}");
        // A set that finds its licence with another rule, or with no profile of the rules.
        let more = more.replace("permission_sets = [\"Analytics_Viewer\"]", "permission_set_licenses = [\"Analytics\"]\n\
            permission_sets = [\"Analytics_Viewer\"]");
        let more = more.replace("profile = \"Standard Platform User\"\n", "");
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Standard User", &more)]).await;
        assert!(content, "{lines:?}");
        assert!(!lines.iter().any(|(_, _, what)| what.contains("needs the")), "{lines:?}");
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Identity User", &more)]).await;
        assert!(content, "{lines:?}");
        let words = "needs the user licence \"Salesforce\", which no profile of the rules has";
        assert!(lines.iter().any(|(level, _, what)| level == "warning" && what.contains(words)), "{lines:?}");
    }

    async fn a_database_without_tables_keeps_none(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let fresh = engine.another();
        if let Some(path) = fresh.url().strip_prefix("sqlite:") {
            std::fs::write(path, "").expect("an empty database");
        }
        let (content, lines) = check(&fresh, &app, &[Tenant("acme", "secret", "Standard User", "")]).await;
        assert!(content, "{lines:?}");
        assert!(lines.iter().any(|(level, _, what)| level == "warning" && what.contains("schema changes")), "{lines:?}");
        assert_eq!(tables(&fresh), 0);
    }

    async fn every_problem_of_the_file_is_told(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let odd = [Tenant("acme", "secret", "Standard User", "defualt = 1\n[tenant.acme.accounts]\nadopt = \"maybe\"")];
        let (content, lines) = check(&engine, &app, &odd).await;
        assert!(!content);
        assert!(errors(&lines).len() >= 2, "{lines:?}");
    }

    /// Every name that a rule gives means one thing in the org, or whoever needs it would wait.
    async fn names_that_rules_give_are_looked_up(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| {
            org.permission_sets[1].label = "Twice".into();
            org.permission_sets[2].label = "Twice".into();
        }, |_| {})
        .await;
        let rule = |name: &str, more: &str| {
            format!("[[tenant.acme.entitlements.rules]]\nname = \"{name}\"\nwhen = 'active eq true'\n{more}\n")
        };
        let good = rule("good", "role = \"Sales Rep\"\npermission_sets = [\"sales_console\"]\npublic_groups = [\"West\"]\n\
            permission_set_groups = [\"Sales_Team\"]\npermission_set_licenses = [\"Analytics\"]");
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Standard User", &good)]).await;
        assert!(content && lines.iter().any(|(.., what)| what == "the 5 names that rules give are there"), "{lines:?}");
        let bad = rule("bad", "role = \"Nobody\"\npermission_sets = [\"Twice\", \"Sales_Console\"]");
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Standard User", &bad)]).await;
        assert!(!content);
        let [nobody, twice] = errors(&lines)[..] else { panic!("{lines:?}") };
        assert_eq!(nobody, ("acme", "the org has no role \"Nobody\" (rule \"bad\"); whoever needs it is held"));
        assert!(twice.1.starts_with("the org has several permission sets named \"Twice\": 0PS"), "{twice:?}");
        assert!(twice.1.ends_with(" (rule \"bad\"); whoever needs it is held"), "{twice:?}");
        // Its label would be refused with the file.
        let mirrored = rule("mirrored", "public_groups = [\"All_Regions\"]") + "[tenant.acme.groups]\nmirror = [\"All *\"]";
        let (content, lines) = check(&engine, &app, &[Tenant("acme", "secret", "Standard User", &mirrored)]).await;
        assert!(!content);
        let expected = "public group \"All_Regions\" is the mirrored group \"All Regions\" (groups.mirror): its members are \
                        those of the identity provider's (rule \"mirrored\"); whoever needs it is held";
        assert_eq!(errors(&lines), [("acme", expected)]);
    }

    /// What the guard is to hold means one thing in the org, or it holds nothing.
    async fn names_that_the_guard_watches_are_looked_up(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| {
            org.permission_sets[1].label = "Twice".into();
            org.permission_sets[2].label = "Twice".into();
        }, |_| {})
        .await;
        let sensitive = |sets: &str| {
            format!("[tenant.acme.guard.sensitive]\nprofiles = [\"System Administrator\"]\npermission_sets = [{sets}]")
        };
        let good = [Tenant("acme", "secret", "Standard User", &sensitive("\"sales_console\""))];
        let (content, lines) = check(&engine, &app, &good).await;
        let words = "the 2 names that rules give and the guard watches are there";
        assert!(content && lines.iter().any(|(.., what)| what == words), "{lines:?}");
        let bad = [Tenant("acme", "secret", "Standard User", &sensitive("\"Sales_Consol\", \"Twice\""))];
        let (content, lines) = check(&engine, &app, &bad).await;
        assert!(!content);
        let [missing, twice] = errors(&lines)[..] else { panic!("{lines:?}") };
        let follows = " (guard.sensitive); what was meant is given without a person's word";
        assert_eq!(missing.1, format!("the org has no permission set \"Sales_Consol\"{follows}"));
        assert!(twice.1.starts_with("the org has several permission sets named \"Twice\": 0PS"), "{twice:?}");
        assert!(twice.1.ends_with(follows), "{twice:?}");
        // Over SCIM alone no permission set is given, and none can be asked for.
        let path = engine.folder().join("check.toml");
        let text = std::fs::read_to_string(&path).expect("the file").replacen("flow =", "rest = \"never\"\nflow =", 1);
        let (content, lines) = check_text(&engine, text).await;
        assert!(content, "{lines:?}");
    }
}
