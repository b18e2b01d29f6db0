//! stub
/// x
pub fn document() -> serde_json::Value { serde_json::json!({}) }
/// x
pub fn yaml() -> Result<String, serde_saphyr::ser::Error> { serde_saphyr::to_string(&document()) }
