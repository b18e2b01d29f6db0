//! `kill -9` at random moments of a push: what was acknowledged arrives all the same, and nothing arrives twice. Real
//! processes of the built binary; the org lives in the test.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{Rng as _, SeedableRng as _};
use scim_bridge::sandbox::{self, Faults};
use serde_json::{Value, json};

use super::support::app::{OrgState, user};
use super::support::engine::Engine;

const BINARY: &str = env!("CARGO_BIN_EXE_scim-bridge");
/// How a bridge is put under fire.
#[derive(Debug, Clone, Default)]
pub(super) struct Fire {
    pub(super) faults: Faults,
    pub(super) seed: u64,
    /// How many processes are killed.
    pub(super) kills: u32,
    /// How many there are at a time.
    pub(super) processes: usize,
}

/// Clients that push at the same time; each has people of its own.
const CLIENTS: usize = 4;

/// A process of the bridge. Killed when it is dropped.
pub(super) struct Bridge {
    pub(super) child: Child,
    pub(super) base: String,
    log: Arc<Mutex<String>>,
}

impl Bridge {
    pub(super) fn start(config: &Path) -> Self {
        let mut child = Command::new(BINARY)
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (log, errors) = (Arc::new(Mutex::new(String::new())), BufReader::new(child.stderr.take().expect("stderr")));
        let kept = Arc::clone(&log);
        // Somebody must read it, or the process waits for that.
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let mut log = kept.lock().expect("nobody panicked");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let line = lines.next().expect("a line").expect("UTF-8");
        let base = line.strip_prefix("SCIM base URL").expect("the base URL").trim().to_owned();
        Self { child, base, log }
    }

    /// What it logged so far.
    pub(super) fn log(&self) -> String {
        self.log.lock().expect("nobody panicked").clone()
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("it ended");
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(super) fn configuration(engine: &Engine, org: &sandbox::Running) -> PathBuf {
    let path = engine.folder().join("scim-bridge.toml");
    let text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 1
[database]
url = "{}"
[delivery]
retry = ["20ms", "50ms", "100ms"]
lease = "2s"
[tenant.acme.salesforce]
url = "{}"
flow = "client-credentials"
client_id = "{}"
client_secret = "secret"
[tenant.acme.entitlements]
default_profile = "Standard User"
[tenant.acme.groups]
mirror = ["*"]
[tenant.acme.guard]
deactivations_percent = 100
removals_percent = 100
"#,
        engine.url(),
        org.url(),
        sandbox::Settings::default().client_id
    );
    std::fs::write(&path, text).expect("a configuration");
    path
}

pub(super) fn token(config: &Path) -> String {
    let made = Command::new(BINARY)
        .args(["token", "create", "--tenant", "acme", "--name", "crash", "--scope", "scim", "--scope", "admin"])
        .arg("--config")
        .arg(config)
        .output()
        .expect("the binary runs");
    assert!(made.status.success(), "{}: {}", made.status, String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("UTF-8").lines().last().expect("the secret").to_owned()
}

/// What one person is known to be: the last title and activity that were acknowledged, and those of later requests whose
/// answers never came.
#[derive(Debug, Clone, Default)]
struct Known {
    id: String,
    acknowledged: (String, bool),
    unanswered: Vec<(String, bool)>,
    /// The same of whether the person is in the client's group.
    member: bool,
    unanswered_member: Vec<bool>,
}

/// A client that pushes people of its own until it is stopped, and writes down what was acknowledged.
struct Client {
    name: usize,
    http: reqwest::Client,
    token: String,
    /// Id of its group, once that is known.
    group: Option<String>,
    people: BTreeMap<String, Known>,
    made: usize,
    random: rand::rngs::StdRng,
}

impl Client {
    async fn call(&self, method: reqwest::Method, url: String, body: Value) -> Option<(u16, Value)> {
        let request = self.http.request(method, url).bearer_auth(&self.token).json(&body);
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    /// Makes the group, or takes one person in or out of it.
    async fn membership(&mut self, base: &str, names: &[String]) {
        let Some(group) = self.group.clone() else {
            let group = format!("Group {}", self.name);
            let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": group });
            let Some((status, body)) = self.call(reqwest::Method::POST, format!("{base}/Groups"), body).await else {
                return;
            };
            self.group = body["id"].as_str().map(str::to_owned);
            if status == 409 {
                // An earlier one that was stored and whose answer was lost.
                let url = format!("{base}/Groups?filter=displayName+eq+%22Group+{}%22", self.name);
                let found = self.call(reqwest::Method::GET, url, json!({})).await;
                self.group = found.and_then(|(_, list)| list["Resources"][0]["id"].as_str().map(str::to_owned));
            }
            return;
        };
        let name = &names[self.random.random_range(0..names.len())];
        let (id, wish) = (self.people[name].id.clone(), self.random.random_bool(0.6));
        let op = if wish { "Add" } else { "Remove" };
        let operation = json!({ "op": op, "path": "members", "value": [{ "value": id }] });
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
        let answer = self.call(reqwest::Method::PATCH, format!("{base}/Groups/{group}"), body).await;
        let known = self.people.get_mut(name).expect("known");
        match answer {
            Some((status, body)) => {
                assert_eq!(status, 200, "{body}");
                (known.member, known.unanswered_member) = (wish, Vec::new());
            }
            None => known.unanswered_member.push(wish),
        }
    }

    /// One request: a new person, or a change of one.
    async fn step(&mut self, base: &str) {
        let names: Vec<String> = self.people.keys().cloned().collect();
        if names.is_empty() || self.random.random_bool(0.4) {
            let name = format!("c{}p{}", self.name, self.made);
            self.made += 1;
            let mut body = user(&name);
            body["title"] = json!("new");
            let Some((status, body)) = self.call(reqwest::Method::POST, format!("{base}/Users"), body).await else {
                return;
            };
            assert_eq!(status, 201, "{body}");
            let id = body["id"].as_str().expect("an id").to_owned();
            let known = Known { id, acknowledged: ("new".into(), true), ..Known::default() };
            self.people.insert(name, known);
            return;
        }
        if self.random.random_bool(0.3) {
            return self.membership(base, &names).await;
        }
        let name = names[self.random.random_range(0..names.len())].clone();
        let wish = (format!("title {}", self.random.random_range(0..1000)), self.random.random_bool(0.7));
        let id = self.people[&name].id.clone();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [
                { "op": "replace", "path": "title", "value": wish.0 },
                { "op": "replace", "path": "active", "value": wish.1 },
            ],
        });
        let answer = self.call(reqwest::Method::PATCH, format!("{base}/Users/{id}"), body).await;
        let known = self.people.get_mut(&name).expect("known");
        match answer {
            Some((status, body)) => {
                assert_eq!(status, 200, "{body}");
                (known.acknowledged, known.unanswered) = (wish, Vec::new());
            }
            None => known.unanswered.push(wish),
        }
    }
}

/// Waits until nothing is on its way.
pub(super) async fn settled(base: &str, token: &str) -> Value {
    let url = base.replace("/scim/v2", "/admin/v1/status");
    let started = Instant::now();
    loop {
        let answer = reqwest::Client::new_for_test().get(&url).bearer_auth(token).send().await.expect("an answer");
        let status: Value = answer.json().await.expect("JSON");
        let status = status["tenants"]["acme"].clone();
        if ["pending", "delivering", "retrying"].iter().all(|state| status[state] == 0) {
            return status;
        }
        // Longer than two of the longest pauses that a bad run of failures brings about.
        assert!(started.elapsed() < Duration::from_mins(3), "deliveries do not settle: {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

trait ForTest {
    fn new_for_test() -> Self;
}

impl ForTest for reqwest::Client {
    fn new_for_test() -> Self {
        Self::builder().timeout(Duration::from_secs(20)).build().expect("a client")
    }
}

/// Kills one process after the other while clients push, and compares what the org holds with what was acknowledged.
pub(super) async fn kill_and_compare(engine: &Engine, fire: Fire) {
    let Fire { faults, seed, kills, processes } = fire;
    let mut settings = sandbox::Settings { client_secret: "secret".into(), faults, ..sandbox::Settings::default() };
    settings.listen = "127.0.0.1:0".into();
    let org = sandbox::start(settings).await.expect("the org listens");
    let config = configuration(engine, &org);
    let token = token(&config);
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|name| Client {
            name,
            http: reqwest::Client::new_for_test(),
            token: token.clone(),
            group: None,
            people: BTreeMap::new(),
            made: 0,
            random: rand::rngs::StdRng::seed_from_u64(seed + name as u64),
        })
        .collect();
    let mut bridges: Vec<Bridge> = Vec::new();
    for _ in 0..kills {
        while bridges.len() < processes {
            bridges.push(Bridge::start(&config));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = clients
            .drain(..)
            .map(|mut client| {
                let base = bridges[client.name % processes].base.clone();
                let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        client.step(&base).await;
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    client
                })
            })
            .collect();
        // In the midst of it, however slow the machine is.
        let (enough, begun) = (random.random_range(10..60), Instant::now());
        while answered.load(Ordering::Relaxed) < enough && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..30))).await;
        let mut victim = bridges.swap_remove(random.random_range(0..processes));
        victim.kill();
        if processes > 1 {
            // The others go on meanwhile, with what it was at.
            tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
        }
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            clients.push(task.await.expect("no panic"));
        }
    }
    bridges.push(Bridge::start(&config));
    let bridge = &bridges[0];
    let status = settled(&bridge.base, &token).await;
    assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "{status}");
    let state = format!("{}/sandbox/state", org.url());
    let state = reqwest::Client::new_for_test().get(state).send().await.expect("an answer").json().await;
    let state = OrgState(state.expect("JSON"));
    let mut acknowledged = 0;
    let people = clients.iter().flat_map(|client| client.people.iter().map(|person| (client.name, person)));
    for (client, (name, known)) in people {
        acknowledged += 1;
        let members = state.members(&format!("Group {client}")).unwrap_or_default();
        let member = members.contains(&format!("{name}@example.com"));
        assert!(
            member == known.member || known.unanswered_member.contains(&member),
            "{name} in {members:?}: {known:?}"
        );
        let account = state.user(&format!("{name}@example.com")).unwrap_or_else(|| panic!("{name} never arrived"));
        let arrived = (account["Title"].as_str().unwrap_or_default().to_owned(), account["IsActive"] == json!(true));
        assert!(
            arrived == known.acknowledged || known.unanswered.contains(&arrived),
            "{name}: {arrived:?} arrived; {known:?}"
        );
    }
    assert!(acknowledged > 20, "only {acknowledged} people were acknowledged");
    // A create without an answer may have been stored: those arrive too, and nobody else does, and nobody twice.
    let made: usize = clients.iter().map(|client| client.made).sum();
    let users = state.users();
    assert!(users.len() >= acknowledged && users.len() <= made, "{} accounts of {made} creates", users.len());
    let mut federation: Vec<&str> = users.iter().filter_map(|user| user["FederationIdentifier"].as_str()).collect();
    federation.sort_unstable();
    federation.dedup();
    assert_eq!(federation.len(), users.len(), "somebody has two accounts");
    org.stop().await;
}

both_engines! {
    async fn kill_nine_loses_nothing(engine: Engine) {
        let faults = Faults { latency_ms: 2, ..Faults::default() };
        kill_and_compare(&engine, Fire { faults, seed: 11, kills: 6, processes: 1 }).await;
    }

    /// Fifty times, and then some.
    async fn kill_nine_while_salesforce_fails_loses_nothing(engine: Engine) {
        let faults = Faults { seed: 5, unavailable: 0.2, lost_answer: 0.1, latency_ms: 1, ..Faults::default() };
        kill_and_compare(&engine, Fire { faults, seed: 23, kills: 52, processes: 1 }).await;
    }
}
