//! Delivering a user: plan a step, make the call, note what it brought, plan again.

mod account;
mod due;
mod entitled;
mod give;
mod guarded;
mod heir;
mod look;
mod refused;
mod seat;
mod taken;
mod wanted;

use crate::db::{Conn, Error as DbError};
use crate::salesforce::mapping::MappingFailed;
use crate::salesforce::{self, Carrier, Cause, Change, Disposition, Record};
use crate::scim::Attributes;
use crate::shadow::link::{self, Link};
use crate::shadow::member::{self, Reference};
use crate::shadow::{self, Kind, Stored, observed};

use super::attempt::{Abandoned, Attempt};
use super::guard;
use super::outbox::Outcome;
use super::plan::{self, ObservedUser, UserSeen, UserStep, UserWish};
use super::state::{Refused, State};

pub use due::Due;
pub use entitled::{Entitled, SINGLES, entitled};
pub(super) use entitled::{Foreseen, foreseen};
pub(super) use give::{entitle, is_leaver};
use guarded::{Guarded, Watch};
use heir::{UNDER_WAY, inherit};
use look::LookFailed;
use taken::NICKNAME;
pub(super) use taken::apply_choices;
use wanted::Wanted;
pub(super) use wanted::wanted;
pub use wanted::{Manager, manager_of, wanted_of_account};

/// Steps of one try at most: look, create, update, a second round after somebody deleted or made the account meanwhile,
/// and a few names that are taken.
const STEPS: usize = 16;

/// What the shadow says of a user.
pub(super) struct Loaded {
    pub(super) stored: Stored,
    pub(super) link: Option<Link>,
    pub(super) observed: ObservedUser,
    pub(super) manager: Manager,
    /// The tombstone whose account this person had before.
    pub(super) predecessor: Option<String>,
    /// The groups that the user is in, where rules look at them.
    pub(super) groups: Vec<Reference>,
    /// Whether the guard watches something about the user.
    is_watched: bool,
}

/// `grouped`: whether the groups that the user is in are wanted.
pub(super) fn load(conn: &mut Conn, id: &str, grouped: bool) -> Result<Option<Loaded>, DbError> {
    let Some(stored) = shadow::any(conn, id)? else { return Ok(None) };
    let link = link::find(conn, id)?;
    let observed = observed::find::<ObservedUser>(conn, id)?.unwrap_or_default();
    let predecessor =
        if link.is_none() && stored.deleted.is_none() { shadow::predecessor(conn, &stored)? } else { None };
    let manager = match manager_of(&stored.document).map(str::to_owned) {
        None => Manager::None,
        Some(id) => match shadow::find(conn, &stored.tenant, Kind::User, &id)? {
            None => Manager::Unknown(id),
            Some(_) => match link::find(conn, &id)? {
                Some(link) => Manager::Account(link.salesforce_id),
                None => Manager::Waiting(id),
            },
        },
    };
    let groups = if grouped { member::groups_of_one(conn, id)? } else { Vec::new() };
    let is_watched = guard::is_watched(conn, id)?;
    Ok(Some(Loaded { stored, link, observed, manager, predecessor, groups, is_watched }))
}

/// A delivery under way.
struct Delivery<'a> {
    attempt: &'a Attempt,
    stored: Stored,
    wish: UserWish,
    seen: UserSeen,
    /// What an earlier create carried whose answer never came.
    creating: Option<Record>,
    notes: Vec<String>,
    waits_for: Option<String>,
    /// Why there is no wish for this person, where all that can be done is to take their access away.
    unmapped: Option<MappingFailed>,
    /// Whether a deactivation goes alone: together with other changes it was refused, and theirs may be the fault.
    deactivate_alone: bool,
    /// What rules give, where there are any.
    entitled: Option<Entitled>,
    /// What Salesforce would not give or take.
    refusals: Vec<(Change, salesforce::Error)>,
    /// What the guard holds back, and what it let pass.
    watch: Watch,
    /// What follows from a step that failed which must not keep somebody in who leaves: after the deactivation.
    leave_again: Option<Outcome>,
}

/// Brings a user's account to what was asked.
pub(super) async fn deliver(attempt: &Attempt) -> Result<Outcome, Abandoned> {
    let id = attempt.claim.resource.clone();
    let grouped = attempt.shared.org.entitlements.rules.look_at_groups();
    let Some(mut loaded) = attempt.shared.db.read(move |conn| load(conn, &id, grouped)).await? else {
        return Ok(Attempt::rejected("the resource is no longer in the database".into(), None));
    };
    if let Some(predecessor) = loaded.predecessor.take() {
        // A person who was deleted here and came back: their account is known without asking.
        match inherit(attempt, &loaded.stored, predecessor).await? {
            Some(inherited) => (loaded.link, loaded.observed) = inherited,
            None => return Ok(attempt.after_another(UNDER_WAY.to_owned())),
        }
    }
    let entitled = match loaded.stored.live() {
        // Of whoever cannot log in nothing changes, but a new account needs a profile.
        Some(document) if is_active(document) || loaded.link.is_none() => {
            let person = (document, loaded.groups.as_slice());
            let asking = || attempt.called();
            match entitled(&attempt.shared.org, person, &loaded.observed, attempt.now(), &asking).await {
                Ok(entitled) => entitled,
                Err(error) => return Ok(attempt.failed(&error)),
            }
        }
        _ => None,
    };
    let creating = attempt.claim.creating.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut delivery = match Delivery::of(attempt, loaded, creating, entitled) {
        Ok(delivery) => delivery,
        Err(failed) => return Ok(Attempt::rejected(failed.to_string(), None)),
    };
    if let Some(username) = delivery.protected() {
        let words = format!("the account {username} is protected by the configuration");
        return Ok(Attempt::rejected_for(Refused::Forbidden, words, None));
    }
    // What was given before the group was mirrored is the group's own by now: it is not this delivery's to take.
    delivery.keep_mirrored().await?;
    delivery.entitle();
    let mut outcome = delivery.run().await?;
    if outcome.state == State::Rejected && !delivery.notes.is_empty() {
        // What was cut or left out is often why.
        let reason = outcome.reason.take().into_iter().chain(delivery.notes);
        outcome.reason = Some(reason.collect::<Vec<_>>().join("; "));
    }
    Ok(outcome)
}

/// What is known of a user's account.
pub(super) fn seen(link: Option<Link>, observed: ObservedUser, perhaps_created: bool) -> UserSeen {
    UserSeen {
        account: link.map(|link| link.salesforce_id),
        // Where an account was found before, it is looked for and not made.
        perhaps_created: perhaps_created || observed.adoption.is_some(),
        observed,
        ..UserSeen::default()
    }
}

/// Whether a person may log in, as the identity provider says.
pub fn is_active(document: &Attributes) -> bool {
    document.get("active").and_then(serde_json::Value::as_bool).unwrap_or(true)
}

impl<'a> Delivery<'a> {
    fn of(
        attempt: &'a Attempt,
        loaded: Loaded,
        creating: Option<Record>,
        entitled: Option<Entitled>,
    ) -> Result<Self, MappingFailed> {
        let Loaded { stored, link, observed, manager, is_watched, .. } = loaded;
        let Wanted { wish, notes, waits_for, unmapped } = wanted(stored.live(), &manager, &attempt.shared.org.mapping)?;
        let seen = seen(link, observed, creating.is_some());
        let mut delivery = Self {
            attempt,
            stored,
            wish,
            seen,
            creating,
            notes,
            waits_for,
            unmapped,
            deactivate_alone: false,
            entitled,
            refusals: Vec::new(),
            watch: Watch::new(is_watched),
            leave_again: None,
        };
        delivery.notes.extend(delivery.entitled.iter().flat_map(|entitled| entitled.notes.clone()));
        delivery.entitle();
        apply_choices(&mut delivery.wish, &mut delivery.seen.observed, &mut delivery.notes);
        Ok(delivery)
    }

    /// The username of the account that this delivery would touch, if it is protected.
    fn protected(&self) -> Option<String> {
        let wished = match &self.wish {
            UserWish::Account(wish) => wish.record.text("Username").or(wish.on_create.text("Username")),
            UserWish::Gone => None,
        };
        let names = [wished, self.seen.observed.record.text("Username")];
        names.into_iter().flatten().find(|name| self.attempt.shared.org.protects(name)).map(str::to_owned)
    }

    async fn run(&mut self) -> Result<Outcome, Abandoned> {
        let attempt = self.attempt;
        let org = &attempt.shared.org;
        // A refusal that another account may explain; if none does, it stands.
        let mut refusal: Option<salesforce::Error> = None;
        let mut lost = false;
        for _ in 0..STEPS {
            let Some(step) = plan::user(&self.wish, &self.seen, org.means) else { return self.done().await };
            match self.guard(&step).await? {
                Guarded::Goes => {}
                Guarded::Another => continue,
                Guarded::Ends(outcome) => return Ok(outcome),
            }
            match step {
                UserStep::Look => match self.look().await {
                    Ok(look) => {
                        if let Some(outcome) = self.looked(look, refusal.take()).await? {
                            return Ok(outcome);
                        }
                    }
                    Err(LookFailed::Salesforce(error)) => return Ok(attempt.failed(&error)),
                    Err(LookFailed::Abandoned(reason)) => return Err(reason),
                },
                UserStep::Create(record, carrier) => {
                    let profile = match self.profile(&record).await {
                        Ok(id) => id,
                        Err(outcome) => return Ok(outcome),
                    };
                    let _turn = self.about_to_create(&record).await?;
                    attempt.called();
                    let created = match carrier {
                        Carrier::Rest => org.client.create_user_by_rest(&record, &profile).await,
                        Carrier::Scim => org.client.create_user(&record, &profile).await,
                    };
                    match created {
                        Ok(account) => self.created(account, record).await?,
                        // The answer was lost, or somebody in between gave it: once, look at once.
                        Err(error) if error.disposition() == Disposition::LookFirst && !lost => {
                            self.seen.perhaps_created = true;
                            if error.may_have_changed_something() {
                                lost = true;
                            } else {
                                refusal = Some(error);
                            }
                        }
                        Err(error) => {
                            self.forget_profile(&error).await;
                            if !error.may_have_changed_something() {
                                self.known_not_created().await?;
                            }
                            if error.cause() == Some(Cause::DuplicateNickname) && self.choose_another(NICKNAME).await? {
                                continue;
                            }
                            return Ok(self.failed(&error, Some(&profile)).await);
                        }
                    }
                }
                UserStep::Unfreeze(id) => {
                    if let Some(outcome) = self.unfreeze(&id).await? {
                        return Ok(outcome);
                    }
                }
                UserStep::Freeze(id) => {
                    if let Some(outcome) = self.freeze(&id).await? {
                        return Ok(outcome);
                    }
                }
                UserStep::ReadGrants(id) => {
                    if let Some(outcome) = self.read_grants(&id).await? {
                        return Ok(outcome);
                    }
                }
                UserStep::Grants(id, changes) => {
                    if let Some(outcome) = self.change_grants(&id, &changes).await? {
                        return Ok(outcome);
                    }
                }
                UserStep::Update(id, mut changes) => {
                    if self.deactivate_alone && deactivates(&changes) {
                        changes = Record::new().with("IsActive", false);
                    }
                    let (unsure, _turn) = self.about_to_update(&changes).await?;
                    attempt.called();
                    match org.client.update_user(&id, &changes).await {
                        Ok(update) => self.updated(&changes, update.echoed).await?,
                        Err(salesforce::Error::Gone { .. }) => self.vanished().await?,
                        Err(error) => {
                            if !error.may_have_changed_something() {
                                self.known_not_updated(unsure).await?;
                            }
                            if let Some(outcome) = self.not_updated(&id, &changes, &error).await? {
                                return Ok(outcome);
                            }
                        }
                    }
                }
            }
        }
        let words = "the account keeps changing under the delivery; it is tried again later";
        Ok(attempt.failed(&salesforce::Error::Lost(words.into())))
    }

    /// Nothing is left to send.
    async fn done(&mut self) -> Result<Outcome, Abandoned> {
        if let Some(failed) = self.unmapped.take() {
            return Ok(Attempt::rejected(failed.to_string(), None));
        }
        let failed = self.refused_grants();
        let is_through = self.leave_again.is_none() && failed.as_ref().is_none_or(|told| told.state == State::Rejected);
        if self.seen.observed.grants.leaving && is_through {
            self.seen.observed.grants.leaving = false;
            self.save_observed().await?;
        }
        let is_unfit = self.entitled.as_ref().is_some_and(|entitled| !entitled.unfit.is_empty());
        let missing = self.entitled.iter_mut().flat_map(|entitled| {
            let missing = std::mem::take(&mut entitled.missing);
            missing.into_iter().chain(std::mem::take(&mut entitled.unfit))
        });
        let mut missing: Vec<String> = missing.collect();
        // Nobody who has a profile waits for the default, but for whom it takes the place of one that a rule gave.
        if self.seen.observed.grants.given_of(crate::entitlement::Kind::Profile).is_some() {
            missing.extend(self.entitled.iter_mut().filter_map(|entitled| entitled.no_default.take()));
        }
        let held_back: Vec<String> = self.words_of_all_held().collect();
        let all = failed.is_none() && missing.is_empty() && held_back.is_empty();
        self.settle_guard(all).await?;
        if let Some(mut outcome) = self.leave_again.take().or(failed) {
            let waits = missing.into_iter().chain(self.waits_for.take()).chain(held_back);
            outcome.reason = Some(outcome.reason.into_iter().chain(waits).collect::<Vec<_>>().join("; "));
            return Ok(outcome);
        }
        if missing.is_empty() && held_back.is_empty() {
            self.note_decided().await?;
        }
        let waits: Vec<String> = missing.into_iter().chain(self.waits_for.take()).collect();
        if !waits.is_empty() {
            let held = self.attempt.held(waits.into_iter().chain(held_back).collect::<Vec<_>>().join("; "));
            return Ok(if is_unfit { self.seldom(held) } else { held });
        }
        if !held_back.is_empty() {
            return Ok(self.held_back());
        }
        let beyond =
            if self.attempt.shared.org.means.rest { Record::new() } else { plan::beyond_scim(&self.wish, &self.seen) };
        if !beyond.is_empty() {
            let fields = beyond.iter().map(|(field, _)| field).collect::<Vec<_>>().join(", ");
            let words = format!("{fields}: {}", salesforce::Error::NeedsRest("this change"));
            // Who somebody is must be right; a second telephone number need not hold up the rest.
            if ["Username", "FederationIdentifier"].iter().any(|field| beyond.mentions(field)) {
                return Ok(Attempt::rejected(words, None));
            }
            self.notes.push(words);
        }
        self.note_pending_email();
        Ok(Attempt::delivered(&self.notes))
    }
}

/// Whether these changes take a person's access away.
fn deactivates(changes: &Record) -> bool {
    changes.get("IsActive").and_then(serde_json::Value::as_bool) == Some(false)
}
