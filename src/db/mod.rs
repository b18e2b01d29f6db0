//! The database: one code over SQLite and PostgreSQL. Knows nothing of what is stored.
//!
//! `Db::read` and `Db::write` run a closure on a thread that may block; `Db::look_up` is for the shortest of reads. A
//! `write` is one transaction: on SQLite one writer thread takes many waiting writes into one commit (one fsync for all),
//! on PostgreSQL each has its own. Its answer comes only when the commit is on disk.

mod connection;
mod error;
mod look_up;
mod migrate;
pub mod schema;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use diesel::Connection;
use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use r2d2::ManageConnection as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use connection::on_backend;
pub use connection::{Conn, Location};
use connection::{Manager, Role};
pub use error::{Error, Failure};
pub use migrate::Pending;

/// How long a request waits for a free connection before it is told to come back.
const POOL_WAIT: Duration = Duration::from_secs(10);

/// KiB of SQLite's file that the connections of look-ups keep in memory, together: the indexes of 100,000 users.
const LOOK_UP_CACHE: u32 = 32 * 1024;
/// KiB that each keeps at least: SQLite's own measure.
const LEAST_CACHE: u32 = 2 * 1024;

/// How often a transaction that lost against another is run again.
const CONFLICTS: usize = 5;

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    location: Location,
    /// SQLite: readers. PostgreSQL: everything.
    pool: r2d2::Pool<Manager>,
    /// As many as the pool has connections: who waits for one waits here, where it costs no thread.
    places: Arc<Semaphore>,
    /// SQLite alone: readers of [`Db::look_up`].
    look_ups: Option<Arc<look_up::LookUps>>,
    /// SQLite alone.
    writer: Option<writer::Writer>,
}

impl Db {
    /// Opens the database at `url` with up to `pool_size` connections (SQLite: readers, beside the one writer). The
    /// schema is not touched: see [`Db::migrate`].
    pub fn open(url: &str, pool_size: u32) -> Result<Self, Error> {
        let location = Location::parse(url)?;
        let (writer, look_ups) = match location {
            Location::Sqlite(_) => {
                sqlite(&location, pool_size.max(1)).map(|(writer, readers)| (Some(writer), Some(readers)))?
            }
            Location::Postgres(_) => (None, None),
        };
        let role = if writer.is_some() { Role::Reader } else { Role::Writer };
        let pool = pool(&location, role, pool_size.max(1))?;
        // A server that is away, or a wrong password, is told now.
        drop(pool.get().map_err(|e| Error::Connection(e.to_string()))?);
        let places = Arc::new(Semaphore::new(usize::try_from(pool_size.max(1)).unwrap_or(1)));
        Ok(Self(Arc::new(Inner { location, pool, places, look_ups, writer })))
    }

    /// Name of the engine, for logs and tests.
    pub fn engine(&self) -> &'static str {
        match self.0.location {
            Location::Sqlite(_) => "sqlite",
            Location::Postgres(_) => "postgres",
        }
    }

    /// Runs `f` on a reading connection.
    pub async fn read<T, E>(&self, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let span = tracing::Span::current();
        let place = self.0.place().await?;
        blocking(move || {
            let _place = place;
            span.in_scope(|| f(&mut *inner.connection()?))
        })
        .await
    }

    /// [`Db::read`] whose statements see one moment: nothing of what is committed between them.
    pub async fn read_together<T, E>(&self, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.read(move |conn| together(conn, f)).await
    }

    /// Runs a read that an index answers. On SQLite it runs on the caller's thread if a connection is free: it takes some
    /// microseconds, and handing it to another thread several times as long. On PostgreSQL, where it waits for a server,
    /// it is [`Db::read`]. Nothing that reads more than a few rows belongs here: all other requests of the thread wait.
    /// One statement, since on PostgreSQL another would see another moment: see [`Db::look_up_together`].
    pub async fn look_up<T, E>(&self, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let Some(look_ups) = &self.0.look_ups else { return self.read(f).await };
        match look_ups.run(f) {
            Ok(answer) => answer,
            Err(f) => self.read_together(f).await,
        }
    }

    /// [`Db::look_up`] whose statements see one moment.
    pub async fn look_up_together<T, E>(
        &self,
        f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        if self.0.look_ups.is_some() { self.look_up(f).await } else { self.read_together(f).await }
    }

    /// Runs `f` in one transaction: committed, and on disk, when this answers `Ok`; rolled back on `Err`. `f` may run
    /// several times: PostgreSQL ends one of two transactions that wait for each other, and that one is run again.
    pub async fn write<T, E>(&self, f: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure + Send + 'static,
    {
        self.write_then(f, |_| ()).await
    }

    /// [`Db::write`] and what follows from it: `then` runs once the end is known, with the answer if it is on disk, and
    /// before the caller is told. It runs even where the caller is no longer there, whose transaction goes on without it.
    pub async fn write_then<T, E>(
        &self,
        f: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(Option<&T>) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure + Send + 'static,
    {
        if let Some(writer) = &self.0.writer {
            return writer.write(f, then).await;
        }
        let inner = Arc::clone(&self.0);
        let span = tracing::Span::current();
        let place = self.0.place().await?;
        blocking(move || {
            let _place = place;
            span.in_scope(|| {
                let result = inner.try_often(&f);
                then(result.as_ref().ok());
                result
            })
        })
        .await
    }

    /// Whether nobody but this process writes what is read here: SQLite's file belongs to one process, a PostgreSQL
    /// database may have several.
    pub fn is_only_writer(&self) -> bool {
        self.0.writer.is_some()
    }

    /// Brings the schema to this version's.
    pub async fn migrate(&self) -> Result<Pending, Error> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            let done = migrate::run(&Manager { location: inner.location.clone(), role: Role::Writer });
            if let Some(look_ups) = &inner.look_ups {
                look_ups.begin_anew();
            }
            done
        })
        .await
    }

    /// The schema changes that are still to be made.
    pub async fn pending_migrations(&self) -> Result<Pending, Error> {
        let location = self.0.location.clone();
        blocking(move || migrate::pending(&Manager { location, role: Role::Writer })).await
    }

    /// Ends the writer thread after the writes it holds, and folds SQLite's log back into its file.
    pub async fn close(self) {
        let inner = self.0;
        drop(
            tokio::task::spawn_blocking(move || {
                if let Some(writer) = &inner.writer {
                    writer.stop();
                }
            })
            .await,
        );
    }
}

impl Inner {
    /// Waits for a place among those who use a connection. It goes with the work, which runs on where a client has left
    /// and nobody waits for it any more.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let busy = || Error::Connection(format!("no connection was free for {} s", POOL_WAIT.as_secs()));
        let place =
            tokio::time::timeout(POOL_WAIT, Arc::clone(&self.places).acquire_owned()).await.map_err(|_| busy())?;
        place.map_err(|_| Error::Closed)
    }

    /// Runs a transaction on a connection of the pool; again where it lost against another.
    fn try_often<T, E: Failure>(&self, f: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut conn = self.connection()?;
        for _ in 0..CONFLICTS {
            match transaction(&mut conn, f) {
                Err(error) if error.database().is_some_and(Error::is_conflict) => {}
                result => return result,
            }
        }
        transaction(&mut conn, f)
    }

    fn connection(&self) -> Result<r2d2::PooledConnection<Manager>, Error> {
        self.pool.get().map_err(|e| Error::Connection(e.to_string()))
    }
}

/// Connections in one role.
fn pool(location: &Location, role: Role, size: u32) -> Result<r2d2::Pool<Manager>, Error> {
    let pool = r2d2::Pool::builder()
        .max_size(size)
        .connection_timeout(POOL_WAIT)
        // A connection found dead is replaced when it is used; asking each time would double every read.
        .test_on_check_out(matches!(location, Location::Postgres(_)))
        // None is opened ahead of need. A connection that the pool opens by itself while the process ends meets
        // OpenSSL's clean-up, and the process dies of it instead of exiting 0.
        .min_idle(Some(0))
        .error_handler(Box::new(LogPoolError));
    pool.build(Manager { location: location.clone(), role }).map_err(|e| Error::Connection(e.to_string()))
}

/// The writer, and a connection for look-ups for each thread that answers requests, as far as the caller allows so many.
fn sqlite(location: &Location, most: u32) -> Result<(writer::Writer, Arc<look_up::LookUps>), Error> {
    let manager = |role| Manager { location: location.clone(), role };
    // The writer opens first: it makes the file that the readers expect.
    let conn = manager(Role::Writer).connect()?;
    let threads = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
    let size = threads.min(most);
    let role = Role::LookUp((LOOK_UP_CACHE / size).max(LEAST_CACHE));
    let look_ups = Arc::new(look_up::LookUps::open(manager(role), size)?);
    let writer = writer::Writer::start(manager(Role::Writer), conn, Arc::clone(&look_ups))?;
    Ok((writer, look_ups))
}

/// Runs `f` as one transaction (inside another: as a savepoint).
fn transaction<T, E: From<Error>>(conn: &mut Conn, f: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    /// Diesel rolls back on an error that is made from its own; the caller's need not be.
    enum Either<E> {
        Ours(E),
        Diesel(diesel::result::Error),
    }
    impl<E> From<diesel::result::Error> for Either<E> {
        fn from(error: diesel::result::Error) -> Self {
            Self::Diesel(error)
        }
    }
    conn.transaction(|conn| f(conn).map_err(Either::Ours)).map_err(|e| match e {
        Either::Ours(e) => e,
        Either::Diesel(e) => Error::from(e).into(),
    })
}

/// Runs reads that see one moment.
fn together<T, E: From<Error>>(conn: &mut Conn, f: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    let begun = match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction(c),
        // What PostgreSQL does by itself, READ COMMITTED, is a moment for each statement.
        Conn::Postgres(c) => {
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        }
    };
    begun.map_err(Error::from)?;
    let answer = f(conn);
    if let Err(error) = on_backend!(conn, c => AnsiTransactionManager::rollback_transaction(c)) {
        // What was read stands. The pool finds the connection broken and opens another.
        tracing::debug!(%error, "a read did not end as it should");
    }
    answer
}

/// Runs `f` on the blocking pool. (`block_in_place` panics in an actix worker.)
async fn blocking<T, E>(f: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    tokio::task::spawn_blocking(f).await.unwrap_or_else(|_| Err(Error::Closed.into()))
}

#[derive(Debug)]
struct LogPoolError;

impl r2d2::HandleError<Error> for LogPoolError {
    fn handle_error(&self, error: Error) {
        tracing::warn!(%error, "database connection failed");
    }
}
