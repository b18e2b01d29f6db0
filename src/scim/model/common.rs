//! What users and groups share.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// About the resource itself; set by the service provider, ignored in requests (RFC 7643 3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Name of the resource type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "timestamp")]
    pub created: Option<DateTime<Utc>>,
    /// When it last changed; equal to `created` until then.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "timestamp")]
    pub last_modified: Option<DateTime<Utc>>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its version, a weak entity tag as in the `ETag` header: `W/"3"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One value of a multi-valued attribute (RFC 7643 2.4): an e-mail address, a telephone number, a role, …
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MultiValue {
    /// The value itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Name of the value for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// What it is for: `work`, `home`, …
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is the preferred one; at most one value of an attribute is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// Where the delivery of a resource to Salesforce stands: the bridge's own extension, read-only, answered on request
/// (`attributes=urn:scim-bridge:schemas:extension:delivery:1.0`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// State of the delivery.
    pub state: DeliveryState,
    /// Why it is held or rejected, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What Salesforce answered when a call last failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Id of the record in Salesforce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesforce_id: Option<String>,
    /// How often the present state was tried to be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// When it will be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "timestamp")]
    pub next_attempt: Option<DateTime<Utc>>,
    /// When the state last changed.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "timestamp")]
    pub updated: Option<DateTime<Utc>>,
}

/// State of a delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// Waits for its turn.
    #[default]
    Pending,
    /// A worker has it.
    Delivering,
    /// Salesforce is as was asked.
    Delivered,
    /// It failed and will be tried again at a known time.
    Retrying,
    /// Waits for a person, a licence or another resource.
    Held,
    /// Salesforce said no in a way that only a change can mend.
    Rejected,
}

/// Writes a time as the protocol does (see [`crate::scim::message::timestamp`]).
#[expect(clippy::ref_option, reason = "serde's `serialize_with` passes a reference to the field")]
fn timestamp<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&crate::scim::message::timestamp(*time)),
        None => serializer.serialize_none(),
    }
}
