//! A user as a client sends it. Attribute names are matched by their exact spelling and, as in Salesforce's own parser,
//! wherever they stand: `department` works beside `userName` as well as inside the enterprise extension.

use serde_json::{Map, Value};

use super::EXTENSION;
use crate::sandbox::settings::OddPatch;
use crate::sandbox::store::field::Field;
use crate::sandbox::store::{Store, User};

/// One entry of a multi-valued attribute: sub-attribute → text.
pub(super) type Entry = Vec<(String, String)>;

/// The sub-attribute `name` of an entry, empty where there is none.
pub(super) fn part<'a>(entry: &'a Entry, name: &str) -> &'a str {
    entry.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// What a document said.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) id: Option<String>,
    /// Single-valued texts, an empty one for `null`.
    pub(super) text: Vec<(Field, String)>,
    /// Custom fields by API name, an empty text for `null`.
    pub(super) custom: Vec<(String, String)>,
    pub(super) active: Option<bool>,
    pub(super) password: bool,
    pub(super) emails: Option<Vec<Entry>>,
    pub(super) addresses: Option<Vec<Entry>>,
    pub(super) phones: Option<Vec<Entry>>,
    pub(super) roles: Option<Vec<Entry>>,
    pub(super) entitlements: Option<Vec<Entry>>,
    pub(super) groups: Option<Vec<Entry>>,
    /// Attributes that Salesforce knows and refuses.
    pub(super) unsupported: Vec<&'static str>,
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// A value has the wrong JSON type.
    Type(String),
    /// A patch has an extension's object inside its value.
    NestedExtension,
}

impl Input {
    /// Reads the document of a POST or PUT.
    pub(super) fn of_document(document: &Map<String, Value>) -> Result<Self, Unreadable> {
        let mut input = Self::default();
        input.take(document, OddPatch::Honour)?;
        Ok(input)
    }

    /// Reads the `value` of a patch operation.
    pub(super) fn of_patch(value: &Map<String, Value>, nested: OddPatch) -> Result<Self, Unreadable> {
        let mut input = Self::default();
        input.take(value, nested)?;
        Ok(input)
    }

    /// The text given for `field`.
    pub(super) fn get(&self, field: Field) -> Option<&str> {
        self.text.iter().rev().find(|(given, _)| *given == field).map(|(_, value)| value.as_str())
    }

    fn take(&mut self, document: &Map<String, Value>, nested: OddPatch) -> Result<(), Unreadable> {
        // Of attributes named by their whole path only the last survives.
        let mut flattened = None;
        for (name, value) in document {
            if let Some((_, attribute)) = name.strip_prefix(EXTENSION).and_then(|rest| rest.split_once(':')) {
                flattened = Some((attribute, value));
                continue;
            }
            if self.take_text(name, value)? {
                continue;
            }
            match (name.as_str(), value) {
                ("id", _) => self.id = Some(string(name, value)?),
                ("active", Value::Bool(active)) => self.active = Some(*active),
                ("active", _) => {
                    let message = format!("Expecting BOOLEAN But Found {} while parsing active", token(value));
                    return Err(Unreadable::Type(message));
                }
                ("password", _) => self.password = !string(name, value)?.is_empty(),
                ("costCenter", _) => self.unsupported.push("costCenter"),
                ("name", _) => self.take_name(&object(name, value)?),
                ("manager", _) => self.text.push((Field::ManagerId, part(&object(name, value)?, "value").to_owned())),
                ("delegatedApprover", _) => {
                    let entry = object(name, value)?;
                    let id = [part(&entry, "delegatedApproverId"), part(&entry, "value")].concat();
                    self.text.push((Field::DelegatedApproverId, id));
                }
                ("emails", _) => self.emails = Some(entries(name, value, true)?),
                ("addresses", _) => self.addresses = Some(entries(name, value, false)?),
                ("phoneNumbers", _) => self.phones = Some(entries(name, value, false)?),
                ("roles", _) => self.roles = Some(entries(name, value, false)?),
                ("entitlements", _) => self.entitlements = Some(entries(name, value, false)?),
                ("groups", _) => self.groups = Some(entries(name, value, false)?),
                (name, Value::Object(inner)) if name.starts_with("urn:") => match nested {
                    OddPatch::Honour => {
                        self.take(inner, nested)?;
                        if name.starts_with(EXTENSION) {
                            for (name, value) in inner {
                                self.take_custom(name, value)?;
                            }
                        }
                    }
                    OddPatch::Ignore => {}
                    OddPatch::Fail | OddPatch::Refuse => return Err(Unreadable::NestedExtension),
                },
                // Read-only and unknown attributes are passed over.
                _ => {}
            }
        }
        if let Some((name, value)) = flattened
            && !self.take_text(name, value)?
        {
            self.take_custom(name, value)?;
        }
        Ok(())
    }

    /// Takes a single-valued text; false where `name` is none.
    fn take_text(&mut self, name: &str, value: &Value) -> Result<bool, Unreadable> {
        let Some(field) = text_field(name) else { return Ok(false) };
        let mut text = string(name, value)?;
        if field == Field::Alias {
            text = text.chars().take(field.max()).collect();
        }
        self.text.push((field, text));
        Ok(true)
    }

    /// Takes a custom field, whose type the database looks at.
    fn take_custom(&mut self, name: &str, value: &Value) -> Result<(), Unreadable> {
        if !name.to_lowercase().ends_with("__c") {
            return Ok(());
        }
        let text = match value {
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            other => string(name, other)?,
        };
        self.custom.push((name.to_owned(), text));
        Ok(())
    }

    fn take_name(&mut self, name: &Entry) {
        for (part, value) in name {
            match part.as_str() {
                "familyName" => self.text.push((Field::LastName, value.clone())),
                "givenName" => self.text.push((Field::FirstName, value.clone())),
                "middleName" => self.unsupported.push("name.middleName"),
                "honorificPrefix" => self.unsupported.push("name.honorificPrefix"),
                "honorificSuffix" => self.unsupported.push("name.honorificSuffix"),
                _ => {}
            }
        }
    }

    /// Writes the single-valued texts, except `without`, into `user`.
    pub(super) fn apply_text(&self, user: &mut User, without: &[Field]) {
        for (field, value) in self.text.iter().filter(|(field, _)| !without.contains(field)) {
            user.set(*field, value);
        }
    }

    /// Writes the custom fields into `user`.
    pub(super) fn apply_custom(&self, store: &Store, user: &mut User) {
        for (name, value) in &self.custom {
            let name = store.custom_field(name).map_or(name.as_str(), |field| field.api_name.as_str());
            user.set_custom(name, value);
        }
    }

    /// Writes the one address into `user`: only the parts that are named.
    pub(super) fn apply_address(&self, user: &mut User) {
        for (name, value) in self.addresses.iter().flatten().flatten() {
            match name.as_str() {
                "streetAddress" => user.set(Field::Street, value),
                "locality" => user.set(Field::City, value),
                "region" => user.set(Field::State, value),
                "postalCode" => user.set(Field::PostalCode, value),
                "country" => user.set(Field::Country, value),
                _ => {}
            }
        }
    }

    /// Writes the one phone number into `user`; a type that Salesforce does not know loses the number without a word.
    pub(super) fn apply_phone(&self, user: &mut User) {
        for entry in self.phones.iter().flatten() {
            match part(entry, "type") {
                "work" => user.set(Field::Phone, part(entry, "value")),
                "mobile" => user.set(Field::MobilePhone, part(entry, "value")),
                "fax" => user.set(Field::Fax, part(entry, "value")),
                _ => {}
            }
        }
    }

    /// The `value`s of a multi-valued attribute that start with `prefix`.
    pub(super) fn values<'a>(entries: Option<&'a Vec<Entry>>, prefix: &str) -> Vec<&'a str> {
        entries
            .into_iter()
            .flatten()
            .map(|entry| part(entry, "value"))
            .filter(|value| value.starts_with(prefix))
            .collect()
    }
}

/// The field that a single-valued text attribute is.
fn text_field(name: &str) -> Option<Field> {
    Some(match name {
        "userName" => Field::Username,
        "externalId" => Field::FederationIdentifier,
        "nickName" => Field::CommunityNickname,
        "title" => Field::Title,
        "preferredLanguage" => Field::LanguageLocaleKey,
        "emailEncodingKey" => Field::EmailEncodingKey,
        "locale" => Field::LocaleSidKey,
        "timezone" => Field::TimeZoneSidKey,
        "employeeNumber" => Field::EmployeeNumber,
        "division" => Field::Division,
        "department" => Field::Department,
        "alias" => Field::Alias,
        _ => return None,
    })
}

/// The name that Salesforce's JSON parser has for a value.
fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(true) => "VALUE_TRUE",
        Value::Bool(false) => "VALUE_FALSE",
        Value::Number(number) if number.is_f64() => "VALUE_NUMBER_FLOAT",
        Value::Number(_) => "VALUE_NUMBER_INT",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

fn expected(wanted: &str, value: &Value, name: &str) -> Unreadable {
    Unreadable::Type(format!("Expecting {wanted} But Found {} while parsing {name}", token(value)))
}

/// A text; `null` counts as the empty one.
fn string(name: &str, value: &Value) -> Result<String, Unreadable> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        _ => Err(expected("VALUE_STRING", value, name)),
    }
}

fn object(name: &str, value: &Value) -> Result<Entry, Unreadable> {
    match value {
        Value::Object(parts) => Ok(entry(parts)),
        _ => Err(expected("START_OBJECT", value, name)),
    }
}

/// The sub-attributes as text, whatever they were.
fn entry(parts: &Map<String, Value>) -> Entry {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    parts.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn entries(name: &str, value: &Value, plain_too: bool) -> Result<Vec<Entry>, Unreadable> {
    let Value::Array(list) = value else { return Err(expected("START_ARRAY", value, name)) };
    let one = |value: &Value| match value {
        Value::Object(parts) => Some(entry(parts)),
        Value::String(text) if plain_too => Some(vec![("value".to_owned(), text.clone())]),
        _ => None,
    };
    Ok(list.iter().filter_map(one).collect())
}
