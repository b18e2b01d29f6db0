//! Where deliveries stand and what they would do, for the admin API and the health check.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use crate::db::{Conn, Db, Error};
use crate::salesforce::Tempo;
use crate::shadow::{self, Kind};

use super::hand::{self, DeliveryList, Done, Order, ShownDelivery};
use super::org::Org;
use super::outbox;
use super::preview::{self, UserPlan};
use super::signal::Signals;
use super::state::State;

/// Reads where deliveries stand.
#[derive(Clone)]
pub struct Overview {
    db: Db,
    signals: Signals,
    orgs: Arc<RwLock<BTreeMap<String, Arc<Org>>>>,
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
    pub fn new(db: Db, signals: Signals) -> Self {
        Self { db, signals, orgs: Arc::default() }
    }

    /// Knows these orgs from now on, and no others: their API calls, and what would be sent to them. Clones share them.
    pub fn look_at(&self, orgs: &[Arc<Org>]) {
        let orgs = orgs.iter().map(|org| (org.tenant.clone(), Arc::clone(org))).collect();
        *self.orgs.write().unwrap_or_else(PoisonError::into_inner) = orgs;
    }

    fn org(&self, tenant: &str) -> Option<Arc<Org>> {
        self.orgs.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    /// The API calls of a tenant's org, if it ever told.
    pub fn calls(&self, tenant: &str) -> Option<Calls> {
        let usage = self.org(tenant)?.client.quota().usage?;
        Some(Calls { used: usage.used, limit: usage.limit })
    }

    /// Whether a tenant's deliveries, but for the urgent ones, wait because the API calls of its org are used up.
    pub fn is_held_by_quota(&self, tenant: &str) -> bool {
        self.org(tenant).is_some_and(|org| org.client.quota().tempo == Tempo::Hold)
    }

    /// How many resources of a tenant stand in which state; every state is named.
    pub async fn count(&self, tenant: &str) -> Result<BTreeMap<State, i64>, Error> {
        let tenant = tenant.to_owned();
        self.db.read(move |conn| outbox::count(conn, &tenant)).await
    }

    /// Up to `limit` deliveries of a tenant that stand in one of `states`, behind the id `after`.
    pub async fn list(&self, tenant: &str, states: &[State], after: &str, limit: i64) -> Result<DeliveryList, Error> {
        let (tenant, states, after) = (tenant.to_owned(), states.to_vec(), after.to_owned());
        // One more tells whether there is another page.
        let read = move |conn: &mut Conn| hand::page(conn, Some(&tenant), &states, &after, limit + 1);
        let mut found = self.db.read(read).await?;
        let most = usize::try_from(limit).unwrap_or_default();
        let more = found.len() > most;
        found.truncate(most);
        let next = found.last().filter(|_| more).map(|last| last.delivery.resource.clone());
        Ok(DeliveryList { deliveries: found.into_iter().map(ShownDelivery::from).collect(), next })
    }

    /// Carries out an administrator's order on a delivery of a tenant, and answers how it stands then; `None`: the tenant has
    /// no such delivery.
    pub async fn order(
        &self,
        tenant: &str,
        id: &str,
        order: Order,
        now: DateTime<Utc>,
    ) -> Result<Option<(Done, ShownDelivery)>, Error> {
        let done = hand::order(&self.db, Some(tenant), id, order, now).await?;
        if done == Done::Unknown {
            return Ok(None);
        }
        self.signals.wake(tenant);
        let (tenant, id) = (tenant.to_owned(), id.to_owned());
        let found = self.db.read(move |conn| hand::find(conn, &tenant, &id)).await?;
        Ok(found.map(|listed| (done, listed.into())))
    }

    /// What a delivery of a tenant's user would do now; `None`: the tenant has no such user.
    pub async fn plan_of_user(&self, tenant: &str, id: &str) -> Result<Option<UserPlan>, Error> {
        let Some(org) = self.org(tenant) else { return Ok(None) };
        let (tenant, user) = (tenant.to_owned(), id.to_owned());
        // Ids of other tenants are no ids.
        if self.db.read(move |conn| shadow::find(conn, &tenant, Kind::User, &user)).await?.is_none() {
            return Ok(None);
        }
        Ok(preview::of_user(&self.db, &org, id).await?.map(UserPlan::from))
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> Result<(), Error> {
        self.db.read(|conn| outbox::next_due(conn, "").map(drop)).await
    }
}
