//! What is asked. A benchmark of something else is a function here that writes its requests, and an entry in a list.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::bridge::BASE;
use crate::commits::Change;
use crate::load::{Requests, Wire};
use crate::report::Of;
use crate::seed::{Person, Stored, patch};

/// Resources on a page.
const PAGE: usize = 100;
/// Fewest creates in a window: enough for a median.
pub(crate) const CREATES: usize = 250;

/// What clients leave as it is in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'@');

/// Requests of one sort.
pub(crate) struct Scenario {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Names of its kinds of request, which are counted apart; they follow each other.
    pub(crate) kinds: &'static [&'static str],
    /// Whether its latency may not depend on the size.
    pub(crate) constant: bool,
    /// Whether it is compared with the yardstick.
    pub(crate) yardstick: bool,
    /// What a program would commit to the same end, which it is compared with.
    pub(crate) commits: Option<Change>,
    /// What it asks.
    pub(crate) ask: Ask,
}

/// What a scenario asks.
pub(crate) enum Ask {
    /// One of these targets, each time a random one.
    Read(fn(&Stored) -> Vec<String>),
    /// Changes of users.
    Change(fn(&Stored, Wire) -> Requests),
    /// A growing number of users.
    Create(fn(&Stored, Wire) -> Requests),
    /// Requests for a group of each size; the number is the group's place.
    Group(fn(&Stored, usize, Wire) -> Requests),
}

impl Scenario {
    /// What the size counts.
    pub(crate) fn of(&self) -> Of {
        if matches!(self.ask, Ask::Group(_)) { Of::Members } else { Of::Users }
    }
}

const fn look_up(name: &'static str, yardstick: bool, targets: fn(&Stored) -> Vec<String>) -> Scenario {
    Scenario { name, kinds: &[""], constant: true, yardstick, commits: None, ask: Ask::Read(targets) }
}

/// Reads.
pub(crate) const READS: &[Scenario] = &[
    look_up("GET by id", true, |stored| stored.users.iter().map(|(_, id)| format!("{BASE}/Users/{id}")).collect()),
    look_up("filter userName eq", true, |stored| by(stored, |user, _| format!("userName eq \"{}\"", user.user_name))),
    Scenario {
        name: "page of 100",
        kinds: &[""],
        constant: false,
        yardstick: true,
        commits: None,
        ask: Ask::Read(|stored| {
            let pages = (stored.users.len() / PAGE).max(1);
            (0..pages).map(|page| format!("{BASE}/Users?startIndex={}&count={PAGE}", page * PAGE + 1)).collect()
        }),
    },
    Scenario {
        name: "page of 100 anew",
        kinds: &[""],
        constant: false,
        yardstick: false,
        commits: None,
        // From anywhere, so that hardly any is kept when it is asked for again.
        ask: Ask::Read(|stored| {
            let starts = 1..=stored.users.len().saturating_sub(PAGE).max(1);
            starts.map(|start| format!("{BASE}/Users?startIndex={start}&count={PAGE}")).collect()
        }),
    },
    look_up("filter externalId eq", false, |stored| {
        by(stored, |user, _| format!("externalId eq \"{}\"", user.external_id))
    }),
    look_up("filter displayName eq", false, |stored| {
        by(stored, |user, _| format!("displayName eq \"{}\"", user.display_name))
    }),
    look_up("filter emails.value eq", false, |stored| {
        by(stored, |user, _| format!("emails.value eq \"{}\"", user.user_name))
    }),
    look_up("filter id eq", false, |stored| by(stored, |_, id| format!("id eq \"{id}\""))),
    look_up("filter userName eq and active eq", false, |stored| {
        by(stored, |user, _| format!("userName eq \"{}\" and active eq true", user.user_name))
    }),
    look_up("filter displayName eq, groups", false, |stored| {
        stored.teams.iter().map(|team| list("Groups", &format!("displayName eq \"{team}\""))).collect()
    }),
];

/// What is asked of groups of several sizes, in the end: where they are, the answers about users are longer.
pub(crate) const GROUPS: &[Scenario] = &[
    Scenario {
        name: "GET group without members",
        kinds: &[""],
        constant: true,
        yardstick: false,
        commits: None,
        ask: Ask::Group(group_without_members),
    },
    Scenario {
        name: "PATCH group",
        kinds: &[" add one member", " remove one member"],
        constant: true,
        yardstick: false,
        commits: Some(Change::Member),
        ask: Ask::Group(one_member),
    },
];

/// Changes, after the reads.
pub(crate) const CHANGES: &[Scenario] = &[
    Scenario {
        name: "PATCH user",
        kinds: &[""],
        constant: false,
        yardstick: false,
        commits: Some(Change::Patch),
        ask: Ask::Change(patch_user),
    },
    Scenario {
        name: "POST user",
        kinds: &[""],
        constant: false,
        yardstick: false,
        commits: Some(Change::Create),
        ask: Ask::Create(post_user),
    },
];

fn by(stored: &Stored, filter: impl Fn(&Person, &str) -> String) -> Vec<String> {
    stored.users.iter().map(|(user, id)| list("Users", &filter(user, id))).collect()
}

fn list(endpoint: &str, filter: &str) -> String {
    format!("{BASE}/{endpoint}?filter={}", utf8_percent_encode(filter, QUERY))
}

/// Asks for random ones of `targets`, the same ones in every run.
pub(crate) fn random(targets: Rc<[String]>, wire: Wire) -> Requests {
    let mut random = StdRng::seed_from_u64(1);
    Rc::new(RefCell::new(move |_: usize, out: &mut Vec<u8>| {
        let target = targets.get(random.random_range(0..targets.len().max(1)))?;
        wire.get(out, target);
        Some(0)
    }))
}

/// The same requests, but no more of them than `most`.
pub(crate) fn at_most(most: usize, requests: &Requests) -> Requests {
    let (left, requests) = (Cell::new(most), Rc::clone(requests));
    Rc::new(RefCell::new(move |connection: usize, out: &mut Vec<u8>| {
        left.set(left.get().checked_sub(1)?);
        (requests.borrow_mut())(connection, out)
    }))
}

fn patch_user(stored: &Stored, wire: Wire) -> Requests {
    let targets: Vec<String> = stored.users.iter().map(|(_, id)| format!("{BASE}/Users/{id}")).collect();
    let (mut random, mut number) = (StdRng::seed_from_u64(2), 0_u64);
    Rc::new(RefCell::new(move |_: usize, out: &mut Vec<u8>| {
        // Each time another title, so that there is something to write.
        number += 1;
        let body = patch(&json!({ "op": "replace", "path": "title", "value": format!("Title {number}") }));
        let target = targets.get(random.random_range(0..targets.len().max(1)))?;
        wire.send(out, "PATCH", target, &body);
        Some(0)
    }))
}

fn post_user(stored: &Stored, wire: Wire) -> Requests {
    let mut number = stored.users.len() + stored.spare.len();
    Rc::new(RefCell::new(move |_: usize, out: &mut Vec<u8>| {
        let document = Person::new(number as u64).document();
        number += 1;
        wire.send(out, "POST", &format!("{BASE}/Users"), &document);
        Some(0)
    }))
}

fn group_without_members(stored: &Stored, place: usize, wire: Wire) -> Requests {
    let id = stored.groups.get(place).map_or("", |(_, id)| id.as_str());
    random(Rc::new([format!("{BASE}/Groups/{id}?excludedAttributes=members")]), wire)
}

/// Each connection takes a user of its own in and out.
fn one_member(stored: &Stored, place: usize, wire: Wire) -> Requests {
    let id = stored.groups.get(place).map_or("", |(_, id)| id.as_str());
    let target = format!("{BASE}/Groups/{id}");
    let mut users: Vec<(bool, String, String)> = stored
        .spare
        .iter()
        .map(|id| {
            let add = patch(&json!({ "op": "add", "path": "members", "value": [{ "value": id }] }));
            let remove = patch(&json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") }));
            (false, add, remove)
        })
        .collect();
    Rc::new(RefCell::new(move |connection: usize, out: &mut Vec<u8>| {
        let (member, add, remove) = users.get_mut(connection)?;
        wire.send(out, "PATCH", &target, if *member { remove } else { add });
        *member = !*member;
        Some(usize::from(!*member))
    }))
}
