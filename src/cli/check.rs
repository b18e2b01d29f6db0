//! `scim-bridge check`: whether the file, the database, each login and every name in the configuration are right.
//! Nothing is changed anywhere.

mod grants;
mod org;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use crate::config::Config;
use crate::db::Db;

use super::ConfigFile;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// As JSON, one array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Error,
}

/// One line.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    /// `configuration`, `database`, or the tenant.
    about: String,
    what: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, level: Level, about: &str, what: impl Into<String>) {
        self.0.push(Finding { level, about: about.to_owned(), what: what.into() });
    }
}

impl Check {
    pub(super) async fn run(self) -> Result<()> {
        let mut findings = Findings::default();
        match self.file.load() {
            Ok(config) => {
                findings.add(Level::Ok, "configuration", format!("{} tenants", config.tenant.len()));
                database(&config, &mut findings).await;
                for (name, tenant) in &config.tenant {
                    org::check(&config, name, tenant, &mut findings).await;
                }
                if config.tenant.is_empty() {
                    findings.add(Level::Error, "configuration", "no tenant is configured");
                }
            }
            Err(error) => {
                for line in error.to_string().lines() {
                    findings.add(Level::Error, "configuration", line);
                }
            }
        }
        self.print(&findings.0)?;
        let errors = findings.0.iter().filter(|finding| finding.level == Level::Error).count();
        if errors > 0 {
            bail!("{errors} of {} checks failed", findings.0.len());
        }
        Ok(())
    }

    fn print(&self, findings: &[Finding]) -> Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(findings)?);
            return Ok(());
        }
        for Finding { level, about, what } in findings {
            let level = match level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Error => "error",
            };
            println!("{level:<8} {about}: {what}");
        }
        Ok(())
    }
}

async fn database(config: &Config, findings: &mut Findings) {
    let about = "database";
    if let Some(path) = config.database.sqlite_path()
        && !path.exists()
    {
        // Opening it would make it.
        findings.add(Level::Ok, about, format!("{} is not there yet; serve or migrate makes it", path.display()));
        return;
    }
    let url = config.database.url.expose().to_owned();
    let pending = async {
        let db = tokio::task::spawn_blocking(move || Db::open(&url, 1)).await??;
        let pending = db.pending_migrations().await?;
        db.close().await;
        anyhow::Ok(pending.len())
    };
    match pending.await {
        Ok(0) => findings.add(Level::Ok, about, "reachable, and its schema is this version's"),
        Ok(n) => findings.add(Level::Warning, about, format!("lacks {n} schema changes; serve or migrate makes them")),
        Err(error) => findings.add(Level::Error, about, format!("cannot be used: {error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Findings, Level};

    #[test]
    fn findings_are_told_by_level() {
        let mut findings = Findings::default();
        findings.add(Level::Error, "acme", "x");
        let text = serde_json::to_string(&findings.0).unwrap();
        assert_eq!(text, r#"[{"level":"error","about":"acme","what":"x"}]"#);
    }
}
