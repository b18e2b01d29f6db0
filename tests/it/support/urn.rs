//! URNs, written out: a mistake in the bridge's own must not be one of the tests as well.

/// Core schema of users (RFC 7643 4.1).
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Core schema of groups (RFC 7643 4.2).
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Enterprise extension (RFC 7643 4.3).
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The bridge's own extension.
pub(crate) const DELIVERY: &str = "urn:scim-bridge:schemas:extension:delivery:1.0";
/// Message of PATCH (RFC 7644 3.5.2).
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Message of a list (RFC 7644 3.4.2).
pub(crate) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Message of a search (RFC 7644 3.4.3).
pub(crate) const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// Message of an error (RFC 7644 3.12).
pub(crate) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Message of a bulk request (RFC 7644 3.7).
pub(crate) const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
