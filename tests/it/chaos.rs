//! Two thousand pushes while everything fails at random that can: the org ends exactly as asked, what is not ours is as it
//! was, and it did not cost much more than without.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use scim_bridge::db::Db;
use scim_bridge::delivery::State;
use scim_bridge::delivery::hand;
use scim_bridge::sandbox::Faults;
use scim_bridge::sandbox::store::field::Field;
use serde_json::{Value, json};

use super::deliveries::{seed, seed_group};
use super::support::app::{FastClock, TestApp, user};
use super::support::engine::Engine;

const PUSHES: usize = 2_000;
/// How many times as fast as the machine's clock time passes: pauses and waits of minutes are part of it.
const SPEED: f64 = 60.0;

/// A person, as the identity provider knows them.
#[derive(Clone)]
struct Person {
    id: String,
    username: String,
    title: Option<String>,
    active: bool,
}

/// What was asked for.
#[derive(Default)]
struct Asked {
    /// By the number that makes the external id.
    people: BTreeMap<usize, Person>,
    /// Who left: their last username.
    left: BTreeMap<usize, String>,
    /// Id and members of each group, by name.
    groups: BTreeMap<String, (String, BTreeSet<usize>)>,
    /// For names that were never used before.
    names: usize,
}

impl Asked {
    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    async fn push(&mut self, app: &TestApp, random: &mut StdRng) {
        match random.random_range(0..100) {
            0..30 => self.hire(app).await,
            30..36 => self.rehire(app, random).await,
            36..42 => self.leave(app, random).await,
            42..52 => self.rename(app, random).await,
            52..72 => self.change(app, random).await,
            72..76 => self.group(app, random).await,
            _ => self.membership(app, random).await,
        }
    }

    async fn create(&mut self, app: &TestApp, number: usize, username: String) {
        let mut body = user(&username);
        body["externalId"] = json!(format!("person-{number}"));
        let answer = app.post("/Users", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let id = answer.body["id"].as_str().expect("an id").to_owned();
        self.people.insert(number, Person { id, username, title: None, active: true });
    }

    async fn hire(&mut self, app: &TestApp) {
        let username = self.fresh("person");
        let number = self.people.len() + self.left.len();
        self.create(app, number, username).await;
    }

    async fn rehire(&mut self, app: &TestApp, random: &mut StdRng) {
        let Some(number) = self.left.keys().copied().choose(random) else { return self.hire(app).await };
        let username = self.left.remove(&number).expect("they left");
        self.create(app, number, username).await;
    }

    async fn leave(&mut self, app: &TestApp, random: &mut StdRng) {
        let Some(number) = self.people.keys().copied().choose(random) else { return self.hire(app).await };
        let person = self.people.remove(&number).expect("they are here");
        assert_eq!(app.delete(&format!("/Users/{}", person.id)).await.status, 204);
        self.groups.values_mut().for_each(|(_, members)| {
            members.remove(&number);
        });
        self.left.insert(number, person.username);
    }

    async fn rename(&mut self, app: &TestApp, random: &mut StdRng) {
        let username = self.fresh("renamed");
        let Some(person) = self.people.values_mut().choose(random) else { return };
        let value = json!([{ "op": "replace", "path": "userName", "value": format!("{username}@example.com") }]);
        assert_eq!(app.patch(&format!("/Users/{}", person.id), value).await.status, 200);
        person.username = username;
    }

    async fn change(&mut self, app: &TestApp, random: &mut StdRng) {
        let Some(person) = self.people.values_mut().choose(random) else { return };
        let title = (random.random_range(0..5) > 0).then(|| format!("T{}", random.random_range(0..50)));
        person.active = random.random_bool(0.7);
        let value = json!({ "title": title, "active": person.active });
        let answer = app.patch(&format!("/Users/{}", person.id), json!([{ "op": "replace", "value": value }])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        person.title = title;
    }

    async fn group(&mut self, app: &TestApp, random: &mut StdRng) {
        let name = self.fresh("Group ");
        if self.groups.len() < 12 {
            let id = app.group(&name, &[]).await;
            self.groups.insert(name, (id, BTreeSet::new()));
            return;
        }
        let old = self.groups.keys().choose(random).expect("a group").clone();
        let (id, members) = self.groups.remove(&old).expect("it is there");
        if random.random_bool(0.5) {
            let rename = json!([{ "op": "replace", "path": "displayName", "value": name }]);
            assert!(app.patch(&format!("/Groups/{id}"), rename).await.status.is_success());
            self.groups.insert(name, (id, members));
        } else {
            assert_eq!(app.delete(&format!("/Groups/{id}")).await.status, 204);
        }
    }

    async fn membership(&mut self, app: &TestApp, random: &mut StdRng) {
        let Some((id, members)) = self.groups.values_mut().choose(random) else { return };
        let Some((number, person)) = self.people.iter().choose(random) else { return };
        let operation = if members.remove(number) {
            json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", person.id) }])
        } else {
            members.insert(*number);
            json!([{ "op": "add", "path": "members", "value": [{ "value": person.id }] }])
        };
        assert!(app.patch(&format!("/Groups/{id}"), operation).await.status.is_success());
    }

    /// Compares the org with what was asked, account by account and group by group.
    async fn is_in(&self, app: &TestApp) {
        let state = app.state().await;
        let mut accounts: BTreeMap<String, &Value> = BTreeMap::new();
        for account in state.users() {
            let Some(federation) = account["FederationIdentifier"].as_str() else { continue };
            let twice = accounts.insert(federation.to_owned(), account);
            assert!(twice.is_none(), "{federation} has two accounts");
        }
        for (number, person) in &self.people {
            let account =
                accounts.remove(&format!("person-{number}")).unwrap_or_else(|| panic!("no account of {number}"));
            let is = (account["Username"].as_str(), account["Title"].as_str(), account["IsActive"].as_bool());
            let username = format!("{}@example.com", person.username);
            assert_eq!(is, (Some(username.as_str()), person.title.as_deref(), Some(person.active)), "{number}");
        }
        for number in self.left.keys() {
            // Who left before anything was sent has no account, and needs none.
            let account = accounts.remove(&format!("person-{number}"));
            assert!(account.is_none_or(|account| account["IsActive"] == false), "{number} left");
        }
        assert!(accounts.is_empty(), "nobody asked for {:?}", accounts.keys());
        for (name, (_, members)) in &self.groups {
            let mut expected: Vec<String> =
                members.iter().map(|number| format!("{}@example.com", self.people[number].username)).collect();
            expected.sort();
            assert_eq!(state.members(name), Some(expected), "{name}");
        }
        let mut names: Vec<&str> = self.groups.keys().map(String::as_str).collect();
        names.push(UNMANAGED);
        names.sort_unstable();
        assert_eq!(state.groups(), names);
    }
}

/// Name of the public group that nobody pushed.
const UNMANAGED: &str = "by hand";

/// Accounts and a group that were there before, as the org shows them.
async fn unmanaged(app: &TestApp) -> Value {
    let state = app.state().await;
    let users: Vec<&Value> = state.users().into_iter().filter(|user| user["FederationIdentifier"].is_null()).collect();
    json!({ "users": users, "members": state.members(UNMANAGED) })
}

/// One run; answers the calls it made and how many of them failed on purpose.
async fn run(engine: &Engine, faults: Faults, random_seed: u64) -> (u64, u64) {
    let app = TestApp::start_at(
        engine,
        FastClock::of(SPEED),
        |_| {},
        |config| {
            config.delivery.retry = [1, 5, 30, 120].map(Duration::from_secs).to_vec();
            // An hour that passes in a minute.
            config.delivery.lease = Duration::from_hours(1);
        },
    )
    .await;
    let by_hand = seed_group(&app, UNMANAGED);
    for n in 0..20 {
        let id = seed(&app, &format!("there{n}@example.com"), n % 3 > 0, &[(Field::Title, "as it was")]);
        app.org().org().with_store(|store| {
            let set = store.permission_sets.iter().find(|(_, set)| set.name == "Sales_Console").expect("it").0.clone();
            store.assign(&id, &set).expect("assigned");
            store.add_member(&by_hand, &id).expect("added");
        });
    }
    let before = unmanaged(&app).await;
    app.org().org().set_faults(faults);
    let (mut asked, mut random) = (Asked::default(), StdRng::seed_from_u64(random_seed));
    for _ in 0..PUSHES {
        asked.push(&app, &mut random).await;
    }
    settle(&app, engine).await;
    let counters = app.calls().await;
    asked.is_in(&app).await;
    assert_eq!(unmanaged(&app).await, before, "what nobody pushed is as it was");
    let injected = counters["faults"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    (counters["total"].as_u64().expect("a number"), injected)
}

/// Waits until everything is delivered. Who waits for a licence that was refused by mistake is looked at after a quarter
/// of an hour.
async fn settle(app: &TestApp, engine: &Engine) {
    let begun = Instant::now();
    loop {
        let status = app.settled().await;
        if status["held"] == 0 && status["rejected"] == 0 {
            return;
        }
        if begun.elapsed() > Duration::from_mins(2) || status["rejected"] != 0 {
            let db = Db::open(engine.url(), 1).expect("opens");
            let mut said = Vec::new();
            hand::list(&db, None, &[State::Held, State::Rejected], |listed| said.push(listed)).await.expect("a list");
            panic!("{status}: {said:#?}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

both_engines! {
    async fn two_thousand_pushes_end_as_asked_whatever_fails(engine: Engine) {
        let random_seed = rand::rng().random();
        println!("seed {random_seed}");
        let (calm, none) = run(&engine.another(), Faults::default(), random_seed).await;
        let faults = Faults {
            seed: random_seed,
            unavailable: 0.02,
            lost_request: 0.02,
            lost_answer: 0.02,
            row_lock: 0.03,
            unknown_exception: 0.01,
            licence_limit: 0.01,
            duplicate_username: 0.01,
            child_failure: 0.02,
            concurrency: 0.005,
            session_revoked: 0.005,
            ..Faults::default()
        };
        let (stormy, injected) = run(&engine, faults, random_seed).await;
        println!("{calm} calls without faults; {stormy} with {injected} faults");
        assert_eq!(none, 0);
        assert!(injected > 50, "{injected}");
        assert!(stormy * 10 <= calm * 13 + injected * 10, "{stormy} calls; {calm} without the {injected} faults");
    }
}
