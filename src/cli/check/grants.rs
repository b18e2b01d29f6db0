//! What `check` asks of an org about what rules give.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::Org;
use crate::entitlement::{Entitlement, Kind};
use crate::salesforce::{Resolved, resolve};
use crate::scim::fold::fold;

use super::{Findings, Level};

/// Every name of every rule means one thing in the org.
pub(super) async fn names(org: &Org, name: &str, findings: &mut Findings) {
    let mut by_kind: BTreeMap<Kind, BTreeMap<&Entitlement, Vec<&str>>> = BTreeMap::new();
    let rules = &org.entitlements.rules;
    for rule in rules.iter() {
        for given in &rule.gives {
            by_kind.entry(given.kind).or_default().entry(given).or_default().push(&rule.name);
        }
    }
    let (mut good, mut count) = (true, 0_usize);
    for (kind, wanted) in &by_kind {
        let names: BTreeSet<String> = wanted.keys().map(|entitlement| fold(&entitlement.name)).collect();
        let entries = match org.client.entries(*kind, &names).await {
            Ok(entries) => entries,
            Err(error) => {
                good = false;
                findings.add(Level::Error, name, format!("{}s: {error}", kind.words()));
                continue;
            }
        };
        for (entitlement, rules) in wanted {
            count += 1;
            let rules = rules.iter().map(|rule| format!("\"{rule}\"")).collect::<Vec<_>>().join(", ");
            let problem = match resolve(&entries, &entitlement.name) {
                Resolved::One(_) => continue,
                Resolved::Missing => format!("the org has no {entitlement}"),
                Resolved::Several(several) => format!("the org has {} of {entitlement}", several.len()),
            };
            good = false;
            findings.add(Level::Error, name, format!("{problem} (rule {rules}); whoever needs it is held"));
        }
    }
    if good && count > 0 {
        findings.add(Level::Ok, name, format!("the {count} names that rules give are there"));
    }
}
