//! Whether a resource, or one value of an attribute, satisfies a filter (RFC 7644 3.4.2.2).
//!
//! - Case counts as the schema's `caseExact` says; in references and identifiers it always counts (RFC 7643 2.3.7).
//! - Any value of a multi-valued attribute may satisfy a comparison; `emails[a and b]` asks both of the same value.
//! - `ne` is the opposite of `eq`: it holds where no value equals the literal, also where there is no value at all.
//! - `eq null` holds where there is no value; `pr` is its opposite, and false for `""`, `[]` and `{}` (RFC 7643 2.5).
//! - An attribute that no schema has, has no value; nor has one that is never answered, such as a password: a filter would
//!   find it out letter by letter.
//! - A comparison that makes no sense for the type, such as `active gt true`, holds for nothing;
//!   [`Filter::check`] refuses it beforehand.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Number, Value};

use super::Attributes;
use super::filter::{CompareOperator, Filter};
use super::fold::fold;
use super::path::{self, AttributePath};
use super::schema::{Attribute, DataType, Resolved, ResourceType, Returned};

fn find<'t>(resource_type: &'t ResourceType, attribute: &AttributePath) -> Option<Resolved<'t>> {
    let is_told =
        |target: &Resolved<'_>| [target.attribute, target.leaf()].iter().all(|a| a.returned != Returned::Never);
    path::find(resource_type, attribute).filter(is_told)
}

fn find_relative<'t>(attribute: &'t Attribute, relative: &AttributePath) -> Option<&'t Attribute> {
    path::find_relative(attribute, relative).filter(|leaf| leaf.returned != Returned::Never)
}

/// Whether a resource in canonical form, with its `id`, `meta` and `schemas`, satisfies a filter.
pub fn matches(filter: &Filter, resource_type: &ResourceType, resource: &Attributes) -> bool {
    match filter {
        Filter::And(left, right) => matches(left, resource_type, resource) && matches(right, resource_type, resource),
        Filter::Or(left, right) => matches(left, resource_type, resource) || matches(right, resource_type, resource),
        Filter::Not(inner) => !matches(inner, resource_type, resource),
        Filter::Compare { attribute, operator, value } => match find(resource_type, attribute) {
            Some(target) => compare(reached(&target, resource), target.leaf(), *operator, value),
            None => compare_nothing(*operator, value),
        },
        Filter::Present(attribute) => {
            find(resource_type, attribute).is_some_and(|target| reached(&target, resource).any(is_present))
        }
        Filter::Values { attribute, filter } => find(resource_type, attribute).is_some_and(|target| {
            elements(&target, resource).iter().any(|value| matches_value(filter, target.attribute, value))
        }),
    }
}

/// Whether one value of an attribute satisfies the inside of a value filter.
pub fn matches_value(filter: &Filter, attribute: &Attribute, value: &Value) -> bool {
    match filter {
        Filter::And(left, right) => matches_value(left, attribute, value) && matches_value(right, attribute, value),
        Filter::Or(left, right) => matches_value(left, attribute, value) || matches_value(right, attribute, value),
        Filter::Not(inner) => !matches_value(inner, attribute, value),
        Filter::Compare { attribute: relative, operator, value: literal } => match find_relative(attribute, relative) {
            Some(leaf) => compare(inside(attribute, leaf, value).into_iter(), leaf, *operator, literal),
            None => compare_nothing(*operator, literal),
        },
        Filter::Present(relative) => find_relative(attribute, relative)
            .is_some_and(|leaf| inside(attribute, leaf, value).is_some_and(is_present)),
        // The grammar has no value filter inside another.
        Filter::Values { .. } => false,
    }
}

/// The sub-attribute `leaf` of one value; the value itself where the attribute is simple.
fn inside<'v>(attribute: &Attribute, leaf: &Attribute, value: &'v Value) -> Option<&'v Value> {
    if std::ptr::eq(attribute, leaf) { Some(value) } else { value.get(&leaf.name) }
}

/// The values of an attribute, one by one.
fn elements<'d>(target: &Resolved<'_>, resource: &'d Attributes) -> &'d [Value] {
    let level = match target.extension {
        None => Some(resource),
        Some(urn) => resource.get(urn).and_then(Value::as_object),
    };
    match level.and_then(|level| level.get(&target.attribute.name)) {
        None => &[],
        Some(Value::Array(values)) => values,
        Some(single) => std::slice::from_ref(single),
    }
}

fn reached<'d>(target: &Resolved<'d>, resource: &'d Attributes) -> impl Iterator<Item = &'d Value> {
    let sub = target.sub;
    elements(target, resource).iter().filter_map(move |value| match sub {
        None => Some(value),
        Some(sub) => value.get(&sub.name),
    })
}

/// RFC 7644 table 3, `pr`.
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(is_present),
        Value::Object(members) => members.values().any(is_present),
    }
}

fn compare_nothing(operator: CompareOperator, literal: &Value) -> bool {
    match operator {
        CompareOperator::Eq => literal.is_null(),
        CompareOperator::Ne => !literal.is_null(),
        _ => false,
    }
}

fn compare<'v>(
    mut values: impl Iterator<Item = &'v Value>,
    leaf: &Attribute,
    operator: CompareOperator,
    literal: &Value,
) -> bool {
    // `emails eq "x"` means `emails.value eq "x"`.
    let (leaf, key) = match leaf.sub("value") {
        Some(value) if leaf.data_type == DataType::Complex => (value, Some(value.name.as_str())),
        _ => (leaf, None),
    };
    let mut any = |holds: &dyn Fn(&Value) -> bool| {
        values.any(|value| match key {
            None => holds(value),
            Some(key) => value.get(key).is_some_and(holds),
        })
    };
    match (operator, literal) {
        (CompareOperator::Eq, Value::Null) => !any(&is_present),
        (CompareOperator::Ne, Value::Null) => any(&is_present),
        (CompareOperator::Ne, _) => !any(&|value| holds(leaf, CompareOperator::Eq, value, literal)),
        _ => any(&|value| holds(leaf, operator, value, literal)),
    }
}

fn holds(leaf: &Attribute, operator: CompareOperator, value: &Value, literal: &Value) -> bool {
    match leaf.data_type {
        DataType::Boolean => {
            operator == CompareOperator::Eq
                && boolean(value).is_some_and(|value| boolean(literal).is_some_and(|literal| value == literal))
        }
        DataType::Integer | DataType::Decimal => match (number(value), number(literal)) {
            (Some(value), Some(literal)) => ordered(operator, order_of_numbers(&value, &literal)),
            _ => false,
        },
        DataType::DateTime if !is_partial(operator) => {
            match (value.as_str().and_then(time), literal.as_str().and_then(time)) {
                (Some(value), Some(literal)) => ordered(operator, Some(value.cmp(&literal))),
                _ => false,
            }
        }
        DataType::String if !leaf.case_exact => match (text(value), text(literal)) {
            // Most comparisons of most rules: without a copy of each side.
            (Some(value), Some(literal))
                if operator == CompareOperator::Eq && value.is_ascii() && literal.is_ascii() =>
            {
                value.eq_ignore_ascii_case(&literal)
            }
            (Some(value), Some(literal)) => strings(operator, &fold(&value), &fold(&literal)),
            _ => false,
        },
        DataType::String | DataType::DateTime | DataType::Reference | DataType::Binary | DataType::Complex => {
            match (text(value), text(literal)) {
                (Some(value), Some(literal)) => strings(operator, &value, &literal),
                _ => false,
            }
        }
    }
}

fn is_partial(operator: CompareOperator) -> bool {
    matches!(operator, CompareOperator::Co | CompareOperator::Sw | CompareOperator::Ew)
}

fn strings(operator: CompareOperator, value: &str, literal: &str) -> bool {
    match operator {
        CompareOperator::Co => value.contains(literal),
        CompareOperator::Sw => value.starts_with(literal),
        CompareOperator::Ew => value.ends_with(literal),
        _ => ordered(operator, Some(value.cmp(literal))),
    }
}

fn ordered(operator: CompareOperator, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return false };
    match operator {
        CompareOperator::Eq => order.is_eq(),
        CompareOperator::Ne => order.is_ne(),
        CompareOperator::Gt => order.is_gt(),
        CompareOperator::Ge => order.is_ge(),
        CompareOperator::Lt => order.is_lt(),
        CompareOperator::Le => order.is_le(),
        CompareOperator::Co | CompareOperator::Sw | CompareOperator::Ew => false,
    }
}

/// A boolean; Entra writes `roles[primary eq "True"]`.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn order_of_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (integer(left), integer(right)) {
        // Exact where a float would round.
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// The number itself where it is an integer of 64 bits, signed or not.
pub(super) fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// The text of a simple value: an unquoted `employeeNumber eq 1001` is a number, the attribute a string.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A point in time from `xsd:dateTime` text (RFC 7643 2.3.5); without an offset it is read as UTC.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .ok()
        .or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc()).ok())
}

#[cfg(test)]
mod tests;
