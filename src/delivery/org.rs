//! One tenant's org, as its deliveries need it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use globset::GlobSet;
use tokio::sync::Mutex;

use crate::salesforce::{self, Client};
use crate::scim::fold::fold;

use super::schedule::Schedule;

/// A tenant's org and what the configuration says about it.
pub struct Org {
    /// Name of the tenant.
    pub tenant: String,
    /// Calls it.
    pub client: Client,
    /// Name of the profile of everybody.
    pub default_profile: Option<String>,
    /// Which groups become public groups.
    pub mirror: GlobSet,
    /// Whether public groups are made.
    pub create_groups: bool,
    /// Usernames that are never touched, folded.
    pub protected: BTreeSet<String>,
    /// Id of the default profile, once it was looked up.
    pub profile: ProfileId,
}

/// How fast, how often, how long.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Deliveries under way at once.
    pub concurrency: usize,
    /// Waits between tries.
    pub schedule: Schedule,
    /// How long a worker has a delivery before it counts as dead.
    pub lease: TimeDelta,
    /// Tries kept of each resource.
    pub attempts_kept: i64,
}

/// Why a new account cannot have its profile.
pub(super) enum NoProfile {
    /// Nothing is configured, or the org has none of the name: in words.
    Missing(String),
    /// Asking failed.
    Failed(salesforce::Error),
}

/// A profile id that is looked up once. A profile that is renamed or made again is found after a failed create, which
/// forgets it.
#[derive(Default)]
pub struct ProfileId(Mutex<Option<String>>);

impl Org {
    /// Id of the default profile in this org: names, not ids, are configured.
    pub(super) async fn profile_id(&self) -> Result<String, NoProfile> {
        let Some(name) = &self.default_profile else {
            let key = format!("tenant.{}.entitlements.default_profile", self.tenant);
            return Err(NoProfile::Missing(format!("no profile for this person: {key} is not set")));
        };
        // Held while asking, so that a thousand new users ask once.
        let mut known = self.profile.0.lock().await;
        if let Some(id) = known.as_ref() {
            return Ok(id.clone());
        }
        let found = self.client.find_profile(name).await.map_err(NoProfile::Failed)?;
        match found.as_slice() {
            [one] => Ok(known.insert(one.id.clone()).clone()),
            [] => Err(NoProfile::Missing(format!("the org has no profile named \"{name}\""))),
            _ => Err(NoProfile::Missing(format!("the org has several profiles named \"{name}\""))),
        }
    }

    pub(super) async fn forget_profile(&self) {
        *self.profile.0.lock().await = None;
    }

    /// Whether an account is protected (the integration user, a break-glass administrator).
    pub(super) fn protects(&self, username: &str) -> bool {
        self.protected.contains(&fold(username))
    }
}

/// How long a delivery waits before it looks again for what it waits for, where nothing would wake it.
pub(super) const LOOK_AGAIN: Duration = Duration::from_mins(15);
