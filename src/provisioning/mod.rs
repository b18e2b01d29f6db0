//! What an identity provider's request does: load, apply, validate, compare, save, enqueue: one transaction, committed
//! before the answer. Knows nothing of HTTP and nothing of Salesforce.

mod changes;
mod error;
mod follows;
mod group;
mod regroup;
mod search;
mod settled;
mod target;
mod together;
mod view;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::{SharedClock, SharedRandomness};
use crate::db::{self, Conn, Db};
use crate::delivery::Signals;
use crate::scim::precondition::Precondition;
use crate::scim::schema::ResourceType;
use crate::scim::{self, dialect, patch, validate};
use crate::shadow::{Key, Kind, Person, Snapshot, Stored, people, snapshot};

use changes::Changes;
pub use error::Error;
pub use follows::Following;
use follows::Follows;
pub use regroup::Grouping;
pub use search::{Beginning, Listed, Search, Searched};
pub use target::{Registries, Target};
pub use together::{Creation, Obstacle};
pub use view::{Reads, View};

/// The largest group that a PATCH answers with: a larger one is answered 204, so that adding one member to a group of
/// 100,000 does not read and send them all (and Entra, which makes such groups, wants 204).
pub const MEMBERS_ANSWERED: usize = 100;

/// Carries out requests on the resources of tenants. Clones share everything.
#[derive(Clone)]
pub struct Provisioner {
    db: Db,
    registries: Arc<Registries>,
    clock: SharedClock,
    randomness: SharedRandomness,
    signals: Signals,
    changes: Changes,
    follows: Follows,
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
        registries: Arc<Registries>,
        clock: SharedClock,
        randomness: SharedRandomness,
        signals: Signals,
    ) -> Self {
        Self { db, registries, clock, randomness, signals, changes: Changes::default(), follows: Follows::default() }
    }

    /// From now on this follows from the changes of each tenant's resources. Clones share it.
    pub fn follow(&self, follows: HashMap<String, Following>) {
        self.follows.set(follows);
    }

    /// What each tenant's resources look like.
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    fn resource_type(&self, target: Target<'_>) -> Arc<ResourceType> {
        Arc::clone(self.registries.resource_type(target.tenant, target.kind))
    }

    /// An id that no resource has: for one that is about to be made and is spoken of before it is.
    pub fn new_id(&self) -> String {
        self.randomness.id(self.clock.now()).to_string()
    }

    /// Creates a resource from a POST body (RFC 7644 3.3). Where answers wait for Salesforce, one that Salesforce refused
    /// before is no conflict: it becomes what is asked for now, and is tried again.
    pub async fn create(&self, target: Target<'_>, body: Value) -> Result<View, Error> {
        let (draft, follows) = (self.draft(target, self.new_id(), body)?, self.follows.clone());
        let create = move |conn: &mut Conn| {
            let following = follows.of(&draft.0.tenant);
            let terms = following.terms(draft.0.created);
            let refused = if terms.insists { write::refused_before(conn, &draft.0)? } else { None };
            let view = match refused {
                Some(id) => write::anew(conn, &id, &draft, &terms)?,
                None => write::create(conn, &draft, &terms)?,
            };
            Ok::<_, Error>((view, true))
        };
        self.change(target.tenant, create).await
    }

    /// Creates a resource with an id from [`Provisioner::new_id`].
    pub async fn create_as(&self, target: Target<'_>, id: String, body: Value) -> Result<View, Error> {
        let (draft, follows) = (self.draft(target, id, body)?, self.follows.clone());
        let create =
            move |conn: &mut Conn| write::create(conn, &draft, &follows.of(&draft.0.tenant).terms(draft.0.created));
        self.change(target.tenant, move |conn| Ok::<_, Error>((create(conn)?, true))).await
    }

    /// Runs a change of one tenant's resources, which says beside its answer whether anything became another. What
    /// follows from it, follows even where the client has left before it was told.
    async fn change<T, E>(
        &self,
        tenant: &str,
        f: impl Fn(&mut Conn) -> Result<(T, bool), E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: db::Failure + Send + 'static,
    {
        let (signals, changes, tenant) = (self.signals.clone(), self.changes.clone(), tenant.to_owned());
        let follow = move |done: Option<&(T, bool)>| {
            // Of a change that failed it is not certain that nothing of it was kept.
            if done.is_none_or(|(_, changed)| *changed) {
                changes.mark(&tenant);
            }
            if done.is_some_and(|(_, changed)| *changed) {
                signals.wake(&tenant);
            }
        };
        self.db.write_then(f, follow).await.map(|(answer, _)| answer)
    }

    /// How often a tenant's resources have changed, as far as answers show it; `None` where others may change them too,
    /// unseen. What was read after this was asked is still true as long as it says the same.
    pub fn changes(&self, tenant: &str) -> Option<u64> {
        self.db.is_only_writer().then(|| self.changes.of(tenant))
    }

    /// What a POST body asks to be stored.
    fn draft(&self, target: Target<'_>, id: String, body: Value) -> Result<write::Draft, scim::Error> {
        let resource_type = self.resource_type(target);
        let attributes = dialect::resource(&resource_type, body, target.strictness)?;
        let mut document = validate::create(&resource_type, attributes, target.strictness)?;
        let members = group::take_members(&mut document);
        let now = self.clock.now();
        let (tenant, kind) = (target.tenant.to_owned(), target.kind);
        Ok((Stored { id, tenant, kind, document, version: 1, created: now, modified: now, deleted: None }, members))
    }

    /// Reads a resource (RFC 7644 3.4.1).
    pub async fn get(&self, target: Target<'_>, id: &str, reads: Reads) -> Result<View, Error> {
        let (tenant, kind, id) = (target.tenant.to_owned(), target.kind, id.to_owned());
        let missing = move |id: &str| Error::from(scim::Error::not_found(kind.as_str(), id));
        if kind == Kind::User && reads.memberships && !reads.delivery {
            let (tenant, key) = (tenant.clone(), id.clone());
            let found = self.db.look_up(move |conn| people(conn, &tenant, Key::Id(&key)));
            if let Some(mut found) = found.await? {
                let Person { stored, groups } = found.pop().ok_or_else(|| missing(&id))?;
                return Ok(View { stored, memberships: Some(groups), delivery: None });
            }
        }
        let read = move |conn: &mut Conn| {
            let stored = snapshot(conn, &tenant, kind, &id)?.ok_or_else(|| missing(&id))?;
            Ok(view::view(conn, stored, reads)?)
        };
        match (reads.memberships, reads.delivery) {
            // A group may have 100,000 members to read, and a user many groups; they are those of its version.
            (true, _) => self.db.read_together(read).await,
            (false, true) => self.db.look_up_together(read).await,
            (false, false) => self.db.look_up(read).await,
        }
    }

    /// Replaces a resource by a PUT body (RFC 7644 3.5.1).
    pub async fn replace(&self, target: Target<'_>, id: &str, when: Precondition, body: Value) -> Result<View, Error> {
        let (kind, strictness, resource_type) = (target.kind, target.strictness, self.resource_type(target));
        let silent = write::silent_on(&resource_type, &body);
        let attributes = dialect::resource(&resource_type, body, target.strictness)?;
        let (owner, id, now) = (target.tenant.to_owned(), id.to_owned(), self.clock.now());
        let follows = self.follows.clone();
        self.change(target.tenant, move |conn| {
            let following = follows.of(&owner);
            let (stored, changed) =
                write::change(conn, (&owner, kind, &id), &when, &following.terms(now), |conn, current| {
                    let new = write::keep(&silent, &current.document, attributes.clone());
                    let mut document = validate::replace(&resource_type, &current.document, new, strictness)?;
                    let members = group::take_members(&mut document);
                    current.document = document;
                    // A PUT without members means none (RFC 7644 3.5.1; Keycloak's plug-ins rely on it).
                    match kind {
                        Kind::Group => group::replace(conn, current, &members),
                        Kind::User => Ok(Vec::new()),
                    }
                })?;
            let view = view::view(conn, Snapshot::of(stored)?, Reads { memberships: true, delivery: true })?;
            Ok::<_, Error>((view, changed))
        })
        .await
    }

    /// Applies a PATCH body (RFC 7644 3.5.2): all of its operations or none. `reads` says what the answer needs where it
    /// was asked for; without it, the members of a large group are not read.
    pub async fn patch(
        &self,
        target: Target<'_>,
        id: &str,
        when: Precondition,
        body: Value,
        reads: Option<Reads>,
    ) -> Result<Patched, Error> {
        let (kind, strictness, resource_type) = (target.kind, target.strictness, self.resource_type(target));
        let operations = dialect::patch(&resource_type, body, target.strictness)?;
        let (operations, memberships) = match kind {
            Kind::Group => patch::split_members(operations, strictness)?,
            Kind::User => (operations, Vec::new()),
        };
        let (owner, id, now) = (target.tenant.to_owned(), id.to_owned(), self.clock.now());
        let follows = self.follows.clone();
        self.change(target.tenant, move |conn| {
            let following = follows.of(&owner);
            let (stored, changed) =
                write::change(conn, (&owner, kind, &id), &when, &following.terms(now), |conn, current| {
                    if !operations.is_empty() {
                        let document = patch::apply(&resource_type, &current.document, &operations, strictness)?;
                        current.document = validate::check(&resource_type, &current.document, document, strictness)?;
                    }
                    group::apply(conn, current, &memberships, &resource_type)
                })?;
            let is_large = |conn: &mut Conn| group::is_larger_than(conn, &stored.id, MEMBERS_ANSWERED);
            let large = kind == Kind::Group && reads.is_none() && is_large(conn)?;
            let reads = reads.unwrap_or(Reads { memberships: !large, delivery: true });
            let view = view::view(conn, Snapshot::of(stored)?, reads)?;
            Ok::<_, Error>((Patched { view, large }, changed))
        })
        .await
    }

    /// Deletes a resource (RFC 7644 3.6): it is gone for SCIM, its name is free, and Salesforce's account becomes
    /// inactive.
    pub async fn delete(&self, target: Target<'_>, id: &str, when: Precondition) -> Result<(), Error> {
        let (owner, kind, id, now) = (target.tenant.to_owned(), target.kind, id.to_owned(), self.clock.now());
        let follows = self.follows.clone();
        let delete = move |conn: &mut Conn| {
            let following = follows.of(&owner);
            write::delete(conn, (&owner, kind, &id), &when, &following.terms(now)).map(|()| ((), true))
        };
        self.change(target.tenant, delete).await
    }
}
