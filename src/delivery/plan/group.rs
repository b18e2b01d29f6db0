//! The next step towards what a group is to be.

use serde::{Deserialize, Serialize};

/// What Salesforce confirmed of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedGroup {
    /// Its name; `None` while a rename was sent and its answer is not known.
    pub name: Option<String>,
}

/// What a group is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupWish {
    /// A public group of this name; `create`: made if there is none.
    Mirrored {
        /// Its name.
        name: String,
        /// Whether it may be made.
        create: bool,
    },
    /// No longer mirrored: the members that we added leave, the group stays.
    Released,
    /// Deleted here: the group goes if we made it, else the members that we added leave.
    Gone,
}

/// What is known of a public group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSeen {
    /// Salesforce's id, and whether we made the group.
    pub group: Option<(String, bool)>,
    /// Its name, where it is known.
    pub name: Option<String>,
    /// Whether it was looked for, and not found.
    pub absent: bool,
    /// Name that a create carried whose answer never came.
    pub perhaps_created: Option<String>,
    /// Whether changes of members were sent without a known answer.
    pub unsure: bool,
    /// Members in the next call at most; `None`: as many as Salesforce takes.
    pub at_most: Option<usize>,
    /// Salesforce ids of members to add, with our ids.
    pub to_add: Vec<(String, String)>,
    /// Salesforce ids of members to remove, with our ids.
    pub to_remove: Vec<(String, String)>,
}

/// The next step for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupStep {
    /// Look for a public group of this name.
    Look(String),
    /// Make one.
    Create(String),
    /// Rename it.
    Rename(String, String),
    /// Delete it.
    Delete(String),
    /// Add and remove these members (our id, Salesforce's id), in one call.
    Members {
        /// Salesforce's id of the group.
        group: String,
        /// To add.
        add: Vec<(String, String)>,
        /// To remove.
        remove: Vec<(String, String)>,
    },
    /// Read who is in it: an answer was lost.
    Compare(String),
    /// There is none and it may not be made: a person has to.
    Missing(String),
}

/// Members in one call at most: what Salesforce lists on one page.
pub const MEMBERS_A_CALL: usize = 200;

/// The next step towards what a group is to be; `None` when there is none.
pub fn group(wish: &GroupWish, seen: &GroupSeen) -> Option<GroupStep> {
    let Some((group, ours)) = &seen.group else {
        if let Some(name) = &seen.perhaps_created {
            return Some(GroupStep::Look(name.clone()));
        }
        return match wish {
            GroupWish::Mirrored { name, .. } if !seen.absent => Some(GroupStep::Look(name.clone())),
            GroupWish::Mirrored { name, create: true } => Some(GroupStep::Create(name.clone())),
            GroupWish::Mirrored { name, create: false } => Some(GroupStep::Missing(name.clone())),
            GroupWish::Released | GroupWish::Gone => None,
        };
    };
    match wish {
        GroupWish::Gone if *ours => return Some(GroupStep::Delete(group.clone())),
        GroupWish::Mirrored { name, .. } if seen.name.as_ref() != Some(name) => {
            return Some(GroupStep::Rename(group.clone(), name.clone()));
        }
        _ => {}
    }
    if seen.unsure {
        return Some(GroupStep::Compare(group.clone()));
    }
    let most = seen.at_most.map_or(MEMBERS_A_CALL, |most| most.clamp(1, MEMBERS_A_CALL));
    let remove: Vec<_> = seen.to_remove.iter().take(most).cloned().collect();
    let add: Vec<_> = match wish {
        GroupWish::Mirrored { .. } => seen.to_add.iter().take(most - remove.len()).cloned().collect(),
        GroupWish::Released | GroupWish::Gone => Vec::new(),
    };
    (!add.is_empty() || !remove.is_empty()).then(|| GroupStep::Members { group: group.clone(), add, remove })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(prefix: &str, n: usize) -> Vec<(String, String)> {
        (0..n).map(|i| (format!("{prefix}{i}"), format!("005{prefix}{i}"))).collect()
    }

    #[test]
    fn members_are_read_before_more_are_sent_after_a_lost_answer() {
        let wish = GroupWish::Mirrored { name: "West".into(), create: true };
        let seen = GroupSeen {
            group: Some(("00G".into(), true)),
            name: Some("West".into()),
            unsure: true,
            to_add: pairs("a", 1),
            ..GroupSeen::default()
        };
        assert_eq!(group(&wish, &seen), Some(GroupStep::Compare("00G".into())));
    }

    #[test]
    fn a_group_is_looked_for_before_it_is_made() {
        let wish = GroupWish::Mirrored { name: "West".into(), create: true };
        let mut seen = GroupSeen::default();
        assert_eq!(group(&wish, &seen), Some(GroupStep::Look("West".into())));
        seen.absent = true;
        assert_eq!(group(&wish, &seen), Some(GroupStep::Create("West".into())));
        let forbidden = GroupWish::Mirrored { name: "West".into(), create: false };
        assert_eq!(group(&forbidden, &seen), Some(GroupStep::Missing("West".into())));
    }

    #[test]
    fn a_group_whose_create_was_lost_is_looked_for_even_when_it_was_deleted_since() {
        let seen = GroupSeen { perhaps_created: Some("Old".into()), ..GroupSeen::default() };
        let mirrored = GroupWish::Mirrored { name: "New".into(), create: true };
        for wish in [GroupWish::Gone, GroupWish::Released, mirrored] {
            assert_eq!(group(&wish, &seen), Some(GroupStep::Look("Old".into())), "{wish:?}");
        }
    }

    #[test]
    fn members_go_in_calls_of_two_hundred() {
        let wish = GroupWish::Mirrored { name: "West".into(), create: true };
        let mut seen = GroupSeen {
            group: Some(("00G".into(), true)),
            name: Some("West".into()),
            to_add: pairs("a", 450),
            to_remove: pairs("r", 30),
            ..GroupSeen::default()
        };
        let mut calls = Vec::new();
        while let Some(GroupStep::Members { add, remove, .. }) = group(&wish, &seen) {
            calls.push(add.len() + remove.len());
            seen.to_add.retain(|m| !add.contains(m));
            seen.to_remove.retain(|m| !remove.contains(m));
        }
        assert_eq!(calls, [200, 200, 80]);
    }

    #[test]
    fn a_deleted_group_goes_only_if_it_is_ours() {
        let mut seen = GroupSeen {
            group: Some(("00G".into(), true)),
            name: Some("West".into()),
            to_add: pairs("a", 1),
            to_remove: pairs("r", 1),
            ..GroupSeen::default()
        };
        assert_eq!(group(&GroupWish::Gone, &seen), Some(GroupStep::Delete("00G".into())));
        seen.group = Some(("00G".into(), false));
        let leave = GroupStep::Members { group: "00G".into(), add: vec![], remove: pairs("r", 1) };
        assert_eq!(group(&GroupWish::Gone, &seen), Some(leave.clone()));
        seen.group = Some(("00G".into(), true));
        assert_eq!(group(&GroupWish::Released, &seen), Some(leave));
    }
}
