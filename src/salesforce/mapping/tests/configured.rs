//! What a tenant says about its mapping.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::templates::{object, settings};
use crate::salesforce::mapping::{
    FieldSettings, KeySettings, Mapping, MappingSettings, OnTaken, Type, Write, canonical, sandbox_of,
};

fn with(field: &str, said: FieldSettings) -> MappingSettings {
    MappingSettings { fields: [(field.to_owned(), said)].into(), ..MappingSettings::default() }
}

fn written(write: Write) -> FieldSettings {
    FieldSettings { write: Some(write), ..FieldSettings::default() }
}

fn ada() -> crate::scim::Attributes {
    object(json!({
        "userName": "Ada@Example.com", "externalId": "e", "name": { "familyName": "Lovelace", "givenName": "Ada" },
        "title": "Countess", "locale": "de-DE", "phoneNumbers": [{ "value": "1", "type": "work" }],
    }))
}

#[test]
fn names_of_fields_are_read_in_any_case() {
    assert_eq!(canonical("username"), "Username");
    assert_eq!(canonical("COMPANYNAME"), "CompanyName");
    assert_eq!(canonical("Cost_Centre__c"), "Cost_Centre__c");
    let mapping = Mapping::new(&settings("username", "{{ userName | local_part }}@acme.com")).unwrap();
    assert_eq!(mapping.record(&ada()).unwrap().record.text("Username"), Some("ada@acme.com"));
}

#[test]
fn when_a_field_is_written() {
    let of = |said: MappingSettings| Mapping::new(&said).unwrap().record(&ada()).unwrap();
    let always = of(MappingSettings::default());
    assert_eq!(always.record.text("Title"), Some("Countess"));
    let once = of(with("Title", written(Write::OnCreate)));
    assert!(!once.record.mentions("Title"));
    assert_eq!(once.on_create.text("Title"), Some("Countess"), "the built-in template stays");
    let never = of(with("Title", written(Write::Never)));
    assert!(!never.record.mentions("Title") && !never.on_create.mentions("Title"));
    // An attribute that a person lacks is nothing to begin with.
    let nothing = of(with("Department", written(Write::OnCreate)));
    assert!(!nothing.record.mentions("Department") && !nothing.on_create.mentions("Department"));
    // What is Salesforce's is not talked about either.
    let mut long = ada();
    long.insert("title".into(), json!("x".repeat(100)));
    let notes = |said: MappingSettings| Mapping::new(&said).unwrap().record(&long).unwrap().notes;
    assert_eq!(notes(MappingSettings::default()), ["title is cut to the 80 characters of Title"]);
    assert_eq!(notes(with("Title", written(Write::Never))), [""; 0]);
    assert_eq!(notes(settings("Title", "{{ title }}")), ["the value is cut to the 80 characters of Title"]);
}

#[test]
fn a_new_account_has_all_that_salesforce_needs() {
    let mapped = Mapping::builtin().record(&ada()).unwrap();
    let held: Vec<(&str, &Value)> = mapped.on_create.iter().collect();
    assert_eq!(
        held,
        [
            ("Alias", &json!("alove")),
            ("EmailEncodingKey", &json!("UTF-8")),
            ("LanguageLocaleKey", &json!("en_US")),
            ("TimeZoneSidKey", &json!("America/Los_Angeles")),
        ]
    );
    assert_eq!(mapped.record.text("LocaleSidKey"), Some("de_DE"), "the person's own is kept up to date");
    for field in ["LanguageLocaleKey", "TimeZoneSidKey", "Alias", "EmailEncodingKey"] {
        assert!(!mapped.record.mentions(field), "{field} is nobody's wish later");
    }
    let defaults = KeySettings {
        locale: Some("en-GB".into()),
        language: Some("de".into()),
        time_zone: Some("Europe/Zurich".into()),
    };
    let mapping = Mapping::new(&MappingSettings { defaults, ..MappingSettings::default() }).unwrap();
    let mapped = mapping.record(&object(json!({ "userName": "a@b.co" }))).unwrap();
    let keys = ["LocaleSidKey", "LanguageLocaleKey", "TimeZoneSidKey"].map(|key| mapped.on_create.text(key));
    assert_eq!(keys, [Some("en_GB"), Some("de"), Some("Europe/Berlin")]);
    // A template that gives nothing leaves no account without.
    for field in ["Alias", "LocaleSidKey", "EmailEncodingKey"] {
        for write in [Write::Always, Write::OnCreate] {
            let mut said = settings(field, "{{ nickName }}");
            said.fields.get_mut(field).unwrap().write = Some(write);
            let mapped = Mapping::new(&said).unwrap().record(&object(json!({ "userName": "a@b.co" }))).unwrap();
            assert!(mapped.on_create.get(field).is_some(), "{field} {write}");
        }
    }
}

#[test]
fn an_alias_is_short_plain_and_never_empty() {
    let alias = |user: Value| {
        Mapping::builtin().record(&object(user)).unwrap().on_create.text("Alias").map(str::to_owned).unwrap()
    };
    for (given, family, wanted) in [
        (Some("Ada"), Some("Lovelace"), "alove"),
        (Some("Zoë"), Some("Ångström"), "zangs"),
        (Some("Pat"), Some("O'Brien"), "pobri"),
        (None, Some("Wu"), "wu"),
        (Some("Ada"), None, "aivan"),
        (Some("Иван"), Some("Петров"), "ivan.pet"),
        (None, None, "ivan"),
    ] {
        let user = json!({ "userName": "ivan.petrov@b.co", "name": { "givenName": given, "familyName": family } });
        assert_eq!(alias(user), wanted, "{given:?} {family:?}");
    }
    assert_eq!(alias(json!({ "userName": "王@例.中国" })), "user");
    assert_eq!(alias(json!({})), "user");
}

#[test]
fn what_must_not_be_empty_is_not_emptied() {
    for field in ["Username", "LastName", "Email", "CommunityNickname", "FederationIdentifier", "LocaleSidKey"] {
        let mapped = Mapping::new(&settings(field, "{{ nickName }}")).unwrap().record(&ada()).unwrap();
        assert!(!mapped.record.mentions(field), "{field}");
    }
    for field in ["Title", "CompanyName", "FirstName", "X__c"] {
        let mapped = Mapping::new(&settings(field, "{{ nickName }}")).unwrap().record(&ada()).unwrap();
        assert!(mapped.record.mentions(field) && mapped.record.get(field).is_none(), "{field}");
    }
}

#[test]
fn values_of_templates_fit_as_built_in_ones_do() {
    let of = |field: &str, template: &str| Mapping::new(&settings(field, template)).unwrap().record(&ada()).unwrap();
    let long = "x".repeat(90);
    for (field, length) in [("Title", 80), ("CompanyName", 80), ("CommunityNickname", 40), ("Alias", 8)] {
        let mapped = of(field, &long);
        let value = mapped.record.text(field).or(mapped.on_create.text(field)).unwrap();
        assert_eq!(value.len(), length, "{field}");
        assert_eq!(mapped.notes, [format!("the value is cut to the {length} characters of {field}")]);
    }
    let phone = of("Phone", &long);
    assert!(phone.record.mentions("Phone") && phone.record.get("Phone").is_none());
    assert_eq!(phone.notes, ["the number is longer than the 40 characters of Phone and left out"]);
    assert_eq!(of("X__c", &long).record.text("X__c").map(str::len), Some(90), "only the org knows how long");
    assert_eq!(of("Username", "ADA").record.text("Username"), Some("ada"));
    assert_eq!(of("Username", "ADA").notes, ["Username \"ada\" does not look like an e-mail address, which it must"]);
    assert_eq!(of("ReceivesInfoEmails", "true").record.get("ReceivesInfoEmails"), Some(&json!(true)));
    assert_eq!(
        of("UserPermissionsInteractionUser", "true").record.get("UserPermissionsInteractionUser"),
        Some(&json!(true))
    );
}

#[test]
fn inside_a_salesforce_sandbox_usernames_end_in_its_name() {
    let name = |said: Option<FieldSettings>, sandbox: Option<&str>, user: &str| {
        let fields = said.map(|said| ("Username".to_owned(), said)).into_iter().collect();
        let sandbox = sandbox.map(str::to_owned);
        let mapping = Mapping::new(&MappingSettings { sandbox, fields, ..MappingSettings::default() }).unwrap();
        mapping.record(&object(json!({ "userName": user }))).unwrap().record.text("Username").unwrap().to_owned()
    };
    let suffix = |value: Option<&str>, on: bool| {
        Some(FieldSettings { value: value.map(str::to_owned), sandbox_suffix: Some(on), ..FieldSettings::default() })
    };
    let own = Some(FieldSettings { value: Some("x@y.co".into()), ..FieldSettings::default() });
    assert_eq!(name(None, None, "A@b.co"), "a@b.co");
    assert_eq!(name(None, Some("uat"), "A@b.co"), "a@b.co.uat");
    assert_eq!(name(None, Some("uat"), "a@b.co.UAT"), "a@b.co.uat", "once");
    assert_eq!(name(suffix(None, false), Some("uat"), "a@b.co"), "a@b.co");
    assert_eq!(name(own, Some("uat"), "a@b.co"), "x@y.co", "a template of one's own says it all");
    assert_eq!(name(suffix(Some("x@y.co"), true), Some("uat"), "a@b.co"), "x@y.co.uat");
    assert_eq!(name(suffix(Some("x@y.co"), true), None, "a@b.co"), "x@y.co");
    let said = settings("Title", "{{ salesforce.sandbox }}");
    let mapping = Mapping::new(&MappingSettings { sandbox: Some("uat".into()), ..said }).unwrap();
    assert_eq!(mapping.record(&ada()).unwrap().record.text("Title"), Some("uat"));
    for (host, sandbox) in [
        ("acme--uat.sandbox.my.salesforce.com", Some("uat")),
        ("Acme--UAT.my.salesforce.com", Some("uat")),
        ("acme.my.salesforce.com", None),
        ("acme-eu.my.salesforce.com", None),
        ("acme--.sandbox.my.salesforce.com", None),
        ("acme--uat.example.com", None),
        ("127.0.0.1", None),
    ] {
        assert_eq!(sandbox_of(host).as_deref(), sandbox, "{host}");
    }
}

#[test]
fn who_gives_way_when_a_value_is_taken() {
    let builtin = Mapping::builtin();
    assert_eq!(builtin.on_taken("Username"), OnTaken::Reject);
    assert_eq!(builtin.on_taken("CommunityNickname"), OnTaken::Suffix);
    assert_eq!(builtin.on_taken("FederationIdentifier"), OnTaken::Reject);
    for (field, policy) in [("Username", OnTaken::Suffix), ("CommunityNickname", OnTaken::Reject)] {
        let said = FieldSettings { on_taken: Some(policy), ..FieldSettings::default() };
        assert_eq!(Mapping::new(&with(field, said)).unwrap().on_taken(field), policy);
    }
    // The template says nothing about it.
    assert_eq!(
        Mapping::new(&settings("CommunityNickname", "x")).unwrap().on_taken("CommunityNickname"),
        OnTaken::Suffix
    );
}

#[test]
fn what_is_wrong_is_said_with_its_field() {
    let value = |template: &str| FieldSettings { value: Some(template.to_owned()), ..FieldSettings::default() };
    let typed = |kind: Type| FieldSettings { kind: Some(kind), ..value("1") };
    let rows: Vec<(&str, FieldSettings, &str)> = vec![
        ("Titel", value("x"), "is no field of a Salesforce user; did you mean Title?"),
        ("user_name", value("x"), "did you mean Username?"),
        ("Quux", value("x"), "the names of custom fields end in __c"),
        ("__c", value("x"), "is no field"),
        ("ManagerId", value("x"), "is filled by the bridge itself"),
        ("profileid", value("x"), "stands under entitlements"),
        ("Name", value("x"), "is read-only"),
        ("CompanyName", written(Write::Always), "needs a value"),
        ("Cost__c", written(Write::OnCreate), "needs a value"),
        ("IsActive", written(Write::OnCreate), "must be written always"),
        ("LastName", written(Write::Never), "must be written when an account is made"),
        ("Alias", written(Write::Never), "must be written when an account is made"),
        ("Title", FieldSettings { on_taken: Some(OnTaken::Suffix), ..value("x") }, "has no use for on_taken"),
        ("Title", FieldSettings { sandbox_suffix: Some(true), ..value("x") }, "has no use for sandbox_suffix"),
        ("Title", typed(Type::Number), "has the type \"text\" in every org"),
        ("ForecastEnabled", typed(Type::Text), "has the type \"boolean\" in every org"),
        ("Title", value("{{ title"), "(line 1, column"),
        ("Title", value("a\n{% if title %}"), "line 2"),
        ("Title", value("{{ title | shout }}"), "unknown filter: filter shout is unknown (line 1, column 12)"),
        ("Title", value("{{ 'x' if title is loud }}"), "unknown test"),
        ("Title", value("{{ shout(title) }}"), "no user has an attribute shout"),
        ("Title", value("{{ title | cut }}"), "missing argument"),
        ("Title", value("{{ titel }}"), "no user has an attribute titel; did you mean title?"),
        ("Title", value("{{ username }}"), "did you mean userName?"),
        ("Title", value("{{ name.surname }}"), "no user has an attribute name.surname"),
        ("Title", value("{{ enterprise.departement }}"), "did you mean enterprise.department?"),
        ("Title", value("{{ emails.value }}"), "emails is a list; emails | pick takes one entry out of it"),
        ("Title", value("{{ groups }}"), "a template does not see groups"),
        ("Title", value("{{ password }}"), "a template does not see password"),
        ("Title", value("{{ salesforce.url }}"), "salesforce has sandbox"),
        ("Title", value("{{ debug() }}"), "no user has an attribute debug"),
    ];
    for (field, said, wanted) in rows {
        let problems = Mapping::new(&with(field, said)).unwrap_err();
        let [problem] = problems.as_slice() else { panic!("{field}: {problems:?}") };
        assert!(problem.field == field && problem.words.contains(wanted), "{wanted}: {problem:?}");
    }
    let mut twice = settings("Title", "x");
    twice.fields.insert("title".into(), value("y"));
    twice.defaults.locale = Some("tlh".into());
    let problems = Mapping::new(&twice).unwrap_err();
    let told: Vec<String> = problems.iter().map(|problem| format!("{} {}", problem.field, problem.words)).collect();
    assert_eq!(
        told,
        [
            "defaults.locale = \"tlh\" is none that every Salesforce org has; en_US is one",
            "title is the same field as Title",
        ]
    );
}

#[test]
fn never_is_enough_for_a_field_that_nothing_is_built_in_for() {
    let mapping = Mapping::new(&with("CompanyName", written(Write::Never))).unwrap();
    let field = mapping.fields().find(|field| field.name == "CompanyName").unwrap();
    assert_eq!((field.write, field.template, field.is_builtin), (Write::Never, "", true));
    assert!(!mapping.record(&ada()).unwrap().record.mentions("CompanyName"));
}

/// Any document, also one that no schema allows.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let name = "type|value|primary|familyName|givenName|locality|department|[a-z]{1,3}";
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever a person's document holds and a template says, the outcome is a record or words.
    #[test]
    fn mapping_never_panics(
        attributes in proptest::collection::btree_map(
            "userName|name|emails|addresses|phoneNumbers|title|locale|timezone|preferredLanguage|active|displayName",
            anything(), 0..8,
        ),
        template in "[{}%|. a-z\"'()0-9\n]{0,30}",
    ) {
        let user: crate::scim::Attributes = attributes.into_iter().collect();
        Mapping::builtin().record(&user).unwrap();
        let everything = "{{ emails | pick(type='work') | cut(3) }}{{ name.familyName | ascii }}{{ addresses | primary }}\
                          {{ locale | locale_key }}{{ title | digits | local_part | domain }}";
        for source in [template.as_str(), everything] {
            if let Ok(mapping) = Mapping::new(&settings("X__c", source))
                && let Err(failed) = mapping.record(&user)
            {
                prop_assert!(failed.field == "X__c" && !failed.words.is_empty());
            }
        }
    }
}
