//! `scim-bridge deliveries`: what is not yet in Salesforce, and why.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;

use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::delivery::hand::{self, Done, Listed, Order, ShownDelivery};
use crate::delivery::{Refused, State};

use super::{ConfigFile, database};

#[derive(Debug, Subcommand)]
pub(super) enum Deliveries {
    /// List the deliveries that are not at their end, with what they wait for.
    #[command(
        after_help = "Examples:\n  scim-bridge deliveries list --tenant acme\n  scim-bridge deliveries list --state held --state rejected --json"
    )]
    List(List),
    /// Try a delivery again now, or all that failed or wait.
    #[command(
        after_help = "Examples:\n  scim-bridge deliveries retry 019b2c7e-…\n  scim-bridge deliveries retry --all --tenant acme"
    )]
    Retry(Retry),
    /// Let a held delivery go on, and agree to what it asks: to adopt the account that was found, to what the guard holds
    /// back.
    #[command(
        after_help = "Examples:\n  scim-bridge deliveries release 019b2c7e-…\n  scim-bridge deliveries release --guarded --tenant acme"
    )]
    Release(Word),
    /// Give up a delivery that is not at its end, or all that the guard holds back: Salesforce stays as it is until the user
    /// or group changes again, or the delivery is retried.
    #[command(
        after_help = "Examples:\n  scim-bridge deliveries discard 019b2c7e-…\n  scim-bridge deliveries discard --guarded --tenant acme"
    )]
    Discard(Word),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only this tenant's.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Only those in this state; may be given several times. Without it, all that are not delivered.
    #[arg(long = "state", value_name = "STATE", value_parser = state)]
    states: Vec<State>,
    /// As JSON, one object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["id", "all"])]
pub(super) struct Retry {
    /// Id of the user or group.
    id: Option<String>,
    /// All that are retrying, held or rejected.
    #[arg(long)]
    all: bool,
    /// With --all: only this tenant's.
    #[arg(long, value_name = "TENANT", requires = "all")]
    tenant: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Debug, Args)]
#[group(id = "whose", required = true, multiple = false, args = ["id", "guarded"])]
pub(super) struct Word {
    /// Id of the user or group.
    id: Option<String>,
    /// Every user and group of which the guard holds something back; needs --tenant.
    #[arg(long, requires = "tenant")]
    guarded: bool,
    /// With --guarded: whose.
    #[arg(long, value_name = "TENANT", requires = "guarded")]
    tenant: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
}

fn state(text: &str) -> Result<State, String> {
    State::parse(text).ok_or_else(|| {
        let all: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
        format!("there is no state \"{text}\"; there are {}", all.join(", "))
    })
}

impl Deliveries {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::List(command) => command.run().await,
            Self::Retry(command) => command.run().await,
            Self::Release(word) => word.give(Order::Release).await,
            Self::Discard(word) => word.give(Order::Discard).await,
        }
    }
}

impl List {
    async fn run(self) -> Result<()> {
        let db = database(&self.file.load()?, false).await?;
        let all: Vec<State> = State::ALL.into_iter().filter(|state| *state != State::Delivered).collect();
        let states = if self.states.is_empty() { all } else { self.states };
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["ID", "TENANT", "KIND", "NAME", "STATE", "TRIES", "DUE", "WHY"]);
        let mut found = 0_usize;
        hand::list(&db, self.tenant.as_deref(), &states, |listed| {
            found += 1;
            if self.json {
                println!("{}", serde_json::to_string(&ShownDelivery::from(listed)).unwrap_or_default());
                return;
            }
            let delivery = ShownDelivery::from(listed);
            table.add_row([
                delivery.id,
                delivery.tenant,
                delivery.kind.to_owned(),
                delivery.name,
                delivery.state.as_str().to_owned(),
                delivery.attempts.to_string(),
                delivery.due.map_or_else(|| "-".to_owned(), |due| due.format("%F %T").to_string()),
                delivery.reason.or(delivery.last_error).unwrap_or_default(),
            ]);
        })
        .await?;
        db.close().await;
        if found == 0 && !self.json {
            println!("none");
        } else if !self.json {
            println!("{table}");
        }
        Ok(())
    }
}

impl Retry {
    async fn run(self) -> Result<()> {
        let db = database(&self.file.load()?, false).await?;
        let now = SystemClock.now();
        if let Some(id) = self.id {
            let done = hand::order(&db, None, &id, Order::Retry, now).await?;
            db.close().await;
            return say(done, &id, "is tried again");
        }
        let mut ids = Vec::new();
        let states = [State::Retrying, State::Held, State::Rejected];
        let mut note = |listed: Listed| {
            // What a person gave up is taken up one by one.
            if listed.delivery.refused != Some(Refused::Discarded) {
                ids.push(listed.delivery.resource);
            }
        };
        hand::list(&db, self.tenant.as_deref(), &states, &mut note).await?;
        let mut tried = 0_usize;
        for id in &ids {
            tried += usize::from(hand::order(&db, None, id, Order::Retry, now).await? == Done::Yes);
        }
        db.close().await;
        println!("{tried} are tried again");
        Ok(())
    }
}

impl Word {
    /// Carries a person's word out, on one delivery or on all that wait for it.
    async fn give(self, order: Order) -> Result<()> {
        let config = self.file.load()?;
        check_tenant(&config, self.tenant.as_deref())?;
        let db = database(&config, false).await?;
        let now = SystemClock.now();
        let (one, several) = match order {
            Order::Retry => ("is tried again", "are tried again"),
            Order::Release => ("goes on", "go on"),
            Order::Discard => ("is discarded", "are discarded"),
        };
        if let Some(id) = &self.id {
            let done = hand::order(&db, None, id, order, now).await?;
            db.close().await;
            return say(done, id, one);
        }
        let all = hand::order_guarded(&db, self.tenant.as_deref().unwrap_or_default(), order, now).await?;
        db.close().await;
        println!("{all} {several}");
        Ok(())
    }
}

fn check_tenant(config: &Config, tenant: Option<&str>) -> Result<()> {
    let Some(tenant) = tenant.filter(|tenant| !config.tenant.contains_key(*tenant)) else { return Ok(()) };
    let known: Vec<&str> = config.tenant.keys().map(String::as_str).collect();
    bail!("there is no tenant {tenant}; configured: {}", known.join(", "));
}

fn say(done: Done, id: &str, what: &str) -> Result<()> {
    match done {
        Done::Yes => println!("{id} {what}"),
        Done::Unknown => bail!("there is no delivery {id}; see scim-bridge deliveries list"),
        Done::Not(state) => bail!("{id} is {state}, so there is nothing to do"),
    }
    Ok(())
}
