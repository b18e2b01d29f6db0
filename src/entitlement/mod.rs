//! Who shall have what in Salesforce, by rules over what the identity provider says of a person. Pure: names and reasons,
//! no ids, no calls, no database.
//!
//! `rule` is what is configured, `decide` applies it to one person, `cause` says of a rule that holds why it does, `pushed`
//! reads what the identity provider itself asks for, and `merge` compares what is wanted with what was given before and
//! what the org holds.

pub mod cause;
mod decide;
mod merge;
mod person;
mod pushed;
mod rule;
#[cfg(test)]
mod tests;

pub use decide::{Because, Decision, Reasoned};
pub use merge::{Exclusive, Grant, Merge, Single, merge, single};
pub use person::{Person, with_groups};
pub use pushed::{Pushed, pushed};
pub use rule::{Rule, RuleError, Rules, When};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a person can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "GrantKind")]
pub enum Kind {
    /// The profile: exactly one.
    Profile,
    /// The role in the org's hierarchy: one or none.
    Role,
    /// A licence that some permission sets need. It comes before them.
    PermissionSetLicence,
    /// A permission set.
    PermissionSet,
    /// A permission set group.
    PermissionSetGroup,
    /// Membership of a public group.
    PublicGroup,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Profile,
        Self::Role,
        Self::PermissionSetLicence,
        Self::PermissionSet,
        Self::PermissionSetGroup,
        Self::PublicGroup,
    ];

    /// Whether a person has one of it at most, so that the first rule that names one wins.
    pub fn is_single(self) -> bool {
        matches!(self, Self::Profile | Self::Role)
    }

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Role => "role",
            Self::PermissionSetLicence => "permission_set_licence",
            Self::PermissionSet => "permission_set",
            Self::PermissionSetGroup => "permission_set_group",
            Self::PublicGroup => "public_group",
        }
    }

    /// In words, for messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Role => "role",
            Self::PermissionSetLicence => "permission set licence",
            Self::PermissionSet => "permission set",
            Self::PermissionSetGroup => "permission set group",
            Self::PublicGroup => "public group",
        }
    }
}

/// Something that a person can be given, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entitlement {
    /// What it is.
    pub kind: Kind,
    /// Its name in the org, as it was written. Names compare without regard to case.
    pub name: String,
}

impl Entitlement {
    /// One of this kind and name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl std::fmt::Display for Entitlement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} \"{}\"", self.kind.words(), self.name)
    }
}
