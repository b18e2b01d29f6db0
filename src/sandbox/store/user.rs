//! The rules of the `User` object.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::field::{Field, Kind};
use super::model::Links;
use super::refusal::Refusal;
use super::{MailKind, Store, User};
use crate::sandbox::ids::prefix;
use crate::sandbox::settings::EmailConfirmation;

const DUPLICATE_USERNAME: &str = "Duplicate Username.<br>The username already exists in this or another Salesforce \
    organization. Usernames must be unique across all Salesforce organizations. To resolve, use a different username (it \
    doesn't need to match the user's email address). ";
const DUPLICATE_NICKNAME: &str =
    "Duplicate Nickname.<br>Another user has already selected this nickname.<br>Please select another.";

/// The `UserType` of people with a licence of their own.
pub(super) const STANDARD: &str = "Standard";

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
        let owner = self.registry.owner(&username.to_lowercase())?;
        self.users.get(owner.strip_prefix(&self.domain)?.strip_prefix('/')?)
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
            custom: BTreeMap::new(),
            active: false,
            frozen: false,
            user_type: STANDARD.to_owned(),
            pending_email: None,
            permission_sets: Links::new(),
            set_groups: Links::new(),
            set_licences: Links::new(),
            groups: Links::new(),
            login_id: String::new(),
            profile_assignment: String::new(),
            undeactivatable: None,
            integration: false,
            created: now,
            modified: now,
        }
    }

    /// Adds `user`, whose id is made here. It comes without assignments and memberships, whatever `user` says.
    pub fn insert_user(&mut self, mut user: User) -> Result<String, Refusal> {
        self.begin_write(prefix::USER)?;
        for links in [&mut user.permission_sets, &mut user.set_groups, &mut user.set_licences, &mut user.groups] {
            links.clear();
        }
        user.id = String::new();
        for field in &self.custom_fields {
            if let Some(default) = &field.default
                && !user.custom.contains_key(&field.api_name)
            {
                user.custom.insert(field.api_name.clone(), default.clone());
            }
        }
        self.check(&mut user, None)?;
        user.id = self.ids.next(prefix::USER);
        user.login_id = self.ids.next(prefix::USER_LOGIN);
        user.profile_assignment = self.ids.next(prefix::SET_ASSIGNMENT);
        let id = user.id.clone();
        self.place(user);
        Ok(id)
    }

    /// Writes the fields of `user` over what is there; answers whether anything became different. Assignments,
    /// memberships and the freeze are not written by it.
    pub fn update_user(&mut self, mut user: User, now: DateTime<Utc>) -> Result<bool, Refusal> {
        self.begin_write(&user.id)?;
        let Some(old) = self.users.get(&user.id).cloned() else { return Err(Refusal::deleted()) };
        user.permission_sets.clone_from(&old.permission_sets);
        user.set_groups.clone_from(&old.set_groups);
        user.set_licences.clone_from(&old.set_licences);
        user.groups.clone_from(&old.groups);
        user.frozen = old.frozen;
        self.check(&mut user, Some(&old))?;
        if user.get(Field::Email) != old.get(Field::Email) && self.email_confirmation == EmailConfirmation::Pending {
            let wanted = user.get(Field::Email).unwrap_or_default().to_owned();
            self.send_mail(MailKind::EmailChange, &wanted, &user.id, now);
            user.pending_email = Some(wanted);
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

    /// Confirms every address that waits, as if each person had followed the link in the mail; answers how many.
    pub fn confirm_emails(&mut self, now: DateTime<Utc>) -> usize {
        let waiting: Vec<User> = self.users.values().filter(|user| user.pending_email.is_some()).cloned().collect();
        let confirmed = waiting.len();
        for mut user in waiting {
            let email = user.pending_email.take().unwrap_or_default();
            user.set(Field::Email, &email);
            user.modified = now;
            self.place(user);
        }
        confirmed
    }

    /// The name of the user licence that the user's profile belongs to.
    pub fn licence_of(&self, user: &User) -> Option<&String> {
        user.get(Field::ProfileId).and_then(|id| self.profiles.get(id)).map(|profile| &profile.licence)
    }

    /// Normalises `user` and refuses it where a rule is broken.
    fn check(&mut self, user: &mut User, old: Option<&User>) -> Result<(), Refusal> {
        let profile = user.get(Field::ProfileId).and_then(|id| self.profiles.get(id)).map(|profile| &profile.name);
        if profile.is_some_and(|name| self.mishaps.sso_profiles.contains(name)) {
            self.mishaps.struck = Some("sso_profile");
            return Err(Refusal::unknown());
        }
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
        self.check_custom(user, old)?;
        self.check_references(user)?;
        self.check_unique(user)?;
        let renamed = old.is_none_or(|old| old.get(Field::Username) != user.get(Field::Username));
        if renamed && self.mishaps.username_is_taken() {
            return Err(Refusal::new("DUPLICATE_USERNAME", DUPLICATE_USERNAME, &["Username"]));
        }
        if let Some(role) = user.get(Field::UserRoleId)
            && old.is_none_or(|old| old.get(Field::UserRoleId) != Some(role))
        {
            self.mishaps.meet_row(role)?;
        }
        self.check_rules(user)?;
        if let Some(reason) = old.filter(|old| old.active && !user.active).and_then(|old| old.undeactivatable.as_ref())
        {
            let message = format!("Cannot deactivate user: this user is the {reason}");
            return Err(Refusal::new("DEPENDENCY_EXISTS", message, &["IsActive"]));
        }
        self.check_licence(user, old)
    }

    fn check_custom(&self, user: &mut User, old: Option<&User>) -> Result<(), Refusal> {
        for (name, value) in user.custom.clone() {
            if old.is_some_and(|old| old.custom.get(&name) == Some(&value)) {
                continue;
            }
            let Some(field) = self.custom_field(&name) else {
                let message = format!("No such column '{name}' on sobject of type User");
                return Err(Refusal::new("INVALID_FIELD", message, &[]));
            };
            let stored = field.coerce(&value)?;
            let place = (field.api_name.clone(), stored.to_lowercase());
            let owner = self.unique_values.get(&place).filter(|owner| **owner != user.id);
            if let Some(owner) = owner.filter(|_| !stored.is_empty()) {
                return Err(Refusal::duplicate(&[field.api_name.as_str()], owner));
            }
            let name = field.api_name.clone();
            user.set_custom(&name, &stored);
        }
        Ok(())
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
        if self.registry.is_taken(user.get(Field::Username).unwrap_or_default(), &self.owner(&user.id)) {
            return Err(Refusal::new("DUPLICATE_USERNAME", DUPLICATE_USERNAME, &["Username"]));
        }
        let other = |index: &std::collections::HashMap<String, String>, field: Field| {
            user.get(field).and_then(|value| index.get(&value.to_lowercase())).filter(|id| **id != user.id).cloned()
        };
        if other(&self.nicknames, Field::CommunityNickname).is_some() {
            return Err(Refusal::new("DUPLICATE_COMM_NICKNAME", DUPLICATE_NICKNAME, &["CommunityNickname"]));
        }
        if let Some(id) = other(&self.federation_ids, Field::FederationIdentifier) {
            return Err(Refusal::duplicate(&["FederationIdentifier"], &id));
        }
        Ok(())
    }

    fn check_licence(&mut self, user: &User, old: Option<&User>) -> Result<(), Refusal> {
        let licence = self.licence_of(user);
        let gate = user
            .permission_sets
            .keys()
            .filter_map(|id| self.permission_sets.get(id)?.licence.as_ref())
            .find(|(needed, _)| Some(needed) != licence)
            .map(|(_, permission)| permission.as_str());
        let moved = old.and_then(|old| self.licence_of(old)).is_some_and(|held| Some(held) != licence);
        let permission = match gate {
            Some(permission) => Some(permission),
            None if moved && !self.rules.profile_across_licences => Some("Read Accounts"),
            None => None,
        };
        if let Some(permission) = permission {
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
            if !free || self.mishaps.licence_is_gone() {
                return Err(Refusal::new("LICENSE_LIMIT_EXCEEDED", "License Limit Exceeded", &[]));
            }
        }
        Ok(())
    }

    /// Puts `user` into the store and every index, in the place of what was there under its id.
    pub(super) fn place(&mut self, user: User) {
        let id = user.id.clone();
        self.remember_user(&id);
        let left: Vec<String> = self
            .users
            .get(&id)
            .map(|old| old.groups.keys().filter(|group| !user.groups.contains_key(*group)).cloned().collect())
            .unwrap_or_default();
        if let Some(old) = self.users.get(&id).cloned() {
            self.unindex_user(&old);
        }
        for group in left {
            self.take_member_out(&group, &id);
        }
        self.registry.claim(user.get(Field::Username).unwrap_or_default(), &self.owner(&id));
        if let Some(nickname) = user.get(Field::CommunityNickname) {
            self.nicknames.insert(nickname.to_lowercase(), id.clone());
        }
        if let Some(federation_id) = user.get(Field::FederationIdentifier) {
            self.federation_ids.insert(federation_id.to_lowercase(), id.clone());
        }
        for field in self.custom_fields.iter().filter(|field| field.unique) {
            if let Some(value) = user.custom.get(&field.api_name) {
                self.unique_values.insert((field.api_name.clone(), value.to_lowercase()), id.clone());
            }
        }
        for (group, link) in &user.groups {
            self.put_member_in(group, &id, link);
        }
        self.hanging.extend(user.hanging().map(|link| (link.clone(), id.clone())));
        self.count_licence(&user, |used| used + 1);
        for licence in user.set_licences.keys() {
            self.count_set_licence(licence, |used| used + 1);
        }
        self.touched.insert(id.clone());
        self.users.insert(id, user);
    }

    /// Takes `user` out of the store, every index and its groups.
    pub(super) fn forget_user(&mut self, user: &User) {
        self.remember_user(&user.id);
        self.unindex_user(user);
        for group in user.groups.keys() {
            self.take_member_out(group, &user.id);
        }
        self.users.remove(&user.id);
    }

    /// Takes `user` out of every index.
    fn unindex_user(&mut self, user: &User) {
        self.registry.release(user.get(Field::Username).unwrap_or_default(), &self.owner(&user.id));
        self.nicknames.remove(&user.get(Field::CommunityNickname).unwrap_or_default().to_lowercase());
        self.federation_ids.remove(&user.get(Field::FederationIdentifier).unwrap_or_default().to_lowercase());
        for (name, value) in &user.custom {
            self.unique_values.remove(&(name.clone(), value.to_lowercase()));
        }
        for link in user.hanging() {
            self.hanging.remove(link);
        }
        self.count_licence(user, |used| used.saturating_sub(1));
        for licence in user.set_licences.keys() {
            self.count_set_licence(licence, |used| used.saturating_sub(1));
        }
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
    if !matches!(field.kind(), Kind::Reference(_) | Kind::Boolean) && value.chars().count() > field.max() {
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
        Kind::Boolean => match value.to_ascii_lowercase().as_str() {
            "true" => Ok("true".to_owned()),
            "false" => Ok(String::new()),
            _ => {
                let message = format!("{}: value not of required type: {value}", field.label());
                Err(Refusal::new("INVALID_TYPE_ON_FIELD_IN_RECORD", message, &[name]))
            }
        },
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
