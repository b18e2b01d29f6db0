//! What is noted of an account before a call and after it.

use crate::delivery::attempt::Abandoned;
use crate::delivery::guard;
use crate::delivery::outbox;
use crate::delivery::plan::{self, ObservedGrants, ObservedUser, UserSeen, UserWish};
use crate::delivery::turns::{self, Turn};
use crate::salesforce::{Account, Record};
use crate::shadow::link::{self, How, Link};
use crate::shadow::{self, Kind, member, observed};

use super::heir::{memberships, released};
use super::{Delivery, deactivates};

impl Delivery<'_> {
    /// Notes what a create carries before it is sent: whatever happens to us or to the answer, the account can be found
    /// by it, even if the person is renamed or deleted meanwhile.
    pub(super) async fn about_to_create(&mut self, record: &Record) -> Result<Turn, Abandoned> {
        let turn = self.attempt.shared.org.turns.take(turns::roles(record, &Record::new())).await;
        let text = serde_json::to_string(record).unwrap_or_default();
        self.creating = Some(record.clone());
        self.attempt.note(move |conn, claim| outbox::creating(conn, &claim.resource, Some(&text))).await?;
        Ok(turn)
    }

    pub(super) async fn known_not_created(&mut self) -> Result<(), Abandoned> {
        self.seen.perhaps_created = false;
        self.creating = None;
        self.attempt.note(|conn, claim| outbox::creating(conn, &claim.resource, None)).await
    }

    pub(super) async fn created(&mut self, account: Account, sent: Record) -> Result<(), Abandoned> {
        self.notes.extend(account.notes);
        for act in self.acts_of_fields(&sent) {
            self.watch.note_done(act);
        }
        // Over REST it is what was sent; SCIM answers what it made of it.
        let done = plan::confirmed(&sent, &account.record);
        self.linked(account.id, How::Created, done, ObservedGrants::of_new(), true).await.map(drop)
    }

    /// Takes an account for this person's. `false`: a delivery that is under way may still change it.
    pub(super) async fn adopt(&mut self, account: Account, how: How) -> Result<bool, Abandoned> {
        let sent = self.creating.clone().unwrap_or_default();
        let (mut ours, grants) = self.left_behind(&account.id).await?;
        ours.apply(&sent);
        let mut record = match &self.wish {
            UserWish::Account(wish) => plan::adopted(&wish.record, &ours, &account.record),
            UserWish::Gone => Record::new().with("IsActive", account.is_active()),
        };
        // Our own create whose answer was lost: it carried fields that a look does not show, too.
        let is_ours = plan::made_by(&sent, &account.record);
        if is_ours {
            record.apply(&sent);
        }
        let grants = if is_ours { ObservedGrants::of_new() } else { grants };
        self.linked(account.id, how, record, grants, is_ours).await
    }

    /// What the bridge wrote and gave where an account was that of somebody who was deleted here: who comes back under
    /// another name finds it by looking, and what is no longer wanted of it is ours to take away.
    async fn left_behind(&self, account: &str) -> Result<(Record, ObservedGrants), Abandoned> {
        let (tenant, own, account) = (self.stored.tenant.clone(), self.stored.id.clone(), account.to_owned());
        let read = move |conn: &mut crate::db::Conn| {
            let owner = link::owner(conn, &tenant, Kind::User, &account)?;
            let tombstone = owner.filter(|(other, deleted)| *deleted && *other != own);
            tombstone.map_or(Ok(None), |(tombstone, _)| observed::find::<ObservedUser>(conn, &tombstone))
        };
        let before = self.attempt.shared.db.read(read).await?.unwrap_or_default();
        // What it has by now, somebody has to read.
        Ok((before.record, ObservedGrants { holds: None, ..before.grants }))
    }

    /// `is_new`: nobody but us has given it anything.
    async fn linked(
        &mut self,
        salesforce_id: String,
        how: How,
        record: Record,
        grants: ObservedGrants,
        is_new: bool,
    ) -> Result<bool, Abandoned> {
        let before = std::mem::take(&mut self.seen.observed);
        self.seen.observed = ObservedUser { chosen: before.chosen.clone(), grants, ..ObservedUser::default() };
        if is_new {
            self.note_given(&record);
        }
        self.seen.observed.record = record;
        let observed = std::mem::replace(&mut self.seen.observed, before);
        let account = Some(salesforce_id.clone());
        let (stored, now) = (self.stored.clone(), self.attempt.now());
        let link = Link { salesforce_id, how };
        let linked = self
            .attempt
            .note(move |conn, claim| {
                let owner = link::owner(conn, &stored.tenant, Kind::User, &link.salesforce_id)?;
                let mut observed = observed.clone();
                if let Some((tombstone, true)) = owner.filter(|(owner, _)| *owner != stored.id) {
                    shadow::guard(conn, &tombstone)?;
                    if outbox::is_under_way(conn, &tombstone)? {
                        return Ok(None);
                    }
                    let before = observed::find::<ObservedUser>(conn, &tombstone)?.unwrap_or_default();
                    (observed.frozen, observed.freezing) = (before.frozen, before.freezing);
                    // Deactivated since the look, perhaps: what was looked at is older than what the tombstone knows.
                    if before.record.get("IsActive") == Some(&serde_json::Value::Bool(false)) {
                        observed.record.set("IsActive", false);
                    }
                    memberships(conn, &tombstone, &stored, now)?;
                }
                link::save(conn, &stored, &link, now)?;
                observed::save(conn, &stored.id, &observed, now)?;
                outbox::creating(conn, &claim.resource, None)?;
                released(conn, &stored, now)?;
                Ok(Some(observed))
            })
            .await?;
        let Some(observed) = linked else { return Ok(false) };
        self.seen = UserSeen { account, observed, ..UserSeen::default() };
        self.creating = None;
        self.entitle();
        Ok(true)
    }

    pub(super) async fn updated(&mut self, changes: &Record, echoed: Option<Account>) -> Result<(), Abandoned> {
        for act in self.acts_of_fields(changes) {
            self.watch.note_done(act);
        }
        if deactivates(changes) {
            self.watch.note_left();
        }
        let free = self.seats_freed_by(changes).await;
        let observed = &mut self.seen.observed;
        observed.record.apply(changes);
        for (field, _) in changes.iter() {
            observed.unsure.unset(field);
        }
        self.note_given(changes);
        let observed = &mut self.seen.observed;
        if let Some(new) = changes.text("Email") {
            // REST echoes nothing: unless the org does without confirmations, the address waits.
            let shown = echoed.as_ref().and_then(|account| account.record.text("Email"));
            observed.pending_email = shown.is_none_or(|shown| !new.eq_ignore_ascii_case(shown)).then(|| new.to_owned());
        }
        self.deactivate_alone = false;
        self.save_observed_and_free(free).await
    }

    /// Says that a new address waits, as long as it does.
    pub(super) fn note_pending_email(&mut self) {
        let observed = &self.seen.observed;
        if let Some(pending) = &observed.pending_email
            && observed.record.text("Email") == Some(pending)
        {
            self.notes.push(
                "the new e-mail address waits for the person's confirmation in Salesforce, unless the org does without"
                    .to_owned(),
            );
        }
    }

    /// Notes what an update carries before it is sent, and answers what was unsure before, and the turn at it.
    pub(super) async fn about_to_update(&mut self, changes: &Record) -> Result<(Record, Turn), Abandoned> {
        let turn = self.attempt.shared.org.turns.take(turns::roles(changes, &self.seen.observed.record)).await;
        let before = self.seen.observed.unsure.clone();
        self.seen.observed.unsure.apply(changes);
        self.save_observed().await?;
        Ok((before, turn))
    }

    pub(super) async fn save_observed(&self) -> Result<(), Abandoned> {
        let (id, now, observed) = (self.stored.id.clone(), self.attempt.now(), self.seen.observed.clone());
        // Again and again, until the delivery ends: that it was done once is true as long.
        let done = self.watch.done.clone();
        let note = move |conn: &mut crate::db::Conn, _: &outbox::Claim| {
            for act in &done {
                guard::done(conn, &id, act, now)?;
            }
            observed::save(conn, &id, &observed, now)
        };
        self.attempt.note(note).await
    }

    /// Notes that an update surely changed nothing; `unsure` is what [`Self::about_to_update`] answered.
    pub(super) async fn known_not_updated(&mut self, unsure: Record) -> Result<(), Abandoned> {
        self.seen.observed.unsure = unsure;
        self.save_observed().await
    }

    /// Notes that the person may log in again.
    pub(super) async fn unfrozen(&mut self) -> Result<(), Abandoned> {
        (self.seen.observed.frozen, self.seen.observed.freezing) = (false, false);
        self.save_observed().await
    }

    /// The account is no longer in the org (it was refreshed, or is another one): begin anew.
    pub(super) async fn vanished(&mut self) -> Result<(), Abandoned> {
        self.seen = UserSeen::default();
        let (stored, now) = (self.stored.clone(), self.attempt.now());
        self.attempt
            .note(move |conn, _| {
                link::remove(conn, &stored.id)?;
                // Their groups look finished, and are not: whoever is in them needs the new account in them.
                for group in member::forget_member(conn, &stored.id)? {
                    outbox::enqueue(conn, &stored.tenant, Kind::Group, &group, now)?;
                }
                Ok(())
            })
            .await
    }
}
