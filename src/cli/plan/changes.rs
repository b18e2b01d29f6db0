//! `scim-bridge plan --changes`: who gains and who loses what by a configuration that is not in force yet.

use std::collections::BTreeMap;

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING as PLAIN;
use serde_json::json;

use crate::clock::{Clock as _, SystemClock};
use crate::db::Db;
use crate::delivery::replan::{Outlook, Outlooks};
use crate::delivery::{Org, guard};
use crate::entitlement::{Entitlement, Grant};

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
    let mut losses: BTreeMap<Grant, u64> = BTreeMap::new();
    let mut outlooks = Outlooks::new(db, org);
    while let Some(found) = outlooks.next().await? {
        for outlook in found.iter().filter(|outlook| outlook.is_news()) {
            people += 1;
            outlook.lost.iter().for_each(|grant| *losses.entry(grant.clone()).or_default() += 1);
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
        let held = held_by_guard(db, org, losses).await?;
        if held > 0 {
            let tenant = &org.tenant;
            println!("\n{held} losses would be held until a person agrees: more than tenant.{tenant}.guard allows");
        }
    }
    Ok(())
}

/// How many of these losses the guard would hold back: all of what too many lose.
async fn held_by_guard(db: &Db, org: &Org, losses: BTreeMap<Grant, u64>) -> Result<u64> {
    let (limits, now) = (org.entitlements.guard.losses, SystemClock.now());
    let mut held = 0;
    for (grant, count) in losses.into_iter().filter(|(_, count)| *count > limits.people) {
        let tenant = org.tenant.clone();
        let (losers, had) = db.read(move |conn| guard::numbers(conn, &tenant, &grant, &limits, now)).await?;
        if limits.are_passed(losers.max(count), had) {
            held += count;
        }
    }
    Ok(held)
}

fn changes(outlook: &Outlook) -> impl Iterator<Item = (&'static str, &'static str, &Entitlement)> {
    let gains = outlook.gains().map(|entitlement| ("+", "gains", entitlement));
    gains.chain(outlook.loses().map(|entitlement| ("−", "loses", entitlement)))
}
