//! Seats under licences: who waits for one is told for which, and who gives one back wakes the next.

use chrono::TimeDelta;

use crate::db::Conn;
use crate::delivery::attempt::Abandoned;
use crate::delivery::guard;
use crate::delivery::licence::{self, Seat};
use crate::delivery::outbox::Outcome;
use crate::entitlement::{Grant, Kind};
use crate::salesforce::{self, Cause, Change, Disposition, Record, WaitFor, same_id};
use crate::shadow::observed;

use super::{Delivery, deactivates};

/// Field of the profile.
const PROFILE: &str = "ProfileId";

/// How long before it is looked again whether somebody's licences allow what they did not.
const UNFIT_AGAIN: TimeDelta = TimeDelta::hours(1);

impl Delivery<'_> {
    /// What follows from an error about the account itself; where it is the want of a licence, that of its profile.
    pub(super) async fn failed(&self, error: &salesforce::Error, profile: Option<&str>) -> Outcome {
        let mut outcome = self.attempt.failed(error);
        if error.disposition() == Disposition::Wait(WaitFor::Licence) {
            let licences = self.attempt.shared.org.catalogue.known_licences().await;
            outcome.reason = Some(licences.seat_of_profile(profile).waited_for());
        }
        outcome
    }

    /// Looked at again less often: what licences do not allow is read from the org each time, with a call.
    pub(super) fn seldom(&self, held: Outcome) -> Outcome {
        let due = self.attempt.now() + UNFIT_AGAIN;
        Outcome { due: Some(due), ..held }
    }

    /// What a delivery says of a change that found no free seat; `None`: that is not why it failed.
    pub(super) fn waits_for_seat(&self, change: &Change, error: &salesforce::Error) -> Option<String> {
        if error.disposition() != Disposition::Wait(WaitFor::Licence) {
            return None;
        }
        let entitled = self.entitled.as_ref()?;
        let (grant, name) = (change.grant(), entitled.name(change.grant()));
        let needing: Vec<String> = match &self.wish {
            _ if grant.kind != Kind::PermissionSetLicence => vec![name],
            super::UserWish::Account(wish) => {
                let needs = wish.grants.iter().flat_map(|grants| &grants.needs);
                needs.filter(|(_, needed)| *needed == grant).map(|(set, _)| entitled.name(set)).collect()
            }
            super::UserWish::Gone => Vec::new(),
        };
        let waits = entitled.seat_for(grant).unwrap_or(Seat::User(None)).waited_for();
        if needing.is_empty() { Some(waits) } else { Some(format!("{waits}; without it: {}", needing.join(", "))) }
    }

    /// Whether a refusal is the profile's fault, and the rest of the changes can go without it.
    pub(super) fn is_about_profile(&self, changes: &Record, error: &salesforce::Error) -> bool {
        let activates = changes.mentions("IsActive");
        let is = matches!(error.cause(), Some(Cause::LicenceMismatch))
            || (error.cause() == Some(Cause::LicenceExhausted) && !activates);
        is && changes.mentions(PROFILE) && self.entitled.is_some()
    }

    /// Whether what the account has can be read, and was not yet.
    pub(super) fn may_look(&self) -> bool {
        !self.seen.looked && self.attempt.shared.org.means.rest
    }

    /// Goes on without a profile that was refused: it is told in the end.
    pub(super) fn without_profile(&mut self, changes: &Record, error: &salesforce::Error) {
        let Some(id) = changes.text(PROFILE) else { return };
        self.refusals.push((Change::Give(Grant::new(Kind::Profile, id)), error.clone()));
        if let Some(entitled) = &mut self.entitled {
            entitled.keep_profile();
        }
        self.entitle();
    }

    /// The seat that is free once a change is made.
    pub(super) fn seat_of(change: &Change) -> Option<Seat> {
        match change {
            Change::Take(held) if held.grant.kind == Kind::PermissionSetLicence => {
                // Whoever waits is found by the id.
                Some(Seat::Set(held.grant.id.clone(), String::new()))
            }
            _ => None,
        }
    }

    /// The seats that are free once an update with these fields is made: of who is deactivated all, of whose profile becomes
    /// one of another licence that of the profile before.
    pub(super) async fn seats_freed_by(&self, changes: &Record) -> Vec<Seat> {
        let seen = &self.seen.observed;
        let before = seen.record.text(PROFILE);
        if deactivates(changes) {
            let licences = self.attempt.shared.org.catalogue.known_licences().await;
            let sets = seen.grants.holds.iter().flatten().map(|held| &held.grant);
            let sets = sets.filter(|grant| grant.kind == Kind::PermissionSetLicence);
            let sets = sets.map(|grant| Seat::Set(grant.id.clone(), String::new()));
            return std::iter::once(licences.seat_of_profile(before)).chain(sets).collect();
        }
        let (Some(before), Some(after)) = (before, changes.text(PROFILE)) else { return Vec::new() };
        if same_id(before, after) {
            return Vec::new();
        }
        let licences = self.attempt.shared.org.catalogue.known_licences().await;
        let (old, new) = (licences.seat_of_profile(Some(before)), licences.seat_of_profile(Some(after)));
        if old == new { Vec::new() } else { vec![old] }
    }

    /// Notes what is known of the account, and wakes who waits for these seats.
    pub(super) async fn save_observed_and_free(&self, seats: Vec<Seat>) -> Result<(), Abandoned> {
        let (stored, now, observed) = (self.stored.clone(), self.attempt.now(), self.seen.observed.clone());
        let done = self.watch.done.clone();
        let note = move |conn: &mut Conn, _: &crate::delivery::outbox::Claim| {
            for act in &done {
                guard::done(conn, &stored.id, act, now)?;
            }
            observed::save(conn, &stored.id, &observed, now)?;
            licence::given_back(conn, &stored.tenant, &seats, now)
        };
        self.attempt.note(note).await
    }
}
