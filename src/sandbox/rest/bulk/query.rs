//! Query jobs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::table::{self, Format};
use crate::sandbox::org::Visit;
use crate::sandbox::rest::fault::Fault;
use crate::sandbox::rest::soql::{self, Complaint};
use crate::sandbox::rest::world::World;
use crate::sandbox::rest::{Call, render};
use crate::sandbox::wire::Reply;

/// Records on a page of results where the client names no number.
const PAGE: usize = 50_000;

/// A query and, once it was run, what it found.
#[derive(Debug)]
pub(super) struct Query {
    soql: String,
    header: Vec<u8>,
    records: Vec<Box<[u8]>>,
}

fn refused(complaint: &Complaint) -> Fault {
    Fault::new(complaint.code, complaint.message.clone())
}

impl Query {
    /// The object and the query that the body of a new job describes.
    pub(super) fn of(visit: &Visit<'_>, body: &Map<String, Value>) -> Result<(&'static str, Self), Fault> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        if !matches!(text("operation"), "query" | "queryAll") {
            return Err(Fault::new("INVALIDJOB", format!("operation cannot be '{}'", text("operation"))));
        }
        let query = soql::parse(text("query")).map_err(|complaint| refused(&complaint))?;
        if query.is_count() || query.has_offset() {
            return Err(Fault::new("INVALIDJOB", "COUNT() and OFFSET are not supported in bulk queries"));
        }
        let plan = soql::resolve(&World::of(visit), &query).map_err(|complaint| refused(&complaint))?;
        Ok((plan.object, Self { soql: text("query").to_owned(), header: Vec::new(), records: Vec::new() }))
    }

    /// How many records were found.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Finds the records; the error says why the job fails.
    pub(super) fn run(&mut self, visit: &Visit<'_>, format: Format) -> Result<(), String> {
        let world = World::of(visit);
        let told = |complaint: Complaint| format!("{} : {}", complaint.code, complaint.message);
        let plan = soql::resolve(&world, &soql::parse(&self.soql).map_err(told)?).map_err(told)?;
        self.header = format.line(plan.columns.iter().map(|column| {
            let mut path: String = column.hops.iter().flat_map(|(relationship, _)| [*relationship, "."]).collect();
            path.push_str(&column.name);
            path
        }));
        let line = |row| format.line(plan.columns.iter().map(|column| render::csv_of(&column.read(&world, row))));
        self.records = plan.find(&world).into_iter().map(|row| line(row).into()).collect();
        Ok(())
    }

    /// A page of what was found.
    pub(super) fn results(&self, call: &Call<'_>) -> Result<Reply, Fault> {
        let wrong = || Fault::new("INVALID_QUERY_LOCATOR", "invalid query locator");
        let from = match call.request.parameter("locator").filter(|locator| !locator.is_empty()) {
            None => 0,
            Some(locator) => {
                let decoded = URL_SAFE_NO_PAD.decode(&locator).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let from: usize = decoded.and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
                if from >= self.records.len() {
                    return Err(wrong());
                }
                from
            }
        };
        let most = match call.request.parameter("maxRecords") {
            None => PAGE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|most| *most > 0)
                .ok_or_else(|| Fault::new("INVALIDJOB", format!("maxRecords cannot be '{text}'")))?,
        };
        let end = from.saturating_add(most).min(self.records.len());
        let page = self.records.get(from..end).unwrap_or_default();
        let next = if end < self.records.len() { URL_SAFE_NO_PAD.encode(end.to_string()) } else { "null".to_owned() };
        let lines = std::iter::once(self.header.as_slice()).chain(page.iter().map(AsRef::as_ref));
        Ok(table::reply(lines)
            .with_header("Sforce-Locator", next)
            .with_header("Sforce-NumberOfRecords", page.len().to_string()))
    }
}
