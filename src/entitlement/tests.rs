use std::sync::Arc;

use serde_json::{Value, json};

use super::cause::causes;
use super::{Because, Decision, Entitlement, Kind, Person, Pushed, Rule, RuleError, Rules, When, pushed, with_groups};

use crate::scim::schema::{Registry, ResourceType};
use crate::scim::{Attributes, ENTERPRISE_SCHEMA};

fn users() -> Arc<ResourceType> {
    Arc::clone(Registry::standard().unwrap().resource_type("User").unwrap())
}

fn ada(groups: &[&str]) -> Attributes {
    let Value::Object(user) = json!({
        "userName": "ada@example.com", "active": true, "title": "Analyst",
        ENTERPRISE_SCHEMA: { "department": "Sales", "costCenter": "4130" },
        "emails": [{ "value": "ada@example.com", "type": "work" }],
    }) else {
        unreachable!("an object")
    };
    with_groups(user, groups.iter().map(|name| ("id", *name)))
}

fn holds(when: &str, groups: &[&str]) -> bool {
    let (users, ada) = (users(), ada(groups));
    let (when, person) = (When::filter(&users, when).unwrap(), Person { attributes: &ada });
    let holds = when.holds(&users, person);
    // With and without a look at what it needs.
    let rules = Rules::new(users, vec![Rule { name: "it".to_owned(), when, gives: Vec::new() }], None);
    assert_eq!(rules.holding(person).next().is_some(), holds, "{groups:?}");
    holds
}

#[test]
fn conditions_are_filters_over_the_user_the_extensions_and_the_groups() {
    let enterprise = ENTERPRISE_SCHEMA;
    for (when, groups, expected) in [
        (format!(r#"{enterprise}:department eq "Sales""#), &[][..], true),
        (format!(r#"{enterprise}:department eq "sales" and title eq "analyst""#), &[], true),
        (format!(r#"{enterprise}:department eq "Sales" and not (title pr)"#), &[], false),
        (r#"groups.display eq "SF Sales""#.to_owned(), &["Everyone", "SF Sales"], true),
        (r#"groups.display eq "SF Sales""#.to_owned(), &["SF Sales East"], false),
        (r#"groups[display sw "SF "]"#.to_owned(), &["sf Sales"], true),
        (r#"groups[display sw "SF " and display ew "East"]"#.to_owned(), &["SF West", "Far East"], false),
        (r#"groups[display eq "sf sales"] and title pr"#.to_owned(), &["Everyone", "SF Sales"], true),
        (r#"title pr and groups.display eq "SF Sales""#.to_owned(), &["Everyone"], false),
        (r#"groups[display eq "SF Sales"] or title pr"#.to_owned(), &[], true),
        (r#"not (groups[display eq "SF Sales"])"#.to_owned(), &[], true),
        (r#"groups[value eq "id"]"#.to_owned(), &["SF Sales"], true),
        (r#"groups[display ne "SF Sales"]"#.to_owned(), &["Everyone"], true),
        ("groups pr".to_owned(), &[], false),
        ("not (groups pr)".to_owned(), &[], true),
        ("active eq true".to_owned(), &[], true),
    ] {
        assert_eq!(holds(&when, groups), expected, "{when} {groups:?}");
    }
}

#[test]
fn a_condition_that_can_not_be_is_told() {
    let users = users();
    let refused = |when: &str| When::filter(&users, when).unwrap_err();
    assert_eq!(refused("departmant eq \"x\""), RuleError::Attribute("departmant".to_owned()));
    assert_eq!(refused("groups[name eq \"x\"]"), RuleError::Attribute("groups.name".to_owned()));
    assert!(matches!(refused("title eq"), RuleError::Filter(_)));
    assert!(matches!(refused("active gt true"), RuleError::Filter(_)));
    assert!(matches!(When::group("[").unwrap_err(), RuleError::Pattern(_)));
}

/// Name, condition and what it gives; a condition that begins with `group:` is a pattern.
type Short<'a> = (&'a str, &'a str, &'a [(Kind, &'a str)]);

fn rules(rules: &[Short<'_>], default_profile: Option<&str>) -> Rules {
    let users = users();
    let rules = rules.iter().map(|(name, when, gives)| Rule {
        name: (*name).to_owned(),
        when: match when.strip_prefix("group:") {
            Some(pattern) => When::group(pattern).unwrap(),
            None => When::filter(&users, when).unwrap(),
        },
        gives: gives.iter().map(|(kind, name)| Entitlement::new(*kind, *name)).collect(),
    });
    Rules::new(Arc::clone(&users), rules.collect(), default_profile.map(str::to_owned))
}

/// In words, the reason by its place.
fn words(decision: &Decision) -> Vec<String> {
    let because = |because: &Because| match because {
        Because::Rule(place) => place.to_string(),
        Because::Pushed(attribute) => (*attribute).to_owned(),
        Because::Default => "default".to_owned(),
    };
    let of = |one: &super::Reasoned| {
        format!("{}: {}", one.entitlement, one.because.iter().map(because).collect::<Vec<_>>().join(","))
    };
    decision.iter().map(of).collect()
}

#[test]
fn the_first_profile_and_role_win_and_all_else_is_united() {
    use Kind::{PermissionSet, Profile, PublicGroup, Role};
    let rules = rules(
        &[
            ("nobody", "title eq \"King\"", &[(Profile, "Royal"), (PermissionSet, "Crown")]),
            ("sales", "group:SF Sales*", &[(Profile, "Sales User"), (PermissionSet, "Console"), (Role, "Rep")]),
            ("all", "userName pr", &[(Profile, "Standard"), (PermissionSet, "console"), (PublicGroup, "West")]),
            ("lead", "group:*Lead", &[(Role, "Lead"), (PermissionSet, "Reports")]),
        ],
        Some("Minimum"),
    );
    let decide = |groups: &[&str]| words(&rules.decide(Person { attributes: &ada(groups) }, &[], |_, _| true));
    assert_eq!(decide(&[]), ["profile \"Standard\": 2", "permission set \"console\": 2", "public group \"West\": 2"]);
    assert_eq!(
        decide(&["sf sales east", "Team Lead"]),
        [
            "profile \"Sales User\": 1",
            "role \"Rep\": 1",
            "permission set \"Console\": 1,2",
            "permission set \"Reports\": 3",
            "public group \"West\": 2",
        ]
    );
    assert!(
        rules.names(&Entitlement::new(PermissionSet, "CROWN")) && rules.names(&Entitlement::new(Profile, "minimum"))
    );
    assert!(!rules.names(&Entitlement::new(Role, "Crown")) && rules.look_at_groups());
}

#[test]
fn everybody_else_has_the_default_profile_or_none() {
    let only = |default| rules(&[("x", "title eq \"King\"", &[(Kind::Profile, "Royal")])], default);
    let attributes = ada(&[]);
    let decide = |default| only(default).decide(Person { attributes: &attributes }, &[], |_, _| true);
    assert_eq!(words(&decide(Some("Minimum"))), ["profile \"Minimum\": default"]);
    assert_eq!(decide(None).profile, None);
    assert!(!only(None).look_at_groups());
}

#[test]
fn what_the_identity_provider_asks_for_comes_first() {
    let rules = rules(&[("all", "userName pr", &[(Kind::Profile, "Standard"), (Kind::Role, "Rep")])], None);
    let mut attributes = ada(&[]);
    attributes.insert("entitlements".to_owned(), json!([{ "value": "Console" }, { "value": "Nowhere" }]));
    attributes.insert("roles".to_owned(), json!([{ "value": "{\"displayName\":\"Boss\"}" }]));
    let person = Person { attributes: &attributes };
    let has =
        |kind: Kind, name: &str| [(Kind::PermissionSet, "Console"), (Kind::Profile, "Boss")].contains(&(kind, name));
    let decision = rules.decide(person, &pushed(person), has);
    assert_eq!(
        words(&decision),
        ["profile \"Boss\": roles", "role \"Rep\": 0", "permission set \"Console\": entitlements"]
    );
    let unknown: Vec<&str> = decision.unknown.iter().map(|one: &Pushed| one.value.as_str()).collect();
    assert_eq!(unknown, ["Nowhere"]);
}

#[test]
fn a_rule_tells_what_makes_it_hold() {
    let users = users();
    let attributes = ada(&["SF Sales", "SF West", "Everyone"]);
    let person = Person { attributes: &attributes };
    let of = |when: When| causes(&when, &users, person);
    let department = format!("{ENTERPRISE_SCHEMA}:department eq \"Sales\"");
    let either = format!("({department} or title eq \"King\") and userName pr");
    assert_eq!(of(When::filter(&users, &either).unwrap()), [department, "userName pr".to_owned()]);
    assert_eq!(of(When::group("SF *").unwrap()), ["group \"SF Sales\"", "group \"SF West\""]);
    assert!(of(When::filter(&users, "title eq \"King\"").unwrap()).is_empty());
}
