use serde_json::{Value, json};

use super::{
    Carrier, GROUP_NAME, USER_FEDERATION_ID, USER_NAME, Urns, after, carrier, change_members, create_user, equals,
    parse_user, patch_user,
};
use crate::salesforce::Record;

/// Every field that SCIM carries, with one telephone number as a create takes it.
fn full() -> Record {
    Record::new()
        .with("Username", "ada@example.com")
        .with("FederationIdentifier", "ext-7")
        .with("LastName", "L")
        .with("FirstName", "Ada")
        .with("CommunityNickname", "ada")
        .with("Email", "ada@example.com")
        .with("Street", "1 Main St")
        .with("City", "London")
        .with("State", "LDN")
        .with("PostalCode", "N1")
        .with("Country", "GB")
        .with("Phone", "+44 1")
        .with("Title", "Countess")
        .with("LanguageLocaleKey", "en_GB")
        .with("EmailEncodingKey", "UTF-8")
        .with("LocaleSidKey", "en_GB")
        .with("TimeZoneSidKey", "Europe/London")
        .with("IsActive", true)
        .with("UserRoleId", "00EAA0000000001AAA")
        .with("EmployeeNumber", "42")
        .with("Department", "R&D")
        .with("Division", "Engines")
        .with("ManagerId", "005AA0000000001AAA")
}

#[test]
fn a_created_user_reads_back_as_the_same_record() {
    let (now, later) = full().with("MobilePhone", "+44 2").with("X__c", 5).with("Fax", Value::Null).split_for_create();
    assert_eq!(now, full());
    assert_eq!(later, Record::new().with("MobilePhone", "+44 2").with("X__c", 5));
    let mut user = create_user(&now, "00eAA0000001aaaYAA");
    user["id"] = json!("005AA000000cccYYAQ");
    let account = parse_user(&user).unwrap();
    assert_eq!(account.record, full().with("ProfileId", "00eAA0000001aaaYAA"));
    assert_eq!(account.profile_id.as_deref(), Some("00eAA0000001aaaYAA"));
    assert!(account.is_active());
}

#[test]
fn a_create_has_the_form_that_salesforce_takes() {
    let record = Record::new().with("Username", "a@b.co").with("LastName", "L").with("Email", "a@b.co");
    let record = record.with("IsActive", false).with("FirstName", Value::Null).with("Department", "R");
    assert_eq!(
        create_user(&record, "00e1"),
        json!({
            "userName": "a@b.co",
            "name": { "familyName": "L" },
            "emails": [{ "type": "work", "primary": true, "value": "a@b.co" }],
            "active": false,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R" },
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
            ],
            "entitlements": [{ "value": "00e1" }]
        })
    );
    let plain = create_user(&Record::new().with("Username", "a@b.co"), "00e1");
    assert_eq!(plain["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
}

#[test]
fn a_user_is_read_whatever_else_is_in_it() {
    let account = parse_user(&json!({
        "schemas": "odd", "id": "005AA000000cccYYAQ", "userName": "ada.l@example.com", "userType": "Standard",
        "emails": ["plain@example.com"], "active": "True", "photos": [{ "type": "photo" }], "title": "",
        "phoneNumbers": [{ "type": "mobile", "value": "2" }, { "value": "?" }, { "type": "work", "value": "1" }],
        "entitlements": [{ "value": "0PSAA0000001bbbYAA" }, { "value": "00eAA0000001aaaYAA" }, "0PS2"],
        "groups": [{ "value": "00G1" }], "roles": [{ "value": "00E1" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "organization": "00D1", "manager": { "value": "005M", "displayName": "M" }
        },
        "urn:salesforce:schemas:extension:2.0": { "alias": "ada" },
        "urn:salesforce:schemas:extension:00DAA0000000001AAA": { "Badge__c": 7, "Odd__c": null, "Vip__c": true },
        "unknown": { "x": 1 }
    }))
    .unwrap();
    let record = Record::new()
        .with("Username", "ada.l@example.com")
        .with("Email", "plain@example.com")
        .with("IsActive", true)
        .with("Phone", "1")
        .with("MobilePhone", "2")
        .with("ProfileId", "00eAA0000001aaaYAA")
        .with("UserRoleId", "00E1")
        .with("ManagerId", "005M")
        .with("Alias", "ada")
        .with("Badge__c", 7)
        .with("Vip__c", true);
    assert_eq!(account.record, record);
    assert_eq!(account.profile_id.as_deref(), Some("00eAA0000001aaaYAA"));
    assert_eq!(account.permission_set_ids, ["0PSAA0000001bbbYAA", "0PS2"]);
    assert_eq!(account.group_ids, ["00G1"]);
    assert_eq!(account.user_type.as_deref(), Some("Standard"));
}

#[test]
fn the_empty_list_is_no_user() {
    assert_eq!(parse_user(&json!({ "totalResults": 0, "itemsPerPage": 0, "schemas": ["x"] })), None);
    assert_eq!(parse_user(&Value::Null), None);
}

#[test]
fn a_change_takes_the_way_that_applies_it() {
    let set = |field: &str| Record::new().with(field, "x");
    let clear = |field: &str| Record::new().with(field, Value::Null);
    let address = Record::new().with("Street", "1").with("City", "2").with("State", "3").with("PostalCode", "4");
    let rows = [
        (Record::new().with("IsActive", false), Carrier::Scim),
        (set("FirstName"), Carrier::Scim),
        (set("LastName"), Carrier::Scim),
        (set("Title"), Carrier::Scim),
        (set("LanguageLocaleKey"), Carrier::Scim),
        (set("EmailEncodingKey"), Carrier::Scim),
        (set("LocaleSidKey"), Carrier::Scim),
        (set("TimeZoneSidKey"), Carrier::Scim),
        (set("EmployeeNumber"), Carrier::Scim),
        (set("Division"), Carrier::Scim),
        (set("Department"), Carrier::Scim),
        (set("CommunityNickname"), Carrier::Scim),
        (set("Email"), Carrier::Scim),
        (set("UserRoleId"), Carrier::Scim),
        (set("ManagerId"), Carrier::Scim),
        (clear("Title"), Carrier::Scim),
        (clear("FirstName"), Carrier::Scim),
        (clear("ManagerId"), Carrier::Scim),
        (clear("UserRoleId"), Carrier::Scim),
        (clear("Department"), Carrier::Scim),
        (set("Username"), Carrier::Rest),
        (set("FederationIdentifier"), Carrier::Rest),
        (set("Phone"), Carrier::Rest),
        (set("MobilePhone"), Carrier::Rest),
        (set("Fax"), Carrier::Rest),
        (clear("Fax"), Carrier::Rest),
        (clear("Email"), Carrier::Rest),
        (clear("CommunityNickname"), Carrier::Rest),
        (clear("LocaleSidKey"), Carrier::Rest),
        (set("Alias"), Carrier::Rest),
        (set("X__c"), Carrier::Rest),
        (set("City"), Carrier::Rest),
        (address.clone(), Carrier::Rest),
        (address.clone().with("Country", "5"), Carrier::Scim),
        (address.with("Country", Value::Null), Carrier::Rest),
        (set("Title").with("Phone", "1"), Carrier::Rest),
        (set("Title").with("IsActive", false).with("Department", Value::Null), Carrier::Scim),
    ];
    for (changes, expected) in rows {
        assert_eq!(carrier(&changes), expected, "{changes:?}");
    }
}

#[test]
fn a_patch_has_one_object_without_a_path() {
    let changes = Record::new().with("IsActive", false).with("FirstName", "A").with("Title", Value::Null);
    let changes = changes.with("ManagerId", "005M").with("Department", Value::Null);
    assert_eq!(
        patch_user(&changes, &Urns::default()),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [
                { "op": "replace", "value": {
                    "name": { "givenName": "A" }, "active": false, "manager": { "value": "005M" }
                } },
                { "op": "remove", "path": "department" },
                { "op": "remove", "path": "title" }
            ]
        })
    );
    let only_clear = patch_user(&Record::new().with("FirstName", Value::Null), &Urns::default());
    assert_eq!(only_clear["Operations"], json!([{ "op": "remove", "path": "givenName" }]));
}

#[test]
fn members_come_wrapped_in_an_object() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        change_members(&ids(&["005A", "005B"]), &ids(&["005C"])),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [
                { "op": "remove", "path": "members", "value": { "members": [{ "value": "005C" }] } },
                { "op": "add", "path": "members", "value": { "members": [{ "value": "005A" }, { "value": "005B" }] } }
            ]
        })
    );
    assert_eq!(change_members(&[], &ids(&["005C"]))["Operations"].as_array().unwrap().len(), 1);
}

#[test]
fn filters_are_quoted_and_never_hold_an_apostrophe() {
    let rows = [
        (equals(USER_NAME, "ada@example.com"), r#"userName eq "ada@example.com""#),
        (equals(USER_FEDERATION_ID, r#"a"b\c"#), r#"externalId eq "a\"b\\c""#),
        (equals(USER_NAME, "o'neil@example.com"), r#"userName sw "o" and userName ew "neil@example.com""#),
        (equals(GROUP_NAME, "a'b'c"), r#"displayName sw "a" and displayName co "b" and displayName ew "c""#),
        (equals(GROUP_NAME, "'s"), r#"displayName ew "s""#),
        (equals(GROUP_NAME, "'"), "displayName pr"),
        (after("a eq \"1\" or b pr", "005A"), r#"(a eq "1" or b pr) and (id gt "005A")"#),
    ];
    for (filter, expected) in rows {
        assert_eq!(filter, expected);
    }
}
