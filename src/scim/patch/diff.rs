//! From two states of a resource to the operations between them: [`super::apply`] the other way round.

use serde_json::{Map, Value};

use super::{Op, Operation};
use crate::scim::Attributes;
use crate::scim::document::is_unassigned;
use crate::scim::filter::{CompareOperator, Filter};
use crate::scim::fold::fold;
use crate::scim::matcher::matches_value;
use crate::scim::path::{AttributePath, PatchPath};
use crate::scim::schema::{Attribute, DataType, Mutability, ResourceType};

/// The operations that [`super::apply`] needs to make `to` of `from`; none where nothing differs. Both are resources of
/// this type in canonical form ([`crate::scim::validate::check`]).
///
/// - A single value is added, replaced or removed; a complex one by those of its sub-attributes that differ.
/// - A multi-valued attribute changes by those of its values that differ, where `value` and `type` tell each from the
///   others, what stays keeps its order, and that takes no more operations than the list has values afterwards.
///   Otherwise the list is given whole.
/// - An extension comes or goes as one, and changes by its attributes.
///
/// What is read-only is passed over: the client has no say in it. The change of an immutable value and the removal of a
/// required one are named like any other, and refused by [`super::apply`].
pub fn diff(resource_type: &ResourceType, from: &Attributes, to: &Attributes) -> Vec<Operation> {
    let mut operations = Vec::new();
    for attribute in resource_type.common.iter().chain(&resource_type.schema.attributes) {
        let place = Place { urn: None, attribute };
        place.compare(from.get(&attribute.name), to.get(&attribute.name), &mut operations);
    }
    for extension in &resource_type.extensions {
        let schema = &extension.schema;
        let member = |document: &Attributes, name: &str| document.get(&schema.id)?.get(name).cloned();
        let is_writable = |attribute: &Attribute| attribute.mutability != Mutability::ReadOnly;
        let path = || Some(PatchPath::Extension(schema.id.clone()));
        match (from.get(&schema.id), to.get(&schema.id)) {
            // `apply` refuses to remove what it may not write, and a part of the extension is that.
            (Some(_), None) if schema.attributes.iter().all(is_writable) => {
                operations.push(Operation { op: Op::Remove, path: path(), value: None });
            }
            (None, Some(value)) if schema.attributes.iter().all(is_writable) => {
                operations.push(Operation { op: Op::Add, path: path(), value: Some(value.clone()) });
            }
            _ => {
                for attribute in &schema.attributes {
                    let place = Place { urn: Some(&schema.id), attribute };
                    let (from, to) = (member(from, &attribute.name), member(to, &attribute.name));
                    place.compare(from.as_ref(), to.as_ref(), &mut operations);
                }
            }
        }
    }
    operations
}

/// An attribute, and the extension that it is of.
#[derive(Clone, Copy)]
struct Place<'a> {
    urn: Option<&'a str>,
    attribute: &'a Attribute,
}

impl Place<'_> {
    fn path(&self, sub: Option<&str>) -> AttributePath {
        AttributePath {
            schema: self.urn.map(str::to_owned),
            name: self.attribute.name.clone(),
            sub: sub.map(str::to_owned),
        }
    }

    fn operation(&self, op: Op, sub: Option<&str>, value: Option<Value>) -> Operation {
        Operation { op, path: Some(PatchPath::Attribute(self.path(sub))), value }
    }

    fn at_value(&self, op: Op, filter: &Filter, sub: Option<&str>, value: Option<Value>) -> Operation {
        let (attribute, sub) = (self.path(None), sub.map(str::to_owned));
        Operation { op, path: Some(PatchPath::Values { attribute, filter: filter.clone(), sub }), value }
    }

    fn compare(&self, from: Option<&Value>, to: Option<&Value>, operations: &mut Vec<Operation>) {
        let assigned = |value: &&Value| !is_unassigned(value);
        let (from, to) = (from.filter(assigned), to.filter(assigned));
        if from == to || self.attribute.mutability == Mutability::ReadOnly {
            return;
        }
        match (from, to) {
            (_, None) => operations.push(self.operation(Op::Remove, None, None)),
            (None, Some(to)) => operations.push(self.operation(Op::Add, None, Some(to.clone()))),
            (Some(Value::Array(from)), Some(Value::Array(to))) if self.attribute.multi_valued => {
                let by_value = self.by_value(from, to).filter(|found| found.len() <= to.len());
                let whole = || vec![self.operation(Op::Replace, None, Some(Value::Array(to.clone())))];
                operations.extend(by_value.unwrap_or_else(whole));
            }
            (Some(Value::Object(from)), Some(Value::Object(to))) => operations.extend(self.by_sub_attribute(from, to)),
            (Some(_), Some(to)) => operations.push(self.operation(Op::Replace, None, Some(to.clone()))),
        }
    }

    /// Sub-attributes of a single complex value.
    fn by_sub_attribute(&self, from: &Attributes, to: &Attributes) -> Vec<Operation> {
        if from.contains_key("value") && from.get("value") != to.get("value") {
            // What describes the old value may go with it unless it is mentioned, so all of it is, in one operation.
            let writable = self.attribute.sub_attributes.iter().filter(|sub| sub.mutability != Mutability::ReadOnly);
            let names = writable.map(|sub| &sub.name).filter(|name| from.contains_key(*name) || to.contains_key(*name));
            let given: Map<String, Value> =
                names.map(|name| (name.clone(), to.get(name).cloned().unwrap_or_default())).collect();
            return vec![self.operation(Op::Replace, None, Some(Value::Object(given)))];
        }
        let subs = differing(self.attribute, from, to);
        subs.map(|sub| {
            let value = to.get(&sub.name).cloned();
            self.operation(op_for(from.contains_key(&sub.name), value.is_some()), Some(&sub.name), value)
        })
        .collect()
    }

    /// The changes of a list one by one; `None` where they cannot be told so.
    fn by_value(&self, from: &[Value], to: &[Value]) -> Option<Vec<Operation>> {
        let keys = |values: &[Value]| values.iter().map(|value| self.key(value)).collect::<Option<Vec<Key>>>();
        let (from_keys, to_keys) = (keys(from)?, keys(to)?);
        let mut operations = Vec::new();
        let mut kept = 0;
        for (value, key) in from.iter().zip(&from_keys) {
            let filter = || self.only(value, from);
            if !to_keys.contains(key) {
                operations.push(self.at_value(Op::Remove, &filter()?, None, None));
                continue;
            }
            // What stays must be what `to` begins with, in this order; new values are put behind it.
            if to_keys.get(kept) != Some(key) {
                return None;
            }
            let new = to.get(kept)?;
            kept += 1;
            if new != value {
                operations.push(self.change(value, new, &filter()?)?);
            }
        }
        let (remaining, new) = (to_keys.get(..kept)?, to_keys.get(kept..)?);
        // `add` takes a value without a type for one that is there with any.
        let is_taken =
            |key: &Key| remaining.iter().any(|old| old == key || key.kind.is_none() && old.value == key.value);
        if kept == 0 || new.iter().any(is_taken) {
            return None;
        }
        if !new.is_empty() {
            let new = to.get(kept..)?.to_vec();
            operations.push(self.operation(Op::Add, None, Some(Value::Array(new))));
        }
        Some(operations)
    }

    /// One value of a list that becomes another of the same key.
    fn change(&self, from: &Value, to: &Value, filter: &Filter) -> Option<Operation> {
        let (from, members) = (from.as_object()?, to.as_object()?);
        let mut subs = differing(self.attribute, from, members);
        let sub = subs.next()?;
        let alone = subs.next().is_none() && sub.name != "value" && sub.mutability == Mutability::ReadWrite;
        if !alone {
            return Some(self.at_value(Op::Replace, filter, None, Some(to.clone())));
        }
        let value = members.get(&sub.name).cloned();
        let op = op_for(from.contains_key(&sub.name), value.is_some());
        Some(self.at_value(op, filter, Some(&sub.name), value))
    }

    fn key(&self, value: &Value) -> Option<Key> {
        let comparable = |attribute: &Attribute, value: &Value| match value {
            Value::String(text) if !attribute.case_exact => fold(text),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let Value::Object(members) = value else {
            return Some(Key { value: comparable(self.attribute, value), kind: None });
        };
        let part = |name: &str| Some(comparable(self.attribute.sub(name)?, members.get(name)?));
        Some(Key { value: part("value")?, kind: part("type") })
    }

    /// The shortest filter that this value satisfies and no other of the list does.
    fn only(&self, value: &Value, list: &[Value]) -> Option<Filter> {
        let is_only = |filter: &Filter| {
            let mut matching = list.iter().filter(|other| matches_value(filter, self.attribute, other));
            matching.next() == Some(value) && matching.next().is_none()
        };
        let term = |name: &str, literal: Value| Filter::Compare {
            attribute: AttributePath { schema: None, name: name.to_owned(), sub: None },
            operator: CompareOperator::Eq,
            value: literal,
        };
        if self.attribute.data_type != DataType::Complex {
            return Some(term("value", value.clone())).filter(is_only);
        }
        let by_value = term("value", value.get("value")?.clone());
        if is_only(&by_value) {
            return Some(by_value);
        }
        let kind = term("type", value.get("type").cloned().unwrap_or_default());
        Some(Filter::And(Box::new(by_value), Box::new(kind))).filter(is_only)
    }
}

/// What tells the values of a list apart (RFC 7643 2.4).
#[derive(PartialEq, Eq)]
struct Key {
    value: String,
    kind: Option<String>,
}

fn op_for(was_there: bool, is_there: bool) -> Op {
    match (was_there, is_there) {
        (_, false) => Op::Remove,
        (false, true) => Op::Add,
        (true, true) => Op::Replace,
    }
}

/// The sub-attributes that differ and can be written.
fn differing<'a>(
    attribute: &'a Attribute,
    from: &'a Attributes,
    to: &'a Attributes,
) -> impl Iterator<Item = &'a Attribute> {
    let differs = |sub: &&Attribute| from.get(&sub.name) != to.get(&sub.name);
    attribute.sub_attributes.iter().filter(move |sub| differs(sub) && sub.mutability != Mutability::ReadOnly)
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
