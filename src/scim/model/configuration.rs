//! What the service provider says about itself (RFC 7643 5 to 7).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::Meta;
use crate::scim::schema::Schema;

/// What the service provider supports (RFC 7643 5).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceProviderConfig {
    /// URN of the schema.
    pub schemas: Vec<String>,
    /// Where it is documented for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation_uri: Option<String>,
    /// PATCH.
    pub patch: Support,
    /// Bulk requests.
    pub bulk: BulkSupport,
    /// Filters.
    pub filter: FilterSupport,
    /// Changing passwords.
    pub change_password: Support,
    /// Sorting.
    pub sort: Support,
    /// Versions of resources (`ETag`).
    pub etag: Support,
    /// How long lists are read in pages (RFC 9865).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// How a client proves who it is.
    pub authentication_schemes: Vec<AuthenticationScheme>,
    /// About the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// Whether something is supported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Support {
    /// Whether it is.
    pub supported: bool,
}

/// Bulk requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkSupport {
    /// Whether they are supported.
    pub supported: bool,
    /// Largest number of operations.
    pub max_operations: u64,
    /// Largest body in bytes.
    pub max_payload_size: u64,
}

/// Filters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilterSupport {
    /// Whether they are supported.
    pub supported: bool,
    /// Largest number of resources in one answer.
    pub max_results: u64,
}

/// How long lists are read in pages (RFC 9865 4).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Whether pages can be asked for by cursor.
    pub cursor: bool,
    /// Whether pages can be asked for by index.
    pub index: bool,
    /// What is used when a request does not say: `cursor` or `index`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_pagination_method: Option<String>,
    /// Resources in a page when a request does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_page_size: Option<u64>,
    /// Largest number of resources in a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_page_size: Option<u64>,
    /// Seconds for which a cursor can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor_timeout: Option<u64>,
}

/// A way in which a client proves who it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationScheme {
    /// `oauth`, `oauth2`, `oauthbearertoken`, `httpbasic` or `httpdigest`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the scheme.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_uri: Option<String>,
    /// Its documentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation_uri: Option<String>,
    /// Whether it is the preferred one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// A kind of resource (RFC 7643 6).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceType")]
pub struct ResourceTypeDocument {
    /// URN of the schema.
    pub schemas: Vec<String>,
    /// The same as the name.
    pub id: String,
    /// Name of the resource type.
    pub name: String,
    /// Path below the base URL.
    pub endpoint: String,
    /// What it is, for people.
    pub description: String,
    /// URN of the core schema.
    pub schema: String,
    /// Extensions of the core schema.
    pub schema_extensions: Vec<ExtensionReference>,
    /// About the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// An extension of a resource type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionReference {
    /// URN of the extension.
    pub schema: String,
    /// Whether every resource has it.
    pub required: bool,
}

/// A schema with what every resource has (RFC 7643 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Schema")]
pub struct SchemaDocument {
    /// URN of the schema of schemas.
    pub schemas: Vec<String>,
    /// The schema.
    #[serde(flatten)]
    pub schema: Schema,
    /// About the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}
