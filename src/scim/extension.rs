//! Schema documents that somebody wrote by hand, for extensions of this server's users and groups (RFC 7643 section 7).
//! Characteristics that are left out have the values of RFC 7643 2.2; a misspelt one is refused, since its default would
//! be in force without anybody having chosen it.

use serde_json::{Map, Value, json};

use super::schema::{Attribute, Schema, Uniqueness};

/// What a document may hold. `schemas` and `meta` are there where it was copied from a service provider.
const DOCUMENT: [&str; 6] = ["schemas", "meta", "id", "name", "description", "attributes"];
/// The characteristics of an attribute.
const CHARACTERISTICS: [&str; 12] = [
    "name",
    "type",
    "subAttributes",
    "multiValued",
    "description",
    "required",
    "canonicalValues",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "referenceTypes",
];
/// Beginnings of URNs that are not for extensions: the core schemas and the messages of RFC 7643 and RFC 7644, and what is
/// this server's own.
const RESERVED: [&str; 3] = ["urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:", "urn:scim-bridge:"];

/// Reads a document.
///
/// # Errors
/// The place in the document (`attributes[2].mutability`) and what is wrong there. What holds between attributes is looked at
/// where the schema is added: see [`super::schema::Registry::with_extension`].
pub fn read(mut document: Value) -> Result<Schema, String> {
    let members = document.as_object_mut().ok_or("must be an object")?;
    known(members, &DOCUMENT, "")?;
    for (name, default) in [("name", String::new()), ("description", String::new())] {
        members.entry(name).or_insert(Value::String(default));
    }
    if let Some(attributes) = members.get_mut("attributes") {
        complete(attributes, "attributes")?;
    }
    let schema: Schema =
        serde_path_to_error::deserialize(document).map_err(|error| match error.path().to_string() {
            // At the document as a whole.
            path if path == "." => error.inner().to_string(),
            path => format!("{path}: {}", error.inner()),
        })?;
    let lower = schema.id.to_ascii_lowercase();
    if RESERVED.iter().any(|beginning| lower.starts_with(beginning)) {
        return Err(format!("id: {} is not for extensions", schema.id));
    }
    if schema.attributes.is_empty() {
        return Err("attributes: there is none".into());
    }
    unique(&schema.attributes, "attributes")?;
    Ok(schema)
}

fn known(members: &Map<String, Value>, names: &[&str], place: &str) -> Result<(), String> {
    match members.keys().find(|key| !names.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(format!("{place}{key}: there is no such characteristic; known are {}", names.join(", "))),
    }
}

/// Puts in the defaults (RFC 7643 2.2).
fn complete(attributes: &mut Value, place: &str) -> Result<(), String> {
    let attributes = attributes.as_array_mut().ok_or_else(|| format!("{place}: must be an array"))?;
    for (index, attribute) in attributes.iter_mut().enumerate() {
        let place = format!("{place}[{index}]");
        let members = attribute.as_object_mut().ok_or_else(|| format!("{place}: must be an object"))?;
        known(members, &CHARACTERISTICS, &format!("{place}."))?;
        if let Some(subs) = members.get_mut("subAttributes") {
            complete(subs, &format!("{place}.subAttributes"))?;
        }
        let defaults = [
            ("type", json!("string")),
            ("multiValued", json!(false)),
            ("description", json!("")),
            ("required", json!(false)),
            ("mutability", json!("readWrite")),
            ("returned", json!("default")),
        ];
        for (name, default) in defaults {
            members.entry(name).or_insert(default);
        }
    }
    Ok(())
}

/// Uniqueness is not kept for attributes of extensions, and must not be announced.
fn unique(attributes: &[Attribute], place: &str) -> Result<(), String> {
    for (index, attribute) in attributes.iter().enumerate() {
        let place = format!("{place}[{index}]");
        if attribute.uniqueness != Uniqueness::None {
            return Err(format!("{place}.uniqueness: of {} must be none, others are not kept here", attribute.name));
        }
        unique(&attribute.sub_attributes, &format!("{place}.subAttributes"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{DataType, Mutability, Returned};

    fn document(attribute: &Value) -> Value {
        json!({ "id": "urn:acme:user", "attributes": [{ "name": "first" }, attribute] })
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_rfc() {
        let schema = read(document(&json!({ "name": "badge" }))).unwrap();
        let badge = schema.attribute("badge").unwrap();
        assert_eq!(badge.data_type, DataType::String);
        assert_eq!((badge.mutability, badge.returned), (Mutability::ReadWrite, Returned::Default));
        assert!(!badge.multi_valued && !badge.required && !badge.case_exact);
        assert_eq!(badge.uniqueness, Uniqueness::None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (attribute, message) in [
            (json!({ "name": "x", "mutabillity": "readOnly" }), "attributes[1].mutabillity: there is no such"),
            (
                json!({ "name": "x", "mutability": "sometimes" }),
                "attributes[1].mutability: unknown variant `sometimes`",
            ),
            (json!({ "type": "string" }), "attributes[1]: missing field `name`"),
            (json!({ "name": "x", "type": "text" }), "attributes[1].type: unknown variant `text`"),
            (json!({ "name": "x", "uniqueness": "server" }), "attributes[1].uniqueness: of x must be none"),
            (json!({ "name": "x", "multi_valued": true }), "attributes[1].multi_valued: there is no such"),
            (json!("x"), "attributes[1]: must be an object"),
            (json!({ "name": "x", "subAttributes": [{ "nam": "y" }] }), "attributes[1].subAttributes[0].nam: there"),
            (
                json!({ "name": "x", "type": "complex", "subAttributes": [{ "name": "y", "uniqueness": "global" }] }),
                "attributes[1].subAttributes[0].uniqueness: of y must be none",
            ),
        ] {
            let error = read(document(&attribute)).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
        for (whole, message) in [
            (json!([]), "must be an object"),
            (json!({ "attributes": [{ "name": "x" }] }), "missing field `id`"),
            (json!({ "id": "urn:acme" }), "missing field `attributes`"),
            (json!({ "id": "urn:acme", "attributes": [] }), "attributes: there is none"),
            (json!({ "id": "urn:acme", "attributes": {} }), "attributes: must be an array"),
            (json!({ "id": "urn:acme", "attribute": [] }), "attribute: there is no such"),
        ] {
            let error = read(whole).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn urns_that_others_own_are_refused() {
        for urn in [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "URN:IETF:params:scim:schemas:core:2.0:Device",
            "urn:ietf:params:scim:api:messages:2.0:PatchOp",
            "urn:scim-bridge:schemas:extension:delivery:1.0",
        ] {
            let error = read(json!({ "id": urn, "attributes": [{ "name": "x" }] })).unwrap_err();
            assert!(error.ends_with("is not for extensions"), "{error}");
        }
        // What Microsoft tells its customers to write.
        let entra = "urn:ietf:params:scim:schemas:extension:Acme:2.0:User";
        assert!(read(json!({ "id": entra, "attributes": [{ "name": "x" }] })).is_ok());
    }
}
