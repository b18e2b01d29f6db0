//! stub
use super::{Attributes, Error, filter::Filter, schema::ResourceType};
/// x
#[derive(Debug, Clone, PartialEq)]
pub struct Operation;
/// x
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberValue { /// x
pub value: String }
/// x
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "stub")]
pub enum MemberChange { Add(Vec<MemberValue>), Remove(Vec<String>), RemoveAll, ReplaceAll(Vec<MemberValue>), RemoveWhere(Filter) }
/// x
#[derive(Debug, Clone, Copy, Default)]
pub struct Leniency;
/// x
pub fn split_members(o: Vec<Operation>) -> Result<(Vec<Operation>, Vec<MemberChange>), Error> { Ok((o, vec![])) }
/// x
pub fn apply(_: &ResourceType, a: &Attributes, _: &[Operation], _: Leniency) -> Result<Attributes, Error> { Ok(a.clone()) }
