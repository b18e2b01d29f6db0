//! How often each tenant's resources have changed since the process began: what was answered before is true as long as
//! the number stays.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A count for each tenant; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<RwLock<HashMap<String, AtomicU64>>>);

impl Changes {
    pub(super) fn of(&self, tenant: &str) -> u64 {
        let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        counts.get(tenant).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    /// Counts a change, after it is on disk and before anybody is told. Counted earlier, a reader who comes between
    /// would take the old state for the new one.
    pub(super) fn mark(&self, tenant: &str) {
        {
            let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = counts.get(tenant) {
                count.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
        let mut counts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        counts.entry(tenant.to_owned()).or_default().fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::Changes;

    #[test]
    fn each_tenant_has_its_count() {
        let changes = Changes::default();
        assert_eq!(changes.of("a"), 0);
        changes.mark("a");
        changes.clone().mark("a");
        assert_eq!((changes.of("a"), changes.of("b")), (2, 0));
    }
}
