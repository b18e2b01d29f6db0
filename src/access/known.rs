//! Tokens that were found good a moment ago, so that a request need not ask the database who it is.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Principal, token, token::Digest};

/// How long a token counts as good without being looked up: one that is revoked, here or by another process, is refused
/// this much later at the latest.
pub(super) const LIFE: TimeDelta = TimeDelta::seconds(1);

/// Tokens kept at most. More are only looked up.
const MOST: usize = 1024;

struct Entry {
    digest: Digest,
    principal: Arc<Principal>,
    looked_up: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// The tokens, by id. A token that is refused is not kept: what nobody has must not fill the memory.
#[derive(Default)]
pub(super) struct Known(RwLock<HashMap<String, Entry>>);

impl Known {
    /// Whom a token speaks for, if it was looked up less than [`LIFE`] ago and its secret's digest is the same.
    pub(super) fn get(&self, id: &str, digest: &Digest, now: DateTime<Utc>) -> Option<Arc<Principal>> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(id)?;
        // A clock that was set back must not make an entry live longer.
        let fresh = (entry.looked_up..entry.until).contains(&now);
        (token::same_digest(digest, &entry.digest) && fresh).then(|| Arc::clone(&entry.principal))
    }

    /// Keeps what was looked up at `now`, until the token itself ends.
    pub(super) fn put(
        &self,
        id: String,
        digest: Digest,
        principal: Arc<Principal>,
        expires: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.retain(|_, entry| now < entry.until);
        }
        if entries.len() < MOST {
            let until = expires.map_or(now + LIFE, |end| end.min(now + LIFE));
            entries.insert(id, Entry { digest, principal, looked_up: now, until });
        }
    }

    /// Looks a token up again next time.
    pub(super) fn forget(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Digest = [1; 32];

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1000 + seconds)
    }

    fn known(expires: Option<DateTime<Utc>>) -> Known {
        let principal =
            Principal { tenant: "acme".into(), token: "t".into(), scopes: Vec::new(), strict: false, user: None };
        let known = Known::default();
        known.put("t".into(), ONE, Arc::new(principal), expires, at(0));
        known
    }

    #[test]
    fn a_token_is_known_for_a_moment_and_by_its_whole_secret() {
        let known = known(None);
        assert!(known.get("t", &ONE, at(0)).is_some());
        assert!(known.get("t", &ONE, at(0) + LIFE - TimeDelta::microseconds(1)).is_some());
        assert!(known.get("t", &ONE, at(0) + LIFE).is_none());
        assert!(known.get("t", &ONE, at(-1)).is_none(), "a clock that was set back");
        assert!(known.get("t", &[2; 32], at(0)).is_none());
        assert!(known.get("u", &ONE, at(0)).is_none());
    }

    #[test]
    fn a_token_is_not_known_beyond_its_end_or_its_revocation() {
        let end = at(0) + TimeDelta::milliseconds(10);
        let ends = known(Some(end));
        assert!(ends.get("t", &ONE, at(0)).is_some());
        assert!(ends.get("t", &ONE, end).is_none());
        let revoked = known(None);
        revoked.forget("t");
        assert!(revoked.get("t", &ONE, at(0)).is_none());
    }

    #[test]
    fn only_so_many_are_kept() {
        let known = known(None);
        let principal = known.get("t", &ONE, at(0)).unwrap();
        for n in 0..2 * MOST {
            known.put(n.to_string(), ONE, Arc::clone(&principal), None, at(0));
        }
        assert_eq!(known.0.read().unwrap().len(), MOST);
        known.put("new".into(), ONE, principal, None, at(2));
        assert!(known.get("new", &ONE, at(2)).is_some(), "what is past makes room");
    }
}
