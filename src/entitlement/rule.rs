//! Rules as they are configured, compiled once.

use std::collections::BTreeSet;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use serde_json::Value;

use super::{Entitlement, Kind, Person};
use crate::scim::filter::{CompareOperator, Filter};
use crate::scim::fold::fold;
use crate::scim::schema::ResourceType;
use crate::scim::{matcher, path};

/// Why a rule cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The condition is no filter, or asks for what no filter may.
    #[error("{0}")]
    Filter(String),
    /// The condition names an attribute that no user has: it would hold for nobody, or for everybody.
    #[error("no user has an attribute {0}")]
    Attribute(String),
    /// The name of a group is no pattern.
    #[error("is not a pattern: {0}")]
    Pattern(String),
}

/// When a rule holds.
#[derive(Debug, Clone)]
pub enum When {
    /// Where the person satisfies a SCIM filter (RFC 7644 3.4.2.2).
    Filter(Filter),
    /// Where the person is in a group of the identity provider whose name fits a pattern.
    Group(GlobMatcher),
}

impl When {
    /// A filter over users of this type.
    ///
    /// # Errors
    /// [`RuleError`]: what is wrong, and where in the text.
    pub fn filter(users: &ResourceType, text: &str) -> Result<Self, RuleError> {
        let said = |error: crate::scim::Error| RuleError::Filter(error.detail.into_owned());
        let filter = Filter::parse(users, text).map_err(said)?;
        filter.check(users).map_err(said)?;
        match unknown(users, &filter) {
            Some(name) => Err(RuleError::Attribute(name)),
            None => Ok(Self::Filter(filter)),
        }
    }

    /// A group by its name, or several by a pattern with `*` and `?`. Case does not count, as in names of groups.
    ///
    /// # Errors
    /// [`RuleError::Pattern`].
    pub fn group(pattern: &str) -> Result<Self, RuleError> {
        let glob = GlobBuilder::new(pattern).case_insensitive(true).build();
        glob.map(|glob| Self::Group(glob.compile_matcher())).map_err(|error| RuleError::Pattern(error.to_string()))
    }

    /// Whether it holds for a person.
    pub fn holds(&self, users: &ResourceType, person: Person<'_>) -> bool {
        match self {
            Self::Filter(filter) => matcher::matches(filter, users, person.attributes),
            Self::Group(glob) => person.groups().any(|name| glob.is_match(name)),
        }
    }
}

impl When {
    /// The folded name of a group without which it cannot hold, if it is so simple.
    fn needs_group(&self) -> Option<String> {
        match self {
            Self::Filter(filter) => needed_group(filter),
            Self::Group(_) => None,
        }
    }
}

/// The name in `groups[display eq "…"]` or `groups.display eq "…"`, alone or with `and` beside it.
fn needed_group(filter: &Filter) -> Option<String> {
    let equals = |filter: &Filter, name: &str| match filter {
        Filter::Compare { attribute, operator: CompareOperator::Eq, value: Value::String(value) } => {
            let attribute = attribute.sub.as_ref().unwrap_or(&attribute.name);
            attribute.eq_ignore_ascii_case(name).then(|| fold(value))
        }
        _ => None,
    };
    match filter {
        Filter::And(left, right) => needed_group(left).or_else(|| needed_group(right)),
        Filter::Values { filter: inner, .. } if mentions_groups(filter) => equals(inner, "display"),
        Filter::Compare { attribute, .. } if mentions_groups(filter) && attribute.sub.is_some() => {
            equals(filter, "display")
        }
        _ => None,
    }
}

/// The first attribute of a filter that no schema of the users has.
fn unknown(users: &ResourceType, filter: &Filter) -> Option<String> {
    match filter {
        Filter::And(left, right) | Filter::Or(left, right) => unknown(users, left).or_else(|| unknown(users, right)),
        Filter::Not(inner) => unknown(users, inner),
        Filter::Compare { attribute, .. } | Filter::Present(attribute) => {
            path::find(users, attribute).is_none().then(|| attribute.to_string())
        }
        Filter::Values { attribute, filter } => match path::find(users, attribute) {
            None => Some(attribute.to_string()),
            Some(outer) => unknown_inside(&outer, filter).map(|name| format!("{attribute}.{name}")),
        },
    }
}

fn unknown_inside(outer: &crate::scim::schema::Resolved<'_>, filter: &Filter) -> Option<String> {
    match filter {
        Filter::And(left, right) | Filter::Or(left, right) => {
            unknown_inside(outer, left).or_else(|| unknown_inside(outer, right))
        }
        Filter::Not(inner) => unknown_inside(outer, inner),
        Filter::Compare { attribute, .. } | Filter::Present(attribute) => {
            path::find_relative(outer.attribute, attribute).is_none().then(|| attribute.to_string())
        }
        Filter::Values { attribute, .. } => Some(attribute.to_string()),
    }
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, for whoever asks why somebody has something.
    pub name: String,
    /// When it holds.
    pub when: When,
    /// What it gives then.
    pub gives: Vec<Entitlement>,
}

/// All rules of a tenant, in their order. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rules(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    users: Arc<ResourceType>,
    rules: Vec<Rule>,
    /// Of each rule the folded name of a group without which it cannot hold, where there is one. Most rules are about a group
    /// that most people are not in: they need not be read for them.
    needs: Vec<Option<String>>,
    default_profile: Option<String>,
    /// Kind and folded name of everything that a rule names.
    named: BTreeSet<(Kind, String)>,
}

impl Rules {
    /// These rules over users of this type. `default_profile` is the profile of everybody to whom no rule gives one.
    pub fn new(users: Arc<ResourceType>, rules: Vec<Rule>, default_profile: Option<String>) -> Self {
        let of_rules = rules.iter().flat_map(|rule| &rule.gives).map(|given| (given.kind, fold(&given.name)));
        let named = of_rules.chain(default_profile.iter().map(|name| (Kind::Profile, fold(name)))).collect();
        let needs = rules.iter().map(|rule| rule.when.needs_group()).collect();
        Self(Arc::new(Inner { users, rules, needs, default_profile, named }))
    }

    /// The rules that hold for a person, with their places.
    pub fn holding<'a>(&'a self, person: Person<'a>) -> impl Iterator<Item = (usize, &'a Rule)> {
        let groups: BTreeSet<String> = person.groups().map(fold).collect();
        let all = self.0.rules.iter().zip(&self.0.needs).enumerate();
        let may_hold = move |needs: &Option<String>| needs.as_ref().is_none_or(|name| groups.contains(name));
        all.filter(move |(_, (rule, needs))| may_hold(needs) && rule.when.holds(&self.0.users, person))
            .map(|(place, (rule, _))| (place, rule))
    }

    /// The rules, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.rules.iter()
    }

    /// Name of the profile of everybody to whom no rule gives one.
    pub fn default_profile(&self) -> Option<&str> {
        self.0.default_profile.as_deref()
    }

    /// What rules are read by.
    pub fn users(&self) -> &ResourceType {
        &self.0.users
    }

    /// Whether a rule, or the default profile, names it: only then is it the bridge's to take away.
    pub fn names(&self, entitlement: &Entitlement) -> bool {
        self.0.named.contains(&(entitlement.kind, fold(&entitlement.name)))
    }

    /// Everything that is named, by kind and folded name.
    pub fn named(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.0.named.iter().map(|(kind, name)| (*kind, name.as_str()))
    }

    /// Whether what somebody is given can depend on the groups that they are in.
    pub fn look_at_groups(&self) -> bool {
        self.0.rules.iter().any(|rule| match &rule.when {
            When::Group(_) => true,
            When::Filter(filter) => mentions_groups(filter),
        })
    }

    /// Whether what somebody is given can depend on being in a group of this name.
    pub fn look_at_group(&self, name: &str) -> bool {
        self.0.rules.iter().any(|rule| match &rule.when {
            When::Group(glob) => glob.is_match(name),
            When::Filter(filter) => mentions_groups(filter),
        })
    }
}

fn mentions_groups(filter: &Filter) -> bool {
    match filter {
        Filter::And(left, right) | Filter::Or(left, right) => mentions_groups(left) || mentions_groups(right),
        Filter::Not(inner) => mentions_groups(inner),
        Filter::Compare { attribute, .. } | Filter::Present(attribute) | Filter::Values { attribute, .. } => {
            attribute.schema.as_deref().is_none_or(|urn| urn.eq_ignore_ascii_case(crate::scim::USER_SCHEMA))
                && attribute.name.eq_ignore_ascii_case("groups")
        }
    }
}
