//! One tenant's org, as its deliveries need it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use globset::GlobSet;
use tokio::sync::Mutex;

use crate::salesforce::mapping::Mapping;
use crate::salesforce::{self, Client};
use crate::scim::fold::fold;
use crate::shadow::nested::Nested;

use super::catalogue::Catalogue;
use super::guard::{self, Act, Guard, Limits};
use super::plan::Means;
use super::rights::Rights;
use super::schedule::Schedule;
use super::turns::Turns;
use crate::db::{Db, Error as DbError};
use crate::entitlement::{Exclusive, Rules};

/// A tenant's org and what the configuration says about it.
pub struct Org {
    /// Name of the tenant.
    pub tenant: String,
    /// Other tenants of the same org: what is theirs is not taken over.
    pub neighbours: Vec<String>,
    /// Calls it.
    pub client: Client,
    /// How its people become accounts.
    pub mapping: Mapping,
    /// Name of the profile of everybody.
    pub default_profile: Option<String>,
    /// Who gets what.
    pub entitlements: Entitlements,
    /// What the org can give.
    pub catalogue: Catalogue,
    /// Which groups become public groups.
    pub mirror: GlobSet,
    /// What becomes of the groups in them.
    pub nested: Nested,
    /// Whether public groups are made.
    pub create_groups: bool,
    /// Which accounts that were there before are taken over.
    pub adopt: Adopt,
    /// The ways that accounts may be made and changed.
    pub means: Means,
    /// Usernames that are never touched, folded.
    pub protected: BTreeSet<String>,
    /// What it said that need not be asked again at once.
    pub remembered: Remembered,
    /// How many people have what many lose.
    pub counted: Counted,
    /// Rights that are lacking there.
    pub rights: Rights,
    /// Whose turn it is to write a group or a role.
    pub turns: Turns,
}

/// Who gets what in an org.
#[derive(Debug, Clone)]
pub struct Entitlements {
    /// Rules over what the identity provider says of a person.
    pub rules: Rules,
    /// Whether what the identity provider itself asks for is given.
    pub honours: bool,
    /// Kinds of which nobody keeps anything else.
    pub exclusive: Exclusive,
    /// What waits for a person to agree.
    pub guard: Guard,
    /// Tells these entitlements from others.
    pub mark: Mark,
}

/// Tells entitlements from those of another configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// A hash of the rules and of all that decides with them.
    pub rules: String,
    /// What takes effect on people for whom the rules decide nothing: kinds that are exclusive, and whether pushes are
    /// honoured. Empty: nothing does.
    pub scope: String,
}

impl Entitlements {
    /// Whether anybody could get more than the default profile, or lose anything.
    pub fn say_something(&self) -> bool {
        self.honours || !self.exclusive.0.is_empty() || self.rules.iter().next().is_some()
    }
}

/// What is done with an account that was in the org before, and matches a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Adopt {
    /// It becomes the person's.
    #[default]
    Matching,
    /// It stays as it is, and the person without one.
    Never,
    /// The delivery is held until somebody says.
    Ask,
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

/// What an org said that need not be asked again at once: the id of the default profile, or that it has none. Without it
/// each person who waits for one would ask for themselves, and thousands would use up the day's calls of the whole org.
#[derive(Default)]
pub struct Remembered {
    profile: Mutex<Option<Profile>>,
}

enum Profile {
    Id(String),
    /// In words, and until when that is believed.
    Missing(String, DateTime<Utc>),
}

/// How long an org is believed that has no such profile. One person asks again then, for all.
const BELIEVED: TimeDelta = TimeDelta::minutes(1);

/// How many people there are to whom something is done that is done to many: counted at most once a minute, because it looks through all of them, and
/// each of those to whom it is done asks.
#[derive(Default)]
pub struct Counted(Mutex<BTreeMap<Act, (u64, DateTime<Utc>)>>);

impl Counted {
    /// How many there are, or were within the window of the limits.
    pub(super) async fn had(
        &self,
        db: &Db,
        tenant: &str,
        act: &Act,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Result<u64, DbError> {
        // Held while counting, so that a thousand people count once.
        let mut known = self.0.lock().await;
        if let Some((had, at)) = known.get(act)
            && now - *at < BELIEVED
        {
            return Ok(*had);
        }
        let (tenant, asked) = (tenant.to_owned(), act.clone());
        let had = db.read(move |conn| guard::had(conn, &tenant, &asked, &limits, now)).await?;
        known.insert(act.clone(), (had, now));
        Ok(had)
    }
}

impl Org {
    /// Id of the default profile in this org: names, not ids, are configured. `asking` is told of a call.
    pub(super) async fn profile_id(&self, now: DateTime<Utc>, asking: impl FnOnce()) -> Result<String, NoProfile> {
        let Some(name) = &self.default_profile else {
            return Err(NoProfile::Missing(self.no_profile()));
        };
        // Held while asking, so that a thousand new users ask once.
        let mut known = self.remembered.profile.lock().await;
        match known.as_ref() {
            Some(Profile::Id(id)) => return Ok(id.clone()),
            Some(Profile::Missing(reason, until)) if now < *until => return Err(NoProfile::Missing(reason.clone())),
            _ => asking(),
        }
        let found = self.client.find_profile(name).await.map_err(NoProfile::Failed)?;
        let reason = match found.as_slice() {
            [one] => {
                *known = Some(Profile::Id(one.id.clone()));
                return Ok(one.id.clone());
            }
            [] => format!("the org has no profile named \"{name}\""),
            _ => format!("the org has several profiles named \"{name}\""),
        };
        *known = Some(Profile::Missing(reason.clone(), now + BELIEVED));
        Err(NoProfile::Missing(reason))
    }

    /// Says that nothing gives newcomers a profile.
    pub(super) fn no_profile(&self) -> String {
        format!("no profile for this person: tenant.{}.entitlements.default_profile is not set", self.tenant)
    }

    pub(super) async fn forget_profile(&self) {
        *self.remembered.profile.lock().await = None;
    }

    /// Whether an account is protected (the integration user, a break-glass administrator).
    pub(super) fn protects(&self, username: &str) -> bool {
        self.protected.contains(&fold(username))
    }
}

/// How long a delivery waits before it looks again for what it waits for, where nothing would wake it.
pub(super) const LOOK_AGAIN: Duration = Duration::from_mins(15);
