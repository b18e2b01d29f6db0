//! What the org holds, and the rules its database keeps. No HTTP, no JSON: the front ends translate.

pub mod field;
mod group;
pub mod picklist;
pub mod record;
pub mod refusal;
pub mod registry;
pub mod trouble;
mod user;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::field::Field;
use self::refusal::Refusal;
use self::registry::UsernameRegistry;
use self::trouble::{Trouble, Troubles, Write};
use super::ids::{self, IdSource, prefix};
use super::settings::{EmailConfirmation, Settings};

/// A user of the org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// 18-character id.
    pub id: String,
    /// The fields that are not empty.
    pub text: BTreeMap<Field, String>,
    /// `IsActive`: may log in and takes a licence.
    pub active: bool,
    /// The address that waits for the person's confirmation.
    pub pending_email: Option<String>,
    /// Ids of the permission sets assigned.
    pub permission_sets: BTreeSet<String>,
    /// Ids of the groups that the user is a direct member of.
    pub groups: BTreeSet<String>,
    /// Whether this is the user that the connected app runs as.
    pub integration: bool,
    /// `CreatedDate`.
    pub created: DateTime<Utc>,
    /// `LastModifiedDate`; memberships and assignments do not move it.
    pub modified: DateTime<Utc>,
}

impl User {
    /// The field's text; `None` where it is empty.
    pub fn get(&self, field: Field) -> Option<&str> {
        self.text.get(&field).map(String::as_str)
    }

    /// Sets the field; an empty text clears it.
    pub fn set(&mut self, field: Field, value: &str) {
        if value.is_empty() {
            self.text.remove(&field);
        } else {
            self.text.insert(field, value.to_owned());
        }
    }

    /// `User.Name`.
    pub fn name(&self) -> String {
        [Field::FirstName, Field::LastName].into_iter().filter_map(|part| self.get(part)).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a group is a public group or a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// A public group.
    Regular,
    /// A queue: listed among the groups, but not to be had one by one.
    Queue,
}

impl GroupKind {
    /// `Group.Type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regular => "Regular",
            Self::Queue => "Queue",
        }
    }
}

/// A group of users and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// 18-character id.
    pub id: String,
    /// `Group.Name`, the label; several groups may have the same.
    pub name: String,
    /// `Group.DeveloperName`; unique where it is given.
    pub developer_name: Option<String>,
    /// `Group.Type`.
    pub kind: GroupKind,
    /// Ids of users and groups.
    pub members: BTreeSet<String>,
    /// `CreatedDate`.
    pub created: DateTime<Utc>,
    /// `LastModifiedDate`.
    pub modified: DateTime<Utc>,
}

/// A profile.
#[derive(Debug, Clone)]
pub struct Profile {
    /// `Profile.Name`.
    pub name: String,
    /// Name of its user licence.
    pub licence: String,
}

/// A permission set.
#[derive(Debug, Clone)]
pub struct PermissionSet {
    /// `PermissionSet.Name`, the API name.
    pub name: String,
    /// `PermissionSet.Label`.
    pub label: String,
    /// The only user licence whose people may hold it, and the permission that the refusal names.
    pub licence: Option<(String, String)>,
    /// Whether a profile owns it, so that nobody is assigned to it.
    pub owned_by_profile: bool,
}

/// A user licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// Its name.
    pub name: String,
    /// How many the org has bought.
    pub total: u32,
    /// How many active users hold one.
    pub used: u32,
}

/// What the org holds.
#[derive(Debug)]
pub struct Store {
    /// The org's 18-character id.
    pub org_id: String,
    /// When the org was made.
    pub founded: DateTime<Utc>,
    /// Profiles by id.
    pub profiles: BTreeMap<String, Profile>,
    /// Permission sets by id.
    pub permission_sets: BTreeMap<String, PermissionSet>,
    /// Names of roles by id.
    pub roles: BTreeMap<String, String>,
    /// User licences.
    pub licences: Vec<Licence>,
    /// What happens to changed e-mail addresses.
    pub email_confirmation: EmailConfirmation,
    /// What stands in the way of writes.
    pub troubles: Troubles,
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
    nicknames: HashMap<String, String>,
    federation_ids: HashMap<String, String>,
    registry: Arc<UsernameRegistry>,
    ids: IdSource,
    /// Ids of the users and groups that became different since [`Store::take_changes`].
    touched: BTreeSet<String>,
}

impl Store {
    /// The org that `settings` describes, with its integration user. A seed that the rules refuse (an unknown licence,
    /// a username of another org) is left out.
    pub fn new(settings: &Settings, now: DateTime<Utc>) -> Self {
        let mut ids = IdSource::new(&settings.my_domain);
        let org_id = ids.next(prefix::ORGANIZATION);
        for username in &settings.taken_usernames {
            settings.registry.claim(&username.to_lowercase(), "an org that is not simulated");
        }
        let mut store = Self {
            org_id,
            founded: now,
            profiles: BTreeMap::new(),
            permission_sets: BTreeMap::new(),
            roles: BTreeMap::new(),
            licences: settings
                .licences
                .iter()
                .map(|(name, total)| Licence { name: name.clone(), total: *total, used: 0 })
                .collect(),
            email_confirmation: settings.switches.email_confirmation,
            troubles: Troubles::default(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            nicknames: HashMap::new(),
            federation_ids: HashMap::new(),
            registry: Arc::clone(&settings.registry),
            ids,
            touched: BTreeSet::new(),
        };
        store.seed(settings, now);
        store.troubles = Troubles::of(&settings.faults);
        store
    }

    fn seed(&mut self, settings: &Settings, now: DateTime<Utc>) {
        for seed in &settings.profiles {
            let id = self.ids.next(prefix::PROFILE);
            self.profiles.insert(id, Profile { name: seed.name.clone(), licence: seed.licence.clone() });
        }
        for seed in &settings.permission_sets {
            let id = self.ids.next(prefix::PERMISSION_SET);
            let set = PermissionSet {
                name: seed.name.clone(),
                label: seed.label.clone(),
                licence: seed.licence.clone(),
                owned_by_profile: seed.owned_by_profile.is_some(),
            };
            self.permission_sets.insert(id, set);
        }
        for name in &settings.roles {
            let id = self.ids.next(prefix::ROLE);
            self.roles.insert(id, name.clone());
        }
        for seed in &settings.groups {
            let members: Vec<String> = seed.groups.iter().filter_map(|name| self.group_named(name)).collect();
            let kind = if seed.queue { GroupKind::Queue } else { GroupKind::Regular };
            let developer_name: String =
                seed.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
            if let Ok(id) = self.insert_group(&seed.name, Some(&developer_name), kind, now) {
                for member in members {
                    let _already = self.add_member(&id, &member);
                }
            }
        }
        let mut integration = self.blank_user(now);
        integration.integration = true;
        integration.active = true;
        for (field, value) in [
            (Field::Username, settings.integration_username.to_lowercase().as_str()),
            (Field::FirstName, "Integration"),
            (Field::LastName, "User"),
            (Field::Email, settings.integration_username.as_str()),
            (Field::Alias, "integ"),
            (Field::CommunityNickname, "integration"),
            (Field::LanguageLocaleKey, "en_US"),
            (Field::LocaleSidKey, "en_US"),
            (Field::TimeZoneSidKey, "America/Los_Angeles"),
            (Field::EmailEncodingKey, "UTF-8"),
        ] {
            integration.set(field, value);
        }
        if let Some(profile) =
            self.profile_named("System Administrator").or_else(|| self.profiles.keys().next().cloned())
        {
            integration.set(Field::ProfileId, &profile);
        }
        let _refused = self.insert_user(integration);
    }

    /// The id of the profile called `name`.
    pub fn profile_named(&self, name: &str) -> Option<String> {
        self.profiles.iter().find(|(_, profile)| profile.name == name).map(|(id, _)| id.clone())
    }

    /// The id of the first group called `name`.
    pub fn group_named(&self, name: &str) -> Option<String> {
        self.groups.values().find(|group| group.name == name).map(|group| group.id.clone())
    }

    /// Sets how many of the licence `name` the org has; makes it where there is none. People who already hold one keep
    /// it.
    pub fn set_licence(&mut self, name: &str, total: u32) {
        match self.licences.iter_mut().find(|licence| licence.name == name) {
            Some(licence) => licence.total = total,
            None => self.licences.push(Licence { name: name.to_owned(), total, used: 0 }),
        }
    }

    /// What every write does first: meets whatever stands in its way by order of a test.
    fn begin_write(&mut self, id: &str, write: Write) -> Result<(), Refusal> {
        self.troubles.meet(id, write)
    }

    /// Fails where users with this profile are broken by order of a test.
    fn meet_broken_profile(&mut self, user: &User) -> Result<(), Refusal> {
        let profile = user.get(Field::ProfileId).and_then(|id| self.profiles.get(id)).map(|profile| &profile.name);
        if profile.is_some() && profile == self.troubles.broken_profile.as_ref() {
            return Err(self.troubles.note(Trouble::UnknownException, &user.id));
        }
        Ok(())
    }

    /// The 18-character form of `id` if it starts with `prefix`.
    fn reference(id: &str, prefix: &str) -> Option<String> {
        ids::canonical(id).filter(|id| id.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests;
