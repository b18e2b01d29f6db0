//! Many who leave, and groups that lose many members, wait for a person; who waits is listed, released or discarded. On both
//! engines.

use scim_bridge::access::{NewToken, Scope};
use scim_bridge::config::Exclusive;
use serde_json::{Value, json};

use super::deliveries::{all_delivered, set, until, words};
use super::entitlements::{reconfigure, tenant};
use super::support::app::{Answer, OrgState, TENANT, TestApp, client};
use super::support::engine::Engine;

/// A bridge whose guard lets two people, and fewer than a tenth, have the same done to them.
async fn guarded(engine: &Engine) -> TestApp {
    TestApp::start_with(
        engine,
        |_| {},
        |config| {
            let guard = &mut tenant(config).guard;
            (guard.deactivations, guard.deactivations_percent) = (2, 10);
            (guard.removals, guard.removals_percent) = (2, 50);
        },
    )
    .await
}

async fn people(app: &TestApp, count: usize) -> Vec<String> {
    let mut people = Vec::new();
    for n in 0..count {
        people.push(app.user(&format!("person{n}")).await);
    }
    all_delivered(app).await;
    people
}

async fn deactivate(app: &TestApp, id: &str) {
    set(app, &format!("/Users/{id}"), "active", json!(false)).await;
}

fn active(state: &OrgState) -> usize {
    state.users().iter().filter(|user| user["IsActive"] == true).count()
}

/// A request to the admin API of deliveries.
async fn admin(app: &TestApp, method: reqwest::Method, rest: &str) -> Answer {
    let url = app.base().replace("/scim/v2", &format!("/admin/v1/deliveries{rest}"));
    app.send(method, &url, None).await
}

async fn order(app: &TestApp, id: &str, order: &str) -> Answer {
    admin(app, reqwest::Method::POST, &format!("/{id}/{order}")).await
}

async fn listed(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = admin(app, reqwest::Method::GET, query).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["deliveries"].as_array().expect("a list").clone()
}

both_engines! {
    /// The first few go; from then on nobody does, whichever way they are to leave.
    async fn many_who_leave_wait_for_a_person(engine: Engine) {
        let mut app = guarded(&engine).await;
        let people = people(&app, 6).await;
        for id in &people[..2] {
            deactivate(&app, id).await;
            app.settled().await;
        }
        assert_eq!(active(&all_delivered(&app).await), 4, "two are nobody's business");
        deactivate(&app, &people[2]).await;
        assert_eq!(app.delete(&format!("/Users/{}", people[3])).await.status, 204);
        assert_eq!(app.settled().await["held"], 2);
        assert_eq!(active(&app.state().await), 4, "nobody else left");
        let said = words(&app, &format!("/Users/{}", people[2])).await;
        assert!(said.contains("the account was not deactivated: more than 2 people and 10 %"), "{said}");
        // Neither a restart nor a further push is a person's word.
        app.restart().await;
        set(&app, &format!("/Users/{}", people[2]), "title", json!("Chief")).await;
        assert_eq!(app.settled().await["held"], 2);
        assert_eq!(active(&app.state().await), 4);
        // Whoever comes back has nothing to wait for.
        set(&app, &format!("/Users/{}", people[2]), "active", json!(true)).await;
        let status = app.settled().await;
        assert_eq!((&status["held"], &status["rejected"]), (&json!(1), &json!(0)));
        assert_eq!(app.state().await.user("person2@example.com").expect("it")["Title"], "Chief");
        let held = listed(&app, "?state=held").await;
        assert_eq!(held[0]["id"], people[3].as_str());
        let released = order(&app, &people[3], "release").await;
        assert_eq!(released.status, 200, "{}", released.body);
        assert_eq!(active(&all_delivered(&app).await), 3);
    }

    /// What was begun goes on, and what a person agreed to is agreed to though Salesforce refuses it at first.
    async fn an_agreement_outlives_a_failed_try(engine: Engine) {
        let app = guarded(&engine).await;
        let people = people(&app, 4).await;
        for id in &people[..3] {
            deactivate(&app, id).await;
            app.settled().await;
        }
        assert_eq!(app.settled().await["held"], 1);
        app.org().org().set_faults(scim_bridge::sandbox::Faults { row_locks: 2, ..Default::default() });
        assert_eq!(order(&app, &people[2], "release").await.status, 200);
        assert_eq!(active(&all_delivered(&app).await), 1);
    }

    /// A group that was deleted by mistake and is there again leaves nothing behind that waits.
    async fn a_group_that_is_made_again_waits_for_nobody(engine: Engine) {
        let app = guarded(&engine).await;
        let people = people(&app, 4).await;
        let members: Vec<&str> = people.iter().map(String::as_str).collect();
        let group = app.group("Sales", &members).await;
        all_delivered(&app).await;
        assert_eq!(app.delete(&format!("/Groups/{group}")).await.status, 204);
        assert_eq!(app.settled().await["held"], 1);
        app.group("Sales", &members).await;
        let status = app.settled().await;
        assert_eq!(status["held"], 0, "{status}");
        assert_eq!(app.state().await.members("Sales").expect("it").len(), 4);
    }

    /// Nor does a person.
    async fn whoever_is_made_again_waits_for_nobody(engine: Engine) {
        let app = guarded(&engine).await;
        for id in &people(&app, 4).await {
            assert_eq!(app.delete(&format!("/Users/{id}")).await.status, 204);
            app.settled().await;
        }
        for n in 0..4 {
            app.user(&format!("person{n}")).await;
        }
        let status = app.settled().await;
        assert_eq!(status["held"], 0, "{status}");
        assert_eq!(active(&app.state().await), 4);
    }

    /// A mistake is discarded: Salesforce stays as it is until the person changes again.
    async fn a_discarded_delivery_is_not_made(engine: Engine) {
        let mut app = guarded(&engine).await;
        let people = people(&app, 4).await;
        for id in &people {
            deactivate(&app, id).await;
            app.settled().await;
        }
        assert_eq!(app.settled().await["held"], 2);
        for id in &people[2..] {
            let discarded = order(&app, id, "discard").await;
            assert_eq!((discarded.status.as_u16(), &discarded.body["state"]), (200, &json!("rejected")));
            assert!(discarded.body["reason"].as_str().expect("words").starts_with("discarded by an administrator"));
        }
        assert_eq!(active(&app.state().await), 2);
        let again = order(&app, &people[2], "discard").await;
        assert_eq!(again.status, 409, "{}", again.body);
        // Neither a start nor other rules take up what a person gave up.
        app.restart().await;
        reconfigure(&mut app, |tenant| tenant.entitlements.exclusive.push(Exclusive::PermissionSets)).await;
        assert_eq!(app.settled().await["rejected"], 2);
        assert_eq!(active(&app.state().await), 2);
        // The identity provider puts it right.
        for id in &people[2..] {
            set(&app, &format!("/Users/{id}"), "active", json!(true)).await;
        }
        assert_eq!(active(&all_delivered(&app).await), 2);
    }

    /// A group that is emptied keeps its members until a person agrees; who came is let in.
    async fn a_group_that_is_emptied_keeps_its_members(engine: Engine) {
        let app = guarded(&engine).await;
        let people = people(&app, 7).await;
        let members: Vec<&str> = people[..6].iter().map(String::as_str).collect();
        let group = app.group("Sales", &members).await;
        assert_eq!(all_delivered(&app).await.members("Sales").expect("it").len(), 6);
        let path = format!("/Groups/{group}");
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales",
            "members": [{ "value": people[6] }] });
        assert_eq!(app.put(&path, &body).await.status, 200);
        let held = until(&app, &path, "held").await;
        let said = held["reason"].as_str().expect("words");
        assert!(said.starts_with("members were not taken out of the group: more than 2 and 50 %"), "{said}");
        assert_eq!(app.state().await.members("Sales").expect("it").len(), 7, "who came is in, and nobody left");
        assert_eq!(order(&app, &group, "release").await.status, 200);
        let state = all_delivered(&app).await;
        assert_eq!(state.members("Sales"), Some(vec!["person6@example.com".to_owned()]));
    }

    /// One by one is no other than at once; and a group is not deleted with its members in it.
    async fn members_that_leave_one_by_one_are_counted_together(engine: Engine) {
        let app = guarded(&engine).await;
        let people = people(&app, 6).await;
        let members: Vec<&str> = people.iter().map(String::as_str).collect();
        let group = app.group("Sales", &members).await;
        all_delivered(&app).await;
        for id in &people[..3] {
            super::deliveries::remove(&app, &group, id).await;
            app.settled().await;
        }
        assert_eq!(all_delivered(&app).await.members("Sales").expect("it").len(), 3, "half of them may go");
        super::deliveries::remove(&app, &group, &people[3]).await;
        let path = format!("/Groups/{group}");
        until(&app, &path, "held").await;
        assert_eq!(app.delete(&path).await.status, 204);
        assert_eq!(app.settled().await["held"], 1);
        assert_eq!(app.state().await.members("Sales").expect("it").len(), 3);
        assert_eq!(order(&app, &group, "release").await.status, 200);
        assert_eq!(all_delivered(&app).await.members("Sales"), None);
    }

    /// Pages, states, wrong questions; and nobody sees or orders another tenant's.
    async fn deliveries_are_listed_page_by_page(engine: Engine) {
        let app = guarded(&engine).await;
        let people = people(&app, 3).await;
        assert!(listed(&app, "").await.is_empty(), "what is delivered is not listed unless it is asked for");
        let first = admin(&app, reqwest::Method::GET, "?state=delivered&count=2").await.body;
        assert_eq!(first["deliveries"].as_array().expect("them").len(), 2);
        let next = first["next"].as_str().expect("a next page");
        let second = admin(&app, reqwest::Method::GET, &format!("?state=delivered&count=2&after={next}")).await.body;
        assert_eq!((second["deliveries"].as_array().expect("them").len(), &second["next"]), (1, &Value::Null));
        let one = &first["deliveries"][0];
        assert_eq!((&one["kind"], &one["name"], &one["tenant"]), (&json!("user"), &json!("person0@example.com"), &json!(TENANT)));
        for (query, status, words) in [
            ("?state=lost", 400, "state: there is no \"lost\"; there are pending"),
            ("?count=0", 400, "count: must be from 1 to 500"),
            ("?tenant=other", 403, "tenant: the token is of the tenant sandbox"),
        ] {
            let answer = admin(&app, reqwest::Method::GET, query).await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
            assert!(answer.body["detail"].as_str().expect("words").starts_with(words), "{}", answer.body);
        }
        for wanted in ["retry", "release", "discard"] {
            assert_eq!(order(&app, &people[0], wanted).await.status, 409, "it is delivered");
            assert_eq!(order(&app, "nobody", wanted).await.status, 404);
        }
        let other = NewToken::new("other", "other", vec![Scope::Admin]);
        let (_, other) = app.app().access().create(other).await.expect("a token");
        let url = app.base().replace("/scim/v2", "/admin/v1/deliveries");
        let client = client();
        let theirs = client.get(format!("{url}?state=delivered")).bearer_auth(&other).send().await.expect("an answer");
        let theirs: Value = theirs.json().await.expect("a list");
        assert_eq!(theirs["deliveries"], json!([]));
        for wanted in ["retry", "release", "discard"] {
            let url = format!("{url}/{}/{wanted}", people[0]);
            let answer = client.post(url).bearer_auth(&other).send().await.expect("an answer");
            assert_eq!(answer.status(), 404, "there is none for them");
        }
    }
}
