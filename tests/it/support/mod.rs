//! What the tests stand on.

pub(crate) mod app;
#[macro_use]
pub(crate) mod engine;
pub(crate) mod postgres;
#[macro_use]
pub(crate) mod rules;
pub(crate) mod selector;
pub(crate) mod trace;
pub(crate) mod urn;

use std::time::{Duration, Instant};

/// How long a test waits for what comes by itself: longer than that takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something is so; `what` says what never came.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
