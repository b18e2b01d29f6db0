//! The API calls of an org are counted over 24 hours, for all its integrations together. The governor keeps deliveries
//! from using them up: it spreads them when the calls become few, and holds all but the urgent ones when they run out.
//!
//! What it decides is pure; it is fed with what each answer says, and asked before deliveries are taken.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::gauge;

/// The window over which Salesforce counts, in seconds. It rolls: what was used 24 hours ago comes back.
const WINDOW: f64 = 86_400.0;

/// The longest wait between two deliveries that are spread: what was used comes back all the time, and is noticed by the
/// answers to deliveries.
const LONGEST: Duration = Duration::from_mins(15);

/// Deliveries that are spread are taken as many at once as would go out in this time, so that short waits do not become
/// a look at the database each.
const TOGETHER: TimeDelta = TimeDelta::seconds(1);

/// How long what is known of the usage is good enough.
const FRESH: TimeDelta = TimeDelta::minutes(15);

/// The same while deliveries are held: nothing else may tell that the usage fell.
const FRESH_WHILE_HELD: TimeDelta = TimeDelta::minutes(5);

/// How much of an org's API calls the bridge may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// Part of the calls (0 to 1) from which on deliveries are spread.
    pub slow_at: f64,
    /// Part of the calls (0 to 1) from which on only urgent deliveries go out.
    pub hold_at: f64,
    /// Calls that are kept for other integrations: the parts are of what is left without them.
    pub reserve: u32,
    /// Calls under way at one time.
    pub concurrency: usize,
}

impl Default for Quota {
    fn default() -> Self {
        Self { slow_at: 0.8, hold_at: 0.95, reserve: 0, concurrency: 8 }
    }
}

/// API calls of an org in the last 24 hours, by all its integrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Calls made. May be more than the limit, which Salesforce enforces with some lenience.
    pub used: u32,
    /// Calls allowed.
    pub limit: u32,
}

impl Usage {
    /// Reads the header `Sforce-Limit-Info`, `api-usage=18/15000; per-app-api-usage=17/250(appName=x)`.
    pub fn of_header(text: &str) -> Option<Self> {
        let (used, limit) =
            text.split([';', ',']).find_map(|part| part.trim().strip_prefix("api-usage="))?.split_once('/')?;
        Some(Self { used: number(used)?, limit: number(limit)? })
    }
}

/// A number of calls; one that is too large for any org is as good as the largest.
fn number(text: &str) -> Option<u32> {
    text.trim().parse::<u64>().ok().map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// How fast deliveries that are not urgent may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tempo {
    /// As they come.
    Free,
    /// One each so often.
    Spread(Duration),
    /// Not at all.
    Hold,
}

impl Quota {
    /// The tempo at which the calls last. The wait between deliveries grows from nothing at `slow_at` to what spreads
    /// the calls that are left before `hold_at` over a whole day.
    pub fn tempo(&self, usage: Usage) -> Tempo {
        let pool = f64::from(usage.limit.saturating_sub(self.reserve));
        let used = f64::from(usage.used);
        let (slow, hold) = (self.slow_at * pool, self.hold_at * pool);
        if used >= hold {
            Tempo::Hold
        } else if used < slow {
            Tempo::Free
        } else {
            let steepness = (used - slow) / (hold - slow);
            let wait = steepness * WINDOW / (hold - used);
            Tempo::Spread(Duration::try_from_secs_f64(wait).unwrap_or(LONGEST).min(LONGEST))
        }
    }
}

/// How many deliveries may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Of those that are not urgent. Urgent ones are always admitted.
    pub ordinary: usize,
    /// When to ask again, where there is a moment at which the answer changes by itself.
    pub again: Option<Duration>,
}

/// What is known of an org's calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Calls used, if the org ever said so.
    pub usage: Option<Usage>,
    /// How fast deliveries go out.
    pub tempo: Tempo,
}

/// Governs the calls to one org.
pub(super) struct Governor {
    tenant: String,
    quota: Quota,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    usage: Option<Usage>,
    /// The org refused a call because all are used, and never said how many there are.
    spent: bool,
    /// When the usage was last told or asked for.
    fresh: Option<DateTime<Utc>>,
    /// When a delivery that is not urgent was last taken.
    taken: Option<DateTime<Utc>>,
}

impl State {
    fn tempo(&self, quota: &Quota) -> Tempo {
        match self.usage {
            Some(usage) => quota.tempo(usage),
            None if self.spent => Tempo::Hold,
            None => Tempo::Free,
        }
    }

    fn admit(&self, quota: &Quota, now: DateTime<Utc>, wanted: usize) -> Admission {
        let wait = match self.tempo(quota) {
            Tempo::Free => return Admission { ordinary: wanted, again: None },
            Tempo::Hold => return Admission { ordinary: 0, again: None },
            Tempo::Spread(wait) => wait,
        };
        // A clock that was set back must not make anybody wait for longer.
        let passed = self.taken.map(|taken| now - taken).filter(|passed| *passed >= TimeDelta::zero());
        let passed = passed.map_or(LONGEST, |passed| passed.to_std().unwrap_or(LONGEST));
        if passed < wait {
            return Admission { ordinary: 0, again: Some(wait.saturating_sub(passed)) };
        }
        let passed = passed.min(TOGETHER.to_std().unwrap_or_default()).as_micros();
        let several = passed.checked_div(wait.as_micros()).map_or(wanted, |n| usize::try_from(n).unwrap_or(wanted));
        Admission { ordinary: several.max(1).min(wanted), again: Some(wait) }
    }

    fn is_stale(&self, quota: &Quota, now: DateTime<Utc>) -> bool {
        let good = if self.tempo(quota) == Tempo::Hold { FRESH_WHILE_HELD } else { FRESH };
        self.fresh.is_none_or(|fresh| !(TimeDelta::zero()..good).contains(&(now - fresh)))
    }
}

impl Governor {
    pub(super) fn new(tenant: String, quota: Quota) -> Self {
        Self { tenant, quota, state: Mutex::default() }
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is known, and tells people where that makes a difference: once when it begins, once when it ends.
    fn learn(&self, f: impl FnOnce(&mut State)) {
        let (before, after, usage) = self.with(|state| {
            let before = state.tempo(&self.quota);
            f(state);
            (before, state.tempo(&self.quota), state.usage)
        });
        let (used, limit) = usage.map_or((None, None), |usage| (Some(usage.used), Some(usage.limit)));
        let (tenant, reserve) = (self.tenant.as_str(), self.quota.reserve);
        match (before, after) {
            (Tempo::Hold, Tempo::Hold) | (Tempo::Spread(_), Tempo::Spread(_)) | (Tempo::Free, Tempo::Free) => {}
            (_, Tempo::Hold) => tracing::warn!(
                tenant,
                used,
                limit,
                reserve,
                "the API calls of the Salesforce org are nearly used up: only deactivations are delivered until some come back"
            ),
            (Tempo::Hold, _) => {
                tracing::info!(tenant, used, limit, "API calls of the Salesforce org have come back: deliveries go on");
            }
            (_, Tempo::Spread(_)) => tracing::info!(
                tenant,
                used,
                limit,
                reserve,
                "the API calls of the Salesforce org become few: deliveries are spread over the day"
            ),
            (_, Tempo::Free) => tracing::info!(tenant, used, limit, "deliveries are no longer spread"),
        }
        let label = || self.tenant.clone();
        if let Some(usage) = usage {
            gauge!("scim_bridge_salesforce_api_usage", "tenant" => label()).set(f64::from(usage.used));
            gauge!("scim_bridge_salesforce_api_limit", "tenant" => label()).set(f64::from(usage.limit));
        }
        let held = f64::from(u8::from(after == Tempo::Hold));
        gauge!("scim_bridge_salesforce_held_by_quota", "tenant" => label()).set(held);
    }

    /// An answer came that is not about used-up calls, with or without word of the usage.
    pub(super) fn observe(&self, usage: Option<Usage>, now: DateTime<Utc>) {
        self.learn(|state| {
            state.spent = false;
            if usage.is_some() {
                (state.usage, state.fresh) = (usage, Some(now));
            }
        });
    }

    /// A call was refused because all are used up, whatever was counted before.
    pub(super) fn exhausted(&self, now: DateTime<Utc>) {
        self.learn(|state| {
            (state.spent, state.fresh) = (true, Some(now));
            if let Some(usage) = &mut state.usage {
                usage.used = usage.used.max(usage.limit);
            }
        });
    }

    /// Whether the org should be asked for its usage; notes that it is. `always`: also while nothing is held.
    pub(super) fn look(&self, always: bool, now: DateTime<Utc>) -> bool {
        self.with(|state| {
            let wanted = always || state.tempo(&self.quota) == Tempo::Hold;
            let look = wanted && state.is_stale(&self.quota, now);
            if look {
                state.fresh = Some(now);
            }
            look
        })
    }

    pub(super) fn admit(&self, now: DateTime<Utc>, wanted: usize) -> Admission {
        self.with(|state| state.admit(&self.quota, now, wanted))
    }

    pub(super) fn taken(&self, now: DateTime<Utc>) {
        self.with(|state| state.taken = Some(now));
    }

    pub(super) fn standing(&self) -> Standing {
        self.with(|state| Standing { usage: state.usage, tempo: state.tempo(&self.quota) })
    }
}
