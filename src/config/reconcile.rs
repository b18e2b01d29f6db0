//! When the org is compared with what was asked of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::span;

/// Comparing what the org really holds with what was asked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reconcile {
    /// How long after the end of one reconcile the next begins, in a bridge that serves; `0s` for never.
    #[serde(with = "span")]
    #[schemars(with = "String", extend("format" = "span"))]
    pub every: Duration,
    /// Whether these reconciles repair what drifted; otherwise they only report it.
    pub apply: bool,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self { every: Duration::from_hours(24), apply: false }
    }
}
