//! The one error a client sees (RFC 7644 3.12).

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

/// `scimType`: what kind of bad request or conflict it was (RFC 7644 3.12 table 9; RFC 9865 2.1 for the last three).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7644 table 9's own")]
pub enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    InvalidVers,
    Sensitive,
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
}

/// An answer that refuses a request: HTTP status, kind, and words that name the attribute and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// HTTP status code.
    pub status: u16,
    /// Kind, where RFC 7644 table 9 or RFC 9865 2.1 has one.
    pub scim_type: Option<ScimType>,
    /// For a person: what was wrong, and where.
    pub detail: Cow<'static, str>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.detail)
    }
}

impl Error {
    /// An error without a `scimType`.
    pub fn new(status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    fn typed(status: u16, scim_type: ScimType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, scim_type: Some(scim_type), detail: detail.into() }
    }

    /// 400 `invalidSyntax`: the body is not JSON, or not a message of the kind that is needed.
    pub fn invalid_syntax(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::InvalidSyntax, detail)
    }

    /// 400 `invalidValue`: a value of the wrong type, or a required one missing.
    pub fn invalid_value(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::InvalidValue, detail)
    }

    /// 400 `invalidFilter`.
    pub fn invalid_filter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::InvalidFilter, detail)
    }

    /// 400 `invalidPath`: the path of a PATCH operation is malformed or names no attribute.
    pub fn invalid_path(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::InvalidPath, detail)
    }

    /// 400 `noTarget`: the path of a PATCH operation reaches nothing.
    pub fn no_target(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::NoTarget, detail)
    }

    /// 400 `mutability`: a read-only or immutable attribute was to be changed.
    pub fn mutability(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::Mutability, detail)
    }

    /// 400 `tooMany`: more results or terms than the server works on at once.
    pub fn too_many(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::TooMany, detail)
    }

    /// 400 `invalidCursor`: no cursor of this query (RFC 9865 2.1).
    pub fn invalid_cursor(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::InvalidCursor, detail)
    }

    /// 400 `expiredCursor`: a cursor that was kept too long (RFC 9865 2.1).
    pub fn expired_cursor(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::ExpiredCursor, detail)
    }

    /// 400 `invalidCount`: `count` of a page by cursor is no number, or not that of the first page (RFC 9865 2.1).
    pub fn invalid_count(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(400, ScimType::InvalidCount, detail)
    }

    /// 409 `uniqueness`: another resource has this value.
    pub fn uniqueness(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed(409, ScimType::Uniqueness, detail)
    }

    /// 404 for a resource.
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(404, format!("{kind} {id} not found"))
    }

    /// The body of the answer. `status` is a JSON string (RFC 7644 3.12).
    pub fn to_json(&self) -> Value {
        let mut body = json!({ "schemas": [super::ERROR_MESSAGE], "status": self.status.to_string() });
        if let (Some(scim_type), Some(map)) = (self.scim_type, body.as_object_mut()) {
            map.insert("scimType".into(), json!(scim_type));
        }
        if let Some(map) = body.as_object_mut() {
            map.insert("detail".into(), json!(self.detail));
        }
        body
    }
}
