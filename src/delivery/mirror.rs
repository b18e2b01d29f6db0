//! Groups whose mirroring the configuration changed between two runs.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::{deliveries, resources};
use crate::db::{Conn, Db, Error, on_backend};
use crate::shadow::Kind;
use crate::shadow::nested::{self, Nested};

use super::org::Org;
use super::outbox;
use super::state::{Refused, State};

/// What a delivered group says that stays out of Salesforce. Compared at the next start, to find the groups for which
/// the configuration says otherwise now.
pub(super) const NOT_MIRRORED: &str = "not mirrored";

/// Groups looked at in one transaction.
const PAGE: i64 = 500;

/// Enqueues the groups that were brought to an end as mirrored and no longer are, or the other way round, or with other
/// members than the groups in them give by now: neither a push nor the clock would bring them back. Answers how many.
pub(super) async fn replan(db: &Db, org: &Org, now: DateTime<Utc>) -> Result<usize, Error> {
    let (mut after, mut planned) = (String::new(), 0);
    let tenant = org.tenant.clone();
    let outer: BTreeSet<String> = db.read(move |conn| nested::outer_groups(conn, &tenant)).await?;
    loop {
        let (tenant, from) = (org.tenant.clone(), after.clone());
        let page = db.read(move |conn| ended(conn, &tenant, &from)).await?;
        let Some(last) = page.last() else { return Ok(planned) };
        after.clone_from(&last.id);
        let (mut differing, mut looked_at) = (Vec::new(), Vec::new());
        for group in page {
            let is_mirrored = org.mirror.is_match(&group.name);
            if is_mirrored != group.was_mirrored {
                differing.push(group.id);
            // What was refused as a group may be taken as people, and not the other way round.
            } else if is_mirrored && outer.contains(&group.id) && (!group.rejected || org.nested == Nested::Flatten) {
                looked_at.push(group.id);
            }
        }
        differing.extend(with_other_members(db, org.nested, looked_at).await?);
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

/// Those of mirrored groups that have not the members that they shall have.
async fn with_other_members(db: &Db, nested: Nested, groups: Vec<String>) -> Result<Vec<String>, Error> {
    if groups.is_empty() {
        return Ok(groups);
    }
    db.read(move |conn| {
        let mut differing = Vec::new();
        for id in &groups {
            if !nested::differences(conn, id, true, nested, 1)?.is_empty() {
                differing.push(id.clone());
            }
        }
        Ok(differing)
    })
    .await
}

/// A live group that is waited for no longer.
struct Ended {
    id: String,
    name: String,
    was_mirrored: bool,
    rejected: bool,
}

/// A page of live groups that are waited for no longer.
fn ended(conn: &mut Conn, tenant: &str, after: &str) -> Result<Vec<Ended>, Error> {
    let rows: Vec<(String, String, Option<String>, String)> = on_backend!(conn, c => resources::table
        .inner_join(deliveries::table.on(deliveries::resource_id.eq(resources::id)))
        .filter(resources::tenant.eq(tenant).and(resources::kind.eq(Kind::Group.as_str())))
        .filter(resources::deleted_at.is_null().and(resources::id.gt(after)))
        .filter(deliveries::state.eq_any([State::Delivered.as_str(), State::Rejected.as_str()]))
        .filter(deliveries::refused.is_null().or(deliveries::refused.ne(Refused::Discarded.as_str())))
        .order(resources::id)
        .limit(PAGE)
        .select((resources::id, resources::document, deliveries::reason, deliveries::state))
        .load(c))?;
    let name = |document: &str| {
        let document: Option<serde_json::Value> = serde_json::from_str(document).ok();
        document.and_then(|d| d.get("displayName")?.as_str().map(str::to_owned)).unwrap_or_default()
    };
    Ok(rows
        .into_iter()
        .map(|(id, document, reason, state)| Ended {
            id,
            name: name(&document),
            was_mirrored: reason.as_deref() != Some(NOT_MIRRORED),
            rejected: state == State::Rejected.as_str(),
        })
        .collect())
}
