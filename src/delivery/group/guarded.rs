//! What the guard holds back of a group's delivery: that many members are taken out of it, or it is deleted with them, until
//! a person agrees. The rest of the delivery goes on.

use crate::db::{Conn, Error as DbError};
use crate::delivery::attempt::Abandoned;
use crate::delivery::guard;
use crate::delivery::outbox::Outcome;
use crate::delivery::plan::{GroupStep, GroupWish};
use crate::shadow::member;
use crate::shadow::nested::Nested;

use super::Delivery;

/// Who is to leave a group.
#[derive(Clone, Copy)]
enum Leaving {
    /// Everybody.
    All,
    /// Who is in it and is not asked for.
    Unwanted,
    /// So many.
    Known(usize),
}

impl Delivery<'_> {
    /// Asks whether members may leave by a step. `false`: they stay, and the plan is made anew.
    pub(super) async fn may_part(&mut self, step: &GroupStep) -> Result<bool, Abandoned> {
        let leaving = match step {
            GroupStep::Delete(_) => Leaving::All,
            GroupStep::Members { remove, .. } if !remove.is_empty() => {
                match (&self.wish, self.attempt.shared.org.nested) {
                    // Not only those who are in memory.
                    (GroupWish::Mirrored { .. }, Nested::Keep) => Leaving::Unwanted,
                    (GroupWish::Mirrored { .. }, Nested::Flatten) => Leaving::Known(self.seen.to_remove.len()),
                    (GroupWish::Released | GroupWish::Gone, _) => Leaving::All,
                }
            }
            _ => return Ok(true),
        };
        let (org, now, tenant) = (&self.attempt.shared.org, self.attempt.now(), self.stored.tenant.clone());
        let limits = org.entitlements.guard.removals;
        let ask = move |conn: &mut Conn, claim: &crate::delivery::outbox::Claim| {
            let members = member::count_observed(conn, &claim.resource)?;
            let leaving = match leaving {
                Leaving::All => members,
                Leaving::Unwanted => member::count_unwanted(conn, &claim.resource)?,
                Leaving::Known(count) => u64::try_from(count).unwrap_or(u64::MAX),
            };
            guard::may_part(conn, (&tenant, &claim.resource), (leaving, members), &limits, now)
        };
        if self.attempt.note(ask).await? {
            return Ok(true);
        }
        self.is_watched = true;
        self.seen.to_remove.clear();
        self.kept = Some(format!(
            "members were not taken out of the group: more than {} and {} % of them would leave within {} \
             (tenant.{}.guard); scim-bridge deliveries release {} agrees, for all of them --guarded",
            limits.people,
            limits.percent,
            guard::words_of_span(limits.window),
            org.tenant,
            self.stored.id
        ));
        Ok(false)
    }

    /// The outcome where a person's word is waited for.
    pub(super) fn held_back(&self) -> Outcome {
        Outcome { due: None, ..self.attempt.held(self.kept.clone().unwrap_or_default()) }
    }

    /// Notes that so many members left.
    pub(super) fn parted(&self, left: usize) -> impl Fn(&mut Conn) -> Result<(), DbError> + Send + use<> {
        let (shared, now) = (&self.attempt.shared, self.attempt.now());
        let (tenant, group, call) =
            (self.stored.tenant.clone(), self.stored.id.clone(), shared.randomness.id(now).to_string());
        let (limits, left) = (shared.org.entitlements.guard.removals, u64::try_from(left).unwrap_or(u64::MAX));
        move |conn: &mut Conn| match left {
            0 => Ok(()),
            _ => guard::parted(conn, (&tenant, &group, &call), left, &limits, now),
        }
    }

    /// Forgets what waited or was agreed to: everybody who was to leave has left.
    pub(super) async fn settle_guard(&self) -> Result<(), Abandoned> {
        if !self.is_watched {
            return Ok(());
        }
        self.attempt.note(|conn, claim| guard::stay(conn, &claim.resource)).await
    }
}
