//! `/sobjects/…`: single records.

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::schema::Object;
use super::soql::Catalogue as _;
use super::world::World;
use super::{Call, describe, render, write};
use crate::sandbox::org::Visit;
use crate::sandbox::wire::{Kind, Reply};

/// Answers a call below `/sobjects`.
pub(super) fn answer(visit: &mut Visit<'_>, call: &Call<'_>, segments: &[&str]) -> Reply {
    let method = call.request.method.as_str();
    if let ([], "GET") = (segments, method) {
        return describe::list(call).about("describe");
    }
    let Some((object, rest)) = segments.split_first().and_then(|(name, rest)| Some((Object::named(name)?, rest)))
    else {
        return Fault::not_found().reply();
    };
    match (rest, method) {
        (["describe"], "GET") => describe::object(visit, call, object).about("describe"),
        ([], "POST") => create(visit, call, object).unwrap_or_else(|fault| fault.reply()).about(create_kind(object)),
        ([id], "GET") => read(visit, call, object, id).unwrap_or_else(|fault| fault.reply()).about(read_kind(object)),
        ([id], "PATCH") => {
            let done = call.body().and_then(|body| write::update(visit, object, id, &body));
            let reply = done.map(|changed| Reply::empty(204).wrote(changed));
            reply.unwrap_or_else(|fault| fault.reply()).about(update_kind(object))
        }
        ([id], "DELETE") => {
            let reply = write::delete(visit, object, id).map(|()| Reply::empty(204).wrote(true));
            reply.unwrap_or_else(|fault| fault.reply()).about(delete_kind(object))
        }
        ([field, _], "PATCH" | "GET" | "DELETE" | "POST") => {
            let message = format!("Provided external ID field does not exist or is not accessible: {field}");
            Fault::new("NOT_FOUND", message).with_status(404).reply()
        }
        (_, method) => {
            let message = format!("HTTP Method '{method}' not allowed. Allowed are HEAD,GET,POST,PATCH,DELETE");
            Reply::rest_error(405, "METHOD_NOT_ALLOWED", &message)
        }
    }
}

fn create(visit: &mut Visit<'_>, call: &Call<'_>, object: &'static Object) -> Result<Reply, Fault> {
    let body = call.body()?;
    let id = write::insert(visit, object, &body)?;
    let location = format!("{}/sobjects/{}/{id}", call.base, object.name);
    let reply = Reply::json(201, &json!({"id": id, "success": true, "errors": []}));
    Ok(reply.with_header("Location", location).wrote(true))
}

/// All fields of a record, or those that `fields` lists.
fn read(visit: &Visit<'_>, call: &Call<'_>, object: &'static Object, id: &str) -> Result<Reply, Fault> {
    let world = World::of(visit);
    let row = world.record(object, id).ok_or_else(Fault::not_found)?;
    let store = &visit.inner.store;
    let fields = match call.request.parameter("fields") {
        None => object.fields(store),
        Some(names) => {
            let find = |name: &str| {
                object.field(store, name.trim()).ok_or_else(|| Fault::no_such_field(object.name, name.trim()))
            };
            names.split(',').map(find).collect::<Result<_, _>>()?
        }
    };
    let mut out = Map::new();
    out.insert("attributes".to_owned(), render::attributes(call.base, object.name, row.id()));
    out.insert("Id".to_owned(), json!(row.id()));
    for field in &fields {
        out.insert(field.name.to_string(), render::json_of(&world.datum(row, &field.slot)));
    }
    Ok(Reply::json(200, &Value::Object(out)))
}

fn create_kind(object: &Object) -> Kind {
    match object.name {
        "User" => "user_create_rest",
        "Group" => "group_create",
        "GroupMember" => "member_create",
        "PermissionSetAssignment" => "assignment_create",
        "PermissionSetLicenseAssign" => "psl_create",
        _ => "other",
    }
}

fn read_kind(object: &Object) -> Kind {
    match object.name {
        "User" => "user_read",
        "Group" => "group_read",
        _ => "record_read",
    }
}

fn update_kind(object: &Object) -> Kind {
    match object.name {
        "User" => "user_update_rest",
        "Group" => "group_update",
        "UserLogin" => "freeze",
        "PermissionSetAssignment" => "assignment_update",
        _ => "other",
    }
}

fn delete_kind(object: &Object) -> Kind {
    match object.name {
        "User" => "user_delete",
        "Group" => "group_delete",
        "GroupMember" => "member_delete",
        "PermissionSetAssignment" => "assignment_delete",
        "PermissionSetLicenseAssign" => "psl_delete",
        _ => "other",
    }
}
