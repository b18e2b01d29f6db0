//! Microsoft Entra ID with `aadOptscim062020` at the end of the tenant URL: PATCH nearer to the RFC, and odd in its own way.

use serde_json::{Value, json};

use super::entra::{ENTRA, ada};
use super::{ENTERPRISE, GROUP, Idp, USER, account, has, sorted};

both_engines! {
    /// Several attributes come as operations with value filters and one object without path, whose keys are paths:
    /// dotted ones, whole URNs, value filters. Nothing is stored under such a key.
    async fn entra_flag_updates_several_attributes(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let bob = entra.somebody("bob").await;
        let answer = entra.patch(&path, json!([
            { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "king@contoso.example" },
            { "op": "add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44 7700 900001" },
            { "op": "replace", "value": {
                "displayName": "Ada King", "name.givenName": "Augusta", "name.familyName": "King",
                (format!("{ENTERPRISE}:employeeNumber")): "1002", (format!("{ENTERPRISE}:manager")): bob,
                (format!("{USER}:title")): "Analyst", "addresses[type eq \"work\"].locality": "London"
            } }
        ])).await;
        let expected = json!({
            "displayName": "Ada King", "title": "Analyst", "name": { "givenName": "Augusta", "familyName": "King" },
            "emails": [{ "type": "work", "primary": true, "value": "king@contoso.example" }],
            "phoneNumbers": [{ "type": "mobile", "value": "+44 7700 900001" }],
            "addresses": [{ "type": "work", "locality": "London" }],
            (ENTERPRISE): { "employeeNumber": "1002", "department": "Research", "manager": { "value": bob } }
        });
        has(&answer, &expected);
        let stored = entra.stored(&path, &expected).await;
        let odd = |key: &String| key.contains("name.") || key.contains('[') || key.contains("User:");
        assert!(!stored.as_object().expect("an object").keys().any(odd), "{stored}");
        account(&entra.delivered().await, "ada@contoso.example", &json!({
            "FirstName": "Augusta", "LastName": "King", "EmployeeNumber": "1002", "Title": "Analyst", "City": "London",
            "MobilePhone": "+44 7700 900001", "Manager": "bob@example.com"
        }));
    }

    /// `op` in lower case, booleans as booleans.
    async fn entra_flag_disables_and_enables(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        for active in [false, true, false] {
            let answer = entra.patch(&path, json!([{ "op": "replace", "path": "active", "value": active }])).await;
            has(&answer, &json!({ "active": active }));
            entra.stored(&path, &json!({ "active": active })).await;
        }
        account(&entra.delivered().await, "ada@contoso.example", &json!({ "IsActive": false }));
    }

    /// `""` and null in the object without path clear what they stand for, and no more.
    async fn entra_flag_adds_and_clears(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let bob = entra.somebody("bob").await;
        let manager = format!("{ENTERPRISE}:manager");
        let answer = entra.patch(&path, json!([
            { "op": "add", "path": "nickName", "value": "Countess" }, { "op": "add", "path": "title", "value": "Analyst" },
            { "op": "add", "value": { (manager.as_str()): bob } }
        ])).await;
        has(&answer, &json!({ "nickName": "Countess", "title": "Analyst", (ENTERPRISE): { "manager": { "value": bob } } }));
        let cleared = json!([{ "op": "replace", "value": {
            "nickName": "", "title": null, (manager.as_str()): "", "emails[type eq \"work\"].value": ""
        } }]);
        let expected = json!({
            "nickName": null, "title": null, "emails": null, "displayName": "Ada Lovelace",
            (ENTERPRISE): { "manager": null, "employeeNumber": "1001" }
        });
        has(&entra.patch(&path, cleared).await, &expected);
        entra.stored(&path, &expected).await;
        // Salesforce must have an address: the name of the user is one.
        account(&entra.delivered().await, "ada@contoso.example", &json!({
            "Title": null, "Manager": null, "Email": "ada@contoso.example"
        }));
    }

    /// App roles as a whole list, which takes the place of the one before.
    async fn entra_flag_assigns_app_roles(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let path = format!("/Users/{}", entra.create("/Users", &ada()).await);
        let role = |name: &str| {
            json!({ "primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": name, "value": name })
        };
        for roles in [json!([role("User"), role("Admin")]), json!([role("Reader")])] {
            let answer = entra.patch(&path, json!([{ "op": "replace", "path": "roles", "value": roles }])).await;
            has(&answer, &json!({ "roles": roles }));
            entra.stored(&path, &json!({ "roles": roles })).await;
        }
    }

    /// A member is removed by a filter on its value; a group renamed without path.
    async fn entra_flag_changes_a_group(engine: Engine) {
        let entra = Idp::start(&engine, &ENTRA).await;
        let (ada, bob) = (entra.somebody("ada").await, entra.somebody("bob").await);
        let body = json!({ "schemas": [GROUP], "externalId": "0bc96c24", "displayName": "Sales", "members": [] });
        let group = entra.create("/Groups", &body).await;
        let path = format!("/Groups/{group}");
        let add = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "$ref": null, "value": id }] }]);
        entra.patch(&path, add(&ada)).await;
        entra.patch(&path, add(&bob)).await;
        assert_eq!(entra.members(&group).await, sorted(&[&ada, &bob]));
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{ada}\"]") }]);
        entra.patch(&path, remove.clone()).await;
        entra.patch(&path, remove).await;
        assert_eq!(entra.members(&group).await, [bob.as_str()]);
        let answer = entra.patch(&path, json!([{ "op": "replace", "value": { "displayName": "Sales EMEA" } }])).await;
        has(&answer, &json!({ "displayName": "Sales EMEA", "externalId": "0bc96c24", "members": [{ "value": bob }] }));
        let org = entra.delivered().await;
        assert_eq!(org.groups(), ["Sales EMEA"]);
        assert_eq!(org.members("Sales EMEA"), Some(vec!["bob@example.com".to_owned()]));
        assert_eq!(entra.send("DELETE", &path, &Value::Null).await.status, 204);
    }
}
