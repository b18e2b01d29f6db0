//! Three-way: what is wanted, what was given before, what is there.
//!
//! Only what the bridge itself gave is taken away again. What an administrator assigned by hand stays, also where a rule
//! names the same thing for others, unless the kind is `exclusive`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Kind;

/// Something of an org that somebody has or shall have, by its id there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// What it is.
    pub kind: Kind,
    /// Salesforce's id of it.
    pub id: String,
}

impl Grant {
    /// One of this kind and id.
    pub fn new(kind: Kind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// Kinds of which nobody keeps what is not wanted, whoever gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusive(pub BTreeSet<Kind>);

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// What is to be given.
    pub give: BTreeSet<Grant>,
    /// What is to be taken away.
    pub take: BTreeSet<Grant>,
    /// What the bridge has given once that is done: what it may take away later.
    pub given: BTreeSet<Grant>,
}

/// Compares what is `wanted` with what was `given` by the bridge before and what somebody `holds`. For the kinds of which
/// one can have several; see [`single`] for the others.
pub fn merge(
    wanted: &BTreeSet<Grant>,
    given: &BTreeSet<Grant>,
    holds: &BTreeSet<Grant>,
    exclusive: &Exclusive,
) -> Merge {
    let several = |grant: &&Grant| !grant.kind.is_single();
    let give: BTreeSet<Grant> = wanted.difference(holds).filter(several).cloned().collect();
    let ours = |grant: &&Grant| given.contains(*grant) || exclusive.0.contains(&grant.kind);
    let take: BTreeSet<Grant> = holds.difference(wanted).filter(several).filter(ours).cloned().collect();
    // What was taken away by hand is no longer ours.
    let kept = given.intersection(holds).filter(|grant| !take.contains(*grant));
    let given = kept.chain(&give).cloned().collect();
    Merge { give, take, given }
}

/// What becomes of a profile or a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Single {
    /// It is this one, whatever somebody has.
    Be(String),
    /// A new account begins with this one; what somebody has, they keep.
    BeginWith(String),
    /// What somebody has is taken away.
    Clear,
    /// What somebody has, they keep.
    Leave,
}

/// Decides about the profile or the role of somebody: `wanted` is what they shall have and whether that is only for those
/// who have nothing better; `given` is what the bridge gave, and `holds` what somebody has as far as is known.
///
/// A profile is replaced, and never taken away: nobody can be without.
pub fn single(
    kind: Kind,
    wanted: Option<(&str, bool)>,
    given: Option<&str>,
    holds: Option<&str>,
    exclusive: &Exclusive,
) -> Single {
    // Whoever changed it by hand meanwhile means it.
    let is_ours = given.is_some() && (holds.is_none() || holds == given);
    match wanted {
        Some((id, false)) => Single::Be(id.to_owned()),
        Some((id, true)) if is_ours => Single::Be(id.to_owned()),
        Some((id, true)) => Single::BeginWith(id.to_owned()),
        None if kind != Kind::Profile && (is_ours || exclusive.0.contains(&kind)) => Single::Clear,
        None => Single::Leave,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Exclusive, Grant, Kind, Single, merge, single};

    const SET: Kind = Kind::PermissionSet;

    fn set(grants: &[(Kind, &str)]) -> BTreeSet<Grant> {
        grants.iter().map(|(kind, id)| Grant::new(*kind, *id)).collect()
    }

    #[test]
    fn only_what_was_given_is_taken() {
        let group = Kind::PublicGroup;
        for (wanted, given, holds, exclusive, expected) in [
            (&[(SET, "a")][..], &[][..], &[][..], &[][..], "+a"),
            (&[(SET, "a")], &[(SET, "a")], &[(SET, "a")], &[], ""),
            (&[], &[(SET, "a")], &[(SET, "a"), (SET, "hand")], &[], "-a"),
            // Taken away by hand: given again, as long as it is wanted.
            (&[(SET, "a")], &[(SET, "a")], &[], &[], "+a"),
            (&[], &[(SET, "a")], &[], &[], ""),
            (&[], &[], &[(SET, "hand"), (group, "g")], &[SET], "-hand"),
            // There by hand before a rule wanted it: it stays by hand.
            (&[(SET, "hand")], &[], &[(SET, "hand")], &[], ""),
            (&[(SET, "a"), (group, "a")], &[], &[(SET, "a")], &[], "+a"),
        ] {
            let exclusive = Exclusive(exclusive.iter().copied().collect());
            let merged = merge(&set(wanted), &set(given), &set(holds), &exclusive);
            let give = merged.give.iter().map(|grant| format!("+{}", grant.id));
            let take = merged.take.iter().map(|grant| format!("-{}", grant.id));
            let said: String = give.chain(take).collect();
            assert_eq!(said, expected, "{wanted:?} {given:?} {holds:?}");
        }
    }

    #[test]
    fn a_profile_is_replaced_and_a_role_taken_where_the_bridge_gave_it() {
        let be = |id: &str| Single::Be(id.to_owned());
        let (profile, role) = (Kind::Profile, Kind::Role);
        for (kind, wanted, given, holds, exclusive, expected) in [
            (profile, Some(("p", false)), None, Some("hand"), false, be("p")),
            (profile, Some(("p", false)), Some("p"), Some("hand"), false, be("p")),
            (profile, Some(("d", true)), None, None, false, Single::BeginWith("d".to_owned())),
            (profile, Some(("d", true)), None, Some("hand"), false, Single::BeginWith("d".to_owned())),
            (profile, Some(("d", true)), Some("p"), Some("p"), false, be("d")),
            (profile, Some(("d", true)), Some("p"), Some("hand"), false, Single::BeginWith("d".to_owned())),
            (profile, None, Some("p"), Some("p"), true, Single::Leave),
            (role, None, Some("r"), Some("r"), false, Single::Clear),
            (role, None, Some("r"), Some("hand"), false, Single::Leave),
            (role, None, None, Some("hand"), false, Single::Leave),
            (role, None, None, Some("hand"), true, Single::Clear),
            (role, Some(("s", false)), Some("r"), Some("r"), false, be("s")),
        ] {
            let exclusive = Exclusive(exclusive.then_some(kind).into_iter().collect());
            assert_eq!(single(kind, wanted, given, holds, &exclusive), expected, "{wanted:?} {given:?} {holds:?}");
        }
    }

    fn grants() -> impl Strategy<Value = BTreeSet<Grant>> {
        let several: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !kind.is_single()).collect();
        let one = (prop::sample::select(several), 0..4_u8).prop_map(|(kind, id)| Grant::new(kind, id.to_string()));
        prop::collection::btree_set(one, 0..8)
    }

    proptest! {
        #[test]
        fn one_round_converges_and_nothing_unmanaged_is_touched(
            wanted in grants(), given in grants(), holds in grants(), kinds in prop::collection::btree_set(2..6_usize, 0..3),
        ) {
            let exclusive = Exclusive(kinds.into_iter().map(|kind| Kind::ALL[kind]).collect());
            let first = merge(&wanted, &given, &holds, &exclusive);
            prop_assert!(first.take.is_subset(&holds), "only what is there is taken");
            let after: BTreeSet<Grant> = holds.difference(&first.take).chain(&first.give).cloned().collect();
            prop_assert!(wanted.is_subset(&after));
            let again = merge(&wanted, &first.given, &after, &exclusive);
            prop_assert!(again.give.is_empty() && again.take.is_empty(), "planning again gives nothing: {again:?}");
            prop_assert_eq!(&again.given, &first.given);
            prop_assert!(first.given.is_subset(&after), "what is noted as given is there");
            for grant in holds.iter().filter(|grant| !exclusive.0.contains(&grant.kind) && !given.contains(*grant)) {
                prop_assert!(after.contains(grant), "{grant:?} was by hand");
            }
        }
    }
}
