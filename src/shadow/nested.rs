//! Groups in groups: who is in a group through others, and which groups somebody is in through others. Circles are harmless:
//! each group counts once.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamp};

use super::member::{self, Difference, Reference, groups_of_one};
use super::resource::Kind;
use crate::db::schema::{members, resources};
use crate::db::{Conn, Error, on_backend};

/// What becomes of the groups in a mirrored group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nested {
    /// They are members of its public group, where they are mirrored themselves.
    #[default]
    Keep,
    /// Their people are members of its public group, at whatever depth, and they are not.
    Flatten,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    member: String,
    #[diesel(sql_type = Text)]
    salesforce_id: String,
    #[diesel(sql_type = Bool)]
    wanted: bool,
    #[diesel(sql_type = Bool)]
    observed: bool,
    #[diesel(sql_type = Bool)]
    unsure: bool,
}

impl From<Row> for Difference {
    fn from(row: Row) -> Self {
        let Row { member, salesforce_id, wanted, observed, unsure } = row;
        Self { member, salesforce_id, wanted, observed, unsure }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// `inside`: the group `$1` and all groups in it. `people`: the users in any of them. The first row is read from the table, so
/// that its text compares as all others do.
const PEOPLE: &str = "WITH RECURSIVE inside (id) AS (
    SELECT id FROM resources WHERE id = $1
    UNION
    SELECT m.member_id FROM inside i JOIN members m ON m.group_id = i.id JOIN resources r ON r.id = m.member_id
    WHERE m.desired AND r.kind = 'Group'
), people (id) AS (
    SELECT DISTINCT m.member_id FROM inside i JOIN members m ON m.group_id = i.id JOIN resources r ON r.id = m.member_id
    WHERE m.desired AND r.kind = 'User'
)";

/// `both`: every membership that is wanted or, as far as is known, there.
const BOTH: &str = ", both_sides (member, wanted, observed, unsure) AS (
    SELECT p.id, TRUE, COALESCE(m.observed, FALSE), COALESCE(m.unsure, FALSE)
    FROM people p LEFT JOIN members m ON m.group_id = $1 AND m.member_id = p.id
    UNION ALL
    SELECT m.member_id, FALSE, m.observed, m.unsure FROM members m
    WHERE m.group_id = $1 AND (m.observed OR m.unsure) AND m.member_id NOT IN (SELECT id FROM people)
)";

/// The memberships of a group's public group in which Salesforce is not yet what was asked: see [`member::differences`].
///
/// # Errors
/// What the database says.
pub fn differences(
    conn: &mut Conn,
    group: &str,
    mirrored: bool,
    nested: Nested,
    limit: i64,
) -> Result<Vec<Difference>, Error> {
    if !mirrored || nested == Nested::Keep {
        return member::differences(conn, group, mirrored, limit);
    }
    let sql = format!(
        "{PEOPLE}{BOTH}
        SELECT b.member, l.salesforce_id, b.wanted, b.observed, b.unsure
        FROM both_sides b JOIN links l ON l.resource_id = b.member
        WHERE b.unsure OR b.wanted <> b.observed
        ORDER BY b.unsure DESC, b.member LIMIT $2"
    );
    let query = diesel::sql_query(sql).bind::<Text, _>(group).bind::<BigInt, _>(limit);
    let rows: Vec<Row> = on_backend!(conn, c => query.load(c))?;
    Ok(rows.into_iter().map(Difference::from).collect())
}

/// How many users that are to be in a group's public group have no account yet.
///
/// # Errors
/// What the database says.
pub fn without_account(conn: &mut Conn, group: &str, nested: Nested) -> Result<i64, Error> {
    if nested == Nested::Keep {
        return member::without_account(conn, group);
    }
    let sql = format!(
        "{PEOPLE}
        SELECT COUNT(*) AS count FROM people p LEFT JOIN links l ON l.resource_id = p.id WHERE l.resource_id IS NULL"
    );
    let query = diesel::sql_query(sql).bind::<Text, _>(group);
    let count: Count = on_backend!(conn, c => query.get_result(c))?;
    Ok(count.count)
}

/// A page of all memberships of a flattened group, behind the member `after`: those of members that a reconcile found, or
/// that were linked after it began.
///
/// # Errors
/// What the database says.
pub fn flattened(
    conn: &mut Conn,
    group: &str,
    (run, started): (&str, DateTime<Utc>),
    after: &str,
    limit: i64,
) -> Result<Vec<Difference>, Error> {
    let sql = format!(
        "{PEOPLE}{BOTH}
        SELECT b.member, l.salesforce_id, b.wanted, b.observed, b.unsure
        FROM both_sides b JOIN links l ON l.resource_id = b.member
        WHERE b.member > $2 AND (l.seen = $3 OR l.created_at >= $4 OR l.kind = 'Group')
        ORDER BY b.member LIMIT $5"
    );
    let query = diesel::sql_query(sql)
        .bind::<Text, _>(group)
        .bind::<Text, _>(after)
        .bind::<Text, _>(run)
        .bind::<Timestamp, _>(started.naive_utc())
        .bind::<BigInt, _>(limit);
    let rows: Vec<Row> = on_backend!(conn, c => query.load(c))?;
    Ok(rows.into_iter().map(Difference::from).collect())
}

/// The live groups that a resource is in, directly or through others. `hold`: each is kept from other transactions before it
/// is looked at, so that none is missed which is put into another one just now.
///
/// # Errors
/// What the database says.
pub fn above(conn: &mut Conn, id: &str, hold: bool) -> Result<Vec<Reference>, Error> {
    let (mut found, mut next) = (Vec::new(), vec![id.to_owned()]);
    let mut seen = BTreeSet::from([id.to_owned()]);
    while let Some(inner) = next.pop() {
        for outer in groups_of_one(conn, &inner)? {
            if seen.insert(outer.id.clone()) {
                if hold {
                    super::guard(conn, &outer.id)?;
                }
                next.push(outer.id.clone());
                found.push(outer);
            }
        }
    }
    Ok(found)
}

/// The live groups of a tenant that have a group as a member, or may have one in Salesforce.
///
/// # Errors
/// What the database says.
pub fn outer_groups(conn: &mut Conn, tenant: &str) -> Result<BTreeSet<String>, Error> {
    let ids: Vec<String> = resources::table
        .inner_join(members::table.on(members::member_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::Group.as_str())))
        .filter(members::desired.eq(true).or(members::observed.eq(true)).or(members::unsure.eq(true)))
        .select(members::group_id)
        .distinct()
        .load(conn)?;
    Ok(ids.into_iter().collect())
}
