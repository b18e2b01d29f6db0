//! `scim-bridge check`: whether the file, the database, each login and every name in the configuration are right.
//! Nothing is changed anywhere.

use anyhow::{Result, bail};
use chrono::TimeDelta;
use clap::Args;
use serde::Serialize;

use crate::app;
use crate::config::{Config, Rest, Tenant};
use crate::db::Db;
use crate::delivery::Org;
use crate::salesforce::mapping::{Type, Write};
use crate::salesforce::{Client, RIGHTS, UserKey};
use crate::scim::fold::fold;

use super::{ConfigFile, surroundings};

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
                    tenant_of(&config, name, tenant, &mut findings).await;
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

async fn tenant_of(config: &Config, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let org = match surroundings().and_then(|around| app::org(name, tenant, config.delivery.lease, &around)) {
        Ok(org) => org,
        Err(error) => return findings.add(Level::Error, name, format!("{error:#}")),
    };
    let client = &org.client;
    if let Err(error) = client.log_in().await {
        return findings.add(Level::Error, name, error.to_string());
    }
    findings.add(Level::Ok, name, format!("login to {}", tenant.salesforce.url));
    match client.scim_is_offered().await {
        Ok(ahead) => {
            findings.add(Level::Ok, name, "Salesforce's SCIM answers");
            // A signed login is good for minutes.
            if let Some(ahead) = ahead.filter(|ahead| ahead.abs() > TimeDelta::minutes(1)) {
                let what = format!("the org's clock is {} s ahead of this machine's", ahead.num_seconds());
                findings.add(Level::Warning, name, what);
            }
        }
        Err(error) => findings.add(Level::Error, name, format!("Salesforce's SCIM: {error}")),
    }
    default_profile(client, name, tenant, findings).await;
    protected(client, name, tenant, findings).await;
    if tenant.salesforce.rest == Rest::Never {
        let what = "rights, licences, fields and calls left are not looked at: salesforce.rest is \"never\"";
        return findings.add(Level::Warning, name, what);
    }
    organization(client, name, findings).await;
    rights(client, name, findings).await;
    licences(client, name, tenant, findings).await;
    fields(&org, name, findings).await;
    calls_left(client, name, findings).await;
}

async fn default_profile(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let Some(profile) = &tenant.entitlements.default_profile else {
        let what = "entitlements.default_profile is not set: new people are held";
        return findings.add(Level::Warning, name, what);
    };
    match client.find_profile(profile).await.as_deref() {
        Ok([_]) => findings.add(Level::Ok, name, format!("the profile \"{profile}\" is there")),
        Ok([]) => findings.add(Level::Error, name, format!("the org has no profile named \"{profile}\"")),
        Ok(_) => findings.add(Level::Error, name, format!("the org has several profiles named \"{profile}\"")),
        Err(error) => findings.add(Level::Error, name, format!("the profile \"{profile}\": {error}")),
    }
}

/// Who is never to be touched is there, and the integration user is among them.
async fn protected(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    for username in &tenant.protected {
        match client.find_users(UserKey::Username(username)).await {
            Ok(found) if found.is_empty() => {
                findings.add(Level::Warning, name, format!("no account has the protected username {username}"));
            }
            Ok(_) => {}
            Err(error) => findings.add(Level::Error, name, format!("the protected username {username}: {error}")),
        }
    }
    match client.who_am_i().await {
        Ok(me) if tenant.protected.iter().any(|username| fold(username) == fold(&me)) => {
            findings.add(Level::Ok, name, format!("the integration user {me} is protected"));
        }
        Ok(me) => {
            let what = format!("the integration user {me} is not in protected: a push of that name would change it");
            findings.add(Level::Warning, name, what);
        }
        Err(error) => findings.add(Level::Warning, name, format!("the integration user is not known: {error}")),
    }
}

async fn organization(client: &Client, name: &str, findings: &mut Findings) {
    match client.organization().await {
        Ok(org) => {
            let kind = if org.is_sandbox { "a Salesforce sandbox" } else { "no sandbox" };
            findings.add(Level::Ok, name, format!("the org is \"{}\", {kind}", org.name));
        }
        Err(error) => findings.add(Level::Error, name, format!("REST: {error}")),
    }
}

async fn rights(client: &Client, name: &str, findings: &mut Findings) {
    let has = match client.rights().await {
        Ok(Some(has)) => has,
        Ok(None) => {
            return findings.add(Level::Warning, name, "the org does not tell the integration user's rights");
        }
        Err(error) => return findings.add(Level::Error, name, format!("rights of the integration user: {error}")),
    };
    let lacking: Vec<&str> =
        RIGHTS.iter().filter(|(field, _)| has.get(field) != Some(&true)).map(|(_, label)| *label).collect();
    if lacking.is_empty() {
        findings.add(Level::Ok, name, "the integration user has the rights that it needs");
        return;
    }
    let what = format!("the integration user lacks {}; give them in its profile itself", lacking.join(", "));
    findings.add(Level::Error, name, what);
}

async fn licences(client: &Client, name: &str, tenant: &Tenant, findings: &mut Findings) {
    let both = async { Ok::<_, crate::salesforce::Error>((client.profiles().await?, client.user_licences().await?)) };
    let (profiles, licences) = match both.await {
        Ok(both) => both,
        Err(error) => return findings.add(Level::Error, name, format!("licences: {error}")),
    };
    let Some(wanted) = &tenant.entitlements.default_profile else { return };
    let profile = profiles.iter().find(|profile| fold(&profile.name) == fold(wanted));
    let Some(licence) = profile.and_then(|profile| profile.licence.as_ref()) else { return };
    let Some(licence) = licences.iter().find(|held| held.name == *licence) else { return };
    let (left, kind) = (licence.total - licence.used, &licence.name);
    let what = format!("{left} of {} \"{kind}\" licences are left for new people", licence.total);
    findings.add(if left > 0 { Level::Ok } else { Level::Warning }, name, what);
}

/// The fields that the mapping writes are there, of a fitting type, and may be written.
async fn fields(org: &Org, name: &str, findings: &mut Findings) {
    let there = match org.client.user_fields().await {
        Ok(there) => there,
        Err(error) => return findings.add(Level::Error, name, format!("fields of users: {error}")),
    };
    let mut good = 0_usize;
    for field in org.mapping.fields().filter(|field| field.write != Write::Never) {
        let Some(info) = there.get(field.name) else {
            let what = format!("the org has no field {}, or the integration user may not see it", field.name);
            findings.add(Level::Error, name, what);
            continue;
        };
        let writable = info.createable && (info.updateable || field.write == Write::OnCreate);
        let fits = match info.kind.as_str() {
            "boolean" => field.kind == Type::Boolean,
            "double" | "int" | "currency" | "percent" => field.kind == Type::Number,
            _ => field.kind == Type::Text,
        };
        if !writable {
            findings.add(Level::Error, name, format!("the integration user may not write {}", field.name));
        } else if fits {
            good += 1;
        } else {
            let (kind, mapped) = (&info.kind, field.kind.as_str());
            let what = format!("{} is of type {kind} in the org, and the mapping gives it {mapped}", field.name);
            findings.add(Level::Error, name, what);
        }
    }
    findings.add(Level::Ok, name, format!("{good} fields of the mapping are there and may be written"));
}

async fn calls_left(client: &Client, name: &str, findings: &mut Findings) {
    match client.calls_left().await {
        Ok((left, most)) => {
            let level = if left * 20 > most { Level::Ok } else { Level::Warning };
            findings.add(level, name, format!("{left} of {most} API calls of the last 24 hours are left"));
        }
        Err(error) => findings.add(Level::Warning, name, format!("API calls left: {error}")),
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
