//! The worker of one tenant: takes what is due, delivers it, notes how it went. No transaction is open during a call.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, SharedRandomness};
use crate::db::{Conn, Db, Error};
use crate::shadow::Kind;

use super::attempt::{Abandoned, Attempt};
use super::circuit::Circuit;
use super::org::{Org, Pace};
use super::outbox::{self, Claim, Outcome};
use super::signal::Signals;
use super::state::State;
use super::{begin, group, names, rights, user};

/// The longest nap: another process may have put something into the outbox, and no signal crosses processes.
const NAP: Duration = Duration::from_secs(1);

/// By how much a clock may be set back unseen: so little that nothing waits long for it.
const SET_BACK: TimeDelta = TimeDelta::seconds(1);

/// The shortest nap.
const SHORTEST: Duration = Duration::from_millis(5);

/// Waits between tries to note an outcome, while the database is away for a moment.
const WRITE_AGAIN: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// What all tries of one worker share.
pub(super) struct Shared {
    pub(super) db: Db,
    pub(super) clock: SharedClock,
    pub(super) randomness: SharedRandomness,
    pub(super) org: Arc<Org>,
    pub(super) pace: Pace,
    pub(super) circuit: Circuit,
    pub(super) signals: Signals,
    /// The latest time that the clock showed.
    latest: Mutex<DateTime<Utc>>,
}

/// Delivers a tenant's changes to its org.
pub struct Worker(Arc<Shared>);

impl Worker {
    /// A worker for `org`.
    pub fn new(
        db: Db,
        org: impl Into<Arc<Org>>,
        pace: Pace,
        signals: Signals,
        clock: SharedClock,
        randomness: SharedRandomness,
    ) -> Self {
        let (org, latest) = (org.into(), Mutex::new(clock.now()));
        Self(Arc::new(Shared { db, clock, randomness, org, pace, circuit: Circuit::default(), signals, latest }))
    }

    /// Delivers until `stop`, then finishes what it is at and returns. What is still due waits for the next start.
    pub async fn run(self, stop: CancellationToken) {
        let shared = self.0;
        let signal = shared.signals.of(&shared.org.tenant);
        let is_planned = begin::begin(&shared, &stop).await;
        // They end with this, in whatever way it does.
        let mut watches: JoinSet<()> = JoinSet::new();
        watches.spawn(watch(Arc::clone(&shared), stop.clone()));
        watches.spawn(names::watch(Arc::clone(&shared), stop.clone()));
        watches.spawn(begin::look_again(Arc::clone(&shared), is_planned, stop.clone()));
        let mut tasks: JoinSet<()> = JoinSet::new();
        while !stop.is_cancelled() {
            let free = shared.pace.concurrency.saturating_sub(tasks.len());
            let nap = match shared.take(free, tasks.len()).await {
                Ok((claims, nap)) => {
                    for claim in claims {
                        tasks.spawn(deliver(Arc::clone(&shared), claim));
                    }
                    nap
                }
                Err(error) => {
                    tracing::warn!(%error, tenant = shared.org.tenant, "the outbox could not be read");
                    NAP
                }
            };
            let idle = tasks.len() < shared.pace.concurrency;
            tokio::select! {
                () = stop.cancelled() => break,
                () = signal.notified(), if idle => {}
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, tenant = shared.org.tenant, "a delivery ended by a bug");
                    }
                }
                () = tokio::time::sleep(nap) => {}
            }
        }
        while tasks.join_next().await.is_some() {}
        // They make no call that anybody waits for.
        watches.abort_all();
    }
}

/// Keeps what is known of the org's API calls fresh, and looks for rights that were lacking. Beside the deliveries, because
/// it goes on while they are held.
async fn watch(shared: Arc<Shared>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        shared.org.client.refresh_quota().await;
        if shared.org.rights.are_back(&shared.org.client, shared.clock.now()).await {
            shared.circuit.success();
            match shared.release_all().await {
                Ok(held) => tracing::info!(held, tenant = shared.org.tenant, "the integration user has a right back"),
                Err(error) => tracing::warn!(%error, tenant = shared.org.tenant, "held deliveries wait on"),
            }
        }
        tokio::time::sleep(NAP).await;
    }
}

impl Shared {
    pub(super) async fn release_all(&self) -> Result<usize, Error> {
        let (tenant, now) = (self.org.tenant.clone(), self.clock.now());
        self.db.write(move |conn| outbox::release_all(conn, &tenant, now)).await
    }

    /// Whether the clock shows an earlier time than when it was looked at before.
    fn was_set_back(&self, now: DateTime<Utc>) -> bool {
        now + SET_BACK < *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was to be due at a time of the clock that was set back would be so only when that comes again. What is under way
    /// keeps its lease: it may be at it.
    async fn pull_in(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let tenant = self.org.tenant.clone();
        let waits = [State::Pending, State::Retrying, State::Held];
        let due = self.db.write(move |conn| outbox::pull_in(conn, &tenant, &waits, now, now)).await?;
        self.circuit.success();
        tracing::warn!(due, tenant = self.org.tenant, "the clock was set back: what waited is due");
        Ok(())
    }

    /// Takes up to `free` due deliveries, and says how long to sleep if nothing wakes the worker.
    async fn take(&self, free: usize, running: usize) -> Result<(Vec<Claim>, Duration), Error> {
        let now = self.clock.now();
        if self.was_set_back(now) {
            self.pull_in(now).await?;
        }
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = now;
        let limit = self.circuit.allows(now, free, running);
        if limit == 0 {
            // Past the pause it is a probe under way, or all places are taken, that is waited for.
            let until = self.circuit.paused_until().and_then(|until| (until - now).to_std().ok());
            return Ok((Vec::new(), until.unwrap_or(NAP).min(NAP)));
        }
        let (tenant, owner, lease) = (self.org.tenant.clone(), self.randomness.id(now).to_string(), self.pace.lease);
        let admitted = self.org.client.admit_deliveries(limit);
        let reader = tenant.clone();
        let next = if admitted.ordinary == 0 { outbox::next_urgent } else { outbox::next_due };
        // Most looks find nothing: they must not cost a write.
        let due = self.db.read(move |conn| next(conn, &reader)).await?;
        // Others than urgent ones are admitted later.
        let longest = if admitted.ordinary == 0 { admitted.again.unwrap_or(NAP).min(NAP) } else { NAP };
        let nap = due.map_or(longest, |due| (due - now).to_std().unwrap_or_default().min(longest));
        if due.is_none_or(|due| due > now) {
            return Ok((Vec::new(), nap.max(SHORTEST)));
        }
        let (limit, ordinary) =
            (i64::try_from(limit).unwrap_or(i64::MAX), i64::try_from(admitted.ordinary).unwrap_or(i64::MAX));
        let claims =
            self.db.write(move |conn| outbox::claim(conn, &tenant, &owner, now, lease, limit, ordinary)).await?;
        if claims.iter().any(|claim| !claim.urgent) {
            self.org.client.took_deliveries();
        }
        // More may be due: look again at once, unless every place is taken.
        Ok((claims, SHORTEST))
    }

    /// Ends a try: its outcome and its history in one transaction.
    async fn finish(&self, attempt: &Attempt, outcome: &Outcome) {
        let (claim, outcome, now) = (attempt.claim.clone(), outcome.clone(), self.clock.now());
        let started = attempt.started;
        let (id, calls, keep) = (self.randomness.id(now).to_string(), attempt.calls(), self.pace.attempts_kept);
        let write = move |conn: &mut Conn| {
            if outbox::complete(conn, &claim, &claim.owner, &outcome, now)? {
                let entry = outbox::Attempt {
                    id: &id,
                    resource: &claim.resource,
                    attempt: claim.attempts + 1,
                    started,
                    finished: now,
                    outcome: outcome.state,
                    calls,
                    error: outcome.error.as_deref(),
                };
                outbox::record(conn, &entry, keep)?;
            }
            Ok::<_, Error>(())
        };
        // Else the row would stay under way until its lease ends.
        for wait in WRITE_AGAIN {
            match self.db.write(write.clone()).await {
                Ok(()) => return self.signals.ended(&attempt.claim.resource),
                Err(error) => tracing::warn!(%error, "the outcome of a delivery could not be noted"),
            }
            tokio::time::sleep(wait).await;
        }
    }
}

async fn deliver(shared: Arc<Shared>, claim: Claim) {
    let attempt = Attempt::new(Arc::clone(&shared), claim);
    let outcome = match attempt.claim.kind {
        Kind::User => user::deliver(&attempt).await,
        Kind::Group => group::deliver(&attempt).await,
    };
    let outcome = match outcome {
        Ok(outcome) => Ok(rights::settle(&attempt, outcome).await),
        abandoned => abandoned,
    };
    if attempt.org_lives() {
        shared.circuit.success();
    }
    let (tenant, resource) = (shared.org.tenant.as_str(), attempt.claim.resource.as_str());
    match outcome {
        Ok(outcome) => {
            tracing::debug!(tenant, resource, state = %outcome.state, calls = attempt.calls(), "delivery");
            if outcome.state != State::Delivered {
                let (reason, error) = (outcome.reason.as_deref(), outcome.error.as_deref());
                tracing::info!(tenant, resource, state = %outcome.state, reason, error, "delivery did not succeed");
            }
            metrics::counter!("scim_bridge_deliveries_total",
                "tenant" => tenant.to_owned(), "state" => outcome.state.as_str())
            .increment(1);
            shared.finish(&attempt, &outcome).await;
        }
        Err(Abandoned::Lease) => tracing::info!(tenant, resource, "another worker took the delivery over"),
        Err(Abandoned::Database(error)) => {
            tracing::warn!(tenant, resource, %error, "a delivery was given up; it is tried again");
            // If this fails too, the lease runs out by itself: nothing is lost, it only takes longer.
            let again = attempt.interrupted(&error);
            shared.finish(&attempt, &again).await;
        }
    }
}
