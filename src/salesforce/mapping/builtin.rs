//! The built-in mapping: what each field's own template says, as code, because every delivery needs it. Pure.

use serde_json::Value;

use super::field::{ACTIVE, ALIAS, FEDERATION_ID, NICKNAME, USERNAME};
use super::locale;
use super::text::{ascii, cut, is_email_shaped, length, letters, local_part, text};
use crate::salesforce::Record;
use crate::scim::{Attributes, ENTERPRISE_SCHEMA};

/// What the built-in mapping says of a person.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Every field that it says anything about, also those that are for a new account only.
    pub(super) record: Record,
    /// What was cut, derived or left out, with the field that it concerns.
    pub(super) notes: Vec<(&'static str, String)>,
}

/// Maps a user by the built-in mapping.
pub(super) fn say(user: &Attributes) -> Said {
    let mut said = Said::default();
    said.identity(user);
    said.names(user);
    said.email(user);
    said.phones(user);
    said.address(user);
    said.plain(user);
    said.locale(user);
    said.record.set("EmailEncodingKey", "UTF-8");
    said
}

/// A short name as Salesforce's own pages make it: the first letter of the given name, and four of the family name.
fn alias(given: Option<&str>, family: Option<&str>, user_name: &str) -> String {
    let own = local_part(user_name);
    let initial = given.map(|name| cut(&letters(&ascii(name)), 1)).unwrap_or_default();
    let short = initial + &cut(&letters(&ascii(family.unwrap_or(own))), 4);
    let candidates = [short, cut(&ascii(own), 8)];
    let found = candidates.into_iter().find(|alias| !alias.is_empty());
    found.map_or_else(|| "user".to_owned(), |alias| alias.to_lowercase())
}

impl Said {
    fn identity(&mut self, user: &Attributes) {
        if let Some(name) = text(user.get("userName")) {
            let name = name.to_lowercase();
            if !is_email_shaped(&name) {
                self.note(
                    USERNAME,
                    format!(
                        "userName \"{name}\" does not look like an e-mail address, which a Salesforce username must"
                    ),
                );
            }
            self.record.set(USERNAME, name);
        }
        // Never cleared: without it a person who logs in by single sign-on is locked out of Salesforce.
        if let Some(id) = text(user.get("externalId")) {
            self.record.set(FEDERATION_ID, id);
        }
        let active = user.get("active").and_then(Value::as_bool).unwrap_or(true);
        self.record.set(ACTIVE, active);
    }

    fn names(&mut self, user: &Attributes) {
        let name = |part: &str| user.get("name").and_then(|name| text(name.get(part)));
        self.put("FirstName", "name.givenName", name("givenName"));
        let user_name = text(user.get("userName")).unwrap_or_default();
        let last = name("familyName").map(str::to_owned).or_else(|| {
            let derived = text(user.get("displayName"))
                .and_then(|name| name.split_whitespace().next_back())
                .or_else(|| Some(local_part(user_name)).filter(|part| !part.is_empty()))?;
            let words = format!("name.familyName is missing; Salesforce requires a last name, so it is \"{derived}\"");
            self.note("LastName", words);
            Some(derived.to_owned())
        });
        if let Some(last) = last {
            self.put("LastName", "name.familyName", Some(&last));
        }
        let nick = text(user.get("nickName")).map_or_else(|| cut(user_name, 40), str::to_owned);
        if !nick.is_empty() {
            self.put(NICKNAME, "nickName", Some(&nick));
        }
        self.record.set(ALIAS, alias(name("givenName"), name("familyName"), user_name));
    }

    fn email(&mut self, user: &Attributes) {
        let user_name = text(user.get("userName")).filter(|name| is_email_shaped(name));
        let email =
            chosen(user, "emails", &[primary, is_work, any]).and_then(|entry| text(entry.get("value"))).or(user_name);
        match email {
            Some(email) => self.record.set("Email", email),
            None => self.note("Email", "emails has no value; Salesforce requires an e-mail address".to_owned()),
        }
    }

    fn phones(&mut self, user: &Attributes) {
        for (field, kind) in [("Phone", "work"), ("MobilePhone", "mobile"), ("Fax", "fax")] {
            let entries = || entries(user, "phoneNumbers").filter(|entry| has_type(entry, kind));
            let phone = entries().find(|entry| primary(entry)).or_else(|| entries().next());
            let value = phone.and_then(|entry| text(entry.get("value")));
            // A number that is cut is another number.
            if value.is_some_and(|value| length(value) > PHONE_LIMIT) {
                let attribute = format!("phoneNumbers[type eq \"{kind}\"]");
                self.note(field, too_long(&attribute, field));
                self.record.set(field, Value::Null);
            } else {
                self.record.set(field, value);
            }
        }
    }

    fn address(&mut self, user: &Attributes) {
        // A private address has no place in a directory of colleagues unless the IdP calls it the primary one.
        let address = chosen(user, "addresses", &[is_work, primary, is_untyped]);
        let part = |name: &str| address.and_then(|address| text(address.get(name)));
        self.put("Street", "addresses.streetAddress", part("streetAddress"));
        self.put("City", "addresses.locality", part("locality"));
        self.put("State", "addresses.region", part("region"));
        self.put("PostalCode", "addresses.postalCode", part("postalCode"));
        self.put("Country", "addresses.country", part("country"));
    }

    fn plain(&mut self, user: &Attributes) {
        let enterprise = |name: &str| user.get(ENTERPRISE_SCHEMA).and_then(|extension| text(extension.get(name)));
        self.put("Title", "title", text(user.get("title")));
        self.put("EmployeeNumber", "employeeNumber", enterprise("employeeNumber"));
        self.put("Department", "department", enterprise("department"));
        self.put("Division", "division", enterprise("division"));
    }

    fn locale(&mut self, user: &Attributes) {
        type Derive = fn(&str) -> Option<String>;
        let derivations: [(&'static str, &str, Derive); 3] = [
            ("LocaleSidKey", "locale", locale::locale),
            ("LanguageLocaleKey", "preferredLanguage", locale::language),
            ("TimeZoneSidKey", "timezone", locale::time_zone),
        ];
        for (field, attribute, derive) in derivations {
            let Some(value) = text(user.get(attribute)) else { continue };
            match derive(value) {
                Some(key) => self.record.set(field, key),
                None => self.note(field, unknown_key(attribute, value)),
            }
        }
    }

    /// Sets `field`, cut to what Salesforce takes, or `Null` if there is no value.
    fn put(&mut self, field: &'static str, attribute: &str, value: Option<&str>) {
        let value = value.map(|value| {
            let (value, note) = fitting(field, attribute, value);
            self.notes.extend(note.map(|words| (field, words)));
            value
        });
        self.record.set(field, value);
    }

    fn note(&mut self, field: &'static str, words: String) {
        self.notes.push((field, words));
    }
}

/// Characters of a telephone number. One that is cut is another number, so a longer one is left out.
pub(super) const PHONE_LIMIT: usize = 40;

/// Words for a telephone number that does not fit into `field`.
pub(super) fn too_long(attribute: &str, field: &str) -> String {
    format!("{attribute} is longer than the {PHONE_LIMIT} characters of {field} and left out")
}

/// Words for a locale, language or time zone that no org has.
pub(super) fn unknown_key(attribute: &str, value: &str) -> String {
    format!("{attribute} \"{value}\" is none that Salesforce knows and is left out")
}

/// `value` cut to what Salesforce takes in a standard field, and words where that took something away.
pub(super) fn fitting(field: &str, attribute: &str, value: &str) -> (String, Option<String>) {
    match super::field::standard(field).and_then(|field| field.limit) {
        Some(limit) if length(value) > limit => {
            (cut(value, limit), Some(format!("{attribute} is cut to the {limit} characters of {field}")))
        }
        _ => (value.to_owned(), None),
    }
}

fn entries<'a>(user: &'a Attributes, attribute: &str) -> impl Iterator<Item = &'a Value> {
    user.get(attribute).and_then(Value::as_array).into_iter().flatten()
}

fn primary(entry: &Value) -> bool {
    entry.get("primary").and_then(Value::as_bool).unwrap_or(false)
}

fn has_type(entry: &Value, kind: &str) -> bool {
    text(entry.get("type")).is_some_and(|held| held.eq_ignore_ascii_case(kind))
}

fn is_work(entry: &Value) -> bool {
    has_type(entry, "work")
}

fn is_untyped(entry: &Value) -> bool {
    text(entry.get("type")).is_none()
}

fn any(_: &Value) -> bool {
    true
}

/// The first entry that the first preference which fits any accepts.
fn chosen<'a>(user: &'a Attributes, attribute: &str, preferences: &[fn(&Value) -> bool]) -> Option<&'a Value> {
    preferences.iter().find_map(|accepts| entries(user, attribute).find(|entry| accepts(entry)))
}
