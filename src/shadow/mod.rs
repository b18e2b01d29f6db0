//! The shadow: what identity providers asked for (resources, memberships), what Salesforce confirmed (observed), and
//! which of ours is which of theirs (links). Functions over a connection, so that several make one transaction. Knows
//! nothing of HTTP and makes no call.

pub mod link;
pub mod member;
mod moment;
pub mod nested;
pub mod observed;
mod person;
pub mod query;
mod resource;
pub mod roster;
mod value;

pub use person::{Key, Person, people};
pub use resource::{
    Kind, Snapshot, Stored, bury, find, guard, insert, lock, named, named_like, predecessor, save, snapshot,
};
pub(crate) use resource::{any, existing};
pub use value::{LONGEST, too_long};
