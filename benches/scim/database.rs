//! Fresh databases, one for each bridge.

use std::path::Path;

use anyhow::{Context as _, Result};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use url::Url;

/// Where databases are made, and which were. Those of PostgreSQL are dropped with this.
pub(crate) enum Databases {
    /// Files in the folder of each bridge.
    Sqlite,
    /// Databases beside the one that the URL names.
    Postgres {
        /// That one.
        url: Url,
        /// Names of those that were made.
        made: Vec<String>,
    },
}

impl Databases {
    /// In SQLite files, or on the server of `url`.
    pub(crate) fn new(url: Option<&str>) -> Result<Self> {
        let Some(url) = url else { return Ok(Self::Sqlite) };
        let url: Url = url.parse().context("--database")?;
        let databases = Self::Postgres { url, made: Vec::new() };
        databases.run("SELECT 1")?;
        Ok(databases)
    }

    /// Name and version.
    pub(crate) fn name(&self) -> Result<String> {
        let Self::Postgres { url, .. } = self else {
            let version = libsqlite3_sys::SQLITE_VERSION.to_str()?;
            return Ok(format!("SQLite {version}"));
        };
        let version = diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('server_version')");
        let version: String = diesel::select(version).get_result(&mut PgConnection::establish(url.as_str())?)?;
        Ok(format!("PostgreSQL {version}"))
    }

    /// Makes an empty database; its URL.
    pub(crate) fn make(&mut self, folder: &Path) -> Result<String> {
        let Self::Postgres { url, made } = self else {
            return Ok(format!("sqlite:{}", folder.join("bridge.db").display()));
        };
        let name = format!("scim_bridge_bench_{}_{}", std::process::id(), made.len());
        let mut fresh = url.clone();
        fresh.set_path(&format!("/{name}"));
        made.push(name.clone());
        self.run(&format!("CREATE DATABASE {name}"))?;
        Ok(fresh.to_string())
    }

    /// Does at once what PostgreSQL's autovacuum does within a minute of so many writes; without it, what is measured
    /// would depend on when that happens.
    pub(crate) fn settle(&self) -> Result<()> {
        let Self::Postgres { url, made } = self else { return Ok(()) };
        for name in made {
            let mut database = url.clone();
            database.set_path(&format!("/{name}"));
            PgConnection::establish(database.as_str())?.batch_execute("VACUUM ANALYZE")?;
        }
        Ok(())
    }

    fn run(&self, statement: &str) -> Result<()> {
        let Self::Postgres { url, .. } = self else { return Ok(()) };
        PgConnection::establish(url.as_str()).context("--database")?.batch_execute(statement).context("--database")
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if let Self::Postgres { made, .. } = self {
            for name in std::mem::take(made) {
                if let Err(error) = self.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")) {
                    eprintln!("the database {name} is left: {error:#}");
                }
            }
        }
    }
}
