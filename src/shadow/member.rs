//! Memberships: one row each, with what is asked for beside what Salesforce confirmed.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::count_star;
use diesel::prelude::*;

use crate::db::schema::{links, members, resources};
use crate::db::{Conn, Error, on_backend};

use super::resource::{Kind, is_storable};

/// Ids in one statement at most: SQLite takes 32,766 parameters.
const CHUNK: usize = 1000;

/// A member of a group, or a group of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Our id.
    pub id: String,
    /// User or group.
    pub kind: Kind,
    /// Name for people, where the resource has one.
    pub display: Option<String>,
}

impl Reference {
    /// What it says of itself as `type` in a resource of this kind: a user's groups are direct or indirect (RFC 7643
    /// 4.1.2), a group's members are users or groups (4.2).
    pub fn type_in(&self, of: Kind) -> &'static str {
        match of {
            Kind::User => "direct",
            Kind::Group => self.kind.as_str(),
        }
    }
}

/// Members that were asked for, in the order of their ids.
pub fn of_group(conn: &mut Conn, group: &str) -> Result<Vec<Reference>, Error> {
    let rows: Vec<(String, String)> = members::table
        .inner_join(resources::table.on(resources::id.eq(members::member_id)))
        .filter(members::group_id.eq(group).and(members::desired.eq(true)))
        .order(members::member_id)
        .select((resources::id, resources::kind))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, kind)| Kind::parse(&kind).map(|kind| Reference { id, kind, display: None }))
        .collect())
}

/// How many members were asked for, counted no further than `limit`.
pub fn count_up_to(conn: &mut Conn, group: &str, limit: usize) -> Result<usize, Error> {
    let ids: Vec<String> = members::table
        .filter(members::group_id.eq(group).and(members::desired.eq(true)))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select(members::member_id)
        .load(conn)?;
    Ok(ids.len())
}

/// Members of each of several groups: one query for a page.
pub fn of_groups(conn: &mut Conn, groups: &[String]) -> Result<BTreeMap<String, Vec<Reference>>, Error> {
    let mut found: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
    for chunk in groups.chunks(CHUNK) {
        let rows: Vec<(String, String, String)> = on_backend!(&mut *conn, c => members::table
            .inner_join(resources::table.on(resources::id.eq(members::member_id)))
            .filter(members::group_id.eq_any(chunk).and(members::desired.eq(true)))
            .order((members::group_id, members::member_id))
            .select((members::group_id, resources::id, resources::kind))
            .load(c))?;
        for (group, id, kind) in rows {
            if let Some(kind) = Kind::parse(&kind) {
                found.entry(group).or_default().push(Reference { id, kind, display: None });
            }
        }
    }
    Ok(found)
}

/// The groups that each of several resources is a direct member of: one query for a page.
pub fn groups_of(conn: &mut Conn, ids: &[String]) -> Result<BTreeMap<String, Vec<Reference>>, Error> {
    let mut found: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(String, String, String)> = on_backend!(&mut *conn, c => members::table
            .inner_join(resources::table.on(resources::id.eq(members::group_id)))
            .filter(members::member_id.eq_any(chunk).and(members::desired.eq(true)))
            .filter(resources::deleted_at.is_null())
            .order((members::member_id, members::group_id))
            .select((members::member_id, resources::id, resources::document))
            .load(c))?;
        for (member, id, document) in rows {
            found.entry(member).or_default().push(group_reference(id, &document));
        }
    }
    Ok(found)
}

/// How many memberships each of several resources has: groups as those who have members, users as members. Those without
/// any are left out.
pub fn counts(conn: &mut Conn, kind: Kind, ids: &[String]) -> Result<BTreeMap<String, i64>, Error> {
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(String, i64)> = on_backend!(&mut *conn, c => match kind {
            Kind::Group => members::table
                .filter(members::group_id.eq_any(chunk).and(members::desired.eq(true)))
                .group_by(members::group_id)
                .select((members::group_id, count_star()))
                .load(c),
            Kind::User => members::table
                .filter(members::member_id.eq_any(chunk).and(members::desired.eq(true)))
                .group_by(members::member_id)
                .select((members::member_id, count_star()))
                .load(c),
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// The groups that a resource is a direct member of.
pub fn groups_of_one(conn: &mut Conn, id: &str) -> Result<Vec<Reference>, Error> {
    let rows: Vec<(String, String)> = on_backend!(conn, c => members::table
        .inner_join(resources::table.on(resources::id.eq(members::group_id)))
        .filter(members::member_id.eq(id).and(members::desired.eq(true)))
        .filter(resources::deleted_at.is_null())
        .order(members::group_id)
        .select((resources::id, resources::document))
        .load(c))?;
    Ok(rows.into_iter().map(|(id, document)| group_reference(id, &document)).collect())
}

/// A group as its members refer to it.
pub(super) fn group_reference(id: String, document: &str) -> Reference {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        display_name: Option<String>,
    }
    let display = serde_json::from_str::<Named>(document).ok().and_then(|named| named.display_name);
    Reference { id, kind: Kind::Group, display }
}

/// Ids of the groups that count this resource as a member.
pub fn group_ids_of(conn: &mut Conn, member: &str) -> Result<Vec<String>, Error> {
    Ok(members::table
        .filter(members::member_id.eq(member).and(members::desired.eq(true)))
        .order(members::group_id)
        .select(members::group_id)
        .load(conn)?)
}

/// Which of `ids` are members that were asked for.
fn present(conn: &mut Conn, group: &str, ids: &[String]) -> Result<BTreeMap<String, bool>, Error> {
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(String, bool)> = on_backend!(&mut *conn, c => members::table
            .filter(members::group_id.eq(group).and(members::member_id.eq_any(chunk)))
            .select((members::member_id, members::desired))
            .load(c))?;
        found.extend(rows);
    }
    Ok(found)
}

/// Whether any of `ids` is a member that was asked for.
pub fn has_any(conn: &mut Conn, group: &str, ids: &[String]) -> Result<bool, Error> {
    let ids: Vec<String> = ids.iter().filter(|id| is_storable(id)).cloned().collect();
    Ok(present(conn, group, &ids)?.values().any(|desired| *desired))
}

/// Asks for members; those that are asked for already stay as they are. Answers who is new.
pub fn add(conn: &mut Conn, group: &str, ids: &[String]) -> Result<Vec<String>, Error> {
    let known = present(conn, group, ids)?;
    let mut changed = Vec::new();
    let mut seen = BTreeSet::new();
    for id in ids.iter().filter(|id| seen.insert(*id)) {
        if known.get(id) == Some(&true) {
            continue;
        }
        // A row that is not asked for may have been swept away since it was read: its account was gone.
        let row = members::table.find((group, id));
        let there = known.contains_key(id) && diesel::update(row).set(members::desired.eq(true)).execute(conn)? == 1;
        if !there {
            diesel::insert_into(members::table)
                .values((
                    members::group_id.eq(group),
                    members::member_id.eq(id),
                    members::desired.eq(true),
                    members::observed.eq(false),
                    members::unsure.eq(false),
                ))
                .execute(conn)?;
        }
        changed.push(id.clone());
    }
    Ok(changed)
}

/// No longer asks for members; absent ones are no error (every IdP repeats removals). Answers who is one no longer.
pub fn remove(conn: &mut Conn, group: &str, ids: &[String]) -> Result<Vec<String>, Error> {
    let mut changed = Vec::new();
    let ids: Vec<String> = ids.iter().filter(|id| is_storable(id)).cloned().collect();
    for chunk in ids.chunks(CHUNK) {
        let gone: Vec<String> = on_backend!(&mut *conn, c => diesel::update(members::table
            .filter(members::group_id.eq(group).and(members::member_id.eq_any(chunk)).and(members::desired.eq(true))))
            .set(members::desired.eq(false))
            .returning(members::member_id)
            .get_results(c))?;
        changed.extend(gone);
    }
    sweep(conn, group, &ids)?;
    Ok(changed)
}

/// No longer asks for any member. Answers who is one no longer.
pub fn clear(conn: &mut Conn, group: &str) -> Result<Vec<String>, Error> {
    let gone: Vec<String> = on_backend!(&mut *conn, c => diesel::update(members::table
        .filter(members::group_id.eq(group).and(members::desired.eq(true))))
        .set(members::desired.eq(false))
        .returning(members::member_id)
        .get_results(c))?;
    diesel::delete(members::table.filter(members::group_id.eq(group).and(says_nothing()))).execute(conn)?;
    Ok(gone)
}

/// Ids of the members that are asked for.
pub fn ids_of(conn: &mut Conn, group: &str) -> Result<Vec<String>, Error> {
    Ok(members::table
        .filter(members::group_id.eq(group).and(members::desired.eq(true)))
        .select(members::member_id)
        .load(conn)?)
}

/// Asks for exactly these members. Answers who is new and who is one no longer.
pub fn replace(conn: &mut Conn, group: &str, ids: &[String]) -> Result<Vec<String>, Error> {
    let current: BTreeSet<String> = ids_of(conn, group)?.into_iter().collect();
    let wanted: BTreeSet<&String> = ids.iter().collect();
    let gone: Vec<String> = current.iter().filter(|id| !wanted.contains(id)).cloned().collect();
    let new: Vec<String> = wanted.into_iter().filter(|id| !current.contains(*id)).cloned().collect();
    let mut changed = remove(conn, group, &gone)?;
    changed.extend(add(conn, group, &new)?);
    Ok(changed)
}

/// Takes a resource that is being deleted out of all groups. Answers the groups that had it.
pub fn leave_all(conn: &mut Conn, member: &str) -> Result<Vec<String>, Error> {
    let groups = group_ids_of(conn, member)?;
    diesel::update(members::table.filter(members::member_id.eq(member)))
        .set(members::desired.eq(false))
        .execute(conn)?;
    diesel::delete(members::table.filter(members::member_id.eq(member).and(says_nothing()))).execute(conn)?;
    Ok(groups)
}

/// Rows that are neither asked for nor in Salesforce, nor perhaps there.
#[diesel::dsl::auto_type]
fn says_nothing() -> _ {
    members::desired.eq(false).and(members::observed.eq(false)).and(members::unsure.eq(false))
}

/// Drops those of `ids` that say nothing any more. Never the whole group: that would make one removal cost what the
/// group is large.
fn sweep(conn: &mut Conn, group: &str, ids: &[String]) -> Result<(), Error> {
    for chunk in ids.chunks(CHUNK) {
        on_backend!(&mut *conn, c => diesel::delete(members::table
            .filter(members::group_id.eq(group).and(members::member_id.eq_any(chunk)))
            .filter(says_nothing()))
            .execute(c))?;
    }
    Ok(())
}

/// A membership in which Salesforce is not yet what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Our id of the member.
    pub member: String,
    /// Salesforce's id of it.
    pub salesforce_id: String,
    /// Whether it is asked for.
    pub wanted: bool,
    /// Whether Salesforce is known to have it.
    pub observed: bool,
    /// Whether a change was sent and its outcome is not known.
    pub unsure: bool,
}

/// The memberships of a group in which Salesforce is not yet what was asked, of members that have an account; `limit` at
/// most, so that a group of 100,000 does not fill the memory. Those that are unsure come whole: they are read and not
/// sent. `mirrored`: whether any member is to be there at all.
pub fn differences(conn: &mut Conn, group: &str, mirrored: bool, limit: i64) -> Result<Vec<Difference>, Error> {
    type Columns = (String, bool, bool, bool, String);
    macro_rules! rows {
        ($which:expr) => {
            members::table
                .inner_join(links::table.on(links::resource_id.eq(members::member_id)))
                .filter(members::group_id.eq(group).and($which))
                .order(members::member_id)
                .limit(limit)
                .select((
                    members::member_id,
                    members::desired,
                    members::observed,
                    members::unsure,
                    links::salesforce_id,
                ))
                .load(conn)?
        };
    }
    let mut rows: Vec<Columns> = rows!(members::to_deliver.eq(true).and(members::unsure.eq(true)));
    let sure: Vec<Columns> = if mirrored {
        rows!(members::to_deliver.eq(true).and(members::unsure.eq(false)))
    } else {
        rows!(members::observed.eq(true).and(members::unsure.eq(false)))
    };
    rows.extend(sure);
    Ok(rows
        .into_iter()
        .map(|(member, desired, observed, unsure, salesforce_id)| Difference {
            member,
            salesforce_id,
            wanted: desired && mirrored,
            observed,
            unsure,
        })
        .collect())
}

/// How many users that are asked for have no account yet. A group without one is nothing to wait for: it may never be
/// mirrored.
pub fn without_account(conn: &mut Conn, group: &str) -> Result<i64, Error> {
    Ok(members::table
        .inner_join(resources::table.on(resources::id.eq(members::member_id)))
        .left_join(links::table.on(links::resource_id.eq(members::member_id)))
        .filter(members::group_id.eq(group).and(members::to_deliver.eq(true)).and(members::desired.eq(true)))
        .filter(resources::kind.eq(Kind::User.as_str()).and(links::resource_id.is_null()))
        .count()
        .get_result(conn)?)
}

/// Ids of the groups in which Salesforce has this resource, or may have it.
fn observed_in(conn: &mut Conn, member: &str) -> Result<Vec<String>, Error> {
    Ok(members::table
        .filter(members::member_id.eq(member).and(members::observed.eq(true).or(members::unsure.eq(true))))
        .order(members::group_id)
        .select(members::group_id)
        .load(conn)?)
}

/// Notes that a change of these memberships is about to be sent. Until it is confirmed nobody knows whether Salesforce
/// has it: the answer can be lost, or this process can end.
pub fn sending(conn: &mut Conn, group: &str, ids: &[String], sent: bool) -> Result<(), Error> {
    for chunk in ids.chunks(CHUNK) {
        on_backend!(&mut *conn, c => diesel::update(members::table
            .filter(members::group_id.eq(group).and(members::member_id.eq_any(chunk))))
            .set(members::unsure.eq(sent))
            .execute(c))?;
    }
    if !sent {
        return sweep(conn, group, ids);
    }
    // Somebody who is in through another group has no row; and one may have been taken out since it was read.
    let known = present(conn, group, ids)?;
    for id in ids.iter().filter(|id| !known.contains_key(*id)) {
        diesel::insert_into(members::table)
            .values((
                members::group_id.eq(group),
                members::member_id.eq(id),
                members::desired.eq(false),
                members::observed.eq(false),
                members::unsure.eq(true),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Notes what Salesforce confirmed. The wish may have changed meanwhile: a row that is gone comes back, so that the
/// membership is taken away again.
pub fn confirm(conn: &mut Conn, group: &str, ids: &[String], is_member: bool) -> Result<(), Error> {
    let known = present(conn, group, ids)?;
    for id in ids {
        if known.contains_key(id) {
            diesel::update(members::table.find((group, id)))
                .set((members::observed.eq(is_member), members::unsure.eq(false)))
                .execute(conn)?;
        } else if is_member {
            diesel::insert_into(members::table)
                .values((
                    members::group_id.eq(group),
                    members::member_id.eq(id),
                    members::desired.eq(false),
                    members::observed.eq(true),
                    members::unsure.eq(false),
                ))
                .execute(conn)?;
        }
    }
    if !is_member {
        sweep(conn, group, ids)?;
    }
    Ok(())
}

/// Gives what Salesforce confirmed of one resource's memberships to another, which takes its account over. Answers the
/// groups concerned.
pub fn inherit(conn: &mut Conn, from: &str, to: &str) -> Result<Vec<String>, Error> {
    let groups = observed_in(conn, from)?;
    for group in &groups {
        super::guard(conn, group)?;
        confirm(conn, group, &[to.to_owned()], true)?;
        // Unsure of one is unsure of the other; and reading once more is cheap beside a wrong membership.
        sending(conn, group, &[to.to_owned()], true)?;
    }
    forget_member(conn, from)?;
    Ok(groups)
}

/// Forgets what Salesforce confirmed of a resource's memberships: its account is no longer there, or another's. Answers
/// the groups concerned.
pub fn forget_member(conn: &mut Conn, member: &str) -> Result<Vec<String>, Error> {
    let groups = observed_in(conn, member)?;
    diesel::update(members::table.filter(members::member_id.eq(member)))
        .set((members::observed.eq(false), members::unsure.eq(false)))
        .execute(conn)?;
    diesel::delete(members::table.filter(members::member_id.eq(member).and(says_nothing()))).execute(conn)?;
    Ok(groups)
}

/// How many members Salesforce confirmed of a group.
pub fn count_observed(conn: &mut Conn, group: &str) -> Result<u64, Error> {
    let of_group = members::table.filter(members::group_id.eq(group).and(members::observed.eq(true)));
    let count: i64 = of_group.count().get_result(conn)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many members of a group Salesforce confirmed that are not asked for.
pub fn count_unwanted(conn: &mut Conn, group: &str) -> Result<u64, Error> {
    let unwanted = members::observed.eq(true).and(members::desired.eq(false));
    let count: i64 = members::table.filter(members::group_id.eq(group).and(unwanted)).count().get_result(conn)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Forgets what Salesforce confirmed of a group's members: the group is no longer there.
pub fn forget_group(conn: &mut Conn, group: &str) -> Result<(), Error> {
    diesel::update(members::table.filter(members::group_id.eq(group)))
        .set((members::observed.eq(false), members::unsure.eq(false)))
        .execute(conn)?;
    diesel::delete(members::table.filter(members::group_id.eq(group).and(says_nothing()))).execute(conn)?;
    Ok(())
}
