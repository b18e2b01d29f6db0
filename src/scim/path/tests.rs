use std::sync::{Arc, LazyLock};

use super::{AttributePath, PatchPath, find, find_relative};
use crate::scim::error::ScimType;
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::{ENTERPRISE_SCHEMA, USER_SCHEMA};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::standard().expect("the built-in schemas"));

fn user() -> Arc<ResourceType> {
    REGISTRY.user.clone()
}

fn path(schema: Option<&str>, name: &str, sub: Option<&str>) -> AttributePath {
    AttributePath { schema: schema.map(Into::into), name: name.into(), sub: sub.map(Into::into) }
}

#[test]
fn patch_paths() {
    let parse = |text: &str| PatchPath::parse(&user(), text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(parse("userName"), PatchPath::Attribute(path(None, "userName", None)));
    assert_eq!(parse("name.FamilyName"), PatchPath::Attribute(path(None, "name", Some("FamilyName"))));
    assert_eq!(parse(ENTERPRISE_SCHEMA), PatchPath::Extension(ENTERPRISE_SCHEMA.into()));
    assert_eq!(parse("urn:example:custom:2.0"), PatchPath::Extension("urn:example:custom:2.0".into()));
    let manager = path(Some(ENTERPRISE_SCHEMA), "manager", Some("value"));
    assert_eq!(parse(&format!("{ENTERPRISE_SCHEMA}:manager.value")), PatchPath::Attribute(manager));
    let text = r#"emails[type eq"work"].value"#;
    let PatchPath::Values { attribute, filter, sub } = parse(text) else { panic!("{text}") };
    assert_eq!((attribute, sub.as_deref()), (path(None, "emails", None), Some("value")));
    assert_eq!(filter.to_string(), r#"type eq "work""#);
    assert!(matches!(parse(r#"members[value eq "x"]"#), PatchPath::Values { sub: None, .. }));
    assert_eq!(parse(text).to_string(), r#"emails[type eq "work"].value"#);
}

#[test]
fn what_is_wrong_with_a_path() {
    let cases = [
        ("", ScimType::InvalidPath, "expected an attribute at character 1, found the end"),
        ("a b", ScimType::InvalidPath, "expected the end of the path at character 3, found \"b\""),
        (
            "emails[type eq]",
            ScimType::InvalidFilter,
            "expected a value (string, number, true, false, null) at character 15",
        ),
        ("emails[type xx \"a\"]", ScimType::InvalidFilter, "expected an operator"),
        ("emails[type eq \"a\"", ScimType::InvalidFilter, "at character 19, found the end"),
        ("emails[]", ScimType::InvalidFilter, "expected an attribute at character 8"),
        ("emails[type eq \"a\"].", ScimType::InvalidPath, "expected the name of a sub-attribute at character 21"),
        ("emails[type eq \"a\"]x", ScimType::InvalidPath, "expected the end of the path"),
        ("emails.value[type pr]", ScimType::InvalidPath, "without sub-attribute"),
        ("members[value eq \"a\"][value eq \"b\"]", ScimType::InvalidPath, "the end of the path"),
        ("1abc", ScimType::InvalidPath, "expected an attribute path at character 1, found \"1abc\""),
        ("name..x", ScimType::InvalidPath, "expected an attribute path"),
    ];
    for (text, kind, words) in cases {
        let error = PatchPath::parse(&user(), text).expect_err(text);
        assert_eq!(error.scim_type, Some(kind), "{text}: {error}");
        assert!(error.detail.contains(words), "{text}: {error}");
    }
    let error = AttributePath::parse(&user(), "emails[type pr]").expect_err("a value filter");
    assert_eq!(error.scim_type, Some(ScimType::InvalidPath));
    AttributePath::parse(&user(), USER_SCHEMA).expect_err("a schema is no attribute");
}

#[test]
fn names_are_found_in_any_case_and_extension_attributes_without_urn() {
    let user = user();
    let key =
        |text: &str| find(&user, &AttributePath::parse(&user, text).expect(text)).map(|found| found.canonical_key());
    assert_eq!(key("USERNAME").as_deref(), Some("userName"));
    assert_eq!(key("Name.givenname").as_deref(), Some("name.givenName"));
    assert_eq!(key(&format!("{USER_SCHEMA}:Title")).as_deref(), Some("title"));
    let department = format!("{ENTERPRISE_SCHEMA}:department");
    assert_eq!(key("Department"), Some(department.clone()));
    assert_eq!(key(&department.to_uppercase()), Some(department));
    assert_eq!(key("manager.$ref"), Some(format!("{ENTERPRISE_SCHEMA}:manager.$ref")));
    assert_eq!(key("urn:example:other:department"), None);
    assert_eq!(key("name.unheardOf"), None);
    let emails = user.core_attribute("emails").expect("emails");
    let relative =
        |text: &str| find_relative(emails, &AttributePath::parse(&user, text).expect(text)).map(|a| &*a.name);
    assert_eq!(relative("TYPE"), Some("type"));
    assert_eq!(relative("emails.type"), Some("type"));
    assert_eq!(relative("phoneNumbers.type"), None);
    assert_eq!(relative("nothing"), None);
}
