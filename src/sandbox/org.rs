//! The org as a whole: what it holds, who is logged in, what goes wrong, what was called.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::archive::Archive;
use super::dice::{Dice, Fate, Traits, Trouble};
use super::faults::Faults;
use super::journal::{Call, Journal};
use super::oauth::{self, Sessions};
use super::rows::{self, Rows, UnderWay};
use super::settings::{LoginError, Settings};
use super::store::{Group, Once, Store, User};
use super::wire::{Reply, Request};
use super::{control, page, rest, scim, state};

/// The fault of a call that was done and not answered.
const LOST_ANSWER: &str = "lost_answer";

/// A simulated org. Answers calls without any network; [`super::start`] puts it on one.
#[derive(Debug)]
pub struct Org {
    settings: Settings,
    base_url: OnceLock<String>,
    inner: Mutex<Inner>,
    rows: Rows,
}

/// What changes.
#[derive(Debug)]
pub(super) struct Inner {
    /// What the org holds.
    pub(super) store: Store,
    /// Who is logged in.
    pub(super) sessions: Sessions,
    /// What every login is refused with.
    pub(super) login_error: Option<LoginError>,
    /// What was called.
    pub(super) journal: Journal,
    /// What goes wrong.
    pub(super) dice: Dice,
    /// Calls since `window`, against the daily limit.
    pub(super) api_calls: u32,
    /// What the REST interface remembers.
    pub(super) rest: rest::State,
    window: DateTime<Utc>,
    archive: Option<Archive>,
}

/// What the network is to do with a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Send this.
    Answer(Reply),
    /// Break the connection without an answer.
    Broken,
}

/// What a front end needs of the org, for the time of one call.
pub(super) struct Visit<'a> {
    /// How the org was set up.
    pub(super) settings: &'a Settings,
    /// `https://{MyDomain}.my.salesforce.com` of this org.
    pub(super) base_url: &'a str,
    /// The time of the call.
    pub(super) now: DateTime<Utc>,
    /// What changes.
    pub(super) inner: &'a mut Inner,
    /// Id of the user whose session it is; empty on the token endpoint and the control interface.
    pub(super) caller: String,
}

impl Org {
    /// The org that `settings` describes, as it was left if it is kept in a file.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn open(settings: Settings) -> std::io::Result<Self> {
        let org = Self::new(settings);
        if let Some(path) = &org.settings.keep_in {
            let mut inner = org.lock();
            let archive = Archive::open(path, &mut inner.store)?;
            inner.archive = Some(archive);
        }
        Ok(org)
    }

    /// The org that `settings` describes, from the beginning and kept in no file.
    pub fn new(settings: Settings) -> Self {
        let now = (settings.clock)();
        let inner = Inner::new(&settings, now);
        Self { settings, base_url: OnceLock::new(), inner: Mutex::new(inner), rows: Rows::default() }
    }

    /// How the org was set up.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The org's URL: `http://…` of its listener, or a made-up one while it has none.
    pub fn base_url(&self) -> &str {
        self.base_url.get_or_init(|| format!("https://{}.my.salesforce.com", self.settings.my_domain))
    }

    /// Says where the org listens; counts once.
    pub(super) fn set_base_url(&self, url: String) {
        let _kept = self.base_url.set(url);
    }

    /// How long each call waits, in milliseconds.
    pub fn latency_ms(&self) -> u64 {
        self.lock().dice.latency_ms()
    }

    /// Whether calls wait until this is off.
    pub fn hangs(&self) -> bool {
        self.lock().dice.hangs()
    }

    /// Notes that a call has come which is answered later: until then it holds the groups and roles that it writes, where
    /// [`Switches::locks_shared_rows`](super::Switches::locks_shared_rows) says so.
    pub fn enter(&self, request: &Request) -> UnderWay<'_> {
        let locks = self.settings.switches.locks_shared_rows;
        let written = if locks { rows::written(request, &self.lock().store) } else { BTreeSet::new() };
        self.rows.enter(written)
    }

    /// Answers a call, faults included.
    pub fn call(&self, request: &Request) -> Outcome {
        self.answer(request, BTreeSet::new())
    }

    /// Answers a call that has been under way for a while, faults included.
    pub fn finish(&self, request: &Request, call: &UnderWay<'_>) -> Outcome {
        self.answer(request, call.in_use.clone())
    }

    fn answer(&self, request: &Request, in_use: BTreeSet<String>) -> Outcome {
        let mut inner = self.lock();
        let now = (self.settings.clock)();
        let mut visit = Visit {
            settings: &self.settings,
            base_url: self.base_url(),
            now,
            inner: &mut inner,
            caller: String::new(),
        };
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            [] => return Outcome::Answer(page::show(&visit, request)),
            ["sandbox", rest @ ..] => {
                let reply = control::answer(&mut visit, request, rest);
                inner.keep();
                return Outcome::Answer(reply);
            }
            ["favicon.ico"] => return Outcome::Answer(Reply::empty(404)),
            _ => {}
        }
        let (fate, once) = visit.inner.dice.draw(traits(request, &segments), now);
        visit.inner.store.mishaps.once = once;
        visit.inner.store.mishaps.in_use = in_use;
        let (reply, mut fault) = match fate {
            Fate::RequestLost => (None, Some("lost_request")),
            Fate::Refused(trouble) => {
                if trouble == Trouble::SessionRevoked {
                    visit.inner.sessions.revoke_all();
                }
                (Some(trouble.reply()), Some(trouble.name()))
            }
            Fate::Served | Fate::AnswerLost { .. } => {
                let reply = api(&mut visit, request, &segments);
                let lost = match fate {
                    Fate::AnswerLost { only_if_changed: true } => reply.changed == Some(true),
                    Fate::AnswerLost { only_if_changed: false } => true,
                    _ => false,
                };
                if fate == (Fate::AnswerLost { only_if_changed: true }) && lost {
                    visit.inner.dice.answer_was_lost();
                }
                (Some(reply), lost.then_some(LOST_ANSWER))
            }
        };
        let mishaps = &mut inner.store.mishaps;
        mishaps.once = Once::default();
        mishaps.in_use.clear();
        fault = fault.or(mishaps.struck.take());
        mishaps.struck = None;
        inner.keep();
        // Somebody may send a secret to the token endpoint in the query.
        let path = if request.query.is_empty() || request.path.ends_with("/token") {
            request.path.clone()
        } else {
            format!("{}?{}", request.path, request.query)
        };
        let kind = reply.as_ref().map_or("lost_request", |reply| reply.kind);
        let status = reply.as_ref().map(|reply| reply.status);
        let call = Call { number: 0, at: now, method: request.method.clone(), path, status, kind, fault };
        inner.journal.note(call, reply.as_ref());
        match reply {
            Some(reply) if fault != Some(LOST_ANSWER) => {
                Outcome::Answer(if request.pretty { reply.indented() } else { reply })
            }
            _ => Outcome::Broken,
        }
    }

    /// The users, in the order of ids.
    pub fn users(&self) -> Vec<User> {
        self.lock().store.users().cloned().collect()
    }

    /// The groups and queues, in the order of ids.
    pub fn groups(&self) -> Vec<Group> {
        self.lock().store.groups().cloned().collect()
    }

    /// The answer of `GET /sandbox/state`.
    pub fn state(&self) -> Value {
        state::state(&self.lock().store)
    }

    /// The answer of `GET /sandbox/journal`.
    pub fn journal(&self) -> Value {
        self.lock().journal.as_json(None, 0)
    }

    /// The answer of `GET /sandbox/counters`.
    pub fn counters(&self) -> Value {
        self.lock().journal.counters()
    }

    /// Replaces the faults and starts their generators anew.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().set_faults(faults);
    }

    /// Confirms every e-mail address that waits; answers how many.
    pub fn confirm_emails(&self) -> usize {
        let now = (self.settings.clock)();
        let mut inner = self.lock();
        let confirmed = inner.store.confirm_emails(now);
        inner.keep();
        confirmed
    }

    /// Ends every session; answers how many there were.
    pub fn revoke_sessions(&self) -> usize {
        self.lock().sessions.revoke_all()
    }

    /// Sets how many of a licence the org has.
    pub fn set_licence(&self, name: &str, total: u32) {
        self.lock().store.set_licence(name, total);
    }

    /// Lets a test look at the store, or change it as an administrator would.
    pub fn with_store<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        let mut inner = self.lock();
        let done = act(&mut inner.store);
        inner.keep();
        done
    }

    /// A panic while the lock was held leaves at worst one call half done, which is what this org is for.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn new(settings: &Settings, now: DateTime<Utc>) -> Self {
        Self {
            store: Store::new(settings, now),
            sessions: Sessions::new(settings),
            login_error: settings.login_error.clone(),
            journal: Journal::new(settings.journal_length),
            dice: Dice::new(settings.faults.clone()),
            api_calls: 0,
            rest: rest::State::new(&settings.my_domain, now),
            window: now,
            archive: None,
        }
    }

    /// Writes what became different, before anybody is told of it.
    fn keep(&mut self) {
        let Some(archive) = &mut self.archive else {
            self.store.drop_changes();
            return;
        };
        let changes = self.store.take_changes();
        if !changes.is_empty()
            && let Err(error) = archive.append(&changes)
        {
            tracing::error!(%error, "the simulated org cannot be kept and will be incomplete after a restart");
        }
    }

    /// The faults that stand, with what is left of those that are counted.
    pub(super) fn faults(&self) -> Faults {
        self.dice.faults().clone().with_left(&self.store.mishaps)
    }

    /// Everything as it was at the beginning, with nobody logged in and nothing called.
    pub(super) fn reset(&mut self, settings: &Settings, now: DateTime<Utc>) -> std::io::Result<()> {
        self.store.release_usernames();
        let archive = self.archive.take();
        *self = Self::new(settings, now);
        if let (Some(_), Some(path)) = (archive, &settings.keep_in) {
            self.archive = Some(Archive::create(path, &self.store)?);
            self.store.drop_changes();
        }
        Ok(())
    }

    /// Replaces the faults and starts their generators anew.
    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.store.mishaps = faults.mishaps();
        self.dice = Dice::new(faults);
    }
}

/// What decides which faults can befall the call.
fn traits(request: &Request, segments: &[&str]) -> Traits {
    let reads = request.method == "GET"
        || matches!(segments, [.., ".search"] | ["services", "data", _, "jobs", "query", ..])
        || (matches!(segments, ["services", "data", _, "composite"]) && only_reads(request));
    let lists = matches!(
        segments,
        ["services", "scim", "v2", "Users" | "Groups" | "Entitlements" | "Roles"] | [.., "Users", ".search"]
    );
    let queries = matches!(segments, ["services", "data", _, "query" | "queryAll", ..]);
    Traits {
        is_login: matches!(segments, ["services", "oauth2", ..]),
        is_write: !reads,
        is_query: reads && (lists || queries),
    }
}

/// Whether a composite call has nothing but requests that read.
fn only_reads(request: &Request) -> bool {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let parts = body.get("compositeRequest").and_then(Value::as_array);
    parts.is_some_and(|parts| parts.iter().all(|part| part.get("method").and_then(Value::as_str) == Some("GET")))
}

/// What the call is about and the answer, faults aside.
fn api(visit: &mut Visit<'_>, request: &Request, segments: &[&str]) -> Reply {
    match segments {
        ["services", "oauth2", "token"] => return oauth::token(visit, request).about("token"),
        ["services", "oauth2", "revoke"] => return oauth::revoke(visit, request).about("revoke"),
        _ => {}
    }
    if segments == ["services", "data"] {
        return rest::versions().about("discovery");
    }
    let token = request.authorization.as_deref().and_then(|header| header.split_once(' '));
    let caller = token
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, token)| visit.inner.sessions.user(token.trim(), visit.settings.session_idle_seconds, visit.now))
        // Whoever is deactivated or frozen is out at once.
        .filter(|user| visit.inner.store.user(user).is_some_and(|user| user.active && !user.frozen));
    let Some(caller) = caller else {
        return Reply::rest_error(401, "INVALID_SESSION_ID", "Session expired or invalid").about("unauthorized");
    };
    visit.caller = caller;
    let switches = &visit.settings.switches;
    if !switches.api_enabled || visit.inner.rest.is_withdrawn("PermissionsApiEnabled") {
        return Reply::rest_error(403, "API_CURRENTLY_DISABLED", "API is currently disabled for this user")
            .about("forbidden");
    }
    let manages = switches.manage_users && !visit.inner.rest.is_withdrawn("PermissionsManageUsers");
    if !manages && traits(request, segments).is_write {
        return Reply::rest_error(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")
            .about("forbidden");
    }
    let is_scim = matches!(segments, ["services", "scim", ..]);
    let counts = !is_scim || visit.settings.switches.scim_counts;
    if counts {
        if visit.now - visit.inner.window >= TimeDelta::hours(24) {
            visit.inner.window = visit.now;
            visit.inner.api_calls = 0;
        }
        if visit.inner.api_calls >= visit.settings.daily_api_limit {
            return Reply::rest_error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
                .about("over_limit");
        }
        visit.inner.api_calls += 1;
    }
    let reply = match segments {
        ["services", "oauth2", "userinfo"] => rest::user_info(visit).about("user_read"),
        ["services", "scim", "v2", rest @ ..] => scim::answer(visit, request, rest),
        ["services", "data", version, rest @ ..] if rest::is_version(version) => {
            rest::answer(visit, request, version, rest)
        }
        _ => Reply::rest_error(404, "NOT_FOUND", "The requested resource does not exist"),
    };
    if !counts {
        return reply;
    }
    let usage = format!("api-usage={}/{}", visit.inner.api_calls, visit.settings.daily_api_limit);
    reply.with_header("Sforce-Limit-Info", usage)
}
