//! More than can be done at once.

use std::time::{Duration, Instant};

use scim_bridge::access::{NewToken, Scope};
use scim_bridge::config::Acknowledge;
use scim_bridge::db::{Conn, Db, Error};
use scim_bridge::delivery::outbox;
use scim_bridge::sandbox::Faults;
use scim_bridge::shadow::{self, Kind, Stored};
use serde_json::json;

use crate::entitlements::tenant;
use crate::support::app::{TENANT, TestApp, answer, client, user};
use crate::support::engine::Engine;

const OTHER: &str = "other";

/// A bridge with a second tenant of the same org; and the other's token.
async fn two(engine: &Engine, configure: impl FnOnce(&mut scim_bridge::config::Config)) -> (TestApp, String) {
    let app = TestApp::start_with(
        engine,
        |_| {},
        |config| {
            configure(config);
            let mut other = config.tenant[TENANT].clone();
            other.acknowledge = Acknowledge::Stored;
            config.tenant.insert(OTHER.to_owned(), other);
        },
    )
    .await;
    let new = NewToken::new(OTHER, "other", vec![Scope::Scim, Scope::Admin]);
    let (_, token) = app.app().access().create(new).await.expect("a token");
    (app, token)
}

async fn push(app: &TestApp, token: &str, name: &str) -> crate::support::app::Answer {
    let request = client().post(format!("{}/Users", app.base())).bearer_auth(token);
    answer(request.header("Content-Type", "application/scim+json").body(user(name).to_string())).await
}

both_engines! {
    /// A tenant whose requests do not come to an end is told to come back; another one is let in.
    async fn past_the_bound_a_tenant_is_told_to_come_back(engine: Engine) {
        let (app, other) = two(&engine, |config| {
            config.server.max_requests = 4;
            let tenant = tenant(config);
            (tenant.acknowledge, tenant.acknowledge_within) = (Acknowledge::Delivered, Duration::from_secs(5));
        })
        .await;
        app.org().org().set_faults(Faults { outage: true, ..Faults::default() });
        let waiting = async {
            let (ada, bob) = (user("ada"), user("bob"));
            tokio::join!(app.post("/Users", &ada), app.post("/Users", &bob))
        };
        let meanwhile = async {
            // Both are on disk, and wait.
            let (begun, db) = (Instant::now(), Db::open(engine.url(), 1).expect("opens"));
            let count = async || {
                let counts = db.read(|conn| outbox::count(conn, TENANT)).await.expect("counts");
                counts.values().sum::<i64>()
            };
            while count().await < 2 {
                assert!(begun.elapsed() < Duration::from_secs(4), "they do not come");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let refused = app.get("/Users?count=0").await;
            assert_eq!(refused.status, 429, "{}", refused.body);
            let after = refused.headers.get("retry-after").expect("when to come back").to_str().expect("text");
            assert!(after.parse::<u32>().expect("a whole number") > 0);
            assert_eq!(refused.body["status"], "429");
            assert_eq!(push(&app, &other, "eve").await.status, 201, "the other tenant is let in");
        };
        let ((ada, bob), ()) = tokio::join!(waiting, meanwhile);
        assert_eq!((ada.status, bob.status), (reqwest::StatusCode::CREATED, reqwest::StatusCode::CREATED));
        assert_eq!(app.get("/Users?count=0").await.status, 200, "there are places again");
    }

    /// Whatever one tenant has pushed, another's ten are delivered at once.
    async fn one_tenant_s_thousands_do_not_delay_another_s_ten(engine: Engine) {
        let (app, other) = two(&engine, |config| config.delivery.concurrency = 4).await;
        app.org().org().set_faults(Faults { latency_ms: 50, ..Faults::default() });
        let db = Db::open(engine.url(), 2).expect("opens");
        for from in (0..4_000).step_by(1_000) {
            db.write(move |conn: &mut Conn| {
                for n in from..from + 1_000 {
                    let stored = pending(n);
                    shadow::insert(conn, &stored)?;
                    outbox::enqueue(conn, TENANT, Kind::User, &stored.id, stored.created)?;
                }
                Ok::<_, Error>(())
            })
            .await
            .expect("pushed");
        }
        db.close().await;
        let begun = Instant::now();
        for n in 0..10 {
            assert_eq!(push(&app, &other, &format!("other{n}")).await.status, 201);
        }
        let url = app.base().replace("/scim/v2", "/admin/v1/status");
        loop {
            let status = answer(client().get(&url).bearer_auth(&other)).await.body;
            if status["tenants"][OTHER]["delivered"] == json!(10) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let left = app.status().await;
        assert!(left["pending"].as_u64().expect("a number") > 2_000, "the thousands are still there: {left}");
    }
}

fn pending(n: usize) -> Stored {
    let document = user(&format!("many{n}")).as_object().expect("an object").clone();
    let at = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
    Stored {
        id: format!("many-{n:06}"),
        tenant: TENANT.to_owned(),
        kind: Kind::User,
        document,
        version: 1,
        created: at,
        modified: at,
        deleted: None,
    }
}
