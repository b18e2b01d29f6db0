//! authentik: POST first and a filter on 409, PUT for people, PATCH for groups.

use serde_json::{Value, json};

use super::{GROUP, Idp, PATCH_OP, Style, USER, account, has, none, refused, sorted};

const AUTHENTIK: Style =
    Style { content_type: Some("application/scim+json"), headers: &[("Accept", "application/scim+json")] };

fn ada(active: bool) -> Value {
    json!({
        "schemas": [USER], "userName": "ada@authentik.example", "externalId": "5b0d", "active": active,
        "name": { "formatted": "Ada Lovelace", "givenName": "Ada", "familyName": "Lovelace" },
        "displayName": "Ada Lovelace", "photos": [], "groups": [],
        "emails": [{ "value": "ada@authentik.example", "type": "other", "primary": true }]
    })
}

both_engines! {
    /// Reads what the service can do. Whoever is there (409) is looked up, without quotes up to version 2025.8 and with
    /// them after, and replaced.
    async fn authentik_creates_or_finds_a_user(engine: Engine) {
        let authentik = Idp::start(&engine, &AUTHENTIK).await;
        let config = authentik.get("/ServiceProviderConfig").await.body;
        has(&config, &json!({ "patch": { "supported": true }, "filter": { "supported": true } }));
        let id = authentik.create("/Users", &ada(true)).await;
        refused(&authentik.send("POST", "/Users", &ada(true)).await, 409, Some("uniqueness"));
        for filter in ["userName%20eq%20ada@authentik.example", "userName%20eq%20%22ada@authentik.example%22"] {
            assert_eq!(authentik.found(&format!("/Users?filter={filter}")).await, [id.as_str()], "{filter}");
        }
        for filter in ["userName%20eq%20nobody", "userName%20eq%20%22nobody%22"] {
            none(&authentik.get(&format!("/Users?filter={filter}")).await);
        }
        let path = format!("/Users/{id}");
        let answer = authentik.send("PUT", &path, &ada(false)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        authentik.stored(&path, &json!({ "id": id, "active": false, "externalId": "5b0d", "photos": null })).await;
        account(&authentik.delivered().await, "ada@authentik.example", &json!({ "IsActive": false }));
        assert_eq!(authentik.send("DELETE", &path, &Value::Null).await.status, 204);
        refused(&authentik.send("PUT", &path, &ada(true)).await, 404, None);
    }

    /// Members added in chunks and removed by a list; renamed by the whole group without path, or by PUT; read again and
    /// compared: a 404 or a difference would make the group anew.
    async fn authentik_pushes_a_group(engine: Engine) {
        let authentik = Idp::start(&engine, &AUTHENTIK).await;
        let (ada, bob, eve) =
            (authentik.somebody("ada").await, authentik.somebody("bob").await, authentik.somebody("eve").await);
        none(&authentik.get("/Groups?filter=displayName%20eq%20%22Sales%22").await);
        let body = json!({ "schemas": [GROUP], "externalId": "7c1f", "displayName": "Sales" });
        let group = authentik.create("/Groups", &body).await;
        let path = format!("/Groups/{group}");
        refused(&authentik.send("POST", "/Groups", &body).await, 409, Some("uniqueness"));
        assert_eq!(authentik.found("/Groups?filter=displayName%20eq%20%22Sales%22").await, [group.as_str()]);
        let add = |ids: &[&String]| -> Value {
            let operation = |id: &&String| json!({ "op": "add", "path": "members", "value": [{ "value": id }] });
            ids.iter().map(operation).collect()
        };
        authentik.patch(&path, add(&[&ada, &bob])).await;
        authentik.patch(&path, add(&[&eve])).await;
        let remove = json!([{ "op": "remove", "path": "members", "value": [{ "value": bob }] }]);
        has(&authentik.patch(&path, remove).await, &json!({ "id": group, "displayName": "Sales" }));
        assert_eq!(authentik.members(&group).await, sorted(&[&ada, &eve]));
        let whole = json!([{ "op": "replace", "value": {
            "schemas": [GROUP], "id": group, "externalId": "7c1f", "displayName": "Sales EMEA"
        } }]);
        let expected = json!({ "id": group, "externalId": "7c1f", "displayName": "Sales EMEA" });
        has(&authentik.patch(&path, whole).await, &expected);
        authentik.stored(&path, &expected).await;
        assert_eq!(authentik.members(&group).await, sorted(&[&ada, &eve]), "the members stay");
        assert_eq!(authentik.found("/Groups?startIndex=1").await, [group.as_str()]);
        none_left(&authentik.get("/Groups?startIndex=2").await.body);
        let members = vec!["ada@example.com".to_owned(), "eve@example.com".to_owned()];
        assert_eq!(authentik.delivered().await.members("Sales EMEA"), Some(members));
        let mut whole = json!({ "schemas": [GROUP], "id": group, "externalId": "7c1f", "displayName": "Sales APAC" });
        whole["members"] = json!([{ "value": bob }, { "value": eve }]);
        let answer = authentik.send("PUT", &path, &whole).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        has(&answer.body, &json!({ "id": group, "externalId": "7c1f", "displayName": "Sales APAC" }));
        assert_eq!(authentik.members(&group).await, sorted(&[&bob, &eve]));
        let org = authentik.delivered().await;
        let members = vec!["bob@example.com".to_owned(), "eve@example.com".to_owned()];
        assert_eq!((org.groups(), org.members("Sales APAC")), (vec!["Sales APAC"], Some(members)));
    }

    /// Members who are nobody, or the group itself, are left out and refuse nothing: authentik would make the group anew.
    async fn authentik_pushes_members_that_are_not_there(engine: Engine) {
        let authentik = Idp::start(&engine, &AUTHENTIK).await;
        let ada = authentik.somebody("ada").await;
        let body = json!({ "schemas": [GROUP], "displayName": "Sales", "members": [{ "value": "nobody" }, { "value": ada }] });
        let group = authentik.create("/Groups", &body).await;
        let add = json!({ "schemas": [PATCH_OP], "Operations": [
            { "op": "add", "path": "members", "value": [{ "value": "nobody" }, { "value": group }] },
            { "op": "remove", "path": "members", "value": [{ "value": "somebody else" }] }
        ] });
        assert_eq!(authentik.send("PATCH", &format!("/Groups/{group}"), &add).await.status, 200);
        assert_eq!(authentik.members(&group).await, [ada.as_str()], "who is nobody is left out");
        authentik.delivered().await;
    }
}

/// A page past the end.
fn none_left(list: &Value) {
    has(list, &json!({ "totalResults": 1, "startIndex": 2, "itemsPerPage": 0, "Resources": [] }));
}
