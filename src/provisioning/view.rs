//! A resource with what the shadow keeps beside its document, read as far as the answer needs it.

use std::collections::BTreeMap;

use crate::db::{Conn, Error};
use crate::delivery::outbox::{self, Delivery};
use crate::shadow::link;
use crate::shadow::member::{self, Reference};
use crate::shadow::{Kind, Snapshot};

/// What of a resource an answer needs beyond its document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reads {
    /// Members of a group, or groups of a user.
    pub memberships: bool,
    /// Where its delivery stands.
    pub delivery: bool,
}

/// A resource as far as it was read.
#[derive(Debug, Clone)]
pub struct View {
    /// The resource.
    pub stored: Snapshot,
    /// Members of a group, or groups of a user; `None`: not read.
    pub memberships: Option<Vec<Reference>>,
    /// Its delivery and Salesforce's id; `None`: not read.
    pub delivery: Option<(Option<Delivery>, Option<String>)>,
}

/// Reads what the answer of one resource needs.
pub(super) fn view(conn: &mut Conn, stored: Snapshot, reads: Reads) -> Result<View, Error> {
    let memberships = match stored.kind {
        _ if !reads.memberships => None,
        Kind::User => Some(member::groups_of_one(conn, &stored.id)?),
        Kind::Group => Some(member::of_group(conn, &stored.id)?),
    };
    let delivery = if reads.delivery {
        let ids = std::slice::from_ref(&stored.id);
        let delivery = outbox::of(conn, ids)?.remove(&stored.id);
        Some((delivery, link::ids(conn, ids)?.pop().map(|(_, salesforce_id)| salesforce_id)))
    } else {
        None
    };
    Ok(View { stored, memberships, delivery })
}

/// Reads what an answer needs, with a fixed number of queries whatever the number of resources.
pub(super) fn views(conn: &mut Conn, kind: Kind, stored: Vec<Snapshot>, reads: Reads) -> Result<Vec<View>, Error> {
    // A look-up: its statements are those of a read by id, which are prepared already.
    if stored.len() == 1 {
        return stored.into_iter().map(|stored| view(conn, stored, reads)).collect();
    }
    let ids: Vec<String> =
        if reads.memberships || reads.delivery { stored.iter().map(|s| s.id.clone()).collect() } else { Vec::new() };
    let mut memberships = match kind {
        _ if !reads.memberships => BTreeMap::new(),
        Kind::User => member::groups_of(conn, &ids)?,
        Kind::Group => member::of_groups(conn, &ids)?,
    };
    let (mut deliveries, mut links) = if reads.delivery {
        (outbox::of(conn, &ids)?, link::ids(conn, &ids)?.into_iter().collect())
    } else {
        (BTreeMap::new(), BTreeMap::new())
    };
    Ok(stored
        .into_iter()
        .map(|stored| View {
            memberships: reads.memberships.then(|| memberships.remove(&stored.id).unwrap_or_default()),
            delivery: reads.delivery.then(|| (deliveries.remove(&stored.id), links.remove(&stored.id))),
            stored,
        })
        .collect())
}
