//! From a resource as the shadow has it to a resource as it is answered.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::provisioning::View;
use crate::scim::DELIVERY_SCHEMA;
use crate::scim::message::text::{self, Parts};
use crate::scim::message::{self, location};
use crate::scim::model::Meta;
use crate::scim::projection::Projection;
use crate::scim::schema::{Registry, ResourceType};
use crate::shadow::Kind;
use crate::shadow::member::Reference;

fn kind_type(registry: &Registry, kind: Kind) -> &ResourceType {
    match kind {
        Kind::User => &registry.user,
        Kind::Group => &registry.group,
    }
}

/// Adds `"name":"value"`.
fn push_member(json: &mut String, name: &str, value: &str) {
    json.push('"');
    json.push_str(name);
    json.push_str("\":");
    text::push_text(json, value);
}

/// `groups` of a user or `members` of a group. A group may have 100,000 of them: they are written as they come.
fn references(base: &str, registry: &Registry, of: Kind, list: &[Reference]) -> String {
    let mut json = String::with_capacity(list.len() * 200 + 2);
    json.push('[');
    for reference in list {
        json.push_str(if json.len() > 1 { ",{" } else { "{" });
        push_member(&mut json, "value", &reference.id);
        json.push(',');
        push_member(&mut json, "$ref", &location(base, kind_type(registry, reference.kind), &reference.id));
        if let Some(display) = &reference.display {
            json.push(',');
            push_member(&mut json, "display", display);
        }
        json.push(',');
        push_member(&mut json, "type", reference.type_in(of));
        json.push('}');
    }
    json.push(']');
    json
}

fn delivery(view: &View) -> Option<Value> {
    let (delivery, salesforce_id) = view.delivery.as_ref()?;
    let delivery = delivery.as_ref()?;
    let text = |time: DateTime<Utc>| json!(message::timestamp(time));
    let members = [
        ("state", Some(json!(delivery.state))),
        ("reason", delivery.reason.as_ref().map(|r| json!(r))),
        ("lastError", delivery.last_error.as_ref().map(|e| json!(e))),
        ("salesforceId", salesforce_id.as_ref().map(|id| json!(id))),
        ("attempts", Some(json!(delivery.attempts))),
        ("nextAttempt", delivery.due.map(text)),
        ("updated", Some(text(delivery.updated))),
    ];
    Some(members.into_iter().filter_map(|(name, value)| value.map(|v| (name.to_owned(), v))).collect())
}

/// Writes the answer for one resource. `base` is the SCIM base URL as the client sees it. `None` where the stored document
/// is not what the bridge writes.
pub(super) fn resource(
    out: &mut String,
    base: &str,
    registry: &Registry,
    view: &View,
    projection: &Projection,
) -> Option<()> {
    let stored = &view.stored;
    let resource_type = kind_type(registry, stored.kind);
    let mut beside = Vec::new();
    if let Some(list) = view.memberships.as_ref().filter(|list| !list.is_empty()) {
        let name = if stored.kind == Kind::User { "groups" } else { "members" };
        beside.push((name, references(base, registry, stored.kind, list)));
    }
    if let Some(delivery) = delivery(view) {
        beside.push((DELIVERY_SCHEMA, delivery.to_string()));
    }
    let location = location(base, resource_type, &stored.id);
    let meta = Meta::of(resource_type, stored.created, stored.modified, location, stored.version);
    let parts = Parts { id: &stored.id, document: &stored.document, beside, meta: meta.to_json() };
    let written = text::resource(out, resource_type, projection, &parts);
    if written.is_none() {
        tracing::error!(id = stored.id, "the stored document is no JSON object");
    }
    written
}
