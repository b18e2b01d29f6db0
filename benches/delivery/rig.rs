//! A bridge with pending users and a simulated org, in one process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use scim_bridge::app::{self, App, Surroundings};
use scim_bridge::clock::{Clock as _, SystemClock, SystemRandomness};
use scim_bridge::config::{Config, DatabaseUrl};
use scim_bridge::db::{Conn, Db, Error};
use scim_bridge::delivery::{State, outbox};
use scim_bridge::sandbox::{self, Faults};
use scim_bridge::shadow::{self, Kind, Stored};
use scim_bridge::telemetry;
use secrecy::SecretString;
use serde_json::json;

const TENANT: &str = "sandbox";
/// How long may be waited for all of it.
const PATIENCE: Duration = Duration::from_mins(15);

/// A database and an org; the bridge is started when everything is pending.
pub(crate) struct Rig {
    config: Config,
    org: sandbox::Running,
    db: Db,
    held: app::Held,
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Users that were delivered.
    pub(crate) users: usize,
    /// From the start of the bridge to the end of the last delivery.
    pub(crate) took: Duration,
}

impl Run {
    /// Deliveries a second.
    pub(crate) fn rate(&self) -> f64 {
        1.0 / self.each().as_secs_f64()
    }

    /// Time for each.
    pub(crate) fn each(&self) -> Duration {
        self.took / u32::try_from(self.users.max(1)).unwrap_or(u32::MAX)
    }
}

impl Rig {
    /// `concurrency` deliveries at once, towards an org that takes `latency` for each call.
    pub(crate) async fn start(database: &str, concurrency: usize, latency: Duration) -> Result<Self> {
        let mut settings = sandbox::Settings { client_secret: "secret".into(), ..sandbox::Settings::default() };
        settings.journal_length = 0;
        settings.daily_api_limit = 10_000_000;
        for (_, seats) in &mut settings.licences {
            *seats = 1_000_000;
        }
        settings.faults = Faults { latency_ms: u64::try_from(latency.as_millis())?, ..Faults::default() };
        let client_id = settings.client_id.clone();
        let org = sandbox::start(settings).await?;
        let mut config = Config::sandbox(org.url().parse()?, &client_id, SecretString::from("secret"));
        config.server.listen = "127.0.0.1:0".parse()?;
        config.server.workers = Some(1);
        config.delivery.concurrency = concurrency;
        if let Some(tenant) = config.tenant.get_mut(TENANT) {
            tenant.salesforce.quota.concurrency = concurrency;
        }
        config.database.url = DatabaseUrl::parse(database).map_err(|words| anyhow::anyhow!("{words}"))?;
        let held = app::hold(&config)?;
        let db = app::open(&config, true).await?;
        Ok(Self { config, org, db, held })
    }

    /// Delivers so many users who are pending when the bridge starts.
    pub(crate) async fn deliver(self, users: usize) -> Result<Run> {
        let Self { config, org, db, held } = self;
        seed(&db, users).await?;
        let around = Surroundings {
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            metrics: telemetry::metrics()?,
        };
        let begun = Instant::now();
        let app = App::start(&config, db.clone(), held, around)?;
        let most = i64::try_from(users)?;
        while delivered(&db).await? < most {
            ensure!(begun.elapsed() < PATIENCE, "not everything was delivered");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = begun.elapsed();
        app.stop().await?;
        org.stop().await;
        Ok(Run { users, took })
    }
}

async fn delivered(db: &Db) -> Result<i64> {
    let counts = db.read(|conn| outbox::count(conn, TENANT)).await?;
    Ok(counts.get(&State::Delivered).copied().unwrap_or_default())
}

async fn seed(db: &Db, users: usize) -> Result<()> {
    for from in (0..users).step_by(1_000) {
        db.write(move |conn: &mut Conn| {
            for n in from..(from + 1_000).min(users) {
                let stored = user(n);
                shadow::insert(conn, &stored)?;
                outbox::enqueue(conn, TENANT, Kind::User, &stored.id, stored.created)?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    }
    Ok(())
}

fn user(n: usize) -> Stored {
    let mail = format!("person{n}@example.com");
    let document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": mail, "externalId": format!("external-{n}"), "active": true, "title": "Engineer",
        "name": { "givenName": "Ada", "familyName": format!("Lovelace {n}") },
        "emails": [{ "value": mail, "type": "work", "primary": true }],
    });
    let at = SystemClock.now() - TimeDelta::minutes(1);
    Stored {
        id: format!("u-{n:08}"),
        tenant: TENANT.to_owned(),
        kind: Kind::User,
        document: document.as_object().cloned().unwrap_or_default(),
        version: 1,
        created: at,
        modified: at,
        deleted: None,
    }
}
