//! What a worker does beside its deliveries when it begins: it looks at what the configuration says otherwise than before.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::org::LOOK_AGAIN;
use super::state::State;
use super::worker::Shared;
use super::{mirror, outbox, replan};
use crate::db::{Conn, Error};

/// How long after it began a worker looks at everybody once more. Until then a request that was under way, or another
/// process, may have decided under the configuration of before.
const AGAIN: Duration = Duration::from_mins(1);

/// Longer than any lease of any process.
const LONGEST_LEASE: TimeDelta = TimeDelta::hours(25);

/// How long is waited after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Looks at what was decided under another configuration, before anything is delivered: mass changes are to be seen as such.
/// It is repeated until it succeeds. Answers whether the people were planned under this very configuration already.
pub(super) async fn begin(shared: &Shared, stop: &CancellationToken) -> bool {
    let tenant = shared.org.tenant.as_str();
    until_it_works(tenant, stop, move || pull_in(shared)).await;
    // What was held may have what it waited for: the configuration can have changed.
    until_it_works(tenant, stop, move || shared.release_all()).await;
    let groups = move || mirror::replan(&shared.db, &shared.org, shared.clock.now());
    if let Some(groups) = until_it_works(tenant, stop, groups).await.filter(|groups| *groups > 0) {
        tracing::info!(groups, tenant, "groups whose mirroring was reconfigured");
    }
    let is_planned = move || replan::is_planned(&shared.db, &shared.org);
    let is_planned = until_it_works(tenant, stop, is_planned).await.unwrap_or_default();
    if !is_planned {
        plan(shared, stop).await;
    }
    is_planned
}

/// The machine's clock may have been set back while no bridge ran: what is due later than anything can be is due now, and a
/// lease that ends so late is nobody's.
async fn pull_in(shared: &Shared) -> Result<(), Error> {
    let (tenant, now) = (shared.org.tenant.clone(), shared.clock.now());
    let longest = shared.pace.schedule.longest() + LOOK_AGAIN;
    let waits = now + TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX);
    // Another process may have longer leases, up to a day.
    let leases = now + LONGEST_LEASE;
    let pull = move |conn: &mut Conn| {
        outbox::pull_in(conn, &tenant, &[State::Pending, State::Retrying, State::Held], waits, now)?;
        outbox::pull_in(conn, &tenant, &[State::Delivering], leases, now)
    };
    let found = shared.db.write(pull).await?;
    if found > 0 {
        tracing::warn!(found, tenant = shared.org.tenant, "leases that end too late: was the clock set back?");
    }
    Ok(())
}

/// Looks at everybody: at once where that was not done yet (`now`), and once more after a while.
pub(super) async fn look_again(shared: Arc<Shared>, now: bool, stop: CancellationToken) {
    if now {
        plan(&shared, &stop).await;
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(AGAIN) => plan(&shared, &stop).await,
    }
}

async fn plan(shared: &Shared, stop: &CancellationToken) {
    let tenant = shared.org.tenant.as_str();
    let plan = move || replan::replan(&shared.db, &shared.org, shared.clock.now());
    if let Some(people) = until_it_works(tenant, stop, plan).await.filter(|people| *people > 0) {
        tracing::info!(people, tenant, "people whose entitlements were reconfigured");
    }
}

/// `None`: it was told to stop before.
async fn until_it_works<T, F: Future<Output = Result<T, Error>>>(
    tenant: &str,
    stop: &CancellationToken,
    look: impl Fn() -> F,
) -> Option<T> {
    loop {
        if stop.is_cancelled() {
            return None;
        }
        match look().await {
            Ok(found) => return Some(found),
            Err(error) => {
                tracing::warn!(%error, tenant, "what was reconfigured could not be looked at; it is tried again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(AFTER_FAILURE) => {}
        }
    }
}
