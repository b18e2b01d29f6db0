//! Who is about to lose or gain what, and who lost it lately.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{Act, Limits};
use crate::db::schema::{guarded, observed, resources};
use crate::db::{Conn, Error, on_backend};
use crate::entitlement::Grant;
use crate::shadow::Kind;

/// It is to be done, and was not.
const WAITING: &str = "waiting";
/// A person agreed to it, and it was not done yet.
const RELEASED: &str = "released";
/// It was done.
const DONE: &str = "done";

/// Rows that are written in one statement.
const ROWS: usize = 500;

/// Whether the guard watches something about a person.
pub fn is_watched(conn: &mut Conn, resource: &str) -> Result<bool, Error> {
    let row = guarded::table.filter(guarded::resource_id.eq(resource)).select(guarded::act);
    Ok(row.first::<String>(conn).optional()?.is_some())
}

/// How many people are about to lose something or have lost it within the window, and how many there are who have it or
/// had it then. The second number looks through all people.
pub fn numbers(
    conn: &mut Conn,
    tenant: &str,
    lost: &Grant,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<(u64, u64), Error> {
    let (about_to, gone) = toll(conn, tenant, lost, limits, now)?;
    Ok((about_to + gone, holders(conn, tenant, lost)?.saturating_add(gone)))
}

/// How many people are about to lose something or have lost it within the window.
pub fn losers(conn: &mut Conn, tenant: &str, lost: &Grant, limits: &Limits, now: DateTime<Utc>) -> Result<u64, Error> {
    toll(conn, tenant, lost, limits, now).map(|(about_to, gone)| about_to + gone)
}

/// How many are about to lose something, and how many have lost it within the window.
fn toll(conn: &mut Conn, tenant: &str, lost: &Grant, limits: &Limits, now: DateTime<Utc>) -> Result<(u64, u64), Error> {
    let since = (now - limits.window).naive_utc();
    let is_recent = guarded::state.eq(DONE).and(guarded::noted_at.gt(since));
    let counts: Vec<(String, i64)> = guarded::table
        .filter(guarded::tenant.eq(tenant).and(guarded::act.eq(Act::Lose(lost.clone()).key())))
        .filter(guarded::state.eq(WAITING).or(is_recent))
        .group_by(guarded::state)
        .select((guarded::state, diesel::dsl::count_star()))
        .load(conn)?;
    let of = |state: &str| counts.iter().find(|(other, _)| other == state).map_or(0, |(_, count)| *count);
    Ok((u64::try_from(of(WAITING)).unwrap_or(0), u64::try_from(of(DONE)).unwrap_or(0)))
}

/// How many people of a tenant are known to have something. Looks through all of them: an id of Salesforce stands in what
/// was observed of those who have it, and in nothing else.
pub fn holders(conn: &mut Conn, tenant: &str, grant: &Grant) -> Result<u64, Error> {
    // What is no id would be a pattern.
    if !grant.id.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(0);
    }
    let count: i64 = resources::table
        .inner_join(observed::table.on(observed::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
        .filter(resources::deleted_at.is_null().and(observed::state.like(format!("%\"{}\"%", grant.id))))
        .count()
        .get_result(conn)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Asks whether all of this may be done to a person, and notes that it is about to be: answers what must wait. Losses wait
/// where too many have them; `had` says how many people have something or had it, where that is known. A gain waits in any
/// case: it is asked for only where it is sensitive. Nothing waits to which a person has agreed.
///
/// On PostgreSQL two who ask at one moment do not count each other: then as many more as there are deliveries under way
/// may pass.
pub fn ask(
    conn: &mut Conn,
    (tenant, resource): (&str, &str),
    acts: &[Act],
    limits: &Limits,
    had: &BTreeMap<Grant, u64>,
    now: DateTime<Utc>,
) -> Result<BTreeSet<Act>, Error> {
    let mut waits = BTreeSet::new();
    for act in acts {
        let row = || guarded::table.find((resource, act.key()));
        let state: Option<String> = row().select(guarded::state).first(conn).optional()?;
        match state.as_deref() {
            Some(RELEASED) => continue,
            Some(WAITING) => {}
            Some(_) => {
                let set = (guarded::state.eq(WAITING), guarded::noted_at.eq(now.naive_utc()));
                diesel::update(row()).set(set).execute(conn)?;
            }
            None => note(conn, tenant, &[(resource.to_owned(), act.clone())], now)?,
        }
        let is_held = match act {
            Act::Gain(_) => true,
            Act::Lose(grant) => {
                let losers = losers(conn, tenant, grant, limits, now)?;
                let had = match had.get(grant) {
                    _ if losers <= limits.losses => 0,
                    Some(had) => *had,
                    None => numbers(conn, tenant, grant, limits, now)?.1,
                };
                limits.are_passed(losers, had)
            }
        };
        if is_held {
            waits.insert(act.clone());
        }
    }
    Ok(waits)
}

/// Notes that this is about to be done, to people of one tenant. What is noted already stays as it is.
pub fn note(conn: &mut Conn, tenant: &str, acts: &[(String, Act)], now: DateTime<Utc>) -> Result<(), Error> {
    for chunk in acts.chunks(ROWS) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|(resource, act)| {
                (
                    guarded::resource_id.eq(resource),
                    guarded::act.eq(act.key()),
                    guarded::tenant.eq(tenant),
                    guarded::state.eq(WAITING),
                    guarded::noted_at.eq(now.naive_utc()),
                )
            })
            .collect();
        on_backend!(&mut *conn, c => diesel::insert_into(guarded::table)
            .values(&rows)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Notes that this was done to a person. What they agreed to counts for nothing: it was looked at.
pub fn done(conn: &mut Conn, resource: &str, act: &Act, now: DateTime<Utc>) -> Result<(), Error> {
    let row = || guarded::table.find((resource, act.key()));
    let state: Option<String> = row().select(guarded::state).first(conn).optional()?;
    match (state.as_deref(), act) {
        (Some(WAITING), Act::Lose(_)) => {
            let set = (guarded::state.eq(DONE), guarded::noted_at.eq(now.naive_utc()));
            diesel::update(row()).set(set).execute(conn)?;
        }
        (Some(WAITING | RELEASED), _) => {
            diesel::delete(row()).execute(conn)?;
        }
        _ => {}
    }
    Ok(())
}

/// Forgets what is no longer to be done to a person, agreed to or not: all but `kept`; and what was done before the window.
pub fn forget(
    conn: &mut Conn,
    resource: &str,
    kept: &BTreeSet<Act>,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let kept: Vec<String> = kept.iter().map(Act::key).collect();
    let of_person = guarded::table.filter(guarded::resource_id.eq(resource));
    on_backend!(&mut *conn, c => diesel::delete(of_person
        .filter(guarded::state.ne(DONE).and(guarded::act.ne_all(&kept)))).execute(c))?;
    let since = (now - limits.window).naive_utc();
    diesel::delete(of_person.filter(guarded::state.eq(DONE).and(guarded::noted_at.le(since)))).execute(conn)?;
    Ok(())
}

/// Agrees to everything that waits for a person's word. Answers how much that is.
pub fn release(conn: &mut Conn, resource: &str) -> Result<usize, Error> {
    let waits = guarded::table.filter(guarded::resource_id.eq(resource).and(guarded::state.eq(WAITING)));
    Ok(diesel::update(waits).set(guarded::state.eq(RELEASED)).execute(conn)?)
}

/// Up to `limit` people of a tenant of whom something waits, behind the id `after`.
pub fn waiting(conn: &mut Conn, tenant: &str, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    Ok(guarded::table
        .filter(guarded::tenant.eq(tenant).and(guarded::state.eq(WAITING)))
        .filter(guarded::resource_id.gt(after))
        .order(guarded::resource_id)
        .distinct()
        .limit(limit)
        .select(guarded::resource_id)
        .load(conn)?)
}
