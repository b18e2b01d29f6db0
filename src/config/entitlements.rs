//! The keys of `[tenant.NAME.entitlements]`: who gets what in Salesforce, and by which rule.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Finding;
use super::model::{Rest, Tenant};
use crate::entitlement::{Entitlement, Kind, Rule, Rules, When};
use crate::scim::registry::RegistryError;
use crate::scim::schema::{Registry, ResourceType};

/// What people get in Salesforce.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Entitlements {
    /// Name of the profile of a new account to which no rule gives one, and of those whom a rule gives theirs no longer.
    /// Salesforce creates no user without a profile; without this key the deliveries of new people whom no rule gives one are
    /// held.
    pub default_profile: Option<String>,
    /// What becomes of the `entitlements` and `roles` that the identity provider sends with a person.
    pub idp_entitlements: IdpEntitlements,
    /// Kinds of which nobody keeps what no rule gives them, whoever gave it. Of the others only what the bridge gave is
    /// taken away again.
    pub exclusive: Vec<Exclusive>,
    /// Who gets what. Of profiles and roles the first rule that holds wins; all else is united.
    pub rules: Vec<RuleTable>,
}

/// What becomes of what the identity provider itself asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdpEntitlements {
    /// It is stored, and has no effect.
    #[default]
    Ignore,
    /// The person gets it, before what rules give: each value is the name or the id of a profile, permission set,
    /// permission set group, permission set licence or role.
    Honour,
}

/// A kind of grant that can be exclusive. A profile cannot: it is replaced and never taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exclusive {
    /// Permission sets.
    PermissionSets,
    /// Permission set groups.
    PermissionSetGroups,
    /// Permission set licences.
    PermissionSetLicenses,
    /// The role.
    Role,
    /// Memberships of public groups that are not mirrored.
    PublicGroups,
}

impl From<Exclusive> for Kind {
    fn from(exclusive: Exclusive) -> Self {
        match exclusive {
            Exclusive::PermissionSets => Self::PermissionSet,
            Exclusive::PermissionSetGroups => Self::PermissionSetGroup,
            Exclusive::PermissionSetLicenses => Self::PermissionSetLicence,
            Exclusive::Role => Self::Role,
            Exclusive::PublicGroups => Self::PublicGroup,
        }
    }
}

/// Who gets what.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// Its name, which `plan` and messages tell.
    #[schemars(length(min = 1))]
    pub name: String,
    /// SCIM filter (RFC 7644 section 3.4.2.2) over the user and, as `groups`, the groups that the user is in. Instead of
    /// `group`.
    #[serde(default)]
    pub when: Option<String>,
    /// Name of a group of the identity provider whose members get it; `*`, `?`, `[…]` and `{a,b}` are wildcards, case
    /// does not count. Instead of `when`.
    #[serde(default)]
    #[schemars(extend("format" = "glob"))]
    pub group: Option<String>,
    /// Name of the profile.
    #[serde(default)]
    pub profile: Option<String>,
    /// Name of the role.
    #[serde(default)]
    pub role: Option<String>,
    /// API names of permission sets.
    #[serde(default)]
    pub permission_sets: Vec<String>,
    /// API names of permission set groups.
    #[serde(default)]
    pub permission_set_groups: Vec<String>,
    /// API names of permission set licences.
    #[serde(default)]
    pub permission_set_licenses: Vec<String>,
    /// Names of public groups, which must not be mirrored ones.
    #[serde(default)]
    pub public_groups: Vec<String>,
}

/// What stands behind a key that does nothing without REST.
const NEEDS_REST: &str =
    "needs salesforce.rest = \"when-needed\": of grants, SCIM changes the profile and the role alone";

impl RuleTable {
    /// What it gives, with the key that says so.
    fn gives(&self) -> impl Iterator<Item = (String, Entitlement)> {
        let single = [("profile", Kind::Profile, &self.profile), ("role", Kind::Role, &self.role)];
        let single = single.into_iter().filter_map(|(key, kind, name)| {
            name.as_ref().map(|name| (key.to_owned(), Entitlement::new(kind, name.as_str())))
        });
        let lists = [
            ("permission_sets", Kind::PermissionSet, &self.permission_sets),
            ("permission_set_groups", Kind::PermissionSetGroup, &self.permission_set_groups),
            ("permission_set_licenses", Kind::PermissionSetLicence, &self.permission_set_licenses),
            ("public_groups", Kind::PublicGroup, &self.public_groups),
        ];
        let lists = lists.into_iter().flat_map(|(key, kind, names)| {
            names
                .iter()
                .enumerate()
                .map(move |(at, name)| (format!("{key}[{at}]"), Entitlement::new(kind, name.as_str())))
        });
        single.chain(lists)
    }

    /// When it holds; an error has the name of the key.
    fn condition(&self, users: &ResourceType) -> Result<When, (&'static str, String)> {
        match (&self.when, &self.group) {
            (Some(filter), None) => When::filter(users, filter).map_err(|error| ("when", format!(": {error}"))),
            (None, Some(pattern)) => When::group(pattern).map_err(|error| ("group", error.to_string())),
            (None, None) => Err(("when", "is missing (or group)".to_owned())),
            (Some(_), Some(_)) => Err(("group", "stands beside when; one of them decides".to_owned())),
        }
    }
}

impl Tenant {
    /// What its users look like: the standard schemas and its extensions.
    fn users(&self) -> Result<Arc<ResourceType>, RegistryError> {
        let registry = self.registry()?.map_or_else(Registry::standard, Ok)?;
        let [users, _] = registry.resource_types();
        Ok(Arc::clone(users))
    }

    /// Who gets what, compiled.
    ///
    /// # Errors
    /// Everything that is wrong, each with its key. A configuration from [`super::Config::load`] has been through it.
    pub fn rules(&self, name: &str) -> Result<Rules, Vec<String>> {
        self.compiled(name).map_err(|found| found.into_iter().map(|finding| finding.message).collect())
    }

    fn compiled(&self, name: &str) -> Result<Rules, Vec<Finding>> {
        let place = format!("tenant.{name}.entitlements");
        let users = self.users().map_err(|error| vec![Finding::at(&place, format_args!(": {error}"))])?;
        let mirrored = self.groups.mirrored().unwrap_or_default();
        let (mut found, mut rules) = (Vec::new(), Vec::<Rule>::new());
        for (at, table) in self.entitlements.rules.iter().enumerate() {
            let key = |inner: &str| format!("{place}.rules[{at}].{inner}");
            if table.name.trim().is_empty() {
                found.push(Finding::at(&key("name"), "must not be empty"));
            } else if rules.iter().any(|rule| rule.name == table.name) {
                found
                    .push(Finding::at(&key("name"), "is the name of a rule before; reasons would not tell them apart"));
            }
            let mut gives = Vec::new();
            for (inner, entitlement) in table.gives() {
                if self.salesforce.rest == Rest::Never && !entitlement.kind.is_single() {
                    found.push(Finding::at(&key(&inner), NEEDS_REST));
                } else if entitlement.name.trim().is_empty() {
                    found.push(Finding::at(&key(&inner), "must not be empty"));
                } else if entitlement.kind == Kind::PublicGroup && mirrored.is_match(&entitlement.name) {
                    let words = "is a mirrored group (groups.mirror): its members are those of the identity provider's";
                    found.push(Finding::at(&key(&inner), words));
                }
                gives.push(entitlement);
            }
            if gives.is_empty() {
                found.push(Finding::at(&format!("{place}.rules[{at}]"), "gives nothing"));
            }
            match table.condition(&users) {
                Ok(when) => rules.push(Rule { name: table.name.clone(), when, gives }),
                Err((inner, words)) => found.push(Finding::at(&key(inner), words)),
            }
        }
        for (at, kind) in self.entitlements.exclusive.iter().enumerate() {
            if self.salesforce.rest == Rest::Never && *kind != Exclusive::Role {
                found.push(Finding::at(&format!("{place}.exclusive[{at}]"), NEEDS_REST));
            }
        }
        if self.entitlements.default_profile.as_ref().is_some_and(|name| name.trim().is_empty()) {
            found.push(Finding::at(&format!("{place}.default_profile"), "must not be empty"));
        }
        if found.is_empty() {
            Ok(Rules::new(users, rules, self.entitlements.default_profile.clone()))
        } else {
            Err(found)
        }
    }
}

/// What is wrong with a tenant's rules, each with its key.
pub(super) fn check(name: &str, tenant: &Tenant) -> Vec<Finding> {
    // What is wrong with the extensions is told by themselves, and hides what rules may name.
    if tenant.registry().is_err() { Vec::new() } else { tenant.compiled(name).err().unwrap_or_default() }
}
