//! Custom fields of the `User` object.

use chrono::NaiveDate;

use super::refusal::Refusal;
use crate::sandbox::ids;

/// What a custom field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomKind {
    /// Text of so many characters at most.
    Text(usize),
    /// A number.
    Number,
    /// `true` or `false`, never empty.
    Checkbox,
    /// A day.
    Date,
    /// One of these.
    Picklist(Vec<String>),
    /// The id of any record.
    Reference,
}

/// A custom field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// API name, which ends with `__c`.
    pub api_name: String,
    /// Label, which some refusals use.
    pub label: String,
    /// What it takes.
    pub kind: CustomKind,
    /// Whether no two users may have the same value.
    pub unique: bool,
    /// What a new user has where nothing else is said.
    pub default: Option<String>,
}

impl CustomField {
    /// The stored form of `text`, empty where there is nothing to store.
    pub fn coerce(&self, text: &str) -> Result<String, Refusal> {
        let name = self.api_name.as_str();
        if text.is_empty() {
            return Ok(String::new());
        }
        let wrong_type = || {
            let message = format!("{}: value not of required type: {text}", self.label);
            Refusal::new("INVALID_TYPE_ON_FIELD_IN_RECORD", message, &[name])
        };
        match &self.kind {
            CustomKind::Text(max) if text.chars().count() > *max => {
                let message = format!("{}: data value too large: {text} (max length={max})", self.label);
                Err(Refusal::new("STRING_TOO_LONG", message, &[name]))
            }
            CustomKind::Text(_) => Ok(text.to_owned()),
            CustomKind::Number => {
                let number: f64 = text.trim().parse().map_err(|_| wrong_type())?;
                // `12.0` and `12` are one value.
                if number.is_finite() { Ok(number.to_string()) } else { Err(wrong_type()) }
            }
            CustomKind::Checkbox => match text.to_ascii_lowercase().as_str() {
                "true" => Ok("true".to_owned()),
                "false" => Ok(String::new()),
                _ => Err(wrong_type()),
            },
            CustomKind::Date => {
                let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong_type())?;
                Ok(date.to_string())
            }
            CustomKind::Picklist(values) if values.iter().any(|value| value == text) => Ok(text.to_owned()),
            CustomKind::Picklist(_) => {
                let message = format!("{}: bad value for restricted picklist field: {text}", self.label);
                Err(Refusal::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, &[name]))
            }
            CustomKind::Reference => ids::canonical(text).ok_or_else(|| {
                let message = format!("{}: id value of incorrect type: {text}", self.label);
                Refusal::new("MALFORMED_ID", message, &[name])
            }),
        }
    }
}
