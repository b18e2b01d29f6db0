use super::*;

/// A tenant whose `[tenant.acme.entitlements]` goes on with `text`.
fn entitled(text: &str) -> String {
    format!("{ACME}\n[tenant.acme.groups]\nmirror = [\"SF *\"]\n[tenant.acme.entitlements]\n{text}")
}

#[test]
fn rules_say_who_gets_what() {
    let config = Config::from_toml(&entitled(
        r#"
        default_profile = "Minimum Access - Salesforce"
        idp_entitlements = "honour"
        exclusive = ["permission_sets", "role"]
        [[tenant.acme.entitlements.rules]]
        name = "sales"
        when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales" or groups.display eq "S"'
        profile = "Standard User"
        role = "Rep"
        permission_sets = ["Console"]
        permission_set_groups = ["Kit"]
        permission_set_licenses = ["Lic"]
        public_groups = ["West"]
        [[tenant.acme.entitlements.rules]]
        name = "support"
        group = "Support *"
        permission_sets = ["Cases"]
        "#,
    ))
    .unwrap();
    let tenant = &config.tenant["acme"];
    let rules = tenant.rules("acme").unwrap();
    let named: Vec<String> = rules
        .iter()
        .map(|rule| {
            format!("{}: {}", rule.name, rule.gives.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        })
        .collect();
    assert_eq!(
        named,
        [
            "sales: profile \"Standard User\", role \"Rep\", permission set \"Console\", permission set group \"Kit\", \
             permission set licence \"Lic\", public group \"West\"",
            "support: permission set \"Cases\"",
        ]
    );
    assert_eq!(tenant.entitlements.idp_entitlements, IdpEntitlements::Honour);
    assert_eq!(tenant.entitlements.exclusive, [Exclusive::PermissionSets, Exclusive::Role]);
    assert!(rules.look_at_groups());
}

#[test]
fn what_is_wrong_with_a_rule_is_told_with_its_key() {
    let rule = |text: &str| entitled(&format!("[[tenant.acme.entitlements.rules]]\n{text}"));
    let key = "tenant.acme.entitlements.rules[0]";
    for (text, expected) in [
        ("when = 'active eq true'\nprofile = 'P'", format!("{key}.name is missing")),
        ("name = 'a'\nprofile = 'P'", format!("{key}.when is missing (or group)")),
        (
            "name = 'a'\nwhen = 'active eq true'\ngroup = 'g'\nrole = 'R'",
            format!("{key}.group stands beside when; one of them decides"),
        ),
        ("name = 'a'\nwhen = 'active eq true'", format!("{key} gives nothing")),
        (
            "name = 'a'\nwhen = 'active eq true'\npermission_sets = ['A', ' ']",
            format!("{key}.permission_sets[1] must not be empty"),
        ),
        (
            "name = 'a'\nwhen = 'active eq true'\npermission_set = ['A']",
            format!("unknown key {key}.permission_set; did you mean permission_sets?"),
        ),
        (
            "name = 'a'\nwhen = 'departmant eq \"x\"'\nrole = 'R'",
            format!("{key}.when: no user has an attribute departmant"),
        ),
        (
            "name = 'a'\nwhen = 'active eq true'\npublic_groups = ['SF West']",
            format!(
                "{key}.public_groups[0] is a mirrored group (groups.mirror): its members are those of the identity provider's"
            ),
        ),
        (
            "name = 'a'\ngroup = 'a['\nrole = 'R'",
            format!("{key}.group is not a pattern: error parsing glob 'a[': unclosed character class; missing ']'"),
        ),
    ] {
        assert_eq!(
            problems(&rule(text)).iter().filter(|told| told.contains(&expected)).count(),
            1,
            "{expected}: {:?}",
            problems(&rule(text))
        );
    }
    let said = problems(&rule("name = 'a'\nwhen = 'active eq'\nrole = 'R'"));
    assert!(said.len() == 1 && said[0].contains(&format!("{key}.when: ")), "{said:?}");
    let one = "name = 'a'\nwhen = 'active eq true'\nrole = 'R'\n";
    let twice = problems(&rule(&format!("{one}[[tenant.acme.entitlements.rules]]\n{one}")));
    assert!(twice[0].contains("rules[1].name is the name of a rule before"), "{twice:?}");
    let never = |text: &str| rule(text).replace("[tenant.acme.groups]", "rest = 'never'\n[tenant.acme.groups]");
    let said = problems(&never("name = 'a'\nwhen = 'active eq true'\nrole = 'R'\npublic_groups = ['West']"));
    assert!(
        said.len() == 1 && said[0].contains("public_groups[0] needs salesforce.rest = \"when-needed\""),
        "{said:?}"
    );
    let said = problems(&entitled("exclusive = ['profile']"));
    assert!(said[0].contains("exclusive[0] must be \"permission_sets\" or"), "{said:?}");
}

#[test]
fn leaving_ends_with_the_deactivation() {
    let accounts = |text: &str| format!("{ACME}\n[tenant.acme.accounts]\non_deactivate = {text}");
    let good = Config::from_toml(&accounts("['freeze', 'remove_groups', 'deactivate']")).unwrap();
    assert_eq!(good.tenant["acme"].accounts.on_deactivate.len(), 3);
    assert_eq!(Config::from_toml(ACME).unwrap().tenant["acme"].accounts.on_deactivate, [Leaving::Deactivate]);
    let never = format!("{}\n", accounts("['freeze', 'deactivate']"))
        .replace("[tenant.acme.accounts]", "rest = 'never'\n[tenant.acme.accounts]");
    for (text, expected) in [
        (accounts("['freeze']"), "on_deactivate must end with \"deactivate\""),
        (accounts("[]"), "on_deactivate must end with \"deactivate\""),
        (accounts("['freeze', 'freeze', 'deactivate']"), "on_deactivate names something twice"),
        (accounts("['burn', 'deactivate']"), "on_deactivate[0] must be \"freeze\" or"),
        (never, "on_deactivate needs salesforce.rest = \"when-needed\""),
    ] {
        let told = problems(&text);
        assert!(told.len() == 1 && told[0].contains(expected), "{expected}: {told:?}");
    }
}
