//! What stands around a body: addresses, media types, credentials, methods.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use scim_bridge::access::{NewToken, Scope};
use serde_json::json;

use super::super::support::app::{TENANT, TestApp, answer, user};
use super::super::support::urn::{GROUP, PATCH_OP};
use super::*;

both_engines! {
    /// A long URL is answered like any other, up to the length that the HTTP library reads: beyond it there is no request that
    /// could be answered. A search by POST may be as long as a body.
    async fn a_long_url(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let filter = "x".repeat(65_000);
        let too_long = || Refused(400, FILTER, "longer than 8192 bytes");
        fixture.refused((Method::GET, &format!("/Users?filter={filter}")), "", too_long()).await;
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"];
        let search = json!({ "schemas": schemas, "filter": filter.repeat(3) }).to_string();
        fixture.refused((Method::POST, "/Users/.search"), search, too_long()).await;
        let names = vec!["userName"; 30_000];
        let search = json!({ "schemas": schemas, "attributes": names, "filter": "userName eq \"ada@example.com\"" });
        let found = fixture.app.post("/Users/.search", &search).await;
        assert_eq!((found.status.as_u16(), &found.body["totalResults"]), (200, &json!(1)), "{}", found.body);
        let target = fixture.app.base().trim_start_matches("http://").to_owned();
        let (host, path) = target.split_once('/').expect("a path");
        let query = "x".repeat(66_000);
        let head = format!("GET /{path}/Users?filter={query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let host = host.to_owned();
        let text = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(host).expect("connects");
            stream.write_all(head.as_bytes()).expect("sent");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            text
        })
        .await
        .expect("no panic");
        assert!(text.starts_with("HTTP/1.1 400 ") && text.ends_with("\r\n\r\n"), "{text}");
        fixture.unchanged().await;
    }

    async fn another_media_type(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json-patch+json"] {
            for (method, path) in [(Method::POST, "/Users"), (Method::PUT, "/Users/{ada}"), (Method::PATCH, "/Users/{ada}")] {
                let request = fixture.app.request(method, &fixture.path(path)).header("Content-Type", kind);
                let answered = answer(request.body(user("eve").to_string())).await;
                Refused(415, None, kind).check(&answered, kind);
            }
        }
        for accept in ["text/html", "application/xml, text/*", "application/json;q=0"] {
            let request = fixture.app.request(Method::GET, "/Users").header("Accept", accept);
            Refused(406, None, "Accept").check(&answer(request).await, accept);
        }
        fixture.unchanged().await;
    }

    async fn credentials_that_do_not_do(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let access = fixture.app.app().access();
        let (expired, expired_secret) =
            access.create(NewToken { life: Some(TimeDelta::seconds(-1)), ..NewToken::new(TENANT, "expired", vec![Scope::Scim]) }).await.expect("a token");
        let (revoked, revoked_secret) = access.create(NewToken::new(TENANT, "revoked", vec![Scope::Scim])).await.expect("a token");
        assert!(access.revoke(&revoked.id).await.expect("an answer"));
        assert_ne!(expired.id, revoked.id);
        let good = fixture.app.token().to_owned();
        let mut other = good.clone();
        let last = other.pop().expect("a letter");
        other.push(if last == 'A' { 'B' } else { 'A' });
        let wrong = [
            None,
            Some("Bearer".to_owned()),
            Some("Bearer ".to_owned()),
            Some("Bearer nonsense".to_owned()),
            Some(format!("Bearer {other}")),
            Some(format!("Bearer {good}x")),
            Some(format!("Bearer {expired_secret}")),
            Some(format!("Bearer {revoked_secret}")),
            Some(format!("Basic {good}")),
        ];
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let admin = fixture.app.base().replace("/scim/v2", "/admin/v1/status");
        let mut words = Vec::new();
        for credential in wrong {
            for (method, path) in [
                (Method::GET, "/Users"),
                (Method::POST, "/Users"),
                (Method::PUT, "/Users/{ada}"),
                (Method::PATCH, "/Users/{ada}"),
                (Method::DELETE, "/Users/{ada}"),
                (Method::GET, "/ServiceProviderConfig"),
                (Method::GET, &admin),
            ] {
                // Discovery is open to those who do not say who they are (RFC 7644 section 4).
                if credential.is_none() && path == "/ServiceProviderConfig" {
                    continue;
                }
                let url = if path.starts_with("http") { path.to_owned() } else { fixture.app.base().to_owned() + &fixture.path(path) };
                let mut request = client.request(method, url).body(user("eve").to_string());
                if let Some(credential) = &credential {
                    request = request.header("Authorization", credential);
                }
                let answered = answer(request).await;
                Refused(401, None, "bearer token").check(&answered, path);
                let challenge = answered.headers["www-authenticate"].to_str().expect("text");
                assert!(challenge.starts_with("Bearer "), "{challenge}");
                words.push(answered.body["detail"].clone());
            }
        }
        words.dedup();
        assert_eq!(words.len(), 1, "the words do not tell what is wrong: {words:?}");

        // A live token of another scope: 403, and the scope is named.
        let (_, scim) = access.create(NewToken::new(TENANT, "scim", vec![Scope::Scim])).await.expect("a token");
        let (_, steers) = access.create(NewToken::new(TENANT, "admin", vec![Scope::Admin])).await.expect("a token");
        let users = format!("{}/Users", fixture.app.base());
        for (token, method, url, scope) in [
            (&scim, Method::GET, &admin, "admin"),
            (&steers, Method::GET, &users, "scim"),
            (&steers, Method::POST, &users, "scim"),
        ] {
            let request = client.request(method, url).bearer_auth(token).body(user("eve").to_string());
            Refused(403, None, scope).check(&answer(request).await, url);
        }
        assert_eq!(answer(client.get(&users).bearer_auth(&scim)).await.status, 200);
        assert_eq!(answer(client.get(&admin).bearer_auth(&steers)).await.status, 200);
        // Discovery needs no token, and so no scope either.
        for path in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes/User"] {
            let url = format!("{}{path}", fixture.app.base());
            assert_eq!(answer(client.get(&url).bearer_auth(&steers)).await.status, 200, "{path}");
        }
        fixture.unchanged().await;
    }

    async fn nothing_there(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        let absent = "01a00000-0000-7000-8000-000000000000";
        for path in [
            "/Nothing".to_owned(),
            format!("/Users/{}/emails", fixture.ada),
            "/Users/.search/x".to_owned(),
            fixture.app.base().replace("/scim/v2", "/"),
            fixture.app.base().replace("/scim/v2", "/scim/v3/Users"),
            fixture.app.base().replace("/scim/v2", "/admin/v1/nothing"),
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                fixture.refused((method, &path), "", Refused(404, None, "there is nothing at")).await;
            }
        }
        // A user's id is no group's, and the other way about.
        let paths = [
            format!("/Users/{absent}"),
            format!("/Groups/{absent}"),
            "/Users/nonsense".into(),
            "/Users/%FF".into(),
            format!("/Users/{}", "a".repeat(1000)),
            "/Users/{group}".into(),
            "/Groups/{ada}".into(),
        ];
        for path in paths {
            let body = if path.starts_with("/U") { user("eve") } else { json!({ "schemas": [GROUP], "displayName": "G" }) };
            let patch = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "externalId", "value": "x" }] });
            fixture.refused((Method::GET, &path), "", Refused(404, None, "not found")).await;
            fixture.refused((Method::PUT, &path), body.to_string(), Refused(404, None, "not found")).await;
            fixture.refused((Method::PATCH, &path), patch.to_string(), Refused(404, None, "not found")).await;
            fixture.refused((Method::DELETE, &path), "", Refused(404, None, "not found")).await;
        }
        fixture.refused((Method::GET, "/Schemas/urn:nothing"), "", Refused(404, None, "urn:nothing")).await;
        fixture.refused((Method::GET, "/ResourceTypes/Nothing"), "", Refused(404, None, "Nothing")).await;
        fixture.unchanged().await;
    }

    async fn a_method_that_is_not_possible(engine: Engine) {
        let fixture = Fixture::new(TestApp::start(&engine).await).await;
        for (method, path, allow) in [
            (Method::PUT, "/Users", "GET, HEAD, POST"),
            (Method::PATCH, "/Users", "GET, HEAD, POST"),
            (Method::DELETE, "/Users", "GET, HEAD, POST"),
            (Method::POST, "/Users/{ada}", "GET, HEAD, PUT, PATCH, DELETE"),
            (Method::DELETE, "/Groups", "GET, HEAD, POST"),
            (Method::POST, "/Groups/{group}", "GET, HEAD, PUT, PATCH, DELETE"),
            (Method::POST, "/ServiceProviderConfig", "GET, HEAD"),
            (Method::PUT, "/Schemas", "GET, HEAD"),
            (Method::PATCH, "/ResourceTypes", "GET, HEAD"),
            (Method::DELETE, "/ResourceTypes/User", "GET, HEAD"),
        ] {
            let answered = fixture.app.send(method.clone(), &fixture.path(path), None).await;
            Refused(405, None, method.as_str()).check(&answered, path);
            assert_eq!(answered.headers["allow"], allow, "{method} {path}");
        }
        fixture.unchanged().await;
    }
}
