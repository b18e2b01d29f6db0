//! What a user is given beside the profile: permission sets, permission set groups, permission set licences. Over REST:
//! SCIM knows neither of the last two, cannot take away the last permission set, and replaces a list only whole, with
//! what administrators gave by hand.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, quoted};
use crate::salesforce::error::{Cause, Error, Result};
use crate::salesforce::transport::Call;

/// Requests in one composite call at most.
const REQUESTS: usize = 25;

/// Something that a user can be given, by its Salesforce id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grant {
    /// A permission set licence (`0PL…`). It comes before the sets that need it.
    PermissionSetLicence(String),
    /// A permission set (`0PS…`).
    PermissionSet(String),
    /// A permission set group (`0PG…`).
    PermissionSetGroup(String),
}

impl Grant {
    fn object(&self) -> &'static str {
        match self {
            Self::PermissionSetLicence(_) => "PermissionSetLicenseAssign",
            Self::PermissionSet(_) | Self::PermissionSetGroup(_) => "PermissionSetAssignment",
        }
    }

    fn assigned_to(&self, user: &str) -> Value {
        match self {
            Self::PermissionSetLicence(id) => json!({ "AssigneeId": user, "PermissionSetLicenseId": id }),
            Self::PermissionSet(id) => json!({ "AssigneeId": user, "PermissionSetId": id }),
            Self::PermissionSetGroup(id) => json!({ "AssigneeId": user, "PermissionSetGroupId": id }),
        }
    }
}

/// A grant that a user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is.
    pub grant: Grant,
    /// Salesforce's id of the assignment (`0Pa…`, `2LA…`): what is deleted to take it away.
    pub assignment: String,
}

/// A change of what a user is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Give it.
    Give(Grant),
    /// Take it away.
    Take(Held),
}

impl Client {
    /// What a user is given beside the profile, in one call. The set behind a profile and the hidden one behind a
    /// permission set group are not among it.
    pub async fn grants(&self, user: &str) -> Result<Vec<Held>> {
        self.rest_for("reading what a user is given")?;
        let user = quoted(user);
        let query = |soql: String| format!("/services/data/{}/query/?q={}", self.version(), super::encoded(&soql));
        let requests = vec![
            json!({ "method": "GET", "referenceId": "sets", "url": query(format!(
                "SELECT Id, PermissionSetId, PermissionSetGroupId FROM PermissionSetAssignment \
                 WHERE AssigneeId = {user} AND PermissionSet.IsOwnedByProfile = false"
            )) }),
            json!({ "method": "GET", "referenceId": "licences", "url": query(format!(
                "SELECT Id, PermissionSetLicenseId FROM PermissionSetLicenseAssign WHERE AssigneeId = {user}"
            )) }),
        ];
        let mut held = Vec::new();
        for answer in self.composite("read-grants", requests, true).await? {
            for record in answer?.get("records").and_then(Value::as_array).into_iter().flatten() {
                let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
                let grant = text("PermissionSetLicenseId")
                    .map(Grant::PermissionSetLicence)
                    .or_else(|| text("PermissionSetGroupId").map(Grant::PermissionSetGroup))
                    .or_else(|| text("PermissionSetId").map(Grant::PermissionSet));
                if let (Some(grant), Some(assignment)) = (grant, text("Id")) {
                    held.push(Held { grant, assignment });
                }
            }
        }
        Ok(held)
    }

    /// Changes what a user is given, 25 changes a call, in an order that Salesforce accepts: licences before the sets
    /// that need them, and sets away before their licences. Never together with a change of the user itself, which
    /// Salesforce forbids in one transaction.
    ///
    /// Answers what became of each change, in the order given. One that was made before (given already, gone already) is
    /// made. An `Err` of the whole says that nothing is known of the rest.
    pub async fn change_grants(&self, user: &str, changes: &[Change]) -> Result<Vec<Result<()>>> {
        self.rest_for("changing what a user is given")?;
        let mut order: Vec<usize> = (0..changes.len()).collect();
        order.sort_by_key(|at| changes.get(*at).map(turn));
        let mut outcomes: Vec<Result<()>> = vec![Ok(()); changes.len()];
        for chunk in order.chunks(REQUESTS) {
            let requests = chunk.iter().filter_map(|at| changes.get(*at)).enumerate();
            let requests = requests.map(|(n, change)| self.request(user, change, n)).collect();
            for (at, answer) in chunk.iter().zip(self.composite("change-grants", requests, false).await?) {
                let made_before = match changes.get(*at) {
                    Some(Change::Give(_)) => Cause::DuplicateValue,
                    _ => Cause::Absent,
                };
                if let (Some(outcome), Err(error)) = (outcomes.get_mut(*at), answer)
                    && error.cause() != Some(made_before)
                {
                    *outcome = Err(error);
                }
            }
        }
        Ok(outcomes)
    }

    fn request(&self, user: &str, change: &Change, n: usize) -> Value {
        let reference = format!("change{n}");
        match change {
            Change::Give(grant) => json!({
                "method": "POST", "referenceId": reference, "body": grant.assigned_to(user),
                "url": format!("/services/data/{}/sobjects/{}", self.version(), grant.object()),
            }),
            Change::Take(held) => json!({
                "method": "DELETE", "referenceId": reference,
                "url": self.record_path(held.grant.object(), &held.assignment),
            }),
        }
    }

    fn version(&self) -> &str {
        &self.settings().api_version
    }

    /// Several requests in one call; the answers stand in their order. `reading`: nothing is changed by them.
    async fn composite(&self, kind: &'static str, requests: Vec<Value>, reading: bool) -> Result<Vec<Result<Value>>> {
        let sent = requests.len();
        let body = json!({ "allOrNone": false, "compositeRequest": requests });
        let path = format!("/services/data/{}/composite", self.version());
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

/// When a change has its turn.
fn turn(change: &Change) -> u8 {
    match change {
        Change::Give(Grant::PermissionSetLicence(_)) => 0,
        Change::Take(Held { grant: Grant::PermissionSetLicence(_), .. }) => 3,
        // A set that goes first may free what the new one needs.
        Change::Take(_) => 1,
        Change::Give(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Change, Grant, Held};
    use crate::salesforce::error::Cause;
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
            answers(&[(200, sets), (200, json!({"records": [{"Id": "2LA1", "PermissionSetLicenseId": "0PL1"}]}))])
        })
        .await;
        let held = org.client().grants("0051").await.unwrap();
        let held: Vec<_> = held.into_iter().map(|held| (held.assignment, held.grant)).collect();
        assert_eq!(
            held,
            [
                ("0Pa1".to_owned(), Grant::PermissionSet("0PS1".to_owned())),
                ("0Pa2".to_owned(), Grant::PermissionSetGroup("0PG1".to_owned())),
                ("2LA1".to_owned(), Grant::PermissionSetLicence("0PL1".to_owned())),
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
        let taken = Held { grant: Grant::PermissionSet("0PS1".to_owned()), assignment: "0Pa1".to_owned() };
        let changes = [
            Change::Give(Grant::PermissionSet("0PS2".to_owned())),
            Change::Give(Grant::PermissionSetGroup("0PG1".to_owned())),
            Change::Take(taken),
            Change::Give(Grant::PermissionSetLicence("0PL1".to_owned())),
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
        assert_eq!(outcomes[0], Ok(()), "it was given before");
        assert_eq!(outcomes[1].as_ref().unwrap_err().cause(), Some(Cause::Integrity));
        assert_eq!((&outcomes[2], &outcomes[3]), (&Ok(()), &Ok(())));
    }

    #[tokio::test]
    async fn more_than_one_call_takes_several() {
        let org = Org::start(|n, _| {
            let count = if n == 0 { 25 } else { 5 };
            answers(&vec![(201, json!({})); count])
        })
        .await;
        let changes: Vec<_> = (0..30).map(|n| Change::Give(Grant::PermissionSet(format!("0PS{n}")))).collect();
        assert_eq!(org.client().change_grants("0051", &changes).await.unwrap().len(), 30);
        assert_eq!(org.calls().len(), 2);
    }
}
