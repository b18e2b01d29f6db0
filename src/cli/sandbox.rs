//! `scim-bridge sandbox`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use crate::sandbox::{self, Running, Settings};

use super::serve::{SANDBOX_CLIENT, Stop, org};
use super::surroundings;

/// What `--help` ends with.
pub(super) const EXAMPLES: &str = r#"Examples:
  scim-bridge sandbox --listen 127.0.0.1:8081
  scim-bridge sandbox --config sandbox.toml

A configuration file:
  [org.acme]                      # http://127.0.0.1:8081, with the usual profiles
  [org.acme.licences]
  Salesforce = 50
  [[org.acme.permission_sets]]
  name = "Sales_Console"
  label = "Sales Console"
  [org.acme.faults]
  unavailable = 0.05              # every twentieth call answers 503
  [org.beta]                      # http://127.0.0.1:8082; the two share the world's usernames
  daily_api_limit = 1000

Every key is in docs/sandbox.md."#;

#[derive(Debug, Args)]
pub(super) struct SandboxAlone {
    /// File that describes one or several orgs. Without it: one org with everything at its default.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["listen", "client_secret"])]
    config: Option<PathBuf>,
    /// Address to listen on. Port 0: the system chooses.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Consumer secret of the org's app (its key is `scim-bridge`).
    #[arg(
        long,
        value_name = "SECRET",
        env = "SCIM_BRIDGE_SANDBOX_SECRET",
        hide_env_values = true,
        default_value = "sandbox-secret",
        value_parser = |text: &str| Ok::<_, std::convert::Infallible>(SecretString::from(text))
    )]
    client_secret: SecretString,
}

impl SandboxAlone {
    pub(super) async fn run(self) -> Result<()> {
        let around = surroundings()?;
        let default = org(self.listen, self.client_secret.expose_secret(), &around);
        let running = if let Some(file) = &self.config {
            configured(file, &default).await?
        } else {
            let org = sandbox::start(default)
                .await
                .with_context(|| format!("the simulated org cannot listen on {}", self.listen))?;
            println!("Salesforce      {}", org.url());
            println!("client_id       {SANDBOX_CLIENT}");
            println!("client_secret   as given (default sandbox-secret)");
            vec![org]
        };
        Stop::listen()?.asked().await;
        for org in running {
            org.stop().await;
        }
        Ok(())
    }
}

async fn configured(file: &Path, default: &Settings) -> Result<Vec<Running>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let orgs = sandbox::read_config(&text, folder, &Arc::clone(&default.clock), &Arc::clone(&default.entropy))
        .with_context(|| file.display().to_string())?;
    let running = sandbox::start_all(orgs).await?;
    for org in &running {
        let settings = org.org().settings();
        println!("{}", settings.name);
        println!("  Salesforce      {}", org.url());
        println!("  client_id       {}", settings.client_id);
        println!("  client_secret   {}", settings.client_secret);
        let jwt = if settings.jwt_public_key.is_some() { "yes, as" } else { "no; its user is" };
        println!("  JWT bearer      {jwt} {}", settings.integration_username);
    }
    Ok(running)
}
