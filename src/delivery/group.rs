//! Delivering a mirrored group: its name, and the members that are asked for.

use crate::db::{Conn, Error as DbError};
use crate::salesforce::{self, Disposition};
use crate::shadow::link::{self, How, Link};
use crate::shadow::member::{self, Difference};
use crate::shadow::{self, Kind, Stored, observed};

use super::attempt::{Abandoned, Attempt};
use super::outbox::{self, Outcome};
use super::plan::{self, GroupSeen, GroupStep, GroupWish, ObservedGroup};

/// Steps of one try at most; a larger group goes on in the next, which is due at once.
const STEPS: usize = 100;

struct Loaded {
    stored: Stored,
    link: Option<Link>,
    name: Option<String>,
    differences: Vec<Difference>,
}

fn load(conn: &mut Conn, id: &str) -> Result<Option<Loaded>, DbError> {
    let Some(stored) = shadow::any(conn, id)? else { return Ok(None) };
    Ok(Some(Loaded {
        link: link::find(conn, id)?,
        name: observed::find::<ObservedGroup>(conn, id)?.unwrap_or_default().name,
        differences: member::differences(conn, id)?,
        stored,
    }))
}

/// A delivery under way.
struct Delivery<'a> {
    attempt: &'a Attempt,
    stored: Stored,
    wish: GroupWish,
    seen: GroupSeen,
    /// Members that have no account yet.
    waiting: usize,
    /// Members of whom nobody knows whether Salesforce has them.
    unsure: Vec<(String, String)>,
    /// Whether the members were read after Salesforce refused a change of them.
    compared: bool,
}

/// Brings a public group to what was asked.
pub(super) async fn deliver(attempt: &Attempt) -> Result<Outcome, Abandoned> {
    let id = attempt.claim.resource.clone();
    let Some(loaded) = attempt.shared.db.read(move |conn| load(conn, &id)).await? else {
        return Ok(Attempt::rejected("the resource is no longer in the database".into(), None));
    };
    let org = &attempt.shared.org;
    let name = loaded.stored.text("displayName").unwrap_or_default().to_owned();
    let wish = if loaded.stored.deleted.is_some() {
        GroupWish::Gone
    } else if org.mirror.is_match(&name) {
        GroupWish::Mirrored { name, create: org.create_groups }
    } else {
        GroupWish::Released
    };
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
        waiting: 0,
        unsure: Vec::new(),
        compared: false,
    };
    delivery.sort(loaded.differences);
    delivery.run().await
}

impl Delivery<'_> {
    /// Sorts the differences into what can be sent and what must wait for an account.
    fn sort(&mut self, differences: Vec<Difference>) {
        (self.seen.to_add, self.seen.to_remove, self.waiting) = (Vec::new(), Vec::new(), 0);
        self.unsure.clear();
        for difference in differences {
            let Some(id) = difference.salesforce_id else {
                // A group that is not mirrored never gets an id: nothing to wait for.
                self.waiting += usize::from(difference.wanted && difference.kind == Kind::User);
                continue;
            };
            let member = (difference.member, id);
            if difference.unsure {
                self.unsure.push(member.clone());
            }
            match (difference.wanted, difference.observed) {
                (true, false) => self.seen.to_add.push(member),
                (false, true) => self.seen.to_remove.push(member),
                _ => {}
            }
        }
        self.seen.unsure = !self.unsure.is_empty();
    }

    async fn reload(&mut self) -> Result<(), Abandoned> {
        let id = self.stored.id.clone();
        let differences = self.attempt.shared.db.read(move |conn| member::differences(conn, &id)).await?;
        self.sort(differences);
        Ok(())
    }

    async fn run(&mut self) -> Result<Outcome, Abandoned> {
        let attempt = self.attempt;
        let client = &attempt.shared.org.client;
        for _ in 0..STEPS {
            let Some(step) = plan::group(&self.wish, &self.seen) else {
                return Ok(self.done());
            };
            attempt.called();
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
                GroupStep::Create(name) => {
                    let carried = name.clone();
                    attempt.note(move |conn, claim| outbox::creating(conn, &claim.resource, Some(&carried))).await?;
                    match client.create_group(&name).await {
                        Ok(group) => {
                            self.linked(group.id, How::Created, name).await?;
                            None
                        }
                        Err(error) => {
                            if !error.may_have_changed_something() {
                                attempt.note(|conn, claim| outbox::creating(conn, &claim.resource, None)).await?;
                            }
                            Some(error)
                        }
                    }
                }
                GroupStep::Rename(id, name) => {
                    let before = self.seen.name.clone();
                    self.named(None).await?;
                    match client.rename_group(&id, &name).await {
                        Ok(()) => {
                            self.named(Some(name)).await?;
                            None
                        }
                        Err(error) => {
                            if !error.may_have_changed_something() {
                                self.named(before).await?;
                            }
                            Some(error)
                        }
                    }
                }
                GroupStep::Compare(id) => self.compare(&id).await?.err(),
                GroupStep::Delete(id) => match client.delete_group(&id).await {
                    Ok(()) => {
                        self.vanished().await?;
                        None
                    }
                    Err(error) => Some(error),
                },
                GroupStep::Members { group, add, remove } => {
                    let ids = |list: &[(String, String)]| list.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>();
                    self.sending(&add, &remove, true).await?;
                    match client.change_members(&group, &ids(&add), &ids(&remove)).await {
                        Ok(()) => {
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
                            Some(error)
                        }
                    }
                }
            };
            match failed {
                None => {}
                Some(salesforce::Error::Gone { .. }) => self.vanished().await?,
                Some(error) => return Ok(attempt.failed(&error)),
            }
        }
        let due = Some(attempt.now());
        let reason = Some("more members follow".to_owned());
        Ok(Outcome { due, reason, state: super::State::Pending, failed: false, error: None })
    }

    fn done(&self) -> Outcome {
        self.attempt.shared.circuit.success();
        match (&self.wish, self.waiting) {
            (GroupWish::Released, _) => Attempt::delivered(&["not mirrored".to_owned()]),
            (GroupWish::Mirrored { .. }, 1) => self.attempt.held("waits for the account of one member".into()),
            (GroupWish::Mirrored { .. }, n) if n > 1 => {
                self.attempt.held(format!("waits for the accounts of {n} members"))
            }
            _ => Attempt::delivered(&[]),
        }
    }

    /// Looks for a group of this name that nobody else is linked to. `Ok(Some(reason))`: a person has to say which.
    async fn look(&mut self, name: &str) -> Result<Result<Option<String>, salesforce::Error>, Abandoned> {
        let found = match self.attempt.shared.org.client.find_groups(name).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let mut free = Vec::new();
        for group in found {
            let (tenant, id, own) = (self.stored.tenant.clone(), group.id.clone(), self.stored.id.clone());
            let owner = self.attempt.shared.db.read(move |conn| link::owner(conn, &tenant, Kind::Group, &id)).await?;
            if !matches!(owner, Some((other, false)) if other != own) {
                free.push(group);
            }
        }
        match free.as_slice() {
            [] if self.seen.perhaps_created.take().is_some() => {
                self.attempt.note(|conn, claim| outbox::creating(conn, &claim.resource, None)).await?;
            }
            [] => self.seen.absent = true,
            [group] => {
                // A group of this name would have been taken before one was created: this one is what we created.
                let how = if self.seen.perhaps_created.take().is_some() { How::Created } else { How::Name };
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
                member::forget_group(conn, &id)
            })
            .await?;
        self.reload().await
    }

    async fn confirmed(
        &mut self,
        added: Vec<(String, String)>,
        removed: Vec<(String, String)>,
    ) -> Result<(), Abandoned> {
        self.seen.to_add.retain(|member| !added.contains(member));
        self.seen.to_remove.retain(|member| !removed.contains(member));
        let id = self.stored.id.clone();
        let ours = |list: Vec<(String, String)>| list.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let (added, removed) = (ours(added), ours(removed));
        self.attempt
            .note(move |conn, _| {
                member::confirm(conn, &id, &added, true)?;
                member::confirm(conn, &id, &removed, false)
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
