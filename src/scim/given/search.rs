//! Searches by POST.

use serde_json::{Map, Value, json};

use crate::scim::SEARCH_MESSAGE;

/// A whole number as text.
const WHOLE: &str = "^ *[+-]?[0-9]+ *$";
/// One that is 1 or less, which counts as 1.
const FIRST: &str = r"^ *(?:\+?0*1|[+-]?0+|-[0-9]+) *$";
/// An order, or none.
const ORDER: &str = "^ *(?:[Aa][Ss][Cc][Ee][Nn][Dd][Ii][Nn][Gg]|[Dd][Ee][Ss][Cc][Ee][Nn][Dd][Ii][Nn][Gg])? *$";

/// The schema without the empty text.
fn filled(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("minLength".into(), json!(1));
    }
    schema
}

/// The body of a search.
pub(super) fn message() -> Value {
    let names = |words: &str| {
        json!({
            "description": format!("{words} As a list, or as one text with commas between."),
            "type": ["array", "string", "null"],
            "format": "scim-attributes",
            "items": { "type": "string", "format": "scim-attributes" },
        })
    };
    let text =
        |format: &str, words: &str| json!({ "description": words, "type": ["string", "null"], "format": format });
    let number = |words: &str| json!({ "description": words, "type": ["integer", "string", "null"], "pattern": WHOLE });
    let members = [
        ("schemas", json!({ "type": "array", "contains": { "const": SEARCH_MESSAGE } })),
        ("attributes", names("Names of the attributes to answer (RFC 7644 3.9).")),
        ("excludedAttributes", names("Names of attributes to leave out.")),
        // An empty one could be meant to find nothing, or everything.
        ("filter", filled(text("scim-filter", "Which resources (RFC 7644 3.4.2.2)."))),
        ("sortBy", text("scim-attribute-path", "The attribute by which they are sorted (RFC 7644 3.4.2.3).")),
        ("sortOrder", json!({ "description": "Ascending without it.", "type": ["string", "null"], "pattern": ORDER })),
        ("count", number("Resources on the page, 0 for the total alone.")),
    ];
    let form = |words: &str, start: Value, cursor: Value| {
        let paging = [("startIndex", start), ("cursor", cursor)];
        let members: Map<String, Value> =
            members.iter().cloned().chain(paging).map(|(name, schema)| (name.to_owned(), schema)).collect();
        json!({ "description": words, "type": "object", "required": ["schemas"], "properties": members })
    };
    let first = json!({
        "description": "Says no more than `cursor`.",
        "type": ["integer", "string", "null"],
        "maximum": 1,
        "pattern": FIRST,
    });
    let cursor = text(
        "scim-cursor",
        "Empty for the first page, then what `nextCursor` of the page before said; of another text no page is known.",
    );
    let index = number("Number of the first resource, from 1; less counts as 1.");
    json!({
        "description": "A search as clients send it: `SearchRequest` is the canonical form. Names count without regard to \
            case, and what is not known is ignored.",
        "anyOf": [
            form("A page by index.", index, json!({ "type": "null" })),
            form("A page by cursor (RFC 9865).", first, cursor),
        ],
    })
}
