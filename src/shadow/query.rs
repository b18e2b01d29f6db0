//! Lists: a filter and an order become indexed SQL where they can; what is left is decided by the matcher.

mod narrow;
mod page;
mod scan;

use diesel::prelude::*;

use crate::db::schema::resource_values;
use crate::db::{self, Conn};
use crate::scim;
use crate::scim::filter::Filter;
use crate::scim::schema::ResourceType;
use crate::scim::sort::{Place, Sort};

use super::person::Key;
use super::resource::{Kind, Snapshot, Stored};
use super::value::MANAGER;
use narrow::{Narrow, Term};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request asks for too much.
    #[error(transparent)]
    Scim(#[from] scim::Error),
    /// The database is at fault.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// One kind of resource that is asked for. A query across kinds has a part for each.
#[derive(Debug, Clone, Copy)]
pub struct Part<'q> {
    /// Which kind.
    pub kind: Kind,
    /// What its resources look like.
    pub resource_type: &'q ResourceType,
    /// Which of them, read for this resource type; `None`: all.
    pub filter: Option<&'q Filter>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Query<'q> {
    /// Whose resources.
    pub tenant: &'q str,
    /// Of which kinds, in the order in which they stand in a list without [`Sort`].
    pub parts: &'q [Part<'q>],
    /// In which order; `None`: by kind, and in each in the order in which they were made.
    pub sort: Option<&'q Sort>,
    /// Where the page begins.
    pub start: Start<'q>,
    /// Resources in the page at most.
    pub limit: usize,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub enum Start<'q> {
    /// After so many resources.
    Offset(usize),
    /// After a place; `None`: at the beginning. The page tells where the next one begins.
    After(Option<&'q Place>),
}

impl Query<'_> {
    fn descending(&self) -> bool {
        self.sort.is_some_and(|sort| sort.descending)
    }

    fn offset(&self) -> usize {
        match self.start {
            Start::Offset(offset) => offset,
            Start::After(_) => 0,
        }
    }

    fn after(&self) -> Option<&Place> {
        match self.start {
            Start::Offset(_) => None,
            Start::After(place) => place,
        }
    }
}

/// A page of a result.
#[derive(Debug)]
pub struct Found {
    /// Size of the whole result.
    pub total: usize,
    /// The page.
    pub resources: Vec<Snapshot>,
    /// Where its last resource stands, if others follow it. A page of no resources tells of none.
    pub last: Option<Place>,
}

/// Rows with their places, before it is known what an answer makes of them.
struct Rows {
    total: usize,
    page: Vec<(Place, Snapshot)>,
    more: bool,
}

/// The page of those live resources that match.
///
/// # Errors
/// `tooMany` where more would have to be put in order than memory is kept for: see [`scan::MOST`].
pub fn list(conn: &mut Conn, query: &Query<'_>) -> Result<Found, Error> {
    let parts = narrow::parts(query.parts);
    let found = match page::segments(&parts, query.sort) {
        Some(segments) => page::read(conn, query, &segments)?,
        None => scan::read(conn, query, &parts, scan::MOST)?,
    };
    let last = found.page.last().filter(|_| found.more).map(|(place, _)| place.clone());
    let resources = found.page.into_iter().map(|(_, row)| row).collect();
    Ok(Found { total: found.total, resources, last })
}

/// Whether an index finds what matches, and that is one resource of each kind at most. Beside a membership or a value it is
/// not: SQLite may look at all who have it.
pub fn is_of_one(parts: &[Part<'_>]) -> bool {
    let finds = |narrow: &Narrow<'_>| !narrow.terms.is_empty() && narrow.terms.iter().all(Term::is_unique);
    narrow::parts(parts).iter().all(|narrow| narrow.exact && finds(narrow))
}

/// A name, an id or an indexed value that users are looked up by.
#[derive(Debug)]
pub struct Sought(Term);

/// What is sought, where it is all that is asked: what an identity provider does before each change.
pub fn sought(parts: &[Part<'_>]) -> Option<Sought> {
    let [Part { kind: Kind::User, .. }] = parts else { return None };
    let Narrow { terms, exact: true, .. } = narrow::parts(parts).pop()? else { return None };
    let [term] = <[Term; 1]>::try_from(terms).ok()?;
    Some(Sought(term)).filter(|sought| sought.key().is_some())
}

impl Sought {
    /// What tells those users from others; `None` where it is a membership, which all of a company may have.
    pub fn key(&self) -> Option<Key<'_>> {
        match &self.0 {
            Term::Id(id) => Some(Key::Id(id)),
            Term::Name(name) => Some(Key::Name(name)),
            Term::Value { path, value } => Some(Key::Value { path, value }),
            Term::HasMember(_) | Term::InGroup(_) => None,
        }
    }
}

/// Ids of the users whose manager this is.
pub(crate) fn reports_of(conn: &mut Conn, manager: &Stored) -> Result<Vec<String>, db::Error> {
    Ok(resource_values::table
        .filter(resource_values::tenant.eq(&manager.tenant).and(resource_values::kind.eq(Kind::User.as_str())))
        .filter(resource_values::path.eq(MANAGER).and(resource_values::value.eq(&manager.id)))
        .select(resource_values::resource_id)
        .load(conn)?)
}

fn int(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
