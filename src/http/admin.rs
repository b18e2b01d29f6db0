//! What administrators ask and order, of the token's tenant alone: nobody sees another's.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::access::Principal;
use crate::delivery::State as DeliveryState;
use crate::delivery::hand::{self, Done, Order};
use crate::scim;
use crate::shadow::Kind;

use super::State;
use super::wire::Refusal;

/// Deliveries on a page where the request does not say.
pub(super) const PAGE: i64 = 100;

/// Counts the resources by the state of their delivery.
pub(super) async fn status(state: &State, principal: &Principal) -> Result<HttpResponse, Refusal> {
    let counts = state.overview.count(&principal.tenant).await?;
    let counts: serde_json::Map<String, serde_json::Value> =
        counts.into_iter().map(|(state, n)| (state.as_str().to_owned(), json!(n))).collect();
    let tenant = principal.tenant.as_str();
    let mut calls = json!({ "held": state.overview.is_held_by_quota(tenant) });
    if let (Some(known), Some(calls)) = (state.overview.calls(tenant), calls.as_object_mut()) {
        calls.insert("used".to_owned(), json!(known.used));
        calls.insert("limit".to_owned(), json!(known.limit));
    }
    Ok(HttpResponse::Ok().json(json!({ "tenants": { tenant: counts }, "salesforceCalls": { tenant: calls } })))
}

/// What a delivery of a user would do now.
pub(super) async fn plan_of_user(state: &State, principal: &Principal, id: &str) -> Result<HttpResponse, Refusal> {
    match state.overview.plan_of_user(&principal.tenant, id).await? {
        Some(plan) => Ok(HttpResponse::Ok().json(plan)),
        None => Err(scim::Error::not_found(Kind::User.as_str(), id).into()),
    }
}

/// What a list of deliveries is asked for.
#[derive(Debug, Default)]
struct Asked {
    states: Vec<DeliveryState>,
    after: String,
    count: Option<i64>,
}

impl Asked {
    fn read(principal: &Principal, query: &str) -> Result<Self, scim::Error> {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "tenant" if value != principal.tenant => {
                    let words = format!("tenant: the token is of the tenant {}, and sees no other", principal.tenant);
                    return Err(scim::Error::new(403, words));
                }
                "state" => {
                    for state in value.split(',') {
                        asked.states.push(DeliveryState::parse(state).ok_or_else(|| unknown(state))?);
                    }
                }
                "after" => asked.after = value.into_owned(),
                "count" => {
                    let count = value.parse().ok().filter(|count| (1..=hand::PAGE).contains(count));
                    let wrong = || scim::Error::invalid_value(format!("count: must be from 1 to {}", hand::PAGE));
                    asked.count = Some(count.ok_or_else(wrong)?);
                }
                _ => {}
            }
        }
        if asked.states.is_empty() {
            asked.states = DeliveryState::ALL.into_iter().filter(|one| *one != DeliveryState::Delivered).collect();
        }
        Ok(asked)
    }
}

fn unknown(state: &str) -> scim::Error {
    let all: Vec<&str> = DeliveryState::ALL.iter().map(|state| state.as_str()).collect();
    scim::Error::invalid_value(format!("state: there is no \"{state}\"; there are {}", all.join(", ")))
}

/// The deliveries that stand in the states that are asked for; without one, all that are not at their good end.
pub(super) async fn deliveries(
    state: &State,
    principal: &Principal,
    request: &HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let Asked { states, after, count } = Asked::read(principal, request.query_string())?;
    let page = state.overview.list(&principal.tenant, &states, &after, count.unwrap_or(PAGE)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Carries out an order on a delivery. 409 where it means nothing in the state that the delivery is in.
pub(super) async fn order(
    state: &State,
    principal: &Principal,
    id: &str,
    order: Order,
) -> Result<HttpResponse, Refusal> {
    match state.overview.order(&principal.tenant, id, order, state.clock.now()).await? {
        None => Err(scim::Error::not_found("delivery", id).into()),
        Some((Done::Not(stands), _)) => {
            Err(scim::Error::new(409, format!("the delivery is {stands}, so there is nothing to do")).into())
        }
        Some((_, delivery)) => Ok(HttpResponse::Ok().json(delivery)),
    }
}
