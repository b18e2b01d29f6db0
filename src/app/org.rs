//! A tenant's org, made of its configuration.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use super::Surroundings;
use crate::clock::SharedClock;
use crate::config::{Login, Rest, Tenant};
use crate::delivery::guard::{Guard, Limits};
use crate::delivery::plan::{Ladder, Rung};
use crate::delivery::{Counted, Mark, Org, Remembered};
use crate::entitlement::{Exclusive, Kind};
use crate::salesforce::mapping::Mapping;
use crate::scim::fold::fold;
use crate::{config, delivery, salesforce};

/// How long a connection to Salesforce may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

fn quota(quota: &crate::config::Quota) -> salesforce::Quota {
    let crate::config::Quota { slow_at, hold_at, reserve, concurrency } = *quota;
    salesforce::Quota { slow_at, hold_at, reserve, concurrency }
}

/// The client of a tenant's org. No call outlives half of `lease`.
fn client(name: &str, tenant: &Tenant, lease: Duration, clock: SharedClock) -> Result<salesforce::Client> {
    let login =
        tenant.salesforce.login().map_err(|key| anyhow::anyhow!("tenant.{name}.salesforce.{key} is missing"))?;
    let flow = match login {
        Login::ClientCredentials { client_id, client_secret } => {
            salesforce::Flow::ClientCredentials { client_id, client_secret }
        }
        Login::JwtBearer { client_id, username, private_key, audience } => {
            salesforce::Flow::JwtBearer { client_id, username, private_key_pem: private_key, audience }
        }
        Login::RefreshToken { client_id, client_secret, refresh_token } => {
            salesforce::Flow::RefreshToken { client_id, client_secret, refresh_token }
        }
    };
    let mut settings = salesforce::Settings::new(name, tenant.salesforce.url.clone(), flow);
    settings.rest = tenant.salesforce.rest == Rest::WhenNeeded;
    settings.api_version.clone_from(&tenant.salesforce.api_version);
    settings.quota = quota(&tenant.salesforce.quota);
    // A call that outlived the lease would run beside the next worker's.
    settings.call_timeout = settings.call_timeout.min(lease / 2);
    let http = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        // A token must not follow a redirect to another host.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("scim-bridge/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("the HTTP client could not be made")?;
    Ok(salesforce::Client::new(settings, http, clock))
}

fn mapping(name: &str, tenant: &Tenant) -> Result<Mapping> {
    tenant.mapping(name).map_err(|problems| {
        let told = problems.iter().map(|problem| format!("tenant.{name}.mapping.{} {}", problem.field, problem.words));
        anyhow::anyhow!(told.collect::<Vec<_>>().join("\n"))
    })
}

fn ladder(steps: &[config::Leaving]) -> Ladder {
    Ladder::new(steps.iter().filter_map(|step| match step {
        config::Leaving::Freeze => Some(Rung::Freeze),
        config::Leaving::RemovePermissionSets => Some(Rung::RemovePermissionSets),
        config::Leaving::RemoveGroups => Some(Rung::RemoveGroups),
        // What the wish says by itself.
        config::Leaving::Deactivate => None,
    }))
}

/// Another one for each configuration under which other decisions may fall.
fn mark(tenant: &Tenant) -> Mark {
    let config::Entitlements { exclusive, idp_entitlements, .. } = &tenant.entitlements;
    let honours = *idp_entitlements == config::IdpEntitlements::Honour;
    let scope = exclusive.iter().map(|kind| format!("{kind:?}")).chain(honours.then(|| "pushed".to_owned()));
    let scope = scope.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ");
    let decides = format!("{:?} {:?} {:?}", tenant.entitlements, tenant.extensions, tenant.salesforce.rest);
    Mark { rules: URL_SAFE_NO_PAD.encode(Sha256::digest(decides)), scope }
}

fn guard(guard: &config::Guard) -> Result<Guard> {
    let window = TimeDelta::from_std(guard.window)?;
    let limits = |people: u32, percent: u8| Limits { people: people.into(), percent: percent.into(), window };
    Ok(Guard {
        losses: limits(guard.losses, guard.losses_percent),
        deactivations: limits(guard.deactivations, guard.deactivations_percent),
        removals: limits(guard.removals, guard.removals_percent),
        sensitive: guard.sensitive.entitlements().collect(),
    })
}

/// A tenant's org, as deliveries need it. Calls nobody.
pub fn org(name: &str, tenant: &Tenant, lease: Duration, surroundings: &Surroundings) -> Result<Org> {
    let mirror = tenant.groups.mirrored().with_context(|| format!("tenant.{name}.groups.mirror"))?;
    Ok(Org {
        tenant: name.to_owned(),
        neighbours: Vec::new(),
        client: client(name, tenant, lease, surroundings.clock.clone())?,
        mapping: mapping(name, tenant)?,
        default_profile: tenant.entitlements.default_profile.clone(),
        entitlements: delivery::Entitlements {
            rules: tenant.rules(name).map_err(|problems| anyhow::anyhow!(problems.join("\n")))?,
            honours: tenant.entitlements.idp_entitlements == config::IdpEntitlements::Honour,
            exclusive: Exclusive(tenant.entitlements.exclusive.iter().map(|kind| Kind::from(*kind)).collect()),
            guard: guard(&tenant.guard)?,
            mark: mark(tenant),
        },
        catalogue: delivery::Catalogue::default(),
        mirror,
        nested: match tenant.groups.nested {
            config::Nested::Keep => delivery::Nested::Keep,
            config::Nested::Flatten => delivery::Nested::Flatten,
        },
        create_groups: tenant.groups.create,
        adopt: match tenant.accounts.adopt {
            config::Adopt::Matching => delivery::Adopt::Matching,
            config::Adopt::Never => delivery::Adopt::Never,
            config::Adopt::Ask => delivery::Adopt::Ask,
        },
        means: delivery::plan::Means {
            rest: tenant.salesforce.rest == Rest::WhenNeeded,
            welcome_mail: tenant.accounts.welcome_mail,
            ladder: ladder(&tenant.accounts.on_deactivate),
        },
        protected: tenant.protected.iter().map(|name| fold(name)).collect(),
        remembered: Remembered::default(),
        counted: Counted::default(),
        rights: delivery::Rights::default(),
        turns: delivery::Turns::default(),
    })
}
