//! Finds what Salesforce said in whatever body it said it.

use serde_json::Value;

/// Longest text kept of an error, in bytes.
const LONGEST: usize = 2_000;

/// What a body says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The words, code words included, for people and for [`super::Cause::of`].
    pub text: String,
    /// Whether it is a page in HTML, which comes from a proxy or a wrong URL.
    pub is_page: bool,
}

/// Reads any of the error shapes: SCIM 2 (`detail`), REST (`[{errorCode, message, fields}]`), OAuth
/// (`error`, `error_description`), SCIM 1 (`Errors[].description`), a SCIM object whose `schemas` has unescaped
/// quotes, HTML, plain text.
pub(crate) fn readable(body: &[u8]) -> Said {
    let body = String::from_utf8_lossy(body);
    let text = match serde_json::from_str::<Value>(&body) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => match spoken(&value) {
            text if text.is_empty() => body.to_string(),
            text => text,
        },
        _ => broken_detail(&body).unwrap_or_else(|| without_tags(&body)),
    };
    Said { text: bounded(&text), is_page: is_page(&body) }
}

/// One line of at most [`LONGEST`] bytes, without session ids.
pub(crate) fn bounded(text: &str) -> String {
    let mut line = String::new();
    for word in text.replace("<br>", " ").replace("<br/>", " ").split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        // A session id is `00D…!…`: an org id, an exclamation mark, the secret.
        let secret = word.find("00D").and_then(|at| word.get(at..)).is_some_and(|rest| rest.contains('!'));
        line.push_str(if secret { "[session id]" } else { word });
        if line.len() > LONGEST {
            line.truncate(line.floor_char_boundary(LONGEST));
            line.push('…');
            break;
        }
    }
    line
}

fn spoken(value: &Value) -> String {
    match value {
        Value::Array(errors) => {
            errors.iter().map(spoken).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
        }
        Value::Object(error) => {
            let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
            if let Some(nested) = error.get("Errors").or_else(|| error.get("errors")).filter(|nested| nested.is_array())
            {
                return spoken(nested);
            }
            let code = [text("errorCode"), text("statusCode"), text("error")].into_iter().find(|code| !code.is_empty());
            let words = [text("detail"), text("message"), text("error_description"), text("description")]
                .into_iter()
                .find(|words| !words.is_empty());
            let said = [code, words].into_iter().flatten().collect::<Vec<_>>().join(": ");
            let fields: Vec<_> =
                error.get("fields").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            if fields.is_empty() || fields.iter().all(|field| said.contains(field)) {
                said
            } else {
                format!("{said} [{}]", fields.join(", "))
            }
        }
        _ => String::new(),
    }
}

/// `detail` of a SCIM error that is not JSON because the quotes inside its `schemas` are not escaped.
fn broken_detail(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("\"detail\"")?;
    let (_, rest) = rest.split_once('"')?;
    // The quote that ends the value is not escaped and stands before a comma or the object's end.
    let ends = |at: usize| {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        !before.ends_with('\\') && after.strip_prefix('"').is_some_and(|it| it.trim_start().starts_with([',', '}']))
    };
    let end = rest.match_indices('"').map(|(at, _)| at).find(|at| ends(*at)).unwrap_or(rest.len());
    Some(rest.get(..end)?.replace("\\\"", "\""))
}

fn is_page(body: &str) -> bool {
    body.trim_start().starts_with('<')
}

fn without_tags(page: &str) -> String {
    if !is_page(page) {
        return page.to_owned();
    }
    let mut text = String::new();
    let mut inside = false;
    for c in page.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}
