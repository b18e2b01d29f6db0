//! Pages that were answered before: the same again as long as nothing changed, and no longer.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HOST};
use serde_json::{Value, json};

use scim_bridge::access::{NewToken, Scope};
use scim_bridge::config::Config;
use scim_bridge::scim::DELIVERY_SCHEMA;

use super::super::support::app::{TENANT, TestApp, answer, user};
use super::{ids, page};

/// What is asked again and again.
const LISTS: [(&str, &[(&str, &str)]); 6] = [
    ("/Users", &[]),
    ("/Users", &[("startIndex", "2"), ("count", "2")]),
    ("/Users", &[("attributes", "groups"), ("sortBy", "userName"), ("sortOrder", "descending")]),
    ("/Groups", &[]),
    ("/Groups", &[("excludedAttributes", "members")]),
    ("", &[]),
];

/// Each list as a bridge says it that has answered it before, and beside it as one says it that has not: with a filter that
/// everything matches.
async fn lists(app: &TestApp) -> Vec<(Value, Value)> {
    let mut lists = Vec::new();
    for (endpoint, parameters) in LISTS {
        let fresh = [parameters, &[("filter", "id pr")]].concat();
        lists.push((page(app, endpoint, parameters).await, page(app, endpoint, &fresh).await));
    }
    lists
}

both_engines! {
    async fn a_page_asked_again_is_what_is_stored(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let (ada, ben) = (app.user("ada").await, app.user("ben").await);
        let group = app.group("Sales", &[&ada]).await;
        let other = app.group("Empty", &[]).await;
        let (user_path, group_path) = (format!("/Users/{ada}"), format!("/Groups/{group}"));
        let operations = |body: Value| {
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [body] })
        };
        let renamed = |name: &str| operations(json!({ "op": "replace", "path": "displayName", "value": name }));
        let member = |op: &str, id: &str| operations(json!({ "op": op, "path": "members", "value": [{ "value": id }] }));
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [
                { "method": "POST", "path": "/Groups", "bulkId": "a", "data":
                    { "displayName": "A", "members": [{ "value": "bulkId:b" }] } },
                { "method": "POST", "path": "/Groups", "bulkId": "b", "data":
                    { "displayName": "B", "members": [{ "value": "bulkId:a" }] } },
                { "method": "PATCH", "path": format!("/Users/{ben}"), "data": renamed("B. B.") },
            ],
        });
        let changes: Vec<(Method, String, Option<Value>)> = vec![
            (Method::POST, "/Users".into(), Some(user("eve"))),
            (Method::PATCH, user_path.clone(), Some(renamed("Countess"))),
            (Method::PUT, user_path.clone(), Some(user("ada"))),
            (Method::PATCH, group_path.clone(), Some(member("add", &ben))),
            (Method::PATCH, group_path.clone(), Some(renamed("Sellers"))),
            (Method::PATCH, group_path.clone(), Some(member("remove", &ada))),
            (Method::PUT, group_path.clone(), Some(json!({ "displayName": "Sales", "members": [{ "value": ada }] }))),
            (Method::POST, "/Bulk".into(), Some(bulk)),
            (Method::DELETE, user_path, None),
            (Method::DELETE, group_path, None),
            (Method::DELETE, format!("/Groups/{other}"), None),
        ];
        let mut before = lists(&app).await;
        for (method, path, body) in changes {
            let done = app.send(method.clone(), &path, body.as_ref()).await;
            assert!(done.status.is_success(), "{method} {path}: {}", done.body);
            let now = lists(&app).await;
            for ((kept, read), (endpoint, parameters)) in now.iter().zip(LISTS) {
                assert_eq!(kept, read, "{endpoint} {parameters:?} after {method} {path}");
            }
            assert_ne!(now, before, "{method} {path} changes nothing that is listed");
            assert_eq!(lists(&app).await, now, "asked again after {method} {path}");
            before = now;
        }
    }

    async fn a_page_belongs_to_who_asks_and_how(engine: Engine) {
        let two = |config: &mut Config| {
            let tenant = config.tenant[TENANT].clone();
            config.tenant.insert("other".into(), tenant);
        };
        let app = TestApp::start_with(&engine, |_| {}, two).await;
        let ada = app.user("ada").await;
        let of = |token: &str, host: &str| {
            let values = [(HOST, host.to_owned()), (AUTHORIZATION, format!("Bearer {token}"))];
            let headers = values.into_iter().map(|(name, value)| (name, value.parse().expect("a value"))).collect();
            // In place of those that are there.
            answer(app.request(Method::GET, "/Users").headers(headers))
        };
        let other = NewToken::new("other", "test", vec![Scope::Scim]);
        let (_, other) = app.app().access().create(other).await.expect("a token");
        for _ in 0..2 {
            let own = of(app.token(), "a.example").await.body;
            assert_eq!(ids(&own), std::slice::from_ref(&ada));
            let location = own["Resources"][0]["meta"]["location"].as_str().expect("a location");
            assert_eq!(location, format!("http://a.example/scim/v2/Users/{ada}"));
            let elsewhere = of(app.token(), "b.example").await.body;
            let location = elsewhere["Resources"][0]["meta"]["location"].as_str().expect("a location");
            assert_eq!(location, format!("http://b.example/scim/v2/Users/{ada}"));
            assert_eq!(of(&other, "a.example").await.body["totalResults"], 0);
        }
    }

    async fn where_deliveries_stand_is_not_remembered(engine: Engine) {
        let app = TestApp::start_with(&engine, |org| org.faults.latency_ms = 500, |_| {}).await;
        app.user("ada").await;
        let states = async || {
            let list = page(&app, "/Users", &[("attributes", DELIVERY_SCHEMA)]).await;
            list["Resources"][0][DELIVERY_SCHEMA]["state"].clone()
        };
        let mut seen = vec![states().await];
        app.settled().await;
        seen.push(states().await);
        assert_ne!(seen[0], "delivered");
        assert_eq!(seen[1], "delivered");
    }
}
