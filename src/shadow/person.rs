//! Users with their groups, in one statement: what identity providers read most.

use diesel::prelude::*;

use crate::db::schema::{members, resource_values, resources};
use crate::db::{Conn, Error, on_backend};

use super::member::{Reference, group_reference};
use super::resource::{Kind, Snapshot, SnapshotColumns, SnapshotRow, is_storable, snapshot_of};

/// Rows that are read in the statement at most, one for each group of each user: each repeats the user's document.
const FEW: usize = 16;
/// One more tells that there are too many.
const MOST_ROWS: i64 = 17;

/// A user as they are stored, and the groups that they are a direct member of.
#[derive(Debug)]
pub struct Person {
    /// The user.
    pub stored: Snapshot,
    /// Their groups in the order of the ids.
    pub groups: Vec<Reference>,
}

/// What tells a user from others.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// Their id.
    Id(&'a str),
    /// The name by which they are unique, folded.
    Name(&'a str),
    /// A value that is indexed, as it is indexed: several may have it.
    Value {
        /// The attribute, in lower case.
        path: &'a str,
        /// Its value.
        value: &'a str,
    },
}

impl Key<'_> {
    fn is_storable(&self) -> bool {
        match self {
            Self::Id(text) | Self::Name(text) => is_storable(text),
            Self::Value { path, value } => is_storable(path) && is_storable(value),
        }
    }
}

/// The live users of this key in the order of their ids; `None` where they and their groups are too many to be read so.
///
/// # Errors
///
/// What the database says.
pub fn people(conn: &mut Conn, tenant: &str, key: Key<'_>) -> Result<Option<Vec<Person>>, Error> {
    // On the engine's own connection, where diesel knows the statement by its type and SQLite need not read it again. And
    // in one: SQLite takes and gives back its lock for each, which costs more than to find the rows.
    macro_rules! rows {
        ($from:expr, $id:expr, $condition:expr) => {{
            let groups = diesel::alias!(resources as groups);
            on_backend!(conn, c => $from
                .left_join(members::table.on(members::member_id.eq(resources::id).and(members::desired.eq(true))))
                .left_join(groups.on(groups
                    .field(resources::id)
                    .eq(members::group_id)
                    .and(groups.field(resources::tenant).eq(tenant).and(groups.field(resources::deleted_at).is_null()))))
                .filter($condition)
                .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
                .filter(resources::deleted_at.is_null())
                .order($id)
                .limit(MOST_ROWS)
                .select((
                    SnapshotColumns::default(),
                    groups.field(resources::id).nullable(),
                    groups.field(resources::document).nullable(),
                ))
                .load(c))?
        }};
    }
    let rows: Vec<(SnapshotRow, Option<String>, Option<String>)> = match key {
        key if !key.is_storable() => return Ok(Some(Vec::new())),
        Key::Id(id) => rows!(resources::table, resources::id, resources::id.eq(id)),
        Key::Name(name) => rows!(resources::table, resources::id, resources::unique_key.eq(name)),
        Key::Value { path, value } => rows!(
            resource_values::table.inner_join(resources::table.on(resources::id.eq(resource_values::resource_id))),
            // In the order of the index: SQLite stops where there are too many, and does not look at all of them.
            resource_values::resource_id,
            resource_values::tenant
                .eq(tenant)
                .and(resource_values::kind.eq(Kind::User.as_str()))
                .and(resource_values::path.eq(path).and(resource_values::value.eq(value)))
        ),
    };
    if rows.len() > FEW {
        return Ok(None);
    }
    let mut people: Vec<Person> = Vec::with_capacity(1);
    for (user, group, document) in rows {
        if people.last().is_none_or(|last| last.stored.id != user.0) {
            people.push(Person { stored: snapshot_of(Kind::User, user), groups: Vec::new() });
        }
        if let (Some(person), Some(id), Some(document)) = (people.last_mut(), group, document) {
            person.groups.push(group_reference(id, &document));
        }
    }
    // Here, and not in the statement: with the groups in its order SQLite would sort what an index has in order.
    for person in &mut people {
        person.groups.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(Some(people))
}
