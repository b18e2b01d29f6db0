//! Rows, tables, and what is promised of them.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are rounded to be read"
)]

use std::collections::BTreeSet;

/// Most that a look-up or a one-member PATCH may take longer at the largest size than at the smallest.
pub(crate) const GROWTH: f64 = 1.2;
/// The same for look-ups that wait for each other, where the median shows processor time: of a hundred times as many users
/// less is in the processors' caches, however they are found.
pub(crate) const GROWTH_QUEUED: f64 = 1.6;
/// Least part of the yardstick's requests per second that the bridge serves.
pub(crate) const SHARE: f64 = 0.5;
/// The same of changes that come one at a time, against commits to SQLite of one each: what the bridge adds to a commit.
pub(crate) const SHARE_ALONE: f64 = 0.6;
/// Memory in bytes that the bridge stays below while it is compared with the yardstick.
pub(crate) const MEMORY: u64 = 100_000_000;

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The bridge.
    Bridge,
    /// The bare server.
    Bare,
    /// A program that commits to SQLite.
    Commits,
    /// `pgbench`, which commits to PostgreSQL.
    Pgbench,
}

impl Who {
    const fn name(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Bare => "bare",
            Self::Commits => "commits",
            Self::Pgbench => "pgbench",
        }
    }
}

/// What a size counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Users stored.
    Users,
    /// Members of the group asked for.
    Members,
}

/// One measurement.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was asked.
    pub(crate) scenario: String,
    /// Whether it may not depend on the size.
    pub(crate) constant: bool,
    /// Requests under way at a time.
    pub(crate) connections: usize,
    /// Who answered.
    pub(crate) who: Who,
    /// What `size` counts.
    pub(crate) of: Of,
    /// How many there were.
    pub(crate) size: usize,
    /// Answers a second.
    pub(crate) rate: f64,
    /// Median latency in microseconds.
    pub(crate) p50: u64,
    /// 99th percentile of the latency, in microseconds.
    pub(crate) p99: u64,
    /// Requests that got no 2xx.
    pub(crate) errors: u64,
    /// Processors that who answered used, and who asked, on average; of all kinds of request that follow each other.
    pub(crate) processors: (f64, f64),
    /// Resident memory of who answered, in bytes: afterwards, and the most since its start.
    pub(crate) memory: (u64, u64),
}

/// A table, as text or Markdown.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    title: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Writes it, each column as wide as its widest cell.
    pub(crate) fn render(&self, markdown: bool) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let cells = self.rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count());
                cells.chain([column.chars().count(), 3]).max().unwrap_or_default()
            })
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for (place, (cell, width)) in cells.zip(&widths).enumerate() {
                let bar = if markdown { "| " } else { "" };
                // Words to the left, figures to the right.
                let cell = if place == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
                line.extend([bar, cell.as_str(), " "]);
            }
            if markdown { format!("{line}|") } else { line.trim_end().to_owned() }
        };
        let mut text = if markdown { format!("**{}**\n\n", self.title) } else { format!("{}\n", self.title) };
        let rule = |place: usize, width: usize| match (markdown, place) {
            (false, _) | (_, 0) => "-".repeat(width),
            _ => format!("{}:", "-".repeat(width - 1)),
        };
        let rules: Vec<String> = widths.iter().enumerate().map(|(place, width)| rule(place, *width)).collect();
        let mut lines = vec![line(&mut self.columns.iter().copied()), line(&mut rules.iter().map(String::as_str))];
        lines.extend(self.rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
        text.push_str(&lines.join("\n"));
        text.push('\n');
        text
    }
}

/// A promise, and whether it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bound {
    /// What is promised.
    pub(crate) what: String,
    /// What was measured, and the limit.
    pub(crate) figures: String,
    /// Whether it holds.
    pub(crate) holds: bool,
}

/// A count with its thousands parted.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn connections(row: &Row) -> String {
    if row.connections == 1 { "1 connection".to_owned() } else { format!("{} connections", row.connections) }
}

fn size(count: usize) -> String {
    thousands(count as u64)
}

fn millis(micros: u64) -> String {
    let millis = micros as f64 / 1000.0;
    if micros < 10_000 { format!("{millis:.2}") } else { format!("{millis:.1}") }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1e6)
}

/// Every measurement of a kind of size.
pub(crate) fn measurements(rows: &[Row], of: Of) -> Option<Table> {
    let (title, column) = match of {
        Of::Users => ("By users stored", "users"),
        Of::Members => ("By members of one group", "members"),
    };
    let columns = vec![
        "request",
        "connections",
        column,
        "server",
        "req/s",
        "p50 ms",
        "p99 ms",
        "errors",
        "CPU %",
        "load %",
        "RSS MB",
        "peak MB",
    ];
    let rows: Vec<Vec<String>> = rows
        .iter()
        .filter(|row| row.of == of)
        .map(|row| {
            vec![
                row.scenario.clone(),
                row.connections.to_string(),
                size(row.size),
                row.who.name().to_owned(),
                thousands(row.rate.round() as u64),
                millis(row.p50),
                millis(row.p99),
                row.errors.to_string(),
                format!("{:.0}", row.processors.0 * 100.0),
                format!("{:.0}", row.processors.1 * 100.0),
                megabytes(row.memory.0),
                megabytes(row.memory.1),
            ]
        })
        .collect();
    (!rows.is_empty()).then_some(Table { title, columns, rows })
}

/// A measurement of the bridge, and the one of the same requests that it is held against.
struct Pair<'a> {
    row: &'a Row,
    other: &'a Row,
}

impl Pair<'_> {
    fn share(&self) -> f64 {
        self.row.rate / self.other.rate
    }

    fn growth(&self) -> f64 {
        // Nothing was answered in time: that is no speed.
        if self.row.p50 == 0 || self.other.p50 == 0 {
            return f64::INFINITY;
        }
        self.row.p50 as f64 / self.other.p50 as f64
    }
}

/// The bridge's rows with the yardstick's: that of requests, or that of commits.
fn shares(rows: &[Row], commits: bool) -> Vec<Pair<'_>> {
    let others = rows.iter().filter(|row| match row.who {
        Who::Bridge => false,
        Who::Bare => !commits,
        Who::Commits | Who::Pgbench => commits,
    });
    others
        .filter_map(|other| {
            let row = rows.iter().find(|row| {
                row.who == Who::Bridge
                    && (&row.scenario, row.connections, row.size) == (&other.scenario, other.connections, other.size)
            })?;
            Some(Pair { row, other })
        })
        .collect()
}

/// The bridge's rows at the largest size with those at the smallest.
fn growths(rows: &[Row]) -> Vec<Pair<'_>> {
    let ours = || rows.iter().filter(|row| row.who == Who::Bridge && row.constant);
    let mut seen = BTreeSet::new();
    ours()
        .filter(|row| seen.insert((row.scenario.clone(), row.connections)))
        .filter_map(|first| {
            let same = || ours().filter(|row| (&row.scenario, row.connections) == (&first.scenario, first.connections));
            let (row, other) = (same().max_by_key(|row| row.size)?, same().min_by_key(|row| row.size)?);
            (row.size > other.size).then_some(Pair { row, other })
        })
        .collect()
}

/// The bridge against the yardstick: that of requests, or that of commits.
pub(crate) fn share_table(rows: &[Row], commits: bool) -> Option<Table> {
    let pairs = shares(rows, commits);
    let cells = |pair: &Pair<'_>| {
        vec![
            pair.row.scenario.clone(),
            pair.row.connections.to_string(),
            size(pair.row.size),
            thousands(pair.row.rate.round() as u64),
            thousands(pair.other.rate.round() as u64),
            format!("{:.2}", pair.share()),
        ]
    };
    let (title, column, size) = if commits {
        ("Against bare commits", "commits/s", "users, or members")
    } else {
        ("Against a bare server", "bare req/s", "users")
    };
    let columns = vec!["request", "connections", size, "bridge req/s", column, "ratio"];
    let table = Table { title, columns, rows: pairs.iter().map(cells).collect() };
    (!pairs.is_empty()).then_some(table)
}

/// The largest size against the smallest.
pub(crate) fn growth_table(rows: &[Row]) -> Option<Table> {
    let pairs = growths(rows);
    let cells = |pair: &Pair<'_>| {
        let of = if pair.row.of == Of::Users { "users" } else { "members" };
        vec![
            pair.row.scenario.clone(),
            pair.row.connections.to_string(),
            format!("{} : {} {of}", size(pair.row.size), size(pair.other.size)),
            millis(pair.row.p50),
            millis(pair.other.p50),
            format!("{:.2}", pair.growth()),
        ]
    };
    let columns = vec!["request", "connections", "sizes", "p50 large", "p50 small", "ratio"];
    let table = Table { title: "Large against small", columns, rows: pairs.iter().map(cells).collect() };
    (!pairs.is_empty()).then_some(table)
}

/// What is promised. The yardstick's promises are about the most connections that were measured, those of look-ups are
/// closest for the fewest: where requests wait for each other, the median is the time of the queue.
pub(crate) fn bounds(rows: &[Row]) -> Vec<Bound> {
    let mut bounds = Vec::new();
    let fewest = rows.iter().map(|row| row.connections).min();
    for pair in growths(rows) {
        let (row, ratio) = (pair.row, pair.growth());
        let queued = row.of == Of::Users && Some(row.connections) != fewest;
        let most = if queued { GROWTH_QUEUED } else { GROWTH };
        bounds.push(Bound {
            what: format!("{}, {}: no slower when large", row.scenario, connections(row)),
            figures: format!("p50 ratio {ratio:.3}, at most {most}"),
            holds: ratio <= most,
        });
    }
    let commits = shares(rows, true);
    let most = commits.iter().map(|pair| pair.row.connections).max();
    let promised = |pair: &&Pair<'_>| {
        pair.other.who == Who::Pgbench || pair.row.connections == 1 || Some(pair.row.connections) == most
    };
    for pair in commits.iter().filter(promised) {
        let (row, ratio) = (pair.row, pair.share());
        let least = match (pair.other.who, row.connections) {
            (Who::Commits, 1) => SHARE_ALONE,
            _ => SHARE,
        };
        bounds.push(Bound {
            what: format!("{}, {}: against {}", row.scenario, connections(row), pair.other.who.name()),
            figures: format!("ratio {ratio:.2}, at least {least}"),
            holds: ratio >= least,
        });
    }
    let pairs = shares(rows, false);
    let most = pairs.iter().map(|pair| pair.row.connections).max();
    for pair in pairs.iter().filter(|pair| Some(pair.row.connections) == most) {
        let (row, ratio) = (pair.row, pair.share());
        bounds.push(Bound {
            what: format!("{}, {}: against a bare server", row.scenario, connections(row)),
            figures: format!("req/s ratio {ratio:.2}, at least {SHARE}"),
            holds: ratio >= SHARE,
        });
    }
    if let Some(peak) = pairs.iter().map(|pair| pair.row.memory.1).max() {
        bounds.push(Bound {
            what: "memory while compared with a bare server".to_owned(),
            figures: format!("peak {} MB, below {}", megabytes(peak), megabytes(MEMORY)),
            holds: peak < MEMORY,
        });
    }
    let errors: u64 = rows.iter().map(|row| row.errors).sum();
    bounds.push(Bound {
        what: "every answer is 2xx".to_owned(),
        figures: format!("{errors} errors"),
        holds: errors == 0,
    });
    bounds
}
