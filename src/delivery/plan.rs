//! The plan: what to do next so that Salesforce becomes what was asked. Pure, and asked again after every call: the
//! wish minus what was seen is the next step, and when nothing is left the delivery is done.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::salesforce::Record;

/// What Salesforce confirmed of a user: the field values that we sent and it accepted (or that it had when the account
/// was adopted). Not what it echoes: an e-mail change is accepted and yet answered with the old address until the
/// person confirms it, and comparing with that would send it again for ever.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservedUser {
    /// Accepted field values.
    pub record: Record,
    /// Field values that were sent and of which nobody knows whether they were accepted: noted before a call, taken
    /// out when its answer is known. Without it a change that arrived while its answer was lost, and was then taken
    /// back by the IdP, would stay in Salesforce for ever: nothing would seem to differ.
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    pub unsure: Record,
}

/// What Salesforce confirmed of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedGroup {
    /// Its name; `None` while a rename was sent and its answer is not known.
    pub name: Option<String>,
}

/// What a user is to be.
#[derive(Debug, Clone, PartialEq)]
pub enum UserWish {
    /// An account with these field values.
    Account(Record),
    /// Deleted here: an account, if there is one, is to be inactive (Salesforce never deletes users).
    Gone,
}

/// What is known of a user's account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserSeen {
    /// Salesforce's id.
    pub account: Option<String>,
    /// Accepted field values.
    pub record: Record,
    /// Field values that were sent without a known answer.
    pub unsure: Record,
    /// Whether a create may have made an account whose answer never came.
    pub perhaps_created: bool,
}

/// The next step for a user.
#[derive(Debug, Clone, PartialEq)]
pub enum UserStep {
    /// Look for an account that may be there.
    Look,
    /// Make an account with these fields.
    Create(Record),
    /// Change these fields of the account.
    Update(String, Record),
}

/// The next step towards what a user is to be; `None` when there is none.
pub fn user(wish: &UserWish, seen: &UserSeen) -> Option<UserStep> {
    let Some(account) = &seen.account else {
        return match wish {
            _ if seen.perhaps_created => Some(UserStep::Look),
            UserWish::Account(record) => Some(UserStep::Create(record.split_for_create().0)),
            UserWish::Gone => None,
        };
    };
    let inactive = Record::new().with("IsActive", false);
    let changes = match wish {
        UserWish::Account(record) => record.changes_since_unsure(&seen.record, &seen.unsure),
        UserWish::Gone => inactive.changes_since_unsure(&seen.record, &seen.unsure),
    };
    (!changes.is_empty()).then(|| UserStep::Update(account.clone(), changes))
}

/// Of an account that was there before us, what counts as accepted: the fields that the wish has a value for. A field
/// that the IdP says nothing about keeps the value that somebody else gave it.
///
/// `sent`: what an earlier create carried whose answer was lost. Where the account has just that, it is ours to clear.
pub fn adopted(wish: &Record, sent: &Record, account: &Record) -> Record {
    let ours = |field: &str| sent.get(field).is_some_and(|value| account.get(field) == Some(value));
    wish.iter()
        .filter(|(field, value)| !value.is_null() || ours(field))
        .map(|(field, _)| (field.to_owned(), account.get(field).cloned().unwrap_or(Value::Null)))
        .collect()
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Values that a few fields take, `Null` among them.
    fn record() -> impl Strategy<Value = Record> {
        let value = prop_oneof![Just(Value::Null), "[a-c]{1,2}".prop_map(|s| json!(s))];
        proptest::collection::btree_map("Title|Department|Phone|MobilePhone|FirstName", value, 0..5).prop_map(|map| {
            let mut record: Record = map.into_iter().collect();
            record.set("LastName", "L");
            record.set("Username", "a@b.c");
            record.set("IsActive", true);
            record
        })
    }

    /// What Salesforce would hold after a step.
    fn apply(step: &UserStep, seen: &mut UserSeen) {
        match step {
            UserStep::Look => seen.perhaps_created = false,
            UserStep::Create(fields) => {
                seen.account = Some("005".into());
                seen.record = fields.clone();
            }
            UserStep::Update(_, changes) => {
                seen.record.apply(changes);
                seen.unsure = Record::new();
            }
        }
    }

    proptest! {
        /// From any state, the steps end, and then Salesforce is what was asked and nothing more is sent.
        #[test]
        fn planning_converges(
            wish in record(),
            before in proptest::option::of(record()),
            sent in record(),
            lost in any::<bool>(),
        ) {
            let mut seen = UserSeen {
                account: before.as_ref().map(|_| "005".into()),
                record: before.unwrap_or_default(),
                unsure: sent,
                perhaps_created: lost,
            };
            let wish = UserWish::Account(wish);
            let mut steps = 0;
            while let Some(step) = user(&wish, &seen) {
                apply(&step, &mut seen);
                steps += 1;
                prop_assert!(steps <= 3, "{step:?}");
            }
            let UserWish::Account(record) = &wish else { unreachable!() };
            prop_assert!(record.changes_since(&seen.record).is_empty());
            prop_assert!(seen.account.is_some());
        }
    }

    #[test]
    fn a_deleted_user_without_an_account_needs_nothing() {
        assert_eq!(user(&UserWish::Gone, &UserSeen::default()), None);
    }

    #[test]
    fn a_deleted_user_whose_create_was_lost_is_looked_for() {
        let seen = UserSeen { perhaps_created: true, ..UserSeen::default() };
        assert_eq!(user(&UserWish::Gone, &seen), Some(UserStep::Look));
    }

    #[test]
    fn a_deleted_user_s_account_becomes_inactive_and_keeps_the_rest() {
        let mut seen = UserSeen {
            account: Some("005".into()),
            record: Record::new().with("IsActive", true).with("Title", "x"),
            ..UserSeen::default()
        };
        let step = user(&UserWish::Gone, &seen);
        assert_eq!(step, Some(UserStep::Update("005".into(), Record::new().with("IsActive", false))));
        apply(&step.unwrap(), &mut seen);
        assert_eq!(user(&UserWish::Gone, &seen), None);
    }

    #[test]
    fn what_was_sent_without_an_answer_is_sent_again_even_if_nothing_seems_to_differ() {
        let record = Record::new().with("IsActive", true).with("Title", serde_json::Value::Null);
        let sent = Record::new().with("IsActive", false).with("Title", "x");
        let seen =
            UserSeen { account: Some("005".into()), record: record.clone(), unsure: sent, ..UserSeen::default() };
        assert_eq!(user(&UserWish::Account(record.clone()), &seen), Some(UserStep::Update("005".into(), record)));
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
    fn adopting_clears_nothing_that_the_idp_is_silent_about() {
        let wish = Record::new().with("LastName", "King").with("Title", Value::Null).with("Department", "R");
        let account = Record::new().with("LastName", "Lovelace").with("Title", "Countess");
        let seen = |sent: &Record| UserSeen {
            account: Some("005".into()),
            record: adopted(&wish, sent, &account),
            ..UserSeen::default()
        };
        let mut changes = Record::new().with("LastName", "King").with("Department", "R");
        let update = |changes: &Record| Some(UserStep::Update("005".into(), changes.clone()));
        assert_eq!(user(&UserWish::Account(wish.clone()), &seen(&Record::new())), update(&changes));
        assert_eq!(
            user(&UserWish::Account(wish.clone()), &seen(&Record::new().with("Title", "Lady"))),
            update(&changes)
        );
        changes.set("Title", Value::Null);
        assert_eq!(
            user(&UserWish::Account(wish.clone()), &seen(&account)),
            update(&changes),
            "our own create wrote it"
        );
    }

    fn pairs(prefix: &str, n: usize) -> Vec<(String, String)> {
        (0..n).map(|i| (format!("{prefix}{i}"), format!("005{prefix}{i}"))).collect()
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
