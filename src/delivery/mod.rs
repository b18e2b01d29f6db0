//! Delivery: brings Salesforce to what the shadow asks for. Level-triggered: a delivery says "this resource is not yet
//! what was asked", never "repeat this request", so repeats coalesce and a retry is a fresh plan.

pub mod outbox;
mod overview;
mod plan;
mod schedule;
mod signal;
mod state;

pub use overview::Overview;
pub use schedule::Schedule;
pub use signal::Signals;
pub use state::State;
