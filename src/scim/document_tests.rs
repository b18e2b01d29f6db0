//! Reading and writing documents by path.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::ENTERPRISE_SCHEMA;
use crate::scim::path::AttributePath;
use crate::scim::schema::{Registry, ResourceType};

fn path(text: &str) -> AttributePath {
    let (schema, rest) = match text.strip_prefix('+') {
        Some(rest) => (Some(ENTERPRISE_SCHEMA.to_owned()), rest),
        None => (None, text),
    };
    let (name, sub) = rest.split_once('.').map_or((rest, None), |(name, sub)| (name, Some(sub.to_owned())));
    AttributePath { schema, name: name.to_owned(), sub }
}

fn object(value: Value) -> Attributes {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn ada() -> Attributes {
    object(json!({
        "userName": "ada",
        "name": { "givenName": "Ada" },
        "emails": [{ "value": "a@x" }, { "value": "b@x", "primary": true }, { "type": "home" }],
        ENTERPRISE_SCHEMA: { "department": "Research", "manager": { "value": "7" } },
    }))
}

fn with<T>(text: &str, act: impl FnOnce(&Resolved<'_>) -> T) -> T {
    let user: ResourceType = Registry::standard().unwrap().user.as_ref().clone();
    act(&user.resolve(&path(text)).unwrap_or_else(|| panic!("{text} is no path")))
}

#[test]
fn values_are_found_by_path() {
    // path ("+" stands for the enterprise extension), get, values, preferred
    let emails = ada()["emails"].clone();
    let table = [
        ("USERNAME", Some(json!("ada")), json!(["ada"]), Some(json!("ada"))),
        ("name.givenName", Some(json!("Ada")), json!(["Ada"]), Some(json!("Ada"))),
        ("name.familyName", None, json!([]), None),
        ("emails", Some(emails.clone()), emails.clone(), Some(emails[1].clone())),
        ("emails.value", None, json!(["a@x", "b@x"]), Some(json!("b@x"))),
        ("emails.type", None, json!(["home"]), None),
        ("+department", Some(json!("Research")), json!(["Research"]), Some(json!("Research"))),
        ("+manager.value", Some(json!("7")), json!(["7"]), Some(json!("7"))),
        ("title", None, json!([]), None),
        ("phoneNumbers.value", None, json!([]), None),
    ];
    let document = ada();
    for (text, one, all, first) in table {
        with(text, |at| {
            assert_eq!(get(&document, at), one.as_ref(), "get {text}");
            assert_eq!(json!(values(&document, at)), all, "values {text}");
            assert_eq!(preferred(&document, at), first.as_ref(), "preferred {text}");
        });
    }
    let mut plain = ada();
    plain["emails"][1]["primary"] = json!(false);
    with("emails.value", |at| assert_eq!(preferred(&plain, at), Some(&json!("a@x")), "the first without a primary"));
}

#[test]
fn writing_makes_and_removing_clears_what_holds_a_value() {
    let mut document = object(json!({ "userName": "ada" }));
    with("name.givenName", |at| set(&mut document, at, json!("Ada")));
    with("+manager.value", |at| set(&mut document, at, json!("7")));
    with("+department", |at| set(&mut document, at, json!("Research")));
    assert_eq!(
        Value::Object(document.clone()),
        json!({ "userName": "ada", "name": { "givenName": "Ada" },
                ENTERPRISE_SCHEMA: { "manager": { "value": "7" }, "department": "Research" } })
    );
    assert!(with("+manager.value", |at| remove(&mut document, at)));
    assert_eq!(document[ENTERPRISE_SCHEMA], json!({ "department": "Research" }), "no empty manager is left");
    with("+department", |at| set(&mut document, at, Value::Null));
    with("name", |at| set(&mut document, at, json!({})));
    assert_eq!(Value::Object(document.clone()), json!({ "userName": "ada" }), "unassigned removes");
    assert!(!with("+department", |at| remove(&mut document, at)), "nothing there");
    assert!(!with("emails.value", |at| remove(&mut document, at)), "nothing there");
    with("emails.type", |at| set(&mut document, at, json!("work")));
    assert!(!document.contains_key("emails"), "no element is made up");
}

#[test]
fn sub_attributes_of_many_values_are_written_and_removed_in_each() {
    let mut document = ada();
    with("emails.type", |at| set(&mut document, at, json!("work")));
    assert_eq!(with("emails.type", |at| values(&document, at).len()), 3);
    assert!(with("emails.value", |at| remove(&mut document, at)));
    assert!(with("emails.primary", |at| remove(&mut document, at)));
    assert_eq!(document["emails"], json!([{ "type": "work" }, { "type": "work" }, { "type": "work" }]));
    assert!(with("emails.type", |at| remove(&mut document, at)));
    assert!(!document.contains_key("emails"), "no empty elements and no empty array are left");
}

proptest! {
    #[test]
    fn what_was_set_is_read_and_removed(
        text in prop::sample::select(vec!["title", "name.givenName", "name.middleName", "+division", "+manager.$ref"]),
        value in "[a-z]{1,5}",
        empty: bool,
    ) {
        let mut document = if empty { Attributes::new() } else { ada() };
        let expected = {
            let mut without = document.clone();
            with(text, |at| remove(&mut without, at));
            without
        };
        with(text, |at| set(&mut document, at, json!(value)));
        prop_assert_eq!(with(text, |at| get(&document, at).cloned()), Some(json!(value)));
        prop_assert!(with(text, |at| remove(&mut document, at)));
        prop_assert_eq!(with(text, |at| get(&document, at).cloned()), None);
        // name.givenName was there before: without it `name` is empty and goes as well.
        prop_assert_eq!(document, expected);
    }
}
