//! What follows from the changes of each tenant's resources, as the configuration in force says.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Grouping;

/// What follows from changes of a tenant's resources.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// From changes of groups.
    pub grouping: Grouping,
    /// How long an answer waits for Salesforce's word at most; `None`: it does not.
    pub waits: Option<Duration>,
}

/// By tenant. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Follows(Arc<RwLock<HashMap<String, Following>>>);

/// What one change is made under.
pub(super) struct Terms<'a> {
    /// The time.
    pub(super) now: DateTime<Utc>,
    /// What follows from changes of groups.
    pub(super) grouping: &'a Grouping,
    /// Whether what Salesforce refused before is tried again where the same is asked once more: an identity provider that
    /// was told of the refusal means it.
    pub(super) insists: bool,
}

impl Follows {
    pub(super) fn set(&self, follows: HashMap<String, Following>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = follows;
    }

    /// To be asked inside of the transaction of a change: whoever asks before may wait for their turn meanwhile, and would
    /// miss what another configuration says.
    pub(super) fn of(&self, tenant: &str) -> Following {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned().unwrap_or_default()
    }
}

impl Following {
    pub(super) fn terms(&self, now: DateTime<Utc>) -> Terms<'_> {
        Terms { now, grouping: &self.grouping, insists: self.waits.is_some() }
    }
}
