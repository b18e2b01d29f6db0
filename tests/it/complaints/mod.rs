//! What administrators of other connectors complain about, one test for each, named after it: a bridge over a simulated
//! org on which that complaint would show.

mod accounts;
mod fields;
mod rights;
mod troubles;

use scim_bridge::config::{Config, Tenant};

pub(crate) use super::deliveries::{account, all_delivered, calls, creates, seed, set, until, words};

fn tenant(config: &mut Config) -> &mut Tenant {
    config.tenant.get_mut("sandbox").expect("the tenant")
}
