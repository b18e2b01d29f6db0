//! What Microsoft's SCIM validator asks: 25 mandatory tests and 7 of its preview. It fills attributes with random text and
//! writes booleans as text.

use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Idp, PATCH_OP, Style, USER, account, has, none, refused, sorted};

const VALIDATOR: Style = Style { content_type: Some("application/scim+json; charset=utf-8"), headers: &[] };

/// Its user: a country that is none, a locale and a profile that are random text, the primary role as text, a manager
/// who does not exist.
fn user(name: &str) -> Value {
    json!({
        "active": true,
        "addresses": [{
            "type": "work", "formatted": "1 Main", "streetAddress": "1 Main St", "locality": "Leeds", "region": "Y",
            "postalCode": "LS1", "primary": true, "country": "Gibraltar"
        }],
        "displayName": "Qx", "emails": [{ "type": "work", "value": format!("{name}@parisian.example"), "primary": true }],
        "locale": "HN",
        "name": {
            "givenName": "Aida", "familyName": "Chandler", "formatted": "Hyman", "middleName": "Haylie",
            "honorificPrefix": "Athena", "honorificSuffix": "Brooks"
        },
        "nickName": format!("Crl {name}"),
        "phoneNumbers": [
            { "type": "work", "value": "0-351-9540", "primary": true }, { "type": "mobile", "value": "0-351-9541" },
            { "type": "fax", "value": "0-351-9542" }
        ],
        "preferredLanguage": "lu", "profileUrl": "RQ",
        "roles": [{ "primary": "True", "display": "Dx", "value": "Rx", "type": "Tx" }],
        "schemas": [USER, ENTERPRISE], "timezone": "America/Goose_Bay", "title": "Owo",
        "userName": format!("{name}@bode.example"), "userType": "Qw",
        (ENTERPRISE): {
            "employeeNumber": "LL", "department": "BY", "costCenter": "UN", "organization": "CH", "division": "OS",
            "manager": { "value": "BGKA" }
        }
    })
}

/// One operation for each attribute. The list that goes with it says what is stored afterwards.
fn verbose(op: &str, nick: &str) -> (Value, Value) {
    let enterprise = |name: &str| format!("{ENTERPRISE}:{name}");
    let set = |path: &str, value: &str| json!({ "op": op, "path": path, "value": value });
    let operations = vec![
        set("addresses[type eq \"work\"].formatted", "2 Side"),
        set("addresses[type eq \"work\"].streetAddress", "2 Side St"),
        set("addresses[type eq \"work\"].locality", "York"),
        set("addresses[type eq \"work\"].region", "Z"),
        set("addresses[type eq \"work\"].postalCode", "YO1"),
        json!({ "op": op, "path": "addresses[type eq \"work\"].primary", "value": "True" }),
        set("addresses[type eq \"work\"].country", "Saint Helena"),
        set("displayName", "Vz"),
        set("emails[type eq \"work\"].value", "lottie@bernier.example"),
        json!({ "op": op, "path": "emails[type eq \"work\"].primary", "value": true }),
        set("locale", "ZM"),
        set("name.givenName", "Lenora"),
        set("name.familyName", "Kihn"),
        set("name.formatted", "Coby"),
        set("name.middleName", "Ned"),
        set("name.honorificPrefix", "Ava"),
        set("name.honorificSuffix", "Lea"),
        set("nickName", nick),
        set("phoneNumbers[type eq \"work\"].value", "9-1"),
        json!({ "op": op, "path": "phoneNumbers[type eq \"work\"].primary", "value": true }),
        set("phoneNumbers[type eq \"mobile\"].value", "9-2"),
        set("phoneNumbers[type eq \"fax\"].value", "9-3"),
        set("preferredLanguage", "wo"),
        set("profileUrl", "KX"),
        set("roles[primary eq \"True\"].display", "Dy"),
        set("roles[primary eq \"True\"].value", "Ry"),
        set("roles[primary eq \"True\"].type", "Ty"),
        set("timezone", "Africa/Malabo"),
        set("title", "Ovo"),
        set("userType", "Qv"),
        set(&enterprise("employeeNumber"), "MM"),
        set(&enterprise("department"), "BZ"),
        set(&enterprise("costCenter"), "UO"),
        set(&enterprise("organization"), "CI"),
        set(&enterprise("division"), "OT"),
    ];
    let stored = json!({
        "addresses": [{
            "type": "work", "formatted": "2 Side", "streetAddress": "2 Side St", "locality": "York", "region": "Z",
            "postalCode": "YO1", "primary": true, "country": "Saint Helena"
        }],
        "displayName": "Vz", "emails": [{ "type": "work", "value": "lottie@bernier.example", "primary": true }],
        "locale": "ZM",
        "name": {
            "givenName": "Lenora", "familyName": "Kihn", "formatted": "Coby", "middleName": "Ned",
            "honorificPrefix": "Ava", "honorificSuffix": "Lea"
        },
        "nickName": nick,
        "phoneNumbers": [
            { "type": "work", "value": "9-1", "primary": true }, { "type": "mobile", "value": "9-2" },
            { "type": "fax", "value": "9-3" }
        ],
        "preferredLanguage": "wo", "profileUrl": "KX",
        "roles": [{ "primary": true, "display": "Dy", "value": "Ry", "type": "Ty" }],
        "timezone": "Africa/Malabo", "title": "Ovo", "userType": "Qv",
        (ENTERPRISE): {
            "employeeNumber": "MM", "department": "BZ", "costCenter": "UO", "organization": "CI", "division": "OT"
        }
    });
    (Value::from(operations), stored)
}

both_engines! {
    /// Create a user; the same again is 409; filter for one who is there, in other letters, and for one who is not.
    async fn validator_creates_and_finds_users(engine: Engine) {
        let validator = Idp::start(&engine, &VALIDATOR).await;
        let id = validator.create("/Users", &user("isaias")).await;
        let mut expected = user("isaias");
        expected["roles"][0]["primary"] = json!(true);
        validator.stored(&format!("/Users/{id}"), &expected).await;
        refused(&validator.send("POST", "/Users", &user("isaias")).await, 409, Some("uniqueness"));
        for name in ["isaias@bode.example", "ISAIAS@BODE.EXAMPLE"] {
            assert_eq!(validator.found(&format!("/Users?filter=userName+eq+%22{name}%22")).await, [id.as_str()]);
        }
        none(&validator.get("/Users?filter=userName+eq+%22nobody%40bode.example%22").await);
        account(&validator.delivered().await, "isaias@bode.example", &json!({
            "FirstName": "Aida", "LastName": "Chandler", "Email": "isaias@parisian.example", "Title": "Owo"
        }));
    }

    /// PATCH of every attribute, one operation each, `Replace` where all have values and `Add` where none has.
    async fn validator_patches_all_attributes(engine: Engine) {
        let validator = Idp::start(&engine, &VALIDATOR).await;
        let full = validator.create("/Users", &user("full")).await;
        let bare = json!({ "schemas": [USER], "userName": "bare@bode.example" });
        let bare = validator.create("/Users", &bare).await;
        for (op, id) in [("Replace", &full), ("Add", &bare), ("replace", &full), ("add", &full)] {
            // Nick names are one person's alone in an org.
            let (operations, expected) = verbose(op, &format!("N{id}"));
            let path = format!("/Users/{id}");
            has(&validator.patch(&path, operations).await, &expected);
            validator.stored(&path, &expected).await;
        }
        account(&validator.delivered().await, "full@bode.example", &json!({
            "FirstName": "Lenora", "LastName": "Kihn", "Department": "BZ", "City": "York"
        }));
    }

    /// PATCH of the userName; disable; add, replace and remove the manager, who is random text.
    async fn validator_patches_user_name_active_and_manager(engine: Engine) {
        let validator = Idp::start(&engine, &VALIDATOR).await;
        let path = format!("/Users/{}", validator.create("/Users", &user("isaias")).await);
        let manager = format!("{ENTERPRISE}:manager");
        for (operation, expected) in [
            (
                json!({ "op": "Replace", "path": "userName", "value": "renamed@bode.example" }),
                json!({ "userName": "renamed@bode.example" }),
            ),
            (json!({ "op": "Replace", "path": "active", "value": false }), json!({ "active": false })),
            (json!({ "op": "Replace", "path": "active", "value": "True" }), json!({ "active": true })),
            (
                json!({ "op": "Replace", "value": { (manager.as_str()): "ADXK" } }),
                json!({ (ENTERPRISE): { "manager": { "value": "ADXK" } } }),
            ),
            (
                json!({ "op": "Remove", "path": manager }),
                json!({ (ENTERPRISE): { "manager": null, "division": "OS" } }),
            ),
            (
                json!({ "op": "Add", "path": manager, "value": "QQRT" }),
                json!({ (ENTERPRISE): { "manager": { "value": "QQRT" } } }),
            ),
            (
                json!({ "op": "Replace", "path": manager, "value": "" }),
                json!({ (ENTERPRISE): { "manager": null, "division": "OS" } }),
            ),
            (json!({ "op": "Replace", "path": "active", "value": "False" }), json!({ "active": false })),
        ] {
            has(&validator.patch(&path, json!([operation])).await, &expected);
            validator.stored(&path, &expected).await;
        }
        none(&validator.get("/Users?filter=userName+eq+%22isaias%40bode.example%22").await);
        account(&validator.delivered().await, "renamed@bode.example", &json!({ "IsActive": false, "Manager": null }));
    }

    /// Delete a user: 204, then 404 for whatever is asked of it. Who never was is 404 as well.
    async fn validator_deletes_users(engine: Engine) {
        let validator = Idp::start(&engine, &VALIDATOR).await;
        let path = format!("/Users/{}", validator.create("/Users", &user("isaias")).await);
        assert_eq!(validator.send("DELETE", &path, &Value::Null).await.status, 204);
        refused(&validator.get(&path).await, 404, None);
        refused(&validator.send("DELETE", &path, &Value::Null).await, 404, None);
        let never = "/Users/0d0b9a3a-7d5f-4b8f-9a57-3a0a5b1f0c11";
        refused(&validator.send("DELETE", never, &Value::Null).await, 404, None);
    }

    /// Create a group; the same again is 409; read and filter without members, also in other letters; rename; PATCH of
    /// the externalId; delete, and delete again.
    async fn validator_groups(engine: Engine) {
        let validator = Idp::start(&engine, &VALIDATOR).await;
        let ada = validator.somebody("ada").await;
        let body = json!({ "externalId": "60e5a8b1", "displayName": "Kassulke", "schemas": [GROUP], "members": [] });
        let id = validator.create("/Groups", &body).await;
        let path = format!("/Groups/{id}");
        refused(&validator.send("POST", "/Groups", &body).await, 409, Some("uniqueness"));
        let add = json!([{ "op": "replace", "path": "members", "value": [{ "value": ada }] }]);
        has(&validator.patch(&path, add).await, &json!({ "members": [{ "value": ada }] }));
        let without = format!("{path}?excludedAttributes=members");
        validator.stored(&without, &json!({ "displayName": "Kassulke", "members": null })).await;
        for name in ["Kassulke", "KASSULKE"] {
            let list = format!("/Groups?excludedAttributes=members&filter=displayName+eq+%22{name}%22");
            let found = validator.get(&list).await;
            has(&found.body, &json!({ "totalResults": 1, "Resources": [{ "id": id, "members": null }] }));
        }
        none(&validator.get("/Groups?excludedAttributes=members&filter=displayName+eq+%22Nothing%22").await);
        let answer = validator.patch(&path, json!([{ "op": "replace", "value": { "externalId": "7f01" } }])).await;
        has(&answer, &json!({ "externalId": "7f01", "members": [{ "value": ada }] }));
        let answer = validator.patch(&path, json!([{ "op": "replace", "value": { "displayName": "Wintheiser" } }])).await;
        has(&answer, &json!({ "displayName": "Wintheiser", "externalId": "7f01" }));
        let org = validator.delivered().await;
        assert_eq!(org.members("Wintheiser"), Some(vec!["ada@example.com".to_owned()]));
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{ada}\"]") }]);
        has(&validator.patch(&path, remove).await, &json!({ "members": null }));
        assert_eq!(validator.send("DELETE", &path, &Value::Null).await.status, 204);
        refused(&validator.send("DELETE", &path, &Value::Null).await, 404, None);
        let never = "/Groups/0d0b9a3a-7d5f-4b8f-9a57-3a0a5b1f0c11";
        refused(&validator.send("DELETE", never, &Value::Null).await, 404, None);
        assert!(validator.delivered().await.groups().is_empty());
    }

    /// Preview: several operations in one request, on different attributes and on the same one, in order; members added
    /// and removed at once.
    async fn validator_sends_several_operations(engine: Engine) {
        let validator = Idp::start(&engine, &VALIDATOR).await;
        let path = format!("/Users/{}", validator.create("/Users", &user("isaias")).await);
        let different = json!([
            { "op": "remove", "path": "phoneNumbers[type eq \"work\"].value" },
            { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "other@parisian.example" },
            { "op": "replace", "path": "emails[type eq \"work\"].primary", "value": false },
            { "op": "replace", "value": { "displayName": "Nellie", "name.formatted": "Nellie H" } }
        ]);
        let expected = json!({
            "displayName": "Nellie", "name": { "formatted": "Nellie H", "givenName": "Aida" },
            "emails": [{ "value": "other@parisian.example", "primary": false }],
            "phoneNumbers": [{ "type": "mobile" }, { "type": "fax" }]
        });
        has(&validator.patch(&path, different).await, &expected);
        validator.stored(&path, &expected).await;
        let same = json!([
            { "op": "replace", "path": "displayName", "value": "One" }, { "op": "remove", "path": "displayName" },
            { "op": "add", "path": "displayName", "value": "Two" }
        ]);
        has(&validator.patch(&path, same).await, &json!({ "displayName": "Two" }));
        let (ada, bob) = (validator.somebody("ada").await, validator.somebody("bob").await);
        let body = json!({ "displayName": "Kassulke", "schemas": [GROUP], "members": [{ "value": ada }] });
        let group = validator.create("/Groups", &body).await;
        let both = json!({ "schemas": [PATCH_OP], "Operations": [
            { "op": "remove", "path": format!("members[value eq \"{ada}\"]") },
            { "op": "add", "path": "members", "value": [{ "$ref": null, "value": bob }] }
        ] });
        assert_eq!(validator.send("PATCH", &format!("/Groups/{group}"), &both).await.status, 200);
        assert_eq!(validator.members(&group).await, sorted(&[&bob]));
        account(&validator.delivered().await, "isaias@bode.example", &json!({ "Phone": null, "MobilePhone": "0-351-9541" }));
    }
}
