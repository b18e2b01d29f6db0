//! The fields of one Salesforce user, and how two such sets differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dialect::field::{self, Place};
use crate::scim::fold::fold;

/// Field values of one Salesforce user by the API name of the field (`Username`, `IsActive`, `X__c`, …).
///
/// `Null` means "no value"; a field that is not in the record is one that nobody speaks about. The map is sorted, so
/// that two plans from the same state are the same plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record(BTreeMap<String, Value>);

impl Record {
    /// A record that speaks about no field.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same record with `field` set, for building one in a row.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.set(field, value);
        self
    }

    /// Sets `field`; `Null` says that it shall have no value.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.0.insert(field.to_owned(), value.into());
    }

    /// Takes `field` out: the record no longer speaks about it.
    pub fn unset(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field)
    }

    /// The value of `field`; `None` when it has none, whether it is `Null` or not spoken about.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    /// The text of `field`, if it has one.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str)
    }

    /// Whether the record speaks about `field`, be it only to say that it has no value.
    pub fn mentions(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Fields and values, sorted by field name, `Null`s included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }

    /// Whether it speaks about no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields it speaks about.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Lays `changes` over this record: what an account holds after they were made.
    pub fn apply(&mut self, changes: &Self) {
        for (field, value) in changes.iter() {
            self.set(field, value.clone());
        }
    }

    /// The fields of this record whose values `observed` does not have.
    ///
    /// Salesforce answers `Username` and `Email` in lower case, so these compare without case; ids compare on their
    /// first 15 characters (the rest is a checksum); `Null`, `""` and absence are the same; line ends of an address do
    /// not count. A `Null` for a field that Salesforce does not let be empty is no wish at all and never a change.
    #[must_use]
    pub fn changes_since(&self, observed: &Self) -> Self {
        self.changes_since_unsure(observed, &Self::new())
    }

    /// The same, where of the fields that `unsure` speaks about nobody knows what Salesforce has: a change of them was
    /// sent and its answer was lost. They are always a change.
    #[must_use]
    pub fn changes_since_unsure(&self, observed: &Self, unsure: &Self) -> Self {
        self.iter()
            .filter(|(field, value)| !(is_unset(value) && field::is_required(field)))
            .filter(|(field, value)| {
                unsure.mentions(field) || !same(field, value, observed.get(field).unwrap_or(&Value::Null))
            })
            .map(|(field, value)| (field.to_owned(), value.clone()))
            .collect()
    }

    /// The record without the fields that it only says to be empty.
    #[must_use]
    pub fn with_values_only(&self) -> Self {
        self.iter()
            .filter(|(_, value)| !is_unset(value))
            .map(|(field, value)| (field.to_owned(), value.clone()))
            .collect()
    }

    /// Parts the record into what one SCIM create carries and what must follow once the user exists.
    ///
    /// A create takes at most one telephone number (Salesforce answers
    /// `INVALID:only_a_single_phone_is_allowed` otherwise) and only the fields that its SCIM schema has. `Null`s are in
    /// neither part: a new user has nothing to clear.
    pub fn split_for_create(&self) -> (Self, Self) {
        let first_phone = ["Phone", "MobilePhone", "Fax"].into_iter().find(|field| self.get(field).is_some());
        let (mut now, mut later) = (Self::new(), Self::new());
        for (name, value) in self.iter().filter(|(_, value)| !is_unset(value)) {
            let carried = match field::place(name) {
                None => false,
                Some(Place::Phone(_)) => first_phone == Some(name),
                Some(_) => true,
            };
            let part = if carried { &mut now } else { &mut later };
            part.set(name, value.clone());
        }
        (now, later)
    }
}

impl FromIterator<(String, Value)> for Record {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(fields: T) -> Self {
        Self(fields.into_iter().collect())
    }
}

fn is_unset(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

fn same(field: &str, one: &Value, other: &Value) -> bool {
    if is_unset(one) || is_unset(other) {
        return is_unset(one) && is_unset(other);
    }
    match (one, other) {
        (Value::String(one), Value::String(other)) => match field {
            "Username" | "Email" => fold(one) == fold(other),
            "ManagerId" | "UserRoleId" | "ProfileId" | "DelegatedApproverId" => same_id(one, other),
            // A long text field stores every line end as CR LF.
            "Street" => one.replace("\r\n", "\n") == other.replace("\r\n", "\n"),
            _ => one == other,
        },
        // A custom number field answers 5 as 5.0.
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Whether two Salesforce ids name the same record: their first 15 characters, case-sensitively. The last three of the
/// 18-character form only repeat which of them are upper case.
pub fn same_id(one: &str, other: &str) -> bool {
    match (one.get(..15), other.get(..15)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Record;

    #[test]
    fn only_what_differs_is_a_change() {
        let long = |id: &str| json!(format!("{id}0000000000A1AAA"));
        let rows: Vec<(&str, Value, Value, bool)> = vec![
            ("Username", json!("a@b.co"), json!("A@B.co"), false),
            ("Email", json!("Ada@B.co"), json!("ada@b.co"), false),
            ("Email", json!("ada@b.co"), json!("eve@b.co"), true),
            ("Title", json!("a"), json!("A"), true),
            ("FederationIdentifier", json!("a"), json!("A"), true),
            ("Title", json!("a"), Value::Null, true),
            ("Title", Value::Null, json!("a"), true),
            ("Title", Value::Null, Value::Null, false),
            ("Title", json!(""), Value::Null, false),
            ("IsActive", json!(false), json!(true), true),
            ("IsActive", json!(false), Value::Null, true),
            ("LocaleSidKey", Value::Null, json!("en_US"), false),
            ("Email", Value::Null, json!("a@b.co"), false),
            ("ManagerId", json!("0050000000000A1"), long("005"), false),
            ("ManagerId", json!("0050000000000a1"), long("005"), true),
            ("X__c", json!("0050000000000A1"), long("005"), true),
            ("Street", json!("1\n2"), json!("1\r\n2"), false),
            ("Title", json!("1\n2"), json!("1\r\n2"), true),
            ("X__c", json!(5), json!(5.0), false),
            ("X__c", json!(5), json!(6), true),
        ];
        for (field, wish, held, differs) in rows {
            let desired = Record::new().with(field, wish.clone());
            let changes = desired.changes_since(&Record::new().with(field, held.clone()));
            assert_eq!(changes, if differs { desired } else { Record::new() }, "{field} {wish} {held}");
        }
        let held = Record::new().with("Title", "not mine");
        assert_eq!(Record::new().changes_since(&held), Record::new(), "what is not spoken of is left alone");
        assert_eq!(Record::new().with("Title", Value::Null).changes_since(&Record::new()), Record::new());
    }

    #[test]
    fn applied_changes_leave_none() {
        let desired = Record::new().with("Title", "a").with("Fax", Value::Null).with("IsActive", true);
        let mut held = Record::new().with("Fax", "1").with("City", "x");
        held.apply(&desired.changes_since(&held));
        assert_eq!(desired.changes_since(&held), Record::new());
        assert_eq!(held.text("City"), Some("x"));
    }

    #[test]
    fn a_record_is_stored_as_a_plain_object() {
        let record = Record::new().with("Title", "a").with("Fax", Value::Null).with("IsActive", true);
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(json, r#"{"Fax":null,"IsActive":true,"Title":"a"}"#);
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    }
}
