//! Filters (RFC 7644 3.4.2.2): one tree for `filter=`, value filters in paths, and rules.

mod check;
mod display;
pub(super) mod parse;

use serde_json::Value;

use super::Strictness;
use super::error::Error;
use super::path::AttributePath;
use super::schema::ResourceType;

/// Longest filter or path that is read, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;
/// Deepest nesting of parentheses, `not` and brackets. Evaluation recurses, so this bounds its stack.
pub const MAX_DEPTH: usize = 50;
/// Most comparisons in one filter. Each is evaluated against every resource that a scan reads.
pub const MAX_TERMS: usize = 200;

/// A filter expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Both hold.
    And(Box<Filter>, Box<Filter>),
    /// At least one holds.
    Or(Box<Filter>, Box<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// An attribute compared with a literal.
    Compare {
        /// The attribute.
        attribute: AttributePath,
        /// How.
        operator: CompareOperator,
        /// A JSON string, number, boolean or null.
        value: Value,
    },
    /// `pr`: the attribute has a non-empty value.
    Present(AttributePath),
    /// `emails[type eq "work"]`: one and the same value of a multi-valued attribute satisfies the inner filter.
    /// `emails[type eq "work"].value eq "x"`, which Entra sends, is read as `emails[type eq "work" and value eq "x"]`.
    Values {
        /// The attribute; its `sub` is `None`.
        attribute: AttributePath,
        /// Paths inside are relative to the attribute.
        filter: Box<Filter>,
    },
}

/// Comparison operators (RFC 7644 table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are RFC 7644 table 3's own")]
pub enum CompareOperator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

impl CompareOperator {
    /// All of them, in the order of RFC 7644 table 3.
    pub const ALL: [Self; 9] =
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The operator as a filter spells it: `eq`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// Whether it needs values that have an order: `gt`, `ge`, `lt`, `le`.
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }
}

impl Filter {
    /// Reads a filter (RFC 7644 3.4.2.2). Operators, `and`, `or`, `not` are read without regard to case; so are URNs of the
    /// resource type, which tell where in `urn:…:2.0:User:name.givenName` the attribute begins. Unquoted literals are
    /// accepted, see [`Strictness`].
    ///
    /// An attribute that no schema has is no error: it has no value (RFC 7644 3.4.2.1 asks this of queries that span
    /// resource types, and a client must be able to ask for attributes that this server does not know). What cannot be
    /// evaluated is told by [`Filter::check`].
    ///
    /// # Errors
    /// `invalidFilter`, with the position (the first character is 1) and what was expected there.
    pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Self, Error> {
        Self::parse_with(resource_type, text, Strictness::Lenient)
    }

    /// How many comparisons it has.
    pub fn terms(&self) -> usize {
        match self {
            Self::And(left, right) | Self::Or(left, right) => left.terms() + right.terms(),
            Self::Not(inner) => inner.terms(),
            Self::Values { filter, .. } => filter.terms(),
            Self::Compare { .. } | Self::Present(_) => 1,
        }
    }

    /// [`Filter::parse`] as strict as is asked.
    pub fn parse_with(resource_type: &ResourceType, text: &str, strictness: Strictness) -> Result<Self, Error> {
        parse::filter(resource_type, text, strictness)
    }
}

#[cfg(test)]
mod tests;
