//! The SCIM 2.0 protocol, pure: no I/O, no HTTP server, no database (RFC 7643, RFC 7644).

pub mod bulk;
pub mod cursor;
pub mod dialect;
pub mod discovery;
pub mod document;
pub mod error;
pub mod extension;
pub mod filter;
pub mod fold;
pub mod given;
pub mod matcher;
pub mod message;
pub mod model;
pub mod patch;
pub mod path;
pub mod precondition;
pub mod projection;
pub mod registry;
pub mod schema;
pub mod sort;
mod strictness;
pub mod validate;

use serde_json::{Map, Value};

pub use error::{Error, ScimType};
pub use strictness::Strictness;

/// The attributes of a resource, in canonical form: names as their schema spells them, extension attributes inside an
/// object under their schema's URN, no `null`, `""`-for-absent or empty array (RFC 7643 2.5: these are "unassigned").
pub type Attributes = Map<String, Value>;

/// Schema of a user (RFC 7643 4.1).
pub const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Schema of a group (RFC 7643 4.2).
pub const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Enterprise extension of a user (RFC 7643 4.3).
pub const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The bridge's own read-only extension: where the delivery of a resource stands.
pub const DELIVERY_SCHEMA: &str = "urn:scim-bridge:schemas:extension:delivery:1.0";
/// Message: error (RFC 7644 3.12).
pub const ERROR_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Message: list of resources (RFC 7644 3.4.2).
pub const LIST_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Message: PATCH (RFC 7644 3.5.2).
pub const PATCH_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Message: search (RFC 7644 3.4.3).
pub const SEARCH_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// Message: several operations in one request (RFC 7644 3.7).
pub const BULK_REQUEST_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// Message: what became of each of them (RFC 7644 3.7.3).
pub const BULK_RESPONSE_MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
