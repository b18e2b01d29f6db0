use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use scim_bridge::sandbox::Settings;
use serde_json::{Value, json};

use super::{Org, client, short};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("time")
}

/// An org whose clock stands still until it is moved.
async fn with_clock(change: impl FnOnce(&mut Settings)) -> (Org, Arc<Mutex<DateTime<Utc>>>) {
    let now = Arc::new(Mutex::new(start_of_time()));
    let clock = Arc::clone(&now);
    let mut settings = Settings { clock: Arc::new(move || *clock.lock().expect("clock")), ..Settings::default() };
    change(&mut settings);
    (Org::with(settings).await, now)
}

#[tokio::test]
async fn client_credentials_in_the_body_and_as_basic() {
    let org = Org::new().await;
    let url = format!("{}/services/oauth2/token", org.running.url());
    let basic = client()
        .post(&url)
        .basic_auth("3MVG9sandboxClient", Some("sandbox-client-secret"))
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .expect("answer");
    assert_eq!(basic.status(), 200);
    let body: Value = basic.json().await.expect("json");
    assert_eq!(body["instance_url"], org.running.url());
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body.get("expires_in"), None);
    let token = body["access_token"].as_str().expect("token");
    let state = org.running.org().state();
    let org_id = state["OrganizationId"].as_str().expect("org id");
    assert!(org_id.starts_with("00D") && org_id.len() == 18, "{org_id}");
    assert!(token.starts_with(&format!("{}!", short(org_id))), "{token}");
    assert_eq!(body["id"].as_str().expect("id").split('/').nth(4), Some(org_id));
    assert_ne!(token, org.token, "each login has its own session");
}

#[tokio::test]
async fn refused_logins() {
    let (id, secret) = ("3MVG9sandboxClient", "sandbox-client-secret");
    let org = Org::new().await;
    for (form, error, description) in [
        (
            vec![("grant_type", "client_credentials"), ("client_id", "other"), ("client_secret", secret)],
            "invalid_client_id",
            "client identifier invalid",
        ),
        (
            vec![("grant_type", "client_credentials"), ("client_id", id), ("client_secret", "wrong")],
            "invalid_client",
            "invalid client credentials",
        ),
        (vec![("grant_type", "password")], "unsupported_grant_type", "grant type not supported"),
        (vec![], "unsupported_grant_type", "grant type not supported"),
        (vec![("grant_type", JWT_BEARER), ("assertion", "a.b.c")], "invalid_grant", "invalid assertion"),
    ] {
        let (status, body) = org.token_request(&form).await;
        assert_eq!((status, body), (400, json!({"error": error, "error_description": description})), "{form:?}");
    }
    let closed = Settings { client_credentials: false, ..Settings::default() };
    let running = scim_bridge::sandbox::start(closed).await.expect("start");
    let org = Org { running, client: client(), token: String::new() };
    let (_, body) =
        org.token_request(&[("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)]).await;
    assert_eq!(body["error_description"], "no client credentials user enabled");
}

#[tokio::test]
async fn jwt_bearer() {
    let (org, _) =
        with_clock(|settings| settings.jwt_public_key = Some(include_str!("jwt_public.pem").to_owned())).await;
    let key = EncodingKey::from_rsa_pem(include_bytes!("jwt_key.pem")).expect("key");
    let exp = start_of_time().timestamp() + 180;
    let good = json!({
        "iss": "3MVG9sandboxClient", "sub": "integration@acme.example", "aud": "https://login.salesforce.com", "exp": exp,
    });
    let sign = |claims: &Value| jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).expect("jwt");
    let ask = |assertion: String| {
        let org = &org;
        async move { org.token_request(&[("grant_type", JWT_BEARER), ("assertion", &assertion)]).await }
    };
    for (changes, outcome) in [
        (json!({}), None),
        (json!({"exp": exp.to_string()}), None),
        (json!({"aud": org.running.url()}), None),
        (json!({"aud": "https://elsewhere.example"}), Some("audience is invalid")),
        (json!({"iss": "other"}), Some("client identifier invalid")),
        (json!({"sub": "nobody@acme.example"}), Some("invalid assertion")),
        (json!({"exp": start_of_time().timestamp()}), Some("invalid assertion")),
        (json!({"exp": start_of_time().timestamp() + 3_600}), Some("invalid assertion")),
        (json!({"exp": null}), Some("invalid assertion")),
    ] {
        let (status, body) = ask(sign(&super::with(good.clone(), changes.clone()))).await;
        match outcome {
            None => assert_eq!(status, 200, "{changes}: {body}"),
            Some(text) => assert_eq!((status, body["error_description"].as_str()), (400, Some(text)), "{changes}"),
        }
    }
    org.add("ada").await;
    let (_, body) = ask(sign(&super::with(good.clone(), json!({"sub": "ada@acme.example"})))).await;
    assert_eq!(body["error_description"], "user hasn't approved this consumer");
    let mut forged = sign(&good);
    let last = if forged.ends_with('A') { 'B' } else { 'A' };
    forged.replace_range(forged.len() - 3..forged.len() - 2, &last.to_string());
    assert_eq!(ask(forged).await.1["error_description"], "invalid assertion", "the signature counts");
    let symmetric = EncodingKey::from_secret(include_bytes!("jwt_public.pem"));
    let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &good, &symmetric).expect("jwt");
    assert_eq!(ask(forged).await.1["error_description"], "invalid assertion", "RS256 only");
}

#[tokio::test]
async fn sessions_end_by_idling_and_by_order() {
    let (org, now) = with_clock(|_| {}).await;
    let minutes = |minutes| *now.lock().expect("clock") += TimeDelta::minutes(minutes);
    minutes(119);
    assert_eq!(org.get("/Me").await.status, 200);
    minutes(119);
    assert_eq!(org.get("/Me").await.status, 200, "use renews a session");
    minutes(121);
    let expired = org.get("/Me").await;
    assert_eq!((expired.status, expired.code()), (401, "INVALID_SESSION_ID"));
    assert_eq!(expired.body[0]["message"], "Session expired or invalid");

    let mut org = Org::new().await;
    assert_eq!(org.get("/Me").await.body["userName"], "integration@acme.example");
    let url = format!("{}/sandbox/revoke-sessions", org.running.url());
    let revoked: Value = org.client.post(url).send().await.expect("answer").json().await.expect("json");
    assert_eq!(revoked, json!({"revoked": 1}));
    assert_eq!(org.get("/Users").await.code(), "INVALID_SESSION_ID");
    org.token = "00Dwrong!token".to_owned();
    assert_eq!(org.call("GET", "/services/data/v66.0/limits", Value::Null).await.status, 401);
}

const CREDENTIALS: [(&str, &str); 3] = [
    ("grant_type", "client_credentials"),
    ("client_id", "3MVG9sandboxClient"),
    ("client_secret", "sandbox-client-secret"),
];

/// An org in which nobody is logged in.
async fn closed(settings: Settings) -> Org {
    let running = scim_bridge::sandbox::start(settings).await.expect("start");
    Org { running, client: client(), token: String::new() }
}

#[tokio::test]
async fn refresh_tokens() {
    let refresh_tokens =
        [("good", "integration@acme.example"), ("gone", "nobody@acme.example"), ("off", "off@acme.example")]
            .map(|(token, user)| (token.to_owned(), user.to_owned()));
    let off =
        scim_bridge::sandbox::UserSeed { username: "off@acme.example".to_owned(), active: false, ..Default::default() };
    let settings = Settings { refresh_tokens: refresh_tokens.into(), users: vec![off], ..Settings::default() };
    let mut org = closed(settings).await;
    let id = ("client_id", "3MVG9sandboxClient");
    let form = |token: &'static str, secret: &'static str| {
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", token), id];
        form.into_iter().chain((!secret.is_empty()).then_some(("client_secret", secret))).collect::<Vec<_>>()
    };
    for secret in ["", "sandbox-client-secret"] {
        let (status, body) = org.token_request(&form("good", secret)).await;
        assert_eq!((status, &body["scope"]), (200, &json!("api refresh_token")), "{body}");
        assert_eq!((body.get("refresh_token"), body.get("expires_in")), (None, None));
        org.token = body["access_token"].as_str().expect("token").to_owned();
        assert_eq!(org.get("/Me").await.status, 200);
    }
    for (token, secret, description) in [
        ("good", "wrong", "invalid client credentials"),
        ("bad", "", "expired access/refresh token"),
        ("gone", "", "expired access/refresh token"),
        ("off", "", "inactive user"),
    ] {
        assert_eq!(org.token_request(&form(token, secret)).await.1["error_description"], description, "{token}");
    }
    let url = format!("{}/services/oauth2/revoke", org.running.url());
    let revoke = async |token: &str| {
        client().post(&url).form(&[("token", token)]).send().await.expect("answer").status().as_u16()
    };
    assert_eq!((revoke(&org.token).await, revoke("good").await, revoke("good").await), (200, 200, 400));
    assert_eq!(org.get("/Me").await.code(), "INVALID_SESSION_ID");
    assert_eq!(org.token_request(&form("good", "")).await.0, 400);
}

#[tokio::test]
async fn logins_that_the_org_does_not_take() {
    for (settings, error, description) in [
        (Settings { login_host: true, ..Settings::default() }, "invalid_grant", "request not supported on this domain"),
        (
            Settings { app_installed: false, ..Settings::default() },
            "invalid_client",
            "External client app is not installed in this org",
        ),
    ] {
        let (status, body) = closed(settings).await.token_request(&CREDENTIALS).await;
        assert_eq!((status, body), (400, json!({"error": error, "error_description": description})));
    }
    let org = Org::new().await;
    let order = |body: Value| org.call("POST", "/sandbox/login-error", body);
    let wrong = json!({"error": "invalid_grant", "description": "ip restricted"});
    assert_eq!(order(wrong.clone()).await.body, wrong);
    let (status, body) = org.token_request(&CREDENTIALS).await;
    assert_eq!((status, &body["error_description"]), (400, &json!("ip restricted")));
    assert_eq!(org.get("/Me").await.status, 200, "who is logged in stays so");
    order(Value::Null).await;
    assert_eq!(org.call("POST", "/sandbox/login-error", json!({"error": "x"})).await.status, 400);
    let cleared = org.try_call("POST", "/sandbox/login-error", Some("null".to_owned())).await.expect("answer");
    assert_eq!(cleared.body, Value::Null);
    assert_eq!(org.token_request(&CREDENTIALS).await.0, 200);
}

#[tokio::test]
async fn who_is_deactivated_or_frozen_is_out() {
    for (order, description) in
        [(json!({"active": false}), "inactive user"), (json!({"frozen": true}), "authentication failure")]
    {
        let org = Org::new().await;
        let done = org.call("POST", "/sandbox/users/integration@acme.example", order).await;
        assert_eq!(done.status, 200, "{done:?}");
        assert_eq!(org.get("/Me").await.code(), "INVALID_SESSION_ID");
        assert_eq!(org.token_request(&CREDENTIALS).await.1["error_description"], description);
    }
}

#[tokio::test]
async fn assertions_of_others() {
    let sign = |sub: &str| {
        let key = EncodingKey::from_rsa_pem(include_bytes!("jwt_key.pem")).expect("key");
        let claims = json!({
            "iss": "3MVG9sandboxClient", "sub": sub, "aud": "https://test.salesforce.com",
            "exp": start_of_time().timestamp() + 180,
        });
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).expect("jwt")
    };
    let ask = async |org: &Org, sub: &str, scope: &str| {
        let assertion = sign(sub);
        let form = [("grant_type", JWT_BEARER), ("assertion", assertion.as_str()), ("scope", scope)];
        org.token_request(&form).await.1
    };
    for (admin_approved_only, error, description) in [
        (false, "invalid_grant", "user hasn't approved this consumer"),
        (true, "invalid_app_access", "user is not admin approved to access this app"),
    ] {
        let (org, _) = with_clock(|settings| {
            settings.jwt_public_key = Some(include_str!("jwt_public.pem").to_owned());
            settings.approved_usernames = vec!["Eve@acme.example".to_owned()];
            settings.admin_approved_only = admin_approved_only;
        })
        .await;
        org.add("ada").await;
        org.add("eve").await;
        let refused = ask(&org, "ada@acme.example", "").await;
        assert_eq!(refused, json!({"error": error, "error_description": description}));
        assert!(ask(&org, "eve@acme.example", "").await["access_token"].is_string());
        assert_eq!(ask(&org, "eve@acme.example", "api").await["error"], "invalid_request", "no scope may be asked for");
    }
}
