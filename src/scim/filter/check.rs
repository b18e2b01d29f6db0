//! Comparisons that a filter may not ask for.

use serde_json::Value;

use super::{CompareOperator, Filter};
use crate::scim::error::Error;
use crate::scim::matcher::time;
use crate::scim::path;
use crate::scim::schema::{Attribute, DataType, Resolved, ResourceType};

impl Filter {
    /// Whether the filter can be evaluated for resources of this type. Attributes that no schema has are passed over.
    ///
    /// # Errors
    /// `invalidFilter` for `gt`, `ge`, `lt`, `le` on a boolean or binary attribute (RFC 7644 table 3), for a complex
    /// attribute without `value` compared as a whole, for a value filter on a simple single value, for a date that is
    /// none, and for what only answers have ([`Resolved::is_put_together`]): it would seem to be nobody's (RFC 7644
    /// 3.4.2.2 has a filter refused that is not supported).
    pub fn check(&self, resource_type: &ResourceType) -> Result<(), Error> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.check(resource_type)?;
                right.check(resource_type)
            }
            Self::Not(inner) => inner.check(resource_type),
            Self::Present(attribute) => match path::find(resource_type, attribute) {
                Some(target) => seen(&target),
                None => Ok(()),
            },
            Self::Compare { attribute, operator, value } => match path::find(resource_type, attribute) {
                Some(target) => {
                    seen(&target)?;
                    comparison(target.leaf(), *operator, value, &attribute.to_string())
                }
                None => Ok(()),
            },
            Self::Values { attribute, filter } => match path::find(resource_type, attribute) {
                Some(target) => filter.check_values(&target),
                None => Ok(()),
            },
        }
    }

    /// [`Filter::check`] of the inside of a value filter on this attribute.
    ///
    /// # Errors
    /// The same.
    pub fn check_values(&self, outer: &Resolved<'_>) -> Result<(), Error> {
        let attribute = outer.attribute;
        seen(&Resolved { sub: None, ..*outer })?;
        if !attribute.multi_valued && attribute.data_type != DataType::Complex {
            let name = &attribute.name;
            return Err(Error::invalid_filter(format!("filter: {name} is a single simple value, it takes no [ ]")));
        }
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.check_values(outer)?;
                right.check_values(outer)
            }
            Self::Not(inner) => inner.check_values(outer),
            Self::Values { .. } => Ok(()),
            Self::Present(relative) => match path::find_relative(attribute, relative) {
                Some(leaf) => seen(&Resolved { sub: Some(leaf), ..*outer }),
                None => Ok(()),
            },
            Self::Compare { attribute: relative, operator, value } => match path::find_relative(attribute, relative) {
                Some(leaf) => {
                    seen(&Resolved { sub: Some(leaf), ..*outer })?;
                    comparison(leaf, *operator, value, &format!("{}.{relative}", attribute.name))
                }
                None => Ok(()),
            },
        }
    }
}

/// Refuses what no filter sees.
fn seen(target: &Resolved<'_>) -> Result<(), Error> {
    if !target.is_put_together() {
        return Ok(());
    }
    let name = target.canonical_key();
    Err(Error::invalid_filter(format!("filter: {name} is put together for each answer, it cannot be filtered by")))
}

fn comparison(leaf: &Attribute, operator: CompareOperator, literal: &Value, name: &str) -> Result<(), Error> {
    let leaf = match leaf.data_type {
        DataType::Complex => match leaf.sub("value") {
            // `emails eq "x"` and `manager eq "x"` mean `.value` (sent by Ping and by Entra).
            Some(value) => value,
            None => {
                return Err(Error::invalid_filter(format!(
                    "filter: {name} is complex, name one of its sub-attributes"
                )));
            }
        },
        _ => leaf,
    };
    match leaf.data_type {
        DataType::Boolean | DataType::Binary if operator.is_ordering() => {
            let kind = if leaf.data_type == DataType::Boolean { "boolean" } else { "binary" };
            Err(Error::invalid_filter(format!("filter: {operator} needs an order, {name} is {kind}")))
        }
        DataType::DateTime if operator.is_ordering() && literal.as_str().and_then(time).is_none() => {
            Err(Error::invalid_filter(format!("filter: {name} is compared with {literal}, which is no date and time")))
        }
        _ => Ok(()),
    }
}
