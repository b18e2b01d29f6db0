//! The strict core against random bodies.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::ENTERPRISE_SCHEMA;
use crate::scim::schema::Registry;
use Strictness::{Lenient, Strict};

/// Compared as text, so that the order counts.
fn text(document: Attributes) -> String {
    Value::Object(document).to_string()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        "[aB@ ]{0,3}".prop_map(Value::from),
    ];
    let name =
        prop::sample::select(vec!["value", "Type", "primary", "givenName", "department", "manager", "$ref", "x"]);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Values of the right shape most of the time, so that the rules after the types are reached as well.
fn any_member() -> impl Strategy<Value = (String, Value)> {
    let pair = ("[aAb]", prop::option::of("(work|Work|home)"), any::<Option<bool>>())
        .prop_map(|(value, kind, primary)| json!({ "primary": primary, "type": kind, "value": value }));
    prop_oneof![
        3 => (prop::sample::select(vec!["emails", "Roles", "phonenumbers"]), prop::collection::vec(pair, 0..4))
            .prop_map(|(name, values)| (name.to_owned(), Value::from(values))),
        2 => (prop::sample::select(vec!["title", "displayName", "password", "id"]), "[a-c]{0,2}")
            .prop_map(|(name, value)| (name.to_owned(), Value::from(value))),
        1 => "[a-c]{1,2}".prop_map(|value| (ENTERPRISE_SCHEMA.to_owned(), json!({ "manager": { "value": value } }))),
        1 => (prop::sample::select(vec!["name", "active", "emails", "meta", "schemas", ENTERPRISE_SCHEMA]), any_value())
            .prop_map(|(name, value)| (name.to_owned(), value)),
    ]
}

proptest! {
    #[test]
    fn what_is_accepted_is_canonical(members in prop::collection::vec(any_member(), 0..5), strict: bool) {
        let strictness = if strict { Strict } else { Lenient };
        let kind = Registry::standard().unwrap().user;
        let mut body: Attributes = members.into_iter().collect();
        body.insert("userName".into(), json!("ada"));
        if let Ok(document) = create(&kind, body, strictness) {
            let once = text(document.clone());
            for name in ["password", "id", "meta"] {
                prop_assert!(!document.contains_key(name), "{} in {}", name, once);
            }
            for empty in ["null", "[]", "{}"] {
                prop_assert!(!once.contains(empty), "{}", once);
            }
            let names: Vec<&str> = document.keys().map(String::as_str).collect();
            let order: Vec<&str> = std::iter::once("schemas")
                .chain(kind.common.iter().chain(&kind.schema.attributes).map(|a| a.name.as_str()).filter(|n| *n != "schemas"))
                .chain(kind.extensions.iter().map(|e| e.schema.id.as_str()))
                .filter(|name| names.contains(name))
                .collect();
            prop_assert_eq!(names, order);
            prop_assert_eq!(&text(create(&kind, document.clone(), strictness).unwrap()), &once, "again");
            prop_assert_eq!(&text(check(&kind, &Attributes::new(), document.clone(), strictness).unwrap()), &once, "checked");
            prop_assert_eq!(&text(replace(&kind, &document, document.clone(), strictness).unwrap()), &once, "put back");
        }
    }
}
