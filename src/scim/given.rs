//! What requests may hold, as JSON Schemas: every form that [`super::dialect`] takes, not the canonical one alone. Derived
//! from the characteristics of the attributes, as validation is, so that `openapi.yaml` refuses what the server refuses and
//! takes what it takes. What JSON Schema cannot say (names in any case, paths for names) is told in words.

mod patch;

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
/// A whole number as text.
const INTEGER: &str = r"^\s*-?(?:0|[1-9][0-9]{0,17})\s*$";

/// The schemas of request bodies, and what they refer to below `path`: `UserRequest`, `UserPatch`, `GroupRequest` and
/// `GroupPatch`; the names of the others begin with `Given`.
pub fn components(registry: &Registry, path: &str) -> Map<String, Value> {
    let mut writer = Writer { path, made: Map::new() };
    writer.made.insert("GivenNothing".into(), nothing());
    writer.made.insert("GivenIgnored".into(), writer.ignored());
    for kind in registry.resource_types() {
        let request = writer.request(kind);
        writer.made.insert(format!("{}Request", kind.name), request);
        let patch = patch::message(&mut writer, kind);
        writer.made.insert(format!("{}Patch", kind.name), patch);
    }
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

/// At most one of several, since older clients of Microsoft's send every value as a list. A list inside it is ignored.
fn at_most_one(mut forms: Vec<Value>) -> Value {
    forms.push(json!({ "type": "array" }));
    json!({ "type": "array", "maxItems": 1, "items": { "anyOf": forms } })
}

/// A simple value in the type of its attribute, or in one that is converted to it.
fn simple(attribute: &Attribute) -> Value {
    match attribute.data_type {
        DataType::String | DataType::Complex if attribute.required => json!({ "type": "string", "pattern": FILLED }),
        // Employee numbers, cost centres.
        DataType::String | DataType::Complex => json!({ "type": ["string", "number", "boolean"], "pattern": TEXT }),
        DataType::Reference => json!({ "type": ["string", "number"], "pattern": TEXT }),
        DataType::Boolean => json!({ "type": ["boolean", "string"], "pattern": TRUTH }),
        DataType::Decimal => json!({ "type": ["number", "string"], "pattern": INTEGER }),
        DataType::Integer => json!({ "type": ["integer", "string"], "pattern": INTEGER }),
        DataType::DateTime => json!({ "type": "string", "format": "date-time" }),
        DataType::Binary => json!({ "type": "string", "pattern": BASE64 }),
    }
}

/// How deep these go is an end that was chosen: one list, one object. A schema that refers to itself makes the machines
/// that read it slow.
fn nothing() -> Value {
    let nothing = [
        json!({ "type": "null" }),
        json!({ "type": "string", "maxLength": 0 }),
        json!({ "type": "object", "maxProperties": 0 }),
    ];
    let list = json!({ "type": "array", "maxItems": 1, "items": { "anyOf": nothing } });
    let forms: Vec<Value> = nothing.iter().cloned().chain([list]).collect();
    json!({ "description": "No value (RFC 7643 2.5), however it is said.", "anyOf": forms })
}

/// An object that holds the value.
fn holder(value: &Value) -> Value {
    json!({ "type": "object", "required": ["value"], "properties": { "value": value } })
}

impl Writer<'_> {
    /// Beside nothing: lists of lists and objects of objects, which say nothing that is understood.
    fn ignored(&self) -> Value {
        let list = json!({ "type": "array", "minItems": 1, "maxItems": 1, "items": { "type": "array" } });
        let forms = [self.refer("GivenNothing"), list, holder(&json!({ "type": "object" }))];
        json!({ "description": "What is taken for no value.", "anyOf": forms })
    }

    fn refer(&self, name: &str) -> Value {
        json!({ "$ref": format!("{}/{name}", self.path) })
    }

    /// A component, made when it is first asked for.
    fn component(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.made.contains_key(name) {
            // Before it is made: what refers to itself ends here.
            self.made.insert(name.to_owned(), Value::Null);
            let schema = make(self);
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
            let one = at_most_one(forms.clone());
            if !attribute.multi_valued {
                forms.push(one);
                return json!({ "description": attribute.description, "anyOf": forms });
            }
            let mut element = forms.clone();
            element.push(one);
            let mut list = json!({ "type": "array", "items": { "anyOf": element } });
            if let (Some(list), Some(_)) = (list.as_object_mut(), attribute.sub("primary")) {
                // At most one is the primary value (RFC 7643 2.4).
                let other = json!({ "anyOf": [
                    { "const": false },
                    { "type": "string", "pattern": r"^\s*[Ff][Aa][Ll][Ss][Ee]\s*$" },
                    writer.refer("GivenNothing"),
                ] });
                let primary =
                    json!({ "type": "object", "required": ["primary"], "properties": { "primary": { "not": other } } });
                list.extend(
                    [("contains", primary), ("minContains", json!(0)), ("maxContains", json!(1))]
                        .map(|(key, value)| (key.to_owned(), value)),
                );
            }
            forms.push(list);
            json!({ "description": attribute.description, "anyOf": forms })
        })
    }

    /// The value of a simple attribute: itself, alone in a list, or as the `value` of an object.
    fn scalar(&mut self, attribute: &Attribute) -> Value {
        let simple = simple(attribute);
        let name = match attribute.data_type {
            DataType::String | DataType::Complex if attribute.required => "GivenRequiredText".to_owned(),
            DataType::String | DataType::Complex => "GivenText".to_owned(),
            other => format!("Given{other:?}"),
        };
        let required = attribute.required;
        self.component(&name, |writer| {
            let held = holder(&simple);
            if required {
                let list = json!({ "type": "array", "minItems": 1, "maxItems": 1, "items": { "anyOf": [simple, held] } });
                return json!({
                    "description": "A text that must be there: as it is, alone in a list, or as the `value` of an object.",
                    "anyOf": [simple, list, held],
                });
            }
            let nothing = writer.refer("GivenIgnored");
            let held = holder(&json!({ "anyOf": [simple, at_most_one(vec![simple.clone()]), nothing] }));
            json!({
                "description": "As it is, as text, alone in a list, as the `value` of an object, or no value.",
                "anyOf": [nothing, simple, at_most_one(vec![simple.clone(), held.clone(), nothing.clone()]), held],
            })
        })
    }

    /// The forms of one value of a complex attribute, but for a list of it.
    fn complex(&mut self, attribute: &Attribute) -> Vec<Value> {
        let subs: Vec<&Attribute> = attribute.sub_attributes.iter().filter(|sub| is_writable(sub)).collect();
        let nothing = self.refer("GivenNothing");
        let required: Vec<&str> = subs.iter().filter(|sub| sub.required).map(|sub| sub.name.as_str()).collect();
        let members: Map<String, Value> = subs.iter().map(|sub| (sub.name.clone(), self.given(sub))).collect();
        let mut forms = vec![json!({ "type": "null" }), json!({ "type": "string", "maxLength": 0 })];
        forms.push(json!({ "type": "object", "properties": members }));
        if let (Some(object), false) = (forms.last_mut().and_then(Value::as_object_mut), required.is_empty()) {
            object.insert("required".into(), json!(required));
            // Nothing that is known is in it.
            let ignored = self.refer("GivenIgnored");
            let none: Map<String, Value> = subs.iter().map(|sub| (sub.name.clone(), ignored.clone())).collect();
            forms.push(json!({ "type": "object", "properties": none }));
        }
        if attribute.sub("value").is_some() {
            // A reference to nobody, whatever else it says.
            forms.push(holder(&nothing));
        }
        if let Some(sub) = attribute.sub("value").or_else(|| attribute.sub("formatted")) {
            forms.push(simple(sub));
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
