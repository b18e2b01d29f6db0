//! The records.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::field::Field;

/// Ids of records that somebody is linked to, each with the id of the record that is the link.
pub type Links = BTreeMap<String, String>;

/// A user of the org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// 18-character id.
    pub id: String,
    /// The standard fields that are not empty.
    pub text: BTreeMap<Field, String>,
    /// The custom fields that are not empty: API name → text in the form of the field's type.
    pub custom: BTreeMap<String, String>,
    /// `IsActive`: may log in and takes a licence.
    pub active: bool,
    /// `UserLogin.IsFrozen`: may not log in and keeps the licence.
    pub frozen: bool,
    /// `UserType`: `Standard`, `PowerPartner`, `Guest`, …
    pub user_type: String,
    /// The address that waits for the person's confirmation.
    pub pending_email: Option<String>,
    /// Permission sets assigned → `PermissionSetAssignment`.
    pub permission_sets: Links,
    /// Permission set groups assigned → `PermissionSetAssignment`.
    pub set_groups: Links,
    /// Permission set licences assigned → `PermissionSetLicenseAssign`.
    pub set_licences: Links,
    /// Groups that the user is a direct member of → `GroupMember`.
    pub groups: Links,
    /// Id of the `UserLogin`.
    pub login_id: String,
    /// Id of the `PermissionSetAssignment` of the permission set that the profile owns.
    pub profile_assignment: String,
    /// Why the platform refuses to deactivate the user, such as `default case owner`.
    pub undeactivatable: Option<String>,
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

    /// Sets a custom field, by its API name as the org spells it; an empty text clears it. [`super::Store`] checks it
    /// when the user is written.
    pub fn set_custom(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.custom.remove(name);
        } else {
            self.custom.insert(name.to_owned(), value.to_owned());
        }
    }

    /// `User.Name`.
    pub fn name(&self) -> String {
        [Field::FirstName, Field::LastName].into_iter().filter_map(|part| self.get(part)).collect::<Vec<_>>().join(" ")
    }

    /// Whether both are the same to whoever looks at them: neither the time of the last change nor the ids of links
    /// count.
    pub fn is_like(&self, other: &Self) -> bool {
        let same = |one: &Links, other: &Links| one.keys().eq(other.keys());
        let bare = |user: &Self| Self {
            modified: self.modified,
            permission_sets: Links::new(),
            set_groups: Links::new(),
            set_licences: Links::new(),
            groups: Links::new(),
            ..user.clone()
        };
        same(&self.permission_sets, &other.permission_sets)
            && same(&self.set_groups, &other.set_groups)
            && same(&self.set_licences, &other.set_licences)
            && same(&self.groups, &other.groups)
            && bare(self) == bare(other)
    }

    /// The ids of everything that hangs on the user: its assignments, its `UserLogin`. Memberships hang on groups.
    pub(super) fn hanging(&self) -> impl Iterator<Item = &String> {
        let links = self.permission_sets.values().chain(self.set_groups.values()).chain(self.set_licences.values());
        links.chain([&self.login_id, &self.profile_assignment])
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
    /// Users and groups → `GroupMember`.
    pub members: Links,
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
    /// Id of the permission set that it owns.
    pub owned_set: String,
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
    /// Id of the permission set licence without which nobody may hold it.
    pub set_licence: Option<String>,
    /// Whether a profile owns it (`IsOwnedByProfile`), so that nobody is assigned to it.
    pub owned_by_profile: bool,
    /// Id of the profile that owns it.
    pub profile: Option<String>,
    /// Id of the permission set group whose hidden set it is: nobody is assigned to it but through the group.
    pub group: Option<String>,
}

impl PermissionSet {
    /// Whether it can be assigned by itself.
    pub fn is_assignable(&self) -> bool {
        !self.owned_by_profile && self.group.is_none()
    }
}

/// A permission set group.
#[derive(Debug, Clone)]
pub struct PermissionSetGroup {
    /// `DeveloperName`.
    pub developer_name: String,
    /// `MasterLabel`.
    pub label: String,
    /// Ids of the permission sets in it.
    pub sets: BTreeSet<String>,
    /// Id of the permission set behind it, which shows among the entitlements of those who hold the group.
    pub hidden_set: String,
}

/// A permission set licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionSetLicence {
    /// `DeveloperName`.
    pub developer_name: String,
    /// `MasterLabel`.
    pub label: String,
    /// `TotalLicenses`.
    pub total: u32,
    /// `UsedLicenses`: assignments, of inactive users too.
    pub used: u32,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `UserRole.Name`.
    pub name: String,
    /// `UserRole.DeveloperName`.
    pub developer_name: String,
    /// Id of the role above it.
    pub parent: Option<String>,
}

/// A user licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// 18-character id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many the org has bought.
    pub total: u32,
    /// How many active users hold one.
    pub used: u32,
}

/// A mail that the platform would have sent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mail {
    /// When.
    pub at: DateTime<Utc>,
    /// What for.
    pub kind: MailKind,
    /// Address.
    pub to: String,
    /// Id of the user.
    pub user: String,
}

/// What a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Welcome, set a password: to somebody created actively and without a password over SCIM.
    PasswordReset,
    /// Confirm the new address: to the new address.
    EmailChange,
}
