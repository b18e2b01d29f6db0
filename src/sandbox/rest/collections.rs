//! `/composite/sobjects`: many records in one call.

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::schema::Object;
use super::{Call, write};
use crate::sandbox::org::Visit;
use crate::sandbox::wire::Reply;

/// Most records of one call.
const RECORDS_MAX: usize = 200;

/// What became of one record: its id where it has one, and whether anything became different.
struct Done {
    id: Option<String>,
    result: Result<bool, Fault>,
}

/// `POST`, `PATCH` and `DELETE /composite/sobjects`.
pub(super) fn answer(visit: &mut Visit<'_>, call: &Call<'_>) -> Result<Reply, Fault> {
    let method = call.request.method.as_str();
    let (all_or_none, records) = match method {
        "DELETE" => {
            let flag = call.request.parameter("allOrNone").is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
            let ids = call.request.parameter("ids").unwrap_or_default();
            let records = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(|id| json!({"id": id}));
            (flag, records.collect())
        }
        "POST" | "PATCH" => {
            let mut body = call.body()?;
            let flag = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
            let Some(Value::Array(records)) = body.get_mut("records").map(Value::take) else {
                return Err(Fault::new("JSON_PARSER_ERROR", "Missing required field: records"));
            };
            (flag, records)
        }
        _ => {
            let message = format!("HTTP Method '{method}' not allowed. Allowed are POST,PATCH,DELETE");
            return Err(Fault::new("METHOD_NOT_ALLOWED", message).with_status(405));
        }
    };
    if records.len() > RECORDS_MAX {
        let message = format!("record limit reached. cannot submit more than {RECORDS_MAX} records in this request");
        return Err(Fault::new("EXCEEDED_ID_LIMIT", message));
    }
    // Inside of a composite request that holds or falls as one, that one's transaction is the one.
    let own = visit.inner.rest.transaction.is_none();
    if own {
        visit.inner.rest.begin(all_or_none);
        if all_or_none {
            visit.inner.store.savepoint();
        }
    }
    let mut done: Vec<Done> = records.into_iter().map(|record| one(visit, method, record)).collect();
    let failed = all_or_none && done.iter().any(|done| done.result.is_err());
    if own {
        if failed {
            visit.inner.store.rollback();
        } else if all_or_none {
            visit.inner.store.commit();
        }
        visit.inner.rest.end(!failed);
    }
    if failed {
        let message =
            "Record rolled back because not all records were valid and the request was using AllOrNone header";
        for done in done.iter_mut().filter(|done| done.result.is_ok()) {
            done.result = Err(Fault::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", message));
            if method == "POST" {
                done.id = None;
            }
        }
    }
    let changed = done.iter().any(|done| matches!(done.result, Ok(true)));
    let body: Vec<Value> = done.into_iter().map(Done::json).collect();
    Ok(Reply::json(200, &Value::Array(body)).wrote(changed))
}

fn one(visit: &mut Visit<'_>, method: &str, record: Value) -> Done {
    let Value::Object(mut record) = record else {
        let fault = Fault::new("JSON_PARSER_ERROR", "A record must be an object");
        return Done { id: None, result: Err(fault) };
    };
    let attributes = record.shift_remove("attributes").unwrap_or_default();
    let named = attributes.get("type").and_then(Value::as_str);
    if method == "POST" {
        let made = object_named(named).and_then(|object| write::insert(visit, object, &record));
        return match made {
            Ok(id) => Done { id: Some(id), result: Ok(true) },
            Err(fault) => Done { id: None, result: Err(fault) },
        };
    }
    let id = take_id(&mut record);
    let result = match (&id, method) {
        (None, _) => Err(Fault::new("MISSING_ARGUMENT", "Id not specified in an update call").about(&["Id"])),
        (Some(id), "PATCH") => object_named(named).and_then(|object| write::update(visit, object, id, &record)),
        (Some(id), _) => match Object::of_id(id) {
            Some(object) => write::delete(visit, object, id).map(|()| true),
            None => Err(Fault::new("MALFORMED_ID", format!("malformed id {id}")).about(&[])),
        },
    };
    Done { id, result }
}

fn take_id(record: &mut Map<String, Value>) -> Option<String> {
    let name = record.keys().find(|name| name.eq_ignore_ascii_case("id")).cloned()?;
    match record.shift_remove(&name) {
        Some(Value::String(id)) => Some(id),
        _ => None,
    }
}

fn object_named(name: Option<&str>) -> Result<&'static Object, Fault> {
    let name = name.ok_or_else(|| Fault::new("INVALID_TYPE", "attributes.type is required for each record"))?;
    Object::named(name)
        .ok_or_else(|| Fault::new("INVALID_TYPE", format!("sObject type '{name}' is not supported.")).about(&[]))
}

impl Done {
    fn json(self) -> Value {
        let mut out = Map::new();
        if let Some(id) = self.id {
            out.insert("id".to_owned(), json!(id));
        }
        out.insert("success".to_owned(), json!(self.result.is_ok()));
        let errors: Vec<Value> = self.result.err().iter().map(Fault::in_collection).collect();
        out.insert("errors".to_owned(), json!(errors));
        Value::Object(out)
    }
}
