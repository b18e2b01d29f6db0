//! The published schemas, and how names are found in them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::scim::path::AttributePath;
use crate::scim::schema::{Mutability as M, Returned as R, Uniqueness as U};
use crate::scim::{DELIVERY_SCHEMA, ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA};

fn path(schema: Option<&str>, name: &str, sub: Option<&str>) -> AttributePath {
    AttributePath { schema: schema.map(Into::into), name: name.into(), sub: sub.map(Into::into) }
}

#[test]
fn built_in_documents_say_nothing_that_is_not_read() {
    let registry = Registry::standard().unwrap();
    let texts = [USER, GROUP, ENTERPRISE_USER, DELIVERY, SERVICE_PROVIDER_CONFIG, RESOURCE_TYPE, SCHEMA];
    assert_eq!(registry.schemas.len(), texts.len());
    for (schema, text) in registry.schemas.iter().zip(texts) {
        let mut read = serde_json::to_value(schema.as_ref()).unwrap();
        read["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:Schema"]);
        assert_eq!(read, serde_json::from_str::<Value>(text).unwrap(), "{}", schema.id);
        let sound = attributes_are_sound(&schema.attributes, true);
        // The schema of schemas is the one that needs complex sub-attributes.
        assert_eq!(sound.is_ok(), schema.name != "Schema", "{}: {sound:?}", schema.id);
    }
}

#[test]
fn characteristics_are_those_of_the_rfc() {
    let registry = Registry::standard().unwrap();
    let user = &registry.user;
    let group = &registry.group;
    let enterprise = Some(ENTERPRISE_SCHEMA);
    let delivery = Some(DELIVERY_SCHEMA);
    // type, path, required, caseExact, mutability, returned, uniqueness
    let table = [
        (user, path(None, "userName", None), true, false, M::ReadWrite, R::Default, U::Server),
        (user, path(None, "password", None), false, true, M::WriteOnly, R::Never, U::None),
        (user, path(None, "id", None), true, true, M::ReadOnly, R::Always, U::Server),
        (user, path(None, "schemas", None), true, true, M::ReadOnly, R::Always, U::None),
        (user, path(None, "externalId", None), false, true, M::ReadWrite, R::Default, U::None),
        (user, path(None, "meta", Some("version")), false, true, M::ReadOnly, R::Default, U::None),
        (user, path(None, "emails", Some("value")), false, false, M::ReadWrite, R::Default, U::None),
        (user, path(None, "groups", None), false, false, M::ReadOnly, R::Default, U::None),
        (user, path(None, "groups", Some("value")), false, true, M::ReadOnly, R::Default, U::None),
        (user, path(None, "profileUrl", None), false, true, M::ReadWrite, R::Default, U::None),
        (user, path(enterprise, "manager", Some("displayName")), false, false, M::ReadOnly, R::Default, U::None),
        (user, path(enterprise, "manager", Some("$ref")), false, true, M::ReadWrite, R::Default, U::None),
        (user, path(delivery, "salesforceId", None), false, true, M::ReadOnly, R::Request, U::None),
        (group, path(delivery, "state", None), false, false, M::ReadOnly, R::Request, U::None),
        (group, path(None, "displayName", None), true, false, M::ReadWrite, R::Default, U::Server),
        (group, path(None, "members", None), false, false, M::ReadWrite, R::Default, U::None),
        (group, path(None, "members", Some("value")), true, true, M::Immutable, R::Default, U::None),
        (group, path(None, "members", Some("type")), false, false, M::Immutable, R::Default, U::None),
    ];
    for (kind, path, required, case_exact, mutability, returned, uniqueness) in table {
        let leaf = kind.resolve(&path).unwrap().leaf();
        assert_eq!(
            (leaf.required, leaf.case_exact, leaf.mutability, leaf.returned, leaf.uniqueness),
            (required, case_exact, mutability, returned, uniqueness),
            "{} {path:?}",
            kind.name
        );
    }
    let resource_type = registry.schema("urn:ietf:params:scim:schemas:core:2.0:ResourceType").unwrap();
    assert!(resource_type.attribute("schemaExtensions").unwrap().multi_valued, "erratum 7522");
    let urns = |kind: &ResourceType| kind.extensions.iter().map(|e| e.schema.id.clone()).collect::<Vec<_>>();
    assert_eq!(urns(user), [ENTERPRISE_SCHEMA, DELIVERY_SCHEMA]);
    assert_eq!(urns(group), [DELIVERY_SCHEMA]);
}

#[test]
fn paths_resolve_without_regard_to_case_and_core_urn() {
    let registry = Registry::standard().unwrap();
    let upper = ENTERPRISE_SCHEMA.to_ascii_uppercase();
    let department = format!("{ENTERPRISE_SCHEMA}:department");
    let manager = format!("{ENTERPRISE_SCHEMA}:manager.value");
    let table = [
        (path(None, "USERNAME", None), Some("userName")),
        (path(Some(USER_SCHEMA), "username", None), Some("userName")),
        (path(Some(USER_SCHEMA), "META", Some("lastmodified")), Some("meta.lastModified")),
        (path(None, "emails", Some("VALUE")), Some("emails.value")),
        (path(Some(&upper), "Department", None), Some(department.as_str())),
        (path(Some(ENTERPRISE_SCHEMA), "manager", Some("Value")), Some(manager.as_str())),
        (path(None, "department", None), None),
        (path(Some(ENTERPRISE_SCHEMA), "userName", None), None),
        (path(Some(GROUP_SCHEMA), "displayName", None), None),
        (path(Some("urn:nonsense"), "userName", None), None),
        (path(None, "userName", Some("value")), None),
        (path(None, "name", Some("nonsense")), None),
        (path(None, "", None), None),
    ];
    for (path, expected) in table {
        let key = registry.user.resolve(&path).map(|at| at.canonical_key());
        assert_eq!(key.as_deref(), expected, "{path:?}");
    }
}

#[test]
fn texts_part_after_a_known_urn() {
    let longer = Schema {
        id: format!("{ENTERPRISE_SCHEMA}:more"),
        name: "More".into(),
        description: "Its URN begins with another's".into(),
        attributes: Vec::new(),
    };
    let registry = Registry::standard().unwrap().with_extension(longer, "User", false).unwrap();
    let table = [
        (format!("{USER_SCHEMA}:name.givenName"), Some((USER_SCHEMA, "name.givenName"))),
        (ENTERPRISE_SCHEMA.to_ascii_lowercase(), Some((ENTERPRISE_SCHEMA, ""))),
        (format!("{ENTERPRISE_SCHEMA}:department"), Some((ENTERPRISE_SCHEMA, "department"))),
        (
            format!("{ENTERPRISE_SCHEMA}:more:x"),
            Some(("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:more", "x")),
        ),
        (format!("{DELIVERY_SCHEMA}:state"), Some((DELIVERY_SCHEMA, "state"))),
        (format!("{USER_SCHEMA}s:x"), None),
        (format!("{USER_SCHEMA}.x"), None),
        (format!("{GROUP_SCHEMA}:displayName"), None),
        ("userName".into(), None),
        ("urn:ä".into(), None),
    ];
    for (text, expected) in table {
        let parts = registry.user.split_urn(&text).map(|(schema, rest)| (schema.id.as_str(), rest));
        assert_eq!(parts, expected, "{text}");
    }
}

fn extension(change: impl FnOnce(&mut Value)) -> Schema {
    let attribute = |name: &str, kind: &str| {
        json!({ "name": name, "type": kind, "multiValued": false, "description": "", "required": false,
                "mutability": "readWrite", "returned": "default" })
    };
    let mut nested = attribute("badge", "complex");
    nested["subAttributes"] = json!([attribute("number", "string")]);
    let mut schema = json!({ "id": "urn:example:User", "name": "Example", "description": "", "attributes": [
        attribute("level", "integer"), nested,
    ]});
    change(&mut schema);
    serde_json::from_value(schema).unwrap()
}

#[test]
fn an_extension_is_added_to_a_type_and_to_the_schemas() {
    let registry = Registry::standard().unwrap().with_extension(extension(|_| ()), "user", true).unwrap();
    let found = registry.user.resolve(&path(Some("URN:example:user"), "BADGE", Some("number"))).unwrap();
    assert_eq!(found.canonical_key(), "urn:example:User:badge.number");
    assert!(registry.schema("urn:example:USER").is_some());
    assert!(registry.group.extension("urn:example:User").is_none());
    assert_eq!(registry.user.extensions.iter().map(|e| e.required).collect::<Vec<_>>(), [false, false, true]);
    let both = registry.with_extension(extension(|_| ()), "Group", false).unwrap();
    assert!(both.group.extension("urn:example:User").is_some());
    assert_eq!(both.schemas.iter().filter(|s| s.id == "urn:example:User").count(), 1);
}

type Change = Box<dyn Fn(&mut Value)>;

#[test]
fn a_broken_extension_is_refused_with_the_reason() {
    let table: Vec<(Change, &str, &str)> = vec![
        (Box::new(|_| ()), "Device", "there is no resource type Device"),
        (Box::new(|s| s["id"] = json!("example")), "User", "must begin with urn:"),
        (Box::new(|s| s["id"] = json!(USER_SCHEMA)), "User", "another schema has this URN"),
        (Box::new(|s| s["attributes"][0]["name"] = json!("a b")), "User", "\"a b\" is no attribute name"),
        (Box::new(|s| s["attributes"][0]["name"] = json!("Schemas")), "User", "Schemas is given twice"),
        (Box::new(|s| s["attributes"][0]["name"] = json!("BADGE")), "User", "badge is given twice"),
        (Box::new(|s| s["attributes"][0]["type"] = json!("complex")), "User", "level has no sub-attributes"),
        (Box::new(|s| s["attributes"][1]["type"] = json!("string")), "User", "badge has sub-attributes"),
        (
            Box::new(|s| s["attributes"][1]["subAttributes"][0]["type"] = json!("complex")),
            "User",
            "badge: sub-attribute number cannot be complex",
        ),
    ];
    for (change, resource_type, expected) in table {
        let error = Registry::standard().unwrap().with_extension(extension(change), resource_type, false).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
    }
    let twice = Registry::standard().unwrap().with_extension(extension(|_| ()), "User", false).unwrap();
    let error = twice.with_extension(extension(|_| ()), "User", false).unwrap_err();
    assert!(error.to_string().contains("User has this schema already"), "{error}");
}

#[test]
fn types_are_found_by_name_and_endpoint() {
    let registry = Registry::standard().unwrap();
    let name = |kind: Option<&Arc<ResourceType>>| kind.map(|kind| kind.name.clone());
    assert_eq!(name(registry.resource_type("group")).as_deref(), Some("Group"));
    assert_eq!(name(registry.at_endpoint("/users")).as_deref(), Some("User"));
    assert_eq!(name(registry.at_endpoint("users")), None);
}

/// Every attribute and sub-attribute of users: URN of the extension, name, sub-attribute.
fn all_paths() -> Vec<AttributePath> {
    let user = Registry::standard().unwrap().user;
    let core = user.common.iter().chain(&user.schema.attributes).map(|a| (None, a.clone()));
    let extensions =
        user.extensions.iter().flat_map(|e| e.schema.attributes.iter().map(|a| (Some(e.schema.id.clone()), a.clone())));
    let attributes: Vec<(Option<String>, Attribute)> = core.chain(extensions).collect();
    let mut paths = Vec::new();
    for (urn, attribute) in attributes {
        paths.push(path(urn.as_deref(), &attribute.name, None));
        paths.extend(attribute.sub_attributes.iter().map(|sub| path(urn.as_deref(), &attribute.name, Some(&sub.name))));
    }
    paths
}

proptest! {
    #[test]
    fn every_spelling_of_a_name_has_one_key(path in prop::sample::select(all_paths()), flips: u64, core_urn: bool) {
        let user = Registry::standard().unwrap().user;
        let flip = |text: &str| -> String {
            let upper = |index: usize| flips >> (index % 64) & 1 == 1;
            text.chars().enumerate().map(|(i, c)| if upper(i) { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
        };
        let schema = path.schema.clone().or_else(|| core_urn.then(|| USER_SCHEMA.to_owned()));
        let spelt = AttributePath {
            schema: schema.as_deref().map(flip),
            name: flip(&path.name),
            sub: path.sub.as_deref().map(flip),
        };
        let expected = [path.schema.map(|urn| urn + ":").unwrap_or_default(), path.name, path.sub.map(|sub| format!(".{sub}")).unwrap_or_default()].concat();
        prop_assert_eq!(user.resolve(&spelt).map(|at| at.canonical_key()), Some(expected));
    }
}
