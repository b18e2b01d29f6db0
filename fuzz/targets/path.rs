//! Paths of attributes and of PATCH operations: any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim_bridge_fuzz::{check_path, in_time};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        in_time(|| check_path(text));
    }
});
