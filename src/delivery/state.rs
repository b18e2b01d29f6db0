//! The states of a delivery.

use std::fmt;

/// Where the delivery of a resource stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Changed, and due.
    Pending,
    /// A worker is at it.
    Delivering,
    /// Will be tried again at a known time.
    Retrying,
    /// Waits for a person, a licence or another resource.
    Held,
    /// Salesforce said no in a way that only a change can mend.
    Rejected,
    /// Salesforce is what was asked.
    Delivered,
}

impl State {
    /// All states, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Delivering, Self::Retrying, Self::Held, Self::Rejected, Self::Delivered];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivering => "delivering",
            Self::Retrying => "retrying",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Delivered => "delivered",
        }
    }

    /// Reads the stored form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// How an identity provider that waits for Salesforce's word is told that it refuses (RFC 7644 3.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Somebody has a value that must be unique: 409 `uniqueness`.
    Taken,
    /// A value, or what follows from it, is not taken: 400 `invalidValue`.
    Value,
    /// It must not be touched: 403.
    Forbidden,
    /// Salesforce does not: a person gave the delivery up.
    Discarded,
}

impl Refused {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Value => "value",
            Self::Forbidden => "forbidden",
            Self::Discarded => "discarded",
        }
    }

    /// Reads the stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Taken, Self::Value, Self::Forbidden, Self::Discarded].into_iter().find(|one| one.as_str() == text)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
