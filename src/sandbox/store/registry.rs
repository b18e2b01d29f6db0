//! Usernames are unique across every Salesforce org in the world, test orgs included.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which user of which org has a username. Several orgs of one process can share it. An owner is named by the org's My
/// Domain and the user's id, because two orgs may give the same ids.
#[derive(Debug, Default)]
pub struct UsernameRegistry {
    owners: Mutex<HashMap<String, String>>,
}

impl UsernameRegistry {
    /// Takes `username` (lower case) for the owner `id`; false where somebody else has it.
    pub fn claim(&self, username: &str, id: &str) -> bool {
        let mut owners = self.lock();
        if let Some(owner) = owners.get(username) {
            return owner == id;
        }
        owners.insert(username.to_owned(), id.to_owned());
        true
    }

    /// Whether somebody other than `id` has `username` (lower case).
    pub fn is_taken(&self, username: &str, id: &str) -> bool {
        self.lock().get(username).is_some_and(|owner| owner != id)
    }

    /// The user that has `username` (lower case).
    pub fn owner(&self, username: &str) -> Option<String> {
        self.lock().get(username).cloned()
    }

    /// Gives `username` back, if `id` has it.
    pub fn release(&self, username: &str, id: &str) {
        let mut owners = self.lock();
        if owners.get(username).is_some_and(|owner| owner == id) {
            owners.remove(username);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
