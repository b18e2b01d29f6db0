//! What a reconcile finds: the words of its report.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::delivery::{Due, State};
use crate::entitlement::Kind as Entitlement;
use crate::shadow::Kind as Resource;

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A field of an account has another value.
    Field,
    /// An account is active and shall not be, or the other way round.
    Activation,
    /// An account has another username.
    Username,
    /// The account that a person is linked to is not in the org.
    MissingAccount,
    /// A public group has another name.
    GroupName,
    /// The public group that a group is linked to is not in the org.
    MissingGroup,
    /// Somebody is not in a public group and shall be, or the other way round.
    Membership,
    /// Somebody does not have what rules give them, or has what they shall not have: a profile, a role, a permission set or
    /// a group or licence of them, a membership of a public group that is not mirrored.
    Grant,
    /// An account that nobody is linked to. Never repaired: it is not the bridge's.
    Unlinked,
}

impl Kind {
    /// All kinds, in the order of the report.
    pub const ALL: [Self; 9] = [
        Self::Field,
        Self::Activation,
        Self::Username,
        Self::MissingAccount,
        Self::GroupName,
        Self::MissingGroup,
        Self::Membership,
        Self::Grant,
        Self::Unlinked,
    ];

    /// As in the report and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Activation => "activation",
            Self::Username => "username",
            Self::MissingAccount => "missing-account",
            Self::GroupName => "group-name",
            Self::MissingGroup => "missing-group",
            Self::Membership => "membership",
            Self::Grant => "grant",
            Self::Unlinked => "unlinked",
        }
    }

    /// Reads [`Kind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What a difference in `field` is.
    pub fn of_field(field: &str) -> Self {
        match field {
            "IsActive" => Self::Activation,
            "Username" => Self::Username,
            _ => Self::Field,
        }
    }
}

/// A difference between what was asked and what the org holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// What differs.
    pub kind: Kind,
    /// `User` or `Group`.
    #[serde(rename = "type")]
    pub resource: String,
    /// Our id of the user or group.
    pub id: String,
    /// Its `userName` or `displayName`.
    pub name: String,
    /// Salesforce's id of the account or public group.
    pub salesforce_id: String,
    /// API name of the field; `Name` of a public group, `Members` of a membership, none where all of it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The member that a membership is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// What is to be given or taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Box<Granted>>,
    /// What was asked for; of a membership, a grant and of what is missing, whether it is to be there.
    pub wanted: Value,
    /// What the org holds.
    pub held: Value,
    /// State of the delivery of the user or group.
    pub delivery: String,
}

/// Something that a person has or shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Granted {
    /// What it is.
    pub kind: Entitlement,
    /// Its name in the org, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Salesforce's id of it.
    pub id: String,
}

impl Granted {
    /// In words: its name, else its id.
    pub fn words(&self) -> String {
        format!("{} {}", self.kind.words(), self.name.as_deref().unwrap_or(&self.id))
    }
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Our id.
    pub id: String,
    /// Salesforce's id.
    pub salesforce_id: String,
}

/// An account that nobody is linked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unlinked {
    /// Salesforce's id.
    pub salesforce_id: String,
    /// Its username.
    pub username: String,
    /// Its federation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation_id: Option<String>,
    /// Whether it is active.
    pub active: bool,
    /// The person without an account who would be matched with it.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<Match>,
}

/// A person without an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// Our id.
    pub id: String,
    /// Their `userName`.
    pub name: String,
    /// `federation-id` or `username`.
    pub by: String,
}

/// One row of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Finding {
    /// A difference.
    Drift(Drift),
    /// An account that nobody is linked to.
    Unlinked(Unlinked),
}

impl Finding {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Drift(drift) => drift.kind,
            Self::Unlinked(_) => Kind::Unlinked,
        }
    }

    /// Salesforce's id of what it is about.
    pub fn salesforce_id(&self) -> &str {
        match self {
            Self::Drift(drift) => &drift.salesforce_id,
            Self::Unlinked(unlinked) => &unlinked.salesforce_id,
        }
    }

    /// A text that no other finding of its reconcile has; in the order of these the report is read.
    pub fn place(&self) -> String {
        let of = |drift: &Drift| {
            let member = drift.member.as_ref().map_or("", |member| member.id.as_str());
            let field = drift.field.as_deref().unwrap_or_default();
            let grant = drift.grant.as_ref().map(|grant| format!(" {} {}", grant.kind.words(), grant.id));
            let grant = grant.unwrap_or_default();
            let order = if drift.resource == Resource::User.as_str() { 'a' } else { 'b' };
            format!("{order} {} {} {field} {member}{grant}", drift.name.to_lowercase(), drift.id)
        };
        let place = match self {
            Self::Drift(drift) => of(drift),
            Self::Unlinked(unlinked) => format!("c {} {}", unlinked.username.to_lowercase(), unlinked.salesforce_id),
        };
        // PostgreSQL holds no U+0000, wherever a name may have one from.
        place.replace('\0', " ")
    }
}

/// What the drift of one user or group has in common.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) resource: Resource,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) salesforce_id: String,
    pub(super) delivery: Option<State>,
}

impl About {
    pub(super) fn drift(&self, kind: Kind, field: Option<&str>, wanted: Value, held: Value) -> Drift {
        Drift {
            kind,
            resource: self.resource.as_str().to_owned(),
            id: self.id.clone(),
            name: self.name.clone(),
            salesforce_id: self.salesforce_id.clone(),
            field: field.map(str::to_owned),
            member: None,
            grant: None,
            wanted,
            held,
            delivery: self.delivery.unwrap_or(State::Delivered).as_str().to_owned(),
        }
    }

    /// What is due to a person.
    pub(super) fn due(&self, due: Due) -> Drift {
        let Due { grant, name, wanted } = due;
        let granted = Granted { kind: grant.kind, name, id: grant.id };
        Drift { grant: Some(Box::new(granted)), ..self.drift(Kind::Grant, None, wanted.into(), (!wanted).into()) }
    }
}
