//! Lists and searches, of one kind of resource or across kinds.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::db::Conn;
use crate::scim::filter::Filter;
use crate::scim::schema::ResourceType;
use crate::scim::sort::{Place, Sort};
use crate::shadow::query::{self, Found, Part, Query, Sought, Start};
use crate::shadow::{Kind, Person, Snapshot, people};

use super::view::{Reads, View, views};
use super::{Error, Provisioner};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The kinds, in the order in which they stand in a list that is not sorted.
    pub kinds: Vec<Searched>,
    /// In which order; `None`: by kind, and in each in the order in which they were made.
    pub sort: Option<Sort>,
    /// Where the page begins.
    pub start: Beginning,
    /// Resources in the page at most.
    pub limit: usize,
}

/// One kind that is searched.
#[derive(Debug, Clone)]
pub struct Searched {
    /// Which.
    pub kind: Kind,
    /// Which of its resources; `None`: all.
    pub filter: Option<Filter>,
    /// What an answer needs of each.
    pub reads: Reads,
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub enum Beginning {
    /// After so many resources (RFC 7644 3.4.2.4).
    Offset(usize),
    /// After a place, or at the first resource (RFC 9865).
    After(Option<Place>),
}

/// A page.
#[derive(Debug)]
pub struct Listed {
    /// Size of the whole result.
    pub total: usize,
    /// The page.
    pub views: Vec<View>,
    /// Where its last resource stands, if others follow it. Told of pages by cursor alone.
    pub last: Option<Place>,
}

impl Provisioner {
    /// A page of those resources that match, and the size of the whole result (RFC 7644 3.4.2).
    pub async fn search(&self, tenant: &str, search: Search) -> Result<Listed, Error> {
        let tenant = tenant.to_owned();
        let of = |searched: &Searched| Arc::clone(self.registries.resource_type(&tenant, searched.kind));
        let types: Vec<Arc<ResourceType>> = search.kinds.iter().map(of).collect();
        if let Some(sought) = look_up(&search, &types) {
            let tenant = tenant.clone();
            let key = move |conn: &mut Conn| sought.key().map_or(Ok(None), |key| people(conn, &tenant, key));
            if let Some(people) = self.db.look_up(key).await? {
                return Ok(all_of(people, &search));
            }
        }
        // A group may have 100,000 members to read, and a user many groups.
        let few = search.kinds.iter().all(|searched| !searched.reads.memberships)
            && query::is_of_one(&parts(&search, &types));
        let read = move |conn: &mut Conn| {
            let query = Query {
                tenant: &tenant,
                parts: &parts(&search, &types),
                sort: search.sort.as_ref(),
                start: match &search.start {
                    Beginning::Offset(offset) => Start::Offset(*offset),
                    Beginning::After(place) => Start::After(place.as_ref()),
                },
                limit: search.limit,
            };
            let Found { total, resources, last } = query::list(conn, &query)?;
            Ok(Listed { total, views: seen(conn, &search.kinds, resources)?, last })
        };
        // The count is of the moment of the rows, and each resource of that in which it was found.
        if few { self.db.look_up_together(read).await } else { self.db.read_together(read).await }
    }
}

/// What users are looked up by, where that is all that is asked.
fn look_up(search: &Search, types: &[Arc<ResourceType>]) -> Option<Sought> {
    let [Searched { reads: Reads { delivery: false, .. }, .. }] = search.kinds.as_slice() else { return None };
    // An order of so few is no less work than to ask for it.
    let is_page = search.sort.is_none() && matches!(search.start, Beginning::Offset(_));
    if is_page { query::sought(&parts(search, types)) } else { None }
}

/// The page of those who were found.
fn all_of(people: Vec<Person>, search: &Search) -> Listed {
    let offset = if let Beginning::Offset(offset) = search.start { offset } else { 0 };
    let memberships = search.kinds.iter().any(|searched| searched.reads.memberships);
    let seen = |Person { stored, groups }| View { stored, memberships: memberships.then_some(groups), delivery: None };
    let total = people.len();
    Listed { total, views: people.into_iter().skip(offset).take(search.limit).map(seen).collect(), last: None }
}

fn parts<'q>(search: &'q Search, types: &'q [Arc<ResourceType>]) -> Vec<Part<'q>> {
    let kinds = search.kinds.iter().zip(types);
    kinds
        .map(|(searched, resource_type)| Part { kind: searched.kind, resource_type, filter: searched.filter.as_ref() })
        .collect()
}

/// The views of a mixed page in its order, read for each kind at once.
fn seen(conn: &mut Conn, kinds: &[Searched], page: Vec<Snapshot>) -> Result<Vec<View>, Error> {
    if let [only] = kinds {
        return Ok(views(conn, only.kind, page, only.reads)?);
    }
    let order: Vec<Kind> = page.iter().map(|stored| stored.kind).collect();
    let mut read: Vec<(Kind, VecDeque<View>)> = Vec::with_capacity(kinds.len());
    let mut rest = page;
    for searched in kinds {
        let (these, others) = rest.into_iter().partition(|stored: &Snapshot| stored.kind == searched.kind);
        rest = others;
        read.push((searched.kind, views(conn, searched.kind, these, searched.reads)?.into()));
    }
    let next = |kind: Kind| read.iter_mut().find(|(of, _)| *of == kind).and_then(|(_, views)| views.pop_front());
    Ok(order.into_iter().filter_map(next).collect())
}
