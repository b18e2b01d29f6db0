use chrono::{DateTime, Utc};
use scim_bridge::sandbox::{PermissionSetSeed, Settings, Switches};
use serde_json::{Value, json};
use std::sync::Arc;

use super::{ENTERPRISE, Org, short, with};

#[tokio::test]
async fn a_created_user_is_answered_as_salesforce_does() {
    let now: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 123_000_000).expect("time");
    let org = Org::with(Settings { clock: Arc::new(move || now), ..Settings::default() }).await;
    let (profile, set) = (org.id("Profiles", "Standard User"), org.id("PermissionSets", "Sales_Console"));
    let (group, role) = (org.id("Groups", "West"), org.id("Roles", "CEO"));
    let boss = org.add("boss").await;
    let body = json!({
        "userName": "Ada.L@Example.com", "externalId": "Ext-7",
        "name": {"familyName": "L", "givenName": "Ada", "formatted": "ignored"},
        "emails": [{"type": "work", "primary": true, "value": "Ada@example.com"}],
        "addresses": [{"streetAddress": "1 St", "locality": "Bath", "country": "UK"}],
        "phoneNumbers": [{"type": "mobile", "value": "+44 1"}],
        "title": null, "active": true,
        "entitlements": [{"value": short(&profile)}, {"value": set}],
        "groups": [{"value": group}], "roles": [{"value": role}],
        ENTERPRISE: {"employeeNumber": "42", "department": "R&D", "manager": {"value": boss}},
        "urn:salesforce:schemas:extension:1.0": {"alias": "lovelaceada"},
        "unknown": {"is": "passed over"},
    });
    let answer = org.scim("POST", "/Users", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.body["id"].as_str().expect("id");
    let (url, state) = (org.running.url(), org.running.org().state());
    assert_eq!(answer.headers["location"], format!("{url}/services/scim/v2/Users/{id}"));
    let mut body = answer.body.clone();
    let version = body["meta"]["version"].take();
    assert!(version.as_str().is_some_and(|version| version.len() == 40), "{version}");
    let expected = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": id, "userName": "ada.l@example.com", "externalId": "Ext-7",
        "name": {"formatted": "Ada L", "familyName": "L", "givenName": "Ada"}, "displayName": "Ada L",
        "nickName": "Ada.L@Example.com", "profileUrl": format!("{url}/{id}"),
        "emails": [{"type": "work", "primary": true, "value": "Ada@example.com"}],
        "addresses": [{"type": "work", "primary": true, "formatted": "1 St\nBath\nUK",
                       "streetAddress": "1 St", "locality": "Bath", "country": "UK"}],
        "phoneNumbers": [{"type": "mobile", "value": "+44 1"}],
        "userType": "Standard", "preferredLanguage": "en_US", "emailEncodingKey": "UTF-8", "locale": "en_US",
        "timezone": "America/Los_Angeles", "active": true,
        "entitlements": [
            {"value": profile, "$ref": format!("/Entitlements/{profile}"), "display": "Standard User", "type": "Profile", "primary": true},
            {"value": set, "$ref": format!("/Entitlements/{set}"), "display": "Sales_Console", "type": "Permission Set", "primary": false}],
        "groups": [{"value": group, "$ref": format!("/Groups/{group}"), "display": "West"}],
        "roles": [{"value": role, "$ref": format!("/Roles/{role}"), "display": "CEO"}],
        ENTERPRISE: {"organization": state["OrganizationId"], "employeeNumber": "42", "department": "R&D",
                     "manager": {"value": boss, "$ref": format!("/Users/{boss}"), "displayName": "Test boss"}},
        "urn:salesforce:schemas:extension:1.0": {"alias": "lovelace"},
        "meta": {"created": "2027-01-15T08:00:00Z", "lastModified": "2027-01-15T08:00:00Z",
                 "location": format!("{url}/services/scim/v2/Users/{id}"), "resourceType": "User", "version": null},
    });
    assert_eq!(body, expected);
    assert_eq!(org.get(&format!("/Users/{}", short(id))).await.body, answer.body, "15 characters do");
    assert_eq!(org.get("/Users/005AA000000000000").await.detail(), "No such resource");
    assert_eq!(org.members(&group), [id]);
    // The default alias is the end of the clock.
    assert_eq!(org.user(&boss)["Alias"], "00000123");
}

#[tokio::test]
async fn every_refused_create_is_a_409_with_all_causes() {
    let org = Org::new().await;
    org.add("first").await;
    let profile = org.id("Profiles", "Standard User");
    let missing = "REQUIRED_FIELD_MISSING:userName;REQUIRED_FIELD_MISSING:name.familyName;REQUIRED_FIELD_MISSING:email;\
                   REQUIRED_FIELD_MISSING:user_must_have_one_entitlement_which_must_be_a_profileid;";
    let two = json!([{"value": "a@b.example"}, {"value": "c@d.example"}]);
    let long = "x".repeat(81);
    for (document, detail) in [
        (json!({}), missing),
        (with(org.person("x"), json!({"emails": two})), "INVALID:only_a_single_email_is_allowed;"),
        (with(org.person("x"), json!({"addresses": two})), "INVALID:only_a_single_address_is_allowed;"),
        (with(org.person("x"), json!({"phoneNumbers": two})), "INVALID:only_a_single_phone_is_allowed"),
        (with(org.person("x"), json!({"roles": two})), "INVALID:user_must_have_only_one_role;"),
        (with(org.person("x"), json!({"costCenter": "1"})), "UNSUPPORTED_FIELD:costCenter;"),
        (with(org.person("x"), json!({ENTERPRISE: {"costCenter": "1"}})), "UNSUPPORTED_FIELD:costCenter;"),
        (
            with(org.person("x"), json!({"name": {"familyName": "X", "middleName": "Y", "honorificPrefix": "Dr"}})),
            "UNSUPPORTED_FIELD:name.middleName;UNSUPPORTED_FIELD:name.honorificPrefix;",
        ),
        (
            with(org.person("x"), json!({"entitlements": [{"value": "00e000000000001"}]})),
            "INVALID: profile id is invalid : 00e000000000001",
        ),
        (
            with(org.person("x"), json!({"active": "False"})),
            "Expecting BOOLEAN But Found VALUE_STRING while parsing active",
        ),
        (
            with(org.person("x"), json!({"title": {}})),
            "Expecting VALUE_STRING But Found START_OBJECT while parsing title",
        ),
        (
            with(org.person("x"), json!({"emails": "a@b.example"})),
            "Expecting START_ARRAY But Found VALUE_STRING while parsing emails",
        ),
        (with(org.person("x"), json!({"name": []})), "Expecting START_OBJECT But Found START_ARRAY while parsing name"),
        (with(org.person("x"), json!({"locale": "en-US"})), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (with(org.person("x"), json!({"preferredLanguage": "en"})), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (with(org.person("x"), json!({"timezone": "CET"})), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (
            with(org.person("x"), json!({"userName": "ada"})),
            "INVALID_EMAIL_ADDRESS, Username: invalid email address: ada",
        ),
        (with(org.person("x"), json!({"emails": ["not an address"]})), "INVALID_EMAIL_ADDRESS, Email"),
        (with(org.person("x"), json!({"title": long})), "STRING_TOO_LONG, Title: data value too large: xxx"),
        (with(org.person("x"), json!({"nickName": "n".repeat(41)})), "(max length=40): [CommunityNickname]"),
        (
            with(org.person("x"), json!({"userName": "FIRST@acme.example", "nickName": "x"})),
            "Insert failed. First exception on row 0; first error: DUPLICATE_USERNAME, Duplicate Username.<br>The username \
             already exists in this or another Salesforce organization. Usernames must be unique across all Salesforce \
             organizations. To resolve, use a different username (it doesn't need to match the user's email address). : \
             [Username]",
        ),
        (with(org.person("x"), json!({"userName": "test@gmail.com"})), "DUPLICATE_USERNAME"),
        (
            with(org.person("x"), json!({"nickName": "First@acme.example"})),
            "DUPLICATE_COMM_NICKNAME, Duplicate Nickname.<br>Another user has already selected this nickname.<br>Please select \
             another.: [CommunityNickname]",
        ),
        (
            with(org.person("x"), json!({"externalId": "ext-first"})),
            "DUPLICATE_VALUE, duplicate value found: FederationIdentifier duplicates value on record with id: 005",
        ),
        (with(org.person("x"), json!({ENTERPRISE: {"manager": {"value": profile}}})), "INVALID_CROSS_REFERENCE_KEY"),
    ] {
        let answer = org.scim("POST", "/Users", document.clone()).await;
        assert_eq!(answer.status, 409, "{document}");
        assert!(answer.detail().contains(detail), "{document}: {}", answer.detail());
        assert_eq!(answer.body.get("scimType"), None);
    }
    let broken = org.try_call("POST", "/services/scim/v2/Users", Some("{".to_owned())).await.expect("answer");
    assert_eq!(broken.status, 409);
    let state = org.running.org().state();
    assert_eq!(state["Users"].as_array().map(Vec::len), Some(2), "refused creates leave nothing");
    // The name of a refused create is free.
    org.add("x").await;
}

#[tokio::test]
async fn usernames_are_unique_across_orgs() {
    let first = Org::new().await;
    let registry = Arc::clone(&first.running.org().settings().registry);
    let second = Settings {
        registry,
        my_domain: "other".to_owned(),
        integration_username: "i@other.example".to_owned(),
        ..Settings::default()
    };
    let second = Org::with(second).await;
    first.add("ada").await;
    let refused = second.scim("POST", "/Users", second.person("ada")).await;
    assert!(refused.detail().contains("DUPLICATE_USERNAME"));
    assert_eq!(
        second.find(r#"userName eq "ada@acme.example""#).await.body["totalResults"],
        0,
        "it is not seen from there"
    );
}

#[tokio::test]
async fn licences_limit_active_users_only() {
    let org = Org::with(Settings { licences: vec![("Salesforce".to_owned(), 2)], ..Settings::default() }).await;
    let ada = org.add("ada").await;
    let full = org.scim("POST", "/Users", org.person("eve")).await;
    assert_eq!(full.status, 409);
    assert!(full.detail().contains("LICENSE_LIMIT_EXCEEDED"), "{full:?}");
    let inactive = org.scim("POST", "/Users", with(org.person("eve"), json!({"active": false}))).await;
    assert_eq!(inactive.status, 201, "an inactive user takes no licence");
    let eve = inactive.body["id"].as_str().expect("id");
    let refused = org.patch(eve, json!({"active": true})).await;
    assert_eq!((refused.status, refused.code()), (500, "APEX_ERROR"));
    assert!(refused.body[0]["message"].as_str().is_some_and(|text| text.contains("LICENSE_LIMIT_EXCEEDED")));
    assert_eq!(org.user(eve)["IsActive"], false);
    assert_eq!(org.patch(&ada, json!({"active": false})).await.body["active"], false);
    assert_eq!(org.patch(eve, json!({"active": true})).await.body["active"], true);
    org.running.org().set_licence("Salesforce", 3);
    assert_eq!(org.patch(&ada, json!({"active": true})).await.status, 200);
    assert_eq!(
        org.running.org().state()["UserLicenses"][0],
        json!({"Name": "Salesforce", "TotalLicenses": 3, "UsedLicenses": 3})
    );
}

#[tokio::test]
async fn a_refused_permission_set_leaves_the_user_there() {
    let set = PermissionSetSeed {
        name: "Gated".to_owned(),
        label: "Gated".to_owned(),
        licence: Some(("Identity".to_owned(), "Read Accounts".to_owned())),
        ..PermissionSetSeed::default()
    };
    let org = Org::with(Settings { permission_sets: vec![set], ..Settings::default() }).await;
    let entitlements =
        json!([{"value": org.id("Profiles", "Standard User")}, {"value": org.id("PermissionSets", "Gated")}]);
    let active = org.scim("POST", "/Users", with(org.person("a"), json!({"entitlements": entitlements}))).await;
    assert_eq!(active.status, 200, "and no hint");
    let inactive =
        org.scim("POST", "/Users", with(org.person("b"), json!({"entitlements": entitlements, "active": false}))).await;
    assert_eq!((inactive.status, inactive.body["userName"].as_str()), (400, Some("b@acme.example")));
    for answer in [active, inactive] {
        assert_eq!(org.user(answer.body["id"].as_str().expect("id"))["PermissionSets"], json!([]));
    }
}

#[tokio::test]
async fn put_replaces_and_empties() {
    let org = Org::new().await;
    let (profile, set) = (org.id("Profiles", "Standard User"), org.id("PermissionSets", "Sales_Console"));
    let whole = with(
        org.person("ada"),
        json!({
            "title": "Dr", "nickName": "ada", "preferredLanguage": "en_US", "locale": "en_US", "timezone": "Europe/London",
            "entitlements": [{"value": profile}, {"value": set}], "groups": [{"value": org.id("Groups", "West")}],
        }),
    );
    let id = org.scim("POST", "/Users", whole.clone()).await.body["id"].as_str().expect("id").to_owned();
    let path = format!("/Users/{id}");
    let answer =
        org.scim("PUT", &path, with(whole.clone(), json!({"title": null, "timezone": null, "groups": null}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let user = org.user(&id);
    assert_eq!((&user["Title"], &user["TimeZoneSidKey"]), (&Value::Null, &json!("Europe/London")));
    assert_eq!((&user["PermissionSets"], &user["Groups"]), (&json!(["Sales_Console"]), &json!(["West"])));
    let incomplete = org.scim("PUT", &path, with(whole.clone(), json!({"nickName": null}))).await;
    assert!(
        incomplete.status == 409 && incomplete.detail().contains("REQUIRED_FIELD_MISSING"),
        "no defaults: {incomplete:?}"
    );
    assert_eq!(org.user(&id), user, "a refused PUT changes nothing");
    let other = org.scim("PUT", &path, with(whole.clone(), json!({"id": profile}))).await;
    assert_eq!(other.detail(), "INVALID:id_attribute_is_readonly;");
    let bare = org
        .scim("PUT", &path, with(whole.clone(), json!({"entitlements": [{"value": profile}], "active": null})))
        .await;
    assert_eq!((bare.status, &bare.body["active"]), (200, &json!(false)), "what is not sent is off");
    assert_eq!(org.user(&id)["PermissionSets"], json!([]));
    let unknown = org.scim("PUT", "/Users/005AA000000000000", whole).await;
    assert!(unknown.status == 404 && unknown.detail().ends_with("/Users/005AA000000000000 not found"));
}

#[tokio::test]
async fn delete_deactivates_and_renames_by_a_switch() {
    let org = Org::new().await;
    let id = org.add("ada").await;
    let path = format!("/Users/{id}");
    assert_eq!(org.scim("DELETE", &path, Value::Null).await.status, 204);
    let user = org.user(&id);
    assert_eq!(user["IsActive"], false);
    assert_eq!(
        (&user["Username"], &user["CommunityNickname"]),
        (&json!(format!("{}_ada@acme.example", id.to_lowercase())), &json!(id))
    );
    assert_eq!(org.scim("DELETE", &path, Value::Null).await.status, 404);
    let again = org.scim("POST", "/Users", with(org.person("ada"), json!({"externalId": null}))).await;
    assert_eq!(again.status, 201, "the name is free");

    let switches = Switches { delete_renames: false, ..Switches::default() };
    let org = Org::with(Settings { switches, ..Settings::default() }).await;
    let id = org.add("ada").await;
    assert_eq!(org.scim("DELETE", &format!("/Users/{id}"), Value::Null).await.status, 204);
    assert_eq!(org.user(&id)["Username"], "ada@acme.example");
    let again = org.scim("POST", "/Users", org.person("ada")).await;
    assert!(again.detail().contains("DUPLICATE_USERNAME"), "the name stays taken");
}
