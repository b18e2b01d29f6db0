//! Salesforce's filter language: RFC 7644's without `not` and value paths, with quoted strings for every value, exact
//! attribute names, and no precedence of `and` over `or`: what is not bracketed is taken from left to right.

use chrono::DateTime;

use crate::sandbox::ids;

/// What an attribute holds, as far as filters see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// A text, boolean or time; `None` where it is empty.
    One(Option<String>),
    /// An id, which is compared with case.
    Id(String),
    /// The ids of the records it is linked to.
    Members(Vec<String>),
}

/// What a name is in the filters of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It can be compared.
    Simple,
    /// It has parts, one of which must be named.
    Complex,
    /// It holds memberships: `eq` and `ne` only, `eq` once.
    Membership,
    /// It is nothing.
    Unknown,
}

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    /// attribute, operator (lower case), value
    Compare(String, String, String),
    /// attribute `pr`
    Present(String),
    /// Both.
    And(Box<Filter>, Box<Filter>),
    /// Either.
    Or(Box<Filter>, Box<Filter>),
}

/// How deep brackets may nest: SOQL has a limit of this kind, and the parser is recursive.
const DEPTH_MAX: usize = 50;

/// Parses `text`; the error is Salesforce's text for it.
pub(super) fn parse(text: &str, known: &dyn Fn(&str) -> Known, apostrophe_breaks: bool) -> Result<Filter, String> {
    let tokens = tokens(text);
    let mut parser = Parser { tokens: &tokens, known, apostrophe_breaks, memberships: 0 };
    let filter = parser.expression(0)?;
    match parser.tokens.first() {
        None if parser.memberships > 1 => Err("Only one membership criteria allowed in filter.".to_owned()),
        None => Ok(filter),
        Some(token) if token == ")" => Err(UNBALANCED.to_owned()),
        Some(token) => Err(format!("Illegal token : {token}")),
    }
}

const UNBALANCED: &str = "Unbalanced brackets, check your filter";

/// Brackets, words, and quoted strings with their quotes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        let mut token = String::from(letter);
        match letter {
            '(' | ')' => {}
            '"' => {
                while let Some(letter) = letters.next() {
                    token.push(letter);
                    match letter {
                        '"' => break,
                        '\\' => token.extend(letters.next()),
                        _ => {}
                    }
                }
            }
            _ => {
                while let Some(letter) = letters.next_if(|next| !next.is_whitespace() && !"()\"".contains(*next)) {
                    token.push(letter);
                }
            }
        }
        tokens.push(token);
    }
    tokens
}

struct Parser<'a> {
    tokens: &'a [String],
    known: &'a dyn Fn(&str) -> Known,
    apostrophe_breaks: bool,
    memberships: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn expression(&mut self, depth: usize) -> Result<Filter, String> {
        let mut left = self.operand(depth)?;
        loop {
            match self.tokens.first().map(|token| token.to_lowercase()).as_deref() {
                Some("and") => {
                    self.next();
                    left = Filter::And(Box::new(left), Box::new(self.operand(depth)?));
                }
                Some("or") => {
                    self.next();
                    left = Filter::Or(Box::new(left), Box::new(self.operand(depth)?));
                }
                _ => return Ok(left),
            }
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Filter, String> {
        let name = self.next().ok_or("unexpected end of filter")?;
        if name == "(" {
            if depth >= DEPTH_MAX {
                return Err("Filter is nested too deeply".to_owned());
            }
            let inner = self.expression(depth + 1)?;
            return match self.next() {
                Some(")") => Ok(inner),
                None => Err(UNBALANCED.to_owned()),
                Some(token) => Err(format!("Illegal token : {token}")),
            };
        }
        let known = (self.known)(name);
        match known {
            Known::Unknown => return Err(format!("Unsupported attribute : {name}")),
            Known::Complex => return Err(format!("Complex attribute {name}. Please specify subattribute.")),
            Known::Simple | Known::Membership => {}
        }
        let operator = self.next().ok_or("unexpected end of filter")?;
        let lower = operator.to_lowercase();
        match lower.as_str() {
            "pr" => return Ok(Filter::Present(name.to_owned())),
            "eq" | "ne" => {}
            "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le" => {
                if known == Known::Membership {
                    return Err(format!("Unsupported comparison for {name} field"));
                }
            }
            _ => return Err(format!("Unsupported Operator : {operator}")),
        }
        let value = self.next().ok_or("unexpected end of filter")?;
        let value = self.literal(value)?;
        if known == Known::Membership && lower == "eq" {
            self.memberships += 1;
        }
        Ok(Filter::Compare(name.to_owned(), lower, value))
    }

    fn literal(&self, token: &str) -> Result<String, String> {
        let inner = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = inner else {
            return Err(format!("Argument has to be a quoted string literal : {token}"));
        };
        let mut value = String::new();
        let mut letters = inner.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => value.extend(letters.next()),
                // The value goes into a query between single quotes, and ends it there.
                '\'' if self.apostrophe_breaks => {
                    return Err(format!("unexpected token: '{}'", letters.as_str()));
                }
                _ => value.push(letter),
            }
        }
        Ok(value)
    }
}

impl Filter {
    /// Whether a resource whose attributes `held` tells is selected.
    pub(super) fn matches(&self, held: &dyn Fn(&str) -> Held) -> bool {
        match self {
            Self::And(left, right) => left.matches(held) && right.matches(held),
            Self::Or(left, right) => left.matches(held) || right.matches(held),
            Self::Present(name) => match held(name) {
                Held::One(value) => value.is_some(),
                Held::Id(_) => true,
                Held::Members(members) => !members.is_empty(),
            },
            Self::Compare(name, operator, value) => compare(&held(name), operator, value),
        }
    }
}

fn compare(held: &Held, operator: &str, value: &str) -> bool {
    match held {
        Held::Members(members) => {
            let wanted = ids::canonical(value);
            match operator {
                "eq" => members.iter().any(|member| Some(member) == wanted.as_ref()),
                _ => members.iter().any(|member| Some(member) != wanted.as_ref()),
            }
        }
        Held::Id(id) => {
            let value = ids::canonical(value).unwrap_or_else(|| value.to_owned());
            ordered(id, operator, &value)
        }
        Held::One(None) => operator == "ne",
        Held::One(Some(text)) => {
            if let (Ok(held), Ok(value)) = (DateTime::parse_from_rfc3339(text), DateTime::parse_from_rfc3339(value)) {
                return ordered(&held, operator, &value);
            }
            let (held, value) = (text.to_lowercase(), value.to_lowercase());
            match operator {
                "co" => held.contains(&value),
                "sw" => held.starts_with(&value),
                "ew" => held.ends_with(&value),
                _ => ordered(&held, operator, &value),
            }
        }
    }
}

fn ordered<T: PartialOrd>(held: &T, operator: &str, value: &T) -> bool {
    match operator {
        "eq" => held == value,
        "ne" => held != value,
        "gt" => held > value,
        "ge" => held >= value,
        "lt" => held < value,
        "le" => held <= value,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Known {
        match name {
            "userName" | "active" | "title" | "id" => Known::Simple,
            "name" => Known::Complex,
            "groups" => Known::Membership,
            _ => Known::Unknown,
        }
    }

    fn matches(text: &str) -> Result<bool, String> {
        let held = |name: &str| match name {
            "userName" => Held::One(Some("ada@example.com".to_owned())),
            "active" => Held::One(Some("true".to_owned())),
            "id" => Held::Id("001A0000006Vm9rIAC".to_owned()),
            "groups" => Held::Members(vec!["001A0000006Vm9rIAC".to_owned()]),
            _ => Held::One(None),
        };
        parse(text, &known, true).map(|filter| filter.matches(&held))
    }

    #[test]
    fn selects() {
        for (text, selected) in [
            (r#"userName eq "ADA@example.com""#, true),
            (r#"userName EQ "eve@example.com""#, false),
            (r#"userName co "@EXAMPLE" and active eq "true""#, true),
            (r#"active eq "false" or userName sw "ada""#, true),
            (r#"userName ew ".org""#, false),
            ("title pr", false),
            (r#"title ne "x""#, true),
            (r#"title lt "x""#, false),
            (r#"id gt "001A0000006Vm9q""#, true),
            (r#"id eq "001A0000006Vm9r""#, true),
            (r#"id eq "001A0000006VM9r""#, false),
            (r#"groups eq "001A0000006Vm9r""#, true),
            (r#"userName eq "o\'neil""#, false),
        ] {
            assert_eq!(matches(text), Ok(selected), "{text}");
        }
    }

    #[test]
    fn and_does_not_bind_tighter_than_or() {
        // RFC 7644 would read `true or (true and false)`.
        let text = r#"active eq "true" or active eq "true" and active eq "false""#;
        assert_eq!(matches(text), Ok(false));
        assert_eq!(matches(r#"active eq "true" or (active eq "true" and active eq "false")"#), Ok(true));
    }

    #[test]
    fn refuses_in_salesforces_words() {
        for (text, error) in [
            ("active eq true", "Argument has to be a quoted string literal : true"),
            (r#"USERNAME eq "x""#, "Unsupported attribute : USERNAME"),
            (r#"emails[type eq "work"] pr"#, "Unsupported attribute : emails[type"),
            (r#"not (active eq "true")"#, "Unsupported attribute : not"),
            (r#"name eq "x""#, "Complex attribute name. Please specify subattribute."),
            (r#"userName is "x""#, "Unsupported Operator : is"),
            (r#"(active eq "true""#, "Unbalanced brackets, check your filter"),
            (r#"active eq "true")"#, "Unbalanced brackets, check your filter"),
            (r#"active eq "true" xor title pr"#, "Illegal token : xor"),
            (r#"groups co "x""#, "Unsupported comparison for groups field"),
            (r#"groups eq "x" or groups eq "y""#, "Only one membership criteria allowed in filter."),
            (r#"title eq "O'Neil""#, "unexpected token: 'Neil'"),
            ("userName eq", "unexpected end of filter"),
            ("", "unexpected end of filter"),
        ] {
            assert_eq!(matches(text), Err(error.to_owned()), "{text}");
        }
        assert!(matches(&"(".repeat(100_000)).is_err(), "brackets without end must not exhaust the stack");
    }
}
