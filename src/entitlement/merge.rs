//! Three-way: what is wanted, what was given before, what is there.
//!
//! Only what the bridge itself gave is taken away again. What an administrator assigned by hand stays, also where a rule
//! names the same thing for others, unless the kind is `exclusive`.

use std::collections::BTreeSet;

use super::Kind;

/// Something by its id in the org.
pub type Held = (Kind, String);

/// Kinds of which nobody keeps what is not wanted, whoever gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusive(pub BTreeSet<Kind>);

/// A change of what somebody has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Take it away.
    Take(Held),
    /// Give it. For a kind of which there is one, it takes the place of the one before.
    Give(Held),
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// What is to change. Nothing of a profile is ever taken, only replaced.
    pub changes: BTreeSet<Change>,
    /// What the bridge has given once the changes are made: what it may take away later.
    pub given: BTreeSet<Held>,
}

/// Compares what is `wanted` with what was `given` by the bridge before and what the org `holds`.
///
/// `fallback` says of something wanted that it is only for those who have nothing better, such as the default profile:
/// it takes the place of what the bridge gave, and of nothing else.
pub fn merge(
    wanted: &BTreeSet<Held>,
    given: &BTreeSet<Held>,
    holds: &BTreeSet<Held>,
    fallback: impl Fn(&Held) -> bool,
    exclusive: &Exclusive,
) -> Merge {
    let (mut merge, mut replaced) = (Merge::default(), BTreeSet::new());
    // What was taken away by hand is no longer ours.
    merge.given.extend(given.intersection(holds).cloned());
    for held in wanted.difference(holds) {
        let by_hand = holds.iter().any(|other| other.0 == held.0 && !given.contains(other));
        if held.0.is_single() && fallback(held) && by_hand {
            continue;
        }
        merge.changes.insert(Change::Give(held.clone()));
        if held.0.is_single() {
            replaced.insert(held.0);
            merge.given.retain(|(kind, _)| *kind != held.0);
        }
        merge.given.insert(held.clone());
    }
    for held in holds.difference(wanted) {
        let ours = given.contains(held) || exclusive.0.contains(&held.0);
        // A profile is replaced, never taken away; so is a role that gets a successor.
        if held.0 == Kind::Profile || replaced.contains(&held.0) || !ours {
            continue;
        }
        merge.changes.insert(Change::Take(held.clone()));
        merge.given.remove(held);
    }
    merge
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Change, Exclusive, Held, Kind, Merge, merge};

    fn set(held: &[(Kind, &str)]) -> BTreeSet<Held> {
        held.iter().map(|(kind, id)| (*kind, (*id).to_owned())).collect()
    }

    const SET: Kind = Kind::PermissionSet;

    fn of(wanted: &[(Kind, &str)], given: &[(Kind, &str)], holds: &[(Kind, &str)], exclusive: &[Kind]) -> Vec<String> {
        let exclusive = Exclusive(exclusive.iter().copied().collect());
        let merged = merge(&set(wanted), &set(given), &set(holds), |held| held.1 == "fallback", &exclusive);
        merged
            .changes
            .iter()
            .map(|change| match change {
                Change::Give((_, id)) => format!("+{id}"),
                Change::Take((_, id)) => format!("-{id}"),
            })
            .collect()
    }

    #[test]
    fn only_what_was_given_is_taken() {
        for (wanted, given, holds, exclusive, expected) in [
            (&[(SET, "a")][..], &[][..], &[][..], &[][..], &["+a"][..]),
            (&[(SET, "a")], &[(SET, "a")], &[(SET, "a")], &[], &[]),
            (&[], &[(SET, "a")], &[(SET, "a"), (SET, "hand")], &[], &["-a"]),
            (&[(SET, "a")], &[(SET, "a")], &[], &[], &["+a"]),
            (&[], &[(SET, "a")], &[], &[], &[]),
            (&[], &[], &[(SET, "hand"), (Kind::Role, "r")], &[SET], &["-hand"]),
            // There by hand before a rule wanted it: it stays by hand.
            (&[(SET, "hand")], &[], &[(SET, "hand")], &[], &[]),
            (&[(Kind::Profile, "p")], &[], &[(Kind::Profile, "hand")], &[], &["+p"]),
            (&[(Kind::Profile, "fallback")], &[], &[(Kind::Profile, "hand")], &[], &[]),
            (&[(Kind::Profile, "fallback")], &[(Kind::Profile, "p")], &[(Kind::Profile, "p")], &[], &["+fallback"]),
            (&[], &[(Kind::Profile, "p")], &[(Kind::Profile, "p")], &[Kind::Profile], &[]),
            (&[(Kind::Role, "s")], &[(Kind::Role, "r")], &[(Kind::Role, "r")], &[], &["+s"]),
            (&[], &[(Kind::Role, "r")], &[(Kind::Role, "r")], &[], &["-r"]),
            (&[], &[(Kind::Role, "r")], &[(Kind::Role, "hand")], &[], &[]),
        ] {
            assert_eq!(of(wanted, given, holds, exclusive), expected, "{wanted:?} {given:?} {holds:?}");
        }
    }

    fn held() -> impl Strategy<Value = BTreeSet<Held>> {
        let one = (0..Kind::ALL.len(), 0..4_u8).prop_map(|(kind, id)| (Kind::ALL[kind], id.to_string()));
        prop::collection::btree_set(one, 0..8).prop_map(|mut all| {
            // One profile and one role at most.
            let mut seen = BTreeSet::new();
            all.retain(|(kind, _)| !kind.is_single() || seen.insert(*kind));
            all
        })
    }

    /// What the org holds after these changes.
    fn made(holds: &BTreeSet<Held>, merge: &Merge) -> BTreeSet<Held> {
        let mut after = holds.clone();
        for change in &merge.changes {
            match change {
                Change::Take(held) => assert!(after.remove(held), "only what is there is taken"),
                Change::Give(held) => {
                    after.retain(|(kind, _)| !kind.is_single() || *kind != held.0);
                    after.insert(held.clone());
                }
            }
        }
        after
    }

    proptest! {
        #[test]
        fn one_round_converges_and_nothing_unmanaged_is_touched(
            wanted in held(), given in held(), holds in held(), kinds in prop::collection::btree_set(0..6_usize, 0..3),
        ) {
            let exclusive = Exclusive(kinds.into_iter().map(|kind| Kind::ALL[kind]).collect());
            let fallback = |held: &Held| held.1 == "3";
            let first = merge(&wanted, &given, &holds, fallback, &exclusive);
            let after = made(&holds, &first);
            for held in wanted.iter().filter(|held| !fallback(held) || !held.0.is_single()) {
                prop_assert!(after.contains(held), "{held:?} is wanted");
            }
            let again = merge(&wanted, &first.given, &after, fallback, &exclusive);
            prop_assert_eq!(&again.changes, &BTreeSet::new(), "planning again gives nothing");
            prop_assert!(first.given.is_subset(&after), "what is noted as given is there");
            for held in holds.iter().filter(|held| !held.0.is_single() && !exclusive.0.contains(&held.0)) {
                prop_assert!(given.contains(held) || after.contains(held), "{held:?} was by hand");
            }
            let profiles = |all: &BTreeSet<Held>| all.iter().filter(|(kind, _)| *kind == Kind::Profile).count();
            prop_assert!(profiles(&after) >= profiles(&holds), "nobody loses the profile");
        }
    }
}
