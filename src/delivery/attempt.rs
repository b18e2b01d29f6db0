//! One try at a delivery: what user and group deliveries share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::db::{self, Conn};
use crate::salesforce::{self, Disposition, WaitFor};
use crate::shadow;

use super::org::LOOK_AGAIN;
use super::outbox::{self, Claim, Outcome};
use super::state::State;
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

/// A try.
pub(super) struct Attempt {
    pub(super) shared: Arc<Shared>,
    pub(super) claim: Claim,
    calls: AtomicI64,
}

impl Attempt {
    pub(super) fn new(shared: Arc<Shared>, claim: Claim) -> Self {
        Self { shared, claim, calls: AtomicI64::new(0) }
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

    /// Writes in one transaction what a call brought, if the lease is still ours, and makes the lease longer.
    pub(super) async fn note<T: Send + 'static>(
        &self,
        f: impl Fn(&mut Conn, &Claim) -> Result<T, db::Error> + Send + 'static,
    ) -> Result<T, Abandoned> {
        let (claim, owner) = (self.claim.clone(), self.shared.owner.clone());
        let until = self.now() + self.shared.pace.lease;
        self.shared
            .db
            .write(move |conn| {
                shadow::guard(conn, &claim.resource)?;
                if !outbox::renew(conn, &claim.resource, &owner, until)? {
                    return Err(Abandoned::Lease);
                }
                Ok(f(conn, &claim)?)
            })
            .await
    }

    /// Salesforce is what was asked. `notes`: what was left out or cut, for a person.
    pub(super) fn delivered(notes: &[String]) -> Outcome {
        let reason = (!notes.is_empty()).then(|| notes.join("; "));
        Outcome { state: State::Delivered, due: None, failed: false, reason, error: None }
    }

    /// It waits. Looked at again now and then all the same: that costs no call.
    pub(super) fn held(&self, reason: String) -> Outcome {
        let due = self.now() + TimeDelta::from_std(LOOK_AGAIN).unwrap_or(TimeDelta::MAX);
        Outcome { state: State::Held, due: Some(due), failed: false, reason: Some(reason), error: None }
    }

    /// Only a change can mend it.
    pub(super) fn rejected(reason: String, error: Option<String>) -> Outcome {
        Outcome { state: State::Rejected, due: None, failed: true, reason: Some(reason), error }
    }

    /// The database failed in between: try again, after a wait that grows, so that one broken row does not spin.
    pub(super) fn interrupted(&self, error: &db::Error) -> Outcome {
        let attempts = u32::try_from(self.claim.attempts).unwrap_or(u32::MAX).saturating_add(1);
        let wait = self.shared.pace.schedule.wait(attempts, None, self.shared.randomness.fraction());
        let due = self.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
        let error = Some(format!("interrupted: {error}"));
        Outcome { state: State::Retrying, due: Some(due), failed: true, reason: None, error }
    }

    /// What follows from an error: decided by the error's own disposition, never by a status.
    pub(super) fn failed(&self, error: &salesforce::Error) -> Outcome {
        let (now, attempts) = (self.now(), u32::try_from(self.claim.attempts).unwrap_or(u32::MAX).saturating_add(1));
        let (sentence, said) = (error.to_string(), error.salesforce_text());
        let words = if sentence.contains(said) { sentence } else { format!("{sentence} (Salesforce: {said})") };
        let retry = |after, failed| {
            // An outage is not this resource's fault: it uses up none of its tries, and waits as long as the org's
            // outage has lasted.
            let waited = if failed { attempts } else { self.shared.circuit.in_a_row() };
            let wait = self.shared.pace.schedule.wait(waited, after, self.shared.randomness.fraction());
            let due = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
            Outcome { state: State::Retrying, due: Some(due), failed, reason: None, error: Some(words.clone()) }
        };
        match error.disposition() {
            Disposition::Retry { at_most: Some(most), .. } if attempts >= most => {
                Self::rejected(error.to_string(), Some(words))
            }
            Disposition::Retry { after, .. } => retry(after, true),
            Disposition::LookFirst => retry(None, true),
            Disposition::Outage { after } => {
                self.shared.circuit.outage(now, after);
                retry(after, false)
            }
            Disposition::Wait(what) => {
                let what = match what {
                    WaitFor::Licence => "waits for a free user licence in Salesforce",
                    WaitFor::Unlock => "waits for an approval process in Salesforce to end",
                };
                Outcome { error: Some(words), ..self.held(what.to_owned()) }
            }
            Disposition::Reject => Self::rejected(error.to_string(), Some(words)),
        }
    }
}
