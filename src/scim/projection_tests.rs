//! What is answered.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::schema::Registry;
use crate::scim::{
    DELIVERY_SCHEMA as DELIVERY, ENTERPRISE_SCHEMA as ENTERPRISE, GROUP_SCHEMA, PATCH_MESSAGE, ScimType, Strictness,
    USER_SCHEMA,
};

fn object(value: Value) -> Attributes {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn ada() -> Attributes {
    object(json!({
        "schemas": [USER_SCHEMA, ENTERPRISE, DELIVERY],
        "id": "1",
        "userName": "ada",
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "password": "secret",
        "emails": [{ "value": "a@x", "type": "work" }, { "type": "home" }],
        "removedAttribute": 1,
        ENTERPRISE: { "department": "Research", "manager": { "value": "7", "displayName": "Boss" } },
        DELIVERY: { "state": "held", "reason": "no licence" },
        "meta": { "resourceType": "User", "version": "W/\"1\"" },
    }))
}

/// The answer without `schemas` and `id`, which are there always.
fn answered(attributes: Option<&str>, excluded: Option<&str>) -> Value {
    let user = Registry::standard().unwrap().user;
    let mut answer = Projection::parse(&user, attributes, excluded).unwrap().apply(&user, ada());
    let schemas = answer.shift_remove("schemas").unwrap();
    let mut urns = vec![USER_SCHEMA];
    urns.extend([ENTERPRISE, DELIVERY].into_iter().filter(|urn| answer.contains_key(*urn)));
    assert_eq!(schemas, json!(urns), "schemas of what is answered: {attributes:?} {excluded:?}");
    assert_eq!(answer.shift_remove("id"), Some(json!("1")), "{attributes:?} {excluded:?}");
    Value::Object(answer)
}

#[test]
fn attributes_asks_for_these_and_no_others() {
    let mail = json!({ "emails": [{ "value": "a@x" }] });
    let department = json!({ ENTERPRISE: { "department": "Research" } });
    let delivery = json!({ DELIVERY: { "state": "held", "reason": "no licence" } });
    let enterprise =
        json!({ ENTERPRISE: { "department": "Research", "manager": { "value": "7", "displayName": "Boss" } } });
    let table = [
        ("userName".to_owned(), json!({ "userName": "ada" })),
        (" USERNAME ,, name.GIVENNAME".to_owned(), json!({ "userName": "ada", "name": { "givenName": "Ada" } })),
        ("name.givenName,name".to_owned(), json!({ "name": { "givenName": "Ada", "familyName": "Lovelace" } })),
        (format!("{USER_SCHEMA}:emails.value"), mail.clone()),
        ("emails[type eq \"a,]\\\"b\" and value pr].value".to_owned(), mail),
        (format!("{}:department", ENTERPRISE.to_ascii_uppercase()), department),
        (format!("{ENTERPRISE}:manager.displayName"), json!({ ENTERPRISE: { "manager": { "displayName": "Boss" } } })),
        (ENTERPRISE.to_owned(), enterprise),
        (DELIVERY.to_owned(), delivery),
        (format!("{DELIVERY}:state,nonsense"), json!({ DELIVERY: { "state": "held" } })),
        ("meta.version".to_owned(), json!({ "meta": { "version": "W/\"1\"" } })),
        ("password,removedAttribute,department,urn:x:y,name.nonsense,id,schemas".to_owned(), json!({})),
        ("title".to_owned(), json!({})),
    ];
    for (list, expected) in table {
        assert_eq!(answered(Some(&list), None), expected, "{list}");
        assert_eq!(answered(Some(&list), Some("userName,meta")), expected, "attributes wins: {list}");
    }
    let core = answered(Some(USER_SCHEMA), None);
    assert_eq!(core.as_object().unwrap().keys().collect::<Vec<_>>(), ["userName", "name", "emails", "meta"]);
}

#[test]
fn excluded_attributes_leaves_out_these_and_no_others() {
    let all = answered(None, None);
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), ["userName", "name", "emails", ENTERPRISE, "meta"]);
    let without = |names: &[&str]| {
        let mut rest = all.clone();
        for name in names {
            rest.as_object_mut().unwrap().shift_remove(*name);
        }
        rest
    };
    let mut no_given_name = all.clone();
    no_given_name["name"] = json!({ "familyName": "Lovelace" });
    let mut no_type = all.clone();
    no_type["emails"] = json!([{ "value": "a@x" }]);
    let mut no_department = all.clone();
    no_department[ENTERPRISE] = json!({ "manager": { "value": "7", "displayName": "Boss" } });
    let table = [
        ("Emails,meta", without(&["emails", "meta"])),
        ("name.givenName", no_given_name),
        ("name.givenName,name.familyName", without(&["name"])),
        ("emails.type", no_type),
        (ENTERPRISE, without(&[ENTERPRISE])),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", no_department),
        (USER_SCHEMA, without(&["userName", "name", "emails", "meta"])),
        ("id,schemas,nonsense,password", all.clone()),
        (" , ", all.clone()),
        ("", all.clone()),
    ];
    for (list, expected) in table {
        assert_eq!(answered(None, Some(list)), expected, "{list}");
        assert_eq!(answered(Some(" "), Some(list)), expected, "a blank list is none: {list}");
    }
}

#[test]
fn characteristics_of_sub_attributes_count() {
    let attribute = |name: &str, returned: &str| {
        json!({ "name": name, "type": "string", "multiValued": false, "description": "", "required": false,
                "mutability": "readWrite", "returned": returned })
    };
    let mut badge = attribute("badge", "default");
    badge["type"] = json!("complex");
    badge["subAttributes"] =
        json!(["always", "default", "request", "never"].map(|returned| attribute(returned, returned)));
    let schema = json!({ "id": "urn:x", "name": "X", "description": "", "attributes": [badge] });
    let schema = serde_json::from_value(schema).unwrap();
    let user = Registry::standard().unwrap().with_extension(schema, "User", false).unwrap().user;
    let full = json!({ "urn:x": { "badge": { "always": "a", "default": "d", "request": "r", "never": "n" } } });
    // attributes, excludedAttributes, the sub-attributes that are left
    let table = [
        (None, None, vec!["always", "default"]),
        (Some("urn:x:badge"), None, vec!["always", "default", "request"]),
        (Some("urn:x"), None, vec!["always", "default", "request"]),
        (Some("urn:x:badge.request,urn:x:badge.never"), None, vec!["always", "request"]),
        (Some("urn:x:badge.default"), None, vec!["always", "default"]),
        (None, Some("urn:x:badge.default,urn:x:badge.always"), vec!["always"]),
        (None, Some("urn:x:badge.request"), vec!["always", "default"]),
    ];
    for (attributes, excluded, expected) in table {
        let answer = Projection::parse(&user, attributes, excluded).unwrap().apply(&user, object(full.clone()));
        let left: Vec<&String> = answer["urn:x"]["badge"].as_object().unwrap().keys().collect();
        assert_eq!(left, expected, "{attributes:?} {excluded:?}");
    }
}

/// RFC 7643 7: what is returned on request is returned in response to the write that specified it.
#[test]
fn what_was_written_is_answered() {
    let schema = crate::scim::extension::read(json!({ "id": "urn:x", "attributes": [
        { "name": "pin", "returned": "request" },
        { "name": "code", "returned": "request", "multiValued": true },
        { "name": "issued", "returned": "request", "mutability": "readOnly" },
        { "name": "note", "returned": "never" },
        { "name": "desk", "type": "complex", "subAttributes": [{ "name": "room" }, { "name": "key", "returned": "request" }] },
    ] }));
    let user = Registry::standard().unwrap().with_extension(schema.unwrap(), "User", false).unwrap().user;
    let all = json!({ "pin": "1", "code": ["2"], "issued": "3", "note": "4", "desk": { "room": "5", "key": "6" } });
    let full = json!({ "userName": "ada", "urn:x": all });
    let left = |projection: Projection| {
        let answer = projection.apply(&user, object(full.clone()));
        assert_eq!(projection.wants("urn:x"), answer.contains_key("urn:x"));
        let extension = answer.get("urn:x").cloned().unwrap_or_default();
        let mut names: Vec<String> = extension.as_object().into_iter().flat_map(|e| e.keys().cloned()).collect();
        if extension["desk"]["key"] == "6" {
            names.push("key".into());
        }
        names
    };
    // attributes, excludedAttributes, what was written, what is left of the extension
    let bodies = [
        (None, None, json!({ "urn:x": all }), vec!["pin", "code", "desk", "key"]),
        (None, None, json!({ "URN:X": { "PIN": "1" } }), vec!["pin", "desk"]),
        (None, None, json!({ "urn:x": { "desk": { "room": "5" } } }), vec!["desk"]),
        (None, None, json!({ "urn:x": { "desk": { "KEY": "6" } } }), vec!["desk", "key"]),
        (None, None, json!({ "urn:x": {} }), vec!["desk"]),
        (None, None, json!({ "title": "pin" }), vec!["desk"]),
        (None, None, json!({ "urn:x:pin": "1", "urn:x:desk.key": "6" }), vec!["pin", "desk", "key"]),
        (None, Some("urn:x:pin,urn:x:desk.key"), json!({ "urn:x": all }), vec!["code", "desk"]),
        (None, Some("urn:x"), json!({ "urn:x": all }), vec![]),
        (None, Some("title"), json!({ "urn:x": { "pin": "1" } }), vec!["pin", "desk"]),
        (Some("userName"), None, json!({ "urn:x": all }), vec![]),
        (Some("urn:x:code"), None, json!({ "urn:x": { "pin": "1" } }), vec!["code"]),
    ];
    for (attributes, excluded, body, expected) in bodies {
        let projection = Projection::parse(&user, attributes, excluded).unwrap();
        let projection = projection.after_body(&user, &body, Strictness::Lenient);
        assert_eq!(left(projection), expected, "{attributes:?} {excluded:?} {body}");
    }
    for (operation, expected) in [
        (json!({ "op": "add", "path": "urn:x:pin", "value": "1" }), vec!["pin", "desk"]),
        (json!({ "op": "replace", "value": { "urn:x": { "code": ["2"] } } }), vec!["code", "desk"]),
        (json!({ "op": "replace", "path": "urn:x", "value": { "pin": "1" } }), vec!["pin", "desk"]),
        (json!({ "op": "remove", "path": "urn:x:code[value eq \"1\"]" }), vec!["code", "desk"]),
        (json!({ "op": "add", "path": "urn:x:desk.key", "value": "6" }), vec!["desk", "key"]),
        (json!({ "op": "add", "path": "urn:x:desk", "value": { "key": "6" } }), vec!["desk", "key"]),
        (json!({ "op": "add", "path": "urn:x:desk", "value": { "room": "5" } }), vec!["desk"]),
        (json!({ "op": "add", "path": "title", "value": "pin" }), vec!["desk"]),
        (json!({ "op": "remove", "path": "urn:x" }), vec!["desk"]),
    ] {
        for strictness in [Strictness::Lenient, Strictness::Strict] {
            let body = json!({ "schemas": [PATCH_MESSAGE], "Operations": [operation] });
            let projection = Projection::standard(&user).after_patch(&user, &body, strictness);
            assert_eq!(left(projection), expected, "{operation}");
        }
    }
    // A body that is none is refused elsewhere.
    let projection = Projection::standard(&user).after_patch(&user, &json!([]), Strictness::Lenient);
    assert!(projection.after_body(&user, &json!("x"), Strictness::Strict).is_standard());
}

#[test]
fn an_open_filter_is_refused() {
    let user = Registry::standard().unwrap().user;
    for (attributes, excluded, parameter) in
        [(Some("emails[type eq \"]"), None, "attributes"), (None, Some("a,emails[value pr"), "excludedAttributes")]
    {
        let error = Projection::parse(&user, attributes, excluded).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
        assert!(error.detail.starts_with(&format!("{parameter}: ")), "{error}");
    }
}

#[test]
fn what_is_not_wanted_need_not_be_read() {
    let group = Registry::standard().unwrap().group;
    let members_urn = format!("{GROUP_SCHEMA}:MEMBERS");
    // attributes, excludedAttributes, whether members and whether the delivery are wanted
    let table = [
        (None, None, true, false),
        (Some("displayName"), None, false, false),
        (Some("members"), None, true, false),
        (Some(members_urn.as_str()), None, true, false),
        (Some("members.value"), None, true, false),
        (Some(GROUP_SCHEMA), None, true, false),
        (Some(DELIVERY), None, false, true),
        (Some("urn:scim-bridge:schemas:extension:delivery:1.0:state"), None, false, true),
        (None, Some("members"), false, false),
        (None, Some("Members,displayName"), false, false),
        (None, Some("members.display"), true, false),
        (None, Some("displayName"), true, false),
        (None, Some(GROUP_SCHEMA), false, false),
        (None, Some(DELIVERY), true, false),
        (Some("displayName"), Some("displayName"), false, false),
    ];
    for (attributes, excluded, members, delivery) in table {
        let projection = Projection::parse(&group, attributes, excluded).unwrap();
        assert_eq!(projection.wants("members"), members, "members: {attributes:?} {excluded:?}");
        assert_eq!(projection.wants(DELIVERY), delivery, "delivery: {attributes:?} {excluded:?}");
        assert_eq!(projection.attributes_given(), attributes.is_some(), "{attributes:?} {excluded:?}");
        assert_eq!(projection.is_standard(), attributes.is_none() && excluded.is_none(), "{attributes:?} {excluded:?}");
    }
}

/// A name that is said over and over costs once: each is looked at for each value of the answer.
#[test]
fn a_name_counts_once() {
    let user = Registry::standard().unwrap().user;
    let often = "emails.value,Title,emails[type eq \"work\"].value,".repeat(1_000);
    let once = Projection::parse(&user, Some("emails.value,title"), None);
    assert_eq!(Projection::parse(&user, Some(&often), None), once);
}

proptest! {
    #[test]
    fn an_answer_is_a_part_of_the_whole(
        names in prop::collection::vec(prop::sample::select(vec![
            "userName", "name", "NAME.givenName", "emails", "emails.value", "password", "meta.version", "id", "x",
            USER_SCHEMA, ENTERPRISE, DELIVERY, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "urn:scim-bridge:schemas:extension:delivery:1.0:state",
        ]), 0..5),
        excluded: bool,
    ) {
        let user = Registry::standard().unwrap().user;
        let list = names.join(",");
        let (attributes, excluded) = if excluded { (None, Some(list.as_str())) } else { (Some(list.as_str()), None) };
        let projection = Projection::parse(&user, attributes, excluded).unwrap();
        let answer = projection.apply(&user, ada());
        prop_assert_eq!(&projection.apply(&user, answer.clone()), &answer, "twice");
        prop_assert!(answer.contains_key("schemas") && answer.contains_key("id"));
        prop_assert!(!answer.contains_key("password") && !projection.wants("password"));
        for name in ada().keys().filter(|name| *name != "removedAttribute") {
            // An attribute of which parts are wanted may have none of these parts.
            prop_assert!(projection.wants(name) || !answer.contains_key(name), "{} is answered and not wanted", name);
        }
        for (name, value) in &answer {
            let full = &ada()[name];
            let is_part = match (value, full) {
                (Value::Object(part), Value::Object(full)) => part.keys().all(|key| full.contains_key(key)),
                (Value::Array(part), Value::Array(full)) => part.len() <= full.len(),
                (part, full) => part == full,
            };
            prop_assert!(is_part, "{}", name);
        }
    }

    #[test]
    fn no_list_breaks_the_parser(list in "[a\\[\\]\",.: é\\\\]{0,12}") {
        let user = Registry::standard().unwrap().user;
        if let Ok(projection) = Projection::parse(&user, Some(&list), None) {
            prop_assert!(projection.apply(&user, ada()).contains_key("id"));
        }
    }
}
