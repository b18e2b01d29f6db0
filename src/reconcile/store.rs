//! What a reconcile reads and writes in the database.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::{deliveries, drifts, links, members, observed, resources};
use crate::db::{Conn, Error, on_backend};
use crate::delivery::plan::ObservedUser;
use crate::delivery::{Manager, State, manager_of, outbox};
use crate::scim::Attributes;
use crate::shadow::member::Difference;
use crate::shadow::nested::Nested;
use crate::shadow::{self, Kind};

use super::compare::Membership;
use super::finding::{About, Finding};

/// What tells whether a resource is as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    version: i64,
    salesforce_id: String,
    observed_at: Option<NaiveDateTime>,
    delivery: Option<(String, i64, NaiveDateTime)>,
}

type MarkColumns = (i64, String, Option<NaiveDateTime>, Option<(String, i64, NaiveDateTime)>);

/// The columns of a [`Mark`].
macro_rules! mark {
    () => {
        (
            resources::version,
            links::salesforce_id,
            observed::observed_at.nullable(),
            (deliveries::state, deliveries::wanted, deliveries::updated_at).nullable(),
        )
    };
}

impl Mark {
    fn of((version, salesforce_id, observed_at, delivery): MarkColumns) -> Self {
        Self { version, salesforce_id, observed_at, delivery }
    }
}

/// A linked user or group.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) document: Attributes,
    pub(super) deleted: bool,
    pub(super) manager: Manager,
    /// What was observed, as JSON text.
    pub(super) observed: Option<String>,
    mark: Mark,
}

impl Known {
    pub(super) fn salesforce_id(&self) -> &str {
        &self.mark.salesforce_id
    }

    pub(super) fn name(&self) -> &str {
        let attribute = if self.kind == Kind::User { "userName" } else { "displayName" };
        self.document.get(attribute).and_then(serde_json::Value::as_str).unwrap_or_default()
    }

    fn state(&self) -> Option<State> {
        self.mark.delivery.as_ref().and_then(|(state, ..)| State::parse(state))
    }

    /// Whether what was read of the org at `began` says nothing of it: its delivery is still to come, is under way, or
    /// is newer.
    pub(super) fn is_newer_than(&self, began: DateTime<Utc>) -> bool {
        let began = began.naive_utc();
        matches!(self.state(), Some(State::Pending | State::Delivering | State::Retrying))
            || self.mark.delivery.as_ref().is_some_and(|(_, _, updated)| *updated >= began)
            || self.mark.observed_at.is_some_and(|observed| observed > began)
    }

    pub(super) fn about(&self) -> About {
        About {
            resource: self.kind,
            id: self.id.clone(),
            name: self.name().to_owned(),
            salesforce_id: self.salesforce_id().to_owned(),
            delivery: self.state(),
        }
    }

    /// Keeps everybody else from it until this transaction ends; `false` where it is no longer as it was read.
    pub(super) fn hold(&self, conn: &mut Conn) -> Result<bool, Error> {
        shadow::guard(conn, &self.id)?;
        if outbox::is_under_way(conn, &self.id)? {
            return Ok(false);
        }
        let now: Option<MarkColumns> = on_backend!(conn, c => linked()
            .filter(links::resource_id.eq(&self.id))
            .select(mark!())
            .first(c)
            .optional()?);
        Ok(now.map(Mark::of).is_some_and(|now| now == self.mark))
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn linked() -> _ {
    links::table
        .inner_join(resources::table.on(resources::id.eq(links::resource_id)))
        .left_join(observed::table.on(observed::resource_id.eq(links::resource_id)))
        .left_join(deliveries::table.on(deliveries::resource_id.eq(links::resource_id)))
}

type KnownColumns = (String, String, String, Option<NaiveDateTime>, Option<String>, MarkColumns);

/// What is read of each linked resource.
macro_rules! known {
    () => {
        (
            resources::id,
            resources::kind,
            resources::document,
            resources::deleted_at,
            observed::state.nullable(),
            mark!(),
        )
    };
}

fn known(conn: &mut Conn, tenant: &str, rows: Vec<KnownColumns>) -> Result<Vec<Known>, Error> {
    let mut found = Vec::with_capacity(rows.len());
    for (id, kind, document, deleted, observed, columns) in rows {
        let inconsistent = |what: String| Error::Inconsistent { table: "resources", row: id.clone(), what };
        let kind = Kind::parse(&kind).ok_or_else(|| inconsistent(format!("kind {kind}")))?;
        let document = serde_json::from_str(&document).map_err(|e| inconsistent(format!("document: {e}")))?;
        let (deleted, mark) = (deleted.is_some(), Mark::of(columns));
        found.push(Known { id, kind, document, deleted, manager: Manager::None, observed, mark });
    }
    managers(conn, tenant, &mut found)?;
    Ok(found)
}

/// Fills in whose reports they are.
fn managers(conn: &mut Conn, tenant: &str, people: &mut [Known]) -> Result<(), Error> {
    let named: BTreeSet<String> =
        people.iter().filter_map(|person| manager_of(&person.document)).map(str::to_owned).collect();
    let named: Vec<String> = named.into_iter().collect();
    let mut accounts: BTreeMap<String, String> = BTreeMap::new();
    for chunk in named.chunks(1000) {
        let live = resources::table
            .inner_join(links::table.on(links::resource_id.eq(resources::id)))
            .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
            .filter(resources::deleted_at.is_null().and(resources::id.eq_any(chunk)))
            .select((resources::id, links::salesforce_id));
        let rows: Vec<(String, String)> = on_backend!(&mut *conn, c => live.load(c))?;
        accounts.extend(rows);
    }
    for person in people {
        person.manager = match manager_of(&person.document) {
            None => Manager::None,
            Some(id) => match accounts.get(id) {
                Some(account) => Manager::Account(account.clone()),
                None => Manager::Unknown(id.to_owned()),
            },
        };
    }
    Ok(())
}

/// The users that are linked to these accounts, tombstones among them; at most a few thousand.
pub(super) fn by_account(conn: &mut Conn, tenant: &str, accounts: &[String]) -> Result<Vec<Known>, Error> {
    let mut found = Vec::new();
    for chunk in accounts.chunks(1000) {
        let rows: Vec<KnownColumns> = on_backend!(&mut *conn, c => linked()
            .filter(links::tenant.eq(tenant).and(links::kind.eq(Kind::User.as_str())))
            .filter(links::salesforce_id.eq_any(chunk))
            .order(resources::id)
            .select(known!())
            .load(c))?;
        found.extend(known(conn, tenant, rows)?);
    }
    Ok(found)
}

/// Notes that a reconcile found these accounts.
pub(super) fn seen(conn: &mut Conn, tenant: &str, run: &str, accounts: &[String]) -> Result<(), Error> {
    for chunk in accounts.chunks(1000) {
        on_backend!(&mut *conn, c => diesel::update(links::table
            .filter(links::tenant.eq(tenant).and(links::kind.eq(Kind::User.as_str())))
            .filter(links::salesforce_id.eq_any(chunk)))
            .set(links::seen.eq(Some(run)))
            .execute(c))?;
    }
    Ok(())
}

/// A page of live users whose account was not found by a reconcile, though they were linked before it `started`.
pub(super) fn unseen(
    conn: &mut Conn,
    (tenant, run, started): (&str, &str, DateTime<Utc>),
    after: &str,
    limit: i64,
) -> Result<Vec<Known>, Error> {
    let rows: Vec<KnownColumns> = on_backend!(&mut *conn, c => linked()
        .filter(links::tenant.eq(tenant).and(links::kind.eq(Kind::User.as_str())))
        .filter(links::seen.is_null().or(links::seen.ne(Some(run))))
        .filter(links::created_at.lt(started.naive_utc()))
        .filter(resources::deleted_at.is_null().and(resources::id.gt(after)))
        .order(resources::id)
        .limit(limit)
        .select(known!())
        .load(c))?;
    known(conn, tenant, rows)
}

/// A page of live users whom the bridge gave something, or took something from that it is to give back: our ids and what is
/// known of them.
pub(super) fn given(
    conn: &mut Conn,
    tenant: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, ObservedUser)>, Error> {
    // Lists that are empty are not written, and within a text there would be a `\\` before the second `"`.
    let says = |member: &str| format!("%\"{member}\":[%");
    let rows: Vec<(String, String)> = on_backend!(conn, c => resources::table
        .inner_join(observed::table.on(observed::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
        .filter(resources::deleted_at.is_null().and(resources::id.gt(after)))
        .filter(observed::state.like(says("given"))
            .or(observed::state.like(says("giving")))
            .or(observed::state.like(says("taking")))
            .or(observed::state.like(says("removed"))))
        .order(resources::id)
        .limit(limit)
        .select((resources::id, observed::state))
        .load(c))?;
    let read = |(id, text): (String, String)| match serde_json::from_str(&text) {
        Ok(observed) => Ok((id, observed)),
        Err(e) => Err(Error::Inconsistent { table: "observed", row: id, what: e.to_string() }),
    };
    rows.into_iter().map(read).collect()
}

/// A page of live linked groups.
pub(super) fn groups(conn: &mut Conn, tenant: &str, after: &str, limit: i64) -> Result<Vec<Known>, Error> {
    let rows: Vec<KnownColumns> = on_backend!(&mut *conn, c => linked()
        .filter(links::tenant.eq(tenant).and(links::kind.eq(Kind::Group.as_str())))
        .filter(resources::deleted_at.is_null().and(resources::id.gt(after)))
        .order(resources::id)
        .limit(limit)
        .select(known!())
        .load(c))?;
    known(conn, tenant, rows)
}

/// A page of a group's memberships, of members that have a public group or an account: one that this run found, or that
/// was linked after it `started`. Those whose account is gone have their own finding.
pub(super) fn memberships(
    conn: &mut Conn,
    (group, nested): (&str, Nested),
    (run, started): (&str, DateTime<Utc>),
    after: &str,
    limit: i64,
) -> Result<Vec<Membership>, Error> {
    if nested == Nested::Flatten {
        let all = shadow::nested::flattened(conn, group, (run, started), after, limit)?.into_iter();
        let of = |Difference { member, salesforce_id, wanted, observed, unsure }| Membership {
            member,
            salesforce_id,
            desired: wanted,
            observed,
            unsure,
        };
        return Ok(all.map(of).collect());
    }
    let there = links::seen.eq(Some(run)).or(links::created_at.nullable().ge(Some(started.naive_utc())));
    let rows: Vec<(String, String, bool, bool, bool)> = members::table
        .inner_join(links::table.on(links::resource_id.eq(members::member_id)))
        .filter(members::group_id.eq(group).and(members::member_id.gt(after)))
        .filter(there.or(links::kind.nullable().eq(Some(Kind::Group.as_str()))))
        .order(members::member_id)
        .limit(limit)
        .select((members::member_id, links::salesforce_id, members::desired, members::observed, members::unsure))
        .load(conn)?;
    let of = |(member, salesforce_id, desired, observed, unsure)| Membership {
        member,
        salesforce_id,
        desired,
        observed,
        unsure,
    };
    Ok(rows.into_iter().map(of).collect())
}

/// A person without an account.
pub(super) struct Unlinked {
    pub(super) id: String,
    pub(super) document: Attributes,
    /// Whether they may be given one just now.
    pub(super) under_way: bool,
}

/// A page of live users who have no account.
pub(super) fn without_account(conn: &mut Conn, tenant: &str, after: &str, limit: i64) -> Result<Vec<Unlinked>, Error> {
    let rows: Vec<(String, String, Option<String>)> = on_backend!(conn, c => resources::table
        .left_join(links::table.on(links::resource_id.eq(resources::id)))
        .left_join(deliveries::table.on(deliveries::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
        .filter(resources::deleted_at.is_null().and(links::resource_id.is_null()).and(resources::id.gt(after)))
        .order(resources::id)
        .limit(limit)
        .select((resources::id, resources::document, deliveries::state.nullable()))
        .load(c))?;
    let mut found = Vec::with_capacity(rows.len());
    for (id, document, state) in rows {
        let what = |e: serde_json::Error| Error::Inconsistent {
            table: "resources",
            row: id.clone(),
            what: format!("document: {e}"),
        };
        let document = serde_json::from_str(&document).map_err(what)?;
        let state = state.as_deref().and_then(State::parse);
        let under_way = matches!(state, Some(State::Pending | State::Delivering));
        found.push(Unlinked { id, document, under_way });
    }
    Ok(found)
}

/// Which of these accounts somebody is linked to.
pub(super) fn owned(conn: &mut Conn, tenant: &str, accounts: &[String]) -> Result<BTreeSet<String>, Error> {
    let mut found = BTreeSet::new();
    for chunk in accounts.chunks(1000) {
        let rows: Vec<String> = on_backend!(&mut *conn, c => links::table
            .filter(links::tenant.eq(tenant).and(links::kind.eq(Kind::User.as_str())))
            .filter(links::salesforce_id.eq_any(chunk))
            .select(links::salesforce_id)
            .load(c))?;
        found.extend(rows);
    }
    Ok(found)
}

/// Keeps a finding; one in its place is replaced.
pub(super) fn keep(conn: &mut Conn, run: &str, finding: &Finding) -> Result<(), Error> {
    let place = finding.place();
    let text = serde_json::to_string(finding).map_err(|e| Error::Inconsistent {
        table: "drifts",
        row: place.clone(),
        what: e.to_string(),
    })?;
    diesel::delete(drifts::table.find((run, &place))).execute(conn)?;
    diesel::insert_into(drifts::table)
        .values((
            drifts::reconcile_id.eq(run),
            drifts::place.eq(&place),
            drifts::kind.eq(finding.kind().as_str()),
            drifts::salesforce_id.eq(finding.salesforce_id()),
            drifts::finding.eq(text),
        ))
        .execute(conn)?;
    Ok(())
}

/// Takes a finding back.
pub(super) fn take_back(conn: &mut Conn, run: &str, finding: &Finding) -> Result<(), Error> {
    diesel::delete(drifts::table.find((run, finding.place()))).execute(conn)?;
    Ok(())
}

/// A page of what a reconcile found, in the order of the report: from behind `after` on, those that `unlinked` says.
pub(super) fn findings(
    conn: &mut Conn,
    run: &str,
    unlinked: bool,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Finding)>, Error> {
    let page = drifts::table
        .filter(drifts::reconcile_id.eq(run).and(drifts::place.gt(after)))
        .order(drifts::place)
        .limit(limit)
        .select((drifts::place, drifts::finding));
    let kind = super::finding::Kind::Unlinked.as_str();
    let rows: Vec<(String, String)> = if unlinked {
        page.filter(drifts::kind.eq(kind)).load(conn)?
    } else {
        page.filter(drifts::kind.ne(kind)).load(conn)?
    };
    let read = |(place, text): (String, String)| match serde_json::from_str(&text) {
        Ok(finding) => Ok((place, finding)),
        Err(e) => Err(Error::Inconsistent { table: "drifts", row: place, what: e.to_string() }),
    };
    rows.into_iter().map(read).collect()
}

/// How many findings of each kind a reconcile has; every kind is named.
pub(super) fn by_kind(conn: &mut Conn, run: &str) -> Result<BTreeMap<super::finding::Kind, u64>, Error> {
    let rows: Vec<(String, i64)> = drifts::table
        .filter(drifts::reconcile_id.eq(run))
        .group_by(drifts::kind)
        .select((drifts::kind, diesel::dsl::count_star()))
        .load(conn)?;
    let mut counts: BTreeMap<_, u64> = super::finding::Kind::ALL.into_iter().map(|kind| (kind, 0)).collect();
    for (kind, count) in rows {
        if let Some(kind) = super::finding::Kind::parse(&kind) {
            counts.insert(kind, u64::try_from(count).unwrap_or(0));
        }
    }
    Ok(counts)
}
