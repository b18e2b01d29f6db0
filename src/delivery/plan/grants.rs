//! The next step towards what a user is to be given beside profile and role.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::entitlement::{Entitlement, Exclusive, Grant, Kind, merge};
use crate::salesforce::{Change, Grants, Held};

/// What is known of a user's grants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedGrants {
    /// What the account has, but for profile and role, which are fields of it. `None`: nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<Vec<HeldGrant>>,
    /// What the bridge gave, profile and role among it: what it may take away.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub given: BTreeSet<Grant>,
    /// What was being given when an answer was lost: noted before a call, taken out when its answer is known. If the account
    /// has it, the bridge gave it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub giving: BTreeSet<Grant>,
    /// What was being taken away when an answer was lost. Without it, what is wanted again by then would seem to be there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub taking: BTreeSet<Grant>,
    /// What was taken away because the person left, and was theirs by hand: given back when they are active again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<Grant>,
    /// Whether the person leaves and it is not known yet that everything was taken away that was to be.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// What was last decided and brought about: whoever's decision becomes another is planned anew.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub decided: BTreeSet<Decided>,
}

/// Something that was decided, and what it meant in the org.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Decided {
    /// What.
    #[serde(flatten)]
    pub entitlement: Entitlement,
    /// Salesforce's id of it.
    pub id: String,
    /// Whether it is the profile of those who have nothing better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
}

/// A grant that an account has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeldGrant {
    /// What it is.
    #[serde(flatten)]
    pub grant: Grant,
    /// Salesforce's id of the assignment, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<String>,
}

impl ObservedGrants {
    /// Whether nothing is known and nothing was done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those of a new account.
    pub fn of_new() -> Self {
        Self { holds: Some(Vec::new()), ..Self::default() }
    }

    /// What was decided beyond the default profile, by name.
    pub fn decided_beyond_the_default(&self) -> BTreeSet<Entitlement> {
        let beyond = self.decided.iter().filter(|decided| !decided.is_default);
        beyond.map(|decided| decided.entitlement.clone()).collect()
    }

    /// What the bridge gave of a kind of which there is one.
    pub fn given_of(&self, kind: Kind) -> Option<&str> {
        self.given.iter().find(|grant| grant.kind == kind).map(|grant| grant.id.as_str())
    }

    /// Notes what the account has, as it was read.
    pub fn read(&mut self, grants: &Grants) {
        let held: Vec<HeldGrant> = grants
            .held
            .iter()
            .map(|held| HeldGrant { grant: held.grant.clone(), assignment: Some(held.assignment.clone()) })
            .collect();
        // Everybody has a profile: without it, the fields of the account were not read.
        let fields_are_known = grants.profile.is_some();
        let single = [(Kind::Profile, &grants.profile), (Kind::Role, &grants.role)];
        let single = single.into_iter().filter_map(|(kind, id)| Some(Grant::new(kind, id.as_deref()?)));
        let there: BTreeSet<Grant> = held.iter().map(|held| held.grant.clone()).chain(single).collect();
        self.taking.clear();
        self.given.append(&mut self.giving);
        // What somebody took away by hand is ours no longer: if it comes back, it comes by hand.
        self.given.retain(|grant| there.contains(grant) || (grant.kind.is_single() && !fields_are_known));
        self.holds = Some(held);
    }

    /// Whether the answer to a change was lost.
    pub fn is_unsure(&self) -> bool {
        !self.giving.is_empty() || !self.taking.is_empty()
    }

    /// Notes changes that are about to be sent.
    pub fn sending(&mut self, changes: &[Change]) {
        for change in changes {
            let unsure = if matches!(change, Change::Give(_)) { &mut self.giving } else { &mut self.taking };
            unsure.insert(change.grant().clone());
        }
    }

    /// Notes that the person is here again: what they had by hand before and have now need not be given back.
    pub fn is_back(&mut self) {
        self.leaving = false;
        let holds: BTreeSet<&Grant> = self.holds.iter().flatten().map(|held| &held.grant).collect();
        // What was being taken when an answer was lost is perhaps gone.
        self.removed.retain(|grant| !holds.contains(grant) || self.taking.contains(grant));
    }

    /// Notes that it is known what became of a change.
    pub fn answered(&mut self, change: &Change) {
        self.giving.remove(change.grant());
        self.taking.remove(change.grant());
    }

    /// Notes what is about to be taken away because the person leaves.
    pub fn leaving(&mut self, changes: &[Change]) {
        let by_hand = changes.iter().map(Change::grant).filter(|grant| !self.given.contains(*grant));
        let by_hand: Vec<Grant> = by_hand.cloned().collect();
        self.removed.extend(by_hand);
    }

    /// Notes a change that was made: `made` is the assignment where this very call gave it.
    pub fn changed(&mut self, change: &Change, made: Option<String>) {
        self.answered(change);
        let grant = change.grant().clone();
        let holds = self.holds.get_or_insert_default();
        holds.retain(|held| held.grant != grant);
        match change {
            Change::Take(_) => {
                self.given.remove(&grant);
            }
            Change::Give(_) => {
                // Given by hand since the last look, or before the person left: it is not ours.
                let was_by_hand = self.removed.remove(&grant);
                if made.is_some() && !was_by_hand {
                    self.given.insert(grant.clone());
                }
                holds.push(HeldGrant { grant, assignment: made });
            }
        }
    }
}

/// What a user is to be given, beside profile and role.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GrantWish {
    /// By id, with the name that messages tell.
    pub wanted: BTreeMap<Grant, String>,
    /// Kinds of which the user keeps nothing else.
    pub exclusive: Exclusive,
    /// Kinds of which nothing is taken away: what is wanted of them is not known whole. Somebody may have renamed in the org
    /// what everybody has.
    pub keep: BTreeSet<Kind>,
    /// Whether what the account has must be read before its profile or role is changed, lest something is taken away that
    /// somebody gave by hand meanwhile.
    pub look_first: bool,
    /// What can be given only once the account has something else: a permission set, and the licence that it needs.
    pub needs: BTreeMap<Grant, Grant>,
    /// What is taken away before the profile changes, because it does not fit the new one.
    pub before_profile: BTreeSet<Grant>,
}

/// The next step for a user's grants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum GrantStep {
    /// Read what the account has.
    Read,
    /// Make these changes.
    Change(Vec<Change>),
}

/// Whether it matters what the account has.
pub fn concerns(wish: &GrantWish, observed: &ObservedGrants) -> bool {
    !wish.wanted.is_empty()
        || observed.given.iter().any(|given| !given.kind.is_single())
        || observed.is_unsure()
        || wish.exclusive.0.iter().any(|kind| !kind.is_single())
}

/// What is to be given and taken away, where the account has just what is observed.
pub fn changes(wish: &GrantWish, observed: &ObservedGrants) -> Vec<Change> {
    match next(wish, observed, true, &BTreeSet::new()) {
        Some(GrantStep::Change(changes)) => changes,
        Some(GrantStep::Read) | None => Vec::new(),
    }
}

/// The next step; `None` when there is none. `looked`: the grants were read during this delivery. `refused`: what
/// Salesforce would not change, and is not asked again during this delivery.
pub(super) fn next(
    wish: &GrantWish,
    observed: &ObservedGrants,
    looked: bool,
    refused: &BTreeSet<Grant>,
) -> Option<GrantStep> {
    if !concerns(wish, observed) {
        return None;
    }
    let Some(holds) = observed.holds.as_ref().filter(|_| !observed.is_unsure()) else {
        return (!looked).then_some(GrantStep::Read);
    };
    let held: BTreeSet<Grant> = holds.iter().map(|held| held.grant.clone()).collect();
    let wanted: BTreeSet<Grant> = wish.wanted.keys().cloned().collect();
    let merged = merge(&wanted, &observed.given, &held, &wish.exclusive);
    let may = |grant: &&Grant| !refused.contains(*grant);
    // A call of its own: were it sent together with the licence, and that refused, its own refusal would say nothing.
    let there = |grant: &&Grant| wish.needs.get(*grant).is_none_or(|needed| held.contains(needed));
    let gives = merged.give.iter().filter(may).filter(there);
    let mut changes: Vec<Change> = gives.cloned().map(Change::Give).collect();
    for grant in merged.take.iter().filter(may).filter(|grant| !wish.keep.contains(&grant.kind)) {
        let assignment = holds.iter().find(|held| held.grant == *grant).and_then(|held| held.assignment.clone());
        match assignment {
            Some(assignment) => changes.push(Change::Take(Held { grant: grant.clone(), assignment })),
            // Given by a call that did not say its id.
            None if !looked => return Some(GrantStep::Read),
            None => {}
        }
    }
    (!changes.is_empty()).then_some(GrantStep::Change(changes))
}

/// The next step before the profile changes.
pub(super) fn before_profile(
    wish: &GrantWish,
    observed: &ObservedGrants,
    looked: bool,
    refused: &BTreeSet<Grant>,
) -> Option<GrantStep> {
    if wish.before_profile.is_empty() {
        return None;
    }
    let step = next(wish, observed, looked, refused)?;
    let GrantStep::Change(mut changes) = step else { return Some(step) };
    changes.retain(|change| matches!(change, Change::Take(_)) && wish.before_profile.contains(change.grant()));
    (!changes.is_empty()).then_some(GrantStep::Change(changes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_perhaps_taken_is_given_back_to_whoever_returns() {
        let set = |id: &str| Grant::new(Kind::PermissionSet, id);
        let held = |id: &str| HeldGrant { grant: set(id), assignment: None };
        let mut observed = ObservedGrants {
            holds: Some(vec![held("lost answer"), held("left alone")]),
            removed: [set("lost answer"), set("left alone"), set("taken")].into(),
            taking: [set("lost answer")].into(),
            ..ObservedGrants::default()
        };
        observed.is_back();
        assert_eq!(observed.removed, [set("lost answer"), set("taken")].into());
    }

    fn grants() -> impl Strategy<Value = BTreeSet<Grant>> {
        let several: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !kind.is_single()).collect();
        let one = (prop::sample::select(several), 0..4_u8).prop_map(|(kind, id)| Grant::new(kind, id.to_string()));
        prop::collection::btree_set(one, 0..8)
    }

    /// What the org answers: it has `has`, and loses the answers of `lost`.
    fn carry_out(step: GrantStep, observed: &mut ObservedGrants, has: &mut BTreeSet<Grant>, lost: bool) {
        match step {
            GrantStep::Read => {
                let held = has.iter().map(|grant| Held { grant: grant.clone(), assignment: "0Pa".into() }).collect();
                observed.read(&Grants { held, ..Grants::default() });
            }
            GrantStep::Change(changes) => {
                observed.sending(&changes);
                for change in &changes {
                    let new = match change {
                        Change::Give(grant) => has.insert(grant.clone()),
                        Change::Take(held) => has.remove(&held.grant),
                    };
                    if !lost {
                        observed.changed(change, new.then(|| "0Pa".to_owned()));
                    }
                }
            }
        }
    }

    proptest! {
        /// Whatever the org has, whoever gave it and whichever answer is lost: what is wanted is there in the end, nothing
        /// else of the managed is, and what was by hand is still there.
        #[test]
        fn grants_converge_and_what_is_by_hand_stays(
            wanted in grants(), before in grants(), by_hand in grants(), kinds in prop::collection::btree_set(2..6_usize, 0..2),
            known in any::<bool>(), lose in prop::option::of(0..3_usize), then in grants(),
        ) {
            let exclusive = Exclusive(kinds.into_iter().map(|kind| Kind::ALL[kind]).collect());
            let wish = |wanted: &BTreeSet<Grant>| GrantWish {
                wanted: wanted.iter().map(|grant| (grant.clone(), String::new())).collect(),
                exclusive: exclusive.clone(),
                ..GrantWish::default()
            };
            let by_hand: BTreeSet<Grant> = by_hand.difference(&before).cloned().collect();
            let mut has: BTreeSet<Grant> = before.union(&by_hand).cloned().collect();
            let mut observed = ObservedGrants { given: before, ..ObservedGrants::default() };
            if known {
                carry_out(GrantStep::Read, &mut observed, &mut has, false);
            }
            let mut steps = 0;
            for (round, wanted) in [&wanted, &then].into_iter().enumerate() {
                // A try ends with the call whose answer is lost; the next one begins with whatever is wanted then.
                let mut looked = false;
                while let Some(step) = next(&wish(wanted), &observed, looked, &BTreeSet::new()) {
                    let lost = round == 0 && lose == Some(steps) && matches!(step, GrantStep::Change(_));
                    looked |= step == GrantStep::Read;
                    carry_out(step, &mut observed, &mut has, lost);
                    steps += 1;
                    prop_assert!(steps < 8);
                    if lost {
                        break;
                    }
                }
            }
            for grant in &then {
                prop_assert!(has.contains(grant), "{grant:?} is wanted");
            }
            for grant in has.difference(&then) {
                prop_assert!(by_hand.contains(grant) && !exclusive.0.contains(&grant.kind), "{grant:?} is left");
            }
            for grant in by_hand.iter().filter(|grant| !exclusive.0.contains(&grant.kind)) {
                prop_assert!(has.contains(grant), "{grant:?} was by hand");
            }
        }
    }

    #[test]
    fn nothing_to_give_and_nothing_given_costs_nothing() {
        assert_eq!(next(&GrantWish::default(), &ObservedGrants::default(), false, &BTreeSet::new()), None);
    }
}
