//! SOQL: the part of it that clients of user management send. One object, fields over relationships, conditions, order,
//! limit; no grouping and no queries inside the field list.
//!
//! [`parse`] makes a [`Query`] of the text, [`resolve`] finds its names in a [`Catalogue`] and makes a [`Plan`] of it, and
//! [`Plan::find`] evaluates that. None of them knows what the records are.

mod parse;
mod resolve;
mod run;
#[cfg(test)]
mod tests;
mod token;

use chrono::{DateTime, NaiveDate, Utc};

pub(super) use self::parse::parse;
pub(super) use self::resolve::resolve;
pub(super) use self::run::{Catalogue, Datum, Kind, Plan};
pub(super) use self::token::moment_of as parse_moment;

/// Deepest nesting of parentheses: the parser calls itself.
const MAX_DEPTH: usize = 40;
/// Most characters of a query.
const MAX_LENGTH: usize = 100_000;
/// Largest `OFFSET`.
const MAX_OFFSET: usize = 2_000;
/// Most relationships in one field path.
const MAX_HOPS: usize = 5;

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Salesforce's code, such as `MALFORMED_QUERY`.
    pub(super) code: &'static str,
    /// Salesforce's text, with the place that it points at.
    pub(super) message: String,
}

impl Complaint {
    /// A complaint that points at the byte `at` of `text`, as Salesforce prints it: the lines around it, a caret, row
    /// and column.
    fn at(code: &'static str, text: &str, at: usize, message: &str) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let row = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let near = before.chars().rev().take(36).take_while(|c| *c != '\n').count();
        let from = before.char_indices().rev().nth(near.saturating_sub(1)).map_or(at, |(start, _)| start);
        let from = if near == 0 { at.min(text.len()) } else { from };
        let shown: String = text.get(from..).unwrap_or_default().chars().take(72).take_while(|c| *c != '\n').collect();
        let caret = " ".repeat(near);
        Self { code, message: format!("\n{shown}\n{caret}^\nERROR at Row:{row}:Column:{column}\n{message}") }
    }
}

/// A name with the byte where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    text: String,
    at: usize,
}

/// A query as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// The text.
    source: String,
    /// `COUNT()` in the place of fields.
    count: bool,
    fields: Vec<Name>,
    object: Name,
    condition: Option<Condition>,
    order: Vec<Order>,
    limit: Option<usize>,
    offset: Option<(usize, usize)>,
}

impl Query {
    /// Whether it asks for `COUNT()`.
    pub(super) fn is_count(&self) -> bool {
        self.count
    }

    /// Whether it has an `OFFSET`.
    pub(super) fn has_offset(&self) -> bool {
        self.offset.is_some()
    }
}

/// One `ORDER BY`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    field: Name,
    descending: bool,
    nulls_last: bool,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        field: Name,
        operator: Operator,
        literals: Vec<Literal>,
    },
    /// `IN (SELECT …)`.
    Within {
        field: Name,
        negated: bool,
        query: Box<Query>,
    },
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    In,
    NotIn,
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
enum Literal {
    /// The text, and the pattern that it is behind `LIKE`.
    Text {
        text: String,
        pattern: Vec<Wild>,
    },
    Number(f64),
    Boolean(bool),
    Null,
    Moment(DateTime<Utc>),
    Date(NaiveDate),
}

/// A part of a `LIKE` pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wild {
    /// This character, whatever its case.
    One(char),
    /// `_`.
    Any,
    /// `%`.
    Many,
}
