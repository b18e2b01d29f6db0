//! What was asked, beside what the org holds. Pure.
//!
//! Drift is a difference in what the bridge manages, and nothing else: a field that was never asked for, and a member
//! whom somebody added by hand, are the org's own.

use serde_json::Value;

use crate::delivery::plan::ObservedUser;
use crate::salesforce::{Record, Shown};

/// A field in which an account is not what was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// API name.
    pub field: String,
    /// What was asked for.
    pub wanted: Value,
    /// What the org holds.
    pub held: Value,
}

/// An account as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// Its fields.
    pub record: &'a Record,
    /// Which fields the reading shows at all.
    pub shown: &'a Shown,
    /// Whether the user is frozen.
    pub frozen: bool,
    /// Whether the reading shows that.
    pub frozen_is_known: bool,
}

/// What comparing an account came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compared {
    /// Where it is not what was asked.
    pub differences: Vec<Difference>,
    /// What is observed from now on; `None`: what was before.
    pub observed: Option<ObservedUser>,
}

/// Compares an account with what was asked of it and with what Salesforce accepted last.
///
/// Fields are the bridge's where the wish has a value, or where the bridge wrote them before. A field that the wish
/// leaves empty and that it never wrote keeps what somebody else gave it, as when the account was adopted.
pub fn account(wish: &Record, observed: &ObservedUser, held: Held<'_>) -> Compared {
    let managed: Record = wish
        .iter()
        .filter(|(field, wanted)| !wanted.is_null() || observed.record.mentions(field))
        .filter(|(field, _)| held.shown.shows(held.record, field) && !is_excused(wish, observed, held, field))
        .map(|(field, wanted)| (field.to_owned(), wanted.clone()))
        .collect();
    let shown: Record = managed
        .iter()
        .map(|(field, wanted)| (field.to_owned(), typed(wanted, held.record.get(field).unwrap_or(&Value::Null))))
        .collect();
    let differences = managed.changes_since(&shown);
    let differences = differences.iter().map(|(field, wanted)| Difference {
        field: field.to_owned(),
        wanted: wanted.clone(),
        held: shown.get(field).cloned().unwrap_or(Value::Null),
    });
    let mut now = observed.clone();
    let news = |field: &str, value: &Value| {
        let value = Record::new().with(field, value.clone());
        let known = Record::new().with(field, observed.record.get(field).cloned().unwrap_or(Value::Null));
        // Either way round: a value for none, and none for a value.
        !(value.changes_since(&known).is_empty() && known.changes_since(&value).is_empty())
    };
    let mut fresh = false;
    if observed.pending_email.is_some() && shown.mentions("Email") && has_arrived(wish, held) {
        // Confirmed, or an org that does without.
        now.pending_email = None;
        fresh = true;
    }
    if observed.frozen && held.frozen_is_known && !held.frozen {
        // Somebody let the person in again.
        now.frozen = false;
        fresh = true;
    }
    for (field, value) in shown.iter().filter(|(field, value)| news(field, value)) {
        now.record.set(field, value.clone());
        fresh = true;
    }
    Compared { differences: differences.collect(), observed: fresh.then_some(now) }
}

/// Whether the org may show another value of `field` and all is well.
fn is_excused(wish: &Record, observed: &ObservedUser, held: Held<'_>, field: &str) -> bool {
    match field {
        // Accepted, and waits for the person to follow the link in Salesforce's mail; until then the old one is shown.
        "Email" => waits(wish, observed) && !has_arrived(wish, held),
        // Where Salesforce refuses to deactivate, freezing is what was done instead.
        "IsActive" => observed.frozen && held.frozen && wish.get("IsActive") == Some(&Value::Bool(false)),
        _ => false,
    }
}

/// Whether the address that was asked for is one that waits for its confirmation.
fn waits(wish: &Record, observed: &ObservedUser) -> bool {
    let pending = observed.pending_email.as_deref().map(|pending| Record::new().with("Email", pending));
    pending.is_some_and(|pending| wish.text("Email").is_some() && !pending.changes_since(wish).mentions("Email"))
}

/// Whether the org shows the address that was asked for.
fn has_arrived(wish: &Record, held: Held<'_>) -> bool {
    let shown = Record::new().with("Email", held.record.get("Email").cloned().unwrap_or(Value::Null));
    !shown.changes_since(wish).mentions("Email")
}

/// What was read as text, in the type of what was asked for: a page of a bulk query does not tell a number from a text.
fn typed(wanted: &Value, held: &Value) -> Value {
    let Some(text) = held.as_str() else { return held.clone() };
    let read = match wanted {
        Value::Bool(_) => text.to_ascii_lowercase().parse().ok().map(Value::Bool),
        Value::Number(_) => text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number),
        _ => None,
    };
    read.unwrap_or_else(|| held.clone())
}

/// A membership as it is stored, of a member that has an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Our id of the member.
    pub member: String,
    /// Salesforce's id of it.
    pub salesforce_id: String,
    /// Whether it is asked for.
    pub desired: bool,
    /// Whether Salesforce confirmed it.
    pub observed: bool,
    /// Whether a change was sent and its outcome is not known.
    pub unsure: bool,
}

/// What comparing a membership came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether it is not as asked.
    pub drifted: bool,
    /// Whether it is news that the member is in, or is not.
    pub news: Option<bool>,
}

/// Compares a membership of a mirrored group. One that was neither asked for nor confirmed is not stored, and whoever is
/// in the group without is there by somebody else's hand.
pub fn membership(stored: &Membership, present: bool) -> Seen {
    let news = stored.unsure || stored.observed != present;
    Seen { drifted: stored.desired != present, news: news.then_some(present) }
}

#[cfg(test)]
mod tests;
