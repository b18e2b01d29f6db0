//! What a tenant may say about its mapping, and what can be wrong with it.

use std::collections::BTreeMap;

use super::field::{OnTaken, Type, Write};
use super::locale;

/// What is configured of a mapping. The default says nothing, which is the built-in mapping.
#[derive(Debug, Clone, Default)]
pub struct MappingSettings {
    /// Name of the tenant, which templates see.
    pub tenant: String,
    /// Name of the Salesforce sandbox that the org is; `None` for a production org. See [`sandbox_of`].
    pub sandbox: Option<String>,
    /// Keys of a new account whose person has none.
    pub defaults: KeySettings,
    /// What is said of each field, by its API name in whatever case.
    pub fields: BTreeMap<String, FieldSettings>,
}

/// Keys of a new account whose person has none, in Salesforce's form (`en_GB`) or SCIM's (`en-GB`).
#[derive(Debug, Clone, Default)]
pub struct KeySettings {
    /// Locale; `en_US` where none is set.
    pub locale: Option<String>,
    /// Language; `en_US` where none is set.
    pub language: Option<String>,
    /// Time zone; `America/Los_Angeles` where none is set.
    pub time_zone: Option<String>,
}

/// What is said of one field; what is not said stays as it is built in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSettings {
    /// The template.
    pub value: Option<String>,
    /// When it is written.
    pub write: Option<Write>,
    /// What happens when somebody else has the value; usernames and nicknames only.
    pub on_taken: Option<OnTaken>,
    /// What Salesforce takes for a value; for custom fields.
    pub kind: Option<Type>,
    /// Whether the name of the Salesforce sandbox is put behind the username.
    pub sandbox_suffix: Option<bool>,
}

/// Something that is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingProblem {
    /// What it concerns: a field as it was given, or `defaults.locale`.
    pub field: String,
    /// What is wrong, in words that go on a sentence which begins with the field.
    pub words: String,
}

/// Keys of a new account whose person has none, as Salesforce writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) locale: String,
    pub(super) language: String,
    pub(super) time_zone: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self { locale: "en_US".to_owned(), language: "en_US".to_owned(), time_zone: "America/Los_Angeles".to_owned() }
    }
}

impl Keys {
    pub(super) fn read(settings: &KeySettings, problems: &mut Vec<MappingProblem>) -> Self {
        let mut read = |name: &str, given: &Option<String>, derive: fn(&str) -> Option<String>, otherwise: String| {
            let Some(given) = given else { return otherwise };
            derive(given).unwrap_or_else(|| {
                problems.push(MappingProblem {
                    field: format!("defaults.{name}"),
                    words: format!("= {given:?} is none that every Salesforce org has; {otherwise} is one"),
                });
                otherwise
            })
        };
        let built_in = Self::default();
        Self {
            locale: read("locale", &settings.locale, locale::locale, built_in.locale),
            language: read("language", &settings.language, locale::language, built_in.language),
            time_zone: read("time_zone", &settings.time_zone, locale::time_zone, built_in.time_zone),
        }
    }
}

/// Name of the Salesforce sandbox that an org with this My Domain host is: `uat` of
/// `acme--uat.sandbox.my.salesforce.com`. `None` for a production org, and for any other host.
pub fn sandbox_of(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let own = host.strip_suffix(".my.salesforce.com")?;
    let (_, sandbox) = own.split('.').next()?.split_once("--")?;
    (!sandbox.is_empty()).then(|| sandbox.to_owned())
}
