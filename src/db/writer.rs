//! SQLite's one writer: a thread that takes the writes that wait into one transaction, a savepoint each, and commits
//! them with one fsync. One bad write rolls back alone; a failed commit fails them all, and nobody is told otherwise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use r2d2::ManageConnection;

use super::connection::{Conn, Manager, on_backend};
use super::look_up::LookUps;
use super::{Error, transaction};

/// Writes taken into one commit at most. More makes the first wait longer than the fsync that it saves.
const BATCH: usize = 64;
/// Bytes of SQLite's log from which it is folded back into the file. SQLite does that by itself, at 1,000 pages and within a
/// commit; but then look-ups read what was before, and it cannot begin anew.
const LOG: u64 = 4 * 1024 * 1024;
/// Writes that may wait. Past it the caller waits for a place.
const QUEUE: usize = 4096;

/// Tells the waiting caller, once it is known whether the commit is on disk.
type Finish = Box<dyn FnOnce(Result<(), Error>) + Send>;
/// Runs in its savepoint, or is told that there is no transaction to run in.
type Job = Box<dyn FnOnce(Result<&mut Conn, Error>) -> Finish + Send>;

pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread with its connection; the look-ups are told of each commit.
    pub(super) fn start(manager: Manager, conn: Conn, look_ups: Arc<LookUps>) -> Result<Self, Error> {
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || run(&manager, conn, &receiver, &look_ups))
            .map_err(|e| Error::Connection(e.to_string()))?;
        Ok(Self { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    pub(super) async fn write<T, E>(
        &self,
        f: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(Option<&T>) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let span = tracing::Span::current();
        let job: Job = Box::new(move |conn| {
            let result = match conn {
                Ok(conn) => span.in_scope(|| transaction(conn, f)),
                Err(error) => Err(error.into()),
            };
            Box::new(move |committed| {
                let result = match (result, committed) {
                    (Ok(value), Ok(())) => Ok(value),
                    (Ok(_), Err(error)) => Err(error.into()),
                    (Err(error), _) => Err(error),
                };
                then(result.as_ref().ok());
                // The caller may have gone away; its change stands all the same.
                drop(answer.send(result));
            })
        });
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)?;
        match queue.try_send(job) {
            Ok(()) => {}
            Err(std::sync::mpsc::TrySendError::Full(job)) => {
                super::blocking(move || queue.send(job).map_err(|_| Error::Closed)).await?;
            }
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return Err(Error::Closed.into()),
        }
        answered.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Waits for the writes that are queued, then ends the thread.
    pub(super) fn stop(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(thread.join());
        }
    }
}

fn run(manager: &Manager, mut conn: Conn, queue: &Receiver<Job>, look_ups: &LookUps) {
    while let Ok(first) = queue.recv() {
        if let Err(error) = commit(&mut conn, first, queue, look_ups) {
            tracing::error!(%error, "a commit failed; nothing of it was kept");
            // A disk that was full has left the transaction in a state that only a new connection clears.
            match manager.connect() {
                Ok(fresh) => conn = fresh,
                Err(error) => tracing::error!(%error, "the database could not be opened again"),
            }
        }
        fold_log_back(manager, &mut conn, look_ups);
    }
    look_ups.begin_anew();
    // So that a copy of the file alone is whole once the process has ended. Without waiting: this may be the `token` command
    // beside a bridge that serves, whose look-ups keep their lock.
    if let Err(error) = conn.batch_execute("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::debug!(%error, "checkpoint at the end");
    }
}

/// Where the log is long: brings all of it into the file, so that the next write begins it anew.
fn fold_log_back(manager: &Manager, conn: &mut Conn, look_ups: &LookUps) {
    if manager.log_bytes() <= LOG {
        return;
    }
    // Whoever sees less than all of the log keeps the rest of it from being brought over.
    look_ups.wait_anew();
    if let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)") {
        tracing::debug!(%error, "checkpoint");
    }
    // Those that began meanwhile read from the log, and would keep it; who begins now reads from the file alone.
    look_ups.wait_anew();
}

/// How deep in savepoints a connection is; `None` where it is in no transaction, or does not know.
fn depth(conn: &mut Conn) -> Option<u32> {
    let depth = on_backend!(conn, c => AnsiTransactionManager::transaction_manager_status_mut(c).transaction_depth());
    depth.ok().flatten().map(std::num::NonZeroU32::get)
}

fn begin(conn: &mut Conn) -> Result<(), diesel::result::Error> {
    match conn {
        // IMMEDIATE: a lock that is taken only at the first write is refused, not waited for, when another process
        // (the `token` command, say) writes meanwhile.
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
    }
}

fn commit(conn: &mut Conn, first: Job, queue: &Receiver<Job>, look_ups: &LookUps) -> Result<(), Error> {
    if let Err(error) = begin(conn) {
        let words = Error::from(error).to_string();
        // Who waits behind it would wait as long in vain, one after the other.
        let waiting: Vec<Job> = std::iter::once(first).chain(queue.try_iter().take(QUEUE)).collect();
        for job in waiting {
            job(Err(Error::Connection(words.clone())))(Ok(()));
        }
        return Err(Error::Connection(words));
    }
    let mut done: Vec<Finish> = Vec::new();
    let mut whole = true;
    let mut next = Ok(first);
    while let Ok(job) = next {
        // A job that panics must not take the thread, and with it every later write, along. Its caller is told by the
        // loss of its answer; the rest of the batch by the failed commit.
        let Ok(finish) = catch_unwind(AssertUnwindSafe(|| job(Ok(conn)))) else {
            let words = "a write panicked".to_owned();
            for finish in done {
                finish(Err(Error::Connection(words.clone())));
            }
            return Err(Error::Connection(words));
        };
        done.push(finish);
        // On a full disk, say, SQLite takes back the whole transaction. What came after would be kept, each by itself, and
        // told that it was not.
        whole = depth(conn) == Some(1);
        next = if whole && done.len() < BATCH { queue.try_recv() } else { Err(TryRecvError::Empty) };
    }
    let committed = if whole {
        on_backend!(conn, c => AnsiTransactionManager::commit_transaction(c)).map_err(|e| e.to_string())
    } else {
        Err("the transaction was taken back".to_owned())
    };
    look_ups.begin_anew();
    for finish in done {
        finish(committed.clone().map_err(|e| Error::Connection(format!("commit failed: {e}"))));
    }
    committed.map_err(Error::Connection)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;

    use crate::db::{Conn, Db, Error};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_write_that_panics_takes_no_other_along() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("x.db").display()), 1).unwrap();
        let run = |statement: &'static str| db.write(move |c: &mut Conn| Ok::<_, Error>(c.batch_execute(statement)?));
        run("CREATE TABLE t (x INT)").await.unwrap();
        let panicked = db.write(|c: &mut Conn| {
            c.batch_execute("INSERT INTO t VALUES (1)")?;
            if true { panic!("a bug") } else { Ok::<_, Error>(()) }
        });
        assert!(panicked.await.is_err());
        // Nothing of it was kept, and the next write works.
        run("CREATE UNIQUE INDEX one ON t (x); INSERT INTO t VALUES (1)").await.unwrap();
    }

    fn rows(conn: &mut Conn) -> Result<Vec<i32>, Error> {
        use diesel::RunQueryDsl as _;
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Integer)]
            x: i32,
        }
        let Conn::Sqlite(c) = conn else { return Err(Error::Closed) };
        Ok(diesel::sql_query("SELECT x FROM t ORDER BY x").load::<Row>(c)?.into_iter().map(|row| row.x).collect())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn where_the_disk_is_full_nothing_is_kept_that_is_told_to_have_failed() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("x.db").display()), 1).unwrap();
        let run = |statement: &'static str| db.write(move |c: &mut Conn| Ok::<_, Error>(c.batch_execute(statement)?));
        run("CREATE TABLE t (x INT, b BLOB)").await.unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let first = db.write(move |c: &mut Conn| {
            wait.lock().unwrap().recv().unwrap();
            Ok::<_, Error>(c.batch_execute("INSERT INTO t VALUES (1, NULL)")?)
        });
        // The others come into its transaction.
        let (first, full, after, ()) = tokio::join!(
            first,
            run("PRAGMA max_page_count = 2000; INSERT INTO t VALUES (2, zeroblob(20000000))"),
            run("INSERT INTO t VALUES (3, NULL)"),
            async {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                go.send(()).unwrap();
            }
        );
        let told = [(1, first), (2, full), (3, after)].into_iter().filter(|(_, told)| told.is_ok()).map(|(x, _)| x);
        assert_eq!(db.read(rows).await.unwrap(), told.collect::<Vec<_>>());
        run("INSERT INTO t VALUES (4, zeroblob(20000000))").await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_another_process_writes_all_who_wait_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        let db = Db::open(&format!("sqlite:{}", file.display()), 1).unwrap();
        let run = |statement: &'static str| db.write(move |c: &mut Conn| Ok::<_, Error>(c.batch_execute(statement)?));
        run("CREATE TABLE t (x INT)").await.unwrap();
        let mut other = <diesel::SqliteConnection as diesel::Connection>::establish(file.to_str().unwrap()).unwrap();
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let begun = std::time::Instant::now();
        let insert = || run("INSERT INTO t VALUES (1)");
        let (a, b, c, d) = tokio::join!(insert(), insert(), insert(), insert());
        assert!([a, b, c, d].iter().all(Result::is_err));
        assert!(begun.elapsed().as_secs() < 25, "one wait for all: {:?}", begun.elapsed());
        other.batch_execute("ROLLBACK").unwrap();
        run("INSERT INTO t VALUES (2)").await.unwrap();
        assert_eq!(db.read(rows).await.unwrap(), [2]);
    }
}
