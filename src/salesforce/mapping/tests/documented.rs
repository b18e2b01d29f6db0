//! The templates that are shown for the built-in mapping say what its code does, and `docs/mapping.md` shows them.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::templates::object;
use crate::salesforce::mapping::{FieldSettings, Mapping, MappingSettings};

/// The built-in mapping, with its templates in the place of its code.
fn written_out() -> Mapping {
    let builtin = Mapping::builtin();
    let fields = builtin.fields().map(|field| {
        let value = Some(field.template.to_owned());
        (field.name.to_owned(), FieldSettings { value, ..FieldSettings::default() })
    });
    Mapping::new(&MappingSettings { fields: fields.collect(), ..MappingSettings::default() }).unwrap()
}

fn entry(kinds: &'static [&'static str], values: &'static str) -> impl Strategy<Value = Vec<Value>> {
    proptest::sample::subsequence(kinds.to_vec(), 0..=kinds.len()).prop_flat_map(move |kinds| {
        let first = 0..=kinds.len();
        let entries: Vec<_> = kinds
            .into_iter()
            .map(|kind| values.prop_map(move |value| json!({ "value": value, "type": kind })))
            .collect();
        (entries, first).prop_map(|(mut entries, first)| {
            if let Some(Value::Object(entry)) = entries.get_mut(first) {
                entry.insert("primary".into(), json!(true));
            }
            entries
        })
    })
}

/// People as identity providers send them: each kind of entry once, entries with values.
fn person() -> impl Strategy<Value = Value> {
    let text = || proptest::option::of("[A-Za-zéßŁ '-]{0,12}|.{0,90}");
    let name = proptest::option::of("[A-Z][a-zéø]{1,6}|О|O'Brien| ");
    let keys = (
        proptest::option::of("en-GB|de|tlh|fr_FR|"),
        proptest::option::of("en-GB,de;q=0.5|pt|zh-Hant|xx|"),
        proptest::option::of("Europe/Zurich|utc|Mars/One|"),
    );
    let enterprise = (text(), text(), text());
    let part = || proptest::option::of("[a-zA-Zü ]{1,50}");
    let address = (proptest::option::of("work|home|Work"), any::<bool>(), part(), part());
    (
        (proptest::option::of("[A-Za-z.]{1,10}(@b\\.co)?"), text(), text(), name.clone(), name, text()),
        keys,
        enterprise,
        entry(&["work", "home", "other"], "[a-z]{1,5}@x\\.co"),
        entry(&["work", "mobile", "fax", "home"], "[0-9 +]{0,3}[0-9]{1,50}"),
        proptest::option::of(address),
        proptest::option::of(any::<bool>()),
    )
        .prop_map(
            |((user, display, nick, given, family, title), keys, enterprise, emails, phones, address, active)| {
                let addresses = address.map(|(kind, primary, city, street)| {
                    let mut entry = json!({ "locality": city, "streetAddress": street, "country": "GB" });
                    entry["type"] = json!(kind);
                    entry["primary"] = json!(primary);
                    vec![entry]
                });
                json!({
                    "userName": user, "displayName": display, "nickName": nick, "title": title, "active": active,
                    "name": { "givenName": given, "familyName": family },
                    "locale": keys.0, "preferredLanguage": keys.1, "timezone": keys.2,
                    "emails": emails, "phoneNumbers": phones, "addresses": addresses,
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                        "employeeNumber": enterprise.0, "department": enterprise.1, "division": enterprise.2
                    },
                })
            },
        )
}

static WRITTEN_OUT: LazyLock<Mapping> = LazyLock::new(written_out);

proptest! {
    #[test]
    fn the_templates_say_what_the_code_does(user in person()) {
        let user = object(user);
        let (code, templates) = (Mapping::builtin().record(&user).unwrap(), WRITTEN_OUT.record(&user).unwrap());
        prop_assert_eq!(&code.record, &templates.record);
        prop_assert_eq!(&code.on_create, &templates.on_create);
    }
}

#[test]
fn the_documentation_shows_every_built_in_template() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mapping.md")).unwrap();
    let rows: Vec<&str> =
        page.lines().skip_while(|line| !line.starts_with("| Salesforce field | template")).skip(2).collect();
    let rows: Vec<&str> = rows.into_iter().take_while(|line| line.starts_with('|')).collect();
    let wanted: Vec<String> = Mapping::builtin()
        .fields()
        .map(|field| format!("| `{}` | `{}` | `{}` |", field.name, field.template.replace('|', "\\|"), field.write))
        .collect();
    assert_eq!(rows.len(), wanted.len(), "a row for each field");
    for (row, wanted) in rows.iter().zip(&wanted) {
        assert!(row.starts_with(wanted), "the row should begin with\n{wanted}\nand is\n{row}");
    }
}
