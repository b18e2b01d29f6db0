//! `/Entitlements`: profiles and permission sets; `/Roles`. Both are read-only.

use serde_json::{Map, Value, json};

use super::filter::{self, Held, Known};
use super::groups::member_page;
use super::listing::{Asked, PAGE_MAX, Projection, envelope};
use super::render::{BASE, Site, meta};
use crate::sandbox::ids;
use crate::sandbox::org::Visit;
use crate::sandbox::store::User;
use crate::sandbox::store::field::Field;
use crate::sandbox::wire::{Reply, Request};

const ENTITLEMENT: &str = "urn:salesforce:schemas:extension:1.0:Entitlement";
const ROLE: &str = "urn:salesforce:schemas:extension:1.0:Role";
const ATTRIBUTES: &[&str] = &["id", "schemas", "displayName", "type", "members", "meta"];

/// Something that users hold: a profile, a permission set, a role.
#[derive(Clone)]
struct Thing {
    id: String,
    name: String,
    kind: &'static str,
}

/// Profiles first, then the permission sets that no profile owns.
fn entitlements(visit: &Visit<'_>) -> Vec<Thing> {
    let store = &visit.inner.store;
    let profiles = store.profiles.iter().map(|(id, profile)| Thing {
        id: id.clone(),
        name: profile.name.clone(),
        kind: "Profile",
    });
    let sets = store.permission_sets.iter().filter(|(_, set)| !set.owned_by_profile).map(|(id, set)| Thing {
        id: id.clone(),
        name: set.name.clone(),
        kind: "Permission Set",
    });
    profiles.chain(sets).collect()
}

fn roles(visit: &Visit<'_>) -> Vec<Thing> {
    visit
        .inner
        .store
        .roles
        .iter()
        .map(|(id, role)| Thing { id: id.clone(), name: role.name.clone(), kind: "" })
        .collect()
}

/// `GET /Entitlements`. Nothing found is answered by nothing at all: a 200 without a body.
pub(super) fn search(visit: &Visit<'_>, request: &Request) -> Reply {
    match list(visit, request, entitlements(visit)) {
        Ok(reply) if reply.value().get("totalResults") == Some(&json!(0)) => Reply::empty(200),
        Ok(reply) | Err(reply) => reply,
    }
}

/// `GET /Entitlements/{id}`.
pub(super) fn read(visit: &Visit<'_>, request: &Request, id: &str) -> Reply {
    one(visit, request, id, &entitlements(visit))
}

/// `GET /Roles`.
pub(super) fn search_roles(visit: &Visit<'_>, request: &Request) -> Reply {
    list(visit, request, roles(visit)).unwrap_or_else(|refused| refused)
}

/// `GET /Roles/{id}`.
pub(super) fn read_role(visit: &Visit<'_>, request: &Request, id: &str) -> Reply {
    one(visit, request, id, &roles(visit))
}

/// The active users that hold a thing.
fn holders<'a>(visit: &'a Visit<'_>, thing: &'a Thing) -> impl Iterator<Item = &'a User> {
    visit.inner.store.users().filter(move |user| {
        user.active
            && match thing.kind {
                "Profile" => user.get(Field::ProfileId) == Some(thing.id.as_str()),
                "Permission Set" => visit.inner.store.entitlement_sets(user).any(|id| *id == thing.id),
                _ => user.get(Field::UserRoleId) == Some(thing.id.as_str()),
            }
    })
}

fn render(visit: &Visit<'_>, thing: &Thing, projection: &Projection, skip: usize, take: usize) -> Map<String, Value> {
    let is_role = thing.kind.is_empty();
    let mut out = Map::new();
    out.insert("schemas".to_owned(), json!([if is_role { ROLE } else { ENTITLEMENT }]));
    out.insert("id".to_owned(), json!(thing.id));
    out.insert("displayName".to_owned(), json!(thing.name));
    if !is_role {
        out.insert("type".to_owned(), json!(thing.kind));
    }
    if projection.wants("members") {
        let member = |user: &User| {
            let location = format!("{}{BASE}/Users/{}", visit.base_url, user.id);
            json!({"value": user.id, "display": user.name(), "$ref": location})
        };
        out.insert("members".to_owned(), holders(visit, thing).skip(skip).take(take).map(member).collect());
    }
    let kind = if is_role { "Role" } else { "Entitlement" };
    out.insert("meta".to_owned(), meta(Site::of(visit), kind, &thing.id, None, visit.inner.store.founded));
    projection.apply(out)
}

fn one(visit: &Visit<'_>, request: &Request, id: &str, things: &[Thing]) -> Reply {
    let projection = match Asked::of_query(request).projection(ATTRIBUTES) {
        Ok(projection) => projection,
        Err(reply) => return reply,
    };
    let (skip, take) = match member_page(request) {
        Ok(page) => page,
        Err(message) => return Reply::scim_error(400, message),
    };
    let id = ids::canonical(id);
    match things.iter().find(|thing| Some(&thing.id) == id.as_ref()) {
        Some(thing) => Reply::json(200, &Value::Object(render(visit, thing, &projection, skip, take))),
        None => Reply::scim_error(404, "No such resource"),
    }
}

fn list(visit: &Visit<'_>, request: &Request, things: Vec<Thing>) -> Result<Reply, Reply> {
    let bad = |message: String| Reply::scim_error(400, message);
    let asked = Asked::of_query(request);
    let projection = asked.projection(ATTRIBUTES)?;
    let page = asked.page(PAGE_MAX, &visit.settings.switches).map_err(bad)?;
    let known = |name: &str| match name {
        "id" | "displayName" | "type" => Known::Simple,
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
    let selected: Vec<Thing> = things
        .into_iter()
        .filter(|thing| {
            filter.as_ref().is_none_or(|filter| {
                filter.matches(&|name| match name {
                    "id" => Held::Id(thing.id.clone()),
                    "displayName" => Held::One(Some(thing.name.clone())),
                    "type" => Held::One(Some(thing.kind.to_owned())),
                    _ => Held::Members(holders(visit, thing).map(|user| user.id.clone()).collect()),
                })
            })
        })
        .collect();
    // 200 members for all profiles of the page together, and 200 for all permission sets.
    let mut left: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    let mut resources = Vec::new();
    for thing in selected.iter().skip(page.skip).take(page.take) {
        let left = left.entry(thing.kind).or_insert(PAGE_MAX);
        let resource = render(visit, thing, &projection, 0, *left);
        if visit.settings.switches.members_share_cap {
            let shown = resource.get("members").and_then(Value::as_array).map_or(0, Vec::len);
            *left = left.saturating_sub(shown);
        }
        resources.push(Value::Object(resource));
    }
    Ok(envelope(selected.len(), page, resources))
}
