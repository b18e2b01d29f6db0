//! The rules of the `Group` and `GroupMember` objects.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::refusal::Refusal;
use super::{Group, GroupKind, Store};
use crate::sandbox::ids::{self, prefix};

const NAME_MAX: usize = 40;
const DEVELOPER_NAME_MAX: usize = 80;

impl Store {
    /// Every group in the order of ids.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The group or queue with the id, in its 15- or 18-character form.
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.get(&Self::reference(id, prefix::GROUP)?)
    }

    /// Adds a group; answers its id.
    pub fn insert_group(
        &mut self,
        name: &str,
        developer_name: Option<&str>,
        kind: GroupKind,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        self.begin_write(prefix::GROUP)?;
        self.check_group(None, name, developer_name)?;
        let id = self.ids.next(prefix::GROUP);
        let group = Group {
            id: id.clone(),
            name: name.to_owned(),
            developer_name: developer_name.map(ToOwned::to_owned),
            kind,
            members: BTreeMap::new(),
            created: now,
            modified: now,
        };
        self.remember_group(&id);
        self.groups.insert(id.clone(), group);
        self.touched.insert(id.clone());
        Ok(id)
    }

    /// Gives a group another name, or another developer name; answers whether anything became different.
    pub fn rename_group(
        &mut self,
        id: &str,
        name: &str,
        developer_name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        self.begin_write(id)?;
        self.check_group(Some(id), name, developer_name)?;
        self.remember_group(id);
        let Some(group) = self.groups.get_mut(id) else { return Err(Refusal::cross_reference("Id")) };
        let changed = group.name != name || group.developer_name.as_deref() != developer_name;
        name.clone_into(&mut group.name);
        group.developer_name = developer_name.map(ToOwned::to_owned);
        group.modified = now;
        self.touched.insert(id.to_owned());
        Ok(changed)
    }

    /// Deletes a group and takes it out of the groups it was a member of; false where there is none.
    pub fn delete_group(&mut self, id: &str) -> Result<bool, Refusal> {
        self.begin_write(id)?;
        let Some(group) = self.groups.get(id).cloned() else { return Ok(false) };
        self.remember_group(id);
        for (member, link) in &group.members {
            self.remember_user(member);
            self.hanging.remove(link);
            self.touched.insert(member.clone());
            if let Some(user) = self.users.get_mut(member) {
                user.groups.remove(id);
            }
        }
        self.groups.remove(id);
        self.touched.insert(id.to_owned());
        let outer: Vec<String> =
            self.groups.values().filter(|group| group.members.contains_key(id)).map(|group| group.id.clone()).collect();
        for group in outer {
            self.take_member_out(&group, id);
            self.touched.insert(group);
        }
        Ok(true)
    }

    /// Makes a user or a group a member of the group `group_id` (18 characters); answers the id of the `GroupMember`.
    pub fn add_member(&mut self, group_id: &str, member: &str) -> Result<String, Refusal> {
        self.begin_write(group_id)?;
        let member = ids::canonical(member).ok_or_else(|| Refusal::cross_reference("UserOrGroupId"))?;
        if !self.users.contains_key(&member) && !self.groups.contains_key(&member) {
            return Err(Refusal::cross_reference("UserOrGroupId"));
        }
        if member == group_id || self.is_within(group_id, &member) {
            return Err(Refusal::new(
                "CIRCULAR_DEPENDENCY",
                "group cannot contain itself, directly or through others",
                &[],
            ));
        }
        let Some(group) = self.groups.get(group_id) else { return Err(Refusal::cross_reference("GroupId")) };
        if let Some(link) = group.members.get(&member) {
            return Err(Refusal::duplicate(&["UserOrGroupId", "GroupId"], link));
        }
        let link = self.ids.next(prefix::GROUP_MEMBER);
        self.remember_user(&member);
        self.put_member_in(group_id, &member, &link);
        if let Some(user) = self.users.get_mut(&member) {
            user.groups.insert(group_id.to_owned(), link.clone());
        }
        self.touched.insert(if member.starts_with(prefix::USER) { member } else { group_id.to_owned() });
        Ok(link)
    }

    /// Ends a membership; false where there was none.
    pub fn remove_member(&mut self, group_id: &str, member: &str) -> Result<bool, Refusal> {
        self.begin_write(group_id)?;
        let Some(member) = ids::canonical(member) else { return Ok(false) };
        self.remember_user(&member);
        let removed = self.take_member_out(group_id, &member);
        if let Some(user) = self.users.get_mut(&member) {
            user.groups.remove(group_id);
        }
        self.touched.insert(if member.starts_with(prefix::USER) { member } else { group_id.to_owned() });
        Ok(removed)
    }

    /// The group's end of a membership.
    pub(super) fn put_member_in(&mut self, group_id: &str, member: &str, link: &str) {
        self.remember_group(group_id);
        if let Some(group) = self.groups.get_mut(group_id) {
            group.members.insert(member.to_owned(), link.to_owned());
            self.hanging.insert(link.to_owned(), group_id.to_owned());
        }
    }

    /// The group's end of a membership that ends; false where there was none.
    pub(super) fn take_member_out(&mut self, group_id: &str, member: &str) -> bool {
        self.remember_group(group_id);
        let link = self.groups.get_mut(group_id).and_then(|group| group.members.remove(member));
        link.is_some_and(|link| self.hanging.remove(&link).is_some())
    }

    /// Puts a group's members back as they were: what a rollback does.
    pub fn restore_group(&mut self, group: Group) {
        self.remember_group(&group.id);
        let now = self.groups.get(&group.id).map(|group| group.members.clone()).unwrap_or_default();
        self.touched.insert(group.id.clone());
        let members: BTreeSet<&String> = now.keys().chain(group.members.keys()).collect();
        for member in members {
            if now.get(member) == group.members.get(member) {
                continue;
            }
            self.remember_user(member);
            self.touched.insert(member.clone());
            if let Some(user) = self.users.get_mut(member) {
                match group.members.get(member) {
                    Some(link) => user.groups.insert(group.id.clone(), link.clone()),
                    None => user.groups.remove(&group.id),
                };
            }
        }
        for link in now.values() {
            self.hanging.remove(link);
        }
        self.hanging.extend(group.members.values().map(|link| (link.clone(), group.id.clone())));
        self.groups.insert(group.id.clone(), group);
    }

    /// Whether the group `inner` is somewhere inside the group `outer`.
    fn is_within(&self, inner: &str, outer: &str) -> bool {
        let mut open = vec![outer];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            let Some(group) = self.groups.get(id).filter(|_| seen.insert(id)) else { continue };
            if group.members.contains_key(inner) {
                return true;
            }
            open.extend(group.members.keys().filter(|id| id.starts_with(prefix::GROUP)).map(String::as_str));
        }
        false
    }

    fn check_group(&self, id: Option<&str>, name: &str, developer_name: Option<&str>) -> Result<(), Refusal> {
        if name.is_empty() {
            return Err(Refusal::new("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", &["Name"]));
        }
        for (label, value, max, field) in [
            ("Name", name, NAME_MAX, "Name"),
            ("Group Name", developer_name.unwrap_or_default(), DEVELOPER_NAME_MAX, "DeveloperName"),
        ] {
            if value.chars().count() > max {
                let message = format!("{label}: data value too large: {value} (max length={max})");
                return Err(Refusal::new("STRING_TOO_LONG", message, &[field]));
            }
        }
        let Some(developer_name) = developer_name else { return Ok(()) };
        let form = developer_name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            && developer_name.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if !form {
            let message = "The Group API Name can only contain underscores and alphanumeric characters. It must be unique, \
                           begin with a letter, not include spaces, not end with an underscore, and not contain two \
                           consecutive underscores.";
            return Err(Refusal::new("INVALID_FIELD", message, &["DeveloperName"]));
        }
        let taken = self.groups.values().any(|group| {
            Some(group.id.as_str()) != id
                && group.developer_name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(developer_name))
        });
        if taken {
            let message = "The Group Name you entered is already in use by another group or queue.";
            return Err(Refusal::new("DUPLICATE_DEVELOPER_NAME", message, &["DeveloperName"]));
        }
        Ok(())
    }
}
