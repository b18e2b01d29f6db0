//! Microsoft Entra ID, "provision on demand": one person or one group with up to five members, always in the older form
//! of PATCH, also where the tenant URL ends with the flag.

use serde_json::json;

use super::entra::{ENTRA, ada};
use super::{ENTERPRISE, GROUP, Idp, account, has, none, sorted};

both_engines! {
    /// The same requests as for one object of a cycle; a parameter without meaning may come along.
    async fn entra_provisions_a_user_on_demand(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        none(&entra.get("/Users?aadOptscim062020&filter=userName+eq+%225f4c0d7e-9a1b-4a53-9d77-0c8f6ad3b111%22").await);
        let filter = "/Users?aadOptscim062020&filter=userName+eq+%22ada%40contoso.example%22";
        none(&entra.get(filter).await);
        let id = entra.create("/Users?aadOptscim062020", &ada()).await;
        assert_eq!(entra.found(filter).await, [id.as_str()]);
        let path = format!("/Users/{id}?aadOptscim062020");
        entra.stored(&path, &json!({ "userName": "ada@contoso.example" })).await;
        let answer = entra.patch(&path, json!([
            { "op": "Replace", "path": "displayName", "value": "Ada King" },
            { "op": "Replace", "path": "name.familyName", "value": "King" },
            { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44 7700 900001" },
            { "op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "Computation" },
            { "op": "Replace", "path": "active", "value": "False" }
        ])).await;
        let expected = json!({
            "displayName": "Ada King", "name": { "familyName": "King" }, "active": false,
            "phoneNumbers": [{ "type": "mobile", "value": "+44 7700 900001" }], (ENTERPRISE): { "department": "Computation" }
        });
        has(&answer, &expected);
        entra.stored(&path, &expected).await;
        let answer = entra.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "True" }])).await;
        has(&answer, &json!({ "active": true }));
        account(&entra.delivered().await, "ada@contoso.example", &json!({
            "LastName": "King", "IsActive": true, "Department": "Computation"
        }));
    }

    /// Members by `Add` and `Remove` with lists.
    async fn entra_provisions_a_group_on_demand(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let mut ids = Vec::new();
        for n in 0..5 {
            ids.push(entra.somebody(&format!("u{n}")).await);
        }
        let filter = "/Groups?excludedAttributes=members&filter=displayName+eq+%22On+Demand%22&aadOptscim062020";
        none(&entra.get(filter).await);
        let body = json!({ "schemas": [GROUP], "externalId": "e1", "displayName": "On Demand", "members": [] });
        let group = entra.create("/Groups", &body).await;
        let path = format!("/Groups/{group}");
        let members: Vec<_> = ids.iter().map(|id| json!({ "$ref": null, "value": id })).collect();
        entra.patch(&path, json!([{ "op": "Add", "path": "members", "value": members }])).await;
        entra.patch(&path, json!([{ "op": "Remove", "path": "members", "value": [{ "value": ids[0] }] }])).await;
        let left: Vec<&str> = ids[1..].iter().map(String::as_str).collect();
        assert_eq!(entra.members(&group).await, sorted(&left));
        assert_eq!(entra.delivered().await.members("On Demand").map(|m| m.len()), Some(4));
    }
}
