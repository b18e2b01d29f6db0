//! Random inputs one after the other, for properties that ask a running bridge: there nothing is shrunk, and the seed
//! tells how to have the same again.

use std::hash::{BuildHasher, RandomState};

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, RngSeed, TestRng, TestRunner};

use super::cases;

/// A source of random inputs.
pub(super) struct Samples {
    runner: TestRunner,
    /// What a failure prints, and `PROPTEST_RNG_SEED` takes.
    pub(super) seed: u64,
    /// How many to take.
    pub(super) cases: u32,
}

impl Samples {
    pub(super) fn new(usual: u32) -> Self {
        let config = cases(usual);
        let seed = match config.rng_seed {
            RngSeed::Fixed(seed) => seed,
            RngSeed::Random => RandomState::new().hash_one(0),
        };
        let mut bytes = [0; 32];
        for (byte, of) in bytes.iter_mut().zip(seed.to_le_bytes()) {
            *byte = of;
        }
        let cases = config.cases;
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self { runner: TestRunner::new_with_rng(config, rng), seed, cases }
    }

    pub(super) fn next<T: std::fmt::Debug>(&mut self, strategy: &BoxedStrategy<T>) -> T {
        strategy.new_tree(&mut self.runner).expect("a value").current()
    }
}
