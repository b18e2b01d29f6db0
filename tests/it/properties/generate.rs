//! Random documents, filters, paths and requests, by the schemas.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use scim_bridge::scim::filter::{CompareOperator, Filter};
use scim_bridge::scim::path::{AttributePath, PatchPath};
use scim_bridge::scim::schema::{Attribute, DataType, Mutability, ResourceType};
use scim_bridge::scim::{Attributes, DELIVERY_SCHEMA, GROUP_SCHEMA};
use serde_json::{Map, Value, json};

use super::core;

/// Texts of few letters, so that two of them are often equal, and equal but for case.
pub(super) fn words() -> BoxedStrategy<String> {
    prop_oneof![
        4 => select(vec!["a", "A", "b", "ab", "Ab@x.de", "ab@X.de", "work", "Work", "é", "É", "", "1", "true", "a b"])
            .prop_map(str::to_owned),
        1 => "[aAbB.@ ]{1,4}",
    ]
    .boxed()
}

/// Texts that have broken something somewhere.
pub(super) fn hostile() -> BoxedStrategy<String> {
    prop_oneof![
        3 => select(vec![
            "\"", "\\", "\\\"", "]", ")", "[", "'; --", "%", "_", "\u{202e}x", "ｗｏｒｋ", "İ", "ß", "ẞ", "ς", "e\u{301}",
            "𝒜", "\u{1f468}\u{200d}\u{1f469}", "null", "TRUE", "1e400", "-0", "0x1F", "{\"value\":\"a\"}", "a,b", "a\nb",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC{0,8}",
        1 => any::<String>(),
        1 => Just("x".repeat(2_000)),
    ]
    .boxed()
}

/// Mostly [`words`].
pub(super) fn texts() -> BoxedStrategy<String> {
    prop_oneof![4 => words(), 1 => hostile()].boxed()
}

/// A value of a simple type.
pub(super) fn simple(kind: DataType, texts: &BoxedStrategy<String>) -> BoxedStrategy<Value> {
    match kind {
        DataType::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        DataType::Integer => {
            prop_oneof![9 => (-2_i64..4).boxed(), 1 => any::<i64>().boxed()].prop_map(Value::from).boxed()
        }
        DataType::Decimal => select(vec![json!(0.5), json!(-1.5), json!(2), json!(2.0), json!(1e10)]).boxed(),
        DataType::DateTime => select(vec![
            "2026-01-31T12:00:00Z",
            "2026-01-31T13:00:00+01:00",
            "2026-01-31T12:00:00.500Z",
            "2011-05-13T04:42:34Z",
        ])
        .prop_map(Value::from)
        .boxed(),
        DataType::Reference => {
            select(vec!["https://a.example/x", "https://A.example/x", "../Users/1"]).prop_map(Value::from).boxed()
        }
        DataType::Binary => select(vec!["YQ==", "YWI=", "yQ=="]).prop_map(Value::from).boxed(),
        // PostgreSQL holds no U+0000, so that a resource may not either.
        DataType::String | DataType::Complex => {
            texts.clone().prop_map(|text| Value::from(text.replace('\0', ""))).boxed()
        }
    }
}

fn named(attribute: &Attribute, texts: &BoxedStrategy<String>) -> BoxedStrategy<Value> {
    if attribute.required && attribute.data_type == DataType::String {
        return "[a-cA-C]{1,3}".prop_map(Value::from).boxed();
    }
    match attribute.name.as_str() {
        "type" => select(vec!["work", "home", "Work", "x"]).prop_map(Value::from).boxed(),
        _ => simple(attribute.data_type, texts),
    }
}

/// Members of an object: each attribute is there or not.
fn members(attributes: &[Attribute], texts: &BoxedStrategy<String>) -> BoxedStrategy<Attributes> {
    let writable = attributes.iter().filter(|a| a.mutability != Mutability::ReadOnly);
    let members: Vec<BoxedStrategy<Option<(String, Value)>>> = writable
        .map(|attribute| {
            let name = attribute.name.clone();
            let value = value(attribute, texts).prop_map(move |value| (name.clone(), value));
            if attribute.required { value.prop_map(Some).boxed() } else { prop::option::weighted(0.4, value).boxed() }
        })
        .collect();
    members.prop_map(|members| members.into_iter().flatten().collect()).boxed()
}

/// A value of this attribute, whole.
pub(super) fn value(attribute: &Attribute, texts: &BoxedStrategy<String>) -> BoxedStrategy<Value> {
    let one = if attribute.data_type == DataType::Complex {
        members(&attribute.sub_attributes, texts).prop_map(Value::Object).boxed()
    } else {
        named(attribute, texts)
    };
    if attribute.multi_valued { prop::collection::vec(one, 0..4).prop_map(one_primary).boxed() } else { one }
}

/// At most one value of a list is primary.
fn one_primary(mut values: Vec<Value>) -> Value {
    let primary = values.iter_mut().filter_map(Value::as_object_mut).filter(|m| m.get("primary") == Some(&json!(true)));
    for members in primary.skip(1) {
        members.insert("primary".into(), json!(false));
    }
    Value::Array(values)
}

/// A resource that its schemas allow, in canonical form.
pub(super) fn document(kind: &Arc<ResourceType>, texts: &BoxedStrategy<String>) -> BoxedStrategy<Attributes> {
    let core: Vec<Attribute> = kind.common.iter().chain(&kind.schema.attributes).cloned().collect();
    let extensions: Vec<BoxedStrategy<Option<(String, Attributes)>>> = kind
        .extensions
        .iter()
        .map(|extension| {
            let urn = extension.schema.id.clone();
            let whole = members(&extension.schema.attributes, texts).prop_map(move |members| (urn.clone(), members));
            prop::option::weighted(0.6, whole).boxed()
        })
        .collect();
    let kind = Arc::clone(kind);
    (members(&core, texts), extensions)
        .prop_map(move |(mut body, extensions)| {
            for (urn, members) in extensions.into_iter().flatten() {
                body.insert(urn, Value::Object(members));
            }
            let body = core::create(&kind, body, false).expect("what the schemas allow");
            core::check(&kind, body, false).expect("what was checked")
        })
        .boxed()
}

/// A resource with what the service provider adds: `id`, `meta` and where its delivery stands.
pub(super) fn seen(kind: &Arc<ResourceType>, texts: &BoxedStrategy<String>) -> BoxedStrategy<Attributes> {
    let time = || simple(DataType::DateTime, &words());
    (document(kind, texts), words(), time(), prop::option::of((-2_i64..4, time(), words())))
        .prop_map(|(document, id, created, delivery)| {
            let mut seen = document;
            seen.insert("id".into(), json!(id));
            seen.insert("meta".into(), json!({"resourceType": "User", "created": created, "version": "W/\"1\""}));
            if let Some((attempts, updated, reason)) = delivery {
                let members = json!({"state": "held", "attempts": attempts, "updated": updated, "reason": reason});
                seen.insert(DELIVERY_SCHEMA.into(), members);
            }
            seen
        })
        .boxed()
}

/// The same name in other letters, often.
pub(super) fn any_case(name: String) -> BoxedStrategy<String> {
    let (lower, upper) = (name.to_lowercase(), name.to_uppercase());
    prop_oneof![4 => Just(name), 1 => Just(lower), 1 => Just(upper)].boxed()
}

/// Every path that the resource type has, with what it names: attributes and sub-attributes, those of extensions with
/// their URN and without.
pub(super) fn known_paths(kind: &ResourceType) -> Vec<(AttributePath, Attribute)> {
    let mut paths = Vec::new();
    let mut add = |schema: Option<&str>, attribute: &Attribute| {
        let path = |sub: Option<&Attribute>| AttributePath {
            schema: schema.map(str::to_owned),
            name: attribute.name.clone(),
            sub: sub.map(|sub| sub.name.clone()),
        };
        paths.push((path(None), attribute.clone()));
        paths.extend(attribute.sub_attributes.iter().map(|sub| (path(Some(sub)), sub.clone())));
    };
    for attribute in kind.common.iter().chain(&kind.schema.attributes) {
        add(None, attribute);
    }
    for attribute in kind.schema.attributes.iter().take(3) {
        add(Some(&kind.schema.id), attribute);
    }
    for extension in &kind.extensions {
        for attribute in &extension.schema.attributes {
            add(Some(&extension.schema.id), attribute);
            if kind.core_attribute(&attribute.name).is_none() {
                add(None, attribute);
            }
        }
    }
    paths
}

fn path_in_any_case(path: AttributePath) -> BoxedStrategy<AttributePath> {
    let sub = path.sub.map_or(Just(None).boxed(), |sub| any_case(sub).prop_map(Some).boxed());
    let schema = path.schema.map_or(Just(None).boxed(), |urn| any_case(urn).prop_map(Some).boxed());
    (schema, any_case(path.name), sub).prop_map(|(schema, name, sub)| AttributePath { schema, name, sub }).boxed()
}

/// A path that names something, and what.
pub(super) fn known_path(kind: &ResourceType) -> BoxedStrategy<(AttributePath, Attribute)> {
    select(known_paths(kind)).prop_flat_map(|(path, attribute)| (path_in_any_case(path), Just(attribute))).boxed()
}

/// The name of an attribute, by the grammar (RFC 7643 2.1); words of the filter's grammar too.
fn any_name() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[$]?[a-zA-Z][a-zA-Z0-9_-]{0,6}",
        1 => select(vec!["and", "or", "not", "pr", "eq", "true", "null", "userName", "value"]).prop_map(str::to_owned),
    ]
    .boxed()
}

/// A path that the grammar allows; it may name nothing.
pub(super) fn any_path(kind: &ResourceType) -> BoxedStrategy<AttributePath> {
    let urns: Vec<String> =
        kind.extensions.iter().map(|e| e.schema.id.clone()).chain([kind.schema.id.clone()]).collect();
    let schema = prop_oneof![
        2 => select(urns).prop_flat_map(any_case),
        1 => select(vec!["urn:example:unknown:1.0", "urn:x:y.z", "x"]).prop_map(str::to_owned),
    ];
    let free = (prop::option::weighted(0.3, schema), any_name(), prop::option::weighted(0.3, any_name()))
        .prop_map(|(schema, name, sub)| AttributePath { schema, name, sub });
    prop_oneof![1 => known_path(kind).prop_map(|(path, _)| path), 1 => free].boxed()
}

/// A literal: of the type that is asked for most of the time.
fn literal(kind: DataType, texts: &BoxedStrategy<String>) -> BoxedStrategy<Value> {
    let other = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        (-4.0_f64..4.0).prop_map(Value::from),
        texts.clone().prop_map(Value::from),
        select(vec!["True", "FALSE", "2", "0.5", "2026-01-31T12:00:00"]).prop_map(Value::from),
    ];
    prop_oneof![5 => simple(kind, texts), 1 => other].boxed()
}

fn operator() -> BoxedStrategy<CompareOperator> {
    use CompareOperator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    select(vec![Eq, Eq, Eq, Eq, Ne, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le]).boxed()
}

fn comparison(path: AttributePath, attribute: &Attribute, texts: &BoxedStrategy<String>) -> BoxedStrategy<Filter> {
    let compared = match attribute.sub("value") {
        Some(value) if attribute.data_type == DataType::Complex => value.data_type,
        _ => attribute.data_type,
    };
    let present = Just(Filter::Present(path.clone()));
    let compare = (operator(), literal(compared, texts)).prop_map(move |(operator, value)| Filter::Compare {
        attribute: path.clone(),
        operator,
        value,
    });
    prop_oneof![1 => present, 5 => compare].boxed()
}

/// Terms joined by `and`, `or` and `not`.
fn joined(terms: BoxedStrategy<Filter>, depth: u32) -> BoxedStrategy<Filter> {
    terms
        .prop_recursive(depth, 12, 2, |inner| {
            let pair = (inner.clone(), inner.clone()).prop_map(|(left, right)| (Box::new(left), Box::new(right)));
            prop_oneof![
                pair.clone().prop_map(|(left, right)| Filter::And(left, right)),
                pair.prop_map(|(left, right)| Filter::Or(left, right)),
                inner.prop_map(|inner| Filter::Not(Box::new(inner))),
            ]
        })
        .boxed()
}

/// The inside of a value filter on this attribute.
fn inside(attribute: &Attribute, texts: &BoxedStrategy<String>) -> BoxedStrategy<Filter> {
    let relative = |prefix: Option<&str>, name: &str| match prefix {
        None => AttributePath { schema: None, name: name.to_owned(), sub: None },
        Some(prefix) => AttributePath { schema: None, name: prefix.to_owned(), sub: Some(name.to_owned()) },
    };
    let mut terms: Vec<BoxedStrategy<Filter>> = Vec::new();
    if attribute.data_type == DataType::Complex {
        for sub in &attribute.sub_attributes {
            terms.push(comparison(relative(None, &sub.name), sub, texts));
        }
        if let Some(first) = attribute.sub_attributes.first() {
            terms.push(comparison(relative(Some(&attribute.name), &first.name.to_uppercase()), first, texts));
            terms.push(comparison(relative(None, "nonsense"), first, texts));
        }
    } else {
        terms.push(comparison(relative(None, "value"), attribute, texts));
    }
    joined(prop::strategy::Union::new(terms).boxed(), 2)
}

/// A filter on attributes that `wanted` lets pass, or on one that nobody knows.
pub(super) fn filter_on(
    kind: &ResourceType,
    texts: &BoxedStrategy<String>,
    wanted: impl Fn(&AttributePath) -> bool,
) -> BoxedStrategy<Filter> {
    let known: Vec<(AttributePath, Attribute)> =
        known_paths(kind).into_iter().filter(|(path, _)| wanted(path)).collect();
    let with_values: Vec<(AttributePath, Attribute)> = known
        .iter()
        .filter(|(path, a)| path.sub.is_none() && (a.multi_valued || a.data_type == DataType::Complex))
        .cloned()
        .collect();
    let (inner_texts, terms_texts, nobody_texts) = (texts.clone(), texts.clone(), texts.clone());
    let terms = prop_oneof![
        8 => select(known).prop_flat_map(move |(path, attribute)| {
            let texts = terms_texts.clone();
            path_in_any_case(path).prop_flat_map(move |path| comparison(path, &attribute, &texts))
        }),
        3 => select(with_values).prop_flat_map(move |(path, attribute)| {
            (path_in_any_case(path), inside(&attribute, &inner_texts))
                .prop_map(|(attribute, filter)| Filter::Values { attribute, filter: Box::new(filter) })
        }),
        1 => any_name().prop_flat_map(move |name| {
            let path = AttributePath { schema: None, name: format!("x{name}").replace('$', ""), sub: None };
            (operator(), literal(DataType::String, &nobody_texts))
                .prop_map(move |(operator, value)| Filter::Compare { attribute: path.clone(), operator, value })
        }),
    ];
    joined(terms.boxed(), 3)
}

/// A filter that the grammar allows; what it names may not be there, and the types may not fit.
pub(super) fn any_filter(kind: &ResourceType) -> BoxedStrategy<Filter> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
    ];
    let literal = prop_oneof![
        3 => texts().prop_map(Value::from),
        1 => number,
        1 => select(vec![Value::Null, json!(true), json!(false)]),
    ];
    let compare = |path: BoxedStrategy<AttributePath>| {
        let compare = (path.clone(), operator(), literal.clone())
            .prop_map(|(attribute, operator, value)| Filter::Compare { attribute, operator, value });
        prop_oneof![1 => path.prop_map(Filter::Present), 3 => compare].boxed()
    };
    let inside = joined(compare(any_path(kind)), 2);
    let values = (any_path(kind), inside).prop_map(|(attribute, filter)| Filter::Values {
        attribute: AttributePath { sub: None, ..attribute },
        filter: Box::new(filter),
    });
    joined(prop_oneof![3 => compare(any_path(kind)), 1 => values].boxed(), 4)
}

/// The path of a PATCH operation, as the parser can answer it.
pub(super) fn any_patch_path(kind: &ResourceType) -> BoxedStrategy<PatchPath> {
    let urns: Vec<String> =
        kind.extensions.iter().map(|e| e.schema.id.clone()).chain([kind.schema.id.clone()]).collect();
    let inside = any_filter(kind).prop_filter("no value filter inside another", |filter| !has_values(filter));
    prop_oneof![
        1 => select(urns).prop_flat_map(any_case).prop_map(PatchPath::Extension),
        1 => Just(PatchPath::Extension("urn:example:unknown:1.0".into())),
        3 => any_path(kind).prop_map(PatchPath::Attribute),
        3 => (any_path(kind), inside, prop::option::of(any_name())).prop_map(|(attribute, filter, sub)| {
            PatchPath::Values { attribute: AttributePath { sub: None, ..attribute }, filter, sub }
        }),
    ]
    .boxed()
}

fn has_values(filter: &Filter) -> bool {
    match filter {
        Filter::And(left, right) | Filter::Or(left, right) => has_values(left) || has_values(right),
        Filter::Not(inner) => has_values(inner),
        Filter::Values { .. } => true,
        Filter::Compare { .. } | Filter::Present(_) => false,
    }
}

/// Any JSON, with names that mean something in places where they mean something else.
pub(super) fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let member = (any_key(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(member, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}

/// The name of a member, known or not.
pub(super) fn any_key() -> BoxedStrategy<String> {
    let known = select(vec![
        "schemas",
        "id",
        "meta",
        "userName",
        "displayName",
        "name",
        "emails",
        "roles",
        "manager",
        "members",
        "value",
        "type",
        "primary",
        "$ref",
        "active",
        "password",
        "externalId",
        "name.givenName",
        "emails.value",
        "addresses",
        "emails[type eq \"work\"].value",
        "roles[primary eq \"True\"]",
        "department",
        "Operations",
        "op",
        "path",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        GROUP_SCHEMA,
        core::EXAMPLE,
        "tags",
        "spot",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        "urn:example:unknown:2.0:User",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned).prop_flat_map(any_case), 1 => texts()].boxed()
}
