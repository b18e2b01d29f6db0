//! The models against the schema documents.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::scim::schema::{Attribute, DataType, Registry};
use crate::scim::{DELIVERY_SCHEMA, ENTERPRISE_SCHEMA, message};

fn definition<'s>(components: &'s Map<String, Value>, property: &'s Value) -> &'s Value {
    let reference = property.get("$ref").or_else(|| property["anyOf"][0].get("$ref"));
    match reference.and_then(Value::as_str) {
        Some(reference) => &components[reference.strip_prefix("#/x/").unwrap()],
        None => property,
    }
}

/// What a model's property says that an attribute of this type is.
fn expected_type(attribute: &Attribute) -> &'static str {
    match attribute.data_type {
        DataType::Boolean => "boolean",
        DataType::Integer => "integer",
        DataType::Decimal => "number",
        DataType::Complex => "object",
        DataType::String | DataType::Reference | DataType::DateTime | DataType::Binary => "string",
    }
}

fn compare(components: &Map<String, Value>, model: &str, attributes: &[&Attribute], others: &[&str]) {
    let properties = components[model]["properties"].as_object().unwrap();
    let names: BTreeSet<&str> = attributes.iter().map(|a| a.name.as_str()).chain(others.iter().copied()).collect();
    assert_eq!(properties.keys().map(String::as_str).collect::<BTreeSet<_>>(), names, "{model}");
    for attribute in attributes {
        let mut property = &properties[&attribute.name];
        assert_eq!(property["type"] == "array", attribute.multi_valued, "{model}.{}: list or not", attribute.name);
        if attribute.multi_valued {
            property = &property["items"];
        }
        let definition = definition(components, property);
        let kind = match &definition["type"] {
            Value::Array(kinds) => &kinds[0],
            kind => kind,
        };
        // An enumeration of described values is a `oneOf` of constants.
        if !kind.is_null() {
            assert_eq!(kind, expected_type(attribute), "{model}.{}", attribute.name);
        }
        if !attribute.sub_attributes.is_empty() {
            let names: BTreeSet<&str> = attribute.sub_attributes.iter().map(|sub| sub.name.as_str()).collect();
            let modelled = definition["properties"].as_object().unwrap();
            assert_eq!(
                modelled.keys().map(String::as_str).collect::<BTreeSet<_>>(),
                names,
                "{model}.{}",
                attribute.name
            );
        }
    }
}

#[test]
fn models_have_the_attributes_of_their_schemas() {
    let registry = Registry::standard().unwrap();
    let components = components("/x");
    let with_common = |kind: &std::sync::Arc<crate::scim::schema::ResourceType>| -> Vec<Attribute> {
        kind.common.iter().chain(&kind.schema.attributes).cloned().collect()
    };
    let (user, group) = (with_common(&registry.user), with_common(&registry.group));
    compare(&components, "User", &user.iter().collect::<Vec<_>>(), &[ENTERPRISE_SCHEMA, DELIVERY_SCHEMA]);
    compare(&components, "Group", &group.iter().collect::<Vec<_>>(), &[DELIVERY_SCHEMA]);
    for (model, urn, others) in [
        ("EnterpriseUser", ENTERPRISE_SCHEMA, &[][..]),
        ("Delivery", DELIVERY_SCHEMA, &[]),
        ("ServiceProviderConfig", crate::scim::discovery::CONFIG_SCHEMA, &["schemas", "meta"]),
        ("ResourceType", crate::scim::discovery::RESOURCE_TYPE_SCHEMA, &["schemas", "meta"]),
    ] {
        let schema = registry.schema(urn).unwrap();
        compare(&components, model, &schema.attributes.iter().collect::<Vec<_>>(), others);
    }
    let states = registry.user.extension(DELIVERY_SCHEMA).unwrap().attribute("state").unwrap().canonical_values.clone();
    let modelled = components["DeliveryState"]["oneOf"].as_array().unwrap();
    assert_eq!(modelled.iter().map(|state| state["const"].as_str().unwrap()).collect::<Vec<_>>(), states);
}

#[test]
fn every_property_is_described_and_every_schema_compiles() {
    let schemas = json_schemas();
    assert_eq!(schemas.len(), schemas.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len(), "names differ");
    for (name, schema) in schemas {
        let validator = jsonschema::validator_for(&schema);
        assert!(validator.is_ok(), "{name}: {:?}", validator.err());
        assert!(schema["description"].is_string(), "{name} has no description");
        for (property, is) in schema["properties"].as_object().unwrap() {
            assert!(is["description"].is_string(), "{name}.{property} has no description");
        }
    }
}

#[test]
fn components_refer_to_each_other_below_the_path() {
    let text = serde_json::to_string(&components("/components/schemas")).unwrap();
    assert!(text.contains("\"#/components/schemas/EnterpriseUser\""), "{text}");
    assert!(!text.contains("$defs"), "nothing is left out of line");
    for (name, _) in json_schemas() {
        assert!(components("/x").contains_key(name), "{name} has the same name in both");
    }
}

#[test]
fn a_user_is_read_and_written_unchanged() {
    let document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_SCHEMA],
        "id": "2819c223",
        "userName": "bjensen@example.com",
        "name": { "familyName": "Jensen", "givenName": "Barbara" },
        "active": true,
        "emails": [{ "value": "bjensen@example.com", "type": "work", "primary": true }],
        "addresses": [{ "streetAddress": "100 Universal City Plaza", "country": "US", "type": "work" }],
        "groups": [{ "value": "e9e3", "$ref": "https://example.com/v2/Groups/e9e3", "display": "Tour Guides" }],
        ENTERPRISE_SCHEMA: { "employeeNumber": "701984", "manager": { "value": "26118915", "$ref": "../Users/26118915" } },
        "meta": { "resourceType": "User", "created": "2010-01-23T04:56:22.000Z", "version": "W/\"3\"" },
    });
    let user: User = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(user.enterprise.as_ref().unwrap().employee_number.as_deref(), Some("701984"));
    assert_eq!(serde_json::to_value(&user).unwrap(), document);
    assert_eq!(
        serde_json::to_value(message::list(0, 1, Vec::<User>::new())).unwrap()["Resources"],
        json!([]),
        "an empty list has Resources"
    );
}

#[test]
fn the_error_model_is_what_errors_are_answered_as() {
    let (_, schema) = json_schemas().into_iter().find(|(name, _)| *name == "Error").unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for error in [crate::scim::Error::uniqueness("userName: taken"), crate::scim::Error::not_found("User", "7")] {
        let body = error.to_json();
        assert!(validator.is_valid(&body), "{body}");
    }
    assert!(!validator.is_valid(&json!({ "schemas": [], "status": 404 })), "status is a string");
}
