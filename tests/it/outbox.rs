//! The queue under many hands: nothing is delivered twice at once, and no change is taken for delivered.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use scim_bridge::db::{Conn, Db, Error};
use scim_bridge::delivery::State;
use scim_bridge::delivery::outbox::{self, Claim, Outcome, Rare};
use scim_bridge::shadow::{self, Kind, Stored};

use super::support::engine::Engine;

const TENANT: &str = "acme";

pub(crate) async fn open(engine: &Engine, pool: u32) -> Db {
    let db = Db::open(engine.url(), pool).expect("opens");
    db.migrate().await.expect("migrates");
    db
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

pub(crate) fn stored(id: &str) -> Stored {
    Stored {
        id: id.to_owned(),
        tenant: TENANT.to_owned(),
        kind: Kind::User,
        document: serde_json::json!({ "userName": id }).as_object().expect("an object").clone(),
        version: 1,
        created: at(0),
        modified: at(0),
        deleted: None,
    }
}

fn enqueue(conn: &mut Conn, id: &str) -> Result<(), Error> {
    outbox::enqueue(conn, TENANT, Kind::User, id, at(0))
}

async fn push(db: &Db, id: &'static str) {
    db.write(move |conn| {
        shadow::insert(conn, &stored(id))?;
        enqueue(conn, id)
    })
    .await
    .expect("pushed");
}

async fn change(db: &Db, id: &'static str) {
    db.write(move |conn| enqueue(conn, id)).await.expect("enqueued");
}

async fn claim(db: &Db, owner: &'static str, now: i64) -> Vec<Claim> {
    db.write(move |conn| outbox::claim(conn, TENANT, owner, at(now), TimeDelta::seconds(10), 7, 7))
        .await
        .expect("claimed")
}

fn outcome(state: State) -> Outcome {
    let due = (state == State::Held).then(|| at(1000));
    Outcome { state, due, failed: false, rare: None, refused: None, reason: None, error: None }
}

async fn complete(db: &Db, claim: &Claim, owner: &'static str, state: State) -> bool {
    let claim = claim.clone();
    db.write(move |conn| outbox::complete(conn, &claim, owner, &outcome(state), at(5))).await.expect("completed")
}

async fn state(db: &Db, id: &'static str) -> State {
    let found = db.read(move |conn| outbox::of(conn, &[id.to_owned()])).await.expect("read");
    found.get(id).expect("a delivery").state
}

async fn taken(db: &Db, limit: i64, ordinary: i64) -> Vec<String> {
    let claims = db.write(move |conn| outbox::claim(conn, TENANT, "o", at(9), TimeDelta::seconds(10), limit, ordinary));
    claims.await.expect("claimed").into_iter().map(|claim| claim.resource).collect()
}

both_engines! {
    async fn what_takes_a_right_away_goes_first(engine: Engine) {
        let db = open(&engine, 2).await;
        let set = |stored: Stored, second: i64| {
            let db = db.clone();
            async move {
                db.write(move |conn| outbox::enqueue_stored(conn, &stored, at(second))).await.expect("enqueued");
            }
        };
        let with = |id: &str, active: bool| {
            let mut stored = stored(id);
            stored.document.insert("active".to_owned(), serde_json::json!(active));
            stored
        };
        for id in ["a", "b", "c", "d", "e", "f"] {
            push(&db, id).await;
        }
        assert_eq!(db.read(|conn| outbox::next_urgent(conn, TENANT)).await.expect("read"), None);
        set(with("a", true), 1).await;
        set(with("d", false), 3).await;
        set(Stored { deleted: Some(at(4)), ..stored("e") }, 4).await;
        set(Stored { kind: Kind::Group, ..with("f", false) }, 5).await;
        assert_eq!(db.read(|conn| outbox::next_urgent(conn, TENANT)).await.expect("read"), Some(at(3)));
        assert_eq!(taken(&db, 1, 1).await, ["d"], "though others were due before");
        assert_eq!(taken(&db, 7, 0).await, ["e"], "and nothing else where all others are held");
        assert!(taken(&db, 7, 0).await.is_empty());
        assert_eq!(taken(&db, 7, 2).await, ["b", "c"], "in the order in which they became due");
        // Somebody is back before the deactivation went out: it is no longer urgent; the others' order stays.
        set(with("a", false), 6).await;
        set(with("a", true), 7).await;
        assert!(taken(&db, 7, 0).await.is_empty());
        // What says nothing new of the person leaves the urgency as it is.
        set(with("a", false), 8).await;
        change(&db, "a").await;
        assert_eq!(taken(&db, 7, 7).await, ["a", "f"]);
    }

    async fn a_change_that_comes_meanwhile_is_delivered_after(engine: Engine) {
        let db = open(&engine, 2).await;
        push(&db, "a").await;
        let claims = claim(&db, "one", 0).await;
        change(&db, "a").await;
        assert_eq!(state(&db, "a").await, State::Delivering, "one at a time");
        assert!(claim(&db, "two", 0).await.is_empty());
        assert!(complete(&db, &claims[0], "one", State::Delivered).await);
        assert_eq!(state(&db, "a").await, State::Pending);
        let claims = claim(&db, "two", 5).await;
        assert!(complete(&db, &claims[0], "two", State::Delivered).await);
        assert_eq!(state(&db, "a").await, State::Delivered);
        assert!(claim(&db, "two", 100_000).await.is_empty());
    }

    async fn what_only_a_few_tries_are_worth_is_counted_by_its_kind(engine: Engine) {
        let db = open(&engine, 2).await;
        push(&db, "a").await;
        let fail = |rare: Option<Rare>| {
            let db = db.clone();
            async move {
                let claim = claim(&db, "one", 0).await.remove(0);
                let counted = (claim.attempts, claim.unexpected, claim.taken);
                let retrying = Outcome { due: Some(at(0)), failed: true, rare, ..outcome(State::Retrying) };
                db.write(move |conn| outbox::complete(conn, &claim, "one", &retrying, at(5))).await.expect("completed");
                counted
            }
        };
        assert_eq!(fail(Some(Rare::Unexpected)).await, (0, 0, 0));
        assert_eq!(fail(None).await, (1, 1, 0));
        assert_eq!(fail(Some(Rare::Taken)).await, (2, 1, 0));
        assert_eq!(fail(Some(Rare::Taken)).await, (3, 1, 1));
        change(&db, "a").await;
        assert_eq!(fail(None).await, (0, 0, 0), "a change begins anew");
    }

    async fn a_lease_that_ran_out_is_another_s(engine: Engine) {
        let db = open(&engine, 2).await;
        push(&db, "a").await;
        let lost = claim(&db, "one", 0).await;
        assert!(claim(&db, "two", 9).await.is_empty());
        let taken = claim(&db, "two", 10).await;
        assert_eq!(taken.len(), 1);
        assert!(!complete(&db, &lost[0], "one", State::Delivered).await);
        let renewed = db.write(|conn| outbox::renew(conn, "a", "one", at(100))).await.expect("asked");
        assert!(!renewed);
        assert_eq!(state(&db, "a").await, State::Delivering);
        let renewed = db.write(|conn| outbox::renew(conn, "a", "two", at(30))).await.expect("asked");
        assert!(renewed);
        assert!(claim(&db, "three", 29).await.is_empty(), "it is longer now");
        assert!(complete(&db, &taken[0], "two", State::Delivered).await);
    }

    async fn what_comes_while_a_delivery_ends_as_held_is_not_missed(engine: Engine) {
        let db = open(&engine, 4).await;
        push(&db, "a").await;
        let release = |db: Db| async move {
            db.write(|conn| outbox::release(conn, &["a".to_owned()], at(0))).await.expect("released")
        };
        for _ in 0..50 {
            let claims = claim(&db, "one", 0).await;
            assert_eq!(claims.len(), 1);
            tokio::join!(complete(&db, &claims[0], "one", State::Held), release(db.clone()));
            // Whichever was first: it is looked at again.
            assert_eq!(state(&db, "a").await, State::Pending);
            let reset = |conn: &mut Conn| {
                use diesel::connection::SimpleConnection;
                conn.batch_execute("UPDATE deliveries SET due_at = '1970-01-01 00:00:00'").map_err(Error::from)
            };
            db.write(reset).await.expect("due");
        }
        // Delivered is not held, but something else may bring it back.
        let claims = claim(&db, "one", 0).await;
        assert!(complete(&db, &claims[0], "one", State::Delivered).await);
        assert_eq!(release(db.clone()).await, 0);
        assert_eq!(state(&db, "a").await, State::Delivered);
    }

    async fn many_claimers_never_have_one_row_twice(engine: Engine) {
        let db = open(&engine, 8).await;
        db.write(|conn| {
            for n in 0..300 {
                let id = format!("r{n:03}");
                shadow::insert(conn, &stored(&id))?;
                enqueue(conn, &id)?;
            }
            Ok::<_, Error>(())
        })
        .await
        .expect("pushed");
        let mut claimers = tokio::task::JoinSet::new();
        for owner in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            let db = db.clone();
            claimers.spawn(async move {
                let mut all = Vec::new();
                // Rows that another is taking are passed over: an empty hand says nothing before the end.
                for _ in 0..60 {
                    all.extend(claim(&db, owner, 0).await.into_iter().map(|claim| claim.resource));
                }
                all
            });
        }
        let mut taken: Vec<String> = Vec::new();
        while let Some(all) = claimers.join_next().await {
            taken.extend(all.expect("no panic"));
        }
        assert_eq!(taken.len(), 300);
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 300);
    }
}
