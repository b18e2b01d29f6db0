//! Two thousand pushes while everything fails at random that can: the org ends exactly as asked, what is not ours is as it
//! was, and it did not cost much more than without.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use scim_bridge::config::{Config, Rest};
use scim_bridge::db::Db;
use scim_bridge::delivery::State;
use scim_bridge::delivery::hand;
use scim_bridge::sandbox::store::field::Field;
use scim_bridge::sandbox::{Faults, Settings};
use serde_json::{Value, json};

use super::deliveries::{seed, seed_group};
use super::entitlements::{by_hand, entitlements};
use super::support::app::{FastClock, TestApp, user};
use super::support::engine::Engine;
use super::support::urn::ENTERPRISE;

/// Pushes of the run that may use REST, and of the one that may not.
const PUSHES: usize = 2_000;
const PUSHES_WITHOUT_REST: usize = 400;
/// How many times as fast as the machine's clock time passes: pauses and waits of minutes are part of it.
const SPEED: f64 = 60.0;

/// Who gets what: by department, and by being in a group.
const RULES: &str = concat!(
    sales!(),
    r#"[[rules]]
name = "analysts"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Analysis"'
permission_set_licenses = ["Analytics"]
permission_sets = ["Analytics_Viewer"]
[[rules]]
name = "odd groups"
group = "Group *[13579]"
permission_sets = ["Knowledge_Reader"]
permission_set_groups = ["Sales_Team"]
public_groups = ["All Regions"]
"#
);

/// The same as far as SCIM alone can do it.
const RULES_WITHOUT_REST: &str = r#"
default_profile = "Minimum Access - Salesforce"
[[rules]]
name = "sales"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales"'
profile = "Standard User"
"#;

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
    /// Whether the bridge may use REST: SCIM alone renames nobody and no group.
    rest: bool,
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
        if !self.rest {
            return self.change(app, random).await;
        }
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
        let department = ["Sales", "Analysis", "Research"].into_iter().choose(random);
        let value = json!({
            "title": title, "active": person.active, "nickName": format!("Nick {}", person.username),
            ENTERPRISE: { "department": department },
        });
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
        if self.rest && random.random_bool(0.5) {
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

/// The accounts of those who are here, by federation id, with all that they have: what two runs of the same pushes must
/// agree about. Ids and times are each run's own, and so is the alias, which is written by the create alone and comes from
/// whatever was asked by then. An address may wait for its confirmation. Of whoever may not log in nothing is given or taken, so what they have
/// is what they had when they could: that depends on how soon the deliveries were.
async fn accounts(app: &TestApp, asked: &Asked) -> BTreeMap<String, Value> {
    let state = app.state().await;
    let here: BTreeSet<String> = asked.people.keys().map(|number| format!("person-{number}")).collect();
    let mut accounts = BTreeMap::new();
    for user in state.users() {
        let Some(federation) = user["FederationIdentifier"].as_str().filter(|id| here.contains(*id)) else { continue };
        let mut account = user.as_object().expect("an account").clone();
        account.retain(|field, _| !(field == "Id" || field.ends_with("Id") || field.ends_with("Date")));
        account.remove("Alias");
        if let Some(wanted) = account.remove("PendingEmail").filter(|wanted| !wanted.is_null()) {
            account.insert("Email".to_owned(), wanted);
        }
        for list in account.values_mut().filter_map(Value::as_array_mut) {
            list.sort_by_key(ToString::to_string);
        }
        if user["IsActive"] == false {
            let given = ["Profile", "Role", "PermissionSets", "PermissionSetGroups", "PermissionSetLicenses", "Groups"];
            account.retain(|field, _| !given.contains(&field.as_str()));
        }
        accounts.insert(federation.to_owned(), Value::Object(account));
    }
    accounts
}

/// What a run came to.
struct Ran {
    calls: u64,
    faults: BTreeMap<String, u64>,
    accounts: BTreeMap<String, Value>,
}

impl Ran {
    fn injected(&self) -> u64 {
        self.faults.values().sum()
    }
}

/// What is pushed, and what stands in the way.
struct Weather {
    pushes: usize,
    rest: bool,
    faults: Faults,
    seed: u64,
}

impl Weather {
    fn configure(&self, config: &mut Config) {
        config.delivery.retry = [1, 5, 30, 120].map(Duration::from_secs).to_vec();
        // An hour that passes in a minute.
        config.delivery.lease = Duration::from_hours(1);
        let tenant = config.tenant.get_mut("sandbox").expect("the tenant");
        tenant.groups.mirror = vec!["Group *".to_owned()];
        tenant.salesforce.rest = if self.rest { Rest::WhenNeeded } else { Rest::Never };
        let rules = if self.rest { RULES } else { RULES_WITHOUT_REST };
        tenant.entitlements = entitlements(rules);
        // Hundreds change departments, and mean it.
        tenant.guard.losses_percent = 100;
        tenant.guard.deactivations_percent = 100;
        tenant.guard.removals_percent = 100;
    }

    async fn run(&self, engine: &Engine) -> Ran {
        let settings = |org: &mut Settings| org.permission_set_licences[0].total = 5_000;
        let app = TestApp::start_at(engine, FastClock::of(SPEED), settings, |config| self.configure(config)).await;
        let group = seed_group(&app, UNMANAGED);
        for n in 0..20 {
            let id = seed(&app, &format!("there{n}@example.com"), n % 3 > 0, &[(Field::Title, "as it was")]);
            by_hand(&app, &id, "Sales_Console");
            app.org().org().with_store(|store| store.add_member(&group, &id).expect("added"));
        }
        let before = unmanaged(&app).await;
        app.org().org().set_faults(self.faults.clone());
        let mut asked = Asked { rest: self.rest, ..Asked::default() };
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut passing = self.faults != Faults::default();
        for n in 0..self.pushes {
            if passing && n == self.pushes / 2 {
                sso_profiles(&app, json!(["Minimum Access - Salesforce"])).await;
            }
            asked.push(&app, &mut random).await;
            if passing && n >= self.pushes / 2 && has_met_sso(&app) {
                sso_profiles(&app, json!([])).await;
                passing = false;
            }
        }
        let begun = Instant::now();
        while passing {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if has_met_sso(&app) {
                sso_profiles(&app, json!([])).await;
                passing = false;
            }
            let counters = app.org().org().counters();
            assert!(begun.elapsed() < Duration::from_mins(2), "nobody of that profile is written: {counters}");
        }
        settle(&app, engine).await;
        let counters = app.calls().await;
        asked.is_in(&app).await;
        assert_eq!(unmanaged(&app).await, before, "what nobody pushed is as it was");
        let faults = counters["faults"].as_object().into_iter().flatten();
        Ran {
            calls: counters["total"].as_u64().expect("a number"),
            faults: faults.filter_map(|(name, n)| Some((name.clone(), n.as_u64()?))).collect(),
            accounts: accounts(&app, &asked).await,
        }
    }
}

/// From now on nobody of these profiles can be written; all other faults stay, with what is left of those that are counted.
/// Only for a moment, or it would be taken for lasting.
async fn sso_profiles(app: &TestApp, names: Value) {
    let url = format!("{}/sandbox/faults", app.org().url());
    let mut faults = app.get(&url).await.body;
    faults["sso_profiles"] = names;
    faults["seed"] = json!(faults["seed"].as_u64().expect("a number") ^ 1);
    assert_eq!(app.post(&url, &faults).await.status, 200);
}

fn has_met_sso(app: &TestApp) -> bool {
    app.org().org().counters()["faults"]["sso_profile"].as_u64().is_some_and(|n| n > 0)
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

/// Faults of every kind; those that are rare, or stop everything for minutes, are counted.
fn faults(seed: u64) -> Faults {
    Faults {
        seed,
        unavailable: 0.02,
        unavailable_next: 1,
        lost_request: 0.02,
        lost_request_next: 1,
        lost_answer: 0.02,
        lost_answer_next: 1,
        row_lock: 0.03,
        row_locks: 2,
        unknown_exception: 0.01,
        unknown_exceptions: 2,
        licence_limit: 0.01,
        licence_limit_next: 3,
        duplicate_username: 0.01,
        duplicate_username_next: 3,
        child_failure: 0.02,
        child_failure_next: 3,
        concurrency: 0.002,
        concurrency_next: 3,
        session_revoked: 0.005,
        session_revoked_next: 3,
        long_transaction_next: 1,
        maintenance_next: 1,
        query_timeout_next: 3,
        blank_404: 0.01,
        blank_404_next: 3,
        ..Faults::default()
    }
}

/// A run without faults and one with them come to the same, and the faults cost little.
async fn compare(engine: &Engine, pushes: usize, rest: bool, kinds: &[&str]) {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let calm = Weather { pushes, rest, faults: Faults::default(), seed }.run(&engine.another()).await;
    assert_eq!(calm.injected(), 0);
    let stormy = Weather { pushes, rest, faults: faults(seed), seed }.run(engine).await;
    println!("{} calls without faults; {} with {:?}", calm.calls, stormy.calls, stormy.faults);
    let struck: Vec<&str> = stormy.faults.keys().map(String::as_str).collect();
    assert_eq!(struck, kinds, "each kind of fault strikes at least once");
    let injected = stormy.injected();
    assert!(stormy.calls * 10 <= calm.calls * 13 + injected * 10, "{} calls; {} without", stormy.calls, calm.calls);
    assert!(!calm.accounts.is_empty());
    let there = |ran: &Ran| ran.accounts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(there(&stormy), there(&calm));
    for (federation, account) in &calm.accounts {
        let other = &stormy.accounts[federation];
        let fields = account.as_object().expect("an account").iter().filter(|(field, value)| other[*field] != **value);
        let differing: Vec<_> = fields.map(|(field, value)| format!("{field}: {} for {value}", other[field])).collect();
        assert!(differing.is_empty(), "{federation} {}: {differing:?}", account["Username"]);
    }
}

/// The faults by the names that the org counts them under, sorted.
const KINDS: &[&str] = &[
    "blank_404",
    "child_failure",
    "concurrency",
    "duplicate_username",
    "licence_limit",
    "long_transaction",
    "lost_answer",
    "lost_request",
    "maintenance",
    "query_timeout",
    "row_lock",
    "session_revoked",
    "sso_profile",
    "unavailable",
    "unknown_exception",
];

both_engines! {
    async fn two_thousand_pushes_end_as_asked_whatever_fails(engine: Engine) {
        compare(&engine, PUSHES, true, KINDS).await;
    }

    /// SCIM alone gives no permission sets, so there is nothing for a failure of children to strike.
    async fn without_rest_pushes_end_as_asked_whatever_fails(engine: Engine) {
        let kinds: Vec<&str> = KINDS.iter().copied().filter(|kind| *kind != "child_failure").collect();
        compare(&engine, PUSHES_WITHOUT_REST, false, &kinds).await;
    }
}
