//! Delivering a mirrored group: its name, and the members that are asked for.

mod guarded;

use chrono::{DateTime, Utc};
use globset::GlobSet;

use crate::db::{Conn, Error as DbError};
use crate::salesforce::{self, Cause, Disposition};
use crate::shadow::link::{self, How, Link};
use crate::shadow::member::{self, Difference};
use crate::shadow::nested::{self, Nested};
use crate::shadow::{self, Kind, Stored, observed};

use super::attempt::{Abandoned, Attempt};
use super::guard;
use super::mirror::NOT_MIRRORED;
use super::outbox::{self, Outcome};
use super::plan::{self, GroupSeen, GroupStep, GroupWish, MEMBERS_A_CALL, ObservedGroup};
use super::refused;
use super::state::State;

/// What is told of the deletion of a group that was held, and whose name another group has now.
const TAKEN_OVER: &str = "another group of this name was made meanwhile, and has the public group";

/// Steps of one try at most; a larger group goes on in the next, which is due at once.
const STEPS: usize = 100;

/// Members found to be refused in one try at most.
const REFUSED: usize = 20;

/// Memberships in memory at once: what that many steps can send.
const MEMORY: i64 = 20_000;

struct Loaded {
    stored: Stored,
    link: Option<Link>,
    name: Option<String>,
    /// Whether the guard watches something about it.
    is_watched: bool,
}

fn load(conn: &mut Conn, id: &str) -> Result<Option<Loaded>, DbError> {
    let Some(stored) = shadow::any(conn, id)? else { return Ok(None) };
    Ok(Some(Loaded {
        link: link::find(conn, id)?,
        name: observed::find::<ObservedGroup>(conn, id)?.unwrap_or_default().name,
        is_watched: guard::is_watched(conn, id)?,
        stored,
    }))
}

/// Whether no deleted group of this name is in the way, whose public group is still to be deleted, or left: were it taken over
/// meanwhile, its own delivery would delete it all the same. One whose deletion waits for something gives way.
fn predecessor_gives_way(conn: &mut Conn, stored: &Stored, now: DateTime<Utc>) -> Result<bool, DbError> {
    let Some(predecessor) = shadow::predecessor(conn, stored)?.filter(|_| stored.deleted.is_none()) else {
        return Ok(true);
    };
    let delivery = outbox::of(conn, std::slice::from_ref(&predecessor))?.remove(&predecessor);
    match delivery.map(|delivery| delivery.state) {
        // It is not to be deleted any more: whoever has to agree to that has nothing to agree to.
        Some(State::Held) => {
            guard::drop_all(conn, &predecessor)?;
            outbox::give_up(conn, &predecessor, TAKEN_OVER, now)?;
            Ok(true)
        }
        // What Salesforce refuses to delete is there to be taken over.
        None | Some(State::Rejected | State::Delivered) => Ok(true),
        Some(_) => Ok(false),
    }
}

/// Whether the refusal of a change of members can be about one of them alone.
fn is_about_a_member(error: &salesforce::Error) -> bool {
    let about_all = matches!(error.cause(), None | Some(Cause::NoAccess | Cause::NoSuchField | Cause::Malformed));
    !about_all && (error.disposition() == Disposition::Reject || error.cause() == Some(Cause::MembershipMismatch))
}

/// A delivery under way.
struct Delivery<'a> {
    attempt: &'a Attempt,
    stored: Stored,
    wish: GroupWish,
    seen: GroupSeen,
    /// Members of whom nobody knows whether Salesforce has them.
    unsure: Vec<(String, String)>,
    /// Whether the members were read after Salesforce refused a change of them.
    compared: bool,
    /// Members whom Salesforce refused when they were sent alone.
    refused: Vec<(String, salesforce::Error)>,
    /// Whether the guard watches something about it.
    is_watched: bool,
    /// Why nobody is taken out of it, where the guard holds that back.
    kept: Option<String>,
}

/// What a group is to be.
fn wanted(stored: &Stored, mirror: &GlobSet, create: bool) -> GroupWish {
    let name = stored.text("displayName").unwrap_or_default().to_owned();
    if stored.deleted.is_some() {
        GroupWish::Gone
    } else if mirror.is_match(&name) {
        GroupWish::Mirrored { name, create }
    } else {
        GroupWish::Released
    }
}

/// The step that a delivery of the group would begin with. `creating`: the name that a create carried whose answer never
/// came.
pub(super) fn next(
    conn: &mut Conn,
    id: &str,
    (mirror, create, nested): (&GlobSet, bool, Nested),
    creating: Option<String>,
) -> Result<Option<GroupStep>, DbError> {
    let Some(loaded) = load(conn, id)? else { return Ok(None) };
    let wish = wanted(&loaded.stored, mirror, create);
    let differences = nested::differences(conn, id, matches!(wish, GroupWish::Mirrored { .. }), nested, MEMORY)?;
    let of = |wanted: bool, observed: bool| {
        let which = differences.iter().filter(move |one| one.wanted == wanted && one.observed == observed);
        which.map(|one| (one.member.clone(), one.salesforce_id.clone())).collect()
    };
    let seen = GroupSeen {
        group: loaded.link.map(|link| (link.salesforce_id, link.how == How::Created)),
        name: loaded.name,
        perhaps_created: creating,
        unsure: differences.iter().any(|one| one.unsure),
        to_add: of(true, false),
        to_remove: of(false, true),
        ..GroupSeen::default()
    };
    Ok(plan::group(&wish, &seen))
}

/// Brings a public group to what was asked.
pub(super) async fn deliver(attempt: &Attempt) -> Result<Outcome, Abandoned> {
    let id = attempt.claim.resource.clone();
    let Some(loaded) = attempt.shared.db.read(move |conn| load(conn, &id)).await? else {
        return Ok(Attempt::rejected("the resource is no longer in the database".into(), None));
    };
    let org = &attempt.shared.org;
    let wish = wanted(&loaded.stored, &org.mirror, org.create_groups);
    let mut delivery = Delivery {
        attempt,
        stored: loaded.stored,
        wish,
        seen: GroupSeen {
            group: loaded.link.map(|link| (link.salesforce_id, link.how == How::Created)),
            name: loaded.name,
            perhaps_created: attempt.claim.creating.clone(),
            ..GroupSeen::default()
        },
        unsure: Vec::new(),
        compared: false,
        refused: Vec::new(),
        is_watched: loaded.is_watched,
        kept: None,
    };
    delivery.reload().await?;
    delivery.run().await
}

impl Delivery<'_> {
    /// Sorts the differences into what is to be read, added and removed.
    fn sort(&mut self, differences: Vec<Difference>) {
        (self.seen.to_add, self.seen.to_remove) = (Vec::new(), Vec::new());
        self.unsure.clear();
        for difference in differences {
            if self.refused.iter().any(|(member, _)| *member == difference.member) {
                continue;
            }
            let member = (difference.member, difference.salesforce_id);
            if difference.unsure {
                self.unsure.push(member.clone());
            }
            match (difference.wanted, difference.observed) {
                (true, false) => self.seen.to_add.push(member),
                (false, true) if self.kept.is_none() => self.seen.to_remove.push(member),
                _ => {}
            }
        }
        self.seen.unsure = !self.unsure.is_empty();
    }

    async fn reload(&mut self) -> Result<(), Abandoned> {
        let (id, mirrored) = (self.stored.id.clone(), matches!(self.wish, GroupWish::Mirrored { .. }));
        let nested = self.attempt.shared.org.nested;
        let read = move |conn: &mut Conn| nested::differences(conn, &id, mirrored, nested, MEMORY);
        let differences = self.attempt.shared.db.read(read).await?;
        self.sort(differences);
        Ok(())
    }

    async fn run(&mut self) -> Result<Outcome, Abandoned> {
        let attempt = self.attempt;
        let client = &attempt.shared.org.client;
        for _ in 0..STEPS {
            let Some(step) = plan::group(&self.wish, &self.seen) else {
                return self.done().await;
            };
            if !self.may_part(&step).await? {
                match self.wish {
                    GroupWish::Gone => return Ok(self.held_back()),
                    _ => continue,
                }
            }
            if !matches!(step, GroupStep::Missing(_) | GroupStep::Compare(_)) {
                attempt.called();
            }
            let failed = match step {
                GroupStep::Missing(name) => {
                    return Ok(
                        attempt.held(format!("the org has no public group named \"{name}\", and groups.create is off"))
                    );
                }
                GroupStep::Look(name) => match self.look(&name).await? {
                    Ok(None) => None,
                    Ok(Some(reason)) => return Ok(attempt.held(reason)),
                    Err(error) => Some(error),
                },
                GroupStep::Create(name) => self.create(name).await?,
                GroupStep::Rename(id, name) => self.rename(&id, name).await?,
                GroupStep::Compare(id) => self.compare(&id).await?.err(),
                GroupStep::Delete(id) => {
                    attempt.hold().await?;
                    // One that is gone is what was asked.
                    let deleted = client.delete_group(&id).await;
                    Some(deleted.err().unwrap_or(salesforce::Error::Gone { id, text: String::new() }))
                }
                GroupStep::Members { group, add, remove } => {
                    let ids = |list: &[(String, String)]| list.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>();
                    let _turn = attempt.shared.org.turns.take([group.as_str()]).await;
                    self.sending(&add, &remove, true).await?;
                    match client.change_members(&group, &ids(&add), &ids(&remove)).await {
                        Ok(()) => {
                            self.seen.at_most = self.seen.at_most.map(|most| (most * 2).min(MEMBERS_A_CALL));
                            self.confirmed(add, remove).await?;
                            None
                        }
                        // Somebody added or removed one by hand, or an answer was lost: see who is in, then plan anew.
                        Err(error)
                            if error.disposition() == Disposition::LookFirst
                                && !matches!(error, salesforce::Error::Gone { .. })
                                && !self.compared =>
                        {
                            self.compared = true;
                            self.reload().await?;
                            self.compare(&group).await?.err()
                        }
                        Err(error) => {
                            if !error.may_have_changed_something() {
                                self.sending(&add, &remove, false).await?;
                            }
                            if is_about_a_member(&error) { self.narrow(add, remove, &error) } else { Some(error) }
                        }
                    }
                }
            };
            match failed {
                None => {}
                Some(salesforce::Error::Gone { .. }) => self.vanished().await?,
                Some(error) if self.refused.len() >= REFUSED => return self.too_many(&error).await,
                Some(error) => return Ok(attempt.failed(&error)),
            }
        }
        let due = Some(attempt.now());
        let reason = Some("more members follow".to_owned());
        Ok(Outcome { due, reason, state: State::Pending, failed: false, rare: None, refused: None, error: None })
    }

    async fn create(&mut self, name: String) -> Result<Option<salesforce::Error>, Abandoned> {
        let (attempt, carried) = (self.attempt, name.clone());
        attempt.note(move |conn, claim| outbox::creating(conn, &claim.resource, Some(&carried))).await?;
        match attempt.shared.org.client.create_group(&name).await {
            Ok(group) => {
                self.linked(group.id, How::Created, name).await?;
                Ok(None)
            }
            Err(error) => {
                if !error.may_have_changed_something() {
                    attempt.note(|conn, claim| outbox::creating(conn, &claim.resource, None)).await?;
                }
                Ok(Some(error))
            }
        }
    }

    async fn rename(&mut self, id: &str, name: String) -> Result<Option<salesforce::Error>, Abandoned> {
        let before = self.seen.name.clone();
        self.named(None).await?;
        match self.attempt.shared.org.client.rename_group(id, &name).await {
            Ok(()) => {
                self.named(Some(name)).await?;
                Ok(None)
            }
            Err(error) => {
                if !error.may_have_changed_something() {
                    self.named(before).await?;
                }
                Ok(Some(error))
            }
        }
    }

    /// One member that Salesforce refuses fails the whole call: fewer go in the next, until it is found and left out.
    fn narrow(
        &mut self,
        add: Vec<(String, String)>,
        remove: Vec<(String, String)>,
        error: &salesforce::Error,
    ) -> Option<salesforce::Error> {
        let sent = add.len() + remove.len();
        match add.into_iter().chain(remove).next() {
            Some((member, _)) if sent == 1 => {
                self.seen.to_add.retain(|(id, _)| *id != member);
                self.seen.to_remove.retain(|(id, _)| *id != member);
                self.refused.push((member, error.clone()));
            }
            _ => self.seen.at_most = Some(sent.div_ceil(2)),
        }
        // So many at once are not each to blame, and each costs calls to find.
        (self.refused.len() >= REFUSED).then(|| error.clone())
    }

    /// So many members are refused that no others are tried.
    async fn too_many(&self, error: &salesforce::Error) -> Result<Outcome, Abandoned> {
        let outcome = self.attempt.failed(error);
        if outcome.state == State::Rejected { self.refused(false).await } else { Ok(outcome) }
    }

    /// Says who is refused, by the names that people know. `all`: whether everybody else is as asked.
    async fn refused(&self, all: bool) -> Result<Outcome, Abandoned> {
        let refused = self.refused.clone();
        let name = move |conn: &mut Conn| {
            let mut named = Vec::new();
            for (id, error) in refused {
                let stored = shadow::any(conn, &id)?;
                let name = stored.and_then(|stored| stored.text(stored.kind.key_attribute()).map(str::to_owned));
                named.push((name.unwrap_or(id), error));
            }
            Ok::<_, DbError>(named)
        };
        let (reason, words) = refused::told(&self.attempt.shared.db.read(name).await?, all);
        Ok(Attempt::rejected(reason, Some(words)))
    }

    async fn done(&mut self) -> Result<Outcome, Abandoned> {
        if !self.refused.is_empty() {
            if self.kept.is_none() {
                // What was agreed to is done, but for those.
                self.settle_guard().await?;
            }
            return self.refused(true).await;
        }
        if self.kept.is_some() {
            return Ok(self.held_back());
        }
        self.settle_guard().await?;
        let id = self.stored.id.clone();
        match self.wish {
            GroupWish::Released => return Ok(Attempt::delivered(&[NOT_MIRRORED.to_owned()])),
            GroupWish::Gone => self.buried().await?,
            GroupWish::Mirrored { .. } => {
                let nested = self.attempt.shared.org.nested;
                let read = move |conn: &mut Conn| nested::without_account(conn, &id, nested);
                let waiting = self.attempt.shared.db.read(read).await?;
                match waiting {
                    0 => {}
                    1 => return Ok(self.attempt.held("waits for the account of one member".into())),
                    n => return Ok(self.attempt.held(format!("waits for the accounts of {n} members"))),
                }
            }
        }
        Ok(Attempt::delivered(&[]))
    }

    /// A deleted group has nothing left in Salesforce that is its own. One of the same name may wait for that.
    async fn buried(&self) -> Result<(), Abandoned> {
        let (stored, now) = (self.stored.clone(), self.attempt.now());
        self.attempt
            .note(move |conn, _| {
                link::remove(conn, &stored.id)?;
                member::forget_group(conn, &stored.id)?;
                member::forget_member(conn, &stored.id)?;
                let heir = shadow::named_like(conn, &stored)?;
                outbox::release(conn, heir.as_slice(), now).map(drop)
            })
            .await
    }

    /// Looks for a group of this name that nobody else is linked to. `Ok(Some(reason))`: a person has to say which.
    async fn look(&mut self, name: &str) -> Result<Result<Option<String>, salesforce::Error>, Abandoned> {
        // Before the org is asked: what it answers could be deleted by the time that we know whose it is.
        let stored = self.stored.clone();
        let now = self.attempt.now();
        if !self.attempt.note(move |conn, _| predecessor_gives_way(conn, &stored, now)).await? {
            return Ok(Ok(Some("waits for the deletion of an earlier group of this name".into())));
        }
        let found = match self.attempt.shared.org.client.find_groups(name).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let mut free = Vec::new();
        for group in found {
            let (tenant, id, own) = (self.stored.tenant.clone(), group.id.clone(), self.stored.id.clone());
            let owner = self.attempt.shared.db.read(move |conn| link::owner(conn, &tenant, Kind::Group, &id)).await?;
            let (id, org) = (group.id.clone(), std::sync::Arc::clone(&self.attempt.shared.org));
            let elsewhere = move |conn: &mut Conn| link::owner_elsewhere(conn, &org.neighbours, Kind::Group, &id);
            let elsewhere = self.attempt.shared.db.read(elsewhere).await?.is_some();
            if !elsewhere && !matches!(owner, Some((other, false)) if other != own) {
                free.push(group);
            }
        }
        match free.as_slice() {
            [] if self.seen.perhaps_created.take().is_some() => {
                self.attempt.note(|conn, claim| outbox::creating(conn, &claim.resource, None)).await?;
            }
            [] => self.seen.absent = true,
            [group] => {
                // A group of this name would have been taken before one was created: this one is what we created. Or
                // what we created for a resource of the same name that was deleted since, before the answer came.
                let (tenant, sought) = (self.stored.tenant.clone(), name.to_owned());
                let ours = self.seen.perhaps_created.take().is_some()
                    || self
                        .attempt
                        .shared
                        .db
                        .read(move |conn| outbox::is_creating_group(conn, &tenant, &sought))
                        .await?;
                let how = if ours { How::Created } else { How::Name };
                self.linked(group.id.clone(), how, group.name.clone()).await?;
            }
            several => {
                let count = several.len();
                return Ok(Ok(Some(format!("the org has {count} public groups named \"{name}\""))));
            }
        }
        Ok(Ok(None))
    }

    async fn linked(&mut self, salesforce_id: String, how: How, name: String) -> Result<(), Abandoned> {
        self.seen.group = Some((salesforce_id.clone(), how == How::Created));
        self.seen.name = Some(name.clone());
        let (stored, now) = (self.stored.clone(), self.attempt.now());
        let (link, observed) = (Link { salesforce_id, how }, ObservedGroup { name: Some(name) });
        self.attempt
            .note(move |conn, claim| {
                link::save(conn, &stored, &link, now)?;
                observed::save(conn, &stored.id, &observed, now)?;
                outbox::creating(conn, &claim.resource, None)?;
                // Groups that have this one as a member.
                let groups = outbox::groups_waiting_for(conn, &stored.id)?;
                for group in &groups {
                    outbox::enqueue(conn, &stored.tenant, Kind::Group, group, now)?;
                }
                Ok(())
            })
            .await
    }

    async fn named(&mut self, name: Option<String>) -> Result<(), Abandoned> {
        self.seen.name.clone_from(&name);
        let (id, now, observed) = (self.stored.id.clone(), self.attempt.now(), ObservedGroup { name });
        self.attempt.note(move |conn, _| observed::save(conn, &id, &observed, now)).await
    }

    /// The public group is no longer there.
    async fn vanished(&mut self) -> Result<(), Abandoned> {
        self.seen = GroupSeen::default();
        let id = self.stored.id.clone();
        self.attempt
            .note(move |conn, _| {
                link::remove(conn, &id)?;
                member::forget_group(conn, &id)?;
                // Groups that have it as a member have it no more, and shall have the next.
                member::forget_member(conn, &id).map(drop)
            })
            .await?;
        self.reload().await
    }

    async fn confirmed(
        &mut self,
        added: Vec<(String, String)>,
        removed: Vec<(String, String)>,
    ) -> Result<(), Abandoned> {
        let parted = self.parted(removed.iter().filter(|member| self.seen.to_remove.contains(member)).count());
        self.seen.to_add.retain(|member| !added.contains(member));
        self.seen.to_remove.retain(|member| !removed.contains(member));
        let id = self.stored.id.clone();
        let ours = |list: Vec<(String, String)>| list.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let (added, removed) = (ours(added), ours(removed));
        self.attempt
            .note(move |conn, _| {
                member::confirm(conn, &id, &added, true)?;
                member::confirm(conn, &id, &removed, false)?;
                parted(conn)
            })
            .await
    }

    /// Notes that a change of members is about to be sent, or (`false`) that it is known to have changed nothing.
    async fn sending(
        &self,
        add: &[(String, String)],
        remove: &[(String, String)],
        sent: bool,
    ) -> Result<(), Abandoned> {
        let id = self.stored.id.clone();
        let members: Vec<String> = add.iter().chain(remove).map(|(member, _)| member.clone()).collect();
        self.attempt.note(move |conn, _| member::sending(conn, &id, &members, sent)).await
    }

    /// Reads who is in the group and confirms it for every member of whom it is in question.
    async fn compare(&mut self, group: &str) -> Result<Result<(), salesforce::Error>, Abandoned> {
        self.attempt.called();
        let present = match self.attempt.shared.org.client.group_members(group).await {
            Ok(present) => present,
            Err(error) => return Ok(Err(error)),
        };
        let is_in = |id: &str| present.iter().any(|p| salesforce::same_id(p, id));
        let asked = self.seen.to_add.iter().chain(&self.seen.to_remove).chain(&self.unsure).cloned();
        let (present, absent) = asked.partition(|(_, id)| is_in(id));
        self.confirmed(present, absent).await?;
        self.reload().await?;
        Ok(Ok(()))
    }
}
