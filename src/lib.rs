//! scim-bridge: a SCIM 2.0 service provider that brings a Salesforce org to the state an identity provider asked for.
//!
//! ```text
//!  IdP ──HTTP──▶ http ──▶ scim (pure protocol) ──▶ provisioning ──one transaction──▶ shadow + outbox
//!                                                                                        │
//!  Salesforce ◀──HTTP── salesforce (client, dialect) ◀── delivery (desired − observed) ◀─┘
//! ```
//!
//! Arrows point one way; `tests/it/architecture.rs` fails on any other. What each folder is and must not know stands
//! in `docs/architecture.md`.

pub mod access;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod delivery;
pub mod entitlement;
pub mod http;
pub mod provisioning;
pub mod reconcile;
pub mod salesforce;
pub mod sandbox;
pub mod scim;
pub mod shadow;
pub mod telemetry;
