//! Who may push: bearer tokens, each of one tenant. The database has their SHA-256 and nothing that gives the secret
//! back; a guess costs the same time whatever is wrong with it.

mod token;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::clock::{SharedClock, SharedRandomness};
use crate::db::schema::tokens;
use crate::db::{Conn, Db, Error};

use token::Secret;
pub use token::{Scope, Token};

/// Whom a request speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose resources it sees: no others exist for it.
    pub tenant: String,
    /// The token it came with, for logs.
    pub token: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Principal {
    /// Whether it may do what needs `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// The tokens.
#[derive(Clone)]
pub struct Access {
    db: Db,
    clock: SharedClock,
    randomness: SharedRandomness,
}

impl Access {
    /// The tokens in a database.
    pub fn new(db: Db, clock: SharedClock, randomness: SharedRandomness) -> Self {
        Self { db, clock, randomness }
    }

    /// Makes a token. The secret is in the answer and nowhere else.
    pub async fn create(
        &self,
        tenant: &str,
        name: &str,
        scopes: Vec<Scope>,
        life: Option<TimeDelta>,
    ) -> Result<(Token, String), Error> {
        let now = self.clock.now();
        let secret = Secret::generate(self.randomness.as_ref(), now);
        let token = Token {
            id: secret.id.clone(),
            tenant: tenant.to_owned(),
            name: name.to_owned(),
            hint: secret.hint(),
            scopes,
            created: now,
            expires: life.map(|life| now + life),
            revoked: None,
        };
        let (row, hash) = (token.clone(), secret.hash());
        self.db.write(move |conn| token::insert(conn, &row, &hash)).await?;
        Ok((token, secret.reveal()))
    }

    /// All tokens of a tenant, or of all tenants, newest last.
    pub async fn list(&self, tenant: Option<String>) -> Result<Vec<Token>, Error> {
        self.db.read(move |conn| token::list(conn, tenant.as_deref())).await
    }

    /// Ends a token. `false`: there is none of this id, or it had ended.
    pub async fn revoke(&self, id: &str) -> Result<bool, Error> {
        let (id, now) = (id.to_owned(), self.clock.now());
        self.db
            .write(move |conn: &mut Conn| {
                let live = tokens::table.filter(tokens::id.eq(&id).and(tokens::revoked_at.is_null()));
                let rows = diesel::update(live).set(tokens::revoked_at.eq(Some(now.naive_utc()))).execute(conn)?;
                Ok::<_, Error>(rows == 1)
            })
            .await
    }

    /// Whom a bearer token speaks for; `None` if it is unknown, revoked or expired.
    pub async fn authenticate(&self, presented: &str) -> Result<Option<Principal>, Error> {
        let secret = Secret::parse(presented);
        let now = self.clock.now();
        self.db
            .read(move |conn| {
                // A malformed token goes the same way as a well-formed one that nobody has.
                let stored = token::find(conn, secret.as_ref().map_or("", |s| s.id.as_str()))?;
                Ok(verify(secret.as_ref(), stored, now))
            })
            .await
    }
}

fn verify(secret: Option<&Secret>, stored: Option<(Token, String)>, now: DateTime<Utc>) -> Option<Principal> {
    let (token, hash) = stored.unzip();
    let presented = secret.map(Secret::hash).unwrap_or_default();
    let same = token::same(&presented, hash.as_deref().unwrap_or_default());
    let token = token.filter(|_| same && secret.is_some())?;
    let live = token.revoked.is_none() && token.expires.is_none_or(|end| now < end);
    live.then_some(Principal { tenant: token.tenant, token: token.id, scopes: token.scopes })
}
