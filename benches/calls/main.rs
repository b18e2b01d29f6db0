//! `cargo bench --bench calls`: how many Salesforce calls the requests of an identity provider cost.

mod rig;
mod scenario;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};

use scenario::{Cost, Scale};

/// Counts the Salesforce calls of what identity providers do, against a simulated org.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench calls --")]
struct Options {
    /// Users of Entra's cycles.
    #[arg(long, default_value_t = 1000)]
    users: u64,
    /// Members of Okta's group.
    #[arg(long, default_value_t = 1000)]
    members: u64,
    /// Pushes during the outage.
    #[arg(long, default_value_t = 5000)]
    pushes: u64,
    /// How many times as fast as the machine's clock the outage's ten minutes pass.
    #[arg(long, default_value_t = 20.0)]
    speed: f64,
    /// Markdown, as in docs/performance.md.
    #[arg(long)]
    markdown: bool,
    /// Exit with 1 where something cost more than it may.
    #[arg(long)]
    check: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let scale = Scale { users: options.users, members: options.members, pushes: options.pushes, speed: options.speed };
    let folder = tempfile::tempdir()?;
    let database = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let mut costs = scenario::entra(&database("entra.db"), scale).await?;
    costs.extend(scenario::okta(&database("okta.db"), scale).await?);
    costs.extend(scenario::outage(&database("outage.db"), scale).await?);
    println!("{}", table(&costs, options.markdown));
    let failed = costs.iter().any(|cost| !cost.holds());
    Ok(if options.check && failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn table(costs: &[Cost], markdown: bool) -> Table {
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { NOTHING });
    table.set_header(["scenario", "IdP requests", "Salesforce calls", "per 1,000", "allowed", "because", "kinds"]);
    for cost in costs {
        let kinds = cost.kinds.iter().map(|(kind, n)| format!("{kind} {n}")).collect::<Vec<_>>().join(", ");
        table.add_row([
            cost.name.clone(),
            cost.requests.to_string(),
            cost.calls.to_string(),
            format!("{:.0}", cost.per_thousand()),
            format!("{}{}", cost.most, if cost.holds() { "" } else { " EXCEEDED" }),
            cost.because.clone(),
            kinds,
        ]);
    }
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
