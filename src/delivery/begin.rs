//! What a worker does beside its deliveries when it begins: it looks at what the configuration says otherwise than before.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::worker::Shared;
use super::{mirror, replan};
use crate::db::Error;

/// How long after it began a worker looks at everybody once more. Until then a request that was under way, or another
/// process, may have decided under the configuration of before.
const AGAIN: Duration = Duration::from_mins(1);

/// How long is waited after a look that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Looks at what was decided under another configuration, before anything is delivered: mass changes are to be seen as such.
/// It is repeated until it succeeds. Answers whether the people were planned under this very configuration already.
pub(super) async fn begin(shared: &Shared, stop: &CancellationToken) -> bool {
    let tenant = shared.org.tenant.as_str();
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

/// Looks at everybody: at once where that was not done yet (`now`), and once more after a while.
pub(super) async fn look_again(shared: Arc<Shared>, now: bool, stop: CancellationToken) {
    if now {
        plan(&shared, &stop).await;
    }
    tokio::time::sleep(AGAIN).await;
    plan(&shared, &stop).await;
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
        match look().await {
            Ok(found) => return Some(found),
            Err(error) => {
                tracing::warn!(%error, tenant, "what was reconfigured could not be looked at; it is tried again")
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(AFTER_FAILURE) => {}
        }
    }
}
