//! Microsoft Entra ID, users, in the form of PATCH that jobs of custom apps use (without `aadOptscim062020`).

use serde_json::{Value, json};

use super::{ENTERPRISE, Idp, Style, USER, account, has, none, refused};

pub(super) const ENTRA: Style =
    Style { content_type: Some("application/scim+json; charset=utf-8"), headers: &[("ADSCIMVersion", "5.0")] };

/// The body of a create with the default mapping. Entra really sends `meta` and the empty `roles`.
pub(super) fn ada() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "ada.lovelace", "userName": "ada@contoso.example", "active": true, "displayName": "Ada Lovelace",
        "emails": [{ "primary": true, "type": "work", "value": "ada@contoso.example" }], "meta": { "resourceType": "User" },
        "name": { "formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada" }, "roles": [],
        (ENTERPRISE): { "employeeNumber": "1001", "department": "Research" }
    })
}

fn manager() -> String {
    format!("{ENTERPRISE}:manager")
}

both_engines! {
    /// Filters with `+` or `%20` for blanks, a slash before `?`, unquoted literals and parameters that nobody knows (the
    /// feature flag of the tenant URL) are read; nobody found is an empty list, since 404 stops Entra's job.
    async fn entra_tests_the_connection(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let guid = "5f4c0d7e-9a1b-4a53-9d77-0c8f6ad3b111";
        for path in [
            format!("/Users?filter=userName+eq+%22{guid}%22"),
            format!("/Users?filter=userName%20eq%20%22{guid}%22"),
            format!("/Users/?filter=userName+eq+{guid}"),
            format!("/Users?filter=externalId+eq+%22{guid}%22"),
            format!("/Users?aadOptscim062020&filter=userName+eq+%22{guid}%22"),
            format!("/Users?filter=userName+eq+%22{guid}%22&aadOptscim062020"),
            format!("/Users?AzureAdScimPatch2017&filter=userName+eq+%22{guid}%22"),
            format!("/Users?filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22{guid}%22"),
            format!("/Groups?excludedAttributes=members&filter=displayName+eq+%22{guid}%22"),
        ] {
            none(&entra.get(&path).await);
        }
    }

    /// `meta` is the service provider's and ignored; an empty list is no value. Whoever exists is 409.
    async fn entra_creates_a_user(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let id = entra.create("/Users", &ada()).await;
        let expected = json!({
            "schemas": [USER, ENTERPRISE], "id": id, "externalId": "ada.lovelace", "userName": "ada@contoso.example",
            "active": true, "roles": null, "meta": { "resourceType": "User" },
            "emails": [{ "primary": true, "type": "work", "value": "ada@contoso.example" }],
            "name": { "formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada" },
            (ENTERPRISE): { "employeeNumber": "1001", "department": "Research" }
        });
        entra.stored(&format!("/Users/{id}"), &expected).await;
        for filter in [
            "userName+eq+%22ADA%40contoso.example%22",
            "externalId+eq+%22ada.lovelace%22",
            "emails%5Btype+eq+%22work%22%5D.value+eq+%22ada%40contoso.example%22",
            "userName+eq+ada%40contoso.example+and+active+eq+True",
            "userName+eq+%22ada%40contoso.example%22+and+active+eq+%22True%22",
        ] {
            assert_eq!(entra.found(&format!("/Users?filter={filter}")).await, [id.as_str()], "{filter}");
        }
        let only = entra.stored(&format!("/Users/{id}?attributes=emails[type eq \"work\"].value"), &json!({})).await;
        has(&only, &json!({ "emails": [{ "value": "ada@contoso.example" }], "userName": null, "displayName": null }));
        refused(&entra.send("POST", "/Users", &ada()).await, 409, Some("uniqueness"));
        account(&entra.delivered().await, "ada@contoso.example", &json!({
            "FirstName": "Ada", "LastName": "Lovelace", "Email": "ada@contoso.example", "IsActive": true,
            "FederationIdentifier": "ada.lovelace", "EmployeeNumber": "1001", "Department": "Research"
        }));
    }

    /// An extension that nobody knows and that `schemas` does not name is dropped, and so are nulls; attributes of the
    /// enterprise extension at the top level go where they belong.
    async fn entra_creates_a_user_with_what_nobody_knows(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let mut body = ada();
        body["urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"] = json!({ "tag": "701984" });
        for name in ["addresses", "phoneNumbers", "title", "preferredLanguage", "manager"] {
            body[name] = Value::Null;
        }
        body["costCenter"] = json!("4130");
        let id = entra.create("/Users", &body).await;
        let stored = entra.stored(&format!("/Users/{id}"), &json!({
            "schemas": [USER, ENTERPRISE], "title": null, "costCenter": null,
            (ENTERPRISE): { "employeeNumber": "1001", "costCenter": "4130", "manager": null }
        })).await;
        assert!(!stored.to_string().contains("701984"), "{stored}");
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "LastName": "Lovelace" }));
    }

    /// `op` in any case; a boolean as text in any case. The answer has the user in full, and a boolean.
    async fn entra_disables_and_enables(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        for (text, active) in [("False", false), ("True", true), ("false", false), ("TRUE", true), ("False", false)] {
            let answer = entra.patch(&path, json!([{ "op": "Replace", "path": "active", "value": text }])).await;
            has(&answer, &json!({ "active": active, "userName": "ada@contoso.example", "externalId": "ada.lovelace" }));
            entra.stored(&path, &json!({ "active": active })).await;
        }
        assert_eq!(entra.found("/Users?filter=userName+eq+%22ada%40contoso.example%22").await.len(), 1, "inactive");
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "IsActive": false }));
    }

    /// One refused operation would refuse all, and the deactivation among them would never arrive: an attribute that
    /// nobody knows is passed over.
    async fn entra_s_deactivation_arrives_whatever_comes_with_it(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let custom = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User";
        let answer = entra.patch(&path, json!([
            { "op": "Add", "path": "nickName", "value": "Countess" },
            { "op": "Add", "path": format!("{custom}:tag"), "value": "701984" },
            { "op": "Replace", "path": custom, "value": { "tag": "701984" } },
            { "op": "Replace", "path": "favouriteColour", "value": "green" },
            { "op": "Replace", "path": "name.familyNamePrefix", "value": "of" },
            { "op": "Replace", "path": "emails[type eq \"work\"].label", "value": "x" },
            { "op": "Replace", "path": "emails[label eq \"x\"].value", "value": "x" },
            { "op": "Remove", "path": format!("{ENTERPRISE}:badge") },
            { "op": "Replace", "path": "active", "value": "False" }
        ])).await;
        has(&answer, &json!({ "active": false, "nickName": "Countess", "favouriteColour": null }));
        let stored = entra.stored(&path, &json!({ "active": false, "schemas": [USER, ENTERPRISE] })).await;
        assert!(!stored.to_string().contains("701984") && !stored.to_string().contains("green"), "{stored}");
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "IsActive": false }));
    }

    /// `Add` and `Replace` through a value filter that matches nothing make the value that the filter describes; where one
    /// matches, that one is written.
    async fn entra_writes_through_value_filters(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        entra.patch(&path, json!([
            { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44 7700 900001" },
            { "op": "Replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": "+44 20 7946 0009" },
            { "op": "Replace", "path": "addresses[type eq \"work\"].formatted", "value": "12 St James Sq" },
            { "op": "Add", "path": "addresses[type eq \"work\"].country", "value": "GB" },
            { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ada.king@contoso.example" }
        ])).await;
        let answer = entra.patch(&path, json!([
            { "op": "Replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44 7700 900002" }
        ])).await;
        let expected = json!({
            "phoneNumbers": [
                { "type": "mobile", "value": "+44 7700 900002" }, { "type": "fax", "value": "+44 20 7946 0009" }
            ],
            "addresses": [{ "type": "work", "formatted": "12 St James Sq", "country": "GB" }],
            "emails": [{ "primary": true, "type": "work", "value": "ada.king@contoso.example" }]
        });
        has(&answer, &expected);
        entra.stored(&path, &expected).await;
        account(&entra.delivered().await, "ada@contoso.example", &json!({
            "MobilePhone": "+44 7700 900002", "Fax": "+44 20 7946 0009", "Country": "GB"
        }));
    }

    /// The manager, a complex value, as a text, a list of one, an object; `""`, `{"value": ""}` and null are none.
    async fn entra_sets_and_removes_a_manager(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let (bob, eve) = (entra.somebody("bob").await, entra.somebody("eve").await);
        let cases = [
            ("Add", json!(bob), Some(&bob)),
            ("Replace", json!(eve), Some(&eve)),
            ("Replace", json!(""), None),
            ("Add", json!([{ "$ref": format!("http://localhost/scim/v2/Users/{bob}"), "value": bob }]), Some(&bob)),
            ("Replace", json!({ "value": "" }), None),
            ("Replace", json!({ "value": eve }), Some(&eve)),
            ("Replace", Value::Null, None),
            ("Add", json!([eve]), Some(&eve)),
            ("Replace", json!([{ "$ref": null, "value": bob }]), Some(&bob)),
        ];
        for (op, value, expected) in cases {
            let answer = entra.patch(&path, json!([{ "op": op, "path": manager(), "value": value }])).await;
            let expected = expected.map_or(Value::Null, |id| json!({ "value": id }));
            let expected = json!({ (ENTERPRISE): { "employeeNumber": "1001", "manager": expected } });
            has(&answer, &expected);
            entra.stored(&path, &expected).await;
        }
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "Manager": "bob@example.com" }));
    }

    /// `Replace` with `""`, and then with null, clears an attribute; where there is none it changes nothing.
    async fn entra_clears_attributes(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let mut body = ada();
        body["title"] = json!("Analyst");
        body["phoneNumbers"] = json!([{ "type": "work", "value": "+44 20 7946 0001" }]);
        let path = format!("/Users/{}", entra.create("/Users", &body).await);
        let clear = |value: Value| json!([
            { "op": "Replace", "path": "title", "value": value },
            { "op": "Replace", "path": "phoneNumbers[type eq \"work\"].value", "value": value },
            { "op": "Replace", "path": "name.givenName", "value": value },
            { "op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": value }
        ]);
        let cleared = entra.patch(&path, clear(json!(""))).await;
        let expected = json!({
            "title": null, "phoneNumbers": null, "name": { "givenName": null, "familyName": "Lovelace" },
            (ENTERPRISE): { "department": null, "employeeNumber": "1001" }
        });
        has(&cleared, &expected);
        let again = entra.patch(&path, clear(Value::Null)).await;
        assert_eq!(again["meta"], cleared["meta"], "nothing changed");
        entra.stored(&path, &expected).await;
        account(&entra.delivered().await, "ada@contoso.example", &json!({
            "Title": null, "Phone": null, "FirstName": null, "Department": null
        }));
    }

    /// App roles: JSON text in the value of a role is taken apart; `roles[primary eq "True"]` means the boolean; `Remove`
    /// with a list removes these and leaves the others.
    async fn entra_assigns_app_roles(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let text = |name: &str| {
            format!("{{\"id\":\"827f0d2e-be15-4d8f-a8e3-f8697239c112\",\"value\":\"{name}\",\"displayName\":\"{name}\"}}")
        };
        entra.patch(&path, json!([{ "op": "Add", "path": "roles", "value": [{ "value": text("Admin") }] }])).await;
        let answer =
            entra.patch(&path, json!([{ "op": "Add", "path": "roles", "value": [{ "value": text("User") }] }])).await;
        has(&answer, &json!({ "roles": [{ "value": "Admin", "display": "Admin" }, { "value": "User", "display": "User" }] }));
        let remove = json!([{ "op": "Remove", "path": "roles", "value": [{ "value": "Admin" }] }]);
        has(&entra.patch(&path, remove).await, &json!({ "roles": [{ "value": "User" }] }));
        for (value, roles) in [
            ("Reader", json!([{ "value": "User" }, { "value": "Reader", "primary": true }])),
            ("Writer", json!([{ "value": "User" }, { "value": "Writer", "primary": true }])),
        ] {
            let write = json!([{ "op": "Replace", "path": "roles[primary eq \"True\"].value", "value": value }]);
            has(&entra.patch(&path, write).await, &json!({ "roles": roles }));
            entra.stored(&path, &json!({ "roles": roles })).await;
        }
        entra.delivered().await;
    }

    /// Clients made of Microsoft's library write a single value as a list: `[{"$ref": null, "value": "x"}]`.
    async fn entra_libraries_write_single_values_as_lists(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let list = |value: Value| json!([{ "$ref": null, "value": value }]);
        let answer = entra.patch(&path, json!([
            { "op": "Replace", "path": "displayName", "value": list(json!("Ada King")) },
            { "op": "Replace", "path": "name.familyName", "value": list(json!("King")) },
            { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": list(json!("king@contoso.example")) },
            { "op": "Replace", "path": "active", "value": list(json!("False")) }
        ])).await;
        let expected = json!({
            "displayName": "Ada King", "name": { "familyName": "King", "givenName": "Ada" },
            "emails": [{ "value": "king@contoso.example", "type": "work" }], "active": false
        });
        has(&answer, &expected);
        entra.stored(&path, &expected).await;
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "LastName": "King", "IsActive": false }));
    }

    /// A person leaves (disabled, found still), comes back, leaves for good (deleted 30 days later, 404 from then on) and
    /// is hired again: a new user, and the same account.
    async fn entra_restores_deletes_and_creates_again(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        entra.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "False" }])).await;
        let filter = "/Users?filter=userName+eq+%22ada%40contoso.example%22";
        assert_eq!(entra.found(filter).await.len(), 1);
        entra.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "True" }])).await;
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "IsActive": true }));
        let answer = entra.send("DELETE", &path, &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.body), (204, Value::Null));
        for method in ["GET", "DELETE"] {
            refused(&entra.send(method, &path, &Value::Null).await, 404, None);
        }
        none(&entra.get(filter).await);
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "IsActive": false }));
        let again = entra.create("/Users", &ada()).await;
        assert_ne!(path, format!("/Users/{again}"));
        let org = entra.delivered().await;
        assert_eq!(org.users().len(), 1);
        account(&org, "ada@contoso.example", &json!({ "IsActive": true }));
    }
}
