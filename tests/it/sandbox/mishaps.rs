//! Faults that are ordered one by one: each strikes what it is for, as often as it is told, and is told of.

use chrono::DateTime;
use scim_bridge::sandbox::{Faults, Settings};
use serde_json::{Value, json};

use super::{Answer, Org, with};

async fn order(org: &Org, faults: Value) -> Value {
    let answer = org.call("POST", "/sandbox/faults", faults).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

async fn post(org: &Org, name: &str) -> Answer {
    org.scim("POST", "/Users", org.person(name)).await
}

#[tokio::test]
async fn refusals_before_anything_is_done() {
    for (fault, status, code, message) in [
        ("unavailable_next", 503, "SERVER_UNAVAILABLE", "server too busy"),
        ("session_revoked_next", 401, "INVALID_SESSION_ID", "Session expired or invalid"),
        (
            "concurrency_next",
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        ("long_transaction_next", 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded"),
        ("query_timeout_next", 400, "QUERY_TIMEOUT", "Your query request was running for too long."),
    ] {
        let org = Org::new().await;
        order(&org, json!({fault: 1})).await;
        let refused = org.get("/Users").await;
        assert_eq!(
            (refused.status, refused.code(), &refused.body[0]["message"]),
            (status, code, &json!(message)),
            "{fault}"
        );
        let again = org.get("/Users").await.status;
        assert_eq!(again, if status == 401 { 401 } else { 200 }, "{fault}: a revoked session stays so");
        let name = fault.trim_end_matches("_next");
        assert_eq!(org.running.org().counters()["faults"], json!({name: 1}));
        assert_eq!(org.running.org().counters()["calls"][name], 1);
    }
}

#[tokio::test]
async fn an_outage_lasts() {
    let org = Org::new().await;
    order(&org, json!({"outage": true})).await;
    for _ in 0..3 {
        assert_eq!(org.get("/Users").await.code(), "SERVER_UNAVAILABLE");
    }
    assert_eq!(org.token_request(&[]).await.0, 503);
    order(&org, json!({})).await;
    assert_eq!(org.get("/Users").await.status, 200);
    let clock = std::sync::Arc::new(std::sync::Mutex::new(DateTime::UNIX_EPOCH));
    let shown = std::sync::Arc::clone(&clock);
    let org = Org::with(Settings {
        clock: std::sync::Arc::new(move || *shown.lock().expect("clock")),
        ..Settings::default()
    })
    .await;
    order(&org, json!({"outage_until": "1970-01-01T00:10:00Z"})).await;
    assert_eq!(org.get("/Users").await.status, 503);
    *clock.lock().expect("clock") = DateTime::from_timestamp(600, 0).expect("a time");
    assert_eq!(org.get("/Users").await.status, 200);
}

#[tokio::test]
async fn a_licence_that_is_there_is_gone() {
    let org = Org::new().await;
    order(&org, json!({"licence_limit_next": 1})).await;
    let inactive = org.scim("POST", "/Users", with(org.person("ada"), json!({"active": false}))).await;
    assert_eq!(inactive.status, 201, "who takes none is spared");
    let left = org.call("GET", "/sandbox/faults", Value::Null).await.body;
    assert_eq!(left["licence_limit_next"], 1);
    let id = inactive.body["id"].as_str().expect("id");
    let refused = org.patch(id, json!({"active": true})).await;
    assert!(
        refused.body[0]["message"].as_str().is_some_and(|text| text.contains("LICENSE_LIMIT_EXCEEDED")),
        "{refused:?}"
    );
    assert_eq!(org.call("GET", "/sandbox/faults", Value::Null).await.body["licence_limit_next"], 0);
    assert_eq!(org.patch(id, json!({"active": true})).await.status, 200);
    assert_eq!(org.running.org().counters()["faults"], json!({"licence_limit": 1}));
}

#[tokio::test]
async fn a_username_is_taken_elsewhere_for_a_while() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    order(&org, json!({"duplicate_username_next": 1})).await;
    assert_eq!(org.patch(&ada, json!({"title": "Dr"})).await.status, 200, "who keeps the name is spared");
    let refused = post(&org, "eve").await;
    assert!(refused.status == 409 && refused.detail().contains("DUPLICATE_USERNAME"), "{refused:?}");
    assert_eq!(post(&org, "eve").await.status, 201);
}

#[tokio::test]
async fn a_create_loses_a_child() {
    let org = Org::new().await;
    let whole = |name: &str, changes: Value| {
        let sets = ["Sales_Console", "Knowledge_Reader"].map(|set| json!({"value": org.id("PermissionSets", set)}));
        let profile = json!({"value": org.id("Profiles", "Standard User")});
        let entitlements: Vec<Value> = std::iter::once(profile).chain(sets).collect();
        with(org.person(name), with(json!({"entitlements": entitlements}), changes))
    };
    order(&org, json!({"child_failure_next": 3})).await;
    assert_eq!(post(&org, "plain").await.status, 201, "who has no children loses none");
    let hidden = org.scim("POST", "/Users", whole("ada", json!({}))).await;
    assert_eq!((hidden.status, hidden.body["userName"].as_str()), (200, Some("ada@acme.example")), "and no hint");
    let told = org.scim("POST", "/Users", whole("eve", json!({"active": false}))).await;
    assert_eq!((told.status, told.body["userName"].as_str()), (400, Some("eve@acme.example")));
    for answer in [hidden, told] {
        let user = org.user(answer.body["id"].as_str().expect("id"));
        assert_eq!(user["PermissionSets"], json!(["Knowledge_Reader"]), "the first is lost");
    }
    let group = json!({"groups": [{"value": org.id("Groups", "West")}]});
    let member = org.scim("POST", "/Users", with(org.person("bob"), group)).await;
    assert_eq!((member.status, member.body.get("groups")), (200, None));
    assert_eq!(org.scim("POST", "/Users", whole("pat", json!({}))).await.status, 201);
}

#[tokio::test]
async fn people_of_some_profiles_cannot_be_written() {
    let org = Org::new().await;
    let ada = org.add("ada").await;
    order(&org, json!({"sso_profiles": ["Standard User"]})).await;
    for _ in 0..2 {
        assert_eq!(post(&org, "eve").await.code(), "UNKNOWN_EXCEPTION");
        assert_eq!(org.patch(&ada, json!({"title": "Dr"})).await.code(), "UNKNOWN_EXCEPTION");
    }
    let profile = json!([{"value": org.id("Profiles", "System Administrator")}]);
    let other = org.scim("POST", "/Users", with(org.person("eve"), json!({"entitlements": profile}))).await;
    assert_eq!(other.status, 201);
}

#[tokio::test]
async fn chances_strike_single_writes() {
    let org = Org::new().await;
    order(&org, json!({"seed": 3, "row_lock": 0.3, "licence_limit": 0.2, "duplicate_username": 0.2})).await;
    let mut told = std::collections::BTreeMap::new();
    for number in 0..60 {
        let answer = post(&org, &format!("u{number}")).await;
        let word = match answer.status {
            201 => "created",
            409 => ["UNABLE_TO_LOCK_ROW", "LICENSE_LIMIT_EXCEEDED", "DUPLICATE_USERNAME"]
                .into_iter()
                .find(|word| answer.detail().contains(word))
                .unwrap_or("other"),
            _ => "other",
        };
        *told.entry(word).or_insert(0_u64) += 1;
    }
    assert!(told.values().all(|count| *count > 3) && told.len() == 4 && !told.contains_key("other"), "{told:?}");
    let faults = &org.running.org().counters()["faults"];
    assert_eq!(faults["row_lock"], told["UNABLE_TO_LOCK_ROW"]);
    assert_eq!(faults["licence_limit"], told["LICENSE_LIMIT_EXCEEDED"]);
    assert_eq!(faults["duplicate_username"], told["DUPLICATE_USERNAME"]);
    assert_eq!(org.running.org().users().len() as u64 - 1, told["created"], "what is refused is not done");
}

#[tokio::test]
async fn a_chance_is_a_chance() {
    let org = Org::new().await;
    let refused = org.call("POST", "/sandbox/faults", json!({"row_lock": 3})).await;
    assert!(
        refused.status == 400 && refused.body["error"].as_str().is_some_and(|text| text.contains("from 0 to 1")),
        "{refused:?}"
    );
    assert_eq!(org.call("GET", "/sandbox/faults", Value::Null).await.body, json!(Faults::default()));
}
