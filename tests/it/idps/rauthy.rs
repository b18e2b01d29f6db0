//! Rauthy: looks for the externalId first and for the name after.

use serde_json::{Value, json};

use super::{GROUP, Idp, Style, USER, account, has, none};

const RAUTHY: Style = Style { content_type: Some("application/scim+json"), headers: &[] };

both_engines! {
    /// Found by either filter, replaced by PUT, deleted.
    async fn rauthy_provisions_a_user(engine: Engine) {
        let rauthy = Idp::start(&engine, &RAUTHY).await;
        let (by_id, by_name) =
            ("/Users?filter=externalId eq \"kVj9\"", "/Users?filter=userName eq \"ada@rauthy.example\"");
        none(&rauthy.get(by_id).await);
        none(&rauthy.get(by_name).await);
        let mut body = json!({
            "schemas": [USER], "externalId": "kVj9", "userName": "ada@rauthy.example", "active": true, "locale": "en",
            "name": { "givenName": "Ada", "familyName": "Lovelace" }, "displayName": "Ada Lovelace",
            "preferredLanguage": "en", "emails": [{ "value": "ada@rauthy.example", "primary": true }]
        });
        let id = rauthy.create("/Users", &body).await;
        for filter in [by_id, by_name] {
            assert_eq!(rauthy.found(filter).await, [id.as_str()]);
        }
        none(&rauthy.get("/Users?filter=externalId eq \"KVJ9\"").await);
        body["active"] = json!(false);
        let answer = rauthy.send("PUT", &format!("/Users/{id}"), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        rauthy.stored(&format!("/Users/{id}"), &json!({ "active": false, "externalId": "kVj9" })).await;
        account(&rauthy.delivered().await, "ada@rauthy.example", &json!({ "IsActive": false }));
        assert_eq!(rauthy.send("DELETE", &format!("/Users/{id}"), &Value::Null).await.status, 204);
        none(&rauthy.get(by_id).await);
    }

    /// Groups found by either filter, changed by PATCH with `replace`, `add` and `remove`.
    async fn rauthy_pushes_a_group(engine: Engine) {
        let rauthy = Idp::start(&engine, &RAUTHY).await;
        let (ada, bob) = (rauthy.somebody("ada").await, rauthy.somebody("bob").await);
        let body = json!({ "schemas": [GROUP], "externalId": "g7", "displayName": "Sales" });
        let group = rauthy.create("/Groups", &body).await;
        for filter in ["externalId eq \"g7\"", "displayName eq \"Sales\""] {
            assert_eq!(rauthy.found(&format!("/Groups?filter={filter}")).await, [group.as_str()]);
        }
        let path = format!("/Groups/{group}");
        let answer = rauthy.patch(&path, json!([
            { "op": "replace", "path": "displayName", "value": "Sales EMEA" },
            { "op": "add", "path": "members", "value": [{ "value": ada }, { "value": bob }] },
            { "op": "remove", "path": format!("members[value eq \"{ada}\"]") }
        ])).await;
        has(&answer, &json!({ "displayName": "Sales EMEA", "members": [{ "value": bob }] }));
        assert_eq!(rauthy.delivered().await.members("Sales EMEA"), Some(vec!["bob@example.com".to_owned()]));
    }
}
