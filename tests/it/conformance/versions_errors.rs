//! Deletion, versions, errors.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use scim_bridge::access::{NewToken, Scope};
use serde_json::{Value, json};

use super::super::support::app::{Answer, TENANT, TestApp, answer, user};
use super::{Client, Directory, ENTERPRISE, GROUP, USER, found, group_body, http, id_of, patch, refused};

/// A request with one more header.
async fn with(
    app: &TestApp,
    method: Method,
    path: &str,
    header: (reqwest::header::HeaderName, &str),
    body: Option<&Value>,
) -> Answer {
    let mut request = app.request(method, path).header(header.0, header.1);
    if let Some(body) = body {
        request = request.header("Content-Type", "application/scim+json").body(body.to_string());
    }
    answer(request).await
}

fn version(body: &Value) -> String {
    body["meta"]["version"].as_str().expect("a version").to_owned()
}

statements! {
    47, "RFC 7644 3.6", "DELETE is answered 204; afterwards every verb on the resource is answered 404, it is in no list and no group, and its name is free.",
    async fn deleted(engine: Engine) {
        let Directory { app, ada, bob, sales, .. } = Directory::new(&engine).await;
        for (path, name, filters, body) in [
            (format!("/Users/{ada}"), "ada@example.com", vec!["userName eq \"ada@example.com\"".to_owned(), "emails.value eq \"ada@example.com\"".into(), "externalId eq \"ext-ada\"".into(), "title eq \"Countess\"".into()], user("ada")),
            (format!("/Groups/{sales}"), "Sales", vec!["displayName eq \"Sales\"".into(), format!("members.value eq \"{bob}\"")], group_body("Sales")),
        ] {
            let (endpoint, id) = path.rsplit_once('/').expect("an id");
            let total = app.get(endpoint).await.body["totalResults"].as_u64().expect("a number");
            let gone = app.delete(&path).await;
            assert_eq!((gone.status.as_u16(), &gone.body), (204, &Value::Null));
            let operations = json!([{ "op": "add", "path": "externalId", "value": "x" }]);
            for answer in [
                app.get(&path).await,
                app.get(&format!("{path}?attributes=id")).await,
                app.put(&path, &body).await,
                app.patch(&path, operations).await,
                app.delete(&path).await,
            ] {
                refused(&answer, 404, "", &path);
            }
            assert_eq!(app.send(Method::HEAD, &path, None).await.status, 404);
            let list = app.get(endpoint).await.body;
            assert_eq!(list["totalResults"], json!(total - 1));
            assert!(!list["Resources"].as_array().expect("a list").iter().any(|r| r["id"] == json!(id)), "{list}");
            for filter in filters.iter().cloned().chain([format!("id eq \"{id}\""), format!("not (not (id eq \"{id}\"))")]) {
                assert!(found(&app, endpoint, &filter).await.is_empty(), "{filter}");
            }
            // Of the other kind nothing speaks of it any more.
            let other = if endpoint == "/Users" { app.get("/Groups").await.body } else { app.get("/Users").await.body };
            assert!(!other.to_string().contains(&format!("\"value\":\"{id}\"")) || endpoint == "/Users" && !other["Resources"].to_string().contains(id), "{other}");
            let again = app.post(endpoint, &body).await;
            assert_ne!(id_of(&again), id, "{name}");
            refused(&app.get(&path).await, 404, "", "the old id stays gone");
        }
    }

    48, "RFC 7644 3.14", "The ETag header is meta.version, a weak tag; If-None-Match with it is answered 304 without a body; If-Match with another refuses PUT, PATCH and DELETE with 412.",
    async fn versions(engine: Engine) {
        let app = TestApp::start(&engine).await;
        for (endpoint, body) in [("/Users", user("ada")), ("/Groups", group_body("Sales"))] {
            let created = app.post(endpoint, &body).await;
            let path = format!("{endpoint}/{}", id_of(&created));
            let first = version(&created.body);
            assert!(first.starts_with("W/\"") && first.ends_with('"') && first.len() > 4, "{first}");
            assert_eq!(created.headers[ETAG], first.as_str());
            let read = app.get(&path).await;
            assert_eq!((&read.headers[ETAG], version(&read.body)), (&first.parse().expect("a header"), first.clone()));
            let lean = app.get(&format!("{path}?attributes=id")).await;
            assert_eq!(lean.headers[ETAG], first.as_str(), "also where meta is not answered");

            let list = format!("W/\"none\", {first}, \"other\"");
            for tags in [first.as_str(), "*", &list] {
                let same = with(&app, Method::GET, &path, (IF_NONE_MATCH, tags), None).await;
                assert_eq!((same.status.as_u16(), &same.body), (304, &Value::Null), "{tags}");
                assert_eq!(same.headers[ETAG], first.as_str());
            }
            for tags in ["W/\"none\"", "\"\""] {
                assert_eq!(with(&app, Method::GET, &path, (IF_NONE_MATCH, tags), None).await.status, 200, "{tags}");
            }

            let mut changed = body.clone();
            changed["externalId"] = json!("changed");
            let operations = patch(json!([{ "op": "add", "path": "externalId", "value": "changed" }]));
            for tags in ["W/\"none\"", "\"none\", W/\"other\""] {
                for (method, body) in [(Method::PUT, Some(&changed)), (Method::PATCH, Some(&operations)), (Method::DELETE, None)] {
                    let answer = with(&app, method.clone(), &path, (IF_MATCH, tags), body).await;
                    refused(&answer, 412, "", &format!("{method} {tags}"));
                }
            }
            assert_eq!(app.get(&path).await.body, created.body, "a refusal changes nothing");

            let replaced = with(&app, Method::PUT, &path, (IF_MATCH, &first), Some(&changed)).await;
            assert_eq!(replaced.status, 200, "{}", replaced.body);
            let second = version(&replaced.body);
            assert_ne!(second, first);
            assert_eq!(replaced.headers[ETAG], second.as_str());
            for (method, body) in [(Method::PUT, Some(&changed)), (Method::PATCH, Some(&operations)), (Method::DELETE, None)] {
                refused(&with(&app, method, &path, (IF_MATCH, &first), body).await, 412, "", "the version before");
            }
            assert_eq!(with(&app, Method::GET, &path, (IF_NONE_MATCH, &first), None).await.status, 200, "it has changed");
            let unchanged = with(&app, Method::PATCH, &path, (IF_MATCH, &second), Some(&operations)).await;
            assert_eq!((unchanged.status.as_u16(), version(&unchanged.body)), (200, second.clone()), "no change, no version");
            assert_eq!(unchanged.headers[ETAG], second.as_str());
            let any = patch(json!([{ "op": "replace", "path": "externalId", "value": "again" }]));
            let third = with(&app, Method::PATCH, &path, (IF_MATCH, "*"), Some(&any)).await;
            assert_eq!(third.status, 200, "{}", third.body);
            assert_ne!(version(&third.body), second);
            assert_eq!(with(&app, Method::DELETE, &path, (IF_MATCH, &version(&third.body)), None).await.status, 204);
            for (method, body) in [(Method::PUT, Some(&changed)), (Method::PATCH, Some(&any)), (Method::DELETE, None)] {
                let status = with(&app, method, &path, (IF_MATCH, "*"), body).await.status.as_u16();
                assert!(status == 404 || status == 412, "{status}");
            }
        }
        assert_eq!(app.get("/ServiceProviderConfig").await.body["etag"]["supported"], json!(true));
    }

    49, "RFC 7644 3.12", "An error has the schema Error, its status as a string, words for a person, and a scimType of the RFC's where there is one; as application/scim+json, whatever the status.",
    note "A URL of more than 65,534 bytes, or a head of more than 128 KiB, is refused by the HTTP library with 400 or 431 and no body; `/.search` takes what is longer.",
    async fn errors(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| config.server.body_limit = 4096).await;
        let ada = app.user("ada").await;
        let (_, steers) = app.app().access().create(NewToken::new(TENANT, "steers", vec![Scope::Admin])).await.expect("a token");
        let bare = http();
        let root = app.base().to_owned();
        let users = format!("{root}/Users");
        let scim = |request: reqwest::RequestBuilder| request.header("Content-Type", "application/scim+json");
        let mut statuses = BTreeSet::new();
        for (status, scim_type, request) in [
            (400, "invalidSyntax", scim(app.request(Method::POST, "/Users")).body("{")),
            (400, "invalidValue", scim(app.request(Method::POST, "/Users")).body(json!({ "schemas": [USER] }).to_string())),
            (400, "invalidFilter", app.request(Method::GET, "/Users?filter=x")),
            (401, "", bare.get(&users)),
            (401, "", bare.get(&users).bearer_auth("nonsense")),
            (401, "", bare.get(&users).header("Authorization", "Basic eDp5")),
            (401, "", scim(bare.post(&users)).body(user("eve").to_string())),
            (401, "", bare.delete(format!("{users}/{ada}"))),
            (401, "", bare.get(format!("{root}/Nothing"))),
            (401, "", bare.get(format!("{root}/ServiceProviderConfig")).bearer_auth("nonsense")),
            (403, "", bare.get(&users).bearer_auth(&steers)),
            (403, "", app.request(Method::GET, "/Schemas?filter=id%20pr")),
            (404, "", app.request(Method::GET, "/Users/nobody")),
            (404, "", app.request(Method::GET, "/Nothing")),
            (404, "", app.request(Method::POST, "/Users/nobody/emails")),
            (404, "", app.request(Method::GET, "/Schemas/urn:nothing")),
            (405, "", app.request(Method::PUT, "/Users")),
            (405, "", app.request(Method::POST, &format!("/Users/{ada}"))),
            (406, "", app.request(Method::GET, "/Users").header("Accept", "text/html")),
            (409, "uniqueness", scim(app.request(Method::POST, "/Users")).body(user("ada").to_string())),
            (412, "", app.request(Method::DELETE, &format!("/Users/{ada}")).header(IF_MATCH, "W/\"none\"")),
            (413, "", scim(app.request(Method::POST, "/Users")).body(format!("{{\"title\":\"{}\"}}", "x".repeat(4096)))),
            (415, "", app.request(Method::POST, "/Users").header("Content-Type", "text/plain").body(user("eve").to_string())),
        ] {
            let answer = answer(request).await;
            refused(&answer, status, scim_type, &format!("{status} {scim_type}"));
            assert!(answer.body["status"].is_string());
            if status == 401 {
                assert!(answer.headers.contains_key("www-authenticate"));
            }
            if status == 405 {
                assert!(answer.headers.contains_key("allow"));
            }
            statuses.insert(status);
        }
        assert_eq!(statuses.len(), 10);
        assert_eq!(app.get("/Users").await.body["totalResults"], 1);
    }

    50, "RFC 7644 3.11", "/Me is the resource of whom the token speaks for, with the Location of the real one; where a token speaks for nobody, it is answered 501.",
    note "A token speaks for a user when it was made with `--user` (`scim-bridge token create`).",
    async fn me(engine: Engine) {
        let Directory { app, ada, bob, .. } = Directory::new(&engine).await;
        let operations = patch(json!([{ "op": "replace", "path": "title", "value": "Duchess" }]));
        for (method, body) in [(Method::GET, None), (Method::PUT, Some(user("ada"))), (Method::PATCH, Some(operations.clone())), (Method::DELETE, None), (Method::POST, Some(user("new")))] {
            refused(&app.send(method.clone(), "/Me", body.as_ref()).await, 501, "", method.as_str());
        }
        let me = Client::speaks_for(&app, &ada).await;
        let (path, location) = (format!("/Users/{ada}"), format!("{}/Users/{ada}", app.base()));
        let located = |answer: &Answer| answer.headers.get("location").or(answer.headers.get("content-location")).map(|l| l.to_str().expect("text").to_owned());
        let read = me.get("/Me").await;
        assert_eq!((read.status.as_u16(), &read.body), (200, &app.get(&path).await.body));
        assert_eq!(located(&read), Some(location.clone()));
        assert_eq!(read.body["meta"]["location"], json!(location));
        let lean = me.get("/Me?attributes=userName").await.body;
        assert_eq!(super::keys(&lean), ["id", "schemas", "userName"].into());
        let patched = me.send(Method::PATCH, "/Me", &operations).await;
        assert_eq!((patched.status.as_u16(), &patched.body["title"], located(&patched)), (200, &json!("Duchess"), Some(location.clone())));
        let mut body = user("ada");
        body["title"] = json!("Queen");
        let replaced = me.put("/Me", &body).await;
        assert_eq!((replaced.status.as_u16(), &replaced.body), (200, &app.get(&path).await.body), "{}", replaced.body);
        let other = app.get(&format!("/Users/{bob}")).await.body;
        assert_eq!((&other["userName"], other.get("title")), (&json!("bob@example.com"), None), "nobody else is meant");
        let gone = answer(me.request(Method::DELETE, "/Me")).await;
        assert!(matches!(gone.status.as_u16(), 204 | 501), "{}", gone.body);
        assert_eq!(app.get(&path).await.status.as_u16(), if gone.status == 204 { 404 } else { 200 });
    }

    51, "RFC 7644 3.5, 3.12", "What is not supported is answered 501; here PUT, PATCH and Bulk are supported, as /ServiceProviderConfig says, and none is answered so.",
    async fn supported(engine: Engine) {
        let Directory { app, ada, sales, .. } = Directory::new(&engine).await;
        let config = app.get("/ServiceProviderConfig").await.body;
        for feature in ["patch", "bulk", "filter", "sort", "etag"] {
            assert_eq!(config[feature]["supported"], json!(true), "{feature}");
        }
        for (path, body) in [(format!("/Users/{ada}"), user("ada")), (format!("/Groups/{sales}"), group_body("Sales"))] {
            assert_eq!(app.put(&path, &body).await.status, 200, "{path}");
            assert_eq!(app.patch(&path, json!([{ "op": "add", "path": "externalId", "value": "x" }])).await.status, 200, "{path}");
        }
        let bulk = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [{ "method": "DELETE", "path": format!("/Users/{ada}") }] });
        assert_eq!(app.post("/Bulk", &bulk).await.status, 200);
        // What is not supported is no error of the service provider's.
        let unknown = app.send(Method::from_bytes(b"PROPFIND").expect("a method"), "/Users", None).await;
        assert!(unknown.status.is_client_error() || unknown.status == 501, "{}", unknown.status);
        assert_eq!(unknown.body["status"], json!(unknown.status.as_u16().to_string()));
        let extended = app.get(&format!("/Users?attributes={ENTERPRISE},{GROUP}")).await;
        assert_eq!(extended.status, 200);
    }
}
