//! What a simulated org is made of, and how it behaves where production is not known for sure.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::store::registry::UsernameRegistry;

/// Where the org's present time comes from.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Where the org's session tokens come from: fills the slice with random bytes.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// A simulated org. `Default` is one that works: a developer's org with the usual profiles, a connected app, no people
/// but the integration user.
#[derive(Clone)]
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
    /// Names of roles.
    pub roles: Vec<String>,
    /// Groups that are there from the start.
    pub groups: Vec<GroupSeed>,
    /// Usernames taken by orgs that are not simulated.
    pub taken_usernames: Vec<String>,
    /// Usernames of all simulated orgs that share it: give several orgs the same one.
    pub registry: Arc<UsernameRegistry>,
    /// What differs between orgs, or is not known of production.
    pub switches: Switches,
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

/// A profile to start with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileSeed {
    /// `Profile.Name`.
    pub name: String,
    /// Name of the user licence it belongs to.
    pub licence: String,
}

/// A permission set to start with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PermissionSetSeed {
    /// `PermissionSet.Name`, the API name.
    pub name: String,
    /// `PermissionSet.Label`.
    pub label: String,
    /// The only user licence whose people may hold it, and the permission that the refusal then names.
    #[serde(default)]
    pub licence: Option<(String, String)>,
    /// Name of the profile that owns it; such a set is not assigned by itself and not listed.
    #[serde(default)]
    pub owned_by_profile: Option<String>,
}

/// A group to start with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupSeed {
    /// `Group.Name`, the label.
    pub name: String,
    /// A queue instead of a public group.
    #[serde(default)]
    pub queue: bool,
    /// Names of the groups that are members of it; each must stand before it in the list.
    #[serde(default)]
    pub groups: Vec<String>,
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

/// What differs between orgs, or is not known of production. `Default` is what makes a wrong client fail soonest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, on or off")]
pub struct Switches {
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
    /// Created users answer 200 instead of 201 when they are active and have no password, as in the pilot.
    pub create_answers_200: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            email_confirmation: EmailConfirmation::Pending,
            patch_scalar: OddPatch::Fail,
            patch_nested_extension: OddPatch::Fail,
            patch_failure_status: 500,
            delete_renames: true,
            group_writes: true,
            singular_config: false,
            scim_counts: true,
            apostrophe_breaks_filter: true,
            create_answers_200: false,
        }
    }
}

/// What goes wrong, by chance or by count. Chances are from 0 to 1 and drawn from a generator that `seed` starts, so
/// that a run can be repeated. The control interface and the page are spared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Starts the generator.
    pub seed: u64,
    /// Chance of a 503 `SERVER_UNAVAILABLE` before anything is done.
    pub unavailable: f64,
    /// Chance that the connection breaks before anything is done.
    pub lost_request: f64,
    /// Chance that the connection breaks after everything is done.
    pub lost_answer: f64,
    /// The next n calls answer 503.
    pub unavailable_next: u32,
    /// The connection breaks before the next n calls are done.
    pub lost_request_next: u32,
    /// The connection breaks after the next n calls that change something have been done.
    pub lost_answer_next: u32,
    /// Chance that a write of a user or group fails with `UNABLE_TO_LOCK_ROW`.
    pub row_lock: f64,
    /// The next n writes of users and groups fail with `UNABLE_TO_LOCK_ROW`.
    pub row_locks: u32,
    /// Chance that a write of a user or group fails with `UNKNOWN_EXCEPTION`.
    pub unknown_exception: f64,
    /// The next n writes of users and groups fail with `UNKNOWN_EXCEPTION`.
    pub unknown_exceptions: u32,
    /// Every write of a user with the profile of this name fails with `UNKNOWN_EXCEPTION`, as seen with profiles whose
    /// single sign-on is delegated authentication.
    pub broken_profile: Option<String>,
    /// Chance that a create of a user fails with `LICENSE_LIMIT_EXCEEDED`, whatever the counters say.
    pub licence_limit: f64,
    /// The next n creates of users fail with `LICENSE_LIMIT_EXCEEDED`.
    pub licence_limits: u32,
    /// Chance that a create of a user fails with `DUPLICATE_USERNAME`, as if an org elsewhere had the name.
    pub duplicate_username: f64,
    /// The next n creates of users fail with `DUPLICATE_USERNAME`.
    pub duplicate_usernames: u32,
    /// Chance that a user is created over SCIM without its permission sets and groups, and the answer says so only by its
    /// status, or not at all.
    pub partial_create: f64,
    /// The next n users are created over SCIM without their permission sets and groups.
    pub partial_creates: u32,
    /// The next n writes fail with `INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE`.
    pub maintenance_next: u32,
    /// Chance of a 403 `ConcurrentRequests Limit exceeded`, nothing done.
    pub concurrency: f64,
    /// The next n calls answer 403 `ConcurrentRequests Limit exceeded`.
    pub concurrency_next: u32,
    /// Chance that all sessions end before a call.
    pub session_end: f64,
    /// Every call answers 503 until this is taken back.
    pub outage: bool,
    /// Each call waits so many milliseconds.
    pub latency_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let profile = |name: &str, licence: &str| ProfileSeed { name: name.to_owned(), licence: licence.to_owned() };
        let set = |name: &str, label: &str, licence: Option<(&str, &str)>, owner: Option<&str>| PermissionSetSeed {
            name: name.to_owned(),
            label: label.to_owned(),
            licence: licence.map(|(licence, permission)| (licence.to_owned(), permission.to_owned())),
            owned_by_profile: owner.map(ToOwned::to_owned),
        };
        let group = |name: &str, queue: bool, groups: &[&str]| GroupSeed {
            name: name.to_owned(),
            queue,
            groups: groups.iter().map(ToString::to_string).collect(),
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
            ],
            roles: ["CEO", "Sales Rep", "Support Agent"].map(ToOwned::to_owned).to_vec(),
            groups: vec![
                group("West", false, &[]),
                group("All Regions", false, &["West"]),
                group("Support Queue", true, &[]),
            ],
            taken_usernames: vec!["test@gmail.com".to_owned()],
            registry: Arc::default(),
            switches: Switches::default(),
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
