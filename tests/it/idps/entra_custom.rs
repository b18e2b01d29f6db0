//! Microsoft Entra ID with attributes of the customer's own, and the bodies of its older jobs.

use scim_bridge::config::{Config, Extended, Extension};
use scim_bridge::scim::extension;
use serde_json::{Value, json};

use super::entra::{ENTRA, ada};
use super::{ENTERPRISE, Idp, USER, account, has};
use crate::support::app::{TENANT, TestApp};

/// The URN that Microsoft's documentation has for one.
const CUSTOM: &str = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User";

fn configure(config: &mut Config) {
    let schema = extension::read(
        json!({ "id": CUSTOM, "attributes": [{ "name": "tag" }, { "name": "floor", "type": "integer" }] }),
    );
    let extension = Extension::new(Extended::User, false, schema.expect("a schema"));
    config.tenant.get_mut(TENANT).expect("the tenant").extensions.push(extension);
}

both_engines! {
    /// An extension that the tenant has is written though `schemas` does not name it, and numbers come as text. In a PATCH
    /// its attributes come by their whole path; with the flag they are keys of the object without path.
    async fn entra_writes_an_extension_of_the_customer(engine: Engine) {
        let entra = Idp { app: TestApp::start_with(&engine, |_| {}, configure).await, style: &ENTRA };
        let mut body = ada();
        body[CUSTOM] = json!({ "tag": "701984", "floor": "3" });
        let path = format!("/Users/{}", entra.create("/Users", &body).await);
        let expected = json!({ "schemas": [USER, ENTERPRISE, CUSTOM], (CUSTOM): { "tag": "701984", "floor": 3 } });
        entra.stored(&path, &expected).await;
        let tag = format!("{CUSTOM}:tag");
        for (operation, stored) in [
            (json!({ "op": "Replace", "path": tag, "value": "701985" }), json!("701985")),
            (json!({ "op": "Replace", "path": tag, "value": "" }), Value::Null),
            (json!({ "op": "Add", "path": tag, "value": "701986" }), json!("701986")),
            (json!({ "op": "replace", "value": { "displayName": "Ada King", (tag.as_str()): "701987" } }), json!("701987")),
            (json!({ "op": "replace", "value": { (tag.as_str()): null } }), Value::Null),
            (json!({ "op": "add", "value": { (CUSTOM): { "tag": "701988" } } }), json!("701988")),
        ] {
            let answer = entra.patch(&path, json!([operation])).await;
            let expected = json!({ (CUSTOM): { "tag": stored, "floor": 3 } });
            has(&answer, &expected);
            entra.stored(&path, &expected).await;
        }
        assert_eq!(entra.found(&format!("/Users?filter={CUSTOM}:tag+eq+%22701988%22")).await.len(), 1);
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "LastName": "Lovelace" }));
    }

    /// Older jobs write `department` and the id of the `manager` at the top level, and null for what has no value.
    async fn entra_s_older_jobs_know_no_extension(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let (bob, eve) = (entra.somebody("bob").await, entra.somebody("eve").await);
        let mut body = ada();
        body.as_object_mut().expect("an object").remove(ENTERPRISE);
        body["schemas"] = json!([USER]);
        body["department"] = json!("Research");
        body["manager"] = json!(bob);
        for name in ["addresses", "phoneNumbers", "title", "preferredLanguage", "costCenter"] {
            body[name] = Value::Null;
        }
        let path = format!("/Users/{}", entra.create("/Users", &body).await);
        let expected = json!({
            "schemas": [USER, ENTERPRISE], "title": null, "department": null, "manager": null,
            (ENTERPRISE): { "department": "Research", "manager": { "value": bob }, "costCenter": null }
        });
        entra.stored(&path, &expected).await;
        let answer = entra.patch(&path, json!([
            { "op": "Replace", "path": "department", "value": "Computation" },
            { "op": "Replace", "path": "manager", "value": [{ "$ref": null, "value": eve }] }
        ])).await;
        has(&answer, &json!({ (ENTERPRISE): { "department": "Computation", "manager": { "value": eve } } }));
        account(&entra.delivered().await, "ada@contoso.example", &json!({
            "Department": "Computation", "Manager": "eve@example.com"
        }));
    }
}
