//! People whose groups changed: rules may give them other things now.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::db::{Conn, Error};
use crate::delivery::{Entitlements, replan};
use crate::shadow::{Stored, member};

/// Plans the users anew who came into a group or left it, where the rules look at a group of that name; and all of its
/// members where it has another name than before. `group`: as it was and as it is; `members`: whose membership changed.
///
/// Nobody else: whoever's decision stays as it is costs one look at the database, and no call.
pub(super) fn changed(
    conn: &mut Conn,
    entitlements: Option<&Entitlements>,
    group: (Option<&Stored>, Option<&Stored>),
    members: Vec<String>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (Some(entitlements), Some(one)) = (entitlements, group.1.or(group.0)) else { return Ok(()) };
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
