//! Plays the recorded-shape traces of identity providers (`tests/fixtures/traces`) against a bridge.
//!
//! A trace is an array of steps: `name`, `phase`, `method`, `path`, `headers`, `body`, `expect {status: […], body:
//! {selector: matcher}}`, `capture {variable: selector}`, and perhaps `optional` and `maxMillis`. `{variable}` in path,
//! headers, body and expectation stands for what an earlier step captured; `{token}` and `{badToken}` come from here.
//! The phases build on each other and begin with an empty store.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::selector::{Found, holds, select};

/// What came of a trace.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Steps that went as expected.
    pub(crate) passed: usize,
    /// What went otherwise, step by step; optional steps are not told.
    pub(crate) failures: Vec<String>,
    /// What the steps captured, ids mostly.
    pub(crate) variables: BTreeMap<String, String>,
}

/// Plays `trace`, the text of a trace file, against the SCIM base URL `base`.
pub(crate) async fn play(trace: &str, base: &str, token: &str) -> Report {
    let steps: Vec<Value> = serde_json::from_str(trace).expect("a trace is an array");
    let mut report = Report::default();
    report.variables.insert("token".to_owned(), token.to_owned());
    report.variables.insert("badToken".to_owned(), format!("not-{token}"));
    let client = reqwest::Client::builder().build().expect("a client");
    for (number, step) in (1..).zip(&steps) {
        let wrong = match play_step(&client, base, step, &mut report.variables).await {
            Ok(wrong) => wrong,
            Err(wrong) => vec![wrong],
        };
        if wrong.is_empty() {
            report.passed += 1;
        } else if step["optional"] != true {
            let [phase, name, method, path] = ["phase", "name", "method", "path"].map(|key| text(&step[key]));
            report.failures.push(format!("{number} [{phase}] {name}: {method} {path}\n  {}", wrong.join("\n  ")));
        }
    }
    report
}

/// What is wrong with the answer to one step; `Err` where there was none.
async fn play_step(
    client: &reqwest::Client,
    base: &str,
    step: &Value,
    variables: &mut BTreeMap<String, String>,
) -> Result<Vec<String>, String> {
    let filled = |key: &str| fill(&step[key], variables);
    let (path, headers, body, expect) = (filled("path")?, filled("headers")?, filled("body")?, filled("expect")?);
    let method = text(&step["method"]).parse().map_err(|wrong| format!("method: {wrong}"))?;
    let mut request = client.request(method, format!("{}{}", base.trim_end_matches('/'), text(&path)));
    for (name, value) in headers.as_object().into_iter().flatten() {
        // The client decodes nothing, so it must not ask for anything encoded.
        if !name.eq_ignore_ascii_case("accept-encoding") {
            request = request.header(name, text(value));
        }
    }
    if !body.is_null() {
        request = request.body(body.to_string());
    }
    let begun = Instant::now();
    let answer = request.send().await.map_err(|wrong| format!("no answer: {wrong}"))?;
    let status = answer.status().as_u16();
    let raw = answer.text().await.map_err(|wrong| format!("no body: {wrong}"))?;
    let took = begun.elapsed().as_millis();

    let wanted = expect["status"].as_array().cloned().unwrap_or_default();
    if !wanted.contains(&Value::from(status)) {
        return Ok(vec![format!("status {status}, wanted one of {}: {raw}", expect["status"])]);
    }
    let document: Value = serde_json::from_str(&raw).unwrap_or(Value::Null);
    let mut wrong = Vec::new();
    for (selector, want) in expect["body"].as_object().into_iter().flatten().filter(|_| status != 204) {
        let found = select(&document, selector);
        if !holds(&found, want) {
            wrong.push(format!("{selector}: wanted {want}, got {}", Value::from(found.values)));
        }
    }
    if let Some(most) = step["maxMillis"].as_u64().filter(|most| took > u128::from(*most)) {
        wrong.push(format!("took {took} ms, allowed {most}"));
    }
    for (variable, selector) in step["capture"].as_object().into_iter().flatten() {
        let Found { values, .. } = select(&document, text(selector));
        match values.first() {
            Some(value) => {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                variables.insert(variable.clone(), value);
            }
            None => wrong.push(format!("nothing to capture at {selector}")),
        }
    }
    Ok(wrong)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `template` with every `{variable}` in it replaced.
fn fill(template: &Value, variables: &BTreeMap<String, String>) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) => Value::String(fill_text(text, variables)?),
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, variables)).collect::<Result<_, _>>()?),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((fill_text(key, variables)?, fill(value, variables)?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let name = after.split_once('}').filter(|(name, _)| is_variable(name));
        // A brace that opens no variable is part of a JSON text inside a text.
        let Some((name, after)) = name else {
            filled.push('{');
            rest = after;
            continue;
        };
        filled.push_str(variables.get(name).ok_or_else(|| format!("no earlier step captured {name}"))?);
        rest = after;
    }
    Ok(filled + rest)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

mod tests {
    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_filled_in_everywhere() {
        let variables = BTreeMap::from([("id".to_owned(), "42".to_owned())]);
        let template = json!({"{id}": ["/Users/{id}", "{\"id\":\"{id}\"}", 1]});
        assert_eq!(fill(&template, &variables), Ok(json!({"42": ["/Users/42", "{\"id\":\"42\"}", 1]})));
        assert_eq!(fill(&json!("{other}"), &variables), Err("no earlier step captured other".to_owned()));
    }

    /// Answers with what it was sent.
    async fn echo(request: HttpRequest, body: String) -> HttpResponse {
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let encoding = request.headers().contains_key("accept-encoding");
        let query = request.query_string();
        let document =
            json!({"path": request.path(), "query": query, "token": token, "encoding": encoding, "body": body});
        if request.method() == "DELETE" {
            HttpResponse::NoContent().finish()
        } else {
            HttpResponse::Ok().json(document)
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_trace_is_played_step_by_step() {
        let server = HttpServer::new(|| App::new().default_service(web::to(echo))).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).expect("a free port");
        let base = format!("http://{}/scim/v2/", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        let running = tokio::spawn(server);

        let trace = json!([
            {"name": "captures", "phase": "A", "method": "POST", "path": "/Users?x=a+b",
             "headers": {"Authorization": "Bearer {token}", "Accept-Encoding": "gzip"}, "body": {"a": "{badToken}"},
             "expect": {"status": [201, 200], "body": {
                 "$.path": "/scim/v2/Users", "$.query": "x=a+b", "$.token": "Bearer T", "$.encoding": false,
                 "$.body": "{\"a\":\"not-T\"}"}},
             "capture": {"path": "$.path"}},
            {"name": "uses", "phase": "A", "method": "DELETE", "path": "{path}", "headers": {}, "body": null,
             "expect": {"status": [204], "body": {"$.never": "looked at"}}},
            {"name": "differs", "phase": "B", "method": "GET", "path": "/x", "headers": {}, "body": null,
             "expect": {"status": [200], "body": {"$.path": "/y"}}, "capture": {"none": "$.none"}},
            {"name": "status", "phase": "B", "method": "GET", "path": "/x", "headers": {}, "body": null,
             "expect": {"status": [404]}},
            {"name": "optional", "phase": "B", "method": "GET", "path": "/x", "headers": {}, "body": null,
             "expect": {"status": [404]}, "optional": true},
            {"name": "unknown", "phase": "B", "method": "GET", "path": "/{none}", "headers": {}, "body": null,
             "expect": {"status": [200]}},
            {"name": "slow", "phase": "B", "method": "GET", "path": "/x", "headers": {}, "body": null,
             "expect": {"status": [200]}, "maxMillis": 60000},
        ]);
        let report = play(&trace.to_string(), &base, "T").await;
        handle.stop(true).await;
        running.await.expect("no panic").expect("a clean stop");

        assert_eq!(report.passed, 3, "{report:#?}");
        assert_eq!(report.variables.get("path").map(String::as_str), Some("/scim/v2/Users"));
        let wanted = [
            "3 [B] differs: GET /x\n  $.path: wanted \"/y\", got [\"/scim/v2/x\"]\n  nothing to capture at \"$.none\"",
            "4 [B] status: GET /x\n  status 200, wanted one of [404]: {",
            "6 [B] unknown: GET /{none}\n  no earlier step captured none",
        ];
        assert_eq!(report.failures.len(), wanted.len(), "{report:#?}");
        for (failure, wanted) in report.failures.iter().zip(wanted) {
            assert!(failure.starts_with(wanted), "{failure}\nshould begin with\n{wanted}");
        }
    }

    #[test]
    fn the_traces_are_understood() {
        for trace in [ENTRA, OKTA] {
            let steps: Vec<Value> = serde_json::from_str(trace).expect("an array");
            assert!(steps.len() > 40);
            for step in &steps {
                for (selector, want) in step["expect"]["body"].as_object().into_iter().flatten() {
                    holds(&select(&json!({}), selector), want);
                }
            }
        }
    }
}

/// The trace of Entra ID: 67 steps, test connection, initial cycle, incremental cycle.
pub(crate) const ENTRA: &str = include_str!("../../fixtures/traces/entra.json");
/// The trace of Okta: 44 steps, connector test, app integration, import, group push.
pub(crate) const OKTA: &str = include_str!("../../fixtures/traces/okta.json");
