//! Messages (RFC 7644 3.4.2, 3.4.3, 3.5.2, 3.12).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scim::ScimType;

/// A PATCH request (RFC 7644 3.5.2): operations that are carried out in order, all or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchRequest {
    /// `urn:ietf:params:scim:api:messages:2.0:PatchOp`.
    pub schemas: Vec<String>,
    /// At least one operation.
    #[serde(rename = "Operations")]
    #[schemars(length(min = 1))]
    pub operations: Vec<PatchOperation>,
}

/// One operation of a PATCH request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchOperation {
    /// What to do.
    pub op: PatchOp,
    /// Where: an attribute path, which may select values by a filter. Without it the value is an object of attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The value; not needed to remove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// What a PATCH operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PatchOp {
    /// Adds values to a multi-valued attribute, sets any other.
    Add,
    /// Removes an attribute, or some of its values.
    Remove,
    /// Puts the value in place of what is there.
    Replace,
}

/// A search by POST (RFC 7644 3.4.3), so that names and addresses stay out of the URL.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchRequest {
    /// `urn:ietf:params:scim:api:messages:2.0:SearchRequest`.
    pub schemas: Vec<String>,
    /// Names of the attributes to answer; all that are answered by default where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// Names of attributes to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_attributes: Vec<String>,
    /// Which resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The attribute by which they are sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    /// The order; ascending where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<SortOrder>,
    /// Number of the first resource to answer, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_index: Option<i64>,
    /// Largest number of resources to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Where the page begins, from the answer with the page before (RFC 9865).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Order of a sorted list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SortOrder {
    /// Smallest first; resources without the attribute last.
    #[default]
    Ascending,
    /// Largest first; resources without the attribute first.
    Descending,
}

/// A page of a list (RFC 7644 3.4.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}List")]
pub struct ListResponse<T> {
    /// `urn:ietf:params:scim:api:messages:2.0:ListResponse`.
    pub schemas: Vec<String>,
    /// Number of resources in the whole list.
    pub total_results: u64,
    /// Number of resources in this page.
    pub items_per_page: u64,
    /// Number of the first resource in this page, from 1; absent from a page by cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_index: Option<u64>,
    /// What to ask for the next page with, in a page by cursor; absent from the last one (RFC 9865 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The resources.
    #[serde(rename = "Resources")]
    pub resources: Vec<T>,
}

/// A refusal (RFC 7644 3.12).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Error")]
pub struct ErrorMessage {
    /// `urn:ietf:params:scim:api:messages:2.0:Error`.
    pub schemas: Vec<String>,
    /// HTTP status code, as a string.
    pub status: String,
    /// Kind of error, for status 400 and 409.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_type: Option<ScimType>,
    /// For a person: what was wrong, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
