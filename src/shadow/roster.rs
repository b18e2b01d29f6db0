//! All users of a tenant, page by page, with what is known of each: for what concerns everybody.

use std::collections::HashMap;

use diesel::prelude::*;

use super::member::group_reference;
use super::resource::Kind;
use crate::db::schema::{members, observed, resources};
use crate::db::{Conn, Error, on_backend};

/// A user.
#[derive(Debug)]
pub struct Entry {
    /// Our id.
    pub id: String,
    /// The attributes, as JSON.
    pub document: String,
    /// What Salesforce last confirmed, as JSON; `None`: nothing yet.
    pub observed: Option<String>,
    /// Ids of the groups that the user is a direct member of.
    pub groups: Vec<String>,
}

/// Up to `limit` users behind the id `after`, in the order of ids. `grouped`: with their groups.
///
/// # Errors
/// What the database says.
pub fn page(conn: &mut Conn, tenant: &str, after: &str, limit: i64, grouped: bool) -> Result<Vec<Entry>, Error> {
    let rows: Vec<Row> = on_backend!(&mut *conn, c => resources::table
        .left_join(observed::table.on(observed::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
        .filter(resources::deleted_at.is_null().and(resources::id.gt(after)))
        .order(resources::id)
        .limit(limit)
        .select((resources::id, resources::document, observed::state.nullable()))
        .load(c))?;
    entries(conn, rows, grouped)
}

/// Those of `ids` that are users of the tenant.
///
/// # Errors
/// What the database says.
pub fn of(conn: &mut Conn, tenant: &str, ids: &[String], grouped: bool) -> Result<Vec<Entry>, Error> {
    let mut all = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(1000) {
        let rows: Vec<Row> = on_backend!(&mut *conn, c => resources::table
            .left_join(observed::table.on(observed::resource_id.eq(resources::id)))
            .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::User.as_str())))
            .filter(resources::deleted_at.is_null().and(resources::id.eq_any(chunk)))
            .select((resources::id, resources::document, observed::state.nullable()))
            .load(c))?;
        all.extend(entries(conn, rows, grouped)?);
    }
    Ok(all)
}

/// Id, document and what was observed.
type Row = (String, String, Option<String>);

fn entries(conn: &mut Conn, rows: Vec<Row>, grouped: bool) -> Result<Vec<Entry>, Error> {
    let mut entries: Vec<Entry> =
        rows.into_iter().map(|(id, document, observed)| Entry { id, document, observed, groups: Vec::new() }).collect();
    if grouped {
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let mut of: HashMap<String, Vec<String>> = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(1000) {
            let rows: Vec<(String, String)> = on_backend!(&mut *conn, c => members::table
                .filter(members::member_id.eq_any(chunk).and(members::desired.eq(true)))
                .select((members::member_id, members::group_id))
                .load(c))?;
            for (member, group) in rows {
                of.entry(member).or_default().push(group);
            }
        }
        for entry in &mut entries {
            entry.groups = of.remove(&entry.id).unwrap_or_default();
        }
    }
    Ok(entries)
}

/// Names of a tenant's groups, by our id.
///
/// # Errors
/// What the database says.
pub fn group_names(conn: &mut Conn, tenant: &str) -> Result<HashMap<String, String>, Error> {
    let rows: Vec<(String, String)> = resources::table
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::Group.as_str())))
        .filter(resources::deleted_at.is_null())
        .select((resources::id, resources::document))
        .load(conn)?;
    let named = rows.into_iter().map(|(id, document)| group_reference(id, &document));
    Ok(named.filter_map(|group| Some((group.id, group.display?))).collect())
}
