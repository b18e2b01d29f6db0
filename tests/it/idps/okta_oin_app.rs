//! Okta, an app of its catalogue: PATCH without path, in lower case.

use serde_json::{Value, json};

use super::okta_custom_app::{OKTA, lookup, put, test_user};
use super::{GROUP, Idp, PATCH_OP, account, has, sorted};

both_engines! {
    /// `active` in an object without path, and once, one implementer says, without `op`, which then means `replace`.
    async fn okta_catalogue_app_deactivates_and_reactivates(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let id = okta.create("/Users", &test_user()).await;
        let path = format!("/Users/{id}");
        for (operation, active) in [
            (json!({ "op": "replace", "value": { "active": false } }), false),
            (json!({ "op": "replace", "value": { "active": true } }), true),
            (json!({ "value": { "active": false } }), false),
        ] {
            has(&okta.patch(&path, json!([operation])).await, &json!({ "id": id, "active": active }));
            okta.stored(&path, &json!({ "active": active })).await;
        }
        assert_eq!(okta.found(&lookup("test.user@okta.local")).await, [id.as_str()]);
        account(&okta.delivered().await, "test.user@okta.local", &json!({ "IsActive": false }));
    }

    /// Whoever is there already is replaced by what was read with Okta's values, and then made active.
    async fn okta_catalogue_app_takes_over_a_user(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let id = okta.somebody("ada").await;
        let path = format!("/Users/{id}");
        okta.patch(&path, json!([{ "op": "replace", "value": { "active": false } }])).await;
        assert_eq!(okta.found(&lookup("ada@example.com")).await, [id.as_str()]);
        let values = json!({ "externalId": "00u7", "displayName": "Ada Lovelace", "password": "1mz050nq" });
        has(&put(&okta, &path, values).await, &json!({ "id": id, "externalId": "00u7", "active": false }));
        let answer = okta.patch(&path, json!([{ "op": "replace", "value": { "active": true } }])).await;
        let expected = json!({ "id": id, "externalId": "00u7", "displayName": "Ada Lovelace", "active": true });
        has(&answer, &expected);
        okta.stored(&path, &expected).await;
        account(&okta.delivered().await, "ada@example.com", &json!({ "FederationIdentifier": "00u7", "IsActive": true }));
    }

    /// A password is accepted and stored nowhere: nothing changes.
    async fn okta_catalogue_app_pushes_a_password(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let path = format!("/Users/{}", okta.create("/Users", &test_user()).await);
        let before = okta.stored(&path, &json!({})).await;
        let answer = okta.patch(&path, json!([{ "op": "replace", "value": { "password": "s3cret-9f" } }])).await;
        assert_eq!(answer, before);
        okta.delivered().await;
    }

    /// Every change of members comes with the name of the group and its `id`, which is ignored; a refusal here would stop
    /// the members.
    async fn okta_catalogue_app_pushes_a_group(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let (ada, bob, eve) = (okta.somebody("ada").await, okta.somebody("bob").await, okta.somebody("eve").await);
        let body = json!({ "schemas": [GROUP], "displayName": "Test SCIMv2", "members": [] });
        let group = okta.create("/Groups", &body).await;
        let path = format!("/Groups/{group}");
        let member = |id: &str| json!({ "value": id, "display": "somebody@okta.local" });
        let steps = [
            (json!([{ "op": "replace", "value": { "id": group, "displayName": "Test SCIMv2" } }]), vec![]),
            (json!([{ "op": "add", "path": "members", "value": [member(&ada)] }]), vec![&ada]),
            (
                json!([
                    { "op": "remove", "path": format!("members[value eq \"{ada}\"]") },
                    { "op": "add", "path": "members", "value": [member(&bob)] }
                ]),
                vec![&bob],
            ),
            (json!([{ "op": "add", "path": "members", "value": [member(&ada), member(&eve)] }]), vec![&ada, &bob, &eve]),
            (json!([{ "op": "replace", "value": { "id": group, "displayName": "Renamed" } }]), vec![&ada, &bob, &eve]),
            (json!([{ "op": "replace", "path": "members", "value": [member(&eve)] }]), vec![&eve]),
            (json!([{ "op": "replace", "path": "members", "value": [] }]), vec![]),
            (json!([{ "op": "replace", "value": { "members": [{ "value": ada }] } }]), vec![&ada]),
        ];
        for (operations, expected) in steps {
            has(&okta.patch(&path, operations.clone()).await, &json!({ "id": group }));
            let ids: Vec<&str> = expected.into_iter().map(String::as_str).collect();
            assert_eq!(okta.members(&group).await, sorted(&ids), "{operations}");
        }
        let org = okta.delivered().await;
        assert_eq!(org.groups(), ["Renamed"]);
        assert_eq!(org.members("Renamed"), Some(vec!["ada@example.com".to_owned()]));
        assert_eq!(okta.send("DELETE", &path, &Value::Null).await.status, 204);
        assert!(okta.delivered().await.groups().is_empty());
    }

    /// A deactivation without path together with what a read answered: `id`, `meta`, `groups`, `schemas` are ignored.
    async fn okta_catalogue_app_sends_back_what_it_read(engine: Engine) {
        let okta = Idp::start(&engine, &OKTA).await;
        let id = okta.create("/Users", &test_user()).await;
        okta.app.group("Everyone", &[&id]).await;
        let path = format!("/Users/{id}");
        let mut read = okta.stored(&path, &json!({ "groups": [{ "display": "Everyone" }] })).await;
        read["active"] = json!(false);
        read["id"] = json!("another");
        let body = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "replace", "value": read }] });
        let answer = okta.send("PATCH", &path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        okta.stored(&path, &json!({ "id": id, "active": false, "groups": [{ "display": "Everyone" }] })).await;
    }
}
