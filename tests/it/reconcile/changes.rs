//! Whatever is changed by hand in the org: what concerns the bridge is found, and nothing else, and is repaired.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::store::{Group, GroupKind, Store, User};
use serde_json::json;

use super::{Via, reconcile, words};
use crate::entitlements::entitlements;
use crate::support::app::{TestApp, user};
use crate::support::engine::Engine;
use crate::support::urn::ENTERPRISE;

/// Some of what people are given: a profile and a role, which SCIM has, too, and what only REST has. Of permission set groups
/// nobody keeps what no rule gives.
const RULES: &str = r#"
default_profile = "Minimum Access - Salesforce"
[[rules]]
name = "all"
when = "title pr"
profile = "Standard User"
role = "CEO"
"#;
const RULES_OVER_REST: &str = r#"
exclusive = ["permission_set_groups"]
[[rules]]
name = "all"
when = "title pr"
profile = "Standard User"
role = "CEO"
permission_sets = ["Sales_Console"]
public_groups = ["West"]
[[rules]]
name = "some"
when = 'userName sw "p1"'
permission_set_groups = ["Sales_Team"]
"#;

const PEOPLE: usize = 40;
const GROUPS: usize = 6;
const CHANGES: usize = 200;

/// Fields that the identity provider asks for, and that differ at once when somebody changes them by hand.
const MANAGED: [Field; 9] = [
    Field::FirstName,
    Field::LastName,
    Field::Title,
    Field::Department,
    Field::EmployeeNumber,
    Field::CommunityNickname,
    Field::LocaleSidKey,
    Field::TimeZoneSidKey,
    Field::ManagerId,
];
/// The same, of which SCIM can write none.
const OVER_REST: [Field; 3] = [Field::Username, Field::FederationIdentifier, Field::MobilePhone];
/// Fields that nobody asked for. An e-mail address that is changed by hand waits for the person's confirmation.
const OWN: [Field; 6] = [Field::Fax, Field::City, Field::CompanyName, Field::Division, Field::Alias, Field::Email];

/// What an org holds of what a test looks at.
struct Held {
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
}

fn held(app: &TestApp) -> Held {
    app.org().org().with_store(|store| Held {
        users: store.users().map(|user| (user.id.clone(), user.clone())).collect(),
        groups: store.groups().map(|group| (group.id.clone(), group.clone())).collect(),
    })
}

/// People with managers, in groups, everything delivered. Answers the usernames.
async fn populate(app: &TestApp) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut names = Vec::new();
    for n in 0..PEOPLE {
        let name = format!("p{n}");
        let mut body = user(&name);
        body["title"] = json!(format!("title {n}"));
        body["locale"] = json!("de-DE");
        body["timezone"] = json!("Europe/Berlin");
        body["phoneNumbers"] = json!([{ "type": "mobile", "value": format!("+49 {n}") }]);
        body[ENTERPRISE] = json!({ "department": "Sales", "employeeNumber": n.to_string() });
        if n > 0 {
            body[ENTERPRISE]["manager"] = json!({ "value": ids[n / 2] });
        }
        let answer = app.post("/Users", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        ids.push(answer.body["id"].as_str().expect("an id").to_owned());
        names.push(format!("{name}@example.com"));
        if n == 0 {
            // The others' manager first: what waits for an account takes longer.
            app.settled().await;
        }
    }
    app.settled().await;
    for n in 0..GROUPS {
        let members: Vec<&str> = ids.iter().skip(n).step_by(n + 2).map(String::as_str).collect();
        app.group(&format!("SF {n}"), &members).await;
    }
    app.group("Not mirrored", &[&ids[0]]).await;
    let status = app.settled().await;
    assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "{status}");
    names
}

pub(super) fn stranger(store: &mut Store, name: &str, federation: &str) {
    let mut user = store.blank_user(chrono::DateTime::UNIX_EPOCH);
    user.active = true;
    let profile = store.profile_named("Standard User").expect("the profile");
    for (field, value) in [
        (Field::Username, name),
        (Field::FederationIdentifier, federation),
        (Field::LastName, "Stranger"),
        (Field::Email, name),
        (Field::Alias, "strange"),
        (Field::CommunityNickname, name),
        (Field::LanguageLocaleKey, "en_US"),
        (Field::LocaleSidKey, "en_US"),
        (Field::TimeZoneSidKey, "America/Los_Angeles"),
        (Field::EmailEncodingKey, "UTF-8"),
        (Field::ProfileId, profile.as_str()),
    ] {
        user.set(field, value);
    }
    store.insert_user(user).expect("a user that the rules allow");
}

/// One change as an administrator would make it.
fn change(store: &mut Store, random: &mut StdRng, via: Via, n: usize) {
    let now = chrono::DateTime::UNIX_EPOCH;
    let mut pick = |most: usize| random.random_range(0..most);
    let people: Vec<User> = store
        .users()
        .filter(|user| !user.integration && user.get(Field::LastName) != Some("Stranger"))
        .cloned()
        .collect();
    let mut person = people[pick(people.len())].clone();
    let groups: Vec<Group> = store.groups().filter(|group| group.name.starts_with("SF ")).cloned().collect();
    let value = |field: Field, n: usize| match field {
        Field::LocaleSidKey => ["en_US", "de_DE", "fr_FR"][n % 3].to_owned(),
        Field::TimeZoneSidKey => ["Europe/Paris", "Europe/Berlin", "Asia/Tokyo"][n % 3].to_owned(),
        Field::ManagerId => people[n % people.len()].id.clone(),
        Field::Username | Field::Email => format!("changed{n}@example.com"),
        Field::Alias => format!("a{n}"),
        _ => format!("changed {n}"),
    };
    let mut fields: Vec<Field> = MANAGED.to_vec();
    if via != Via::Scim {
        fields.extend(OVER_REST);
    }
    match pick(30) {
        0..=8 => {
            let field = fields[pick(fields.len())];
            let cleared = !field.is_required() && pick(4) == 0;
            person.set(field, &if cleared { String::new() } else { value(field, n) });
            store.update_user(person, now).expect("changed");
        }
        9..=11 => {
            let field = OWN[pick(OWN.len())];
            person.set(field, &value(field, n));
            store.update_user(person, now).expect("changed");
        }
        12 => {
            person.active = !person.active;
            store.update_user(person, now).expect("changed");
        }
        13 => stranger(store, &format!("stranger{n}@example.com"), &format!("stranger-{n}")),
        14 if groups.len() > 3 && pick(3) == 0 => {
            assert!(store.delete_group(&groups[pick(groups.len())].id).expect("deleted"));
        }
        15 if via != Via::Scim => {
            store.rename_group(&groups[pick(groups.len())].id, &format!("SF renamed {n}"), None, now).expect("renamed");
        }
        16 => {
            store.insert_group(&format!("By hand {n}"), None, GroupKind::Regular, now).expect("a group");
        }
        17..=18 => {
            let group = &groups[pick(groups.len())];
            let member = group.members.keys().nth(pick(group.members.len().max(1)));
            if let Some(member) = member {
                store.remove_member(&group.id, member).expect("removed");
            }
        }
        20..=22 => {
            let profiles = ["System Administrator", "Minimum Access - Salesforce", "Standard User"];
            let profile = store.profile_named(profiles[pick(profiles.len())]).expect("the profile");
            person.set(Field::ProfileId, &profile);
            store.update_user(person, now).expect("changed");
        }
        23..=24 => {
            let role = [None, Some("Sales Rep"), Some("CEO")][pick(3)];
            let role = role.map(|role| store.role_named(role).expect("the role")).unwrap_or_default();
            person.set(Field::UserRoleId, &role);
            store.update_user(person, now).expect("changed");
        }
        given @ 25..=28 if via != Via::Scim => give_or_take(store, &person, given),
        _ => {
            let group = &groups[pick(groups.len())];
            if !group.members.contains_key(&person.id) {
                store.add_member(&group.id, &person.id).expect("added");
            }
        }
    }
}

/// Gives somebody what they do not have, or takes away what they have, by hand.
fn give_or_take(store: &mut Store, person: &User, what: usize) {
    let (target, held) = match what {
        25 => (store.permission_set_named("Sales_Console"), &person.permission_sets),
        26 => (store.permission_set_named("Knowledge_Reader"), &person.permission_sets),
        27 => (store.set_group_named("Sales_Team"), &person.set_groups),
        _ => (store.group_named("West"), &person.groups),
    };
    let target = target.expect("it is in every org");
    match (held.get(&target), what) {
        (Some(_), 28) => assert!(store.remove_member(&target, &person.id).expect("removed")),
        (None, 28) => store.add_member(&target, &person.id).map(drop).expect("added"),
        (Some(assignment), _) => store.delete_set_assignment(assignment).expect("taken away"),
        (None, _) => store.assign(&person.id, &target).map(drop).expect("given"),
    }
}

/// What of grants is to be found of somebody: everything that they had before was given by rules.
fn grants(before: &Held, now: &Held, was: &User, user: &User) -> Vec<String> {
    let mut found = Vec::new();
    for (field, words) in [(Field::ProfileId, "+profile Standard User"), (Field::UserRoleId, "+role CEO")] {
        if was.get(field) != user.get(field) {
            found.push(words.to_owned());
        }
    }
    if was.permission_sets.keys().any(|set| !user.permission_sets.contains_key(set)) {
        found.push("+permission set Sales_Console".to_owned());
    }
    match (was.set_groups.is_empty(), user.set_groups.is_empty()) {
        (false, true) => found.push("+permission set group Sales_Team".to_owned()),
        (true, false) => found.push("-permission set group Sales_Team".to_owned()),
        _ => {}
    }
    let west =
        |held: &Held| held.groups.values().any(|group| group.name == "West" && group.members.contains_key(&was.id));
    if west(before) && !west(now) {
        found.push("+public group West".to_owned());
    }
    found
}

/// What is to be found, from what the org held when everything was delivered and what it holds now.
fn expected(before: &Held, now: &Held, protected: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (id, user) in &now.users {
        let name = user.get(Field::Username).unwrap_or_default();
        let Some(was) = before.users.get(id) else {
            found.insert(format!("unlinked {name}"));
            continue;
        };
        if was.integration || name == protected {
            continue;
        }
        let name = was.get(Field::Username).unwrap_or_default();
        for field in MANAGED.into_iter().chain(OVER_REST) {
            // The first of all has no manager: whoever gave them one may have a reason.
            if was.get(field) != user.get(field) && was.get(field).is_some() {
                let kind = if field == Field::Username { "username" } else { "field" };
                found.insert(format!("{kind} {name} {}", field.name()));
            }
        }
        if was.active != user.active {
            found.insert(format!("activation {name} IsActive"));
        }
        found.extend(grants(before, now, was, user).into_iter().map(|grant| format!("grant {name} {grant}")));
    }
    for (id, was) in before.groups.iter().filter(|(_, group)| group.name.starts_with("SF ")) {
        let Some(group) = now.groups.get(id) else {
            found.insert(format!("missing-group {} ", was.name));
            continue;
        };
        if group.name != was.name {
            found.insert(format!("group-name {} Name", was.name));
        }
        for member in was.members.keys().filter(|member| !group.members.contains_key(*member)) {
            found.insert(format!("membership {} {member}", was.name));
        }
    }
    found
}

async fn two_hundred_changes(engine: &Engine, via: Via, seed: u64) {
    let protected = "stranger-at-the-top@example.com";
    let app = TestApp::start_with(
        engine,
        |_| {},
        |config| {
            via.configure(config);
            let tenant = config.tenant.values_mut().next().expect("a tenant");
            tenant.groups.mirror = vec!["SF *".to_owned()];
            tenant.protected = vec![protected.to_uppercase()];
            tenant.guard.losses_percent = 100;
            tenant.entitlements = entitlements(if via == Via::Scim { RULES } else { RULES_OVER_REST });
        },
    )
    .await;
    populate(&app).await;
    app.org().org().with_store(|store| stranger(store, protected, "top"));
    let before = held(&app);
    let (report, found) = reconcile(&app, via, false).await;
    assert_eq!(words(&found), BTreeSet::new(), "nothing was changed by hand");
    assert_eq!(report.way, Some(via.way()));
    assert_eq!((report.counts.users, report.counts.groups), (PEOPLE as u64, GROUPS as u64));

    let mut random = StdRng::seed_from_u64(seed);
    for n in 0..CHANGES {
        app.org().org().with_store(|store| change(store, &mut random, via, n));
    }
    let now = held(&app);
    let wanted = expected(&before, &now, protected);
    let given = wanted.iter().filter(|words| words.starts_with("grant")).count();
    assert!(wanted.len() > 50 && given > 10, "the changes are too few to tell anything: {wanted:?}");
    for _ in 0..2 {
        let (report, found) = reconcile(&app, via, false).await;
        assert_eq!(words(&found), wanted);
        assert_eq!((report.counts.skipped, report.counts.queued), (0, 0));
    }
    app.settled().await;
    let after = held(&app);
    assert!(after.users == now.users && after.groups == now.groups, "a report changes nothing");

    let (report, found) = reconcile(&app, via, true).await;
    assert_eq!(words(&found), wanted, "what is about to be repaired is told");
    assert!(report.counts.queued > 0);
    let status = app.settled().await;
    assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "{status}");
    let strangers: BTreeSet<String> = wanted.into_iter().filter(|word| word.starts_with("unlinked")).collect();
    let (_, found) = reconcile(&app, via, true).await;
    assert_eq!(words(&found), strangers, "nothing is left but what is not the bridge's");

    let after = held(&app);
    assert_eq!(
        expected(&before, &after, protected)
            .into_iter()
            .filter(|word| !word.contains("unlinked") && !word.contains("missing-group"))
            .count(),
        0
    );
    for (id, user) in &after.users {
        for field in OWN {
            assert_eq!(user.get(field), now.users[id].get(field), "{field:?} of {id} is not the bridge's");
        }
    }
    for (id, user) in now.users.iter().filter(|(id, _)| before.users.contains_key(*id)) {
        let kept = &after.users[id].permission_sets;
        assert!(user.permission_sets.keys().all(|set| kept.contains_key(set)), "what was given by hand stays");
    }
    for (id, group) in now.groups.iter().filter(|(_, group)| group.kind == GroupKind::Regular) {
        let kept = &after.groups[id].members;
        assert!(
            group.members.keys().all(|member| kept.contains_key(member)),
            "who was put into {} by hand stays",
            group.name
        );
    }
}

both_engines! {
    async fn of_two_hundred_changes_those_that_concern_the_bridge_are_found_and_repaired_over_scim(engine: Engine) {
        two_hundred_changes(&engine, Via::Scim, 7).await;
    }

    async fn of_two_hundred_changes_those_that_concern_the_bridge_are_found_and_repaired_over_soql(engine: Engine) {
        two_hundred_changes(&engine, Via::Soql, 11).await;
    }

    async fn of_two_hundred_changes_those_that_concern_the_bridge_are_found_and_repaired_by_bulk(engine: Engine) {
        two_hundred_changes(&engine, Via::Bulk, 13).await;
    }
}
