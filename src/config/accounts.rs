//! The keys of `[tenant.NAME.accounts]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How people get their accounts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// What is done with an account that was in the org before and has the person's federation id or username.
    pub adopt: Adopt,
    /// Whether Salesforce mails new people a link to set a password. Without it they log in by single sign-on, or ask
    /// for a password themselves.
    pub welcome_mail: bool,
}

/// What is done with an account that was in the org before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Adopt {
    /// It becomes the person's, unless it is protected, another person's, or of another kind.
    #[default]
    Matching,
    /// It is left alone, and the person's delivery is rejected.
    Never,
    /// The delivery is held until `scim-bridge deliveries release` says that it is theirs.
    Ask,
}
