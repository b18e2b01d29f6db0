//! Trouble of a whole org pauses all its deliveries at once, instead of burning each one's tries.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Outages in a row that open the circuit. Fewer are a busy moment, in which the next delivery may well succeed.
const THRESHOLD: u32 = 3;
/// The longest pause that is not asked for by Salesforce.
const LONGEST: Duration = Duration::from_mins(1);

/// Whether an org is being called.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    in_a_row: u32,
    /// When the last of them was counted.
    counted: Option<DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
}

impl Circuit {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An answer came: the org lives.
    pub(super) fn success(&self) {
        self.with(|inner| *inner = Inner::default());
    }

    /// An outage, seen by a try that began at `began`. `asked`: how long the org wants to be left alone.
    ///
    /// Tries that were under way together when it happened have seen the same outage, and count once: one login that
    /// fails for eight waiting tries would else bring a pause of half a minute about.
    pub(super) fn outage(&self, now: DateTime<Utc>, began: DateTime<Utc>, asked: Option<Duration>) {
        self.with(|inner| {
            if inner.counted.is_none_or(|counted| began >= counted) {
                inner.in_a_row += 1;
                inner.counted = Some(now);
            } else if asked.is_none() {
                return;
            }
            let doubled = 1_u32.checked_shl(inner.in_a_row.saturating_sub(THRESHOLD)).unwrap_or(u32::MAX);
            let pause = match asked {
                Some(asked) => asked,
                None if inner.in_a_row < THRESHOLD => return,
                None => Duration::from_secs(1).saturating_mul(doubled).min(LONGEST),
            };
            let until = now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
            inner.paused_until = inner.paused_until.max(Some(until));
        });
    }

    /// How many deliveries may start: none during a pause, one as a probe after it (and no second one while the first
    /// is `running`), else all.
    pub(super) fn allows(&self, now: DateTime<Utc>, all: usize, running: usize) -> usize {
        self.with(|inner| match inner.paused_until {
            Some(until) if now < until => 0,
            Some(_) => all.min(usize::from(running == 0)),
            None => all,
        })
    }

    /// When the pause ends.
    pub(super) fn paused_until(&self) -> Option<DateTime<Utc>> {
        self.with(|inner| inner.paused_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_outages_do_not_pause_and_many_do() {
        let (circuit, now) = (Circuit::default(), DateTime::UNIX_EPOCH);
        for _ in 1..THRESHOLD {
            circuit.outage(now, now, None);
        }
        assert_eq!(circuit.allows(now, 8, 0), 8);
        circuit.outage(now, now, None);
        assert_eq!(circuit.allows(now, 8, 0), 0);
        assert_eq!(circuit.allows(now + TimeDelta::seconds(1), 8, 0), 1, "a probe");
        assert_eq!(circuit.allows(now + TimeDelta::seconds(1), 7, 1), 0, "it is the only one");
        circuit.success();
        assert_eq!(circuit.allows(now, 8, 1), 8);
    }

    #[test]
    fn tries_that_saw_the_same_outage_count_once() {
        let (circuit, now) = (Circuit::default(), DateTime::UNIX_EPOCH);
        for n in 1..100 {
            circuit.outage(now + TimeDelta::seconds(n), now, None);
        }
        assert_eq!(circuit.allows(now + TimeDelta::seconds(99), 8, 0), 8);
        // But what the org asks for is kept whoever hears it.
        circuit.outage(now + TimeDelta::seconds(100), now, Some(Duration::from_secs(9)));
        assert_eq!(circuit.allows(now + TimeDelta::seconds(108), 8, 0), 0);
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_at_once() {
        let (circuit, now) = (Circuit::default(), DateTime::UNIX_EPOCH);
        circuit.outage(now, now, Some(Duration::from_mins(2)));
        assert_eq!(circuit.allows(now + TimeDelta::seconds(119), 8, 0), 0);
        assert_eq!(circuit.allows(now + TimeDelta::seconds(120), 8, 0), 1);
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let (circuit, now) = (Circuit::default(), DateTime::UNIX_EPOCH);
        for _ in 0..100 {
            circuit.outage(now, now, None);
        }
        assert_eq!(circuit.paused_until(), Some(now + TimeDelta::seconds(60)));
    }
}
