//! `cargo bench --bench delivery`: how fast changes reach Salesforce, against simulated orgs.

mod rig;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};

use rig::{Rig, Run};

/// Measures how fast changes are delivered.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench delivery --")]
struct Options {
    /// Deliveries under way at once, towards an org that answers after 200 ms.
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// Users that are pending there.
    #[arg(long, default_value_t = 1600)]
    slow: usize,
    /// Users that are pending towards an org that answers at once.
    #[arg(long, default_value_t = 50_000)]
    pending: usize,
    /// Where to keep it. Without it, SQLite files that are deleted afterwards.
    #[arg(long)]
    database: Option<String>,
    /// Markdown, as in docs/performance.md.
    #[arg(long)]
    markdown: bool,
    /// Exit with 1 where something is slower than it may be.
    #[arg(long)]
    check: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long the slow org takes for each call.
const LATENCY: Duration = Duration::from_millis(200);
/// Of the rate that concurrency and latency allow, what must be reached.
const REACHED: f64 = 0.9;
/// What the bridge may add to a delivery.
const ADDED: Duration = Duration::from_millis(5);

/// A line of the table.
struct Line {
    what: String,
    run: Run,
    bound: String,
    holds: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let database = |name: &str| {
        let file = format!("sqlite:{}", folder.path().join(name).display());
        options.database.clone().unwrap_or(file)
    };
    let mut lines = vec![one_by_one(&database("one.db")).await?];
    lines.push(slow(&database("slow.db"), &options).await?);
    lines.push(drain(&database("drain.db"), &options).await?);
    println!("{}", table(&lines, options.markdown));
    let failed = lines.iter().any(|line| !line.holds);
    Ok(if options.check && failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the bridge itself adds: one delivery at a time, towards an org that answers at once. The org's own time is in it.
async fn one_by_one(database: &str) -> Result<Line> {
    let run = Rig::start(database, 1, Duration::ZERO).await?.deliver(1_000).await?;
    let holds = run.each() < ADDED;
    Ok(Line {
        what: "one at a time, org at once".into(),
        run,
        bound: format!("< {} ms each", ADDED.as_millis()),
        holds,
    })
}

/// The rate towards an org that takes its time: what is under way, over the time that each takes.
async fn slow(database: &str, options: &Options) -> Result<Line> {
    let run = Rig::start(database, options.concurrency, LATENCY).await?.deliver(options.slow).await?;
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let limit = options.concurrency as f64 / LATENCY.as_secs_f64();
    let what = format!("{} at a time, org after {} ms", options.concurrency, LATENCY.as_millis());
    let holds = run.rate() >= limit * REACHED;
    Ok(Line { what, run, bound: format!("≥ {:.0} of {limit:.0}/s", limit * REACHED), holds })
}

/// How long an outage takes to be made up for.
async fn drain(database: &str, options: &Options) -> Result<Line> {
    let run = Rig::start(database, 8, Duration::ZERO).await?.deliver(options.pending).await?;
    Ok(Line { what: "8 at a time, org at once".into(), run, bound: String::new(), holds: true })
}

fn table(lines: &[Line], markdown: bool) -> Table {
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { NOTHING });
    table.set_header(["scenario", "users", "seconds", "per second", "ms each", "bound"]);
    for Line { what, run, bound, holds } in lines {
        table.add_row([
            what.clone(),
            run.users.to_string(),
            format!("{:.2}", run.took.as_secs_f64()),
            format!("{:.0}", run.rate()),
            format!("{:.2}", run.each().as_secs_f64() * 1000.0),
            format!("{bound}{}", if *holds { "" } else { " MISSED" }),
        ]);
    }
    table
}
