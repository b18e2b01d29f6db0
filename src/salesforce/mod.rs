//! The client of one Salesforce org: login, SCIM and REST calls, Salesforce's dialect, and what its errors mean.
//!
//! Knows nothing of the database, of the HTTP server, or of what the bridge stores. [`mapping`] and [`dialect`] are
//! pure; [`Client`] is the thin shell around them.

mod auth;
mod catalogue;
mod client;
pub mod dialect;
pub mod error;
mod governor;
pub mod mapping;
mod paths;
mod record;
mod settings;
#[cfg(test)]
mod testing;
mod transport;

pub use catalogue::{Entry, Licence, Resolved, by_id, resolve};
pub use client::{
    Accounts, AssignedBy, Assignments, Change, Chunk, Client, Grants, Held, Memberships, Organization, Place, Profile,
    Pulled, Right, Rights, Shown, UserField, UserLicence, Way, calls_of, quoted,
};
pub use dialect::{Carrier, carrier};
pub use error::{Cause, Disposition, Error, Result, WaitFor};
pub use governor::{Admission, Quota, Standing, Tempo, Usage};
pub use paths::Paths;
pub use record::{Record, same_id};
pub use settings::{Flow, Settings};

/// A user as Salesforce answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Salesforce id, 18 characters.
    pub id: String,
    /// Its fields, as far as SCIM shows them. A field without a value is absent.
    pub record: Record,
    /// Id of its profile.
    pub profile_id: Option<String>,
    /// Ids of its permission sets; the hidden one behind a permission set group may be among them.
    pub permission_set_ids: Vec<String>,
    /// Ids of the public groups that it is a direct member of.
    pub group_ids: Vec<String>,
    /// `Standard`, `PowerPartner`, `CspLitePortal`, …; only `Standard` users are employees.
    pub user_type: Option<String>,
    /// What a person should know about how this answer came to be.
    pub notes: Vec<String>,
}

impl Account {
    /// Whether the user may log in; `false` also where Salesforce does not say.
    pub fn is_active(&self) -> bool {
        self.record.get("IsActive").and_then(serde_json::Value::as_bool).unwrap_or(false)
    }
}

/// What to find a user by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKey<'a> {
    /// `FederationIdentifier`, SCIM `externalId`.
    FederationId(&'a str),
    /// `Username`, SCIM `userName`.
    Username(&'a str),
}

/// Outcome of an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The user after the update, where Salesforce answered it (SCIM). A REST update has no answer: what was sent is
    /// what Salesforce holds, but for `Email`, which on an existing user may wait for that person's confirmation while
    /// the old value stays.
    pub echoed: Option<Account>,
}

/// A profile or permission set.
pub type Entitlement = dialect::Named;

/// A public group (Salesforce group of type `Regular`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicGroup {
    /// Salesforce id.
    pub id: String,
    /// Its label, which is not unique.
    pub name: String,
}
