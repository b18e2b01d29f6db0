use std::collections::HashMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use url::Url;

use super::{default_audience, safe_base};
use crate::salesforce::testing::{Org, Reply, client};
use crate::salesforce::{Disposition, Error, Flow};

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
    assert!(printed.contains("consumer-key") && !printed.contains("topsecret"), "{printed}");
}
