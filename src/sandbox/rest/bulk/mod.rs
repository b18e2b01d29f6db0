//! The Bulk API 2.0: jobs that query many records or write many.

mod ingest;
mod query;
mod table;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use self::ingest::Ingest;
use self::query::Query;
use self::table::Format;
use super::fault::Fault;
use super::{BulkPace, Call};
use crate::sandbox::org::Visit;
use crate::sandbox::wire::Reply;

/// How the ids of jobs begin.
const JOB: &str = "750";
/// How long a job and its results are kept.
const KEPT: TimeDelta = TimeDelta::days(7);

/// The jobs of an org by id.
pub(super) type Jobs = BTreeMap<String, Job>;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// An ingest job waits for its records.
    Open,
    /// Everything is there, and nothing done.
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::UploadComplete => "UploadComplete",
            Self::InProgress => "InProgress",
            Self::JobComplete => "JobComplete",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }
}

/// A job.
#[derive(Debug)]
pub(super) struct Job {
    id: String,
    object: &'static str,
    operation: String,
    format: Format,
    state: State,
    created: DateTime<Utc>,
    /// When it came into its state.
    since: DateTime<Utc>,
    creator: String,
    version: String,
    error: Option<String>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Query(Query),
    Ingest(Ingest),
}

impl Job {
    fn enter(&mut self, state: State, now: DateTime<Utc>) {
        (self.state, self.since) = (state, now);
    }

    fn info(&self) -> Value {
        let mut out = json!({
            "id": self.id, "operation": self.operation, "object": self.object, "createdById": self.creator,
            "createdDate": time(self.created), "systemModstamp": time(self.since), "state": self.state.name(),
            "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": self.version.parse::<f64>().unwrap_or_default(),
            "lineEnding": self.format.line_ending(), "columnDelimiter": self.format.delimiter_name(),
            "retries": 0, "totalProcessingTime": 0,
        });
        let more = match &self.work {
            Work::Query(query) => {
                json!({"jobType": "V2Query", "numberRecordsProcessed": query.len(), "isPkChunkingSupported": true})
            }
            Work::Ingest(ingest) => json!({
                "jobType": "V2Ingest", "numberRecordsProcessed": ingest.processed(),
                "numberRecordsFailed": ingest.failed(), "apiActiveProcessingTime": 0, "apexProcessingTime": 0,
                "contentUrl": format!("services/data/v{}/jobs/ingest/{}/batches", self.version, self.id),
                "errorMessage": self.error,
            }),
        };
        if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
            out.extend(more);
            if out.get("errorMessage").is_some_and(Value::is_null) {
                out.shift_remove("errorMessage");
            }
        }
        out
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

fn wrong_state(message: impl Into<String>) -> Fault {
    Fault::new("INVALIDJOBSTATE", message)
}

/// Answers a call below `/jobs`.
pub(super) fn answer(visit: &mut Visit<'_>, call: &Call<'_>, segments: &[&str]) -> Reply {
    let done = match segments {
        ["query", rest @ ..] => query_jobs(visit, call, rest).unwrap_or_else(|fault| fault.reply()),
        ["ingest", rest @ ..] => ingest_jobs(visit, call, rest).unwrap_or_else(|fault| fault.reply()),
        _ => return Fault::not_found().reply(),
    };
    done.about(if segments.first() == Some(&"query") { "bulk_query" } else { "bulk_ingest" })
}

fn query_jobs(visit: &mut Visit<'_>, call: &Call<'_>, segments: &[&str]) -> Result<Reply, Fault> {
    match (segments, call.request.method.as_str()) {
        ([], "POST") => {
            let body = call.body()?;
            let used = visit.inner.rest.jobs_today(visit.now);
            if used.query >= visit.settings.rest.bulk_query_jobs_max {
                return Err(too_many());
            }
            let (object, query) = Query::of(visit, &body)?;
            visit.inner.rest.jobs_today(visit.now).query += 1;
            open(visit, call, &body, object, Work::Query(query), State::UploadComplete)
        }
        ([id, "results"], "GET") => {
            let job = job(visit, id, true)?;
            let Work::Query(query) = &job.work else { return Err(Fault::not_found()) };
            if job.state != State::JobComplete {
                return Err(wrong_state(format!("The job is {} and has no results", job.state.name())));
            }
            query.results(call)
        }
        (segments, _) => any_job(visit, call, segments, true),
    }
}

fn ingest_jobs(visit: &mut Visit<'_>, call: &Call<'_>, segments: &[&str]) -> Result<Reply, Fault> {
    match (segments, call.request.method.as_str()) {
        ([], "POST") => {
            let body = call.body()?;
            let used = visit.inner.rest.jobs_today(visit.now);
            if used.ingest >= visit.settings.rest.bulk_ingest_jobs_max {
                return Err(too_many());
            }
            let (object, ingest) = Ingest::of(&body)?;
            visit.inner.rest.jobs_today(visit.now).ingest += 1;
            open(visit, call, &body, object, Work::Ingest(ingest), State::Open)
        }
        ([id, "batches"], "PUT") => {
            let max = visit.settings.rest.bulk_upload_max;
            let job = job(visit, id, false)?;
            let Work::Ingest(ingest) = &mut job.work else { return Err(Fault::not_found()) };
            if job.state != State::Open {
                return Err(wrong_state(format!("The job is {} and takes no more records", job.state.name())));
            }
            ingest.upload(call, max)?;
            Ok(Reply::empty(201))
        }
        ([id, what @ ("successfulResults" | "failedResults" | "unprocessedrecords")], "GET") => {
            let job = job(visit, id, false)?;
            let Work::Ingest(ingest) = &job.work else { return Err(Fault::not_found()) };
            if !job.state.is_over() {
                return Err(wrong_state(format!("The job is {} and has no results", job.state.name())));
            }
            Ok(ingest.results(what, job.format))
        }
        (segments, _) => any_job(visit, call, segments, false),
    }
}

fn too_many() -> Fault {
    Fault::new("REQUEST_LIMIT_EXCEEDED", "The daily limit of bulk jobs is exceeded.").with_status(403)
}

/// What both kinds of jobs have: list, look, abort, delete.
fn any_job(visit: &mut Visit<'_>, call: &Call<'_>, segments: &[&str], is_query: bool) -> Result<Reply, Fault> {
    match (segments, call.request.method.as_str()) {
        ([], "GET") => {
            let of_kind = |job: &&Job| matches!(job.work, Work::Query(_)) == is_query;
            let records: Vec<Value> = visit.inner.rest.jobs.values().filter(of_kind).map(Job::info).collect();
            Ok(Reply::json(200, &json!({"done": true, "records": records, "nextRecordsUrl": null})))
        }
        ([id], "GET") => {
            let id = job(visit, id, is_query)?.id.clone();
            advance(visit, &id);
            Ok(Reply::json(200, &job(visit, &id, is_query)?.info()))
        }
        ([id], "PATCH") => {
            let body = call.body()?;
            let id = job(visit, id, is_query)?.id.clone();
            catch_up(visit, &id);
            let now = visit.now;
            let job = job(visit, &id, is_query)?;
            match (body.get("state").and_then(Value::as_str), &job.work) {
                (Some("Aborted"), _) if !job.state.is_over() => job.enter(State::Aborted, now),
                (Some("UploadComplete"), Work::Ingest(ingest)) if job.state == State::Open => {
                    if !ingest.is_uploaded() {
                        return Err(wrong_state("The job has no records: upload them before you close it"));
                    }
                    job.enter(State::UploadComplete, now);
                }
                (Some(wanted), _) => {
                    return Err(wrong_state(format!("A job that is {} cannot become {wanted}", job.state.name())));
                }
                (None, _) => return Err(Fault::new("INVALIDJOB", "Missing required field: state")),
            }
            Ok(Reply::json(200, &job.info()))
        }
        ([id], "DELETE") => {
            let id = job(visit, id, is_query)?.id.clone();
            catch_up(visit, &id);
            let job = job(visit, &id, is_query)?;
            if !job.state.is_over() && job.state != State::UploadComplete {
                return Err(wrong_state(format!("A job that is {} cannot be deleted", job.state.name())));
            }
            visit.inner.rest.jobs.remove(&id);
            Ok(Reply::empty(204))
        }
        ([] | [_], _) => {
            let message = format!("HTTP Method '{}' not allowed", call.request.method);
            Err(Fault::new("METHOD_NOT_ALLOWED", message).with_status(405))
        }
        _ => Err(Fault::not_found()),
    }
}

fn job<'v>(visit: &'v mut Visit<'_>, id: &str, is_query: bool) -> Result<&'v mut Job, Fault> {
    let id = crate::sandbox::ids::canonical(id).unwrap_or_default();
    let job = visit.inner.rest.jobs.get_mut(&id);
    job.filter(|job| matches!(job.work, Work::Query(_)) == is_query).ok_or_else(Fault::not_found)
}

fn open(
    visit: &mut Visit<'_>,
    call: &Call<'_>,
    body: &Map<String, Value>,
    object: &'static str,
    work: Work,
    state: State,
) -> Result<Reply, Fault> {
    let format = Format::of(body)?;
    let operation = body.get("operation").and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = visit.inner.rest.id(JOB);
    let job = Job {
        id: id.clone(),
        object,
        operation,
        format,
        state,
        created: visit.now,
        since: visit.now,
        creator: visit.caller.clone(),
        version: call.base.rsplit('v').next().unwrap_or_default().to_owned(),
        error: None,
        work,
    };
    let info = job.info();
    let now = visit.now;
    visit.inner.rest.jobs.retain(|_, job| now - job.created < KEPT);
    visit.inner.rest.jobs.insert(id, job);
    Ok(Reply::json(200, &info))
}

/// What a look at a job does to it.
fn advance(visit: &mut Visit<'_>, id: &str) {
    match visit.settings.rest.bulk_pace {
        BulkPace::Poll => step(visit, id, visit.now),
        BulkPace::Seconds(_) => catch_up(visit, id),
    }
}

/// Brings a job to where the clock says that it is.
fn catch_up(visit: &mut Visit<'_>, id: &str) {
    let BulkPace::Seconds(seconds) = visit.settings.rest.bulk_pace else { return };
    loop {
        let Some(job) = visit.inner.rest.jobs.get(id) else { return };
        let due = job.since + TimeDelta::seconds(i64::from(seconds));
        if !matches!(job.state, State::UploadComplete | State::InProgress) || visit.now < due {
            return;
        }
        step(visit, id, due);
    }
}

/// One step of a job that is under way.
fn step(visit: &mut Visit<'_>, id: &str, at: DateTime<Utc>) {
    let Some(mut job) = visit.inner.rest.jobs.remove(id) else { return };
    match job.state {
        State::UploadComplete => job.enter(State::InProgress, at),
        State::InProgress => {
            let done = match &mut job.work {
                Work::Query(query) => query.run(visit, job.format),
                Work::Ingest(ingest) => ingest.run(visit, job.object, &job.operation, job.format),
            };
            job.enter(if done.is_ok() { State::JobComplete } else { State::Failed }, at);
            job.error = done.err();
        }
        _ => {}
    }
    visit.inner.rest.jobs.insert(id.to_owned(), job);
}
