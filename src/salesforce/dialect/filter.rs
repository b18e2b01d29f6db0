//! Filters that Salesforce understands.

/// An attribute to look things up by, spelled as Salesforce wants it (attribute names are case-sensitive there).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterAttribute(&'static str);

/// `userName` of a user.
pub const USER_NAME: FilterAttribute = FilterAttribute("userName");
/// `externalId` of a user, its federation id.
pub const USER_FEDERATION_ID: FilterAttribute = FilterAttribute("externalId");
/// Groups of a user.
pub const USER_GROUP: FilterAttribute = FilterAttribute("groups");
/// `displayName` of an entitlement.
pub const ENTITLEMENT_NAME: FilterAttribute = FilterAttribute("displayName");
/// `displayName` of a group.
pub const GROUP_NAME: FilterAttribute = FilterAttribute("displayName");

/// A filter that finds at least everything whose `attribute` is `value`; the caller compares what it gets.
///
/// An apostrophe is never sent: Salesforce puts the value into a query without escaping it, and answers
/// `eq "O'Neil"` with 400. Such a value is looked for by the pieces around the apostrophes instead.
pub fn equals(attribute: FilterAttribute, value: &str) -> String {
    let FilterAttribute(name) = attribute;
    if !value.contains('\'') {
        return format!("{name} eq {}", quoted(value));
    }
    let pieces: Vec<&str> = value.split('\'').collect();
    let last = pieces.len() - 1;
    let terms: Vec<String> = pieces
        .iter()
        .enumerate()
        .filter(|(_, piece)| !piece.is_empty())
        .map(|(at, piece)| {
            let operator = match at {
                0 => "sw",
                at if at == last => "ew",
                _ => "co",
            };
            format!("{name} {operator} {}", quoted(piece))
        })
        .collect();
    if terms.is_empty() { format!("{name} pr") } else { terms.join(" and ") }
}

/// The same filter, from after the resource `id` on: lists come in the order of ids, and an offset works up to 2,001
/// only. Bracketed, because `and` does not bind closer than `or` there.
pub fn after(filter: &str, id: &str) -> String {
    format!("({filter}) and (id gt {})", quoted(id))
}

/// Every value is a quoted string there, booleans too.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
