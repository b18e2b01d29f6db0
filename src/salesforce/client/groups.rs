//! Calls about public groups.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, PAGE};
use crate::salesforce::PublicGroup;
use crate::salesforce::dialect::{self, GROUP_NAME, USER_GROUP};
use crate::salesforce::error::{Cause, Error, Refusal, Result};
use crate::salesforce::transport::{Call, encoded};
use crate::scim::GROUP_SCHEMA;
use crate::scim::fold::fold;

const GROUPS: &str = "/services/scim/v2/Groups";

/// Largest `startIndex` that Salesforce takes.
const LAST_START: usize = 2_001;

impl Client {
    /// The public groups of that name; names are not unique in Salesforce and compare without case. Queues, which its
    /// SCIM lists too, are left out.
    pub async fn find_groups(&self, name: &str) -> Result<Vec<PublicGroup>> {
        let found = self.list("find-group", "Groups", &dialect::equals(GROUP_NAME, name)).await?;
        Ok(found
            .iter()
            .filter_map(dialect::parse_named)
            .filter(|group| matches!(group.kind.as_str(), "Regular" | "") && fold(&group.name) == fold(name))
            .map(|group| PublicGroup { id: group.id, name: group.name })
            .collect())
    }

    /// Creates a public group. Nothing in Salesforce keeps a second one of the same name away: look with
    /// [`Client::find_groups`] first, and after every error.
    pub async fn create_group(&self, name: &str) -> Result<PublicGroup> {
        let body = json!({ "schemas": [GROUP_SCHEMA], "displayName": name });
        let answer = match self.call(Call::send("create-group", Method::POST, GROUPS.to_owned(), body)).await {
            Err(error) if is_not_offered(&error) && self.settings().rest => {
                let path = format!("/services/data/{}/sobjects/Group", self.settings().api_version);
                let body = json!({ "Name": name, "Type": "Regular" });
                self.call(Call::send("create-group-rest", Method::POST, path, body)).await?
            }
            answer => answer?,
        };
        let id = answer.json()?.get("id").and_then(Value::as_str).map(str::to_owned);
        id.map(|id| PublicGroup { id, name: name.to_owned() }).ok_or_else(|| answer.unreadable())
    }

    /// Renames a public group (its label; the developer name stays). Over REST: SCIM could only do it by replacing the
    /// group with all its members.
    pub async fn rename_group(&self, id: &str, name: &str) -> Result<()> {
        self.rest_for("the rename of a group")?;
        let body = json!({ "Name": name });
        let call = Call::send("rename-group", Method::PATCH, self.record_path("Group", id), body);
        self.call(call).await.map(drop).map_err(|error| error.about(id))
    }

    /// Deletes a public group; one that is not there is deleted.
    pub async fn delete_group(&self, id: &str) -> Result<()> {
        let delete = |kind, path| Call { kind, method: Method::DELETE, path, body: None };
        let deleted = match self.call(delete("delete-group", format!("{GROUPS}/{}", encoded(id)))).await {
            Err(error) if is_not_offered(&error) && self.settings().rest => {
                self.call(delete("delete-group-rest", self.record_path("Group", id))).await
            }
            answer => answer,
        };
        match deleted {
            Err(error) if error.cause() != Some(Cause::Absent) => Err(error),
            _ => Ok(()),
        }
    }

    /// Adds and removes members in one call; at most 200 together. Fails as a whole
    /// ([`Cause::MembershipMismatch`]) if one to add is in already or one to remove is not.
    pub async fn change_members(&self, id: &str, add: &[String], remove: &[String]) -> Result<()> {
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        let path = format!("{GROUPS}/{}", encoded(id));
        let call = Call::send("change-members", Method::PATCH, path, dialect::change_members(add, remove));
        self.call(call).await.map(drop).map_err(|error| error.about(id))
    }

    /// Ids of all direct members: users (`005…`) and nested groups (`00G…`). A list answer cuts members off, so the
    /// group is read alone, 200 members a call. That ends at the 2,200th member; beyond, the users that are in the group
    /// are listed, which leaves out nested groups that come later.
    pub async fn group_members(&self, id: &str) -> Result<Vec<String>> {
        let mut members: Vec<String> = Vec::new();
        loop {
            let start = members.len() + 1;
            if start > LAST_START {
                let users = self.list("read-members", "Users", &dialect::equals(USER_GROUP, id)).await?;
                let known: HashSet<String> = members.iter().cloned().collect();
                let ids = users.iter().filter_map(dialect::parse_named).map(|user| user.id);
                members.extend(ids.filter(|id| !known.contains(id)));
                return Ok(members);
            }
            let path = format!("{GROUPS}/{}?members.startIndex={start}&members.count={PAGE}", encoded(id));
            let answer = self.call(Call::get("read-members", path)).await.map_err(|error| error.about(id))?.json()?;
            let page = dialect::values(answer.get("members"));
            let full = page.len() >= PAGE;
            // An org that ignores the paging gives its first page again.
            let repeated = page.first().is_some_and(|first| members.contains(first));
            if !repeated {
                members.extend(page);
            }
            if !full || repeated {
                return Ok(members);
            }
        }
    }
}

/// Whether the org's SCIM does not offer the verb: creating and deleting groups works, but Salesforce does not document
/// it.
fn is_not_offered(error: &Error) -> bool {
    match error {
        Error::Refused(Refusal { status: 405 | 501, .. }) => true,
        Error::Refused(Refusal { cause: Cause::Malformed, text, .. }) => text.contains("Method"),
        _ => false,
    }
}
