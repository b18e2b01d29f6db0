//! What an org holds from the start.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A profile to start with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSeed {
    /// `Profile.Name`.
    pub name: String,
    /// Name of the user licence it belongs to.
    pub licence: String,
}

/// A permission set to start with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionSetSeed {
    /// `PermissionSet.Name`, the API name.
    pub name: String,
    /// `PermissionSet.Label`.
    pub label: String,
    /// The only user licence whose people may hold it, and the permission that the refusal then names.
    #[serde(default)]
    pub licence: Option<(String, String)>,
    /// Name of the profile that owns it; such a set is not assigned by itself and not listed.
    #[serde(default)]
    pub owned_by_profile: Option<String>,
    /// Developer name of the permission set licence without which nobody may hold it.
    #[serde(default)]
    pub permission_set_licence: Option<String>,
}

/// A permission set group to start with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionSetGroupSeed {
    /// `DeveloperName`.
    pub developer_name: String,
    /// `MasterLabel`; made of the developer name where it is not given.
    #[serde(default)]
    pub label: Option<String>,
    /// API names of the permission sets in it.
    #[serde(default)]
    pub permission_sets: Vec<String>,
}

/// A permission set licence to start with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionSetLicenceSeed {
    /// `DeveloperName`.
    pub developer_name: String,
    /// `MasterLabel`; made of the developer name where it is not given.
    #[serde(default)]
    pub label: Option<String>,
    /// How many the org has.
    pub total: u32,
}

/// A role to start with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSeed {
    /// `UserRole.Name`.
    pub name: String,
    /// Name of the role above it, which must stand before it in the list.
    #[serde(default)]
    pub parent: Option<String>,
}

/// A group to start with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSeed {
    /// `Group.Name`, the label.
    pub name: String,
    /// A queue instead of a public group.
    #[serde(default)]
    pub queue: bool,
    /// Names of the groups that are members of it.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Usernames of the people who are members of it.
    #[serde(default)]
    pub users: Vec<String>,
}

/// What a custom field takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomType {
    /// Text.
    #[default]
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Checkbox,
    /// A day, `2027-01-31`.
    Date,
    /// One of a list.
    Picklist,
    /// The id of a record.
    Reference,
}

/// A custom field of users to start with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldSeed {
    /// API name; it ends with `__c`.
    pub api_name: String,
    /// Label; made of the API name where it is not given.
    #[serde(default)]
    pub label: Option<String>,
    /// What it takes.
    #[serde(default, rename = "type")]
    pub kind: CustomType,
    /// Of a text: the most characters; 255 where it is not given.
    #[serde(default)]
    pub length: Option<usize>,
    /// Of a picklist: what there is to pick.
    #[serde(default)]
    pub values: Vec<String>,
    /// Whether no two users may have the same value.
    #[serde(default)]
    pub unique: bool,
    /// What a new user has where nothing else is said.
    #[serde(default)]
    pub default: Option<String>,
}

/// Somebody to start with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserSeed {
    /// `Username`.
    pub username: String,
    /// `FederationIdentifier`.
    pub federation_id: Option<String>,
    /// `FirstName`.
    pub first_name: Option<String>,
    /// `LastName`; what stands before the `@` of the username where it is not given.
    pub last_name: Option<String>,
    /// `Email`; the username where it is not given.
    pub email: Option<String>,
    /// Name of the profile.
    pub profile: String,
    /// Name of the role.
    pub role: Option<String>,
    /// `IsActive`.
    pub active: bool,
    /// `UserLogin.IsFrozen`.
    pub frozen: bool,
    /// `UserType`.
    pub user_type: String,
    /// Why the platform refuses to deactivate the user, such as `default case owner`.
    pub undeactivatable: Option<String>,
    /// Other fields, standard and custom, by API name. `ManagerId` may be the username of somebody before.
    pub fields: BTreeMap<String, String>,
    /// API names of permission sets.
    pub permission_sets: Vec<String>,
    /// Developer names of permission set groups.
    pub permission_set_groups: Vec<String>,
    /// Developer names of permission set licences.
    pub permission_set_licences: Vec<String>,
    /// Names of groups.
    pub groups: Vec<String>,
}

impl Default for UserSeed {
    fn default() -> Self {
        Self {
            username: String::new(),
            federation_id: None,
            first_name: None,
            last_name: None,
            email: None,
            profile: "Standard User".to_owned(),
            role: None,
            active: true,
            frozen: false,
            user_type: "Standard".to_owned(),
            undeactivatable: None,
            fields: BTreeMap::new(),
            permission_sets: Vec::new(),
            permission_set_groups: Vec::new(),
            permission_set_licences: Vec::new(),
            groups: Vec::new(),
        }
    }
}

/// A validation rule of users.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    /// API name of the field.
    pub field: String,
    /// An empty field is refused.
    #[serde(default)]
    pub required: bool,
    /// The pattern that a field that is not empty must match as a whole: `*` stands for any characters, `?` for one,
    /// `[a-z]` for one of these, `{a,b}` for either.
    #[serde(default)]
    pub matches: Option<String>,
    /// What the refusal says.
    pub message: String,
}

/// What a trigger or a flow of the org fails with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TriggerCode {
    /// Its code writes an ordinary record in the same transaction as a user.
    #[default]
    MixedDmlOperation,
    /// Its code throws.
    CannotInsertUpdateActivateEntity,
}

impl TriggerCode {
    /// Salesforce's status code.
    pub fn name(self) -> &'static str {
        match self {
            Self::MixedDmlOperation => "MIXED_DML_OPERATION",
            Self::CannotInsertUpdateActivateEntity => "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        }
    }

    /// Salesforce's text.
    pub fn text(self) -> &'static str {
        match self {
            Self::MixedDmlOperation => {
                "DML operation on setup object is not permitted after you have updated a non-setup object (or vice \
                 versa): Account, original object: User"
            }
            Self::CannotInsertUpdateActivateEntity => {
                "UserTrigger: execution of BeforeInsert caused by: System.NullPointerException: Attempt to de-reference a \
                 null object Trigger.UserTrigger: line 12, column 1"
            }
        }
    }
}

/// A trigger that refuses users.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerSeed {
    /// Pattern of the usernames that it refuses, in lower case; as in [`ValidationRule::matches`].
    pub usernames: String,
    /// What it fails with.
    #[serde(default)]
    pub code: TriggerCode,
    /// What the refusal says; Salesforce's own text where it is empty.
    #[serde(default)]
    pub message: String,
}
