//! `scim-bridge plan --changes`: who gains and who loses what by a configuration that is not in force yet.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING as PLAIN;
use serde_json::json;

use crate::clock::{Clock as _, SystemClock};
use crate::db::{Conn, Db};
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
    let mut losers: BTreeMap<Grant, BTreeSet<String>> = BTreeMap::new();
    let mut outlooks = Outlooks::new(db, org);
    while let Some(found) = outlooks.next().await? {
        for outlook in found.iter().filter(|outlook| outlook.is_news()) {
            people += 1;
            for grant in &outlook.lost {
                losers.entry(grant.clone()).or_default().insert(outlook.id.clone());
            }
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
        let held = held_by_guard(db, org, losers).await?;
        if held > 0 {
            let tenant = &org.tenant;
            println!("\n{held} losses would be held until a person agrees: more than tenant.{tenant}.guard allows");
        }
    }
    Ok(())
}

/// How many of these losses the guard would hold back: all of what too many lose, with those who are about to lose it
/// already or have lost it within the window.
async fn held_by_guard(db: &Db, org: &Org, losers: BTreeMap<Grant, BTreeSet<String>>) -> Result<u64> {
    let (limits, now) = (org.entitlements.guard.losses, SystemClock.now());
    let mut held = 0;
    for (grant, losers) in losers {
        let (tenant, count) = (org.tenant.clone(), u64::try_from(losers.len()).unwrap_or(u64::MAX));
        let numbers = move |conn: &mut Conn| guard::numbers(conn, &tenant, &grant, &losers, &limits, now);
        let (losers, had) = db.read(numbers).await?;
        if limits.are_passed(losers, had) {
            held += count;
        }
    }
    Ok(held)
}

fn changes(outlook: &Outlook) -> impl Iterator<Item = (&'static str, &'static str, &Entitlement)> {
    let gains = outlook.gains().map(|entitlement| ("+", "gains", entitlement));
    gains.chain(outlook.loses().map(|entitlement| ("−", "loses", entitlement)))
}
