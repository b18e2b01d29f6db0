//! What the org holds, and the rules its database keeps. No HTTP, no JSON: the front ends translate.
//!
//! A link between two records (an assignment, a membership) is a record with an id of its own, as in Salesforce; it is
//! kept with the user or the group that it hangs on, and found by its id through an index.

mod assignment;
pub mod custom;
pub mod field;
mod group;
mod mishap;
mod model;
pub mod picklist;
pub mod record;
pub mod refusal;
pub mod registry;
mod rules;
mod seed;
mod undo;
mod user;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::assignment::{GroupMember, LicenceAssignment, SetAssignment};
use self::custom::CustomField;
pub use self::mishap::{Mishaps, Once};
pub use self::model::{
    Group, GroupKind, Licence, Links, Mail, MailKind, PermissionSet, PermissionSetGroup, PermissionSetLicence, Profile,
    Role, User,
};
use self::registry::UsernameRegistry;
use self::rules::Rules;
use self::undo::Undo;
use super::ids::{self, IdSource, prefix};
use super::settings::{EmailConfirmation, Settings};

/// What the org holds.
#[derive(Debug)]
pub struct Store {
    /// The org's 18-character id.
    pub org_id: String,
    /// When the org was made.
    pub founded: DateTime<Utc>,
    /// Profiles by id.
    pub profiles: BTreeMap<String, Profile>,
    /// Permission sets by id, those owned by profiles and those behind permission set groups included.
    pub permission_sets: BTreeMap<String, PermissionSet>,
    /// Permission set groups by id.
    pub permission_set_groups: BTreeMap<String, PermissionSetGroup>,
    /// Permission set licences by id.
    pub permission_set_licences: BTreeMap<String, PermissionSetLicence>,
    /// Roles by id.
    pub roles: BTreeMap<String, Role>,
    /// User licences.
    pub licences: Vec<Licence>,
    /// Custom fields of users.
    pub custom_fields: Vec<CustomField>,
    /// What happens to changed e-mail addresses.
    pub email_confirmation: EmailConfirmation,
    /// What stands in the way of writes.
    pub mishaps: Mishaps,
    /// The seeds that the rules refused, each with the reason: what is in the settings and not in the org.
    pub refused_seeds: Vec<String>,
    rules: Rules,
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
    nicknames: HashMap<String, String>,
    federation_ids: HashMap<String, String>,
    /// Values of unique custom fields: (API name, value in lower case) → user.
    unique_values: HashMap<(String, String), String>,
    /// Ids of assignments, memberships and logins → the user or group that they hang on.
    hanging: HashMap<String, String>,
    registry: Arc<UsernameRegistry>,
    domain: String,
    ids: IdSource,
    mails: Vec<Mail>,
    /// How many of the mails [`Store::take_changes`] has told of.
    mails_kept: usize,
    /// Ids of the users and groups that became different since [`Store::take_changes`].
    touched: BTreeSet<String>,
    undo: Option<Undo>,
}

impl Store {
    /// The org that `settings` describes, with its integration user. A seed that the rules refuse (an unknown licence,
    /// a username of another org) is left out and told of in [`Store::refused_seeds`].
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
            permission_set_groups: BTreeMap::new(),
            permission_set_licences: BTreeMap::new(),
            roles: BTreeMap::new(),
            licences: Vec::new(),
            custom_fields: Vec::new(),
            email_confirmation: settings.switches.email_confirmation,
            mishaps: Mishaps::default(),
            refused_seeds: Vec::new(),
            rules: Rules::default(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            nicknames: HashMap::new(),
            federation_ids: HashMap::new(),
            unique_values: HashMap::new(),
            hanging: HashMap::new(),
            registry: Arc::clone(&settings.registry),
            domain: settings.my_domain.to_lowercase(),
            ids,
            mails: Vec::new(),
            mails_kept: 0,
            touched: BTreeSet::new(),
            undo: None,
        };
        store.seed(settings, now);
        store.mishaps = settings.faults.mishaps();
        store
    }

    /// The id of the profile called `name`.
    pub fn profile_named(&self, name: &str) -> Option<String> {
        self.profiles.iter().find(|(_, profile)| profile.name == name).map(|(id, _)| id.clone())
    }

    /// The id of the permission set with the API name `name`.
    pub fn permission_set_named(&self, name: &str) -> Option<String> {
        self.permission_sets.iter().find(|(_, set)| set.name == name).map(|(id, _)| id.clone())
    }

    /// The id of the permission set group with the developer name `name`.
    pub fn set_group_named(&self, name: &str) -> Option<String> {
        self.permission_set_groups.iter().find(|(_, group)| group.developer_name == name).map(|(id, _)| id.clone())
    }

    /// The id of the permission set licence with the developer name `name`.
    pub fn set_licence_named(&self, name: &str) -> Option<String> {
        self.permission_set_licences.iter().find(|(_, entry)| entry.developer_name == name).map(|(id, _)| id.clone())
    }

    /// The id of the role called `name`.
    pub fn role_named(&self, name: &str) -> Option<String> {
        self.roles.iter().find(|(_, role)| role.name == name).map(|(id, _)| id.clone())
    }

    /// The id of the first group called `name`.
    pub fn group_named(&self, name: &str) -> Option<String> {
        self.groups.values().find(|group| group.name == name).map(|group| group.id.clone())
    }

    /// The custom field with the API name `name`, in whatever case.
    pub fn custom_field(&self, name: &str) -> Option<&CustomField> {
        self.custom_fields.iter().find(|field| field.api_name.eq_ignore_ascii_case(name))
    }

    /// Sets how many of the user licence, or of the permission set licence, `name` the org has; makes a user licence
    /// where there is neither. People who already hold one keep it.
    pub fn set_licence(&mut self, name: &str, total: u32) {
        if let Some(licence) = self.licences.iter_mut().find(|licence| licence.name == name) {
            licence.total = total;
        } else if let Some(licence) =
            self.permission_set_licences.values_mut().find(|licence| licence.developer_name == name)
        {
            licence.total = total;
        } else {
            let id = self.ids.next(prefix::USER_LICENCE);
            self.licences.push(Licence { id, name: name.to_owned(), total, used: 0 });
        }
    }

    /// Gives every username of this org back, so that the org can be made anew.
    pub fn release_usernames(&mut self) {
        for user in self.users.values() {
            self.registry.release(user.get(field::Field::Username).unwrap_or_default(), &self.owner(&user.id));
        }
    }

    /// The mails that the platform would have sent, oldest first.
    pub fn mails(&self) -> &[Mail] {
        &self.mails
    }

    /// Notes a mail that the platform would have sent.
    pub fn send_mail(&mut self, kind: MailKind, to: &str, user: &str, now: DateTime<Utc>) {
        self.mails.push(Mail { at: now, kind, to: to.to_owned(), user: user.to_owned() });
    }

    /// The name under which a user of this org owns a username.
    fn owner(&self, id: &str) -> String {
        format!("{}/{id}", self.domain)
    }

    /// The 18-character form of `id` if it starts with `prefix`.
    fn reference(id: &str, prefix: &str) -> Option<String> {
        ids::canonical(id).filter(|id| id.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests;
