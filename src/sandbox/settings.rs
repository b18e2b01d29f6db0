//! What a simulated org is made of, and how it behaves where production is not known for sure.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::rest::RestSettings;
use super::seeds::{
    CustomFieldSeed, GroupSeed, PermissionSetGroupSeed, PermissionSetLicenceSeed, PermissionSetSeed, ProfileSeed,
    RoleSeed, TriggerSeed, UserSeed, ValidationRule,
};
use super::store::registry::UsernameRegistry;

/// Where the org's present time comes from.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Where the org's session tokens come from: fills the slice with random bytes.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// A simulated org. `Default` is one that works: a developer's org with the usual profiles, a connected app, no people
/// but the integration user.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
pub struct Settings {
    /// Address to listen on; port 0 takes a free one.
    pub listen: String,
    /// The org's name, shown on its page.
    pub name: String,
    /// The My Domain name: decides the org id and the letters in all ids.
    pub my_domain: String,
    /// Consumer key of the connected app.
    pub client_id: String,
    /// Consumer secret of the connected app.
    pub client_secret: String,
    /// Whether the client-credentials flow is enabled and has a "Run As" user.
    pub client_credentials: bool,
    /// PEM of the certificate's public key (RSA) that signs the JWT bearer flow's assertions; `None` switches it off.
    pub jwt_public_key: Option<String>,
    /// `aud`s that an assertion may carry, beside the org's own URL.
    pub jwt_audiences: Vec<String>,
    /// Username of the integration user: the "Run As" user, and the `sub` of assertions.
    pub integration_username: String,
    /// Other usernames that may be the `sub` of assertions.
    pub approved_usernames: Vec<String>,
    /// Whether administrators decide who may use the app: somebody else is then told that he is not admin approved
    /// instead of that he has not approved the app himself.
    pub admin_approved_only: bool,
    /// Whether the connected app is installed in the org.
    pub app_installed: bool,
    /// Refresh tokens: token → username.
    pub refresh_tokens: BTreeMap<String, String>,
    /// The org answers as `login.salesforce.com` does, where there are no client credentials.
    pub login_host: bool,
    /// What every login is refused with.
    pub login_error: Option<LoginError>,
    /// How long a session lives without use, in seconds.
    pub session_idle_seconds: u32,
    /// REST calls in 24 hours.
    pub daily_api_limit: u32,
    /// Licences: name and number.
    pub licences: Vec<(String, u32)>,
    /// Profiles.
    pub profiles: Vec<ProfileSeed>,
    /// Permission sets.
    pub permission_sets: Vec<PermissionSetSeed>,
    /// Permission set groups.
    pub permission_set_groups: Vec<PermissionSetGroupSeed>,
    /// Permission set licences.
    pub permission_set_licences: Vec<PermissionSetLicenceSeed>,
    /// Roles, each after the one above it.
    pub roles: Vec<RoleSeed>,
    /// Groups that are there from the start.
    pub groups: Vec<GroupSeed>,
    /// Custom fields of users.
    pub custom_fields: Vec<CustomFieldSeed>,
    /// People that are there from the start, beside the integration user.
    pub users: Vec<UserSeed>,
    /// Validation rules of users.
    pub validation_rules: Vec<ValidationRule>,
    /// Triggers that refuse users.
    pub triggers: Vec<TriggerSeed>,
    /// Usernames taken by orgs that are not simulated.
    pub taken_usernames: Vec<String>,
    /// Usernames of all simulated orgs that share it: give several orgs the same one.
    pub registry: Arc<UsernameRegistry>,
    /// What differs between orgs, or is not known of production.
    pub switches: Switches,
    /// How the REST interface behaves.
    pub rest: RestSettings,
    /// What goes wrong.
    pub faults: Faults,
    /// File that keeps users and groups between two runs; `None` forgets them. The catalogue (profiles, permission
    /// sets, roles) and `my_domain` must stay as they were, because their ids follow from them.
    pub keep_in: Option<PathBuf>,
    /// Calls that the journal keeps.
    pub journal_length: usize,
    /// The org's clock.
    pub clock: Clock,
    /// The source of session tokens.
    pub entropy: Entropy,
}

/// What the token endpoint refuses a login with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginError {
    /// `error`, such as `invalid_grant`.
    pub error: String,
    /// `error_description`, such as `ip restricted`.
    pub description: String,
}

/// What happens to the e-mail of a user that exists when it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailConfirmation {
    /// The answer is a success, the old address stays until the person has confirmed the new one: how Salesforce does
    /// it unless an administrator switched it off.
    Pending,
    /// The new address is there at once.
    Immediate,
}

/// What a PATCH operation does whose form is not the documented one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OddPatch {
    /// 500, as in Salesforce's pilot, whose parser runs past the operation.
    Fail,
    /// 400.
    Refuse,
    /// 200, nothing changed.
    Ignore,
    /// Done as the sender meant it.
    Honour,
}

/// The alias of users that are created over SCIM without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultAlias {
    /// The last eight digits of the time in milliseconds, as in the pilot.
    Time,
    /// The first letter of the first name and four of the last.
    Name,
    /// None, so that the create is refused.
    Missing,
}

/// What differs between orgs, or is not known of production. `Default` is what makes a wrong client fail soonest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, on or off")]
pub struct Switches {
    /// The integration user has the right "API Enabled"; without it every call is a 403.
    pub api_enabled: bool,
    /// The integration user has the right "Manage Users"; without it everything that writes is a 403.
    pub manage_users: bool,
    /// Changes of an existing user's e-mail.
    pub email_confirmation: EmailConfirmation,
    /// User PATCH with a `path` and a scalar `value`, as Entra ID sends it.
    pub patch_scalar: OddPatch,
    /// User PATCH with an extension's object inside `value` instead of its attributes beside the core ones.
    pub patch_nested_extension: OddPatch,
    /// Status of a user PATCH that names an unknown user or that the database refuses: 500 (an unhandled exception, as
    /// in the pilot), 400, 404 or 409.
    pub patch_failure_status: u16,
    /// DELETE of a user renames the account as well as deactivating it.
    pub delete_renames: bool,
    /// POST, PUT and DELETE of groups exist.
    pub group_writes: bool,
    /// `/ServiceProviderConfig` answers like `/ServiceProviderConfigs`.
    pub singular_config: bool,
    /// SCIM calls count against the daily limit and answer with `Sforce-Limit-Info`, as REST calls do.
    pub scim_counts: bool,
    /// A filter value with a bare `'` is a 400, because it ends the string in the query that Salesforce makes of it.
    pub apostrophe_breaks_filter: bool,
    /// Assigning a permission set that needs a permission set licence assigns that too; otherwise it is refused.
    pub assigns_set_licences: bool,
    /// A user's profile may become one of another licence; otherwise that is refused.
    pub profile_across_licences: bool,
    /// User PATCH with an array as `value`, as in RFC 7644 for multi-valued attributes. The pilot passes over it.
    pub patch_array: OddPatch,
    /// User PATCH changes `userName`, `externalId` and `phoneNumbers` too, which the pilot passes over.
    pub patch_applies_all: bool,
    /// Group PATCH with an array as `value`, which Salesforce cannot read.
    pub group_patch_array: OddPatch,
    /// `/Me` exists.
    pub me: bool,
    /// `POST /Users/.search` exists.
    pub search: bool,
    /// Times in `meta` are wrong as in the pilot: the date of the running user's time zone, the time of Greenwich on a
    /// clock of twelve hours.
    pub meta_time_bug: bool,
    /// The alias of users that are created without one.
    pub default_alias: DefaultAlias,
    /// The last `startIndex` that works, because the offset of Salesforce's own queries ends at 2,000; 0 for no end.
    pub start_index_max: usize,
    /// The 200 members that a list answer shows are shared by all groups of the page, or by all profiles and by all
    /// permission sets.
    pub members_share_cap: bool,
    /// Groups of a SCIM create are passed over where it has no permission sets, as in the pilot.
    pub groups_need_sets: bool,
    /// Created users answer 200 instead of 201 when they are active and have no password, as in the pilot.
    pub create_answers_200: bool,
    /// API names of fields that a SCIM create passes over in silence: the answer shows the user without them.
    pub create_passes_over: Vec<String>,
    /// Of two calls that write the same group or role at the same time, the later one is refused with
    /// `UNABLE_TO_LOCK_ROW`. Salesforce waits for a lock for some seconds first.
    pub locks_shared_rows: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            api_enabled: true,
            manage_users: true,
            email_confirmation: EmailConfirmation::Pending,
            patch_scalar: OddPatch::Fail,
            patch_nested_extension: OddPatch::Fail,
            patch_failure_status: 500,
            delete_renames: true,
            group_writes: true,
            singular_config: false,
            scim_counts: true,
            apostrophe_breaks_filter: true,
            assigns_set_licences: false,
            profile_across_licences: false,
            patch_array: OddPatch::Ignore,
            patch_applies_all: false,
            group_patch_array: OddPatch::Fail,
            me: true,
            search: true,
            meta_time_bug: false,
            default_alias: DefaultAlias::Time,
            start_index_max: 2001,
            members_share_cap: true,
            groups_need_sets: false,
            create_answers_200: false,
            create_passes_over: Vec::new(),
            locks_shared_rows: false,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let profile = |name: &str, licence: &str| ProfileSeed { name: name.to_owned(), licence: licence.to_owned() };
        let set = |name: &str, label: &str, licence: Option<(&str, &str)>, owner: Option<&str>| PermissionSetSeed {
            name: name.to_owned(),
            label: label.to_owned(),
            licence: licence.map(|(licence, permission)| (licence.to_owned(), permission.to_owned())),
            owned_by_profile: owner.map(ToOwned::to_owned),
            permission_set_licence: None,
        };
        let group = |name: &str, queue: bool, groups: &[&str]| GroupSeed {
            name: name.to_owned(),
            queue,
            groups: groups.iter().map(ToString::to_string).collect(),
            users: Vec::new(),
        };
        Self {
            listen: "127.0.0.1:0".to_owned(),
            name: "Acme (simulated)".to_owned(),
            my_domain: "acme".to_owned(),
            client_id: "3MVG9sandboxClient".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            client_credentials: true,
            jwt_public_key: None,
            jwt_audiences: vec!["https://login.salesforce.com".to_owned(), "https://test.salesforce.com".to_owned()],
            integration_username: "integration@acme.example".to_owned(),
            approved_usernames: Vec::new(),
            admin_approved_only: false,
            app_installed: true,
            refresh_tokens: BTreeMap::new(),
            login_host: false,
            login_error: None,
            session_idle_seconds: 2 * 60 * 60,
            daily_api_limit: 5_000_000,
            licences: [("Salesforce", 5_000), ("Salesforce Platform", 5_000), ("Identity", 100_000)]
                .map(|(name, total)| (name.to_owned(), total))
                .to_vec(),
            profiles: vec![
                profile("System Administrator", "Salesforce"),
                profile("Standard User", "Salesforce"),
                profile("Minimum Access - Salesforce", "Salesforce"),
                profile("Standard Platform User", "Salesforce Platform"),
                profile("Identity User", "Identity"),
            ],
            permission_sets: vec![
                set("Sales_Console", "Sales Console", None, None),
                set("Knowledge_Reader", "Knowledge Reader", None, None),
                set("Account_Reader", "Account Reader", Some(("Salesforce", "Read Accounts")), None),
                set("X00e_Standard_User", "Standard User", None, Some("Standard User")),
                PermissionSetSeed {
                    permission_set_licence: Some("Analytics".to_owned()),
                    ..set("Analytics_Viewer", "Analytics Viewer", None, None)
                },
            ],
            permission_set_groups: vec![PermissionSetGroupSeed {
                developer_name: "Sales_Team".to_owned(),
                label: None,
                permission_sets: vec!["Sales_Console".to_owned(), "Knowledge_Reader".to_owned()],
            }],
            permission_set_licences: vec![PermissionSetLicenceSeed {
                developer_name: "Analytics".to_owned(),
                label: None,
                total: 100,
            }],
            roles: [("CEO", None), ("Sales Rep", Some("CEO")), ("Support Agent", Some("CEO"))]
                .map(|(name, parent)| RoleSeed { name: name.to_owned(), parent: parent.map(ToOwned::to_owned) })
                .to_vec(),
            groups: vec![
                group("West", false, &[]),
                group("All Regions", false, &["West"]),
                group("Support Queue", true, &[]),
            ],
            custom_fields: Vec::new(),
            users: Vec::new(),
            validation_rules: Vec::new(),
            triggers: Vec::new(),
            taken_usernames: vec!["test@gmail.com".to_owned()],
            registry: Arc::default(),
            switches: Switches::default(),
            rest: RestSettings::default(),
            faults: Faults::default(),
            keep_in: None,
            journal_length: 500,
            clock: system_clock(),
            entropy: Arc::new(|bytes| rand::RngCore::fill_bytes(&mut rand::rng(), bytes)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the sandbox knows nothing of the crate; this is its one clock")]
fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("name", &self.name).field("listen", &self.listen).finish_non_exhaustive()
    }
}
