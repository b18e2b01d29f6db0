//! Where values come from: a file, above it the environment; and secrets from the places they name.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::zeroize::Zeroizing;
use serde_json::{Map, Value};

use super::check::{self, Finding};
use super::error::{Error, Problem};
use super::model::Config;
use super::schema::{self, SECRET_FORMS, entries, join, properties, takes};
use super::validate;
use super::{extension, mapping};

/// Beginning of the environment variables that are configuration. `SCIM_BRIDGE_CONFIG` and `SCIM_BRIDGE_LOG`, with one
/// underscore, are not.
const PREFIX: &str = "SCIM_BRIDGE__";

/// Values on their way to a [`Config`], and where each comes from.
pub(super) struct Source {
    file: Option<String>,
    tree: Map<String, Value>,
    /// Full key → environment variable that set it.
    set_by: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Source {
    /// Nothing: every key has its default.
    pub(super) fn empty() -> Self {
        Self {
            file: None,
            tree: Map::new(),
            set_by: BTreeMap::new(),
            environment: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// The values of a TOML text; `name` is what messages call it.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let mut tree: Map<String, Value> = toml::from_str(text).map_err(|wrong| {
            // Not the error's own display: it quotes the line, and a secret may stand on it.
            let line =
                wrong.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.split('\n').count());
            Error::one(name, format!("line {line} is not TOML: {}", wrong.message()))
        })?;
        mapping::canonical_names(&mut tree);
        Ok(Self { file: Some(name.to_owned()), tree, ..Self::empty() })
    }

    /// Puts the configuration among `env` above what is there.
    pub(super) fn with_environment(mut self, schema: &Value, env: impl Iterator<Item = (String, String)>) -> Self {
        self.environment = env.collect();
        for (variable, text) in self.environment.clone() {
            let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
            match locate(schema, rest) {
                Ok((path, leaf)) => {
                    let key = path.join(".");
                    put(&mut self.tree, &path, from_text(&text, leaf));
                    self.set_by.insert(key, variable);
                }
                Err(message) => {
                    self.problems.push(Problem { place: format!("environment variable {variable}"), message });
                }
            }
        }
        self.prefer_environment_secrets(schema);
        self
    }

    /// A secret that the environment gives in one form replaces what the file gives in another.
    fn prefer_environment_secrets(&mut self, schema: &Value) {
        let set: Vec<String> = self.set_by.keys().cloned().collect();
        for key in set {
            let base = SECRET_FORMS.iter().find_map(|(ending, _)| key.strip_suffix(ending)).unwrap_or(&key);
            if !schema::is_secret(schema, base) {
                continue;
            }
            let forms =
                std::iter::once(base.to_owned()).chain(SECRET_FORMS.iter().map(|(end, _)| format!("{base}{end}")));
            for form in forms.filter(|form| !self.set_by.contains_key(form)) {
                let path: Vec<String> = form.split('.').map(str::to_owned).collect();
                remove(&mut self.tree, &path);
            }
        }
    }

    /// The configuration, or everything that is wrong with it.
    /// Schema documents are read from `folder`.
    pub(super) fn into_config(mut self, schema: &Value, folder: &Path) -> Result<Config, Error> {
        let mut found = Vec::new();
        resolve_secrets(&mut self.tree, schema, "", &self.environment, &mut found);
        check::table(&mut self.tree, schema, "", &mut found);
        let tree = Value::Object(std::mem::take(&mut self.tree));
        match serde_path_to_error::deserialize::<_, Config>(&tree) {
            Ok(mut config) => {
                let described =
                    config.tenant.iter_mut().flat_map(|(name, tenant)| extension::read(name, tenant, folder));
                let described: Vec<Finding> = described.collect();
                for finding in validate::config(&config).into_iter().chain(described) {
                    // A value that was wrong has been taken out and told: that it is missing is no news.
                    if !found.iter().any(|told| told.key == finding.key) {
                        found.push(finding);
                    }
                }
                if found.is_empty() && self.problems.is_empty() {
                    return Ok(config);
                }
            }
            Err(wrong) if found.is_empty() => {
                found.push(Finding::at(&wrong.path().to_string(), format_args!("is wrong: {}", wrong.inner())));
            }
            Err(_) => {}
        }
        let told =
            found.into_iter().map(|finding| Problem { place: self.place(&finding.key), message: finding.message });
        self.problems = self.problems.iter().cloned().chain(told).collect();
        Err(Error { problems: self.problems })
    }

    /// The file or variable in which `key` stands, or ought to.
    fn place(&self, key: &str) -> String {
        let key = key.split('[').next().unwrap_or(key);
        let variable = self.set_by.get(key).or_else(|| {
            // The secret itself is in trouble because of a form of it.
            SECRET_FORMS.iter().find_map(|(ending, _)| self.set_by.get(&format!("{key}{ending}")))
        });
        match (variable, &self.file) {
            (Some(variable), _) => format!("environment variable {variable}"),
            (None, Some(file)) => file.clone(),
            (None, None) => "configuration".to_owned(),
        }
    }
}

/// The key that an environment variable names (without its prefix), and the schema of its value.
fn locate<'s>(schema: &'s Value, rest: &str) -> Result<(Vec<String>, &'s Value), String> {
    let mut at = schema;
    let mut path: Vec<String> = Vec::new();
    for part in rest.split("__") {
        let part = part.to_ascii_lowercase();
        let table = path.join(".");
        if let (None, Some(entry)) = (properties(at).and_then(|known| known.get(&part)), fields(at)) {
            at = entry;
            path.push(crate::salesforce::mapping::canonical(&part));
        } else if let Some(known) = properties(at) {
            at = known.get(&part).ok_or_else(|| check::unknown(&table, &part, known.keys()).message)?;
            path.push(part);
        } else if let Some(entry) = entries(at) {
            at = entry;
            // Few shells allow a `-` in the name of a variable, and no name has a `_`.
            path.push(part.replace('_', "-"));
        } else {
            return Err(format!("unknown key {}; {table} has no keys of its own", join(&table, &part)));
        }
    }
    if takes(at, "object") && !takes(at, "string") {
        return Err(format!("{} is a table; name one of its keys", path.join(".")));
    }
    if at.get("items").is_some_and(|item| takes(item, "object")) {
        return Err(format!("{} is a list of tables, which only the file can hold", path.join(".")));
    }
    Ok((path, at))
}

/// The schema of each field, of a table whose keys are Salesforce fields.
fn fields(schema: &Value) -> Option<&Value> {
    entries(schema).filter(|_| schema.get("propertyNames").is_some())
}

/// The value that `text` stands for. What cannot be read stays a text, for the check to refuse.
fn from_text(text: &str, schema: &Value) -> Value {
    let text_value = || Value::String(text.to_owned());
    if takes(schema, "integer") {
        return text.trim().parse::<i64>().map_or_else(|_| text_value(), Value::from);
    }
    if takes(schema, "number") {
        return text.trim().parse::<f64>().map_or_else(|_| text_value(), Value::from);
    }
    if takes(schema, "boolean") {
        return text.trim().parse::<bool>().map_or_else(|_| text_value(), Value::from);
    }
    if takes(schema, "array") {
        return text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect();
    }
    text_value()
}

fn put(table: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn remove(table: &mut Map<String, Value>, path: &[String]) {
    match path {
        [] => {}
        [last] => {
            table.remove(last);
        }
        [first, rest @ ..] => {
            if let Some(Value::Object(inner)) = table.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}

/// Replaces `NAME_file` and `NAME_env` by the secret itself, under `NAME`.
fn resolve_secrets(
    table: &mut Map<String, Value>,
    schema: &Value,
    path: &str,
    environment: &BTreeMap<String, String>,
    found: &mut Vec<Finding>,
) {
    let known = properties(schema);
    for (key, value) in table.iter_mut() {
        let inner = known.and_then(|known| known.get(key)).or_else(|| entries(schema));
        if let (Value::Object(value), Some(inner)) = (value, inner) {
            resolve_secrets(value, inner, &join(path, key), environment, found);
        }
    }
    for name in known.into_iter().flat_map(schema::secrets) {
        let (file, variable) = (format!("{name}_file"), format!("{name}_env"));
        let given = [name, &file, &variable].into_iter().filter(|form| table.contains_key(*form)).count();
        let key = join(path, name);
        if given > 1 {
            found.push(Finding::at(
                &key,
                format_args!("is given more than once: use one of {name}, {file} and {variable}"),
            ));
            for form in [name, &file, &variable] {
                table.remove(form);
            }
            continue;
        }
        let secret = match (table.get(&file), table.get(&variable)) {
            (Some(Value::String(path)), _) => std::fs::read_to_string(path)
                .map(Zeroizing::new)
                .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
                .map_err(|cause| {
                    Finding::at(&join_form(&key, "_file"), format_args!("{path:?} cannot be read: {cause}"))
                }),
            (None, Some(Value::String(named))) => environment.get(named).cloned().ok_or_else(|| {
                Finding::at(
                    &join_form(&key, "_env"),
                    format_args!("names {named:?}, which the environment does not have"),
                )
            }),
            // Given in plain, not at all, or as something that is no text: the check tells.
            _ => continue,
        };
        table.remove(&file);
        table.remove(&variable);
        match secret {
            Ok(secret) => {
                table.insert(name.to_owned(), Value::String(secret));
            }
            Err(problem) => {
                // So that the key is not reported as missing as well.
                found.push(Finding { key, message: problem.message });
            }
        }
    }
}

fn join_form(key: &str, ending: &str) -> String {
    format!("{key}{ending}")
}

impl Config {
    /// For tests: the configuration in a TOML text, without an environment.
    #[cfg(test)]
    pub(crate) fn from_toml(text: &str) -> Result<Self, Error> {
        let schema = schema::of_config();
        Source::parse("test.toml", text)?.into_config(&schema, Path::new(""))
    }
}
