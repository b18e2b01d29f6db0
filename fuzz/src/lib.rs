//! The pure core of the bridge, and what must hold of it for any bytes.
//!
//! The sources are those of the bridge, by path: `src/scim` names no other layer, so that a fuzz target is built without
//! the database, the server and TLS.

#[path = "../../src/scim/mod.rs"]
pub mod scim;

#[path = "../../src/http/json.rs"]
mod json;

/// One JSON value and nothing after it, as request bodies are read; `None` for what is no JSON, or has a name twice.
pub fn read(bytes: &[u8]) -> Option<serde_json::Value> {
    json::parse(bytes).ok()
}
