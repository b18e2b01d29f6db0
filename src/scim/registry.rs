//! The schemas and resource types that this service provider publishes, read from the documents in `schema/scim/`.

use std::collections::HashSet;
use std::sync::Arc;

use super::schema::{Attribute, DataType, Registry, ResourceType, Schema, SchemaExtension};

const USER: &str = include_str!("../../schema/scim/User.json");
const GROUP: &str = include_str!("../../schema/scim/Group.json");
const ENTERPRISE_USER: &str = include_str!("../../schema/scim/EnterpriseUser.json");
const DELIVERY: &str = include_str!("../../schema/scim/Delivery.json");
const SERVICE_PROVIDER_CONFIG: &str = include_str!("../../schema/scim/ServiceProviderConfig.json");
const RESOURCE_TYPE: &str = include_str!("../../schema/scim/ResourceType.json");
const SCHEMA: &str = include_str!("../../schema/scim/Schema.json");
const COMMON_ATTRIBUTES: &str = include_str!("../../schema/scim/common-attributes.json");

/// Why schemas make no registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A document is not JSON, or not a schema.
    #[error("schema document {name}: {source}")]
    Document {
        /// Which document.
        name: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// An extension is for a resource type that is not there.
    #[error("schema {urn}: there is no resource type {resource_type}")]
    UnknownResourceType {
        /// The extension.
        urn: String,
        /// The name that was given.
        resource_type: String,
    },
    /// A schema breaks a rule of RFC 7643.
    #[error("schema {urn}: {reason}")]
    Schema {
        /// The schema.
        urn: String,
        /// The rule, and where it is broken.
        reason: String,
    },
}

impl Registry {
    /// Users with the enterprise extension, and groups; both with the bridge's delivery extension.
    ///
    /// # Errors
    /// Where a built-in document does not parse, which a test rules out.
    pub fn standard() -> Result<Self, RegistryError> {
        let user = document::<Schema>("User", USER).map(Arc::new)?;
        let group = document::<Schema>("Group", GROUP).map(Arc::new)?;
        let enterprise = document::<Schema>("EnterpriseUser", ENTERPRISE_USER).map(Arc::new)?;
        let delivery = document::<Schema>("Delivery", DELIVERY).map(Arc::new)?;
        let common: Arc<[Attribute]> = document::<Vec<Attribute>>("common-attributes", COMMON_ATTRIBUTES)?.into();
        let extension = |schema: &Arc<Schema>| SchemaExtension { schema: Arc::clone(schema), required: false };
        Ok(Self {
            user: Arc::new(ResourceType {
                name: "User".into(),
                endpoint: "/Users".into(),
                description: "User account".into(),
                schema: Arc::clone(&user),
                extensions: vec![extension(&enterprise), extension(&delivery)],
                common: Arc::clone(&common),
            }),
            group: Arc::new(ResourceType {
                name: "Group".into(),
                endpoint: "/Groups".into(),
                description: "Group of users".into(),
                schema: Arc::clone(&group),
                extensions: vec![extension(&delivery)],
                common,
            }),
            schemas: vec![
                user,
                group,
                enterprise,
                delivery,
                document::<Schema>("ServiceProviderConfig", SERVICE_PROVIDER_CONFIG).map(Arc::new)?,
                document::<Schema>("ResourceType", RESOURCE_TYPE).map(Arc::new)?,
                document::<Schema>("Schema", SCHEMA).map(Arc::new)?,
            ],
        })
    }

    /// The same with one more extension, of the resource type of this name (`User` or `Group`). A schema that is an
    /// extension of both is added once for each.
    ///
    /// # Errors
    /// Where the resource type does not exist, has the extension already, another schema has the URN, or the schema
    /// breaks RFC 7643: a URN that does not begin with `urn:`, a name that is no attribute name or is given twice,
    /// sub-attributes on a simple attribute, none on a complex one, or complex ones (section 2.3.8).
    pub fn with_extension(
        mut self,
        schema: Schema,
        resource_type: &str,
        required: bool,
    ) -> Result<Self, RegistryError> {
        let broken = |reason: String| RegistryError::Schema { urn: schema.id.clone(), reason };
        if !schema.id.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:")) {
            return Err(broken("the id must begin with urn:".into()));
        }
        attributes_are_sound(&schema.attributes, true).map_err(broken)?;
        let schema = match self.schemas.iter().find(|known| known.id.eq_ignore_ascii_case(&schema.id)) {
            Some(known) if **known == schema => Arc::clone(known),
            Some(_) => return Err(broken("another schema has this URN".into())),
            None => {
                let schema = Arc::new(schema);
                self.schemas.push(Arc::clone(&schema));
                schema
            }
        };
        let target = match resource_type {
            name if name.eq_ignore_ascii_case(&self.user.name) => &mut self.user,
            name if name.eq_ignore_ascii_case(&self.group.name) => &mut self.group,
            _ => {
                return Err(RegistryError::UnknownResourceType {
                    urn: schema.id.clone(),
                    resource_type: resource_type.to_owned(),
                });
            }
        };
        if target.schema(&schema.id).is_some() {
            return Err(RegistryError::Schema {
                urn: schema.id.clone(),
                reason: format!("{} has this schema already", target.name),
            });
        }
        Arc::make_mut(target).extensions.push(SchemaExtension { schema, required });
        Ok(self)
    }

    /// The resource types, in the order of `/ResourceTypes`.
    pub fn resource_types(&self) -> [&Arc<ResourceType>; 2] {
        [&self.user, &self.group]
    }

    /// The resource type of this name, without regard to case.
    pub fn resource_type(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types().into_iter().find(|t| t.name.eq_ignore_ascii_case(name))
    }

    /// The resource type that is served at this path below the base URL (`/Users`), without regard to case: some
    /// clients write `/users`.
    pub fn at_endpoint(&self, endpoint: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types().into_iter().find(|t| t.endpoint.eq_ignore_ascii_case(endpoint))
    }

    /// The schema with this URN, without regard to case.
    pub fn schema(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.schemas.iter().find(|s| s.id.eq_ignore_ascii_case(urn))
    }
}

fn document<T: serde::de::DeserializeOwned>(name: &'static str, text: &str) -> Result<T, RegistryError> {
    serde_json::from_str(text).map_err(|source| RegistryError::Document { name, source })
}

fn attributes_are_sound(attributes: &[Attribute], complex_allowed: bool) -> Result<(), String> {
    let mut names = HashSet::new();
    for attribute in attributes {
        let name = &attribute.name;
        if !is_attribute_name(name) {
            return Err(format!("{name:?} is no attribute name: a letter, then letters, digits, - and _"));
        }
        if name.eq_ignore_ascii_case("schemas") || !names.insert(name.to_ascii_lowercase()) {
            return Err(format!("attribute {name} is given twice"));
        }
        match (attribute.data_type, attribute.sub_attributes.is_empty()) {
            (DataType::Complex, _) if !complex_allowed => {
                return Err(format!("sub-attribute {name} cannot be complex"));
            }
            (DataType::Complex, true) => return Err(format!("complex attribute {name} has no sub-attributes")),
            (DataType::Complex, false) => {
                attributes_are_sound(&attribute.sub_attributes, false).map_err(|e| format!("{name}: {e}"))?;
            }
            (_, false) => return Err(format!("attribute {name} has sub-attributes but is not complex")),
            (_, true) => {}
        }
    }
    Ok(())
}

/// RFC 7643 2.1 (`ATTRNAME`); `$ref` is the one name with another first character.
fn is_attribute_name(name: &str) -> bool {
    let mut characters = name.strip_prefix('$').unwrap_or(name).chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
