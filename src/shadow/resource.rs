//! Resources and their look-up values.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;

use crate::db::schema::{resource_values, resources};
use crate::db::{Conn, Error, on_backend};
use crate::scim::Attributes;
use crate::scim::fold::fold;

use super::moment::Moment;
use super::value;

/// The two kinds of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A user.
    User,
    /// A group.
    Group,
}

impl Kind {
    /// As stored, and as SCIM's `meta.resourceType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// Reads the stored form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "User" => Some(Self::User),
            "Group" => Some(Self::Group),
            _ => None,
        }
    }

    /// The attribute whose value no two live resources of this kind share in a tenant. Groups' too: RFC 7643 does not
    /// ask for it, but Entra's validator and every IdP's match by name rest on it.
    pub fn key_attribute(self) -> &'static str {
        match self {
            Self::User => "userName",
            Self::Group => "displayName",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A resource as the shadow has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Our id: a UUID of version 7, so that ids sort by the time they were made.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// User or group.
    pub kind: Kind,
    /// Attributes without `id`, `meta`, `groups` and `members`.
    pub document: Attributes,
    /// Raised by every change; `meta.version`.
    pub version: i64,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was last changed.
    pub modified: DateTime<Utc>,
    /// When it was deleted. What is left then is a tombstone that keeps the link to Salesforce.
    pub deleted: Option<DateTime<Utc>>,
}

impl Stored {
    /// The document, unless the resource was deleted.
    pub fn live(&self) -> Option<&Attributes> {
        self.deleted.is_none().then_some(&self.document)
    }

    /// An attribute of the core schema that holds text.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.document.get(attribute).and_then(Value::as_str)
    }

    /// The folded name by which the resource is unique.
    pub fn unique_key(&self) -> Option<String> {
        self.text(self.kind.key_attribute()).map(fold)
    }
}

/// A resource as it is stored: its document is still text, for answers that need not look into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// See [`Stored::id`].
    pub id: String,
    /// User or group.
    pub kind: Kind,
    /// See [`Stored::document`], as JSON.
    pub document: String,
    /// See [`Stored::version`].
    pub version: i64,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was last changed.
    pub modified: DateTime<Utc>,
}

impl Snapshot {
    /// What a resource is stored as.
    pub fn of(resource: Stored) -> Result<Self, Error> {
        Ok(Self {
            document: text_of(&resource.id, &resource.document)?,
            id: resource.id,
            kind: resource.kind,
            version: resource.version,
            created: resource.created,
            modified: resource.modified,
        })
    }
}

/// The columns of a [`Snapshot`].
pub(super) type SnapshotColumns =
    (resources::id, resources::document, resources::version, resources::created_at, resources::modified_at);

/// What [`SnapshotColumns`] hold.
pub(super) type SnapshotRow = (String, String, i64, Moment, Moment);

/// A row as a snapshot.
pub(super) fn snapshot_of(kind: Kind, (id, document, version, created, modified): SnapshotRow) -> Snapshot {
    Snapshot { id, kind, document, version, created: created.0, modified: modified.0 }
}

/// The live resource of this id, as it is stored.
pub fn snapshot(conn: &mut Conn, tenant: &str, kind: Kind, id: &str) -> Result<Option<Snapshot>, Error> {
    if !is_storable(id) {
        return Ok(None);
    }
    // On the engine's own connection, where diesel knows the statement by its type and SQLite need not read it again.
    let row: Option<SnapshotRow> = on_backend!(conn, c => resources::table
        .filter(resources::id.eq(id).and(resources::tenant.eq(tenant)).and(resources::kind.eq(kind.as_str())))
        .filter(resources::deleted_at.is_null())
        .select(SnapshotColumns::default())
        .first(c)
        .optional())?;
    Ok(row.map(|row| snapshot_of(kind, row)))
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = resources)]
pub(super) struct Row {
    id: String,
    tenant: String,
    kind: String,
    unique_key: Option<String>,
    former_key: Option<String>,
    external_id: Option<String>,
    document: String,
    version: i64,
    created_at: NaiveDateTime,
    modified_at: NaiveDateTime,
    deleted_at: Option<NaiveDateTime>,
}

impl Row {
    fn of(resource: &Stored) -> Result<Self, Error> {
        Ok(Self {
            id: resource.id.clone(),
            tenant: resource.tenant.clone(),
            kind: resource.kind.as_str().to_owned(),
            unique_key: resource.unique_key(),
            former_key: None,
            external_id: resource.text("externalId").map(str::to_owned),
            document: text_of(&resource.id, &resource.document)?,
            version: resource.version,
            created_at: resource.created.naive_utc(),
            modified_at: resource.modified.naive_utc(),
            deleted_at: None,
        })
    }

    pub(super) fn stored(self) -> Result<Stored, Error> {
        let inconsistent = |what: String| Error::Inconsistent { table: "resources", row: self.id.clone(), what };
        Ok(Stored {
            kind: Kind::parse(&self.kind).ok_or_else(|| inconsistent(format!("kind {}", self.kind)))?,
            document: serde_json::from_str(&self.document).map_err(|e| inconsistent(format!("document: {e}")))?,
            id: self.id,
            tenant: self.tenant,
            version: self.version,
            created: self.created_at.and_utc(),
            modified: self.modified_at.and_utc(),
            deleted: self.deleted_at.map(|t| t.and_utc()),
        })
    }
}

fn text_of(id: &str, document: &Attributes) -> Result<String, Error> {
    serde_json::to_string(document).map_err(|e| Error::Inconsistent {
        table: "resources",
        row: id.to_owned(),
        what: e.to_string(),
    })
}

/// Stores a new resource. [`Error::Unique`] if its name is taken.
pub fn insert(conn: &mut Conn, resource: &Stored) -> Result<(), Error> {
    diesel::insert_into(resources::table).values(Row::of(resource)?).execute(conn)?;
    value::write(conn, resource)
}

/// Whether anything stored can be equal to a text: PostgreSQL holds no U+0000, and refuses a statement that has one.
pub(super) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// The live resource of this id.
pub fn find(conn: &mut Conn, tenant: &str, kind: Kind, id: &str) -> Result<Option<Stored>, Error> {
    if !is_storable(id) {
        return Ok(None);
    }
    let row: Option<Row> = resources::table
        .filter(resources::id.eq(id).and(resources::tenant.eq(tenant)).and(resources::kind.eq(kind.as_str())))
        .filter(resources::deleted_at.is_null())
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    row.map(Row::stored).transpose()
}

/// The live resource of this id, kept from every other transaction's changes until this one ends. Two patches of one
/// resource at once would otherwise each save what they read before the other.
pub fn lock(conn: &mut Conn, tenant: &str, kind: Kind, id: &str) -> Result<Option<Stored>, Error> {
    guard(conn, id)?;
    find(conn, tenant, kind, id)
}

/// Keeps every other transaction from a resource, its members and what was observed of it until this one ends. Whoever
/// changes any of them takes this first, and its delivery's row after it: one order, so that nobody waits for ever.
pub fn guard(conn: &mut Conn, id: &str) -> Result<(), Error> {
    // SQLite has one writer.
    if let (Conn::Postgres(c), true) = (conn, is_storable(id)) {
        resources::table.find(id).select(resources::id).for_update().first::<String>(c).optional()?;
    }
    Ok(())
}

/// Saves a changed document, version and time. [`Error::Unique`] if its new name is taken.
pub fn save(conn: &mut Conn, resource: &Stored) -> Result<(), Error> {
    let row = Row::of(resource)?;
    diesel::update(resources::table.find(&resource.id))
        .set((
            resources::unique_key.eq(row.unique_key),
            resources::external_id.eq(row.external_id),
            resources::document.eq(row.document),
            resources::version.eq(row.version),
            resources::modified_at.eq(row.modified_at),
        ))
        .execute(conn)?;
    value::write(conn, resource)
}

/// Makes a tombstone of a resource: its id answers 404 and its name is free (RFC 7644 3.6), its link stays.
pub fn bury(conn: &mut Conn, resource: &Stored, at: DateTime<Utc>) -> Result<(), Error> {
    diesel::update(resources::table.find(&resource.id))
        .set((
            resources::unique_key.eq(None::<String>),
            resources::former_key.eq(resource.unique_key()),
            resources::version.eq(resource.version + 1),
            resources::modified_at.eq(at.naive_utc()),
            resources::deleted_at.eq(Some(at.naive_utc())),
        ))
        .execute(conn)?;
    diesel::delete(resource_values::table.filter(resource_values::resource_id.eq(&resource.id))).execute(conn)?;
    Ok(())
}

/// The resource of this id, live or a tombstone, of any tenant: for deliveries.
pub(crate) fn any(conn: &mut Conn, id: &str) -> Result<Option<Stored>, Error> {
    let row: Option<Row> = resources::table.find(id).select(Row::as_select()).first(conn).optional()?;
    row.map(Row::stored).transpose()
}

/// The newest tombstone that had this name and still has a link: the account of a person who was deleted and now comes
/// back.
pub fn predecessor(conn: &mut Conn, of: &Stored) -> Result<Option<String>, Error> {
    use crate::db::schema::links;
    let Some(key) = of.unique_key() else { return Ok(None) };
    Ok(resources::table
        .inner_join(links::table.on(links::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(&of.tenant).and(resources::kind.eq(of.kind.as_str())))
        .filter(resources::former_key.eq(key).and(resources::deleted_at.is_not_null()))
        .order(resources::deleted_at.desc())
        .select(resources::id)
        .first(conn)
        .optional()?)
}

/// The live resource that has the name which a tombstone had.
pub fn named_like(conn: &mut Conn, tombstone: &Stored) -> Result<Option<String>, Error> {
    let Some(key) = tombstone.unique_key() else { return Ok(None) };
    Ok(resources::table
        .filter(resources::tenant.eq(&tombstone.tenant).and(resources::kind.eq(tombstone.kind.as_str())))
        .filter(resources::unique_key.eq(key))
        .select(resources::id)
        .first(conn)
        .optional()?)
}

/// Id of the live resource of this name (`userName`, a group's `displayName`), which compares folded.
pub fn named(conn: &mut Conn, tenant: &str, kind: Kind, name: &str) -> Result<Option<String>, Error> {
    if !is_storable(name) {
        return Ok(None);
    }
    Ok(resources::table
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(kind.as_str())))
        .filter(resources::unique_key.eq(fold(name)))
        .select(resources::id)
        .first(conn)
        .optional()?)
}

/// Ids among `ids` that are live resources of the tenant, with their kind. They stay so until this transaction ends: a
/// member that is deleted meanwhile would be added as one that nobody takes out again.
pub(crate) fn existing(conn: &mut Conn, tenant: &str, ids: &[String]) -> Result<Vec<(String, Kind)>, Error> {
    let mut found = Vec::with_capacity(ids.len());
    let ids: Vec<&String> = ids.iter().filter(|id| is_storable(id)).collect();
    // SQLite takes 32,766 parameters in one statement.
    for chunk in ids.chunks(1000) {
        macro_rules! live {
            () => {
                resources::table
                    .filter(resources::id.eq_any(chunk).and(resources::tenant.eq(tenant)))
                    .filter(resources::deleted_at.is_null())
                    .order(resources::id)
                    .select((resources::id, resources::kind))
            };
        }
        let rows: Vec<(String, String)> = match &mut *conn {
            Conn::Sqlite(c) => live!().load(c)?,
            Conn::Postgres(c) => live!().for_key_share().load(c)?,
        };
        found.extend(rows.into_iter().filter_map(|(id, kind)| Kind::parse(&kind).map(|kind| (id, kind))));
    }
    Ok(found)
}
