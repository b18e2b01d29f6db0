//! What of a request counts, and what says nothing: headers, parameters, the first bytes of a body.

use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};

use super::support::app::{Answer, TestApp, answer, user};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A request with more headers.
async fn with(
    app: &TestApp,
    method: Method,
    path: &str,
    headers: &[(HeaderName, &[u8])],
    body: Option<&Value>,
) -> Answer {
    let mut request = app.request(method, path);
    for (name, value) in headers {
        request = request.header(name, HeaderValue::from_bytes(value).expect("a header"));
    }
    if let Some(body) = body {
        request = request.header("Content-Type", "application/scim+json").body(body.to_string());
    }
    answer(request).await
}

both_engines! {
    /// What PATCH does not let grow, POST and PUT do not bring along. Members are kept apart.
    async fn a_thousand_values_of_an_attribute(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let with = |many: usize| {
            let mut body = user("ada");
            body["emails"] = (0..many).map(|n| json!({ "value": format!("{n}@example.com") })).collect();
            body
        };
        let too_many = |answer: &Answer| {
            let told = (answer.status.as_u16(), &answer.body["scimType"], &answer.body["detail"]);
            assert_eq!(told, (400, &json!("tooMany"), &json!("emails: more than 1000 values")));
        };
        too_many(&app.post("/Users", &with(1001)).await);
        let made = app.post("/Users", &with(1000)).await;
        assert_eq!(made.status, 201, "{}", made.body["detail"]);
        let path = format!("/Users/{}", made.body["id"].as_str().expect("an id"));
        too_many(&app.put(&path, &with(1001)).await);
        assert_eq!(app.put(&path, &with(1000)).await.body["meta"]["version"], made.body["meta"]["version"]);
        // What is looked up by is what is stored: some rows go, others come, and the rest stays.
        let mut other = with(1000);
        other["emails"].as_array_mut().expect("a list").drain(..500);
        other["emails"].as_array_mut().expect("a list").push(json!({ "value": "new@example.com" }));
        assert_eq!(app.put(&path, &other).await.status, 200);
        for (mail, found) in [("499", 0), ("500", 1), ("999", 1), ("new", 1)] {
            let list = app.get(&format!("/Users?filter=emails.value%20eq%20%22{mail}@example.com%22")).await;
            assert_eq!(list.body["totalResults"], found, "{mail}");
        }
        let members: Value = (0..1001).map(|n| json!({ "value": n.to_string() })).collect();
        let group = json!({ "schemas": [GROUP], "displayName": "g", "members": members });
        assert_eq!(app.post("/Groups", &group).await.status, 201);
    }
}
