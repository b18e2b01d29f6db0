//! The one test binary: whole parts of the bridge together, over real HTTP, on real databases.

// Tells clippy that all of this is test code, the functions without `#[test]` too.
#![cfg(test)]

#[macro_use]
mod support;

mod architecture;
mod bad_input;
mod crash;
mod idp_traces;
mod openapi;
mod protocol;
mod salesforce;
mod sandbox;
mod tls;
