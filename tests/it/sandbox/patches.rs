use scim_bridge::sandbox::{EmailConfirmation, OddPatch, Settings, Switches};
use serde_json::{Value, json};

use super::{ENTERPRISE, Org};

async fn switched(switches: Switches) -> Org {
    Org::with(Settings { switches, ..Settings::default() }).await
}

#[tokio::test]
async fn pathless_objects_work() {
    let org = Org::new().await;
    let (id, boss) = (org.add("ada").await, org.add("boss").await);
    let answer = org
        .operations(&format!("/Users/{id}"), json!([
            {"op": "Replace", "path": "is.ignored", "value": {"name": {"givenName": "Ada"}, "title": "Dr", "employeeNumber": "7"}},
            {"op": "add", "value": {"addresses": [{"locality": "Bath"}], "department": "R&D", "manager": {"value": boss},
                                    "roles": [{"value": org.id("Roles", "CEO")}], "nickName": "ada", "timezone": "Asia/Tokyo",
                                    "urn:salesforce:schemas:extension:1.0:alias": "adalovelace"}},
            {"op": "replace", "value": {"active": false}},
        ]))
        .await;
    assert_eq!((answer.status, &answer.body["displayName"]), (200, &json!("Ada ada")), "{answer:?}");
    let user = org.user(&id);
    for (field, value) in [
        ("FirstName", "Ada"),
        ("Title", "Dr"),
        ("EmployeeNumber", "7"),
        ("City", "Bath"),
        ("Department", "R&D"),
        ("ManagerId", &boss),
        ("Role", "CEO"),
        ("CommunityNickname", "ada"),
        ("TimeZoneSidKey", "Asia/Tokyo"),
        ("Alias", "adalovel"),
    ] {
        assert_eq!(user[field], value, "{field}");
    }
    assert_eq!(user["IsActive"], false);
    let cleared = org
        .operations(&format!("/Users/{id}"), json!([
            {"op": "remove", "path": "givenName"}, {"op": "remove", "path": "title"}, {"op": "remove", "path": "employeeNumber"},
            {"op": "remove", "path": "addresses"}, {"op": "remove", "path": "manager"}, {"op": "remove", "path": "roles"},
        ]))
        .await;
    assert_eq!(cleared.status, 200, "{cleared:?}");
    let user = org.user(&id);
    for field in ["FirstName", "Title", "EmployeeNumber", "City", "ManagerId", "UserRoleId"] {
        assert_eq!(user[field], Value::Null, "{field}");
    }
    assert_eq!(user["Department"], "R&D");
}

#[tokio::test]
async fn some_attributes_are_passed_over_in_silence() {
    let org = Org::new().await;
    let id = org.add("ada").await;
    let before = org.user(&id);
    let value = json!({
        "userName": "new@acme.example", "externalId": "new", "phoneNumbers": [{"type": "work", "value": "1"}],
        "costCenter": "1", "displayName": "X", "unknown": 1,
    });
    assert_eq!(org.patch(&id, value).await.status, 200);
    let array = json!([{"op": "replace", "path": "emails", "value": [{"value": "new@acme.example"}]}]);
    assert_eq!(org.operations(&format!("/Users/{id}"), array).await.status, 200);
    assert_eq!(org.user(&id), super::with(before, json!({"LastModifiedDate": org.user(&id)["LastModifiedDate"]})));
    assert_eq!(org.running.org().counters()["unchanged"]["user_update_scim"], 2);
}

#[tokio::test]
async fn a_path_with_a_scalar_is_a_switch() {
    let body = json!([{"op": "Replace", "path": "active", "value": false}]);
    for (switch, status, active) in [
        (OddPatch::Fail, 500, true),
        (OddPatch::Refuse, 400, true),
        (OddPatch::Ignore, 200, true),
        (OddPatch::Honour, 200, false),
    ] {
        let org = switched(Switches { patch_scalar: switch, ..Switches::default() }).await;
        let id = org.add("ada").await;
        let answer = org.operations(&format!("/Users/{id}"), body.clone()).await;
        assert_eq!((answer.status, &org.user(&id)["IsActive"]), (status, &json!(active)), "{switch:?}");
    }
    assert_eq!(Switches::default().patch_scalar, OddPatch::Fail, "a wrong client must fail loudly");
}

#[tokio::test]
async fn a_nested_extension_is_a_switch() {
    for (switch, status, department) in [(OddPatch::Fail, 500, Value::Null), (OddPatch::Honour, 200, json!("R&D"))] {
        let org = switched(Switches { patch_nested_extension: switch, ..Switches::default() }).await;
        let id = org.add("ada").await;
        let answer = org.patch(&id, json!({ENTERPRISE: {"department": "R&D"}})).await;
        assert_eq!((answer.status, &org.user(&id)["Department"]), (status, &department), "{switch:?}");
    }
}

#[tokio::test]
async fn refused_patches_change_nothing() {
    let org = Org::new().await;
    let (id, other) = (org.add("ada").await, org.add("eve").await);
    org.patch(&id, json!({"groups": [{"value": org.id("Groups", "West")}]})).await;
    let before = org.user(&id);
    let (profile, set) = (org.id("Profiles", "Standard User"), org.id("PermissionSets", "Sales_Console"));
    let first = json!({"op": "replace", "value": {"title": "changed", "entitlements": [{"value": set}], "groups": []}});
    for (operation, status, text) in [
        (json!({"op": "move", "value": {}}), 400, "INPROPER Operation: move"),
        (json!({"op": "remove"}), 400, "MISING PATH"),
        (json!({"op": "remove", "path": "emails"}), 400, "FIELD CANNOT BE NULL: emails"),
        (json!({"op": "remove", "path": "alias"}), 400, "FIELD CANNOT BE NULL: alias"),
        (json!({"op": "remove", "path": "costCenter"}), 400, "UNSUPPORTED_FIELD: costCenter"),
        (json!({"op": "remove", "path": "entitlements"}), 400, "INVALID: Cannot remove all entitlements. Use replace"),
        (json!({"op": "remove", "path": "familyName"}), 500, "REQUIRED_FIELD_MISSING"),
        (
            json!({"op": "add", "value": {"entitlements": [{"value": profile}]}}),
            400,
            "INVALID: cannot have multiple profiles: (00e",
        ),
        (
            json!({"op": "replace", "value": {"entitlements": [{"value": "0PG000000000001"}]}}),
            400,
            "INVALID entitlement id: 0PG000000000001",
        ),
        (
            json!({"op": "replace", "value": {"emails": [{"value": "a@b.example"}, {"value": "c@d.example"}]}}),
            400,
            "INVALID: User can only have one email",
        ),
        (json!({"op": "replace", "value": {"addresses": [{}, {}]}}), 400, "INVALID: User can only have one address"),
        (json!({"op": "replace", "value": {"roles": [{}, {}]}}), 400, "INVALID:user_must_have_only_one_role;"),
        (
            json!({"op": "replace", "value": {"active": "False"}}),
            500,
            "Expecting BOOLEAN But Found VALUE_STRING while parsing active",
        ),
        (
            json!({"op": "replace", "value": {"nickName": "eve@acme.example"}}),
            500,
            "System.DmlException: Update failed. First exception on row 0 with id 005",
        ),
        (json!({"op": "replace", "value": {"locale": "en-GB"}}), 500, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (json!({"op": "replace"}), 500, "NullPointerException"),
    ] {
        let answer = org.operations(&format!("/Users/{id}"), json!([first, operation])).await;
        let found = if status == 500 { answer.body[0]["message"].as_str().expect("message") } else { answer.detail() };
        assert!(answer.status == status && found.contains(text), "{operation}: {answer:?}");
        assert_eq!(org.user(&id), before, "{operation}");
    }
    let improper = org.scim("PATCH", &format!("/Users/{id}"), json!({"schemas": ["x"], "Operations": []})).await;
    assert_eq!((improper.status, improper.detail()), (400, "Improper Schema."));
    assert_eq!(org.patch("005AA000000000000", json!({"title": "x"})).await.code(), "APEX_ERROR");
    let org = switched(Switches { patch_failure_status: 404, ..Switches::default() }).await;
    assert_eq!(org.patch(&other, json!({"title": "x"})).await.status, 404);
}

#[tokio::test]
async fn changed_addresses_wait_for_confirmation() {
    let org = Org::new().await;
    let id = org.add("ada").await;
    let answer = org.patch(&id, json!({"emails": [{"value": "new@acme.example"}]})).await;
    assert_eq!((answer.status, &answer.body["emails"][0]["value"]), (200, &json!("ada@acme.example")));
    assert_eq!(org.user(&id)["PendingEmail"], "new@acme.example");
    assert_eq!(org.running.org().confirm_emails(), 1);
    let user = org.user(&id);
    assert_eq!((&user["Email"], &user["PendingEmail"]), (&json!("new@acme.example"), &Value::Null));
    let org = switched(Switches { email_confirmation: EmailConfirmation::Immediate, ..Switches::default() }).await;
    let id = org.add("ada").await;
    let answer = org.patch(&id, json!({"emails": [{"value": "new@acme.example"}]})).await;
    assert_eq!(answer.body["emails"][0]["value"], "new@acme.example");
}

#[tokio::test]
async fn entitlements() {
    let org = switched(Switches { profile_across_licences: true, ..Switches::default() }).await;
    let id = org.add("ada").await;
    let value = |names: &[&str]| {
        let id = |name: &&str| {
            let collection = if name.contains(' ') { "Profiles" } else { "PermissionSets" };
            json!({"value": org.id(collection, name)})
        };
        json!({"entitlements": names.iter().map(id).collect::<Vec<_>>()})
    };
    let held = || org.user(&id)["PermissionSets"].clone();
    let path = format!("/Users/{id}");
    let add = |names: &[&str]| json!([{"op": "add", "value": value(names)}]);
    assert_eq!(org.operations(&path, add(&["Sales_Console"])).await.status, 200);
    let twice = org.operations(&path, add(&["Sales_Console"])).await;
    assert!(twice.status == 400 && twice.detail().starts_with("INVALID:duplicate value found"), "{twice:?}");
    org.patch(&id, value(&["Knowledge_Reader", "Account_Reader"])).await;
    assert_eq!(held(), json!(["Knowledge_Reader", "Account_Reader"]), "replace sets the exact list");
    org.patch(&id, value(&["Minimum Access - Salesforce"])).await;
    assert_eq!(org.user(&id)["Profile"], "Minimum Access - Salesforce");
    assert_eq!(held(), json!(["Knowledge_Reader", "Account_Reader"]), "a profile alone leaves the sets");
    let mismatch = org.patch(&id, value(&["Identity User"])).await;
    let text = "User's Profile can't be set to 'Identity User' because it's derived from a license that doesn't require the \
                following permission(s): Read Accounts";
    assert!(mismatch.body[0]["message"].as_str().is_some_and(|message| message.contains(text)), "{mismatch:?}");
    org.patch(&id, value(&["Knowledge_Reader"])).await;
    assert_eq!(org.patch(&id, value(&["Identity User"])).await.status, 200);
    let gated = org.operations(&path, add(&["Account_Reader"])).await;
    assert_eq!(gated.detail(), "INVALID:The user license doesn't allow the permission: Read Accounts;");
    let owned = org.operations(&path, add(&["X00e_Standard_User"])).await;
    assert_eq!(owned.status, 400);
}
