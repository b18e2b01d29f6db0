//! What an identity provider's request does: load, apply, validate, compare, save, enqueue: one transaction, committed
//! before the answer. Knows nothing of HTTP and nothing of Salesforce.

mod error;
mod group;
mod view;
mod write;

use std::sync::Arc;

use serde_json::Value;

use crate::clock::{SharedClock, SharedRandomness};
use crate::db::Db;
use crate::delivery::Signals;
use crate::scim::filter::Filter;
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::{self, Strictness, dialect, patch, validate};
use crate::shadow::query::{self, Page};
use crate::shadow::{Kind, Stored, find};

pub use error::Error;
pub use view::{Reads, View};

/// The largest group that a PATCH answers with: a larger one is answered 204, so that adding one member to a group of
/// 100,000 does not read and send them all (and Entra, which makes such groups, wants 204).
pub const MEMBERS_ANSWERED: usize = 100;

/// Carries out requests on the resources of tenants. Clones share everything.
#[derive(Clone)]
pub struct Provisioner {
    db: Db,
    registry: Arc<Registry>,
    clock: SharedClock,
    randomness: SharedRandomness,
    signals: Signals,
}

/// What a PATCH made.
#[derive(Debug)]
pub struct Patched {
    /// The resource.
    pub view: View,
    /// Whether it is a group of more than [`MEMBERS_ANSWERED`] members, whose members were not read.
    pub large: bool,
}

impl Provisioner {
    /// A provisioner on a database that has this version's schema.
    pub fn new(
        db: Db,
        registry: Arc<Registry>,
        clock: SharedClock,
        randomness: SharedRandomness,
        signals: Signals,
    ) -> Self {
        Self { db, registry, clock, randomness, signals }
    }

    /// The resource type of a kind.
    pub fn resource_type(&self, kind: Kind) -> &Arc<ResourceType> {
        match kind {
            Kind::User => &self.registry.user,
            Kind::Group => &self.registry.group,
        }
    }

    /// Creates a resource from a POST body (RFC 7644 3.3).
    pub async fn create(&self, tenant: &str, kind: Kind, body: Value) -> Result<View, Error> {
        let resource_type = Arc::clone(self.resource_type(kind));
        let attributes = dialect::resource(&resource_type, body, Strictness::Lenient)?;
        let mut document = validate::create(&resource_type, attributes, Strictness::Lenient)?;
        let members = group::take_members(&mut document);
        let now = self.clock.now();
        let stored = Stored {
            id: self.randomness.id(now).to_string(),
            tenant: tenant.to_owned(),
            kind,
            document,
            version: 1,
            created: now,
            modified: now,
            deleted: None,
        };
        let view = self.db.write(move |conn| write::create(conn, &stored, &members)).await?;
        self.signals.wake(tenant);
        Ok(view)
    }

    /// Reads a resource (RFC 7644 3.4.1).
    pub async fn get(&self, tenant: &str, kind: Kind, id: &str, reads: Reads) -> Result<View, Error> {
        let (tenant, id) = (tenant.to_owned(), id.to_owned());
        self.db
            .read(move |conn| {
                let stored =
                    find(conn, &tenant, kind, &id)?.ok_or_else(|| scim::Error::not_found(kind.as_str(), &id))?;
                write::view(conn, stored, reads)
            })
            .await
    }

    /// A page of those resources that match, and the size of the whole result (RFC 7644 3.4.2).
    pub async fn list(
        &self,
        tenant: &str,
        kind: Kind,
        filter: Option<Filter>,
        page: Page,
        reads: Reads,
    ) -> Result<(usize, Vec<View>), Error> {
        let (tenant, resource_type) = (tenant.to_owned(), Arc::clone(self.resource_type(kind)));
        self.db
            .read(move |conn| {
                let found = query::list(conn, &tenant, (&resource_type, kind), filter.as_ref(), page)?;
                Ok((found.total, view::views(conn, kind, found.resources, reads)?))
            })
            .await
    }

    /// Replaces a resource by a PUT body (RFC 7644 3.5.1).
    pub async fn replace(&self, tenant: &str, kind: Kind, id: &str, body: Value) -> Result<View, Error> {
        let resource_type = Arc::clone(self.resource_type(kind));
        let silent = write::silent_on(&body);
        let attributes = dialect::resource(&resource_type, body, Strictness::Lenient)?;
        let (owner, id, now) = (tenant.to_owned(), id.to_owned(), self.clock.now());
        let (view, changed) = self
            .db
            .write(move |conn| {
                write::change(conn, (&owner, kind, &id), now, |conn, current| {
                    let new = write::keep(&silent, &current.document, attributes.clone());
                    let mut document = validate::replace(&resource_type, &current.document, new, Strictness::Lenient)?;
                    let members = group::take_members(&mut document);
                    current.document = document;
                    // A PUT without members means none (RFC 7644 3.5.1; Keycloak's plug-ins rely on it).
                    match kind {
                        Kind::Group => group::replace(conn, current, &members),
                        Kind::User => Ok(false),
                    }
                })
                .and_then(|(stored, changed)| {
                    Ok((write::view(conn, stored, Reads { memberships: true, delivery: true })?, changed))
                })
            })
            .await?;
        if changed {
            self.signals.wake(tenant);
        }
        Ok(view)
    }

    /// Applies a PATCH body (RFC 7644 3.5.2): all of its operations or none.
    pub async fn patch(&self, tenant: &str, kind: Kind, id: &str, body: Value) -> Result<Patched, Error> {
        let resource_type = Arc::clone(self.resource_type(kind));
        let operations = dialect::patch(&resource_type, body, Strictness::Lenient)?;
        let (operations, memberships) = match kind {
            Kind::Group => patch::split_members(operations)?,
            Kind::User => (operations, Vec::new()),
        };
        let (owner, id, now) = (tenant.to_owned(), id.to_owned(), self.clock.now());
        let (patched, changed) = self
            .db
            .write(move |conn| {
                let (stored, changed) = write::change(conn, (&owner, kind, &id), now, |conn, current| {
                    if !operations.is_empty() {
                        let document =
                            patch::apply(&resource_type, &current.document, &operations, Strictness::Lenient)?;
                        current.document = validate::check(&resource_type, document, Strictness::Lenient)?;
                    }
                    group::apply(conn, current, &memberships, &resource_type)
                })?;
                let large = kind == Kind::Group && group::is_larger_than(conn, &stored.id, MEMBERS_ANSWERED)?;
                let view = write::view(conn, stored, Reads { memberships: !large, delivery: true })?;
                Ok::<_, Error>((Patched { view, large }, changed))
            })
            .await?;
        if changed {
            self.signals.wake(tenant);
        }
        Ok(patched)
    }

    /// Deletes a resource (RFC 7644 3.6): it is gone for SCIM, its name is free, and Salesforce's account becomes
    /// inactive.
    pub async fn delete(&self, tenant: &str, kind: Kind, id: &str) -> Result<(), Error> {
        let (owner, id, now) = (tenant.to_owned(), id.to_owned(), self.clock.now());
        self.db.write(move |conn| write::delete(conn, (&owner, kind, &id), now)).await?;
        self.signals.wake(tenant);
        Ok(())
    }
}
