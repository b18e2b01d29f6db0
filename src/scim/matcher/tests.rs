use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{matches, matches_value};
use crate::scim::filter::Filter;
use crate::scim::path::PatchPath;
use crate::scim::schema::{Registry, ResourceType};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::standard().expect("the built-in schemas"));

fn user() -> Arc<ResourceType> {
    REGISTRY.user.clone()
}

fn ada() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "Abc-1", "externalId": "Ada.L", "userName": "Ada@Example.com", "active": true, "title": "Countess",
        "name": {"givenName": "Ada", "familyName": "Lovelace"}, "displayName": "",
        "emails": [
            {"type": "work", "value": "ada@work.example", "primary": true},
            {"type": "home", "value": "ada@home.example"},
        ],
        "photos": [{"type": "photo", "value": "https://example.com/A.png"}],
        "roles": [{"value": "Admin", "primary": true}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
            {"employeeNumber": "0815", "department": "Sales", "manager": {"value": "Boss-1"}},
        "meta": {"resourceType": "User", "created": "2026-01-01T00:00:00Z", "lastModified": "2026-03-01T12:00:00.5Z", "version": "W/\"a\""}
    })
}

#[test]
fn filters_on_a_user() {
    let user = user();
    let ada = ada();
    let ada = ada.as_object().expect("an object");
    let cases = [
        // caseExact: userName and emails.value fold, id and externalId do not (RFC 7643 3.1).
        (r#"userName eq "ADA@example.COM""#, true),
        (r#"USERNAME Eq "ａｄａ@example.com""#, true),
        (r#"id eq "Abc-1""#, true),
        (r#"id eq "abc-1""#, false),
        (r#"externalId eq "ada.l""#, false),
        (r#"photos.value eq "https://example.com/a.png""#, false),
        (r#"userName sw "ada" and userName co "@EX" and userName ew ".com""#, true),
        (r#"userName gt "aaa" and userName lt "b" and userName ge "ada@example.com""#, true),
        (r#"title ne "countess""#, false),
        (r#"title ne "Baroness""#, true),
        // ne holds where there is no value; and is the opposite of eq for several.
        (r#"nickName ne "x""#, true),
        (r#"emails.type ne "work""#, false),
        (r#"unheardOf eq "x""#, false),
        (r#"unheardOf ne "x""#, true),
        ("nickName eq null", true),
        ("title ne null", true),
        ("title eq null", false),
        // pr
        ("title pr", true),
        ("displayName pr", false),
        ("nickName pr", false),
        ("name pr", true),
        ("name.middleName pr", false),
        ("emails.primary pr", true),
        ("unheardOf pr", false),
        // booleans
        ("active eq true", true),
        (r#"active eq "True""#, true),
        (r#"active eq "false""#, false),
        ("active ne false", true),
        ("active gt false", false),
        // multi-valued: any value; the same value inside brackets
        (r#"emails.type eq "work" and emails.value co "@home""#, true),
        (r#"emails[type eq "work" and value co "@home"]"#, false),
        (r#"emails[type eq "home" and value co "@home"]"#, true),
        (r#"emails[type eq "work"].value eq "ADA@work.example""#, true),
        (r#"emails[type eq "home"].value eq "ada@work.example""#, false),
        (r#"emails[type eq "other"]"#, false),
        (r#"emails[not (type eq "work")]"#, true),
        (r#"not (emails[type eq "work"])"#, false),
        (r#"roles[primary eq "True"].value eq "admin""#, true),
        (r#"emails eq "ada@home.example""#, true),
        (r#"emails co "nobody""#, false),
        (r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#, true),
        // URNs, with and without
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales""#, true),
        (r#"URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user:manager.value eq "Boss-1""#, true),
        (r#"department eq "sales""#, true),
        ("manager eq Boss-1", true),
        ("employeeNumber eq 0815", true),
        // in time, not as text
        (r#"meta.created eq "2026-01-01T01:00:00+01:00""#, true),
        (r#"meta.lastModified gt "2026-03-01T12:00:00Z""#, true),
        (r#"meta.lastModified lt "2026-03-01T11:00:01-01:00""#, true),
        (r#"meta.lastModified ge "2026-03-01T12:00:01Z""#, false),
        (r#"meta.created sw "2026-01""#, true),
        (r#"meta.created eq "soon""#, false),
        (r#"meta.resourceType eq "User" and (title eq "x" or active eq true)"#, true),
        (r#"title eq "x" or active eq true and title eq "y""#, false),
    ];
    for (text, expected) in cases {
        let filter = Filter::parse(&user, text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(matches(&filter, &user, ada), expected, "{text}");
    }
}

#[test]
fn numbers_compare_as_numbers() {
    let mut user = (*user()).clone();
    let mut schema = (*user.schema).clone();
    let mut floor = schema.attribute("title").expect("title").clone();
    floor.name = "floor".into();
    floor.data_type = crate::scim::schema::DataType::Decimal;
    schema.attributes.push(floor);
    user.schema = schema.into();
    let person = json!({"floor": 10});
    for (text, expected) in [
        ("floor gt 9", true),
        ("floor eq 10.0", true),
        ("floor eq \"10\"", true),
        ("floor lt 9.5", false),
        ("floor ne 10", false),
    ] {
        let filter = Filter::parse(&user, text).expect(text);
        assert_eq!(matches(&filter, &user, person.as_object().expect("an object")), expected, "{text}");
    }
    // Integers are compared exactly, beyond what a float tells apart and beyond 63 bits.
    let person = json!({"floor": u64::MAX});
    for (text, expected) in [
        ("floor eq 18446744073709551615", true),
        ("floor eq 18446744073709551614", false),
        ("floor ne 18446744073709551614", true),
        ("floor gt 18446744073709551614", true),
        ("floor gt \"18446744073709551615\"", false),
        ("floor gt 9223372036854775807", true),
        ("floor gt -9223372036854775808", true),
        ("floor eq 18446744073709551616", true),
        ("floor gt 1.5", true),
    ] {
        let filter = Filter::parse(&user, text).expect(text);
        assert_eq!(matches(&filter, &user, person.as_object().expect("an object")), expected, "{text}");
    }
}

#[test]
fn one_value_of_an_attribute() {
    let user = user();
    let holds = |path: &str, value: Value| {
        let Ok(PatchPath::Values { attribute, filter, .. }) = PatchPath::parse(&user, path) else { panic!("{path}") };
        matches_value(&filter, user.core_attribute(&attribute.name).expect("an attribute"), &value)
    };
    let work = json!({"type": "work", "value": "A@x"});
    assert!(holds(r#"emails[type eq "WORK"]"#, work.clone()));
    assert!(holds(r#"emails[type eq "work" and value sw "a@"]"#, work.clone()));
    assert!(!holds("emails[primary eq true]", work.clone()));
    assert!(holds("emails[primary ne true]", work.clone()));
    assert!(holds("emails[value pr]", work));
    // The values of a simple attribute are called `value`.
    assert!(holds(r#"schemas[value eq "urn:x"]"#, json!("urn:x")));
    assert!(!holds(r#"schemas[value eq "urn:x"]"#, json!("urn:y")));
}

/// RFC 7644 7.5.2.
#[test]
fn what_is_never_answered_is_not_found_out() {
    let attribute = |name: &str, returned: &str| {
        json!({
            "name": name, "type": "string", "multiValued": false, "description": "", "required": false,
            "mutability": "readWrite", "returned": returned,
        })
    };
    let mut card = attribute("card", "default");
    card["type"] = json!("complex");
    card["subAttributes"] = json!([attribute("pin", "never"), attribute("brand", "default")]);
    let attributes = [attribute("secret", "never"), attribute("hint", "default"), card];
    let schema = json!({ "id": "urn:x:1.0", "name": "X", "description": "", "attributes": attributes });
    let schema = serde_json::from_value(schema).unwrap();
    let registry = Registry::standard().unwrap().with_extension(schema, "User", false).unwrap();
    let user = json!({ "urn:x:1.0": { "secret": "a", "hint": "a", "card": { "pin": "a", "brand": "a" } } });
    for (path, told) in [("secret", false), ("hint", true), ("card.pin", false), ("card.brand", true)] {
        for test in ["eq \"a\"", "sw \"a\"", "ne null", "pr"] {
            let path = path.split_once('.').map_or(path.to_owned(), |(name, sub)| format!("{name}[{sub} {test}]"));
            let test = if path.contains('[') { "" } else { test };
            for text in
                [format!("urn:x:1.0:{path} {test}"), format!("{} {test}", path.replace('[', ".").replace(']', ""))]
            {
                let filter = Filter::parse(&registry.user, &text).unwrap();
                assert_eq!(matches(&filter, &registry.user, user.as_object().unwrap()), told, "{text}");
            }
        }
    }
}
