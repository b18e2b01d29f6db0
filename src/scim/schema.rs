//! Schemas, attribute characteristics and resource types (RFC 7643 sections 2, 6 and 7), and how a name is found in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::DELIVERY_SCHEMA;
use super::path::AttributePath;

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
    /// Users.
    pub user: Arc<ResourceType>,
    /// Groups.
    pub group: Arc<ResourceType>,
}

/// What an attribute path names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolved<'a> {
    /// URN of the extension that defines the attribute; `None` for one of the core schema or of every resource.
    pub extension: Option<&'a str>,
    /// The attribute.
    pub attribute: &'a Attribute,
    /// The sub-attribute, where the path names one.
    pub sub: Option<&'a Attribute>,
}

impl<'a> Resolved<'a> {
    /// The definition of the values that the path reaches: the sub-attribute's if it names one, else the attribute's.
    pub fn leaf(&self) -> &'a Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// Whether answers have it and stored resources have not: addresses depend on where the client found the bridge, and
    /// a delivery is no part of its resource. No filter sees it.
    pub fn is_put_together(&self) -> bool {
        let leaf = self.leaf().name.as_str();
        match self.extension {
            Some(urn) => urn == DELIVERY_SCHEMA,
            None => {
                matches!((self.attribute.name.as_str(), leaf), ("meta", "location") | ("groups" | "members", "$ref"))
            }
        }
    }

    /// The one name under which values of this path are stored and compared, in the spelling of the schema: `userName`,
    /// `emails.value`, `urn:…:enterprise:2.0:User:department`.
    pub fn canonical_key(&self) -> String {
        let mut key = String::new();
        if let Some(urn) = self.extension {
            key.push_str(urn);
            key.push(':');
        }
        key.push_str(&self.attribute.name);
        if let Some(sub) = self.sub {
            key.push('.');
            key.push_str(&sub.name);
        }
        key
    }
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

    /// The schema, core or extension, with this URN, without regard to case.
    pub fn schema(&self, urn: &str) -> Option<&Schema> {
        if self.schema.id.eq_ignore_ascii_case(urn) { Some(&self.schema) } else { self.extension(urn) }
    }

    /// Parts `urn:…:User:manager.value` into the schema and `manager.value`, without regard to case; the rest is empty
    /// where the text is the URN of a schema and no more. `None` where it begins with no schema of this type. URNs
    /// hold colons and dots themselves (`…:core:2.0:User`), so only the known URNs tell where the name begins
    /// (RFC 7644 3.10).
    pub fn split_urn<'t>(&self, text: &'t str) -> Option<(&Schema, &'t str)> {
        let extensions = self.extensions.iter().map(|e| e.schema.as_ref());
        std::iter::once(self.schema.as_ref())
            .chain(extensions)
            .filter_map(|schema| {
                let (head, tail) = text.split_at_checked(schema.id.len())?;
                let rest = if tail.is_empty() { tail } else { tail.strip_prefix(':')? };
                head.eq_ignore_ascii_case(&schema.id).then_some((schema, rest))
            })
            // One extension's URN may be the beginning of another's.
            .max_by_key(|(schema, _)| schema.id.len())
    }

    /// What a path names, without regard to case; `None` where it names nothing. A path with the URN of the core
    /// schema means the same as one without; an attribute of an extension needs its URN (RFC 7644 3.10).
    pub fn resolve(&self, path: &AttributePath) -> Option<Resolved<'_>> {
        let (extension, attribute) = match path.schema.as_deref().map(|urn| self.schema(urn)) {
            None => (None, self.core_attribute(&path.name)?),
            Some(Some(schema)) if !std::ptr::eq(schema, self.schema.as_ref()) => {
                (Some(schema.id.as_str()), schema.attribute(&path.name)?)
            }
            Some(schema) => (None, schema.and_then(|_| self.core_attribute(&path.name))?),
        };
        let sub = match path.sub.as_deref() {
            None => None,
            Some(name) => Some(attribute.sub(name)?),
        };
        Some(Resolved { extension, attribute, sub })
    }

    /// An attribute of the core schema or one every resource has.
    pub fn core_attribute(&self, name: &str) -> Option<&Attribute> {
        self.schema.attribute(name).or_else(|| self.common.iter().find(|a| a.name.eq_ignore_ascii_case(name)))
    }
}
