//! A bulk request that is being carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::reference::{self, Resolved};
use super::{Entry, Operation, Request, order};
use crate::scim::error::Error;
use crate::scim::message::location;
use crate::scim::model::{BulkMethod, BulkResponse, BulkResult, ErrorMessage};
use crate::scim::schema::ResourceType;
use crate::scim::{BULK_RESPONSE_MESSAGE, ERROR_MESSAGE};

/// A bulk request that is being carried out: what is to be done next, and what became of what was done.
#[derive(Debug)]
pub struct Job {
    /// SCIM base URL.
    base: String,
    entries: Vec<Entry>,
    /// What POSTs create, by bulkId.
    creations: BTreeMap<String, Creation>,
    /// What was not begun, the next at the end.
    steps: Vec<Vec<usize>>,
    /// What was handed out last.
    current: Vec<usize>,
    /// Of each operation, once it is known.
    pub(super) results: Vec<Option<Result<Done, Error>>>,
    fail_on_errors: Option<u64>,
    errors: u64,
}

/// A POST that others can refer to.
#[derive(Debug)]
struct Creation {
    index: usize,
    /// `None` where the operation makes no sense.
    resolved: Option<Resolved>,
}

/// An operation to be carried out now, with ids in the place of references.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Its number in the request, for [`Job::finish`].
    pub index: usize,
    /// What to do.
    pub method: BulkMethod,
    /// To what.
    pub resource_type: Arc<ResourceType>,
    /// The id of the resource; that which a new one gets, for POST.
    pub id: String,
    /// Body of the request; `Null` for DELETE.
    pub data: Value,
    /// What `If-Match` would say.
    pub version: Option<String>,
}

/// What an operation that succeeded is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// HTTP status that a request of its own would have been answered with.
    pub status: u16,
    /// Entity tag of the resource, where there still is one.
    pub version: Option<String>,
}

impl Job {
    /// Plans a request. `new_id` makes the ids of what is created, so that others can refer to it before it is there.
    /// `base` is the SCIM base URL.
    pub fn new(request: Request, base: &str, mut new_id: impl FnMut() -> String) -> Self {
        let Request { fail_on_errors, mut entries } = request;
        let mut creations: BTreeMap<String, Creation> = BTreeMap::new();
        let mut twice = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let (Some(bulk_id), Some("POST")) = (&entry.bulk_id, entry.method.as_deref()) else { continue };
            if let Some(first) = creations.get(bulk_id) {
                twice.push((first.index, index));
                continue;
            }
            let resolved = entry.path.as_ref().filter(|_| entry.operation.is_ok()).map(|path| {
                let id = new_id();
                Resolved { location: location(base, &path.resource_type, &id), id }
            });
            creations.insert(bulk_id.clone(), Creation { index, resolved });
        }
        // All of them are refused: which of them a reference means cannot be told, and the wrong person in a group is
        // worse than an error.
        for (first, second) in twice {
            for (index, other) in [(first, second), (second, first)] {
                if let Some(entry) = entries.get_mut(index).filter(|entry| entry.operation.is_ok()) {
                    let words = format!("Operations[{index}].bulkId: Operations[{other}] has the same");
                    entry.operation = Err(Error::invalid_syntax(words));
                }
            }
        }
        let referred = |operation: &Operation| {
            operation.references.iter().filter_map(|id| creations.get(id)).map(|creation| creation.index).collect()
        };
        let graph: Vec<Vec<usize>> =
            entries.iter().map(|entry| entry.operation.as_ref().map(referred).unwrap_or_default()).collect();
        let mut steps = order::steps(&graph);
        steps.reverse();
        let results = entries.iter().map(|_| None).collect();
        let base = base.to_owned();
        Self { base, entries, creations, steps, current: Vec::new(), results, fail_on_errors, errors: 0 }
    }

    /// What is to be done next; nothing where the request is done. Several are creations that refer to each other in a
    /// circle: they are to be done together, all or none. Of what was handed out before, each must be finished, or one
    /// of several with an error, which the others then have too.
    pub fn advance(&mut self) -> Vec<Ready> {
        self.refuse();
        while !self.is_over() {
            let Some(step) = self.steps.pop() else { break };
            self.current = step;
            self.refuse();
            let ready: Vec<usize> = self.current.iter().copied().filter(|index| self.is_open(*index)).collect();
            if !ready.is_empty() {
                return ready.into_iter().filter_map(|index| self.ready(index)).collect();
            }
        }
        Vec::new()
    }

    /// Takes what became of an operation.
    pub fn finish(&mut self, index: usize, result: Result<Done, Error>) {
        if let Some(place) = self.results.get_mut(index).filter(|place| place.is_none()) {
            self.errors += u64::from(result.is_err());
            *place = Some(result);
        }
    }

    /// Whether an operation was finished well.
    pub fn is_done(&self, index: usize) -> bool {
        matches!(self.results.get(index), Some(Some(Ok(_))))
    }

    /// Takes back what was finished well: it turned out to be refused.
    pub fn retract(&mut self, index: usize, error: Error) {
        if let Some(place) = self.results.get_mut(index).filter(|place| matches!(place, Some(Ok(_)))) {
            self.errors += 1;
            *place = Some(Err(error));
        }
    }

    /// Gives up what is not done: each operation that has no result gets this error.
    pub fn give_up(&mut self, error: &Error) {
        self.steps.clear();
        for place in self.results.iter_mut().filter(|place| place.is_none()) {
            *place = Some(Err(error.clone()));
        }
    }

    /// Whether anything was changed.
    pub fn has_succeeded(&self) -> bool {
        self.results.iter().flatten().any(Result::is_ok)
    }

    /// The answer: the results there are, in the order of the request.
    pub fn response(self) -> BulkResponse {
        let Self { base, entries, mut creations, results, .. } = self;
        // What was not created has no address.
        creations.retain(|_, creation| matches!(results.get(creation.index), Some(Some(Ok(_)))));
        let created = |id: &str| creations.get(id)?.resolved.as_ref().map(|resolved| resolved.id.clone());
        let operations = entries.into_iter().zip(results).filter_map(|(entry, result)| {
            let (done, error) = match result? {
                Ok(done) => (Some(done), None),
                Err(error) => (None, Some(error)),
            };
            let location = entry.path.and_then(|path| {
                let id = match &path.id {
                    Some(id) => reference::bulk_id(id).and_then(created).unwrap_or_else(|| id.clone()),
                    // RFC 7644 3.7: a POST that failed has none.
                    None => entry.bulk_id.as_deref().and_then(created)?,
                };
                Some(location(&base, &path.resource_type, &id))
            });
            Some(BulkResult {
                method: entry.method,
                bulk_id: entry.bulk_id,
                location,
                status: done.as_ref().map(|done| done.status).or(error.as_ref().map(|error| error.status))?.to_string(),
                version: done.and_then(|done| done.version),
                response: error.map(message),
            })
        });
        BulkResponse { schemas: vec![BULK_RESPONSE_MESSAGE.to_owned()], operations: operations.collect() }
    }

    fn is_over(&self) -> bool {
        self.fail_on_errors.is_some_and(|most| self.errors >= most)
    }

    fn is_open(&self, index: usize) -> bool {
        self.results.get(index).is_some_and(Option::is_none)
    }

    /// Finishes those of the current operations that cannot be carried out, as often as that makes it impossible for
    /// others of them.
    fn refuse(&mut self) {
        let mut changed = true;
        while changed {
            changed = false;
            for index in self.current.clone() {
                if let Some(error) = self.obstacle(index) {
                    self.finish(index, Err(error));
                    changed = true;
                }
            }
        }
    }

    /// Why an operation without a result cannot be carried out.
    fn obstacle(&self, index: usize) -> Option<Error> {
        let entry = self.entries.get(index).filter(|_| self.is_open(index))?;
        let operation = match &entry.operation {
            Ok(operation) => operation,
            Err(error) => return Some(error.clone()),
        };
        operation.references.iter().find_map(|bulk_id| {
            let why = match self.creations.get(bulk_id) {
                None => "no POST of this request has it".to_owned(),
                Some(creation) => match self.results.get(creation.index) {
                    Some(Some(Err(error))) => {
                        format!("Operations[{}], which has it, failed with status {}", creation.index, error.status)
                    }
                    _ => return None,
                },
            };
            // RFC 7644 3.7.1 and 3.7.2.
            Some(Error::new(409, format!("Operations[{index}]: refers to bulkId {bulk_id:?}, and {why}")))
        })
    }

    fn ready(&mut self, index: usize) -> Option<Ready> {
        let Self { entries, creations, .. } = self;
        let entry = entries.get_mut(index)?;
        let (path, operation) = (entry.path.as_ref()?, entry.operation.as_mut().ok()?);
        let mut resolve = |id: &str| creations.get(id)?.resolved.clone();
        let mut data = operation.data.take();
        if !operation.references.is_empty() {
            reference::substitute(&path.resource_type, operation.method, &mut data, &mut resolve);
        }
        let named = match &path.id {
            Some(id) => reference::bulk_id(id).and_then(&mut resolve).map_or_else(|| id.clone(), |made| made.id),
            None => resolve(entry.bulk_id.as_deref()?)?.id,
        };
        Some(Ready {
            index,
            method: operation.method,
            resource_type: Arc::clone(&path.resource_type),
            id: named,
            data,
            version: operation.version.take(),
        })
    }
}

/// The error as an answer of its own would have it (RFC 7644 3.12).
fn message(error: Error) -> ErrorMessage {
    ErrorMessage {
        schemas: vec![ERROR_MESSAGE.to_owned()],
        status: error.status.to_string(),
        scim_type: error.scim_type,
        detail: Some(error.detail.into_owned()),
    }
}
