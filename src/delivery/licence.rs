//! People who wait for a user licence, in the order in which they began to wait.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::deliveries;
use crate::db::{Conn, Error};

use super::outbox;
use super::state::State;

/// What a delivery says that waits for a licence.
pub(super) const WAITS: &str = "waits for a free user licence in Salesforce";

/// A licence was given back: whoever waits longest tries next. One, because it is one licence; if another profile's
/// licence was meant, the next look of each finds out.
pub(super) fn given_back(conn: &mut Conn, tenant: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let next: Option<String> = deliveries::table
        .filter(deliveries::tenant.eq(tenant).and(deliveries::state.eq(State::Held.as_str())))
        .filter(deliveries::reason.eq(WAITS))
        .order((deliveries::updated_at, deliveries::resource_id))
        .select(deliveries::resource_id)
        .first(conn)
        .optional()?;
    outbox::release(conn, next.as_slice(), now).map(drop)
}
