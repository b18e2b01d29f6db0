//! What an org can give, by name and by id. Pure.

use super::record::same_id;
use crate::scim::fold::fold;

/// Something that an org can give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Salesforce's id.
    pub id: String,
    /// Its API name; of a profile, the name there is.
    pub name: String,
    /// What people see in Setup, where that is another.
    pub label: Option<String>,
    /// Of a profile the user licence that it belongs to, of a permission set the licence that it needs; of all else, and
    /// where that is not known, none.
    pub licence: Option<Licence>,
}

/// A licence, as a profile or a permission set names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// Salesforce's id.
    pub id: String,
    /// Its name, where the org told it beside the id.
    pub name: Option<String>,
}

impl Licence {
    /// Whether it is a permission set licence (`0PL…`), which is given to people by itself, and not a user licence (`100…`),
    /// which comes with the profile.
    pub fn is_of_permission_sets(&self) -> bool {
        self.id.starts_with("0PL")
    }
}

/// The entry of an id.
pub fn by_id<'a>(entries: &'a [Entry], id: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| same_id(&entry.id, id))
}

/// What a name means in an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved<'a> {
    /// This.
    One(&'a Entry),
    /// Nothing.
    Missing,
    /// One of several; nobody can tell which.
    Several(Vec<&'a Entry>),
}

/// What `text` means: an id, else an API name, else a label. Names compare without regard to case, as in Salesforce.
pub fn resolve<'a>(entries: &'a [Entry], text: &str) -> Resolved<'a> {
    let looks_like_an_id = matches!(text.len(), 15 | 18);
    if let Some(entry) = entries.iter().find(|entry| looks_like_an_id && same_id(&entry.id, text)) {
        return Resolved::One(entry);
    }
    let text = fold(text);
    let named: Vec<&Entry> = entries.iter().filter(|entry| fold(&entry.name) == text).collect();
    let labelled = || {
        let label = |entry: &&Entry| entry.label.as_ref().is_some_and(|label| fold(label) == text);
        entries.iter().filter(label).collect()
    };
    let mut found = if named.is_empty() { labelled() } else { named };
    match (found.pop(), found.is_empty()) {
        (None, _) => Resolved::Missing,
        (Some(one), true) => Resolved::One(one),
        (Some(last), false) => {
            found.push(last);
            Resolved::Several(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Resolved, resolve};

    #[test]
    fn an_id_then_an_api_name_then_a_label() {
        let entry = |id: &str, name: &str, label: &str| Entry {
            id: id.to_owned(),
            name: name.to_owned(),
            label: (!label.is_empty()).then(|| label.to_owned()),
            licence: None,
        };
        let entries = [
            entry("0PSAA0000001aaaYAA", "Sales_Console", "Sales Console"),
            entry("0PSAA0000001bbbYAA", "Sales_Old", "Sales_Console"),
            entry("0PSAA0000001cccYAA", "One", "Twice"),
            entry("0PSAA0000001dddYAA", "Two", "twice"),
        ];
        let id = |text: &str| match resolve(&entries, text) {
            Resolved::One(one) => one.id.clone(),
            Resolved::Missing => "missing".to_owned(),
            Resolved::Several(several) => format!("{} of them", several.len()),
        };
        for (text, expected) in [
            ("sales_console", "0PSAA0000001aaaYAA"),
            ("Sales Console", "0PSAA0000001aaaYAA"),
            ("0PSAA0000001bbb", "0PSAA0000001bbbYAA"),
            ("0PSAA0000001bbbYAA", "0PSAA0000001bbbYAA"),
            ("Twice", "2 of them"),
            ("Three", "missing"),
        ] {
            assert_eq!(id(text), expected, "{text}");
        }
    }
}
