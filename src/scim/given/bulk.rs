//! Bulk requests.

use serde_json::{Value, json};

use crate::scim::BULK_REQUEST_MESSAGE;
use crate::scim::bulk::MAX_OPERATIONS;
use crate::scim::schema::Registry;

/// The body of a bulk request.
pub(super) fn message(registry: &Registry) -> Value {
    let mut forms: Vec<Value> = registry
        .resource_types()
        .into_iter()
        .flat_map(|kind| {
            let (name, endpoint) = (&kind.name, &kind.endpoint);
            let one = json!({ "type": "string", "pattern": format!("^{endpoint}/[^/?#]+$") });
            let version = json!({ "type": ["string", "null"] });
            // Told in words: what is wrong with it is the result of the operation, and the same schemas at each operation again
            // make the machines that read this slow.
            let data = |what: &str| json!({ "description": format!("What `{name}{what}` says."), "type": "object" });
            [
                json!({
                    "type": "object",
                    "required": ["method", "bulkId", "path", "data"],
                    "properties": {
                        "method": { "const": "POST" },
                        "bulkId": { "type": "string", "minLength": 1 },
                        "path": { "const": endpoint },
                        "data": data("Request"),
                    },
                }),
                json!({
                    "type": "object",
                    "required": ["method", "path", "data"],
                    "properties": {
                        "method": { "const": "PUT" },
                        "path": one,
                        "version": version,
                        "data": data("Request"),
                    },
                }),
                json!({
                    "type": "object",
                    "required": ["method", "path", "data"],
                    "properties": {
                        "method": { "const": "PATCH" },
                        "path": one,
                        "version": version,
                        "data": data("Patch"),
                    },
                }),
                json!({
                    "type": "object",
                    "required": ["method", "path"],
                    "properties": { "method": { "const": "DELETE" }, "path": one, "version": version },
                }),
            ]
        })
        .collect();
    forms.push(json!({
        "description": "Whatever else: an operation that makes no sense is answered with an error of its own, and the others \
            are carried out (RFC 7644 3.7.3). Methods and names count without regard to case, and a path may begin with the \
            base URL.",
    }));
    json!({
        "description": "Several operations, each with a result of its own (RFC 7644 3.7): `BulkRequest` is the canonical form. \
            In `data` and `path`, `bulkId:` and the name that a POST has stand for the id of what it creates.",
        "type": "object",
        "required": ["schemas", "Operations"],
        "properties": {
            "schemas": { "type": "array", "contains": { "const": BULK_REQUEST_MESSAGE } },
            "failOnErrors": {
                "description": "Number of errors after which no further operation is carried out. Without it, all are.",
                "type": ["integer", "null"],
                "minimum": 1,
            },
            "Operations": { "type": "array", "minItems": 1, "maxItems": MAX_OPERATIONS, "items": { "anyOf": forms } },
        },
    })
}
