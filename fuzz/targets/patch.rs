//! PATCH: the first line is a resource as JSON, or nothing for one that is at hand; the rest is the message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim_bridge_fuzz::scim::{Strictness, validate};
use scim_bridge_fuzz::{check_patch, in_time, read, samples};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (first, Some(rest)) = (parts.next().unwrap_or_default(), parts.next()) else { return };
    let Some(message) = read(rest) else { return };
    let given = read(first).and_then(|value| value.as_object().cloned());
    in_time(|| {
        for (kind, sample) in samples() {
            let resource = match &given {
                None => validate::check(kind, sample.clone(), Strictness::Lenient),
                Some(given) => validate::create(kind, given.clone(), Strictness::Lenient),
            };
            if let Ok(resource) = resource {
                check_patch(kind, &resource, &message);
            }
        }
    });
});
