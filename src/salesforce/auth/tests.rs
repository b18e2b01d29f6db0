use std::collections::HashMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use url::Url;

use super::{default_audience, safe_base};
use crate::salesforce::testing::{Org, Reply, client};
use crate::salesforce::{Disposition, Error, Flow, Settings};

/// Made for these tests and used nowhere else.
const KEY: &str = include_str!("test_key.pem");
const PUBLIC_KEY: &str = include_str!("test_key.pub.pem");

const ID: &str = "005AA000000cccYYAQ";

fn bearer(pem: &str, audience: Option<&str>) -> Flow {
    Flow::JwtBearer {
        client_id: "consumer-key".to_owned(),
        username: "bridge@example.com".to_owned(),
        private_key_pem: pem.into(),
        audience: audience.map(str::to_owned),
    }
}

fn form(body: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn client_credentials_are_sent_as_a_form() {
    let org = Org::start(|_, _| Reply::ok("")).await;
    org.client().log_in().await.unwrap();
    let sent = form(&org.last().body);
    assert_eq!(sent.len(), 3);
    assert_eq!(sent["grant_type"], "client_credentials");
    assert_eq!(sent["client_id"], "key");
    assert_eq!(sent["client_secret"], "hush-hush");
}

#[tokio::test]
async fn the_assertion_is_signed_and_short_lived() {
    let org = Org::start(|_, _| Reply::ok("")).await;
    for (audience, expected) in [
        (None, org.url.as_str().trim_end_matches('/')),
        (Some("https://login.salesforce.com"), "https://login.salesforce.com"),
    ] {
        let mut settings = org.settings();
        settings.flow = bearer(KEY, audience);
        client(settings).0.log_in().await.unwrap();
        let sent = form(&org.last().body);
        assert_eq!(sent["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.set_audience(&[expected]);
        let key = DecodingKey::from_rsa_pem(PUBLIC_KEY.as_bytes()).unwrap();
        let claims = jsonwebtoken::decode::<Value>(&sent["assertion"], &key, &validation).unwrap().claims;
        // The clock of the tests stands at 2026-10-14T09:00:00Z.
        assert_eq!(
            claims,
            json!({ "iss": "consumer-key", "sub": "bridge@example.com", "aud": expected, "exp": 1_791_968_580 })
        );
    }
}

#[tokio::test]
async fn a_refresh_token_is_used_until_another_takes_its_place() {
    let org = Org::with_logins(
        |n| {
            let token = if n == 2 { json!("token-2") } else { json!(null) };
            Reply::ok(json!({ "access_token": format!("session-{n}"), "refresh_token": token }).to_string())
        },
        |_, _| Reply::status(401, r#"[{"errorCode":"INVALID_SESSION_ID"}]"#),
    )
    .await;
    let flow = |client_secret: Option<&str>| Flow::RefreshToken {
        client_id: "key".to_owned(),
        client_secret: client_secret.map(Into::into),
        refresh_token: "token-1".into(),
    };
    let client = crate::salesforce::testing::client(Settings { flow: flow(Some("hush-hush")), ..org.settings() }).0;
    for (login, sent_token) in [(1, "token-1"), (2, "token-1"), (3, "token-2"), (4, "token-2")] {
        // Each call finds its session refused, and logs in once more.
        let before = org.logins();
        while org.logins() < login {
            client.user(ID).await.unwrap_err();
            assert!(org.logins() > before || org.logins() >= login);
        }
        let forms: Vec<_> =
            org.seen.lock().unwrap().iter().filter(|seen| seen.line.contains("/oauth2/")).cloned().collect();
        let sent = form(&forms[login - 1].body);
        assert_eq!(sent.len(), 4);
        assert_eq!((sent["grant_type"].as_str(), sent["client_id"].as_str()), ("refresh_token", "key"));
        assert_eq!((sent["refresh_token"].as_str(), sent["client_secret"].as_str()), (sent_token, "hush-hush"));
    }
    let public = crate::salesforce::testing::client(Settings { flow: flow(None), ..org.settings() }).0;
    public.log_in().await.unwrap();
    assert_eq!(form(&org.last().body).len(), 3, "no secret is no empty secret");
}

/// A hundred calls find their session expired: one logs in for all, and each is made again once.
#[tokio::test]
async fn many_calls_that_find_the_session_expired_renew_it_once() {
    let org = Org::start(|_, seen| {
        if seen.head.contains("session-1") {
            Reply::status(401, r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
        } else {
            Reply::ok(format!(r#"{{"id":"{ID}"}}"#))
        }
    })
    .await;
    let client = org.client();
    client.log_in().await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let client = client.clone();
        calls.spawn(async move { client.user(ID).await });
    }
    while let Some(answer) = calls.join_next().await {
        assert!(answer.unwrap().unwrap().is_some(), "nobody is told of the expiry");
    }
    assert_eq!(org.logins(), 2);
    let refused = org.calls().len() - 100;
    assert!((1..=100).contains(&refused), "each is refused once at most: {refused}");
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_not_shown() {
    let org = Org::start(|_, _| Reply::ok("")).await;
    let mut settings = org.settings();
    settings.flow = bearer("-----BEGIN PRIVATE KEY-----\ntopsecret\n-----END PRIVATE KEY-----", None);
    let error = client(settings).0.log_in().await.unwrap_err();
    assert!(matches!(error, Error::Misconfigured(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("topsecret"), "{error:?}");
    assert_eq!(org.logins(), 0);
}

#[test]
fn the_audience_fits_the_host() {
    for (url, audience) in [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://test.salesforce.com/", "https://test.salesforce.com"),
        ("https://acme--uat.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.cs12.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme-uat.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme.my.site.com", "https://acme.my.site.com"),
        ("http://127.0.0.1:8090/", "http://127.0.0.1:8090"),
        ("https://evilsalesforce.com", "https://evilsalesforce.com"),
    ] {
        assert_eq!(default_audience(&Url::parse(url).unwrap()), audience, "{url}");
    }
}

#[test]
fn credentials_go_over_tls_or_to_this_machine() {
    for (url, base) in [
        ("https://acme.my.salesforce.com/", Some("https://acme.my.salesforce.com")),
        ("https://acme.my.salesforce.com/services/?x=1", Some("https://acme.my.salesforce.com")),
        ("http://127.0.0.1:8090", Some("http://127.0.0.1:8090")),
        ("http://[::1]:8090", Some("http://[::1]:8090")),
        ("http://localhost:8090", Some("http://localhost:8090")),
        ("http://acme.my.salesforce.com", None),
        ("http://localhost.example.com", None),
        ("http://10.0.0.1", None),
        ("ftp://localhost", None),
    ] {
        assert_eq!(safe_base(&Url::parse(url).unwrap()).ok().as_deref(), base, "{url}");
    }
}

#[tokio::test]
async fn a_token_is_never_sent_in_clear() {
    let answer = |instance: &'static str| {
        move |_| Reply::ok(json!({ "access_token": "session-1", "instance_url": instance }).to_string())
    };
    let org = Org::with_logins(answer("http://acme.my.salesforce.com"), |_, _| Reply::ok("")).await;
    let error = org.client().user(ID).await.unwrap_err();
    assert!(matches!(&error, Error::Misconfigured(text) if text.contains("not https")), "{error:?}");
    assert!(org.calls().is_empty());
    let mut settings = org.settings();
    settings.url = Url::parse("http://acme.my.salesforce.com").unwrap();
    let error = client(settings).0.user(ID).await.unwrap_err();
    assert!(matches!(error, Error::Misconfigured(_)), "{error:?}");
}

#[tokio::test]
async fn calls_go_to_the_instance() {
    let instance = Org::start(|_, _| Reply::ok(format!(r#"{{"id":"{ID}"}}"#))).await;
    let url = instance.url.to_string();
    let login = Org::with_logins(
        move |_| Reply::ok(json!({ "access_token": "session-1", "instance_url": url }).to_string()),
        |_, _| Reply::HangUp,
    )
    .await;
    assert!(login.client().user(ID).await.unwrap().is_some());
    assert!(instance.last().head.to_ascii_lowercase().contains("authorization: bearer session-1"));
    assert_eq!((instance.logins(), login.calls().len()), (0, 0));
}

#[tokio::test]
async fn trouble_at_the_token_endpoint_is_trouble_of_the_org() {
    type Row = (fn() -> Reply, Option<u64>);
    let rows: [Row; 7] = [
        (|| Reply::Answer(503, "Retry-After: 9\r\n", String::new()), Some(9)),
        (|| Reply::status(500, "<html>oops</html>"), None),
        (|| Reply::ok("<html>log in here</html>"), None),
        (|| Reply::status(302, ""), Some(600)),
        (|| Reply::status(404, "<html>no org</html>"), Some(600)),
        (
            || Reply::status(400, r#"{"error":"invalid_client","error_description":"invalid client credentials"}"#),
            Some(120),
        ),
        (|| Reply::HangUp, None),
    ];
    for (reply, seconds) in rows {
        let org = Org::with_logins(move |_| reply(), |_, _| Reply::ok("")).await;
        let error = org.client().user(ID).await.unwrap_err();
        let after = seconds.map(std::time::Duration::from_secs);
        assert_eq!(error.disposition(), Disposition::Outage { after }, "{error:?}");
        assert!(!format!("{error:?} {error}").contains("hush-hush"), "{error:?}");
    }
}

#[test]
fn settings_do_not_print_their_secrets() {
    let printed = format!(
        "{:?} {:?}",
        bearer("topsecret", None),
        Flow::ClientCredentials { client_id: "key".to_owned(), client_secret: "topsecret".into() }
    );
    let refresh = Flow::RefreshToken {
        client_id: "key".to_owned(),
        client_secret: Some("topsecret".into()),
        refresh_token: "topsecret".into(),
    };
    let printed = format!("{printed}{refresh:?}");
    assert!(printed.contains("consumer-key") && !printed.contains("topsecret"), "{printed}");
}
