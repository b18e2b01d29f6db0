//! The rules of the `User` object.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::field::{Field, Kind};
use super::refusal::Refusal;
use super::trouble::Write;
use super::{Store, User};
use crate::sandbox::ids::prefix;
use crate::sandbox::settings::EmailConfirmation;

pub(super) const DUPLICATE_USERNAME: &str = "Duplicate Username.<br>The username already exists in this or another Salesforce \
    organization. Usernames must be unique across all Salesforce organizations. To resolve, use a different username (it \
    doesn't need to match the user's email address). ";
const DUPLICATE_NICKNAME: &str =
    "Duplicate Nickname.<br>Another user has already selected this nickname.<br>Please select another.";

impl Store {
    /// Every user in the order of ids.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// The users whose id is greater than `id`, which is what keyset paging asks for.
    pub fn users_after<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a User> + use<'a> {
        self.users.range::<str, _>((Bound::Excluded(id), Bound::Unbounded)).map(|(_, user)| user)
    }

    /// The user with the id, in its 15- or 18-character form.
    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.get(&Self::reference(id, prefix::USER)?)
    }

    /// The user of this org with the username, in whatever case.
    pub fn user_by_username(&self, username: &str) -> Option<&User> {
        self.users.get(&self.registry.owner(&username.to_lowercase())?)
    }

    /// The user with the federation id, in whatever case.
    pub fn user_by_federation_id(&self, federation_id: &str) -> Option<&User> {
        self.users.get(self.federation_ids.get(&federation_id.to_lowercase())?)
    }

    /// A user with nothing filled in and no id yet.
    pub fn blank_user(&self, now: DateTime<Utc>) -> User {
        User {
            id: String::new(),
            text: BTreeMap::new(),
            active: false,
            pending_email: None,
            permission_sets: BTreeSet::new(),
            groups: BTreeSet::new(),
            integration: false,
            created: now,
            modified: now,
        }
    }

    /// Adds `user`, whose id is made here.
    pub fn insert_user(&mut self, mut user: User) -> Result<String, Refusal> {
        self.begin_write(prefix::USER, Write::NewUser)?;
        self.meet_broken_profile(&user)?;
        self.check(&mut user, None)?;
        user.id = self.ids.next(prefix::USER);
        let id = user.id.clone();
        self.place(user);
        Ok(id)
    }

    /// Writes the fields of `user` over what is there; answers whether anything became different. Assignments and
    /// memberships are not written by it.
    pub fn update_user(&mut self, mut user: User, now: DateTime<Utc>) -> Result<bool, Refusal> {
        self.begin_write(&user.id, Write::Other)?;
        self.meet_broken_profile(&user)?;
        let Some(old) = self.users.get(&user.id).cloned() else {
            return Err(Refusal::new("ENTITY_IS_DELETED", "entity is deleted", &[]));
        };
        user.permission_sets.clone_from(&old.permission_sets);
        user.groups.clone_from(&old.groups);
        self.check(&mut user, Some(&old))?;
        if user.get(Field::Email) != old.get(Field::Email) && self.email_confirmation == EmailConfirmation::Pending {
            user.pending_email = user.get(Field::Email).map(ToOwned::to_owned);
            user.set(Field::Email, old.get(Field::Email).unwrap_or_default());
        }
        let changed = user != old;
        user.modified = now;
        self.place(user);
        Ok(changed)
    }

    /// Puts a user back as it was, assignments and memberships included: what a rollback does.
    pub fn restore_user(&mut self, user: User) {
        self.place(user);
    }

    /// Assigns a permission set.
    pub fn assign(&mut self, user_id: &str, set_id: &str) -> Result<(), Refusal> {
        self.begin_write(user_id, Write::Other)?;
        let set_id = Self::reference(set_id, prefix::PERMISSION_SET).unwrap_or_default();
        let (Some(user), Some(set)) = (self.users.get(user_id), self.permission_sets.get(&set_id)) else {
            return Err(Refusal::cross_reference("PermissionSetId"));
        };
        if set.owned_by_profile {
            return Err(Refusal::cross_reference("PermissionSetId"));
        }
        if let Some((licence, permission)) = &set.licence
            && self.licence_of(user) != Some(licence)
        {
            let message = format!("The user license doesn't allow the permission: {permission}");
            return Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message, &["PermissionSetId"]));
        }
        let Some(user) = self.users.get_mut(user_id) else { return Err(Refusal::cross_reference("AssigneeId")) };
        self.touched.insert(user_id.to_owned());
        if !user.permission_sets.insert(set_id) {
            let message = "duplicate value found: <unknown> duplicates value on record with id: <unknown>";
            return Err(Refusal::new("DUPLICATE_VALUE", message, &[]));
        }
        Ok(())
    }

    /// Takes all permission sets away.
    pub fn unassign_all(&mut self, user_id: &str) {
        if let Some(user) = self.users.get_mut(user_id) {
            user.permission_sets.clear();
            self.touched.insert(user_id.to_owned());
        }
    }

    /// Confirms every address that waits, as if each person had followed the link in the mail; answers how many.
    pub fn confirm_emails(&mut self, now: DateTime<Utc>) -> usize {
        let mut confirmed = 0;
        for user in self.users.values_mut() {
            if let Some(email) = user.pending_email.take() {
                user.set(Field::Email, &email);
                user.modified = now;
                self.touched.insert(user.id.clone());
                confirmed += 1;
            }
        }
        confirmed
    }

    fn licence_of(&self, user: &User) -> Option<&String> {
        user.get(Field::ProfileId).and_then(|id| self.profiles.get(id)).map(|profile| &profile.licence)
    }

    /// Normalises `user` and refuses it where a rule is broken.
    fn check(&self, user: &mut User, old: Option<&User>) -> Result<(), Refusal> {
        let missing: Vec<&'static str> = Field::ALL
            .iter()
            .filter(|field| field.is_required() && user.get(**field).is_none())
            .map(|field| field.name())
            .collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            return Err(Refusal::new("REQUIRED_FIELD_MISSING", message, &missing));
        }
        for field in Field::ALL.iter().copied() {
            let Some(value) = user.get(field).map(ToOwned::to_owned) else { continue };
            if old.is_some_and(|old| old.get(field) == Some(value.as_str())) {
                continue;
            }
            user.set(field, &check_field(field, &value)?);
        }
        self.check_references(user)?;
        self.check_unique(user)?;
        self.check_licence(user, old)
    }

    fn check_references(&self, user: &User) -> Result<(), Refusal> {
        for (field, exists) in [
            (Field::ProfileId, user.get(Field::ProfileId).is_none_or(|id| self.profiles.contains_key(id))),
            (Field::UserRoleId, user.get(Field::UserRoleId).is_none_or(|id| self.roles.contains_key(id))),
            (Field::ManagerId, user.get(Field::ManagerId).is_none_or(|id| self.users.contains_key(id))),
            (
                Field::DelegatedApproverId,
                user.get(Field::DelegatedApproverId).is_none_or(|id| self.users.contains_key(id)),
            ),
        ] {
            if !exists {
                return Err(Refusal::cross_reference(field.name()));
            }
        }
        Ok(())
    }

    fn check_unique(&self, user: &User) -> Result<(), Refusal> {
        if self.registry.is_taken(user.get(Field::Username).unwrap_or_default(), &user.id) {
            return Err(Refusal::new("DUPLICATE_USERNAME", DUPLICATE_USERNAME, &["Username"]));
        }
        let other = |index: &std::collections::HashMap<String, String>, field: Field| {
            user.get(field).and_then(|value| index.get(&value.to_lowercase())).filter(|id| **id != user.id).cloned()
        };
        if other(&self.nicknames, Field::CommunityNickname).is_some() {
            return Err(Refusal::new("DUPLICATE_COMM_NICKNAME", DUPLICATE_NICKNAME, &["CommunityNickname"]));
        }
        if let Some(id) = other(&self.federation_ids, Field::FederationIdentifier) {
            let message =
                format!("duplicate value found: FederationIdentifier duplicates value on record with id: {id}");
            return Err(Refusal::new("DUPLICATE_VALUE", message, &["FederationIdentifier"]));
        }
        Ok(())
    }

    fn check_licence(&self, user: &User, old: Option<&User>) -> Result<(), Refusal> {
        let licence = self.licence_of(user);
        if let Some((_, permission)) = user
            .permission_sets
            .iter()
            .filter_map(|id| self.permission_sets.get(id)?.licence.as_ref())
            .find(|(needed, _)| Some(needed) != licence)
        {
            let profile =
                user.get(Field::ProfileId).and_then(|id| self.profiles.get(id)).map_or("", |profile| &profile.name);
            let message = format!(
                "User's Profile can't be set to '{profile}' because it's derived from a license that doesn't require the \
                 following permission(s): {permission}"
            );
            return Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message, &["ProfileId"]));
        }
        let held = old.filter(|old| old.active).and_then(|old| self.licence_of(old));
        if user.active && held != licence {
            let free = self.licences.iter().any(|entry| Some(&entry.name) == licence && entry.used < entry.total);
            if !free {
                return Err(Refusal::new("LICENSE_LIMIT_EXCEEDED", "License Limit Exceeded", &[]));
            }
        }
        Ok(())
    }

    /// Puts `user` into the store and every index, in the place of what was there under its id.
    pub(super) fn place(&mut self, user: User) {
        let id = user.id.clone();
        let old = self.users.get(&id).cloned();
        if let Some(old) = &old {
            self.forget_user(old);
            for group in old.groups.difference(&user.groups) {
                if let Some(group) = self.groups.get_mut(group) {
                    group.members.remove(&id);
                }
            }
        }
        self.registry.claim(user.get(Field::Username).unwrap_or_default(), &id);
        if let Some(nickname) = user.get(Field::CommunityNickname) {
            self.nicknames.insert(nickname.to_lowercase(), id.clone());
        }
        if let Some(federation_id) = user.get(Field::FederationIdentifier) {
            self.federation_ids.insert(federation_id.to_lowercase(), id.clone());
        }
        for group in &user.groups {
            if let Some(group) = self.groups.get_mut(group) {
                group.members.insert(id.clone());
            }
        }
        self.count_licence(&user, |used| used + 1);
        self.touched.insert(id.clone());
        self.users.insert(id, user);
    }

    /// Takes `user` out of the store and every index, but not out of its groups.
    pub(super) fn forget_user(&mut self, user: &User) {
        self.users.remove(&user.id);
        self.registry.release(user.get(Field::Username).unwrap_or_default(), &user.id);
        self.nicknames.remove(&user.get(Field::CommunityNickname).unwrap_or_default().to_lowercase());
        self.federation_ids.remove(&user.get(Field::FederationIdentifier).unwrap_or_default().to_lowercase());
        self.count_licence(user, |used| used.saturating_sub(1));
    }

    /// Counts the licence that `user` holds while active.
    fn count_licence(&mut self, user: &User, count: fn(u32) -> u32) {
        let name = Some(user).filter(|user| user.active).and_then(|user| self.licence_of(user)).cloned();
        if let Some(licence) = self.licences.iter_mut().find(|licence| Some(&licence.name) == name.as_ref()) {
            licence.used = count(licence.used);
        }
    }
}

/// The stored form of a changed field's text.
fn check_field(field: Field, value: &str) -> Result<String, Refusal> {
    let name = field.name();
    if !matches!(field.kind(), Kind::Reference(_)) && value.chars().count() > field.max() {
        let message = format!("{}: data value too large: {value} (max length={})", field.label(), field.max());
        return Err(Refusal::new("STRING_TOO_LONG", message, &[name]));
    }
    match field.kind() {
        Kind::Email if !is_email(value) => {
            let message = format!("{}: invalid email address: {value}", field.label());
            Err(Refusal::new("INVALID_EMAIL_ADDRESS", message, &[name]))
        }
        // Salesforce keeps usernames in lower case and leaves e-mail addresses as they were sent.
        Kind::Email if field == Field::Username => Ok(value.to_lowercase()),
        Kind::Picklist(takes) if !takes(value) => {
            let message = format!("{}: bad value for restricted picklist field: {value}", field.label());
            Err(Refusal::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, &[name]))
        }
        Kind::Reference(prefix) => Store::reference(value, prefix).ok_or_else(|| Refusal::cross_reference(name)),
        Kind::Text | Kind::Email | Kind::Picklist(_) => Ok(value.to_owned()),
    }
}

/// One `@`, something before it, and a name with a dot after it.
fn is_email(value: &str) -> bool {
    let Some((local, domain)) = value.split_once('@') else { return false };
    let part = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "@<>(),;:\"".contains(c));
    part(local) && part(domain) && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}
