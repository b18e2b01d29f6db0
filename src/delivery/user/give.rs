//! Giving and taking what a person is given beside profile and role, and noting it.

use crate::delivery::State;
use crate::delivery::attempt::Abandoned;
use crate::delivery::org::NoProfile;
use crate::delivery::outbox::Outcome;
use crate::delivery::plan::{AccountWish, ObservedGrants, ObservedUser, UserWish};
use crate::delivery::turns;
use crate::entitlement::{Grant, Kind};
use crate::salesforce::{self, Cause, Change, Disposition, Record};

use super::guarded::act_of;
use super::{Delivery, Entitled, SINGLES};
use crate::db::{Conn, Error as DbError};
use crate::shadow::{self, link};
use std::collections::BTreeSet;

impl Delivery<'_> {
    /// Puts what rules give, and what the person had by hand before they left, into the wish, beside what is known of the
    /// account by now.
    pub(super) fn entitle(&mut self) {
        if !self.is_leaver() {
            self.seen.observed.grants.is_back();
        }
        entitle(&mut self.wish, self.entitled.as_ref(), &self.seen.observed);
        if let (UserWish::Account(wish), Some(entitled)) = (&mut self.wish, &mut self.entitled) {
            entitled.fit(wish, &self.seen.observed);
        }
        self.withhold();
    }

    /// Whether the person is to have no access.
    pub(super) fn is_leaver(&self) -> bool {
        is_leaver(&self.wish)
    }

    /// Freezes an account, and notes that it was us. What is frozen already is somebody else's doing, unless an answer of
    /// ours was lost.
    pub(super) async fn shut(&mut self, id: &str) -> Result<Result<(), salesforce::Error>, Abandoned> {
        let attempt = self.attempt;
        let perhaps = std::mem::replace(&mut self.seen.observed.freezing, true);
        self.save_observed().await?;
        attempt.called();
        let answer = attempt.shared.org.client.freeze(id, true).await;
        let observed = &mut self.seen.observed;
        match &answer {
            Ok(was_open) => (observed.frozen, observed.freezing) = (*was_open || perhaps, false),
            Err(error) if !error.may_have_changed_something() => observed.freezing = perhaps,
            Err(_) => {}
        }
        self.save_observed().await?;
        Ok(answer.map(drop))
    }

    /// Lets somebody log in again whose account we froze. `Some`: the delivery ends here.
    pub(super) async fn unfreeze(&mut self, id: &str) -> Result<Option<Outcome>, Abandoned> {
        let attempt = self.attempt;
        attempt.hold().await?;
        attempt.called();
        match attempt.shared.org.client.freeze(id, false).await {
            Ok(_) => self.unfrozen().await?,
            Err(salesforce::Error::Gone { .. }) => self.vanished().await?,
            Err(error) => return Ok(Some(attempt.failed(&error))),
        }
        Ok(None)
    }

    /// Freezes the account of somebody who leaves. `Some`: the delivery ends here.
    pub(super) async fn freeze(&mut self, id: &str) -> Result<Option<Outcome>, Abandoned> {
        let shut = self.shut(id).await?;
        self.seen.freeze_tried = true;
        Ok(match shut {
            Ok(()) => None,
            Err(error) => self.does_not_keep_in(&error, "the account was not frozen first"),
        })
    }

    /// What follows from an error in a step before a deactivation, which must not wait for it: a note, and where it may pass
    /// another try afterwards. `Some`: the org does not answer, so that the deactivation would fail as well.
    fn does_not_keep_in(&mut self, error: &salesforce::Error, what: &str) -> Option<Outcome> {
        let outcome = self.attempt.failed(error);
        if matches!(error.disposition(), Disposition::Outage { .. }) {
            return Some(outcome);
        }
        self.notes.push(format!("{what}: {error}"));
        let is_gone = matches!(error, salesforce::Error::Gone { .. });
        if outcome.state != State::Rejected && !is_gone {
            self.leave_again = Some(outcome);
        }
        None
    }

    /// Reads what an account has been given. `Some`: the delivery ends here.
    pub(super) async fn read_grants(&mut self, id: &str) -> Result<Option<Outcome>, Abandoned> {
        let attempt = self.attempt;
        // From here on until all is taken away that is to be, whatever happens in between.
        self.seen.observed.grants.leaving = self.is_leaver();
        self.save_observed().await?;
        attempt.called();
        match attempt.shared.org.client.grants(id).await {
            Ok(Some(grants)) => {
                self.seen.looked = true;
                let observed = &mut self.seen.observed;
                let found = [(Kind::Profile, "ProfileId", &grants.profile), (Kind::Role, "UserRoleId", &grants.role)];
                for (kind, field, value) in found {
                    let is_ours = value.is_some() && observed.unsure.text(field) == value.as_deref();
                    let ours = value.as_deref().filter(|_| is_ours).map(|id| Grant::new(kind, id));
                    let is_default = |grant: &Grant| self.entitled.as_ref().is_some_and(|all| all.is_default(grant));
                    if let Some(ours) = ours.filter(|grant| !is_default(grant)) {
                        observed.grants.given.retain(|grant| grant.kind != kind);
                        observed.grants.given.insert(ours);
                    }
                    observed.unsure.unset(field);
                    observed.record.set(field, value.as_deref().map_or(serde_json::Value::Null, Into::into));
                }
                observed.grants.read(&grants);
                self.keep_mirrored().await?;
                self.save_observed().await?;
                self.entitle();
            }
            Ok(None) => self.vanished().await?,
            Err(error) if self.is_leaver() => {
                self.seen.looked = true;
                self.seen.observed.grants.holds = None;
                let words = "what the person was given is not known, and was not taken away";
                return Ok(self.does_not_keep_in(&error, words));
            }
            Err(error) => return Ok(Some(attempt.failed(&error))),
        }
        Ok(None)
    }

    /// Leaves memberships of mirrored groups out: those are the groups' own.
    pub(super) async fn keep_mirrored(&mut self) -> Result<(), Abandoned> {
        let grants = &self.seen.observed.grants;
        let held = grants.holds.iter().flatten().map(|held| &held.grant).chain(&grants.given);
        let groups = held.filter(|grant| grant.kind == Kind::PublicGroup).map(|grant| grant.id.clone());
        let (groups, tenant) = (groups.collect::<Vec<_>>(), self.stored.tenant.clone());
        if groups.is_empty() {
            return Ok(());
        }
        let mirror = self.attempt.shared.org.mirror.clone();
        let read = move |conn: &mut Conn| {
            let mut ours = BTreeSet::new();
            for group in groups {
                let owner = link::owner(conn, &tenant, shadow::Kind::Group, &group)?.filter(|(_, deleted)| !deleted);
                let Some((id, _)) = owner else { continue };
                // One that is mirrored no longer is like any other.
                let stored = shadow::find(conn, &tenant, shadow::Kind::Group, &id)?;
                if stored.is_some_and(|stored| stored.text("displayName").is_some_and(|name| mirror.is_match(name))) {
                    ours.insert(group);
                }
            }
            Ok::<_, DbError>(ours)
        };
        let ours = self.attempt.shared.db.read(read).await?;
        let is_own = |grant: &Grant| grant.kind != Kind::PublicGroup || !ours.contains(&grant.id);
        let grants = &mut self.seen.observed.grants;
        grants.given.retain(is_own);
        if let Some(holds) = &mut grants.holds {
            holds.retain(|held| is_own(&held.grant));
        }
        Ok(())
    }

    /// Gives and takes. `Some`: the delivery ends here.
    pub(super) async fn change_grants(&mut self, id: &str, changes: &[Change]) -> Result<Option<Outcome>, Abandoned> {
        let attempt = self.attempt;
        let _turn = attempt.shared.org.turns.take(turns::groups(changes)).await;
        attempt.hold().await?;
        self.seen.observed.grants.sending(changes);
        if self.is_leaver() {
            self.seen.observed.grants.leaving(changes);
        }
        self.save_observed().await?;
        attempt.called();
        let outcomes = match attempt.shared.org.client.change_grants(id, changes).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                if !error.may_have_changed_something() {
                    for change in changes {
                        self.seen.observed.grants.answered(change);
                    }
                    self.save_observed().await?;
                }
                if self.is_leaver() {
                    self.seen.refused.extend(changes.iter().map(|change| change.grant().clone()));
                    return Ok(self.does_not_keep_in(&error, "not everything was taken away that was given"));
                }
                return Ok(Some(attempt.failed(&error)));
            }
        };
        let mut free = Vec::new();
        for (change, outcome) in changes.iter().zip(outcomes) {
            match outcome {
                Ok(made) => {
                    free.extend(Self::seat_of(change));
                    self.seen.observed.grants.changed(change, made);
                    self.watch.note_done(act_of(change));
                }
                Err(error) => {
                    if !error.may_have_changed_something() {
                        self.seen.observed.grants.answered(change);
                    }
                    // What an id stands for may have gone since it was asked.
                    if matches!(error.disposition(), Disposition::Reject) {
                        attempt.shared.org.catalogue.forget(change.grant().kind).await;
                    }
                    // What nobody can have any more need not be given back for ever.
                    self.seen.refused.insert(change.grant().clone());
                    let is_given_back =
                        matches!(change, Change::Give(_)) && self.seen.observed.grants.removed.contains(change.grant());
                    if is_given_back && error.disposition() == Disposition::Reject {
                        self.seen.observed.grants.removed.remove(change.grant());
                        let name = self.called(change.grant());
                        self.notes.push(format!("{name}, which the person had before, was not given back: {error}"));
                    } else {
                        self.refusals.push((change.clone(), error));
                    }
                }
            }
        }
        self.save_observed_and_free(free).await?;
        Ok(None)
    }

    /// What follows from what Salesforce would not give or take: the worst of it decides, and all of it is told.
    pub(super) fn refused_grants(&mut self) -> Option<Outcome> {
        let refusals = std::mem::take(&mut self.refusals);
        let mut outcome: Option<Outcome> = None;
        let mut told = Vec::new();
        for (change, error) in &refusals {
            let mut failed = self.attempt.failed(error);
            let verb = if matches!(change, Change::Give(_)) { "was not given" } else { "was not taken away" };
            let name = self.called(change.grant());
            if let Some(waits) = self.waits_for_seat(change, error) {
                failed.error = Some(error.salesforce_text().to_owned());
                told.push(waits);
            } else {
                told.push(format!("{name} {verb}: {error}"));
            }
            // One that is tried again brings the others along.
            if outcome.as_ref().is_none_or(|before| rank(before) < rank(&failed)) {
                outcome = Some(failed);
            }
        }
        let reason = Some(told.join("; "));
        outcome.map(|outcome| Outcome { reason, ..outcome })
    }

    /// Notes that a profile or a role was given or taken with these fields.
    pub(super) fn note_given(&mut self, sent: &Record) {
        let Some(entitled) = &self.entitled else { return };
        let grants: &mut ObservedGrants = &mut self.seen.observed.grants;
        for (kind, field) in SINGLES {
            if !sent.mentions(field) {
                continue;
            }
            grants.given.retain(|grant| grant.kind != kind);
            let given = sent.text(field).map(|id| Grant::new(kind, id)).filter(|grant| entitled.gives(grant));
            grants.given.extend(given);
        }
    }

    /// Notes what was decided and has been brought about.
    pub(super) async fn note_decided(&mut self) -> Result<(), Abandoned> {
        let Some(entitled) = &self.entitled else { return Ok(()) };
        let is_wished = matches!(&self.wish, UserWish::Account(wish) if wish.grants.is_some());
        if !is_wished || self.seen.observed.grants.decided == entitled.decided {
            return Ok(());
        }
        self.seen.observed.grants.decided.clone_from(&entitled.decided);
        self.save_observed().await
    }

    /// Id of the profile of a new account; `Err`: the delivery ends here.
    pub(super) async fn profile(&self, record: &Record) -> Result<String, Outcome> {
        let (attempt, org) = (self.attempt, &self.attempt.shared.org);
        match (record.text("ProfileId"), &self.entitled) {
            (Some(id), _) => Ok(id.to_owned()),
            (None, Some(entitled)) => Err(attempt.held(entitled.no_profile(&org.tenant))),
            (None, None) => match org.profile_id(attempt.now(), || attempt.called()).await {
                Ok(id) => Ok(id),
                Err(NoProfile::Missing(reason)) => Err(attempt.held(reason)),
                Err(NoProfile::Failed(error)) => Err(attempt.failed(&error)),
            },
        }
    }

    /// Asks anew for what profiles there are: Salesforce refused one.
    pub(super) async fn forget_profile(&self, error: &salesforce::Error) {
        if matches!(error.cause(), Some(Cause::InvalidProfile | Cause::MissingProfile)) {
            let org = &self.attempt.shared.org;
            org.forget_profile().await;
            org.catalogue.forget(Kind::Profile).await;
        }
    }
}

/// Puts what rules give, and what the person had by hand before they left, into the wish, beside what is known of the
/// account.
pub(in crate::delivery) fn entitle(wish: &mut UserWish, entitled: Option<&Entitled>, observed: &ObservedUser) {
    let UserWish::Account(wish) = wish else { return };
    if let Some(entitled) = entitled {
        entitled.apply(wish, observed);
    }
    give_back(wish, &observed.grants);
}

/// Puts what somebody had by hand before they left into the wish, where they are active again.
pub(super) fn give_back(wish: &mut AccountWish, observed: &ObservedGrants) {
    if wish.record.get("IsActive") == Some(&serde_json::Value::Bool(true)) && !observed.removed.is_empty() {
        let grants = wish.grants.get_or_insert_default();
        for grant in observed.removed.iter().filter(|grant| !grants.exclusive.0.contains(&grant.kind)) {
            let name = || format!("{} {}, which the person had before,", grant.kind.words(), grant.id);
            grants.wanted.entry(grant.clone()).or_insert_with(name);
        }
    }
}

/// Whether the person is to have no access.
pub(in crate::delivery) fn is_leaver(wish: &UserWish) -> bool {
    match wish {
        UserWish::Account(wish) => wish.record.get("IsActive") != Some(&serde_json::Value::Bool(true)),
        UserWish::Gone => true,
    }
}

/// Which of several outcomes is told: what will be tried again soonest.
fn rank(outcome: &Outcome) -> u8 {
    match outcome.state {
        State::Retrying => 2,
        State::Held => 1,
        _ => 0,
    }
}
