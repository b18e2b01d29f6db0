//! A user and their groups, in one statement: what an identity provider reads most.

use diesel::prelude::*;

use crate::db::schema::{members, resources};
use crate::db::{Conn, Error, on_backend};

use super::member::{Reference, group_reference};
use super::resource::{Kind, Snapshot, SnapshotColumns, SnapshotRow, is_storable, snapshot_of};

/// Groups that are read in the same statement at most: each repeats the user's document.
const FEW: usize = 16;
/// One more tells that there are too many.
const MOST_ROWS: i64 = 17;

/// A user as they are stored, and the groups that they are a direct member of.
#[derive(Debug)]
pub struct Person {
    /// The user.
    pub stored: Snapshot,
    /// Their groups in the order of the ids; `None` where they are too many to be read on the way:
    /// [`super::member::groups_of_one`] has them.
    pub groups: Option<Vec<Reference>>,
}

/// The live user of this id and their groups.
///
/// # Errors
///
/// What the database says.
pub fn person(conn: &mut Conn, tenant: &str, id: &str) -> Result<Option<Person>, Error> {
    type Columns = (SnapshotRow, Option<String>, Option<String>);
    if !is_storable(id) {
        return Ok(None);
    }
    let groups = diesel::alias!(resources as groups);
    // On the engine's own connection, where diesel knows the statement by its type and SQLite need not read it again. And
    // in one: SQLite takes and gives back its lock for each, which costs more than to find the rows.
    let rows: Vec<Columns> = on_backend!(conn, c => resources::table
        .left_join(members::table.on(members::member_id.eq(resources::id).and(members::desired.eq(true))))
        .left_join(groups.on(groups
            .field(resources::id)
            .eq(members::group_id)
            .and(groups.field(resources::tenant).eq(tenant).and(groups.field(resources::deleted_at).is_null()))))
        .filter(resources::id.eq(id).and(resources::tenant.eq(tenant)))
        .filter(resources::kind.eq(Kind::User.as_str()).and(resources::deleted_at.is_null()))
        .order(members::group_id)
        .limit(MOST_ROWS)
        .select((
            SnapshotColumns::default(),
            groups.field(resources::id).nullable(),
            groups.field(resources::document).nullable(),
        ))
        .load(c))?;
    let few = rows.len() <= FEW;
    let mut rows = rows.into_iter();
    let Some((user, group, document)) = rows.next() else { return Ok(None) };
    let first = group.zip(document);
    let others = rows.filter_map(|(_, group, document)| group.zip(document));
    let groups = first.into_iter().chain(others).map(|(id, document)| group_reference(id, &document)).collect();
    Ok(Some(Person { stored: snapshot_of(Kind::User, user), groups: few.then_some(groups) }))
}
