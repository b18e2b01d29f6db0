//! A reconcile from beginning to end, or from where another process left it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::{SharedClock, SharedRandomness};
use crate::db::{Conn, Db, Error as DbError, Failure};
use crate::delivery::Org;
use crate::salesforce::{self, Cause, Disposition, Way};

use super::finding::{Finding, Kind};
use super::lease::{self, Begun, Counts, LEASE, Phase, Progress, Run};
use super::{accounts, groups, repair, store, unlinked};

/// Above so many records a bulk job costs fewer calls than pages of a query.
pub const BULK_ABOVE: u64 = 10_000;

/// Findings that are read together.
const PAGE: i64 = 500;

/// Why a reconcile did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process reconciles the tenant.
    #[error("another process reconciles this tenant; it is believed to be at it until {0}")]
    Busy(DateTime<Utc>),
    /// Another process took it over: this one was silent for too long.
    #[error("another process took the reconcile over, because this one was silent for too long")]
    Lost,
    /// Salesforce could not be read.
    #[error("Salesforce could not be read: {0}")]
    Salesforce(salesforce::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Failure for Error {
    fn database(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

/// Waits between tries of a reading that fails.
const WAITS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20)];

/// How long a reading that fails is tried again: what passes by itself must not end the reading of a whole org.
#[derive(Debug)]
pub(super) struct Patience(std::vec::IntoIter<Duration>);

impl Patience {
    /// Whether it is worth another try, which is made after a wait.
    pub(super) async fn lasts(&mut self, error: &salesforce::Error) -> bool {
        let passes = matches!(error.disposition(), Disposition::Outage { .. } | Disposition::Retry { .. });
        // A 404 without a word is somebody's in between, who will not stand there for ever.
        let passes = passes || error.cause() == Some(Cause::Unsaid);
        let Some(wait) = self.0.next().filter(|_| passes) else { return false };
        tracing::debug!(%error, "a reading is tried again");
        tokio::time::sleep(wait).await;
        true
    }
}

/// What a reconcile is to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Task {
    /// Whether what drifted is enqueued, for ordinary deliveries to repair.
    pub applies: bool,
    /// Whether one that was left is given up, instead of going on with it.
    pub fresh: bool,
}

/// How far a reconcile is.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// What is read, for a person.
    pub at: &'static str,
    /// What was counted so far.
    pub counts: Counts,
    /// How many accounts there are about, where the org says so.
    pub expected: Option<u64>,
}

/// What a reconcile came to. Its findings are read page by page: [`Reconcile::findings`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whose org it is.
    pub tenant: String,
    /// Id of the reconcile.
    pub id: String,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// Whether it went on with one that was left.
    pub resumed: bool,
    /// Whether what drifted was enqueued.
    pub applied: bool,
    /// How accounts were read.
    pub way: Option<Way>,
    /// What was counted.
    pub counts: Counts,
    /// Findings by kind; every kind is named.
    pub kinds: BTreeMap<Kind, u64>,
}

impl Report {
    /// How many differences there are. Accounts that nobody is linked to are none.
    pub fn drift(&self) -> u64 {
        self.kinds.iter().filter(|(kind, _)| **kind != Kind::Unlinked).map(|(_, count)| count).sum()
    }
}

/// Compares one tenant's org with what was asked.
pub struct Reconcile {
    pub(super) db: Db,
    pub(super) org: Arc<Org>,
    pub(super) clock: SharedClock,
    randomness: SharedRandomness,
    pub(super) bulk_above: u64,
    waits: Vec<Duration>,
}

impl Reconcile {
    /// For `org`, and what `db` has of it.
    pub fn new(db: Db, org: Arc<Org>, clock: SharedClock, randomness: SharedRandomness) -> Self {
        Self { db, org, clock, randomness, bulk_above: BULK_ABOVE, waits: WAITS.to_vec() }
    }

    /// The same, with bulk jobs for what has more records than `count`.
    #[must_use]
    pub fn with_bulk_above(self, count: u64) -> Self {
        Self { bulk_above: count, ..self }
    }

    /// The same, where a reading that fails is tried again after these waits.
    #[must_use]
    pub fn with_waits(self, waits: Vec<Duration>) -> Self {
        Self { waits, ..self }
    }

    pub(super) fn patience(&self) -> Patience {
        Patience(self.waits.clone().into_iter())
    }

    /// What `ask` answers, which reads: where it fails, for as long as another try is worth it.
    pub(super) async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, salesforce::Error>>,
    {
        let mut patience = self.patience();
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if patience.lasts(&error).await => {}
                Err(error) => return Err(Error::Salesforce(error)),
            }
        }
    }

    /// When the tenant's last reconcile ended.
    pub async fn last(&self) -> Result<Option<DateTime<Utc>>, DbError> {
        let tenant = self.org.tenant.clone();
        self.db.read(move |conn| lease::last(conn, &tenant)).await
    }

    /// Reconciles, and tells `watch` how far it is. What was found and enqueued until an error stands, and the next call
    /// goes on from there.
    pub async fn run(&self, task: Task, watch: &(dyn Fn(Standing) + Send + Sync)) -> Result<Report, Error> {
        let mut run = self.begin(task).await?;
        loop {
            let held = run.clone();
            let result = tokio::select! {
                result = self.drive(&mut run, watch) => result,
                lost = self.keep(held) => Err(lost),
            };
            let Err(error) = result else { return self.report(run).await };
            let (left, now) = (run.clone(), self.clock.now());
            // A job that failed, or is no longer there, would stand in the way of every later try.
            let stuck = matches!(error, Error::Salesforce(_)) && run.progress.way == Some(Way::Bulk);
            if stuck {
                self.db.write(move |conn| lease::forget(conn, &left.id)).await?;
                if run.resumed {
                    run = self.begin(Task { fresh: true, ..task }).await?;
                    continue;
                }
            } else if !matches!(error, Error::Lost) {
                self.db.write(move |conn| lease::leave(conn, &left, now)).await?;
            }
            return Err(error);
        }
    }

    async fn begin(&self, task: Task) -> Result<Run, Error> {
        let now = self.clock.now();
        let (id, owner) = (self.randomness.id(now).to_string(), self.randomness.id(now).to_string());
        let tenant = self.org.tenant.clone();
        let begun = self
            .db
            .write(move |conn| lease::begin(conn, &tenant, (&id, &owner), (task.applies, task.fresh), now))
            .await;
        match begun {
            Ok(Begun::Run(run)) => Ok(*run),
            Ok(Begun::Busy(until)) => Err(Error::Busy(until)),
            // Another began at the same moment.
            Err(DbError::Unique(_)) => Err(Error::Busy(now + LEASE)),
            Err(error) => Err(error.into()),
        }
    }

    /// Says again and again that this process is at it. Ends when it no longer is.
    async fn keep(&self, run: Run) -> Error {
        let pause = LEASE.to_std().unwrap_or_default() / 3;
        loop {
            tokio::time::sleep(pause).await;
            let (run, now) = (run.clone(), self.clock.now());
            match self.db.write(move |conn| lease::renew(conn, &run, now)).await {
                Ok(true) => {}
                Ok(false) => return Error::Lost,
                Err(error) => tracing::warn!(%error, "a reconcile could not be held"),
            }
        }
    }

    async fn drive(&self, run: &mut Run, watch: &(dyn Fn(Standing) + Send + Sync)) -> Result<(), Error> {
        loop {
            let Progress { phase, counts, expected, .. } = run.progress.clone();
            let at = match phase {
                Phase::Accounts(_) => "accounts",
                Phase::Missing(_) => "missing accounts",
                Phase::Groups(_) => "groups",
                Phase::Unlinked => "accounts without an owner",
                Phase::Repair(_) | Phase::Done => "deliveries",
            };
            watch(Standing { at, counts, expected });
            match phase {
                Phase::Accounts(place) => accounts::compare_all(self, run, place, watch).await?,
                Phase::Missing(after) => accounts::find_missing(self, run, after).await?,
                Phase::Groups(after) => groups::compare_all(self, run, after).await?,
                Phase::Unlinked => unlinked::match_all(self, run).await?,
                Phase::Repair(after) => repair::enqueue_all(self, run, after).await?,
                Phase::Done => return Ok(()),
            }
        }
    }

    /// Notes in one transaction what `work` does, what it counted, and that the run goes on at `next`.
    pub(super) async fn commit(
        &self,
        run: &mut Run,
        next: Phase,
        work: impl Fn(&mut Conn, &Run, DateTime<Utc>) -> Result<Counts, DbError> + Send + 'static,
    ) -> Result<(), Error> {
        let (now, held) = (self.clock.now(), run.clone());
        let write = move |conn: &mut Conn| {
            let mut progress = Progress { phase: next.clone(), ..held.progress.clone() };
            progress.counts += work(conn, &held, now)?;
            if lease::save(conn, &held, &progress, now)? { Ok(progress) } else { Err(Error::Lost) }
        };
        run.progress = self.db.write(write).await?;
        Ok(())
    }

    async fn report(&self, run: Run) -> Result<Report, Error> {
        let (ended, now) = (run.clone(), self.clock.now());
        let kinds = self
            .db
            .write(move |conn| {
                if !lease::finish(conn, &ended, now)? {
                    return Err(Error::Lost);
                }
                Ok(store::by_kind(conn, &ended.id)?)
            })
            .await?;
        let Run { id, tenant, started, applies: applied, resumed, progress, .. } = run;
        let Progress { way, counts, .. } = progress;
        Ok(Report { tenant, id, started, finished: now, resumed, applied, way, counts, kinds })
    }

    /// A page of what a reconcile found, in order: from behind `after` on (empty: from the beginning), the differences or
    /// (`unlinked`) the accounts that nobody is linked to. Each with the place that the next page is behind.
    pub async fn findings(&self, id: &str, unlinked: bool, after: &str) -> Result<Vec<(String, Finding)>, DbError> {
        let (id, after) = (id.to_owned(), after.to_owned());
        self.db.read(move |conn| store::findings(conn, &id, unlinked, &after, PAGE)).await
    }
}
