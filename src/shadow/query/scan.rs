//! Pages that the matcher decides: every resource that the indexes leave is read, a batch at a time.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::db::schema::resources;
use crate::db::{self, Conn, on_backend};
use crate::scim::filter::Filter;
use crate::scim::path::AttributePath;
use crate::scim::sort::{Key, Place};
use crate::scim::{self, Attributes, matcher};

use super::super::member;
use super::super::resource::{Kind, Snapshot, SnapshotColumns, SnapshotRow, snapshot_of};
use super::narrow::{Narrow, Term, narrowed};
use super::{Error, Query, Rows, int};

/// Resources that a scan holds in memory at once.
const BATCH: usize = 500;

/// Bytes of keys and ids that are held while a list is put in order: those of about 400,000 resources with short names.
/// Only a `startIndex` so far down needs them; a page by cursor needs no more than its own.
pub(super) const MOST: usize = 64 * 1024 * 1024;

/// Whether a filter looks at memberships, which are not in the document.
fn looks_at_memberships(filter: &Filter) -> bool {
    let named = |path: &AttributePath| is_membership(&path.name);
    match filter {
        Filter::And(a, b) | Filter::Or(a, b) => looks_at_memberships(a) || looks_at_memberships(b),
        Filter::Not(inner) => looks_at_memberships(inner),
        Filter::Compare { attribute, .. } | Filter::Present(attribute) | Filter::Values { attribute, .. } => {
            named(attribute)
        }
    }
}

fn is_membership(name: &str) -> bool {
    name.eq_ignore_ascii_case("members") || name.eq_ignore_ascii_case("groups")
}

/// What matches, as it is found.
struct Collected<'q> {
    query: &'q Query<'q>,
    total: usize,
    held: Held,
}

enum Held {
    /// Of a list that is found in its order: the rows of the page.
    InOrder(Vec<(Place, Snapshot)>),
    /// Of a sorted list: the places up to the end of the page, the last on top.
    Sorted { heap: BinaryHeap<Ranked>, bytes: usize, most: usize },
}

/// A place that compares in the order of the list.
struct Ranked {
    place: Place,
    descending: bool,
}

impl Ranked {
    fn bytes(&self) -> usize {
        let text = if let Key::Text(text) = &self.place.key { text.len() } else { 0 };
        size_of::<Self>() + self.place.id.len() + text
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.compare(&other.place, self.descending)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl Collected<'_> {
    /// One more than the page holds tells whether others follow.
    fn room(&self) -> usize {
        if self.query.limit == 0 { 0 } else { self.query.limit.saturating_add(1) }
    }

    fn put(&mut self, place: Place, row: Snapshot) -> Result<(), Error> {
        let (query, room) = (self.query, self.room());
        let before = self.total;
        self.total += 1;
        let descending = query.descending();
        if query.after().is_some_and(|after| place.compare(after, descending).is_le()) {
            return Ok(());
        }
        match &mut self.held {
            Held::InOrder(rows) => {
                if before >= query.offset() && rows.len() < room {
                    rows.push((place, row));
                }
            }
            Held::Sorted { heap, bytes, most } if room > 0 => {
                let ranked = Ranked { place, descending };
                *bytes += ranked.bytes();
                heap.push(ranked);
                if heap.len() > query.offset().saturating_add(room) {
                    *bytes -= heap.pop().map_or(0, |last| last.bytes());
                }
                if *bytes > *most {
                    return Err(scim::Error::too_many(
                        "startIndex: lies too far down a list that has to be sorted; narrow the filter, or page by cursor",
                    )
                    .into());
                }
            }
            Held::Sorted { .. } => {}
        }
        Ok(())
    }

    fn finish(self, conn: &mut Conn) -> Result<Rows, Error> {
        let (room, limit) = (self.room(), self.query.limit);
        let (mut rows, full) = match self.held {
            Held::InOrder(rows) => {
                let full = rows.len() == room;
                (rows, full)
            }
            Held::Sorted { heap, .. } => {
                let places = heap.into_sorted_vec().into_iter().skip(self.query.offset()).map(|ranked| ranked.place);
                let mut places: Vec<Place> = places.collect();
                let full = places.len() == room;
                places.truncate(limit);
                (self::rows(conn, self.query, places)?, full)
            }
        };
        rows.truncate(limit);
        Ok(Rows { total: self.total, page: rows, more: room > 0 && full })
    }
}

/// The rows at these places; one that was deleted meanwhile is left out.
fn rows(conn: &mut Conn, query: &Query<'_>, places: Vec<Place>) -> Result<Vec<(Place, Snapshot)>, Error> {
    let ids: Vec<&str> = places.iter().map(|place| place.id.as_str()).collect();
    let mut found: BTreeMap<String, SnapshotRow> = BTreeMap::new();
    for chunk in ids.chunks(BATCH) {
        let rows: Vec<SnapshotRow> = on_backend!(&mut *conn, c => resources::table
            .filter(resources::tenant.eq(query.tenant).and(resources::id.eq_any(chunk)))
            .filter(resources::deleted_at.is_null())
            .select(SnapshotColumns::default())
            .load(c))?;
        found.extend(rows.into_iter().map(|row| (row.0.clone(), row)));
    }
    let still_there = places.into_iter().filter_map(|place| {
        let part = query.parts.get(usize::from(place.part))?;
        let row = snapshot_of(part.kind, found.remove(&place.id)?);
        Some((place, row))
    });
    Ok(still_there.collect())
}

/// The page. Memory is bounded by a batch and by `most` bytes of what has to be put in order.
pub(super) fn read(conn: &mut Conn, query: &Query<'_>, parts: &[Narrow<'_>], most: usize) -> Result<Rows, Error> {
    let held = match query.sort {
        None => Held::InOrder(Vec::new()),
        Some(_) => Held::Sorted { heap: BinaryHeap::new(), bytes: 0, most },
    };
    let mut collected = Collected { query, total: 0, held };
    for narrow in parts {
        scan(conn, narrow, &mut collected)?;
    }
    collected.finish(conn)
}

fn scan(conn: &mut Conn, narrow: &Narrow<'_>, collected: &mut Collected<'_>) -> Result<(), Error> {
    let (query, part) = (collected.query, narrow.part);
    let filter = part.filter.filter(|_| !narrow.exact);
    let memberships = filter.is_some_and(looks_at_memberships) || query.sort.is_some_and(|s| is_membership(s.name()));
    let mut after = String::new();
    loop {
        let rows: Vec<SnapshotRow> = on_backend!(&mut *conn, c => narrowed!(
            resources::table.select(SnapshotColumns::default()), query.tenant, part.kind, &narrow.terms
        )
        .filter(resources::id.gt(&after))
        .order(resources::id)
        .limit(int(BATCH))
        .load(c))?;
        let last = rows.len() < BATCH;
        let rows: Vec<Snapshot> = rows.into_iter().map(|row| snapshot_of(part.kind, row)).collect();
        if let Some(row) = rows.last() {
            after.clone_from(&row.id);
        }
        let mut references = if memberships { references(conn, part.kind, &rows)? } else { BTreeMap::new() };
        for row in rows {
            let mut seen = as_seen(&row)?;
            if let Some((name, list)) = references.remove(&row.id) {
                seen.insert(name.into(), list);
            }
            if filter.is_none_or(|filter| matcher::matches(filter, part.resource_type, &seen)) {
                let key = query.sort.map_or(Key::Missing, |sort| sort.key(part.resource_type, &seen));
                collected.put(Place { key, part: narrow.number, id: row.id.clone() }, row)?;
            }
        }
        if last {
            return Ok(());
        }
    }
}

/// `members` or `groups` of each resource of a batch, as the filter sees them.
fn references(
    conn: &mut Conn,
    kind: Kind,
    batch: &[Snapshot],
) -> Result<BTreeMap<String, (&'static str, Value)>, db::Error> {
    let ids: Vec<String> = batch.iter().map(|row| row.id.clone()).collect();
    let (name, found) = match kind {
        Kind::User => ("groups", member::groups_of(conn, &ids)?),
        Kind::Group => ("members", member::of_groups(conn, &ids)?),
    };
    let seen = found.into_iter().map(|(id, list)| {
        let list = list.iter().map(|r| match &r.display {
            Some(display) => json!({ "value": r.id, "type": r.type_in(kind), "display": display }),
            None => json!({ "value": r.id, "type": r.type_in(kind) }),
        });
        (id, (name, list.collect()))
    });
    Ok(seen.collect())
}

/// A resource with what the shadow keeps beside its document.
fn as_seen(row: &Snapshot) -> Result<Attributes, db::Error> {
    let inconsistent = |error: serde_json::Error| db::Error::Inconsistent {
        table: "resources",
        row: row.id.clone(),
        what: format!("document: {error}"),
    };
    let mut seen: Attributes = serde_json::from_str(&row.document).map_err(inconsistent)?;
    seen.insert("id".into(), json!(row.id));
    seen.insert(
        "meta".into(),
        json!({
            "resourceType": row.kind.as_str(),
            "created": scim::message::timestamp(row.created),
            "lastModified": scim::message::timestamp(row.modified),
            "version": scim::message::etag(row.version),
        }),
    );
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::Start;
    use super::*;
    use crate::scim::schema::Registry;
    use crate::scim::sort::Sort;
    use crate::scim::{ScimType, Strictness, model::SortOrder};

    #[test]
    fn what_is_held_to_be_put_in_order_is_bounded() {
        let registry = Registry::standard().unwrap();
        let types = [registry.user.as_ref()];
        let at = DateTime::UNIX_EPOCH;
        let row = |id: String| Snapshot {
            id,
            kind: Kind::User,
            document: "{}".into(),
            version: 1,
            created: at,
            modified: at,
        };
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let sort = Sort::parse(&types, "title", order, Strictness::Strict).unwrap();
            // offset, limit, bytes that may be held; whether a list of 1,000 can be put in order
            for (offset, limit, most, fits) in
                [(0, 10, 10_000, true), (900, 100, 10_000, false), (900, 100, 1_000_000, true), (0, 0, 0, true)]
            {
                let query = Query { tenant: "t", parts: &[], sort: Some(&sort), start: Start::Offset(offset), limit };
                let held = Held::Sorted { heap: BinaryHeap::new(), bytes: 0, most };
                let mut collected = Collected { query: &query, total: 0, held };
                let mut refused = None;
                for n in 0..1000 {
                    // Worst first, so that each one drives another out.
                    let n = if order == SortOrder::Ascending { 1000 - n } else { n };
                    let place = Place { key: Key::Text(format!("{n:04}")), part: 0, id: format!("{n:036}") };
                    refused = refused.or(collected.put(place, row(n.to_string())).err());
                }
                match refused {
                    None => assert!(fits, "{offset} {limit} {most}"),
                    Some(Error::Scim(error)) => {
                        assert!(!fits, "{offset} {limit} {most}");
                        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::TooMany)));
                        assert!(error.detail.starts_with("startIndex: "), "{error}");
                    }
                    Some(other) => panic!("{other}"),
                }
            }
        }
    }
}
