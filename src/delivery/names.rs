//! Names that mean another thing in the org than before: looked for once an hour, whoever needs them, and whom they concern
//! is planned anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::catalogue::News;
use super::org::{Entitlements, Org};
use super::outbox;
use super::plan::ObservedGrants;
use super::worker::Shared;
use crate::db::{Conn, Db, Error};
use crate::entitlement::{Kind, Person, pushed, with_groups};
use crate::salesforce::{Entry, Resolved, Tempo, resolve, same_id};
use crate::scim::Attributes;
use crate::scim::fold::fold;
use crate::shadow::roster;

/// How often it is looked at the clock.
const NAP: Duration = Duration::from_secs(1);
/// How long nobody asks again after a failure.
const AFTER_FAILURE: TimeDelta = TimeDelta::minutes(5);
/// Users that are looked at in one transaction.
const PAGE: i64 = 1_000;

/// Keeps the catalogue fresh, whether or not there is anything to deliver.
pub(super) async fn watch(shared: Arc<Shared>, stop: CancellationToken) {
    let mut not_before = None;
    while !stop.is_cancelled() {
        let (org, now) = (&shared.org, shared.clock.now());
        if may_ask(&shared, now) && not_before.is_none_or(|at| now >= at) {
            not_before = None;
            if let Err(error) = org.catalogue.refresh(org, now).await {
                tracing::warn!(%error, tenant = org.tenant, "the names of the org could not be looked at");
                not_before = Some(now + AFTER_FAILURE);
            }
        }
        let news = org.catalogue.take_news().await;
        if !news.is_empty() {
            match plan_anew(&shared.db, org, &news, now).await {
                Ok(0) => {}
                Ok(people) => {
                    tracing::info!(
                        people,
                        tenant = org.tenant,
                        "people for whom a name means another thing in the org"
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, tenant = org.tenant, "whom a name concerns could not be looked at");
                    org.catalogue.put_back(news).await;
                }
            }
        }
        tokio::time::sleep(NAP).await;
    }
}

/// Not where every name is a call, nor where calls are few or the org is away: whoever needs a name asks then.
fn may_ask(shared: &Shared, now: DateTime<Utc>) -> bool {
    let org = &shared.org;
    org.entitlements.rules.iter().next().is_some()
        && org.client.may_query()
        && org.client.quota().tempo == Tempo::Free
        && shared.circuit.paused_until().is_none_or(|until| now >= until)
}

/// What is known of somebody, as far as it is about grants.
#[derive(Default, Deserialize)]
struct Known {
    #[serde(default)]
    grants: ObservedGrants,
}

/// How somebody is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concern {
    /// What was decided for them is another thing now, or was not there.
    Anew,
    /// They have it already, and may be held for having missed it.
    Again,
}

/// Plans everybody anew whom news concern; answers how many. Makes no call.
async fn plan_anew(db: &Db, org: &Org, news: &News, now: DateTime<Utc>) -> Result<usize, Error> {
    let known = Arc::new(org.catalogue.all_known().await);
    let (news, entitlements) = (Arc::new(news.clone()), org.entitlements.clone());
    let grouped = entitlements.rules.look_at_groups();
    let tenant = org.tenant.clone();
    let read = move |conn: &mut Conn| if grouped { roster::group_names(conn, &tenant) } else { Ok(HashMap::new()) };
    let groups = Arc::new(db.read(read).await?);
    let (mut after, mut all) = (String::new(), 0);
    loop {
        let (tenant, from, entitlements) = (org.tenant.clone(), after.clone(), entitlements.clone());
        let (known, news, groups) = (Arc::clone(&known), Arc::clone(&news), Arc::clone(&groups));
        let look = move |conn: &mut Conn| {
            let page = roster::page(conn, &tenant, &from, PAGE, grouped)?;
            let last = page.last().map(|entry| entry.id.clone());
            let concerned = page.into_iter().filter_map(|entry| {
                let concern = concern(&entitlements, &entry, &groups, &known, &news)?;
                Some((entry.id, concern))
            });
            Ok::<_, Error>((last, concerned.collect::<Vec<_>>()))
        };
        let (last, concerned) = db.read(look).await?;
        let Some(last) = last else { return Ok(all) };
        after = last;
        if concerned.is_empty() {
            continue;
        }
        let of = |which: Concern| -> Vec<String> {
            concerned.iter().filter(|(_, concern)| *concern == which).map(|(id, _)| id.clone()).collect()
        };
        let (anew, again) = (of(Concern::Anew), of(Concern::Again));
        all += anew.len();
        all += db
            .write(move |conn| {
                outbox::wake(conn, &anew, now)?;
                outbox::release(conn, &again, now)
            })
            .await?;
    }
}

/// How somebody is concerned by news; `None`: not at all. A row that cannot be read is for its delivery to tell.
fn concern(
    entitlements: &Entitlements,
    entry: &roster::Entry,
    groups: &HashMap<String, String>,
    org: &BTreeMap<Kind, Arc<[Entry]>>,
    news: &News,
) -> Option<Concern> {
    let known: Known = match &entry.observed {
        Some(text) => serde_json::from_str(text).ok()?,
        None => Known::default(),
    };
    let means = |kind: Kind, name: &str| match resolve(org.get(&kind)?, name) {
        Resolved::One(entry) => Some(entry.id.as_str()),
        _ => None,
    };
    let decided = || known.grants.decided.iter().filter(|decided| !decided.is_default);
    let is_another = decided().any(|decided| {
        let wanted = &decided.entitlement;
        means(wanted.kind, &wanted.name).is_some_and(|id| !same_id(id, &decided.id))
    });
    let document: Attributes = serde_json::from_str(&entry.document).ok()?;
    if document.get("active").and_then(serde_json::Value::as_bool) == Some(false) {
        return None;
    }
    if is_another {
        return Some(Concern::Anew);
    }
    if news.names.is_empty() {
        return None;
    }
    let groups = entry.groups.iter().filter_map(|id| Some((id.as_str(), groups.get(id)?.as_str())));
    let attributes = with_groups(document, groups);
    let person = Person { attributes: &attributes };
    let asked_for = if entitlements.honours { pushed(person) } else { Vec::new() };
    let decision = entitlements.rules.decide(person, &asked_for, |kind, name| means(kind, name).is_some());
    let there: BTreeSet<_> = known.grants.decided.iter().map(|decided| &decided.entitlement).collect();
    let mut concern = None;
    for reasoned in decision.iter() {
        let wanted = &reasoned.entitlement;
        if !news.names.contains(&(wanted.kind, fold(&wanted.name))) {
            continue;
        }
        // The default profile is for new accounts: who has one is not planned anew for it.
        let is_default = reasoned.because == [crate::entitlement::Because::Default];
        if !there.contains(wanted) && !is_default {
            return Some(Concern::Anew);
        }
        concern = Some(Concern::Again);
    }
    concern
}
