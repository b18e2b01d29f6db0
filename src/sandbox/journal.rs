//! What was called, what it came to, and how often.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::wire::Reply;

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Its number since the beginning, from 1; the journal gives it.
    pub(super) number: u64,
    /// When it came.
    pub(super) at: DateTime<Utc>,
    /// Its method.
    pub(super) method: String,
    /// Its path and query, without any secret: tokens travel in headers and bodies only.
    pub(super) path: String,
    /// The status it was answered with, also where the answer was lost; `None` where nothing was done.
    pub(super) status: Option<u16>,
    /// What it was about.
    pub(super) kind: &'static str,
    /// What went wrong on purpose.
    pub(super) fault: Option<&'static str>,
}

/// The last calls, and the numbers of all calls.
#[derive(Debug, Default)]
pub(super) struct Journal {
    length: usize,
    calls: VecDeque<Call>,
    total: u64,
    by_kind: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
    unchanged: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
}

impl Journal {
    /// A journal that keeps the last `length` calls.
    pub(super) fn new(length: usize) -> Self {
        Self { length, ..Self::default() }
    }

    /// Notes a call. `reply` is what the org answered before any fault took the answer away.
    pub(super) fn note(&mut self, mut call: Call, reply: Option<&Reply>) {
        self.total += 1;
        call.number = self.total;
        *self.by_kind.entry(call.kind).or_insert(0) += 1;
        if let Some(fault) = call.fault {
            *self.faults.entry(fault).or_insert(0) += 1;
        }
        if let Some(reply) = reply {
            // What is refused by order is no refusal of the org, and has its own kind.
            if reply.status >= 400 && call.fault != Some(call.kind) {
                *self.refused.entry(call.kind).or_insert(0) += 1;
            }
            if reply.changed == Some(false) {
                *self.unchanged.entry(call.kind).or_insert(0) += 1;
            }
        }
        if self.length == 0 {
            return;
        }
        if self.calls.len() >= self.length {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// The calls kept, oldest first.
    pub(super) fn calls(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.iter()
    }

    /// The kinds of call that there were.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.by_kind.iter().map(|(kind, count)| (*kind, *count))
    }

    /// The calls kept as JSON, oldest first: those of `kind` (all of them for `None`) with a number above `after`.
    pub(super) fn as_json(&self, kind: Option<&str>, after: u64) -> Value {
        let wanted = |call: &&Call| call.number > after && kind.is_none_or(|kind| kind == call.kind);
        let call = |call: &Call| {
            json!({
                "number": call.number, "time": call.at.to_rfc3339_opts(SecondsFormat::Millis, true),
                "method": call.method, "path": call.path, "status": call.status, "kind": call.kind, "fault": call.fault,
            })
        };
        self.calls.iter().filter(wanted).map(call).collect()
    }

    /// The numbers as JSON: `total`, and by kind of call `calls`, `refused` (answered with 400 or more), `unchanged`
    /// (writes that changed nothing); by kind of fault `faults`.
    pub(super) fn counters(&self) -> Value {
        json!({
            "total": self.total, "calls": self.by_kind, "refused": self.refused, "unchanged": self.unchanged,
            "faults": self.faults,
        })
    }
}
