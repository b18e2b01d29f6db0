//! What somebody is to be given, why, and what of it is there.

use std::collections::BTreeMap;

use crate::delivery::plan::ObservedUser;
use crate::entitlement::{Because, Decision, Entitlement, Exclusive, Kind, Person, Rules, cause};
use crate::salesforce::same_id;

/// A grant, as it is wanted and as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedGrant {
    /// What it is.
    pub kind: Kind,
    /// Its name; Salesforce's id where no name is known.
    pub name: String,
    /// Why it is wanted: each rule with what makes it hold, or what else asks for it. Empty: it is not wanted.
    pub because: Vec<String>,
    /// Whether the bridge gave it.
    pub given: bool,
    /// Whether the account has it; `None`: nobody has looked.
    pub held: Option<bool>,
    /// Whether it is to be given.
    pub gives: bool,
    /// Whether it is to be taken away.
    pub takes: bool,
}

/// All that is wanted, was given, or is there.
pub(super) fn planned(
    rules: &Rules,
    exclusive: &Exclusive,
    person: Person<'_>,
    decision: &Decision,
    observed: &ObservedUser,
) -> Vec<PlannedGrant> {
    let grants = &observed.grants;
    let ids: BTreeMap<&Entitlement, &str> =
        grants.decided.iter().map(|decided| (&decided.entitlement, decided.id.as_str())).collect();
    // Everything that the account is known to have.
    let single = |kind: Kind, field: &str| observed.record.text(field).map(|id| (kind, id.to_owned()));
    let several = grants.holds.iter().flatten().map(|held| (held.grant.kind, held.grant.id.clone()));
    let there: Vec<(Kind, String)> =
        several.chain(single(Kind::Profile, "ProfileId")).chain(single(Kind::Role, "UserRoleId")).collect();
    let is_known = |kind: Kind| match kind {
        Kind::Profile => observed.record.mentions("ProfileId"),
        Kind::Role => observed.record.mentions("UserRoleId"),
        _ => grants.holds.is_some(),
    };
    let has = |kind: Kind, id: &str| there.iter().any(|(other, held)| *other == kind && same_id(held, id));
    let gave = |kind: Kind, id: &str| grants.given.iter().any(|grant| grant.kind == kind && same_id(&grant.id, id));
    let mut all: Vec<PlannedGrant> = Vec::new();
    let mut wanted: Vec<(Kind, &str)> = Vec::new();
    for reasoned in decision.iter() {
        let (kind, id) = (reasoned.entitlement.kind, ids.get(&reasoned.entitlement).copied());
        wanted.extend(id.map(|id| (kind, id)));
        let held = id.filter(|_| is_known(kind)).map(|id| has(kind, id));
        // What somebody has by hand is better than the default.
        let is_late = reasoned.because == [Because::Default] && there.iter().any(|(other, _)| *other == kind);
        all.push(PlannedGrant {
            kind,
            name: reasoned.entitlement.name.clone(),
            because: reasoned.because.iter().map(|because| why(rules, person, because)).collect(),
            given: id.is_some_and(|id| gave(kind, id)),
            held,
            gives: held != Some(true) && !is_late,
            takes: false,
        });
    }
    for grant in grants.removed.iter().filter(|grant| !exclusive.0.contains(&grant.kind)) {
        if wanted.iter().any(|(kind, id)| *kind == grant.kind && same_id(id, &grant.id)) {
            continue;
        }
        let held = is_known(grant.kind).then(|| has(grant.kind, &grant.id));
        wanted.push((grant.kind, &grant.id));
        all.push(PlannedGrant {
            kind: grant.kind,
            name: grant.id.clone(),
            because: vec!["had by hand before leaving".to_owned()],
            given: false,
            held,
            gives: held != Some(true),
            takes: false,
        });
    }
    for (kind, id) in &there {
        if wanted.iter().any(|(other, wanted)| other == kind && same_id(wanted, id)) {
            continue;
        }
        let named = ids.iter().find(|(entitlement, known)| entitlement.kind == *kind && same_id(known, id));
        let given = gave(*kind, id);
        all.push(PlannedGrant {
            kind: *kind,
            name: named.map_or_else(|| id.clone(), |(entitlement, _)| entitlement.name.clone()),
            because: Vec::new(),
            given,
            held: Some(true),
            gives: false,
            takes: *kind != Kind::Profile && (given || exclusive.0.contains(kind)),
        });
    }
    all
}

/// A reason, with what makes it one.
fn why(rules: &Rules, person: Person<'_>, because: &Because) -> String {
    let words = rules.words(because);
    let Because::Rule(place) = because else { return words };
    let Some(rule) = rules.iter().nth(*place) else { return words };
    let causes = cause::causes(&rule.when, rules.users(), person);
    if causes.is_empty() { words } else { format!("{words}: {}", causes.join(", ")) }
}
