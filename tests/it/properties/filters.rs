//! The matcher says what a naive reading of the RFC says.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use scim_bridge::scim::matcher::matches;

use super::generate::{filter_on, seen, words};
use super::oracle::Oracle;
use super::{cases, core};

#[test]
fn the_matcher_agrees_with_the_oracle() {
    for kind in [core::user(), core::group()] {
        let oracle = Oracle::new(&kind);
        let (asked, held) = (Cell::new(0_u32), Cell::new(0_u32));
        let resources = prop::collection::vec(seen(&kind, &words()), 1..4);
        let filter = filter_on(&kind, &words(), |_| true);
        TestRunner::new(cases(700))
            .run(&(filter, resources), |(filter, resources)| {
                if filter.check(&kind).is_err() {
                    return Ok(());
                }
                for resource in resources {
                    let found = matches(&filter, &kind, &resource);
                    asked.set(asked.get() + 1);
                    held.set(held.get() + u32::from(found));
                    let wanted = oracle.matches(&filter, &resource);
                    prop_assert_eq!(found, wanted, "{} on {}", filter, serde_json::Value::Object(resource));
                }
                Ok(())
            })
            .unwrap_or_else(|failure| panic!("{failure}"));
        // Neither answer is so rare that agreeing means nothing.
        let (asked, held) = (asked.get(), held.get());
        assert!(held * 10 > asked && held * 10 < asked * 9, "{held} of {asked} held");
    }
}
