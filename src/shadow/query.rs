//! Lists: a filter becomes indexed SQL where it can; what is left is decided by the matcher.

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::db::schema::{members, resource_values, resources};
use crate::db::{Conn, Error, on_backend};
use crate::scim::filter::{CompareOperator, Filter};
use crate::scim::path::{AttributePath, find};
use crate::scim::schema::ResourceType;
use crate::scim::{Attributes, matcher};

use super::member;
use super::resource::{Kind, Row, Stored, is_storable};
use super::value::{MANAGER, indexed};

/// Resources that a scan holds in memory at once.
const SCAN: i64 = 500;

/// Which part of a result is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Results before it.
    pub offset: usize,
    /// Results in it at most.
    pub limit: usize,
}

/// A page of a result.
#[derive(Debug)]
pub struct Found {
    /// Size of the whole result.
    pub total: usize,
    /// The page, in the order in which the resources were made.
    pub resources: Vec<Stored>,
}

/// A condition that an index answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Id(String),
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
            Self::Id(text) | Self::HasMember(text) | Self::InGroup(text) | Self::Value { value: text, .. } => text,
        }
    }
}

/// The indexed conditions that a filter implies, and whether they say all that it says.
struct Narrowed {
    terms: Vec<Term>,
    exact: bool,
}

/// The path in lower case: without the core schema's URN, with an extension's; `None` where it names no attribute.
/// `emails` and `manager` alone mean their `value` (Ping and Entra send them so).
fn key(resource_type: &ResourceType, path: &AttributePath) -> Option<String> {
    let resolved = find(resource_type, path)?;
    let key = resolved.canonical_key();
    let whole = resolved.sub.is_none() && resolved.attribute.sub("value").is_some();
    Some(if whole { format!("{key}.value") } else { key }.to_ascii_lowercase())
}

fn term(kind: Kind, key: &str, value: &str) -> Option<Term> {
    match (kind, key) {
        (_, "id") => return Some(Term::Id(value.to_owned())),
        (Kind::Group, "members.value") => return Some(Term::HasMember(value.to_owned())),
        (Kind::User, "groups.value") => return Some(Term::InGroup(value.to_owned())),
        _ => {}
    }
    indexed(kind, key, value).map(|value| Term::Value { path: key.to_owned(), value })
}

fn narrow(resource_type: &ResourceType, kind: Kind, filter: &Filter, inside: Option<&str>) -> Narrowed {
    let nothing = Narrowed { terms: Vec::new(), exact: false };
    match filter {
        Filter::And(left, right) => {
            let (mut left, right) =
                (narrow(resource_type, kind, left, inside), narrow(resource_type, kind, right, inside));
            left.terms.extend(right.terms);
            // Inside a value filter both must hold of one and the same value, which two rows do not say.
            Narrowed { exact: left.exact && right.exact && inside.is_none(), terms: left.terms }
        }
        Filter::Compare { attribute, operator: CompareOperator::Eq, value: Value::String(text) } => {
            let key = match inside {
                Some(outer) => Some(format!("{outer}.{}", attribute.name).to_ascii_lowercase()),
                None => key(resource_type, attribute),
            };
            let Some(key) = key else { return nothing };
            match term(kind, &key, text) {
                Some(term) => Narrowed { terms: vec![term], exact: true },
                None => nothing,
            }
        }
        Filter::Values { attribute, filter } => match find(resource_type, attribute) {
            Some(outer) => narrow(resource_type, kind, filter, Some(&outer.canonical_key())),
            None => nothing,
        },
        _ => nothing,
    }
}

/// Whether a filter looks at memberships, which are not in the document.
fn looks_at_memberships(filter: &Filter) -> bool {
    let named =
        |path: &AttributePath| path.name.eq_ignore_ascii_case("members") || path.name.eq_ignore_ascii_case("groups");
    match filter {
        Filter::And(a, b) | Filter::Or(a, b) => looks_at_memberships(a) || looks_at_memberships(b),
        Filter::Not(inner) => looks_at_memberships(inner),
        Filter::Compare { attribute, .. } | Filter::Present(attribute) | Filter::Values { attribute, .. } => {
            named(attribute)
        }
    }
}

macro_rules! narrowed {
    ($query:expr, $tenant:expr, $kind:expr, $terms:expr) => {{
        let mut query = $query
            .filter(resources::tenant.eq($tenant).and(resources::kind.eq($kind.as_str())))
            .filter(resources::deleted_at.is_null())
            .into_boxed();
        for term in $terms {
            query = match term {
                Term::Id(id) => query.filter(resources::id.eq(id)),
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

/// Ids of the users whose manager this is.
pub(crate) fn reports_of(conn: &mut Conn, manager: &Stored) -> Result<Vec<String>, Error> {
    Ok(resource_values::table
        .filter(resource_values::tenant.eq(&manager.tenant).and(resource_values::kind.eq(Kind::User.as_str())))
        .filter(resource_values::path.eq(MANAGER).and(resource_values::value.eq(&manager.id)))
        .select(resource_values::resource_id)
        .load(conn)?)
}

/// The page of those live resources of a kind that match.
pub fn list(
    conn: &mut Conn,
    tenant: &str,
    (resource_type, kind): (&ResourceType, Kind),
    filter: Option<&Filter>,
    page: Page,
) -> Result<Found, Error> {
    let Narrowed { terms, exact } =
        filter.map_or(Narrowed { terms: Vec::new(), exact: true }, |f| narrow(resource_type, kind, f, None));
    // Each term must hold, and of a text that cannot be stored none does.
    if terms.iter().any(|term| !is_storable(term.wanted())) {
        return Ok(Found { total: 0, resources: Vec::new() });
    }
    match filter {
        Some(filter) if !exact => scan(conn, tenant, (resource_type, kind), &terms, filter, page),
        _ => indexed_page(conn, tenant, kind, &terms, page),
    }
}

fn indexed_page(conn: &mut Conn, tenant: &str, kind: Kind, terms: &[Term], page: Page) -> Result<Found, Error> {
    let (offset, limit) = (int(page.offset), int(page.limit));
    let rows: Vec<Row> = if limit == 0 {
        Vec::new()
    } else {
        on_backend!(&mut *conn, c => narrowed!(resources::table.select(Row::as_select()), tenant, kind, terms)
            .order(resources::id)
            .offset(offset)
            .limit(limit)
            .load(c))?
    };
    let read = rows.len();
    // A first page that is not full is the whole result: no second query for an IdP's look-up.
    let total = if page.offset == 0 && read < page.limit {
        read
    } else {
        let count: i64 = on_backend!(conn, c => narrowed!(
            resources::table.select(diesel::dsl::count_star()), tenant, kind, terms
        )
        .first(c))?;
        usize::try_from(count).unwrap_or(0)
    };
    Ok(Found { total, resources: rows.into_iter().map(Row::stored).collect::<Result<_, _>>()? })
}

fn scan(
    conn: &mut Conn,
    tenant: &str,
    (resource_type, kind): (&ResourceType, Kind),
    terms: &[Term],
    filter: &Filter,
    page: Page,
) -> Result<Found, Error> {
    let memberships = looks_at_memberships(filter);
    let mut found = Found { total: 0, resources: Vec::new() };
    let mut after = String::new();
    loop {
        let rows: Vec<Row> = on_backend!(&mut *conn, c => narrowed!(
            resources::table.select(Row::as_select()), tenant, kind, terms
        )
        .filter(resources::id.gt(&after))
        .order(resources::id)
        .limit(SCAN)
        .load(c))?;
        let last = rows.len() < usize::try_from(SCAN).unwrap_or(0);
        let batch = rows.into_iter().map(Row::stored).collect::<Result<Vec<_>, _>>()?;
        if let Some(stored) = batch.last() {
            after.clone_from(&stored.id);
        }
        let references = if memberships { references(conn, kind, &batch)? } else { Vec::new() };
        for (index, stored) in batch.into_iter().enumerate() {
            let seen = as_seen(&stored, references.get(index).cloned());
            if matcher::matches(filter, resource_type, &seen) {
                if found.total >= page.offset && found.resources.len() < page.limit {
                    found.resources.push(stored);
                }
                found.total += 1;
            }
        }
        if last {
            return Ok(found);
        }
    }
}

/// `members` or `groups` of each resource of a batch, as the filter sees them.
fn references(conn: &mut Conn, kind: Kind, batch: &[Stored]) -> Result<Vec<(&'static str, Value)>, Error> {
    let ids: Vec<String> = batch.iter().map(|s| s.id.clone()).collect();
    let (name, mut found) = match kind {
        Kind::User => ("groups", member::groups_of(conn, &ids)?),
        Kind::Group => ("members", member::of_groups(conn, &ids)?),
    };
    Ok(ids
        .iter()
        .map(|id| {
            let list = found.remove(id).unwrap_or_default();
            let list = list.iter().map(|r| match &r.display {
                Some(display) => json!({ "value": r.id, "type": r.kind.as_str(), "display": display }),
                None => json!({ "value": r.id, "type": r.kind.as_str() }),
            });
            (name, list.collect())
        })
        .collect())
}

/// A resource with what the shadow keeps beside its document.
fn as_seen(stored: &Stored, references: Option<(&'static str, Value)>) -> Attributes {
    let mut seen = stored.document.clone();
    seen.insert("id".into(), json!(stored.id));
    seen.insert(
        "meta".into(),
        json!({
            "resourceType": stored.kind.as_str(),
            "created": stored.created.to_rfc3339(),
            "lastModified": stored.modified.to_rfc3339(),
            "version": format!("W/\"{}\"", stored.version),
        }),
    );
    if let Some((name, list)) = references {
        seen.insert(name.into(), list);
    }
    seen
}

fn int(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
