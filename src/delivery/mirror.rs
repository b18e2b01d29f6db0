//! Groups whose mirroring the configuration changed between two runs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::{deliveries, resources};
use crate::db::{Conn, Db, Error, on_backend};
use crate::shadow::Kind;

use super::org::Org;
use super::outbox;
use super::state::State;

/// What a delivered group says that stays out of Salesforce. Compared at the next start, to find the groups for which
/// the configuration says otherwise now.
pub(super) const NOT_MIRRORED: &str = "not mirrored";

/// Groups looked at in one transaction.
const PAGE: i64 = 500;

/// Enqueues the groups that were brought to an end as mirrored and no longer are, or the other way round: neither a push
/// nor the clock would bring them back. Answers how many.
pub(super) async fn replan(db: &Db, org: &Org, now: DateTime<Utc>) -> Result<usize, Error> {
    let (mut after, mut planned) = (String::new(), 0);
    loop {
        let (tenant, from) = (org.tenant.clone(), after.clone());
        let page = db.read(move |conn| ended(conn, &tenant, &from)).await?;
        let Some((last, ..)) = page.last() else { return Ok(planned) };
        after.clone_from(last);
        let differing: Vec<String> =
            page.into_iter().filter(|(_, name, was)| org.mirror.is_match(name) != *was).map(|(id, ..)| id).collect();
        if differing.is_empty() {
            continue;
        }
        planned += differing.len();
        let tenant = org.tenant.clone();
        db.write(move |conn| {
            for id in &differing {
                outbox::enqueue(conn, &tenant, Kind::Group, id, now)?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    }
}

/// A page of live groups that are waited for no longer: id, name, and whether they were mirrored.
fn ended(conn: &mut Conn, tenant: &str, after: &str) -> Result<Vec<(String, String, bool)>, Error> {
    let rows: Vec<(String, String, Option<String>)> = on_backend!(conn, c => resources::table
        .inner_join(deliveries::table.on(deliveries::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::Group.as_str())))
        .filter(resources::deleted_at.is_null().and(resources::id.gt(after)))
        .filter(deliveries::state.eq_any([State::Delivered.as_str(), State::Rejected.as_str()]))
        .order(resources::id)
        .limit(PAGE)
        .select((resources::id, resources::document, deliveries::reason))
        .load(c))?;
    let name = |document: &str| {
        let document: Option<serde_json::Value> = serde_json::from_str(document).ok();
        document.and_then(|d| d.get("displayName")?.as_str().map(str::to_owned)).unwrap_or_default()
    };
    Ok(rows
        .into_iter()
        .map(|(id, document, reason)| (id, name(&document), reason.as_deref() != Some(NOT_MIRRORED)))
        .collect())
}
