//! What is answered, whatever a client asks for.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use scim_bridge::scim::Attributes;
use scim_bridge::scim::document::is_unassigned;
use scim_bridge::scim::projection::Projection;
use scim_bridge::scim::schema::{Attribute, ResourceType, Returned};
use serde_json::{Value, json};

use super::generate::{any_case, any_path, hostile, known_path, seen, words};
use super::{cases, core};

/// The text of a parameter.
fn list(kind: &Arc<ResourceType>) -> BoxedStrategy<String> {
    let urns: Vec<String> =
        kind.extensions.iter().map(|e| e.schema.id.clone()).chain([kind.schema.id.clone()]).collect();
    let name = prop_oneof![
        6 => known_path(kind).prop_map(|(path, _)| path.to_string()),
        1 => any_path(kind).prop_map(|path| path.to_string()),
        1 => select(urns).prop_flat_map(any_case),
        1 => select(vec!["", " ", "nonsense", "emails[type eq \"work\"].value", "*", "password"]).prop_map(str::to_owned),
        1 => hostile(),
    ];
    prop::collection::vec(name, 0..4).prop_map(|names| names.join(",")).boxed()
}

/// A resource as it never is stored: with what must never be answered.
fn full(kind: &Arc<ResourceType>) -> BoxedStrategy<Attributes> {
    let is_user = kind.name == "User";
    seen(kind, &words())
        .prop_map(move |mut resource| {
            if is_user {
                resource.insert("password".into(), json!("never"));
            }
            resource
        })
        .boxed()
}

/// Each attribute of the schemas with its value in the resource and in the answer.
fn pairs<'a>(
    kind: &'a ResourceType,
    resource: &'a Attributes,
    answer: &'a Attributes,
) -> Vec<(String, &'a Attribute, Option<&'a Value>, Option<&'a Value>)> {
    let core = kind.common.iter().chain(&kind.schema.attributes);
    let core = core.map(|a| (a.name.clone(), a, resource.get(&a.name), answer.get(&a.name)));
    let extensions = kind.extensions.iter().flat_map(|extension| {
        let urn = &extension.schema.id;
        extension.schema.attributes.iter().map(move |a| {
            let of = |document: &'a Attributes| document.get(urn).and_then(|members| members.get(&a.name));
            (format!("{urn}:{}", a.name), a, of(resource), of(answer))
        })
    });
    core.chain(extensions).filter(|(_, _, before, _)| before.is_some()).collect()
}

fn elements(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

fn holds(
    kind: &ResourceType,
    resource: &Attributes,
    attributes: Option<&str>,
    excluded: Option<&str>,
) -> Result<(), TestCaseError> {
    let Ok(projection) = Projection::parse(kind, attributes, excluded) else { return Ok(()) };
    let answer = projection.apply(kind, resource.clone());
    let only = projection.attributes_given();
    for (key, attribute, before, after) in pairs(kind, resource, &answer) {
        let subs = |which: Returned| attribute.sub_attributes.iter().filter(move |sub| sub.returned == which);
        // Nothing is made up, and nothing is left that is nothing.
        prop_assert!(after.is_none_or(|value| !is_unassigned(value)), "{} is empty", key);
        match attribute.returned {
            Returned::Never => prop_assert_eq!(after, None, "{}", key),
            // It tells what is there, which is less than there was: see below.
            Returned::Always if key == "schemas" => {}
            Returned::Always => prop_assert_eq!(after, before, "{}", key),
            Returned::Request => prop_assert!(after.is_none() || only, "{} was not asked for", key),
            Returned::Default if attributes.is_none() && excluded.is_none() => {
                prop_assert!(after.is_some() || subs(Returned::Default).count() == 0 || before.is_some(), "{}", key);
            }
            Returned::Default => {}
        }
        for value in after.into_iter().flat_map(elements) {
            for sub in subs(Returned::Never) {
                prop_assert_eq!(value.get(&sub.name), None, "{}.{}", key, sub.name);
            }
            if !only {
                for sub in subs(Returned::Request) {
                    prop_assert_eq!(value.get(&sub.name), None, "{}.{} was not asked for", key, sub.name);
                }
            }
        }
        if let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after) {
            for sub in subs(Returned::Always) {
                prop_assert_eq!(after.get(&sub.name), before.get(&sub.name), "{}.{}", key, sub.name);
            }
        }
    }
    // `schemas` tells what is there (RFC 7643 3).
    let told: Vec<&str> = answer["schemas"].as_array().expect("schemas").iter().filter_map(Value::as_str).collect();
    let there = kind.extensions.iter().map(|e| e.schema.id.as_str()).filter(|urn| answer.contains_key(*urn));
    prop_assert_eq!(told, std::iter::once(kind.schema.id.as_str()).chain(there).collect::<Vec<_>>());
    // What is not wanted need not be read: then it is not in the answer either.
    for name in resource.keys().filter(|name| !projection.wants(name)) {
        prop_assert!(!answer.contains_key(name), "{} is answered, and not wanted", name);
    }
    Ok(())
}

/// By a name that is alone in its parameter, which says it all.
fn one_name(kind: &ResourceType, resource: &Attributes, name: &str) -> Result<(), TestCaseError> {
    let only = Projection::parse(kind, Some(name), None).expect("a name").apply(kind, resource.clone());
    let except = Projection::parse(kind, None, Some(name)).expect("a name").apply(kind, resource.clone());
    for (key, attribute, before, after) in pairs(kind, resource, &only) {
        let named = key.eq_ignore_ascii_case(name);
        let expected = match attribute.returned {
            Returned::Never => false,
            Returned::Always => true,
            Returned::Default | Returned::Request => named,
        };
        // Of a complex attribute some sub-attributes may be kept back, and with them all that there was.
        if attribute.sub_attributes.is_empty() {
            prop_assert_eq!(after.is_some(), expected, "attributes={}: {} of {:?}", name, key, before);
        }
    }
    for (key, attribute, _, after) in pairs(kind, resource, &except) {
        let named = key.eq_ignore_ascii_case(name);
        let expected = match attribute.returned {
            Returned::Never | Returned::Request => false,
            Returned::Always => true,
            Returned::Default => !named,
        };
        if attribute.sub_attributes.is_empty() {
            prop_assert_eq!(after.is_some(), expected, "excludedAttributes={}: {}", name, key);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn keep_what_is_never_returned_and_give_what_always_is(
        resource in full(&core::user()),
        attributes in prop::option::of(list(&core::user())),
        excluded in prop::option::of(list(&core::user())),
    ) {
        holds(&core::user(), &resource, attributes.as_deref(), excluded.as_deref())?;
    }

    #[test]
    fn of_groups_too(
        resource in full(&core::group()),
        attributes in prop::option::of(list(&core::group())),
        excluded in prop::option::of(list(&core::group())),
    ) {
        holds(&core::group(), &resource, attributes.as_deref(), excluded.as_deref())?;
    }

    #[test]
    fn by_one_name(
        resource in full(&core::user()),
        (path, _) in known_path(&core::user()),
    ) {
        prop_assume!(path.sub.is_none() && path.schema.as_deref().is_none_or(|urn| !urn.eq_ignore_ascii_case(&core::user().schema.id)));
        let kind = core::user();
        // Without its URN an attribute of an extension is no name in these lists.
        prop_assume!(path.schema.is_some() || kind.core_attribute(&path.name).is_some());
        one_name(&kind, &resource, &path.to_string())?;
    }
}
