//! What Salesforce last confirmed of a resource, as JSON in the planner's terms.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::schema::observed;
use crate::db::{Conn, Error};

fn inconsistent(id: &str, error: &serde_json::Error) -> Error {
    Error::Inconsistent { table: "observed", row: id.to_owned(), what: error.to_string() }
}

/// What was last confirmed, or `None` if nothing was yet.
pub fn find<T: DeserializeOwned>(conn: &mut Conn, id: &str) -> Result<Option<T>, Error> {
    let text: Option<String> = observed::table.find(id).select(observed::state).first(conn).optional()?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| inconsistent(id, &e))).transpose()
}

/// Notes what was confirmed.
pub fn save<T: Serialize>(conn: &mut Conn, id: &str, state: &T, now: DateTime<Utc>) -> Result<(), Error> {
    let text = serde_json::to_string(state).map_err(|e| inconsistent(id, &e))?;
    let set = (observed::state.eq(&text), observed::observed_at.eq(now.naive_utc()));
    if diesel::update(observed::table.find(id)).set(set).execute(conn)? == 0 {
        diesel::insert_into(observed::table).values((observed::resource_id.eq(id), set)).execute(conn)?;
    }
    Ok(())
}

/// Forgets it.
pub fn remove(conn: &mut Conn, id: &str) -> Result<(), Error> {
    diesel::delete(observed::table.find(id)).execute(conn)?;
    Ok(())
}
