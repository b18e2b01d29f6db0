use std::sync::Arc;

use super::{add, at, code, store};
use crate::sandbox::seeds::{PermissionSetLicenceSeed, PermissionSetSeed, UserSeed};
use crate::sandbox::settings::{Settings, Switches};
use crate::sandbox::store::field::Field;
use crate::sandbox::store::{Store, User};

fn set(store: &Store, name: &str) -> String {
    store.permission_set_named(name).unwrap_or_else(|| panic!("no permission set {name}"))
}

fn user<'a>(store: &'a Store, id: &str) -> &'a User {
    store.user(id).expect("user")
}

#[test]
fn assignments_are_records() {
    let mut store = store(&Settings::default());
    let (ada, eve) = (add(&mut store, "ada"), add(&mut store, "eve"));
    let console = set(&store, "Sales_Console");
    let id = store.assign(&ada, console.get(..15).expect("short")).expect("assigned");
    assert!(id.starts_with("0Pa") && id.len() == 18, "{id}");
    let found = store.set_assignment(id.get(..15).expect("short")).expect("by id");
    assert_eq!((&found.assignee, &found.set, found.group.as_ref()), (&ada, &console, None));
    assert_eq!(store.find_set_assignment(&ada, &console), Some(found));
    assert_eq!(store.find_set_assignment(&eve, &console), None);
    let twice = store.assign(&ada, &console).expect_err("twice");
    assert!(twice.code == "DUPLICATE_VALUE" && twice.message.ends_with(&id), "{twice:?}");
    assert_ne!(store.assign(&eve, &console).expect("assigned"), id);
    assert_eq!(code(store.assign(&ada, &set(&store, "X00e_Standard_User"))), "INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(code(store.assign("005AA000000000000", &console)), "INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(code(store.assign(&ada, "0PSAA000000000000")), "INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(code(store.delete_set_assignment(&id)), "accepted");
    assert_eq!(code(store.delete_set_assignment(&id)), "ENTITY_IS_DELETED");
    assert!(user(&store, &ada).permission_sets.is_empty() && store.set_assignment(&id).is_none());

    let of_profile = store.set_assignments_of(&ada).remove(0);
    assert!(of_profile.owned_by_profile && of_profile.set == set(&store, "X00e_Standard_User"), "{of_profile:?}");
    assert_eq!(store.set_assignment(&of_profile.id), Some(of_profile.clone()));
    assert_eq!(code(store.delete_set_assignment(&of_profile.id)), "INSUFFICIENT_ACCESS_OR_READONLY");
    assert_eq!(store.set_assignments().count(), 4, "three with their profiles, one by itself");
}

#[test]
fn a_group_shows_its_hidden_set() {
    let mut store = store(&Settings::default());
    let ada = add(&mut store, "ada");
    let team = store.set_group_named("Sales_Team").expect("group");
    let hidden = store.permission_set_groups.get(&team).expect("group").hidden_set.clone();
    assert_eq!(code(store.assign(&ada, &hidden)), "INVALID_CROSS_REFERENCE_KEY", "not by itself");
    let id = store.assign(&ada, &team).expect("assigned");
    let assignment = store.set_assignment(&id).expect("by id");
    assert_eq!((assignment.set.as_str(), assignment.group.as_deref()), (hidden.as_str(), Some(team.as_str())));
    assert_eq!(code(store.assign(&ada, &team)), "DUPLICATE_VALUE");
    let console = set(&store, "Sales_Console");
    store.assign(&ada, &console).expect("a set of the group can be assigned by itself too");
    assert_eq!(store.entitlement_sets(user(&store, &ada)).collect::<Vec<_>>(), [&console, &hidden]);
    store.unassign_all(&ada);
    assert!(store.set_assignment(&id).is_none() && user(&store, &ada).set_groups.is_empty());
}

#[test]
fn permission_set_licences_gate_and_run_out() {
    let licence = PermissionSetLicenceSeed { developer_name: "Analytics".to_owned(), label: None, total: 1 };
    let settings = Settings { permission_set_licences: vec![licence], ..Settings::default() };
    let mut store = store(&settings);
    let (ada, eve) = (add(&mut store, "ada"), add(&mut store, "eve"));
    let (viewer, analytics) = (set(&store, "Analytics_Viewer"), store.set_licence_named("Analytics").expect("licence"));
    let refused = store.assign(&ada, &viewer).expect_err("without the licence");
    assert_eq!(refused.message, "The user license doesn't allow the permission: Analytics Viewer");
    let id = store.assign_licence(&ada, &analytics).expect("assigned");
    assert!(id.starts_with("2LA"), "{id}");
    assert_eq!(store.licence_assignment(&id).expect("by id").licence, analytics);
    assert_eq!(code(store.assign_licence(&ada, &analytics)), "DUPLICATE_VALUE");
    assert_eq!(code(store.assign_licence(&eve, &analytics)), "LICENSE_LIMIT_EXCEEDED");
    let assignment = store.assign(&ada, &viewer).expect("with the licence");
    assert_eq!(code(store.delete_licence_assignment(&id)), "FIELD_INTEGRITY_EXCEPTION", "a set needs it");
    let mut inactive = user(&store, &ada).clone();
    inactive.active = false;
    store.update_user(inactive, at(1)).expect("deactivated");
    assert_eq!(user(&store, &ada).permission_sets.len(), 1, "deactivating takes nothing away");
    assert_eq!(store.permission_set_licences[&analytics].used, 1);
    store.delete_set_assignment(&assignment).expect("deleted");
    store.delete_licence_assignment(&id).expect("deleted");
    assert_eq!(store.permission_set_licences[&analytics].used, 0);
    assert_eq!(code(store.assign_licence(&eve, &analytics)), "accepted");

    let switches = Switches { assigns_set_licences: true, ..Switches::default() };
    let mut store = super::store(&Settings { switches, registry: Arc::default(), ..settings });
    let (ada, eve) = (add(&mut store, "ada"), add(&mut store, "eve"));
    store.assign(&ada, &viewer).expect("with the licence that it brings");
    assert_eq!(user(&store, &ada).set_licences.len(), 1);
    assert_eq!(code(store.assign(&eve, &viewer)), "LICENSE_LIMIT_EXCEEDED");
    assert!(user(&store, &eve).permission_sets.is_empty());
}

#[test]
fn a_licence_gate_holds_for_groups_too() {
    let gated = PermissionSetSeed {
        name: "Sales_Console".to_owned(),
        label: "Sales Console".to_owned(),
        licence: Some(("Identity".to_owned(), "Log In".to_owned())),
        ..PermissionSetSeed::default()
    };
    let mut store = store(&Settings { permission_sets: vec![gated], ..Settings::default() });
    let ada = add(&mut store, "ada");
    let team = store.set_group_named("Sales_Team").expect("group");
    assert_eq!(code(store.assign(&ada, &team)), "FIELD_INTEGRITY_EXCEPTION");
}

#[test]
fn memberships_and_logins_are_records() {
    let mut store = store(&Settings::default());
    let ada = add(&mut store, "ada");
    let west = store.group_named("West").expect("group");
    let id = store.add_member(&west, &ada).expect("member");
    assert!(id.starts_with("011"), "{id}");
    let member = store.group_member(&id).expect("by id");
    assert_eq!((&member.group, &member.member), (&west, &ada));
    assert_eq!(store.group_members().count(), 2, "West is in All Regions");
    store.delete_group_member(&id).expect("deleted");
    assert!(user(&store, &ada).groups.is_empty() && store.group(&west).expect("group").members.is_empty());
    assert_eq!(code(store.delete_group_member(&id)), "ENTITY_IS_DELETED");

    let login = user(&store, &ada).login_id.clone();
    assert!(login.starts_with("0Yw"), "{login}");
    assert_eq!(store.user_by_login(&login).map(|user| &user.id), Some(&ada));
    assert_eq!(store.freeze(&ada, true), Ok(true));
    assert_eq!(store.freeze(&ada, true), Ok(false));
    let mut thawed = user(&store, &ada).clone();
    thawed.frozen = false;
    store.update_user(thawed, at(1)).expect("written");
    assert!(user(&store, &ada).frozen, "the login is another record");
    assert_eq!(store.licences[0].used, 2, "who is frozen keeps the licence");
}

#[test]
fn a_transaction_takes_everything_back() {
    let mut store = store(&Settings::default());
    let ada = add(&mut store, "ada");
    let (console, reader) = (set(&store, "Sales_Console"), set(&store, "Knowledge_Reader"));
    let west = store.group_named("West").expect("group");
    let held = store.assign(&ada, &console).expect("assigned");
    let member = store.add_member(&west, &ada).expect("member");
    let (before, group, licences) =
        (user(&store, &ada).clone(), store.group(&west).expect("group").clone(), store.licences.clone());

    store.savepoint();
    let eve = add(&mut store, "eve");
    store.add_member(&west, &eve).expect("member");
    let given = store.assign(&ada, &reader).expect("assigned");
    store.delete_set_assignment(&held).expect("deleted");
    store.delete_group_member(&member).expect("deleted");
    store.freeze(&ada, true).expect("frozen");
    let mut renamed = user(&store, &ada).clone();
    renamed.set(Field::Username, "other@acme.example");
    renamed.active = false;
    store.update_user(renamed, at(1)).expect("written");
    store.rename_group(&west, "Far West", None, at(1)).expect("renamed");
    let east = store.insert_group("East", None, crate::sandbox::store::GroupKind::Regular, at(1)).expect("group");
    store.rollback();

    assert_eq!((user(&store, &ada), store.group(&west)), (&before, Some(&group)));
    assert_eq!(store.licences, licences);
    assert!(store.user(&eve).is_none() && store.group(&east).is_none() && store.set_assignment(&given).is_none());
    assert!(store.set_assignment(&held).is_some() && store.group_member(&member).is_some());
    assert!(store.user_by_username("eve@acme.example").is_none());
    add(&mut store, "eve");

    store.savepoint();
    store.delete_group(&west).expect("deleted");
    store.commit();
    store.rollback();
    assert!(store.group(&west).is_none() && user(&store, &ada).groups.is_empty(), "what is kept is kept");
    store.savepoint();
    store.delete_group(&store.group_named("All Regions").expect("group")).expect("deleted");
    store.rollback();
    assert!(store.group_named("All Regions").is_some());
}

#[test]
fn some_people_cannot_be_deactivated() {
    let boss = UserSeed {
        username: "boss@acme.example".to_owned(),
        undeactivatable: Some("default case owner".to_owned()),
        ..UserSeed::default()
    };
    let mut store = store(&Settings { users: vec![boss], ..Settings::default() });
    let mut boss = store.user_by_username("boss@acme.example").expect("seeded").clone();
    boss.active = false;
    let refused = store.update_user(boss.clone(), at(1)).expect_err("refused");
    let text = "Cannot deactivate user: this user is the default case owner";
    assert_eq!((refused.code, refused.message.as_str()), ("DEPENDENCY_EXISTS", text));
    let free = User { active: true, undeactivatable: None, ..boss.clone() };
    store.update_user(free, at(1)).expect("written");
    boss.undeactivatable = None;
    assert_eq!(code(store.update_user(boss, at(2))), "accepted");
}

#[test]
fn what_an_older_version_kept_is_read() {
    let mut store = store(&Settings::default());
    let (west, set) = (store.group_named("West").expect("group"), set(&store, "Sales_Console"));
    let profile = store.profile_named("Standard User").expect("profile");
    let group = serde_json::json!({"group": {
        "id": west, "name": "West", "developer_name": "West", "queue": false, "nested": [],
        "created": at(0), "modified": at(0),
    }});
    let user = serde_json::json!({"user": {
        "id": "005BN0000000007YAA", "fields": [["Username", "old@acme.example"], ["ProfileId", profile]], "active": true,
        "pending_email": null, "permission_sets": [set], "groups": [west], "integration": false,
        "created": at(0), "modified": at(0),
    }});
    for record in [serde_json::json!("begin"), group, user] {
        store.replay(serde_json::from_value(record).expect("a record"));
    }
    let old = store.user_by_username("old@acme.example").expect("the user");
    assert_eq!((old.user_type.as_str(), old.login_id.len()), ("Standard", 18));
    let assignment = store.find_set_assignment(&old.id, &set).expect("assigned");
    assert!(store.set_assignment(&assignment.id).is_some() && assignment.id.len() == 18);
    let member = store.group_members().next().expect("a member");
    assert_eq!((&member.group, &member.member), (&west, &old.id));
    assert!(store.group_member(&member.id).is_some());
}

#[test]
fn seeds_that_the_rules_refuse_are_told_of() {
    let user = |username: &str, change: fn(&mut UserSeed)| {
        let mut seed = UserSeed { username: username.to_owned(), ..UserSeed::default() };
        change(&mut seed);
        seed
    };
    let store = store(&Settings {
        users: vec![
            user("test@gmail.com", |_| {}),
            user("a@acme.example", |seed| seed.profile = "No Such".to_owned()),
            user("b@acme.example", |seed| seed.permission_sets = vec!["Nothing".to_owned()]),
            user("c@acme.example", |seed| {
                seed.fields.insert("Shoe__c".to_owned(), "43".to_owned());
            }),
            user("d@acme.example", |_| {}),
        ],
        ..Settings::default()
    });
    let told = store.refused_seeds.join("\n");
    for part in
        ["user test@gmail.com: DUPLICATE_USERNAME", "no profile No Such", "Nothing", "users have no field Shoe__c"]
    {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    assert_eq!(store.refused_seeds.len(), 4);
    assert!(store.user_by_username("d@acme.example").is_some());
}
