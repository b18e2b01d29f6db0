//! Whole request bodies: what is JSON is taken for a resource, a PATCH message, a bulk request and a search.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim_bridge_fuzz::scim::message::{Limits, Query};
use scim_bridge_fuzz::{check_body, check_bulk, check_patch, in_time, read, samples};

const PAGE: Limits = Limits { default_count: 100, max_count: 200 };

fuzz_target!(|bytes: &[u8]| {
    in_time(|| {
        let Some(body) = read(bytes) else { return };
        for (kind, resource) in samples() {
            check_body(kind, &body);
            check_patch(kind, resource, &body);
        }
        check_bulk(&body);
        if let Ok(query) = Query::from_body(&body, PAGE) {
            assert!(query.page.count <= PAGE.max_count && query.page.start_index >= 1);
        }
    });
});
