//! Templates of the tenant's own: what they bring to the org, and what `scim-bridge plan` shows of them.

use std::path::PathBuf;
use std::process::{Command, Output};

use scim_bridge::config::{Config, FieldTable, MappedField};
use scim_bridge::salesforce::mapping::{OnTaken, Type, Write};
use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::{CustomFieldSeed, CustomType};
use serde_json::{Value, json};

use super::deliveries::{all_delivered, calls, creates, seed, set, until, words};
use super::support::app::{TENANT, TestApp, user};
use super::support::engine::Engine;
use super::support::urn::ENTERPRISE;

fn map(config: &mut Config, field: &str, said: MappedField) {
    config.tenant.get_mut(TENANT).expect("the tenant").mapping.fields.insert(field.to_owned(), said);
}

fn template(text: &str) -> MappedField {
    MappedField::Template(text.to_owned())
}

fn written(write: Write) -> MappedField {
    MappedField::Table(FieldTable { write: Some(write), ..FieldTable::default() })
}

/// Fails for Eve alone.
const NOT_EVE: &str = "{% if userName == 'eve@example.com' %}{{ emails }}{% else %}Acme{% endif %}";

both_engines! {
    async fn fields_are_written_always_once_or_never(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            map(config, "CompanyName", template("{{ enterprise.organization or 'Acme' }} ({{ tenant }})"));
            map(config, "Title", written(Write::OnCreate));
            map(config, "Fax", written(Write::Never));
        })
        .await;
        seed(&app, "bob@example.com", true, &[(Field::FederationIdentifier, "ext-bob"), (Field::Title, "Old")]);
        let mut body = user("ada");
        body["title"] = json!("First");
        body["phoneNumbers"] = json!([{ "value": "1", "type": "fax" }, { "value": "2", "type": "work" }]);
        let ada = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let state = all_delivered(&app).await;
        let held = state.user("ada@example.com").expect("ada");
        assert_eq!((&held["CompanyName"], &held["Title"]), (&json!("Acme (sandbox)"), &json!("First")));
        assert_eq!((&held["Fax"], &held["Phone"]), (&json!(null), &json!("2")));
        assert_eq!((&held["Alias"], &held["EmailEncodingKey"]), (&json!("tada"), &json!("UTF-8")));
        assert_eq!((creates(&app).await, calls(&app, "user_update_rest").await), (1, 0), "all of it in one call");

        let mut body = user("bob");
        body["title"] = json!("New");
        assert_eq!(app.post("/Users", &body).await.status, 201);
        let path = format!("/Users/{ada}");
        set(&app, &path, "title", json!("Second")).await;
        set(&app, &path, &format!("{ENTERPRISE}:organization"), json!("Royal Society")).await;
        let state = all_delivered(&app).await;
        let held = state.user("ada@example.com").expect("ada");
        assert_eq!((&held["CompanyName"], &held["Title"]), (&json!("Royal Society (sandbox)"), &json!("First")));
        let held = state.user("bob@example.com").expect("bob");
        assert_eq!(
            (&held["CompanyName"], &held["Title"]),
            (&json!("Acme (sandbox)"), &json!("Old")),
            "an account that was there is not made"
        );
        // The person's own title is nobody's wish any more: nothing is sent for it.
        let before = app.calls().await;
        set(&app, &path, "title", json!("Third")).await;
        all_delivered(&app).await;
        assert_eq!(app.calls().await["total"], before["total"]);
    }

    async fn custom_fields_get_values_of_their_type(engine: Engine) {
        let seeds = [
            ("Cost_Centre__c", CustomType::Text),
            ("Contractor__c", CustomType::Checkbox),
            ("Badge__c", CustomType::Number),
        ]
        .map(|(name, kind)| CustomFieldSeed { api_name: name.to_owned(), kind, ..CustomFieldSeed::default() });
        let typed = |value: &str, kind: Type| {
            MappedField::Table(FieldTable { value: Some(value.to_owned()), kind: Some(kind), ..FieldTable::default() })
        };
        let app = TestApp::start_with(&engine, |org| org.custom_fields = seeds.to_vec(), |config| {
            map(config, "Cost_Centre__c", template("{{ enterprise.costCenter }}"));
            map(config, "Contractor__c", typed("{{ userType == 'Contractor' }}", Type::Boolean));
            map(config, "Badge__c", typed("{{ enterprise.employeeNumber | digits }}", Type::Number));
        })
        .await;
        let mut body = user("ada");
        body["userType"] = json!("Contractor");
        body[ENTERPRISE] = json!({ "costCenter": "4130", "employeeNumber": "E-7" });
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        let held = async || {
            let state = all_delivered(&app).await;
            let held = state.user("ada@example.com").expect("ada");
            ["Cost_Centre__c", "Contractor__c", "Badge__c"].map(|field| held[field].clone())
        };
        let [centre, contractor, badge] = held().await;
        assert_eq!((&centre, &contractor, badge.as_f64()), (&json!("4130"), &json!(true), Some(7.0)));
        assert_eq!((creates(&app).await, calls(&app, "user_update_rest").await), (1, 0), "all of it in one call");
        let before = app.calls().await["total"].clone();
        let path = format!("/Users/{id}");
        assert_eq!(app.put(&path, &body).await.status, 200);
        all_delivered(&app).await;
        assert_eq!(app.calls().await["total"], before, "the same again costs nothing");
        set(&app, &path, "userType", json!("Employee")).await;
        let operation = json!([{ "op": "remove", "path": format!("{ENTERPRISE}:costCenter") }]);
        assert_eq!(app.patch(&path, operation).await.status, 200);
        let [centre, contractor, badge] = held().await;
        assert_eq!((&centre, &contractor, badge.as_f64()), (&json!(null), &json!(false), Some(7.0)));
    }

    async fn a_template_that_fails_stops_one_person(engine: Engine) {
        let mut app = TestApp::start(&engine).await;
        let eve = format!("/Users/{}", app.user("eve").await);
        all_delivered(&app).await;
        app.reconfigure(|config| map(config, "CompanyName", template(NOT_EVE))).await;
        set(&app, &eve, "title", json!("T")).await;
        app.user("ada").await;
        until(&app, &eve, "rejected").await;
        let said = words(&app, &eve).await;
        for part in ["no CompanyName for eve@example.com", "is no text: pick takes one entry", "{% if userName == 'eve"] {
            assert!(said.contains(part), "{said}");
        }
        app.settled().await;
        let state = app.state().await;
        assert_eq!(state.user("ada@example.com").expect("ada")["CompanyName"], "Acme");
        assert_eq!(state.user("eve@example.com").expect("eve")["Title"], json!(null));
        // Whoever leaves loses their access all the same.
        set(&app, &eve, "active", json!(false)).await;
        until(&app, &eve, "rejected").await;
        assert_eq!(app.state().await.user("eve@example.com").expect("eve")["IsActive"], json!(false));
        assert!(words(&app, &eve).await.contains("no CompanyName for eve@example.com"));
        // And one who was never there gets no account by it.
        app.reconfigure(|config| map(config, "CompanyName", template("{{ emails }}"))).await;
        let calls = creates(&app).await;
        let mut body = user("mallory");
        body["active"] = json!(false);
        assert_eq!(app.post("/Users", &body).await.status, 201);
        app.settled().await;
        assert_eq!(creates(&app).await, calls);
    }

    async fn usernames_stay_or_give_way(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let said = FieldTable {
                value: Some("{{ userName }}.crm".into()),
                write: Some(Write::OnCreate),
                on_taken: Some(OnTaken::Suffix),
                ..FieldTable::default()
            };
            map(config, "username", MappedField::Table(said));
        })
        .await;
        let ada = format!("/Users/{}", app.user("ada").await);
        seed(&app, "eve@example.com.crm", true, &[(Field::FederationIdentifier, "another")]);
        app.user("eve").await;
        let state = all_delivered(&app).await;
        assert!(state.user("ada@example.com.crm").is_some());
        assert!(state.user("eve2@example.com.crm").is_some(), "{}", state.0["Users"]);
        set(&app, &ada, "userName", json!("ada.king@example.com")).await;
        let state = all_delivered(&app).await;
        assert!(state.user("ada@example.com.crm").is_some(), "the name is Salesforce's after the create");
    }

    async fn plan_shows_what_would_be_sent(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| map(config, "Title", template("{{ title }}"))).await;
        let mut body = user("ada");
        body["title"] = json!("Countess");
        let id = app.post("/Users", &body).await.body["id"].as_str().expect("an id").to_owned();
        all_delivered(&app).await;
        let eve = app.user("eve").await;
        until(&app, &format!("/Users/{eve}"), "delivered").await;
        let before = app.calls().await["total"].clone();

        let file = configuration(&app, &engine, "CompanyName = \"Acme\"\nTitle = { write = \"never\" }\nFax = \"{{ emails }}\"");
        let (_, said) = run(&file, &["--user", "ada@example.com"]);
        assert!(said.contains("no Fax for ada@example.com"), "{said}");
        let file = configuration(&app, &engine, "CompanyName = \"Acme\"\nTitle = { write = \"never\" }");
        for name in ["ADA@example.com", "ext-ada", &id] {
            let (done, said) = run(&file, &["--user", name, "--json"]);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            let plan: Value = serde_json::from_str(&said).expect("JSON");
            assert_eq!((&plan["id"], &plan["userName"]), (&json!(id), &json!("ada@example.com")));
            assert_eq!((&plan["state"], &plan["next"]), (&json!("delivered"), &json!("update CompanyName")));
            assert!(plan["salesforceId"].as_str().is_some_and(|id| id.starts_with("005")));
            let field = |name: &str| {
                let fields = plan["fields"].as_array().expect("fields");
                fields.iter().find(|field| field["field"] == name).unwrap_or_else(|| panic!("{name}")).clone()
            };
            assert_eq!(
                field("CompanyName"),
                json!({
                    "field": "CompanyName", "template": "Acme", "builtin": false, "write": "always", "wanted": "Acme",
                    "isWanted": true, "observed": null, "isObserved": false, "sent": true,
                })
            );
            let title = field("Title");
            assert_eq!((&title["wanted"], &title["isWanted"]), (&json!(null), &json!(false)));
            assert_eq!((&title["observed"], &title["sent"]), (&json!("Countess"), &json!(false)));
            let name = field("Username");
            assert_eq!((&name["wanted"], &name["observed"]), (&name["observed"], &json!("ada@example.com")));
            assert_eq!((&name["template"], &name["builtin"]), (&json!("{{ userName | lower }}"), &json!(true)));
            assert_eq!(field("ManagerId")["template"], json!(null));
        }
        let (_, said) = run(&file, &["--user", "ada@example.com"]);
        for part in ["next      update CompanyName", "{{ userName | lower }}", "Acme (configured)", "→  CompanyName", "(empty)"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let (done, _) = run(&file, &["--user", "nobody@example.com"]);
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1));
        assert!(told.contains("has no user whose userName, id or externalId is nobody@example.com"), "{told}");

        assert_eq!(app.calls().await["total"], before, "nobody was called");
        // What is not delivered, in short.
        let (_, said) = run(&file, &[]);
        assert_eq!(said.trim(), "everything is delivered");
        app.org().org().set_faults(down());
        let other = app.user("mallory").await;
        let group = app.group("West Wing", &[&id]).await;
        let (_, said) = run(&file, &["--json"]);
        let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let next = |id: &str| lines.iter().find(|line| line["id"] == id).map(|line| line["next"].clone());
        assert_eq!(lines.len(), 2, "{said}");
        let wanted = next(&other).expect("mallory");
        assert!(wanted == "create an account over REST" || wanted == "look for the account", "{wanted}");
        assert_eq!(next(&group), Some(json!("look for the public group \"West Wing\"")));
        let (_, said) = run(&file, &[]);
        assert!(said.contains("mallory@example.com") && said.contains("West Wing"), "{said}");
        app.org().org().set_faults(scim_bridge::sandbox::Faults::default());
        app.settled().await;
    }
}

/// Nothing is answered but 503.
fn down() -> scim_bridge::sandbox::Faults {
    scim_bridge::sandbox::Faults { unavailable: 1.0, ..scim_bridge::sandbox::Faults::default() }
}

/// A configuration for the database and org of `app`, with this mapping.
fn configuration(app: &TestApp, engine: &Engine, mapping: &str) -> PathBuf {
    let path = engine.folder().join("scim-bridge.toml");
    let text = format!(
        "[database]\nurl = \"{}\"\n[tenant.{TENANT}.salesforce]\nurl = \"{}\"\nflow = \"client-credentials\"\n\
         client_id = \"scim-bridge\"\nclient_secret = \"secret\"\n[tenant.{TENANT}.groups]\nmirror = [\"*\"]\n\
         [tenant.{TENANT}.entitlements]\ndefault_profile = \"Standard User\"\n\
         [tenant.{TENANT}.mapping]\n{mapping}\n",
        engine.url(),
        app.org().url(),
    );
    std::fs::write(&path, text).expect("the file is written");
    path
}

/// Runs `scim-bridge plan`; also answers what it printed.
fn run(file: &std::path::Path, more: &[&str]) -> (Output, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_scim-bridge"))
        .args(["plan", "--tenant", TENANT, "--config"])
        .arg(file)
        .args(more)
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    (done, said)
}
