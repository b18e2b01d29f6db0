//! What people are given, beside what they are to be given: compared with each account.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::db::Error as DbError;
use crate::delivery::plan::ObservedUser;
use crate::delivery::{Due, Entitled, Names, Org, SINGLES, entitled, is_active};
use crate::entitlement::Kind;
use crate::salesforce::{AssignedBy, Assignments, Disposition, Grants, Pulled, Record, Shown};
use crate::shadow::member::Reference;

use super::lease::Run;
use super::run::{Error, Reconcile};
use super::store::{self, Known};

/// People and groups that are looked through together.
const PAGE: i64 = 1_000;

/// What of grants can differ from what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    /// Nothing is given by the bridge, and nothing was.
    Nothing,
    /// Profiles and roles, which are fields of accounts.
    Fields,
    /// Those, and all that is assigned, but for memberships of these public groups: they are mirrored, and the groups' own.
    All(Vec<String>),
}

/// What accounts have that is no field of theirs.
pub(super) struct Assigned {
    all: Vec<Assignments>,
    /// Nobody has what they had before this time.
    pub(super) began: DateTime<Utc>,
}

/// A user as the database has them, with what they are to be given.
pub(super) struct Person {
    pub(super) known: Known,
    pub(super) observed: ObservedUser,
    /// `None`: that is not compared.
    pub(super) entitled: Option<Entitled>,
}

/// Finds out what is worth being read.
pub(super) async fn extent(on: &Reconcile, run: &Run) -> Result<Extent, DbError> {
    let (entitlements, rest) = (&on.org.entitlements, on.org.client.may_query());
    let is_assigned = |kind: Kind| rest && !kind.is_single();
    let mut some = entitlements.say_something();
    let mut assigned = (entitlements.honours && rest)
        || entitlements.exclusive.0.iter().any(|kind| is_assigned(*kind))
        || entitlements.rules.named().any(|(kind, _)| is_assigned(kind));
    let mut after = String::new();
    // What rules gave that are gone is still there.
    while !some || (rest && !assigned) {
        let (tenant, from) = (run.tenant.clone(), after.clone());
        let page = on.db.read(move |conn| store::given(conn, &tenant, &from, PAGE)).await?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        some = true;
        let grants = page.iter().map(|(_, observed)| &observed.grants);
        assigned |= grants
            .flat_map(|grants| grants.given.iter().chain(&grants.giving).chain(&grants.taking).chain(&grants.removed))
            .any(|grant| is_assigned(grant.kind));
    }
    if !assigned {
        return Ok(if some { Extent::Fields } else { Extent::Nothing });
    }
    let (mut after, mut groups) = (String::new(), Vec::new());
    loop {
        let (tenant, from) = (run.tenant.clone(), after.clone());
        let page = on.db.read(move |conn| store::groups(conn, &tenant, &from, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(Extent::All(groups)) };
        after.clone_from(&last.id);
        // One that is mirrored no longer is like any other, as in a delivery: rules may give it.
        let mirrored = page.iter().filter(|known| on.org.mirror.is_match(known.name()));
        groups.extend(mirrored.map(|known| known.salesforce_id().to_owned()));
    }
}

/// Reads what all accounts have that is no field of theirs, where that is worth it. `None` also where the org shows not all
/// of it: what is not seen must not be taken for what is not there.
pub(super) async fn read(on: &Reconcile, extent: &Extent) -> Result<Option<Assigned>, Error> {
    let Extent::All(groups) = extent else { return Ok(None) };
    let (began, mut all) = (on.clock.now(), Vec::new());
    for by in AssignedBy::ALL {
        match on.patiently(|| on.org.client.assignments(by, groups, on.bulk_above)).await {
            Ok(found) => all.push(found),
            Err(Error::Salesforce(error)) if error.disposition() == Disposition::Reject => {
                let (tenant, object) = (&on.org.tenant, by.object());
                let words = "what people are given cannot be read; of grants only profiles and roles are compared";
                tracing::warn!(%error, tenant, object, "{words}");
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Assigned { all, began }))
}

/// Decides what these people are to be given, as their deliveries do.
pub(super) async fn decide(
    on: &Reconcile,
    extent: &Extent,
    known: Vec<Known>,
    groups: &BTreeMap<String, Vec<Reference>>,
) -> Result<Vec<Person>, Error> {
    let mut people = Vec::with_capacity(known.len());
    for known in known {
        let observed: ObservedUser =
            known.observed.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        // Of whoever cannot log in nothing is given or taken away.
        let entitled = if *extent == Extent::Nothing || known.deleted || !is_active(&known.document) {
            None
        } else {
            let groups = groups.get(&known.id).map(Vec::as_slice).unwrap_or_default();
            Some(decide_one(on, &known, groups, &observed).await?)
        };
        people.push(Person { known, observed, entitled });
        // Rules over thousands of people take a while, and others want the thread, too.
        tokio::task::yield_now().await;
    }
    Ok(people)
}

async fn decide_one(
    on: &Reconcile,
    known: &Known,
    groups: &[Reference],
    observed: &ObservedUser,
) -> Result<Entitled, Error> {
    let asked = || entitled(&on.org, (&known.document, groups), observed, on.clock.now(), &|| {});
    Ok(on.patiently(asked).await?.unwrap_or_default())
}

/// What is due to somebody whose account is `account`. What the account has is put into what is `observed`; answers, too,
/// whether that is news.
pub(super) fn compare(
    (org, names): (&Org, &Names),
    entitled: &Entitled,
    (account, shown, assigned): (&Pulled, &Shown, Option<&Assigned>),
    observed: &mut ObservedUser,
) -> (Vec<Due>, bool) {
    let before = observed.clone();
    for (kind, field) in SINGLES {
        let value = account.record.get(field);
        // Nobody is without a profile: a reading that has none does not show it.
        if shown.shows(&account.record, field) && (value.is_some() || kind != Kind::Profile) {
            observed.record.set(field, value.cloned().unwrap_or_default());
        }
    }
    let held = assigned.map(|assigned| {
        let held = assigned.all.iter().flat_map(|part| part.of(&account.id)).collect();
        Grants { held, ..Grants::default() }
    });
    let due = entitled.due(observed, held.as_ref(), org.means, names);
    let fields = |of: &ObservedUser| -> Record {
        SINGLES
            .iter()
            .map(|(_, field)| ((*field).to_owned(), of.record.get(field).cloned().unwrap_or_default()))
            .collect()
    };
    let (old, new) = (fields(&before), fields(observed));
    // Either way round: a value for none, and none for a value.
    let news = !(new.changes_since(&old).is_empty() && old.changes_since(&new).is_empty());
    let sorted = |of: &ObservedUser| {
        let mut grants = of.grants.clone();
        if let Some(holds) = &mut grants.holds {
            holds.sort();
        }
        grants
    };
    (due, news || sorted(&before) != sorted(observed))
}
