//! The objects that every org has.

use std::borrow::Cow;

use super::{FieldDef, Object, Shape, Slot};
use crate::sandbox::ids::prefix;
use crate::sandbox::rest::state::ACCOUNT;

/// A field that every org has.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) shape: FixedShape,
    createable: bool,
    updateable: bool,
    nillable: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum FixedShape {
    Id,
    Text(usize),
    Picklist(&'static [&'static str]),
    Reference(&'static [&'static str], Option<&'static str>),
    Boolean,
    Integer,
    Moment,
}

const fn field(name: &'static str, label: &'static str, shape: FixedShape) -> Fixed {
    Fixed { name, label, shape, createable: false, updateable: false, nillable: false }
}

impl Fixed {
    const fn nillable(mut self) -> Self {
        self.nillable = true;
        self
    }

    const fn createable(mut self) -> Self {
        self.createable = true;
        self
    }

    const fn updateable(mut self) -> Self {
        self.updateable = true;
        self
    }

    /// As any field.
    pub(super) fn def(&self) -> FieldDef {
        let shape = match self.shape {
            FixedShape::Id => Shape::Id,
            FixedShape::Text(length) => Shape::Text(length),
            FixedShape::Picklist(values) => Shape::Picklist(values.iter().map(ToString::to_string).collect()),
            FixedShape::Reference(to, relationship) => Shape::Reference(to, relationship),
            FixedShape::Boolean => Shape::Boolean,
            FixedShape::Integer => Shape::Integer,
            FixedShape::Moment => Shape::Moment,
        };
        FieldDef {
            name: Cow::Borrowed(self.name),
            label: Cow::Borrowed(self.label),
            defaulted: matches!(shape, Shape::Boolean | Shape::Id | Shape::Moment) && !self.nillable,
            shape,
            createable: self.createable,
            updateable: self.updateable,
            nillable: self.nillable,
            unique: false,
            custom: false,
            slot: Slot::Named(self.name),
        }
    }
}

/// The record's own id, which users have before their other fields.
pub(super) const ID: Fixed = field("Id", "Record ID", FixedShape::Id);
const CREATED: Fixed = field("CreatedDate", "Created Date", FixedShape::Moment);
const MODIFIED: Fixed = field("LastModifiedDate", "Last Modified Date", FixedShape::Moment);
const STAMP: Fixed = field("SystemModstamp", "System Modstamp", FixedShape::Moment);

const fn text(name: &'static str, label: &'static str, length: usize) -> Fixed {
    field(name, label, FixedShape::Text(length))
}

const fn flag(name: &'static str, label: &'static str) -> Fixed {
    field(name, label, FixedShape::Boolean)
}

const fn number(name: &'static str, label: &'static str) -> Fixed {
    field(name, label, FixedShape::Integer)
}

const fn to(
    name: &'static str,
    label: &'static str,
    objects: &'static [&'static str],
    relationship: &'static str,
) -> Fixed {
    field(name, label, FixedShape::Reference(objects, Some(relationship)))
}

const USER_TYPES: &[&str] = &[
    "Standard",
    "PowerPartner",
    "PowerCustomerSuccess",
    "CustomerSuccess",
    "Guest",
    "CspLitePortal",
    "CsnOnly",
    "SelfService",
    "AutomatedProcess",
];

const fn object(name: &'static str, label: &'static str, prefix: &'static str, fields: &'static [Fixed]) -> Object {
    Object { name, label, prefix, createable: false, updateable: false, deletable: false, fields }
}

/// Every object.
pub(in crate::sandbox::rest) const OBJECTS: &[Object] = &[
    Object {
        createable: true,
        updateable: true,
        ..object(
            "User",
            "User",
            prefix::USER,
            &[
                text("Name", "Full Name", 121),
                flag("IsActive", "Active").createable().updateable(),
                field("UserType", "User Type", FixedShape::Picklist(USER_TYPES)).nillable(),
                CREATED,
                MODIFIED,
                STAMP,
            ],
        )
    },
    object(
        "Profile",
        "Profile",
        prefix::PROFILE,
        &[ID, text("Name", "Name", 255), to("UserLicenseId", "User License ID", &["UserLicense"], "UserLicense")],
    ),
    object(
        "UserLicense",
        "User License",
        prefix::USER_LICENCE,
        &[
            ID,
            text("Name", "Name", 40),
            text("MasterLabel", "Master Label", 80),
            number("TotalLicenses", "Total Licenses"),
            number("UsedLicenses", "Used Licenses"),
            field("Status", "Status", FixedShape::Picklist(&["Active", "Disabled"])),
        ],
    ),
    object(
        "PermissionSet",
        "Permission Set",
        prefix::PERMISSION_SET,
        &[
            ID,
            text("Name", "Permission Set Name", 80),
            text("Label", "Permission Set Label", 80),
            flag("IsOwnedByProfile", "Is Owned By Profile"),
            to("ProfileId", "Profile ID", &["Profile"], "Profile").nillable(),
            field("Type", "Type", FixedShape::Picklist(&["Regular", "Profile", "Group", "Session"])),
            field("LicenseId", "License ID", FixedShape::Reference(&["PermissionSetLicense", "UserLicense"], None))
                .nillable(),
            to("PermissionSetGroupId", "Permission Set Group ID", &["PermissionSetGroup"], "PermissionSetGroup")
                .nillable(),
        ],
    ),
    object(
        "PermissionSetGroup",
        "Permission Set Group",
        prefix::PERMISSION_SET_GROUP,
        &[
            ID,
            text("DeveloperName", "Developer Name", 80),
            text("MasterLabel", "Master Label", 80),
            field("Status", "Status", FixedShape::Picklist(&["Updated", "Outdated", "Updating", "Failed"])),
        ],
    ),
    object(
        "PermissionSetLicense",
        "Permission Set License",
        prefix::PERMISSION_SET_LICENCE,
        &[
            ID,
            text("DeveloperName", "Developer Name", 80),
            text("MasterLabel", "Master Label", 80),
            number("TotalLicenses", "Total Licenses"),
            number("UsedLicenses", "Used Licenses"),
            field("Status", "Status", FixedShape::Picklist(&["Active", "Disabled"])),
        ],
    ),
    object(
        "UserRole",
        "Role",
        prefix::ROLE,
        &[
            ID,
            text("Name", "Name", 80),
            text("DeveloperName", "Developer Name", 80),
            to("ParentRoleId", "Parent Role ID", &["UserRole"], "ParentRole").nillable(),
        ],
    ),
    Object {
        createable: true,
        updateable: true,
        deletable: true,
        ..object(
            "Group",
            "Group",
            prefix::GROUP,
            &[
                ID,
                text("Name", "Name", 40).createable().updateable(),
                text("DeveloperName", "Developer Name", 80).createable().updateable().nillable(),
                field("RelatedId", "Related ID", FixedShape::Reference(&["UserRole"], None)).nillable(),
                field("Type", "Type", FixedShape::Picklist(&["Regular", "Queue"])).createable(),
                text("Email", "Email", 255).createable().updateable().nillable(),
                flag("DoesSendEmailToMembers", "Send Email to Members").createable().updateable(),
                flag("DoesIncludeBosses", "Include Bosses").createable().updateable(),
                CREATED,
                MODIFIED,
                STAMP,
            ],
        )
    },
    Object {
        createable: true,
        deletable: true,
        ..object(
            "GroupMember",
            "Group Member",
            prefix::GROUP_MEMBER,
            &[
                ID,
                to("GroupId", "Group ID", &["Group"], "Group").createable(),
                field("UserOrGroupId", "User/Group ID", FixedShape::Reference(&["User", "Group"], None)).createable(),
                STAMP,
            ],
        )
    },
    Object {
        createable: true,
        updateable: true,
        deletable: true,
        ..object(
            "PermissionSetAssignment",
            "Permission Set Assignment",
            prefix::SET_ASSIGNMENT,
            &[
                ID,
                to("AssigneeId", "Assignee ID", &["User"], "Assignee").createable(),
                to("PermissionSetId", "Permission Set ID", &["PermissionSet"], "PermissionSet").createable().nillable(),
                to("PermissionSetGroupId", "Permission Set Group ID", &["PermissionSetGroup"], "PermissionSetGroup")
                    .createable()
                    .nillable(),
                field("ExpirationDate", "Expiration Date", FixedShape::Moment).createable().updateable().nillable(),
                flag("IsActive", "Is Active"),
                STAMP,
            ],
        )
    },
    Object {
        createable: true,
        deletable: true,
        ..object(
            "PermissionSetLicenseAssign",
            "Permission Set License Assignment",
            prefix::LICENCE_ASSIGNMENT,
            &[
                ID,
                to("AssigneeId", "Assignee ID", &["User"], "Assignee").createable(),
                to("PermissionSetLicenseId", "License ID", &["PermissionSetLicense"], "PermissionSetLicense")
                    .createable(),
                STAMP,
            ],
        )
    },
    Object {
        updateable: true,
        ..object(
            "UserLogin",
            "User Login",
            prefix::USER_LOGIN,
            &[
                ID,
                to("UserId", "User ID", &["User"], "User"),
                flag("IsFrozen", "Frozen").updateable(),
                flag("IsPasswordLocked", "Locked Out").updateable(),
                MODIFIED,
            ],
        )
    },
    object(
        "Organization",
        "Organization",
        prefix::ORGANIZATION,
        &[
            ID,
            text("Name", "Name", 80),
            flag("IsSandbox", "Is Sandbox"),
            text("InstanceName", "Instance Name", 5),
            text("TimeZoneSidKey", "Time Zone", 40),
            text("LanguageLocaleKey", "Language", 40),
            text("DefaultLocaleSidKey", "Locale", 40),
            text("OrganizationType", "Edition", 40),
            CREATED,
        ],
    ),
    object(
        "UserPermissionAccess",
        "User Permission Access",
        "000",
        &[
            ID,
            flag("PermissionsApiEnabled", "API Enabled"),
            flag("PermissionsManageUsers", "Manage Users"),
            flag("PermissionsManageInternalUsers", "Manage Internal Users"),
            flag("PermissionsAssignPermissionSets", "Assign Permission Sets"),
            flag("PermissionsManageProfilesPermissionsets", "Manage Profiles and Permission Sets"),
            flag("PermissionsManageRoles", "Manage Roles"),
            flag("PermissionsManageSharing", "Manage Sharing"),
            flag("PermissionsFreezeUsers", "Freeze Users"),
            flag("PermissionsUnlockUsers", "Unlock Users"),
            flag("PermissionsResetPasswords", "Reset User Passwords and Unlock Users"),
            flag("PermissionsMonitorLoginHistory", "Monitor Login History"),
            flag("PermissionsViewSetup", "View Setup and Configuration"),
            flag("PermissionsViewAllUsers", "View All Users"),
            flag("PermissionsViewAllData", "View All Data"),
            flag("PermissionsModifyAllData", "Modify All Data"),
            flag("PermissionsCustomizeApplication", "Customize Application"),
        ],
    ),
    Object {
        createable: true,
        updateable: true,
        deletable: true,
        ..object("Account", "Account", ACCOUNT, &[ID, text("Name", "Account Name", 255).createable().updateable()])
    },
];
