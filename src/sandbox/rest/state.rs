//! What the REST interface remembers between calls, beside what is in the store.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::bulk::Jobs;
use super::schema::Object;
use crate::sandbox::ids::IdSource;

/// How the ids of accounts (of companies, the one object here that is no part of the set-up) begin.
pub(super) const ACCOUNT: &str = "001";
/// How the ids of query cursors begin.
const CURSOR: &str = "01g";
/// Cursors that one user may have open; a further one ends the oldest.
const CURSORS_MAX: usize = 10;

/// The records of a query that takes more than one page.
#[derive(Debug)]
pub(super) struct Cursor {
    id: String,
    /// Each record as JSON text.
    pub(super) records: Vec<Box<str>>,
    /// Records of a page.
    pub(super) page: usize,
}

/// What the REST interface remembers.
#[derive(Debug)]
pub(in crate::sandbox) struct State {
    ids: IdSource,
    /// Permissions of the integration user that were taken from it since the start.
    pub(in crate::sandbox) withdrawn: Vec<String>,
    /// Companies: id → name.
    pub(super) accounts: BTreeMap<String, String>,
    /// When assignments of permission sets end: id → time.
    pub(super) expirations: HashMap<String, DateTime<Utc>>,
    cursors: VecDeque<Cursor>,
    /// The transaction that is open: what writes of this kind it began with.
    pub(super) transaction: Option<Transaction>,
    nicknames: u64,
    window: DateTime<Utc>,
    today: JobCounts,
    /// Bulk jobs.
    pub(super) jobs: Jobs,
}

/// Bulk jobs of the last day.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JobCounts {
    /// Query jobs.
    pub(super) query: u32,
    /// Ingest jobs.
    pub(super) ingest: u32,
}

/// Writes that hold or fall together, or at least cannot mix ordinary records with those of the set-up.
#[derive(Debug)]
pub(super) struct Transaction {
    /// The object of the first write.
    first: Option<&'static Object>,
    before: Option<Before>,
}

/// What was there when a transaction began.
#[derive(Debug)]
struct Before {
    accounts: BTreeMap<String, String>,
    expirations: HashMap<String, DateTime<Utc>>,
}

impl State {
    /// What an org that nobody has called remembers. `seed` is that of its ids.
    pub(in crate::sandbox) fn new(seed: &str, now: DateTime<Utc>) -> Self {
        Self {
            ids: IdSource::new(seed),
            withdrawn: Vec::new(),
            accounts: BTreeMap::new(),
            expirations: HashMap::new(),
            cursors: VecDeque::new(),
            transaction: None,
            nicknames: 0,
            window: now,
            today: JobCounts::default(),
            jobs: Jobs::new(),
        }
    }

    /// Whether the permission was taken from the integration user since the start.
    pub(in crate::sandbox) fn is_withdrawn(&self, permission: &str) -> bool {
        self.withdrawn.iter().any(|lacking| lacking.eq_ignore_ascii_case(permission))
    }

    /// A new id.
    pub(super) fn id(&mut self, prefix: &'static str) -> String {
        self.ids.next(prefix)
    }

    /// A nickname for somebody who was given none.
    pub(super) fn nickname(&mut self, now: DateTime<Utc>) -> String {
        self.nicknames += 1;
        format!("User{}{:07}", now.timestamp_millis(), self.nicknames)
    }

    /// The jobs made in the 24 hours that `now` is in.
    pub(super) fn jobs_today(&mut self, now: DateTime<Utc>) -> &mut JobCounts {
        if now - self.window >= TimeDelta::hours(24) {
            self.window = now;
            self.today = JobCounts::default();
        }
        &mut self.today
    }

    /// Opens a cursor; answers its id.
    pub(super) fn open_cursor(&mut self, records: Vec<Box<str>>, page: usize) -> String {
        let id = self.ids.next(CURSOR);
        while self.cursors.len() >= CURSORS_MAX {
            self.cursors.pop_front();
        }
        self.cursors.push_back(Cursor { id: id.clone(), records, page });
        id
    }

    /// The cursor with the id.
    pub(super) fn cursor(&self, id: &str) -> Option<&Cursor> {
        self.cursors.iter().find(|cursor| cursor.id == id)
    }

    /// Opens a transaction. `undoable`: [`State::roll_back`] may be asked for.
    pub(super) fn begin(&mut self, undoable: bool) {
        let before =
            undoable.then(|| Before { accounts: self.accounts.clone(), expirations: self.expirations.clone() });
        self.transaction = Some(Transaction { first: None, before });
    }

    /// Ends the transaction, and takes back what it wrote here where `keep` is false.
    pub(super) fn end(&mut self, keep: bool) {
        let Some(transaction) = self.transaction.take() else { return };
        if let (false, Some(before)) = (keep, transaction.before) {
            self.accounts = before.accounts;
            self.expirations = before.expirations;
        }
    }

    /// Notes a write of `object`; the error is the object that the transaction began with, and that this one does not
    /// go with.
    pub(super) fn note_write(&mut self, object: &'static Object) -> Result<(), &'static Object> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        match transaction.first {
            Some(first) if first.is_setup() != object.is_setup() => Err(first),
            _ => {
                transaction.first.get_or_insert(object);
                Ok(())
            }
        }
    }
}
