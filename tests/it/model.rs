//! Random pushes while the org fails at random; at the end it holds what a few lines of model say.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use scim_bridge::sandbox::Faults;
use serde_json::{Value, json};

use super::support::app::TestApp;

/// What was asked for.
#[derive(Default)]
struct Model {
    /// Id, title and activity of each live user, by name.
    users: BTreeMap<String, (String, Option<String>, bool)>,
    /// Every name that was ever pushed.
    names: BTreeSet<String>,
    /// Id and names of the members of each live group, by name.
    groups: BTreeMap<String, (String, BTreeSet<String>)>,
}

impl Model {
    async fn step(&mut self, app: &TestApp, random: &mut StdRng) {
        let name = format!("user{}", random.random_range(0..8));
        let group = format!("Group {}", random.random_range(0..3));
        match random.random_range(0..10) {
            0..=2 => match self.users.get_mut(&name) {
                None => {
                    let id = app.user(&name).await;
                    self.users.insert(name.clone(), (id, None, true));
                    self.names.insert(name);
                }
                Some((id, title, active)) => {
                    let (new, on) = (random.random_range(0..4), random.random_bool(0.6));
                    let (new, path) = ((new > 0).then(|| format!("T{new}")), format!("/Users/{id}"));
                    let value = match &new {
                        Some(title) => json!({ "title": title, "active": on }),
                        None => json!({ "title": null, "active": on }),
                    };
                    let answer = app.patch(&path, json!([{ "op": "replace", "value": value }])).await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    (*title, *active) = (new, on);
                }
            },
            3 => {
                if let Some((id, ..)) = self.users.remove(&name) {
                    assert_eq!(app.delete(&format!("/Users/{id}")).await.status, 204);
                    self.groups.values_mut().for_each(|(_, members)| members.retain(|member| *member != name));
                }
            }
            4 => match self.groups.remove(&group) {
                None => {
                    let id = app.group(&group, &[]).await;
                    self.groups.insert(group, (id, BTreeSet::new()));
                }
                Some((id, members)) if random.random_bool(0.5) => {
                    let free = (0..9).map(|n| format!("Group {n}")).find(|name| !self.groups.contains_key(name));
                    let free = free.expect("nine names for three groups");
                    rename(app, &id, &free).await;
                    self.groups.insert(free, (id, members));
                }
                Some((id, _)) => assert_eq!(app.delete(&format!("/Groups/{id}")).await.status, 204),
            },
            _ => {
                let Some((id, members)) = self.groups.values_mut().choose(random) else { return };
                let Some((member, (member_id, ..))) = self.users.iter().choose(random) else { return };
                let operation = if members.remove(member) {
                    json!([{ "op": "remove", "path": format!("members[value eq \"{member_id}\"]") }])
                } else {
                    members.insert(member.clone());
                    json!([{ "op": "add", "path": "members", "value": [{ "value": member_id }] }])
                };
                assert!(app.patch(&format!("/Groups/{id}"), operation).await.status.is_success());
            }
        }
    }

    async fn is_in(&self, app: &TestApp, seed: u64) {
        let status = app.settled().await;
        assert_eq!((&status["held"], &status["rejected"]), (&json!(0), &json!(0)), "seed {seed}: {status}");
        let state = app.state().await;
        let mut accounts: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for user in state.users() {
            accounts.entry(user["Username"].as_str().expect("a name")).or_default().push(user);
        }
        for name in &self.names {
            let found = accounts.remove(format!("{name}@example.com").as_str()).unwrap_or_default();
            assert!(found.len() <= 1, "seed {seed}: {name} has two accounts");
            let account = found.first().map(|a| (a["Title"].as_str().map(str::to_owned), a["IsActive"] == true));
            match self.users.get(name) {
                Some((_, title, active)) => assert_eq!(account, Some((title.clone(), *active)), "seed {seed}: {name}"),
                None => assert!(!account.is_some_and(|(_, active)| active), "seed {seed}: {name} is deleted"),
            }
        }
        assert!(accounts.is_empty(), "seed {seed}: {accounts:?}");
        assert_eq!(state.groups(), self.groups.keys().map(String::as_str).collect::<Vec<_>>(), "seed {seed}");
        for (group, (_, members)) in &self.groups {
            let names = members.iter().map(|name| format!("{name}@example.com")).collect::<Vec<_>>();
            assert_eq!(state.members(group), Some(names), "seed {seed}: {group}");
        }
    }
}

async fn rename(app: &TestApp, id: &str, name: &str) {
    let rename = json!([{ "op": "replace", "path": "displayName", "value": name }]);
    assert!(app.patch(&format!("/Groups/{id}"), rename).await.status.is_success());
}

both_engines! {
    async fn whatever_is_pushed_while_the_org_fails_arrives(engine: Engine) {
        let begun = std::time::Instant::now();
        for seed in 1.. {
            let faults = Faults {
                seed, unavailable: 1.0 / 3.0, lost_answer: 0.1, lost_request: 0.05, row_locks: 3, latency_ms: 2,
                ..Faults::default()
            };
            let engine = engine.another();
            let mut app = TestApp::start_with(&engine, |org| org.faults = faults.clone(), |_| {}).await;
            let (mut model, mut random) = (Model::default(), StdRng::seed_from_u64(seed));
            for step in 0..120 {
                model.step(&app, &mut random).await;
                if step == 60 {
                    app.restart().await;
                }
                if random.random_bool(0.2) {
                    tokio::time::sleep(std::time::Duration::from_millis(random.random_range(0..60))).await;
                }
            }
            model.is_in(&app, seed).await;
            if begun.elapsed().as_secs() >= 12 {
                break;
            }
        }
    }
}
