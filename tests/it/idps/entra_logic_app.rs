//! The suite that Microsoft runs as a Logic App since 2026 against services that ask to be listed: 25 tests, most of them
//! what Entra's jobs do anyway. Here are the shapes that those have not.

use serde_json::{Value, json};

use super::entra::{ENTRA, ada};
use super::{ENTERPRISE, GROUP, Idp, LIST, account, has, none};

both_engines! {
    /// `startIndex=N&count=5` over eleven users and as many groups: the index is echoed, nobody is missing or twice.
    async fn logic_app_pages(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        for n in 0..11 {
            entra.somebody(&format!("u{n}")).await;
            entra.create("/Groups", &json!({ "schemas": [GROUP], "displayName": format!("G{n}") })).await;
        }
        for endpoint in ["/Users", "/Groups"] {
            let mut seen = Vec::new();
            for (start, size) in [(1, 5), (6, 5), (11, 1)] {
                let page = entra.get(&format!("{endpoint}?startIndex={start}&count=5")).await.body;
                has(&page, &json!({
                    "schemas": [LIST], "startIndex": start, "itemsPerPage": size, "totalResults": 11
                }));
                seen.extend(page["Resources"].as_array().expect("Resources").iter().map(|r| r["id"].to_string()));
            }
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 11, "{endpoint}");
        }
    }

    /// The schemas can be discovered, with the attributes that the default mapping writes.
    async fn logic_app_discovers_schemas(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let schemas = entra.get("/Schemas").await.body;
        has(&schemas, &json!({ "schemas": [LIST] }));
        let schemas = schemas["Resources"].as_array().expect("Resources");
        let attributes = |urn: &str| -> Vec<&str> {
            let schema = schemas.iter().find(|schema| schema["id"] == urn).unwrap_or_else(|| panic!("no {urn}"));
            schema["attributes"].as_array().expect("attributes").iter().filter_map(|a| a["name"].as_str()).collect()
        };
        let user = attributes("urn:ietf:params:scim:schemas:core:2.0:User");
        for name in ["userName", "active", "displayName", "title", "emails", "preferredLanguage", "name", "addresses", "phoneNumbers"] {
            assert!(user.contains(&name), "{name}");
        }
        assert!(attributes(ENTERPRISE).contains(&"manager"));
        assert!(attributes(GROUP).contains(&"members"));
        assert_eq!(entra.get("/ServiceProviderConfig").await.body["patch"]["supported"], json!(true));
        assert_eq!(entra.get("/ResourceTypes").await.body["totalResults"], 2);
    }

    /// A group that was deleted is restored as a new one of the same name and `externalId`.
    async fn logic_app_restores_a_group(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let ada = entra.somebody("ada").await;
        let body = json!({ "schemas": [GROUP], "externalId": "8aa1", "displayName": "Restored", "members": [] });
        let add = json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": ada }] }]);
        let mut ids = Vec::new();
        for _ in 0..2 {
            let probe = "/Groups?excludedAttributes=members&filter=displayName+eq+%22Restored%22";
            none(&entra.get(probe).await);
            let id = entra.create("/Groups", &body).await;
            assert_eq!(entra.found(probe).await, [id.as_str()]);
            assert!(entra.members(&id).await.is_empty(), "a new group");
            entra.patch(&format!("/Groups/{id}"), add.clone()).await;
            let org = entra.delivered().await;
            assert_eq!((org.groups(), org.members("Restored")), (vec!["Restored"], Some(vec!["ada@example.com".to_owned()])));
            assert_eq!(entra.send("DELETE", &format!("/Groups/{id}"), &Value::Null).await.status, 204);
            assert!(entra.delivered().await.groups().is_empty());
            ids.push(id);
        }
        assert_ne!(ids[0], ids[1]);
    }

    /// The manager by `Add`, `Replace` and `Replace` with `""`; attributes emptied with null.
    async fn logic_app_manager_and_null(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let (bob, eve) = (entra.somebody("bob").await, entra.somebody("eve").await);
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let manager = format!("{ENTERPRISE}:manager");
        for (op, value, stored) in [
            ("Add", json!(bob), json!({ "value": bob })),
            ("Replace", json!(eve), json!({ "value": eve })),
            ("Replace", json!(""), Value::Null),
        ] {
            let answer = entra.patch(&path, json!([{ "op": op, "path": manager, "value": value }])).await;
            has(&answer, &json!({ (ENTERPRISE): { "manager": stored } }));
        }
        let null = json!([
            { "op": "Replace", "path": "displayName", "value": null },
            { "op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": null },
            { "op": "Replace", "path": "preferredLanguage", "value": null }
        ]);
        let expected = json!({ "displayName": null, (ENTERPRISE): { "department": null, "manager": null } });
        has(&entra.patch(&path, null).await, &expected);
        entra.stored(&path, &expected).await;
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "Manager": null, "Department": null }));
    }
}
