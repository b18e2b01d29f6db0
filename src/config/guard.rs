//! What waits for a person to agree.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Finding;
use super::model::Tenant;
use super::span;
use crate::entitlement::{Entitlement, Kind};
use crate::scim::fold::fold;

/// What is held until a person agrees (`scim-bridge deliveries release`).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// How many people may lose the same profile, role, permission set, group or licence within `window`. What more would
    /// lose is held, if it is more than `losses_percent`, too.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub losses: u32,
    /// Of those who have something, how many per cent may lose it within `window`. 100: there is no such limit.
    #[schemars(range(min = 0, max = 100))]
    pub losses_percent: u8,
    /// How many people may be deactivated or deleted within `window`. What more would be is held, if it is more than
    /// `deactivations_percent`, too.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub deactivations: u32,
    /// Of those who have an active account, how many per cent may be deactivated within `window`. 100: there is no such
    /// limit.
    #[schemars(range(min = 0, max = 100))]
    pub deactivations_percent: u8,
    /// How many members may be taken out of one mirrored group within `window`. What more would be is held, if it is more
    /// than `removals_percent`, too.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub removals: u32,
    /// Of the members of a mirrored group, how many per cent may be taken out of it within `window`. 100: there is no such
    /// limit.
    #[schemars(range(min = 0, max = 100))]
    pub removals_percent: u8,
    /// The time that is looked back on.
    #[serde(with = "span")]
    #[schemars(with = "String", extend("format" = "span"))]
    pub window: Duration,
    /// What nobody is given before a person agrees.
    pub sensitive: Sensitive,
}

/// What nobody is given before a person agrees, by name.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sensitive {
    /// Names of profiles.
    pub profiles: Vec<String>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// API names of permission sets.
    pub permission_sets: Vec<String>,
    /// API names of permission set groups.
    pub permission_set_groups: Vec<String>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            losses: 25,
            losses_percent: 10,
            deactivations: 25,
            deactivations_percent: 10,
            removals: 25,
            removals_percent: 50,
            window: Duration::from_hours(24),
            sensitive: Sensitive::default(),
        }
    }
}

impl Sensitive {
    fn lists(&self) -> [(&'static str, Kind, &[String]); 4] {
        [
            ("profiles", Kind::Profile, &self.profiles),
            ("roles", Kind::Role, &self.roles),
            ("permission_sets", Kind::PermissionSet, &self.permission_sets),
            ("permission_set_groups", Kind::PermissionSetGroup, &self.permission_set_groups),
        ]
    }

    /// All of it.
    pub fn entitlements(&self) -> impl Iterator<Item = Entitlement> {
        self.lists()
            .into_iter()
            .flat_map(|(_, kind, names)| names.iter().map(move |name| Entitlement::new(kind, name.as_str())))
    }
}

/// What is wrong with a tenant's guard.
pub(super) fn check(name: &str, tenant: &Tenant) -> Vec<Finding> {
    let mut found = Vec::new();
    if tenant.guard.window.is_zero() {
        found.push(Finding::at(&format!("tenant.{name}.guard.window"), "must be more than nothing"));
    }
    let default = tenant.entitlements.default_profile.as_deref().map(fold);
    for (key, kind, names) in tenant.guard.sensitive.lists() {
        for (at, entry) in names.iter().enumerate() {
            let key = format!("tenant.{name}.guard.sensitive.{key}[{at}]");
            if entry.trim().is_empty() {
                found.push(Finding::at(&key, "must not be empty"));
            } else if kind == Kind::Profile && Some(fold(entry)) == default {
                found.push(Finding::at(&key, "is the default profile: every newcomer would wait for a person"));
            }
        }
    }
    found
}
