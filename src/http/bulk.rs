//! `/Bulk`: several requests in one (RFC 7644 3.7).

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::access::Principal;
use crate::provisioning::{self, Creation, Obstacle, Provisioner, Target};
use crate::scim::bulk::{Done, Job, MAX_OPERATIONS, Ready, Request};
use crate::scim::discovery::BulkLimits;
use crate::scim::message::etag;
use crate::scim::model::{BulkMethod, BulkResult};
use crate::scim::precondition::Precondition;
use crate::shadow::Kind;

use super::State;
use super::resources::target;
use super::wire::{Refusal, answer, body};

/// Largest request in bytes, where the server takes bodies as large.
const MAX_PAYLOAD_SIZE: usize = 1_048_576;

/// The limits that are announced and kept (RFC 7644 3.7.4).
pub(super) fn limits(body_limit: usize) -> BulkLimits {
    let max_payload_size = u64::try_from(body_limit.min(MAX_PAYLOAD_SIZE)).unwrap_or(u64::MAX);
    BulkLimits { max_operations: MAX_OPERATIONS, max_payload_size }
}

/// Carries out a bulk request and answers what became of each operation. Each goes the way of a request of its own; they
/// go one after the other, because one may build on what another did.
pub(super) async fn carry_out(
    state: &State,
    request: &HttpRequest,
    principal: &Principal,
    payload: &mut web::Payload,
) -> Result<HttpResponse, Refusal> {
    let limits = limits(state.body_limit);
    let most = state.body_limit.min(MAX_PAYLOAD_SIZE);
    let body = body(request, payload, most).await.map_err(|mut refusal| {
        if refusal.error.status == 413 {
            refusal.error.detail = format!("the body is larger than maxPayloadSize, which is {most} bytes").into();
        }
        refusal
    })?;
    let (base, provisioner) = (state.base(request), &state.provisioner);
    let registry = provisioner.registries().of(&principal.tenant);
    let asked = Request::parse(registry, &base, limits.max_operations, body)?;
    let mut job = Job::new(asked, &base, || provisioner.new_id());
    let mut settling = Vec::new();
    loop {
        let ready = job.advance();
        if ready.is_empty() {
            break;
        }
        settling.extend(ready.iter().map(Settling::of));
        for (index, result) in act(provisioner, principal, ready).await {
            let refusal = match result.map_err(Refusal::from) {
                Err(refusal) if refusal.retry_after.is_some() => refusal,
                result => {
                    job.finish(index, result.map_err(|refusal| refusal.error));
                    continue;
                }
            };
            // The database does not answer. To try the rest would keep the client waiting for as many time-outs; where
            // nothing was changed, all of it may come again.
            if !job.has_succeeded() {
                return Err(refusal);
            }
            job.give_up(&refusal.error);
        }
    }
    settle(&mut job, provisioner, principal, &settling).await;
    let response = job.response();
    response.operations.iter().for_each(count);
    Ok(answer(StatusCode::OK, &response))
}

/// An operation on which Salesforce's word is waited for.
struct Settling {
    index: usize,
    kind: Kind,
    id: String,
    /// The version of what it made.
    made: Option<i64>,
}

impl Settling {
    fn of(ready: &Ready) -> Self {
        let made = (ready.method == BulkMethod::Post).then_some(1);
        Self { index: ready.index, kind: kind_of(ready), id: ready.id.clone(), made }
    }
}

/// Waits for Salesforce's word on all operations that were carried out, where the tenant's answers do: for all together as
/// long as one request would. They are under way at once, so that a thousand take little longer than one.
async fn settle(job: &mut Job, provisioner: &Provisioner, principal: &Principal, settling: &[Settling]) {
    let Some(most) = provisioner.waits(&principal.tenant) else { return };
    let end = Instant::now() + most;
    for one in settling.iter().filter(|one| job.is_done(one.index)).collect::<Vec<_>>() {
        let left = end.saturating_duration_since(Instant::now());
        let settled = provisioner.settled(target(principal, one.kind), &one.id, one.made, left).await;
        if let Err(error) = settled {
            job.retract(one.index, error);
        }
    }
}

fn kind_of(ready: &Ready) -> Kind {
    Kind::parse(&ready.resource_type.name).unwrap_or(Kind::User)
}

/// Counts an operation: the request itself is answered 200 even where all of its operations failed.
fn count(result: &BulkResult) {
    // A method that is none was chosen by the client, and would make a time series of each of its inventions.
    let known = |method: &&str| result.method.as_deref() == Some(*method);
    let method = BulkMethod::ALL.map(BulkMethod::name).into_iter().find(known).unwrap_or("none");
    metrics::counter!("scim_bridge_bulk_operations_total", "method" => method, "status" => result.status.clone())
        .increment(1);
}

type Outcome = Result<Done, provisioning::Error>;

/// Carries out one operation, or creations that refer to each other. Of these, one that fails speaks for all.
async fn act(provisioner: &Provisioner, principal: &Principal, ready: Vec<Ready>) -> Vec<(usize, Outcome)> {
    let target = |ready: &Ready| target(principal, kind_of(ready));
    match <[Ready; 1]>::try_from(ready) {
        Ok([one]) => {
            let (index, target) = (one.index, target(&one));
            vec![(index, single(provisioner, target, one).await)]
        }
        Err(several) => {
            let indices: Vec<usize> = several.iter().map(|one| one.index).collect();
            let creation = |one: Ready| Creation { target: target(&one), id: one.id, body: one.data };
            match provisioner.create_together(several.into_iter().map(creation).collect()).await {
                Ok(views) => {
                    let made = views.iter().map(|view| Ok(done(201, Some(view.stored.version))));
                    indices.into_iter().zip(made).collect()
                }
                Err(Obstacle { index, error }) => {
                    indices.get(index).map(|index| (*index, Err(error))).into_iter().collect()
                }
            }
        }
    }
}

async fn single(provisioner: &Provisioner, target: Target<'_>, ready: Ready) -> Outcome {
    let Ready { method, id, data, version, .. } = ready;
    let when = version.as_deref().map(Precondition::version).unwrap_or_default();
    match method {
        BulkMethod::Post => {
            let view = provisioner.create_as(target, id, data).await?;
            Ok(done(201, Some(view.stored.version)))
        }
        BulkMethod::Put => {
            let view = provisioner.replace(target, &id, when, data).await?;
            Ok(done(200, Some(view.stored.version)))
        }
        BulkMethod::Patch => {
            let patched = provisioner.patch(target, &id, when, data, None).await?;
            Ok(done(if patched.large { 204 } else { 200 }, Some(patched.view.stored.version)))
        }
        BulkMethod::Delete => {
            provisioner.delete(target, &id, when).await?;
            Ok(done(204, None))
        }
    }
}

fn done(status: u16, version: Option<i64>) -> Done {
    Done { status, version: version.map(etag) }
}
