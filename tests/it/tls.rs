//! PostgreSQL over TLS, with the libpq and the OpenSSL that are compiled in.

use diesel::deserialize::QueryableByName;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use scim_bridge::db::Db;

use super::support::postgres;

#[derive(QueryableByName)]
struct Encrypted {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    ssl: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_verified_in_full() {
    let (Some(url), Some((ours, other))) = (postgres::database(), postgres::authorities()) else { return };
    let with = |authority: &std::path::Path| format!("{url}?sslmode=verify-full&sslrootcert={}", authority.display());

    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let mut conn = PgConnection::establish(&with(&ours)).expect("a verified connection");
    let row: Encrypted = diesel::sql_query(query).get_result(&mut conn).expect("a row");
    assert!(row.ssl);

    let db = Db::open(&with(&ours), 1).expect("opens");
    assert!(!db.migrate().await.expect("migrates").is_empty());

    let refused = PgConnection::establish(&with(&other)).err().expect("an unknown authority").to_string();
    assert!(refused.contains("certificate verify failed"), "{refused}");
    // The name is checked too: the certificate is for 127.0.0.1.
    let renamed = with(&ours).replace("@127.0.0.1", "@localhost");
    let refused = PgConnection::establish(&renamed).err().expect("another name").to_string();
    assert!(refused.contains("does not match host name"), "{refused}");
}
