//! `/services/scim/v2`: the SCIM that Salesforce speaks, with its own forms, answers and refusals.

mod discovery;
mod entitlements;
mod filter;
mod groups;
mod input;
mod listing;
mod patch;
mod render;
mod users;

use serde_json::Value;

use super::org::Visit;
use super::store::refusal::Refusal;
use super::wire::{Reply, Request};

/// The core user schema.
const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The core group schema.
const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension.
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Salesforce's own extension, as it is answered; 2.0 is accepted too.
const SALESFORCE: &str = "urn:salesforce:schemas:extension:1.0";
/// What the names of Salesforce's extensions begin with: its own, and the org's custom fields.
const EXTENSION: &str = "urn:salesforce:schemas:extension:";
/// The envelope of lists.
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The envelope of patches.
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Answers a call below `/services/scim/v2`.
pub(super) fn answer(visit: &mut Visit<'_>, request: &Request, segments: &[&str]) -> Reply {
    let method = match (request.method.as_str(), &request.method_override, segments) {
        ("POST", Some(method), [_, _]) => method.as_str(),
        (method, ..) => method,
    };
    match (segments, method) {
        (["ServiceProviderConfigs"], "GET") => discovery::config(visit).about("discovery"),
        (["ServiceProviderConfig"], "GET") if visit.settings.switches.singular_config => {
            discovery::config(visit).about("discovery")
        }
        (["Schemas"], "GET") => discovery::schemas(visit, None).about("discovery"),
        (["Schemas", name], "GET") => discovery::schemas(visit, Some(name)).about("discovery"),
        (["ResourceTypes"], "GET") => discovery::resource_types(visit, None).about("discovery"),
        (["ResourceTypes", name], "GET") => discovery::resource_types(visit, Some(name)).about("discovery"),
        (["Me"], "GET") if visit.settings.switches.me => {
            users::read(visit, request, &visit.caller.clone()).about("user_read")
        }
        (["Users"], "GET") => users::search(visit, request).about("user_search"),
        (["Users"], "POST") => users::create(visit, request).about("user_create"),
        (["Users", ".search"], "POST") if visit.settings.switches.search => {
            users::search_by_post(visit, request).about("user_search")
        }
        (["Users", id], "GET") => users::read(visit, request, id).about("user_read"),
        (["Users", id], "PATCH") => patch::patch(visit, request, id).about("user_update_scim"),
        (["Users", id], "PUT") => users::replace(visit, request, id).about("user_replace"),
        (["Users", id], "DELETE") => users::delete(visit, id).about("user_delete"),
        (["Groups"], "GET") => groups::search(visit, request).about("group_search"),
        (["Groups", id], "GET") => groups::read(visit, request, id).about("group_read"),
        (["Groups", id], "PATCH") => groups::patch(visit, request, id).about("group_members"),
        (["Groups"], "POST") if visit.settings.switches.group_writes => {
            groups::create(visit, request).about("group_create")
        }
        (["Groups", id], "PUT") if visit.settings.switches.group_writes => {
            groups::replace(visit, request, id).about("group_update")
        }
        (["Groups", id], "DELETE") if visit.settings.switches.group_writes => {
            groups::delete(visit, id).about("group_delete")
        }
        (["Entitlements"], "GET") => entitlements::search(visit, request).about("entitlement_read"),
        (["Entitlements", id], "GET") => entitlements::read(visit, request, id).about("entitlement_read"),
        (["Roles"], "GET") => entitlements::search_roles(visit, request).about("role_read"),
        (["Roles", id], "GET") => entitlements::read_role(visit, request, id).about("role_read"),
        (["Entitlements" | "Roles", ..], _) => Reply::scim_error(501, "Method not supported"),
        (["Users" | "Groups" | "Me" | "Schemas" | "ResourceTypes" | "ServiceProviderConfigs", ..], method) => {
            Reply::rest_error(405, "METHOD_NOT_ALLOWED", &format!("HTTP Method '{method}' not allowed"))
        }
        _ => Reply::rest_error(404, "NOT_FOUND", "The requested resource does not exist"),
    }
}

/// The body as a JSON object; the error is the text of the exception that Salesforce's parser throws.
fn body(request: &Request) -> Result<serde_json::Map<String, Value>, String> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("Malformed JSON: Expected '{' at the beginning of object".to_owned()),
        Err(error) => Err(format!("Unexpected character at input location [{}:{}]", error.line(), error.column())),
    }
}

/// A write of a user that the database refused, where Salesforce catches the exception: 409, whatever the reason.
fn conflict(refusal: &Refusal, verb: &str, id: Option<&str>) -> Reply {
    if refusal.code == "UNKNOWN_EXCEPTION" {
        return Reply::rest_refusal(refusal);
    }
    Reply::scim_error(409, refusal.as_exception(verb, id))
}
