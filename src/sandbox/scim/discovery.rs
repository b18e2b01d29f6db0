//! `/ServiceProviderConfigs` (with the plural that breaks discovery), `/Schemas`, `/ResourceTypes`.

use serde_json::{Value, json};

use super::render::{BASE, Site, custom_urn, meta};
use super::{CORE_GROUP, CORE_USER, ENTERPRISE, LIST, SALESFORCE};
use crate::sandbox::org::Visit;
use crate::sandbox::store::custom::{CustomField, CustomKind};
use crate::sandbox::wire::Reply;

/// `GET /ServiceProviderConfigs`.
pub(super) fn config(visit: &Visit<'_>) -> Reply {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "documentationUri": "https://help.salesforce.com/HTViewHelpDoc?id=identity_scim_overview.htm",
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": 200},
        "changePassword": {"supported": true},
        "sort": {"supported": false},
        "etag": {"supported": false},
        "authenticationSchemes": [{
            "type": "oauth2",
            "name": "OAuth v2.0",
            "description": "Authentication Scheme using the OAuth Standard",
            "specUri": "http://tools.ietf.org/html/rfc6749",
            "documentationUri": "https://help.salesforce.com/apex/HTViewHelpDoc?id=remoteaccess_authenticate.htm",
            "primary": true,
        }],
        "meta": meta(Site::of(visit), "ServiceProviderConfig", "", None, visit.inner.store.founded),
    });
    Reply::json(200, &body)
}

/// An attribute of a schema: name, type, whether it has several values, mutability.
type Attribute = (&'static str, &'static str, bool, &'static str);

const USER: &[Attribute] = &[
    ("id", "string", false, "readOnly"),
    ("externalId", "string", false, "readWrite"),
    ("userName", "string", false, "readWrite"),
    ("name", "complex", false, "readWrite"),
    ("displayName", "string", false, "readOnly"),
    ("nickName", "string", false, "readWrite"),
    ("profileUrl", "reference", false, "readOnly"),
    ("emails", "complex", true, "readWrite"),
    ("addresses", "complex", true, "readWrite"),
    ("phoneNumbers", "complex", true, "readWrite"),
    ("photos", "complex", true, "readOnly"),
    ("userType", "string", false, "readOnly"),
    ("title", "string", false, "readWrite"),
    ("preferredLanguage", "string", false, "readWrite"),
    ("locale", "string", false, "readWrite"),
    ("timezone", "string", false, "readWrite"),
    ("active", "boolean", false, "readWrite"),
    ("password", "string", false, "writeOnly"),
    ("entitlements", "complex", true, "readWrite"),
    ("groups", "complex", true, "readOnly"),
    ("roles", "complex", true, "readWrite"),
];

const ENTERPRISE_USER: &[Attribute] = &[
    ("employeeNumber", "string", false, "readWrite"),
    ("costCenter", "string", false, "readWrite"),
    ("organization", "string", false, "readOnly"),
    ("division", "string", false, "readWrite"),
    ("department", "string", false, "readWrite"),
    ("manager", "complex", false, "readWrite"),
    ("delegatedApprover", "complex", false, "readWrite"),
];

const NAMED: &[Attribute] = &[
    ("id", "string", false, "readOnly"),
    ("displayName", "string", false, "readWrite"),
    ("type", "string", false, "readOnly"),
    ("members", "complex", true, "readWrite"),
];

const ALIAS: &[Attribute] = &[("alias", "string", false, "readWrite")];

/// id, short name, attributes
fn all_schemas() -> [(&'static str, &'static str, &'static [Attribute]); 6] {
    [
        (CORE_USER, "User", USER),
        (CORE_GROUP, "Group", NAMED),
        ("urn:salesforce:schemas:extension:2.0:Entitlement", "Entitlement", NAMED),
        ("urn:salesforce:schemas:extension:2.0:Role", "Role", NAMED),
        (ENTERPRISE, "EnterpriseUser", ENTERPRISE_USER),
        // The schema says 2.0 where users are answered with 1.0.
        ("urn:salesforce:schemas:extension:2.0", "SalesforceUser", ALIAS),
    ]
}

/// The schema of the org's custom fields, where it has any.
fn custom_schema(visit: &Visit<'_>) -> Option<Value> {
    let store = &visit.inner.store;
    let attribute = |field: &CustomField| {
        let kind = match field.kind {
            CustomKind::Checkbox => "boolean",
            CustomKind::Number => "decimal",
            CustomKind::Date => "dateTime",
            CustomKind::Text(_) | CustomKind::Picklist(_) | CustomKind::Reference => "string",
        };
        json!({
            "name": field.api_name, "type": kind, "multiValued": false, "mutability": "readWrite", "required": false,
            "caseExact": false, "uniqueness": if field.unique { "server" } else { "none" },
        })
    };
    let id = custom_urn(store);
    (!store.custom_fields.is_empty()).then(|| {
        json!({
            "id": id, "name": "CustomFields", "description": "SCIM resource CustomFields",
            "attributes": store.custom_fields.iter().map(attribute).collect::<Vec<_>>(),
            "meta": {"location": format!("{}{BASE}/Schemas/{id}", visit.base_url), "resourceType": "Schema"},
        })
    })
}

/// `GET /Schemas` and `/Schemas/{urn or short name}`.
pub(super) fn schemas(visit: &Visit<'_>, name: Option<&str>) -> Reply {
    let render = |(id, name, attributes): (&str, &str, &[Attribute])| {
        let attributes: Vec<Value> = attributes
            .iter()
            .map(|(name, kind, multi, mutability)| {
                json!({
                    "name": name, "type": kind, "multiValued": multi, "mutability": mutability,
                    "required": *name == "userName", "caseExact": false,
                    "uniqueness": if ["id", "userName"].contains(name) { "server" } else { "none" },
                })
            })
            .collect();
        json!({
            "id": id, "name": name, "description": format!("SCIM resource {name}"), "attributes": attributes,
            "meta": {"location": format!("{}{BASE}/Schemas/{id}", visit.base_url), "resourceType": "Schema"},
        })
    };
    match name {
        None => {
            let custom = custom_schema(visit);
            let all: Vec<Value> = all_schemas().map(render).into_iter().chain(custom).collect();
            whole(&all)
        }
        Some(wanted) if wanted.eq_ignore_ascii_case(&custom_urn(&visit.inner.store)) => custom_schema(visit)
            .map_or_else(|| Reply::scim_error(400, "Invalid Schema specified"), |schema| Reply::json(200, &schema)),
        Some(wanted) => all_schemas()
            .into_iter()
            .find(|(id, name, _)| id.eq_ignore_ascii_case(wanted) || name.eq_ignore_ascii_case(wanted))
            .map_or_else(
                || Reply::scim_error(400, "Invalid Schema specified"),
                |schema| Reply::json(200, &render(schema)),
            ),
    }
}

/// `GET /ResourceTypes` and `/ResourceTypes/{name}`.
pub(super) fn resource_types(visit: &Visit<'_>, name: Option<&str>) -> Reply {
    let types = [
        (CORE_USER, "User", "/Users"),
        (CORE_GROUP, "Group", "/Groups"),
        ("urn:salesforce:schemas:extension:2.0:Entitlement", "Entitlement", "/Entitlements"),
        ("urn:salesforce:schemas:extension:2.0:Role", "Role", "/Roles"),
    ];
    let render = |(schema, name, endpoint): (&str, &str, &str)| {
        let organization = custom_urn(&visit.inner.store);
        let extensions: Vec<Value> = if name == "User" {
            // `required` is a string here, like `schemas` in errors.
            [ENTERPRISE, &organization, SALESFORCE]
                .iter()
                .map(|urn| json!({"schema": urn, "required": "false"}))
                .collect()
        } else {
            Vec::new()
        };
        json!({
            "id": schema, "name": name, "endpoint": endpoint, "schema": schema, "schemaExtensions": extensions,
            "meta": {"location": format!("{}{BASE}/ResourceTypes/{name}", visit.base_url), "resourceType": "ResourceType"},
        })
    };
    match name {
        None => whole(&types.map(render)),
        Some(wanted) => types
            .into_iter()
            .find(|(id, name, _)| id.eq_ignore_ascii_case(wanted) || name.eq_ignore_ascii_case(wanted))
            .map_or_else(|| Reply::scim_error(404, "No such resource"), |entry| Reply::json(200, &render(entry))),
    }
}

fn whole(resources: &[Value]) -> Reply {
    let count = resources.len();
    let body = json!({
        "totalResults": count, "itemsPerPage": count, "startIndex": 1, "schemas": [LIST], "Resources": resources,
    });
    Reply::json(200, &body)
}
