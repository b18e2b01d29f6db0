//! `cargo bench --bench scim`: how fast the bridge answers, at several sizes, next to a bare server that does nothing
//! else. See docs/performance.md.

mod answer;
mod bare;
mod bridge;
mod commits;
mod database;
mod load;
mod machine;
mod measure;
mod report;
mod scenario;
mod seed;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use bridge::{Bridge, NoOrg};
use database::Databases;
use measure::{Plan, measure};
use report::{Of, Row};
use scenario::{CHANGES, GROUPS, READS, Scenario};
use seed::Stored;

/// Users in the comparison with the bare server, if there is a bridge with so many.
const YARDSTICK: usize = 10_000;

/// Measures the bridge over HTTP, next to a bare server. Tables on stdout, progress on stderr.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench scim --")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Options {
    /// Users stored, one bridge and database for each.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000])]
    users: Vec<usize>,
    /// Sizes of groups, in the bridge with the most users. Those with more members than users are left out.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1000, 10_000, 100_000])]
    groups: Vec<usize>,
    /// Connections, each with one request under way.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    connections: Vec<usize>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Windows that each measurement is divided into; in between the others have their turn.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Threads that serve, of the bridge and of the bare server. Without it, one for each processor.
    #[arg(long)]
    workers: Option<usize>,
    /// A small, short run that shows that everything works; its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// `postgres://…`: databases are made beside this one, and dropped. Without it, SQLite.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Only requests whose names contain this, whatever their case.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Markdown, as in docs/performance.md.
    #[arg(long)]
    markdown: bool,
    /// Exit with 1 unless everything holds that is promised.
    #[arg(long)]
    check: bool,
    /// Where files are written. Without it, below cargo's target folder: a temporary folder may be memory.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// Serve these answers: the bare server itself.
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// What `--quick` means.
    fn shortened(mut self) -> Self {
        if self.quick {
            self.users = vec![100, 400];
            self.groups = vec![10, 200];
            self.connections = vec![1, 8];
            self.seconds = 0.3;
        }
        self
    }

    fn plan(&self, workers: usize) -> Result<Plan> {
        let length = Duration::try_from_secs_f64(self.seconds).context("--seconds")?;
        Ok(Plan { connections: self.connections.clone(), length, rounds: self.rounds, workers })
    }

    fn wanted<'a>(&self, scenarios: &'a [Scenario]) -> Vec<&'a Scenario> {
        let only = self.only.as_deref().unwrap_or_default().to_lowercase();
        let matches = |scenario: &&Scenario| {
            scenario.kinds.iter().any(|kind| format!("{}{kind}", scenario.name).to_lowercase().contains(&only))
        };
        scenarios.iter().filter(matches).collect()
    }
}

fn main() -> ExitCode {
    let options = Options::parse().shortened();
    let workers = options.workers.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1);
    let done = match &options.bare {
        Some(file) => bare::serve(file, workers).map(|()| true),
        // `cargo test --all-targets` runs this too, and is no place for measurements.
        None if !options.bench => Ok(true),
        None => start(&options, workers),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until it is done or interrupted; either way the children end, since their owners are dropped.
fn start(options: &Options, workers: usize) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            done = run(options, workers) => done,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    })
}

async fn run(options: &Options, workers: usize) -> Result<bool> {
    let begun = Instant::now();
    let plan = options.plan(workers)?;
    let (reads, groups, changes) = (options.wanted(READS), options.wanted(GROUPS), options.wanted(CHANGES));
    if reads.is_empty() && groups.is_empty() && changes.is_empty() {
        bail!("--only: no request is called so");
    }
    // In the order in which they are dropped in the end: bridges, then databases, then files.
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&options.folder)?;
    let mut databases = Databases::new(options.database.as_deref())?;
    let org = NoOrg::new()?;
    let mut stored = seed_all(options, workers, folder.path(), &mut databases, &org).await?;
    let yardstick = yardstick(&stored)?;

    let mut rows = Vec::new();
    for scenario in reads.into_iter().chain(changes) {
        progress(scenario, begun);
        rows.extend(measure(scenario, &stored, yardstick, (folder.path(), &mut databases), &plan).await?);
    }
    if let Some(largest) = stored.iter_mut().max_by_key(|stored| stored.level).filter(|_| !groups.is_empty()) {
        largest.make_groups(&options.groups).await?;
        databases.settle()?;
        largest.bridge.restart().await?;
    }
    for scenario in groups {
        progress(scenario, begun);
        rows.extend(measure(scenario, &stored, yardstick, (folder.path(), &mut databases), &plan).await?);
    }
    eprintln!("{:>5} s  done", begun.elapsed().as_secs());
    println!("{}", machine::facts(folder.path(), &databases.name()?));
    Ok(tell(options, &rows) || !options.check)
}

/// A bridge for each number of users, all of them running; those that are not asked do nothing.
async fn seed_all(
    options: &Options,
    workers: usize,
    folder: &std::path::Path,
    databases: &mut Databases,
    org: &NoOrg,
) -> Result<Vec<Stored>> {
    let spare = options.connections.iter().copied().max().unwrap_or_default();
    let mut stored = Vec::new();
    for &level in &options.users {
        let folder = folder.join(level.to_string());
        let bridge = Bridge::start(&folder, &databases.make(&folder)?, workers, org)?;
        let seeded = Stored::seed(bridge, level, spare).await?;
        eprintln!("{level} users stored in {:.1} s", seeded.took.as_secs_f64());
        stored.push(seeded);
    }
    databases.settle()?;
    for stored in &mut stored {
        stored.bridge.restart().await?;
    }
    Ok(stored)
}

/// Place of the bridge that is compared with the bare server.
fn yardstick(stored: &[Stored]) -> Result<usize> {
    let places = stored.iter().enumerate();
    let near = places.min_by_key(|(_, stored)| stored.level.abs_diff(YARDSTICK));
    near.map(|(place, _)| place).context("--users is empty")
}

fn progress(scenario: &Scenario, begun: Instant) {
    eprintln!("{:>5} s  {}", begun.elapsed().as_secs(), scenario.name);
}

/// Prints everything; whether all of it holds.
fn tell(options: &Options, rows: &[Row]) -> bool {
    let tables = [
        report::share_table(rows, false),
        report::share_table(rows, true),
        report::growth_table(rows),
        report::measurements(rows, Of::Users),
        report::measurements(rows, Of::Members),
    ];
    for table in tables.into_iter().flatten() {
        println!("{}", table.render(options.markdown));
    }
    let bounds = report::bounds(rows);
    for bound in &bounds {
        println!("- {}: {} ({})", if bound.holds { "holds" } else { "FAILS" }, bound.what, bound.figures);
    }
    bounds.iter().all(|bound| bound.holds)
}
