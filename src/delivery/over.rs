//! Starting over with an org that is new: one that was refreshed or exchanged.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::{deliveries, links, members, observed, resources};
use crate::db::{Db, Error, on_backend};
use crate::shadow::Kind;

use super::outbox;

/// Forgets all links and all that was observed of a tenant, and enqueues every live resource. Answers how many.
pub async fn start_over(db: &Db, tenant: &str, now: DateTime<Utc>) -> Result<usize, Error> {
    let tenant = tenant.to_owned();
    db.write(move |conn| {
        on_backend!(&mut *conn, c => {
            let ours = || resources::table.filter(resources::tenant.eq(&tenant)).select(resources::id);
            diesel::delete(links::table.filter(links::tenant.eq(&tenant))).execute(c)?;
            diesel::delete(observed::table.filter(observed::resource_id.eq_any(ours()))).execute(c)?;
            diesel::update(members::table.filter(members::group_id.eq_any(ours())))
                .set((members::observed.eq(false), members::unsure.eq(false)))
                .execute(c)?;
            diesel::delete(members::table.filter(members::desired.eq(false).and(members::to_deliver.eq(false))))
                .execute(c)?;
            // What waits in a lease of a process that is gone, or was on its way, is decided anew.
            diesel::delete(deliveries::table.filter(deliveries::tenant.eq(&tenant))).execute(c)?;
        });
        let live: Vec<(String, String)> = resources::table
            .filter(resources::tenant.eq(&tenant).and(resources::deleted_at.is_null()))
            .select((resources::id, resources::kind))
            .load(conn)?;
        for (id, kind) in &live {
            if let Some(kind) = Kind::parse(kind) {
                outbox::enqueue(conn, &tenant, kind, id, now)?;
            }
        }
        Ok(live.len())
    })
    .await
}
