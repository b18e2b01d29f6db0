//! What a person's licences allow: known before anything is sent, as far as the org told it. What it did not tell, and the
//! permission sets in a permission set group, Salesforce itself refuses.

use std::collections::BTreeSet;

use crate::delivery::licence::Seat;
use crate::delivery::plan::{AccountWish, GrantWish, ObservedUser};
use crate::entitlement::{Grant, Kind};
use crate::salesforce::Licence;

use super::{Entitled, PROFILE};

impl Entitled {
    /// Takes out of the wish what the licences that the person will have do not allow, and says so; and puts in order what
    /// has to come before what. What is wanted must be in the wish by now.
    pub(in crate::delivery::user) fn fit(&mut self, wish: &mut AccountWish, observed: &ObservedUser) {
        self.unfit.clear();
        let Some(mut grants) = wish.grants.take() else { return };
        self.fit_profile(wish, &mut grants, observed);
        let given = wish.record.text(PROFILE);
        let there = given.or_else(|| observed.record.text(PROFILE));
        let profile = there.or_else(|| wish.on_create.text(PROFILE)).map(str::to_owned);
        let is_given = given.is_some();
        self.fit_sets(&mut grants, profile.as_deref(), is_given, observed);
        wish.grants = Some(grants);
    }

    /// The profile was refused: the account keeps the one that it has.
    pub(in crate::delivery::user) fn keep_profile(&mut self) {
        self.profile = None;
        self.unknown.insert(Kind::Profile);
    }

    /// The seat without which a grant cannot be had, where it is known.
    pub(in crate::delivery::user) fn seat_for(&self, grant: &Grant) -> Option<Seat> {
        match grant.kind {
            Kind::PermissionSetLicence => Some(self.licences.seat_of_set(&grant.id)),
            Kind::Profile => Some(self.licences.seat_of_profile(Some(&grant.id))),
            Kind::PermissionSet => {
                let needed = self.licences.needed_by(&grant.id).filter(|licence| licence.is_of_permission_sets());
                needed.map(|licence| self.licences.seat_of_set(&licence.id))
            }
            Kind::Role | Kind::PermissionSetGroup | Kind::PublicGroup => None,
        }
    }

    /// A profile of another user licence: permission sets of the present one go first. One that stays keeps the profile as it
    /// is, because Salesforce refuses the new one as long as it is there.
    fn fit_profile(&mut self, wish: &mut AccountWish, grants: &mut GrantWish, observed: &ObservedUser) {
        let Some(new) = wish.record.text(PROFILE) else { return };
        let Some(will) = self.licences.of_profile(new).cloned() else { return };
        let now = observed.record.text(PROFILE);
        if now.and_then(|now| self.licences.of_profile(now)).is_some_and(|has| has.id == will.id) {
            return;
        }
        let new = Grant::new(Kind::Profile, new);
        let holds = observed.grants.holds.as_ref().filter(|_| now.is_some() && !observed.grants.is_unsure());
        let Some(holds) = holds else {
            // Where no set needs another licence, nothing that the account has can be in the way.
            let mut needed = self.licences.sets.iter().filter_map(|set| set.licence.as_ref());
            grants.look_first |= needed.any(|needed| !needed.is_of_permission_sets() && needed.id != will.id);
            return;
        };
        let sets = holds.iter().map(|held| &held.grant).filter(|grant| grant.kind == Kind::PermissionSet);
        let unfit: Vec<(&Grant, Licence)> =
            sets.filter_map(|set| Some((set, self.needs_another(set, &will)?.clone()))).collect();
        let stays = |set: &Grant| !may_take(set, grants, observed);
        if let Some((set, needed)) = unfit.iter().find(|(set, _)| stays(set)) {
            let (set, needed) = (self.licences.set_words(&set.id), self.licences.words(needed));
            let (profile, because) = (self.name(&new), self.reason(&new));
            let will = self.licences.words(&will);
            self.unfit.push(format!(
                "{profile}{because} belongs to the {will} and was not given: the account has the {set}, which needs the \
                 {needed} and is not the bridge's to take away"
            ));
            wish.record.unset(PROFILE);
            // Somebody may have taken it away since it was seen.
            grants.look_first = true;
            return;
        }
        for (set, needed) in unfit {
            if grants.wanted.remove(set).is_some() {
                self.wrong_profile(set, &needed, &new.id);
            }
            grants.before_profile.insert(set.clone());
        }
    }

    /// `is_given`: the profile is what the account shall have, and not only what it has.
    fn fit_sets(&mut self, grants: &mut GrantWish, profile: Option<&str>, is_given: bool, observed: &ObservedUser) {
        let holds = observed.grants.holds.as_ref();
        let held: BTreeSet<Grant> = holds.into_iter().flatten().map(|held| held.grant.clone()).collect();
        let wanted: Vec<Grant> =
            grants.wanted.keys().filter(|grant| grant.kind == Kind::PermissionSet).cloned().collect();
        for set in &wanted {
            let Some(needed) = self.licences.needed_by(&set.id).cloned() else { continue };
            if !needed.is_of_permission_sets() {
                let has = profile.and_then(|profile| self.licences.of_profile(profile));
                if let (Some(profile), Some(has)) = (profile, has)
                    && has.id != needed.id
                    && !held.contains(set)
                {
                    self.wrong_profile(set, &needed, profile);
                    grants.wanted.remove(set);
                    // The profile may be another by now, where it is nobody's wish.
                    grants.look_first |= !is_given;
                }
                continue;
            }
            let licence = Grant::new(Kind::PermissionSetLicence, needed.id.clone());
            if held.contains(&licence) || grants.wanted.contains_key(&licence) {
                grants.needs.insert(set.clone(), licence);
            } else if holds.is_some() && !held.contains(set) {
                let (name, because) = (self.licences.set_words(&set.id), self.reason(set));
                let needed = self.licences.words(&needed);
                self.unfit.push(format!(
                    "{name}{because} was not given: it needs the {needed}, which no rule gives this person and the account \
                     does not have"
                ));
                grants.wanted.remove(set);
                // Somebody may have given it since it was looked.
                grants.look_first = true;
            }
        }
        // Salesforce keeps a licence as long as a permission set needs it.
        let staying: Vec<Grant> = held.iter().filter(|grant| !may_take(grant, grants, observed)).cloned().collect();
        for set in grants.needs.keys().cloned().chain(staying).collect::<Vec<_>>() {
            let needed = self.licences.needed_by(&set.id).filter(|_| set.kind == Kind::PermissionSet);
            let Some(needed) = needed.filter(|licence| licence.is_of_permission_sets()) else { continue };
            let licence = Grant::new(Kind::PermissionSetLicence, needed.id.clone());
            if held.contains(&licence) {
                grants.wanted.entry(licence).or_insert_with(|| self.licences.words(needed));
            }
        }
    }

    /// The user licence that a permission set needs, where it is another than `has`.
    fn needs_another(&self, set: &Grant, has: &Licence) -> Option<&Licence> {
        let needed = self.licences.needed_by(&set.id)?;
        (!needed.is_of_permission_sets() && needed.id != has.id).then_some(needed)
    }

    fn wrong_profile(&mut self, set: &Grant, needed: &Licence, profile: &str) {
        let (name, because) = (self.licences.set_words(&set.id), self.reason(set));
        let (needed, words) = (self.licences.words(needed), self.licences.profile_words(profile));
        let has = self.licences.of_profile(profile).map(|licence| self.licences.words(licence)).unwrap_or_default();
        self.unfit.push(format!(
            "{name}{because} was not given: it needs the {needed}, and the {words} belongs to the {has}"
        ));
    }

    fn reason(&self, grant: &Grant) -> String {
        self.because.get(grant).map(|because| format!(" ({because})")).unwrap_or_default()
    }
}

/// Whether something that an account has is the bridge's to take away, if nobody wants it.
fn may_take(grant: &Grant, grants: &GrantWish, observed: &ObservedUser) -> bool {
    let is_ours = observed.grants.given.contains(grant) || grants.exclusive.0.contains(&grant.kind);
    is_ours && !grants.keep.contains(&grant.kind)
}
