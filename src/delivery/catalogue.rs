//! What an org can give, kept for a while: names, not ids, are configured, and thousands of people have the same ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::entitlement::{Entitlement, Grant, Kind, Rules};
use crate::salesforce::{self, Client, Entry, Resolved, resolve, same_id};
use crate::scim::fold::fold;

/// How long what an org has is believed.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// How long an org is believed that does not have a name. One person asks again then, for all.
const BELIEVED: TimeDelta = TimeDelta::minutes(1);

/// What an org can give, by kind. Of a kind that nothing names, nothing is asked.
#[derive(Default)]
pub struct Catalogue {
    kinds: Mutex<BTreeMap<Kind, Known>>,
}

#[derive(Clone)]
struct Known {
    entries: Arc<[Entry]>,
    /// The folded names that it was asked for: over SCIM those are all that it can tell of.
    names: BTreeSet<String>,
    at: DateTime<Utc>,
}

/// Names of what an org can give, as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<Kind, Arc<[Entry]>>);

impl Names {
    /// The API name of a grant; of a profile the name.
    pub fn of(&self, grant: &Grant) -> Option<&str> {
        let entries = self.0.get(&grant.kind)?;
        entries.iter().find(|entry| same_id(&entry.id, &grant.id)).map(|entry| entry.name.as_str())
    }
}

/// What a name means in the org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This id.
    Id(String),
    /// Nothing that can be given, and why.
    Nothing(String),
}

impl Catalogue {
    /// What an entitlement means in the org; `asking` is told of each call. A name that is not there is asked for again, at
    /// most once a minute.
    pub(super) async fn meaning(
        &self,
        client: &Client,
        rules: &Rules,
        wanted: &Entitlement,
        now: DateTime<Utc>,
        asking: &(dyn Fn() + Sync),
    ) -> Result<Meaning, salesforce::Error> {
        let kind = wanted.kind;
        // Held while asking, so that a thousand people ask once.
        let mut kinds = self.kinds.lock().await;
        let known = kinds.get(&kind);
        let is_believed = |known: &Known| {
            let age = now - known.at;
            let was_asked = known.names.contains(&fold(&wanted.name)) || client.may_query();
            let is_there = !matches!(resolve(&known.entries, &wanted.name), Resolved::Missing);
            age < if is_there { FRESH } else { BELIEVED } && was_asked
        };
        if let Some(known) = known.filter(|known| is_believed(known)) {
            return Ok(Self::of(&known.entries, wanted));
        }
        let of_rules = rules.named().filter(|(named, _)| *named == kind).map(|(_, name)| name.to_owned());
        let mut names: BTreeSet<String> = of_rules.collect();
        names.extend(known.iter().flat_map(|known| known.names.iter().cloned()));
        names.insert(fold(&wanted.name));
        asking();
        let entries: Arc<[Entry]> = client.entries(kind, &names).await?.into();
        if let Some(before) = known {
            tell(kind, rules, before, &entries);
        }
        let meaning = Self::of(&entries, wanted);
        kinds.insert(kind, Known { entries, names, at: now });
        Ok(meaning)
    }

    fn of(entries: &[Entry], wanted: &Entitlement) -> Meaning {
        match resolve(entries, &wanted.name) {
            Resolved::One(entry) => Meaning::Id(entry.id.clone()),
            Resolved::Missing => Meaning::Nothing(format!("the org has no {wanted}")),
            Resolved::Several(several) => Meaning::Nothing(format!(
                "the org has several {}s named \"{}\": {}",
                wanted.kind.words(),
                wanted.name,
                several.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join(", ")
            )),
        }
    }

    /// The names that are known, without asking.
    pub async fn names(&self) -> Names {
        let kinds = self.kinds.lock().await;
        Names(kinds.iter().map(|(kind, known)| (*kind, Arc::clone(&known.entries))).collect())
    }

    /// Asks anew for a kind with the next question: Salesforce refused an id that it had told.
    pub(super) async fn forget(&self, kind: Kind) {
        self.kinds.lock().await.remove(&kind);
    }
}

/// Says in the log what became of names that rules have and the org no longer does.
fn tell(kind: Kind, rules: &Rules, before: &Known, entries: &[Entry]) {
    for (_, name) in rules.named().filter(|(named, _)| *named == kind) {
        let (Resolved::One(old), Resolved::Missing) = (resolve(&before.entries, name), resolve(entries, name)) else {
            continue;
        };
        if let Some(renamed) = entries.iter().find(|entry| entry.id == old.id) {
            let words = "renamed in the org: whoever needs it is held until the rules say the new name";
            tracing::warn!(kind = kind.words(), name, now = renamed.name, "{words}");
        } else {
            tracing::warn!(kind = kind.words(), name, "deleted in the org: whoever needs it is held");
        }
    }
}
