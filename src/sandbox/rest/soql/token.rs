//! The words of a query.

use chrono::{DateTime, NaiveDate, Utc};
use winnow::Parser;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, opt, preceded};
use winnow::error::EmptyError;
use winnow::stream::{LocatingSlice, Location, Stream as _};
use winnow::token::{any, one_of, take_while};

use super::{Complaint, Literal, Operator, Wild};

type Input<'i> = LocatingSlice<&'i str>;
type Parsed<T> = Result<T, EmptyError>;

/// A word, sign or literal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or keyword; names over relationships with their dots.
    Word(String),
    /// Anything that a field is compared with, but for the words `true`, `false` and `null`.
    Literal(Literal),
    /// A comparison that is written with signs.
    Operator(Operator),
    /// `,`.
    Comma,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// The end.
    End,
}

/// A token and the bytes that it takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
    pub(super) end: usize,
}

/// The tokens of `text`, the last one [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Complaint> {
    let mut input = LocatingSlice::new(text);
    let mut tokens = Vec::new();
    loop {
        let _space: Parsed<&str> = multispace0.parse_next(&mut input);
        let at = input.current_token_start();
        if input.is_empty() {
            tokens.push(Placed { token: Token::End, at, end: at });
            return Ok(tokens);
        }
        let malformed = |message: String| Complaint::at("MALFORMED_QUERY", text, at, &message);
        let start = input.checkpoint();
        let found: Parsed<Token> = alt((word, sign)).parse_next(&mut input);
        let token = if let Ok(token) = found {
            token
        } else {
            input.reset(&start);
            let Ok(literal) = literal(&mut input) else {
                let shown: String = text.get(at..).unwrap_or_default().chars().take(1).collect();
                return Err(malformed(format!("unexpected token: '{shown}'")));
            };
            Token::Literal(literal.map_err(malformed)?)
        };
        tokens.push(Placed { token, at, end: input.current_token_start() });
    }
}

fn word(input: &mut Input<'_>) -> Parsed<Token> {
    let first = one_of(|c: char| c.is_ascii_alphabetic());
    let rest = take_while(0.., |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    (first, rest).take().map(|word: &str| Token::Word(word.to_owned())).parse_next(input)
}

fn sign(input: &mut Input<'_>) -> Parsed<Token> {
    let operator = alt((
        "!=".value(Operator::NotEqual),
        "<>".value(Operator::NotEqual),
        "<=".value(Operator::LessOrEqual),
        ">=".value(Operator::GreaterOrEqual),
        "=".value(Operator::Equal),
        "<".value(Operator::Less),
        ">".value(Operator::Greater),
    ));
    alt((",".value(Token::Comma), "(".value(Token::Open), ")".value(Token::Close), operator.map(Token::Operator)))
        .parse_next(input)
}

/// A text, number, day or moment. The inner error is a text that has the form of a literal and is none.
fn literal(input: &mut Input<'_>) -> Parsed<Result<Literal, String>> {
    alt((quoted, number_or_time.map(Ok))).parse_next(input)
}

fn quoted(input: &mut Input<'_>) -> Parsed<Result<Literal, String>> {
    '\''.parse_next(input)?;
    let (mut text, mut pattern) = (String::new(), Vec::new());
    loop {
        match any.parse_next(input)? {
            '\'' => return Ok(Ok(Literal::Text { text, pattern })),
            '\\' => {
                let Some(c) = escaped(input)? else {
                    let message = "Invalid string literal. Illegal character sequence in string literal.";
                    return Ok(Err(message.to_owned()));
                };
                text.push(c);
                pattern.push(Wild::One(c));
            }
            c => {
                text.push(c);
                pattern.push(match c {
                    '%' => Wild::Many,
                    '_' => Wild::Any,
                    c => Wild::One(c),
                });
            }
        }
    }
}

/// What stands behind a backslash; `None` where it is no escape of SOQL.
fn escaped(input: &mut Input<'_>) -> Parsed<Option<char>> {
    Ok(match any.parse_next(input)? {
        'n' | 'N' => Some('\n'),
        'r' | 'R' => Some('\r'),
        't' | 'T' => Some('\t'),
        'b' | 'B' => Some('\u{8}'),
        'f' | 'F' => Some('\u{c}'),
        c @ ('\'' | '"' | '\\' | '_' | '%') => Some(c),
        'u' => {
            let digits = take_while(4, |c: char| c.is_ascii_hexdigit()).parse_next(input)?;
            u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
        }
        _ => None,
    })
}

fn number_or_time(input: &mut Input<'_>) -> Parsed<Literal> {
    alt((time, number)).parse_next(input)
}

fn number(input: &mut Input<'_>) -> Parsed<Literal> {
    let digits = || take_while(1.., |c: char| c.is_ascii_digit());
    let sign = || opt(one_of(['+', '-']));
    let exponent = (one_of(['e', 'E']), sign(), digits());
    let text: &str = (sign(), digits(), opt(('.', digits())), opt(exponent)).take().parse_next(input)?;
    text.parse().map(Literal::Number).map_err(|_| EmptyError)
}

/// `2026-10-14`, and with a time behind it `2026-10-14T09:12:33Z`, `…33.000+02:00`, `…33+0200`.
fn time(input: &mut Input<'_>) -> Parsed<Literal> {
    let digits = |n: usize| take_while(n, |c: char| c.is_ascii_digit());
    let date: &str = (digits(4), '-', digits(2), '-', digits(2)).take().parse_next(input)?;
    let fraction = opt(('.', take_while(1..=9, |c: char| c.is_ascii_digit())));
    let east = take_while(4..=5, |c: char| c.is_ascii_digit() || c == ':');
    let zone = alt((one_of(['z', 'Z']).void(), (one_of(['+', '-']), east).void()));
    let moment = (digits(2), ':', digits(2), ':', digits(2), fraction, zone).take();
    let clock: Option<&str> = opt(preceded('T', moment)).parse_next(input)?;
    match clock {
        None => NaiveDate::parse_from_str(date, "%Y-%m-%d").map(Literal::Date).map_err(|_| EmptyError),
        Some(clock) => moment_of(&format!("{date}T{clock}")).map(Literal::Moment).ok_or(EmptyError),
    }
}

/// A moment as SOQL and REST write it.
pub(in crate::sandbox::rest) fn moment_of(text: &str) -> Option<DateTime<Utc>> {
    let text = text.replace(['Z', 'z'], "+0000");
    DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z").ok().map(|moment| moment.to_utc())
}
