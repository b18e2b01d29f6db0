//! OneLogin: bodies are templates that an administrator edits, URLs end in `&` or `?`.

use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, Idp, Style, USER, account, has, none};

const ONELOGIN: Style = Style { content_type: Some("application/scim+json"), headers: &[("User-Agent", "")] };

/// A template that was filled: a schema of SCIM's first drafts, `active` as text, no `id`, the manager by `managerId`, no
/// primary address.
fn ada(active: &str, manager: &str) -> Value {
    json!({
        "schemas": ["urn:scim:schemas:core:2.0"], "id": null, "userName": "ada@onelogin.example", "externalId": "73915",
        "active": active, "name": { "givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Lovelace" },
        "emails": [{ "value": "ada@home.example", "type": "home" }, { "value": "ada@work.example", "type": "work" }],
        "manager": { "managerId": manager }
    })
}

both_engines! {
    /// A filter before a trailing `&`, blanks as `+`.
    async fn onelogin_connects(engine: Engine) {
        let onelogin = Idp::start(&engine, &ONELOGIN).await;
        none(&onelogin.get("/Users?filter=userName+eq+%22nobody%40onelogin.example%22&").await);
        none(&onelogin.get("/Groups?filter=displayName+eq+%22Nothing%22&").await);
    }

    /// URNs of older drafts stand for the core schema; booleans as text; `id` null; `managerId`. Without a primary address
    /// the one of type work counts.
    async fn onelogin_creates_and_replaces(engine: Engine) {
        let onelogin = Idp::start(&engine, &ONELOGIN).await;
        let boss = onelogin.somebody("boss").await;
        let id = onelogin.create("/Users", &ada("true", &boss)).await;
        let expected = json!({
            "schemas": [USER, ENTERPRISE], "id": id, "active": true, (ENTERPRISE): { "manager": { "value": boss } }
        });
        onelogin.stored(&format!("/Users/{id}"), &expected).await;
        let found = onelogin.found("/Users?filter=userName+eq+%22ada%40onelogin.example%22&").await;
        assert_eq!(found, [id.as_str()]);
        account(&onelogin.delivered().await, "ada@onelogin.example", &json!({
            "Email": "ada@work.example", "Manager": "boss@example.com", "IsActive": true
        }));
        let answer = onelogin.send("PUT", &format!("/Users/{id}?"), &ada("false", "")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let expected = json!({ "id": id, "active": false, (ENTERPRISE): null });
        has(&answer.body, &expected);
        onelogin.stored(&format!("/Users/{id}"), &expected).await;
        account(&onelogin.delivered().await, "ada@onelogin.example", &json!({ "IsActive": false, "Manager": null }));
        assert_eq!(onelogin.send("DELETE", &format!("/Users/{id}?"), &Value::Null).await.status, 204);
    }

    /// One address as an object where a list is due, in a PATCH and in a body.
    async fn onelogin_sends_one_address_as_an_object(engine: Engine) {
        let onelogin = Idp::start(&engine, &ONELOGIN).await;
        let mut body = ada("true", "");
        body["emails"] = json!({ "value": "one@work.example" });
        let path = format!("/Users/{}", onelogin.create("/Users", &body).await);
        onelogin.stored(&path, &json!({ "emails": [{ "value": "one@work.example" }] })).await;
        account(&onelogin.delivered().await, "ada@onelogin.example", &json!({ "Email": "one@work.example" }));
        let emails = json!([{ "op": "replace", "path": "emails", "value": { "value": "two@work.example", "type": "work" } }]);
        let expected = json!({ "emails": [{ "value": "two@work.example", "type": "work" }] });
        has(&onelogin.patch(&path, emails).await, &expected);
        onelogin.stored(&path, &expected).await;
    }

    /// Groups by POST, PATCH and GET.
    async fn onelogin_pushes_a_group(engine: Engine) {
        let onelogin = Idp::start(&engine, &ONELOGIN).await;
        let ada = onelogin.somebody("ada").await;
        let group = onelogin.create("/Groups?", &json!({ "schemas": [GROUP], "displayName": "Sales" })).await;
        let path = format!("/Groups/{group}?");
        onelogin.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }])).await;
        assert_eq!(onelogin.members(&group).await, [ada.as_str()]);
        assert_eq!(onelogin.delivered().await.members("Sales"), Some(vec!["ada@example.com".to_owned()]));
    }
}
