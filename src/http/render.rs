//! From a resource as the shadow has it to a resource as it is answered.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::provisioning::View;
use crate::scim::message::{self, answer, location};
use crate::scim::model::Meta;
use crate::scim::projection::Projection;
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::{Attributes, DELIVERY_SCHEMA};
use crate::shadow::Kind;
use crate::shadow::member::Reference;

fn kind_type(registry: &Registry, kind: Kind) -> &ResourceType {
    match kind {
        Kind::User => &registry.user,
        Kind::Group => &registry.group,
    }
}

fn reference(base: &str, registry: &Registry, of: Kind, reference: &Reference) -> Value {
    let mut value = Map::new();
    value.insert("value".into(), json!(reference.id));
    value.insert("$ref".into(), json!(location(base, kind_type(registry, reference.kind), &reference.id)));
    if let Some(display) = &reference.display {
        value.insert("display".into(), json!(display));
    }
    // RFC 7643 4.1.2: a user's groups are direct or indirect; 4.2: a group's members are users or groups.
    let kind = if of == Kind::User { "direct" } else { reference.kind.as_str() };
    value.insert("type".into(), json!(kind));
    Value::Object(value)
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

/// The answer for one resource. `base` is the SCIM base URL as the client sees it.
pub(super) fn resource(
    base: &str,
    registry: &Registry,
    resource_type: &ResourceType,
    view: View,
    projection: &Projection,
) -> Attributes {
    let kind = view.stored.kind;
    let delivery = delivery(&view);
    let stored = view.stored;
    let meta = Meta::of(
        resource_type,
        stored.created,
        stored.modified,
        location(base, resource_type, &stored.id),
        stored.version,
    );
    let mut document = stored.document;
    if let Some(list) = view.memberships.filter(|list| !list.is_empty()) {
        let name = if kind == Kind::User { "groups" } else { "members" };
        document.insert(name.into(), list.iter().map(|r| reference(base, registry, kind, r)).collect());
    }
    if let Some(delivery) = delivery {
        document.insert(DELIVERY_SCHEMA.into(), delivery);
    }
    projection.apply(resource_type, answer(resource_type, &stored.id, document, &meta))
}
