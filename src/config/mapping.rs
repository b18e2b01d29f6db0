//! The keys of `[tenant.NAME.mapping]`: how people become accounts.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::check::Finding;
use super::model::Tenant;
use crate::salesforce::mapping::{self, FieldSettings, KeySettings, MappingSettings, OnTaken, Type, Write};

/// How people become accounts. Beside `defaults` each key is a Salesforce field by its API name.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FieldMapping {
    /// Keys of a new account whose person has none.
    #[serde(default)]
    pub defaults: KeyDefaults,
    /// What each field gets.
    #[serde(flatten)]
    pub fields: BTreeMap<String, MappedField>,
}

/// Keys of a new account whose person has none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyDefaults {
    /// Locale, `LocaleSidKey`.
    pub locale: String,
    /// Language, `LanguageLocaleKey`.
    pub language: String,
    /// Time zone, `TimeZoneSidKey`.
    pub time_zone: String,
}

impl Default for KeyDefaults {
    fn default() -> Self {
        Self { locale: "en_US".to_owned(), language: "en_US".to_owned(), time_zone: "America/Los_Angeles".to_owned() }
    }
}

/// What a field gets.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum MappedField {
    /// The value of this template.
    Template(String),
    /// More than that.
    Table(FieldTable),
}

/// What a field gets, and when.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FieldTable {
    /// Template over the SCIM user (Jinja). Without it, the built-in one.
    pub value: Option<String>,
    /// When the field is written: `always`, `on-create` or `never`.
    #[schemars(schema_with = "writes")]
    pub write: Option<Write>,
    /// What happens when somebody else has the value (`Username`, `CommunityNickname`): `suffix` or `reject`.
    #[schemars(schema_with = "policies")]
    pub on_taken: Option<OnTaken>,
    /// What Salesforce takes for a value (custom fields): `text`, `boolean` or `number`.
    #[serde(rename = "type")]
    #[schemars(schema_with = "types")]
    pub kind: Option<Type>,
    /// Whether the name of the Salesforce sandbox is put behind the value (`Username`). Without it, where the org is a
    /// Salesforce sandbox and the template is the built-in one.
    pub sandbox_suffix: Option<bool>,
}

fn writes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["always", "on-create", "never"] })
}

fn policies(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["suffix", "reject"] })
}

fn types(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["text", "boolean", "number"] })
}

/// The `format` of a key that is a field: any name may stand there, and the mapping tells which are fields.
pub(super) const FIELD_NAME: &str = "salesforce-field";

impl JsonSchema for FieldMapping {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FieldMapping".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let defaults = generator.subschema_for::<KeyDefaults>();
        // A field is a template, or a table with one.
        let mut field = FieldTable::json_schema(generator);
        field.insert("type".to_owned(), Value::from(vec!["string", "object"]));
        field.insert("format".to_owned(), Value::from("template"));
        json_schema!({
            "description": "How people become accounts: beside `defaults`, each key is a Salesforce field by its API name.",
            "type": "object",
            "properties": { "defaults": defaults },
            "propertyNames": { "format": FIELD_NAME },
            "additionalProperties": field,
        })
    }
}

/// Gives the fields of every mapping the names that Salesforce writes, so that a file's `username` and a variable's
/// `USERNAME` are one key. Where a file names one field twice, both stay, for the check to tell.
pub(super) fn canonical_names(tree: &mut Map<String, Value>) {
    let tenants = tree.get_mut("tenant").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    for tenant in tenants {
        let Some(Value::Object(fields)) = tenant.get_mut("mapping") else { continue };
        let named = std::mem::take(fields);
        for (name, value) in named {
            let own = mapping::canonical(&name);
            let name = if fields.contains_key(&own) { name } else { own };
            fields.insert(name, value);
        }
    }
}

impl From<&MappedField> for FieldSettings {
    fn from(field: &MappedField) -> Self {
        match field {
            MappedField::Template(template) => Self { value: Some(template.clone()), ..Self::default() },
            MappedField::Table(table) => Self {
                value: table.value.clone(),
                write: table.write,
                on_taken: table.on_taken,
                kind: table.kind,
                sandbox_suffix: table.sandbox_suffix,
            },
        }
    }
}

impl Tenant {
    /// How its people become accounts.
    ///
    /// # Errors
    /// As [`mapping::Mapping::new`]. A configuration from [`super::Config::load`] has been through it.
    pub fn mapping(&self, name: &str) -> Result<mapping::Mapping, Vec<mapping::MappingProblem>> {
        let FieldMapping { defaults, fields } = &self.mapping;
        mapping::Mapping::new(&MappingSettings {
            tenant: name.to_owned(),
            sandbox: self.salesforce.url.host_str().and_then(mapping::sandbox_of),
            defaults: KeySettings {
                locale: Some(defaults.locale.clone()),
                language: Some(defaults.language.clone()),
                time_zone: Some(defaults.time_zone.clone()),
            },
            fields: fields.iter().map(|(field, said)| (field.clone(), said.into())).collect(),
        })
    }
}

/// What is wrong with a tenant's mapping, each with its key.
pub(super) fn check(name: &str, tenant: &Tenant) -> Vec<Finding> {
    let problems = tenant.mapping(name).err().unwrap_or_default();
    let key = |field: &str| format!("tenant.{name}.mapping.{field}");
    problems.iter().map(|problem| Finding::at(&key(&problem.field), &problem.words)).collect()
}
