//! Resolves the names of a query and evaluates it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::{Complaint, Condition, Literal, MAX_HOPS, MAX_OFFSET, Name, Operator, Query, Wild};
use crate::sandbox::ids;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox::rest) enum Kind {
    /// The id of a record.
    Id,
    /// Text; compared whatever its case.
    Text,
    /// Text that cannot be filtered or sorted by.
    LongText,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A time of a day.
    Moment,
    /// A day.
    Date,
}

/// A field's value in one record.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sandbox::rest) enum Datum<'a> {
    /// Empty.
    Null,
    /// Of [`Kind::Id`].
    Id(Cow<'a, str>),
    /// Of [`Kind::Text`] or [`Kind::LongText`].
    Text(Cow<'a, str>),
    /// Of [`Kind::Boolean`].
    Boolean(bool),
    /// Of [`Kind::Number`].
    Number(f64),
    /// Of [`Kind::Moment`].
    Moment(DateTime<Utc>),
    /// Of [`Kind::Date`].
    Date(NaiveDate),
}

/// The records that queries are about.
pub(in crate::sandbox::rest) trait Catalogue {
    /// A record, or where it is.
    type Row: Copy;
    /// A field of a record of some object, found once and read often.
    type Slot;

    /// The object called `name`, whatever its case, in its own spelling.
    fn object(&self, name: &str) -> Option<&'static str>;
    /// A field of `object`, by its name whatever its case: its own spelling, what it holds, where it is.
    fn field(&self, object: &'static str, name: &str) -> Option<(String, Kind, Self::Slot)>;
    /// A relationship of `object`, by its name whatever its case: its own spelling and the object it leads to.
    fn relationship(&self, object: &'static str, name: &str) -> Option<(&'static str, &'static str)>;
    /// All records of `object` in the order of ids.
    fn rows(&self, object: &'static str) -> Vec<Self::Row>;
    /// The records whose field is one of `values`, and perhaps more, in the order of ids, where they can be found
    /// without reading all; `None` where they cannot.
    fn rows_with(&self, object: &'static str, field: &str, values: &[&str]) -> Option<Vec<Self::Row>>;
    /// The record that a relationship leads to.
    fn follow(&self, row: Self::Row, relationship: &'static str) -> Option<Self::Row>;
    /// A field's value.
    fn datum<'a>(&'a self, row: Self::Row, slot: &'a Self::Slot) -> Datum<'a>;
}

/// A field, over relationships or not.
#[derive(Debug)]
pub(in crate::sandbox::rest) struct Column<S> {
    /// The relationships to follow, each with the object it leads to.
    pub(in crate::sandbox::rest) hops: Vec<(&'static str, &'static str)>,
    /// The field's name.
    pub(in crate::sandbox::rest) name: String,
    kind: Kind,
    /// Where it is.
    pub(in crate::sandbox::rest) slot: S,
}

impl<S> Column<S> {
    /// The value in the record, null where a relationship leads nowhere.
    pub(in crate::sandbox::rest) fn read<'a, C: Catalogue<Slot = S>>(
        &'a self,
        catalogue: &'a C,
        row: C::Row,
    ) -> Datum<'a> {
        let target = self.hops.iter().try_fold(row, |row, (name, _)| catalogue.follow(row, name));
        target.map_or(Datum::Null, |row| catalogue.datum(row, &self.slot))
    }
}

/// What a value is compared with.
#[derive(Debug)]
enum Wanted {
    Null,
    /// In lower case, or the first 15 characters of an id.
    Text(String),
    Boolean(bool),
    Number(f64),
    Moment(DateTime<Utc>),
    Date(NaiveDate),
}

#[derive(Debug)]
enum Test<S> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare(Column<S>, Operator, Wanted),
    Like(Column<S>, Vec<Wild>),
    /// One of these texts (in lower case) or ids (15 characters), or null.
    OneOf {
        column: Column<S>,
        negated: bool,
        values: HashSet<String>,
        null: bool,
        spelt: Vec<String>,
    },
    /// One of several values that are no texts.
    OneOfOthers {
        column: Column<S>,
        negated: bool,
        values: Vec<Wanted>,
    },
}

#[derive(Debug)]
struct Sorting<S> {
    column: Column<S>,
    descending: bool,
    nulls_last: bool,
}

/// A query whose names are known to be right.
#[derive(Debug)]
pub(in crate::sandbox::rest) struct Plan<S> {
    /// The object.
    pub(in crate::sandbox::rest) object: &'static str,
    /// What was asked for; empty for `COUNT()`.
    pub(in crate::sandbox::rest) columns: Vec<Column<S>>,
    test: Option<Test<S>>,
    order: Vec<Sorting<S>>,
    limit: Option<usize>,
    offset: usize,
}

/// Resolves the names of `query`.
pub(in crate::sandbox::rest) fn resolve<C: Catalogue>(
    catalogue: &C,
    query: &Query,
) -> Result<Plan<C::Slot>, Complaint> {
    let Some(object) = catalogue.object(&query.object.text) else {
        let name = &query.object.text;
        let message = format!(
            "sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the \
             '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
        );
        return Err(Complaint::at("INVALID_TYPE", &query.source, query.object.at, &message));
    };
    let resolver = Resolver { catalogue, query, object };
    let mut columns: Vec<Column<C::Slot>> = Vec::new();
    for field in &query.fields {
        let column = resolver.column(field)?;
        if columns.iter().any(|other| other.name == column.name && other.hops == column.hops) {
            let message = format!("duplicate field selected: {}", column.name);
            return Err(Complaint::at("INVALID_FIELD", &query.source, field.at, &message));
        }
        columns.push(column);
    }
    let test = query.condition.as_ref().map(|condition| resolver.test(condition)).transpose()?;
    let mut order = Vec::new();
    for by in &query.order {
        let column = resolver.column(&by.field)?;
        resolver.filterable(&by.field, &column)?;
        order.push(Sorting { column, descending: by.descending, nulls_last: by.nulls_last });
    }
    let offset = match query.offset {
        Some((offset, at)) if offset > MAX_OFFSET => {
            let message = format!("Maximum SOQL offset allowed is {MAX_OFFSET}");
            return Err(Complaint::at("NUMBER_OUTSIDE_VALID_RANGE", &query.source, at, &message));
        }
        offset => offset.map_or(0, |(offset, _)| offset),
    };
    Ok(Plan { object, columns, test, order, limit: query.limit, offset })
}

struct Resolver<'q, C> {
    catalogue: &'q C,
    query: &'q Query,
    object: &'static str,
}

impl<C: Catalogue> Resolver<'_, C> {
    fn complain(&self, code: &'static str, name: &Name, message: &str) -> Complaint {
        Complaint::at(code, &self.query.source, name.at, message)
    }

    fn column(&self, name: &Name) -> Result<Column<C::Slot>, Complaint> {
        let mut parts: Vec<&str> = name.text.split('.').collect();
        let field = parts.pop().unwrap_or_default();
        let mut object = self.object;
        // `User.Name` in a query of users is `Name`.
        if parts.first().is_some_and(|first| first.eq_ignore_ascii_case(object)) {
            parts.remove(0);
        }
        let mut hops = Vec::new();
        for part in parts {
            let hop = self.catalogue.relationship(object, part).filter(|_| hops.len() < MAX_HOPS).ok_or_else(|| {
                let message = format!(
                    "Didn't understand relationship '{part}' in field path. If you are attempting to use a custom \
                     relationship, be sure to append the '__r' after the custom relationship name. Please reference your \
                     WSDL or the describe call for the appropriate names."
                );
                self.complain("INVALID_FIELD", name, &message)
            })?;
            object = hop.1;
            hops.push(hop);
        }
        let Some((name, kind, slot)) = self.catalogue.field(object, field) else {
            let message = format!(
                "No such column '{field}' on entity '{object}'. If you are attempting to use a custom field, be sure to \
                 append the '__c' after the custom field name. Please reference your WSDL or the describe call for the \
                 appropriate names."
            );
            return Err(self.complain("INVALID_FIELD", name, &message));
        };
        Ok(Column { hops, name, kind, slot })
    }

    fn filterable(&self, name: &Name, column: &Column<C::Slot>) -> Result<(), Complaint> {
        if column.kind != Kind::LongText {
            return Ok(());
        }
        let message = format!("field '{}' can not be filtered in a query call", name.text);
        Err(self.complain("INVALID_FIELD", name, &message))
    }

    fn tests(&self, conditions: &[Condition]) -> Result<Vec<Test<C::Slot>>, Complaint> {
        conditions.iter().map(|condition| self.test(condition)).collect()
    }

    fn test(&self, condition: &Condition) -> Result<Test<C::Slot>, Complaint> {
        Ok(match condition {
            Condition::All(parts) => Test::All(self.tests(parts)?),
            Condition::Any(parts) => Test::Any(self.tests(parts)?),
            Condition::Not(inner) => Test::Not(Box::new(self.test(inner)?)),
            Condition::Within { field, negated, query } => {
                let column = self.column(field)?;
                let inner = resolve(self.catalogue, query)?;
                let [only] = inner.columns.as_slice() else {
                    let message = "The selected field 'COUNT' in the subquery must be one field that holds ids";
                    return Err(self.complain("MALFORMED_QUERY", &query.object, message));
                };
                if column.kind != Kind::Id || only.kind != Kind::Id {
                    let message = format!(
                        "The left operand field in the where expression for outer query should be an id field, cannot \
                         use: '{}'",
                        field.text
                    );
                    return Err(self.complain("INVALID_FIELD", field, &message));
                }
                let found = inner.find(self.catalogue);
                let spelt: Vec<String> =
                    found.into_iter().filter_map(|row| text_of(only.read(self.catalogue, row))).collect();
                let values = spelt.iter().map(|id| short(id).to_owned()).collect();
                Test::OneOf { column, negated: *negated, values, null: false, spelt }
            }
            Condition::Compare { field, operator, literals } => {
                let column = self.column(field)?;
                self.filterable(field, &column)?;
                self.comparison(field, column, *operator, literals)?
            }
        })
    }

    fn comparison(
        &self,
        field: &Name,
        column: Column<C::Slot>,
        operator: Operator,
        literals: &[Literal],
    ) -> Result<Test<C::Slot>, Complaint> {
        let ordered =
            matches!(operator, Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual);
        if ordered && column.kind == Kind::Boolean {
            let message = "invalid operator on boolean field";
            return Err(self.complain("INVALID_QUERY_FILTER_OPERATOR", field, message));
        }
        if operator == Operator::Like {
            return match (column.kind, literals) {
                (Kind::Text, [Literal::Text { pattern, .. }]) => Ok(Test::Like(column, pattern.clone())),
                (Kind::Text, _) => Err(self.wrong_type(field, Kind::Text)),
                (kind, _) => {
                    let message = format!("invalid operator on {} field", type_name(kind));
                    Err(self.complain("INVALID_QUERY_FILTER_OPERATOR", field, &message))
                }
            };
        }
        let mut wanted = Vec::new();
        for literal in literals {
            wanted.push(self.wanted(field, column.kind, literal)?);
        }
        if !matches!(operator, Operator::In | Operator::NotIn) {
            let wanted = wanted.pop().unwrap_or(Wanted::Null);
            return Ok(Test::Compare(column, operator, wanted));
        }
        let negated = operator == Operator::NotIn;
        if !matches!(column.kind, Kind::Id | Kind::Text) {
            return Ok(Test::OneOfOthers { column, negated, values: wanted });
        }
        let null = wanted.iter().any(|wanted| matches!(wanted, Wanted::Null));
        let text = |wanted| if let Wanted::Text(text) = wanted { Some(text) } else { None };
        let spelt = literals
            .iter()
            .filter_map(|literal| if let Literal::Text { text, .. } = literal { Some(text.clone()) } else { None })
            .collect();
        Ok(Test::OneOf { column, negated, values: wanted.into_iter().filter_map(text).collect(), null, spelt })
    }

    fn wanted(&self, field: &Name, kind: Kind, literal: &Literal) -> Result<Wanted, Complaint> {
        Ok(match (kind, literal) {
            (Kind::Boolean, Literal::Boolean(value)) => Wanted::Boolean(*value),
            (_, Literal::Null) => Wanted::Null,
            (Kind::Text | Kind::Id, Literal::Text { text, .. }) if text.is_empty() => Wanted::Null,
            (Kind::Text, Literal::Text { text, .. }) => Wanted::Text(text.to_lowercase()),
            (Kind::Id, Literal::Text { text, .. }) => {
                let id = ids::canonical(text).ok_or_else(|| {
                    let message = format!("invalid ID field: {text}");
                    self.complain("INVALID_QUERY_FILTER_OPERATOR", field, &message)
                })?;
                Wanted::Text(short(&id).to_owned())
            }
            (Kind::Number, Literal::Number(value)) => Wanted::Number(*value),
            (Kind::Moment, Literal::Moment(value)) => Wanted::Moment(*value),
            (Kind::Moment, Literal::Date(value)) => Wanted::Moment(value.and_time(NaiveTime::MIN).and_utc()),
            (Kind::Date, Literal::Date(value)) => Wanted::Date(*value),
            _ => return Err(self.wrong_type(field, kind)),
        })
    }

    fn wrong_type(&self, field: &Name, kind: Kind) -> Complaint {
        let not = if matches!(kind, Kind::Text | Kind::Id) { "" } else { "not " };
        let message = format!(
            "value of filter criterion for field '{}' must be of type {} and should {not}be enclosed in quotes",
            field.text,
            type_name(kind)
        );
        self.complain("INVALID_FIELD", field, &message)
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Id => "ID",
        Kind::Text | Kind::LongText => "string",
        Kind::Boolean => "boolean",
        Kind::Number => "double",
        Kind::Moment => "dateTime",
        Kind::Date => "date",
    }
}

/// The first 15 characters of an id, which are the ones that count.
fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

fn text_of(datum: Datum<'_>) -> Option<String> {
    match datum {
        Datum::Id(text) | Datum::Text(text) => Some(text.into_owned()),
        _ => None,
    }
}

impl<S> Plan<S> {
    /// The records that the query finds, in its order.
    pub(in crate::sandbox::rest) fn find<C: Catalogue<Slot = S>>(&self, catalogue: &C) -> Vec<C::Row> {
        let narrowed = self.test.as_ref().and_then(|test| test.candidates(catalogue, self.object));
        let mut rows = narrowed.unwrap_or_else(|| catalogue.rows(self.object));
        if let Some(test) = &self.test {
            rows.retain(|row| test.holds(catalogue, *row));
        }
        if !self.order.is_empty() {
            rows.sort_by(|one, other| {
                self.order.iter().fold(Ordering::Equal, |order, by| {
                    order.then_with(|| by.order(&by.column.read(catalogue, *one), &by.column.read(catalogue, *other)))
                })
            });
        }
        let rows = rows.into_iter().skip(self.offset);
        rows.take(self.limit.unwrap_or(usize::MAX)).collect()
    }
}

impl<S> Sorting<S> {
    fn order(&self, one: &Datum<'_>, other: &Datum<'_>) -> Ordering {
        match (one == &Datum::Null, other == &Datum::Null) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_last => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) if self.nulls_last => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                let order = compare(one, &Wanted::of(other)).unwrap_or(Ordering::Equal);
                if self.descending { order.reverse() } else { order }
            }
        }
    }
}

impl<S> Test<S> {
    /// Records among which are all that the test holds for, where an index names them.
    fn candidates<C: Catalogue<Slot = S>>(&self, catalogue: &C, object: &'static str) -> Option<Vec<C::Row>> {
        match self {
            Self::All(parts) => parts.iter().find_map(|part| part.candidates(catalogue, object)),
            Self::Compare(column, Operator::Equal, Wanted::Text(text)) if column.hops.is_empty() => {
                catalogue.rows_with(object, &column.name, &[text])
            }
            Self::OneOf { column, negated: false, null: false, spelt, .. } if column.hops.is_empty() => {
                let values: Vec<&str> = spelt.iter().map(String::as_str).collect();
                catalogue.rows_with(object, &column.name, &values)
            }
            _ => None,
        }
    }

    fn holds<C: Catalogue<Slot = S>>(&self, catalogue: &C, row: C::Row) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(catalogue, row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(catalogue, row)),
            Self::Not(inner) => !inner.holds(catalogue, row),
            Self::Compare(column, operator, wanted) => {
                let order = compare(&column.read(catalogue, row), wanted);
                match operator {
                    Operator::Equal => order == Some(Ordering::Equal),
                    // A record without a value is unequal to every value.
                    Operator::NotEqual => order != Some(Ordering::Equal),
                    Operator::Less => order == Some(Ordering::Less),
                    Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    Operator::Greater => order == Some(Ordering::Greater),
                    Operator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                    Operator::Like | Operator::In | Operator::NotIn => false,
                }
            }
            Self::Like(column, pattern) => match column.read(catalogue, row) {
                Datum::Text(text) => like(&text.chars().collect::<Vec<_>>(), pattern),
                _ => false,
            },
            Self::OneOf { column, negated, values, null, .. } => {
                let found = match column.read(catalogue, row) {
                    Datum::Null => *null,
                    Datum::Id(id) => values.contains(short(&id)),
                    Datum::Text(text) => values.contains(&text.to_lowercase()),
                    _ => false,
                };
                found != *negated
            }
            Self::OneOfOthers { column, negated, values } => {
                let datum = column.read(catalogue, row);
                values.iter().any(|wanted| compare(&datum, wanted) == Some(Ordering::Equal)) != *negated
            }
        }
    }
}

impl Wanted {
    fn of(datum: &Datum<'_>) -> Self {
        match datum {
            Datum::Null => Self::Null,
            Datum::Id(id) => Self::Text(short(id).to_owned()),
            Datum::Text(text) => Self::Text(text.to_lowercase()),
            Datum::Boolean(value) => Self::Boolean(*value),
            Datum::Number(value) => Self::Number(*value),
            Datum::Moment(value) => Self::Moment(*value),
            Datum::Date(value) => Self::Date(*value),
        }
    }
}

/// How the two stand to each other; `None` where they do not compare, as null does with anything but null.
fn compare(datum: &Datum<'_>, wanted: &Wanted) -> Option<Ordering> {
    match (datum, wanted) {
        (Datum::Null, Wanted::Null) => Some(Ordering::Equal),
        (Datum::Id(id), Wanted::Text(wanted)) => Some(short(id).cmp(wanted)),
        (Datum::Text(text), Wanted::Text(wanted)) => {
            Some(text.chars().flat_map(char::to_lowercase).cmp(wanted.chars()))
        }
        (Datum::Boolean(value), Wanted::Boolean(wanted)) => Some(value.cmp(wanted)),
        (Datum::Number(value), Wanted::Number(wanted)) => value.partial_cmp(wanted),
        (Datum::Moment(value), Wanted::Moment(wanted)) => Some(value.cmp(wanted)),
        (Datum::Date(value), Wanted::Date(wanted)) => Some(value.cmp(wanted)),
        _ => None,
    }
}

/// Whether `text` is of the form `pattern`, whatever its case.
pub(super) fn like(text: &[char], pattern: &[Wild]) -> bool {
    // Where the text may go on behind the last `%`: one place is enough, because a later one never fits worse.
    let (mut at, mut part, mut retry) = (0, 0, None);
    while at < text.len() {
        let fits = match (pattern.get(part), text.get(at)) {
            (Some(Wild::Many), _) => {
                retry = Some((at, part));
                part += 1;
                continue;
            }
            (Some(Wild::Any), _) => true,
            (Some(Wild::One(wanted)), Some(c)) => wanted.to_lowercase().eq(c.to_lowercase()),
            _ => false,
        };
        match (fits, retry) {
            (true, _) => (at, part) = (at + 1, part + 1),
            (false, Some((from, many))) => {
                retry = Some((from + 1, many));
                (at, part) = (from + 1, many + 1);
            }
            (false, None) => return false,
        }
    }
    pattern.iter().skip(part).all(|wild| *wild == Wild::Many)
}
