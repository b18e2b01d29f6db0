//! What rests on groups that change: people, to whom rules may give other things now, and the groups above, which may have
//! other people now.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use globset::GlobSet;

use crate::db::{Conn, Error};
use crate::delivery::{Entitlements, outbox, replan};
use crate::shadow::{Kind, Stored, member, nested};

/// What follows from changes of a tenant's groups.
#[derive(Debug, Clone, Default)]
pub struct Grouping {
    /// What decides about people, where it looks at groups.
    pub entitlements: Option<Entitlements>,
    /// Names of the groups whose public groups have everybody in the groups inside; `None`: groups stay groups.
    pub flattened: Option<GlobSet>,
}

/// The mirrored groups that `group` is in, directly or through others, where they have its people as their own: kept from
/// every other change until the transaction ends. `members`: whose membership of it changed.
pub(super) fn hold_above(
    conn: &mut Conn,
    grouping: &Grouping,
    (group, members): (&str, &[String]),
) -> Result<BTreeSet<String>, Error> {
    let Some(mirror) = grouping.flattened.as_ref().filter(|_| !members.is_empty()) else {
        return Ok(BTreeSet::new());
    };
    let outer = nested::above(conn, group, true)?.into_iter();
    let mirrored = outer.filter(|outer| outer.display.as_deref().is_some_and(|name| mirror.is_match(name)));
    Ok(mirrored.map(|outer| outer.id).collect())
}

/// Enqueues groups, in one order: see below.
pub(super) fn enqueue(
    conn: &mut Conn,
    tenant: &str,
    groups: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    groups.iter().try_for_each(|id| outbox::enqueue(conn, tenant, Kind::Group, id, now))
}

/// Plans the users anew who came into a group or left it, where the rules look at a group of that name; and all of its
/// members where it has another name than before. `group`: as it was and as it is; `members`: whose membership changed.
///
/// Nobody else: whoever's decision stays as it is costs one look at the database, and no call.
pub(super) fn changed(
    conn: &mut Conn,
    grouping: &Grouping,
    group: (Option<&Stored>, Option<&Stored>),
    members: Vec<String>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (Some(entitlements), Some(one)) = (&grouping.entitlements, group.1.or(group.0)) else { return Ok(()) };
    let [before, after] = [group.0, group.1].map(|group| group.and_then(|group| group.text("displayName")));
    if ![before, after].into_iter().flatten().any(|name| entitlements.rules.look_at_group(name)) {
        return Ok(());
    }
    // In one order, so that two transactions that do the same do not wait for each other in a circle.
    let mut people: BTreeSet<String> = members.into_iter().collect();
    if let (Some(before), Some(after)) = (before, after)
        && before != after
    {
        people.extend(member::ids_of(conn, &one.id)?);
    }
    let people: Vec<String> = people.into_iter().collect();
    replan::regroup(conn, &one.tenant, entitlements, &people, now)
}
