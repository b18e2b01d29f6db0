//! A group (RFC 7643 4.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Delivery, Meta};

/// A group of users (RFC 7643 4.2).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// URNs of the schemas in use.
    pub schemas: Vec<String>,
    /// Given by the service provider; ignored in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The client's own id of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Name of the group. Unique among the groups of a tenant, without regard to case.
    pub display_name: String,
    /// Members of the group. They can be added and removed, but not altered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// Where the delivery to Salesforce stands; answered on request only, ignored in requests.
    #[serde(
        rename = "urn:scim-bridge:schemas:extension:delivery:1.0",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub delivery: Option<Delivery>,
    /// About the resource itself; ignored in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// A member of a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Id of the member.
    pub value: String,
    /// Address of the member.
    #[serde(rename = "$ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Name of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// Resource type of the member: `User` or `Group`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}
