//! The one test binary: whole parts of the bridge together, over real HTTP, on real databases.

// Tells clippy that all of this is test code, the functions without `#[test]` too.
#![cfg(test)]

#[macro_use]
mod support;

mod acknowledge;
mod architecture;
mod bad_input;
mod bench;
mod bulk;
mod chaos;
mod check;
mod complaints;
mod conformance;
mod cost;
mod crash;
mod deliveries;
mod entitlements;
mod extensions;
mod fire;
mod guard;
mod idp_traces;
mod idps;
mod mapping;
mod model;
mod openapi;
mod outbox;
mod properties;
mod protocol;
mod quota;
mod reconcile;
mod reload;
mod requests;
mod salesforce;
mod sandbox;
mod search;
mod store;
mod surface;
mod tls;
