//! Which attribute or group makes a rule hold, for whoever asks why.

use super::{Person, When};
use crate::scim::filter::Filter;
use crate::scim::matcher;
use crate::scim::schema::ResourceType;

/// The parts of a condition that make it hold for a person, as a filter would write them, or the names of the groups that
/// fit. Empty where it does not hold.
pub fn causes(when: &When, users: &ResourceType, person: Person<'_>) -> Vec<String> {
    match when {
        When::Filter(filter) => of_filter(filter, users, person),
        When::Group(glob) => {
            person.groups().filter(|name| glob.is_match(*name)).map(|name| format!("group \"{name}\"")).collect()
        }
    }
}

fn of_filter(filter: &Filter, users: &ResourceType, person: Person<'_>) -> Vec<String> {
    if !matcher::matches(filter, users, person.attributes) {
        return Vec::new();
    }
    match filter {
        // Of `or` only the sides that hold; of `and` both do.
        Filter::And(left, right) | Filter::Or(left, right) => {
            let mut found = of_filter(left, users, person);
            found.extend(of_filter(right, users, person));
            found
        }
        Filter::Not(_) | Filter::Compare { .. } | Filter::Present(_) | Filter::Values { .. } => {
            vec![filter.to_string()]
        }
    }
}
