use super::{add, at, code, person, store};
use crate::sandbox::seeds::{CustomFieldSeed, CustomType, TriggerCode, TriggerSeed, ValidationRule};
use crate::sandbox::settings::{Settings, Switches};
use crate::sandbox::store::field::{Field, Kind};
use crate::sandbox::store::{MailKind, Store};

fn field(api_name: &str, kind: CustomType) -> CustomFieldSeed {
    CustomFieldSeed { api_name: api_name.to_owned(), kind, ..CustomFieldSeed::default() }
}

fn with_fields() -> Store {
    let settings = Settings {
        custom_fields: vec![
            CustomFieldSeed { length: Some(3), ..field("Text__c", CustomType::Text) },
            CustomFieldSeed { unique: true, ..field("Number__c", CustomType::Number) },
            CustomFieldSeed { default: Some("true".to_owned()), ..field("Check__c", CustomType::Checkbox) },
            field("Date__c", CustomType::Date),
            CustomFieldSeed { values: vec!["A".to_owned(), "B".to_owned()], ..field("Pick__c", CustomType::Picklist) },
            field("Ref__c", CustomType::Reference),
        ],
        ..Settings::default()
    };
    store(&settings)
}

#[test]
fn custom_fields_take_what_their_types_take() {
    for (name, value, expected) in [
        ("Text__c", "abc", Ok("abc")),
        ("Text__c", "abcd", Err("STRING_TOO_LONG")),
        ("Number__c", "12.50", Ok("12.5")),
        ("Number__c", "12.0", Ok("12")),
        ("Number__c", "twelve", Err("INVALID_TYPE_ON_FIELD_IN_RECORD")),
        ("Number__c", "NaN", Err("INVALID_TYPE_ON_FIELD_IN_RECORD")),
        ("Check__c", "TRUE", Ok("true")),
        ("Check__c", "yes", Err("INVALID_TYPE_ON_FIELD_IN_RECORD")),
        ("Date__c", "2027-01-31", Ok("2027-01-31")),
        ("Date__c", "31.1.2027", Err("INVALID_TYPE_ON_FIELD_IN_RECORD")),
        ("Date__c", "2027-02-30", Err("INVALID_TYPE_ON_FIELD_IN_RECORD")),
        ("Pick__c", "A", Ok("A")),
        ("Pick__c", "a", Err("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")),
        ("Ref__c", "001A0000006Vm9r", Ok("001A0000006Vm9rIAC")),
        ("Ref__c", "Acme", Err("MALFORMED_ID")),
        ("Other__c", "x", Err("INVALID_FIELD")),
    ] {
        let mut store = with_fields();
        let mut user = person(&store, "ada");
        user.set_custom(name, value);
        let stored = store.insert_user(user).map(|id| store.user(&id).expect("user").custom.get(name).cloned());
        match expected {
            Ok(text) => assert_eq!(stored, Ok(Some(text.to_owned())), "{name}={value}"),
            Err(code) => assert_eq!(stored.expect_err(value).code, code, "{name}={value}"),
        }
    }
}

#[test]
fn custom_fields_have_defaults_and_may_be_unique() {
    let mut store = with_fields();
    let id = add(&mut store, "ada");
    assert_eq!(store.user(&id).expect("user").custom.get("Check__c").map(String::as_str), Some("true"));
    let mut ada = store.user(&id).expect("user").clone();
    ada.set_custom("Number__c", "7");
    ada.set_custom("Check__c", "false");
    assert_eq!(store.update_user(ada.clone(), at(1)), Ok(true));
    assert_eq!(store.user(&id).expect("user").custom.get("Check__c"), None, "false is nothing at all");
    let mut eve = person(&store, "eve");
    eve.set_custom("Number__c", "7.0");
    let refused = store.insert_user(eve.clone()).expect_err("refused");
    assert_eq!((refused.code, refused.fields), ("DUPLICATE_VALUE", vec!["Number__c".to_owned()]));
    ada.set_custom("Number__c", "8");
    store.update_user(ada, at(2)).expect("written");
    assert_eq!(code(store.insert_user(eve)), "accepted", "the value is free again");
}

#[test]
fn standard_booleans_are_true_or_nothing() {
    for field in Field::ALL.iter().copied().filter(|field| matches!(field.kind(), Kind::Boolean)) {
        for (value, expected) in [("true", Some("true")), ("False", None)] {
            let mut store = store(&Settings::default());
            let mut user = person(&store, "ada");
            user.set(field, value);
            let id = store.insert_user(user).expect("insert");
            assert_eq!(store.user(&id).expect("user").get(field), expected, "{}", field.name());
        }
        let mut store = store(&Settings::default());
        let mut user = person(&store, "ada");
        user.set(field, "1");
        assert_eq!(code(store.insert_user(user)), "INVALID_TYPE_ON_FIELD_IN_RECORD", "{}", field.name());
    }
}

#[test]
fn validation_rules_and_triggers() {
    let rule = |field: &str, required, matches: Option<&str>| ValidationRule {
        field: field.to_owned(),
        required,
        matches: matches.map(ToOwned::to_owned),
        message: format!("{field} is wrong"),
    };
    let trigger = |usernames: &str, code, message: &str| TriggerSeed {
        usernames: usernames.to_owned(),
        code,
        message: message.to_owned(),
    };
    let mut store = store(&Settings {
        custom_fields: vec![field("Badge__c", CustomType::Text)],
        validation_rules: vec![
            rule("Title", false, Some("Dr*")),
            rule("Badge__c", true, None),
            rule("Nose", true, None),
        ],
        triggers: vec![
            trigger("mixed.*", TriggerCode::MixedDmlOperation, ""),
            trigger("boom@*", TriggerCode::CannotInsertUpdateActivateEntity, "boom"),
        ],
        ..Settings::default()
    });
    assert_eq!(store.refused_seeds, ["validation rule: users have no field Nose"], "who was there first stays");
    for (name, title, badge, expected) in [
        ("ada", "Dr. h.c.", "1", "accepted"),
        ("eve", "", "1", "accepted"),
        ("bob", "Mr", "1", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("pat", "Dr", "", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("mixed.up", "Dr", "1", "MIXED_DML_OPERATION"),
        ("boom", "Dr", "1", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
    ] {
        let mut user = person(&store, name);
        user.set(Field::Title, title);
        user.set_custom("Badge__c", badge);
        assert_eq!(code(store.insert_user(user)), expected, "{name}");
    }
}

#[test]
fn a_profile_of_another_licence_is_refused() {
    let mut store = store(&Settings::default());
    let id = add(&mut store, "ada");
    let mut ada = store.user(&id).expect("user").clone();
    ada.set(Field::ProfileId, &store.profile_named("Identity User").expect("profile"));
    let refused = store.update_user(ada.clone(), at(1)).expect_err("refused");
    let text =
        "User's Profile can't be set to 'Identity User' because it's derived from a license that doesn't require";
    assert!(refused.code == "FIELD_INTEGRITY_EXCEPTION" && refused.message.starts_with(text), "{refused:?}");
    let switches = Switches { profile_across_licences: true, ..Switches::default() };
    let mut store = self::store(&Settings { switches, ..Settings::default() });
    add(&mut store, "ada");
    assert_eq!(store.update_user(ada, at(1)), Ok(true));
}

#[test]
fn a_changed_address_is_asked_for_by_mail() {
    let mut store = store(&Settings::default());
    let id = add(&mut store, "ada");
    assert_eq!(store.mails(), [], "a create in the database mails nobody");
    let mut ada = store.user(&id).expect("user").clone();
    ada.set(Field::Email, "new@acme.example");
    store.savepoint();
    store.update_user(ada.clone(), at(1)).expect("written");
    store.rollback();
    assert_eq!(store.mails(), [], "nor does what is taken back");
    store.update_user(ada, at(1)).expect("written");
    let mails: Vec<_> = store.mails().iter().map(|mail| (mail.kind, mail.to.as_str(), &mail.user)).collect();
    assert_eq!(mails, [(MailKind::EmailChange, "new@acme.example", &id)]);
}
