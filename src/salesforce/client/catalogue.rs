//! What an org has: profiles, licences, fields, and what the integration user may do there. Typed, and asked anew each
//! time: nothing is kept.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;

use super::Client;
use crate::salesforce::error::Result;
use crate::salesforce::transport::Call;

/// Rights that the bridge needs, as fields of `UserPermissionAccess`, and what Setup calls them.
pub const RIGHTS: &[(&str, &str)] = &[
    ("PermissionsApiEnabled", "API Enabled"),
    ("PermissionsManageUsers", "Manage Users"),
    ("PermissionsManageInternalUsers", "Manage Internal Users"),
    ("PermissionsAssignPermissionSets", "Assign Permission Sets"),
    ("PermissionsManageRoles", "Manage Roles"),
    ("PermissionsFreezeUsers", "Freeze Users"),
];

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Salesforce's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Name of the user licence that it belongs to.
    pub licence: Option<String>,
}

/// A user licence of the org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserLicence {
    /// Its name.
    pub name: String,
    /// How many the org has.
    pub total: i64,
    /// How many are taken.
    pub used: i64,
}

/// A field of the User object, as the integration user may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// `string`, `boolean`, `double`, `picklist`, `reference`, …
    pub kind: String,
    /// Longest text, in characters; 0 where it has no such limit.
    pub length: u64,
    /// Whether a create may write it.
    pub createable: bool,
    /// Whether an update may write it.
    pub updateable: bool,
}

/// The org itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Whether it is a Salesforce sandbox.
    pub is_sandbox: bool,
}

fn text(record: &Value, pointer: &str) -> String {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Client {
    /// Asks for the SCIM configuration, which Salesforce has under a plural path: whether SCIM is there at all. Answers
    /// by how much the org's clock is ahead of ours, where it tells its time.
    pub async fn scim_is_offered(&self) -> Result<Option<TimeDelta>> {
        let call = Call::get("discovery", "/services/scim/v2/ServiceProviderConfigs".to_owned());
        let answer = self.call(call).await?;
        let ahead = answer.date.map(|date| date - self.clock().now());
        answer.json().map(|_| ahead)
    }

    /// Username of the user that the bridge acts as.
    pub async fn who_am_i(&self) -> Result<String> {
        let answer = self.call(Call::get("discovery", "/services/scim/v2/Me".to_owned())).await?;
        let me = answer.json()?.get("userName").and_then(Value::as_str).map(str::to_owned);
        me.ok_or_else(|| answer.unreadable())
    }

    /// Profiles, with the licences that they belong to.
    pub async fn profiles(&self) -> Result<Vec<Profile>> {
        let found = self.query("catalogue", "SELECT Id, Name, UserLicense.Name FROM Profile").await?;
        let of = |record: &Value| {
            let licence = Some(text(record, "/UserLicense/Name")).filter(|name| !name.is_empty());
            Profile { id: text(record, "/Id"), name: text(record, "/Name"), licence }
        };
        Ok(found.iter().map(of).collect())
    }

    /// User licences.
    pub async fn user_licences(&self) -> Result<Vec<UserLicence>> {
        let found = self.query("catalogue", "SELECT Name, TotalLicenses, UsedLicenses FROM UserLicense").await?;
        let number = |record: &Value, key: &str| record.get(key).and_then(Value::as_i64).unwrap_or(0);
        let of = |record: &Value| UserLicence {
            name: text(record, "/Name"),
            total: number(record, "TotalLicenses"),
            used: number(record, "UsedLicenses"),
        };
        Ok(found.iter().map(of).collect())
    }

    /// Which of [`RIGHTS`] the integration user has; `None` where the org does not say.
    pub async fn rights(&self) -> Result<Option<BTreeMap<&'static str, bool>>> {
        let fields: Vec<&str> = RIGHTS.iter().map(|(field, _)| *field).collect();
        let soql = format!("SELECT {} FROM UserPermissionAccess", fields.join(", "));
        let found = match self.query("catalogue", &soql).await {
            Ok(found) => found,
            // An edition that does not have the object, or one of the rights.
            Err(error) if error.salesforce_text().contains("INVALID_") => return Ok(None),
            Err(error) => return Err(error),
        };
        let has = |record: &Value, field: &str| record.get(field).and_then(Value::as_bool).unwrap_or(false);
        Ok(found.first().map(|record| RIGHTS.iter().map(|(field, _)| (*field, has(record, field))).collect()))
    }

    /// The fields of the User object by API name, as the integration user sees them.
    pub async fn user_fields(&self) -> Result<BTreeMap<String, FieldInfo>> {
        self.rest_for("describing the User object")?;
        let path = format!("/services/data/{}/sobjects/User/describe", self.settings().api_version);
        let described = self.call(Call::get("catalogue", path)).await?.json()?;
        let flag = |field: &Value, key: &str| field.get(key).and_then(Value::as_bool).unwrap_or(false);
        let of = |field: &Value| {
            let info = FieldInfo {
                kind: text(field, "/type"),
                length: field.get("length").and_then(Value::as_u64).unwrap_or(0),
                createable: flag(field, "createable"),
                updateable: flag(field, "updateable"),
            };
            (text(field, "/name"), info)
        };
        Ok(described.get("fields").and_then(Value::as_array).into_iter().flatten().map(of).collect())
    }

    /// The org itself.
    pub async fn organization(&self) -> Result<Organization> {
        let found = self.query("catalogue", "SELECT Name, IsSandbox FROM Organization").await?;
        let record = found.first().cloned().unwrap_or_default();
        let is_sandbox = record.get("IsSandbox").and_then(Value::as_bool).unwrap_or(false);
        Ok(Organization { name: text(&record, "/Name"), is_sandbox })
    }

    /// API calls of the last 24 hours: how many are left, of how many.
    pub async fn calls_left(&self) -> Result<(i64, i64)> {
        self.rest_for("reading the limits")?;
        let path = format!("/services/data/{}/limits", self.settings().api_version);
        let limits = self.call(Call::get("limits", path)).await?.json()?;
        let number =
            |key: &str| limits.pointer(&format!("/DailyApiRequests/{key}")).and_then(Value::as_i64).unwrap_or(0);
        Ok((number("Remaining"), number("Max")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Profile, UserLicence};
    use crate::salesforce::testing::{Org, Reply};

    #[tokio::test]
    async fn what_an_org_has_is_read_from_its_records() {
        let org = Org::start(|_, request| {
            let target = request.target();
            let record = if target.contains("FROM Profile") {
                json!({"Id": "00e1", "Name": "Standard User", "UserLicense": {"Name": "Salesforce"}})
            } else if target.contains("FROM UserLicense") {
                json!({"Name": "Salesforce", "TotalLicenses": 5, "UsedLicenses": 4})
            } else if target.contains("FROM UserPermissionAccess") {
                json!({"PermissionsApiEnabled": true, "PermissionsManageUsers": false})
            } else if target.contains("FROM Organization") {
                json!({"Name": "Acme", "IsSandbox": true})
            } else if target.contains("/limits") {
                return Reply::ok(json!({"DailyApiRequests": {"Max": 10, "Remaining": 3}}).to_string());
            } else {
                let field =
                    json!({"name": "Title", "type": "string", "length": 80, "createable": true, "updateable": false});
                return Reply::ok(json!({"fields": [field]}).to_string());
            };
            Reply::ok(json!({"done": true, "records": [record]}).to_string())
        })
        .await;
        let client = org.client();
        let profile = Profile { id: "00e1".into(), name: "Standard User".into(), licence: Some("Salesforce".into()) };
        assert_eq!(client.profiles().await.unwrap(), [profile]);
        let licence = UserLicence { name: "Salesforce".into(), total: 5, used: 4 };
        assert_eq!(client.user_licences().await.unwrap(), [licence]);
        let rights = client.rights().await.unwrap().unwrap();
        assert_eq!((rights["PermissionsApiEnabled"], rights["PermissionsManageUsers"]), (true, false));
        assert!(client.organization().await.unwrap().is_sandbox);
        assert_eq!(client.calls_left().await.unwrap(), (3, 10));
        let title = client.user_fields().await.unwrap()["Title"].clone();
        assert_eq!((title.length, title.createable, title.updateable), (80, true, false));
    }

    #[tokio::test]
    async fn an_org_that_does_not_tell_rights_is_no_error() {
        let org = Org::start(|_, _| {
            Reply::status(
                400,
                r#"[{"errorCode":"INVALID_TYPE","message":"sObject type 'UserPermissionAccess' is not supported."}]"#,
            )
        })
        .await;
        assert_eq!(org.client().rights().await.unwrap(), None);
    }
}
