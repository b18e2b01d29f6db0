//! Filters evaluated a second time, straight from the words of RFC 7644 3.4.2.2, over the schema documents as JSON.
//! Nothing of `scim::matcher`, `scim::path` or `scim::fold` is used.

use chrono::{DateTime, NaiveDateTime, Utc};
use scim_bridge::scim::Attributes;
use scim_bridge::scim::filter::{CompareOperator, Filter};
use scim_bridge::scim::path::AttributePath;
use scim_bridge::scim::schema::ResourceType;
use serde_json::{Value, json};

/// The schema documents of a resource type.
pub(super) struct Oracle {
    /// Attributes of the core schema and of every resource.
    core: Vec<Value>,
    core_urn: String,
    /// URN and attributes of each extension.
    extensions: Vec<(String, Vec<Value>)>,
}

impl Oracle {
    pub(super) fn new(kind: &ResourceType) -> Self {
        let json = |attribute| told(serde_json::to_value(attribute).expect("JSON"));
        Self {
            core: kind.schema.attributes.iter().chain(kind.common.iter()).filter_map(json).collect(),
            core_urn: kind.schema.id.to_lowercase(),
            extensions: kind
                .extensions
                .iter()
                .map(|e| (e.schema.id.clone(), e.schema.attributes.iter().filter_map(json).collect()))
                .collect(),
        }
    }

    /// Whether the resource is in the answer.
    pub(super) fn matches(&self, filter: &Filter, resource: &Attributes) -> bool {
        match filter {
            Filter::And(left, right) => self.matches(left, resource) && self.matches(right, resource),
            Filter::Or(left, right) => self.matches(left, resource) || self.matches(right, resource),
            Filter::Not(inner) => !self.matches(inner, resource),
            Filter::Present(path) => self.find(path).is_some_and(|found| found.values(resource).iter().any(non_empty)),
            Filter::Compare { attribute, operator, value } => {
                let (definition, values) = match self.find(attribute) {
                    Some(found) => (found.leaf(), found.values(resource)),
                    None => (json!({"type": "string"}), Vec::new()),
                };
                any_of(&values, &definition, *operator, value)
            }
            Filter::Values { attribute, filter } => self.find(attribute).is_some_and(|found| {
                found.values(resource).iter().any(|value| inside(&found.attribute, value, filter))
            }),
        }
    }

    fn find(&self, path: &AttributePath) -> Option<Found> {
        let urn = path.schema.as_ref().map(|urn| urn.to_lowercase());
        let levels = std::iter::once((None, &self.core))
            .chain(self.extensions.iter().map(|(urn, attributes)| (Some(urn.clone()), attributes)));
        for (level, attributes) in levels {
            let names_it = match (&urn, &level) {
                // An attribute of an extension is found without the URN too.
                (None, _) => true,
                (Some(urn), None) => *urn == self.core_urn,
                (Some(urn), Some(level)) => *urn == level.to_lowercase(),
            };
            let attribute = named(attributes, &path.name).filter(|_| names_it);
            let Some(attribute) = attribute else { continue };
            match &path.sub {
                None => return Some(Found { urn: level, attribute, sub: None }),
                Some(sub) => {
                    let subs = attribute["subAttributes"].as_array().cloned().unwrap_or_default();
                    if let Some(sub) = named(&subs, sub) {
                        return Some(Found { urn: level, attribute, sub: Some(sub) });
                    }
                }
            }
        }
        None
    }
}

/// A definition without what is never answered: nothing can be asked about it (RFC 7643 7, `returned`).
fn told(mut definition: Value) -> Option<Value> {
    if definition["returned"] == "never" {
        return None;
    }
    if let Some(subs) = definition["subAttributes"].as_array_mut() {
        *subs = subs.drain(..).filter_map(told).collect();
    }
    Some(definition)
}

struct Found {
    urn: Option<String>,
    attribute: Value,
    sub: Option<Value>,
}

impl Found {
    fn leaf(&self) -> Value {
        self.sub.clone().unwrap_or_else(|| self.attribute.clone())
    }

    fn values(&self, resource: &Attributes) -> Vec<Value> {
        let resource = Value::Object(resource.clone());
        let level = self.urn.as_ref().map_or(&resource, |urn| &resource[urn.as_str()]);
        let value = &level[self.attribute["name"].as_str().expect("a name")];
        let values = match value {
            Value::Null => Vec::new(),
            Value::Array(values) => values.clone(),
            one => vec![one.clone()],
        };
        match &self.sub {
            None => values,
            Some(sub) => {
                let name = sub["name"].as_str().expect("a name");
                values.iter().map(|value| value[name].clone()).filter(|value| !value.is_null()).collect()
            }
        }
    }
}

/// "Attribute names and attribute operators used in filters are case insensitive."
fn named(attributes: &[Value], name: &str) -> Option<Value> {
    let is_it = |a: &&Value| a["name"].as_str().is_some_and(|known| known.to_lowercase() == name.to_lowercase());
    attributes.iter().find(is_it).cloned()
}

/// "pr: If the attribute has a non-empty or non-null value, or if it contains a non-empty node for complex attributes,
/// there is a match."
fn non_empty(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(non_empty),
        Value::Object(members) => members.values().any(non_empty),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// "when applied to multi-valued attributes […] a filter evaluates to true if a match is found for any of the values".
/// `ne` is the opposite of `eq`, and `null` is no value.
fn any_of(values: &[Value], definition: &Value, operator: CompareOperator, literal: &Value) -> bool {
    let subs = definition["subAttributes"].as_array().cloned().unwrap_or_default();
    let (values, definition) = match named(&subs, "value") {
        Some(sub) => (values.iter().map(|value| value["value"].clone()).collect(), sub),
        None => (values.to_vec(), definition.clone()),
    };
    let equal = || match literal {
        Value::Null => !values.iter().any(non_empty),
        _ => values.iter().any(|value| holds(value, &definition, CompareOperator::Eq, literal)),
    };
    match operator {
        CompareOperator::Eq => equal(),
        CompareOperator::Ne => !equal(),
        _ => values.iter().any(|value| holds(value, &definition, operator, literal)),
    }
}

fn holds(value: &Value, definition: &Value, operator: CompareOperator, literal: &Value) -> bool {
    use CompareOperator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    let kind = definition["type"].as_str().expect("a type");
    let partial = matches!(operator, Co | Sw | Ew);
    let order = match kind {
        "boolean" => {
            let (value, literal) = (truth(value), truth(literal));
            return operator == Eq && value.is_some() && value == literal;
        }
        "integer" | "decimal" if partial => return false,
        "integer" | "decimal" => match (number(value), number(literal)) {
            (Some(value), Some(literal)) => value.partial_cmp(&literal),
            _ => None,
        },
        "dateTime" if !partial => match (value.as_str().and_then(instant), literal.as_str().and_then(instant)) {
            (Some(value), Some(literal)) => Some(value.cmp(&literal)),
            _ => None,
        },
        _ => {
            let (Some(mut value), Some(mut literal)) = (text(value), text(literal)) else { return false };
            if kind == "string" && definition["caseExact"] != true {
                (value, literal) = (value.to_lowercase(), literal.to_lowercase());
            }
            match operator {
                Co => return value.contains(&literal),
                Sw => return value.starts_with(&literal),
                Ew => return value.ends_with(&literal),
                _ => Some(value.cmp(&literal)),
            }
        }
    };
    order.is_some_and(|order| match operator {
        Eq => order.is_eq(),
        Ne => order.is_ne(),
        Gt => order.is_gt(),
        Ge => order.is_ge(),
        Lt => order.is_lt(),
        Le => order.is_le(),
        Co | Sw | Ew => false,
    })
}

fn truth(value: &Value) -> Option<bool> {
    text(value)?.to_lowercase().parse().ok()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => serde_json::from_str::<f64>(text).ok(),
        _ => None,
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let without = || format!("{text}Z").parse::<DateTime<Utc>>().ok().filter(|_| text.parse::<NaiveDateTime>().is_ok());
    with_zone.ok().or_else(without)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One value of a multi-valued or complex attribute against the inside of `[ ]`.
fn inside(attribute: &Value, value: &Value, filter: &Filter) -> bool {
    let find = |path: &AttributePath| {
        let name = match &path.sub {
            None => path.name.clone(),
            Some(sub) => {
                let own = attribute["name"].as_str().expect("a name").to_lowercase();
                if path.name.to_lowercase() != own {
                    return None;
                }
                sub.clone()
            }
        };
        if attribute["type"] == "complex" {
            let subs = attribute["subAttributes"].as_array().expect("sub-attributes");
            let sub = named(subs, &name)?;
            let found = value[sub["name"].as_str().expect("a name")].clone();
            Some((sub, Some(found).filter(|value| !value.is_null())))
        } else {
            (name.to_lowercase() == "value").then(|| (attribute.clone(), Some(value.clone())))
        }
    };
    match filter {
        Filter::And(left, right) => inside(attribute, value, left) && inside(attribute, value, right),
        Filter::Or(left, right) => inside(attribute, value, left) || inside(attribute, value, right),
        Filter::Not(inner) => !inside(attribute, value, inner),
        Filter::Present(path) => find(path).is_some_and(|(_, value)| value.iter().any(non_empty)),
        Filter::Compare { attribute: path, operator, value: literal } => {
            let (definition, values) = find(path).map_or_else(
                || (json!({"type": "string"}), Vec::new()),
                |(definition, value)| (definition, value.into_iter().collect()),
            );
            any_of(&values, &definition, *operator, literal)
        }
        Filter::Values { .. } => false,
    }
}
