//! What the guard holds back of a user's delivery: a loss that too many people have, and what is sensitive, until a person
//! agrees. The rest of the delivery goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::attempt::Abandoned;
use crate::delivery::catalogue::Meaning;
use crate::delivery::guard::{self, Act, Limits, words_of_span};
use crate::delivery::outbox::Outcome;
use crate::delivery::plan::{UserStep, UserWish};
use crate::entitlement::{Grant, Kind};
use crate::salesforce::{self, Change, Record};

use super::Delivery;
use super::entitled::{PROFILE, ROLE};

/// What the guard says of a step.
pub(super) enum Guarded {
    /// It is made.
    Goes,
    /// Something of it is held back: the plan is made anew.
    Another,
    /// The delivery ends here.
    Ends(Outcome),
}

/// What the guard did during a delivery.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether there is something about the person in the guard's table.
    is_watched: bool,
    /// What was asked for and may be done.
    passed: BTreeSet<Act>,
    /// What must wait, and what is told of it.
    held: BTreeMap<Act, String>,
    /// What was done, to be noted with what is observed.
    pub(super) done: BTreeSet<Act>,
}

impl Watch {
    /// `is_watched`: whether there is something about the person in the guard's table.
    pub(super) fn new(is_watched: bool) -> Self {
        Self { is_watched, ..Self::default() }
    }

    /// Fields that must stay as they are.
    pub(super) fn held_fields(&self) -> impl Iterator<Item = &'static str> {
        self.held.keys().filter_map(Act::grant).filter_map(|grant| field_of(grant.kind))
    }

    /// Notes that the account was deactivated: also where an earlier try was let pass, and began.
    pub(super) fn note_left(&mut self) {
        if self.is_watched {
            self.passed.remove(&Act::Leave);
            self.done.insert(Act::Leave);
        }
    }

    /// Notes that something was done, where the guard was asked for it.
    pub(super) fn note_done(&mut self, act: Act) {
        if self.passed.remove(&act) {
            self.done.insert(act);
        }
    }
}

fn field_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Profile => Some(PROFILE),
        Kind::Role => Some(ROLE),
        _ => None,
    }
}

impl Delivery<'_> {
    /// Asks whether a step may be made.
    pub(super) async fn guard(&mut self, step: &UserStep) -> Result<Guarded, Abandoned> {
        let acts: Vec<Act> = self.acts(step).into_iter().filter(|act| !self.watch.passed.contains(act)).collect();
        let mut asked = Vec::new();
        for act in acts {
            match &act {
                Act::Lose(_) | Act::Leave => asked.push(act),
                Act::Gain(grant) => match self.is_sensitive(grant).await {
                    Ok(true) => asked.push(act),
                    Ok(false) => {}
                    Err(error) => return Ok(Guarded::Ends(self.attempt.failed(&error))),
                },
            }
        }
        if asked.is_empty() {
            return Ok(Guarded::Goes);
        }
        let held = self.ask(&asked).await?;
        self.watch.passed.extend(asked.into_iter().filter(|act| !held.contains(act)));
        if held.is_empty() {
            return Ok(Guarded::Goes);
        }
        for act in held {
            let words = self.words_of_held(&act);
            if let Some(grant) = act.grant().filter(|grant| field_of(grant.kind).is_none()) {
                self.seen.refused.insert(grant.clone());
            }
            self.watch.held.insert(act, words);
        }
        self.withhold();
        let needs_profile = matches!(step, UserStep::Create(..))
            && self.watch.held.keys().filter_map(Act::grant).any(|grant| grant.kind == Kind::Profile);
        let ends = needs_profile || self.watch.held.contains_key(&Act::Leave);
        Ok(if ends { Guarded::Ends(self.held_back()) } else { Guarded::Another })
    }

    /// Takes the fields out of the wish that must stay as they are.
    pub(super) fn withhold(&mut self) {
        let UserWish::Account(wish) = &mut self.wish else { return };
        for field in self.watch.held_fields() {
            wish.record.unset(field);
            wish.on_create.unset(field);
        }
    }

    /// What is done to the person by a step. Whoever leaves loses what they had in any case.
    fn acts(&self, step: &UserStep) -> Vec<Act> {
        if self.is_leaver() {
            let leaves = !matches!(step, UserStep::Look | UserStep::Create(..)) && self.is_to_leave();
            return if leaves { vec![Act::Leave] } else { Vec::new() };
        }
        match step {
            UserStep::Create(record, _) | UserStep::Update(_, record) => self.acts_of_fields(record),
            UserStep::Grants(_, changes) => changes.iter().map(act_of).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the account is active and nothing was done yet to end that: what was begun goes on.
    fn is_to_leave(&self) -> bool {
        let observed = &self.seen.observed;
        let is_active = observed.record.get("IsActive").and_then(serde_json::Value::as_bool) != Some(false);
        is_active && !observed.frozen && !observed.freezing && !observed.grants.leaving
    }

    /// What is lost and gained with these fields: what a rule gave, and what the account is to have instead.
    pub(super) fn acts_of_fields(&self, fields: &Record) -> Vec<Act> {
        let mut acts = Vec::new();
        for (kind, field) in [(Kind::Profile, PROFILE), (Kind::Role, ROLE)] {
            if !fields.mentions(field) {
                continue;
            }
            let new = fields.text(field);
            acts.extend(new.map(|id| Act::Gain(Grant::new(kind, id))));
            let lost = self.seen.observed.grants.given_of(kind).filter(|old| Some(*old) != new);
            acts.extend(lost.map(|id| Act::Lose(Grant::new(kind, id))));
        }
        acts
    }

    async fn is_sensitive(&self, gained: &Grant) -> Result<bool, salesforce::Error> {
        let (org, attempt) = (&self.attempt.shared.org, self.attempt);
        let sensitive = org.entitlements.guard.sensitive.iter().filter(|one| one.kind == gained.kind);
        for one in sensitive {
            let asking = || attempt.called();
            let meaning = org.catalogue.meaning(org, one, attempt.now(), &asking).await?;
            if matches!(meaning, Meaning::Id(id) if id == gained.id) {
                return Ok(true);
            }
            // A name that several have means none of them; what is sensitive is each.
            if org.catalogue.goes_by(gained, &one.name).await {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn ask(&mut self, acts: &[Act]) -> Result<BTreeSet<Act>, Abandoned> {
        let (attempt, org) = (self.attempt, &self.attempt.shared.org);
        let (guard, now) = (org.entitlements.guard.clone(), attempt.now());
        self.watch.is_watched = true;
        let mut had = BTreeMap::new();
        for act in acts {
            // Where it is done to few, nobody needs to know how many there are.
            if let Some(limits) = guard.limits(act)
                && self.is_done_to_many(act, limits).await?
            {
                let counted = org.counted.had(&attempt.shared.db, &org.tenant, act, limits, now).await?;
                had.insert(act.clone(), counted);
            }
        }
        let acts = acts.to_vec();
        let tenant = org.tenant.clone();
        attempt.note(move |conn, claim| guard::ask(conn, (&tenant, &claim.resource), &acts, &guard, &had, now)).await
    }

    async fn is_done_to_many(&self, act: &Act, limits: Limits) -> Result<bool, Abandoned> {
        let (attempt, tenant, act) = (self.attempt, self.attempt.shared.org.tenant.clone(), act.clone());
        let now = attempt.now();
        let over = move |conn: &mut crate::db::Conn| guard::over(conn, &tenant, &act, &limits, 1, now);
        Ok(attempt.shared.db.read(over).await?)
    }

    fn words_of_held(&self, act: &Act) -> String {
        let (org, id) = (&self.attempt.shared.org, &self.stored.id);
        let guard = &org.entitlements.guard;
        let agree = format!("scim-bridge deliveries release {id} agrees");
        match act {
            Act::Gain(grant) => {
                format!(
                    "{} is sensitive (tenant.{}.guard.sensitive) and was not given: {agree}",
                    self.called(grant),
                    org.tenant
                )
            }
            Act::Lose(grant) => format!(
                "{} was not taken away: more than {} people and {} % of those who had it would lose it within {} \
                 (tenant.{}.guard); {agree}, for all of them --guarded",
                self.called(grant),
                guard.losses.people,
                guard.losses.percent,
                words_of_span(guard.losses.window),
                org.tenant
            ),
            Act::Leave => format!(
                "the account was not deactivated: more than {} people and {} % of those who have an active one would be \
                 deactivated within {} (tenant.{}.guard); {agree}, for all of them --guarded",
                guard.deactivations.people,
                guard.deactivations.percent,
                words_of_span(guard.deactivations.window),
                org.tenant
            ),
        }
    }

    /// What a grant is called: by the rules that give it now, or by what was decided before.
    pub(super) fn called(&self, grant: &Grant) -> String {
        let entitled = self.entitled.as_ref();
        let now = entitled.into_iter().flat_map(|entitled| &entitled.decided);
        let mut known = now.chain(&self.seen.observed.grants.decided);
        let known = known.find(|decided| decided.entitlement.kind == grant.kind && decided.id == grant.id);
        known.map_or_else(|| format!("{} {}", grant.kind.words(), grant.id), |decided| decided.entitlement.to_string())
    }

    /// What must wait, in words.
    pub(super) fn words_of_all_held(&self) -> impl Iterator<Item = String> {
        self.watch.held.values().cloned()
    }

    /// The outcome where only a person's word is waited for: nothing is asked of Salesforce before.
    pub(super) fn held_back(&self) -> Outcome {
        let words: Vec<String> = self.words_of_all_held().collect();
        Outcome { due: None, ..self.attempt.held(words.join("; ")) }
    }

    /// Forgets what is no longer to be done to the person. `all`: everything is as asked; else what a person agreed to may
    /// be done yet, and so may what was let pass and could not be done.
    pub(super) async fn settle_guard(&mut self, all: bool) -> Result<(), Abandoned> {
        if !self.watch.is_watched {
            return Ok(());
        }
        let passed = self.watch.passed.iter().filter(|_| !all);
        let kept: BTreeSet<Act> = self.watch.held.keys().chain(passed).cloned().collect();
        let (guard, now) = (self.attempt.shared.org.entitlements.guard.clone(), self.attempt.now());
        self.attempt.note(move |conn, claim| guard::forget(conn, &claim.resource, (&kept, all), &guard, now)).await
    }
}

/// What a change does to a person.
pub(super) fn act_of(change: &Change) -> Act {
    match change {
        Change::Give(grant) => Act::Gain(grant.clone()),
        Change::Take(held) => Act::Lose(held.grant.clone()),
    }
}
