//! Query strings: the part after `?`, percent-encoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim_bridge_fuzz::scim::message::{Limits, Query};
use scim_bridge_fuzz::scim::projection::Projection;
use scim_bridge_fuzz::{check_filter, check_path, in_time, samples};

const PAGE: Limits = Limits { default_count: 100, max_count: 200 };

fuzz_target!(|bytes: &[u8]| {
    in_time(|| {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(bytes).into_owned().collect();
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let Ok(query) = Query::from_pairs(pairs, PAGE) else { return };
        assert!(query.page.count <= PAGE.max_count && query.page.start_index >= 1);
        assert!(query.page.offset() >= 0 && query.page.limit() >= 0);
        if let Some(filter) = &query.filter {
            check_filter(filter);
        }
        if let Some(by) = &query.sort_by {
            check_path(by);
        }
        for (kind, resource) in samples() {
            let (only, except) = (query.attributes.as_deref(), query.excluded_attributes.as_deref());
            let Ok(projection) = Projection::parse(kind, only, except) else { continue };
            let answer = projection.apply(kind, resource.clone());
            assert_eq!(answer.get("id"), resource.get("id"), "id is always returned");
            assert!(answer.contains_key("schemas"), "schemas are always returned");
            assert_eq!(projection.apply(kind, answer.clone()), answer, "projected again");
        }
    });
});
