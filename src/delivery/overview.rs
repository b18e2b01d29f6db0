//! Where deliveries stand, for the admin API and the health check.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::db::{Db, Error};
use crate::salesforce::{Client, Tempo};

use super::outbox;
use super::state::State;

/// Reads where deliveries stand.
#[derive(Clone)]
pub struct Overview {
    db: Db,
    orgs: Arc<BTreeMap<String, Client>>,
}

/// What is known of the API calls of a tenant's org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// Used in the last 24 hours, by all integrations of the org.
    pub used: u32,
    /// Allowed in 24 hours.
    pub limit: u32,
}

impl Overview {
    /// An overview of the deliveries in a database.
    pub fn new(db: Db) -> Self {
        Self { db, orgs: Arc::default() }
    }

    /// The same with the clients of the tenants' orgs, by tenant: what this process knows of their API calls.
    #[must_use]
    pub fn with_orgs(self, orgs: BTreeMap<String, Client>) -> Self {
        Self { orgs: Arc::new(orgs), ..self }
    }

    /// The API calls of a tenant's org, if it ever told.
    pub fn calls(&self, tenant: &str) -> Option<Calls> {
        let usage = self.orgs.get(tenant)?.quota().usage?;
        Some(Calls { used: usage.used, limit: usage.limit })
    }

    /// Whether a tenant's deliveries, but for the urgent ones, wait because the API calls of its org are used up.
    pub fn is_held_by_quota(&self, tenant: &str) -> bool {
        self.orgs.get(tenant).is_some_and(|org| org.quota().tempo == Tempo::Hold)
    }

    /// How many resources of a tenant stand in which state; every state is named.
    pub async fn count(&self, tenant: &str) -> Result<BTreeMap<State, i64>, Error> {
        let tenant = tenant.to_owned();
        self.db.read(move |conn| outbox::count(conn, &tenant)).await
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> Result<(), Error> {
        self.db.read(|conn| outbox::next_due(conn, "").map(drop)).await
    }
}
