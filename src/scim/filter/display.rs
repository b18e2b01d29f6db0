//! Filters and paths as text that parses back to the same tree.

use std::fmt::{self, Display, Formatter};

use super::{CompareOperator, Filter};

impl Display for CompareOperator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // The parser groups to the left, so only a right operand of the same kind needs parentheses.
            Self::And(left, right) => {
                operand(f, left, matches!(**left, Self::Or(..)))?;
                f.write_str(" and ")?;
                operand(f, right, matches!(**right, Self::Or(..) | Self::And(..)))
            }
            Self::Or(left, right) => {
                operand(f, left, false)?;
                f.write_str(" or ")?;
                operand(f, right, matches!(**right, Self::Or(..)))
            }
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare { attribute, operator, value } => write!(f, "{attribute} {operator} {value}"),
            Self::Present(attribute) => write!(f, "{attribute} pr"),
            Self::Values { attribute, filter } => write!(f, "{attribute}[{filter}]"),
        }
    }
}

fn operand(f: &mut Formatter<'_>, filter: &Filter, parentheses: bool) -> fmt::Result {
    if parentheses { write!(f, "({filter})") } else { write!(f, "{filter}") }
}
