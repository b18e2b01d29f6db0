//! What sales people are given in many tests, as the file has it under `[tenant.NAME.entitlements]`. Macros, so that further
//! rules can be put behind with `concat!`.

/// A profile and a role, which SCIM has, too.
macro_rules! sales_over_scim {
    () => {
        r#"
default_profile = "Minimum Access - Salesforce"
[[rules]]
name = "sales"
when = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "Sales"'
profile = "Standard User"
role = "Sales Rep"
"#
    };
}

/// The same, with what only REST has.
macro_rules! sales {
    () => {
        concat!(sales_over_scim!(), "permission_sets = [\"Sales_Console\"]\npublic_groups = [\"West\"]\n")
    };
}
