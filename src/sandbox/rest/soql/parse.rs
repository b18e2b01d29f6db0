//! The grammar. It looks one token ahead and never back, so that the first token that does not fit is the one that the
//! refusal names, as in Salesforce.

use super::token::{Placed, Token, tokens};
use super::{Complaint, Condition, Literal, MAX_DEPTH, MAX_LENGTH, Name, Operator, Order, Query};

/// Reads a query.
pub(in crate::sandbox::rest) fn parse(text: &str) -> Result<Query, Complaint> {
    if text.chars().count() > MAX_LENGTH {
        let message = format!("SOQL statements cannot be longer than {MAX_LENGTH} characters.");
        return Err(Complaint { code: "MALFORMED_QUERY", message });
    }
    if text.trim().is_empty() {
        return Err(Complaint { code: "MALFORMED_QUERY", message: "A query string has to be specified".to_owned() });
    }
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    let query = parser.query()?;
    match parser.peek() {
        Token::End => Ok(query),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn placed(&self) -> &Placed {
        const END: &Placed = &Placed { token: Token::End, at: 0, end: 0 };
        self.tokens.get(self.next).or(self.tokens.last()).unwrap_or(END)
    }

    fn peek(&self) -> &Token {
        &self.placed().token
    }

    fn at(&self) -> usize {
        self.placed().at
    }

    fn unexpected(&self) -> Complaint {
        let Placed { token, at, end } = self.placed();
        let shown = match token {
            Token::End => "<EOF>",
            _ => self.text.get(*at..*end).unwrap_or_default(),
        };
        self.malformed(&format!("unexpected token: '{shown}'"))
    }

    fn malformed(&self, message: &str) -> Complaint {
        Complaint::at("MALFORMED_QUERY", self.text, self.at(), message)
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Takes `keyword` if it comes next.
    fn takes(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        self.next += usize::from(found);
        found
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Complaint> {
        if self.takes(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn token(&mut self, token: &Token) -> Result<(), Complaint> {
        if self.peek() != token {
            return Err(self.unexpected());
        }
        self.next += 1;
        Ok(())
    }

    /// A name that is no keyword.
    fn name(&mut self) -> Result<Name, Complaint> {
        const KEYWORDS: &[&str] = &["select", "from", "where", "and", "or", "not", "in", "like", "order", "limit"];
        match self.peek() {
            Token::Word(word) if !KEYWORDS.contains(&word.to_ascii_lowercase().as_str()) => {
                let name = Name { text: word.clone(), at: self.at() };
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Result<usize, Complaint> {
        let at = self.at();
        let digits = self.text.get(at..self.placed().end).unwrap_or_default();
        let number = digits.parse().map_err(|_| self.unexpected())?;
        self.next += 1;
        Ok(number)
    }

    fn query(&mut self) -> Result<Query, Complaint> {
        self.keyword("SELECT")?;
        let (count, fields) = self.fields()?;
        self.keyword("FROM")?;
        let object = self.name()?;
        let condition = if self.takes("WHERE") { Some(self.condition()?) } else { None };
        let mut order = Vec::new();
        if self.takes("ORDER") {
            self.keyword("BY")?;
            order.push(self.order()?);
            while self.peek() == &Token::Comma {
                self.next += 1;
                order.push(self.order()?);
            }
        }
        let limit = if self.takes("LIMIT") { Some(self.number()?) } else { None };
        let offset = if self.takes("OFFSET") {
            let at = self.at();
            Some((self.number()?, at))
        } else {
            None
        };
        let source = self.text.to_owned();
        Ok(Query { source, count, fields, object, condition, order, limit, offset })
    }

    fn fields(&mut self) -> Result<(bool, Vec<Name>), Complaint> {
        let mut fields = vec![self.name()?];
        if self.peek() == &Token::Open && fields.iter().all(|field| field.text.eq_ignore_ascii_case("COUNT")) {
            self.next += 1;
            self.token(&Token::Close)?;
            return Ok((true, Vec::new()));
        }
        while self.peek() == &Token::Comma {
            self.next += 1;
            fields.push(self.name()?);
        }
        Ok((false, fields))
    }

    fn order(&mut self) -> Result<Order, Complaint> {
        let field = self.name()?;
        let descending = self.takes("DESC");
        if !descending {
            self.takes("ASC");
        }
        let nulls_last = if self.takes("NULLS") {
            let last = self.takes("LAST");
            if !last {
                self.keyword("FIRST")?;
            }
            last
        } else {
            false
        };
        Ok(Order { field, descending, nulls_last })
    }

    /// SOQL has no precedence between `AND` and `OR`: both in one row need parentheses, and so does a `NOT` among them.
    fn condition(&mut self) -> Result<Condition, Complaint> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.malformed("the query is nested too deeply"));
        }
        let condition = self.row()?;
        self.depth -= 1;
        Ok(condition)
    }

    fn row(&mut self) -> Result<Condition, Complaint> {
        if self.takes("NOT") {
            return Ok(Condition::Not(Box::new(self.simple()?)));
        }
        let first = self.simple()?;
        for (word, both) in [("AND", Condition::All as fn(Vec<Condition>) -> Condition), ("OR", Condition::Any)] {
            if self.is_keyword(word) {
                let mut parts = vec![first];
                while self.takes(word) {
                    parts.push(self.simple()?);
                }
                return Ok(both(parts));
            }
        }
        Ok(first)
    }

    fn simple(&mut self) -> Result<Condition, Complaint> {
        if self.peek() == &Token::Open {
            self.next += 1;
            let condition = self.condition()?;
            self.token(&Token::Close)?;
            return Ok(condition);
        }
        let field = self.name()?;
        let operator = match self.peek().clone() {
            Token::Operator(operator) => {
                self.next += 1;
                operator
            }
            _ if self.takes("LIKE") => Operator::Like,
            _ if self.takes("IN") => Operator::In,
            _ if self.takes("NOT") => {
                self.keyword("IN")?;
                Operator::NotIn
            }
            _ => return Err(self.unexpected()),
        };
        if !matches!(operator, Operator::In | Operator::NotIn) {
            let literals = vec![self.literal()?];
            return Ok(Condition::Compare { field, operator, literals });
        }
        self.token(&Token::Open)?;
        if self.is_keyword("SELECT") {
            let query = Box::new(self.query()?);
            self.token(&Token::Close)?;
            return Ok(Condition::Within { field, negated: operator == Operator::NotIn, query });
        }
        let mut literals = vec![self.literal()?];
        while self.peek() == &Token::Comma {
            self.next += 1;
            literals.push(self.literal()?);
        }
        self.token(&Token::Close)?;
        Ok(Condition::Compare { field, operator, literals })
    }

    fn literal(&mut self) -> Result<Literal, Complaint> {
        let literal = match self.peek() {
            Token::Literal(literal) => literal.clone(),
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Literal::Null,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }
}
