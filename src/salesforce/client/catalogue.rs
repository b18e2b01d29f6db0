//! What an org has: profiles, licences, fields, and what the integration user may do there. Typed, and asked anew each
//! time: nothing is kept.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::Value;

use super::Client;
use crate::entitlement::Kind;
use crate::salesforce::auth::safe_base;
use crate::salesforce::catalogue::{Entry, Licence};
use crate::salesforce::dialect::{self, ENTITLEMENT_NAME};
use crate::salesforce::error::{Error, Result};
use crate::salesforce::transport::{self, Call};

/// A right of the integration user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// Its field of `UserPermissionAccess`.
    field: &'static str,
    /// What Setup calls it.
    pub label: &'static str,
    /// What cannot be done without it, where the rest can.
    pub only_for: Option<&'static str>,
}

impl Right {
    /// Whether nothing at all can be written without it.
    pub fn is_for_everything(&self) -> bool {
        self.only_for.is_none() && self.field != "PermissionsAssignPermissionSets"
    }
}

const fn right(field: &'static str, label: &'static str, only_for: Option<&'static str>) -> Right {
    Right { field, label, only_for }
}

/// Rights that the bridge needs.
const RIGHTS: [Right; 6] = [
    right("PermissionsApiEnabled", "API Enabled", None),
    right("PermissionsManageUsers", "Manage Users", None),
    right("PermissionsManageInternalUsers", "Manage Internal Users", None),
    right("PermissionsAssignPermissionSets", "Assign Permission Sets", None),
    right("PermissionsManageRoles", "Manage Roles", Some("giving roles")),
    right("PermissionsFreezeUsers", "Freeze Users", Some("freezing who cannot be deactivated")),
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

/// Rights of the integration user, as far as they are not as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// It does not have them.
    pub lacking: Vec<Right>,
    /// The org does not say.
    pub untold: Vec<Right>,
}

/// A field of the User object, as the integration user may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserField {
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
    /// Asks which versions of the REST interface the org has (`v66.0`, ascending), and by how much its clock is ahead of
    /// ours where it tells its time. Salesforce tells anybody: no login is needed, and no call counted.
    pub async fn versions(&self) -> Result<(Vec<String>, Option<TimeDelta>)> {
        let settings = self.settings();
        let request = self
            .http()
            .get(format!("{}/services/data/", safe_base(&settings.url)?))
            .header(reqwest::header::ACCEPT, "application/json")
            .timeout(settings.login_timeout);
        let answer = transport::exchange(request, settings.body_limit, true, self.clock()).await?;
        if !answer.is_success() {
            return Err(answer.error(true));
        }
        let ahead = answer.date.map(|date| date - self.clock().now());
        let listed = answer.json()?;
        let version = |entry: &Value| Some(format!("v{}", entry.get("version")?.as_str()?));
        let offered: Option<Vec<String>> = listed.as_array().and_then(|all| all.iter().map(version).collect());
        Ok((offered.ok_or_else(|| answer.unreadable())?, ahead))
    }

    /// Asks for the SCIM configuration, which Salesforce has under a plural path: whether SCIM is there at all.
    pub async fn scim_is_offered(&self) -> Result<()> {
        let call = Call::get("discovery", "/services/scim/v2/ServiceProviderConfigs".to_owned());
        self.call(call).await?.json().map(drop)
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

    /// What the org can give of a kind. Where REST is forbidden only what has one of `names`, a call for each; and of
    /// permission set groups and licences, which SCIM does not know, nothing can be said.
    pub async fn entries(&self, kind: Kind, names: &BTreeSet<String>) -> Result<Vec<Entry>> {
        if !self.settings().rest {
            return self.entries_by_scim(kind, names).await;
        }
        let (soql, name, label) = match kind {
            Kind::Profile => ("SELECT Id, Name, UserLicenseId, UserLicense.Name FROM Profile", "/Name", None),
            Kind::Role => ("SELECT Id, DeveloperName, Name FROM UserRole", "/DeveloperName", Some("/Name")),
            Kind::PermissionSet => (
                // Behind a profile and behind a group of sets there is a set each, which nobody gives by itself.
                "SELECT Id, Name, Label, LicenseId FROM PermissionSet WHERE IsOwnedByProfile = false AND Type != 'Group'",
                "/Name",
                Some("/Label"),
            ),
            Kind::PermissionSetGroup => (
                "SELECT Id, DeveloperName, MasterLabel FROM PermissionSetGroup",
                "/DeveloperName",
                Some("/MasterLabel"),
            ),
            Kind::PermissionSetLicence => (
                "SELECT Id, DeveloperName, MasterLabel FROM PermissionSetLicense",
                "/DeveloperName",
                Some("/MasterLabel"),
            ),
            Kind::PublicGroup => {
                ("SELECT Id, DeveloperName, Name FROM Group WHERE Type = 'Regular'", "/DeveloperName", Some("/Name"))
            }
        };
        let licence = match kind {
            Kind::Profile => Some("/UserLicenseId"),
            Kind::PermissionSet => Some("/LicenseId"),
            _ => None,
        };
        let found = self.query("catalogue", soql).await?;
        let told = |record: &Value, pointer: &str| Some(text(record, pointer)).filter(|text| !text.is_empty());
        let of = |record: &Value| Entry {
            id: text(record, "/Id"),
            name: text(record, name),
            label: label.and_then(|label| told(record, label)),
            licence: licence
                .and_then(|pointer| told(record, pointer))
                .map(|id| Licence { id, name: told(record, "/UserLicense/Name") }),
        };
        Ok(found.iter().map(of).collect())
    }

    async fn entries_by_scim(&self, kind: Kind, names: &BTreeSet<String>) -> Result<Vec<Entry>> {
        let (resource, prefix) = match kind {
            Kind::Profile => ("Entitlements", "00e"),
            Kind::Role => ("Roles", "00E"),
            Kind::PermissionSet => ("Entitlements", "0PS"),
            Kind::PublicGroup => ("Groups", "00G"),
            Kind::PermissionSetGroup | Kind::PermissionSetLicence => return Err(Error::NeedsRest(kind.words())),
        };
        let mut entries = Vec::new();
        for name in names {
            let found = self.list("catalogue", resource, &dialect::equals(ENTITLEMENT_NAME, name)).await?;
            let of_kind = found.iter().filter_map(dialect::parse_named).filter(|entry| entry.id.starts_with(prefix));
            entries.extend(of_kind.map(|entry| Entry { id: entry.id, name: entry.name, label: None, licence: None }));
        }
        entries.dedup();
        Ok(entries)
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

    /// Which of the rights that it needs the integration user lacks, and which ones the org says nothing of.
    pub async fn rights(&self) -> Result<Rights> {
        let mut asked = RIGHTS.to_vec();
        let mut untold = Vec::new();
        let record = loop {
            let fields: Vec<&str> = asked.iter().map(|right| right.field).collect();
            let soql = format!("SELECT {} FROM UserPermissionAccess", fields.join(", "));
            let error = match self.query("catalogue", &soql).await {
                Ok(found) => break found.into_iter().next(),
                Err(error) => error,
            };
            // An edition that lacks the object, or one of the rights: those are told apart by the name in the text.
            if !error.salesforce_text().contains("INVALID_") {
                return Err(error);
            }
            let unknown = asked.iter().position(|right| error.salesforce_text().contains(right.field));
            match unknown {
                Some(at) if asked.len() > 1 => untold.push(asked.remove(at)),
                _ => break None,
            }
        };
        let Some(record) = record else { return Ok(Rights { lacking: Vec::new(), untold: RIGHTS.to_vec() }) };
        let has = |right: &Right| record.get(right.field).and_then(Value::as_bool).unwrap_or(false);
        Ok(Rights { lacking: asked.into_iter().filter(|right| !has(right)).collect(), untold })
    }

    /// The fields of the User object by API name, as the integration user sees them.
    pub async fn user_fields(&self) -> Result<BTreeMap<String, UserField>> {
        self.rest_for("describing the User object")?;
        let path = format!("/services/data/{}/sobjects/User/describe", self.settings().api_version);
        let described = self.call(Call::get("catalogue", path)).await?.json()?;
        let flag = |field: &Value, key: &str| field.get(key).and_then(Value::as_bool).unwrap_or(false);
        let of = |field: &Value| {
            let user_field = UserField {
                kind: text(field, "/type"),
                length: field.get("length").and_then(Value::as_u64).unwrap_or(0),
                createable: flag(field, "createable"),
                updateable: flag(field, "updateable"),
            };
            (text(field, "/name"), user_field)
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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Profile, Right, UserLicence};
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
            } else if target.ends_with("/services/data/") {
                return Reply::ok(json!([{"version": "65.0"}, {"version": "66.0"}]).to_string());
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
        let rights = client.rights().await.unwrap();
        assert!(rights.untold.is_empty() && rights.lacking.iter().all(|right| right.label != "API Enabled"));
        assert_eq!(rights.lacking[0].label, "Manage Users");
        assert!(client.organization().await.unwrap().is_sandbox);
        assert_eq!(client.versions().await.unwrap().0, ["v65.0", "v66.0"]);
        let title = client.user_fields().await.unwrap()["Title"].clone();
        assert_eq!((title.length, title.createable, title.updateable), (80, true, false));
    }

    #[tokio::test]
    async fn rights_that_an_org_does_not_tell_are_no_error() {
        let org = Org::start(|_, _| {
            Reply::status(
                400,
                r#"[{"errorCode":"INVALID_TYPE","message":"sObject type 'UserPermissionAccess' is not supported."}]"#,
            )
        })
        .await;
        let rights = org.client().rights().await.unwrap();
        assert_eq!((rights.lacking.len(), rights.untold.len()), (0, 6));
    }

    #[tokio::test]
    async fn a_right_that_an_edition_does_not_have_hides_no_other() {
        let org = Org::start(|_, request| {
            if request.target().contains("ManageRoles") {
                let words = "No such column 'PermissionsManageRoles' on entity 'UserPermissionAccess'.";
                return Reply::status(400, json!([{"errorCode": "INVALID_FIELD", "message": words}]).to_string());
            }
            let record = json!({"PermissionsApiEnabled": true, "PermissionsManageUsers": true,
                "PermissionsManageInternalUsers": true, "PermissionsAssignPermissionSets": true});
            Reply::ok(json!({"done": true, "records": [record]}).to_string())
        })
        .await;
        let rights = org.client().rights().await.unwrap();
        let labels = |rights: &[Right]| rights.iter().map(|right| right.label).collect::<Vec<_>>();
        assert_eq!(labels(&rights.lacking), ["Freeze Users"]);
        assert_eq!(labels(&rights.untold), ["Manage Roles"]);
    }
}
