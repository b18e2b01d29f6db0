//! A token: its secret, its row.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::Randomness;
use crate::db::schema::tokens;
use crate::db::{Conn, Error};

/// What a token's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Push users and groups.
    Scim,
    /// See and steer deliveries.
    Admin,
}

impl Scope {
    /// As stored and written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "scim" => Ok(Self::Scim),
            "admin" => Ok(Self::Admin),
            other => Err(format!("unknown scope {other}; there are scim and admin")),
        }
    }
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Token {
    /// Its id, by which it is revoked.
    pub id: String,
    /// Whose resources it sees.
    pub tenant: String,
    /// What its maker called it.
    pub name: String,
    /// The secret's last four characters.
    pub hint: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it ends by itself.
    pub expires: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked: Option<DateTime<Utc>>,
    /// Whether its requests are read by the letter of the RFCs.
    pub strict: bool,
    /// Id of the user whom its holder is.
    pub user: Option<String>,
}

/// `sb_ID_SECRET`: a prefix that secret scanners can look for, the id to find the row by, and 256 random bits.
pub(super) struct Secret {
    pub(super) id: String,
    whole: SecretString,
}

const PREFIX: &str = "sb";
const ID_LENGTH: usize = 12;

impl Secret {
    pub(super) fn generate(randomness: &dyn Randomness, now: DateTime<Utc>) -> Self {
        let mut bytes = [0; 32];
        randomness.fill(&mut bytes);
        // The id's last digits are its random ones.
        let id = randomness.id(now).simple().to_string();
        let id = id.get(id.len() - ID_LENGTH..).unwrap_or_default().to_owned();
        let whole = format!("{PREFIX}_{id}_{}", URL_SAFE_NO_PAD.encode(bytes)).into();
        Self { id, whole }
    }

    pub(super) fn parse(presented: &str) -> Option<Self> {
        let (id, _) = presented.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
        (id.len() == ID_LENGTH).then(|| Self { id: id.to_owned(), whole: presented.into() })
    }

    /// SHA-256 of the whole.
    pub(super) fn digest(&self) -> Digest {
        Sha256::digest(self.whole.expose_secret()).into()
    }

    /// The same as it is stored: hexadecimal.
    pub(super) fn hash(&self) -> String {
        hex(&self.digest())
    }

    pub(super) fn hint(&self) -> String {
        let whole = self.whole.expose_secret();
        whole.get(whole.len().saturating_sub(4)..).unwrap_or_default().to_owned()
    }

    pub(super) fn reveal(&self) -> String {
        self.whole.expose_secret().to_owned()
    }
}

/// A hash of a secret.
pub(super) type Digest = [u8; 32];

fn hex(digest: &Digest) -> String {
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether two digests are the same, in a time that does not tell where they differ.
pub(super) fn same_digest(one: &Digest, other: &Digest) -> bool {
    one.ct_eq(other).into()
}

/// Whether a digest is the one that is stored, in a time that does not tell where they differ.
pub(super) fn is_stored_as(digest: &Digest, stored: &str) -> bool {
    hex(digest).as_bytes().ct_eq(stored.as_bytes()).into()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct Row {
    id: String,
    tenant: String,
    name: String,
    hash: String,
    hint: String,
    scopes: String,
    created_at: NaiveDateTime,
    expires_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
    strict: bool,
    user_id: Option<String>,
}

impl Row {
    fn token(self) -> (Token, String) {
        let token = Token {
            id: self.id,
            tenant: self.tenant,
            name: self.name,
            hint: self.hint,
            // A scope that this version does not know allows nothing.
            scopes: self.scopes.split(' ').filter_map(|s| s.parse().ok()).collect(),
            created: self.created_at.and_utc(),
            expires: self.expires_at.map(|t| t.and_utc()),
            revoked: self.revoked_at.map(|t| t.and_utc()),
            strict: self.strict,
            user: self.user_id,
        };
        (token, self.hash)
    }
}

pub(super) fn insert(conn: &mut Conn, token: &Token, hash: &str) -> Result<(), Error> {
    let scopes: Vec<&str> = token.scopes.iter().map(|s| s.as_str()).collect();
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(&token.id),
            tokens::tenant.eq(&token.tenant),
            tokens::name.eq(&token.name),
            tokens::hash.eq(hash),
            tokens::hint.eq(&token.hint),
            tokens::scopes.eq(scopes.join(" ")),
            tokens::created_at.eq(token.created.naive_utc()),
            tokens::expires_at.eq(token.expires.map(|t| t.naive_utc())),
            tokens::strict.eq(token.strict),
            tokens::user_id.eq(&token.user),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn find(conn: &mut Conn, id: &str) -> Result<Option<(Token, String)>, Error> {
    let row: Option<Row> = tokens::table.find(id).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(Row::token))
}

pub(super) fn list(conn: &mut Conn, tenant: Option<&str>) -> Result<Vec<Token>, Error> {
    let rows: Vec<Row> = match tenant {
        Some(tenant) => tokens::table
            .filter(tokens::tenant.eq(tenant))
            .order(tokens::created_at)
            .select(Row::as_select())
            .load(conn)?,
        None => tokens::table.order(tokens::created_at).select(Row::as_select()).load(conn)?,
    };
    Ok(rows.into_iter().map(|row| row.token().0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandomness;

    #[test]
    fn a_secret_is_read_back_with_the_same_id_and_hash() {
        let secret = Secret::generate(&SystemRandomness, DateTime::UNIX_EPOCH);
        let read = Secret::parse(&secret.reveal()).unwrap();
        assert_eq!((read.id.as_str(), read.hash()), (secret.id.as_str(), secret.hash()));
        assert!(secret.reveal().ends_with(&secret.hint()));
        assert!(!secret.hash().contains(secret.reveal().rsplit('_').next().unwrap()));
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        for text in ["", "sb", "sb_", "sb_short_x", "xx_123456789012_y", "Bearer sb_123456789012_y"] {
            assert!(Secret::parse(text).is_none(), "{text}");
        }
    }
}
