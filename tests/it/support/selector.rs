//! The selectors and matchers of the traces.
//!
//! Selectors are a subset of JSON path: `$.a.b[0]`, `$['urn:x'].y`, `[*]`, `[?type=mobile]`. A matcher is a literal, or
//! an object with one of `$absent`, `$type`, `$len`, `$lenOrAbsent`, `$min`, `$contains`, `$setEq`, `$setEqOrAbsent`,
//! `$notIn`, `$emptyOrAbsent`.

use serde_json::Value;

/// What a selector reached.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    /// The values, in the order of the document.
    pub(crate) values: Vec<Value>,
    /// Whether the selector can reach many (`[*]`).
    pub(crate) many: bool,
}

/// All values that `selector` reaches in `document`. Panics on a selector it does not know.
pub(crate) fn select(document: &Value, selector: &str) -> Found {
    let mut found = vec![document];
    let mut many = false;
    let mut rest = selector.strip_prefix('$').unwrap_or_else(|| panic!("{selector} does not begin with $"));
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            found = found.into_iter().filter_map(|value| value.get(name)).collect();
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('[').unwrap_or_else(|| panic!("{selector}: {rest}"));
        // A quoted name may hold brackets of its own.
        let end = if inner.starts_with('\'') { "']" } else { "]" };
        let (step, after) = inner.split_once(end).unwrap_or_else(|| panic!("{selector}: {rest} is not closed"));
        rest = after;
        found = if let Some(name) = step.strip_prefix('\'') {
            found.into_iter().filter_map(|value| value.get(name)).collect()
        } else if step == "*" {
            many = true;
            found.into_iter().filter_map(Value::as_array).flatten().collect()
        } else if let Some((key, want)) = step.strip_prefix('?').and_then(|test| test.split_once('=')) {
            let matches = |value: &&Value| value.get(key).is_some_and(|held| plain(held) == want);
            found.into_iter().filter_map(Value::as_array).flatten().filter(matches).collect()
        } else {
            let index: usize = step.parse().unwrap_or_else(|_| panic!("{selector}: [{step}]"));
            found.into_iter().filter_map(|value| value.as_array()?.get(index)).collect()
        };
    }
    Found { values: found.into_iter().cloned().collect(), many }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether what was found satisfies `want`. Panics on a matcher it does not know.
pub(crate) fn holds(found: &Found, want: &Value) -> bool {
    let has = !found.values.is_empty();
    // Of a selector that can reach many, all that it reached; else the one value, or none.
    let all = Value::Array(found.values.clone());
    let value = if found.many { Some(&all) } else { found.values.first() };
    let Value::Object(matcher) = want else {
        return has && value == Some(want);
    };
    let (name, wanted) = matcher.iter().next().expect("a matcher has a name");
    let length = || value.and_then(Value::as_array).map(Vec::len).map(Value::from);
    match name.as_str() {
        "$absent" => !has || value == Some(&Value::Null),
        "$type" => has && value.is_some_and(|value| plain(wanted) == type_of(value)),
        "$len" => has && length().as_ref() == Some(wanted),
        "$lenOrAbsent" => !has || length().as_ref() == Some(wanted),
        "$min" => {
            has && value.and_then(Value::as_f64).zip(wanted.as_f64()).is_some_and(|(value, least)| value >= least)
        }
        "$contains" => match value {
            Some(Value::Array(items)) => has && items.contains(wanted),
            Some(Value::String(text)) => wanted.as_str().is_some_and(|part| text.contains(part)),
            _ => false,
        },
        "$setEq" => sorted(&all) == sorted(wanted),
        "$setEqOrAbsent" => !has || sorted(&all) == sorted(wanted),
        "$notIn" => has && value.is_some_and(|value| !wanted.as_array().is_some_and(|not| not.contains(value))),
        "$emptyOrAbsent" => !has || value.is_none_or(is_empty),
        _ => panic!("unknown matcher {name}"),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Number(number) if !number.is_f64() => "integer",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => "null",
    }
}

fn sorted(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list.as_array().into_iter().flatten().map(Value::to_string).collect();
    texts.sort();
    texts
}

/// Nothing, or a reference (a manager) that refers to nobody.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => {
            let refers = entries.get("value").is_some_and(|value| !matches!(value, Value::Null) && value != "");
            !refers && entries.keys().all(|key| key == "value" || key == "$ref")
        }
        _ => false,
    }
}

mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_reach_what_they_name() {
        let document = json!({
            "a": {"b": [{"type": "work", "value": 1}, {"type": "mobile", "value": 2}]},
            "urn:x:2.0:User": {"manager": {"value": "m"}},
        });
        let cases = [
            ("$.a.b[0].value", json!([1]), false),
            ("$.a.b[1]", json!([{"type": "mobile", "value": 2}]), false),
            ("$.a.b[2]", json!([]), false),
            ("$.a.b[*].value", json!([1, 2]), true),
            ("$.a.b[?type=mobile].value", json!([2]), false),
            ("$.a.b[?value=1].type", json!(["work"]), false),
            ("$['urn:x:2.0:User'].manager.value", json!(["m"]), false),
            ("$.a.none", json!([]), false),
            ("$.a[0]", json!([]), false),
            ("$.a[*]", json!([]), true),
        ];
        for (selector, values, many) in cases {
            let found = select(&document, selector);
            assert_eq!((Value::from(found.values), found.many), (values, many), "{selector}");
        }
    }

    #[test]
    fn matchers_hold_for_what_they_say_and_nothing_else() {
        // Values found, by a selector for many?, matcher, and whether it holds.
        let cases = [
            (json!([1]), false, json!(1), true),
            (json!(["1"]), false, json!(1), false),
            (json!([]), false, json!(null), false),
            (json!([1, 2]), true, json!([1, 2]), true),
            (json!([]), false, json!({"$absent": true}), true),
            (json!([null]), false, json!({"$absent": true}), true),
            (json!([""]), false, json!({"$absent": true}), false),
            (json!(["a"]), false, json!({"$type": "string"}), true),
            (json!([true]), false, json!({"$type": "integer"}), false),
            (json!([1.5]), false, json!({"$type": "integer"}), false),
            (json!([1]), false, json!({"$type": "integer"}), true),
            (json!([[1]]), false, json!({"$type": "array"}), true),
            (json!([{}]), false, json!({"$type": "object"}), true),
            (json!([]), false, json!({"$type": "string"}), false),
            (json!([[1, 2]]), false, json!({"$len": 2}), true),
            (json!([[1, 2]]), false, json!({"$len": 1}), false),
            (json!([]), false, json!({"$len": 0}), false),
            (json!([]), false, json!({"$lenOrAbsent": 0}), true),
            (json!([[1]]), false, json!({"$lenOrAbsent": 0}), false),
            (json!([3]), false, json!({"$min": 3}), true),
            (json!([2]), false, json!({"$min": 3}), false),
            (json!(["abc"]), false, json!({"$contains": "b"}), true),
            (json!([["abc"]]), false, json!({"$contains": "b"}), false),
            (json!(["a", "b"]), true, json!({"$contains": "b"}), true),
            (json!([]), false, json!({"$contains": "b"}), false),
            (json!([1, 2]), true, json!({"$setEq": [2, 1]}), true),
            (json!([1, 1]), true, json!({"$setEq": [1]}), false),
            (json!([]), true, json!({"$setEq": []}), true),
            (json!([]), true, json!({"$setEqOrAbsent": [1]}), true),
            (json!([2]), true, json!({"$setEqOrAbsent": [1]}), false),
            (json!([2]), false, json!({"$notIn": [1]}), true),
            (json!([1]), false, json!({"$notIn": [1]}), false),
            (json!([]), false, json!({"$notIn": [1]}), false),
            (json!([]), false, json!({"$emptyOrAbsent": true}), true),
            (json!([[]]), false, json!({"$emptyOrAbsent": true}), true),
            (json!([{"value": "", "$ref": "x"}]), false, json!({"$emptyOrAbsent": true}), true),
            (json!([{"value": "m"}]), false, json!({"$emptyOrAbsent": true}), false),
            (json!([{"displayName": "m"}]), false, json!({"$emptyOrAbsent": true}), false),
        ];
        for (values, many, want, holds_) in cases {
            let found = Found { values: values.as_array().cloned().unwrap_or_default(), many };
            assert_eq!(holds(&found, &want), holds_, "{values} against {want}");
        }
    }
}
