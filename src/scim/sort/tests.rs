//! Keys of documents, and the order of keys.

use serde_json::json;

use super::*;
use crate::scim::ENTERPRISE_SCHEMA;
use crate::scim::schema::{Registry, Schema};

fn by(path: &str) -> Sort {
    let registry = Registry::standard().unwrap();
    Sort::parse(&[&registry.user], path, SortOrder::Ascending, Strictness::Strict).unwrap()
}

fn text(text: &str) -> Key {
    Key::Text(text.into())
}

#[test]
fn the_key_is_the_value_that_counts() {
    let registry = Registry::standard().unwrap();
    let micros = |text: &str| Key::Time(time(text).unwrap().timestamp_micros());
    let user = json!({
        "id": "Ab", "externalId": "ExT", "userName": "ＡDA@Example.com", "active": true, "title": "",
        "name": { "familyName": "Straße" },
        "emails": [{ "value": "Z@x" }, { "value": "P@x", "primary": true, "type": "Work" }],
        "phoneNumbers": [{ "type": "home" }, { "value": "2" }],
        "roles": [],
        "schemas": ["urn:B", "urn:A"],
        "photos": [{ "value": "https://X/1" }],
        "groups": [{ "value": "G1", "display": "West" }],
        "meta": { "created": "2026-01-02T04:04:05.5+01:00", "lastModified": "soon" },
        ENTERPRISE_SCHEMA: { "department": "Sales", "manager": { "value": "M1" } },
    });
    let department = format!("{ENTERPRISE_SCHEMA}:department");
    let cases = [
        ("id", text("Ab")),
        ("externalId", text("ExT")),
        ("USERNAME", text("ada@example.com")),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", text("ada@example.com")),
        ("active", Key::Boolean(true)),
        ("title", Key::Missing),
        ("displayName", Key::Missing),
        ("name.familyName", text("straße")),
        ("name.givenName", Key::Missing),
        ("emails", text("p@x")),
        ("emails.value", text("p@x")),
        ("emails.type", text("work")),
        ("emails.primary", Key::Boolean(true)),
        ("phoneNumbers", Key::Missing),
        ("phoneNumbers.type", text("home")),
        ("roles", Key::Missing),
        ("schemas", text("urn:B")),
        ("photos", text("https://X/1")),
        ("groups", text("G1")),
        ("groups.display", text("west")),
        ("meta.created", micros("2026-01-02T03:04:05.5Z")),
        ("meta.lastModified", text("soon")),
        (department.as_str(), text("sales")),
        ("department", text("sales")),
        ("manager", text("M1")),
    ];
    for (path, expected) in cases {
        assert_eq!(by(path).key(&registry.user, user.as_object().unwrap()), expected, "{path}");
    }
}

#[test]
fn a_key_is_no_longer_than_a_cursor_takes() {
    let registry = Registry::standard().unwrap();
    let user = json!({ "title": "ä".repeat(LONGEST_KEY), "nickName": "a".repeat(LONGEST_KEY) });
    let user = user.as_object().unwrap();
    assert_eq!(by("title").key(&registry.user, user), text(&"ä".repeat(LONGEST_KEY / 2)));
    assert_eq!(by("nickName").key(&registry.user, user), text(&"a".repeat(LONGEST_KEY)));
    let user = json!({ "title": format!("a{}", "ä".repeat(LONGEST_KEY)) });
    let Key::Text(cut) = by("title").key(&registry.user, user.as_object().unwrap()) else { panic!("a text") };
    assert_eq!(cut.len(), LONGEST_KEY - 1, "no character is cut in two");
}

/// An extension whose attributes have the types that the standard schemas have no attribute of.
fn extended() -> Registry {
    let attribute = |name: &str, kind: &str, returned: &str| {
        json!({
            "name": name, "type": kind, "multiValued": false, "description": "", "required": false,
            "mutability": "readWrite", "returned": returned,
        })
    };
    let schema: Schema = serde_json::from_value(json!({
        "id": "urn:x:1.0", "name": "X", "description": "", "attributes": [
            attribute("level", "integer", "default"), attribute("rate", "decimal", "default"),
            attribute("pin", "string", "never"),
        ],
    }))
    .unwrap();
    Registry::standard().unwrap().with_extension(schema, "User", false).unwrap()
}

#[test]
fn numbers_are_put_in_order_exactly() {
    let registry = extended();
    let sort = Sort::parse(&[&registry.user], "urn:x:1.0:level", SortOrder::Ascending, Strictness::Strict).unwrap();
    let key = |value: Value| sort.key(&registry.user, json!({ "urn:x:1.0": { "level": value } }).as_object().unwrap());
    let ordered = [
        json!(-1e300),
        json!(i64::MIN),
        json!(-2),
        json!(0),
        json!(0.5),
        json!(9),
        json!("10"),
        json!(9_007_199_254_740_992_i64),
        json!(9_007_199_254_740_993_i64),
        json!(u64::MAX),
        json!("ten"),
        json!(null),
    ];
    let keys: Vec<Key> = ordered.iter().cloned().map(key).collect();
    for (index, pair) in keys.windows(2).enumerate() {
        assert!(pair[0] < pair[1], "{} before {}", ordered[index], ordered[index + 1]);
    }
    assert_eq!(key(json!(-0.0)), key(json!(0)));
    for key in keys {
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<Key>(&text).unwrap(), key, "{text}");
    }
}

#[test]
fn missing_values_are_last_and_turned_round_first() {
    let place = |key: Key, part: u8, id: &str| Place { key, part, id: id.into() };
    let ascending = [
        place(Key::Boolean(false), 0, "9"),
        place(Key::Boolean(true), 0, "8"),
        place(text("a"), 0, "2"),
        place(text("a"), 0, "3"),
        place(text("a"), 1, "1"),
        place(text("b"), 0, "1"),
        place(Key::Missing, 0, "5"),
        place(Key::Missing, 1, "4"),
    ];
    let turned = [6, 7, 5, 2, 3, 4, 1, 0];
    for (descending, order) in [(false, [0, 1, 2, 3, 4, 5, 6, 7]), (true, turned)] {
        for (before, a) in order.iter().enumerate() {
            for (after, b) in order.iter().enumerate() {
                let found = ascending[*a].compare(&ascending[*b], descending);
                assert_eq!(found, before.cmp(&after), "{a} {b} {descending}");
            }
        }
    }
}

#[test]
fn what_cannot_be_sorted_by_is_refused() {
    let registry = extended();
    let both: &[&ResourceType] = &[&registry.user, &registry.group];
    // sortBy; refused by default, refused when strict
    let table = [
        ("userName", None, None),
        ("name", Some("sortBy: name is complex"), Some("sortBy: name is complex")),
        ("meta", Some("sortBy: meta is complex"), Some("sortBy: meta is complex")),
        ("addresses", Some("sortBy: addresses is complex"), Some("sortBy: addresses is complex")),
        ("members", None, None),
        ("emails[type eq \"work\"].value", Some("sortBy: path: expected"), Some("sortBy: path: expected")),
        ("user name", Some("sortBy: path: expected"), Some("sortBy: path: expected")),
        ("a.b.c", Some("sortBy: path: expected"), Some("sortBy: path: expected")),
        (ENTERPRISE_SCHEMA, Some("sortBy: path: expected"), Some("sortBy: path: expected")),
        ("shoeSize", None, Some("sortBy: there is no attribute shoeSize")),
        ("name.shoeSize", None, Some("sortBy: there is no attribute name.shoeSize")),
        ("password", None, Some("sortBy: there is no attribute password")),
        ("urn:x:1.0:pin", None, Some("sortBy: there is no attribute urn:x:1.0:pin")),
    ];
    for (path, lenient, strict) in table {
        for (expected, strictness) in [(lenient, Strictness::Lenient), (strict, Strictness::Strict)] {
            let parsed = Sort::parse(both, path, SortOrder::Ascending, strictness);
            match (expected, parsed) {
                (None, Ok(_)) => {}
                (Some(words), Err(error)) => {
                    assert_eq!(error.scim_type, Some(crate::scim::ScimType::InvalidPath), "{path}");
                    assert!(error.detail.starts_with(words), "{path}: {}", error.detail);
                }
                (expected, parsed) => panic!("{path} {strictness:?}: {expected:?}, but {parsed:?}"),
            }
        }
    }
}

#[test]
fn what_is_never_answered_gives_no_order() {
    let registry = extended();
    let user = json!({ "password": "a", "urn:x:1.0": { "pin": "1" } });
    for path in ["password", "urn:x:1.0:pin", "shoeSize"] {
        let sort = Sort::parse(&[&registry.user], path, SortOrder::Ascending, Strictness::Lenient).unwrap();
        assert_eq!(sort.key(&registry.user, user.as_object().unwrap()), Key::Missing, "{path}");
        assert_eq!(sort.attribute(&registry.user), None, "{path}");
    }
}
