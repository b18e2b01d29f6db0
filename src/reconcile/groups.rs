//! The second half of a reconcile: public groups and who is in them.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::db::{Conn, Error as DbError};
use crate::delivery::plan::ObservedGroup;
use crate::salesforce::{self, Memberships};
use crate::shadow::{member, observed};

use super::compare::{self, Membership};
use super::finding::{Drift, Finding, Kind, Member};
use super::lease::{Counts, Phase, Run};
use super::run::{Error, Reconcile};
use super::store::{self, Known};

/// Groups that are looked at together.
const PAGE: i64 = 100;
/// Memberships that are read together.
const MEMBERS: i64 = 5_000;

/// The first 15 characters of an id.
fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

/// What the org holds of groups.
struct Held {
    /// No group is as it was before this time.
    began: DateTime<Utc>,
    /// Names of the public groups by the first 15 characters of their ids.
    names: HashMap<String, String>,
    /// Their members; `None`: each group is read by itself.
    members: Option<Arc<Memberships>>,
}

/// Reads all public groups, and compares those that are mirrored, from behind `after` on.
pub(super) async fn compare_all(on: &Reconcile, run: &mut Run, mut after: String) -> Result<(), Error> {
    let mirrored = mirrored(on, run, &after).await?;
    if mirrored.is_empty() {
        return on.commit(run, Phase::Unlinked, |_, _, _| Ok(Counts::default())).await;
    }
    let held = read(on, &mirrored).await?;
    loop {
        let (tenant, from) = (run.tenant.clone(), after.clone());
        let page = on.db.read(move |conn| store::groups(conn, &tenant, &from, PAGE)).await?;
        if page.is_empty() {
            return on.commit(run, Phase::Unlinked, |_, _, _| Ok(Counts::default())).await;
        }
        for known in page {
            after.clone_from(&known.id);
            if !on.org.mirror.is_match(known.name()) {
                continue;
            }
            let next = Phase::Groups(after.clone());
            if known.is_newer_than(held.began) {
                let skipped = Counts { skipped: 1, ..Counts::default() };
                on.commit(run, next, move |_, _, _| Ok(skipped)).await?;
                continue;
            }
            compare_one(on, run, known, &held, next).await?;
        }
    }
}

/// Salesforce ids of the groups that are to be compared.
async fn mirrored(on: &Reconcile, run: &Run, after: &str) -> Result<Vec<String>, Error> {
    let (mut after, mut found) = (after.to_owned(), Vec::new());
    loop {
        let (tenant, from) = (run.tenant.clone(), after.clone());
        let page = on.db.read(move |conn| store::groups(conn, &tenant, &from, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after.clone_from(&last.id);
        let mirrored = page.iter().filter(|known| on.org.mirror.is_match(known.name()));
        found.extend(mirrored.map(|known| known.salesforce_id().to_owned()));
    }
}

async fn read(on: &Reconcile, mirrored: &[String]) -> Result<Held, Error> {
    let (client, mut patience) = (&on.org.client, on.patience());
    loop {
        let began = on.clock.now();
        let asked = async {
            let groups = client.public_groups().await?;
            let members =
                if client.may_query() { Some(client.memberships(mirrored, on.bulk_above).await?) } else { None };
            Ok((groups, members))
        };
        match asked.await {
            Ok((groups, members)) => {
                let names = groups.into_iter().map(|group| (short(&group.id).to_owned(), group.name)).collect();
                return Ok(Held { began, names, members: members.map(Arc::new) });
            }
            Err(error) if patience.lasts(&error).await => {}
            Err(error) => return Err(Error::Salesforce(error)),
        }
    }
}

/// Reads who is in one group; `None`: there is no such group.
async fn members_of(on: &Reconcile, group: &str) -> Result<Option<Memberships>, Error> {
    let mut patience = on.patience();
    loop {
        match on.org.client.group_members(group).await {
            Ok(members) => return Ok(Some(Memberships::of(group, &members))),
            Err(salesforce::Error::Gone { .. }) => return Ok(None),
            Err(error) if patience.lasts(&error).await => {}
            Err(error) => return Err(Error::Salesforce(error)),
        }
    }
}

/// What follows for one group.
#[derive(Default)]
struct Change {
    name: Option<String>,
    /// Members who are in it, and who are not, which was not known.
    present: Vec<String>,
    absent: Vec<String>,
    drift: Vec<Drift>,
    counts: Counts,
}

async fn compare_one(on: &Reconcile, run: &mut Run, known: Known, held: &Held, next: Phase) -> Result<(), Error> {
    let id = known.salesforce_id().to_owned();
    let name = held.names.get(short(&id)).cloned();
    let members = match (&held.members, &name) {
        (Some(members), Some(_)) => Some(Arc::clone(members)),
        // One that was not listed is asked for: it may not be shown.
        _ => members_of(on, &id).await?.map(Arc::new),
    };
    let (Some(name), Some(members)) = (name, members.clone()) else {
        let gone = members.is_none();
        return on.commit(run, next, move |conn, run, _| missing(conn, run, &known, gone)).await;
    };
    let change = Arc::new(compare_members(on, (run.id.clone(), run.started), &known, name, &members).await?);
    let began = held.began;
    on.commit(run, next, move |conn, run, _| {
        if !known.hold(conn)? {
            return Ok(Counts { skipped: 1, ..Counts::default() });
        }
        member::confirm(conn, &known.id, &change.present, true)?;
        member::confirm(conn, &known.id, &change.absent, false)?;
        if let Some(name) = &change.name {
            observed::save(conn, &known.id, &ObservedGroup { name: Some(name.clone()) }, began)?;
        }
        for drift in &change.drift {
            store::keep(conn, &run.id, &Finding::Drift(drift.clone()))?;
        }
        Ok(change.counts)
    })
    .await
}

async fn compare_members(
    on: &Reconcile,
    run: (String, DateTime<Utc>),
    known: &Known,
    held: String,
    members: &Memberships,
) -> Result<Change, DbError> {
    let about = known.about();
    let mut change = Change { counts: Counts { groups: 1, ..Counts::default() }, ..Change::default() };
    let wanted = known.name();
    if wanted != held {
        change.drift.push(about.drift(Kind::GroupName, Some("Name"), wanted.into(), held.as_str().into()));
    }
    let before: ObservedGroup =
        known.observed.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if before.name.as_deref() != Some(&held) {
        change.name = Some(held);
    }
    let mut after = String::new();
    loop {
        let (group, from, (id, started)) = (known.id.clone(), after.clone(), run.clone());
        let nested = on.org.nested;
        let read = move |conn: &mut Conn| store::memberships(conn, (&group, nested), (&id, started), &from, MEMBERS);
        let page: Vec<Membership> = on.db.read(read).await?;
        let Some(last) = page.last() else { return Ok(change) };
        after.clone_from(&last.member);
        change.counts.memberships += u64::try_from(page.len()).unwrap_or(0);
        for membership in page {
            let present = members.has(known.salesforce_id(), &membership.salesforce_id);
            let seen = compare::membership(&membership, present);
            match seen.news {
                Some(true) => change.present.push(membership.member.clone()),
                Some(false) => change.absent.push(membership.member.clone()),
                None => {}
            }
            if seen.drifted {
                let drift = about.drift(Kind::Membership, Some("Members"), membership.desired.into(), present.into());
                let member = Some(Member { id: membership.member, salesforce_id: membership.salesforce_id });
                change.drift.push(Drift { member, ..drift });
            }
        }
    }
}

/// Notes that a public group is not in the org.
fn missing(conn: &mut Conn, run: &Run, known: &Known, gone: bool) -> Result<Counts, DbError> {
    if !gone || !known.hold(conn)? {
        return Ok(Counts { skipped: 1, ..Counts::default() });
    }
    let drift = known.about().drift(Kind::MissingGroup, None, true.into(), false.into());
    store::keep(conn, &run.id, &Finding::Drift(drift))?;
    Ok(Counts { groups: 1, ..Counts::default() })
}
