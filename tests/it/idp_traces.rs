//! The recorded-shape traces of Entra ID and Okta, whole, over real HTTP; and afterwards the org itself is asked what
//! it holds.

use std::collections::BTreeMap;

use scim_bridge::sandbox::Faults;
use serde_json::{Value, json};

use super::support::app::{OrgState, TestApp};
use super::support::engine::Engine;
use super::support::trace::{self, ENTRA, OKTA, Report};

/// Plays a trace and waits for what it asked to arrive.
async fn play(app: &TestApp, trace: &str) -> Report {
    let report = trace::play(trace, app.base(), app.token()).await;
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n"));
    assert!(report.passed > 40, "only {} steps", report.passed);
    let status = app.settled().await;
    assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "{status}");
    report
}

/// The fields of one account that the trace speaks of. An e-mail that waits for confirmation is what was asked.
fn seen(state: &OrgState, username: &str) -> BTreeMap<String, Value> {
    let user = state.user(username).unwrap_or_else(|| panic!("no account {username}"));
    let mut fields: BTreeMap<String, Value> = [
        "FederationIdentifier",
        "FirstName",
        "LastName",
        "Email",
        "IsActive",
        "Title",
        "Department",
        "Division",
        "EmployeeNumber",
        "Phone",
        "MobilePhone",
        "Fax",
        "Street",
        "City",
        "State",
        "PostalCode",
        "Country",
        "LanguageLocaleKey",
        "LocaleSidKey",
        "Profile",
        "CommunityNickname",
    ]
    .into_iter()
    .filter(|field| !user[field].is_null())
    .map(|field| (field.to_owned(), user[field].clone()))
    .collect();
    if let Some(pending) = user["PendingEmail"].as_str() {
        fields.insert("Email".into(), json!(pending));
    }
    if let Some(manager) = user["Manager"].as_str() {
        fields.insert("Manager".into(), json!(manager));
    }
    fields
}

fn fields(value: Value) -> BTreeMap<String, Value> {
    let mut fields: BTreeMap<String, Value> = serde_json::from_value(value).expect("an object");
    for (field, value) in
        [("LanguageLocaleKey", "en_US"), ("LocaleSidKey", "en_US"), ("Profile", "Minimum Access - Salesforce")]
    {
        fields.entry(field.to_owned()).or_insert_with(|| json!(value));
    }
    fields
}

fn entra_arrived(state: &OrgState) {
    let mut names: Vec<&str> = state.users().iter().filter_map(|u| u["Username"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "ada.king@contoso.example",
            "alan.turing@contoso.example",
            "grace.hopper@contoso.example",
            "isaias@bode.example"
        ]
    );
    let mut ada = seen(state, "ada.king@contoso.example");
    // Cleared by the IdP at last. Salesforce must have a language, and keeps what it was given before the account knew
    // of the clearing: British, or nothing.
    let language = ada.insert("LanguageLocaleKey".into(), json!("en_US"));
    assert!([json!("en_GB"), json!("en_US")].contains(&language.unwrap_or_default()));
    assert_eq!(
        ada,
        fields(json!({
            "FederationIdentifier": "ada.king", "FirstName": "Ada", "LastName": "King",
            "Email": "ada.king@contoso.example", "IsActive": true, "Department": "Computation",
            "EmployeeNumber": "1001", "Phone": "+44 20 7946 0002", "MobilePhone": "+44 7700 900001",
            "Fax": "+44 20 7946 0009", "Street": "12 St James Sq", "City": "Ockham", "State": "London",
            "PostalCode": "SW1Y 4JH", "Country": "GB", "CommunityNickname": "ada.king@contoso.example",
        }))
    );
    assert_eq!(
        seen(state, "grace.hopper@contoso.example"),
        fields(json!({
            "FederationIdentifier": "grace.hopper", "FirstName": "Grace", "LastName": "Hopper",
            "Email": "grace@contoso.example", "IsActive": true, "Country": "US",
            "CommunityNickname": "grace.hopper@contoso.example",
        }))
    );
    assert_eq!(
        seen(state, "alan.turing@contoso.example"),
        fields(json!({
            "FederationIdentifier": "alan.turing", "FirstName": "Alan", "LastName": "Turing",
            "Email": "alan@contoso.example", "IsActive": true, "EmployeeNumber": "1003",
            "CommunityNickname": "alan.turing@contoso.example",
        }))
    );
    assert_eq!(
        seen(state, "isaias@bode.example"),
        fields(json!({
            "FirstName": "Aida", "LastName": "Chandler", "Email": "bettie@parisian.example", "IsActive": true,
            "Title": "Owo", "Department": "BY", "Division": "OS", "EmployeeNumber": "LL", "Phone": "0-351-9540",
            "MobilePhone": "0-351-9540", "Fax": "0-351-9540", "Street": "1 Main St", "City": "Leeds", "State": "Y",
            "PostalCode": "LS1", "Country": "Gibraltar", "CommunityNickname": "Crl",
        }))
    );
    assert_eq!(state.groups(), ["Engineering EMEA", "Sales"]);
    let members = ["ada.king@contoso.example", "grace.hopper@contoso.example"].map(str::to_owned).to_vec();
    assert_eq!(state.members("Engineering EMEA"), Some(members));
    assert_eq!(state.members("Sales"), Some(Vec::new()));
    assert_eq!(state.members("West"), Some(Vec::new()), "a group that nobody mirrors");
}

fn okta_arrived(state: &OrgState) {
    let mut names: Vec<&str> = state.users().iter().filter_map(|u| u["Username"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["boss.person@okta.local", "renamed.user@okta.local", "third.user@okta.local"]);
    assert_eq!(
        seen(state, "renamed.user@okta.local"),
        fields(json!({
            "FederationIdentifier": "00ujl29u0le5T6Aj10h7", "FirstName": "Another", "LastName": "User",
            "Email": "renamed.user@okta.local", "IsActive": true, "CommunityNickname": "renamed.user@okta.local",
        }))
    );
    assert_eq!(
        seen(state, "boss.person@okta.local"),
        fields(json!({
            "FederationIdentifier": "00u2bossxyz", "FirstName": "Boss", "LastName": "Person",
            "Email": "boss.person@okta.local", "IsActive": true, "Title": "Director", "Phone": "123-444-5555",
            "EmployeeNumber": "77", "Division": "Div", "Department": "Dept",
            "CommunityNickname": "boss.person@okta.local",
        }))
    );
    assert_eq!(
        seen(state, "third.user@okta.local"),
        fields(json!({
            "FederationIdentifier": "00u3thirdxyz", "FirstName": "Third", "LastName": "User",
            "Email": "third.user@okta.local", "IsActive": true, "Manager": "boss.person@okta.local",
            "CommunityNickname": "third.user@okta.local",
        }))
    );
    assert!(state.groups().is_empty(), "the pushed group was deleted at last: {:?}", state.groups());
}

/// A third of all calls are answered 503, and of a tenth the connection breaks after they were carried out.
fn hostile(seed: u64) -> Faults {
    Faults { seed, unavailable: 1.0 / 3.0, lost_answer: 0.1, ..Faults::default() }
}

async fn arrives(engine: &Engine, trace: &str, arrived: fn(&OrgState)) {
    let app = TestApp::start(engine).await;
    play(&app, trace).await;
    arrived(&app.state().await);
}

async fn arrives_in_spite_of_failures(engine: &Engine, trace: &str, arrived: fn(&OrgState)) {
    for seed in 1..=3 {
        let engine = engine.another();
        let app = TestApp::start_with(&engine, |org| org.faults = hostile(seed), |_| {}).await;
        play(&app, trace).await;
        arrived(&app.state().await);
    }
}

both_engines! {
    async fn entra(engine: Engine) {
        arrives(&engine, ENTRA, entra_arrived).await;
    }

    async fn okta(engine: Engine) {
        arrives(&engine, OKTA, okta_arrived).await;
    }

    async fn entra_while_salesforce_fails(engine: Engine) {
        arrives_in_spite_of_failures(&engine, ENTRA, entra_arrived).await;
    }

    async fn okta_while_salesforce_fails(engine: Engine) {
        arrives_in_spite_of_failures(&engine, OKTA, okta_arrived).await;
    }

    /// What was pushed once costs Salesforce nothing when it is pushed again.
    async fn the_same_push_again_makes_no_call(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let id = app.user("ada").await;
        let group = app.group("Engineering", &[&id]).await;
        app.settled().await;
        let before = app.calls().await;
        let path = format!("/Users/{id}");
        let body = app.get(&path).await.body;
        assert_eq!(app.put(&path, &body).await.status, 200);
        assert_eq!(app.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "True" }])).await.status, 200);
        let add = json!([{ "op": "Add", "path": "members", "value": [{ "value": id }] }]);
        assert_eq!(app.patch(&format!("/Groups/{group}"), add).await.status, 200);
        assert_eq!(app.post("/Users", &super::support::app::user("ada")).await.status, 409);
        app.settled().await;
        assert_eq!(app.calls().await, before);
        assert_eq!(app.get(&path).await.body["meta"], body["meta"], "version and time stay");
    }
}
