//! What must hold of the protocol's pure core for any input, and of the whole bridge for many.
//!
//! `PROPTEST_CASES` sets the number of cases of each property, `PROPTEST_RNG_SEED` the seed. A pure property that fails
//! prints the smallest input it found and keeps its seed under `proptest-regressions`; one over HTTP prints its seed.

mod bodies;
mod core;
mod differences;
mod filters;
mod generate;
mod oracle;
mod patches;
mod projections;
mod samples;
mod stored;
mod text;

use proptest::test_runner::Config;

/// The number of cases that the environment asks for, else this many.
fn cases(usual: u32) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let environment = Config::default();
    Config { cases: if asked { environment.cases } else { usual }, ..environment }
}
