//! Cursors (RFC 9865): where the next page of a list begins, as a text that a client sends back.
//!
//! A cursor holds the place of the last resource that was answered, so that the server keeps nothing between pages, and
//! what is created, changed or deleted meanwhile moves no other resource to another page. It is bound to its query and
//! its tenant by a hash. It gives no right: whoever makes one up reads a list that the token may read anyway, from
//! another place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use super::sort::Place;

/// Seconds for which a cursor can be used (`pagination.cursorTimeout`, RFC 9865 4).
pub const LIFE: u32 = 3600;

/// Longest cursor that is read, in bytes. The longest key makes one of 17,000, where JSON writes each byte as `\u0001`.
const LONGEST: usize = 20 * 1024;
/// Bytes of the hash.
const HASH: usize = 12;

/// What a cursor is bound to: all that decides which resources a list has, in which order.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Whose resources.
    pub tenant: &'a str,
    /// Where they are asked for: `/Users`, `/Groups` or `/`.
    pub endpoint: &'a str,
    /// `filter`, as it was sent.
    pub filter: Option<&'a str>,
    /// `sortBy`, as it was sent.
    pub sort_by: Option<&'a str>,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// What a cursor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Seconds since 1970 at which it was issued.
    #[serde(rename = "t")]
    issued: i64,
    /// `count` of the page that it was issued with.
    #[serde(rename = "c")]
    pub count: u64,
    /// The last resource before the page.
    #[serde(rename = "p")]
    pub after: Place,
}

impl Scope<'_> {
    fn hash(&self, payload: &[u8]) -> [u8; HASH] {
        let mut hash = Sha256::new();
        // Each part with its length, so that no two scopes run together to the same bytes.
        let mut put = |part: Option<&str>| {
            let length = part.map_or(u64::MAX, |part| u64::try_from(part.len()).unwrap_or(u64::MAX - 1));
            hash.update(length.to_be_bytes());
            hash.update(part.unwrap_or_default().as_bytes());
        };
        put(Some(self.tenant));
        put(Some(self.endpoint));
        put(self.filter);
        put(self.sort_by);
        put(self.descending.then_some("descending"));
        hash.update(payload);
        let whole: [u8; 32] = hash.finalize().into();
        let mut cut = [0; HASH];
        cut.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        cut
    }
}

impl Cursor {
    /// A cursor for what follows a place.
    pub fn new(after: Place, count: u64, issued: DateTime<Utc>) -> Self {
        Self { issued: issued.timestamp(), count, after }
    }

    /// The text of it, of unreserved characters alone (RFC 3986 2.3), as RFC 9865 2 asks.
    pub fn encode(&self, scope: &Scope<'_>) -> String {
        // A number, texts and a tree of them: nothing that JSON cannot say.
        let payload = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = scope.hash(&payload).to_vec();
        bytes.extend(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that was issued for the same query.
    ///
    /// # Errors
    /// `invalidCursor` for a text that is no cursor of this query and tenant, `expiredCursor` for one that is older than
    /// [`LIFE`] (RFC 9865 2.1). What exactly is wrong is not told: it might be another tenant's.
    pub fn decode(text: &str, scope: &Scope<'_>, now: DateTime<Utc>) -> Result<Self, Error> {
        let cursor = Self::read(text, scope).ok_or_else(|| {
            Error::invalid_cursor("cursor: is not one that this query answered; send it empty for the first page")
        })?;
        let age = now.timestamp().saturating_sub(cursor.issued);
        if age > TimeDelta::seconds(LIFE.into()).num_seconds() {
            return Err(Error::expired_cursor(format!(
                "cursor: can be used for {LIFE} seconds; send it empty to begin again"
            )));
        }
        Ok(cursor)
    }

    fn read(text: &str, scope: &Scope<'_>) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (hash, payload) = bytes.split_at_checked(HASH)?;
        if hash != scope.hash(payload) {
            return None;
        }
        let cursor: Self = serde_json::from_slice(payload).ok()?;
        // No id and no name has one, and PostgreSQL takes none.
        (!cursor.after.id.contains('\0')).then_some(cursor)
    }
}

#[cfg(test)]
mod tests;
