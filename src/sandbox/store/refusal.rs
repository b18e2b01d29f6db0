//! Why Salesforce's database refuses a write.

use std::fmt;

/// A refused write: what Salesforce calls a DML error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Salesforce's status code, such as `DUPLICATE_USERNAME`.
    pub code: &'static str,
    /// Salesforce's text.
    pub message: String,
    /// API names of the fields at fault.
    pub fields: Vec<&'static str>,
}

impl Refusal {
    /// A refusal that names `fields`.
    pub fn new(code: &'static str, message: impl Into<String>, fields: &[&'static str]) -> Self {
        Self { code, message: message.into(), fields: fields.to_vec() }
    }

    /// An id that leads nowhere.
    pub fn cross_reference(field: &'static str) -> Self {
        Self::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[field])
    }

    /// Somebody else is writing the same record: the one refusal that goes away by itself.
    pub fn locked(id: &str) -> Self {
        let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
        Self::new("UNABLE_TO_LOCK_ROW", message, &[])
    }

    /// The text of an Apex `DmlException` for it. `verb` is `Insert`, `Update` or `Delete`.
    pub fn as_exception(&self, verb: &str, id: Option<&str>) -> String {
        let record = id.map(|id| format!(" with id {id}")).unwrap_or_default();
        format!("{verb} failed. First exception on row 0{record}; first error: {self}")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: [{}]", self.code, self.message, self.fields.join(", "))
    }
}
