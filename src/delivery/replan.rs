//! Whose entitlements become others by another configuration or by a push: found without a call, and planned anew.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Deserialize;

use super::guard::{self, Act};
use super::org::{Entitlements, Org};
use super::outbox;
use super::plan::ObservedGrants;
use crate::db::schema::planned_under;
use crate::db::{Conn, Db, Error, on_backend};
use crate::entitlement::{Entitlement, Grant, Kind, Person, pushed, with_groups};
use crate::scim::Attributes;
use crate::shadow::{self, roster};

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
    /// What the bridge gave and the person is to lose, as ids of the org.
    pub lost: Vec<Grant>,
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

    /// Whether another decision falls than before. Otherwise only what was brought about is another: rules were taken back
    /// before everybody had what they gave.
    pub fn is_news(&self) -> bool {
        self.before != self.after
    }
}

/// What is known of somebody, as far as it is about grants.
#[derive(Default, Deserialize)]
struct Known {
    #[serde(default)]
    grants: ObservedGrants,
}

/// Everybody for whom another decision falls than the one that was brought about last, page by page: people who may log
/// in. The default profile is no part of it: it is for new accounts.
pub struct Outlooks {
    db: Db,
    tenant: String,
    entitlements: Entitlements,
    grouped: bool,
    /// Names of the groups, once they are read.
    names: Option<Arc<HashMap<String, String>>>,
    /// The last user that was read.
    after: String,
    /// A page that was read while the one before it was judged.
    ahead: Option<Vec<roster::Entry>>,
}

impl Outlooks {
    /// Those of an org under its configuration.
    pub fn new(db: &Db, org: &Org) -> Self {
        let (tenant, entitlements) = (org.tenant.clone(), org.entitlements.clone());
        let grouped = entitlements.rules.look_at_groups();
        Self { db: db.clone(), tenant, entitlements, grouped, names: None, after: String::new(), ahead: None }
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
            let read = move |conn: &mut Conn| names(conn, &tenant, grouped);
            Arc::clone(self.names.insert(Arc::new(self.db.read(read).await?)))
        };
        let page = match self.ahead.take() {
            Some(page) => page,
            None => self.read().await?,
        };
        if page.is_empty() {
            return Ok(None);
        }
        let entitlements = self.entitlements.clone();
        let judge = move || page.into_iter().filter_map(|entry| outlook(&entitlements, entry, &names)).collect();
        // To read a page and to judge one take about as long: the one beside the other.
        let judged = tokio::task::spawn_blocking(judge);
        self.ahead = Some(self.read().await?);
        Ok(Some(judged.await.map_err(|_| Error::Closed)?))
    }

    async fn read(&mut self) -> Result<Vec<roster::Entry>, Error> {
        let (tenant, after, grouped) = (self.tenant.clone(), self.after.clone(), self.grouped);
        let page = self.db.read(move |conn| roster::page(conn, &tenant, &after, PAGE, grouped)).await?;
        if let Some(last) = page.last() {
            self.after.clone_from(&last.id);
        }
        Ok(page)
    }
}

fn names(conn: &mut Conn, tenant: &str, grouped: bool) -> Result<HashMap<String, String>, Error> {
    if grouped { roster::group_names(conn, tenant) } else { Ok(HashMap::new()) }
}

/// What a configuration means for one person; `None`: nothing new. A row that cannot be read is for its delivery to tell.
fn outlook(entitlements: &Entitlements, entry: roster::Entry, names: &HashMap<String, String>) -> Option<Outlook> {
    let known: Known = serde_json::from_str(entry.observed.as_deref()?).ok()?;
    let grants = known.grants;
    let says_nothing = !entitlements.say_something() && grants.given.is_empty();
    let document: Attributes = serde_json::from_str(&entry.document).ok()?;
    if says_nothing || document.get("active").and_then(serde_json::Value::as_bool) == Some(false) {
        return None;
    }
    let groups = entry.groups.iter().filter_map(|id| Some((id.as_str(), names.get(id)?.as_str())));
    let attributes = with_groups(document, groups);
    let person = Person { attributes: &attributes };
    let asked_for = if entitlements.honours { pushed(person) } else { Vec::new() };
    let before = grants.decided_beyond_the_default();
    // What the org has of it, the last delivery found out; what it had not then, the next one asks for.
    let had = |kind: Kind, name: &str| before.contains(&Entitlement::new(kind, name));
    let after = entitlements.rules.decide(person, &asked_for, had).beyond_the_default();
    // Given by a delivery that did not come to its end, under rules that are gone.
    let is_left = |grant: &Grant| {
        !grants.decided.iter().any(|decided| decided.entitlement.kind == grant.kind && decided.id == grant.id)
    };
    if after == before && !grants.given.iter().any(is_left) {
        return None;
    }
    let is_lost = |grant: &&Grant| {
        let mut decided = grants.decided.iter().filter(|decided| after.contains(&decided.entitlement));
        !decided.any(|decided| decided.entitlement.kind == grant.kind && decided.id == grant.id)
    };
    let lost = grants.given.iter().filter(is_lost).cloned().collect();
    let name = attributes.get("userName").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Some(Outlook { id: entry.id, name, before, after, lost })
}

/// Whether a tenant's people were planned under the very same entitlements last.
///
/// # Errors
/// What the database says.
pub async fn is_planned(db: &Db, org: &Org) -> Result<bool, Error> {
    let (tenant, mark) = (org.tenant.clone(), org.entitlements.mark.clone());
    Ok(db.read(move |conn| planned_last(conn, &tenant)).await? == Some((mark.rules, mark.scope)))
}

/// Plans everybody anew for whom another decision falls than the one that was brought about last; answers how many. Where too
/// many lose the same thing, that is noted before any of them is planned: none of them loses it before a person agrees.
///
/// # Errors
/// What the database says.
pub async fn replan(db: &Db, org: &Org, now: DateTime<Utc>) -> Result<usize, Error> {
    let (tenant, entitlements) = (org.tenant.clone(), org.entitlements.clone());
    let last = db.read(move |conn| planned_last(conn, &tenant)).await?;
    let is_same = last.as_ref() == Some(&(entitlements.mark.rules.clone(), entitlements.mark.scope.clone()));
    let (mut people, mut outlooks) = (Vec::new(), Outlooks::new(db, org));
    while let Some(found) = outlooks.next().await? {
        people.extend(found.into_iter().map(|outlook| (outlook.id, outlook.lost)));
    }
    let (tenant, guarded) = (org.tenant.clone(), entitlements.clone());
    let losses: Vec<(String, Grant)> =
        people.iter().flat_map(|(id, lost)| lost.iter().map(|grant| (id.clone(), grant.clone()))).collect();
    db.write(move |conn| foresee(conn, &tenant, &guarded, &losses, now)).await?;
    let ids: Vec<String> = people.into_iter().map(|(id, _)| id).collect();
    let mut all = ids.len();
    for chunk in ids.chunks(usize::try_from(PAGE).unwrap_or(1_000)) {
        let chunk = chunk.to_vec();
        // Under the same rules others find what they found before.
        let wake = if is_same { outbox::wake_delivered } else { outbox::wake };
        db.write(move |conn| wake(conn, &chunk, now)).await?;
    }
    if is_same {
        return Ok(all);
    }
    // What is exclusive, and what is pushed and was not known, shows in no decision: everybody is looked at.
    let everybody = last.map_or(!entitlements.mark.scope.is_empty(), |(_, scope)| scope != entitlements.mark.scope);
    let (tenant, mark) = (org.tenant.clone(), entitlements.mark);
    all += db
        .write(move |conn| {
            let more = outbox::wake_users(conn, &tenant, everybody, now)?;
            let set = (planned_under::rules.eq(&mark.rules), planned_under::scope.eq(&mark.scope));
            // Two processes may start at one moment.
            on_backend!(&mut *conn, c => diesel::insert_into(planned_under::table)
                .values((planned_under::tenant.eq(&tenant), set))
                .on_conflict(planned_under::tenant)
                .do_update()
                .set(set)
                .execute(c))?;
            Ok::<_, Error>(more)
        })
        .await?;
    Ok(all)
}

/// The mark of the entitlements under which a tenant's people were planned last: its `rules` and its `scope`.
///
/// # Errors
/// What the database says.
pub fn planned_last(conn: &mut Conn, tenant: &str) -> Result<Option<(String, String)>, Error> {
    let row = planned_under::table.find(tenant).select((planned_under::rules, planned_under::scope));
    Ok(row.first(conn).optional()?)
}

/// Plans these people anew, whose groups changed. Where they are many, what they lose is noted first, as in [`replan`].
///
/// # Errors
/// What the database says.
pub fn regroup(
    conn: &mut Conn,
    tenant: &str,
    entitlements: &Entitlements,
    people: &[String],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if u64::try_from(people.len()).unwrap_or(u64::MAX) > entitlements.guard.losses.people {
        let names = names(conn, tenant, true)?;
        let mut losses: Vec<(String, Grant)> = Vec::new();
        // Not all of them in memory at once.
        for chunk in people.chunks(usize::try_from(PAGE).unwrap_or(1_000)) {
            let entries = roster::of(conn, tenant, chunk, true)?;
            let outlooks = entries.into_iter().filter_map(|entry| outlook(entitlements, entry, &names));
            losses.extend(
                outlooks.flat_map(|Outlook { id, lost, .. }| lost.into_iter().map(move |grant| (id.clone(), grant))),
            );
        }
        foresee(conn, tenant, entitlements, &losses, now)?;
    }
    let users: Vec<String> = shadow::existing(conn, tenant, people)?
        .into_iter()
        .filter(|(_, kind)| *kind == shadow::Kind::User)
        .map(|(id, _)| id)
        .collect();
    outbox::wake(conn, &users, now).map(drop)
}

/// Notes who is about to lose something, where too many are.
fn foresee(
    conn: &mut Conn,
    tenant: &str,
    entitlements: &Entitlements,
    losses: &[(String, Grant)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let limits = &entitlements.guard.losses;
    let mut counts: HashMap<&Grant, u64> = HashMap::new();
    for (_, grant) in losses {
        *counts.entry(grant).or_default() += 1;
    }
    let mut many: BTreeSet<&Grant> = BTreeSet::new();
    for (grant, count) in counts {
        let act = Act::Lose(grant.clone());
        if count > limits.people || guard::over(conn, tenant, &act, limits, count, now)? {
            many.insert(grant);
        }
    }
    let acts: Vec<(String, Act)> = losses
        .iter()
        .filter(|(_, grant)| many.contains(grant))
        .map(|(id, grant)| (id.clone(), Act::Lose(grant.clone())))
        .collect();
    guard::note(conn, tenant, &acts, now)
}
