//! The changes, inside one transaction each.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::db::{self, Conn};
use crate::delivery::{Refused, State, outbox};
use crate::scim::path::AttributePath;
use crate::scim::precondition::Precondition;
use crate::scim::schema::{Resolved, ResourceType};
use crate::scim::{self, Attributes};
use crate::shadow::member::{self, Reference};
use crate::shadow::{self, Kind, Snapshot, Stored, insert, link, save};

use super::follows::Terms;
use super::view::{self, Reads, View};
use super::{Error, group, regroup};

/// Turns a taken name into the answer that says so (RFC 7644 3.3: 409 `uniqueness`).
fn named(error: db::Error, resource: &Stored) -> Error {
    let (attribute, value) = match resource.kind {
        Kind::User => ("userName", resource.text("userName")),
        Kind::Group => ("displayName", resource.text("displayName")),
    };
    match error {
        db::Error::Unique(_) => scim::Error::uniqueness(format!(
            "{attribute} \"{}\" belongs to another {}",
            value.unwrap_or_default(),
            resource.kind.as_str().to_lowercase()
        ))
        .into(),
        other => other.into(),
    }
}

/// Refuses what no index takes (400 `invalidValue`).
fn fits(resource: &Stored) -> Result<(), Error> {
    match shadow::too_long(resource) {
        None => Ok(()),
        Some(name) => {
            let most = shadow::LONGEST;
            Err(scim::Error::invalid_value(format!("{name}: must not be longer than {most} bytes")).into())
        }
    }
}

/// A resource that is to be stored, and its members.
pub(super) type Draft = (Stored, Vec<String>);

/// Stores a new resource and its delivery.
pub(super) fn create(conn: &mut Conn, (stored, members): &Draft, terms: &Terms<'_>) -> Result<View, Error> {
    begin(conn, stored)?;
    let view = complete(conn, stored, members, terms)?;
    if terms.insists {
        outbox::unheard(conn, &stored.id, true)?;
    }
    Ok(view)
}

/// Stores a new resource without its members, which may be new as well.
pub(super) fn begin(conn: &mut Conn, stored: &Stored) -> Result<(), Error> {
    fits(stored)?;
    insert(conn, stored).map_err(|e| named(e, stored))
}

/// Stores the members of a new resource, and its delivery.
pub(super) fn complete(conn: &mut Conn, stored: &Stored, members: &[String], terms: &Terms<'_>) -> Result<View, Error> {
    let mut memberships: Vec<Reference> = Vec::new();
    if !members.is_empty() {
        let known = group::known(conn, stored, members)?;
        let new = member::add(conn, &stored.id, &known)?;
        regroup::changed(conn, terms.grouping, (None, Some(stored)), new, stored.created)?;
        memberships = member::of_group(conn, &stored.id)?;
    }
    outbox::enqueue_stored(conn, stored, stored.created)?;
    let delivery = outbox::of(conn, std::slice::from_ref(&stored.id))?.remove(&stored.id);
    let stored = Snapshot::of(stored.clone())?;
    Ok(View { stored, memberships: Some(memberships), delivery: Some((delivery, None)) })
}

/// The live resource of the same name that Salesforce refused when it was to be made, if there is one: whoever asked for it
/// knows nothing but the refusal. It is kept from every other change.
pub(super) fn refused_before(conn: &mut Conn, stored: &Stored) -> Result<Option<String>, Error> {
    let name = stored.text(stored.kind.key_attribute()).unwrap_or_default();
    let Some(id) = shadow::named(conn, &stored.tenant, stored.kind, name)? else { return Ok(None) };
    let Some(before) = shadow::lock(conn, &stored.tenant, stored.kind, &id)? else { return Ok(None) };
    Ok(came_to_nothing(conn, &before)?.then_some(id))
}

/// Whether a resource is one that Salesforce refused, whose maker never heard anything else, and of which nothing came: no
/// account, no membership. Nobody would miss it.
pub(super) fn came_to_nothing(conn: &mut Conn, stored: &Stored) -> Result<bool, db::Error> {
    let delivery = outbox::of(conn, std::slice::from_ref(&stored.id))?.remove(&stored.id);
    Ok(delivery.is_some_and(|delivery| delivery.state == State::Rejected && delivery.unheard)
        && link::find(conn, &stored.id)?.is_none()
        && member::group_ids_of(conn, &stored.id)?.is_empty())
}

/// Whether Salesforce refuses what a resource is to be. What a person gave up was not refused.
fn is_refused(conn: &mut Conn, id: &str) -> Result<bool, Error> {
    let delivery = outbox::of(conn, &[id.to_owned()])?.remove(id);
    let is_refused =
        |delivery: &outbox::Delivery| delivery.state == State::Rejected && delivery.refused != Some(Refused::Discarded);
    Ok(delivery.as_ref().is_some_and(is_refused))
}

/// Makes the resource `id` what is asked for now, which was asked for before and refused.
pub(super) fn anew(conn: &mut Conn, id: &str, (new, members): &Draft, terms: &Terms<'_>) -> Result<View, Error> {
    let (stored, _) = change(conn, (&new.tenant, new.kind, id), &Precondition::default(), terms, |conn, current| {
        current.document.clone_from(&new.document);
        match new.kind {
            Kind::Group => group::replace(conn, current, members),
            Kind::User => Ok(Vec::new()),
        }
    })?;
    Ok(view::view(conn, Snapshot::of(stored)?, Reads { memberships: true, delivery: true })?)
}

/// Changes a resource that meets the precondition by `change`, which edits it and answers whose memberships changed.
/// Nothing is written where nothing differs: version and time stay (RFC 7644 3.5.2.1), and Salesforce is not called.
/// Answers whether anything did.
pub(super) fn change(
    conn: &mut Conn,
    (tenant, kind, id): (&str, Kind, &str),
    when: &Precondition,
    terms: &Terms<'_>,
    change: impl FnOnce(&mut Conn, &mut Stored) -> Result<Vec<String>, Error>,
) -> Result<(Stored, bool), Error> {
    let before = shadow::lock(conn, tenant, kind, id)?.ok_or_else(|| scim::Error::not_found(kind.as_str(), id))?;
    when.check_change(before.version)?;
    let mut after = before.clone();
    let memberships = change(conn, &mut after)?;
    if memberships.is_empty() && after.document == before.document {
        let again = terms.insists && is_refused(conn, id)?;
        if again {
            outbox::enqueue_stored(conn, &before, terms.now)?;
        }
        return Ok((before, again));
    }
    fits(&after)?;
    after.version += 1;
    // A clock that was set back must not make a change look older than what it changed.
    after.modified = terms.now.max(before.modified);
    save(conn, &after).map_err(|e| named(e, &after))?;
    // People before their groups, as a user's delivery locks them: two that wait for each other would both be slow. And
    // before the people the groups above, whose own changes hold them first.
    if kind == Kind::Group {
        let above = regroup::hold_above(conn, terms.grouping, (&after.id, &memberships))?;
        regroup::changed(conn, terms.grouping, (Some(&before), Some(&after)), memberships, terms.now)?;
        regroup::enqueue(conn, &after.tenant, &above, terms.now)?;
    }
    outbox::enqueue_stored(conn, &after, terms.now)?;
    Ok((after, true))
}

/// Makes a tombstone, takes the resource out of its groups and enqueues all that this touches.
pub(super) fn delete(
    conn: &mut Conn,
    (tenant, kind, id): (&str, Kind, &str),
    when: &Precondition,
    terms: &Terms<'_>,
) -> Result<(), Error> {
    let stored = shadow::lock(conn, tenant, kind, id)?.ok_or_else(|| scim::Error::not_found(kind.as_str(), id))?;
    when.check_change(stored.version)?;
    let mut above = BTreeSet::new();
    for group in member::group_ids_of(conn, id)? {
        shadow::guard(conn, &group)?;
        above.extend(regroup::hold_above(conn, terms.grouping, (&group, std::slice::from_ref(&stored.id)))?);
    }
    let touched = member::leave_all(conn, id)?;
    if kind == Kind::Group {
        let gone = member::clear(conn, id)?;
        // People before their groups, as above.
        regroup::changed(conn, terms.grouping, (Some(&stored), None), gone, terms.now)?;
    }
    for touched in touched {
        touch(conn, tenant, &touched, terms.now)?;
    }
    regroup::enqueue(conn, tenant, &above, terms.now)?;
    shadow::bury(conn, &stored, terms.now)?;
    outbox::enqueue_stored(conn, &Stored { deleted: Some(terms.now), ..stored }, terms.now)?;
    Ok(())
}

/// Raises the version of a group whose members changed, and enqueues it.
fn touch(conn: &mut Conn, tenant: &str, group: &str, now: DateTime<Utc>) -> Result<(), Error> {
    if let Some(mut stored) = shadow::lock(conn, tenant, Kind::Group, group)? {
        stored.version += 1;
        stored.modified = now.max(stored.modified);
        save(conn, &stored)?;
        outbox::enqueue(conn, tenant, Kind::Group, group, now)?;
    }
    Ok(())
}

/// Which of two attributes a PUT body does not speak about. What a PUT leaves out may be cleared (RFC 7644 3.5.1), and
/// is, but for these, whose silent loss does harm that no IdP means: without `active` a disabled person would be back,
/// and without `externalId` the account would lose the federation id by which people log in. `null` clears them. They
/// are spoken of by every name that the dialect reads: with the core schema's URN, or inside an object under it.
pub(super) fn silent_on(resource_type: &ResourceType, body: &Value) -> Vec<&'static str> {
    let is_core = |key: &str| key.eq_ignore_ascii_case(&resource_type.schema.id);
    let named: Vec<Resolved<'_>> = body
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(key, value)| match value {
            Value::Object(members) if is_core(key) => members.keys().collect(),
            _ => vec![key],
        })
        .filter_map(|key| resource_type.resolve(&AttributePath::parse(resource_type, key).ok()?))
        .collect();
    let said = |name: &str| named.iter().any(|it| it.extension.is_none() && it.attribute.name == name);
    ["active", "externalId"].into_iter().filter(|name| !said(name)).collect()
}

/// Keeps the current values of these attributes, but for those that have a new one after all.
pub(super) fn keep(silent: &[&str], current: &Attributes, mut new: Attributes) -> Attributes {
    for name in silent {
        if let (Some(value), false) = (current.get(*name), new.contains_key(*name)) {
            new.insert((*name).to_owned(), value.clone());
        }
    }
    new
}
