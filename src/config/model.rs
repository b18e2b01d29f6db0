//! The keys. Their doc comments are the descriptions in the JSON Schema; `docs/configuration.md` has the same keys.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::accounts::Accounts;
use super::entitlements::Entitlements;
use super::extension::Extension;
use super::guard::Guard;
use super::mapping::FieldMapping;
use super::quota::Quota;
use super::reconcile::Reconcile;
use super::secret::DatabaseUrl;
use super::{span, web};

/// The REST API version that the bridge is tested with.
pub(super) const API_VERSION: &str = "v66.0";

/// The whole configuration of a bridge.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP server that identity providers call.
    pub server: Server,
    /// Where the bridge keeps what it was asked.
    pub database: Database,
    /// How changes are brought to Salesforce.
    pub delivery: Delivery,
    /// One population of an identity provider and the one org it goes to, by name (a-z, 0-9 and -).
    pub tenant: BTreeMap<String, Tenant>,
}

/// The HTTP server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port to listen on; with port 0 the system chooses one.
    #[schemars(with = "String", extend("format" = "socket-address"))]
    pub listen: SocketAddr,
    /// The URL under which identity providers see the bridge, for `meta.location`. Without it, what the client called.
    #[serde(with = "web::optional")]
    #[schemars(with = "Option<String>", extend("format" = "url"))]
    pub public_url: Option<Url>,
    /// Largest request body, in bytes.
    #[schemars(range(min = 1024, max = 104_857_600))]
    pub body_limit: usize,
    /// Requests with a token that are carried out at once; what comes on top is answered 503. Of one tenant half as many: 429.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub max_requests: usize,
    /// Threads that serve requests. Without it, one for each processor.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<usize>,
    /// How long requests are still taken after a stop was asked for, while `/readyz` says 503: until every load balancer has
    /// noticed.
    #[serde(with = "span")]
    #[schemars(with = "String", extend("format" = "span"))]
    pub drain: Duration,
    /// How long requests and deliveries that are under way may take to finish after that.
    #[serde(with = "span")]
    #[schemars(with = "String", extend("format" = "span"))]
    pub shutdown: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            body_limit: 1024 * 1024,
            max_requests: 1024,
            workers: None,
            drain: Duration::ZERO,
            shutdown: Duration::from_secs(30),
        }
    }
}

/// The database.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    #[schemars(with = "String", extend("format" = "database-url", "writeOnly" = true))]
    pub url: DatabaseUrl,
    /// Connections kept open for reading (SQLite: beside the one that writes) or in all (PostgreSQL).
    #[schemars(range(min = 1, max = 1000))]
    pub pool_size: u32,
}

/// The default of `database.url`.
const DEFAULT_DATABASE: &str = "sqlite:scim-bridge-data/bridge.db";

impl Default for Database {
    fn default() -> Self {
        Self { url: DatabaseUrl::sqlite(DEFAULT_DATABASE), pool_size: 8 }
    }
}

/// Deliveries to Salesforce.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Deliveries under way at one time, for each org.
    #[schemars(range(min = 1, max = 100))]
    pub concurrency: usize,
    /// How long to wait after the first, second, third … failed attempt. The last one repeats.
    #[serde(with = "span::list")]
    #[schemars(schema_with = "span::list::schema")]
    pub retry: Vec<Duration>,
    /// How long a process keeps a delivery it took up. When it dies, another takes over after this time.
    #[serde(with = "span")]
    #[schemars(with = "String", extend("format" = "span"))]
    pub lease: Duration,
    /// Attempts remembered for each resource; older ones are forgotten.
    #[schemars(range(min = 1, max = 1000))]
    pub attempts_kept: usize,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            concurrency: 8,
            retry: [1, 5, 30, 120, 600, 1800, 3600].map(Duration::from_secs).to_vec(),
            lease: Duration::from_mins(2),
            attempts_kept: 20,
        }
    }
}

/// One population of an identity provider, and the org it goes to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// When a request is answered with success.
    #[serde(default)]
    pub acknowledge: Acknowledge,
    /// With `acknowledge = "delivered"`: how long an answer waits for Salesforce at most; after it, success is answered, and
    /// the delivery goes on.
    #[serde(with = "span", default = "acknowledge_within")]
    #[schemars(with = "String", extend("format" = "span"))]
    pub acknowledge_within: Duration,
    /// The org.
    pub salesforce: Salesforce,
    /// How people get their accounts.
    #[serde(default)]
    pub accounts: Accounts,
    /// Which Salesforce field gets what of a person.
    #[serde(default)]
    pub mapping: FieldMapping,
    /// What people get in Salesforce.
    #[serde(default)]
    pub entitlements: Entitlements,
    /// What is held until a person agrees.
    #[serde(default)]
    pub guard: Guard,
    /// Which groups go to Salesforce.
    #[serde(default)]
    pub groups: Groups,
    /// Salesforce usernames that the bridge never touches, whoever asks; the integration user among them.
    #[serde(default)]
    pub protected: Vec<String>,
    /// Comparing what the org really holds with what was asked.
    #[serde(default)]
    pub reconcile: Reconcile,
    /// Attributes of its own.
    #[serde(default)]
    pub extensions: Vec<Extension>,
}

/// Shorter than the time-outs of most identity providers.
pub(super) const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(10);

fn acknowledge_within() -> Duration {
    ACKNOWLEDGE_WITHIN
}

impl Tenant {
    /// How long an answer waits for Salesforce's word at most; `None`: it does not.
    pub fn waits(&self) -> Option<Duration> {
        (self.acknowledge == Acknowledge::Delivered).then_some(self.acknowledge_within)
    }
}

/// When a request is answered with success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledge {
    /// As soon as it is on disk.
    #[default]
    Stored,
    /// When it is on disk and Salesforce has it, or `acknowledge_within` is over. What Salesforce refuses is answered with an
    /// error.
    Delivered,
}

/// How to reach and log in to an org.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Salesforce {
    /// My Domain URL of the org, `https://acme.my.salesforce.com`; plain `http` only on loopback.
    #[serde(deserialize_with = "web::deserialize")]
    #[schemars(with = "String", extend("format" = "url"))]
    pub url: Url,
    /// OAuth flow of the login.
    pub flow: Flow,
    /// Consumer key of the connected app.
    #[schemars(length(min = 1))]
    pub client_id: String,
    /// Consumer secret of the app; for `client-credentials`, and for `refresh-token` where the app requires it.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub client_secret: Option<SecretString>,
    /// Refresh token that an authorisation of the app gave; for `refresh-token`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub refresh_token: Option<SecretString>,
    /// Salesforce user that the bridge acts as; for `jwt-bearer`.
    pub username: Option<String>,
    /// Private key (PEM) whose certificate the app has; for `jwt-bearer`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub private_key: Option<SecretString>,
    /// `aud` of the assertion; for `jwt-bearer`. Without it, what Salesforce expects for the host of `url`.
    #[schemars(with = "Option<String>", extend("format" = "url"))]
    pub audience: Option<String>,
    /// Whether what Salesforce's SCIM cannot do goes over its REST API.
    #[serde(default)]
    pub rest: Rest,
    /// Version of the REST API.
    #[serde(default = "default_api_version")]
    #[schemars(regex(pattern = r"^v[0-9]{2,3}\.0$"))]
    pub api_version: String,
    /// How much of the org's API calls the bridge may use.
    #[serde(default)]
    pub quota: Quota,
}

fn default_api_version() -> String {
    API_VERSION.to_owned()
}

/// Whether what Salesforce's SCIM cannot do (usernames that change, several telephone numbers, custom fields, freezing)
/// goes over its REST API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rest {
    /// Over REST.
    #[default]
    WhenNeeded,
    /// Not at all: such a change is rejected, and says so.
    Never,
}

/// OAuth flow of the login to Salesforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// OAuth client credentials; needs `client_secret`.
    ClientCredentials,
    /// OAuth JWT bearer (RFC 7523); needs `username` and `private_key`.
    JwtBearer,
    /// OAuth refresh token of an authorisation that a person gave; needs `refresh_token`.
    RefreshToken,
}

/// A login with everything its flow needs.
#[derive(Debug, Clone)]
pub enum Login {
    /// OAuth client credentials.
    ClientCredentials {
        /// Consumer key.
        client_id: String,
        /// Consumer secret.
        client_secret: SecretString,
    },
    /// OAuth JWT bearer (RFC 7523).
    JwtBearer {
        /// Consumer key, `iss`.
        client_id: String,
        /// Salesforce user, `sub`.
        username: String,
        /// Private key, PEM.
        private_key: SecretString,
        /// `aud`, where it was configured.
        audience: Option<String>,
    },
    /// OAuth refresh token.
    RefreshToken {
        /// Consumer key.
        client_id: String,
        /// Consumer secret, where it was configured.
        client_secret: Option<SecretString>,
        /// Refresh token.
        refresh_token: SecretString,
    },
}

impl Salesforce {
    /// The login with everything its flow needs; the error is the name of the key that is missing. A configuration
    /// from [`Config::load`] has it.
    pub fn login(&self) -> Result<Login, &'static str> {
        let client_id = self.client_id.clone();
        Ok(match self.flow {
            Flow::ClientCredentials => Login::ClientCredentials {
                client_id,
                client_secret: self.client_secret.clone().ok_or("client_secret")?,
            },
            Flow::JwtBearer => Login::JwtBearer {
                client_id,
                username: self.username.clone().ok_or("username")?,
                private_key: self.private_key.clone().ok_or("private_key")?,
                audience: self.audience.clone(),
            },
            Flow::RefreshToken => Login::RefreshToken {
                client_id,
                client_secret: self.client_secret.clone(),
                refresh_token: self.refresh_token.clone().ok_or("refresh_token")?,
            },
        })
    }
}

/// Which groups go to Salesforce.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Groups {
    /// Names of groups that become public groups of the same name; `*`, `?`, `[…]` and `{a,b}` are wildcards, case does
    /// not count.
    #[schemars(schema_with = "globs")]
    pub mirror: Vec<String>,
    /// Whether a public group that does not exist yet is created; otherwise the delivery is held until it does.
    pub create: bool,
    /// What becomes of groups that are members of a mirrored group.
    pub nested: Nested,
}

/// What becomes of groups that are members of a mirrored group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nested {
    /// Those that are mirrored themselves are members of its public group; the others, and who is in them, are not.
    #[default]
    Keep,
    /// Everybody in them, at whatever depth, is a member of its public group, whether they are mirrored or not; no group is.
    Flatten,
}

fn globs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "format": "glob" } })
}

impl Default for Groups {
    fn default() -> Self {
        Self { mirror: Vec::new(), create: true, nested: Nested::Keep }
    }
}

impl Groups {
    /// What tells whether the group of a name is mirrored.
    pub fn mirrored(&self) -> Result<GlobSet, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for pattern in &self.mirror {
            set.add(GlobBuilder::new(pattern).case_insensitive(true).build()?);
        }
        set.build()
    }
}

impl Database {
    /// The file, where the engine is SQLite.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        self.url.sqlite_path().map(PathBuf::from)
    }
}
