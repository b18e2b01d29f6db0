//! The configuration file of simulated orgs: TOML, one table for each org.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::faults::Faults;
use super::rest::RestSettings;
use super::seeds::{
    CustomFieldSeed, GroupSeed, PermissionSetGroupSeed, PermissionSetLicenceSeed, PermissionSetSeed, ProfileSeed,
    RoleSeed, TriggerSeed, UserSeed, ValidationRule,
};
use super::server::Running;
use super::settings::{Clock, Entropy, LoginError, Settings, Switches};
use super::store::registry::UsernameRegistry;

/// Secret of an app for which none is given.
const SECRET: &str = "sandbox-secret";
/// Consumer key of an app for which none is given.
const CLIENT: &str = "scim-bridge";
/// Where the first org listens that does not say where; each further one at the next port.
const FIRST_PORT: u16 = 8081;

/// What is wrong with a configuration file, in words for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Usernames taken by orgs that are not simulated.
    #[serde(default)]
    taken_usernames: Option<Vec<String>>,
    /// The orgs by name.
    org: BTreeMap<String, OrgTable>,
}

/// One org. A list that is given stands in the place of the default's.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OrgTable {
    name: Option<String>,
    listen: Option<String>,
    my_domain: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_credentials: Option<bool>,
    jwt_public_key_file: Option<PathBuf>,
    jwt_audiences: Option<Vec<String>>,
    integration_username: Option<String>,
    approved_usernames: Vec<String>,
    admin_approved_only: bool,
    app_installed: Option<bool>,
    refresh_tokens: BTreeMap<String, String>,
    login_host: bool,
    login_error: Option<LoginError>,
    session_idle_seconds: Option<u32>,
    daily_api_limit: Option<u32>,
    journal_length: Option<usize>,
    keep_in: Option<PathBuf>,
    licences: Option<BTreeMap<String, u32>>,
    profiles: Option<Vec<ProfileSeed>>,
    permission_sets: Option<Vec<PermissionSetSeed>>,
    permission_set_groups: Option<Vec<PermissionSetGroupSeed>>,
    permission_set_licences: Option<Vec<PermissionSetLicenceSeed>>,
    roles: Option<Vec<RoleSeed>>,
    groups: Option<Vec<GroupSeed>>,
    custom_fields: Vec<CustomFieldSeed>,
    users: Vec<UserSeed>,
    validation_rules: Vec<ValidationRule>,
    triggers: Vec<TriggerSeed>,
    rest: RestSettings,
    switches: Switches,
    faults: Faults,
}

/// Reads the orgs of a configuration file, in the order of their names. They share one registry of usernames. Paths in
/// the file are relative to `folder`.
///
/// # Errors
/// The text is no TOML, a key is unknown or has a value of another type, a file cannot be read, two orgs have one
/// address or one My Domain, or nothing would be in an org that the file says is.
pub fn read(text: &str, folder: &Path, clock: &Clock, entropy: &Entropy) -> Result<Vec<Settings>, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| ConfigError(explain(&error.to_string())))?;
    if file.org.is_empty() {
        return Err(ConfigError("there is no org in it; [org.acme] begins one".to_owned()));
    }
    let registry = Arc::new(UsernameRegistry::default());
    let mut orgs: Vec<Settings> = Vec::new();
    for (port, (key, table)) in (FIRST_PORT..).zip(file.org) {
        let wrong = |message: String| ConfigError(format!("org.{key}: {message}"));
        let mut settings = table.settings(&key, port, folder).map_err(wrong)?;
        settings.registry = Arc::clone(&registry);
        settings.clock = Arc::clone(clock);
        settings.entropy = Arc::clone(entropy);
        if let Some(taken) = &file.taken_usernames {
            settings.taken_usernames.clone_from(taken);
        }
        for other in &orgs {
            if other.my_domain.eq_ignore_ascii_case(&settings.my_domain) {
                return Err(wrong(format!("another org has the my_domain {} already", settings.my_domain)));
            }
            if other.listen == settings.listen && !settings.listen.ends_with(":0") {
                return Err(wrong(format!("another org listens on {} already", settings.listen)));
            }
        }
        orgs.push(settings);
    }
    Ok(orgs)
}

/// Starts every org; what one of them lacks of what its settings say is an error.
///
/// # Errors
/// An address is taken, a file that keeps an org cannot be used, or the rules of an org refuse what is to be in it.
pub async fn start_all(orgs: Vec<Settings>) -> Result<Vec<Running>, ConfigError> {
    let mut running = Vec::new();
    for settings in orgs {
        let (name, listen) = (settings.name.clone(), settings.listen.clone());
        let org = super::server::start(settings)
            .await
            .map_err(|error| ConfigError(format!("{name}: cannot run on {listen}: {error}")))?;
        let refused = org.org().with_store(|store| std::mem::take(&mut store.refused_seeds));
        if !refused.is_empty() {
            return Err(ConfigError(format!("{name}: {}", refused.join("; "))));
        }
        running.push(org);
    }
    Ok(running)
}

/// What permission sets may refer to. A list that is not given is the default's, without what refers to something that
/// the lists given do not have.
struct Catalogue {
    licences: Vec<(String, u32)>,
    profiles: Vec<ProfileSeed>,
    set_licences: Vec<PermissionSetLicenceSeed>,
}

impl Catalogue {
    fn of(
        default: &Settings,
        licences: Option<BTreeMap<String, u32>>,
        profiles: Option<Vec<ProfileSeed>>,
        set_licences: Option<Vec<PermissionSetLicenceSeed>>,
    ) -> Self {
        let licences = licences.map_or_else(|| default.licences.clone(), |licences| licences.into_iter().collect());
        let profiles = profiles.unwrap_or_else(|| {
            let known = |seed: &&ProfileSeed| licences.iter().any(|(name, _)| *name == seed.licence);
            default.profiles.iter().filter(known).cloned().collect()
        });
        Self {
            licences,
            profiles,
            set_licences: set_licences.unwrap_or_else(|| default.permission_set_licences.clone()),
        }
    }

    fn sets(
        &self,
        default: &Settings,
        sets: Option<Vec<PermissionSetSeed>>,
        groups: Option<Vec<PermissionSetGroupSeed>>,
    ) -> (Vec<PermissionSetSeed>, Vec<PermissionSetGroupSeed>) {
        let has_profile = |name: &String| self.profiles.iter().any(|profile| profile.name == *name);
        let has_licence = |name: &String| self.set_licences.iter().any(|licence| licence.developer_name == *name);
        let sets = sets.unwrap_or_else(|| {
            let known = |set: &&PermissionSetSeed| {
                set.owned_by_profile.iter().all(has_profile) && set.permission_set_licence.iter().all(has_licence)
            };
            default.permission_sets.iter().filter(known).cloned().collect()
        });
        let groups = groups.unwrap_or_else(|| {
            let has_set = |name: &String| sets.iter().any(|set| set.name == *name);
            let known = |group: &&PermissionSetGroupSeed| group.permission_sets.iter().all(has_set);
            default.permission_set_groups.iter().filter(known).cloned().collect()
        });
        (sets, groups)
    }
}

impl OrgTable {
    fn settings(self, key: &str, port: u16, folder: &Path) -> Result<Settings, String> {
        let default = Settings::default();
        let my_domain = self.my_domain.unwrap_or_else(|| key.to_lowercase().replace('_', "-"));
        let is_domain =
            !my_domain.is_empty() && my_domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_domain {
            return Err(format!("my_domain {my_domain:?} may hold letters, digits and hyphens only"));
        }
        if let Some(complaint) = self.faults.complaint() {
            return Err(format!("faults: {complaint}"));
        }
        let jwt_public_key = match self.jwt_public_key_file {
            None => None,
            Some(file) => {
                let path = folder.join(file);
                let pem = std::fs::read_to_string(&path)
                    .map_err(|error| format!("jwt_public_key_file {}: {error}", path.display()))?;
                let known = jsonwebtoken::DecodingKey::from_rsa_pem(pem.as_bytes());
                known.map_err(|_| {
                    format!("jwt_public_key_file {}: no public RSA key in PEM form is in it", path.display())
                })?;
                Some(pem)
            }
        };
        let catalogue = Catalogue::of(&default, self.licences, self.profiles, self.permission_set_licences);
        let (permission_sets, permission_set_groups) =
            catalogue.sets(&default, self.permission_sets, self.permission_set_groups);
        Ok(Settings {
            listen: self.listen.unwrap_or_else(|| format!("127.0.0.1:{port}")),
            name: self.name.unwrap_or_else(|| format!("{key} (simulated)")),
            client_id: self.client_id.unwrap_or_else(|| CLIENT.to_owned()),
            client_secret: self.client_secret.unwrap_or_else(|| SECRET.to_owned()),
            client_credentials: self.client_credentials.unwrap_or(true),
            jwt_public_key,
            jwt_audiences: self.jwt_audiences.unwrap_or(default.jwt_audiences),
            integration_username: self
                .integration_username
                .unwrap_or_else(|| format!("integration@{my_domain}.example")),
            my_domain,
            approved_usernames: self.approved_usernames,
            admin_approved_only: self.admin_approved_only,
            app_installed: self.app_installed.unwrap_or(true),
            refresh_tokens: self.refresh_tokens,
            login_host: self.login_host,
            login_error: self.login_error,
            session_idle_seconds: self.session_idle_seconds.unwrap_or(default.session_idle_seconds),
            daily_api_limit: self.daily_api_limit.unwrap_or(default.daily_api_limit),
            licences: catalogue.licences,
            profiles: catalogue.profiles,
            permission_sets,
            permission_set_groups,
            permission_set_licences: catalogue.set_licences,
            roles: self.roles.unwrap_or(default.roles),
            groups: self.groups.unwrap_or(default.groups),
            custom_fields: self.custom_fields,
            users: self.users,
            validation_rules: self.validation_rules,
            triggers: self.triggers,
            taken_usernames: default.taken_usernames,
            registry: default.registry,
            rest: self.rest,
            switches: self.switches,
            faults: self.faults,
            keep_in: self.keep_in.map(|file| folder.join(file)),
            journal_length: self.journal_length.unwrap_or(default.journal_length),
            clock: default.clock,
            entropy: default.entropy,
        })
    }
}

/// The parser's message with the nearest known key in the place of the list of all.
fn explain(message: &str) -> String {
    let Some((before, after)) = message.split_once("unknown field `") else { return message.trim_end().to_owned() };
    let Some((unknown, rest)) = after.split_once('`') else { return message.trim_end().to_owned() };
    // What the parser expected stands between backticks; every second piece is one.
    let known = rest.split('`').skip(1).step_by(2);
    let nearest = known
        .map(|name| (strsim::jaro_winkler(name, unknown), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let hint = nearest.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default();
    format!("{before}unknown key `{unknown}`{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Settings>, String> {
        let default = Settings::default();
        read(text, Path::new("."), &default.clock, &default.entropy).map_err(|error| error.to_string())
    }

    #[test]
    fn errors_name_what_is_wrong() {
        for (text, told) in [
            ("", "missing field `org`"),
            ("[org]", "there is no org in it"),
            ("[org.a]\nlisten = 1", "line 2"),
            ("[org.a]\nlistne = \"x\"", "unknown key `listne`; did you mean `listen`?"),
            ("[org.a.switches]\npatch_skalar = \"fail\"", "did you mean `patch_scalar`?"),
            ("[org.a.rest]\nquery_pages = 1", "did you mean `query_page`?"),
            ("[org.a.faults]\nunavailable_nxt = 1", "did you mean `unavailable_next`?"),
            ("[[org.a.users]]\nuser = \"x\"", "unknown key `user`"),
            ("[org.a.faults]\nlost_answer = 3", "org.a: faults: lost_answer is a chance"),
            ("[org.a]\nmy_domain = \"x y\"", "org.a: my_domain"),
            ("[org.a]\n[org.b]\nmy_domain = \"A\"", "org.b: another org has the my_domain A"),
            ("[org.a]\nlisten = \"127.0.0.1:9\"\n[org.b]\nlisten = \"127.0.0.1:9\"", "org.b: another org listens"),
            ("[org.a]\njwt_public_key_file = \"no such file\"", "org.a: jwt_public_key_file ./no such file"),
            ("[org.a]\njwt_public_key_file = \"Cargo.toml\"", "no public RSA key"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    /// Whoever reads the page can write the file: every key of every table is on it.
    #[test]
    fn every_key_is_documented() {
        let page = include_str!("../../docs/sandbox.md");
        for table in [
            "[org.a]",
            "[org.a.login_error]",
            "[[org.a.profiles]]",
            "[[org.a.permission_sets]]",
            "[[org.a.permission_set_groups]]",
            "[[org.a.permission_set_licences]]",
            "[[org.a.roles]]",
            "[[org.a.groups]]",
            "[[org.a.custom_fields]]",
            "[[org.a.users]]",
            "[[org.a.validation_rules]]",
            "[[org.a.triggers]]",
            "[org.a.switches]",
            "[org.a.rest]",
            "[org.a.faults]",
        ] {
            let error = toml::from_str::<File>(&format!("{table}\n\"?\" = 1")).expect_err(table).to_string();
            let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
            assert!(known.len() > 1, "{table}: {error}");
            for key in known {
                assert!(page.contains(&format!("`{key}`")), "{key} of {table} is not in docs/sandbox.md");
            }
        }
    }

    #[test]
    fn an_empty_table_is_an_org_that_works() {
        let orgs = parse("[org.acme]\n[org.beta_two]\n").expect("two orgs");
        let listen: Vec<&str> = orgs.iter().map(|org| org.listen.as_str()).collect();
        assert_eq!(listen, ["127.0.0.1:8081", "127.0.0.1:8082"]);
        assert_eq!(orgs[1].my_domain, "beta-two");
        assert_eq!(orgs[1].integration_username, "integration@beta-two.example");
        assert!(Arc::ptr_eq(&orgs[0].registry, &orgs[1].registry), "usernames are unique over all orgs");
        assert_eq!(orgs[0].profiles.len(), Settings::default().profiles.len());
    }

    #[test]
    fn defaults_that_refer_to_what_is_not_there_are_left_out() {
        let text = "[org.a.licences]\nSalesforce = 5\n[[org.a.permission_sets]]\nname = \"A\"\nlabel = \"A\"\n\
                    [org.b]\npermission_set_licences = []\nprofiles = [{ name = \"P\", licence = \"Identity\" }]";
        let orgs = parse(text).expect("two orgs");
        for org in orgs {
            let store = crate::sandbox::store::Store::new(&org, chrono::DateTime::UNIX_EPOCH);
            assert_eq!(store.refused_seeds, [] as [&str; 0], "{}", org.name);
        }
    }
}
