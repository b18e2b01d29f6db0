//! Wakes a tenant's worker when a change was committed, so that nobody waits for the next look at the clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// One wake-up call per tenant. Lost with the process, which is no loss: a worker that starts looks first.
#[derive(Debug, Clone, Default)]
pub struct Signals(Arc<Mutex<BTreeMap<String, Arc<Notify>>>>);

impl Signals {
    /// The tenant's call.
    pub fn of(&self, tenant: &str) -> Arc<Notify> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.entry(tenant.to_owned()).or_default())
    }

    /// Wakes the tenant's worker now, or as soon as it waits.
    pub fn wake(&self, tenant: &str) {
        self.of(tenant).notify_one();
    }
}
