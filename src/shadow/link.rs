//! Links: which of our resources is which of Salesforce's.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::{links, resources};
use crate::db::{Conn, Error, on_backend};

use super::resource::{Kind, Stored};

/// How a link came to be: shown to administrators, and decides what a deletion may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// We made the account or group.
    Created,
    /// An account with this federation id was there.
    FederationId,
    /// An account with this username was there.
    Username,
    /// A public group of this name was there.
    Name,
    /// The person was deleted here before and came back.
    Returned,
}

impl How {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::FederationId => "federation-id",
            Self::Username => "username",
            Self::Name => "name",
            Self::Returned => "returned",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Created, Self::FederationId, Self::Username, Self::Name, Self::Returned]
            .into_iter()
            .find(|how| how.as_str() == text)
    }
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Salesforce's id, 18 characters.
    pub salesforce_id: String,
    /// How it was made.
    pub how: How,
}

/// The link of a resource.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<Link>, Error> {
    let row: Option<(String, String)> =
        links::table.find(id).select((links::salesforce_id, links::how)).first(conn).optional()?;
    row.map(|(salesforce_id, how)| {
        let how = How::parse(&how).ok_or_else(|| Error::Inconsistent {
            table: "links",
            row: id.to_owned(),
            what: format!("how {how}"),
        })?;
        Ok(Link { salesforce_id, how })
    })
    .transpose()
}

/// Salesforce ids of several resources.
pub fn ids(conn: &mut Conn, of: &[String]) -> Result<Vec<(String, String)>, Error> {
    Ok(on_backend!(conn, c => links::table
        .filter(links::resource_id.eq_any(of))
        .select((links::resource_id, links::salesforce_id))
        .load(c))?)
}

/// The resource that a Salesforce id is linked to, and whether it is a tombstone.
pub fn owner(conn: &mut Conn, tenant: &str, kind: Kind, salesforce_id: &str) -> Result<Option<(String, bool)>, Error> {
    let row: Option<(String, Option<chrono::NaiveDateTime>)> = links::table
        .inner_join(resources::table.on(resources::id.eq(links::resource_id)))
        .filter(links::tenant.eq(tenant).and(links::kind.eq(kind.as_str())).and(links::salesforce_id.eq(salesforce_id)))
        .select((resources::id, resources::deleted_at))
        .first(conn)
        .optional()?;
    Ok(row.map(|(id, deleted)| (id, deleted.is_some())))
}

/// The live resource of another tenant that a Salesforce id is linked to. `tenants`: those that share the org.
pub fn owner_elsewhere(
    conn: &mut Conn,
    tenants: &[String],
    kind: Kind,
    salesforce_id: &str,
) -> Result<Option<String>, Error> {
    if tenants.is_empty() {
        return Ok(None);
    }
    Ok(links::table
        .inner_join(resources::table.on(resources::id.eq(links::resource_id)))
        .filter(links::tenant.eq_any(tenants).and(links::kind.eq(kind.as_str())))
        .filter(links::salesforce_id.eq(salesforce_id).and(resources::deleted_at.is_null()))
        .select(resources::id)
        .first(conn)
        .optional()?)
}

/// Links a resource, taking the Salesforce id over from a tombstone. [`Error::Unique`] if another live resource has it.
pub fn save(conn: &mut Conn, resource: &Stored, link: &Link, now: DateTime<Utc>) -> Result<(), Error> {
    if let Some((owner, deleted)) = owner(conn, &resource.tenant, resource.kind, &link.salesforce_id)? {
        if owner == resource.id {
            return Ok(());
        }
        if deleted {
            remove(conn, &owner)?;
        }
    }
    diesel::insert_into(links::table)
        .values((
            links::resource_id.eq(&resource.id),
            links::tenant.eq(&resource.tenant),
            links::kind.eq(resource.kind.as_str()),
            links::salesforce_id.eq(&link.salesforce_id),
            links::how.eq(link.how.as_str()),
            links::created_at.eq(now.naive_utc()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets a link, and what was observed through it.
pub fn remove(conn: &mut Conn, id: &str) -> Result<(), Error> {
    diesel::delete(links::table.find(id)).execute(conn)?;
    super::observed::remove(conn, id)
}
