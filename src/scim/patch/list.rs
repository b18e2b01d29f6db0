//! Multi-valued attributes: append without repetition, replace, remove, by filter or without (RFC 7644 3.5.2.1 ff.).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::apply::{assigned, put, removable, writable};
use super::{Op, complex, kind};
use crate::scim::document::is_unassigned;
use crate::scim::error::Error;
use crate::scim::filter::{CompareOperator, Filter};
use crate::scim::fold::fold;
use crate::scim::matcher::matches_value;
use crate::scim::path;
use crate::scim::schema::{Attribute, DataType, Mutability};
use crate::scim::validate::MAX_VALUES_OF_ONE;
use crate::scim::{Attributes, Strictness};

/// What is to be done to a multi-valued attribute.
#[derive(Clone, Copy)]
pub(super) struct Write<'a> {
    pub(super) attribute: &'a Attribute,
    pub(super) sub: Option<&'a Attribute>,
    pub(super) op: Op,
    pub(super) value: Option<&'a Value>,
    pub(super) strictness: Strictness,
}

/// `add` or `replace` of the attribute as a whole; the caller has checked mutability.
pub(super) fn whole(level: &mut Attributes, write: &Write<'_>) -> Result<(), Error> {
    let attribute = write.attribute;
    let given = match write.value {
        Some(Value::Array(values)) => values.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let mut values = match write.op {
        Op::Add => taken(level, attribute),
        Op::Replace | Op::Remove => Vec::new(),
    };
    let written = append(&mut values, attribute, given)?;
    one_primary(&mut values, &written);
    put_back(level, attribute, values)
}

/// The values that a filter selects.
pub(super) fn filtered(level: &mut Attributes, write: &Write<'_>, filter: &Filter) -> Result<(), Error> {
    let attribute = write.attribute;
    touchable(attribute, write.sub)?;
    let value = assigned(write.op, write.value)?;
    let mut values = taken(level, attribute);
    let matching = values.iter().enumerate().filter(|(_, value)| matches_value(filter, attribute, value));
    let selected: Vec<usize> = matching.map(|(place, _)| place).collect();
    let template = eq_terms(filter, attribute);
    if selected.is_empty() && value.is_some() {
        // RFC 7644 3.5.2.3 has an error for `replace`, 3.5.2.1 none for `add`.
        let made = template.filter(|_| write.op == Op::Add || write.strictness.is_lenient());
        let made = made.ok_or_else(|| Error::no_target(format!("no value of {} matches {filter}", attribute.name)))?;
        let place = values.len();
        room(attribute, &values)?;
        values.push(made);
        // `add`, so that what the filter says stays beside what the value says.
        change(&mut values, &Write { op: Op::Add, ..*write }, &[place], None)?;
    } else {
        change(&mut values, write, &selected, template.filter(|_| write.strictness.is_lenient()).as_ref())?;
    }
    put_back(level, attribute, values)
}

/// A sub-attribute without saying of which value: `emails.value`.
pub(super) fn unfiltered(level: &mut Attributes, write: &Write<'_>) -> Result<(), Error> {
    let attribute = write.attribute;
    touchable(attribute, write.sub)?;
    let value = assigned(write.op, write.value)?;
    let mut values = taken(level, attribute);
    let mut selected: Vec<usize> = if write.strictness.is_lenient() {
        implied(&values).into_iter().collect()
    } else {
        (0..values.len()).collect()
    };
    if selected.is_empty() && value.is_some() {
        if write.strictness.is_strict() {
            return Err(Error::no_target(format!("{} has no value", attribute.name)));
        }
        let work = attribute.sub("type").map(|sub| (sub.name.clone(), Value::from("work")));
        selected.push(values.len());
        values.push(Value::Object(work.into_iter().collect()));
    }
    change(&mut values, write, &selected, None)?;
    put_back(level, attribute, values)
}

/// The primary value, else the only one, else the first of type `work`.
fn implied(values: &[Value]) -> Option<usize> {
    let first = |key: &str, wanted: &Value| values.iter().position(|value| value.get(key) == Some(wanted));
    let only = (values.len() == 1).then_some(0);
    first("primary", &Value::Bool(true)).or(only).or_else(|| first("type", &Value::from("work")))
}

/// Does what is to be done to the values at these places. A value that is replaced keeps what the filter asked of it
/// (`template`), unless the new one says otherwise.
fn change(values: &mut Vec<Value>, write: &Write<'_>, places: &[usize], template: Option<&Value>) -> Result<(), Error> {
    let value = assigned(write.op, write.value)?;
    if value.is_none() && write.op == Op::Add {
        return Ok(());
    }
    for &place in places {
        if let Some(slot) = values.get_mut(place) {
            change_one(slot, write, value, template)?;
        }
    }
    one_primary(values, places);
    values.retain(|value| !is_unassigned(value));
    Ok(())
}

fn change_one(
    slot: &mut Value,
    write: &Write<'_>,
    value: Option<&Value>,
    template: Option<&Value>,
) -> Result<(), Error> {
    let attribute = write.attribute;
    match (write.sub, value, &mut *slot) {
        (None, None, _) => *slot = Value::Null,
        (Some(sub), None, Value::Object(members)) => {
            removable(members, sub)?;
            members.shift_remove(&sub.name);
            if write.strictness.is_lenient() && sub.name == "value" {
                members.clear();
            }
        }
        (Some(sub), Some(value), Value::Object(members)) => {
            writable(members, sub, value)?;
            let given = Map::from_iter([(sub.name.clone(), value.clone())]);
            complex::merge_members(members, attribute, &given)?;
        }
        (Some(_), _, _) => {}
        (None, Some(Value::Object(given)), Value::Object(members)) if write.op == Op::Add => {
            complex::merge_members(members, attribute, given)?;
        }
        (None, Some(value), _) => {
            let mut new = element(attribute, value)?;
            if let (Value::Object(new), Some(Value::Object(template))) = (&mut new, template) {
                for (name, term) in template {
                    new.entry(name.clone()).or_insert_with(|| term.clone());
                }
            }
            *slot = new;
        }
    }
    Ok(())
}

/// Where values stand, by what tells them apart.
#[derive(Default)]
struct Places {
    pairs: HashMap<(String, Option<String>), usize>,
    /// Of the values that were there before: one given without a type means one of these, whatever its type. Of those
    /// given together each stands for itself, as in the body of a PUT.
    values: HashMap<String, usize>,
    /// Of those that were there before and have no `value`, such as addresses: by all that they say.
    wholes: HashMap<String, usize>,
}

impl Places {
    fn of(attribute: &Attribute, values: &[Value]) -> Self {
        let mut places = Self::default();
        for (place, value) in values.iter().enumerate() {
            match key(attribute, value) {
                Some((key, _)) => _ = places.values.entry(key).or_insert(place),
                None => _ = places.wholes.entry(all_of(value)).or_insert(place),
            }
            places.note(attribute, value, place);
        }
        places
    }

    fn note(&mut self, attribute: &Attribute, value: &Value, place: usize) {
        if let Some(key) = key(attribute, value) {
            self.pairs.entry(key).or_insert(place);
        }
    }

    fn find(&self, key: &(String, Option<String>)) -> Option<usize> {
        let of_any_type = || self.values.get(&key.0).filter(|_| key.1.is_none());
        self.pairs.get(key).or_else(of_any_type).copied()
    }
}

/// Adds values; one that is there already, told by `value` and `type`, takes up what the new one says beyond these.
/// Answers the places of the values given.
fn append(values: &mut Vec<Value>, attribute: &Attribute, given: &[Value]) -> Result<Vec<usize>, Error> {
    let mut places = Places::of(attribute, values);
    let mut written = Vec::with_capacity(given.len());
    for value in given {
        let value = element(attribute, value)?;
        if is_unassigned(&value) {
            continue;
        }
        let place = match key(attribute, &value) {
            None => places.wholes.get(&all_of(&value)).copied(),
            Some(key) => places.find(&key),
        };
        if let Some(place) = place {
            if let (Some(Value::Object(old)), Value::Object(mut new)) = (values.get_mut(place), value) {
                // The same value in other letters is no change, nor is another description of an immutable one.
                new.retain(|name, _| {
                    let writable = attribute.sub(name).is_some_and(|sub| sub.mutability == Mutability::ReadWrite);
                    writable && !matches!(name.as_str(), "value" | "type")
                });
                complex::merge_members(old, attribute, &new)?;
            }
            written.push(place);
        } else {
            room(attribute, values)?;
            places.note(attribute, &value, values.len());
            written.push(values.len());
            values.push(value);
        }
    }
    Ok(written)
}

fn room(attribute: &Attribute, values: &[Value]) -> Result<(), Error> {
    if values.len() >= MAX_VALUES_OF_ONE && attribute.name != "members" {
        return Err(Error::too_many(format!("{}: more than {MAX_VALUES_OF_ONE} values", attribute.name)));
    }
    Ok(())
}

/// A value as text that is the same for equal values, whatever the order of their members.
fn all_of(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            members.iter().fold(String::new(), |text, (name, value)| text + name + "=" + &value.to_string() + "\n")
        }
        simple => simple.to_string(),
    }
}

/// What tells a value from others: `value`, or itself if it is simple, and its `type` (RFC 7643 2.4).
fn key(attribute: &Attribute, value: &Value) -> Option<(String, Option<String>)> {
    let comparable = |attribute: Option<&Attribute>, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let exact = attribute.is_none_or(|a| a.case_exact || a.data_type == DataType::Reference);
        if exact { text } else { fold(&text) }
    };
    match value {
        Value::Object(members) => {
            let kind = members.get("type").map(|kind| comparable(attribute.sub("type"), kind));
            Some((comparable(attribute.sub("value"), members.get("value")?), kind))
        }
        simple => Some((comparable(Some(attribute), simple), None)),
    }
}

/// One value in the schema's spelling, without read-only and unassigned sub-attributes.
fn element(attribute: &Attribute, value: &Value) -> Result<Value, Error> {
    if attribute.data_type != DataType::Complex {
        return Ok(value.clone());
    }
    let Value::Object(given) = value else {
        let name = &attribute.name;
        return Err(Error::invalid_value(format!("{name}: each value must be an object, found {}", kind(value))));
    };
    let mut members = Map::new();
    complex::merge_members(&mut members, attribute, given)?;
    Ok(Value::Object(members))
}

/// A new primary value takes the place of the old one (RFC 7644 3.5.2). Two new ones are left for validation to refuse.
fn one_primary(values: &mut [Value], written: &[usize]) {
    let is_primary = |value: &Value| value.get("primary") == Some(&Value::Bool(true));
    let mut new = vec![false; values.len()];
    for &place in written {
        if let (Some(value), Some(flag)) = (values.get(place), new.get_mut(place)) {
            *flag = is_primary(value);
        }
    }
    if !new.contains(&true) {
        return;
    }
    for (value, new) in values.iter_mut().zip(new) {
        if !new
            && is_primary(value)
            && let Value::Object(members) = value
        {
            members.insert("primary".into(), Value::Bool(false));
        }
    }
}

/// The value that a filter of `eq` terms joined by `and` describes; `None` where it says something else.
fn eq_terms(filter: &Filter, attribute: &Attribute) -> Option<Value> {
    fn collect(filter: &Filter, attribute: &Attribute, terms: &mut Map<String, Value>) -> Option<()> {
        match filter {
            Filter::And(left, right) => {
                collect(left, attribute, terms)?;
                collect(right, attribute, terms)
            }
            Filter::Compare { attribute: relative, operator: CompareOperator::Eq, value } if !value.is_null() => {
                let sub = path::find_relative(attribute, relative)?;
                let value = match value {
                    Value::String(text) if sub.data_type == DataType::Boolean => {
                        Value::Bool(text.to_ascii_lowercase().parse().ok()?)
                    }
                    other => other.clone(),
                };
                terms.insert(sub.name.clone(), value);
                Some(())
            }
            _ => None,
        }
    }
    if attribute.data_type != DataType::Complex {
        return None;
    }
    let mut terms = Map::new();
    collect(filter, attribute, &mut terms)?;
    Some(Value::Object(terms))
}

fn touchable(attribute: &Attribute, sub: Option<&Attribute>) -> Result<(), Error> {
    let read_only = |a: &Attribute| a.mutability == Mutability::ReadOnly;
    if read_only(attribute) || sub.is_some_and(read_only) {
        let sub = sub.map(|sub| format!(".{}", sub.name)).unwrap_or_default();
        return Err(Error::mutability(format!("{}{sub} is read-only", attribute.name)));
    }
    Ok(())
}

fn taken(level: &mut Attributes, attribute: &Attribute) -> Vec<Value> {
    match level.get_mut(&attribute.name).map(Value::take) {
        Some(Value::Array(values)) => values,
        Some(Value::Null) | None => Vec::new(),
        // A filter on a single complex attribute: `manager[value eq "x"]`.
        Some(single) => vec![single],
    }
}

fn put_back(level: &mut Attributes, attribute: &Attribute, mut values: Vec<Value>) -> Result<(), Error> {
    if values.is_empty() && attribute.required {
        return Err(Error::mutability(format!("{} is required", attribute.name)));
    }
    let value = if attribute.multi_valued { Value::Array(values) } else { values.pop().unwrap_or_default() };
    put(level, &attribute.name, value);
    Ok(())
}
