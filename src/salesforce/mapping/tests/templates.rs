//! What templates see, and what their filters do.

use serde_json::{Value, json};

use crate::salesforce::mapping::{FieldSettings, Mapping, MappingSettings, Type};

/// The settings in which `field` has this template.
pub(super) fn settings(field: &str, template: &str) -> MappingSettings {
    let said = FieldSettings { value: Some(template.to_owned()), ..FieldSettings::default() };
    MappingSettings { tenant: "acme".into(), fields: [(field.to_owned(), said)].into(), ..MappingSettings::default() }
}

pub(super) fn object(value: Value) -> crate::scim::Attributes {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

/// What a template gives for a person, or why not.
fn render(template: &str, user: &Value) -> Result<Value, String> {
    let mapping = Mapping::new(&settings("Note__c", template)).map_err(|problems| format!("{problems:?}"))?;
    let mapped = mapping.record(&object(user.clone())).map_err(|failed| failed.words)?;
    Ok(mapped.record.get("Note__c").cloned().unwrap_or_default())
}

fn ada() -> Value {
    json!({
        "userName": "Ada.L@Example.com", "title": "  Countess ", "nickName": " ", "active": true,
        "name": { "familyName": "Ångström-Müller", "givenName": "Zoë" },
        "preferredLanguage": "de-DE", "locale": "en-GB", "timezone": "Europe/Zurich",
        "emails": [{ "value": "home@x.co", "type": "home" }, { "value": "w1@x.co", "type": "work" },
                   { "value": "w2@x.co", "type": "Work", "primary": true }, { "type": "other" }],
        "phoneNumbers": [{ "value": "+44 (0)20 79-46", "type": "work" }],
        "addresses": [{ "type": "home", "locality": "Home" }, { "type": "work", "locality": "London" },
                      { "locality": "Nowhere" }],
        "roles": [],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "R&D", "costCenter": "CC-4130", "employeeNumber": "42"
        },
        "urn:acme:badge": { "number": 7, "active": false, "desk": { "room": "B 12" } },
    })
}

#[test]
fn templates_see_the_user_and_filters_change_it() {
    let rows: &[(&str, Value)] = &[
        ("plain", json!("plain")),
        ("{{ userName }}", json!("Ada.L@Example.com")),
        // Blanks around a value are nowhere, and a blank value is none.
        ("<{{ title }}>", json!("<Countess>")),
        ("{{ nickName or 'none' }}", json!("none")),
        ("{{ nickName | default('none') }}", json!("none")),
        ("{{ name.middleName }}", Value::Null),
        ("  ", Value::Null),
        ("{{ roles | pick }}", Value::Null),
        ("{{ enterprise.costCenter }}", json!("CC-4130")),
        ("{{ enterprise.manager.value }}", Value::Null),
        ("{{ extensions['urn:acme:badge'].desk.room }}", json!("B 12")),
        ("{{ user['urn:acme:badge'].number }}", json!("7")),
        ("{{ extensions['urn:acme:other'].desk.room or 'no desk' }}", json!("no desk")),
        ("{{ user.userName }}", json!("Ada.L@Example.com")),
        ("{{ tenant }}", json!("acme")),
        ("{{ salesforce.sandbox or 'production' }}", json!("production")),
        ("{{ active }}", json!("true")),
        ("{{ enterprise.department }}", json!("R&D")),
        ("{% if enterprise.department == 'R&D' %}yes{% else %}no{% endif %}", json!("yes")),
        ("{{ 'x' if title == 'Lord' }}", Value::Null),
        // Jinja's own.
        ("{{ userName | lower }}", json!("ada.l@example.com")),
        ("{{ title | upper }}", json!("COUNTESS")),
        ("{{ 'hello world' | title }}", json!("Hello World")),
        ("<{{ ' x ' | trim }}>", json!("<x>")),
        ("{{ enterprise.costCenter | replace('CC-', '') }}", json!("4130")),
        ("{{ (title | lower) ~ '/' ~ enterprise.costCenter }}", json!("countess/CC-4130")),
        ("{{ emails | map(attribute='value') | select | join(';') }}", json!("home@x.co;w1@x.co;w2@x.co")),
        // Our own.
        ("{{ title | cut(4) }}", json!("Coun")),
        ("{{ title | cut(40) }}", json!("Countess")),
        ("{{ '𝄞𝄞' | cut(3) }}", json!("𝄞")),
        ("{{ 'ab cd' | cut(3) }}", json!("ab")),
        ("{{ nickName | cut(3) or 'none' }}", json!("none")),
        ("{{ name.familyName | ascii }}", json!("Angstrom-Muller")),
        ("{{ 'Straße Łódź Ærø Þór' | ascii }}", json!("Strasse Lodz AEro Thor")),
        ("{{ 'Иван' | ascii or 'x' }}", json!("x")),
        ("{{ name.familyName | letters }}", json!("ÅngströmMüller")),
        ("{{ phoneNumbers | pick(type='work') | digits }}", json!("440207946")),
        ("{{ 42 | digits }}", json!("42")),
        ("{{ userName | local_part }}", json!("Ada.L")),
        ("{{ 'no at' | local_part }}", json!("no at")),
        ("{{ userName | domain }}", json!("Example.com")),
        ("{{ title | domain or 'none' }}", json!("none")),
        ("{{ locale | locale_key }}", json!("en_GB")),
        ("{{ preferredLanguage | language_key }}", json!("de")),
        ("{{ timezone | time_zone_key }}", json!("Europe/Berlin")),
        ("{{ emails | primary }}", json!("w2@x.co")),
        ("{{ phoneNumbers | primary or 'none' }}", json!("none")),
        ("{{ emails | pick }}", json!("w2@x.co")),
        ("{{ emails | pick(type='work') }}", json!("w2@x.co")),
        ("{{ emails | pick(type='home') }}", json!("home@x.co")),
        ("{{ emails | pick(type='other') or 'none' }}", json!("none")),
        ("{{ emails | pick(type='work', primary=true) }}", json!("w2@x.co")),
        ("{{ (addresses | pick(type='work')).locality }}", json!("London")),
        ("{{ (addresses | pick(type=none)).locality }}", json!("Nowhere")),
        ("{{ (addresses | pick).locality }}", json!("Home")),
        ("{{ 'yes' if userName is email else 'no' }}", json!("yes")),
        ("{{ 'yes' if title is email else 'no' }}", json!("no")),
        ("{{ 'yes' if nickName is email else 'no' }}", json!("no")),
    ];
    for (template, wanted) in rows {
        assert_eq!(render(template, &ada()).as_ref(), Ok(wanted), "{template}");
    }
}

#[test]
fn what_is_no_text_fails_and_says_what_to_do() {
    for (template, wanted) in [
        ("{{ emails }}", "a sequence is no text: pick takes one entry out of a list"),
        ("{{ name }}", "a map is no text"),
        ("{{ emails | cut(3) }}", "takes text, not a sequence; pick takes one entry out of a list"),
        ("a\n  {{ name | ascii }}", "(line 2, column 13)"),
        ("{% for i in range(100000) %}{% for j in emails %}x{% endfor %}{% endfor %}", "the template does too much"),
        ("{{ title + 1 }}", "line 1"),
    ] {
        let said = render(template, &ada()).unwrap_err();
        assert!(said.contains(wanted), "{template}: {said}");
    }
}

#[test]
fn an_unknown_key_is_left_out_and_noted_with_its_field() {
    let mapping = Mapping::new(&settings("LocaleSidKey", "{{ nickName | locale_key }}")).unwrap();
    let mapped = mapping
        .record(&object(json!({ "userName": "a@b.co", "name": { "familyName": "L" }, "nickName": "tlh-QO" })))
        .unwrap();
    assert_eq!(mapped.record.get("LocaleSidKey"), None);
    assert_eq!(mapped.on_create.text("LocaleSidKey"), Some("en_US"));
    assert_eq!(mapped.notes, ["LocaleSidKey: locale \"tlh-QO\" is none that Salesforce knows and is left out"]);
}

#[test]
fn a_type_decides_what_the_text_becomes() {
    let value = |kind: Type, template: &str| {
        let mut settings = settings("X__c", template);
        settings.fields.get_mut("X__c").unwrap().kind = Some(kind);
        let mapping = Mapping::new(&settings).unwrap();
        mapping
            .record(&object(ada()))
            .map(|mapped| mapped.record.mentions("X__c").then(|| mapped.record.get("X__c").cloned()))
    };
    let rows = [
        (Type::Boolean, "{{ active }}", Some(Some(json!(true)))),
        (Type::Boolean, "{{ extensions['urn:acme:badge'].active }}", Some(Some(json!(false)))),
        (Type::Boolean, "{{ title == 'Countess' }}", Some(Some(json!(true)))),
        (Type::Boolean, "False", Some(Some(json!(false)))),
        // A checkbox is never empty.
        (Type::Boolean, "{{ nickName }}", None),
        (Type::Number, "{{ enterprise.employeeNumber }}", Some(Some(json!(42)))),
        (Type::Number, "-1.5", Some(Some(json!(-1.5)))),
        (Type::Number, "{{ nickName }}", Some(None)),
        (Type::Text, "{{ enterprise.employeeNumber }}", Some(Some(json!("42")))),
    ];
    for (kind, template, wanted) in rows {
        assert_eq!(value(kind, template), Ok(wanted), "{kind:?} {template}");
    }
    let failed = value(Type::Boolean, "{{ title }}").unwrap_err();
    assert_eq!(
        failed.to_string(),
        "the mapping gives no X__c for Ada.L@Example.com: it gives \"Countess\", which is neither true nor false; its \
         template is {{ title }}"
    );
    assert!(value(Type::Number, "{{ title }}").unwrap_err().words.contains("\"Countess\", which is no number"));
    assert!(value(Type::Number, "NaN").is_err() && value(Type::Number, "inf").is_err());
}
