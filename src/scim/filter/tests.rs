use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CompareOperator, Filter, MAX_DEPTH, MAX_TERMS};
use crate::scim::Strictness;
use crate::scim::error::ScimType;
use crate::scim::path::{AttributePath, PatchPath};
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::{ENTERPRISE_SCHEMA, USER_SCHEMA};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::standard().expect("the built-in schemas"));

fn user() -> Arc<ResourceType> {
    REGISTRY.user.clone()
}

fn parse(text: &str) -> Filter {
    Filter::parse(&user(), text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    let error = Filter::parse(&user(), text).expect_err(text);
    assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidFilter)), "{text}");
    error.detail.into_owned()
}

fn eq(path: &str, value: Value) -> Filter {
    let attribute = AttributePath::parse(&user(), path).expect("a path");
    Filter::Compare { attribute, operator: CompareOperator::Eq, value }
}

fn and(left: Filter, right: Filter) -> Filter {
    Filter::And(Box::new(left), Box::new(right))
}

fn or(left: Filter, right: Filter) -> Filter {
    Filter::Or(Box::new(left), Box::new(right))
}

#[test]
fn precedence_is_grouping_not_and_or() {
    let (a, b, c) = (eq("a", json!(1)), eq("b", json!(2)), eq("c", json!(3)));
    assert_eq!(parse("a eq 1 or b eq 2 and c eq 3"), or(a.clone(), and(b.clone(), c.clone())));
    assert_eq!(parse("(a eq 1 or b eq 2) and c eq 3"), and(or(a.clone(), b.clone()), c.clone()));
    let not_a = Filter::Not(Box::new(a.clone()));
    for text in ["not(a eq 1) and b eq 2", "not (a eq 1) and b eq 2", "NOT  ( a eq 1 )AND(b eq 2)"] {
        assert_eq!(parse(text), and(not_a.clone(), b.clone()), "{text}");
    }
    assert_eq!(parse("a eq 1 and b eq 2 and c eq 3"), and(and(a, b), c));
}

#[test]
fn operators_and_literals() {
    for operator in CompareOperator::ALL {
        for name in [operator.name().to_owned(), operator.name().to_uppercase()] {
            let filter = parse(&format!("userName {name} \"x\""));
            assert!(matches!(filter, Filter::Compare { operator: found, .. } if found == operator), "{name}");
        }
    }
    assert!(matches!(parse("title Pr"), Filter::Present(path) if path.name == "title"));
    let cases = [
        (r#"a eq "say \"hi\" \\ \u00e9 (x) [y] and""#, json!("say \"hi\" \\ é (x) [y] and")),
        (r#"a eq"id""#, json!("id")),
        (r#"  a   eq   ""  "#, json!("")),
        ("a eq true", json!(true)),
        ("a eq False", json!(false)),
        ("a eq null", Value::Null),
        ("a eq -12", json!(-12)),
        ("a eq 1.5", json!(1.5)),
        ("a eq ada@x.com", json!("ada@x.com")),
        ("a eq 5f4c0d7e-9a1b-4a53-9d77-0c8f6ad3b111", json!("5f4c0d7e-9a1b-4a53-9d77-0c8f6ad3b111")),
        ("a eq 007", json!("007")),
        ("a eq 123456789012345678901234567890", json!("123456789012345678901234567890")),
        ("(a eq W/\"1\")", json!("W/\"1\"")),
    ];
    for (text, value) in cases {
        assert_eq!(parse(text), eq("a", value), "{text}");
    }
}

#[test]
fn unquoted_literals_are_refused_when_strict() {
    let error = Filter::parse_with(&user(), "userName eq ada", Strictness::Strict).expect_err("strict");
    assert!(error.detail.contains("character 13, found \"ada\""), "{error}");
    for text in ["userName eq \"ada\"", "active eq true", "a eq 1.0", "a eq null"] {
        Filter::parse_with(&user(), text, Strictness::Strict).expect(text);
    }
    Filter::parse_with(&user(), "active eq True", Strictness::Strict).expect_err("True is no JSON");
}

#[test]
fn paths_part_at_known_urns_else_at_the_last_colon() {
    let cases = [
        (format!("{USER_SCHEMA}:userName"), USER_SCHEMA, "userName", None),
        (format!("{ENTERPRISE_SCHEMA}:manager.value"), ENTERPRISE_SCHEMA, "manager", Some("value")),
        (
            format!("{}:department", ENTERPRISE_SCHEMA.to_uppercase()),
            &*ENTERPRISE_SCHEMA.to_uppercase(),
            "department",
            None,
        ),
        ("urn:example:custom:1.0:User:tag.x".into(), "urn:example:custom:1.0:User", "tag", Some("x")),
    ];
    for (text, schema, name, sub) in cases {
        let path = AttributePath { schema: Some(schema.into()), name: name.into(), sub: sub.map(Into::into) };
        assert_eq!(parse(&format!("{text} pr")), Filter::Present(path), "{text}");
    }
}

#[test]
fn value_filters() {
    let work = eq("type", json!("work"));
    let values = |filter| Filter::Values {
        attribute: AttributePath { schema: None, name: "emails".into(), sub: None },
        filter: Box::new(filter),
    };
    assert_eq!(parse(r#"emails[type eq "work"]"#), values(work.clone()));
    let both = values(and(work.clone(), eq("value", json!("x"))));
    assert_eq!(parse(r#"emails[type eq "work" and value eq "x"]"#), both);
    // Entra, matching on a second attribute.
    assert_eq!(parse(r#"emails[type eq "work"].value eq "x""#), both);
    assert_eq!(parse("emails[type eq work].value eq x"), both);
    let present = Filter::Present(AttributePath { schema: None, name: "value".into(), sub: None });
    assert_eq!(parse(r#"emails[type eq "work"].value pr"#), values(and(work.clone(), present)));
    assert_eq!(parse(r#"emails[not (type eq "work")]"#), values(Filter::Not(Box::new(work))));
}

#[test]
fn errors_say_where_and_what() {
    let cases = [
        (
            "userName foo \"x\"",
            "filter: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr) at character 10, found \"foo\"",
        ),
        ("", "filter: expected an attribute at character 1, found the end"),
        ("userName", "expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr) at character 9, found the end"),
        ("userName eq", "expected a value (string, number, true, false, null) at character 12, found the end"),
        ("userName eq \"x", "expected a string with a closing quote at character 13, found \"\"x\""),
        (r#"userName eq "\q""#, "expected a string with JSON escapes only at character 13"),
        ("(userName pr", "expected \"and\", \"or\" or \")\" at character 13, found the end"),
        ("userName pr)", "expected \"and\", \"or\" or the end at character 12, found \")\""),
        ("userName pr and", "expected an attribute at character 16, found the end"),
        ("userName pr foo", "at character 13, found \"foo\""),
        ("emails[type eq \"work\"", "expected \"and\", \"or\" or \"]\" at character 22, found the end"),
        ("emails.value[type pr]", "expected an attribute without sub-attribute before \"[\" at character 1"),
        ("emails[type[value pr]]", "expected no value filter inside another at character 8"),
        ("emails[type pr]. eq 1", "expected the name of a sub-attribute at character 17"),
        ("näme eq 1", "expected an attribute at character 1, found \"näme\""),
        ("displayName eq \"é\" oops", "at character 20, found \"oops\""),
        ("a.b.c eq 1", "expected an attribute at character 1"),
        ("userName eqq \"x\"", "expected an operator"),
    ];
    for (text, words) in cases {
        let detail = refused(text);
        assert!(detail.contains(words), "{text}\n  found: {detail}\n  wanted: {words}");
    }
    assert!(refused(&format!("{USER_SCHEMA} eq 1")).contains("an attribute after the schema's URN"));
}

#[test]
fn size_depth_and_terms_are_bounded() {
    let nested = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
    parse(&nested(MAX_DEPTH));
    assert!(refused(&nested(MAX_DEPTH + 1)).contains("more than 50 levels of nesting at character 52"));
    assert!(refused(&"(".repeat(8000)).contains("levels of nesting"));
    assert!(refused(&"not(".repeat(2000)).contains("levels of nesting"));
    let terms = |count: usize| vec!["a pr"; count].join(" or ");
    parse(&terms(MAX_TERMS));
    assert!(refused(&terms(MAX_TERMS + 1)).contains("more than 200 comparisons"));
    assert!(refused(&format!("a eq \"{}\"", "x".repeat(9000))).contains("longer than 8192 bytes"));
}

#[test]
fn check_refuses_what_has_no_order_or_no_value() {
    let cases = [
        ("active gt true", Some("gt needs an order, active is boolean")),
        ("emails[primary le true]", Some("emails.primary is boolean")),
        ("x509Certificates.value ge \"x\"", Some("is binary")),
        ("name eq \"x\"", Some("name is complex")),
        ("userName[value eq \"x\"]", Some("userName is a single simple value")),
        ("userName pr and not (active lt false)", Some("active is boolean")),
        ("meta.lastModified gt \"yesterday\"", Some("which is no date and time")),
        ("meta.lastModified gt \"2011-05-13T04:42:34Z\"", None),
        ("emails eq \"x\" or urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"x\"", None),
        ("unheardOf gt 1 and urn:none:x gt 2", None),
        // What only answers have.
        ("meta.location eq \"x\"", Some("meta.location is put together for each answer")),
        ("not (META.Location pr)", Some("meta.location is put together")),
        ("meta[location sw \"x\"]", Some("meta.location is put together")),
        ("groups.$ref pr", Some("groups.$ref is put together")),
        ("title pr or groups[value eq \"1\" and not ($ref pr)]", Some("groups.$ref is put together")),
        (
            "urn:scim-bridge:schemas:extension:delivery:1.0:state eq \"held\"",
            Some("delivery:1.0:state is put together"),
        ),
        ("salesforceId pr", Some("delivery:1.0:salesforceId is put together")),
        ("groups pr and meta pr and groups.type eq \"direct\" and meta.version pr", None),
        ("manager.$ref eq \"x\" and photos.value pr and members.$ref pr", None),
        ("userName gt \"a\" and active eq \"True\"", None),
    ];
    for (text, words) in cases {
        let checked = parse(text).check(&user());
        match words {
            None => checked.expect(text),
            Some(words) => {
                let error = checked.expect_err(text);
                assert_eq!(error.scim_type, Some(ScimType::InvalidFilter));
                assert!(error.detail.contains(words), "{text}: {error}");
            }
        }
    }
}

fn any_name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9_-]{0,6}|\\$ref".prop_filter("a word of the grammar", |name| !name.eq_ignore_ascii_case("not"))
}

fn any_schema() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        4 => Just(None),
        1 => Just(Some(USER_SCHEMA.to_owned())),
        1 => Just(Some(ENTERPRISE_SCHEMA.to_owned())),
        1 => "urn:[a-z0-9]{1,5}:[a-z0-9.]{1,8}".prop_map(Some),
    ]
}

fn any_literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn any_term(relative: bool) -> impl Strategy<Value = Filter> {
    let schema = if relative { Just(None).boxed() } else { any_schema().boxed() };
    let path = (schema, any_name(), proptest::option::of(any_name()))
        .prop_map(|(schema, name, sub)| AttributePath { schema, name, sub })
        .boxed();
    prop_oneof![
        path.clone().prop_map(Filter::Present),
        (path, proptest::sample::select(&CompareOperator::ALL[..]), any_literal())
            .prop_map(|(attribute, operator, value)| Filter::Compare { attribute, operator, value }),
    ]
}

fn any_tree(term: BoxedStrategy<Filter>) -> impl Strategy<Value = Filter> {
    term.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| and(left, right)),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| or(left, right)),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let values = (any_name(), any_tree(any_term(true).boxed())).prop_map(|(name, filter)| Filter::Values {
        attribute: AttributePath { schema: None, name, sub: None },
        filter: Box::new(filter),
    });
    any_tree(prop_oneof![3 => any_term(false), 1 => values].boxed())
}

proptest! {
    #[test]
    fn a_filter_reads_back_from_its_text(filter in any_filter()) {
        let text = filter.to_string();
        for strictness in [Strictness::Lenient, Strictness::Strict] {
            let read = Filter::parse_with(&user(), &text, strictness);
            prop_assert_eq!(read.as_ref(), Ok(&filter), "{}", text);
        }
    }

    #[test]
    fn a_patch_path_reads_back_from_its_text(
        schema in any_schema(), name in any_name(), sub in proptest::option::of(any_name()),
        filter in proptest::option::of(any_tree(any_term(true).boxed())),
    ) {
        let path = match filter {
            None => PatchPath::Attribute(AttributePath { schema, name, sub }),
            Some(filter) => PatchPath::Values { attribute: AttributePath { schema, name, sub: None }, filter, sub },
        };
        prop_assert_eq!(PatchPath::parse(&user(), &path.to_string()), Ok(path));
    }

    #[test]
    fn no_text_panics(
        words in prop::collection::vec(
            "a eq |a eq |emails\\[|type eq \"x\"| and | or |not|\\(|\\)|\\]|\"|\\\\|\\.value|é|é |\\PC{0,2}",
            0..8,
        ),
    ) {
        let text = words.concat();
        let _ = Filter::parse(&user(), &text);
        let _ = PatchPath::parse(&user(), &text);
    }
}
