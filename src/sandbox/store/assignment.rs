//! The rules of `PermissionSetAssignment`, `PermissionSetLicenseAssign` and `UserLogin`, and the records of
//! `GroupMember`.

use super::field::Field;
use super::refusal::Refusal;
use super::{PermissionSet, Store, User};
use crate::sandbox::ids::{self, prefix};

/// A `PermissionSetAssignment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAssignment {
    /// `Id`.
    pub id: String,
    /// `AssigneeId`: the user.
    pub assignee: String,
    /// `PermissionSetId`; of a permission set group, its hidden set.
    pub set: String,
    /// `PermissionSetGroupId`, where a group is assigned.
    pub group: Option<String>,
    /// `PermissionSet.IsOwnedByProfile`: it comes with the profile and cannot be deleted.
    pub owned_by_profile: bool,
}

/// A `PermissionSetLicenseAssign`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceAssignment {
    /// `Id`.
    pub id: String,
    /// `AssigneeId`: the user.
    pub assignee: String,
    /// `PermissionSetLicenseId`.
    pub licence: String,
}

/// A `GroupMember`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// `Id`.
    pub id: String,
    /// `GroupId`.
    pub group: String,
    /// `UserOrGroupId`.
    pub member: String,
}

impl Store {
    /// Every `PermissionSetAssignment`, user by user; that of the profile's own set comes first of each.
    pub fn set_assignments(&self) -> impl Iterator<Item = SetAssignment> {
        self.users.values().flat_map(|user| self.assignments_of(user))
    }

    /// The `PermissionSetAssignment`s of the user with the 18-character id.
    pub fn set_assignments_of(&self, user_id: &str) -> Vec<SetAssignment> {
        self.users.get(user_id).map(|user| self.assignments_of(user)).unwrap_or_default()
    }

    fn assignments_of(&self, user: &User) -> Vec<SetAssignment> {
        let assignment = |id: &String, set: &String, group: Option<&String>, owned_by_profile| SetAssignment {
            id: id.clone(),
            assignee: user.id.clone(),
            set: set.clone(),
            group: group.cloned(),
            owned_by_profile,
        };
        let profile = user.get(Field::ProfileId).and_then(|id| self.profiles.get(id));
        let own = profile.map(|profile| assignment(&user.profile_assignment, &profile.owned_set, None, true));
        let sets = user.permission_sets.iter().map(|(set, id)| assignment(id, set, None, false));
        let groups = user.set_groups.iter().filter_map(|(group, id)| {
            Some(assignment(id, &self.permission_set_groups.get(group)?.hidden_set, Some(group), false))
        });
        own.into_iter().chain(sets).chain(groups).collect()
    }

    /// The `PermissionSetAssignment` with the id.
    pub fn set_assignment(&self, id: &str) -> Option<SetAssignment> {
        let id = Self::reference(id, prefix::SET_ASSIGNMENT)?;
        self.set_assignments_of(self.hanging.get(&id)?).into_iter().find(|assignment| assignment.id == id)
    }

    /// The `PermissionSetAssignment` of a user that assigns the permission set or permission set group `target`.
    pub fn find_set_assignment(&self, assignee: &str, target: &str) -> Option<SetAssignment> {
        let (assignee, target) = (ids::canonical(assignee)?, ids::canonical(target)?);
        self.set_assignments_of(&assignee).into_iter().find(|entry| match &entry.group {
            Some(group) => *group == target,
            None => entry.set == target,
        })
    }

    /// Assigns a permission set or a permission set group; answers the id of the `PermissionSetAssignment`.
    pub fn assign(&mut self, user_id: &str, target: &str) -> Result<String, Refusal> {
        self.begin_write(user_id)?;
        let user_id = Self::reference(user_id, prefix::USER).unwrap_or_default();
        let Some(user) = self.users.get(&user_id) else { return Err(Refusal::cross_reference("AssigneeId")) };
        let to_group = target.starts_with(prefix::PERMISSION_SET_GROUP);
        let field = if to_group { "PermissionSetGroupId" } else { "PermissionSetId" };
        let Some(target) = ids::canonical(target) else { return Err(Refusal::cross_reference(field)) };
        let sets: Vec<&PermissionSet> = if to_group {
            let Some(group) = self.permission_set_groups.get(&target) else {
                return Err(Refusal::cross_reference(field));
            };
            group.sets.iter().filter_map(|id| self.permission_sets.get(id)).collect()
        } else {
            match self.permission_sets.get(&target) {
                Some(set) if set.is_assignable() => vec![set],
                _ => return Err(Refusal::cross_reference(field)),
            }
        };
        // What is missing may be assigned with the set, if the org does so.
        let mut missing = Vec::new();
        for set in sets {
            self.check_user_licence(user, set, field)?;
            if let Some(licence) = set.set_licence.as_ref().filter(|id| !user.set_licences.contains_key(*id)) {
                if !self.rules.assigns_licences {
                    let message = format!("The user license doesn't allow the permission: {}", set.label);
                    return Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message, &[field]));
                }
                missing.push(licence.clone());
            }
        }
        let held = if to_group { &user.set_groups } else { &user.permission_sets };
        if let Some(id) = held.get(&target) {
            return Err(Refusal::duplicate(&[field, "AssigneeId"], id));
        }
        for licence in missing {
            self.give_licence(&user_id, &licence)?;
        }
        let id = self.ids.next(prefix::SET_ASSIGNMENT);
        self.change_user(&user_id, |user| {
            let held = if to_group { &mut user.set_groups } else { &mut user.permission_sets };
            held.insert(target, id.clone());
        });
        self.hanging.insert(id.clone(), user_id);
        Ok(id)
    }

    fn check_user_licence(&self, user: &User, set: &PermissionSet, field: &str) -> Result<(), Refusal> {
        match &set.licence {
            Some((licence, permission)) if self.licence_of(user) != Some(licence) => {
                let message = format!("The user license doesn't allow the permission: {permission}");
                Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message, &[field]))
            }
            _ => Ok(()),
        }
    }

    /// Deletes a `PermissionSetAssignment`.
    pub fn delete_set_assignment(&mut self, id: &str) -> Result<(), Refusal> {
        let Some(assignment) = self.set_assignment(id) else { return Err(Refusal::deleted()) };
        self.begin_write(&assignment.assignee)?;
        if assignment.owned_by_profile {
            let message = "You can't remove the permission set that a profile owns";
            return Err(Refusal::new("INSUFFICIENT_ACCESS_OR_READONLY", message, &[]));
        }
        self.hanging.remove(&assignment.id);
        self.change_user(&assignment.assignee, |user| {
            user.permission_sets.retain(|_, id| *id != assignment.id);
            user.set_groups.retain(|_, id| *id != assignment.id);
        });
        Ok(())
    }

    /// Takes all permission sets away, and the permission set groups with them: each is an assignment that no profile
    /// owns. Nothing refuses it.
    pub fn unassign_all(&mut self, user_id: &str) {
        let Some(user) = self.users.get(user_id) else { return };
        let held: Vec<String> = user.permission_sets.values().chain(user.set_groups.values()).cloned().collect();
        for id in held {
            self.hanging.remove(&id);
        }
        self.change_user(user_id, |user| {
            user.permission_sets.clear();
            user.set_groups.clear();
        });
    }

    /// The permission sets that show among a user's entitlements: those assigned, and those behind the groups assigned.
    pub fn entitlement_sets<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a String> {
        let hidden = user.set_groups.keys().filter_map(|id| self.permission_set_groups.get(id));
        user.permission_sets.keys().chain(hidden.map(|group| &group.hidden_set))
    }

    /// Every `PermissionSetLicenseAssign`, user by user.
    pub fn licence_assignments(&self) -> impl Iterator<Item = LicenceAssignment> {
        self.users.values().flat_map(|user| {
            user.set_licences.iter().map(|(licence, id)| LicenceAssignment {
                id: id.clone(),
                assignee: user.id.clone(),
                licence: licence.clone(),
            })
        })
    }

    /// The `PermissionSetLicenseAssign` with the id.
    pub fn licence_assignment(&self, id: &str) -> Option<LicenceAssignment> {
        let id = Self::reference(id, prefix::LICENCE_ASSIGNMENT)?;
        let user = self.users.get(self.hanging.get(&id)?)?;
        let (licence, id) = user.set_licences.iter().find(|(_, held)| **held == id)?;
        Some(LicenceAssignment { id: id.clone(), assignee: user.id.clone(), licence: licence.clone() })
    }

    /// Assigns a permission set licence; answers the id of the `PermissionSetLicenseAssign`.
    pub fn assign_licence(&mut self, user_id: &str, licence: &str) -> Result<String, Refusal> {
        self.begin_write(user_id)?;
        let user_id = Self::reference(user_id, prefix::USER).unwrap_or_default();
        let licence = ids::canonical(licence).unwrap_or_default();
        self.give_licence(&user_id, &licence)
    }

    fn give_licence(&mut self, user_id: &str, licence: &str) -> Result<String, Refusal> {
        let Some(user) = self.users.get(user_id) else { return Err(Refusal::cross_reference("AssigneeId")) };
        let Some(entry) = self.permission_set_licences.get(licence) else {
            return Err(Refusal::cross_reference("PermissionSetLicenseId"));
        };
        if let Some(id) = user.set_licences.get(licence) {
            return Err(Refusal::duplicate(&["PermissionSetLicenseId", "AssigneeId"], id));
        }
        if entry.used >= entry.total {
            let message = format!("Permission set license limit exceeded: {}", entry.label);
            return Err(Refusal::new("LICENSE_LIMIT_EXCEEDED", message, &[]));
        }
        let id = self.ids.next(prefix::LICENCE_ASSIGNMENT);
        self.change_user(user_id, |user| {
            user.set_licences.insert(licence.to_owned(), id.clone());
        });
        self.count_set_licence(licence, |used| used + 1);
        self.hanging.insert(id.clone(), user_id.to_owned());
        Ok(id)
    }

    /// Deletes a `PermissionSetLicenseAssign`, unless a permission set that the user holds needs it.
    pub fn delete_licence_assignment(&mut self, id: &str) -> Result<(), Refusal> {
        let Some(assignment) = self.licence_assignment(id) else { return Err(Refusal::deleted()) };
        self.begin_write(&assignment.assignee)?;
        let Some(user) = self.users.get(&assignment.assignee) else { return Err(Refusal::deleted()) };
        let within = user.set_groups.keys().filter_map(|id| self.permission_set_groups.get(id));
        let needing = within
            .flat_map(|group| &group.sets)
            .chain(user.permission_sets.keys())
            .filter_map(|id| self.permission_sets.get(id))
            .find(|set| set.set_licence.as_ref() == Some(&assignment.licence));
        if let Some(set) = needing {
            let message = format!(
                "Can't remove the permission set license assignment: permission set {} that needs it is assigned",
                set.label
            );
            return Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message, &["PermissionSetLicenseId"]));
        }
        self.hanging.remove(&assignment.id);
        self.change_user(&assignment.assignee, |user| {
            user.set_licences.remove(&assignment.licence);
        });
        self.count_set_licence(&assignment.licence, |used| used.saturating_sub(1));
        Ok(())
    }

    /// Every `GroupMember`, group by group.
    pub fn group_members(&self) -> impl Iterator<Item = GroupMember> {
        self.groups.values().flat_map(|group| {
            group.members.iter().map(|(member, id)| GroupMember {
                id: id.clone(),
                group: group.id.clone(),
                member: member.clone(),
            })
        })
    }

    /// The `GroupMember` with the id.
    pub fn group_member(&self, id: &str) -> Option<GroupMember> {
        let id = Self::reference(id, prefix::GROUP_MEMBER)?;
        let group = self.groups.get(self.hanging.get(&id)?)?;
        let (member, id) = group.members.iter().find(|(_, link)| **link == id)?;
        Some(GroupMember { id: id.clone(), group: group.id.clone(), member: member.clone() })
    }

    /// Deletes a `GroupMember`.
    pub fn delete_group_member(&mut self, id: &str) -> Result<(), Refusal> {
        let Some(member) = self.group_member(id) else { return Err(Refusal::deleted()) };
        self.remove_member(&member.group, &member.member).map(|_| ())
    }

    /// The user whose `UserLogin` has the id.
    pub fn user_by_login(&self, id: &str) -> Option<&User> {
        let id = Self::reference(id, prefix::USER_LOGIN)?;
        self.users.get(self.hanging.get(&id)?)
    }

    /// Freezes the user with the 18-character id, or ends that; answers whether anything became different.
    pub fn freeze(&mut self, user_id: &str, frozen: bool) -> Result<bool, Refusal> {
        self.begin_write(user_id)?;
        let Some(user) = self.users.get(user_id) else { return Err(Refusal::deleted()) };
        let changed = user.frozen != frozen;
        self.change_user(user_id, |user| user.frozen = frozen);
        Ok(changed)
    }

    /// Changes a user in a way that no index but that of links needs to know of.
    fn change_user(&mut self, user_id: &str, change: impl FnOnce(&mut User)) {
        self.remember_user(user_id);
        if let Some(user) = self.users.get_mut(user_id) {
            change(user);
            self.touched.insert(user_id.to_owned());
        }
    }

    pub(super) fn count_set_licence(&mut self, licence: &str, count: fn(u32) -> u32) {
        if let Some(entry) = self.permission_set_licences.get_mut(licence) {
            entry.used = count(entry.used);
        }
    }
}
