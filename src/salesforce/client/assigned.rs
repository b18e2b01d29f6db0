//! What all users of an org are given beside profile and role, read whole: a query for each of three objects.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::grants::assignment;
use super::pull::{IDS, REGULAR, ShortId, literals, short};
use super::rows::Row;
use super::{Client, Held};
use crate::entitlement::{Grant, Kind};
use crate::salesforce::error::Result;

/// Prefix of the ids of users: groups have members of other kinds, too.
const USER: &str = "005";

/// An id of an assignment, whole: it is sent back to take away what it gives.
type LongId = [u8; 18];

/// An object whose records give users something beside profile and role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignedBy {
    /// Permission sets, and groups of them.
    Sets,
    /// Permission set licences.
    Licences,
    /// Memberships of public groups.
    Groups,
}

impl AssignedBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sets, Self::Licences, Self::Groups];

    /// Its name in Salesforce.
    pub fn object(self) -> &'static str {
        match self {
            Self::Sets => "PermissionSetAssignment",
            Self::Licences => "PermissionSetLicenseAssign",
            Self::Groups => "GroupMember",
        }
    }

    /// The kinds that a record can give: the first of them whose field has a value.
    fn kinds(self) -> &'static [Kind] {
        match self {
            // A set that came through a group names the group too, and is not given by itself.
            Self::Sets => &[Kind::PermissionSetGroup, Kind::PermissionSet],
            Self::Licences => &[Kind::PermissionSetLicence],
            Self::Groups => &[Kind::PublicGroup],
        }
    }

    fn fields(self) -> &'static str {
        match self {
            Self::Sets => "Id, AssigneeId, PermissionSetId, PermissionSetGroupId",
            Self::Licences => "Id, AssigneeId, PermissionSetLicenseId",
            Self::Groups => "Id, GroupId, UserOrGroupId",
        }
    }

    /// Which records are meant, but for memberships of these groups.
    fn records(self, except: &[String]) -> Cow<'static, str> {
        match self {
            // But for the sets that stand behind profiles.
            Self::Sets => "FROM PermissionSetAssignment WHERE PermissionSet.IsOwnedByProfile = false".into(),
            Self::Licences => "FROM PermissionSetLicenseAssign".into(),
            // More than fit into a query are picked out as they come.
            Self::Groups if (1..=IDS).contains(&except.len()) => {
                format!("{REGULAR} AND GroupId NOT IN ({})", literals(except)).into()
            }
            Self::Groups => REGULAR.into(),
        }
    }
}

/// What users are given by one object, in little memory: a million assignments take 40 MB.
#[derive(Debug, Default)]
pub struct Assignments {
    /// What is given at all: there are few, and many have the same.
    grants: Vec<Grant>,
    /// Who has which of them by which assignment, in order.
    rows: Vec<(ShortId, u32, LongId)>,
}

impl Assignments {
    /// What one user is given.
    pub fn of(&self, user: &str) -> Vec<Held> {
        let user = short(user);
        let first = self.rows.partition_point(|(whose, ..)| *whose < user);
        let own = self.rows.iter().skip(first).take_while(|(whose, ..)| *whose == user);
        own.filter_map(|(_, grant, assignment)| {
            let grant = self.grants.get(usize::try_from(*grant).ok()?)?.clone();
            let end = assignment.iter().position(|byte| *byte == 0).unwrap_or(assignment.len());
            let assignment = assignment.get(..end).and_then(|id| std::str::from_utf8(id).ok())?.to_owned();
            Some(Held { grant, assignment })
        })
        .collect()
    }
}

/// Assignments as they are being read.
#[derive(Default)]
struct Reading {
    found: Assignments,
    places: HashMap<Grant, u32>,
}

impl Reading {
    /// Adds a record that gives one of `kinds`: the first of them whose field has a value.
    fn add(&mut self, row: &Row, kinds: &[Kind]) {
        let found = kinds.iter().find_map(|kind| {
            let (_, whom, what) = assignment(*kind)?;
            Some((row.get(whom)?, Grant::new(*kind, row.get(what)?.as_str())))
        });
        let (Some((user, grant)), Some(id)) = (found, row.get("Id")) else { return };
        if !user.starts_with(USER) {
            return;
        }
        let next = u32::try_from(self.found.grants.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(grant).or_insert_with_key(|grant| {
            self.found.grants.push(grant.clone());
            next
        });
        let mut long: LongId = [0; 18];
        for (to, from) in long.iter_mut().zip(id.bytes()) {
            *to = from;
        }
        self.found.rows.push((short(user), place, long));
    }
}

impl Client {
    /// What every user of the org is given by an object, but for memberships of the public groups `except`; through a bulk
    /// job where it has more records than `bulk_above`. The set behind a profile and the hidden one behind a permission set
    /// group are not among it, nor are groups that are no public ones.
    pub async fn assignments(&self, by: AssignedBy, except: &[String], bulk_above: u64) -> Result<Assignments> {
        let mut reading = Reading::default();
        let left_out: HashSet<ShortId> = except.iter().map(|id| short(id)).collect();
        let from = by.records(except);
        let count = self.count("count-assignments", &format!("SELECT COUNT() {from}")).await?;
        let soql = format!("SELECT {} {from}", by.fields());
        self.each("pull-assignments", &soql, count > bulk_above, |rows| {
            for row in &rows {
                if row.get("GroupId").is_none_or(|group| !left_out.contains(&short(group))) {
                    reading.add(row, by.kinds());
                }
            }
        })
        .await?;
        let mut found = reading.found;
        found.rows.sort_unstable();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AssignedBy, Grant, Held, Kind};
    use crate::salesforce::testing::{Org, Reply};

    #[tokio::test]
    async fn what_everybody_is_given_is_read_with_three_queries() {
        let org = Org::start(|_, request| {
            let target = request.target();
            let records = if target.contains("COUNT()") {
                return Reply::ok(json!({"totalSize": 2}).to_string());
            } else if target.contains("FROM PermissionSetAssignment") {
                json!([
                    {"Id": "0Pa000000000001AAA", "AssigneeId": "005000000000001AAA", "PermissionSetId": "0PS1",
                     "PermissionSetGroupId": null},
                    {"Id": "0Pa000000000002AAA", "AssigneeId": "005000000000001AAA", "PermissionSetId": "0PS9",
                     "PermissionSetGroupId": "0PG1"},
                    {"Id": "0Pa000000000003AAA", "AssigneeId": "005000000000002AAA", "PermissionSetId": "0PS1"},
                ])
            } else if target.contains("FROM PermissionSetLicenseAssign") {
                json!([{"Id": "2LA000000000001AAA", "AssigneeId": "005000000000001AAA", "PermissionSetLicenseId": "0PL1"}])
            } else {
                json!([
                    {"Id": "011000000000001AAA", "GroupId": "00G000000000001AAA", "UserOrGroupId": "005000000000001AAA"},
                    {"Id": "011000000000002AAA", "GroupId": "00G000000000001AAA", "UserOrGroupId": "00G000000000002AAA"},
                    {"Id": "011000000000003AAA", "GroupId": "00G000000000003AAA", "UserOrGroupId": "005000000000001AAA"},
                ])
            };
            Reply::ok(json!({"done": true, "records": records}).to_string())
        })
        .await;
        let mut found = Vec::new();
        for by in AssignedBy::ALL {
            found.push(org.client().assignments(by, &["00G000000000003".to_owned()], 10).await.unwrap());
        }
        let of = |user: &str| found.iter().flat_map(|part| part.of(user)).collect::<Vec<_>>();
        let held = |kind, id: &str, assignment: &str| {
            let assignment = assignment.to_owned();
            Held { grant: Grant::new(kind, id), assignment }
        };
        let mut own = of("005000000000001");
        own.sort_by(|one, other| one.grant.cmp(&other.grant));
        assert_eq!(
            own,
            [
                held(Kind::PermissionSetLicence, "0PL1", "2LA000000000001AAA"),
                held(Kind::PermissionSet, "0PS1", "0Pa000000000001AAA"),
                held(Kind::PermissionSetGroup, "0PG1", "0Pa000000000002AAA"),
                held(Kind::PublicGroup, "00G000000000001AAA", "011000000000001AAA"),
            ],
            "without the hidden set, the group's group, and the group that is left out"
        );
        assert_eq!(of("005000000000002AAA"), [held(Kind::PermissionSet, "0PS1", "0Pa000000000003AAA")]);
        assert!(of("005000000000003AAA").is_empty());
        let calls = org.calls();
        assert_eq!(calls.len(), 6);
        assert!(calls[5].ends_with("AND GroupId NOT IN ('00G000000000003')"), "{}", calls[5]);
    }

    /// What people have need not lie in the org for seven days because its reading failed.
    #[tokio::test]
    async fn a_job_whose_reading_fails_is_deleted_too() {
        let org = Org::start(|_, request| {
            let target = request.target();
            if target.contains("COUNT()") {
                Reply::ok(json!({"totalSize": 2}).to_string())
            } else if target.starts_with("POST") {
                Reply::ok(json!({"id": "750JOB"}).to_string())
            } else if target.contains("/results") {
                Reply::status(503, json!([{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]).to_string())
            } else if target.starts_with("DELETE") {
                Reply::status(204, "")
            } else {
                Reply::ok(json!({"id": "750JOB", "state": "JobComplete"}).to_string())
            }
        })
        .await;
        let read = org.client().assignments(AssignedBy::Licences, &[], 0).await;
        assert!(read.is_err());
        let calls = org.calls();
        let last = calls.last().unwrap();
        assert!(last.starts_with("DELETE") && last.ends_with("/750JOB"), "{calls:?}");
    }
}
