//! Configuration: a TOML file, and above it environment variables (`SCIM_BRIDGE__DATABASE__URL` is `database.url`).
//!
//! Everything is checked at once, against the JSON Schema of [`Config`], before anything starts: a mistyped key that
//! is silently ignored is a default that nobody chose. Problems name the file or variable and the key, never the value
//! of a secret.

mod accounts;
mod check;
mod entitlements;
mod error;
mod extension;
mod guard;
mod mapping;
mod model;
mod quota;
mod reconcile;
mod schema;
mod secret;
mod source;
mod span;
mod validate;
mod web;

#[cfg(test)]
mod tests;

use std::path::Path;

use secrecy::SecretString;
use url::Url;

pub use accounts::{Accounts, Adopt, Leaving};
pub use entitlements::{Entitlements, Exclusive, IdpEntitlements, RuleTable};
pub use error::{Error, Problem};
pub use extension::{Extended, Extension};
pub use guard::{Guard, Sensitive};
pub use mapping::{FieldMapping, FieldTable, KeyDefaults, MappedField};
pub use model::{
    Acknowledge, Config, Database, Delivery, Flow, Groups, Login, Nested, Rest, Salesforce, Server, Tenant,
};
pub use quota::Quota;
pub use reconcile::Reconcile;
pub use secret::{DatabaseUrl, Engine};

use source::Source;

impl Config {
    /// The other tenants whose org is that of `name`.
    pub fn neighbours(&self, name: &str) -> Vec<String> {
        let Some(own) = self.tenant.get(name).map(|tenant| tenant.salesforce.url.origin()) else { return Vec::new() };
        let shares = |other: &model::Tenant| other.salesforce.url.origin() == own;
        let others = self.tenant.iter().filter(|(other, tenant)| *other != name && shares(tenant));
        others.map(|(other, _)| other.clone()).collect()
    }

    /// Reads the configuration from the TOML file at `path` (none: only defaults and the environment) and from `env`,
    /// which wins. `env` is the whole environment, since `NAME_env` may name any variable.
    ///
    /// Files named by `NAME_file` are read here, relative to the working directory; a line break at their end does
    /// not count. So are the schema documents of extensions, relative to the folder of the configuration file.
    pub fn load(path: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self, Error> {
        let schema = schema::of_config();
        let source = match path {
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| Error::one(&name, format!("cannot be read: {cause}")))?;
                Source::parse(&name, &text)?
            }
            None => Source::empty(),
        };
        let folder = path.and_then(Path::parent).unwrap_or_else(|| Path::new(""));
        source.with_environment(&schema, env).into_config(&schema, folder)
    }

    /// What `serve --sandbox` runs with: every default, and one tenant, `sandbox`, whose org is the simulated one at
    /// `org`. Every pushed group is mirrored, so that a newcomer sees it arrive.
    pub fn sandbox(org: Url, client_id: &str, client_secret: SecretString) -> Self {
        let mut config = Self::default();
        let tenant = Tenant {
            acknowledge: Acknowledge::Stored,
            acknowledge_within: model::ACKNOWLEDGE_WITHIN,
            salesforce: Salesforce {
                url: org,
                flow: Flow::ClientCredentials,
                client_id: client_id.to_owned(),
                client_secret: Some(client_secret),
                refresh_token: None,
                username: None,
                private_key: None,
                audience: None,
                rest: model::Rest::default(),
                api_version: model::API_VERSION.to_owned(),
                quota: Quota::default(),
            },
            entitlements: Entitlements {
                default_profile: Some("Minimum Access - Salesforce".to_owned()),
                ..Entitlements::default()
            },
            groups: Groups { mirror: vec!["*".to_owned()], ..Groups::default() },
            accounts: Accounts::default(),
            mapping: FieldMapping::default(),
            guard: Guard::default(),
            protected: Vec::new(),
            reconcile: Reconcile::default(),
            extensions: Vec::new(),
        };
        config.tenant.insert("sandbox".to_owned(), tenant);
        config
    }

    /// The JSON Schema of the file, with the `NAME_file` and `NAME_env` forms of every secret.
    pub fn json_schema() -> serde_json::Value {
        schema::of_config()
    }
}
