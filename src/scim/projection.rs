//! Which attributes an answer holds: `attributes`, `excludedAttributes` (RFC 7644 3.9) and what the schema says about
//! `returned` (RFC 7643 7).

mod written;

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::document::is_unassigned;
use super::schema::{Attribute, ResourceType, Returned, Schema};
use super::{Attributes, ENTERPRISE_SCHEMA, Error};

/// What a client asked to be answered, for one resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    mode: Mode,
    names: Vec<Name>,
    /// What the client wrote, of what is returned on request.
    written: Vec<Name>,
    /// Attributes of the core schema and URNs of extensions that are not simply answered by default, and what holds for
    /// them instead; for an extension, what holds for the most readily answered of its attributes.
    exceptions: Vec<(String, Returned)>,
    /// Attributes of the core schema and URNs of extensions of which a part is not simply answered by default, or may not
    /// be.
    mixed: Vec<String>,
    /// Whether every attribute of the core schema that is stored is answered by default, or always.
    core_is_plain: bool,
}

/// How much of an attribute, or of a whole extension, is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Nothing.
    None,
    /// What [`Projection::part`] leaves of it, which may be nothing or all.
    Part,
    /// All of it.
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Neither parameter.
    Default,
    /// `attributes`.
    Only,
    /// `excludedAttributes`.
    Except,
}

/// One name of a list, in the spelling of the schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name {
    /// `None` for the core schema and what every resource has.
    extension: Option<String>,
    /// `None` for all of the schema.
    attribute: Option<String>,
    /// `None` for all of the attribute.
    sub: Option<String>,
}

/// How the names of a list touch an attribute.
#[derive(Clone, Copy)]
enum Touch {
    /// Not at all.
    None,
    /// Some of its sub-attributes.
    Partly,
    /// By its name, or by that of its whole schema.
    Whole,
}

impl Projection {
    /// What is answered when a request does not say.
    pub fn standard(resource_type: &ResourceType) -> Self {
        let core = resource_type.common.iter().chain(&resource_type.schema.attributes);
        let core = core.map(|a| (&a.name, a.returned));
        let extensions = resource_type.extensions.iter().map(|e| (&e.schema.id, most_readily(&e.schema.attributes)));
        let exceptions = core.chain(extensions).filter(|(_, returned)| *returned != Returned::Default);
        let core = resource_type.common.iter().chain(&resource_type.schema.attributes);
        let core = core.filter(|a| !a.sub_attributes.iter().all(is_simply_answered)).map(|a| &a.name);
        let extensions = resource_type.extensions.iter().map(|e| e.schema.as_ref());
        // One of the operator's own may have lost attributes since a resource was stored.
        let is_whole = |s: &Schema| s.id == ENTERPRISE_SCHEMA && s.attributes.iter().all(is_simply_answered);
        let extensions = extensions.filter(|s| !is_whole(s)).map(|s| &s.id);
        // What is never answered is never stored.
        let stored = resource_type.schema.attributes.iter().filter(|a| a.returned != Returned::Never);
        let plain = |a: &Attribute| matches!(a.returned, Returned::Default | Returned::Always);
        let core_is_plain = stored.clone().all(|a| plain(a) && a.sub_attributes.iter().all(plain));
        Self {
            mode: Mode::Default,
            names: Vec::new(),
            written: Vec::new(),
            core_is_plain,
            exceptions: exceptions.map(|(name, returned)| (name.clone(), returned)).collect(),
            mixed: core.chain(extensions).cloned().collect(),
        }
    }

    /// Reads both parameters. Names count without regard to case and may be sub-attributes, begin with a URN, be the
    /// URN of a whole schema, or hold a value filter (`emails[type eq "work"].value`, which some clients send, means
    /// `emails.value`). Unknown names are ignored: with `attributes=nonsense` only the attributes that are always
    /// answered are left. A blank list counts as none.
    ///
    /// RFC 7644 3.9 calls the parameters mutually exclusive without saying what to do with both. `attributes` wins: it
    /// is the narrower wish, and refusing would break a read that has a sensible answer.
    ///
    /// # Errors
    /// `invalidValue` where a value filter is not closed.
    pub fn parse(
        resource_type: &ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, Error> {
        let given = |list: Option<&str>| list.is_some_and(|list| list.split(',').any(|name| !name.trim().is_empty()));
        let (mode, list) = match (attributes, excluded) {
            (Some(list), _) if given(attributes) => (Mode::Only, list),
            (_, Some(list)) if given(excluded) => (Mode::Except, list),
            _ => return Ok(Self::standard(resource_type)),
        };
        let parameter = if mode == Mode::Only { "attributes" } else { "excludedAttributes" };
        let names = names(list).ok_or_else(|| Error::invalid_value(format!("{parameter}: a [ or \" is not closed")))?;
        let mut names: Vec<Name> = names.iter().filter_map(|name| Name::find(resource_type, name)).collect();
        // Each name is looked at for each value that is answered: said a thousand times it counts once.
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(Self { mode, names, ..Self::standard(resource_type) })
    }

    /// Whether `attributes` was given: the answer to a PATCH must then have a body (RFC 7644 3.5.2).
    pub fn attributes_given(&self) -> bool {
        self.mode == Mode::Only
    }

    /// Whether everything is answered that is answered by default, so that an answer that is stored ready-made serves.
    pub fn is_standard(&self) -> bool {
        self.mode == Mode::Default && self.written.is_empty()
    }

    /// Whether any part of an attribute of the core schema, or of the extension with this URN, is answered. What is
    /// not need not be read from the store. The name is spelt as in its schema.
    pub fn wants(&self, name: &str) -> bool {
        let returned = self.exceptions.iter().find(|(known, _)| known == name).map_or(Returned::Default, |(_, r)| *r);
        let concerns = |n: &&Name| match &n.extension {
            None => n.attribute.as_deref().is_none_or(|attribute| attribute == name) && !name.contains(':'),
            Some(urn) => urn == name,
        };
        let returned = match returned {
            Returned::Request if self.written.iter().any(|n| concerns(&n)) => Returned::Default,
            returned => returned,
        };
        let mut named = self.names.iter().filter(concerns);
        match (returned, self.mode) {
            (Returned::Always, _) | (Returned::Default, Mode::Default) => true,
            (Returned::Never, _) | (Returned::Request, Mode::Default | Mode::Except) => false,
            (Returned::Default | Returned::Request, Mode::Only) => named.next().is_some(),
            (Returned::Default, Mode::Except) => {
                !named.any(|n| if n.extension.is_none() { n.sub.is_none() } else { n.attribute.is_none() })
            }
        }
    }

    /// Whether all attributes of the core schema that documents hold are answered: nothing, or nothing but what is kept
    /// beside the document, is left out.
    pub fn keeps_documents(&self) -> bool {
        let beside = |name: &Name| {
            let named = name.attribute.as_deref();
            name.extension.is_some() || named.is_some_and(|a| matches!(a, "id" | "meta" | "groups" | "members"))
        };
        self.core_is_plain
            && match self.mode {
                Mode::Default => true,
                Mode::Only => false,
                Mode::Except => self.names.iter().all(beside),
            }
    }

    /// How much is answered of an attribute of the core schema, or of the extension with this URN, as its schema spells
    /// it. What no schema of the type has is not answered.
    pub fn share(&self, resource_type: &ResourceType, name: &str) -> Share {
        let known = !name.contains(':') || resource_type.extensions.iter().any(|e| e.schema.id == name);
        if !known || !self.wants(name) {
            return Share::None;
        }
        let touched = self.names.iter().any(|n| match &n.extension {
            None => n.attribute.as_deref().is_none_or(|attribute| attribute == name) && !name.contains(':'),
            Some(urn) => urn == name,
        });
        let whole = match self.mode {
            Mode::Default => true,
            Mode::Only => false,
            Mode::Except => !touched,
        };
        if whole && !self.mixed.iter().any(|mixed| mixed == name) { Share::Whole } else { Share::Part }
    }

    /// What is answered of the value of one attribute of the core schema, or of one whole extension; `None` for nothing.
    pub fn part(&self, resource_type: &ResourceType, name: &str, value: Value) -> Option<Value> {
        if let Some(attribute) = resource_type.core_attribute(name) {
            return self.value(None, attribute, value);
        }
        let (schema, Value::Object(members)) = (resource_type.extension(name)?, value) else { return None };
        let members = self.extension(schema, members);
        (!members.is_empty()).then_some(Value::Object(members))
    }

    /// The part of a whole resource, with `schemas`, `id` and `meta`, that is answered. Attributes that no schema of
    /// the type has are left out. `schemas` names the schemas of the attributes that are left (RFC 7643 3).
    pub fn apply(&self, resource_type: &ResourceType, full: Attributes) -> Attributes {
        let mut answer = Map::with_capacity(full.len());
        for (name, value) in full {
            if let Some(value) = self.part(resource_type, &name, value) {
                answer.insert(name, value);
            }
        }
        let extensions: Vec<&str> = resource_type
            .extensions
            .iter()
            .map(|e| e.schema.id.as_str())
            .filter(|urn| answer.contains_key(*urn))
            .collect();
        if let Some(schemas) = answer.get_mut("schemas") {
            let urns = std::iter::once(resource_type.schema.id.as_str()).chain(extensions);
            *schemas = urns.map(|urn| Value::String(urn.to_owned())).collect();
        }
        answer
    }

    fn extension(&self, schema: &Schema, members: Attributes) -> Attributes {
        let mut kept = Map::with_capacity(members.len());
        for (name, value) in members {
            let Some(attribute) = schema.attribute(&name) else { continue };
            if let Some(value) = self.value(Some(&schema.id), attribute, value) {
                kept.insert(name, value);
            }
        }
        kept
    }

    fn touch(&self, extension: Option<&str>, attribute: &Attribute) -> Touch {
        let mut touch = Touch::None;
        for name in self.names.iter().filter(|n| n.extension.as_deref() == extension) {
            match &name.attribute {
                Some(named) if *named != attribute.name => {}
                Some(_) if name.sub.is_some() => touch = Touch::Partly,
                _ => return Touch::Whole,
            }
        }
        touch
    }

    /// What is left of an attribute's value; `None` for nothing.
    fn value(&self, extension: Option<&str>, attribute: &Attribute, value: Value) -> Option<Value> {
        let whole = match (self.returned(extension, attribute, None), self.mode) {
            (Returned::Never, _) | (Returned::Request, Mode::Default | Mode::Except) => return None,
            (Returned::Always, _) | (Returned::Default, Mode::Default) => true,
            (_, mode) => match (self.touch(extension, attribute), mode) {
                (Touch::None, Mode::Only) | (Touch::Whole, Mode::Except) => return None,
                (Touch::Partly, _) => false,
                _ => true,
            },
        };
        if attribute.sub_attributes.is_empty() {
            return Some(value);
        }
        let keep = |sub: &Attribute| match self.returned(extension, attribute, Some(sub)) {
            Returned::Never => false,
            Returned::Always => true,
            Returned::Request => self.mode == Mode::Only && (whole || self.names_sub(extension, attribute, sub)),
            Returned::Default => whole || (self.mode == Mode::Only) == self.names_sub(extension, attribute, sub),
        };
        let part = |value: Value| match value {
            Value::Object(mut members) => {
                members.retain(|name, _| attribute.sub(name).is_some_and(keep));
                Value::Object(members)
            }
            other => other,
        };
        let value = match value {
            Value::Array(elements) => elements.into_iter().map(part).filter(|e| !is_unassigned(e)).collect(),
            single => part(single),
        };
        (!is_unassigned(&value)).then_some(value)
    }

    fn names_sub(&self, extension: Option<&str>, attribute: &Attribute, sub: &Attribute) -> bool {
        self.names.iter().any(|name| {
            name.extension.as_deref() == extension
                && name.attribute.as_deref() == Some(&attribute.name)
                && name.sub.as_deref() == Some(&sub.name)
        })
    }
}

/// Whether an attribute and all its sub-attributes are answered by default and may be left out.
fn is_simply_answered(attribute: &Attribute) -> bool {
    attribute.returned == Returned::Default && attribute.sub_attributes.iter().all(is_simply_answered)
}

/// What holds for the extension as a whole.
fn most_readily(attributes: &[Attribute]) -> Returned {
    let any = |returned| attributes.iter().any(|a| a.returned == returned);
    let order = [Returned::Always, Returned::Default, Returned::Request];
    order.into_iter().find(|returned| any(*returned)).unwrap_or(Returned::Never)
}

impl Name {
    /// `None` where the type has no such attribute.
    fn find(resource_type: &ResourceType, text: &str) -> Option<Self> {
        let (schema, rest) = resource_type.split_urn(text).map_or((None, text), |(schema, rest)| (Some(schema), rest));
        let extension = schema.filter(|schema| !std::ptr::eq(*schema, resource_type.schema.as_ref()));
        let urn = extension.map(|schema| schema.id.clone());
        if rest.is_empty() {
            return Some(Self { extension: urn, attribute: None, sub: None });
        }
        let (name, sub) = rest.split_once('.').map_or((rest, None), |(name, sub)| (name, Some(sub)));
        let attribute = match extension {
            None => resource_type.core_attribute(name)?,
            Some(schema) => schema.attribute(name)?,
        };
        let sub = match sub {
            None => None,
            Some(sub) => Some(attribute.sub(sub)?.name.clone()),
        };
        Some(Self { extension: urn, attribute: Some(attribute.name.clone()), sub })
    }
}

/// Parts a list at its commas and takes value filters out of the names. Commas inside of a filter, and brackets inside
/// of its strings, part and end nothing. `None` where a filter or a string does not end.
fn names(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut name = String::new();
    let (mut in_filter, mut in_string, mut escaped) = (false, false, false);
    for c in list.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' if in_filter => in_string = !in_string,
            _ if in_string => {}
            '[' if !in_filter => in_filter = true,
            ']' if in_filter => in_filter = false,
            _ if in_filter => {}
            ',' => names.push(std::mem::take(&mut name)),
            _ => name.push(c),
        }
    }
    names.push(name);
    let names = names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    (!in_filter).then_some(names)
}

#[cfg(test)]
#[path = "projection_tests.rs"]
mod tests;
