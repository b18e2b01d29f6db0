//! What is still to be given to somebody and taken from them, as a reconcile asks: what a delivery would do, without one.

use crate::delivery::Names;
use crate::delivery::plan::{self, AccountWish, Means, ObservedUser};
use crate::entitlement::Grant;
use crate::salesforce::{Change, Grants, Record};

use super::entitled::{Entitled, SINGLES};
use super::give::give_back;

/// Something that somebody has and shall not have, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What. Of a profile or a role that is to be another, the one that it is to be.
    pub grant: Grant,
    /// Its name in the org, where that is known.
    pub name: Option<String>,
    /// Whether they shall have it. They have it where not.
    pub wanted: bool,
}

impl Entitled {
    /// What is due to somebody who may log in. `held`: what the account has beside profile and role, where that was read; it
    /// is put into what is `observed`. The profile and the role are those that `observed` has by now; of one that it does
    /// not have nothing is due.
    pub fn due(&self, observed: &mut ObservedUser, held: Option<&Grants>, means: Means, names: &Names) -> Vec<Due> {
        let mut wish = AccountWish { record: Record::new().with("IsActive", true), ..AccountWish::default() };
        self.apply(&mut wish, observed);
        give_back(&mut wish, &observed.grants);
        let mut due: Vec<Due> = Vec::new();
        let changed = wish.record.changes_since(&observed.record);
        for (kind, field) in SINGLES.into_iter().filter(|(_, field)| observed.record.mentions(field)) {
            let (wanted, holds) = (changed.text(field), observed.record.text(field));
            let id = if changed.mentions(field) { wanted.or(holds) } else { None };
            due.extend(id.map(|id| self.due_one(Grant::new(kind, id), wanted.is_some(), observed, names)));
        }
        let Some((grants, held)) = wish.grants.as_ref().zip(held).filter(|_| means.rest) else { return due };
        // Of somebody whom nothing concerns, and of whom nobody knows what they have, that need not be kept.
        if observed.grants.holds.is_some() || plan::concerns(grants, &observed.grants) {
            observed.grants.read(held);
        }
        for change in plan::changes(grants, &observed.grants) {
            let wanted = matches!(change, Change::Give(_));
            due.push(self.due_one(change.grant().clone(), wanted, observed, names));
        }
        due
    }

    fn due_one(&self, grant: Grant, wanted: bool, observed: &ObservedUser, names: &Names) -> Due {
        // Of a kind that no rule names any more the org was not asked: then it is called as it was when it was given.
        let mut decided = self.decided.iter().chain(&observed.grants.decided);
        let decided = decided.find(|decided| decided.entitlement.kind == grant.kind && decided.id == grant.id);
        let name = names.of(&grant).or(decided.map(|decided| decided.entitlement.name.as_str())).map(str::to_owned);
        Due { grant, name, wanted }
    }
}
