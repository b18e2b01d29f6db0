//! Users and groups as JSON records, so that the org can be kept between two runs.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::field::Field;
use super::{Group, GroupKind, Store, User};
use crate::sandbox::ids::prefix;

/// Something that became different.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Nothing of what came before counts: the first record of a file.
    Begin,
    /// A user, as it is now.
    User(UserRecord),
    /// A group, as it is now.
    Group(GroupRecord),
    /// The group with this id is no more.
    Gone(String),
}

/// A user.
#[derive(Debug, Serialize, Deserialize)]
pub struct UserRecord {
    id: String,
    fields: Vec<(String, String)>,
    active: bool,
    pending_email: Option<String>,
    permission_sets: BTreeSet<String>,
    groups: BTreeSet<String>,
    integration: bool,
    created: DateTime<Utc>,
    modified: DateTime<Utc>,
}

/// A group.
#[derive(Debug, Serialize, Deserialize)]
pub struct GroupRecord {
    id: String,
    name: String,
    developer_name: Option<String>,
    queue: bool,
    /// Groups only: users tell themselves where they are members, so that a change of one member of a large group is
    /// one short record.
    nested: BTreeSet<String>,
    created: DateTime<Utc>,
    modified: DateTime<Utc>,
}

impl Store {
    /// What became different since this was asked last.
    pub fn take_changes(&mut self) -> Vec<Record> {
        let ids = std::mem::take(&mut self.touched);
        // A group must be there before its members are.
        let (groups, users): (Vec<String>, Vec<String>) = ids.into_iter().partition(|id| id.starts_with(prefix::GROUP));
        groups.into_iter().chain(users).filter_map(|id| self.record(id)).collect()
    }

    /// Forgets what became different: nobody keeps it.
    pub fn drop_changes(&mut self) {
        self.touched.clear();
    }

    /// Everything, with [`Record::Begin`] before it.
    pub fn all_records(&self) -> Vec<Record> {
        let ids = self.groups.keys().chain(self.users.keys()).cloned();
        std::iter::once(Record::Begin).chain(ids.filter_map(|id| self.record(id))).collect()
    }

    fn record(&self, id: String) -> Option<Record> {
        if let Some(user) = self.users.get(&id) {
            return Some(Record::User(UserRecord {
                id,
                fields: user.text.iter().map(|(field, value)| (field.name().to_owned(), value.clone())).collect(),
                active: user.active,
                pending_email: user.pending_email.clone(),
                permission_sets: user.permission_sets.clone(),
                groups: user.groups.clone(),
                integration: user.integration,
                created: user.created,
                modified: user.modified,
            }));
        }
        if let Some(group) = self.groups.get(&id) {
            return Some(Record::Group(GroupRecord {
                id,
                name: group.name.clone(),
                developer_name: group.developer_name.clone(),
                queue: group.kind == GroupKind::Queue,
                nested: group.members.iter().filter(|id| id.starts_with(prefix::GROUP)).cloned().collect(),
                created: group.created,
                modified: group.modified,
            }));
        }
        id.starts_with(prefix::GROUP).then_some(Record::Gone(id))
    }

    /// Puts a record into the store as it stands: it was checked when it came to be.
    pub fn replay(&mut self, record: Record) {
        match record {
            Record::Begin => {
                let users: Vec<User> = self.users.values().cloned().collect();
                for user in &users {
                    self.forget_user(user);
                }
                self.groups.clear();
            }
            Record::User(record) => {
                self.ids.observe(&record.id);
                let text = record.fields.into_iter().filter_map(|(name, value)| Some((Field::named(&name)?, value)));
                self.place(User {
                    text: text.collect(),
                    id: record.id,
                    active: record.active,
                    pending_email: record.pending_email,
                    permission_sets: record.permission_sets,
                    groups: record.groups,
                    integration: record.integration,
                    created: record.created,
                    modified: record.modified,
                });
            }
            Record::Group(record) => {
                self.ids.observe(&record.id);
                let mut members = record.nested;
                let known = self.groups.get(&record.id).map(|group| &group.members);
                members.extend(known.into_iter().flatten().filter(|id| id.starts_with(prefix::USER)).cloned());
                let group = Group {
                    id: record.id.clone(),
                    name: record.name,
                    developer_name: record.developer_name,
                    kind: if record.queue { GroupKind::Queue } else { GroupKind::Regular },
                    members,
                    created: record.created,
                    modified: record.modified,
                };
                self.groups.insert(record.id, group);
            }
            Record::Gone(id) => {
                self.ids.observe(&id);
                self.groups.remove(&id);
            }
        }
        self.touched.clear();
    }
}
