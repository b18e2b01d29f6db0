//! The outbox: one row a resource that says whether Salesforce is what was asked. Written in the transaction of the
//! change itself, so that no acknowledged change is ever without its delivery.

mod history;
mod lease;
mod read;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::schema::deliveries;
use crate::db::{Conn, Error, on_backend};
use crate::shadow::{Kind, Stored};

use super::state::{Refused, State};

pub use history::{Attempt, record};
pub use lease::{Claim, Outcome, Rare, claim, complete, creating, is_creating_group, renew};
pub use read::{Delivery, count, groups_waiting_for, next_due, next_urgent, of};

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
                    deliveries::refused.eq(None::<String>),
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

/// Makes due whatever of a tenant in these states is due later than `latest`, but for what is never due by itself: that time
/// was written by a clock that has been set back since.
pub fn pull_in(
    conn: &mut Conn,
    tenant: &str,
    states: &[State],
    latest: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let late = deliveries::due_at.gt(latest.naive_utc()).and(deliveries::due_at.lt(never()));
    Ok(on_backend!(conn, c => diesel::update(deliveries::table
        .filter(deliveries::tenant.eq(tenant).and(deliveries::state.eq_any(&states)).and(late)))
        .set(deliveries::due_at.eq(now.naive_utc()))
        .execute(c))?)
}

/// Makes deliveries due again that had come to their good end.
pub fn wake_delivered(conn: &mut Conn, resources: &[String], due: DateTime<Utc>) -> Result<usize, Error> {
    reopen(conn, resources, &[State::Delivered], due)
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
            .filter(deliveries::resource_id.eq_any(chunk).and(deliveries::state.eq_any(&from)))
            // What a person gave up is taken up by nothing but a change of the resource, or a person.
            .filter(deliveries::refused.is_null().or(deliveries::refused.ne(Refused::Discarded.as_str()))))
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

/// Notes that a resource is being made whose maker waits for Salesforce's word (`false`: and has heard a success).
pub fn unheard(conn: &mut Conn, resource: &str, unheard: bool) -> Result<(), Error> {
    diesel::update(deliveries::table.find(resource)).set(deliveries::unheard.eq(unheard)).execute(conn)?;
    Ok(())
}

/// Ends a delivery by a person's word: Salesforce stays as it is until the resource changes again, or what it rests on.
pub fn give_up(conn: &mut Conn, resource: &str, why: &str, now: DateTime<Utc>) -> Result<(), Error> {
    diesel::update(deliveries::table.find(resource))
        .set((
            deliveries::state.eq(State::Rejected.as_str()),
            deliveries::attempts.eq(0_i64),
            deliveries::due_at.eq(never()),
            deliveries::reason.eq(Some(why)),
            deliveries::last_error.eq(None::<String>),
            deliveries::refused.eq(Some(Refused::Discarded.as_str())),
            deliveries::updated_at.eq(now.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Tenant, kind and state of a delivery, kept from every other transaction until this one ends.
pub fn held(conn: &mut Conn, resource: &str) -> Result<Option<(String, Kind, State)>, Error> {
    let Some((state, ..)) = locked(conn, resource)? else { return Ok(None) };
    let row = deliveries::table.find(resource).select((deliveries::tenant, deliveries::kind));
    let (tenant, kind): (String, String) = row.first(conn)?;
    Ok(Kind::parse(&kind).zip(State::parse(&state)).map(|(kind, state)| (tenant, kind, state)))
}

/// Whether a worker has the delivery, kept so from every other transaction until this one ends.
pub fn is_under_way(conn: &mut Conn, resource: &str) -> Result<bool, Error> {
    Ok(locked(conn, resource)?.is_some_and(|(state, _, _)| state == State::Delivering.as_str()))
}
