//! One connection type over both engines, chosen by the URL's scheme and by nothing else.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

use super::Error;

/// A connection to either engine. Queries that both understand are written once; `on_backend!` pastes the rest.
#[derive(diesel::MultiConnection)]
#[expect(missing_docs, reason = "diesel's derive generates undocumented items")]
pub enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Pastes one query per engine, for what diesel cannot say over `Conn`: `ON CONFLICT`, row locks.
macro_rules! on_backend {
    ($conn:expr, $c:ident => $query:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $query,
            $crate::db::Conn::Postgres($c) => $query,
        }
    };
}
pub(crate) use on_backend;

/// Where the database is.
#[derive(Clone)]
pub enum Location {
    /// A file.
    Sqlite(PathBuf),
    /// A connection URL. It may hold a password, hence no `Debug`.
    Postgres(String),
}

impl Location {
    /// Reads a database URL. Diesel's own choice is not used: it tries PostgreSQL and then SQLite with the same string,
    /// and has made an SQLite file named after a PostgreSQL server that was down.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme);
        match (scheme, url.strip_prefix("sqlite:")) {
            (_, Some("")) => Err(Error::Url("database.url: sqlite: needs a path, as in sqlite:data/bridge.db".into())),
            (_, Some(path)) => Ok(Self::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
            (Some("postgres" | "postgresql"), None) => Ok(Self::Postgres(url.to_owned())),
            _ => Err(Error::Url("database.url must begin with sqlite: or postgres://".into())),
        }
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Reads only; a write is refused by SQLite.
    Reader,
    /// The same, with so many KiB of the file kept in memory: what look-ups meet again and again are the upper pages of
    /// indexes.
    LookUp(u32),
    /// Reads and writes.
    Writer,
}

/// Opens connections for the pool.
pub(super) struct Manager {
    pub(super) location: Location,
    pub(super) role: Role,
}

fn open_sqlite(path: &Path, role: Role) -> Result<Conn, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::Connection(format!("{}: {e}", path.display()));
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    }
    if role == Role::Writer {
        // People's names and addresses are in it: nobody else's to read, its log and its index neither.
        let made = std::fs::OpenOptions::new().create(true).truncate(false).append(true).mode(0o600).open(path);
        made.map_err(|e| failed(&e))?;
    }
    let name = path.to_str().ok_or_else(|| failed(&"the path is not UTF-8"))?;
    let mut conn = SqliteConnection::establish(name).map_err(|e| failed(&e))?;
    // busy_timeout first: switching to WAL takes a lock itself. FULL: an acknowledged change is on disk.
    conn.batch_execute(
        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
    )
    .map_err(|e| failed(&e))?;
    match role {
        // A log that begins anew is cut down to this, so that its size tells how much of it is in use (`writer.rs`).
        Role::Writer => conn.batch_execute("PRAGMA journal_size_limit = 4194304;").map_err(|e| failed(&e))?,
        Role::Reader => conn.batch_execute("PRAGMA query_only = ON;").map_err(|e| failed(&e))?,
        Role::LookUp(kib) => {
            let pragmas = format!("PRAGMA query_only = ON; PRAGMA cache_size = -{kib};");
            conn.batch_execute(&pragmas).map_err(|e| failed(&e))?;
        }
    }
    Ok(Conn::Sqlite(conn))
}

impl Manager {
    /// Size of SQLite's log beside its file, in bytes.
    pub(super) fn log_bytes(&self) -> u64 {
        let Location::Sqlite(path) = &self.location else { return 0 };
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        std::fs::metadata(log).map_or(0, |log| log.len())
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Conn;
    type Error = Error;

    fn connect(&self) -> Result<Conn, Error> {
        match &self.location {
            Location::Sqlite(path) => open_sqlite(path, self.role),
            Location::Postgres(url) => {
                let mut conn = PgConnection::establish(url).map_err(|e| Error::Connection(e.to_string()))?;
                conn.batch_execute("SET TIME ZONE 'UTC'")?;
                Ok(Conn::Postgres(conn))
            }
        }
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Error> {
        Ok(conn.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        use diesel::connection::{AnsiTransactionManager, TransactionManager};
        if std::thread::panicking() {
            return true;
        }
        match conn {
            Conn::Sqlite(c) => AnsiTransactionManager::is_broken_transaction_manager(c),
            Conn::Postgres(c) => AnsiTransactionManager::is_broken_transaction_manager(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn the_scheme_alone_chooses_the_engine() {
        assert!(matches!(Location::parse("sqlite:a/b.db"), Ok(Location::Sqlite(p)) if p.to_str() == Some("a/b.db")));
        assert!(
            matches!(Location::parse("sqlite:///a/b.db"), Ok(Location::Sqlite(p)) if p.to_str() == Some("/a/b.db"))
        );
        assert!(matches!(Location::parse("postgres://u@h/d"), Ok(Location::Postgres(_))));
        assert!(matches!(Location::parse("postgresql://u@h/d"), Ok(Location::Postgres(_))));
        for refused in ["", "bridge.db", "host=db dbname=x", "mysql://h/d", "sqlite:"] {
            assert!(Location::parse(refused).is_err(), "{refused}");
        }
    }
}
