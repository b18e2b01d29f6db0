//! Custom fields, user types and mails over SCIM.

use scim_bridge::sandbox::{CustomFieldSeed, CustomType, Settings, UserSeed};
use serde_json::{Value, json};

use super::{Org, short, with};

async fn org() -> Org {
    let field =
        |api_name: &str, kind| CustomFieldSeed { api_name: api_name.to_owned(), kind, ..CustomFieldSeed::default() };
    let custom_fields = vec![
        field("Center__c", CustomType::Text),
        field("Badge__c", CustomType::Number),
        field("Remote__c", CustomType::Checkbox),
        field("Since__c", CustomType::Date),
    ];
    Org::with(Settings { custom_fields, ..Settings::default() }).await
}

fn urn(org: &Org) -> String {
    let state = org.running.org().state();
    format!("urn:salesforce:schemas:extension:{}", state["OrganizationId"].as_str().expect("org id"))
}

#[tokio::test]
async fn are_created_read_and_found() {
    let org = org().await;
    let urn = urn(&org);
    let values = json!({"Center__c": "C1", "Badge__c": 7.5, "Remote__c": true, "Since__c": null});
    let created = org.scim("POST", "/Users", with(org.person("ada"), json!({urn.as_str(): values}))).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(
        created.body[&urn],
        json!({"Center__c": "C1", "Badge__c": 7.5, "Remote__c": true}),
        "typed, and nothing that is empty"
    );
    let plain = org.add("eve").await;
    assert_eq!(org.get(&format!("/Users/{plain}")).await.body[&urn], json!({"Remote__c": false}));
    let found = org.find(&format!(r#"{urn}:Center__c eq "c1""#)).await.body;
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &created.body["id"]));
    assert_eq!(org.find(&format!(r#"{urn}:Shoe__c eq "1""#)).await.status, 400);
    let only = org.get(&format!("/Users/{plain}?attributes={urn}:Remote__c")).await.body;
    assert_eq!((&only[&urn], only.get("userName")), (&json!({"Remote__c": false}), None));
    let schema = org.get(&format!("/Schemas/{urn}")).await.body;
    assert_eq!(
        (&schema["attributes"][1]["name"], &schema["attributes"][1]["type"]),
        (&json!("Badge__c"), &json!("decimal"))
    );
    assert_eq!(Org::new().await.get("/Schemas").await.body["totalResults"], 6);
    assert_eq!(org.get("/Schemas").await.body["totalResults"], 7);
    for (value, told) in [
        (json!({"Badge__c": "x"}), "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        (json!({"Shoe__c": 1}), "INVALID_FIELD"),
        (json!({"Center__c": []}), "Expecting VALUE_STRING But Found START_ARRAY while parsing Center__c"),
    ] {
        let refused = org.scim("POST", "/Users", with(org.person("bob"), json!({urn.as_str(): value}))).await;
        assert!(refused.status == 409 && refused.detail().contains(told), "{refused:?}");
    }
}

#[tokio::test]
async fn only_the_last_flattened_name_of_an_operation_survives() {
    let org = org().await;
    let (id, urn) = (org.add("ada").await, urn(&org));
    let path = format!("/Users/{id}");
    let key = |name: &str| format!("{urn}:{name}");
    let both = json!({key("Center__c"): "C1", "title": "Dr", key("Badge__c"): 7});
    assert_eq!(org.patch(&id, both).await.body[&urn], json!({"Badge__c": 7, "Remote__c": false}));
    assert_eq!(org.user(&id)["Title"], "Dr");
    let alias = "urn:salesforce:schemas:extension:1.0:alias";
    org.patch(&id, json!({key("Center__c"): "C1", alias: "short"})).await;
    assert_eq!((&org.user(&id)["Center__c"], &org.user(&id)["Alias"]), (&Value::Null, &json!("short")));
    let short_urn = format!("urn:salesforce:schemas:extension:{}", short(urn.rsplit(':').next().expect("id")));
    let each = json!([
        {"op": "replace", "value": {format!("{short_urn}:Center__c"): "C2"}},
        {"op": "add", "value": {key("Remote__c"): true}},
    ]);
    let changed = org.operations(&path, each).await.body;
    assert_eq!(changed[&urn], json!({"Center__c": "C2", "Badge__c": 7, "Remote__c": true}));
    let removed = org.operations(&path, json!([{"op": "remove", "path": key("Badge__c")}])).await;
    assert_eq!(removed.body[&urn], json!({"Center__c": "C2", "Remote__c": true}));
    let wrong = org.patch(&id, json!({key("Since__c"): "tomorrow"})).await;
    assert!(wrong.status == 500 && wrong.code() == "APEX_ERROR", "{wrong:?}");
    assert_eq!(
        org.scim(
            "PUT",
            &path,
            with(
                org.person("ada"),
                json!({
                    "nickName": "ada", "preferredLanguage": "en_US", "locale": "en_US",
                })
            )
        )
        .await
        .body[&urn]["Center__c"],
        "C2",
        "a PUT leaves them"
    );
}

#[tokio::test]
async fn some_user_types_are_not_seen() {
    let seed = |name: &str, user_type: &str| UserSeed {
        username: format!("{name}@acme.example"),
        user_type: user_type.to_owned(),
        ..UserSeed::default()
    };
    let users = vec![seed("partner", "PowerPartner"), seed("guest", "Guest")];
    let org = Org::with(Settings { users, ..Settings::default() }).await;
    let listed = org.get("/Users?count=200").await.body;
    assert_eq!(listed["totalResults"], 2, "the integration user and the partner");
    assert_eq!(listed["Resources"][1]["userType"], "PowerPartner");
    let state = org.running.org().state();
    let guest = state["Users"][2]["Id"].as_str().expect("id");
    let hidden = org.get(&format!("/Users/{guest}")).await;
    assert_eq!((hidden.status, &hidden.body["totalResults"], hidden.body.get("id")), (200, &json!(0), None));
    assert_eq!(org.find(r#"userName eq "guest@acme.example""#).await.body["totalResults"], 0);
    let taken = org.scim("POST", "/Users", org.person("guest")).await;
    assert!(taken.detail().contains("DUPLICATE_USERNAME"), "{taken:?}");
}

#[tokio::test]
async fn mails_are_counted_and_not_sent() {
    let org = org().await;
    let mails = || org.running.org().state()["Mails"].clone();
    let create = async |name: &str, changes: Value| {
        let answer = org.scim("POST", "/Users", with(org.person(name), changes)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_str().expect("id").to_owned()
    };
    let inactive = create("ada", json!({"active": false})).await;
    create("eve", json!({"password": "secret-1"})).await;
    org.patch(&inactive, json!({"active": true})).await;
    assert_eq!(mails()["PasswordReset"], 0, "neither the inactive nor who has a password is written to");
    let active = create("bob", json!({})).await;
    assert_eq!(mails()["Last"][0]["to"], "bob@acme.example");
    org.patch(&active, json!({"emails": [{"value": "new@acme.example"}]})).await;
    assert_eq!((&mails()["PasswordReset"], &mails()["EmailChange"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&mails()["Last"][1]["kind"], &mails()["Last"][1]["to"]),
        (&json!("email_change"), &json!("new@acme.example"))
    );
}

#[tokio::test]
async fn the_hidden_set_of_a_group_is_among_the_entitlements() {
    let org = Org::new().await;
    let id = org.add("ada").await;
    let group = org.id("PermissionSetGroups", "Sales_Team");
    org.running.org().with_store(|store| store.assign(&id, &group).expect("assigned"));
    let state = org.running.org().state();
    let hidden = state["PermissionSetGroups"][0]["HiddenPermissionSet"].clone();
    let user = org.get(&format!("/Users/{id}")).await.body;
    assert_eq!(user["entitlements"][1]["value"], hidden);
    assert_eq!(user["entitlements"][1]["type"], "Permission Set");
    assert_eq!(org.user(&id)["PermissionSets"], json!([]), "nobody assigned it");
    let sets = json!({"entitlements": [{"value": hidden}]});
    assert_eq!(org.patch(&id, sets).await.status, 400);
    assert_eq!(org.user(&id)["PermissionSetGroups"], json!(["Sales_Team"]), "a refused patch changes nothing");
    let sets = json!({"entitlements": [{"value": org.id("PermissionSets", "Sales_Console")}]});
    assert_eq!(org.patch(&id, sets).await.status, 200);
    assert_eq!(org.user(&id)["PermissionSetGroups"], json!([]), "a replace takes groups away too");
}
