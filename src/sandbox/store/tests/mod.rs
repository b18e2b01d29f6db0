mod assignments;
mod rules;

use chrono::{DateTime, TimeDelta, Utc};

use super::field::Field;
use super::{GroupKind, Store, User};
use crate::sandbox::settings::{EmailConfirmation, Settings, Switches};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("time") + TimeDelta::seconds(seconds)
}

fn store(settings: &Settings) -> Store {
    Store::new(settings, at(0))
}

/// A user that breaks no rule.
fn person(store: &Store, name: &str) -> User {
    let mut user = store.blank_user(at(0));
    for (field, value) in [
        (Field::Username, format!("{name}@acme.example")),
        (Field::LastName, name.to_owned()),
        (Field::Email, format!("{name}@acme.example")),
        (Field::Alias, "a".to_owned()),
        (Field::CommunityNickname, name.to_owned()),
        (Field::LanguageLocaleKey, "en_US".to_owned()),
        (Field::LocaleSidKey, "en_GB".to_owned()),
        (Field::TimeZoneSidKey, "Europe/London".to_owned()),
        (Field::EmailEncodingKey, "UTF-8".to_owned()),
        (Field::ProfileId, store.profile_named("Standard User").expect("profile")),
    ] {
        user.set(field, &value);
    }
    user.active = true;
    user
}

fn add(store: &mut Store, name: &str) -> String {
    store.insert_user(person(store, name)).expect("insert")
}

fn code(result: Result<impl Sized, super::refusal::Refusal>) -> &'static str {
    result.err().map_or("accepted", |refusal| refusal.code)
}

#[test]
fn required_fields_and_their_forms() {
    let mut store = store(&Settings::default());
    for field in Field::ALL.iter().filter(|field| field.is_required()) {
        let mut user = person(&store, "x");
        user.set(*field, "");
        let refusal = store.insert_user(user).expect_err("refused");
        assert_eq!((refusal.code, refusal.fields), ("REQUIRED_FIELD_MISSING", vec![field.name().to_owned()]));
    }
    for (field, value, expected) in [
        (Field::Username, "x", "INVALID_EMAIL_ADDRESS"),
        (Field::Username, "x@y", "INVALID_EMAIL_ADDRESS"),
        (Field::Username, "x y@z.example", "INVALID_EMAIL_ADDRESS"),
        (Field::Username, "x@y..example", "INVALID_EMAIL_ADDRESS"),
        (Field::Username, "x@y.example", "accepted"),
        (Field::LocaleSidKey, "en-GB", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (Field::LocaleSidKey, "EN_GB", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (Field::LanguageLocaleKey, "xx", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (Field::TimeZoneSidKey, "CET", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (Field::UserRoleId, "00E000000000001", "INVALID_CROSS_REFERENCE_KEY"),
        (Field::ManagerId, "not an id", "INVALID_CROSS_REFERENCE_KEY"),
    ] {
        let mut store = self::store(&Settings::default());
        let mut user = person(&store, "x");
        user.set(field, value);
        assert_eq!(code(store.insert_user(user)), expected, "{}={value}", field.name());
    }
    for field in Field::ALL.iter().copied().filter(|field| matches!(field.kind(), super::field::Kind::Text)) {
        for (length, expected) in [(Field::max(field), "accepted"), (Field::max(field) + 1, "STRING_TOO_LONG")] {
            let mut store = self::store(&Settings::default());
            let mut user = person(&store, "x");
            user.set(field, &"é".repeat(length));
            assert_eq!(code(store.insert_user(user)), expected, "{} of {length}", field.name());
        }
    }
}

#[test]
fn a_rename_frees_the_old_names_and_takes_the_new() {
    let mut store = store(&Settings::default());
    let id = add(&mut store, "ada");
    let mut user = store.user(&id).expect("user").clone();
    user.set(Field::Username, "Ada.New@acme.example");
    user.set(Field::CommunityNickname, "adanew");
    user.set(Field::FederationIdentifier, "F1");
    assert_eq!(store.update_user(user.clone(), at(1)), Ok(true));
    assert_eq!(store.update_user(store.user(&id).expect("user").clone(), at(2)), Ok(false), "nothing different");
    assert_eq!(store.user_by_username("ADA.new@acme.example").map(|user| &user.id), Some(&id));
    assert_eq!(store.user_by_federation_id("f1").map(|user| &user.id), Some(&id));
    assert_eq!(store.user_by_username("ada@acme.example"), None);
    add(&mut store, "ada");
    for (field, value, expected) in [
        (Field::Username, "ada.new@acme.example", "DUPLICATE_USERNAME"),
        (Field::CommunityNickname, "AdaNew", "DUPLICATE_COMM_NICKNAME"),
        (Field::FederationIdentifier, "f1", "DUPLICATE_VALUE"),
    ] {
        let mut eve = person(&store, "eve");
        eve.set(field, value);
        assert_eq!(code(store.insert_user(eve)), expected);
    }
}

#[test]
fn licences_follow_activity_and_profile() {
    let licences = vec![("Salesforce".to_owned(), 2), ("Identity".to_owned(), 1)];
    let switches = Switches { profile_across_licences: true, ..Switches::default() };
    let profiles = Settings::default().profiles.into_iter().filter(|seed| seed.licence != "Salesforce Platform");
    let mut store = store(&Settings { licences, profiles: profiles.collect(), switches, ..Settings::default() });
    let taken = |store: &Store| store.licences.iter().map(|licence| licence.used).collect::<Vec<_>>();
    let id = add(&mut store, "ada");
    assert_eq!(taken(&store), [2, 0], "the integration user holds one");
    assert_eq!(code(store.insert_user(person(&store, "eve"))), "LICENSE_LIMIT_EXCEEDED");
    let mut user = store.user(&id).expect("user").clone();
    user.set(Field::ProfileId, &store.profile_named("Identity User").expect("profile"));
    assert_eq!(store.update_user(user.clone(), at(1)), Ok(true));
    assert_eq!(taken(&store), [1, 1]);
    user.active = false;
    assert_eq!(store.update_user(user.clone(), at(2)), Ok(true));
    assert_eq!(taken(&store), [1, 0]);
    user.set(Field::Title, "inactive users can be changed");
    assert_eq!(store.update_user(user, at(3)), Ok(true));
    store.set_licence("Salesforce", 0);
    let boss = store.users().find(|user| user.integration).expect("integration user").clone();
    assert_eq!(store.update_user(boss, at(4)), Ok(false), "who holds a licence keeps it");
}

#[test]
fn a_rollback_puts_everything_back() {
    let mut store = store(&Settings::default());
    let id = add(&mut store, "ada");
    let west = store.group_named("West").expect("group");
    store.add_member(&west, &id).expect("member");
    let before = store.user(&id).expect("user").clone();
    let licences = store.licences.clone();
    let set = store.permission_sets.iter().find(|(_, set)| set.name == "Sales_Console").expect("set").0.clone();
    store.assign(&id, &set).expect("assign");
    store.remove_member(&west, &id).expect("remove");
    let mut user = store.user(&id).expect("user").clone();
    user.active = false;
    user.set(Field::Username, "other@acme.example");
    store.update_user(user, at(1)).expect("update");
    store.restore_user(before.clone());
    assert_eq!(store.user(&id), Some(&before));
    assert_eq!(store.licences, licences);
    assert!(store.group(&west).expect("group").members.contains_key(&id));
    assert_eq!(store.user_by_username("other@acme.example"), None);
    assert_eq!(store.user_by_username("ada@acme.example"), Some(&before));

    let group = store.group(&west).expect("group").clone();
    store.remove_member(&west, &id).expect("remove");
    store.restore_group(group);
    assert!(store.user(&id).expect("user").groups.contains_key(&west), "both ends of a membership agree");
}

#[test]
fn memberships_have_two_ends_and_no_circles() {
    let mut store = store(&Settings::default());
    let id = add(&mut store, "ada");
    let (west, all) =
        (store.group_named("West").expect("West"), store.group_named("All Regions").expect("All Regions"));
    store.add_member(&west, id.get(..15).expect("id")).expect("15 characters do");
    assert_eq!(code(store.add_member(&west, &id)), "DUPLICATE_VALUE");
    assert_eq!(code(store.add_member(&west, &west)), "CIRCULAR_DEPENDENCY");
    assert_eq!(code(store.add_member(&west, &all)), "CIRCULAR_DEPENDENCY", "All Regions holds West");
    let top = store.insert_group("Top", None, GroupKind::Regular, at(0)).expect("group");
    store.add_member(&top, &all).expect("nested");
    assert_eq!(code(store.add_member(&west, &top)), "CIRCULAR_DEPENDENCY", "two levels up");
    assert_eq!(code(store.add_member(&west, "005AA000000000000")), "INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(store.remove_member(&top, &id), Ok(false));
    assert_eq!(store.delete_group(&west), Ok(true));
    assert!(store.user(&id).expect("user").groups.is_empty());
    assert!(store.group(&all).expect("group").members.is_empty());
}

#[test]
fn a_changed_address_waits() {
    let mut store = store(&Settings::default());
    let id = add(&mut store, "ada");
    let change = |store: &mut Store, email: &str| {
        let mut user = store.user(&id).expect("user").clone();
        user.set(Field::Email, email);
        store.update_user(user, at(1)).expect("update")
    };
    assert!(change(&mut store, "new@acme.example"));
    assert!(!change(&mut store, "new@acme.example"), "asking again changes nothing");
    assert_eq!(store.user(&id).and_then(|user| user.get(Field::Email)), Some("ada@acme.example"));
    assert_eq!(store.confirm_emails(at(2)), 1);
    assert_eq!(store.confirm_emails(at(2)), 0);
    assert_eq!(store.user(&id).and_then(|user| user.get(Field::Email)), Some("new@acme.example"));
    store.email_confirmation = EmailConfirmation::Immediate;
    change(&mut store, "third@acme.example");
    assert_eq!(store.user(&id).and_then(|user| user.get(Field::Email)), Some("third@acme.example"));
}
