//! The calls that the bridge makes.

mod assigned;
mod bulk;
mod catalogue;
mod freeze;
mod grants;
mod groups;
mod pull;
mod query;
mod quota;
mod rows;
#[cfg(test)]
mod tests;
mod users;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};

use super::auth::{Auth, Session};
use super::dialect::{self, ENTITLEMENT_NAME, Urns};
use super::error::{Error, Result};
use super::governor::Governor;
use super::paths::Paths;
use super::settings::Settings;
use super::transport::{Call, encoded};
use super::{Entitlement, dialect::Named};
use crate::clock::SharedClock;
use crate::scim::fold::fold;

pub use assigned::{AssignedBy, Assignments};
pub use catalogue::{Organization, Profile, Right, Rights, UserField, UserLicence};
pub use grants::{Change, Grants, Held, calls_of};
pub use pull::{Accounts, Chunk, Memberships, Place, Pulled, Shown, Way};
pub use query::quoted;

/// The client of one org. Cheap to clone: clones share the session.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    settings: Settings,
    http: reqwest::Client,
    clock: SharedClock,
    auth: Auth,
    urns: Mutex<Option<Urns>>,
    governor: Governor,
    /// As many as calls may be under way.
    places: Semaphore,
}

/// Largest page that Salesforce gives; without `count` it gives ten.
const PAGE: usize = 200;

impl Client {
    /// A client that logs in with its first call. `http` should follow no redirects (a redirected POST would become a
    /// GET, whose success says nothing); time-outs are set for every request from the settings.
    pub fn new(settings: Settings, http: reqwest::Client, clock: SharedClock) -> Self {
        let governor = Governor::new(settings.tenant.clone(), settings.quota.clone());
        let places = Semaphore::new(settings.quota.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        let (auth, urns) = (Auth::default(), Mutex::default());
        Self(Arc::new(Inner { settings, http, clock, auth, urns, governor, places }))
    }

    /// Logs in if there is no session yet: whether the credentials are right. It tries even where a login was refused just
    /// now: who asks may have mended them.
    pub async fn log_in(&self) -> Result<()> {
        self.0.auth.forget_refusal().await;
        self.session(None).await.map(drop)
    }

    /// The profiles of that name: none, one, or (names compare without case) rarely several.
    pub async fn find_profile(&self, name: &str) -> Result<Vec<Entitlement>> {
        let found = self.list("find-entitlement", "Entitlements", &dialect::equals(ENTITLEMENT_NAME, name)).await?;
        let is_profile =
            |named: &Named| named.kind == "Profile" || (named.kind.is_empty() && named.id.starts_with("00e"));
        Ok(found
            .iter()
            .filter_map(dialect::parse_named)
            .filter(|named| is_profile(named) && fold(&named.name) == fold(name))
            .collect())
    }

    /// All resources that a filter finds, page by page.
    pub(super) async fn list(&self, kind: &'static str, resource: &str, filter: &str) -> Result<Vec<Value>> {
        let mut found: Vec<Value> = Vec::new();
        let mut last = String::new();
        loop {
            let filter = if last.is_empty() { filter.to_owned() } else { dialect::after(filter, &last) };
            let path = format!("/services/scim/v2/{resource}?filter={}&count={PAGE}", encoded(&filter));
            let answer = self.call(Call::get(kind, path)).await?.json()?;
            let page = dialect::resources(&answer);
            found.extend_from_slice(page);
            let id = page.last().and_then(|entry| entry.get("id")).and_then(Value::as_str).unwrap_or_default();
            // The order is by id. An org that ignores `id gt` would give the same page for ever.
            if page.len() < PAGE || id <= last.as_str() {
                return Ok(found);
            }
            id.clone_into(&mut last);
        }
    }

    pub(super) async fn session(&self, stale: Option<&Session>) -> Result<Session> {
        self.0.auth.session(&self.0.settings, &self.0.http, &self.0.clock, &self.0.governor, stale).await
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    pub(super) fn known_urns(&self) -> &Mutex<Option<Urns>> {
        &self.0.urns
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    /// Fails where the configuration forbids REST and `what` needs it.
    pub(super) fn rest_for(&self, what: &'static str) -> Result<()> {
        if self.0.settings.rest { Ok(()) } else { Err(Error::NeedsRest(what)) }
    }

    /// Where its calls go.
    pub fn paths(&self) -> Paths<'_> {
        Paths { api_version: &self.0.settings.api_version }
    }

    /// Path of a record in the REST API.
    pub(super) fn record_path(&self, object: &str, id: &str) -> String {
        self.paths().record(object, id)
    }
}
