//! `/composite`: several requests in one call, with references from one to the answers of those before it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::{Call, dispatch};
use crate::sandbox::org::Visit;
use crate::sandbox::wire::{Reply, Request};

/// Most requests of one call.
const REQUESTS_MAX: usize = 25;
/// Most of them that may be queries or whole collections.
const WIDE_MAX: usize = 5;

const LOCKED: &str = "unable to obtain exclusive access to this record";
const HALTED: &str = "PROCESSING_HALTED";
const ROLLED_BACK: &str = "The transaction was rolled back since another operation in the same transaction failed.";

/// One of the requests.
struct Part {
    method: String,
    url: String,
    reference: String,
    body: Value,
}

/// `POST /composite`.
pub(super) fn answer(visit: &mut Visit<'_>, call: &Call<'_>) -> Result<Reply, Fault> {
    let mut body = call.body()?;
    let all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
    let Some(Value::Array(parts)) = body.get_mut("compositeRequest").map(Value::take) else {
        return Err(Fault::new("JSON_PARSER_ERROR", "Missing required field: compositeRequest"));
    };
    let parts = parts.into_iter().map(|part| read(call, part)).collect::<Result<Vec<_>, _>>()?;
    check(&parts)?;
    let children = || parts.iter().position(|part| is_child(call, part));
    let struck = children().filter(|_| visit.inner.store.child_fails());
    if all_or_none {
        visit.inner.store.savepoint();
        visit.inner.rest.begin(true);
    }
    let mut known = HashMap::new();
    let mut replies = Vec::new();
    let mut failed = None;
    for (n, part) in parts.into_iter().enumerate() {
        let reply = match failed {
            Some(_) if all_or_none => rolled_back(),
            _ if struck == Some(n) => Fault::new("UNABLE_TO_LOCK_ROW", LOCKED).reply(),
            _ => perform(visit, call, &part, &known).unwrap_or_else(|fault| fault.reply()),
        };
        if reply.status >= 400 && all_or_none && failed.is_none() {
            failed = Some(replies.len());
        }
        if reply.status < 300 {
            known.insert(part.reference.clone(), reply.value());
        }
        replies.push((part.reference, reply));
    }
    if all_or_none {
        if failed.is_some() {
            visit.inner.store.rollback();
        } else {
            visit.inner.store.commit();
        }
        visit.inner.rest.end(failed.is_none());
    }
    let kept = failed.is_none();
    let changed = kept && replies.iter().any(|(_, reply)| reply.changed == Some(true));
    let answers: Vec<Value> = replies
        .into_iter()
        .enumerate()
        .map(|(n, (reference, reply))| {
            let reply = if kept || failed == Some(n) { reply } else { rolled_back() };
            let headers: Map<String, Value> =
                reply.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            json!({
                "body": reply.value(), "httpHeaders": headers, "httpStatusCode": reply.status, "referenceId": reference,
            })
        })
        .collect();
    Ok(Reply::json(200, &json!({"compositeResponse": answers})).wrote(changed))
}

/// Whether it gives or takes something that a user has beside its own fields.
fn is_child(call: &Call<'_>, part: &Part) -> bool {
    let records = part.url.strip_prefix(call.base).and_then(|rest| rest.strip_prefix("/sobjects/"));
    let object = records.and_then(|rest| rest.split('/').next());
    !part.method.eq_ignore_ascii_case("GET")
        && matches!(object, Some("PermissionSetAssignment" | "PermissionSetLicenseAssign" | "GroupMember"))
}

fn rolled_back() -> Reply {
    Fault::new(HALTED, ROLLED_BACK).reply()
}

fn read(call: &Call<'_>, part: Value) -> Result<Part, Fault> {
    let missing = |name: &str| Fault::new("JSON_PARSER_ERROR", format!("Missing required field: {name}"));
    let Value::Object(mut part) = part else { return Err(missing("method")) };
    let mut take = |name: &str| match part.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(missing(name)),
    };
    let (method, url, reference) = (take("method")?, take("url")?, take("referenceId")?);
    let begins = url.strip_prefix(call.base).is_some_and(|rest| rest.starts_with('/'));
    if !begins {
        let message = format!("The url '{url}' is not one of the version of the request, {}", call.base);
        return Err(Fault::new("INVALID_INPUT", message));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !reference.starts_with(|c: char| c.is_ascii_alphabetic()) || !reference.chars().all(fits) {
        return Err(Fault::new("INVALID_INPUT", format!("Invalid reference ID '{reference}'")));
    }
    let body = part.get_mut("body").map(Value::take).unwrap_or_default();
    Ok(Part { method, url, reference, body })
}

fn check(parts: &[Part]) -> Result<(), Fault> {
    if parts.is_empty() || parts.len() > REQUESTS_MAX {
        let message = format!(
            "The request can't contain {} operations. The number of operations must be between 1 and {REQUESTS_MAX}.",
            parts.len()
        );
        return Err(Fault::new("LIMIT_EXCEEDED", message));
    }
    let is_wide = |part: &&Part| part.url.contains("/query") || part.url.contains("/composite/sobjects");
    if parts.iter().filter(is_wide).count() > WIDE_MAX {
        let message = format!("No more than {WIDE_MAX} of the operations can be sObject Collections or queries.");
        return Err(Fault::new("LIMIT_EXCEEDED", message));
    }
    let twice = parts
        .iter()
        .enumerate()
        .find(|(n, part)| parts.iter().take(*n).any(|earlier| earlier.reference == part.reference));
    match twice {
        Some((_, part)) => Err(Fault::new("INVALID_INPUT", format!("Duplicate reference ID '{}'", part.reference))),
        None => Ok(()),
    }
}

fn perform(
    visit: &mut Visit<'_>,
    call: &Call<'_>,
    part: &Part,
    known: &HashMap<String, Value>,
) -> Result<Reply, Fault> {
    let url = replaced(&part.url, known)?;
    let mut body = part.body.clone();
    replace_in(&mut body, known)?;
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let request = Request {
        method: part.method.to_ascii_uppercase(),
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: Some("application/json".to_owned()),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        ..Request::default()
    };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().skip(3).map(String::as_str).collect();
    if !matches!(
        segments.as_slice(),
        ["sobjects" | "query" | "queryAll" | "limits", ..] | ["composite", "sobjects", ..]
    ) {
        let message = format!("The resource '{path}' is not supported in a composite request");
        return Err(Fault::new("INVALID_INPUT", message));
    }
    Ok(dispatch(visit, &Call { request: &request, base: call.base }, &segments))
}

fn replace_in(value: &mut Value, known: &HashMap<String, Value>) -> Result<(), Fault> {
    match value {
        Value::String(text) => *text = replaced(text, known)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| replace_in(item, known))?,
        Value::Object(members) => members.values_mut().try_for_each(|member| replace_in(member, known))?,
        _ => {}
    }
    Ok(())
}

/// `text` with each `@{reference.path}` replaced by what the answer of that request holds there.
fn replaced(text: &str, known: &HashMap<String, Value>) -> Result<String, Fault> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("@{") {
        let Some((inside, after)) = behind.split_once('}') else { break };
        out.push_str(before);
        let reference = inside.split(['.', '[']).next().unwrap_or_default();
        let found = known.get(reference).and_then(|answer| find(answer, inside.get(reference.len()..)?));
        match found {
            Some(Value::String(text)) => out.push_str(text),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => out.push_str(&value.to_string()),
            _ => {
                let message = format!("Invalid reference specified. No value for {inside} found in {reference}");
                return Err(Fault::new(HALTED, message));
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands at `.name` or `[n]`, and at further such steps.
fn find<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(rest) = path.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        return find(value.get(index.parse::<usize>().ok()?)?, rest);
    }
    let rest = path.strip_prefix('.')?;
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end)?;
    find(value.get(name)?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let known =
            HashMap::from([("a".to_owned(), json!({"id": "001", "records": [{"Id": "005"}], "n": 3, "o": {}}))]);
        for (text, found) in [
            ("plain", Ok("plain")),
            ("@{a.id}", Ok("001")),
            ("/x/@{a.records[0].Id}/@{a.n}", Ok("/x/005/3")),
            ("@{a.records[1].Id}", Err(())),
            ("@{b.id}", Err(())),
            ("@{a.o}", Err(())),
            ("@{a.", Ok("@{a.")),
        ] {
            assert_eq!(replaced(text, &known).map_err(|_| ()), found.map(ToOwned::to_owned), "{text}");
        }
    }
}
