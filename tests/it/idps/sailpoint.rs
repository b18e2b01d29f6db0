//! `SailPoint`'s SCIM 2.0 connector: discovery first, PATCH or PUT after.

use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Idp, LIST, Style, USER, account, has};

const SAILPOINT: Style = Style { content_type: Some("application/scim+json"), headers: &[] };

both_engines! {
    /// All of the discovery endpoints answer, lists as lists and single ones as objects.
    async fn sailpoint_discovers(engine: Engine) {
        let sailpoint = Idp::start(&engine, &SAILPOINT).await;
        sailpoint.stored("/ServiceProviderConfig", &json!({ "patch": { "supported": true } })).await;
        sailpoint.stored("/ResourceTypes", &json!({ "schemas": [LIST], "totalResults": 2 })).await;
        sailpoint.stored("/ResourceTypes/User", &json!({ "id": "User", "endpoint": "/Users", "schema": USER })).await;
        sailpoint.stored("/ResourceTypes/Group", &json!({ "id": "Group", "endpoint": "/Groups", "schema": GROUP })).await;
        sailpoint.stored("/Schemas", &json!({ "schemas": [LIST] })).await;
        sailpoint.stored(&format!("/Schemas/{USER}"), &json!({ "id": USER })).await;
        assert!(sailpoint.found("/Users?startIndex=1&count=100").await.is_empty());
    }

    /// `replace` of a complex attribute that has no value adds it; of one that has, leaves what it does not mention.
    async fn sailpoint_replaces_what_is_not_there(engine: Engine) {
        let sailpoint = Idp::start(&engine, &SAILPOINT).await;
        let boss = sailpoint.somebody("boss").await;
        let body = json!({ "schemas": [USER], "userName": "ada@sailpoint.example" });
        let path = format!("/Users/{}", sailpoint.create("/Users", &body).await);
        let manager = format!("{ENTERPRISE}:manager");
        sailpoint.patch(&path, json!([
            { "op": "replace", "path": "name", "value": { "familyName": "Lovelace" } },
            { "op": "replace", "path": "name", "value": { "givenName": "Ada" } },
            { "op": "replace", "path": manager, "value": { "value": boss } },
            { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Research" },
            { "op": "replace", "path": "emails[type eq \"work\"]", "value": { "value": "ada@work.example" } },
            { "op": "replace", "path": "addresses", "value": [{ "type": "work", "locality": "London" }] }
        ])).await;
        let expected = json!({
            "name": { "familyName": "Lovelace", "givenName": "Ada" },
            "emails": [{ "value": "ada@work.example", "type": "work" }],
            "addresses": [{ "type": "work", "locality": "London" }],
            (ENTERPRISE): { "department": "Research", "manager": { "value": boss } }
        });
        sailpoint.stored(&path, &expected).await;
        account(&sailpoint.delivered().await, "ada@sailpoint.example", &json!({
            "LastName": "Lovelace", "FirstName": "Ada", "City": "London", "Manager": "boss@example.com"
        }));
    }

    /// Groups through groups; `groups` of a user is read-only, and ignored in a PUT.
    async fn sailpoint_changes_groups(engine: Engine) {
        let sailpoint = Idp::start(&engine, &SAILPOINT).await;
        let ada = sailpoint.somebody("ada").await;
        let group = sailpoint.create("/Groups", &json!({ "schemas": [GROUP], "displayName": "Sales" })).await;
        let path = format!("/Groups/{group}");
        sailpoint.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }])).await;
        let user = format!("/Users/{ada}");
        let mut read = sailpoint.stored(&user, &json!({ "groups": [{ "value": group }] })).await;
        read["groups"] = json!([]);
        assert_eq!(sailpoint.send("PUT", &user, &read).await.status, 200);
        sailpoint.stored(&user, &json!({ "groups": [{ "value": group }] })).await;
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{ada}\"]") }]);
        has(&sailpoint.patch(&path, remove).await, &json!({ "members": null }));
        assert_eq!(sailpoint.send("DELETE", &user, &Value::Null).await.status, 204);
        assert_eq!(sailpoint.delivered().await.members("Sales"), Some(Vec::new()));
    }
}
