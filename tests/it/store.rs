//! The database itself: commits of many, and one schema on two engines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use scim_bridge::db::{Conn, Db, Error};
use scim_bridge::shadow::{self, Kind, member};

use super::outbox::{open, stored};
use super::support::engine::Engine;

mod moments;

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn count(db: &Db) -> i64 {
    db.read(|conn| {
        let rows: Count = match conn {
            Conn::Sqlite(c) => diesel::sql_query("SELECT count(*) AS n FROM resources").get_result(c)?,
            Conn::Postgres(c) => diesel::sql_query("SELECT count(*) AS n FROM resources").get_result(c)?,
        };
        Ok::<_, Error>(rows.n)
    })
    .await
    .expect("counted")
}

#[derive(diesel::QueryableByName, Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Column {
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Text)]
    what: String,
}

/// Every column with its nullability, every index with its columns and uniqueness.
fn shape(conn: &mut Conn) -> BTreeSet<(String, String)> {
    let rows: Vec<Column> = match conn {
        Conn::Sqlite(c) => diesel::sql_query(
            "SELECT m.name || '.' || p.name AS place, CASE WHEN p.\"notnull\" = 1 THEN 'not null' ELSE 'null' END AS what
               FROM sqlite_master m, pragma_table_xinfo(m.name) p
              WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite_%'
             UNION ALL
             SELECT i.name || ' on ' || m.name,
                    (SELECT group_concat(name, ',') FROM (SELECT x.name FROM pragma_index_xinfo(i.name) x
                       WHERE x.key = 1 ORDER BY x.seqno))
                    || CASE WHEN i.\"unique\" = 1 THEN ' unique' ELSE '' END
                    || CASE WHEN i.partial = 1 THEN ' partial' ELSE '' END
               FROM sqlite_master m, pragma_index_list(m.name) i
              WHERE m.type = 'table' AND i.origin = 'c'",
        )
        .load(c)
        .expect("SQLite tells"),
        Conn::Postgres(c) => diesel::sql_query(
            "SELECT table_name || '.' || column_name AS place,
                    CASE WHEN is_nullable = 'NO' THEN 'not null' ELSE 'null' END AS what
               FROM information_schema.columns
              WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'
             UNION ALL
             SELECT i.relname || ' on ' || t.relname,
                    (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY k(att, n)
                       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.att)
                    || CASE WHEN x.indisunique THEN ' unique' ELSE '' END
                    || CASE WHEN x.indpred IS NOT NULL THEN ' partial' ELSE '' END
               FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
               JOIN pg_namespace s ON s.oid = t.relnamespace
              WHERE s.nspname = 'public' AND NOT x.indisprimary AND t.relname NOT LIKE '\\_\\_%'",
        )
        .load(c)
        .expect("PostgreSQL tells"),
    };
    rows.into_iter().map(|row| (row.place, row.what)).collect()
}

#[tokio::test]
async fn one_schema_on_both_engines() {
    let engine = Engine::sqlite();
    let sqlite = open(&engine, 1).await;
    let one = sqlite.read(|conn| Ok::<_, Error>(shape(conn))).await.expect("read");
    // What diesel is told is what is there: a column that only one of them has would fail at run time.
    let told = include_str!("../../src/db/schema.rs");
    let mut table = "";
    let mut columns = BTreeMap::new();
    for line in told.lines().map(str::trim) {
        if let Some((name, rest)) = line.split_once(" (")
            && rest.ends_with(") {")
        {
            table = name;
        } else if let Some((name, kind)) = line.split_once(" -> ") {
            let null = if kind.starts_with("Nullable") { "null" } else { "not null" };
            columns.insert(format!("{table}.{name}"), null.to_owned());
        }
    }
    assert!(columns.len() > 40, "{columns:?}");
    let generated = |(place, _): &(&String, &String)| *place == "members.to_deliver";
    let there: BTreeMap<String, String> = one.iter().filter(|(place, _)| place.contains('.')).cloned().collect();
    let bare = |map: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        map.iter().filter(|entry| !generated(entry)).map(|(a, b)| (a.clone(), b.clone())).collect()
    };
    assert_eq!(bare(&there), bare(&columns));
    let Some(engine) = Engine::postgres() else { return };
    let postgres = open(&engine, 1).await;
    let other = postgres.read(|conn| Ok::<_, Error>(shape(conn))).await.expect("read");
    // But for the totals that triggers keep on SQLite: on PostgreSQL a row that every create changes would make creates
    // wait for each other.
    let kept = |(place, _): &(String, String)| place.starts_with("resource_counts");
    let (kept, same): (Vec<_>, Vec<_>) = one.into_iter().partition(kept);
    assert_eq!(same, other.into_iter().collect::<Vec<_>>());
    assert_eq!(kept.len(), 3);
}

#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The worker asks many times a second what is due: never by looking through all that was ever delivered, and never by
/// sorting the thousands that became due at one moment.
async fn due_is_found_by_its_index(engine: Engine) {
    let asked = include_str!("../../src/delivery/outbox.rs");
    let conditions: Vec<&str> =
        asked.split("dsl::sql(\"").skip(1).map(|rest| rest.split_once('"').expect("a literal").0).collect();
    let db = open(&engine, 1).await;
    db.write(|conn| {
        let numbers = match conn {
            Conn::Sqlite(_) => "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 50000) SELECT n FROM s",
            Conn::Postgres(_) => "SELECT n FROM generate_series(1, 50000) AS s(n)",
        };
        conn.batch_execute(&format!(
            "INSERT INTO resources (id, tenant, kind, document, version, created_at, modified_at)
               SELECT 'r' || n, 'acme', 'User', '{{}}', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM ({numbers}) AS x;
             INSERT INTO deliveries (resource_id, tenant, kind, state, wanted, attempts, unexpected, due_at, updated_at, urgent)
               SELECT id, tenant, kind, CASE WHEN id LIKE '%7' THEN 'delivered' ELSE 'pending' END, 1, 0, 0,
                      '2026-01-01 00:00:00', '2026-01-01 00:00:00', id LIKE '%9' FROM resources;
             ANALYZE"
        ))
        .map_err(Error::from)
    })
    .await
    .expect("50,000 deliveries");
    for (condition, index) in conditions.into_iter().zip(["deliveries_due", "deliveries_due_urgent"]) {
        for (columns, due, order) in [
            ("due_at", "", "due_at"),
            ("*", "AND due_at <= '2026-02-01 00:00:00'", "due_at, resource_id"),
            ("*", "AND due_at <= '2026-02-01 00:00:00' AND NOT urgent", "due_at, resource_id"),
        ] {
            if due.contains("NOT") && condition.contains("urgent") {
                continue;
            }
            let query = format!(
                "SELECT {columns} FROM deliveries WHERE tenant = 'acme' {due} AND {condition} ORDER BY {order} LIMIT 8"
            );
            let plan = db.read(move |conn| {
                Ok::<_, Error>(match conn {
                    Conn::Sqlite(c) => diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load::<Step>(c)?,
                    Conn::Postgres(c) => {
                        let rows: Vec<Line> = diesel::sql_query(format!("EXPLAIN {query}")).load(c)?;
                        rows.into_iter().map(|line| Step { detail: line.line }).collect()
                    }
                })
            });
            let plan = plan.await.expect("a plan").into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n");
            assert!(plan.contains(&format!("{index} ")), "{condition} {due}: {plan}");
            assert!(!plan.contains("TEMP") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

both_engines! {
    async fn what_is_due_is_found_by_its_index(engine: Engine) {
        due_is_found_by_its_index(engine).await;
    }

    async fn what_follows_a_write_follows_though_nobody_waits(engine: Engine) {
        let db = open(&engine, 1).await;
        let (told, heard) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for (name, expected) in [("the first", true), ("one of the same id", false)] {
            let (told, wait) = (told.clone(), Arc::clone(&wait));
            let insert = move |conn: &mut Conn| {
                wait.lock().expect("a lock").recv().expect("told to go on");
                shadow::insert(conn, &stored("a"))
            };
            let write = db.write_then(insert, move |done| told.send(done.is_some()).expect("heard"));
            tokio::time::timeout(Duration::from_millis(20), write).await.expect_err("it left before the end");
            assert_eq!(heard.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty), "{name}: before it is known");
            go.send(()).expect("it waits");
            // Behind the first in the queue of SQLite's writer, or for the one connection to PostgreSQL.
            db.write(|_| Ok::<_, Error>(())).await.expect("the next");
            assert_eq!(heard.try_recv(), Ok(expected), "{name}");
            assert_eq!(count(&db).await, 1, "{name}");
        }
    }

    /// A schema change that cannot be taken back is one that cannot be tried.
    async fn the_schema_goes_as_it_came(engine: Engine) {
        let db = open(&engine, 1).await;
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine.name());
        let mut changes: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("it").path()).collect();
        changes.sort();
        for change in changes.into_iter().rev() {
            let down = std::fs::read_to_string(change.join("down.sql")).expect("a way back");
            db.write(move |conn| conn.batch_execute(&down).map_err(Error::from)).await.expect("taken back");
        }
        let left = db.read(|conn| Ok::<_, Error>(shape(conn))).await.expect("read");
        assert_eq!(left, BTreeSet::new());
    }

    async fn a_write_that_fails_among_many_fails_alone(engine: Engine) {
        let db = open(&engine, 8).await;
        let mut writes = tokio::task::JoinSet::new();
        for n in 0..300 {
            let db = db.clone();
            writes.spawn(async move {
                let written: Result<(), Error> = db
                    .write(move |conn| {
                        shadow::insert(conn, &stored(&format!("r{n}")))?;
                        match n % 10 {
                            // Fails after it has written; fails in the engine.
                            0 => Err(Error::Closed),
                            1 => conn.batch_execute("INSERT INTO nowhere VALUES (1)").map_err(Error::from),
                            2 => shadow::insert(conn, &stored(&format!("r{n}"))),
                            _ => Ok(()),
                        }
                    })
                    .await;
                assert_eq!(written.is_ok(), n % 10 > 2, "{n}: {written:?}");
            });
        }
        while let Some(done) = writes.join_next().await {
            done.expect("as it should");
        }
        assert_eq!(count(&db).await, 210);
    }

    /// A member that is deleted at the moment that somebody adds it is no member afterwards.
    async fn nobody_joins_a_group_while_being_deleted(engine: Engine) {
        use scim_bridge::clock::{SystemClock, SystemRandomness};
        use scim_bridge::delivery::Signals;
        use scim_bridge::provisioning::{Provisioner, Registries, Target};
        use scim_bridge::scim::precondition::Precondition;
        use scim_bridge::scim::Strictness;
        use scim_bridge::scim::schema::Registry;
        use std::sync::Arc;
        let db = open(&engine, 8).await;
        let standard = Registry::standard().expect("the schemas");
        let registries = Arc::new(Registries::new(standard, std::collections::HashMap::new()));
        let of = |kind| Target { tenant: "acme", kind, strictness: Strictness::Lenient };
        let provisioner = Provisioner::new(
            db.clone(), registries, Arc::new(SystemClock), Arc::new(SystemRandomness), Signals::default(),
        );
        let group = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "West",
        });
        let group = provisioner.create(of(Kind::Group), group).await.expect("made").stored.id;
        for n in 0..40 {
            let user = serde_json::json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("user{n}"),
            });
            let user = provisioner.create(of(Kind::User), user).await.expect("made").stored.id;
            let add = serde_json::json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{ "op": "add", "path": "members", "value": [{ "value": user }] }],
            });
            let (added, deleted) = tokio::join!(
                provisioner.patch(of(Kind::Group), &group, Precondition::default(), add, None),
                provisioner.delete(of(Kind::User), &user, Precondition::default()),
            );
            added.expect("added, or left out");
            deleted.expect("deleted");
        }
        let members = db.read(move |conn| member::of_group(conn, &group)).await.expect("read");
        assert_eq!(members, Vec::new());
    }
}
