//! Users and groups over HTTP.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::access::Principal;
use crate::provisioning::{Reads, Target, View};
use crate::scim::message::{self, Limits, Query};
use crate::scim::precondition::{Precondition, Tags};
use crate::scim::projection::Projection;
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::{self, Strictness};
use crate::shadow::Kind;

use super::wire::{Refusal, SCIM_JSON};
use super::{State, render, search};

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

/// The parameters of a list.
pub(super) fn query(request: &HttpRequest) -> Result<Query, Refusal> {
    parameters(request, |_| true)
}

/// The parameters of a request on one resource (RFC 7644 3.9). Those of lists are unknown there, and ignored.
fn projected(request: &HttpRequest) -> Result<Query, Refusal> {
    parameters(request, |name| {
        ["attributes", "excludedAttributes"].iter().any(|known| known.eq_ignore_ascii_case(name))
    })
}

fn parameters(request: &HttpRequest, counts: impl Fn(&str) -> bool) -> Result<Query, Refusal> {
    // `+` and `%20` are both a blank; a flag like Entra's `aadOptscim062020` is a name without a value.
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(name, _)| counts(name));
    Ok(Query::from_pairs(pairs, PAGE)?)
}

/// How the requests of a token are read.
pub(super) fn strictness(principal: &Principal) -> Strictness {
    if principal.strict { Strictness::Strict } else { Strictness::Lenient }
}

/// What a token's requests on one kind of resource act on.
pub(super) fn target(principal: &Principal, kind: Kind) -> Target<'_> {
    Target { tenant: &principal.tenant, kind, strictness: strictness(principal) }
}

/// For a stored document that is not what the bridge writes.
pub(super) fn broken() -> Refusal {
    scim::Error::new(500, "internal error").into()
}

/// Both conditional headers. One that is given several times counts as one list (RFC 9110 5.3). Bytes beyond ASCII, which
/// an entity tag may have (8.8.3), stand for a character that none of ours has: a condition that was dropped for them would
/// let a change through that somebody made depend on it.
fn precondition(request: &HttpRequest) -> Precondition {
    let tags = |name| {
        let values: Vec<_> =
            request.headers().get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
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
        let query = projected(request)?;
        Ok(Self {
            state,
            target: target(principal, kind),
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

    /// What is answered to a POST or PUT.
    fn projection_after(&self, body: &Value) -> Result<Projection, Refusal> {
        Ok(self.projection()?.after_body(self.resource_type(), body, self.target.strictness))
    }

    fn reads(&self, projection: &Projection) -> Reads {
        search::reads(self.target.kind, projection)
    }

    fn render(&self, view: &View, projection: &Projection) -> Result<String, Refusal> {
        let mut text = String::with_capacity(view.stored.document.len() + 512);
        render::resource(&mut text, &self.base, self.registry, view, projection).ok_or_else(broken)?;
        Ok(text)
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

    /// Waits for Salesforce's word where the tenant's answers do. An answer that tells of the delivery then tells how it
    /// ended: `told` is what is answered, and nothing without it.
    async fn settled(&self, view: View, told: Option<&Projection>, made: bool) -> Result<View, Refusal> {
        let provisioner = &self.state.provisioner;
        let Some(most) = provisioner.waits(self.target.tenant) else { return Ok(view) };
        let stored = &view.stored;
        provisioner.settled(self.target, &stored.id, made.then_some(stored.version), most).await?;
        let Some(reads) = told.map(|projection| self.reads(projection)).filter(|reads| reads.delivery) else {
            return Ok(view);
        };
        // Gone or unreadable by now, perhaps: what was asked is done all the same.
        Ok(provisioner.get(self.target, &stored.id, reads).await.unwrap_or(view))
    }

    pub(super) async fn create(&self, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection_after(&body)?;
        let view = self.state.provisioner.create(self.target, body).await?;
        let view = self.settled(view, Some(&projection), true).await?;
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
        let projection = self.projection_after(&body)?;
        let view = self.state.provisioner.replace(self.target, id, self.when.clone(), body).await?;
        let view = self.settled(view, Some(&projection), false).await?;
        self.answer(StatusCode::OK, &view, &projection)
    }

    /// 200 with the resource; 204 for a large group, unless `attributes` asks for a body (RFC 7644 3.5.2).
    pub(super) async fn patch(&self, id: &str, body: Value) -> Result<HttpResponse, Refusal> {
        let projection = self.projection()?.after_patch(self.resource_type(), &body, self.target.strictness);
        let reads = projection.attributes_given().then(|| self.reads(&projection));
        let patched = self.state.provisioner.patch(self.target, id, self.when.clone(), body, reads).await?;
        let view = self.settled(patched.view, (!patched.large).then_some(&projection), false).await?;
        if patched.large {
            let etag = message::etag(view.stored.version);
            return Ok(HttpResponse::NoContent().insert_header((ETAG, etag)).finish());
        }
        self.answer(StatusCode::OK, &view, &projection)
    }

    pub(super) async fn delete(&self, id: &str) -> Result<HttpResponse, Refusal> {
        let provisioner = &self.state.provisioner;
        provisioner.delete(self.target, id, self.when.clone()).await?;
        if let Some(most) = provisioner.waits(self.target.tenant) {
            provisioner.settled(self.target, id, None, most).await?;
        }
        Ok(HttpResponse::NoContent().finish())
    }
}
