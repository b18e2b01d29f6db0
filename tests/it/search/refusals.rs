//! What is wrong with a search is told, by `scimType` and by name.

use chrono::TimeDelta;
use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use scim_bridge::clock::{Clock, SystemClock};
use scim_bridge::scim::cursor::{self, Cursor};
use scim_bridge::scim::sort::{Key, Place};
use serde_json::{Value, json};

use super::super::support::app::{Answer, TENANT, TestApp, answer};
use super::{SEARCH, page, query};

/// The same search in both forms; they are answered the same.
async fn both(app: &TestApp, token: &str, endpoint: &str, parameters: &[(&str, &str)]) -> Answer {
    let client = reqwest::Client::builder().build().expect("a client");
    let request = |method, path: &str| client.request(method, format!("{}{path}", app.base())).bearer_auth(token);
    let got = answer(request(Method::GET, &format!("{endpoint}?{}", query(parameters)))).await;
    let mut body = json!({ "schemas": [SEARCH] });
    for (name, value) in parameters {
        body[*name] = json!(value);
    }
    let post = request(Method::POST, &format!("{endpoint}/.search"));
    let posted = answer(post.header("Content-Type", "application/scim+json").body(body.to_string())).await;
    assert_eq!((posted.status, &posted.body), (got.status, &got.body), "{endpoint} {parameters:?}");
    got
}

fn kind(answer: &Answer) -> (u16, &str, &str) {
    let text = |name: &str| answer.body[name].as_str().unwrap_or_default();
    (answer.status.as_u16(), text("scimType"), text("detail"))
}

async fn token(app: &TestApp, tenant: &str, strict: bool) -> String {
    let new = NewToken { strict, ..NewToken::new(tenant, "t", vec![Scope::Scim]) };
    app.app().access().create(new).await.expect("a token").1
}

both_engines! {
    async fn wrong_parameters_are_named(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for n in 0..3 {
            app.user(&format!("user{n}")).await;
        }
        app.group("west", &[]).await;
        let lenient = token(&app, TENANT, false).await;
        let strict = token(&app, TENANT, true).await;
        // parameter and value, beside it; kind and name that are told to all, or to strict clients alone
        let cases = [
            (vec![("sortOrder", "up")], Some(("invalidValue", "sortOrder")), None),
            (vec![("sortBy", "name")], Some(("invalidPath", "sortBy")), None),
            (vec![("sortBy", "a b")], Some(("invalidPath", "sortBy")), None),
            (vec![("sortBy", "emails[")], Some(("invalidPath", "sortBy")), None),
            (vec![("sortBy", "shoeSize")], None, Some(("invalidPath", "sortBy"))),
            (vec![("sortBy", "password")], None, Some(("invalidPath", "sortBy"))),
            (vec![("count", "many")], Some(("invalidValue", "count")), None),
            (vec![("startIndex", "first")], Some(("invalidValue", "startIndex")), None),
            (vec![("count", "many"), ("cursor", "")], Some(("invalidCount", "count")), None),
            (vec![("startIndex", "2"), ("cursor", "")], Some(("invalidValue", "startIndex and cursor")), None),
            (vec![("cursor", "x")], Some(("invalidCursor", "cursor")), None),
            (vec![("cursor", "ä ")], Some(("invalidCursor", "cursor")), None),
            (vec![("filter", "userName eq")], Some(("invalidFilter", "filter")), None),
            (vec![("filter", "")], Some(("invalidFilter", "filter")), None),
            (vec![("filter", "active gt true")], Some(("invalidFilter", "filter")), None),
            (vec![("filter", "userName eq ada")], None, Some(("invalidFilter", "filter"))),
            (vec![("attributes", "emails[")], Some(("invalidValue", "attributes")), None),
            (vec![("nonsense", "x")], None, None),
            (vec![("sortOrder", "descending")], None, None),
        ];
        for endpoint in ["/Users", ""] {
            for (parameters, always, strictly) in &cases {
                for (token, expected) in [(&lenient, always), (&strict, if always.is_some() { always } else { strictly })] {
                    let answer = both(&app, token, endpoint, parameters).await;
                    let (status, told, detail) = kind(&answer);
                    match expected {
                        None => assert_eq!(status, 200, "{endpoint} {parameters:?}: {detail}"),
                        Some((wanted, name)) => {
                            assert_eq!((status, told), (400, *wanted), "{endpoint} {parameters:?}: {detail}");
                            assert!(detail.starts_with(name), "{parameters:?}: {detail}");
                        }
                    }
                }
            }
        }
    }

    /// RFC 9865 2.1. What is told of a cursor is the same whatever is wrong with it, but that it has expired.
    async fn a_cursor_is_good_for_its_own_query(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for n in 0..3 {
            app.user(&format!("user{n}")).await;
        }
        let (mine, other) = (token(&app, TENANT, false).await, token(&app, "other", false).await);
        let asked = [("filter", "userName pr"), ("sortBy", "userName"), ("count", "2")];
        let first = page(&app, "/Users", &[&asked[..], &[("cursor", "")]].concat()).await;
        let next = first["nextCursor"].as_str().expect("a cursor").to_owned();
        let turned = [("sortOrder", "descending")];
        let with = |parameters: &[(&'static str, &'static str)]| {
            let mut all: Vec<(&str, String)> = parameters.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
            all.push(("cursor", next.clone()));
            all
        };
        for (token, endpoint, parameters, wanted) in [
            (&mine, "/Users", with(&asked), None),
            (&mine, "/Users", with(&[&asked[..], &[("attributes", "id")]].concat()), None),
            (&mine, "/Users", with(&[&asked[..], &turned].concat()), Some("invalidCursor")),
            (&mine, "/Users", with(&asked[..1]), Some("invalidCursor")),
            (&mine, "/Users", with(&asked[1..]), Some("invalidCursor")),
            (&mine, "/Users", with(&[("filter", "userName  pr"), asked[1]]), Some("invalidCursor")),
            (&mine, "", with(&asked), Some("invalidCursor")),
            (&mine, "/Groups", with(&asked), Some("invalidCursor")),
            (&other, "/Users", with(&asked), Some("invalidCursor")),
        ] {
            let parameters: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let answer = both(&app, token, endpoint, &parameters).await;
            let (status, told, detail) = kind(&answer);
            match wanted {
                None => assert_eq!(status, 200, "{parameters:?}: {detail}"),
                Some(wanted) => {
                    assert_eq!((status, told), (400, wanted), "{endpoint} {parameters:?}: {detail}");
                    assert!(detail.starts_with("cursor: is not one that this query answered"), "{detail}");
                }
            }
        }
        // A strict client keeps its count.
        let strict = token(&app, TENANT, true).await;
        for (count, wanted) in [("2", ""), ("3", "invalidCount")] {
            let answer = both(&app, &strict, "/Users", &[asked[0], asked[1], ("count", count), ("cursor", &next)]).await;
            assert_eq!(kind(&answer).1, wanted, "{}", answer.body);
        }
    }

    /// Cursors that this server did not issue, or long ago: refused or harmless.
    async fn a_cursor_that_was_made_up_does_no_harm(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for n in 0..3 {
            app.user(&format!("user{n}")).await;
        }
        let mine = token(&app, TENANT, false).await;
        let scope = |sort_by| cursor::Scope { tenant: TENANT, endpoint: "/Users", filter: None, sort_by, descending: false };
        let now = SystemClock.now();
        let at = |key: Key, id: &str| Place { key, part: 0, id: id.to_owned() };
        let text = |text: &str| Key::Text(text.into());
        for (sort_by, place, age, status, wanted) in [
            (None, at(Key::Missing, "0"), 3500, 200, 3),
            (None, at(Key::Missing, "0"), 3700, 400, 0),
            (None, at(Key::Missing, "~"), 0, 200, 0),
            (Some("userName"), at(text("user1@example.com"), "0"), 0, 200, 1),
            (Some("userName"), at(text("\0"), "0"), 0, 200, 0),
            (Some("userName"), at(Key::Boolean(true), "0"), 0, 200, 0),
            (Some("meta.created"), at(Key::Time(i64::MAX), "0"), 0, 200, 0),
            (Some("meta.created"), at(Key::Time(0), "0"), 0, 200, 3),
            (Some("title"), at(text("\0"), "0"), 0, 200, 3),
            (None, at(Key::Missing, "\0"), 0, 400, 0),
            (None, Place { part: 9, ..at(Key::Missing, "~") }, 0, 400, 0),
        ] {
            let told = format!("{sort_by:?} {place:?} {age}");
            let cursor = Cursor::new(place, 100, now - TimeDelta::seconds(age)).encode(&scope(sort_by));
            let mut parameters = vec![("cursor", cursor.as_str())];
            parameters.extend(sort_by.map(|by| ("sortBy", by)));
            let answer = both(&app, &mine, "/Users", &parameters).await;
            assert_eq!(answer.status, status, "{told}: {}", answer.body);
            if status == 200 {
                assert_eq!(answer.body["Resources"].as_array().map(Vec::len), Some(wanted), "{told}");
            } else {
                assert_eq!(kind(&answer).1, if age > 3600 { "expiredCursor" } else { "invalidCursor" }, "{told}");
            }
        }
    }

    /// RFC 7644 7.5.2: what is never answered is not told by filters and orders either.
    async fn a_password_is_not_found_out(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for (name, password) in [("ada", "b-secret"), ("bob", "a-secret"), ("eve", "c-secret")] {
            let mut body = super::user(name);
            body["password"] = json!(password);
            super::made(&app.post("/Users", &body).await);
        }
        for filter in ["password eq \"a-secret\"", "password sw \"a\"", "password pr", "not (password eq null)"] {
            for endpoint in ["/Users", ""] {
                let found = page(&app, endpoint, &[("filter", filter)]).await;
                assert_eq!(found["totalResults"], 0, "{filter}");
            }
        }
        let sorted = page(&app, "/Users", &[("sortBy", "password")]).await;
        assert_eq!(super::names(&sorted), ["ada", "bob", "eve"]);
        assert!(!sorted.to_string().contains("secret"));
    }

    /// RFC 7644 3.4.3.
    async fn a_search_by_post_is_the_search_by_get(engine: Engine) {
        let app = TestApp::start(&engine).await;
        super::people(&app).await;
        for endpoint in ["/Users", "/Groups", ""] {
            for parameters in [
                json!({}),
                json!({ "filter": "title pr or displayName pr", "sortBy": "displayName", "sortOrder": "descending" }),
                json!({ "startIndex": 2, "count": 2, "attributes": ["displayName", "userName"] }),
                json!({ "excludedAttributes": ["meta", "members"], "count": 0 }),
                json!({ "cursor": "", "count": 50 }),
            ] {
                let texts: Vec<(String, String)> = parameters
                    .as_object()
                    .expect("an object")
                    .iter()
                    .map(|(name, value)| match value {
                        Value::Array(names) => {
                            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                            (name.clone(), names.join(","))
                        }
                        Value::String(text) => (name.clone(), text.clone()),
                        other => (name.clone(), other.to_string()),
                    })
                    .collect();
                let pairs: Vec<(&str, &str)> = texts.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let got = page(&app, endpoint, &pairs).await;
                let mut body = parameters.clone();
                body["schemas"] = json!([SEARCH]);
                let posted = app.post(&format!("{endpoint}/.search"), &body).await;
                assert_eq!(posted.status, 200, "{endpoint} {body}: {}", posted.body);
                assert_eq!(posted.body, got, "{endpoint} {body}");
                assert_eq!(posted.headers["content-type"], "application/scim+json");
            }
            let path = format!("{endpoint}/.search");
            // Some writers of JSON put a point after every number.
            let body = json!({ "schemas": [SEARCH], "startIndex": 2.0, "count": 1.0 });
            let whole = page(&app, endpoint, &[("startIndex", "2"), ("count", "1")]).await;
            assert_eq!(app.post(&path, &body).await.body, whole, "{endpoint} {body}");
            for (body, wanted) in [(json!({ "filter": "userName pr" }), "invalidSyntax"), (json!([]), "invalidSyntax")] {
                assert_eq!(kind(&app.post(&path, &body).await).1, wanted);
            }
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let refused = app.send(method.clone(), &path, None).await;
                assert_eq!((refused.status.as_u16(), &refused.headers["allow"]), (405, &"POST".parse().expect("a header")), "{method}");
            }
        }
        assert_eq!(app.post("/users/.SEARCH/", &json!({ "schemas": [SEARCH] })).await.status, 200);
    }
}
