//! `/query` and `/queryAll`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::soql::{self, Complaint};
use super::world::World;
use super::{Call, fault, render};
use crate::sandbox::org::Visit;
use crate::sandbox::wire::{Reply, Request};

/// Fewest records on a page that a client may ask for.
const PAGE_MIN: usize = 200;
/// Most records on a page.
const PAGE_MAX: usize = 2_000;
/// Longest query string, in bytes.
const URI_MAX: usize = 16_384;

/// `GET /query?q=…`.
pub(super) fn query(visit: &mut Visit<'_>, call: &Call<'_>) -> Reply {
    if call.request.query.len() > URI_MAX {
        return Reply::rest_error(414, "URI_TOO_LONG", "The length of the URI exceeds the maximum limit.");
    }
    let text = call.request.parameter("q").unwrap_or_default();
    first_page(visit, call, &text).unwrap_or_else(|complaint| refused(&complaint))
}

/// A query that cannot be understood.
pub(super) fn refused(complaint: &Complaint) -> Reply {
    fault::Fault::new(complaint.code, complaint.message.clone()).reply()
}

fn first_page(visit: &mut Visit<'_>, call: &Call<'_>, text: &str) -> Result<Reply, Complaint> {
    let query = soql::parse(text)?;
    let world = World::of(visit);
    let plan = soql::resolve(&world, &query)?;
    let rows = plan.find(&world);
    if query.is_count() {
        return Ok(Reply::json(200, &json!({"totalSize": rows.len(), "done": true, "records": []})));
    }
    let page = page_size(visit, call.request);
    let records: Vec<Box<str>> =
        rows.into_iter().map(|row| render::record(&world, call.base, &plan, row).to_string().into()).collect();
    if records.len() <= page {
        return Ok(answer(records.len(), None, &records));
    }
    let total = records.len();
    let first = records.get(..page).unwrap_or_default().to_vec();
    let cursor = visit.inner.rest.open_cursor(records, page);
    Ok(answer(total, Some(format!("{}/query/{cursor}-{page}", call.base)), &first))
}

fn page_size(visit: &Visit<'_>, request: &Request) -> usize {
    let asked =
        request.query_options.as_deref().into_iter().flat_map(|options| options.split(',')).find_map(|option| {
            let (name, value) = option.split_once('=')?;
            let size: usize = value.trim().parse().ok()?;
            name.trim().eq_ignore_ascii_case("batchSize").then_some(size.clamp(PAGE_MIN, PAGE_MAX))
        });
    visit.settings.rest.query_page.clamp(1, PAGE_MAX).min(asked.unwrap_or(PAGE_MAX))
}

/// `GET /query/{cursor}-{from}`.
pub(super) fn next_page(visit: &Visit<'_>, call: &Call<'_>, locator: &str) -> Reply {
    let found = locator.split_once('-').and_then(|(id, from)| {
        let from: usize = from.parse().ok()?;
        let cursor = visit.inner.rest.cursor(id).filter(|cursor| from < cursor.records.len())?;
        Some((id, from, cursor))
    });
    let Some((id, from, cursor)) = found else {
        return Reply::rest_error(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    };
    let end = from.saturating_add(cursor.page).min(cursor.records.len());
    let next = (end < cursor.records.len()).then(|| format!("{}/query/{id}-{end}", call.base));
    answer(cursor.records.len(), next, cursor.records.get(from..end).unwrap_or_default())
}

/// One page, put together from records that are JSON already.
fn answer(total: usize, next: Option<String>, records: &[Box<str>]) -> Reply {
    let mut body = format!(r#"{{"totalSize":{total},"done":{},"#, next.is_none());
    if let Some(next) = next {
        // Writing into a `String` does not fail.
        let _written = write!(body, r#""nextRecordsUrl":{},"#, Value::from(next));
    }
    body.push_str(r#""records":["#);
    for (n, record) in records.iter().enumerate() {
        if n > 0 {
            body.push(',');
        }
        body.push_str(record);
    }
    body.push_str("]}");
    Reply::of(200, "application/json", body.into_bytes())
}
