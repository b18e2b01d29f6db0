//! `PingFederate` and `PingOne`, outbound provisioning.

use serde_json::{Value, json};

use super::{Idp, Style, USER, account, has, none};

const PING: Style =
    Style { content_type: Some("application/scim+json"), headers: &[("User-Agent", "Apache-HttpClient/4.5")] };

both_engines! {
    /// People are matched by `userName eq` or, by configuration, `emails eq`, which means the address itself; literals may
    /// come without quotes.
    async fn ping_matches_by_name_or_address(engine: Engine) {
        let ping = Idp::start(&engine, &PING).await;
        let body = json!({
            "schemas": [USER], "userName": "ada@ping.example", "name": { "givenName": "Ada", "familyName": "Lovelace" },
            "emails": [{ "value": "ada.work@ping.example", "type": "work" }], "active": true
        });
        let id = ping.create("/Users", &body).await;
        for filter in [
            "userName eq \"ada@ping.example\"",
            "userName eq ada@ping.example",
            "emails eq \"ada.work@ping.example\"",
            "emails eq ADA.WORK@ping.example",
            "emails.value eq \"ada.work@ping.example\"",
            "emails[type eq work].value eq ada.work@ping.example",
            "emails[type eq \"work\" and value eq \"ada.work@ping.example\"]",
        ] {
            assert_eq!(ping.found(&format!("/Users?filter={filter}")).await, [id.as_str()], "{filter}");
        }
        for filter in ["emails eq \"nobody@ping.example\"", "emails eq nobody@ping.example"] {
            none(&ping.get(&format!("/Users?filter={filter}")).await);
        }
    }

    /// Updated by PUT or PATCH, removed by disabling or deleting.
    async fn ping_updates_and_removes(engine: Engine) {
        let ping = Idp::start(&engine, &PING).await;
        let mut body = json!({
            "schemas": [USER], "userName": "ada@ping.example", "name": { "givenName": "Ada", "familyName": "Lovelace" },
            "emails": [{ "value": "ada@ping.example", "type": "work", "primary": true }], "active": true
        });
        let path = format!("/Users/{}", ping.create("/Users", &body).await);
        body["name"]["familyName"] = json!("King");
        let answer = ping.send("PUT", &path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        ping.stored(&path, &json!({ "name": { "familyName": "King" } })).await;
        let disable = json!([{ "op": "replace", "path": "active", "value": false }]);
        has(&ping.patch(&path, disable).await, &json!({ "active": false }));
        account(&ping.delivered().await, "ada@ping.example", &json!({ "LastName": "King", "IsActive": false }));
        assert_eq!(ping.send("DELETE", &path, &Value::Null).await.status, 204);
        ping.delivered().await;
    }
}
