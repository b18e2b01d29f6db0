//! Pages that SQL orders and cuts: nothing but the page is read.

use chrono::{DateTime, Datelike as _, NaiveDateTime};
use diesel::prelude::*;

use crate::db::schema::{resource_counts, resources};
use crate::db::{Conn, on_backend};
use crate::scim;
use crate::scim::schema::ResourceType;
use crate::scim::sort::{Key, Place, Sort};

use super::super::resource::{Kind, Snapshot, SnapshotColumns, SnapshotRow, is_storable, snapshot_of};
use super::narrow::{Narrow, Term, narrowed};
use super::{Error, Query, Rows, Start, int};

/// A column that gives the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By id; no key.
    None,
    /// By id, which is the key.
    Id,
    /// The name by which resources of a kind are unique, folded.
    Name,
    Created,
    Modified,
}

/// The resources of one part, in an order that SQL gives.
pub(super) struct Segment<'q> {
    number: u8,
    kind: Kind,
    terms: &'q [Term],
    order: Order,
}

fn order(resource_type: &ResourceType, kind: Kind, sort: &Sort) -> Option<Order> {
    let Some(attribute) = sort.attribute(resource_type) else { return Some(Order::None) };
    match (kind, attribute.as_str()) {
        (_, "id") => Some(Order::Id),
        (Kind::User, "userName") | (Kind::Group, "displayName") => Some(Order::Name),
        (_, "meta.created") => Some(Order::Created),
        (_, "meta.lastModified") => Some(Order::Modified),
        _ => None,
    }
}

/// The segments that make the list one after another; `None` where the matcher has to decide, or where resources of
/// several kinds mix.
pub(super) fn segments<'q>(parts: &'q [Narrow<'_>], sort: Option<&Sort>) -> Option<Vec<Segment<'q>>> {
    let mut segments = Vec::with_capacity(parts.len());
    for narrow in parts {
        let part = narrow.part;
        let order = sort.map_or(Some(Order::None), |sort| order(part.resource_type, part.kind, sort));
        segments.push(Segment {
            number: narrow.number,
            kind: part.kind,
            terms: &narrow.terms,
            order: order.filter(|_| narrow.exact)?,
        });
    }
    if segments.iter().filter(|segment| segment.order != Order::None).count() > 1 {
        return None;
    }
    // Those without the attribute have no value: last in ascending order, first in descending order.
    let descending = sort.is_some_and(|sort| sort.descending);
    segments.sort_by_key(|segment| (segment.order == Order::None) != descending);
    Some(segments)
}

/// A row and the name by which it is unique.
type Named = (SnapshotRow, Option<String>);

impl Segment<'_> {
    /// A row with its place.
    fn placed(&self, (row, name): Named) -> (Place, Snapshot) {
        let row = snapshot_of(self.kind, row);
        let key = match self.order {
            Order::None => Key::Missing,
            Order::Id => Key::Text(row.id.clone()),
            Order::Name => name.map_or(Key::Missing, Key::Text),
            Order::Created => Key::Time(row.created.timestamp_micros()),
            Order::Modified => Key::Time(row.modified.timestamp_micros()),
        };
        (Place { key, part: self.number, id: row.id.clone() }, row)
    }
}

/// Orders a narrowed query by a column and cuts it after a place, without `OFFSET`: an index on the column is entered
/// where the page begins.
macro_rules! ordered {
    ($query:expr, $column:expr, $descending:expr) => {
        if $descending {
            $query.order(($column.desc(), resources::id.asc()))
        } else {
            $query.order(($column.asc(), resources::id.asc()))
        }
    };
    ($query:expr, $column:expr, $descending:expr, $after:expr) => {{
        let query = match $after {
            None => $query,
            Some((value, id)) if $descending => {
                $query.filter($column.le(value).and($column.lt(value).or(resources::id.gt(id))))
            }
            Some((value, id)) => $query.filter($column.ge(value).and($column.gt(value).or(resources::id.gt(id)))),
        };
        ordered!(query, $column, $descending)
    }};
}

/// What a segment's rows are read from on.
#[derive(Clone, Copy)]
struct From<'q> {
    after: Option<&'q Place>,
    offset: usize,
    limit: usize,
}

/// Whether a time is one that both engines can compare with: what a made-up cursor says need not be.
fn is_storable_time(time: &NaiveDateTime) -> bool {
    (1..=9999).contains(&time.year())
}

fn rows(
    conn: &mut Conn,
    tenant: &str,
    segment: &Segment<'_>,
    descending: bool,
    from: From<'_>,
) -> Result<Vec<Named>, Error> {
    let id = from.after.map(|place| place.id.as_str());
    let (name, time) = match from.after.map(|place| &place.key) {
        Some(Key::Text(text)) => (Some(text.as_str()), None),
        Some(Key::Time(micros)) => {
            (None, DateTime::from_timestamp_micros(*micros).map(|time| time.naive_utc()).filter(is_storable_time))
        }
        _ => (None, None),
    };
    let fits = match segment.order {
        Order::None | Order::Id => true,
        Order::Name => id.is_none() || name.is_some_and(is_storable),
        Order::Created | Order::Modified => id.is_none() || time.is_some(),
    };
    // A cursor that nobody issued.
    if !fits {
        return Ok(Vec::new());
    }
    let time = time.zip(id);
    let (offset, limit) = (int(from.offset), int(from.limit));
    let columns = (SnapshotColumns::default(), resources::unique_key);
    let rows = on_backend!(&mut *conn, c => {
        let query = narrowed!(resources::table.select(columns), tenant, segment.kind, segment.terms)
            .limit(limit);
        let query = if offset > 0 { query.offset(offset) } else { query };
        let query = match segment.order {
            Order::None | Order::Id => {
                let descending = descending && segment.order == Order::Id;
                let query = match id {
                    None => query,
                    Some(id) if descending => query.filter(resources::id.lt(id)),
                    Some(id) => query.filter(resources::id.gt(id)),
                };
                if descending { query.order(resources::id.desc()) } else { query.order(resources::id.asc()) }
            }
            // No two have the same name, so that the name alone tells where to go on.
            Order::Name => {
                let query = match name {
                    None => query,
                    Some(name) if descending => query.filter(resources::unique_key.lt(name)),
                    Some(name) => query.filter(resources::unique_key.gt(name)),
                };
                if descending { query.order(resources::unique_key.desc()) } else { query.order(resources::unique_key.asc()) }
            }
            Order::Created => ordered!(query, resources::created_at, descending, time),
            Order::Modified => ordered!(query, resources::modified_at, descending, time),
        };
        query.load(c)
    })?;
    Ok(rows)
}

fn count(conn: &mut Conn, tenant: &str, segment: &Segment<'_>) -> Result<usize, Error> {
    if let (Conn::Sqlite(c), []) = (&mut *conn, segment.terms) {
        let kept = resource_counts::table.find((tenant, segment.kind.as_str())).select(resource_counts::live);
        let live: Option<i64> = kept.first(c).optional()?;
        return Ok(live.map_or(0, |live| usize::try_from(live).unwrap_or(0)));
    }
    let count: i64 = on_backend!(conn, c => narrowed!(
        resources::table.select(diesel::dsl::count_star()), tenant, segment.kind, segment.terms
    )
    .first(c))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The page. One row more than it holds is read, which tells whether others follow; where none do, their number is known
/// without being counted: an identity provider's look-up is one query.
pub(super) fn read(conn: &mut Conn, query: &Query<'_>, segments: &[Segment<'_>]) -> Result<Rows, Error> {
    let descending = query.descending();
    let wanted = if query.limit == 0 { 0 } else { query.limit.saturating_add(1) };
    let mut found = Rows { total: 0, page: Vec::new(), more: false };
    let mut offset = query.offset();
    // Segments before the one where the page begins are only counted.
    let begins = query.after().and_then(|after| segments.iter().position(|s| s.number == after.part));
    if query.after().is_some() && begins.is_none() {
        // Nobody issued it for this list. To begin anew would have a client read the same page for ever.
        return Err(scim::Error::invalid_cursor("cursor: is not one that this query answered").into());
    }
    for (index, segment) in segments.iter().enumerate() {
        let after = query.after().filter(|_| begins == Some(index));
        let wanted = if begins.is_some_and(|begins| index < begins) { 0 } else { wanted - found.page.len() };
        let from = From { after, offset, limit: wanted };
        let rows = if wanted == 0 { Vec::new() } else { rows(conn, query.tenant, segment, descending, from)? };
        let read = rows.len();
        let is_end = read < wanted && after.is_none() && (offset == 0 || read > 0);
        let total = if is_end { offset + read } else { count(conn, query.tenant, segment)? };
        found.total += total;
        offset = offset.saturating_sub(total);
        found.page.extend(rows.into_iter().map(|row| segment.placed(row)));
    }
    if wanted > 0 && found.page.len() == wanted {
        found.page.truncate(query.limit);
        found.more = matches!(query.start, Start::After(_));
    }
    Ok(found)
}
