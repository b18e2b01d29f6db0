//! What is in the org from the start.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::custom::{CustomField, CustomKind};
use super::field::Field;
use super::refusal::Refusal;
use super::rules::Rules;
use super::{GroupKind, PermissionSet, PermissionSetGroup, PermissionSetLicence, Profile, Role, Store, User};
use crate::sandbox::ids::prefix;
use crate::sandbox::seeds::{CustomFieldSeed, CustomType, GroupSeed, UserSeed};
use crate::sandbox::settings::Settings;

/// A name with nothing in it but what a developer name takes.
fn developer_name(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

impl Store {
    /// Puts everything in. What the rules refuse is noted and left out.
    pub(super) fn seed(&mut self, settings: &Settings, now: DateTime<Utc>) {
        self.rules = Rules::of(settings);
        for (name, total) in &settings.licences {
            self.set_licence(name, *total);
        }
        for seed in &settings.custom_fields {
            match custom_field(seed) {
                Ok(field) if self.custom_field(&field.api_name).is_none() => self.custom_fields.push(field),
                Ok(field) => self.refuse(&format!("custom field {}", field.api_name), "it is there twice"),
                Err(reason) => self.refuse(&format!("custom field {}", seed.api_name), &reason),
            }
        }
        self.seed_catalogue(settings);
        for seed in &settings.groups {
            if let Err(refusal) = self.seed_group(seed, now) {
                self.refuse(&format!("group {}", seed.name), &refusal.to_string());
            }
        }
        self.seed_integration_user(settings, now);
        for seed in &settings.users {
            if let Err(reason) = self.seed_user(seed, now) {
                self.refuse(&format!("user {}", seed.username), &reason);
            }
        }
        for seed in &settings.groups {
            self.seed_members(seed);
        }
        let refused = self.rules.begin_watch(settings);
        self.refused_seeds.extend(refused);
    }

    fn refuse(&mut self, what: &str, reason: &str) {
        self.refused_seeds.push(format!("{what}: {reason}"));
    }

    fn seed_catalogue(&mut self, settings: &Settings) {
        for seed in &settings.profiles {
            if !self.licences.iter().any(|licence| licence.name == seed.licence) {
                self.refuse(&format!("profile {}", seed.name), &format!("there is no user licence {}", seed.licence));
                continue;
            }
            let id = self.ids.next(prefix::PROFILE);
            let profile = Profile { name: seed.name.clone(), licence: seed.licence.clone(), owned_set: String::new() };
            self.profiles.insert(id, profile);
        }
        for seed in &settings.permission_set_licences {
            let id = self.ids.next(prefix::PERMISSION_SET_LICENCE);
            let entry = PermissionSetLicence {
                developer_name: seed.developer_name.clone(),
                label: seed.label.clone().unwrap_or_else(|| seed.developer_name.replace('_', " ")),
                total: seed.total,
                used: 0,
            };
            self.permission_set_licences.insert(id, entry);
        }
        for seed in &settings.permission_sets {
            let what = format!("permission set {}", seed.name);
            let set_licence = seed.permission_set_licence.as_ref().map(|name| (name, self.set_licence_named(name)));
            if let Some((name, None)) = &set_licence {
                self.refuse(&what, &format!("there is no permission set licence {name}"));
                continue;
            }
            let profile = seed.owned_by_profile.as_ref().map(|name| (name, self.profile_named(name)));
            if let Some((name, None)) = &profile {
                self.refuse(&what, &format!("there is no profile {name}"));
                continue;
            }
            let profile = profile.and_then(|(_, id)| id);
            let set = PermissionSet {
                name: seed.name.clone(),
                label: seed.label.clone(),
                licence: seed.licence.clone(),
                set_licence: set_licence.and_then(|(_, id)| id),
                owned_by_profile: profile.is_some(),
                profile: profile.clone(),
                group: None,
            };
            let id = self.ids.next(prefix::PERMISSION_SET);
            self.permission_sets.insert(id.clone(), set);
            if let Some(profile) = profile.and_then(|id| self.profiles.get_mut(&id)) {
                profile.owned_set = id;
            }
        }
        self.complete_profiles();
        for seed in &settings.permission_set_groups {
            let mut sets = BTreeSet::new();
            for name in &seed.permission_sets {
                match self
                    .permission_set_named(name)
                    .filter(|id| self.permission_sets.get(id).is_some_and(PermissionSet::is_assignable))
                {
                    Some(id) => {
                        sets.insert(id);
                    }
                    None => self.refuse(
                        &format!("permission set group {}", seed.developer_name),
                        &format!("there is no permission set {name} that no profile owns"),
                    ),
                }
            }
            let id = self.ids.next(prefix::PERMISSION_SET_GROUP);
            let label = seed.label.clone().unwrap_or_else(|| seed.developer_name.replace('_', " "));
            let hidden_set = self.ids.next(prefix::PERMISSION_SET);
            let hidden = PermissionSet {
                name: format!("X{}", id.get(..15).unwrap_or(&id)),
                label: label.clone(),
                licence: None,
                set_licence: None,
                owned_by_profile: false,
                profile: None,
                group: Some(id.clone()),
            };
            self.permission_sets.insert(hidden_set.clone(), hidden);
            let group = PermissionSetGroup { developer_name: seed.developer_name.clone(), label, sets, hidden_set };
            self.permission_set_groups.insert(id, group);
        }
        for seed in &settings.roles {
            let parent = seed.parent.as_ref().map(|name| (name, self.role_named(name)));
            if let Some((name, None)) = &parent {
                let reason = format!("there is no role {name} before it");
                self.refuse(&format!("role {}", seed.name), &reason);
                continue;
            }
            let role = Role {
                name: seed.name.clone(),
                developer_name: developer_name(&seed.name),
                parent: parent.and_then(|(_, id)| id),
            };
            let id = self.ids.next(prefix::ROLE);
            self.roles.insert(id, role);
        }
    }

    /// Every profile owns a permission set, whether anybody named it or not.
    fn complete_profiles(&mut self) {
        for (id, profile) in &mut self.profiles {
            if profile.owned_set.is_empty() {
                profile.owned_set = self.ids.next(prefix::PERMISSION_SET);
                let set = PermissionSet {
                    name: format!("X{}", id.get(..15).unwrap_or(id)),
                    label: profile.name.clone(),
                    licence: None,
                    set_licence: None,
                    owned_by_profile: true,
                    profile: Some(id.clone()),
                    group: None,
                };
                self.permission_sets.insert(profile.owned_set.clone(), set);
            }
        }
    }

    /// Adds a group without members; answers its id.
    pub(crate) fn seed_group(&mut self, seed: &GroupSeed, now: DateTime<Utc>) -> Result<String, Refusal> {
        let kind = if seed.queue { GroupKind::Queue } else { GroupKind::Regular };
        self.insert_group(&seed.name, Some(&developer_name(&seed.name)), kind, now)
    }

    fn seed_members(&mut self, seed: &GroupSeed) {
        let Some(group) = self.group_named(&seed.name) else { return };
        let groups = seed.groups.iter().map(|name| (name, self.group_named(name)));
        let users = seed.users.iter().map(|name| (name, self.user_by_username(name).map(|user| user.id.clone())));
        let members: Vec<(String, Option<String>)> =
            groups.chain(users).map(|(name, member)| (name.clone(), member)).collect();
        for (name, member) in members {
            let added = match member {
                Some(member) => self.add_member(&group, &member).map_err(|refusal| refusal.to_string()),
                None => Err("there is none".to_owned()),
            };
            if let Err(reason) = added {
                self.refuse(&format!("member {name} of group {}", seed.name), &reason);
            }
        }
    }

    /// A user with everything filled in that every user must have.
    fn complete_user(&self, username: &str, last_name: &str, now: DateTime<Utc>) -> User {
        let mut user = self.blank_user(now);
        user.active = true;
        for (field, value) in [
            (Field::Username, username),
            (Field::LastName, last_name),
            (Field::Email, username),
            (Field::Alias, username.get(..5).unwrap_or(username)),
            (Field::CommunityNickname, username.get(..40).unwrap_or(username)),
            (Field::LanguageLocaleKey, "en_US"),
            (Field::LocaleSidKey, "en_US"),
            (Field::TimeZoneSidKey, "America/Los_Angeles"),
            (Field::EmailEncodingKey, "UTF-8"),
        ] {
            user.set(field, value);
        }
        user
    }

    fn seed_integration_user(&mut self, settings: &Settings, now: DateTime<Utc>) {
        let mut user = self.complete_user(&settings.integration_username, "User", now);
        user.integration = true;
        user.set(Field::FirstName, "Integration");
        user.set(Field::Alias, "integ");
        user.set(Field::CommunityNickname, "integration");
        let profile = self.profile_named("System Administrator").or_else(|| self.profiles.keys().next().cloned());
        user.set(Field::ProfileId, &profile.unwrap_or_default());
        if let Err(refusal) = self.insert_user(user) {
            self.refuse(&format!("user {}", settings.integration_username), &refusal.to_string());
        }
    }

    /// Adds somebody, with assignments and memberships; answers the id.
    pub(crate) fn seed_user(&mut self, seed: &UserSeed, now: DateTime<Utc>) -> Result<String, String> {
        let last_name = seed.last_name.as_deref().unwrap_or_else(|| seed.username.split('@').next().unwrap_or("User"));
        let mut user = self.complete_user(&seed.username, last_name, now);
        user.active = seed.active;
        user.frozen = seed.frozen;
        user.user_type.clone_from(&seed.user_type);
        user.undeactivatable.clone_from(&seed.undeactivatable);
        let profile =
            self.profile_named(&seed.profile).ok_or_else(|| format!("there is no profile {}", seed.profile))?;
        user.set(Field::ProfileId, &profile);
        if let Some(name) = &seed.role {
            user.set(Field::UserRoleId, &self.role_named(name).ok_or_else(|| format!("there is no role {name}"))?);
        }
        for (field, value) in [
            (Field::FirstName, &seed.first_name),
            (Field::Email, &seed.email),
            (Field::FederationIdentifier, &seed.federation_id),
        ] {
            if let Some(value) = value {
                user.set(field, value);
            }
        }
        for (name, value) in &seed.fields {
            if let Some(field) = Field::named(name) {
                user.set(field, value);
            } else if let Some(field) = self.custom_field(name) {
                user.set_custom(&field.api_name.clone(), value);
            } else {
                return Err(format!("users have no field {name}"));
            }
        }
        if let Some(manager) = user.get(Field::ManagerId).filter(|text| text.contains('@')) {
            let id = self.user_by_username(manager).map(|user| user.id.clone());
            let id = id.ok_or_else(|| format!("there is no manager {manager} before it"))?;
            user.set(Field::ManagerId, &id);
        }
        let id = self.insert_user(user).map_err(|refusal| refusal.to_string())?;
        self.seed_assignments(&id, seed)?;
        Ok(id)
    }

    fn seed_assignments(&mut self, id: &str, seed: &UserSeed) -> Result<(), String> {
        for name in &seed.permission_set_licences {
            let licence = self.set_licence_named(name).ok_or_else(|| format!("no permission set licence {name}"))?;
            self.assign_licence(id, &licence).map_err(|refusal| refusal.to_string())?;
        }
        for name in &seed.permission_sets {
            let set = self.permission_set_named(name).ok_or_else(|| format!("no permission set {name}"))?;
            self.assign(id, &set).map_err(|refusal| refusal.to_string())?;
        }
        for name in &seed.permission_set_groups {
            let group = self.set_group_named(name).ok_or_else(|| format!("no permission set group {name}"))?;
            self.assign(id, &group).map_err(|refusal| refusal.to_string())?;
        }
        for name in &seed.groups {
            let group = self.group_named(name).ok_or_else(|| format!("no group {name}"))?;
            self.add_member(&group, id).map_err(|refusal| refusal.to_string())?;
        }
        Ok(())
    }
}

/// The field that `seed` describes.
fn custom_field(seed: &CustomFieldSeed) -> Result<CustomField, String> {
    let stem = seed.api_name.strip_suffix("__c").unwrap_or_default();
    let is_name = stem.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && stem.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_name {
        return Err("an API name begins with a letter, holds letters, digits and underscores, and ends with __c".into());
    }
    let kind = match seed.kind {
        CustomType::Text => CustomKind::Text(seed.length.unwrap_or(255)),
        CustomType::Number => CustomKind::Number,
        CustomType::Checkbox => CustomKind::Checkbox,
        CustomType::Date => CustomKind::Date,
        CustomType::Reference => CustomKind::Reference,
        CustomType::Picklist if seed.values.is_empty() => return Err("a picklist needs values".to_owned()),
        CustomType::Picklist => CustomKind::Picklist(seed.values.clone()),
    };
    let field = CustomField {
        api_name: seed.api_name.clone(),
        label: seed.label.clone().unwrap_or_else(|| stem.replace('_', " ")),
        kind,
        unique: seed.unique,
        default: seed.default.clone(),
    };
    if let Some(default) = &field.default {
        field.coerce(default).map_err(|refusal| format!("its default: {}", refusal.message))?;
    }
    Ok(field)
}
