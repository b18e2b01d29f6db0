//! How many members a mirrored group is about to lose, and lost lately.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::Limits;
use super::store::{DONE, HELD, RELEASED};
use crate::db::schema::guarded;
use crate::db::{Conn, Error};

/// That a group loses members, whose number is `people`.
const PART: &str = "part";

/// Members that a group lost within the window, as far as nobody agreed to it.
fn gone(conn: &mut Conn, group: &str, limits: &Limits, now: DateTime<Utc>) -> Result<u64, Error> {
    // The type of a sum is another on each engine.
    let rows: Vec<i64> = guarded::table
        .filter(guarded::resource_id.eq(group).and(guarded::state.eq(DONE)))
        .filter(guarded::noted_at.gt((now - limits.window).naive_utc()))
        .select(guarded::people)
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|people| u64::try_from(people).ok()).sum())
}

/// Asks whether a group may lose so many of the members that it has now, and notes where it may not: then it waits for a
/// person. `false`: it waits.
pub fn may_part(
    conn: &mut Conn,
    (tenant, group): (&str, &str),
    (leaving, members): (u64, u64),
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let row = || guarded::table.find((group, PART));
    let people = i64::try_from(leaving).unwrap_or(i64::MAX);
    let state: Option<String> = row().select(guarded::state).first(conn).optional()?;
    match state.as_deref() {
        Some(RELEASED) => return Ok(true),
        Some(HELD) => {
            diesel::update(row()).set(guarded::people.eq(people)).execute(conn)?;
            return Ok(false);
        }
        _ => {}
    }
    let gone = gone(conn, group, limits, now)?;
    if !limits.are_passed(gone + leaving, members + gone) {
        return Ok(true);
    }
    diesel::insert_into(guarded::table)
        .values((
            guarded::resource_id.eq(group),
            guarded::act.eq(PART),
            guarded::tenant.eq(tenant),
            guarded::state.eq(HELD),
            guarded::noted_at.eq(now.naive_utc()),
            guarded::people.eq(people),
        ))
        .execute(conn)?;
    Ok(false)
}

/// Notes that a group lost members in one call: nothing, where a person agreed to it. `call` tells this call from others.
pub fn parted(
    conn: &mut Conn,
    (tenant, group, call): (&str, &str, &str),
    left: u64,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let state: Option<String> = guarded::table.find((group, PART)).select(guarded::state).first(conn).optional()?;
    let since = (now - limits.window).naive_utc();
    let of_group = guarded::table.filter(guarded::resource_id.eq(group).and(guarded::state.eq(DONE)));
    diesel::delete(of_group.filter(guarded::noted_at.le(since))).execute(conn)?;
    if left == 0 || state.as_deref() == Some(RELEASED) {
        return Ok(());
    }
    diesel::insert_into(guarded::table)
        .values((
            guarded::resource_id.eq(group),
            guarded::act.eq(format!("{PART} {call}")),
            guarded::tenant.eq(tenant),
            guarded::state.eq(DONE),
            guarded::noted_at.eq(now.naive_utc()),
            guarded::people.eq(i64::try_from(left).unwrap_or(i64::MAX)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets what waited or was agreed to: nobody is to leave the group any more.
pub fn stay(conn: &mut Conn, group: &str) -> Result<(), Error> {
    diesel::delete(guarded::table.find((group, PART))).execute(conn)?;
    Ok(())
}
