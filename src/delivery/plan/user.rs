//! The next step towards what a user is to be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grants::{self, GrantStep, GrantWish, ObservedGrants};
use super::leave::{self, Ladder};
use crate::entitlement::Grant;
use crate::salesforce::{Carrier, Change, Record, dialect};

/// What is known of a user's account: the field values that we sent and Salesforce accepted (or that it had when the
/// account was adopted). Not what it echoes: an e-mail change is accepted and yet answered with the old address until
/// the person confirms it, and comparing with that would send it again for ever.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ObservedUser {
    /// Accepted field values.
    pub record: Record,
    /// Field values that were sent and of which nobody knows whether they were accepted: noted before a call, taken
    /// out when its answer is known. Without it a change that arrived while its answer was lost, and was then taken
    /// back by the IdP, would stay in Salesforce for ever: nothing would seem to differ.
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    pub unsure: Record,
    /// By field, the value that was chosen because the wanted one was taken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<String, Chosen>,
    /// The e-mail address that was accepted and, as far as is known, waits for the person's confirmation: until then
    /// Salesforce shows the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<String>,
    /// Whether we froze the account: because the person left, or because Salesforce refused to deactivate it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// Whether we perhaps did: noted before the call, taken out when its answer is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub freezing: bool,
    /// The account that was found for this person, where a person has to say whether it is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// What the person was given.
    #[serde(default, skip_serializing_if = "ObservedGrants::is_empty")]
    pub grants: ObservedGrants,
}

/// A value that was chosen because the wanted one was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// What was wanted. The choice falls when the wish becomes another.
    pub wanted: String,
    /// What was chosen instead.
    pub value: String,
    /// How many were tried before.
    pub tried: u32,
}

/// An account that was found, and what a person said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// Salesforce's id of the account.
    pub account: String,
    /// Whether a person agreed to its adoption.
    pub approved: bool,
}

/// What a user is to be.
#[derive(Debug, Clone, PartialEq)]
pub enum UserWish {
    /// An account.
    Account(AccountWish),
    /// Deleted here: an account, if there is one, is to be inactive (Salesforce never deletes users).
    Gone,
}

/// What an account is to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountWish {
    /// Its field values.
    pub record: Record,
    /// Values that a new account begins with and that are nobody's wish later.
    pub on_create: Record,
    /// What else the person is to be given. `None`: that is nobody's wish now.
    pub grants: Option<GrantWish>,
}

/// The ways that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Whether what SCIM cannot do may go over REST.
    pub rest: bool,
    /// Whether Salesforce mails a new person a link to set a password.
    pub welcome_mail: bool,
    /// What is done to the account of somebody who leaves, before it is deactivated.
    pub ladder: Ladder,
}

/// What is known of a user's account, and what is not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserSeen {
    /// Salesforce's id.
    pub account: Option<String>,
    /// What is known of it.
    pub observed: ObservedUser,
    /// Whether a create may have made an account whose answer never came.
    pub perhaps_created: bool,
    /// Whether the person's grants were read during this delivery.
    pub looked: bool,
    /// What is neither given nor taken during this delivery: Salesforce refused it, or a person has to agree first.
    pub refused: BTreeSet<Grant>,
    /// Whether freezing was tried during this delivery: the account is frozen, or cannot be.
    pub freeze_tried: bool,
}

/// The next step for a user.
#[derive(Debug, Clone, PartialEq)]
pub enum UserStep {
    /// Look for an account that may be there.
    Look,
    /// Make an account with these fields.
    Create(Record, Carrier),
    /// Let the person log in again whose account we froze.
    Unfreeze(String),
    /// Let nobody log in with the account.
    Freeze(String),
    /// Change these fields of the account.
    Update(String, Record),
    /// Read what the person has been given.
    ReadGrants(String),
    /// Give and take these.
    Grants(String, Vec<Change>),
}

/// The next step towards what a user is to be; `None` when there is none.
pub fn user(wish: &UserWish, seen: &UserSeen, means: Means) -> Option<UserStep> {
    let Some(account) = &seen.account else {
        return match wish {
            _ if seen.perhaps_created => Some(UserStep::Look),
            UserWish::Account(wish) => Some(create(wish, means)),
            UserWish::Gone => None,
        };
    };
    let inactive = Record::new().with("IsActive", false);
    let record = match wish {
        UserWish::Account(wish) => &wish.record,
        UserWish::Gone => &inactive,
    };
    if (seen.observed.frozen || seen.observed.freezing) && is_active(record) {
        return Some(UserStep::Unfreeze(account.clone()));
    }
    if !is_active(record)
        && means.rest
        && let Some(step) = leave::next(means.ladder, account, seen)
    {
        return Some(step);
    }
    let grants = match wish {
        UserWish::Account(wish) => wish.grants.as_ref().filter(|_| means.rest),
        UserWish::Gone => None,
    };
    if grants.is_some_and(|grants| grants.look_first) && !seen.looked {
        return Some(UserStep::ReadGrants(account.clone()));
    }
    let mut changes = record.changes_since_unsure(&seen.observed.record, &seen.observed.unsure);
    if !means.rest {
        changes = dialect::applied_by_patch(&changes, record).0;
    }
    let of = |step: GrantStep| match step {
        GrantStep::Read => UserStep::ReadGrants(account.clone()),
        GrantStep::Change(changes) => UserStep::Grants(account.clone(), changes),
    };
    if !changes.is_empty() {
        let first = grants
            .filter(|_| changes.mentions("ProfileId"))
            .and_then(|grants| grants::before_profile(grants, &seen.observed.grants, seen.looked, &seen.refused));
        return Some(first.map_or_else(|| UserStep::Update(account.clone(), changes), of));
    }
    grants::next(grants?, &seen.observed.grants, seen.looked, &seen.refused).map(of)
}

/// What of the wish no SCIM call can bring about, where REST is forbidden.
pub fn beyond_scim(wish: &UserWish, seen: &UserSeen) -> Record {
    match wish {
        UserWish::Account(AccountWish { record, .. }) => {
            let changes = record.changes_since_unsure(&seen.observed.record, &seen.observed.unsure);
            dialect::applied_by_patch(&changes, record).1
        }
        UserWish::Gone => Record::new(),
    }
}

/// One call where that is possible. REST takes every field and sends no mail. SCIM takes one telephone number and none
/// of the org's own fields, and mails every active newcomer a link to set a password: without that mail the account is
/// made inactive, and activated by the update that follows.
fn create(wish: &AccountWish, means: Means) -> UserStep {
    let mut all: Record = wish.on_create.iter().map(|(field, value)| (field.to_owned(), value.clone())).collect();
    all.apply(&wish.record.with_values_only());
    let mailed = means.welcome_mail && is_active(&wish.record);
    if means.rest && !mailed {
        return UserStep::Create(all.with_values_only(), Carrier::Rest);
    }
    let mut record = all.split_for_create().0;
    if !mailed {
        record.set("IsActive", false);
    }
    UserStep::Create(record, Carrier::Scim)
}

fn is_active(record: &Record) -> bool {
    record.get("IsActive").and_then(Value::as_bool).unwrap_or(false)
}

/// Whether an account is what a create of ours with these fields made, as far as a look shows: every field that SCIM has.
pub fn made_by(sent: &Record, account: &Record) -> bool {
    let shown: Record = sent
        .iter()
        .filter(|(field, _)| dialect::field::place(field).is_some())
        .map(|(field, value)| (field.to_owned(), value.clone()))
        .collect();
    !shown.is_empty() && shown.changes_since(account).is_empty()
}

/// Of what a SCIM create carried, what its answer shows: the rest was not done, whatever the status said. An answer that
/// shows no user says nothing. Whether the address is shown does not count: it may wait for its confirmation.
pub fn confirmed(sent: &Record, answer: &Record) -> Record {
    let mut missing = if answer.mentions("Username") { sent.changes_since(answer) } else { Record::new() };
    missing.unset("Email");
    let fields = sent.iter().filter(|(field, _)| !missing.mentions(field));
    fields.map(|(field, value)| (field.to_owned(), value.clone())).collect()
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
            UserStep::Create(fields, _) => {
                seen.account = Some("005".into());
                seen.observed.record = fields.clone();
            }
            UserStep::Unfreeze(_) => (seen.observed.frozen, seen.observed.freezing) = (false, false),
            UserStep::Freeze(_) => seen.observed.frozen = true,
            UserStep::Update(_, changes) => {
                seen.observed.record.apply(changes);
                seen.observed.unsure = Record::new();
            }
            UserStep::ReadGrants(_) | UserStep::Grants(..) => panic!("nothing is to be given"),
        }
    }

    fn account(record: &Record) -> UserWish {
        let on_create = Record::new().with("Alias", "al").with("LocaleSidKey", "en_US");
        UserWish::Account(AccountWish { record: record.clone(), on_create, grants: None })
    }

    fn linked(record: Record) -> UserSeen {
        let observed = ObservedUser { record, ..ObservedUser::default() };
        UserSeen { account: Some("005".into()), observed, ..UserSeen::default() }
    }

    const FREE: Means = Means { rest: true, welcome_mail: false, ladder: Ladder::none() };
    const SCIM_ALONE: Means = Means { rest: false, welcome_mail: false, ladder: Ladder::none() };

    proptest! {
        /// From any state, the steps end, and then Salesforce is what was asked (but for what SCIM alone cannot do) and
        /// nothing more is sent.
        #[test]
        fn planning_converges(
            wish in record(),
            before in proptest::option::of(record()),
            sent in record(),
            (lost, frozen, rest, welcome_mail) in any::<(bool, bool, bool, bool)>(),
        ) {
            let means = Means { rest, welcome_mail, ladder: Ladder::none() };
            let mut seen = UserSeen {
                account: before.as_ref().map(|_| "005".into()),
                observed: ObservedUser {
                    record: before.unwrap_or_default(), unsure: sent, frozen, ..ObservedUser::default()
                },
                perhaps_created: lost,
                ..UserSeen::default()
            };
            let asked = account(&wish);
            let mut steps = 0;
            while let Some(step) = user(&asked, &seen, means) {
                apply(&step, &mut seen);
                steps += 1;
                prop_assert!(steps <= 4, "{step:?}");
            }
            let left = wish.changes_since_unsure(&seen.observed.record, &seen.observed.unsure);
            prop_assert_eq!(&left, &beyond_scim(&asked, &seen));
            prop_assert!(left.is_empty() || !rest, "{left:?}");
            prop_assert!(seen.account.is_some() && !seen.observed.frozen);
        }
    }

    #[test]
    fn a_create_is_one_call_with_everything_in_it_where_rest_is_allowed() {
        let wish = Record::new()
            .with("LastName", "L")
            .with("IsActive", true)
            .with("Phone", "1")
            .with("MobilePhone", "2")
            .with("LocaleSidKey", "de_DE")
            .with("Title", Value::Null);
        let step = user(&account(&wish), &UserSeen::default(), FREE).unwrap();
        let all = wish.with_values_only().with("Alias", "al");
        assert_eq!(step, UserStep::Create(all.clone(), Carrier::Rest), "no mail, and the person's own locale");
        let mut seen = UserSeen::default();
        apply(&step, &mut seen);
        assert_eq!(user(&account(&wish), &seen, FREE), None);
        let mailed = Means { welcome_mail: true, ..FREE };
        let Some(UserStep::Create(first, Carrier::Scim)) = user(&account(&wish), &UserSeen::default(), mailed) else {
            panic!("only SCIM mails")
        };
        assert_eq!((first.get("IsActive"), first.get("MobilePhone")), (Some(&json!(true)), None));
        let leaver = Record::new().with("LastName", "L").with("IsActive", false);
        let step = user(&account(&leaver), &UserSeen::default(), mailed);
        assert!(matches!(step, Some(UserStep::Create(_, Carrier::Rest))), "nobody to mail");
    }

    #[test]
    fn without_rest_and_mail_a_create_is_inactive_and_then_activated() {
        let wish = account(&Record::new().with("LastName", "L").with("IsActive", true));
        let mut seen = UserSeen::default();
        let step = user(&wish, &seen, SCIM_ALONE).unwrap();
        let expected = Record::new().with("LastName", "L").with("IsActive", false).with("LocaleSidKey", "en_US");
        assert_eq!(step, UserStep::Create(expected, Carrier::Scim));
        apply(&step, &mut seen);
        let activated = Record::new().with("IsActive", true);
        assert_eq!(user(&wish, &seen, SCIM_ALONE), Some(UserStep::Update("005".into(), activated)));
    }

    #[test]
    fn without_rest_only_what_a_patch_applies_is_sent() {
        let wish = Record::new().with("Username", "new@b.c").with("Title", "T").with("City", "X").with("Street", "S");
        let seen = linked(Record::new().with("Username", "a@b.c").with("Street", "S"));
        let sent = Record::new().with("Title", "T").with("City", "X").with("Street", "S");
        let wish = account(&wish);
        assert_eq!(user(&wish, &seen, SCIM_ALONE), Some(UserStep::Update("005".into(), sent)));
        assert_eq!(beyond_scim(&wish, &seen), Record::new().with("Username", "new@b.c"));
    }

    #[test]
    fn an_account_that_we_froze_is_let_in_again_only_when_it_is_wanted() {
        let mut seen = linked(Record::new().with("IsActive", true));
        seen.observed.frozen = true;
        let active = account(&Record::new().with("IsActive", true));
        assert_eq!(user(&active, &seen, FREE), Some(UserStep::Unfreeze("005".into())));
        let inactive = Record::new().with("IsActive", false);
        assert_eq!(user(&account(&inactive), &seen, FREE), Some(UserStep::Update("005".into(), inactive.clone())));
        assert_eq!(user(&UserWish::Gone, &seen, FREE), Some(UserStep::Update("005".into(), inactive)));
    }

    #[test]
    fn a_deleted_user_without_an_account_needs_nothing() {
        assert_eq!(user(&UserWish::Gone, &UserSeen::default(), FREE), None);
    }

    #[test]
    fn a_deleted_user_whose_create_was_lost_is_looked_for() {
        let seen = UserSeen { perhaps_created: true, ..UserSeen::default() };
        assert_eq!(user(&UserWish::Gone, &seen, FREE), Some(UserStep::Look));
    }

    #[test]
    fn a_deleted_user_s_account_becomes_inactive_and_keeps_the_rest() {
        let mut seen = linked(Record::new().with("IsActive", true).with("Title", "x"));
        let step = user(&UserWish::Gone, &seen, FREE);
        assert_eq!(step, Some(UserStep::Update("005".into(), Record::new().with("IsActive", false))));
        apply(&step.unwrap(), &mut seen);
        assert_eq!(user(&UserWish::Gone, &seen, FREE), None);
    }

    #[test]
    fn what_was_sent_without_an_answer_is_sent_again_even_if_nothing_seems_to_differ() {
        let record = Record::new().with("IsActive", true).with("Title", Value::Null);
        let mut seen = linked(record.clone());
        seen.observed.unsure = Record::new().with("IsActive", false).with("Title", "x");
        assert_eq!(user(&account(&record), &seen, FREE), Some(UserStep::Update("005".into(), record)));
    }

    #[test]
    fn what_the_answer_to_a_create_does_not_show_was_not_done() {
        let sent =
            Record::new().with("Username", "Ada@b.c").with("Title", "T").with("UserRoleId", "00E1").with("City", "X");
        let answer =
            Record::new().with("Username", "ada@b.c").with("Title", "t").with("City", "X").with("Division", "D");
        assert_eq!(confirmed(&sent, &answer), Record::new().with("Username", "Ada@b.c").with("City", "X"));
        assert_eq!(confirmed(&sent, &Record::new()), sent, "an answer without a user");
        let mailed = sent.clone().with("Email", "new@b.c");
        assert_eq!(confirmed(&mailed, &sent), mailed);
    }

    #[test]
    fn adopting_clears_nothing_that_the_idp_is_silent_about() {
        let wish = Record::new().with("LastName", "King").with("Title", Value::Null).with("Department", "R");
        let held = Record::new().with("LastName", "Lovelace").with("Title", "Countess");
        let step = |sent: &Record| user(&account(&wish), &linked(adopted(&wish, sent, &held)), FREE);
        let mut changes = Record::new().with("LastName", "King").with("Department", "R");
        let update = |changes: &Record| Some(UserStep::Update("005".into(), changes.clone()));
        assert_eq!(step(&Record::new()), update(&changes));
        assert_eq!(step(&Record::new().with("Title", "Lady")), update(&changes));
        changes.set("Title", Value::Null);
        assert_eq!(step(&held), update(&changes), "our own create wrote it");
    }
}
