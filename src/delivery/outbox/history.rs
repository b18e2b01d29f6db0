//! The tries of a delivery, the newest ones kept.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::delivery_attempts;
use crate::db::{Conn, Error, on_backend};
use crate::delivery::State;

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
