//! `scim-bridge plan --changes`: who gains and who loses what by a configuration that is not in force yet.

use std::collections::BTreeMap;

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING as PLAIN;
use serde_json::json;

use crate::db::Db;
use crate::delivery::Org;
use crate::delivery::replan::{Outlook, Outlooks};
use crate::entitlement::Entitlement;

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A table for people, and a summary.
    Table,
    /// One object a line, one line a person.
    Json,
    /// One line a change.
    Csv,
}

/// How many people gain and lose something.
#[derive(Default)]
struct Count {
    gain: usize,
    lose: usize,
}

/// Compares everybody's last decision with the one that falls under the configuration of `org`.
pub(super) async fn print(db: &Db, org: &Org, form: Form) -> Result<()> {
    let mut table = Table::new();
    table.load_style(PLAIN);
    table.set_header(["USER", "", "GRANT", "NAME"]);
    let mut csv = csv::Writer::from_writer(std::io::stdout());
    if form == Form::Csv {
        csv.write_record(["userName", "id", "change", "kind", "name"])?;
    }
    let (mut people, mut counts) = (0_usize, BTreeMap::<Entitlement, Count>::new());
    let mut outlooks = Outlooks::new(db, org);
    while let Some(found) = outlooks.next().await? {
        people += found.len();
        for outlook in &found {
            for (sign, change, entitlement) in changes(outlook) {
                let count = counts.entry(entitlement.clone()).or_default();
                if change == "gains" {
                    count.gain += 1;
                } else {
                    count.lose += 1;
                }
                let kind = entitlement.kind.words();
                match form {
                    Form::Table => drop(table.add_row([&outlook.name, sign, kind, &entitlement.name])),
                    Form::Csv => csv.write_record([&outlook.name, &outlook.id, change, kind, &entitlement.name])?,
                    Form::Json => {}
                }
            }
            if form == Form::Json {
                let list = |all: Vec<&Entitlement>| json!(all);
                println!(
                    "{}",
                    json!({ "id": outlook.id, "userName": outlook.name,
                        "gains": list(outlook.gains().collect()), "loses": list(outlook.loses().collect()) })
                );
            }
        }
    }
    csv.flush()?;
    if form == Form::Table {
        if people == 0 {
            println!("nobody gains or loses anything");
            return Ok(());
        }
        println!("{table}\n\n{people} people gain (+) or lose (−) something:");
        for (entitlement, Count { gain, lose }) in &counts {
            println!("  {entitlement}: +{gain} −{lose}");
        }
    }
    Ok(())
}

fn changes(outlook: &Outlook) -> impl Iterator<Item = (&'static str, &'static str, &Entitlement)> {
    let gains = outlook.gains().map(|entitlement| ("+", "gains", entitlement));
    gains.chain(outlook.loses().map(|entitlement| ("−", "loses", entitlement)))
}
