//! PATCH messages.

use serde_json::{Map, Value, json};

use super::{Writer, is_writable};
use crate::scim::PATCH_MESSAGE;
use crate::scim::patch::MAX_OPERATIONS;
use crate::scim::schema::{Attribute, DataType, ResourceType};

const ADD_OR_REPLACE: &str = "^(?:[Aa][Dd][Dd]|[Rr][Ee][Pp][Ll][Aa][Cc][Ee])$";
const REMOVE: &str = "^[Rr][Ee][Mm][Oo][Vv][Ee]$";
/// A path that is well-formed, whether or not there is such an attribute.
const PATH: &str = r"^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)?$";

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
        found.push(Target { path, value: writer.given(attribute), removable: !attribute.required });
    }
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
    let removable: Vec<&str> = found.iter().filter(|t| t.removable).map(|t| t.path.as_str()).collect();
    forms.push(json!({
        "type": "object",
        "required": ["op", "path"],
        "properties": { "op": removes, "path": { "enum": removable }, "value": { "type": "null" } },
    }));
    let several: Vec<&str> =
        kind.schema.attributes.iter().filter(|a| a.multi_valued && is_writable(a)).map(|a| a.name.as_str()).collect();
    // Any value, since it names what is to go; none of it may be there.
    let others: Vec<&str> = several.iter().copied().filter(|name| *name != "members").collect();
    if !others.is_empty() {
        forms.push(json!({
            "description": "Removes these values, and leaves the others.",
            "type": "object",
            "required": ["op", "path", "value"],
            "properties": { "op": removes, "path": { "enum": others } },
        }));
    }
    if several.contains(&"members") {
        forms.push(json!({
            "description": "Removes these members, and leaves the others.",
            "type": "object",
            "required": ["op", "path", "value"],
            "properties": { "op": removes, "path": { "const": "members" }, "value": members_to_remove() },
        }));
    }
    let members: Map<String, Value> = writer.members(kind);
    let value_path = json!({ "type": "string", "format": "scim-value-path", "pattern": selection() });
    forms.push(json!({
        "description": "Without a path: the names of the value are paths. The object may come as JSON text.",
        "type": "object",
        "required": ["value"],
        "properties": {
            "op": puts,
            "path": { "type": ["null", "string"], "pattern": r"^\s*$" },
            "value": { "type": "object", "properties": members },
        },
    }));
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
            "path": { "type": "string", "pattern": PATH, "not": { "pattern": known(kind) } },
        },
    }));
    forms
}

/// Paths with a value filter, but for parentheses and operators that are seldom seen there.
fn selection() -> String {
    let term = r#"[A-Za-z]+ (?:eq|ne|co|sw|ew) (?:"[^"\\\x00-\x1F]*"|true|false)"#;
    format!(r"^[A-Za-z][A-Za-z0-9:._-]*\[{term}(?: (?:and|or) {term})*\](?:\.\$?[A-Za-z]+)?$")
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
    format!(r"^(?:{})(?:\.|$)", names.join("|"))
}
