//! Filters (RFC 7644 3.4.2.2): one tree for `filter=`, value filters in paths, and rules.

use serde_json::Value;

use super::path::AttributePath;

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
