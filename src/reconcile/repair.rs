//! The end of a reconcile that repairs: what drifted is enqueued, and the ordinary deliveries do the rest.
//!
//! Only once everything was compared: a delivery that begins in the middle would change what is still to be read.

use chrono::{DateTime, Utc};

use crate::db::{Conn, Error as DbError};
use crate::delivery::outbox;
use crate::shadow::{self, Kind as Resource, link, member};

use super::finding::{Drift, Finding, Kind};
use super::lease::{Counts, Phase, Run};
use super::run::{Error, Reconcile};
use super::store;

/// Findings that are gone through in one transaction.
const PAGE: i64 = 200;

/// Enqueues everything that drifted, from behind the finding at `after` on.
pub(super) async fn enqueue_all(on: &Reconcile, run: &mut Run, mut after: String) -> Result<(), Error> {
    // A resource of which several things drifted is enqueued once; its findings are one after the other.
    let mut last = String::new();
    while run.applies {
        let (id, from) = (run.id.clone(), after.clone());
        let page = on.db.read(move |conn| store::findings(conn, &id, false, &from, PAGE)).await?;
        let Some((place, _)) = page.last() else { break };
        after.clone_from(place);
        let mut drifted: Vec<Drift> = Vec::new();
        for (_, finding) in page {
            if let Finding::Drift(drift) = finding
                && drift.id != last
            {
                last.clone_from(&drift.id);
                drifted.push(drift);
            }
        }
        on.commit(run, Phase::Repair(after.clone()), move |conn, run, now| {
            let mut counts = Counts::default();
            for drift in &drifted {
                counts.queued += enqueue(conn, run, drift, now)?;
            }
            Ok(counts)
        })
        .await?;
    }
    on.commit(run, Phase::Done, |_, _, _| Ok(Counts::default())).await
}

/// Enqueues one user or group; answers how many deliveries that makes.
fn enqueue(conn: &mut Conn, run: &Run, drift: &Drift, now: DateTime<Utc>) -> Result<u64, DbError> {
    shadow::guard(conn, &drift.id)?;
    let kind = if drift.resource == Resource::User.as_str() { Resource::User } else { Resource::Group };
    let mut more = Vec::new();
    // Else a delivery of its own found out meanwhile.
    let as_found = link::find(conn, &drift.id)?.is_some_and(|link| link.salesforce_id == drift.salesforce_id)
        && !outbox::is_under_way(conn, &drift.id)?;
    match drift.kind {
        Kind::MissingAccount if as_found => {
            link::remove(conn, &drift.id)?;
            // Their groups look finished, and are not: whoever is in them needs the new account in them.
            more = member::forget_member(conn, &drift.id)?;
        }
        Kind::MissingGroup if as_found => {
            link::remove(conn, &drift.id)?;
            member::forget_group(conn, &drift.id)?;
            // Groups that have it as a member have it no more, and shall have the next.
            member::forget_member(conn, &drift.id)?;
        }
        _ => {}
    }
    outbox::enqueue(conn, &run.tenant, kind, &drift.id, now)?;
    for group in &more {
        outbox::enqueue(conn, &run.tenant, Resource::Group, group, now)?;
    }
    Ok(1 + u64::try_from(more.len()).unwrap_or(0))
}
