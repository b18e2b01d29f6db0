//! How much one request may make the service look at. Each operation on a list looks at all of its values, and a value
//! filter does so for each of its terms: without a bound, a thousand operations of a hundred bytes on a list of a thousand
//! values keep a processor busy for seconds.

use serde_json::Value;

use super::Operation;
use crate::scim::Attributes;
use crate::scim::document;
use crate::scim::path::{self, PatchPath};
use crate::scim::schema::ResourceType;

/// Most that the operations of one request may look at together, in bytes of text.
pub(super) const MOST: usize = 40_000_000;
/// What a value counts for beside its text, in bytes.
const VALUE: usize = 64;

/// What one operation looks at in the document as it is now.
pub(super) fn of(kind: &ResourceType, document: &Attributes, operation: &Operation) -> usize {
    let list = |attribute| {
        let target = path::find(kind, attribute);
        target.and_then(|target| document::attribute(document, &target)).map_or(0, size)
    };
    match &operation.path {
        Some(PatchPath::Attribute(attribute)) => list(attribute),
        Some(PatchPath::Values { attribute, filter, .. }) => list(attribute).saturating_mul(filter.terms()),
        // Each key may be a list; which of them is not looked up for this.
        None | Some(PatchPath::Extension(_)) => {
            let keys = operation.value.as_ref().and_then(Value::as_object).map_or(0, serde_json::Map::len);
            document.values().map(size).sum::<usize>().saturating_mul(keys)
        }
    }
}

/// The values of a list, and of those in an extension.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(|value| VALUE + text(value)).sum(),
        Value::Object(members) => members.values().filter(|value| value.is_array()).map(size).sum(),
        _ => 0,
    }
}

fn text(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Object(members) => members.values().map(text).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Op, apply};
    use super::*;
    use crate::scim::error::ScimType;
    use crate::scim::schema::Registry;
    use crate::scim::{Strictness, USER_SCHEMA};

    fn operation(path: &str, value: &Value) -> Operation {
        let user = Registry::standard().expect("schemas").user;
        let path = PatchPath::parse(&user, path).expect("a path");
        Operation { op: Op::Add, path: Some(path), value: Some(value.clone()) }
    }

    fn user(emails: usize) -> Attributes {
        let emails: Vec<Value> = (0..emails).map(|i| json!({"value": format!("{i:04}")})).collect();
        json!({"schemas": [USER_SCHEMA], "userName": "a", "emails": emails}).as_object().expect("an object").clone()
    }

    #[test]
    fn counts_values_and_terms() {
        let kind = Registry::standard().expect("schemas").user;
        let cases = [
            ("title", json!("T"), 0),
            ("emails", json!([]), 680),
            ("emails[value eq \"a\" or not (type pr)].display", json!("d"), 1_360),
            ("phoneNumbers", json!([]), 0),
            ("nonsense", json!([]), 0),
            (USER_SCHEMA, json!({"title": "T", "emails": []}), 2 * 680 + 2 * (64 + USER_SCHEMA.len())),
        ];
        for (path, value, expected) in cases {
            assert_eq!(of(&kind, &user(10), &operation(path, &value)), expected, "{path}");
        }
    }

    #[test]
    fn too_much_in_one_request_is_refused() {
        let kind = Registry::standard().expect("schemas").user;
        let one = operation("emails[value eq \"0007\"].display", &json!("d"));
        let many = vec![one; 1_000];
        assert!(apply(&kind, &user(100), &many, Strictness::Lenient).is_ok());
        let error = apply(&kind, &user(1_000), &many, Strictness::Lenient).expect_err("too much");
        assert_eq!(error.scim_type, Some(ScimType::TooMany));
        assert_eq!(error.detail, "Operations[588]: the operations look at too many values; send fewer in one request");
    }
}
