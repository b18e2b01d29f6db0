//! Keycloak's plug-ins: POST without look-up, PUT of whole resources, PATCH by option. A PUT answered 400 or 404 makes them
//! create the resource once more.

use serde_json::{Value, json};

use super::{GROUP, Idp, PATCH_OP, Style, USER, account, has, none, refused, sorted};

const KEYCLOAK: Style = Style { content_type: Some("application/scim+json"), headers: &[] };

fn ada() -> Value {
    json!({
        "schemas": [USER], "externalId": "f3a1", "userName": "ada@keycloak.example", "displayName": "Ada Lovelace",
        "name": { "givenName": "Ada", "familyName": "Lovelace" }, "active": true,
        "emails": [{ "value": "ada@keycloak.example", "primary": true }], "roles": [], "groups": [],
        "meta": { "resourceType": "User", "location": "Users/none" }
    })
}

both_engines! {
    /// A PUT is 200 whatever it holds that nobody knows, since 400 would make the person twice.
    async fn keycloak_replaces_a_user(engine: Engine) {
        let keycloak = Idp::start(&engine, &KEYCLOAK).await;
        let id = keycloak.create("/Users", &ada()).await;
        let path = format!("/Users/{id}");
        let mut body = ada();
        body["id"] = json!(id);
        body["displayName"] = json!("Ada King");
        body["attributes"] = json!({ "colour": ["green"] });
        body["emails"] = json!([{ "value": "ada@keycloak.example", "primary": "true", "verified": true }]);
        body["urn:keycloak:custom"] = json!({ "x": 1 });
        let answer = keycloak.send("PUT", &path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let expected = json!({
            "schemas": [USER], "id": id, "displayName": "Ada King", "attributes": null,
            "emails": [{ "value": "ada@keycloak.example", "primary": true, "verified": null }]
        });
        has(&answer.body, &expected);
        keycloak.stored(&path, &expected).await;
        assert_eq!(keycloak.found("/Users?filter=externalId eq \"f3a1\"").await, [id.as_str()]);
        account(&keycloak.delivered().await, "ada@keycloak.example", &json!({ "LastName": "Lovelace" }));
        assert_eq!(keycloak.send("DELETE", &path, &Value::Null).await.status, 204);
        none(&keycloak.get("/Users?filter=externalId eq \"f3a1\"").await);
    }

    /// What was deleted meanwhile is 404 to a PUT, and made again by a POST of the same name and `externalId`: one person,
    /// one group.
    async fn keycloak_creates_again_what_is_gone(engine: Engine) {
        let keycloak = Idp::start(&engine, &KEYCLOAK).await;
        let group = json!({ "schemas": [GROUP], "externalId": "e7", "displayName": "Sales" });
        for (endpoint, body) in [("/Users", ada()), ("/Groups", group)] {
            let path = format!("{endpoint}/{}", keycloak.create(endpoint, &body).await);
            keycloak.delivered().await;
            assert_eq!(keycloak.send("DELETE", &path, &Value::Null).await.status, 204);
            refused(&keycloak.send("PUT", &path, &body).await, 404, None);
            let id = keycloak.create(endpoint, &body).await;
            let externally = body["externalId"].as_str().expect("a text");
            assert_eq!(keycloak.found(&format!("{endpoint}?filter=externalId eq \"{externally}\"")).await, [id.as_str()]);
            assert_eq!(keycloak.send("PUT", &format!("{endpoint}/{id}"), &body).await.status, 200);
        }
        let org = keycloak.delivered().await;
        assert_eq!((org.users().len(), org.groups()), (1, vec!["Sales"]));
        account(&org, "ada@keycloak.example", &json!({ "IsActive": true }));
    }

    /// `active` as text (mitodl, pelotech) and as a boolean (little-auth).
    async fn keycloak_patches_a_user(engine: Engine) {
        let keycloak = Idp::start(&engine, &KEYCLOAK).await;
        let path = format!("/Users/{}", keycloak.create("/Users", &ada()).await);
        for (value, active) in [(json!("false"), false), (json!("true"), true), (json!(false), false)] {
            let answer = keycloak.patch(&path, json!([
                { "op": "replace", "path": "active", "value": value },
                { "op": "replace", "path": "userName", "value": "king@keycloak.example" },
                { "op": "replace", "path": "displayName", "value": "Ada King" }
            ])).await;
            let expected = json!({ "active": active, "userName": "king@keycloak.example", "displayName": "Ada King" });
            has(&answer, &expected);
            keycloak.stored(&path, &expected).await;
        }
        account(&keycloak.delivered().await, "king@keycloak.example", &json!({ "IsActive": false }));
    }

    /// A bug of scim-for-keycloak: the object without path comes as JSON text.
    async fn keycloak_reconciles_with_json_text(engine: Engine) {
        let keycloak = Idp::start(&engine, &KEYCLOAK).await;
        let path = format!("/Users/{}", keycloak.create("/Users", &ada()).await);
        let text = json!({ "active": false, "displayName": "Ada King", "id": "another" }).to_string();
        let answer = keycloak.patch(&path, json!([{ "op": "replace", "value": text }])).await;
        has(&answer, &json!({ "active": false, "displayName": "Ada King" }));
        keycloak.stored(&path, &json!({ "active": false, "displayName": "Ada King" })).await;
    }

    /// A group by PUT with references that are relative; without `members` it has none.
    async fn keycloak_replaces_a_group(engine: Engine) {
        let keycloak = Idp::start(&engine, &KEYCLOAK).await;
        let (ada, bob) = (keycloak.somebody("ada").await, keycloak.somebody("bob").await);
        let member = |id: &str| json!({ "value": id, "$ref": format!("Users/{id}") });
        let body = json!({ "schemas": [GROUP], "externalId": "e7", "displayName": "Sales", "members": [member(&ada)] });
        let group = keycloak.create("/Groups", &body).await;
        let path = format!("/Groups/{group}");
        let base = keycloak.app.base().to_owned();
        keycloak.stored(&path, &json!({ "members": [{ "value": ada, "$ref": format!("{base}/Users/{ada}") }] })).await;
        for members in [Some(vec![&ada, &bob]), None, Some(vec![&bob])] {
            let mut body = json!({ "schemas": [GROUP], "id": group, "externalId": "e7", "displayName": "Sales" });
            if let Some(members) = &members {
                body["members"] = members.iter().map(|id| member(id)).collect();
            }
            let answer = keycloak.send("PUT", &path, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let ids: Vec<&str> = members.into_iter().flatten().map(String::as_str).collect();
            assert_eq!(keycloak.members(&group).await, sorted(&ids));
        }
        assert_eq!(keycloak.delivered().await.members("Sales"), Some(vec!["bob@example.com".to_owned()]));
    }

    /// A group by PATCH: members replaced, or removed without saying which, which is all of them; a member removed by a
    /// filter and another added (scim-for-keycloak).
    async fn keycloak_patches_a_group(engine: Engine) {
        let keycloak = Idp::start(&engine, &KEYCLOAK).await;
        let (ada, bob) = (keycloak.somebody("ada").await, keycloak.somebody("bob").await);
        let group = keycloak.create("/Groups", &json!({ "schemas": [GROUP], "displayName": "Sales" })).await;
        let path = format!("/Groups/{group}");
        let member = |id: &str| json!({ "value": id, "$ref": format!("Users/{id}") });
        for (operations, expected) in [
            (
                json!([
                    { "op": "replace", "path": "members", "value": [member(&ada), member(&bob)] },
                    { "op": "replace", "path": "displayName", "value": "Sales EMEA" },
                    { "op": "replace", "path": "externalId", "value": "e8" }
                ]),
                vec![&ada, &bob],
            ),
            (json!([{ "op": "remove", "path": "members" }]), vec![]),
            (json!([{ "op": "replace", "path": "members", "value": [member(&ada)] }]), vec![&ada]),
            (
                json!([
                    { "op": "remove", "path": format!("members[value eq \"{ada}\"]") },
                    { "op": "add", "path": "members", "value": [member(&bob)] }
                ]),
                vec![&bob],
            ),
        ] {
            let body = json!({ "schemas": [PATCH_OP], "Operations": operations });
            assert_eq!(keycloak.send("PATCH", &path, &body).await.status, 200, "{body}");
            let ids: Vec<&str> = expected.into_iter().map(String::as_str).collect();
            assert_eq!(keycloak.members(&group).await, sorted(&ids), "{body}");
        }
        keycloak.stored(&path, &json!({ "displayName": "Sales EMEA", "externalId": "e8" })).await;
        assert_eq!(keycloak.delivered().await.members("Sales EMEA"), Some(vec!["bob@example.com".to_owned()]));
    }
}
