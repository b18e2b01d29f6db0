//! The grammar of filters and paths (RFC 7644 figures 1 and 7), with winnow.

mod literal;

use std::borrow::Cow;
use std::fmt::Write as _;

use winnow::Parser;
use winnow::ascii::{Caseless, multispace0};
use winnow::combinator::{not, opt, peek, preceded, terminated};
use winnow::error::ParserError;
use winnow::stream::{LocatingSlice, Location, Stateful};
use winnow::token::{one_of, take_while};

use super::{CompareOperator, Filter, MAX_DEPTH, MAX_LENGTH, MAX_TERMS};
use crate::scim::Strictness;
use crate::scim::error::Error;
use crate::scim::path::{AttributePath, PatchPath};
use crate::scim::schema::ResourceType;

type Input<'i> = Stateful<LocatingSlice<&'i str>, Context<'i>>;
type Parsed<T> = Result<T, Fault>;

/// What the parser knows apart from the text.
#[derive(Debug, Clone)]
struct Context<'i> {
    resource_type: &'i ResourceType,
    strictness: Strictness,
    depth: usize,
    terms: usize,
    /// Inside `[…]`, where an unquoted literal ends at the bracket.
    in_values: bool,
}

/// Where the text stops making sense.
#[derive(Debug, Clone)]
struct Fault {
    /// Byte offset.
    at: usize,
    what: Complaint,
    /// Whether the trouble is in a filter (`invalidFilter`) or in the path around it (`invalidPath`).
    in_filter: bool,
}

#[derive(Debug, Clone)]
enum Complaint {
    Expected(Cow<'static, str>),
    TooMuch(String),
}

impl<'i> ParserError<Input<'i>> for Fault {
    type Inner = Self;

    fn from_input(input: &Input<'i>) -> Self {
        expected(input, "something else")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl Fault {
    fn in_filter(self) -> Self {
        Self { in_filter: true, ..self }
    }

    fn into_error(self, kind: &str, text: &str) -> Error {
        let position = text.char_indices().take_while(|(at, _)| *at < self.at).count() + 1;
        let mut words = format!("{kind}: ");
        // Writing to a String does not fail.
        let _ = match self.what {
            Complaint::Expected(what) => {
                let found = text.get(self.at..).unwrap_or_default().split_whitespace().next().unwrap_or_default();
                match found.char_indices().nth(40) {
                    _ if found.is_empty() => write!(words, "expected {what} at character {position}, found the end"),
                    Some((end, _)) => write!(
                        words,
                        "expected {what} at character {position}, found \"{}…\"",
                        found.get(..end).unwrap_or_default()
                    ),
                    None => write!(words, "expected {what} at character {position}, found \"{found}\""),
                }
            }
            Complaint::TooMuch(what) => write!(words, "{what} at character {position}"),
        };
        if self.in_filter { Error::invalid_filter(words) } else { Error::invalid_path(words) }
    }
}

fn expected(input: &Input<'_>, what: impl Into<Cow<'static, str>>) -> Fault {
    Fault { at: input.current_token_start(), what: Complaint::Expected(what.into()), in_filter: false }
}

fn expected_at(at: usize, what: impl Into<Cow<'static, str>>) -> Fault {
    Fault { at, what: Complaint::Expected(what.into()), in_filter: false }
}

fn too_much(input: &Input<'_>, what: String) -> Fault {
    Fault { at: input.current_token_start(), what: Complaint::TooMuch(what), in_filter: false }
}

fn input<'i>(resource_type: &'i ResourceType, text: &'i str, strictness: Strictness) -> Input<'i> {
    let state = Context { resource_type, strictness, depth: 0, terms: 0, in_values: false };
    Stateful { input: LocatingSlice::new(text), state }
}

/// A whole text as a filter.
pub(super) fn filter(resource_type: &ResourceType, text: &str, strictness: Strictness) -> Result<Filter, Error> {
    if text.len() > MAX_LENGTH {
        return Err(Error::invalid_filter(format!("filter: longer than {MAX_LENGTH} bytes")));
    }
    let mut input = input(resource_type, text, strictness);
    disjunction(&mut input)
        .and_then(|filter| end(&mut input, "\"and\", \"or\" or the end").map(|()| filter))
        .map_err(|fault| fault.in_filter().into_error("filter", text))
}

/// A whole text as an attribute path.
pub(in crate::scim) fn attribute_path(resource_type: &ResourceType, text: &str) -> Result<AttributePath, Error> {
    let mut input = input(resource_type, text, Strictness::Strict);
    path_length(text)?;
    blanks(&mut input)
        .and_then(|()| attribute(&mut input))
        .and_then(|path| end(&mut input, "the end of the path").map(|()| path))
        .map_err(|fault| fault.into_error("path", text))
}

/// A whole text as the path of a PATCH operation.
pub(in crate::scim) fn patch_path(
    resource_type: &ResourceType,
    text: &str,
    strictness: Strictness,
) -> Result<PatchPath, Error> {
    path_length(text)?;
    let mut input = input(resource_type, text, strictness);
    whole_patch_path(&mut input).map_err(|fault| fault.into_error("path", text))
}

fn path_length(text: &str) -> Result<(), Error> {
    if text.len() > MAX_LENGTH {
        return Err(Error::invalid_path(format!("path: longer than {MAX_LENGTH} bytes")));
    }
    Ok(())
}

fn whole_patch_path(input: &mut Input<'_>) -> Parsed<PatchPath> {
    blanks(input)?;
    let start = input.current_token_start();
    let token = path_token(input)?;
    let path = match split(input.state.resource_type, token) {
        Split::Schema(urn) => PatchPath::Extension(urn),
        Split::Attribute(attribute) => {
            if opt('[').parse_next(input).map_err(|fault: Fault| fault)?.is_none() {
                PatchPath::Attribute(attribute)
            } else {
                let filter = value_filter(input, start, &attribute)?;
                PatchPath::Values { attribute, filter, sub: sub_attribute(input)? }
            }
        }
        Split::Malformed => return Err(expected_at(start, "an attribute path")),
    };
    end(input, "the end of the path")?;
    Ok(path)
}

fn blanks(input: &mut Input<'_>) -> Parsed<()> {
    multispace0.void().parse_next(input)
}

fn end(input: &mut Input<'_>, what: &'static str) -> Parsed<()> {
    blanks(input)?;
    if input.is_empty() { Ok(()) } else { Err(expected(input, what)) }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$' | '.' | ':')
}

/// A word of the grammar, any case, that is not the beginning of a longer one.
fn keyword<'i>(word: &'static str) -> impl Parser<Input<'i>, (), Fault> {
    terminated(Caseless(word), peek(not(one_of(is_name_char)))).void()
}

/// `and` binds tighter than `or` (RFC 7644 3.4.2.2: precedence is grouping, not, and, or).
fn disjunction(input: &mut Input<'_>) -> Parsed<Filter> {
    let mut left = conjunction(input)?;
    while opt(preceded(multispace0, keyword("or"))).parse_next(input)?.is_some() {
        left = Filter::Or(Box::new(left), Box::new(conjunction(input)?));
    }
    Ok(left)
}

fn conjunction(input: &mut Input<'_>) -> Parsed<Filter> {
    let mut left = negation(input)?;
    while opt(preceded(multispace0, keyword("and"))).parse_next(input)?.is_some() {
        left = Filter::And(Box::new(left), Box::new(negation(input)?));
    }
    Ok(left)
}

fn negation(input: &mut Input<'_>) -> Parsed<Filter> {
    blanks(input)?;
    if opt((Caseless("not"), multispace0, '(')).parse_next(input)?.is_some() {
        return Ok(Filter::Not(Box::new(group(input)?)));
    }
    if opt('(').parse_next(input)?.is_some() {
        return group(input);
    }
    term(input)
}

/// After the opening parenthesis.
fn group(input: &mut Input<'_>) -> Parsed<Filter> {
    let inner = nested(input)?;
    blanks(input)?;
    match opt(')').parse_next(input)? {
        Some(_) => Ok(inner),
        None => Err(expected(input, "\"and\", \"or\" or \")\"")),
    }
}

fn nested(input: &mut Input<'_>) -> Parsed<Filter> {
    input.state.depth += 1;
    if input.state.depth > MAX_DEPTH {
        return Err(too_much(input, format!("more than {MAX_DEPTH} levels of nesting")).in_filter());
    }
    let inner = disjunction(input)?;
    input.state.depth -= 1;
    Ok(inner)
}

fn term(input: &mut Input<'_>) -> Parsed<Filter> {
    input.state.terms += 1;
    if input.state.terms > MAX_TERMS {
        return Err(too_much(input, format!("more than {MAX_TERMS} comparisons")));
    }
    let start = input.current_token_start();
    let path = attribute(input)?;
    if opt('[').parse_next(input)?.is_none() {
        return condition(input, path);
    }
    if input.state.in_values {
        return Err(expected_at(start, "no value filter inside another"));
    }
    let filter = value_filter(input, start, &path)?;
    let filter = match sub_attribute(input)? {
        None => filter,
        // `emails[type eq "work"].value eq "x"`: both of one and the same value.
        Some(sub) => {
            let relative = AttributePath { schema: None, name: sub, sub: None };
            Filter::And(Box::new(filter), Box::new(condition(input, relative)?))
        }
    };
    Ok(Filter::Values { attribute: path, filter: Box::new(filter) })
}

/// After the opening bracket.
fn value_filter(input: &mut Input<'_>, start: usize, attribute: &AttributePath) -> Parsed<Filter> {
    if attribute.sub.is_some() {
        return Err(expected_at(start, "an attribute without sub-attribute before \"[\""));
    }
    input.state.in_values = true;
    let filter = nested(input).map_err(Fault::in_filter)?;
    input.state.in_values = false;
    blanks(input)?;
    match opt(']').parse_next(input)? {
        Some(_) => Ok(filter),
        None => Err(expected(input, "\"and\", \"or\" or \"]\"").in_filter()),
    }
}

/// `.value` after a value filter.
fn sub_attribute(input: &mut Input<'_>) -> Parsed<Option<String>> {
    if opt('.').parse_next(input)?.is_none() {
        return Ok(None);
    }
    let at = input.current_token_start();
    let name = take_while(0.., is_name_char).parse_next(input)?;
    if is_name(name) { Ok(Some(name.to_owned())) } else { Err(expected_at(at, "the name of a sub-attribute")) }
}

/// Operator and literal.
fn condition(input: &mut Input<'_>, attribute: AttributePath) -> Parsed<Filter> {
    blanks(input)?;
    if opt(keyword("pr")).parse_next(input)?.is_some() {
        return Ok(Filter::Present(attribute));
    }
    let operator = CompareOperator::ALL.into_iter().find_map(|operator| {
        let found = opt(keyword(operator.name())).parse_next(input);
        found.ok().flatten().map(|()| operator)
    });
    let Some(operator) = operator else {
        return Err(expected(input, "an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)"));
    };
    blanks(input)?;
    Ok(Filter::Compare { attribute, operator, value: literal::literal(input)? })
}

fn path_token<'i>(input: &mut Input<'i>) -> Parsed<&'i str> {
    let fault = expected(input, "an attribute");
    take_while(1.., |c: char| !(c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"')))
        .parse_next(input)
        .map_err(|_: Fault| fault)
}

fn attribute(input: &mut Input<'_>) -> Parsed<AttributePath> {
    let at = input.current_token_start();
    let token = path_token(input)?;
    match split(input.state.resource_type, token) {
        Split::Attribute(path) => Ok(path),
        Split::Schema(_) => Err(expected_at(at, "an attribute after the schema's URN")),
        Split::Malformed => Err(expected_at(at, "an attribute")),
    }
}

enum Split {
    Attribute(AttributePath),
    Schema(String),
    Malformed,
}

/// Parts a path at the URN of a schema that the resource type has, else at the last colon: URNs hold colons and dots
/// themselves, so neither tells alone where the attribute begins (RFC 7644 3.10).
fn split(resource_type: &ResourceType, token: &str) -> Split {
    let (schema, rest) = match resource_type.split_urn(token) {
        Some((_, "")) => return Split::Schema(token.to_owned()),
        Some((_, rest)) => {
            let urn = token.strip_suffix(rest).and_then(|head| head.strip_suffix(':'));
            (urn.map(str::to_owned), rest)
        }
        None => match token.rsplit_once(':') {
            None => (None, token),
            Some((urn, rest)) => (Some(urn.to_owned()), rest),
        },
    };
    let (name, sub) = match rest.split_once('.') {
        None => (rest, None),
        Some((name, sub)) => (name, Some(sub)),
    };
    if is_name(name) && sub.is_none_or(is_name) {
        let sub = sub.map(str::to_owned);
        Split::Attribute(AttributePath { schema, name: name.to_owned(), sub })
    } else if schema.is_some() && token.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:")) {
        // The URN of a schema that this server does not have, such as `urn:example:custom:2.0`.
        Split::Schema(token.to_owned())
    } else {
        Split::Malformed
    }
}

/// `ATTRNAME` of RFC 7643 2.1; `$ref` is the one name with another first character.
fn is_name(text: &str) -> bool {
    let mut characters = text.strip_prefix('$').unwrap_or(text).chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}
