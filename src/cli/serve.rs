//! `scim-bridge serve`.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use clap::Args;
use secrecy::SecretString;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::access::{Access, NewToken, Scope};
use crate::app::{self, App, Surroundings};
use crate::config::Config;
use crate::{delivery, sandbox};

use super::{ConfigFile, surroundings};

/// Consumer key of the simulated org's app.
pub(super) const SANDBOX_CLIENT: &str = "scim-bridge";
/// Tenant of `serve --sandbox`.
const SANDBOX_TENANT: &str = "sandbox";
/// Folder of what `serve --sandbox` keeps; the database's default is in it too.
const DATA: &str = "scim-bridge-data";
/// Name of the tokens that `serve --sandbox` makes.
const SANDBOX_TOKEN: &str = "serve --sandbox";

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    file: ConfigFile,
    /// Run without any configuration, against a simulated Salesforce org in this process. Data goes to
    /// ./scim-bridge-data/.
    #[arg(long)]
    sandbox: bool,
    /// Address to listen on, instead of the configured one. Port 0: the system chooses.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address of the simulated org, with --sandbox. Port 0: the system chooses.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", requires = "sandbox")]
    sandbox_listen: SocketAddr,
    /// Refuse to start on a database of an older version instead of bringing it up to date.
    #[arg(long)]
    no_migrate: bool,
}

/// Ctrl-C and SIGTERM, from when it is made on: one that comes while nobody waits for it is not lost.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(super) fn listen() -> Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// An org with everything at its default.
pub(super) fn org(listen: SocketAddr, client_secret: &str, around: &Surroundings) -> sandbox::Settings {
    let (clock, randomness) = (around.clock.clone(), around.randomness.clone());
    sandbox::Settings {
        listen: listen.to_string(),
        client_id: SANDBOX_CLIENT.to_owned(),
        client_secret: client_secret.to_owned(),
        clock: std::sync::Arc::new(move || clock.now()),
        entropy: std::sync::Arc::new(move |bytes| randomness.fill(bytes)),
        ..sandbox::Settings::default()
    }
}

impl Serve {
    pub(super) async fn run(self) -> Result<()> {
        let around = surroundings()?;
        if self.sandbox { self.with_sandbox(around).await } else { self.configured(around).await }
    }

    async fn configured(self, around: Surroundings) -> Result<()> {
        // Until somebody listens it ends the process; what comes during the start is seen to after it.
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut config = self.file.load()?;
        if config.tenant.is_empty() {
            bail!("no tenant is configured; see docs/configuration.md, or try scim-bridge serve --sandbox");
        }
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        let held = app::hold(&config)?;
        let db = app::open(&config, !self.no_migrate).await?;
        // Not before: what is under way until here need not come to its end.
        let mut stop = Stop::listen()?;
        let mut app = App::start(&config, db, held, around)?;
        println!("SCIM base URL   {}", app.base_url());
        if let Some(url) = &config.server.public_url {
            println!("seen as         {}{}", url.as_str().trim_end_matches('/'), crate::http::routes::SCIM_BASE);
        }
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => break,
                _ = hang_up.recv() => self.reload(&mut app).await,
            }
        }
        tracing::info!("stopping");
        app.stop().await
    }

    /// Puts the file as it is now in force. One that is wrong changes nothing.
    async fn reload(&self, app: &mut App) {
        let loaded = self.file.load().map(|mut config| {
            config.server.listen = self.listen.unwrap_or(config.server.listen);
            config
        });
        let reloaded = match loaded {
            Ok(config) if config.tenant.is_empty() => Err(anyhow::anyhow!("no tenant is configured")),
            Ok(config) => app.reload(&config).await,
            Err(error) => Err(error),
        };
        match reloaded {
            Ok(later) if later.is_empty() => tracing::info!("the configuration was read again and is in force"),
            Ok(later) => {
                let keys = later.join(", ");
                tracing::warn!(keys, "the configuration was read again and is in force, but for what needs a restart");
            }
            Err(error) => {
                tracing::error!("the configuration was read again and is wrong; the old one stays: {error:#}");
            }
        }
    }

    async fn with_sandbox(self, around: Surroundings) -> Result<()> {
        let secret = around.randomness.id(around.clock.now()).simple().to_string();
        // Before anything is touched: the org of a bridge that runs already is in the same folder.
        let held = app::hold(&Config::default())?;
        let mut settings = org(self.sandbox_listen, &secret, &around);
        std::fs::create_dir_all(DATA).with_context(|| DATA.to_owned())?;
        settings.keep_in = Some(std::path::Path::new(DATA).join("org.jsonl"));
        let org = sandbox::start(settings)
            .await
            .with_context(|| format!("the simulated org cannot listen on {}", self.sandbox_listen))?;
        let mut config = Config::sandbox(org.url().parse()?, SANDBOX_CLIENT, SecretString::from(secret.clone()));
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        let db = app::open(&config, !self.no_migrate).await?;
        // An org with nobody in it but the integration user, whatever the data of an earlier run say: everything goes
        // out again.
        let known = if org.org().users().len() <= 1 {
            delivery::start_over(&db, SANDBOX_TENANT, around.clock.now()).await?
        } else {
            0
        };
        let token = fresh_token(&Access::new(db.clone(), around.clock.clone(), around.randomness.clone())).await?;
        let mut stop = Stop::listen()?;
        let app = App::start(&config, db, held, around)?;
        let person = secret.get(secret.len() - 4..).unwrap_or_default();
        print!("{}", welcome(&app.base_url(), &token, org.url(), person, known));
        stop.asked().await;
        tracing::info!("stopping");
        app.stop().await?;
        org.stop().await;
        Ok(())
    }
}

/// One token at a time is live: those of earlier runs end.
async fn fresh_token(access: &Access) -> Result<String> {
    for old in access.list(Some(SANDBOX_TENANT.to_owned())).await? {
        if old.name == SANDBOX_TOKEN && old.revoked.is_none() {
            access.revoke(&old.id).await?;
        }
    }
    let new = NewToken::new(SANDBOX_TENANT, SANDBOX_TOKEN, vec![Scope::Scim, Scope::Admin]);
    Ok(access.create(NewToken { life: Some(TimeDelta::days(30)), ..new }).await?.1)
}

fn welcome(base: &str, token: &str, org: &str, person: &str, known: usize) -> String {
    let again = match known {
        0 => String::new(),
        n => format!("\n{n} users and groups of an earlier run are on their way to the new org.\n"),
    };
    let root = base.strip_suffix(crate::http::routes::SCIM_BASE).unwrap_or(base);
    format!(
        "scim-bridge {version} with a simulated Salesforce org. Ctrl-C stops it.

  SCIM base URL   {base}
  Bearer token    {token}
  Salesforce      {org}
{again}
Create a person, then open the Salesforce URL and see the account:

curl -sS {base}/Users -H 'Authorization: Bearer {token}' -H 'Content-Type: application/scim+json' \
-d '{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"ada-{person}@example.com\",\
\"name\":{{\"givenName\":\"Ada\",\"familyName\":\"Lovelace\"}},\
\"emails\":[{{\"value\":\"ada-{person}@example.com\",\"type\":\"work\",\"primary\":true}}],\"active\":true}}'

Where deliveries stand:

curl -sS {root}/admin/v1/status -H 'Authorization: Bearer {token}'
",
        version = env!("CARGO_PKG_VERSION"),
    )
}
