//! The operations between two states of a resource lead from the one to the other.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use scim_bridge::scim::Attributes;
use scim_bridge::scim::patch::diff;
use scim_bridge::scim::schema::ResourceType;
use serde_json::{Value, json};

use super::generate::{document, texts};
use super::{cases, core};

/// Two resources, of which the second has much of the first.
fn two(kind: &Arc<ResourceType>) -> BoxedStrategy<(Attributes, Attributes)> {
    let kind = Arc::clone(kind);
    let both = (document(&kind, &texts()), document(&kind, &texts()));
    (both, any::<u64>(), any::<u64>())
        .prop_map(move |((from, other), kept, mixed)| {
            let mut to = other;
            for (index, (name, value)) in from.iter().enumerate() {
                if kept >> (index % 64) & 1 == 1 {
                    to.insert(name.clone(), value.clone());
                } else if let (Value::Array(old), Some(Value::Array(new))) = (value, to.get_mut(name))
                    && mixed >> (index % 64) & 1 == 1
                {
                    // Some of the old values, the first of them changed a little, and the new ones behind.
                    let mut old = old.clone();
                    for members in old.iter_mut().filter_map(Value::as_object_mut) {
                        members.insert("primary".into(), json!(false));
                    }
                    if let Some(display) = old.first_mut().and_then(|first| first.get_mut("display")) {
                        *display = json!("another");
                    }
                    old.truncate(3 - usize::from(kept & 1 == 1));
                    old.append(new);
                    *new = old;
                }
            }
            // Lists mixed so may hold what is no sub-attribute, or the same value twice.
            for list in ["addresses", "members", "levels", "times", "x509Certificates"] {
                if kind.core_attribute(list).is_none_or(|a| a.sub("primary").is_none())
                    && let Some(Value::Array(values)) = to.get_mut(list)
                {
                    for members in values.iter_mut().filter_map(Value::as_object_mut) {
                        members.shift_remove("primary");
                    }
                }
            }
            let to = core::create(&kind, to, false).expect("what the schemas allow");
            (from, core::check(&kind, to, false).expect("what was checked"))
        })
        .boxed()
}

fn leads_there(kind: &ResourceType, from: &Attributes, to: &Attributes) -> Result<(), TestCaseError> {
    let operations = diff(kind, from, to);
    for strict in [false, true] {
        let reached = core::apply(kind, from, &operations, strict);
        prop_assert_eq!(reached.as_ref(), Ok(to), "strict: {}, by {:#?}", strict, operations);
    }
    prop_assert_eq!(operations.is_empty(), from == to);
    prop_assert!(diff(kind, to, to).is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn of_users((from, to) in two(&core::user())) {
        leads_there(&core::user(), &from, &to)?;
        leads_there(&core::user(), &to, &from)?;
    }

    #[test]
    fn of_groups((from, to) in two(&core::group())) {
        leads_there(&core::group(), &from, &to)?;
        leads_there(&core::group(), &to, &from)?;
    }
}
