//! Literals (RFC 7644 figure 1, `compValue`).

use serde_json::Value;
use winnow::Parser;
use winnow::combinator::{alt, opt, peek, repeat};
use winnow::stream::Location;
use winnow::token::{any, one_of, take_while};

use super::{Fault, Input, Parsed, expected_at};
use crate::scim::Strictness;

/// What an attribute is compared with: JSON, or unquoted text where that is tolerated.
pub(super) fn literal(input: &mut Input<'_>) -> Parsed<Value> {
    let in_values = input.state.in_values;
    let quoted = ('"', take_string, '"').take();
    let bare = take_while(1.., move |c: char| !(c.is_whitespace() || matches!(c, '(' | ')') || in_values && c == ']'));
    let at = input.current_token_start();
    if peek(opt('"')).parse_next(input)?.is_some() {
        let text = { quoted }.parse_next(input).map_err(|_: Fault| expected_at(at, "a string with a closing quote"))?;
        return serde_json::from_str(text).map_err(|_| expected_at(at, "a string with JSON escapes only"));
    }
    let word: &str = { bare }
        .parse_next(input)
        .map_err(|_: Fault| expected_at(at, "a value (string, number, true, false, null)"))?;
    let parsed = serde_json::from_str::<Value>(word).ok().filter(|value| !value.is_object() && !value.is_array());
    match (input.state.strictness, parsed) {
        (Strictness::Strict, Some(value)) => Ok(value),
        (Strictness::Strict, None) => Err(expected_at(at, "a value (string in quotes, number, true, false, null)")),
        // A number that would be printed otherwise, such as an identifier of 30 digits, must not be rounded.
        (Strictness::Lenient, Some(value)) if !value.is_number() || prints_as(&value, word) => Ok(value),
        (Strictness::Lenient, _) => match word.to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            _ => Ok(Value::String(word.to_owned())),
        },
    }
}

fn prints_as(value: &Value, text: &str) -> bool {
    value.to_string().as_str() == text
}

/// The inside of a JSON string, up to the closing quote.
fn take_string(input: &mut Input<'_>) -> Parsed<()> {
    let character = alt((('\\', any).void(), one_of(|c: char| c != '"' && c != '\\').void()));
    repeat(0.., character).parse_next(input)
}
