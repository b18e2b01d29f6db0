//! What an administrator does to deliveries by hand: sees them, tries them again, agrees to what they ask.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

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

/// A delivery as it is shown to administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DeliveryEntry")]
pub struct ShownDelivery {
    /// Id of the user or group.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// `user` or `group`.
    pub kind: &'static str,
    /// `userName` or `displayName`; empty where there is none.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Failed tries since the last change.
    pub attempts: i64,
    /// When it is tried next, if it is going to be by itself.
    pub due: Option<DateTime<Utc>>,
    /// What is waited for, or was refused or left out.
    pub reason: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When this was last written.
    pub updated: DateTime<Utc>,
}

/// A page of deliveries, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryList {
    /// The deliveries.
    pub deliveries: Vec<ShownDelivery>,
    /// What `after` is to be for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<Listed> for ShownDelivery {
    fn from(listed: Listed) -> Self {
        let Listed { tenant, kind, name, delivery } = listed;
        let outbox::Delivery { resource, state, attempts, due, reason, last_error, updated, .. } = delivery;
        let kind = word_of(kind);
        Self { id: resource, tenant, kind, name, state, attempts, due, reason, last_error, updated }
    }
}

/// What administrators call a kind.
pub fn word_of(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "user",
        Kind::Group => "group",
    }
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

/// What is told of a delivery that was given up.
const DISCARDED: &str =
    "discarded by an administrator: Salesforce stays as it is until this changes again; deliveries retry takes it up";

/// Deliveries read at once, and answered at once at most.
pub const PAGE: i64 = 500;

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
        let page = db.read(move |conn| page(conn, tenant.as_deref(), &states, &from, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.delivery.resource);
        page.into_iter().for_each(&mut each);
    }
}

/// Up to `limit` of them behind the id `after`.
pub fn page(
    conn: &mut Conn,
    tenant: Option<&str>,
    states: &[State],
    after: &str,
    limit: i64,
) -> Result<Vec<Listed>, Error> {
    let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let rows: Vec<Row> = on_backend!(&mut *conn, c => {
        let mut query = deliveries::table
            .inner_join(resources::table.on(resources::id.eq(deliveries::resource_id)))
            .filter(deliveries::state.eq_any(&states).and(deliveries::resource_id.gt(after)))
            .order(deliveries::resource_id)
            .limit(limit)
            .select((deliveries::resource_id, deliveries::tenant, deliveries::kind, resources::document))
            .into_boxed();
        if let Some(tenant) = tenant {
            query = query.filter(deliveries::tenant.eq(tenant));
        }
        query.load(c)
    })?;
    listed(conn, rows)
}

/// A delivery of a tenant.
pub fn find(conn: &mut Conn, tenant: &str, id: &str) -> Result<Option<Listed>, Error> {
    let rows: Vec<Row> = deliveries::table
        .inner_join(resources::table.on(resources::id.eq(deliveries::resource_id)))
        .filter(deliveries::resource_id.eq(id).and(deliveries::tenant.eq(tenant)))
        .select((deliveries::resource_id, deliveries::tenant, deliveries::kind, resources::document))
        .load(conn)?;
    Ok(listed(conn, rows)?.pop())
}

/// Id, tenant, kind and document.
type Row = (String, String, String, String);

fn listed(conn: &mut Conn, rows: Vec<Row>) -> Result<Vec<Listed>, Error> {
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

/// What an administrator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Try again now: one that waits, was held, or was rejected.
    Retry,
    /// Let a held delivery go on, and agree to what it asks: the adoption of the account that was found, and what the guard
    /// holds back.
    Release,
    /// Give up one that is not delivered: Salesforce stays as it is until the resource changes again.
    Discard,
}

/// Carries out an order on a delivery: of `tenant`, where only its own may be touched.
///
/// # Errors
/// What the database says.
pub async fn order(db: &Db, tenant: Option<&str>, id: &str, order: Order, now: DateTime<Utc>) -> Result<Done, Error> {
    let (tenant, id) = (tenant.map(str::to_owned), id.to_owned());
    db.write(move |conn| obey(conn, tenant.as_deref(), &id, order, now)).await
}

/// Carries out an order on everything of a tenant that the guard holds back. Answers on how many users and groups it was.
///
/// # Errors
/// What the database says.
pub async fn order_guarded(db: &Db, tenant: &str, order: Order, now: DateTime<Utc>) -> Result<usize, Error> {
    let (mut after, mut all) = (String::new(), 0);
    loop {
        let (tenant, from) = (tenant.to_owned(), after.clone());
        let (last, done) = db
            .write(move |conn| {
                let waiting = guard::waiting(conn, &tenant, &from, PAGE)?;
                let mut done = 0;
                for id in &waiting {
                    done += usize::from(obey(conn, Some(&tenant), id, order, now)? == Done::Yes);
                }
                Ok::<_, Error>((waiting.last().cloned(), done))
            })
            .await?;
        let Some(last) = last else { return Ok(all) };
        after = last;
        all += done;
    }
}

fn obey(conn: &mut Conn, of: Option<&str>, id: &str, order: Order, now: DateTime<Utc>) -> Result<Done, Error> {
    // First of all, as a delivery does: two that take the same rows in other orders wait for each other.
    let Some((tenant, kind, state)) = outbox::held(conn, id)? else { return Ok(Done::Unknown) };
    if of.is_some_and(|of| of != tenant) {
        return Ok(Done::Unknown);
    }
    let is_due = match order {
        Order::Retry => matches!(state, State::Retrying | State::Held | State::Rejected),
        // Perhaps it is looked at just now: what a person agrees to is agreed to all the same.
        Order::Release => guard::release(conn, id)? > 0 || state == State::Held,
        Order::Discard => matches!(state, State::Pending | State::Retrying | State::Held),
    };
    if !is_due {
        return Ok(Done::Not(state));
    }
    match order {
        Order::Discard => {
            guard::drop_all(conn, id)?;
            outbox::give_up(conn, id, DISCARDED, now)?;
        }
        Order::Retry => outbox::enqueue(conn, &tenant, kind, id, now)?,
        Order::Release => {
            if kind == Kind::User {
                agree(conn, id, now)?;
            }
            outbox::enqueue(conn, &tenant, kind, id, now)?;
        }
    }
    Ok(Done::Yes)
}

/// Agrees to the adoption of the account that was found.
fn agree(conn: &mut Conn, id: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(mut known) = observed::find::<ObservedUser>(conn, id)? else { return Ok(()) };
    let Some(adoption) = &mut known.adoption else { return Ok(()) };
    adoption.approved = true;
    observed::save(conn, id, &known, now)
}
