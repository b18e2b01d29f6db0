//! Schema changes, compiled into the binary, one tree per engine with the same names.

use diesel::migration::Migration;
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

/// The changes that the database has not seen.
pub(super) fn pending(manager: &Manager) -> Result<Pending, Error> {
    match &mut manager.connect()? {
        Conn::Sqlite(c) => Ok(names(&c.pending_migrations(SQLITE).map_err(failed)?)),
        Conn::Postgres(c) => Ok(names(&c.pending_migrations(POSTGRES).map_err(failed)?)),
    }
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
