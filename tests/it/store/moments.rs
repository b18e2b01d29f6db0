//! What a read sees of what is committed before it, beside it and while nobody reads.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use scim_bridge::clock::{SystemClock, SystemRandomness};
use scim_bridge::db::{Conn, Db, Error};
use scim_bridge::delivery::Signals;
use scim_bridge::provisioning::{Beginning, Provisioner, Reads, Registries, Search, Searched};
use scim_bridge::scim::Strictness;
use scim_bridge::scim::filter::Filter;
use scim_bridge::scim::model::SortOrder;
use scim_bridge::scim::schema::Registry;
use scim_bridge::scim::sort::Sort;
use scim_bridge::shadow::{self, Kind};

use super::super::outbox::{open, stored};
use super::super::support::engine::Engine;
use super::Count;

fn count(conn: &mut Conn) -> Result<i64, Error> {
    let query = diesel::sql_query("SELECT count(*) AS n FROM resources");
    let rows: Count = match conn {
        Conn::Sqlite(c) => query.get_result(c)?,
        Conn::Postgres(c) => query.get_result(c)?,
    };
    Ok(rows.n)
}

async fn insert(db: &Db, id: String) {
    db.write(move |conn| shadow::insert(conn, &stored(&id))).await.expect("written");
}

/// Counts, has somebody else commit another resource, and counts again.
fn count_twice(db: Db, id: &'static str) -> impl FnOnce(&mut Conn) -> Result<(i64, i64), Error> + Send + 'static {
    move |conn| {
        let before = count(conn)?;
        let write = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(insert(&db, id.to_owned()));
        };
        std::thread::spawn(write).join().expect("written");
        Ok((before, count(conn)?))
    }
}

both_engines! {
    async fn what_is_read_together_is_of_one_moment(engine: Engine) {
        let db = open(&engine, 4).await;
        insert(&db, "first".into()).await;
        assert_eq!(db.read_together(count_twice(db.clone(), "second")).await.expect("read"), (1, 1));
        assert_eq!(db.look_up_together(count_twice(db.clone(), "third")).await.expect("read"), (2, 2));
        assert_eq!(db.look_up_together(count).await.expect("read"), 3, "the next is of another");
        // That it is not so by itself.
        assert_eq!(db.read(count_twice(db.clone(), "fourth")).await.expect("read"), (3, 4));
        // An error ends the moment too.
        let failed: Result<(), Error> = db.read_together(|conn| Ok(conn.batch_execute("SELECT nothing")?)).await;
        failed.expect_err("there is no such column");
        let failed: Result<(), Error> = db.look_up_together(|conn| Ok(conn.batch_execute("SELECT nothing")?)).await;
        failed.expect_err("there is no such column");
        insert(&db, "fifth".into()).await;
        assert_eq!(db.look_up_together(count).await.expect("read"), 5);
    }

    /// Its total, which of the resources, and what they are.
    async fn a_page_is_of_one_moment(engine: Engine) {
        let db = open(&engine, 4).await;
        let registries = Arc::new(Registries::new(Registry::standard().expect("the schemas"), HashMap::new()));
        let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
        let provisioner = Provisioner::new(db.clone(), Arc::clone(&registries), clock, randomness, Signals::default());
        db.write(|conn| {
            (0..300).try_for_each(|n| {
                let mut user = stored(&format!("r{n:03}"));
                user.document.insert("title".into(), "odd".into());
                shadow::insert(conn, &user)
            })
        }).await.expect("written");
        let done = Arc::new(AtomicBool::new(false));
        let (all, ended) = (db.clone(), Arc::clone(&done));
        let others = tokio::spawn(async move {
            let titles = ["\"title\":\"odd\"", "\"title\":\"even\""];
            for n in (0..2).cycle().take_while(|_| !ended.load(Ordering::Relaxed)) {
                let (old, new) = (titles[n], titles[1 - n]);
                let update = format!("UPDATE resources SET document = REPLACE(document, '{old}', '{new}')");
                all.write(move |conn| conn.batch_execute(&update).map_err(Error::from)).await.expect("written");
            }
        });
        let resource_type = registries.resource_type("acme", Kind::User);
        let filter = Filter::parse(resource_type, "title eq \"odd\"").expect("a filter");
        let mut totals = BTreeSet::new();
        for _ in 0..150 {
            let reads = Reads { memberships: true, delivery: false };
            let search = Search {
                kinds: vec![Searched { kind: Kind::User, filter: Some(filter.clone()), reads }],
                // What is put in order is matched first, and read once more for the page.
                sort: Some(Sort::parse(&[resource_type], "nickName", SortOrder::Ascending, Strictness::Lenient).expect("an order")),
                start: Beginning::Offset(0),
                limit: 200,
            };
            let page = provisioner.search("acme", search).await.expect("a page");
            assert_eq!(page.views.len(), page.total.min(200));
            for view in page.views {
                assert!(view.stored.document.contains("\"title\":\"odd\""), "{}", view.stored.document);
            }
            totals.insert(page.total);
        }
        done.store(true, Ordering::Relaxed);
        others.await.expect("ended");
        assert_eq!(totals, BTreeSet::from([0, 300]), "all of them, or none");
    }

    /// Whatever others look up meanwhile.
    async fn a_look_up_sees_what_was_acknowledged(engine: Engine) {
        let db = open(&engine, 4).await;
        let done = Arc::new(AtomicBool::new(false));
        let others: Vec<_> = (0..4).map(|_| {
            let (db, done) = (db.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    db.look_up(count).await.expect("read");
                    tokio::task::yield_now().await;
                }
            })
        }).collect();
        for n in 1..=300 {
            insert(&db, format!("r{n}")).await;
            assert_eq!(db.look_up(count).await.expect("read"), n);
        }
        done.store(true, Ordering::Relaxed);
        for other in others {
            other.await.expect("ended");
        }
    }
}

/// Bytes of SQLite's log after 20 MB in many commits.
async fn log_after_many_writes(engine: &Engine, db: &Db, look_up: bool) -> u64 {
    for _ in 0..40 {
        if look_up {
            db.look_up(count).await.expect("read");
        }
        let write = db.write(|conn| {
            conn.batch_execute("DROP TABLE IF EXISTS ballast")?;
            conn.batch_execute("CREATE TABLE ballast AS SELECT zeroblob(500000) AS b")?;
            Ok::<_, Error>(())
        });
        write.await.expect("written");
    }
    let log = format!("{}-wal", engine.url().trim_start_matches("sqlite:"));
    std::fs::metadata(log).expect("a log").len()
}

/// SQLite folds its log into its file about every 4 MB, unless somebody still reads what was before.
const LOG: u64 = 10_000_000;

#[tokio::test]
async fn a_look_up_keeps_the_log_from_growing_no_longer_than_it_takes() {
    let engine = Engine::sqlite();
    let db = open(&engine, 4).await;
    assert_eq!(db.look_up(count).await.expect("read"), 0);
    let bytes = log_after_many_writes(&engine, &db, false).await;
    assert!(bytes < LOG, "{bytes}");
}

/// As an identity provider does: it looks for each user before it makes them.
#[tokio::test]
async fn look_ups_between_all_writes_do_not_keep_the_log_from_beginning_anew() {
    let engine = Engine::sqlite();
    let db = open(&engine, 4).await;
    let bytes = log_after_many_writes(&engine, &db, true).await;
    assert!(bytes < LOG, "{bytes}");
    let done = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..2)
        .map(|_| {
            let (db, done) = (db.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                while !done.load(Ordering::Relaxed) {
                    runtime.block_on(db.look_up(count)).expect("read");
                }
            })
        })
        .collect();
    let bytes = log_after_many_writes(&engine, &db, false).await;
    done.store(true, Ordering::Relaxed);
    for other in others {
        other.join().expect("ended");
    }
    assert!(bytes < LOG, "while others look up all the time: {bytes}");
}

/// The `token` command beside a bridge that serves.
#[tokio::test]
async fn another_process_does_not_wait_for_look_ups() {
    let engine = Engine::sqlite();
    let db = open(&engine, 4).await;
    insert(&db, "first".into()).await;
    assert_eq!(db.look_up(count).await.expect("read"), 1);
    let begun = std::time::Instant::now();
    let other = Db::open(engine.url(), 1).expect("opens");
    insert(&other, "second".into()).await;
    other.close().await;
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    insert(&db, "third".into()).await;
    assert_eq!(db.look_up(count).await.expect("read"), 3);
}

#[tokio::test]
async fn a_look_up_that_panics_leaves_nothing_behind() {
    let engine = Engine::sqlite();
    let db = open(&engine, 1).await;
    let panics = db.clone();
    let look_up = async move {
        panics.look_up(|conn| if count(conn)? == 0 { panic!("a bug") } else { Ok::<_, Error>(()) }).await
    };
    assert!(tokio::spawn(look_up).await.expect_err("it panicked").is_panic());
    let bytes = log_after_many_writes(&engine, &db, false).await;
    assert!(bytes < LOG, "{bytes}");
    insert(&db, "first".into()).await;
    assert_eq!(db.look_up(count).await.expect("read"), 1);
}
