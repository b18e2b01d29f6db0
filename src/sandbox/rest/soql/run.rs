//! What queries are about, and how they are evaluated.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Operator, Wild};

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
    /// All records of `object`.
    fn rows(&self, object: &'static str) -> Vec<Self::Row>;
    /// Whether the records of `object` are always answered in the order of ids.
    fn is_ordered(&self, object: &'static str) -> bool;
    /// The records whose id comes after `id`, and perhaps more, where they can be found without reading all.
    fn rows_after(&self, object: &'static str, id: &str) -> Option<Vec<Self::Row>>;
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
    pub(super) kind: Kind,
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
pub(super) enum Wanted {
    Null,
    /// In lower case, or the first 15 characters of an id.
    Text(String),
    Boolean(bool),
    Number(f64),
    Moment(DateTime<Utc>),
    Date(NaiveDate),
}

/// A condition whose names are known to be right.
#[derive(Debug)]
pub(super) enum Test<S> {
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

/// One `ORDER BY` whose name is known to be right.
#[derive(Debug)]
pub(super) struct Sorting<S> {
    pub(super) column: Column<S>,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// A query whose names are known to be right.
#[derive(Debug)]
pub(in crate::sandbox::rest) struct Plan<S> {
    /// The object.
    pub(in crate::sandbox::rest) object: &'static str,
    /// What was asked for; empty for `COUNT()`.
    pub(in crate::sandbox::rest) columns: Vec<Column<S>>,
    pub(super) test: Option<Test<S>>,
    pub(super) order: Vec<Sorting<S>>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// The first 15 characters of an id, which are the ones that count.
pub(super) fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

/// The text of a text or an id.
pub(super) fn text_of(datum: Datum<'_>) -> Option<String> {
    match datum {
        Datum::Id(text) | Datum::Text(text) => Some(text.into_owned()),
        _ => None,
    }
}

impl<S> Plan<S> {
    /// The records that the query finds, in its order.
    pub(in crate::sandbox::rest) fn find<C: Catalogue<Slot = S>>(&self, catalogue: &C) -> Vec<C::Row> {
        let narrowed = self.test.as_ref().and_then(|test| test.candidates(catalogue, self.object));
        let rows = narrowed.unwrap_or_else(|| catalogue.rows(self.object));
        let found = rows.into_iter().filter(|row| self.test.as_ref().is_none_or(|test| test.holds(catalogue, *row)));
        let limit = self.limit.unwrap_or(usize::MAX);
        // Who reads a large object page by page asks for it in the order that it has: no more is looked at than is told.
        if self.order.iter().all(|by| by.is_by_id() && catalogue.is_ordered(self.object)) {
            return found.skip(self.offset).take(limit).collect();
        }
        let mut rows: Vec<C::Row> = found.collect();
        rows.sort_by(|one, other| {
            self.order.iter().fold(Ordering::Equal, |order, by| {
                order.then_with(|| by.order(&by.column.read(catalogue, *one), &by.column.read(catalogue, *other)))
            })
        });
        rows.into_iter().skip(self.offset).take(limit).collect()
    }
}

impl<S> Sorting<S> {
    /// Whether it is by the record's own id, ascending.
    fn is_by_id(&self) -> bool {
        self.column.hops.is_empty() && self.column.name == "Id" && !self.descending
    }

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
            Self::Compare(column, Operator::Greater, Wanted::Text(id))
                if column.hops.is_empty() && column.name == "Id" =>
            {
                catalogue.rows_after(object, id)
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
