//! The org's records as queries see them.

use std::borrow::Cow;

use super::schema::{Object, Slot};
use super::soql::{Catalogue, Datum, Kind};
use super::state::State;
use crate::sandbox::ids;
use crate::sandbox::org::Visit;
use crate::sandbox::settings::Settings;
use crate::sandbox::store::custom::CustomKind;
use crate::sandbox::store::field::{Field, Kind as UserKind};
use crate::sandbox::store::{
    Group, Licence, PermissionSet, PermissionSetGroup, PermissionSetLicence, Profile, Role, Store, User,
};

/// The org, for the time of one query.
pub(super) struct World<'a> {
    store: &'a Store,
    state: &'a State,
    settings: &'a Settings,
    caller: &'a str,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(super) enum Row<'a> {
    User(&'a User),
    Login(&'a User),
    Profile(&'a str, &'a Profile),
    Licence(&'a Licence),
    Set(&'a str, &'a PermissionSet),
    SetGroup(&'a str, &'a PermissionSetGroup),
    SetLicence(&'a str, &'a PermissionSetLicence),
    Role(&'a str, &'a Role),
    Group(&'a Group),
    Member { id: &'a str, group: &'a Group, member: &'a str },
    SetAssignment { id: &'a str, user: &'a User, set: &'a str, group: Option<&'a str> },
    LicenceAssignment { id: &'a str, user: &'a User, licence: &'a str },
    Organization,
    Access,
    Account(&'a str, &'a str),
}

impl<'a> World<'a> {
    /// The org of a call.
    pub(super) fn of(visit: &'a Visit<'_>) -> Self {
        let inner = &*visit.inner;
        Self { store: &inner.store, state: &inner.rest, settings: visit.settings, caller: &visit.caller }
    }

    /// The record of `object` with the id, in its 15- or 18-character form.
    pub(super) fn record(&self, object: &Object, id: &str) -> Option<Row<'a>> {
        let id = ids::canonical(id).filter(|id| id.starts_with(object.prefix))?;
        let store = self.store;
        match object.name {
            "User" => store.user(&id).map(Row::User),
            "UserLogin" => store.user_by_login(&id).map(Row::Login),
            "Group" => store.group(&id).map(Row::Group),
            "GroupMember" => {
                let member = store.group_member(&id)?;
                let group = store.group(&member.group)?;
                let (member, id) = group.members.get_key_value(&member.member)?;
                Some(Row::Member { id, group, member })
            }
            "PermissionSetAssignment" => {
                let user = store.user(&store.set_assignment(&id)?.assignee)?;
                self.assignments(user).find(|row| row.id() == id)
            }
            "PermissionSetLicenseAssign" => {
                let user = store.user(&store.licence_assignment(&id)?.assignee)?;
                licences(user).find(|row| row.id() == id)
            }
            _ => self.rows(object.name).into_iter().find(|row| row.id() == id),
        }
    }

    fn assignments(&self, user: &'a User) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let store = self.store;
        let profile = user.get(Field::ProfileId).and_then(|id| store.profiles.get(id));
        let own = profile.map(|profile| Row::SetAssignment {
            id: &user.profile_assignment,
            user,
            set: &profile.owned_set,
            group: None,
        });
        let sets = user.permission_sets.iter().map(move |(set, id)| Row::SetAssignment { id, user, set, group: None });
        let groups = user.set_groups.iter().filter_map(move |(group, id)| {
            let set = &store.permission_set_groups.get(group)?.hidden_set;
            Some(Row::SetAssignment { id, user, set, group: Some(group) })
        });
        own.into_iter().chain(sets).chain(groups)
    }

    fn licence_id(&self, name: &str) -> Option<&'a str> {
        self.store.licences.iter().find(|licence| licence.name == name).map(|licence| licence.id.as_str())
    }

    fn organization(&'a self, name: &str) -> Datum<'a> {
        match name {
            "Id" => id(&self.store.org_id),
            "Name" => text(&self.settings.name),
            "IsSandbox" => Datum::Boolean(self.settings.my_domain.contains("--")),
            "InstanceName" => text("USA1S"),
            "TimeZoneSidKey" => text("America/Los_Angeles"),
            "LanguageLocaleKey" | "DefaultLocaleSidKey" => text("en_US"),
            "OrganizationType" => text("Developer Edition"),
            "CreatedDate" => Datum::Moment(self.store.founded),
            _ => Datum::Null,
        }
    }

    fn set(&'a self, own_id: &'a str, set: &'a PermissionSet, name: &str) -> Datum<'a> {
        match name {
            "Id" => id(own_id),
            "Name" => text(&set.name),
            "Label" => text(&set.label),
            "IsOwnedByProfile" => Datum::Boolean(set.owned_by_profile),
            "ProfileId" => optional(set.profile.as_deref()),
            "Type" => text(match set {
                PermissionSet { owned_by_profile: true, .. } => "Profile",
                PermissionSet { group: Some(_), .. } => "Group",
                _ => "Regular",
            }),
            "LicenseId" => {
                let licence = set.licence.as_ref().and_then(|(name, _)| self.licence_id(name));
                optional(set.set_licence.as_deref().or(licence))
            }
            "PermissionSetGroupId" => optional(set.group.as_deref()),
            _ => Datum::Null,
        }
    }
}

fn licences(user: &User) -> impl Iterator<Item = Row<'_>> {
    user.set_licences.iter().map(move |(licence, id)| Row::LicenceAssignment { id, user, licence })
}

fn members(group: &Group) -> impl Iterator<Item = Row<'_>> {
    group.members.iter().map(move |(member, id)| Row::Member { id, group, member })
}

fn id(text: &str) -> Datum<'_> {
    Datum::Id(Cow::Borrowed(text))
}

fn optional(text: Option<&str>) -> Datum<'_> {
    text.map_or(Datum::Null, id)
}

fn text(text: &str) -> Datum<'_> {
    if text.is_empty() { Datum::Null } else { Datum::Text(Cow::Borrowed(text)) }
}

fn count(number: u32) -> Datum<'static> {
    Datum::Number(f64::from(number))
}

impl<'a> Row<'a> {
    /// The record's id.
    pub(super) fn id(self) -> &'a str {
        match self {
            Self::User(user) => &user.id,
            Self::Login(user) => &user.login_id,
            Self::Licence(licence) => &licence.id,
            Self::Group(group) => &group.id,
            Self::Profile(id, _)
            | Self::Set(id, _)
            | Self::SetGroup(id, _)
            | Self::SetLicence(id, _)
            | Self::Role(id, _)
            | Self::Account(id, _)
            | Self::Member { id, .. }
            | Self::SetAssignment { id, .. }
            | Self::LicenceAssignment { id, .. } => id,
            Self::Organization | Self::Access => "000000000000000AAA",
        }
    }
}

impl<'a> Catalogue for World<'a> {
    type Row = Row<'a>;
    type Slot = Slot;

    fn object(&self, name: &str) -> Option<&'static str> {
        let hidden = |object: &Object| self.settings.rest.hidden_objects.iter().any(|hidden| hidden == object.name);
        Object::named(name).filter(|object| !hidden(object)).map(|object| object.name)
    }

    fn field(&self, object: &'static str, name: &str) -> Option<(String, Kind, Slot)> {
        let field = Object::named(object)?.field(self.store, name)?;
        let kind = field.kind();
        Some((field.name.into_owned(), kind, field.slot))
    }

    fn relationship(&self, object: &'static str, name: &str) -> Option<(&'static str, &'static str)> {
        Object::named(object)?.relationship(name)
    }

    fn rows(&self, object: &'static str) -> Vec<Row<'a>> {
        let store = self.store;
        match object {
            "User" => store.users().map(Row::User).collect(),
            "UserLogin" => store.users().map(Row::Login).collect(),
            "Profile" => store.profiles.iter().map(|(id, profile)| Row::Profile(id, profile)).collect(),
            "UserLicense" => store.licences.iter().map(Row::Licence).collect(),
            "PermissionSet" => store.permission_sets.iter().map(|(id, set)| Row::Set(id, set)).collect(),
            "PermissionSetGroup" => {
                store.permission_set_groups.iter().map(|(id, group)| Row::SetGroup(id, group)).collect()
            }
            "PermissionSetLicense" => {
                store.permission_set_licences.iter().map(|(id, licence)| Row::SetLicence(id, licence)).collect()
            }
            "UserRole" => store.roles.iter().map(|(id, role)| Row::Role(id, role)).collect(),
            "Group" => store.groups().map(Row::Group).collect(),
            "GroupMember" => store.groups().flat_map(members).collect(),
            "PermissionSetAssignment" => store.users().flat_map(|user| self.assignments(user)).collect(),
            "PermissionSetLicenseAssign" => store.users().flat_map(licences).collect(),
            "Organization" => vec![Row::Organization],
            "UserPermissionAccess" => vec![Row::Access],
            "Account" => self.state.accounts.iter().map(|(id, name)| Row::Account(id, name)).collect(),
            _ => Vec::new(),
        }
    }

    fn is_ordered(&self, object: &'static str) -> bool {
        matches!(object, "User" | "Group" | "Profile" | "PermissionSet" | "UserRole")
    }

    fn rows_after(&self, object: &'static str, id: &str) -> Option<Vec<Row<'a>>> {
        (object == "User").then(|| self.store.users_after(id).map(Row::User).collect())
    }

    fn rows_with(&self, object: &'static str, field: &str, values: &[&str]) -> Option<Vec<Row<'a>>> {
        let store = self.store;
        // The values of ids may come without the three characters that can be reckoned.
        let users = || values.iter().filter_map(|value| store.user(value));
        let mut rows: Vec<Row<'a>> = match (object, field) {
            ("User", "Username") => {
                values.iter().filter_map(|value| store.user_by_username(value)).map(Row::User).collect()
            }
            ("User", "FederationIdentifier") => {
                values.iter().filter_map(|value| store.user_by_federation_id(value)).map(Row::User).collect()
            }
            ("UserLogin", "UserId") => users().map(Row::Login).collect(),
            ("PermissionSetAssignment", "AssigneeId") => users().flat_map(|user| self.assignments(user)).collect(),
            ("PermissionSetLicenseAssign", "AssigneeId") => users().flat_map(licences).collect(),
            ("GroupMember", "GroupId") => {
                values.iter().filter_map(|value| store.group(value)).flat_map(members).collect()
            }
            (object, "Id") => {
                let object = Object::named(object)?;
                values.iter().filter_map(|value| self.record(object, value)).collect()
            }
            _ => return None,
        };
        // A value may be listed twice.
        rows.sort_by(|one, other| one.id().cmp(other.id()));
        rows.dedup_by(|one, other| one.id() == other.id());
        Some(rows)
    }

    fn follow(&self, row: Row<'a>, relationship: &'static str) -> Option<Row<'a>> {
        let store = self.store;
        let role = |id: &str| store.roles.get_key_value(id).map(|(id, role)| Row::Role(id, role));
        let profile = |id: &str| store.profiles.get_key_value(id).map(|(id, profile)| Row::Profile(id, profile));
        let set_group =
            |id: &str| store.permission_set_groups.get_key_value(id).map(|(id, group)| Row::SetGroup(id, group));
        match (row, relationship) {
            (Row::User(user), "Profile") => profile(user.get(Field::ProfileId)?),
            (Row::User(user), "UserRole") => role(user.get(Field::UserRoleId)?),
            (Row::User(user), "Manager") => store.user(user.get(Field::ManagerId)?).map(Row::User),
            (Row::Login(user), "User")
            | (Row::SetAssignment { user, .. } | Row::LicenceAssignment { user, .. }, "Assignee") => {
                Some(Row::User(user))
            }
            (Row::Profile(_, profile), "UserLicense") => {
                store.licences.iter().find(|licence| licence.name == profile.licence).map(Row::Licence)
            }
            (Row::Set(_, set), "Profile") => profile(set.profile.as_deref()?),
            (Row::Set(_, set), "PermissionSetGroup") => set_group(set.group.as_deref()?),
            (Row::Role(_, own), "ParentRole") => role(own.parent.as_deref()?),
            (Row::Member { group, .. }, "Group") => Some(Row::Group(group)),
            (Row::SetAssignment { set, .. }, "PermissionSet") => {
                store.permission_sets.get_key_value(set).map(|(id, set)| Row::Set(id, set))
            }
            (Row::SetAssignment { group, .. }, "PermissionSetGroup") => set_group(group?),
            (Row::LicenceAssignment { licence, .. }, "PermissionSetLicense") => {
                store.permission_set_licences.get_key_value(licence).map(|(id, licence)| Row::SetLicence(id, licence))
            }
            _ => None,
        }
    }

    fn datum<'r>(&'r self, row: Row<'a>, slot: &'r Slot) -> Datum<'r> {
        let name = match (slot, row) {
            (Slot::Standard(field), Row::User(user)) => return standard(user, *field),
            (Slot::Custom(field), Row::User(user)) => {
                return custom(user.custom.get(&field.api_name).map(String::as_str), &field.kind);
            }
            (Slot::Named("Id"), Row::Access) => return id(self.caller),
            (Slot::Named("Id"), Row::Organization) => return id(&self.store.org_id),
            (Slot::Named("Id"), row) => return id(row.id()),
            (Slot::Named(name), _) => *name,
            _ => return Datum::Null,
        };
        match (row, name) {
            (Row::User(user), "Name") => Datum::Text(Cow::Owned(user.name())),
            (Row::User(user), "IsActive") => Datum::Boolean(user.active),
            (Row::User(user), "UserType") => text(&user.user_type),
            (Row::User(user), "CreatedDate") => Datum::Moment(user.created),
            (Row::User(user) | Row::Login(user), "LastModifiedDate" | "SystemModstamp") => Datum::Moment(user.modified),
            (Row::Login(user), "IsFrozen") => Datum::Boolean(user.frozen),
            (Row::Profile(_, profile), "Name") => text(&profile.name),
            (Row::Profile(_, profile), "UserLicenseId") => optional(self.licence_id(&profile.licence)),
            (Row::Licence(licence), "Name" | "MasterLabel") => text(&licence.name),
            (Row::Licence(licence), "TotalLicenses") => count(licence.total),
            (Row::Licence(licence), "UsedLicenses") => count(licence.used),
            (Row::Licence(_) | Row::SetLicence(..), "Status") => text("Active"),
            (Row::Set(id, set), name) => self.set(id, set, name),
            (Row::SetGroup(_, group), "DeveloperName") => text(&group.developer_name),
            (Row::SetGroup(_, group), "MasterLabel") => text(&group.label),
            (Row::SetGroup(..), "Status") => text("Updated"),
            (Row::SetLicence(_, licence), "DeveloperName") => text(&licence.developer_name),
            (Row::SetLicence(_, licence), "MasterLabel") => text(&licence.label),
            (Row::SetLicence(_, licence), "TotalLicenses") => count(licence.total),
            (Row::SetLicence(_, licence), "UsedLicenses") => count(licence.used),
            (Row::Role(_, role), "Name") => text(&role.name),
            (Row::Role(_, role), "DeveloperName") => text(&role.developer_name),
            (Row::Role(_, role), "ParentRoleId") => optional(role.parent.as_deref()),
            (Row::Group(group), "Name") => text(&group.name),
            (Row::Group(group), "DeveloperName") => text(group.developer_name.as_deref().unwrap_or_default()),
            (Row::Group(group), "Type") => text(group.kind.name()),
            (Row::Login(_), "IsPasswordLocked") | (Row::Group(_), "DoesSendEmailToMembers" | "DoesIncludeBosses") => {
                Datum::Boolean(false)
            }
            (Row::Group(group), "CreatedDate") => Datum::Moment(group.created),
            (Row::Group(group) | Row::Member { group, .. }, "LastModifiedDate" | "SystemModstamp") => {
                Datum::Moment(group.modified)
            }
            (Row::Member { group, .. }, "GroupId") => id(&group.id),
            (Row::Member { member, .. }, "UserOrGroupId") => id(member),
            (Row::Login(user), "UserId")
            | (Row::SetAssignment { user, .. } | Row::LicenceAssignment { user, .. }, "AssigneeId") => id(&user.id),
            (Row::SetAssignment { set, .. }, "PermissionSetId") => id(set),
            (Row::SetAssignment { group, .. }, "PermissionSetGroupId") => optional(group),
            (Row::SetAssignment { id, .. }, "ExpirationDate") => {
                self.state.expirations.get(id).map_or(Datum::Null, |at| Datum::Moment(*at))
            }
            (Row::SetAssignment { .. }, "IsActive") => Datum::Boolean(true),
            (Row::SetAssignment { user, .. } | Row::LicenceAssignment { user, .. }, "SystemModstamp") => {
                Datum::Moment(user.modified)
            }
            (Row::LicenceAssignment { licence, .. }, "PermissionSetLicenseId") => id(licence),
            (Row::Organization, name) => self.organization(name),
            (Row::Access, name) => Datum::Boolean(may(self.settings, self.state, name)),
            (Row::Account(_, own), "Name") => text(own),
            _ => Datum::Null,
        }
    }
}

/// Whether the integration user has a permission, by its name in `UserPermissionAccess`.
pub(super) fn may(settings: &Settings, state: &State, permission: &str) -> bool {
    let managing = ["PermissionsManageUsers", "PermissionsManageInternalUsers"];
    if !settings.switches.manage_users && managing.iter().any(|known| known.eq_ignore_ascii_case(permission)) {
        return false;
    }
    let mut lacking = settings.rest.integration_permissions.iter();
    !state.is_withdrawn(permission) && !lacking.any(|lacking| lacking.eq_ignore_ascii_case(permission))
}

fn standard(user: &User, field: Field) -> Datum<'_> {
    match (field.kind(), user.get(field)) {
        (UserKind::Boolean, value) => Datum::Boolean(value == Some("true")),
        (_, None) => Datum::Null,
        (UserKind::Reference(_), Some(value)) => id(value),
        (_, Some(value)) => text(value),
    }
}

fn custom<'a>(value: Option<&'a str>, kind: &CustomKind) -> Datum<'a> {
    match (kind, value) {
        (CustomKind::Checkbox, value) => Datum::Boolean(value == Some("true")),
        (_, None) => Datum::Null,
        (CustomKind::Number, Some(value)) => value.parse().map_or(Datum::Null, Datum::Number),
        (CustomKind::Date, Some(value)) => value.parse().map_or(Datum::Null, Datum::Date),
        (CustomKind::Reference, Some(value)) => id(value),
        (_, Some(value)) => text(value),
    }
}
