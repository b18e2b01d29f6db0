//! One try at a delivery: what user and group deliveries share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::db::{self, Conn};
use crate::salesforce::{self, Cause, Disposition, WaitFor};
use crate::shadow;

use super::licence;
use super::org::LOOK_AGAIN;
use super::outbox::{self, Claim, Outcome, Rare};
use super::state::{Refused, State};
use super::worker::Shared;

/// Why a try ended without an outcome to record.
#[derive(Debug, thiserror::Error)]
pub(super) enum Abandoned {
    /// The lease ran out and another worker may be at it: whatever we know is its to find out.
    #[error("the lease was lost")]
    Lease,
    /// The database failed. The lease runs out, and the delivery is tried again.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl db::Failure for Abandoned {
    fn database(&self) -> Option<&db::Error> {
        match self {
            Self::Database(error) => Some(error),
            Self::Lease => None,
        }
    }
}

/// How often a value that is taken by nobody who can be found is tried again.
const TAKEN_BY_NOBODY: i64 = 2;

/// A try.
pub(super) struct Attempt {
    pub(super) shared: Arc<Shared>,
    pub(super) claim: Claim,
    pub(super) started: DateTime<Utc>,
    calls: AtomicI64,
    outage: AtomicBool,
    no_access: AtomicBool,
}

impl Attempt {
    pub(super) fn new(shared: Arc<Shared>, claim: Claim) -> Self {
        let started = shared.clock.now();
        let (calls, outage, no_access) = (AtomicI64::new(0), AtomicBool::new(false), AtomicBool::new(false));
        Self { shared, claim, started, calls, outage, no_access }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    /// Counts a call to Salesforce.
    pub(super) fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn calls(&self) -> i64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether the org answered, and with anything but an outage. A try that made no call says nothing about the org.
    pub(super) fn org_lives(&self) -> bool {
        self.calls() > 0 && !self.outage.load(Ordering::Relaxed)
    }

    /// The whole org cannot be written. `after`: how long it is left alone.
    pub(super) fn org_is_out(&self, after: Option<Duration>) {
        self.outage.store(true, Ordering::Relaxed);
        self.shared.circuit.outage(self.now(), self.started, after);
    }

    /// Whether Salesforce refused something for want of a right.
    pub(super) fn met_no_access(&self) -> bool {
        self.no_access.load(Ordering::Relaxed)
    }

    /// Proves that the lease is still ours, and makes it longer: before a call that changes something.
    pub(super) async fn hold(&self) -> Result<(), Abandoned> {
        self.note(|_, _| Ok(())).await
    }

    /// Writes in one transaction what a call brought, if the lease is still ours, and makes the lease longer.
    pub(super) async fn note<T: Send + 'static>(
        &self,
        f: impl Fn(&mut Conn, &Claim) -> Result<T, db::Error> + Send + 'static,
    ) -> Result<T, Abandoned> {
        let claim = self.claim.clone();
        let until = self.now() + self.shared.pace.lease;
        self.shared
            .db
            .write(move |conn| {
                shadow::guard(conn, &claim.resource)?;
                if !outbox::renew(conn, &claim.resource, &claim.owner, until)? {
                    return Err(Abandoned::Lease);
                }
                Ok(f(conn, &claim)?)
            })
            .await
    }

    /// Salesforce is what was asked. `notes`: what was left out or cut, for a person.
    pub(super) fn delivered(notes: &[String]) -> Outcome {
        let reason = (!notes.is_empty()).then(|| notes.join("; "));
        Outcome { state: State::Delivered, due: None, failed: false, rare: None, refused: None, reason, error: None }
    }

    /// It waits. Looked at again now and then all the same.
    pub(super) fn held(&self, reason: String) -> Outcome {
        let due = self.now() + TimeDelta::from_std(LOOK_AGAIN).unwrap_or(TimeDelta::MAX);
        let reason = Some(reason);
        Outcome { state: State::Held, due: Some(due), failed: false, rare: None, refused: None, reason, error: None }
    }

    /// Another delivery, which is under way, has to end first: try again soon.
    pub(super) fn after_another(&self, reason: String) -> Outcome {
        Outcome { reason: Some(reason), error: None, ..self.again(None, None) }
    }

    /// Whether tries before this one, too, found a value taken by nobody who could be found.
    pub(super) fn was_taken_before(&self) -> bool {
        self.claim.taken >= TAKEN_BY_NOBODY
    }

    /// Refused because somebody has a value, and nobody was found who has it: given up a moment ago, perhaps, or an org
    /// elsewhere has it. A few more tries decide.
    pub(super) fn taken_by_nobody(&self, error: &salesforce::Error) -> Outcome {
        let words = Some(error.salesforce_text().to_owned());
        if self.was_taken_before() {
            return Self::rejected_for(Refused::Taken, error.to_string(), words);
        }
        Outcome { rare: Some(Rare::Taken), ..self.again(None, words) }
    }

    fn again(&self, after: Option<Duration>, error: Option<String>) -> Outcome {
        let attempts = u32::try_from(self.claim.attempts).unwrap_or(u32::MAX).saturating_add(1);
        let wait = self.shared.pace.schedule.wait(attempts, after, self.shared.randomness.fraction());
        let due = self.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
        Outcome { state: State::Retrying, due: Some(due), failed: true, rare: None, refused: None, reason: None, error }
    }

    /// Only a change can mend it.
    pub(super) fn rejected(reason: String, error: Option<String>) -> Outcome {
        Self::rejected_for(Refused::Value, reason, error)
    }

    /// The same, and how it is told.
    pub(super) fn rejected_for(refused: Refused, reason: String, error: Option<String>) -> Outcome {
        let (refused, reason) = (Some(refused), Some(reason));
        Outcome { state: State::Rejected, due: None, failed: true, rare: None, refused, reason, error }
    }

    /// The database failed in between: try again, after a wait that grows, so that one broken row does not spin.
    pub(super) fn interrupted(&self, error: &db::Error) -> Outcome {
        self.again(None, Some(format!("interrupted: {error}")))
    }

    /// What follows from an error: decided by the error's own disposition, never by a status.
    pub(super) fn failed(&self, error: &salesforce::Error) -> Outcome {
        let (sentence, said) = (error.to_string(), error.salesforce_text());
        let words = if sentence.contains(said) { sentence } else { format!("{sentence} (Salesforce: {said})") };
        if error.cause() == Some(Cause::NoAccess) {
            self.no_access.store(true, Ordering::Relaxed);
        }
        match error.disposition() {
            // Counted by themselves: an outage before says nothing about them.
            Disposition::Retry { at_most: Some(most), .. } if self.claim.unexpected + 1 >= i64::from(most) => {
                Self::rejected_for(told(error), error.to_string(), Some(words))
            }
            Disposition::Retry { after, at_most } => {
                Outcome { rare: at_most.map(|_| Rare::Unexpected), ..self.again(after, Some(words)) }
            }
            Disposition::LookFirst => self.again(None, Some(words)),
            Disposition::Outage { after } => {
                self.org_is_out(after);
                self.again(after, Some(words))
            }
            Disposition::Wait(what) => {
                let what = match what {
                    WaitFor::Licence => licence::WAITS,
                    WaitFor::Unlock => "waits for an approval process in Salesforce to end",
                };
                Outcome { error: Some(words), ..self.held(what.to_owned()) }
            }
            Disposition::Reject => Self::rejected_for(told(error), error.to_string(), Some(words)),
        }
    }
}

/// How a rejection for this error is told.
fn told(error: &salesforce::Error) -> Refused {
    match error.cause() {
        Some(
            Cause::DuplicateUsername | Cause::DuplicateNickname | Cause::DuplicateFederationId | Cause::DuplicateValue,
        ) => Refused::Taken,
        _ => Refused::Value,
    }
}
