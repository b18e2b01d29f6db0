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

use super::super::member::{self, Reference};
use super::super::resource::{Kind, Snapshot, SnapshotColumns, SnapshotRow, snapshot_of};
use super::narrow::{Narrow, Term, narrowed};
use super::{Error, Query, Rows, int};

/// Resources that a scan holds in memory at once.
const BATCH: usize = 500;

/// Memberships that a scan holds in memory at once, but for those of one resource, which are never parted.
const MEMBERSHIPS: i64 = 10_000;

/// Bytes of keys and ids that are held while a list is put in order: those of about 400,000 resources with short names.
/// Only a `startIndex` so far down needs them; a page by cursor needs no more than its own.
pub(super) const MOST: usize = 64 * 1024 * 1024;

/// The attribute of a kind that is not in the document.
fn memberships_of(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "groups",
        Kind::Group => "members",
    }
}

/// Whether a filter looks at this attribute.
fn looks_at(name: &str, filter: &Filter) -> bool {
    let named = |path: &AttributePath| path.name.eq_ignore_ascii_case(name);
    match filter {
        Filter::And(a, b) | Filter::Or(a, b) => looks_at(name, a) || looks_at(name, b),
        Filter::Not(inner) => looks_at(name, inner),
        Filter::Compare { attribute, .. } | Filter::Present(attribute) | Filter::Values { attribute, .. } => {
            named(attribute)
        }
    }
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

/// The rows at these places.
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

/// The page. Memory is bounded by a batch of resources, by [`MEMBERSHIPS`] or those of one resource where they are looked
/// at, and by `most` bytes of what has to be put in order.
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
    let name = memberships_of(part.kind);
    let memberships = filter.is_some_and(|filter| looks_at(name, filter))
        || query.sort.is_some_and(|sort| sort.name().eq_ignore_ascii_case(name));
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
        let mut rows: Vec<Snapshot> = rows.into_iter().map(|row| snapshot_of(part.kind, row)).collect();
        if let Some(row) = rows.last() {
            after.clone_from(&row.id);
        }
        let ids: Vec<String> = if memberships { rows.iter().map(|row| row.id.clone()).collect() } else { Vec::new() };
        let counts = member::counts(conn, part.kind, &ids)?;
        let mut ids = ids.as_slice();
        while !rows.is_empty() {
            let rest = rows.split_off(together(rows.iter().map(|row| counts.get(&row.id).copied().unwrap_or(0))));
            let (now, later) = ids.split_at_checked(rows.len()).unwrap_or((ids, &[]));
            let mut references = match part.kind {
                Kind::User => member::groups_of(conn, now)?,
                Kind::Group => member::of_groups(conn, now)?,
            };
            for row in rows {
                let mut seen = as_seen(&row)?;
                if let Some(list) = references.remove(&row.id) {
                    seen.insert(name.into(), as_listed(part.kind, &list));
                }
                if filter.is_none_or(|filter| matcher::matches(filter, part.resource_type, &seen)) {
                    let key = query.sort.map_or(Key::Missing, |sort| sort.key(part.resource_type, &seen));
                    collected.put(Place { key, part: narrow.number, id: row.id.clone() }, row)?;
                }
            }
            (rows, ids) = (rest, later);
        }
        if last {
            return Ok(());
        }
    }
}

/// How many of the resources that have so many memberships are looked at together: as many as have [`MEMBERSHIPS`], and
/// one at least.
fn together(counts: impl Iterator<Item = i64>) -> usize {
    let mut sum: i64 = 0;
    let fits = |(place, count): &(usize, i64)| {
        sum = sum.saturating_add(*count);
        *place == 0 || sum <= MEMBERSHIPS
    };
    counts.enumerate().take_while(fits).count()
}

/// `members` or `groups` of a resource, as the filter sees them.
fn as_listed(kind: Kind, list: &[Reference]) -> Value {
    let list = list.iter().map(|r| match &r.display {
        Some(display) => json!({ "value": r.id, "type": r.type_in(kind), "display": display }),
        None => json!({ "value": r.id, "type": r.type_in(kind) }),
    });
    list.collect()
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
    fn memberships_are_looked_at_in_parts() {
        let cases: [(&[i64], usize); 8] = [
            (&[], 0),
            (&[0, 0, 0], 3),
            (&[i64::MAX, i64::MAX], 1),
            (&[MEMBERSHIPS, 0, 0, 1], 3),
            (&[MEMBERSHIPS + 1, 0], 1),
            (&[1, MEMBERSHIPS], 1),
            (&[1, MEMBERSHIPS - 1, 1], 2),
            (&[0, MEMBERSHIPS + 1], 1),
        ];
        for (counts, wanted) in cases {
            assert_eq!(together(counts.iter().copied()), wanted, "{counts:?}");
        }
    }

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
