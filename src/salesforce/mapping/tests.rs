mod configured;
mod documented;
mod templates;

use serde_json::{Value, json};

use super::{Mapped, Mapping, locale, picklist};
use crate::salesforce::Record;

fn map(user: Value) -> Mapped {
    let Value::Object(user) = user else { panic!("not an object") };
    Mapping::builtin().record(&user).unwrap()
}

#[test]
fn every_attribute_has_its_field() {
    let mapped = map(json!({
        "userName": "Ada@Example.com", "externalId": "Ext-7", "active": false, "displayName": "ignored",
        "name": { "familyName": "Lovelace", "givenName": " Ada ", "middleName": "K" }, "nickName": "countess",
        "title": "Countess", "preferredLanguage": "de-DE, en;q=0.5", "locale": "en-GB", "timezone": "Europe/London",
        "emails": [{ "value": "home@x.co", "type": "home" }, { "value": "w@x.co", "type": "work" },
                   { "value": "p@x.co", "primary": true }],
        "phoneNumbers": [{ "value": "1", "type": "work" }, { "value": "2", "type": "mobile" },
                         { "value": "3", "type": "Fax" }, { "value": "4", "type": "home" },
                         { "value": "5", "type": "work", "primary": true }],
        "addresses": [{ "type": "home", "primary": true, "locality": "Home" },
                      { "type": "work", "streetAddress": "1 Main St", "locality": "London", "region": "LDN",
                        "postalCode": "N1", "country": "GB" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "42", "department": "R&D", "division": "Engines", "costCenter": "9",
            "manager": { "value": "m" }
        }
    }));
    let wanted = Record::new()
        .with("Username", "ada@example.com")
        .with("FederationIdentifier", "Ext-7")
        .with("IsActive", false)
        .with("FirstName", "Ada")
        .with("LastName", "Lovelace")
        .with("CommunityNickname", "countess")
        .with("Email", "p@x.co")
        .with("Phone", "5")
        .with("MobilePhone", "2")
        .with("Fax", "3")
        .with("Street", "1 Main St")
        .with("City", "London")
        .with("State", "LDN")
        .with("PostalCode", "N1")
        .with("Country", "GB")
        .with("Title", "Countess")
        .with("EmployeeNumber", "42")
        .with("Department", "R&D")
        .with("Division", "Engines")
        .with("LocaleSidKey", "en_GB")
        .with("LanguageLocaleKey", "de")
        .with("TimeZoneSidKey", "Europe/London");
    assert_eq!((mapped.record, mapped.notes), (wanted, Vec::new()));
}

#[test]
fn what_a_user_lacks_is_cleared_unless_salesforce_needs_it() {
    let mapped = map(json!({ "userName": "ada@example.com" }));
    let mut wanted = Record::new()
        .with("Username", "ada@example.com")
        .with("Email", "ada@example.com")
        .with("LastName", "ada")
        .with("CommunityNickname", "ada@example.com")
        .with("IsActive", true);
    let cleared = ["FirstName", "Phone", "MobilePhone", "Fax", "Street", "City", "State", "PostalCode", "Country"];
    for field in cleared.into_iter().chain(["Title", "EmployeeNumber", "Department", "Division"]) {
        wanted.set(field, Value::Null);
    }
    assert_eq!(mapped.record, wanted);
    assert_eq!(mapped.notes.len(), 1, "{:?}", mapped.notes);
    assert!(mapped.notes[0].contains("name.familyName"));
}

#[test]
fn names_fall_back() {
    let last = |user: Value| map(user).record.text("LastName").map(str::to_owned);
    assert_eq!(last(json!({ "userName": "a@b.co", "displayName": "Ada King Lovelace" })).as_deref(), Some("Lovelace"));
    assert_eq!(last(json!({ "userName": "ada", "displayName": "  " })).as_deref(), Some("ada"));
    assert_eq!(last(json!({ "userName": "a@b.co", "name": { "familyName": "L" } })).as_deref(), Some("L"));
}

#[test]
fn a_user_without_any_e_mail_is_noted() {
    let mapped = map(json!({ "userName": "ada", "name": { "familyName": "L" } }));
    assert!(!mapped.record.mentions("Email"));
    assert_eq!(mapped.notes.len(), 2, "{:?}", mapped.notes);
    assert!(mapped.notes[0].starts_with("userName \"ada\""));
    assert!(mapped.notes[1].starts_with("emails has no value"));
    for (user_name, shaped) in
        [("a@b.co", true), ("a@b", false), ("@b.co", false), ("a@.co", false), ("a b@c.de", false), ("a@b@c.de", false)]
    {
        assert_eq!(map(json!({ "userName": user_name })).record.mentions("Email"), shaped, "{user_name}");
    }
}

#[test]
fn e_mail_is_the_primary_then_work_then_the_first() {
    let email =
        |emails: Value| map(json!({ "userName": "u@b.co", "emails": emails })).record.text("Email").map(str::to_owned);
    let (a, b, p) = (
        json!({ "value": "a@x.co", "type": "home" }),
        json!({ "value": "b@x.co", "type": "work" }),
        json!({ "value": "p@x.co", "primary": true }),
    );
    assert_eq!(email(json!([a, b, p])).as_deref(), Some("p@x.co"));
    assert_eq!(email(json!([a, b])).as_deref(), Some("b@x.co"));
    assert_eq!(email(json!([a])).as_deref(), Some("a@x.co"));
    assert_eq!(email(json!([])).as_deref(), Some("u@b.co"));
}

#[test]
fn a_private_address_is_left_out() {
    let city = |addresses: Value| {
        map(json!({ "userName": "u@b.co", "addresses": addresses })).record.text("City").map(str::to_owned)
    };
    assert_eq!(city(json!([{ "type": "home", "locality": "H" }])), None);
    assert_eq!(city(json!([{ "type": "home", "primary": true, "locality": "H" }])).as_deref(), Some("H"));
    assert_eq!(city(json!([{ "locality": "X" }])).as_deref(), Some("X"));
}

#[test]
fn long_values_are_cut_and_noted_but_never_an_identity() {
    let long = "x".repeat(600);
    let mapped = map(json!({
        "userName": format!("{long}@b.co"), "externalId": long, "title": "𝄞".repeat(50), "name": { "familyName": "L" },
        "phoneNumbers": [{ "value": long, "type": "work" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "123456789012345678 90", "department": "é".repeat(80)
        }
    }));
    assert_eq!(mapped.record.text("Username").unwrap().len(), 605);
    assert_eq!(mapped.record.text("Email").unwrap().len(), 605);
    assert_eq!(mapped.record.text("FederationIdentifier").unwrap().len(), 600);
    assert_eq!(mapped.record.text("CommunityNickname").unwrap().len(), 40);
    assert_eq!(mapped.record.text("Title").unwrap(), "𝄞".repeat(40), "Salesforce counts UTF-16");
    assert_eq!(mapped.record.text("Department").unwrap(), "é".repeat(80));
    assert_eq!(mapped.record.text("EmployeeNumber").unwrap(), "123456789012345678 9");
    assert!(mapped.record.mentions("Phone") && mapped.record.get("Phone").is_none(), "a cut number is another number");
    assert_eq!(mapped.notes.len(), 3, "{:?}", mapped.notes);
    assert!(mapped.notes.iter().all(|note| note.contains("characters of")), "{:?}", mapped.notes);
}

#[test]
fn unknown_locales_are_not_sent() {
    let mapped = map(json!({
        "userName": "a@b.co", "name": { "familyName": "L" }, "locale": "tlh-QO", "preferredLanguage": "tlh",
        "timezone": "Mars/Olympus"
    }));
    for field in ["LocaleSidKey", "LanguageLocaleKey", "TimeZoneSidKey"] {
        assert!(!mapped.record.mentions(field), "{field}");
    }
    assert_eq!(mapped.notes.len(), 3);
}

#[test]
fn locales_languages_and_zones_are_derived() {
    for (tag, key) in [
        ("en-US", Some("en_US")),
        ("en_us", Some("en_US")),
        ("de-DE", Some("de_DE")),
        ("de", Some("de")),
        ("zh-Hant-TW", Some("zh_TW")),
        ("he-IL", Some("iw_IL")),
        ("nb-NO", Some("no_NO")),
        ("id-ID", Some("in_ID")),
        ("uz-Latn-UZ", Some("uz_LATN_UZ")),
        ("en", None),
        ("de-US", None),
        ("", None),
        ("x", None),
    ] {
        assert_eq!(locale::locale(tag).as_deref(), key, "{tag}");
    }
    for (tag, key) in [
        ("en-US", Some("en_US")),
        ("en", Some("en_US")),
        ("en-AU", Some("en_US")),
        ("en-GB", Some("en_GB")),
        ("de-CH", Some("de")),
        ("fr", Some("fr")),
        ("es-MX", Some("es_MX")),
        ("es-ES", Some("es")),
        ("nl", Some("nl_NL")),
        ("nl-BE", Some("nl_NL")),
        ("pt", Some("pt_BR")),
        ("pt-BR", Some("pt_BR")),
        ("pt-AO", Some("pt_PT")),
        ("zh-Hans", Some("zh_CN")),
        ("zh-Hant-HK", Some("zh_TW")),
        ("zh-HK", Some("zh_TW")),
        ("zh", Some("zh_CN")),
        ("he", Some("iw")),
        ("nn-NO", Some("no")),
        ("en-US, de;q=0.5", Some("en_US")),
        ("*", None),
        ("eu", None),
    ] {
        assert_eq!(locale::language(tag).as_deref(), key, "{tag}");
    }
    for (zone, key) in [
        ("Europe/Berlin", Some("Europe/Berlin")),
        ("europe/berlin", Some("Europe/Berlin")),
        ("UTC", Some("GMT")),
        ("Europe/Zurich", Some("Europe/Berlin")),
        ("Asia/Calcutta", Some("Asia/Kolkata")),
        ("CEST", None),
    ] {
        assert_eq!(locale::time_zone(zone).as_deref(), key, "{zone}");
    }
    for (_, zone) in picklist::SAME_TIME {
        assert_eq!(locale::time_zone(zone).as_deref(), Some(*zone));
    }
}
