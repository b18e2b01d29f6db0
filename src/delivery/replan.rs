//! Whose entitlements become others by another configuration: found without a call, and planned anew.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::org::{Entitlements, Org};
use super::outbox;
use super::plan::ObservedGrants;
use crate::db::{Conn, Db, Error};
use crate::entitlement::{Entitlement, Kind, Person, pushed, with_groups};
use crate::scim::Attributes;
use crate::shadow::roster;

/// Users that are looked at in one transaction.
const PAGE: i64 = 1_000;

/// What rules mean for somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Our id.
    pub id: String,
    /// `userName`.
    pub name: String,
    /// What was decided last and brought about.
    pub before: BTreeSet<Entitlement>,
    /// What is decided now.
    pub after: BTreeSet<Entitlement>,
}

impl Outlook {
    /// What the person gets.
    pub fn gains(&self) -> impl Iterator<Item = &Entitlement> {
        self.after.difference(&self.before)
    }

    /// What the person loses.
    pub fn loses(&self) -> impl Iterator<Item = &Entitlement> {
        self.before.difference(&self.after)
    }
}

/// What is known of somebody, as far as it is about grants.
#[derive(Default, Deserialize)]
struct Known {
    #[serde(default)]
    grants: ObservedGrants,
}

/// Everybody for whom another decision falls than the one that was brought about last, page by page: people who may log in
/// and of whom something is known. The default profile is no part of it: it is for new accounts.
pub struct Outlooks {
    db: Db,
    tenant: String,
    entitlements: Entitlements,
    grouped: bool,
    /// Names of the groups, once they are read.
    names: Option<Arc<HashMap<String, String>>>,
    /// The last user that was looked at.
    after: String,
}

impl Outlooks {
    /// Those of an org under its configuration.
    pub fn new(db: &Db, org: &Org) -> Self {
        let (tenant, entitlements) = (org.tenant.clone(), org.entitlements.clone());
        let grouped = entitlements.rules.look_at_groups();
        Self { db: db.clone(), tenant, entitlements, grouped, names: None, after: String::new() }
    }

    /// The next ones, perhaps none of a page; `None` at the end.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next(&mut self) -> Result<Option<Vec<Outlook>>, Error> {
        let names = if let Some(names) = &self.names {
            Arc::clone(names)
        } else {
            let (tenant, grouped) = (self.tenant.clone(), self.grouped);
            let read = move |conn: &mut Conn| {
                if grouped { roster::group_names(conn, &tenant) } else { Ok(HashMap::new()) }
            };
            Arc::clone(self.names.insert(Arc::new(self.db.read(read).await?)))
        };
        let (tenant, after, grouped) = (self.tenant.clone(), self.after.clone(), self.grouped);
        let entitlements = self.entitlements.clone();
        let look = move |conn: &mut Conn| {
            let page = roster::page(conn, &tenant, &after, PAGE, grouped)?;
            let last = page.last().map(|entry| entry.id.clone());
            let found = page.into_iter().filter_map(|entry| outlook(&entitlements, entry, &names)).collect();
            Ok::<_, Error>((last, found))
        };
        let (last, found) = self.db.read(look).await?;
        let Some(last) = last else { return Ok(None) };
        self.after = last;
        Ok(Some(found))
    }
}

/// What a configuration means for one person; `None`: nothing new. A row that cannot be read is for its delivery to tell.
fn outlook(entitlements: &Entitlements, entry: roster::Entry, names: &HashMap<String, String>) -> Option<Outlook> {
    let known: Known = serde_json::from_str(entry.observed.as_deref()?).ok()?;
    let says_nothing = !entitlements.say_something() && known.grants.given.is_empty();
    let document: Attributes = serde_json::from_str(&entry.document).ok()?;
    if says_nothing || document.get("active").and_then(serde_json::Value::as_bool) == Some(false) {
        return None;
    }
    let groups = entry.groups.iter().filter_map(|id| Some((id.as_str(), names.get(id)?.as_str())));
    let attributes = with_groups(document, groups);
    let person = Person { attributes: &attributes };
    let asked_for = if entitlements.honours { pushed(person) } else { Vec::new() };
    let before = known.grants.decided_beyond_the_default();
    // What the org has of it, the last delivery found out; what it had not then, the next one asks for.
    let had = |kind: Kind, name: &str| before.contains(&Entitlement::new(kind, name));
    let after = entitlements.rules.decide(person, &asked_for, had).beyond_the_default();
    let name = attributes.get("userName").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    (after != before).then_some(Outlook { id: entry.id, name, before, after })
}

/// Plans everybody anew for whom another decision falls; answers how many.
///
/// # Errors
/// What the database says.
pub async fn replan(db: &Db, org: &Org, now: DateTime<Utc>) -> Result<usize, Error> {
    let (mut all, mut outlooks) = (0, Outlooks::new(db, org));
    while let Some(found) = outlooks.next().await? {
        let ids: Vec<String> = found.into_iter().map(|outlook| outlook.id).collect();
        if !ids.is_empty() {
            all += ids.len();
            db.write(move |conn| outbox::wake(conn, &ids, now)).await?;
        }
    }
    Ok(all)
}
