//! Delivering a user: plan a step, make the call, note what it brought, plan again.

use crate::db::{Conn, Error as DbError};
use crate::salesforce::{self, Account, Cause, Disposition, Record, mapping};
use crate::scim::ENTERPRISE_SCHEMA;
use crate::shadow::link::{self, How, Link};
use crate::shadow::{self, Kind, Stored, member, observed};

use super::attempt::{Abandoned, Attempt};
use super::org::NoProfile;
use super::outbox::{self, Outcome};
use super::plan::{self, ObservedUser, UserSeen, UserStep, UserWish};
use super::worker::SETTLE;

mod look;

use look::{Look, LookFailed};

/// Steps of one try at most: look, create, update, and a second round after somebody deleted or made the account
/// meanwhile.
const STEPS: usize = 8;

/// What the shadow says of a user.
struct Loaded {
    stored: Stored,
    link: Option<Link>,
    observed: ObservedUser,
    manager: Manager,
    /// The tombstone whose account this person had before.
    predecessor: Option<String>,
}

enum Manager {
    None,
    /// No resource here has this id: Microsoft's validator sends random ones.
    Unknown(String),
    /// It has no account yet.
    Waiting(String),
    Account(String),
}

fn load(conn: &mut Conn, id: &str) -> Result<Option<Loaded>, DbError> {
    let Some(stored) = shadow::any(conn, id)? else { return Ok(None) };
    let link = link::find(conn, id)?;
    let observed = observed::find::<ObservedUser>(conn, id)?.unwrap_or_default();
    let predecessor =
        if link.is_none() && stored.deleted.is_none() { shadow::predecessor(conn, &stored)? } else { None };
    let manager =
        stored.document.get(ENTERPRISE_SCHEMA).and_then(|extension| extension.get("manager")?.get("value")?.as_str());
    let manager = match manager.map(str::to_owned) {
        None => Manager::None,
        Some(id) => match shadow::find(conn, &stored.tenant, Kind::User, &id)? {
            None => Manager::Unknown(id),
            Some(_) => match link::find(conn, &id)? {
                Some(link) => Manager::Account(link.salesforce_id),
                None => Manager::Waiting(id),
            },
        },
    };
    Ok(Some(Loaded { stored, link, observed, manager, predecessor }))
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
}

/// Brings a user's account to what was asked.
pub(super) async fn deliver(attempt: &Attempt) -> Result<Outcome, Abandoned> {
    let id = attempt.claim.resource.clone();
    let Some(mut loaded) = attempt.shared.db.read(move |conn| load(conn, &id)).await? else {
        return Ok(Attempt::rejected("the resource is no longer in the database".into(), None));
    };
    if let Some(predecessor) = loaded.predecessor.take() {
        // A person who was deleted here and came back: their account is known without asking.
        match inherit(attempt, &loaded.stored, predecessor).await? {
            Some(inherited) => (loaded.link, loaded.observed) = inherited,
            None => return Ok(attempt.after_another(UNDER_WAY.to_owned())),
        }
    }
    let creating = attempt.claim.creating.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut delivery = Delivery::of(attempt, loaded, creating);
    if let Some(username) = delivery.protected() {
        return Ok(Attempt::rejected(format!("the account {username} is protected by the configuration"), None));
    }
    let mut outcome = delivery.run().await?;
    if outcome.state == super::State::Rejected && !delivery.notes.is_empty() {
        // What was cut or left out is often why.
        let reason = outcome.reason.take().into_iter().chain(delivery.notes);
        outcome.reason = Some(reason.collect::<Vec<_>>().join("; "));
    }
    Ok(outcome)
}

/// Why an account cannot be taken over just now.
const UNDER_WAY: &str = "waits for the deletion of the user who had the account before, which is being delivered";

/// Takes the link, what was observed and the memberships over from a tombstone. `None`: its own delivery is under way,
/// and what that sends last would stand.
async fn inherit(
    attempt: &Attempt,
    stored: &Stored,
    predecessor: String,
) -> Result<Option<(Option<Link>, ObservedUser)>, Abandoned> {
    let (stored, now) = (stored.clone(), attempt.now());
    attempt
        .note(move |conn, _| {
            shadow::guard(conn, &predecessor)?;
            if outbox::is_under_way(conn, &predecessor)? {
                return Ok(None);
            }
            let Some(old) = link::find(conn, &predecessor)? else {
                return Ok(Some((None, ObservedUser::default())));
            };
            let observed = observed::find::<ObservedUser>(conn, &predecessor)?.unwrap_or_default();
            let link = Link { salesforce_id: old.salesforce_id, how: How::Returned };
            link::save(conn, &stored, &link, now)?;
            observed::save(conn, &stored.id, &observed, now)?;
            memberships(conn, &predecessor, &stored, now)?;
            released(conn, &stored, now)?;
            Ok(Some((Some(link), observed)))
        })
        .await
}

/// Gives the memberships that a tombstone's account has to the user who takes it over.
fn memberships(
    conn: &mut Conn,
    tombstone: &str,
    heir: &Stored,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), DbError> {
    for group in member::inherit(conn, tombstone, &heir.id)? {
        outbox::enqueue(conn, &heir.tenant, Kind::Group, &group, now)?;
    }
    Ok(())
}

/// Wakes what waited for this user to have an account, and those who may know it as a manager by an older account.
fn released(conn: &mut Conn, stored: &Stored, now: chrono::DateTime<chrono::Utc>) -> Result<(), DbError> {
    let groups = outbox::groups_waiting_for(conn, &stored.id)?;
    outbox::release(conn, &groups, now + SETTLE)?;
    let reports = shadow::query::reports_of(conn, stored)?;
    outbox::wake(conn, &reports, now)?;
    Ok(())
}

impl<'a> Delivery<'a> {
    fn of(attempt: &'a Attempt, loaded: Loaded, creating: Option<Record>) -> Self {
        let (mut notes, mut waits_for) = (Vec::new(), None);
        let wish = if loaded.stored.deleted.is_some() {
            UserWish::Gone
        } else {
            let mut mapped = mapping::record(&loaded.stored.document);
            notes.append(&mut mapped.notes);
            match loaded.manager {
                Manager::None => mapped.record.set("ManagerId", serde_json::Value::Null),
                Manager::Account(id) => mapped.record.set("ManagerId", id),
                Manager::Waiting(id) => waits_for = Some(format!("waits for the account of the manager, user {id}")),
                Manager::Unknown(id) => notes.push(format!("manager \"{id}\" is no user here and was not sent")),
            }
            UserWish::Account(mapped.record)
        };
        let seen = UserSeen {
            account: loaded.link.map(|link| link.salesforce_id),
            record: loaded.observed.record,
            unsure: loaded.observed.unsure,
            perhaps_created: creating.is_some(),
        };
        Self { attempt, stored: loaded.stored, wish, seen, creating, notes, waits_for }
    }

    /// The username of the account that this delivery would touch, if it is protected.
    fn protected(&self) -> Option<String> {
        let wished = match &self.wish {
            UserWish::Account(record) => record.text("Username"),
            UserWish::Gone => None,
        };
        let names = [wished, self.seen.record.text("Username")];
        names.into_iter().flatten().find(|name| self.attempt.shared.org.protects(name)).map(str::to_owned)
    }

    async fn run(&mut self) -> Result<Outcome, Abandoned> {
        let attempt = self.attempt;
        let client = &attempt.shared.org.client;
        // A refusal that another account may explain; if none does, it stands.
        let mut refusal: Option<salesforce::Error> = None;
        let mut lost = false;
        for _ in 0..STEPS {
            let Some(step) = plan::user(&self.wish, &self.seen) else {
                return Ok(match self.waits_for.take() {
                    Some(reason) => attempt.held(reason),
                    None => Attempt::delivered(&self.notes),
                });
            };
            match step {
                UserStep::Look => match self.look().await {
                    // Somebody who came back under the name has it by now: nothing is left to deactivate.
                    Ok(Look::NotOurs(_) | Look::NotYet(_)) if self.wish == UserWish::Gone => {
                        self.known_not_created().await?;
                    }
                    Ok(Look::Found(account, how)) => {
                        if !self.adopt(*account, how).await? {
                            return Ok(attempt.after_another(UNDER_WAY.to_owned()));
                        }
                    }
                    Ok(Look::NotYet(reason)) => {
                        self.known_not_created().await?;
                        return Ok(attempt.after_another(reason));
                    }
                    Ok(Look::NotOurs(reason)) => {
                        self.known_not_created().await?;
                        return Ok(Attempt::rejected(reason, refusal.map(|e| e.salesforce_text().to_owned())));
                    }
                    Ok(Look::Absent) => {
                        self.known_not_created().await?;
                        if let Some(error) = refusal {
                            return Ok(attempt.taken_by_nobody(&error));
                        }
                    }
                    Err(LookFailed::Salesforce(error)) => return Ok(attempt.failed(&error)),
                    Err(LookFailed::Abandoned(reason)) => return Err(reason),
                },
                UserStep::Create(record) => {
                    let profile = match attempt.shared.org.profile_id(attempt.now(), || attempt.called()).await {
                        Ok(id) => id,
                        Err(NoProfile::Missing(reason)) => return Ok(attempt.held(reason)),
                        Err(NoProfile::Failed(error)) => return Ok(attempt.failed(&error)),
                    };
                    self.about_to_create(&record).await?;
                    attempt.called();
                    match client.create_user(&record, &profile).await {
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
                            if matches!(error.cause(), Some(Cause::InvalidProfile | Cause::MissingProfile)) {
                                attempt.shared.org.forget_profile().await;
                            }
                            if !error.may_have_changed_something() {
                                self.known_not_created().await?;
                            }
                            return Ok(attempt.failed(&error));
                        }
                    }
                }
                UserStep::Update(id, changes) => {
                    let unsure = self.about_to_update(&changes).await?;
                    attempt.called();
                    match client.update_user(&id, &changes).await {
                        Ok(update) => self.updated(&changes, update.echoed).await?,
                        Err(salesforce::Error::Gone { .. }) => self.vanished().await?,
                        Err(error) => {
                            if !error.may_have_changed_something() {
                                self.seen.unsure = unsure;
                                self.save_observed().await?;
                            }
                            return self.not_updated(&changes, &error).await;
                        }
                    }
                }
            }
        }
        let words = "the account keeps changing under the delivery; it is tried again later";
        Ok(attempt.failed(&salesforce::Error::Lost(words.into())))
    }

    /// Notes what a create carries before it is sent: whatever happens to us or to the answer, the account can be found
    /// by it, even if the person is renamed or deleted meanwhile.
    async fn about_to_create(&mut self, record: &Record) -> Result<(), Abandoned> {
        let text = serde_json::to_string(record).unwrap_or_default();
        self.creating = Some(record.clone());
        self.attempt.note(move |conn, claim| outbox::creating(conn, &claim.resource, Some(&text))).await
    }

    async fn known_not_created(&mut self) -> Result<(), Abandoned> {
        self.seen.perhaps_created = false;
        self.creating = None;
        self.attempt.note(|conn, claim| outbox::creating(conn, &claim.resource, None)).await
    }

    async fn created(&mut self, account: Account, sent: Record) -> Result<(), Abandoned> {
        self.notes.extend(account.notes);
        self.linked(account.id, How::Created, sent).await.map(drop)
    }

    /// Takes an account for this person's. `false`: a delivery that is under way may still change it.
    async fn adopt(&mut self, account: Account, how: How) -> Result<bool, Abandoned> {
        let record = match &self.wish {
            UserWish::Account(wish) => plan::adopted(wish, &self.creating.clone().unwrap_or_default(), &account.record),
            UserWish::Gone => Record::new().with("IsActive", account.is_active()),
        };
        self.linked(account.id, how, record).await
    }

    async fn linked(&mut self, salesforce_id: String, how: How, record: Record) -> Result<bool, Abandoned> {
        let seen = UserSeen {
            account: Some(salesforce_id.clone()),
            record: record.clone(),
            unsure: Record::new(),
            perhaps_created: false,
        };
        let (stored, now) = (self.stored.clone(), self.attempt.now());
        let (link, observed) = (Link { salesforce_id, how }, ObservedUser { record, unsure: Record::new() });
        let linked = self
            .attempt
            .note(move |conn, claim| {
                let owner = link::owner(conn, &stored.tenant, Kind::User, &link.salesforce_id)?;
                if let Some((tombstone, true)) = owner.filter(|(owner, _)| *owner != stored.id) {
                    shadow::guard(conn, &tombstone)?;
                    if outbox::is_under_way(conn, &tombstone)? {
                        return Ok(false);
                    }
                    memberships(conn, &tombstone, &stored, now)?;
                }
                link::save(conn, &stored, &link, now)?;
                observed::save(conn, &stored.id, &observed, now)?;
                outbox::creating(conn, &claim.resource, None)?;
                released(conn, &stored, now)?;
                Ok(true)
            })
            .await?;
        if linked {
            (self.seen, self.creating) = (seen, None);
        }
        Ok(linked)
    }

    async fn updated(&mut self, changes: &Record, echoed: Option<Account>) -> Result<(), Abandoned> {
        self.seen.record.apply(changes);
        for (field, _) in changes.iter() {
            self.seen.unsure.unset(field);
        }
        let waits = match (changes.text("Email"), echoed.as_ref().and_then(|a| a.record.text("Email"))) {
            (Some(new), Some(shown)) => !new.eq_ignore_ascii_case(shown),
            _ => false,
        };
        if waits {
            self.notes.push("the new e-mail address waits for the person's confirmation in Salesforce".into());
        }
        self.save_observed().await
    }

    /// Notes what an update carries before it is sent, and answers what was unsure before.
    async fn about_to_update(&mut self, changes: &Record) -> Result<Record, Abandoned> {
        let before = self.seen.unsure.clone();
        self.seen.unsure.apply(changes);
        self.save_observed().await?;
        Ok(before)
    }

    async fn save_observed(&self) -> Result<(), Abandoned> {
        let (id, now) = (self.stored.id.clone(), self.attempt.now());
        let observed = ObservedUser { record: self.seen.record.clone(), unsure: self.seen.unsure.clone() };
        self.attempt.note(move |conn, _| observed::save(conn, &id, &observed, now)).await
    }

    /// The account is no longer in the org (it was refreshed, or is another one): begin anew.
    async fn vanished(&mut self) -> Result<(), Abandoned> {
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
