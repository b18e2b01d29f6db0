//! From a canonical SCIM user to the fields of a Salesforce user. Pure.
//!
//! Each field has a template over the user: the one that the tenant gives it, or the built-in one. The built-in ones are
//! code (`builtin`), because every delivery needs them; the templates that stand beside them in `field` say the same, and
//! a test holds them to it.

mod builtin;
mod field;
mod filter;
mod locale;
mod picklist;
mod rule;
mod settings;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Environment;
use serde_json::Value;

use super::Record;
use crate::scim::Attributes;
use builtin::Said;
use field::ALIAS;
pub use field::{OnTaken, Type, Write, canonical};
use rule::{Rule, builtin_rules, builtin_template, rule, within};
use settings::Keys;
pub use settings::{FieldSettings, KeySettings, MappingProblem, MappingSettings, sandbox_of};

/// How the users of a tenant become accounts of its org. Cheap to clone.
#[derive(Clone)]
pub struct Mapping(Arc<Inner>);

struct Inner {
    /// The built-in fields in their order, then the tenant's own.
    rules: Vec<Rule>,
    environment: Environment<'static>,
    tenant: String,
    sandbox: Option<String>,
    keys: Keys,
}

/// A field that a mapping speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappedField<'a> {
    /// API name.
    pub name: &'a str,
    /// What Salesforce has to take for a value.
    pub kind: Type,
    /// When it is written.
    pub write: Write,
    /// Its template.
    pub template: &'a str,
    /// Whether the template is the built-in one.
    pub is_builtin: bool,
}

/// A mapped user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapped {
    /// The fields wanted at all times. `Null`: the user has no such attribute, so the field is to be empty. Absent: the
    /// mapping says nothing, because Salesforce must have a value there or the value is not one that Salesforce knows.
    pub record: Record,
    /// The fields that a new account gets beside them, and that are Salesforce's own afterwards. None is `Null`.
    pub on_create: Record,
    /// What was cut, derived or left out, for a person to read. One sentence each, naming the attribute or field.
    pub notes: Vec<String>,
}

/// A template that gives no value for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mapping gives no {field} for {person}: {words}; its template is {template}")]
pub struct MappingFailed {
    /// API name of the field.
    pub field: String,
    /// The template.
    pub template: String,
    /// `userName` of the user.
    pub person: String,
    /// What went wrong, and where in the template.
    pub words: String,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("rules", &self.0.rules)
            .field("sandbox", &self.0.sandbox)
            .finish_non_exhaustive()
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Mapping {
    /// The built-in mapping, for an org that is no Salesforce sandbox.
    pub fn builtin() -> Self {
        Self(Arc::new(Inner {
            rules: builtin_rules(None),
            environment: template::environment(),
            tenant: String::new(),
            sandbox: None,
            keys: Keys::default(),
        }))
    }

    /// The built-in mapping with what a tenant says about it.
    ///
    /// # Errors
    /// Everything that is wrong with what it says: fields that are none, templates that cannot be read or name what no
    /// user has, and what contradicts itself.
    pub fn new(settings: &MappingSettings) -> Result<Self, Vec<MappingProblem>> {
        let mut problems = Vec::new();
        let keys = Keys::read(&settings.defaults, &mut problems);
        let mut rules = builtin_rules(settings.sandbox.as_deref());
        let mut environment = template::environment();
        let mut given: BTreeMap<String, &str> = BTreeMap::new();
        for (name, said) in &settings.fields {
            let mut problem = |words: String| problems.push(MappingProblem { field: name.clone(), words });
            let own = canonical(name);
            if let Some(first) = given.insert(own.to_ascii_lowercase(), name) {
                problem(format!("is the same field as {first}"));
                continue;
            }
            let at = rules.iter().position(|rule| rule.field == own);
            let before = at.and_then(|at| rules.get(at));
            match rule(&own, said, before, settings.sandbox.is_some()) {
                Ok(rule) => {
                    if let Some(source) = &rule.template
                        && let Err(words) = template::add(&mut environment, &own, source)
                    {
                        problem(format!("has a template that does not work: {words}"));
                    }
                    match at.and_then(|at| rules.get_mut(at)) {
                        Some(before) => *before = rule,
                        None => rules.push(rule),
                    }
                }
                Err(words) => problem(words),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (tenant, sandbox) = (settings.tenant.clone(), settings.sandbox.clone());
        Ok(Self(Arc::new(Inner { rules, environment, tenant, sandbox, keys })))
    }

    /// The fields that the mapping speaks about, also those that are never written: the built-in ones in their order,
    /// then the tenant's own by name. The manager is not among them: whose Salesforce id that is, only the caller of
    /// [`Mapping::record`] knows.
    pub fn fields(&self) -> impl Iterator<Item = MappedField<'_>> {
        self.0.rules.iter().map(|rule| MappedField {
            name: &rule.field,
            kind: rule.kind,
            write: rule.write,
            template: rule.template.as_deref().or_else(|| builtin_template(&rule.field)).unwrap_or_default(),
            is_builtin: rule.template.is_none(),
        })
    }

    /// What happens when somebody else has the value of this field.
    pub fn on_taken(&self, field: &str) -> OnTaken {
        self.0.rules.iter().find(|rule| rule.field == field).map_or(OnTaken::Reject, |rule| rule.on_taken)
    }

    /// Maps a user (canonical SCIM document).
    ///
    /// # Errors
    /// Where a template of the tenant's own gives nothing that its field could hold.
    pub fn record(&self, user: &Attributes) -> Result<Mapped, MappingFailed> {
        let Inner { rules, environment, tenant, sandbox, keys } = &*self.0;
        let mut said = builtin::say(user);
        let mut mapped = Mapped { notes: self.own_notes(&mut said), ..Mapped::default() };
        let alias = said.record.get(ALIAS).cloned().unwrap_or_default();
        let mut view = None;
        for rule in rules.iter().filter(|rule| rule.write != Write::Never) {
            let value = match &rule.template {
                None => said.record.unset(&rule.field),
                Some(template) => {
                    let view = view.get_or_insert_with(|| view::of(user, tenant, sandbox.as_deref()));
                    let value = template::render(environment, &rule.field, view)
                        .and_then(|rendered| rule.read(rendered, &mut mapped.notes));
                    value.map_err(|words| MappingFailed {
                        field: rule.field.clone(),
                        template: template.clone(),
                        person: text::text(user.get("userName")).unwrap_or_default().to_owned(),
                        words,
                    })?
                }
            };
            let value = match (value, sandbox) {
                (Some(Value::String(name)), Some(sandbox)) if rule.suffixed => {
                    Some(Value::String(within(&name, sandbox)))
                }
                (value, _) => value,
            };
            match (rule.write, value) {
                (Write::Always, Some(value)) => mapped.record.set(&rule.field, value),
                (Write::OnCreate, Some(value)) if !value.is_null() => mapped.on_create.set(&rule.field, value),
                _ => {}
            }
        }
        // Salesforce makes no account without these, whatever the person has.
        let needed = [
            (ALIAS, alias),
            ("EmailEncodingKey", Value::from("UTF-8")),
            ("LocaleSidKey", Value::from(keys.locale.as_str())),
            ("LanguageLocaleKey", Value::from(keys.language.as_str())),
            ("TimeZoneSidKey", Value::from(keys.time_zone.as_str())),
        ];
        for (field, value) in needed {
            if mapped.record.get(field).is_none() && mapped.on_create.get(field).is_none() {
                mapped.on_create.set(field, value);
            }
        }
        Ok(mapped)
    }

    /// The notes of the built-in mapping that concern what it still decides.
    fn own_notes(&self, said: &mut Said) -> Vec<String> {
        let notes = std::mem::take(&mut said.notes);
        let decides = |field: &str| {
            self.0.rules.iter().any(|r| r.field == field && r.template.is_none() && r.write != Write::Never)
        };
        notes.into_iter().filter(|(field, _)| decides(field)).map(|(_, words)| words).collect()
    }
}
