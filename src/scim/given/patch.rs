//! PATCH messages.

use serde_json::{Map, Value, json};

use super::{Writer, is_writable};
use crate::scim::PATCH_MESSAGE;
use crate::scim::patch::MAX_OPERATIONS;
use crate::scim::schema::{Attribute, DataType, ResourceType};

const ADD_OR_REPLACE: &str = "^(?:[Aa][Dd][Dd]|[Rr][Ee][Pp][Ll][Aa][Cc][Ee])$";
const ADD: &str = "^[Aa][Dd][Dd]$";
const REPLACE: &str = "^[Rr][Ee][Pp][Ll][Aa][Cc][Ee]$";
const REMOVE: &str = "^[Rr][Ee][Mm][Oo][Vv][Ee]$";
/// A term of a value filter, but for operators that are seldom seen there.
const TERM: &str = r#"[A-Za-z]+ (?:eq|ne|co|sw|ew) (?:"[^"\\\x00-\x1F]*"|true|false)"#;

/// A path, with what it names.
struct Target {
    path: String,
    value: Value,
    removable: bool,
}

/// The attributes, and the sub-attributes of those that have one value, below a prefix.
fn targets(writer: &mut Writer<'_>, prefix: &str, attributes: &[Attribute], found: &mut Vec<Target>) {
    for attribute in attributes.iter().filter(|a| is_writable(a)) {
        let path = format!("{prefix}{}", attribute.name);
        if attribute.data_type == DataType::Complex && !attribute.multi_valued {
            targets(writer, &format!("{path}."), &attribute.sub_attributes, found);
        }
        let value = if path == "members" { members(writer, attribute) } else { writer.given(attribute) };
        found.push(Target { path, value, removable: !attribute.required });
    }
}

/// Members to add: rows, and no part of the document, whose ids may be numbers.
fn members(writer: &mut Writer<'_>, attribute: &Attribute) -> Value {
    let attribute = attribute.clone();
    writer.component("GivenNewMembers", |writer| {
        let id = json!({ "type": ["string", "number"], "minLength": 1 });
        let mut forms = writer.complex(&attribute);
        forms.extend([super::holder(&id), id]);
        let list = json!({ "type": "array", "items": { "anyOf": forms } });
        forms.push(list);
        json!({ "anyOf": forms })
    })
}

/// The body of a PATCH.
pub(super) fn message(writer: &mut Writer<'_>, kind: &ResourceType) -> Value {
    let mut found = Vec::new();
    targets(writer, "", &kind.common, &mut found);
    targets(writer, "", &kind.schema.attributes, &mut found);
    for extension in &kind.extensions {
        let schema = &extension.schema;
        targets(writer, &format!("{}:", schema.id), &schema.attributes, &mut found);
        if schema.attributes.iter().any(is_writable) {
            let value = writer.extension(&schema.attributes);
            found.push(Target { path: schema.id.clone(), value, removable: true });
        }
    }
    let operations = operations(writer, kind, &found);
    json!({
        "description": format!(
            "Operations that are carried out in order, all or none (RFC 7644 3.5.2), as identity providers send them: \
             `PatchRequest` is the canonical form. `op` counts in any case, and is `replace` where it is missing. Names count \
             without regard to case, operations on attributes that a {} does not have are ignored.",
            kind.name.to_lowercase()
        ),
        "type": "object",
        "required": ["Operations"],
        "properties": {
            "schemas": { "type": "array", "contains": { "const": PATCH_MESSAGE } },
            "Operations": { "type": "array", "minItems": 1, "maxItems": MAX_OPERATIONS, "items": { "anyOf": operations } },
        },
    })
}

fn operations(writer: &mut Writer<'_>, kind: &ResourceType, found: &[Target]) -> Vec<Value> {
    // As a text, or as nothing, which means `replace`.
    let puts = json!({ "type": ["string", "null"], "pattern": ADD_OR_REPLACE });
    let removes = json!({ "type": "string", "pattern": REMOVE });
    let mut forms: Vec<Value> = Vec::new();
    let mut by_value: Vec<(&Value, Vec<&str>)> = Vec::new();
    for target in found {
        match by_value.iter_mut().find(|(value, _)| *value == &target.value) {
            Some((_, paths)) => paths.push(&target.path),
            None => by_value.push((&target.value, vec![&target.path])),
        }
    }
    for (value, paths) in by_value {
        forms.push(json!({
            "type": "object",
            "required": ["path", "value"],
            "properties": { "op": puts, "path": { "enum": paths }, "value": value },
        }));
    }
    let removable = found.iter().filter(|t| t.removable && t.path != "members").map(|t| t.path.as_str());
    forms.push(json!({
        "description": "With values of an attribute that may have several, removes these and leaves the others.",
        "type": "object",
        "required": ["op", "path"],
        "properties": { "op": removes, "path": { "enum": removable.collect::<Vec<_>>() } },
    }));
    if found.iter().any(|target| target.path == "members") {
        forms.push(json!({
            "description": "Removes these members, and leaves the others; without a value, all.",
            "type": "object",
            "required": ["op", "path"],
            "properties": { "op": removes, "path": { "const": "members" }, "value": members_to_remove() },
        }));
    }
    // `add` of no value changes nothing, whatever the attribute.
    let required = found.iter().filter(|target| !target.removable);
    forms.push(json!({
        "description": "No value: changes nothing.",
        "type": "object",
        "required": ["op", "path", "value"],
        "properties": {
            "op": { "type": "string", "pattern": ADD },
            "path": { "enum": required.map(|target| &target.path).collect::<Vec<_>>() },
            "value": writer.refer("GivenNothing"),
        },
    }));
    forms.extend(pathless(writer, kind, found));
    let value_path = json!({ "type": "string", "format": "scim-value-path", "pattern": selection() });
    forms.push(json!({
        "description": "Values that a filter selects: `emails[type eq \"work\"].value`.",
        "type": "object",
        "required": ["path", "value"],
        "properties": {
            "op": puts,
            "path": value_path,
            "value": writer.refer("GivenText"),
        },
    }));
    forms.push(json!({
        "description": "Removes the values that a filter selects.",
        "type": "object",
        "required": ["op", "path"],
        "properties": { "op": removes, "path": value_path },
    }));
    forms.push(json!({
        "description": "On an attribute that is not known here: ignored.",
        "type": "object",
        "required": ["path"],
        "properties": {
            "op": { "anyOf": [puts, removes] },
            "path": { "type": "string", "pattern": path(), "not": { "pattern": known(kind) } },
        },
    }));
    forms
}

/// Operations without a path: to replace, and to add.
fn pathless(writer: &mut Writer<'_>, kind: &ResourceType, found: &[Target]) -> [Value; 2] {
    let mut members: Map<String, Value> = writer.members(kind);
    for extension in kind.extensions.iter().filter(|e| !e.schema.attributes.iter().any(is_writable)) {
        let ignored = json!({ "description": "Ignored: it is the service provider's to say." });
        members.insert(extension.schema.id.clone(), ignored);
    }
    for target in found.iter().filter(|target| target.path == "members") {
        members.insert(target.path.clone(), target.value.clone());
    }
    let mut added = members.clone();
    for target in found.iter().filter(|target| !target.removable) {
        added.insert(target.path.clone(), json!({ "anyOf": [target.value, writer.refer("GivenNothing")] }));
    }
    let form = |words: &str, required: &[&str], op: Value, members: Map<String, Value>| {
        json!({
            "description": words,
            "type": "object",
            "required": required,
            "properties": {
                "op": op,
                "path": { "type": ["null", "string"], "pattern": r"^\s*$" },
                "value": { "type": "object", "properties": members },
            },
        })
    };
    let words = "Without a path: the names of the value are paths. The object may come as JSON text.";
    let replace = json!({ "type": ["string", "null"], "pattern": REPLACE });
    let add = json!({ "type": "string", "pattern": ADD });
    [
        form(words, &["value"], replace, members),
        form("The same, to add to what is there.", &["op", "value"], add, added),
    ]
}

/// A value filter, but for parentheses.
fn chosen() -> String {
    format!(r"\[{TERM}(?: (?:and|or) {TERM})*\](?:\.\$?[A-Za-z]+)?")
}

/// Paths with a value filter.
fn selection() -> String {
    format!("^[A-Za-z][A-Za-z0-9:._-]*{}$", chosen())
}

/// A path that is well-formed, whether or not there is such an attribute.
fn path() -> String {
    format!(r"^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*|{})?$", chosen())
}

fn members_to_remove() -> Value {
    let id = json!({ "type": ["string", "number"], "minLength": 1 });
    let one = [json!({ "type": "string", "minLength": 1 }), super::holder(&id)];
    let list = json!({ "type": "array", "items": { "anyOf": one } });
    let forms: Vec<Value> = one.iter().cloned().chain([json!({ "type": "null" }), list]).collect();
    json!({ "anyOf": forms })
}

/// The paths that begin with the name of an attribute, also of those of extensions, which are found without their URN.
fn known(kind: &ResourceType) -> String {
    // `schemas` follows from the extensions that have values.
    let core = kind.common.iter().chain(&kind.schema.attributes).filter(|a| a.name != "schemas");
    let extensions = kind.extensions.iter().flat_map(|e| &e.schema.attributes);
    let names: Vec<&str> = core.chain(extensions).map(|a| a.name.as_str()).collect();
    format!(r"^(?:{})(?:[.\[]|$)", names.join("|"))
}
