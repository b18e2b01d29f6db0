//! One reconcile of a tenant at a time, whichever process it is, and where it goes on after that process died.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::db::schema::{drifts, reconciles};
use crate::db::{Conn, Error, on_backend};
use crate::salesforce::{Place, Way};

/// How long a process is believed to be at it without a word.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(10);

/// A run that stood still for longer is begun anew: too much of what it read is no longer so.
const STALE: TimeDelta = TimeDelta::hours(12);

/// What a reconcile is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// Accounts, from this place on.
    Accounts(Option<Place>),
    /// Users whose account was not found, behind this id of ours.
    Missing(String),
    /// Groups, behind this id of ours.
    Groups(String),
    /// Accounts that nobody is linked to.
    Unlinked,
    /// What drifted is enqueued, behind the finding at this place.
    Repair(String),
    /// Nothing is left to do.
    Done,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Accounts that the org has.
    pub accounts: u64,
    /// Users who were compared with their account.
    pub users: u64,
    /// Groups that were compared with their public group.
    pub groups: u64,
    /// Their memberships.
    pub memberships: u64,
    /// Users and groups that were passed over, because a delivery of theirs is to come, is under way or is newer than
    /// what was read; or because the mapping fails for them.
    pub skipped: u64,
    /// Deliveries that were enqueued.
    pub queued: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.accounts += more.accounts;
        self.users += more.users;
        self.groups += more.groups;
        self.memberships += more.memberships;
        self.skipped += more.skipped;
        self.queued += more.queued;
    }
}

/// Where a reconcile stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) phase: Phase,
    /// How accounts are read; `None` until that is chosen.
    pub(super) way: Option<Way>,
    /// How many accounts there are about, where the org said so.
    pub(super) expected: Option<u64>,
    pub(super) counts: Counts,
}

/// A reconcile that this process carries out.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) tenant: String,
    pub(super) owner: String,
    pub(super) started: DateTime<Utc>,
    pub(super) applies: bool,
    pub(super) progress: Progress,
    /// Whether another process began it.
    pub(super) resumed: bool,
}

/// What an attempt to begin came to.
pub(super) enum Begun {
    /// It is this process's.
    Run(Box<Run>),
    /// Another process is at it, or was until just now: not before this time.
    Busy(DateTime<Utc>),
}

type Row = (String, NaiveDateTime, String, NaiveDateTime);

/// Begins a reconcile, or goes on with one that was left. `new` is its id if it is a new one, `owner` names the
/// caller's hold on it.
pub(super) fn begin(
    conn: &mut Conn,
    tenant: &str,
    (new, owner): (&str, &str),
    (applies, fresh): (bool, bool),
    now: DateTime<Utc>,
) -> Result<Begun, Error> {
    macro_rules! open {
        () => {
            reconciles::table.filter(reconciles::tenant.eq(tenant).and(reconciles::finished_at.is_null())).select((
                reconciles::id,
                reconciles::started_at,
                reconciles::progress,
                reconciles::lease_until,
            ))
        };
    }
    let open: Option<Row> = match conn {
        Conn::Sqlite(c) => open!().first(c).optional()?,
        Conn::Postgres(c) => open!().for_update().first(c).optional()?,
    };
    let until = now + LEASE;
    if let Some((id, started, progress, lease)) = open {
        if lease > now.naive_utc() {
            return Ok(Begun::Busy(lease.and_utc()));
        }
        let started = started.and_utc();
        let readable = serde_json::from_str::<Progress>(&progress).ok();
        let goes_on = !fresh && now - lease.and_utc() < STALE;
        if let Some(progress) = readable.filter(|_| goes_on) {
            // Whether it repairs is for its end: the same is read for both.
            let lease = (reconciles::lease_owner.eq(owner), reconciles::lease_until.eq(until.naive_utc()));
            diesel::update(reconciles::table.find(&id)).set((reconciles::applies.eq(applies), lease)).execute(conn)?;
            let (tenant, owner) = (tenant.to_owned(), owner.to_owned());
            return Ok(Begun::Run(Box::new(Run { id, tenant, owner, started, applies, progress, resumed: true })));
        }
        forget(conn, &id)?;
    }
    let phase = Phase::Accounts(None);
    let progress = Progress { phase, way: None, expected: None, counts: Counts::default() };
    diesel::insert_into(reconciles::table)
        .values((
            reconciles::id.eq(new),
            reconciles::tenant.eq(tenant),
            reconciles::started_at.eq(now.naive_utc()),
            reconciles::applies.eq(applies),
            reconciles::progress.eq(text(new, &progress)?),
            reconciles::lease_owner.eq(owner),
            reconciles::lease_until.eq(until.naive_utc()),
        ))
        .execute(conn)?;
    let (id, tenant, owner) = (new.to_owned(), tenant.to_owned(), owner.to_owned());
    Ok(Begun::Run(Box::new(Run { id, tenant, owner, started: now, applies, progress, resumed: false })))
}

fn text(run: &str, progress: &Progress) -> Result<String, Error> {
    serde_json::to_string(progress).map_err(|e| Error::Inconsistent {
        table: "reconciles",
        row: run.to_owned(),
        what: e.to_string(),
    })
}

#[diesel::dsl::auto_type(no_type_alias)]
fn mine<'a>(run: &'a Run) -> _ {
    let (id, owner): (&'a str, &'a str) = (run.id.as_str(), run.owner.as_str());
    reconciles::table.filter(reconciles::id.eq(id).and(reconciles::lease_owner.eq(owner)))
}

/// Notes where a run stands, and that it is still carried out. `false`: it is another process's by now.
pub(super) fn save(conn: &mut Conn, run: &Run, progress: &Progress, now: DateTime<Utc>) -> Result<bool, Error> {
    let until = (now + LEASE).naive_utc();
    let set = (reconciles::progress.eq(text(&run.id, progress)?), reconciles::lease_until.eq(until));
    Ok(diesel::update(mine(run)).set(set).execute(conn)? == 1)
}

/// Notes that a run is still carried out. `false`: it is another process's by now.
pub(super) fn renew(conn: &mut Conn, run: &Run, now: DateTime<Utc>) -> Result<bool, Error> {
    let until = (now + LEASE).naive_utc();
    Ok(diesel::update(mine(run)).set(reconciles::lease_until.eq(until)).execute(conn)? == 1)
}

/// Lets others go on with a run at once.
pub(super) fn leave(conn: &mut Conn, run: &Run, now: DateTime<Utc>) -> Result<(), Error> {
    diesel::update(mine(run)).set(reconciles::lease_until.eq(now.naive_utc())).execute(conn)?;
    Ok(())
}

/// Ends a run, and forgets those before it with all that they found. `false`: it is another process's by now.
pub(super) fn finish(conn: &mut Conn, run: &Run, now: DateTime<Utc>) -> Result<bool, Error> {
    if diesel::update(mine(run)).set(reconciles::finished_at.eq(Some(now.naive_utc()))).execute(conn)? != 1 {
        return Ok(false);
    }
    let others: Vec<String> = reconciles::table
        .filter(reconciles::tenant.eq(&run.tenant).and(reconciles::id.ne(&run.id)))
        .select(reconciles::id)
        .load(conn)?;
    for other in others {
        forget(conn, &other)?;
    }
    Ok(true)
}

/// Forgets a run.
pub(super) fn forget(conn: &mut Conn, run: &str) -> Result<(), Error> {
    on_backend!(&mut *conn, c => diesel::delete(drifts::table.filter(drifts::reconcile_id.eq(run))).execute(c))?;
    diesel::delete(reconciles::table.find(run)).execute(conn)?;
    Ok(())
}

/// When the last run of a tenant ended.
pub(super) fn last(conn: &mut Conn, tenant: &str) -> Result<Option<DateTime<Utc>>, Error> {
    let at: Option<Option<NaiveDateTime>> = reconciles::table
        .filter(reconciles::tenant.eq(tenant).and(reconciles::finished_at.is_not_null()))
        .order(reconciles::finished_at.desc())
        .select(reconciles::finished_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.and_utc()))
}
