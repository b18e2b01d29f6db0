//! From a canonical SCIM user to the fields of a Salesforce user: the built-in mapping. Pure.

mod locale;
mod picklist;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::Record;
use crate::scim::{Attributes, ENTERPRISE_SCHEMA};

/// A mapped user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapped {
    /// The fields wanted. `Null`: the user has no such attribute, so the field is to be empty. Absent: the mapping says
    /// nothing, because Salesforce must have a value there or the value is not one that Salesforce knows.
    pub record: Record,
    /// What was cut, derived or left out, for a person to read. One sentence each, naming the attribute.
    pub notes: Vec<String>,
}

/// Maps a user (canonical SCIM document). The manager is not mapped: whose Salesforce id that is, only the caller
/// knows.
pub fn record(user: &Attributes) -> Mapped {
    let mut mapped = Mapped::default();
    mapped.identity(user);
    mapped.names(user);
    mapped.email(user);
    mapped.phones(user);
    mapped.address(user);
    mapped.plain(user);
    mapped.locale(user);
    mapped
}

impl Mapped {
    fn identity(&mut self, user: &Attributes) {
        if let Some(name) = text(user.get("userName")) {
            let name = name.to_lowercase();
            if !is_email_shaped(&name) {
                self.notes.push(format!(
                    "userName \"{name}\" does not look like an e-mail address, which a Salesforce username must"
                ));
            }
            self.record.set("Username", name);
        }
        // Never cleared: without it a person who logs in by single sign-on is locked out of Salesforce.
        if let Some(id) = text(user.get("externalId")) {
            self.record.set("FederationIdentifier", id);
        }
        let active = user.get("active").and_then(Value::as_bool).unwrap_or(true);
        self.record.set("IsActive", active);
    }

    fn names(&mut self, user: &Attributes) {
        let name = |part: &str| user.get("name").and_then(|name| text(name.get(part)));
        self.put("FirstName", "name.givenName", name("givenName"));
        let user_name = text(user.get("userName")).unwrap_or_default();
        let last = name("familyName").map(str::to_owned).or_else(|| {
            let derived = text(user.get("displayName"))
                .and_then(|name| name.split_whitespace().next_back())
                .or_else(|| user_name.split('@').next().filter(|part| !part.is_empty()))?;
            self.notes
                .push(format!("name.familyName is missing; Salesforce requires a last name, so it is \"{derived}\""));
            Some(derived.to_owned())
        });
        if let Some(last) = last {
            self.put("LastName", "name.familyName", Some(&last));
        }
        let nick = text(user.get("nickName")).map_or_else(|| cut(user_name, 40), str::to_owned);
        if !nick.is_empty() {
            self.put("CommunityNickname", "nickName", Some(&nick));
        }
    }

    fn email(&mut self, user: &Attributes) {
        let user_name = text(user.get("userName")).filter(|name| is_email_shaped(name));
        let email =
            chosen(user, "emails", &[primary, is_work, any]).and_then(|entry| text(entry.get("value"))).or(user_name);
        match email {
            Some(email) => self.record.set("Email", email),
            None => self.notes.push("emails has no value; Salesforce requires an e-mail address".to_owned()),
        }
    }

    fn phones(&mut self, user: &Attributes) {
        for (field, kind) in [("Phone", "work"), ("MobilePhone", "mobile"), ("Fax", "fax")] {
            let entries = || entries(user, "phoneNumbers").filter(|entry| has_type(entry, kind));
            let phone = entries().find(|entry| primary(entry)).or_else(|| entries().next());
            let value = phone.and_then(|entry| text(entry.get("value")));
            // A number that is cut is another number.
            if value.is_some_and(|value| length(value) > 40) {
                self.notes.push(format!(
                    "phoneNumbers[type eq \"{kind}\"] is longer than the 40 characters of {field} and left out"
                ));
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
        let derivations: [(&str, &str, Derive); 3] = [
            ("LocaleSidKey", "locale", locale::locale),
            ("LanguageLocaleKey", "preferredLanguage", locale::language),
            ("TimeZoneSidKey", "timezone", locale::time_zone),
        ];
        for (field, attribute, derive) in derivations {
            let Some(value) = text(user.get(attribute)) else { continue };
            match derive(value) {
                Some(key) => self.record.set(field, key),
                None => {
                    self.notes.push(format!("{attribute} \"{value}\" is none that Salesforce knows and is left out"));
                }
            }
        }
    }

    /// Sets `field`, cut to what Salesforce takes, or `Null` if there is no value.
    fn put(&mut self, field: &str, attribute: &str, value: Option<&str>) {
        let limit = limit(field);
        let value = value.map(|value| match limit {
            Some(limit) if length(value) > limit => {
                self.notes.push(format!("{attribute} is cut to the {limit} characters of {field}"));
                cut(value, limit)
            }
            _ => value.to_owned(),
        });
        self.record.set(field, value);
    }
}

/// Longest value of a field, in UTF-16 units as Salesforce counts. `Username`, `Email` and `FederationIdentifier` are
/// not here: a cut one names somebody else, so Salesforce's refusal is the better answer.
fn limit(field: &str) -> Option<usize> {
    Some(match field {
        "PostalCode" | "EmployeeNumber" => 20,
        "FirstName" | "City" | "CommunityNickname" => 40,
        "LastName" | "Title" | "State" | "Country" | "Department" | "Division" => 80,
        "Street" => 255,
        _ => return None,
    })
}

fn length(value: &str) -> usize {
    value.encode_utf16().count()
}

fn cut(value: &str, limit: usize) -> String {
    let mut left = limit;
    let kept: String = value
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= left;
            left = left.saturating_sub(c.len_utf16());
            fits
        })
        .collect();
    kept.trim_end().to_owned()
}

/// Text without the blanks around it, which Salesforce takes off anyway; a difference that never goes away otherwise.
fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn is_email_shaped(value: &str) -> bool {
    matches!(value.split_once('@'), Some((local, domain))
        if !local.is_empty() && domain.contains('.') && !domain.contains('@') && !domain.starts_with('.') && !domain.ends_with('.'))
        && !value.contains(char::is_whitespace)
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
