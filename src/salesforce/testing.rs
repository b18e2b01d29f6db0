//! An org of canned answers, for tests of the client.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{TimeZone, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::{Client, Flow, Settings};
use crate::clock::ManualClock;

/// A request that the org got.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub line: String,
    pub head: String,
    pub body: String,
}

impl Seen {
    /// Method and path, the query decoded.
    pub(super) fn target(&self) -> String {
        let target = self.line.trim_end_matches(" HTTP/1.1");
        percent_encoding::percent_decode_str(target).decode_utf8().unwrap().into_owned()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the org does with a request.
pub(super) enum Reply {
    /// Status, further header lines, body.
    Answer(u16, &'static str, String),
    /// The beginning of an answer, then nothing.
    Cut(u16),
    /// Closes the connection without an answer.
    HangUp,
    /// Never answers.
    Stall,
}

impl Reply {
    pub(super) fn ok(body: impl Into<String>) -> Self {
        Self::Answer(200, "", body.into())
    }

    pub(super) fn status(status: u16, body: impl Into<String>) -> Self {
        Self::Answer(status, "", body.into())
    }
}

/// The org; it listens until its runtime ends.
pub(super) struct Org {
    pub url: Url,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    pub logins: Arc<AtomicUsize>,
}

type Answers = dyn Fn(usize, &Seen) -> Reply + Send + Sync;

impl Org {
    /// An org that gives the tokens `session-1`, `session-2`, … and answers everything else with `answers`, which gets
    /// the number of the request (from 0).
    pub(super) async fn start(answers: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_logins(|n| Reply::ok(format!(r#"{{"access_token":"session-{n}"}}"#)), answers).await
    }

    /// The same with answers of the token endpoint, by the number of the login (from 1).
    pub(super) async fn with_logins(
        tokens: impl Fn(usize) -> Reply + Send + Sync + 'static,
        answers: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let logins = Arc::new(AtomicUsize::new(0));
        let (all, count, answers, tokens): (_, _, Arc<Answers>, _) =
            (seen.clone(), logins.clone(), Arc::new(answers), Arc::new(tokens));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, count, answers, tokens) = (all.clone(), count.clone(), answers.clone(), tokens.clone());
                tokio::spawn(async move {
                    let Some((mut stream, request)) = receive(stream).await else { return };
                    let reply = if request.line.starts_with("POST /services/oauth2/token") {
                        let login = count.fetch_add(1, Ordering::SeqCst) + 1;
                        // Long enough for every waiter of a test to queue up.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        all.lock().unwrap().push(request);
                        tokens(login)
                    } else {
                        let number = {
                            let mut all = all.lock().unwrap();
                            all.push(request.clone());
                            all.iter().filter(|seen| !seen.line.contains("/oauth2/")).count() - 1
                        };
                        answers(number, &request)
                    };
                    match reply {
                        Reply::HangUp => {}
                        Reply::Cut(status) => {
                            let begun = format!("HTTP/1.1 {status} X\r\nContent-Length: 1000\r\n\r\n{{");
                            let _ = stream.write_all(begun.as_bytes()).await;
                        }
                        Reply::Stall => tokio::time::sleep(Duration::from_mins(1)).await,
                        Reply::Answer(status, headers, body) => {
                            let length = body.len();
                            let head = format!(
                                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
                            );
                            let _ = stream.write_all(head.as_bytes()).await;
                            let _ = stream.write_all(body.as_bytes()).await;
                        }
                    }
                });
            }
        });
        Self { url, seen, logins }
    }

    /// Settings that fit the org.
    pub(super) fn settings(&self) -> Settings {
        let flow = Flow::ClientCredentials { client_id: "key".to_owned(), client_secret: "hush-hush".into() };
        let mut settings = Settings::new("acme", self.url.clone(), flow);
        settings.call_timeout = Duration::from_millis(500);
        settings
    }

    /// A client of the org, at a time that stands still.
    pub(super) fn client(&self) -> Client {
        client(self.settings()).0
    }

    /// The calls other than logins, as method and decoded path.
    pub(super) fn calls(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(Seen::target).filter(|target| !target.contains("/oauth2/")).collect()
    }

    /// The last request.
    pub(super) fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }

    pub(super) fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }
}

/// A client and its clock.
pub(super) fn client(settings: Settings) -> (Client, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Utc.with_ymd_and_hms(2026, 10, 14, 9, 0, 0).unwrap()));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    (Client::new(settings, http, clock.clone()), clock)
}

async fn receive(mut stream: TcpStream) -> Option<(TcpStream, Seen)> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or(0);
        if body.len() >= wanted {
            let line = head.lines().next().unwrap_or_default().to_owned();
            return Some((stream, Seen { line, head: head.to_owned(), body: body.to_owned() }));
        }
    }
}
