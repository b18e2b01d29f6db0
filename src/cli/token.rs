//! `scim-bridge token`: the secrets that identity providers present.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use chrono::TimeDelta;
use clap::{Args, Subcommand};

use crate::access::{Access, NewToken, Scope};
use crate::clock::{SystemClock, SystemRandomness};
use crate::db::Db;
use crate::shadow::{self, Kind};

use super::{ConfigFile, database};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token. Its secret is printed once, alone, as the last line of stdout.
    #[command(
        after_help = "Examples:\n  scim-bridge token create --tenant acme --name entra\n  scim-bridge token create --tenant acme --name ops --scope admin --expires 90d\n  scim-bridge token create --tenant acme --name conformance --strict"
    )]
    Create(Create),
    /// List tokens, without their secrets.
    #[command(after_help = "Example:\n  scim-bridge token list --json")]
    List(List),
    /// End a token: within a second at every bridge on the database.
    #[command(after_help = "Example:\n  scim-bridge token revoke 0a1b2c3d4e5f")]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Tenant whose resources it sees; a token belongs to exactly one.
    #[arg(long, value_name = "TENANT")]
    tenant: String,
    /// What to call it in lists.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it allows: scim (push users and groups), admin (see deliveries). May be given several times.
    #[arg(long = "scope", value_name = "SCOPE", default_value = "scim")]
    scopes: Vec<Scope>,
    /// How long it lives: 90d, 12h, 30m. Without it, until it is revoked.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    expires: Option<TimeDelta>,
    /// Refuse what the RFCs forbid, instead of reading it for what identity providers mean by it.
    #[arg(long)]
    strict: bool,
    /// The user whom its holder is: what /Me means. Without it, /Me is answered 501.
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only this tenant's.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// As JSON, one array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Its id, as `token list` shows it.
    id: String,
    #[command(flatten)]
    file: ConfigFile,
}

fn span(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("\"{text}\" is no span; write 90d, 12h or 30m");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: i64 = text.strip_suffix(unit).and_then(|n| n.parse().ok()).filter(|n| *n > 0).ok_or_else(wrong)?;
    match unit {
        'd' => TimeDelta::try_days(number),
        'h' => TimeDelta::try_hours(number),
        'm' => TimeDelta::try_minutes(number),
        _ => None,
    }
    .filter(|span| *span < TimeDelta::days(36500))
    .ok_or_else(wrong)
}

impl Token {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Create(command) => command.run().await,
            Self::List(command) => command.run().await,
            Self::Revoke(command) => command.run().await,
        }
    }
}

async fn access(file: &ConfigFile, migrate: bool) -> Result<(Access, Db, crate::config::Config)> {
    let config = file.load()?;
    let db = database(&config, migrate).await?;
    Ok((Access::new(db.clone(), Arc::new(SystemClock), Arc::new(SystemRandomness)), db, config))
}

impl Create {
    async fn run(self) -> Result<()> {
        // On an empty machine a token is made before the first start.
        let (access, db, config) = access(&self.file, true).await?;
        if !config.tenant.contains_key(&self.tenant) {
            let known: Vec<&str> = config.tenant.keys().map(String::as_str).collect();
            bail!("there is no tenant {}; configured: {}", self.tenant, known.join(", "));
        }
        let user = match self.user {
            None => None,
            Some(name) => Some(user_named(&db, &self.tenant, name).await?),
        };
        let new = NewToken {
            life: self.expires,
            strict: self.strict,
            user,
            ..NewToken::new(&self.tenant, &self.name, self.scopes)
        };
        let (token, secret) = access.create(new).await?;
        db.close().await;
        let ends =
            token.expires.map_or_else(|| "does not expire".to_owned(), |t| format!("expires {}", t.to_rfc3339()));
        println!("token {} for tenant {}, {ends}; the secret is shown only now:", token.id, token.tenant);
        println!("{secret}");
        Ok(())
    }
}

/// Id of the user of this name.
async fn user_named(db: &Db, tenant: &str, name: String) -> Result<String> {
    let (owner, wanted) = (tenant.to_owned(), name.clone());
    let found = db.read(move |conn| shadow::named(conn, &owner, Kind::User, &wanted)).await?;
    found.with_context(|| format!("tenant {tenant} has no user {name}"))
}

impl List {
    async fn run(self) -> Result<()> {
        // A newer binary that only looks must not change the schema under an older bridge.
        let (access, db, _) = access(&self.file, false).await?;
        let tokens = access.list(self.tenant).await?;
        db.close().await;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&tokens)?);
            return Ok(());
        }
        println!("{:<14}{:<16}{:<20}{:<12}{:<8}STATE", "ID", "TENANT", "NAME", "SCOPES", "HINT");
        let now = crate::clock::Clock::now(&SystemClock);
        for token in tokens {
            let scopes: Vec<&str> = token.scopes.iter().map(|s| s.as_str()).collect();
            let state = match (token.revoked, token.expires) {
                (Some(at), _) => format!("revoked {}", at.format("%F")),
                (None, Some(end)) if end <= now => format!("expired {}", end.format("%F")),
                (None, Some(end)) => format!("until {}", end.format("%F")),
                (None, None) => "live".to_owned(),
            };
            let (id, tenant, name) = (token.id, token.tenant, token.name);
            println!("{id:<14}{tenant:<16}{name:<20}{:<12}…{:<7}{state}", scopes.join(","), token.hint);
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> Result<()> {
        // A newer binary that only looks must not change the schema under an older bridge.
        let (access, db, _) = access(&self.file, false).await?;
        let revoked = access.revoke(&self.id).await?;
        db.close().await;
        if !revoked {
            bail!("there is no live token {}; see scim-bridge token list", self.id);
        }
        println!("revoked {}", self.id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_days_hours_or_minutes() {
        assert_eq!(span("90d"), Ok(TimeDelta::days(90)));
        assert_eq!(span("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(span("30m"), Ok(TimeDelta::minutes(30)));
        for wrong in ["", "d", "90", "-1d", "0d", "1y", "1.5d", "99999999999999d", "9ö"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
