//! The command line. Results on stdout, logs on stderr; exit 0 when it was done, 1 when it was not, 2 when the command
//! was not understood; some commands have codes of their own, which their help tells.

mod check;
mod deliveries;
mod plan;
mod reconcile;
mod sandbox;
mod schema;
mod serve;
mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};

use crate::app::{self, Surroundings};
use crate::clock::{SystemClock, SystemRandomness};
use crate::config::Config;
use crate::telemetry::{self, LogFormat};

/// A SCIM 2.0 service provider that brings a Salesforce org to the state the identity provider asked for.
#[derive(Debug, Parser)]
#[command(name = "scim-bridge", version, about, after_help = "Try it:  scim-bridge serve --sandbox")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Format of the log on stderr. What is logged: environment variable `SCIM_BRIDGE_LOG`, for instance
    /// `info,scim_bridge::delivery=debug`.
    #[arg(long, global = true, value_enum, default_value_t, env = "SCIM_BRIDGE_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bridge.
    #[command(after_help = "Examples:\n  scim-bridge serve --sandbox\n  scim-bridge serve --config scim-bridge.toml")]
    Serve(serve::Serve),
    /// Run the simulated Salesforce org alone, for tests of anything that talks to Salesforce.
    #[command(after_help = sandbox::EXAMPLES)]
    Sandbox(sandbox::SandboxAlone),
    /// Tell whether the configuration, the database, each login and every name in it are right. Changes nothing.
    #[command(after_help = "Examples:\n  scim-bridge check --config scim-bridge.toml\n  scim-bridge check --json")]
    Check(check::Check),
    /// Bring the database to this version's schema (`serve` does it too).
    #[command(after_help = "Example:\n  scim-bridge migrate --config scim-bridge.toml")]
    Migrate(ConfigFile),
    /// Make, list and end the bearer tokens that identity providers present.
    #[command(subcommand)]
    Token(token::Token),
    /// See what is not yet in Salesforce and why, try it again, agree to what it asks.
    #[command(subcommand)]
    Deliveries(deliveries::Deliveries),
    /// Show what would be sent to Salesforce now: each field and its template, each grant and the rule that gives it. Sends
    /// nothing. With --changes: who would gain and lose what by a configuration that is not in force yet.
    #[command(
        after_help = "Examples:\n  scim-bridge plan --tenant acme\n  scim-bridge plan --tenant acme --user ada@example.com\n  scim-bridge plan --tenant acme --user ada@example.com --json\n  scim-bridge plan --tenant acme --config edited.toml --changes\n  scim-bridge plan --tenant acme --config edited.toml --changes --csv > changes.csv"
    )]
    Plan(plan::Plan),
    /// Compare what the org really holds with what was asked, and repair it with --apply.
    #[command(
        after_help = "Examples:\n  scim-bridge reconcile --tenant acme\n  scim-bridge reconcile --tenant acme --apply\n  scim-bridge reconcile --tenant acme --json --fail-on-drift"
    )]
    Reconcile(reconcile::Reconcile),
    /// Write `openapi.yaml` and `schema/` from the code.
    #[command(after_help = "Example:\n  scim-bridge schema --check")]
    Schema(schema::Schema),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
struct ConfigFile {
    /// Configuration file. Without it: ./scim-bridge.toml if there is one, else environment variables alone.
    #[arg(long, value_name = "FILE", env = "SCIM_BRIDGE_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> Result<Config> {
        let default = Path::new("scim-bridge.toml");
        let path = self.config.as_deref().or_else(|| default.exists().then_some(default));
        Ok(Config::load(path, std::env::vars())?)
    }
}

fn surroundings() -> Result<Surroundings> {
    let metrics = telemetry::metrics()?;
    Ok(Surroundings { clock: Arc::new(SystemClock), randomness: Arc::new(SystemRandomness), metrics })
}

/// Runs the command that the process was started with.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    telemetry::start_logging(cli.log_format, std::env::var(telemetry::LOG_VARIABLE).ok().as_deref())?;
    match cli.command {
        Command::Serve(command) => command.run().await?,
        Command::Sandbox(command) => command.run().await?,
        Command::Check(command) => command.run().await?,
        Command::Migrate(file) => migrate(&file).await?,
        Command::Token(command) => command.run().await?,
        Command::Deliveries(command) => command.run().await?,
        Command::Plan(command) => command.run().await?,
        Command::Reconcile(command) => return command.run().await,
        Command::Schema(command) => command.run()?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(file: &ConfigFile) -> Result<()> {
    let config = file.load()?;
    let url = config.database.url.expose().to_owned();
    let db = tokio::task::spawn_blocking(move || crate::db::Db::open(&url, 1)).await??;
    let made = db.migrate().await.context("migrate")?;
    for name in &made {
        println!("made {name}");
    }
    println!("{}", if made.is_empty() { "the schema is this version's" } else { "done" });
    db.close().await;
    Ok(())
}

/// Opens the configured database for a command that only uses it. `migrate`: it may be the first to.
async fn database(config: &Config, migrate: bool) -> Result<crate::db::Db> {
    app::open(config, migrate).await
}
