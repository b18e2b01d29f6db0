//! Resources that are created together because each refers to another (RFC 7644 3.7.1).

use serde_json::Value;

use crate::db::{self, Conn};

use super::{Error, Provisioner, Target, View, write};

/// A resource to be created.
#[derive(Debug, Clone)]
pub struct Creation<'a> {
    /// Whose, and of which kind.
    pub target: Target<'a>,
    /// An id from [`Provisioner::new_id`].
    pub id: String,
    /// A POST body, which may name the ids of the others.
    pub body: Value,
}

/// Which of several creations stands in the way of all, and why.
#[derive(Debug)]
pub struct Obstacle {
    /// Its place among them.
    pub index: usize,
    /// Why.
    pub error: Error,
}

impl From<db::Error> for Obstacle {
    /// The transaction failed as a whole.
    fn from(error: db::Error) -> Self {
        Self { index: 0, error: error.into() }
    }
}

impl db::Failure for Obstacle {
    fn database(&self) -> Option<&db::Error> {
        self.error.database()
    }
}

impl Provisioner {
    /// Creates resources of one tenant, all or none, in one transaction: all are there before the members of any are
    /// looked up, so that two groups may be members of each other. One by one, the first of them would lose the member
    /// that is not there yet, and stay behind if that one is refused.
    pub async fn create_together(&self, creations: Vec<Creation<'_>>) -> Result<Vec<View>, Obstacle> {
        let Some(tenant) = creations.first().map(|creation| creation.target.tenant) else { return Ok(Vec::new()) };
        let mut drafts = Vec::with_capacity(creations.len());
        for (index, Creation { target, id, body }) in creations.into_iter().enumerate() {
            drafts.push(self.draft(target, id, body).map_err(|error| Obstacle { index, error: error.into() })?);
        }
        let (follows, owner) = (self.follows.clone(), tenant.to_owned());
        let create = move |conn: &mut Conn| {
            let following = follows.of(&owner);
            for (index, (stored, _)) in drafts.iter().enumerate() {
                write::begin(conn, stored).map_err(|error| Obstacle { index, error })?;
            }
            let finish = |(index, (stored, members)): (usize, &write::Draft)| {
                write::complete(conn, stored, members, &following.terms(stored.created))
                    .map_err(|error| Obstacle { index, error })
            };
            let views = drafts.iter().enumerate().map(finish).collect::<Result<Vec<View>, Obstacle>>()?;
            Ok((views, true))
        };
        self.change(tenant, create).await
    }
}
