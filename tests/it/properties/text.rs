//! What is written reads back as what it was.

use std::fmt::{Debug, Display};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use scim_bridge::scim::Strictness::{Lenient, Strict};
use scim_bridge::scim::filter::{Filter, MAX_LENGTH};
use scim_bridge::scim::path::{AttributePath, PatchPath};
use scim_bridge::scim::schema::ResourceType;
use scim_bridge::scim::{Error, Strictness};

use super::generate::{any_filter, any_patch_path, any_path, hostile, texts};
use super::{cases, core};

/// Texts that are nearly filters and paths.
fn nearly() -> BoxedStrategy<String> {
    let mutilated = (any_filter(&core::user()), any::<prop::sample::Index>(), texts()).prop_map(|(filter, at, put)| {
        let mut text: Vec<char> = filter.to_string().chars().collect();
        let at = at.index(text.len());
        text.splice(at..(at + put.chars().count() % 3).min(text.len()), put.chars());
        text.into_iter().collect()
    });
    prop_oneof![3 => mutilated, 1 => hostile(), 1 => "[a-z.:\\[\\]()\" ]{0,30}"].boxed()
}

/// Read either way, what is written is what it was.
fn reads_back<T: Display + Debug + PartialEq>(
    value: &T,
    parse: impl Fn(&ResourceType, &str, Strictness) -> Result<T, Error>,
) -> Result<(), TestCaseError> {
    let text = value.to_string();
    if text.len() > MAX_LENGTH {
        return Ok(());
    }
    for strictness in [Lenient, Strict] {
        let read = parse(&core::user(), &text, strictness);
        prop_assert_eq!(read.as_ref(), Ok(value), "{} read {:?}", text, strictness);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn filters_read_back(filter in any_filter(&core::user())) {
        reads_back(&filter, Filter::parse_with)?;
    }

    #[test]
    fn attribute_paths_read_back(path in any_path(&core::user())) {
        let text = path.to_string();
        prop_assert_eq!(AttributePath::parse(&core::user(), &text), Ok(path), "{}", text);
    }

    #[test]
    fn patch_paths_read_back(path in any_patch_path(&core::user())) {
        reads_back(&path, PatchPath::parse_with)?;
    }

    /// Whatever is read at all is written so that it reads back, and the strict reading is no other than the lenient.
    #[test]
    fn what_is_read_is_written_as_what_it_is(text in nearly()) {
        let user = core::user();
        let strict = Filter::parse_with(&user, &text, Strict);
        if let Ok(filter) = Filter::parse_with(&user, &text, Lenient) {
            let written = filter.to_string();
            if written.len() <= MAX_LENGTH {
                prop_assert_eq!(Filter::parse_with(&user, &written, Strict), Ok(filter));
            }
        } else {
            prop_assert!(strict.is_err(), "strictly {:?} is a filter", text);
        }
        if let Ok(path) = PatchPath::parse(&user, &text) {
            let written = path.to_string();
            if written.len() <= MAX_LENGTH {
                prop_assert_eq!(PatchPath::parse_with(&user, &written, Strict), Ok(path));
            }
        }
    }
}
