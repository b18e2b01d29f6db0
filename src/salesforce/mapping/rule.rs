//! How one field gets its value: the built-in rules, and what a tenant makes of them.

use serde_json::{Number, Value};

use super::field::{self, ACTIVE, FEDERATION_ID, NICKNAME, OnTaken, STANDARD, Type, USERNAME, Write};
use super::settings::FieldSettings;
use super::{builtin, template, text};
use crate::salesforce::dialect::field::is_required;

/// How one field gets its value.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) field: String,
    pub(super) kind: Type,
    pub(super) write: Write,
    pub(super) on_taken: OnTaken,
    /// The tenant's own template. `None`: the built-in one.
    pub(super) template: Option<String>,
    /// Whether the name of the Salesforce sandbox is put behind the value.
    pub(super) suffixed: bool,
}

pub(super) fn builtin_template(field: &str) -> Option<&'static str> {
    field::standard(field)?.builtin.map(|(template, _)| template)
}

pub(super) fn builtin_rules(sandbox: Option<&str>) -> Vec<Rule> {
    STANDARD
        .iter()
        .filter_map(|standard| {
            let (_, write) = standard.builtin?;
            Some(Rule {
                field: standard.name.to_owned(),
                kind: standard.kind,
                write,
                on_taken: if standard.name == NICKNAME { OnTaken::Suffix } else { OnTaken::Reject },
                template: None,
                suffixed: standard.name == USERNAME && sandbox.is_some(),
            })
        })
        .collect()
}

/// The rule of a field, from what is said of it and how it was before; otherwise what is wrong.
pub(super) fn rule(field: &str, said: &FieldSettings, before: Option<&Rule>, is_sandbox: bool) -> Result<Rule, String> {
    let known = field::type_of(field)?;
    let write = said.write.or(before.map(|rule| rule.write)).unwrap_or(Write::Always);
    if field == ACTIVE && write != Write::Always {
        return Err("must be written always: whoever leaves would keep their access".to_owned());
    }
    if write == Write::Never && is_needed(field) {
        return Err(
            "must be written when an account is made: Salesforce makes none without it; write = \"on-create\" \
                    leaves it alone afterwards"
                .to_owned(),
        );
    }
    if before.is_none() && said.value.is_none() && write != Write::Never {
        return Err("needs a value: there is no template built in for it".to_owned());
    }
    if said.on_taken.is_some() && !matches!(field, USERNAME | NICKNAME) {
        return Err(format!("has no use for on_taken, which is for {USERNAME} and {NICKNAME}"));
    }
    if said.sandbox_suffix.is_some() && field != USERNAME {
        return Err(format!("has no use for sandbox_suffix, which is for {USERNAME}"));
    }
    if let (Some(known), Some(given)) = (known, said.kind)
        && known != given
    {
        return Err(format!("has the type {:?} in every org", known.as_str()));
    }
    let template = said.value.clone();
    Ok(Rule {
        field: field.to_owned(),
        kind: said.kind.or(known).unwrap_or(Type::Text),
        write,
        on_taken: said.on_taken.or(before.map(|rule| rule.on_taken)).unwrap_or(OnTaken::Reject),
        suffixed: field == USERNAME && is_sandbox && said.sandbox_suffix.unwrap_or(template.is_none()),
        template,
    })
}

/// Whether Salesforce makes no account without this field.
fn is_needed(field: &str) -> bool {
    is_required(field) && field != NICKNAME
}

/// A username inside a Salesforce sandbox, as Salesforce writes it when the sandbox is refreshed.
pub(super) fn within(username: &str, sandbox: &str) -> String {
    let suffix = format!(".{sandbox}");
    if username.ends_with(&suffix) { username.to_owned() } else { format!("{username}{suffix}") }
}

impl Rule {
    /// The value that a rendered text stands for. `None`: the mapping says nothing of the field for this person.
    pub(super) fn read(&self, rendered: template::Rendered, notes: &mut Vec<String>) -> Result<Option<Value>, String> {
        let field = self.field.as_str();
        notes.extend(rendered.notes.into_iter().map(|words| format!("{field}: {words}")));
        let text = rendered.text;
        if text.is_empty() {
            // Without a federation id a person who logs in by single sign-on is locked out of Salesforce.
            let keeps = is_required(field) || field == FEDERATION_ID || self.kind == Type::Boolean;
            return Ok((!keeps).then_some(Value::Null));
        }
        match self.kind {
            Type::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Some(Value::Bool(true))),
                "false" => Ok(Some(Value::Bool(false))),
                _ => Err(format!("it gives {text:?}, which is neither true nor false")),
            },
            Type::Number => match number(&text) {
                Some(number) => Ok(Some(Value::Number(number))),
                None => Err(format!("it gives {text:?}, which is no number")),
            },
            Type::Text => Ok(Some(self.fit(&text, notes))),
        }
    }

    /// A text as Salesforce takes it.
    fn fit(&self, text: &str, notes: &mut Vec<String>) -> Value {
        let field = self.field.as_str();
        match field {
            USERNAME => {
                let name = text.to_lowercase();
                if !text::is_email_shaped(&name) {
                    let words = format!("{field} \"{name}\" does not look like an e-mail address, which it must");
                    notes.push(words);
                }
                Value::String(name)
            }
            "Phone" | "MobilePhone" | "Fax" if text::length(text) > builtin::PHONE_LIMIT => {
                notes.push(builtin::too_long("the number", field));
                Value::Null
            }
            _ => {
                let (text, note) = builtin::fitting(field, "the value", text);
                notes.extend(note);
                Value::String(text)
            }
        }
    }
}

fn number(text: &str) -> Option<Number> {
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => Number::from_f64(text.parse().ok()?),
    }
}
