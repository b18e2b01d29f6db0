//! `/services/data/vN.0`: the part of the REST interface that does what SCIM cannot.

mod soql;

use serde_json::{Map, Value, json};

use super::org::Visit;
use super::store::field::{Field, Kind};
use super::store::{GroupKind, User};
use super::wire::{Reply, Request};

/// Whether a segment is an interface version, `v66.0`.
pub(super) fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
    number.is_some_and(|number| {
        !number.is_empty() && number.len() < 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Answers a call below the version.
pub(super) fn answer(visit: &mut Visit<'_>, request: &Request, segments: &[&str]) -> Reply {
    match (segments, request.method.as_str()) {
        (["limits"], "GET") => limits(visit).about("limits"),
        (["sobjects", "User", id], "GET") => match visit.inner.store.user(id) {
            Some(user) => Reply::json(200, &user_record(user)).about("user_read"),
            None => not_found().about("user_read"),
        },
        (["sobjects", "User", id], "PATCH") => update_user(visit, request, id).about("user_update_rest"),
        (["sobjects", "User", _], "DELETE") => {
            Reply::rest_error(400, "INSUFFICIENT_ACCESS_OR_READONLY", "users cannot be deleted").about("user_delete")
        }
        (["sobjects", "Group"], "POST") => create_group(visit, request).about("group_create"),
        (["sobjects", "Group", id], "GET") => read_group(visit, id).about("group_read"),
        (["sobjects", "Group", id], "PATCH") => update_group(visit, request, id).about("group_update"),
        (["sobjects", "Group", id], "DELETE") => delete_group(visit, id).about("group_delete"),
        (["sobjects", "User" | "Group", ..], method) => {
            Reply::rest_error(405, "METHOD_NOT_ALLOWED", &format!("HTTP Method '{method}' not allowed"))
        }
        _ => Reply::rest_error(404, "NOT_FOUND", "The requested resource does not exist"),
    }
}

fn not_found() -> Reply {
    Reply::rest_error(404, "NOT_FOUND", "The requested resource does not exist")
}

fn limits(visit: &Visit<'_>) -> Reply {
    let max = visit.settings.daily_api_limit;
    let remaining = max.saturating_sub(visit.inner.api_calls);
    Reply::json(200, &json!({"DailyApiRequests": {"Max": max, "Remaining": remaining}}))
}

/// A user with the field names of REST, empty ones as `null`.
pub(super) fn user_record(user: &User) -> Value {
    let mut out = Map::new();
    out.insert(
        "attributes".to_owned(),
        json!({"type": "User", "url": format!("/services/data/v66.0/sobjects/User/{}", user.id)}),
    );
    out.insert("Id".to_owned(), json!(user.id));
    for field in Field::ALL {
        out.insert(field.name().to_owned(), super::view::standard(user, *field));
    }
    out.insert("Name".to_owned(), json!(user.name()));
    out.insert("IsActive".to_owned(), json!(user.active));
    out.insert("UserType".to_owned(), json!("Standard"));
    out.insert("CreatedDate".to_owned(), json!(user.created.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()));
    out.insert("LastModifiedDate".to_owned(), json!(user.modified.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()));
    Value::Object(out)
}

/// The body as an object with fields; the error is the whole answer.
fn body(request: &Request) -> Result<Map<String, Value>, Reply> {
    if request.content_type.as_deref().is_none_or(|kind| !kind.to_lowercase().starts_with("application/json")) {
        let message = "The content type is not supported";
        return Err(Reply::rest_error(415, "UNSUPPORTED_MEDIA_TYPE", message));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(mut object)) => {
            object.shift_remove("attributes");
            Ok(object)
        }
        Ok(_) => Err(Reply::rest_error(
            400,
            "JSON_PARSER_ERROR",
            "The HTTP entity body is required, but this request has no entity body.",
        )),
        Err(error) => {
            let message = format!("Unexpected character at [line:{}, column:{}]", error.line(), error.column());
            Err(Reply::rest_error(400, "JSON_PARSER_ERROR", &message))
        }
    }
}

fn no_such_field(object: &str, name: &str) -> Reply {
    let message = format!("No such column '{name}' on sobject of type {object}");
    Reply::rest_error(400, "INVALID_FIELD", &message)
}

/// A text field's new value; `null` and the empty string clear.
fn text(name: &str, value: &Value) -> Result<String, Reply> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        _ => {
            let message = format!("Cannot deserialize instance of string from value {value} for field {name}");
            Err(Reply::rest_error(400, "JSON_PARSER_ERROR", &message))
        }
    }
}

fn update_user(visit: &mut Visit<'_>, request: &Request, id: &str) -> Reply {
    let Some(mut user) = visit.inner.store.user(id).cloned() else { return not_found() };
    let written = body(request).and_then(|body| write(&mut user, &body));
    if let Err(reply) = written {
        return reply;
    }
    match visit.inner.store.update_user(user, visit.now) {
        Ok(changed) => Reply::empty(204).wrote(changed),
        Err(refusal) => Reply::rest_refusal(&refusal),
    }
}

fn write(user: &mut User, body: &Map<String, Value>) -> Result<(), Reply> {
    for (name, value) in body {
        if let Some(field) = Field::named(name) {
            let text = text(name, value)?;
            let is_reference = matches!(field.kind(), Kind::Reference(_));
            if field == Field::Alias && text.chars().count() > field.max() {
                let message = format!("Alias: data value too large: {text} (max length=8)");
                return Err(Reply::json(
                    400,
                    &json!([{"message": message, "errorCode": "STRING_TOO_LONG", "fields": ["Alias"]}]),
                ));
            }
            user.set(field, if is_reference { text.trim() } else { &text });
        } else if name.eq_ignore_ascii_case("IsActive") {
            user.active = match value {
                Value::Bool(active) => *active,
                Value::String(text) if text.eq_ignore_ascii_case("true") => true,
                Value::String(text) if text.eq_ignore_ascii_case("false") => false,
                _ => {
                    let message = format!("Cannot deserialize instance of boolean from value {value}");
                    return Err(Reply::rest_error(400, "JSON_PARSER_ERROR", &message));
                }
            };
        } else if ["Id", "Name", "UserType", "CreatedDate", "LastModifiedDate"].contains(&name.as_str()) {
            let message = format!(
                "Unable to create/update fields: {name}. Please check the security settings of this field \
                                   and verify that it is read/write for your profile or permission set."
            );
            return Err(Reply::json(
                400,
                &json!([{"message": message, "errorCode": "INVALID_FIELD_FOR_INSERT_UPDATE", "fields": [name]}]),
            ));
        } else {
            return Err(no_such_field("User", name));
        }
    }
    Ok(())
}

/// What a write of a group may say.
#[derive(Default)]
struct GroupFields {
    name: Option<String>,
    developer_name: Option<String>,
    kind: Option<GroupKind>,
}

fn group_fields(body: &Map<String, Value>) -> Result<GroupFields, Reply> {
    let mut fields = GroupFields::default();
    for (name, value) in body {
        let text = text(name, value)?;
        match name.as_str() {
            "Name" => fields.name = Some(text),
            "DeveloperName" => fields.developer_name = Some(text).filter(|text| !text.is_empty()),
            "Type" => {
                fields.kind = Some(match text.as_str() {
                    "Regular" => GroupKind::Regular,
                    "Queue" => GroupKind::Queue,
                    _ => {
                        let message = format!("Type: bad value for restricted picklist field: {text}");
                        let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
                        return Err(Reply::json(
                            400,
                            &json!([{"message": message, "errorCode": code, "fields": ["Type"]}]),
                        ));
                    }
                });
            }
            "DoesIncludeBosses" | "DoesSendEmailToMembers" | "Email" => {}
            _ => return Err(no_such_field("Group", name)),
        }
    }
    Ok(fields)
}

fn create_group(visit: &mut Visit<'_>, request: &Request) -> Reply {
    let fields = match body(request).and_then(|body| group_fields(&body)) {
        Ok(fields) => fields,
        Err(reply) => return reply,
    };
    let kind = fields.kind.unwrap_or(GroupKind::Regular);
    let name = fields.name.unwrap_or_default();
    match visit.inner.store.insert_group(&name, fields.developer_name.as_deref(), kind, visit.now) {
        Ok(id) => Reply::json(201, &json!({"id": id, "success": true, "errors": []})).wrote(true),
        Err(refusal) => Reply::rest_refusal(&refusal),
    }
}

fn read_group(visit: &Visit<'_>, id: &str) -> Reply {
    let Some(group) = visit.inner.store.group(id) else { return not_found() };
    let body = json!({
        "attributes": {"type": "Group", "url": format!("/services/data/v66.0/sobjects/Group/{}", group.id)},
        "Id": group.id, "Name": group.name, "DeveloperName": group.developer_name, "Type": group.kind.name(),
    });
    Reply::json(200, &body)
}

fn update_group(visit: &mut Visit<'_>, request: &Request, id: &str) -> Reply {
    let Some(group) = visit.inner.store.group(id).cloned() else { return not_found() };
    let fields = match body(request).and_then(|body| group_fields(&body)) {
        Ok(fields) => fields,
        Err(reply) => return reply,
    };
    if fields.kind.is_some_and(|kind| kind != group.kind) {
        let message = "Unable to create/update fields: Type.";
        return Reply::rest_error(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message);
    }
    let name = fields.name.unwrap_or(group.name);
    let developer_name = fields.developer_name.or(group.developer_name);
    match visit.inner.store.rename_group(&group.id, &name, developer_name.as_deref(), visit.now) {
        Ok(changed) => Reply::empty(204).wrote(changed),
        Err(refusal) => Reply::rest_refusal(&refusal),
    }
}

fn delete_group(visit: &mut Visit<'_>, id: &str) -> Reply {
    let Some(id) = visit.inner.store.group(id).map(|group| group.id.clone()) else { return not_found() };
    match visit.inner.store.delete_group(&id) {
        Ok(true) => Reply::empty(204).wrote(true),
        Ok(false) => not_found(),
        Err(refusal) => Reply::rest_refusal(&refusal),
    }
}
