//! Users and groups over HTTP.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::access::Principal;
use crate::provisioning::{Reads, Target, View};
use crate::scim::filter::Filter;
use crate::scim::message::{self, Limits, Query};
use crate::scim::precondition::{Precondition, Tags};
use crate::scim::projection::Projection;
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::{self, DELIVERY_SCHEMA, Strictness};
use crate::shadow::Kind;
use crate::shadow::query::Page;

use super::wire::{Refusal, SCIM_JSON};
use super::{State, render};

/// Resources on a page where the request does not say, and at most (RFC 7644 3.4.2.4; `filter.maxResults`).
pub(super) const PAGE: Limits = Limits { default_count: 100, max_count: 200 };

/// A request on one kind of resource of one tenant.
pub(super) struct Call<'a> {
    pub(super) state: &'a State,
    pub(super) target: Target<'a>,
    /// What the tenant's resources look like.
    pub(super) registry: &'a Registry,
    /// SCIM base URL as the client sees it.
    pub(super) base: String,
    pub(super) query: Query,
    /// What `If-Match` and `If-None-Match` ask for.
    pub(super) when: Precondition,
}

/// Both conditional headers. One that is given several times counts as one list (RFC 9110 5.3).
fn precondition(request: &HttpRequest) -> Precondition {
    let tags = |name| {
        let values: Vec<&str> = request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| Tags::parse(&values.join(",")))
    };
    Precondition { if_match: tags(IF_MATCH), if_none_match: tags(IF_NONE_MATCH) }
}

impl<'a> Call<'a> {
    pub(super) fn new(
        state: &'a State,
        request: &HttpRequest,
        principal: &'a Principal,
        kind: Kind,
    ) -> Result<Self, Refusal> {
        // `+` and `%20` are both a blank; a flag like Entra's `aadOptscim062020` is a name without a value.
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
        let query = Query::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())), PAGE)?;
        let strictness = if principal.strict { Strictness::Strict } else { Strictness::Lenient };
        Ok(Self {
            state,
            target: Target { tenant: &principal.tenant, kind, strictness },
            registry: state.provisioner.registries().of(&principal.tenant),
            base: state.base(request),
            query,
            when: precondition(request),
        })
    }

    pub(super) fn resource_type(&self) -> &'a ResourceType {
        match self.target.kind {
            Kind::User => &self.registry.user,
            Kind::Group => &self.registry.group,
        }
    }

    fn projection(&self) -> Result<Projection, Refusal> {
        let (attributes, excluded) = (self.query.attributes.as_deref(), self.query.excluded_attributes.as_deref());
        Ok(Projection::parse(self.resource_type(), attributes, excluded)?)
    }

    fn reads(&self, projection: &Projection) -> Reads {
        let memberships = match self.target.kind {
            Kind::User => "groups",
            Kind::Group => "members",
        };
        Reads { memberships: projection.wants(memberships), delivery: projection.wants(DELIVERY_SCHEMA) }
    }

    fn render(&self, view: &View, projection: &Projection) -> Result<String, Refusal> {
        let broken = || Refusal::from(scim::Error::new(500, "internal error"));
        render::resource(&self.base, self.registry, view, projection).ok_or_else(broken)
    }

    /// The answer with one resource and its version (RFC 7644 3.14).
    fn answer(&self, status: StatusCode, view: &View, projection: &Projection) -> Result<HttpResponse, Refusal> {
        let mut response = HttpResponse::build(status);
        response.insert_header((ETAG, message::etag(view.stored.version)));
        if status == StatusCode::CREATED {
            response.insert_header((LOCATION, self.location(&view.stored.id)));
        }
        Ok(response.content_type(SCIM_JSON).body(self.render(view, projection)?))
    }

    /// The address of a resource.
    pub(super) fn location(&self, id: &str) -> String {
        message::location(&self.base, self.resource_type(), id)
    }

    pub(super) async fn list(&self) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let resource_type = self.resource_type();
        let parse = |text| Filter::parse_with(resource_type, text, self.target.strictness);
        let filter = self.query.filter.as_deref().map(parse).transpose()?;
        if let Some(filter) = &filter {
            filter.check(resource_type)?;
        }
        let page = self.query.page;
        let rows = Page { offset: size(page.start_index.saturating_sub(1)), limit: size(page.count) };
        let (total, views) = self.state.provisioner.list(self.target, filter, rows, self.reads(&projection)).await?;
        let texts = views.iter().map(|view| self.render(view, &projection)).collect::<Result<Vec<_>, _>>()?;
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let list = message::list_text(total, page.start_index, texts.iter().map(String::as_str));
        Ok(HttpResponse::Ok().content_type(SCIM_JSON).body(list))
    }

    pub(super) async fn create(&self, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let view = self.state.provisioner.create(self.target, body).await?;
        self.answer(StatusCode::CREATED, &view, &projection)
    }

    /// 304 where the client has this version (RFC 7644 3.14). What the bridge says about deliveries changes without a
    /// new version: it is answered whenever it is asked for.
    pub(super) async fn get(&self, id: &str) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let reads = self.reads(&projection);
        let view = self.state.provisioner.get(self.target, id, reads).await?;
        let version = view.stored.version;
        self.when.check_read(version)?;
        if self.when.has(version) && !reads.delivery {
            return Ok(HttpResponse::NotModified().insert_header((ETAG, message::etag(version))).finish());
        }
        self.answer(StatusCode::OK, &view, &projection)
    }

    pub(super) async fn replace(&self, id: &str, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let view = self.state.provisioner.replace(self.target, id, self.when.clone(), body).await?;
        self.answer(StatusCode::OK, &view, &projection)
    }

    /// 200 with the resource; 204 for a large group, unless `attributes` asks for a body (RFC 7644 3.5.2).
    pub(super) async fn patch(&self, id: &str, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?;
        let patched = self.state.provisioner.patch(self.target, id, self.when.clone(), body).await?;
        if !patched.large {
            return self.answer(StatusCode::OK, &patched.view, &projection);
        }
        if !projection.attributes_given() {
            let etag = message::etag(patched.view.stored.version);
            return Ok(HttpResponse::NoContent().insert_header((ETAG, etag)).finish());
        }
        let view = self.state.provisioner.get(self.target, id, self.reads(&projection)).await?;
        self.answer(StatusCode::OK, &view, &projection)
    }

    pub(super) async fn delete(&self, id: &str) -> Result<HttpResponse, Refusal> {
        self.state.provisioner.delete(self.target, id, self.when.clone()).await?;
        Ok(HttpResponse::NoContent().finish())
    }
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
