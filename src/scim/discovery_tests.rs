//! The discovery documents.

use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::scim::schema::{Attribute, DataType};
use crate::scim::{DELIVERY_SCHEMA, ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA};

const BASE: &str = "https://scim.example.com/scim/v2/";

fn value(document: impl Serialize) -> Value {
    serde_json::to_value(document).unwrap()
}

/// Everything in a document is of the type that its schema says, and what is required is there.
fn conforms(place: &str, attributes: &[Attribute], document: &Value) {
    let members = document.as_object().unwrap_or_else(|| panic!("{place} is no object"));
    for attribute in attributes.iter().filter(|a| a.required) {
        assert!(members.contains_key(&attribute.name), "{place}.{} is required", attribute.name);
    }
    for (name, value) in members {
        let place = format!("{place}.{name}");
        let attribute =
            attributes.iter().find(|a| a.name == *name).unwrap_or_else(|| panic!("{place} is in no schema"));
        assert_eq!(value.is_array(), attribute.multi_valued, "{place}: a list or not");
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            match attribute.data_type {
                DataType::Complex if name == "subAttributes" => {}
                DataType::Complex => conforms(&place, &attribute.sub_attributes, value),
                DataType::Boolean => assert!(value.is_boolean(), "{place}"),
                DataType::Integer => assert!(value.is_u64(), "{place}"),
                _ => assert!(value.is_string(), "{place}"),
            }
        }
    }
}

fn conforms_to(registry: &Registry, urn: &str, document: &Value) {
    let mut attributes = registry.schema(urn).unwrap().attributes.clone();
    attributes.extend(registry.user.common.iter().filter(|a| matches!(a.name.as_str(), "schemas" | "meta")).cloned());
    assert_eq!(document["schemas"], json!([urn]));
    conforms(urn, &attributes, document);
}

#[test]
fn every_document_is_as_its_schema_says() {
    let registry = Registry::standard().unwrap();
    let pagination = Pagination { cursor: true, index: true, cursor_timeout: Some(600), ..Pagination::default() };
    let features =
        Features { pagination: Some(pagination), documentation_uri: Some("https://x".into()), ..Features::default() };
    conforms_to(&registry, CONFIG_SCHEMA, &value(service_provider_config(&features, BASE)));
    for document in &value(resource_types(&registry, BASE))["Resources"].as_array().unwrap()[..] {
        conforms_to(&registry, RESOURCE_TYPE_SCHEMA, document);
    }
    for document in &value(schemas(&registry, BASE))["Resources"].as_array().unwrap()[..] {
        conforms_to(&registry, SCHEMA_SCHEMA, document);
    }
}

#[test]
fn the_configuration_says_what_is_switched_on() {
    let plain = value(service_provider_config(&Features::default(), BASE));
    assert_eq!(plain["patch"], json!({ "supported": true }));
    assert_eq!(plain["bulk"], json!({ "supported": false, "maxOperations": 0, "maxPayloadSize": 0 }));
    assert_eq!(plain["filter"], json!({ "supported": true, "maxResults": 200 }));
    for name in ["changePassword", "sort", "etag"] {
        assert_eq!(plain[name], json!({ "supported": false }), "{name}");
    }
    assert_eq!(plain["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert_eq!(plain["authenticationSchemes"][0]["primary"], true);
    assert_eq!(
        plain["meta"],
        json!({ "resourceType": "ServiceProviderConfig", "location": "https://scim.example.com/scim/v2/ServiceProviderConfig" })
    );
    assert!(plain.get("pagination").is_none() && plain.get("documentationUri").is_none());

    let bulk = BulkLimits { max_operations: 10, max_payload_size: 1000 };
    let switched: [(&str, Features, Value); 6] = [
        ("patch", Features { patch: false, ..Features::default() }, json!({ "supported": false })),
        (
            "bulk",
            Features { bulk: Some(bulk), ..Features::default() },
            json!({ "supported": true, "maxOperations": 10, "maxPayloadSize": 1000 }),
        ),
        (
            "filter",
            Features { filter_max_results: None, ..Features::default() },
            json!({ "supported": false, "maxResults": 0 }),
        ),
        ("changePassword", Features { change_password: true, ..Features::default() }, json!({ "supported": true })),
        ("sort", Features { sort: true, ..Features::default() }, json!({ "supported": true })),
        ("etag", Features { etag: true, ..Features::default() }, json!({ "supported": true })),
    ];
    for (name, features, expected) in switched {
        let mut document = plain.clone();
        document[name] = expected;
        assert_eq!(value(service_provider_config(&features, BASE)), document, "{name} and nothing else");
    }
}

#[test]
fn resource_types_name_their_schemas() {
    let registry = Registry::standard().unwrap();
    let list = value(resource_types(&registry, BASE));
    assert_eq!((&list["totalResults"], &list["itemsPerPage"], &list["startIndex"]), (&json!(2), &json!(2), &json!(1)));
    let user = &list["Resources"][0];
    assert_eq!(user, &value(resource_type(&registry, "user", BASE)));
    assert_eq!(
        (&user["id"], &user["endpoint"], &user["schema"]),
        (&json!("User"), &json!("/Users"), &json!(USER_SCHEMA))
    );
    assert_eq!(user["schemaExtensions"], json!([{ "schema": ENTERPRISE_SCHEMA, "required": false }]));
    let group = &list["Resources"][1];
    assert!(!group.to_string().contains(DELIVERY_SCHEMA), "{group}");
    assert_eq!(user["meta"]["location"], "https://scim.example.com/scim/v2/ResourceTypes/User");
    assert_eq!(list["Resources"][1]["schema"], GROUP_SCHEMA);
    assert!(resource_type(&registry, "Device", BASE).is_none());
}

#[test]
fn schemas_are_found_by_urn() {
    let registry = Registry::standard().unwrap();
    let list = value(schemas(&registry, BASE));
    assert_eq!(list["totalResults"], registry.schemas.len());
    assert_eq!(list["Resources"][0]["id"], USER_SCHEMA);
    let one = value(schema(&registry, &USER_SCHEMA.to_ascii_uppercase(), BASE));
    assert_eq!(list["Resources"][0], one);
    assert_eq!(one["meta"]["location"], format!("{BASE}Schemas/{USER_SCHEMA}"));
    let password = one["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "password").unwrap();
    assert_eq!((&password["mutability"], &password["returned"]), (&json!("writeOnly"), &json!("never")));
    assert!(schema(&registry, "urn:nonsense", BASE).is_none());
}
