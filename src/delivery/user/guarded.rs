//! What the guard holds back of a user's delivery: a loss that too many people have, and what is sensitive, until a person
//! agrees. The rest of the delivery goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::attempt::Abandoned;
use crate::delivery::catalogue::Meaning;
use crate::delivery::guard::{self, Act};
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
        self.held.keys().filter_map(|act| field_of(act.grant().kind))
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
                Act::Lose(_) => asked.push(act),
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
            if field_of(act.grant().kind).is_none() {
                self.seen.refused.insert(act.grant().clone());
            }
            self.watch.held.insert(act, words);
        }
        self.withhold();
        let needs_profile =
            matches!(step, UserStep::Create(..)) && self.watch.held.keys().any(|act| act.grant().kind == Kind::Profile);
        Ok(if needs_profile { Guarded::Ends(self.held_back()) } else { Guarded::Another })
    }

    /// Takes the fields out of the wish that must stay as they are.
    pub(super) fn withhold(&mut self) {
        let UserWish::Account(wish) = &mut self.wish else { return };
        for field in self.watch.held_fields() {
            wish.record.unset(field);
            wish.on_create.unset(field);
        }
    }

    /// What is to be lost and gained by a step. Whoever leaves loses what they had in any case.
    fn acts(&self, step: &UserStep) -> Vec<Act> {
        if self.is_leaver() {
            return Vec::new();
        }
        match step {
            UserStep::Create(record, _) | UserStep::Update(_, record) => self.acts_of_fields(record),
            UserStep::Grants(_, changes) => changes.iter().map(act_of).collect(),
            _ => Vec::new(),
        }
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
        }
        Ok(false)
    }

    async fn ask(&mut self, acts: &[Act]) -> Result<BTreeSet<Act>, Abandoned> {
        let (attempt, org) = (self.attempt, &self.attempt.shared.org);
        let (limits, now) = (org.entitlements.guard.limits, attempt.now());
        self.watch.is_watched = true;
        let mut had = BTreeMap::new();
        for act in acts {
            // Where few lose it, nobody needs to know how many have it.
            if let Act::Lose(grant) = act
                && self.is_lost_by_many(grant).await?
            {
                let counted = org.counted.had(&attempt.shared.db, &org.tenant, grant, limits, now).await?;
                had.insert(grant.clone(), counted);
            }
        }
        let acts = acts.to_vec();
        let tenant = org.tenant.clone();
        attempt.note(move |conn, claim| guard::ask(conn, (&tenant, &claim.resource), &acts, &limits, &had, now)).await
    }

    async fn is_lost_by_many(&self, grant: &Grant) -> Result<bool, Abandoned> {
        let (attempt, org) = (self.attempt, &self.attempt.shared.org);
        let (limits, now, tenant, lost) =
            (org.entitlements.guard.limits, attempt.now(), org.tenant.clone(), grant.clone());
        let losers = move |conn: &mut crate::db::Conn| guard::losers(conn, &tenant, &lost, &limits, now);
        // And this one.
        Ok(attempt.shared.db.read(losers).await? + 1 > limits.losses)
    }

    fn words_of_held(&self, act: &Act) -> String {
        let (org, id) = (&self.attempt.shared.org, &self.stored.id);
        let limits = org.entitlements.guard.limits;
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
                limits.losses,
                limits.percent,
                words_of_span(limits.window),
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

    /// Forgets what is no longer to be done to the person.
    pub(super) async fn settle_guard(&mut self) -> Result<(), Abandoned> {
        if !self.watch.is_watched {
            return Ok(());
        }
        let held: BTreeSet<Act> = self.watch.held.keys().cloned().collect();
        let (limits, now) = (self.attempt.shared.org.entitlements.guard.limits, self.attempt.now());
        self.attempt.note(move |conn, claim| guard::forget(conn, &claim.resource, &held, &limits, now)).await
    }
}

/// What a change does to a person.
pub(super) fn act_of(change: &Change) -> Act {
    match change {
        Change::Give(grant) => Act::Gain(grant.clone()),
        Change::Take(held) => Act::Lose(held.grant.clone()),
    }
}

/// A span in its largest unit that keeps it a whole number.
fn words_of_span(span: chrono::TimeDelta) -> String {
    let seconds = span.num_seconds();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds > 0 && seconds % size == 0 {
            return format!("{} {unit}", seconds / size);
        }
    }
    format!("{seconds} s")
}
