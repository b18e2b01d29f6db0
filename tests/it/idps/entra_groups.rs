//! Microsoft Entra ID, groups, in the form of PATCH that jobs of custom apps use (without `aadOptscim062020`).

use serde_json::{Value, json};

use super::entra::ENTRA;
use super::{GROUP, Idp, PATCH_OP, has, none, refused, sorted};

const MARKER: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";

fn engineering() -> Value {
    json!({
        "schemas": [GROUP], "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "Engineering", "members": []
    })
}

both_engines! {
    /// A schema of Microsoft's that marks groups and means nothing is dropped. A `displayName` belongs to one group, though
    /// RFC 7643 does not ask for it.
    async fn entra_creates_a_group(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let probe = "/Groups?excludedAttributes=members&filter=displayName+eq+%22Engineering%22";
        none(&entra.get(probe).await);
        let mut body = engineering();
        body["schemas"] = json!([GROUP, MARKER]);
        body["meta"] = json!({ "resourceType": "Group" });
        let id = entra.create("/Groups", &body).await;
        let expected = json!({
            "schemas": [GROUP], "displayName": "Engineering", "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159"
        });
        entra.stored(&format!("/Groups/{id}?excludedAttributes=members"), &expected).await;
        assert_eq!(entra.found(probe).await, [id.as_str()]);
        refused(&entra.send("POST", "/Groups", &engineering()).await, 409, Some("uniqueness"));
        assert_eq!(entra.delivered().await.groups(), ["Engineering"]);
    }

    /// Members are added one by one or several at once, a member that is there already again; `Remove` with a list
    /// removes these, also such as are none, and an empty list nobody. Without a value it removes all.
    async fn entra_changes_members(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let (ada, bob, eve) =
            (entra.somebody("ada").await, entra.somebody("bob").await, entra.somebody("eve").await);
        let group = entra.create("/Groups", &engineering()).await;
        let path = format!("/Groups/{group}");
        let nobody = "5f4c0d7e-9a1b-4a53-9d77-0c8f6ad3b111";
        let steps = [
            ("Add", json!([{ "$ref": null, "value": ada }]), vec![&ada]),
            ("Add", json!([{ "value": bob }, { "value": eve }]), vec![&ada, &bob, &eve]),
            ("Add", json!([{ "value": bob }]), vec![&ada, &bob, &eve]),
            ("Remove", json!([{ "value": bob }]), vec![&ada, &eve]),
            ("Remove", json!([{ "$ref": null, "value": bob }]), vec![&ada, &eve]),
            ("Remove", json!([{ "$ref": null, "value": nobody }]), vec![&ada, &eve]),
            ("Remove", json!([]), vec![&ada, &eve]),
            ("Add", json!([{ "$ref": null, "value": nobody }, { "value": bob }]), vec![&ada, &bob, &eve]),
            ("Remove", json!([{ "value": ada }, { "value": eve }]), vec![&bob]),
            ("Remove", Value::Null, vec![]),
            ("Add", json!([{ "$ref": null, "value": ada }]), vec![&ada]),
        ];
        for (op, value, left) in steps {
            let answer = entra.patch(&path, json!([{ "op": op, "path": "members", "value": value }])).await;
            has(&answer, &json!({ "id": group, "displayName": "Engineering" }));
            let left: Vec<&str> = left.into_iter().map(String::as_str).collect();
            assert_eq!(entra.members(&group).await, sorted(&left), "{op} {value}");
        }
        entra.patch(&path, json!([
            { "op": "Remove", "path": "members", "value": [{ "value": ada }] },
            { "op": "Add", "path": "members", "value": [{ "value": eve }] },
            { "op": "Replace", "path": "displayName", "value": "Engineering EMEA" }
        ])).await;
        assert_eq!(entra.members(&group).await, [eve.as_str()]);
        let org = entra.delivered().await;
        assert_eq!(org.groups(), ["Engineering EMEA"]);
        assert_eq!(org.members("Engineering EMEA"), Some(vec!["eve@example.com".to_owned()]));
    }

    /// What is added twice or removed though absent changes nothing: version and time stay, Salesforce is not called.
    async fn entra_repeats_itself_without_effect(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let (ada, bob) = (entra.somebody("ada").await, entra.somebody("bob").await);
        let path = format!("/Groups/{}", entra.create("/Groups", &engineering()).await);
        let add = json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": ada }] }]);
        let before = entra.patch(&path, add.clone()).await["meta"].clone();
        entra.delivered().await;
        let calls = entra.app.calls().await;
        let remove = json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": bob }] }]);
        for operations in [add, remove] {
            assert_eq!(entra.patch(&path, operations).await["meta"], before);
        }
        entra.delivered().await;
        assert_eq!(entra.app.calls().await, calls);
    }

    /// A group of more than a hundred is answered 204, so that one more member does not cost reading them all; unless
    /// `attributes` asks for something.
    async fn entra_gets_no_body_of_a_large_group(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let mut members = Vec::new();
        for n in 0..100 {
            members.push(json!({ "value": entra.somebody(&format!("u{n}")).await }));
        }
        let group = entra.create("/Groups", &engineering()).await;
        let path = format!("/Groups/{group}");
        let add = |members: Value| json!([{ "op": "Add", "path": "members", "value": members }]);
        let answer = entra.patch(&path, add(json!(members))).await;
        assert_eq!(answer["members"].as_array().map(Vec::len), Some(100));
        let last = entra.somebody("last").await;
        let body = json!({ "schemas": [PATCH_OP], "Operations": add(json!([{ "$ref": null, "value": last }])) });
        let answer = entra.send("PATCH", &path, &body).await;
        assert_eq!((answer.status.as_u16(), answer.body), (204, Value::Null));
        let asked = entra.send("PATCH", &format!("{path}?attributes=displayName"), &body).await;
        assert_eq!(asked.status, 200);
        has(&asked.body, &json!({ "id": group, "displayName": "Engineering", "members": null }));
        assert_eq!(entra.members(&group).await.len(), 101);
    }

    /// A group that leaves the scope is deleted.
    async fn entra_deletes_a_group(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Groups/{}", entra.create("/Groups", &engineering()).await);
        entra.delivered().await;
        assert_eq!(entra.send("DELETE", &path, &Value::Null).await.status, 204);
        refused(&entra.get(&path).await, 404, None);
        none(&entra.get("/Groups?excludedAttributes=members&filter=displayName+eq+%22Engineering%22").await);
        assert!(entra.delivered().await.groups().is_empty());
    }
}
