//! The JSON Schema of the configuration: what names the keys in messages, and turns environment variables into values.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::model::Config;

/// The forms in which a secret can be given, beside its plain name.
pub(super) const SECRET_FORMS: [(&str, &str); 2] =
    [("_file", "Path of a file that holds"), ("_env", "Name of an environment variable that holds")];

/// The schema, without `$ref`, and with the `NAME_file` and `NAME_env` forms of every secret.
pub(super) fn of_config() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    add_secret_forms(&mut schema);
    schema
}

fn add_secret_forms(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                let secrets: Vec<String> = secrets(properties).map(str::to_owned).collect();
                for secret in secrets {
                    for (ending, words) in SECRET_FORMS {
                        let form = json!({ "type": ["string", "null"], "description": format!("{words} `{secret}`.") });
                        properties.insert(format!("{secret}{ending}"), form);
                    }
                }
            }
            object.values_mut().for_each(add_secret_forms);
        }
        Value::Array(items) => items.iter_mut().for_each(add_secret_forms),
        _ => {}
    }
}

/// Names of the secrets among `properties`.
pub(super) fn secrets(properties: &Map<String, Value>) -> impl Iterator<Item = &str> {
    properties.iter().filter(|(_, schema)| schema.get("writeOnly") == Some(&Value::Bool(true))).map(|(name, _)| &**name)
}

/// Whether the key with the full name `key` is a secret.
pub(super) fn is_secret(schema: &Value, key: &str) -> bool {
    let inner = |at, part| properties(at).map_or_else(|| entries(at), |known| known.get(part));
    key.split('.').try_fold(schema, inner).is_some_and(|leaf| leaf.get("writeOnly").is_some())
}

/// The keys of a table with fixed keys.
pub(super) fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// The schema of each entry, of a table whose keys are names chosen by the user.
pub(super) fn entries(schema: &Value) -> Option<&Value> {
    schema.get("additionalProperties").filter(|entries| entries.is_object())
}

/// Whether `schema` takes values of the JSON type `name`.
pub(super) fn takes(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        // A documented enum is a `oneOf` of constants, and an enum is the only such thing here.
        _ => name == "string" && choices(schema).is_some(),
    }
}

/// The values of an enum.
pub(super) fn choices(schema: &Value) -> Option<Vec<&str>> {
    if let Some(Value::Array(plain)) = schema.get("enum") {
        return Some(plain.iter().filter_map(Value::as_str).collect());
    }
    let documented = schema.get("oneOf")?.as_array()?;
    Some(documented.iter().filter_map(|one| one.get("const").and_then(Value::as_str)).collect())
}

/// `key` under `table`, as messages write it.
pub(super) fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}
