//! Attributes returned.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::app::{TestApp, user};
use super::{DELIVERY, Directory, ENTERPRISE, PATCH_OP, SEARCH, USER, encoded, found, id_of, keys, patch, user_with};

/// A resource as each verb answers it with this query: read, listed, searched, replaced by itself, changed, created.
async fn on_every_verb(app: &TestApp, id: &str, query: &str, n: usize) -> Vec<(&'static str, Value)> {
    let path = format!("/Users/{id}?{query}");
    let mut body = app.get(&format!("/Users/{id}")).await.body;
    let filter = encoded(&format!("id eq \"{id}\""));
    let listed = app.get(&format!("/Users?filter={filter}&{query}")).await.body;
    let mut search = json!({ "schemas": [SEARCH], "filter": format!("id eq \"{id}\"") });
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        search[name.as_ref()] = value.split(',').collect();
    }
    let searched = app.post("/Users/.search", &search).await.body;
    body["password"] = json!("Secret-1");
    let retitle = patch(json!([{ "op": "replace", "path": "nickName", "value": format!("N{n}") }]));
    let mut new = body.clone();
    new["userName"] = json!(format!("new{n}@example.com"));
    vec![
        ("GET", app.get(&path).await.body),
        ("list", listed["Resources"][0].clone()),
        (".search", searched["Resources"][0].clone()),
        ("PUT", app.put(&path, &body).await.body),
        ("PATCH", app.send(Method::PATCH, &path, Some(&retitle)).await.body),
        ("POST", app.post(&format!("/Users?{query}"), &new).await.body),
    ]
}

statements! {
    21, "RFC 7644 3.9; RFC 7643 7", "attributes answers what is always returned and what is named; excludedAttributes cannot take away what is always returned.",
    note "schemas is answered always, in lists too.",
    async fn always_returned(engine: Engine) {
        let Directory { app, ada, sales, .. } = Directory::new(&engine).await;
        for (path, named) in [(format!("/Users/{ada}"), "userName"), (format!("/Groups/{sales}"), "displayName")] {
            let (endpoint, id) = path.rsplit_once('/').expect("an id");
            let filter = encoded(&format!("id eq \"{id}\""));
            for (query, wanted) in [
                (format!("attributes={named}"), vec!["id", "schemas", named]),
                ("attributes=nothing".into(), vec!["id", "schemas"]),
                ("attributes=id".into(), vec!["id", "schemas"]),
                ("attributes=meta.version".into(), vec!["id", "meta", "schemas"]),
            ] {
                let one = app.get(&format!("{path}?{query}")).await.body;
                let mut wanted_keys = wanted;
                wanted_keys.sort_unstable();
                assert_eq!(keys(&one).into_iter().collect::<Vec<_>>(), wanted_keys, "{path} {query}");
                let list = app.get(&format!("{endpoint}?filter={filter}&{query}")).await.body;
                assert_eq!(list["Resources"][0], one, "{path} {query}: the same in a list");
            }
            let whole = app.get(&path).await.body;
            let less = app.get(&format!("{path}?excludedAttributes=id,schemas,meta,{named}")).await.body;
            let mut wanted = keys(&whole);
            wanted.remove("meta");
            wanted.remove(named);
            assert_eq!(keys(&less), wanted, "{path}: id and schemas stay");
            assert_eq!((&less["id"], &less["schemas"]), (&whole["id"], &whole["schemas"]));
            let all = app.get(&format!("{endpoint}?excludedAttributes=id")).await.body;
            assert!(all["Resources"].as_array().expect("a list").iter().all(|resource| resource["id"].is_string()));
        }
        // What is always returned is so inside of what is asked for, too: the list's own members are no attributes.
        let list = app.get("/Users?excludedAttributes=totalResults,Resources").await.body;
        assert_eq!((&list["totalResults"], list["Resources"].as_array().map(Vec::len)), (&json!(3), Some(3)));
    }

    22, "RFC 7644 3.9, 3.10", "Both parameters work on every verb that answers with resources; sub-attributes and names with a URN may be named, in any case.",
    async fn on_all_verbs(engine: Engine) {
        let Directory { app, ada, .. } = Directory::new(&engine).await;
        let always = ["id", "schemas"];
        let department = format!("{ENTERPRISE}:department");
        for (n, (query, named, check)) in [
            ("attributes=userName".to_owned(), vec!["userName"], None),
            ("attributes=USERNAME,Title".into(), vec!["userName", "title"], None),
            ("attributes=name.givenName".into(), vec!["name"], Some(("name", json!({ "givenName": "T" })))),
            ("attributes=NAME.GIVENNAME,name.familyName".into(), vec!["name"], Some(("name", json!({ "givenName": "T", "familyName": "ada" })))),
            ("attributes=emails.value".into(), vec!["emails"], Some(("emails", json!([{ "value": "ada@example.com" }])))),
            (format!("attributes={USER}:userName"), vec!["userName"], None),
            (format!("attributes={}:NAME.givenname", USER.to_uppercase()), vec!["name"], Some(("name", json!({ "givenName": "T" })))),
            (format!("attributes={department}"), vec![ENTERPRISE], Some((ENTERPRISE, json!({ "department": "Sales" })))),
            (format!("attributes={}", department.to_lowercase()), vec![ENTERPRISE], Some((ENTERPRISE, json!({ "department": "Sales" })))),
            (format!("attributes={ENTERPRISE}"), vec![ENTERPRISE], Some((ENTERPRISE, json!({ "department": "Sales", "employeeNumber": "7" })))),
        ].into_iter().enumerate() {
            for (verb, resource) in on_every_verb(&app, &ada, &query, n).await {
                let wanted = always.into_iter().chain(named.iter().copied()).collect();
                assert_eq!(keys(&resource), wanted, "{verb} {query}: {resource}");
                if let Some((name, value)) = &check {
                    assert_eq!(&resource[*name], value, "{verb} {query}");
                }
            }
        }
        for (n, (query, gone)) in [
            ("excludedAttributes=emails,NAME,meta".to_owned(), vec!["/emails", "/name", "/meta"]),
            ("excludedAttributes=name.givenName,emails.type".into(), vec!["/name/givenName", "/emails/0/type"]),
            (format!("excludedAttributes={department},{USER}:title"), vec!["/department", "/title"]),
            (format!("excludedAttributes={ENTERPRISE}"), vec!["/enterprise"]),
        ].into_iter().enumerate() {
            for (verb, mut resource) in on_every_verb(&app, &ada, &query, 100 + n).await {
                // A URN is no step of a JSON pointer that is read with ease.
                if let Some(extension) = resource.as_object_mut().expect("an object").remove(ENTERPRISE) {
                    resource["department"] = extension["department"].clone();
                    resource["enterprise"] = json!(true);
                }
                for pointer in ["/userName", "/emails", "/emails/0/value", "/emails/0/type", "/name", "/name/familyName", "/name/givenName", "/title", "/department", "/enterprise", "/displayName"] {
                    let there = resource.pointer(pointer).is_some_and(|value| !value.is_null());
                    let whole = gone.contains(&"/enterprise") && pointer == "/department";
                    let wanted = !whole && !gone.iter().any(|gone| pointer.starts_with(gone));
                    assert_eq!(there, wanted, "{verb} {query} {pointer}: {resource}");
                }
                assert!(resource["id"].is_string(), "{verb} {query}");
            }
        }
    }

    23, "RFC 7643 7", "What is never returned, such as password, is in no answer, whatever is asked for; what is returned on request and is nobody's to write, such as the state of a delivery, is answered only where it is named.",
    async fn never_returned(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let secret = "Correct-Horse-1";
        let mut body = user("ada");
        body["password"] = json!(secret);
        let password = format!("{USER}:password");
        let created = app.post("/Users", &body).await;
        let id = id_of(&created);
        let (path, filter) = (format!("/Users/{id}"), encoded(&format!("id eq \"{id}\"")));
        let mut answers = vec![created.body];
        for query in ["", "attributes=password", &format!("attributes={password},userName"), "excludedAttributes=userName"] {
            for (n, op) in ["add", "replace"].into_iter().enumerate() {
                let value = json!([{ "op": op, "path": "password", "value": secret }, { "op": op, "path": "title", "value": format!("{query}{n}") }]);
                answers.push(app.send(Method::PATCH, &format!("{path}?{query}"), Some(&patch(value))).await.body);
            }
            let whole = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "value": { "password": secret } }] });
            answers.push(app.send(Method::PATCH, &format!("{path}?{query}"), Some(&whole)).await.body);
            answers.push(app.put(&format!("{path}?{query}"), &body).await.body);
            answers.push(app.get(&format!("{path}?{query}")).await.body);
            answers.push(app.get(&format!("/Users?filter={filter}&{query}")).await.body);
        }
        answers.push(app.post("/Users/.search", &json!({ "schemas": [SEARCH], "attributes": ["password", "userName"] })).await.body);
        for answer in &answers {
            assert!(answer["schemas"].is_array(), "each was answered: {answer}");
            let text = answer.to_string();
            assert!(!text.contains(secret) && !text.contains("password"), "{text}");
        }
        assert!(answers.iter().all(|answer| !answer.to_string().contains(DELIVERY)), "on request only");
        assert_eq!(app.get("/ServiceProviderConfig").await.body["changePassword"]["supported"], json!(false));
        app.settled().await;
        let asked = app.get(&format!("{path}?attributes={DELIVERY}")).await.body;
        assert_eq!(keys(&asked), ["id", "schemas", DELIVERY].into());
        let listed = app.get(&format!("/Users?attributes={DELIVERY}:state")).await.body;
        assert_eq!(listed["Resources"][0][DELIVERY], json!({ "state": "delivered" }));
    }

    24, "RFC 7644 3.5.2", "A PATCH with attributes is answered 200 with a body, where it might be 204 otherwise.",
    async fn patch_with_attributes(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let mut ids = Vec::new();
        for n in 0..102 {
            ids.push(json!({ "value": app.user(&format!("user{n}")).await }));
        }
        let path = format!("/Groups/{}", app.group("Large", &[]).await);
        let add = |ids: &[Value]| json!([{ "op": "add", "path": "members", "value": ids }]);
        let large = app.patch(&path, add(&ids[..101])).await;
        assert_eq!((large.status.as_u16(), &large.body), (204, &Value::Null), "too large to be answered unasked");
        for (query, members) in [("attributes=displayName", None), ("attributes=displayName,members.value", Some(102)), ("attributes=id", None)] {
            let answer = app.patch(&format!("{path}?{query}"), add(&ids[101..])).await;
            assert_eq!((answer.status.as_u16(), answer.body["id"].is_string()), (200, true), "{query}: {}", answer.body);
            assert_eq!(answer.body["members"].as_array().map(Vec::len), members, "{query}");
            assert_eq!(answer.body.get("displayName").is_some(), query.contains("displayName"), "{query}");
        }
        let user = format!("/Users/{}?attributes=title", ids[0]["value"].as_str().expect("an id"));
        for title in ["A", "A"] {
            let answer = app.patch(&user, json!([{ "op": "replace", "path": "title", "value": title }])).await;
            assert_eq!((answer.status.as_u16(), &answer.body["title"]), (200, &json!(title)), "changed or not");
            assert_eq!(keys(&answer.body), ["id", "schemas", "title"].into());
        }
    }

    25, "RFC 7643 2.5", "Unassigned, null and [] are the same state, and are left out of answers.",
    async fn unassigned(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let empty = [("absent", json!({})), ("null", json!({ "title": null, "phoneNumbers": null, "addresses": null, ENTERPRISE: null })),
            ("empty", json!({ "phoneNumbers": [], "addresses": [], "ims": [null], "name": { "familyName": "empty", "givenName": "T", "middleName": null }, ENTERPRISE: {} }))];
        let mut shapes = Vec::new();
        for (name, attributes) in empty {
            let id = user_with(&app, name, attributes).await;
            let body = app.get(&format!("/Users/{id}")).await.body;
            shapes.push((keys(&body).into_iter().map(str::to_owned).collect::<Vec<_>>(), keys(&body["name"]).len(), body["schemas"].clone()));
        }
        assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
        for none in [json!(null), json!([])] {
            let full = json!({ "title": "T", "phoneNumbers": [{ "value": "1" }], ENTERPRISE: { "department": "D" } });
            let id = user_with(&app, "full", full).await;
            let path = format!("/Users/{id}");
            let cleared = app.patch(&path, json!([
                { "op": "replace", "path": "phoneNumbers", "value": none },
                { "op": "replace", "path": "title", "value": null },
                { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": null },
            ])).await;
            assert_eq!(cleared.status, 200, "{}", cleared.body);
            let names: Vec<String> = keys(&cleared.body).into_iter().map(str::to_owned).collect();
            let mut wanted = shapes[0].0.clone();
            wanted.sort();
            assert_eq!(names, wanted, "as if it had never been");
            assert_eq!(app.get(&path).await.body, cleared.body);
            assert!(found(&app, "/Users", "title pr or phoneNumbers pr").await.is_empty());
            // To assign nothing to what has nothing is no change.
            let again = app.patch(&path, json!([{ "op": "replace", "path": "phoneNumbers", "value": none }, { "op": "remove", "path": "title" }])).await;
            assert_eq!(again.body, cleared.body);
            app.delete(&path).await;
        }
    }
}
