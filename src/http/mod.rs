//! The HTTP server: a route table, credentials to principal, bodies in, answers out. Knows nothing of the database's
//! language and nothing of Salesforce.

mod admin;
mod admission;
mod bulk;
mod guard;
mod json;
mod me;
pub mod openapi;
mod pages;
mod render;
mod resources;
pub mod routes;
mod search;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::http::header::HOST;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tracing::Instrument as _;
use url::Url;

use crate::access::{Access, Scope};
use crate::clock::{SharedClock, SharedRandomness};
use crate::delivery::Overview;
use crate::provisioning::Provisioner;
use crate::scim::discovery::{self, Features};
use crate::scim::message::Query;
use crate::scim::model::Pagination;
use crate::scim::schema::Registry;
use crate::shadow::Kind;
use crate::{scim, telemetry};

pub use admission::Admission;
use me::Deed;
pub use pages::Pages;
use resources::Call;
use routes::{Operation, Route, SCIM_BASE};
use wire::{Refusal, answer, body};

/// What requests are answered from. Made once, shared by all threads.
pub struct State {
    /// Carries out requests.
    pub provisioner: Provisioner,
    /// Knows the tokens.
    pub access: Access,
    /// Knows where deliveries stand.
    pub overview: Overview,
    /// Pages that were answered.
    pub pages: Pages,
    /// How many requests are carried out at once.
    pub admission: Admission,
    /// Whether a stop was asked for: load balancers are to look for another one.
    pub draining: Arc<AtomicBool>,
    /// Renders metrics.
    pub metrics: telemetry::Metrics,
    /// URL under which clients see the bridge; `None`: what they called.
    pub public_url: Option<Url>,
    /// Largest body, in bytes.
    pub body_limit: usize,
    /// Dates of requests.
    pub clock: SharedClock,
    /// Ids of requests.
    pub randomness: SharedRandomness,
}

impl State {
    /// The SCIM base URL as the client sees it. Only the `Host` header is asked: a `Forwarded` header can be sent by
    /// anybody, and what it says would end up in `meta.location`.
    fn base(&self, request: &HttpRequest) -> String {
        if let Some(url) = &self.public_url {
            return format!("{}{SCIM_BASE}", url.as_str().trim_end_matches('/'));
        }
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        format!("http://{host}{SCIM_BASE}")
    }
}

/// How the server listens.
pub struct Binding {
    /// The socket, bound already, so that its port is known and a taken one is told before anything starts.
    pub listener: TcpListener,
    /// Threads; `None`: one for each processor.
    pub workers: Option<usize>,
    /// Seconds that requests under way have to finish once a stop was asked for.
    pub shutdown: u64,
}

/// Binds an address. Port 0 lets the system choose; the answer has what it chose.
pub fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Starts the server. It runs as long as what this answers is polled; signals are left to the caller.
pub fn serve(state: Arc<State>, binding: Binding) -> std::io::Result<Server> {
    let state = web::Data::from(state);
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            // One service for all: the route table is searched, which costs less than a pattern for each of its paths.
            .default_service(web::to(dispatch))
    })
    .disable_signals()
    .shutdown_timeout(binding.shutdown);
    if let Some(workers) = binding.workers {
        server = server.workers(workers);
    }
    Ok(server.listen(binding.listener)?.run())
}

/// Refuses what no route serves; without a valid token with 401, so that strangers do not learn what there is.
async fn unserved(state: &State, request: &HttpRequest, scope: Option<Scope>, refusal: Refusal) -> HttpResponse {
    if let Some(scope) = scope
        && let Err(stranger) = guard::principal(request, &state.access, scope).await
    {
        return stranger.response();
    }
    refusal.response()
}

/// Finds a request's route. Another method on a path of the table is 405 with `Allow`.
async fn dispatch(state: web::Data<State>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    // Escapes are read here, but for those that would end a segment.
    let path = request.match_info().as_str();
    let Some(found) = routes::find(path) else {
        let error = scim::Error::new(404, format!("there is nothing at {path}"));
        return unserved(&state, &request, routes::scope_below(path), error.into()).await;
    };
    let Some(route) = found.route(request.method().as_str()) else {
        let error = scim::Error::new(405, format!("{} is not possible on {path}", request.method()));
        let refusal = Refusal { error, retry_after: None, allow: Some(found.allow()) };
        let scope = found.routes().find_map(|route| route.scope);
        return unserved(&state, &request, scope, refusal).await;
    };
    handle(route, found.id, &state, &request, payload).await
}

/// Answers one request, and logs it without names, bodies or credentials.
async fn handle(
    route: &'static Route,
    id: &str,
    state: &State,
    request: &HttpRequest,
    mut payload: web::Payload,
) -> HttpResponse {
    let started = state.clock.now();
    let number = state.randomness.id(started).simple().to_string();
    let span = tracing::info_span!("request", id = number, method = route.method, route = route.path);
    let mut response = async {
        match operate((route, id), state, request, &mut payload).await {
            Ok(response) => response,
            Err(refusal) => {
                tracing::debug!(status = refusal.error.status, scim_type = ?refusal.error.scim_type, "refused");
                refusal.response()
            }
        }
    }
    .instrument(span.clone())
    .await;
    let millis = (state.clock.now() - started).num_microseconds().unwrap_or(0);
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, micros = millis, "answered"));
    metrics::counter!("scim_bridge_http_requests_total",
        "method" => route.method, "route" => route.path, "status" => status.to_string())
    .increment(1);
    if let Ok(number) = number.parse() {
        response.headers_mut().insert(actix_web::http::header::HeaderName::from_static("x-request-id"), number);
    }
    response
}

async fn operate(
    (route, id): (&Route, &str),
    state: &State,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<HttpResponse, Refusal> {
    let Some(scope) = route.scope else {
        return match route.operation {
            Operation::ServiceProviderConfig
            | Operation::ResourceTypes
            | Operation::ResourceType
            | Operation::Schemas
            | Operation::Schema => {
                let registry = guard::registry(request, state).await?;
                wire::check_accept(request)?;
                discover(route.operation, state, registry, request, id)
            }
            other => unguarded(other, state).await,
        };
    };
    let principal = guard::principal(request, &state.access, scope).await?;
    let _place = state.admission.admit(&principal.tenant)?;
    wire::check_accept(request)?;
    let call = |kind| Call::new(state, request, &principal, kind);
    let find = |query| search::Call::new(state, request, &principal, query);
    match route.operation {
        Operation::List(kind) => find(resources::query(request)?).answer(search::one(kind)).await,
        Operation::ListRoot => find(resources::query(request)?).answer(search::ROOT).await,
        Operation::Search(kind) => {
            find(asked(request, payload, state.body_limit).await?).answer(search::one(kind)).await
        }
        Operation::SearchRoot => find(asked(request, payload, state.body_limit).await?).answer(search::ROOT).await,
        Operation::Get(kind) => call(kind)?.get(id).await,
        Operation::Delete(kind) => call(kind)?.delete(id).await,
        Operation::Create(kind) => {
            let call = call(kind)?;
            call.create(body(request, payload, state.body_limit).await?).await
        }
        Operation::Replace(kind) => {
            let call = call(kind)?;
            call.replace(id, body(request, payload, state.body_limit).await?).await
        }
        Operation::Patch(kind) => {
            let call = call(kind)?;
            call.patch(id, body(request, payload, state.body_limit).await?).await
        }
        Operation::CreateMe => Err(me::create()),
        Operation::GetMe => {
            let id = me::user(&principal)?;
            me::answer(&call(Kind::User)?, id, Deed::Read).await
        }
        Operation::ReplaceMe => {
            let (id, call) = (me::user(&principal)?, call(Kind::User)?);
            let body = body(request, payload, state.body_limit).await?;
            me::answer(&call, id, Deed::Replace(body)).await
        }
        Operation::PatchMe => {
            let (id, call) = (me::user(&principal)?, call(Kind::User)?);
            let body = body(request, payload, state.body_limit).await?;
            me::answer(&call, id, Deed::Patch(body)).await
        }
        Operation::DeleteMe => {
            let id = me::user(&principal)?;
            call(Kind::User)?.delete(id).await
        }
        Operation::Bulk => bulk::carry_out(state, request, &principal, payload).await,
        Operation::Status => admin::status(state, &principal).await,
        Operation::UserPlan => admin::plan_of_user(state, &principal, id).await,
        Operation::Deliveries => admin::deliveries(state, &principal, request).await,
        Operation::Order(order) => admin::order(state, &principal, id, order).await,
        other => unguarded(other, state).await,
    }
}

/// A `SearchRequest` (RFC 7644 3.4.3).
async fn asked(request: &HttpRequest, payload: &mut web::Payload, limit: usize) -> Result<Query, Refusal> {
    Ok(Query::from_body(&body(request, payload, limit).await?, resources::PAGE)?)
}

/// Discovery (RFC 7644 section 4). A filter is refused with 403 there.
fn discover(
    operation: Operation,
    state: &State,
    registry: &Registry,
    request: &HttpRequest,
    id: &str,
) -> Result<HttpResponse, Refusal> {
    let asks = url::form_urlencoded::parse(request.query_string().as_bytes())
        .any(|(name, _)| name.eq_ignore_ascii_case("filter"));
    if asks {
        return Err(scim::Error::new(403, "discovery takes no filter (RFC 7644 section 4)").into());
    }
    let base = state.base(request);
    match operation {
        Operation::ServiceProviderConfig => {
            Ok(answer(StatusCode::OK, &discovery::service_provider_config(&features(state), &base)))
        }
        Operation::ResourceTypes => Ok(answer(StatusCode::OK, &discovery::resource_types(registry, &base))),
        Operation::Schemas => Ok(answer(StatusCode::OK, &discovery::schemas(registry, &base))),
        Operation::ResourceType => match discovery::resource_type(registry, id, &base) {
            Some(document) => Ok(answer(StatusCode::OK, &document)),
            None => Err(scim::Error::not_found("ResourceType", id).into()),
        },
        _ => match discovery::schema(registry, id, &base) {
            Some(document) => Ok(answer(StatusCode::OK, &document)),
            None => Err(scim::Error::not_found("Schema", id).into()),
        },
    }
}

/// What `/ServiceProviderConfig` says: no more than what works.
fn features(state: &State) -> Features {
    let page = resources::PAGE;
    Features {
        filter_max_results: Some(page.max_count),
        sort: true,
        etag: true,
        bulk: Some(bulk::limits(state.body_limit)),
        // The bridge had pages by index before it had cursors: they stay what a client gets that does not ask (RFC 9865
        // 2.4).
        pagination: Some(Pagination {
            cursor: true,
            index: true,
            default_pagination_method: Some("index".into()),
            default_page_size: Some(page.default_count),
            max_page_size: Some(page.max_count),
            cursor_timeout: Some(scim::cursor::LIFE.into()),
        }),
        ..Features::default()
    }
}

/// Answers the routes that need no token.
async fn unguarded(operation: Operation, state: &State) -> Result<HttpResponse, Refusal> {
    match operation {
        Operation::Readyz => {
            if state.draining.load(Ordering::Relaxed) {
                return Err(scim::Error::new(503, "the bridge is about to stop").into());
            }
            state.overview.ready().await?;
            Ok(HttpResponse::Ok().content_type("text/plain").body("ready\n"))
        }
        Operation::Metrics => {
            Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(state.metrics.render()))
        }
        Operation::OpenapiYaml => match openapi::yaml() {
            Ok(text) => Ok(HttpResponse::Ok().content_type("application/yaml").body(text)),
            Err(error) => {
                tracing::error!(%error, "openapi.yaml could not be written");
                Err(scim::Error::new(500, "internal error").into())
            }
        },
        Operation::OpenapiJson => Ok(HttpResponse::Ok().json(openapi::document())),
        _ => Ok(HttpResponse::Ok().content_type("text/plain").body("alive\n")),
    }
}
