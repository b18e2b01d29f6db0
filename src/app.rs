//! Composition: database, org clients, workers and the HTTP server of one process, started and stopped in order.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::clock::{SharedClock, SharedRandomness};
use crate::config::{Config, Login, Rest, Tenant};
use crate::db::Db;
use crate::delivery::plan::{Ladder, Rung};
use crate::delivery::{Org, Overview, Pace, Remembered, Schedule, Signals, Worker};
use crate::entitlement::{Exclusive, Kind};
use crate::http::{self, Binding};
use crate::provisioning::{Grouping, Provisioner, Registries};
use crate::salesforce::mapping::Mapping;
use crate::scim::fold::fold;
use crate::scim::schema::Registry;
use crate::{config, delivery, reconcile, salesforce, telemetry};

/// How long a connection to Salesforce may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

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
    workers: JoinSet<()>,
    stop: CancellationToken,
    grace: Duration,
    _held: Held,
}

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

fn quota(quota: &crate::config::Quota) -> salesforce::Quota {
    let crate::config::Quota { slow_at, hold_at, reserve, concurrency } = *quota;
    salesforce::Quota { slow_at, hold_at, reserve, concurrency }
}

/// The client of a tenant's org. No call outlives half of `lease`.
fn client(name: &str, tenant: &Tenant, lease: Duration, clock: SharedClock) -> Result<salesforce::Client> {
    let login =
        tenant.salesforce.login().map_err(|key| anyhow::anyhow!("tenant.{name}.salesforce.{key} is missing"))?;
    let flow = match login {
        Login::ClientCredentials { client_id, client_secret } => {
            salesforce::Flow::ClientCredentials { client_id, client_secret }
        }
        Login::JwtBearer { client_id, username, private_key, audience } => {
            salesforce::Flow::JwtBearer { client_id, username, private_key_pem: private_key, audience }
        }
        Login::RefreshToken { client_id, client_secret, refresh_token } => {
            salesforce::Flow::RefreshToken { client_id, client_secret, refresh_token }
        }
    };
    let mut settings = salesforce::Settings::new(name, tenant.salesforce.url.clone(), flow);
    settings.rest = tenant.salesforce.rest == Rest::WhenNeeded;
    settings.api_version.clone_from(&tenant.salesforce.api_version);
    settings.quota = quota(&tenant.salesforce.quota);
    // A call that outlived the lease would run beside the next worker's.
    settings.call_timeout = settings.call_timeout.min(lease / 2);
    let http = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        // A token must not follow a redirect to another host.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("scim-bridge/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("the HTTP client could not be made")?;
    Ok(salesforce::Client::new(settings, http, clock))
}

fn mapping(name: &str, tenant: &Tenant) -> Result<Mapping> {
    tenant.mapping(name).map_err(|problems| {
        let told = problems.iter().map(|problem| format!("tenant.{name}.mapping.{} {}", problem.field, problem.words));
        anyhow::anyhow!(told.collect::<Vec<_>>().join("\n"))
    })
}

fn ladder(steps: &[config::Leaving]) -> Ladder {
    Ladder::new(steps.iter().filter_map(|step| match step {
        config::Leaving::Freeze => Some(Rung::Freeze),
        config::Leaving::RemovePermissionSets => Some(Rung::RemovePermissionSets),
        config::Leaving::RemoveGroups => Some(Rung::RemoveGroups),
        // What the wish says by itself.
        config::Leaving::Deactivate => None,
    }))
}

/// A tenant's org, as deliveries need it. Calls nobody.
pub fn org(name: &str, tenant: &Tenant, lease: Duration, surroundings: &Surroundings) -> Result<Org> {
    let mirror = tenant.groups.mirrored().with_context(|| format!("tenant.{name}.groups.mirror"))?;
    Ok(Org {
        tenant: name.to_owned(),
        client: client(name, tenant, lease, surroundings.clock.clone())?,
        mapping: mapping(name, tenant)?,
        default_profile: tenant.entitlements.default_profile.clone(),
        entitlements: delivery::Entitlements {
            rules: tenant.rules(name).map_err(|problems| anyhow::anyhow!(problems.join("\n")))?,
            honours: tenant.entitlements.idp_entitlements == config::IdpEntitlements::Honour,
            exclusive: Exclusive(tenant.entitlements.exclusive.iter().map(|kind| Kind::from(*kind)).collect()),
        },
        catalogue: delivery::Catalogue::default(),
        mirror,
        nested: match tenant.groups.nested {
            config::Nested::Keep => delivery::Nested::Keep,
            config::Nested::Flatten => delivery::Nested::Flatten,
        },
        create_groups: tenant.groups.create,
        adopt: match tenant.accounts.adopt {
            config::Adopt::Matching => delivery::Adopt::Matching,
            config::Adopt::Never => delivery::Adopt::Never,
            config::Adopt::Ask => delivery::Adopt::Ask,
        },
        means: delivery::plan::Means {
            rest: tenant.salesforce.rest == Rest::WhenNeeded,
            welcome_mail: tenant.accounts.welcome_mail,
            ladder: ladder(&tenant.accounts.on_deactivate),
        },
        protected: tenant.protected.iter().map(|name| fold(name)).collect(),
        remembered: Remembered::default(),
    })
}

/// What follows from changes of a tenant's groups.
fn grouping(org: &Org) -> Grouping {
    let rules = &org.entitlements.rules;
    Grouping {
        rules: rules.look_at_groups().then(|| rules.clone()),
        flattened: (org.nested == delivery::Nested::Flatten).then(|| org.mirror.clone()),
    }
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

impl App {
    /// Starts everything; `held` is what [`hold`] gave. When this answers, requests are served and deliveries go out.
    pub fn start(config: &Config, db: Db, held: Held, surroundings: Surroundings) -> Result<Self> {
        let signals = Signals::default();
        let registries = Arc::new(registries(config)?);
        // Everything that can fail is made before anything runs.
        let lease = config.delivery.lease;
        let orgs = config.tenant.iter().map(|(name, tenant)| org(name, tenant, lease, &surroundings));
        let orgs = orgs.map(|org| org.map(Arc::new)).collect::<Result<Vec<_>>>()?;
        let grouping = orgs.iter().map(|org| (org.tenant.clone(), grouping(org))).collect();
        let (listener, address) =
            http::bind(config.server.listen).with_context(|| format!("server.listen {}", config.server.listen))?;
        let Surroundings { clock, randomness, metrics } = surroundings;
        let access = Access::new(db.clone(), clock.clone(), randomness.clone());
        let state = http::State {
            provisioner: Provisioner::new(db.clone(), registries, clock.clone(), randomness.clone(), signals.clone())
                .with_grouping(grouping),
            access: access.clone(),
            pages: http::Pages::default(),
            overview: Overview::new(db.clone()).with_orgs(&orgs),
            metrics: metrics.clone(),
            public_url: config.server.public_url.clone(),
            body_limit: config.server.body_limit,
            clock: clock.clone(),
            randomness: randomness.clone(),
        };
        let binding =
            Binding { listener, workers: config.server.workers, shutdown: config.server.shutdown.as_secs().max(1) };
        let server = http::serve(Arc::new(state), binding)?;
        let handle = server.handle();
        let running = tokio::spawn(server);
        let (cancel, mut workers) = (CancellationToken::new(), JoinSet::new());
        let pace = Pace {
            concurrency: config.delivery.concurrency,
            schedule: Schedule::new(config.delivery.retry.clone()),
            lease: TimeDelta::from_std(config.delivery.lease)?,
            attempts_kept: i64::try_from(config.delivery.attempts_kept)?,
        };
        for org in orgs {
            if let Some(rhythm) = config.tenant.get(&org.tenant).and_then(rhythm) {
                let (org, clock, randomness) = (Arc::clone(&org), clock.clone(), randomness.clone());
                let reconcile = reconcile::Reconcile::new(db.clone(), org, clock, randomness.clone());
                workers.spawn(reconcile::keep_reconciling(reconcile, rhythm, randomness, cancel.clone()));
            }
            // More would only wait for each other, and hold their leases meanwhile.
            let most = config.tenant.get(&org.tenant).map_or(pace.concurrency, |t| t.salesforce.quota.concurrency);
            let pace = Pace { concurrency: pace.concurrency.min(most), ..pace.clone() };
            let worker = Worker::new(db.clone(), org, pace, signals.clone(), clock.clone(), randomness.clone());
            workers.spawn(worker.run(cancel.clone()));
        }
        let ended = cancel.clone();
        workers.spawn(async move {
            // Timings are kept one by one until somebody puts them together: nobody may be scraping.
            while tokio::time::timeout(UPKEEP, ended.cancelled()).await.is_err() {
                metrics.upkeep();
            }
        });
        let grace = config.server.shutdown;
        Ok(Self { address, access, db, server: handle, served: running, workers, stop: cancel, grace, _held: held })
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

    /// Answers the requests that are under way, finishes the deliveries that are, and closes the database. What is
    /// still due is in the outbox.
    pub async fn stop(mut self) -> Result<()> {
        // Both at once, under one deadline: who asked for the stop waits no longer than was promised.
        self.stop.cancel();
        let workers = &mut self.workers;
        let finished = async { while workers.join_next().await.is_some() {} };
        let ((), finished) = tokio::join!(self.server.stop(true), tokio::time::timeout(self.grace, finished));
        if finished.is_err() {
            tracing::warn!("deliveries under way were cut off; they are tried again at the next start");
            self.workers.shutdown().await;
        }
        self.served.await??;
        self.db.close().await;
        Ok(())
    }
}
