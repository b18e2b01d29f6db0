//! The pure core of the bridge, and what must hold of it for any bytes.
//!
//! The sources are those of the bridge, by path: `src/scim` names no other layer, so that a fuzz target is built without
//! the database, the server and TLS.

#[path = "../../src/scim/mod.rs"]
pub mod scim;

#[path = "../../src/http/json.rs"]
mod json;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde_json::Value;

use scim::bulk::{Done, Job, MAX_OPERATIONS, Request};
use scim::filter::{Filter, MAX_LENGTH, MAX_TERMS};
use scim::patch::{self, Operation};
use scim::path::{self, AttributePath, PatchPath};
use scim::projection::Projection;
use scim::schema::{Registry, ResourceType};
use scim::{Attributes, Error, Strictness, dialect, matcher, validate};

/// How the core reads, both ways.
pub const BOTH: [Strictness; 2] = [Strictness::Lenient, Strictness::Strict];

/// Longest that one input may take. Everything is linear in it, or bounded: a second is a thousand times what is
/// needed, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(2);

/// Deepest JSON that is read, as the deserializer bounds it.
const MAX_JSON_DEPTH: usize = 128;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::standard().expect("the built-in schemas"));

/// A resource that has something everywhere.
const ADA: &str = include_str!("ada.json");
static SAMPLES: LazyLock<Vec<(Arc<ResourceType>, Attributes)>> = LazyLock::new(|| {
    let ada = serde_json::from_str(ADA).expect("JSON");
    let group = serde_json::json!({
        "schemas": [scim::GROUP_SCHEMA], "id": "g", "displayName": "Sales", "members": [{"value": "1", "type": "User"}],
    });
    let group = group.as_object().expect("an object").clone();
    vec![(Arc::clone(&REGISTRY.user), ada), (Arc::clone(&REGISTRY.group), group)]
});

/// Users and groups, each with a resource.
pub fn samples() -> &'static [(Arc<ResourceType>, Attributes)] {
    &SAMPLES
}

/// Runs a check and holds it to its time.
pub fn in_time(check: impl FnOnce()) {
    let begun = Instant::now();
    check();
    assert!(begun.elapsed() < PATIENCE, "took {:?}", begun.elapsed());
}

/// One JSON value and nothing after it, as request bodies are read; `None` for what is no JSON, or has a name twice.
pub fn read(bytes: &[u8]) -> Option<Value> {
    let value = json::parse(bytes).ok()?;
    assert!(depth(&value) <= MAX_JSON_DEPTH, "deeper than the reader should go");
    Some(value)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

/// A filter: bounded, evaluated without a crash, and written as what it is.
pub fn check_filter(text: &str) {
    for (kind, resource) in samples() {
        let [lenient, strict] = BOTH.map(|strictness| Filter::parse_with(kind, text, strictness));
        assert!(lenient.is_ok() || strict.is_err(), "strict is wider than lenient");
        for filter in [lenient, strict].into_iter().flatten() {
            assert!(text.len() <= MAX_LENGTH);
            // `a[b].c eq 1` is one term of the text and two of the tree.
            assert!(filter.terms() <= 2 * MAX_TERMS, "{} terms", filter.terms());
            if filter.check(kind).is_ok() {
                let held = matcher::matches(&filter, kind, resource);
                assert_ne!(matcher::matches(&Filter::Not(Box::new(filter.clone())), kind, resource), held);
            }
            let written = filter.to_string();
            if written.len() <= MAX_LENGTH && filter.terms() < MAX_TERMS {
                for strictness in BOTH {
                    assert_eq!(Filter::parse_with(kind, &written, strictness).as_ref(), Ok(&filter), "{written}");
                }
            }
        }
    }
}

/// The path of an attribute and that of an operation.
pub fn check_path(text: &str) {
    for (kind, _) in samples() {
        if let Ok(read) = AttributePath::parse(kind, text) {
            assert_eq!(AttributePath::parse(kind, &read.to_string()), Ok(read.clone()));
            if let Some(found) = path::find(kind, &read) {
                let key = found.canonical_key();
                let again = AttributePath::parse(kind, &key).expect("the schema's own spelling");
                assert_eq!(path::find(kind, &again), Some(found), "{key}");
            }
        }
        for strictness in BOTH {
            let Ok(read) = PatchPath::parse_with(kind, text, strictness) else { continue };
            let written = read.to_string();
            if written.len() <= MAX_LENGTH {
                assert_eq!(PatchPath::parse_with(kind, &written, Strictness::Strict), Ok(read), "{written}");
            }
        }
    }
}

/// A message on a resource: never half applied, valid afterwards, and the difference leads there.
pub fn check_patch(kind: &ResourceType, resource: &Attributes, message: &Value) {
    for strictness in BOTH {
        let Ok(operations) = dialect::patch(kind, message.clone(), strictness) else { continue };
        let Some(operations) = without_members(kind, operations, strictness) else { continue };
        let Ok(patched) = patch::apply(kind, resource, &operations, strictness) else { continue };
        let again = patch::apply(kind, resource, &operations, strictness);
        assert_eq!(again.as_ref(), Ok(&patched), "not the same twice");
        let Ok(checked) = validate::check(kind, &Attributes::new(), patched, strictness) else { continue };
        comes_to_rest(kind, &checked, strictness);
        let Ok(from) = validate::check(kind, &Attributes::new(), resource.clone(), Strictness::Lenient) else {
            continue;
        };
        let operations = patch::diff(kind, &from, &checked);
        assert_eq!(
            patch::apply(kind, &from, &operations, Strictness::Lenient).as_ref(),
            Ok(&checked),
            "{operations:#?}"
        );
    }
}

fn without_members(kind: &ResourceType, operations: Vec<Operation>, strictness: Strictness) -> Option<Vec<Operation>> {
    if kind.name != "Group" {
        return Some(operations);
    }
    patch::split_members(operations, strictness).ok().map(|(rest, _)| rest)
}

fn comes_to_rest(kind: &ResourceType, checked: &Attributes, strictness: Strictness) {
    assert!(!checked.contains_key("password"), "a password is kept");
    let again = validate::check(kind, &Attributes::new(), checked.clone(), strictness);
    assert_eq!(again.as_ref(), Ok(checked), "checked again");
    let answered = Projection::standard(kind).apply(kind, checked.clone());
    assert_eq!(answered.get("schemas"), checked.get("schemas"));
}

/// The body of a POST or PUT: normalised once is normalised, accepted once is accepted.
pub fn check_body(kind: &ResourceType, body: &Value) {
    for strictness in BOTH {
        let Ok(mut normal) = dialect::resource(kind, body.clone(), strictness) else { continue };
        let again = dialect::resource(kind, Value::Object(normal.clone()), strictness);
        assert_eq!(again.as_ref(), Ok(&normal), "normalised again");
        let Ok(document) = validate::create(kind, normal.clone(), strictness) else { continue };
        comes_to_rest(kind, &document, strictness);
        let put = validate::replace(kind, &document, document.clone(), strictness);
        assert_eq!(put.as_ref(), Ok(&document), "put back");
        let _ = patch::take_members(&mut normal);
    }
}

/// SCIM base URL of the bulk requests.
const BASE: &str = "https://example.com/scim/v2";

/// A bulk request: each of its operations is handed out once at most and has one result, and what is handed out goes
/// the way of a request of its own.
pub fn check_bulk(body: &Value) {
    let Ok(request) = Request::parse(&REGISTRY, BASE, MAX_OPERATIONS, body.clone()) else { return };
    let mut ids = 0;
    let mut job = Job::new(request, BASE, || {
        ids += 1;
        format!("id-{ids}")
    });
    let mut begun = BTreeSet::new();
    loop {
        let ready = job.advance();
        if ready.is_empty() {
            break;
        }
        // Some fail, and what refers to them then does.
        let failing = ready.iter().map(|one| one.index).find(|index| index % 4 == 3);
        for one in ready {
            assert!(begun.insert(one.index), "Operations[{}] is handed out twice", one.index);
            if failing.is_none_or(|index| index == one.index) {
                let done = Done { status: 200, version: one.version.clone() };
                job.finish(one.index, if failing.is_none() { Ok(done) } else { Err(Error::uniqueness("taken")) });
            }
            check_body(&one.resource_type, &one.data);
            if let Some((kind, resource)) = samples().iter().find(|(kind, _)| kind.name == one.resource_type.name) {
                check_patch(kind, resource, &one.data);
            }
        }
    }
    let results = job.response().operations.len();
    assert!(results >= begun.len(), "{results} results of {} operations", begun.len());
    if let Some(Value::Array(operations)) = body.get("Operations") {
        assert!(results <= operations.len(), "{results} results of {} operations", operations.len());
    }
}
