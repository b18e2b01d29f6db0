//! What people are given, changed by hand in the org: what the bridge manages is found and repaired, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use scim_bridge::clock::{Clock as _, SystemClock};
use scim_bridge::config::{Config, Exclusive, Rest};
use scim_bridge::db::Db;
use scim_bridge::delivery::hand::{self, Order};
use scim_bridge::entitlement;
use scim_bridge::reconcile::{Drift, Error, Finding, Kind, Task};
use scim_bridge::sandbox::Faults;
use scim_bridge::sandbox::store::Store;
use scim_bridge::sandbox::store::field::Field;
use serde_json::json;

use super::changes::stranger;
use super::{Beside, Via, reconcile, words};
use crate::deliveries::{account, all_delivered, calls, set};
use crate::entitlements::{RULES, by_hand, department, entitlements, has, person, reconfigure, start, tenant};
use crate::support::app::{TENANT, TestApp};
use crate::support::engine::Engine;
use crate::support::eventually;

/// Rules for an org that is asked over SCIM alone.
const FIELDS: &str = sales_over_scim!();

/// Rules that give nobody anything.
const WITHOUT: &str = "default_profile = \"Minimum Access - Salesforce\"";

fn set_of(store: &Store, name: &str) -> String {
    store.permission_set_named(name).expect("the set")
}

/// Takes a permission set away by hand.
fn unassign(app: &TestApp, account: &str, name: &str) {
    app.org().org().with_store(|store| {
        let set = set_of(store, name);
        let assignment = store.user(account).expect("an account").permission_sets[&set].clone();
        store.delete_set_assignment(&assignment).expect("taken away");
    });
}

/// Takes somebody out of a public group by hand, or puts them in.
fn member(app: &TestApp, account: &str, group: &str, is_in: bool) {
    app.org().org().with_store(|store| {
        let group = store.group_named(group).expect("the group");
        if is_in {
            store.add_member(&group, account).expect("added");
        } else {
            assert!(store.remove_member(&group, account).expect("removed"));
        }
    });
}

/// Gives somebody another profile and another role by hand; `None`: no role.
fn change(app: &TestApp, account: &str, profile: &str, role: Option<&str>) {
    app.org().org().with_store(|store| {
        let (profile, role) =
            (store.profile_named(profile).expect("it"), role.map(|role| store.role_named(role).expect("it")));
        let mut user = store.user(account).expect("an account").clone();
        user.set(Field::ProfileId, &profile);
        user.set(Field::UserRoleId, role.as_deref().unwrap_or_default());
        store.update_user(user, chrono::DateTime::UNIX_EPOCH).expect("changed");
    });
}

fn expected(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(ToString::to_string).collect()
}

async fn total(app: &TestApp) -> u64 {
    app.calls().await["total"].as_u64().expect("a number")
}

async fn profile_and_role(engine: &Engine, via: Via) {
    let app = TestApp::start_with(
        engine,
        |_| {},
        |config| {
            via.configure(config);
            tenant(config).entitlements = entitlements(FIELDS);
        },
    )
    .await;
    for (name, department) in [("ada", "Sales"), ("bob", "Sales"), ("eve", "Research")] {
        person(&app, name, department).await;
    }
    let state = all_delivered(&app).await;
    let (_, found) = reconcile(&app, via, true).await;
    assert_eq!(words(&found), expected(&[]));
    change(&app, &account(&state, "ada@example.com"), "System Administrator", Some("CEO"));
    change(&app, &account(&state, "bob@example.com"), "Standard User", None);
    // No rule gives her anything, and the default is for new accounts.
    change(&app, &account(&state, "eve@example.com"), "Standard User", Some("CEO"));
    let role = if via == Via::Scim { "Sales Rep" } else { "Sales_Rep" };
    let wanted = expected(&[
        "grant ada@example.com +profile Standard User",
        &format!("grant ada@example.com +role {role}"),
        &format!("grant bob@example.com +role {role}"),
    ]);
    for applies in [false, true] {
        let (report, found) = reconcile(&app, via, applies).await;
        assert_eq!(words(&found), wanted);
        assert_eq!((report.kinds[&Kind::Grant], report.drift()), (3, 3));
    }
    let state = all_delivered(&app).await;
    let sales = json!(["Standard User", "Sales Rep", "", "", "", []]);
    assert_eq!((has(&state, "ada"), has(&state, "bob")), (sales.clone(), sales));
    assert_eq!(
        has(&state, "eve"),
        json!(["Standard User", "CEO", "", "", "", []]),
        "that is nobody's but the administrator's"
    );
    assert_eq!(words(&reconcile(&app, via, true).await.1), expected(&[]));
}

fn without_rules(config: &mut Config) {
    tenant(config).entitlements = entitlements(WITHOUT);
}

/// What a reconcile under these rules costs, and how many grants it finds amiss.
async fn cost(app: &TestApp, rules: &str) -> (u64, u64) {
    let rules = entitlements(rules);
    let beside = Beside::open_with(app, Via::Soql, |config| tenant(config).entitlements = rules).await;
    let before = total(app).await;
    let (report, _) = beside.run(false).await.expect("a reconcile");
    beside.db.close().await;
    (total(app).await - before, report.kinds[&Kind::Grant])
}

both_engines! {
    /// What a rule gives and somebody took away is given again; what somebody gave by hand is theirs. Whichever way it is read.
    async fn what_rules_give_and_is_gone_is_found_and_given_again(engine: Engine) {
        let app = start(&engine, RULES).await;
        let mut ids = Vec::new();
        for (name, department) in [("ada", "Sales"), ("bob", "Sales"), ("eve", "Research")] {
            ids.push(person(&app, name, department).await);
        }
        all_delivered(&app).await;
        set(&app, &format!("/Users/{}", ids[1]), "active", json!(false)).await;
        let state = all_delivered(&app).await;
        let of = |name: &str| account(&state, &format!("{name}@example.com"));
        assert_eq!(words(&reconcile(&app, Via::Soql, true).await.1), expected(&[]));
        for name in ["ada", "bob"] {
            unassign(&app, &of(name), "Sales_Console");
            member(&app, &of(name), "West", false);
        }
        for name in ["ada", "eve"] {
            by_hand(&app, &of(name), "Knowledge_Reader");
            member(&app, &of(name), "All Regions", true);
        }
        let wanted =
            expected(&["grant ada@example.com +permission set Sales_Console", "grant ada@example.com +public group West"]);
        for via in [Via::Soql, Via::Bulk] {
            let (report, found) = reconcile(&app, via, false).await;
            assert_eq!(words(&found), wanted, "{via:?}: bob cannot log in, and the rest was by hand");
            assert_eq!((report.way, report.kinds[&Kind::Grant]), (Some(via.way()), 2));
            let Some(Finding::Drift(Drift { id, grant: Some(grant), wanted, held, .. })) = found.first() else {
                panic!("{found:?}")
            };
            assert_eq!((id, wanted, held), (&ids[0], &json!(true), &json!(false)));
            assert_eq!((grant.kind, grant.name.as_deref()), (entitlement::Kind::PermissionSet, Some("Sales_Console")));
        }
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada")[2], json!("Knowledge_Reader"), "a report changes nothing");
        let before = calls(&app, "composite").await;
        let (report, found) = reconcile(&app, Via::Bulk, true).await;
        assert_eq!((words(&found), report.counts.queued), (wanted, 1));
        let state = all_delivered(&app).await;
        assert_eq!(calls(&app, "composite").await - before, 1, "what there is was known: one call gives both");
        assert_eq!(
            has(&state, "ada"),
            json!(["Standard User", "Sales Rep", "Knowledge_Reader+Sales_Console", "", "", ["West", "All Regions"]])
        );
        assert_eq!(has(&state, "bob")[2], json!(""), "nothing is given to whoever cannot log in");
        assert_eq!(words(&reconcile(&app, Via::Soql, true).await.1), expected(&[]));
    }

    async fn a_profile_and_a_role_that_rules_give_come_back(engine: Engine) {
        profile_and_role(&engine, Via::Soql).await;
    }

    async fn a_profile_and_a_role_that_rules_give_come_back_over_scim(engine: Engine) {
        profile_and_role(&engine, Via::Scim).await;
    }

    /// Of an exclusive kind nobody keeps what no rule gives; memberships of mirrored groups are the groups' own.
    async fn what_was_given_by_hand_of_an_exclusive_kind_is_taken_away(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.entitlements.exclusive = vec![Exclusive::PermissionSets, Exclusive::PublicGroups];
            tenant.groups.mirror = vec!["Mirrored *".to_owned()];
        })
        .await;
        let (ada, eve) = (person(&app, "ada", "Sales").await, person(&app, "eve", "Research").await);
        app.group("Mirrored East", &[&ada, &eve]).await;
        let state = all_delivered(&app).await;
        assert_eq!(words(&reconcile(&app, Via::Soql, true).await.1), expected(&[]));
        let account = account(&state, "eve@example.com");
        by_hand(&app, &account, "Knowledge_Reader");
        member(&app, &account, "All Regions", true);
        let team = app.org().org().with_store(|store| store.set_group_named("Sales_Team").expect("it"));
        app.org().org().with_store(|store| store.assign(&account, &team).map(drop).expect("assigned"));
        let wanted = expected(&[
            "grant eve@example.com -permission set Knowledge_Reader",
            "grant eve@example.com -public group All_Regions",
        ]);
        for (via, applies) in [(Via::Soql, false), (Via::Bulk, false), (Via::Soql, true)] {
            let (_, found) = reconcile(&app, via, applies).await;
            assert_eq!(words(&found), wanted);
        }
        let state = all_delivered(&app).await;
        let nothing = json!(["Minimum Access - Salesforce", null, "", "Sales_Team", "", ["Mirrored East"]]);
        assert_eq!(has(&state, "eve"), nothing);
        assert_eq!(words(&reconcile(&app, Via::Soql, true).await.1), expected(&[]));
    }

    /// A group that is mirrored no longer is like any other, though the bridge remembers whose it was.
    async fn what_a_rule_gives_of_a_group_that_was_mirrored_is_seen(engine: Engine) {
        let mut app = TestApp::start_with(&engine, |_| {}, |config| {
            tenant(config).groups.mirror = vec!["*".to_owned()];
            without_rules(config);
        })
        .await;
        let ada = person(&app, "ada", "Sales").await;
        app.group("West", &[]).await;
        all_delivered(&app).await;
        reconfigure(&mut app, |tenant| {
            tenant.groups.mirror = vec!["SF *".to_owned()];
            tenant.entitlements = entitlements(RULES);
        })
        .await;
        assert_eq!(has(&all_delivered(&app).await, "ada")[5], json!(["West"]));
        for applies in [false, true] {
            assert_eq!(words(&reconcile(&app, Via::Soql, applies).await.1), expected(&[]));
        }
        department(&app, &ada, "Research").await;
        assert_eq!(has(&all_delivered(&app).await, "ada")[5], json!([]), "it was the bridge's to take away");
    }

    /// What the integration user may not read is not compared, and is no reason to compare nothing.
    async fn an_object_that_cannot_be_read_leaves_the_fields(engine: Engine) {
        let app = TestApp::start_with(
            &engine,
            |org| org.rest.hidden_objects = vec!["PermissionSetLicenseAssign".to_owned()],
            |config| {
                tenant(config).groups.mirror.clear();
                tenant(config).entitlements = entitlements(RULES);
            },
        )
        .await;
        person(&app, "ada", "Sales").await;
        let ada = account(&all_delivered(&app).await, "ada@example.com");
        unassign(&app, &ada, "Sales_Console");
        change(&app, &ada, "Standard User", Some("CEO"));
        let (report, found) = reconcile(&app, Via::Soql, false).await;
        assert_eq!((words(&found), report.counts.users), (expected(&["grant ada@example.com +role Sales_Rep"]), 1));
    }

    /// A 404 without a word is of somebody in between, and passes.
    async fn a_wordless_404_ends_no_reconcile(engine: Engine) {
        let app = start(&engine, RULES).await;
        person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        for (blanks, comes_to_its_end) in [(2, true), (100, false)] {
            let mut beside = Beside::open(&app, Via::Soql).await;
            beside.on = beside.on.with_waits(vec![Duration::from_millis(1); 3]);
            app.org().org().set_faults(Faults { blank_404_next: blanks, ..Faults::default() });
            let done = beside.run(false).await;
            app.org().org().set_faults(Faults::default());
            assert_eq!(done.is_ok(), comes_to_its_end, "{done:?}");
            beside.db.close().await;
        }
    }

    /// An error that passes costs the reading that it struck, and no other one.
    async fn a_passing_error_has_nothing_else_read_again(engine: Engine) {
        let app = start(&engine, RULES).await;
        person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        let slow = Faults { latency_ms: 200, ..Faults::default() };
        app.org().org().set_faults(slow.clone());
        let mut beside = Beside::open(&app, Via::Soql).await;
        beside.on = beside.on.with_waits(vec![Duration::from_millis(1); 3]);
        let before = total(&app).await;
        let queries = async |object: &str| {
            let url = format!("{}/sandbox/journal?after={before}", app.org().url().trim_end_matches('/'));
            let journal = app.get(&url).await.body;
            let paths = journal.as_array().expect("a journal").iter().filter_map(|call| call["path"].as_str());
            paths.filter(|path| path.contains(&format!("FROM%20{object}"))).count()
        };
        let strike = async {
            eventually("the last object is counted", async || queries("GroupMember").await == 1).await;
            app.org().org().set_faults(Faults { unavailable_next: 1, ..slow.clone() });
        };
        let (done, ()) = tokio::join!(beside.run(false), strike);
        assert_eq!(words(&done.expect("a reconcile").1), expected(&[]));
        assert_eq!(queries("GroupMember").await, 4, "it was struck, and read again");
        for object in ["PermissionSetAssignment", "PermissionSetLicenseAssign"] {
            assert_eq!(queries(object).await, 2, "{object}");
        }
        beside.db.close().await;
    }

    /// A reconcile that repairs is held by the guard as a push is.
    async fn what_a_repair_would_take_from_many_waits_for_a_person(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            let tenant = tenant(config);
            tenant.entitlements = entitlements(RULES);
            tenant.entitlements.exclusive = vec![Exclusive::PermissionSets];
            (tenant.guard.losses, tenant.guard.losses_percent) = (0, 0);
            tenant.groups.mirror.clear();
        })
        .await;
        let names: Vec<String> = (0..5).map(|n| format!("person{n}")).collect();
        for name in &names {
            person(&app, name, "Research").await;
        }
        let state = all_delivered(&app).await;
        for name in &names {
            by_hand(&app, &account(&state, &format!("{name}@example.com")), "Knowledge_Reader");
        }
        assert_eq!(reconcile(&app, Via::Soql, true).await.1.len(), 5);
        assert_eq!(app.settled().await["held"], 5);
        let state = app.state().await;
        assert!(names.iter().all(|name| has(&state, name)[2] == "Knowledge_Reader"), "nobody lost it");
        let db = Db::open(app.config().database.url.expose(), 1).expect("opens");
        assert_eq!(hand::order_guarded(&db, TENANT, Order::Release, SystemClock.now()).await.expect("released"), 5);
        db.close().await;
        let state = all_delivered(&app).await;
        assert!(names.iter().all(|name| has(&state, name)[2] == ""));
        assert_eq!(words(&reconcile(&app, Via::Soql, true).await.1), expected(&[]));
    }

    /// What the bridge gave, and is still there though no rule gives it, is found under the rules that are in force.
    async fn what_no_rule_gives_any_more_is_found(engine: Engine) {
        let app = start(&engine, RULES).await;
        person(&app, "ada", "Sales").await;
        let state = all_delivered(&app).await;
        by_hand(&app, &account(&state, "ada@example.com"), "Knowledge_Reader");
        let beside = Beside::open_with(&app, Via::Soql, without_rules).await;
        let (_, found) = beside.run(false).await.expect("a reconcile");
        beside.db.close().await;
        let wanted = expected(&[
            // The profile is the default's now, since the one that a rule gave is still there.
            "grant ada@example.com +profile Minimum Access - Salesforce",
            "grant ada@example.com -role Sales Rep",
            "grant ada@example.com -permission set Sales_Console",
            "grant ada@example.com -public group West",
        ]);
        assert_eq!(words(&found), wanted);
    }

    /// What was taken away by hand is no longer the bridge's: whoever gives it again means it.
    async fn what_was_taken_away_by_hand_is_no_longer_the_bridge_s(engine: Engine) {
        let app = start(&engine, RULES).await;
        let ada = person(&app, "ada", "Sales").await;
        let state = all_delivered(&app).await;
        let account = account(&state, "ada@example.com");
        unassign(&app, &account, "Sales_Console");
        assert_eq!(reconcile(&app, Via::Soql, false).await.1.len(), 1);
        by_hand(&app, &account, "Sales_Console");
        assert_eq!(words(&reconcile(&app, Via::Soql, false).await.1), expected(&[]));
        department(&app, &ada, "Research").await;
        let state = all_delivered(&app).await;
        assert_eq!(has(&state, "ada"), json!(["Minimum Access - Salesforce", null, "Sales_Console", "", "", []]));
        assert_eq!(words(&reconcile(&app, Via::Soql, false).await.1), expected(&[]));
    }

    /// What nobody gives costs nothing; what rules give costs the same for one as for many.
    async fn reading_what_people_are_given_takes_a_handful_of_calls(engine: Engine) {
        let mut app = TestApp::start_with(&engine, |_| {}, |config| {
            tenant(config).groups.mirror.clear();
            without_rules(config);
        })
        .await;
        for n in 0..20 {
            person(&app, &format!("p{n}"), "Sales").await;
        }
        all_delivered(&app).await;
        let (without, found) = cost(&app, WITHOUT).await;
        assert_eq!(found, 0);
        assert_eq!(cost(&app, FIELDS).await, (without + 2, 40), "the names of profiles and roles, and no assignments");
        let all = without + 4 + 6;
        assert_eq!(cost(&app, RULES).await, (all, 80), "the names, and how many and which records of three objects");
        // What was given is looked after when the rules are gone.
        app.reconfigure(|config| tenant(config).entitlements = entitlements(RULES)).await;
        eventually("everybody has what the rules give", async || cost(&app, WITHOUT).await.1 == 80).await;
        all_delivered(&app).await;
        assert_eq!(cost(&app, WITHOUT).await, (without + 1 + 6, 80));
        let beside = Beside::open_with(&app, Via::Scim, |config| {
            tenant(config).salesforce.rest = Rest::Never;
            without_rules(config);
        })
        .await;
        let (report, _) = beside.run(false).await.expect("a reconcile");
        beside.db.close().await;
        assert_eq!(report.kinds[&Kind::Grant], 40, "over SCIM the profile and the role");
    }

    /// One that was left in the middle goes on there, and finds what it had still to find.
    async fn an_interrupted_one_finds_the_rest(engine: Engine) {
        let app = start(&engine, RULES).await;
        person(&app, "ada", "Sales").await;
        all_delivered(&app).await;
        app.org().org().with_store(|store| {
            for n in 0..2_100 {
                stranger(store, &format!("stranger{n}@example.com"), &format!("s{n}"));
            }
        });
        person(&app, "eve", "Sales").await;
        let state = all_delivered(&app).await;
        for name in ["ada", "eve"] {
            unassign(&app, &account(&state, &format!("{name}@example.com")), "Sales_Console");
        }
        let mut beside = Beside::open(&app, Via::Soql).await;
        beside.on = beside.on.with_waits(Vec::new());
        let watch = |standing: scim_bridge::reconcile::Standing| {
            if standing.counts.accounts == 2_000 {
                app.org().org().set_faults(Faults { unavailable: 1.0, ..Faults::default() });
            }
        };
        let failed = beside.on.run(Task::default(), &watch).await;
        assert!(matches!(failed, Err(Error::Salesforce(_))), "{failed:?}");
        app.org().org().set_faults(Faults::default());
        let (report, found) = beside.run(true).await.expect("it goes on");
        beside.db.close().await;
        assert!(report.resumed);
        let drift: Vec<Finding> = found.into_iter().filter(|found| found.kind() != Kind::Unlinked).collect();
        let wanted = ["ada", "eve"].map(|name| format!("grant {name}@example.com +permission set Sales_Console"));
        assert_eq!((words(&drift), report.counts.users, report.counts.queued), (wanted.into(), 2, 2));
        let state = all_delivered(&app).await;
        assert_eq!((has(&state, "ada")[2].clone(), has(&state, "eve")[2].clone()), (json!("Sales_Console"), json!("Sales_Console")));
    }
}
