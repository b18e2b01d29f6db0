//! What a delivery would do, as it is shown: one form for the command line and for the admin interface. The doc comments are
//! what `openapi.yaml` and `schema/` say.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Planned, PlannedCall, PlannedGrant, Preview};
use crate::delivery::State;
use crate::entitlement::Kind;

/// What a delivery of a user would do now, and why. Nothing was sent for it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPlan {
    /// Id of the user here.
    pub id: String,
    /// `userName`; empty where there is none.
    pub user_name: String,
    /// Salesforce's id of the account; `null` where there is none yet.
    pub salesforce_id: Option<String>,
    /// Where the delivery stands.
    pub state: Option<State>,
    /// The next step, or what is waited for, in words.
    pub next: String,
    /// Why nothing can be sent for this person.
    pub error: Option<String>,
    /// What the delivery will wait for once everything is sent.
    pub waits_for: Option<String>,
    /// What was cut, derived or left out.
    pub notes: Vec<String>,
    /// The calls that would be made, one after the other, until nothing is left.
    pub calls: Vec<CallPlan>,
    /// Every field of the account that is wanted or known.
    pub fields: Vec<FieldPlan>,
    /// Everything that the person is to be given, was given, or is known to have.
    pub grants: Vec<GrantPlan>,
}

/// A call that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallPlan {
    /// HTTP method.
    pub method: String,
    /// Path in the org; `ID` stands for an id that is not known yet.
    pub path: String,
    /// What it does, in words.
    pub does: String,
    /// What it gives the person, beside profile and role.
    pub gives: Vec<String>,
    /// What it takes away.
    pub takes: Vec<String>,
    /// Whether it only reads: what follows depends on what it finds. A look for the account is taken to find none, and a
    /// reading of grants to find what is known.
    pub reads: bool,
}

/// A field of the account.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own to whoever reads the JSON")]
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldPlan {
    /// API name.
    pub field: String,
    /// The template that it comes from.
    pub template: Option<String>,
    /// Whether that is the built-in one.
    pub builtin: bool,
    /// When it is written: `always`, `on-create`, `never`; `null` where the mapping does not decide.
    pub write: Option<String>,
    /// What is wanted; `null` also where that is no value.
    pub wanted: Value,
    /// Whether something is wanted.
    pub is_wanted: bool,
    /// What Salesforce last confirmed; `null` also where that is no value.
    pub observed: Value,
    /// Whether something is known.
    pub is_observed: bool,
    /// Whether the next step sends it.
    pub sent: bool,
}

/// Something that a person can be given.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own to whoever reads the JSON")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantPlan {
    /// What it is.
    pub kind: Kind,
    /// Its name; Salesforce's id where no name is known.
    pub name: String,
    /// Why it is wanted: each rule, with the attribute or group that makes it hold.
    pub because: Vec<String>,
    /// Whether it is wanted.
    pub is_wanted: bool,
    /// Whether the bridge gave it.
    pub given_by_the_bridge: bool,
    /// Whether the account has it; `null`: nobody has looked.
    pub is_held: Option<bool>,
    /// Whether it is to be given.
    pub gives: bool,
    /// Whether it is to be taken away.
    pub takes: bool,
}

impl From<Preview> for UserPlan {
    fn from(preview: Preview) -> Self {
        Self {
            next: preview.next(),
            id: preview.id,
            user_name: preview.name,
            salesforce_id: preview.account,
            state: preview.delivery.map(|delivery| delivery.state),
            error: preview.failed,
            waits_for: preview.waits_for,
            notes: preview.notes,
            calls: preview.calls.into_iter().map(CallPlan::from).collect(),
            fields: preview.fields.into_iter().map(FieldPlan::from).collect(),
            grants: preview.grants.into_iter().map(GrantPlan::from).collect(),
        }
    }
}

impl From<PlannedCall> for CallPlan {
    fn from(call: PlannedCall) -> Self {
        let PlannedCall { method, path, does, gives, takes, reads } = call;
        Self { method: method.to_owned(), path, does, gives, takes, reads }
    }
}

impl From<Planned> for FieldPlan {
    fn from(field: Planned) -> Self {
        Self {
            field: field.field,
            template: field.template,
            builtin: field.is_builtin,
            write: field.write.map(|write| write.as_str().to_owned()),
            is_wanted: field.wanted.is_some(),
            wanted: field.wanted.unwrap_or_default(),
            is_observed: field.observed.is_some(),
            observed: field.observed.unwrap_or_default(),
            sent: field.sent,
        }
    }
}

impl From<PlannedGrant> for GrantPlan {
    fn from(grant: PlannedGrant) -> Self {
        Self {
            kind: grant.kind,
            name: grant.name,
            is_wanted: !grant.because.is_empty(),
            because: grant.because,
            given_by_the_bridge: grant.given,
            is_held: grant.held,
            gives: grant.gives,
            takes: grant.takes,
        }
    }
}
