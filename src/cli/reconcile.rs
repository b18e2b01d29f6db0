//! `scim-bridge reconcile`: what the org really holds, beside what was asked.

use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::app;
use crate::reconcile::{self, Drift, Error, Finding, Granted, Kind, Report, Standing, Task, Unlinked};

use super::{ConfigFile, database, surroundings};

/// Rows of a table at most: whoever has more reads the JSON.
const ROWS: usize = 500;
/// Exit code where there is drift and `--fail-on-drift` was given.
const DRIFTED: u8 = 3;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, given or not")]
pub(super) struct Reconcile {
    #[command(flatten)]
    file: ConfigFile,
    /// Whose org.
    #[arg(long, value_name = "TENANT")]
    tenant: String,
    /// Repair what drifted: it is enqueued, and the ordinary deliveries of a bridge that serves carry it out.
    #[arg(long)]
    apply: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Begin anew instead of going on with a reconcile that was interrupted.
    #[arg(long)]
    fresh: bool,
    /// Exit with 3 where something drifted.
    #[arg(long)]
    fail_on_drift: bool,
}

impl Reconcile {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let config = self.file.load()?;
        let Some(tenant) = config.tenant.get(&self.tenant) else {
            let known: Vec<&str> = config.tenant.keys().map(String::as_str).collect();
            bail!("there is no tenant {}; configured: {}", self.tenant, known.join(", "));
        };
        // A newer binary beside an older bridge must not change the schema under it.
        let db = database(&config, false).await?;
        let around = surroundings()?;
        let org = Arc::new(app::org(&self.tenant, tenant, config.delivery.lease, &around)?);
        let on = reconcile::Reconcile::new(db.clone(), org, around.clock.clone(), around.randomness.clone());
        let task = Task { applies: self.apply, fresh: self.fresh };
        let report = carry_out(&on, task, &around).await.with_context(|| format!("tenant {}", self.tenant))?;
        let mut out = std::io::BufWriter::new(std::io::stdout());
        if self.json {
            as_json(&on, &report, &mut out).await?;
        } else {
            as_tables(&on, &report, &mut out).await?;
        }
        out.flush()?;
        drop(out);
        db.close().await;
        let drifted = self.fail_on_drift && report.drift() > 0;
        Ok(if drifted { ExitCode::from(DRIFTED) } else { ExitCode::SUCCESS })
    }
}

/// Runs it, with a bar on a terminal. A run that another process left is waited for until it is certain that it did.
async fn carry_out(on: &reconcile::Reconcile, task: Task, around: &app::Surroundings) -> Result<Report> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(120));
    let watch = |standing: Standing| show(&bar, standing);
    let mut waited = false;
    let report = loop {
        match on.run(task, &watch).await {
            Err(Error::Busy(until)) if !waited => {
                waited = true;
                bar.set_message("another process was at it just now; waiting whether it goes on");
                let wait = (until - around.clock.now()).to_std().unwrap_or_default();
                tokio::time::sleep(wait + Duration::from_millis(100)).await;
            }
            done => break done,
        }
    };
    bar.finish_and_clear();
    Ok(report?)
}

fn show(bar: &ProgressBar, standing: Standing) {
    let counts = standing.counts;
    if let Some(expected) = standing.expected {
        bar.set_length(expected);
        let style = ProgressStyle::with_template("{spinner} {bar:30} {pos}/{len} accounts, {msg}, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
    }
    bar.set_position(counts.accounts);
    let (users, groups) = (counts.users, counts.groups);
    bar.set_message(format!("{}: {users} users and {groups} groups compared", standing.at));
}

/// Every finding of one sort, one after the other, without holding all of them.
async fn each(
    on: &reconcile::Reconcile,
    report: &Report,
    unlinked: bool,
    mut take: impl FnMut(&Finding) -> Result<bool>,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = on.findings(&report.id, unlinked, &after).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after.clone_from(last);
        for (_, finding) in &page {
            if !take(finding)? {
                return Ok(());
            }
        }
    }
}

/// The report as one JSON object, its long lists written as they are read.
async fn as_json(on: &reconcile::Reconcile, report: &Report, out: &mut (dyn Write + Send)) -> Result<()> {
    let head = serde_json::to_string(report)?;
    write!(out, "{}", head.strip_suffix('}').unwrap_or(&head))?;
    for (name, unlinked) in [("drift", false), ("unlinked", true)] {
        write!(out, ",\n\"{name}\":[")?;
        let mut separator = "\n";
        each(on, report, unlinked, |finding| {
            write!(out, "{separator}{}", serde_json::to_string(finding)?)?;
            separator = ",\n";
            Ok(true)
        })
        .await?;
        write!(out, "]")?;
    }
    writeln!(out, "}}")?;
    Ok(())
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header);
    table
}

/// Text on one line, and without anything that a terminal would take for an order: it is somebody else's.
fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn drift_row(drift: &Drift) -> [String; 5] {
    let what = match drift.kind {
        Kind::MissingAccount => "account".to_owned(),
        Kind::MissingGroup => "public group".to_owned(),
        Kind::Membership => format!("member {}", drift.member.as_ref().map_or("", |member| &member.id)),
        Kind::Grant => drift.grant.as_deref().map(Granted::words).unwrap_or_default(),
        _ => drift.field.clone().unwrap_or_default(),
    };
    let there = |value: &Value| if value == &Value::Bool(true) { "there".to_owned() } else { "not there".to_owned() };
    let (wanted, held) = match drift.kind {
        Kind::MissingAccount | Kind::MissingGroup | Kind::Membership | Kind::Grant => {
            (there(&drift.wanted), there(&drift.held))
        }
        _ => (plain(&drift.wanted), plain(&drift.held)),
    };
    let delivery = if drift.delivery == "delivered" { String::new() } else { format!(" ({})", drift.delivery) };
    [drift.name.clone(), what, wanted, format!("{held}{delivery}"), drift.salesforce_id.clone()]
}

fn unlinked_row(unlinked: &Unlinked) -> [String; 5] {
    let matches =
        unlinked.matches.as_ref().map_or_else(String::new, |found| format!("{}, by {}", found.name, found.by));
    [
        unlinked.username.clone(),
        unlinked.federation_id.clone().unwrap_or_default(),
        if unlinked.active { "active" } else { "inactive" }.to_owned(),
        matches,
        unlinked.salesforce_id.clone(),
    ]
}

async fn as_tables(on: &reconcile::Reconcile, report: &Report, out: &mut (dyn Write + Send)) -> Result<()> {
    let drift = report.drift();
    if drift > 0 {
        let mut rows = table(&["WHO", "WHAT", "ASKED FOR", "SALESFORCE HAS", "SALESFORCE ID"]);
        let shown = fill(on, report, false, &mut rows).await?;
        writeln!(out, "{rows}")?;
        more(out, drift, shown)?;
    }
    let unlinked = report.kinds.get(&Kind::Unlinked).copied().unwrap_or(0);
    if unlinked > 0 {
        let mut rows = table(&["UNLINKED ACCOUNT", "FEDERATION ID", "STATE", "WOULD BE MATCHED WITH", "SALESFORCE ID"]);
        let shown = fill(on, report, true, &mut rows).await?;
        writeln!(out, "{rows}")?;
        more(out, unlinked, shown)?;
    }
    let counts = report.counts;
    writeln!(
        out,
        "{} users, {} groups and {} memberships compared: {drift} differences; {unlinked} accounts that nobody is \
         linked to",
        counts.users, counts.groups, counts.memberships
    )?;
    if counts.skipped > 0 {
        writeln!(out, "{} passed over: a delivery of theirs is to come, under way or newer", counts.skipped)?;
    }
    if report.applied {
        writeln!(
            out,
            "{} deliveries queued: a bridge that serves takes them up at once, otherwise they go out when \
             `scim-bridge serve` is started",
            counts.queued
        )?;
    } else if drift > 0 {
        writeln!(out, "nothing was changed in Salesforce; --apply repairs it")?;
    }
    Ok(())
}

async fn fill(on: &reconcile::Reconcile, report: &Report, unlinked: bool, table: &mut Table) -> Result<usize> {
    let mut shown = 0;
    each(on, report, unlinked, |finding| {
        match finding {
            Finding::Drift(drift) => table.add_row(drift_row(drift).map(|text| safe(&text))),
            Finding::Unlinked(unlinked) => table.add_row(unlinked_row(unlinked).map(|text| safe(&text))),
        };
        shown += 1;
        Ok(shown < ROWS)
    })
    .await?;
    Ok(shown)
}

fn more(out: &mut (dyn Write + Send), all: u64, shown: usize) -> Result<()> {
    let rest = all.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    if rest > 0 {
        writeln!(out, "and {rest} more: --json has all of them")?;
    }
    Ok(())
}
