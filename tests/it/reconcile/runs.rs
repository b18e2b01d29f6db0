//! How a reconcile goes: what it costs, what it passes over, what becomes of one that is interrupted.

use std::collections::BTreeSet;
use std::time::Duration;

use scim_bridge::reconcile::{Error, Finding, Kind, Task};
use scim_bridge::salesforce::Way;
use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::{self, Faults};
use serde_json::json;

use super::changes::stranger;
use super::{Beside, Via, reconcile, words};
use crate::support::app::{TENANT, TestApp, user};
use crate::support::eventually;

/// A bridge whose org is asked over SCIM alone.
async fn over_scim(engine: &crate::support::engine::Engine) -> TestApp {
    TestApp::start_with(engine, |_| {}, |config| Via::Scim.configure(config)).await
}

fn by_hand(app: &TestApp, username: &str, field: Field, value: &str) {
    app.org().org().with_store(|store| {
        let mut user = store.user_by_username(username).expect("an account").clone();
        user.set(field, value);
        store.update_user(user, chrono::DateTime::UNIX_EPOCH).expect("changed");
    });
}

both_engines! {
    async fn an_address_that_waits_for_its_confirmation_is_no_drift(engine: Engine) {
        let app = over_scim(&engine).await;
        let id = app.user("ada").await;
        app.settled().await;
        let new = json!([{ "value": "lovelace@example.com", "type": "work", "primary": true }]);
        app.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "emails", "value": new }])).await;
        app.settled().await;
        let address = |app: &TestApp| {
            let users = app.org().org().users();
            users.into_iter().find(|user| !user.integration).and_then(|user| user.get(Field::Email).map(str::to_owned))
        };
        assert_eq!(address(&app).as_deref(), Some("ada@example.com"), "the old one until it is confirmed");
        let before = app.calls().await["calls"]["user_update_scim"].clone();
        for applies in [false, true, true] {
            let (_, found) = reconcile(&app, Via::Scim, applies).await;
            assert_eq!(words(&found), BTreeSet::new());
        }
        // Neither does the next change send it once more.
        app.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "title", "value": "Countess" }])).await;
        app.settled().await;
        let after = app.calls().await["calls"]["user_update_scim"].clone();
        assert_eq!(after.as_u64(), before.as_u64().map(|calls| calls + 1));
        assert_eq!(app.org().org().confirm_emails(), 1, "it waits as before");
        let (_, found) = reconcile(&app, Via::Scim, true).await;
        assert_eq!(words(&found), BTreeSet::new());
        assert_eq!(address(&app).as_deref(), Some("lovelace@example.com"));
    }

    /// What was found stays found without being sent; the next push of something else carries it.
    async fn a_report_is_seen_by_the_next_delivery(engine: Engine) {
        let app = over_scim(&engine).await;
        let id = app.user("ada").await;
        app.settled().await;
        by_hand(&app, "ada@example.com", Field::LastName, "By hand");
        let (report, found) = reconcile(&app, Via::Scim, false).await;
        assert_eq!(words(&found), BTreeSet::from(["field ada@example.com LastName".to_owned()]));
        let Some(Finding::Drift(drift)) = found.first() else { panic!("{found:?}") };
        assert_eq!((&drift.wanted, &drift.held), (&json!("ada"), &json!("By hand")));
        assert_eq!((drift.id.as_str(), drift.delivery.as_str()), (id.as_str(), "delivered"));
        assert_eq!((report.counts.users, report.counts.accounts), (1, 2), "and the integration user's");
        app.settled().await;
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["LastName"], "By hand");
        app.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "title", "value": "Countess" }])).await;
        app.settled().await;
        let state = app.state().await;
        let ada = state.user("ada@example.com").expect("ada");
        assert_eq!((&ada["LastName"], &ada["Title"]), (&json!("ada"), &json!("Countess")));
    }

    async fn a_deleted_person_who_was_activated_by_hand_is_deactivated_again(engine: Engine) {
        let app = over_scim(&engine).await;
        let id = app.user("ada").await;
        app.settled().await;
        app.delete(&format!("/Users/{id}")).await;
        app.settled().await;
        app.org().org().with_store(|store| {
            let mut user = store.user_by_username("ada@example.com").expect("an account").clone();
            assert!(!user.active);
            user.active = true;
            store.update_user(user, chrono::DateTime::UNIX_EPOCH).expect("activated");
        });
        by_hand(&app, "ada@example.com", Field::Title, "of no interest any more");
        let (_, found) = reconcile(&app, Via::Scim, true).await;
        assert_eq!(words(&found), BTreeSet::from(["activation ada@example.com IsActive".to_owned()]));
        app.settled().await;
        assert_eq!(app.state().await.user("ada@example.com").expect("ada")["IsActive"], false);
        assert_eq!(words(&reconcile(&app, Via::Scim, true).await.1), BTreeSet::new());
    }

    /// A difference that is still on its way is no drift.
    async fn what_is_still_to_be_delivered_is_passed_over(engine: Engine) {
        let later = Duration::from_mins(10);
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            Via::Scim.configure(config);
            config.delivery.retry = vec![later];
        })
        .await;
        let id = app.user("ada").await;
        app.user("eve").await;
        app.settled().await;
        app.org().org().set_faults(Faults { row_locks: 1, ..Faults::default() });
        app.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "title", "value": "Countess" }])).await;
        while app.delivery(&format!("/Users/{id}")).await["state"] != "retrying" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        by_hand(&app, "ada@example.com", Field::LastName, "By hand");
        by_hand(&app, "eve@example.com", Field::LastName, "By hand");
        let (report, found) = reconcile(&app, Via::Scim, true).await;
        assert_eq!(words(&found), BTreeSet::from(["field eve@example.com LastName".to_owned()]));
        assert_eq!((report.counts.users, report.counts.skipped, report.counts.queued), (1, 1, 1));
    }

    async fn accounts_without_an_owner_are_named_with_who_would_be_matched(engine: Engine) {
        let app = TestApp::start_with(
            &engine,
            |_| {},
            |config| {
                Via::Scim.configure(config);
                let tenant = config.tenant.get_mut(TENANT).expect("the tenant");
                // Nobody gets an account, so that there are people without one.
                tenant.entitlements.default_profile = Some("No such profile".into());
                tenant.protected = vec!["Top@Example.com".into()];
            },
        )
        .await;
        for name in ["ada", "eve"] {
            app.post("/Users", &user(name)).await;
        }
        app.settled().await;
        app.org().org().with_store(|store| {
            stranger(store, "lovelace@example.com", "EXT-ada");
            stranger(store, "eve@example.com", "another's");
            stranger(store, "nobody@example.com", "");
            stranger(store, "top@example.com", "");
        });
        for applies in [false, true] {
            let (report, found) = reconcile(&app, Via::Scim, applies).await;
            let wanted = [
                "unlinked lovelace@example.com ada@example.com by federation-id",
                "unlinked eve@example.com eve@example.com by username",
                "unlinked nobody@example.com",
            ];
            assert_eq!(words(&found), wanted.map(str::to_owned).into());
            assert_eq!((report.drift(), report.kinds[&Kind::Unlinked], report.counts.queued), (0, 3, 0));
        }
    }

    /// The org was refreshed, or is another one: everybody gets an account there, and everything is as it was asked.
    async fn accounts_and_groups_that_are_gone_are_made_anew(engine: Engine) {
        let mut app = over_scim(&engine).await;
        let (ada, eve) = (app.user("ada").await, app.user("eve").await);
        app.group("West coast", &[&ada, &eve]).await;
        // Nobody is in it whose membership would tell.
        app.group("Empty", &[]).await;
        app.settled().await;
        let settings = sandbox::Settings {
            my_domain: "other".into(),
            client_id: app.org().org().settings().client_id.clone(),
            client_secret: "secret".into(),
            listen: "127.0.0.1:0".into(),
            ..sandbox::Settings::default()
        };
        let other = sandbox::start(settings).await.expect("another org");
        let url = other.url().parse().expect("a URL");
        app.reconfigure(|config| config.tenant.get_mut(TENANT).expect("the tenant").salesforce.url = url).await;
        let wanted: BTreeSet<String> = ["ada@example.com", "eve@example.com"]
            .map(|name| format!("missing-account {name} "))
            .into_iter()
            .chain(["Empty", "West coast"].map(|name| format!("missing-group {name} ")))
            .collect();
        for applies in [false, true] {
            let (_, found) = reconcile(&app, Via::Scim, applies).await;
            assert_eq!(words(&found), wanted);
        }
        app.settled().await;
        let (report, found) = reconcile(&app, Via::Scim, false).await;
        assert_eq!((words(&found), report.counts.memberships), (BTreeSet::new(), 2));
        let members = other.org().groups().into_iter().find(|group| group.name == "West coast").expect("it").members;
        assert_eq!(members.len(), 2);
        other.stop().await;
    }

    async fn one_at_a_time(engine: Engine) {
        let app = over_scim(&engine).await;
        app.user("ada").await;
        app.settled().await;
        app.org().org().set_faults(Faults { latency_ms: 300, ..Faults::default() });
        let (one, other) = (Beside::open(&app, Via::Scim).await, Beside::open(&app, Via::Scim).await);
        let (first, second) = tokio::join!(one.run(false), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            other.run(true).await
        });
        assert!(first.is_ok(), "{first:?}");
        assert!(matches!(second, Err(Error::Busy(_))), "{second:?}");
        assert!(other.run(true).await.is_ok(), "and now it is free");
    }

    /// One that was left in the middle goes on there, unless another one is asked for.
    async fn an_interrupted_one_goes_on_where_it_was(engine: Engine) {
        let app = over_scim(&engine).await;
        app.user("ada").await;
        app.settled().await;
        app.org().org().with_store(|store| {
            for n in 0..900 {
                stranger(store, &format!("stranger{n}@example.com"), &format!("s{n}"));
            }
        });
        let mut beside = Beside::open(&app, Via::Scim).await;
        beside.on = beside.on.with_waits(Vec::new());
        let pages = async || app.calls().await["calls"]["user_search"].as_u64().unwrap_or(0);
        let before = pages().await;
        // The org ends to answer after two pages: what was read is kept, and a failure gives the run back at once.
        let watch = |standing: scim_bridge::reconcile::Standing| {
            if standing.counts.accounts == 400 {
                app.org().org().set_faults(Faults { unavailable: 1.0, ..Faults::default() });
            }
        };
        let failed = beside.on.run(Task::default(), &watch).await;
        assert!(matches!(failed, Err(Error::Salesforce(_))), "{failed:?}");
        app.org().org().set_faults(Faults::default());
        let (report, found) = beside.run(false).await.expect("it goes on");
        assert!(report.resumed);
        assert_eq!((found.len(), report.counts.accounts), (900, 902));
        assert_eq!(pages().await - before, 5, "no page was read twice");
        let failed = beside.on.run(Task::default(), &watch).await;
        assert!(failed.is_err());
        app.org().org().set_faults(Faults::default());
        let fresh = beside.on.run(Task { fresh: true, ..Task::default() }, &|_| {}).await.expect("a new one");
        assert!(!fresh.resumed);
        assert_eq!(beside.findings(&fresh).await.len(), 900);
    }

    async fn ten_thousand_accounts_take_a_handful_of_calls(engine: Engine) {
        let app = TestApp::start(&engine).await;
        let ada = app.user("ada").await;
        app.group("West coast", &[&ada]).await;
        app.settled().await;
        app.org().org().with_store(|store| {
            store.set_licence("Salesforce", 20_000);
            for n in 0..10_100 {
                stranger(store, &format!("stranger{n}@example.com"), &format!("s{n}"));
            }
        });
        by_hand(&app, "ada@example.com", Field::LastName, "By hand");
        let beside = Beside::open(&app, Via::Soql).await;
        let before = app.calls().await["total"].as_u64().expect("a number");
        let (report, found) = beside.run(false).await.expect("a reconcile");
        let made = app.calls().await["total"].as_u64().expect("a number") - before;
        assert_eq!((report.way, report.counts.accounts), (Some(Way::Bulk), 10_102), "by a job, since they are many");
        assert_eq!((found.len(), report.drift()), (10_101, 1));
        assert!(made <= 14, "{made} calls: {}", app.calls().await["calls"]);
    }

    async fn by_the_clock(engine: Engine) {
        let app = TestApp::start_with(&engine, |_| {}, |config| {
            Via::Scim.configure(config);
            let tenant = config.tenant.get_mut(TENANT).expect("the tenant");
            (tenant.reconcile.every, tenant.reconcile.apply) = (Duration::from_secs(1), true);
        })
        .await;
        app.user("ada").await;
        app.settled().await;
        by_hand(&app, "ada@example.com", Field::LastName, "By hand");
        let mended = async || app.state().await.user("ada@example.com").expect("ada")["LastName"] == "ada";
        eventually("somebody looks", mended).await;
        let metrics = app.get(&app.base().replace("/scim/v2", "/metrics")).await.body;
        let line = format!("scim_bridge_drift{{tenant=\"{TENANT}\",kind=\"missing-account\"}} 0");
        assert!(metrics.as_str().expect("text").contains(&line), "{metrics}");
    }
}
