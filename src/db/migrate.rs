//! Schema changes, compiled into the binary, one tree per engine with the same names.

use diesel::migration::{Migration, MigrationSource};
use diesel::{QueryableByName, RunQueryDsl as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use r2d2::ManageConnection;

use super::Error;
use super::connection::{Conn, Manager, on_backend};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Names of schema changes, in order.
pub type Pending = Vec<String>;

fn names<DB: diesel::backend::Backend>(migrations: &[Box<dyn Migration<DB>>]) -> Pending {
    migrations.iter().map(|m| m.name().to_string()).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Migration(format!("the schema could not be changed: {error}"))
}

/// The changes that the database has not seen. Changes nothing: where there was never a change, diesel would first make
/// the table in which it notes them.
pub(super) fn pending(manager: &Manager) -> Result<Pending, Error> {
    let mut conn = manager.connect()?;
    let begun = match &conn {
        Conn::Sqlite(_) => "SELECT count(*) AS n FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
        Conn::Postgres(_) => "SELECT count(*) AS n FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')",
    };
    let Counted { n } = diesel::sql_query(begun).get_result(&mut conn)?;
    match &mut conn {
        Conn::Sqlite(_) if n == 0 => all::<diesel::sqlite::Sqlite>(&SQLITE),
        Conn::Postgres(_) if n == 0 => all::<diesel::pg::Pg>(&POSTGRES),
        Conn::Sqlite(c) => Ok(names(&c.pending_migrations(SQLITE).map_err(failed)?)),
        Conn::Postgres(c) => Ok(names(&c.pending_migrations(POSTGRES).map_err(failed)?)),
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn all<DB: diesel::backend::Backend>(known: &impl MigrationSource<DB>) -> Result<Pending, Error> {
    Ok(names(&known.migrations().map_err(failed)?))
}

/// Makes them, and answers which.
pub(super) fn run(manager: &Manager) -> Result<Pending, Error> {
    use diesel::connection::SimpleConnection;
    let mut conn = manager.connect()?;
    // Two processes that start at once must not both make the first table.
    if let Conn::Postgres(c) = &mut conn {
        c.batch_execute("SELECT pg_advisory_lock(7266321)")?;
    }
    let made = match &mut conn {
        Conn::Sqlite(c) => c.run_pending_migrations(SQLITE).map(|v| v.iter().map(ToString::to_string).collect()),
        Conn::Postgres(c) => c.run_pending_migrations(POSTGRES).map(|v| v.iter().map(ToString::to_string).collect()),
    };
    if matches!(conn, Conn::Postgres(_)) {
        on_backend!(&mut conn, c => c.batch_execute("SELECT pg_advisory_unlock(7266321)"))?;
    }
    made.map_err(failed)
}
