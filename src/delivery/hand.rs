//! What an administrator does to deliveries by hand: sees them, tries them again, agrees to what they ask.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::{deliveries, resources};
use crate::db::{Conn, Db, Error, on_backend};
use crate::shadow::{Kind, observed};

use super::guard;
use super::outbox;
use super::plan::ObservedUser;
use super::state::State;

/// A delivery, and the name of what it delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The tenant.
    pub tenant: String,
    /// User or group.
    pub kind: Kind,
    /// `userName` or `displayName`; empty where the document has none.
    pub name: String,
    /// Where it stands.
    pub delivery: outbox::Delivery,
}

/// What came of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was carried out.
    Yes,
    /// There is no delivery of that id.
    Unknown,
    /// It is in a state in which the order means nothing.
    Not(State),
}

/// Deliveries read at once.
const PAGE: i64 = 500;

/// The deliveries of a tenant (or of all) in `states`, in the order of resources, page by page: `each` gets them one by
/// one, so that a hundred thousand need not be in memory.
pub async fn list(
    db: &Db,
    tenant: Option<&str>,
    states: &[State],
    mut each: impl FnMut(Listed) + Send,
) -> Result<(), Error> {
    let mut after = String::new();
    loop {
        let (tenant, states, from) = (tenant.map(str::to_owned), states.to_vec(), after.clone());
        let page = db.read(move |conn| page(conn, tenant.as_deref(), &states, &from)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.delivery.resource);
        page.into_iter().for_each(&mut each);
    }
}

fn page(conn: &mut Conn, tenant: Option<&str>, states: &[State], after: &str) -> Result<Vec<Listed>, Error> {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let rows: Vec<(String, String, String, String)> = on_backend!(&mut *conn, c => {
        let mut query = deliveries::table
            .inner_join(resources::table.on(resources::id.eq(deliveries::resource_id)))
            .filter(deliveries::state.eq_any(&states).and(deliveries::resource_id.gt(after)))
            .order(deliveries::resource_id)
            .limit(PAGE)
            .select((deliveries::resource_id, deliveries::tenant, deliveries::kind, resources::document))
            .into_boxed();
        if let Some(tenant) = tenant {
            query = query.filter(deliveries::tenant.eq(tenant));
        }
        query.load(c)
    })?;
    let ids: Vec<String> = rows.iter().map(|(id, ..)| id.clone()).collect();
    let mut found = outbox::of(conn, &ids)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, tenant, kind, document)| {
            let kind = Kind::parse(&kind)?;
            let document: serde_json::Value = serde_json::from_str(&document).unwrap_or_default();
            let attribute = if kind == Kind::User { "userName" } else { "displayName" };
            let name = document.get(attribute).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            Some(Listed { tenant, kind, name, delivery: found.remove(&id)? })
        })
        .collect())
}

/// Tries a delivery again now: one that waits, was held, or was rejected.
pub async fn retry(db: &Db, id: &str, now: DateTime<Utc>) -> Result<Done, Error> {
    let id = id.to_owned();
    db.write(move |conn| order(conn, &id, &[State::Retrying, State::Held, State::Rejected], |_, _| Ok(()), now)).await
}

/// Lets a held delivery go on, and agrees to what it asks: the adoption of the account that was found, and what the guard
/// holds back.
pub async fn release(db: &Db, id: &str, now: DateTime<Utc>) -> Result<Done, Error> {
    let id = id.to_owned();
    let agree = move |conn: &mut Conn, id: &str| {
        let Some(mut known) = observed::find::<ObservedUser>(conn, id)? else { return Ok(()) };
        if let Some(adoption) = &mut known.adoption {
            adoption.approved = true;
            observed::save(conn, id, &known, now)?;
        }
        Ok(())
    };
    db.write(move |conn| {
        // Perhaps it is looked at just now: what a person agrees to is agreed to all the same.
        let from: &[State] = if guard::release(conn, &id)? > 0 { &State::ALL } else { &[State::Held] };
        order(conn, &id, from, agree, now)
    })
    .await
}

/// Agrees to everything that the guard holds back of a tenant's people. Answers how many people that is.
pub async fn release_guarded(db: &Db, tenant: &str, now: DateTime<Utc>) -> Result<usize, Error> {
    let (mut after, mut all) = (String::new(), 0);
    loop {
        let (tenant, from) = (tenant.to_owned(), after.clone());
        let people = db
            .write(move |conn| {
                let people = guard::waiting(conn, &tenant, &from, PAGE)?;
                for id in &people {
                    guard::release(conn, id)?;
                }
                outbox::release(conn, &people, now)?;
                Ok::<_, Error>(people)
            })
            .await?;
        let Some(last) = people.last() else { return Ok(all) };
        after.clone_from(last);
        all += people.len();
    }
}

fn order(
    conn: &mut Conn,
    id: &str,
    from: &[State],
    first: impl FnOnce(&mut Conn, &str) -> Result<(), Error>,
    now: DateTime<Utc>,
) -> Result<Done, Error> {
    let row: Option<(String, String, String)> = deliveries::table
        .find(id)
        .select((deliveries::tenant, deliveries::kind, deliveries::state))
        .first(conn)
        .optional()?;
    let Some((tenant, kind, state)) = row else { return Ok(Done::Unknown) };
    let (Some(kind), Some(state)) = (Kind::parse(&kind), State::parse(&state)) else { return Ok(Done::Unknown) };
    if !from.contains(&state) {
        return Ok(Done::Not(state));
    }
    if kind == Kind::User {
        first(conn, id)?;
    }
    outbox::enqueue(conn, &tenant, kind, id, now)?;
    Ok(Done::Yes)
}
