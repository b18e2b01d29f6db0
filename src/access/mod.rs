//! Who may push: bearer tokens, each of one tenant. The database has their SHA-256 and nothing that gives the secret
//! back; a guess costs the same time whatever is wrong with it.

mod known;
mod token;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::clock::{SharedClock, SharedRandomness};
use crate::db::schema::tokens;
use crate::db::{Conn, Db, Error};

use known::Known;
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
    /// Whether its requests are read by the letter of the RFCs, instead of for what was meant.
    pub strict: bool,
    /// Id of the user whom it is: what `/Me` means (RFC 7644 3.11).
    pub user: Option<String>,
}

impl Principal {
    /// Whether it may do what needs `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose resources it sees.
    pub tenant: String,
    /// What to call it in lists.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// How long it lives; `None`: until it is revoked.
    pub life: Option<TimeDelta>,
    /// See [`Principal::strict`].
    pub strict: bool,
    /// See [`Principal::user`]. Of the same tenant: the caller looks it up.
    pub user: Option<String>,
}

impl NewToken {
    /// A token that lives until it is revoked, is read with tolerance, and is nobody's in particular.
    pub fn new(tenant: &str, name: &str, scopes: Vec<Scope>) -> Self {
        Self { tenant: tenant.to_owned(), name: name.to_owned(), scopes, life: None, strict: false, user: None }
    }
}

/// The tokens.
#[derive(Clone)]
pub struct Access {
    db: Db,
    clock: SharedClock,
    randomness: SharedRandomness,
    known: Arc<Known>,
}

impl Access {
    /// The tokens in a database.
    pub fn new(db: Db, clock: SharedClock, randomness: SharedRandomness) -> Self {
        Self { db, clock, randomness, known: Arc::default() }
    }

    /// Makes a token. The secret is in the answer and nowhere else.
    pub async fn create(&self, new: NewToken) -> Result<(Token, String), Error> {
        let now = self.clock.now();
        let secret = Secret::generate(self.randomness.as_ref(), now);
        let token = Token {
            id: secret.id.clone(),
            tenant: new.tenant,
            name: new.name,
            hint: secret.hint(),
            scopes: new.scopes,
            created: now,
            expires: new.life.map(|life| now + life),
            revoked: None,
            strict: new.strict,
            user: new.user,
        };
        let (row, hash) = (token.clone(), secret.hash());
        self.db.write(move |conn| token::insert(conn, &row, &hash)).await?;
        Ok((token, secret.reveal()))
    }

    /// All tokens of a tenant, or of all tenants, newest last.
    pub async fn list(&self, tenant: Option<String>) -> Result<Vec<Token>, Error> {
        self.db.read(move |conn| token::list(conn, tenant.as_deref())).await
    }

    /// Ends a token. `false`: there is none of this id, or it had ended. Every process forgets it within
    /// [`known::LIFE`].
    pub async fn revoke(&self, id: &str) -> Result<bool, Error> {
        let (wanted, now) = (id.to_owned(), self.clock.now());
        let revoked = self
            .db
            .write(move |conn: &mut Conn| {
                let live = tokens::table.filter(tokens::id.eq(&wanted).and(tokens::revoked_at.is_null()));
                let rows = diesel::update(live).set(tokens::revoked_at.eq(Some(now.naive_utc()))).execute(conn)?;
                Ok::<_, Error>(rows == 1)
            })
            .await;
        self.known.forget(id);
        revoked
    }

    /// Whom a bearer token speaks for; `None` if it is unknown, revoked or expired.
    pub async fn authenticate(&self, presented: &str) -> Result<Option<Arc<Principal>>, Error> {
        let secret = Secret::parse(presented);
        let now = self.clock.now();
        let digest = secret.as_ref().map(Secret::digest).unwrap_or_default();
        let id = secret.map_or_else(String::new, |s| s.id);
        if let Some(principal) = self.known.get(&id, &digest, now) {
            return Ok(Some(principal));
        }
        let wanted = id.clone();
        // A malformed token goes the same way as a well-formed one that nobody has.
        let stored = self.db.read(move |conn| token::find(conn, &wanted)).await?;
        let Some((token, _)) = stored.filter(|(_, stored)| token::is_stored_as(&digest, stored)) else {
            return Ok(None);
        };
        if !is_live(&token, now) {
            return Ok(None);
        }
        let expires = token.expires;
        let principal = Arc::new(Principal {
            tenant: token.tenant,
            token: token.id,
            scopes: token.scopes,
            strict: token.strict,
            user: token.user,
        });
        self.known.put(id, digest, Arc::clone(&principal), expires, now);
        Ok(Some(principal))
    }
}

fn is_live(token: &Token, now: DateTime<Utc>) -> bool {
    token.revoked.is_none() && token.expires.is_none_or(|end| now < end)
}
