//! What is answered, whatever a client asks for.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestCaseError;
use scim_bridge::scim::document::is_unassigned;
use scim_bridge::scim::message::text::{self, Parts};
use scim_bridge::scim::message::{answer, etag};
use scim_bridge::scim::model::Meta;
use scim_bridge::scim::projection::Projection;
use scim_bridge::scim::schema::{Attribute, ResourceType, Returned};
use scim_bridge::scim::{Attributes, DELIVERY_SCHEMA};
use serde_json::{Value, json};

use super::generate::{any_case, any_path, document, hostile, known_path, seen, words};
use super::{cases, core};

/// An extension that was configured once.
const GONE: &str = "urn:gone";

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

/// The name of an attribute as a whole. One of an extension needs its URN in these lists.
fn whole_attribute(kind: &Arc<ResourceType>) -> BoxedStrategy<String> {
    let core = kind.common.iter().chain(&kind.schema.attributes).map(|attribute| attribute.name.clone());
    let extensions = kind.extensions.iter().map(|extension| &extension.schema);
    let theirs = extensions.flat_map(|schema| schema.attributes.iter().map(|a| format!("{}:{}", schema.id, a.name)));
    select(core.chain(theirs).collect::<Vec<_>>()).prop_flat_map(any_case).boxed()
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

/// What a resource was stored under, and what it is answered under: operators change their extensions.
fn configurations() -> Vec<(Arc<ResourceType>, Arc<ResourceType>)> {
    vec![
        (core::plain_user(), core::plain_user()),
        (core::user(), core::user()),
        (core::user(), core::plain_user()),
        (core::user(), core::reduced_user()),
        (core::plain_user(), core::user()),
        (core::group(), core::group()),
    ]
}

/// A resource as it is stored, sometimes with `schemas` that say something else than what is there.
fn stored(kind: &Arc<ResourceType>) -> BoxedStrategy<Attributes> {
    let urns: Vec<String> =
        kind.extensions.iter().map(|e| e.schema.id.clone()).chain([kind.schema.id.clone()]).collect();
    let wrong = (subsequence(urns.clone(), 0..=urns.len()), any::<prop::sample::Index>(), any::<bool>());
    let texts = prop_oneof![2 => words(), 1 => hostile()].boxed();
    (document(kind, &texts), prop::option::weighted(0.3, wrong))
        .prop_map(|(mut document, wrong)| {
            // They are rows.
            document.shift_remove("members");
            if let Some((mut schemas, place, left)) = wrong {
                // Among them one that is no more: a list of none but known ones is as validation leaves it.
                schemas.insert(place.index(schemas.len() + 1), GONE.to_owned());
                document.insert("schemas".into(), json!(schemas));
                if left {
                    document.insert(GONE.into(), json!({"left": "over"}));
                }
            }
            document
        })
        .boxed()
}

/// The answer from the text of a stored resource and that from its values.
fn says_the_same(
    kind: &ResourceType,
    stored: Attributes,
    beside: Vec<(&str, Value)>,
    projection: &Projection,
) -> Result<(), TestCaseError> {
    let meta = Meta { resource_type: Some(kind.name.clone()), version: Some(etag(3)), ..Meta::default() };
    let document = Value::Object(stored.clone()).to_string();
    let mut whole = stored;
    whole.extend(beside.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let expected = Value::Object(projection.apply(kind, answer(kind, "u\"1", whole, &meta)));
    let beside = beside.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    let mut text = String::new();
    let parts = Parts { id: "u\"1", document: &document, beside, meta: meta.to_json() };
    prop_assert_eq!(text::resource(&mut text, kind, projection, &parts), Some(()));
    let read: Value = serde_json::from_str(&text).expect("JSON");
    prop_assert_eq!(&read, &expected, "{}", document);
    // A name that is there twice would be read once.
    prop_assert_eq!(text.len(), expected.to_string().len(), "{}", text);
    Ok(())
}

proptest! {
    #![proptest_config(cases(600))]

    /// Stored resources are answered without being read, as if they had been.
    #[test]
    fn from_text_as_from_values(
        (at, resource, attributes, excluded) in (0..configurations().len()).prop_flat_map(|at| {
            let (written, read) = configurations().swap_remove(at);
            (Just(at), stored(&written), prop::option::of(list(&read)), prop::option::weighted(0.6, list(&read)))
        }),
        memberships: bool,
        delivery: bool,
    ) {
        let (_, kind) = configurations().swap_remove(at);
        let Ok(projection) = Projection::parse(&kind, attributes.as_deref(), excluded.as_deref()) else { return Ok(()) };
        let name = if kind.name == "User" { "groups" } else { "members" };
        let mut beside = Vec::new();
        if memberships {
            beside.push((name, json!([{"value": "7", "$ref": "https://x/7", "type": "direct"}, {"value": "8"}])));
        }
        if delivery {
            beside.push((DELIVERY_SCHEMA, json!({"state": "held", "attempts": 2})));
        }
        says_the_same(&kind, resource, beside, &projection)?;
    }
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
    fn by_one_name(resource in full(&core::user()), name in whole_attribute(&core::user())) {
        one_name(&core::user(), &resource, &name)?;
    }
}
