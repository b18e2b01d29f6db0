//! What of a filter an index answers.

use std::borrow::Cow;

use serde_json::Value;

use crate::scim::filter::{CompareOperator, Filter};
use crate::scim::fold::fold;
use crate::scim::path::{AttributePath, find, find_relative};
use crate::scim::schema::{Resolved, ResourceType};

use super::super::resource::{Kind, is_storable};
use super::super::value::indexed;
use super::Part;

/// A condition that an index answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    Id(String),
    /// The name by which resources of a kind are unique, folded.
    Name(String),
    Value {
        path: String,
        value: String,
    },
    /// Groups that have this member.
    HasMember(String),
    /// Users that are in this group.
    InGroup(String),
}

impl Term {
    /// The text that is looked up.
    fn wanted(&self) -> &str {
        match self {
            Self::Id(text) | Self::Name(text) | Self::HasMember(text) | Self::InGroup(text) => text,
            Self::Value { value, .. } => value,
        }
    }
}

impl Term {
    /// Whether it leaves one resource at most.
    pub(super) fn is_unique(&self) -> bool {
        matches!(self, Self::Id(_) | Self::Name(_))
    }
}

/// The resources of one part that an index leaves.
pub(super) struct Narrow<'q> {
    /// Number of the part in the query.
    pub(super) number: u8,
    pub(super) part: Part<'q>,
    pub(super) terms: Vec<Term>,
    /// Whether all that the index leaves match.
    pub(super) exact: bool,
}

/// The parts of a query of which anything can match.
pub(super) fn parts<'q>(parts: &[Part<'q>]) -> Vec<Narrow<'q>> {
    let numbered = (0..).zip(parts);
    let narrowed = numbered.filter_map(|(number, part)| {
        let Implied { terms, exact, never } =
            part.filter.map_or_else(Implied::everything, |filter| narrow(part.resource_type, part.kind, filter, None));
        // Each term must hold, and of a text that cannot be stored none does.
        let never = never || terms.iter().any(|term| !is_storable(term.wanted()));
        (!never).then_some(Narrow { number, part: *part, terms, exact })
    });
    narrowed.collect()
}

/// The indexed conditions that a filter implies, and whether they say all that it says.
#[derive(Debug, PartialEq, Eq)]
struct Implied {
    terms: Vec<Term>,
    exact: bool,
    /// Whether nothing of this kind can match.
    never: bool,
}

impl Implied {
    /// Of a filter that says nothing.
    fn everything() -> Self {
        Self { terms: Vec::new(), exact: true, never: false }
    }

    /// Of a filter that has to be asked of each resource.
    fn unknown() -> Self {
        Self { terms: Vec::new(), exact: false, never: false }
    }

    fn nothing() -> Self {
        Self { terms: Vec::new(), exact: true, never: true }
    }
}

/// The path in lower case: without the core schema's URN, with an extension's; `None` where it names no attribute.
/// `emails` and `manager` alone mean their `value` (Ping and Entra send them so).
fn key(resource_type: &ResourceType, path: &AttributePath) -> Option<String> {
    let resolved = find(resource_type, path)?;
    let key = resolved.canonical_key();
    let whole = resolved.sub.is_none() && resolved.attribute.sub("value").is_some();
    Some(if whole { format!("{key}.value") } else { key }.to_ascii_lowercase())
}

/// The same inside a value filter, of a sub-attribute of the attribute before the bracket.
fn key_inside(outer: &Resolved<'_>, path: &AttributePath) -> Option<String> {
    let leaf = find_relative(outer.attribute, path)?;
    // The values of a simple attribute have no name of their own, and no index.
    let is_sub = !std::ptr::eq(leaf, outer.attribute);
    is_sub.then(|| format!("{}.{}", outer.canonical_key(), leaf.name).to_ascii_lowercase())
}

fn term(kind: Kind, key: &str, value: &str) -> Option<Term> {
    match (kind, key) {
        (_, "id") => return Some(Term::Id(value.to_owned())),
        (Kind::User, "username") | (Kind::Group, "displayname") => return Some(Term::Name(fold(value))),
        (Kind::Group, "members.value") => return Some(Term::HasMember(value.to_owned())),
        (Kind::User, "groups.value") => return Some(Term::InGroup(value.to_owned())),
        _ => {}
    }
    indexed(kind, key, value).map(|value| Term::Value { path: key.to_owned(), value })
}

/// The text that a literal equals: every indexed attribute is a text, and `externalId eq 1001`, unquoted, asks for it.
fn text(literal: &Value) -> Option<Cow<'_, str>> {
    match literal {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        _ => None,
    }
}

/// Whether a comparison with an attribute that the resource type does not have holds for none (RFC 7644 3.4.2.1: it has
/// no value there). `ne` holds for all, and so does `eq null`.
fn fails_without(operator: CompareOperator, literal: &Value) -> bool {
    match operator {
        CompareOperator::Eq => !literal.is_null(),
        CompareOperator::Ne => false,
        _ => true,
    }
}

fn narrow(resource_type: &ResourceType, kind: Kind, filter: &Filter, inside: Option<&Resolved<'_>>) -> Implied {
    let of = |filter| narrow(resource_type, kind, filter, inside);
    let missing = |path: &AttributePath| inside.is_none() && find(resource_type, path).is_none();
    match filter {
        Filter::And(left, right) => {
            let (mut left, right) = (of(left), of(right));
            left.terms.extend(right.terms);
            // Inside a value filter both must hold of one and the same value, which two rows do not say.
            let exact = left.exact && right.exact && inside.is_none();
            Implied { terms: left.terms, exact, never: left.never || right.never }
        }
        Filter::Or(left, right) => match (of(left), of(right)) {
            (Implied { never: true, .. }, one) | (one, Implied { never: true, .. }) => one,
            _ => Implied::unknown(),
        },
        Filter::Compare { attribute, operator, value } if missing(attribute) && fails_without(*operator, value) => {
            Implied::nothing()
        }
        Filter::Present(attribute) | Filter::Values { attribute, .. } if missing(attribute) => Implied::nothing(),
        Filter::Compare { attribute, operator: CompareOperator::Eq, value } => {
            let key = match inside {
                Some(outer) => key_inside(outer, attribute),
                None => key(resource_type, attribute),
            };
            let (Some(key), Some(text)) = (key, text(value)) else { return Implied::unknown() };
            if key == "meta.resourcetype" {
                return if text == kind.as_str() { Implied::everything() } else { Implied::nothing() };
            }
            match term(kind, &key, &text) {
                Some(term) => Implied { terms: vec![term], exact: true, never: false },
                None => Implied::unknown(),
            }
        }
        Filter::Values { attribute, filter } => match find(resource_type, attribute) {
            Some(outer) => narrow(resource_type, kind, filter, Some(&outer)),
            None => Implied::unknown(),
        },
        Filter::Compare { .. } | Filter::Present(_) | Filter::Not(_) => Implied::unknown(),
    }
}

/// The live resources of a kind that terms leave, to be ordered and cut.
macro_rules! narrowed {
    ($query:expr, $tenant:expr, $kind:expr, $terms:expr) => {{
        use crate::db::schema::{members, resource_values, resources};
        let mut query = $query
            .filter(resources::tenant.eq($tenant).and(resources::kind.eq($kind.as_str())))
            .filter(resources::deleted_at.is_null())
            .into_boxed();
        for term in $terms {
            query = match term {
                Term::Id(id) => query.filter(resources::id.eq(id)),
                Term::Name(name) => query.filter(resources::unique_key.eq(name)),
                Term::Value { path, value } => query.filter(
                    resources::id.eq_any(
                        resource_values::table
                            .filter(resource_values::tenant.eq($tenant).and(resource_values::kind.eq($kind.as_str())))
                            .filter(resource_values::path.eq(path).and(resource_values::value.eq(value)))
                            .select(resource_values::resource_id),
                    ),
                ),
                Term::HasMember(member) => query.filter(
                    resources::id.eq_any(
                        members::table
                            .filter(members::member_id.eq(member).and(members::desired.eq(true)))
                            .select(members::group_id),
                    ),
                ),
                Term::InGroup(group) => query.filter(
                    resources::id.eq_any(
                        members::table
                            .filter(members::group_id.eq(group).and(members::desired.eq(true)))
                            .select(members::member_id),
                    ),
                ),
            };
        }
        query
    }};
}
pub(super) use narrowed;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::Registry;

    /// Filter; for users and for groups: terms, and whether they say all. `None`: nothing of the kind can match.
    type Case = (&'static str, Option<(Vec<Term>, bool)>, Option<(Vec<Term>, bool)>);

    #[test]
    fn what_indexes_say_of_a_filter() {
        let registry = Registry::standard().unwrap();
        let name = |name: &str| Term::Name(name.into());
        let value = |path: &str, value: &str| Term::Value { path: path.into(), value: value.into() };
        let all = || Some((Vec::new(), true));
        let asked = || Some((Vec::new(), false));
        let cases: Vec<Case> = vec![
            ("userName eq \"ADA\"", Some((vec![name("ada")], true)), None),
            (
                "externalId eq 1001",
                Some((vec![value("externalid", "1001")], true)),
                Some((vec![value("externalid", "1001")], true)),
            ),
            (
                "externalId eq true",
                Some((vec![value("externalid", "true")], true)),
                Some((vec![value("externalid", "true")], true)),
            ),
            ("externalId eq null", asked(), asked()),
            ("meta.resourceType eq \"User\"", all(), None),
            ("meta.resourceType eq \"user\"", None, None),
            ("meta.resourceType eq \"Group\" and displayName eq \"X\"", None, Some((vec![name("x")], true))),
            ("userName eq \"a\" or displayName eq \"b\"", asked(), Some((vec![name("b")], true))),
            (
                "userName eq \"a\" or members.value eq \"b\"",
                Some((vec![name("a")], true)),
                Some((vec![Term::HasMember("b".into())], true)),
            ),
            ("userName eq \"a\" and title pr", Some((vec![name("a")], false)), None),
            ("displayName eq \"X\"", Some((vec![value("displayname", "x")], true)), Some((vec![name("x")], true))),
            ("title pr", asked(), None),
            ("title ne \"a\"", asked(), asked()),
            ("title eq null", asked(), asked()),
            ("not (title pr)", asked(), asked()),
            ("emails[type eq \"work\" and value eq \"X\"]", Some((vec![value("emails.value", "x")], false)), None),
            ("emails[value eq \"X\"]", Some((vec![value("emails.value", "x")], true)), None),
            ("emails[Emails.VALUE eq \"X\"]", Some((vec![value("emails.value", "x")], true)), None),
            ("emails[value.x eq \"X\"]", asked(), None),
            ("emails[x.value eq \"X\"]", asked(), None),
            ("emails[display pr]", asked(), None),
            ("id eq \"1\"", Some((vec![Term::Id("1".into())], true)), Some((vec![Term::Id("1".into())], true))),
            ("id eq \"\\u0000\"", None, None),
        ];
        for (text, user, group) in cases {
            for (number, (kind, expected)) in (0..).zip([(Kind::User, user), (Kind::Group, group)]) {
                let resource_type = if kind == Kind::User { &registry.user } else { &registry.group };
                let filter = Filter::parse(resource_type, text).unwrap();
                let part = Part { kind, resource_type, filter: Some(&filter) };
                let found = parts(&[part]).pop().map(|n| (n.terms, n.exact));
                assert_eq!(found, expected, "{text} {kind} {number}");
            }
        }
    }
}
