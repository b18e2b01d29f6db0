//! Attributes of a tenant's own: extensions of users and groups (RFC 7643 section 3.3).

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema as JsonSchemaDocument, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::check::Finding;
use super::model::Tenant;
use crate::scim::extension;
use crate::scim::registry::RegistryError;
use crate::scim::schema::{Registry, Schema};

/// An extension of one resource type, described by a file or in place.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// What it extends.
    pub resource_type: Extended,
    /// Whether every resource of this type must have it.
    #[serde(default)]
    pub required: bool,
    /// Path of the schema document (RFC 7643 section 7, JSON) that describes it, from the folder of the configuration file.
    /// Instead of `id`, `name`, `description` and `attributes`.
    #[schemars(with = "Option<String>")]
    pub schema_file: Option<PathBuf>,
    /// URN of the schema.
    pub id: Option<String>,
    /// Name of the schema, for people.
    pub name: Option<String>,
    /// What the schema describes, for people.
    pub description: Option<String>,
    /// The attributes, with the characteristics and the spelling of RFC 7643 section 7 (`multiValued`, `caseExact`, …).
    /// Only `name` must be there.
    #[serde(default)]
    #[schemars(schema_with = "attributes")]
    pub attributes: Vec<Value>,
    /// What all this comes to.
    #[serde(skip)]
    #[schemars(skip)]
    schema: Option<Schema>,
}

/// A resource type that can be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Extended {
    /// Users.
    User,
    /// Groups.
    Group,
}

impl Extended {
    /// The resource type's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }
}

/// Not in detail: attributes hold attributes, and what is wrong in them is told by what reads schema documents.
fn attributes(_: &mut SchemaGenerator) -> JsonSchemaDocument {
    json_schema!({ "type": "array", "items": { "type": "object" } })
}

impl Extension {
    /// An extension that is described by a schema.
    pub fn new(resource_type: Extended, required: bool, schema: Schema) -> Self {
        Self {
            resource_type,
            required,
            schema_file: None,
            id: None,
            name: None,
            description: None,
            attributes: Vec::new(),
            schema: Some(schema),
        }
    }

    /// Reads what describes it; the error has the name of the key that it stands under.
    fn read(&mut self, folder: &Path) -> Result<(), (&'static str, String)> {
        let texts = [("id", &self.id), ("name", &self.name), ("description", &self.description)];
        let mut document: Map<String, Value> =
            texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?)))).collect();
        if !self.attributes.is_empty() {
            document.insert("attributes".into(), Value::Array(self.attributes.clone()));
        }
        let (key, document) = match &self.schema_file {
            None if self.id.is_none() => return Err(("id", "is missing (or schema_file)".into())),
            None => ("", Value::Object(document)),
            Some(file) if document.is_empty() => {
                let path = folder.join(file);
                let wrong = |why: &dyn std::fmt::Display| ("schema_file", format!("{}: {why}", path.display()));
                let text = std::fs::read_to_string(&path).map_err(|why| wrong(&why))?;
                let document = serde_json::from_str(&text).map_err(|why| wrong(&why))?;
                self.schema = Some(extension::read(document).map_err(|why| wrong(&why))?);
                return Ok(());
            }
            Some(_) => {
                let words = "describes the whole extension: take id, name, description and attributes away";
                return Err(("schema_file", words.into()));
            }
        };
        self.schema = Some(extension::read(document).map_err(|why| (key, format!(": {why}")))?);
        Ok(())
    }
}

/// Reads the descriptions of all of a tenant's extensions, and tells what is wrong with them and between them.
pub(super) fn read(name: &str, tenant: &mut Tenant, folder: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, extension) in tenant.extensions.iter_mut().enumerate() {
        let place = format!("tenant.{name}.extensions[{index}]");
        if let Err((key, why)) = extension.read(folder) {
            let place = if key.is_empty() { place } else { format!("{place}.{key}") };
            found.push(Finding::at(&place, why));
        }
    }
    if found.is_empty()
        && let Err(why) = tenant.registry()
    {
        found.push(Finding::at(&format!("tenant.{name}.extensions"), format_args!(": {why}")));
    }
    found
}

impl Tenant {
    /// What its resources look like: the standard schemas and its extensions; `None` where it has none of its own.
    ///
    /// # Errors
    /// As [`Registry::with_extension`]. A configuration from [`super::Config::load`] has been through it.
    pub fn registry(&self) -> Result<Option<Registry>, RegistryError> {
        let mut extended = self.extensions.iter().filter_map(|extension| Some((extension, extension.schema.clone()?)));
        extended.try_fold(None, |registry: Option<Registry>, (extension, schema)| {
            let registry = registry.map_or_else(Registry::standard, Ok)?;
            registry.with_extension(schema, extension.resource_type.as_str(), extension.required).map(Some)
        })
    }
}
