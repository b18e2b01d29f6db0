//! What the org's administrators made: validation rules and triggers, and what else differs from org to org.

use globset::{Glob, GlobMatcher};

use super::field::Field;
use super::refusal::Refusal;
use super::{Store, User};
use crate::sandbox::seeds::TriggerCode;
use crate::sandbox::settings::Settings;

/// The rules of one org.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Permission set licences are assigned with the permission sets that need them.
    pub(super) assigns_licences: bool,
    /// A user's profile may become one of another licence.
    pub(super) profile_across_licences: bool,
    /// What refuses people; `None` while the org is being filled, because who was there first was never looked at.
    watch: Option<Watch>,
}

/// What administrators made to refuse people.
#[derive(Debug, Default)]
pub(super) struct Watch {
    validations: Vec<Validation>,
    triggers: Vec<Trigger>,
}

#[derive(Debug)]
struct Validation {
    field: String,
    required: bool,
    matches: Option<GlobMatcher>,
    message: String,
}

#[derive(Debug)]
struct Trigger {
    usernames: GlobMatcher,
    code: TriggerCode,
    message: String,
}

/// The pattern, in which `*` stands for anything.
fn pattern(text: &str) -> Result<GlobMatcher, String> {
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|error| error.to_string())
}

impl Rules {
    /// The rules that `settings` describe, refusing nobody yet.
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            assigns_licences: settings.switches.assigns_set_licences,
            profile_across_licences: settings.switches.profile_across_licences,
            watch: None,
        }
    }

    /// From now on people are looked at. The answer tells what of `settings` is left out and why.
    pub(super) fn begin_watch(&mut self, settings: &Settings) -> Vec<String> {
        let mut refused = Vec::new();
        let mut watch = Watch::default();
        for seed in &settings.validation_rules {
            let known = Field::named(&seed.field).map(|field| field.name().to_owned()).or_else(|| {
                let custom = settings.custom_fields.iter().find(|field| field.api_name == seed.field);
                custom.map(|field| field.api_name.clone())
            });
            let matches = seed.matches.as_deref().map(pattern).transpose();
            match (known, matches) {
                (Some(field), Ok(matches)) => watch.validations.push(Validation {
                    field,
                    required: seed.required,
                    matches,
                    message: seed.message.clone(),
                }),
                (None, _) => refused.push(format!("validation rule: users have no field {}", seed.field)),
                (_, Err(error)) => refused.push(format!("validation rule of {}: {error}", seed.field)),
            }
        }
        for seed in &settings.triggers {
            match pattern(&seed.usernames) {
                Ok(usernames) => {
                    let message = seed.message.clone();
                    watch.triggers.push(Trigger { usernames, code: seed.code, message });
                }
                Err(error) => refused.push(format!("trigger of {}: {error}", seed.usernames)),
            }
        }
        self.watch = Some(watch);
        refused
    }
}

impl Store {
    /// Refuses `user` where a validation rule or a trigger of the org does.
    pub(super) fn check_rules(&self, user: &User) -> Result<(), Refusal> {
        let Some(watch) = &self.rules.watch else { return Ok(()) };
        for rule in &watch.validations {
            let value = match Field::named(&rule.field) {
                Some(field) => user.get(field),
                None => user.custom.get(&rule.field).map(String::as_str),
            };
            let broken = match value {
                None => rule.required,
                Some(value) => rule.matches.as_ref().is_some_and(|pattern| !pattern.is_match(value)),
            };
            if broken {
                return Err(Refusal::new(
                    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                    rule.message.clone(),
                    &[rule.field.as_str()],
                ));
            }
        }
        let username = user.get(Field::Username).unwrap_or_default();
        match watch.triggers.iter().find(|trigger| trigger.usernames.is_match(username)) {
            None => Ok(()),
            Some(trigger) => {
                let message = if trigger.message.is_empty() { trigger.code.text() } else { trigger.message.as_str() };
                Err(Refusal::new(trigger.code.name(), message, &[]))
            }
        }
    }
}
