//! What identity providers do, and how many Salesforce calls it may cost.

use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use scim_bridge::sandbox::Faults;
use serde_json::{Value, json};

use super::rig::Rig;

/// What one scenario cost.
#[derive(Debug)]
pub(crate) struct Cost {
    /// What the identity provider did.
    pub(crate) name: String,
    /// Its requests.
    pub(crate) requests: u64,
    /// Salesforce calls, logins included.
    pub(crate) calls: u64,
    /// Of them, those of a kind that the org counted, largest first.
    pub(crate) kinds: Vec<(String, u64)>,
    /// Calls that are allowed.
    pub(crate) most: u64,
    /// Where that number comes from.
    pub(crate) because: String,
}

impl Cost {
    /// Calls for a thousand requests.
    #[expect(clippy::cast_precision_loss, reason = "numbers of calls are small")]
    pub(crate) fn per_thousand(&self) -> f64 {
        self.calls as f64 * 1000.0 / self.requests.max(1) as f64
    }

    /// Whether it cost no more than it may.
    pub(crate) fn holds(&self) -> bool {
        self.calls <= self.most
    }
}

/// How large the scenarios are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Users of a cycle.
    pub(crate) users: u64,
    /// Members of the pushed group.
    pub(crate) members: u64,
    /// Pushes during the outage.
    pub(crate) pushes: u64,
    /// How many times as fast as the machine's clock the outage's ten minutes pass.
    pub(crate) speed: f64,
}

/// How long deliveries may take to end.
const PATIENCE: Duration = Duration::from_mins(5);
/// Members that go in one call.
const MEMBERS_A_CALL: u64 = 200;
/// A login, the org's limits, and the default profile's id.
const START: u64 = 3;

fn user(n: u64) -> Value {
    let mail = format!("person{n}@example.com");
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": mail, "externalId": format!("ext-{n}"), "active": true, "displayName": format!("Person {n}"),
        "name": { "givenName": "Person", "familyName": format!("N{n}") },
        "emails": [{ "value": mail, "type": "work", "primary": true }],
        "phoneNumbers": [{ "value": format!("+1 {n}"), "type": "work" }, { "value": format!("+2 {n}"), "type": "mobile" }],
        "preferredLanguage": "en-US",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" },
    })
}

fn group(name: &str, members: &[String]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members })
}

fn add(members: &[String]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    json!([{ "op": "Add", "path": "members", "value": members }])
}

async fn people(rig: &Rig, count: u64) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(rig.create("/Users", &user(n)).await?);
    }
    Ok(ids)
}

/// The numbers since `before`.
fn cost(rig: &Rig, name: String, before: &(u64, Value), (most, because): (u64, String)) -> Cost {
    let now = rig.counters();
    let calls = |counters: &Value| counters.get("calls").and_then(Value::as_object).cloned();
    let number = |counters: &Value, kind: &str| {
        calls(counters).and_then(|calls| calls.get(kind).and_then(Value::as_u64)).unwrap_or(0)
    };
    let mut kinds: Vec<(String, u64)> = calls(&now)
        .into_iter()
        .flatten()
        .map(|(kind, _)| {
            let count = number(&now, &kind) - number(&before.1, &kind);
            (kind, count)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total = |counters: &Value| counters.get("total").and_then(Value::as_u64).unwrap_or(0);
    Cost { name, requests: rig.requests() - before.0, calls: total(&now) - total(&before.1), kinds, most, because }
}

/// Entra's initial cycle (each person looked for and created, then groups filled in portions), and the one after it, in
/// which everybody is asked for again, one in twenty has changed, and some pushes repeat what is known.
pub(crate) async fn entra(database: &str, scale: Scale) -> Result<Vec<Cost>> {
    let rig = Rig::start(database, 1.0).await?;
    let before = (rig.requests(), rig.counters());
    let mut ids = Vec::new();
    for n in 0..scale.users {
        rig.send(Method::GET, &format!("/Users?filter=userName eq \"person{n}@example.com\""), None).await?;
        ids.push(rig.create("/Users", &user(n)).await?);
    }
    rig.settled(PATIENCE).await?;
    let groups = scale.users.div_ceil(100);
    for n in 0..groups {
        rig.send(Method::GET, &format!("/Groups?excludedAttributes=members&filter=displayName eq \"Team {n}\""), None)
            .await?;
        // The group's first call lasts until it is filled, however fast this machine is.
        rig.org().set_faults(Faults { hang: true, ..Faults::default() });
        let id = rig.create("/Groups", &group(&format!("Team {n}"), &[])).await?;
        let from = usize::try_from(n * 100)?;
        for portion in ids.iter().skip(from).take(100).cloned().collect::<Vec<_>>().chunks(20) {
            rig.patch(&format!("/Groups/{id}"), add(portion)).await?;
        }
        rig.org().set_faults(Faults::default());
    }
    rig.settled(PATIENCE).await?;
    let most = START + scale.users + groups * 3;
    let because = "1 a person; a group: look, create, and its members in 1".to_owned();
    let initial = cost(&rig, format!("Entra initial cycle, {} users", scale.users), &before, (most, because));

    let before = (rig.requests(), rig.counters());
    for (n, id) in ids.iter().enumerate() {
        rig.send(Method::GET, &format!("/Users/{id}"), None).await?;
        let title = if n % 20 == 0 { "Changed" } else { continue };
        let change = json!([{ "op": "Add", "path": "title", "value": title }]);
        rig.patch(&format!("/Users/{id}"), change.clone()).await?;
        rig.patch(&format!("/Users/{id}"), change).await?;
        rig.patch(&format!("/Users/{id}"), json!([{ "op": "Replace", "path": "active", "value": "True" }])).await?;
    }
    rig.settled(PATIENCE).await?;
    let changed = scale.users.div_ceil(20);
    let because = "1 a changed person, none for a repeat".to_owned();
    let name = format!("Entra incremental cycle, {changed} of {} changed", scale.users);
    let incremental = cost(&rig, name, &before, (changed, because));
    rig.stop().await?;
    Ok(vec![initial, incremental])
}

/// Okta's group push: the group is made with a part of its members, and the others follow one by one while calls are
/// under way.
pub(crate) async fn okta(database: &str, scale: Scale) -> Result<Vec<Cost>> {
    let rig = Rig::start(database, 1.0).await?;
    let ids = people(&rig, scale.members).await?;
    rig.settled(PATIENCE).await?;
    let before = (rig.requests(), rig.counters());
    let (first, rest) = ids.split_at(1);
    let id = rig.create("/Groups", &group("Everybody", first)).await?;
    rig.settled(PATIENCE).await?;
    // The next call lasts until all of the others are here.
    rig.org().set_faults(Faults { hang: true, ..Faults::default() });
    for member in rest {
        rig.patch(&format!("/Groups/{id}"), add(std::slice::from_ref(member))).await?;
    }
    rig.org().set_faults(Faults::default());
    rig.settled(PATIENCE).await?;
    let most = 3 + 1 + (scale.members - 1).div_ceil(MEMBERS_A_CALL);
    let because = "look, create, first member; one call that lasts, and what came meanwhile, 200 a call".to_owned();
    let cost = cost(&rig, format!("Okta group push of {} members", scale.members), &before, (most, because));
    rig.stop().await?;
    Ok(vec![cost])
}

/// Ten minutes in which Salesforce answers nothing but 503, while people are created and changed.
pub(crate) async fn outage(database: &str, scale: Scale) -> Result<Vec<Cost>> {
    let rig = Rig::start(database, scale.speed).await?;
    let users = scale.pushes * 2 / 5;
    rig.create("/Users", &user(1_000_000)).await?;
    rig.settled(PATIENCE).await?;
    let before = (rig.requests(), rig.counters());
    let begun = std::time::Instant::now();
    let ten_minutes = Duration::from_mins(10).div_f64(scale.speed);
    rig.org().set_faults(Faults { unavailable: 1.0, ..Faults::default() });
    let ids = people(&rig, users).await?;
    for n in users..scale.pushes {
        let id = ids.get(usize::try_from(n % users)?).map(String::as_str).unwrap_or_default();
        let title = json!([{ "op": "replace", "path": "title", "value": format!("T{n}") }]);
        rig.patch(&format!("/Users/{id}"), title).await?;
    }
    let left = ten_minutes.saturating_sub(begun.elapsed());
    tokio::time::sleep(left).await;
    let minutes = (begun.elapsed().mul_f64(scale.speed)).as_secs() / 60;
    let failed = cost(&rig, String::new(), &before, (0, String::new())).calls;
    rig.org().set_faults(Faults::default());
    rig.settled(PATIENCE).await?;
    // Probes: the first failures, and then one after each pause, which grows to a minute.
    let most = users + 50 + minutes;
    let because = format!("1 a person, whatever was pushed, and probes ({failed} during the outage)");
    let cost = cost(&rig, format!("outage of 10 minutes under {} pushes", scale.pushes), &before, (most, because));
    rig.stop().await?;
    Ok(vec![cost])
}
