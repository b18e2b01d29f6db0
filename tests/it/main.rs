//! The one test binary: whole parts of the bridge together, over real HTTP, on real databases.

#[macro_use]
mod support;

mod architecture;
