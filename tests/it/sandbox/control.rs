use scim_bridge::sandbox::Settings;
use serde_json::{Value, json};

use super::Org;

async fn page(org: &Org) -> String {
    let response = org.client.get(org.running.url()).send().await.expect("answer");
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    response.text().await.expect("text")
}

#[tokio::test]
async fn the_page_shows_people_groups_and_calls_and_escapes_them() {
    let running = scim_bridge::sandbox::start(Settings::default()).await.expect("start");
    let untouched = Org { running, client: super::client(), token: String::new() };
    let html = page(&untouched).await;
    assert!(html.contains("Nobody yet.") && html.contains("Nobody has called this org yet."), "{html}");

    let org = Org::with(Settings { name: "A & B".to_owned(), ..Settings::default() }).await;
    let id = org.add("ada").await;
    let script = "<script>alert('1')</script>";
    org.patch(&id, json!({"name": {"familyName": script}, "emails": [{"value": "new@acme.example"}], "active": false}))
        .await;
    org.operations(
        &format!("/Users/{id}"),
        json!([{"op": "add", "value": {"groups": [{"value": org.id("Groups", "West")}]}}]),
    )
    .await;
    let _unknown = org.get("/Users?filter=<img>").await;
    let html = page(&org).await;
    for part in [
        "A &amp; B",
        "ada@acme.example",
        "new@acme.example",
        "inactive",
        "Standard User",
        "West",
        "1 member",
        "Support Queue",
        "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;",
        "http-equiv=\"refresh\"",
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("integration@"), "{html}");
    assert!(!html.contains(&org.token));
}

#[tokio::test]
async fn state_journal_and_counters() {
    let org = Org::new().await;
    let id = org.add("ada").await;
    org.patch(&id, json!({"title": "Dr"})).await;
    org.patch(&id, json!({"title": "Dr"})).await;
    org.scim("POST", "/Users", json!({})).await;
    let control = |path: &'static str| org.call("GET", path, Value::Null);
    let state = control("/sandbox/state").await.body;
    let user = &state["Users"][1];
    assert_eq!((&user["Title"], &user["IsIntegrationUser"]), (&json!("Dr"), &json!(false)));
    assert_eq!(state["Users"][0]["IsIntegrationUser"], true);
    assert_eq!(state, org.running.org().state());
    let counters = control("/sandbox/counters").await.body;
    assert_eq!(counters["calls"], json!({"token": 1, "user_create": 2, "user_update_scim": 2}));
    assert_eq!(counters["refused"], json!({"user_create": 1}));
    assert_eq!(counters["unchanged"], json!({"user_update_scim": 1}));
    assert_eq!(counters["total"], 5);
    let journal = control("/sandbox/journal").await.body;
    let last = &journal[4];
    assert_eq!(
        (&last["method"], &last["path"], &last["status"]),
        (&json!("POST"), &json!("/services/scim/v2/Users"), &json!(409))
    );
    assert_eq!(control("/sandbox/nothing").await.status, 404);
    let licences = org.call("POST", "/sandbox/licences", json!({"name": "Salesforce", "total": 2})).await.body;
    assert_eq!(licences[0], json!({"Name": "Salesforce", "TotalLicenses": 2, "UsedLicenses": 2}));
    org.patch(&id, json!({"emails": [{"value": "new@acme.example"}]})).await;
    assert_eq!(org.call("POST", "/sandbox/confirm-emails", Value::Null).await.body, json!({"confirmed": 1}));
}

#[tokio::test]
async fn the_journal_is_bounded_and_keeps_no_secret() {
    let org = Org::with(Settings { journal_length: 2, ..Settings::default() }).await;
    for _ in 0..3 {
        org.get("/Me").await;
    }
    org.call("POST", "/services/oauth2/token?client_secret=hush", Value::Null).await;
    let journal = org.running.org().journal();
    assert_eq!(journal.as_array().map(Vec::len), Some(2));
    assert_eq!(journal[1]["path"], "/services/oauth2/token");
    assert_eq!(org.running.org().counters()["total"], 5);
    assert!(!format!("{:?}", org.running).contains(&org.token));
}

#[tokio::test]
async fn it_stops() {
    let org = Org::new().await;
    let url = org.running.url().to_owned();
    org.running.stop().await;
    assert!(org.client.get(url).send().await.is_err());
}

#[tokio::test]
async fn a_kept_org_is_as_it_was_left() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("new folder").join("org.jsonl");
    let field = scim_bridge::sandbox::CustomFieldSeed { api_name: "Center__c".to_owned(), ..Default::default() };
    let settings =
        || Settings { keep_in: Some(file.clone()), custom_fields: vec![field.clone()], ..Settings::default() };
    let org = Org::with(settings()).await;
    let (ada, eve, pat) = (org.add("ada").await, org.add("eve").await, org.add("pat").await);
    let west = org.id("Groups", "West");
    let group = json!({"displayName": "East", "members": [{"value": eve}, {"value": pat}]});
    let east = org.scim("POST", "/Groups", group).await.body["id"].as_str().expect("id").to_owned();
    org.patch(&ada, json!({"title": "Dr", "emails": [{"value": "new@acme.example"}], "groups": [{"value": west}]}))
        .await;
    let sets = json!({"entitlements": [{"value": org.id("PermissionSets", "Sales_Console")}]});
    org.operations(&format!("/Users/{ada}"), json!([{"op": "add", "value": sets}])).await;
    org.patch(&eve, json!({"active": false})).await;
    org.scim("DELETE", &format!("/Groups/{}", org.id("Groups", "All Regions")), Value::Null).await;
    let drift = json!({
        "fields": {"Center__c": "C1", "ForecastEnabled": true}, "frozen": true, "undeactivatable": "default case owner",
        "permission_set_groups": {"add": ["Sales_Team"]}, "permission_set_licences": {"add": ["Analytics"]},
    });
    assert_eq!(org.call("POST", "/sandbox/users/pat@acme.example", drift).await.status, 200);
    let left = org.running.org().state();
    let records = |org: &Org| {
        org.running.org().with_store(|store| {
            let assignments: Vec<String> = store.set_assignments().map(|entry| entry.id).collect();
            let licences: Vec<String> = store.licence_assignments().map(|entry| entry.id).collect();
            let members: Vec<String> = store.group_members().map(|entry| entry.id).collect();
            let logins: Vec<String> = store.users().map(|user| user.login_id.clone()).collect();
            assert!(assignments.iter().all(|id| store.set_assignment(id).is_some()), "found by their ids");
            assert!(members.iter().all(|id| store.group_member(id).is_some()), "found by their ids");
            [assignments, licences, members, logins]
        })
    };
    let ids = records(&org);
    // Killed, not stopped, and in the middle of a line.
    let mut text = std::fs::read_to_string(&file).expect("file");
    text.push_str("{\"user\":{\"id\":");
    std::fs::write(&file, text).expect("write");

    for _ in 0..2 {
        let org = Org::with(settings()).await;
        assert_eq!(org.running.org().state(), left);
        assert_eq!(records(&org), ids, "the records of links keep their ids");
    }
    let org = Org::with(settings()).await;
    let refused = org.scim("POST", "/Users", org.person("ada")).await;
    assert!(refused.detail().contains("DUPLICATE_USERNAME"), "{refused:?}");
    let fresh = org.add("fresh").await;
    assert!(fresh > pat, "no id is given twice");
    assert_eq!(org.members(&east), [eve, pat]);

    std::fs::write(&file, "something else\n").expect("write");
    let error = scim_bridge::sandbox::start(settings()).await.expect_err("refused");
    assert!(error.to_string().starts_with("line 1 of the kept org"), "{error}");
}
