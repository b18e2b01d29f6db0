//! What is stored before anything is measured, all of it brought in over HTTP.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::{JoinSet, LocalSet};

use crate::bridge::{BASE, Bridge};
use crate::load::{Connection, Wire};

/// Connections that seed.
const CONNECTIONS: usize = 32;
/// Members in one PATCH, well below the largest body that a bridge takes.
const CHUNK: usize = 1000;
/// Members of the small groups that are there to be looked up.
const TEAM: usize = 5;
/// Users for each small group.
const USERS_A_TEAM: usize = 100;

const GIVEN: [&str; 16] = [
    "Ada",
    "Grace",
    "Alan",
    "Edsger",
    "Barbara",
    "Donald",
    "Katherine",
    "Dennis",
    "Radia",
    "Ken",
    "Margaret",
    "Tony",
    "Frances",
    "Niklaus",
    "Hedy",
    "Claude",
];
const FAMILY: [&str; 16] = [
    "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Johnson", "Ritchie", "Perlman", "Thompson",
    "Hamilton", "Hoare", "Allen", "Wirth", "Lamarr", "Shannon",
];
const DEPARTMENTS: [&str; 8] =
    ["Sales EMEA", "Sales Americas", "Field Service", "Finance", "People", "Engineering", "Legal", "Customer Success"];

/// A user as identity providers push them, of which the same number always makes the same one. All names are unique, so
/// that a look-up finds one at every size.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// `userName`, and the work address.
    pub(crate) user_name: String,
    /// `externalId`.
    pub(crate) external_id: String,
    /// `displayName`.
    pub(crate) display_name: String,
    given: &'static str,
    family: &'static str,
    department: &'static str,
    number: u64,
    /// The number, scattered: neighbours in time are no neighbours in an index.
    hash: u64,
}

impl Person {
    /// The person of a number.
    pub(crate) fn new(number: u64) -> Self {
        let hash = scatter(number);
        let pick = |from: &[&'static str], shift: u32| {
            let place = usize::try_from(hash >> shift).unwrap_or_default() % from.len().max(1);
            from.get(place).copied().unwrap_or_default()
        };
        let (given, family) = (pick(&GIVEN, 4), pick(&FAMILY, 20));
        Self {
            user_name: format!("{}.{}.{number}@example.com", given.to_lowercase(), family.to_lowercase()),
            external_id: format!(
                "{:08x}-{:04x}-4{:03x}-9{:03x}-{number:012x}",
                hash >> 32,
                hash >> 16 & 0xffff,
                hash & 0xfff,
                hash >> 8 & 0xfff
            ),
            display_name: format!("{given} {family} {number}"),
            given,
            family,
            department: pick(&DEPARTMENTS, 40),
            number,
            hash,
        }
    }

    /// The document that is pushed, of about 1.4 KB.
    pub(crate) fn document(&self) -> String {
        let Self { user_name, external_id, display_name, given, family, department, number, hash } = self;
        let digits = hash % 10_000_000;
        json!({
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            ],
            "externalId": external_id,
            "userName": user_name,
            "name": { "formatted": format!("{given} {family}"), "familyName": family, "givenName": given },
            "displayName": display_name,
            "nickName": given,
            "title": format!("{department} Specialist"),
            "userType": "Employee",
            "preferredLanguage": "en-GB",
            "locale": "en-GB",
            "timezone": "Europe/London",
            "active": true,
            "emails": [
                { "value": user_name, "type": "work", "primary": true },
                { "value": format!("{}{number}@home.example.net", given.to_lowercase()), "type": "home" },
            ],
            "phoneNumbers": [
                { "value": format!("+44 20 {digits:07}"), "type": "work", "primary": true },
                { "value": format!("+44 77 {digits:07}"), "type": "mobile" },
            ],
            "addresses": [
                {
                    "type": "work",
                    "primary": true,
                    "streetAddress": format!("{} Threadneedle Street", hash % 400 + 1),
                    "locality": "London",
                    "region": "Greater London",
                    "postalCode": "EC2R 8AH",
                    "country": "GB",
                },
                {
                    "type": "home",
                    "streetAddress": format!("{} Mill Lane", hash % 90 + 1),
                    "locality": "Cambridge",
                    "region": "Cambridgeshire",
                    "postalCode": "CB2 1RX",
                    "country": "GB",
                },
            ],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "employeeNumber": format!("E{number:07}"),
                "costCenter": format!("CC-{}", hash % 900 + 100),
                "organization": "Example plc",
                "division": "Operations",
                "department": department,
            },
        })
        .to_string()
    }
}

/// A permutation of the numbers (the finalizer of `splitmix64`).
fn scatter(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A bridge with what it has stored.
pub(crate) struct Stored {
    /// The bridge.
    pub(crate) bridge: Bridge,
    /// How many users were asked for. There are a few more, who are in no group: `spare`.
    pub(crate) level: usize,
    /// Users with their ids.
    pub(crate) users: Vec<(Person, String)>,
    /// Ids of users who are in no group.
    pub(crate) spare: Vec<String>,
    /// Names of small groups.
    pub(crate) teams: Vec<String>,
    /// Groups of a size, by id.
    pub(crate) groups: Vec<(usize, String)>,
    /// How long it took.
    pub(crate) took: Duration,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

impl Stored {
    /// Brings `level` users into an empty bridge, `spare` more, and small groups.
    pub(crate) async fn seed(bridge: Bridge, level: usize, spare: usize) -> Result<Self> {
        let begun = Instant::now();
        let people: Rc<[Person]> = (0..u64::try_from(level + spare)?).map(Person::new).collect();
        let created = {
            let people = Rc::clone(&people);
            let request = move |wire: &Wire, number: usize, out: &mut Vec<u8>| {
                let document = people.get(number).map(Person::document).unwrap_or_default();
                wire.send(out, "POST", &format!("{BASE}/Users"), &document);
            };
            ask(&bridge, level + spare, request).await?
        };
        let mut ids = created.iter().map(|body| id(body)).collect::<Result<Vec<_>>>()?;
        let spare = ids.split_off(level);
        let users: Vec<_> = people.iter().cloned().zip(ids).collect();
        let teams: Vec<String> = (0..level / USERS_A_TEAM).map(|number| format!("Team {number:05}")).collect();
        let bodies: Vec<String> = teams
            .iter()
            .zip(users.chunks(USERS_A_TEAM))
            .map(|(name, users)| {
                let members: Vec<Value> = users.iter().take(TEAM).map(|(_, id)| json!({ "value": id })).collect();
                group(name, &members)
            })
            .collect();
        let request = move |wire: &Wire, number: usize, out: &mut Vec<u8>| {
            wire.send(out, "POST", &format!("{BASE}/Groups"), bodies.get(number).map_or("", String::as_str));
        };
        ask(&bridge, teams.len(), request).await?;
        Ok(Self { bridge, level, users, spare, teams, groups: Vec::new(), took: begun.elapsed() })
    }

    /// Makes a group of each size that there are users for.
    pub(crate) async fn make_groups(&mut self, sizes: &[usize]) -> Result<()> {
        let begun = Instant::now();
        let mut connection = Connection::open(self.bridge.address()).await?;
        let wire = Wire::new(self.bridge.address(), Some(&self.bridge.token));
        let (mut request, mut answer) = (Vec::new(), Vec::new());
        for &size in sizes.iter().filter(|size| **size <= self.users.len()) {
            request.clear();
            answer.clear();
            wire.send(&mut request, "POST", &format!("{BASE}/Groups"), &group(&format!("Group of {size}"), &[]));
            let status = connection.exchange(&request, Some(&mut answer)).await?;
            expect(status, &answer)?;
            let group = id(&answer)?;
            let members = self.users.get(..size).unwrap_or_default();
            for chunk in members.chunks(CHUNK) {
                request.clear();
                answer.clear();
                let members: Vec<Value> = chunk.iter().map(|(_, id)| json!({ "value": id })).collect();
                let body = patch(&json!({ "op": "add", "path": "members", "value": members }));
                let target = format!("{BASE}/Groups/{group}?excludedAttributes=members");
                wire.send(&mut request, "PATCH", &target, &body);
                let status = connection.exchange(&request, Some(&mut answer)).await?;
                expect(status, &answer)?;
            }
            self.groups.push((size, group));
        }
        self.took += begun.elapsed();
        Ok(())
    }
}

/// A PATCH of one operation.
pub(crate) fn patch(operation: &Value) -> String {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] }).to_string()
}

fn group(name: &str, members: &[Value]) -> String {
    let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
    json!({ "schemas": schemas, "displayName": name, "members": members }).to_string()
}

fn id(body: &[u8]) -> Result<String> {
    let created: Created = serde_json::from_slice(body).context("an answer without an id")?;
    Ok(created.id)
}

fn expect(status: u16, answer: &[u8]) -> Result<()> {
    if !(200..300).contains(&status) {
        bail!("{status}: {}", String::from_utf8_lossy(answer));
    }
    Ok(())
}

/// Asks `count` requests over many connections; the bodies of the answers, in the order of the requests. The first that
/// is refused ends it.
pub(crate) async fn ask(
    bridge: &Bridge,
    count: usize,
    request: impl Fn(&Wire, usize, &mut Vec<u8>) + 'static,
) -> Result<Vec<Vec<u8>>> {
    let (next, request) = (Rc::new(Cell::new(0_usize)), Rc::new(request));
    let bodies = Rc::new(RefCell::new(vec![Vec::new(); count]));
    let wire = Rc::new(Wire::new(bridge.address(), Some(&bridge.token)));
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            let mut asking: JoinSet<Result<()>> = JoinSet::new();
            for _ in 0..CONNECTIONS.min(count) {
                let mut connection = Connection::open(bridge.address()).await?;
                let (next, request) = (Rc::clone(&next), Rc::clone(&request));
                let (bodies, wire) = (Rc::clone(&bodies), Rc::clone(&wire));
                asking.spawn_local(async move {
                    let mut out = Vec::new();
                    while next.get() < count {
                        let number = next.replace(next.get() + 1);
                        out.clear();
                        request(&wire, number, &mut out);
                        let mut body = Vec::new();
                        let status = connection.exchange(&out, Some(&mut body)).await?;
                        expect(status, &body)?;
                        if let Some(place) = bodies.borrow_mut().get_mut(number) {
                            *place = body;
                        }
                    }
                    Ok(())
                });
            }
            while let Some(ended) = asking.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        })
        .await?;
    Ok(bodies.take())
}
