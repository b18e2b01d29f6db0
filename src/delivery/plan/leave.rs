//! What happens to an account before it is deactivated.

use crate::entitlement::{Grant, Kind};
use crate::salesforce::{Change, Held};

use super::user::{UserSeen, UserStep};

/// Something that is done to the account of somebody who leaves, before it is deactivated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// It is frozen: nobody logs in with it.
    Freeze,
    /// Permission sets, their groups and their licences are taken away, whoever gave them.
    RemovePermissionSets,
    /// Memberships of public groups that are not mirrored are taken away, whoever gave them.
    RemoveGroups,
}

/// What is done to the account of somebody who leaves, in this order, before it is deactivated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ladder([Option<Rung>; 3]);

impl Ladder {
    /// One without a rung.
    pub const fn none() -> Self {
        Self([None; 3])
    }

    /// One of these rungs. Each counts once.
    pub fn new(rungs: impl IntoIterator<Item = Rung>) -> Self {
        let mut ladder = Self::default();
        for rung in rungs {
            if !ladder.rungs().any(|other| other == rung)
                && let Some(place) = ladder.0.iter_mut().find(|place| place.is_none())
            {
                *place = Some(rung);
            }
        }
        ladder
    }

    fn rungs(self) -> impl Iterator<Item = Rung> {
        self.0.into_iter().flatten()
    }
}

impl Rung {
    fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Freeze => false,
            Self::RemovePermissionSets => {
                matches!(kind, Kind::PermissionSet | Kind::PermissionSetGroup | Kind::PermissionSetLicence)
            }
            Self::RemoveGroups => kind == Kind::PublicGroup,
        }
    }
}

/// The next step before the deactivation; `None`: it may be deactivated. What Salesforce refuses is passed over: it must not
/// keep anybody's access alive.
pub(super) fn next(ladder: Ladder, account: &str, seen: &UserSeen) -> Option<UserStep> {
    if seen.observed.record.get("IsActive") == Some(&serde_json::Value::Bool(false)) {
        return None;
    }
    for rung in ladder.rungs() {
        if rung == Rung::Freeze {
            if !seen.observed.frozen && !seen.unfreezable {
                return Some(UserStep::Freeze(account.to_owned()));
            }
            continue;
        }
        if !seen.looked {
            return Some(UserStep::ReadGrants(account.to_owned()));
        }
        let may = |grant: &Grant| rung.takes(grant.kind) && !seen.refused.contains(grant);
        let held = seen.observed.grants.holds.iter().flatten().filter(|held| may(&held.grant));
        let takes: Vec<Change> = held
            .filter_map(|held| {
                let assignment = held.assignment.clone()?;
                Some(Change::Take(Held { grant: held.grant.clone(), assignment }))
            })
            .collect();
        if !takes.is_empty() {
            return Some(UserStep::Grants(account.to_owned(), takes));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::plan::{HeldGrant, Means, UserWish, user};
    use crate::salesforce::Record;

    fn seen() -> UserSeen {
        let mut seen = UserSeen { account: Some("005".into()), ..UserSeen::default() };
        seen.observed.record.set("IsActive", true);
        seen
    }

    fn held(kind: Kind, id: &str) -> HeldGrant {
        HeldGrant { grant: Grant::new(kind, id), assignment: Some(format!("0Pa{id}")) }
    }

    #[test]
    fn rungs_come_in_their_order_and_then_the_account_is_deactivated() {
        let ladder = Ladder::new([Rung::Freeze, Rung::RemovePermissionSets, Rung::RemoveGroups, Rung::Freeze]);
        let means = Means { rest: true, welcome_mail: false, ladder };
        let mut seen = seen();
        let mut said = Vec::new();
        while let Some(step) = user(&UserWish::Gone, &seen, means) {
            match &step {
                UserStep::Freeze(_) => seen.observed.frozen = true,
                UserStep::ReadGrants(_) => {
                    let all = [
                        held(Kind::PermissionSet, "1"),
                        held(Kind::PermissionSetLicence, "2"),
                        held(Kind::PublicGroup, "3"),
                    ];
                    (seen.looked, seen.observed.grants.holds) = (true, Some(all.to_vec()));
                }
                UserStep::Grants(_, changes) => {
                    seen.observed.grants.leaving(changes);
                    for change in changes {
                        seen.observed.grants.changed(change, None);
                    }
                }
                UserStep::Update(_, changes) => seen.observed.record.apply(changes),
                other => panic!("{other:?}"),
            }
            said.push(match step {
                UserStep::Grants(_, changes) => format!("take {}", changes.len()),
                step => format!("{step:?}").split('(').next().unwrap_or_default().to_owned(),
            });
            assert!(said.len() < 10, "{said:?}");
        }
        assert_eq!(said, ["Freeze", "ReadGrants", "take 2", "take 1", "Update"]);
        // Removed for the time that they are away: all three are given back.
        assert_eq!(seen.observed.grants.removed.len(), 3);
    }

    #[test]
    fn what_salesforce_refuses_keeps_nobody_in() {
        let ladder = Ladder::new([Rung::Freeze, Rung::RemovePermissionSets]);
        let mut seen = UserSeen { unfreezable: true, looked: true, ..seen() };
        seen.observed.grants.holds = Some(vec![held(Kind::PermissionSet, "1")]);
        seen.refused.insert(Grant::new(Kind::PermissionSet, "1"));
        let step = user(&UserWish::Gone, &seen, Means { rest: true, welcome_mail: false, ladder });
        assert_eq!(step, Some(UserStep::Update("005".into(), Record::new().with("IsActive", false))));
    }

    #[test]
    fn who_is_inactive_already_is_left_alone() {
        let mut seen = seen();
        seen.observed.record.set("IsActive", false);
        let ladder = Ladder::new([Rung::Freeze, Rung::RemovePermissionSets]);
        assert_eq!(user(&UserWish::Gone, &seen, Means { rest: true, welcome_mail: false, ladder }), None);
    }
}
