//! What the org really holds, beside what was asked of it.

mod changes;
mod command;
mod grants;
mod runs;

use std::collections::BTreeSet;
use std::sync::Arc;

use scim_bridge::app::{self, Surroundings};
use scim_bridge::clock::{SystemClock, SystemRandomness};
use scim_bridge::config::{Config, Rest};
use scim_bridge::db::Db;
use scim_bridge::reconcile::{BULK_ABOVE, Error, Finding, Reconcile, Report, Task};
use scim_bridge::salesforce::Way;
use scim_bridge::telemetry;

use super::support::app::{TENANT, TestApp};

/// How accounts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Scim,
    Soql,
    Bulk,
}

impl Via {
    fn way(self) -> Way {
        match self {
            Self::Scim => Way::Scim,
            Self::Soql => Way::Soql,
            Self::Bulk => Way::Bulk,
        }
    }

    fn configure(self, config: &mut Config) {
        let tenant = config.tenant.get_mut(TENANT).expect("the tenant");
        tenant.salesforce.rest = if self == Self::Scim { Rest::Never } else { Rest::WhenNeeded };
    }
}

/// A reconcile of a process of its own, as the command has it: beside the bridge that serves.
struct Beside {
    db: Db,
    on: Reconcile,
}

impl Beside {
    async fn open(app: &TestApp, via: Via) -> Self {
        Self::open_with(app, via, |_| {}).await
    }

    /// The same under another configuration than the bridge that serves.
    async fn open_with(app: &TestApp, via: Via, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = app.config().clone();
        change(&mut config);
        let around = Surroundings {
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            metrics: telemetry::metrics().expect("metrics"),
        };
        let db = app::open(&config, false).await.expect("the database opens");
        let org = app::org(TENANT, &config.tenant[TENANT], config.delivery.lease, &around).expect("an org");
        let on = Reconcile::new(db.clone(), Arc::new(org), around.clock, around.randomness);
        Self { db, on: on.with_bulk_above(if via == Via::Bulk { 0 } else { BULK_ABOVE }) }
    }

    async fn run(&self, applies: bool) -> Result<(Report, Vec<Finding>), Error> {
        let report = self.on.run(Task { applies, fresh: false }, &|_| {}).await?;
        let findings = self.findings(&report).await;
        Ok((report, findings))
    }

    async fn findings(&self, report: &Report) -> Vec<Finding> {
        let mut all = Vec::new();
        for unlinked in [false, true] {
            let mut after = String::new();
            loop {
                let page = self.on.findings(&report.id, unlinked, &after).await.expect("findings");
                let Some((last, _)) = page.last() else { break };
                after.clone_from(last);
                all.extend(page.into_iter().map(|(_, finding)| finding));
            }
        }
        all
    }
}

/// Reconciles once.
pub(crate) async fn reconcile(app: &TestApp, via: Via, applies: bool) -> (Report, Vec<Finding>) {
    let beside = Beside::open(app, via).await;
    let done = beside.run(applies).await.expect("a reconcile");
    beside.db.close().await;
    done
}

/// What was found, in few words each: `kind name field-or-member-or-grant`.
fn words(findings: &[Finding]) -> BTreeSet<String> {
    let of = |finding: &Finding| match finding {
        Finding::Drift(drift) => {
            let sign = if drift.wanted == true { '+' } else { '-' };
            let grant = drift.grant.as_ref().map(|grant| format!("{sign}{}", grant.words()));
            let member = drift.member.as_ref().map(|member| member.salesforce_id.clone());
            let detail = grant.or(member).or(drift.field.clone());
            format!("{} {} {}", drift.kind.as_str(), drift.name, detail.unwrap_or_default())
        }
        Finding::Unlinked(unlinked) => {
            let by = unlinked.matches.as_ref().map(|found| format!(" {} by {}", found.name, found.by));
            format!("unlinked {}{}", unlinked.username, by.unwrap_or_default())
        }
    };
    let words: BTreeSet<String> = findings.iter().map(of).collect();
    assert_eq!(words.len(), findings.len(), "something is told twice: {findings:?}");
    words
}
