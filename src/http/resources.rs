//! Users and groups over HTTP.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::provisioning::{Reads, View};
use crate::scim::Attributes;
use crate::scim::message::{Limits, Query};
use crate::scim::projection::Projection;
use crate::shadow::Kind;

use super::wire::{Refusal, answer, created};
use super::{State, render, search};

/// Resources on a page where the request does not say, and at most (RFC 7644 3.4.2.4; `filter.maxResults`).
pub(super) const PAGE: Limits = Limits { default_count: 100, max_count: 200 };

/// The parameters of a request.
pub(super) fn query(request: &HttpRequest) -> Result<Query, Refusal> {
    // `+` and `%20` are both a blank; a flag like Entra's `aadOptscim062020` is a name without a value.
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    Ok(Query::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())), PAGE)?)
}

/// A request on one kind of resource of one tenant.
pub(super) struct Call<'a> {
    pub(super) state: &'a State,
    pub(super) tenant: &'a str,
    pub(super) kind: Kind,
    /// SCIM base URL as the client sees it.
    pub(super) base: String,
    pub(super) query: Query,
}

impl<'a> Call<'a> {
    pub(super) fn new(state: &'a State, request: &HttpRequest, tenant: &'a str, kind: Kind) -> Result<Self, Refusal> {
        Ok(Self { state, tenant, kind, base: state.base(request), query: query(request)? })
    }

    fn projection(&self) -> Result<Projection, Refusal> {
        let resource_type = self.state.provisioner.resource_type(self.kind);
        let (attributes, excluded) = (self.query.attributes.as_deref(), self.query.excluded_attributes.as_deref());
        Ok(Projection::parse(resource_type, attributes, excluded)?)
    }

    fn reads(&self, projection: &Projection) -> Reads {
        search::reads(self.kind, projection)
    }

    fn render(&self, view: View, projection: &Projection) -> Attributes {
        let resource_type = self.state.provisioner.resource_type(self.kind);
        render::resource(&self.base, &self.state.registry, resource_type, view, projection)
    }

    pub(super) async fn create(&self, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let view = self.state.provisioner.create(self.tenant, self.kind, body).await?;
        Ok(created(&self.render(view, &projection)))
    }

    pub(super) async fn get(&self, id: &str) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let view = self.state.provisioner.get(self.tenant, self.kind, id, self.reads(&projection)).await?;
        Ok(answer(StatusCode::OK, &self.render(view, &projection)))
    }

    pub(super) async fn replace(&self, id: &str, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let view = self.state.provisioner.replace(self.tenant, self.kind, id, body).await?;
        Ok(answer(StatusCode::OK, &self.render(view, &projection)))
    }

    /// 200 with the resource; 204 for a large group, unless `attributes` asks for a body (RFC 7644 3.5.2).
    pub(super) async fn patch(&self, id: &str, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let patched = self.state.provisioner.patch(self.tenant, self.kind, id, body).await?;
        if !patched.large {
            return Ok(answer(StatusCode::OK, &self.render(patched.view, &projection)));
        }
        if !projection.attributes_given() {
            return Ok(HttpResponse::NoContent().finish());
        }
        self.get(id).await
    }

    pub(super) async fn delete(&self, id: &str) -> Result<HttpResponse, Refusal> {
        self.state.provisioner.delete(self.tenant, self.kind, id).await?;
        Ok(HttpResponse::NoContent().finish())
    }
}
