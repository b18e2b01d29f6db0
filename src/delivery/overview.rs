//! Where deliveries stand, for the admin API and the health check.

use std::collections::BTreeMap;

use crate::db::{Db, Error};

use super::outbox;
use super::state::State;

/// Reads where deliveries stand.
#[derive(Clone)]
pub struct Overview(Db);

impl Overview {
    /// An overview of the deliveries in a database.
    pub fn new(db: Db) -> Self {
        Self(db)
    }

    /// How many resources of a tenant stand in which state; every state is named.
    pub async fn count(&self, tenant: &str) -> Result<BTreeMap<State, i64>, Error> {
        let tenant = tenant.to_owned();
        self.0.read(move |conn| outbox::count(conn, &tenant)).await
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> Result<(), Error> {
        self.0.read(|conn| outbox::next_due(conn, "").map(drop)).await
    }
}
