//! What `check` asks of an org about what rules give, and what the guard watches.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::Org;
use crate::entitlement::{Entitlement, Kind};
use crate::salesforce::{Entry, Licence, Resolved, resolve, same_id};
use crate::scim::fold::fold;

use super::{Findings, Level};

/// Who names something.
#[derive(Default)]
struct Named<'a> {
    /// Rules that give it.
    rules: Vec<&'a str>,
    /// Whether the guard is to hold it.
    is_sensitive: bool,
}

impl Named<'_> {
    /// What follows from its being nothing in the org, for each who names it.
    fn follows(&self) -> impl Iterator<Item = String> {
        let rules = self.rules.iter().map(|rule| format!("\"{rule}\"")).collect::<Vec<_>>().join(", ");
        let rules = (!rules.is_empty()).then(|| format!("(rule {rules}); whoever needs it is held"));
        let sensitive = "(guard.sensitive); what was meant is given without a person's word";
        rules.into_iter().chain(self.is_sensitive.then(|| sensitive.to_owned()))
    }
}

/// What rules and the guard name, by kind.
fn named(org: &Org) -> BTreeMap<Kind, BTreeMap<&Entitlement, Named<'_>>> {
    let mut by_kind: BTreeMap<Kind, BTreeMap<&Entitlement, Named<'_>>> = BTreeMap::new();
    for rule in org.entitlements.rules.iter() {
        for given in &rule.gives {
            by_kind.entry(given.kind).or_default().entry(given).or_default().rules.push(&rule.name);
        }
    }
    // Over SCIM alone the rest can neither be given nor asked for.
    let can_be_given = |kind: Kind| kind.is_single() || org.client.may_query();
    for sensitive in org.entitlements.guard.sensitive.iter().filter(|one| can_be_given(one.kind)) {
        by_kind.entry(sensitive.kind).or_default().entry(sensitive).or_default().is_sensitive = true;
    }
    by_kind
}

/// Every name of every rule, and of what is sensitive, means one thing in the org.
pub(super) async fn names(org: &Org, name: &str, findings: &mut Findings) {
    let by_kind = named(org);
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
        for (entitlement, named) in wanted {
            count += 1;
            let Some(problem) = org.lacks(&entries, entitlement) else { continue };
            good = false;
            for follows in named.follows() {
                findings.add(Level::Error, name, format!("{problem} {follows}"));
            }
        }
    }
    if good && count > 0 {
        let whose = if org.entitlements.guard.sensitive.is_empty() { "give" } else { "give and the guard watches" };
        findings.add(Level::Ok, name, format!("the {count} names that rules {whose} are there"));
    }
}

/// Permission sets of rules find the licences that they need: a profile's user licence, or a permission set licence.
pub(super) async fn licences(org: &Org, name: &str, findings: &mut Findings) {
    let rules = &org.entitlements.rules;
    if !rules.iter().any(|rule| rule.gives.iter().any(|given| given.kind == Kind::PermissionSet)) {
        return;
    }
    let mut there: BTreeMap<Kind, Vec<Entry>> = BTreeMap::new();
    for kind in [Kind::Profile, Kind::PermissionSet, Kind::PermissionSetLicence] {
        match org.client.entries(kind, &BTreeSet::new()).await {
            Ok(entries) => drop(there.insert(kind, entries)),
            Err(error) => return findings.add(Level::Error, name, format!("{}s: {error}", kind.words())),
        }
    }
    for (level, what) in unfit(org, &there) {
        findings.add(level, name, what);
    }
}

/// What of the rules does not fit together in an org that has these. Names that are missing are told elsewhere.
fn unfit(org: &Org, there: &BTreeMap<Kind, Vec<Entry>>) -> Vec<(Level, String)> {
    let rules = &org.entitlements.rules;
    let entry = |given: &Entitlement| match resolve(there.get(&given.kind)?, &given.name) {
        Resolved::One(entry) => Some(entry),
        _ => None,
    };
    let all = || rules.iter().flat_map(|rule| &rule.gives);
    let default = rules.default_profile().map(|name| Entitlement::new(Kind::Profile, name));
    let profiles: Vec<&Entry> =
        all().chain(&default).filter(|given| given.kind == Kind::Profile).filter_map(entry).collect();
    let licences: Vec<&Entry> =
        all().filter(|given| given.kind == Kind::PermissionSetLicence).filter_map(entry).collect();
    let belongs_to = |profile: &Entry, licence: &Licence| {
        profile.licence.as_ref().is_none_or(|other| same_id(&other.id, &licence.id))
    };
    let (mut found, mut told) = (Vec::new(), BTreeSet::new());
    for rule in rules.iter() {
        let profile = rule.gives.iter().find(|given| given.kind == Kind::Profile).and_then(entry);
        for given in rule.gives.iter().filter(|given| given.kind == Kind::PermissionSet) {
            let Some((set, needed)) = entry(given).and_then(|set| Some((set, set.licence.as_ref()?))) else { continue };
            let called = called(there, needed);
            let rule = &rule.name;
            if needed.is_of_permission_sets() {
                if !licences.iter().any(|licence| same_id(&licence.id, &needed.id)) && told.insert(&set.id) {
                    let what = "and no rule gives that: whoever does not have it by hand is held";
                    found.push((Level::Warning, format!("{given} (rule \"{rule}\") needs the {called}, {what}")));
                }
                continue;
            }
            if let Some(profile) = profile.filter(|profile| !belongs_to(profile, needed)) {
                let own = profile.licence.as_ref().and_then(|own| own.name.as_deref()).unwrap_or_default();
                let (words, name) = ("whoever gets both is held", &profile.name);
                found.push((
                    Level::Error,
                    format!(
                        "rule \"{rule}\" gives the profile \"{name}\", which belongs to the user licence \"{own}\", and the \
                         {given}, which needs the {called}; {words}"
                    ),
                ));
            } else if !profiles.iter().any(|profile| belongs_to(profile, needed)) && told.insert(&set.id) {
                let what = "which no profile of the rules has: whoever has no such profile by hand is held";
                found.push((Level::Warning, format!("{given} (rule \"{rule}\") needs the {called}, {what}")));
            }
        }
    }
    found
}

/// A licence in words.
fn called(there: &BTreeMap<Kind, Vec<Entry>>, licence: &Licence) -> String {
    let of = |kind: Kind| there.get(&kind).into_iter().flatten();
    if licence.is_of_permission_sets() {
        let entry = of(Kind::PermissionSetLicence).find(|entry| same_id(&entry.id, &licence.id));
        return format!("permission set licence \"{}\"", entry.map_or(licence.id.as_str(), |entry| &entry.name));
    }
    let mut named = of(Kind::Profile).filter_map(|profile| profile.licence.as_ref());
    let named = named.find(|other| same_id(&other.id, &licence.id)).and_then(|other| other.name.as_deref());
    format!("user licence \"{}\"", named.unwrap_or(&licence.id))
}
