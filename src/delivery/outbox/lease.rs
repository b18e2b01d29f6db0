//! Taking a delivery for the length of a lease, and ending it: nobody else is at it meanwhile, and whoever lost the lease
//! closes nothing.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;

use super::{locked, never, open, open_and_urgent, settle};
use crate::db::schema::deliveries;
use crate::db::{Conn, Error};
use crate::delivery::{Refused, State, licence};
use crate::shadow::Kind;

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
    /// Of a rejection: how that is told.
    pub refused: Option<Refused>,
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
            deliveries::refused.eq(outcome.refused.map(Refused::as_str)),
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
