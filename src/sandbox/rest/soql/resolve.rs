//! Resolves the names of a query against a catalogue, and checks that each literal fits its field.

use chrono::NaiveTime;

use super::run::{Catalogue, Column, Kind, Plan, Sorting, Test, Wanted, short, text_of};
use super::{Complaint, Condition, Literal, MAX_HOPS, MAX_OFFSET, Name, Operator, Query};
use crate::sandbox::ids;

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
