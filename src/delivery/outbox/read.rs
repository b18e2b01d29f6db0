//! Where deliveries stand.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::{never, open, open_and_urgent};
use crate::db::schema::{deliveries, members};
use crate::db::{Conn, Error, on_backend};
use crate::delivery::{Refused, State};

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
    /// Whether the resource was made by a request that waits for Salesforce and was never answered with a success.
    pub unheard: bool,
    /// Of a rejection: how that is told.
    pub refused: Option<Refused>,
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
    unheard: bool,
    refused: Option<String>,
    reason: Option<String>,
    last_error: Option<String>,
    updated_at: NaiveDateTime,
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
                    unheard: row.unheard,
                    refused: row.refused.as_deref().and_then(Refused::parse),
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
