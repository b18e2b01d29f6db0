//! Why REST refuses something, in the forms that its parts have for it.

use serde_json::{Value, json};

use crate::sandbox::store::refusal::Refusal;
use crate::sandbox::wire::Reply;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// HTTP status.
    pub(super) status: u16,
    /// Salesforce's code.
    pub(super) code: String,
    /// Salesforce's text.
    pub(super) message: String,
    /// API names of the fields at fault; `None` where the refusal is not about a record.
    pub(super) fields: Option<Vec<String>>,
}

impl Fault {
    /// A refusal with 400 that is not about a record.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into(), fields: None }
    }

    /// The same with the fields at fault.
    pub(super) fn about(self, fields: &[&str]) -> Self {
        Self { fields: Some(fields.iter().map(ToString::to_string).collect()), ..self }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Nothing is there.
    pub(super) fn not_found() -> Self {
        Self::new("NOT_FOUND", "The requested resource does not exist").with_status(404)
    }

    /// The record was there once, or never.
    pub(super) fn gone() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted").about(&[]).with_status(404)
    }

    /// The object has no such field.
    pub(super) fn no_such_field(object: &str, name: &str) -> Self {
        Self::new("INVALID_FIELD", format!("No such column '{name}' on sobject of type {object}"))
    }

    /// The field is there, but not to be written.
    pub(super) fn read_only(name: &str) -> Self {
        let message = format!(
            "Unable to create/update fields: {name}. Please check the security settings of this field and verify that it \
             is read/write for your profile or permission set."
        );
        Self::new("INVALID_FIELD_FOR_INSERT_UPDATE", message).about(&[name])
    }

    /// Fields that a new record must have and has not.
    pub(super) fn missing(fields: &[&str]) -> Self {
        let message = format!("Required fields are missing: [{}]", fields.join(", "));
        Self::new("REQUIRED_FIELD_MISSING", message).about(fields)
    }

    /// A value of the wrong type.
    pub(super) fn not_of_type(wanted: &str, value: &Value) -> Self {
        Self::new("JSON_PARSER_ERROR", format!("Cannot deserialize instance of {wanted} from value {value}"))
    }

    /// As the whole answer to a call.
    pub(super) fn reply(&self) -> Reply {
        let mut error = json!({"message": self.message.trim_end(), "errorCode": self.code});
        if let (Some(fields), Value::Object(error)) = (&self.fields, &mut error) {
            error.insert("fields".to_owned(), json!(fields));
        }
        Reply::json(self.status, &json!([error]))
    }

    /// As one of the errors of a record among several.
    pub(super) fn in_collection(&self) -> Value {
        let fields = self.fields.clone().unwrap_or_default();
        json!({"statusCode": self.code, "message": self.message.trim_end(), "fields": fields})
    }

    /// As the error of a row of a bulk job.
    pub(super) fn in_row(&self) -> String {
        let fields = self.fields.clone().unwrap_or_default().join(",");
        let fields = if fields.is_empty() { fields } else { format!("{fields} ") };
        format!("{}:{}:{fields}--", self.code, self.message.trim_end())
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code {
            "UNKNOWN_EXCEPTION" => 500,
            "ENTITY_IS_DELETED" => 404,
            _ => 400,
        };
        Self { status, code: refusal.code.to_owned(), message: refusal.message, fields: Some(refusal.fields) }
    }
}
