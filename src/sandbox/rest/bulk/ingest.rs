//! Jobs that write records.

use serde_json::{Map, Value};

use super::table::{self, Format};
use super::wrong_state;
use crate::sandbox::org::Visit;
use crate::sandbox::rest::fault::Fault;
use crate::sandbox::rest::schema::{Object, Shape};
use crate::sandbox::rest::{Call, write};
use crate::sandbox::wire::Reply;

/// What stands in a column that is to be emptied; one that is empty stays as it is.
const NULL: &str = "#N/A";

/// An upload and, once it was worked through, what became of its records.
#[derive(Debug)]
pub(super) struct Ingest {
    upload: Option<Vec<u8>>,
    header: Vec<String>,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    values: Vec<String>,
    id: String,
    created: bool,
    /// Why it was refused, in the form of a row.
    error: Option<String>,
}

impl Ingest {
    /// The object and the job that the body of a new job describes.
    pub(super) fn of(body: &Map<String, Value>) -> Result<(&'static str, Self), Fault> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let object = Object::named(text("object"))
            .ok_or_else(|| Fault::new("INVALIDENTITY", format!("Unable to find object: {}", text("object"))))?;
        let possible = match text("operation") {
            "insert" => object.createable,
            "update" => object.updateable,
            "delete" => object.deletable,
            "upsert" | "hardDelete" => {
                let message = format!("{} is not enabled in this org", text("operation"));
                return Err(Fault::new("FEATURENOTENABLED", message));
            }
            other => return Err(Fault::new("INVALIDJOB", format!("operation cannot be '{other}'"))),
        };
        if !possible {
            let message = format!("entity type {} does not support {}", object.name, text("operation"));
            return Err(Fault::new("INVALIDENTITY", message));
        }
        Ok((object.name, Self { upload: None, header: Vec::new(), done: Vec::new() }))
    }

    /// Whether the records are there.
    pub(super) fn is_uploaded(&self) -> bool {
        self.upload.is_some()
    }

    /// Takes the records, once, and no more than `max` bytes.
    pub(super) fn upload(&mut self, call: &Call<'_>, max: usize) -> Result<(), Fault> {
        let kind = call.request.content_type.as_deref().unwrap_or_default().to_lowercase();
        if !kind.starts_with("text/csv") {
            return Err(Fault::new("UNSUPPORTED_MEDIA_TYPE", "The content type must be text/csv").with_status(415));
        }
        if self.upload.is_some() {
            let message = "Found multiple contents for job, please 'Close' / 'Abort' / 'Delete' the current Job then \
                           create a new Job and make sure you only do 'PUT' once on a given Job.";
            return Err(wrong_state(message));
        }
        if call.request.body.len() > max {
            let message = format!("The upload has {} bytes; the limit is {max}", call.request.body.len());
            return Err(Fault::new("REQUEST_ENTITY_TOO_LARGE", message).with_status(413));
        }
        self.upload = Some(call.request.body.clone());
        Ok(())
    }

    /// How many records were worked through.
    pub(super) fn processed(&self) -> usize {
        self.done.len()
    }

    /// How many of them were refused.
    pub(super) fn failed(&self) -> usize {
        self.done.iter().filter(|done| done.error.is_some()).count()
    }

    /// Works through the records, each for itself; the error says why the whole job fails.
    pub(super) fn run(
        &mut self,
        visit: &mut Visit<'_>,
        object: &'static str,
        operation: &str,
        format: Format,
    ) -> Result<(), String> {
        let Some(object) = Object::named(object) else { return Err("INVALIDENTITY".to_owned()) };
        let upload = self.upload.as_deref().unwrap_or_default();
        let (header, records) = format.read(upload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(upload))?;
        let store = &visit.inner.store;
        let unknown = header.iter().find(|name| object.field(store, name).is_none());
        if let Some(name) = unknown {
            return Err(format!("InvalidBatch : Field name not found : {name}"));
        }
        let numbers: Vec<bool> = header
            .iter()
            .map(|name| object.field(store, name).is_some_and(|field| field.shape == Shape::Double))
            .collect();
        for values in records {
            let mut fields = Map::new();
            let mut id = String::new();
            for ((name, value), is_number) in header.iter().zip(&values).zip(&numbers) {
                let value = match value.as_str() {
                    "" => continue,
                    NULL => Value::Null,
                    text if *is_number => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
                    text => Value::from(text),
                };
                match value {
                    Value::String(text) if name.eq_ignore_ascii_case("Id") => id = text,
                    value => drop(fields.insert(name.clone(), value)),
                }
            }
            let no_id = || Fault::new("MISSING_ARGUMENT", "Id not specified in an update call").about(&["Id"]);
            let result = match operation {
                "insert" => write::insert(visit, object, &fields).map(|made| id = made),
                _ if id.is_empty() => Err(no_id()),
                "update" => write::update(visit, object, &id, &fields).map(|_| ()),
                _ => write::delete(visit, object, &id),
            };
            let error = result.err().map(|fault| fault.in_row());
            self.done.push(Done { values, id, created: operation == "insert" && error.is_none(), error });
        }
        self.upload = Some(format.line(&header));
        self.header = header;
        Ok(())
    }

    /// One of the three tables of what became of the records.
    pub(super) fn results(&self, what: &str, format: Format) -> Reply {
        if what == "unprocessedrecords" {
            return table::reply(self.upload.as_deref());
        }
        let (refused, second) = if what == "failedResults" { (true, "sf__Error") } else { (false, "sf__Created") };
        let mut lines = vec![format.line(["sf__Id", second].into_iter().chain(self.header.iter().map(String::as_str)))];
        for done in self.done.iter().filter(|done| done.error.is_some() == refused) {
            let second = done.error.clone().unwrap_or_else(|| done.created.to_string());
            let own = [done.id.as_str(), &second];
            lines.push(format.line(own.into_iter().chain(done.values.iter().map(String::as_str))));
        }
        table::reply(lines.iter().map(Vec::as_slice))
    }
}
