//! Draws what befalls each call, so that the same seed and the same calls meet the same fate.

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::faults::Faults;
use super::store::Once;
use super::wire::Reply;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing untoward.
    Served,
    /// The connection breaks, nothing done.
    RequestLost,
    /// Refused before anything is done.
    Refused(Trouble),
    /// Everything is done, and the connection breaks. `only_if_changed` spares calls that changed nothing.
    AnswerLost {
        /// Whether the fate was ordered by count, which is meant for writes.
        only_if_changed: bool,
    },
}

/// Why a call is refused before anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// 503, everything is down.
    Outage,
    /// 503.
    Unavailable,
    /// 401, and every session is ended.
    SessionRevoked,
    /// 403, too many calls that last long.
    Concurrency,
    /// 403, too many long transactions.
    LongTransaction,
    /// 503, writes only.
    Maintenance,
    /// Queries and lists only.
    QueryTimeout,
    /// 404 without a body, from something in between.
    Blank,
}

impl Trouble {
    /// The name in the journal and the counters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Unavailable => "unavailable",
            Self::SessionRevoked => "session_revoked",
            Self::Concurrency => "concurrency",
            Self::LongTransaction => "long_transaction",
            Self::Maintenance => "maintenance",
            Self::QueryTimeout => "query_timeout",
            Self::Blank => "blank_404",
        }
    }

    /// The answer, in the words of the REST framework, which answers before SCIM is reached.
    pub(super) fn reply(self) -> Reply {
        let (status, code, message) = match self {
            Self::Outage | Self::Unavailable => (503, "SERVER_UNAVAILABLE", "server too busy"),
            Self::SessionRevoked => (401, "INVALID_SESSION_ID", "Session expired or invalid"),
            Self::Concurrency => {
                (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
            }
            Self::LongTransaction => (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded"),
            Self::Maintenance => (
                503,
                "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
                "Updates can't be made during maintenance. Try again when maintenance is complete.",
            ),
            Self::QueryTimeout => (400, "QUERY_TIMEOUT", "Your query request was running for too long."),
            Self::Blank => return Reply::empty(404).about(self.name()),
        };
        Reply::rest_error(status, code, message).about(self.name())
    }
}

/// What decides which faults can befall a call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traits {
    /// It is for the token endpoint, which knows no sessions and no limits.
    pub(super) is_login: bool,
    /// It may write.
    pub(super) is_write: bool,
    /// It queries or lists.
    pub(super) is_query: bool,
}

/// The faults that have a generator of their own, in an order that stays.
const STREAMS: usize = 11;

/// Draws the fate of each call.
#[derive(Debug)]
pub(super) struct Dice {
    faults: Faults,
    /// For the three oldest kinds of fault, which share it.
    random: StdRng,
    streams: Vec<StdRng>,
}

impl Dice {
    /// Dice for `faults`.
    pub(super) fn new(faults: Faults) -> Self {
        let random = StdRng::seed_from_u64(faults.seed);
        let stream = |at: u64| StdRng::seed_from_u64(faults.seed ^ 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(at));
        let streams = (1..).take(STREAMS).map(stream).collect();
        Self { faults, random, streams }
    }

    /// How long a call waits, in milliseconds.
    pub(super) fn latency_ms(&self) -> u64 {
        self.faults.latency_ms
    }

    /// Whether calls wait until this is off.
    pub(super) fn hangs(&self) -> bool {
        self.faults.hang
    }

    /// The faults that stand, with what is left of those that are counted for calls.
    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The next call's fate, and what strikes its writes. Always draws as many numbers from each generator, so that
    /// changing one chance does not move the others.
    pub(super) fn draw(&mut self, call: Traits, now: DateTime<Utc>) -> (Fate, Once) {
        let [request, unavailable, answer]: [f64; 3] =
            [self.random.random(), self.random.random(), self.random.random()];
        let faults = &self.faults;
        let chances = [
            faults.session_revoked,
            faults.concurrency,
            faults.long_transaction,
            faults.maintenance,
            faults.query_timeout,
            faults.row_lock,
            faults.unknown_exception,
            faults.licence_limit,
            faults.duplicate_username,
            faults.child_failure,
            faults.blank_404,
        ];
        let mut hits = [false; STREAMS];
        for ((stream, chance), hit) in self.streams.iter_mut().zip(chances).zip(&mut hits) {
            *hit = stream.random::<f64>() < chance;
        }
        let [session, concurrency, transaction, maintenance, query, row, unknown, licence, username, child, blank] =
            hits;
        let once = Once {
            row_lock: row,
            unknown_exception: unknown,
            licence_limit: licence,
            duplicate_username: username,
            child_failure: child,
        };
        let inside = !call.is_login;
        let troubles = [
            (inside, session, Trouble::SessionRevoked),
            (inside, concurrency, Trouble::Concurrency),
            (inside, transaction, Trouble::LongTransaction),
            (inside && call.is_write, maintenance, Trouble::Maintenance),
            (inside && call.is_query, query, Trouble::QueryTimeout),
            (inside, blank, Trouble::Blank),
        ];
        let fate = if self.faults.is_out(now) {
            Fate::Refused(Trouble::Outage)
        } else if take(&mut self.faults.lost_request_next) {
            Fate::RequestLost
        } else if take(&mut self.faults.unavailable_next) {
            Fate::Refused(Trouble::Unavailable)
        } else if let Some(trouble) = self.counted(&troubles) {
            Fate::Refused(trouble)
        } else if request < self.faults.lost_request {
            Fate::RequestLost
        } else if unavailable < self.faults.unavailable {
            Fate::Refused(Trouble::Unavailable)
        } else if let Some((_, _, trouble)) = troubles.into_iter().find(|(fits, hit, _)| *fits && *hit) {
            Fate::Refused(trouble)
        } else if answer < self.faults.lost_answer {
            Fate::AnswerLost { only_if_changed: false }
        } else if self.faults.lost_answer_next > 0 {
            Fate::AnswerLost { only_if_changed: true }
        } else {
            Fate::Served
        };
        (fate, once)
    }

    /// The first trouble that is ordered by count and fits the call.
    fn counted(&mut self, troubles: &[(bool, bool, Trouble)]) -> Option<Trouble> {
        let faults = &mut self.faults;
        troubles.iter().find_map(|(fits, _, trouble)| {
            let left = match trouble {
                Trouble::SessionRevoked => &mut faults.session_revoked_next,
                Trouble::Concurrency => &mut faults.concurrency_next,
                Trouble::LongTransaction => &mut faults.long_transaction_next,
                Trouble::Maintenance => &mut faults.maintenance_next,
                Trouble::QueryTimeout => &mut faults.query_timeout_next,
                Trouble::Blank => &mut faults.blank_404_next,
                Trouble::Outage | Trouble::Unavailable => return None,
            };
            (*fits && take(left)).then_some(*trouble)
        })
    }

    /// Notes that an answer that was to be lost by count has been lost.
    pub(super) fn answer_was_lost(&mut self) {
        self.faults.lost_answer_next = self.faults.lost_answer_next.saturating_sub(1);
    }
}

/// Takes one of what is left; false where nothing is.
fn take(left: &mut u32) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Traits = Traits { is_login: false, is_write: true, is_query: true };

    #[test]
    fn the_same_seed_gives_the_same_fates() {
        let faults = Faults { seed: 7, unavailable: 0.3, lost_answer: 0.1, lost_request: 0.1, ..Faults::default() };
        let run = |faults: &Faults| {
            let mut dice = Dice::new(faults.clone());
            (0..500).map(|_| dice.draw(CALL, DateTime::UNIX_EPOCH).0).collect::<Vec<_>>()
        };
        let fates = run(&faults);
        assert_eq!(fates, run(&faults));
        assert_ne!(fates, run(&Faults { seed: 8, ..faults.clone() }));
        let unavailable = fates.iter().filter(|fate| **fate == Fate::Refused(Trouble::Unavailable)).count();
        assert!((100..180).contains(&unavailable), "{unavailable} of 500 at 0.9 × 0.3");
    }

    #[test]
    fn counted_faults_run_out() {
        let mut dice = Dice::new(Faults { unavailable_next: 2, lost_request_next: 1, ..Faults::default() });
        let fates: Vec<Fate> = (0..4).map(|_| dice.draw(CALL, DateTime::UNIX_EPOCH).0).collect();
        assert_eq!(
            fates,
            [Fate::RequestLost, Fate::Refused(Trouble::Unavailable), Fate::Refused(Trouble::Unavailable), Fate::Served]
        );
    }

    #[test]
    fn one_chance_does_not_move_the_others() {
        let plain = Faults { seed: 7, unavailable: 0.2, concurrency: 0.1, row_lock: 0.3, ..Faults::default() };
        let more = Faults { maintenance: 0.2, query_timeout: 0.2, child_failure: 0.5, ..plain.clone() };
        let run = |faults: Faults| {
            let mut dice = Dice::new(faults);
            (0..500).map(|_| dice.draw(CALL, DateTime::UNIX_EPOCH)).collect::<Vec<_>>()
        };
        let (one, other) = (run(plain), run(more));
        for ((fate, once), (fate_with_more, once_with_more)) in one.iter().zip(&other) {
            assert_eq!(once.row_lock, once_with_more.row_lock);
            if *fate != Fate::Served {
                assert_eq!(fate, fate_with_more);
            }
        }
        let struck = |trouble| other.iter().filter(|(fate, _)| *fate == Fate::Refused(trouble)).count();
        for trouble in [Trouble::Unavailable, Trouble::Concurrency, Trouble::Maintenance, Trouble::QueryTimeout] {
            assert!((20..150).contains(&struck(trouble)), "{trouble:?}: {} of 500", struck(trouble));
        }
        let children = other.iter().filter(|(_, once)| once.child_failure).count();
        assert!((200..300).contains(&children), "{children} of 500");
    }

    #[test]
    fn counts_wait_for_a_call_that_they_fit() {
        let orders =
            Faults { maintenance_next: 1, query_timeout_next: 1, session_revoked_next: 1, ..Faults::default() };
        let mut dice = Dice::new(orders);
        let mut draw =
            |is_login, is_write, is_query| dice.draw(Traits { is_login, is_write, is_query }, DateTime::UNIX_EPOCH).0;
        assert_eq!(draw(true, true, false), Fate::Served, "a login has no session");
        assert_eq!(draw(false, false, false), Fate::Refused(Trouble::SessionRevoked));
        assert_eq!(draw(false, false, false), Fate::Served);
        assert_eq!(draw(false, true, false), Fate::Refused(Trouble::Maintenance));
        assert_eq!(draw(false, true, false), Fate::Served);
        assert_eq!(draw(false, false, true), Fate::Refused(Trouble::QueryTimeout));
    }

    #[test]
    fn an_outage_ends_by_the_clock() {
        let until = DateTime::from_timestamp(100, 0);
        let mut dice = Dice::new(Faults { outage_until: until, ..Faults::default() });
        let mut at = |seconds| dice.draw(CALL, DateTime::from_timestamp(seconds, 0).expect("a time")).0;
        assert_eq!((at(99), at(100)), (Fate::Refused(Trouble::Outage), Fate::Served));
    }
}
