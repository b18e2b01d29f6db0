//! What goes wrong on purpose: as it is ordered, and as it is told.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::store::Mishaps;

/// What goes wrong, by chance or by count. Chances are from 0 to 1 and drawn from generators that `seed` starts, one for
/// each kind of fault, so that a run can be repeated and one chance does not move the others. The control interface and
/// the page are spared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Starts the generators.
    pub seed: u64,
    /// Everything answers 503 until this is off.
    pub outage: bool,
    /// Everything answers 503 until this time of the org's clock.
    pub outage_until: Option<DateTime<Utc>>,
    /// Each call waits so many milliseconds.
    pub latency_ms: u64,
    /// Calls that come wait for their turn until this is off.
    pub hang: bool,
    /// Names of profiles whose users cannot be written: each write ends in `UNKNOWN_EXCEPTION`, as in orgs with
    /// delegated authentication.
    pub sso_profiles: Vec<String>,
    /// Chance of a 503 `SERVER_UNAVAILABLE` before anything is done.
    pub unavailable: f64,
    /// The next n calls answer 503.
    pub unavailable_next: u32,
    /// Chance that the connection breaks before anything is done.
    pub lost_request: f64,
    /// The connection breaks before the next n calls are done.
    pub lost_request_next: u32,
    /// Chance that the connection breaks after everything is done.
    pub lost_answer: f64,
    /// The connection breaks after the next n calls that change something have been done.
    pub lost_answer_next: u32,
    /// Chance that a call finds its session, and every other one, ended: 401 `INVALID_SESSION_ID`.
    pub session_revoked: f64,
    /// The next n calls find all sessions ended.
    pub session_revoked_next: u32,
    /// Chance of a 403 because too many calls last long at once.
    pub concurrency: f64,
    /// The next n calls are too many at once.
    pub concurrency_next: u32,
    /// Chance of a 403 `ConcurrentPerOrgLongTxn Limit exceeded`.
    pub long_transaction: f64,
    /// The next n calls meet too many long transactions.
    pub long_transaction_next: u32,
    /// Chance that a call that writes is refused for maintenance, 503.
    pub maintenance: f64,
    /// The next n calls that write are refused for maintenance.
    pub maintenance_next: u32,
    /// Chance that a query or a list takes too long, `QUERY_TIMEOUT`.
    pub query_timeout: f64,
    /// The next n queries and lists take too long.
    pub query_timeout_next: u32,
    /// Chance of a 404 without a body, as of a proxy that does not know the way: nothing done.
    pub blank_404: f64,
    /// The next n calls answer 404 without a body.
    pub blank_404_next: u32,
    /// Chance that the first write of a call fails with `UNABLE_TO_LOCK_ROW`.
    pub row_lock: f64,
    /// The next n writes of records fail with `UNABLE_TO_LOCK_ROW`.
    pub row_locks: u32,
    /// Chance that the first write of a call fails with `UNKNOWN_EXCEPTION`.
    pub unknown_exception: f64,
    /// The next n writes of records fail with `UNKNOWN_EXCEPTION`.
    pub unknown_exceptions: u32,
    /// Chance that a write of a user that takes a licence finds none, `LICENSE_LIMIT_EXCEEDED`.
    pub licence_limit: f64,
    /// The next n writes of users that take a licence find none.
    pub licence_limit_next: u32,
    /// Chance that a new username is taken by an unknown org just then, `DUPLICATE_USERNAME`.
    pub duplicate_username: f64,
    /// The next n new usernames are taken by an unknown org just then.
    pub duplicate_username_next: u32,
    /// Chance that a SCIM create with permission sets or groups loses the first of them (the user stays), or a composite call
    /// the first of its assignments and memberships: `UNABLE_TO_LOCK_ROW` for that part, the others are done.
    pub child_failure: f64,
    /// The next n such creates and composite calls lose the first of them.
    pub child_failure_next: u32,
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

    /// The same faults, with what is left of the orders that are for the store.
    pub(super) fn with_left(mut self, left: &Mishaps) -> Self {
        self.row_locks = left.row_locks;
        self.unknown_exceptions = left.unknown_exceptions;
        self.licence_limit_next = left.licence_limits;
        self.duplicate_username_next = left.duplicate_usernames;
        self.child_failure_next = left.child_failures;
        self
    }

    /// Whether everything is down at `now`.
    pub(super) fn is_out(&self, now: DateTime<Utc>) -> bool {
        self.outage || self.outage_until.is_some_and(|until| now < until)
    }

    /// What is wrong with them; `None` where nothing is.
    pub(super) fn complaint(&self) -> Option<String> {
        let chances = [
            ("unavailable", self.unavailable),
            ("lost_request", self.lost_request),
            ("lost_answer", self.lost_answer),
            ("session_revoked", self.session_revoked),
            ("concurrency", self.concurrency),
            ("long_transaction", self.long_transaction),
            ("maintenance", self.maintenance),
            ("query_timeout", self.query_timeout),
            ("blank_404", self.blank_404),
            ("row_lock", self.row_lock),
            ("unknown_exception", self.unknown_exception),
            ("licence_limit", self.licence_limit),
            ("duplicate_username", self.duplicate_username),
            ("child_failure", self.child_failure),
        ];
        let (name, chance) = chances.into_iter().find(|(_, chance)| !(0.0..=1.0).contains(chance))?;
        Some(format!("{name} is a chance, from 0 to 1, and not {chance}; the next calls are counted by other keys"))
    }
}
