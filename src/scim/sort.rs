//! The order of a list (RFC 7644 3.4.2.3): `sortBy` and `sortOrder`.
//!
//! - Texts compare folded where the attribute is not `caseExact`, dates as time, numbers as numbers, booleans with
//!   `false` first.
//! - Of a multi-valued attribute the primary value counts, else the first.
//! - A resource without a value comes last in ascending order and first in descending order.
//! - Equal values keep one order, so that pages neither repeat nor skip: see [`Place`].

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fold::fold;
use super::matcher::{integer, time};
use super::model::SortOrder;
use super::path::{self, AttributePath};
use super::schema::{Attribute, DataType, Resolved, ResourceType, Returned};
use super::{Attributes, Error, Strictness, document};

/// Bytes of a text by which it is sorted, folded. A key travels in cursors and is held in memory while a list is put in
/// order; names by which resources are unique are never longer.
pub const LONGEST_KEY: usize = 2048;

/// What a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    path: AttributePath,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// The value by which one resource is sorted. Values of different types, which one attribute of two resource types may
/// have, are ordered by type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// `false`, then `true`.
    #[serde(rename = "b")]
    Boolean(bool),
    /// A number.
    #[serde(rename = "n")]
    Number(Numeric),
    /// Microseconds since 1970.
    #[serde(rename = "t")]
    Time(i64),
    /// A text, folded where its attribute is, of at most [`LONGEST_KEY`] bytes.
    #[serde(rename = "s")]
    Text(String),
    /// No value.
    #[serde(rename = "-")]
    Missing,
}

/// A number in an order that is total: as a float, and where two integers round to the same one, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numeric {
    /// Bits of the nearest float.
    bits: u64,
    /// The number itself where it is an integer.
    exact: i128,
}

impl Numeric {
    fn of(number: &serde_json::Number) -> Option<Self> {
        // Minus zero is zero.
        let bits = (number.as_f64()? + 0.0).to_bits();
        Some(Self { bits, exact: integer(number).unwrap_or(0) })
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        f64::from_bits(self.bits).total_cmp(&f64::from_bits(other.bits)).then(self.exact.cmp(&other.exact))
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a resource stands in a list: by its key, then by the number of its resource type in the query, then by its id.
/// No two resources stand in the same place, and a resource that does not change keeps its place whatever becomes of
/// others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What it is sorted by; [`Key::Missing`] in a list without `sortBy`.
    pub key: Key,
    /// Number of its resource type among those that are asked.
    pub part: u8,
    /// Its id.
    pub id: String,
}

impl Place {
    /// The order of two places. Only the key is turned round by `descending`.
    pub fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let keys = self.key.cmp(&other.key);
        let keys = if descending { keys.reverse() } else { keys };
        keys.then_with(|| self.part.cmp(&other.part)).then_with(|| self.id.cmp(&other.id))
    }
}

impl Sort {
    /// Reads `sortBy` for lists of these resource types. A complex attribute means its `value` (`emails`, `manager`). An
    /// attribute that none of the types has, or that is never answered (a password), gives no order: RFC 7644 does not
    /// say what to do with it, and a list in some order is of more use than a refusal.
    ///
    /// # Errors
    /// `invalidPath` for what is no attribute path, and for a complex attribute without `value`; for a strict client, for
    /// an unknown attribute too.
    pub fn parse(types: &[&ResourceType], by: &str, order: SortOrder, strictness: Strictness) -> Result<Self, Error> {
        let (mut path, mut known) = (None, false);
        for resource_type in types {
            let parsed = AttributePath::parse(resource_type, by.trim())
                .map_err(|error| Error::invalid_path(format!("sortBy: {}", error.detail)))?;
            if let Some(target) = path::find(resource_type, &parsed) {
                let leaf = leaf(&target).ok_or_else(|| {
                    let name = target.canonical_key();
                    Error::invalid_path(format!("sortBy: {name} is complex, name one of its sub-attributes"))
                })?;
                known |= is_told(&target, leaf);
            }
            path.get_or_insert(parsed);
        }
        match path {
            Some(path) if known || strictness.is_lenient() => {
                Ok(Self { path, descending: order == SortOrder::Descending })
            }
            _ => Err(Error::invalid_path(format!("sortBy: there is no attribute {}", by.trim()))),
        }
    }

    /// The attribute by which resources of a type are sorted, as [`Resolved::canonical_key`] with `.value` where that is
    /// meant; `None` where the type has no such attribute.
    pub fn attribute(&self, resource_type: &ResourceType) -> Option<String> {
        let target = path::find(resource_type, &self.path)?;
        let leaf = leaf(&target).filter(|leaf| is_told(&target, leaf))?;
        let key = target.canonical_key();
        Some(if std::ptr::eq(leaf, target.leaf()) { key } else { format!("{key}.{}", leaf.name) })
    }

    /// Name of the attribute, without schema and sub-attribute, as the client wrote it.
    pub fn name(&self) -> &str {
        &self.path.name
    }

    /// The key of a resource in canonical form, with its `id` and `meta`.
    pub fn key(&self, resource_type: &ResourceType, resource: &Attributes) -> Key {
        let Some(target) = path::find(resource_type, &self.path) else { return Key::Missing };
        let Some(leaf) = leaf(&target).filter(|leaf| is_told(&target, leaf)) else { return Key::Missing };
        let Some(value) = document::preferred(resource, &target) else { return Key::Missing };
        let value = if std::ptr::eq(leaf, target.leaf()) { Some(value) } else { value.get(&leaf.name) };
        value.map_or(Key::Missing, |value| key_of(leaf, value))
    }
}

/// The simple attribute that a path means; `None` for a complex one without `value`.
fn leaf<'t>(target: &Resolved<'t>) -> Option<&'t Attribute> {
    let leaf = target.leaf();
    if leaf.data_type == DataType::Complex { leaf.sub("value") } else { Some(leaf) }
}

/// Whether an answer may hold the attribute: an order by what is never answered would tell it.
fn is_told(target: &Resolved<'_>, leaf: &Attribute) -> bool {
    target.attribute.returned != Returned::Never && leaf.returned != Returned::Never
}

fn key_of(attribute: &Attribute, value: &Value) -> Key {
    let read = match (attribute.data_type, value) {
        (DataType::DateTime, Value::String(text)) => time(text).map(|time| Key::Time(time.timestamp_micros())),
        (DataType::Integer | DataType::Decimal, Value::String(text)) => {
            text.parse().ok().as_ref().and_then(Numeric::of).map(Key::Number)
        }
        (_, Value::Number(number)) => Numeric::of(number).map(Key::Number),
        (_, Value::Bool(value)) => Some(Key::Boolean(*value)),
        _ => None,
    };
    // What is not of its attribute's type, and was taken all the same, is sorted as the text that it is.
    match (read, value) {
        (Some(key), _) => key,
        (None, Value::String(text)) if text.is_empty() => Key::Missing,
        (None, Value::String(text)) if attribute.data_type == DataType::String && !attribute.case_exact => {
            Key::Text(cut(fold(text)))
        }
        (None, Value::String(text)) => Key::Text(cut(text.clone())),
        (None, _) => Key::Missing,
    }
}

/// No more than [`LONGEST_KEY`] bytes of a text.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_KEY));
    text
}

#[cfg(test)]
mod tests;
