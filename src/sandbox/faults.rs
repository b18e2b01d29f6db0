//! Chance and counted mishaps, drawn so that the same seed and the same calls meet the same fate.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::store::Mishaps;

/// What goes wrong, by chance or by count. Chances are from 0 to 1 and drawn from a generator that `seed` starts, so
/// that a run can be repeated. The control interface and the page are spared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Starts the generator.
    pub seed: u64,
    /// Chance of a 503 `SERVER_UNAVAILABLE` before anything is done.
    pub unavailable: f64,
    /// Chance that the connection breaks before anything is done.
    pub lost_request: f64,
    /// Chance that the connection breaks after everything is done.
    pub lost_answer: f64,
    /// The next n calls answer 503.
    pub unavailable_next: u32,
    /// The connection breaks before the next n calls are done.
    pub lost_request_next: u32,
    /// The connection breaks after the next n calls that change something have been done.
    pub lost_answer_next: u32,
    /// The next n writes of users and groups fail with `UNABLE_TO_LOCK_ROW`.
    pub row_locks: u32,
    /// The next n writes of users and groups fail with `UNKNOWN_EXCEPTION`.
    pub unknown_exceptions: u32,
    /// The next n writes of users that take a licence find none, `LICENSE_LIMIT_EXCEEDED`.
    pub licence_limit_next: u32,
    /// The next n new usernames are taken by an unknown org just then, `DUPLICATE_USERNAME`.
    pub duplicate_username_next: u32,
    /// The next n SCIM creates with permission sets or groups lose the first of them: the user stays.
    pub child_failure_next: u32,
    /// Names of profiles whose users cannot be written: each write ends in `UNKNOWN_EXCEPTION`.
    pub sso_profiles: Vec<String>,
    /// Each call waits so many milliseconds.
    pub latency_ms: u64,
}

impl Faults {
    /// The orders that are for the store.
    pub(super) fn mishaps(&self) -> Mishaps {
        Mishaps {
            row_locks: self.row_locks,
            unknown_exceptions: self.unknown_exceptions,
            licence_limits: self.licence_limit_next,
            duplicate_usernames: self.duplicate_username_next,
            child_failures: self.child_failure_next,
            sso_profiles: self.sso_profiles.clone(),
            ..Mishaps::default()
        }
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing untoward.
    Served,
    /// 503, nothing done.
    Unavailable,
    /// The connection breaks, nothing done.
    RequestLost,
    /// Everything is done, and the connection breaks. `only_if_changed` spares calls that changed nothing.
    AnswerLost {
        /// Whether the fate was ordered by count, which is meant for writes.
        only_if_changed: bool,
    },
}

/// Draws the fate of each call.
#[derive(Debug)]
pub(super) struct Dice {
    faults: Faults,
    random: StdRng,
}

impl Dice {
    /// Dice for `faults`.
    pub(super) fn new(faults: Faults) -> Self {
        let random = StdRng::seed_from_u64(faults.seed);
        Self { faults, random }
    }

    /// How long a call waits, in milliseconds.
    pub(super) fn latency_ms(&self) -> u64 {
        self.faults.latency_ms
    }

    /// The faults that stand.
    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The next call's fate. Always draws three numbers, so that changing one chance does not move the others.
    pub(super) fn draw(&mut self) -> Fate {
        let [request, unavailable, answer]: [f64; 3] =
            [self.random.random(), self.random.random(), self.random.random()];
        if self.faults.lost_request_next > 0 {
            self.faults.lost_request_next -= 1;
            return Fate::RequestLost;
        }
        if self.faults.unavailable_next > 0 {
            self.faults.unavailable_next -= 1;
            return Fate::Unavailable;
        }
        if request < self.faults.lost_request {
            Fate::RequestLost
        } else if unavailable < self.faults.unavailable {
            Fate::Unavailable
        } else if answer < self.faults.lost_answer {
            Fate::AnswerLost { only_if_changed: false }
        } else if self.faults.lost_answer_next > 0 {
            Fate::AnswerLost { only_if_changed: true }
        } else {
            Fate::Served
        }
    }

    /// Notes that an answer that was to be lost by count has been lost.
    pub(super) fn answer_was_lost(&mut self) {
        self.faults.lost_answer_next = self.faults.lost_answer_next.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_fates() {
        let faults = Faults { seed: 7, unavailable: 0.3, lost_answer: 0.1, lost_request: 0.1, ..Faults::default() };
        let run = |faults: &Faults| {
            let mut dice = Dice::new(faults.clone());
            (0..500).map(|_| dice.draw()).collect::<Vec<_>>()
        };
        let fates = run(&faults);
        assert_eq!(fates, run(&faults));
        assert_ne!(fates, run(&Faults { seed: 8, ..faults.clone() }));
        let unavailable = fates.iter().filter(|fate| **fate == Fate::Unavailable).count();
        assert!((100..180).contains(&unavailable), "{unavailable} of 500 at 0.9 × 0.3");
    }

    #[test]
    fn counted_faults_run_out() {
        let mut dice = Dice::new(Faults { unavailable_next: 2, lost_request_next: 1, ..Faults::default() });
        let fates: Vec<Fate> = (0..4).map(|_| dice.draw()).collect();
        assert_eq!(fates, [Fate::RequestLost, Fate::Unavailable, Fate::Unavailable, Fate::Served]);
    }
}
