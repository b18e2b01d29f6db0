//! The calls that would be made until nothing is left: planned on a copy of what is known, as if Salesforce accepted each.

use std::collections::BTreeSet;

use crate::delivery::plan::{self, HeldGrant, Means, ObservedGrants, ObservedUser, UserSeen, UserStep, UserWish};
use crate::delivery::user;
use crate::entitlement::{Entitlement, Kind};
use crate::salesforce::{self, Carrier, Change, Grants, Held, Paths, calls_of};

/// Steps at most: as many as a delivery takes in one try.
const STEPS: usize = 16;

/// Stands for an id of Salesforce's that nobody knows yet.
const UNKNOWN: &str = "ID";

/// A call that would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCall {
    /// HTTP method.
    pub method: &'static str,
    /// Path in the org; `ID` stands for an id that is not known yet.
    pub path: String,
    /// What it does, in words.
    pub does: String,
    /// What it gives the person, beside profile and role.
    pub gives: Vec<String>,
    /// What it takes away.
    pub takes: Vec<String>,
    /// Whether it only reads, and what follows depends on what it finds.
    pub reads: bool,
}

impl PlannedCall {
    fn new(method: &'static str, path: String, does: impl Into<String>) -> Self {
        Self { method, path, does: does.into(), gives: Vec::new(), takes: Vec::new(), reads: false }
    }

    fn reading(method: &'static str, path: String, does: impl Into<String>) -> Self {
        Self { reads: true, ..Self::new(method, path, does) }
    }
}

/// The steps that would be taken from `seen` on. `entitle` puts into the wish what the person is to be given beside what is
/// known of the account by then, as a delivery does it.
pub(super) fn steps(
    wish: &mut UserWish,
    seen: &mut UserSeen,
    means: Means,
    entitle: impl Fn(&mut UserWish, &ObservedUser),
) -> Vec<UserStep> {
    let mut steps = Vec::new();
    while steps.len() < STEPS
        && let Some(step) = plan::user(wish, seen, means)
    {
        accepted(&step, seen, user::is_leaver(wish));
        if matches!(step, UserStep::Create(..) | UserStep::ReadGrants(_)) {
            entitle(wish, &seen.observed);
        }
        steps.push(step);
    }
    steps
}

/// What would be known once Salesforce had accepted a step. A look is taken to find nothing, and reading what the person has
/// been given to find what is known.
fn accepted(step: &UserStep, seen: &mut UserSeen, leaves: bool) {
    match step {
        UserStep::Look => seen.perhaps_created = false,
        UserStep::Create(record, _) => {
            let grants = ObservedGrants::of_new();
            let chosen = std::mem::take(&mut seen.observed.chosen);
            let observed = ObservedUser { record: record.clone(), chosen, grants, ..ObservedUser::default() };
            *seen = UserSeen { account: Some(UNKNOWN.to_owned()), observed, ..UserSeen::default() };
        }
        UserStep::Freeze(_) => (seen.observed.frozen, seen.freeze_tried) = (true, true),
        UserStep::Unfreeze(_) => (seen.observed.frozen, seen.observed.freezing) = (false, false),
        UserStep::Update(_, changes) => {
            seen.observed.record.apply(changes);
            for (field, _) in changes.iter() {
                seen.observed.unsure.unset(field);
            }
        }
        UserStep::ReadGrants(_) => {
            seen.looked = true;
            let grants = &mut seen.observed.grants;
            let given = || grants.given.iter().filter(|grant| !grant.kind.is_single()).cloned();
            let known: Vec<HeldGrant> = grants
                .holds
                .clone()
                .unwrap_or_else(|| given().map(|grant| HeldGrant { grant, assignment: None }).collect());
            let held = known.into_iter().map(|held| Held {
                grant: held.grant,
                assignment: held.assignment.unwrap_or_else(|| UNKNOWN.to_owned()),
            });
            grants.read(&Grants { held: held.collect(), ..Grants::default() });
        }
        UserStep::Grants(_, changes) => {
            if leaves {
                seen.observed.grants.leaving(changes);
            }
            for change in changes {
                let made = matches!(change, Change::Give(_)).then(|| UNKNOWN.to_owned());
                seen.observed.grants.changed(change, made);
            }
        }
    }
}

/// The calls that ask the org what names mean, where nobody asked before.
pub(super) fn asking(asks: &[Entitlement], means: Means, paths: Paths<'_>) -> Vec<PlannedCall> {
    let kinds: BTreeSet<Kind> = asks.iter().map(|asked| asked.kind).collect();
    let call = |kind: Kind| {
        let names: Vec<String> =
            asks.iter().filter(|asked| asked.kind == kind).map(|asked| format!("\"{}\"", asked.name)).collect();
        let path = match kind {
            _ if means.rest => paths.query(),
            Kind::Role => paths.scim("Roles"),
            _ => paths.scim("Entitlements"),
        };
        PlannedCall::reading("GET", path, format!("look up the {} {}", kind.words(), names.join(", ")))
    };
    kinds.into_iter().map(call).collect()
}

/// The calls of a step. `name` tells what a change is about.
pub(super) fn of_step(
    step: &UserStep,
    means: Means,
    paths: Paths<'_>,
    name: impl Fn(&Change) -> String,
) -> Vec<PlannedCall> {
    let does = super::words_of_user(step);
    match step {
        UserStep::Look => vec![PlannedCall::reading("GET", paths.users(), does)],
        UserStep::Create(_, Carrier::Rest) => vec![PlannedCall::new("POST", paths.objects("User"), does)],
        UserStep::Create(_, Carrier::Scim) => vec![PlannedCall::new("POST", paths.users(), does)],
        UserStep::Freeze(_) | UserStep::Unfreeze(_) => vec![
            PlannedCall::reading("GET", paths.query(), "look up the login of the account"),
            PlannedCall::new("PATCH", paths.record("UserLogin", UNKNOWN), does),
        ],
        UserStep::Update(id, changes) if means.rest && salesforce::carrier(changes) == Carrier::Rest => {
            vec![PlannedCall::new("PATCH", paths.record("User", id), does)]
        }
        UserStep::Update(id, _) => vec![PlannedCall::new("PATCH", paths.user(id), does)],
        UserStep::ReadGrants(_) => vec![PlannedCall::reading("POST", paths.composite(), does)],
        UserStep::Grants(_, changes) => {
            let together = |places: Vec<usize>| {
                let (give, take): (Vec<&Change>, Vec<&Change>) = places
                    .into_iter()
                    .filter_map(|at| changes.get(at))
                    .partition(|change| matches!(change, Change::Give(_)));
                let names = |of: &[&Change]| of.iter().map(|change| name(change)).collect::<Vec<_>>();
                let does = super::words_of_changes(give.len(), take.len());
                let (gives, takes) = (names(&give), names(&take));
                PlannedCall { gives, takes, ..PlannedCall::new("POST", paths.composite(), does) }
            };
            calls_of(changes).into_iter().map(together).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::delivery::plan::{AccountWish, GrantWish, Ladder, Rung};
    use crate::entitlement::{Exclusive, Grant};
    use crate::salesforce::Record;

    const PATHS: Paths<'static> = Paths { api_version: "v66.0" };

    fn means(ladder: &[Rung]) -> Means {
        Means { rest: true, welcome_mail: false, ladder: Ladder::new(ladder.iter().copied()) }
    }

    fn grants() -> impl Strategy<Value = BTreeSet<Grant>> {
        let several: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !kind.is_single()).collect();
        let one = (prop::sample::select(several), 0..4_u8).prop_map(|(kind, id)| Grant::new(kind, id.to_string()));
        prop::collection::btree_set(one, 0..8)
    }

    fn wish(active: bool, wanted: &BTreeSet<Grant>, exclusive: &Exclusive, title: &str) -> UserWish {
        let record = Record::new().with("IsActive", active).with("Title", title);
        let wanted: BTreeMap<Grant, String> = wanted.iter().map(|grant| (grant.clone(), String::new())).collect();
        let grants = GrantWish { wanted, exclusive: exclusive.clone(), ..GrantWish::default() };
        UserWish::Account(AccountWish { record, on_create: Record::new(), grants: active.then_some(grants) })
    }

    fn said(steps: &[UserStep], means: Means) -> Vec<String> {
        let name = |change: &Change| change.grant().id.clone();
        let calls = steps.iter().flat_map(|step| of_step(step, means, PATHS, name));
        calls
            .map(|call| {
                let reads = if call.reads { " ?" } else { "" };
                format!("{} {}: {} +{:?} −{:?}{reads}", call.method, call.path, call.does, call.gives, call.takes)
            })
            .collect()
    }

    proptest! {
        /// Whatever is known and wanted, the calls end; and once all of them were accepted, none is left.
        #[test]
        fn the_calls_end(
            (active, was_active, linked, looked, lost, frozen) in any::<(bool, bool, bool, bool, bool, bool)>(),
            (wanted, given, held) in (grants(), grants(), grants()),
            exclusive in prop::collection::btree_set(2..6_usize, 0..2),
        ) {
            let exclusive = Exclusive(exclusive.into_iter().map(|kind| Kind::ALL[kind]).collect());
            let means = means(&[Rung::Freeze, Rung::RemovePermissionSets, Rung::RemoveGroups]);
            let mut wish = wish(active, &wanted, &exclusive, "T");
            let mut seen = UserSeen { perhaps_created: lost && !linked, ..UserSeen::default() };
            if linked {
                let holds = held.iter().cloned().map(|grant| HeldGrant { grant, assignment: None }).collect();
                seen.account = Some("005".into());
                seen.observed.frozen = frozen;
                seen.observed.record = Record::new().with("IsActive", was_active);
                seen.observed.grants = ObservedGrants { holds: looked.then_some(holds), given, ..ObservedGrants::default() };
            }
            let all = steps(&mut wish, &mut seen, means, |_, _| {});
            prop_assert!(all.len() < STEPS, "{all:?}");
            prop_assert_eq!(plan::user(&wish, &seen, means), None);
        }
    }

    #[test]
    fn a_newcomer_is_made_and_then_given_everything_else_in_as_few_calls_as_it_takes() {
        let wanted: BTreeSet<Grant> = (10..40)
            .map(|n| Grant::new(Kind::PermissionSet, format!("0PS{n}")))
            .chain([Grant::new(Kind::PermissionSetLicence, "0PL")])
            .collect();
        let mut wish = wish(true, &wanted, &Exclusive::default(), "T");
        let mut seen = UserSeen { perhaps_created: true, ..UserSeen::default() };
        let steps = steps(&mut wish, &mut seen, means(&[]), |_, _| {});
        let said = said(&steps, means(&[]));
        assert_eq!(said.len(), 4, "{said:#?}");
        assert_eq!(said[0], "GET /services/scim/v2/Users: look for the account +[] −[] ?");
        assert_eq!(said[1], "POST /services/data/v66.0/sobjects/User: create an account over REST +[] −[]");
        assert!(
            said[2].starts_with("POST /services/data/v66.0/composite: give 25 +[\"0PL\", \"0PS10\""),
            "{}",
            said[2]
        );
        assert!(said[3].contains(": give 6 +[\"0PS34\""), "{}", said[3]);
    }

    #[test]
    fn who_leaves_is_frozen_and_loses_what_the_ladder_says_before_the_account_is_deactivated() {
        let mut wish = wish(false, &BTreeSet::new(), &Exclusive::default(), "T");
        let mut seen = UserSeen { account: Some("005".into()), ..UserSeen::default() };
        seen.observed.record = Record::new().with("IsActive", true).with("Title", "T");
        seen.observed.grants.given.insert(Grant::new(Kind::PermissionSet, "0PS"));
        let means = means(&[Rung::Freeze, Rung::RemovePermissionSets]);
        let steps = steps(&mut wish, &mut seen, means, |_, _| {});
        assert_eq!(
            said(&steps, means),
            [
                "GET /services/data/v66.0/query/: look up the login of the account +[] −[] ?",
                "PATCH /services/data/v66.0/sobjects/UserLogin/ID: freeze the account +[] −[]",
                "POST /services/data/v66.0/composite: read what the person has been given +[] −[] ?",
                "POST /services/data/v66.0/composite: take away 1 +[] −[\"0PS\"]",
                "PATCH /services/scim/v2/Users/005: update IsActive +[] −[]",
            ]
        );
    }
}
