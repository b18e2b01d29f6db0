//! How to reach one org. Plain values: where they come from (file, environment) is for others to know.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::governor::Quota;

/// How to reach and log in to one org.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Label of the tenant in metrics.
    pub tenant: String,
    /// My Domain URL of the org, `https://acme.my.salesforce.com`. Plain `http` only on loopback.
    pub url: Url,
    /// How to log in.
    pub flow: Flow,
    /// Whether what SCIM cannot do may go over REST.
    pub rest: bool,
    /// Version of the REST API, `v66.0`.
    pub api_version: String,
    /// How much of the org's API calls the bridge may use.
    pub quota: Quota,
    /// How long a call may take before its answer counts as lost. Salesforce itself gives up after 10 minutes.
    pub call_timeout: Duration,
    /// How long a login may take.
    pub login_timeout: Duration,
    /// Largest answer read, in bytes; a larger one is an error, so that a broken org cannot fill the memory.
    pub body_limit: usize,
}

/// How the bridge logs in.
#[derive(Debug, Clone)]
pub enum Flow {
    /// OAuth client credentials. Salesforce offers it on the My Domain host only, and acts as the app's "Run As" user.
    ClientCredentials {
        /// Consumer key of the app.
        client_id: String,
        /// Consumer secret of the app.
        client_secret: SecretString,
    },
    /// OAuth JWT bearer (RFC 7523), signed with RS256.
    JwtBearer {
        /// Consumer key of the app (`iss`).
        client_id: String,
        /// Salesforce user that the bridge acts as (`sub`).
        username: String,
        /// Private key whose certificate the app has, PEM (PKCS#1 or PKCS#8).
        private_key_pem: SecretString,
        /// `aud`; without it, what Salesforce expects for the host: `https://login.salesforce.com`,
        /// `https://test.salesforce.com` for a Salesforce sandbox, else the URL itself.
        audience: Option<String>,
    },
    /// OAuth refresh token, of an authorisation that a person gave once.
    RefreshToken {
        /// Consumer key of the app.
        client_id: String,
        /// Consumer secret of the app, where the app requires it for refreshing.
        client_secret: Option<SecretString>,
        /// The refresh token. Salesforce does not answer another one, unless the app rotates them.
        refresh_token: SecretString,
    },
}

impl Settings {
    /// Settings with the usual API version, time-outs and limits.
    pub fn new(tenant: impl Into<String>, url: Url, flow: Flow) -> Self {
        Self {
            tenant: tenant.into(),
            url,
            flow,
            rest: true,
            api_version: "v66.0".to_owned(),
            quota: Quota::default(),
            call_timeout: Duration::from_mins(1),
            login_timeout: Duration::from_secs(20),
            body_limit: 10 * 1024 * 1024,
        }
    }
}
