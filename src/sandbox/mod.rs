//! A simulated Salesforce org over real HTTP: token endpoint, SCIM, the part of REST that does what SCIM cannot, and a
//! page that shows what the org holds.
//!
//! It answers as Salesforce does where that is known, refusals and oddities included, so that a client that works here
//! has met them; what is not known of production is a switch ([`Switches`]) whose default makes a wrong client fail
//! soonest. Faults ([`Faults`]) are seeded and can be repeated. It knows nothing of the rest of this crate and serves
//! to test anything that talks to Salesforce.
//!
//! [`Org`] is the org without any network: calls go in, answers come out. [`store`] holds the records and the rules of
//! the database; `scim`, `rest` and `oauth` are its front ends.

mod admin;
mod archive;
mod config;
mod control;
mod dice;
mod faults;
pub mod ids;
mod journal;
mod oauth;
mod org;
mod page;
mod rest;
mod rows;
mod scim;
mod seeds;
mod server;
mod settings;
mod state;
pub mod store;
mod view;
mod wire;

pub use self::config::{ConfigError, read as read_config, start_all};
pub use self::faults::Faults;
pub use self::org::{Org, Outcome};
pub use self::rest::{BulkPace, RestSettings};
pub use self::seeds::{
    CustomFieldSeed, CustomType, GroupSeed, PermissionSetGroupSeed, PermissionSetLicenceSeed, PermissionSetSeed,
    ProfileSeed, RoleSeed, TriggerCode, TriggerSeed, UserSeed, ValidationRule,
};
pub use self::server::{Running, start};
pub use self::settings::{Clock, DefaultAlias, EmailConfirmation, Entropy, LoginError, OddPatch, Settings, Switches};
pub use self::store::registry::UsernameRegistry;
pub use self::wire::{Reply, Request};
