//! Reconciles by the clock, beside the deliveries of a bridge that serves.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::finding::Kind;
use super::run::{Error, Reconcile, Report, Task};
use crate::clock::SharedRandomness;
use crate::salesforce::Tempo;

/// The longest nap: another process may have reconciled meanwhile, and clocks are set.
const NAP: Duration = Duration::from_mins(1);
/// While no calls are left for it. Looking costs none.
const HELD: Duration = Duration::from_secs(5);
/// The shortest.
const BLINK: Duration = Duration::from_millis(50);

/// When a tenant is reconciled.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// From the end of one to the beginning of the next.
    pub every: TimeDelta,
    /// Whether what drifted is enqueued.
    pub applies: bool,
}

/// When the next reconcile is due. `fraction` (from 0 to 1) spreads those of several tenants and processes over a tenth of
/// the period. Where none was before, it is not waited for a whole period: a bridge that is started anew every day would
/// never come to one.
pub fn due(last: Option<DateTime<Utc>>, started: DateTime<Utc>, every: TimeDelta, fraction: f64) -> DateTime<Utc> {
    let tenth = every / 10;
    #[expect(clippy::cast_possible_truncation, reason = "a part of a span that is itself in milliseconds")]
    #[expect(clippy::cast_precision_loss, reason = "jitter need not be exact")]
    let spread = TimeDelta::milliseconds((tenth.num_milliseconds() as f64 * fraction.clamp(0.0, 1.0)) as i64);
    match last {
        Some(last) => last + every + spread,
        None => started + tenth + spread,
    }
}

/// Reconciles again and again until `stop`.
pub async fn run(on: Reconcile, rhythm: Rhythm, randomness: SharedRandomness, stop: CancellationToken) {
    let started = on.clock.now();
    let fraction = randomness.fraction();
    // One that failed is not repeated at once.
    let mut not_before = started;
    while !stop.is_cancelled() {
        let now = on.clock.now();
        let due = match on.last().await {
            Ok(last) => due(last, started, rhythm.every, fraction).max(not_before),
            Err(error) => {
                tracing::warn!(%error, tenant = on.org.tenant, "it could not be read when the last reconcile was");
                now + rhythm.every / 24
            }
        };
        // The org's last calls are for deactivations.
        let held = on.org.client.quota().tempo == Tempo::Hold;
        if due <= now && !held {
            let task = Task { applies: rhythm.applies, fresh: false };
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = on.run(task, &|_| {}) => done,
            };
            match done {
                Ok(report) => tell(&report),
                // It is done elsewhere.
                Err(Error::Busy(_) | Error::Lost) => not_before = on.clock.now() + rhythm.every / 100,
                Err(error) => {
                    tracing::warn!(%error, tenant = on.org.tenant, "a reconcile did not come to its end; it goes on later");
                    not_before = on.clock.now() + rhythm.every / 24;
                }
            }
            continue;
        }
        let nap = if held { HELD } else { (due - now).to_std().unwrap_or(BLINK).clamp(BLINK, NAP) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(nap) => {}
        }
    }
}

/// Says in the log and in the metrics what was found.
fn tell(report: &Report) {
    for (kind, count) in &report.kinds {
        #[expect(clippy::cast_precision_loss, reason = "a count of findings is far below 2^52")]
        gauge!("scim_bridge_drift", "tenant" => report.tenant.clone(), "kind" => kind.as_str()).set(*count as f64);
    }
    let (drift, unlinked) = (report.drift(), report.kinds.get(&Kind::Unlinked).copied().unwrap_or(0));
    let super::Counts { users, groups, skipped, queued, .. } = report.counts;
    let tenant = report.tenant.as_str();
    tracing::info!(tenant, drift, unlinked, users, groups, skipped, queued, "the org was compared with what was asked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_after_the_last_one_and_a_little_more() {
        let at = |hours: i64| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let every = TimeDelta::hours(20);
        assert_eq!(due(Some(at(5)), at(100), every, 0.0), at(25));
        assert_eq!(due(Some(at(5)), at(100), every, 0.5), at(26));
        assert_eq!(due(None, at(100), every, 0.0), at(102), "the first one soon, but not at once");
        assert_eq!(due(None, at(100), every, 1.0), at(104));
    }
}
