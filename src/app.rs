//! Composition: database, org clients, workers and the HTTP server of one process, started and stopped in order.

mod org;

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::clock::{SharedClock, SharedRandomness};
use crate::config::{Config, Tenant};
use crate::db::Db;
use crate::delivery::{Nested, Org, Overview, Pace, Schedule, Signals, Worker};
use crate::http::{self, Binding};
use crate::provisioning::{Following, Grouping, Provisioner, Registries};
use crate::scim::schema::Registry;
use crate::{reconcile, telemetry};

pub use org::org;

/// How often timings are put together.
const UPKEEP: Duration = Duration::from_secs(5);

/// Keeps other bridges from an SQLite file. Given back when it is dropped, or when the process ends in whatever way.
pub struct Held(#[expect(dead_code, reason = "the lock is what it is for")] Option<File>);

/// Keeps a second bridge from an SQLite file: two workers there would each deliver what the other delivers. To be taken
/// before anything is changed.
pub fn hold(config: &Config) -> Result<Held> {
    let Some(path) = config.database.sqlite_path() else { return Ok(Held(None)) };
    let mut name = path.into_os_string();
    name.push(".lock");
    let path = PathBuf::from(name);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(Held(Some(file))),
        Err(TryLockError::WouldBlock) => bail!(
            "another scim-bridge serves {}; SQLite is for one process, use PostgreSQL for several",
            config.database.url
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// What a process needs from outside.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: SharedClock,
    /// Ids, secrets, jitter.
    pub randomness: SharedRandomness,
    /// Renders metrics.
    pub metrics: telemetry::Metrics,
}

/// A bridge that runs.
pub struct App {
    address: SocketAddr,
    access: Access,
    db: Db,
    server: ServerHandle,
    served: JoinHandle<std::io::Result<()>>,
    crew: Crew,
    upkeep: JoinHandle<()>,
    provisioner: Provisioner,
    overview: Overview,
    signals: Signals,
    around: Surroundings,
    draining: Arc<AtomicBool>,
    drain: Duration,
    grace: Duration,
    fixed: Fixed,
    _held: Held,
}

/// What works for the orgs of one configuration: a worker for each, and its reconciles.
struct Crew {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

/// What a configuration says that only a restart changes, by key.
type Fixed = BTreeMap<&'static str, String>;

/// Opens the database and brings its schema to this version's, or, where that is not wanted, refuses an old one.
pub async fn open(config: &Config, migrate: bool) -> Result<Db> {
    let (url, size) = (config.database.url.expose().to_owned(), config.database.pool_size);
    let db = tokio::task::spawn_blocking(move || Db::open(&url, size)).await??;
    if migrate {
        for name in db.migrate().await? {
            tracing::info!(name, "schema change made");
        }
    } else if let pending @ [_, ..] = db.pending_migrations().await?.as_slice() {
        bail!("the database lacks {} schema changes; run scim-bridge migrate", pending.len());
    }
    Ok(db)
}

/// When a tenant is reconciled; `None`: never by the clock.
fn rhythm(tenant: &Tenant) -> Option<reconcile::Rhythm> {
    let every = TimeDelta::from_std(tenant.reconcile.every).ok().filter(|every| !every.is_zero())?;
    Some(reconcile::Rhythm { every, applies: tenant.reconcile.apply })
}

/// What each tenant's resources look like.
fn registries(config: &Config) -> Result<Registries> {
    let mut own = HashMap::new();
    for (name, tenant) in &config.tenant {
        let registry = tenant.registry().with_context(|| format!("tenant.{name}.extensions"))?;
        own.extend(registry.map(|registry| (name.clone(), Arc::new(registry))));
    }
    Ok(Registries::new(Registry::standard().context("the built-in schemas")?, own))
}

/// Every tenant's org.
fn orgs(config: &Config, around: &Surroundings) -> Result<Vec<Arc<Org>>> {
    let orgs = config.tenant.iter().map(|(name, tenant)| {
        let org = org(name, tenant, config.delivery.lease, around)?;
        Ok(Arc::new(Org { neighbours: config.neighbours(name), ..org }))
    });
    orgs.collect()
}

/// What follows from changes, by tenant.
fn following(config: &Config, orgs: &[Arc<Org>]) -> HashMap<String, Following> {
    let of = |org: &Arc<Org>| Following {
        grouping: Grouping {
            entitlements: org.entitlements.rules.look_at_groups().then(|| org.entitlements.clone()),
            flattened: (org.nested == Nested::Flatten).then(|| org.mirror.clone()),
        },
        waits: config.tenant.get(&org.tenant).and_then(Tenant::waits),
    };
    orgs.iter().map(|org| (org.tenant.clone(), of(org))).collect()
}

fn fixed(config: &Config) -> Fixed {
    let extensions: Vec<_> = config.tenant.iter().map(|(name, tenant)| (name, &tenant.extensions)).collect();
    BTreeMap::from([
        ("server", format!("{:?}", config.server)),
        ("database", format!("{} {}", config.database.url.expose(), config.database.pool_size)),
        ("tenant.NAME.extensions", format!("{extensions:?}")),
    ])
}

/// How deliveries are made.
fn pace(config: &Config) -> Result<Pace> {
    Ok(Pace {
        concurrency: config.delivery.concurrency,
        schedule: Schedule::new(config.delivery.retry.clone()),
        lease: TimeDelta::from_std(config.delivery.lease)?,
        attempts_kept: i64::try_from(config.delivery.attempts_kept)?,
    })
}

impl Crew {
    fn start(
        config: &Config,
        (orgs, pace): (Vec<Arc<Org>>, &Pace),
        db: &Db,
        signals: &Signals,
        around: &Surroundings,
    ) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for org in orgs {
            let (clock, randomness) = (around.clock.clone(), around.randomness.clone());
            if let Some(rhythm) = config.tenant.get(&org.tenant).and_then(rhythm) {
                let (org, clock, randomness) = (Arc::clone(&org), clock.clone(), randomness.clone());
                let reconcile = reconcile::Reconcile::new(db.clone(), org, clock, randomness.clone());
                tasks.spawn(reconcile::keep_reconciling(reconcile, rhythm, randomness, stop.clone()));
            }
            // More would only wait for each other, and hold their leases meanwhile.
            let most = config.tenant.get(&org.tenant).map_or(pace.concurrency, |t| t.salesforce.quota.concurrency);
            let pace = Pace { concurrency: pace.concurrency.min(most), ..pace.clone() };
            let worker = Worker::new(db.clone(), org, pace, signals.clone(), clock, randomness);
            tasks.spawn(worker.run(stop.clone()));
        }
        Self { tasks, stop }
    }

    /// Finishes what is under way, for as long as `grace`. What was cut off is due again when its lease has run out.
    async fn end(&mut self, grace: Duration) {
        self.stop.cancel();
        let tasks = &mut self.tasks;
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, finished).await.is_err() {
            tracing::warn!("deliveries under way were cut off; they are tried again later");
            self.tasks.shutdown().await;
        }
    }
}

impl App {
    /// Starts everything; `held` is what [`hold`] gave. When this answers, requests are served and deliveries go out.
    pub fn start(config: &Config, db: Db, held: Held, around: Surroundings) -> Result<Self> {
        let signals = Signals::default();
        let registries = Arc::new(registries(config)?);
        // Everything that can fail is made before anything runs.
        let (orgs, pace) = (orgs(config, &around)?, pace(config)?);
        let (listener, address) =
            http::bind(config.server.listen).with_context(|| format!("server.listen {}", config.server.listen))?;
        let Surroundings { clock, randomness, metrics } = around.clone();
        let access = Access::new(db.clone(), clock.clone(), randomness.clone());
        let provisioner = Provisioner::new(db.clone(), registries, clock.clone(), randomness.clone(), signals.clone());
        provisioner.follow(following(config, &orgs));
        let overview = Overview::new(db.clone(), signals.clone());
        overview.look_at(&orgs);
        let draining = Arc::new(AtomicBool::new(false));
        let state = http::State {
            draining: Arc::clone(&draining),
            provisioner: provisioner.clone(),
            access: access.clone(),
            pages: http::Pages::default(),
            admission: http::Admission::new(config.server.max_requests),
            overview: overview.clone(),
            metrics: metrics.clone(),
            public_url: config.server.public_url.clone(),
            body_limit: config.server.body_limit,
            clock,
            randomness,
        };
        let binding =
            Binding { listener, workers: config.server.workers, shutdown: config.server.shutdown.as_secs().max(1) };
        let server = http::serve(Arc::new(state), binding)?;
        let handle = server.handle();
        let running = tokio::spawn(server);
        let crew = Crew::start(config, (orgs, &pace), &db, &signals, &around);
        let upkeep = tokio::spawn(async move {
            // Timings are kept one by one until somebody puts them together: nobody may be scraping.
            loop {
                tokio::time::sleep(UPKEEP).await;
                metrics.upkeep();
            }
        });
        Ok(Self {
            address,
            access,
            db,
            server: handle,
            served: running,
            crew,
            upkeep,
            provisioner,
            overview,
            signals,
            around,
            draining,
            drain: config.server.drain,
            grace: config.server.shutdown,
            fixed: fixed(config),
            _held: held,
        })
    }

    /// Puts another configuration in force, while requests are served: tenants, their orgs, mappings, rules, guards and
    /// groups, and how deliveries are made. Deliveries under way are finished under the old one first. Answers the keys that
    /// differ and need a restart.
    ///
    /// # Errors
    /// What is wrong with it; then the old one stays in force.
    pub async fn reload(&mut self, config: &Config) -> Result<Vec<&'static str>> {
        let (orgs, pace) = (orgs(config, &self.around)?, pace(config)?);
        self.crew.end(self.grace).await;
        // Whoever pushes from here on is decided about anew; the new crew looks at everybody from before.
        self.provisioner.follow(following(config, &orgs));
        self.overview.look_at(&orgs);
        self.crew = Crew::start(config, (orgs, &pace), &self.db, &self.signals, &self.around);
        let new = fixed(config);
        Ok(self.fixed.iter().filter(|(key, value)| new.get(*key) != Some(value)).map(|(key, _)| *key).collect())
    }

    /// Address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// SCIM base URL, as seen on this machine.
    pub fn base_url(&self) -> String {
        format!("http://{}{}", self.address, http::routes::SCIM_BASE)
    }

    /// Its tokens.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Says for a while that another bridge is to be asked, answers the requests that are under way, finishes the
    /// deliveries that are, and closes the database. What is
    /// still due is in the outbox.
    pub async fn stop(mut self) -> Result<()> {
        self.draining.store(true, Ordering::Relaxed);
        if !self.drain.is_zero() {
            tokio::time::sleep(self.drain).await;
        }
        // What would have been waited for is on disk.
        self.signals.close();
        // Both at once, under one deadline: who asked for the stop waits no longer than was promised.
        self.crew.stop.cancel();
        let grace = self.grace;
        tokio::join!(self.server.stop(true), self.crew.end(grace));
        self.upkeep.abort();
        self.served.await??;
        self.db.close().await;
        Ok(())
    }
}
