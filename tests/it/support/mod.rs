//! What the tests stand on.

pub(crate) mod app;
#[macro_use]
pub(crate) mod engine;
pub(crate) mod postgres;
pub(crate) mod selector;
pub(crate) mod trace;
pub(crate) mod urn;
