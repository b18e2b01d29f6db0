//! What rules and the identity provider give a person, as ids of the org.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::delivery::catalogue::Meaning;
use crate::delivery::licence::Licences;
use crate::delivery::org::{Entitlements, Org};
use crate::delivery::plan::{AccountWish, Decided, GrantWish, ObservedUser};
use crate::entitlement::{
    Because, Decision, Entitlement, Exclusive, Grant, Kind, Person, Pushed, Single, pushed, single, with_groups,
};
use crate::salesforce;
use crate::scim::Attributes;
use crate::scim::fold::fold;
use crate::shadow::member::Reference;

mod fit;
#[cfg(test)]
mod tests;

/// Field of the profile.
pub(super) const PROFILE: &str = "ProfileId";
/// Field of the role.
pub(super) const ROLE: &str = "UserRoleId";

/// The kinds of which an account has one at most, and the fields of the account that hold them.
pub const SINGLES: [(Kind, &str); 2] = [(Kind::Profile, PROFILE), (Kind::Role, ROLE)];

/// What a person shall have in the org.
#[derive(Debug, Clone, Default)]
pub struct Entitled {
    /// Id of the profile, and whether it is only for those who have nothing better.
    profile: Option<(String, bool)>,
    role: Option<String>,
    others: BTreeMap<Grant, String>,
    exclusive: Exclusive,
    /// Kinds of which something was decided that the org does not have: what is there of them stays until it does.
    unknown: BTreeSet<Kind>,
    /// What was decided, as far as the org has it.
    pub(super) decided: BTreeSet<Decided>,
    /// Why the default profile cannot be given: of no account to those who have one.
    pub(in crate::delivery) no_default: Option<String>,
    /// Why something of it cannot be given.
    pub(in crate::delivery) missing: Vec<String>,
    /// What a person should know.
    pub(in crate::delivery) notes: Vec<String>,
    /// What the org says of licences.
    licences: Licences,
    /// Why something of it is decided, in words.
    because: BTreeMap<Grant, String>,
    /// What the person's licences do not allow, in words.
    pub(super) unfit: Vec<String>,
}

/// A user with the groups that rules look at.
pub(super) fn person(document: &Attributes, groups: &[Reference]) -> Attributes {
    let named = groups.iter().filter_map(|group| Some((group.id.as_str(), group.display.as_deref()?)));
    with_groups(document.clone(), named)
}

/// Decides what a person shall have, and asks the org what the names mean; `asking` is told of each call. `None`: nothing is
/// configured, and nothing was given before.
///
/// # Errors
/// What Salesforce says where it is asked what a name means.
pub async fn entitled(
    org: &Org,
    (document, groups): (&Attributes, &[Reference]),
    observed: &ObservedUser,
    now: DateTime<Utc>,
    asking: &(dyn Fn() + Sync),
) -> Result<Option<Entitled>, salesforce::Error> {
    let entitlements = &org.entitlements;
    if !entitlements.say_something() && observed.grants.given.is_empty() {
        return Ok(None);
    }
    let meaning = async |wanted: &Entitlement| org.catalogue.meaning(org, wanted, now, asking).await;
    let person = person(document, groups);
    let person = Person { attributes: &person };
    let asked_for = if entitlements.honours { pushed(person) } else { Vec::new() };
    // Which kind a name is of, the org tells: asked before deciding, so that deciding is pure.
    let mut there: BTreeSet<(Kind, &str)> = BTreeSet::new();
    for one in &asked_for {
        for kind in one.kinds.iter().filter(|kind| org.means.rest || kind.is_single()) {
            if let Meaning::Id(_) = meaning(&Entitlement::new(*kind, one.value.as_str())).await? {
                there.insert((*kind, one.value.as_str()));
                break;
            }
        }
    }
    let decision = entitlements.rules.decide(person, &asked_for, |kind, name| there.contains(&(kind, name)));
    let mut meanings = BTreeMap::new();
    for wanted in decision.iter().map(|reasoned| &reasoned.entitlement) {
        meanings.insert(wanted.clone(), meaning(wanted).await?);
    }
    let sets = meanings.iter().filter_map(|(wanted, meaning)| match meaning {
        Meaning::Id(id) if wanted.kind == Kind::PermissionSet => Some(id.as_str()),
        _ => None,
    });
    let licences = org.catalogue.licences(org, sets, now, asking).await?;
    Ok(Some(Entitled::of(&decision, entitlements, &meanings, &observed.grants.decided, licences)))
}

/// What a person shall have, as far as it is known without asking the org.
pub(in crate::delivery) struct Foreseen {
    /// The person, with the groups that rules look at.
    pub(in crate::delivery) person: Attributes,
    pub(in crate::delivery) decision: Decision,
    /// The names mean what they meant for this person before; those that are new, themselves.
    pub(in crate::delivery) entitled: Entitled,
    /// What the org is asked for first, perhaps: the names that are new.
    pub(in crate::delivery) asks: Vec<Entitlement>,
}

/// The same as far as it is known without asking the org.
pub(in crate::delivery) fn foreseen(
    entitlements: &Entitlements,
    document: &Attributes,
    groups: &[Reference],
    observed: &ObservedUser,
) -> Option<Foreseen> {
    if !entitlements.say_something() && observed.grants.given.is_empty() {
        return None;
    }
    let person = person(document, groups);
    let seen = Person { attributes: &person };
    let asked_for = if entitlements.honours { pushed(seen) } else { Vec::new() };
    let known = |wanted: &Entitlement| observed.grants.decided.iter().find(|decided| decided.entitlement == *wanted);
    let had = |kind: Kind, name: &str| known(&Entitlement::new(kind, name)).is_some();
    let decision = entitlements.rules.decide(seen, &asked_for, had);
    let meant = |wanted: &Entitlement| known(wanted).map_or_else(|| wanted.to_string(), |decided| decided.id.clone());
    let wanted = || decision.iter().map(|reasoned| reasoned.entitlement.clone());
    let asks = wanted().filter(|wanted| known(wanted).is_none()).collect();
    let meanings = wanted().map(|wanted| (wanted.clone(), Meaning::Id(meant(&wanted)))).collect();
    let mut entitled = Entitled::of(&decision, entitlements, &meanings, &observed.grants.decided, Licences::default());
    // Of those only the org knows what they are.
    let of = |pushed: &Pushed| {
        let (attribute, value) = (pushed.attribute, &pushed.value);
        format!("the identity provider asks in {attribute} for \"{value}\"; the org is asked what that is")
    };
    entitled.notes = decision.unknown.iter().map(of).collect();
    Some(Foreseen { person, decision, entitled, asks })
}

impl Entitled {
    /// `known`: what was decided and brought about last.
    fn of(
        decision: &Decision,
        entitlements: &Entitlements,
        meanings: &BTreeMap<Entitlement, Meaning>,
        known: &BTreeSet<Decided>,
        licences: Licences,
    ) -> Self {
        let mut entitled = Self { exclusive: entitlements.exclusive.clone(), licences, ..Self::default() };
        for reasoned in decision.iter() {
            let wanted = &reasoned.entitlement;
            let because: Vec<String> =
                reasoned.because.iter().map(|because| entitlements.rules.words(because)).collect();
            let because = because.join(", ");
            let is_default = reasoned.because == [Because::Default];
            match meanings.get(wanted) {
                Some(Meaning::Id(id)) => {
                    let (entitlement, id) = (wanted.clone(), id.clone());
                    entitled.because.insert(Grant::new(wanted.kind, id.clone()), because);
                    match wanted.kind {
                        Kind::Profile => entitled.profile = Some((id.clone(), is_default)),
                        Kind::Role => entitled.role = Some(id.clone()),
                        kind => {
                            entitled.others.insert(Grant::new(kind, id.clone()), wanted.to_string());
                        }
                    }
                    entitled.decided.insert(Decided { entitlement, id, is_default });
                }
                nothing => {
                    entitled.unknown.insert(wanted.kind);
                    let why = match nothing {
                        Some(Meaning::Nothing(why)) => why.as_str(),
                        _ => "nobody knows what it is in the org",
                    };
                    let words = format!("{why} ({because})");
                    if is_default {
                        entitled.no_default = Some(words);
                    } else {
                        entitled.missing.push(words);
                    }
                }
            }
        }
        for unknown in &decision.unknown {
            // Perhaps it was only renamed: what it meant before stays until somebody says.
            let before = known.iter().find(|decided| fold(&decided.entitlement.name) == fold(&unknown.value));
            entitled.unknown.extend(before.map(|decided| decided.entitlement.kind));
            let words = "which the org does not have; it was not given";
            let (attribute, value) = (unknown.attribute, &unknown.value);
            entitled.notes.push(format!("the identity provider asks in {attribute} for \"{value}\", {words}"));
        }
        entitled
    }

    /// Why a new account cannot be made, where it is for the want of a profile.
    pub(in crate::delivery) fn no_profile(&self, tenant: &str) -> String {
        if self.unknown.contains(&Kind::Profile) {
            return self.missing.iter().chain(&self.no_default).cloned().collect::<Vec<_>>().join("; ");
        }
        format!(
            "no profile for this person: no rule gives one, and tenant.{tenant}.entitlements.default_profile is not set"
        )
    }

    /// Puts it into what the account is to be. Of people who cannot log in nothing is changed: what they had is theirs when
    /// they come back.
    pub(in crate::delivery) fn apply(&self, wish: &mut AccountWish, observed: &ObservedUser) {
        let grants = &observed.grants;
        let is_active = wish.record.get("IsActive") == Some(&Value::Bool(true));
        let mut look_first = false;
        for (kind, field, wanted) in [
            (Kind::Profile, PROFILE, self.profile.as_ref().map(|(id, fallback)| (id.as_str(), *fallback))),
            (Kind::Role, ROLE, self.role.as_deref().map(|id| (id, false))),
        ] {
            wish.record.unset(field);
            if wanted.is_none() && self.unknown.contains(&kind) {
                continue;
            }
            // Sent, and the answer was lost: if the account has it, the bridge gave it.
            let sent = observed.unsure.text(field);
            let given = grants.given_of(kind).or(sent);
            let holds = observed.record.text(field).filter(|_| !observed.unsure.mentions(field));
            let decided = single(kind, wanted, given, holds, &self.exclusive);
            // Of an account that was there before nobody has asked: what it has already is not sent, and not ours.
            let is_unknown = !observed.record.mentions(field) && grants.holds.is_none();
            match decided {
                Single::Be(id) if is_active => {
                    look_first |= is_unknown;
                    look_first |= wanted.is_some_and(|(_, fallback)| fallback) && holds != Some(&id);
                    wish.record.set(field, id);
                }
                Single::Clear if is_active => {
                    look_first |= is_unknown || holds.is_some() || given.is_some();
                    wish.record.set(field, Value::Null);
                }
                // A new account is made with a profile, whoever may log in.
                Single::Be(id) | Single::BeginWith(id) => wish.on_create.set(field, id),
                Single::Clear | Single::Leave => {}
            }
        }
        wish.grants = is_active.then(|| GrantWish {
            wanted: self.others.clone(),
            exclusive: self.exclusive.clone(),
            keep: self.unknown.clone(),
            look_first,
            ..GrantWish::default()
        });
    }

    /// Whether this is the profile of those who have nothing better.
    pub(super) fn is_default(&self, grant: &Grant) -> bool {
        grant.kind == Kind::Profile && self.profile.as_ref().is_some_and(|(id, fallback)| *id == grant.id && *fallback)
    }

    /// Whether the profile or the role of this id is one that a rule gives, and not one to begin with.
    pub(super) fn gives(&self, grant: &Grant) -> bool {
        match grant.kind {
            Kind::Profile => self.profile.as_ref().is_some_and(|(id, fallback)| *id == grant.id && !fallback),
            Kind::Role => self.role.as_ref() == Some(&grant.id),
            _ => self.others.contains_key(grant),
        }
    }

    /// What a grant is called.
    pub(in crate::delivery) fn name(&self, grant: &Grant) -> String {
        let single =
            || self.decided.iter().find(|decided| decided.id == grant.id && decided.entitlement.kind == grant.kind);
        let single = || single().map(|decided| decided.entitlement.to_string());
        let named = self.others.get(grant).cloned().or_else(single);
        named.unwrap_or_else(|| format!("{} {}", grant.kind.words(), grant.id))
    }
}
