//! HelloID, the generic SCIM target and the one for Salesforce: endpoints in lower case, indices from 0, paths without
//! filters.

use serde_json::{Value, json};

use super::{GROUP, Idp, LIST, Style, USER, account, has, sorted};

const HELLOID: Style = Style { content_type: Some("application/json"), headers: &[("Accept", "application/json")] };

fn vincent() -> Value {
    json!({
        "schemas": [USER], "externalId": "10042", "userName": "v.gogh@helloid.example", "active": false,
        "name": { "givenName": "Vincent", "familyName": "Gogh", "familyNamePrefix": "van", "formatted": "Vincent van Gogh" },
        "emails": [{ "value": "v.gogh@helloid.example", "type": "work", "primary": "True" }], "meta": { "resourceType": "User" }
    })
}

both_engines! {
    /// Everything is listed, at `/users` and `/groups` in lower case, from an index of 0, which is 1; each page begins at
    /// the number of those read so far, so that one is read twice and nobody missed.
    async fn helloid_lists_everything(engine: Engine) {
        let helloid = Idp::start(&engine, &HELLOID).await;
        let mut all = Vec::new();
        for n in 0..5 {
            all.push(helloid.somebody(&format!("u{n}")).await);
        }
        for endpoint in ["/Users", "/users"] {
            let mut seen = Vec::new();
            loop {
                let page = helloid.get(&format!("{endpoint}?startIndex={}&count=2", seen.len())).await.body;
                has(&page, &json!({ "schemas": [LIST], "totalResults": 5 }));
                let resources = page["Resources"].as_array().expect("Resources");
                seen.extend(resources.iter().map(|r| r["id"].as_str().expect("an id").to_owned()));
                if resources.is_empty() || seen.len() > 5 {
                    break;
                }
            }
            seen.sort();
            seen.dedup();
            all.sort();
            assert_eq!(seen, all, "{endpoint}");
        }
        assert_eq!(helloid.get("/users?startIndex=0&count=20").await.body["startIndex"], 1);
        assert!(helloid.found("/groups?startIndex=0&count=20").await.is_empty());
    }

    /// A name part that nobody knows is dropped; the primary address by text; created inactive and enabled after, by an
    /// answer with a body that has the `id`.
    async fn helloid_creates_and_enables(engine: Engine) {
        let helloid = Idp::start(&engine, &HELLOID).await;
        let id = helloid.create("/users", &vincent()).await;
        let path = format!("/users/{id}");
        helloid.stored(&path, &json!({
            "active": false, "name": { "givenName": "Vincent", "familyName": "Gogh", "familyNamePrefix": null },
            "emails": [{ "value": "v.gogh@helloid.example", "type": "work", "primary": true }]
        })).await;
        for active in [true, false, true] {
            let answer = helloid.patch(&path, json!([{ "op": "Replace", "path": "active", "value": active }])).await;
            has(&answer, &json!({ "id": id, "active": active }));
        }
        account(&helloid.delivered().await, "v.gogh@helloid.example", &json!({ "IsActive": true, "LastName": "Gogh" }));
    }

    /// Names of attributes in any case. `emails.value` means that of the primary address, else of the only one, else of
    /// the one of type work, which is made where there is none.
    async fn helloid_updates(engine: Engine) {
        let helloid = Idp::start(&engine, &HELLOID).await;
        let full = format!("/users/{}", helloid.create("/users", &vincent()).await);
        let bare = json!({ "schemas": [USER], "userName": "bare@helloid.example", "name": { "familyName": "B" } });
        let bare = format!("/users/{}", helloid.create("/users", &bare).await);
        let replace = |path: &str, value: Value| json!({ "op": "Replace", "path": path, "value": value });
        for (n, path) in [&full, &bare].into_iter().enumerate() {
            helloid.patch(path, json!([
                replace("externalId", json!(format!("1004{n}"))),
                replace("userName", json!(format!("v{n}@helloid.example"))),
                replace("name.givenName", json!("Theo")),
                replace("name.Formatted", json!("Theo van Gogh")),
                replace("name.FamilyName", json!("Gogh")),
                replace("name.familyNamePrefix", json!("van")),
                replace("emails.value", json!(format!("theo{n}@helloid.example"))),
                replace("emails.primary", json!("True")),
                replace("emails.type", json!("work"))
            ])).await;
            helloid.stored(path, &json!({
                "externalId": format!("1004{n}"), "userName": format!("v{n}@helloid.example"),
                "name": { "givenName": "Theo", "formatted": "Theo van Gogh", "familyName": "Gogh" },
                "emails": [{ "value": format!("theo{n}@helloid.example"), "primary": true, "type": "work" }]
            })).await;
        }
        let several = json!([
            { "value": "home@helloid.example", "type": "home" }, { "value": "work@helloid.example", "type": "work" }
        ]);
        helloid.patch(&bare, json!([replace("emails", several), replace("emails.value", json!("x@helloid.example"))])).await;
        helloid.stored(&bare, &json!({
            "emails": [{ "value": "home@helloid.example" }, { "value": "x@helloid.example", "type": "work" }]
        })).await;
        account(&helloid.delivered().await, "v0@helloid.example", &json!({
            "FirstName": "Theo", "FederationIdentifier": "10040"
        }));
    }

    /// Members at `/groups/{id}` in lower case, removed by a list.
    async fn helloid_changes_members(engine: Engine) {
        let helloid = Idp::start(&engine, &HELLOID).await;
        let (ada, bob) = (helloid.somebody("ada").await, helloid.somebody("bob").await);
        let group = helloid.create("/groups", &json!({ "schemas": [GROUP], "displayName": "Sales" })).await;
        let path = format!("/groups/{group}");
        for (op, id, expected) in [("add", &ada, vec![&ada]), ("add", &bob, vec![&ada, &bob]), ("remove", &ada, vec![&bob])] {
            helloid.patch(&path, json!([{ "op": op, "path": "members", "value": [{ "value": id }] }])).await;
            let ids: Vec<&str> = expected.into_iter().map(String::as_str).collect();
            assert_eq!(helloid.members(&group).await, sorted(&ids), "{op} {id}");
        }
        assert_eq!(helloid.delivered().await.members("Sales"), Some(vec!["bob@example.com".to_owned()]));
    }

    /// The target for Salesforce itself: an entitlement that is a profile's id, `Replace` without path, and with paths to
    /// sub-attributes of lists; deleted is disabled.
    async fn helloid_for_salesforce(engine: Engine) {
        let helloid = Idp::start(&engine, &HELLOID).await;
        let mut body = vincent();
        body["entitlements"] = json!([{ "value": "00e000000000001AAA" }]);
        let id = helloid.create("/Users", &body).await;
        let path = format!("/Users/{id}");
        helloid.stored(&path, &json!({ "entitlements": [{ "value": "00e000000000001AAA" }] })).await;
        let answer = helloid.patch(&path, json!([
            { "op": "Replace", "value": { "active": true, "displayName": "Vincent" } },
            { "op": "Replace", "path": "emails.value", "value": "vincent@helloid.example" },
            { "op": "Replace", "path": "phoneNumbers.value", "value": "+31 20 570 5200" }
        ])).await;
        let expected = json!({
            "active": true, "displayName": "Vincent", "emails": [{ "value": "vincent@helloid.example", "primary": true }],
            "phoneNumbers": [{ "value": "+31 20 570 5200", "type": "work" }]
        });
        has(&answer, &expected);
        helloid.stored(&path, &expected).await;
        account(&helloid.delivered().await, "v.gogh@helloid.example", &json!({ "Phone": "+31 20 570 5200" }));
        has(&helloid.patch(&path, json!([{ "op": "Replace", "value": { "active": false } }])).await, &json!({ "active": false }));
        account(&helloid.delivered().await, "v.gogh@helloid.example", &json!({ "IsActive": false }));
    }
}
