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
    /// An entity tag may hold bytes beyond ASCII, and commas (RFC 9110 8.8.3): a condition that is not understood is one
    /// that does not hold, never none.
    async fn a_condition_on_another_version_is_one(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let path = format!("/Users/{}", app.user("ada").await);
        let before = app.get(&path).await.body;
        assert_eq!(before["meta"]["version"], "W/\"1\"");
        let mut body = user("ada");
        body["title"] = json!("x");
        let conditions: [&[(HeaderName, &[u8])]; 6] = [
            &[(IF_MATCH, b"\"\xe9\"")],
            &[(IF_MATCH, b"W/\"1\xe9\"")],
            &[(IF_MATCH, b"\xe9"), (IF_MATCH, b"\"2\"")],
            &[(IF_MATCH, b"\"a,1,b\"")],
            &[(IF_MATCH, b"")],
            &[(IF_NONE_MATCH, b"\"\xe9\", \"1\"")],
        ];
        for headers in conditions {
            for (method, body) in [(Method::PUT, Some(&body)), (Method::DELETE, None)] {
                let refused = with(&app, method, &path, headers, body).await;
                assert_eq!(refused.status, 412, "{headers:?}: {}", refused.body);
            }
            assert_eq!(app.get(&path).await.body, before, "{headers:?}");
        }
        // One of several that is understood is enough.
        let written = with(&app, Method::PUT, &path, &[(IF_MATCH, b"\"\xe9,\""), (IF_MATCH, b"\"1\"")], Some(&body)).await;
        assert_eq!((written.status.as_u16(), &written.body["title"]), (200, &json!("x")));
        let read = with(&app, Method::GET, &path, &[(IF_NONE_MATCH, b"\"a,2,b\"")], None).await;
        assert_eq!(read.status, 200, "it has another version");
    }

    /// The parameters of lists say nothing to other requests, right or wrong (RFC 7644 3.4.2, 3.9).
    async fn parameters_of_lists_are_ignored_elsewhere(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let wrong = "count=abc&startIndex=x&sortOrder=foo&filter=%28&sortBy=%5B&cursor=nonsense";
        let made = app.post(&format!("/Users?{wrong}&attributes=userName"), &user("ada")).await;
        assert_eq!((made.status.as_u16(), &made.body["name"]), (201, &Value::Null), "{}", made.body);
        let path = format!("/Users/{}", made.body["id"].as_str().expect("an id"));
        let of_one = format!("{path}?{wrong}&ExcludedAttributes=name");
        let operations = json!([{ "op": "add", "path": "title", "value": "x" }]);
        for answer in [app.get(&of_one).await, app.put(&of_one, &user("ada")).await, app.patch(&of_one, operations).await] {
            assert_eq!((answer.status.as_u16(), &answer.body["name"]), (200, &Value::Null), "{}", answer.body);
            assert_eq!(answer.body["userName"], "ada@example.com");
        }
        assert_eq!(app.delete(&of_one).await.status, 204);
        // Those that count are still read.
        let path = format!("/Users/{}", app.user("bob").await);
        for (method, body) in [(Method::GET, None), (Method::PUT, Some(user("bob")))] {
            let refused = app.send(method, &format!("{path}?attributes=emails%5B"), body.as_ref()).await;
            assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!("invalidValue")));
        }
        let refused = app.get("/Users?count=abc").await;
        assert_eq!((refused.status.as_u16(), &refused.body["scimType"]), (400, &json!("invalidValue")));
    }

    /// RFC 8259 8.1 lets a reader pass over a byte order mark; `*` alone is what some clients write for `*/*`.
    async fn marks_before_a_body_and_any_media_type(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let body = format!("\u{feff}{}", user("ada"));
        let request = app.request(Method::POST, "/Users").header("Content-Type", "application/scim+json").body(body);
        let made = answer(request).await;
        assert_eq!((made.status.as_u16(), &made.body["userName"]), (201, &json!("ada@example.com")), "{}", made.body);
        for accept in ["*", "* ", "text/html, *;q=0.1", "*/*"] {
            for path in ["/Users", "/Schemas"] {
                let read = with(&app, Method::GET, path, &[(ACCEPT, accept.as_bytes())], None).await;
                assert_eq!(read.status, 200, "{accept}");
            }
        }
        for accept in ["*;q=0", "**", "text/*"] {
            let read = with(&app, Method::GET, "/Users", &[(ACCEPT, accept.as_bytes())], None).await;
            assert_eq!(read.status, 406, "{accept}");
        }
    }

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
