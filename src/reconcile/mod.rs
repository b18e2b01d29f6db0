//! What the org really holds, beside what was asked of it.
//!
//! Deliveries compare what is desired with what was *observed*, and observe nothing but their own calls. A reconcile
//! reads the org, writes what it holds into what is observed, and reports where that is not what was asked: the drift.
//! It never writes to the org. To repair, it enqueues what drifted, and the ordinary deliveries do the rest.
//!
//! `compare` decides (pure), `accounts` (with what people are given: `grants`) and `groups` read and note chunk by chunk,
//! `unlinked` says whose accounts those may be that nobody is linked to, `repair` enqueues, `lease` is where a run stands,
//! `schedule` runs it by the clock.

mod accounts;
pub mod compare;
mod finding;
mod grants;
mod groups;
mod lease;
mod repair;
mod run;
mod schedule;
mod store;
mod unlinked;

pub use finding::{Drift, Finding, Granted, Kind, Match, Member, Unlinked};
pub use lease::Counts;
pub use run::{BULK_ABOVE, Error, Reconcile, Report, Standing, Task};
pub use schedule::{Rhythm, due, run as keep_reconciling};
