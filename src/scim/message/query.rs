//! What a list or search request asks for, from a query string or a `SearchRequest` body.

use std::num::IntErrorKind;

use serde_json::{Map, Number, Value};

use crate::scim::model::SortOrder;
use crate::scim::{Error, SEARCH_MESSAGE};

/// How many resources an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Where the request does not say.
    pub default_count: u64,
    /// At most, whatever the request says.
    pub max_count: u64,
}

/// A page by index (RFC 7644 3.4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    /// Number of the first resource, from 1.
    pub start_index: u64,
    /// Largest number of resources; 0 asks for the total alone.
    pub count: u64,
}

impl Page {
    /// Reads both parameters: a start below 1 is 1, a negative count is 0, a count above the largest is the largest;
    /// what lies beyond 64 bits counts as the largest there is.
    ///
    /// # Errors
    /// `invalidValue` where one is not an integer.
    pub fn parse(start_index: Option<&str>, count: Option<&str>, limits: Limits) -> Result<Self, Error> {
        let start_index = match start_index {
            None => 1,
            Some(text) => integer("startIndex", text)?.max(1).unsigned_abs(),
        };
        let count = match count {
            None => limits.default_count,
            Some(text) => integer("count", text)?.max(0).unsigned_abs(),
        };
        Ok(Self { start_index, count: count.min(limits.max_count) })
    }

    /// Resources before the page, as a database takes it.
    pub fn offset(&self) -> i64 {
        i64::try_from(self.start_index.saturating_sub(1)).unwrap_or(i64::MAX)
    }

    /// Largest number of resources, as a database takes it.
    pub fn limit(&self) -> i64 {
        i64::try_from(self.count).unwrap_or(i64::MAX)
    }
}

/// The size of a page by cursor. RFC 9865 2.4 has clients ask for one method or the other; a `startIndex` of 1 says
/// nothing that `cursor` does not, any other contradicts it.
fn by_cursor(start_index: Option<&str>, count: Option<&str>, limits: Limits) -> Result<Page, Error> {
    let counted = Page::parse(None, count, limits).map_err(|error| Error::invalid_count(error.detail))?;
    let page = Page::parse(start_index, None, limits)?;
    if page.start_index > 1 {
        return Err(Error::invalid_value("startIndex and cursor: a page is asked for by one of them (RFC 9865 2.4)"));
    }
    Ok(counted)
}

/// A number as text. JSON knows one kind of number: `2.0` and `1e3` are whole, and what lies beyond 64 bits is a number
/// all the same.
pub(in crate::scim) fn digits(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

fn integer(name: &str, text: &str) -> Result<i64, Error> {
    match text.trim().parse::<i64>() {
        Ok(number) => Ok(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Ok(i64::MAX),
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => Ok(i64::MIN),
        Err(_) => Err(Error::invalid_value(format!("{name}: must be an integer"))),
    }
}

/// What a list, search or read request asks for. Texts are unparsed: which resource type they speak of is not known
/// here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Which resources.
    pub filter: Option<String>,
    /// Names of the attributes to answer, with commas between.
    pub attributes: Option<String>,
    /// Names of attributes to leave out, with commas between.
    pub excluded_attributes: Option<String>,
    /// The attribute by which the list is sorted.
    pub sort_by: Option<String>,
    /// The order.
    pub sort_order: SortOrder,
    /// The page.
    pub page: Page,
    /// Where the page begins (RFC 9865); an empty text asks for the first page by cursor.
    pub cursor: Option<String>,
}

/// The parameters as texts, before they are read.
#[derive(Default)]
struct Texts {
    filter: Option<String>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    cursor: Option<String>,
}

impl Texts {
    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        let places: [(&str, &mut Option<String>); 8] = [
            ("filter", &mut self.filter),
            ("attributes", &mut self.attributes),
            ("excludedAttributes", &mut self.excluded_attributes),
            ("sortBy", &mut self.sort_by),
            ("sortOrder", &mut self.sort_order),
            ("startIndex", &mut self.start_index),
            ("count", &mut self.count),
            ("cursor", &mut self.cursor),
        ];
        places.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, place)| place)
    }

    fn read(self, limits: Limits) -> Result<Query, Error> {
        let page = match &self.cursor {
            None => Page::parse(self.start_index.as_deref(), self.count.as_deref(), limits)?,
            Some(_) => by_cursor(self.start_index.as_deref(), self.count.as_deref(), limits)?,
        };
        let sort_order = match self.sort_order.as_deref().map(str::trim) {
            None | Some("") => SortOrder::Ascending,
            Some(text) if text.eq_ignore_ascii_case("ascending") => SortOrder::Ascending,
            Some(text) if text.eq_ignore_ascii_case("descending") => SortOrder::Descending,
            Some(_) => return Err(Error::invalid_value("sortOrder: must be ascending or descending")),
        };
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(Query {
            page,
            filter: self.filter,
            attributes: given(self.attributes),
            excluded_attributes: given(self.excluded_attributes),
            sort_by: given(self.sort_by),
            sort_order,
            cursor: self.cursor,
        })
    }
}

impl Query {
    /// Reads the decoded names and values of a query string. Names count without regard to case, unknown ones are
    /// ignored (RFC 7644 3.4.2); of one that is given twice the first counts.
    ///
    /// # Errors
    /// `invalidValue` for a number or an order that is none, `invalidCount` for a `count` that is none beside a cursor
    /// (RFC 9865 2.1). An empty `filter` is kept: it is for the filter's parser
    /// to refuse, because taking it as "all" would answer the whole directory.
    pub fn from_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>, limits: Limits) -> Result<Self, Error> {
        let mut texts = Texts::default();
        for (name, value) in pairs {
            if let Some(place) = texts.place(name) {
                place.get_or_insert_with(|| value.to_owned());
            }
        }
        texts.read(limits)
    }

    /// Reads the body of a search by POST (RFC 7644 3.4.3).
    ///
    /// # Errors
    /// `invalidSyntax` where the body is no object with the schema of a search request, `invalidValue` where a member
    /// has the wrong type.
    pub fn from_body(body: &Value, limits: Limits) -> Result<Self, Error> {
        let members =
            body.as_object().ok_or_else(|| Error::invalid_syntax("a search request must be a JSON object"))?;
        if !names_schema(members) {
            return Err(Error::invalid_syntax(format!("schemas: must name {SEARCH_MESSAGE}")));
        }
        let mut texts = Texts::default();
        for (name, value) in members {
            let Some(place) = texts.place(name) else { continue };
            let text = match (name.to_ascii_lowercase().as_str(), value) {
                (_, Value::Null) => continue,
                ("attributes" | "excludedattributes", Value::Array(names)) => names_joined(name, names)?,
                ("startindex" | "count", Value::Number(number)) => digits(number),
                (_, Value::String(text)) => text.clone(),
                ("attributes" | "excludedattributes", _) => {
                    return Err(Error::invalid_value(format!("{name}: must be an array of strings")));
                }
                ("startindex" | "count", _) => {
                    return Err(Error::invalid_value(format!("{name}: must be an integer")));
                }
                _ => return Err(Error::invalid_value(format!("{name}: must be a string"))),
            };
            place.get_or_insert(text);
        }
        texts.read(limits)
    }
}

fn names_schema(members: &Map<String, Value>) -> bool {
    let schemas = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let urns = schemas.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    urns.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(SEARCH_MESSAGE))
}

fn names_joined(member: &str, names: &[Value]) -> Result<String, Error> {
    let texts: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| Error::invalid_value(format!("{member}: must be an array of strings")))?;
    Ok(texts.join(","))
}
