//! Takes back what was written since a point in time: what a transaction does that fails.

use std::collections::BTreeMap;

use super::{Group, Store, User};

/// What was there before: by id, `None` for what was not there at all.
#[derive(Debug, Default)]
pub(super) struct Undo {
    users: BTreeMap<String, Option<User>>,
    groups: BTreeMap<String, Option<Group>>,
    mails: usize,
}

impl Store {
    /// From here on, what was there before each write is remembered, until [`Store::commit`] or [`Store::rollback`].
    /// There is one savepoint at a time; a second call moves it.
    pub fn savepoint(&mut self) {
        self.undo = Some(Undo { mails: self.mails.len(), ..Undo::default() });
    }

    /// Keeps what was written since the savepoint.
    pub fn commit(&mut self) {
        self.undo = None;
    }

    /// Takes back what was written since the savepoint: users, groups, assignments, memberships, freezes, mails. Ids
    /// that were given are not given again.
    pub fn rollback(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        self.mails.truncate(undo.mails.max(self.mails_kept));
        for (id, group) in undo.groups {
            self.touched.insert(id.clone());
            for link in self.groups.get(&id).into_iter().flat_map(|group| group.members.values()) {
                self.hanging.remove(link);
            }
            match group {
                Some(group) => {
                    self.hanging.extend(group.members.values().map(|link| (link.clone(), id.clone())));
                    self.groups.insert(id, group);
                }
                None => {
                    self.groups.remove(&id);
                }
            }
        }
        for (id, user) in undo.users {
            match user {
                Some(user) => self.place(user),
                None => {
                    if let Some(user) = self.users.get(&id).cloned() {
                        self.forget_user(&user);
                        self.touched.insert(id);
                    }
                }
            }
        }
    }

    /// Remembers a user as it is now, if anybody may want it back.
    pub(super) fn remember_user(&mut self, id: &str) {
        if let Some(undo) = &mut self.undo
            && !undo.users.contains_key(id)
        {
            undo.users.insert(id.to_owned(), self.users.get(id).cloned());
        }
    }

    /// Remembers a group as it is now, if anybody may want it back.
    pub(super) fn remember_group(&mut self, id: &str) {
        if let Some(undo) = &mut self.undo
            && !undo.groups.contains_key(id)
        {
            undo.groups.insert(id.to_owned(), self.groups.get(id).cloned());
        }
    }
}
