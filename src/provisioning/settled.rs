//! Salesforce's word on a change, for tenants whose identity provider is to hear it (`acknowledge = "delivered"`).

use std::time::Duration;

use crate::db::{self, Conn};
use crate::delivery::{Refused, State, Word, outbox, word};
use crate::scim;
use crate::scim::precondition::Precondition;
use crate::shadow::{self, Kind, link, member};

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
    /// it must not take it for provisioned. A refused change of one that was there stays asked for, and is tried again when
    /// it is asked for once more.
    ///
    /// # Errors
    /// What Salesforce refuses, as a SCIM error in its own words.
    pub async fn settled(&self, target: Target<'_>, id: &str, made: Option<i64>, most: Duration) -> Result<(), Error> {
        let Word::Refused { how, words } = word(&self.db, &self.signals, id, most).await? else { return Ok(()) };
        if let Some(version) = made {
            self.take_back(target, id, version).await?;
        }
        Err(refusal(how, words).into())
    }

    /// Deletes a resource that was never acknowledged, unless something came of it meanwhile.
    async fn take_back(&self, target: Target<'_>, id: &str, version: i64) -> Result<(), Error> {
        let (tenant, kind, id, now) = (target.tenant.to_owned(), target.kind, id.to_owned(), self.clock.now());
        let follows = self.follows.clone();
        let delete = move |conn: &mut Conn| {
            let following = follows.of(&tenant);
            let is_mine = is_untouched(conn, (&tenant, kind, &id), version)?;
            if is_mine {
                write::delete(conn, (&tenant, kind, &id), &Precondition::default(), &following.terms(now))?;
            }
            Ok::<_, Error>(((), is_mine))
        };
        self.change(target.tenant, delete).await
    }
}

/// Whether a resource is as it was made, refused by Salesforce, and nobody's member: nothing would be lost with it.
fn is_untouched(conn: &mut Conn, (tenant, kind, id): (&str, Kind, &str), version: i64) -> Result<bool, db::Error> {
    let Some(stored) = shadow::lock(conn, tenant, kind, id)?.filter(|stored| stored.version == version) else {
        return Ok(false);
    };
    let delivery = outbox::of(conn, std::slice::from_ref(&stored.id))?.remove(&stored.id);
    Ok(delivery.is_some_and(|delivery| delivery.state == State::Rejected)
        && link::find(conn, &stored.id)?.is_none()
        && member::group_ids_of(conn, &stored.id)?.is_empty())
}

fn refusal(how: Refused, words: String) -> scim::Error {
    let detail = format!("Salesforce refuses it: {words}");
    match how {
        Refused::Taken => scim::Error::uniqueness(detail),
        Refused::Value => scim::Error::invalid_value(detail),
        Refused::Forbidden => scim::Error::new(403, detail),
    }
}
