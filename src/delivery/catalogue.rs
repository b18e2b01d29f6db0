//! What an org can give, kept for a while: names, not ids, are configured, and thousands of people have the same ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::gauge;
use tokio::sync::{Mutex, MutexGuard};

use super::licence::Licences;
use super::org::Org;
use crate::entitlement::{Entitlement, Grant, Kind, Rules};
use crate::salesforce::{self, Entry, Resolved, Tempo, by_id, resolve, same_id};
use crate::scim::fold::fold;

/// How long what an org has is believed.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// How long an org is believed that does not have a name. One person asks again then, for all.
const BELIEVED: TimeDelta = TimeDelta::minutes(1);

/// What an org can give, by kind. Of a kind that nothing names, nothing is asked.
#[derive(Default)]
pub struct Catalogue(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    kinds: BTreeMap<Kind, Known>,
    news: News,
}

#[derive(Clone)]
struct Known {
    entries: Arc<[Entry]>,
    /// The folded names that it was asked for: over SCIM those are all that it can tell of.
    names: BTreeSet<String>,
    at: DateTime<Utc>,
    /// Whether the org refused something of it since: the next question asks anew.
    doubted: bool,
}

/// What became another in the org, and of which nobody knows yet whom it concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Kind and folded name of what is there and was not before, or is another than before.
    pub(super) names: BTreeSet<(Kind, String)>,
    /// Kinds that were asked for the first time: nobody compared them with what people were given yet.
    pub(super) kinds: BTreeSet<Kind>,
}

impl News {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.kinds.is_empty()
    }
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

impl Meaning {
    /// What an entitlement means in an org that has these.
    pub(super) fn of(entries: &[Entry], wanted: &Entitlement) -> Self {
        match resolve(entries, &wanted.name) {
            Resolved::One(entry) => Self::Id(entry.id.clone()),
            Resolved::Missing => Self::Nothing(format!("the org has no {wanted}")),
            Resolved::Several(several) => Self::Nothing(format!(
                "the org has several {}s named \"{}\": {}",
                wanted.kind.words(),
                wanted.name,
                several.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>().join(", ")
            )),
        }
    }
}

impl Org {
    /// What an entitlement means in the org, which has these. A mirrored group is nothing that rules give, whichever way it
    /// is named: the configuration knows its label alone.
    fn meaning(&self, entries: &[Entry], wanted: &Entitlement) -> Meaning {
        if wanted.kind == Kind::PublicGroup
            && let Resolved::One(Entry { label: Some(label), .. }) = resolve(entries, &wanted.name)
            && self.mirror.is_match(label)
        {
            let words = "its members are those of the identity provider's";
            return Meaning::Nothing(format!("{wanted} is the mirrored group \"{label}\" (groups.mirror): {words}"));
        }
        Meaning::of(entries, wanted)
    }

    /// Why an entitlement means nothing in the org, which has these; in words.
    pub fn lacks(&self, entries: &[Entry], wanted: &Entitlement) -> Option<String> {
        match self.meaning(entries, wanted) {
            Meaning::Id(_) => None,
            Meaning::Nothing(why) => Some(why),
        }
    }
}

impl Catalogue {
    /// What an entitlement means in the org; `asking` is told of each call. A name that is not there is asked for again, at
    /// most once a minute.
    pub(super) async fn meaning(
        &self,
        org: &Org,
        wanted: &Entitlement,
        now: DateTime<Utc>,
        asking: &(dyn Fn() + Sync),
    ) -> Result<Meaning, salesforce::Error> {
        // Held while asking, so that a thousand people ask once.
        let mut inner = self.0.lock().await;
        let is_believed = |known: &&Known| {
            let was_asked = known.names.contains(&fold(&wanted.name)) || org.client.may_query();
            let is_there = !matches!(resolve(&known.entries, &wanted.name), Resolved::Missing);
            known.is_younger(if is_there { FRESH } else { BELIEVED }, now) && was_asked
        };
        if let Some(known) = inner.kinds.get(&wanted.kind).filter(is_believed) {
            return Ok(org.meaning(&known.entries, wanted));
        }
        asking();
        let entries = ask(&mut inner, org, wanted.kind, Some(&wanted.name), now).await?;
        Ok(org.meaning(&entries, wanted))
    }

    /// What the org says of the licences that these permission sets need, by their ids: of the profiles' where one needs a
    /// user licence, and of the permission set licences where one needs such.
    pub(super) async fn licences(
        &self,
        org: &Org,
        sets: impl Iterator<Item = &str>,
        now: DateTime<Utc>,
        asking: &(dyn Fn() + Sync),
    ) -> Result<Licences, salesforce::Error> {
        let mut inner = self.0.lock().await;
        let known = inner.entries(Kind::PermissionSet);
        let needed = sets.filter_map(|id| by_id(&known, id)?.licence.as_ref());
        let of = |of_sets: bool| if of_sets { Kind::PermissionSetLicence } else { Kind::Profile };
        let kinds: BTreeSet<Kind> = needed.map(|licence| of(licence.is_of_permission_sets())).collect();
        for kind in kinds {
            if !inner.kinds.get(&kind).is_some_and(|known| known.is_younger(FRESH, now)) {
                asking();
                ask(&mut inner, org, kind, None, now).await?;
            }
        }
        Ok(inner.licences())
    }

    /// The same as far as it is known without a call.
    pub(super) async fn known_licences(&self) -> Licences {
        self.0.lock().await.licences()
    }

    /// Asks for every kind that rules name and that nobody asked for within the hour, as long as there are calls enough.
    pub(super) async fn refresh(&self, org: &Org, now: DateTime<Utc>) -> Result<(), salesforce::Error> {
        let kinds: BTreeSet<Kind> = org.entitlements.rules.named().map(|(kind, _)| kind).collect();
        for kind in kinds {
            let mut inner = self.0.lock().await;
            // A refusal is looked into by whoever needs it next: here it must not make the hour shorter.
            let is_old = inner.kinds.get(&kind).is_none_or(|known| now - known.at >= FRESH);
            if is_old && org.client.quota().tempo == Tempo::Free {
                ask(&mut inner, org, kind, None, now).await?;
            }
        }
        Ok(())
    }

    /// What became another since the last time that somebody asked this.
    pub(super) async fn take_news(&self) -> News {
        std::mem::take(&mut self.0.lock().await.news)
    }

    /// Puts back what could not be seen to.
    pub(super) async fn put_back(&self, news: News) {
        let mut inner = self.0.lock().await;
        inner.news.names.extend(news.names);
        inner.news.kinds.extend(news.kinds);
    }

    /// What is known, by kind, without a call.
    pub(super) async fn all_known(&self) -> BTreeMap<Kind, Arc<[Entry]>> {
        let inner = self.0.lock().await;
        inner.kinds.iter().map(|(kind, known)| (*kind, Arc::clone(&known.entries))).collect()
    }

    /// Whether a grant goes by a name, its API name or its label, as far as is known without a call: also where others do.
    pub(super) async fn goes_by(&self, grant: &Grant, name: &str) -> bool {
        let inner = self.0.lock().await;
        let name = fold(name);
        let is_called = |entry: &Entry| {
            fold(&entry.name) == name || entry.label.as_deref().is_some_and(|label| fold(label) == name)
        };
        inner.kinds.get(&grant.kind).and_then(|known| by_id(&known.entries, &grant.id)).is_some_and(is_called)
    }

    /// The names that are known, without asking.
    pub async fn names(&self) -> Names {
        Names(self.all_known().await)
    }

    /// Asks anew for a kind with the next question: Salesforce refused an id that it had told.
    pub(super) async fn forget(&self, kind: Kind) {
        if let Some(known) = self.0.lock().await.kinds.get_mut(&kind) {
            known.doubted = true;
        }
    }
}

impl Known {
    fn is_younger(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        !self.doubted && now - self.at < age
    }
}

impl Inner {
    fn entries(&self, kind: Kind) -> Arc<[Entry]> {
        self.kinds.get(&kind).map(|known| Arc::clone(&known.entries)).unwrap_or_default()
    }

    fn licences(&self) -> Licences {
        Licences {
            profiles: self.entries(Kind::Profile),
            sets: self.entries(Kind::PermissionSet),
            set_licences: self.entries(Kind::PermissionSetLicence),
        }
    }
}

/// Asks the org for a kind, and notes what became another.
async fn ask(
    inner: &mut MutexGuard<'_, Inner>,
    org: &Org,
    kind: Kind,
    name: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Arc<[Entry]>, salesforce::Error> {
    let rules = &org.entitlements.rules;
    let before = inner.kinds.get(&kind);
    let mut names: BTreeSet<String> = named(rules, kind).map(str::to_owned).collect();
    names.extend(before.iter().flat_map(|known| known.names.iter().cloned()));
    names.extend(name.map(fold));
    let entries: Arc<[Entry]> = org.client.entries(kind, &names).await?.into();
    let before = before.map(|known| Arc::clone(&known.entries));
    tell(org, kind, before.as_deref(), &entries);
    match before {
        Some(before) => {
            let new = names.iter().filter(|name| is_new(&before, &entries, name));
            inner.news.names.extend(new.map(|name| (kind, name.clone())));
        }
        None => {
            inner.news.kinds.insert(kind);
        }
    }
    inner.kinds.insert(kind, Known { entries: Arc::clone(&entries), names, at: now, doubted: false });
    Ok(entries)
}

/// Whether a name means something that it did not mean before.
fn is_new(before: &[Entry], now: &[Entry], name: &str) -> bool {
    match (resolve(before, name), resolve(now, name)) {
        (Resolved::One(old), Resolved::One(new)) => !same_id(&old.id, &new.id),
        (_, Resolved::One(_)) => true,
        _ => false,
    }
}

/// The folded names of a kind that rules have.
fn named(rules: &Rules, kind: Kind) -> impl Iterator<Item = &str> {
    rules.named().filter(move |(named, _)| *named == kind).map(|(_, name)| name)
}

/// Says in the log what became of names that rules have and the org does not, once, and in the metrics how many those are.
/// `before`: what the org had; `None`: nobody knows.
fn tell(org: &Org, kind: Kind, before: Option<&[Entry]>, entries: &[Entry]) {
    let (tenant, rules, mut missing) = (org.tenant.as_str(), &org.entitlements.rules, 0_u32);
    for name in named(rules, kind) {
        let is_several = match resolve(entries, name) {
            Resolved::One(_) => continue,
            Resolved::Missing => false,
            Resolved::Several(_) => true,
        };
        missing = missing.saturating_add(1);
        let old = match before.map(|before| resolve(before, name)) {
            None => None,
            Some(Resolved::One(old)) => Some(old),
            // It was told when it began.
            Some(_) => continue,
        };
        let kind = kind.words();
        if is_several {
            tracing::warn!(tenant, kind, name, "several in the org have this name: whoever needs it is held");
        } else if let Some(renamed) = old.and_then(|old| by_id(entries, &old.id)) {
            let words = "renamed in the org: whoever needs it is held until the rules say the new name";
            tracing::warn!(tenant, kind, name, now = renamed.name, "{words}");
        } else if old.is_some() {
            tracing::warn!(tenant, kind, name, "deleted in the org: whoever needs it is held");
        } else {
            tracing::warn!(tenant, kind, name, "not in the org: whoever needs it is held");
        }
    }
    if named(rules, kind).next().is_some() {
        let label = kind.words().replace(' ', "_");
        gauge!("scim_bridge_names_missing", "tenant" => org.tenant.clone(), "kind" => label).set(f64::from(missing));
    }
}

#[cfg(test)]
mod tests {
    use super::is_new;
    use crate::salesforce::Entry;

    #[test]
    fn a_name_is_new_where_it_means_what_it_did_not_mean() {
        let entries = |ids: &[&str]| -> Vec<Entry> {
            let entry = |id: &&str| Entry { id: (*id).into(), name: "Sales".into(), label: None, licence: None };
            ids.iter().map(entry).collect()
        };
        for (before, now, expected) in [
            (&["0PS1"][..], &["0PS1"][..], false),
            (&["0PS1"], &["0PS2"], true),
            (&[], &["0PS1"], true),
            (&["0PS1", "0PS2"], &["0PS1"], true),
            (&["0PS1"], &[], false),
            (&["0PS1"], &["0PS1", "0PS2"], false),
        ] {
            assert_eq!(is_new(&entries(before), &entries(now), "sales"), expected, "{before:?} {now:?}");
        }
    }
}
