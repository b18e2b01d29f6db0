use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;

use super::*;

mod rules;

const ACME: &str = r#"
[tenant.acme.salesforce]
url = "https://acme.my.salesforce.com"
flow = "client-credentials"
client_id = "3MVG9"
client_secret = "hunter2-secret"
"#;

fn problems(text: &str) -> Vec<String> {
    let error = Config::from_toml(text).expect_err("should be refused");
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn answers_wait_neither_for_nothing_nor_for_ever() {
    for (span, is_right) in [("99ms", false), ("100ms", true), ("2m", true), ("121s", false)] {
        let text = format!("[tenant.acme]\nacknowledge = 'delivered'\nacknowledge_within = '{span}'\n{ACME}");
        if is_right {
            let config = Config::from_toml(&text).unwrap();
            assert_eq!(config.tenant["acme"].waits(), Some(config.tenant["acme"].acknowledge_within));
        } else {
            let told = problems(&text);
            assert!(told[0].ends_with("tenant.acme.acknowledge_within must be from 100ms to 2m"), "{told:?}");
        }
    }
}

/// `text` as a file, and the variables above it.
fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scim-bridge.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path), env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn nothing_configured_is_every_default() {
    let config = Config::load(None, std::iter::empty()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.body_limit, 1_048_576);
    assert_eq!(config.database.sqlite_path(), Some(PathBuf::from("scim-bridge-data/bridge.db")));
    assert_eq!(config.delivery.concurrency, 8);
    assert_eq!(config.delivery.retry.first(), Some(&Duration::from_secs(1)));
    assert_eq!(config.delivery.retry.last(), Some(&Duration::from_hours(1)));
    assert!(config.tenant.is_empty());
}

#[test]
fn a_file_is_read_whole() {
    let config = Config::from_toml(
        r#"
        [server]
        listen = "0.0.0.0:0"
        public_url = "https://scim.example.com"
        shutdown = "5s"
        [database]
        url = "postgres://bridge:pass@db/bridge"
        [delivery]
        retry = ["250ms", "2m"]
        [tenant.acme-eu]
        acknowledge = "stored"
        protected = ["integration@acme.com"]
        [tenant.acme-eu.salesforce]
        url = "https://acme.my.salesforce.com"
        flow = "jwt-bearer"
        client_id = "3MVG9"
        username = "integration@acme.com"
        private_key = "PEM"
        audience = "https://login.salesforce.com"
        api_version = "v62.0"
        [tenant.acme-eu.entitlements]
        default_profile = "Standard User"
        [tenant.acme-eu.groups]
        mirror = ["SF *"]
        create = false
        "#,
    )
    .unwrap();
    assert_eq!(config.server.public_url.as_ref().map(Url::as_str), Some("https://scim.example.com/"));
    assert_eq!(config.delivery.retry, [Duration::from_millis(250), Duration::from_mins(2)]);
    assert_eq!(config.database.url.engine(), Engine::Postgres);
    let tenant = &config.tenant["acme-eu"];
    assert_eq!(tenant.salesforce.api_version, "v62.0");
    assert!(!tenant.groups.create);
    assert!(tenant.groups.mirrored().unwrap().is_match("sf west"));
    assert!(!tenant.groups.mirrored().unwrap().is_match("Sales"));
    match tenant.salesforce.login().unwrap() {
        Login::JwtBearer { username, private_key, audience, .. } => {
            assert_eq!(username, "integration@acme.com");
            assert_eq!(private_key.expose_secret(), "PEM");
            assert_eq!(audience.as_deref(), Some("https://login.salesforce.com"));
        }
        other => panic!("the flow is jwt-bearer, not {other:?}"),
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let cases = [
        ("[server]\nlistn = 1", "unknown key server.listn; did you mean listen?"),
        ("[sever]", "unknown key sever; did you mean server?"),
        (
            "[tenant.acme.entitlements]\ndefault_profil = \"A\"",
            "unknown key tenant.acme.entitlements.default_profil; did you mean default_profile?",
        ),
        (
            "[tenant.acme.salesforce]\nclient_idd = ''",
            "unknown key tenant.acme.salesforce.client_idd; did you mean client_id?",
        ),
        ("[tenant.acme.salesforce]\nprivate_key_fil = ''", "did you mean private_key_file?"),
    ];
    for (text, wanted) in cases {
        let told = problems(text);
        assert!(
            told.iter().any(|problem| problem.starts_with("test.toml: ") && problem.contains(wanted)),
            "{text}: {told:#?}"
        );
    }
}

#[test]
fn wrong_values_are_refused_with_their_key() {
    let cases = [
        ("[server]\nlisten = 'localhost'", "server.listen must be an address and a port"),
        ("[server]\nlisten = 8080", "server.listen must be a text"),
        ("[server]\nbody_limit = 10", "server.body_limit must be from 1024 to"),
        ("[server]\nworkers = 0", "server.workers must be from 1 to"),
        ("[server]\npublic_url = 'scim.example.com'", "server.public_url must be an https:// or http:// URL"),
        ("[server]\npublic_url = 'https://a/?b'", "server.public_url must have no user, query or fragment"),
        ("server = 1", "server must be a table"),
        ("[database]\nurl = 'mysql://x'", "database.url must begin with sqlite: or postgres://"),
        ("[database]\nurl = 'sqlite::memory:'", "database.url needs the path of a file"),
        ("[delivery]\nretry = []", "delivery.retry needs at least 1 entry"),
        ("[delivery]\nretry = ['5']", "delivery.retry[0] must be a span of time"),
        ("[delivery]\nretry = ['0s']", "delivery.retry[0] must be more than nothing"),
        ("[delivery]\nlease = '0s'", "delivery.lease must be more than nothing"),
        ("[delivery]\nlease = '25h'", "delivery.lease must be at most 24h"),
        ("[tenant.ACME]", "tenant.ACME is not a name"),
        ("[tenant.acme]", "tenant.acme.salesforce is missing"),
        (
            "[tenant.acme]\nacknowledge = 'never'",
            "tenant.acme.acknowledge must be \"stored\" or \"delivered\", not \"never\"",
        ),
        (
            "[tenant.acme.salesforce]\nflow = 'password'",
            "flow must be \"client-credentials\" or \"jwt-bearer\" or \"refresh-token\", not",
        ),
        ("[tenant.acme.salesforce]\napi_version = '62'", "api_version must look like v66.0"),
        ("[tenant.acme.groups]\nmirror = ['a[']", "tenant.acme.groups.mirror[0] is not a pattern"),
        ("[tenant.acme.groups]\ncreate = 'yes'", "tenant.acme.groups.create must be true or false"),
    ];
    for (text, wanted) in cases {
        let told = problems(text);
        assert!(
            told.iter().any(|problem| problem.starts_with("test.toml: ") && problem.contains(wanted)),
            "{text}: {told:#?}"
        );
    }
}

#[test]
fn the_login_is_checked_as_a_whole() {
    let cases = [
        ("url = \"https://acme.my.salesforce.com\"", "url = \"http://acme.my.salesforce.com\"", "url must be https"),
        (
            "url = \"https://acme.my.salesforce.com\"",
            "url = \"https://login.salesforce.com\"",
            "the org's own My Domain host",
        ),
        ("my.salesforce.com\"", "my.salesforce.com/x\"", "must be a scheme and a host and nothing more"),
        ("client_secret = \"hunter2-secret\"", "", "client_secret is missing (or its _file or _env form)"),
        ("\"client-credentials\"", "\"jwt-bearer\"", "username is missing: the flow \"jwt-bearer\" needs it"),
        ("\"client-credentials\"", "\"jwt-bearer\"", "client_secret has no use in the flow \"jwt-bearer\""),
        ("\"hunter2-secret\"", "\"\"", "client_secret is empty"),
    ];
    for (from, to, wanted) in cases {
        assert!(ACME.contains(from));
        let told = problems(&ACME.replace(from, to));
        assert!(told.iter().any(|problem| problem.contains(wanted)), "{wanted}: {told:#?}");
    }
    for host in ["http://localhost:9", "http://127.0.0.1:9", "http://[::1]:9"] {
        Config::from_toml(&ACME.replace("https://acme.my.salesforce.com", host)).unwrap();
    }
}

#[test]
fn all_problems_are_told_at_once_and_each_once() {
    let told =
        problems("[server]\nlistn = 1\nworkers = 0\n[delivery]\nlease = '0s'\n[tenant.acme.salesforce]\nflow = 1");
    let wanted = ["server.listn", "server.workers", "flow must be a text", "url is missing", "client_id is missing"];
    for wanted in wanted {
        assert_eq!(told.iter().filter(|problem| problem.contains(wanted)).count(), 1, "{wanted}: {told:#?}");
    }
    assert!(!told.iter().any(|problem| problem.contains("flow is missing")), "{told:#?}");
}

#[test]
fn the_environment_wins_over_the_file() {
    let config = load(
        &format!("[server]\nlisten = '127.0.0.1:1'\n{ACME}"),
        &[
            ("SCIM_BRIDGE__SERVER__LISTEN", "127.0.0.1:2"),
            ("SCIM_BRIDGE__SERVER__BODY_LIMIT", "2048"),
            ("SCIM_BRIDGE__DELIVERY__RETRY", "1s, 2s"),
            ("SCIM_BRIDGE__TENANT__ACME__GROUPS__CREATE", "false"),
            ("SCIM_BRIDGE__TENANT__ACME__SALESFORCE__CLIENT_ID", "12345"),
            ("SCIM_BRIDGE__TENANT__ACME_EU__SALESFORCE__URL", "https://eu.my.salesforce.com"),
            ("SCIM_BRIDGE__TENANT__ACME_EU__SALESFORCE__FLOW", "client-credentials"),
            ("SCIM_BRIDGE__TENANT__ACME_EU__SALESFORCE__CLIENT_ID", "id"),
            ("SCIM_BRIDGE__TENANT__ACME_EU__SALESFORCE__CLIENT_SECRET", "secret"),
            ("SCIM_BRIDGE_LOG", "debug"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.body_limit, 2048);
    assert_eq!(config.delivery.retry, [Duration::from_secs(1), Duration::from_secs(2)]);
    assert!(!config.tenant["acme"].groups.create);
    assert_eq!(config.tenant["acme"].salesforce.client_id, "12345");
    assert_eq!(config.tenant["acme-eu"].salesforce.url.as_str(), "https://eu.my.salesforce.com/");
}

#[test]
fn a_wrong_variable_is_named() {
    let cases = [
        ("SCIM_BRIDGE__DATABSE__URL", "x", "unknown key databse; did you mean database?"),
        ("SCIM_BRIDGE__SERVER__WORKERS", "many", "server.workers must be a whole number"),
        ("SCIM_BRIDGE__SERVER", "x", "server is a table; name one of its keys"),
        ("SCIM_BRIDGE__SERVER__LISTEN__PORT", "x", "server.listen has no keys of its own"),
    ];
    for (variable, value, wanted) in cases {
        let error = load("", &[(variable, value)]).unwrap_err().to_string();
        assert!(error.contains(&format!("environment variable {variable}: ")) && error.contains(wanted), "{error}");
    }
}

#[test]
fn a_secret_comes_from_a_file_or_a_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "from-file\n").unwrap();
    let without = ACME.replace("client_secret = \"hunter2-secret\"", "");
    let secret =
        |config: Config| config.tenant["acme"].salesforce.client_secret.clone().unwrap().expose_secret().to_owned();

    let file = format!("{without}client_secret_file = {path:?}");
    assert_eq!(secret(load(&file, &[]).unwrap()), "from-file");
    let variable = format!("{without}client_secret_env = 'ORG_SECRET'");
    assert_eq!(secret(load(&variable, &[("ORG_SECRET", "from-env")]).unwrap()), "from-env");
    // The environment's form takes the place of the file's.
    let override_ = ("SCIM_BRIDGE__TENANT__ACME__SALESFORCE__CLIENT_SECRET_FILE", path.to_str().unwrap());
    assert_eq!(secret(load(ACME, &[override_]).unwrap()), "from-file");
    let url = load("", &[("SCIM_BRIDGE__DATABASE__URL_ENV", "DB"), ("DB", "postgres://h/n")]).unwrap().database.url;
    assert_eq!(url.expose(), "postgres://h/n");

    let stray = load("[server]\nlisten_env = 'X'", &[("SCIM_BRIDGE__SERVER__LISTEN", "127.0.0.1:1")]);
    assert!(stray.is_err(), "only a secret's other forms give way");

    let error = load(&variable, &[]).unwrap_err().to_string();
    assert!(error.contains("client_secret_env names \"ORG_SECRET\", which the environment does not have"), "{error}");
    assert!(!error.contains("missing"), "{error}");
    let error = load(&format!("{without}client_secret_file = '/no/such'"), &[]).unwrap_err().to_string();
    assert!(error.contains("client_secret_file \"/no/such\" cannot be read"), "{error}");
    let error = load(&format!("{ACME}client_secret_env = 'X'"), &[("X", "y")]).unwrap_err().to_string();
    assert!(
        error.contains("client_secret is given more than once: use one of client_secret, client_secret_file"),
        "{error}"
    );
}

#[test]
fn secrets_are_not_shown() {
    let text = format!("[database]\nurl = 'postgres://u:hunter2@h/n?sslpassword=hunter2&sslmode=require'\n{ACME}");
    let config = Config::from_toml(&text).unwrap();
    let shown = format!("{config:?} {} {:?}", config.database.url, config.tenant["acme"].salesforce.login());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("postgres://u:***@h/n?sslpassword=***&sslmode=require"), "{shown}");
    assert!(config.database.url.expose().contains("hunter2"));

    let wrong = [
        ACME.replace("\"hunter2-secret\"", "\"hunter2-secret"),
        ACME.replace("\"hunter2-secret\"", "[\"hunter2\"]"),
        ACME.replace("client_secret", "client_secrets"),
        ACME.replace("https://", "ftp://u:hunter2@"),
        format!("[database]\nurl = 'postgres://u:hunter2@ho st/n'\n{ACME}"),
        format!("[database]\nurl = 'mysql://u:hunter2@host/n'\n{ACME}"),
    ];
    for text in wrong {
        let error = Config::from_toml(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn the_quota_is_a_part_of_the_calls() {
    let with = |text: &str| format!("{ACME}[tenant.acme.salesforce.quota]\n{text}");
    let quota = Config::from_toml(&with("slow_at = 0.5\nhold_at = 1\nreserve = 5000")).unwrap();
    let quota = &quota.tenant["acme"].salesforce.quota;
    assert_eq!((quota.slow_at, quota.hold_at, quota.reserve, quota.concurrency), (0.5, 1.0, 5_000, 8));
    let variable = ("SCIM_BRIDGE__TENANT__ACME__SALESFORCE__QUOTA__HOLD_AT", "0.9");
    assert!((load(ACME, &[variable]).unwrap().tenant["acme"].salesforce.quota.hold_at - 0.9).abs() < f64::EPSILON);
    for (text, problem) in [
        ("slow_at = 80", "quota.slow_at must be from 0 to 1"),
        ("hold_at = -0.5", "quota.hold_at must be from 0 to 1"),
        ("hold_at = \"all\"", "quota.hold_at must be a number"),
        ("hold_at = 0.7", "quota.slow_at must not be more than hold_at"),
        ("reserve = 0.5", "quota.reserve must be a whole number"),
        ("concurrency = 0", "quota.concurrency must be from 1 to 100"),
    ] {
        let problems = problems(&with(text));
        assert!(problems.len() == 1 && problems[0].contains(problem), "{problems:?} should be {problem}");
    }
}

#[test]
fn each_flow_has_what_it_needs() {
    let refresh = ACME.replace("client-credentials", "refresh-token");
    let token = "refresh_token = \"hunter3\"\n";
    let config = Config::from_toml(&format!("{refresh}{token}")).unwrap();
    let Ok(Login::RefreshToken { client_secret: Some(_), refresh_token, .. }) =
        config.tenant["acme"].salesforce.login()
    else {
        panic!("{config:?}");
    };
    assert_eq!(refresh_token.expose_secret(), "hunter3");
    assert!(!format!("{config:?}").contains("hunter3"));
    let public = refresh.replace("client_secret = \"hunter2-secret\"\n", "");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "from-file\n").unwrap();
    // Salesforce offers this flow on any of its hosts, and there are apps without a secret.
    let anywhere = public.replace("acme.my", "login");
    let config = load(&format!("{anywhere}refresh_token_file = {path:?}"), &[]).unwrap();
    assert!(config.tenant["acme"].salesforce.login().is_ok());
    for (text, problem) in [
        (refresh, "refresh_token is missing (or its _file or _env form): the flow \"refresh-token\" needs it"),
        (format!("{ACME}{token}"), "refresh_token has no use in the flow \"client-credentials\""),
        (format!("{public}{token}username = \"x\""), "username has no use in the flow \"refresh-token\""),
        (ACME.replace("acme.my", "login"), "url must be the org's own My Domain host"),
        (ACME.replace("acme.my", "test"), "url must be the org's own My Domain host"),
        (ACME.replace("acme.my", "Test"), "url must be the org's own My Domain host"),
    ] {
        let problems = problems(&text);
        assert!(problems.len() == 1 && problems[0].contains(problem), "{problems:?} should be {problem}");
    }
}

#[test]
fn broken_toml_is_refused_with_its_line() {
    assert!(problems("[server]\nlisten = ")[0].starts_with("test.toml: line 2 is not TOML: "));
    let missing = Config::load(Some(Path::new("/no/such.toml")), std::iter::empty()).unwrap_err().to_string();
    assert!(missing.starts_with("/no/such.toml: cannot be read: "), "{missing}");
}

#[test]
fn the_sandbox_needs_no_configuration() {
    let config = Config::sandbox(Url::parse("http://127.0.0.1:1").unwrap(), "id", SecretString::from("secret"));
    let tenant = &config.tenant["sandbox"];
    assert!(tenant.salesforce.login().is_ok());
    assert!(tenant.groups.mirrored().unwrap().is_match("anything at all/here"));
    assert!(validate::config(&config).is_empty());
}

#[test]
fn every_key_stands_in_the_documentation_with_its_variable_and_default() {
    fn leaves(schema: &Value, path: &str, found: &mut Vec<(String, Option<Value>)>) {
        for (key, inner) in schema::properties(schema).into_iter().flatten() {
            leaves(inner, &schema::join(path, key), found);
        }
        if let Some(entry) = schema::entries(schema) {
            let name = if schema.get("propertyNames").is_some() { "FIELD" } else { "NAME" };
            leaves(entry, &schema::join(path, name), found);
        } else if let Some(entry) = schema.get("items").filter(|item| schema::properties(item).is_some()) {
            leaves(entry, &format!("{path}[]"), found);
        } else if schema::properties(schema).is_none() || schema::takes(schema, "string") {
            found.push((path.to_owned(), schema.get("default").cloned()));
        }
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
    let mut keys = Vec::new();
    leaves(&Config::json_schema(), "", &mut keys);
    assert!(keys.len() > 20, "{keys:?}");
    for (key, default) in &keys {
        let variable = format!("SCIM_BRIDGE__{}", key.to_uppercase().replace('.', "__"));
        let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md has no row that begins with | `{key}` |"));
        // The environment has no lists of tables.
        let named = row.contains(&format!("`{variable}`")) || key.contains("[]");
        assert!(named, "the row of {key} should name {variable}");
        if let Some(default) = default.as_ref().filter(|default| !default.is_null()) {
            assert!(row.contains(&format!("`{default}`")), "the row of {key} should give the default {default}");
        }
    }
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(key, _)| key);
    for key in rows {
        assert!(
            keys.iter().any(|(known, _)| known == key),
            "docs/configuration.md describes {key}, which is not there"
        );
    }
}

#[test]
fn fields_are_mapped_by_templates() {
    let text = format!(
        "{ACME}[tenant.acme.mapping]\nusername = '{{{{ userName }}}}.acme'\nCost_Centre__c = '{{{{ enterprise.costCenter }}}}'\n\
         TITLE = {{ write = 'on-create' }}\n[tenant.acme.mapping.defaults]\ntime_zone = 'Europe/Zurich'"
    );
    let mapping = |config: Config| config.tenant["acme"].mapping("acme").unwrap();
    let config = load(
        &text,
        &[
            ("SCIM_BRIDGE__TENANT__ACME__MAPPING__USERNAME", "{{ userName }}.env"),
            ("SCIM_BRIDGE__TENANT__ACME__MAPPING__FAX__WRITE", "never"),
            ("SCIM_BRIDGE__TENANT__ACME__MAPPING__DEFAULTS__LOCALE", "en-GB"),
        ],
    );
    let mapping = mapping(config.unwrap());
    let user = serde_json::json!({ "userName": "Ada@b.co", "title": "T",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "costCenter": "9" } });
    let mapped = mapping.record(user.as_object().unwrap()).unwrap();
    assert_eq!(mapped.record.text("Username"), Some("ada@b.co.env"), "the environment wins, whatever the case");
    assert_eq!(mapped.record.text("Cost_Centre__c"), Some("9"));
    assert!(!mapped.record.mentions("Fax") && !mapped.record.mentions("Title"));
    let on_create = ["Title", "TimeZoneSidKey", "LocaleSidKey"].map(|field| mapped.on_create.text(field));
    assert_eq!(on_create, [Some("T"), Some("Europe/Berlin"), Some("en_GB")]);
    let sandbox = ACME.replace("acme.my", "acme--uat.sandbox.my");
    let mapped = Config::from_toml(&sandbox).unwrap().tenant["acme"].mapping("acme").unwrap();
    let mapped = mapped.record(user.as_object().unwrap()).unwrap();
    assert_eq!(mapped.record.text("Username"), Some("ada@b.co.uat"));
}

#[test]
fn what_is_wrong_with_a_mapping_is_told_with_its_key() {
    for (body, wanted) in [
        ("Titel = 'x'", "test.toml: tenant.acme.mapping.Titel is no field of a Salesforce user; did you mean Title?"),
        ("Title = '{{ title'", "tenant.acme.mapping.Title has a template that does not work: syntax error"),
        ("Title = 7", "tenant.acme.mapping.Title must be a text or a table"),
        ("Title = { vlaue = 'x' }", "unknown key tenant.acme.mapping.Title.vlaue; did you mean value?"),
        ("Title = { write = 'once' }", "write must be \"always\" or \"on-create\" or \"never\", not \"once\""),
        ("Title = { value = 7 }", "tenant.acme.mapping.Title.value must be a text"),
        ("X__c = { value = 'x', type = 'date' }", "type must be \"text\" or \"boolean\" or \"number\""),
        ("defaults = { locale = 'tlh' }", "tenant.acme.mapping.defaults.locale = \"tlh\" is none that every"),
        ("defaults = { zone = 'x' }", "unknown key tenant.acme.mapping.defaults.zone"),
        ("Title = 'x'\ntitle = 'y'", "tenant.acme.mapping.title is the same field as Title"),
        ("IsActive = { write = 'never' }", "tenant.acme.mapping.IsActive must be written always"),
    ] {
        let told = problems(&format!("{ACME}[tenant.acme.mapping]\n{body}"));
        assert!(told.len() == 1 && told[0].contains(wanted), "{body}: {told:#?}");
    }
    let error = load(ACME, &[("SCIM_BRIDGE__TENANT__ACME__MAPPING__TITEL", "x")]).unwrap_err().to_string();
    assert!(
        error.contains("SCIM_BRIDGE__TENANT__ACME__MAPPING__TITEL: tenant.acme.mapping.titel is no field"),
        "{error}"
    );
}

#[test]
fn the_examples_of_the_mapping_s_page_work() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mapping.md")).unwrap();
    let block = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    Config::from_toml(&format!("{ACME}{block}")).unwrap();
    let (_, recipes) = page.split_once("## Recipes").unwrap();
    let lines = recipes.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | `")?.1.strip_suffix("` |"));
    let lines: Vec<String> = lines.map(|line| line.replace("\\|", "|")).collect();
    assert!(lines.len() > 8, "{lines:?}");
    for line in lines {
        Config::from_toml(&format!("{ACME}[tenant.acme.mapping]\n{line}"))
            .unwrap_or_else(|wrong| panic!("{line}: {wrong}"));
    }
}

const BADGE: &str = r#"
[[tenant.acme.extensions]]
resource_type = "User"
id = "urn:acme:badge"
name = "Badge"
[[tenant.acme.extensions.attributes]]
name = "number"
caseExact = true
[[tenant.acme.extensions.attributes]]
name = "desk"
type = "complex"
subAttributes = [{ name = "room" }, { name = "shared", type = "boolean" }]
"#;

#[test]
fn an_extension_stands_in_the_configuration() {
    let config = Config::from_toml(&format!("{ACME}{BADGE}")).unwrap();
    let registry = config.tenant["acme"].registry().unwrap().unwrap();
    let badge = registry.user.extension("urn:acme:badge").unwrap();
    assert!(badge.attribute("number").unwrap().case_exact);
    assert_eq!(badge.attribute("desk").unwrap().sub_attributes.len(), 2);
    assert!(registry.group.extension("urn:acme:badge").is_none());
    assert!(Config::from_toml(ACME).unwrap().tenant["acme"].registry().unwrap().is_none());
}

#[test]
fn an_extension_stands_in_a_file_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scim-bridge.toml");
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    let extension =
        "[[tenant.acme.extensions]]\nresource_type = \"Group\"\nrequired = true\nschema_file = \"schemas/team.json\"";
    std::fs::write(&path, format!("{ACME}{extension}")).unwrap();
    let file = folder.path().join("schemas/team.json");
    let load = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&path), std::iter::empty())
    };
    let text = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": "urn:acme:team",
        "attributes": [{"name": "lead", "required": true}], "meta": {"resourceType": "Schema"}}"#;
    let registry = load(text).unwrap().tenant["acme"].registry().unwrap().unwrap();
    assert!(registry.group.extension("urn:acme:team").unwrap().attribute("lead").unwrap().required);
    assert!(registry.group.extensions.last().unwrap().required);
    for (text, reason) in [
        ("{", "EOF while parsing"),
        (
            r#"{"id": "urn:acme:team", "attributes": [{"name": "lead", "type": "text"}]}"#,
            "attributes[0].type: unknown variant",
        ),
    ] {
        let problem = load(text).unwrap_err().to_string();
        let place = format!("tenant.acme.extensions[0].schema_file {}: {reason}", file.display());
        assert!(problem.starts_with(&path.display().to_string()) && problem.contains(&place), "{problem}");
    }
    std::fs::remove_file(&file).unwrap();
    let problem = Config::load(Some(&path), std::iter::empty()).unwrap_err().to_string();
    assert!(problem.contains("team.json: No such file"), "{problem}");
}

#[test]
fn what_is_wrong_with_an_extension_is_told_with_its_place() {
    let head = "[[tenant.acme.extensions]]\nresource_type = \"User\"\n";
    let one = |body: &str| format!("{ACME}{head}{body}");
    let attribute = "attributes = [{ name = \"x\" }]\n";
    for (text, expected) in [
        (one(attribute), "tenant.acme.extensions[0].id is missing (or schema_file)"),
        (one("id = \"urn:x\""), "tenant.acme.extensions[0]: missing field `attributes`"),
        (one("id = \"urn:x\"\nname = 7"), "tenant.acme.extensions[0].name must be a text"),
        (one("id = \"urn:x\"\ntitle = \"x\""), "unknown key tenant.acme.extensions[0].title"),
        (
            one(&format!("id = \"urn:x\"\nschema_file = \"x.json\"\n{attribute}")),
            "tenant.acme.extensions[0].schema_file describes the whole extension",
        ),
        (
            one("id = \"urn:x\"\nattributes = [{ name = \"x\", multivalued = true }]"),
            "tenant.acme.extensions[0]: attributes[0].multivalued: there is no such characteristic",
        ),
        (
            one(&format!("id = \"urn:ietf:params:scim:schemas:core:2.0:User\"\n{attribute}")),
            "tenant.acme.extensions[0]: id: urn:ietf:params:scim:schemas:core:2.0:User is not for extensions",
        ),
        (
            one(&format!("id = \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"\n{attribute}")),
            "tenant.acme.extensions: schema urn:ietf:params:scim:schemas:extension:enterprise:2.0:User: another schema has",
        ),
        (
            one(&format!("id = \"acme\"\n{attribute}")),
            "tenant.acme.extensions: schema acme: the id must begin with urn:",
        ),
        (
            format!("{ACME}{BADGE}{BADGE}"),
            "tenant.acme.extensions: schema urn:acme:badge: User has this schema already",
        ),
        (
            format!("{ACME}[[tenant.acme.extensions]]\nresource_type = \"Device\"\nid = \"urn:x\"\n{attribute}"),
            "tenant.acme.extensions[0].resource_type must be \"User\" or \"Group\", not \"Device\"",
        ),
    ] {
        let problems = problems(&text);
        assert!(problems.len() == 1 && problems[0].contains(expected), "{problems:?} should be {expected}");
    }
    let error = load(ACME, &[("SCIM_BRIDGE__TENANT__ACME__EXTENSIONS", "x")]).unwrap_err().to_string();
    assert!(error.contains("tenant.acme.extensions is a list of tables, which only the file can hold"), "{error}");
}
