//! References to what other operations create: `bulkId:` and the name that the POST has (RFC 7644 3.7.2).
//!
//! They are looked for where ids stand, and nowhere within free text: a string that is a reference as a whole; an
//! address that ends in one (`"$ref": "https://example.com/v2/Users/bulkId:qwerty"`); a literal of a filter in the
//! path of a PATCH operation (`members[value eq "bulkId:qwerty"]`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scim::model::BulkMethod;

/// Endpoints before the id of an address.
const ENDPOINTS: [&str; 2] = ["Users", "Groups"];

/// What stands for a reference once it is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The resource's id.
    pub(super) id: String,
    /// Its address.
    pub(super) location: String,
}

/// Answers what a bulkId stands for; `None` leaves the reference as it is.
type Lookup<'l> = dyn FnMut(&str) -> Option<Resolved> + 'l;

/// The bulkIds that an operation refers to. `data` is left as it is: it is written to only where a reference is
/// resolved.
pub(super) fn all(method: BulkMethod, id: Option<&str>, data: &mut Value) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = id.and_then(bulk_id).map(str::to_owned).into_iter().collect();
    substitute(method, data, &mut |bulk_id| {
        found.insert(bulk_id.to_owned());
        None
    });
    found
}

/// The bulkId of a text that is a reference as a whole.
pub(super) fn bulk_id(text: &str) -> Option<&str> {
    let (prefix, bulk_id) = text.split_once(':')?;
    (prefix.eq_ignore_ascii_case("bulkId") && !bulk_id.is_empty()).then_some(bulk_id)
}

/// Puts ids in the place of references.
pub(super) fn substitute(method: BulkMethod, data: &mut Value, lookup: &mut Lookup<'_>) {
    match data {
        Value::Object(members) if method == BulkMethod::Patch => {
            for (name, value) in members.iter_mut() {
                match value {
                    Value::Array(operations) if name.eq_ignore_ascii_case("Operations") => {
                        for operation in operations {
                            patch(operation, lookup);
                        }
                    }
                    other => within(other, false, lookup),
                }
            }
        }
        other => within(other, false, lookup),
    }
}

/// The same in an operation of a PATCH.
fn patch(operation: &mut Value, lookup: &mut Lookup<'_>) {
    let Value::Object(members) = operation else { return within(operation, false, lookup) };
    for (name, value) in members.iter_mut() {
        match value {
            Value::String(path) if name.eq_ignore_ascii_case("path") => {
                if let Some(written) = in_path(path, lookup) {
                    *path = written;
                }
            }
            other => within(other, false, lookup),
        }
    }
}

fn within(value: &mut Value, is_address: bool, lookup: &mut Lookup<'_>) {
    match value {
        Value::String(text) => {
            if let Some(written) = whole(text, is_address, lookup) {
                *text = written;
            }
        }
        Value::Array(values) => {
            for value in values {
                within(value, is_address, lookup);
            }
        }
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                within(value, name.eq_ignore_ascii_case("$ref"), lookup);
            }
        }
        _ => {}
    }
}

/// The text with its reference resolved, where it is one or is an address that ends in one.
fn whole(text: &str, is_address: bool, lookup: &mut Lookup<'_>) -> Option<String> {
    if let Some(bulk_id) = bulk_id(text) {
        return lookup(bulk_id).map(|resolved| if is_address { resolved.location } else { resolved.id });
    }
    let (before, last) = text.rsplit_once('/')?;
    let endpoint = before.rsplit('/').next().unwrap_or_default();
    if !ENDPOINTS.iter().any(|known| known.eq_ignore_ascii_case(endpoint)) {
        return None;
    }
    lookup(bulk_id(last)?).map(|resolved| format!("{before}/{}", resolved.id))
}

/// The path of a PATCH operation with the references in its literals resolved. Literals are JSON strings (RFC 7644
/// 3.4.2.2); one without quotes ends where the filter's grammar has a delimiter.
fn in_path(path: &str, lookup: &mut Lookup<'_>) -> Option<String> {
    let mut written = String::with_capacity(path.len());
    let mut changed = false;
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' { quoted(rest) } else { word(rest, first) };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let literal =
            if first == '"' { serde_json::from_str(token).ok() } else { bulk_id(token).map(|_| token.into()) };
        let resolved = literal.and_then(|literal: String| whole(&literal, false, lookup));
        changed |= resolved.is_some();
        match resolved {
            Some(resolved) => written.push_str(&Value::String(resolved).to_string()),
            None => written.push_str(token),
        }
        rest = after;
    }
    changed.then_some(written)
}

/// Bytes of the quoted literal at the beginning of a text; of all of it where the quote is not closed.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of the word at the beginning of a text, or of one delimiter.
fn word(text: &str, first: char) -> usize {
    let delimits = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | '"');
    if delimits(first) { first.len_utf8() } else { text.find(delimits).unwrap_or(text.len()) }
}
