//! The whole bridge over HTTP, on both engines: what an index narrows is what a scan finds, and a refused PATCH leaves
//! everything as it was.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use scim_bridge::scim::Attributes;
use scim_bridge::scim::document;
use scim_bridge::scim::filter::{CompareOperator, Filter};
use scim_bridge::scim::matcher::matches;
use scim_bridge::scim::path::{AttributePath, find};
use scim_bridge::scim::schema::ResourceType;
use serde_json::{Value, json};

use super::core;
use super::generate::{self, filter_on, hostile, words};
use super::patches::operations;
use super::samples::Samples;
use crate::support::app::TestApp;

/// Users that are stored; groups are a quarter of it.
const STORED: usize = 40;

/// Stores random users and groups; answers their ids.
async fn fill(app: &TestApp, samples: &mut Samples) -> (Vec<String>, Vec<String>) {
    let texts = prop_oneof![3 => words(), 1 => hostile()].boxed();
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    for index in 0..STORED {
        let mut body = samples.next(&generate::document(&core::plain_user(), &texts));
        let name = format!("{}-{index}", body["userName"].as_str().expect("a name"));
        body.insert("userName".into(), json!(name));
        let answer = app.post("/Users", &Value::Object(body)).await;
        assert_eq!(answer.status, 201, "seed {}: {}", samples.seed, answer.body);
        users.push(answer.body["id"].as_str().expect("an id").to_owned());
    }
    for index in 0..STORED / 4 {
        let mut body = samples.next(&generate::document(&core::group(), &texts));
        let name = format!("{}-{index}", body["displayName"].as_str().expect("a name"));
        body.insert("displayName".into(), json!(name));
        let members: Vec<Value> = users.iter().skip(index).step_by(index + 2).map(|id| json!({"value": id})).collect();
        body.insert("members".into(), json!(members));
        let answer = app.post("/Groups", &Value::Object(body)).await;
        assert_eq!(answer.status, 201, "seed {}: {}", samples.seed, answer.body);
        groups.push(answer.body["id"].as_str().expect("an id").to_owned());
    }
    (users, groups)
}

/// All resources of a kind, whole.
async fn all(app: &TestApp, kind: &ResourceType) -> Vec<Attributes> {
    let answer = app.get(&format!("{}?count=200", kind.endpoint)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let resources = answer.body["Resources"].as_array().expect("resources");
    assert_eq!(answer.body["totalResults"], resources.len());
    resources.iter().map(|resource| resource.as_object().expect("an object").clone()).collect()
}

/// Every text in a value.
fn texts_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts_in(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts_in(value, found)),
        _ => {}
    }
}

/// The resource type without its times, which are answered in milliseconds and kept in microseconds.
fn compared(kind: &ResourceType) -> ResourceType {
    let mut kind = kind.clone();
    kind.common = kind.common.iter().filter(|attribute| attribute.name != "meta").cloned().collect();
    kind
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

both_engines! {
    async fn what_is_narrowed_is_what_a_scan_finds(engine: Engine) {
        let mut samples = Samples::new(150);
        let app = TestApp::start(&engine).await;
        fill(&app, &mut samples).await;
        for kind in [core::plain_user(), core::group()] {
            let resources = all(&app, &kind).await;
            look_up(&app, &kind, &resources, &mut samples, engine.name()).await;
        }
    }

    async fn a_refused_patch_leaves_everything_as_it_was(engine: Engine) {
        let mut samples = Samples::new(150);
        let app = TestApp::start(&engine).await;
        let (users, groups) = fill(&app, &mut samples).await;
        let (mut refused, mut changed) = (0, 0);
        for (kind, ids) in [(core::plain_user(), users), (core::group(), groups)] {
            let random = (select(ids), operations(&kind)).boxed();
            for _ in 0..samples.cases {
                let (id, operations) = samples.next(&random);
                let path = format!("{}/{id}", kind.endpoint);
                let told = format!("seed {}, {}: {path} {operations}", samples.seed, engine.name());
                match patch(&app, &kind, &path, operations, &told).await {
                    Patched::Refused => refused += 1,
                    Patched::Changed => changed += 1,
                    Patched::Same => {}
                }
            }
        }
        assert!(samples.cases < 100 || refused > 20 && changed > 20, "{refused} refused, {changed} changed");
    }
}

/// Random filters over HTTP and by the matcher.
async fn look_up(app: &TestApp, kind: &ResourceType, resources: &[Attributes], samples: &mut Samples, engine: &str) {
    let mut stored = Vec::new();
    for value in resources.iter().flat_map(Attributes::values) {
        texts_in(value, &mut stored);
    }
    let texts = prop_oneof![6 => select(stored), 1 => words(), 1 => hostile()].boxed();
    let any = filter_on(&compared(kind), &texts, |_| true);
    let random = prop_oneof![
        1 => any.clone(),
        1 => filter_on(&compared(kind), &texts, is_indexed),
        3 => looked_up(kind, resources, &any),
    ]
    .boxed();
    let (mut told_apart, mut cases) = (0, 0);
    for _ in 0..samples.cases {
        let filter = samples.next(&random);
        let text = filter.to_string();
        if text.len() > 4_000 {
            continue;
        }
        let answer = app.get(&format!("{}?count=200&attributes=id&filter={}", kind.endpoint, encoded(&text))).await;
        let told = format!("seed {}, {engine}: {text}", samples.seed);
        if filter.check(kind).is_err() {
            assert_eq!(answer.status, 400, "{told}: {}", answer.body);
            assert_eq!(answer.body["scimType"], "invalidFilter", "{told}");
            continue;
        }
        assert_eq!(answer.status, 200, "{told}: {}", answer.body);
        let found = answer.body["Resources"].as_array().expect("resources");
        let found: BTreeSet<&str> = found.iter().filter_map(|resource| resource["id"].as_str()).collect();
        let wanted = scanned(&filter, kind, resources);
        assert_eq!(found, wanted, "{told}");
        assert_eq!(answer.body["totalResults"], wanted.len(), "{told}");
        cases += 1;
        told_apart += u32::from(!wanted.is_empty() && wanted.len() < resources.len());
    }
    assert!(samples.cases < 100 || told_apart * 10 > cases, "{told_apart} of {cases} told some from others");
}

/// What became of a PATCH.
enum Patched {
    Refused,
    Changed,
    Same,
}

/// One PATCH, and what it leaves behind.
async fn patch(app: &TestApp, kind: &ResourceType, path: &str, operations: Value, told: &str) -> Patched {
    let before = app.get(path).await.body;
    let answer = app.patch(path, operations).await;
    let after = app.get(path).await.body;
    if !answer.status.is_success() {
        assert!(answer.status.is_client_error(), "{told}: {} {}", answer.status, answer.body);
        assert_eq!(before, after, "{told}: {}", answer.body);
        return Patched::Refused;
    }
    if answer.status == 200 {
        assert_eq!(answer.body, after, "{told}");
    }
    is_valid(kind, &after, told);
    if without_meta(&before) == without_meta(&after) {
        assert_eq!(before["meta"], after["meta"], "{told}");
        return Patched::Same;
    }
    assert_ne!(before["meta"]["version"], after["meta"]["version"], "{told}: {before} became {after}");
    Patched::Changed
}

/// What identity providers look resources up by.
fn is_indexed(path: &AttributePath) -> bool {
    let names = ["id", "userName", "externalId", "displayName", "emails", "manager", "members", "groups"];
    names.contains(&path.name.as_str())
}

/// What an index answers, of a value that is stored, alone and with another filter.
fn looked_up(kind: &ResourceType, resources: &[Attributes], other: &BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    let mut terms = Vec::new();
    for name in [
        "id",
        "userName",
        "externalId",
        "displayName",
        "emails.value",
        "manager.value",
        "members.value",
        "groups.value",
        // No index, but beside the document all the same.
        "members.type",
        "groups.type",
        "groups.display",
    ] {
        let path = AttributePath::parse(kind, name).expect("a path");
        let Some(target) = find(kind, &path) else { continue };
        let values = resources.iter().flat_map(|resource| document::values(resource, &target));
        terms.extend(values.map(|value| (path.clone(), value.clone())));
    }
    let equal = |attribute, value| Filter::Compare { attribute, operator: CompareOperator::Eq, value };
    let in_values = move |path: AttributePath, value| {
        let relative = AttributePath { schema: None, name: path.sub.clone().unwrap_or_default(), sub: None };
        let attribute = AttributePath { sub: None, ..path };
        Filter::Values { attribute, filter: Box::new(equal(relative, value)) }
    };
    let term = (select(terms), any::<bool>(), any::<bool>()).prop_map(move |((path, value), upper, brackets)| {
        let value = value.as_str().filter(|_| upper).map_or(value.clone(), |text| json!(text.to_uppercase()));
        if brackets && path.sub.is_some() { in_values(path, value) } else { equal(path, value) }
    });
    (term.clone(), term, other.clone(), 0..6)
        .prop_map(|(one, another, other, form)| match form {
            0 | 1 => one,
            2 => Filter::And(Box::new(one), Box::new(other)),
            3 => Filter::And(Box::new(other), Box::new(one)),
            4 => Filter::Or(Box::new(one), Box::new(another)),
            _ => Filter::And(Box::new(one), Box::new(Filter::Not(Box::new(another)))),
        })
        .boxed()
}

fn scanned<'r>(filter: &Filter, kind: &ResourceType, resources: &'r [Attributes]) -> BTreeSet<&'r str> {
    let matching = resources.iter().filter(|resource| matches(filter, kind, resource));
    matching.filter_map(|resource| resource["id"].as_str()).collect()
}

fn without_meta(resource: &Value) -> Value {
    let mut resource = resource.clone();
    resource.as_object_mut().expect("an object").shift_remove("meta");
    resource
}

/// What is answered is what the schemas allow, and would be stored as it is.
fn is_valid(kind: &ResourceType, resource: &Value, told: &str) {
    let resource = resource.as_object().expect("an object");
    let checked = core::check(kind, resource.clone(), false);
    let checked = checked.unwrap_or_else(|error| panic!("{told}: {error}"));
    for (name, value) in checked.iter().filter(|(name, _)| *name != "members") {
        assert_eq!(resource.get(name), Some(value), "{told}: {name}");
    }
}
