//! One call at a time for each public group and each role: Salesforce locks their rows while it recalculates sharing, and
//! refuses with `UNABLE_TO_LOCK_ROW` whoever writes the same one meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::entitlement::Kind;
use crate::salesforce::{Change, Record};

/// Whose turn it is. Only this process's calls: another one's meet the lock, and are tried again.
#[derive(Debug, Default)]
pub struct Turns(std::sync::Mutex<BTreeMap<String, Weak<Mutex<()>>>>);

/// A turn at some groups and roles; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _held: Vec<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until nobody else writes any of these (by Salesforce's ids). All take theirs in one order, so that no two wait
    /// for each other.
    pub(super) async fn take<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Turn {
        // The last three of eighteen characters are a checksum.
        let ids: BTreeSet<&str> = ids.into_iter().map(|id| id.get(..15).unwrap_or(id)).collect();
        let mut held = Vec::new();
        for lock in self.locks(&ids) {
            held.push(lock.lock_owned().await);
        }
        Turn { _held: held }
    }

    fn locks(&self, ids: &BTreeSet<&str>) -> Vec<Arc<Mutex<()>>> {
        if ids.is_empty() {
            return Vec::new();
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody has them or waits for them: as many stay as deliveries are under way.
        known.retain(|_, lock| lock.strong_count() > 0);
        ids.iter()
            .map(|id| {
                known.get(*id).and_then(Weak::upgrade).unwrap_or_else(|| {
                    let lock = Arc::default();
                    known.insert((*id).to_owned(), Arc::downgrade(&lock));
                    lock
                })
            })
            .collect()
    }
}

/// The public groups whose members these changes are.
pub(super) fn groups(changes: &[Change]) -> impl Iterator<Item = &str> {
    let groups = changes.iter().map(Change::grant).filter(|grant| grant.kind == Kind::PublicGroup);
    groups.map(|grant| grant.id.as_str())
}

/// The roles that a write of `sent` gives and takes; `held`: what the account has.
pub(super) fn roles<'a>(sent: &'a Record, held: &'a Record) -> impl Iterator<Item = &'a str> {
    const ROLE: &str = "UserRoleId";
    let roles = [sent.text(ROLE), held.text(ROLE)];
    roles.into_iter().filter(|_| sent.mentions(ROLE)).flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_shares_a_group_waits_and_nobody_for_ever() {
        let (turns, under_way) = (Arc::new(Turns::default()), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let (turns, under_way) = (Arc::clone(&turns), Arc::clone(&under_way));
                tokio::spawn(async move {
                    // The same group in both lengths of its id, with others in both orders.
                    let shared = if n % 2 == 0 { "00G000000000001" } else { "00G000000000001EAA" };
                    let _turn = if n % 3 == 0 {
                        turns.take([shared, "00G000000000002"]).await
                    } else {
                        turns.take(["00G000000000002", shared]).await
                    };
                    assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0, "nobody else is at it");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    under_way.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(20), task).await.expect("its turn came").unwrap();
        }
        drop(turns.take(["00G000000000003"]).await);
        assert!(turns.0.lock().unwrap().len() <= 1, "nobody's are forgotten");
    }

    #[tokio::test]
    async fn who_shares_none_does_not_wait() {
        let turns = Turns::default();
        let _one = turns.take(["00G000000000001"]).await;
        let other = tokio::time::timeout(Duration::from_secs(20), turns.take(["00G000000000002"])).await;
        assert!(other.is_ok());
        drop(turns.take([]).await);
    }

    #[test]
    fn roles_count_where_a_write_speaks_of_them() {
        let of = |sent: &Record, held: &Record| roles(sent, held).map(str::to_owned).collect::<Vec<_>>();
        let (one, none, other) =
            (Record::new().with("UserRoleId", "00E1"), Record::new(), Record::new().with("UserRoleId", "00E2"));
        assert_eq!(of(&one, &other), ["00E1", "00E2"]);
        assert_eq!(of(&none, &other), Vec::<String>::new());
        assert_eq!(of(&Record::new().with("UserRoleId", serde_json::Value::Null), &other), ["00E2"]);
    }
}
