//! Schemas, attribute characteristics and resource types (RFC 7643 sections 2, 6 and 7), and how a name is found in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A schema document, as served at `/Schemas` (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// The schema's URN.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it describes.
    pub description: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// An attribute and its characteristics (RFC 7643 section 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Canonical name.
    pub name: String,
    /// Data type (RFC 7643 2.3).
    #[serde(rename = "type")]
    pub data_type: DataType,
    /// Sub-attributes of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
    /// Whether it holds a list.
    pub multi_valued: bool,
    /// What it means.
    pub description: String,
    /// Whether it must have a value.
    pub required: bool,
    /// Suggested values; others are accepted (RFC 7643 7: "may").
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether upper and lower case differ in comparisons.
    #[serde(default)]
    pub case_exact: bool,
    /// Who may change it, and when.
    pub mutability: Mutability,
    /// When it is in an answer.
    pub returned: Returned,
    /// Within what its value is unique.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// What a reference may point at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
}

/// RFC 7643 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 2.3's own")]
pub enum DataType {
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Reference,
    Binary,
    Complex,
}

/// RFC 7643 section 7, `mutability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 section 7's own")]
pub enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
    WriteOnly,
}

/// RFC 7643 section 7, `returned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 section 7's own")]
pub enum Returned {
    Always,
    Never,
    Default,
    Request,
}

/// RFC 7643 section 7, `uniqueness`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 section 7's own")]
pub enum Uniqueness {
    #[default]
    None,
    Server,
    Global,
}

/// A resource type with its schemas (RFC 7643 section 6).
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// `User` or `Group`.
    pub name: String,
    /// `/Users` or `/Groups`.
    pub endpoint: String,
    /// For people.
    pub description: String,
    /// The core schema.
    pub schema: Arc<Schema>,
    /// Extensions, in the order in which they are answered.
    pub extensions: Vec<SchemaExtension>,
    /// `schemas`, `id`, `externalId` and `meta`, which every resource has and no schema document lists (RFC 7643 3.1).
    pub common: Arc<[Attribute]>,
}

/// An extension of a resource type (RFC 7643 section 6).
#[derive(Debug, Clone)]
pub struct SchemaExtension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Whether a resource must have it.
    pub required: bool,
}

/// All that a service provider publishes about its resources.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Schemas in the order of `/Schemas`.
    pub schemas: Vec<Arc<Schema>>,
    /// Users and groups.
    pub user: Arc<ResourceType>,
    /// Groups.
    pub group: Arc<ResourceType>,
}

impl Attribute {
    /// The sub-attribute of this name, without regard to case (RFC 7643 2.1).
    pub fn sub(&self, name: &str) -> Option<&Attribute> {
        self.sub_attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

impl Schema {
    /// The attribute of this name, without regard to case (RFC 7643 2.1).
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

impl ResourceType {
    /// The extension with this URN, without regard to case.
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().map(|e| e.schema.as_ref()).find(|s| s.id.eq_ignore_ascii_case(urn))
    }

    /// An attribute of the core schema or one every resource has.
    pub fn core_attribute(&self, name: &str) -> Option<&Attribute> {
        self.schema.attribute(name).or_else(|| self.common.iter().find(|a| a.name.eq_ignore_ascii_case(name)))
    }
}
