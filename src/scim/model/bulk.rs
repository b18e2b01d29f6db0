//! Bulk messages (RFC 7644 3.7).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ErrorMessage;

/// Several operations in one request (RFC 7644 3.7). Each is carried out by itself: one that fails leaves the others
/// as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkRequest {
    /// `urn:ietf:params:scim:api:messages:2.0:BulkRequest`.
    pub schemas: Vec<String>,
    /// Number of errors after which no further operation is carried out. Without it, all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub fail_on_errors: Option<u64>,
    /// At least one operation.
    #[serde(rename = "Operations")]
    #[schemars(length(min = 1, max = crate::scim::bulk::MAX_OPERATIONS))]
    pub operations: Vec<BulkOperation>,
}

/// One operation of a bulk request: a request of its own, but for `bulkId:` references to what others create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    /// HTTP method.
    pub method: BulkMethod,
    /// Name of the resource that a POST creates, which the client chooses and no other POST of the request has. In
    /// `data` and `path` of every operation, `bulkId:` and this name stand for the id of that resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
    /// Version that the resource must have, as in `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Path below the base URL: `/Users` or `/Groups` for POST, with `/` and an id for others.
    pub path: String,
    /// Body of the request; not needed for DELETE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum BulkMethod {
    /// Creates a resource.
    Post,
    /// Replaces a resource.
    Put,
    /// Changes a resource.
    Patch,
    /// Deletes a resource.
    Delete,
}

impl BulkMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// As HTTP spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What became of the operations of a bulk request (RFC 7644 3.7.3).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkResponse {
    /// `urn:ietf:params:scim:api:messages:2.0:BulkResponse`.
    pub schemas: Vec<String>,
    /// One result for each operation, in the order of the request. Those that `failOnErrors` left undone have none.
    #[serde(rename = "Operations")]
    pub operations: Vec<BulkResult>,
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkResult {
    /// HTTP method; absent where the operation named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The operation's `bulkId`, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
    /// Address of the resource; absent for a POST that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Version of the resource after the operation; absent where it failed, and for DELETE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// HTTP status code that a request of its own would have been answered with, as a string.
    pub status: String,
    /// Why the operation failed; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ErrorMessage>,
}
