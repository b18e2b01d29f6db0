//! The yardstick of changes: a program that commits the rows of the same changes to a fresh database of the same schema,
//! and does nothing else. It reads no request, checks nothing and answers nobody.
//!
//! On SQLite it is this program, which commits as many changes at once as the bridge has connections, as the bridge's one
//! writer can. On PostgreSQL it is `pgbench`, with as many clients, each transaction one change.

mod postgres;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use scim_bridge::db::Db;

use crate::database::Databases;
use crate::load::Tally;
use crate::report::Who;

/// The tenant of all rows.
const TENANT: &str = "bench";
/// Members that are put in and taken out: one for each connection.
const SPARE: usize = 64;

/// What is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new user: the document, the values that users are found by, the delivery.
    Create,
    /// A user's changed document: it and the delivery.
    Patch,
    /// A member more, or one less: the membership, the group's version, its delivery.
    Member,
}

/// Commits changes.
pub(crate) enum Commits {
    /// To SQLite.
    Sqlite(Box<sqlite::Committer>),
    /// To PostgreSQL.
    Postgres(postgres::Pgbench),
}

impl Commits {
    /// On a fresh database with so many users. `document`: what each of them is stored as.
    pub(crate) async fn new(
        databases: &mut Databases,
        folder: &Path,
        (change, users, workers): (Change, usize, usize),
        document: &str,
    ) -> Result<Self> {
        let folder = folder.join(format!("commits-{change:?}"));
        std::fs::create_dir_all(&folder)?;
        let url = databases.make(&folder)?;
        Db::open(&url, 1)?.migrate().await?;
        if let Some(file) = url.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(Box::new(sqlite::Committer::new(file, change, users, document)?)));
        }
        let made = postgres::Pgbench::new(&url, &folder, (change, users, workers), document)?;
        databases.settle()?;
        Ok(Self::Postgres(made))
    }

    /// What it is called.
    pub(crate) fn who(&self) -> Who {
        match self {
            Self::Sqlite(_) => Who::Commits,
            Self::Postgres(_) => Who::Pgbench,
        }
    }

    /// Commits for so long: on SQLite so many changes at a time, on PostgreSQL by so many clients.
    pub(crate) fn run(&mut self, at_once: usize, length: Duration) -> Result<Tally> {
        match self {
            Self::Sqlite(committer) => committer.run(at_once, length),
            Self::Postgres(pgbench) => pgbench.run(at_once, length),
        }
    }
}
