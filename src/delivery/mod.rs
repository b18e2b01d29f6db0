//! Delivery: brings Salesforce to what the shadow asks for. Level-triggered: a delivery says "this resource is not yet
//! what was asked", never "repeat this request", so repeats coalesce and a retry is a fresh plan.
//!
//! `outbox` is the queue, `plan` decides (pure), `user` and `group` make the calls that were planned and note what each
//! brought, `worker` is the loop.

mod attempt;
mod catalogue;
mod circuit;
mod group;
pub mod hand;
mod licence;
mod mirror;
mod org;
pub mod outbox;
mod over;
mod overview;
pub mod plan;
pub mod preview;
pub mod replan;
mod schedule;
mod signal;
mod state;
mod user;
mod worker;

pub use catalogue::Catalogue;
pub use org::{Adopt, Entitlements, Org, Pace, Remembered};
pub use over::start_over;
pub use overview::{Calls, Overview};
pub use schedule::Schedule;
pub use signal::Signals;
pub use state::State;
pub use user::{Manager, manager_of, wanted_of_account};
pub use worker::Worker;

pub use crate::shadow::nested::Nested;
