//! The org on a network.

use std::fmt;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::org::{Org, Outcome};
use super::settings::Settings;
use super::wire::Request;

/// The largest body that is read, in bytes: more than the 150 MB of a bulk upload, so that Salesforce's own refusal is
/// what a larger one meets.
const BODY_MAX: usize = 160 * 1024 * 1024;
/// How often a call that hangs looks whether it may go on.
const HANG_STEP: Duration = Duration::from_millis(10);

/// A simulated org that is being served.
#[derive(Debug)]
pub struct Running {
    url: String,
    org: Arc<Org>,
    handle: ServerHandle,
}

impl Running {
    /// The org's URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The org, for tests in the same process.
    pub fn org(&self) -> &Arc<Org> {
        &self.org
    }

    /// Ends it: calls under way are answered, new ones are not taken.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// Makes the org that `settings` describes and serves it in the background of the present tokio runtime.
///
/// # Errors
/// The address is no address, or it is taken; or the file that keeps the org cannot be used.
pub async fn start(settings: Settings) -> std::io::Result<Running> {
    let listener = tokio::net::TcpListener::bind(&settings.listen).await?.into_std()?;
    serve(listener, settings)
}

fn serve(listener: TcpListener, settings: Settings) -> std::io::Result<Running> {
    let url = format!("http://{}", listener.local_addr()?);
    let org = Arc::new(Org::open(settings)?);
    org.set_base_url(url.clone());
    let shared = Data::from(Arc::clone(&org));
    let server = HttpServer::new(move || {
        App::new().app_data(shared.clone()).app_data(PayloadConfig::new(BODY_MAX)).default_service(web::to(answer))
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(2)
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(Running { url, org, handle })
}

async fn answer(org: Data<Org>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let call = Request {
        method: request.method().as_str().to_owned(),
        path: request.path().to_owned(),
        query: request.query_string().to_owned(),
        authorization: header(AUTHORIZATION.as_str()),
        content_type: header(CONTENT_TYPE.as_str()),
        method_override: header("x-http-method-override"),
        query_options: header("sforce-query-options"),
        pretty: request.headers().contains_key("x-prettyprint"),
        body: body.to_vec(),
    };
    let under_way = org.enter(&call);
    if call.path.starts_with("/services") {
        let latency = org.latency_ms();
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        while org.hangs() {
            tokio::time::sleep(HANG_STEP).await;
        }
    }
    match org.finish(&call, &under_way) {
        Outcome::Answer(reply) => {
            let mut builder = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK));
            for (name, value) in &reply.headers {
                builder.insert_header((*name, value.as_str()));
            }
            if reply.content_type.is_empty() {
                return builder.finish();
            }
            builder.insert_header((CONTENT_TYPE, reply.content_type));
            builder.body(reply.body)
        }
        Outcome::Broken => HttpResponse::Ok().body(Cut),
    }
}

/// A body that breaks before its first byte, which makes the server close the connection without an answer.
struct Cut;

/// What [`Cut`] ends with.
#[derive(Debug)]
struct CutOff;

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was cut by order of the sandbox's faults")
    }
}

impl std::error::Error for CutOff {}

impl MessageBody for Cut {
    type Error = CutOff;

    fn size(&self) -> BodySize {
        BodySize::Sized(64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(CutOff)))
    }
}
