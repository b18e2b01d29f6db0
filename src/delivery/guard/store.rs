//! Who is about to lose or gain what or to leave, and to whom that was done lately.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::{Act, Guard, Limits};
use crate::db::schema::{guarded, observed, resources};
use crate::db::{Conn, Error, on_backend};
use crate::entitlement::Grant;
use crate::shadow::Kind;

/// It is to be done, and was not.
const WAITING: &str = "waiting";
/// It is to be done, and waits for a person's word and nothing else: not for others to be fewer.
pub(super) const HELD: &str = "held";
/// A person agreed to it, and it was not done yet.
pub(super) const RELEASED: &str = "released";
/// It was done.
pub(super) const DONE: &str = "done";

/// Rows that are written in one statement.
const ROWS: usize = 500;

/// Whether the guard watches something about a person.
pub fn is_watched(conn: &mut Conn, resource: &str) -> Result<bool, Error> {
    let row = guarded::table.filter(guarded::resource_id.eq(resource)).select(guarded::act);
    Ok(row.first::<String>(conn).optional()?.is_some())
}

/// Whether an act is to be done or was done within the window to more people than may be, apart from how many there are;
/// `one` is counted among them, who is about to ask.
pub fn over(
    conn: &mut Conn,
    tenant: &str,
    act: &Act,
    limits: &Limits,
    one: u64,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(is_held(conn, tenant, act)? || toll(conn, tenant, act, limits, now)?.saturating_add(one) > limits.people)
}

/// Whether somebody waits for a person's word on the same act.
fn is_held(conn: &mut Conn, tenant: &str, act: &Act) -> Result<bool, Error> {
    let held = guarded::table
        .filter(guarded::tenant.eq(tenant).and(guarded::act.eq(act.key())).and(guarded::state.eq(HELD)))
        .select(guarded::resource_id);
    Ok(held.first::<String>(conn).optional()?.is_some())
}

/// To how many people an act is about to be done or was done within the window.
fn toll(conn: &mut Conn, tenant: &str, act: &Act, limits: &Limits, now: DateTime<Utc>) -> Result<u64, Error> {
    let is_recent = guarded::state.eq(DONE).and(guarded::noted_at.gt((now - limits.window).naive_utc()));
    let count: i64 = guarded::table
        .filter(guarded::tenant.eq(tenant).and(guarded::act.eq(act.key())))
        .filter(guarded::state.eq(WAITING).or(guarded::state.eq(HELD)).or(is_recent))
        .count()
        .get_result(conn)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// To how many people an act was done within the window.
fn gone(conn: &mut Conn, tenant: &str, act: &Act, limits: &Limits, now: DateTime<Utc>) -> Result<u64, Error> {
    let since = (now - limits.window).naive_utc();
    let count: i64 = guarded::table
        .filter(guarded::tenant.eq(tenant).and(guarded::act.eq(act.key())))
        .filter(guarded::state.eq(DONE).and(guarded::noted_at.gt(since)))
        .count()
        .get_result(conn)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many people there are to whom an act can be done, or was done within the window. Looks through all people of the
/// tenant whose account is active: an id of Salesforce stands in what was observed of those who have it.
pub fn had(conn: &mut Conn, tenant: &str, act: &Act, limits: &Limits, now: DateTime<Utc>) -> Result<u64, Error> {
    let pattern = match act.grant() {
        // What is no id would be a pattern.
        Some(grant) if !grant.id.chars().all(|c| c.is_ascii_alphanumeric()) => return Ok(0),
        Some(grant) => format!("%\"{}\"%", grant.id),
        None => "%".to_owned(),
    };
    // Whoever is deleted is to leave, and has not yet.
    let count: i64 = resources::table
        .inner_join(observed::table.on(observed::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
        .filter(observed::state.like("%\"IsActive\":true%").and(observed::state.like(pattern)))
        .count()
        .get_result(conn)?;
    Ok(u64::try_from(count).unwrap_or(0).saturating_add(gone(conn, tenant, act, limits, now)?))
}

/// How many people lose something if `losers` are to lose it, too: they, whoever else is about to, and those who have lost it
/// within the window; and how many there are who have it or had it then. Looks through all people.
pub fn numbers(
    conn: &mut Conn,
    tenant: &str,
    lost: &Grant,
    losers: &BTreeSet<String>,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<(u64, u64), Error> {
    let act = Act::Lose(lost.clone());
    let waiting: Vec<String> = guarded::table
        .filter(guarded::tenant.eq(tenant).and(guarded::act.eq(act.key())))
        .filter(guarded::state.eq(WAITING).or(guarded::state.eq(HELD)))
        .select(guarded::resource_id)
        .load(conn)?;
    let about_to = waiting.iter().filter(|person| !losers.contains(*person)).count() + losers.len();
    let all = u64::try_from(about_to).unwrap_or(u64::MAX).saturating_add(gone(conn, tenant, &act, limits, now)?);
    Ok((all, had(conn, tenant, &act, limits, now)?))
}

/// Asks whether all of this may be done to a person, and notes that it is about to be: answers what must wait. What has
/// limits waits where too many are to have it done, and from then on until a person agrees: not until others are fewer.
/// `had` says how many people there are, where that is known. A gain waits in any case: it is asked for only where it is
/// sensitive. Nothing waits to which a person has agreed.
///
/// On PostgreSQL two who ask at one moment do not count each other: then as many more as there are deliveries under way
/// may pass.
pub fn ask(
    conn: &mut Conn,
    (tenant, resource): (&str, &str),
    acts: &[Act],
    guard: &Guard,
    had: &BTreeMap<Act, u64>,
    now: DateTime<Utc>,
) -> Result<BTreeSet<Act>, Error> {
    let mut waits = BTreeSet::new();
    for act in acts {
        let row = || guarded::table.find((resource, act.key()));
        let state: Option<String> = row().select(guarded::state).first(conn).optional()?;
        match state.as_deref() {
            Some(RELEASED) => continue,
            Some(HELD) => {
                waits.insert(act.clone());
                continue;
            }
            Some(WAITING) => {}
            _ => note(conn, tenant, &[(resource.to_owned(), act.clone())], now)?,
        }
        let waits_for_a_word = match guard.limits(act) {
            None => true,
            Some(limits) if !over(conn, tenant, act, &limits, 0, now)? => false,
            Some(_) if is_held(conn, tenant, act)? => true,
            Some(limits) => {
                let all = match had.get(act) {
                    Some(all) => *all,
                    None => self::had(conn, tenant, act, &limits, now)?,
                };
                limits.are_passed(toll(conn, tenant, act, &limits, now)?, all)
            }
        };
        if waits_for_a_word {
            diesel::update(row()).set(guarded::state.eq(HELD)).execute(conn)?;
            waits.insert(act.clone());
        }
    }
    Ok(waits)
}

/// Notes that this is about to be done, to people of one tenant. What is noted already stays as it is, but for what was done
/// before: it is about to be done again.
pub fn note(conn: &mut Conn, tenant: &str, acts: &[(String, Act)], now: DateTime<Utc>) -> Result<(), Error> {
    let at = now.naive_utc();
    let mut people: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (resource, act) in acts {
        people.entry(act.key()).or_default().push(resource);
    }
    for (act, people) in &people {
        for chunk in people.chunks(ROWS) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|resource| {
                    (
                        guarded::resource_id.eq(*resource),
                        guarded::act.eq(act),
                        guarded::tenant.eq(tenant),
                        guarded::state.eq(WAITING),
                        guarded::noted_at.eq(at),
                        guarded::people.eq(1_i64),
                    )
                })
                .collect();
            on_backend!(&mut *conn, c => diesel::update(guarded::table
                .filter(guarded::resource_id.eq_any(chunk).and(guarded::act.eq(act)).and(guarded::state.eq(DONE))))
                .set((guarded::state.eq(WAITING), guarded::noted_at.eq(at)))
                .execute(c))?;
            on_backend!(&mut *conn, c => diesel::insert_into(guarded::table)
                .values(&rows)
                .on_conflict_do_nothing()
                .execute(c))?;
        }
    }
    Ok(())
}

/// Notes that this was done to a person. What they agreed to counts for nothing: it was looked at.
pub fn done(conn: &mut Conn, resource: &str, act: &Act, now: DateTime<Utc>) -> Result<(), Error> {
    let row = || guarded::table.find((resource, act.key()));
    let state: Option<String> = row().select(guarded::state).first(conn).optional()?;
    match (state.as_deref(), act) {
        (Some(WAITING | HELD), Act::Lose(_) | Act::Leave) => {
            let set = (guarded::state.eq(DONE), guarded::noted_at.eq(now.naive_utc()));
            diesel::update(row()).set(set).execute(conn)?;
        }
        (Some(WAITING | HELD | RELEASED), _) => {
            diesel::delete(row()).execute(conn)?;
        }
        _ => {}
    }
    Ok(())
}

/// Forgets what is no longer to be done to a person: all but `kept`, and what was done before the window. What a person
/// agreed to is forgotten only where `all` is as asked: else it may be done yet.
pub fn forget(
    conn: &mut Conn,
    resource: &str,
    (kept, all): (&BTreeSet<Act>, bool),
    guard: &Guard,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let kept: Vec<String> = kept.iter().map(Act::key).collect();
    let of_person = guarded::table.filter(guarded::resource_id.eq(resource));
    let stays: &[&str] = if all { &[DONE] } else { &[DONE, RELEASED] };
    on_backend!(&mut *conn, c => diesel::delete(of_person
        .filter(guarded::state.ne_all(stays).and(guarded::act.ne_all(&kept)))).execute(c))?;
    let since = (now - guard.window()).naive_utc();
    diesel::delete(of_person.filter(guarded::state.eq(DONE).and(guarded::noted_at.le(since)))).execute(conn)?;
    Ok(())
}

/// Forgets all that waits for a person's word or has it, and was not done.
pub fn drop_all(conn: &mut Conn, resource: &str) -> Result<(), Error> {
    let open = guarded::table.filter(guarded::resource_id.eq(resource).and(guarded::state.ne(DONE)));
    diesel::delete(open).execute(conn)?;
    Ok(())
}

/// Agrees to everything that waits for a person's word. Answers how much that is.
pub fn release(conn: &mut Conn, resource: &str) -> Result<usize, Error> {
    let waits = guarded::table
        .filter(guarded::resource_id.eq(resource))
        .filter(guarded::state.eq(WAITING).or(guarded::state.eq(HELD)));
    Ok(diesel::update(waits).set(guarded::state.eq(RELEASED)).execute(conn)?)
}

/// Up to `limit` people and groups of a tenant of which something waits, behind the id `after`.
pub fn waiting(conn: &mut Conn, tenant: &str, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    Ok(guarded::table
        .filter(guarded::tenant.eq(tenant))
        .filter(guarded::state.eq(WAITING).or(guarded::state.eq(HELD)))
        .filter(guarded::resource_id.gt(after))
        .order(guarded::resource_id)
        .distinct()
        .limit(limit)
        .select(guarded::resource_id)
        .load(conn)?)
}
