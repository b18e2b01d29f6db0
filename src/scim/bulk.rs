//! Bulk requests (RFC 7644 3.7): several operations in one request, which may refer to each other's resources before
//! these have an id.
//!
//! The way of a request: [`Request::parse`] reads the message, [`Job::new`] gives each resource that is to be created
//! its id and finds an order in which what is referred to comes first; then [`Job::advance`] hands out what to do, with
//! ids in place of references, [`Job::finish`] takes what became of it, and [`Job::response`] is the answer. What an
//! operation does is that of its method and endpoint, and no matter of this module.

mod job;
mod order;
mod parse;
mod path;
mod reference;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

pub use job::{Done, Job, Ready};

use super::error::Error;
use super::model::BulkMethod;
use super::schema::ResourceType;

/// Most operations in one request: each is a transaction of its own, and the client waits for all.
pub const MAX_OPERATIONS: u64 = 1_000;

/// A bulk request as it was read.
#[derive(Debug)]
pub struct Request {
    /// Number of errors after which nothing more is done; `None`: all is done.
    fail_on_errors: Option<u64>,
    /// At least one.
    entries: Vec<Entry>,
}

/// An operation as far as it could be read: also one that makes no sense has a result.
#[derive(Debug)]
struct Entry {
    /// In upper case, where it was a method; as it came, where it was another string.
    method: Option<String>,
    bulk_id: Option<String>,
    /// `None` where it makes no sense.
    path: Option<Path>,
    operation: Result<Operation, Error>,
}

/// An operation that makes sense by itself.
#[derive(Debug)]
struct Operation {
    method: BulkMethod,
    /// `Null` for DELETE.
    data: Value,
    /// What `If-Match` would say.
    version: Option<String>,
    /// The bulkIds that path and data refer to.
    references: BTreeSet<String>,
}

/// The resource or the endpoint that an operation is on.
#[derive(Debug, Clone)]
struct Path {
    resource_type: Arc<ResourceType>,
    /// The id, which may be a reference; `None`: the endpoint, where POST creates.
    id: Option<String>,
}

#[cfg(test)]
mod tests;
