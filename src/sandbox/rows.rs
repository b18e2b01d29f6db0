//! Which groups and roles calls write while they last, so that two that write the same one at once can be told.
//!
//! Salesforce locks the rows that a change of a group's members or of somebody's role recalculates sharing for, and refuses
//! whoever waits too long for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::ids;
use super::store::Store;
use super::wire::Request;

/// The groups and roles that calls under way write, and how many calls.
#[derive(Debug, Default)]
pub(super) struct Rows(Mutex<BTreeMap<String, usize>>);

/// A call under way. Its end is that it is dropped.
#[derive(Debug)]
pub struct UnderWay<'a> {
    rows: &'a Rows,
    written: BTreeSet<String>,
    /// Those that another call was writing when this one came.
    pub(super) in_use: BTreeSet<String>,
}

impl Rows {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, usize>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a call that writes these.
    pub(super) fn enter(&self, written: BTreeSet<String>) -> UnderWay<'_> {
        let in_use = self.with(|rows| {
            let in_use = written.iter().filter(|id| rows.contains_key(*id)).cloned().collect();
            for id in &written {
                *rows.entry(id.clone()).or_default() += 1;
            }
            in_use
        });
        UnderWay { rows: self, written, in_use }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.rows.with(|rows| {
            for id in &self.written {
                match rows.get_mut(id) {
                    Some(calls) if *calls > 1 => *calls -= 1,
                    _ => drop(rows.remove(id)),
                }
            }
        });
    }
}

/// The groups and roles that a call is about to write, whichever interface it comes through.
pub(super) fn written(request: &Request, store: &Store) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["services", "data", _, "composite"] = segments.as_slice() {
        for part in body.get("compositeRequest").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default();
            let segments: Vec<&str> = text("url").split('/').filter(|segment| !segment.is_empty()).collect();
            one(text("method"), &segments, part.get("body").unwrap_or(&Value::Null), store, &mut found);
        }
    } else {
        one(&request.method, &segments, &body, store, &mut found);
    }
    found
}

fn one(method: &str, segments: &[&str], body: &Value, store: &Store, found: &mut BTreeSet<String>) {
    if method.eq_ignore_ascii_case("GET") {
        return;
    }
    let mut note = |id: Option<&str>| found.extend(id.and_then(ids::canonical));
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    match segments {
        ["services", "scim", "v2", "Groups", id] | ["services", "data", _, "sobjects", "Group", id] => note(Some(id)),
        ["services", "scim", "v2", "Users", ..] => references(body, &mut note),
        ["services", "data", _, "sobjects", "User", ..] => note(text("UserRoleId")),
        ["services", "data", _, "sobjects", "GroupMember"] => note(text("GroupId")),
        ["services", "data", _, "sobjects", "GroupMember", id] => {
            note(store.group_member(id).map(|member| member.group).as_deref());
        }
        _ => {}
    }
}

/// The groups and roles that a user's document, or the operations of a PATCH, name.
fn references(value: &Value, note: &mut impl FnMut(Option<&str>)) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                if matches!(name.as_str(), "groups" | "roles") {
                    for one in inner.as_array().into_iter().flatten() {
                        note(one.get("value").and_then(Value::as_str));
                    }
                } else {
                    references(inner, note);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, note)),
        _ => {}
    }
}
