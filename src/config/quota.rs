//! How much of an org's API calls the bridge may use.

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Finding;

/// How much of the org's API calls the bridge may use.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Part of the calls of 24 hours from which on deliveries are spread over the day.
    #[schemars(range(min = 0, max = 1))]
    pub slow_at: f64,
    /// Part of the calls of 24 hours from which on nothing is delivered but deactivations.
    #[schemars(range(min = 0, max = 1))]
    pub hold_at: f64,
    /// Calls of 24 hours that are kept for other integrations: what is above is a part of the rest.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub reserve: u32,
    /// Calls under way at one time, whoever makes them.
    #[schemars(range(min = 1, max = 100))]
    pub concurrency: usize,
}

impl Default for Quota {
    fn default() -> Self {
        Self { slow_at: 0.8, hold_at: 0.95, reserve: 0, concurrency: 8 }
    }
}

/// What is wrong with it; `path` is its full name.
pub(super) fn problems(path: &str, quota: &Quota) -> Option<Finding> {
    (quota.slow_at > quota.hold_at)
        .then(|| Finding::at(&format!("{path}.slow_at"), "must not be more than hold_at, where deliveries stop"))
}
