//! Bodies as identity providers write them, and as nobody does.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use scim_bridge::scim::ENTERPRISE_SCHEMA;
use scim_bridge::scim::schema::ResourceType;
use serde_json::{Map, Value, json};

use super::generate::{any_case, any_json, any_key, document, texts};
use super::{cases, core};

/// Members in the forms that identity providers give them.
fn shape() -> BoxedStrategy<(String, Value)> {
    let shapes = vec![
        ("active", json!("True")),
        ("active", json!(["false"])),
        ("emails", json!({"value": "a@x.de", "primary": "True"})),
        ("emails", json!("a@x.de")),
        (
            "emails",
            json!([{"value": "a", "type": "work"}, {"value": "A", "type": "Work", "primary": true}, {"value": ""}]),
        ),
        ("emails[type eq \"work\"].value", json!("b")),
        ("emails.value", json!("c")),
        ("phoneNumbers", json!([{"value": null, "type": "home"}, {"value": 123}])),
        ("roles", json!(["{\"value\":\"Admin\",\"displayName\":\"A\",\"primary\":\"True\"}", "{no"])),
        ("roles", json!([{"value": "{\"id\":\"1\",\"value\":\"{\\\"value\\\":\\\"x\\\"}\"}"}])),
        ("name", json!("Ada Lovelace")),
        ("name", json!({"givenName": null, "FamilyName": "", "nickname": "x"})),
        ("name.givenName", json!("Ada")),
        ("addresses", json!([{"type": "work", "streetAddress": ["x"]}, {}])),
        ("department", json!("Sales")),
        ("manager", json!("9")),
        ("manager", json!({"managerId": "9"})),
        ("costCenter", json!(7)),
        (ENTERPRISE_SCHEMA, json!({"department": "D", "manager": ["9"], "schemas": [ENTERPRISE_SCHEMA]})),
        (ENTERPRISE_SCHEMA, json!({"manager": {"value": "", "displayName": "Nobody"}, "DEPARTMENT": true})),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", json!({"value": "9"})),
        ("urn:okta:app:2.0:user:custom", json!({"badge": "B-17"})),
        ("schemas", json!(["urn:scim:schemas:core:2.0"])),
        ("schemas", json!([])),
        ("id", json!(null)),
        ("groups", json!([{"value": "g"}])),
        ("meta", json!({"created": "yesterday"})),
        ("title", json!({"value": "Dr"})),
        ("title", json!(["Dr", "Prof"])),
        ("password", json!("secret")),
        ("members", json!([{"value": "1", "$ref": null, "display": "x"}, "2"])),
        ("externalId", json!(12)),
        ("userName", json!(5)),
    ];
    select(shapes).prop_flat_map(|(name, value)| (any_case(name.to_owned()), Just(value))).boxed()
}

/// A body: what the schemas allow, with other members in place of some.
fn body(kind: &Arc<ResourceType>) -> BoxedStrategy<Value> {
    let odd = prop_oneof![4 => shape(), 1 => (any_key(), any_json())];
    (document(kind, &texts()), prop::collection::vec(odd, 0..6), any::<u32>())
        .prop_map(|(document, odd, kept)| {
            let document = document.into_iter().enumerate();
            let kept = document.filter(|(index, _)| kept >> (index % 32) & 1 == 1).map(|(_, member)| member);
            Value::Object(kept.chain(odd).collect::<Map<_, _>>())
        })
        .boxed()
}

/// Normalised twice is normalised once, and what is accepted stays as it is when it is sent back.
fn comes_to_rest(kind: &ResourceType, body: &Value) -> Result<(), TestCaseError> {
    for strict in [false, true] {
        let Ok(once) = core::resource(kind, body.clone(), strict) else { continue };
        let twice = core::resource(kind, Value::Object(once.clone()), strict);
        prop_assert_eq!(twice.as_ref(), Ok(&once), "strict: {}", strict);
        let Ok(document) = core::create(kind, once, strict) else { continue };
        let written = Value::Object(document).to_string();
        let back: Value = serde_json::from_str(&written).expect("JSON");
        let again = core::resource(kind, back, strict).and_then(|body| core::create(kind, body, strict));
        let again = again.map(|document| Value::Object(document).to_string());
        prop_assert_eq!(again, Ok(written), "strict: {}", strict);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn of_users_come_to_rest(body in body(&core::user())) {
        comes_to_rest(&core::user(), &body)?;
    }

    #[test]
    fn of_groups_come_to_rest(body in body(&core::group())) {
        comes_to_rest(&core::group(), &body)?;
    }

    #[test]
    fn of_any_json_come_to_rest(body in any_json()) {
        for kind in [core::user(), core::group()] {
            comes_to_rest(&kind, &body)?;
            let _ = core::operations(&kind, body.clone(), false);
        }
    }
}
