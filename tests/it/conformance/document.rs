//! `docs/conformance.md`, written from the register.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::Statement;

/// Set to rewrite the document instead of comparing with it.
const WRITE: &str = "SCIM_BRIDGE_WRITE_DOCS";

const INTRODUCTION: &str = "\
# Conformance

What RFC 7643, RFC 7644 and RFC 9865 (cursor paging) ask of a service provider and servers get wrong: 66 statements in our
words, each with the test that it holds. The tests speak HTTP to a whole bridge and run on SQLite and on PostgreSQL; they
stand in `tests/it/conformance/`, and this file is written from them
(`SCIM_BRIDGE_WRITE_DOCS=1 cargo test --test it conformance::document`; without the variable the same test fails where the
file is stale). \"Holds\" means that the test passes: it is part of the test command.

| No. | Section | Statement | Test | Holds | Note |
| ---: | --- | --- | --- | --- | --- |
";

const LENIENCIES: &str = "
## Deliberate leniencies

What identity providers send is not always what the RFCs have (see `docs/adr/0005-dialect-before-a-strict-core.md`). A
token made with `strict` is answered as the RFC says; any other is met halfway. The tests assert both.

| No. | By default | A strict token | Test |
| ---: | --- | --- | --- |
";

fn register() -> Vec<&'static Statement> {
    let parts = [
        super::filters::STATEMENTS,
        super::lists::STATEMENTS,
        super::projection::STATEMENTS,
        super::create_put::STATEMENTS,
        super::attributes::STATEMENTS,
        super::patch::STATEMENTS,
        super::versions_errors::STATEMENTS,
        super::bulk::STATEMENTS,
        super::discovery::STATEMENTS,
        super::tenants::STATEMENTS,
        super::extended::STATEMENTS,
    ];
    let mut register: Vec<&Statement> = parts.into_iter().flatten().collect();
    register.sort_by_key(|statement| statement.number);
    register
}

/// `it::conformance::lists::pages` without what all have.
fn short(test: &str) -> &str {
    test.split_once("conformance::").map_or(test, |(_, rest)| rest)
}

fn render(register: &[&Statement]) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut text = INTRODUCTION.to_owned();
    for Statement { number, section, sentence, test, note, .. } in register {
        let (sentence, said, name) = (cell(sentence), cell(note), short(test));
        let _ = writeln!(text, "| {number} | {section} | {sentence} | `{name}` | yes | {said} |");
    }
    text.push_str(LENIENCIES);
    for Statement { number, leniency, test, .. } in register.iter().filter(|s| !s.leniency.default.is_empty()) {
        let (default, strict) = (cell(leniency.default), cell(leniency.strict));
        let _ = writeln!(text, "| {number} | {default} | {strict} | `{}` |", short(test));
    }
    text
}

#[test]
fn every_statement_has_a_test() {
    let register = register();
    let numbers: BTreeSet<u8> = register.iter().map(|statement| statement.number).collect();
    assert_eq!(numbers, (1..=66).collect());
    let tests: BTreeSet<&str> = register.iter().map(|statement| statement.test).collect();
    assert_eq!(tests.len(), register.len(), "a test stands twice");
    for statement in register {
        let Statement { number, section, sentence, leniency, .. } = statement;
        assert!(
            section.starts_with("RFC 7643 ") || section.starts_with("RFC 7644 ") || section.starts_with("RFC 9"),
            "{number}"
        );
        assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{number}");
        assert_eq!(leniency.default.is_empty(), leniency.strict.is_empty(), "{number}");
    }
}

#[test]
fn the_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let rendered = render(&register());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &rendered).expect("the document is written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == rendered, "docs/conformance.md is stale: run this test with {WRITE}=1");
}
