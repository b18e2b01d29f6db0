//! Assembly of answers and reading of what list and search requests ask for.

mod query;
pub mod text;

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use super::model::{ListResponse, Meta};
use super::schema::ResourceType;
use super::{Attributes, LIST_MESSAGE};

pub(in crate::scim) use query::digits;
pub use query::{Limits, Page, Query};

/// A time as the protocol writes it: RFC 3339 in UTC with milliseconds, `2026-11-22T15:04:05.678Z` (RFC 7643 2.3.5).
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The entity tag of a version: weak, because the same version may be answered with other attributes (RFC 7644 3.14).
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The address of a resource. `base` is the address of the SCIM root, with or without a slash at its end.
pub fn location(base: &str, resource_type: &ResourceType, id: &str) -> String {
    format!("{}{}/{id}", base.trim_end_matches('/'), resource_type.endpoint)
}

impl Meta {
    /// What every stored resource says about itself (RFC 7643 3.1). `location` is its full address, see [`location`].
    pub fn of(
        resource_type: &ResourceType,
        created: DateTime<Utc>,
        last_modified: DateTime<Utc>,
        location: String,
        version: i64,
    ) -> Self {
        Self {
            resource_type: Some(resource_type.name.clone()),
            created: Some(created),
            last_modified: Some(last_modified),
            location: Some(location),
            version: Some(etag(version)),
        }
    }

    fn members(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        fn text(text: Option<&String>) -> Option<Cow<'_, str>> {
            text.map(|text| Cow::Borrowed(text.as_str()))
        }
        let time = |time: Option<DateTime<Utc>>| time.map(|time| Cow::Owned(timestamp(time)));
        let members = [
            ("resourceType", text(self.resource_type.as_ref())),
            ("created", time(self.created)),
            ("lastModified", time(self.last_modified)),
            ("location", text(self.location.as_ref())),
            ("version", text(self.version.as_ref())),
        ];
        members.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)))
    }

    fn to_value(&self) -> Value {
        self.members().map(|(name, text)| (name.to_owned(), Value::String(text.into_owned()))).collect()
    }

    /// The same as JSON, with times as [`timestamp`] writes them.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(256);
        for (name, text) in self.members() {
            json.push_str(if json.is_empty() { "{\"" } else { ",\"" });
            json.push_str(name);
            json.push_str("\":");
            text::push_text(&mut json, &text);
        }
        json.push_str(if json.is_empty() { "{}" } else { "}" });
        json
    }
}

/// A whole resource as it is answered: `schemas`, `id`, its attributes in their order, `meta`. An `id` or `meta` among
/// the attributes gives way. Which of them are answered is [`super::projection`]'s to say.
pub fn answer(resource_type: &ResourceType, id: &str, mut attributes: Attributes, meta: &Meta) -> Attributes {
    let schemas = attributes.shift_remove("schemas").unwrap_or_else(|| {
        let extensions =
            resource_type.extensions.iter().map(|e| &e.schema.id).filter(|id| attributes.contains_key(*id));
        std::iter::once(&resource_type.schema.id).chain(extensions).cloned().map(Value::String).collect()
    });
    let mut resource = Map::with_capacity(attributes.len() + 3);
    resource.insert("schemas".into(), schemas);
    resource.insert("id".into(), Value::String(id.to_owned()));
    resource.extend(attributes.into_iter().filter(|(name, _)| name != "id" && name != "meta"));
    resource.insert("meta".into(), meta.to_value());
    resource
}

/// How a page was asked for, which decides what its answer says of its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging<'c> {
    /// By index: the number of its first resource, from 1. It is echoed, also past the end (RFC 7644 3.4.2.4).
    Index(u64),
    /// By cursor: that of the next page, `None` on the last (RFC 9865 2).
    Cursor(Option<&'c str>),
}

/// A page of a list by index. `total` is the size of the whole list. `Resources` is there even when it is empty: some
/// clients read an answer without it as broken.
pub fn list<T>(total: u64, start_index: u64, resources: Vec<T>) -> ListResponse<T> {
    ListResponse {
        schemas: vec![LIST_MESSAGE.to_owned()],
        total_results: total,
        items_per_page: u64::try_from(resources.len()).unwrap_or(u64::MAX),
        start_index: Some(start_index),
        next_cursor: None,
        resources,
    }
}

/// The text of a page. Each resource is written by `each` to the end of it, so that a page of stored resources is not
/// parsed and written again.
///
/// # Errors
/// The first that `each` has.
pub fn list_text<T, E>(
    total: u64,
    paging: Paging<'_>,
    resources: &[T],
    mut each: impl FnMut(&mut String, &T) -> Result<(), E>,
) -> Result<String, E> {
    let mut out = String::with_capacity(256 + 1024 * resources.len());
    let count = resources.len();
    // Writing to a String does not fail.
    let _ = write!(out, "{{\"schemas\":[\"{LIST_MESSAGE}\"],\"totalResults\":{total},\"itemsPerPage\":{count},");
    match paging {
        Paging::Index(start) => drop(write!(out, "\"startIndex\":{start},")),
        Paging::Cursor(Some(next)) => {
            out.push_str("\"nextCursor\":");
            text::push_text(&mut out, next);
            out.push(',');
        }
        Paging::Cursor(None) => {}
    }
    out.push_str("\"Resources\":[");
    for (index, resource) in resources.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(&mut out, resource)?;
    }
    out.push_str("]}");
    Ok(out)
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
