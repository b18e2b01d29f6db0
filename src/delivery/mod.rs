//! Delivery: brings Salesforce to what the shadow asks for. Level-triggered: a delivery says "this resource is not yet
//! what was asked", never "repeat this request", so repeats coalesce and a retry is a fresh plan.
//!
//! `outbox` is the queue, `plan` decides (pure), `user` and `group` make the calls that were planned and note what each
//! brought, `worker` is the loop.

mod attempt;
mod begin;
mod catalogue;
mod circuit;
mod group;
pub mod guard;
pub mod hand;
mod licence;
mod mirror;
mod names;
mod org;
pub mod outbox;
mod over;
mod overview;
pub mod plan;
pub mod preview;
mod refused;
pub mod replan;
mod rights;
mod schedule;
mod signal;
mod state;
mod turns;
mod user;
mod word;
mod worker;

pub use catalogue::{Catalogue, Names};
pub use org::{Adopt, Counted, Entitlements, Mark, Org, Pace, Remembered};
pub use over::start_over;
pub use overview::{Calls, Overview};
pub use rights::Rights;
pub use schedule::Schedule;
pub use signal::Signals;
pub use state::{Refused, State};
pub use turns::Turns;
pub use user::{Due, Entitled, Manager, SINGLES, entitled, is_active, manager_of, wanted_of_account};
pub use word::{Heard, Word, word};
pub use worker::Worker;

pub use crate::shadow::nested::Nested;
