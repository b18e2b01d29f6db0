//! What the service provider says about itself at `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 4).
//! `base` is the address of the SCIM root, with or without a slash at its end.

use super::DELIVERY_SCHEMA;
use super::message::list;
use super::model::{
    AuthenticationScheme, BulkSupport, ExtensionReference, FilterSupport, ListResponse, Meta, Pagination,
    ResourceTypeDocument, SchemaDocument, ServiceProviderConfig, Support,
};
use super::schema::{Registry, ResourceType, Schema};

/// URN of the schema of `/ServiceProviderConfig`.
pub const CONFIG_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// URN of the schema of a resource type.
pub const RESOURCE_TYPE_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// URN of the schema of a schema.
pub const SCHEMA_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What is switched on.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the document")]
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// PATCH.
    pub patch: bool,
    /// Bulk requests and their limits; `None` where they are not supported.
    pub bulk: Option<BulkLimits>,
    /// Largest number of resources in one answer; `None` where filters are not supported.
    pub filter_max_results: Option<u64>,
    /// Changing passwords.
    pub change_password: bool,
    /// Sorting.
    pub sort: bool,
    /// Versions of resources.
    pub etag: bool,
    /// Paging (RFC 9865), where it is said.
    pub pagination: Option<Pagination>,
    /// Where the service provider is documented for people.
    pub documentation_uri: Option<String>,
}

/// Limits of a bulk request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkLimits {
    /// Largest number of operations.
    pub max_operations: u64,
    /// Largest body in bytes.
    pub max_payload_size: u64,
}

impl Default for Features {
    /// PATCH, and filters with up to 200 resources in an answer.
    fn default() -> Self {
        Self {
            patch: true,
            bulk: None,
            filter_max_results: Some(200),
            change_password: false,
            sort: false,
            etag: false,
            pagination: None,
            documentation_uri: None,
        }
    }
}

/// The document at `/ServiceProviderConfig`: one object, not a list (RFC 7644 4).
pub fn service_provider_config(features: &Features, base: &str) -> ServiceProviderConfig {
    let support = |supported| Support { supported };
    ServiceProviderConfig {
        schemas: vec![CONFIG_SCHEMA.into()],
        documentation_uri: features.documentation_uri.clone(),
        patch: support(features.patch),
        bulk: BulkSupport {
            supported: features.bulk.is_some(),
            max_operations: features.bulk.map_or(0, |limits| limits.max_operations),
            max_payload_size: features.bulk.map_or(0, |limits| limits.max_payload_size),
        },
        filter: FilterSupport {
            supported: features.filter_max_results.is_some(),
            max_results: features.filter_max_results.unwrap_or(0),
        },
        change_password: support(features.change_password),
        sort: support(features.sort),
        etag: support(features.etag),
        pagination: features.pagination.clone(),
        authentication_schemes: vec![AuthenticationScheme {
            kind: "oauthbearertoken".into(),
            name: "OAuth bearer token".into(),
            description: "A token in the Authorization header: Bearer, a space, the token".into(),
            spec_uri: Some("https://www.rfc-editor.org/info/rfc6750".into()),
            documentation_uri: None,
            primary: Some(true),
        }],
        meta: meta("ServiceProviderConfig", base, "/ServiceProviderConfig"),
    }
}

/// The list at `/ResourceTypes`.
pub fn resource_types(registry: &Registry, base: &str) -> ListResponse<ResourceTypeDocument> {
    let documents: Vec<_> =
        registry.resource_types().into_iter().map(|kind| resource_type_document(kind, base)).collect();
    list(u64::try_from(documents.len()).unwrap_or(u64::MAX), 1, documents)
}

/// The document at `/ResourceTypes/{name}`; the name counts without regard to case.
pub fn resource_type(registry: &Registry, name: &str, base: &str) -> Option<ResourceTypeDocument> {
    registry.resource_type(name).map(|kind| resource_type_document(kind, base))
}

/// The list at `/Schemas`.
pub fn schemas(registry: &Registry, base: &str) -> ListResponse<SchemaDocument> {
    let documents: Vec<_> = registry.schemas.iter().map(|schema| schema_document(schema, base)).collect();
    list(u64::try_from(documents.len()).unwrap_or(u64::MAX), 1, documents)
}

/// The document at `/Schemas/{urn}`; the URN counts without regard to case.
pub fn schema(registry: &Registry, urn: &str, base: &str) -> Option<SchemaDocument> {
    registry.schema(urn).map(|schema| schema_document(schema, base))
}

fn resource_type_document(kind: &ResourceType, base: &str) -> ResourceTypeDocument {
    // The delivery extension is no part of what a client may write, and is answered only where it is asked for. It is not
    // announced here, since clients that write every extension which they are told of (scim2-tester does) must leave it
    // alone, and since those that take a URN for a path (RFC 7644 figure 7: it ends in a name) cannot read this one, which
    // ends in a number. `/Schemas` has it.
    let extensions = kind.extensions.iter().filter(|e| e.schema.id != DELIVERY_SCHEMA);
    ResourceTypeDocument {
        schemas: vec![RESOURCE_TYPE_SCHEMA.into()],
        id: kind.name.clone(),
        name: kind.name.clone(),
        endpoint: kind.endpoint.clone(),
        description: kind.description.clone(),
        schema: kind.schema.id.clone(),
        schema_extensions: extensions
            .map(|e| ExtensionReference { schema: e.schema.id.clone(), required: e.required })
            .collect(),
        meta: meta("ResourceType", base, &format!("/ResourceTypes/{}", kind.name)),
    }
}

fn schema_document(schema: &Schema, base: &str) -> SchemaDocument {
    SchemaDocument {
        schemas: vec![SCHEMA_SCHEMA.into()],
        schema: schema.clone(),
        meta: meta("Schema", base, &format!("/Schemas/{}", schema.id)),
    }
}

/// The `meta` of a document; the RFC's own text has the location for schemas too (RFC 7643 7, erratum 8417).
#[expect(clippy::unnecessary_wraps, reason = "the models hold it as an option")]
fn meta(resource_type: &str, base: &str, path: &str) -> Option<Meta> {
    Some(Meta {
        resource_type: Some(resource_type.to_owned()),
        location: Some(format!("{}{path}", base.trim_end_matches('/'))),
        ..Meta::default()
    })
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
