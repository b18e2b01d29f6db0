//! The twelve requests of Okta's SCIM 2.0 specification test, in order. The store holds a user before.

use std::time::Instant;

use serde_json::{Value, json};

use super::{ERROR, Idp, LIST, Style, USER, has, none, refused};

/// The runner sends its media type with reads as well.
const RUNNER: Style = Style {
    content_type: None,
    headers: &[
        ("Content-Type", "application/json"),
        ("Accept", "application/scim+json; charset=utf-8"),
        ("Accept-Charset", "utf-8"),
    ],
};

fn filled(user: &Value) {
    for pointer in ["/id", "/name/familyName", "/name/givenName", "/userName", "/emails/0/value"] {
        assert!(
            user.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
            "{pointer}: {user}"
        );
    }
    assert!(user["active"].is_boolean(), "{user}");
}

both_engines! {
    /// Media types `application/json` and with a character set; a filter in other letters; 401 and 404 as SCIM errors with
    /// their status as a text.
    async fn okta_specification_test(engine: Engine) {
        let okta = Idp::start(&engine, &RUNNER).await;
        okta.somebody("first").await;
        // 1, 2: a page of one, and its user.
        let page = okta.get("/Users?count=1&startIndex=1").await;
        assert_eq!(page.status, 200);
        has(&page.body, &json!({ "schemas": [LIST], "itemsPerPage": 1, "startIndex": 1, "totalResults": 1 }));
        let first = &page.body["Resources"][0];
        filled(first);
        let path = format!("/Users/{}", first["id"].as_str().expect("an id"));
        let read = okta.stored(&path, &json!({ "id": first["id"] })).await;
        filled(&read);
        // 3, 4, 5: nobody.
        none(&okta.get("/Users?filter=userName eq \"abcdefgh@atko.com\"").await);
        refused(&okta.get("/Users/010101001010101011001010101011").await, 404, None);
        let random = "runscope300qwertyuiop@atko.com";
        none(&okta.get(&format!("/Users?filter=userName eq \"{random}\"")).await);
        // 6, 7, 8: created, read, created again.
        let body = json!({
            "schemas": [USER], "userName": random, "name": { "givenName": "Runscope300", "familyName": "Qwertyuiop" },
            "emails": [{ "primary": true, "value": random, "type": "work" }], "displayName": "Runscope300 Qwertyuiop",
            "active": true
        });
        let created = okta.send("POST", "/Users", &body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        has(&created.body, &body);
        let path = format!("/Users/{}", created.body["id"].as_str().expect("an id"));
        okta.stored(&path, &json!({ "userName": random, "name": body["name"] })).await;
        refused(&okta.send("POST", "/Users", &body).await, 409, Some("uniqueness"));
        // 9: the same name in capitals.
        let found = okta.found(&format!("/Users?filter=userName eq \"{}\"", random.to_uppercase())).await;
        assert_eq!(Some(found[0].as_str()), created.body["id"].as_str());
        // 10: groups, soon.
        let begun = Instant::now();
        let groups = okta.get("/Groups").await;
        assert!(begun.elapsed().as_millis() < 600);
        has(&groups.body, &json!({ "schemas": [LIST], "Resources": [] }));
        // 11: a token that is none.
        let answer = super::answer(
            super::without_token().get(format!("{}/Users", okta.app.base())).header("Authorization", "non-token")
        ).await;
        refused(&answer, 401, None);
        assert!(answer.headers.contains_key("www-authenticate"));
        has(&answer.body, &json!({ "schemas": [ERROR], "status": "401" }));
        // 12: an id that is none.
        refused(&okta.get("/Users/00919288221112222").await, 404, None);
        okta.delivered().await;
    }
}
