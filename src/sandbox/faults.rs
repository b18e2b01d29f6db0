//! Chance and counted mishaps, drawn so that the same seed and the same calls meet the same fate.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::settings::Faults;
use super::store::trouble::Trouble;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing untoward.
    Served,
    /// 503, nothing done.
    Unavailable,
    /// 403, nothing done.
    TooMany,
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

    /// The next call's fate, whether the sessions end before it, and what stands in the way of its write. Always draws as
    /// many numbers, so that changing one chance does not move the others.
    pub(super) fn draw(&mut self) -> (Fate, bool, Option<Trouble>) {
        let fate = self.fate();
        let [session, lock, exception, licence, duplicate, partial]: [f64; 6] =
            std::array::from_fn(|_| self.random.random());
        let faults = &self.faults;
        let trouble = [
            (lock, faults.row_lock, Trouble::RowLock),
            (exception, faults.unknown_exception, Trouble::UnknownException),
            (licence, faults.licence_limit, Trouble::LicenceLimit),
            (duplicate, faults.duplicate_username, Trouble::DuplicateUsername),
            (partial, faults.partial_create, Trouble::PartialCreate),
        ];
        let trouble = trouble.into_iter().find(|(drawn, chance, _)| drawn < chance).map(|(.., trouble)| trouble);
        (fate, session < faults.session_end, trouble)
    }

    fn fate(&mut self) -> Fate {
        let [request, unavailable, answer, concurrency]: [f64; 4] = std::array::from_fn(|_| self.random.random());
        if self.faults.outage {
            return Fate::Unavailable;
        }
        if self.faults.concurrency_next > 0 {
            self.faults.concurrency_next -= 1;
            return Fate::TooMany;
        }
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
        } else if concurrency < self.faults.concurrency {
            Fate::TooMany
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
            (0..500).map(|_| dice.draw().0).collect::<Vec<_>>()
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
        let fates: Vec<Fate> = (0..4).map(|_| dice.draw().0).collect();
        assert_eq!(fates, [Fate::RequestLost, Fate::Unavailable, Fate::Unavailable, Fate::Served]);
    }
}
