//! Pages that were answered, kept while nothing changes: an identity provider that reads a whole directory again, and a
//! screen that is looked at by many, get the bytes of the last time. Only where this process knows of every change.

use actix_web::web::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::scim::Strictness;
use crate::scim::message::Query;
use crate::shadow::Kind;

/// Bytes of all pages that are kept. Some 100 pages of 100 users each.
const ALL: u64 = 24 * 1024 * 1024;
/// Bytes of one page at most: a few lists of groups with all their members would push out everything else.
const LARGEST: usize = 1024 * 1024;
/// Pages that are expected to be kept.
const EXPECTED: usize = 256;
/// Bytes that a page takes beside its body and its question.
const OVERHEAD: usize = 256;

/// Everything that an answer depends on, but for what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) tenant: String,
    pub(super) strictness: Strictness,
    /// SCIM base URL as the client sees it.
    pub(super) base: String,
    pub(super) kinds: &'static [Kind],
    pub(super) query: Query,
}

/// A page, and how often its tenant's resources had changed before it was read.
#[derive(Debug, Clone)]
struct Kept {
    changes: u64,
    body: Bytes,
}

#[derive(Debug, Clone)]
struct Bulk;

impl Weighter<Asked, Kept> for Bulk {
    fn weight(&self, asked: &Asked, kept: &Kept) -> u64 {
        let query = &asked.query;
        let texts = [&query.filter, &query.attributes, &query.excluded_attributes, &query.sort_by, &query.cursor];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let bytes = kept.body.len() + texts + asked.tenant.len() + asked.base.len() + OVERHEAD;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// Pages of all tenants that were answered.
#[derive(Debug)]
pub struct Pages(Cache<Asked, Kept, Bulk>);

impl Default for Pages {
    fn default() -> Self {
        Self(Cache::with_weighter(EXPECTED, ALL, Bulk))
    }
}

impl Pages {
    /// The answer, if it is known and its tenant's resources have changed no further since.
    pub(super) fn get(&self, asked: &Asked, changes: u64) -> Option<Bytes> {
        self.0.get(asked).filter(|kept| kept.changes == changes).map(|kept| kept.body)
    }

    /// Keeps an answer that was read after its tenant's resources had changed so often.
    pub(super) fn keep(&self, asked: Asked, changes: u64, body: &Bytes) {
        if body.len() <= LARGEST {
            self.0.insert(asked, Kept { changes, body: body.clone() });
        }
    }
}
