//! What the tests stand on.

#[macro_use]
pub(crate) mod engine;
pub(crate) mod postgres;
pub(crate) mod trace;
