//! What an administrator does in the org, and other orders of a test.

use scim_bridge::sandbox::{CustomFieldSeed, Settings, UserSeed};
use serde_json::{Value, json};

use super::{Answer, Org};

async fn order(org: &Org, path: &str, body: Value) -> Answer {
    org.call("POST", &format!("/sandbox/{path}"), body).await
}

#[tokio::test]
async fn users_drift() {
    let field = CustomFieldSeed { api_name: "Center__c".to_owned(), ..CustomFieldSeed::default() };
    let org = Org::with(Settings { custom_fields: vec![field], ..Settings::default() }).await;
    let id = org.add("ada").await;
    order(&org, "faults", json!({"row_locks": 1, "row_lock": 1.0})).await;
    let change = json!({
        "fields": {
            "Title": "Dr", "Email": "new@acme.example", "Center__c": "C1", "ManagerId": "integration@acme.example",
            "UserPermissionsKnowledgeUser": true, "Department": null, "Username": "renamed@acme.example",
        },
        "active": false, "frozen": true, "profile": "Minimum Access - Salesforce", "role": "CEO",
        "permission_sets": {"add": ["Sales_Console"]}, "permission_set_groups": {"add": ["Sales_Team"]},
        "permission_set_licences": {"add": ["Analytics"]}, "groups": {"add": ["West"]},
    });
    let changed = order(&org, "users/ada@acme.example", change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let user = org.user(&id);
    assert_eq!(changed.body, user);
    for (name, value) in [
        ("Username", json!("renamed@acme.example")),
        ("Email", json!("new@acme.example")),
        ("PendingEmail", Value::Null),
        ("Title", json!("Dr")),
        ("Center__c", json!("C1")),
        ("Manager", json!("integration@acme.example")),
        ("UserPermissionsKnowledgeUser", json!(true)),
        ("IsActive", json!(false)),
        ("IsFrozen", json!(true)),
        ("Profile", json!("Minimum Access - Salesforce")),
        ("Role", json!("CEO")),
        ("PermissionSets", json!(["Sales_Console"])),
        ("PermissionSetGroups", json!(["Sales_Team"])),
        ("PermissionSetLicenses", json!(["Analytics"])),
        ("Groups", json!(["West"])),
    ] {
        assert_eq!(user[name], value, "{name}");
    }
    let back = json!({
        "role": "", "permission_sets": {"remove": ["Sales_Console"]}, "permission_set_groups": {"remove": ["Sales_Team"]},
        "permission_set_licences": {"remove": ["Analytics"]}, "groups": {"remove": ["West"]}, "frozen": false,
    });
    let user = order(&org, &format!("users/{id}"), back).await.body;
    for name in ["PermissionSets", "PermissionSetGroups", "PermissionSetLicenses", "Groups"] {
        assert_eq!(user[name], json!([]), "{name}");
    }
    assert_eq!((&user["Role"], &user["IsFrozen"]), (&Value::Null, &json!(false)));
    assert_eq!(org.running.org().counters()["calls"], json!({"token": 1, "user_create": 1}), "no call of Salesforce");
    for (change, told) in [
        (json!({"fields": {"Nose": 1}}), "users have no field Nose"),
        (json!({"fields": {"Title": "X"}, "profile": "None"}), "there is no profile None"),
        (json!({"fields": {"Title": "X"}, "groups": {"add": ["None"]}}), "there is no group None"),
        (json!({"fields": {"Title": "X"}, "groups": {"remove": ["West"]}}), "no member of the group West"),
        (json!({"fields": {"Title": "X"}, "permission_sets": {"remove": ["Sales_Console"]}}), "does not hold"),
        (json!({"fields": {"Username": "test@gmail.com"}}), "DUPLICATE_USERNAME"),
        (json!({"titel": 1}), "unknown field `titel`"),
    ] {
        let refused = order(&org, &format!("users/{id}"), change).await;
        let error = refused.body["error"].as_str().unwrap_or_default();
        assert!(refused.status == 400 && error.contains(told), "{refused:?}");
        assert_eq!(org.user(&id)["Title"], "Dr", "all or nothing");
    }
    assert_eq!(order(&org, "users/nobody@acme.example", json!({})).await.status, 400);
}

#[tokio::test]
async fn people_and_groups_come_and_go() {
    let org = Org::new().await;
    let added = order(&org, "users", json!({"username": "hand@acme.example", "groups": ["West"]})).await;
    assert_eq!((added.status, &added.body["Groups"]), (200, &json!(["West"])), "{added:?}");
    let half = order(&org, "users", json!({"username": "half@acme.example", "groups": ["None"]})).await;
    assert_eq!(half.status, 400);
    assert_eq!(org.find(r#"userName eq "half@acme.example""#).await.body["totalResults"], 0);
    let group =
        order(&org, "groups", json!({"name": "East", "users": ["hand@acme.example"], "groups": ["West"]})).await;
    assert_eq!(group.body["Members"], 2, "{group:?}");
    let id = org.id("Groups", "East");
    let change = json!({"name": "Far East", "members": {"remove": ["West", "hand@acme.example"]}});
    assert_eq!(order(&org, "groups/East", change).await.body, json!({"Id": id, "Name": "Far East", "Members": 0}));
    assert_eq!(order(&org, &format!("groups/{id}"), json!({"members": {"add": ["None"]}})).await.status, 400);
    assert_eq!(org.call("DELETE", "/sandbox/groups/Far%20East", Value::Null).await.status, 200);
    assert_eq!(org.call("DELETE", "/sandbox/groups/Far%20East", Value::Null).await.status, 400);
}

#[tokio::test]
async fn a_refused_deactivation_ends_by_order() {
    let boss = UserSeed {
        username: "boss@acme.example".to_owned(),
        undeactivatable: Some("default case owner".to_owned()),
        ..UserSeed::default()
    };
    let org = Org::with(Settings { users: vec![boss], ..Settings::default() }).await;
    let found = org.find(r#"userName eq "boss@acme.example""#).await.body;
    let id = found["Resources"][0]["id"].as_str().expect("id");
    let refused = org.patch(id, json!({"active": false})).await;
    let text = "DEPENDENCY_EXISTS, Cannot deactivate user: this user is the default case owner";
    assert!(refused.body[0]["message"].as_str().is_some_and(|message| message.contains(text)), "{refused:?}");
    order(&org, "users/boss@acme.example", json!({"undeactivatable": ""})).await;
    assert_eq!(org.patch(id, json!({"active": false})).await.body["active"], false);
}

#[tokio::test]
async fn the_journal_tells_what_is_new_and_of_one_kind() {
    let org = Org::new().await;
    org.add("ada").await;
    org.get("/Users").await;
    order(&org, "faults", json!({"maintenance_next": 1})).await;
    let refused = org.scim("POST", "/Users", org.person("eve")).await;
    assert_eq!((refused.status, refused.code()), (503, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"));
    let journal = async |query: &str| org.call("GET", &format!("/sandbox/journal{query}"), Value::Null).await.body;
    let numbers =
        |calls: &Value| calls.as_array().expect("calls").iter().map(|call| call["number"].clone()).collect::<Vec<_>>();
    assert_eq!(numbers(&journal("").await), [1, 2, 3, 4]);
    assert_eq!(numbers(&journal("?after=2").await), [3, 4]);
    assert_eq!(numbers(&journal("?kind=user_create").await), [2]);
    let fault = journal("?kind=maintenance&after=3").await;
    assert_eq!(
        (&fault[0]["fault"], &fault[0]["status"], &fault[0]["method"]),
        (&json!("maintenance"), &json!(503), &json!("POST"))
    );
    assert_eq!(org.call("GET", "/sandbox/journal?after=x", Value::Null).await.status, 400);
    let page = async |query: &str| {
        let url = format!("{}/{query}", org.running.url());
        org.client.get(url).send().await.expect("answer").text().await.expect("text")
    };
    assert!(page("").await.contains("/services/oauth2/token"));
    let one = page("?kind=user_search").await;
    assert!(one.contains("/services/scim/v2/Users") && !one.contains("/services/oauth2/token"), "{one}");
    assert!(one.contains("aria-current"));
}

#[tokio::test]
async fn a_reset_org_is_as_it_was() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = || Settings { keep_in: Some(folder.path().join("org.jsonl")), ..Settings::default() };
    let mut org = Org::with(settings()).await;
    let before = org.running.org().state();
    let id = org.add("ada").await;
    order(&org, "faults", json!({"outage": true})).await;
    order(&org, "licences", json!({"name": "Analytics", "total": 3})).await;
    assert_eq!(org.running.org().state()["PermissionSetLicenses"][0]["TotalLicenses"], 3);
    assert_eq!(order(&org, "reset", Value::Null).await.body, json!({"reset": true}));
    let after = org.running.org().state();
    let times = |mut state: Value| {
        for user in state["Users"].as_array_mut().expect("users") {
            user["CreatedDate"].take();
            user["LastModifiedDate"].take();
        }
        state
    };
    assert_eq!(times(after), times(before.clone()));
    assert_eq!(org.running.org().counters()["total"], 0);
    assert_eq!(org.get("/Users").await.status, 401, "nobody is logged in");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "3MVG9sandboxClient"),
        ("client_secret", "sandbox-client-secret"),
    ];
    let (_, body) = org.token_request(&form).await;
    org.token = body["access_token"].as_str().expect("token").to_owned();
    assert_eq!(org.add("ada").await, id, "the name is free and the ids begin again");
    let left = org.running.org().state();
    let again = Org::with(settings()).await;
    assert_eq!(again.running.org().state(), left, "and it is kept so");
}

#[tokio::test]
async fn the_daily_limit_is_as_far_as_it_is_set() {
    let org = Org::with(Settings { daily_api_limit: 100, ..Settings::default() }).await;
    let usage = order(&org, "api-usage", json!({"used": 98})).await;
    assert_eq!(usage.body, json!({"used": 98, "limit": 100}));
    let answer = org.get("/Users").await;
    assert_eq!(answer.headers["sforce-limit-info"], "api-usage=99/100");
    org.get("/Users").await;
    let over = org.get("/Users").await;
    assert_eq!((over.status, over.code()), (403, "REQUEST_LIMIT_EXCEEDED"));
    order(&org, "api-usage", json!({"used": 0})).await;
    assert_eq!(org.get("/Users").await.status, 200);
}
