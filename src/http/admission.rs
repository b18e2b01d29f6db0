//! How many requests are carried out at once. What comes on top is told to come back: a queue without an end would be
//! answered when nobody waits any more, and would be in memory until then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::scim;

use super::wire::Refusal;

/// Seconds after which whoever was told to come back may.
const COME_BACK: u32 = 2;

/// Counts the requests under way: all of them, and each tenant's, of which none has more than half of the places. So
/// whatever one tenant pushes, the others are let in, and wait for no more than that half.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    under_way: Arc<AtomicUsize>,
    tenants: RwLock<HashMap<String, Arc<AtomicUsize>>>,
}

/// A place among the requests under way. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// One of `most`.
    fn of(count: Arc<AtomicUsize>, most: usize) -> Option<Self> {
        // Counted before it is looked at: two that come at once are not both the last.
        let place = Self(count);
        (place.0.fetch_add(1, Ordering::AcqRel) < most).then_some(place)
    }
}

impl Admission {
    /// `most` requests at once, at least two.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2), under_way: Arc::default(), tenants: RwLock::default() }
    }

    /// Takes a place for a request of a tenant.
    ///
    /// # Errors
    /// 429 where the tenant has all that it may have, 503 where all are taken: both with `Retry-After`.
    pub(super) fn admit(&self, tenant: &str) -> Result<[Place; 2], Refusal> {
        let own = self.of(tenant);
        // Whoever is refused for their own tenant's sake takes nobody else's place meanwhile.
        let own = Place::of(own, self.most.div_ceil(2))
            .ok_or_else(|| come_back(429, "too many requests of this tenant are under way; try again"))?;
        let all = Place::of(Arc::clone(&self.under_way), self.most)
            .ok_or_else(|| come_back(503, "too many requests are under way; try again"))?;
        Ok([own, all])
    }

    fn of(&self, tenant: &str) -> Arc<AtomicUsize> {
        if let Some(count) = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant) {
            return Arc::clone(count);
        }
        // Tenants are those of live tokens: no stranger makes this grow.
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tenants.entry(tenant.to_owned()).or_default())
    }
}

fn come_back(status: u16, words: &'static str) -> Refusal {
    Refusal { error: scim::Error::new(status, words), retry_after: Some(COME_BACK), allow: None }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(admission: &Admission, tenant: &str) -> Result<[Place; 2], u16> {
        admission.admit(tenant).map_err(|refusal| refusal.error.status)
    }

    #[test]
    fn no_tenant_has_more_than_half_and_all_have_no_more_than_there_are() {
        let admission = Admission::new(5);
        let mut places: Vec<[Place; 2]> = (0..3).map(|_| status(&admission, "a").unwrap()).collect();
        assert_eq!(status(&admission, "a").err(), Some(429));
        places.extend((0..2).map(|_| status(&admission, "b").unwrap()));
        assert_eq!(status(&admission, "b").err(), Some(503));
        places.truncate(2);
        assert!(status(&admission, "a").is_ok());
        drop(places);
        assert_eq!(admission.under_way.load(Ordering::Relaxed), 0);
    }
}
