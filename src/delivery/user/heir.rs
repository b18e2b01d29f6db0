//! A person who was deleted here and came back takes over the account that the tombstone is linked to.

use crate::db::{Conn, Error as DbError};
use crate::delivery::attempt::{Abandoned, Attempt};
use crate::delivery::guard;
use crate::delivery::outbox::{self, SETTLE};
use crate::delivery::plan::ObservedUser;
use crate::shadow::link::{self, How, Link};
use crate::shadow::{self, Kind, Stored, member, nested, observed};

/// Why an account cannot be taken over just now.
pub(super) const UNDER_WAY: &str =
    "waits for the deletion of the user who had the account before, which is being delivered";

/// Takes the link, what was observed and the memberships over from a tombstone. `None`: its own delivery is under way,
/// and what that sends last would stand.
pub(super) async fn inherit(
    attempt: &Attempt,
    stored: &Stored,
    predecessor: String,
) -> Result<Option<(Option<Link>, ObservedUser)>, Abandoned> {
    let (stored, now) = (stored.clone(), attempt.now());
    attempt
        .note(move |conn, _| {
            shadow::guard(conn, &predecessor)?;
            if outbox::is_under_way(conn, &predecessor)? {
                return Ok(None);
            }
            let Some(old) = link::find(conn, &predecessor)? else {
                return Ok(Some((None, ObservedUser::default())));
            };
            let observed = observed::find::<ObservedUser>(conn, &predecessor)?.unwrap_or_default();
            let link = Link { salesforce_id: old.salesforce_id, how: How::Returned };
            link::save(conn, &stored, &link, now)?;
            observed::save(conn, &stored.id, &observed, now)?;
            memberships(conn, &predecessor, &stored, now)?;
            released(conn, &stored, now)?;
            Ok(Some((Some(link), observed)))
        })
        .await
}

/// Gives the memberships that a tombstone's account has to the user who takes it over; nothing is left of the tombstone's
/// delivery.
pub(super) fn memberships(
    conn: &mut Conn,
    tombstone: &str,
    heir: &Stored,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), DbError> {
    // Nobody is to leave any more: what waited for a person's word on that would hold up all others who do.
    guard::drop_all(conn, tombstone)?;
    outbox::release(conn, &[tombstone.to_owned()], now)?;
    for group in member::inherit(conn, tombstone, &heir.id)? {
        outbox::enqueue(conn, &heir.tenant, Kind::Group, &group, now)?;
    }
    Ok(())
}

/// Wakes what waited for this user to have an account, and those who may know it as a manager by an older account.
pub(super) fn released(conn: &mut Conn, stored: &Stored, now: chrono::DateTime<chrono::Utc>) -> Result<(), DbError> {
    let mut groups = outbox::groups_waiting_for(conn, &stored.id)?;
    // Groups whose people this user is one of through another group wait as well.
    groups.extend(nested::above(conn, &stored.id, false)?.into_iter().map(|group| group.id));
    outbox::release(conn, &groups, now + SETTLE)?;
    let reports = shadow::query::reports_of(conn, stored)?;
    outbox::wake(conn, &reports, now)?;
    Ok(())
}
