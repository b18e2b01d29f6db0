//! Salesforce's word on a change, for tenants whose identity provider is to hear it (`acknowledge = "delivered"`).

use std::time::Duration;

use crate::db::Conn;
use crate::delivery::{Refused, Word, outbox, word};
use crate::scim;
use crate::scim::precondition::Precondition;
use crate::shadow;

use super::{Error, Provisioner, Target, write};

impl Provisioner {
    /// How long a tenant's answers wait for Salesforce at most; `None`: they do not.
    pub fn waits(&self, tenant: &str) -> Option<Duration> {
        self.follows.of(tenant).waits
    }

    /// Waits for Salesforce's word on a change of a resource that is on disk, no longer than `most`. `made`: the version of a
    /// resource that this change made.
    ///
    /// A resource that was made and that Salesforce refuses is gone again: nothing was acknowledged, and whoever looks for
    /// it must not take it for provisioned. One of which something came all the same (an account whose permission set is
    /// refused) is there, and that is what is answered. A refused change of one that was there stays asked for, and is tried
    /// again when it is asked for once more.
    ///
    /// # Errors
    /// What Salesforce refuses, as a SCIM error in its own words. Never that the database failed meanwhile: what was asked is
    /// on disk, and whoever is told to come back would find themselves in their own way.
    pub async fn settled(
        &self,
        target: Target<'_>,
        id: &str,
        made: Option<i64>,
        most: Duration,
    ) -> Result<(), scim::Error> {
        let heard = match word(&self.db, &self.signals, id, most).await {
            Ok(heard) => heard,
            Err(error) => {
                tracing::warn!(%error, "the word on a change was not heard");
                return Ok(());
            }
        };
        if let Word::Refused { how, words } = &heard.word {
            let is_told = match made {
                None => true,
                Some(version) => self.take_back(target, id, version).await,
            };
            if is_told {
                return Err(refusal(*how, words));
            }
        }
        if heard.unheard {
            let id = id.to_owned();
            if let Err(error) = self.db.write(move |conn| outbox::unheard(conn, &id, false)).await {
                tracing::warn!(%error, "it was not noted that a success was answered");
            }
        }
        Ok(())
    }

    /// Deletes a resource that was refused and never acknowledged, unless something came of it meanwhile. Answers whether it
    /// is gone.
    async fn take_back(&self, target: Target<'_>, id: &str, version: i64) -> bool {
        let (tenant, kind, id, now) = (target.tenant.to_owned(), target.kind, id.to_owned(), self.clock.now());
        let follows = self.follows.clone();
        let delete = move |conn: &mut Conn| {
            let following = follows.of(&tenant);
            let Some(stored) = shadow::lock(conn, &tenant, kind, &id)? else { return Ok((true, false)) };
            let is_gone = stored.version == version && write::came_to_nothing(conn, &stored)?;
            if is_gone {
                write::delete(conn, (&tenant, kind, &id), &Precondition::default(), &following.terms(now))?;
            }
            Ok::<_, Error>((is_gone, is_gone))
        };
        self.change(target.tenant, delete).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a resource that was refused could not be taken back");
            false
        })
    }
}

fn refusal(how: Refused, words: &str) -> scim::Error {
    let detail = format!("Salesforce refuses it: {words}");
    match how {
        Refused::Taken => scim::Error::uniqueness(detail),
        Refused::Value | Refused::Discarded => scim::Error::invalid_value(detail),
        Refused::Forbidden => scim::Error::new(403, detail),
    }
}
