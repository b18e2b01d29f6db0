//! Which part of the bridge may know which other. An arrow that is not in the table is a decision: make it there, with
//! its reason, or not at all.

#![expect(clippy::string_slice, reason = "a test may panic, and the places are those of ASCII found just before")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each layer, and the layers that it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    // The protocol, the database and the simulated org stand by themselves.
    ("scim", &[]),
    ("db", &[]),
    ("sandbox", &[]),
    ("clock", &[]),
    // `scim` for the schemas of extensions; `salesforce` and `entitlement` for the mapping and the rules, whose templates and
    // conditions are checked with the rest of the file.
    ("config", &["scim", "salesforce", "entitlement"]),
    ("telemetry", &[]),
    ("access", &["db", "clock"]),
    // `access` for credentials; `delivery` for where deliveries stand; `shadow` for the kinds of resource and pages;
    // `db` for its error, which becomes 503 or 500; `telemetry` for `/metrics`; `config` for its JSON Schema.
    ("http", &["access", "provisioning", "scim", "delivery", "shadow", "db", "clock", "config", "telemetry"]),
    // `entitlement` for whose plan may be another when groups change.
    ("provisioning", &["scim", "shadow", "delivery", "db", "clock", "entitlement"]),
    ("shadow", &["scim", "db", "clock"]),
    // `scim` for what Salesforce speaks, not for what identity providers send.
    ("delivery", &["shadow", "db", "salesforce", "scim", "clock", "entitlement"]),
    // `entitlement` for the kinds of what an org can give.
    ("salesforce", &["scim", "clock", "entitlement"]),
    ("audit", &["db", "clock"]),
    ("entitlement", &["scim"]),
    // `entitlement` for the kinds of what people are given.
    ("reconcile", &["shadow", "delivery", "salesforce", "scim", "db", "clock", "entitlement"]),
];

/// Where the parts are put together: these may name everything.
const COMPOSITION: &[&str] = &["main", "lib", "app", "cli"];

/// Crates that not every layer may use, and the layers that may.
const CRATES: &[(&str, &[&str])] = &[
    ("actix_web", &["http", "sandbox", "app", "cli"]),
    ("diesel", &["db", "access", "shadow", "delivery", "audit", "reconcile"]),
    ("reqwest", &["salesforce", "app", "cli"]),
    ("tokio", &["http", "db", "delivery", "salesforce", "sandbox", "provisioning", "reconcile", "app", "cli", "main"]),
];

/// Most lines that a file may have. A longer one holds more than one thing.
const LONGEST: usize = 600;

/// A source file: its layer, its path, and its text without comments.
struct Source {
    layer: String,
    path: PathBuf,
    lines: usize,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                let inside = path.strip_prefix(&root).expect("under src").to_owned();
                let layer = inside.iter().next().map(|first| Path::new(first).with_extension("")).expect("a name");
                let layer = layer.display().to_string();
                sources.push(Source {
                    layer,
                    path: inside,
                    lines: text.lines().count(),
                    code: without_comments(&text),
                });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

/// Good enough for `//`: a `//` inside a text ends the line too early, and hides at most what follows it there.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The layers that `code` names as `crate::layer` or in `use crate::{a::…, b}`.
fn named(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` and `my_crate::` are no other.
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads(group)),
            None => found.extend(identifier(rest)),
        }
    }
    found
}

/// The first name of each entry of a `{…}` group, up to its end.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut at_head) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if c.is_whitespace() => {}
            _ if at_head => {
                heads.extend(identifier(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

/// The name at the beginning, if it is one of a module (types and macros are of the crate's root).
fn identifier(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let name = &text[..end];
    name.starts_with(|c: char| c.is_lowercase()).then(|| name.to_owned())
}

/// Whether `code` uses the crate `name` by path.
fn uses(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        whole && (after.starts_with("::") || after.starts_with(';') || after.starts_with(" as "))
    })
}

fn edges(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    let layers: BTreeSet<&str> = sources.iter().map(|source| source.layer.as_str()).collect();
    for source in sources.iter().filter(|source| !COMPOSITION.contains(&source.layer.as_str())) {
        let path = source.path.display();
        let Some((_, allowed)) = ALLOWED.iter().find(|(layer, _)| *layer == source.layer) else {
            wrong.push(format!("{path}: {} is no known layer; say in ALLOWED what it may name", source.layer));
            continue;
        };
        for named in named(&source.code) {
            let is_layer = layers.contains(named.as_str()) || ALLOWED.iter().any(|(layer, _)| *layer == named);
            if is_layer && named != source.layer && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{path}: {} must not know {named}", source.layer));
            }
        }
        for (name, users) in CRATES {
            if uses(&source.code, name) && !users.contains(&source.layer.as_str()) {
                wrong.push(format!("{path}: {} must not use {name}", source.layer));
            }
        }
    }
    wrong
}

#[test]
fn arrows_point_one_way() {
    let sources = sources();
    assert!(sources.len() > 5, "src was not found");
    let wrong = edges(&sources);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let long = |source: &&Source| source.lines > LONGEST;
    let long: Vec<String> =
        sources().iter().filter(long).map(|one| format!("{}: {} lines", one.path.display(), one.lines)).collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn nothing_beside_the_clone_is_named() {
    let outside = ["/home/", "/root/", "../shared"];
    for source in sources() {
        for path in outside {
            assert!(!source.code.contains(path), "{} names {path}", source.path.display());
        }
    }
}

#[test]
fn arrows_that_are_not_allowed_are_seen() {
    let cases = [
        ("scim", "use crate::db::Conn;", "scim must not know db"),
        ("provisioning", "use crate::{scim::{self, Error}, salesforce};", "provisioning must not know salesforce"),
        ("http", "fn f() { crate::salesforce::call() }", "http must not know salesforce"),
        ("shadow", "use actix_web::HttpRequest;", "shadow must not use actix_web"),
        ("scim", "async fn f() { tokio::spawn(g()); }", "scim must not use tokio"),
        ("wizard", "", "wizard is no known layer"),
        ("http", "use crate::scim::Error; use crate::provisioning; // crate::db\nuse tokio::sync;", ""),
        ("app", "use crate::{db, http}; use diesel::Connection;", ""),
        (
            "delivery",
            "use crate::delivery::outbox; use crate::{Thing, shadow}; my_tokio::x(); super::reqwest::y();",
            "",
        ),
    ];
    for (layer, code, wanted) in cases {
        let path = PathBuf::from(layer).join("mod.rs");
        let source = Source { layer: layer.to_owned(), path, lines: 1, code: without_comments(code) };
        let wrong = edges(&[source]).join("\n");
        assert!(if wanted.is_empty() { wrong.is_empty() } else { wrong.contains(wanted) }, "{code}: {wrong:?}");
    }
}
