//! Lists and searches over HTTP: `GET` of a collection or of the root, and `POST` of `/.search` (RFC 7644 3.4.2, 3.4.3,
//! RFC 9865).

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::access::Principal;
use crate::provisioning::{Beginning, Listed, Reads, Search, Searched};
use crate::scim::cursor::{Cursor, Scope};
use crate::scim::filter::Filter;
use crate::scim::message::{Paging, Query, list_text};
use crate::scim::model::SortOrder;
use crate::scim::projection::Projection;
use crate::scim::schema::{Registry, ResourceType};
use crate::scim::sort::Sort;
use crate::scim::{DELIVERY_SCHEMA, Error, Strictness};
use crate::shadow::Kind;

use super::pages::Asked;
use super::resources::{broken, strictness};
use super::wire::{Refusal, SCIM_JSON};
use super::{State, render};

/// A search of one tenant.
pub(super) struct Call<'a> {
    state: &'a State,
    tenant: &'a str,
    strictness: Strictness,
    /// What the tenant's resources look like.
    registry: &'a Registry,
    /// SCIM base URL as the client sees it.
    base: String,
    query: Query,
}

/// What is searched: the root is all kinds (RFC 7644 3.4.2.1).
pub(super) const ROOT: &[Kind] = &[Kind::User, Kind::Group];

/// One kind.
pub(super) fn one(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::User => &[Kind::User],
        Kind::Group => &[Kind::Group],
    }
}

/// What an answer needs of a resource beyond its document.
pub(super) fn reads(kind: Kind, projection: &Projection) -> Reads {
    let memberships = match kind {
        Kind::User => "groups",
        Kind::Group => "members",
    };
    Reads { memberships: projection.wants(memberships), delivery: projection.wants(DELIVERY_SCHEMA) }
}

impl<'a> Call<'a> {
    pub(super) fn new(state: &'a State, request: &HttpRequest, principal: &'a Principal, query: Query) -> Self {
        Self {
            state,
            tenant: &principal.tenant,
            strictness: strictness(principal),
            registry: state.provisioner.registries().of(&principal.tenant),
            base: state.base(request),
            query,
        }
    }

    fn resource_type(&self, kind: Kind) -> &'a ResourceType {
        match kind {
            Kind::User => &self.registry.user,
            Kind::Group => &self.registry.group,
        }
    }

    fn scope<'s>(&'s self, kinds: &[Kind]) -> Scope<'s> {
        Scope {
            tenant: self.tenant,
            endpoint: match kinds {
                [Kind::User] => "/Users",
                [Kind::Group] => "/Groups",
                _ => "/",
            },
            filter: self.query.filter.as_deref(),
            sort_by: self.query.sort_by.as_deref(),
            descending: self.query.sort_order == SortOrder::Descending,
        }
    }

    /// The filter as each kind reads it: which URNs are known, and what attributes are, differs.
    fn filter(&self, kind: Kind) -> Result<Option<Filter>, Error> {
        let Some(text) = self.query.filter.as_deref() else { return Ok(None) };
        let resource_type = self.resource_type(kind);
        let filter = Filter::parse_with(resource_type, text, self.strictness)?;
        filter.check(resource_type)?;
        Ok(Some(filter))
    }

    fn sort(&self, kinds: &[Kind]) -> Result<Option<Sort>, Error> {
        let Some(by) = self.query.sort_by.as_deref() else { return Ok(None) };
        let types: Vec<&ResourceType> = kinds.iter().map(|kind| self.resource_type(*kind)).collect();
        Sort::parse(&types, by, self.query.sort_order, self.strictness).map(Some)
    }

    fn start(&self, scope: &Scope<'_>) -> Result<Beginning, Error> {
        let page = self.query.page;
        let text = match self.query.cursor.as_deref() {
            None => return Ok(Beginning::Offset(size(page.start_index.saturating_sub(1)))),
            Some("") => return Ok(Beginning::After(None)),
            Some(text) => text,
        };
        let cursor = Cursor::decode(text, scope, self.state.clock.now())?;
        // RFC 9865 2.1 wants the count of the first page on each; a page of another size has an answer all the same.
        if self.strictness.is_strict() && cursor.count != page.count {
            return Err(Error::invalid_count(format!("count: was {} on the page before", cursor.count)));
        }
        Ok(Beginning::After(Some(cursor.after)))
    }

    /// A page of the resources of these kinds.
    pub(super) async fn answer(&self, kinds: &'static [Kind]) -> Result<HttpResponse, Refusal> {
        // What is looked up is found as fast, and a page by cursor says when it was made.
        let is_plain = self.query.filter.is_none() && self.query.cursor.is_none();
        let Some(changes) = self.state.provisioner.changes(self.tenant).filter(|_| is_plain) else {
            return Ok(found(self.read(kinds).await?.body));
        };
        let asked = self.asked(kinds);
        if let Some(body) = self.state.pages.get(&asked, changes) {
            return Ok(found(body));
        }
        let Read { body, rests_on_deliveries } = self.read(kinds).await?;
        if !rests_on_deliveries {
            self.state.pages.keep(asked, changes, &body);
        }
        Ok(found(body))
    }

    fn asked(&self, kinds: &'static [Kind]) -> Asked {
        Asked {
            tenant: self.tenant.to_owned(),
            strictness: self.strictness,
            base: self.base.clone(),
            kinds,
            query: self.query.clone(),
        }
    }

    async fn read(&self, kinds: &[Kind]) -> Result<Read, Refusal> {
        let (attributes, excluded) = (self.query.attributes.as_deref(), self.query.excluded_attributes.as_deref());
        let mut projections = Vec::with_capacity(kinds.len());
        let mut searched = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let projection = Projection::parse(self.resource_type(*kind), attributes, excluded)?;
            searched.push(Searched { kind: *kind, filter: self.filter(*kind)?, reads: reads(*kind, &projection) });
            projections.push((*kind, projection));
        }
        let rests_on_deliveries = searched.iter().any(|searched| searched.reads.delivery);
        let (page, scope) = (self.query.page, self.scope(kinds));
        let search =
            Search { kinds: searched, sort: self.sort(kinds)?, start: self.start(&scope)?, limit: size(page.count) };
        let Listed { total, views, last } = self.state.provisioner.search(self.tenant, search).await?;
        let next = last.map(|last| Cursor::new(last, page.count, self.state.clock.now()).encode(&scope));
        let paging = match &self.query.cursor {
            None => Paging::Index(page.start_index),
            Some(_) => Paging::Cursor(next.as_deref()),
        };
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let text = list_text(total, paging, &views, |out, view| {
            let projection = projections.iter().find(|(kind, _)| *kind == view.stored.kind);
            let (_, projection) = projection.ok_or_else(broken)?;
            render::resource(out, &self.base, self.registry, view, projection).ok_or_else(broken)
        })?;
        Ok(Read { body: text.into(), rests_on_deliveries })
    }
}

/// A page that was read.
struct Read {
    body: Bytes,
    /// Whether it says where deliveries stand, which changes without a change of the resources.
    rests_on_deliveries: bool,
}

fn found(body: Bytes) -> HttpResponse {
    HttpResponse::build(StatusCode::OK).content_type(SCIM_JSON).body(body)
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
