//! The strict core.

use serde_json::json;

use super::*;
use crate::scim::schema::{Registry, Schema};
use crate::scim::{DELIVERY_SCHEMA, ENTERPRISE_SCHEMA, GROUP_SCHEMA, ScimType, USER_SCHEMA};
use Strictness::{Lenient, Strict};

fn object(value: Value) -> Attributes {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// Compared as text, so that the order counts.
fn text(document: Attributes) -> String {
    Value::Object(document).to_string()
}

fn user(body: Value, strictness: Strictness) -> Result<Attributes, Error> {
    create(&Registry::standard().unwrap().user, object(body), strictness)
}

fn group(body: Value) -> Result<Attributes, Error> {
    create(&Registry::standard().unwrap().group, object(body), Lenient)
}

#[test]
fn a_body_comes_out_in_canonical_form() {
    let body = json!({
        ENTERPRISE_SCHEMA.to_ascii_uppercase(): {
            "MANAGER": { "displayName": "Boss", "value": "7" }, "schemas": [ENTERPRISE_SCHEMA], "department": "Research",
        },
        "EMAILS": [
            { "type": "work", "VALUE": "Ada@x" }, {}, null,
            { "primary": true, "value": "ada@X", "type": "Work", "display": "Ada" },
            { "value": "ada@x", "type": "home" },
        ],
        "meta": { "resourceType": 5 }, "id": "mine", "groups": "nonsense", DELIVERY_SCHEMA: { "state": "delivered" },
        "password": "secret", "title": null, "name": { "givenName": null }, "roles": [], "phoneNumbers": [{ "value": null }],
        "active": false, "nickName": "",
        "username": "ada", "externalId": "e1",
        "schemas": [USER_SCHEMA.to_ascii_lowercase(), ENTERPRISE_SCHEMA, DELIVERY_SCHEMA],
    });
    let expected = json!({
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA],
        "externalId": "e1",
        "userName": "ada",
        "nickName": "",
        "active": false,
        "emails": [
            { "value": "Ada@x", "display": "Ada", "type": "work", "primary": true },
            { "value": "ada@x", "type": "home" },
        ],
        ENTERPRISE_SCHEMA: { "department": "Research", "manager": { "value": "7" } },
    });
    for strictness in [Lenient, Strict] {
        assert_eq!(text(user(body.clone(), strictness).unwrap()), expected.to_string());
    }
}

#[test]
fn what_is_wrong_is_named() {
    // The attributes beside userName, and the detail of the refusal.
    let table = [
        (json!({ "emails": [{ "value": "a" }, { "value": 5 }] }), "emails[1].value: must be a string, not a number"),
        (json!({ "emails": { "value": "a" } }), "emails: must be an array, not an object"),
        (json!({ "emails": "a" }), "emails: must be an array, not a string"),
        (json!({ "emails": ["a"] }), "emails[0]: must be an object, not a string"),
        (json!({ "emails": [[1]] }), "emails[0]: must be an object, not an array"),
        (json!({ "name": "Ada" }), "name: must be an object, not a string"),
        (json!({ "name": [{ "givenName": "Ada" }] }), "name: must be one value, not an array"),
        (json!({ "name": { "givenname": true } }), "name.givenName: must be a string, not a boolean"),
        (json!({ "name": { "nonsense": 1 } }), "name.nonsense: there is no such sub-attribute"),
        (json!({ "active": "True" }), "active: must be a boolean (true or false), not a string"),
        (json!({ "active": 1 }), "active: must be a boolean (true or false), not a number"),
        (json!({ "password": 1 }), "password: must be a string, not a number"),
        (json!({ "title": { "a": 1 } }), "title: must be a string, not an object"),
        (json!({ "title": "a\u{0}b" }), "title: must not contain the character U+0000"),
        (json!({ "nonsense": null }), "nonsense: User has no such attribute"),
        (json!({ "department": "x" }), "department: User has no such attribute"),
        (json!({ "USERNAME": "again" }), "userName is given twice"),
        (json!({ "name": { "givenName": "a", "GivenName": "b" } }), "name.givenName is given twice"),
        (json!({ "urn:nonsense": {} }), "urn:nonsense: User has no such attribute"),
        (json!({ ENTERPRISE_SCHEMA: "x" }), &format!("{ENTERPRISE_SCHEMA}: must be an object, not a string")),
        (json!({ ENTERPRISE_SCHEMA: { "x": 1 } }), &format!("{ENTERPRISE_SCHEMA}:x: there is no such attribute")),
        (
            json!({ ENTERPRISE_SCHEMA: { "manager": { "value": 5 } } }),
            &format!("{ENTERPRISE_SCHEMA}:manager.value: must be a string, not a number"),
        ),
        (
            json!({ ENTERPRISE_SCHEMA: { "division": "a" }, ENTERPRISE_SCHEMA.to_ascii_uppercase(): { "division": "b" } }),
            &format!("{ENTERPRISE_SCHEMA} is given twice"),
        ),
        (json!({ "x509Certificates": [{ "value": "§" }] }), "x509Certificates[0].value: must be base64"),
        (
            json!({ "x509Certificates": [{ "value": 1 }] }),
            "x509Certificates[0].value: must be a string in base64, not a number",
        ),
        (
            json!({ "roles": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }),
            "roles: only one value can be primary",
        ),
        (json!({ "schemas": USER_SCHEMA }), "schemas: must be an array"),
        (json!({ "SCHEMAS": 5 }), "schemas: must be an array"),
        (json!({ "schemas": [USER_SCHEMA, 5] }), "schemas[1]: must be a string"),
        (
            json!({ "schemas": [USER_SCHEMA, GROUP_SCHEMA] }),
            &format!("schemas[1]: {GROUP_SCHEMA} is no schema of User"),
        ),
    ];
    for (others, detail) in table {
        let mut body = object(json!({ "userName": "ada" }));
        body.extend(object(others.clone()));
        let error = user(Value::Object(body), Lenient).map(text).expect_err(&others.to_string());
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{others}");
        assert_eq!(error.detail, detail, "{others}");
    }
    let long = "x".repeat(10_000);
    assert!(
        user(json!({ "userName": "a", long: 1 }), Lenient).unwrap_err().detail.len() < 300,
        "long names are clipped"
    );
}

#[test]
fn required_attributes_must_have_a_value() {
    for body in [json!({}), json!({ "userName": null }), json!({ "userName": "" }), json!({ "userName": "  " })] {
        assert_eq!(user(body.clone(), Lenient).unwrap_err().detail, "userName is required", "{body}");
    }
    assert_eq!(group(json!({ "externalId": "x" })).unwrap_err().detail, "displayName is required");
    let members = json!({ "displayName": "g", "members": [{ "value": "1" }, { "type": "User" }] });
    assert_eq!(group(members).unwrap_err().detail, "members[1].value is required");
    let empty = json!({ "displayName": "g", "members": [{ "value": null }, {}] });
    assert!(!group(empty).unwrap().contains_key("members"), "an element without anything is none");
}

#[test]
fn strictness_decides_about_values_that_nothing_depends_on() {
    // The attributes beside userName and schemas, and what is said of them in strict mode.
    let table = [
        (
            json!({ "addresses": [{ "country": "Germany" }] }),
            "addresses[0].country: must be an ISO 3166-1 alpha-2 code such as DE",
        ),
        (json!({ "profileUrl": "junk" }), "profileUrl: must be a well-formed reference"),
        (json!({ "photos": [{ "value": "a b" }] }), "photos[0].value: must be a well-formed reference"),
        (
            json!({ "schemas": [USER_SCHEMA], ENTERPRISE_SCHEMA: { "division": "a" } }),
            &format!("schemas: must name {ENTERPRISE_SCHEMA}"),
        ),
        (json!({ "schemas": null }), &format!("schemas: must name {USER_SCHEMA}")),
        (json!({ "schemas": [] }), &format!("schemas: must name {USER_SCHEMA}")),
        (json!({ "schemas": [ENTERPRISE_SCHEMA] }), &format!("schemas: must name {USER_SCHEMA}")),
        (
            json!({ "schemas": [USER_SCHEMA, USER_SCHEMA.to_uppercase()] }),
            &format!("schemas[1]: {USER_SCHEMA} is given twice"),
        ),
    ];
    for (others, detail) in table {
        let mut body = object(json!({ "schemas": [USER_SCHEMA], "userName": "ada" }));
        body.extend(object(others.clone()));
        assert!(user(Value::Object(body.clone()), Lenient).is_ok(), "{others}");
        assert_eq!(user(Value::Object(body), Strict).unwrap_err().detail, detail, "{others}");
    }
    let good = json!({
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "userName": "ada", "addresses": [{ "country": "de" }],
        "profileUrl": "https://example.com/ada",
        ENTERPRISE_SCHEMA: { "manager": { "value": "7", "$ref": "../Users/7" } },
    });
    assert!(user(good, Strict).is_ok());
}

#[test]
fn binary_values_are_base64_of_either_alphabet() {
    for (value, good) in [("AAE=", true), ("AAE", true), ("+/8=", true), ("-_8", true), ("A", false), ("A A=", false)] {
        let body = json!({ "userName": "ada", "x509Certificates": [{ "value": value }] });
        assert_eq!(user(body, Lenient).is_ok(), good, "{value}");
    }
}

#[test]
fn repeated_pairs_go_into_the_first() {
    let table = [
        (json!([{ "value": "a" }, { "value": "A" }]), json!([{ "value": "a" }])),
        (
            json!([{ "value": "a", "type": "work" }, { "value": "a" }]),
            json!([{ "value": "a", "type": "work" }, { "value": "a" }]),
        ),
        (
            json!([{ "value": "a", "primary": false }, { "value": "b" }, { "value": "a", "primary": true }]),
            json!([{ "value": "a", "primary": true }, { "value": "b" }]),
        ),
        (json!([{ "type": "work" }, { "type": "work" }]), json!([{ "type": "work" }, { "type": "work" }])),
    ];
    for (given, expected) in table {
        let document = user(json!({ "userName": "ada", "emails": given }), Lenient).unwrap();
        assert_eq!(document["emails"].to_string(), expected.to_string());
    }
    let members =
        group(json!({ "displayName": "g", "members": [{ "value": "a" }, { "value": "A" }, { "value": "a" }] }));
    assert_eq!(members.unwrap()["members"], json!([{ "value": "a" }, { "value": "A" }]), "ids are exact");
}

/// Users with an extension of every data type, one of whose attributes is immutable.
fn with_badge(required: bool) -> Registry {
    let attribute = |name: &str, kind: &str, mutability: &str| {
        json!({ "name": name, "type": kind, "multiValued": false, "description": "", "required": false,
                "mutability": mutability, "returned": "default" })
    };
    let mut place = attribute("place", "complex", "readWrite");
    place["subAttributes"] =
        json!([attribute("building", "string", "immutable"), attribute("room", "integer", "readWrite")]);
    let mut codes = attribute("codes", "decimal", "readWrite");
    codes["multiValued"] = json!(true);
    let schema: Schema = serde_json::from_value(json!({
        "id": "urn:example:Badge", "name": "Badge", "description": "", "attributes": [
            attribute("number", "integer", "immutable"), attribute("since", "dateTime", "readWrite"), place, codes,
            attribute("printed", "boolean", "readOnly"),
        ],
    }))
    .unwrap();
    Registry::standard().unwrap().with_extension(schema, "User", required).unwrap()
}

#[test]
fn the_types_of_an_extension_count() {
    let badge = |badge: Value| {
        create(&with_badge(false).user, object(json!({ "userName": "ada", "urn:example:Badge": badge })), Lenient)
    };
    let good =
        json!({ "number": -5, "since": "2011-05-13T04:42:34.5+02:00", "place": { "room": 7 }, "codes": [1.5, 2, 2] });
    let mut expected = good.clone();
    expected["codes"] = json!([1.5, 2]);
    assert_eq!(badge(good).unwrap()["urn:example:Badge"], expected);
    for (given, detail) in [
        (json!({ "number": 5.0 }), "number: must be an integer, without a fraction"),
        (json!({ "number": "5" }), "number: must be an integer, not a string"),
        (json!({ "since": "2011-05-13" }), "since: must be a date and time such as 2026-01-31T12:00:00Z"),
        (json!({ "since": 2011 }), "since: must be a string with a date and time, not a number"),
        (json!({ "codes": [1, "2"] }), "codes[1]: must be a number, not a string"),
        (json!({ "place": { "room": true } }), "place.room: must be an integer, not a boolean"),
    ] {
        assert_eq!(badge(given.clone()).unwrap_err().detail, format!("urn:example:Badge:{detail}"), "{given}");
    }
    let missing = create(&with_badge(true).user, object(json!({ "userName": "ada" })), Lenient).unwrap_err();
    assert_eq!(missing.detail, "urn:example:Badge: is required");
}

#[test]
fn a_put_keeps_what_is_immutable_and_nothing_else() {
    let kind = with_badge(false).user;
    let current = object(json!({
        "schemas": [USER_SCHEMA, "urn:example:Badge"], "userName": "ada", "title": "Countess",
        "urn:example:Badge": { "number": 5, "since": "2011-05-13T04:42:34Z", "place": { "building": "B", "room": 7 } },
    }));
    let put = |body: Value| replace(&kind, &current, object(body), Lenient);

    let bare = put(json!({ "userName": "ada" })).unwrap();
    let expected = json!({ "schemas": [USER_SCHEMA, "urn:example:Badge"], "userName": "ada", "urn:example:Badge": { "number": 5 } });
    assert_eq!(text(bare), expected.to_string());

    let same =
        put(json!({ "userName": "bob", "urn:example:Badge": { "NUMBER": 5, "printed": 1, "place": { "room": 8 } } }))
            .unwrap();
    assert_eq!(same["urn:example:Badge"], json!({ "number": 5, "place": { "building": "B", "room": 8 } }));
    assert_eq!(same["userName"], "bob");

    for (badge, name) in
        [(json!({ "number": 6 }), "number"), (json!({ "place": { "building": "C" } }), "place.building")]
    {
        let error = put(json!({ "userName": "ada", "urn:example:Badge": badge })).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::Mutability));
        assert_eq!(error.detail, format!("urn:example:Badge:{name}: is immutable and has another value already"));
    }
    let first = replace(
        &kind,
        &object(json!({ "userName": "ada" })),
        object(json!({ "userName": "ada", "urn:example:Badge": { "number": 6 } })),
        Lenient,
    );
    assert_eq!(first.unwrap()["urn:example:Badge"]["number"], 6, "an immutable attribute may be given once");
    assert_eq!(put(json!({ "title": "x" })).unwrap_err().detail, "userName is required");
}

#[test]
fn a_patched_resource_gets_its_schemas_and_must_be_whole() {
    let kind = Registry::standard().unwrap().user;
    let patched = object(
        json!({ "schemas": [USER_SCHEMA], "title": "x", "userName": "ada", ENTERPRISE_SCHEMA: { "division": "d" } }),
    );
    let expected = json!({ "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "userName": "ada", "title": "x", ENTERPRISE_SCHEMA: { "division": "d" } });
    assert_eq!(text(check(&kind, &Attributes::new(), patched, Strict).unwrap()), expected.to_string());
    let emptied =
        object(json!({ "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "userName": "ada", ENTERPRISE_SCHEMA: {} }));
    assert_eq!(
        text(check(&kind, &Attributes::new(), emptied, Lenient).unwrap()),
        json!({ "schemas": [USER_SCHEMA], "userName": "ada" }).to_string()
    );
    assert_eq!(
        check(&kind, &Attributes::new(), object(json!({ "title": "x" })), Lenient).unwrap_err().detail,
        "userName is required"
    );
}

#[test]
fn a_strict_client_answers_for_what_it_changes() {
    let kind = Registry::standard().unwrap().user;
    let before = json!({
        "userName": "ada", "profileUrl": "RQ", "addresses": [{ "country": "Gibraltar" }], "active": true
    });
    let with = |changes: Value| {
        let mut after = object(before.clone());
        after.extend(object(changes));
        check(&kind, &object(before.clone()), after, Strict)
    };
    assert!(with(json!({ "active": false })).is_ok());
    for (changes, named) in [
        (json!({ "profileUrl": "RZ" }), "profileUrl"),
        (json!({ "addresses": [{ "country": "Gibraltar", "region": "x" }] }), "addresses[0].country"),
        (json!({ "photos": [{ "value": "x" }] }), "photos[0].value"),
    ] {
        let error = with(changes).unwrap_err();
        assert!(error.detail.starts_with(named), "{error}");
    }
}

#[test]
fn an_attribute_has_no_more_values_than_patch_lets_it_have() {
    let registry = with_badge(false);
    let kind = &registry.user;
    let values = |many: usize| -> Value { (0..many).map(|n| json!({ "value": n.to_string() })).collect() };
    let body = |name: &str, many: usize| object(json!({ "userName": "ada", name: values(many) }));
    for strictness in [Strict, Lenient] {
        let whole = |name: &str, many: usize| {
            let mut body = body(name, many);
            body.insert("schemas".into(), json!([USER_SCHEMA]));
            body
        };
        assert!(create(kind, whole("emails", 1000), strictness).is_ok());
        for name in ["emails", "entitlements"] {
            for error in [
                create(kind, whole(name, 1001), strictness).unwrap_err(),
                replace(kind, &Attributes::new(), whole(name, 1001), strictness).unwrap_err(),
            ] {
                assert_eq!((error.status, error.scim_type), (400, Some(ScimType::TooMany)));
                assert_eq!(error.detail, format!("{name}: more than 1000 values"));
            }
        }
    }
    // A value that is given again is none of its own.
    let mut again = body("emails", 1000);
    again["emails"].as_array_mut().unwrap().push(json!({ "value": "7" }));
    assert!(create(kind, again, Lenient).is_ok());
    // What is there already stands in the way of no other change.
    let before = body("emails", 1001);
    let mut after = before.clone();
    after.insert("active".into(), json!(false));
    assert!(check(kind, &before, after, Strict).is_ok());
    // Members are rows, and there may be many.
    let members = json!({ "schemas": [crate::scim::GROUP_SCHEMA], "displayName": "g", "members": values(5000) });
    assert!(create(&registry.group, object(members), Strict).is_ok());
}

#[test]
fn what_an_extension_has_lost_stands_in_no_change_s_way() {
    let attributes = |names: &[&str]| -> Vec<Value> {
        let one = |name: &&str| {
            json!({
                "name": name, "type": "string", "multiValued": false, "description": "", "required": false,
                "mutability": "readWrite", "returned": "default",
            })
        };
        names.iter().map(one).collect()
    };
    let kind = |names: &[&str]| {
        let schema = json!({ "id": "urn:x:1.0", "name": "X", "description": "", "attributes": attributes(names) });
        let schema: Schema = serde_json::from_value(schema).unwrap();
        Registry::standard().unwrap().with_extension(schema, "User", false).unwrap().user
    };
    let stored = |title: &str, members: Value| json!({ "schemas": [USER_SCHEMA, "urn:x:1.0"], "userName": "ada", "title": title, "urn:x:1.0": members });
    let before = object(stored("old", json!({ "kept": "k", "lost": "l" })));
    let after = object(stored("new", json!({ "kept": "k", "lost": "l" })));
    let (fewer, none) = (kind(&["kept"]), Registry::standard().unwrap().user);
    for strictness in [Lenient, Strict] {
        let changed = check(&fewer, &before, after.clone(), strictness).unwrap();
        assert_eq!(text(changed), stored("new", json!({ "kept": "k" })).to_string());
        let changed = check(&none, &before, after.clone(), strictness).unwrap();
        let left = json!({ "schemas": [USER_SCHEMA], "userName": "ada", "title": "new" });
        assert_eq!(text(changed), left.to_string());
        // What was not there before is refused as ever.
        for (kind, words) in [(&fewer, "urn:x:1.0:lost: there is no such attribute"), (&none, "urn:x:1.0: User has no")]
        {
            let error = check(kind, &object(json!({ "userName": "ada" })), after.clone(), strictness).unwrap_err();
            assert!(error.detail.starts_with(words), "{error}");
        }
    }
}
