use scim_bridge::sandbox::Settings;
use serde_json::{Value, json};

use super::Org;

const BASE: &str = "/services/data/v66.0";

#[tokio::test]
async fn users_change_by_field_names() {
    let org = Org::new().await;
    let (id, boss) = (org.add("ada").await, org.add("boss").await);
    let path = format!("{BASE}/sobjects/User/{id}");
    let changes = json!({
        "Username": "Lovelace@acme.example", "FederationIdentifier": "new", "Phone": "1", "MobilePhone": "2", "Fax": "3",
        "Title": "Dr", "ManagerId": boss, "UserRoleId": org.id("Roles", "CEO"), "LocaleSidKey": "de_DE", "Street": "1 St",
        "EmployeeNumber": "7", "Department": "R&D", "Division": "D", "IsActive": false, "Email": "new@acme.example",
        "ProfileId": org.id("Profiles", "System Administrator"), "CommunityNickname": "ada", "Alias": "ada", "FirstName": null,
    });
    let answer = org.call("PATCH", &path, changes).await;
    assert_eq!((answer.status, answer.body), (204, json!("")));
    let record = org.call("GET", &path, Value::Null).await.body;
    for (field, value) in [
        ("Username", json!("lovelace@acme.example")),
        ("FederationIdentifier", json!("new")),
        ("MobilePhone", json!("2")),
        ("ManagerId", json!(boss)),
        ("IsActive", json!(false)),
        ("FirstName", Value::Null),
        ("Email", json!("ada@acme.example")),
    ] {
        assert_eq!(record[field], value, "{field}");
    }
    assert_eq!(org.user(&id)["PendingEmail"], "new@acme.example");
    let phones = &org.get(&format!("/Users/{id}")).await.body["phoneNumbers"];
    assert_eq!(phones.as_array().map(Vec::len), Some(3), "reads show all three: {phones}");
    assert_eq!(org.call("PATCH", &path, json!({"Title": null})).await.status, 204);
    assert_eq!(org.user(&id)["Title"], Value::Null);
    assert_eq!(org.find(r#"userName eq "ada@acme.example""#).await.body["totalResults"], 0, "the old name is gone");
    assert_eq!(org.find(r#"externalId eq "new""#).await.body["totalResults"], 1);
}

#[tokio::test]
async fn refusals_are_arrays_with_fields() {
    let org = Org::new().await;
    let id = org.add("ada").await;
    org.add("eve").await;
    let before = org.user(&id);
    let path = format!("{BASE}/sobjects/User/{id}");
    for (changes, code, fields) in [
        (json!({"LastName": null}), "REQUIRED_FIELD_MISSING", json!(["LastName"])),
        (json!({"Username": "eve@acme.example"}), "DUPLICATE_USERNAME", json!(["Username"])),
        (json!({"FederationIdentifier": "EXT-EVE"}), "DUPLICATE_VALUE", json!(["FederationIdentifier"])),
        (json!({"CommunityNickname": "eve@acme.example"}), "DUPLICATE_COMM_NICKNAME", json!(["CommunityNickname"])),
        (json!({"TimeZoneSidKey": "CET"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", json!(["TimeZoneSidKey"])),
        (json!({"Alias": "123456789"}), "STRING_TOO_LONG", json!(["Alias"])),
        (json!({"EmployeeNumber": "x".repeat(21)}), "STRING_TOO_LONG", json!(["EmployeeNumber"])),
        (json!({"Email": "x"}), "INVALID_EMAIL_ADDRESS", json!(["Email"])),
        (json!({"ManagerId": "005AA000000000000"}), "INVALID_CROSS_REFERENCE_KEY", json!(["ManagerId"])),
        (json!({"ProfileId": org.id("Roles", "CEO")}), "INVALID_CROSS_REFERENCE_KEY", json!(["ProfileId"])),
        (json!({"Name": "X"}), "INVALID_FIELD_FOR_INSERT_UPDATE", json!(["Name"])),
        (json!({"ShoeSize": "43"}), "INVALID_FIELD", Value::Null),
        (json!({"IsActive": 1}), "JSON_PARSER_ERROR", Value::Null),
    ] {
        let answer = org.call("PATCH", &path, changes.clone()).await;
        assert_eq!((answer.status, answer.code(), &answer.body[0]["fields"]), (400, code, &fields), "{changes}");
        assert_eq!(org.user(&id), before, "{changes}");
    }
    for path in
        [format!("{BASE}/sobjects/User/005AA000000000000"), format!("{BASE}/sobjects/Pet/1"), "/services/x".to_owned()]
    {
        let answer = org.call("PATCH", &path, json!({})).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{path}");
    }
    let url = format!("{}{path}", org.running.url());
    let text = org.client.patch(url).bearer_auth(&org.token).body("{}").send().await.expect("answer");
    assert_eq!(text.status(), 415);
}

#[tokio::test]
async fn groups() {
    let org = Org::new().await;
    let body = json!({"Name": "East", "DeveloperName": "East", "Type": "Regular"});
    let created = org.call("POST", &format!("{BASE}/sobjects/Group"), body.clone()).await;
    assert_eq!((created.status, &created.body["success"]), (201, &json!(true)));
    let path = format!("{BASE}/sobjects/Group/{}", created.body["id"].as_str().expect("id"));
    let twice = org.call("POST", &format!("{BASE}/sobjects/Group"), body).await;
    assert_eq!(twice.code(), "DUPLICATE_DEVELOPER_NAME");
    assert_eq!(org.call("PATCH", &path, json!({"Name": "Far East"})).await.status, 204);
    let record = org.call("GET", &path, Value::Null).await.body;
    assert_eq!((&record["Name"], &record["DeveloperName"]), (&json!("Far East"), &json!("East")));
    assert_eq!(org.call("PATCH", &path, json!({"Name": "x".repeat(41)})).await.code(), "STRING_TOO_LONG");
    assert_eq!(org.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(org.call("DELETE", &path, Value::Null).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn the_daily_limit_is_told_and_kept() {
    let org = Org::with(Settings { daily_api_limit: 3, ..Settings::default() }).await;
    let limits = org.call("GET", &format!("{BASE}/limits"), Value::Null).await;
    assert_eq!(limits.headers["sforce-limit-info"], "api-usage=1/3");
    assert_eq!(limits.body["DailyApiRequests"], json!({"Max": 3, "Remaining": 2}));
    assert_eq!(org.get("/Me").await.headers["sforce-limit-info"], "api-usage=2/3", "SCIM calls count too");
    assert_eq!(org.get("/Me").await.status, 200);
    let over = org.call("GET", &format!("{BASE}/limits"), Value::Null).await;
    assert_eq!((over.status, over.code()), (403, "REQUEST_LIMIT_EXCEEDED"));
    assert_eq!(over.body[0]["message"], "TotalRequests Limit exceeded.");
}
