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
    pub fields: Vec<String>,
}

impl Refusal {
    /// A refusal that names `fields`.
    pub fn new(code: &'static str, message: impl Into<String>, fields: &[&str]) -> Self {
        Self { code, message: message.into(), fields: fields.iter().map(ToString::to_string).collect() }
    }

    /// An id that leads nowhere.
    pub fn cross_reference(field: &str) -> Self {
        Self::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[field])
    }

    /// A record that is there already. `id` is the record's.
    pub fn duplicate(fields: &[&str], id: &str) -> Self {
        let field = fields.first().unwrap_or(&"<unknown>");
        Self::new(
            "DUPLICATE_VALUE",
            format!("duplicate value found: {field} duplicates value on record with id: {id}"),
            fields,
        )
    }

    /// No record has the id that is to be written.
    pub fn deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted", &[])
    }

    /// Something that Salesforce itself cannot name.
    pub fn unknown() -> Self {
        let message = "An unexpected error occurred. Please include this ErrorId if you contact support: \
                       1860233312-48374 (-740188281)";
        Self::new("UNKNOWN_EXCEPTION", message, &[])
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
