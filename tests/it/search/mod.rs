//! Lists and searches over HTTP: order, pages by index and by cursor, `/.search`, queries across resource types.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::app::{Answer, TestApp, user};
use super::support::urn::{ENTERPRISE, GROUP, SEARCH, USER};

mod cursors;
mod narrowed;
mod pages;
mod refusals;
mod root;
mod sorting;
mod statements;

/// A query string of these parameters.
fn query(parameters: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(parameters.iter().filter(|(_, value)| *value != "-"));
    text.finish()
}

/// The page at `endpoint` (`/Users`, `/Groups`, or nothing for the root).
async fn page(app: &TestApp, endpoint: &str, parameters: &[(&str, &str)]) -> Value {
    let answer = app.get(&format!("{endpoint}?{}", query(parameters))).await;
    assert_eq!(answer.status, 200, "{endpoint} {parameters:?}: {}", answer.body);
    answer.body
}

/// The id of each resource of a page.
fn ids(page: &Value) -> Vec<String> {
    let resources = page["Resources"].as_array().expect("Resources");
    resources.iter().map(|resource| resource["id"].as_str().expect("an id").to_owned()).collect()
}

/// The name of each resource of a page: of a user what stands before the `@`.
fn names(page: &Value) -> Vec<String> {
    let resources = page["Resources"].as_array().expect("Resources");
    let name = |resource: &Value| match resource["userName"].as_str() {
        Some(name) => name.split('@').next().unwrap_or_default().to_owned(),
        None => resource["displayName"].as_str().unwrap_or_default().to_owned(),
    };
    resources.iter().map(name).collect()
}

/// All pages by cursor, as they come.
async fn by_cursor(app: &TestApp, endpoint: &str, parameters: &[(&str, &str)], count: usize) -> Vec<Value> {
    let count = count.to_string();
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let paging = [("count", count.as_str()), ("cursor", cursor.as_str())];
        let body = page(app, endpoint, &[parameters, &paging].concat()).await;
        let next = body["nextCursor"].as_str().map(str::to_owned);
        pages.push(body);
        match next {
            None => return pages,
            Some(next) => cursor = next,
        }
        assert!(pages.len() < 1000, "pages without end");
    }
}

fn made(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

/// Users and groups of which each lacks something that others have, made at different milliseconds. Answers the ids of
/// the users.
async fn people(app: &TestApp) -> Vec<String> {
    let enterprise = |department: &str| json!({ "department": department });
    let work = |value: &str| json!({ "value": value, "type": "work" });
    let all = [
        json!({ "name": { "familyName": "Österberg" }, "title": "a", "active": true, ENTERPRISE: enterprise("Sales") }),
        json!({ "title": "B", "emails": [work("z@x.org"), { "value": "A@x.org", "type": "home", "primary": true }] }),
        json!({ "title": "ａ", "active": false, "emails": [work("M@x.org")], "timezone": "Europe/Oslo" }),
        json!({ "name": { "familyName": "adams", "givenName": "Zoë" }, "externalId": "B", "active": false }),
        json!({ "name": { "familyName": "Adams" }, "externalId": "a", "displayName": "west" }),
        json!({ "title": "c", "externalId": "Z", "displayName": "East", ENTERPRISE: enterprise("sales") }),
        json!({ "title": "A", "emails": [{ "type": "other", "value": "b@x.org" }], "displayName": "EAST" }),
        json!({ "name": { "familyName": "Öberg" }, "active": true, "roles": [{ "value": "r2" }, { "value": "r1" }] }),
        json!({ "roles": [{ "value": "r1" }], "title": "ab", ENTERPRISE: enterprise("Support") }),
        json!({ "displayName": "y".repeat(300), "roles": [{ "value": "R3", "primary": true }] }),
    ];
    let mut users = Vec::new();
    for (n, extra) in all.into_iter().enumerate() {
        // Names in another order than that in which they are made.
        let name = format!("{}{n}", char::from(b"qWeRtYuIoP"[n]));
        let mut body = json!({ "schemas": [USER], "userName": format!("{name}@example.com") });
        for (key, value) in extra.as_object().expect("an object") {
            body[key] = value.clone();
        }
        users.push(made(&app.post("/Users", &body).await));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for (user, manager) in [(2, 7), (5, 0), (8, 7)] {
        let value = json!({ "value": users[manager] });
        let change = json!([{ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": value }]);
        assert_eq!(app.patch(&format!("/Users/{}", users[user]), change).await.status, 200);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for (name, members) in [("north", vec![1, 2]), ("Alpha", vec![]), ("west", vec![2, 4])] {
        let members: Vec<&str> = members.into_iter().map(|n: usize| users[n].as_str()).collect();
        app.group(name, &members).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    users
}
