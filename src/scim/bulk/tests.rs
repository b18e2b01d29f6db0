//! Bulk requests without a server.

mod graphs;
mod messages;
mod references;

use serde_json::{Value, json};

use super::*;
use crate::scim::BULK_REQUEST_MESSAGE;
use crate::scim::schema::Registry;

/// The SCIM base URL of the tests.
const BASE: &str = "https://example.com/scim/v2";

fn bulk(operations: &Value) -> Value {
    json!({ "schemas": [BULK_REQUEST_MESSAGE], "Operations": operations })
}

fn parse(body: Value) -> Result<Request, Error> {
    Request::parse(&Registry::standard().unwrap(), BASE, 20, body)
}

/// A job whose resources get the ids `id-0`, `id-1`, … in the order of the request.
fn job(body: Value) -> Job {
    let mut next = 0;
    Job::new(parse(body).unwrap(), BASE, || {
        next += 1;
        format!("id-{}", next - 1)
    })
}

fn post(bulk_id: &str, path: &str, data: &Value) -> Value {
    json!({ "method": "POST", "bulkId": bulk_id, "path": path, "data": data })
}

fn done(status: u16) -> Done {
    Done { status, version: Some("W/\"1\"".into()) }
}

/// Carries out everything with success; answers the order and the answer.
fn run(mut job: Job) -> (Vec<Vec<Ready>>, Value) {
    let mut steps = Vec::new();
    loop {
        let ready = job.advance();
        if ready.is_empty() {
            return (steps, serde_json::to_value(job.response()).unwrap());
        }
        for ready in &ready {
            job.finish(ready.index, Ok(done(if ready.method == BulkMethod::Post { 201 } else { 200 })));
        }
        steps.push(ready);
    }
}
