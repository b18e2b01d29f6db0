//! Okta, an app of the integration wizard with SCIM: PUT for everything, of what it has read before and its own values.

use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Idp, Style, USER, account, has, none, refused, sorted};

pub(super) const OKTA: Style = Style {
    content_type: Some("application/scim+json; charset=utf-8"),
    headers: &[
        ("User-Agent", "Okta SCIM Client 1.0.0"),
        ("Accept", "application/scim+json"),
        ("Accept-Charset", "utf-8"),
        ("Accept-Encoding", "gzip,deflate"),
    ],
};

pub(super) fn test_user() -> Value {
    json!({
        "schemas": [USER], "userName": "test.user@okta.local", "name": { "givenName": "Test", "familyName": "User" },
        "emails": [{ "primary": true, "value": "test.user@okta.local", "type": "work" }], "displayName": "Test User",
        "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq", "active": true
    })
}

pub(super) fn lookup(name: &str) -> String {
    format!("/Users?filter=userName%20eq%20%22{}%22&startIndex=1&count=100", name.replace('@', "%40"))
}

/// What Okta puts: what it has read, with changes of its own.
pub(super) async fn put(okta: &Idp, path: &str, changes: Value) -> Value {
    let mut body = okta.stored(path, &json!({})).await;
    for (name, value) in changes.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let answer = okta.send("PUT", path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

both_engines! {
    /// The test of the connector, also of an empty store: a full list without resources.
    async fn okta_tests_the_connector(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        none(&okta.get("/Users?startIndex=1&count=2").await);
        none(&okta.get("/Groups?startIndex=1&count=100").await);
    }

    /// The password, which is always there, is stored nowhere and answered never; `groups` is ignored. Whoever exists is
    /// 409 with words for the administrator.
    async fn okta_assigns_a_user(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        none(&okta.get(&lookup("test.user@okta.local")).await);
        let answer = okta.send("POST", "/Users", &test_user()).await;
        assert_eq!(answer.status, 201);
        assert!(!answer.body.to_string().contains("1mz050nq"), "{}", answer.body);
        let id = answer.body["id"].as_str().expect("an id");
        assert!(!id.contains("bulkId"));
        let stored = okta.stored(&format!("/Users/{id}?attributes=password,userName"), &json!({ "password": null })).await;
        assert!(!stored.to_string().contains("1mz050nq"), "{stored}");
        okta.stored(&format!("/Users/{id}"), &json!({
            "externalId": "00ujl29u0le5T6Aj10h7", "displayName": "Test User", "locale": "en-US", "active": true,
            "groups": null, "emails": [{ "primary": true, "value": "test.user@okta.local", "type": "work" }]
        })).await;
        refused(&okta.send("POST", "/Users", &test_user()).await, 409, Some("uniqueness"));
        account(&okta.delivered().await, "test.user@okta.local", &json!({
            "FirstName": "Test", "LastName": "User", "FederationIdentifier": "00ujl29u0le5T6Aj10h7", "IsActive": true
        }));
    }

    /// A PUT of what was read, `id`, `meta`, `groups` and all, changes what Okta changed and nothing else.
    async fn okta_pushes_a_profile(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let boss = okta.somebody("boss").await;
        let id = okta.create("/Users", &test_user()).await;
        let path = format!("/Users/{id}");
        okta.app.group("Everyone", &[&id]).await;
        let emails = json!([{ "primary": true, "value": "renamed@okta.local", "type": "work", "display": "renamed@okta.local" }]);
        let answer = put(&okta, &path, json!({
            "schemas": [USER, ENTERPRISE], "userName": "renamed@okta.local", "emails": emails, "password": "1mz050nr",
            "name": { "givenName": "Another", "middleName": "Excited", "familyName": "User" },
            (ENTERPRISE): { "department": "Dept", "manager": { "value": boss, "displayName": "Boss" } }
        })).await;
        let expected = json!({
            "id": id, "userName": "renamed@okta.local", "externalId": "00ujl29u0le5T6Aj10h7", "displayName": "Test User",
            "name": { "givenName": "Another", "middleName": "Excited", "familyName": "User" }, "emails": emails,
            "groups": [{ "display": "Everyone" }], (ENTERPRISE): { "department": "Dept", "manager": { "value": boss } }
        });
        has(&answer, &expected);
        okta.stored(&path, &expected).await;
        // A manager who is nobody.
        let nobody = json!({ "department": "Dept", "manager": { "displayName": "Nobody", "value": "" } });
        let answer = put(&okta, &path, json!({ (ENTERPRISE): nobody })).await;
        has(&answer, &json!({ (ENTERPRISE): { "department": "Dept", "manager": null } }));
        let again = put(&okta, &path, json!({})).await;
        assert_eq!(again["meta"], answer["meta"], "the same again is no change");
        account(&okta.delivered().await, "renamed@okta.local", &json!({
            "FirstName": "Another", "Email": "test.user@okta.local", "PendingEmail": "renamed@okta.local",
            "Department": "Dept", "Manager": null
        }));
    }

    /// The namespace of an app, which nobody knows, is dropped, and so is its URN in `schemas`.
    async fn okta_sends_the_namespace_of_an_app(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let urn = "urn:okta:myapp_1:2.0:user:custom";
        let mut body = test_user();
        body["schemas"] = json!([USER, urn]);
        body[urn] = json!({ "badge": "B-17" });
        let path = format!("/Users/{}", okta.create("/Users", &body).await);
        let changes = json!({ "schemas": [USER, urn], (urn): { "badge": "B-18" }, "title": "Director" });
        has(&put(&okta, &path, changes).await, &json!({ "schemas": [USER], "title": "Director" }));
        let stored = okta.stored(&path, &json!({ "schemas": [USER] })).await;
        assert!(!stored.to_string().contains("B-1"), "{stored}");
        account(&okta.delivered().await, "test.user@okta.local", &json!({ "Title": "Director" }));
    }

    /// Unassigned is `active: false` by PUT, never DELETE; assigned again the look-up finds the inactive person.
    async fn okta_deactivates_and_reactivates(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let id = okta.create("/Users", &test_user()).await;
        let path = format!("/Users/{id}");
        has(&put(&okta, &path, json!({ "active": false })).await, &json!({ "active": false }));
        account(&okta.delivered().await, "test.user@okta.local", &json!({ "IsActive": false }));
        assert_eq!(okta.found(&lookup("test.user@okta.local")).await, [id.as_str()]);
        has(&put(&okta, &path, json!({ "active": true })).await, &json!({ "active": true }));
        account(&okta.delivered().await, "test.user@okta.local", &json!({ "IsActive": true }));
    }

    /// Whoever is there already, inactive or made by another, is found, read, and replaced by what was read with Okta's
    /// values: what Okta does not know of stays.
    async fn okta_takes_over_a_user(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let id = okta.somebody("ada").await;
        let path = format!("/Users/{id}");
        let title = json!([{ "op": "add", "path": "title", "value": "Countess" }, { "op": "replace", "path": "active", "value": false }]);
        okta.patch(&path, title).await;
        assert_eq!(okta.found(&lookup("ada@example.com")).await, [id.as_str()]);
        let mut values = test_user();
        values.as_object_mut().expect("an object").remove("groups");
        values["userName"] = json!("ada@example.com");
        let expected = json!({
            "id": id, "userName": "ada@example.com", "externalId": "00ujl29u0le5T6Aj10h7", "active": true,
            "displayName": "Test User", "title": "Countess", "name": { "givenName": "Test", "familyName": "User" }
        });
        has(&put(&okta, &path, values).await, &expected);
        okta.stored(&path, &expected).await;
        account(&okta.delivered().await, "ada@example.com", &json!({
            "FirstName": "Test", "Title": "Countess", "FederationIdentifier": "00ujl29u0le5T6Aj10h7", "IsActive": true
        }));
    }

    /// A group by PUT: the whole of it with its members, also none; `id` may be missing.
    async fn okta_pushes_a_group_whole(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let (ada, bob) = (okta.somebody("ada").await, okta.somebody("bob").await);
        let member = |id: &str| json!({ "value": id, "display": "somebody@okta.local" });
        none(&okta.get("/Groups?filter=displayName%20eq%20%22Test%20SCIMv2%22&startIndex=1&count=100").await);
        let body = json!({ "schemas": [GROUP], "displayName": "Test SCIMv2", "members": [] });
        let group = okta.create("/Groups", &body).await;
        let path = format!("/Groups/{group}");
        for (with_id, name, members) in [
            (true, "Test SCIMv2", vec![&ada]),
            (false, "Test SCIMv2", vec![&ada, &bob]),
            (false, "Renamed", vec![&bob]),
            (true, "Renamed", vec![]),
            (true, "Renamed", vec![&ada]),
        ] {
            let list: Vec<Value> = members.iter().map(|id| member(id)).collect();
            let mut body = json!({ "schemas": [GROUP], "displayName": name, "members": list });
            if with_id {
                body["id"] = json!(group);
            }
            let answer = okta.send("PUT", &path, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            has(&answer.body, &json!({ "id": group, "displayName": name }));
            let ids: Vec<&str> = members.into_iter().map(String::as_str).collect();
            assert_eq!(okta.members(&group).await, sorted(&ids));
        }
        let org = okta.delivered().await;
        assert_eq!(org.groups(), ["Renamed"]);
        assert_eq!(org.members("Renamed"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(okta.send("DELETE", &path, &Value::Null).await.status, 204);
    }

    /// An import reads pages until the total, also beyond the end; groups come with their members.
    async fn okta_imports(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        for n in 0..3 {
            okta.somebody(&format!("u{n}")).await;
        }
        for (start, size) in [(1, 2), (3, 1), (5, 0)] {
            let page = okta.get(&format!("/Users?startIndex={start}&count=2")).await.body;
            has(&page, &json!({ "totalResults": 3, "itemsPerPage": size, "startIndex": start }));
        }
        let ada = okta.found("/Users?startIndex=1&count=1").await.remove(0);
        let group = okta.app.group("Sales", &[&ada]).await;
        let page = okta.get("/Groups?startIndex=1&count=100").await.body;
        let groups = json!([{ "id": group, "displayName": "Sales", "members": [{ "value": ada }] }]);
        has(&page, &json!({ "totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "Resources": groups }));
    }
}
