//! The outbox: one row a resource that says whether Salesforce is what was asked. Written in the transaction of the
//! change itself, so that no acknowledged change is ever without its delivery.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::schema::{deliveries, delivery_attempts, members};
use crate::db::{Conn, Error, on_backend};
use crate::shadow::{Kind, Stored};

use super::licence;
use super::state::State;

/// A delivery as administrators and the delivery extension see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Our id of the resource.
    pub resource: String,
    /// Where it stands.
    pub state: State,
    /// Tries since the last change.
    pub attempts: i64,
    /// When it is tried next, if it is going to be.
    pub due: Option<DateTime<Utc>>,
    /// What is waited for, or was left out.
    pub reason: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When this was last written.
    pub updated: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
struct Row {
    resource_id: String,
    state: String,
    attempts: i64,
    due_at: NaiveDateTime,
    reason: Option<String>,
    last_error: Option<String>,
    updated_at: NaiveDateTime,
}

/// A delivery that a worker has taken for the length of its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Names this claim in the lease, and no other: a worker whose lease ran out, and which takes the delivery again,
    /// must not take its first try for the holder.
    pub owner: String,
    /// Our id of the resource.
    pub resource: String,
    /// User or group.
    pub kind: Kind,
    /// What was wanted when it was taken. A change made since raises the row's, and this claim cannot close it.
    pub wanted: i64,
    /// Tries before this one.
    pub attempts: i64,
    /// Of them, those that ended in an error that Salesforce itself did not expect.
    pub unexpected: i64,
    /// Of them, those that found a value taken by nobody who could be found.
    pub taken: i64,
    /// Whether it takes a right away, and goes before all others.
    pub urgent: bool,
    /// What an earlier, perhaps lost, create carried: the fields of a user as JSON text, the name of a group.
    pub creating: Option<String>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The new state.
    pub state: State,
    /// When to look again; `None`: not by itself.
    pub due: Option<DateTime<Utc>>,
    /// Whether it counts as a failed try.
    pub failed: bool,
    /// Whether it failed with what only a few new tries are worth.
    pub rare: Option<Rare>,
    /// What is waited for, or was left out.
    pub reason: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// What a few new tries mend or nothing does. Each is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rare {
    /// An error that Salesforce itself did not expect.
    Unexpected,
    /// A value is taken, and nobody is found who has it.
    Taken,
}

/// Deliveries that are not at their end. In the words of the index `deliveries_due`, and with no parameter in them: SQLite
/// uses a partial index only where it reads its very condition, and would look through all that was ever delivered.
fn open() -> SqlLiteral<Bool> {
    diesel::dsl::sql("state NOT IN ('delivered', 'rejected')")
}

/// The same of urgent deliveries, in the words of the index `deliveries_due_urgent`.
fn open_and_urgent() -> SqlLiteral<Bool> {
    diesel::dsl::sql("urgent AND state NOT IN ('delivered', 'rejected')")
}

/// Whether a resource is one whose delivery takes a right away: an account of somebody who must not log in any more. It is
/// not made to wait for those that give something.
pub fn is_urgent(resource: &Stored) -> bool {
    let inactive = resource.document.get("active").and_then(serde_json::Value::as_bool) == Some(false);
    resource.kind == Kind::User && (inactive || resource.deleted.is_some())
}

/// A time that no row reaches by itself.
fn never() -> NaiveDateTime {
    chrono::NaiveDate::from_ymd_opt(9999, 1, 1).and_then(|d| d.and_hms_opt(0, 0, 0)).unwrap_or(NaiveDateTime::MAX)
}

/// State, wanted revision and owner of a delivery, kept from every other transaction until this one ends. Without it a
/// change that is enqueued while a worker ends its delivery would be taken for part of what was delivered.
fn locked(conn: &mut Conn, resource: &str) -> Result<Option<(String, i64, Option<String>)>, Error> {
    let row = deliveries::table.find(resource).select((deliveries::state, deliveries::wanted, deliveries::lease_owner));
    Ok(match conn {
        Conn::Sqlite(c) => row.first(c).optional()?,
        Conn::Postgres(c) => row.for_update().first(c).optional()?,
    })
}

/// Says that a resource, which is stored as `resource`, is not yet what was asked, and whether that is urgent. See
/// [`enqueue`].
pub fn enqueue_stored(conn: &mut Conn, resource: &Stored, now: DateTime<Utc>) -> Result<(), Error> {
    put(conn, (&resource.tenant, resource.kind, &resource.id), Some(is_urgent(resource)), now)
}

/// Says that a resource is not yet what was asked. Repeats coalesce into its one row; while a worker is at it, the row
/// stays the worker's and goes back to pending when that ends. It is as urgent as it was.
///
/// A group waits a moment for more of its members to be pushed, and no longer for each of them.
pub fn enqueue(conn: &mut Conn, tenant: &str, kind: Kind, resource: &str, now: DateTime<Utc>) -> Result<(), Error> {
    put(conn, (tenant, kind, resource), None, now)
}

/// `urgent`: `None` where that is not known to be another than before.
fn put(
    conn: &mut Conn,
    (tenant, kind, resource): (&str, Kind, &str),
    urgent: Option<bool>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let set_urgent = urgent.map(|urgent| deliveries::urgent.eq(urgent));
    let due = (now + settle(kind)).naive_utc();
    let now = now.naive_utc();
    let row = deliveries::table.find(resource);
    match locked(conn, resource)?.and_then(|(state, _, _)| State::parse(&state)) {
        None => {
            diesel::insert_into(deliveries::table)
                .values((
                    deliveries::resource_id.eq(resource),
                    deliveries::tenant.eq(tenant),
                    deliveries::kind.eq(kind.as_str()),
                    deliveries::state.eq(State::Pending.as_str()),
                    deliveries::wanted.eq(1_i64),
                    deliveries::attempts.eq(0_i64),
                    deliveries::unexpected.eq(0_i64),
                    deliveries::taken.eq(0_i64),
                    deliveries::due_at.eq(due),
                    deliveries::updated_at.eq(now),
                    deliveries::urgent.eq(urgent.unwrap_or(false)),
                ))
                .execute(conn)?;
        }
        Some(State::Pending) if kind == Kind::Group => {
            diesel::update(row)
                .set((deliveries::wanted.eq(deliveries::wanted + 1), deliveries::updated_at.eq(now)))
                .execute(conn)?;
        }
        Some(State::Delivering) => {
            diesel::update(row)
                .set((deliveries::wanted.eq(deliveries::wanted + 1), deliveries::updated_at.eq(now), set_urgent))
                .execute(conn)?;
        }
        Some(_) => {
            diesel::update(row)
                .set((
                    deliveries::wanted.eq(deliveries::wanted + 1),
                    deliveries::state.eq(State::Pending.as_str()),
                    deliveries::attempts.eq(0_i64),
                    deliveries::unexpected.eq(0_i64),
                    deliveries::taken.eq(0_i64),
                    deliveries::due_at.eq(due),
                    deliveries::reason.eq(None::<String>),
                    deliveries::updated_at.eq(now),
                    set_urgent,
                ))
                .execute(conn)?;
        }
    }
    Ok(())
}

/// What comes together goes out together: a group waits this long for more of its members to arrive.
pub(super) const SETTLE: TimeDelta = TimeDelta::milliseconds(300);

fn settle(kind: Kind) -> TimeDelta {
    match kind {
        Kind::User => TimeDelta::zero(),
        Kind::Group => SETTLE,
    }
}

/// Makes held deliveries due again: those of `resources`, now that what they waited for has come. `due` is a moment
/// ahead, so that what comes together (the members of one group) goes out together.
pub fn release(conn: &mut Conn, resources: &[String], due: DateTime<Utc>) -> Result<usize, Error> {
    reopen(conn, resources, &[State::Held], due)
}

/// Makes deliveries due again, also those that had come to an end, good or bad: what they rest on became another.
pub fn wake(conn: &mut Conn, resources: &[String], due: DateTime<Utc>) -> Result<usize, Error> {
    reopen(conn, resources, &[State::Held, State::Delivered, State::Rejected], due)
}

/// Makes users due again whose delivery was refused, or (`everybody`) had come to an end, good or bad.
pub fn wake_users(conn: &mut Conn, tenant: &str, everybody: bool, due: DateTime<Utc>) -> Result<usize, Error> {
    let states: &[State] = if everybody { &[State::Rejected, State::Delivered] } else { &[State::Rejected] };
    let ended: Vec<String> = on_backend!(&mut *conn, c => deliveries::table
        .filter(deliveries::tenant.eq(tenant).and(deliveries::kind.eq(Kind::User.as_str())))
        .filter(deliveries::state.eq_any(states.iter().map(|state| state.as_str())))
        .order(deliveries::resource_id)
        .select(deliveries::resource_id)
        .load(c))?;
    wake(conn, &ended, due)
}

fn reopen(conn: &mut Conn, resources: &[String], from: &[State], due: DateTime<Utc>) -> Result<usize, Error> {
    let from: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
    let mut released = 0;
    for chunk in resources.chunks(1000) {
        // Neither held nor under way between the two statements: it would be missed by both.
        if let Conn::Postgres(c) = &mut *conn {
            let rows = deliveries::table.filter(deliveries::resource_id.eq_any(chunk)).order(deliveries::resource_id);
            rows.select(deliveries::resource_id).for_update().load::<String>(c)?;
        }
        released += on_backend!(&mut *conn, c => diesel::update(deliveries::table
            .filter(deliveries::resource_id.eq_any(chunk).and(deliveries::state.eq_any(&from))))
            .set((deliveries::state.eq(State::Pending.as_str()), deliveries::due_at.eq(due.naive_utc())))
            .execute(c))?;
        // One that a worker is at has perhaps read the shadow already: it must look again.
        on_backend!(&mut *conn, c => diesel::update(deliveries::table
            .filter(deliveries::resource_id.eq_any(chunk).and(deliveries::state.eq(State::Delivering.as_str()))))
            .set(deliveries::wanted.eq(deliveries::wanted + 1))
            .execute(c))?;
    }
    Ok(released)
}

/// Makes everything of a tenant that is held or to be retried due: the configuration may have what it waited for.
pub fn release_all(conn: &mut Conn, tenant: &str, due: DateTime<Utc>) -> Result<usize, Error> {
    Ok(diesel::update(
        deliveries::table
            .filter(deliveries::tenant.eq(tenant))
            .filter(deliveries::state.eq(State::Held.as_str()).or(deliveries::state.eq(State::Retrying.as_str()))),
    )
    .set((deliveries::state.eq(State::Pending.as_str()), deliveries::due_at.eq(due.naive_utc())))
    .execute(conn)?)
}

/// Whether a worker has the delivery, kept so from every other transaction until this one ends.
pub fn is_under_way(conn: &mut Conn, resource: &str) -> Result<bool, Error> {
    Ok(locked(conn, resource)?.is_some_and(|(state, _, _)| state == State::Delivering.as_str()))
}

type Taken = (String, String, i64, i64, i64, i64, Option<String>, bool);

/// Takes up to `limit` due deliveries of a tenant for `lease`: urgent ones first, and of others `ordinary` at most. One whose
/// worker's lease ran out is due again.
pub fn claim(
    conn: &mut Conn,
    tenant: &str,
    owner: &str,
    now: DateTime<Utc>,
    lease: TimeDelta,
    limit: i64,
    ordinary: i64,
) -> Result<Vec<Claim>, Error> {
    let at = now.naive_utc();
    // For a delivery under way `due_at` is when its lease ends, so that one condition and one index serve both.
    macro_rules! due {
        ($which:expr, $limit:expr) => {
            deliveries::table
                .filter(deliveries::tenant.eq(tenant).and(deliveries::due_at.le(at)))
                .filter($which)
                .order((deliveries::due_at, deliveries::resource_id))
                .limit($limit)
                .select((
                    deliveries::resource_id,
                    deliveries::kind,
                    deliveries::wanted,
                    deliveries::attempts,
                    deliveries::unexpected,
                    deliveries::taken,
                    deliveries::creating,
                    deliveries::urgent,
                ))
        };
    }
    let mut rows: Vec<Taken> = match conn {
        Conn::Sqlite(c) => due!(open_and_urgent(), limit).load(c)?,
        Conn::Postgres(c) => due!(open_and_urgent(), limit).for_update().skip_locked().load(c)?,
    };
    let others = ordinary.min(limit.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX)));
    if others > 0 {
        // Urgent ones stand in this index, too, and have not been marked as taken.
        let which = || open().and(deliveries::urgent.eq(false));
        rows.extend(match conn {
            Conn::Sqlite(c) => due!(which(), others).load::<Taken>(c)?,
            Conn::Postgres(c) => due!(which(), others).for_update().skip_locked().load(c)?,
        });
    }
    let until = (now + lease).naive_utc();
    let mut claims = Vec::with_capacity(rows.len());
    for (resource, kind, wanted, attempts, unexpected, taken, creating, urgent) in rows {
        diesel::update(deliveries::table.find(&resource))
            .set((
                deliveries::state.eq(State::Delivering.as_str()),
                deliveries::lease_owner.eq(Some(owner)),
                deliveries::lease_until.eq(Some(until)),
                deliveries::due_at.eq(until),
                deliveries::updated_at.eq(at),
            ))
            .execute(conn)?;
        if let Some(kind) = Kind::parse(&kind) {
            claims.push(Claim {
                owner: owner.to_owned(),
                resource,
                kind,
                wanted,
                attempts,
                unexpected,
                taken,
                urgent,
                creating,
            });
        }
    }
    Ok(claims)
}

/// Proves that `owner` still has the delivery, and makes its lease longer. `false`: another may be at it, and nothing
/// more may be sent or noted.
pub fn renew(conn: &mut Conn, resource: &str, owner: &str, until: DateTime<Utc>) -> Result<bool, Error> {
    let until = until.naive_utc();
    let mine = deliveries::table
        .filter(deliveries::resource_id.eq(resource).and(deliveries::state.eq(State::Delivering.as_str())))
        .filter(deliveries::lease_owner.eq(owner));
    let rows = diesel::update(mine)
        .set((deliveries::lease_until.eq(Some(until)), deliveries::due_at.eq(until)))
        .execute(conn)?;
    Ok(rows == 1)
}

/// Notes what a create is about to carry, or (`None`) that it is known what became of it.
pub fn creating(conn: &mut Conn, resource: &str, carried: Option<&str>) -> Result<(), Error> {
    diesel::update(deliveries::table.find(resource)).set(deliveries::creating.eq(carried)).execute(conn)?;
    Ok(())
}

/// Ends a claim. If the resource was changed meanwhile, it is due again whatever the outcome says. `false`: the lease
/// was lost, and nothing was noted.
pub fn complete(
    conn: &mut Conn,
    claim: &Claim,
    owner: &str,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let row = locked(conn, &claim.resource)?;
    let mine = row.filter(|(state, _, by)| state == State::Delivering.as_str() && by.as_deref() == Some(owner));
    let Some((_, wanted, _)) = mine else { return Ok(false) };
    let changed = wanted != claim.wanted;
    let state = if changed { State::Pending } else { outcome.state };
    let due = if changed {
        (now + settle(claim.kind)).naive_utc()
    } else {
        outcome.due.map_or_else(never, |t| t.naive_utc())
    };
    let again = |before: i64, more: bool| {
        if changed || !outcome.failed { 0 } else { before + i64::from(more) }
    };
    let is = |rare| outcome.rare == Some(rare);
    let since = waits_since(conn, &claim.resource, outcome, now)?;
    diesel::update(deliveries::table.find(&claim.resource))
        .set((
            deliveries::state.eq(state.as_str()),
            deliveries::attempts.eq(again(claim.attempts, true)),
            deliveries::unexpected.eq(again(claim.unexpected, is(Rare::Unexpected))),
            deliveries::taken.eq(again(claim.taken, is(Rare::Taken))),
            deliveries::due_at.eq(due),
            deliveries::lease_owner.eq(None::<String>),
            deliveries::lease_until.eq(None::<NaiveDateTime>),
            deliveries::reason.eq(&outcome.reason),
            deliveries::last_error.eq(&outcome.error),
            deliveries::updated_at.eq(since),
        ))
        .execute(conn)?;
    Ok(true)
}

/// When a delivery came to stand as it does: of one that looked again for a free licence and found none, when it began to
/// wait, so that nobody loses their place by looking.
fn waits_since(conn: &mut Conn, resource: &str, outcome: &Outcome, now: DateTime<Utc>) -> Result<NaiveDateTime, Error> {
    if outcome.state == State::Held && outcome.reason.as_deref().is_some_and(licence::is_waited_for) {
        let row = deliveries::table.find(resource).select((deliveries::reason, deliveries::updated_at));
        let (reason, since): (Option<String>, NaiveDateTime) = row.first(conn)?;
        if reason == outcome.reason {
            return Ok(since);
        }
    }
    Ok(now.naive_utc())
}

/// Whether a create of a public group of this name was sent for some resource of the tenant, without a known answer.
pub fn is_creating_group(conn: &mut Conn, tenant: &str, name: &str) -> Result<bool, Error> {
    let sent = deliveries::table
        .filter(deliveries::tenant.eq(tenant).and(deliveries::kind.eq(Kind::Group.as_str())))
        .filter(deliveries::creating.eq(name))
        .select(deliveries::resource_id);
    Ok(sent.first::<String>(conn).optional()?.is_some())
}

/// One try, for the history.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// Its own id.
    pub id: &'a str,
    /// Our id of the resource.
    pub resource: &'a str,
    /// Which try since the last change, from 1.
    pub attempt: i64,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// State that it led to.
    pub outcome: State,
    /// Calls made to Salesforce.
    pub calls: i64,
    /// What went wrong.
    pub error: Option<&'a str>,
}

/// Keeps a try, and of older ones only the newest `keep - 1`.
pub fn record(conn: &mut Conn, attempt: &Attempt<'_>, keep: i64) -> Result<(), Error> {
    diesel::insert_into(delivery_attempts::table)
        .values((
            delivery_attempts::id.eq(attempt.id),
            delivery_attempts::resource_id.eq(attempt.resource),
            delivery_attempts::attempt.eq(attempt.attempt),
            delivery_attempts::started_at.eq(attempt.started.naive_utc()),
            delivery_attempts::finished_at.eq(attempt.finished.naive_utc()),
            delivery_attempts::outcome.eq(attempt.outcome.as_str()),
            delivery_attempts::calls.eq(attempt.calls),
            delivery_attempts::error.eq(attempt.error),
        ))
        .execute(conn)?;
    let old: Vec<String> = delivery_attempts::table
        .filter(delivery_attempts::resource_id.eq(attempt.resource))
        .order((delivery_attempts::started_at.desc(), delivery_attempts::id.desc()))
        .offset(keep)
        .limit(100)
        .select(delivery_attempts::id)
        .load(conn)?;
    if !old.is_empty() {
        on_backend!(conn, c => diesel::delete(delivery_attempts::table.filter(delivery_attempts::id.eq_any(&old)))
            .execute(c))?;
    }
    Ok(())
}

/// Deliveries of several resources: one query for a page.
pub fn of(conn: &mut Conn, resources: &[String]) -> Result<BTreeMap<String, Delivery>, Error> {
    let mut found = BTreeMap::new();
    for chunk in resources.chunks(1000) {
        let rows: Vec<Row> = on_backend!(&mut *conn, c => deliveries::table
            .filter(deliveries::resource_id.eq_any(chunk))
            .select(Row::as_select())
            .load(c))?;
        for row in rows {
            let state = State::parse(&row.state).ok_or_else(|| Error::Inconsistent {
                table: "deliveries",
                row: row.resource_id.clone(),
                what: format!("state {}", row.state),
            })?;
            let tried_again = matches!(state, State::Pending | State::Retrying | State::Held);
            found.insert(
                row.resource_id.clone(),
                Delivery {
                    resource: row.resource_id,
                    state,
                    attempts: row.attempts,
                    due: (tried_again && row.due_at < never()).then(|| row.due_at.and_utc()),
                    reason: row.reason,
                    last_error: row.last_error,
                    updated: row.updated_at.and_utc(),
                },
            );
        }
    }
    Ok(found)
}

/// How many resources of a tenant stand in which state; every state is named.
pub fn count(conn: &mut Conn, tenant: &str) -> Result<BTreeMap<State, i64>, Error> {
    let rows: Vec<(String, i64)> = deliveries::table
        .filter(deliveries::tenant.eq(tenant))
        .group_by(deliveries::state)
        .select((deliveries::state, diesel::dsl::count_star()))
        .load(conn)?;
    let mut counts: BTreeMap<State, i64> = State::ALL.into_iter().map(|state| (state, 0)).collect();
    for (state, n) in rows {
        if let Some(state) = State::parse(&state) {
            counts.insert(state, n);
        }
    }
    Ok(counts)
}

/// When the next delivery of a tenant is due.
pub fn next_due(conn: &mut Conn, tenant: &str) -> Result<Option<DateTime<Utc>>, Error> {
    next(conn, tenant, open())
}

/// When the next urgent delivery of a tenant is due.
pub fn next_urgent(conn: &mut Conn, tenant: &str) -> Result<Option<DateTime<Utc>>, Error> {
    next(conn, tenant, open_and_urgent())
}

fn next(conn: &mut Conn, tenant: &str, which: SqlLiteral<Bool>) -> Result<Option<DateTime<Utc>>, Error> {
    let due: Option<NaiveDateTime> = deliveries::table
        .filter(deliveries::tenant.eq(tenant))
        .filter(which)
        .order(deliveries::due_at)
        .select(deliveries::due_at)
        .first(conn)
        .optional()?;
    Ok(due.map(|t| t.and_utc()))
}

/// Groups whose delivery waits for this resource to have an account.
pub fn groups_waiting_for(conn: &mut Conn, member: &str) -> Result<Vec<String>, Error> {
    Ok(members::table
        .filter(members::member_id.eq(member).and(members::to_deliver.eq(true)))
        .select(members::group_id)
        .load(conn)?)
}
