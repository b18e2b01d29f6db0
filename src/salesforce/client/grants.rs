//! What a user is given beside the profile and the role: permission sets, permission set groups, permission set licences,
//! memberships of public groups. Over REST: SCIM knows neither groups nor licences of permission sets, cannot take away the
//! last permission set, and replaces a list only whole, with what administrators gave by hand.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, quoted};
use crate::entitlement::{Grant, Kind};
use crate::salesforce::error::{Cause, Error, Result};
use crate::salesforce::transport::Call;

/// Requests in one composite call at most.
const REQUESTS: usize = 25;

/// The object whose records give a grant of this kind, and its fields for the user and for what is given.
pub(super) fn assignment(kind: Kind) -> Option<(&'static str, &'static str, &'static str)> {
    match kind {
        Kind::PermissionSetLicence => Some(("PermissionSetLicenseAssign", "AssigneeId", "PermissionSetLicenseId")),
        Kind::PermissionSet => Some(("PermissionSetAssignment", "AssigneeId", "PermissionSetId")),
        Kind::PermissionSetGroup => Some(("PermissionSetAssignment", "AssigneeId", "PermissionSetGroupId")),
        Kind::PublicGroup => Some(("GroupMember", "UserOrGroupId", "GroupId")),
        // Fields of the user.
        Kind::Profile | Kind::Role => None,
    }
}

/// A grant that a user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is.
    pub grant: Grant,
    /// Salesforce's id of the assignment (`0Pa…`, `2LA…`, `011…`): what is deleted to take it away.
    pub assignment: String,
}

/// What a user has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Id of the profile.
    pub profile: Option<String>,
    /// Id of the role.
    pub role: Option<String>,
    /// The rest.
    pub held: Vec<Held>,
}

/// A change of what a user is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Give it.
    Give(Grant),
    /// Take it away.
    Take(Held),
}

impl Change {
    /// What it is about.
    pub fn grant(&self) -> &Grant {
        match self {
            Self::Give(grant) => grant,
            Self::Take(held) => &held.grant,
        }
    }
}

impl Client {
    /// What a user has, in one call; `None`: there is no such user. The set behind a profile and the hidden one behind a
    /// permission set group are not among it, nor are groups that are no public ones.
    pub async fn grants(&self, user: &str) -> Result<Option<Grants>> {
        self.rest_for("reading what a user is given")?;
        let user = quoted(user);
        let query = |reference: &str, soql: String| {
            let url = format!("{}?q={}", self.paths().query(), super::encoded(&soql));
            json!({ "method": "GET", "referenceId": reference, "url": url })
        };
        let requests = vec![
            query("user", format!("SELECT ProfileId, UserRoleId FROM User WHERE Id = {user}")),
            query(
                "sets",
                format!(
                    "SELECT Id, PermissionSetId, PermissionSetGroupId FROM PermissionSetAssignment \
                     WHERE AssigneeId = {user} AND PermissionSet.IsOwnedByProfile = false"
                ),
            ),
            query(
                "licences",
                format!("SELECT Id, PermissionSetLicenseId FROM PermissionSetLicenseAssign WHERE AssigneeId = {user}"),
            ),
            query(
                "groups",
                format!("SELECT Id, GroupId FROM GroupMember WHERE UserOrGroupId = {user} AND Group.Type = 'Regular'"),
            ),
        ];
        let mut answers = self.composite("read-grants", requests, true).await?.into_iter();
        let text = |record: &Value, name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let (first, mut grants) = (answers.next().unwrap_or(Ok(Value::Null))?, Grants::default());
        let Some(found) = first.pointer("/records/0") else { return Ok(None) };
        (grants.profile, grants.role) = (text(found, "ProfileId"), text(found, "UserRoleId"));
        // A set that came through a group names the group too, and is not given by itself.
        let by_field = [Kind::PermissionSetLicence, Kind::PermissionSetGroup, Kind::PermissionSet, Kind::PublicGroup];
        for answer in answers {
            for record in answer?.get("records").and_then(Value::as_array).into_iter().flatten() {
                let grant = by_field.into_iter().find_map(|kind| {
                    let (_, _, field) = assignment(kind)?;
                    Some(Grant::new(kind, text(record, field)?))
                });
                if let (Some(grant), Some(assignment)) = (grant, text(record, "Id")) {
                    grants.held.push(Held { grant, assignment });
                }
            }
        }
        Ok(Some(grants))
    }

    /// Changes what a user is given, 25 changes a call, in an order that Salesforce accepts: licences before the sets
    /// that need them, and sets away before their licences. Never together with a change of the user itself, which
    /// Salesforce forbids in one transaction.
    ///
    /// Answers what became of each change, in the order given: of one that gave something, the id of the assignment. One
    /// that was made before (given already, gone already) is made, and has none. An `Err` of the whole is one of the first
    /// call; one of a later call is the outcome of each of its changes and of those behind it.
    pub async fn change_grants(&self, user: &str, changes: &[Change]) -> Result<Vec<Result<Option<String>>>> {
        self.rest_for("changing what a user is given")?;
        let mut outcomes: Vec<Result<Option<String>>> = vec![Ok(None); changes.len()];
        let calls = calls_of(changes);
        for (nth, chunk) in calls.iter().enumerate() {
            let requests = chunk.iter().filter_map(|at| changes.get(*at)).enumerate();
            let requests = requests.filter_map(|(n, change)| self.request(user, change, n)).collect();
            let answers = match self.composite("change-grants", requests, false).await {
                Ok(answers) => answers,
                Err(error) if nth == 0 => return Err(error),
                // What the calls before brought must not be forgotten.
                Err(error) => {
                    for at in calls.iter().skip(nth).flatten() {
                        if let Some(outcome) = outcomes.get_mut(*at) {
                            *outcome = Err(error.clone());
                        }
                    }
                    break;
                }
            };
            for (at, answer) in chunk.iter().zip(answers) {
                let made_before = match changes.get(*at) {
                    Some(Change::Give(_)) => Cause::DuplicateValue,
                    _ => Cause::Absent,
                };
                if let Some(outcome) = outcomes.get_mut(*at) {
                    *outcome = match answer {
                        Ok(made) => Ok(made.get("id").and_then(Value::as_str).map(str::to_owned)),
                        Err(error) if error.cause() == Some(made_before) => Ok(None),
                        Err(error) => Err(error),
                    };
                }
            }
        }
        Ok(outcomes)
    }

    fn request(&self, user: &str, change: &Change, n: usize) -> Option<Value> {
        let reference = format!("change{n}");
        Some(match change {
            Change::Give(grant) => {
                let (object, whom, what) = assignment(grant.kind)?;
                json!({
                    "method": "POST", "referenceId": reference, "body": { whom: user, what: grant.id },
                    "url": self.paths().objects(object),
                })
            }
            Change::Take(held) => json!({
                "method": "DELETE", "referenceId": reference,
                "url": self.record_path(assignment(held.grant.kind)?.0, &held.assignment),
            }),
        })
    }

    /// Several requests in one call; the answers stand in their order. `reading`: nothing is changed by them.
    async fn composite(&self, kind: &'static str, requests: Vec<Value>, reading: bool) -> Result<Vec<Result<Value>>> {
        let sent = requests.len();
        let body = json!({ "allOrNone": false, "compositeRequest": requests });
        let path = self.paths().composite();
        let answer = self.call(Call::send(kind, Method::POST, path, body)).await?;
        let mut parsed = answer.json()?;
        let Some(Value::Array(parts)) = parsed.get_mut("compositeResponse").map(Value::take) else {
            return Err(answer.unreadable());
        };
        if parts.len() != sent {
            return Err(answer.unreadable());
        }
        Ok(parts
            .into_iter()
            .map(|mut part| {
                let status = part.get("httpStatusCode").and_then(Value::as_u64).and_then(|s| u16::try_from(s).ok());
                let body = part.get_mut("body").map(Value::take).unwrap_or_default();
                match status {
                    Some(200..=299) => Ok(body),
                    status => {
                        Err(Error::from_answer(status.unwrap_or(500), None, body.to_string().as_bytes(), reading))
                    }
                }
            })
            .collect())
    }
}

/// Which changes go in which call, by their places: in the order in which Salesforce accepts them.
pub fn calls_of(changes: &[Change]) -> Vec<Vec<usize>> {
    // A profile and a role are no assignments: they are changed with the user.
    let mut order: Vec<usize> = (0..changes.len()).collect();
    order.retain(|at| changes.get(*at).is_some_and(|change| assignment(change.grant().kind).is_some()));
    order.sort_by_key(|at| changes.get(*at).map(turn));
    order.chunks(REQUESTS).map(<[usize]>::to_vec).collect()
}

/// When a change has its turn.
fn turn(change: &Change) -> u8 {
    match change {
        Change::Give(grant) if grant.kind == Kind::PermissionSetLicence => 0,
        Change::Take(held) if held.grant.kind == Kind::PermissionSetLicence => 3,
        // A set that goes first may free what the new one needs.
        Change::Take(_) => 1,
        Change::Give(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Change, Grant, Grants, Held, Kind};
    use crate::salesforce::error::{Cause, Error};
    use crate::salesforce::testing::{Org, Reply};

    fn answers(parts: &[(u16, Value)]) -> Reply {
        let parts: Vec<Value> =
            parts.iter().map(|(status, body)| json!({"httpStatusCode": status, "body": body})).collect();
        Reply::ok(json!({ "compositeResponse": parts }).to_string())
    }

    fn refused(code: &str) -> Value {
        json!([{"errorCode": code, "message": "m"}])
    }

    #[tokio::test]
    async fn grants_are_read_in_one_call() {
        let org = Org::start(|_, _| {
            let sets = json!({"records": [
                {"Id": "0Pa1", "PermissionSetId": "0PS1", "PermissionSetGroupId": null},
                {"Id": "0Pa2", "PermissionSetId": "0PS9", "PermissionSetGroupId": "0PG1"},
            ]});
            let groups = json!({"records": [{"Id": "0111", "GroupId": "00G1"}]});
            let licences = json!({"records": [{"Id": "2LA1", "PermissionSetLicenseId": "0PL1"}]});
            let user = json!({"records": [{"ProfileId": "00e1", "UserRoleId": null}]});
            answers(&[(200, user), (200, sets), (200, licences), (200, groups)])
        })
        .await;
        let Grants { profile, role, held } = org.client().grants("0051").await.unwrap().unwrap();
        assert_eq!((profile.as_deref(), role), (Some("00e1"), None));
        let held: Vec<_> = held.into_iter().map(|held| (held.assignment, held.grant)).collect();
        assert_eq!(
            held,
            [
                ("0Pa1".to_owned(), Grant::new(Kind::PermissionSet, "0PS1".to_owned())),
                ("0Pa2".to_owned(), Grant::new(Kind::PermissionSetGroup, "0PG1".to_owned())),
                ("2LA1".to_owned(), Grant::new(Kind::PermissionSetLicence, "0PL1".to_owned())),
                ("0111".to_owned(), Grant::new(Kind::PublicGroup, "00G1")),
            ]
        );
        assert_eq!(org.calls(), ["POST /services/data/v66.0/composite"]);
    }

    #[tokio::test]
    async fn changes_go_together_in_an_order_that_salesforce_accepts() {
        let org = Org::start(|_, _| {
            answers(&[
                (201, json!({"id": "2LA1"})),
                (404, refused("ENTITY_IS_DELETED")),
                (400, refused("DUPLICATE_VALUE")),
                (400, refused("FIELD_INTEGRITY_EXCEPTION")),
            ])
        })
        .await;
        let taken = Held { grant: Grant::new(Kind::PermissionSet, "0PS1".to_owned()), assignment: "0Pa1".to_owned() };
        let changes = [
            Change::Give(Grant::new(Kind::PermissionSet, "0PS2".to_owned())),
            Change::Give(Grant::new(Kind::PermissionSetGroup, "0PG1".to_owned())),
            Change::Take(taken),
            Change::Give(Grant::new(Kind::PermissionSetLicence, "0PL1".to_owned())),
        ];
        let outcomes = org.client().change_grants("0051", &changes).await.unwrap();
        let sent = org.last().json();
        let urls: Vec<_> = sent["compositeRequest"].as_array().unwrap().iter().map(|r| r["url"].clone()).collect();
        let base = "/services/data/v66.0/sobjects";
        assert_eq!(
            urls,
            [
                json!(format!("{base}/PermissionSetLicenseAssign")),
                json!(format!("{base}/PermissionSetAssignment/0Pa1")),
                json!(format!("{base}/PermissionSetAssignment")),
                json!(format!("{base}/PermissionSetAssignment")),
            ]
        );
        assert_eq!(sent["compositeRequest"][3]["body"], json!({"AssigneeId": "0051", "PermissionSetGroupId": "0PG1"}));
        assert_eq!(outcomes[0], Ok(None), "it was given before");
        assert_eq!(outcomes[1].as_ref().unwrap_err().cause(), Some(Cause::Integrity));
        assert_eq!((&outcomes[2], &outcomes[3]), (&Ok(None), &Ok(Some("2LA1".to_owned()))), "gone before; given now");
    }

    #[tokio::test]
    async fn more_than_one_call_takes_several() {
        let org = Org::start(|n, _| {
            let count = if n == 0 { 25 } else { 5 };
            answers(&vec![(201, json!({})); count])
        })
        .await;
        let changes: Vec<_> =
            (0..30).map(|n| Change::Give(Grant::new(Kind::PermissionSet, format!("0PS{n}")))).collect();
        assert_eq!(org.client().change_grants("0051", &changes).await.unwrap().len(), 30);
        assert_eq!(org.calls().len(), 2);
    }

    #[tokio::test]
    async fn what_the_first_of_several_calls_brought_is_not_forgotten() {
        let org = Org::start(|n, _| match n {
            0 => answers(&vec![(201, json!({"id": "0Pa1"})); 25]),
            _ => Reply::status(503, r#"[{"errorCode":"SERVER_UNAVAILABLE","message":"x"}]"#),
        })
        .await;
        let mut changes: Vec<_> =
            (0..29).map(|n| Change::Give(Grant::new(Kind::PermissionSet, format!("0PS{n}")))).collect();
        changes.push(Change::Give(Grant::new(Kind::PermissionSetLicence, "0PL1")));
        let outcomes = org.client().change_grants("0051", &changes).await.unwrap();
        let made = |outcome: &Result<Option<String>, Error>| *outcome == Ok(Some("0Pa1".to_owned()));
        assert_eq!(outcomes.iter().filter(|outcome| made(outcome)).count(), 25);
        assert!(made(&outcomes[29]), "licences are in the first call");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 5);
        let all = org.client().change_grants("0051", &changes[..1]).await;
        assert!(all.is_err(), "of one call nothing is known: {all:?}");
    }
}
