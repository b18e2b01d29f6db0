//! SQLite's connections for look-ups, which run on the threads that answer requests.
//!
//! SQLite takes a lock for each statement and gives it back, and looks whether its file has changed: half the cost of a
//! look-up. Here the lock stays from one look-up to the next, until something is committed. Nobody but this process
//! writes what is read here (`Db::is_only_writer`), hence whoever commits says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use r2d2::ManageConnection as _;

use super::Error;
use super::connection::{Conn, Manager, on_backend};

pub(super) struct LookUps {
    manager: Manager,
    places: Vec<Mutex<Place>>,
    /// How often all had to begin anew so far.
    begun: AtomicU64,
}

struct Place {
    conn: Conn,
    /// The number at which the open transaction began; `None`: none is open.
    since: Option<u64>,
}

impl LookUps {
    /// Opens so many connections; they stay open.
    pub(super) fn open(manager: Manager, size: u32) -> Result<Self, Error> {
        let place = |_| Ok(Mutex::new(Place { conn: manager.connect()?, since: None }));
        let places = (0..size).map(place).collect::<Result<_, Error>>()?;
        Ok(Self { manager, places, begun: AtomicU64::new(0) })
    }

    /// Runs `f` on a connection that sees every commit that was told of; gives it back where none is free.
    pub(super) fn run<T, E, F>(&self, f: F) -> Result<Result<T, E>, F>
    where
        F: FnOnce(&mut Conn) -> Result<T, E>,
    {
        let Some(mut place) = self.places.iter().find_map(|place| self.lock(place)) else { return Err(f) };
        // Asked before the transaction begins: a commit in between is seen, and the transaction ended for it in vain.
        let begun = self.begun.load(Ordering::Acquire);
        if place.since != Some(begun) {
            self.end(&mut place);
            if let Err(error) = on_backend!(&mut place.conn, c => AnsiTransactionManager::begin_transaction(c)) {
                tracing::warn!(%error, "a look-up goes another way");
                return Err(f);
            }
            place.since = Some(begun);
        }
        let result = f(&mut place.conn);
        if result.is_err() || self.begun.load(Ordering::Acquire) != begun {
            self.end(&mut place);
        }
        Ok(result)
    }

    /// To be called once a commit is on disk, and before anybody is told of it. It ends the transactions that do not see it,
    /// those under way once they are through: for as long as one is open, SQLite's log cannot begin anew, and grows.
    pub(super) fn begin_anew(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
        for mut place in self.places.iter().filter_map(|place| self.lock(place)) {
            self.end(&mut place);
        }
    }

    /// The same, and waits for those under way: some microseconds.
    pub(super) fn wait_anew(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
        for place in &self.places {
            self.end(&mut place.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn lock<'p>(&self, place: &'p Mutex<Place>) -> Option<MutexGuard<'p, Place>> {
        match place.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(left)) => {
                // A look-up that panicked: its transaction must not stay.
                place.clear_poison();
                let mut left = left.into_inner();
                self.end(&mut left);
                Some(left)
            }
        }
    }

    fn end(&self, place: &mut Place) {
        if place.since.take().is_none() {
            return;
        }
        let Err(error) = on_backend!(&mut place.conn, c => AnsiTransactionManager::rollback_transaction(c)) else {
            return;
        };
        tracing::warn!(%error, "a connection for look-ups is opened again");
        match self.manager.connect() {
            Ok(conn) => place.conn = conn,
            Err(error) => tracing::warn!(%error, "the database could not be opened"),
        }
    }
}
