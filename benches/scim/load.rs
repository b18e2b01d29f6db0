//! The load generator: N connections in a closed loop, on one thread.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::answer;

/// How long the answers that are still to come at the end of a window are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
/// Answers are read in pieces of this many bytes: a page of 100 users needs two.
const PIECE: usize = 128 * 1024;

/// Writes requests.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    /// What follows the target on every request.
    fields: Vec<u8>,
}

impl Wire {
    /// Requests to `address`, with `token` if there is one.
    pub(crate) fn new(address: SocketAddr, token: Option<&str>) -> Self {
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let fields = format!(" HTTP/1.1\r\nhost: {address}\r\n{bearer}accept: application/scim+json\r\n");
        Self { fields: fields.into_bytes() }
    }

    /// A request without a body.
    pub(crate) fn get(&self, out: &mut Vec<u8>, target: &str) {
        out.extend_from_slice(b"GET ");
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(&self.fields);
        out.extend_from_slice(b"\r\n");
    }

    /// A request with a body.
    pub(crate) fn send(&self, out: &mut Vec<u8>, method: &str, target: &str, body: &str) {
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(&self.fields);
        let length = format!("content-type: application/scim+json\r\ncontent-length: {}\r\n\r\n", body.len());
        out.extend_from_slice(length.as_bytes());
        out.extend_from_slice(body.as_bytes());
    }
}

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    piece: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| address.to_string())?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, piece: Vec::with_capacity(PIECE) })
    }

    /// Sends one request and reads its answer; the status, and the body if it is to be kept.
    pub(crate) async fn exchange(&mut self, request: &[u8], mut keep: Option<&mut Vec<u8>>) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.piece.clear();
        let (head, rest) = loop {
            self.read().await?;
            if let Some(head) = answer::head(&self.piece)? {
                break (head, self.piece.get(head.length..).unwrap_or_default());
            }
        };
        let mut body = head.body;
        body.take(rest, keep.as_deref_mut())?;
        while !body.is_complete() {
            self.piece.clear();
            self.read().await?;
            body.take(&self.piece, keep.as_deref_mut())?;
        }
        Ok(head.status)
    }

    async fn read(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.piece).await? {
            0 => bail!("the server closed the connection"),
            _ => Ok(()),
        }
    }
}

/// Writes the next request of a connection (by its number, from 0), and says of which of the scenario's kinds it is;
/// `None`: there is nothing more to ask.
pub(crate) type Requests = Rc<RefCell<dyn FnMut(usize, &mut Vec<u8>) -> Option<usize>>>;

/// What came of one kind of request.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Microseconds from a request's first byte out to its answer's last byte in.
    pub(crate) latencies: Histogram<u64>,
    /// Answers within the window.
    pub(crate) answers: u64,
    /// Length of the window, or of that part in which there was something to ask.
    pub(crate) elapsed: Duration,
    /// Answers other than 2xx, and connections that broke.
    pub(crate) errors: u64,
    /// The first of them, in words.
    pub(crate) first_error: Option<String>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self> {
        let latencies = Histogram::new(3)?;
        Ok(Self { latencies, answers: 0, elapsed: Duration::ZERO, errors: 0, first_error: None })
    }

    /// Adds another window's.
    pub(crate) fn add(&mut self, other: &Self) -> Result<()> {
        self.latencies.add(&other.latencies)?;
        self.answers += other.answers;
        self.elapsed += other.elapsed;
        self.errors += other.errors;
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
        Ok(())
    }

    /// Answers a second.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so many answers")]
    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64().max(1e-6)
    }

    fn wrong(&mut self, what: String) {
        self.errors += 1;
        self.first_error.get_or_insert(what);
    }
}

/// Limits of one window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Connections, each with one request under way.
    pub(crate) connections: usize,
    /// How long goes before it, uncounted: connections and caches.
    pub(crate) warm_up: Duration,
    /// How long it is.
    pub(crate) length: Duration,
}

/// Runs one window against `address`; a tally for each of `kinds`.
pub(crate) async fn window(
    address: SocketAddr,
    window: Window,
    kinds: usize,
    requests: &Requests,
) -> Result<Vec<Tally>> {
    let tallies = (0..kinds).map(|_| Tally::new()).collect::<Result<Vec<_>>>()?;
    let tallies = Rc::new(RefCell::new(tallies));
    let local = tokio::task::LocalSet::new();
    let mut open = Vec::new();
    for _ in 0..window.connections {
        open.push(Connection::open(address).await?);
    }
    let begin = Instant::now() + window.warm_up;
    let end = begin + window.length;
    let ended = local
        .run_until(async {
            let mut tasks = JoinSet::new();
            for (number, connection) in open.into_iter().enumerate() {
                let (tallies, requests) = (Rc::clone(&tallies), Rc::clone(requests));
                let looping = closed_loop(connection, number, requests, tallies, begin..end);
                tasks.spawn_local(async move {
                    tokio::time::timeout(window.warm_up + window.length + LAST_ANSWERS, looping).await.ok()
                });
            }
            tasks.join_all().await
        })
        .await;
    let mut tallies = tallies.borrow().clone();
    for outcome in ended {
        let Some(first) = tallies.first_mut() else { continue };
        match outcome {
            None => first.wrong(format!("no answer for {} s", LAST_ANSWERS.as_secs())),
            Some(Err(error)) => first.wrong(format!("{error:#}")),
            Some(Ok(())) => {}
        }
    }
    // Where requests ran out, the rest of the window was idle.
    let elapsed = Instant::now().min(end).saturating_duration_since(begin);
    for tally in &mut tallies {
        tally.elapsed = elapsed;
    }
    Ok(tallies)
}

async fn closed_loop(
    mut connection: Connection,
    number: usize,
    requests: Requests,
    tallies: Rc<RefCell<Vec<Tally>>>,
    counted: std::ops::Range<Instant>,
) -> Result<()> {
    let mut request = Vec::with_capacity(4096);
    loop {
        request.clear();
        let Some(kind) = (requests.borrow_mut())(number, &mut request) else { return Ok(()) };
        let sent = Instant::now();
        let status = connection.exchange(&request, None).await?;
        let answered = Instant::now();
        if let Some(tally) = tallies.borrow_mut().get_mut(kind) {
            if !(200..300).contains(&status) {
                let target = String::from_utf8_lossy(&request);
                let line = target.lines().next().unwrap_or_default().to_owned();
                tally.wrong(format!("{status} for {line}"));
            } else if sent >= counted.start {
                let micros = u64::try_from(answered.duration_since(sent).as_micros()).unwrap_or(u64::MAX);
                // It grows as it must; no latency is beyond what it can hold.
                tally.latencies.record(micros.max(1))?;
                tally.answers += u64::from(answered <= counted.end);
            }
        }
        if answered >= counted.end {
            return Ok(());
        }
    }
}
