//! Tells others in this process what happened: a tenant's worker that a change was committed, and those who wait for
//! Salesforce's word that a delivery ended. Nobody then waits for the next look at the clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The calls of one process. Lost with it, which is no loss: a worker that starts looks first, and whoever waits for an end
/// looks now and then. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Signals(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// One for each tenant's worker.
    workers: Mutex<BTreeMap<String, Arc<Notify>>>,
    /// One for each resource whose delivery is waited for, and how many wait.
    ends: Mutex<HashMap<String, (usize, Arc<Notify>)>>,
    /// Whether nobody is to wait any more.
    closed: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Signals {
    /// The tenant's call.
    pub fn of(&self, tenant: &str) -> Arc<Notify> {
        Arc::clone(locked(&self.0.workers).entry(tenant.to_owned()).or_default())
    }

    /// Wakes the tenant's worker now, or as soon as it waits.
    pub fn wake(&self, tenant: &str) {
        self.of(tenant).notify_one();
    }

    /// Waits from now on for the end of deliveries of a resource.
    pub fn ending(&self, resource: &str) -> Ending {
        let mut ends = locked(&self.0.ends);
        let (waiting, call) = ends.entry(resource.to_owned()).or_default();
        *waiting += 1;
        let call = Arc::clone(call);
        drop(ends);
        Ending { signals: self.clone(), resource: resource.to_owned(), call }
    }

    /// Tells all who wait that a delivery of the resource ended.
    pub fn ended(&self, resource: &str) {
        if let Some((_, call)) = locked(&self.0.ends).get(resource) {
            call.notify_waiters();
        }
    }

    /// Nobody is to wait for an end any more: the process stops.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        locked(&self.0.ends).values().for_each(|(_, call)| call.notify_waiters());
    }

    /// Whether nobody is to wait for an end any more.
    pub fn are_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }
}

/// Somebody who waits for the end of deliveries of a resource. Forgotten with the last of them.
#[derive(Debug)]
pub struct Ending {
    signals: Signals,
    resource: String,
    call: Arc<Notify>,
}

impl Ending {
    /// The next end.
    pub fn came(&self) -> Notified<'_> {
        self.call.notified()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut ends = locked(&self.signals.0.ends);
        if let Some((waiting, _)) = ends.get_mut(&self.resource) {
            *waiting -= 1;
            if *waiting == 0 {
                ends.remove(&self.resource);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_wait_are_told_and_then_forgotten() {
        let signals = Signals::default();
        let (one, other) = (signals.ending("a"), signals.ending("a"));
        let (mut first, mut second) = (Box::pin(one.came()), Box::pin(other.came()));
        assert!(!first.as_mut().enable() && !second.as_mut().enable());
        signals.ended("b");
        signals.ended("a");
        first.await;
        second.await;
        drop(one);
        assert_eq!(locked(&signals.0.ends).len(), 1);
        drop(other);
        assert_eq!(locked(&signals.0.ends).len(), 0);
    }
}
