//! `scim-bridge plan`: what would be sent now. Reads the database, and calls nobody.

mod changes;

use anyhow::{Result, bail};
use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING as PLAIN;
use serde_json::{Value, json};

use crate::app;
use crate::db::Db;
use crate::delivery::preview::{self, Planned, PlannedCall, PlannedGrant, Preview, Sought, UserPlan};
use crate::delivery::{Org, State, hand};

use super::{ConfigFile, database, surroundings};
use changes::Form;

#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: String,
    /// Show each field of this person's account: what is wanted, from which template, and what Salesforce last confirmed.
    /// A userName, an id or an externalId. Without it, every user and group that is not delivered, with its next step.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Show who would gain or lose which grants by the rules of this configuration, beside what was decided last. With
    /// --config an edited file can be tried before it is put in force.
    #[arg(long, conflicts_with = "user")]
    changes: bool,
    /// As JSON: with --user one object, otherwise one object a line.
    #[arg(long)]
    json: bool,
    /// With --changes: as CSV, one line a change.
    #[arg(long, requires = "changes", conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    file: ConfigFile,
}

impl Plan {
    pub(super) async fn run(self) -> Result<()> {
        let config = self.file.load()?;
        let Some(tenant) = config.tenant.get(&self.tenant) else {
            let known: Vec<&str> = config.tenant.keys().map(String::as_str).collect();
            bail!("there is no tenant {}; configured: {}", self.tenant, known.join(", "));
        };
        let org = app::org(&self.tenant, tenant, config.delivery.lease, &surroundings()?)?;
        let db = database(&config, false).await?;
        let done = match &self.user {
            Some(name) => self.person(&db, &org, name).await,
            None if self.changes => changes::print(&db, &org, self.form()).await,
            None => self.all(&db, &org).await,
        };
        db.close().await;
        done
    }

    fn form(&self) -> Form {
        match (self.json, self.csv) {
            (true, _) => Form::Json,
            (false, true) => Form::Csv,
            (false, false) => Form::Table,
        }
    }

    async fn person(&self, db: &Db, org: &Org, name: &str) -> Result<()> {
        let tenant = &self.tenant;
        let id = match preview::seek(db, tenant, name).await? {
            Sought::Found(id) => id,
            Sought::Several(ids) => {
                bail!("tenant {tenant} has several users with the externalId {name}: {}", ids.join(", "))
            }
            Sought::Unknown => {
                bail!("tenant {tenant} has no user whose userName, id or externalId is {name}")
            }
        };
        let Some(preview) = preview::of_user(db, org, &id).await? else {
            bail!("user {id} was deleted a moment ago");
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&UserPlan::from(preview))?);
        } else {
            print(&preview);
        }
        Ok(())
    }

    async fn all(&self, db: &Db, org: &Org) -> Result<()> {
        let states: Vec<State> = State::ALL.into_iter().filter(|state| *state != State::Delivered).collect();
        let mut open = Vec::new();
        hand::list(db, Some(&self.tenant), &states, |listed| open.push(listed)).await?;
        let mut table = Table::new();
        table.load_style(PLAIN);
        table.set_header(["KIND", "NAME", "STATE", "NEXT"]);
        for listed in &open {
            let next = preview::in_short(db, org, listed.kind, &listed.delivery.resource).await?;
            let (kind, state) = (hand::word_of(listed.kind), listed.delivery.state.as_str());
            if self.json {
                println!(
                    "{}",
                    json!({ "id": listed.delivery.resource, "kind": kind, "name": listed.name, "state": state, "next": next })
                );
            } else {
                table.add_row([kind, &listed.name, state, &next]);
            }
        }
        if !self.json {
            let words = if open.is_empty() { "everything is delivered".to_owned() } else { table.to_string() };
            println!("{words}");
        }
        Ok(())
    }
}

fn grant_row(grant: &PlannedGrant) -> [String; 5] {
    let sign = match (grant.gives, grant.takes) {
        (true, _) => "+",
        (false, true) => "−",
        (false, false) => "",
    };
    let held = match (grant.held, grant.given) {
        (None, _) => "not known",
        (Some(false), _) => "no",
        (Some(true), true) => "yes, given by the bridge",
        (Some(true), false) => "yes, by hand",
    };
    let because = if grant.because.is_empty() { "-".to_owned() } else { grant.because.join("; ") };
    [sign.to_owned(), grant.kind.words().to_owned(), grant.name.clone(), held.to_owned(), because]
}

fn call_row(call: &PlannedCall) -> [String; 4] {
    let changes: Vec<String> = call
        .gives
        .iter()
        .map(|name| format!("+ {name}"))
        .chain(call.takes.iter().map(|name| format!("− {name}")))
        .collect();
    let does = if changes.is_empty() { call.does.clone() } else { changes.join("\n") };
    let reads = if call.reads { "?" } else { "" };
    [reads.to_owned(), call.method.to_owned(), call.path.clone(), does]
}

/// A value as people read it; `-`: there is none to speak of.
fn shown(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::Null) => "(empty)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn row(field: &Planned) -> [String; 6] {
    let template = match (&field.template, field.is_builtin) {
        (Some(template), true) => template.clone(),
        (Some(template), false) => format!("{template} (configured)"),
        (None, _) => "-".to_owned(),
    };
    [
        if field.sent { "→".to_owned() } else { String::new() },
        field.field.clone(),
        shown(field.wanted.as_ref()),
        shown(field.observed.as_ref()),
        field.write.map_or("-", |write| write.as_str()).to_owned(),
        template,
    ]
}

fn print(preview: &Preview) {
    println!("user      {} ({})", preview.name, preview.id);
    println!("account   {}", preview.account.as_deref().unwrap_or("none yet"));
    if let Some(delivery) = &preview.delivery {
        let why = delivery.reason.as_ref().or(delivery.last_error.as_ref());
        println!("delivery  {}{}", delivery.state, why.map(|why| format!(": {why}")).unwrap_or_default());
    }
    println!("next      {}", preview.next());
    for (label, words) in preview.failed.iter().map(|words| ("error", words)) {
        println!("{label:<10}{words}");
    }
    for note in &preview.notes {
        println!("note      {note}");
    }
    let mut table = Table::new();
    table.load_style(PLAIN);
    table.set_header(["", "FIELD", "WANTED", "LAST OBSERVED", "WRITE", "TEMPLATE"]);
    preview.fields.iter().for_each(|field| {
        table.add_row(row(field));
    });
    println!("\n{table}\n\n→ is sent now");
    if !preview.grants.is_empty() {
        let mut table = Table::new();
        table.load_style(PLAIN);
        table.set_header(["", "GRANT", "NAME", "THERE", "BECAUSE"]);
        preview.grants.iter().for_each(|grant| {
            table.add_row(grant_row(grant));
        });
        println!("\n{table}\n\n+ is to be given, − is to be taken away");
    }
    if !preview.calls.is_empty() {
        let mut table = Table::new();
        table.load_style(PLAIN);
        table.set_header(["", "CALL", "TO", "DOES"]);
        preview.calls.iter().for_each(|call| {
            table.add_row(call_row(call));
        });
        println!("\n{table}\n\n? reads, and what follows depends on what it finds");
    }
}
