//! JumpCloud: PUT with `id` in the body, null and `[]` for lists.

use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Idp, Style, USER, account, has, none, refused, sorted};

const JUMPCLOUD: Style = Style { content_type: Some("application/scim+json"), headers: &[] };

fn ada() -> Value {
    json!({
        "active": true,
        "addresses": [{
            "country": "US", "locality": "Boulder", "postalCode": "80302", "primary": true, "region": "CO",
            "streetAddress": "361 Centennial Pkwy", "type": "work"
        }],
        "displayName": "Ada Lovelace", "emails": [{ "primary": true, "type": "work", "value": "ada@jumpcloud.example" }],
        "externalId": "66e2a1", "locale": "en-US", "name": { "familyName": "Lovelace", "givenName": "Ada" },
        "phoneNumbers": [{ "primary": true, "type": "work", "value": "tel:+1-555-555-5555" }],
        "preferredLanguage": "en-US", "schemas": [USER, ENTERPRISE], "userName": "ada@jumpcloud.example"
    })
}

both_engines! {
    /// Activation makes a test user and a test group, updates both and deletes them. The enterprise extension is named
    /// in `schemas` and not there.
    async fn jumpcloud_activates(engine: Engine) {
        let jumpcloud = Idp::start(&engine, &JUMPCLOUD).await;
        none(&jumpcloud.get("/Users").await);
        none(&jumpcloud.get("/Groups").await);
        let user = format!("/Users/{}", jumpcloud.create("/Users", &ada()).await);
        let body = json!({ "schemas": [GROUP], "displayName": "JumpCloud Test", "members": [] });
        let group = format!("/Groups/{}", jumpcloud.create("/Groups", &body).await);
        jumpcloud.stored(&user, &json!({ "schemas": [USER], "locale": "en-US", (ENTERPRISE): null })).await;
        account(&jumpcloud.delivered().await, "ada@jumpcloud.example", &json!({
            "City": "Boulder", "Country": "US", "Phone": "tel:+1-555-555-5555", "FederationIdentifier": "66e2a1"
        }));
        let mut changed = ada();
        changed["active"] = json!(false);
        assert_eq!(jumpcloud.send("PUT", &user, &changed).await.status, 200);
        let mut renamed = body.clone();
        renamed["displayName"] = json!("JumpCloud Test 2");
        assert_eq!(jumpcloud.send("PUT", &group, &renamed).await.status, 200);
        for path in [&user, &group] {
            assert_eq!(jumpcloud.send("DELETE", path, &Value::Null).await.status, 204);
            refused(&jumpcloud.get(path).await, 404, None);
        }
        let org = jumpcloud.delivered().await;
        account(&org, "ada@jumpcloud.example", &json!({ "IsActive": false }));
        assert!(org.groups().is_empty());
    }

    /// Members are added and removed by lists.
    async fn jumpcloud_changes_members(engine: Engine) {
        let jumpcloud = Idp::start(&engine, &JUMPCLOUD).await;
        let (ada, bob) = (jumpcloud.somebody("ada").await, jumpcloud.somebody("bob").await);
        let body = json!({ "schemas": [GROUP], "displayName": "Sales", "members": [] });
        let group = jumpcloud.create("/Groups", &body).await;
        let path = format!("/Groups/{group}");
        for (op, ids, left) in [
            ("add", vec![&ada, &bob], vec![ada.as_str(), bob.as_str()]),
            ("remove", vec![&ada], vec![bob.as_str()]),
            ("remove", vec![&ada], vec![bob.as_str()]),
            ("add", vec![&ada], vec![ada.as_str(), bob.as_str()]),
            ("remove", vec![&bob], vec![ada.as_str()]),
        ] {
            let members: Vec<Value> = ids.into_iter().map(|id| json!({ "value": id })).collect();
            jumpcloud.patch(&path, json!([{ "op": op, "path": "members", "value": members }])).await;
            assert_eq!(jumpcloud.members(&group).await, sorted(&left), "{op}");
        }
        assert_eq!(jumpcloud.delivered().await.members("Sales"), Some(vec!["ada@example.com".to_owned()]));
    }

    /// A PUT with `id`, empty lists and a photo; then a minimal one with `emails` null: null and `[]` are no value, what is
    /// left out is cleared, but for `externalId`, by which people log in.
    async fn jumpcloud_replaces(engine: Engine) {
        let jumpcloud = Idp::start(&engine, &JUMPCLOUD).await;
        let id = jumpcloud.create("/Users", &ada()).await;
        let path = format!("/Users/{id}");
        let mut body = ada();
        body["id"] = json!(id);
        body["addresses"] = json!([]);
        body["phoneNumbers"] = json!([]);
        body["photos"] = json!([{ "value": "https://jumpcloud.example/ada.png" }]);
        body[ENTERPRISE] = json!({ "department": "Research" });
        let answer = jumpcloud.send("PUT", &path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let expected = json!({
            "id": id, "addresses": null, "phoneNumbers": null, "photos": [{ "value": "https://jumpcloud.example/ada.png" }],
            "displayName": "Ada Lovelace", (ENTERPRISE): { "department": "Research" }
        });
        has(&answer.body, &expected);
        jumpcloud.stored(&path, &expected).await;
        let minimal = json!({
            "schemas": [USER, ENTERPRISE], "id": id, "userName": "ada@jumpcloud.example", "active": true, "emails": null,
            "name": { "familyName": "Lovelace", "givenName": "Ada" }, "addresses": [], "phoneNumbers": []
        });
        assert_eq!(jumpcloud.send("PUT", &path, &minimal).await.status, 200);
        let expected = json!({ "emails": null, "displayName": null, "externalId": "66e2a1", (ENTERPRISE): null });
        jumpcloud.stored(&path, &expected).await;
        // The name of the user has the shape of an address, and Salesforce must have one.
        account(&jumpcloud.delivered().await, "ada@jumpcloud.example", &json!({
            "City": null, "Phone": null, "Department": null, "Email": "ada@jumpcloud.example",
            "FederationIdentifier": "66e2a1"
        }));
    }
}
