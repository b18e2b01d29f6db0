//! What follows from an update that Salesforce refused.

use std::time::Duration;

use chrono::TimeDelta;

use crate::delivery::Refused;
use crate::delivery::attempt::{Abandoned, Attempt};
use crate::delivery::outbox::Outcome;
use crate::salesforce::{self, Cause, Disposition, Record, UserKey};

use super::look::Owner;
use super::taken::{NICKNAME, USERNAME, aside};
use super::{Delivery, deactivates};

/// How long before a deactivation that Salesforce refused is tried again: a person has to mend something in Setup first.
const DEACTIVATE_AGAIN: Duration = Duration::from_hours(1);

/// Tries for a username that another user of ours is about to give up, before one's own is given up too.
const PATIENT: i64 = 2;

impl Delivery<'_> {
    /// What follows; `None`: it was mended, and the plan goes on.
    pub(super) async fn not_updated(
        &mut self,
        id: &str,
        changes: &Record,
        error: &salesforce::Error,
    ) -> Result<Option<Outcome>, Abandoned> {
        match error.cause() {
            Some(Cause::DuplicateNickname) if self.choose_another(NICKNAME).await? => Ok(None),
            Some(Cause::DuplicateUsername) => self.taken(id, USERNAME, changes, error).await,
            Some(Cause::DuplicateFederationId) => self.taken(id, "FederationIdentifier", changes, error).await,
            Some(Cause::Unsaid) => self.perhaps_gone(id, error).await,
            _ if deactivates(changes) && can_be_about_the_account(error) => {
                self.not_deactivated(id, changes, error).await
            }
            // What the account has by hand may be why.
            Some(Cause::LicenceMismatch) if self.is_about_profile(changes, error) && self.may_look() => {
                self.read_grants(id).await
            }
            _ if self.is_about_profile(changes, error) => {
                self.without_profile(changes, error);
                Ok(None)
            }
            _ => {
                let profile = changes.text("ProfileId").or_else(|| self.seen.observed.record.text("ProfileId"));
                Ok(Some(self.failed(error, profile).await))
            }
        }
    }

    /// A 404 without a word of Salesforce's is no proof that the account is gone, and with the link would go what is known of
    /// it: it is looked at first.
    async fn perhaps_gone(&mut self, id: &str, error: &salesforce::Error) -> Result<Option<Outcome>, Abandoned> {
        let attempt = self.attempt;
        attempt.called();
        match attempt.shared.org.client.user(id).await {
            Ok(None) => self.vanished().await.map(|()| None),
            _ => Ok(Some(attempt.failed(error))),
        }
    }

    /// Somebody else has the username or federation id. It stands refused, unless that is a user of ours who is about to
    /// give it up, or another username will do.
    async fn taken(
        &mut self,
        id: &str,
        field: &'static str,
        changes: &Record,
        error: &salesforce::Error,
    ) -> Result<Option<Outcome>, Abandoned> {
        let attempt = self.attempt;
        let Some(value) = changes.text(field) else { return Ok(Some(attempt.failed(error))) };
        let key = if field == USERNAME { UserKey::Username(value) } else { UserKey::FederationId(value) };
        attempt.called();
        let found = match attempt.shared.org.client.find_users(key).await {
            Ok(found) => found,
            Err(error) => return Ok(Some(attempt.failed(&error))),
        };
        if found.is_empty() && !attempt.was_taken_before() {
            return Ok(Some(attempt.taken_by_nobody(error)));
        }
        for account in &found {
            if let Owner::Leaving(other) = self.owner(account, field).await? {
                if field == USERNAME {
                    self.step_aside(id, value).await?;
                }
                let words = format!("waits for user {other} to give up the {field} in Salesforce");
                return Ok(Some(attempt.after_another(words)));
            }
        }
        if field == USERNAME && self.choose_another(USERNAME).await? {
            return Ok(None);
        }
        if found.is_empty() {
            return Ok(Some(attempt.taken_by_nobody(error)));
        }
        let said = error.salesforce_text().to_owned();
        Ok(Some(Attempt::rejected_for(Refused::Taken, error.to_string(), Some(said))))
    }

    /// Gives up the present username for one that nobody wants: two who exchange their names would wait for each other
    /// for ever. Only after some waiting, because most names are free by then.
    async fn step_aside(&mut self, id: &str, wanted: &str) -> Result<(), Abandoned> {
        let (attempt, name) = (self.attempt, aside(wanted, &self.stored.id));
        let there = self.seen.observed.record.text(USERNAME) == Some(name.as_str());
        if there || attempt.claim.attempts < PATIENT || !attempt.shared.org.means.rest {
            return Ok(());
        }
        let changes = Record::new().with(USERNAME, name);
        let (unsure, _turn) = self.about_to_update(&changes).await?;
        attempt.called();
        match attempt.shared.org.client.update_user(id, &changes).await {
            Ok(update) => self.updated(&changes, update.echoed).await,
            Err(error) if error.may_have_changed_something() => Ok(()),
            Err(_) => self.known_not_updated(unsure).await,
        }
    }

    /// The deactivation goes once more alone, in case the fault was another field's. Where Salesforce still refuses it
    /// (something in the org points to the user: default owner of leads or cases, a running workflow), the account is
    /// frozen instead: nobody logs in with it, though it keeps its licence.
    async fn not_deactivated(
        &mut self,
        id: &str,
        changes: &Record,
        error: &salesforce::Error,
    ) -> Result<Option<Outcome>, Abandoned> {
        if changes.len() > 1 {
            self.deactivate_alone = true;
            return Ok(None);
        }
        let attempt = self.attempt;
        let said = error.salesforce_text();
        // It is tried again for as long as it takes, and counts once.
        self.watch.note_left();
        if !attempt.shared.org.means.rest {
            let words = "Salesforce refuses to deactivate the account. Freeze it in Setup and mend what points to it \
                         (salesforce.rest = \"never\" keeps the bridge from freezing it)";
            return Ok(Some(Attempt::rejected(words.to_owned(), Some(said.to_owned()))));
        }
        if !self.seen.observed.frozen {
            match self.shut(id).await? {
                Ok(()) => {}
                Err(salesforce::Error::Gone { .. }) => {
                    self.vanished().await?;
                    return Ok(None);
                }
                Err(error) => return Ok(Some(attempt.failed(&error))),
            }
        }
        self.save_observed().await?;
        let reason = format!(
            "Salesforce refuses to deactivate the account, so it is frozen: nobody can log in with it, and it keeps its \
             licence. Mend in Setup what still points to the user; the deactivation is tried again. Salesforce: {said}"
        );
        let due = attempt.now() + TimeDelta::from_std(DEACTIVATE_AGAIN).unwrap_or(TimeDelta::MAX);
        Ok(Some(Outcome { due: Some(due), error: Some(said.to_owned()), ..attempt.held(reason) }))
    }
}

/// Whether a refusal can lie in the account itself, and not in the rights of the integration user or in the call.
fn can_be_about_the_account(error: &salesforce::Error) -> bool {
    let about_us = matches!(error.cause(), None | Some(Cause::NoAccess | Cause::NoSuchField | Cause::Malformed));
    !about_us && error.disposition() == Disposition::Reject
}
