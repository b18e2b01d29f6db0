//! Users and groups as JSON records, so that the org can be kept between two runs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::field::Field;
use super::user::STANDARD;
use super::{Group, GroupKind, Links, Mail, Store, User};
use crate::sandbox::ids::prefix;

/// Something that became different.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Nothing of what came before counts: the first record of a file.
    Begin,
    /// A user, as it is now.
    User(Box<UserRecord>),
    /// A group, as it is now.
    Group(GroupRecord),
    /// The group with this id is no more.
    Gone(String),
    /// A mail that the platform would have sent.
    Mail(Mail),
}

/// Links as they are kept. Files of older versions name what is linked and not the links.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeptLinks {
    /// What is linked → the link.
    Links(Links),
    /// What is linked; the links get new ids.
    Linked(BTreeSet<String>),
}

impl Default for KeptLinks {
    fn default() -> Self {
        Self::Links(Links::new())
    }
}

impl From<&Links> for KeptLinks {
    fn from(links: &Links) -> Self {
        Self::Links(links.clone())
    }
}

/// A user.
#[derive(Debug, Serialize, Deserialize)]
pub struct UserRecord {
    id: String,
    fields: Vec<(String, String)>,
    #[serde(default)]
    custom: BTreeMap<String, String>,
    active: bool,
    #[serde(default)]
    frozen: bool,
    #[serde(default = "standard")]
    user_type: String,
    pending_email: Option<String>,
    permission_sets: KeptLinks,
    #[serde(default)]
    set_groups: KeptLinks,
    #[serde(default)]
    set_licences: KeptLinks,
    groups: KeptLinks,
    #[serde(default)]
    login_id: String,
    #[serde(default)]
    profile_assignment: String,
    #[serde(default)]
    undeactivatable: Option<String>,
    integration: bool,
    created: DateTime<Utc>,
    modified: DateTime<Utc>,
}

fn standard() -> String {
    STANDARD.to_owned()
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
    nested: KeptLinks,
    created: DateTime<Utc>,
    modified: DateTime<Utc>,
}

impl Store {
    /// What became different since this was asked last.
    pub fn take_changes(&mut self) -> Vec<Record> {
        let ids = std::mem::take(&mut self.touched);
        // A group must be there before its members are.
        let (groups, users): (Vec<String>, Vec<String>) = ids.into_iter().partition(|id| id.starts_with(prefix::GROUP));
        let mails = self.mails.get(self.mails_kept..).unwrap_or_default().iter().cloned().map(Record::Mail);
        let records = groups.into_iter().chain(users).filter_map(|id| self.record(id)).chain(mails).collect();
        self.mails_kept = self.mails.len();
        records
    }

    /// Forgets what became different: nobody keeps it.
    pub fn drop_changes(&mut self) {
        self.touched.clear();
        self.mails_kept = self.mails.len();
    }

    /// Everything, with [`Record::Begin`] before it.
    pub fn all_records(&self) -> Vec<Record> {
        let ids = self.groups.keys().chain(self.users.keys()).cloned();
        let mails = self.mails.iter().cloned().map(Record::Mail);
        std::iter::once(Record::Begin).chain(ids.filter_map(|id| self.record(id))).chain(mails).collect()
    }

    fn record(&self, id: String) -> Option<Record> {
        if let Some(user) = self.users.get(&id) {
            return Some(Record::User(Box::new(UserRecord {
                id,
                fields: user.text.iter().map(|(field, value)| (field.name().to_owned(), value.clone())).collect(),
                custom: user.custom.clone(),
                active: user.active,
                frozen: user.frozen,
                user_type: user.user_type.clone(),
                pending_email: user.pending_email.clone(),
                permission_sets: KeptLinks::from(&user.permission_sets),
                set_groups: KeptLinks::from(&user.set_groups),
                set_licences: KeptLinks::from(&user.set_licences),
                groups: KeptLinks::from(&user.groups),
                login_id: user.login_id.clone(),
                profile_assignment: user.profile_assignment.clone(),
                undeactivatable: user.undeactivatable.clone(),
                integration: user.integration,
                created: user.created,
                modified: user.modified,
            })));
        }
        if let Some(group) = self.groups.get(&id) {
            return Some(Record::Group(GroupRecord {
                id,
                name: group.name.clone(),
                developer_name: group.developer_name.clone(),
                queue: group.kind == GroupKind::Queue,
                nested: KeptLinks::Links(
                    group
                        .members
                        .iter()
                        .filter(|(id, _)| id.starts_with(prefix::GROUP))
                        .map(|(id, link)| (id.clone(), link.clone()))
                        .collect(),
                ),
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
                self.hanging.clear();
                self.mails.clear();
            }
            Record::User(record) => self.replay_user(*record),
            Record::Group(record) => self.replay_group(record),
            Record::Gone(id) => {
                self.ids.observe(&id);
                let group = self.groups.remove(&id);
                for link in group.iter().flat_map(|group| group.members.values()) {
                    self.hanging.remove(link);
                }
            }
            Record::Mail(mail) => self.mails.push(mail),
        }
        self.touched.clear();
        self.mails_kept = self.mails.len();
    }

    fn replay_user(&mut self, record: UserRecord) {
        self.ids.observe(&record.id);
        let text = record.fields.into_iter().filter_map(|(name, value)| Some((Field::named(&name)?, value)));
        let user = User {
            text: text.collect(),
            id: record.id,
            custom: record.custom,
            active: record.active,
            frozen: record.frozen,
            user_type: record.user_type,
            pending_email: record.pending_email,
            permission_sets: self.links(record.permission_sets, prefix::SET_ASSIGNMENT),
            set_groups: self.links(record.set_groups, prefix::SET_ASSIGNMENT),
            set_licences: self.links(record.set_licences, prefix::LICENCE_ASSIGNMENT),
            groups: self.links(record.groups, prefix::GROUP_MEMBER),
            login_id: self.kept_id(record.login_id, prefix::USER_LOGIN),
            profile_assignment: self.kept_id(record.profile_assignment, prefix::SET_ASSIGNMENT),
            undeactivatable: record.undeactivatable,
            integration: record.integration,
            created: record.created,
            modified: record.modified,
        };
        self.place(user);
    }

    fn replay_group(&mut self, record: GroupRecord) {
        self.ids.observe(&record.id);
        let mut members = self.links(record.nested, prefix::GROUP_MEMBER);
        let id = record.id.clone();
        if let Some(known) = self.groups.get(&id) {
            for (member, link) in &known.members {
                self.hanging.remove(link);
                if member.starts_with(prefix::USER) {
                    members.insert(member.clone(), link.clone());
                }
            }
        }
        self.hanging.extend(members.values().map(|link| (link.clone(), id.clone())));
        let group = Group {
            id: record.id,
            name: record.name,
            developer_name: record.developer_name,
            kind: if record.queue { GroupKind::Queue } else { GroupKind::Regular },
            members,
            created: record.created,
            modified: record.modified,
        };
        self.groups.insert(id, group);
    }

    fn links(&mut self, kept: KeptLinks, prefix: &'static str) -> Links {
        match kept {
            KeptLinks::Links(links) => {
                for link in links.values() {
                    self.ids.observe(link);
                }
                links
            }
            KeptLinks::Linked(ids) => ids.into_iter().map(|id| (id, self.ids.next(prefix))).collect(),
        }
    }

    fn kept_id(&mut self, id: String, prefix: &'static str) -> String {
        if id.is_empty() {
            return self.ids.next(prefix);
        }
        self.ids.observe(&id);
        id
    }
}
