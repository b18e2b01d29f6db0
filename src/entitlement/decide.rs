//! What one person shall have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entitlement, Kind, Person, Pushed, Rules};
use crate::scim::fold::fold;

/// Why a person shall have something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// A rule of this place in the configuration holds.
    Rule(usize),
    /// The identity provider asks for it in this attribute.
    Pushed(&'static str),
    /// It is the profile of everybody to whom nothing else gives one.
    Default,
}

/// Something that a person shall have, and why: every reason for what is given in union, the winning one for a profile
/// and a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoned {
    /// What.
    pub entitlement: Entitlement,
    /// Why; never empty.
    pub because: Vec<Because>,
}

/// What a person shall have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The profile. `None`: nothing gives one, and a new account cannot be made.
    pub profile: Option<Reasoned>,
    /// The role.
    pub role: Option<Reasoned>,
    /// The rest, by kind and folded name.
    pub others: BTreeMap<(Kind, String), Reasoned>,
    /// What the identity provider asks for and the org does not have.
    pub unknown: Vec<Pushed>,
}

impl Rules {
    /// A reason in words.
    pub fn words(&self, because: &Because) -> String {
        match because {
            Because::Rule(place) => {
                format!("rule \"{}\"", self.iter().nth(*place).map_or("", |rule| rule.name.as_str()))
            }
            Because::Pushed(attribute) => format!("pushed in {attribute}"),
            Because::Default => "default_profile".to_owned(),
        }
    }

    /// What a person shall have. `pushed` is what the identity provider asks for, which comes before the rules, because
    /// it is about this very person; `has` tells whether the org has something of a kind and a name or id.
    ///
    /// Of profiles and roles the first wins: in the order of `pushed`, then of the rules. All else is united.
    pub fn decide(&self, person: Person<'_>, pushed: &[Pushed], has: impl Fn(Kind, &str) -> bool) -> Decision {
        let mut decision = Decision::default();
        for one in pushed {
            match one.kinds.iter().copied().find(|kind| has(*kind, &one.value)) {
                Some(kind) => {
                    decision.give(&Entitlement::new(kind, one.value.as_str()), Because::Pushed(one.attribute));
                }
                None => decision.unknown.push(one.clone()),
            }
        }
        for (place, rule) in self.holding(person) {
            for entitlement in &rule.gives {
                decision.give(entitlement, Because::Rule(place));
            }
        }
        if let Some(name) = self.default_profile() {
            decision.give(&Entitlement::new(Kind::Profile, name), Because::Default);
        }
        decision
    }
}

impl Decision {
    fn give(&mut self, entitlement: &Entitlement, because: Because) {
        let reasoned = |because| Reasoned { entitlement: entitlement.clone(), because: vec![because] };
        match entitlement.kind {
            Kind::Profile => {
                self.profile.get_or_insert_with(|| reasoned(because));
            }
            Kind::Role => {
                self.role.get_or_insert_with(|| reasoned(because));
            }
            kind => match self.others.entry((kind, fold(&entitlement.name))) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(reasoned(because));
                }
                std::collections::btree_map::Entry::Occupied(mut there) => there.get_mut().because.push(because),
            },
        }
    }

    /// Everything, by name, but for what only those get who have nothing better: that is for new accounts.
    pub fn beyond_the_default(&self) -> BTreeSet<Entitlement> {
        let beyond = |reasoned: &&Reasoned| reasoned.because != [Because::Default];
        self.iter().filter(beyond).map(|reasoned| reasoned.entitlement.clone()).collect()
    }

    /// Everything, the profile and the role first.
    pub fn iter(&self) -> impl Iterator<Item = &Reasoned> {
        self.profile.iter().chain(&self.role).chain(self.others.values())
    }
}
