//! What requests may hold, as JSON Schemas: every form that [`super::dialect`] takes, not the canonical one alone. Derived
//! from the characteristics of the attributes, as validation is, so that `openapi.yaml` refuses what the server refuses and
//! takes what it takes. What JSON Schema cannot say (names in any case, paths for names) is told in words.

mod bulk;
mod patch;
mod search;

use serde_json::{Map, Value, json};

use super::schema::{Attribute, DataType, Mutability, Registry, ResourceType};

/// Any text without U+0000, which PostgreSQL cannot hold.
const TEXT: &str = r"^[^\x00]*$";
/// The same with more than blanks in it.
const FILLED: &str = r"^[^\x00]*[^\s\x00][^\x00]*$";
/// Base64 in either alphabet of RFC 4648, padded or not.
const BASE64: &str = "^(?:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw](?:==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?)?\
    |(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw](?:==)?|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]=?)?)$";
/// Texts for `true` and `false`.
const TRUTH: &str = r"^\s*(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])\s*$";
/// A number as text.
const NUMBER: &str = r"^\s*-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\s*$";
/// A date and time (RFC 3339) as the bridge reads it.
const TIME: &str = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$";
/// A whole number as text.
const INTEGER: &str = r"^\s*-?(?:0|[1-9][0-9]{0,17})\s*$";

/// The schemas of request bodies, and what they refer to below `path`: `UserRequest`, `UserPatch`, `GroupRequest`,
/// `GroupPatch`, `GivenSearchRequest` and `GivenBulkRequest`; the names of the others begin with `Given`, too.
pub fn components(registry: &Registry, path: &str) -> Map<String, Value> {
    let mut writer = Writer { path, made: Map::new() };
    writer.made.insert("GivenNothing".into(), nothing());
    for kind in registry.resource_types() {
        let request = writer.request(kind);
        writer.made.insert(format!("{}Request", kind.name), request);
        let message = patch::message(&mut writer, kind);
        writer.made.insert(format!("{}Patch", kind.name), message);
    }
    writer.made.insert("GivenSearchRequest".into(), search::message());
    writer.made.insert("GivenBulkRequest".into(), bulk::message(registry));
    writer.made
}

/// Schemas, and those made so far that they refer to.
struct Writer<'p> {
    path: &'p str,
    made: Map<String, Value>,
}

fn is_writable(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly
}

/// A name with a capital.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// The JSON types and the pattern of texts in which a simple value may come: its own, or one that is converted to it.
fn types(attribute: &Attribute) -> (&'static [&'static str], &'static str) {
    match attribute.data_type {
        DataType::String | DataType::Complex if attribute.required => (&["string"], FILLED),
        // Employee numbers, cost centres.
        DataType::String | DataType::Complex => (&["string", "number", "boolean"], TEXT),
        DataType::Reference => (&["string", "number"], TEXT),
        DataType::Boolean => (&["boolean", "string"], TRUTH),
        DataType::Decimal => (&["number", "string"], NUMBER),
        DataType::Integer => (&["integer", "string"], INTEGER),
        DataType::DateTime => (&["string"], TIME),
        DataType::Binary => (&["string"], BASE64),
    }
}

/// How deep these go is an end that was chosen: one list, one object. A schema that refers to itself, or has many branches,
/// makes the machines that read it slow.
fn nothing() -> Value {
    json!({
        "description": "No value (RFC 7643 2.5), however it is said.",
        "type": ["null", "string", "array", "object"],
        "maxLength": 0,
        "maxItems": 0,
        "maxProperties": 0,
    })
}

/// An object that holds the value.
fn holder(value: &Value) -> Value {
    json!({ "type": "object", "required": ["value"], "properties": { "value": value } })
}

impl Writer<'_> {
    fn refer(&self, name: &str) -> Value {
        json!({ "$ref": format!("{}/{name}", self.path) })
    }

    /// A component. What is alike has one: that of telephone numbers is the one of e-mail addresses.
    fn component(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.made.contains_key(name) {
            let schema = make(self);
            if let Some((same, _)) = self.made.iter().find(|(_, made)| **made == schema) {
                return self.refer(same);
            }
            self.made.insert(name.to_owned(), schema);
        }
        self.refer(name)
    }

    /// The value of an attribute.
    fn given(&mut self, attribute: &Attribute) -> Value {
        if attribute.data_type != DataType::Complex && !attribute.multi_valued {
            return self.scalar(attribute);
        }
        let name = format!("Given{}", capital(&attribute.name));
        let attribute = attribute.clone();
        self.component(&name, |writer| {
            let mut forms = if attribute.data_type == DataType::Complex {
                writer.complex(&attribute)
            } else {
                vec![writer.scalar(&attribute)]
            };
            if attribute.multi_valued {
                forms.push(writer.list(&attribute, &forms));
            }
            json!({ "anyOf": forms })
        })
    }

    /// A list of values in these forms.
    fn list(&self, attribute: &Attribute, forms: &[Value]) -> Value {
        let mut list = json!({ "type": "array", "items": { "anyOf": forms } });
        if let (Some(list), Some(_)) = (list.as_object_mut(), attribute.sub("primary")) {
            // At most one is the primary value (RFC 7643 2.4).
            let no = json!({ "anyOf": [
                { "const": false },
                { "type": "string", "pattern": r"^\s*[Ff][Aa][Ll][Ss][Ee]\s*$" },
                self.refer("GivenNothing"),
            ] });
            let yes = json!({ "type": "object", "required": ["primary"], "properties": { "primary": { "not": no } } });
            let limits = [("contains", yes), ("minContains", json!(0)), ("maxContains", json!(1))];
            list.extend(limits.map(|(key, value)| (key.to_owned(), value)));
        }
        list
    }

    /// The value of a simple attribute: itself, alone in a list, or as the `value` of an object.
    fn scalar(&mut self, attribute: &Attribute) -> Value {
        let name = match attribute.data_type {
            DataType::String | DataType::Complex if attribute.required => "GivenRequiredText".to_owned(),
            DataType::String | DataType::Complex => "GivenText".to_owned(),
            other => format!("Given{other:?}"),
        };
        let (types, pattern) = types(attribute);
        let required = attribute.required;
        self.component(&name, |_| {
            let also = |more: &[&str]| json!({
                "type": types.iter().chain(more).collect::<Vec<_>>(),
                // An empty text is no value.
                "pattern": if required { pattern.to_owned() } else { format!("^$|{pattern}") },
            });
            if required {
                let held = also(&[]);
                return json!({
                    "description": "A text that must be there: as it is, alone in a list, or as the `value` of an object.",
                    "anyOf": [held, { "type": "array", "minItems": 1, "maxItems": 1, "items": held }, holder(&held)],
                });
            }
            let mut schema = also(&["null", "array", "object"]);
            if let Some(schema) = schema.as_object_mut() {
                let words = "As it is, as text, alone in a list, as the `value` of an object, or no value.";
                schema.insert("description".into(), json!(words));
                schema.insert("maxItems".into(), json!(1));
                schema.insert("items".into(), also(&["null", "array"]));
                schema.insert("propertyNames".into(), json!({ "const": "value" }));
                schema.insert("properties".into(), json!({ "value": also(&["null", "object"]) }));
            }
            schema
        })
    }

    /// The forms of one value of a complex attribute: an object, its most important part alone, nothing, or one of them in
    /// a list (older clients of Microsoft's send every value as one).
    fn complex(&mut self, attribute: &Attribute) -> Vec<Value> {
        let subs: Vec<&Attribute> = attribute.sub_attributes.iter().filter(|sub| is_writable(sub)).collect();
        let nothing = self.refer("GivenNothing");
        let required: Vec<&str> = subs.iter().filter(|sub| sub.required).map(|sub| sub.name.as_str()).collect();
        let members: Map<String, Value> = subs.iter().map(|sub| (sub.name.clone(), self.given(sub))).collect();
        let mut object = json!({ "type": "object", "properties": members });
        let mut forms = vec![nothing.clone()];
        if let (Some(object), false) = (object.as_object_mut(), required.is_empty()) {
            object.insert("required".into(), json!(required));
            // Nothing that is known is in it.
            let none: Map<String, Value> = subs.iter().map(|sub| (sub.name.clone(), nothing.clone())).collect();
            forms.push(json!({ "type": "object", "properties": none }));
        }
        forms.push(object);
        if attribute.sub("value").is_some() {
            // A reference to nobody, whatever else it says.
            forms.push(holder(&nothing));
        }
        if let Some(sub) = attribute.sub("value").or_else(|| attribute.sub("formatted")) {
            let (types, pattern) = types(sub);
            forms.push(json!({ "type": types, "pattern": pattern }));
            if !attribute.multi_valued {
                let alone = json!({ "type": types, "pattern": pattern });
                forms.push(json!({ "type": "array", "maxItems": 1, "items": alone }));
            }
        }
        forms
    }

    /// What an extension's object may hold.
    fn extension(&mut self, attributes: &[Attribute]) -> Value {
        let members: Map<String, Value> =
            attributes.iter().filter(|a| is_writable(a)).map(|a| (a.name.clone(), self.given(a))).collect();
        json!({ "anyOf": [
            { "type": "null" },
            { "type": "string", "maxLength": 0 },
            { "type": "object", "properties": members },
        ] })
    }

    /// The attributes of a resource by the names that they have in a body.
    fn members(&mut self, kind: &ResourceType) -> Map<String, Value> {
        let mut members = Map::new();
        let core = kind.common.iter().chain(&kind.schema.attributes).filter(|a| a.name != "schemas");
        for attribute in core {
            let schema = if is_writable(attribute) {
                self.given(attribute)
            } else {
                json!({ "description": "Ignored: it is the service provider's to say." })
            };
            members.insert(attribute.name.clone(), schema);
        }
        for extension in &kind.extensions {
            members.insert(extension.schema.id.clone(), self.extension(&extension.schema.attributes));
        }
        members
    }

    /// The body of a POST or PUT.
    fn request(&mut self, kind: &ResourceType) -> Value {
        let mut members = self.members(kind);
        members.insert("schemas".into(), schemas(kind));
        let required: Vec<&str> =
            kind.schema.attributes.iter().filter(|a| a.required && is_writable(a)).map(|a| a.name.as_str()).collect();
        json!({
            "description": format!(
                "A {} as identity providers send it: `{}` is the canonical form, and the only one that a token made with \
                 `strict` may send. Names count without regard to case, a path (`name.givenName`) may stand for a name, and \
                 what is not known is ignored.",
                kind.name.to_lowercase(),
                kind.name
            ),
            "type": "object",
            "required": required,
            "properties": members,
        })
    }
}

/// `schemas` of a body: none at all, or one that is known here among them.
fn schemas(kind: &ResourceType) -> Value {
    let urns = std::iter::once(&kind.schema.id).chain(kind.extensions.iter().map(|e| &e.schema.id));
    let known: Vec<String> = urns.map(|urn| urn.replace('.', r"\.")).collect();
    let pattern = format!(r"^(?:|{}|urn:scim:schemas:.*|http://schemas\.microsoft\.com/.*)$", known.join("|"));
    json!({
        "description": "URNs of the schemas in use. One of them must be known here, if there are any.",
        "anyOf": [
            { "type": "null" },
            { "type": "string", "pattern": pattern },
            { "type": "array", "maxItems": 0 },
            { "type": "array", "items": { "type": "string" }, "contains": { "pattern": pattern } },
        ],
    })
}

#[cfg(test)]
mod tests;
