//! Values that must not be shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Which database engine a URL asks for. Decided by the scheme and nothing else: guessing opens a SQLite file that is
/// named after a PostgreSQL URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// Where the database is: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/NAME`. Shown without passwords.
#[derive(Clone)]
pub struct DatabaseUrl {
    engine: Engine,
    url: SecretString,
}

/// Parameters of a PostgreSQL URL that are secret.
const SECRET_PARAMETERS: [&str; 2] = ["password", "sslpassword"];

/// Whether each `%` is followed by two hexadecimal digits.
fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

impl DatabaseUrl {
    /// Reads a database URL. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let engine = match text.split_once(':') {
            Some(("sqlite", ":memory:" | "" | "//")) => {
                return Err("needs the path of a file after sqlite:, such as sqlite:scim-bridge-data/bridge.db");
            }
            Some(("sqlite", _)) => Engine::Sqlite,
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Url::parse(text).map_err(|_| "is not a well-formed postgres:// URL")?;
                // libpq would quote what it could not read, the password among it.
                let authority = rest.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
                let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo).unwrap_or_default();
                if userinfo.contains('@') || !escapes_are_whole(userinfo) {
                    return Err(
                        "has a user or password with a character that must be percent-encoded (@ is %40, % is %25)",
                    );
                }
                Engine::Postgres
            }
            _ => return Err("must begin with sqlite: or postgres://"),
        };
        Ok(Self { engine, url: SecretString::from(text) })
    }

    /// The default, which is known to be well formed.
    pub(super) fn sqlite(text: &'static str) -> Self {
        Self { engine: Engine::Sqlite, url: SecretString::from(text) }
    }

    /// The engine that it asks for.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The file, where the engine is SQLite.
    pub fn sqlite_path(&self) -> Option<&str> {
        let path = self.url.expose_secret().strip_prefix("sqlite:")?;
        Some(path.strip_prefix("//").unwrap_or(path))
    }

    /// The whole URL, passwords included.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.expose();
        let Engine::Postgres = self.engine else { return f.write_str(text) };
        let Ok(mut url) = Url::parse(text) else { return f.write_str("postgres://***") };
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return f.write_str("postgres://***");
        }
        let secret = |name: &str| SECRET_PARAMETERS.contains(&name);
        if url.query_pairs().any(|(name, _)| secret(&name)) {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let masked = pairs.into_iter().map(|(name, value)| {
                let shown = if secret(&name) { "***".to_owned() } else { value };
                (name, shown)
            });
            url.query_pairs_mut().clear().extend_pairs(masked);
        }
        write!(f, "{url}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl<'de> serde::Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text: String = serde::Deserialize::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Shows the default in the JSON Schema, without passwords.
impl serde::Serialize for DatabaseUrl {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
