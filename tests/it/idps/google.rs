//! Google Workspace: plain JSON, one user at a time, no groups.

use serde_json::json;

use super::{Idp, Style, USER, account, answer, has, none, refused};

const GOOGLE: Style =
    Style { content_type: Some("application/json"), headers: &[("User-Agent", "Google-Auto-Provisioning")] };

both_engines! {
    /// Bodies of type `application/json`; a probe for one user; a filter with `startIndex`.
    async fn google_provisions_a_user(engine: Engine) {
        let google = Idp::start(&engine, &GOOGLE).await;
        none(&google.get("/Users?count=1").await);
        let lookup = "/Users?filter=userName%20eq%20%22ada@google.example%22&startIndex=1";
        none(&google.get(lookup).await);
        let mut body = json!({
            "schemas": [USER], "userName": "ada@google.example", "active": true,
            "name": { "givenName": "Ada", "familyName": "Lovelace" },
            "emails": [{ "value": "ada@google.example", "type": "work", "primary": true }]
        });
        let id = google.create("/Users", &body).await;
        assert_eq!(google.found(lookup).await, [id.as_str()]);
        body["active"] = json!(false);
        let answer = google.send("PUT", &format!("/Users/{id}"), &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        has(&answer.body, &json!({ "id": id, "active": false }));
        google.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "active", "value": true }])).await;
        account(&google.delivered().await, "ada@google.example", &json!({ "IsActive": true, "LastName": "Lovelace" }));
    }

    /// What other clients call the type of a body, or not at all, and what they accept, is the same to a bridge: it is
    /// JSON. Another type is 415.
    async fn media_types_of_all_clients(engine: Engine) {
        let google = Idp::start(&engine, &GOOGLE).await;
        let kinds = [
            (Some("application/scim+json"), Some("application/scim+json")),
            (Some("application/scim+json; charset=utf-8"), Some("application/scim+json, application/json")),
            (Some("application/scim+json;charset=UTF-8"), Some("*/*")),
            (Some("application/json"), Some("application/json")),
            (Some("application/json; charset=utf-8"), None),
            (Some("Application/SCIM+JSON"), Some("application/scim+json; charset=utf-8")),
            (None, None),
        ];
        for (n, (kind, accept)) in kinds.into_iter().enumerate() {
            let body = json!({ "schemas": [USER], "userName": format!("u{n}@google.example") }).to_string();
            let mut request = google.app.request(reqwest::Method::POST, "/Users").body(body);
            for (name, value) in [("Content-Type", kind), ("Accept", accept)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let created = answer(request).await;
            assert_eq!(created.status, 201, "{kind:?} {accept:?}: {}", created.body);
            assert_eq!(created.headers["content-type"], "application/scim+json");
        }
        let form = google.app.request(reqwest::Method::POST, "/Users").header("Content-Type", "text/xml").body("<a/>");
        refused(&answer(form).await, 415, None);
        google.delivered().await;
    }
}
