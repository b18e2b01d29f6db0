//! stub
use super::{Attributes, Error, patch::Operation, schema::ResourceType};
use serde_json::Value;
/// x
#[derive(Debug, Clone, Copy, Default)]
pub struct Options;
/// x
pub fn resource(_: &ResourceType, _: Value, _: &Options) -> Result<Attributes, Error> {
    Ok(Attributes::new())
}
/// x
pub fn patch(_: &ResourceType, _: Value, _: &Options) -> Result<Vec<Operation>, Error> {
    Ok(vec![])
}
