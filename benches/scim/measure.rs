//! Measures scenarios: the same requests at every size, and the yardstick's, in turn, so that what else the machine does
//! meets all of them.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::bare::{self, Answers};
use crate::bridge::{Memory, Process, own_processor_time};
use crate::commits::{Change, Commits};
use crate::database::Databases;
use crate::load::{Requests, Tally, Window, Wire, window};
use crate::report::{Row, Who};
use crate::scenario::{Ask, CREATES, Scenario, at_most, random};
use crate::seed::{Stored, ask};

/// Targets that the yardstick knows at most; the bridge is asked for the same.
const YARDSTICK: usize = 10_000;
/// Part of a window's length that goes before it, uncounted.
const WARM_UP: u32 = 5;

/// How it is measured.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Numbers of connections.
    pub(crate) connections: Vec<usize>,
    /// Length of one measurement.
    pub(crate) length: Duration,
    /// Windows that it is divided into.
    pub(crate) rounds: u32,
    /// Threads of the yardstick, as many as the bridge has.
    pub(crate) workers: usize,
}

/// Who is measured.
enum Server<'a> {
    Bridge(&'a Stored),
    Bare(&'a Process),
    /// Not asked anything.
    Commits(Box<RefCell<Commits>>),
}

impl Server<'_> {
    fn process(&self) -> Option<&Process> {
        match self {
            Self::Bridge(stored) => Some(stored.bridge.process()),
            Self::Bare(process) => Some(process),
            Self::Commits(_) => None,
        }
    }

    fn who(&self) -> Who {
        match self {
            Self::Bridge(_) => Who::Bridge,
            Self::Bare(_) => Who::Bare,
            Self::Commits(commits) => commits.borrow().who(),
        }
    }

    fn processor_time(&self) -> Result<Duration> {
        self.process().map_or(Ok(Duration::ZERO), Process::processor_time)
    }

    fn memory(&self) -> Result<Memory> {
        self.process().map_or(Ok(Memory { now: 0, peak: 0 }), Process::memory)
    }
}

struct Series<'a> {
    server: Server<'a>,
    size: usize,
    /// What a server is asked.
    requests: Option<Requests>,
    most: Option<usize>,
}

/// Measures one scenario. `yardstick`: the place of the bridge that is compared with a bare server, or with bare commits.
pub(crate) async fn measure(
    scenario: &Scenario,
    stored: &[Stored],
    yardstick: usize,
    (folder, databases): (&Path, &mut Databases),
    plan: &Plan,
) -> Result<Vec<Row>> {
    let mut bare = None;
    let mut series = Vec::new();
    for (place, stored) in stored.iter().enumerate() {
        let address = stored.bridge.address();
        let wire = Wire::new(address, Some(&stored.bridge.token));
        let mut add = |size, requests, most| {
            series.push(Series { server: Server::Bridge(stored), size, requests: Some(requests), most });
        };
        match &scenario.ask {
            Ask::Read(targets) => {
                let mut targets = targets(stored);
                if targets.is_empty() {
                    continue;
                }
                if scenario.yardstick && place == yardstick {
                    targets.truncate(YARDSTICK);
                }
                let targets: Rc<[String]> = targets.into();
                add(stored.level, random(Rc::clone(&targets), wire), None);
                if scenario.yardstick && place == yardstick {
                    let process = yardstick_of(stored, &targets, folder, plan.workers).await?;
                    let wire = Wire::new(process.address, None);
                    bare = Some((process, stored.level, random(targets, wire)));
                }
            }
            Ask::Change(requests) => add(stored.level, requests(stored, wire), None),
            // So that at the end there are still about as many as the table says; but where it is compared, a window is
            // long enough for a figure.
            Ask::Create(requests) => {
                let part = if place == yardstick { stored.level } else { stored.level / 20 };
                add(stored.level, requests(stored, wire), Some(part.max(CREATES)));
            }
            Ask::Group(requests) => {
                for (place, (size, _)) in stored.groups.iter().enumerate() {
                    add(*size, requests(stored, place, wire.clone()), None);
                }
            }
        }
    }
    if let Some((process, size, requests)) = &bare {
        let (server, requests) = (Server::Bare(process), Rc::clone(requests));
        series.push(Series { server, size: *size, requests: Some(requests), most: None });
    }
    if let (Some(change), Some(compared)) = (scenario.commits, stored.get(yardstick)) {
        let size = match change {
            Change::Create | Change::Patch => Some(compared.level),
            Change::Member => series.iter().map(|series| series.size).min(),
        };
        let users = (change, compared.level, plan.workers);
        let document = compared.users.first().map(|(user, _)| user.document()).unwrap_or_default();
        if let Some(size) = size {
            let commits = Commits::new(databases, folder, users, &document).await?;
            series.push(Series {
                server: Server::Commits(Box::new(RefCell::new(commits))),
                size,
                requests: None,
                most: None,
            });
        }
    }
    let mut rows = Vec::new();
    for &connections in &plan.connections {
        let sums = in_turn(scenario, &series, connections, plan).await?;
        for (series, sum) in series.iter().zip(sums) {
            let memory = series.server.memory()?;
            for (kind, tally) in scenario.kinds.iter().zip(&sum.tallies) {
                if let Some(error) = &tally.first_error {
                    eprintln!("  {}{kind}, {connections} connections, {}: {error}", scenario.name, series.size);
                }
                rows.push(Row {
                    scenario: format!("{}{kind}", scenario.name),
                    constant: scenario.constant,
                    connections,
                    who: series.server.who(),
                    of: scenario.of(),
                    size: series.size,
                    rate: tally.rate(),
                    p50: tally.latencies.value_at_quantile(0.5),
                    p99: tally.latencies.value_at_quantile(0.99),
                    errors: tally.errors,
                    processors: (sum.share(sum.server), sum.share(sum.load)),
                    memory: (memory.now, memory.peak),
                });
            }
        }
    }
    Ok(rows)
}

/// What came of one series: its tallies by kind of request, and the processor time that went into it.
struct Sum {
    tallies: Vec<Tally>,
    server: Duration,
    load: Duration,
    elapsed: Duration,
}

impl Sum {
    fn new(kinds: usize) -> Result<Self> {
        let tallies = (0..kinds).map(|_| Tally::new()).collect::<Result<Vec<_>>>()?;
        Ok(Self { tallies, server: Duration::ZERO, load: Duration::ZERO, elapsed: Duration::ZERO })
    }

    /// Part of one processor that was used.
    fn share(&self, used: Duration) -> f64 {
        used.as_secs_f64() / self.elapsed.as_secs_f64().max(1e-6)
    }
}

/// All series in turn, so many rounds.
async fn in_turn(scenario: &Scenario, series: &[Series<'_>], connections: usize, plan: &Plan) -> Result<Vec<Sum>> {
    let kinds = scenario.kinds.len();
    let mut sums = series.iter().map(|_| Sum::new(kinds)).collect::<Result<Vec<_>>>()?;
    let length = plan.length / plan.rounds;
    for _ in 0..plan.rounds {
        for (series, sum) in series.iter().zip(&mut sums) {
            let server = &series.server;
            let (begun, before, load) = (Instant::now(), server.processor_time()?, own_processor_time()?);
            let tallies = one_window(series, connections, length, kinds).await.with_context(|| scenario.name)?;
            sum.server += server.processor_time()?.saturating_sub(before);
            sum.load += own_processor_time()?.saturating_sub(load);
            sum.elapsed += begun.elapsed();
            for (sum, tally) in sum.tallies.iter_mut().zip(tallies) {
                sum.add(&tally)?;
            }
        }
    }
    Ok(sums)
}

async fn one_window(series: &Series<'_>, connections: usize, length: Duration, kinds: usize) -> Result<Vec<Tally>> {
    let (process, requests) = match (&series.server, &series.requests) {
        (Server::Commits(commits), _) => {
            let mut tally = commits.borrow_mut().run(connections, length)?;
            // Its kinds follow each other: each is as many.
            tally.answers /= u64::try_from(kinds.max(1))?;
            return Ok(vec![tally; kinds]);
        }
        (server, requests) => (server.process(), requests),
    };
    let (process, requests) = process.zip(requests.as_ref()).context("nothing to ask")?;
    // What is limited in number would be over before a warm-up is.
    let (requests, warm_up) = match series.most {
        Some(most) => (at_most(most, requests), Duration::ZERO),
        None => (Rc::clone(requests), length / WARM_UP),
    };
    window(process.address, Window { connections, warm_up, length }, kinds, &requests).await
}

/// A bare server that answers `targets` as the bridge just did.
async fn yardstick_of(stored: &Stored, targets: &Rc<[String]>, folder: &Path, workers: usize) -> Result<Process> {
    let asked = Rc::clone(targets);
    let bodies = ask(&stored.bridge, targets.len(), move |wire, number, out| {
        wire.get(out, asked.get(number).map_or("", String::as_str));
    });
    let mut answers = Answers::default();
    for (target, body) in targets.iter().zip(bodies.await?) {
        let body = String::from_utf8(body)?;
        match target.split_once('?') {
            Some((_, query)) => answers.lists.push((query.to_owned(), body)),
            None => answers.users.push((target.rsplit('/').next().unwrap_or_default().to_owned(), body)),
        }
    }
    bare::start(&answers, &folder.join("answers.json"), workers)
}
