//! `/Groups`: public groups; queues are listed, but cannot be had one by one.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use super::filter::{self, Held, Known};
use super::listing::{Asked, PAGE_MAX, Projection, envelope};
use super::render::{BASE, Site, meta};
use super::{CORE_GROUP, PATCH_OP, body};
use crate::sandbox::ids::{self, prefix};
use crate::sandbox::org::Visit;
use crate::sandbox::settings::OddPatch;
use crate::sandbox::store::refusal::Refusal;
use crate::sandbox::store::{Group, GroupKind};
use crate::sandbox::wire::{Reply, Request};

const ATTRIBUTES: &[&str] = &["id", "schemas", "displayName", "type", "members", "meta"];

/// What Salesforce adds to whatever went wrong in a change of members, guessing wrongly most of the time.
const GUESS: &str = " FIELD_INTEGRITY_EXCEPTIONs likely caused by attempted assignment to wrong User license.";

/// The group as it is answered, with `members` of its members from `skip` on.
fn render(site: Site<'_>, group: &Group, projection: &Projection, skip: usize, take: usize) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("schemas".to_owned(), json!([CORE_GROUP]));
    out.insert("id".to_owned(), json!(group.id));
    out.insert("displayName".to_owned(), json!(group.name));
    out.insert("type".to_owned(), json!(group.kind.name()));
    if projection.wants("members") {
        let member = |id: &String| {
            let (kind, path) = if id.starts_with(prefix::USER) { ("User", "Users") } else { ("Group", "Groups") };
            json!({"value": id, "type": kind, "$ref": format!("{}{BASE}/{path}/{id}", site.base_url)})
        };
        out.insert("members".to_owned(), group.members.keys().skip(skip).take(take).map(member).collect());
    }
    out.insert("meta".to_owned(), meta(site, "Group", &group.id, Some(group.created), group.modified));
    projection.apply(out)
}

/// `GET /Groups`. All groups of the page share 200 members, so that what is shown may be less than there is.
pub(super) fn search(visit: &Visit<'_>, request: &Request) -> Reply {
    list(visit, &Asked::of_query(request)).unwrap_or_else(|refused| refused)
}

fn list(visit: &Visit<'_>, asked: &Asked) -> Result<Reply, Reply> {
    let bad = |message: String| Reply::scim_error(400, message);
    let projection = asked.projection(ATTRIBUTES)?;
    let page = asked.page(PAGE_MAX, &visit.settings.switches).map_err(bad)?;
    let known = |name: &str| match name {
        "id" | "displayName" | "type" | "meta.created" | "meta.lastModified" => Known::Simple,
        "meta" => Known::Complex,
        "members" => Known::Membership,
        _ => Known::Unknown,
    };
    let filter = asked
        .filter
        .as_deref()
        .map(|text| filter::parse(text, &known, visit.settings.switches.apostrophe_breaks_filter))
        .transpose()
        .map_err(bad)?;
    let selected: Vec<&Group> = visit
        .inner
        .store
        .groups()
        .filter(|group| filter.as_ref().is_none_or(|filter| filter.matches(&|name| held(group, name))))
        .collect();
    let mut left = PAGE_MAX;
    let mut resources = Vec::new();
    for group in selected.iter().skip(page.skip).take(page.take) {
        resources.push(Value::Object(render(Site::of(visit), group, &projection, 0, left)));
        if visit.settings.switches.members_share_cap {
            left = left.saturating_sub(group.members.len());
        }
    }
    Ok(envelope(selected.len(), page, resources))
}

fn held(group: &Group, name: &str) -> Held {
    match name {
        "id" => Held::Id(group.id.clone()),
        "displayName" => Held::One(Some(group.name.clone())),
        "type" => Held::One(Some(group.kind.name().to_owned())),
        "meta.created" => Held::One(Some(group.created.to_rfc3339_opts(SecondsFormat::Secs, true))),
        "meta.lastModified" => Held::One(Some(group.modified.to_rfc3339_opts(SecondsFormat::Secs, true))),
        "members" => Held::Members(group.members.keys().cloned().collect()),
        _ => Held::One(None),
    }
}

/// The public group with the id.
fn regular<'a>(visit: &'a Visit<'_>, id: &str) -> Option<&'a Group> {
    visit.inner.store.group(id).filter(|group| group.kind == GroupKind::Regular)
}

fn not_found() -> Reply {
    Reply::scim_error(404, "No such resource.")
}

/// `GET /Groups/{id}`; `members.startIndex` and `members.count` page the members, 200 at most.
pub(super) fn read(visit: &Visit<'_>, request: &Request, id: &str) -> Reply {
    let projection = match Asked::of_query(request).projection(ATTRIBUTES) {
        Ok(projection) => projection,
        Err(reply) => return reply,
    };
    let (skip, take) = match member_page(request) {
        Ok(page) => page,
        Err(message) => return Reply::scim_error(400, message),
    };
    match regular(visit, id) {
        Some(group) => Reply::json(200, &Value::Object(render(Site::of(visit), group, &projection, skip, take))),
        None => not_found(),
    }
}

/// The part of the members asked for: how many to skip, how many to show.
pub(super) fn member_page(request: &Request) -> Result<(usize, usize), String> {
    let number = |name: &str, most: usize, text: &str| {
        let value = text.parse().ok().filter(|value| (1..=most).contains(value));
        value.ok_or_else(|| format!("Illegal {name} value : {text}"))
    };
    let take = match request.parameter("members.count") {
        Some(text) => number("count", PAGE_MAX, &text)?,
        None => PAGE_MAX,
    };
    let skip = match request.parameter("members.startIndex") {
        Some(text) => number("startIndex", 2001, &text)? - 1,
        None => 0,
    };
    Ok((skip, take))
}

/// `PATCH /Groups/{id}`: members only, and only as `{"members": […]}`.
pub(super) fn patch(visit: &mut Visit<'_>, request: &Request, id: &str) -> Reply {
    let Some(before) = regular(visit, id).cloned() else { return not_found() };
    let body = match body(request) {
        Ok(body) => body,
        Err(message) => return Reply::apex_error(&format!("System.JSONException: {message}")),
    };
    let array = visit.settings.switches.group_patch_array;
    let Some(operations) = operations(&body, array) else {
        if array == OddPatch::Refuse {
            return Reply::scim_error(400, "Improper Operations");
        }
        return Reply::apex_error(
            "System.JSONException: Malformed JSON: Expected '{' at the beginning of object of type GroupPatchParser.Value",
        );
    };
    let schema = body.get("schemas").and_then(|schemas| schemas.get(0)).and_then(Value::as_str);
    if schema != Some(PATCH_OP) {
        return Reply::scim_error(400, "Improper Schema.");
    }
    if let Err(reply) = apply(visit, &before.id, &operations) {
        visit.inner.store.restore_group(before);
        return reply;
    }
    match visit.inner.store.group(&before.id) {
        Some(group) => {
            let body = render(Site::of(visit), group, &Projection::All, 0, PAGE_MAX);
            Reply::json(200, &Value::Object(body)).wrote(!group.members.keys().eq(before.members.keys()))
        }
        None => not_found(),
    }
}

/// The operations and the members they name; `None` where a `value` is not an object, which Salesforce cannot read.
fn operations(body: &Map<String, Value>, array: OddPatch) -> Option<Vec<(String, Vec<String>)>> {
    let mut out = Vec::new();
    for operation in body.get("Operations").and_then(Value::as_array).into_iter().flatten() {
        let op = operation.get("op").and_then(Value::as_str).unwrap_or_default();
        let value = operation.get("value")?;
        let members = match value {
            Value::Array(_) if array == OddPatch::Honour => Some(value),
            Value::Array(_) if array == OddPatch::Ignore => continue,
            value => value.as_object()?.get("members"),
        };
        let members = match members {
            None | Some(Value::Null) => Vec::new(),
            Some(members) => {
                let member = |member: &Value| member.get("value").and_then(Value::as_str).map(ToOwned::to_owned);
                members.as_array()?.iter().map(member).collect::<Option<Vec<_>>>()?
            }
        };
        out.push((op.to_lowercase(), members));
    }
    Some(out)
}

fn apply(visit: &mut Visit<'_>, id: &str, operations: &[(String, Vec<String>)]) -> Result<(), Reply> {
    let store = &mut visit.inner.store;
    let failed = |verb: &str, refusal: &Refusal| {
        if refusal.code == "UNKNOWN_EXCEPTION" {
            return Reply::rest_refusal(refusal);
        }
        Reply::scim_error(500, format!("{}{GUESS}", refusal.as_exception(verb, None)))
    };
    for (op, members) in operations {
        match op.as_str() {
            "add" => {
                for member in members {
                    store.add_member(id, member).map_err(|refusal| failed("Insert", &refusal))?;
                }
            }
            "remove" => {
                for member in members {
                    if !store.remove_member(id, member).map_err(|refusal| failed("Delete", &refusal))? {
                        let message = format!("List has no rows for assignment to SObject{GUESS}");
                        return Err(Reply::scim_error(500, message));
                    }
                }
            }
            // Empties the group and never adds: a bug that clients have to know.
            "replace" => {
                let all: Vec<String> =
                    store.group(id).into_iter().flat_map(|group| group.members.keys().cloned()).collect();
                for member in all {
                    store.remove_member(id, &member).map_err(|refusal| failed("Delete", &refusal))?;
                }
            }
            _ => return Err(Reply::scim_error(400, "Improper Operations")),
        }
    }
    Ok(())
}

/// The name and the members of a whole group.
fn document(request: &Request) -> Result<(String, Vec<String>), Reply> {
    let body = body(request).map_err(|message| Reply::scim_error(500, message))?;
    let name = match body.get("displayName") {
        Some(Value::String(name)) => name.clone(),
        None | Some(Value::Null) => String::new(),
        Some(_) => {
            return Err(Reply::scim_error(
                500,
                "Expecting VALUE_STRING But Found START_OBJECT while parsing displayName",
            ));
        }
    };
    let members = body.get("members").and_then(Value::as_array).into_iter().flatten();
    let members = members.filter_map(|member| member.get("value").and_then(Value::as_str).map(ToOwned::to_owned));
    Ok((name, members.collect()))
}

fn refused(verb: &str, refusal: &Refusal) -> Reply {
    if refusal.code == "UNKNOWN_EXCEPTION" {
        return Reply::rest_refusal(refusal);
    }
    Reply::scim_error(500, refusal.as_exception(verb, None))
}

/// `POST /Groups`.
pub(super) fn create(visit: &mut Visit<'_>, request: &Request) -> Reply {
    let (name, members) = match document(request) {
        Ok(document) => document,
        Err(reply) => return reply,
    };
    let store = &mut visit.inner.store;
    let id = match store.insert_group(&name, None, GroupKind::Regular, visit.now) {
        Ok(id) => id,
        Err(refusal) => return refused("Insert", &refusal),
    };
    if let Err(refusal) = add_missing(visit, &id, &members) {
        let _gone = visit.inner.store.delete_group(&id);
        return refused("Insert", &refusal);
    }
    match visit.inner.store.group(&id) {
        Some(group) => {
            let body = render(Site::of(visit), group, &Projection::All, 0, PAGE_MAX);
            let location = format!("{}{BASE}/Groups/{id}", visit.base_url);
            Reply::json(201, &Value::Object(body)).with_header("Location", location).wrote(true)
        }
        None => not_found(),
    }
}

fn add_missing(visit: &mut Visit<'_>, id: &str, members: &[String]) -> Result<(), Refusal> {
    let store = &mut visit.inner.store;
    for member in members {
        let known = ids::canonical(member)
            .is_some_and(|member| store.group(id).is_some_and(|group| group.members.contains_key(&member)));
        if !known {
            store.add_member(id, member)?;
        }
    }
    Ok(())
}

/// `PUT /Groups/{id}`: another name, other members, and an empty answer.
pub(super) fn replace(visit: &mut Visit<'_>, request: &Request, id: &str) -> Reply {
    let Some(before) = regular(visit, id).cloned() else {
        return Reply::scim_error(500, format!("Group {id} not found"));
    };
    let (name, members) = match document(request) {
        Ok(document) => document,
        Err(reply) => return reply,
    };
    let store = &mut visit.inner.store;
    store.restore_group(Group { members: std::collections::BTreeMap::new(), ..before.clone() });
    let written = store
        .rename_group(&before.id, &name, before.developer_name.as_deref(), visit.now)
        .and_then(|_| add_missing(visit, &before.id, &members));
    match written {
        Ok(()) => {
            let changed = visit
                .inner
                .store
                .group(&before.id)
                .is_some_and(|group| !group.members.keys().eq(before.members.keys()) || group.name != before.name);
            Reply::empty(200).wrote(changed)
        }
        Err(refusal) => {
            visit.inner.store.restore_group(before);
            refused("Update", &refusal)
        }
    }
}

/// `DELETE /Groups/{id}`.
pub(super) fn delete(visit: &mut Visit<'_>, id: &str) -> Reply {
    let Some(id) = regular(visit, id).map(|group| group.id.clone()) else { return not_found() };
    match visit.inner.store.delete_group(&id) {
        Ok(true) => Reply::empty(204).wrote(true),
        Ok(false) => not_found(),
        Err(refusal) => refused("Delete", &refusal),
    }
}
