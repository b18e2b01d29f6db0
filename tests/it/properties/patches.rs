//! PATCH in the pure core: no input makes it panic, what it makes is valid or refused, and what is there already is no
//! change.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use scim_bridge::scim::Attributes;
use scim_bridge::scim::schema::{Attribute, Mutability, ResourceType, Returned};
use serde_json::{Map, Value, json};

use super::generate::{any_case, any_json, any_key, any_patch_path, document, known_paths, texts, value};
use super::{cases, core};

/// A path in the text of a request: one that means something most of the time.
fn path(kind: &ResourceType) -> BoxedStrategy<String> {
    let known: Vec<String> = known_paths(kind).into_iter().map(|(path, _)| path.to_string()).collect();
    let by_value = select(vec![
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[value eq \"a\"].display",
        "addresses[type eq work].locality",
        "emails[primary eq true].value",
        "phoneNumbers[type eq \"x\" and primary eq \"True\"].value",
        "members[value eq \"a\"]",
        "emails[not (value pr)]",
        "roles[primary eq \"True\"].value",
        "emails[type ne \"work\"].primary",
        "manager[value eq \"1\"]",
    ]);
    prop_oneof![
        5 => select(known).prop_flat_map(any_case),
        3 => by_value.prop_map(str::to_owned),
        1 => any_patch_path(kind).prop_map(|path| path.to_string()),
        1 => any_key(),
    ]
    .boxed()
}

/// One operation, well-formed or nearly.
fn operation(kind: &Arc<ResourceType>) -> BoxedStrategy<Value> {
    let op = prop_oneof![
        8 => select(vec!["add", "remove", "replace"]),
        1 => select(vec!["Add", "REPLACE", "zap", ""]),
    ];
    let attributes: Vec<Attribute> = known_paths(kind).into_iter().map(|(_, attribute)| attribute).collect();
    let fitting: Vec<(String, Attribute)> =
        known_paths(kind).into_iter().map(|(path, attribute)| (path.to_string(), attribute)).collect();
    let at_fitting = select(fitting).prop_flat_map(|(path, attribute)| {
        (Just(Some(json!(path))), prop::option::weighted(0.9, value(&attribute, &texts())))
    });
    let any_value = prop_oneof![
        2 => select(attributes).prop_flat_map(|attribute| value(&attribute, &texts())),
        1 => any_json(),
    ];
    let at_any = (path(kind).prop_map(|path| Some(json!(path))), prop::option::weighted(0.8, any_value));
    let document = document(kind, &texts()).prop_map(Value::Object);
    let pathless = prop_oneof![1 => document, 1 => keyed(kind), 1 => any_json()].prop_map(|value| (None, Some(value)));
    let told = prop_oneof![4 => at_fitting, 4 => at_any, 1 => pathless];
    let message = (prop::option::weighted(0.95, op), told).prop_map(|(op, (path, value))| {
        let op = op.map(|op| json!(op));
        let members = [("op", op), ("path", path), ("value", value)];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Value>()
    });
    prop_oneof![30 => message, 1 => any_json()].boxed()
}

/// An object whose keys are paths.
fn keyed(kind: &Arc<ResourceType>) -> BoxedStrategy<Value> {
    let member = (path(kind), prop_oneof![texts().prop_map(Value::from), any_json()]);
    prop::collection::vec(member, 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
        .boxed()
}

/// The operations of a request.
pub(super) fn operations(kind: &Arc<ResourceType>) -> BoxedStrategy<Value> {
    prop::collection::vec(operation(kind), 0..5).prop_map(Value::from).boxed()
}

/// A PATCH message, well-formed or nearly.
fn message(kind: &Arc<ResourceType>) -> BoxedStrategy<Value> {
    let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"]);
    let proper = operations(kind).prop_map(move |operations| json!({"schemas": schemas, "Operations": operations}));
    prop_oneof![20 => proper, 1 => any_json()].boxed()
}

/// All the way of a request; a success is valid, as often as it is checked.
fn goes_through(kind: &ResourceType, resource: &Attributes, message: &Value) -> Result<(), TestCaseError> {
    for strict in [false, true] {
        let Ok(operations) = core::operations(kind, message.clone(), strict) else { continue };
        let operations = if kind.name == "Group" {
            let Ok(operations) = core::split_members(operations, strict) else { continue };
            operations
        } else {
            operations
        };
        let Ok(patched) = core::apply(kind, resource, &operations, strict) else { continue };
        let again = core::apply(kind, resource, &operations, strict);
        prop_assert_eq!(again.as_ref(), Ok(&patched), "another time");
        let Ok(checked) = core::check(kind, patched, strict) else { continue };
        for a in kind
            .schema
            .attributes
            .iter()
            .filter(|a| a.mutability == Mutability::ReadOnly || a.returned == Returned::Never)
        {
            prop_assert!(
                a.name == "password" && !checked.contains_key("password")
                    || checked.get(&a.name) == resource.get(&a.name)
            );
        }
        let text = Value::Object(checked.clone()).to_string();
        let twice = core::check(kind, checked, strict).map(|twice| Value::Object(twice).to_string());
        prop_assert_eq!(twice.as_ref(), Ok(&text), "checked again");
    }
    Ok(())
}

/// Every attribute replaced by itself, and added once more; as the client reads it, and each alone.
fn is_no_change(kind: &ResourceType, resource: &Attributes) -> Result<(), TestCaseError> {
    let whole = [json!({"op": "replace", "value": resource}), json!({"op": "add", "value": resource})];
    let each = resource
        .iter()
        .filter(|(name, _)| *name != "schemas")
        .flat_map(|(name, value)| ["replace", "add"].map(|op| json!({"op": op, "path": name, "value": value})));
    for operation in whole.into_iter().chain(each) {
        let message = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
        for strict in [false, true] {
            let operations = core::operations(kind, message.clone(), strict).expect("a message");
            let patched = core::apply(kind, resource, &operations, strict);
            let checked = patched.and_then(|patched| core::check(kind, patched, false));
            prop_assert_eq!(checked.as_ref(), Ok(resource), "strict: {}, {}", strict, operation);
        }
    }
    Ok(())
}

/// A resource as a lenient client leaves it: no empty texts, no JSON text for a role.
fn normal(kind: &Arc<ResourceType>) -> BoxedStrategy<Attributes> {
    let kind = Arc::clone(kind);
    document(&kind, &texts())
        .prop_map(move |document| {
            let normal = core::resource(&kind, Value::Object(document), false).expect("a body");
            core::create(&kind, normal, false).expect("what the schemas allow")
        })
        .boxed()
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn of_a_user_make_what_is_valid((resource, message) in (document(&core::user(), &texts()), message(&core::user()))) {
        goes_through(&core::user(), &resource, &message)?;
    }

    #[test]
    fn of_a_group_make_what_is_valid((resource, message) in (document(&core::group(), &texts()), message(&core::group()))) {
        goes_through(&core::group(), &resource, &message)?;
    }

    #[test]
    fn what_is_there_already_is_no_change(resource in normal(&core::plain_user())) {
        is_no_change(&core::plain_user(), &resource)?;
    }
}
